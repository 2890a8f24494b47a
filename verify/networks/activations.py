"""Activations as real functions with certified derivative ranges.

A theorem about a network is about the *mathematical* activation: torch's float64 kernels are only how a run
is executed (NOTES.md, "executed activations"). What is known of each function stands in one record of
:data:`verify.networks.functions.ACTIVATIONS`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from flint import arb

from verify.arrays import Ball, Rows
from verify.arrays.functions import at_points
from verify.arrays.products import row_norms_upper
from verify.arrays.rounding import ETA, INFLATE, U, quiet
from verify.errors import InputError
from verify.networks.functions import ACTIVATIONS, ActivationRecord, Pieces

__all__ = ["IDENTITY", "Activation", "activation_named"]


@dataclass(frozen=True)
class Activation:
    """An elementwise function R → R, of Lipschitz derivative or piecewise linear (`pieces`), with enclosures of its derivatives; its name determines it.

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
        known = self.name in ACTIVATIONS and set(given) == ACTIVATIONS[self.name].parameters
        if not known or not all(type(v) is float and 0.0 < v < float("inf") for v in given.values()):
            raise InputError(
                f"activation={self.name!r}, parameters={given!r}: expected softplus with a float beta > 0, leaky_relu with a float"
                " negative_slope > 0, or one of"
                f" {sorted(name for name, record in ACTIVATIONS.items() if not record.parameters)}"
            )

    def __call__(self, z: Ball, derivative: int = 0) -> Ball:
        """Enclose the range of σ^(derivative) over each entry of `z`; same shape as `z`."""
        return self.record.enclosure(z, derivative, dict(self.parameters))

    def jet(self, z: Ball, order: int) -> tuple[Ball, ...]:
        """Enclose σ, σ', …, σ^(order) (order ≤ 2) at once, for `z` of small radius.

        tanh and sigmoid satisfy a differential equation (σ' = 1 − σ², σ' = σ(1 − σ)), so one evaluation serves all: an order
        of magnitude faster than separate calls and as tight up to a few roundings of 1; over wide balls it is looser.
        """
        from_value = self.record.from_value
        if from_value is None:
            return tuple(self(z, k) for k in range(order + 1))
        h = self(z, 0)
        return (h, *from_value(h, order))

    def rows(self, z: Rows) -> tuple[Rows, Rows]:
        """Enclose σ(M) and σ'(M) entrywise for all M in `z`: evaluated at its midpoints, moved by at most sup|σ'|, sup|σ''| times its error."""
        if self.pieces is not None:
            return self._piecewise_rows(z, self.pieces)
        bounded = self.name == "tanh"
        if bounded:
            found = _tanh_rows(z.mid)
        else:
            found = [(ball.mid, row_norms_upper(ball.rad), ball.rad.max(axis=1)) for ball in self.jet(Ball(z.mid), 1)]
        value, slope = (
            z.image(*part, self.supremum(order), finite=bounded) for order, part in enumerate(found, start=1)
        )
        return value, slope

    def _piecewise_rows(self, z: Rows, pieces: Pieces) -> tuple[Rows, Rows]:
        """The same beside kinks: the slope is exact where no kink lies within sup of the midpoint, and between the extreme slopes elsewhere."""
        value = self(Ball(z.mid))
        undecided = ~(pieces.gap(z.mid) > z.sup[:, None])
        middle, half = pieces.mean
        slope = np.where(undecided, middle, pieces.slope(z.mid))
        count = undecided.sum(axis=1)
        with quiet():
            err = np.sqrt(count.astype(np.float64)) * (half * INFLATE)
        spread = np.where(count > 0, half, 0.0)
        moved = z.image(value.mid, row_norms_upper(value.rad), value.rad.max(axis=1), self.supremum(1))
        return moved, Rows(slope, err, spread)

    @property
    def record(self) -> ActivationRecord:
        """Everything known of the function."""
        return ACTIVATIONS[self.name]

    @property
    def pieces(self) -> Pieces | None:
        """Kinks and slopes of a piecewise linear function; None for one whose derivative is Lipschitz."""
        pieces = self.record.pieces
        return None if pieces is None else pieces(dict(self.parameters))

    @property
    def is_identity(self) -> bool:
        """True for σ(z) = z, whose second derivative vanishes identically."""
        return self.name == "identity"

    @property
    def fixes_zero(self) -> bool:
        """Whether σ(0) = 0 exactly: Arb's value there is a point."""
        return _fixes_zero(self)

    def supremum(self, derivative: int) -> float:
        """Upper bound of sup over all real z of |σ^(derivative)(z)| (a double, derivative ≥ 1)."""
        if self.pieces is not None and derivative == 1:
            return max(self.pieces.slopes)
        return _supremum(self, derivative)

    @property
    def bend(self) -> float:
        """Upper bound of |σ''| where no kink is met: 0 of a piecewise linear function, the supremum of any other."""
        return 0.0 if self.pieces is not None else self.supremum(2)


def _tanh_rows(z: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """t ≈ tanh and 1 − t² at exact z (n, m), with bounds (n,) of their rows' errors: 2-norms and largest entries.

    |t − tanh| ≤ 7u|t| + 2η, and both are at most 1 in size: at most 7u + 2η. Their squares differ by at most twice that; u/2 each
    for the rounded square and difference: 15.1u, claimed 17u. An error of at most x in each of m entries is at most √m·x in norm.
    """
    value, slope = at_points.tanh_and_slope(z)
    one = np.ones(z.shape[0])
    root = float(np.sqrt(float(z.shape[1]))) * INFLATE
    at_value, at_slope = (at_points.TANH_ERROR + 4.0 * ETA) * INFLATE, 17.0 * U
    return [
        (value, one * (at_value * root), one * at_value),
        (slope, one * (at_slope * root * INFLATE), one * at_slope),
    ]


@functools.cache
def _fixes_zero(activation: Activation) -> bool:
    value, _ = activation.record.in_arb(arb(0), dict(activation.parameters))
    return bool(value == 0)


@functools.cache
def _supremum(activation: Activation, derivative: int) -> float:
    everywhere = Ball(np.zeros(1), np.full(1, np.inf))
    enclosure = activation(everywhere, derivative)
    return float(np.maximum(np.abs(enclosure.lower()), np.abs(enclosure.upper()))[0])


def activation_named(name: str, parameters: Mapping[str, float] | None = None) -> Activation:
    """Return the activation that a certificate stores under `name`, e.g. ``("softplus", {"beta": 1.0})``."""
    return Activation(name, tuple(sorted((parameters or {}).items())))


IDENTITY = activation_named("identity")
