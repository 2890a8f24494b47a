"""The one archive for a repository with a DOI: source, wheels, certificates, checker, SBOM, and a README with what to expect.

Its folder holds: ``source/`` (the files that git tracks at HEAD), ``wheels/`` and ``wheels.sha256`` (what the Containerfile installs without
network), ``lplr-checker.pyz``, ``sbom.json`` (CycloneDX, made from the environment by cyclonedx-py), ``README.md``, ``Containerfile``,
``COMMIT``. The tar has sorted members, one date, no owner: the same folder gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
from pathlib import Path

from verify.artifact.checker_zipapp import build
from verify.errors import InputError

__all__ = ["members", "write_archive", "write_tar"]

_ROOT = Path(__file__).parents[2]
_TEXTS = Path(__file__).parent / "texts"
_PREFIX = "lplr-verify-artifact"


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise InputError("git is not installed, and the archive is made from a git checkout") from error
    if result.returncode:
        raise InputError(f"git {arguments[0]}: {result.stderr.strip()}; the archive is made from a git checkout")
    return result.stdout


def members(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted by name."""
    return sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.as_posix())


def write_tar(folder: Path, out: Path) -> Path:
    """Write every file below a folder into an uncompressed tar, the same bytes for the same files; atomic."""
    partial = out.with_name(out.name + ".partial")
    with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in members(folder):
            info = tarfile.TarInfo(f"{_PREFIX}/{path.relative_to(folder).as_posix()}")
            info.size = path.stat().st_size
            info.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            info.mtime = 315532800  # 1980-01-01, the earliest date that zip knows too
            with path.open("rb") as content:
                archive.addfile(info, content)
    os.replace(partial, out)
    return out


def _without_local_paths(sbom: Path) -> None:
    """Drop references to files of the machine that made the SBOM, such as where its checkout lies: nobody else has them."""
    content = json.loads(sbom.read_text(encoding="utf-8"))
    for component in content.get("components", []):
        if "externalReferences" in component:
            references = component["externalReferences"]
            component["externalReferences"] = [one for one in references if not one["url"].startswith("file:")]
    sbom.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_archive(folder: Path, out: Path, *, dry: bool = False) -> Path:
    """Complete a folder that holds ``wheels/`` and ``sbom.json``, and write it as one tar.

    Args:
        folder: made by ``make artifact``: the wheels and the SBOM are there already. out: the tar.
        dry: without wheels, some gigabytes less; what the archive then installs is named by version and hash in ``source/.ci``.

    Raises:
        InputError: tracked files differ from HEAD, no git checkout, or wheels or SBOM are missing.
    """
    if _git("status", "--porcelain", "--untracked-files=no").strip():
        raise InputError("tracked files differ from HEAD: commit first, the archive names its commit")
    wheels = sorted((folder / "wheels").glob("*"))
    if (not wheels and not dry) or not (folder / "sbom.json").is_file():
        raise InputError(f"{folder}: wheels/ or sbom.json is missing; run `make artifact`, which makes both")
    (folder / "COMMIT").write_text(_git("rev-parse", "HEAD"), encoding="utf-8")
    for name in _git("ls-files", "-z").split("\0"):
        if name:
            target = folder / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((_ROOT / name).read_bytes())
            target.chmod((_ROOT / name).stat().st_mode & 0o755)
    _without_local_paths(folder / "sbom.json")
    listed = [f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  wheels/{wheel.name}\n" for wheel in wheels]
    if listed:
        (folder / "wheels.sha256").write_text("".join(listed), encoding="utf-8")
    build(folder / "lplr-checker.pyz")
    for text in members(_TEXTS):
        (folder / text.name).write_bytes(text.read_bytes())
    return write_tar(folder, out)
