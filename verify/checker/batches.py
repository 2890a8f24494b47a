"""Which descent takes the steps, read from the certificate and validated: the batches of an epoch, their scales, momentum."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from verify.checker.problem import Problem
from verify.checker.reading import expect, take

__all__ = ["Descent", "read"]


ORDERS = ("any", "fixed", "with_replacement")


class Descent(NamedTuple):
    """Which descent takes the steps, as stored and validated; `scales` are s_b of an epoch's batches of these `sizes`."""

    batch: int
    order: str
    momentum: Fraction
    nesterov: bool
    sizes: list[int]
    scales: list[Fraction]
    single: Fraction

    @property
    def claim(self) -> str:
        """The id of the claim that it belongs to."""
        if self.momentum:
            return "momentum_descent"
        return "minibatch_with_replacement" if self.drawn else "minibatch_any_order"

    @property
    def drawn(self) -> bool:
        """Whether batches are drawn with replacement."""
        return self.order == "with_replacement"


def read(record: Any, loss: str, problem: Problem) -> Descent:
    """Validate the stored descent: only what the claims are about."""
    batch, order, momentum, nesterov, drop = take(record, "batch_size order momentum nesterov drop_last")
    n, k = problem.n, problem.k
    expect(
        type(batch) is int and 1 <= batch <= n and order in ORDERS, "descent: a batch size in 1 … n and a known order"
    )
    expect(isinstance(momentum, Fraction) and 0 <= momentum < 1, "descent: momentum in [0, 1)")
    expect(type(nesterov) is bool and type(drop) is bool, "descent: nesterov and drop_last are truth values")
    drawn, rest = order == "with_replacement", n % batch
    expect(not (momentum and (batch < n or drawn)), "descent: momentum is for the full batch")
    expect(momentum or not nesterov, "descent: Nesterov's form needs momentum")
    expect(momentum or drawn or batch < n, "descent: full-batch gradient descent is no stochastic descent")
    expect(
        not (drop and rest) if not drawn else drop or not rest,
        "descent: an epoch that leaves samples out, or draws of two sizes",
    )

    def scale(size: int) -> Fraction:
        return {"sum": Fraction(1), "mean": Fraction(1, size), "mse": Fraction(2, size * k), "mse_sum": Fraction(2)}[
            loss
        ]

    sizes = [batch] * (n // batch) + ([rest] if rest and not drawn else [])
    return Descent(batch, order, momentum, nesterov, sizes, [scale(size) for size in sizes], scale(1))
