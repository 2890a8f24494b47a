"""Bounds of λ_min(NTK) on a ball that need no L_H: the neurons' shared budget, and the last layer's features. Chains only.

Notation of curvature.py: A_l rows [s_l h_{l-1}, 1], V_l = s_l W_l, B_l = ∂F/∂z_l.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flint import arb

from verify.checker.enclosures import gram, length, norm, psd_norm, real, root, smallest_eigenvalue, suprema, tick, zips
from verify.checker.layers import KINKED, Trained, repeated, schur, weighted
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
        p = s1 * norm(self.inputs) * self.last.scale()
        bend = s2 * psd_norm(schur(inputs, inputs)).sqrt()
        # These are s·p and s·q.
        lengths = [length(column) * bend for column in self.columns]
        self.omega = [p * p + q * q / 2 + q * (p * p + q * q / 4).sqrt() for q in lengths]

    def __call__(self, weight: float, near: float, reach: float = 0.0) -> Any:
        """Enclose λ_min(Ψ(m)), m = `weight`; with the local suprema up to a distance `reach` > 0 as well."""
        tick()
        share = [weight / (weight + w) for w in self.omega]
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
        return psd_norm(self._weighted([weight / (weight - w) for w in self.omega]))

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
        self.below = [
            (suprema(activation, beta)[0], norm(point.local[v][1]), layer.scale(), norm(layer.data(point.input(v), 0)))
            for layer, v, activation, beta in below
        ]
        self.root = root(smallest_eigenvalue(gram(self.last.data(point.input(at_last), 0)), near))

    def __call__(self, radius: Any) -> Any:
        """Enclose the bound at r = `radius`."""
        coefficients: list[Any] = []
        for slope, weight, scale, data in self.below:
            coefficients = [slope * c for c in (*((weight + radius * scale) * c for c in coefficients), data)]
        room = self.root - length(coefficients) * radius * self.last.scale()
        return room * room if room > 0 else arb(0)
