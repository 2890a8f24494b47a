"""The stand-alone checker as one executable file, the same bytes wherever and whenever it is built.

``python lplr-checker.pyz CERT`` needs Python ≥ 3.11 and python-flint, nothing else. Entries are stored uncompressed, sorted, with one fixed
date and mode: compression would make the bytes depend on the zlib at hand.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import verify.checker

__all__ = ["build", "content"]

_SHEBANG = b"#!/usr/bin/env python3\n"
_DATE = (1980, 1, 1, 0, 0, 0)
# An exit code 1 would say that the certificate is rejected.
_MAIN = b"""import sys

try:
    import flint
except ImportError as error:
    print(f"lplr-checker needs python-flint (pip install python-flint): {error}", file=sys.stderr)
    sys.exit(3)

from verify.checker.__main__ import main

sys.exit(main(sys.argv[1:]))
"""


def content() -> bytes:
    """Return the file's bytes."""
    package = Path(verify.checker.__file__).parent
    entries = {
        # An empty package: the checker imports nothing else of it.
        "verify/__init__.py": b"",
        "__main__.py": _MAIN,
        **{f"verify/checker/{path.name}": path.read_bytes() for path in package.glob("*.py")},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o644 << 16
            info.create_system = 3
            archive.writestr(info, entries[name])
    return _SHEBANG + buffer.getvalue()


def build(path: str | Path) -> Path:
    """Write the file, executable; return its path."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content())
    target.chmod(0o755)
    return target
