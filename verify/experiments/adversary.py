"""An adversary that tries to break a ball certificate, in plain floating point.

It searches B(θ0, R) for points where λ_min(Θ) or the PL ratio is small and where the curvature is large, by projected
gradient steps from several starts. What it finds is *observed*, never proved: a true certificate survives it, and a
constant raised beyond the truth does not (which is how we know that it bites). Its values are also the truth column of
the looseness table.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch

from verify.errors import InputError
from verify.networks import Problem
from verify.networks.activations import Activation

__all__ = ["AttackReport", "TorchNetwork", "attack"]


def _activated(activation: Activation, z: torch.Tensor) -> torch.Tensor:
    return activation.record.in_torch(z, dict(activation.parameters))


class TorchNetwork:
    """The same network as a differentiable float64 function of one flat parameter vector (observed values only)."""

    def __init__(self, problem: Problem) -> None:
        """Keep copies of the exact parameters and data as torch tensors."""
        self.network = problem.network
        self.X = torch.from_numpy(problem.data.X.copy())
        self.y = torch.from_numpy(problem.data.y.copy())
        self.s = float(problem.scale)
        parts = []
        for layer in problem.network.chain:
            parts.append(torch.from_numpy(layer.weight.copy()).reshape(-1))
            if layer.bias is not None:
                parts.append(torch.from_numpy(layer.bias.copy()))
        self.theta0 = torch.cat(parts)

    def _layers(self, theta: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor | None, float]]:
        result, at = [], 0
        for layer in self.network.chain:
            out, fan_in = layer.weight.shape
            weight = theta[at : at + out * fan_in].reshape(out, fan_in)
            at += out * fan_in
            bias = None
            if layer.bias is not None:
                bias, at = theta[at : at + out], at + out
            result.append((weight, bias, layer.inverse_square_scale**-0.5))
        return result

    def outputs(self, theta: torch.Tensor) -> torch.Tensor:
        """Return F(θ), shape (n, k)."""
        h = self.X
        for (weight, bias, scale), layer in zip(self._layers(theta), self.network.chain, strict=True):
            z = scale * (h @ weight.T)
            z = z if bias is None else z + bias
            h = _activated(layer.activation, z)
        return h

    def loss(self, theta: torch.Tensor) -> torch.Tensor:
        """Return Φ(θ) = (s/2)‖F(θ) − y‖²."""
        return 0.5 * self.s * ((self.outputs(theta) - self.y) ** 2).sum()

    def factors(self, theta: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return per layer (B_l, A_l), the two factors of the Jacobian's rows, as differentiable tensors."""
        k, n = self.network.outputs, self.X.shape[0]
        inputs, slopes, weights = [], [], []
        h = self.X
        for (weight, bias, scale), layer in zip(self._layers(theta), self.network.chain, strict=True):
            a = scale * h
            z = a @ weight.T
            if bias is not None:
                a, z = torch.cat([a, torch.ones(n, 1, dtype=a.dtype)], dim=1), z + bias
            h, slope = torch.func.jvp(functools.partial(_activated, layer.activation), (z,), (torch.ones_like(z),))  # type: ignore[misc]
            inputs.append(a)
            slopes.append(slope)
            weights.append(scale * weight)
        g = torch.eye(k, dtype=h.dtype).repeat(n, 1)
        factors = []
        for index in reversed(range(len(weights))):
            b = g * slopes[index].repeat_interleave(k, dim=0)
            factors.append((b, inputs[index].repeat_interleave(k, dim=0)))
            g = b @ weights[index]
        return factors[::-1]

    @staticmethod
    def kernel(
        left: list[tuple[torch.Tensor, torch.Tensor]], right: list[tuple[torch.Tensor, torch.Tensor]]
    ) -> torch.Tensor:
        """Return J(θ)J(θ')ᵀ from the factors at θ and θ'."""
        total = torch.zeros(())
        for (b, a), (b2, a2) in zip(left, right, strict=True):
            total = total + (b @ b2.T) * (a @ a2.T)
        return total


@dataclass(frozen=True)
class AttackReport:
    """Extreme values seen inside the ball (floating point; observed, not proved).

    Attributes:
        lambda_min: smallest λ_min(Θ(θ)).
        pl_ratio: smallest ½‖∇Φ‖²/Φ.
        curvature: largest ‖∇²Φ(θ)‖ at points with Φ(θ) ≤ Φ(θ0).
        second_derivative: largest ‖D²F(θ)‖ by alternating power iteration.
        jacobian_drift: largest ‖J(θ) − J(θ0)‖.
        worst: the point of smallest λ_min, flat (p,).
    """

    lambda_min: float
    pl_ratio: float
    curvature: float
    second_derivative: float
    jacobian_drift: float
    worst: torch.Tensor


def _project(theta: torch.Tensor, centre: torch.Tensor, radius: float) -> torch.Tensor:
    offset = theta - centre
    norm = float(offset.norm())
    # Just inside: the search must not leave the ball by rounding.
    return theta if norm <= radius else centre + offset * (radius * (1.0 - 1e-12) / norm)


def _descend(
    objective: Callable[[torch.Tensor], torch.Tensor],
    start: torch.Tensor,
    centre: torch.Tensor,
    radius: float,
    steps: int,
) -> tuple[float, torch.Tensor]:
    """Minimise over the ball by normalised projected gradient steps with a shrinking length."""
    theta, best, where = start, float("inf"), start
    length = radius
    for _ in range(steps):
        variable = theta.clone().requires_grad_(True)
        value = objective(variable)
        # A linear network's NTK does not depend on θ at all: then there is no gradient to follow.
        gradient = torch.autograd.grad(value, variable, allow_unused=True)[0] if value.requires_grad else None
        if float(value.detach()) < best:
            best, where = float(value.detach()), theta
        else:
            length *= 0.7
        norm = 0.0 if gradient is None else float(gradient.norm())
        if gradient is None or norm == 0.0 or length < 1e-9 * radius:
            break
        theta = _project(where - gradient * (length / norm), centre, radius)
    return best, where


def _hessian_vector(
    function: Callable[[torch.Tensor], torch.Tensor], theta: torch.Tensor, u: torch.Tensor
) -> torch.Tensor:
    image: torch.Tensor = torch.func.jvp(torch.func.grad(function), (theta,), (u,))[1]
    return image


def _hessian_norm(net: TorchNetwork, theta: torch.Tensor, generator: torch.Generator, rounds: int) -> float:
    u = torch.randn(theta.shape, dtype=theta.dtype, generator=generator)
    value = 0.0
    for _ in range(rounds):
        u = u / u.norm()
        image = _hessian_vector(net.loss, theta, u)
        value, u = float(image.norm()), image
        if value == 0.0:
            break
    return value


def _second_derivative_norm(net: TorchNetwork, theta: torch.Tensor, generator: torch.Generator, rounds: int) -> float:
    """Power iteration for max ⟨w, D²F[u, u]⟩: w from u, then u from the Hessian of ⟨w, F⟩."""
    u = torch.randn(theta.shape, dtype=theta.dtype, generator=generator)
    value = 0.0
    for _ in range(rounds):
        u = u / u.norm()
        direction = u

        def along(t: torch.Tensor, direction: torch.Tensor = direction) -> torch.Tensor:
            tangent: torch.Tensor = torch.func.jvp(net.outputs, (t,), (direction,))[1]
            return tangent

        second = torch.func.jvp(along, (theta,), (direction,))[1]
        value = max(value, float(second.norm()))
        if float(second.norm()) == 0.0:
            break
        w = second / second.norm()

        def projected(t: torch.Tensor, w: torch.Tensor = w) -> torch.Tensor:
            return (net.outputs(t) * w).sum()

        image = _hessian_vector(projected, theta, u)
        # A shift keeps the iteration from flipping between eigenvalues of opposite sign.
        u = image + 0.5 * float(image.norm()) * u
        if float(u.norm()) == 0.0:
            break
    return value


def attack(problem: Problem, radius: float, *, seed: int = 0, steps: int = 40, starts: int = 3) -> AttackReport:
    """Search the ball of `radius` around the network's parameters for violations of a certificate's constants.

    Args:
        problem: exact parameters, the centre θ0, data and loss; its step is not used.
        radius: R > 0. seed: of the random starts. steps: gradient steps per start. starts: random starts besides θ0.

    Returns:
        AttackReport of observed extremes. Cost: each step one eigendecomposition of the N × N NTK.
    """
    if not 0.0 < radius < float("inf"):
        raise InputError(f"radius={radius!r}: expected a finite number > 0")
    net = TorchNetwork(problem)
    centre = net.theta0
    generator = torch.Generator().manual_seed(seed)
    reference = [(b.detach(), a.detach()) for b, a in net.factors(centre)]
    theta0_kernel = net.kernel(reference, reference)

    def lambda_min(theta: torch.Tensor) -> torch.Tensor:
        factors = net.factors(theta)
        smallest: torch.Tensor = torch.linalg.eigvalsh(net.kernel(factors, factors))[0]
        return smallest

    def pl_ratio(theta: torch.Tensor) -> torch.Tensor:
        factors = net.factors(theta)
        residual = (net.outputs(theta) - net.y).reshape(-1)
        return net.s * residual @ (net.kernel(factors, factors) @ residual) / (residual @ residual)

    def minus_drift(theta: torch.Tensor) -> torch.Tensor:
        factors = net.factors(theta)
        cross = net.kernel(factors, reference)
        gap = net.kernel(factors, factors) + theta0_kernel - cross - cross.T
        largest: torch.Tensor = torch.linalg.eigvalsh(gap)[-1]
        return -largest

    begin = [centre]
    for _ in range(starts):
        direction = torch.randn(centre.shape, dtype=centre.dtype, generator=generator)
        begin.append(centre + direction * (0.9 * radius / direction.norm()))
    lambdas = [_descend(lambda_min, b, centre, radius, steps) for b in begin]
    smallest, worst = min(lambdas, key=lambda found: found[0])
    residual0 = net.outputs(centre) - net.y
    ratio = min(_descend(pl_ratio, b, centre, radius, steps)[0] for b in begin) if float(residual0.norm()) else smallest
    # At the centre J = J0 exactly and the drift's gradient vanishes: start from the random points.
    drifts = [_descend(minus_drift, b, centre, radius, steps)[0] for b in begin[1:]] or [0.0]
    points = [centre, *(where for _, where in lambdas)]
    level = float(net.loss(centre))
    curvature = max((_hessian_norm(net, p, generator, 15) for p in points if float(net.loss(p)) <= level), default=0.0)
    second = max(_second_derivative_norm(net, p, generator, 15) for p in points)
    return AttackReport(
        lambda_min=smallest,
        pl_ratio=ratio,
        curvature=curvature,
        second_derivative=second,
        jacobian_drift=max(0.0, -min(drifts)) ** 0.5,
        worst=worst,
    )
