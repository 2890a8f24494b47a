"""Descent from an initialisation, followed in integers as ``Descent.v`` follows it: the numbers with which that checker accepts it.

Nothing computed here is trusted: a wrong number makes ``accepted_trail`` false. Every point of the trail is computed from the one before it by
integer arithmetic, so that only bounds are passed to Coq; the trail ends at the first point found about which a basin holds the distance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from proofs.coq_integers import ONE, round_up, tanh_integers
from verify.errors import InputError, NotCertainError
from verify.formal.problem import FormalProblem
from verify.formal.rounding import Rounding
from verify.formal.witness import FormalWitness, ell_for, find_witness, input_bounds, roundings

__all__ = ["Bounds", "Steps", "Trail", "find_trail"]

_TWO40 = 1 << 40
_BITS = 30  # of weights and inputs behind the point
_LIMIT = 16 * ONE
_CURVE = 1 << 20  # unit of the curvature
_THIRD = Fraction(231, 200)
_SHARE = 0.8  # of what a ball can pay for


@dataclass(frozen=True)
class Bounds:
    """The record ``bounds`` of ``Descent.v``: of |J|, the curvature (in units of 2^-20), the linearised step, the computed step; the distance after it."""

    jac: Fraction
    neg: int
    pos: int
    gain: Fraction
    err: Fraction
    next: Fraction


@dataclass(frozen=True)
class Trail:
    """The record ``trail`` of ``Descent.v``, where descent starts, and the basin that takes it over.

    Attributes:
        start: the problem with the certificate's own doubles. centre: the same with the parameters after the steps, and the distance ρ
            of true descent from them. basin: its numbers.
    """

    start: FormalProblem
    centre: FormalProblem
    basin: FormalWitness
    x_bits: int
    gain40: int
    inner_most: int
    outer_sum: int
    outer_most: int
    outer_bound: Fraction
    root_n: Fraction
    root_p: Fraction
    ell: Fraction
    lip: Fraction
    first: Fraction
    steps: list[Bounds]

    @property
    def radius(self) -> Fraction:
        """Of the ball that descent does not leave after the steps."""
        return self.basin.radius

    @property
    def rate(self) -> Fraction:
        """At which the loss falls there."""
        return self.basin.rate

    @property
    def mu(self) -> Fraction:
        """The PL constant there."""
        return self.basin.mu


@dataclass(frozen=True)
class _Point:
    """A computed point: output weights (m,), hidden weights (m, d); then hidden values (m, n), residuals (n,), derivatives, weighted, sums."""

    a: np.ndarray
    W: np.ndarray
    H: np.ndarray
    E: np.ndarray
    D: np.ndarray
    P: np.ndarray
    O: np.ndarray  # noqa: E741


class Steps:
    """The integers of ``Descent.v`` for one problem; names as there."""

    def __init__(self, c: FormalProblem) -> None:
        """Round the inputs of `c`, from whose parameters descent starts."""
        self.c, self.n, self.d, self.m = c, len(c.inputs), c.dim, len(c.inners)
        self.r1, self.r2 = (round(_TWO40 / math.sqrt(q)) for q in (c.hidden_scale, c.output_scale))
        self.gain = c.lr * c.loss_scale
        self.gain40 = round(float(self.gain) * _TWO40 / math.sqrt(c.output_scale))
        self.X = (c.inputs * self.r1) >> (40 + c.input_bits - _BITS)
        self.x_most = int(abs(self.X).max()) + 2
        self.y = (c.targets * ONE) >> c.target_bits

    def points(self) -> Iterator[_Point]:
        """Every computed point, from the initialisation with its bits dropped."""
        dropped = self.c.weight_bits - _BITS
        a, W = self.c.outers[0] >> dropped, self.c.inners >> dropped
        while True:
            pre = W.dot(self.X.T) >> (2 * _BITS - 28)
            if abs(pre).max() >= _LIMIT:
                raise NotCertainError("a pre-activation on the way is not below 16 in absolute value")
            H = tanh_integers(pre.astype(np.int64)).astype(object)
            E = ((self.r2 * a.dot(H)) >> (40 + _BITS)) - self.y
            D = ONE - ((H * H) >> 28)
            P = (E * D) >> 28
            O = P.dot(self.X)  # noqa: E741
            yield _Point(a, W, H, E, D, P, O)
            a, W = (
                a - ((self.gain40 * H.dot(E)) >> (96 - _BITS)),
                W - ((self.gain40 * a[:, None] * O) >> (68 + _BITS)),
            )

    def may_be_basin(self, p: _Point) -> bool:
        """Whether about twice the residual is below what a ball about `p` can pay for, ∫(σ − Lρ) = σ²/2L."""
        c = self.c
        X, H, a = self.X.astype(float) / (1 << _BITS), p.H.astype(float) / ONE, p.a.astype(float) / (1 << _BITS)
        S = (p.D.astype(float) / ONE) * a[:, None]
        gram = X @ X.T
        spectrum = np.linalg.eigvalsh((H.T @ H + gram * (S.T @ S)) / c.output_scale)
        lip = math.sqrt(np.linalg.eigvalsh(gram)[-1] / c.output_scale)
        return bool(2 * np.linalg.norm(p.E.astype(float) / ONE) < _SHARE * spectrum[0] / (2 * lip))


class _Distances:
    """Bounds of the distance along the points of a trail, exact as ``Descent.v`` decides them."""

    def __init__(self, s: Steps, z: Rounding, trail: list[_Point]) -> None:
        self.s, c = s, z.c
        _, self.in_norm, _, in_twice, self.scale2 = input_bounds(z)
        self.inner_most = max(int(abs(p.W).sum(axis=1).max()) for p in trail)
        self.outer_sum = max(int(abs(p.a).sum()) for p in trail)
        self.outer_most = max(int(abs(p.a).max()) for p in trail)
        self.outer_bound = Fraction(self.outer_most, 1 << _BITS)
        self.e_act = ((2 * self.inner_most) >> (2 * _BITS - 28)) + 18
        self.e_der = 2 * self.e_act + 2
        self.e_res = (((s.r2 + 1) * self.outer_sum * self.e_act) >> (40 + _BITS)) + 4
        self.root_n = round_up(Fraction(s.n), root=True)
        self.root_p = round_up(Fraction(s.m * (1 + s.d)), root=True)
        self.ell = ell_for(c, self.outer_bound, in_twice)
        self.lip = round_up(self.scale2 * self.in_norm * self.ell)
        self.off_residual = self.root_n * Fraction(self.e_res, ONE)
        self.first = round_up(self.root_p / (1 << _BITS), bits=50)
        squares = abs(z.XX) + z.e_gram
        self.G = (256 * squares * squares) // z.qx**2 + 1

    def step(self, p: _Point, eps: Fraction) -> Bounds:
        """The bounds of the step from `p`."""
        s, gain = self.s, self.s.gain
        c = s.c
        total, most = int(abs(p.E).sum()), int(abs(p.E).max())
        hidden = int((ONE - p.D + self.e_der).sum())
        steep = ((abs(p.a)[:, None] * (p.D + self.e_der)) >> (_BITS + 12)) + 1
        squared = hidden * (1 << 32) + self.in_norm**2 * int((steep * steep).sum(axis=0).max()) * ONE
        jac = round_up(squared / (c.output_scale * ONE << 32), root=True, bits=24)
        e_weighted = ((total * self.e_der) >> 28) + 1 + s.n
        e_pull = e_weighted * s.x_most + 2 * (total + e_weighted)
        e_outer = (((s.gain40 + 1) * total * self.e_act + total * 2 * ONE) >> (96 - _BITS)) + 2
        inner = self.outer_most * ((s.gain40 + 1) * e_pull + total * s.x_most + e_pull)
        err = round_up(self.root_p * max(e_outer, (inner >> (68 + _BITS)) + 2) / (1 << _BITS), bits=50)
        neg, pos = self._blocks(p, e_pull)
        grown = round_up(max(1 + gain * Fraction(neg, _CURVE), gain * (jac**2 + Fraction(pos, _CURVE)) - 1), bits=40)
        third = self.scale2 * Fraction(most, ONE) * self.in_norm**2 * (_THIRD + self.outer_bound * self.in_norm)
        second = (Fraction(3, 2) * jac * self.lip + third + self.lip**2 * eps / 2) * eps**2
        moved = grown * eps + gain * (second + (self.lip * eps + jac) * self.off_residual) + err
        return Bounds(jac, neg, pos, grown, err, round_up(moved, bits=50))

    def _blocks(self, p: _Point, e_pull: int) -> tuple[int, int]:
        """Bounds of the curvature from below and above: the least λ ≥ s with λ(λ − s) ≥ |pull|², of every neuron."""
        bends = (p.P * p.H) >> 43
        weights = (np.abs(p.a) >> (_BITS - 16)) + 1
        pulls = (((np.abs(p.O) + e_pull) >> (12 + _BITS)) + 1) ** 2
        needs = [-(-256 * int(v) // self.s.c.output_scale) for v in pulls.sum(axis=1)]
        forms = []
        for part in (np.maximum(bends + 2, 0), np.maximum(2 - bends, 0)):
            roots = [math.isqrt(int(v)) + 1 for v in (part.dot(self.G) * part).sum(axis=1)]
            forms.append([((self.s.r2 + 1) * int(a) * f >> 52) + 1 for a, f in zip(weights, roots, strict=True)])
        found = []
        for plus, minus in (forms, forms[::-1]):
            sizes = [f if a >= 0 else g for a, f, g in zip(p.a, plus, minus, strict=True)]
            found.append(max((s + math.isqrt(s * s + 4 * v)) // 2 + 1 for s, v in zip(sizes, needs, strict=True)))
        return found[0], found[1]


def _outside(c: FormalProblem) -> str | None:
    """What of a problem the checker of steps does not cover, in words."""
    if c.hidden != "tanh":
        return f"activation {c.hidden!r}"
    if c.outputs != 1:
        return f"{c.outputs} outputs"
    return "biases" if c.hidden_bias or len(c.output_biases) else None


def find_trail(start: FormalProblem, most_steps: int = 1000) -> Trail:
    """Follow descent from `start` until a basin about a computed point holds it.

    Raises:
        InputError: a network that the checker of steps does not cover. NotCertainError: no basin after `most_steps` steps.
    """
    outside = _outside(start)
    if outside is not None:
        raise InputError(
            f"{outside}: the steps from an initialisation are covered for tanh, one output and no biases; scope 'run' or 'basin' covers more"
        )
    s = Steps(start)
    trail: list[_Point] = []
    refusal, next_try = "the residual stays too large for one", 0
    for point in s.points():
        if len(trail) > most_steps:
            break
        if len(trail) >= next_try and s.may_be_basin(point):
            found, refusal = _take_over(s, trail, point)
            if found is not None:
                return found
            next_try = len(trail) + 1 + len(trail) // 20
        trail.append(point)
    raise NotCertainError(f"no basin about the first {most_steps} points of descent: {refusal}")


def _take_over(s: Steps, trail: list[_Point], point: _Point) -> tuple[Trail | None, str]:
    """The trail that ends in a basin about `point`; or None and what is missing."""
    start = s.c
    centre = replace(start, outers=point.a[None], inners=point.W, weight_bits=_BITS)
    try:
        distances = _Distances(s, Rounding(centre, *roundings(centre)[0]), trail)
        eps, steps = distances.first, []
        for p in trail:
            steps.append(distances.step(p, eps))
            eps = steps[-1].next
            if eps > 1:
                return None, f"the distance has grown beyond 1 after {len(steps)} steps"
        centre = replace(centre, rho=eps)
        basin = find_witness(centre)
    except NotCertainError as error:
        return None, str(error)
    if (centre.weight_bits - basin.facts.weight_drop) != roundings(centre)[0][0]:
        return None, "the basin needs other roundings than the steps"
    d = distances
    return (
        Trail(
            start,
            centre,
            basin,
            _BITS,
            s.gain40,
            d.inner_most,
            d.outer_sum,
            d.outer_most,
            d.outer_bound,
            d.root_n,
            d.root_p,
            d.ell,
            d.lip,
            d.first,
            steps,
        ),
        "",
    )
