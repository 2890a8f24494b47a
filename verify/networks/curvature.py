"""L_H(r): a bound on the second derivative of the network over a ball of parameters.

Claim id: layered_curvature. For every θ with ‖θ − θ0‖ ≤ r and all directions u, v of parameter space,
‖D²F(θ)[u, v]‖ ≤ L_H(r)·‖u‖·‖v‖ (norm of R^N over all samples and outputs).

Derivation. For each unit w the form (u, v) ↦ ⟨w, D²F[u, v]⟩ is symmetric, so its norm is attained at u = v. Let
u = (U_l, q_l), t_l = ‖[U_l q_l]‖_F, and let a dot denote the derivative along u:
ż_l = s_l U_l h_{l-1} + q_l + V_l ḣ_{l-1}, ḣ_l = σ_l'(z_l) ∘ ż_l. Differentiating the forward recursion twice and carrying
the result to the output,
    D²F[u, u] = Σ_l 2 B_l (s_l U_l ḣ_{l-1}) + Σ_l G_l (σ_l''(z_l) ∘ ż_l²).
Cauchy–Schwarz over samples (Σ_i ‖w_i‖² = 1) gives
    |⟨w, D²F[u, u]⟩| ≤ Σ_l 2 s_l max_i‖B_{l,i}‖ · t_l · ‖Ḣ_{l-1}‖_F + Σ_l sup|σ_l''| · max_i(g_{l,i}‖ż_{l,i}‖) · ‖Ż_l‖_F,
with ‖B_{l,i}‖ the operator norm of sample i's k × m_l block and g_{l,i} its block of G_l's largest column norm. With
Ż_l = A_l [U_l q_l]ᵀ + Ḣ_{l-1} V_lᵀ, the norms on the right are bounded by forms linear in t with coefficients ≥ 0:
    ‖Ż_l‖_F ≤ ‖A_l‖ t_l + ‖V_l‖ ‖Ḣ_{l-1}‖_F,   ‖ż_{l,i}‖ ≤ ‖a_{l,i}‖ t_l + ‖V_l‖ ‖ḣ_{l-1,i}‖,   Ḣ_l ≤ sup|σ_l'| Ż_l.
So the whole is tᵀMt with M ≥ 0 entrywise, and L_H = λ_max((M + Mᵀ)/2) on Σ t_l² ≤ 1.

Over the ball every factor is replaced by its supremum, from the values at the centre (superscript 0) and the change that a
perturbation with ‖[U_l q_l]‖_F ≤ r can make; exact differences, no linearisation:
    ΔZ_l = A_l⁰[U_l q_l]ᵀ + ΔH_{l-1} V_l(θ)ᵀ: ‖ΔZ_l‖_F ≤ ‖A_l⁰‖ r + (‖V_l⁰‖ + s_l r)‖ΔH_{l-1}‖_F (rows alike), ‖ΔH_l‖ ≤ sup|σ_l'| ‖ΔZ_l‖;
    ΔG_{l-1} = B_l(θ) s_l U_l + ΔB_l V_l⁰: ‖ΔG_{l-1,i}‖ ≤ s_l r ‖B_{l,i}(θ)‖ + ‖V_l⁰‖ ‖ΔB_{l,i}‖;
    ΔB_l = σ_l'(z_l(θ)) ∘ ΔG_l + (σ_l'(z_l(θ)) − σ_l'(z_l⁰)) ∘ G_l⁰: ‖ΔB_{l,i}‖ ≤ sup|σ_l'| ‖ΔG_{l,i}‖ + sup|σ_l''| ‖Δz_{l,i}‖ g⁰_{l,i}
(the last because ‖G diag(δ)‖ ≤ ‖G diag(δ)‖_F ≤ ‖δ‖ max_r‖G_{·r}‖). Inputs, A_1 and G_L = I do not move.

Kinks. Let σ_l be piecewise linear (ReLU; |z| below is the distance from the nearest kink).
 ΔZ_l above is bounded by Lipschitz constants alone, whatever signs change. Where
‖Δz_{l,i}‖ < min_r|z⁰_{l,ir}| for every sample i and every such layer l, no pre-activation meets its kink on the ball (nor on a slightly larger
one): σ_l is multiplication by fixed slopes there, F is a polynomial in θ, and the derivation holds with σ_l'' = 0. On every other ball nothing is
claimed: L_H = ∞.

Other inputs (claim inputs_nearby; a linearisation with a spread). The norms at the centre become ‖A_l‖ + √n·α_l, ‖a_{l,i}‖ + α_l, ‖B_{l,i}‖ + β_{l,i} and
g_{l,i} + γ_{l,i}, those of every data set whose inputs lie within ε; the bound holds for each of them.

This sharper form is for chains; on any other graph of layers L_H is that of :mod:`verify.networks.movement`.

Each layer is given the whole radius r here; sharing r between layers could only sharpen the inflation, a second-order effect.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, overload

import numpy as np
from jaxtyping import Bool, Float

from verify.arrays import Ball, spectral_norm
from verify.arrays.guesses import approx_spectral_norm, largest_eigenvalues
from verify.arrays.rounding import quiet
from verify.arrays.spectra import perron_upper
from verify.errors import InputError
from verify.networks.layers.norms import (
    block_norms,
    column_norms,
    distance_from_kink,
    operator_norm,
    point,
    row_norms,
    upper_end,
)
from verify.networks.linearisation import Linearisation
from verify.networks.movement import Movement

__all__ = ["Curvature"]


class _Arithmetic(NamedTuple):
    """What the recursions compute in: balls for the bound, plain doubles for a guess of it; the formulas are written once.

    Attributes:
        point: doubles, or infinity, as numbers of this kind. upper: the upper ends of such numbers.
    """

    point: Callable[[Any], Any]
    upper: Callable[[Any], Any]

    def end(self, x: Any) -> Any:
        """The upper end as an exact number: bounds are monotone in every ingredient."""
        return self.point(self.upper(x))

    def largest(self, x: Any) -> Any:
        """The largest upper end (…, 1) along the last axis, the samples."""
        return self.point(np.max(self.upper(x), axis=-1, keepdims=True))


_BALLS = _Arithmetic(point, Ball.upper)
_DOUBLES = _Arithmetic(np.asarray, np.asarray)


@dataclass(frozen=True)
class _Norms:
    """Norms of one layer, as exact upper bounds: at the centre, or their suprema over m balls (one row per radius)."""

    scale: Ball  # s_l
    a_norm: Ball  # ‖A_l‖, or (m, 1)
    a_rows: Ball  # (n,) ‖a_{l,i}‖, or (m, n)
    v_norm: Ball  # ‖V_l‖, or (m, 1)
    b_rows: Ball  # (n,) ‖B_{l,i}‖, or (m, n)
    g_rows: Ball  # (n,) g_{l,i}, or (m, n)
    slope: Ball  # sup|σ_l'|
    bend: Ball  # sup|σ_l''|, 0 where the slopes are constant on either side of a kink
    margin: Float[np.ndarray, " n"] | None = (
        None  # lower bounds of the distance of each sample's pre-activations from the kink, if there is one
    )

    def doubles(self) -> _Norms:
        """The upper ends alone, for a guess."""
        ends: dict[str, Any] = {
            one.name: getattr(self, one.name).upper() for one in fields(self) if one.name != "margin"
        }
        return _Norms(**ends, margin=self.margin)


class Curvature:
    """The function r ↦ L_H(r) of one linearisation (claim layered_curvature; derivation in the module's docstring)."""

    def __init__(self, state: Linearisation, *, norm: Callable[[Ball], Ball] = spectral_norm) -> None:
        """Prepare; the centre's layer norms are computed at the first call, once, and each call is then cheap.

        Args:
            state: enclosures at the centre. norm: encloses the spectral norm of a matrix; any other value makes the
                bounds worthless as bounds (see :meth:`approx`).
        """
        self._state, self._norm, self._n = state, norm, state.n
        self._movement = None if state.network.is_chain else Movement(state, norm=norm)
        # One affine map without activation: F is linear in the parameters and D²F vanishes identically.
        self._linear = state.network.is_chain and state.depth == 1 and state.network.chain[0].activation.is_identity

    @property
    def state(self) -> Linearisation:
        """What it bounds the curvature of."""
        return self._state

    @functools.cached_property
    def _layers(self) -> list[_Norms]:
        """The layers' norms at the centre."""
        state, norm = self._state, self._norm
        n, k = state.n, state.network.outputs
        layers: list[_Norms] = []
        for index, layer in enumerate(state.network.chain):
            pieces = layer.activation.pieces
            # The norm of exact data is asked for elsewhere as well.
            shared = index == 0 and norm is spectral_norm and state.A[0].is_point
            own = (lambda _: state.data_norm) if shared else norm
            layers.append(
                _Norms(
                    scale=upper_end(layer.scale),
                    a_norm=operator_norm(state.a_rows[index], own),
                    a_rows=row_norms(state.a_rows[index]),
                    # V_1 meets only the inputs, which do not move; its norm never enters.
                    v_norm=Ball(0.0) if index == 0 else upper_end(norm(state.V[index])),
                    b_rows=row_norms(state.b_rows[index]) if k == 1 else block_norms(state.B[index], n, k),
                    g_rows=column_norms(state.G[index], n, k),
                    slope=Ball(layer.activation.supremum(1)),
                    bend=Ball(layer.activation.bend),
                    margin=None if pieces is None else distance_from_kink(state.z_rows[index], pieces.gap),
                )
            )
        spread = state.spread
        if spread is None:
            return layers
        return [
            replace(
                layer,
                a_norm=upper_end(layer.a_norm + spread.rows(index, n)),
                a_rows=upper_end(layer.a_rows + spread.data[index]),
                b_rows=upper_end(layer.b_rows + spread.blocks[index]),
                g_rows=upper_end(layer.g_rows + spread.columns[index]),
            )
            for index, layer in enumerate(layers)
        ]

    @classmethod
    def approx(cls, state: Linearisation) -> Curvature:
        """Return the same function of radius from *approximate* spectral norms: a guess of L_H, some ten times cheaper.

        It says where a search for a certificate is worth its cost; no bound may come from it.
        """
        return cls(state, norm=lambda a: Ball(approx_spectral_norm(a.mid)))

    @staticmethod
    def approx_floor(state: Linearisation) -> float:
        """Return what the bound is at least at any radius (approximate): the largest diagonal entry of M, with ‖A_l‖ ≥ max_i‖a_{l,i}‖.

        It costs next to nothing, and tells where a search is hopeless.
        """
        n, k = state.n, state.network.outputs
        floor = 0.0
        if not state.network.is_chain:
            return floor
        for index, layer in enumerate(state.network.chain):
            if not layer.activation.is_identity and layer.activation.pieces is None:
                rows, columns = state.a_rows[index].norms, np.abs(state.g_rows[index].mid).max(axis=1)
                largest = float((rows * columns.reshape(n, k).max(axis=1)).max()) * float(rows.max())
                floor = max(floor, layer.activation.supremum(2) * largest)
        return floor

    def _inflated(
        self, layers: list[_Norms], radius: Any, arithmetic: _Arithmetic
    ) -> tuple[list[_Norms], Bool[np.ndarray, " m"]]:
        """Suprema over the balls of radii (m, 1) of every norm, in the order of the docstring's derivation; which balls meet no kink."""
        zero = arithmetic.point(np.zeros(self._n))
        moved_h, moved_h_rows = arithmetic.point(0.0), zero
        a_norms, a_rows, v_norms, z_rows = [], [], [], []
        smooth = np.ones(radius.shape[0], dtype=bool)
        reaches = [layer.scale * radius for layer in layers]
        for layer, reach in zip(layers, reaches, strict=True):
            a_norms.append(layer.a_norm + layer.scale * moved_h)
            a_rows.append(layer.a_rows + layer.scale * moved_h_rows)
            v = layer.v_norm + reach
            v_norms.append(v)
            moved_z = layer.a_norm * radius + v * moved_h
            moved_z_rows = layer.a_rows * radius + v * moved_h_rows
            z_rows.append(moved_z_rows)
            if layer.margin is not None:
                smooth &= (arithmetic.upper(moved_z_rows) < layer.margin).all(axis=-1)
            moved_h, moved_h_rows = layer.slope * moved_z, layer.slope * moved_z_rows
        moved_g = zero
        result: list[_Norms] = []
        for index in reversed(range(len(layers))):
            layer = layers[index]
            moved_b = layer.slope * moved_g + layer.bend * z_rows[index] * layer.g_rows
            b_rows = layer.b_rows + moved_b
            result.append(
                _Norms(
                    layer.scale,
                    arithmetic.end(a_norms[index]),
                    arithmetic.end(a_rows[index]),
                    arithmetic.end(v_norms[index]),
                    arithmetic.end(b_rows),
                    arithmetic.end(layer.g_rows + moved_g),
                    layer.slope,
                    layer.bend,
                )
            )
            if index:
                moved_g = reaches[index] * b_rows + layer.v_norm * moved_b
        return result[::-1], smooth

    @overload
    def __call__(self, radius: float) -> float: ...

    @overload
    def __call__(self, radius: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]: ...

    def __call__(self, radius: float | Float[np.ndarray, " m"]) -> float | Float[np.ndarray, " m"]:
        """Return an upper bound of L_H(radius): sup of ‖D²F[u, v]‖/(‖u‖‖v‖) over ‖θ − θ0‖ ≤ radius.

        Args:
            radius: exact double ≥ 0, in the Euclidean norm over all parameters, or m of them: many radii at once cost little
                more than one.

        Returns:
            a double, or (m,) doubles; non-decreasing in `radius` up to rounding; inf where the bound overflows, or where a
                unit may meet its kink.
        """
        radii = np.atleast_1d(np.asarray(radius, dtype=np.float64))
        if not (radii >= 0.0).all():
            raise InputError(f"radius={radius!r}: expected a number ≥ 0")
        if self._movement is not None:
            bounds = self._movement.curvature(radii)
        else:
            bounds = np.zeros(radii.shape) if self._linear else self._bounds(radii)
        return bounds if np.ndim(radius) else float(bounds[0])

    def guess(self, radii: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        """Return the bound at m radii but for its roundings, for a search's comparisons: of a chain a fifth of the cost; no bound may come from it."""
        if self._movement is not None or self._linear:
            return self(radii)
        with quiet():
            upper, smooth = self._form([layer.doubles() for layer in self._layers], radii, _DOUBLES)
            known = np.isfinite(upper).all(axis=(0, 1)) & smooth
            entries = np.where(known, upper, 0.0)
            found = largest_eigenvalues((0.5 * (entries + entries.swapaxes(0, 1))).transpose(2, 0, 1))
            return np.where(known & np.isfinite(found), found, np.inf)

    def _bounds(self, radii: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        """λ_max of the symmetric part of the form M at each radius."""
        upper, smooth = self._form(self._layers, radii, _BALLS)
        entries = Ball(np.where(np.isfinite(upper), upper, 0.0))
        symmetric = ((entries + entries.swapaxes(0, 1)) * Ball(0.5)).upper()
        bounds = perron_upper(symmetric.transpose(2, 0, 1))
        return np.where(np.isfinite(upper).all(axis=(0, 1)) & smooth, bounds, np.inf)

    def _form(
        self, centre: list[_Norms], radii: Float[np.ndarray, " m"], arithmetic: _Arithmetic
    ) -> tuple[Float[np.ndarray, "depth depth m"], Bool[np.ndarray, " m"]]:
        """The entries of M at each radius, their upper ends, from the layers' norms at the centre; which balls meet no kink."""
        layers, smooth = self._inflated(centre, arithmetic.point(radii[:, None]), arithmetic)
        depth = len(layers)
        form = [[arithmetic.point(0.0) for _ in range(depth)] for _ in range(depth)]
        # Coefficient vectors over t of ‖Ḣ_{l-1}‖_F and of the rows' ‖ḣ_{l-1,i}‖.
        h_norm: list[Any] = []
        h_rows: list[Any] = []
        for index, layer in enumerate(layers):
            if index:
                largest_b = arithmetic.point(2.0) * layer.scale * arithmetic.largest(layer.b_rows)
                for j in range(index):
                    form[index][j] = form[index][j] + largest_b * h_norm[j]
            z_norm = [layer.v_norm * h for h in h_norm] + [layer.a_norm]
            z_rows = [layer.v_norm * h for h in h_rows] + [layer.a_rows]
            if arithmetic.upper(layer.bend) > 0.0:
                for i in range(index + 1):
                    weighted = arithmetic.largest(layer.g_rows * z_rows[i]) * layer.bend
                    for j in range(index + 1):
                        form[i][j] = form[i][j] + weighted * z_norm[j]
            if index < depth - 1:
                h_norm = [layer.slope * z for z in z_norm]
                h_rows = [layer.slope * z for z in z_rows]
        shape = (radii.size, 1)
        return np.stack(
            [[np.broadcast_to(arithmetic.upper(entry), shape)[:, 0] for entry in row] for row in form]
        ), smooth
