"""Read a certificate's constants: as plain numbers on the safe side, as enclosures, and as the chain of inequalities."""

from __future__ import annotations

import verify
from verify.certificates.wording import chain, facts
from verify.experiments.cookbook.problem import small_problem


def main() -> dict[str, float]:
    """Return the plain numbers."""
    certificate = verify.certify(*small_problem(), scope="basin")
    numbers = certificate.numbers
    # μ is rounded down and the rate up, so each is itself a valid bound.
    print(f"mu >= {numbers['mu']:.6g}, rate <= {numbers['rate']:.10g}")
    print(f"lambda_min at the centre: {certificate.constants['lambda0']:.6g}")
    for fact in facts(certificate):
        print(f"{fact.symbol} {fact.value}: {fact.meaning}")
    for row in chain(certificate):
        print(f"{row.name}: {row.left} {row.relation} {row.right}")
    return numbers


if __name__ == "__main__":
    main()
