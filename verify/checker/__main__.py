"""``python -m verify.checker [--all] [--seconds S] CERT [CERT …]``: check saved certificates.

The verdict and the statement come first. Exit codes: 0 accepted, 1 rejected, 2 undecided, 3 error (usage, no readable file); of several the worst.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from functools import partial
from typing import NoReturn

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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exit with this program's code for errors; 2 means undecided here."""
        self.print_usage(sys.stderr)
        self.exit(3, f"{message}\n")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: a number of seconds above 0 is expected")
    return value


def _parser() -> _Parser:
    parser = _Parser(
        "python -m verify.checker",
        description="Check saved certificates: verdict and statement of each.",
        epilog="Exit codes: 0 accepted, 1 rejected, 2 undecided, 3 error (usage, no readable file); of several certificates the worst.",
        allow_abbrev=False,
    )
    parser.add_argument("certificates", nargs="+", metavar="CERT", help="a certificate, directory or zip")
    parser.add_argument("--all", action="store_true", help="list every inequality")
    parser.add_argument(
        "--seconds", type=_seconds, default=7200.0, metavar="S", help="end UNDECIDED after so long, each (default 7200)"
    )
    return parser


def _tell(path: str, stage: str) -> None:
    print(f"{path}: {stage}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Check each certificate, print verdict and statement, return the worst exit code."""
    given = _parser().parse_args(arguments)
    codes = []
    for path in given.certificates:
        try:
            found = check(path, given.seconds, partial(_tell, path))
        except Unreadable as error:
            print(error, file=sys.stderr)
            codes.append(3)
            continue
        _show(path, found, given.all)
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
