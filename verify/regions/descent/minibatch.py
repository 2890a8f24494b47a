"""Epochs of mini-batch descent (or of momentum) in float64: how stochastic runs are made and compared. Nothing here is rigorous, or needs to be."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from verify.arguments import entries, exact_counts, shown
from verify.errors import InputError
from verify.networks import DataSet, Problem
from verify.networks.parameters import Vector
from verify.networks.sgd import SGD, batch_scales
from verify.regions.descent.float64 import Descent

__all__ = ["Epochs", "read_orders", "segments"]


class Epochs:
    """θ ↦ θ after one epoch, the samples in a given order; with momentum an epoch is one full-batch step, and the buffer lives in this object.

    Args:
        problem: with its step and descent. seed: of the orders drawn here.
    """

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        """Prepare; nothing runs yet."""
        self.network, self.data, self.lr, self.descent = problem.network, problem.data, problem.eta, problem.sgd
        self._sizes, self._loss = self.descent.sizes(self.data.n), problem.loss
        self._whole = Descent(
            self.network, self.data, batch_scales(problem.loss, [self.data.n], self.data.k)[0], self.lr
        )
        self._seed = seed
        self._buffer: Vector | None = None

    def order(self, epoch: int) -> np.ndarray:
        """Draw an epoch's samples: a permutation, the batches of a fixed partition in a random order, or independent draws.

        Depends on the seed and the epoch's number alone, so that a run that goes on later takes the same orders.
        """
        n, b, draw = self.data.n, self._sizes[0], np.random.default_rng((self._seed, epoch))
        if self.descent.order == "with_replacement":
            return np.asarray(draw.integers(0, n, size=sum(self._sizes)))
        if self.descent.batches is not None:
            return np.concatenate([self.descent.batches[i] for i in draw.permutation(len(self.descent.batches))])
        if self.descent.order == "fixed":
            # A smaller last batch stays last: only whole batches change places.
            whole = draw.permutation(n // b)
            return np.concatenate([*(np.arange(i * b, (i + 1) * b) for i in whole), np.arange(n - n % b, n)])
        return np.asarray(draw.permutation(n))

    def residual(self, theta: Vector) -> float:
        """‖F(θ) − y‖."""
        return float(np.linalg.norm(self._whole.residual(theta)))

    def run(self, theta: Vector, order: Sequence[int] | np.ndarray) -> Vector:
        """Return the parameters after one epoch (with momentum: after one step, whatever the order)."""
        if self.descent.beta:
            return self._momentum(theta)
        rows_of = segments(np.asarray(order), self.descent, self.data.n)
        scales = batch_scales(self._loss, [rows.size for rows in rows_of], self.data.k)
        for rows, scale in zip(rows_of, scales, strict=True):
            theta = Descent(self.network, DataSet(self.data.X[rows], self.data.y[rows]), scale, self.lr).step(theta)[0]
        return theta

    def _momentum(self, theta: Vector) -> Vector:
        moved = theta - self._whole.step(theta)[0]
        beta = float(self.descent.beta)
        self._buffer = moved if self._buffer is None else beta * self._buffer + moved
        return np.asarray(theta - (moved + beta * self._buffer if self.descent.nesterov else self._buffer))


def segments(order: np.ndarray, descent: SGD, n: int, name: str = "order") -> list[np.ndarray]:
    """Cut an epoch's order into its batches.

    Args:
        name: how an error calls it.

    Raises:
        InputError: the descent has batches of its own, and the order does not run through them.
    """
    if descent.batches is None:
        return np.split(order, list(itertools.accumulate(descent.sizes(n)))[:-1])
    owner, found, at = {i: batch for batch in descent.batches for i in batch}, [], 0
    while at < order.size:
        batch = owner[int(order[at])]
        found.append(order[at : at + len(batch)])
        if set(found[-1].tolist()) != set(batch):
            raise InputError(
                f"{name}: from place {at} on it takes samples {found[-1].tolist()[:6]}, which are none of the batches given; expected the samples of one"
                " batch after another"
            )
        at += len(batch)
    return found


def read_orders(values: Any, descent: SGD, n: int) -> Iterator[np.ndarray]:
    """Yield the recorded order of each epoch, one at a time.

    Args:
        values: for each epoch the indices of its samples, in order: a permutation of 0 … n − 1, or the draws where sampling is with replacement.

    Raises:
        InputError: another length, an index out of range, or an order that is no permutation.
    """
    length = sum(descent.sizes(n))
    for epoch, value in enumerate(entries(values, "orders", "orders, one an epoch")):
        found = exact_counts(value, f"orders[{epoch}]", "samples' indices")
        if len(found) != length:
            raise InputError(f"orders[{epoch}]: {len(found)} indices; expected the {length} of an epoch")
        if max(found) >= n:
            raise InputError(f"orders[{epoch}]: index {shown(max(found))}; expected 0 … {n - 1}")
        order = np.array(found)
        if descent.order != "with_replacement" and np.unique(order).size != n:
            raise InputError(f"orders[{epoch}]: a sample comes twice; expected each of 0 … {n - 1} once")
        segments(order, descent, n, f"orders[{epoch}]")
        yield order
