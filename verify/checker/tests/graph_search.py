"""The same networks in torch, to search for a point that moves the Jacobian far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from verify.checker.reading import Array
from verify.checker.tests.graphs import Document, Layer


# ---------------------------------------------------------------------------------------------- the same in torch, for searches in float64
def function(document: Document, middle: dict[int, set[tuple[int, int]]] | None = None) -> Callable[[Any], Any]:
    """Return θ ↦ F (n·k,) as a torch function of the moving parameters; the units of `middle` have midpoint slopes."""
    import torch
    from torch.nn import functional

    def tensor(stored: Array) -> Any:
        return torch.tensor(stored.data.tolist(), dtype=torch.float64).reshape(stored.shape)

    sigma: dict[str, Callable[[Any, dict[str, float]], Any]] = {
        "tanh": lambda z, _: z.tanh(),
        "silu": lambda z, _: functional.silu(z),
        "relu": lambda z, _: z.relu(),
        "hardtanh": lambda z, _: functional.hardtanh(z),
        "softsign": lambda z, _: functional.softsign(z),
        "celu": lambda z, g: functional.celu(z, g["alpha"]),
        "leaky_relu": lambda z, g: functional.leaky_relu(z, g["negative_slope"]),
        "gelu": lambda z, _: functional.gelu(z),
        "softplus": lambda z, g: functional.softplus(z, g["beta"]),
    }
    X = tensor(document["data"]["X"])

    def value(layer: Layer, h: list[Any], part: Callable[[Layer, str], Any]) -> Any:
        kind = layer["kind"]
        if kind == "linear":
            weight, bias = part(layer, "weight"), part(layer, "bias")
            z = layer.get("weight_scale", 1.0) * h[0] @ weight.T / layer["inverse_square_scale"] ** 0.5
            return z if bias is None else z + layer.get("bias_scale", 1.0) * bias
        if kind == "convolution":
            weight, bias = part(layer, "weight"), part(layer, "bias")
            return functional.conv2d(
                h[0], weight, bias, layer["stride"], layer["padding"], layer["dilation"], layer["groups"]
            )
        if kind == "batch_norm":
            weight, bias = part(layer, "weight"), part(layer, "bias")
            return functional.batch_norm(
                h[0], tensor(layer["mean"]), tensor(layer["variance"]), weight, bias, eps=layer["eps"]
            )
        if kind == "group_norm":
            runs = h[0].reshape(len(h[0]), layer["groups"], -1)
            runs = runs - runs.mean(2, keepdim=True) if layer["centred"] else runs
            return (runs / (runs.square().mean(2, keepdim=True) + layer["eps"]).sqrt()).reshape(h[0].shape)
        if kind == "activation":
            return sigma[layer["function"]](h[0], layer["parameters"])
        if kind == "max_pool":
            return functional.max_pool2d(h[0], layer["kernel"], layer["stride"], layer["padding"], layer["dilation"])
        if kind == "average_pool":
            return functional.avg_pool2d(
                h[0], layer["kernel"], layer["stride"], layer["padding"], False, layer["count_include_pad"]
            )
        return {
            "flatten": lambda: h[0].flatten(1),
            "scale": lambda: h[0] * layer.get("factor"),
            "sum": lambda: sum(h[1:], h[0]),
        }[kind]()

    def evaluate(theta: Any) -> Any:
        at = [0]

        def part(layer: Layer, name: str) -> Any:
            stored = layer[name]
            if stored is None or name in layer["frozen"]:
                return None if stored is None else tensor(stored)
            at[0] += len(stored.data)
            return theta[at[0] - len(stored.data) : at[0]].reshape(stored.shape)

        values = {-1: X}
        for v, layer in enumerate(document["network"]["layers"]):
            values[v] = value(layer, [values[u] for u in layer["inputs"]], part)
            if middle and v in middle:
                z, h = (t.flatten(1) for t in (values[layer["inputs"][0]], values[v]))
                below = layer["parameters"].get("negative_slope", 0.0)
                mask = torch.zeros_like(z, dtype=torch.bool)
                for pair in middle[v]:
                    mask[pair] = True
                line = z * (1 + below) / 2
                values[v] = torch.where(mask, line + (h - line).detach(), h).reshape(values[v].shape)
        return values[len(document["network"]["layers"]) - 1].reshape(-1)

    return evaluate


def farthest(
    document: Document,
    theta: list[float],
    radius: float,
    tries: int,
    seed: int,
    middle: dict[int, set[tuple[int, int]]] | None = None,
) -> float:
    """Return the largest ‖J(θ) − J_c‖ that a search in float64 meets on the ball: random and sparse directions, then ascent."""
    import torch

    F, centre = function(document), torch.tensor(theta, dtype=torch.float64)
    generator, worst = torch.Generator().manual_seed(seed), 0.0

    def J(at: Any, graph: bool = False) -> Any:
        return torch.autograd.functional.jacobian(F, at, create_graph=graph, vectorize=True)  # type: ignore[no-untyped-call]

    base = torch.autograd.functional.jacobian(function(document, middle), centre, vectorize=True)  # type: ignore[no-untyped-call]
    for attempt in range(tries):
        u = torch.randn(len(theta), generator=generator, dtype=torch.float64)
        if attempt % 3 == 1:
            u = u * (torch.rand(len(theta), generator=generator) < 0.1)
        if attempt % 3 == 2:
            u = torch.linalg.svd(base, full_matrices=False)[2][attempt % len(base)] * (-1.0) ** attempt
        u = u / u.norm().clamp(min=1e-300) * radius
        for _ in range(5):
            at = (centre + u).requires_grad_()
            change = J(at, True) - base
            worst = max(worst, float(torch.linalg.matrix_norm(change.detach(), 2)))
            if not change.requires_grad:
                break
            [ascent] = torch.autograd.grad(torch.linalg.matrix_norm(change, 2) + 0 * at.sum(), at)
            if not ascent.isfinite().all() or float(ascent.norm()) == 0.0:
                break
            u = u + ascent / ascent.norm() * radius
            u = u / u.norm() * radius
    return worst
