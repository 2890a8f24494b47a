"""Check every example certificate, and compare manifest and output with what is recorded; exit code 0 if all agree, else 1."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from verify.checker import CheckResult, check

HERE = Path(__file__).parent


def described(name: str, result: CheckResult) -> str:
    """Return what is compared: the verdict and the statements; times and precision may differ between machines."""
    return "\n".join([f"{result.verdict}: {name}", *(f"  {line}" for line in (*result.failures, *result.claims))])


def manifest(folder: Path) -> str:
    """Return the manifest of the certificates in a folder, as sha256sum writes and reads it."""
    files = sorted(folder.glob("*.zip"))
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def main(folder: Path = HERE) -> int:
    """Check the examples in a folder, saying what is compared."""
    ok = (folder / "MANIFEST.sha256").read_text(encoding="utf-8") == manifest(folder)
    print("MANIFEST.sha256: " + ("as recorded" if ok else "DIFFERS: files were added, removed or altered"))
    found = []
    for file in sorted(folder.glob("*.zip")):
        result = check(file)
        found.append(described(file.name, result))
        print(f"{found[-1]}\n  ({result.seconds:.1f} s)", flush=True)
    same = (folder / "expected.txt").read_text(encoding="utf-8") == "\n".join(found) + "\n"
    print("expected.txt: " + ("as recorded" if same else "DIFFERS from the output above"))
    return 0 if ok and same and found else 1


if __name__ == "__main__":
    sys.exit(main())
