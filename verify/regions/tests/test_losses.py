"""The four losses: what is certified is the loss and the step that the user's loop has."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

import verify
from verify.checker import check
from verify.errors import InputError
from verify.networks import Loss, loss_scale, read_data, read_network
from verify.networks.parameters import flatten
from verify.regions.descent.float64 import Descent

LOSSES: dict[Loss, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "sum": lambda F, y: 0.5 * ((F - y) ** 2).sum(),
    "mean": lambda F, y: ((F - y) ** 2).sum() / (2 * len(y)),
    "mse": torch.nn.MSELoss(),
    "mse_sum": torch.nn.MSELoss(reduction="sum"),
}


def _problem(k: int = 2) -> tuple[torch.nn.Sequential, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Linear(16, k)).double()
    X = torch.randn(4, 3, dtype=torch.float64)
    return model, X, model(X).detach() + 0.01 * torch.randn(4, k, dtype=torch.float64)


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_is_the_one_that_torch_computes(name: Loss) -> None:
    model, X, y = _problem()
    found = verify.loss(model, X, y, name)
    assert abs(found.mid - LOSSES[name](model(X), y).item()) < 1e-12 * found.mid


@pytest.mark.parametrize("name", LOSSES)
def test_one_step_is_the_step_that_sgd_takes(name: Loss) -> None:
    model, X, y = _problem()
    network = read_network(model)
    data = read_data(network, X, y)
    after, _ = Descent(network, data, loss_scale(name, data.n, data.k), Fraction(0.1)).step(flatten(network))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    LOSSES[name](model(X), y).backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    assert np.allclose(after, flatten(read_network(model)), rtol=0.0, atol=1e-14)


def test_mse_losses_are_certified_and_the_checker_accepts_them(tmp_path: Path) -> None:
    model, X, y = _problem()
    cases: list[tuple[Loss, str]] = [("mse", "torch.nn.MSELoss()"), ("mse_sum", "reduction='sum'")]
    for name, words in cases:
        cert = verify.certify(model, X, y, loss=name, lr="1/100")
        assert cert.verdict == "PROVED"
        assert words in cert.reason
        cert.save(tmp_path / f"{name}.zip")
        assert check(tmp_path / f"{name}.zip").verdict == "ACCEPTED"


def test_another_scale_under_the_name_mse_is_rejected(tmp_path: Path) -> None:

    model, X, y = _problem()
    verify.certify(model, X, y, loss="mse", lr="1/100").save(tmp_path / "cert")
    document = next((tmp_path / "cert").glob("*.json"), None)
    assert document is not None
    text = document.read_text()
    assert '"mse"' in text
    document.write_text(text.replace('"mse"', '"mse_sum"'))
    assert check(tmp_path / "cert").verdict == "REJECTED"


@pytest.mark.parametrize("name", ["MSE", "l2", None, ["sum"], 1])
def test_an_unknown_loss_is_refused_with_the_four_names(name: object) -> None:
    with pytest.raises(InputError, match="mse_sum"):
        loss_scale(name, 2, 1)  # type: ignore[arg-type]
