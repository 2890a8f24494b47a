"""Steps with ηsλ_max between 1 and 2: what is proved there, where it ends, and twins that the checker refuses."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from proofs.evaluation import evaluate
from verify.arrays import Ball
from verify.certificates import Certificate
from verify.regions.descent.float64 import Descent
from verify.regions.neighbourhood import criteria


def _problem() -> tuple[torch.nn.Sequential, np.ndarray, np.ndarray]:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 24), torch.nn.Tanh(), torch.nn.Linear(24, 1))
    return model, rng.standard_normal((6, 4)), rng.standard_normal((6, 1))


def _basin(times: float) -> Certificate:
    """A basin with `times` the longest short step there is."""
    model, X, y = _problem()
    short = verify.certify(model, X, y, scope="basin")
    return verify.certify(model, X, y, scope="basin", lr=times * short.numbers["lr"])


def _names(certificate: Certificate) -> set[str]:
    return {step.name.removeprefix("zero loss near the centre: ") for step in certificate.steps}


@pytest.mark.parametrize("times", [1.25, 1.6, 1.9])
def test_basins_of_long_steps_are_proved_and_accepted(tmp_path: Path, times: float) -> None:
    certificate = _basin(times)
    assert certificate.verdict == "PROVED", certificate.reason
    assert "ηΘ below twice the identity" in _names(certificate)
    assert 0.0 < certificate.numbers["path_share"] < 1.0
    found = verify.check(certificate.save(tmp_path / "long.zip"))
    assert found.accepted, found.failures


def test_descents_started_anywhere_in_the_basin_keep_what_is_claimed() -> None:
    certificate = _basin(1.6)
    numbers, centre = certificate.numbers, np.asarray(certificate.witness["centre"])
    problem, rng = certificate.problem, np.random.default_rng(1)
    descent = Descent.of(problem)
    for _ in range(6):
        away = rng.standard_normal(centre.size)
        theta = centre + away * (0.999 * numbers["basin_radius"] / np.linalg.norm(away))
        losses = []
        for _ in range(60):
            after, norm = descent.step(theta)
            losses.append(descent.loss(norm))
            assert np.linalg.norm(theta - centre) <= numbers["radius"]
            theta = after
        floor = 1e-20
        assert all(b <= numbers["rate"] * a * (1 + 1e-9) + floor for a, b in itertools.pairwise(losses))


def test_beyond_twice_the_bound_nothing_is_claimed() -> None:
    model, X, y = _problem()
    largest = _basin(1.0).numbers["jacobian_norm0"] ** 2
    certificate = verify.certify(model, X, y, scope="basin", lr=2.02 / largest)
    assert certificate.verdict == "INCONCLUSIVE"
    assert "must stay below 2" in certificate.reason


def test_a_ball_about_a_fitted_point_takes_a_long_step_where_the_classical_form_has_little_left() -> None:
    model, X, y = _problem()
    basin = verify.certify(model, X, y, scope="basin")
    state, at = model.state_dict(), 0
    for name, value in state.items():
        part = np.asarray(basin.witness["centre"])[at : at + value.numel()]
        state[name], at = torch.tensor(part).reshape(value.shape), at + value.numel()
    model = model.double()
    model.load_state_dict(state)
    certificate = verify.certify(model, X, y, scope="ball", lr=1.8 * basin.numbers["lr"])
    assert certificate.verdict == "PROVED", certificate.reason
    assert certificate.witness["residual"] is not None
    assert "γσ(R) above the step's drift" in _names(certificate)


def _without_share(name: str, values: Any) -> Any:
    return Ball(1.0) if name == "long_share" else evaluate(name, values)


def test_twins_without_the_share_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(criteria, "evaluate", _without_share)
    certificate = _basin(1.6)
    assert certificate.verdict == "PROVED"
    found = verify.check(certificate.save(tmp_path / "twin.zip"))
    assert not found.accepted
