"""The networks certified inside Coq: trained here, certified by the engine, written as theorems about their own doubles.

``python -m verify.formal.examples`` writes Sphere20.v, Biased8.v, Basin8.v, Classes6.v, Relu8.v, Kinks4.v and Start4.v anew (part of the default build;
training is ordinary float64, so another machine may write other doubles, and other theorems); ``python -m verify.formal.examples digits FOLDER``
is ``make proofs-networks``: 100 handwritten digits at width 1,024, and 10-64-1 from its random initialisation, compared with the recorded
statements and axioms.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

import verify
from proofs.coq_export import COQ_DIRECTORY
from verify import datasets
from verify.certificates import Certificate
from verify.errors import InputError
from verify.formal.accept import Formal, accept
from verify.formal.text import write
from verify.nn import NTKLinear

__all__ = [
    "basin8",
    "biased8",
    "classes6",
    "compare",
    "digits",
    "kinks4",
    "ntk",
    "relu8",
    "sphere20",
    "start4",
    "start20",
    "train",
]

DIGITS_RECORD = COQ_DIRECTORY / "digits.json"
"""What ``make proofs-networks`` must reach of the digits."""


def train(net: torch.nn.Sequential, X: torch.Tensor, y: torch.Tensor, lr: Fraction, steps: int) -> None:
    """Full-batch gradient descent on ½Σ(F − y)² in float64, in place; X (n, d), y (n,)."""
    parameters = list(net.parameters())
    for _ in range(steps):
        loss = 0.5 * ((net(X).ravel() - y) ** 2).sum()
        for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            with torch.no_grad():
                parameter.sub_(float(lr) * slope)


def ntk(d: int, m: int) -> torch.nn.Sequential:
    """A tanh network d-m-1 in NTK parametrisation, seed 0."""
    generator = torch.Generator().manual_seed(0)
    return torch.nn.Sequential(
        NTKLinear(d, m, generator=generator), torch.nn.Tanh(), NTKLinear(m, 1, generator=generator)
    )


def sphere20() -> Certificate:
    """A run of 10-64-1 on 20 points of the sphere of radius 4 in R^10, NTK parametrisation, up to its hand-over; step 1/8."""
    X, y = datasets.sphere(20, 10, 4.0)
    return verify.certify(ntk(10, 64), X, y, scope="run", lr="1/8")


def biased8(steps: int = 1000) -> Certificate:
    """A plain PyTorch network 3-48-1 with hidden and output biases on 8 points of the sphere of radius 2, mean loss."""
    X, y = datasets.sphere(8, 3, 2.0)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 48), torch.nn.Tanh(), torch.nn.Linear(48, 1)).double()
    lr = Fraction(1, 100)
    train(net, torch.tensor(X), torch.tensor(y), lr, steps)
    return verify.certify(net, X, y, lr="1/100", loss="mean")


def basin8() -> Certificate:
    """The basin near a default PyTorch network 3-48-1, untrained, on the same 8 points, MSE loss."""
    X, y = datasets.sphere(8, 3, 2.0)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 48), torch.nn.Tanh(), torch.nn.Linear(48, 1)).double()
    return verify.certify(net, X, y, scope="basin", loss="mse")


def classes6() -> Certificate:
    """The basin near a default PyTorch sigmoid network 6-48-3, untrained, on 6 points of the sphere of radius 3 in three classes, MSE loss."""
    X, _ = datasets.sphere(6, 6, 3.0)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 48), torch.nn.Sigmoid(), torch.nn.Linear(48, 3)).double()
    return verify.certify(net, X, np.eye(3)[[0, 0, 1, 1, 2, 2]], scope="basin", loss="mse")


def relu8() -> Certificate:
    """The basin near a default PyTorch ReLU network 3-48-1, untrained, on the 8 points of the sphere of radius 2, MSE loss; step 1/20."""
    X, y = datasets.sphere(8, 3, 2.0)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 48), torch.nn.ReLU(), torch.nn.Linear(48, 1)).double()
    return verify.certify(net, X, y, scope="basin", loss="mse", lr="1/20")


def kinks4() -> Certificate:
    """A run of a default PyTorch ReLU network 4-64-1 on 4 points of the sphere of radius 2 up to its hand-over, whose ball kinks cross; step 1/50."""
    X, y = datasets.sphere(4, 4, 2.0)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1)).double()
    return verify.certify(net, X, y, scope="run", lr="1/50")


def start4() -> Certificate:
    """Descent of 4-36-1 on 4 points of the sphere of radius 3 from its random initialisation, NTK parametrisation; step 1/8."""
    X, y = datasets.sphere(4, 4, 3.0)
    return verify.certify(ntk(4, 36), X, y, scope="exact", lr="1/8")


def start20() -> Certificate:
    """The network and data of :func:`sphere20` from the random initialisation; step 1/8."""
    X, y = datasets.sphere(20, 10, 4.0)
    return verify.certify(ntk(10, 64), X, y, scope="exact", lr="1/8")


def digits() -> Certificate:
    """A run of 64-1024-1 on 100 handwritten digits, NTK parametrisation, up to its hand-over; step 1/30."""
    X, y = datasets.digits(100, norm=24.0)
    return verify.certify(ntk(64, 1024), X, y, scope="run", lr="1/30")


def check_recorded(certificate: Certificate, name: str, folder: Path) -> None:
    """Let Coq accept `certificate` and compare statement and axioms with what ``name``.json records.

    Training is ordinary float64, so another machine may state other doubles: the record holds bounds of its numbers.

    Raises:
        InputError: not accepted, other axioms, or weaker than recorded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    result = accept(certificate.save(folder / f"{name}.zip"), folder / f"{name}.v")
    print(result.report)
    compare(result, json.loads((COQ_DIRECTORY / f"{name}.json").read_text(encoding="utf-8")))
    print(f"as {name}.json records")


def compare(result: Formal, record: Mapping[str, Any]) -> None:
    """Raise InputError where `result` says less than `record`: axioms equal, radius and rate at most, μ at least."""
    found = re.search(
        r"(?:converges_linearly network|fits_from network initialisation \d+) \((.*)\) \((.*)\) \((.*)\)$",
        result.statement,
    )
    if result.verdict != "ACCEPTED" or found is None:
        raise InputError(f"not accepted by Coq: {result.statement}")
    radius, rate, mu = (Fraction(value.replace(" # ", "/")) for value in found.groups())
    if sorted(result.axioms) != record["axioms"]:
        raise InputError(f"axioms={sorted(result.axioms)}: recorded {record['axioms']}")
    if record["network"] not in result.statement:
        raise InputError(f"the statement is not about {record['network']!r}: {result.statement}")
    if radius > Fraction(record["radius"]) or rate > Fraction(record["rate"]) or mu < Fraction(record["mu"]):
        raise InputError(f"radius={radius}, rate={rate}, mu={mu}: weaker than recorded {record}")


def main() -> None:
    """Write the committed networks, or check the digits."""
    if sys.argv[1:2] == ["digits"]:
        check_recorded(digits(), "digits", Path(sys.argv[2]))
        check_recorded(start20(), "start20", Path(sys.argv[2]))
        return
    networks = (
        (sphere20, "Sphere20"),
        (biased8, "Biased8"),
        (basin8, "Basin8"),
        (classes6, "Classes6"),
        (relu8, "Relu8"),
        (kinks4, "Kinks4"),
        (start4, "Start4"),
    )
    for make, name in networks:
        with tempfile.TemporaryDirectory() as scratch:
            path = make().save(Path(scratch) / "certificate.zip")
            numbers = write(path, COQ_DIRECTORY / f"{name}.v")
            print(name, *(float(v) for v in (numbers.radius, numbers.rate, numbers.mu)))


if __name__ == "__main__":
    main()
