"""L_H(r) against true second derivatives: attacked in floats, then settled in Arb with zero tolerance."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from flint import arb, ctx

from verify.arrays import Ball
from verify.errors import InputError
from verify.networks import curvature, linearise
from verify.networks.activations import activation_named
from verify.networks.curvature import Curvature
from verify.networks.graph import Network, Pair, chain
from verify.networks.layers import norms
from verify.networks.tests.arb_reference import PRECISION, along
from verify.regions.neighbourhood.ingredients import Ingredients, tabulate

Array = np.ndarray


@contextmanager
def precision(bits: int = PRECISION) -> Iterator[None]:
    old, ctx.prec = ctx.prec, bits
    try:
        yield
    finally:
        ctx.prec = old


# ------------------------------------------------------------------ networks, flat parameters, exact distances


def layer(weight: object, activation: str = "identity", bias: object = None, scale: int = 1) -> Pair:
    w = np.atleast_2d(np.asarray(weight, dtype=np.float64))
    b = None if bias is None else np.atleast_1d(np.asarray(bias, dtype=np.float64))
    return Pair(w, b, scale, activation_named(activation))


def drawn(
    sizes: Sequence[int],
    activations: Sequence[str],
    seed: int,
    *,
    size: float = 1.0,
    bias: bool = True,
    ntk: bool = False,
) -> Network:
    rng = np.random.default_rng(seed)
    return chain(
        tuple(
            layer(
                size * rng.standard_normal((m, d)),
                name,
                size * rng.standard_normal(m) if bias else None,
                d if ntk else 1,
            )
            for d, m, name in zip(sizes[:-1], sizes[1:], activations, strict=True)
        )
    )


def flat(network: Network) -> Array:
    """All parameters, layer by layer, weight row-major, then bias: the order of arb_reference."""
    parts = []
    for la in network.chain:
        parts.append(la.weight.reshape(-1))
        if la.bias is not None:
            parts.append(la.bias)
    return np.concatenate(parts)


def squares(values: Iterable[Any]) -> arb:
    """Σx², enclosed, for doubles or Arb balls; by products, as Arb's power is NaN over a ball that meets 0."""
    return sum((x * x for x in map(arb, values)), arb(0))


def difference(a: Iterable[Any], b: Iterable[Any]) -> list[arb]:
    """a − b, enclosed."""
    return [arb(x) - arb(y) for x, y in zip(a, b, strict=True)]


def inside(centre: Array, direction: Array, radius: float) -> list[float]:
    """A double point along `direction`, certainly within `radius` of `centre`."""
    length = float(np.linalg.norm(direction))
    share = min(1.0, radius / length) if length > 0.0 else 0.0
    point = list((centre + direction * share * (1.0 - 1e-12)).tolist())
    if share == 0.0 or not bool(squares(difference(point, centre.tolist())).sqrt() <= arb(radius)):
        point = centre.tolist()
    return point


# ------------------------------------------------------------------ the attack, in floats (only a search)


def _torch_jet(name: str, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    if name == "identity":
        return z, torch.ones_like(z), torch.zeros_like(z)
    if name == "tanh":
        t = torch.tanh(z)
        return t, 1 - t**2, -2 * t * (1 - t**2)
    if name == "sine":
        return torch.sin(z), torch.cos(z), -torch.sin(z)
    assert name == "silu"
    s = torch.sigmoid(z)
    p = s * (1 - s)
    return z * s, s + z * p, p * (2 + z * (1 - 2 * s))


def _second(
    network: Network, X: torch.Tensor, theta: torch.Tensor, u: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Approximate (DF[u], D²F[u, u]) by forward recursion."""
    h, dh, ddh, at = X, torch.zeros_like(X), torch.zeros_like(X), 0
    for la in network.chain:
        m, d = la.weight.shape
        s = float(la.inverse_square_scale) ** -0.5
        w, v = theta[at : at + m * d].reshape(m, d) * s, u[at : at + m * d].reshape(m, d) * s
        at += m * d
        z, dz, ddz = h @ w.T, h @ v.T + dh @ w.T, 2 * dh @ v.T + ddh @ w.T
        if la.bias is not None:
            z, dz = z + theta[at : at + m], dz + u[at : at + m]
            at += m
        f, f1, f2 = _torch_jet(la.activation.name, z)
        h, dh, ddh = f, f1 * dz, f2 * dz**2 + f1 * ddz
    return dh.reshape(-1), ddh.reshape(-1)


def attack(network: Network, X: Array, radius: float, steps: int = 60, restarts: int = 2) -> tuple[Array, Array]:
    """Search (displacement, direction) that maximise ‖D²F(θ0 + displacement)[u, u]‖ over the ball and unit u."""
    centre, inputs = torch.from_numpy(flat(network)), torch.from_numpy(X)
    generator = torch.Generator().manual_seed(0)
    best, found = -1.0, (np.zeros(centre.numel()), np.ones(centre.numel()))
    for _ in range(restarts):
        d, u = (
            torch.randn(centre.numel(), generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2)
        )
        optimiser = torch.optim.Adam([d, u], lr=0.1)
        for _ in range(steps):
            moved, unit = d * radius / torch.clamp(d.norm(), min=1.0), u / u.norm()
            value = _second(network, inputs, centre + moved, unit)[1].norm()
            size = float(value.detach())
            if size > best:
                best, found = size, (moved.detach().numpy().copy(), unit.detach().numpy().copy())
            if size == 0.0:
                break
            optimiser.zero_grad()
            (-torch.log(value)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return found


def certain_ratio(network: Network, X: Array, radius: float, found: tuple[Array, Array]) -> arb:
    """‖D²F(θ)[u, u]‖/‖u‖², enclosed, at a double θ that is certainly in B(θ0, radius): a lower bound of L_H's supremum."""
    base, u = inside(flat(network), found[0], radius), found[1].tolist()
    series = along(network, X, u, 2, base=base)
    return squares(2 * s[2] for s in series).sqrt() / squares(u)


# ------------------------------------------------------------------ cases; the second number is the looseness allowed


@dataclass(frozen=True)
class Case:
    network: Network
    X: Array
    radius: float
    loose: float  # the bound may exceed the attacked value by this factor at most


ONE = np.ones((1, 1))
DRAWN = np.random.default_rng(5).standard_normal((3, 2))

CASES: dict[str, Case] = {
    # Nearly attained: one term of the derivation dominates in each.
    "two linear layers": Case(chain((layer(0.7), layer(-0.4))), ONE, 1.0, 1.01),
    "two linear layers, equal samples": Case(chain((layer(0.5), layer(0.3))), np.ones((4, 1)), 0.0, 1.01),
    "bias only": Case(chain((layer(0.5, bias=0.2), layer(0.3))), np.zeros((1, 1)), 0.5, 1.01),
    "final activation": Case(chain((layer(np.zeros((2, 1)), "silu"),)), ONE, 0.3, 1.01),
    "slope above 1": Case(chain((layer(2.3993572805154675, "silu"), layer(0.0))), ONE, 0.0, 1.01),
    "outputs, second derivative": Case(
        chain((layer(0.06584789484624084, "tanh"), layer(np.full((4, 1), 3.0)))), np.full((1, 1), 10.0), 0.0, 1.1
    ),
    "outputs, first derivative": Case(chain((layer(0.0), layer(0.0), layer(np.ones((4, 1))))), ONE, 0.0, 1.01),
    "output weight moves": Case(chain((layer(0.2, "tanh"), layer(0.0))), np.full((1, 1), 3.0), 3.0, 2.0),
    "three linear layers from 0": Case(chain((layer(0.0), layer(0.0), layer(0.0))), ONE, 1.5, 1.8),
    # Generic: samples, outputs, biases, depths, parametrisations.
    "one hidden": Case(drawn([2, 3, 1], ["tanh", "identity"], 1), DRAWN, 0.1, 6.0),
    "one hidden, three outputs": Case(drawn([2, 3, 3], ["sine", "identity"], 2, ntk=True), DRAWN, 0.3, 6.0),
    "two hidden": Case(drawn([2, 2, 3, 2], ["silu", "tanh", "identity"], 3, ntk=True), DRAWN, 0.2, 25.0),
    "ends with an activation": Case(drawn([2, 2, 2, 2], ["tanh", "sine", "silu"], 4), DRAWN, 0.2, 25.0),
    "four hidden": Case(
        drawn([2, 2, 1, 2, 2, 1], ["silu", "tanh", "sine", "tanh", "identity"], 5, ntk=True), DRAWN[:2], 0.1, 100.0
    ),
}


@pytest.fixture(scope="module")
def attacked() -> dict[str, arb]:
    """Per case a certain lower bound of sup ‖D²F[u, u]‖/‖u‖² over the ball."""
    torch.set_num_threads(1)
    with precision():
        return {
            name: certain_ratio(c.network, c.X, c.radius, attack(c.network, c.X, c.radius)) for name, c in CASES.items()
        }


@pytest.mark.parametrize("name", CASES)
def test_no_second_derivative_in_the_ball_exceeds_the_bound(name: str, attacked: dict[str, arb]) -> None:
    case = CASES[name]
    bound = Curvature(linearise(case.network, case.X))(case.radius)
    with precision():
        assert bool(attacked[name] <= arb(bound))
        assert bool(attacked[name] * arb(case.loose) >= arb(bound)), (
            f"looser than a factor {case.loose}: {bound} against {attacked[name]}"
        )


def test_the_bound_does_not_decrease_with_the_radius() -> None:
    radii = [0.0, 1e-300, 1e-8, 1e-3, 0.1, 1.0, 10.0]
    for case in CASES.values():
        bound = Curvature(linearise(case.network, case.X))
        values = [bound(r) for r in radii]
        assert values == sorted(values)


@pytest.mark.parametrize("name", CASES)
def test_many_radii_at_once_and_approximate_norms_give_the_same_function(name: str) -> None:
    state = linearise(CASES[name].network, CASES[name].X)
    radii = np.array([0.0, 1e-8, 0.1, 1.0, 10.0])
    bound = Curvature(state)
    together = bound(radii)
    assert together.shape == (5,)
    assert together == pytest.approx([bound(float(r)) for r in radii], rel=1e-14)
    # A guess, from below: near enough to say where a search is worth while.
    guess = Curvature.approx(state)(radii)
    assert guess == pytest.approx(together, rel=1e-2)
    # The same formulas in doubles, from the same norms.
    assert bound.guess(radii) == pytest.approx(together, rel=1e-12)
    assert Curvature.approx_floor(state) <= together[0] * (1 + 1e-12)


def test_a_linear_model_has_no_curvature() -> None:
    bound = Curvature(linearise(drawn([3, 2], ["identity"], 0), np.eye(3)))(7.0)
    assert bound == 0.0


@pytest.mark.parametrize("radius", [-1.0, float("nan")])
def test_a_radius_that_is_none_is_refused(radius: float) -> None:
    with pytest.raises(InputError, match="radius"):
        Curvature(linearise(CASES["bias only"].network, np.zeros((1, 1))))(radius)


@pytest.mark.parametrize("name", ["one hidden", "two hidden", "ends with an activation", "three linear layers from 0"])
def test_the_jacobian_moves_no_further_than_the_staircase(name: str) -> None:
    """Δ_J of the radius table against ‖(J(θ) − J(θ0))u‖/‖u‖ at attacked points."""
    case = CASES[name]
    state = linearise(case.network, case.X)
    nothing = Ball(0.0)
    table = tabulate(
        Ingredients(1, nothing, nothing, nothing, nothing, nothing, Curvature(state)),  # type: ignore[arg-type]
        [case.radius * j / 8 for j in range(1, 9)],
    )
    centre, inputs = torch.from_numpy(flat(case.network)), torch.from_numpy(case.X)
    generator = torch.Generator().manual_seed(1)
    d, u = (torch.randn(centre.numel(), generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    optimiser = torch.optim.Adam([d, u], lr=0.1)
    for _ in range(80):
        moved, unit = d * case.radius / torch.clamp(d.norm(), min=1.0), u / u.norm()
        change = _second(case.network, inputs, centre + moved, unit)[0] - _second(case.network, inputs, centre, unit)[0]
        optimiser.zero_grad()
        (-change.norm()).backward()
        optimiser.step()
    with precision():
        base, unit_list = inside(flat(case.network), moved.detach().numpy(), case.radius), unit.detach().tolist()
        there = along(case.network, case.X, unit_list, 1, base=base)
        here = along(case.network, case.X, unit_list, 1)
        moves = difference((a[1] for a in there), (b[1] for b in here))
        value = (squares(moves) / squares(unit_list)).sqrt()
        assert bool(value <= arb(float(table.delta_j[-1])))
        assert bool(value * 40 >= arb(float(table.delta_j[-1])))


# ------------------------------------------------------------------ mutants: each must be refuted by an attacked point


def mutated(module: types.ModuleType, old: str, new: str) -> types.ModuleType:
    """The module with one place of its source replaced; an AssertionError if that place is not unique."""
    source = inspect.getsource(module)
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times: adapt the mutant to the source"
    copy = types.ModuleType(f"{module.__name__}_mutant")
    sys.modules[copy.__name__] = copy
    try:
        exec(compile(source.replace(old, new), copy.__name__, "exec"), copy.__dict__)
    finally:
        del sys.modules[copy.__name__]
    return copy


MUTANTS: list[tuple[str, str, str]] = [
    ("two linear layers", "arithmetic.point(2.0) * layer.scale", "layer.scale"),
    (
        "two linear layers, equal samples",
        "operator_norm(state.a_rows[index], own)",
        "_BALLS.largest(state.A[index].norm(axis=1))",
    ),
    ("bias only", "operator_norm(state.a_rows[index], own)", "upper_end(norm(state.A[index][:, :1]))"),
    (
        "final activation",
        "bend=Ball(layer.activation.bend)",
        "bend=Ball(0.0 if index == state.depth - 1 else layer.activation.bend)",
    ),
    ("slope above 1", "slope=Ball(layer.activation.supremum(1))", "slope=Ball(1.0)"),
    ("output weight moves", "arithmetic.end(layer.g_rows + moved_g)", "arithmetic.end(layer.g_rows)"),
    (
        "three linear layers from 0",
        "self._inflated(centre, arithmetic.point(radii[:, None]), arithmetic)",
        "self._inflated(centre, arithmetic.point(0.0 * radii[:, None]), arithmetic)",
    ),
    ("two linear layers", "* Ball(0.5)", "* Ball(0.25)"),
]


@pytest.mark.parametrize(("name", "old", "new"), MUTANTS)
def test_mutants_of_the_bound_are_refuted(name: str, old: str, new: str, attacked: dict[str, arb]) -> None:
    make: Callable[..., Curvature] = mutated(curvature, old, new).Curvature
    case = CASES[name]
    with precision():
        assert bool(attacked[name] > arb(make(linearise(case.network, case.X))(case.radius)))


@pytest.mark.parametrize(
    ("name", "function", "old", "new"),
    [
        (
            "outputs, second derivative",
            "column_norms",
            "(rows.reshape(n, k, -1) ** 2).sum(axis=1)",
            "rows.reshape(n, k, -1)[:, 0] ** 2",
        ),
        ("outputs, first derivative", "block_norms", "for b in range(k):", "for b in [a]:"),
    ],
)
def test_mutants_of_the_norms_are_refuted(
    name: str, function: str, old: str, new: str, attacked: dict[str, arb], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curvature, function, getattr(mutated(norms, old, new), function))
    case = CASES[name]
    with precision():
        assert bool(attacked[name] > arb(Curvature(linearise(case.network, case.X))(case.radius)))
