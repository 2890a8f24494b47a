"""The proofs' givens hold for real vectors: the abstraction to norms and Gram entries loses nothing and invents nothing.

A random quadratic map F_i(θ) = b_i + g_iᵀθ + ½θᵀH_iθ has an affine Jacobian, so every quantity of a proof can be computed. One step of
gradient descent instantiates all symbols; every definition, lemma and hypothesis of the chain must then be true, and so must every
derived line whose premises were instantiated. Floats with a small slack: a check of the formulation, not of the bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
import sympy as sp

from proofs import ledger
from proofs.claim import Formulas

SLACK = 1e-9


@dataclass(frozen=True)
class Quadratic:
    """F(θ) = b + Gθ + ½(θᵀH_iθ)_i with targets 0; all constants about the point 0."""

    b: np.ndarray
    G: np.ndarray
    H: np.ndarray

    def F(self, t: np.ndarray) -> np.ndarray:
        return np.asarray(self.b + self.G @ t + 0.5 * np.einsum("i,nij,j->n", t, self.H, t))

    def J(self, t: np.ndarray) -> np.ndarray:
        return np.asarray(self.G + np.einsum("nij,j->ni", self.H, t))

    @property
    def L_H(self) -> float:
        """A bound of ‖D²F[u, v]‖: the Frobenius norm of the N × p² unfolding's spectral norm."""
        n, p, _ = self.H.shape
        return float(np.linalg.norm(self.H.reshape(n, p * p), 2))


def instances() -> Iterator[tuple[int, Quadratic]]:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        G = rng.standard_normal((3, 7))
        H = rng.standard_normal((3, 7, 7)) * 0.1
        yield seed, Quadratic(rng.standard_normal(3) * 0.3, G, H + H.transpose(0, 2, 1))


def _holds(relation: sp.Basic, values: dict[str, float]) -> bool | None:
    """Truth with slack in favour of the relation; None when a symbol has no value."""
    if relation in (sp.true, sp.false):
        return bool(relation)
    if isinstance(relation, sp.And):
        parts = [_holds(part, values) for part in relation.args]
        return None if None in parts else all(parts)
    if isinstance(relation, sp.Implies):
        first, second = (_holds(part, values) for part in relation.args)
        return None if None in (first, second) else (not first) or bool(second)
    if any(symbol.name not in values for symbol in relation.free_symbols):
        return None
    left, right = (
        float(side.subs({x: values[x.name] for x in side.free_symbols})) for side in (relation.lhs, relation.rhs)
    )
    slack = SLACK * (1 + abs(left) + abs(right))
    return {
        "==": abs(left - right) <= slack,
        "<=": left <= right + slack,
        "<": left < right + slack,
        ">=": left >= right - slack,
        ">": left > right - slack,
        "!=": left != right,
    }[relation.rel_op]


def _check(claim_id: str, values: dict[str, float], *, expected: set[str]) -> None:
    prove = ledger.claim(claim_id).proof
    assert prove is not None
    seen: set[str] = set()
    for name, line in prove(Formulas()).lines.items():
        if line.kind == "identity" or (line.kind == "derived" and not seen.issuperset(line.using)):
            continue
        truth = _holds(line.relation, values)
        if truth is None:
            continue
        assert truth, f"{claim_id}, line {name}: {line.relation} is false at {values}"
        seen.add(name)
    assert expected <= seen, f"{claim_id}: not instantiated: {sorted(expected - seen)}"


def _norm(x: np.ndarray) -> float:
    return float(np.linalg.norm(x, 2))


@pytest.mark.parametrize(("seed", "net"), list(instances()), ids=lambda x: str(x) if isinstance(x, int) else "")
def test_containment_residual(seed: int, net: Quadratic) -> None:
    s, R = 0.7, 0.3
    net = replace(net, b=net.b / 20)
    theta = np.random.default_rng(seed + 100).standard_normal(7) * 0.002
    Delta, j0 = net.L_H * R, _norm(net.G)
    K = j0 + Delta
    eta = 0.9 / (s * K**2)
    h = eta * s
    e, J = net.F(theta), net.J(theta)
    step = -h * J.T @ e
    e1 = net.F(theta + step)
    mean = net.J(theta + step / 2)  # J is affine: its mean over the step is its value at the middle
    sigma = float(np.linalg.svd(J)[1][-1])
    E, A = _norm(e), h * J @ J.T
    P, length = _norm(theta), _norm(step)
    e0 = 1.5 * E
    delta = min(eta * s * net.L_H * K * e0 / 2, 2 * Delta)
    G = (sigma - delta) * (R - P)
    assert G >= E
    values = {
        "s": s,
        "eta": eta,
        "R": R,
        "delta": delta,
        "L_H": net.L_H,
        "Delta_J": Delta,
        "e0": e0,
        "jacobian_norm0": j0,
        "h": h,
        "K": K,
        "e_k": E,
        "e_next": _norm(e1),
        "q": _norm(e - A @ e),
        "m": float(e @ A @ e),
        "a": h * sigma**2,
        "image": float(np.sum((A @ e) ** 2)),
        "Je": _norm(J.T @ e),
        "length": length,
        "sigma_P": sigma,
        "defect": _norm(mean - J),
        "P": P,
        "G": G,
        "G_next": G - (sigma - delta) * length,
        "sigma": sigma,
    }
    expected = {
        "step_h",
        "length",
        "form",
        "norm",
        "below",
        "spectral",
        "linear",
        "q_square",
        "young",
        "pays_linear",
        "residual",
        "curvature",
        "movement",
        "drift_bound",
        "pays",
        "inside",
        "next",
        "rate",
        "rate_loss",
    }
    _check("containment_residual", values, expected=expected)


@pytest.mark.parametrize(("seed", "net"), list(instances()), ids=lambda x: str(x) if isinstance(x, int) else "")
def test_containment_displacement(seed: int, net: Quadratic) -> None:
    rng = np.random.default_rng(seed + 200)
    s, R = 1.3, 0.6
    c = rng.standard_normal(7) * 0.05
    theta = c + rng.standard_normal(7) * 0.1
    Delta, centre = net.L_H * R, net.J(c)
    j0 = _norm(centre)
    eta = 0.9 / (s * (j0 + Delta) ** 2)
    h = eta * s
    e, J, x = net.F(theta), net.J(theta), theta - c
    e_c = _norm(net.F(c))
    r = e - J @ x
    g = J.T @ e
    d0 = 1.1 * _norm(x)
    values = {
        "s": s,
        "eta": eta,
        "L_H": net.L_H,
        "R": R,
        "d0": d0,
        "e_c": e_c,
        "jacobian_norm0": j0,
        "Delta_J": Delta,
        "h": h,
        "K": j0 + Delta,
        "D": _norm(x),
        "D_next": _norm(x - h * g),
        "e_k": _norm(e),
        "r": _norm(r),
        "gradient_e": _norm(g),
        "curve": _norm(net.F(theta) - net.F(c) - J @ x),
        "step_fraction": 0.9,
        "remainder": net.L_H * d0**2 / 2,
        "bent": _norm(net.F(theta) - net.F(c) - J @ x),
        "far": _norm(x),
        "D_square": d0**2,
        "ex": float(e @ (J @ x)),
        "er": float(e @ r),
    }
    expected = {
        "norm",
        "curvature",
        "remainder",
        "rest",
        "split",
        "cauchy",
        "next",
        "g_term",
        "decrease",
        "curvature_remainder",
    }
    _check("containment_displacement", values, expected=expected)


@pytest.mark.parametrize(("seed", "net"), list(instances()), ids=lambda x: str(x) if isinstance(x, int) else "")
def test_ntk_stability_and_smoothness(seed: int, net: Quadratic) -> None:
    rng = np.random.default_rng(seed + 300)
    R = 0.4
    theta = rng.standard_normal(7)
    theta *= R * rng.random() / _norm(theta)
    w, x = rng.standard_normal(3), rng.standard_normal(7)
    w, x = w / _norm(w), x / _norm(x)
    J0, J = net.G, net.J(theta)
    D = J - J0
    Delta, dist = net.L_H * R, _norm(theta)
    lambda0, j0 = float(np.linalg.eigvalsh(J0 @ J0.T)[0]), _norm(J0)
    shared = {"lambda0": lambda0, "jacobian_norm0": j0, "Delta_J": Delta, "L_H": net.L_H}
    _check(
        "ntk_stability",
        {
            **shared,
            "u": _norm(J0.T @ w),
            "d": _norm(D.T @ w),
            "v": _norm(J.T @ w),
            "x0": _norm(J0 @ x),
            "dx": _norm(D @ x),
            "x": _norm(J @ x),
            "ud": float((J0.T @ w) @ (D.T @ w)),
            "xd": float((J0 @ x) @ (D @ x)),
        },
        expected={"sum", "triangle", "sigma", "lambda", "image", "norm"},
    )
    # The Lipschitz constants, at the w that maximises |wᵀ(Θ − Θ0)w|, and between two points.
    change = J @ J.T - J0 @ J0.T
    values, vectors = np.linalg.eigh(change)
    w = vectors[:, np.argmax(np.abs(values))]
    other = rng.standard_normal(7)
    other *= R * rng.random() / _norm(other)
    J2 = net.J(other)
    values2, vectors2 = np.linalg.eigh(J @ J.T - J2 @ J2.T)
    w2 = vectors2[:, np.argmax(np.abs(values2))]
    a, b = J.T @ w2, J2.T @ w2
    _check(
        "ntk_lipschitz",
        {
            **shared,
            "u": _norm(J0.T @ w),
            "d": _norm(D.T @ w),
            "distance": dist,
            "change": _norm(change),
            "ud": float((J0.T @ w) @ (D.T @ w)),
            "a": _norm(a),
            "b": _norm(b),
            "gap": _norm(a - b),
            "ab": float(a @ b),
            "apart": _norm(theta - other),
            "pair_change": _norm(J @ J.T - J2 @ J2.T),
        },
        expected={"norm", "expanded", "from_centre", "difference", "norm_pair", "pairwise"},
    )
    # The Hessian along a unit vector v; e0 is enlarged so that θ is on the sublevel set.
    s, v, e = 0.8, x, net.F(theta)
    second = np.einsum("i,nij,j->n", v, net.H, v)
    step = 1e-4
    numeric = (
        (s / 2)
        * sum(k * float(np.sum(net.F(theta + m * step * v) ** 2)) for m, k in ((-1, 1), (0, -2), (1, 1)))
        / step**2
    )
    exact = abs(s * (_norm(J @ v) ** 2 + float(e @ second)))
    assert abs(abs(numeric) - exact) < 1e-4 * (1 + exact)
    e0 = 1.2 * _norm(e)
    _check(
        "smoothness",
        {
            **shared,
            "s": s,
            "e0": e0,
            "R": R,
            "Jv": _norm(J @ v),
            "e": _norm(e),
            "h": _norm(second),
            "eh": float(e @ second),
            "form": exact,
            "Phi": s * _norm(e) ** 2 / 2,
            "Phi0": s * e0**2 / 2,
        },
        expected={"hessian", "jacobian", "curvature", "cauchy", "residual", "beta"},
    )


@pytest.mark.parametrize(("seed", "net"), list(instances()), ids=lambda x: str(x) if isinstance(x, int) else "")
def test_descent_and_pl(seed: int, net: Quadratic) -> None:
    rng = np.random.default_rng(seed + 400)
    s = 0.6
    theta = rng.standard_normal(7) * 0.05
    e, J = net.F(theta), net.J(theta)
    Phi, g = s * float(e @ e) / 2, s * J.T @ e
    lam = float(np.linalg.eigvalsh(J @ J.T)[0])
    _check(
        "pl_from_ntk",
        {
            "s": s,
            "lambda_R": lam,
            "Phi": Phi,
            "ee": float(e @ e),
            "Je": float(np.sum((J.T @ e) ** 2)),
            "gradient_norm": _norm(g),
            "floor": 0.0,
        },
        expected={"loss", "gradient", "rayleigh", "pl", "ratio"},
    )
    reach = _norm(theta) + 1.0
    K = _norm(net.G) + net.L_H * reach
    beta = s * (K**2 + (_norm(e) + K) * net.L_H)  # valid within distance 1 of θ: the residual grows by at most K there
    eta = 1.5 / beta
    after = s * float(np.sum(net.F(theta - eta * g) ** 2)) / 2
    assert eta * _norm(g) < 1
    _check(
        "descent_step",
        {
            "eta": eta,
            "beta": beta,
            "mu": s * lam,
            "Phi": Phi,
            "Phi_after": after,
            "gradient_norm": _norm(g),
            "floor": 0.0,
        },
        expected={"step", "taylor", "pl", "descent", "rate"},
    )


def test_a_misstated_line_would_be_noticed() -> None:
    """The instantiation is not toothless: the NTK's change without its factor 2 is false at some instance."""
    L_H, j0, change, dist = sp.symbols("L_H jacobian_norm0 change distance")
    wrong = change <= L_H * j0 * dist / 4
    net = Quadratic(np.zeros(1), np.array([[1.0]]), np.array([[[1.0]]]))
    moved = net.J(np.array([0.5]))
    values = {"L_H": net.L_H, "jacobian_norm0": 1.0, "change": float(moved[0, 0] ** 2 - 1), "distance": 0.5}
    assert _holds(wrong, values) is False
