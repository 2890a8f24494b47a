"""What a TensorBall refuses: bad input, devices whose arithmetic fails the probe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import verify.arrays as va
from verify.arrays import Ball, TensorBall, arithmetic_probe, device_probe, require_sound_device, tensor_ball
from verify.arrays.tests.devices import on_devices, tensor_on
from verify.arrays.tests.reference import smallest_eigenvalue_enclosed
from verify.errors import DtypeError, InputError, NonFiniteError, ShapeError, UnsoundArithmeticError

# ------------------------------------------------------------------ refusals


@on_devices
def test_bad_input_is_refused(where: str) -> None:
    good = tensor_on([[1.0, 2.0], [2.0, 3.0]], where)
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.complex128):
        with pytest.raises(DtypeError, match="float64"):
            TensorBall(good.to(dtype))
        with pytest.raises(DtypeError, match="float64"):
            TensorBall(good) @ good.to(dtype)
    strangers: list[Any] = [np.eye(2), [1.0], 1.0, good.to_sparse()]
    for bad in strangers:
        with pytest.raises(DtypeError):
            TensorBall(bad)
    for value in (np.nan, np.inf):
        with pytest.raises(NonFiniteError):
            TensorBall(good * value)
    with pytest.raises(NonFiniteError):
        TensorBall(good, good * np.nan)
    for rad in (-1.0, -good):
        with pytest.raises(InputError, match="negative"):
            TensorBall(good, rad)
    with pytest.raises(ShapeError):
        TensorBall(good, tensor_on([1.0, 2.0, 3.0], where))
    x = TensorBall(good)
    calls: list[Callable[[], Any]] = [
        lambda: x + tensor_on([1.0, 2.0, 3.0], where),
        lambda: x @ np.ones(3),
        lambda: x @ 2.0,
    ]
    for call in calls:
        with pytest.raises(ShapeError):
            call()
    with pytest.raises(ShapeError, match="square"):
        x[:1].smallest_eigenvalue()
    with pytest.raises(ShapeError):
        x[0].gram()
    with pytest.raises(InputError, match="symmetric"):
        TensorBall(tensor_on([[1.0, 2.0], [0.0, 1.0]], where)).smallest_eigenvalue()
    with pytest.raises(InputError, match="symmetric"):
        TensorBall(good, tensor_on([[0.0, 1.0], [0.0, 0.0]], where)).largest_eigenvalue()
    skew = TensorBall(tensor_on([[2.0, 1.0 + 2.0**-40], [1.0, 3.0]], where), 1e-9)
    symmetrised = ((skew + skew.T) * 0.5).smallest_eigenvalue()
    assert smallest_eigenvalue_enclosed([[2.0, 1.0], [1.0, 3.0]], symmetrised)
    tensor = good.clone().requires_grad_()
    ball = TensorBall(tensor)
    good.zero_()
    assert not ball.mid.requires_grad
    assert ball.mid[1, 1] == 3.0


def test_other_devices_are_refused_with_the_remedy() -> None:
    elsewhere = torch.ones(2, dtype=torch.float64, device="meta")  # any device that is not the CPU
    here = TensorBall(torch.ones(2, dtype=torch.float64))
    with pytest.raises(DtypeError, match="meta device has no values"):
        Ball(elsewhere)
    with pytest.raises(DtypeError, match="meta"):
        TensorBall(here.mid, elsewhere)
    with pytest.raises(DtypeError, match="devices cpu and meta"):
        here + tensor_ball._build(elsewhere, elsewhere)
    calls: list[Callable[[], Any]] = [
        lambda: va.tanh(here),
        lambda: Ball(here),
        lambda: Ball(1.0) + here,
        lambda: va.sqrt(here),
    ]
    for call in calls:
        with pytest.raises(DtypeError, match=r"to_ball\(\)"):
            call()
    assert va.tanh(here.to_ball()).contains(va.tanh(1.0))


# ------------------------------------------------------------------ probes


@pytest.fixture
def fresh_probe() -> Iterator[None]:
    device_probe._check_product.cache_clear()
    yield
    device_probe._check_product.cache_clear()


def _rounded(bits: int) -> Callable[[Any, Any], Any]:
    """Product of operands whose mantissas are cut to some bits."""

    def multiply(a: Any, b: Any) -> Any:
        def cut(t: Any) -> Any:
            m, e = np.frexp(t)
            return np.ldexp(np.rint(np.ldexp(m, bits)), e - bits)

        return np.matmul(cut(a), cut(b))

    return multiply


def _fixed_point(a: Any, b: Any, bits: int = 55) -> Any:
    """Emulation by integers: each row of a and column of b in fixed point with some bits below its largest entry."""
    p = 2.0 ** (bits - np.frexp(np.abs(a).max(axis=1, keepdims=True))[1])
    q = 2.0 ** (bits - np.frexp(np.abs(b).max(axis=0, keepdims=True))[1])
    return np.matmul(np.rint(a * p) / p, np.rint(b * q) / q)


@pytest.mark.parametrize("bits", [8, 11, 24, 48, 52])
def test_products_of_shortened_operands_fail_the_probe(bits: int) -> None:
    with pytest.raises(UnsoundArithmeticError):
        arithmetic_probe.check_product(_rounded(bits))
    arithmetic_probe.check_product(_rounded(53))


def test_fixed_point_emulation_fails_the_probe() -> None:
    with pytest.raises(UnsoundArithmeticError, match="full-mantissa"):
        arithmetic_probe.check_product(_fixed_point)


@on_devices
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_device_that_rounds_operands_is_refused(
    where: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch, fresh_probe: None
) -> None:
    exact = torch.matmul
    monkeypatch.setattr(torch, "matmul", lambda a, b: exact(a.to(dtype).double(), b.to(dtype).double()))
    with pytest.raises(UnsoundArithmeticError, match="product"):
        TensorBall(tensor_on([1.0], where))
    monkeypatch.undo()
    TensorBall(tensor_on([1.0], where))
    monkeypatch.setattr(torch, "matmul", lambda a, b: exact(a.to(dtype).double(), b.to(dtype).double()))
    with pytest.raises(UnsoundArithmeticError, match="product"):
        require_sound_device(where, fresh=True)


def test_reduced_precision_settings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        for precision in ("high", "medium"):
            torch.set_float32_matmul_precision(precision)
            with pytest.raises(UnsoundArithmeticError, match="highest"):
                require_sound_device("cpu")
    finally:
        torch.set_float32_matmul_precision("highest")
    require_sound_device("cpu")
    monkeypatch.setenv("CUBLAS_EMULATE_DOUBLE_PRECISION", "1")
    with pytest.raises(UnsoundArithmeticError, match="emulated"):
        require_sound_device("cpu")
    monkeypatch.setenv("CUBLAS_EMULATE_DOUBLE_PRECISION", "0")
    require_sound_device("cpu")


def test_flushed_subnormals_are_refused() -> None:
    require_sound_device("cpu")
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush subnormals")
    try:
        with pytest.raises(UnsoundArithmeticError, match="subnormals"):
            require_sound_device("cpu")
    finally:
        torch.set_flush_denormal(False)
    require_sound_device("cpu")


@on_devices
def test_wrong_elementwise_arithmetic_is_refused(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add = torch.Tensor.__add__
    monkeypatch.setattr(torch.Tensor, "__add__", lambda a, b: add(a.float(), b.float()).double())
    with pytest.raises(UnsoundArithmeticError, match=r"\+"):
        require_sound_device(where)
