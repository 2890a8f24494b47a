"""Claim lookahead_everywhere: interpolating between two good points can be worse than both, at small steps too."""

from __future__ import annotations

from typing import Any

from proofs.claim import Claim, Counterexample, Fact

STEPS, SLOWNESS = 300, 65  # τ and 1/η


def _square(residual: tuple[Any, Any]) -> Any:
    return residual[0] * residual[0] + residual[1] * residual[1]


def _curved_valley() -> list[Fact]:
    # F = (3(b − a²), a), y = (0, 1): det J = −3, the valley b = a² is curved. On Q = [−1, 1] × [0, 1]: ‖J‖² ≤ 36 + 9 + 1, |e_1|‖∇²F_1‖ ≤ 3·6.
    import flint

    def residual(a: Any, b: Any) -> tuple[Any, Any]:
        return 3 * (b - a * a), a - 1

    with flint.ctx.workprec(640):
        a = start = flint.arb(-1)
        b, inside = flint.arb(1), True
        for _ in range(STEPS):
            first, second = residual(a, b)
            a, b = a - (second - 6 * a * first) / SLOWNESS, b - 3 * first / SLOWNESS
            inside &= bool(-1 <= a and a <= 1 and 0 <= b and b <= 1)
        before, after, middle = (
            _square(residual(*point)) for point in ((start, flint.arb(1)), (a, b), ((a - 1) / 2, (b + 1) / 2))
        )
        return [
            Fact("‖∇²Φ‖ ≤ 64 on [−1, 1] × [0, 1], and η = 1/65 < 1/64", 36 + 9 + 1 + 3 * 6 <= 64 < SLOWNESS),
            Fact("every iterate lies there (Arb), and so does the chord", inside),
            Fact("‖e‖² falls from 4 to below 1/2", bool(before == 4 and 2 * after < 1)),
            Fact("at the midpoint of the chord ‖e‖² > 5", bool(middle > 5)),
        ]


CLAIM = Claim(
    id="lookahead_everywhere",
    title="interpolation never raises a loss that descent lowers",
    statement="If gradient descent with a step below 1/β lowers the loss from z to T^τz, so does every interpolation (1 − λ)z + λT^τz, 0 < λ < 1.",
    source="our formulation of a reading of arXiv:2310.13459",
    refutation=Counterexample(
        "F = (3(b − a²), a), y = (0, 1), z = (−1, 1), η = 1/65, τ = 300, λ = ½: descent follows a curved valley, the chord does not",
        _curved_valley,
    ),
    repaired_by=("lookahead_lplr",),
    remarks="For τ = 1 and a step below 2/β it is true: the interpolation is a shorter step.",
)
