"""Facts of scope 'exact', and of certificates that were written, read and checked.

Real-arithmetic gradient descent is enclosed again, in Arb from θ0, and every stored enclosure is compared with it.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import verify
from property_tests.claims import (
    Facts,
    Undecided,
    Violation,
    require,
    semidefinite_above,
)
from property_tests.reference import LayerSpec, Reference, as_arb, precision, squared_norm

__all__ = ["exact_facts", "round_trip", "tampered_copies", "with_weights"]

_BITS = (320, 1280)


def with_weights(layers: list[LayerSpec], flat: np.ndarray) -> list[LayerSpec]:
    """Return the layers with other weights, flat in torch's order."""
    at, result = 0, []
    for spec in layers:
        weight = flat[at : at + spec.weight.size].reshape(spec.weight.shape)
        at += spec.weight.size
        bias = None
        if spec.bias is not None:
            bias = flat[at : at + spec.bias.size]
            at += spec.bias.size
        result.append(replace(spec, weight=weight, bias=bias))
    return result


def exact_facts(reference: Reference, certificate: Any, more: int = 8) -> Facts:
    """Every stored enclosure contains real-arithmetic gradient descent; after the hand-over it stays in the ball and decreases.

    Args:
        reference: at θ0. certificate: PROVED, scope 'exact'. more: iterates after the hand-over.
    """
    for bits in _BITS:
        try:
            with precision(bits):
                yield from list(_exact(reference, certificate, more))
            return
        except Undecided:
            if bits == _BITS[-1]:
                raise


def _exact(reference: Reference, certificate: Any, more: int) -> Facts:
    witness, c = certificate.witness, certificate.constants
    steps = int(witness["steps"])
    lr = certificate.problem.lr
    end = reference.centre.at(np.asarray(witness["end"]))
    radius, rate = as_arb(float(c["handover_radius"].upper())), as_arb(float(c["rate"].upper()))
    slack = float("inf")
    before = None
    for k, (theta, error) in enumerate(reference.descend(lr, steps + more)):
        squared = squared_norm(error)
        loss = as_arb(reference.s) / 2 * squared
        if k <= steps:
            require("exact_loss_lower", as_arb(float(witness["loss_lower"][k])), loss)
            require("exact_loss_upper", loss, as_arb(float(witness["loss_upper"][k])))
            bound = float(witness["lambda_lower"][k])
            j = reference.jacobian(theta)
            answer = semidefinite_above(j * j.transpose(), bound)
            if answer is None:
                raise Undecided("exact_lambda: undecided")
            if not answer:
                raise Violation(f"exact_lambda: λ_min(Θ(θ_{k})) < {bound}")
            if before is not None:
                mu = as_arb(reference.s) * as_arb(float(witness["lambda_lower"][k - 1]))
                factor = 1 - as_arb(lr) * mu
                require("exact_decrease", loss, factor * before)
                slack = min(slack, float((1 - loss / (factor * before)).mid()))
        elif before is not None:
            if not squared > 0 or squared.rel_accuracy_bits() < 64:
                break
            require("exact_rate", loss, rate * before)
        distance = squared_norm(theta.minus(end)).sqrt() if theta.minus(end) else as_arb(0)
        if k == steps:
            require("exact_delta", distance, as_arb(float(witness["delta"][-1])))
            if float(witness["delta"][-1]) > 0.0:
                yield "exact_delta", max(0.0, 1.0 - float(distance.mid()) / float(witness["delta"][-1]))
        if k >= steps:
            require("exact_containment", distance, radius)
        before = loss
    if slack < float("inf"):
        yield "exact_decrease", max(slack, 0.0)


def round_trip(certificate: Any, *, accept: bool) -> None:
    """A certificate survives writing and reading, and the stand-alone checker accepts what was written.

    Raises:
        Violation: something changed, or the checker does not accept (`accept` False: or does).
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.zip"
        certificate.save(path)
        again = verify.Certificate.load(path)
        if (again.verdict, again.scope, again.reason) != (certificate.verdict, certificate.scope, certificate.reason):
            raise Violation("round trip: verdict, scope or reason changed")
        for name, value in certificate.constants.items():
            _same(name, value, again.constants[name])
        second = Path(folder) / "second.zip"
        again.save(second)
        if _contents(path) != _contents(second):
            raise Violation("round trip: writing what was read gives another file")
        result = verify.check(path)
        if result.accepted != accept:
            raise Violation(f"round trip: the checker says {result.verdict}: {'; '.join(result.failures)[:300]}")


def _contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _same(name: str, value: Any, again: Any) -> None:
    if hasattr(value, "mid"):
        same = np.array_equal(value.mid, again.mid) and np.array_equal(value.rad, again.rad)
    else:
        same = value == again
    if not same:
        raise Violation(f"round trip: constant {name} was {value!r} and is {again!r}")


def tampered_copies(certificate: Any) -> Iterator[tuple[str, Any]]:
    """Yield certificates that claim a little more than was proved; the checker must accept none."""
    c = certificate.constants
    for name, factor in (("mu", 1.01), ("lambda_region", 1.01), ("lambda0", 1.01), ("rate", 0.99), ("smoothness", 0.5)):
        if name not in c:
            continue
        forged = c[name] * verify.Ball(factor)
        # Only a claim that excludes the proved number is a forgery: near 0 a scaled ball may still contain it.
        if float(forged.lower()) > float(c[name].upper()) or float(forged.upper()) < float(c[name].lower()):
            yield name, replace(certificate, constants={**c, name: forged})
    witness = dict(certificate.witness)
    for name, factor in (("lambda0_lower", 1.01), ("jacobian_norm0_upper", 0.99), ("residual0_upper", 0.99)):
        if witness.get(name):
            yield name, replace(certificate, witness={**witness, name: witness[name] * factor})
    for name, factor in (("curvature", 0.99), ("delta_j", 0.99), ("lambda", 1.01)):
        if witness.get(name) and any(witness[name]):
            yield name, replace(certificate, witness={**witness, name: [factor * x for x in witness[name]]})
