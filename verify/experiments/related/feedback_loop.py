"""A neural feedback loop (related to arXiv:2505.22889): an unstable positive system that a tanh network stabilises, and how far from 0.

x⁺ = Ax + bφ(cᵀx), φ(y) = Σ_r v_r tanh(w_ry) with w_r ≥ 0. tanh(wy)/y falls from w as |y| grows, so on {|y| ≤ r} the gain φ(y)/y lies in the sector
[s_1, s_2]: sums of v_rw_r or v_rtanh(w_rr)/r, the former where v_r < 0 (for s_1) or v_r > 0 (for s_2). Claim lure_positive: if b, c ≥ 0, A + s_1bcᵀ ≥ 0
entrywise, (A + s_2bcᵀ)q ≤ ρq with ρ < 1, q > 0, and r ≥ cᵀq, then |x_k| ≤ ρ^kq from every |x_0| ≤ q. q is guessed in float64 and then checked.

Sharpness. M(r) = A + (φ(r)/r)bcᵀ has spectral radius < 1 at the certified r. If M(r̄)q̄ ≥ q̄ for some r̄ > r, q̄ > 0, its spectral radius is at least 1 there
(Collatz–Wielandt), so it is 1 at some r* ∈ (r, r̄]: its nonnegative eigenvector x with cᵀx = r* (where cᵀx ≠ 0) is an equilibrium of the loop, f(x) = x, and no
region that holds it is one of convergence to 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from verify.arrays import Ball, matmul, tanh, where
from verify.certificates import Step
from verify.decimals import at_least
from verify.experiments.related.demonstration import Demonstration, factor, least, most
from verify.regions.neighbourhood.ingredients import lower, upper

__all__ = ["Loop", "demonstrate", "example", "run"]

_FARTHEST = 1e3


@dataclass(frozen=True)
class Loop:
    """x⁺ = Ax + bΣ_r v_r tanh(w_r cᵀx); all entries exact doubles.

    Attributes:
        A: (n, n). b, c: (n,). w, v: (m,); w of either sign.
    """

    A: Float[np.ndarray, "n n"]
    b: Float[np.ndarray, " n"]
    c: Float[np.ndarray, " n"]
    w: Float[np.ndarray, " m"]
    v: Float[np.ndarray, " m"]

    def sector(self, r: float) -> tuple[Ball, Ball, Ball]:
        """Enclose s_1, s_2 on {|y| ≤ r}, and φ(r)/r."""
        slope = Ball(np.abs(self.w))
        chord = tanh(slope * Ball(r)) / Ball(r)
        v = self.v * np.where(self.w < 0.0, -1.0, 1.0)
        low, high = where(v < 0.0, slope, chord), where(v > 0.0, slope, chord)
        return (low * v).sum(), (high * v).sum(), (chord * v).sum()

    def closed(self, gain: Ball) -> Ball:
        """A + gain·bcᵀ; exact where b_ic_j = 0."""
        moved = Ball(self.A) + gain * (Ball(self.b[:, None]) * self.c[None, :])
        return where((self.b[:, None] != 0.0) & (self.c[None, :] != 0.0), moved, self.A)

    def perron(self, r: float, which: int) -> tuple[float, np.ndarray]:
        """Guess the spectral radius of A + s·bcᵀ, s entry `which` of the sector at r, and its eigenvector."""
        return _perron(self.closed(self.sector(r)[which]).mid)

    def threshold(self, which: int) -> float | None:
        """Guess, by bisection, the r at which that spectral radius passes 1; None where it does not below 10³."""
        low, high = 1.0 / _FARTHEST, _FARTHEST
        if not self.perron(low, which)[0] < 1.0 <= self.perron(high, which)[0]:
            return None
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if self.perron(middle, which)[0] < 1.0 else (low, middle)
        return low


def example(neurons: int = 8, seed: int = 0) -> Loop:
    """Return three states with spectral radius 1.1, damped through the first by random tanh neurons of gain about −0.36."""
    rng = np.random.default_rng(seed)
    w, v = np.abs(rng.normal(size=neurons)) * 1.2, -np.abs(rng.normal(size=neurons)) * 0.07
    A = np.array([[0.75, 0.5, 0.0], [0.25, 0.5, 0.375], [0.125, 0.25, 0.5]])
    first = np.array([1.0, 0.0, 0.0])
    return Loop(A, first, first, np.round(w * 64) / 64, np.round(v * 256) / 256)


def run(neurons: int = 8, seed: int = 0, *, slack: float = 1e-3) -> Demonstration:
    """Certify :func:`example`; arguments as there and for :func:`demonstrate`."""
    return demonstrate(example(neurons, seed), slack=slack)


def demonstrate(loop: Loop, *, slack: float = 1e-3) -> Demonstration:
    """Check claim lure_positive on a box, `slack` smaller than the largest guessed, and that hardly a larger one exists.

    Args:
        loop: with b, c ≥ 0. slack: relative, in (0, 1).
    """
    reach = (loop.threshold(1) or _FARTHEST) * (1.0 - slack)
    _, direction = loop.perron(reach, 1)
    q = direction * (reach / max(float(loop.c @ direction), np.finfo(float).tiny))
    r = upper(matmul(loop.c[None, :], q[:, None])[0, 0])
    s_1, s_2, _ = loop.sector(r)
    rho = _ratios(loop.closed(s_2), q).upper().max()
    claim = "lure_positive"
    steps = [
        Step(
            "input and output weights are nonnegative",
            claim,
            Ball(min(loop.b.min(), loop.c.min())),
            ">=",
            Ball(0),
            "b, c ≥ 0",
        ),
        Step("the box has an interior", claim, Ball(q.min()), ">", Ball(0), "q > 0"),
        Step(
            "every gain leaves the loop positive",
            claim,
            Ball(loop.closed(s_1).lower().min()),
            ">=",
            Ball(0),
            "A + s_1bcᵀ ≥ 0",
        ),
        Step("the upper gain contracts", claim, Ball(rho), "<", Ball(1), "(A + s_2bcᵀ)q ≤ ρq, ρ < 1"),
    ]
    quantities = {
        "r": Ball(r),
        "rho": Ball(rho),
        "s_1": s_1,
        "s_2": s_2,
        **{f"q_{i + 1}": Ball(value) for i, value in enumerate(q)},
    }
    quantities["open_loop"] = Ball(_ratios(Ball(loop.A), _perron(loop.A)[1]).lower().min())
    beyond = loop.threshold(2)
    if beyond is not None:
        r_bar = beyond * (1.0 + 2.0**-30)
        ratios = _ratios(loop.closed(loop.sector(r_bar)[2]), loop.perron(r_bar, 2)[1])
        steps.append(
            Step("an equilibrium lies hardly farther", claim, Ball(ratios.lower().min()), ">=", Ball(1), "M(r̄)q̄ ≥ q̄")
        )
        quantities |= {"r_bar": Ball(r_bar), "sharpness": Ball(r_bar) / r}
    return Demonstration(
        system=f"feedback loop, {len(loop.A)} states, {len(loop.w)} tanh neurons",
        paper="2505.22889",
        claims=(claim, "lure_box"),
        steps=tuple(steps),
        quantities=quantities,
        says=_says,
        limits="continuous time and the paper's linear matrix inequalities; loops that are not positive",
    )


def _perron(matrix: np.ndarray) -> tuple[float, np.ndarray]:
    values, vectors = np.linalg.eig(matrix)
    first = int(np.argmax(values.real))
    return float(values[first].real), np.abs(vectors[:, first].real)


def _ratios(matrix: Ball, q: np.ndarray) -> Ball:
    """Enclose (Mq)_i/q_i; for M ≥ 0 and q > 0 the spectral radius lies between the least and the largest (Collatz–Wielandt)."""
    image = matmul(matrix, q[:, None])[:, 0]
    return image / Ball(q) if q.min() > 0.0 else Ball(np.zeros(len(q)), np.inf)


def _says(q: Mapping[str, Ball]) -> str:
    box = ", ".join(at_least(lower(value)) for name, value in q.items() if name.startswith("q_"))
    sharp = f"; an equilibrium lies within {most(q, 'sharpness', 5)} times that size" if "sharpness" in q else ""
    return (
        f"without feedback the spectral radius is at least {least(q, 'open_loop')}; with it every start with |x| ≤ ({box}) converges to 0,"
        f" |x_k| ≤ {factor(q, 'rho')}^k·q (region r = {least(q, 'r')}){sharp}"
    )
