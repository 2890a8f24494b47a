"""How a descent that is not full-batch gradient descent behaves, in words made of a certificate's constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verify.decimals import at_least, at_most, below_one, bounds
from verify.networks.sgd import SGD

__all__ = ["behaviour", "rate_meaning"]

_UNIT = {"minibatch_any_order": "epoch", "minibatch_with_replacement": "step", "momentum_descent": "step"}


def rate_meaning(descent: SGD) -> str:
    """Return what the constant ``rate`` is."""
    if descent.claim == "minibatch_with_replacement":
        return "factor by which the expected squared distance to the exact fits falls per step, until the ball is left"
    if descent.claim == "minibatch_any_order":
        return "factor by which the squared distance to the exact fits falls per epoch"
    return "factor by which the bound of Φ falls per step"


def behaviour(descent: SGD, constants: Mapping[str, Any]) -> str:
    """Return the clause that follows the subject: where it stays and how it converges.

    Raises:
        KeyError, ValueError: a constant is missing, or no rate below 1.
    """
    inside = f"stays within R ≤ {at_most(bounds(constants['radius'])[1])}"
    rate = below_one(bounds(constants["rate"])[1])
    loss = f"≤ {at_most(bounds(constants['loss_bound'])[1])}·{rate}^k after k {_UNIT[descent.claim]}s"
    pl = f"where ½‖∇Φ‖² ≥ μΦ with μ ≥ {at_least(bounds(constants['mu'])[0])}"
    if descent.claim == "minibatch_with_replacement":
        p = at_most(bounds(constants["exit_probability"])[1], 3)
        return (
            f"{inside}, {pl}, with probability at least 1 − {p} over the independent draws; as long as it does, the expected squared distance to the exact fits"
            f" falls by the factor {rate} per step, and E Φ (counted as 0 after an exit) is {loss}"
        )
    if descent.claim == "minibatch_any_order":
        order = (
            "in whatever order the batches of this fixed partition come"
            if descent.order == "fixed"
            else "in every order, with any reshuffling of the data in each epoch"
        )
        return (
            f"{inside} {order}, {pl}; each epoch multiplies the squared distance to the exact fits in the ball by at most {rate}, and Φ is {loss},"
            " so it converges to zero loss"
        )
    return f"{inside}, {pl}, and Φ is {loss}, so it converges to zero loss"
