"""Small torch modules for the setting of the theory: the NTK parametrisation, an output scale, sine and error function as activations.

Example:
    >>> import torch, verify
    >>> net = torch.nn.Sequential(verify.nn.NTKLinear(3, 8), torch.nn.Tanh(), verify.nn.NTKLinear(8, 1))
    >>> net(torch.zeros(2, 3, dtype=torch.float64)).shape
    torch.Size([2, 1])
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch

from verify.arguments import exact_count, exact_counts, exact_double, shown
from verify.errors import InputError

__all__ = ["Erf", "NTKLinear", "Scale", "Sine", "antisymmetric_two_layer", "fully_connected"]


class NTKLinear(torch.nn.Module):
    """Affine layer in the NTK parametrisation: ``x ↦ (weight_std/√in_features) W x + bias_std b``.

    Entries of ``W`` (out_features, in_features) and of ``b`` (out_features,) are drawn N(0, 1); the
    factors stand in the forward pass, not in the parameters, so the neural tangent kernel
    has a limit as the width grows (Jacot et al. 2018). Parameters are float64. ``weight_std`` and ``bias_std`` are W_std and b_std of
    neural-tangents' ``Dense(..., parameterization="ntk")``; positive numbers that doubles hold exactly.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = False,
        *,
        weight_std: float = 1.0,
        bias_std: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        """Draw the parameters; `generator` makes the draw reproducible, on its own device. Without one they lie on torch's default device."""
        super().__init__()
        # The forward divides by √in_features: True or 2.0 would be read as another number, or not at all.
        self.in_features = exact_count(in_features, "in_features", least=1)
        self.out_features = exact_count(out_features, "out_features", least=1)
        self.weight_std = exact_double(weight_std, "weight_std", positive=True)
        self.bias_std = exact_double(bias_std, "bias_std", positive=True)
        self.weight = torch.nn.Parameter(_normal((self.out_features, self.in_features), generator))
        self.bias: torch.nn.Parameter | None = (
            torch.nn.Parameter(_normal((self.out_features,), generator)) if bias else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``weight_std x Wᵀ / √in_features + bias_std b`` for x of shape (n, in_features)."""
        z = self.weight_std * (x @ self.weight.T) / math.sqrt(self.in_features)
        return z if self.bias is None else z + self.bias_std * self.bias

    def extra_repr(self) -> str:
        """Show the layer's sizes as torch.nn.Linear does."""
        shown = f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        scales = {"weight_std": self.weight_std, "bias_std": self.bias_std}
        return shown + "".join(f", {name}={value}" for name, value in scales.items() if value != 1.0)


def _normal(shape: tuple[int, ...], generator: torch.Generator | None) -> torch.Tensor:
    device = None if generator is None else generator.device
    return torch.randn(shape, dtype=torch.float64, generator=generator, device=device)


class Scale(torch.nn.Module):
    """``x ↦ factor·x``: the output scale α of lazy training (Chizat, Oyallon, Bach 2019), or of one branch; a number, not trained."""

    def __init__(self, factor: float) -> None:
        """Take a finite number other than 0 that a double holds exactly."""
        super().__init__()
        try:
            self.factor = float(factor)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            self.factor = math.nan
        if isinstance(factor, bool) or not math.isfinite(self.factor) or self.factor == 0.0 or self.factor != factor:
            raise InputError(
                f"factor={shown(factor)}: expected a finite number other than 0 that a double holds exactly"
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return factor·x."""
        return self.factor * x

    def extra_repr(self) -> str:
        """Show the factor."""
        return str(self.factor)


class Sine(torch.nn.Module):
    """Elementwise sine, the activation of sinusoidal representation networks."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return sin(x) elementwise."""
        return torch.sin(x)


class Erf(torch.nn.Module):
    """Elementwise error function 2/√π ∫₀ˣ e^(−t²)dt, the activation whose kernels have closed forms (Williams 1996)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return erf(x) elementwise."""
        return torch.erf(x)


def antisymmetric_two_layer(
    in_features: int, width: int, *, seed: int, activation: type[torch.nn.Module] = torch.nn.Tanh
) -> torch.nn.Sequential:
    """Return a bias-free two-layer NTK network whose output vanishes identically at initialisation.

    Neuron r and neuron r + width/2 share the input weights and have opposite output weights (the
    "symmetrised" or "doubling" initialisation, e.g. Chizat, Oyallon, Bach 2019): F(θ0) = 0 exactly in real
    arithmetic, so the initial residual is −y. `width` must be even.
    """
    if exact_count(width, "width", least=2) % 2:
        raise InputError(f"width={width}: the antisymmetric initialisation needs an even width")
    generator = _seeded(seed)
    first = NTKLinear(in_features, width, generator=generator)
    last = NTKLinear(width, 1, generator=generator)
    with torch.no_grad():
        first.weight[width // 2 :] = first.weight[: width // 2]
        last.weight[:, width // 2 :] = -last.weight[:, : width // 2]
    return torch.nn.Sequential(first, activation(), last)


def fully_connected(
    widths: Sequence[int], *, seed: int, activation: type[torch.nn.Module] = torch.nn.Tanh, ntk: bool = True
) -> torch.nn.Sequential:
    """Return affine layers of the given widths with an activation between them, float64, reproducible.

    Args:
        widths: inputs, hidden widths, outputs. seed: of the draw; the global generator is not touched.
        ntk: :class:`NTKLinear` layers without biases; else torch.nn.Linear with its own initialisation's distribution.
    """
    sizes = exact_counts(widths, "widths", "widths of layers")
    if len(sizes) < 2 or min(sizes) < 1:
        raise InputError(f"widths={shown(widths)}: expected two or more numbers ≥ 1, from the inputs to the outputs")
    generator = _seeded(seed)
    layers: list[torch.nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        if layers:
            layers.append(activation())
        layers.append(NTKLinear(a, b, generator=generator) if ntk else _linear(a, b, generator))
    return torch.nn.Sequential(*layers)


def _seeded(seed: int) -> torch.Generator:
    if exact_count(seed, "seed") >= 2**63:
        raise InputError(f"seed={shown(seed)}: expected a whole number below 2^63")
    return torch.Generator().manual_seed(int(seed))


def _linear(a: int, b: int, generator: torch.Generator) -> torch.nn.Linear:
    """Return torch.nn.Linear, its entries uniform on ±1/√fan_in as torch draws them, from a generator of our own."""
    layer = torch.nn.Linear(a, b, dtype=torch.float64, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        for parameter in layer.parameters():
            draw = torch.rand(parameter.shape, dtype=torch.float64, generator=generator, device="cpu")
            parameter.copy_((2.0 * draw - 1.0) / math.sqrt(a))
    return layer
