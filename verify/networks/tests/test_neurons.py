"""λ_min over a ball from the neurons' shared budget: attacked in floats, settled in Arb with zero tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb

from verify.arrays import Ball, smallest_eigenvalue
from verify.errors import InputError
from verify.networks import kernel_of, linearise, neurons
from verify.networks.curvature import Curvature
from verify.networks.graph import Network, chain
from verify.networks.neurons import NeuronBudget
from verify.networks.parameters import with_parameters
from verify.networks.tests.arb_reference import jacobian
from verify.networks.tests.test_curvature import (
    Array,
    _torch_jet,
    difference,
    drawn,
    flat,
    inside,
    layer,
    mutated,
    precision,
    squares,
)

ONE = np.ones((1, 1))


def _at(network: Network, theta: list[float]) -> Network:
    """The network with other parameters."""
    layers, at = [], 0
    for la in network.chain:
        count = la.weight.size
        weight = np.array(theta[at : at + count]).reshape(la.weight.shape)
        at += count
        bias = None
        if la.bias is not None:
            bias = np.array(theta[at : at + la.bias.size])
            at += la.bias.size
        layers.append(type(la)(weight, bias, la.inverse_square_scale, la.activation))
    return chain(tuple(layers))


def _kernel(network: Network, X: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """Approximate NTK of a network with one hidden layer, by its layer sum."""
    hidden, output = network.chain
    (m, d), k = hidden.weight.shape, output.weight.shape[0]
    s1, s2 = float(hidden.inverse_square_scale) ** -0.5, float(output.inverse_square_scale) ** -0.5
    w, at = theta[: m * d].reshape(m, d), m * d
    z, a = s1 * X @ w.T, s1 * X
    if hidden.bias is not None:
        z, a, at = z + theta[at : at + m], torch.cat([a, torch.ones(len(X), 1, dtype=a.dtype)], 1), at + m
    v = theta[at : at + k * m].reshape(k, m)
    f, f1, _ = _torch_jet(hidden.activation.name, z)
    b = (s2 * v[None, :, :] * f1[:, None, :]).reshape(-1, m)
    features = s2 * s2 * f @ f.T + (1.0 if output.bias is not None else 0.0)
    ones, eye = torch.ones(k, k, dtype=a.dtype), torch.eye(k, dtype=a.dtype)
    kernel: torch.Tensor = (b @ b.T) * torch.kron(a @ a.T, ones) + torch.kron(features, eye)
    return kernel


def attack(network: Network, X: Array, radius: float, steps: int = 60, restarts: int = 2) -> Array:
    """Search the displacement in the ball that makes λ_min(Θ) smallest."""
    centre, inputs = torch.from_numpy(flat(network)), torch.from_numpy(X)
    generator = torch.Generator().manual_seed(0)
    best, found = np.inf, np.zeros(centre.numel())
    for _ in range(restarts):
        d = torch.randn(centre.numel(), generator=generator, dtype=torch.float64).requires_grad_()
        optimiser = torch.optim.Adam([d], lr=0.1)
        for _ in range(steps):
            moved = d * radius / torch.clamp(d.norm(), min=1.0)
            value = torch.linalg.eigvalsh(_kernel(network, inputs, centre + moved))[0]
            if float(value.detach()) < best:
                best, found = float(value.detach()), moved.detach().numpy().copy()
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
    return found


def combined(rows: list[list[Any]], weights: list[float]) -> list[arb]:
    """wᵀM, enclosed."""
    return [sum((x * arb(w) for x, w in zip(c, weights, strict=True)), arb(0)) for c in zip(*rows, strict=True)]


def certain_upper(network: Network, X: Array, theta: list[float]) -> arb:
    """A Rayleigh quotient ‖Jᵀw‖²/‖w‖² of the exact kernel at the doubles `theta`: at least λ_min(Θ(θ))."""
    moved = _at(network, theta)
    approx = np.linalg.eigh(kernel_of(linearise(moved, X)).mid)[1][:, 0].tolist()
    rows = jacobian(moved, X)
    return squares(combined(rows, approx)) / squares(approx)


@dataclass(frozen=True)
class Case:
    network: Network
    X: Array
    share: float  # the radius, as a part of the radius at which the budget's bound reaches 0
    loose: float  # the attack must consume at least this part of the loss λ0 − bound


DRAWN = np.random.default_rng(8).standard_normal((3, 2))
CASES: dict[str, Case] = {
    "linear": Case(chain((layer([[0.8]]), layer([[0.6]]))), ONE, 0.9, 0.99),
    "linear, wide": Case(drawn([1, 8, 1], ["identity", "identity"], 2, bias=False), ONE, 0.7, 0.99),
    "tanh": Case(drawn([2, 8, 1], ["tanh", "identity"], 1, ntk=True, bias=False), DRAWN, 0.6, 0.05),
    "sine, two outputs": Case(drawn([2, 6, 2], ["sine", "identity"], 3, ntk=True), DRAWN[:2], 0.8, 0.05),
    "silu, biases": Case(drawn([2, 8, 1], ["silu", "identity"], 4), DRAWN, 0.5, 0.05),
    "no output weights": Case(chain((layer([[0.3], [-0.8]], "sine"), layer(np.zeros((1, 2))))), ONE, 0.8, 0.3),
}


def weights(budget: NeuronBudget) -> list[float]:
    """A grid of m' that is the test's own."""
    return [float(w) for w in float(np.median(budget.omega_upper)) * np.geomspace(0.02, 500.0, 15)]


@pytest.mark.parametrize("name", CASES)
def test_no_kernel_in_the_ball_is_below_the_parabolas(name: str) -> None:
    case = CASES[name]
    state = linearise(case.network, case.X)
    budget = NeuronBudget(state)
    parabolas = [budget.parabola(w) for w in weights(budget)]
    radius = case.share * max(float(np.sqrt(p.intercept / p.weight)) for p in parabolas if p.intercept > 0.0)
    theta = inside(flat(case.network), attack(case.network, case.X, radius), radius)
    best = max(float(p(Ball(radius)).lower()) for p in parabolas)
    lambda0 = float(smallest_eigenvalue(kernel_of(state)).lower())
    with precision():
        value = certain_upper(case.network, case.X, theta)
        for p in parabolas:
            assert bool(value >= arb(p.intercept) - arb(p.weight) * arb(radius) * arb(radius))
        assert 0.0 < best < lambda0
        assert bool(arb(lambda0) - value >= arb(case.loose) * (arb(lambda0) - arb(best)))


def test_one_linear_neuron_is_bounded_exactly() -> None:
    """F = v·w·x: λ = v² + w² = 1 at the centre and (1 − ρ)² at worst; the best parabola says that, to rounding."""
    for rho in (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)):
        network = chain((layer([[0.8]]), layer([[0.6]])))
        budget = NeuronBudget(linearise(network, ONE))
        parabola = budget.parabola(float(1 / rho - 1))
        claimed = Fraction(parabola.intercept) - Fraction(parabola.weight) * rho * rho
        squared = Fraction(0.8) ** 2 + Fraction(0.6) ** 2  # λ0, within 1e-16 of 1
        # λ_min ≥ c on the ball iff (√λ0 − ρ)² ≥ c iff √λ0 ≥ ρ + √c: compare squares of rationals.
        rest = squared - rho * rho - claimed
        assert rest >= 0
        assert rest**2 >= 4 * rho * rho * claimed
        assert float((1 - rho) ** 2 - claimed) < 1e-12


def test_one_linear_neuron_is_bounded_exactly_from_above() -> None:
    """F = v·w·x: ‖J‖² = v² + w² = 1 at the centre and (1 + ρ)² at most; m'' = 1 + 1/ρ says that, to rounding."""
    budget = NeuronBudget(linearise(chain((layer([[0.8]]), layer([[0.6]]))), ONE))
    squared = Fraction(0.8) ** 2 + Fraction(0.6) ** 2  # ‖J‖² at the centre, within 1e-16 of 1
    for rho in (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)):
        above = budget.parabola_above(float(1 + 1 / rho))
        claimed = Fraction(above.intercept) + Fraction(above.weight) * rho * rho
        # (√ν + ρ)² ≤ c iff 2ρ√ν ≤ c − ν − ρ².
        rest = claimed - squared - rho * rho
        assert rest >= 0
        assert rest**2 >= 4 * rho * rho * squared
        assert float(claimed - (1 + rho) ** 2) < 1e-12


@pytest.mark.parametrize("name", CASES)
def test_no_jacobian_in_the_ball_is_above_the_bound(name: str) -> None:
    case = CASES[name]
    budget = NeuronBudget(linearise(case.network, case.X))
    centre, rng = flat(case.network), np.random.default_rng(5)

    def top(theta: Array) -> float:
        return float(np.linalg.eigvalsh(kernel_of(linearise(with_parameters(case.network, theta), case.X)).mid)[-1])

    for radius in (0.1, 1.0):
        [above] = budget.above(radius)
        best = 0.0
        for start in (centre, rng.standard_normal(centre.size)):
            theta = centre + 0.3 * radius * start / np.linalg.norm(start)
            for k in range(12):
                slope = np.array([top(theta + 1e-5 * e) - top(theta - 1e-5 * e) for e in np.eye(centre.size)])
                theta = theta + radius * 0.8**k * slope / max(float(np.linalg.norm(slope)), 1e-300)
                theta = centre + (theta - centre) * min(1.0, radius / float(np.linalg.norm(theta - centre)))
                best = max(best, top(theta))
        assert top(centre) < best <= (above.intercept + above.weight * radius**2) * (1.0 + 1e-12)
    with pytest.raises(InputError, match="above every"):
        budget.parabola_above(0.5 * float(budget.omega_upper.max()))


def test_the_shared_budget_outlives_the_norm_of_the_change() -> None:
    """What the claim is for: a positive bound on a ball where (√λ0 − Δ_J)² has long vanished."""
    network = drawn([2, 200, 1], ["tanh", "identity"], 6, ntk=True, bias=False)
    state = linearise(network, DRAWN)
    lambda0 = float(smallest_eigenvalue(kernel_of(state)).lower())
    curvature, radius = Curvature(state), 0.0
    while radius * curvature(radius) < lambda0**0.5:
        radius += 0.05
    assert (
        max(float(p(Ball(1.2 * radius)).lower()) for p in NeuronBudget(state).parabolas(1.2 * radius)) > 0.1 * lambda0
    )


def test_where_the_claim_does_not_apply_is_refused() -> None:
    deep = linearise(drawn([2, 2, 2, 1], ["tanh", "tanh", "identity"], 0), DRAWN)
    ends = linearise(drawn([2, 2, 1], ["tanh", "tanh"], 0), DRAWN)
    for state in (deep, ends):
        assert not NeuronBudget.applies(state)
        with pytest.raises(InputError, match="one hidden layer"):
            NeuronBudget(state)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf"), float("nan")])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    budget = NeuronBudget(linearise(CASES["linear"].network, ONE))
    with pytest.raises(InputError, match="weight"):
        budget.parabola(weight)


# ------------------------------------------------------------------ ω_r, one neuron at a time


@dataclass(frozen=True)
class Move:
    """One neuron moved: a network of width 1 and the move of (w, b, v)."""

    network: Network
    X: Array
    move: list[float]
    loose: float


MOVES: dict[str, Move] = {
    # tanh near its inflection, |v|x large: the second derivative's share dominates.
    "bend": Move(chain((layer(0.6584789, "tanh"), layer(50.0))), ONE, [1e-3, 0.0], 1.1),
    "bend, small input": Move(chain((layer(3.2923945, "tanh"), layer(900.0))), 0.2 * ONE, [1e-3, 0.0], 1.1),
    "bend, large input": Move(chain((layer(0.16461973, "tanh"), layer(50.0))), 4.0 * ONE, [1e-4, 0.0], 1.1),
    "bend, four outputs": Move(
        chain((layer(0.6584789, "tanh"), layer(np.full((4, 1), 20.0)))), ONE, [1e-3, 0, 0, 0, 0], 1.1
    ),
    "bend, equal samples": Move(chain((layer(0.6584789, "tanh"), layer(50.0))), np.ones((4, 1)), [1e-3, 0.0], 1.1),
    "slope": Move(chain((layer(0.0, "tanh"), layer(0.0))), ONE, [0.0, 1e-3], 1.01),
    "slope above 1": Move(chain((layer(2.39935728, "silu"), layer(0.0))), ONE, [0.0, 1e-3], 1.01),
    "bias": Move(chain((layer(0.0, "tanh", bias=0.0), layer(0.0))), 0.1 * ONE, [0.0, 0.0, 1e-3], 1.01),
    "both": Move(chain((layer(0.5, "tanh"), layer(1.0))), ONE, [-0.3, 0.4], 4.0),
}


def certain_change(case: Move) -> arb:
    """A lower bound of ‖D‖²/t²: ‖Dᵀw‖²/(‖w‖²t²), w an approximate top direction of D = J(θ) − J(θ0)."""
    centre = flat(case.network)
    theta = (centre + np.array(case.move)).tolist()
    there, here = jacobian(_at(case.network, theta), case.X), jacobian(case.network, case.X)
    change = [difference(x, y) for x, y in zip(there, here, strict=True)]
    # One neuron only: no output bias in these networks, so every column belongs to it.
    approx = np.array([[float(c.mid()) for c in row] for row in change])
    w = np.linalg.svd(approx)[0][:, 0].tolist()
    moved = squares(difference(theta, centre.tolist()))
    return squares(combined(change, w)) / (squares(w) * moved)


@pytest.mark.parametrize("name", MOVES)
def test_no_move_of_a_neuron_changes_its_jacobian_by_more_than_omega(name: str) -> None:
    case = MOVES[name]
    omega = float(NeuronBudget(linearise(case.network, case.X)).omega_upper[0])
    with precision():
        value = certain_change(case)
        assert bool(value <= arb(omega))
        assert bool(value * arb(case.loose) >= arb(omega)), f"looser than {case.loose}: {omega} against {value}"


OMEGA_MUTANTS: list[tuple[str, str, str]] = [
    ("bend", "s2 = Ball(hidden.activation.supremum(2))", "s2 = Ball(0.0)"),
    ("bend", "q * q * Ball(0.5)", "q * q * Ball(0.25)"),
    ("bend", "p * p + q * q * Ball(0.25)", "p * p"),
    (
        "bend, small input",
        "sqrt_of_nonnegative(largest_eigenvalue(inputs * inputs))",
        "largest_eigenvalue(inputs * inputs)",
    ),
    ("bend, large input", "sqrt_of_nonnegative(largest_eigenvalue(inputs * inputs))", "state.data_norm"),
    ("bend, equal samples", "inputs * inputs", "(inputs * inputs)[:1, :1]"),
    ("bend, four outputs", "Ball(output.weight).norm(axis=0)", "Ball(np.abs(output.weight).max(axis=0))"),
    ("slope", "p = s1 * size", "p = Ball(0.5) * s1 * size"),
    ("slope above 1", "s1 = Ball(hidden.activation.supremum(1))", "s1 = Ball(1.0)"),
    ("bias", "size, squares = state.data_norm,", "size, squares = state.A[0][:, :1].norm(),"),
]


@pytest.mark.parametrize(("name", "old", "new"), OMEGA_MUTANTS)
def test_mutants_of_omega_are_refuted(name: str, old: str, new: str) -> None:
    case = MOVES[name]
    omega = float(mutated(neurons, old, new).NeuronBudget(linearise(case.network, case.X)).omega_upper[0])
    with precision():
        assert bool(certain_change(case) > arb(omega))


@pytest.mark.parametrize("name", CASES)
def test_kernels_made_at_once_are_those_made_one_by_one(name: str) -> None:
    budget = NeuronBudget(linearise(CASES[name].network, CASES[name].X))
    roots = np.sqrt(budget.shares(np.array(weights(budget)[:5])[:, None]))
    several = budget._kernels(roots)
    for found, radii, root in zip(several.mid, several.rad, roots, strict=True):
        single = budget._kernel(root)
        # A BLAS may sum the products of a stack in another order.
        assert np.abs(found - single.mid) == pytest.approx(0.0, abs=1e-14 * float(np.abs(single.mid).max()))
        assert radii == pytest.approx(single.rad, rel=1e-12)


PARABOLA_MUTANTS: list[tuple[str, str]] = [
    # Young's inequality without its price, and the price charged to one block only.
    ("return np.maximum(kept, 0.0)", "return 0.5 + 0.5 * np.maximum(kept, 0.0)"),
    ("return self._weighted(state.a_rows[1], root),", "return state.a_rows[1],"),
    ("self._weighted(state.b_rows[0], root))", "state.b_rows[0])"),
    ("Parabola(weight, low)", "Parabola(0.5 * weight, low)"),
    ("Ball(self.weight) * radius * radius", "Ball(self.weight) * radius * radius * radius"),
]


@pytest.mark.parametrize(("old", "new"), PARABOLA_MUTANTS)
def test_mutants_of_the_parabola_are_refuted(old: str, new: str) -> None:
    """One linear neuron at (w, v) = (0.8, 0.6): moved straight towards 0 by ρ = ½, λ = (1 − ρ)² = ¼."""
    network = CASES["linear"].network
    theta = inside(flat(network), -flat(network), 0.5)
    parabola = mutated(neurons, old, new).NeuronBudget(linearise(network, ONE)).parabola(1.0)
    with precision():
        assert bool(certain_upper(network, ONE, theta) < arb(float(parabola(Ball(0.5)).lower())))
