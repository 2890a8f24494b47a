"""More attacks on the claims about related systems: exact expectations over every draw, random operators, loops and layers; mutants must fail somewhere."""

from __future__ import annotations

import itertools

import numpy as np

from proofs.tests.test_attacks_on_related_methods import SLACK, Array, Conics, conics, value


def _paths(model: Conics, start: Array, eta: float, steps: int) -> list[list[Array]]:
    """Every path of SGD (s = 1, one uniformly drawn sample a step), all equally likely."""
    n, paths = len(model.G), []
    for draws in itertools.product(range(n), repeat=steps):
        path = [start]
        for i in draws:
            t = path[-1]
            path.append(t - eta * n * model.J(t)[i] * model.F(t)[i])
        paths.append(path)
    return paths


def _averaged(seed: int, *, noise: float = 1.0) -> tuple[float, float]:
    """Slacks of averaged_sgd's two bounds (mean residual, exit) about c = 0, F(0) − y = −y, over every draw."""
    model, rng = conics(seed, 0.3), np.random.default_rng(seed)
    n, T = len(model.G), 5
    y, R = rng.standard_normal(n) * 10 ** rng.uniform(-3, -0.5), float(rng.uniform(0.1, 1.0))
    start = rng.standard_normal(5) * R / 6
    size = max(
        float(np.linalg.norm(g)) + float(np.linalg.norm(h, 2)) * R for g, h in zip(model.G, model.H, strict=True)
    )
    bar = n * size**2
    eta = float(rng.uniform(0.2, 1.8)) / bar
    q, slip, d0 = 2 - eta * bar, noise * (model.L_H * R**2 + 2 * float(np.linalg.norm(y))), float(np.linalg.norm(start))
    total, exits, count = 0.0, 0, n**T
    for draws in itertools.product(range(n), repeat=T):
        t, inside = start, True
        for i in draws:
            e = model.F(t) - y
            if inside:
                total += float(e @ e)
                t = t - eta * n * model.J(t)[i] * e[i]
            inside = inside and float(np.linalg.norm(t)) <= R
        exits += not inside
    mean_bound = 2 * d0**2 / (eta * q * T) + slip**2 / q**2
    exit_bound = (d0**2 + T * eta * slip**2 / (4 * q)) / R**2
    return mean_bound - total / (T * count), exit_bound - exits / count


def test_averaged_sgd_survives_exact_expectations() -> None:
    slacks = [_averaged(seed) for seed in range(120)]
    assert min(min(pair) for pair in slacks) >= -SLACK
    # Without the linearisation error the mean is not bounded.
    assert min(_averaged(seed, noise=0.0)[0] for seed in range(120)) < 0


def test_sgd_distance_and_its_exit_probability_survive_exact_expectations() -> None:
    accepted = 0
    for seed in range(200):
        model, rng = conics(seed, 0.1), np.random.default_rng(seed)
        n, R = len(model.G), float(rng.uniform(0.02, 0.3))
        sigma = float(np.linalg.svd(model.G, compute_uv=False)[-1]) - model.L_H * R
        K = float(np.linalg.norm(model.G, 2)) + model.L_H * R
        bar = (
            n
            * max(
                float(np.linalg.norm(g)) + float(np.linalg.norm(h, 2)) * R
                for g, h in zip(model.G, model.H, strict=True)
            )
            ** 2
        )
        eta = float(rng.uniform(0.2, 1.2)) / bar
        if sigma <= 0:
            continue
        share = value("sgd_distance_fraction", L_H=model.L_H, R=R, sigma=sigma, eta=eta, beta_bar=bar)
        if share <= 0 or 4 * sigma <= model.L_H * R:
            continue
        accepted += 1
        start = rng.standard_normal(5)
        start *= R * 10 ** rng.uniform(-3, -0.8) / np.linalg.norm(start)
        bound = value(
            "sgd_distance_exit",
            L_H=model.L_H,
            d0=float(np.linalg.norm(start)),
            R=R,
            sigma=sigma,
            distance_fraction=share,
            jacobian_norm=K,
        )
        paths = _paths(model, start, eta, 4)
        exits = np.mean([max(np.linalg.norm(t) for t in path) > R / 2 for path in paths])
        assert exits <= bound + SLACK
        # ‖e‖/K ≤ distance ≤ ‖e‖/(σ − ½L_H·R): the contraction, up to these two.
        rate = value("sgd_distance_rate", eta=eta, s=1.0, sigma=sigma, distance_fraction=share)
        ends = np.mean(
            [np.sum(model.F(path[-1]) ** 2) * (max(np.linalg.norm(t) for t in path) <= R / 2) for path in paths]
        )
        first = np.sum(model.F(start) ** 2) / (sigma - model.L_H * R / 2) ** 2 if sigma > model.L_H * R / 2 else np.inf
        assert ends / K**2 <= rate**4 * first + SLACK
    assert accepted > 30


def test_the_residual_at_an_average_survives_random_iterates() -> None:
    tightest = np.inf
    for seed in range(300):
        model, rng = conics(seed, 0.5), np.random.default_rng(seed)
        points = rng.standard_normal((int(rng.integers(2, 6)), 5)) * 10 ** rng.uniform(-1, 0.5)
        mean = points.mean(axis=0)
        spread = float(np.mean(np.sum((points - mean) ** 2, axis=1)))
        left = float(np.linalg.norm(model.F(mean)))
        right = float(np.linalg.norm(np.mean([model.F(t) for t in points], axis=0)))
        assert left <= right + model.L_H * spread / 2 + SLACK
        tightest = min(tightest, right + model.L_H * spread / 2 - left)
    assert tightest < 0.5


def test_resolvents_and_averaged_iterations_survive_random_operators() -> None:
    rng = np.random.default_rng(8)
    expanding = 0
    for _ in range(400):
        # ⟨Az, z⟩ ≥ ρ‖Az‖²: ρ is the least eigenvalue of the symmetric part of A⁻¹, of either sign.
        A = rng.standard_normal((3, 3)) + float(rng.uniform(-1, 3)) * np.eye(3)
        inverse = np.linalg.inv(A)
        rho = float(np.linalg.eigvalsh((inverse + inverse.T) / 2)[0])
        for gamma, allowed in ((max(0.0, -2 * rho) + 10 ** rng.uniform(-2, 1), True), (max(0.0, -1.2 * rho), False)):
            norm = float(np.linalg.norm(np.linalg.inv(np.eye(3) + gamma * A), 2))
            assert not allowed or norm <= 1 + 1e-7
            expanding += not allowed and norm > 1 + 1e-6
        # Krasnoselskii–Mann: T nonexpansive with fixed point 0.
        T = np.linalg.qr(rng.standard_normal((3, 3)))[0] * float(rng.uniform(0.5, 1))
        lam, z = float(rng.uniform(0.02, 0.98)), rng.standard_normal(3)
        first, total = float(z @ z), 0.0
        for _ in range(200):
            total += float(np.sum((T @ z - z) ** 2))
            z = (1 - lam) * z + lam * T @ z
        assert total <= first / (lam * (1 - lam)) + SLACK
    assert expanding > 20  # a smaller γ is refuted


def test_gated_networks_and_their_relu_twins_survive_random_instances() -> None:
    rng = np.random.default_rng(9)
    for _ in range(200):
        n, d, m = int(rng.integers(1, 6)), int(rng.integers(1, 6)), int(rng.integers(1, 7))
        X, U, W, v = (rng.standard_normal(shape) for shape in ((n, d), (m, d), (m, d), (m,)))
        gates = X @ U.T > 0
        design = ((gates * v)[:, :, None] * X[:, None, :]).reshape(n, -1)
        values = np.linalg.eigvalsh(((gates * v**2) @ gates.T) * (X @ X.T))
        assert np.allclose(design @ design.T, ((gates * v**2) @ gates.T) * (X @ X.T))
        y, eta = rng.standard_normal(n), float(rng.uniform(0.1, 1)) / max(float(values[-1]), 1e-12)
        e = design @ W.ravel() - y
        after = design @ (W.ravel() - eta * design.T @ e) - y
        assert np.linalg.norm(after) <= (1 - eta * max(float(values[0]), 0.0)) * np.linalg.norm(e) * (1 + SLACK) + SLACK
        t = 1.01 * float(np.max(np.abs(X @ W.T) / np.abs(X @ U.T)))
        twin = np.maximum(X @ (W + t * U).T, 0) - np.maximum(X @ (t * U).T, 0)
        assert np.allclose(twin, gates * (X @ W.T), atol=1e-8 * (1 + t))


def test_feedback_loops_survive_random_starts_in_their_boxes() -> None:
    rng = np.random.default_rng(10)
    accepted = 0
    for _ in range(1000):
        A, w, v = (
            np.abs(rng.standard_normal((3, 3))) / 3,
            np.abs(rng.standard_normal(4)),
            -np.abs(rng.standard_normal(4)) / 6,
        )
        q = rng.uniform(0.1, 1.5, 3)
        low, high = v @ w, v @ np.tanh(w * q[0]) / q[0]
        first = np.outer([1.0, 0, 0], [1.0, 0, 0])
        rho = float(np.max((A + high * first) @ q / q))
        if rho >= 1 or A[0, 0] + low < 0:
            continue
        accepted += 1
        x, bound = rng.choice([-1.0, 1.0], 3) * q, 1.0
        for _ in range(30):
            x, bound = A @ x + np.array([v @ np.tanh(w * x[0]), 0, 0]), bound * rho
            assert (np.abs(x) <= bound * q * (1 + SLACK)).all()
    assert accepted > 20


def test_multipliers_are_gradients_and_violations_are_paid_for_in_random_networks() -> None:
    rng = np.random.default_rng(11)
    for _ in range(100):
        sizes = [int(k) for k in rng.integers(1, 5, 4)]
        Ws = [rng.standard_normal((b, a)) for a, b in itertools.pairwise(sizes)]
        x0, y = rng.standard_normal(sizes[0]), rng.standard_normal(sizes[-1])

        def outputs(Ws: list[Array], x0: Array = x0) -> list[Array]:
            xs = [x0]
            for W in Ws:
                xs.append(np.tanh(W @ xs[-1]))
            return xs

        xs = outputs(Ws)
        # Stationarity in the outputs, from the last layer down: λ_L = −(x_L − y), λ_l = (diag(1 − x_{l+1}²)W_{l+1})ᵀλ_{l+1}.
        multiplier = -(xs[-1] - y)
        for layer in reversed(range(len(Ws))):
            mine = -np.outer(multiplier * (1 - xs[layer + 1] ** 2), xs[layer])
            numeric = np.zeros_like(mine)
            for index in np.ndindex(mine.shape):
                ends = []
                for h in (1e-6, -1e-6):
                    moved = [W.copy() for W in Ws]
                    moved[layer][index] += h
                    ends.append(float(np.sum((outputs(moved)[-1] - y) ** 2)) / 2)
                numeric[index] = (ends[0] - ends[1]) / 2e-6
            assert np.allclose(mine, numeric, atol=1e-7)
            multiplier = (np.diag(1 - xs[layer + 1] ** 2) @ Ws[layer]).T @ multiplier
        # Violated constraints: every layer's output off by a vector of its own.
        x, bound, off = x0, 0.0, 10 ** rng.uniform(-3, 0)
        for W in Ws:
            error = rng.standard_normal(len(W)) * off
            x, bound = np.tanh(W @ x) + error, float(np.linalg.norm(error)) + float(np.linalg.norm(W, 2)) * bound
        assert np.linalg.norm(x - xs[-1]) <= bound * (1 + SLACK)


# --------------------------------------------------------------------------- lp_no_spurious, ppo_inner_lplr
def _stationarity(seed: int, share: float = 0.0) -> float:
    """‖∂𝓛/∂W‖ − √λ‖e‖ at a random feasible point of 𝓛 = ½‖h_2 − y‖² + Σ⟨λ_l, z_l − h_l⟩, h_1 = tanh(W_1x), h_2 = W_2h_1.

    λ is λ_min(Θ), or that share of the way to λ_max. The multipliers that make 𝓛 stationary in the outputs are solved for; where λ_min > 0
    the weights' stationarity is then an exact fit, with multipliers 0.
    """
    rng = np.random.default_rng(seed)
    n, d, m = int(rng.integers(1, 4)), 3, int(rng.integers(4, 9))
    X, W1, W2 = rng.standard_normal((n, d)), rng.standard_normal((m, d)), rng.standard_normal((1, m))
    y = rng.standard_normal((n, 1))
    hidden = np.tanh(X @ W1.T)
    slope = 1.0 - hidden**2
    last = hidden @ W2.T - y  # ∂𝓛/∂h_2 = 0: the multiplier of h_2 is the residual
    first = last @ W2  # ∂𝓛/∂h_1 = 0
    in_weights = np.concatenate([((first * slope).T @ X).ravel(), (last.T @ hidden).ravel()])
    rows = [np.concatenate([np.outer(W2[0] * slope[i], X[i]).ravel(), hidden[i]]) for i in range(n)]
    spectrum = np.linalg.eigvalsh(np.array(rows) @ np.array(rows).T)
    lam = float(spectrum[0] + share * (spectrum[-1] - spectrum[0]))
    return float(np.linalg.norm(in_weights) - np.sqrt(max(lam, 0.0)) * np.linalg.norm(last))


def test_stationary_multipliers_leave_no_residual_where_the_ntk_is_positive() -> None:
    assert min(_stationarity(seed) for seed in range(2000)) >= -1e-9


def test_the_largest_eigenvalue_in_place_of_the_smallest_is_refuted() -> None:
    assert min(_stationarity(seed, 1.0) for seed in range(200)) < -1e-3


def _inner_regression(seed: int, power: int = 1) -> float:
    """Smallest of rate^j‖e_0‖ − ‖logits_j − (f + ηQ)‖ over 30 steps of descent on one policy's regression, logits linear in features."""
    rng = np.random.default_rng(seed)
    pairs = int(rng.integers(2, 6))
    features = rng.standard_normal((pairs, pairs + 3))
    target = rng.standard_normal(pairs) + 0.3 * rng.standard_normal(pairs)
    spectrum = np.linalg.eigvalsh(features @ features.T)
    step = float(rng.uniform(0.05, 1.0)) / float(spectrum[-1])
    rate = (1.0 - step * float(spectrum[0])) ** power
    theta: Array = np.asarray(rng.standard_normal(features.shape[1]))
    worst = float("inf")
    start = float(np.linalg.norm(features @ theta - target))
    for j in range(30):
        error = features @ theta - target
        worst = min(worst, rate**j * start - float(np.linalg.norm(error)))
        theta = np.asarray(theta - step * features.T @ error)
    return worst


def test_the_logits_error_of_an_inner_regression_falls_at_its_rate() -> None:
    assert min(_inner_regression(seed) for seed in range(1000)) >= -1e-9


def test_the_rate_of_the_loss_for_that_of_the_residual_is_refuted() -> None:
    assert min(_inner_regression(seed, 2) for seed in range(100)) < -1e-3
