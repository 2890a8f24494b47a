"""Activations as real functions with certified derivative ranges.

A theorem about a network is about the *mathematical* activation: torch's float64 kernels are only how a run
is executed (NOTES.md, "executed activations"). Every activation here is a thin name over an enclosure of
:mod:`verify.arrays`; adding one means adding one row to ``_NAMED``, one to :mod:`verify.networks.reading.activations` (its
torch module), and one to the checker's own table.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from verify import arrays
from verify.arrays import Ball, Rows
from verify.arrays.functions import at_points
from verify.arrays.products import row_norms_upper
from verify.arrays.rounding import ETA, INFLATE, U, quiet
from verify.errors import InputError

__all__ = ["IDENTITY", "Activation", "activation_named"]


def _identity(z: Ball, derivative: int) -> Ball:
    if derivative == 0:
        return z
    return Ball(np.full(z.shape, 1.0 if derivative == 1 else 0.0))


def _kinked(z: Ball, derivative: int, below: float) -> Ball:
    """Enclose σ(z) = z for z > 0 and below·z elsewhere, or one of its derivatives; at the kink, every slope between the two.

    σ is Lipschitz with constant max(1, below); where the sign is certain, σ' is exact and σ'' vanishes.
    """
    if derivative == 0:
        value = Ball(np.maximum(z.mid, 0.0))
        if below:
            value = value + Ball(np.minimum(z.mid, 0.0)) * Ball(below)
        with quiet():
            reach = z.rad if below <= 1.0 else np.nextafter(z.rad * below, np.inf)
        return value if z.is_point else value + Ball(np.zeros(z.shape), reach)
    positive, negative = z.lower() > 0.0, z.upper() < 0.0
    if derivative > 1:
        return Ball(np.zeros(z.shape), np.where(positive | negative, 0.0, np.inf))
    middle, half = _between(below)
    slope = np.where(positive, 1.0, np.where(negative, below, middle))
    return Ball(slope, np.where(positive | negative, 0.0, half))


def _between(below: float) -> tuple[float, float]:
    """Midpoint and radius of an interval that holds the slopes 1 and `below`."""
    middle = 0.5 + 0.5 * below
    return middle, math.nextafter(max(abs(1.0 - middle), abs(middle - below)), math.inf)


# (z, derivative, parameters) -> enclosure of the range of that derivative over each ball.
_NAMED: dict[str, Callable[[Ball, int, Mapping[str, float]], Ball]] = {
    "identity": lambda z, k, _: _identity(z, k),
    "tanh": lambda z, k, _: arrays.tanh(z, derivative=k),
    "sigmoid": lambda z, k, _: arrays.sigmoid(z, derivative=k),
    "silu": lambda z, k, _: arrays.silu(z, derivative=k),
    "sine": lambda z, k, _: arrays.sin(z, derivative=k),
    "gelu": lambda z, k, _: arrays.gelu(z, approximate="none", derivative=k),
    "gelu_tanh": lambda z, k, _: arrays.gelu(z, approximate="tanh", derivative=k),
    "softplus": lambda z, k, given: arrays.softplus(z, beta=given["beta"], derivative=k),
    "relu": lambda z, k, _: _kinked(z, k, 0.0),
    "leaky_relu": lambda z, k, given: _kinked(z, k, given["negative_slope"]),
}
_PARAMETERS: dict[str, frozenset[str]] = {
    "softplus": frozenset({"beta"}),
    "leaky_relu": frozenset({"negative_slope"}),
}


@dataclass(frozen=True)
class Activation:
    """An elementwise function R → R, smooth but for a kink at 0 (`slopes`), with enclosures of its derivatives; its name determines it.

    Attributes:
        name: the key under which a certificate stores it.
        parameters: exact float parameters, e.g. ``(("beta", 1.0),)``; each positive and finite.

    Raises:
        InputError: unknown name, or parameters that it does not take.
    """

    name: str
    parameters: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what the table does not know."""
        given = dict(self.parameters)
        known = self.name in _NAMED and set(given) == _PARAMETERS.get(self.name, frozenset())
        if not known or not all(type(v) is float and 0.0 < v < float("inf") for v in given.values()):
            raise InputError(
                f"activation={self.name!r}, parameters={given!r}: expected softplus with a float beta > 0, leaky_relu with a float"
                " negative_slope > 0, or one of"
                f" {sorted(set(_NAMED) - set(_PARAMETERS))}"
            )

    def __call__(self, z: Ball, derivative: int = 0) -> Ball:
        """Enclose the range of σ^(derivative) over each entry of `z`; same shape as `z`."""
        return _NAMED[self.name](z, derivative, dict(self.parameters))

    def jet(self, z: Ball, order: int) -> tuple[Ball, ...]:
        """Enclose σ, σ', …, σ^(order) (order ≤ 2) at once, for `z` of small radius.

        tanh and sigmoid satisfy a differential equation (σ' = 1 − σ², σ' = σ(1 − σ)), so one evaluation serves all: an order
        of magnitude faster than separate calls and as tight up to a few roundings of 1; over wide balls it is looser.
        """
        if self.name not in _FROM_VALUE:
            return tuple(self(z, k) for k in range(order + 1))
        h = self(z, 0)
        return (h, *_FROM_VALUE[self.name](h, order))

    def rows(self, z: Rows) -> tuple[Rows, Rows]:
        """Enclose σ(M) and σ'(M) entrywise for all M in `z`: evaluated at its midpoints, moved by at most sup|σ'|, sup|σ''| times its error."""
        if self.slopes is not None:
            return self._kinked_rows(z)
        if self.name == "tanh":
            found = _tanh_rows(z.mid)
        else:
            found = [(ball.mid, row_norms_upper(ball.rad), ball.rad.max(axis=1)) for ball in self.jet(Ball(z.mid), 1)]
        value, slope = found
        return z.image(*value, self.supremum(1)), z.image(*slope, self.supremum(2))

    def _kinked_rows(self, z: Rows) -> tuple[Rows, Rows]:
        """The same for a kink at 0: the slope is exact where |mid| > sup decides the sign, and between the two slopes elsewhere."""
        below, above = self.slopes or (1.0, 1.0)
        value = self(Ball(z.mid))
        undecided = ~(np.abs(z.mid) > z.sup[:, None])
        middle, half = _between(below)
        slope = np.where(undecided, middle, np.where(z.mid > 0.0, above, below))
        count = undecided.sum(axis=1)
        with quiet():
            err = np.sqrt(count.astype(np.float64)) * (half * INFLATE)
        spread = np.where(count > 0, half, 0.0)
        moved = z.image(value.mid, row_norms_upper(value.rad), value.rad.max(axis=1), self.supremum(1))
        return moved, Rows(slope, err, spread)

    @property
    def parameter(self) -> float:
        """The one parameter of an activation that has one; 1 for the others."""
        return self.parameters[0][1] if self.parameters else 1.0

    @property
    def slopes(self) -> tuple[float, float] | None:
        """The slopes (below 0, above 0) of a function that is linear on either side of its kink at 0; None for a smooth one."""
        if self.name == "relu":
            return 0.0, 1.0
        return (dict(self.parameters)["negative_slope"], 1.0) if self.name == "leaky_relu" else None

    @property
    def is_identity(self) -> bool:
        """True for σ(z) = z, whose second derivative vanishes identically."""
        return self.name == "identity"

    def supremum(self, derivative: int) -> float:
        """Upper bound of sup over all real z of |σ^(derivative)(z)| (a double, derivative ≥ 1)."""
        if self.slopes is not None and derivative == 1:
            return max(self.slopes)
        return _supremum(self, derivative)


def _tanh_from_value(h: Ball, order: int) -> tuple[Ball, ...]:
    slope = 1.0 - h * h
    return (slope, h * slope * (-2.0)) if order > 1 else (slope,)[:order]


def _sigmoid_from_value(h: Ball, order: int) -> tuple[Ball, ...]:
    slope = h * (1.0 - h)
    return (slope, slope * (1.0 - h * 2.0)) if order > 1 else (slope,)[:order]


def _tanh_rows(z: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """t ≈ tanh and 1 − t² at exact z (n, m), with bounds (n,) of their rows' errors: 2-norms and largest entries.

    |t − tanh| ≤ 7u|t| + 2η, and both are at most 1 in size: at most 7u + 2η. Their squares differ by at most twice that; u/2 each
    for the rounded square and difference: 15.1u, claimed 17u. An error of at most x in each of m entries is at most √m·x in norm.
    """
    value = at_points.tanh_values(z)
    with quiet():
        slope = value * value
        np.subtract(1.0, slope, out=slope)
    one = np.ones(z.shape[0])
    root = float(np.sqrt(float(z.shape[1]))) * INFLATE
    at_value, at_slope = (at_points.TANH_ERROR + 4.0 * ETA) * INFLATE, 17.0 * U
    return [
        (value, one * (at_value * root), one * at_value),
        (slope, one * (at_slope * root * INFLATE), one * at_slope),
    ]


# σ', σ'' up to an order, as polynomials of σ.
_FROM_VALUE: dict[str, Callable[[Ball, int], tuple[Ball, ...]]] = {
    "tanh": _tanh_from_value,
    "sigmoid": _sigmoid_from_value,
}


@functools.cache
def _supremum(activation: Activation, derivative: int) -> float:
    everywhere = Ball(np.zeros(1), np.full(1, np.inf))
    enclosure = activation(everywhere, derivative)
    return float(np.maximum(np.abs(enclosure.lower()), np.abs(enclosure.upper()))[0])


def activation_named(name: str, parameters: Mapping[str, float] | None = None) -> Activation:
    """Return the activation that a certificate stores under `name`, e.g. ``("softplus", {"beta": 1.0})``."""
    return Activation(name, tuple(sorted((parameters or {}).items())))


IDENTITY = activation_named("identity")
