"""What a training problem is: architecture, inputs, targets, all from a few drawn numbers.

Everything drawn is a small frozen dataclass whose ``repr`` is Python source that rebuilds it exactly, so that a failure is
reproduced by pasting it.

>>> arch = Architecture(widths=(2, 3, 1), activations=("tanh",))
>>> [tuple(layer.weight.shape) for layer in arch.layers()]
[(3, 2), (1, 3)]
>>> arch.kind
'shallow'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from typing import Literal

import numpy as np
import torch

from property_tests.reference import LayerSpec
from verify.nn import Erf, NTKLinear, Sine

__all__ = ["ACTIVATION_NAMES", "KINKED_NAMES", "Architecture", "Inputs", "Targets", "TrainingProblem"]


ACTIVATION_NAMES = (
    *("tanh", "sigmoid", "softplus", "softplus:5", "silu", "gelu", "gelu_tanh", "sine", "erf"),
    *("elu", "celu:0.5", "softsign"),
)
"""Every activation of Lipschitz derivative that the engine supports, besides the identity."""
KINKED_NAMES = ("relu", "leaky_relu:0.25")
"""Activations with a kink, as their chains are drawn; property_tests.graphs draws more."""

Parametrisation = Literal["pytorch", "ntk"]
InputKind = Literal["sphere", "gaussian", "clustered", "near-duplicate", "digits"]
LossName = Literal["sum", "mean", "mse", "mse_sum"]
TargetKind = Literal["near", "signs", "real", "one-hot"]


def _module(name: str) -> torch.nn.Module:
    modules = {
        "identity": torch.nn.Identity,
        "tanh": torch.nn.Tanh,
        "sigmoid": torch.nn.Sigmoid,
        "softplus": torch.nn.Softplus,
        "softplus:5": lambda: torch.nn.Softplus(beta=5.0),
        "silu": torch.nn.SiLU,
        "gelu": torch.nn.GELU,
        "gelu_tanh": lambda: torch.nn.GELU(approximate="tanh"),
        "sine": Sine,
        "erf": Erf,
        "elu": torch.nn.ELU,
        "celu:0.5": lambda: torch.nn.CELU(alpha=0.5),
        "softsign": torch.nn.Softsign,
        "relu": torch.nn.ReLU,
        "leaky_relu:0.25": lambda: torch.nn.LeakyReLU(0.25),
    }
    return modules[name]()  # type: ignore[no-any-return, operator]


def _dyadic(values: np.ndarray, full_precision: bool) -> np.ndarray:
    """Round to multiples of 1/64 unless all 53 bits are wanted: a shrunk failure then prints readable numbers."""
    return values if full_precision else np.round(values * 64.0) / 64.0


@dataclass(frozen=True)
class Architecture:
    """A feed-forward network with its initial weights.

    Attributes:
        widths: (d, m_1, …, m_{L-1}, k).
        activations: one name per hidden layer.
        output_activation: after the last layer.
        bias: whether every layer has one.
        parametrisation: 'pytorch' (weights of size 1/√fan_in) or 'ntk' (weights N(0, 1), factor 1/√fan_in).
        gain: multiplies every initial weight.
        seed: of the Gaussian weights.
        antisymmetric: two-layer only: neuron r + m/2 is neuron r with opposite output weights, so F(θ0) = 0.
        full_precision: weights with 53 bits instead of multiples of 1/64.
    """

    widths: tuple[int, ...]
    activations: tuple[str, ...] = ()
    output_activation: str = "identity"
    bias: bool = False
    parametrisation: Parametrisation = "pytorch"
    gain: float = 1.0
    seed: int = 0
    antisymmetric: bool = False
    full_precision: bool = False

    @property
    def depth(self) -> int:
        """Number of affine layers."""
        return len(self.widths) - 1

    @property
    def kind(self) -> str:
        """Class under which draws are counted: linear, shallow (one hidden layer) or deep."""
        return {1: "linear", 2: "shallow"}.get(self.depth, "deep")

    def layers(self) -> list[LayerSpec]:
        """The exact layers, for the reference."""
        return list(self._layers)

    @cached_property
    def _layers(self) -> tuple[LayerSpec, ...]:
        rng = np.random.default_rng(self.seed)
        specs: list[LayerSpec] = []
        names = (*self.activations, self.output_activation)
        for fan_in, fan_out, name in zip(self.widths[:-1], self.widths[1:], names, strict=True):
            size = self.gain if self.parametrisation == "ntk" else self.gain / np.sqrt(fan_in)
            weight = rng.standard_normal((fan_out, fan_in)) * size
            bias = rng.standard_normal(fan_out) * self.gain if self.bias else None
            if self.antisymmetric:
                half = (fan_out if not specs else fan_in) // 2
                if not specs:
                    weight[half:] = weight[:half]
                    if bias is not None:
                        bias[half:] = bias[:half]
                else:
                    weight[:, half:] = -weight[:, :half]
                    bias = None if bias is None else bias * 0.0
            weight = _dyadic(weight, self.full_precision)
            bias = None if bias is None else _dyadic(bias, self.full_precision)
            specs.append(LayerSpec(weight, bias, fan_in if self.parametrisation == "ntk" else 1, name))
        return tuple(specs)

    def build(self) -> torch.nn.Sequential:
        """Return the torch module with exactly these weights, float64."""
        return module_of(self._layers)


def module_of(layers: Sequence[LayerSpec]) -> torch.nn.Sequential:
    """Return a torch.nn.Sequential with exactly the given layers, float64."""
    modules: list[torch.nn.Module] = []
    for spec in layers:
        fan_out, fan_in = spec.weight.shape
        biased = spec.bias is not None
        linear: torch.nn.Module
        if spec.inverse_square_scale == 1:
            linear = torch.nn.Linear(fan_in, fan_out, bias=biased, dtype=torch.float64)
        else:
            linear = NTKLinear(fan_in, fan_out, bias=biased)
        state = {"weight": torch.from_numpy(spec.weight)}
        if spec.bias is not None:
            state["bias"] = torch.from_numpy(spec.bias)
        linear.load_state_dict(state)
        modules.append(linear)
        if spec.activation != "identity":
            modules.append(_module(spec.activation))
    return torch.nn.Sequential(*modules)


@cache
def _digits() -> np.ndarray:
    from sklearn.datasets import load_digits

    return np.asarray(load_digits().data, dtype=np.float64) / 16.0


@dataclass(frozen=True)
class Inputs:
    """Inputs X: n rows of dimension d, of one of five kinds; `gap` separates clusters and near-duplicates."""

    n: int
    kind: InputKind = "sphere"
    size: float = 1.0
    gap: float = 0.125
    seed: int = 0

    def build(self, d: int) -> np.ndarray:
        """Return X (n, d) float64; real digits need d = 64."""
        rng = np.random.default_rng([self.seed, 1])
        if self.kind == "digits":
            X = _digits()[rng.choice(1797, self.n, replace=False)]
        elif self.kind in ("clustered", "near-duplicate"):
            # Near-duplicates are all close to one point, clusters to one of two.
            centres = rng.standard_normal((1 if self.kind == "near-duplicate" else 2, d))
            X = centres[np.arange(self.n) % len(centres)] + self.gap * rng.standard_normal((self.n, d))
        else:
            X = rng.standard_normal((self.n, d))
            if self.kind == "sphere":
                X /= np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-6)
        return X * self.size


@dataclass(frozen=True)
class Targets:
    """Targets y. 'near': the network's own float64 outputs plus a residual of norm size·λ0/(2L_H), about the largest that
    a ball certificate can absorb when size = 1; the others ignore the network.
    """

    kind: TargetKind = "near"
    size: float = 0.25
    seed: int = 0

    def build(self, n: int, k: int, near: tuple[np.ndarray, float]) -> np.ndarray:
        """Return y (n, k); `near` is (network outputs, residual norm scale λ0/(2L_H))."""
        rng = np.random.default_rng([self.seed, 2])
        if self.kind == "signs":
            return rng.choice([-1.0, 1.0], (n, k))
        if self.kind == "one-hot":
            return np.eye(k)[rng.integers(0, k, n)]
        noise = rng.standard_normal((n, k))
        if self.kind == "real":
            return self.size * noise
        outputs, scale = near
        return outputs + self.size * scale * noise / max(float(np.linalg.norm(noise)), 1e-12)


@dataclass(frozen=True)
class TrainingProblem:
    """Network, data, loss and step: one complete draw.

    Attributes:
        step: η as a fraction of the certified bound 2/β, in (0, 1); None takes the engine's own default.
        reach: prescribed radius as a multiple of ‖e0‖/√λ0; None lets the engine search.
    """

    architecture: Architecture
    inputs: Inputs
    targets: Targets
    loss: LossName = "sum"
    step: Fraction | None = None
    reach: float | None = 2.0

    @cached_property
    def model(self) -> torch.nn.Sequential:
        """The torch module."""
        return self.architecture.build()

    @cached_property
    def X(self) -> np.ndarray:
        """Inputs (n, d), exact."""
        return self.inputs.build(self.architecture.widths[0])

    @cached_property
    def _linearised(self) -> tuple[np.ndarray, float, float]:
        """Float outputs, λ0 and L_H at the centre: guesses that place the targets and the radius."""
        from verify.networks import kernel_of, linearise, read_network
        from verify.networks.curvature import Curvature

        state = linearise(read_network(self.model), self.X)
        spectrum = np.linalg.eigvalsh(kernel_of(state).mid)
        return state.F.mid, max(float(spectrum[0]), 0.0), Curvature(state)(0.0)

    @cached_property
    def y(self) -> np.ndarray:
        """Targets (n, k), exact."""
        outputs, lambda0, curvature = self._linearised
        scale = lambda0 / (2.0 * curvature) if curvature > 1e-9 * lambda0 else 1.0
        return self.targets.build(self.inputs.n, self.architecture.widths[-1], (outputs, scale))

    @cached_property
    def radius(self) -> float | None:
        """Prescribed radius, a double, or None."""
        outputs, lambda0, _ = self._linearised
        residual = float(np.linalg.norm(outputs - self.y))
        if self.reach is None or not lambda0 > 0.0 or not residual > 0.0:
            return None
        radius = self.reach * residual / float(np.sqrt(lambda0))
        return radius if 1e-200 < radius < 1e200 else None

    @property
    def s(self) -> Fraction:
        """Exact loss scale."""
        n, k = self.inputs.n, self.architecture.widths[-1]
        scales = {"sum": Fraction(1), "mean": Fraction(1, n), "mse": Fraction(2, n * k), "mse_sum": Fraction(2)}
        return scales[self.loss]

    @property
    def parameters(self) -> int:
        """Number p of parameters."""
        pairs = zip(self.architecture.widths[:-1], self.architecture.widths[1:], strict=True)
        return sum(m * (d + self.architecture.bias) for d, m in pairs)
