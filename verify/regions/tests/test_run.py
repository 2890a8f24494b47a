"""Scope `run`: facts at recorded points against independent arithmetic, hand-over, interruption, refusals and failures."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
from verify.arrays import Ball
from verify.errors import InputError, ShapeError
from verify.networks import Problem, read_data, read_network
from verify.networks.parameters import flatten, with_parameters
from verify.regions.descent import recorded_run as record
from verify.regions.descent.float64 import Descent
from verify.regions.descent.history import History, observed_rate
from verify.regions.descent.iterates import read_iterate
from verify.regions.neighbourhood.point_facts import examine
from verify.regions.scopes import recording
from verify.regions.scopes.ball import ball_certificate
from verify.regions.scopes.options import BallOptions
from verify.regions.tests.networks import small


def torch_facts(model: torch.nn.Sequential, theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """The same quantities by automatic differentiation in float64."""
    clone = copy.deepcopy(model)
    torch.nn.utils.vector_to_parameters(torch.as_tensor(theta), clone.parameters())
    rows = []
    outputs = clone(torch.as_tensor(X))[:, 0]
    for value in outputs:
        grads = torch.autograd.grad(value, list(clone.parameters()), retain_graph=True)
        rows.append(torch.cat([g.reshape(-1) for g in grads]).numpy())
    jacobian = np.stack(rows)
    e = outputs.detach().numpy() - y
    values = np.linalg.eigvalsh(jacobian @ jacobian.T)
    gradient = jacobian.T @ e
    loss = 0.5 * e @ e
    return {
        "loss": loss,
        "residual": float(np.linalg.norm(e)),
        "lambda_min": values[0],
        "lambda_max": values[-1],
        "gradient_norm": float(np.linalg.norm(gradient)),
        "pl_ratio": 0.5 * gradient @ gradient / loss,
        "drift": float(
            np.linalg.norm(theta - np.concatenate([p.detach().numpy().ravel() for p in model.parameters()]))
        ),
    }


def test_a_small_run_is_proved_and_its_facts_are_true(proved: tuple[Any, ...]) -> None:
    model, X, y, cert = proved
    assert cert.verdict == "PROVED"
    assert cert.scope == "run"
    kept = cert.witness["checkpoints"]
    assert kept[0]["step"] == 0
    assert kept[-1]["step"] == cert.constants["handover_step"] > 0
    assert 4 <= len(kept) <= 16
    for entry in kept:
        truth = torch_facts(model, entry["parameters"], X, y)
        for name, value in truth.items():
            low, high = entry[name]
            # torch's own rounding is far above the enclosures' width: agreement to 1e-8, and tight enclosures.
            assert low - 1e-8 * (1 + abs(value)) <= value <= high + 1e-8 * (1 + abs(value)), name
            assert high - low <= 1e-8 * (1 + abs(value)), name
        assert entry["decrease"] is True
        after = torch_facts(model, entry["next"], X, y)["loss"]
        assert after <= (1 - 0.1 * entry["lambda_min"][0]) * entry["loss"][1]
    assert all(step.certain for step in cert.steps)
    assert cert.observed["observed_rate"] <= float(cert.constants["rate"].upper())


def test_the_handover_is_a_ball_certificate_of_the_stored_doubles(proved: tuple[Any, ...]) -> None:
    model, X, y, cert = proved
    network = read_network(model)
    data = read_data(network, X, y)
    end = with_parameters(network, cert.witness["checkpoints"][-1]["parameters"])
    ball = ball_certificate(Problem(end, data, "sum", Fraction(0.1)), BallOptions())
    assert ball.verdict == "PROVED"
    # The checkpoint before is further away: what the run waited for.
    earlier = with_parameters(network, cert.witness["checkpoints"][0]["parameters"])
    assert ball_certificate(Problem(earlier, data, "sum", Fraction(0.1)), BallOptions()).verdict == "INCONCLUSIVE"
    radius = float(cert.constants["radius"].mid)
    descent = Descent(network, data, Fraction(1), Fraction(0.1))
    theta = start = flatten(end)
    rate = float(cert.constants["rate"].upper())
    _, first = descent.step(theta)
    for k in range(200):
        theta, norm = descent.step(theta)
        assert np.linalg.norm(theta - start) < radius
        assert norm**2 <= rate**k * first**2 * (1 + 1e-9)


def test_iterates_of_a_torch_loop_are_accepted_in_every_form(proved: tuple[Any, ...]) -> None:
    model, X, y, cert = proved
    end = int(cert.constants["handover_step"])
    network = read_network(model)
    trained = copy.deepcopy(model)
    optimiser = torch.optim.SGD(trained.parameters(), lr=0.1)
    inputs, targets = torch.as_tensor(X), torch.as_tensor(y)[:, None]
    forms: dict[str, list[Any]] = {"module": [], "state": [], "array": []}
    indices = []
    for k in range(end + 40):
        if k in (5, 6) or k == end + 39:
            indices.append(k)
            forms["module"].append(copy.deepcopy(trained))
            forms["state"].append(copy.deepcopy(trained.state_dict()))
            forms["array"].append(read_iterate(network, trained))
        optimiser.zero_grad()
        (0.5 * ((trained(inputs) - targets) ** 2).sum()).backward()
        optimiser.step()
    radii = set()
    for given in forms.values():
        replay = verify.certify(model, X, y, scope="run", lr=0.1, iterates=given, iterate_steps=indices)
        assert replay.verdict == "PROVED"
        kept = replay.witness["checkpoints"]
        # The model itself comes first; 5 and 6 are neighbours.
        assert [c["step"] for c in kept] == [0, *indices]
        assert [c["decrease"] for c in kept] == [None, True, None, None]
        radii.add(float(replay.constants["radius"].mid))
    assert len(radii) == 1
    short = verify.certify(model, X, y, scope="run", lr=0.1, iterates=forms["array"][:2], iterate_steps=indices[:2])
    assert short.verdict == "INCONCLUSIVE"
    assert "no iterate handed in" in short.reason


def test_an_increase_between_neighbours_is_never_certified_as_a_decrease() -> None:
    model, X, y = small()
    network = read_network(model)
    theta = flatten(network)
    worse = theta * 1.5
    cert = verify.certify(model, X, y, scope="run", lr=0.1, iterates=[theta, worse])
    first = cert.witness["checkpoints"][0]
    assert first["next_loss"][0] > first["loss"][1]
    assert first["decrease"] is False
    assert "0 of 1 kept pairs (not at step 0)" in cert.reason
    assert not any(step.claim == "recorded_decrease" for step in cert.steps)


def test_memory_is_bounded_whatever_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    model, X, y = small(width=8)
    with pytest.raises(verify.errors.ResourceError, match="20000 checkpoints"):
        verify.certify(model, X, y, scope="run", lr=0.1, checkpoints=range(20_000))
    monkeypatch.setattr(record, "_LARGEST_COUNT", 3)
    theta = flatten(read_network(model))
    with pytest.raises(verify.errors.ResourceError, match="4 checkpoints"):
        verify.certify(model, X, y, scope="run", lr=0.1, iterates=(theta for _ in range(10**9)))
    facts = examine(Problem(read_network(model), read_data(read_network(model), X, y))).facts
    kept: list[record.Checkpoint] = []
    asked = {17, 600}
    for step in range(1000):
        kept = record.thinned([*kept, record.Checkpoint(dataclasses.replace(facts, step=step), theta)], asked)
        assert len(kept) <= 66
    steps = [c.facts.step for c in kept]
    assert steps == sorted(steps)
    assert {0, 17, 600, 999} <= set(steps)


def test_checkpoints_asked_for_are_kept_and_move_nothing(proved: tuple[Any, ...]) -> None:
    model, X, y, cert = proved
    more = verify.certify(model, X, y, scope="run", lr=0.1, steps=2000, checkpoints=(3, 7, 7, 100_000))
    steps = [c["step"] for c in cert.witness["checkpoints"]]
    assert [c["step"] for c in more.witness["checkpoints"]] == sorted({3, 7, *steps})
    assert all(c["decrease"] for c in more.witness["checkpoints"])
    assert float(more.constants["radius"].mid) == float(cert.constants["radius"].mid)


def test_a_run_that_diverges_or_stalls_or_ends_early_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model, X, y = small(width=16)
    wild = verify.certify(model, X, y, scope="run", lr=1e3, steps=500)
    # tanh saturates instead of overflowing: either way it is no convergence.
    assert wild.verdict == "INCONCLUSIVE"
    linear = torch.nn.Sequential(verify.nn.NTKLinear(3, 1))
    points = np.array([[1.0, 2.0, 3.0], [2.0, 1.0, 0.5], [1.0, -1.0, 2.0], [0.5, 0.5, 1.0]])
    away = verify.certify(linear, points[:3], [1.0, -1.0, 1.0], scope="run", lr=10.0, steps=2000)
    assert away.verdict == "INCONCLUSIVE"
    assert "diverged" in away.reason
    monkeypatch.setattr(recording, "_STALL_STEPS", 50)
    # tanh never reaches 3: the residual cannot reach zero, and the output saturates.
    short = torch.nn.Sequential(verify.nn.NTKLinear(3, 8), torch.nn.Tanh(), verify.nn.NTKLinear(8, 1), torch.nn.Tanh())
    stuck = verify.certify(short, points, [3.0, -3.0, 3.0, 3.0], scope="run", lr=0.1, steps=20_000)
    assert "stalled" in stuck.reason
    early = verify.certify(model, X, y, scope="run", lr=0.05, steps=3)
    assert "the step budget ended at step 3" in early.reason
    assert early.observed["approx_supply_over_need"] < 1.0
    assert early.witness["handover"] is None


def test_a_step_is_chosen_and_named_when_none_is_given() -> None:
    model, X, y = small()
    cert = verify.certify(model, X, y, scope="run", steps=2000)
    assert cert.verdict == "PROVED"
    lr = float(cert.constants["lr"])
    network = with_parameters(read_network(model), np.asarray(cert.witness["checkpoints"][-1]["parameters"]))
    top = float(examine(Problem(network, read_data(network, X, y))).facts.lambda_max.mid)
    # λ_max is extrapolated from the first steps; it grows less here.
    assert 0.5 < lr * top < 1.0
    # The step is named once: "η = 0.05; η was chosen from λ_max(Θ): 0.05: 3 of 3 …" it was.
    assert re.search(r"with η [=≈] [\d.]+; η was chosen from λ_max\(Θ\): λ_min", cert.reason), cert.reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": 1}, "unknown option colour"),
        ({"method": "arb"}, "unknown option method"),
        ({"iterate_steps": [3, 2], "iterates": []}, "increasing"),
        ({"iterates": []}, "empty"),
        ({"iterates": [], "directory": "somewhere"}, "leave directory=None"),
        ({"iterate_steps": [1, 2]}, "without iterates"),
        ({"steps": -1}, "steps=-1"),
        ({"radius": 1.0}, "radius"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    model, X, y = small(width=4)
    with pytest.raises(InputError, match=message):
        verify.certify(model, X, y, scope="run", lr=0.1, **options)


def test_snapshots_of_a_model_trained_in_place_start_where_the_snapshots_do() -> None:
    """The user's loop overwrote the model: the run begins at the iterate of step 0, not at what the model has become."""
    model, X, y = small()
    network = read_network(model)
    start = flatten(network)
    descent = Descent(network, read_data(network, X, y), Fraction(1), Fraction(0.1))
    path = [start]
    for _ in range(3):
        path.append(descent.step(path[-1])[0])
    with torch.no_grad():
        for parameter, moved in zip(model.parameters(), with_parameters(network, path[-1]).chain, strict=True):
            parameter.copy_(torch.as_tensor(moved.weight))
    cert = verify.certify(model, X, y, scope="run", lr=0.1, iterates=[path[0], path[3]], iterate_steps=[0, 3])
    moved_by = float(np.linalg.norm(path[3] - start))
    assert moved_by > 0.1
    assert float(cert.constants["drift"].mid) == pytest.approx(moved_by, rel=1e-12)
    # A rate per step cannot be read off iterates with gaps between them.
    assert "observed_rate" not in cert.observed


def test_iterates_in_the_forms_that_users_keep_them() -> None:
    model, X, y = small(width=4)
    vector = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    parameters = [p.detach().clone() for p in model.parameters()]
    theta = flatten(read_network(model))
    for value in (vector, vector.tolist(), parameters, tuple(parameters), model.state_dict(), model, vector.numpy()):
        assert np.array_equal(read_iterate(read_network(model), value), theta)
    single = vector.to(torch.float32)
    assert np.array_equal(read_iterate(read_network(model), single), single.numpy().astype(np.float64))
    for aliased in ([model.state_dict()] * 2, [list(model.parameters()), model], [theta, theta]):
        with pytest.raises(InputError, match=r"share memory.*deepcopy"):
            verify.certify(model, X, y, scope="run", lr=0.1, iterates=aliased)
    for alone in (model, model.state_dict(), vector, theta, "run.pt"):
        with pytest.raises(InputError, match="expected a list"):
            verify.certify(model, X, y, scope="run", lr=0.1, iterates=alone)
    for wrong, message in ((theta.astype(np.longdouble), "float128"), ("run.pt", "a str"), (3.0, "a float")):
        with pytest.raises(InputError, match=message):
            verify.certify(model, X, y, scope="run", lr=0.1, iterates=[wrong])
    with pytest.raises(InputError, match="3 indices for 1 iterates"):
        verify.certify(model, X, y, scope="run", lr=0.1, iterates=[theta], iterate_steps=[0, 1, 2])

    def live() -> Any:
        for _ in range(3):
            with torch.no_grad():
                for p in model.parameters():
                    p.mul_(0.5)
            yield model

    cert = verify.certify(model, X, y, scope="run", lr=0.1, iterates=live())
    kept = [entry["parameters"] for entry in cert.witness["checkpoints"]]
    assert all(np.array_equal(k, theta * 0.5 ** (j + 1)) for j, k in enumerate(kept))


@pytest.mark.parametrize("exponent", [-300, -150, 150, 300])
@pytest.mark.parametrize("which", ["weights", "inputs", "targets"])
def test_extreme_scales_end_in_a_verdict_that_the_checker_shares(exponent: int, which: str, tmp_path: Path) -> None:
    model, X, y = small(width=6, n=3, d=2)
    factor = 10.0**exponent
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(factor if which == "weights" else 1.0)
    X, y = X * (factor if which == "inputs" else 1.0), y * (factor if which == "targets" else 1.0)
    two = torch.nn.Sequential(verify.nn.NTKLinear(2, 2), torch.nn.Tanh(), verify.nn.NTKLinear(2, 2))
    linear = torch.nn.Sequential(verify.nn.NTKLinear(2, 1))
    for net, targets in ((model, y), (two, np.stack([y, -y], axis=1)), (linear, y)):
        for lr in (None, f"1e{-exponent}"):
            cert = verify.certify(net, X, targets, scope="run", lr=lr, steps=30)
            if cert.verdict == "PROVED":
                cert.save(tmp_path / "c.zip")
                result = verify.check(tmp_path / "c.zip")
                assert result.accepted, result.failures


def test_iterates_of_another_architecture_are_refused() -> None:
    model, X, y = small(width=4)
    other, _, _ = small(width=5)
    for value in (other, other.state_dict(), np.zeros(7)):
        with pytest.raises((InputError, ShapeError)):
            verify.certify(model, X, y, scope="run", lr=0.1, iterates=[value])
    with pytest.raises(verify.errors.NonFiniteError):
        verify.certify(model, X, y, scope="run", lr=0.1, iterates=[np.full(28, np.nan)])


@pytest.mark.parametrize(
    "act", [torch.nn.Tanh, torch.nn.Sigmoid, torch.nn.Softplus, torch.nn.GELU, torch.nn.SiLU, verify.nn.Sine]
)
def test_a_float_step_agrees_with_torch(act: type[torch.nn.Module]) -> None:
    torch.manual_seed(1)
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 5, dtype=torch.float64),
        act(),
        torch.nn.Linear(5, 4, bias=False, dtype=torch.float64),
        act(),
        torch.nn.Linear(4, 2, dtype=torch.float64),
    )
    network = read_network(model)
    rng = np.random.default_rng(0)
    data = read_data(network, rng.standard_normal((7, 3)), rng.standard_normal((7, 2)))
    after, norm = Descent(network, data, Fraction(1, 7), Fraction(1, 5)).step(flatten(network))
    loss = 0.5 / 7 * ((model(torch.as_tensor(data.X)) - torch.as_tensor(data.y)) ** 2).sum()
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            assert p.grad is not None
            p.sub_(0.2 * p.grad)
    assert np.allclose(after, read_iterate(network, model), rtol=0, atol=1e-14)
    assert 0.5 / 7 * norm**2 == pytest.approx(float(loss.detach()), rel=1e-12)


def test_history_is_bounded_and_keeps_the_rate() -> None:
    history = History()
    for k in range(50_000):
        history.add(k, 0.9995**k)
    assert len(history.values) < History.limit
    assert history.values == [0.9995**k for k in history.steps()]
    assert observed_rate(history) == pytest.approx(0.9995, rel=1e-9)
    assert observed_rate(History()) is None


def test_facts_survive_storage() -> None:
    model, X, y = small(width=8)
    network = read_network(model)
    facts = examine(Problem(network, read_data(network, X, y))).facts
    again = type(facts).restored(json.loads(json.dumps(facts.stored())))
    for name in ("loss", "lambda_min", "pl_ratio", "drift"):
        stored, fresh = getattr(again, name), getattr(facts, name)
        assert isinstance(stored, Ball)
        assert (stored.mid, stored.rad) == (fresh.mid, fresh.rad)


def test_a_step_close_to_the_edge_is_certified_in_a_ball_many_paths_wide() -> None:
    """ηsλ_max ≈ 1.99: c = 1 − ηβ/2 is small and the classical path, ‖e‖/(c√λ), hundreds of times the shortest conceivable one."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((5, 4)), rng.choice([-1.0, 1.0], 5)
    model, _, _ = small(64, 5, 4)
    top = float(verify.certify(model, X, y, scope="point").constants["lambda_max0"].mid)
    certificate = verify.certify(model, X, y, scope="run", lr=1.95 / top, steps=6000)
    assert certificate.verdict == "PROVED", certificate.reason
    assert 0.0 < float(certificate.constants["descent_fraction"].upper()) < 0.05
