"""The network, its linearisation at exact or enclosed parameters, and the two bounds on how it changes over a ball.

Notation (one row per sample, N = n·k rows where outputs are involved, sample-major): z_l = s_l W_l h_{l-1} + b_l, h_l = σ_l(z_l),
V_l = s_l W_l, A_l = rows [s_l h_{l-1}, 1] (the 1 where layer l has a bias), G_l = ∂F/∂h_l, B_l = ∂F/∂z_l.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from flint import arb, arb_mat

from verify.checker.enclosures import (
    activation,
    gram,
    length,
    norm,
    psd_norm,
    real,
    root,
    smallest_eigenvalue,
    suprema,
    tick,
    zips,
)
from verify.checker.reading import Array, Limit, expect, take

__all__ = ["Layer", "Parameters", "Point", "Problem"]

MAX_PARAMETERS, MAX_ROWS, MAX_LAYERS = 1 << 22, 2048, 64
_NAMES = ("identity", "tanh", "sigmoid", "softplus", "silu", "sine", "gelu", "gelu_tanh", "relu", "leaky_relu")
_GIVEN = {"softplus": "beta", "leaky_relu": "negative_slope"}
KINKED = ("relu", "leaky_relu")

Parameters = list[Any]  # per layer the matrix [W b], or W


# Shape and kind of one layer; `square` is the integer 1/s².
Layer = namedtuple("Layer", "fan_out fan_in biased square name beta")


def _is_array(value: Any, *shape: int) -> bool:
    return isinstance(value, Array) and value.shape == shape


class Problem:
    """Architecture, starting parameters, data, loss scale s and step η of a certificate, exact and validated."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Read and validate; raises Malformed or Limit."""
        self.layers: list[Layer] = []
        self.start: list[float] = []
        rows = take(document["network"], "layers")[0]
        expect(isinstance(rows, list) and 1 <= len(rows) <= MAX_LAYERS, f"expected 1 to {MAX_LAYERS} layers")
        self.X, self.y = take(document["data"], "X y")
        expect(isinstance(self.X, Array) and len(self.X.shape) == 2, "X is no matrix")
        self.n, width = self.X.shape
        for row in rows:
            weight, bias, square, kind = take(row, "weight bias inverse_square_scale activation")
            name, given = take(kind, "name parameters")
            beta = (take(given, _GIVEN.get(name, "")) or [None])[0]
            expect(isinstance(weight, Array) and len(weight.shape) == 2, "a weight is no matrix")
            m, fan_in = weight.shape
            expect(m > 0 and fan_in == width, "the layers' and the inputs' shapes do not fit together")
            width, biased = m, bias is not None
            expect(not biased or _is_array(bias, m), f"expected a bias of shape ({m},)")
            known = type(square) is int and square >= 1 and name in _NAMES
            expect(known, f"layer of scale {square!r} and activation {name!r}")
            positive = isinstance(beta, float) and 0.0 < beta < float("inf")
            expect(name not in _GIVEN or positive, f"{name} needs a positive {_GIVEN.get(name)}")
            self.layers.append(Layer(m, fan_in, biased, square, name, real(beta or 0)))
            self.start += [*weight.data, *(bias.data if biased else ())]
        self.k = width
        expect(_is_array(self.y, self.n, self.k), "y has not one row per sample and one column per output")
        size, widest = self.n * self.k, max(layer.fan_out for layer in self.layers)
        if size > MAX_ROWS or max(len(self.start), size * widest) > MAX_PARAMETERS:
            raise Limit(f"n·k={size}, p={len(self.start)}: more than this checker takes on")
        expect(self.n > 0 and self.layers[0].fan_in > 0, "no samples, or no inputs")
        # Φ = (s/2)Σ‖F(x_i) − y_i‖²
        n, k = self.n, self.k
        scales = {"sum": Fraction(1), "mean": Fraction(1, n), "mse": Fraction(2, n * k), "mse_sum": Fraction(2)}
        loss = document["loss"]
        expect(isinstance(loss, str) and loss in scales, "unknown loss")
        self.s: Any = scales[loss]
        expect(document["loss_scale"] == self.s, "the loss scale is not that of the loss")
        self.lr: Any = document["lr"]
        positive = isinstance(self.lr, Fraction) and self.lr > 0
        expect(self.lr is None or positive, "the step is not a positive rational number")

    def require_smooth(self, scope: str) -> None:
        """Refuse kinks where a statement is proved for twice differentiable activations only."""
        smooth = all(layer.name not in KINKED for layer in self.layers)
        expect(smooth, f"scope {scope} is for activations without kinks")

    def parameters(self, stored: Any = None) -> Parameters:
        """Split a vector (layer by layer: weight row by row, then bias), by default the start; exact."""
        expect(stored is None or _is_array(stored, len(self.start)), "expected a vector of all parameters")
        flat = iter(self.start if stored is None else stored.data.tolist())
        result: Parameters = []
        for layer in self.layers:
            tick()
            rows = [[next(flat) for _ in range(layer.fan_in)] for _ in range(layer.fan_out)]
            result.append(arb_mat([[*row, next(flat)] for row in rows] if layer.biased else rows))
        return result


def _largest(values: Iterable[Any]) -> Any:
    result = arb(0)
    for value in values:
        result = result.max(value)
    return result


def _schur(left: Any, right: Any) -> Any:
    entries = [x * y for x, y in zips(left.entries(), right.entries())]
    return arb_mat(left.nrows(), left.ncols(), entries)


def _weighted(matrix: Any, factors: list[Any]) -> Any:
    """Multiply each column by its factor."""
    return arb_mat([[x * f for x, f in zips(row, factors)] for row in matrix.tolist()])


class Point:
    """Enclosures of everything a certificate needs at one parameter vector (exact, or itself enclosed)."""

    def __init__(self, problem: Problem, parameters: Parameters) -> None:
        """Propagate forwards (A, V, residual) and backwards (G, B); one entry per layer."""
        self.problem, n, k = problem, problem.n, problem.k
        lists: tuple[list[Any], ...] = ([], [], [], [], [], [], [])
        self.A, self.V, self.G, self.B, self.norms, self.omega, slopes = lists
        self.Z: list[Any] = []
        self.theta: Any = None
        h = arb_mat(n, problem.layers[0].fan_in, problem.X.data.tolist())
        self._first_weights = parameters[0]  # [W_1 b_1]
        for layer, weights in zips(problem.layers, parameters):
            tick()
            scale = 1 / arb(layer.square).sqrt()
            self.V.append(arb_mat([row[: layer.fan_in] for row in weights.tolist()]) * scale)
            self.A.append(arb_mat([row + [arb(1)] * layer.biased for row in (h * scale).tolist()]))
            # The products of rows [h, 1] and [W b], where s multiplies only h.
            self.Z.append(self.A[-1] * weights.transpose())
            both = [activation(layer.name, layer.beta, value) for value in self.Z[-1].entries()]
            h = arb_mat(n, layer.fan_out, [value for value, _ in both])
            slopes.append(arb_mat(n, layer.fan_out, [slope for _, slope in both]))
        self.residual = arb_mat(n * k, 1, [f - y for f, y in zips(h.entries(), problem.y.data)])
        self.e = length(self.residual.entries())  # ‖F(θ) − y‖
        self.loss = real(problem.s) * self.e**2 / 2
        g = arb_mat([[int(i == j) for i in range(k)] for _ in range(n) for j in range(k)])
        for slope, above in zips(slopes[::-1], [None, *self.V[:0:-1]]):
            tick()
            g = g if above is None else self.B[0] * above
            self.G.insert(0, g)
            self.B.insert(0, _schur(g, self._repeat(slope)))

    def _repeat(self, matrix: Any) -> Any:
        """Repeat the row of each sample for its k outputs."""
        tick()
        return arb_mat([row for row in matrix.tolist() for _ in range(self.problem.k)])

    def kernel(self) -> Any:
        """Enclose the NTK J·Jᵀ: the gradient of output row (i, a) with respect to [W_l b_l] is B_{l,ia} ⊗ a_{l,i}."""
        if self.theta is None:
            terms = [_schur(gram(b), gram(self._repeat(a))) for a, b in zips(self.A, self.B)]
            self.theta = sum(terms[1:], terms[0])
        return self.theta

    def smallest(self, near: float) -> Any:
        """Enclose λ_min of the NTK, with a guess; 0 exactly where there are more outputs than parameters."""
        few = len(self.problem.start) < self.problem.n * self.problem.k
        return arb(0) if few else smallest_eigenvalue(self.kernel(), near)

    def gradient(self) -> Parameters:
        """Enclose ∇Φ/s = Jᵀe, in the layout of the parameters: per layer Σ_ia e_ia B_{l,ia} a_{l,i}ᵀ."""
        e, pairs = self.residual.entries(), zips(self.A, self.B)
        return [_weighted(b.transpose(), e) * self._repeat(a) for a, b in pairs]

    def gradient_square(self) -> Any:
        """Enclose ‖∇Φ‖² = s²‖Jᵀe‖² = s²eᵀΘe."""
        return real(self.problem.s) ** 2 * (self.residual.transpose() * self.kernel() * self.residual)[0, 0]

    def curvature(self, radius: Any) -> Any:
        """Enclose the bound L_H(r) ≥ sup ‖D²F(θ)[u, w]‖/(‖u‖‖w‖) over ‖θ − θ0‖ ≤ r (claim layered_curvature).

        Along u = (U_l, q_l), t_l = ‖[U_l q_l]‖_F: ż_l = s_l U_l h_{l-1} + q_l + V_l ḣ_{l-1}, ḣ_l = σ_l' ż_l, and
        D²F[u, u] = Σ_l 2B_l(s_l U_l ḣ_{l-1}) + Σ_l G_l(σ_l'' ż_l²). Cauchy–Schwarz over samples, for ‖w‖ = 1:
        |w·D²F[u, u]| ≤ Σ_l 2 s_l t_l max_i‖B_{l,i}‖ ‖Ḣ_{l-1}‖_F + Σ_l sup|σ_l''| max_i(g_{l,i}‖ż_{l,i}‖) ‖Ż_l‖_F,
        ‖Ż_l‖_F ≤ ‖A_l‖t_l + ‖V_l‖‖Ḣ_{l-1}‖_F (single rows alike), ‖Ḣ_l‖ ≤ sup|σ_l'|‖Ż_l‖: a form tᵀMt with M ≥ 0, at most
        λ_max((M + Mᵀ)/2) on the unit ball. Over the ball each norm grows by what ‖[ΔW_l Δb_l]‖_F ≤ r can do:
        ‖ΔZ_l‖ ≤ ‖A_l‖r + (‖V_l‖ + s_l r)‖ΔH_{l-1}‖, ‖ΔA_l‖ ≤ s_l‖ΔH_{l-1}‖, ‖ΔH_l‖ ≤ sup|σ_l'|‖ΔZ_l‖;
        ‖ΔB_l‖ ≤ sup|σ_l'|‖ΔG_l‖ + sup|σ_l''|‖Δz_l‖g_l, ‖ΔG_{l-1}‖ ≤ s_l r(‖B_l‖ + ‖ΔB_l‖) + ‖V_l‖‖ΔB_l‖; ΔG_L = 0, ΔH_0 = 0.
        ReLU and LeakyReLU: where |z⁰| > ‖Δz_{l,i}‖ for all units and samples none meets its kink on the ball, so that σ'' = 0; else ∞.
        """
        tick()
        r, n, k, layers = radius, self.problem.n, self.problem.k, self.problem.layers
        if not self.norms:
            samples = [slice(i * k, i * k + k) for i in range(n)]
            for layer, a, v, g, b in zips(layers, self.A, self.V, self.G, self.B):
                b_rows, g_rows, rows = b.tolist(), g.tolist(), list(map(length, a.tolist()))
                blocks = [norm(arb_mat(b_rows[i])) for i in samples]
                columns = [_largest(map(length, zips(*g_rows[i]))) for i in samples]
                scale, sups = 1 / arb(layer.square).sqrt(), suprema(layer.name, layer.beta)
                sups = (sups[0], arb(0)) if layer.name in KINKED else sups  # its units' signs are watched below
                self.norms.append((scale, norm(a), rows, norm(v), blocks, columns, *sups))
        depth = len(layers)
        grown: list[Any] = []
        moved, moved_rows = arb(0), [arb(0)] * n
        for s, a, rows, v, _, _, slope, _ in self.norms:
            v_r = v + s * r
            z_rows = [x * r + v_r * d for x, d in zips(rows, moved_rows)]
            if layers[len(grown)].name in KINKED:
                rows_z = self.Z[len(grown)].tolist()
                if not all(d < abs(x) for d, row in zips(z_rows, rows_z) for x in row):
                    return arb("inf")
            grown.append((a + s * moved, [x + s * d for x, d in zips(rows, moved_rows)], v_r, z_rows))
            moved, moved_rows = slope * (a * r + v_r * moved), [slope * d for d in z_rows]
        moved_g = [arb(0)] * n
        above: list[Any] = []
        for i in reversed(range(depth)):
            s, _, _, v, blocks, columns, slope, bend = self.norms[i]
            change = [slope * d + bend * z * g for d, z, g in zips(moved_g, grown[i][3], columns)]
            b = [x + d for x, d in zips(blocks, change)]
            above.insert(0, (_largest(b), [g + d for g, d in zips(columns, moved_g)]))
            moved_g = [s * r * x + v * d for x, d in zips(b, change)]
        form = [[arb(0)] * depth for _ in range(depth)]
        # Coefficients of t_1, t_2, … in the bound of ‖Ḣ_{l-1}‖_F, and in those of its single rows.
        whole: list[Any] = []
        single: list[list[Any]] = []
        for i, ((a, a_rows, v_r, _), (largest_b, grown_g)) in enumerate(zips(grown, above)):
            s, slope, bend = self.norms[i][0], self.norms[i][6], self.norms[i][7]
            form[i][:i] = [2 * s * largest_b * x for x in whole]
            whole, single = [*(v_r * x for x in whole), a], [*([v_r * x for x in row] for row in single), a_rows]
            for j, row in enumerate(single):
                weight = bend * _largest(x * y for x, y in zips(grown_g, row))
                form[j][: i + 1] = [x + weight * y for x, y in zips(form[j][: i + 1], whole)]
            whole, single = [slope * x for x in whole], [[slope * x for x in row] for row in single]
        matrix = arb_mat(form)
        return norm(matrix + matrix.transpose()) / 2

    def budget(self, weight: float, near: float, reach: float = 0.0) -> Any:
        """Enclose λ_min(Ψ(m)), m = `weight`: λ_min(Θ(θ)) ≥ λ_min(Ψ(m)) − mρ² on B(θ0, ρ) (claim neuron_budget).

        One hidden layer, identity output. Neuron r's columns J_r change by D_r; (J + D)(J + D)ᵀ ⪰ (1 − τ)JJᵀ − (1/τ − 1)DDᵀ, and
        ‖D_r‖² ≤ ω_r t_r² with Σ t_r² ≤ ρ². With τ = ω/(m + ω): Θ(θ) ⪰ Σ_r m/(m + ω_r) J_r J_rᵀ + Θ_out − mρ²I =: Ψ(m) − mρ²I.
        ω = s²(p² + q²/2 + q(p² + q²/4)^½), p = S₁‖A‖, q = ‖v_r‖S₂‖AAᵀ ∘ AAᵀ‖^½, S₁ = sup|σ'|, S₂ = sup|σ''|, A = A_1, s = s_2:
        the columns of v_r change by at most s·p·t_w, those of (w_r, b_r) by s(p·t_v + q·t_w), the latter by Schur's product theorem.
        """
        tick()
        layers = self.problem.layers
        fits = [layer.name for layer in layers][1:] == ["identity"]
        fits = fits and layers[0].name not in KINKED
        expect(fits, "neuron_budget needs one hidden layer, twice differentiable, and an identity output")
        if not self.omega:
            inputs = gram(self.A[0])
            s1, s2 = suprema(layers[0].name, layers[0].beta)
            p = s1 * norm(self.A[0]) / arb(layers[1].square).sqrt()
            bend = s2 * psd_norm(_schur(inputs, inputs)).sqrt()
            # V_2 = s·v: these are s·p and s·q.
            for q in (length(column) * bend for column in zips(*self.V[1].tolist())):
                self.omega.append(p * p + q * q / 2 + q * (p * p + q * q / 4).sqrt())
        share = [weight / (weight + w) for w in self.omega]
        if reach > 0.0:
            share = [
                x.max((weight / (weight + w)).min(weight * real(reach) ** 2 / v))
                for x, (w, v) in zips(share, self._local(real(reach)))
            ]
        (a, b), (a_out, b_out) = zips(map(self._repeat, self.A), self.B)
        hidden = _schur(_weighted(b, share) * b.transpose(), gram(a))
        features = _weighted(a_out, share + [arb(1)] * layers[1].biased) * a_out.transpose()
        return smallest_eigenvalue(hidden + _schur(features, gram(b_out)), near)

    def _local(self, reach: Any) -> Iterator[tuple[Any, Any]]:
        """Yield ω_r, valid while neuron r moves by t_r ≤ T = `reach`, and ν_r² ≥ ‖J_r‖² (claim neuron_budget_local); tanh only.

        z_ri moves by at most ‖a_i‖T. On an interval |tanh'| is largest nearest to 0; |tanh''| = 2t(1 − t²) rises up to t = 1/√3 and falls beyond. With these
        suprema c_i, b_i in place of S₁, S₂: p² = λ_max(diag(c)G diag(c)), q² = ‖v_r‖²λ_max(diag(b)(G∘G)diag(b)), G = AAᵀ. Where t_r > T all of
        k_rJ_rJ_rᵀ may be lost: k_r ≤ mT²/ν_r² pays for it. ν_r² = s²‖σ(z_r)‖² + s²‖v_r‖²λ_max(diag(σ')G diag(σ')).
        """
        first = self.problem.layers[0]
        expect(first.name == "tanh", "the local budget is for tanh")
        inputs, scale = gram(self.A[0]), 1 / arb(self.problem.layers[1].square).sqrt()
        squares, peak = _schur(inputs, inputs), 1 / arb(3).sqrt()
        lengths = list(map(length, self.A[0].tolist()))
        columns, hidden = self.V[1].transpose().tolist(), self.A[0] * self._first_weights.transpose()

        def top(matrix: Any, factors: list[Any]) -> Any:
            half = _weighted(matrix, factors)
            return psd_norm(_weighted(half.transpose(), factors))

        for v, z in zips(columns, hidden.transpose().tolist()):
            near = [(abs(x) - d * reach).max(arb(0)).tanh() for x, d in zips(z, lengths)]
            far = [(abs(x) + d * reach).tanh() for x, d in zips(z, lengths)]
            slopes = [1 - t * t for t in near]
            bends = [2 * t * (1 - t * t) for t in (peak.max(low).min(high) for low, high in zips(near, far))]
            p2, q = scale**2 * top(inputs, slopes), length(v) * top(squares, bends).sqrt()
            values = [x.tanh() for x in z]
            own = scale**2 * sum((t * t for t in values), arb(0)) + length(v) ** 2 * top(
                inputs, [1 - t * t for t in values]
            )
            yield p2 + q * q / 2 + q * (p2 + q * q / 4).sqrt(), own

    def features(self, radius: Any, near: float) -> Any:
        """Enclose (√λ_min(A_LA_Lᵀ) − s_L‖C‖r)², or 0 if that difference may be negative: ≤ λ_min(Θ) on the ball (claim feature_kernel).

        Θ ⪰ A_LA_Lᵀ ⊗ I, the share of the last layer, whose output is affine in its weights. ‖A_L(θ) − A_L‖ ≤ s_L‖ΔH_{L-1}‖, and with
        t_l = ‖[ΔW_l Δb_l]‖_F: ‖ΔH_l‖ ≤ sup|σ_l'|(‖A_l‖t_l + (‖V_l‖ + s_l r)‖ΔH_{l-1}‖) = Σ_j C_j t_j at most, ≤ ‖C‖r by Cauchy–Schwarz.
        """
        *below, last = self.problem.layers
        expect(below and last.name == "identity", "feature_kernel needs two layers or more and an identity output")
        coefficients: list[Any] = []
        for layer, a, v in zips(below, self.A[:-1], self.V[:-1]):
            slope, v_ball = suprema(layer.name, layer.beta)[0], norm(v) + radius / arb(layer.square).sqrt()
            coefficients = [slope * c for c in (*(v_ball * c for c in coefficients), norm(a))]
        change = length(coefficients) * radius / arb(last.square).sqrt()
        room = root(smallest_eigenvalue(gram(self.A[-1]), near)) - change
        return room * room if room > 0 else arb(0)
