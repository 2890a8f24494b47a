"""Which descent a certificate speaks of, where it is not full-batch gradient descent: torch.optim.SGD as it is practised.

One step on a batch b of samples is θ ← θ − η∇Φ_b(θ) with Φ_b the loss *of the batch as torch forms it*: for a mean, over the samples of the batch,
so that a smaller last batch takes a larger step for each of its samples. In symbols θ ← θ − ηs_bJ_bᵀe_b, s_b the loss's scale for |b| samples.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, get_args

from verify.arguments import entries, exact_count, exact_counts, exact_number, exact_step, shown
from verify.decimals import equal
from verify.errors import InputError
from verify.networks.model import Loss, loss_scale

__all__ = ["SGD", "Order", "batch_scales"]

Order = Literal["any", "fixed", "with_replacement"]
Number = float | int | str | Fraction | Decimal


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent as torch.optim.SGD takes it, for :func:`verify.certify`'s ``descent``.

    Attributes:
        batch_size: samples in a batch; None takes all of them, which is gradient descent.
        order: 'any': each epoch runs through the data once, in an order that may be chosen in any way and anew every time, what
            DataLoader(shuffle=True) does; 'fixed': batches are always the rows 0 … b−1, b … 2b−1, … (DataLoader without shuffling), in any
            order of batches; 'with_replacement': every sample of every batch is drawn independently, RandomSampler(replacement=True).
        momentum: β in [0, 1), exact as given (``0.9`` is that double, ``"0.9"`` is 9/10); full batch only.
        nesterov: torch's nesterov=True.
        lr: step η; None leaves it to `certify`.
        drop_last: as in DataLoader; refused where it would leave samples out of an epoch.
        batches: a partition of one's own, the indices of the samples of each batch, of any sizes (DataLoader's batch_sampler); every epoch runs through these
            batches, in any order. Instead of batch_size, with order 'any' or 'fixed', which then mean the same.
        weight_decay, dampening: must be 0.

    Raises:
        InputError: out of range, or a descent for which nothing is proved; the message says why.
    """

    batch_size: int | None = None
    order: Order = "any"
    momentum: Number = 0
    nesterov: bool = False
    lr: Number | None = None
    drop_last: bool = False
    weight_decay: Number = 0
    dampening: Number = 0
    batches: Sequence[Sequence[int]] | None = None

    def __post_init__(self) -> None:
        """Validate, and keep numbers as the exact rationals they denote."""
        if self.batch_size is not None:
            object.__setattr__(self, "batch_size", exact_count(self.batch_size, "batch_size", least=1))
        if not isinstance(self.order, str) or self.order not in get_args(Order):
            raise InputError(f"order={shown(self.order)}: expected 'any', 'fixed' or 'with_replacement'")
        for name in ("nesterov", "drop_last"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name}={shown(getattr(self, name))}: expected True or False")
        beta, decay = exact_number(self.momentum, "momentum"), exact_number(self.weight_decay, "weight_decay")
        if not 0 <= beta < 1:
            raise InputError(f"momentum={shown(self.momentum)}: expected a number in [0, 1)")
        if decay:
            raise InputError(
                f"weight_decay={shown(self.weight_decay)}: with weight decay no exact fit is a fixed point, so the loss does not go to zero (claim"
                " weight_decay_floor bounds it from below); nothing of this kind is proved. Use weight_decay=0"
            )
        if exact_number(self.dampening, "dampening"):
            raise InputError(
                f"dampening={shown(self.dampening)}: torch's first step takes the whole gradient and every later one the share 1 − dampening, so the buffer"
                " does not begin as momentum_descent has it; nothing is proved of it. Use dampening=0 and a smaller lr"
            )
        if self.nesterov and not beta:
            raise InputError("nesterov=True needs momentum > 0, as in torch")
        if beta and self.order == "with_replacement":
            raise InputError(_BOTH)
        if self.batches is not None:
            object.__setattr__(self, "batches", self._own_batches(beta))
            object.__setattr__(self, "order", "fixed")
        object.__setattr__(self, "momentum", beta)
        object.__setattr__(self, "weight_decay", decay)
        object.__setattr__(self, "lr", exact_step(self.lr))

    def _own_batches(self, beta: Fraction) -> tuple[tuple[int, ...], ...]:
        """Validate a partition as far as that goes without the data."""
        if self.batch_size is not None or self.drop_last:
            raise InputError("batches: they have sizes of their own; leave batch_size and drop_last out")
        if self.order == "with_replacement":
            raise InputError("batches with order='with_replacement': a partition is not drawn; use order='fixed'")
        if beta:
            raise InputError(_BOTH)
        found = []
        for number, batch in enumerate(entries(self.batches, "batches", "lists of samples' indices")):
            found.append(exact_counts(batch, f"batches[{number}]", "samples' indices"))
            if not found[-1]:
                raise InputError(f"batches[{number}]: empty; a batch has at least one sample")
        times = Counter(i for batch in found for i in batch)
        twice = sorted(i for i, count in times.items() if count > 1)
        if twice:
            raise InputError(
                f"batches: sample {twice[0]} comes {times[twice[0]]} times; expected each sample once in an epoch"
            )
        if not found:
            raise InputError("batches: empty; expected at least one batch")
        return tuple(found)

    def on(self, n: int) -> SGD | None:
        """Return this descent for n samples, its step taken out; None where it is full-batch gradient descent.

        Raises:
            InputError: a batch larger than n; samples that an epoch would leave out; momentum with mini-batches.
        """
        if self.batches is not None:
            known = {i for batch in self.batches for i in batch}
            if max(known) >= n:
                raise InputError(f"batches: sample {max(known)}; there are {n} samples, 0 … {n - 1}")
            if len(known) < n:
                left = min(set(range(n)) - known)
                raise InputError(
                    f"batches: sample {left} is in none of them ({n - len(known)} of {n} are missing): an epoch that leaves samples out never fits them"
                )
            return None if len(self.batches) == 1 else replace(self, lr=None)
        b = n if self.batch_size is None else self.batch_size
        if b > n:
            raise InputError(f"batch_size={shown(b)}: there are {n} samples; expected at most that many")
        rest = n % b
        if self.order == "with_replacement" and b < n:
            if rest and not self.drop_last:
                raise InputError(
                    f"batch_size={b} with n = {n}: the last batch of an epoch would hold {rest} of {b} draws, and the claim is for draws of one size;"
                    " pass drop_last=True (as to DataLoader), or a batch size that divides n"
                )
        elif rest and self.drop_last:
            raise InputError(
                f"drop_last=True leaves {rest} of {n} samples out of every epoch: an order that always leaves out the same ones never fits them, so"
                " nothing holds for every order. Use drop_last=False or a batch size that divides n; in a fixed order leave the"
                " samples out of X and y yourself"
            )
        if self.momentum and b < n:
            raise InputError(_BOTH)
        if b == n and self.order != "with_replacement" and not self.momentum:
            return None
        return replace(self, batch_size=b, lr=None)

    @property
    def beta(self) -> Fraction:
        """The momentum, exact."""
        return Fraction(self.momentum)

    def record(self) -> dict[str, Any]:
        """Return what a certificate stores of it."""
        return {
            "batch_size": self.batch_size,
            "order": self.order,
            "momentum": self.beta,
            "nesterov": self.nesterov,
            "drop_last": self.drop_last,
            **({} if self.batches is None else {"batches": [list(batch) for batch in self.batches]}),
        }

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> SGD:
        """Read what :meth:`record` returned."""
        return cls(**record)

    @property
    def claim(self) -> str:
        """Canonical id of the claim that a certificate for this descent rests on."""
        if self.momentum:
            return "momentum_descent"
        return "minibatch_with_replacement" if self.drawn else "minibatch_any_order"

    @property
    def drawn(self) -> bool:
        """Whether batches are drawn with replacement."""
        return self.order == "with_replacement"

    def sizes(self, n: int) -> list[int]:
        """Return the sizes of an epoch's batches."""
        if self.batches is not None:
            return [len(batch) for batch in self.batches]
        b = self.batch_size or n
        return [b] * (n // b) + ([n % b] if n % b and not self.drawn else [])

    def parts(self, n: int) -> list[list[int]] | None:
        """Return the samples of each batch where they are always the same; None else."""
        if self.batches is not None:
            return [list(batch) for batch in self.batches]
        if self.order != "fixed":
            return None
        edges = [0, *itertools.accumulate(self.sizes(n))]
        return [list(range(start, end)) for start, end in itertools.pairwise(edges)]

    def describe(self) -> str:
        """Return what descends, as a clause of a sentence."""
        if self.momentum:
            form = "Nesterov's momentum" if self.nesterov else "heavy-ball momentum"
            return f"gradient descent with {form} β {equal(self.beta)} (torch.optim.SGD, buffer empty at first)"
        if self.order == "with_replacement":
            return f"stochastic gradient descent on batches of {self.batch_size} independent draws"
        if self.batches is not None:
            sizes = sorted(map(len, self.batches))
            least, most = sizes[0], sizes[-1]
            several = f"{least} to {most}" if least < most else f"{most}"
            return f"mini-batch gradient descent on {len(sizes)} given batches of {several} samples"
        return f"mini-batch gradient descent with batches of {self.batch_size}"


_BOTH = (
    "momentum with mini-batches: nothing is proved of it (the buffer carries gradients of other batches, whose residuals may have grown since)."
    " Leave momentum out, or batch_size, batches and order"
)


def batch_scales(loss: Loss, sizes: list[int], k: int) -> list[Fraction]:
    """Return s_b of each batch, exactly: the scale of the loss torch forms of |b| samples with k outputs."""
    return [loss_scale(loss, size, k) for size in sizes]
