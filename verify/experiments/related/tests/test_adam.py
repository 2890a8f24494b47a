"""Adam's crossings beside a naive count, and the hand-over."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from verify import datasets, nn
from verify.experiments.related import adam
from verify.experiments.related.tests.checks import require_proved


def test_crossings_are_those_of_a_naive_count() -> None:
    found, longest = adam.crossings(16, 20, 60, 5e-3, norm=8.0, seed=1)
    X, y = datasets.digits(20, norm=8.0)
    model = nn.fully_connected((64, 16, 1), seed=1, activation=torch.nn.ReLU, ntk=False)
    signs, iterates = [], []
    for theta in adam.train(model, X, y, 60, 5e-3):
        W, b = theta[: 16 * 64].reshape(16, 64), theta[16 * 64 : 16 * 65]
        signs.append(X @ W.T + b > 0)
        iterates.append(theta)
    changes = np.array([a != b for a, b in itertools.pairwise(signs)]).sum(axis=0)
    assert found.exact
    assert (found.changes, found.pairs, found.most) == (changes.sum(), (changes > 0).sum(), changes.max())
    assert found.patterns == len({s.tobytes() for s in signs})
    moved = max(float(np.abs(b - a).max()) for a, b in itertools.pairwise(iterates))
    assert abs(float(longest.mid) - moved / 5e-3) < 1e-9


def test_a_small_run_is_counted_and_handed_over() -> None:
    found = adam.run(32, 30, 40, tanh_width=256, recorded=(0, 100, 200), seed=2)
    require_proved(found)
    assert found.quantities["crossings"].mid > 0
    assert found.certificates["handover"].scope == "run"


def test_iterates_that_are_not_trained_are_not_handed_over() -> None:
    found = adam.run(8, 20, 5, tanh_width=64, recorded=(0, 1), seed=2)
    assert found.verdict == "INCONCLUSIVE"
    assert "handover" in found.reason
