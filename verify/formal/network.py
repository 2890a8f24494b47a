"""A certificate as a Coq file: the stored doubles as exact integers, and what the proved checker needs to accept them.

:func:`write` reads a certificate of ``verify certify``, finds the numbers that ``proofs/coq/Check.v`` asks for (rounded
Cholesky factors, a radius, bounds) and writes a theorem about the certificate's own doubles; Coq then proves or refuses
it by computation. Nothing computed here is trusted: a wrong number makes ``check`` false. The integer arithmetic repeats
``Check.v`` operation by operation, so that a certificate that cannot pass is refused in a second instead of in Coq.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from proofs.coq_integers import ONE, exact_integers, floor_sqrt, round_up, tanh_integers
from verify.certificates import Certificate
from verify.errors import InputError, NotCertainError
from verify.networks.graph import Network
from verify.networks.parameters import with_parameters

__all__ = ["FormalProblem", "FormalWitness", "find_witness", "formal_problem", "write"]

_TWO40 = 1 << 40
_FACTOR_BITS = 22
_LIMIT = 1 << 62


@dataclass(frozen=True)
class FormalProblem:
    """The record ``problem`` of ``Format.v``: exact integers over powers of two.

    Attributes:
        inputs: (n, d) integers; x_ij = inputs / 2^input_bits. targets: (n,) over 2^target_bits.
        outers: (m,), inners: (m, d or d + 1, a hidden bias last), output_biases: () or (1,), all over 2^weight_bits.
        hidden_scale, output_scale: q; the layers are multiplied by 1/√q. loss_scale: s. lr: step.
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
    hidden_scale: int
    output_scale: int
    loss_scale: Fraction
    lr: Fraction


@dataclass(frozen=True)
class Factor:
    """M = C + G·L·Lᵀ up to `cap` in each entry; L lower triangular integers."""

    C: int
    G: int
    cap: int
    L: list[list[int]]


@dataclass(frozen=True)
class FormalWitness:
    """The record ``witness`` of ``Check.v`` and the conclusion's numbers `rate` and `mu`."""

    weight_drop: int
    input_drop: int
    hidden_drop: int
    r1: int
    r2: int
    xx_max: int
    radius: Fraction
    jac0: Fraction
    res0: Fraction
    sigma0: Fraction
    lip: Fraction
    out_max: Fraction
    in_norm: Fraction
    in_max: Fraction
    ell: Fraction
    scale2: Fraction
    low: Factor
    high: Factor
    ins: Factor
    rate: Fraction
    mu: Fraction


def formal_problem(certificate: Certificate) -> FormalProblem:
    """Return the exact problem that a certificate's ball is about: its network, or the point where its run hands over.

    Raises:
        InputError: no proved ball, or a network outside the formal part (one hidden tanh layer, one output).
    """
    if certificate.verdict != "PROVED" or certificate.scope not in ("ball", "run", "basin"):
        raise InputError(
            f"scope={certificate.scope!r}, verdict={certificate.verdict!r}: the formal part needs a PROVED certificate"
            " of scope 'ball', 'run' or 'basin'"
        )
    network, problem = _centre(certificate), certificate.problem
    names = [layer.activation.name for layer in network.chain]
    if names != ["tanh", "identity"] or network.outputs != 1 or problem.lr is None:
        raise InputError(
            f"activations={names}, outputs={network.outputs}: the formal part covers one hidden tanh layer and one output"
        )
    first, last = network.chain
    hidden, hidden_bias = first.weight, first.bias
    if hidden_bias is not None:
        hidden = np.column_stack([hidden, hidden_bias])
    parts = [last.weight.ravel(), hidden, np.zeros(0) if last.bias is None else last.bias]
    (outers, inners, biases), weight_bits = exact_integers(parts, 30)
    (inputs,), input_bits = exact_integers([problem.data.X], 30)
    (targets,), target_bits = exact_integers([problem.data.y.ravel()], 0)
    return FormalProblem(
        inputs, input_bits, targets, target_bits, outers, inners, biases, weight_bits, network.inputs,
        hidden_bias is not None, first.inverse_square_scale, last.inverse_square_scale, problem.scale, problem.lr,
    )  # fmt: skip


def _centre(certificate: Certificate) -> Network:
    """The network at the ball's centre: as stored, where a run hands over, or the centre of a basin."""
    network, witness = certificate.problem.network, certificate.witness
    if certificate.scope == "run":
        return with_parameters(network, witness["checkpoints"][witness["handover"]["checkpoint"]]["parameters"])
    return with_parameters(network, witness["centre"]) if certificate.scope == "basin" else network


class _Rounding:
    """The integers of ``Check.v`` for one choice of bits; names as there."""

    def __init__(self, c: FormalProblem, weight_kept: int, input_kept: int, hidden_drop: int) -> None:
        self.c = c
        self.n, self.m = len(c.inputs), len(c.outers)
        self.wh, self.xh, self.k = weight_kept, input_kept, hidden_drop
        self.weight_drop, self.input_drop = c.weight_bits - weight_kept, c.input_bits - input_kept
        W, X = c.inners >> self.weight_drop, c.inputs >> self.input_drop
        self.r1, self.r2 = (round(_TWO40 / math.sqrt(q)) for q in (c.hidden_scale, c.output_scale))
        most_w = max((sum(abs(v) for v in row) for row in W), default=0)
        most_x = max((sum(abs(v) for v in row) for row in X), default=0)
        dots = X.dot(W[:, : c.dim].T)
        shift = self.wh + self.xh + 12
        e_dot = most_w + most_x + c.dim
        e_pre = (((self.r1 + 1) * e_dot + (1 << (self.wh + self.xh + 8))) >> shift) + 3
        bias = (c.inners[:, c.dim] * ONE) >> c.weight_bits if c.hidden_bias else np.zeros(self.m, dtype=object)
        pre = ((dots * self.r1) >> shift) + bias
        if np.abs(dots).max() > 1 << (self.wh + self.xh + 8) or np.abs(pre).max() >= 16 * ONE:
            raise NotCertainError("a pre-activation is not below 16 in absolute value: outside the checker's tanh")
        self.T = tanh_integers(pre.astype(np.int64)).astype(object)
        half, unit = 1 << (self.k - 1), 1 << (28 - self.k)
        self.H = (self.T + half) >> self.k
        shift = c.weight_bits + 28 - self.k
        self.B = (c.outers * (unit * unit - self.H * self.H) + (1 << (shift - 1))) >> shift
        self.qx = c.hidden_scale << (2 * self.xh)
        self.XX = X.dot(X.T) + (self.qx if c.hidden_bias else 0)
        self.scale = unit * unit * c.output_scale * self.qx
        self.N = self.qx * self.H.dot(self.H.T) + self.XX * self.B.dot(self.B.T) + len(c.output_biases) * self.scale
        self.xx_max = int(max(np.diag(self.XX)))
        for rows in (W, X, self.H, self.B):
            if max(int(v) for v in (rows * rows).sum(axis=1)) >= _LIMIT:
                raise NotCertainError("inner products reach 2^62: numbers too large for the checker's machine integers")
        self.e_gram = 2 * most_x + c.dim
        self.et = 16 + e_pre
        self.one_w = 1 << c.weight_bits
        self.finer = (1 << (2 * self.k)) * self.one_w**2
        self.e_kernel = self._kernel_error(self.et + half, half)
        if (self.et + half) ** 2 > ONE:
            raise NotCertainError("hidden values are not accurate enough: the weights are too large for this precision")

    def _kernel_error(self, eh: int, half: int) -> int:
        c = self.c
        errors = [((2 * eh + 1) * abs(a) + half * self.one_w, abs(a)) for a in c.outers]
        slopes = sum(e * (2 * ONE * a + e) for e, a in errors)
        hidden = self.qx * (self.m * (eh * (2 * ONE + eh))) * self.one_w**2
        return int(hidden + self.xx_max * slopes + self.e_gram * ONE**2 * int(c.outers.dot(c.outers)))

    def residual_squared(self) -> tuple[int, int]:
        """Bound of ‖F − y‖², as a numerator and the square of ``out_unit``."""
        c = self.c
        y_one = 1 << c.target_bits
        sums = self.T.dot(c.outers)
        out = int(sum(c.output_biases)) * ONE * _TWO40
        values = [
            y_one * (self.r2 * s + out) - y * (ONE * self.one_w * _TWO40) for s, y in zip(sums, c.targets, strict=True)
        ]
        norm1 = int(sum(abs(a) for a in c.outers))
        error = y_one * (ONE * norm1 + self.r2 * (norm1 * self.et))
        return sum((abs(v) + error) ** 2 for v in values), (ONE * self.one_w * _TWO40 * y_one) ** 2


def _factor(M: np.ndarray, C: int, scale: int) -> Factor:
    """Return C, G, cap, L with M = C·I + G·L·Lᵀ up to cap in each entry; M are exact integers."""
    n = len(M)
    G = max(1, scale >> (2 * _FACTOR_BITS))
    rest = M - C * np.eye(n, dtype=np.int64).astype(object)
    try:
        L = np.linalg.cholesky(np.array([[float(Fraction(int(v), G)) for v in row] for row in rest]))
    except np.linalg.LinAlgError as error:
        raise NotCertainError("a Cholesky factorisation failed: no positive definite remainder") from error
    rounded = np.array([[round(v) for v in row] for row in L], dtype=object)
    cap = max(abs(int(v)) for v in (rest - G * rounded.dot(rounded.T)).ravel())
    return Factor(C, G, cap, [[int(v) for v in row[: i + 1]] for i, row in enumerate(rounded)])


def _spectrum(M: np.ndarray, scale: int) -> np.ndarray:
    return np.linalg.eigvalsh(np.array([[float(Fraction(int(v), scale)) for v in row] for row in M]))


def find_witness(c: FormalProblem) -> FormalWitness:
    """Search the numbers with which ``check`` accepts `c`: coarse integers first, finer ones when these fall short.

    Raises:
        NotCertainError: none were found; the message says which inequality fails at the best radius.
    """
    problem = None
    fine = [(26, 23, 8)] if c.inners.size * len(c.inputs) < 1 << 18 else []
    for weight_kept, input_kept, hidden_drop in [*fine, (23, 20, 12), (26, 23, 8)]:
        try:
            return _witness(c, _Rounding(c, weight_kept, input_kept, hidden_drop))
        except NotCertainError as error:
            problem = error
    assert problem is not None
    raise problem


def _witness(c: FormalProblem, z: _Rounding) -> FormalWitness:
    n = z.n
    lam = _spectrum(z.N, z.scale)
    slack = 20 * n * math.sqrt(n * lam[-1]) * 2.0**-_FACTOR_BITS / math.sqrt(n)
    C = int(Fraction(float(lam[0] - slack / n - 1e-9)) * z.scale)
    low = _factor(z.N, C, z.scale)
    squared = Fraction(low.C * z.finer - n * (low.cap * z.finer + z.e_kernel), z.scale * z.finer)
    if squared <= 0:
        raise NotCertainError(f"λ_min ≈ {lam[0]:.6g} is below the rounding errors of the checker's kernel")
    sigma0 = floor_sqrt(squared)
    high = _factor(-z.N, -int(Fraction(float(lam[-1] * (1 + 1e-7) + slack / n)) * z.scale), z.scale)
    jac0 = round_up(Fraction(n * (high.cap * z.finer + z.e_kernel) - high.C * z.finer, z.scale * z.finer), root=True)
    top = float(_spectrum(z.XX, z.qx)[-1])
    ins = _factor(-z.XX, -int(Fraction(top * (1 + 1e-6) + 1e-9) * z.qx), z.qx)
    in_norm = round_up(Fraction(n * (ins.cap + z.e_gram) - ins.C, z.qx), root=True)
    in_max = round_up(Fraction(z.xx_max + z.e_gram, z.qx), root=True)
    numerator, denominator = z.residual_squared()
    res0 = round_up(Fraction(numerator, denominator), root=True, bits=40)
    out_max = Fraction(int(max(abs(a) for a in c.outers)), z.one_w)
    out_max = round_up(out_max)
    scale2 = round_up(Fraction(1, c.output_scale), root=True, bits=40)
    radius, ell, lip, rate, mu = _best_radius(c, sigma0, jac0, res0, out_max, in_norm, in_max, scale2)
    return FormalWitness(
        z.weight_drop, z.input_drop, z.k, z.r1, z.r2, z.xx_max, radius, jac0, res0, sigma0, lip, out_max, in_norm,
        in_max, ell, scale2, low, high, ins, rate, mu,
    )  # fmt: skip


def _best_radius(
    c: FormalProblem, sigma0: Fraction, jac0: Fraction, res0: Fraction, out_max: Fraction, in_norm: Fraction,
    in_max: Fraction, scale2: Fraction,
) -> tuple[Fraction, Fraction, Fraction, Fraction, Fraction]:  # fmt: skip
    """Radius with the best rate, its ℓ and L_H, the rate and μ; every inequality decided exactly."""
    step = c.lr * c.loss_scale
    best, nearest = None, (math.inf, "")
    for value in np.geomspace(float(res0 / sigma0), 4 * float(res0 / sigma0), 120):
        R = round_up(Fraction(float(value)))
        q = Fraction(77, 100) * (out_max + R) * in_max
        ell = round_up(Fraction((float(q) + math.sqrt(float(q) ** 2 + 4)) / 2)) + Fraction(1, 1 << 20)
        lip = round_up(scale2 * in_norm * ell)
        drift = lip * step * (jac0 + lip * R) * res0 / 2
        sigma = sigma0 - lip * R
        lacking = [
            ("ηs(K0 + L_H R)² ≤ 1", step * (jac0 + lip * R) ** 2 - 1),
            ("δ < σ0 − L_H R", drift - sigma + Fraction(1, 1 << 40)),
            ("e0 ≤ (σ0 − δ)R − L_H R²/2", res0 - (sigma0 - drift) * R + lip * R * R / 2),
        ]
        worst = max(lacking, key=lambda row: row[1])
        assert 1 + q * ell <= ell * ell
        if worst[1] <= 0:
            rate = round_up((1 - step * sigma * (sigma - drift)) ** 2, bits=30)
            mu = Fraction(math.floor(c.loss_scale * sigma**2 * (1 << 30)), 1 << 30)
            if rate < 1 and mu > 0 and (best is None or rate < best[3]):
                best = (R, ell, lip, rate, mu)
        elif worst[1] < nearest[0]:
            nearest = (float(worst[1]), f"{worst[0]} fails by {float(worst[1]):.4g} at R = {float(R):.4g}")
    if best is None:
        raise NotCertainError(
            f"the formal criterion needs {nearest[1]}: it knows one L_H for the whole ball and no neuron budget, so it"
            " asks for a smaller residual (train on, or certify with scope 'basin') or a smaller step than the engine"
        )
    return best


def _entries(rows: Sequence[Sequence[int]]) -> tuple[int, list[str]]:
    """Width in hexadecimal digits, and the rows as literals of ``Format.entries``: v + 8·16^(w−1) for each entry."""
    largest = max((abs(int(v)) for row in rows for v in row), default=0)
    digits = (2 * largest + 2).bit_length() // 4 + 1
    offset = 8 * 16 ** (digits - 1)
    assert largest < offset
    return digits, ["0x" + "".join(f"{int(v) + offset:0{digits}x}" for v in row) for row in rows]


def _matrix(rows: np.ndarray) -> str:
    if rows.size == 0:
        return "[]"
    digits, literals = _entries(rows.tolist())
    lines = ";\n  ".join(literals)
    return f"map (entries {digits} {rows.shape[1]}) [{lines}]%digits"


def _vector(values: np.ndarray) -> str:
    chunks = [values[i : i + 64].tolist() for i in range(0, len(values), 64)]
    digits, literals = _entries(chunks)
    return " ++\n  ".join(
        f"entries {digits} {len(chunk)} {literal}%digits" for chunk, literal in zip(chunks, literals, strict=True)
    ) or "[]"  # fmt: skip


def _q(value: Fraction) -> str:
    return f"({value.numerator} # {value.denominator})"


def _z(value: int) -> str:
    return str(value) if value >= 0 else f"({value})"


def _factor_text(factor: Factor) -> str:
    digits, literals = _entries(factor.L)
    rows = ";\n  ".join(literals)
    return (
        f"{{| f_C := {_z(factor.C)}; f_G := {factor.G}; f_cap := {factor.cap};\n"
        f"  f_L := triangle {digits} 0 [{rows}]%digits |}}"
    )


def to_coq(c: FormalProblem, w: FormalWitness, name: str, heading: str, vectors: str = "slow") -> str:
    """Return the text of a Coq file that states and proves `name`: convergence for the problem `c`."""
    bias = "true" if c.hidden_bias else "false"
    scalars = " ".join(
        f"{field} := {_q(getattr(w, field))};"
        for field in ("radius", "jac0", "res0", "sigma0", "lip", "out_max", "in_norm", "in_max", "ell", "scale2")
    )
    return f"""(** {heading} *)
From Coq Require Import ZArith QArith List.
From LPLR Require Import Format Check Vectors Converges.
Import ListNotations.
Open Scope Z_scope.

Definition network : problem := {{|
  inputs := {_matrix(c.inputs)}; input_bits := {c.input_bits};
  targets := {_vector(c.targets)}; target_bits := {c.target_bits};
  outers := {_vector(c.outers)};
  inners := {_matrix(c.inners)};
  output_biases := {_vector(c.output_biases)}; weight_bits := {c.weight_bits};
  dim := {c.dim}; hidden_bias := {bias}; hidden_scale := {c.hidden_scale}; output_scale := {c.output_scale};
  loss_scale := {_q(c.loss_scale)}; lr := {_q(c.lr)} |}}.

Definition numbers : witness := {{|
  weight_drop := {w.weight_drop}; input_drop := {w.input_drop}; hidden_drop := {w.hidden_drop};
  r1 := {w.r1}; r2 := {w.r2}; xx_max := {w.xx_max};
  {scalars}
  low := {_factor_text(w.low)};
  high := {_factor_text(w.high)};
  ins := {_factor_text(w.ins)} |}}.

Theorem {name} : converges_linearly network {_q(w.radius)} {_q(w.rate)} {_q(w.mu)}.
Proof. apply (accepted_converges network numbers {vectors}). vm_cast_no_check (eq_refl true). Qed.
"""


def write(certificate: Path, target: Path, *, name: str = "converges", vectors: str = "slow") -> FormalWitness:
    """Write `target`, a Coq file about the doubles of `certificate`, and return its numbers.

    Args:
        certificate: a file or directory of ``verify certify``. target: the .v file. name: of the theorem.
        vectors: 'slow' multiplies by Coq's own integers (three axioms), 'fast' by 63-bit machine integers.

    Raises:
        InputError: outside the formal part. NotCertainError: the proved checker would refuse it, and why.
    """
    loaded = Certificate.load(certificate)
    problem = formal_problem(loaded)
    numbers = find_witness(problem)
    heading = (
        f"A certificate of scope {loaded.scope}, formally: {len(problem.inputs)} samples, tanh network"
        f" {problem.dim}-{len(problem.outers)}-1.\n    Written by verify/formal/network.py from a certificate with SHA-256\n"
        f"    {fingerprint(certificate)}"
    )
    target.write_text(to_coq(problem, numbers, name, heading, vectors), encoding="utf-8")
    return numbers


def fingerprint(path: Path) -> str:
    """SHA-256 of a file; of a certificate directory, that of its certificate.json, which lists its arrays' hashes."""
    return hashlib.sha256((path / "certificate.json" if path.is_dir() else path).read_bytes()).hexdigest()
