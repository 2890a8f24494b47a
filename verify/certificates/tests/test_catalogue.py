"""Every step that the engine makes is in the catalogue, with the words that the engine gives it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import verify
from verify import datasets, nn
from verify.certificates import Certificate
from verify.certificates.wording import Fact, facts
from verify.decimals import bounds


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


def _fact(certificate: Certificate, name: str) -> Fact:
    return next(fact for fact in facts(certificate) if fact.name == name)


@pytest.mark.parametrize("scope", ["exact", "run", "region"])
def test_bounds_from_the_hand_over_on_are_not_printed_as_the_whole_descents(
    scope: str, certificates: dict[str, Certificate]
) -> None:
    """Before the hand-over descent has travelled farther than what is stated as its path."""
    certificate = certificates[scope]
    assert bounds(certificate.constants["drift"])[0] > bounds(certificate.constants["path_length"])[1]
    for name in ("path_length", "rate", "residual_rate", "step_drift"):
        assert _fact(certificate, name).meaning.endswith("from the hand-over on")


def test_a_bound_of_the_residual_is_not_printed_as_its_enclosure(certificates: dict[str, Certificate]) -> None:
    """Where descent enters the last ball beside its centre, what is stored is a bound: here far above the centre's own residual."""
    X, y = datasets.sphere(3, 4, 2.0)
    model = nn.antisymmetric_two_layer(4, 256, seed=0)
    certificate = verify.certify(model, X, y, scope="region", lr="1/10", start_radius=1e-4)
    assert certificate.verdict == "PROVED", certificate.reason
    low, _ = bounds(certificate.constants["residual0"])
    assert low**2 / 2 > 1.001 * bounds(certificate.constants["loss0"])[1]
    fact = _fact(certificate, "residual0")
    assert fact.value.startswith("≤")
    assert "centre" not in fact.meaning
    assert certificate.numbers["residual0"] >= bounds(certificate.constants["residual0"])[1]


def test_a_step_beyond_the_largest_eigenvalue_cites_its_own_claim(
    tmp_path: Path, certificates: dict[str, Certificate]
) -> None:
    assert certificates["basin"].claim == "containment_displacement"
    certificate = certificates["long basin"]
    assert certificate.claim == "containment_displacement_long"
    assert {"containment_displacement_long"} <= {step.claim for step in certificate.steps}
    [statement] = verify.check(certificate.save(tmp_path / "c.zip")).claims
    assert statement.startswith("containment_displacement_long: ")
