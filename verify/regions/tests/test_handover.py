"""A run that is handed over by a basin, continued from its certificate, limited in time; what is said before and instead of training."""

from __future__ import annotations

import itertools
import math
import re
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.certificates import Certificate
from verify.certificates.sentences import sentence
from verify.certificates.wording import facts
from verify.decimals import equal
from verify.networks import Problem, read_data, read_network
from verify.regions.descent import progress
from verify.regions.descent.float64 import Descent
from verify.regions.descent.history import History, steps_to_fall
from verify.regions.neighbourhood import estimate
from verify.regions.neighbourhood.basins import find_basin, outlook
from verify.regions.neighbourhood.point_facts import examine
from verify.regions.scopes import handover
from verify.regions.tests.networks import small


def _without_balls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no ball hold, so that only a basin can take over."""
    original = estimate.attempt
    monkeypatch.setattr(handover, "attempt", lambda *args: replace(original(*args), result=None))


@pytest.fixture(scope="module")
def by_basin() -> Any:
    model, X, y = small()
    with pytest.MonkeyPatch.context() as patch:
        _without_balls(patch)
        return model, X, y, verify.certify(model, X, y, scope="run", lr=0.1, steps=2000)


def test_a_basin_takes_over_and_the_checker_agrees(by_basin: Any, tmp_path: Path) -> None:
    _, _, _, cert = by_basin
    assert cert.verdict == "PROVED", cert.reason
    assert cert.claim == "containment_displacement"
    assert cert.steps[-1].name == "parameters inside the basin"
    assert all(step.certain for step in cert.steps)
    found = verify.check(cert.save(tmp_path / "run.zip"))
    assert found.accepted, found.failures
    assert "restarted at the stored point" in found.claims[0]
    assert Certificate.load(tmp_path / "run.zip").constants.keys() == cert.constants.keys()
    said = sentence(cert)
    assert "about a stored point c, on which" in said
    assert "every start within ρ" in said
    [where] = [fact.meaning for fact in facts(cert) if fact.name == "distance_over_radius"]
    assert where == "the hand-over's point lies in the basin where this is at most 1"


def test_descent_from_the_iterate_handed_over_stays_and_decays(by_basin: Any) -> None:
    _, _, _, cert = by_basin
    c, problem = cert.constants, cert.problem
    centre = np.asarray(cert.witness["handover"]["centre"])
    theta = np.asarray(cert.witness["checkpoints"][-1]["parameters"])
    assert np.linalg.norm(theta - centre) <= float(c["basin_radius"].upper())
    descent, seen = Descent.of(problem), []
    for _ in range(300):
        assert np.linalg.norm(theta - centre) < float(c["radius"].lower())
        theta, norm = descent.step(theta)
        seen.append(norm**2)
    rate = float(c["rate"].upper())
    assert all(after <= rate * before for before, after in itertools.pairwise(seen) if after > 1e-24)


def test_a_forged_hand_over_is_rejected(by_basin: Any, tmp_path: Path) -> None:
    _, _, _, cert = by_basin
    witness, rows = cert.witness, cert.witness["checkpoints"]
    given = witness["handover"]
    centre, end = np.asarray(given["centre"]), np.asarray(rows[-1]["parameters"])
    away = 1.01 * float(cert.constants["basin_radius"].upper()) / np.linalg.norm(end - centre)
    outside = {**rows[-1], "parameters": centre + away * (end - centre)}
    facts: dict[str, Any] = {name: None for name in rows[-1] if name not in ("step", "parameters", "lambda_min")}
    forgeries: dict[str, dict[str, Any]] = {
        "outside": {"checkpoints": [*rows[:-1], {**outside, **facts}]},
        "larger rho": {"handover": {**given, "basin": given["region"] - 1}},
        "another centre": {"handover": {**given, "centre": centre + 1e-3}},
        "as a ball": {"handover": {**given, "certified_by": "residual"}},
    }
    for name, change in forgeries.items():
        forged = replace(cert, witness={**witness, **change})
        assert verify.check(forged.save(tmp_path / f"{name}.zip")).verdict == "REJECTED", name
    nearer = {**cert.constants, "distance": 0.5 * cert.constants["distance"]}
    assert verify.check(replace(cert, constants=nearer).save(tmp_path / "nearer.zip")).verdict == "REJECTED"


def test_the_outlook_knows_the_basin_it_stands_in() -> None:
    model, X, y = small()
    cert = verify.certify(model, X, y, scope="basin")
    network = read_network(model)
    data = read_data(network, X, y)
    centre = np.asarray(cert.witness["centre"])
    direction = np.random.default_rng(0).standard_normal(centre.size)
    rho = float(cert.constants["basin_radius"].mid)
    shares = []
    for share in (0.5, 2.0):
        theta = centre + share * rho * direction / np.linalg.norm(direction)
        shares.append(outlook(examine(Problem(network, data).at(theta)), None))
    # A random direction is mostly along solutions: the zero that Gauss–Newton would find is nearer than c.
    assert shares[0] > 2.0 > 0.0
    assert shares[1] < 0.5 * shares[0]
    assert outlook(examine(Problem(network, data)), None) < 0.9


def test_without_a_step_the_largest_certified_one_takes_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _without_balls(monkeypatch)
    # A run trained with a step far beyond what a basin allows.
    monkeypatch.setattr("verify.regions.scopes.run._SHARE", Fraction(199, 100))
    model, X, y = small()
    cert = verify.certify(model, X, y, scope="run", steps=3000)
    assert cert.verdict == "PROVED", cert.reason
    assert cert.observed["trained_with_step"] > float(cert.constants["lr"])
    assert "everything stated is about" in cert.reason
    for row in cert.witness["checkpoints"][:-1]:
        bound = (1.0 - float(cert.constants["lr"]) * row["lambda_min"][0]) * row["loss"][0]
        assert row["decrease"] is None or row["decrease"] == (row["next_loss"][1] <= bound)
    assert verify.check(cert.save(tmp_path / "c.zip")).accepted


def test_a_run_goes_on_from_its_certificate(tmp_path: Path) -> None:
    model, X, y = small()
    whole = verify.certify(model, X, y, scope="run", lr=0.1, steps=2000)
    early = verify.certify(model, X, y, scope="run", lr=0.1, steps=60)
    assert early.verdict == "INCONCLUSIVE"
    assert "more steps" in early.reason
    assert "an estimate" in early.reason
    later = verify.certify(model, X, y, scope="run", resume=early.save(tmp_path / "early.zip"), steps=2000)
    assert later.verdict == "PROVED"
    assert later.problem.lr == whole.problem.lr
    assert "those up to 60 taken from a certificate as they are; η is that of the certificate" in later.reason
    # Another step may be taken from there on: the vectors before are not said to be its iterates.
    other = verify.certify(model, X, y, scope="run", resume=early, steps=1, lr=0.05)
    assert "λ_min" in other.reason
    assert other.problem.lr == 0.05
    # Looks fall at other steps, so the hand-over may too; the iterates are the same.
    assert 60 < later.constants["handover_step"] <= 1.2 * whole.constants["handover_step"]
    assert [c["step"] for c in later.witness["checkpoints"][:2]] == [0, 25]
    assert verify.check(later.save(tmp_path / "later.zip")).accepted
    further = verify.certify(model, X, y, scope="run", resume=whole, steps=200)
    assert further.constants["handover_step"] == whole.constants["handover_step"] + 200
    assert float(further.constants["mu"].lower()) > float(whole.constants["mu"].upper())
    assert "further training would bring μ" in whole.reason


def test_only_a_run_of_this_problem_is_gone_on_from() -> None:
    model, X, y = small()
    early = verify.certify(model, X, y, scope="run", lr=0.1, steps=2)
    with pytest.raises(verify.errors.InputError, match="X is not the certificate's"):
        verify.certify(model, 2.0 * X, y, scope="run", resume=early)
    with pytest.raises(verify.errors.InputError, match="loss='sum'"):
        verify.certify(model, X, y, scope="run", loss="mean", resume=early)
    with pytest.raises(verify.errors.InputError, match="scope 'point'"):
        verify.certify(model, X, y, scope="run", resume=verify.certify(model, X, y, scope="point"))
    with pytest.raises(verify.errors.InputError, match="a list"):
        verify.certify(model, X, y, scope="run", resume=[early])
    with pytest.raises(verify.errors.InputError, match="neither iterates="):
        verify.certify(model, X, y, scope="run", resume=early, directory="somewhere")
    # Of what was not kept no facts can be proved; asked for, that is not passed over.
    with pytest.raises(verify.errors.InputError, match=r"checkpoints: step 1, but .* ends at step 2"):
        verify.certify(model, X, y, scope="run", resume=early, checkpoints=[0, 1, 3], steps=1)
    found = verify.certify(model, X, y, scope="run", resume=early, checkpoints=[0, 2, 3], steps=1)
    assert [row["step"] for row in found.witness["checkpoints"]] == [0, 2, 3]


def test_seconds_end_a_run_and_a_forecast_ends_it_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    model, X, y = small()
    ended = verify.certify(model, X, y, scope="run", lr=2e-6, seconds=0.3)
    assert ended.verdict == "INCONCLUSIVE"
    assert "the 0.3 seconds allowed ended" in ended.reason
    monkeypatch.setattr("verify.regions.scopes.run.DEFAULT_SECONDS", 0.5)
    hopeless = verify.certify(model, X, y, scope="run", lr=2e-7)
    assert "far beyond the 0.5 seconds" in hopeless.reason
    assert "days" in hopeless.reason or " h)" in hopeless.reason or "min" in hopeless.reason
    for wrong in (0.0, -1.0, float("nan"), True, "10"):
        with pytest.raises(verify.errors.InputError, match="seconds"):
            verify.certify(model, X, y, scope="run", seconds=wrong)


def test_the_forecast_is_the_geometric_one() -> None:
    history = History(first=10)
    for k in range(10, 300):
        history.add(k, 4.0 * 0.98**k)
    # ‖e‖ falls by √0.98 a step: to a hundredth in 2·log 100/log(1/0.98) steps.
    assert steps_to_fall(history, 0.01) == 456
    assert history.steps()[0] == 10
    assert steps_to_fall(History(values=[1.0, 2.0]), 0.5) is None
    # At the edge of stability the loss rises for a while; the last half of the run says how it falls.
    history.add(300, 8.0 * history.values[-1])
    assert steps_to_fall(history, 0.01) == math.ceil(145 * 2.0 * math.log(0.01) / math.log(8.0 * 0.98**144))


def test_a_step_of_its_own_choice_is_lowered_at_the_edge_of_stability(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where λ_max has grown to 1.9/(ηs) the fast parts of the residual no longer fall; the certificate is about the last step."""
    monkeypatch.setattr("verify.regions.scopes.run._SHARE", Fraction(199, 100))
    model, X, y = small()
    cert = verify.certify(model, X, y, scope="run", steps=3000)
    assert cert.verdict == "PROVED", cert.reason
    found = re.search(r"with η [=≈] ([\d.]+), from step (\d+) on (?:≈ )?([\d.]+)", cert.reason)
    assert found is not None
    last, top = float(found[3]), 1.5 / float(found[3])
    assert last < float(found[1])
    assert any(
        row["lambda_max"][0] <= 1.001 * top and row["lambda_max"][1] >= 0.999 * top
        for row in cert.witness["checkpoints"]
    )
    lr = float(cert.constants["lr"])
    assert lr <= last * 1.00001
    # Every decrease is decided for the step that the certificate is about.
    for row in cert.witness["checkpoints"][:-1]:
        bound = (1.0 - lr * row["lambda_min"][0]) * row["loss"][0]
        assert row["decrease"] is None or row["decrease"] == (row["next_loss"][1] <= bound)
    assert verify.check(cert.save(tmp_path / "c.zip")).accepted
    # A step that the user gives is left alone.
    kept = verify.certify(model, X, y, scope="run", lr=float(found[1]), steps=300)
    assert "from step" not in kept.reason
    # Stopped and gone on with, it ends as if it had not been stopped.
    stopped = verify.certify(model, X, y, scope="run", steps=int(found[2]) + 2, directory=tmp_path / "run")
    assert stopped.verdict == "INCONCLUSIVE"
    again = verify.certify(model, X, y, scope="run", steps=3000, directory=tmp_path / "run")
    assert again.constants["handover_step"] == cert.constants["handover_step"]
    assert float(again.constants["lr"]) == lr
    # Gone on with from a certificate it begins with that one's step, and ends with another, here one that can be certified.
    monkeypatch.setattr("verify.regions.scopes.recording._WITHIN", Fraction(1, 2))
    begun = verify.certify(model, X, y, scope="run", steps=0)
    resumed = verify.certify(model, X, y, scope="run", resume=begun, steps=3000)
    assert f"with η {equal(begun.constants['lr'])}" in resumed.reason
    assert "from step" in resumed.reason
    assert resumed.constants["lr"] != begun.constants["lr"]
    assert "is that of the certificate" not in resumed.reason


def test_looking_for_a_step_takes_of_the_time_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal of 600 steps may take minutes; a run that may take half a second then ends at its first look."""
    from verify.regions.scopes import run

    rehearsed = run._training_step

    def slow(*given: Any) -> Fraction:
        time.sleep(0.5)
        return rehearsed(*given)

    monkeypatch.setattr(run, "_training_step", slow)
    model, X, y = small()
    cert = verify.certify(model, X, y, scope="run", seconds=0.5)
    assert "the 0.5 seconds allowed ended at step 0" in cert.reason


def test_without_a_terminal_a_line_appears_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress.Progress, "_every_seconds", 0.0)
    model, X, y = small()
    verify.certify(model, X, y, scope="run", lr=0.1, steps=40)
    lines = capfd.readouterr().err.splitlines()
    assert lines[-1].startswith("training: step 40  ‖e‖ ")
    assert "the hand-over needs about" in lines[-1]
    verify.certify(model, X, y, scope="run", lr=0.1, steps=40, progress=False)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("scope", ["ball", "run", "exact", "basin", "region"])
def test_equal_rows_are_named_before_any_training(scope: Any) -> None:
    model, X, y = small()
    X, y = np.vstack([X, X[3:4]]), np.append(y, y[3])
    cert = verify.certify(model, X, y, scope=scope)
    assert cert.verdict == "INCONCLUSIVE"
    assert "rows 3 and 8 of X are equal" in cert.reason


def test_class_numbers_for_several_outputs_are_named() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 3))
    X = [[1.0, 2.0], [2.0, 1.0]]
    with pytest.raises(verify.errors.ShapeError, match=r"numpy\.eye\(3\)\[numpy\.asarray\(y, dtype=int\)\]"):
        verify.loss(model, X, [0, 2])
    assert verify.loss(model, X, np.eye(3)[np.asarray([0, 2], dtype=int)]).mid >= 0.0


def test_a_basin_needs_its_own_step_condition() -> None:
    model, X, y = small()
    network = read_network(model)
    data = read_data(network, X, y)
    cert = verify.certify(model, X, y, scope="basin")
    there = examine(Problem(network, data).at(np.asarray(cert.witness["centre"])))
    largest = cert.problem.lr
    assert largest is not None
    assert find_basin(there, largest) is not None
    assert find_basin(there, 10 * largest) is None
