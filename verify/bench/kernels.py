"""The NTK: our enclosure beside Jacobian contractions (torch.func, curvlinops, JAX) and beside its own formula in plain float64.

None of the peers' results is a proof. Each contraction forms the Jacobian, N × p; sizes at which that needs more memory
than `MEMORY` are named and skipped.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from verify import nn
from verify.arrays import Ball
from verify.bench.peers import Peer, load
from verify.bench.timing import Row, compare, skip
from verify.networks import Network, kernel_of, linearise, ntk, read_network

__all__ = ["MEMORY", "enclosed_ntk", "model", "plain_ntk", "run", "torch_contraction"]

MEMORY = 3 * 2**30
"""Bytes that a peer may use for its Jacobian (formed two to three times during a contraction)."""

_INPUTS = 64


def model(width: int, hidden: int, d: int = _INPUTS, seed: int = 0) -> torch.nn.Sequential:
    """Return a bias-free tanh network in the NTK parametrisation with `hidden` layers of `width`, one output."""
    generator = torch.Generator().manual_seed(seed)
    layers: list[torch.nn.Module] = []
    for index in range(hidden):
        layers += [nn.NTKLinear(d if index == 0 else width, width, generator=generator), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers, nn.NTKLinear(width, 1, generator=generator))


def plain_ntk(network: Network, X: np.ndarray) -> np.ndarray:
    """Return Θ by the same layer sum as ours, in plain float64 (no bound on its error); tanh, no bias, one output."""
    h, scaled, slopes = X, [], []
    for layer in network.chain:
        a = h / np.sqrt(float(layer.inverse_square_scale))
        scaled.append(a)
        z = a @ layer.weight.T
        h = z if layer.activation.is_identity else np.tanh(z)
        slopes.append(None if layer.activation.is_identity else 1.0 - h * h)
    g = np.ones((X.shape[0], 1))
    total = np.zeros((X.shape[0], X.shape[0]))
    for index in reversed(range(len(slopes))):
        slope, layer = slopes[index], network.chain[index]
        b = g if slope is None else g * slope
        total += (b @ b.T) * (scaled[index] @ scaled[index].T)
        g = b @ layer.weight / np.sqrt(float(layer.inverse_square_scale))
    return total


def enclosed_ntk(network: Network, X: np.ndarray) -> Ball:
    """Enclose Θ of a network already read, as :func:`verify.ntk` does after reading its module."""
    return kernel_of(linearise(network, X))


def torch_contraction(net: torch.nn.Module, X: torch.Tensor) -> torch.Tensor:
    """Return Θ as torch.func's recipe does: per-sample Jacobians by jacrev and vmap, then one contraction per parameter."""
    parameters = {k: v.detach() for k, v in net.named_parameters()}

    def single(p: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = torch.func.functional_call(net, p, (x.unsqueeze(0),)).squeeze(0)
        return out

    jacobians = torch.func.vmap(torch.func.jacrev(single), (None, 0))(parameters, X)
    total = torch.zeros(X.shape[0], X.shape[0], dtype=X.dtype, device=X.device)
    for j in jacobians.values():
        flat = j.flatten(1)
        total += flat @ flat.T
    return total


def _jax_contraction(peer: Peer, network: Network, X: np.ndarray) -> Callable[[], Any]:
    jax = peer.module
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    weights = [jnp.asarray(layer.weight) for layer in network.chain]
    scales = [1.0 / np.sqrt(float(layer.inverse_square_scale)) for layer in network.chain]

    def single(ws: list[Any], x: Any) -> Any:
        for index, (w, s) in enumerate(zip(ws, scales, strict=True)):
            x = s * (w @ x)
            x = jnp.tanh(x) if index < len(ws) - 1 else x
        return x[0]

    def kernel(ws: list[Any], x: Any) -> Any:
        jacobians = jax.vmap(jax.jacrev(single), (None, 0))(ws, x)
        flat = [j.reshape(j.shape[0], -1) for j in jacobians]
        return sum(j @ j.T for j in flat)

    compiled = jax.jit(kernel)
    data = jnp.asarray(X)
    return lambda: compiled(weights, data).block_until_ready()


def _curvlinops_contraction(peer: Peer, net: torch.nn.Module, X: torch.Tensor) -> Callable[[], Any]:
    parameters = [p for p in net.parameters() if p.requires_grad]
    data = [(X, torch.zeros(X.shape[0], 1, dtype=X.dtype))]
    jacobian = peer.module.JacobianLinearOperator(net, parameters, data, check_deterministic=False)
    transposed = peer.module.TransposedJacobianLinearOperator(net, parameters, data, check_deterministic=False)
    identity = torch.eye(X.shape[0], dtype=X.dtype)
    return lambda: jacobian @ (transposed @ identity)


def _sizes(quick: bool) -> list[tuple[int, int, int]]:
    if quick:
        return [(60, 64, 1)]
    return [
        (100, 256, 1),
        (100, 1024, 1),
        (300, 1024, 2),
        (100, 1024, 2),
        (100, 1024, 3),
        (1000, 256, 3),
        (1000, 1024, 1),
        (1000, 1024, 3),
    ]


def _agrees(name: str, ours: Any, theirs: np.ndarray) -> None:
    """Refuse to time two things that do not compute the same kernel (float slack: this is a sanity check, no proof)."""
    gap = float(np.max(np.abs(ours.mid - theirs)))
    if not gap <= 1e-8 * (1.0 + float(np.max(np.abs(theirs)))):
        raise AssertionError(f"{name}: differs from our kernel by {gap}")


def run(quick: bool = False) -> list[Row]:
    """Return the rows of the NTK comparison."""
    rows: list[Row] = []
    jax, curvlinops, tangents = load("jax"), load("curvlinops"), load("neural_tangents")
    for n, width, hidden in _sizes(quick):
        net = model(width, hidden)
        network = read_network(net)
        X = np.random.default_rng(0).standard_normal((n, _INPUTS))
        tensor = torch.from_numpy(X)
        size = f"n={n} width={width} hidden={hidden}"
        repeats = 5 if quick or n * width * hidden > 5e5 else 11

        ours = functools.partial(ntk, net, X)
        enclosure = ours()
        # The plain formula starts from weights already read, the peers from a module that they take as it is: so does ours beside them. What reading a
        # module and comparing torch's own forward with what was read adds is a row of its own.
        formula = functools.partial(enclosed_ntk, network, X)
        _agrees("plain float64 formula", enclosure, plain_ntk(network, X))
        rows.append(
            compare(
                f"NTK {size}",
                formula,
                functools.partial(plain_ntk, network, X),
                peer_name="same formula, plain float64",
                peer_version=f"numpy {np.__version__}",
                proof=False,
                target=1.5,
                repeats=repeats,
            )
        )
        rows.append(
            compare(
                f"NTK {size}, of the module",
                ours,
                formula,
                peer_name="ours, of the network read from it",
                peer_version="",
                proof=True,
                repeats=repeats,
            )
        )
        jacobian = 8 * n * network.parameters
        contractions: list[tuple[str, str, Callable[[], Any]]] = []
        name = f"NTK {size} speed-up"
        if jacobian > MEMORY:
            reason = f"the Jacobian alone needs {jacobian / 2**30:.1f} GiB"
            rows += [skip(name, p, reason) for p in ("torch.func jacrev contraction", "curvlinops", "JAX jacrev")]
            continue
        contractions.append(
            ("torch.func jacrev contraction", torch.__version__, functools.partial(torch_contraction, net, tensor))
        )
        # Its matrix product carries all n vectors through the whole batch at once.
        activations = 8 * n * n * width * hidden
        if curvlinops.module is None:
            rows.append(skip(name, "curvlinops J Jᵀ", curvlinops.reason))
        elif activations > MEMORY // 3:
            rows.append(skip(name, "curvlinops J Jᵀ", f"needs about {activations / 2**30:.1f} GiB for activations"))
        else:
            contractions.append(
                ("curvlinops J Jᵀ", curvlinops.version, _curvlinops_contraction(curvlinops, net, tensor))
            )
        if jax.module is None:
            rows.append(skip(name, "JAX jacrev contraction", jax.reason))
        else:
            contractions.append(("JAX jacrev contraction", jax.version, _jax_contraction(jax, network, X)))
        for label, version, call in contractions:
            _agrees(label, enclosure, np.asarray(call()))
            rows.append(
                compare(
                    name,
                    formula,
                    call,
                    peer_name=label,
                    peer_version=version,
                    proof=False,
                    target=50.0 if label.startswith("torch.func") else None,
                    repeats=3 if jacobian > 2**28 else 5,
                )
            )
    reason = tangents.reason or "imports here, but no comparison is written for it"
    rows.append(skip("NTK", "neural-tangents", reason))
    return rows + _on_gpu(quick)


def _on_gpu(quick: bool) -> list[Row]:
    """Return the same contraction with float64 tensors on a GPU beside our enclosure, which stays on the CPU."""
    label = "torch.func jacrev contraction, float64 on CUDA"
    if not torch.cuda.is_available():
        return [skip("NTK on a GPU", label, "no CUDA device")]
    n, width, hidden = (60, 64, 1) if quick else (1000, 1024, 1)
    net = model(width, hidden)
    X = np.random.default_rng(0).standard_normal((n, _INPUTS))
    there, tensor = model(width, hidden).to("cuda"), torch.from_numpy(X).to("cuda")

    def contraction() -> torch.Tensor:
        result = torch_contraction(there, tensor)
        torch.cuda.synchronize()
        return result

    network = read_network(net)
    _agrees(label, enclosed_ntk(network, X), contraction().cpu().numpy())
    name = f"NTK n={n} width={width} hidden={hidden}, peer on a GPU speed-up"
    return [
        compare(
            name,
            lambda: enclosed_ntk(network, X),
            contraction,
            peer_name=label,
            peer_version=torch.__version__,
            proof=False,
        )
    ]
