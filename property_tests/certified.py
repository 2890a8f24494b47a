"""A draw certified, and every fact of its certificate decided against the high-precision truth."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import verify
from property_tests.claims import Claims, centre_facts, descent_facts, point_facts
from property_tests.reference import LayerSpec, Reference
from property_tests.search import adversarial_points, worst_directions
from verify.networks import Problem, read_data, read_network

__all__ = ["certified", "class_of", "facts_of", "layers_of", "merge", "reference_of"]


def layers_of(problem: Any) -> list[LayerSpec]:
    """The drawn layers."""
    layers: list[LayerSpec] = problem.architecture.layers() if hasattr(problem, "architecture") else problem.layers
    return layers


def reference_of(problem: Any) -> Reference:
    """The high-precision truth about a draw; reads the drawn layers, not the torch module."""
    return Reference(layers_of(problem), problem.X, problem.y, problem.s)


def class_of(problem: Any) -> str:
    """The class under which a draw is counted."""
    kind = problem.architecture.kind if hasattr(problem, "architecture") else problem.kind
    return str(kind)


def certified(problem: Any) -> Any:
    """Certify scope 'ball' with the drawn step: a fraction of the certified bound 2/β, or the engine's default."""
    arguments = {"loss": problem.loss, "radius": problem.radius}
    certificate = verify.certify(problem.model, problem.X, problem.y, **arguments)
    if certificate.verdict != "PROVED" or problem.step is None:
        return certificate
    lr = problem.step * Fraction(float(certificate.constants["step_bound"].lower()))
    return verify.certify(problem.model, problem.X, problem.y, lr=lr, **arguments)


def merge(into: dict[str, float], facts: Any) -> None:
    """Keep the smallest slack of each fact."""
    for name, value in facts:
        into[name] = min(into.get(name, float("inf")), value)


def facts_of(
    problem: Any, claims: Claims, *, attack_steps: int = 0, gd_steps: int = 12, seed: int = 0
) -> dict[str, float]:
    """Decide every fact of a PROVED ball certificate on one draw; return the smallest slack of each.

    Raises:
        Violation, Undecided.
    """
    reference = reference_of(problem)
    network = read_network(problem.model)
    exact = Problem(network, read_data(network, problem.X, problem.y), problem.loss)
    found: dict[str, float] = {}
    merge(found, centre_facts(reference, claims))
    for flat in adversarial_points(exact, claims.radius, seed=seed, effort=attack_steps):
        directions = worst_directions(exact, flat)
        merge(found, point_facts(reference, claims, flat, directions))
    merge(found, descent_facts(reference, claims, gd_steps))
    return found
