"""Small networks, data and steps, as the engine and as the checker read them."""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb

from verify import nn
from verify.arrays import Ball
from verify.checker.audit import Audit
from verify.checker.problem import Problem
from verify.checker.reading import Array
from verify.networks import Network, linearise, read_network
from verify.networks.linearisation import Linearisation

__all__ = [
    "AT",
    "CASES",
    "EPSILON",
    "LAMBDA",
    "LAST",
    "OFFSET",
    "STATED",
    "TABLE",
    "Case",
    "Recorded",
    "ball_witness",
    "basin_witness",
    "case_of",
    "jacobian_of",
    "region_witness",
    "require_close",
    "softplus",
    "stored",
    "told",
]

EPSILON = 0.03
"""How far inputs may lie from the stored ones."""


def stored(values: Any) -> Array:
    flat = np.asarray(values, dtype=np.float64)
    return Array(flat.shape, array("d", flat.ravel().tolist()))


@dataclass
class Case:
    """A network of NTK parametrisation, data, and a step η; s = 2."""

    network: Network
    X: np.ndarray
    y: np.ndarray
    lr: Fraction = Fraction(1, 64)

    @property
    def document(self) -> dict[str, Any]:
        """What a reader of format 1 has decoded."""
        layers = [
            {
                "weight": stored(layer.weight),
                "bias": None if layer.bias is None else stored(layer.bias),
                "inverse_square_scale": layer.inverse_square_scale,
                "activation": {"name": layer.activation.name, "parameters": dict(layer.activation.parameters)},
            }
            for layer in self.network.chain
        ]
        data = {"X": stored(self.X), "y": stored(self.y)}
        return {
            "network": {"layers": layers},
            "data": data,
            "loss": "mse_sum",
            "loss_scale": Fraction(2),
            "lr": self.lr,
        }

    @staticmethod
    def read(document: dict[str, Any]) -> Problem:
        """The problem that a document is about."""
        return Problem(document)

    @property
    def problem(self) -> Problem:
        """The problem as it is."""
        return Problem(self.document)


def case_of(*widths: int, act: Callable[[], torch.nn.Module] = torch.nn.Tanh, bias: bool = True, n: int = 3) -> Case:
    generator = torch.Generator().manual_seed(sum(widths))
    layers: list[torch.nn.Module] = []
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        layers += [act()] if i else []
        layers.append(nn.NTKLinear(a, b, bias=bias, generator=generator))
    network = read_network(torch.nn.Sequential(*layers))
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, widths[0]))
    y = linearise(network, X).F.mid + 0.1 * rng.standard_normal((n, widths[-1]))
    return Case(network, X, y)


def softplus() -> torch.nn.Module:
    return torch.nn.Softplus(beta=2.5)


CASES = {
    "two layers": lambda: case_of(4, 12, 1),
    "two layers, no bias": lambda: case_of(4, 9, 1, act=softplus, bias=False),
    "three layers": lambda: case_of(4, 7, 5, 1, act=torch.nn.Sigmoid),
    "four layers": lambda: case_of(4, 6, 5, 4, 1),
    "two outputs": lambda: case_of(4, 9, 2, n=2),
}


def require_close(mine: Any, theirs: Any, room: float = 1e-9) -> None:
    found = float(mine.mid()) if isinstance(mine, arb) else float(mine)
    assert found == pytest.approx(float(theirs), rel=room, abs=1e-13)


def jacobian_of(state: Linearisation) -> np.ndarray:
    rows = np.eye(state.n * state.network.outputs)
    return np.stack([np.concatenate([g.mid.ravel() for g in state.gradient(Ball(row))]) for row in rows])


TABLE: dict[str, Any] = {
    "certified_by": "residual",
    "lambda0_lower": 1.0,
    "jacobian_norm0_upper": 2.0,
    "residual0_upper": 0.004,
    "parabolas": [],
    "radii": [0.01, 0.05, 0.1, 0.2, 0.4],
    "curvature": [1.0, 1.1, 1.15, 1.2, 1.3],
    "delta_j": [0.01, 0.06, 0.12, 0.25, 0.55],
    "lambda": [0.9, 0.8, 0.7, 0.6, 0.3],
}
OFFSET, STATED, LAMBDA = 0.02, [0.4, 0.35, 0.3, 0.45], 0.2
AT = {"radius": 0.7, "lambda": LAMBDA, "weight": 20.0, "intercept": 0.3, "reach": 0.0}
LAST = 3


def region_witness(end: np.ndarray, centre: np.ndarray, rho: float, epsilon: float | None, by: str) -> dict[str, Any]:
    """A region of starts within `rho` and of data within `epsilon`, of LAST steps and a hand-over ball about `end`; nothing in it need be true."""
    held = AT | {"centre": stored(centre), "by": by, "reach": 0.3 if by == "local" else 0.0}
    return {
        "start_radius": rho,
        "steps": LAST,
        "end": stored(end),
        "lambda_lower": list(STATED),
        "handover": TABLE | {"residual": {"index": 2}, "offset": OFFSET},
        "region": held,
    } | ({} if epsilon is None else {"data_radius": epsilon})


def ball_witness(centre: np.ndarray | None, epsilon: float | None) -> dict[str, Any]:
    """A ball about the parameters, or about a centre beside them; nothing in it need be true."""
    witness = TABLE | {"residual": {"index": 2}}
    witness |= {} if centre is None else {"centre": stored(centre), "offset": OFFSET}
    return witness | ({} if epsilon is None else {"data_radius": epsilon})


def basin_witness(by: str, centre: np.ndarray) -> dict[str, Any]:
    """A basin about a centre; nothing in it need be true."""
    shared = {name: TABLE[name] for name in TABLE if name not in ("certified_by", "curvature")}
    curved = TABLE["curvature"] if by == "displacement" else None
    midpoints = {} if by == "displacement" else {"midpoints": [[1, 0, 0]]}
    rows = {"zero": 0, "basin": 1, "region": 3}
    return {"certified_by": by, "curvature": curved, "centre": stored(centre), **shared, **rows, **midpoints}


class Recorded(Audit):
    """Keeps the two sides of every inequality as doubles."""

    def __init__(self) -> None:
        super().__init__()
        self.sides: dict[str, list[tuple[float, float]]] = {}
        self.relations: dict[str, str] = {}

    def every(self, name: str, pairs: list[tuple[Any, Any]], relation: str, source: str) -> None:
        self.sides[name] = [(float(low.mid()), float(high.mid())) for low, high in pairs]
        self.relations[name] = relation
        super().every(name, pairs, relation, source)

    def like(self, name: str, expected: list[tuple[float, float]], room: float = 1e-8, relation: str = "<=") -> None:
        """Demand the sides of an inequality, and which one it is."""
        assert self.relations[name] == relation, name
        assert np.asarray(self.sides[name]) == pytest.approx(np.asarray(expected), rel=room, abs=1e-13), name


def told(pattern: str, text: str) -> float:
    """The number that a statement gives behind some words."""
    found = re.search(pattern + r" ?(\d[\d.]*(?:e-?\d+)?)", text)
    assert found, (pattern, text)
    return float(found[1])
