"""Rows of the experiments: plain JSON, resumable, and true to the certificates they summarise."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

import verify
from verify import datasets
from verify.experiments import runs as experiments
from verify.experiments.runs import Experiment, full_experiments, mlp, run_experiment
from verify.regions.neighbourhood import estimate
from verify.regions.scopes import handover
from verify.report.experiments import experiment_tables, row_plots

_DATA = functools.partial(datasets.sphere, 6, 5, 4.0)
_RUN = Experiment("tiny-run", (5, 32, 1), _DATA, lr="1/8", steps=800, probe=40)
_EXACT = Experiment("tiny-exact", (5, 32, 1), _DATA, "exact", lr="1/8", steps=800, probe=40)


@pytest.mark.parametrize("balls", [True, False])
def test_a_row_summarises_its_certificate_and_is_plain_json(balls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not balls:
        # A basin takes over, about another point than the iterate.
        found = estimate.attempt
        monkeypatch.setattr(handover, "attempt", lambda *args: replace(found(*args), result=None))
    row, cert = run_experiment(_RUN)
    assert (cert.claim == "containment_displacement") != balls
    assert row["lambda_min_certified"] == row["checkpoints"][-1]["lambda_min"][0]
    assert row == json.loads(json.dumps(row, allow_nan=False))
    assert row["verdict"] == cert.verdict == "PROVED"
    assert row["handover_step"] == row["checkpoints"][-1]["step"] == cert.constants["handover_step"]
    assert 0.0 < row["lambda_region"] <= row["lambda_min_certified"] <= row["lambda_min_observed"] * (1 + 1e-9)
    assert row["observed_rate"] <= row["rate"] < 1.0
    losses = dict(zip(row["curve"]["steps"], row["curve"]["losses"], strict=True))
    for point in row["checkpoints"]:
        low, high = point["loss"]
        assert low * (1 - 1e-9) <= losses.get(point["step"], low) <= high * (1 + 1e-9)
    assert [table.title for table in experiment_tables([row])] == ["Experiments", "The ball at the hand-over"]
    assert len(row_plots(row, "run")) == 3


def test_finished_experiments_are_read_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "EXPERIMENTS", (_RUN, _EXACT))
    first = full_experiments(tmp_path)
    assert [row["name"] for row in first] == ["tiny-run", "tiny-exact"]
    assert all(row["verdict"] == "PROVED" for row in first)
    # One descent, two statements: the exact one starts at the initialisation and ends where the recorded one does.
    assert first[0]["handover_step"] == first[1]["handover_step"]
    assert first[1]["largest_delta"] < 1e-8
    monkeypatch.setattr(experiments, "run_experiment", lambda *args: pytest.fail("repeated"))
    assert full_experiments(tmp_path) == first
    for name in ("tiny-run", "tiny-exact"):
        loaded = verify.Certificate.load(tmp_path / "experiments" / f"{name}.zip")
        assert loaded.verdict == "PROVED"
        result = verify.check(tmp_path / "experiments" / f"{name}.zip")
        assert result.accepted, result.failures


def test_a_fixed_step_that_leaves_the_local_regime_and_a_smaller_one_that_restores_it() -> None:
    # torch's own parametrisation: λ_max grows with the width, so one step cannot serve all widths (the paper's ablation, small).
    data = functools.partial(datasets.digits, 20, norm=24.0)
    rows = {
        (width, lr): run_experiment(
            Experiment(f"w{width}", (64, width, 1), data, lr=lr, ntk=False, steps=400, probe=20)
        )[0]
        for width, lr in ((32, "1/500"), (512, "1/500"), (512, "1/4000"))
    }
    assert rows[32, "1/500"]["verdict"] == "PROVED"
    assert rows[512, "1/4000"]["verdict"] == "PROVED"
    wild, calm = rows[512, "1/500"], rows[512, "1/4000"]
    assert wild["verdict"] == "INCONCLUSIVE" or wild["drift"] > 2 * calm["drift"]
    # Why: the linearised step is unstable, ηλ_max > 2, certified.
    assert Fraction(1, 500) * Fraction(wild["checkpoints"][0]["lambda_max"][0]) > 2
    assert max(wild["curve"]["losses"]) > 2 * wild["curve"]["losses"][0]
    assert max(calm["curve"]["losses"]) == calm["curve"]["losses"][0]


def test_networks_are_reproducible_and_have_torch_scale() -> None:
    for ntk in (True, False):
        one, two = mlp((7, 300, 1), ntk=ntk), mlp((7, 300, 1), ntk=ntk)
        for p, q in zip(one.parameters(), two.parameters(), strict=True):
            assert torch.equal(p, q)
    weight = next(iter(mlp((7, 300, 1), ntk=False).parameters())).detach().numpy()
    bound = 1 / np.sqrt(7)
    assert np.abs(weight).max() <= bound
    assert np.abs(weight).max() > 0.99 * bound
