"""Tables for a paper: one line a certificate, and the chain of inequalities of one of them, in LaTeX; decimals rounded to the safe side."""

from __future__ import annotations

import verify
from verify.experiments.cookbook.problem import small_problem
from verify.report.tables import chain_table, summary_table, to_latex


def main() -> str:
    """Return the LaTeX."""
    certificates = {f"width {width}": verify.certify(*small_problem(width), scope="basin") for width in (32, 48)}
    tables = {"summary": summary_table(certificates), "chain": chain_table("width 48", certificates["width 48"])}
    return "\n".join(to_latex(table, label) for label, table in tables.items())


if __name__ == "__main__":
    print(main())
