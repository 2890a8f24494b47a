"""Every step that the engine makes is in the catalogue, with the words that the engine gives it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import verify
from verify import datasets, nn
from verify.certificates import Certificate


def _certificates() -> dict[str, Certificate]:
    X, y = datasets.sphere(3, 4, 2.0)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1)).double()
    plain = torch.nn.Sequential(torch.nn.Linear(4, 1, bias=False)).double()
    basin = verify.certify(net, X, y, scope="basin")
    twice = (torch.zeros(2, 4, dtype=torch.float64), torch.tensor([0.0, 1.0]).double())
    return {
        "point": verify.certify(net, X, y, scope="point"),
        "ball": verify.certify(plain, X, y, scope="ball"),
        "run": verify.certify(net, X, y, scope="run"),
        "exact": verify.certify(nn.antisymmetric_two_layer(4, 64, seed=0), X, y, scope="exact"),
        "region": verify.certify(nn.antisymmetric_two_layer(4, 256, seed=0), X, y, scope="region", lr="1/10"),
        "basin": basin,
        "long basin": verify.certify(
            net, X, y, scope="basin", lr=1.2 / float(basin.constants["jacobian_norm0"].upper()) ** 2
        ),
        "refuted": verify.certify(net, *twice, scope="ball"),
    }


@pytest.mark.parametrize("scope", ["point", "ball", "run", "exact", "basin", "long basin", "region", "refuted"])
def test_a_certificate_read_back_says_what_it_said(
    tmp_path: Path, scope: str, certificates: dict[str, Certificate]
) -> None:
    certificate = certificates[scope]
    assert certificate.verdict == ("REFUTED" if scope == "refuted" else "PROVED")
    assert certificate.steps
    back = Certificate.load(certificate.save(tmp_path / "c.zip"))
    assert [(s.name, s.claim, s.source) for s in back.steps] == [(s.name, s.claim, s.source) for s in certificate.steps]
    assert verify.check(tmp_path / "c.zip").accepted


@pytest.fixture(scope="module")
def certificates() -> dict[str, Certificate]:
    return _certificates()
