"""What a caller has set in this process (numpy, torch, decimal, FLINT, warnings, …) changes no result, and is as it was afterwards."""

from __future__ import annotations

import decimal
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import flint
import mpmath
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import verify
from verify.arrays import Ball, Rows, TensorBall, arithmetic_probe, device_probe
from verify.arrays.environment import in_default_environment
from verify.arrays.tests.test_environment import ENTRIES as ARRAYS
from verify.networks.reading.files import load_model
from verify.regions import certification

X, Y = np.array([[1.0, 0.25], [-0.5, 2.0]]), np.array([0.3, -0.2])
AFFINE = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=False, dtype=torch.float64))
SMOOTH = verify.nn.fully_connected([2, 3, 1], seed=1)
KINKED = verify.nn.fully_connected([2, 3, 1], seed=1, activation=torch.nn.ReLU)
IMAGES = np.linspace(-1.0, 1.0, 32).reshape(2, 1, 4, 4)
CONVOLUTIONS = torch.nn.Sequential(
    torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.BatchNorm2d(2), torch.nn.GELU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
    torch.nn.Linear(8, 1),
).double().eval()  # fmt: skip
RUN = [[p.detach().numpy() * factor for p in KINKED.parameters()] for factor in (1.0, 0.5, -0.5)]
LAYERS = '{"layers": [{"type": "Linear", "in_features": 2, "out_features": 1, "bias": false}]}'


def _certify(scope: Any, model: Any = SMOOTH, inputs: Any = X, **options: Any) -> Callable[[Path], Any]:
    return lambda _: verify.certify(model, inputs, Y, scope=scope, **options)


def _from_files(folder: Path) -> Any:
    (folder / "net.json").write_text(LAYERS)
    save_file({"0.weight": torch.ones(1, 2, device="cpu", dtype=torch.float64)}, folder / "w.safetensors")
    return list(load_model(str(folder / "w.safetensors"), folder / "net.json").parameters())


def _probed(_: Path) -> None:
    arithmetic_probe.require_sound_arithmetic()
    device_probe.require_sound_device("cpu", fresh=True)


def _loaded(folder: Path) -> Any:
    found = verify.Certificate.load(folder / "given.zip")
    return found, str(found), found._repr_html_(), found.matches(AFFINE, X, Y)


ENTRIES: dict[str, Callable[[Path], Any]] = {
    **{name: lambda _, entry=entry: entry() for name, entry in ARRAYS.items()},  # type: ignore[misc]
    "ball": _certify("ball", AFFINE),
    "kinks": _certify("point", KINKED),
    "count_crossings": lambda _: verify.count_crossings(KINKED, X, RUN),
    "check": lambda folder: verify.check(folder / "given.zip")[:4],
    "load": _loaded,
    "files": _from_files,
    "modules": lambda _: [*verify.nn.fully_connected([2, 4, 1], seed=3, ntk=False).parameters(), *SMOOTH.parameters()],
    "antisymmetric": lambda _: list(verify.nn.antisymmetric_two_layer(2, 4, seed=3).parameters()),
}
LONGER: dict[str, Callable[[Path], Any]] = {
    "probes": _probed,
    "basin": _certify("basin", AFFINE),
    "exact": _certify("exact", AFFINE, steps=20),
    "convolutions": _certify("point", CONVOLUTIONS, IMAGES),
}


@contextmanager
def _put_back(change: Callable[[], object], back: Callable[[], object]) -> Iterator[None]:
    change()
    try:
        yield
    finally:
        back()


@contextmanager
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        yield


@contextmanager
def _narrow_decimals() -> Iterator[None]:
    with decimal.localcontext() as context:
        context.prec, context.rounding, context.Emax, context.Emin = 2, decimal.ROUND_DOWN, 2, -2
        for signal in context.traps:
            context.traps[signal] = True
        yield


def _set(owner: Any, name: str, value: Any) -> AbstractContextManager[None]:
    before = getattr(owner, name)
    return _put_back(lambda: setattr(owner, name, value), lambda: setattr(owner, name, before))


def _default_dtype(dtype: torch.dtype) -> AbstractContextManager[None]:
    before = torch.get_default_dtype()
    return _put_back(lambda: torch.set_default_dtype(dtype), lambda: torch.set_default_dtype(before))


def _deterministic() -> AbstractContextManager[None]:
    return _put_back(
        lambda: torch.use_deterministic_algorithms(True), lambda: torch.use_deterministic_algorithms(False)
    )


def _limits() -> AbstractContextManager[None]:
    digits, depth = sys.get_int_max_str_digits(), sys.getrecursionlimit()

    def set_to(new_digits: int, new_depth: int) -> None:
        sys.set_int_max_str_digits(new_digits)
        sys.setrecursionlimit(new_depth)

    return _put_back(lambda: set_to(640, 400), lambda: set_to(digits, depth))


# Several in one where none of them ever decided anything.
SETTINGS: dict[str, tuple[Callable[[], AbstractContextManager[Any]], ...]] = {
    "np.seterr(all='raise')": (lambda: np.errstate(all="raise"),),
    "warnings are errors": (_warnings_are_errors,),
    "decimals of two digits": (_narrow_decimals,),
    "meta by default": (lambda: torch.device("meta"),),
    "float16 by default, inference mode": (lambda: _default_dtype(torch.float16), torch.inference_mode),
    "float64 by default, no_grad, autocast, deterministic algorithms": (
        lambda: _default_dtype(torch.float64),
        torch.no_grad,
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        _deterministic,
    ),
    "FLINT and mpmath at 10 bits, short prints, low limits": (
        lambda: _set(flint.ctx, "prec", 10),
        lambda: _set(mpmath.mp, "prec", 10),
        lambda: np.printoptions(precision=2, legacy="1.13"),
        _limits,
    ),
    "FLINT and mpmath at 3,000 bits": (
        lambda: _set(flint.ctx, "prec", 3000),
        lambda: _set(mpmath.mp, "prec", 3000),
    ),
}


@contextmanager
def _under(*settings: str) -> Iterator[None]:
    with ExitStack() as stack:
        for name in settings:
            for context in SETTINGS[name]:
                stack.enter_context(context())
        yield


def _bytes(value: Any, path: Path) -> Any:
    """Everything that a result says, comparable."""
    match value:
        case verify.Certificate():
            value.save(path)
            return path.read_bytes()
        case Rows():
            return _bytes(value.ball(), path)
        case Ball() | TensorBall():
            return value.mid.tolist(), value.rad.tolist()
        case torch.Tensor():
            return value.dtype, value.tolist()
        case list() | tuple():
            return [_bytes(item, path) for item in value]
        case np.ndarray():
            return value.tolist()
    return value


def _outcomes(entries: dict[str, Callable[[Path], Any]], folder: Path) -> dict[str, Any]:
    """Per entry its result, or the class of the package's own error that it raises."""
    found: dict[str, Any] = {}
    for name, entry in entries.items():
        try:
            found[name] = _bytes(entry(folder), folder / "found.zip")
        except verify.errors.VerifyError as error:
            found[name] = type(error)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings")
    verify.certify(AFFINE, X, Y).save(path / "given.zip")
    return path


@cache
def _expected(folder: Path) -> dict[str, Any]:
    return _outcomes(ENTRIES, folder)


def _state() -> dict[str, Any]:
    """Settings, and the states of the generators, which are the caller's too."""
    context = decimal.getcontext()
    return {
        "numpy": np.geterr(),
        "decimal": (context.prec, context.rounding, dict(context.traps)),
        "precisions": (flint.ctx.prec, mpmath.mp.prec),
        "torch": (torch.get_default_dtype(), torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled()),
        "Python": (list(warnings.filters), sys.getrecursionlimit(), sys.get_int_max_str_digits()),
        "random": (random.getstate(), torch.default_generator.get_state().tolist()),
        "np.random": str(np.random.get_state()),  # noqa: NPY002
    }


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_setting_of_the_callers_decides(setting: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certification, "require_sound_arithmetic", lambda: None)  # 0.1 s; below
    before = _state()
    with _under(setting):
        inside = _state()
        found = _outcomes(ENTRIES, folder)
        assert _state() == inside
    assert _state() == before
    # Afterwards, so that the first setting meets every cache empty.
    expected = _expected(folder)
    assert not any(isinstance(outcome, type) for outcome in expected.values())
    if setting == "meta by default":
        # What the entry itself makes has no values then.
        assert found.pop("TensorBall") is verify.errors.DtypeError
    assert not {name: (outcome, expected[name]) for name, outcome in found.items() if outcome != expected[name]}


def test_nor_do_all_settings_together(folder: Path) -> None:
    with _under(*SETTINGS):
        found = _outcomes(LONGER, folder)
    expected = _outcomes(LONGER, folder)
    assert not any(isinstance(outcome, type) for outcome in expected.values())
    assert not {name: (outcome, expected[name]) for name, outcome in found.items() if outcome != expected[name]}


def test_the_guard_is_reentrant_and_belongs_to_its_thread() -> None:
    meet = threading.Barrier(2, timeout=10)

    @in_default_environment
    def entry(depth: int) -> set[Any]:
        if depth:
            entry(depth - 1)
        else:
            meet.wait()
        return set(np.geterr().values())

    def caller(kind: Any) -> None:
        with np.errstate(all=kind):
            seen.append((entry(2), set(np.geterr().values()) == {kind}))

    seen: list[tuple[set[Any], bool]] = []
    threads = [threading.Thread(target=caller, args=(kind,)) for kind in ("raise", "warn")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [({"ignore"}, True)] * 2


@pytest.mark.parametrize("text", ["[" * 200_000, '["]]\\"]]",' * 200_000, '{"a":' * 200_000], ids=["[", "strings", "{"])
def test_a_raised_recursion_limit_lets_no_file_overflow_the_stack(text: str, tmp_path: Path) -> None:
    """A crash without a traceback, before."""
    (tmp_path / "net.json").write_text(text)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "certificate.json").write_text(text)
    before = sys.getrecursionlimit()
    with _put_back(lambda: sys.setrecursionlimit(10**7), lambda: sys.setrecursionlimit(before)):
        for read in (
            lambda: verify.Certificate.load(tmp_path / "c"),
            lambda: load_model("w.safetensors", tmp_path / "net.json"),
        ):
            with pytest.raises(verify.errors.InputError, match="nested more than 100 deep"):
                read()
        assert verify.check(tmp_path / "c").failures == ("certificate.json is nested too deeply",)
