"""Scope `ball` about a centre that is handed in: off the centre, and by displacement, where every start near it converges."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify import datasets, nn
from verify.arrays import Ball
from verify.certificates import Certificate
from verify.certificates.sentences import sentence
from verify.errors import InputError, ShapeError
from verify.formal.problem import formal_problem
from verify.networks.parameters import flatten
from verify.regions.descent.float64 import Descent

X, Y = datasets.sphere(3, 5, norm=5.0)


def _trained(steps: int, width: int = 1024) -> torch.nn.Sequential:
    net = nn.antisymmetric_two_layer(5, width, seed=0)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05)
    inputs, targets = torch.tensor(np.asarray(X)), torch.tensor(np.asarray(Y)).reshape(-1, 1)
    for _ in range(steps):
        optimiser.zero_grad()
        (0.5 * ((net(inputs) - targets) ** 2).sum()).backward()
        optimiser.step()
    return net


@pytest.fixture(scope="module", name="nets")
def _nets() -> dict[str, torch.nn.Sequential]:
    return {"half": _trained(40), "later": _trained(50), "fitted": _trained(500)}


def _follow(certificate: Certificate, theta: np.ndarray) -> None:
    """Descent from an exact vector stays in the certified ball, at the certified rate."""
    problem, c = certificate.problem, certificate.constants
    assert problem.lr is not None
    descent, centre = (
        Descent(problem.network, problem.data, problem.scale, problem.lr),
        np.asarray(certificate.witness["centre"]),
    )
    before = np.inf
    for _ in range(60):
        assert float(np.linalg.norm(theta - centre)) <= float(c["radius"].upper())
        theta, norm = descent.step(theta)
        assert descent.loss(norm) <= max(float(c["rate"].upper()) * before, 1e-20)
        before = descent.loss(norm)


def test_every_start_near_a_fitted_centre_converges_the_parameters_given_among_them(
    tmp_path: Path, nets: dict[str, torch.nn.Sequential]
) -> None:
    certificate = verify.certify(nets["later"], X, Y, scope="ball", centre=nets["fitted"])
    assert certificate.verdict == "PROVED", certificate.reason
    assert certificate.claim == "containment_displacement"
    assert "of the centre given" in certificate.reason
    assert "anywhere within ρ" in sentence(certificate)
    assert verify.check(certificate.save(tmp_path / "c.zip")).accepted
    centre, rho = np.asarray(certificate.witness["centre"]), float(certificate.constants["basin_radius"].lower())
    rng = np.random.default_rng(0)
    start = flatten(certificate.problem.network)
    for direction in (start - centre, centre - start, *rng.standard_normal((3, centre.size))):
        _follow(certificate, centre + (1.0 - 1e-12) * rho * direction / np.linalg.norm(direction))


def test_off_the_centre_the_two_points_are_stored_and_the_statement_is_about_the_parameters(
    tmp_path: Path, nets: dict[str, torch.nn.Sequential]
) -> None:
    # A prescribed radius leaves the form off the centre alone.
    certificate = verify.certify(
        nets["half"], X, Y, scope="ball", lr="1/20", centre=nets["later"].state_dict(), radius=0.7
    )
    assert certificate.verdict == "PROVED", certificate.reason
    assert certificate.claim in ("containment_residual", "containment_classical")
    start, centre = flatten(certificate.problem.network), np.asarray(certificate.witness["centre"])
    assert certificate.witness["offset"] >= np.linalg.norm(start - centre) > 0.0
    assert "about the stored point c" in sentence(certificate)
    found = verify.check(certificate.save(tmp_path / "off.zip"))
    assert found.accepted, found.failures
    assert "the centre is a stored point c" in found.claims[0]
    _follow(certificate, start)
    witness = certificate.witness
    moved = centre + 0.1 / np.sqrt(centre.size)
    forgeries: dict[str, dict[str, Any]] = {
        "offset": {**witness, "offset": 0.99 * witness["offset"]},
        "no offset": {key: value for key, value in witness.items() if key != "offset"},
        "no centre": {key: value for key, value in witness.items() if key not in ("offset", "centre")},
        "another centre": {**witness, "centre": moved},
    }
    for name, changed in forgeries.items():
        assert not verify.check(replace(certificate, witness=changed).save(tmp_path / "forged.zip")).accepted, name
    constants = {key: value for key, value in certificate.constants.items() if key != "distance"}
    without = replace(certificate, constants=constants)
    assert not verify.check(without.save(tmp_path / "without.zip")).accepted
    assert "nothing is quoted" in sentence(without)
    nearer = {**certificate.constants, "distance": certificate.constants["distance"] * Ball(0.99)}
    assert not verify.check(replace(certificate, constants=nearer).save(tmp_path / "nearer.zip")).accepted


def test_parameters_beyond_every_ball_of_starts_are_not_taken_in(nets: dict[str, torch.nn.Sequential]) -> None:
    certificate = verify.certify(_trained(0, 64), X, Y, scope="ball", centre=_trained(300, 64))
    assert certificate.verdict == "INCONCLUSIVE"


def test_a_forged_start_outside_the_ball_of_starts_is_rejected(
    tmp_path: Path, nets: dict[str, torch.nn.Sequential]
) -> None:
    certificate = verify.certify(nets["later"], X, Y, scope="ball", centre=nets["fitted"])
    away = copy.deepcopy(nets["later"])
    with torch.no_grad():
        away[0].weight.add_(0.1)  # type: ignore[operator]
    other = verify.certify(away, X, Y, scope="point").problem
    forged = replace(certificate, problem=replace(other, lr=certificate.problem.lr))
    assert not verify.check(forged.save(tmp_path / "away.zip")).accepted


def test_a_centre_that_is_the_parameters_themselves_is_the_plain_ball(nets: dict[str, torch.nn.Sequential]) -> None:
    plain = verify.certify(nets["later"], X, Y, scope="ball", lr="1/20", radius=0.7)
    about = verify.certify(nets["later"], X, Y, scope="ball", lr="1/20", radius=0.7, centre=nets["later"])
    assert plain.verdict == about.verdict == "PROVED"
    assert about.witness["offset"] == 0.0
    assert float(about.constants["rate"].upper()) == float(plain.constants["rate"].upper())


def test_centres_that_do_not_fit_are_refused(nets: dict[str, torch.nn.Sequential]) -> None:
    for centre in (np.zeros(3), "later", 1.0, {"0.weight": np.zeros(2)}):
        with pytest.raises((InputError, ShapeError), match="centre"):
            verify.certify(nets["half"], X, Y, scope="ball", centre=centre)
    with pytest.raises(InputError, match="centre"):
        verify.certify(nets["half"], X, Y, scope="point", centre=nets["later"])
    with pytest.raises(InputError, match="centre"):
        verify.certify(nets["half"], X, Y, scope="ball", descent=verify.SGD(batch_size=1), centre=nets["later"])


def test_the_checker_in_coq_is_not_told_half_of_the_statement(nets: dict[str, torch.nn.Sequential]) -> None:
    for options in ({"centre": nets["later"], "radius": 0.7}, {"data_radius": 1e-6}):
        certificate = verify.certify(nets["half"], X, Y, scope="ball", lr="1/20", **options)
        assert certificate.verdict == "PROVED"
        with pytest.raises(InputError, match=r"centre|data"):
            formal_problem(certificate)
