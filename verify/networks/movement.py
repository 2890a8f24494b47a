"""How far the Jacobian of a graph of layers moves on a ball of parameters: Δ_J(r), and with it L_H(r).

Claim id: network_jacobian_change (with network_movement).

Parameters θ⁰ + δ, t_l = ‖δ_l‖_F over the L layers that train, ‖t‖ ≤ r; ⟨x, t⟩ with x ≥ 0 in R^L. Samples do not interact.

Forward. ‖ΔH_v‖_F ≤ ⟨x_v, t⟩ and ‖Δh_{v,i}‖ ≤ ⟨x_{v,i}, t⟩ with x = 0 at the data and
    trained:     x_v = α_v·1_v + (ν_v + κ_v r)x_u      Δz = [U∗h⁰ + q] + W(θ)∗Δh exactly, ‖W(θ)∗·‖ ≤ ν_v + κ_v t_v,
    activation:  x_v = sup|σ'|·x_u                     Lipschitz entry by entry,
    group norm:  x_{v,i} = S_i(r)x_{u,i}               (:mod:`verify.networks.layers.group_norm`), all samples by the largest S_i,
    fixed:       x_v = Σ_j τ_j x_{u_j}                 a sum adds its branches.
α_v is the norm of (U, q) ↦ U∗h⁰ + q over all samples, α_{v,i} on sample i, ν_v ≥ ‖h ↦ W⁰∗h‖, and κ_v with ‖U∗h‖ ≤ κ_v‖U‖_F‖h‖: the scale s of a
fully connected layer; for a convolution the root of how many positions of its output read one entry of its input.

Backward. ‖ΔG_{v,i}‖₂ ≤ ⟨y_{v,i}, t⟩ + c_{v,i}, zero at F; β̄ = r‖y‖ + c. A sensitivity is the sum over its consumers w, and so is its change:
    trained:     ν_w(y_w, c_w) + κ_w(b_{w,i} + β̄_{w,i})1_w        ΔG_u = G_w(θ)∘U + ΔG_w∘W⁰, b_{w,i} ≥ ‖G⁰_{w,i}‖₂,
    smooth:      sup|σ'|·(y_w, c_w) + sup|σ''|·γ_{w,i}·x_{u,i}     ‖G diag(d)‖ ≤ ‖G diag(d)‖_F ≤ ‖d‖·γ, γ the largest column norm of G⁰_{w,i},
    kinked:      sup|σ'|·(y_w, c_w), and K_i(r‖x_{u,i}‖) to c      (:mod:`verify.networks.layers.kinks`),
    group norm:  S_i(y_w, c_w) + S_2,i·b_{w,i}·x_{u,i}             it mixes entries: the norm of G⁰ and not its columns,
    fixed:       τ_j(y_w, c_w) to input j.

Jacobian. For ‖w‖ = 1, J_vᵀw = Σ_i 𝒜_i(θ)ᵀ(G_{v,i}ᵀw_i), 𝒜_i the data operator of sample i, which moves by at most κ_v‖Δh_{u,i}‖. With
α_v(r) = α_v + κ_v r‖x_u‖,
    ‖ΔJ_v‖ ≤ ‖M_v t‖ + c_v   with either   M_v = max_i y_{v,i}·α_v(r) + max_i b_{v,i}·κ_v x_u  (one row; entrywise maxima),  c_v = max_i c_{v,i}·α_v(r),
                             or   the n rows y_{v,i}·α_{v,i}(r) + b_{v,i}κ_v x_{u,i},  c_v = ‖(c_{v,i}α_{v,i}(r))_i‖:
the change is Σ_i 𝒜_i(θ)ᵀΔG_{v,i}ᵀw_i + Σ_i Δ𝒜_iᵀG⁰_{v,i}ᵀw_i; the first form bounds ‖(ΔG_iᵀw_i)_i‖ ≤ max_i‖ΔG_i‖ and the stacked operator, the second is the
triangle inequality with Cauchy–Schwarz over ‖w_i‖. A jump that reaches layer v unmixed may be
bounded by pairs of samples instead (Linear.pairs_norm). Since ‖ΔJ‖² ≤ Σ_v‖ΔJ_v‖² (no parameter belongs to two layers), by Minkowski

    ‖J(θ) − J(θ⁰)‖ ≤ Δ_J(r) = r‖M(r)‖₂ + ‖(c_v)_v‖   on B(θ⁰, r), M the stacked M_v, for every choice of slopes at kinks.

Second derivative. Let M^sup be M with α, ν, b, γ, S, S_2 replaced by their suprema over the ball, α + κr‖x_u‖, ν + κr, b + β̄, γ + β̄, S(r), and r = 0
everywhere else. Applied at the centre θ with r' → 0 the theorem says ‖D²F(θ)‖ ≤ ‖M(0)‖ with the norms at θ, which are at most these:
L_H(r) = ‖M^sup‖ where F is C² on the ball: no kink met. Entry (v, w), of either form (of the n rows the column's norm), bounds D²F on the pair of
blocks v and w, and so does entry (w, v): the smallest of the four may stand there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from verify.arrays import Ball, spectral_norm
from verify.arrays.guesses import approx_spectral_norm
from verify.arrays.rounding import ETA, INFLATE, gamma, quiet
from verify.arrays.spectra import perron_upper
from verify.arrays.upper import Upper
from verify.networks.layers import Layer, Trained
from verify.networks.layers.max_pooling import MaxPoolNorms
from verify.networks.layers.values import ElementwiseNorms, SensitivityChange, SpectralNorm, TrainedNorms, ValueChange
from verify.networks.linearisation import Linearisation

__all__ = ["Movement"]

Radii = Float[np.ndarray, " m"]
_ENTRIES = 2**22
"""Radii are taken in blocks of so many numbers per layer at most: m·n·L."""


@dataclass(frozen=True)
class _Block:
    """One trained layer's part of M, in both forms.

    Attributes:
        row: (m, L). rows: (m, n, L). jump_row, jump_rows: (m,), c_v in either form.
    """

    row: Upper
    rows: Upper
    jump_row: Upper
    jump_rows: Upper


class Movement:
    """Δ_J and L_H of one linearisation as functions of the radius (derivation in the module's docstring).

    Args:
        state: enclosures at the centre. norm: encloses the spectral norm of a matrix; with any other value the results are guesses.
    """

    def __init__(self, state: Linearisation, *, norm: SpectralNorm = spectral_norm) -> None:
        """Prepare; the norms at the centre are computed at the first call."""
        self._state, self._norm = state, norm
        self._network = state.network
        self._size = len(self._network.trained)

    @classmethod
    def approx(cls, state: Linearisation) -> Movement:
        """Return the same functions of radius from *approximate* spectral norms: guesses; no bound may come from them."""
        return cls(state, norm=lambda a: Ball(approx_spectral_norm(a.mid)))

    @functools.cached_property
    def _centre(self) -> list[Any]:
        """Norms per layer that moves, None of the others."""
        found: list[Any] = []
        for index, layer in enumerate(self._network.layers):
            g = self._state.sensitivities[index]
            if g is None:
                found.append(None)
                continue
            below = any(self._network.moving_inputs[index])
            norms = layer.norms(
                self._state.saved[index], self._state.below(index), g, self._network.outputs, self._norm, below
            )
            if isinstance(norms, TrainedNorms):
                unit = np.zeros(self._size)
                if index in self._network.trained:
                    unit[self._network.trained.index(index)] = 1.0
                norms = replace(norms, unit=Upper(unit))
            found.append(norms)
        return found

    def _still(self, m: int) -> ValueChange:
        """What does not move."""
        return ValueChange(Upper(np.zeros((m, self._size))), Upper(np.zeros((m, self._state.n, self._size))))

    def _forward(self, norms: Sequence[Any], r: Upper) -> list[ValueChange]:
        still = self._still(r.shape[0])

        def visit(index: int, layer: Layer, below: tuple[ValueChange, ...]) -> ValueChange:
            if not self._network.moves[index]:
                return still
            own = layer.meets_kink(norms[index], r, *below)
            for x in below:
                own = own if x.crossed is None else own | x.crossed
            return replace(layer.moved(norms[index], r, *below), crossed=own)

        return self._network.forward(visit, still)

    def _below(self, index: int, moved: Sequence[ValueChange]) -> tuple[ValueChange, ...]:
        still = self._still(moved[0].whole.shape[0])
        return tuple(still if source < 0 else moved[source] for source in self._network.layers[index].inputs)

    def _backward(self, norms: Sequence[Any], r: Upper, moved: Sequence[ValueChange]) -> list[SensitivityChange | None]:
        def visit(index: int, layer: Layer, above: SensitivityChange) -> tuple[SensitivityChange, ...]:
            return layer.pulled(norms[index], r, self._below(index, moved), above)

        m, n = r.shape[0], self._state.n
        seed = SensitivityChange(Upper(np.zeros((m, n, self._size))), Upper(np.zeros((m, n))))
        return self._network.backward(visit, seed, SensitivityChange.__add__)

    def _blocks(
        self,
        norms: Sequence[Any],
        r: Upper,
        moved: Sequence[ValueChange],
        turned: Sequence[SensitivityChange | None],
    ) -> list[_Block]:
        """M_v and c_v of every trained layer, in the order of θ."""
        found = []
        for index in self._network.trained:
            sizes, change = norms[index], turned[index]
            assert isinstance(sizes, TrainedNorms)
            assert change is not None
            (x,) = self._below(index, moved)
            whole = sizes.whole + sizes.overlap * r * x.whole.norm(-1, keepdims=True)  # (m, 1)
            rows = sizes.rows + sizes.overlap * r * x.rows.norm(-1)  # (m, n)
            b = sizes.sensitivity if sizes.sensitivity.value.ndim == 2 else sizes.sensitivity[None, :]
            found.append(
                _Block(
                    change.rows.max(1) * whole + b.max(-1, keepdims=True) * sizes.overlap * x.whole,
                    change.rows * rows[..., None] + (b * sizes.overlap)[..., None] * x.rows,
                    *self._jumps(index, change, r, x, whole, rows),
                )
            )
        return found

    def _jumps(
        self, index: int, change: SensitivityChange, r: Upper, x: ValueChange, whole: Upper, rows: Upper
    ) -> tuple[Upper, Upper]:
        """c_v in both forms (m,): a jump that arrives unmixed by the least of the two and the pairs' form."""

        def forms(jumps: Upper) -> tuple[Upper, Upper]:
            return (jumps.max(-1, keepdims=True) * whole)[:, 0], (jumps * rows).norm(-1)

        alone = forms(change.jumps)
        if not change.direct:
            return alone
        layer = self._network.layers[index]
        assert isinstance(layer, Trained)
        step = layer.overlap * r * x.rows.norm(-1)
        added = Upper(0.0)
        for jump in change.direct:
            pairs = [layer.pairs_norm(self._state.saved[index], jump.gains(at), step[at]) for at in range(r.shape[0])]
            added = added + Upper(np.minimum(np.array(pairs), np.minimum(*(form.value for form in forms(jump.sizes)))))
        together = forms(change.settled)
        return tuple(
            Upper(np.minimum((one + added).value, other.value)) for one, other in zip(alone, together, strict=True)
        )  # type: ignore[return-value]

    def jacobian(self, radii: Radii) -> Radii:
        """Return upper bounds (m,) of sup‖J(θ) − J(θ⁰)‖ over the balls of the given radii (m,), exact doubles ≥ 0; ∞ where they overflow."""
        return self._by_blocks(radii, self._jacobian)

    def curvature(self, radii: Radii) -> Radii:
        """Return upper bounds (m,) of L_H on the balls of the given radii (m,); ∞ where they overflow, or a unit may meet its kink or a window choose anew."""
        return self._by_blocks(radii, self._curvature)

    def _by_blocks(self, radii: Radii, bound: Callable[[Upper], Radii]) -> Radii:
        step = max(1, _ENTRIES // (self._state.n * self._size))
        parts = [bound(Upper(radii[at : at + step, None])) for at in range(0, radii.size, step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _jacobian(self, r: Upper) -> Radii:
        norms = self._centre
        moved = self._forward(norms, r)
        form: Upper | None = None
        jumps: list[Upper] = []
        for block in self._blocks(norms, r, moved, self._backward(norms, r, moved)):
            radius = r[:, 0]
            single = radius * block.row.norm(-1) + block.jump_row
            many = radius * block.rows.norm(-1).norm(-1) + block.jump_rows
            better = single.value <= many.value  # either is a bound: the choice needs no proof
            gram = np.where(better[:, None, None], _gram(block.row[:, None, :]), _gram(block.rows))
            form = Upper(gram) if form is None else form + Upper(gram)
            jumps.append(Upper(np.where(better, block.jump_row.value, block.jump_rows.value)))
        assert form is not None
        total = r[:, 0] * Upper(_perron(form.value)).root()
        return (total + Upper(np.stack([jump.value for jump in jumps])).norm(0)).value

    def _curvature(self, r: Upper) -> Radii:
        layers = self._network.layers
        moved = self._forward(self._centre, r)
        turned = self._backward(self._centre, r, moved)
        kinks = _crossed(moved)
        suprema: list[Any] = []
        for index, layer in enumerate(layers):
            norms, change = self._centre[index], turned[index]
            if norms is None or change is None:
                suprema.append(None)
                continue
            suprema.append(layer.supremum(norms, r, self._below(index, moved), change))
        at = Upper(np.zeros(r.shape))
        moved = self._forward(suprema, at)
        rows = []
        for block in self._blocks(suprema, at, moved, self._backward(suprema, at, moved)):
            rows.append(np.minimum(block.row.value, block.rows.norm(1).value))
        form = np.stack(rows, axis=1)
        return np.where(kinks, np.inf, _perron(np.minimum(form, form.transpose(0, 2, 1))))

    def crossing(self, radius: float) -> dict[int, Bool[np.ndarray, "n units"]]:
        """Return, per layer with kinks, which units of which samples may change their slope on the ball of `radius`."""
        r = Upper(np.array([[radius]]))
        moved, found = self._forward(self._centre, r), {}
        for index, norms in enumerate(self._centre):
            if isinstance(norms, ElementwiseNorms) and norms.kinks is not None:
                (x,) = self._below(index, moved)
                found[index] = norms.kinks.distances <= (r * x.rows.norm(-1)).value[0][:, None]
        return found

    def choosing(self, radius: float) -> int:
        """Return how many pairs of a sample and a pooling window may choose anew on the ball of `radius`."""
        r = Upper(np.array([[radius]]))
        moved, found = self._forward(self._centre, r), 0
        for index, norms in enumerate(self._centre):
            if isinstance(norms, MaxPoolNorms):
                (x,) = self._below(index, moved)
                crossed = False if x.crossed is None else x.crossed[0][:, None]
                near = (norms.kinks.distances <= (r * x.rows.norm(-1)).value[0][:, None]) | crossed
                found += int((near & (norms.kinks.jumps > 0.0)).sum())
        return found

    def meets_kink(self, radii: Radii) -> Bool[np.ndarray, " m"]:
        """Whether some unit may meet a kink, or some window choose anew, on each ball."""
        return _crossed(self._forward(self._centre, Upper(radii[:, None])))


def _crossed(moved: Sequence[ValueChange]) -> Bool[np.ndarray, " m"]:
    """Whether F, which depends on every layer, is crossed for some sample."""
    crossed = moved[-1].crossed
    assert crossed is not None
    return np.asarray(crossed.any(axis=1))


def _gram(rows: Upper) -> np.ndarray:
    """Upper bounds (m, L, L) of RᵀR for R (m, n, L) ≥ 0: n products and sums, at most γ_n of the sum and η each."""
    value = rows.value
    n = value.shape[1]
    with quiet():
        product = np.matmul(value.transpose(0, 2, 1), value) * (1.0 + 4.0 * gamma(n)) * INFLATE + n * ETA
    product = np.where(np.isnan(product), np.inf, product)
    # Both triangles bound the same number.
    return np.maximum(product, product.transpose(0, 2, 1))


def _perron(forms: np.ndarray) -> Radii:
    """Upper bounds (m,) of λ_max of symmetric matrices ≥ 0 (m, L, L), ∞ where an entry is."""
    finite = np.isfinite(forms).all(axis=(1, 2))
    return np.where(finite, perron_upper(np.where(finite[:, None, None], forms, 0.0)), np.inf)
