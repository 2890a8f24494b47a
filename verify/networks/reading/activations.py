"""Which real function an activation module of torch stands for."""

from __future__ import annotations

import math

import numpy as np
import torch

from verify.errors import UnsupportedLayerError
from verify.networks.activations import Activation, activation_named
from verify.networks.functions import ACTIVATIONS
from verify.networks.reading.integrity import require_own_parameter

__all__ = ["activation_from_module", "real_number"]

_FROM_MODULE = {record.module: name for name, record in ACTIVATIONS.items() if record.module is not None}

_CLIPPED: dict[tuple[float | None, float | None], str] = {(-1.0, 1.0): "hardtanh", (0.0, 6.0): "relu6"}

_NON_SMOOTH = (
    torch.nn.RReLU,
    torch.nn.Hardswish,
    torch.nn.Hardsigmoid,
    torch.nn.Threshold,
    torch.nn.Softshrink,
    torch.nn.Hardshrink,
    torch.nn.SELU,
)


_WHY_NOT: tuple[tuple[tuple[type[torch.nn.Module], ...], str], ...] = (
    (
        (
            torch.nn.Conv1d,
            torch.nn.MaxPool1d,
            torch.nn.AdaptiveMaxPool1d,
            torch.nn.AvgPool1d,
            torch.nn.AdaptiveAvgPool1d,
        ),
        "is not implemented. Give sequences (n, C, L) a side of length 1, X[:, :, None], and use the layer for maps with windows (1, k)",
    ),
    (
        (torch.nn.MaxPool3d, torch.nn.AdaptiveMaxPool3d, torch.nn.FractionalMaxPool2d),
        "is not implemented; MaxPool2d on maps (n, C, H, W) is",
    ),
    (
        (torch.nn.InstanceNorm1d, torch.nn.InstanceNorm2d, torch.nn.InstanceNorm3d),
        "is not implemented. On maps, torch.nn.GroupNorm(C, C) normalises every channel of a sample by itself, as InstanceNorm2d(C) does",
    ),
    (
        (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel),
        "holds the module that computes; pass that: model.module",
    ),
)


def _full_name(kind: type) -> str:
    """A class's name, with its module where torch.nn has another of that name."""
    return kind.__name__ if getattr(torch.nn, kind.__name__, kind) is kind else f"{kind.__module__}.{kind.__name__}"


def real_number(value: object) -> float | None:
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
        module: an instance of Tanh, Sigmoid, Softplus, GELU, SiLU, CELU, ELU(1), Softsign, ReLU, LeakyReLU, Hardtanh, ReLU6, Identity,
            verify.nn.Sine or verify.nn.Erf (exact types).
        where: how an error names the layer, e.g. ``"model[1] (ReLU)"``.

    Raises:
        UnsupportedLayerError: any other module, with the reason and what to use instead.

    Softplus' ``threshold`` (torch returns x itself above it) is not part of the mathematical function and is
    ignored.
    """
    kind = type(module)
    if "quantized" in kind.__module__:
        # First: they derive from the classes that are read.
        raise UnsupportedLayerError(
            f"{where}: {kind.__module__}.{kind.__name__} computes with rounded integers, a function with jumps that gradient descent does not see. Pass the"
            " model as it was before quantisation"
        )
    # ReLU6 is a Hardtanh whose limits can be changed.
    if kind in (torch.nn.Hardtanh, torch.nn.ReLU6):
        limits = (real_number(module.min_val), real_number(module.max_val))
        if limits not in _CLIPPED:
            raise UnsupportedLayerError(
                f"{where}: limits {module.min_val!r} and {module.max_val!r}; Hardtanh is known from -1 to 1, and from 0 to 6 (ReLU6). From -c to"
                " c it is verify.nn.Scale(1 / c), Hardtanh(), verify.nn.Scale(c), where 1 / c is a double"
            )
        return activation_named(_CLIPPED[limits])
    if kind in _FROM_MODULE:
        return activation_named(_FROM_MODULE[kind])
    if isinstance(module, torch.nn.Softplus) and kind is torch.nn.Softplus:
        beta, threshold = (real_number(value) for value in (module.beta, module.threshold))
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
        below = real_number(module.negative_slope)
        if below is None or not 0.0 <= below < float("inf"):
            raise UnsupportedLayerError(
                f"{where}: negative_slope={module.negative_slope!r}; LeakyReLU needs a number ≥ 0 that a double holds exactly"
            )
        return activation_named("leaky_relu", {"negative_slope": below}) if below else activation_named("relu")
    if isinstance(module, torch.nn.PReLU) and kind is torch.nn.PReLU:
        if module._parameters.get("weight") is not module.weight:
            # Memory of a parameter that trains, as likely as not: no constant slope.
            raise UnsupportedLayerError(
                f"{where}: its weight is no Parameter of its own; set weight = torch.nn.Parameter(weight.detach().clone()).requires_grad_(False)"
            )
        require_own_parameter(module.weight, f"{where}.weight")
        slopes = module.weight.detach().flatten()
        below = float(slopes[0]) if len(slopes) == 1 else math.nan
        if module.weight.requires_grad or not 0.0 <= below < math.inf:
            raise UnsupportedLayerError(
                f"{where}: PReLU is read with one slope ≥ 0 that does not train; set weight.requires_grad_(False), or use LeakyReLU"
            )
        return activation_named("leaky_relu", {"negative_slope": below}) if below else activation_named("relu")
    if kind in (torch.nn.CELU, torch.nn.ELU):
        alpha = real_number(module.alpha)
        if alpha is None or not 0.0 < alpha < math.inf or (kind is torch.nn.ELU and alpha != 1.0):
            raise UnsupportedLayerError(
                f"{where}: alpha={module.alpha!r}; CELU needs a number > 0 that a double holds exactly, ELU alpha=1: with any other its slope jumps at 0"
                " where it is curved. Use CELU(alpha)"
            )
        return activation_named("celu", {"alpha": alpha})
    if isinstance(module, torch.nn.GELU) and kind is torch.nn.GELU:
        forms = {"none": "gelu", "tanh": "gelu_tanh"}
        if not isinstance(module.approximate, str) or module.approximate not in forms:
            raise UnsupportedLayerError(
                f"{where}: approximate={module.approximate!r}; torch.nn.GELU knows 'none' and 'tanh'"
            )
        return activation_named(forms[module.approximate])
    if isinstance(module, _NON_SMOOTH):
        raise UnsupportedLayerError(
            f"{where}: {kind.__name__} is not twice differentiable, and of the activations with kinks only ReLU, LeakyReLU, ReLU6 and Hardtanh are"
            " implemented. Use one of them, or Tanh, Softplus(beta), GELU, SiLU or CELU, whose slope does not jump"
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
    for kinds, why in _WHY_NOT:
        if isinstance(module, kinds):
            raise UnsupportedLayerError(f"{where}: {kind.__name__} {why}")
    raise UnsupportedLayerError(
        f"{where}: {_full_name(kind)} is not known, so neither its Jacobian nor its curvature is bounded. Supported:"
        " Linear, verify.nn.NTKLinear, Conv2d, BatchNorm1d, BatchNorm2d, LayerNorm, GroupNorm, RMSNorm,"
        " AvgPool2d, AdaptiveAvgPool2d, MaxPool2d, AdaptiveMaxPool2d, Flatten,"
        " Tanh, Sigmoid, Softplus, GELU, SiLU, CELU, ELU, Softsign, ReLU, LeakyReLU,"
        " Hardtanh, ReLU6, PReLU with one slope that does not train, verify.nn.Sine, verify.nn.Erf, verify.nn.Scale, Identity, and"
        " Dropout in"
        " evaluation mode"
    )
