"""The calls that a module's own forward may make: functions and methods of torch, and what each of them is."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional

from verify import nn

__all__ = [
    "ADD",
    "DIVIDE",
    "FUNCTIONS",
    "IN_PLACE",
    "LINE",
    "MEAN",
    "METHODS",
    "NEGATE",
    "SQUEEZE",
    "SUBTRACT",
    "TIMES",
    "VIEW",
]

# function or method → (names of its arguments after the input, the module that computes it).
_Rule = tuple[tuple[str, ...], Callable[..., torch.nn.Module]]
_TANH: _Rule = ((), torch.nn.Tanh)
_SIGMOID: _Rule = ((), torch.nn.Sigmoid)
_SINE: _Rule = ((), nn.Sine)
_ERF: _Rule = ((), nn.Erf)
_RELU: _Rule = ((), torch.nn.ReLU)
_FLATTEN: _Rule = (("start_dim", "end_dim"), lambda start_dim=0, end_dim=-1: torch.nn.Flatten(start_dim, end_dim))
_HARDTANH: _Rule = (("min_val", "max_val", "inplace"), torch.nn.Hardtanh)
_MAX_POOL: _Rule = (
    ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    lambda kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False: torch.nn.MaxPool2d(
        kernel_size, stride or None, padding, dilation, return_indices, ceil_mode
    ),
)
METHODS: Mapping[str, _Rule] = {
    "tanh": _TANH,
    "tanh_": _TANH,
    "sigmoid": _SIGMOID,
    "sigmoid_": _SIGMOID,
    "sin": _SINE,
    "erf": _ERF,
    "relu": _RELU,
    "relu_": _RELU,
    "flatten": _FLATTEN,
    "contiguous": ((), torch.nn.Identity),
}
FUNCTIONS: Mapping[Any, _Rule] = {
    torch.tanh: _TANH,
    functional.tanh: _TANH,
    torch.sigmoid: _SIGMOID,
    functional.sigmoid: _SIGMOID,
    torch.special.expit: _SIGMOID,
    torch.sin: _SINE,
    torch.erf: _ERF,
    torch.special.erf: _ERF,
    torch.relu: _RELU,
    torch.relu_: _RELU,
    functional.relu: (("inplace",), torch.nn.ReLU),
    functional.silu: (("inplace",), torch.nn.SiLU),
    functional.gelu: (("approximate",), torch.nn.GELU),
    functional.softplus: (("beta", "threshold"), torch.nn.Softplus),
    functional.leaky_relu: (("negative_slope", "inplace"), torch.nn.LeakyReLU),
    functional.hardtanh: _HARDTANH,
    functional.relu6: (("inplace",), torch.nn.ReLU6),
    functional.elu: (("alpha", "inplace"), torch.nn.ELU),
    functional.celu: (("alpha", "inplace"), torch.nn.CELU),
    functional.softsign: ((), torch.nn.Softsign),
    functional.dropout: (
        ("p", "training", "inplace"),
        lambda p=0.5, training=True, inplace=False: _dropout(p, training),
    ),
    functional.avg_pool2d: (
        ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
        torch.nn.AvgPool2d,
    ),
    functional.adaptive_avg_pool2d: (("output_size",), torch.nn.AdaptiveAvgPool2d),
    functional.max_pool2d: _MAX_POOL,
    torch.max_pool2d: _MAX_POOL,
    functional.adaptive_max_pool2d: (
        ("output_size", "return_indices"),
        lambda output_size, return_indices=False: torch.nn.AdaptiveMaxPool2d(output_size, return_indices),
    ),
    functional.layer_norm: (
        ("normalized_shape", "weight", "bias", "eps"),
        lambda normalized_shape, weight=None, bias=None, eps=1e-5: _plain(
            torch.nn.LayerNorm(normalized_shape, eps, elementwise_affine=False), weight, bias
        ),
    ),
    functional.group_norm: (
        ("num_groups", "weight", "bias", "eps"),
        # How many channels there are is only asked by weight and bias.
        lambda num_groups, weight=None, bias=None, eps=1e-5: _plain(
            torch.nn.GroupNorm(num_groups, num_groups, eps, affine=False), weight, bias
        ),
    ),
    functional.rms_norm: (
        ("normalized_shape", "weight", "eps"),
        lambda normalized_shape, weight=None, eps=None: _plain(
            torch.nn.RMSNorm(normalized_shape, eps, elementwise_affine=False), weight
        ),
    ),
    torch.flatten: _FLATTEN,
}
ADD = {operator.add, operator.iadd, torch.add, "add", "add_"}
SUBTRACT = {operator.sub, operator.isub, torch.sub, torch.subtract, "sub", "sub_", "subtract"}
NEGATE = {operator.neg, torch.neg, torch.negative, "neg", "neg_", "negative"}
DIVIDE = {operator.truediv, operator.itruediv, torch.div, torch.divide, "div", "div_", "divide"}
TIMES = {operator.mul, operator.imul, torch.mul, "mul", "mul_"}
MEAN = {torch.mean, "mean"}
VIEW = {torch.reshape, "view", "reshape"}
SQUEEZE = {torch.squeeze, "squeeze"}
LINE = {torch.ravel, "ravel", torch.flatten, "flatten", *VIEW}
IN_PLACE = {operator.iadd, operator.imul, operator.isub, operator.itruediv, torch.relu_}


def _plain(module: torch.nn.Module, *parameters: object) -> torch.nn.Module:
    if any(parameter is not None for parameter in parameters):
        raise ValueError(f"weight and bias belong to a layer: use torch.nn.{type(module).__name__}")
    return module


def _dropout(p: float, training: bool) -> torch.nn.Module:
    return torch.nn.Dropout(p).train(training)
