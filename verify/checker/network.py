"""A network at one parameter vector, exact or itself enclosed: values forwards, sensitivities backwards, NTK and gradient."""

from __future__ import annotations

from typing import Any

from flint import arb, arb_mat

from verify.checker.enclosures import length, nonnegative, psd_norm, real, root, smallest_eigenvalue, stage, tick, zips
from verify.checker.layers import Elementwise, Trained
from verify.checker.pooling import Equal, Maximum
from verify.checker.problem import Parameters, Problem

__all__ = ["Midpoints", "Point"]

Midpoints = dict[int, set[tuple[int, int]]]
"""Position of an activation → pairs (sample, unit)."""


class Point:
    """Enclosures of everything a certificate needs at one parameter vector, node by node.

    `value[v]` is h_v, one row per sample, `value[-1]` the data; `sensitivity[v]` is ∂F/∂h_v, one row per sample and output. A node's sensitivity is the sum
    over all that read it.
    """

    def __init__(self, problem: Problem, parameters: Parameters, midpoints: Midpoints | None = None) -> None:
        """Propagate forwards and backwards; the units of `midpoints` get the mean of the two slopes at their kink, whatever z is."""
        self.problem, n, k = problem, problem.n, problem.k
        self.parameters, self.midpoints = parameters, midpoints or {}
        self.theta: Any = None
        self.value: dict[int, Any] = {-1: arb_mat(n, len(problem.X.data) // n, problem.X.data.tolist())}
        self.local: list[Any] = []
        """What each layer's pullback knows of this point: weights s·W, slopes, or choices."""
        equal = Equal(problem.layers, self.value, self.local)
        for v, (layer, weights) in enumerate(zips(problem.layers, parameters)):
            tick()
            stage("values of the layers", v + 1, len(problem.layers))
            self.value[v], local = layer.forward(weights, [self.value[u] for u in layer.inputs])
            if isinstance(layer, Elementwise) and v in self.midpoints:
                local = layer.with_midpoints(local, self.midpoints[v])
            if isinstance(layer, Maximum):
                local = layer.choices(self.input(v), equal.of(layer.inputs[0]))
            self.local.append(local)
        last = len(problem.layers) - 1
        self.residual = arb_mat(n * k, 1, [f - y for f, y in zips(self.value[last].entries(), problem.y.data)])
        self.e = length(self.residual.entries())  # ‖F(θ) − y‖
        self.loss = nonnegative(real(problem.s) * self.e**2 / 2)
        self.sensitivity: dict[int, Any] = {
            last: arb_mat([[int(i == j) for i in range(k)] for _ in range(n) for j in range(k)])
        }
        for v in range(last, -1, -1):
            tick()
            stage("sensitivities of the layers", last - v + 1, last + 1)
            layer = problem.layers[v]
            if set(layer.inputs) != {-1}:
                for u, share in zips(layer.inputs, layer.pullback(self.local[v], self.sensitivity[v], k)):
                    if u >= 0:
                        self.sensitivity[u] = self.sensitivity[u] + share if u in self.sensitivity else share

    def input(self, v: int) -> Any:
        """Enclose the value that layer v reads (its first input)."""
        return self.value[self.problem.layers[v].inputs[0]]

    def kernel(self) -> Any:
        """Enclose the NTK J·Jᵀ: the sum over the layers with parameters."""
        if self.theta is None:
            layers, size = self.problem.layers, self.problem.n * self.problem.k
            self.theta = arb_mat(size, size)
            for v, layer in enumerate(layers):
                stage("NTK, layer by layer", v + 1, len(layers))
                if isinstance(layer, Trained) and any(layer.moving):
                    self.theta += layer.kernel(self.input(v), self.sensitivity[v], self.problem.k)
        return self.theta

    def smallest(self, near: float) -> Any:
        """Enclose λ_min of the NTK, with a guess; 0 exactly where there are more outputs than parameters."""
        few = len(self.problem.start) < self.problem.n * self.problem.k
        return arb(0) if few else smallest_eigenvalue(self.kernel(), near)

    def size(self) -> Any:
        """Enclose ‖J‖, ‖J‖² = ‖J·Jᵀ‖."""
        return root(psd_norm(self.kernel()))

    def gradient(self) -> Parameters:
        """Enclose ∇Φ/s = Jᵀe, in the layout of the parameters."""
        e, k = self.residual.entries(), self.problem.k
        return [
            layer.gradient(self.input(v), self.sensitivity[v], e, k) if isinstance(layer, Trained) else None
            for v, layer in enumerate(self.problem.layers)
        ]

    def gradient_square(self) -> Any:
        """Enclose ‖∇Φ‖² = s²‖Jᵀe‖² = s²eᵀΘe."""
        square = (self.residual.transpose() * self.kernel() * self.residual)[0, 0]
        return nonnegative(real(self.problem.s) ** 2 * square)
