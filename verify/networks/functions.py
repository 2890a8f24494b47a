"""Every activation once: what the package knows of a function, in one record.

A new activation is one record here (and, for the checker, which shares no code with the prover, one branch each in `activation` and
`suprema` of verify/checker/enclosures.py and its name in kinds.py): reading, enclosures, suprema, descent in float64 and in Arb, and the adversary
take everything from :data:`ACTIVATIONS`; tests go through it by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.special
import torch
from flint import arb, fmpq

from verify import arrays
from verify.arrays import Ball
from verify.arrays.rounding import quiet
from verify.nn import Erf, Sine

__all__ = ["ACTIVATIONS", "ActivationRecord", "Pieces"]

Parameters = Mapping[str, float]
Pair = tuple[Any, Any]


class Pieces(NamedTuple):
    """A continuous piecewise linear function: kinks in increasing order, and the slopes left of the first, between, and right of the last; exact."""

    kinks: tuple[float, ...]
    slopes: tuple[float, ...]

    @property
    def mean(self) -> tuple[float, float]:
        """Midpoint and radius of an interval that holds every slope."""
        least, most = min(self.slopes), max(self.slopes)
        middle = 0.5 * least + 0.5 * most
        return middle, math.nextafter(max(abs(most - middle), abs(middle - least)), math.inf)

    def slope(self, z: np.ndarray) -> np.ndarray:
        """The slope at each point; at a kink that on its left, as torch's relu'(0) = 0."""
        return np.asarray(self.slopes)[np.searchsorted(np.asarray(self.kinks), z, side="left")]

    def gap(self, z: np.ndarray) -> np.ndarray:
        """Lower bounds of the distance to the nearest kink."""
        # A difference is rounded by at most half the step to the double below it; from 0 there is none.
        gaps = [np.abs(z) if kink == 0.0 else np.nextafter(np.abs(z - kink), -1.0) for kink in self.kinks]
        return np.asarray(np.maximum(np.minimum.reduce(gaps), 0.0))


@dataclass(frozen=True)
class ActivationRecord:
    """One activation σ, a real function.

    A σ' that is Lipschitz with a σ'' that jumps (CELU, Softsign) is as good as a second derivative: claim lipschitz_slope.

    Attributes:
        enclosure: (z, k, parameters) → the range of σ^(k) over each ball of z, k = 0, 1, 2; where σ'' jumps, both its sides.
        in_arb: (z, parameters) → enclosures of (σ(z), σ'(z)) for one arb.
        in_float64: (z, work, parameters) → (σ(z), σ'(z)), not rigorous; it may overwrite z and `work`, an array of z's shape.
        in_torch: (z, parameters) → σ(z), differentiable, not rigorous.
        module: the torch module that stands for it where no attribute of the module matters, else None.
        parameters: names of its exact float parameters, each positive.
        from_value: (σ(z), k) → enclosures of σ', …, σ^(k) as polynomials of σ; None where there are none.
        pieces: parameters → kinks and slopes of a piecewise linear function; None for one whose derivative is Lipschitz.
    """

    enclosure: Callable[[Ball, int, Parameters], Ball]
    in_arb: Callable[[Any, Parameters], Pair]
    in_float64: Callable[[np.ndarray, np.ndarray, Parameters], tuple[np.ndarray, np.ndarray]]
    in_torch: Callable[[torch.Tensor, Parameters], torch.Tensor]
    module: type[torch.nn.Module] | None = None
    parameters: frozenset[str] = frozenset()
    from_value: Callable[[Ball, int], tuple[Ball, ...]] | None = None
    pieces: Callable[[Parameters], Pieces] | None = None


# ---- the identity


def _identity(z: Ball, derivative: int, _: Parameters) -> Ball:
    if derivative == 0:
        return z
    return Ball(np.full(z.shape, 1.0 if derivative == 1 else 0.0))


# ---- piecewise linear functions


def _leaky(below: float) -> Pieces:
    return Pieces((0.0,), (below, 1.0))


def _clipped(low: float, high: float) -> Pieces:
    return Pieces((low, high), (0.0, 1.0, 0.0))


def _piecewise(z: Ball, derivative: int, pieces: Pieces, at_points: Callable[[np.ndarray], Ball]) -> Ball:
    """Enclose σ or one of its derivatives; at a kink, every slope.

    σ is Lipschitz with its largest slope; where no kink is met, σ' is exact and σ'' vanishes.
    """
    if derivative == 0:
        value, most = at_points(z.mid), max(pieces.slopes)
        with quiet():
            reach = z.rad if most == 1.0 else np.nextafter(z.rad * most, np.inf)
        return value if z.is_point else value + Ball(np.zeros(z.shape), reach)
    lower, upper = z.lower(), z.upper()
    apart = np.logical_and.reduce([(lower > kink) | (upper < kink) for kink in pieces.kinks])
    if derivative > 1:
        return Ball(np.zeros(z.shape), np.where(apart, 0.0, np.inf))
    middle, half = pieces.mean
    return Ball(np.where(apart, pieces.slope(z.mid), middle), np.where(apart, 0.0, half))


def _leaky_values(z: np.ndarray, below: float) -> Ball:
    value = Ball(np.maximum(z, 0.0))
    return value + Ball(np.minimum(z, 0.0)) * Ball(below) if below else value


def _leaky_arb(z: Any, below: float) -> Pair:
    """Slope 1 above 0 and `below` under it; where the sign is not certain, every slope between the two, one of which gives σ(z) = slope·z."""
    slope = arb(1) if z > 0 else arb(below) if z < 0 else arb(below).union(arb(1))
    return slope * z, slope


def _clipped_arb(z: Any, low: float, high: float) -> Pair:
    """Slope 1 between the kinks and 0 outside; every slope between the two where that is not certain."""
    slope = arb(1) if low < z < high else arb(0) if z < low or z > high else arb(0).union(arb(1))
    return z.max(arb(low)).min(arb(high)), slope


def _clipped_record(low: float, high: float, module: type[torch.nn.Module]) -> ActivationRecord:
    """min(max(z, low), high), −∞ < low < high < ∞."""
    pieces = _clipped(low, high)

    def in_float64(z: np.ndarray, work: np.ndarray, _: Parameters) -> tuple[np.ndarray, np.ndarray]:
        slope = np.logical_and(z > low, z < high)
        return np.clip(z, low, high), np.multiply(slope, 1.0, out=work)

    return ActivationRecord(
        enclosure=lambda z, k, _: _piecewise(z, k, pieces, lambda t: Ball(np.clip(t, low, high))),
        in_arb=lambda z, _: _clipped_arb(z, low, high),
        in_float64=in_float64,
        in_torch=lambda z, _: torch.nn.functional.hardtanh(z, low, high),
        module=module,
        pieces=lambda _: pieces,
    )


# ---- functions whose derivative is Lipschitz, in Arb: both increase, so that the ends of a ball bound them


def _increasing(z: Any, value: Callable[[Any], Any]) -> Any:
    return value(z.lower()).union(value(z.upper())) if z.contains(0) else value(z)


def _celu_arb(z: Any, given: Parameters) -> Pair:
    alpha = arb(given["alpha"])
    value = _increasing(z, lambda t: t if t > 0 else alpha * (t / alpha).expm1())
    return value, _increasing(z, lambda t: arb(1) if t > 0 else (t / alpha).exp())


def _softsign_arb(z: Any, _: Parameters) -> Pair:
    return _increasing(z, lambda t: t / (1 + abs(t))), 1 / (1 + abs(z)) ** 2


# ---- smooth functions in Arb


def _tanh_arb(z: Any, _: Parameters) -> Pair:
    h = z.tanh()
    return h, 1 - h * h


def _logistic_arb(z: Any) -> Any:
    return 1 / (1 + (-z).exp())


def _sigmoid_arb(z: Any, _: Parameters) -> Pair:
    h = _logistic_arb(z)
    return h, h * (1 - h)


def _silu_arb(z: Any, _: Parameters) -> Pair:
    gate = _logistic_arb(z)
    return z * gate, gate * (1 + z * (1 - gate))


def _gelu_arb(z: Any, _: Parameters) -> Pair:
    gate = (-z / arb(2).sqrt()).erfc() / 2
    return z * gate, gate + z * (-z * z / 2).exp() / (2 * arb.pi()).sqrt()


def _gelu_tanh_arb(z: Any, _: Parameters) -> Pair:
    scale, cubic = (2 / arb.pi()).sqrt(), arb(fmpq(44715, 1000000))
    gate = (scale * (z + cubic * z * z * z)).tanh()
    return z * (1 + gate) / 2, (1 + gate) / 2 + z * (1 - gate * gate) * scale * (1 + 3 * cubic * z * z) / 2


def _softplus_arb(z: Any, given: Parameters) -> Pair:
    beta = arb(given["beta"])
    return (beta * z).exp().log1p() / beta, _logistic_arb(beta * z)


def _erf_arb(z: Any, _: Parameters) -> Pair:
    return z.erf(), 2 * (-z * z).exp() / arb.pi().sqrt()


# ---- in float64


def _sigmoid_float(z: np.ndarray, work: np.ndarray, _: Parameters) -> tuple[np.ndarray, np.ndarray]:
    value = scipy.special.expit(z, out=z)
    return value, np.multiply(value, np.subtract(1.0, value, out=work), out=work)


def _tanh_float(z: np.ndarray, work: np.ndarray, _: Parameters) -> tuple[np.ndarray, np.ndarray]:
    value = np.tanh(z, out=z)
    return value, np.subtract(1.0, np.multiply(value, value, out=work), out=work)


def _silu_float(z: np.ndarray, work: np.ndarray, _: Parameters) -> tuple[np.ndarray, np.ndarray]:
    gate = scipy.special.expit(z)
    return z * gate, gate * (1.0 + z * (1.0 - gate))


def _gelu_float(z: np.ndarray, work: np.ndarray, _: Parameters) -> tuple[np.ndarray, np.ndarray]:
    gate = scipy.special.ndtr(z)
    return z * gate, gate + z * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)


def _gelu_tanh_float(z: np.ndarray, work: np.ndarray, _: Parameters) -> tuple[np.ndarray, np.ndarray]:
    scale = np.sqrt(2.0 / np.pi)
    gate = np.tanh(scale * (z + 0.044715 * z**3))
    slope = 0.5 * z * (1.0 - gate * gate) * scale * (1.0 + 3.0 * 0.044715 * z * z)
    return 0.5 * z * (1.0 + gate), 0.5 * (1.0 + gate) + slope


def _softplus_float(z: np.ndarray, work: np.ndarray, given: Parameters) -> tuple[np.ndarray, np.ndarray]:
    beta = given["beta"]
    return np.logaddexp(0.0, beta * z) / beta, scipy.special.expit(beta * z)


def _erf_float(z: np.ndarray, work: np.ndarray, _: Parameters) -> tuple[np.ndarray, np.ndarray]:
    return scipy.special.erf(z), (2.0 / np.sqrt(np.pi)) * np.exp(-z * z)


def _relu_float(z: np.ndarray, work: np.ndarray, _: Parameters) -> tuple[np.ndarray, np.ndarray]:
    return np.maximum(z, 0.0), np.greater(z, 0.0, out=work, casting="unsafe")


def _celu_float(z: np.ndarray, work: np.ndarray, given: Parameters) -> tuple[np.ndarray, np.ndarray]:
    alpha = given["alpha"]
    below = np.minimum(z, 0.0) / alpha
    return np.where(z > 0.0, z, alpha * np.expm1(below)), np.exp(below, out=work)


def _softsign_float(z: np.ndarray, work: np.ndarray, _: Parameters) -> tuple[np.ndarray, np.ndarray]:
    inverse = 1.0 / (1.0 + np.abs(z))
    return z * inverse, np.multiply(inverse, inverse, out=work)


def _leaky_float(z: np.ndarray, work: np.ndarray, given: Parameters) -> tuple[np.ndarray, np.ndarray]:
    below = given["negative_slope"]
    return np.where(z > 0.0, z, below * z), np.where(z > 0.0, 1.0, below)


# ---- derivatives as polynomials of the value


def _tanh_from_value(h: Ball, order: int) -> tuple[Ball, ...]:
    slope = 1.0 - h * h
    return (slope, h * slope * (-2.0)) if order > 1 else (slope,)[:order]


def _sigmoid_from_value(h: Ball, order: int) -> tuple[Ball, ...]:
    slope = h * (1.0 - h)
    return (slope, slope * (1.0 - h * 2.0)) if order > 1 else (slope,)[:order]


ACTIVATIONS: Mapping[str, ActivationRecord] = {
    "identity": ActivationRecord(
        enclosure=_identity,
        in_arb=lambda z, _: (z, arb(1)),
        in_float64=lambda z, _, __: (z, np.ones_like(z)),
        in_torch=lambda z, _: z,
        module=torch.nn.Identity,
    ),
    "tanh": ActivationRecord(
        enclosure=lambda z, k, _: arrays.tanh(z, derivative=k),
        in_arb=_tanh_arb,
        in_float64=_tanh_float,
        in_torch=lambda z, _: torch.tanh(z),
        module=torch.nn.Tanh,
        from_value=_tanh_from_value,
    ),
    "sigmoid": ActivationRecord(
        enclosure=lambda z, k, _: arrays.sigmoid(z, derivative=k),
        in_arb=_sigmoid_arb,
        in_float64=_sigmoid_float,
        in_torch=lambda z, _: torch.sigmoid(z),
        module=torch.nn.Sigmoid,
        from_value=_sigmoid_from_value,
    ),
    "silu": ActivationRecord(
        enclosure=lambda z, k, _: arrays.silu(z, derivative=k),
        in_arb=_silu_arb,
        in_float64=_silu_float,
        in_torch=lambda z, _: torch.nn.functional.silu(z),
        module=torch.nn.SiLU,
    ),
    "sine": ActivationRecord(
        enclosure=lambda z, k, _: arrays.sin(z, derivative=k),
        in_arb=lambda z, _: (z.sin(), z.cos()),
        in_float64=lambda z, _, __: (np.sin(z), np.cos(z)),
        in_torch=lambda z, _: torch.sin(z),
        module=Sine,
    ),
    "erf": ActivationRecord(
        enclosure=lambda z, k, _: arrays.erf(z, derivative=k),
        in_arb=_erf_arb,
        in_float64=_erf_float,
        in_torch=lambda z, _: torch.erf(z),
        module=Erf,
    ),
    "gelu": ActivationRecord(
        enclosure=lambda z, k, _: arrays.gelu(z, approximate="none", derivative=k),
        in_arb=_gelu_arb,
        in_float64=_gelu_float,
        in_torch=lambda z, _: torch.nn.functional.gelu(z),
    ),
    "gelu_tanh": ActivationRecord(
        enclosure=lambda z, k, _: arrays.gelu(z, approximate="tanh", derivative=k),
        in_arb=_gelu_tanh_arb,
        in_float64=_gelu_tanh_float,
        in_torch=lambda z, _: torch.nn.functional.gelu(z, approximate="tanh"),
    ),
    "softplus": ActivationRecord(
        enclosure=lambda z, k, given: arrays.softplus(z, beta=given["beta"], derivative=k),
        in_arb=_softplus_arb,
        in_float64=_softplus_float,
        in_torch=lambda z, given: torch.logaddexp(given["beta"] * z, torch.zeros_like(z)) / given["beta"],
        parameters=frozenset({"beta"}),
    ),
    "relu": ActivationRecord(
        enclosure=lambda z, k, _: _piecewise(z, k, _leaky(0.0), lambda t: _leaky_values(t, 0.0)),
        in_arb=lambda z, _: _leaky_arb(z, 0.0),
        in_float64=_relu_float,
        in_torch=lambda z, _: torch.relu(z),
        module=torch.nn.ReLU,
        pieces=lambda _: _leaky(0.0),
    ),
    "leaky_relu": ActivationRecord(
        enclosure=lambda z, k, given: _piecewise(
            z, k, _leaky(given["negative_slope"]), lambda t: _leaky_values(t, given["negative_slope"])
        ),
        in_arb=lambda z, given: _leaky_arb(z, given["negative_slope"]),
        in_float64=_leaky_float,
        in_torch=lambda z, given: torch.where(z > 0.0, z, given["negative_slope"] * z),
        parameters=frozenset({"negative_slope"}),
        pieces=lambda given: _leaky(given["negative_slope"]),
    ),
    "hardtanh": _clipped_record(-1.0, 1.0, torch.nn.Hardtanh),
    "relu6": _clipped_record(0.0, 6.0, torch.nn.ReLU6),
    "celu": ActivationRecord(
        enclosure=lambda z, k, given: arrays.celu(z, k, given["alpha"]),
        in_arb=_celu_arb,
        in_float64=_celu_float,
        in_torch=lambda z, given: torch.nn.functional.celu(z, given["alpha"]),
        parameters=frozenset({"alpha"}),
    ),
    "softsign": ActivationRecord(
        enclosure=lambda z, k, _: arrays.softsign(z, k),
        in_arb=_softsign_arb,
        in_float64=_softsign_float,
        in_torch=lambda z, _: torch.nn.functional.softsign(z),
        module=torch.nn.Softsign,
    ),
}
"""Name, as certificates store it → everything known of the function."""
