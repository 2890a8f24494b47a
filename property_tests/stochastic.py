"""Stochastic descent: a tanh network with its derivative written out, drawn descents, and thousands of simulated runs against the certified bounds.

No code of the engine takes a step here. Rounding is far below every margin.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

import verify
from property_tests.claims import Violation
from property_tests.tally import TALLY
from property_tests.trajectories import round_trip

__all__ = ["FLOOR", "StochasticDraw", "Tanh", "batch_scale", "certified", "starts", "stochastic", "stochastic_draws"]

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
FLOOR = 1e-26
# Runs per draw, and their epochs (momentum: steps).
_RUNS, _EPOCHS, _STEPS = 500, 8, 100


class Tanh:
    """F(x) = W₂ tanh(W₁x + b₁) + b₂ for R parameter vectors at once, (R, p): values, Jacobians, batch steps."""

    def __init__(self, X: np.ndarray, y: np.ndarray, width: int) -> None:
        """Keep X (n, d), y (n, k)."""
        self.X, self.y, self.h = X, y, width
        self.n, self.d, self.k = X.shape[0], X.shape[1], y.shape[1]

    def split(self, theta: np.ndarray) -> Arrays:
        """Return W₁, b₁, W₂, b₂ of each row."""
        R, h, d, k = theta.shape[0], self.h, self.d, self.k
        cuts = np.split(theta, np.cumsum([h * d, h, k * h]), axis=1)
        return cuts[0].reshape(R, h, d), cuts[1], cuts[2].reshape(R, k, h), cuts[3]

    def residual(self, theta: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """e (R, b, k) and tanh (R, b, h) for the samples `rows` (R, b)."""
        W1, b1, W2, b2 = self.split(theta)
        t = np.tanh(np.einsum("rhd,rbd->rbh", W1, self.X[rows]) + b1[:, None])
        return np.einsum("rkh,rbh->rbk", W2, t) + b2[:, None] - self.y[rows], t

    def pulled(self, theta: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """J_bᵀe_b (R, p)."""
        W2 = self.split(theta)[2]
        e, t = self.residual(theta, rows)
        back = np.einsum("rbk,rkh->rbh", e, W2) * (1.0 - t * t)
        R = theta.shape[0]
        parts = (
            np.einsum("rbh,rbd->rhd", back, self.X[rows]),
            back.sum(axis=1),
            np.einsum("rbk,rbh->rkh", e, t),
            e.sum(axis=1),
        )
        return np.concatenate([part.reshape(R, -1) for part in parts], axis=1)

    def norms(self, theta: np.ndarray) -> np.ndarray:
        """‖e‖ (R,)."""
        everyone = np.broadcast_to(np.arange(self.n), (theta.shape[0], self.n))
        return np.asarray(np.linalg.norm(self.residual(theta, everyone)[0].reshape(theta.shape[0], -1), axis=1))

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """J (nk, p) at one θ (p,): the columns of Jᵀ are pulled-back unit residuals."""
        rows = []
        for i, a in itertools.product(range(self.n), range(self.k)):
            one = Tanh(self.X[[i]], self.y[[i]], self.h)
            e = one.residual(theta[None], np.zeros((1, 1), int))[0]
            unit = np.zeros_like(e)
            unit[0, 0, a] = 1.0
            one.y = one.y + (e - unit)[0]
            rows.append(one.pulled(theta[None], np.zeros((1, 1), int))[0])
        return np.stack(rows)


def batch_scale(loss: str, size: int, k: int) -> float:
    """s_b of a batch of `size` samples with k outputs."""
    return {"sum": 1.0, "mean": 1.0 / size, "mse": 2.0 / (size * k), "mse_sum": 2.0}[loss]


def certified(seed: int, n: int, k: int, loss: Any, descent: verify.SGD) -> tuple[verify.Certificate, Tanh]:
    """A network 3-24-k on n drawn samples, certified in scope `basin`, and its model here."""
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(3, 24), torch.nn.Tanh(), torch.nn.Linear(24, k)).double()
    X, y = torch.randn(n, 3).double(), torch.randn(n, k).double()
    return verify.certify(net, X, y, scope="basin", loss=loss, descent=descent), Tanh(X.numpy(), y.numpy(), 24)


def starts(certificate: verify.Certificate, model: Tanh, count: int, seed: int) -> np.ndarray:
    """Points on the basin's edge: along the row space of J (the weakest direction first), and anywhere."""
    centre, rng = np.asarray(certificate.witness["centre"]), np.random.default_rng(seed)
    J = model.jacobian(centre)
    directions = [
        np.linalg.svd(J)[2][J.shape[0] - 1],
        *(J.T @ rng.standard_normal(J.shape[0]) for _ in range(count // 2)),
    ]
    directions += [rng.standard_normal(centre.size) for _ in range(count - len(directions))]
    rho = float(certificate.constants["basin_radius"].mid) * (1.0 - 1e-9)
    return np.asarray(centre + np.stack([rho * v / np.linalg.norm(v) for v in directions[:count]]))


@dataclass(frozen=True)
class StochasticDraw:
    """A problem of :func:`certified` and the arguments of its :class:`verify.SGD`."""

    seed: int
    n: int
    k: int
    loss: str
    batch_size: int | None
    order: str
    momentum: str
    nesterov: bool
    batches: tuple[tuple[int, ...], ...] | None = None

    @property
    def descent(self) -> verify.SGD:
        """What is certified."""
        if self.batches is not None:
            return verify.SGD(batches=self.batches)
        drop = self.order == "with_replacement"
        order: Any = self.order
        return verify.SGD(self.batch_size, order, self.momentum, self.nesterov, drop_last=drop)


@st.composite
def stochastic_draws(draw: st.DrawFn) -> StochasticDraw:
    """Mini-batches in any order, in fixed batches, in a drawn partition or drawn with replacement, the last one smaller where it falls so; or momentum."""
    n, k = draw(st.integers(3, 7)), draw(st.integers(1, 2))
    order = draw(st.sampled_from(["any", "fixed", "given", "with_replacement", "momentum"]))
    heavy, given = order == "momentum", order == "given"
    batches = None
    if given:
        samples = draw(st.permutations(range(n)))
        cuts = sorted(draw(st.sets(st.integers(1, n - 1), min_size=1, max_size=3)))
        batches = tuple(tuple(samples[a:b]) for a, b in itertools.pairwise([0, *cuts, n]))
    return StochasticDraw(
        seed=draw(st.integers(0, 10**6)),
        n=n,
        k=k,
        loss=draw(st.sampled_from(["sum", "mean", "mse", "mse_sum"])),
        batch_size=None if heavy or given else draw(st.integers(1, n - 1)),
        order="any" if heavy else order,
        momentum=draw(st.sampled_from(["1/4", "1/2", "9/10"])) if heavy else "0",
        nesterov=heavy and draw(st.booleans()),
        batches=batches,
    )


def _losses(
    draw: StochasticDraw, certificate: verify.Certificate, model: Tanh, theta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Run from each row of θ; return ‖e‖² at the ends of epochs (of steps, with momentum), and the largest distance of any iterate from the centre."""
    runs, n, lr = len(theta), draw.n, float(certificate.constants["lr"])
    centre, rng = np.asarray(certificate.witness["centre"]), np.random.default_rng(draw.seed)
    beta, buffer = float(certificate.problem.descent.beta) if certificate.problem.descent else 0.0, np.zeros_like(theta)
    size = draw.batch_size or n
    sizes = [size] * (n // size) + ([n % size] if n % size and draw.order != "with_replacement" else [])
    rows_in_turn = np.arange(n)
    if draw.batches is not None:
        sizes, rows_in_turn = [len(b) for b in draw.batches], np.concatenate(draw.batches)
    fixed = draw.order in ("fixed", "given")
    squares, farthest = [model.norms(theta) ** 2], np.linalg.norm(theta - centre, axis=1)
    for _ in range(_STEPS if beta else _EPOCHS):
        samples = np.argsort(rng.random((runs, n)), axis=1)
        if draw.order == "with_replacement":
            samples = rng.integers(0, n, (runs, n))
        elif fixed:
            samples = np.broadcast_to(rows_in_turn, (runs, n))
        cuts = list(itertools.pairwise(np.cumsum([0, *sizes])))
        for i in rng.permutation(len(cuts)) if fixed else range(len(cuts)):
            rows = samples[:, slice(*cuts[i])]
            g = batch_scale(draw.loss, rows.shape[1], draw.k) * model.pulled(theta, rows)
            buffer = beta * buffer + g
            theta = theta - lr * (g + beta * buffer if draw.nesterov else buffer)
            farthest = np.maximum(farthest, np.linalg.norm(theta - centre, axis=1))
        squares.append(model.norms(theta) ** 2)
    return np.array(squares), farthest


def stochastic(draw: StochasticDraw) -> None:
    """No run leaves the ball or lies above the certified loss; drawn with replacement the mean loss does not, and an exit has P ≤ 10⁻⁶."""
    certificate, model = certified(draw.seed, draw.n, draw.k, draw.loss, draw.descent)
    kind = "momentum" if draw.momentum != "0" else draw.order
    TALLY.drew("stochastic", "basin", kind, certificate.verdict)
    if certificate.verdict != "PROVED":
        return
    c, drawn = certificate.constants, draw.order == "with_replacement"
    R, A, rate = (float(c[name].upper()) for name in ("radius", "loss_bound", "rate"))
    theta = np.repeat(starts(certificate, model, 50, draw.seed), _RUNS // 50, axis=0)
    squares, farthest = _losses(draw, certificate, model, theta)
    losses = 0.5 * float(certificate.problem.scale) * squares
    seen = losses.mean(axis=1) if drawn else losses.max(axis=1)
    allowed = A * rate ** ((draw.n // (draw.batch_size or draw.n) if drawn else 1) * np.arange(len(seen))) + FLOOR
    if (seen > allowed).any() or (farthest > R).any():
        raise Violation(f"{(farthest > R).sum()} of {_RUNS} runs leave; loss over bound {(seen / allowed).max()}")
    TALLY.checked(
        "stochastic",
        {
            f"loss, {kind}": float((allowed / seen).min()) - 1.0,
            f"radius, {kind}": float(R / farthest.max()) - 1.0,
        },
        draw,
    )
    round_trip(certificate, accept=True)
