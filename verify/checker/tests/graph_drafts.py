"""Certificates of format 2 laid out by hand from a network of `graphs`, with what its definition says of it."""

from __future__ import annotations

from typing import Any

from flint import arb, ctx

from verify.checker.reading import Array
from verify.checker.tests.graphs import Document, Layer, jacobian, outputs
from verify.checker.tests.mp_network import ball, down, flt, mp, rational
from verify.checker.tests.sealing import Draft, step


def shell(document: Document, scope: str, claim: str) -> Draft:
    """Everything but constants, margins, steps and witness, in format 2."""
    result = Draft({})
    network = {
        **document["network"],
        "layers": [_stored(result, f"l{v}", row) for v, row in enumerate(document["network"]["layers"])],
    }
    data = {name: result.add(name, document["data"][name].shape, document["data"][name].data) for name in "Xy"}
    result.document = {
        "format": "lplr-verify certificate",
        "version": 2,
        "claim": claim,
        "scope": scope,
        "verdict": "PROVED",
        "reason": "by hand",
        "network": network,
        "loss": document["loss"],
        "loss_scale": rational(document["loss_scale"]),
        "data": data,
        "lr": None if document["lr"] is None else rational(document["lr"]),
        "constants": {},
        "margins": {},
        "steps": [],
        "witness": {},
        "observed": {},
        "tools": {},
    }
    return result


def draft(document: Document, facts: Document | None = None) -> Draft:
    """Scope `point`: the document's network, with what is true of `facts` (another network, for a lie; by default the same)."""
    truth, result = facts or document, shell(document, "point", "pl_from_ntk")
    with ctx.workprec(400):
        theta = [value for layer in truth["network"]["layers"] for value in _moving(layer)]
        F, columns = outputs(truth, [arb(t) for t in theta]), jacobian(truth, theta)
        e = [_mpf(f - y) for f, y in zip(F, truth["data"]["y"].data, strict=True)]
        rows = [[_mpf(x) for x in row] for row in zip(*columns, strict=True)]
    kernel = mp.matrix([[mp.fdot(a, b) for b in rows] for a in rows])
    eigenvalues = mp.eigsy(kernel, eigvals_only=True)
    low, top, s = (
        min(eigenvalues),
        max(eigenvalues),
        mp.mpf(document["loss_scale"].numerator) / document["loss_scale"].denominator,
    )
    gradient = mp.norm([s * mp.fdot(e, column) for column in zip(*rows, strict=True)])
    loss = s * mp.norm(e) ** 2 / 2
    constants = {
        "lambda0": low,
        "lambda_max0": top,
        "jacobian_norm0": mp.sqrt(top),
        "residual0": mp.norm(e),
        "loss0": loss,
        "gradient_norm_squared": gradient**2,
        "mu": s * down(low),
        "pl_ratio": gradient**2 / (2 * loss),
    }
    result.document["constants"] = {name: ball(value) for name, value in constants.items()}
    result.document["steps"] = [step("NTK positive", "pl_from_ntk", low, ">", mp.mpf(0))]
    result.document["witness"] = {"lambda0_lower": flt(down(low))}
    return result


def _moving(layer: Layer) -> list[float]:
    parts = [layer[name] for name in ("weight", "bias") if layer.get(name) is not None and name not in layer["frozen"]]
    return [value for part in parts for value in part.data]


def _mpf(value: Any) -> Any:
    return mp.mpf(value.mid().str(70, radius=False))


def _stored(result: Draft, where: str, row: Layer) -> Layer:
    found: Layer = {}
    for name, value in row.items():
        if isinstance(value, Array):
            found[name] = result.add(f"{where}_{name}", value.shape, value.data)
        elif name == "parameters":
            found[name] = {key: flt(number) for key, number in value.items()}
        else:
            found[name] = flt(value) if isinstance(value, float) else value
    return found
