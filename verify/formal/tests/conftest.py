"""Certificates whose doubles are stated in Coq, made once a module."""

from __future__ import annotations

import pytest

from verify.certificates import Certificate
from verify.formal.examples import biased8, classes6
from verify.formal.problem import FormalProblem, formal_problem
from verify.formal.witness import FormalWitness, find_witness


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return biased8()


@pytest.fixture(scope="module")
def small(certificate: Certificate) -> tuple[FormalProblem, FormalWitness]:
    problem = formal_problem(certificate)
    return problem, find_witness(problem)


@pytest.fixture(scope="module")
def three_outputs() -> tuple[Certificate, FormalProblem, FormalWitness]:
    cert = classes6()
    problem = formal_problem(cert)
    return cert, problem, find_witness(problem)
