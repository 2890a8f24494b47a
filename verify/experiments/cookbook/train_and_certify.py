"""Train with Adam as usual, then certify: from which ball of starts around a fit nearby does gradient descent converge?"""

from __future__ import annotations

import torch

import verify
from verify.experiments.cookbook.problem import small_problem


def main() -> verify.Certificate:
    """Return the certificate."""
    network, X, y = small_problem()
    inputs, targets = torch.from_numpy(X), torch.from_numpy(y)[:, None]
    optimiser, loss = torch.optim.Adam(network.parameters(), lr=1e-2), torch.nn.MSELoss()
    for _ in range(300):
        optimiser.zero_grad()
        loss(network(inputs), targets).backward()
        optimiser.step()
    certificate = verify.certify(network, X, y, scope="basin", loss="mse")
    print(certificate.verdict, certificate.reason)
    return certificate


if __name__ == "__main__":
    main()
