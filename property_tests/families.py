"""Families where the truth is known by construction: sharp ones, on which bounds are attained, and false ones.

Sharp: linear models F_i = b_i·w_i (λ, μ, β, rate and, for small steps, the path are attained) and the quadratic F = x·v·w
(Δ_J and L_H are attained everywhere on the sphere, λ(R) at the point of the ball nearest to the origin).
False: problems for which the conclusion of a ball certificate cannot hold, whatever the constants.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from hypothesis import strategies as st

from property_tests.draws import ACTIVATION_NAMES, Architecture, module_of
from property_tests.reference import LayerSpec
from property_tests.strategies import architectures

__all__ = ["FALSEHOODS", "FalseProblem", "LinearModel", "Quadratic", "false_problems", "linear_models", "quadratics"]


@dataclass(frozen=True)
class LinearModel:
    """F_i(w) = slopes[i]·w_i, one input axis per sample: Θ = diag(slopes²) for all w, D²F = 0.

    Attributes:
        slopes: b_i > 0, dyadic. start: w_i. residual: the residual of the sample with the smallest slope; the others are fitted
            exactly, so the gradient lies in the bottom eigenspace of Θ.
        step: η as a fraction of 2/β.
    """

    slopes: tuple[float, ...] = (1.0,)
    start: float = 0.0
    residual: float = 1.0
    loss: Literal["sum", "mean"] = "sum"
    step: Fraction | None = None
    reach: float | None = 1.5

    kind = "linear model"

    @cached_property
    def layers(self) -> list[LayerSpec]:
        """One bias-free linear layer."""
        return [LayerSpec(np.full((1, len(self.slopes)), self.start), None, 1, "identity")]

    @cached_property
    def model(self) -> torch.nn.Sequential:
        """The torch module."""
        return module_of(self.layers)

    @cached_property
    def X(self) -> np.ndarray:
        """Inputs, diagonal."""
        return np.diag(np.array(self.slopes, dtype=np.float64))

    @cached_property
    def y(self) -> np.ndarray:
        """Targets (n, 1); dyadic arithmetic, so the other residuals vanish exactly."""
        y = self.X.sum(axis=1, keepdims=True) * self.start
        y[int(np.argmin(self.slopes))] -= self.residual
        return np.asarray(y)

    @property
    def s(self) -> Fraction:
        """Exact loss scale."""
        return Fraction(1) if self.loss == "sum" else Fraction(1, len(self.slopes))

    @property
    def smoothness(self) -> Fraction:
        """The exact β = s·max b²."""
        return self.s * Fraction(max(self.slopes)) ** 2

    @property
    def radius(self) -> float | None:
        """Prescribed radius."""
        return None if self.reach is None else self.reach * abs(self.residual) / min(self.slopes)


@dataclass(frozen=True)
class Quadratic:
    """F = x·v·w: a linear network with one hidden unit. λ = x²(v² + w²), D²F = x·[[0, 1], [1, 0]].

    `residual` is a fraction of λ0/(2|x|), the largest that either containment criterion could absorb.
    """

    x: float = 1.0
    v: float = 1.0
    w: float = 1.0
    residual: float = 0.25
    loss: Literal["sum", "mean"] = "sum"
    step: Fraction | None = None
    reach: float | None = 1.5

    kind = "quadratic"

    @cached_property
    def layers(self) -> list[LayerSpec]:
        """Two scalar layers."""
        one = np.ones((1, 1))
        return [LayerSpec(one * self.w, None, 1, "identity"), LayerSpec(one * self.v, None, 1, "identity")]

    @cached_property
    def model(self) -> torch.nn.Sequential:
        """The torch module."""
        return module_of(self.layers)

    @cached_property
    def X(self) -> np.ndarray:
        """One scalar input."""
        return np.full((1, 1), self.x)

    @property
    def _e0(self) -> float:
        return self.residual * abs(self.x) * (self.v**2 + self.w**2) / 2.0

    @cached_property
    def y(self) -> np.ndarray:
        """One scalar target."""
        return np.full((1, 1), self.x * self.v * self.w - self._e0)

    @property
    def s(self) -> Fraction:
        """Exact loss scale: 1 for one sample."""
        return Fraction(1)

    @property
    def radius(self) -> float | None:
        """Prescribed radius."""
        if self.reach is None:
            return None
        return self.reach * self._e0 / (abs(self.x) * float(np.hypot(self.v, self.w)))


_STEPS = st.sampled_from([None, Fraction(1, 2), Fraction(1, 4), Fraction(1, 20), Fraction(1, 100)])
_Loss = Literal["sum", "mean"]
_LOSSES: tuple[_Loss, _Loss] = ("sum", "mean")
_LOSS: st.SearchStrategy[_Loss] = st.sampled_from(_LOSSES)


def _dyadics(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(lambda q: q / 4)


def linear_models(
    *, max_n: int = 3, steps: st.SearchStrategy[Fraction | None] = _STEPS
) -> st.SearchStrategy[LinearModel]:
    """Draw linear models; shrinks to F = w/4 from w = 0."""
    return st.builds(
        LinearModel,
        slopes=st.lists(_dyadics(1, 16), min_size=1, max_size=max_n).map(tuple),
        start=_dyadics(0, 12),
        residual=st.sampled_from([1.0, 0.5, -1.0, 4.0, 2.0**-10]),
        loss=_LOSS,
        step=steps,
        reach=st.sampled_from([1.5, 1.125, 1.03125, 4.0]),
    )


def quadratics() -> st.SearchStrategy[Quadratic]:
    """Draw quadratics away from the saddle v = w = 0."""
    return st.builds(
        Quadratic,
        x=_dyadics(1, 12),
        v=_dyadics(1, 12),
        w=_dyadics(-12, 12),
        residual=st.sampled_from([0.25, 0.125, 0.5, 0.75, 2.0**-8]),
        step=_STEPS,
        reach=st.sampled_from([1.5, 1.25, 2.0, 1.125]),
    )


@dataclass(frozen=True)
class FalseProblem:
    """A problem on which no ball certificate can be true, and why.

    Attributes:
        why: 'contradiction' (equal inputs, different targets), 'repeated' (equal inputs, equal targets: λ ≡ 0),
            'dependent' (linearly dependent inputs of a linear net without bias), 'antipodal' (x and −x, odd network),
            'too many outputs' (N > p), 'out of range' (targets the bounded output cannot reach).
        n, seed: of the inputs; targets are close to the network's outputs where the falsehood leaves that free.
    """

    why: str
    architecture: Architecture
    n: int = 2
    seed: int = 0
    loss: Literal["sum", "mean"] = "sum"

    @cached_property
    def model(self) -> torch.nn.Sequential:
        """The torch module."""
        return self.architecture.build()

    @cached_property
    def X(self) -> np.ndarray:
        """Inputs (n, d), multiples of 1/8 so that the stated dependence is exact."""
        rng = np.random.default_rng([self.seed, 3])
        d = self.architecture.widths[0]
        X = np.round(rng.standard_normal((self.n, d)) * 8.0) / 8.0
        if self.why in ("contradiction", "repeated"):
            X[-1] = X[0]
        elif self.why == "dependent":
            X = np.vstack([X, X.sum(axis=0, keepdims=True)])
        elif self.why == "antipodal":
            X[-1] = -X[0]
        return X

    @cached_property
    def y(self) -> np.ndarray:
        """Targets (n, k), close to the network's outputs except where the falsehood is in the targets."""
        with torch.no_grad():
            outputs = self.model(torch.from_numpy(self.X)).numpy()
        y = np.round(outputs * 2.0**20) / 2.0**20
        if self.why == "repeated":
            y[-1] = y[0]
        elif self.why == "contradiction":
            y[-1] = y[0] + 2.0**-10
        elif self.why == "out of range":
            # tanh, sine: [−1, 1]; sigmoid: (0, 1); none reaches 1 + 2⁻²⁰.
            y[0] = 1.0 + 2.0**-20
        return np.asarray(y)


FALSEHOODS = ("contradiction", "repeated", "dependent", "antipodal", "too many outputs", "out of range")
"""The kinds of falsehood of :class:`FalseProblem`."""
_BOUNDED = ("tanh", "sigmoid", "sine")
_ODD = ("tanh", "sine", "identity")


@st.composite
def false_problems(draw: st.DrawFn, why: str) -> FalseProblem:
    """Draw problems of one kind of falsehood (see :class:`FalseProblem`)."""
    if why == "dependent":
        arch = replace(
            draw(architectures(depths=(1, 3), max_width=6, activations=("identity",))),
            bias=False,
            output_activation="identity",
        )
    elif why == "antipodal":
        arch = draw(architectures(depths=(1, 4), max_width=8, activations=_ODD))
        arch = replace(arch, bias=False)
    elif why == "too many outputs":
        # At most 2·2 + 2 parameters and at least 7 outputs.
        width = st.integers(1, 2)
        name = draw(st.sampled_from(ACTIVATION_NAMES))
        arch = Architecture((draw(width), draw(width), 1), (name,), seed=draw(st.integers(0, 999)))
        return FalseProblem(why, arch, n=draw(st.integers(7, 10)), seed=draw(st.integers(0, 999)), loss=draw(_LOSS))
    elif why == "out of range":
        arch = replace(
            draw(architectures(depths=(1, 3), max_width=8)), output_activation=draw(st.sampled_from(_BOUNDED))
        )
    else:
        arch = draw(architectures(depths=(1, 4), max_width=16))
    return FalseProblem(why, arch, n=draw(st.integers(2, 4)), seed=draw(st.integers(0, 999)), loss=draw(_LOSS))
