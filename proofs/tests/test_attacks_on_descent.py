"""Attacks on the claims about mini-batches and momentum: worst orders on nonlinear maps obey the certified factors; twins beyond the
bounds are refuted. Floats, with the formulas evaluated from proofs.constants: a check of the claims, not of an implementation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from proofs.constants import CONSTANTS
from proofs.symbols import SYMBOLS

Vector = np.ndarray


def number(name: str, values: Mapping[str, float]) -> float:
    """A constant's formula in floating point."""
    expression = CONSTANTS[name].expression
    return float(expression.subs({SYMBOLS[key].symbol: value for key, value in values.items()}))


@dataclass(frozen=True)
class Quadratic:
    """F(θ) = b + Gθ + ½(θᵀH_iθ)_i, targets 0, about c = 0 on B(0, R)."""

    b: Vector
    G: Vector
    H: Vector
    R: float

    def F(self, t: Vector) -> Vector:
        return np.asarray(self.b + self.G @ t + 0.5 * np.einsum("i,nij,j->n", t, self.H, t))

    def J(self, t: Vector) -> Vector:
        return np.asarray(self.G + np.einsum("nij,j->ni", self.H, t))

    def bend(self, rows: Vector) -> float:
        part = self.H[rows]
        return float(np.linalg.norm(part.reshape(len(rows), -1), 2))

    def nearest_fit(self, t: Vector) -> Vector:
        """The nearest zero of F to t, by Newton's method on the tangent planes."""
        z = t.copy()
        for _ in range(12):
            J = self.J(z)
            z = t - np.linalg.pinv(J) @ (self.F(z) + J @ (t - z))
        return z

    def distance(self, t: Vector) -> float:
        return float(np.linalg.norm(t - self.nearest_fit(t)))


def problems(number_of: int) -> Iterator[Quadratic]:
    for seed in range(number_of):
        rng = np.random.default_rng(seed)
        H = rng.standard_normal((6, 9, 9)) * 0.02
        yield Quadratic(rng.standard_normal(6) * 4e-6, rng.standard_normal((6, 9)), H + H.transpose(0, 2, 1), 0.25)


def certified(net: Quadratic, size: int, x: float, least_step: float = 1.0) -> dict[str, float]:
    """The values of minibatch_any_order for all batches of `size`, x the largest ε‖J_b‖²; `least_step` the smallest ε over ε."""
    everything = np.arange(6)
    L = net.bend(everything)
    sigma = float(np.linalg.svd(net.G)[1][-1]) - L * net.R
    K_b = max(
        float(np.linalg.norm(net.G[list(rows)], 2)) + net.bend(np.array(rows)) * net.R
        for rows in itertools.combinations(range(6), size)
    )
    m, eps, g = 6 // size, x / K_b**2, 1.001
    values = {
        "batch_fraction": x,
        "batches": float(m),
        "step_scale": eps * least_step,
        "step_sum": eps * m,
        "growth": g,
        "sigma": sigma,
        "triangle": 0.64 * m if m > 1 else 0.0,
        "L_H": L,
        "jacobian_norm": float(np.linalg.norm(net.G, 2)) + L * net.R,
        "fit_distance": float(np.linalg.norm(net.b)) / sigma,
    }
    values["batch_drift"] = number("batch_drift_curvature", values)
    assert number("batch_growth_square", values) <= g**2
    assert number("batch_excess", values) > 0
    return {**values, "eps": eps, "room": number("batch_room", values), "rate2": number("epoch_rate_square", values)}


def _epoch(net: Quadratic, t: Vector, batches: list[list[int]], eps: float) -> Iterator[Vector]:
    for rows in batches:
        t = t - eps * net.J(t)[rows].T @ net.F(t)[rows]
        yield t


def _worst(net: Quadratic, t: Vector, size: int, eps: float) -> list[list[int]]:
    """The order of one partition that leaves the iterate farthest from the exact fits."""
    batches = [list(range(j, j + size)) for j in range(0, 6, size)]
    orders = list(itertools.islice(itertools.permutations(batches), 24))
    return list(max(orders, key=lambda order: net.distance(list(_epoch(net, t, list(order), eps))[-1])))


@pytest.mark.parametrize(("size", "x"), [(6, 0.9), (3, 0.9), (2, 1.5), (2, 0.9), (1, 0.9), (1, 1.6)])
def test_worst_orders_and_reshufflings_obey_the_certified_factor(size: int, x: float) -> None:
    ratios = []
    for seed, net in enumerate(problems(4)):
        cert = certified(net, size, x)
        assert cert["room"] < net.R
        rng = np.random.default_rng(seed)
        t = np.zeros(9)
        for epoch in range(4):
            before = net.distance(t)
            shuffled = rng.permutation(6).tolist()
            batches = (
                _worst(net, t, size, cert["eps"]) if epoch % 2 else [shuffled[j : j + size] for j in range(0, 6, size)]
            )
            for inner in _epoch(net, t, batches, cert["eps"]):
                assert np.linalg.norm(inner) <= cert["room"]
                t = inner
            ratios.append(net.distance(t) ** 2 / before**2)
            assert ratios[-1] <= cert["rate2"] + 1e-9
    assert max(ratios) > 0.5


def test_a_step_beyond_the_bound_is_refuted_by_an_order() -> None:
    """The twin with twice the largest step, x = 4: passing through single samples in order leads away."""
    grew = 0
    for net in problems(6):
        eps = certified(net, 1, 1.0)["eps"] * 4.0
        t = np.zeros(9)
        start = net.distance(t)
        for _ in range(60):
            t = list(_epoch(net, t, [[j] for j in range(6)], eps))[-1]
            if not np.isfinite(t).all() or np.linalg.norm(t) > 1.0 or net.distance(t) > 1.5 * start:
                grew += 1
                break
    assert grew > 0


def test_draws_with_replacement_obey_the_rate_in_the_mean_and_do_not_leave() -> None:
    net = next(problems(1))
    size, n, x = 2, 6, 0.8
    L = net.bend(np.arange(n))
    sigma = float(np.linalg.svd(net.G)[1][-1]) - L * net.R
    sample = max(float(np.linalg.norm(net.G[[i]])) + net.bend(np.array([i])) * net.R for i in range(n))
    eps = x / (size * sample**2)
    defect = np.sqrt(size) * L * 0.01 / 2  # for segments of length up to 0.01
    values = {
        "batch_fraction": x,
        "step_scale": eps,
        "b": float(size),
        "n": float(n),
        "sigma": sigma,
        "batch_defect": defect,
    }
    rate = number("replacement_rate", values)
    assert 0 < rate < 1
    draw = np.random.default_rng(1)
    before = net.distance(np.zeros(9))
    after = []
    for _ in range(400):
        t = next(_epoch(net, np.zeros(9), [draw.integers(0, n, size).tolist()], eps))
        after.append(net.distance(t) ** 2)
    error = 4 * np.std(after) / 20
    assert np.mean(after) <= rate * before**2 + error
    assert max(after) <= before**2 * (1 + eps * defect**2 / (2 - x)) + 1e-12


def _powers(x: float, beta: float, nesterov: bool, rho: float) -> float:
    T = np.array([[1 - x - beta * x, beta**2], [-x, beta]]) if nesterov else np.array([[1 - x, beta], [-x, beta]])
    power, worst = np.eye(2), 1.0
    for k in range(1, 400):
        power = power @ T
        worst = max(worst, float(np.linalg.norm(power, 2)) / rho**k)
    return worst


@pytest.mark.parametrize(("beta", "nesterov"), [(0.5, False), (0.9, False), (0.5, True), (0.9, True)])
def test_momentum_runs_obey_the_certified_bound(beta: float, nesterov: bool) -> None:
    worst = 0.0
    for net in problems(3):
        small = Quadratic(net.b * 5e-2, net.G, net.H, 1e-3)
        Theta = small.G @ small.G.T
        eigenvalues = np.linalg.eigvalsh(Theta)
        h = 0.5 / eigenvalues[-1]
        xs = np.linspace(h * eigenvalues[0], h * eigenvalues[-1], 200)
        radii = [
            max(
                abs(
                    np.linalg.eigvals(
                        np.array([[1 - x - beta * x, beta**2], [-x, beta]] if nesterov else [[1 - x, beta], [-x, beta]])
                    )
                )
            )
            for x in xs
        ]
        top = max(*radii, beta)
        rho, rate = top + (1 - top) / 3, top + 2 * (1 - top) / 3
        suffix = "_nesterov" if nesterov else ""
        Delta = small.bend(np.arange(6)) * small.R
        values: dict[str, Any] = {
            "momentum": beta,
            "momentum_rate": rate,
            "frozen_rate": rho,
            "eta": h,
            "s": 1.0,
            "Delta_J": Delta,
            "jacobian_norm": float(np.sqrt(eigenvalues[-1])) + Delta,
            "power_bound": max(_powers(x, beta, nesterov, rho) for x in xs[::20]),
            "e0": float(np.linalg.norm(small.b)),
            "noise_factor": float(np.sqrt(1 + (1 + beta) ** 2 if nesterov else 2.0)),
        }
        values["step_length"] = number("momentum_length" + suffix, values)
        values["perturbation"] = number("momentum_perturbation", values)
        assert values["power_bound"] * values["perturbation"] < rate - rho
        values["amplitude"] = number("momentum_amplitude", values)
        reach = number("momentum_path", values)
        assert reach <= small.R
        t, v = np.zeros(9), np.zeros(9)
        for k in range(300):
            e = float(np.linalg.norm(small.F(t)))
            assert e <= values["amplitude"] * rate**k + 1e-15
            assert np.linalg.norm(t) <= reach
            worst = max(worst, e / (values["amplitude"] * rate**k)) if e > 1e-13 else worst
            g = small.J(t).T @ small.F(t)
            v = beta * v + g
            t = t - h * (g + beta * v if nesterov else v)
    assert worst > 0.02
