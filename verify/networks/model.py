"""A data set as exact float64 numbers, and the losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from jaxtyping import Float

from verify.arguments import shown, why_no_loss
from verify.errors import InputError

__all__ = ["LOSS_WORDS", "DataSet", "Loss", "loss_scale"]

Loss = Literal["sum", "mean", "mse", "mse_sum"]
LOSS_WORDS: Mapping[str, str] = {
    "sum": "Φ = ½Σ‖F(xᵢ) − yᵢ‖²",
    "mean": "Φ = (1/2n)Σ‖F(xᵢ) − yᵢ‖²",
    "mse": "Φ = (1/nk)Σ‖F(xᵢ) − yᵢ‖², torch.nn.MSELoss()",
    "mse_sum": "Φ = Σ‖F(xᵢ) − yᵢ‖², torch.nn.MSELoss(reduction='sum')",
}


@dataclass(frozen=True)
class DataSet:
    """Inputs X (n, d), or (n, C, H, W), and targets y (n, k), float64, exact and finite."""

    X: Float[np.ndarray, "n ..."]
    y: Float[np.ndarray, "n k"]

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.X.shape[0])

    @property
    def k(self) -> int:
        """Number of outputs."""
        return int(self.y.shape[1])


def loss_scale(loss: Loss, n: int, k: int) -> Fraction:
    """Return s in Φ = (s/2)‖F − y‖², exactly, for n samples and k outputs.

    'sum': 1, Φ = ½Σ‖F(x_i) − y_i‖²; 'mean': 1/n, that divided by n; 'mse': 2/(nk), torch.nn.MSELoss(); 'mse_sum': 2,
    torch.nn.MSELoss(reduction="sum"). Gradient descent with step η on one of them is descent with another step on the others.

    Raises:
        InputError: any other name.
    """
    scales = {"sum": Fraction(1), "mean": Fraction(1, n), "mse": Fraction(2, n * k), "mse_sum": Fraction(2)}
    if not isinstance(loss, str) or loss not in scales:
        expected = ", ".join(f"{name!r} ({words})" for name, words in LOSS_WORDS.items())
        raise InputError(f"loss={shown(loss)}: {why_no_loss(loss) or f'expected {expected}'}")
    return scales[loss]
