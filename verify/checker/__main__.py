"""``python -m verify.checker [--all] CERT [CERT …]``. Exit codes: 0 accepted, 1 rejected, 2 undecided, 3 error (usage, no readable file).

The verdict and the statement come first; ``--all`` adds the inequalities.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from verify.checker import EXIT, CheckResult, Unreadable, check

_SEVERITY = (0, 2, 1, 3)  # of the exit codes, least first


def _show(path: str, found: CheckResult, everything: bool) -> None:
    print(f"{found.verdict}: {path} ({found.seconds:.1f} s, {found.bits} bits)")
    for line in (*found.failures, *found.claims):
        print(f"  {line}")
    # That stored intervals contain the recomputed values is told as a number.
    chain = [row for row in found.steps if row.source != "stored interval"]
    for row in chain if everything else ():
        print(f"  {row.step}: {row.left} {row.relation} {row.right}   margin {row.margin}   [{row.source}]")
    more = "" if everything else " (--all lists them)"
    print(
        f"  {len(chain)} inequalities checked{more}, {len(found.steps) - len(chain)} stored intervals compared with the recomputed values"
    )


def _tell(path: str, stage: str) -> None:
    print(f"{path}: {stage}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Check each certificate, print verdict and statement, return the worst exit code."""
    paths = [argument for argument in arguments if argument != "--all"]
    if not paths or any(path.startswith("-") for path in paths):
        print(__doc__, file=sys.stderr)
        return 3
    codes = []
    for path in paths:
        try:
            found = check(path, progress=partial(_tell, path))
        except Unreadable as error:
            print(error, file=sys.stderr)
            codes.append(3)
            continue
        _show(path, found, "--all" in arguments)
        codes.append(EXIT[found.verdict])
    return max(codes, key=_SEVERITY.index)


def run() -> int:
    """Answer the command line; a closed pipe ends it quietly."""
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3
    return code


if __name__ == "__main__":
    sys.exit(run())
