from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from proofs.errors import ProofError
from proofs.witness import find, random_network


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("widths", "activation", "n"),
    [((4, 30, 1), "tanh", 5), ((3, 12, 16, 2), "tanh", 4), ((4, 30, 1), "sigmoid", 5), ((4, 40, 1), "relu", 5)],
)
def test_three_points(widths: tuple[int, ...], activation: str, n: int, seed: int) -> None:
    witness = find(random_network(widths, activation, n, seed))
    assert all(fact.true for fact in witness.facts())
    # The enclosures are tight enough to mean something: far narrower than the gap they decide.
    gap = witness.losses[1][0] - max(witness.losses[0][1], witness.losses[2][1])
    assert all(upper - lower < gap / 10**6 for lower, upper in witness.losses)


def test_losses_agree_with_a_plain_forward_pass() -> None:
    network = random_network((4, 30, 1), "tanh", 5, 0)
    witness = find(network)
    dW, db, dV = witness.direction
    t = float(witness.step)
    for sign, (lower, upper) in zip((-1, 0, 1), witness.losses, strict=True):
        W, b, V = (
            network.weights[0] + sign * t * dW,
            network.biases[0] + sign * t * db,
            network.weights[1] + sign * t * dV,
        )
        approx = 0.5 * np.sum((np.tanh(network.X @ W.T + b) @ V.T - network.y) ** 2)
        assert lower <= upper
        assert abs(float(lower) - approx) < 1e-9


def test_a_direction_of_ascent_is_no_witness() -> None:
    """Along a random direction one end is higher: the facts say so."""
    network = random_network((4, 30, 1), "tanh", 5, 0)
    witness = find(network, step=Fraction(8))
    assert not all(fact.true for fact in witness.facts())


def test_too_narrow() -> None:
    with pytest.raises(ProofError, match="expected more than n·k=5"):
        find(random_network((4, 5, 1), "tanh", 5, 0))
