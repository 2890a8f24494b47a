"""Where a bound is most likely to break: adversarial points and directions, found in floating point.

Nothing here decides anything: the points and directions are exact doubles at which :mod:`property_tests.claims` then decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from verify.experiments.adversary import TorchNetwork, attack
from verify.networks import Problem

__all__ = ["adversarial_points", "worst_directions"]


def _flat(theta: torch.Tensor) -> np.ndarray:
    return np.asarray(theta.detach().numpy(), dtype=np.float64)


def adversarial_points(problem: Problem, radius: float, *, seed: int, effort: int) -> Iterator[np.ndarray]:
    """Yield points of (about) B(θ0, radius): attacked, along rays through the origin, along the gradient, random.

    Args:
        problem: exact; its step is not used. radius: > 0. seed: of the random ones.
        effort: 0 skips the attack (the slowest part), else its number of gradient steps.
    """
    net = TorchNetwork(problem)
    centre = net.theta0
    rng = np.random.default_rng(seed)
    yield _flat(centre)
    if effort:
        yield _flat(attack(problem, radius, seed=seed, steps=effort, starts=1).worst)

    def lambda_min(theta: torch.Tensor) -> torch.Tensor:
        factors = net.factors(theta)
        smallest: torch.Tensor = torch.linalg.eigvalsh(net.kernel(factors, factors))[0]
        return smallest

    # Two steps of the attack that matters most, on every draw: down the gradient of λ_min to the sphere, and again from there.
    theta = centre
    for _ in range(2):
        slope = _gradient(lambda_min, theta)
        if not float(slope.norm()) > 0.0:
            break
        theta = theta - slope * (radius / float(slope.norm()))
        theta = centre + (theta - centre) * (radius / float((theta - centre).norm()))
        yield _flat(theta)
    length = float(centre.norm())
    if length > 0.0:
        yield _flat(centre * (1.0 - radius / length))
        yield _flat(centre * (1.0 + radius / length))
    gradient = _gradient(net.loss, centre)
    if float(gradient.norm()) > 0.0:
        # The first often stays in the sublevel set of θ0, where β is claimed; the second seldom does.
        for share in (0.25, 1.0):
            yield _flat(centre - gradient * (share * radius / float(gradient.norm())))
    direction = rng.standard_normal(centre.shape[0])
    yield _flat(centre) + direction * (radius / float(np.linalg.norm(direction)))


def _gradient(function: Callable[[torch.Tensor], torch.Tensor], theta: torch.Tensor) -> torch.Tensor:
    variable = theta.clone().requires_grad_(True)
    value = function(variable)
    if not value.requires_grad:
        return torch.zeros_like(theta)
    gradient: torch.Tensor = torch.autograd.grad(value, variable)[0]
    return gradient


def worst_directions(problem: Problem, flat: np.ndarray, *, rounds: int = 8, seed: int = 0) -> dict[str, np.ndarray]:
    """Return directions at θ = `flat` where ‖∇²Φ‖ ('hessian') and ‖D²F[v, v]‖ ('second') are about largest.

    Power iteration on finite differences of the gradient: a guess needs no more accuracy, and this is many times faster
    than exact second derivatives of so small networks.
    """
    net = TorchNetwork(problem)
    theta = torch.from_numpy(flat.copy())
    rng = np.random.default_rng(seed)
    h = 1e-4

    def times_hessian(function: Callable[[torch.Tensor], torch.Tensor], v: torch.Tensor) -> torch.Tensor:
        return (_gradient(function, theta + h * v) - _gradient(function, theta - h * v)) / (2.0 * h)

    def unit(v: torch.Tensor) -> torch.Tensor | None:
        norm = float(v.norm())
        return v / norm if np.isfinite(norm) and norm > 1e-9 else None

    start = torch.from_numpy(rng.standard_normal(flat.shape[0]))
    v = start / start.norm()
    for _ in range(rounds):
        image = unit(times_hessian(net.loss, v))
        if image is None:
            break
        v = image
    found = {"hessian": _flat(v)}
    v = start / start.norm()
    for _ in range(rounds):
        # Alternate: w maximises ⟨w, D²F[v, v]⟩ for this v, then v the Hessian of ⟨w, F⟩.
        w = unit(net.outputs(theta + h * v) + net.outputs(theta - h * v) - 2.0 * net.outputs(theta))
        w = torch.ones_like(net.y) if w is None else w.detach()
        image = unit(times_hessian(lambda t, w=w: (net.outputs(t) * w).sum(), v))  # type: ignore[misc]
        if image is None:
            break
        # The shift keeps the iteration from flipping between eigenvalues of opposite sign.
        shifted = unit(image + 0.5 * v)
        v = image if shifted is None else shifted
    found["second"] = _flat(v)
    return found
