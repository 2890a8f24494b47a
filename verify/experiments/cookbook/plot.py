"""Plot a recorded run below its proved envelope, for a paper."""

from __future__ import annotations

import sys
from pathlib import Path

import verify
from verify.experiments.cookbook.problem import small_problem


def main(folder: Path = Path()) -> Path:
    """Write the figure into `folder`; return its path."""
    certificate = verify.certify(*small_problem(), scope="run", steps=20_000).require()
    path = folder / "run.svg"
    certificate.figure().savefig(path)
    return path


if __name__ == "__main__":
    print(main(Path(*sys.argv[1:2])))
