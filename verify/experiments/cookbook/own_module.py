"""A module with a forward of its own: read through torch.fx, certified like a Sequential, and the same function."""

from __future__ import annotations

import torch
from torch.nn import functional

import verify
from verify.experiments.cookbook.problem import small_problem


class Regressor(torch.nn.Module):
    """Two hidden layers, functional activations, an encoder of its own."""

    def __init__(self) -> None:
        """Linear 6 → 24 → 24 → 1."""
        super().__init__()
        self.encoder = torch.nn.Sequential(torch.nn.Linear(6, 24), torch.nn.GELU())
        self.middle, self.head = torch.nn.Linear(24, 24), torch.nn.Linear(24, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply it."""
        hidden = functional.silu(self.middle(self.encoder(x)))
        y: torch.Tensor = self.head(hidden)
        return y


def main() -> verify.Certificate:
    """Return the certificate."""
    _, X, y = small_problem()
    torch.manual_seed(0)
    certificate = verify.certify(Regressor().double(), X, y, scope="basin", loss="mse")
    print(repr(certificate), certificate.reason, sep="\n")
    return certificate


if __name__ == "__main__":
    main()
