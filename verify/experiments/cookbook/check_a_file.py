"""Check someone else's certificate: what does it state, is that implied by what it stores, and is it about my network?"""

from __future__ import annotations

import sys
from pathlib import Path

import verify
from verify.experiments.cookbook.problem import small_problem

EXAMPLE = Path(__file__).parents[2] / "checker" / "examples" / "ball-at-initialisation-n10.zip"


def main(path: Path = EXAMPLE) -> str:
    """Return the checker's verdict; the checker imports nothing of the engine."""
    result = verify.check(path)
    print(result.verdict, *result.claims, *result.failures, sep="\n")
    network, X, y = small_problem()
    print("About my network?", verify.Certificate.load(path).mismatch(network, X, y) or "yes")
    return result.verdict


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
