"""Which stochastic descent a certificate is about, and what is known of the Jacobians of its batches at a point."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from typing import Any, NamedTuple

from flint import arb, arb_mat

from verify.checker.enclosures import length, psd_norm, tick, zips
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.reading import expect, take

__all__ = ["Descent", "jacobians", "read", "top"]

ORDERS = ("any", "fixed", "with_replacement")


class Descent(NamedTuple):
    """Which descent takes the steps, as stored and validated; `scales` are s_b of an epoch's batches of these `sizes`.

    `parts` are their samples, where those are always the same; `given`, whether they are lists of one's own.
    """

    batch: int
    order: str
    momentum: Fraction
    nesterov: bool
    sizes: list[int]
    scales: list[Fraction]
    single: Fraction
    parts: list[list[int]] | None
    given: bool

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

    @property
    def words(self) -> str:
        """Say what a batch is."""
        if self.given:
            sizes = sorted(self.sizes)
            several = f"{sizes[0]} to {sizes[-1]}" if sizes[0] < sizes[-1] else f"{sizes[-1]}"
            return f"on the {len(sizes)} stored batches of {several} samples, each with its own loss as for so many samples,"
        return f"on batches of {self.batch} samples, each with its own loss as for so many samples,"

    @property
    def sequence(self) -> str:
        """Say in which order they come, where they are not drawn."""
        if self.given:
            return "these batches in any order in each epoch"
        if self.order == "fixed":
            return "the batches being rows 1 to b, b + 1 to 2b, … in any order in each epoch"
        return "each epoch running through the data once, in any order whatever"


def read(record: Any, loss: str, problem: Problem) -> Descent:
    """Return the stored descent, every field validated against the data's size; what no claim is about refuses the file."""
    batch, order, momentum, nesterov, drop, own = take(
        record, "batch_size order momentum nesterov drop_last", "batches"
    )
    n, k = problem.n, problem.k
    if own is not None:
        lists = isinstance(own, list) and len(own) > 1 and all(isinstance(part, list) and part for part in own)
        expect(
            lists and batch is None,
            "descent: batches of one's own are two lists or more, none empty, without a batch size",
        )
        samples = [i for part in own for i in part]
        expect(
            all(type(i) is int for i in samples) and sorted(samples) == list(range(n)),
            "descent: batches hold each sample once",
        )
        expect(
            order == "fixed" and momentum == 0 and drop is False, "descent: batches of one's own are a fixed partition"
        )
        batch = max(map(len, own))
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

    sizes = [batch] * (n // batch) + ([rest] if rest and not drawn else []) if own is None else list(map(len, own))
    parts = own
    if order == "fixed" and own is None:
        parts = [list(range(end - size, end)) for size, end in zips(sizes, accumulate(sizes))]
    return Descent(
        batch, order, momentum, nesterov, sizes, [scale(size) for size in sizes], scale(1), parts, own is not None
    )


def _sum_of_largest(values: list[Any], count: int) -> Any:
    """Enclose the sum of the `count` largest; ends of balls are exact, so that they can be sorted."""
    return sum(sorted((value.upper() for value in values), reverse=True)[:count], arb(0))


def jacobians(here: Point, descent: Descent) -> tuple[dict[int, Any], Any]:
    """Bound ‖J_b(c)‖² for every batch of each size, and the largest ‖J_i(c)‖².

    ‖J_b‖² is the largest eigenvalue of Θ_bb: at most its trace, its largest row sum of block norms (Frobenius), and ‖Θ‖.
    """
    theta, n, k = here.kernel().tolist(), here.problem.n, here.problem.k
    cuts = [slice(i * k, i * k + k) for i in range(n)]
    tick(n * n * k * k)
    blocks = [[length(x for row in theta[a] for x in row[b]) for b in cuts] for a in cuts]
    diagonal = [blocks[i][i] for i in range(n)]
    largest = _sum_of_largest(diagonal, 1)
    found: dict[int, Any] = {}
    for size in sorted(set(descent.sizes)):
        if descent.drawn:
            found[size] = size * largest
        elif descent.parts is not None:
            rows = [[k * i + a for i in part for a in range(k)] for part in descent.parts if len(part) == size]
            found[size] = top(psd_norm(arb_mat([[theta[a][b] for b in own] for a in own])) for own in rows)
        else:
            sums = _sum_of_largest([_sum_of_largest(row, size) for row in blocks], 1)
            found[size] = psd_norm(here.kernel()).min(_sum_of_largest(diagonal, size)).min(sums)
    return found, largest


def top(values: Any) -> Any:
    """Enclose the maximum of numbers ≥ 0; 0 if there are none."""
    best = arb(0)
    for value in values:
        best = best.max(value)
    return best
