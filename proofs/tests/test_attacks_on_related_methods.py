"""Attacks on the claims about other methods (related systems): random instances with exact constants; mutants must fail somewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from proofs.constants import CONSTANTS

SLACK = 1e-9
Array = np.ndarray


def value(name: str, **symbols: float) -> float:
    """A constant's formula in floats."""
    expression = CONSTANTS[name].expression
    return float(expression.subs({symbol: symbols[symbol.name] for symbol in expression.free_symbols}))


@dataclass(frozen=True)
class Conics:
    """F_i(θ) = g_i·θ + ½θᵀH_iθ, y = 0, so that F(0) = y; ‖D²F‖ ≤ L_H everywhere."""

    G: Array
    H: Array

    @property
    def L_H(self) -> float:
        n, p, _ = self.H.shape
        return float(np.linalg.norm(self.H.reshape(n, p * p), 2))

    def F(self, t: Array) -> Array:
        return np.asarray(self.G @ t + 0.5 * np.einsum("i,nij,j->n", t, self.H, t))

    def J(self, t: Array) -> Array:
        return np.asarray(self.G + np.einsum("nij,j->ni", self.H, t))


def conics(seed: int, bend: float) -> Conics:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    H = rng.standard_normal((n, 5, 5)) * bend
    return Conics(rng.standard_normal((n, 5)), H + H.transpose(0, 2, 1))


def _sgd_slack(seed: int, curvature: float = 1.0, moment: float = 1.0) -> float:
    """Relative slack of line any_z at z = 0 for one random point, with the exact expectation over the sample drawn."""
    model, rng = conics(seed, 0.5), np.random.default_rng(seed + 10_000)
    n = len(model.G)
    theta = rng.standard_normal(5) * 10 ** rng.uniform(-1.5, 0.7)
    e, J = model.F(theta), model.J(theta)
    bar = n * max(float(np.sum(row**2)) for row in J) * moment
    eta = rng.uniform(0.1, 2) / bar
    exact = np.mean([np.sum((theta - eta * n * J[i] * e[i]) ** 2) for i in range(n)])
    D2, size = float(theta @ theta), float(np.linalg.norm(e))
    bound = D2 - eta * size * ((2 - eta * bar) * size - curvature * model.L_H * D2)
    return float((bound - exact) / (D2 + exact))


def test_sgd_distance_survives_exact_expectations_and_its_mutants_do_not() -> None:
    assert min(_sgd_slack(seed) for seed in range(1500)) >= -SLACK
    assert min(_sgd_slack(seed, curvature=0.3) for seed in range(1500)) < -1e-6
    assert min(_sgd_slack(seed, moment=0.7) for seed in range(1500)) < -1e-6


@pytest.mark.parametrize("bend", [0.0, 0.02, 0.05])
def test_preconditioned_descent_pays_for_its_path(bend: float) -> None:
    tightest = np.inf
    for seed in range(300):
        model, rng = conics(seed, bend), np.random.default_rng(seed)
        theta = rng.standard_normal(5) * 0.2
        low, high = sorted(10 ** rng.uniform(-1, 0, 2))
        frame = np.linalg.qr(rng.standard_normal((5, 5)))[0]
        P = frame @ np.diag(np.r_[low, high, rng.uniform(low, high, 3)]) @ frame.T
        reach = 1.0 + float(np.linalg.norm(theta))
        K = float(np.linalg.norm(model.J(theta), 2)) + model.L_H * reach
        P, low, high = P / (high * K**2), low / (high * K**2), 1 / K**2
        sigma = float(np.linalg.svd(model.J(theta), compute_uv=False)[-1])
        e = model.F(theta)
        size = float(np.linalg.norm(e))
        step = -P @ model.J(theta).T @ e
        length = float(np.linalg.norm(step))
        delta = model.L_H * high * K * size / 2
        ratio = np.sqrt(low / high)
        after = float(np.linalg.norm(model.F(theta + step)))
        assert after <= size - (sigma * ratio - delta) * length + SLACK
        assert after <= (1 - low * sigma * (sigma * ratio - delta)) * size + SLACK or sigma * ratio <= delta
        tightest = min(tightest, (size - after) / (sigma * ratio * length))
    assert bend > 0 or tightest < 2.0


def test_lookahead_survives_random_maps() -> None:
    accepted = 0
    for seed in range(400):
        model, rng = conics(seed, 0.03), np.random.default_rng(seed)
        c = rng.standard_normal(5) * 10 ** rng.uniform(-2.5, -1)
        R = float(rng.uniform(0.05, 0.6))
        J0 = model.J(c)
        sigma = float(np.linalg.svd(J0, compute_uv=False)[-1]) - model.L_H * R
        K = float(np.linalg.norm(J0, 2)) + model.L_H * R
        eta, e0 = rng.uniform(0.2, 1) / K**2, float(np.linalg.norm(model.F(c)))
        delta = min(eta * model.L_H * K * e0 / 2, 2 * model.L_H * R)
        if sigma <= delta:
            continue
        lam, tau = float(rng.uniform(0.05, 1)), int(rng.integers(1, 6))
        kept = value("lookahead_kept", outer_step=lam, L_H=model.L_H, e0=e0, sigma=sigma, delta=delta)
        if kept <= 0 or e0 > (sigma - delta) * kept * R:
            continue
        accepted += 1
        inner = (1 - eta * sigma * (sigma - delta)) ** tau
        rate = value("lookahead_rate", outer_step=lam, outer_kept=kept, inner_rate=inner)
        z, size = c, e0
        for _ in range(15):
            t = z
            for _ in range(tau):
                t = t - eta * model.J(t).T @ model.F(t)
                assert np.linalg.norm(t - c) <= R * (1 + SLACK)
            z = (1 - lam) * z + lam * t
            after = float(np.linalg.norm(model.F(z)))
            assert after <= rate * size * (1 + SLACK) + 1e-13
            size = after
    assert accepted > 50


def test_adam_ratio_is_attained_and_never_exceeded() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        b1, b2 = rng.uniform(0, 0.95), rng.uniform(0.5, 0.999)
        if b1**2 >= b2:
            continue
        ratio = value("adam_ratio", beta1=b1, beta2=b2)
        for gradients in (rng.standard_normal(60), (b2 / max(b1, 0.05)) ** np.arange(60.0) * 1e-9):
            m = v = 0.0
            for g in gradients:
                m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
                assert m * m <= ratio * v * (1 + 1e-6)
    assert value("adam_ratio", beta1=0.9, beta2=0.999) == pytest.approx(370 / 7)


def _process(rng: np.random.Generator) -> tuple[Array, Array, float]:
    states, actions = int(rng.integers(1, 5)), int(rng.integers(2, 5))
    P = rng.dirichlet(np.ones(states) * 10 ** rng.uniform(-1, 1), size=(states, actions))
    return P, rng.standard_normal((states, actions)), float(rng.uniform(0, 0.95))


def _values(P: Array, r: Array, gamma: float, policy: Array) -> tuple[Array, Array, Array]:
    """V, Q and the discounted occupancy from the uniform start."""
    states = len(r)
    move = np.einsum("sa,sat->st", policy, P)
    V = np.linalg.solve(np.eye(states) - gamma * move, np.sum(policy * r, axis=1))
    occupancy = (1 - gamma) * np.linalg.solve(np.eye(states) - gamma * move.T, np.full(states, 1 / states))
    return V, r + gamma * P @ V, occupancy


def test_performance_difference_and_mirror_descent_survive_random_processes() -> None:
    rng = np.random.default_rng(5)
    tightest = np.inf
    for _ in range(300):
        P, r, gamma = _process(rng)
        best = np.zeros_like(r)
        for _ in range(50):
            _, Q, _ = _values(P, r, gamma, best if best.any() else np.full_like(r, 1 / r.shape[1]))
            best = np.eye(r.shape[1])[Q.argmax(axis=1)]
        V_best, _, occupancy = _values(P, r, gamma, best)
        policy = rng.dirichlet(np.ones(r.shape[1]), size=len(r))
        V, Q, _ = _values(P, r, gamma, policy)
        identity = float(occupancy @ np.sum(Q * (best - policy), axis=1))
        assert (1 - gamma) * float(np.mean(V_best - V)) == pytest.approx(identity, abs=1e-8)
        eta, eps, K = 10 ** rng.uniform(-1, 1), 10 ** rng.uniform(-3, 0), int(rng.integers(1, 9))
        kl = float(occupancy @ -np.log(np.maximum(np.sum(best * policy, axis=1), 1e-300)))
        gaps, span = [], 0.0
        for _ in range(K):
            V, Q, _ = _values(P, r, gamma, policy)
            gaps.append(float(np.mean(V_best - V)))
            span = max(span, float(np.ptp(Q, axis=1).max()))
            logits = eta * Q - eps * np.sign(best - 0.5)
            policy = policy * np.exp(logits - logits.max(axis=1, keepdims=True))
            policy = policy / policy.sum(axis=1, keepdims=True)
        bound = value(
            "mirror_gap", kl_start=kl, policy_step=eta, updates=K, range_Q=span, policy_error=eps, discount=gamma
        )
        assert np.mean(gaps) <= bound + SLACK
        tightest = min(tightest, bound - float(np.mean(gaps)))
    assert tightest < 1.0


def _stacked(W: Array, v: Array, X: Array, rho: float) -> Array:
    """G = (F, √ρ ∂F/∂x) of one hidden tanh layer, n(1 + d) numbers."""
    (m, d), u = W.shape, X / np.sqrt(X.shape[1])
    T = np.tanh(u @ W.T)
    F = T @ v / np.sqrt(m)
    DF = ((1 - T**2) * v) @ W / np.sqrt(m * d)
    return np.concatenate([F, np.sqrt(rho) * DF.ravel()])


def test_jacobian_curvature_survives_second_differences_and_is_no_loose_bound() -> None:
    rng = np.random.default_rng(6)
    S2, S3, closest = 4 / (3 * np.sqrt(3)), 2.0, 0.0
    for _ in range(400):
        n, d, m = (int(k) for k in rng.integers(1, 4, 3))
        X, W = (
            rng.standard_normal((n, d)) * 10 ** rng.uniform(-1, 0.7),
            rng.standard_normal((m, d)) * 10 ** rng.uniform(-1, 0.5),
        )
        v, rho = rng.standard_normal(m) * 10 ** rng.uniform(-1, 0.5), 10 ** rng.uniform(-2, 1)
        U = X / np.sqrt(d)
        nU, kappa = np.linalg.norm(U, 2), np.sqrt(np.linalg.norm((U @ U.T) ** 2, 2))
        w = np.linalg.norm(W, axis=1)
        a2 = (nU**2 + rho * (S2 * nU * w + np.sqrt(n)) ** 2 / d) / m
        b2 = ((np.abs(v) * S2 * kappa) ** 2 + rho * (np.abs(v) * (S3 * kappa * w + 2 * S2 * nU)) ** 2 / d) / m
        bound = float(np.max((np.sqrt(b2) + np.sqrt(b2 + 4 * a2)) / 2))
        for _ in range(10):
            direction = rng.standard_normal(m * d + m) * 10 ** rng.uniform(-1, 1, m * d + m)
            direction /= np.linalg.norm(direction)
            dW, dv, h = direction[: m * d].reshape(m, d), direction[m * d :], 1e-3
            second = (
                sum(c * _stacked(W + k * h * dW, v + k * h * dv, X, rho) for k, c in ((-1, 1.0), (0, -2.0), (1, 1.0)))
                / h**2
            )
            size = float(np.linalg.norm(second))
            assert size <= bound * (1 + 1e-3) + 1e-4
            closest = max(closest, size / bound)
    assert closest > 0.5


def test_two_step_interpolation_survives_random_linear_games() -> None:
    rng = np.random.default_rng(7)
    accepted = 0
    for _ in range(3000):
        A = rng.standard_normal((2, 2))
        L = float(np.linalg.norm(A, 2))
        # ⟨Az, z⟩ ≥ ρ‖Az‖² for all z: the least eigenvalue of the symmetric part of A⁻¹.
        inverse = np.linalg.inv(A)
        rho = float(np.linalg.eigvalsh((inverse + inverse.T) / 2)[0])
        gamma, lam = rng.uniform(0.05, 1) / L, float(rng.uniform(0.01, 1))
        if 2 * rho / gamma + 1 - 2 * lam < (1 - lam) * gamma**2 * L**2:
            continue
        accepted += 1
        T = np.eye(2) - gamma * A
        assert np.linalg.norm((1 - lam) * np.eye(2) + lam * T @ T, 2) <= 1 + SLACK
    assert accepted > 50
