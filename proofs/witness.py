"""Certified three-point witnesses: exact points θ, θ ± tv at which a network's loss violates quasi-convexity.

Quasi-convexity on a convex set (textbook definition): L(x) ≤ max(L(x + tv), L(x − tv)) for the midpoint x of any segment in the set.
So Φ(θ + tv) < Φ(θ) and Φ(θ − tv) < Φ(θ) show that no convex set containing the three points, hence no ball about θ of radius ≥ t‖v‖,
is an LQCR. The direction v is a floating-point guess in the kernel of the Jacobian (claim no_lqcr_wide says where to look);
the verdict rests on three losses enclosed in Arb at exact rational parameters.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from proofs.claim import Fact
from proofs.errors import ProofError

__all__ = ["ACTIVATIONS", "Network", "Witness", "find", "random_network"]

Matrix = list[list[Fraction]]


@dataclass(frozen=True)
class Activation:
    """A scalar activation: in Arb for the verdict; value and first two derivatives in floats for the guess."""

    exact: Callable[[Any], Any]
    approx: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def _tanh(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    h = np.tanh(z)
    return h, 1 - h**2, -2 * h * (1 - h**2)


def _sigmoid(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    h = 1 / (1 + np.exp(-z))
    return h, h * (1 - h), h * (1 - h) * (1 - 2 * h)


def _softplus(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    h, first, _ = _sigmoid(z)
    return np.log1p(np.exp(z)), h, first


def _relu(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.maximum(z, 0), (z > 0).astype(float), np.zeros_like(z)


def _exact_relu(z: Any) -> Any:
    return z.max(type(z)(0))


ACTIVATIONS = {
    "tanh": Activation(lambda z: z.tanh(), _tanh),
    "sigmoid": Activation(lambda z: 1 / (1 + (-z).exp()), _sigmoid),
    "softplus": Activation(lambda z: (1 + z.exp()).log(), _softplus),
    "relu": Activation(_exact_relu, _relu),
}


@dataclass(frozen=True)
class Network:
    """A fully connected network with biases in the hidden layers: exact doubles.

    Attributes:
        weights: per layer, (m_l, m_{l−1}).
        biases: per hidden layer, (m_l,).
        activation: a key of ACTIVATIONS.
        X: inputs (n, d).
        y: targets (n, k).
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    activation: str
    X: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Witness:
    """Three exact points and their losses.

    Attributes:
        network: θ and the data.
        direction: v for the last hidden layer's (W, b) and the output weights V: three float64 arrays.
        step: t, exact.
        losses: enclosures (lower, upper) of Φ at θ − tv, θ, θ + tv, s = 1.
        radius_square: an upper bound of (t‖v‖)².
    """

    network: Network
    direction: tuple[np.ndarray, np.ndarray, np.ndarray]
    step: Fraction
    losses: tuple[tuple[Fraction, Fraction], ...]
    radius_square: Fraction

    def facts(self) -> list[Fact]:
        """The two strict inequalities, decided by end points, and how close the points are."""
        below, centre, above = self.losses
        name = f"{len(self.network.biases)}-hidden-layer {self.network.activation} network"
        return [
            Fact(f"{name}: Φ(θ − tv) < Φ(θ)", below[1] < centre[0]),
            Fact(f"{name}: Φ(θ + tv) < Φ(θ)", above[1] < centre[0]),
            Fact(f"{name}: t‖v‖ ≤ 1/64", self.radius_square <= Fraction(1, 64**2)),
        ]


def random_network(widths: tuple[int, ...], activation: str, n: int, seed: int) -> Network:
    """Draw a network with Gaussian weights (scale 1/√fan_in), Gaussian biases and inputs, and targets ±1.

    Args:
        widths: (d, m_1, …, m_L, k).
        activation: a key of ACTIVATIONS.
        n: number of samples.
        seed: of the generator.
    """
    rng = np.random.default_rng(seed)
    pairs = list(itertools.pairwise(widths))
    return Network(
        weights=tuple(rng.standard_normal((m, p)) / np.sqrt(p) for p, m in pairs),
        biases=tuple(rng.standard_normal(m) for _, m in pairs[:-1]),
        activation=activation,
        X=rng.standard_normal((n, widths[0])),
        y=rng.choice([-1.0, 1.0], size=(n, widths[-1])),
    )


def _guess(network: Network, slope: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A direction in the kernel of the last two layers' Jacobian with negative residual-weighted curvature (floats)."""
    act = ACTIVATIONS[network.activation].approx
    h = network.X
    for W, b in zip(network.weights[:-2], network.biases[:-1], strict=True):
        h, _, _ = act(h @ W.T + b)
    W, b, V = network.weights[-2], network.biases[-1], network.weights[-1]
    z = h @ W.T + b
    value, first, second = act(z)
    e = value @ V.T - network.y
    n, m, k = len(h), len(b), len(V)
    augmented = np.hstack([h, np.ones((n, 1))])
    # q[c, r] = Σ_i e_ic σ'(z_ir) (a_i, 1): take the output c with the largest one for each neuron.
    q = np.einsum("ic,ir,ip->crp", e, first, augmented)
    best = np.argmax(np.linalg.norm(q, axis=2), axis=0)
    directions = np.stack([q[best[r], r] for r in range(m)])
    mixed = np.linalg.norm(directions, axis=1)
    qualify = np.flatnonzero(mixed > 0)
    if len(qualify) <= n * k:
        raise ProofError(f"neurons with q_r ≠ 0: {len(qualify)}; expected more than n·k={n * k}: use a wider network")
    directions[qualify] /= mixed[qualify, None]
    # J d_r for d_r = (1 in v_{c,r}, −slope·q_r/‖q_r‖ in (w_r, b_r)), as an (n·k, m) matrix.
    move = augmented @ directions.T  # (n, m): a_iᵀ q_r/‖q_r‖
    images = -slope * np.einsum("cr,ir,ir->icr", V, first, move)
    images[:, best, np.arange(m)] += value
    _, _, right = np.linalg.svd(images.reshape(n * k, m)[:, qualify])
    kernel = right[n * k :].T  # orthonormal columns
    # The curvature is Σ_r α_r² form_r: take the kernel vector with the most negative value.
    form = -2 * slope * mixed + slope**2 * np.einsum("ic,cr,ir,ir->r", e, V, second, move**2)
    _, vectors = np.linalg.eigh(kernel.T @ (form[qualify, None] * kernel))
    a = np.zeros(m)
    a[qualify] = kernel @ vectors[:, 0]
    dV = np.zeros_like(V)
    dV[best, np.arange(m)] = a
    full = -slope * a[:, None] * directions
    return full[:, :-1], full[:, -1], dV


def _exact(array: np.ndarray) -> Any:
    return [_exact(row) for row in array] if array.ndim > 1 else [Fraction(float(v)) for v in array]


def _arb(x: Fraction) -> Any:
    import flint

    return flint.arb(flint.fmpq(x.numerator, x.denominator))


def _bounds(ball: Any) -> tuple[Fraction, Fraction]:
    def exact(x: Any) -> Fraction:
        mantissa, exponent = x.man_exp()
        return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)

    return exact(ball.lower()), exact(ball.upper())


def _loss(network: Network, W: Matrix, b: list[Fraction], V: Matrix) -> tuple[Fraction, Fraction]:
    """Enclose ½Σ(F − y)² with the given last hidden layer and output weights, in Arb at 160 bits."""
    import flint

    act = ACTIVATIONS[network.activation].exact
    layers = [(_exact(w), _exact(c)) for w, c in zip(network.weights[:-2], network.biases[:-1], strict=True)]
    with flint.ctx.workprec(160):
        total = flint.arb(0)
        hidden = [([[_arb(x) for x in row] for row in w], [_arb(x) for x in c]) for w, c in [*layers, (W, b)]]
        out = [[_arb(x) for x in row] for row in V]
        for x, target in zip(_exact(network.X), _exact(network.y), strict=True):
            h = [_arb(v) for v in x]
            for w, c in hidden:
                h = [
                    act(sum((a * v for a, v in zip(row, h, strict=True)), bias)) for row, bias in zip(w, c, strict=True)
                ]
            for row, t in zip(out, target, strict=True):
                error = sum((a * v for a, v in zip(row, h, strict=True)), -_arb(t))
                total += error * error / 2
        return _bounds(total)


def find(network: Network, step: Fraction = Fraction(1, 128), slope: float = 0.25) -> Witness:
    """Guess a direction and enclose the three losses; the facts say whether they are a witness.

    Args:
        network: needs more neurons in the last hidden layer than outputs n·k.
        step: t.
        slope: how far (w_r, b_r) moves per unit of v_r; small makes the negative cross term win.
    """
    dW, db, dV = _guess(network, slope)
    W, b, V = network.weights[-2], network.biases[-1], network.weights[-1]

    def at(sign: int) -> tuple[Fraction, Fraction]:
        def moved(x: np.ndarray, dx: np.ndarray) -> Any:
            if x.ndim > 1:
                return [moved(p, q) for p, q in zip(x, dx, strict=True)]
            return [Fraction(float(p)) + sign * step * Fraction(float(q)) for p, q in zip(x, dx, strict=True)]

        return _loss(network, moved(W, dW), moved(b, db), moved(V, dV))

    square = sum((Fraction(float(v)) ** 2 for v in np.concatenate([dW.ravel(), db, dV.ravel()])), Fraction(0))
    return Witness(network, (dW, db, dV), step, (at(-1), at(0), at(1)), step**2 * square)
