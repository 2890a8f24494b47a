"""``python -m verify`` and ``verify``: the command line, or one line that says what it needs."""

from __future__ import annotations

import sys

from verify.answers import ERROR
from verify.errors import MissingExtraError, extra


def main() -> int:
    """Run the command line; return its exit code."""
    try:
        with extra("cli"):
            from verify.cli import main as run
    except MissingExtraError as error:
        print(f"MissingExtraError: {error}; `python -m verify.checker CERT` needs no extra", file=sys.stderr)
        return ERROR
    return run()


if __name__ == "__main__":
    sys.exit(main())
