"""The problem that a certificate is about, as exact integers over powers of two: the record ``problem`` of ``Format.v``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from proofs.coq_integers import exact_integers
from verify.certificates import Certificate
from verify.errors import InputError
from verify.networks.graph import Network
from verify.networks.parameters import flatten, with_parameters

__all__ = ["ACTIVATIONS", "FormalProblem", "formal_problem"]

ACTIVATIONS = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu"}
"""Hidden activations that the proved checker covers, and their names in ``Activation.v``."""


@dataclass(frozen=True)
class FormalProblem:
    """The record ``problem`` of ``Format.v``, and how far from the centre the certificate lets descent start.

    Attributes:
        inputs: (n, d) integers; x_ij = inputs / 2^input_bits. targets: (n·k,), sample by sample, over 2^target_bits.
        outers: (k, m), inners: (m, d or d + 1, a hidden bias last), output_biases: () or (k,), all over 2^weight_bits.
        hidden_scale, output_scale: q; the layers are multiplied by 1/√q. loss_scale: s. lr: step.
        hidden: the hidden activation, a key of :data:`ACTIVATIONS`.
        rho: the statement is about every start within this distance of the centre (a basin, or a run that hands over to
            one); None: about the centre itself.
    """

    inputs: np.ndarray
    input_bits: int
    targets: np.ndarray
    target_bits: int
    outers: np.ndarray
    inners: np.ndarray
    output_biases: np.ndarray
    weight_bits: int
    dim: int
    hidden_bias: bool
    hidden: str
    hidden_scale: int
    output_scale: int
    loss_scale: Fraction
    lr: Fraction
    rho: Fraction | None = None

    @property
    def outputs(self) -> int:
        """The number k of outputs."""
        return len(self.outers)


def formal_problem(certificate: Certificate) -> FormalProblem:
    """Return the exact problem of a certificate: its network, where its run hands over, or the centre of a basin; of scope 'exact' its initialisation.

    Raises:
        InputError: outside the formal part; says what of it.
    """
    if certificate.verdict != "PROVED" or certificate.scope not in ("ball", "run", "basin", "exact"):
        raise InputError(
            f"scope={certificate.scope!r}, verdict={certificate.verdict!r}: the formal part needs a PROVED certificate"
            " of scope 'ball', 'run', 'basin' or 'exact'"
        )
    network, problem = _centre(certificate), certificate.problem
    outside = _outside(certificate, network)
    if outside is not None or problem.lr is None:
        raise InputError(
            f"{outside or 'lr=None'}: not covered by the proved checker, which takes full-batch gradient descent on all parameters of a"
            f" network with one hidden layer, {' or '.join(ACTIVATIONS)}, and a linear output layer"
        )
    first, last = network.chain
    hidden, hidden_bias = first.weight, first.bias
    if hidden_bias is not None:
        hidden = np.column_stack([hidden, hidden_bias])
    parts = [last.weight, hidden, np.zeros(0) if last.bias is None else last.bias]
    (outers, inners, biases), weight_bits = exact_integers(parts, 30)
    (inputs,), input_bits = exact_integers([problem.data.X], 30)
    (targets,), target_bits = exact_integers([problem.data.y.ravel()], 0)
    return FormalProblem(
        inputs,
        input_bits,
        targets,
        target_bits,
        outers,
        inners,
        biases,
        weight_bits,
        network.inputs,
        hidden_bias is not None,
        first.activation.name,
        first.inverse_square_scale,
        last.inverse_square_scale,
        problem.scale,
        problem.lr,
        _starts(certificate),
    )


def _outside(certificate: Certificate, network: Network) -> str | None:
    """What of a certificate the proved checker does not cover, in words; None if it covers everything."""
    if certificate.problem.descent is not None:
        return f"descent={certificate.problem.descent}"
    own = next(
        (name for name in ("centre", "data_radius") if certificate.scope == "ball" and name in certificate.witness),
        None,
    )
    if own is not None:
        return f"{own}= of scope 'ball'"
    if not network.is_chain:
        return network.why_no_chain
    activations = [layer.activation.name for layer in network.chain]
    if len(activations) != 2:
        return f"{len(activations) - 1} hidden layers"
    if activations[1] != "identity":
        return f"activation {activations[1]!r} of the output layer"
    return None if activations[0] in ACTIVATIONS else f"activation {activations[0]!r}"


def _starts(certificate: Certificate) -> Fraction | None:
    """The radius of the basin of a certificate, exact; None without one. Where a run hands over to it, its point is inside.

    Raises:
        InputError: the point of the hand-over is farther from the centre, in exact arithmetic.
    """
    basin = _basin(certificate)
    if basin is None:
        return None
    rho = Fraction(float(basin["radii"][basin["basin"]]))
    if certificate.scope == "run":
        stored = flatten(_handed_over(certificate))
        pairs = zip(np.ravel(stored).tolist(), np.ravel(basin["centre"]).tolist(), strict=True)
        if sum((Fraction(a) - Fraction(b)) ** 2 for a, b in pairs) > rho**2:
            raise InputError(f"handover: its point is farther than ρ = {float(rho):.6g} from the centre")
    return rho


def _basin(certificate: Certificate) -> Mapping[str, Any] | None:
    """The witness of the basin that a certificate is about, or that its run hands over to; of scope 'exact' what is formal begins before that."""
    if certificate.scope == "exact":
        return None
    found = certificate.witness["handover"] if certificate.scope == "run" else certificate.witness
    return found if certificate.scope == "basin" or "centre" in found else None


def _centre(certificate: Certificate) -> Network:
    """The network at the ball's centre: as stored, where a run hands over, or the centre of a basin."""
    network, basin = certificate.problem.network, _basin(certificate)
    if basin is not None:
        return with_parameters(network, basin["centre"])
    return _handed_over(certificate) if certificate.scope == "run" else network


def _handed_over(certificate: Certificate) -> Network:
    """The network where a run hands over; its own parameters at the start may be left out."""
    witness, network = certificate.witness, certificate.problem.network
    stored = witness["checkpoints"][witness["handover"]["checkpoint"]]["parameters"]
    return network if stored is None else with_parameters(network, stored)
