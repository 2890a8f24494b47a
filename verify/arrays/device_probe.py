"""Probes of a torch device's arithmetic: what :class:`verify.arrays.TensorBall` assumes of it, or a refusal."""

from __future__ import annotations

import os
from functools import cache

import numpy as np
import torch

from verify.arrays.arithmetic_probe import check_product, require_sound_arithmetic
from verify.arrays.environment import require_default_environment
from verify.arrays.rounding import ETA, Array, U, quiet
from verify.errors import UnsoundArithmeticError


def require_sound_device(device: torch.device | str, fresh: bool = False) -> None:
    """Refuse a device whose arithmetic is not what the bounds assume; every TensorBall made from a tensor calls it.

    Settings (float32 products in TF32 or bfloat16; cuBLAS's emulation of float64) and elementwise arithmetic are
    checked at each call, products once per device, or now if fresh. A probe can find a fault, not exclude one: cuBLAS
    chooses its algorithm by size, so a probe of one size says nothing of another.

    Raises:
        UnsoundArithmeticError: names the setting or probe and the remedy.
    """
    require_default_environment()
    _check_settings()
    _check_elementwise(torch.device(device))
    (_probe_product if fresh else _check_product)(str(device))


def _check_settings() -> None:
    # float64 operands ignore the float32 settings today; they say that somebody asked for reduced precision.
    for name, owner in (
        ("torch.backends", torch.backends),
        ("torch.backends.cuda.matmul", torch.backends.cuda.matmul),
        ("torch.backends.mkldnn.matmul", torch.backends.mkldnn.matmul),  # type: ignore[attr-defined]
    ):
        value = getattr(owner, "fp32_precision", "none")
        if value not in ("none", "ieee"):
            raise UnsoundArithmeticError(
                f"{name}.fp32_precision={value!r}: reduced-precision products are refused; "
                "call torch.set_float32_matmul_precision('highest') or set it to 'ieee'"
            )
    emulate = os.environ.get("CUBLAS_EMULATE_DOUBLE_PRECISION", "0")
    if emulate not in ("", "0"):
        raise UnsoundArithmeticError(
            f"CUBLAS_EMULATE_DOUBLE_PRECISION={emulate!r}: emulated float64 products are refused; unset it and restart"
        )


@cache
def _elementwise_reference() -> tuple[Array, Array, list[Array]]:
    """Operands of all magnitudes, subnormals and ties, and numpy's x + y, x − y, x·y, x/y, after numpy's own probes."""
    require_sound_arithmetic()
    raw = np.random.default_rng(20260111).integers(0, 2**64, 512, dtype=np.uint64).view(np.float64)
    raw = np.where(np.isfinite(raw), raw, 1.0)
    special = [ETA, 2.0**-1022, 1.0, 1.0 + 2 * U, U, U * (1 + 2.0**-50), 1.0 + 2.0**-27, 1.0 + 2.0**-26, 3.0, 2.0**1023]
    s, t = (v.ravel() for v in np.meshgrid(special, special))
    x = np.concatenate([s, raw, raw, raw])
    y = np.concatenate([t, raw[::-1], raw * (1 + 2.0**-30), np.full(512, 1.0)])
    with quiet():
        return x, y, [x + y, x - y, x * y, x / y]


def _check_elementwise(device: torch.device) -> None:
    x, y, want = _elementwise_reference()
    a, b = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    for name, out, truth in zip("+-*/", torch.stack([a + b, a - b, a * b, a / b]).cpu().numpy(), want, strict=True):
        if not np.array_equal(out, truth, equal_nan=True):
            i = int(np.flatnonzero(~((out == truth) | (np.isnan(out) & np.isnan(truth))))[0])
            raise UnsoundArithmeticError(
                f"arithmetic probe failed on device={device}: {x[i]!r} {name} {y[i]!r} = {out[i]!r}, "
                f"expected {truth[i]!r}; subnormals are flushed (torch.set_flush_denormal(True)?) or rounding is not to "
                "nearest: switch it off or use another device"
            )


def _probe_product(device: str) -> None:
    check_product(lambda a, b: _product_on(device, a, b))


def _product_on(device: str, a: Array, b: Array) -> Array:
    left, right = (torch.from_numpy(m).to(device) for m in (a, b))
    return np.asarray(torch.matmul(left, right).cpu().numpy())


_check_product = cache(_probe_product)
