"""``python -m verify.checker CERT [CERT …]``: exit code 0 accepted, 1 rejected, 2 undecided or wrong usage."""

from __future__ import annotations

import sys

from verify.checker import check


def main(arguments: list[str]) -> int:
    """Check each certificate, print the chain and the verdict, return the worst exit code."""
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    codes = []
    for path in arguments:
        found = check(path)
        # The chain; that stored intervals contain the recomputed values is told as a number.
        chain = [row for row in found.steps if row.source != "stored interval"]
        for row in chain:
            print(f"  {row.step}: {row.left} {row.relation} {row.right}   margin {row.margin}   [{row.source}]")
        print("".join(f"  {line}\n" for line in (*found.failures, *found.claims)), end="")
        print(f"  {len(found.steps) - len(chain)} stored intervals compared with the recomputed values")
        print(f"{found.verdict}: {path} ({found.seconds:.1f} s, {found.bits} bits)")
        codes.append({"ACCEPTED": 0, "REJECTED": 1}.get(found.verdict, 2))
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
