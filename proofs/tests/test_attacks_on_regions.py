"""Attacks on the bounds about an initialisation: gradient search in the ball must not find a value beyond the bound, and finds one beyond
each mutant. Floats: a check of the formulas of the claims, on tanh networks in the NTK parametrisation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

SLACK = 1e-9
Vector = np.ndarray


@dataclass(frozen=True)
class OneHidden:
    """F(x_i) = v·tanh(W a_i)/√m; rows of A are the inputs."""

    A: Vector
    W: Vector
    v: Vector

    @property
    def scale(self) -> float:
        return float(1 / np.sqrt(len(self.v)))

    def kernel(self, move: torch.Tensor) -> torch.Tensor:
        """Θ at (W, v) + move, move of shape (m, d + 1)."""
        d = self.A.shape[1]
        A = torch.tensor(self.A)
        hidden = torch.tanh((torch.tensor(self.W) + move[:, :d]) @ A.T)
        back = (1 - hidden**2) * (torch.tensor(self.v) + move[:, d])[:, None]
        kernel: torch.Tensor = (hidden.T @ hidden + (back.T @ back) * (A @ A.T)) * self.scale**2
        return kernel

    def blocks(self) -> list[Vector]:
        """J_r at the centre, one n × (d + 1) matrix for each neuron."""
        hidden = np.tanh(self.W @ self.A.T)
        slope = (1 - hidden**2) * self.v[:, None]
        return [self.scale * np.c_[slope[r][:, None] * self.A, hidden[r]] for r in range(len(self.v))]

    def omega(self, reach: float) -> Vector:
        """ω_r from suprema of |tanh'|, |tanh''| on the intervals that a move of `reach` allows."""
        Z, G = self.W @ self.A.T, self.A @ self.A.T
        radius = reach * np.linalg.norm(self.A, axis=1)[None, :]
        low = np.maximum(np.abs(Z) - radius, 0.0)
        peak = np.arctanh(1 / np.sqrt(3))
        nearest = np.clip(peak, low, np.abs(Z) + radius)
        first = 1 - np.tanh(low) ** 2
        second = 2 * np.tanh(nearest) * (1 - np.tanh(nearest) ** 2)
        out = []
        for r in range(len(self.v)):
            p2 = np.linalg.norm(np.diag(first[r]) @ G @ np.diag(first[r]), 2)
            q = abs(self.v[r]) * np.sqrt(np.linalg.norm(np.diag(second[r]) @ (G * G) @ np.diag(second[r]), 2))
            out.append(self.scale**2 * (p2 + q**2 / 2 + q * np.sqrt(p2 + q**2 / 4)))
        return np.array(out)


def networks(number: int) -> Iterator[OneHidden]:
    rng = np.random.default_rng(7)
    made = 0
    while made < number:
        n, d, m = rng.integers(1, 4), rng.integers(1, 4), int(rng.choice([1, 2, 3, 6, 12]))
        net = OneHidden(
            rng.standard_normal((n, d)) * 10 ** rng.uniform(-0.7, 0.7),
            rng.standard_normal((m, d)) * 10 ** rng.uniform(-0.5, 0.7),
            rng.standard_normal(m) * 10 ** rng.uniform(-0.7, 0.7),
        )
        if np.linalg.eigvalsh(_sum(net.blocks()))[0] > 1e-5:
            made += 1
            yield net


def _sum(blocks: list[Vector], weights: Vector | None = None) -> Vector:
    weights = np.ones(len(blocks)) if weights is None else weights
    return np.asarray(sum(w * J @ J.T for w, J in zip(weights, blocks, strict=True)))


def _extreme(value: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, ...], R: float, sign: int) -> float:
    """The smallest (sign 1) or largest (sign −1) value found in the ball, from a spread and a concentrated start."""
    best = np.inf
    for start in range(2):
        draw = torch.Generator().manual_seed(start)
        move = torch.randn(shape, generator=draw, dtype=torch.float64)
        if start:
            move[1:] *= 1e-2
        move *= 0.5 * R / move.norm()
        move.requires_grad_(True)
        rate = 0.15 * R
        for _ in range(90):
            found = sign * value(move)
            best = min(best, float(found.detach()))
            (gradient,) = torch.autograd.grad(found, move)
            with torch.no_grad():
                move -= rate * gradient / (gradient.norm() + 1e-300)
                move *= min(1.0, R / float(move.detach().norm()))
            rate *= 0.97
    return sign * best


def _lambda_local(net: OneHidden, R: float, *, cut_off: bool = True, interval: bool = True) -> float:
    """The best bound of neuron_budget_local over some m' and T, or of a mutant of it."""
    blocks, best = net.blocks(), 0.0
    norms = np.array([np.linalg.norm(J, 2) for J in blocks])
    for reach in (0.1 * R, 0.3 * R, R, 3 * R):
        omega = net.omega(reach if interval else 0.0)
        for weight in np.geomspace(0.02, 100, 12) * (np.median(net.omega(3 * R)) + 1e-12):
            share = weight / (weight + omega)
            if cut_off:
                share = np.minimum(share, weight * reach**2 / norms**2)
            best = max(best, np.linalg.eigvalsh(_sum(blocks, share))[0] - weight * R**2)
    return best


def _norm_upper(net: OneHidden, R: float, *, omega: Vector) -> float:
    blocks = net.blocks()
    weights = omega.max() * np.array([1.01, 1.1, 1.5, 3.0, 10.0, 40.0])
    return min(float(np.linalg.eigvalsh(_sum(blocks, w / (w - omega)))[-1] + w * R**2) for w in weights)


def test_no_search_beats_the_neuron_budgets_and_every_mutant_is_beaten() -> None:
    beaten = {"cut-off": 0, "interval": 0, "half ω from above": 0}
    ratios = []
    for index, net in enumerate(networks(14)):
        lam = float(np.linalg.eigvalsh(_sum(net.blocks()))[0])
        R = float(np.sqrt(lam / (net.omega(1e9).max() + 1e-300)) * (0.4, 0.8, 1.6)[index % 3])
        shape = (len(net.v), net.A.shape[1] + 1)
        low = _extreme(lambda move, net=net: torch.linalg.eigvalsh(net.kernel(move))[0], shape, R, 1)  # type: ignore[misc]
        high = _extreme(lambda move, net=net: torch.linalg.eigvalsh(net.kernel(move))[-1], shape, R, -1)  # type: ignore[misc]
        bound, above = _lambda_local(net, R), _norm_upper(net, R, omega=net.omega(R))
        assert bound <= low * (1 + SLACK)
        assert high <= above * (1 + SLACK)
        ratios.append(high / above)
        beaten["cut-off"] += _lambda_local(net, R, cut_off=False) > low * (1 + SLACK)
        beaten["interval"] += _lambda_local(net, R, interval=False) > low * (1 + SLACK)
        beaten["half ω from above"] += high > _norm_upper(net, R, omega=net.omega(R) / 2) * (1 + SLACK)
    assert max(ratios) > 0.8  # the search is strong enough to mean something
    assert all(beaten.values()), beaten


def test_no_search_beats_the_remainder_of_the_linearisation() -> None:
    worst = 0.0
    rng = np.random.default_rng(3)
    for net in networks(8):
        shape = (len(net.v), net.A.shape[1] + 1)
        bound = 0.5 * np.sqrt(net.omega(1e9).max())

        def ratio(move: torch.Tensor, net: OneHidden = net) -> torch.Tensor:
            d = net.A.shape[1]
            A, W, v = (torch.tensor(x) for x in (net.A, net.W, net.v))
            z = W @ A.T
            moved = z + move[:, :d] @ A.T
            slope = 1 - torch.tanh(moved) ** 2
            per_neuron = (
                v[:, None] * torch.tanh(z)
                - (v + move[:, d])[:, None] * torch.tanh(moved)
                + (v + move[:, d])[:, None] * slope * (moved - z)
                + move[:, d][:, None] * torch.tanh(moved)
            )
            out: torch.Tensor = net.scale * per_neuron.sum(0).norm() / move.square().sum()
            return out

        found = _extreme(ratio, shape, float(rng.uniform(0.1, 1.0)), -1)
        assert found <= bound * (1 + SLACK)
        worst = max(worst, found / bound)
    assert worst > 0.5  # half of ½√ω is refuted


def _layers(rng: np.random.Generator) -> tuple[Vector, list[Vector], list[float]]:
    depth, n = int(rng.integers(2, 5)), int(rng.integers(1, 3))
    sizes = [int(rng.integers(1, 4)), *(int(rng.choice([1, 2, 3, 8])) for _ in range(depth - 1)), 1]
    X = rng.standard_normal((n, sizes[0])) * 10 ** rng.uniform(-1, 0.5)
    weights = [rng.standard_normal((b, a)) * 10 ** rng.uniform(-2, 0.3) for a, b in itertools.pairwise(sizes)]
    return X, weights, [1 / np.sqrt(a) for a in sizes[:-1]]


def _features(X: Vector, weights: list[torch.Tensor], scales: list[float]) -> list[torch.Tensor]:
    """A_1, …, A_L for tanh, and 1 + tanh in the last hidden layer: features that do not vanish with the weights."""
    out = [torch.tensor(X) * scales[0]]
    for layer, (W, scale) in enumerate(zip(weights[:-1], scales[1:], strict=True), start=2):
        out.append((torch.tanh(out[-1] @ W.T) + (layer == len(weights))) * scale)
    return out


def _feature_bound(
    X: Vector, weights: list[Vector], scales: list[float], R: float, *, inflated: bool = True, slope: float = 1.0
) -> float:
    A = _features(X, [torch.tensor(W) for W in weights], scales)
    C = np.zeros(0)
    for W, scale, a in zip(weights[:-1], scales[:-1], A[:-1], strict=True):
        norm = scale * np.linalg.norm(W, 2) + (scale * R if inflated else 0.0)
        C = slope * np.r_[norm * C, float(torch.linalg.matrix_norm(a, 2))]
    least = float(torch.linalg.eigvalsh(A[-1] @ A[-1].T)[0])
    return float(max(0.0, np.sqrt(max(least, 0.0)) - scales[-1] * np.linalg.norm(C) * R) ** 2)


@pytest.mark.parametrize("mutant", [{}, {"inflated": False}, {"slope": 0.5}], ids=["none", "no s_lR", "half of S_l"])
def test_no_search_beats_the_feature_kernel(mutant: dict[str, Any]) -> None:
    """Without s_lR in the norms of the weights, or with half of sup|σ'|, some network falls below the bound: deep, weights small against R."""
    rng = np.random.default_rng(11)
    below, nets = 0, 0
    while nets < 20:
        X, weights, scales = _layers(rng)
        R = 0.5
        while R > 1e-6 and _feature_bound(X, weights, scales, R) == 0:
            R *= 0.7
        R *= 1.3 if mutant else 0.9
        bound = _feature_bound(X, weights, scales, R, **mutant)
        if R < 1e-3 or bound <= 0:
            continue
        nets += 1
        sizes = [W.size for W in weights[:-1]]

        def least(
            move: torch.Tensor, X: Vector = X, weights: list[Vector] = weights, scales: list[float] = scales
        ) -> torch.Tensor:
            parts = torch.split(move, [W.size for W in weights[:-1]])
            moved = [torch.tensor(W) + part.view(*W.shape) for W, part in zip(weights[:-1], parts, strict=True)]
            last = _features(X, [*moved, torch.tensor(weights[-1])], scales)[-1]
            out: torch.Tensor = torch.linalg.eigvalsh(last @ last.T)[0]
            return out

        below += bound > _extreme(least, (sum(sizes),), R, 1) * (1 + SLACK)
    assert (below > 0) == bool(mutant)
