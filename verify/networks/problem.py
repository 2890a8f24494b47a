"""What is minimised, and how: network, data, loss and step as one value, checked once and trusted after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from verify.errors import InputError
from verify.networks.graph import Network
from verify.networks.model import DataSet, Loss, loss_scale
from verify.networks.parameters import Vector, with_parameters
from verify.networks.sgd import SGD

__all__ = ["Problem"]


@dataclass(frozen=True)
class Problem:
    """Gradient descent on the squared loss of a network.

    Attributes:
        network: θ0 and the architecture, exact. data: X and y, exact.
        loss: its name, see :func:`verify.networks.model.loss_scale`. lr: step η, exact; None where no step was given or found.
        descent: which descent takes the step, bound to the data; None is full-batch gradient descent.

    Raises:
        InputError: a loss of another name, a step that is no positive Fraction, a descent not bound to the data.
    """

    network: Network
    data: DataSet
    loss: Loss = "sum"
    lr: Fraction | None = None
    descent: SGD | None = None

    def __post_init__(self) -> None:
        """Refuse what is no exact problem."""
        loss_scale(self.loss, self.data.n, self.data.k)
        if self.lr is not None and not (isinstance(self.lr, Fraction) and self.lr > 0):
            raise InputError(f"lr={self.lr!r}: expected a positive Fraction or None")
        if self.descent is not None and self.descent.on(self.data.n) != self.descent:
            raise InputError(f"descent={self.descent!r}: not bound to {self.data.n} samples")

    @property
    def scale(self) -> Fraction:
        """The loss scale s in Φ = (s/2)‖F − y‖²."""
        return loss_scale(self.loss, self.data.n, self.data.k)

    @property
    def eta(self) -> Fraction:
        """η, where a step has been given or found."""
        assert self.lr is not None
        return self.lr

    @property
    def sgd(self) -> SGD:
        """The descent, where it is not full-batch gradient descent."""
        assert self.descent is not None
        return self.descent

    def at(self, theta: Vector) -> Problem:
        """Return the problem with the parameters θ (p,), exact doubles."""
        return replace(self, network=with_parameters(self.network, theta))

    def stepping(self, lr: Fraction | None) -> Problem:
        """Return the problem with another step."""
        return replace(self, lr=lr)
