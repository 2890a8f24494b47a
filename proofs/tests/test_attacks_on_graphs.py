"""Attacks on the claims about networks on a graph: dense matrices of convolutions, gradients by autograd, flips found by enumeration, a
residual network whose Jacobian is searched for the largest move. Floats; each forgotten factor is refuted by an instance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

Vector = np.ndarray
SLACK = 1e-9


def _dense(kernel: Vector, size: int, padding: int) -> Vector:
    """The matrix of a stride-1 convolution of one size × size image with C_in channels."""
    c_in = kernel.shape[1]
    basis = torch.eye(c_in * size * size, dtype=torch.float64).view(-1, c_in, size, size)
    out = torch.nn.functional.conv2d(basis, torch.tensor(kernel), padding=padding)
    return np.asarray(out.reshape(len(basis), -1).T.numpy())


def _symbol_norm(kernel: Vector, positions: int) -> float:
    spectrum = np.fft.fft2(kernel, (positions, positions))
    return float(max(np.linalg.norm(spectrum[:, :, i, j], 2) for i in range(positions) for j in range(positions)))


def test_symbols_on_a_torus_of_image_and_padding_bound_the_convolution_and_smaller_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    closest, own_torus_fails, kernel_norm_fails = 0.0, 0, 0
    for index in range(60):
        c_out, c_in, size, k = (int(x) for x in rng.integers((1, 1, 2, 1), (4, 4, 7, 4)))
        padding = int(rng.integers(0, k))
        if index % 3 == 0:
            c_out, c_in, size, k, padding = 1, 1, 3, 3, 2
        if size + 2 * padding < k:
            continue
        kernel = rng.standard_normal((c_out, c_in, k, k))
        if index % 2 and k > 1:
            kernel = kernel - kernel[:, :, ::-1, ::-1]  # differences vanish on a torus of even size
        true = float(np.linalg.norm(_dense(kernel, size, padding), 2))
        bound = _symbol_norm(kernel, max(size + padding, k))
        assert true <= bound * (1 + SLACK)
        closest = max(closest, true / bound)
        own_torus_fails += size >= k and true > _symbol_norm(kernel, size) * (1 + SLACK)
        matrix = float(np.linalg.norm(kernel.reshape(c_out, -1), 2))
        assert true <= k * matrix * (1 + SLACK)  # every entry is read by at most k² positions
        kernel_norm_fails += true > matrix * (1 + SLACK)
    assert closest > 0.9
    assert own_torus_fails > 0
    assert kernel_norm_fails > 0


@pytest.mark.parametrize("groups", [1, 2])
def test_rows_over_positions_are_the_gradients_of_a_convolution(groups: int) -> None:
    torch.manual_seed(groups)
    x = torch.randn(3, 4, 5, 5, dtype=torch.float64)
    weight = torch.randn(6, 4 // groups, 3, 3, dtype=torch.float64, requires_grad=True)
    readout = torch.randn(6 * 9, dtype=torch.float64)

    def z(w: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(x, w, stride=2, padding=1, groups=groups)

    back = (1 - torch.tanh(z(weight)) ** 2).detach().reshape(3, 6, 9) * readout.view(6, 9)
    patches = torch.nn.functional.unfold(x, 3, padding=1, stride=2).reshape(3, groups, -1, 9)
    per_group = back.reshape(3, groups, 6 // groups, 9)
    rows = torch.einsum("igcp,igqp->igcq", per_group, patches).reshape(3, -1)
    outputs = torch.tanh(z(weight)).reshape(3, -1) @ readout
    gradients = torch.stack([torch.autograd.grad(outputs[i], weight, retain_graph=True)[0].flatten() for i in range(3)])
    assert torch.allclose(rows, gradients, atol=1e-10)
    double = torch.einsum("igcp,jgcr,igqp,jgqr->ij", per_group, per_group, patches, patches)
    assert torch.allclose(double, gradients @ gradients.T, atol=1e-8)
    diagonal = torch.einsum("igcp,jgcp,igqp,jgqp->ij", per_group, per_group, patches, patches)
    assert not torch.allclose(diagonal, gradients @ gradients.T, rtol=1e-2)


def test_the_dual_bounds_every_feasible_set_of_flips_and_is_attained() -> None:
    rng = np.random.default_rng(5)
    closest = 0.0
    for _ in range(200):
        z, gain = np.abs(rng.standard_normal(7)) * rng.choice([0.0, 1.0], 7, p=[0.1, 0.9]), rng.random(7)
        rho = rng.uniform(0.1, 2.0)
        best = max(
            sum(gain[list(S)])
            for size in range(8)
            for S in itertools.combinations(range(7), size)
            if sum(z[list(S)] ** 2) <= rho**2
        )
        near = z <= rho
        duals = [
            tau * rho**2 + np.maximum(0, gain - tau * z**2)[near].sum() for tau in np.r_[0, gain[z > 0] / z[z > 0] ** 2]
        ]
        assert best <= min(duals) + SLACK
        closest = max(closest, best / min(duals) if min(duals) > 0 else 0.0)
    assert closest > 0.999


def test_layer_norm_obeys_its_bounds_and_the_bend_is_attained() -> None:
    rng = np.random.default_rng(2)
    worst = 0.0
    for _ in range(3000):
        m = int(rng.integers(2, 6))
        z, eps = rng.standard_normal(m), 10 ** rng.uniform(-6, 1)
        u = rng.standard_normal(m)
        u -= u.mean()
        u /= np.linalg.norm(u)
        centred = z - z.mean()
        q = np.sqrt(centred @ centred + m * eps)
        alpha, along = centred / q, centred @ u / q
        first = np.sqrt(m) / q * (u - alpha * along)
        second = np.sqrt(m) / q**2 * (-2 * u * along - alpha + 3 * alpha * along**2)
        step = 1e-4 * q

        def norm(t: float, z: Vector = z, u: Vector = u, eps: float = eps, m: int = m) -> Vector:
            moved = z + t * u
            moved = moved - moved.mean()
            return np.asarray(np.sqrt(m) * moved / np.sqrt(moved @ moved + m * eps))

        numeric = (norm(step) - 2 * norm(0.0) + norm(-step)) / step**2
        assert np.allclose(numeric, second, atol=1e-5 * np.sqrt(m) / q**2)
        assert np.linalg.norm(first) <= np.sqrt(m) / q * (1 + SLACK)
        worst = max(worst, float(np.linalg.norm(second) * q**2 / np.sqrt(m)))
    assert 0.999 * 2 / np.sqrt(3) < worst <= 2 / np.sqrt(3) + SLACK


def _residual_net(weights: list[torch.Tensor], X: torch.Tensor) -> torch.Tensor:
    """F = v·(h + tanh(W_2h)), h = tanh(W_1x): a skip, fan-out at h."""
    h = torch.tanh(X @ weights[0].T)
    return (h + torch.tanh(h @ weights[1].T)) @ weights[2][0]


def _residual_bound(weights: list[Vector], X: Vector, R: float, *, skip: bool = True) -> float:
    """Δ_J(R) by network_movement and network_jacobian_change; tanh: S_1 = 1, S_2 = 4/(3√3)."""
    W1, W2, v = weights
    S2, r = 4 / (3 * np.sqrt(3)), R
    h1 = np.tanh(X @ W1.T)
    z2 = h1 @ W2.T
    h3 = h1 + np.tanh(z2)
    norm = [float(np.linalg.norm(W, 2)) for W in weights]
    one = np.eye(3)
    row = [np.linalg.norm(x, axis=1).max() for x in (X, h1, h3)]
    whole = [np.linalg.norm(x, 2) for x in (X, h1, h3)]
    x = {"row": [row[0] * one[0]], "whole": [whole[0] * one[0]]}
    for kind, own in (("row", row), ("whole", whole)):
        z_form = own[1] * one[1] + (norm[1] + r) * x[kind][0]
        x[kind] += [z_form, (x[kind][0] if skip else 0) + z_form]
    # Backwards: G at h3 is v, constant at the centre; y_3 = 1·1_v (b = 1 of the output itself).
    y3 = one[2]
    g2 = np.abs(v[0]).max()
    yz2 = y3 + S2 * g2 * x["row"][1]
    slope2 = 1 - np.tanh(z2) ** 2
    bz2 = max(np.linalg.norm(v[0] * s) for s in slope2)
    yh1 = (y3 if skip else 0) + norm[1] * yz2 + (bz2 + r * np.linalg.norm(yz2)) * one[1]
    Gh1 = (v[0] if skip else 0) + (v[0] * slope2) @ W2
    yz1 = yh1 + S2 * np.abs(Gh1).max() * x["row"][0]
    M = np.array(
        [
            yz1 * whole[0],
            yz2 * (whole[1] + r * np.linalg.norm(x["whole"][0])) + bz2 * x["whole"][0],
            x["whole"][2],
        ]
    )
    return float(R * np.linalg.norm(M, 2))


def _largest_move(weights: list[Vector], X: Vector, R: float) -> float:
    base, sizes = [torch.tensor(W) for W in weights], [W.size for W in weights]
    inputs = torch.tensor(X)

    def jacobian(move: torch.Tensor) -> torch.Tensor:
        parts = torch.split(move, sizes)
        return torch.func.jacrev(  # type: ignore[no-any-return]
            lambda m: _residual_net(
                [W + p.view_as(W) for W, p in zip(base, torch.split(m, sizes), strict=True)], inputs
            )
        )(torch.cat(parts))

    centre, best = jacobian(torch.zeros(sum(sizes), dtype=torch.float64)), 0.0
    for start in range(2):
        draw = torch.Generator().manual_seed(start)
        move = torch.randn(sum(sizes), generator=draw, dtype=torch.float64)
        move = (move * R / move.norm()).requires_grad_(True)
        for _ in range(40):
            value = torch.linalg.matrix_norm(jacobian(move) - centre, 2)
            best = max(best, float(value.detach()))
            (gradient,) = torch.autograd.grad(value, move)
            with torch.no_grad():
                move += 0.3 * R * gradient / (gradient.norm() + 1e-300)
                move *= R / move.norm()
    return best


def test_no_search_moves_a_residual_networks_jacobian_beyond_the_recursion() -> None:
    rng = np.random.default_rng(9)
    closest, skip_fails = 0.0, 0
    for _ in range(16):
        n, d, m = int(rng.integers(1, 4)), int(rng.integers(1, 3)), int(rng.choice([1, 2, 4]))
        scale = 10 ** rng.uniform(-2, 0.3, 3)
        weights = [
            scale[0] * rng.standard_normal((m, d)),
            scale[1] * rng.standard_normal((m, m)),
            scale[2] * rng.standard_normal((1, m)),
        ]
        X, R = rng.standard_normal((n, d)), float(10 ** rng.uniform(-2, 0.3))
        found, bound = _largest_move(weights, X, R), _residual_bound(weights, X, R)
        assert found <= bound * (1 + SLACK)
        closest = max(closest, found / bound)
        skip_fails += found > _residual_bound(weights, X, R, skip=False) * (1 + SLACK)
    assert closest > 0.5
    assert skip_fails > 0
