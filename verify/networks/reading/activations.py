"""Which real function an activation module of torch stands for."""

from __future__ import annotations

import math

import numpy as np
import torch

from verify.errors import UnsupportedLayerError
from verify.networks.activations import Activation, activation_named
from verify.networks.functions import ACTIVATIONS

__all__ = ["activation_from_module"]

_FROM_MODULE = {record.module: name for name, record in ACTIVATIONS.items() if record.module is not None}

_WHY_NOT_RELU = (
    "its gradient jumps at a kink, so no smoothness constant β exists on a ball that meets one (claim relu_smoothness)"
)
_NON_SMOOTH = (
    torch.nn.ReLU6,
    torch.nn.RReLU,
    torch.nn.Hardtanh,
    torch.nn.Hardswish,
    torch.nn.Hardsigmoid,
    torch.nn.Threshold,
    torch.nn.Softshrink,
    torch.nn.Hardshrink,
    torch.nn.ELU,
    torch.nn.CELU,
    torch.nn.SELU,
)


def _real(value: object) -> float | None:
    """Return the double that a Python or numpy number equals; None for anything else, and where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    try:
        nearest = float(value)
    except OverflowError:
        return None
    return nearest if nearest == value else None


def activation_from_module(module: torch.nn.Module, where: str) -> Activation:
    """Return the real activation that a torch module stands for.

    Args:
        module: an instance of Tanh, Sigmoid, Softplus, GELU, SiLU, ReLU, LeakyReLU, Identity, verify.nn.Sine or verify.nn.Erf (exact types).
        where: how an error names the layer, e.g. ``"model[1] (ReLU)"``.

    Raises:
        UnsupportedLayerError: any other module, with the reason and what to use instead.

    Softplus' ``threshold`` (torch returns x itself above it) is not part of the mathematical function and is
    ignored.
    """
    kind = type(module)
    if kind in _FROM_MODULE:
        return activation_named(_FROM_MODULE[kind])
    if isinstance(module, torch.nn.Softplus) and kind is torch.nn.Softplus:
        beta, threshold = (_real(value) for value in (module.beta, module.threshold))
        if beta is None or not 0.0 < beta < float("inf"):
            raise UnsupportedLayerError(
                f"{where}: beta={module.beta!r}; Softplus needs a number beta > 0 that a double holds exactly"
            )
        if threshold is None or not threshold >= 20:
            raise UnsupportedLayerError(
                f"{where}: threshold={module.threshold!r} replaces softplus by the identity where they differ visibly; use the"
                " default 20 or more"
            )
        return activation_named("softplus", {"beta": beta})
    if isinstance(module, torch.nn.LeakyReLU) and kind is torch.nn.LeakyReLU:
        below = _real(module.negative_slope)
        if below is None or not 0.0 <= below < float("inf"):
            raise UnsupportedLayerError(
                f"{where}: negative_slope={module.negative_slope!r}; LeakyReLU needs a number ≥ 0 that a double holds exactly"
            )
        return activation_named("leaky_relu", {"negative_slope": below}) if below else activation_named("relu")
    if isinstance(module, torch.nn.PReLU) and kind is torch.nn.PReLU:
        slopes = module.weight.detach().flatten()
        below = float(slopes[0]) if len(slopes) == 1 else math.nan
        if module.weight.requires_grad or not 0.0 <= below < math.inf:
            raise UnsupportedLayerError(
                f"{where}: PReLU is read with one slope ≥ 0 that does not train; set weight.requires_grad_(False), or use LeakyReLU"
            )
        return activation_named("leaky_relu", {"negative_slope": below}) if below else activation_named("relu")
    if isinstance(module, torch.nn.GELU) and kind is torch.nn.GELU:
        forms = {"none": "gelu", "tanh": "gelu_tanh"}
        if not isinstance(module.approximate, str) or module.approximate not in forms:
            raise UnsupportedLayerError(
                f"{where}: approximate={module.approximate!r}; torch.nn.GELU knows 'none' and 'tanh'"
            )
        return activation_named(forms[module.approximate])
    if isinstance(module, torch.nn.CELU) or (isinstance(module, torch.nn.ELU) and module.alpha == 1):
        raise UnsupportedLayerError(
            f"{where}: {kind.__name__} has a Lipschitz derivative, but its second derivative jumps at 0 and it is not"
            " implemented. Use Softplus(beta), GELU or SiLU, which are smooth and close to it"
        )
    if isinstance(module, _NON_SMOOTH):
        raise UnsupportedLayerError(
            f"{where}: {kind.__name__} is not twice differentiable: {_WHY_NOT_RELU}."
            " Use ReLU or LeakyReLU, or Softplus(beta), GELU or SiLU, which are smooth and close to ReLU"
        )
    if isinstance(module, torch.nn.modules.dropout._DropoutNd):
        raise UnsupportedLayerError(
            f"{where}: {kind.__name__} in training mode makes the loss random, so θ ↦ Φ(θ) is no function."
            " Call model.eval() first, or remove the layer"
        )
    if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
        raise UnsupportedLayerError(
            f"{where}: {kind.__name__} is not implemented; BatchNorm1d on vectors and BatchNorm2d on maps are"
        )
    if isinstance(module, torch.nn.MaxPool2d):
        raise UnsupportedLayerError(
            f"{where}: MaxPool2d chooses among the entries of a window, and its gradient jumps where two tie, as on a constant background; it is not"
            " implemented. Use AvgPool2d, or a convolution with a stride"
        )
    raise UnsupportedLayerError(
        f"{where}: {kind.__name__} is not known, so neither its Jacobian nor its curvature is bounded. Supported:"
        " Linear, verify.nn.NTKLinear, Conv2d, BatchNorm1d, BatchNorm2d, AvgPool2d, AdaptiveAvgPool2d, Flatten,"
        " Tanh, Sigmoid, Softplus, GELU, SiLU, ReLU, LeakyReLU, verify.nn.Sine, verify.nn.Erf, Identity, and"
        " Dropout in"
        " evaluation mode"
    )
