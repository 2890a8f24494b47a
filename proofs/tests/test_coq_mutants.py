"""An altered constant turns the formal proof red: Main.v no longer compiles against it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from proofs.coq_check import build
from proofs.coq_export import COQ_DIRECTORY, generate
from proofs.tests.test_coq_build import needs_coq

# (constant, what stands in its body, what is put instead). All eleven that Main.v uses were tried by hand once
# (python -m proofs.tests.test_coq_mutants); the tests keep the four whose error would be least visible.
MUTANTS = [
    ("residual_step", "^ 2", "^ 1"),
    ("delta_residual", "/ 2", "/ 4"),
    ("smoothness", "L_H * e0", "L_H"),
    ("path_classical", "c * sqrt lambda_R", "sqrt lambda_R"),
    ("residual_panel", "sigma - delta", "sigma"),
    ("residual_rate", "sigma - delta", "sigma"),
    ("residual_rate_loss", "^ 2", "^ 3"),
    ("mu", "* s", "* s * s"),
    ("step_bound", "2 /", "3 /"),
    ("descent_fraction", "/ 2", "/ 4"),
    ("rate_classical", "2 * c", "4 * c"),
]


def _altered(name: str, old: str, new: str) -> str:
    head, separator, rest = generate().partition(f"Definition {name} (")
    body, end, tail = rest.partition(".\n")
    assert separator
    assert old in body.split(":=")[1], f"{name}: {old!r} not found"
    signature, assign, formula = body.partition(":=")
    return head + separator + signature + assign + formula.replace(old, new, 1) + end + tail


def _compiles(folder: Path, name: str) -> bool:
    command = ["coqc", "-q", "-R", str(folder), "LPLR", "-w", "-ambiguous-paths", str(folder / name)]
    return subprocess.run(command, capture_output=True, timeout=300, check=False).returncode == 0


def _main_accepts(folder: Path, constants: str) -> bool:
    """Whether Main.v compiles against the given text of Constants.v, in a folder of its own."""
    for path in COQ_DIRECTORY.glob("*.vo"):
        if path.stem not in ("Constants", "Main"):
            shutil.copy(path, folder)
    shutil.copy(COQ_DIRECTORY / "Main.v", folder)
    (folder / "Constants.v").write_text(constants, encoding="utf-8")
    assert _compiles(folder, "Constants.v")
    return _compiles(folder, "Main.v")


@needs_coq
def test_main_accepts_the_export_itself(tmp_path: Path) -> None:
    build()
    assert _main_accepts(tmp_path, generate())


@needs_coq
@pytest.mark.parametrize(("name", "old", "new"), MUTANTS[:4])
def test_altered_constant_breaks_the_proof(tmp_path: Path, name: str, old: str, new: str) -> None:
    build()
    assert not _main_accepts(tmp_path, _altered(name, old, new))


if __name__ == "__main__":
    import tempfile

    for mutant in MUTANTS:
        with tempfile.TemporaryDirectory() as scratch:
            print(mutant[0], "NOT caught" if _main_accepts(Path(scratch), _altered(*mutant)) else "caught")
