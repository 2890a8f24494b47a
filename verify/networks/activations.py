"""Activations as real functions with certified derivative ranges.

A theorem about a network is about the *mathematical* activation: torch's float64 kernels are only how a run
is executed (NOTES.md, "executed activations"). Every activation here is a thin name over an enclosure of
:mod:`verify.arrays`; adding one means adding one row to ``_NAMED``, one to :mod:`verify.networks.reading.activations` (its
torch module), and one to the checker's own table.
"""

from __future__ import annotations

import functools
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
}
_PARAMETERS: dict[str, frozenset[str]] = {"softplus": frozenset({"beta"})}


@dataclass(frozen=True)
class Activation:
    """A smooth elementwise function R → R with enclosures of its derivatives, determined by its name alone.

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
                f"activation={self.name!r}, parameters={given!r}: expected softplus with a float beta > 0, or one of"
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
        if self.name == "tanh":
            found = _tanh_rows(z.mid)
        else:
            found = [(ball.mid, row_norms_upper(ball.rad), ball.rad.max(axis=1)) for ball in self.jet(Ball(z.mid), 1)]
        value, slope = found
        return z.image(*value, self.supremum(1)), z.image(*slope, self.supremum(2))

    @property
    def is_identity(self) -> bool:
        """True for σ(z) = z, whose second derivative vanishes identically."""
        return self.name == "identity"

    def supremum(self, derivative: int) -> float:
        """Upper bound of sup over all real z of |σ^(derivative)(z)| (a double, derivative ≥ 1)."""
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
