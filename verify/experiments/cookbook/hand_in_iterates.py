"""Your own loop, whatever it is: record its parameters, hand them in, get what holds of them and where gradient descent takes over.

Facts are proved of the vectors; how they arose is compared with one step of the stated descent and told, never assumed.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

import verify
from verify.experiments.cookbook.problem import small_problem

LR = 0.1
LOOPS = ("sgd", "momentum", "adam", "float32")


def _optimiser(loop: str, network: torch.nn.Module) -> torch.optim.Optimizer:
    if loop == "adam":
        return torch.optim.Adam(network.parameters(), lr=1e-2)
    return torch.optim.SGD(network.parameters(), lr=LR, momentum=0.8 if loop == "momentum" else 0.0)


def record(loop: str, steps: int = 1500, every: int = 100) -> tuple[Any, Any, Any, list[Any], list[int]]:
    """Train; return (network at the start, X, y, copies of the state, their step numbers): two neighbours, then every hundredth."""
    network, X, y = small_problem()
    if loop == "float32":
        network = network.float()
    start, dtype = copy.deepcopy(network), next(network.parameters()).dtype
    inputs, targets = torch.from_numpy(X).to(dtype), torch.from_numpy(y).to(dtype)[:, None]
    optimiser, loss = _optimiser(loop, network), torch.nn.MSELoss()
    states, numbers = [], []
    for k in range(steps + 1):
        if k < 2 or k % every == 0:
            # state_dict() does not copy.
            states.append(copy.deepcopy(network.state_dict()))
            numbers.append(k)
        optimiser.zero_grad()
        loss(network(inputs), targets).backward()
        optimiser.step()
    return start, X, y, states, numbers


def main(loop: str = "sgd") -> verify.Certificate:
    """Return the certificate of one loop's iterates."""
    start, X, y, states, numbers = record(loop)
    # Plain descent is certified with its own step; after another method the largest step that can be certified is asked for.
    lr = LR if loop in ("sgd", "float32") else None
    certificate = verify.certify(start, X, y, scope="run", loss="mse", lr=lr, iterates=states, iterate_steps=numbers)
    print(f"{loop}: {certificate.verdict}. {certificate.reason}")
    return certificate


if __name__ == "__main__":
    for name in LOOPS:
        main(name)
