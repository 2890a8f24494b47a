"""A naive reference in Arb: forward-mode derivatives of a network, sharing nothing with the engine's formulas."""

from __future__ import annotations

from typing import Any

from flint import arb, arb_series, ctx

from verify.networks.graph import Network

PRECISION = 200


def _tanh(t: Any) -> Any:
    e = (t * 2).exp()
    # python-flint 0.7 fails on a quotient whose numerator is the zero series.
    return (e - 1) * (1 / (e + 1))


def _sigmoid(t: Any) -> Any:
    return ((-t).exp() + 1) ** -1 if isinstance(t, arb) else 1 / ((-t).exp() + 1)


def _gelu(t: Any) -> Any:
    return t * ((t / arb(2).sqrt()).erf() + 1) / 2


def _gelu_tanh(t: Any) -> Any:
    inner = (t + t * t * t * arb("0.044715")) * (2 / arb.pi()).sqrt()
    return t * (_tanh(inner) + 1) / 2


def _leaky(t: Any, below: float) -> Any:
    return t if (t[0] if isinstance(t, arb_series) else t) > 0 else t * arb(below) + (t - t)


def _celu(t: Any, alpha: float) -> Any:
    above = (t[0] if isinstance(t, arb_series) else t) > 0
    return t if above else ((t / arb(alpha)).exp() - 1) * arb(alpha)


def _softsign(t: Any) -> Any:
    return t / (t + 1) if (t[0] if isinstance(t, arb_series) else t) > 0 else t / (1 - t)


def _clip(t: Any, low: float, high: float) -> Any:
    at = t[0] if isinstance(t, arb_series) else t
    if low < at < high:
        return t
    # Within rounding of a kink no comparison with it is certain: the side is told by the middle, far from both.
    return t - t + arb(low if at < arb(low + high) / 2 else high)


ACTIVATIONS: dict[str, Any] = {
    "identity": lambda t, _: t,
    "tanh": lambda t, _: _tanh(t),
    "sigmoid": lambda t, _: _sigmoid(t),
    "silu": lambda t, _: t * _sigmoid(t),
    "sine": lambda t, _: t.sin(),
    "erf": lambda t, _: t.erf(),
    "relu": lambda t, _: _leaky(t, 0.0),
    "leaky_relu": _leaky,
    "celu": _celu,
    "softsign": lambda t, _: _softsign(t),
    "hardtanh": lambda t, _: _clip(t, -1.0, 1.0),
    "relu6": lambda t, _: _clip(t, 0.0, 6.0),
    "gelu": lambda t, _: _gelu(t),
    "gelu_tanh": lambda t, _: _gelu_tanh(t),
    "softplus": lambda t, beta: ((t * arb(beta)).exp() + 1).log() / arb(beta),
}


def along(
    network: Network, X: Any, direction: list[Any] | None, order: int, base: list[Any] | None = None
) -> list[Any]:
    """Taylor coefficients at t = 0 of t ↦ F(θ + t·direction), one arb_series per output, sample-major.

    `base` and `direction` are flat lists of floats or arb (layer by layer, weight row-major, then bias); `base` None means
    the network's own parameters.
    """
    old, ctx.cap = ctx.cap, order + 1
    try:
        at = 0
        layers = []
        for layer in network.chain:
            shapes = [layer.weight] + ([] if layer.bias is None else [layer.bias])
            entries = []
            for array in shapes:
                flat = []
                for value in array.reshape(-1).tolist():
                    constant = arb(value) if base is None else arb(base[at])
                    slope = arb(0) if direction is None else arb(direction[at])
                    flat.append(arb_series([constant, slope]))
                    at += 1
                entries.append(flat)
            layers.append((layer, entries))
        outputs: list[Any] = []
        for row in X:
            h = [arb_series([arb(float(v))]) for v in row]
            for layer, entries in layers:
                fan_out, fan_in = layer.weight.shape
                scale = 1 / arb(layer.inverse_square_scale).sqrt()
                z = []
                for r in range(fan_out):
                    total = arb_series([arb(0)])
                    for c in range(fan_in):
                        total = total + entries[0][r * fan_in + c] * h[c] * scale
                    z.append(total + entries[1][r] if layer.bias is not None else total)
                beta = next(iter(dict(layer.activation.parameters).values()), 1.0)
                h = [ACTIVATIONS[layer.activation.name](t, beta) for t in z]
            outputs.extend(h)
        return outputs
    finally:
        ctx.cap = old


def jacobian(network: Network, X: Any) -> list[list[Any]]:
    """Rows of the Jacobian J (N × p) as arb lists, one directional derivative per parameter."""
    p = network.parameters
    columns = []
    for index in range(p):
        direction = [0.0] * p
        direction[index] = 1.0
        columns.append([series[1] for series in along(network, X, direction, 1)])
    return [[column[row] for column in columns] for row in range(len(columns[0]))]
