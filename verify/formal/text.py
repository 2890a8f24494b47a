"""A problem and its witness as a Coq file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from verify.certificates import Certificate
from verify.errors import InputError
from verify.formal.factors import Factor
from verify.formal.problem import ACTIVATIONS, FormalProblem, formal_problem
from verify.formal.trail import Trail, find_trail
from verify.formal.witness import FormalParabola, FormalWitness, find_witness

__all__ = ["conclusion", "fingerprint", "matrix", "to_coq", "trail_conclusion", "trail_to_coq", "write"]


def _entries(rows: Sequence[Sequence[int]]) -> tuple[int, list[str]]:
    """Width in hexadecimal digits, and the rows as literals of ``Format.entries``: v + 8·16^(w−1) for each entry."""
    largest = max((abs(int(v)) for row in rows for v in row), default=0)
    digits = (2 * largest + 2).bit_length() // 4 + 1
    offset = 8 * 16 ** (digits - 1)
    assert largest < offset
    return digits, ["0x" + "".join(f"{int(v) + offset:0{digits}x}" for v in row) for row in rows]


def matrix(rows: np.ndarray) -> str:
    """Rows of integers as a term: one literal a row."""
    if rows.size == 0:
        return "[]"
    digits, literals = _entries(rows.tolist())
    lines = ";\n  ".join(literals)
    return f"map (entries {digits} {rows.shape[1]}) [{lines}]%digits"


def _vector(values: np.ndarray) -> str:
    chunks = [values[i : i + 64].tolist() for i in range(0, len(values), 64)]
    digits, literals = _entries(chunks)
    return (
        " ++\n  ".join(
            f"entries {digits} {len(chunk)} {literal}%digits" for chunk, literal in zip(chunks, literals, strict=True)
        )
        or "[]"
    )


def _q(value: Fraction) -> str:
    return f"({value.numerator} # {value.denominator})"


def _z(value: int) -> str:
    return str(value) if value >= 0 else f"({value})"


def _factor(factor: Factor) -> str:
    digits, literals = _entries(factor.L)
    rows = ";\n  ".join(literals)
    return (
        f"{{| f_C := {_z(factor.C)}; f_G := {factor.G}; f_cap := {factor.cap};\n"
        f"  f_L := triangle {digits} 0 [{rows}]%digits |}}"
    )


def _parabola(p: FormalParabola) -> str:
    shares = "; ".join(map(str, p.shares))
    return f"{{| p_weight := {_q(p.weight)}; p_floor := {_q(p.floor)}; p_shares := [{shares}];\n  p_factor := {_factor(p.factor)} |}}"


def conclusion(c: FormalProblem, w: FormalWitness) -> tuple[str, str]:
    """What is stated of ``network``, and the theorem that says so."""
    numbers = _conclusion_numbers(w)
    if c.rho is None:
        return f"converges_linearly network {numbers}", "accepted_converges"
    return f"attracts network {_q(c.rho)} {numbers}", "accepted_attracts"


def to_coq(c: FormalProblem, w: FormalWitness, name: str, heading: str, vectors: str = "slow") -> str:
    """Return the text of a Coq file that states and proves `name`: convergence for the problem `c`."""
    statement, theorem = conclusion(c, w)
    return f"""{records(c, w, heading)}
Theorem {name} : {statement}.
Proof. apply ({theorem} network numbers {vectors}). vm_cast_no_check (eq_refl true). Qed.
"""


def trail_to_coq(t: Trail, name: str, heading: str, vectors: str = "slow") -> str:
    """Return the text of a Coq file that states and proves `name`: descent from the initialisation of the trail `t` reaches an exact fit."""
    assert t.centre.rho is not None
    s = t.start
    steps = ";\n  ".join(f"step {_q(b.jac)} {b.neg} {b.pos} {_q(b.gain)} {_q(b.err)} {_q(b.next)}" for b in t.steps)
    return f"""{records(t.centre, t.basin, heading, "Descent DescentConverges")}
Definition initialisation : parameters := {{|
  p_outers := {matrix(s.outers)};
  p_inners := {matrix(s.inners)};
  p_biases := {_vector(s.output_biases)}; p_bits := {s.weight_bits} |}}.

Definition step := Build_bounds.
Definition followed : trail := {{|
  x_bits := {t.x_bits}; gain40 := {t.gain40}; inner_most := {t.inner_most}; outer_sum := {t.outer_sum}; outer_most := {t.outer_most};
  outer_bound := {_q(t.outer_bound)}; root_n := {_q(t.root_n)}; root_p := {_q(t.root_p)};
  trail_ell := {_q(t.ell)}; trail_lip := {_q(t.lip)}; first := {_q(t.first)};
  steps := [{steps}] |}}.

Theorem {name} : {trail_conclusion(t)}.
Proof. apply (accepted_fits network numbers {vectors} followed initialisation {_q(t.centre.rho)}). vm_cast_no_check (eq_refl true). Qed.
"""


def trail_conclusion(t: Trail) -> str:
    """What is stated of ``initialisation`` and ``network``."""
    return f"fits_from network initialisation {len(t.steps)} {_conclusion_numbers(t)}"


def _conclusion_numbers(w: FormalWitness | Trail) -> str:
    return " ".join(map(_q, (w.radius, w.rate, w.mu)))


def records(c: FormalProblem, w: FormalWitness, heading: str, modules: str = "Converges") -> str:
    """The beginning of a Coq file: the records ``network`` and ``numbers``."""
    bias, f = "true" if c.hidden_bias else "false", w.facts
    scalars = {
        **{
            n: getattr(f, n)
            for n in ("jac0", "res0", "sigma0", "drop", "kink", "out_max", "in_norm", "in_twice", "ell0", "scale2")
        },
        "lip": w.lip,
        "jump": w.jump,
        "ell": w.ell,
    }
    groups = ";\n  ".join(f"{{| g_max := {g.most}; g_ell := {_q(g.ell)} |}}" for g in f.groups)
    return f"""(** {heading} *)
From Coq Require Import ZArith QArith List.
From LPLR Require Import Activation Format Check Vectors {modules}.
Import ListNotations.
Open Scope Z_scope.

Definition network : problem := {{|
  inputs := {matrix(c.inputs)}; input_bits := {c.input_bits};
  targets := {_vector(c.targets)}; target_bits := {c.target_bits};
  outers := {matrix(c.outers)};
  inners := {matrix(c.inners)};
  output_biases := {_vector(c.output_biases)}; weight_bits := {c.weight_bits};
  dim := {c.dim}; hidden_bias := {bias}; hidden := {ACTIVATIONS[c.hidden]}; hidden_scale := {c.hidden_scale}; output_scale := {c.output_scale};
  loss_scale := {_q(c.loss_scale)}; lr := {_q(c.lr)} |}}.

Definition numbers : witness := {{|
  weight_drop := {f.weight_drop}; input_drop := {f.input_drop}; hidden_drop := {f.hidden_drop};
  r1 := {f.r1}; r2 := {f.r2}; xx_max := {f.xx_max};
  {" ".join(f"{n} := {_q(v)};" for n, v in scalars.items())}
  low := {_factor(f.low)};
  high := {_factor(f.high)};
  ins := {_factor(f.ins)};
  twice := {_factor(f.twice)};
  groups := [{groups}];
  group_of := [{"; ".join(map(str, f.group_of))}]%nat;
  parabolas := [{(";" + chr(10) + "  ").join(map(_parabola, w.parabolas))}];
  offset := {w.offset};
  stairs := [{"; ".join(f"({r}, {g})" for r, g in w.stairs)}] |}}.
"""


def write(certificate: Path, target: Path, *, name: str = "converges", vectors: str = "slow") -> FormalWitness | Trail:
    """Write `target`, a Coq file about the doubles of `certificate`, and return its numbers.

    Args:
        certificate: a file or directory of ``verify certify``. target: the .v file. name: of the theorem.
        vectors: 'slow' multiplies by Coq's own integers (three axioms), 'fast' by 63-bit machine integers.

    Raises:
        InputError: outside the formal part. NotCertainError: the proved checker would refuse it, and why.
    """
    loaded = Certificate.load(certificate)
    problem = formal_problem(loaded)
    numbers = find_trail(problem) if loaded.scope == "exact" else find_witness(problem)
    heading = (
        f"A certificate of scope {loaded.scope}, formally: {len(problem.inputs)} samples, {problem.hidden} network"
        f" {problem.dim}-{len(problem.inners)}-{problem.outputs}.\n    Written by python -m verify formal from a certificate with SHA-256\n"
        f"    {fingerprint(certificate)}"
    )
    if isinstance(numbers, Trail):
        text = trail_to_coq(numbers, name, heading, vectors)
    else:
        text = to_coq(problem, numbers, name, heading, vectors)
    target.write_text(text, encoding="utf-8")
    return numbers


def fingerprint(path: Path) -> str:
    """SHA-256 of a file; of a certificate directory, that of its certificate.json, which lists its arrays' hashes."""
    file = path / "certificate.json" if path.is_dir() else path
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"certificate={path}: {file} cannot be read ({error.strerror or error})") from error
