"""``verify formal``: a certificate's own doubles, accepted by the checker that is proved correct in Coq."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from proofs.coq_check import ALLOWED, MACHINE_INTEGERS, PACKAGES, build_library, parse_assumptions
from proofs.errors import ToolError
from verify.certificates import Certificate
from verify.decimals import at_least, at_most, below_one
from verify.errors import InputError, NotCertainError, ResourceError
from verify.formal.problem import FormalProblem, formal_problem
from verify.formal.text import conclusion, fingerprint, trail_conclusion, write
from verify.formal.trail import Trail
from verify.formal.witness import FormalWitness

__all__ = ["Formal", "Vectors", "accept"]

Vectors = Literal["slow", "fast"]
_NAME = "converges"
# Coq's own minor heap (in words), and a major heap that may hold eleven times what lives in it: terms are built once and stay, so that
# collecting them takes a third of the time to read a certificate.
_COLLECTOR = {"OCAMLRUNPARAM": "s=32M,o=1000"}


@dataclass(frozen=True)
class Formal:
    """What Coq said of a certificate.

    Attributes:
        verdict: 'ACCEPTED' or 'UNDECIDED' (no numbers were found that the proved checker accepts; nothing is refuted).
        statement: the theorem in words, then as Coq prints it; or the reason. axioms: what it rests on.
        certificate_sha256, file_sha256: of the certificate and of the .v file. file: where that was written.
        seconds: processor time of coqc.
    """

    verdict: Literal["ACCEPTED", "UNDECIDED"]
    statement: str
    axioms: tuple[str, ...]
    certificate_sha256: str
    file_sha256: str
    file: Path | None
    seconds: float

    @property
    def report(self) -> str:
        """Lines for a terminal."""
        if self.verdict != "ACCEPTED" or self.file is None:
            return f"NOT ACCEPTED BY COQ: {self.statement}\ncertificate SHA-256 {self.certificate_sha256}"
        axioms = "\n".join(f"  {axiom}" for axiom in self.axioms)
        return (
            f"ACCEPTED BY COQ in {self.seconds:.0f} s of processor time\n{self.statement}\naxioms:\n{axioms}\n"
            f"certificate SHA-256 {self.certificate_sha256}\n{self.file} SHA-256 {self.file_sha256}"
        )


def _descent(certificate: Certificate) -> str:
    """Whose descent a statement is about."""
    problem = certificate.problem
    return (
        f"Real-arithmetic gradient descent with step {problem.lr} on Φ = (s/2)·‖F − y‖², s = {problem.scale}"
        f" ({problem.loss} loss), of the network {problem.network.describe()} and {problem.data.n} samples"
    )


def _from_initialisation(certificate: Certificate, t: Trail) -> str:
    steps, parameters = len(t.steps), certificate.problem.network.parameters
    return (
        f"{_descent(certificate)}, from the initialisation ({parameters} doubles, none rounded),\n"
        f"converges to an exact fit; from step {steps} on it stays within {at_most(float(t.radius), 4)} of a computed point, in a"
        f" Locally PL Region with μ ≥ {at_least(float(t.mu), 4)}; Φ_k ≤ {below_one(float(t.rate))}^(k − {steps})·Φ_{steps}."
        f"\nTheorem (definitions: proofs/coq/Format.v, Descent.v): {trail_conclusion(t)}"
    )


def _statement(certificate: Certificate, problem: FormalProblem, w: FormalWitness | Trail) -> str:
    if isinstance(w, Trail):
        return _from_initialisation(certificate, w)
    network = certificate.problem.network
    where = {"ball": "the stored parameters", "run": "the doubles of the hand-over", "basin": "the basin's centre"}
    if certificate.scope == "run" and problem.rho is not None:
        where["run"] = "the centre to whose basin the run hands over"
    centre = f"{where[certificate.scope]} ({network.parameters} doubles, none rounded)"
    start = f"from {centre}"
    if problem.rho is not None:
        start = f"from every start within ρ = {at_least(float(problem.rho), 4)} of {centre}"
    if certificate.scope == "run" and problem.rho is not None:
        start += ", which the hand-over's own doubles are (by exact arithmetic outside Coq)"
    return (
        f"{_descent(certificate)}, {start},\n"
        f"stays within {at_most(float(w.radius), 4)} of them, a Locally PL Region with μ ≥ {at_least(float(w.mu), 4)};"
        f" Φ_k ≤ {below_one(float(w.rate))}^k·Φ_0, and it converges to an exact fit."
        f"\nTheorem (definitions: proofs/coq/Format.v): {conclusion(problem, w)[0]}"
    )


def accept(certificate: Path, target: Path, *, vectors: Vectors = "slow", timeout: float = 3600.0) -> Formal:
    """Write `target`, a Coq theorem about the doubles of `certificate`, and let Coq check it.

    Args:
        certificate: what ``verify certify`` saved. target: the .v file to write.
        vectors: 'slow' computes with Coq's own integers and rests on the axioms of the reals alone; 'fast' multiplies
            with 63-bit machine integers, whose specification Coq lists as axioms.
        timeout: seconds that Coq may take.

    Raises:
        InputError: no proved ball, a network outside the formal part, or no place to write to.
        ResourceError: no Coq, a failed build, or more than `timeout` seconds.
    """
    if not (target.parent.is_dir() and os.access(target.parent, os.W_OK | os.X_OK)):
        raise InputError(f"out={target}: {target.parent} is no folder that can be written to")
    own = fingerprint(certificate)
    try:
        numbers = write(certificate, target, name=_NAME, vectors=vectors)
    except NotCertainError as error:
        return Formal("UNDECIDED", str(error), (), own, "", None, 0.0)
    with target.open("a", encoding="utf-8") as file:
        file.write(f"Print Assumptions {_NAME}.\n")
    if shutil.which("coqc") is None:
        raise ResourceError(f"coqc is not installed: apt-get install {' '.join(PACKAGES)}; {target} was written")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder)
        try:
            build_library(library)
        except ToolError as error:
            raise ResourceError(str(error)) from error
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        output = compile_file(target, library, timeout)
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    data = target.read_bytes()
    sha = hashlib.sha256(data).hexdigest()
    if isinstance(output, CoqRefusal):
        return Formal("UNDECIDED", f"Coq did not accept {target}: {output.message}", (), own, sha, target, seconds)
    axioms = parse_assumptions(f"Print Assumptions {_NAME}.", output)[_NAME]
    beyond = set(axioms) - ALLOWED
    if vectors == "fast":
        beyond = {axiom for axiom in beyond if not axiom.startswith(MACHINE_INTEGERS)}
    if beyond:
        return Formal("UNDECIDED", f"unexpected axioms: {sorted(beyond)}", axioms, own, sha, target, seconds)
    loaded = Certificate.load(certificate)
    text = _statement(loaded, formal_problem(loaded), numbers)
    return Formal("ACCEPTED", text, axioms, own, sha, target, seconds)


@dataclass(frozen=True)
class CoqRefusal:
    """The end of Coq's message."""

    message: str


def compile_file(source: Path, library: Path, timeout: float) -> str | CoqRefusal:
    """Compile `source` against the compiled files in `library`, away from the development, and return what Coq printed.

    Raises:
        ResourceError: more than `timeout` seconds.
    """
    copy = library / "Certified.v"
    shutil.copyfile(source, copy)
    command = ["coqc", "-q", "-R", str(library), "LPLR", "-w", "-ambiguous-paths", str(copy)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=False, env=_COLLECTOR | os.environ
        )
    except subprocess.TimeoutExpired as error:
        raise ResourceError(
            f"Coq took more than timeout={timeout:g} s on {source}: allow more, or multiply with machine integers (vectors='fast', --fast)"
        ) from error
    return done.stdout if done.returncode == 0 else CoqRefusal(done.stderr.strip()[-500:])
