"""The numbers with which the proved checker accepts a problem: the record ``witness`` of ``Check.v``.

Nothing computed here is trusted: a wrong number makes ``check`` false. Rounded Cholesky factors and bounds of the
network (:class:`Facts`), a few parabolas λ_min ≥ floor − weight·ρ² (claim neuron_budget), then a table of radii whose
inequalities are decided exactly, as ``Check.v`` decides them, so that what cannot pass is refused in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from proofs.coq_integers import floor_sqrt, round_up
from verify.errors import NotCertainError
from verify.formal.factors import Factor, factor, floats, slack, upper
from verify.formal.problem import FormalProblem
from verify.formal.rounding import Rounding

__all__ = ["Facts", "FormalParabola", "FormalWitness", "Group", "ell_for", "find_witness", "input_bounds", "roundings"]

_TWO40 = 1 << 40
_SHARE_ONE = 1 << 16
_BOUNDS = {
    "tanh": (Fraction(1), Fraction(77, 100)),
    "sigmoid": (Fraction(1, 4), Fraction(77, 800)),
    "relu": (Fraction(1), Fraction(0)),
}  # |σ'|, |σ''|, of ReLU beside its kink (Activation.v)
_ROWS, _RADII, _WEIGHTS, _EXACT = 96, 240, 28, 8
_SMALL = 1 << 18  # multiply-adds of a forward pass up to which fine roundings and more parabolas cost nothing


@dataclass(frozen=True)
class Group:
    """Neurons with |a_r| ≤ most/2^weight_bits (the norm over the outputs), and their ℓ."""

    most: int
    ell: Fraction


@dataclass(frozen=True)
class FormalParabola:
    """λ_min(Θ) ≥ floor − weight·ρ² on every ball about the centre; shares[g]/2^16 of group g enter the kernel."""

    weight: Fraction
    floor: Fraction
    shares: list[int]
    factor: Factor


@dataclass(frozen=True)
class Facts:
    """What is known of the network at the centre; fields as in ``Check.v``."""

    weight_drop: int
    input_drop: int
    hidden_drop: int
    r1: int
    r2: int
    xx_max: int
    jac0: Fraction
    res0: Fraction
    sigma0: Fraction
    drop: Fraction
    kink: Fraction
    out_max: Fraction
    in_norm: Fraction
    in_twice: Fraction
    ell0: Fraction
    scale2: Fraction
    low: Factor
    high: Factor
    ins: Factor
    twice: Factor
    groups: list[Group]
    group_of: list[int]


@dataclass(frozen=True)
class FormalWitness:
    """The record ``witness`` of ``Check.v`` and the conclusion's numbers `radius`, `rate` and `mu`."""

    facts: Facts
    parabolas: list[FormalParabola]
    offset: int
    stairs: list[tuple[int, int]]
    lip: Fraction
    jump: Fraction
    ell: Fraction
    radius: Fraction
    rate: Fraction
    mu: Fraction


def ell_for(c: FormalProblem, size: Fraction, in_twice: Fraction) -> Fraction:
    """An ℓ > 0 with p² + qℓ ≤ ℓ², for output weights of norm `size`: p = sup|σ'|, q = sup|σ''|·size·in_twice."""
    top, bend = _BOUNDS[c.hidden]
    q = bend * size * in_twice
    found = round_up(Fraction((float(q) + math.sqrt(float(q) ** 2 + 4 * float(top) ** 2)) / 2)) + Fraction(1, 1 << 20)
    assert top * top + q * found <= found * found
    return found


def input_bounds(z: Rounding) -> tuple[Factor, Fraction, Factor, Fraction, Fraction]:
    """What does not depend on the parameters: factor and bound κ of the inputs' norm, factor and χ of their second norm, 1/√q2."""
    ins, norm_squared = upper(z.XX, z.qx, z.e_gram)
    in_norm = round_up(norm_squared, root=True)
    twice, twice_squared = upper(z.XX * z.XX, z.qx**2, z.e_gram * (2 * z.xx_max + z.e_gram))
    in_twice = round_up(twice_squared / in_norm**2, root=True)
    return ins, in_norm, twice, in_twice, round_up(Fraction(1, z.c.output_scale), root=True, bits=40)


def roundings(c: FormalProblem) -> list[tuple[int, int, int]]:
    """Bits kept of weights and inputs and dropped of hidden values: what :func:`find_witness` tries, in its order."""
    if c.inners.size * len(c.inputs) < _SMALL:
        return [(28, 27, 1 if c.hidden == "relu" else 4), (26, 23, 8)]
    return [(24, 22, 10), (26, 23, 8)]


class _Kernel:
    """The network's bounds, and parabolas for any weights; `z` holds the integers."""

    def __init__(self, c: FormalProblem, z: Rounding, groups: int) -> None:
        self.c, self.z = c, z
        N, unit = z.N, z.scale * z.finer
        count = min(groups, z.m)
        order = np.argsort(z.squares, kind="stable")
        group_of = np.empty(z.m, dtype=np.int64)
        for g, members in enumerate(np.array_split(order, count)):
            group_of[members] = g
        self.parts = z.parts(group_of, count)
        theta = z.combine(1, [1] * count, self.parts)
        self.spectrum = np.linalg.eigvalsh(floats(theta, z.scale))
        low = factor(theta, int(Fraction(float(self.spectrum[0]) - slack(self.spectrum[-1])) * z.scale), z.scale)
        squared = Fraction(low.C * z.finer - N * (low.cap * z.finer + z.e_kernel), unit)
        if squared <= 0:
            raise NotCertainError(
                f"λ_min ≈ {self.spectrum[0]:.6g} is below the rounding errors of the checker's kernel: of two samples that nearly repeat, remove one"
            )
        top = self.spectrum[-1]
        high = factor(-theta, -int(Fraction(top * (1 + 1e-7) + slack(top)) * z.scale), z.scale)
        jac0 = round_up(Fraction(N * (high.cap * z.finer + z.e_kernel) - high.C * z.finer, unit), root=True)
        ins, in_norm, twice, in_twice, scale2 = input_bounds(z)
        most = [int(round_up(Fraction(int(max(z.squares[group_of == g]))), root=True, bits=0)) for g in range(count)]
        out_max = round_up(Fraction(max(most), z.one_w))
        ell0 = ell_for(c, out_max, in_twice)
        numerator, denominator = z.residual_squared()
        self.facts = Facts(
            weight_drop=z.weight_drop,
            input_drop=z.input_drop,
            hidden_drop=z.k,
            r1=z.r1,
            r2=z.r2,
            xx_max=z.xx_max,
            jac0=jac0,
            res0=round_up(Fraction(numerator, denominator), root=True, bits=40),
            sigma0=floor_sqrt(squared),
            drop=round_up(scale2 * in_norm * ell0),
            kink=z.kink,
            out_max=out_max,
            in_norm=in_norm,
            in_twice=in_twice,
            ell0=ell0,
            scale2=scale2,
            low=low,
            high=high,
            ins=ins,
            twice=twice,
            groups=[Group(v, ell_for(c, Fraction(v, z.one_w), in_twice)) for v in most],
            group_of=group_of.tolist(),
        )
        self.omega = [(scale2 * in_norm * group.ell) ** 2 for group in self.facts.groups]

    def shares(self, weight: Fraction) -> list[int]:
        """The largest shares that ``share_ok`` admits."""
        return [math.floor(_SHARE_ONE * weight / (weight + omega)) for omega in self.omega]

    def approx_parabolas(self) -> list[tuple[Fraction, float]]:
        """Weights, coarse to fine, with approximate floors."""
        parts = [floats(part, self.z.scale) for part in self.parts]
        found, biases = [], floats(self.z.biases(), self.z.scale)
        for value in np.geomspace(0.02, 60.0, _WEIGHTS) * float(np.median([float(v) for v in self.omega])):
            weight = round_up(Fraction(float(value)))
            combined = sum(share / _SHARE_ONE * part for share, part in zip(self.shares(weight), parts, strict=True))
            floor = float(np.linalg.eigvalsh(combined + biases)[0])
            if floor > 0:
                found.append((weight, floor))
        return found

    def parabola(self, weight: Fraction, approx_floor: float) -> FormalParabola:
        """The parabola of one weight with its factor: exact."""
        z, shares = self.z, self.shares(weight)
        scale = z.scale * _SHARE_ONE
        M = z.combine(_SHARE_ONE, shares, self.parts)
        found = factor(M, int(Fraction(approx_floor - slack(self.spectrum[-1])) * scale), scale)
        floor = Fraction(found.C * z.finer - z.N * (found.cap * z.finer + _SHARE_ONE * z.e_kernel), scale * z.finer)
        return FormalParabola(weight, Fraction(math.floor(floor * (1 << 40)), 1 << 40), shares, found)


class _Criterion:
    """The inequalities of ``Check.v`` at one radius."""

    def __init__(self, c: FormalProblem, facts: Facts, offset: int, radii: list[float] | None = None) -> None:
        self.c, self.f, self.offset = c, facts, offset
        start = offset / _TWO40
        least = 1.001 * max(start, float(facts.res0 / facts.sigma0))
        largest = max(1.1 * least, 4 * float(facts.sigma0 / facts.drop))
        self.radii: list[float] = np.geomspace(least, largest, _RADII).tolist() if radii is None else radii
        """Radii to try."""
        self._floats = {radius: self._approx_constants(radius) for radius in self.radii}

    def _approx_constants(self, radius: float) -> tuple[float, float, float, float]:
        """(ηsK², need, drift of the need, drift of the rate)."""
        _, lip, _, step, need, e = self.constants(Fraction(radius))
        drift, drift_rate = (float(self.drift(lip, Fraction(radius), v)) for v in (need, e))
        return float(step), float(need), drift, drift_rate

    def constants(self, radius: Fraction) -> tuple[Fraction, Fraction, Fraction, Fraction, Fraction, Fraction]:
        """(ℓ, L_H, jump, ηsK², need e of the table, e of the rate) at one radius."""
        f, start = self.f, Fraction(self.offset, _TWO40)
        ell = ell_for(self.c, f.out_max + radius, f.in_twice)
        lip = round_up(f.scale2 * f.in_norm * ell)
        jac0, jump = f.jac0 + f.kink / 2, self.jump(radius)
        step = self.c.lr * self.c.loss_scale * (jac0 + f.drop * radius) ** 2
        if not self.offset:
            return ell, lip, jump, step, f.res0, f.res0
        return (
            ell,
            lip,
            jump,
            step,
            lip * start**2 + 2 * jump * start + 2 * f.res0,
            f.res0 + (jac0 + f.drop * start) * start,
        )

    def jump(self, radius: Fraction) -> Fraction:
        """How far J may jump between two points of the ball: output weights that move make the slopes' jumps larger."""
        return round_up(self.f.kink + self.f.drop * radius) if self.f.kink else Fraction(0)

    def drift(self, lip: Fraction, radius: Fraction, e: Fraction) -> Fraction:
        """Bound of the mean change of J along a step with residual at most e."""
        f, c = self.f, self.c
        return lip * (c.lr * c.loss_scale * (f.jac0 + f.kink / 2 + f.drop * radius) * e) / 2 + self.jump(radius)

    def approx_ratio(self, radius: float, parabolas: list[tuple[Fraction, float]]) -> tuple[float, float]:
        """About supply over need (at most 1 where an inequality fails), and the rate."""
        f, start = self.f, self.offset / _TWO40
        rho = start + (radius - start) * np.arange(1, _ROWS + 1) / _ROWS
        sigma = np.maximum(float(f.sigma0 - f.kink / 2) - float(f.drop) * rho, 0.0)
        for weight, floor in parabolas:
            sigma = np.maximum(sigma, np.sqrt(np.maximum(floor - float(weight) * rho**2, 0.0)))
        step, need, drift, drift_rate = self._floats[radius]
        supply = float(sigma.mean() - drift) * (radius - start)
        ratio = supply / need if need else math.inf
        end = float(sigma[-1])
        if step > 1 or end <= drift or end <= drift_rate:
            ratio = min(ratio, 1.0) * 0.999
        return ratio, (1 - float(self.c.lr * self.c.loss_scale) * end * (end - drift_rate)) ** 2

    def best(self, parabolas: list[tuple[Fraction, float]]) -> tuple[float, float, float]:
        """(−rate where something holds, else supply over need − 2; radius; rate) of the best radius: larger is better."""
        rows = [(*self.approx_ratio(radius, parabolas), radius) for radius in self.radii]
        return max(((-rate if ratio > 1 else ratio - 2), radius, rate) for ratio, rate, radius in rows)

    def stairs(self, radius: float, parabolas: list[FormalParabola]) -> list[tuple[int, int]]:
        """Rows (ρ, σ) in units of 2^-40, σ the largest that ``stair_ok`` admits."""
        top, rows = round(radius * _TWO40), []
        for j in range(1, _ROWS + 1):
            r = self.offset + (top - self.offset) * j // _ROWS
            options = [math.floor((self.f.sigma0 - self.f.kink / 2) * _TWO40 - self.f.drop * r)]
            for p in parabolas:
                options.append(math.isqrt(max(0, math.floor(p.floor * _TWO40 * _TWO40 - p.weight * r * r))))
            rows.append((r, max(0, *options)))
        return rows

    def conclude(self, kernel: Facts, parabolas: list[FormalParabola], radius: float) -> FormalWitness | str:
        """The witness at one radius, or the inequality that fails there."""
        rows = self.stairs(radius, parabolas)
        R, sigma, start = Fraction(rows[-1][0], _TWO40), Fraction(rows[-1][1], _TWO40), Fraction(self.offset, _TWO40)
        ell, lip, jump, step, need, e = self.constants(R)
        drift, drift_rate = self.drift(lip, R, need), self.drift(lip, R, e)
        edges = [self.offset, *(r for r, _ in rows)]
        area = Fraction(sum(g * (r - left) for (r, g), left in zip(rows, edges, strict=False)), _TWO40 * _TWO40)
        g = self.c.lr * self.c.loss_scale
        rate = round_up((1 - g * sigma * (sigma - drift_rate)) ** 2, bits=36)
        mu = Fraction(math.floor(self.c.loss_scale * sigma**2 * _TWO40), _TWO40)
        table = "e0" if not self.offset else "L_H ρ² + 2e0"
        for name, missing in (
            ("ηs(K0 + Δ_J)² ≤ 1", step - 1),
            (f"{table} ≤ ∫(σ − δ)", need - area + drift * (R - start)),
            ("δ < σ", max(drift, drift_rate) - sigma),
            ("rate < 1", rate - 1),
            ("μ > 0", -mu),
        ):
            if missing > 0 or (missing == 0 and name[-1] != "1" and not name.endswith("− δ)")):
                return f"{name} fails by {float(missing):.4g} at R = {float(R):.4g}"
        return FormalWitness(kernel, parabolas, self.offset, rows, lip, jump, ell, R, rate, mu)


def find_witness(c: FormalProblem) -> FormalWitness:
    """Search the numbers with which ``check`` accepts `c`: coarse integers first, finer ones when these fall short.

    Raises:
        NotCertainError: none were found; the message says which inequality fails at the best radius.
    """
    problem = None
    small = c.inners.size * len(c.inputs) < _SMALL
    for weight_kept, input_kept, hidden_drop in roundings(c):
        try:
            return _witness(c, Rounding(c, weight_kept, input_kept, hidden_drop), *((32, 6) if small else (16, 3)))
        except NotCertainError as error:
            problem = problem if small and problem is not None else error  # of the finer roundings
    assert problem is not None
    raise problem


def _witness(c: FormalProblem, z: Rounding, groups: int, most_parabolas: int) -> FormalWitness:
    offset = 0 if c.rho is None else math.ceil(c.rho * _TWO40)
    if z.relu:
        return _across_kinks(c, z, offset)
    kernel = _Kernel(c, z, groups)
    criterion = _Criterion(c, kernel.facts, offset)
    candidates = kernel.approx_parabolas()
    chosen: list[tuple[Fraction, float]] = []
    best = criterion.best(chosen)
    while len(chosen) < most_parabolas and candidates:
        trial = max(((criterion.best([*chosen, p]), p) for p in candidates), key=lambda pair: pair[0])
        if trial[0][0] <= best[0] + 1e-3 * min(1.0, abs(1 + best[0])):
            break
        best = trial[0]
        chosen.append(trial[1])
    parabolas = [kernel.parabola(*p) for p in chosen]
    exact = [(p.weight, float(p.floor)) for p in parabolas]
    rated = [(criterion.approx_ratio(radius, exact), radius) for radius in criterion.radii]
    rated.sort(key=lambda row: (row[0][0] <= 1, row[0][1] if row[0][0] > 1 else -row[0][0]))
    refusals = []
    for _, radius in rated[:_EXACT]:
        found = criterion.conclude(kernel.facts, parabolas, radius)
        if isinstance(found, FormalWitness):
            return found
        refusals.append(found)
    raise NotCertainError(_refusal(refusals[0]))


def _across_kinks(c: FormalProblem, z: Rounding, offset: int) -> FormalWitness:
    """ReLU: slopes, kernel and jumps depend on the ball. All neurons have ℓ = 1, so that one group, and no parabola, is as good as many."""
    least = _Kernel(c, z, 1).facts
    rated = []
    radii = _Criterion(c, least, offset).radii
    if radii[0] < z.signs.radius < radii[-1]:  # finer up to the first kink
        radii = [*radii, *np.geomspace(radii[0], z.signs.radius * (1 - 1e-9), 60).tolist()]
    known: dict[int, tuple[float, float, float]] = {}
    for radius in radii:
        crossed = int((z.signs.approx <= radius).sum())
        if crossed not in known:
            known[crossed] = z.approx_on_ball(radius)
        bottom, top, kink = known[crossed]
        here = replace(
            least, sigma0=Fraction(math.sqrt(max(bottom, 0.0))), jac0=Fraction(math.sqrt(top)), kink=Fraction(kink)
        )
        ratio, rate = _Criterion(c, here, offset, [radius]).approx_ratio(radius, [])
        rated.append((ratio <= 1, rate if ratio > 1 else -ratio, radius))
    refusals = []
    for _, _, radius in sorted(rated)[:_EXACT]:
        R = Fraction(round(radius * _TWO40), _TWO40)
        facts = _Kernel(c, z.on_ball(R), 1).facts
        found = _Criterion(c, facts, offset, []).conclude(facts, [], radius)
        if isinstance(found, FormalWitness):
            return found
        refusals.append(f"{found}, where {z.signs.changing(R)} of {z.m} units may change sides")
    raise NotCertainError(_refusal(refusals[0]))


def _refusal(missing: str) -> str:
    return f"the formal criterion needs {missing}: a smaller residual (train on, or certify with scope 'basin') or a smaller step would do"
