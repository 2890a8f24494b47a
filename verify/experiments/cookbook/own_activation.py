"""An activation of your own: written with functions that are read, it is read; any other is refused, with what can be done."""

from __future__ import annotations

import torch
from torch.nn import functional

import verify
from verify.experiments.cookbook.problem import small_problem


class SharpSoftplus(torch.nn.Module):
    """log(1 + e^{4x})/4."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        return functional.softplus(x, beta=4.0)


class Cubed(torch.nn.Module):
    """x³: no Lipschitz constant, and no enclosure here."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        return x**3


class TwoLayers(torch.nn.Module):
    """One hidden layer with an activation of one's own."""

    def __init__(self, activation: torch.nn.Module) -> None:
        """Linear 6 → 48 → 1."""
        super().__init__()
        self.first, self.activation, self.last = torch.nn.Linear(6, 48), activation, torch.nn.Linear(48, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        y: torch.Tensor = self.last(self.activation.forward(self.first(x)))
        return y


def main() -> tuple[str, str]:
    """Return the verdict of the one and the refusal of the other."""
    _, X, y = small_problem()
    torch.manual_seed(0)
    verdict = verify.certify(TwoLayers(SharpSoftplus()).double(), X, y, scope="basin").verdict
    try:
        refusal = str(verify.certify(TwoLayers(Cubed()).double(), X, y, scope="basin"))
    except verify.errors.UnsupportedLayerError as error:
        refusal = str(error)
    print(verdict, refusal, sep="\n")
    return verdict, refusal


if __name__ == "__main__":
    main()
