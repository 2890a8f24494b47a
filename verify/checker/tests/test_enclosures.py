"""The numerical kernel against mpmath, and the proofs by subdivision that the docstring of `suprema` refers to."""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from flint import arb, arb_mat, ctx
from mpmath import mp as _mp

from verify.checker import enclosures
from verify.checker.enclosures import activation, norm, psd_norm, real, root, smallest_eigenvalue, suprema

mp: Any = _mp  # untyped
mpf = mp.mpf
NAMES = ["identity", "tanh", "sigmoid", "softplus", "silu", "sine", "erf", "gelu", "gelu_tanh", "celu", "softsign"]
GIVEN = {"softplus": 1.7, "celu": 0.6}


def _arb(x: Any) -> arb:
    """A ball of relative width 2^-180 about an mpmath number of 60 digits."""
    with mp.workdps(60):
        man, exp = mp.mpf(x).man_exp
        sign = -1 if x < 0 else 1
    return arb(sign * int(abs(man))) * arb(2) ** int(exp) + arb(0, abs(float(x)) * 2.0**-180 + 2.0**-300)


def _reference(name: str, z: Any, beta: Any) -> Any:

    def p(t: Any) -> Any:
        return 1 / (1 + mp.exp(-t))

    cube = mp.sqrt(2 / mp.pi) * (z + mpf("0.044715") * z**3)
    return {
        "identity": lambda: z,
        "tanh": lambda: mp.tanh(z),
        "sigmoid": lambda: p(z),
        "silu": lambda: z * p(z),
        "softplus": lambda: mp.log(1 + mp.exp(beta * z)) / beta,
        "sine": lambda: mp.sin(z),
        "gelu": lambda: z * mp.ncdf(z),
        "gelu_tanh": lambda: z * (1 + mp.tanh(cube)) / 2,
        "erf": lambda: mp.erf(z),
        "celu": lambda: z if z > 0 else beta * mp.expm1(z / beta),
        "softsign": lambda: z / (1 + abs(z)),
    }[name]()


@pytest.mark.parametrize("name", NAMES)
def test_activation_values_and_slopes(name: str) -> None:
    with mp.workdps(60), ctx.workprec(128):
        for z in (-7.5, -1.25, -0.3, 0.0, 0.7, 2.0, 9.0):
            beta = GIVEN.get(name)
            value, slope = activation(name, None if beta is None else arb(beta), arb(z))
            f = functools.partial(_reference, name, beta=beta)
            assert value.overlaps(_arb(f(mpf(z))))
            assert value.rad() < 1e-30
            with mp.workdps(120):
                step = mpf(10) ** -30
                difference = (f(mpf(z) + step) - f(mpf(z) - step)) / (2 * step)
            assert abs(slope - _arb(difference)) < 1e-50 + 1e-29


@pytest.mark.parametrize("name", ["celu", "softsign", "hardtanh", "relu6"])
def test_a_ball_over_a_jump_holds_both_sides(name: str) -> None:
    """Of σ' at a kink, of σ'' at 0; values and slopes of every number in the ball, and little more."""
    beta = arb(GIVEN["celu"])
    for z in (arb(0, 0.25), arb(0), arb(0.125, 0.25), arb(-0.125, 0.25), arb(1, 0.5), arb(6, 0.5), arb(-1, 0.25)):
        value, slope = activation(name, beta, z)
        for share in range(-8, 9):
            inside = z.mid() + z.rad() * share / 8
            exact, steep = activation(name, beta, inside)
            assert value.contains(exact.mid())
            assert slope.contains(steep.mid())
        assert value.rad() <= z.rad() * 1.5
    if name in ("hardtanh", "relu6"):
        low, high = (-1, 1) if name == "hardtanh" else (0, 6)
        assert [float(activation(name, None, arb(at))[1]) for at in (low, high, low - 1, high + 1, high - 0.5)] == [
            0,
            0,
            0,
            0,
            1,
        ]
        assert not suprema(name, None)[1].is_finite()
    else:
        # The least Lipschitz constant of σ': attained by difference quotients next to 0, exceeded by none.
        bend, points = suprema(name, beta)[1], [arb(i) / 256 for i in range(-1024, 1025)]
        slopes = [activation(name, beta, at)[1] for at in points]
        steepest = max(float(abs(b - a).lower()) * 256 for a, b in itertools.pairwise(slopes))
        assert 0.98 * float(bend) < steepest <= float(bend)


def _second(name: str, z: arb) -> arb:
    """σ'' over an interval, by its own formula."""
    if name == "silu":
        p = 1 / (1 + (-z).exp())
        return p * (1 - p) * (2 - z * (z / 2).tanh())
    if name == "gelu":
        return (-z * z / 2).exp() / (2 * arb.pi()).sqrt() * (2 - z * z)
    c, a = (2 / arb.pi()).sqrt(), arb(44715) / 1000000
    t = (c * (z + a * z**3)).tanh()
    return c * (1 - t * t) * (1 + 6 * a * z * z - c * z * (1 + 3 * a * z * z) ** 2 * t)


def _below(f: Callable[[arb], arb], low: Fraction, high: Fraction, bound: arb, depth: int = 0) -> bool:
    """Whether f ≤ bound on [low, high], by bisection."""
    if f(real(low).union(real(high))) <= bound:
        return True
    if depth == 24:
        return False
    middle = (low + high) / 2
    return _below(f, low, middle, bound, depth + 1) and _below(f, middle, high, bound, depth + 1)


@pytest.mark.parametrize("name", ["silu", "gelu", "gelu_tanh"])
def test_suprema_of_the_smooth_rectifiers(name: str) -> None:
    """|σ''| ≤ its claimed supremum and σ' ≤ its own, proved on [−12, 12] (0 and the extremum up to 10^-6); attained."""
    with ctx.workprec(96):
        slope, bend = suprema(name, None)
        assert _below(lambda z: -_second(name, z), Fraction(0), Fraction(12), bend * 0.9)
        assert _below(lambda z: _second(name, z), Fraction(1, 64), Fraction(12), bend * (1 - 1e-6))
        assert _below(lambda z: _second(name, z), Fraction(0), Fraction(1, 64), bend * (1 + 1e-6))
        # σ'' is even: the negative half line needs no second look.
        assert _second(name, arb(1.375) + arb(0, 0.25)).overlaps(_second(name, -arb(1.375) + arb(0, 0.25)))
        assert _second(name, arb(0)).overlaps(bend)
        assert _below(lambda z: activation(name, None, z)[1], Fraction(-12), Fraction(12), slope * (1 + 1e-4))
        assert slope.rad() < 1e-18
        with mp.workdps(40):
            # The largest slope is where the second derivative vanishes.
            best = mp.findroot(
                lambda z: mp.diff(lambda t: _reference(name, t, None), z, 2), 1.5 if name != "silu" else 2.4
            )
            peak = mp.diff(lambda t: _reference(name, t, None), best)
        assert abs(slope - arb(float(peak))) < 1e-12


@pytest.mark.parametrize("name", ["silu", "gelu_tanh", "gelu"])
def test_suprema_are_as_sharp_as_the_precision_asks_for(name: str) -> None:
    """The radius was 5e-25 at every precision: a certificate undecided at 128 bits stayed so at 1024."""
    for bits in (64, 128, 256, 1024):
        with ctx.workprec(bits):
            slope, _ = suprema(name, None)
        assert slope.rad() < arb(2) ** (24 - bits)
        with ctx.workprec(2 * bits):
            assert slope.overlaps(suprema(name, None)[0])


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("tanh", lambda z: abs(mp.diff(mp.tanh, z, 2))),
        ("sigmoid", lambda z: abs(mp.diff(lambda t: 1 / (1 + mp.exp(-t)), z, 2))),
        ("sine", lambda z: abs(mp.sin(z))),
        ("erf", lambda z: abs(mp.diff(mp.erf, z, 2))),
    ],
)
def test_suprema_of_the_others_are_attained_and_not_exceeded(name: str, second: Callable[[Any], Any]) -> None:
    slope, bend = suprema(name, None)
    with mp.workdps(30):
        seen = [second(mpf(i) / 200) for i in range(-1200, 1200)]
    assert float(max(seen)) <= float(bend.mid()) * (1 + 1e-12)
    assert float(max(seen)) >= float(bend.mid()) * (1 - 1e-4)
    at_zero = activation(name, None, arb(0))[1]
    assert slope.overlaps(at_zero)
    assert suprema("softplus", arb(3))[1].overlaps(arb(3) / 4)
    assert suprema("softplus", arb(3))[0] == 1
    assert [float(v.mid()) for v in suprema("identity", None)] == [1.0, 0.0]


def test_unknown_activations() -> None:
    with pytest.raises(KeyError):
        activation("hardswish", None, arb(1))
    with pytest.raises(KeyError):
        suprema("hardswish", None)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (5, 1), (2, 2), (3, 7), (9, 4), (12, 12)])
def test_norm_contains_the_truth_tightly(rows: int, columns: int) -> None:
    rng = random.Random(rows * 31 + columns)
    for scale in (1.0, 1e-200, 1e150):
        values = [rng.gauss(0.0, 1.0) * scale for _ in range(rows * columns)]
        with mp.workdps(90):
            M = mp.matrix(rows, columns)
            for i, v in enumerate(values):
                M[i // columns, i % columns] = mpf(v)
            gram = M * M.T if rows <= columns else M.T * M
            truth = mp.sqrt(max(mp.eigsy(gram, eigvals_only=True)))
        for bits in (64, 128, 256):
            with ctx.workprec(bits):
                found = norm(arb_mat(rows, columns, values))
            with ctx.workprec(192):
                assert found.overlaps(_arb(truth))
                assert found.rad() / found.mid() < 2.0 ** (-bits // 2 + 6)


def test_norm_of_balls_covers_every_member() -> None:
    with ctx.workprec(128):
        wide = arb_mat(2, 2, [arb(1, 0.125), arb(0, 0.125), arb(0, 0.125), arb(1, 0.125)])
        found = norm(wide)
        assert found.contains(norm(arb_mat(2, 2, [1.125, 0.125, 0.125, 1.125])))
        assert found.contains(norm(arb_mat(2, 2, [0.875, 0, 0, 0.875])))


@pytest.mark.parametrize("spread", [1.0, 1e-6, 1e-12])
def test_smallest_eigenvalue(spread: float) -> None:
    rng = random.Random(5)
    values = [rng.gauss(0.0, 1.0) * (spread if i < 6 else 1.0) for i in range(30)]
    with mp.workdps(60):
        M = mp.matrix(5, 6)
        for i, v in enumerate(values):
            M[i // 6, i % 6] = mpf(v)
        truth = min(mp.eigsy(M * M.T, eigvals_only=True))
    with ctx.workprec(192):
        A = arb_mat(5, 6, values)
        found = smallest_eigenvalue(A * A.transpose())
        assert found.overlaps(_arb(truth))
        assert found.rad() < 1e-25


def _random(size: int, seed: int) -> tuple[Any, list[Any]]:
    """A random positive definite matrix and its eigenvalues."""
    rng = random.Random(seed)
    values = [rng.gauss(0.0, 1.0) for _ in range(size * (size + 1))]
    with mp.workdps(60):
        M = mp.matrix(size, size + 1)
        for i, v in enumerate(values):
            M[i // (size + 1), i % (size + 1)] = mpf(v)
        truth = sorted(mp.eigsy(M * M.T, eigvals_only=True))
    A = arb_mat(size, size + 1, values)
    return A * A.transpose(), truth


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8])
def test_positive_definite_up_to_the_smallest_eigenvalue(size: int) -> None:
    with ctx.workprec(192):
        A, truth = _random(size, size)
        low = _arb(truth[0])
        assert enclosures._positive(A - (low - 1e-12))
        assert not enclosures._positive(A - (low + 1e-12))
        for value in truth[1:]:  # further negative eigenvalues do not cancel
            assert not enclosures._positive(A - (_arb(value) + 1e-12))


def test_what_is_not_certainly_positive_definite() -> None:
    nothing, unit = arb(0), arb(0, 1)
    no: list[list[Any]] = [
        [0, 1, 1, 0],
        [1, 1, 1, 1],
        [-1, 0, 0, 1],
        [1, 0, 0, -1],
        [arb(1, 1), 0, 0, 1],
        [1, unit, unit, 1],
        [arb("nan"), 0, 0, 1],
    ]
    with ctx.workprec(128):
        for entries in no:
            assert not enclosures._positive(arb_mat(2, 2, entries))
        assert enclosures._positive(arb_mat(2, 2, [1, arb(0, 0.99), arb(0, 0.99), 1]))
        assert not enclosures._positive(arb_mat(1, 1, [nothing]))


@pytest.mark.parametrize("guess", [0.0, 1.0, 0.999, 0.9, 1.001, 2.0, -1.0, 1e300, -1e300, 5e-324])
def test_a_guess_changes_nothing(guess: float) -> None:
    """Nor does one that is next to another eigenvalue, or exactly one."""
    with ctx.workprec(128):
        A, truth = _random(7, 11)
        for scale in (truth[0], truth[3], truth[-1]):
            found = smallest_eigenvalue(A, guess * float(scale))
            assert found.overlaps(_arb(truth[0]))
            assert found.rad() < 1e-20
        assert abs(smallest_eigenvalue(arb_mat(3, 3, [2, 0, 0, 0, 2, 0, 0, 0, 3]), 2.0) - 2) < 1e-18


@pytest.mark.parametrize("bits", [128, 1024])
def test_radii_of_norms_hide_no_small_eigenvalue(bits: int) -> None:
    """Found by the soak: a neuron budget, weighted with shares that come from norms, beside two near-duplicates. Its radii are those of the norms."""
    with ctx.workprec(bits):
        v = arb_mat(4, 1, [1, 2, -3, 5])
        turn = arb_mat(4, 4, [int(i == j) for i in range(4) for j in range(4)]) - v * v.transpose() * (arb(2) / 39)
        spectrum = arb_mat(4, 4)
        for i, value in enumerate((4.3775e-10, 4.0225e-8, 5.15e-7, 8.27)):
            spectrum[i, i] = value
        blur = arb_mat(4, 4, [arb(0, arb(2) ** (-5 * bits // 8))] * 16)
        found = smallest_eigenvalue(turn * spectrum * turn + blur, 4.3767e-10)
        assert found.contains(arb(4.3775e-10))
        assert found.rad() < arb(2) ** (5 - 5 * bits // 8)


def test_a_good_guess_saves_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """With it the first power is enough; without, several are needed; and each is tried only when its vector has settled."""
    calls: list[int] = []
    original = enclosures._positive

    def counted(matrix: Any) -> bool:
        calls.append(matrix.nrows())
        return original(matrix)

    monkeypatch.setattr(enclosures, "_positive", counted)
    with ctx.workprec(128):
        A, truth = _random(12, 3)
        smallest_eigenvalue(A, float(truth[0]) * (1 - 1e-9))
        assert calls.count(12) == 1
        calls.clear()
        assert psd_norm(A).overlaps(_arb(truth[-1]))
        assert calls.count(12) == 1


def test_the_top_eigenvector_may_hide_from_the_largest_diagonal_entry() -> None:
    with ctx.workprec(128):
        found = psd_norm(arb_mat(3, 3, [1, real(Fraction(9, 10)), 0, real(Fraction(9, 10)), 1, 0, 0, 0, 1.5]))
        assert abs(found - real(Fraction(19, 10))) < 1e-20
        assert norm(arb_mat(2, 2, [0, 1, 1, 0])).overlaps(arb(1))
        assert norm(arb_mat(2, 2, [0, 1, 1, 0])).rad() < 1e-20


def test_eigenvalues_of_balls_cover_every_member() -> None:
    with ctx.workprec(128):
        off = arb(0, 0.125)
        wide = arb_mat(2, 2, [arb(2, 0.125), off, off, arb(1, 0.125)])
        for a, b, c in ((1.875, 0.125, 0.875), (2.125, 0.125, 1.125), (2.125, -0.125, 0.875)):
            member = arb_mat(2, 2, [a, b, b, c])
            assert smallest_eigenvalue(wide).contains(smallest_eigenvalue(member).mid())
            assert psd_norm(wide).contains(psd_norm(member).mid())
        assert psd_norm(wide).rad() < 0.5


def test_degenerate_matrices() -> None:
    with ctx.workprec(128):
        assert norm(arb_mat(3, 3, [0] * 9)).contains(arb(0))
        assert norm(arb_mat(3, 3, [0] * 9)) < 1e-30
        assert smallest_eigenvalue(arb_mat(3, 3, [1] * 9)).contains(arb(0))
        assert smallest_eigenvalue(arb_mat(3, 3, [0] * 9)) == 0
        assert smallest_eigenvalue(arb_mat(1, 1, [7])) == 7
        assert norm(arb_mat(1, 2, [3, 4])) == 5
        for poison in (arb("nan"), arb(0, arb("inf"))):
            assert not norm(arb_mat(2, 2, [poison, 0, 0, 1])) < 1e300
            assert not smallest_eigenvalue(arb_mat(2, 2, [poison, 0, 0, 1])) > -1e300


def test_root_is_never_too_small() -> None:
    assert root(arb(4)) == 2
    assert root(arb(0, 4)).contains(arb(2))
    assert root(arb(0, 4)).contains(arb(0))
    assert root(arb(1, 3)).contains(arb(2))
    for nothing in (arb("nan"), arb(-1)):
        assert not root(nothing) < 1e300
        assert not root(nothing) > -1e300


def test_columns_of_different_length_do_not_pair() -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(enclosures.zips([1, 2], [1]))


@pytest.mark.parametrize("name", ["silu", "gelu_tanh"])
@pytest.mark.parametrize("bits", [128, 256, 512, 1024])
def test_suprema_are_as_narrow_as_the_precision_allows(name: str, bits: int) -> None:
    """An enclosure of fixed width leaves a bound undecided at every precision."""
    with ctx.workprec(bits):
        top = suprema(name, arb(0))[0]
        assert top.rad() < arb(2) ** (20 - bits)
    with ctx.workprec(2048):
        assert top.overlaps(suprema(name, arb(0))[0])
