"""Two implementations that share no code agree: what the engine proves, the checker accepts."""

from __future__ import annotations

import ast
from array import array
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb, ctx

import verify
from verify.certificates import Certificate
from verify.checker import check
from verify.checker.budgets import Budget
from verify.checker.movement import curvature
from verify.checker.network import Point
from verify.checker.problem import Problem
from verify.checker.reading import Array
from verify.networks import DataSet, Loss, Network, Problem as EngineProblem, linearise, read_network
from verify.networks.curvature import Curvature
from verify.networks.neurons import NeuronBudget
from verify.nn import NTKLinear, Sine
from verify.regions.scopes.refuted import refuted_certificate


def _data(n: int, d: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((n, k))


def _fitted(model: torch.nn.Module, X: np.ndarray, y: np.ndarray, gap: float) -> np.ndarray:
    """Targets at a small distance from the model's outputs."""
    with torch.no_grad():
        F: np.ndarray = model(torch.from_numpy(X)).numpy()
    return F + gap * y


def _net(
    *widths: int, act: type[torch.nn.Module] | Any = torch.nn.Tanh, bias: bool = False, seed: int = 0
) -> torch.nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    modules: list[torch.nn.Module] = []
    for i, (a, b) in enumerate(pairwise(widths)):
        modules += [act()] if i else []
        modules.append(NTKLinear(a, b, bias=bias, generator=generator))
    return torch.nn.Sequential(*modules)


ACTIVATIONS: list[Any] = [
    torch.nn.Tanh,
    torch.nn.Sigmoid,
    torch.nn.SiLU,
    torch.nn.GELU,
    lambda: torch.nn.GELU("tanh"),
    Sine,
    lambda: torch.nn.Softplus(beta=2.0),
]


SHAPES = [((3, 24, 1), True), ((3, 16, 2), False), ((2, 10, 10, 1), True)]


@pytest.mark.parametrize(("index", "shape"), [(i, i % 3) for i in range(7)] + [(0, 2), (5, 1)])
def test_balls(tmp_path: Path, index: int, shape: int) -> None:
    widths, bias = SHAPES[shape]
    X, y = _data(3, widths[0], widths[-1], seed=index)
    model = _net(*widths, act=ACTIVATIONS[index], bias=bias, seed=index)
    loss: Loss = "mean" if index % 2 else "sum"
    certificate = verify.certify(model, X, _fitted(model, X, y, 1e-4), loss=loss)
    assert certificate.verdict == "PROVED"
    certificate.save(tmp_path / "c.zip")
    found = check(tmp_path / "c.zip")
    assert found.accepted, found.failures
    assert found.bits == 128


@pytest.mark.parametrize("scope", ["point", "run", "exact"])
def test_scopes(tmp_path: Path, scope: Any) -> None:
    X, y = _data(3, 2, 1, seed=4)
    model = _net(2, 32, 1, bias=True, seed=4)
    certificate = verify.certify(
        model, X, _fitted(model, X, y, 0.25), scope=scope, lr=None if scope == "point" else "1/8"
    )
    assert certificate.verdict == "PROVED"
    certificate.save(tmp_path / "c")
    found = check(tmp_path / "c")
    assert found.accepted, found.failures
    if scope in ("run", "exact"):
        assert str(certificate.constants["handover_step"]) in found.claims[0]


def _softplus() -> torch.nn.Module:
    return torch.nn.Softplus(beta=2.5)


@pytest.mark.parametrize(
    ("shape", "act"),
    [
        *((shape, torch.nn.SiLU) for shape in [*SHAPES, ((2, 5, 4, 3, 2), True), ((2, 5, 4, 3, 1), True)]),
        (((2, 5, 4, 1), True), _softplus),
    ],
)
def test_curvature_is_the_same_number(shape: tuple[tuple[int, ...], bool], act: Any) -> None:
    """Both write claim layered_curvature by themselves: the engine's rounds up, by no more than rounding."""
    widths, bias = shape
    X, y = _data(3, widths[0], widths[-1])
    network = read_network(_net(*widths, act=act, bias=bias))
    problem = Problem(_as_document(network, X, y))
    engine = Curvature(linearise(network, X))
    with ctx.workprec(128):
        here = Point(problem, problem.parameters())
        turning = curvature(here)
        for radius in (0.0, 0.01, 0.5, 3.0):
            mine, theirs = turning(arb(radius)), engine(radius)
            assert mine <= theirs
            # For several outputs the engine bounds a block's norm by row sums: up to √k larger.
            assert theirs <= mine * (1 + 1e-10 if widths[-1] == 1 else widths[-1])


@pytest.mark.parametrize(("shape", "act"), [(shape, act) for shape in SHAPES[:2] for act in (torch.nn.SiLU, _softplus)])
def test_budget_is_the_same_number(shape: tuple[tuple[int, ...], bool], act: Any) -> None:
    """Both write claim neuron_budget by themselves, for one output and for two, without and with an activation's parameter."""
    widths, bias = shape
    X, y = _data(3, widths[0], widths[-1])
    network = read_network(_net(*widths, act=act, bias=bias))
    problem = Problem(_as_document(network, X, y))
    engine = NeuronBudget(linearise(network, X))
    with ctx.workprec(128):
        here = Point(problem, problem.parameters())
        budget = Budget(here)
        for weight in (0.5, 20.0, 1000.0):
            mine, theirs = budget(weight, 0.0), engine.parabola(weight).intercept
            assert theirs <= mine
            assert mine <= theirs + 1e-10 * abs(theirs) + 1e-12


def _as_document(network: Network, X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    def stored(values: np.ndarray) -> Array:
        return Array(values.shape, array("d", values.ravel().tolist()))

    layers = [
        {
            "weight": stored(layer.weight),
            "bias": None if layer.bias is None else stored(layer.bias),
            "inverse_square_scale": layer.inverse_square_scale,
            "activation": {"name": layer.activation.name, "parameters": dict(layer.activation.parameters)},
        }
        for layer in network.chain
    ]
    return {
        "network": {"layers": layers},
        "data": {"X": stored(X), "y": stored(y)},
        "loss": "sum",
        "loss_scale": Fraction(1),
        "lr": None,
    }


def test_refutation(tmp_path: Path) -> None:
    certificate = verify.certify(_net(2, 4, 1), [[1.0, 2.0], [1.0, 2.0]], [1.0, 2.0])
    assert certificate.verdict == "REFUTED"
    certificate.save(tmp_path / "c.zip")
    assert check(tmp_path / "c.zip").accepted


def test_refutation_compares_whole_samples_of_maps(tmp_path: Path) -> None:
    """Images with the same border are no equal samples, and equal images are not told apart by what their neighbours hold."""
    flat = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 2, dtype=torch.float64), torch.nn.Tanh(), torch.nn.Flatten())
    X, y = np.zeros((4, 1, 3, 3)), np.arange(32.0).reshape(4, 8)
    X[:, 0, 1, 1] = [1.0, 2.0, 3.0, 1.0]
    equal = verify.certify(flat, X, y)
    assert equal.witness["duplicate_pair"] == [0, 3]
    equal.save(tmp_path / "equal.zip")
    assert check(tmp_path / "equal.zip").accepted
    honest = EngineProblem(read_network(flat, (1, 3, 3)), DataSet(X[:3], y[:3]))
    refuted_certificate(honest, "ball", (0, 1)).save(tmp_path / "lie.zip")
    lie = check(tmp_path / "lie.zip")
    assert lie.failures == ("the two samples have different inputs or equal targets",)


def test_more_outputs_than_parameters_is_no_proof(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False, dtype=torch.float64))
    certificate = verify.certify(model, [[1.0], [2.0]], [1.0, 1.0], scope="point")
    assert certificate.verdict == "INCONCLUSIVE"
    certificate.save(tmp_path / "c.zip")
    assert check(tmp_path / "c.zip").verdict == "UNDECIDED"


def test_a_lie_in_the_engines_own_format(tmp_path: Path) -> None:
    """Through the public data classes: another network's certificate, a larger step, a smaller residual."""
    from dataclasses import replace

    X, y = _data(3, 2, 1)
    model = _net(2, 24, 1)
    honest: Certificate = verify.certify(model, X, _fitted(model, X, y, 1e-4), lr="1/16")
    assert honest.verdict == "PROVED"
    for problem in (
        replace(honest.problem, lr=Fraction(1, 8)),
        replace(honest.problem, loss="mean"),
        replace(honest.problem, data=replace(honest.problem.data, y=honest.problem.data.y + 1e-9)),
    ):
        replace(honest, problem=problem).save(tmp_path / "c.zip")
        assert check(tmp_path / "c.zip").verdict == "REJECTED"


def test_the_checker_can_be_read_by_itself() -> None:
    """Short modules of short functions, and no line from the rest of the project."""
    for path in sorted((Path(verify.__file__).parent / "checker").glob("*.py")):
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                assert not any(n.split(".")[0] in ("numpy", "torch", "sympy", "mpmath", "proofs") for n in names), path
                assert all(n.startswith("verify.checker") for n in names if n.startswith("verify")), path
            if isinstance(node, ast.FunctionDef):
                assert sum(isinstance(part, ast.stmt) for part in ast.walk(node)) <= 60, (path, node.name)
        assert len(source.splitlines()) <= 400, path


@pytest.mark.parametrize(("maps", "claim"), [(False, "layered_curvature"), (True, "network_jacobian_change")])
def test_the_bound_of_the_curvature_names_the_claim_it_rests_on(maps: bool, claim: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    first = torch.nn.Conv2d(1, 4, 2) if maps else torch.nn.Linear(9, 16)
    net = torch.nn.Sequential(first, torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(16, 1)).double()
    X, y = torch.randn(2, 1, 3, 3).double(), torch.randn(2).double()
    found = check(verify.certify(net, X if maps else X.flatten(1), y, scope="basin").save(tmp_path / "c.zip"))
    assert {row.source for row in found.steps if row.step == "curvature L_H(ρ)"} == {f"claim {claim}, worst ρ shown"}
