"""Networks without the engine and without the checker: mpmath at 60 digits, explicit Jacobians, closed forms.

The networks are tiny: an affine map, or one hidden layer with one output. Every witness number is the double next to the true value on the
safe side, every stored interval is less than an ulp wide; so one ulp in the favourable direction is a lie.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mpmath import mp as _mp

mp: Any = _mp  # untyped
mp.dps = 60
mpf = mp.mpf
Json = dict[str, Any]


def down(x: Any) -> float:
    """Largest double ≤ x."""
    value = float(x)
    while mpf(value) > x:
        value = math.nextafter(value, -math.inf)
    while mpf(math.nextafter(value, math.inf)) <= x:
        value = math.nextafter(value, math.inf)
    return value


def up(x: Any) -> float:
    """Smallest double ≥ x."""
    return -down(-mpf(x))


def flt(value: float) -> Json:
    return {"$float": value.hex()}


def ball(x: Any) -> Json:
    """The nearest double and the distance to it, rounded up."""
    mid = float(x)
    return {"$ball": [mid.hex(), up(abs(mpf(x) - mpf(mid))).hex()]}


def rational(value: Fraction) -> Json:
    return {"$rational": [str(value.numerator), str(value.denominator)]}


def as_mpf(value: Fraction) -> Any:
    return mpf(value.numerator) / mpf(value.denominator)


@dataclass
class Net:
    """x ↦ s₂ v·σ(s₁ W x + b) + c, or s W x + b without a hidden layer; lists of doubles."""

    X: list[list[float]]
    y: list[list[float]]
    W: list[list[float]]
    b: list[float] | None
    v: list[float] | None = None
    c: float | None = None
    squares: tuple[int, int] = (1, 1)
    activation: str = "tanh"
    beta: float = 1.0
    loss: str = "sum"

    def flat(self) -> list[float]:
        """Parameters in the checker's order."""
        values = [w for row in self.W for w in row] + (self.b or [])
        return values + (self.v or []) + ([] if self.c is None else [self.c])

    def at(self, theta: Sequence[Any]) -> Net:
        """The same network with other parameters."""
        rest, d, m = list(theta), len(self.X[0]), len(self.W)

        def take(count: int) -> list[Any]:
            return [rest.pop(0) for _ in range(count)]

        W = [take(d) for _ in range(m)]
        b = None if self.b is None else take(m)
        v = None if self.v is None else take(m)
        c = None if self.c is None else take(1)[0]
        return Net(self.X, self.y, W, b, v, c, self.squares, self.activation, self.beta, self.loss)

    @property
    def s(self) -> Fraction:
        return Fraction(1, len(self.X)) if self.loss == "mean" else Fraction(1)

    def sigma(self, z: Any) -> tuple[Any, Any]:
        if self.activation == "tanh":
            return mp.tanh(z), 1 / mp.cosh(z) ** 2
        if self.activation == "softplus":
            return mp.log(1 + mp.exp(self.beta * z)) / self.beta, 1 / (1 + mp.exp(-self.beta * z))
        raise KeyError(self.activation)

    def suprema(self) -> tuple[Any, Any]:
        return mpf(1), 4 / (3 * mp.sqrt(3)) if self.activation == "tanh" else mpf(self.beta) / 4

    def scales(self) -> tuple[Any, Any]:
        return 1 / mp.sqrt(self.squares[0]), 1 / mp.sqrt(self.squares[1])

    def rows(self) -> tuple[list[Any], list[list[Any]]]:
        """Residual and the explicit Jacobian, one row per output."""
        s1, s2 = self.scales()
        residual, jacobian = [], []
        for x, target in zip(self.X, self.y, strict=True):
            z = [s1 * mp.fdot(row, x) + (self.b[r] if self.b else 0) for r, row in enumerate(self.W)]
            if self.v is None:
                k = len(self.W)
                for a in range(k):
                    residual.append(z[a] - target[a])
                    weights = [s1 * xi if r == a else mpf(0) for r in range(k) for xi in x]
                    jacobian.append(weights + ([mpf(int(r == a)) for r in range(k)] if self.b else []))
                continue
            h = [self.sigma(value) for value in z]
            residual.append(s2 * mp.fdot(self.v, [p for p, _ in h]) + (self.c or 0) - target[0])
            inner = [s2 * v * slope for v, (_, slope) in zip(self.v, h, strict=True)]
            row = [g * s1 * xi for g in inner for xi in x] + (inner if self.b else [])
            jacobian.append(row + [s2 * p for p, _ in h] + ([] if self.c is None else [mpf(1)]))
        return residual, jacobian

    def kernel(self) -> Any:
        J = self.rows()[1]
        return mp.matrix([[mp.fdot(a, b) for b in J] for a in J])

    def inputs(self) -> list[list[Any]]:
        """The rows of A_1."""
        s1 = self.scales()[0]
        return [[s1 * mpf(v) for v in x] + ([mpf(1)] if self.b else []) for x in self.X]

    def curvature(self, r: Any) -> Any:
        """claim layered_curvature, worked out for one hidden layer: the 2 × 2 form in (t_1, t_2)."""
        if self.v is None:
            return mpf(0)
        s2, (s_one, s_two) = self.scales()[1], self.suprema()
        A = self.inputs()
        a = mp.sqrt(max(mp.eigsy(mp.matrix([[mp.fdot(p, q) for q in A] for p in A]), eigvals_only=True)))
        row = max(mp.norm(p) for p in A)
        largest = max(abs(s2 * v) for v in self.v)
        top, off = s_two * (largest + s2 * r) * row * a, s2 * s_one * a
        return (top + mp.sqrt(top**2 + 4 * off**2)) / 2

    def parabola(self, weight: float) -> Any:
        """claim neuron_budget: λ_min of Σ_r m/(m + ω_r) J_r J_rᵀ + Θ_out, from the columns of the explicit Jacobian."""
        assert self.v is not None
        s2, (s_one, s_two) = self.scales()[1], self.suprema()
        A = self.inputs()
        K = mp.matrix([[mp.fdot(p, q) for q in A] for p in A])
        p = s_one * mp.sqrt(max(mp.eigsy(K, eigvals_only=True)))
        bend = s_two * mp.sqrt(max(mp.eigsy(K.apply(lambda t: t**2), eigvals_only=True)))
        J, m, d = self.rows()[1], len(self.W), len(self.X[0])
        share = []
        for v in self.v:
            q = abs(v) * bend
            omega = max(mp.eigsy(mp.matrix([[p**2, p * q], [p * q, q**2 + p**2]]), eigvals_only=True)) * s2**2
            share.append(weight / (weight + omega))
        columns = (
            [share[i // d] for i in range(m * d)]
            + (share if self.b else [])
            + share
            + ([mpf(1)] if self.c is not None else [])
        )
        psi = mp.matrix([[sum(c * x * z for c, x, z in zip(columns, a, b, strict=True)) for b in J] for a in J])
        return min(mp.eigsy(psi, eigvals_only=True))

    def step(self, lr: Fraction) -> Net:
        """One exact step of gradient descent."""
        e, J = self.rows()
        factor = as_mpf(lr * self.s)
        return self.at([t - factor * mp.fdot(e, [row[i] for row in J]) for i, t in enumerate(self.flat())])


def facts(net: Net) -> dict[str, Any]:
    """True values at a point."""
    e, J = net.rows()
    s, theta = as_mpf(net.s), net.kernel()
    eigenvalues = mp.eigsy(theta, eigvals_only=True)
    gradient = s * mp.norm([mp.fdot(e, column) for column in zip(*J, strict=True)])
    norm = mp.norm(e)
    loss = s * norm**2 / 2
    return {
        "loss": loss,
        "residual": norm,
        "lambda_min": min(eigenvalues),
        "lambda_max": max(eigenvalues),
        "gradient_norm": gradient,
        "pl_ratio": gradient**2 / (2 * loss),
    }
