"""A network as a certificate stores it: a chain as pairs (format 1), any other graph as its layers (format 2).

Format 2: ``{"input_shape": [d] or [C, H, W], "layers": [{"kind": …, "inputs": […], …}]}``, a layer's fields by their names in
:mod:`verify.networks.layers`, arrays by reference; of an activation its name as ``function`` and its ``parameters``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from verify.certificates.encoding import Arrays, decode, encode
from verify.errors import InputError
from verify.networks import Network, Pair, chain
from verify.networks.activations import Activation, activation_named
from verify.networks.layers import LAYERS, Layer

__all__ = ["network_document", "read_network_document"]

_OPTIONAL = ("weight_scale", "bias_scale")
"""Fields that are stored only where they differ from their default."""


def network_document(network: Network, arrays: Arrays) -> dict[str, Any]:
    """Return the document's part about the network: of a chain in format 1, of any other graph in format 2; its arrays go to `arrays`."""
    if not network.is_chain:
        layers = [_layer(layer, f"layers.{i}", arrays) for i, layer in enumerate(network.layers)]
        return {"input_shape": list(network.input_shape), "layers": layers}
    return {
        "layers": [
            {
                "weight": arrays.add(f"layers.{i}.weight", link.weight),
                "bias": None if link.bias is None else arrays.add(f"layers.{i}.bias", link.bias),
                "inverse_square_scale": link.inverse_square_scale,
                "activation": {
                    "name": link.activation.name,
                    "parameters": encode(dict(link.activation.parameters), arrays, "activation"),
                },
            }
            for i, link in enumerate(network.chain)
        ]
    }


def _layer(layer: Layer, where: str, arrays: Arrays) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": layer.kind}
    for item in fields(layer):  # type: ignore[arg-type]
        value = getattr(layer, item.name)
        if not item.compare or (item.name in _OPTIONAL and value == item.default):
            continue
        if isinstance(value, Activation):
            row["function"] = value.name
            row["parameters"] = encode(dict(value.parameters), arrays, where)
        elif isinstance(value, np.ndarray):
            row[item.name] = arrays.add(f"{where}.{item.name}", value)
        elif isinstance(value, float):
            row[item.name] = encode(value, arrays, where)
        else:
            row[item.name] = list(value) if isinstance(value, tuple) else value
    return row


def read_network_document(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Network:
    """Read what :func:`network_document` wrote, in either format.

    Raises:
        VerifyError: contents that make no network.
    """
    if "input_shape" in document:
        layers = tuple(_read_layer(row, arrays) for row in document["layers"])
        return Network(layers, tuple(document["input_shape"]))
    links: list[Pair] = []
    for row in document["layers"]:
        weight, bias = decode(row["weight"], arrays), decode(row["bias"], arrays)
        given = row["activation"]
        activation = _activation(given["name"], given["parameters"])
        links.append(Pair(weight, bias, row["inverse_square_scale"], activation))
    return chain(links)


def _read_layer(row: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Layer:
    values: dict[str, Any] = {}
    for name, stored in row.items():
        if name in ("kind", "parameters"):
            continue
        if name == "function":
            values[name] = _activation(stored, row["parameters"])
        else:
            values[name] = tuple(stored) if isinstance(stored, list) else decode(stored, arrays)
    try:
        return LAYERS[row["kind"]](**values)
    except TypeError as error:
        raise InputError(
            f"layer of kind {row['kind']!r}: its fields are not those of this version ({error}); the file was altered or is newer"
        ) from error


def _activation(name: str, given: Mapping[str, Any]) -> Activation:
    parameters = decode(given, {})
    try:
        return activation_named(name, parameters)
    except InputError as error:
        raise InputError(
            f"activation={name!r} with parameters {sorted(parameters)}: not known to this version"
        ) from error
