"""The truth at high precision: networks, Jacobians, second derivatives and gradient descent in Arb balls.

Shares no code with verify/: weights are read from the architecture that was drawn, derivatives come from truncated power
series, the Jacobian is formed explicitly (the engine never forms it), and every answer is a ball that contains the
real-arithmetic value, or *undecided*. Nothing here compares with a tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat, arb_series, ctx, fmpq

__all__ = ["LayerSpec", "Parameters", "Reference", "as_arb", "definiteness", "float_matrix", "squared_norm"]


@dataclass(frozen=True, eq=False)
class LayerSpec:
    """One layer as exact numbers: z = W h/√inverse_square_scale + b, then the named activation.

    Attributes:
        weight: (fan_out, fan_in) float64, exact. bias: (fan_out,) float64 or None.
        inverse_square_scale: the integer 1/s².
        activation: a key of :data:`ACTIVATIONS`; ``softplus:5`` is Softplus(beta=5).
    """

    weight: np.ndarray
    bias: np.ndarray | None
    inverse_square_scale: int
    activation: str


def as_arb(value: float | int | Fraction) -> arb:
    """Return the ball of an exact double, integer or fraction (radius 0 unless the fraction is not dyadic)."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return arb(value if isinstance(value, int) else float(value))


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + (-z).exp())


def _gelu_tanh(z: Any) -> Any:
    inner = (z + z * z * z * as_arb(Fraction(44715, 10**6))) * (2 / arb.pi()).sqrt()
    return z * _sigmoid(2 * inner)


def _joined(left: Callable[[Any], Any], right: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """One function below 0, another above, both smooth across; where the sign is not certain every coefficient holds both."""

    def function(z: Any) -> Any:
        at = z[0] if isinstance(z, arb_series) else z
        if at > 0 or at < 0:
            return right(z) if at > 0 else left(z)
        below, above = left(z), right(z)
        if not isinstance(z, arb_series):
            return below.union(above)
        return arb_series([below[k].union(above[k]) for k in range(z.prec)], z.prec)

    return function


# Each works on a ball and on a truncated power series of balls; (1 + tanh u)/2 = sigmoid(2u).
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "tanh": lambda z: 1 - 2 / ((2 * z).exp() + 1),
    "sigmoid": _sigmoid,
    "softplus": lambda z: (1 + z.exp()).log(),
    "softplus:5": lambda z: (1 + (5 * z).exp()).log() / 5,
    "silu": lambda z: z * _sigmoid(z),
    "erf": lambda z: z.erf(),
    "gelu": lambda z: z * (1 + (z * (arb(1) / 2).sqrt()).erf()) / 2,
    "gelu_tanh": _gelu_tanh,
    "sine": lambda z: z.sin(),
    "elu": _joined(lambda z: z.exp() - 1, lambda z: z),
    "celu:0.5": _joined(lambda z: ((2 * z).exp() - 1) / 2, lambda z: z),
    "softsign": _joined(lambda z: z / (1 - z), lambda z: z / (1 + z)),
    "relu": _joined(lambda z: 0 * z, lambda z: z),
    "leaky_relu:0.25": _joined(lambda z: z / 4, lambda z: z),
}


def _jet(name: str, entries: Sequence[arb], order: int) -> list[list[arb]]:
    """Return the activation's Taylor coefficients of order 0..`order` at each entry."""
    if name == "identity":
        return [list(entries), *([arb(1 if k == 1 else 0)] * len(entries) for k in range(1, order + 1))]
    function = ACTIVATIONS[name]
    series = [function(arb_series([z, 1], order + 1)) for z in entries]
    return [[item[k] for item in series] for k in range(order + 1)]


def _matrix(values: np.ndarray) -> arb_mat:
    rows, columns = values.shape
    return arb_mat(rows, columns, [arb(float(v)) for v in values.ravel()])


def _hadamard(a: arb_mat, b: arb_mat) -> arb_mat:
    entries = [x * y for x, y in zip(a.entries(), b.entries(), strict=True)]
    return arb_mat(a.nrows(), a.ncols(), entries)


def _reshaped(entries: Sequence[arb], like: arb_mat) -> arb_mat:
    return arb_mat(like.nrows(), like.ncols(), list(entries))


def float_matrix(matrix: arb_mat) -> np.ndarray:
    """Midpoints rounded to float64: for guesses and for recording how sharp a bound is, never for a decision."""
    entries = [float(x.mid()) for x in matrix.entries()]
    return np.array(entries, dtype=np.float64).reshape(matrix.nrows(), matrix.ncols())


def squared_norm(entries: Sequence[arb]) -> arb:
    """Return the ball of Σ x²."""
    total = arb(0)
    for x in entries:
        total += x * x
    return total


def definiteness(matrix: arb_mat, *, strict: bool = False) -> bool | None:
    """Decide whether a symmetric matrix of balls is positive semidefinite (definite if `strict`), by LDLᵀ in balls.

    Returns:
        True if every real symmetric matrix in it is, False if none is, None if undecided. A pivot that is certainly negative
        decides by Sylvester's law; a pivot that is exactly 0 is semidefinite only if the rest of its column vanishes too.
    """
    n = matrix.nrows()
    a = [[matrix[i, j] for j in range(n)] for i in range(n)]
    for k in range(n):
        pivot = a[k][k]
        if pivot < 0:
            return False
        if pivot == 0:
            column = [a[i][k] for i in range(k + 1, n)]
            if strict or any(x != 0 for x in column):
                return False
            if all(x == 0 for x in column):
                continue
        if not pivot > 0:
            return None
        for i in range(k + 1, n):
            factor = a[i][k] / pivot
            for j in range(k + 1, i + 1):
                a[i][j] -= factor * a[j][k]
                a[j][i] = a[i][j]
    return True


@dataclass(frozen=True, eq=False)
class Parameters:
    """One point θ of parameter space as balls: per layer a weight matrix and a bias row (1, fan_out) or None."""

    weights: tuple[arb_mat, ...]
    biases: tuple[arb_mat | None, ...]

    def _parts(self) -> Iterator[arb_mat]:
        for weight, bias in zip(self.weights, self.biases, strict=True):
            yield weight
            if bias is not None:
                yield bias

    def entries(self) -> list[arb]:
        """All coordinates, layer by layer, weights row-major before the bias (torch's order)."""
        return [x for part in self._parts() for x in part.entries()]

    def like(self, flat: Sequence[arb]) -> Parameters:
        """Return the point with these coordinates, in the order of :meth:`entries`."""
        at = 0
        weights: list[arb_mat] = []
        biases: list[arb_mat | None] = []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            size = weight.nrows() * weight.ncols()
            weights.append(_reshaped(flat[at : at + size], weight))
            at += size
            if bias is None:
                biases.append(None)
            else:
                biases.append(_reshaped(flat[at : at + bias.ncols()], bias))
                at += bias.ncols()
        return Parameters(tuple(weights), tuple(biases))

    def at(self, flat: np.ndarray) -> Parameters:
        """Return the point with these exact float64 coordinates."""
        return self.like([arb(float(x)) for x in flat])

    def minus(self, other: Parameters) -> list[arb]:
        """Coordinates of the difference."""
        return [x - y for x, y in zip(self.entries(), other.entries(), strict=True)]


class Reference:
    """Network, data and loss evaluated in Arb at the current working precision (``flint.ctx.prec`` bits)."""

    def __init__(self, layers: Sequence[LayerSpec], X: np.ndarray, y: np.ndarray, s: Fraction) -> None:
        """Keep exact copies; X is (n, d), y (n, k), s the exact loss scale."""
        self.layers = tuple(layers)
        self.n, self.k = int(X.shape[0]), int(y.shape[1])
        self._X, self._y = _matrix(X), _matrix(y)
        self.s = s
        self.centre = Parameters(
            tuple(_matrix(layer.weight) for layer in self.layers),
            tuple(None if layer.bias is None else _matrix(layer.bias[None, :]) for layer in self.layers),
        )

        self._centre_jacobian: dict[int, arb_mat] = {}

    def centre_jacobian(self) -> arb_mat:
        """J(θ0), computed once per working precision."""
        if ctx.prec not in self._centre_jacobian:
            self._centre_jacobian[ctx.prec] = self.jacobian(self.centre)
        return self._centre_jacobian[ctx.prec]

    @property
    def constant_jacobian(self) -> bool:
        """Whether J does not depend on θ: a single affine layer."""
        return len(self.layers) == 1 and self.layers[0].activation == "identity"

    @property
    def flat_centre(self) -> np.ndarray:
        """θ0 as exact float64, in the order of :meth:`Parameters.entries`."""
        parts = [part for layer in self.layers for part in (layer.weight, layer.bias) if part is not None]
        return np.concatenate([part.ravel() for part in parts])

    def _scale(self, layer: LayerSpec) -> arb:
        return 1 / arb(layer.inverse_square_scale).sqrt()

    def _ones(self) -> arb_mat:
        return arb_mat(self.n, 1, [1] * self.n)

    def _forward(self, theta: Parameters) -> tuple[list[arb_mat], list[arb_mat], arb_mat]:
        """Return the layers' scaled inputs s_l·h_{l-1}, the slopes σ'(z_l), and F (n, k)."""
        h, inputs, slopes = self._X, [], []
        for layer, weight, bias in zip(self.layers, theta.weights, theta.biases, strict=True):
            scaled = h * self._scale(layer)
            z = scaled * weight.transpose()
            if bias is not None:
                z = z + self._ones() * bias
            value, slope = _jet(layer.activation, z.entries(), 1)
            inputs.append(scaled)
            slopes.append(_reshaped(slope, z))
            h = _reshaped(value, z)
        return inputs, slopes, h

    def residual(self, theta: Parameters) -> list[arb]:
        """Entries of e = F(θ) − y, sample-major."""
        return (self._forward(theta)[2] - self._y).entries()

    def loss(self, theta: Parameters) -> arb:
        """Φ(θ) = (s/2)‖e‖²."""
        return as_arb(self.s) / 2 * squared_norm(self.residual(theta))

    def residual_and_gradient(self, theta: Parameters) -> tuple[list[arb], Parameters]:
        """Return e and ∇Φ(θ) by one backward sweep."""
        inputs, slopes, output = self._forward(theta)
        error = output - self._y
        g = error * as_arb(self.s)
        weights: list[arb_mat] = []
        biases: list[arb_mat | None] = []
        for index in reversed(range(len(self.layers))):
            b = _hadamard(g, slopes[index])
            weights.append(b.transpose() * inputs[index])
            biases.append(None if theta.biases[index] is None else self._ones().transpose() * b)
            if index:
                g = b * theta.weights[index] * self._scale(self.layers[index])
        return error.entries(), Parameters(tuple(weights[::-1]), tuple(biases[::-1]))

    def jacobian(self, theta: Parameters) -> arb_mat:
        """The explicit Jacobian (n·k, p), rows sample-major, columns in the order of :meth:`Parameters.entries`."""
        inputs, slopes, _ = self._forward(theta)
        rows: list[list[arb]] = [[] for _ in range(self.n * self.k)]
        for a in range(self.k):
            g = arb_mat(self.n, self.k, [int(j == a) for _ in range(self.n) for j in range(self.k)])
            blocks: list[list[list[arb]]] = []
            for index in reversed(range(len(self.layers))):
                b = _hadamard(g, slopes[index])
                entering = inputs[index]
                per_sample = []
                for i in range(self.n):
                    delta = [b[i, r] for r in range(b.ncols())]
                    feed = [entering[i, c] for c in range(entering.ncols())]
                    block = [u * v for u in delta for v in feed]
                    per_sample.append(block if theta.biases[index] is None else block + delta)
                blocks.append(per_sample)
                if index:
                    g = b * theta.weights[index] * self._scale(self.layers[index])
            for i in range(self.n):
                rows[i * self.k + a] = [x for block in reversed(blocks) for x in block[i]]
        return arb_mat(len(rows), len(rows[0]), [x for row in rows for x in row])

    def directional(self, theta: Parameters, v: Parameters) -> tuple[list[arb], list[arb], list[arb]]:
        """Return F(θ), DF(θ)[v] and D²F(θ)[v, v], sample-major, from a forward sweep of second-order jets in t ↦ θ + tv."""
        zero = arb_mat(self._X.nrows(), self._X.ncols())
        h: list[arb_mat] = [self._X, zero, zero]
        for index, layer in enumerate(self.layers):
            scale = self._scale(layer)
            w, dw = theta.weights[index].transpose(), v.weights[index].transpose()
            z = [h[0] * w * scale, (h[1] * w + h[0] * dw) * scale, (h[2] * w + h[1] * dw) * scale]
            bias, dbias = theta.biases[index], v.biases[index]
            if bias is not None and dbias is not None:
                z[0], z[1] = z[0] + self._ones() * bias, z[1] + self._ones() * dbias
            f0, f1, f2 = (_reshaped(c, z[0]) for c in _jet(layer.activation, z[0].entries(), 2))
            h = [f0, _hadamard(f1, z[1]), _hadamard(f1, z[2]) + _hadamard(f2, _hadamard(z[1], z[1]))]
        return h[0].entries(), h[1].entries(), [2 * x for x in h[2].entries()]

    def hessian_form(self, theta: Parameters, v: Parameters) -> arb:
        """vᵀ∇²Φ(θ)v = s(‖Jv‖² + Σ e_i D²F_i[v, v])."""
        value, first, second = self.directional(theta, v)
        targets = self._y.entries()
        total = squared_norm(first)
        for f, y, c in zip(value, targets, second, strict=True):
            total += (f - y) * c
        return total * as_arb(self.s)

    def descend(self, lr: Fraction, steps: int) -> Iterator[tuple[Parameters, list[arb]]]:
        """Yield (θ_k, e_k) of real-arithmetic gradient descent from θ0, enclosed, for k = 0..steps."""
        theta, eta = self.centre, as_arb(lr)
        for k in range(steps + 1):
            error, gradient = self.residual_and_gradient(theta)
            yield theta, error
            if k < steps:
                moved = [x - eta * g for x, g in zip(theta.entries(), gradient.entries(), strict=True)]
                theta = theta.like(moved)


def precision(bits: int) -> Any:
    """Context manager that sets Arb's working precision."""
    return ctx.workprec(bits)
