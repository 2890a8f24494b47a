"""``python -m verify.artifact checker|examples|docs|numbers|archive``: the parts of the artifact, one verb each (the Makefile calls them)."""

from __future__ import annotations

import sys
from pathlib import Path

from verify.errors import VerifyError

_USAGE = "usage: python -m verify.artifact (checker FILE | examples | docs FOLDER | numbers FOLDER | archive [--dry] FOLDER OUT.tar)"


def main(arguments: list[str]) -> int:
    """Run one verb; exit code 0, or 3 with one line."""
    try:
        match arguments:
            case [*_, option] if option.startswith("-"):
                print(_USAGE, file=sys.stderr)
                return 3
            case ["checker", file]:
                from verify.artifact.checker_zipapp import build

                print(build(file))
            case ["examples"]:
                from verify.artifact.examples import FOLDER, write_examples

                write_examples()
                print(FOLDER)
            case ["docs", folder]:
                from verify.artifact.docs import write_docs

                print(write_docs(Path(folder)))
            case ["numbers", folder]:
                from verify.artifact.numbers import main as compare_numbers

                return compare_numbers(Path(folder))
            case ["archive", folder, out]:
                from verify.artifact.archive import write_archive

                print(write_archive(Path(folder), Path(out)))
            case ["archive", "--dry", folder, out]:
                from verify.artifact.archive import write_archive

                print(write_archive(Path(folder), Path(out), dry=True))
            case _:
                print(_USAGE, file=sys.stderr)
                return 3
    except (VerifyError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
