"""Stochastic descent: drawn problems, batches and the worst orders that a search finds, against the certified bounds; a twin beyond the step is refuted.

Runs are simulated here in float64 from the network's formula and its derivative written out, with no code of the engine. Rounding is far below every margin.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

import verify
from property_tests.stochastic import FLOOR, Tanh, batch_scale, certified, starts


def _worst_epoch(
    model: Tanh, theta: np.ndarray, fit: np.ndarray, size: int, lr: float, loss: str
) -> Iterator[np.ndarray]:
    """Yield the iterates of an epoch in which each batch, of any samples that are left, is the one that ends farthest from `fit`."""
    left = set(range(model.n))
    while left:
        choices = list(itertools.combinations(sorted(left), min(size, len(left))))
        step = lr * batch_scale(loss, len(choices[0]), model.k)
        ends = [theta - step * model.pulled(theta[None], np.array([rows]))[0] for rows in choices]
        worst = int(np.argmax([np.linalg.norm(end - fit) for end in ends]))
        theta, left = ends[worst], left - set(choices[worst])
        yield theta


def _project(model: Tanh, theta: np.ndarray) -> np.ndarray:
    """An exact fit next to θ, by Gauss–Newton."""
    for _ in range(6):
        J = model.jacobian(theta)
        e = model.residual(theta[None], np.arange(model.n)[None])[0].ravel()
        theta = theta - J.T @ np.linalg.solve(J @ J.T, e)
    return np.asarray(theta)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 5),
    k=st.integers(1, 2),
    size=st.integers(1, 3),
    loss=st.sampled_from(["sum", "mean", "mse"]),
    share=st.sampled_from([None, Fraction(1, 2)]),
)
def test_the_worst_orders_found_obey_the_certified_factor(
    seed: int, n: int, k: int, size: int, loss: str, share: Fraction | None
) -> None:
    size = min(size, n - 1)
    certificate, model = certified(seed, n, k, loss, verify.SGD(batch_size=size))
    if share is not None and certificate.proved:
        lr = certificate.problem.lr
        assert lr is not None
        certificate, model = certified(seed, n, k, loss, verify.SGD(batch_size=size, lr=lr * share))
    assert certificate.verdict == "PROVED", certificate.reason
    c = certificate.constants
    R, A, rate, lr_float = (
        float(c["radius"].upper()),
        float(c["loss_bound"].upper()),
        float(c["rate"].upper()),
        float(c["lr"]),
    )
    centre, s = np.asarray(certificate.witness["centre"]), float(certificate.problem.scale)
    for start in starts(certificate, model, 3, seed):
        theta = start
        before = float(np.linalg.norm(theta - _project(model, theta)))
        first = before
        for epoch in range(1, 4):
            fit = _project(model, theta)
            for inner in list(_worst_epoch(model, theta, fit, size, lr_float, loss)):
                assert np.linalg.norm(inner - centre) <= R
                theta = inner
            after = float(np.linalg.norm(theta - _project(model, theta)))
            assert after**2 <= rate**epoch * first**2 * (1.0 + 1e-3) + FLOOR
            assert 0.5 * s * float(model.norms(theta[None])[0]) ** 2 <= A * rate**epoch + FLOOR
            assert after <= before * (1.0 + 1e-6) + 1e-13
            before = after


@pytest.mark.parametrize(("order", "size"), [("any", 2), ("with_replacement", 2), ("any", 4)])
def test_five_thousand_random_runs_stay_inside_and_below(order: Any, size: int) -> None:
    certificate, model = certified(1, 6, 1, "mse", verify.SGD(batch_size=size, order=order))
    assert certificate.verdict == "PROVED", certificate.reason
    c, runs, rng = certificate.constants, 5_000, np.random.default_rng(0)
    R, A, rate, lr = (
        float(c["radius"].upper()),
        float(c["loss_bound"].upper()),
        float(c["rate"].upper()),
        float(c["lr"]),
    )
    centre, s, drawn = (
        np.asarray(certificate.witness["centre"]),
        float(certificate.problem.scale),
        order == "with_replacement",
    )
    theta = np.repeat(starts(certificate, model, 50, 0), runs // 50, axis=0)
    outside, steps = np.zeros(runs, dtype=bool), 0
    for epoch in range(1, 9):
        samples = rng.integers(0, 6, (runs, 6)) if drawn else np.argsort(rng.random((runs, 6)), axis=1)
        for start in range(0, 6, size):
            rows = samples[:, start : start + size]
            theta = theta - lr * batch_scale("mse", rows.shape[1], 1) * model.pulled(theta, rows)
            outside |= np.linalg.norm(theta - centre, axis=1) > R
            steps += 1
        losses = 0.5 * s * model.norms(theta) ** 2
        assert (losses.mean() if drawn else losses.max()) <= A * rate ** (steps if drawn else epoch) + FLOOR
    allowed = float(c["exit_probability"].upper()) if drawn else 0.0
    assert outside.mean() <= allowed


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_runs_obey_the_envelope(nesterov: bool) -> None:
    certificate, model = certified(2, 4, 1, "mse", verify.SGD(momentum="9/10", nesterov=nesterov))
    assert certificate.verdict == "PROVED", certificate.reason
    c = certificate.constants
    R, A, rate, lr = (
        float(c["radius"].upper()),
        float(c["loss_bound"].upper()),
        float(c["rate"].upper()),
        float(c["lr"]),
    )
    centre, s = np.asarray(certificate.witness["centre"]), float(certificate.problem.scale)
    theta = starts(certificate, model, 200, 0)
    buffer, everyone = np.zeros_like(theta), np.broadcast_to(np.arange(4), (200, 4))
    for step in range(300):
        assert (0.5 * s * model.norms(theta) ** 2 <= A * rate**step + FLOOR).all()
        assert (np.linalg.norm(theta - centre, axis=1) <= R).all()
        g = s * model.pulled(theta, everyone)
        buffer = 0.9 * buffer + g
        theta = theta - lr * (g + 0.9 * buffer if nesterov else buffer)


def _torch_loss(loss: str) -> Any:
    """What a user writes in the loop for a loss of that name, of one batch."""
    return {
        "mse": torch.nn.MSELoss(),
        "mse_sum": torch.nn.MSELoss(reduction="sum"),
        "mean": lambda out, target: 0.5 * ((out - target) ** 2).sum() / len(out),
        "sum": lambda out, target: 0.5 * ((out - target) ** 2).sum(),
    }[loss]


@pytest.mark.parametrize(
    ("loss", "descent"),
    [
        ("mse", verify.SGD(batch_size=3)),
        ("mse_sum", verify.SGD(batch_size=2, order="fixed")),
        ("mean", verify.SGD(batch_size=3, order="with_replacement", drop_last=True)),
        ("mse", verify.SGD(momentum=0.9, nesterov=True)),
    ],
)
def test_torchs_own_loop_stays_within_what_is_certified(loss: Any, descent: verify.SGD) -> None:
    """DataLoader and torch.optim.SGD as they are, n = 4 and two outputs, so that the last batch of three is a single sample."""
    certificate, model = certified(4, 4, 2, loss, descent)
    assert certificate.verdict == "PROVED", certificate.reason
    c, drawn = certificate.constants, descent.order == "with_replacement"
    R, A, rate = (float(c[name].upper()) for name in ("radius", "loss_bound", "rate"))
    centre = torch.from_numpy(np.asarray(certificate.witness["centre"]))
    X, y = torch.from_numpy(model.X), torch.from_numpy(model.y)
    data, full, s = torch.utils.data.TensorDataset(X, y), descent.momentum, float(certificate.problem.scale)
    torch.manual_seed(0)
    sampler = torch.utils.data.RandomSampler(data, replacement=True) if drawn else None
    shuffle = None if drawn else descent.order == "any"
    size = 4 if full else descent.batch_size
    loader = torch.utils.data.DataLoader(data, size, shuffle=shuffle, sampler=sampler, drop_last=descent.drop_last)
    net = torch.nn.Sequential(torch.nn.Linear(3, 24), torch.nn.Tanh(), torch.nn.Linear(24, 2)).double()
    losses = []
    for start in starts(certificate, model, 2, 0):
        torch.nn.utils.vector_to_parameters(torch.from_numpy(start), net.parameters())
        optimiser = torch.optim.SGD(
            net.parameters(), lr=float(c["lr"]), momentum=float(descent.beta), nesterov=descent.nesterov
        )
        run = []
        for _ in range(8):
            with torch.no_grad():
                run.append(0.5 * s * float(((net(X) - y) ** 2).sum()))
            for inputs, targets in loader:
                optimiser.zero_grad()
                _torch_loss(loss)(net(inputs), targets).backward()
                optimiser.step()
                away = torch.nn.utils.parameters_to_vector(net.parameters()).detach() - centre
                assert float(away.norm()) <= R
        losses.append(run)
    seen = np.mean(losses, axis=0) if drawn else np.max(losses, axis=0)
    assert (seen <= A * rate ** np.arange(8) + FLOOR).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 5), beyond=st.floats(1.02, 3.0))
def test_a_step_beyond_the_bound_is_refuted_by_an_order(seed: int, n: int, beyond: float) -> None:
    """F linear, orthogonal samples: with ε‖J_b‖² = 2·beyond for the strongest sample the distance to the fit grows in every order, and nothing is certified."""
    rng = np.random.default_rng(seed)
    X = np.linalg.qr(rng.standard_normal((n, n)))[0] * rng.uniform(0.5, 2.0, (n, 1))
    lr = 2.0 * beyond / float((X * X).sum(axis=1).max())
    strongest = int((X * X).sum(axis=1).argmax())
    theta = X[strongest].copy()
    before = float(np.linalg.norm(theta))
    for i in rng.permutation(n):
        theta = theta - lr * X[i] * float(X[i] @ theta)
    assert np.linalg.norm(theta) > before
    net = torch.nn.Sequential(torch.nn.Linear(n, 1, bias=False, dtype=torch.float64))
    certificate = verify.certify(net, X, np.zeros(n), scope="basin", descent=verify.SGD(batch_size=1, lr=lr))
    assert certificate.verdict == "INCONCLUSIVE"
    assert "beyond the certified bound" in certificate.reason
