"""Local propagation: its certified weights beside naive evaluation, and a loop stopped early."""

from __future__ import annotations

import numpy as np

from verify import datasets, nn
from verify.experiments.related import local_propagation
from verify.experiments.related.tests.checks import require_proved


def test_the_stated_figure_is_reached() -> None:
    found = local_propagation.run()
    require_proved(found)
    assert found.quantities["distance"].upper() <= 3.5e-11
    assert found.quantities["violation_hidden"].upper() <= 1e-12


def test_violations_bound_what_the_forward_pass_differs_by() -> None:
    X, y = datasets.sphere(8, 5, 5.0)
    first, last = (p.detach().numpy() for p in nn.fully_connected((5, 32, 1), seed=3).parameters())
    s = local_propagation.propagate(X, y, first, last[0], 30)
    F = np.tanh(X @ s.W.T / np.sqrt(5)) @ s.v / np.sqrt(32)
    early = local_propagation.run(8, 5, 32, 30, norm=5.0, seed=3)
    q = {name: float(value.mid) for name, value in early.quantities.items()}
    assert 1e-6 < np.linalg.norm(s.O - F) <= q["output_error"] * (1 + 1e-9)
    assert np.isclose(q["violation_hidden"], np.linalg.norm(s.H - np.tanh(X @ s.W.T / np.sqrt(5))))
    assert np.isclose(q["violation_output"], np.linalg.norm(s.O - s.H @ s.v / np.sqrt(32)))
    # Without the factor of the last layer the hidden violation would not be paid for.
    assert q["output_error"] > q["violation_output"]


def test_a_loop_stopped_early_is_not_proved() -> None:
    found = local_propagation.run(20, 10, 64, 20)
    assert found.verdict == "INCONCLUSIVE"
    assert found.reason


def test_another_instance_is_proved() -> None:
    require_proved(local_propagation.run(12, 8, 96, 8000, norm=8.0, seed=4))
