"""Bounds of λ_min(NTK) on a ball that need no L_H: the neurons' shared budget, and the last layer's features. Chains only.

Notation of curvature.py: A_l rows [s_l h_{l-1}, 1], V_l = s_l W_l, B_l = ∂F/∂z_l.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

from flint import arb

from verify.checker.enclosures import gram, length, norm, psd_norm, real, root, smallest_eigenvalue, suprema, tick, zips
from verify.checker.layers import KINKED, Trained, repeated, schur, weighted
from verify.checker.nearby import Nearby, shrunk, unshrunk
from verify.checker.network import Point
from verify.checker.reading import expect

__all__ = ["Budget", "Features"]


def _links(point: Point) -> list[tuple[Trained, int, str, Any]]:
    """Each affine map of a chain, with its position and its activation."""
    problem, chain = point.problem, point.problem.chain or []
    found = []
    for pair in chain:
        layer = problem.layers[pair.affine]
        assert isinstance(layer, Trained)
        found.append((layer, pair.affine, *problem.activation(pair)))
    expect(found, "this bound is for chains of fully connected layers whose parameters all move")
    return found


class Budget:
    """One hidden layer, identity output: λ_min(Θ(θ)) ≥ λ_min(Ψ(m)) − mρ² on B(θ0, ρ) (claim neuron_budget).

    Neuron r's columns J_r change by D_r; (J + D)(J + D)ᵀ ⪰ (1 − τ)JJᵀ − (1/τ − 1)DDᵀ, and
    ‖D_r‖² ≤ ω_r t_r² with Σ t_r² ≤ ρ². With τ = ω/(m + ω): Θ(θ) ⪰ Σ_r m/(m + ω_r) J_r J_rᵀ + Θ_out − mρ²I =: Ψ(m) − mρ²I.
    ω = s²(p² + q²/2 + q(p² + q²/4)^½), p = S₁‖A‖, q = ‖v_r‖S₂‖AAᵀ ∘ AAᵀ‖^½, S₁ = sup|σ'|, S₂ = sup|σ''|, A = A_1, s = s_2:
    the columns of v_r change by at most s·p·t_w, those of (w_r, b_r) by s(p·t_v + q·t_w), the latter by Schur's product theorem.
    Of data nearby: ‖A‖ grows by √n·t, and AAᵀ ∘ AAᵀ is the Gram matrix of rows a_i⊗a_i, each moved by at most t(2‖a_i‖ + t); Ψ is the Gram matrix of J with
    column weights at most 1, from above at most the root of the largest share, so its factor moves by so much times ‖J' − J‖.
    """

    def __init__(self, point: Point) -> None:
        """Demand the architecture and enclose every ω_r."""
        links, self.k = _links(point), point.problem.k
        smooth = len(links) == 2 and links[0][2] not in KINKED and links[1][2] == "identity"
        expect(smooth, "neuron_budget needs one hidden layer, twice differentiable, and an identity output")
        (first, at_first, self.name, beta), (self.last, at_last, _, _) = links
        self.inputs, self.hidden = (
            layer.data(point.input(v), 0) for layer, v in ((first, at_first), (self.last, at_last))
        )
        self.z = point.value[at_first]
        self.below, self.above = point.sensitivity[at_first], point.sensitivity[at_last]
        self.columns = point.local[at_last][1].transpose().tolist()  # V_2 = s·v
        inputs, (s1, s2) = gram(self.inputs), suprema(self.name, beta)
        size, squares = norm(self.inputs), psd_norm(schur(inputs, inputs)).sqrt()
        self.turned = arb(0)
        if isinstance(point, Nearby):
            moved, self.turned = point.changes[at_first].data, point.turned
            size += point.rows(at_first)
            squares += length(moved * (2 * length(row) + moved) for row in self.inputs.tolist())
        p, bend = s1 * size * self.last.scale(), s2 * squares
        # These are s·p and s·q.
        lengths = [length(column) * bend for column in self.columns]
        self.omega = [p * p + q * q / 2 + q * (p * p + q * q / 4).sqrt() for q in lengths]

    def __call__(self, weight: float, near: float, reach: float = 0.0) -> Any:
        """Enclose λ_min(Ψ(m)), m = `weight`; with the local suprema up to a distance `reach` > 0 as well."""
        tick()
        share = [weight / (weight + w) for w in self.omega]
        if self.turned > 0:
            expect(reach == 0.0, "the local budget is for the stored data alone")
            return shrunk(smallest_eigenvalue(self._weighted(share), unshrunk(near, self.turned)), self.turned)
        if reach > 0.0:
            share = [
                x.max((weight / (weight + w)).min(weight * real(reach) ** 2 / v))
                for x, (w, v) in zips(share, self._local(real(reach)))
            ]
        return smallest_eigenvalue(self._weighted(share), near)

    def size_above(self, weight: float) -> Any:
        """Enclose T with ‖J(θ)‖² ≤ T + mρ² on B(θ0, ρ), m = `weight` above every ω_r (claim neuron_budget_upper); else ∞.

        (J + D)(J + D)ᵀ ⪯ (1 + τ)JJᵀ + (1 + 1/τ)DDᵀ with τ = ω/(m − ω): Θ(θ) ⪯ Σ_r m/(m − ω_r) J_rJ_rᵀ + Θ_out + mρ²I.
        """
        tick()
        if not all(w < weight for w in self.omega):
            return arb("inf")
        share = [weight / (weight - w) for w in self.omega]
        size = psd_norm(self._weighted(share))
        return size if self.turned == 0 else (root(size) + self.turned * root(reduce(arb.max, share, arb(1)))) ** 2

    def _weighted(self, share: list[Any]) -> Any:
        """Enclose Σ_r share_r J_rJ_rᵀ + Θ_out."""
        a, a_out = repeated(self.inputs, self.k), repeated(self.hidden, self.k)
        hidden = schur(weighted(self.below, share) * self.below.transpose(), gram(a))
        features = weighted(a_out, share + [arb(1)] * (self.last.bias is not None)) * a_out.transpose()
        return hidden + schur(features, gram(self.above))

    def _local(self, reach: Any) -> Iterator[tuple[Any, Any]]:
        """Yield ω_r, valid while neuron r moves by t_r ≤ T = `reach`, and ν_r² ≥ ‖J_r‖² (claim neuron_budget_local); tanh only.

        z_ri moves by at most ‖a_i‖T. On an interval |tanh'| is largest nearest to 0; |tanh''| = 2t(1 − t²) rises up to t = 1/√3 and falls beyond. With these
        suprema c_i, b_i in place of S₁, S₂: p² = λ_max(diag(c)G diag(c)), q² = ‖v_r‖²λ_max(diag(b)(G∘G)diag(b)), G = AAᵀ. Where t_r > T all of
        k_rJ_rJ_rᵀ may be lost: k_r ≤ mT²/ν_r² pays for it. ν_r² = s²‖σ(z_r)‖² + s²‖v_r‖²λ_max(diag(σ')G diag(σ')).
        """
        expect(self.name == "tanh", "the local budget is for tanh")
        inputs, scale = gram(self.inputs), self.last.scale()
        squares, peak = schur(inputs, inputs), 1 / arb(3).sqrt()
        lengths = list(map(length, self.inputs.tolist()))

        def top(matrix: Any, factors: list[Any]) -> Any:
            half = weighted(matrix, factors)
            return psd_norm(weighted(half.transpose(), factors))

        for v, z in zips(self.columns, self.z.transpose().tolist()):
            near = [(abs(x) - d * reach).max(arb(0)).tanh() for x, d in zips(z, lengths)]
            far = [(abs(x) + d * reach).tanh() for x, d in zips(z, lengths)]
            slopes = [1 - t * t for t in near]
            bends = [2 * t * (1 - t * t) for t in (peak.max(low).min(high) for low, high in zips(near, far))]
            p2, q = scale**2 * top(inputs, slopes), length(v) * top(squares, bends).sqrt()
            values = [x.tanh() for x in z]
            features = scale**2 * sum((t * t for t in values), arb(0))
            own = features + length(v) ** 2 * top(inputs, [1 - t * t for t in values])
            yield p2 + q * q / 2 + q * (p2 + q * q / 4).sqrt(), own


class Features:
    """(√λ_min(A_LA_Lᵀ) − s_L‖C‖r)², or 0 if that difference may be negative: ≤ λ_min(Θ) on the ball of radius r (claim feature_kernel).

    Θ ⪰ A_LA_Lᵀ ⊗ I, the share of the last layer, whose output is affine in its weights. ‖A_L(θ) − A_L‖ ≤ s_L‖ΔH_{L-1}‖, and with
    t_l = ‖[ΔW_l Δb_l]‖_F: ‖ΔH_l‖ ≤ sup|σ_l'|(‖A_l‖t_l + (‖V_l‖ + s_l r)‖ΔH_{l-1}‖) = Σ_j C_j t_j at most, ≤ ‖C‖r by Cauchy–Schwarz.
    """

    def __init__(self, point: Point, near: float) -> None:
        """Enclose the norms at the centre; `near` is a guess of λ_min(A_LA_Lᵀ)."""
        *below, (self.last, at_last, name, _) = _links(point)
        expect(below and name == "identity", "feature_kernel needs two layers or more and an identity output")
        nearby = isinstance(point, Nearby)
        grown = [point.rows(v) if isinstance(point, Nearby) else arb(0) for _, v, _, _ in _links(point)]
        self.below = [
            (
                suprema(activation, beta)[0],
                norm(point.local[v][1]),
                layer.scale(),
                norm(layer.data(point.input(v), 0)) + more,
            )
            for (layer, v, activation, beta), more in zips(below, grown[:-1])
        ]
        guess = unshrunk(near, grown[-1]) if nearby else near
        features = smallest_eigenvalue(gram(self.last.data(point.input(at_last), 0)), guess)
        self.root = root(shrunk(features, grown[-1]) if nearby else features)

    def __call__(self, radius: Any) -> Any:
        """Enclose the bound at r = `radius`."""
        coefficients: list[Any] = []
        for slope, weight, scale, data in self.below:
            coefficients = [slope * c for c in (*((weight + radius * scale) * c for c in coefficients), data)]
        room = self.root - length(coefficients) * radius * self.last.scale()
        return room * room if room > 0 else arb(0)
