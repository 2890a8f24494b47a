"""A certificate is a function of its problem: the same bytes in another process, with another hash seed. And its constants are plain numbers."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import verify
from verify.certificates import Certificate

_SCOPES: dict[str, dict[str, Any]] = {
    "point": {},
    "ball": {"lr": "1/50"},
    "basin": {},
    "run": {"lr": "1/20", "steps": 400},
    "exact": {"lr": "1/20", "steps": 40},
}


def certificates() -> dict[str, Certificate]:
    """A small tanh network in every scope, a ReLU network in a basin."""
    rng, made = np.random.default_rng(5), {}
    X, y = rng.standard_normal((4, 3)), 0.1 * rng.standard_normal((4, 1))
    for name, unit in (("tanh", torch.nn.Tanh()), ("relu", torch.nn.ReLU())):
        torch.manual_seed(5)
        model = torch.nn.Sequential(torch.nn.Linear(3, 32), unit, torch.nn.Linear(32, 1))
        for scope, options in _SCOPES.items():
            if name == "tanh" or scope == "basin":
                made[f"{name}-{scope}"] = verify.certify(model, X, y, scope=scope, **options)  # type: ignore[arg-type]
    return made


def digests(folder: Path) -> str:
    """One line per certificate: its name, verdict, and SHA-256 of the saved file."""
    lines = []
    for name, certificate in certificates().items():
        data = certificate.save(folder / f"{name}.zip").read_bytes()
        lines.append(f"{name} {certificate.verdict} {hashlib.sha256(data).hexdigest()}")
    return "\n".join(lines)


def test_the_same_problem_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    code = "import sys, pathlib; from verify.certificates.tests.test_same_bytes import digests; print(digests(pathlib.Path(sys.argv[1])))"
    (tmp_path / "other").mkdir()
    (tmp_path / "own").mkdir()
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "other")],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    own = digests(tmp_path / "own")
    assert own.count("PROVED") >= 4, own
    assert other.stdout.strip() == own


def test_constants_are_plain_numbers_at_the_end_that_stays_true() -> None:
    rng = np.random.default_rng(5)
    torch.manual_seed(5)
    model = torch.nn.Sequential(torch.nn.Linear(3, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
    certificate = verify.certify(model, rng.standard_normal((4, 3)), rng.standard_normal((4, 1)), scope="basin")
    mu, rate = certificate.constants["mu"], certificate.constants["rate"]
    assert isinstance(float(mu.lower()), float)
    assert float(mu.lower()) == certificate.numbers["mu"]
    assert float(rate.upper()) == certificate.numbers["rate"]
    assert certificate.numbers["mu"] > 0.0
    assert all(isinstance(value, float) for value in certificate.numbers.values())
    # Two figures, outward: both ends are in the text and hold the ball between them.
    low, high = (float(end) for end in f"{mu:.2g}".strip("[]").replace("…", ",").split(","))
    assert low <= float(mu.lower()) <= float(mu.upper()) <= high
