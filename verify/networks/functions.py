"""Every activation once: what the package knows of a function, in one record.

A new activation is one record here (and, for the checker, which shares no code with the prover, one branch each in `activation` and
`suprema` of verify/checker/enclosures.py and its name in kinds.py): reading, enclosures, suprema, descent in float64 and in Arb, and the adversary
take everything from :data:`ACTIVATIONS`; tests go through it by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
import torch
from flint import arb, fmpq

from verify import arrays
from verify.arrays import Ball
from verify.arrays.rounding import quiet
from verify.nn import Erf, Sine

__all__ = ["ACTIVATIONS", "ActivationRecord", "between"]

Parameters = Mapping[str, float]
Pair = tuple[Any, Any]


@dataclass(frozen=True)
class ActivationRecord:
    """One activation σ, a real function.

    Attributes:
        enclosure: (z, k, parameters) → the range of σ^(k) over each ball of z, k = 0, 1, 2.
        in_arb: (z, parameters) → enclosures of (σ(z), σ'(z)) for one arb.
        in_float64: (z, work, parameters) → (σ(z), σ'(z)), not rigorous; it may overwrite z and `work`, an array of z's shape.
        in_torch: (z, parameters) → σ(z), differentiable, not rigorous.
        module: the torch module that stands for it where no attribute of the module matters, else None.
        parameters: names of its exact float parameters, each positive.
        from_value: (σ(z), k) → enclosures of σ', …, σ^(k) as polynomials of σ; None where there are none.
        slopes: parameters → the slopes (below 0, above 0) of a function that is linear on either side of a kink at 0; None for a smooth one.
    """

    enclosure: Callable[[Ball, int, Parameters], Ball]
    in_arb: Callable[[Any, Parameters], Pair]
    in_float64: Callable[[np.ndarray, np.ndarray, Parameters], tuple[np.ndarray, np.ndarray]]
    in_torch: Callable[[torch.Tensor, Parameters], torch.Tensor]
    module: type[torch.nn.Module] | None = None
    parameters: frozenset[str] = frozenset()
    from_value: Callable[[Ball, int], tuple[Ball, ...]] | None = None
    slopes: Callable[[Parameters], tuple[float, float]] | None = None


# ---- the identity


def _identity(z: Ball, derivative: int, _: Parameters) -> Ball:
    if derivative == 0:
        return z
    return Ball(np.full(z.shape, 1.0 if derivative == 1 else 0.0))


# ---- functions with a kink at 0


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
    middle, half = between(below)
    slope = np.where(positive, 1.0, np.where(negative, below, middle))
    return Ball(slope, np.where(positive | negative, 0.0, half))


def between(below: float) -> tuple[float, float]:
    """Midpoint and radius of an interval that holds the slopes 1 and `below`."""
    middle = 0.5 + 0.5 * below
    return middle, math.nextafter(max(abs(1.0 - middle), abs(middle - below)), math.inf)


def _kinked_arb(z: Any, below: float) -> Pair:
    """Slope 1 above 0 and `below` under it; where the sign is not certain, every slope between the two, one of which gives σ(z) = slope·z."""
    slope = arb(1) if z > 0 else arb(below) if z < 0 else arb(below).union(arb(1))
    return slope * z, slope


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
        enclosure=lambda z, k, _: _kinked(z, k, 0.0),
        in_arb=lambda z, _: _kinked_arb(z, 0.0),
        in_float64=_relu_float,
        in_torch=lambda z, _: torch.relu(z),
        module=torch.nn.ReLU,
        slopes=lambda _: (0.0, 1.0),
    ),
    "leaky_relu": ActivationRecord(
        enclosure=lambda z, k, given: _kinked(z, k, given["negative_slope"]),
        in_arb=lambda z, given: _kinked_arb(z, given["negative_slope"]),
        in_float64=_leaky_float,
        in_torch=lambda z, given: torch.where(z > 0.0, z, given["negative_slope"] * z),
        parameters=frozenset({"negative_slope"}),
        slopes=lambda given: (given["negative_slope"], 1.0),
    ),
}  # fmt: skip
"""Name, as certificates store it → everything known of the function."""
