"""How far a step of gradient descent can carry two nearby points apart: the growth factor of scope `exact`.

Claim id: shadow_growth. Let T(θ) = θ − η∇Φ(θ), θ̂ exact, ‖θ − θ̂‖ ≤ δ. The ball B(θ̂, δ) is convex, so
    ‖T(θ) − T(θ̂)‖ ≤ g·δ,  g ≥ sup over the ball of ‖I − η∇²Φ‖,  ∇²Φ = s(JᵀJ + E),  E = Σ_ia e_ia ∇²F_ia.
The matrix is symmetric and JᵀJ ⪰ 0, so g = max(1 + ηs·ν⁻, ηs(‖J‖² + ν⁺) − 1) with ν⁻ ≥ λ_max(−E), ν⁺ ≥ λ_max(E). Only negative
curvature separates trajectories, and it is weighted by the residual, which gradient descent is busy removing.

Reach. What can change on the ball (superscript 0: at θ̂; every layer is given the whole δ, ‖[U_l q_l]‖_F ≤ δ; exact
differences, no linearisation):
    Δz_{l,i} = [U_l q_l] a⁰_{l,i} + V_l(θ) Δh_{l-1,i}:  ‖Δz_{l,i}‖ ≤ ‖a⁰_{l,i}‖δ + (‖V⁰_l‖ + s_l δ)‖Δh_{l-1,i}‖,  ‖Δh_l‖ ≤ sup|σ_l'|‖Δz_l‖,
    ΔG_{l-1} = B_l(θ) s_l U_l + ΔB_l V⁰_l:              ‖ΔG_{l-1,i}‖ ≤ s_l δ(‖B⁰_{l,i}‖ + ‖ΔB_{l,i}‖) + ‖V⁰_l‖‖ΔB_{l,i}‖,
    ΔB_l = σ_l'(z_l(θ))∘ΔG_l + Δσ_l'∘G⁰_l:              ‖ΔB_{l,i}‖ ≤ sup|σ_l'|‖ΔG_{l,i}‖ + sup|σ_l''|‖Δz_{l,i}‖·‖G⁰_{l,i}‖_F.
Block i of the Jacobian, layer l, has rows B_{l,ia} ⊗ a_{l,i}; hence, with Frobenius norms of the k × m_l blocks B_{l,i},
    ‖ΔJ‖² ≤ ‖ΔJ‖_F² ≤ k·Σ_l Σ_i (‖ΔB_{l,i}‖(‖a_{l,i}‖ + ‖Δa_{l,i}‖) + ‖B_{l,i}‖_F‖Δa_{l,i}‖)²,   ‖Δe‖² ≤ Σ_i ‖Δh_{L,i}‖².
(All block norms here are Frobenius norms at the centre; of a change the operator norm, whose Frobenius norm is at most √k larger.)
With them λ_min(Θ(θ)) ≥ max(0, √λ_min(Θ⁰) − ‖ΔJ‖)² (Weyl) and ‖e(θ)‖ ∈ ‖e⁰‖ ± ‖Δe‖.

Curvature. For u = (U_l, q_l), t_l = ‖[U_l q_l]‖_F, at one θ (ż, ḣ as in claim layered_curvature), with the n × m_l matrices
C_{l,ir} = Σ_a e_ia B_{l,ia,r} and S_{l,ir} = σ_l''(z_{l,ir})·Σ_a e_ia G_{l,ia,r}:
    uᵀEu = Σ_l 2⟨U_l, s_l C_lᵀḢ_{l-1}⟩ + Σ_l Σ_ir S_{l,ir} ż_{l,ir}²,   Ż_l = A_l[U_l q_l]ᵀ + Ḣ_{l-1}V_lᵀ.
Split Ż_l = D_l + I_l into the part that layer l's own perturbation makes, D_{l,ir} = a_{l,i}·u_{l,r}, and the part inherited from below.
With column r of a matrix written [·]_r and K_l = A_l A_lᵀ:
    Σ_ir S D² = Σ_r u_rᵀ(A_lᵀ diag([S_l]_r)A_l)u_r:  ±, at most t_l² max_r min(([S]_rᵀ(K∘K)[S]_r)^½, ‖A_l‖² max_i(±S_ir)_+)        (Frobenius)
    ‖C_lᵀ(σ_{l-1}'∘D_{l-1})‖_F² = Σ_r ‖C_lᵀdiag([σ']_r)A_{l-1}u_r‖²:  at most t_{l-1}² max_r [σ']_rᵀ(C_lC_lᵀ ∘ K_{l-1})[σ']_r           (Frobenius)
    the rest with norms: ‖σ'∘D_l‖_F ≤ t_l·max|σ'|·‖A_l‖, ‖σ'∘I_l‖_F ≤ max|σ'|·‖V_l‖·‖Ḣ_{l-1}‖_F, ‖C_lᵀX‖_F ≤ ‖C_l‖_F‖X‖_F,
    |Σ S D I| ≤ t_l‖A_l‖·max|S_l|·‖I_l‖_F and |Σ S I²| ≤ max|S_l|·‖I_l‖_F².
The sum is a quadratic form in (t_1, …, t_L) with coefficients ≥ 0; λ_max of its symmetric matrix bounds λ_max(±E). The first two are where the
cancellation Σ_i e_i(…) survives: a norm of C or S alone would throw it away.
One hidden layer, identity output: E is block-diagonal, one block [[P_r, Q_r], [Q_rᵀ, 0]] per neuron (w_r, b_r; v_r) and the output bias' zero block;
λ_max(±block) ≤ (p_r + (p_r² + 4q_r²)^½)/2 with p_r, q_r the r-th entries of the two maxima above: no sum over layers, one maximum over r.
Over the ball every entry of A, B, G, e, V is widened by its reach, σ' and σ'' are ranges.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from verify.arrays import Ball, concatenate, gram, largest_eigenvalue, maximum, spectral_norm, sqrt
from verify.networks.graph import Network
from verify.networks.linearisation import Linearisation

__all__ = ["NormCache", "Reach", "curvature_bounds", "growth_factor", "reach", "step_distance"]

# Units that are bounded together.
_BLOCK = 1024


def _up(ball: Ball) -> Ball:
    """Replace an enclosure by its upper end point, exact: every bound here is monotone in its ingredients."""
    return Ball(ball.upper())


def _root(ball: Ball) -> Ball:
    """Upper bound of √x, exact, for x known to be ≥ 0 (its enclosure may reach below)."""
    return _up(sqrt(Ball(np.maximum(ball.upper(), 0.0))))


class NormCache:
    """Upper bounds of ‖V_l‖ along a trajectory: ‖V_l(θ)‖ ≤ ‖V_l(anchor)‖ + s_l‖W_l − W_l(anchor)‖_F.

    The spectral norm is computed again only when the drift exceeds a tenth of it. The first layer's is never needed
    (inputs do not move) and returned as 0.
    """

    def __init__(self) -> None:
        """Start without anchors."""
        self._anchors: dict[int, tuple[np.ndarray, Ball]] = {}

    def __call__(self, network: Network) -> list[Ball]:
        """Return upper bounds of ‖V_l‖ per layer at the network's parameters."""
        norms = [Ball(0.0)]
        for index, layer in enumerate(network.chain[1:], start=1):
            anchor = self._anchors.get(index)
            if anchor is not None:
                drift = (Ball(layer.weight) - Ball(anchor[0])).norm()
                if float(drift.upper()) <= 0.1 * float(anchor[1].upper()):
                    norms.append(_up((anchor[1] + drift) * layer.scale))
                    continue
            norm = _up(spectral_norm(Ball(layer.weight)))
            self._anchors[index] = (layer.weight, norm)
            norms.append(_up(norm * layer.scale))
        return norms


@dataclass(frozen=True)
class Reach:
    """Bounds on what changes on B(θ̂, δ); per layer, per-sample upper bounds (n,) as exact balls.

    Attributes:
        delta: δ. dz, da, dg, db: of ‖Δz_{l,i}‖, ‖Δa_{l,i}‖, ‖ΔG_{l,i}‖, ‖ΔB_{l,i}‖.
        v_norms: of ‖V_l(θ)‖ on the ball. df: of ‖ΔF_i‖. jacobian, residual: of ‖ΔJ‖ and ‖Δe‖, doubles.
        kink: (layer, sample, unit) of a pre-activation that may meet a kink on the ball, None where none may; `jacobian` is ∞ where one may.
    """

    delta: float
    dz: tuple[Ball, ...]
    da: tuple[Ball, ...]
    dg: tuple[Ball, ...]
    db: tuple[Ball, ...]
    v_norms: tuple[Ball, ...]
    df: Ball
    jacobian: float
    residual: float
    kink: tuple[int, int, int] | None


def _block_frobenius(rows: Ball, n: int) -> Ball:
    """Upper bounds (n,) of the Frobenius norms of the k × m blocks of `rows` (n·k, m)."""
    return _up(rows.reshape(n, -1).norm(axis=1))


def _kink(state: Linearisation, dz: list[Ball]) -> tuple[int, int, int] | None:
    """Return (layer, sample, unit) of the first layer's most doubtful pre-activation that may meet a kink; None where none may."""
    for index, layer in enumerate(state.network.chain):
        if layer.activation.pieces is None:
            continue
        z = state.Z[index]
        room = layer.activation.pieces.gap(z.mid) - (Ball(z.rad) + Ball(dz[index].upper()[:, None])).upper()
        if not (room > 0.0).all():
            sample, unit = np.unravel_index(int(np.argmin(room)), room.shape)
            return index, int(sample), int(unit)
    return None


def reach(state: Linearisation, delta: float, v_norms: list[Ball]) -> Reach:
    """Bound the changes on B(θ̂, δ); claim shadow_growth, part "reach".

    An activation with kinks is linear about every pre-activation where the ball meets none: σ'' = 0, and F is a polynomial on the ball.

    Args:
        state: linearisation at θ̂ (tight). delta: exact double ≥ 0. v_norms: upper bounds of ‖V_l(θ̂)‖.
    """
    layers = state.network.chain
    n, k = state.n, state.network.outputs
    d = Ball(delta)
    slopes = [Ball(la.activation.supremum(1)) for la in layers]
    bends = [Ball(la.activation.bend) for la in layers]
    scales = [_up(la.scale) for la in layers]
    a_rows = [_up(a.norm(axis=1)) for a in state.A]
    moved = Ball(np.zeros(n))
    dz, da, inflated = [], [], []
    for index in range(len(layers)):
        v = _up(v_norms[index] + scales[index] * d)
        da.append(_up(scales[index] * moved))
        dz.append(_up(a_rows[index] * d + v * moved))
        inflated.append(v)
        moved = _up(slopes[index] * dz[index])
    df, kink = moved, _kink(state, dz)
    dg_next = Ball(np.zeros(n))
    dg, db, square = [], [], Ball(0.0)
    for index in reversed(range(len(layers))):
        b_rows = _block_frobenius(state.B[index], n)
        change = slopes[index] * dg_next
        if not layers[index].activation.is_identity:
            change = change + bends[index] * dz[index] * _block_frobenius(state.G[index], n)
        change = _up(change)
        dg.append(dg_next)
        db.append(change)
        per_sample = change * (a_rows[index] + da[index]) + b_rows * da[index]
        square = square + (per_sample * per_sample).sum()
        dg_next = _up(scales[index] * d * (b_rows + change) + v_norms[index] * change)
    jacobian = _root(square * Ball(float(k)))
    return Reach(
        delta=delta,
        dz=tuple(dz),
        da=tuple(da),
        dg=tuple(dg[::-1]),
        db=tuple(db[::-1]),
        v_norms=tuple(inflated),
        df=df,
        jacobian=float(jacobian.upper()) if kink is None else float("inf"),
        residual=float(df.norm().upper()),
        kink=kink,
    )


def _widen(ball: Ball, rows: Ball, repeat: int = 1) -> Ball:
    """Widen every entry of row i by rows_i (an entry moves at most as far as its row does in the 2-norm)."""
    spread = rows.upper()
    if not spread.any():
        return ball
    spread = np.repeat(spread, repeat)[:, None]
    return ball + Ball(np.zeros(ball.shape), np.broadcast_to(spread, ball.shape))


def _contract(weights: Ball, rows: Ball, n: int, k: int) -> Ball:
    """Σ_a e_ia·rows_{ia,r}: (n·k,) and (n·k, m) → (n, m)."""
    product = rows * weights.reshape(-1, 1)
    return product if k == 1 else product.reshape(n, k, -1).sum(axis=1)


def _quadratic(kernel: Ball, columns: Ball) -> Float[np.ndarray, " m"]:
    """Upper bounds (m,) of c_rᵀ K c_r over the columns c_r of `columns` (n, m); at least 0."""
    value = (columns * (kernel @ columns)).sum(axis=0)
    return np.maximum(value.upper(), 0.0)


def _mirrored(form: list[list[Ball]]) -> float:
    """λ_max upper bound of the symmetric part of a form with non-negative coefficients, ≥ 0."""
    upper = np.array([[float(entry.upper()) for entry in row] for row in form])
    if not np.isfinite(upper).all():
        return float("inf")
    symmetric = (Ball(upper) + Ball(upper.T)) * Ball(0.5)
    return float(maximum(largest_eigenvalue(symmetric), Ball(0.0)).upper())


@dataclass(frozen=True)
class _Units:
    """Upper bounds of what one layer does to its units, exact doubles.

    Attributes:
        own: (m,) each, of λ_max(−Aᵀdiag([S]_r)A) and of λ_max(Aᵀdiag([S]_r)A), at least 0.
        coupled: (m,), of [σ']_rᵀ(CCᵀ ∘ K)[σ']_r with C of the layer above.
        slope, bend: of max|σ'| and max|S| over samples and units. norm_square: of ‖A‖².
    """

    own: tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]
    coupled: Float[np.ndarray, " m"]
    slope: float
    bend: float
    norm_square: float


def _units(state: Linearisation, moved: Reach, e: Ball, index: int, kernel: Ball, above: Ball) -> _Units:
    """Bound what layer `index` does; `e` is the residual on the ball (n·k,), `kernel` is K_l and `above` C_{l+1}C_{l+1}ᵀ ∘ K_l, both (n, n)."""
    n, k, layer = state.n, state.network.outputs, state.network.chain[index]
    norm_square = _up(largest_eigenvalue(kernel))
    if layer.activation.is_identity:
        nothing, same = np.zeros(layer.fan_out), _quadratic(above, Ball(np.ones((n, 1))))
        return _Units((nothing, nothing), np.repeat(same, layer.fan_out), 1.0, 0.0, float(norm_square.mid))
    squares = kernel * kernel
    parts: list[tuple[np.ndarray, ...]] = []
    slope_top = bend_top = 0.0
    # A block of units at a time: arrays of all samples and units would leave the processor's cache at every operation.
    for first in range(0, layer.fan_out, _BLOCK):
        block = slice(first, first + _BLOCK)
        _, slope, bend = layer.activation.jet(_widen(state.Z[index][:, block], moved.dz[index]), 2)
        s = _contract(e, _widen(state.G[index][:, block], moved.dg[index], k), n, k) * bend
        low, high = s.lower(), s.upper()
        frobenius = _root(Ball(_quadratic(squares, s))).mid
        extremes = (np.maximum(-low.min(axis=0), 0.0), np.maximum(high.max(axis=0), 0.0))
        own = (np.minimum(frobenius, (norm_square * Ball(extreme)).upper()) for extreme in extremes)
        parts.append((*own, _quadratic(above, slope)))
        slope_top = max(slope_top, float(slope.magnitude().max()))
        bend_top = max(bend_top, *(float(extreme.max()) for extreme in extremes))
    minus, plus, coupled = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _Units((minus, plus), coupled, slope_top, bend_top, float(norm_square.mid))


def curvature_bounds(state: Linearisation, moved: Reach, residual: Ball) -> tuple[float, float]:
    """Return (ν⁻, ν⁺): upper bounds of λ_max(−E) and λ_max(E) on B(θ̂, δ); claim shadow_growth, part "curvature".

    Args:
        state: linearisation at θ̂. moved: its reach at δ. residual: e(θ̂) (N,), sample-major.
    """
    layers = state.network.chain
    n, k, depth = state.n, state.network.outputs, state.depth
    e = residual + Ball(np.zeros(n * k), np.repeat(moved.df.upper(), k))
    # C_l, of the layers that read another one.
    cs = {i: _contract(e, _widen(state.B[i], moved.db[i], k), n, k) for i in range(1, depth)}

    def units(index: int) -> _Units:
        a = state.A[index]
        if layers[index].bias is None:
            a = _widen(a, moved.da[index])
        else:
            a = concatenate([_widen(a[:, :-1], moved.da[index]), Ball(np.ones((n, 1)))], axis=1)
        kernel = gram(a)
        above = gram(cs[index + 1]) * kernel if index + 1 < depth else Ball(np.zeros((n, n)))
        return _units(state, moved, e, index, kernel, above)

    if depth == 2 and layers[1].activation.is_identity:
        hidden = units(0)
        q = Ball((layers[1].scale * sqrt(Ball(hidden.coupled))).upper())
        blocks = [(p + _root(p * p + q * q * 4.0)) * 0.5 for p in map(Ball, hidden.own)]
        return float(blocks[0].upper().max()), float(blocks[1].upper().max())

    found = [units(index) for index in range(depth)]
    results = []
    zero = Ball(0.0)
    for sign in (0, 1):
        form = [[zero for _ in range(depth)] for _ in range(depth)]
        # Coefficients over t of ‖Ḣ_{l-1}‖_F.
        below: list[Ball] = []
        for index, here in enumerate(found):
            bend = Ball(here.bend)
            inherited = [moved.v_norms[index] * coefficient for coefficient in below]
            if index:
                coupling = layers[index].scale * _root(Ball(float(found[index - 1].coupled.max())))
                form[index][index - 1] = form[index][index - 1] + _up(coupling) * 2.0
                norm_c = _up(cs[index].norm() * layers[index].scale)
                for j in range(index - 1):
                    form[index][j] = form[index][j] + norm_c * below[j] * 2.0
            form[index][index] = form[index][index] + Ball(float(here.own[sign].max()))
            a_norm = _root(Ball(here.norm_square))
            for i, first in enumerate(inherited):
                form[index][i] = form[index][i] + a_norm * bend * first * 2.0
                for j, second in enumerate(inherited):
                    form[i][j] = form[i][j] + bend * first * second
            below = [_up(Ball(here.slope) * entry) for entry in [*inherited, a_norm]]
        results.append(_mirrored(form))
    return results[0], results[1]


def growth_factor(state: Linearisation, moved: Reach, residual: Ball, lambda_max_upper: float, eta_s: Ball) -> float:
    """Return g ≥ sup ‖I − η∇²Φ‖ over B(θ̂, δ), an exact double; claim shadow_growth.

    Args:
        state, moved, residual: at θ̂, as for :func:`curvature_bounds`.
        lambda_max_upper: ≥ λ_max(Θ(θ̂)). eta_s: enclosure of η·s.
    """
    if not np.isfinite(moved.jacobian):
        return float("inf")
    negative, positive = curvature_bounds(state, moved, residual)
    if not (np.isfinite(negative) and np.isfinite(positive)):
        return float("inf")
    norm = _root(Ball(lambda_max_upper)) + Ball(moved.jacobian)
    expanding = Ball(1.0) + eta_s * Ball(negative)
    overshooting = eta_s * (norm * norm + Ball(positive)) - Ball(1.0)
    return float(max(expanding.upper(), overshooting.upper()))


def step_distance(state: Linearisation, residual: Ball, after: Network, lr: Fraction, s: Fraction) -> float:
    """Upper bound of ‖θ̂' − (θ̂ − η∇Φ(θ̂))‖ for the exact parameters θ̂' of `after`: the rounding of one float step."""
    factor = Ball(lr * s)
    squares = Ball(0.0)
    pairs = zip(_arrays(state.network), _arrays(after), state.gradient(residual), strict=True)
    for before, later, slope in pairs:
        gap = (Ball(before) - Ball(later)) - slope * factor
        squares = squares + (gap * gap).sum()
    return float(_root(squares).upper())


def _arrays(network: Network) -> list[np.ndarray]:
    """The trained arrays, in the order of θ."""
    return [array for layer in network.trainable() for array in layer.trained.values()]
