"""The network, its linearisation at exact or enclosed parameters, and the two bounds on how it changes over a ball.

Notation (one row per sample, N = n·k rows where outputs are involved, sample-major): z_l = s_l W_l h_{l-1} + b_l, h_l = σ_l(z_l),
V_l = s_l W_l, A_l = rows [s_l h_{l-1}, 1] (the 1 where layer l has a bias), G_l = ∂F/∂h_l, B_l = ∂F/∂z_l.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from flint import arb, arb_mat

from verify.checker.enclosures import activation, gram, norm, real, root, smallest_eigenvalue, suprema, symmetric_norm, tick
from verify.checker.reading import Array, Limit, Malformed, take

__all__ = ["Layer", "Parameters", "Point", "Problem"]

MAX_PARAMETERS, MAX_ROWS, MAX_LAYERS = 1 << 22, 2048, 64
_NAMES = {"identity", "tanh", "sigmoid", "softplus", "silu", "sine", "gelu", "gelu_tanh"}

Parameters = list[tuple[Any, Any]]  # per layer: W as arb_mat (fan_out × fan_in), b as a list of arb or None


class Layer(NamedTuple):
    """Shape and kind of one layer; `square` is the integer 1/s²."""

    fan_out: int
    fan_in: int
    biased: bool
    square: int
    name: str
    beta: Any


def _shape(value: Any, *shape: int) -> Array:
    if not isinstance(value, Array) or value.shape != shape:
        raise Malformed(f"expected an array of shape {shape}")
    return value


class Problem:
    """Architecture, starting parameters, data, loss scale s and step η of a certificate, exact and validated."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Read and validate; raises Malformed or Limit."""
        self.layers: list[Layer] = []
        values: list[float] = []
        rows = take(document["network"], "layers")[0]
        if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_LAYERS:
            raise Malformed(f"expected 1 to {MAX_LAYERS} layers")
        for row in rows:
            weight, bias, square, kind = take(row, "weight bias inverse_square_scale activation")
            name, given = take(kind, "name parameters")
            beta = (take(given, "beta" if name == "softplus" else "") or [None])[0]
            if not isinstance(weight, Array) or len(weight.shape) != 2 or 0 in weight.shape:
                raise Malformed("a weight is no matrix")
            if self.layers and weight.shape[1] != self.layers[-1].fan_out:
                raise Malformed("the layers' shapes do not fit together")
            if type(square) is not int or square < 1 or name not in _NAMES:
                raise Malformed(f"layer of scale {square!r} and activation {name!r}")
            if name == "softplus" and not (isinstance(beta, float) and beta > 0.0):
                raise Malformed("softplus needs beta > 0")
            self.layers.append(Layer(*weight.shape, bias is not None, square, name, beta))
            values.extend(weight.data)
            if bias is not None:
                values.extend(_shape(bias, weight.shape[0]).data)
        inputs, targets = take(document["data"], "X y")
        if not isinstance(inputs, Array) or len(inputs.shape) != 2 or inputs.shape[1] != self.layers[0].fan_in:
            raise Malformed("X is no matrix with one column per input")
        self.n, self.k = inputs.shape[0], self.layers[-1].fan_out
        self.X, self.start = inputs, values
        self.y = _shape(targets, self.n, self.k)
        widest = max(layer.fan_out for layer in self.layers)
        if self.n < 1 or self.n * self.k > MAX_ROWS or max(len(values), self.n * self.k * widest) > MAX_PARAMETERS:
            raise Limit(f"n·k={self.n * self.k}, p={len(values)}: more than this checker takes on")
        mean = Fraction(1, self.n) if document["loss"] == "mean" else Fraction(1)
        if document["loss"] not in ("sum", "mean") or document["loss_scale"] != mean:
            raise Malformed("the loss scale is not that of the loss")
        self.s: Fraction = mean
        self.lr: Fraction | None = document["lr"]
        if self.lr is not None and not (isinstance(self.lr, Fraction) and self.lr > 0):
            raise Malformed("the step is not a positive rational number")

    def parameters(self, flat: Any = None) -> Parameters:
        """Split a flat parameter vector (layer by layer: weight row by row, then bias) into layers; exact."""
        flat = self.start if flat is None else _shape(flat, len(self.start)).data.tolist()
        result: Parameters = []
        at = 0
        for layer in self.layers:
            size = layer.fan_out * layer.fan_in
            weight = arb_mat(layer.fan_out, layer.fan_in, flat[at : at + size])
            at += size
            bias = [arb(b) for b in flat[at : at + layer.fan_out]] if layer.biased else None
            at += layer.fan_out if layer.biased else 0
            result.append((weight, bias))
        return result


def _largest(values: Any) -> Any:
    result = arb(0)
    for value in values:
        result = result.max(value)
    return result


class Point:
    """Enclosures of everything a certificate needs at one parameter vector (exact, or itself enclosed)."""

    def __init__(self, problem: Problem, parameters: Parameters) -> None:
        """Propagate forwards (A, V, residual) and backwards (G, B); one entry per layer."""
        tick()
        self.theta: Any = None
        self.ends: Any = None
        self.problem, n, k = problem, problem.n, problem.k
        lists: tuple[list[Any], ...] = ([], [], [], [], [], [])
        self.A, self.V, self.G, self.B, self.omega, slopes = lists
        h = arb_mat(n, problem.layers[0].fan_in, problem.X.data.tolist())
        for layer, (weight, bias) in zip(problem.layers, parameters, strict=True):
            scale = 1 / arb(layer.square).sqrt()
            h = h if layer.square == 1 else h * scale
            flat = (h * weight.transpose()).entries()
            self.V.append(weight if layer.square == 1 else weight * scale)
            if bias is not None:
                flat = [value + bias[i % layer.fan_out] for i, value in enumerate(flat)]
                wide, width = h.entries(), layer.fan_in
                h = arb_mat(n, width + 1, [v for i in range(n) for v in (*wide[i * width : (i + 1) * width], arb(1))])
            self.A.append(h)
            beta = None if layer.beta is None else arb(layer.beta)
            both = [activation(layer.name, beta, value) for value in flat]
            slopes.append(None if layer.name == "identity" else [slope for _, slope in both])
            h = arb_mat(n, layer.fan_out, [value for value, _ in both])
        self.residual = [f - y for f, y in zip(h.entries(), problem.y.data, strict=True)]
        g = arb_mat(n * k, k, [int(i % k == j) for i in range(n * k) for j in range(k)])
        for layer, slope, v in zip(problem.layers[::-1], slopes[::-1], self.V[::-1], strict=True):
            b = g
            if slope is not None:
                m, rows = layer.fan_out, g.entries()
                b = arb_mat(n * k, m, [x * slope[i // (m * k) * m + i % m] for i, x in enumerate(rows)])
            self.G.insert(0, g)
            self.B.insert(0, b)
            if len(self.B) < len(self.V):
                g = b * v

    def _lift(self, kernel: Any) -> Any:
        """Repeat each entry of an n × n matrix into a k × k block."""
        n, k = self.problem.n, self.problem.k
        if k == 1:
            return kernel
        rows = kernel.tolist()
        return arb_mat(n * k, n * k, [rows[i // k][j // k] for i in range(n * k) for j in range(n * k)])

    @staticmethod
    def _schur(left: Any, right: Any) -> Any:
        entries = [x * y for x, y in zip(left.entries(), right.entries(), strict=True)]
        return arb_mat(left.nrows(), left.ncols(), entries)

    def kernel(self) -> Any:
        """Enclose the NTK J·Jᵀ: the gradient of output row (i, a) with respect to [W_l b_l] is B_{l,ia} ⊗ a_{l,i}."""
        if self.theta is None:
            terms = [self._schur(gram(b), self._lift(gram(a))) for a, b in zip(self.A, self.B, strict=True)]
            self.theta = sum(terms[1:], terms[0])
        return self.theta

    def residual_norm(self) -> Any:
        """Enclose ‖F(θ) − y‖."""
        return root(sum((e * e for e in self.residual), arb(0)))

    def gradient(self) -> Parameters:
        """Enclose ∇Φ/s = Jᵀe, in the layout of the parameters: per layer Σ_ia e_ia B_{l,ia} a_{l,i}ᵀ."""
        n, k = self.problem.n, self.problem.k
        result: Parameters = []
        for layer, a, b in zip(self.problem.layers, self.A, self.B, strict=True):
            m, rows = layer.fan_out, b.entries()
            weighted = [self.residual[i // m] * x for i, x in enumerate(rows)]
            mixed = [sum(weighted[i * k * m + r : (i + 1) * k * m : m], arb(0)) for i in range(n) for r in range(m)]
            full = arb_mat(n, m, mixed).transpose() * a
            if not layer.biased:
                result.append((full, None))
                continue
            width, flat = layer.fan_in + 1, full.entries()
            weight = [x for i, x in enumerate(flat) if i % width != width - 1]
            result.append((arb_mat(m, width - 1, weight), flat[width - 1 :: width]))
        return result

    def centre(self) -> None:
        """Compute the norms at the centre that :meth:`curvature` inflates."""
        n, k = self.problem.n, self.problem.k
        self.norms = []
        for i, layer in enumerate(self.problem.layers):
            m, b, g, a = layer.fan_out, self.B[i].entries(), self.G[i].entries(), self.A[i].tolist()
            block = [norm(arb_mat(k, m, b[j * k * m : (j + 1) * k * m])) for j in range(n)]
            # Entry r of sample j's outputs stands at (j·k + c)·m + r for output c.
            squares = [
                sum((x * x for x in g[j * k * m + r : (j + 1) * k * m : m]), arb(0)) for j in range(n) for r in range(m)
            ]
            columns = [root(_largest(squares[j * m : (j + 1) * m])) for j in range(n)]
            slope, bend = suprema(layer.name, None if layer.beta is None else arb(layer.beta))
            lengths = [root(sum((x * x for x in row), arb(0))) for row in a]
            v = norm(self.V[i]) if i else arb(0)
            self.norms.append((1 / arb(layer.square).sqrt(), norm(self.A[i]), lengths, v, block, columns, slope, bend))

    def curvature(self, radius: Any) -> Any:
        """Enclose the bound L_H(r) ≥ sup ‖D²F(θ)[u, w]‖/(‖u‖‖w‖) over ‖θ − θ0‖ ≤ r (claim layered_curvature).

        Along u = (U_l, q_l), t_l = ‖[U_l q_l]‖_F: ż_l = s_l U_l h_{l-1} + q_l + V_l ḣ_{l-1}, ḣ_l = σ_l' ż_l, and
        D²F[u, u] = Σ_l 2B_l(s_l U_l ḣ_{l-1}) + Σ_l G_l(σ_l'' ż_l²). Cauchy–Schwarz over samples, for ‖w‖ = 1:
        |w·D²F[u, u]| ≤ Σ_l 2 s_l t_l max_i‖B_{l,i}‖ ‖Ḣ_{l-1}‖_F + Σ_l sup|σ_l''| max_i(g_{l,i}‖ż_{l,i}‖) ‖Ż_l‖_F,
        ‖Ż_l‖_F ≤ ‖A_l‖t_l + ‖V_l‖‖Ḣ_{l-1}‖_F (single rows alike), ‖Ḣ_l‖ ≤ sup|σ_l'|‖Ż_l‖: a form tᵀMt with M ≥ 0, at most
        λ_max((M + Mᵀ)/2) on the unit ball. Over the ball each norm grows by what ‖[ΔW_l Δb_l]‖_F ≤ r can do:
        ‖ΔZ_l‖ ≤ ‖A_l‖r + (‖V_l‖ + s_l r)‖ΔH_{l-1}‖, ‖ΔA_l‖ ≤ s_l‖ΔH_{l-1}‖, ‖ΔH_l‖ ≤ sup|σ_l'|‖ΔZ_l‖;
        ‖ΔB_l‖ ≤ sup|σ_l'|‖ΔG_l‖ + sup|σ_l''|‖Δz_l‖g_l, ‖ΔG_{l-1}‖ ≤ s_l r(‖B_l‖ + ‖ΔB_l‖) + ‖V_l‖‖ΔB_l‖; ΔG_L = 0, ΔH_0 = 0.
        """
        n, r = self.problem.n, radius
        grown, moved, moved_rows = [], arb(0), [arb(0)] * n
        for s, a, rows, v, _, _, slope, _ in self.norms:
            a_rows = [x + s * d for x, d in zip(rows, moved_rows, strict=True)]
            z_rows = [x * r + (v + s * r) * d for x, d in zip(rows, moved_rows, strict=True)]
            grown.append([a + s * moved, a_rows, v + s * r, z_rows])
            moved, moved_rows = slope * (a * r + (v + s * r) * moved), [slope * d for d in z_rows]
        moved_g = [arb(0)] * n
        for i in reversed(range(len(grown))):
            s, _, _, v, block, columns, slope, bend = self.norms[i]
            z_rows = grown[i].pop()
            change = [slope * d + bend * z * g for d, z, g in zip(moved_g, z_rows, columns, strict=True)]
            b = [x + d for x, d in zip(block, change, strict=True)]
            grown[i] += [b, [g + d for g, d in zip(columns, moved_g, strict=True)]]
            moved_g = [s * r * x + v * d for x, d in zip(b, change, strict=True)]
        depth = len(grown)
        form = [[arb(0)] * depth for _ in range(depth)]
        whole: list[Any] = []  # coefficient of t_j in the bound of ‖Ḣ_{l-1}‖_F, then of its single rows
        single: list[list[Any]] = []
        for i, (a, a_rows, v, b, g) in enumerate(grown):
            s, slope, bend = self.norms[i][0], self.norms[i][6], self.norms[i][7]
            top = 2 * s * _largest(b)
            for j in range(i):
                form[i][j] += top * whole[j]
            whole = [v * x for x in whole] + [a]
            single = [[v * x for x in row] for row in single] + [a_rows]
            for j in range(i + 1):
                weight = bend * _largest(x * y for x, y in zip(g, single[j], strict=True))
                for q in range(i + 1):
                    form[j][q] += weight * whole[q]
            whole = [slope * x for x in whole]
            single = [[slope * x for x in row] for row in single]
        return norm(arb_mat(depth, depth, [(form[i][j] + form[j][i]) / 2 for i in range(depth) for j in range(depth)]))

    def budget(self, weight: float) -> Any:
        """Enclose λ_min(Ψ(m)), m = `weight`: λ_min(Θ(θ)) ≥ λ_min(Ψ(m)) − mρ² on B(θ0, ρ) (claim neuron_budget).

        One hidden layer, identity output. Neuron r's columns J_r change by D_r; (J + D)(J + D)ᵀ ⪰ (1 − τ)JJᵀ − (1/τ − 1)DDᵀ, and
        ‖D_r‖² ≤ ω_r t_r² with Σ t_r² ≤ ρ². With τ = ω/(m + ω): Θ(θ) ⪰ Σ_r m/(m + ω_r) J_r J_rᵀ + Θ_out − mρ²I =: Ψ(m) − mρ²I.
        ω = s²(p² + q²/2 + q(p² + q²/4)^½), p = S₁‖A‖, q = ‖v_r‖S₂‖AAᵀ ∘ AAᵀ‖^½, S₁ = sup|σ'|, S₂ = sup|σ''|, A = A_1, s = s_2:
        the columns of v_r change by at most s·p·t_w, those of (w_r, b_r) by s(p·t_v + q·t_w), the latter by Schur's product theorem.
        """
        layers = self.problem.layers
        if len(layers) != 2 or layers[1].name != "identity":
            raise Malformed("neuron_budget needs one hidden layer and an identity output")
        (hidden, output), n, k = layers, self.problem.n, self.problem.k
        m, inputs = hidden.fan_out, gram(self.A[0])
        if not self.omega:
            s1, s2 = suprema(hidden.name, None if hidden.beta is None else arb(hidden.beta))
            p, bend = s1 * norm(self.A[0]), s2 * root(symmetric_norm(self._schur(inputs, inputs)))
            v = self.V[1].entries()
            # V_2 = s·v, so s·q = ‖(V_2)_r‖·S₂‖…‖^½ and s²p² needs the scale.
            sp = p / arb(output.square).sqrt()
            for r in range(m):
                sq = root(sum((v[c * m + r] ** 2 for c in range(k)), arb(0))) * bend
                self.omega.append(sp * sp + sq * sq / 2 + sq * root(sp * sp + sq * sq / 4))
        share = [weight / (weight + w) for w in self.omega]
        b = self.B[0]
        shared = arb_mat(n * k, m, [x * share[i % m] for i, x in enumerate(b.entries())])
        psi = self._schur(shared * b.transpose(), self._lift(inputs))
        a, width = self.A[1], self.A[1].ncols()
        ones = [*share, arb(1)] if output.biased else share
        features = arb_mat(n, width, [x * ones[i % width] for i, x in enumerate(a.entries())]) * a.transpose()
        return smallest_eigenvalue(psi + self._schur(self._lift(features), gram(self.B[1])))

    def smallest(self) -> Any:
        """Enclose λ_min of the NTK; 0 exactly where there are more outputs than parameters."""
        return arb(0) if self.problem.n * self.problem.k > len(self.problem.start) else smallest_eigenvalue(self.kernel())

    def extremes(self) -> tuple[Any, Any]:
        """Enclose λ_min and λ_max of the NTK."""
        if self.ends is None:
            self.ends = self.smallest(), symmetric_norm(self.kernel())
        return self.ends

    def gradient_square(self) -> Any:
        """Enclose ‖∇Φ‖² = s²‖Jᵀe‖² = s²eᵀΘe."""
        e = arb_mat(len(self.residual), 1, self.residual)
        return real(self.problem.s) ** 2 * (e.transpose() * self.kernel() * e)[0, 0]
