"""A run killed at any moment ends with the same certificate, byte for byte."""

from __future__ import annotations

import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.errors import InputError
from verify.regions.descent.float64 import Descent


def test_resuming_after_a_kill_gives_the_same_certificate(
    tmp_path: Path, proved: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, X, y, cert = proved
    end = int(cert.constants["handover_step"])
    original = Descent.step
    calls = 0

    def killed(self: Descent, theta: np.ndarray) -> Any:
        nonlocal calls
        calls += 1
        if calls == end // 2:
            raise KeyboardInterrupt
        return original(self, theta)

    monkeypatch.setattr(Descent, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        verify.certify(model, X, y, scope="run", lr=0.1, steps=2000, directory=tmp_path, save_seconds=0.0)
    assert calls == end // 2
    again = verify.certify(model, X, y, scope="run", lr=0.1, steps=2000, directory=tmp_path, save_seconds=0.0)
    assert calls < 1.7 * end, "it went on from the state instead of starting again"
    assert again.constants["handover_step"] == end
    assert contents(again, tmp_path / "again.zip") == contents(cert, tmp_path / "whole.zip")
    assert not list(tmp_path.glob("*.partial"))
    with pytest.raises(InputError, match="another run"):
        verify.certify(model, X, y, scope="run", lr=0.05, steps=2000, directory=tmp_path)


def contents(cert: Any, path: Path) -> dict[str, bytes]:
    """What a saved certificate holds, member by member."""
    cert.save(path)
    with zipfile.ZipFile(path) as stored:
        return {name: stored.read(name) for name in stored.namelist()}


KILLS = {
    # Half a file under its temporary name.
    "while a checkpoint is written": """
def dying(stream, *args, **kwargs):
    stream.write(b"PK\\x03\\x04 half")
    stream.flush()
    die()
count(numpy, "savez", dying, 5)
""",
    # The checkpoint is on disk, the state is the one before it.
    "between checkpoint and state": 'count(recording.Run, "save", lambda *a: die(), 3)',
    "between the state's file and its name": 'count(pathlib.Path, "replace", lambda *a: die(), 6)',
    "in the middle of a step": 'count(training.Descent, "step", lambda *a: die(), 30)',
}


@pytest.mark.parametrize("moment", KILLS)
def test_sigkill_at_any_moment_changes_nothing(moment: str, tmp_path: Path, proved: tuple[Any, ...]) -> None:
    model, X, y, cert = proved
    torch.save(model, tmp_path / "model.pt")
    np.savez(tmp_path / "data.npz", X=X, y=y)
    state = tmp_path / "state"
    child = f"""
import os, pathlib, signal, numpy, torch, verify
from verify.regions.descent import float64 as training
from verify.regions.scopes import recording
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def count(owner, name, last, limit):
    original, calls = getattr(owner, name), [0]
    def counted(*args, **kwargs):
        calls[0] += 1
        return (last if calls[0] == limit else original)(*args, **kwargs)
    setattr(owner, name, counted)
{KILLS[moment]}
folder = pathlib.Path({str(tmp_path)!r})
model, data = torch.load(folder / "model.pt", weights_only=False), numpy.load(folder / "data.npz")
verify.certify(model, data["X"], data["y"], scope="run", lr=0.1, steps=2000, directory=folder / "state", save_seconds=0.0)
"""
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", child], capture_output=True, timeout=300, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        assert (state / "run-state.npz").exists()
    again = verify.certify(model, X, y, scope="run", lr=0.1, steps=2000, directory=state)
    assert contents(again, tmp_path / "again.zip") == contents(cert, tmp_path / "whole.zip")
