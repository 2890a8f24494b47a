"""What the command line offers to choose from: scopes, losses, orders of batches."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

__all__ = ["LossName", "OrderName", "ScopeName", "descent_options"]


class ScopeName(StrEnum):
    """Scopes of a certificate."""

    auto = "auto"
    point = "point"
    ball = "ball"
    run = "run"
    exact = "exact"
    basin = "basin"
    region = "region"


class LossName(StrEnum):
    """Losses: half the sum of squares, that divided by n, and the two of torch.nn.MSELoss."""

    sum = "sum"
    mean = "mean"
    mse = "mse"
    mse_sum = "mse_sum"


class OrderName(StrEnum):
    """Which batches an epoch of mini-batch descent takes."""

    any = "any"
    fixed = "fixed"
    with_replacement = "with_replacement"


def descent_options(
    batch_size: int | None, order: OrderName, momentum: str | None, nesterov: bool, drop_last: bool
) -> dict[str, Any]:
    """Return the option `descent` where any of its parts is given."""
    from verify.networks.sgd import SGD

    if (batch_size, order, momentum, nesterov, drop_last) == (None, OrderName.any, None, False, False):
        return {}
    beta = 0 if momentum is None else momentum
    return {"descent": SGD(batch_size, order.value, beta, nesterov, drop_last=drop_last)}
