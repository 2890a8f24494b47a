"""What would not fit in free memory is refused with both amounts, before anything is allocated."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import pytest
import torch

import verify
from verify import memory
from verify.errors import ResourceError
from verify.networks import kernel_of, linearise, read_network


def test_the_free_memory_is_the_least_of_machine_container_and_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 8000 kB\n")
    (tmp_path / "max").write_text("6000000\n")
    (tmp_path / "current").write_text("1000000\n")
    (tmp_path / "stat").write_text("anon 5\ninactive_file 250000\n")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_CGROUPS", [])
    monkeypatch.setattr(memory, "_process", lambda: None)
    assert memory.available() == 8000 * 1024
    monkeypatch.setattr(memory, "_CGROUPS", [(tmp_path / "max", tmp_path / "current")])
    monkeypatch.setattr(memory, "_PAGE_CACHE", tmp_path / "stat")
    assert memory.available() == 5_250_000
    monkeypatch.setattr(memory, "_process", lambda: 17)
    assert memory.available() == 17
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "meminfo").write_text("nothing known\n")
    monkeypatch.setattr(memory, "_process", lambda: None)
    assert memory.available() is None
    memory.require_memory(2**60, "it", "no")


@pytest.mark.parametrize("scope", ["point", "ball"])
def test_twelve_thousand_samples_in_six_gibibytes_are_a_typed_error(
    monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    """It ended in a raw MemoryError."""
    monkeypatch.setattr(memory, "available", lambda: 6 * 2**30)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    X, y = np.random.default_rng(0).standard_normal((12_000, 2)), np.zeros(12_000)
    with pytest.raises(ResourceError, match=r"8\.6 GiB, but 6\.0 GiB"):
        verify.certify(model, X, y, scope=scope, lr=0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("scope", ["run", "exact"])
def test_more_outputs_than_parameters_need_no_memory_to_be_said(monkeypatch: pytest.MonkeyPatch, scope: str) -> None:
    """Scopes that would train say what rank alone decides before they form an NTK."""
    monkeypatch.setattr(memory, "available", lambda: 6 * 2**30)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    X, y = np.random.default_rng(0).standard_normal((12_000, 2)), np.zeros(12_000)
    found = verify.certify(model, X, y, scope=scope, lr=0.1)  # type: ignore[arg-type]
    assert found.verdict == "INCONCLUSIVE"
    assert "rank" in found.reason


def test_what_fits_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    assert verify.ntk(model, np.eye(2)).shape == (2, 2)


def test_freed_memory_is_kept_for_the_next_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without that each call touches some thousand new pages."""
    resource = pytest.importorskip("resource")
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("another allocator")
    network = read_network(torch.nn.Sequential(torch.nn.Linear(64, 1024), torch.nn.Tanh(), torch.nn.Linear(1024, 1)))
    X = np.random.default_rng(0).standard_normal((100, 64))
    faults = []
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        kernel_of(linearise(network, X))
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    assert min(faults) < 100

    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "empty", refuse)
    memory.keep_freed_memory.__wrapped__()
