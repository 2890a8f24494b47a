"""Policy updates with a network (related to arXiv:1906.10306): every inner regression certified, every gap to the optimum enclosed.

A finite discounted MDP with dyadic transitions and rewards. π_0 is uniform, f_0 = 0; π_k(·|s) ∝ exp f_k(s, ·). Each update trains a network at all (s, a)
towards f_k + ηQ_k (minus its mean per state, which no policy sees) and takes its *exact* outputs as f_{k+1}. What it misses is ξ_k, enclosed; that scope
`ball` is PROVED at the parameters reached says more: gradient descent from them would make the regression exact (claim ppo_inner_lplr). Q_k and J(π_k) solve
linear systems with enclosed coefficients, in Arb; the optimum is a deterministic policy whose Bellman inequalities are checked in rationals. Claim
policy_mirror_descent bounds the mean gap from the range of Q_k(s, ·) and ε = max|ξ_k| alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from flint import arb, arb_mat, fmpq
from jaxtyping import Float

from proofs.evaluation import evaluate
from verify import nn
from verify.arrays import Ball, log
from verify.certificates import Certificate, Step
from verify.experiments.related.demonstration import Demonstration, count, least, most
from verify.networks import DataSet, Network, Problem, kernel_of, linearise, read_network
from verify.networks.arb_forms import precision, to_ball
from verify.networks.linearisation import forward
from verify.networks.parameters import flatten, with_parameters
from verify.regions.descent.float64 import Descent, default_step
from verify.regions.scopes.ball import ball_certificate
from verify.regions.scopes.options import BallOptions

__all__ = ["Decisions", "example", "run"]

_BITS = 128


@dataclass(frozen=True)
class Decisions:
    """A finite discounted MDP, exact.

    Attributes:
        P: (S, A, S) transition probabilities, doubles. r: (S, A) rewards, doubles. discount: γ in [0, 1). The start is uniform over the states.
    """

    P: Float[np.ndarray, "S A S"]
    r: Float[np.ndarray, "S A"]
    discount: Fraction

    @property
    def shape(self) -> tuple[int, int]:
        """(S, A)."""
        return self.r.shape[0], self.r.shape[1]

    def values(self, policy: list[list[Any]]) -> list[Any]:
        """Enclose V^π: (1 − γP_π)V = r_π, in Arb at the precision in force; `policy` holds arb probabilities."""
        S, A = self.shape
        gamma = arb(fmpq(self.discount.numerator, self.discount.denominator))
        rows = [
            [
                int(s == t) - gamma * sum((policy[s][a] * float(self.P[s, a, t]) for a in range(A)), arb(0))
                for t in range(S)
            ]
            for s in range(S)
        ]
        right = [[sum((policy[s][a] * float(self.r[s, a]) for a in range(A)), arb(0))] for s in range(S)]
        return list(arb_mat(rows).solve(arb_mat(right)).entries())

    def actions(self, V: list[Any]) -> Any:
        """Q(s, a) = r(s, a) + γΣ_tP(s, a, t)V_t as an arb_mat (S, A)."""
        S, A = self.shape
        gamma = arb(fmpq(self.discount.numerator, self.discount.denominator))
        return arb_mat(
            S,
            A,
            [
                float(self.r[s, a]) + gamma * sum((float(self.P[s, a, t]) * V[t] for t in range(S)), arb(0))
                for s in range(S)
                for a in range(A)
            ],
        )

    def optimum(self) -> tuple[Fraction, Fraction]:
        """Return J* and max_{s,a}(Q(s, a) − V_s) of the policy that policy iteration ends with, exact; it is optimal if the latter is ≤ 0."""
        S, A = self.shape
        P, r = (
            [[sp.Rational(*float(x).as_integer_ratio()) for x in row] for row in M]
            for M in (self.P.reshape(S * A, S), self.r)
        )
        gamma = sp.Rational(self.discount.numerator, self.discount.denominator)
        choice = [0] * S
        while True:
            V = (sp.eye(S) - gamma * sp.Matrix([P[s * A + choice[s]] for s in range(S)])).solve(
                sp.Matrix([r[s][choice[s]] for s in range(S)])
            )
            Q = [
                [r[s][a] + gamma * sum(p * v for p, v in zip(P[s * A + a], V, strict=True)) for a in range(A)]
                for s in range(S)
            ]
            best = [max(row) for row in Q]
            better = [c if row[c] == top else row.index(top) for c, row, top in zip(choice, Q, best, strict=True)]
            if better == choice:
                return _fraction(sum(V) / S), _fraction(max(top - value for top, value in zip(best, V, strict=True)))
            choice = better


def _fraction(x: Any) -> Fraction:
    return Fraction(int(x.p), int(x.q))


def example(states: int = 4, actions: int = 3, seed: int = 3, discount: Fraction = Fraction(1, 2)) -> Decisions:
    """Return a random MDP: transitions in 64ths, rewards in 16ths of [0, 1]."""
    rng = np.random.default_rng(seed)
    P = np.floor(rng.dirichlet(np.full(states, 0.5), size=(states, actions)) * 64)
    np.put_along_axis(
        P, P.argmax(axis=-1)[..., None], P.max(axis=-1, keepdims=True) + 64 - P.sum(axis=-1, keepdims=True), axis=-1
    )
    return Decisions(P / 64, np.round(rng.uniform(size=(states, actions)) * 16) / 16, discount)


def run(
    updates: int = 16,
    width: int = 512,
    *,
    states: int = 4,
    actions: int = 3,
    seed: int = 3,
    discount: Fraction = Fraction(1, 2),
    step: Fraction = Fraction(4),
    features: int = 6,
    accuracy: float = 1e-6,
) -> Demonstration:
    """Make `updates` policy updates with step η on :func:`example`, by a network features-width-1 (tanh) trained to a residual of `accuracy` each time."""
    problem = example(states, actions, seed, discount)
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(states * actions, features))
    X *= 3 * np.sqrt(features) / np.linalg.norm(X, axis=1, keepdims=True)
    network = read_network(nn.fully_connected((features, width, 1), seed=seed))
    best, slack = problem.optimum()
    logits = Ball(np.zeros(problem.shape))
    gaps, errors, ranges, certificates = [], [], [], {}
    eta = Ball(step)
    for k in range(updates + 1):
        Q, value = _evaluate(problem, logits)
        gaps.append(Ball(best) - value)
        if k == updates:
            break
        ranges.append(Ball(float((Q.upper().max(axis=1) - Q.lower().min(axis=1)).max() * (1 + 2.0**-50))))
        wanted = logits + eta * Q
        target = wanted.mid - wanted.mid.mean(axis=1, keepdims=True)
        network, certificate = _regress(network, X, target.reshape(-1, 1), accuracy)
        certificates[f"update{k}"] = certificate
        logits = forward(network, X).reshape(*problem.shape)
        # ξ up to a constant per state, the midpoint of its range.
        missed = logits - wanted
        errors.append(missed - (missed.mid.max(axis=1, keepdims=True) + missed.mid.min(axis=1, keepdims=True)) / 2)
    values = {
        "policy_step": eta,
        "discount": Ball(discount),
        "updates": Ball(updates),
        "kl_start": log(Ball(actions)),
        "range_Q": Ball(max(float(b.upper()) for b in ranges)),
        "policy_error": Ball(max(float(e.magnitude().max()) for e in errors)),
    }
    mean = sum(gaps[:-1], Ball(0)) / updates
    bound = evaluate("mirror_gap", values)
    return Demonstration(
        system=f"policy updates, {states} states, {actions} actions, {network.describe()}",
        paper="1906.10306",
        claims=("policy_mirror_descent", "ppo_inner_lplr", "performance_difference"),
        steps=(
            Step(
                "no action improves on the policy taken as optimal",
                "performance_difference",
                Ball(slack),
                "<=",
                Ball(0),
                "Q*(s, a) ≤ V*(s)",
            ),
            Step("the mean gap is within its bound", "policy_mirror_descent", mean, "<=", bound, "(1/K)Σ(J* − J(π_k))"),
        ),
        quantities={
            "optimum": Ball(best),
            "first_gap": gaps[0],
            "last_gap": gaps[-1],
            "mean_gap": mean,
            "mean_gap_bound": bound,
            **{name: values[name] for name in ("updates", "policy_error", "range_Q", "policy_step")},
        },
        says=_says,
        limits="sampling error, infinite width, and which policy the last regression's exact fit would give; the bound is vacuous for a discount near 1",
        certificates=certificates,
    )


def _evaluate(problem: Decisions, logits: Ball) -> tuple[Ball, Ball]:
    """Enclose Q^π (S, A) and J(π) for π(·|s) ∝ exp logits(s, ·)."""
    S, A = problem.shape
    with precision(_BITS):
        weights = [[arb(float(logits.mid[s, a]), float(logits.rad[s, a])).exp() for a in range(A)] for s in range(S)]
        V = problem.values([[w / sum(row, arb(0)) for w in row] for row in weights])
        return to_ball(problem.actions(V)), to_ball(arb_mat([[sum(V, arb(0)) / S]]))[0, 0]


def _regress(network: Network, X: np.ndarray, target: np.ndarray, accuracy: float) -> tuple[Network, Certificate]:
    """Train by float64 descent to a residual of `accuracy`, within 20,000 steps, and certify the ball there."""
    data = DataSet(X, np.ascontiguousarray(target))
    largest = float(np.linalg.norm(kernel_of(linearise(network, X)).mid, 2))
    descent, theta = Descent(network, data, Fraction(1), default_step(largest, Fraction(1))), flatten(network)
    for _ in range(20_000):
        theta, size = descent.step(theta)
        if size <= accuracy:
            break
    trained = with_parameters(network, theta)
    return trained, ball_certificate(Problem(trained, data), BallOptions())


def _says(q: Mapping[str, Ball]) -> str:
    return (
        f"{count(q, 'updates')} policy updates, every inner regression in a certified region, each logit off by at most {most(q, 'policy_error', 3)}: the"
        f" gap J* − J(π) falls from {least(q, 'first_gap')} to between {least(q, 'last_gap')} and {most(q, 'last_gap')}; its mean is at most"
        f" {most(q, 'mean_gap')}, which policy_mirror_descent bounds by {most(q, 'mean_gap_bound')}"
    )
