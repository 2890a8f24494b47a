"""Certificates whose doubles are stated in Coq, made once a module."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

import verify
from verify import datasets
from verify.certificates import Certificate
from verify.formal.examples import biased8, classes6, train
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


@pytest.fixture(scope="module")
def kinked() -> Certificate:
    """The basin of a small ReLU network."""
    X, y = datasets.sphere(3, 4, 2.0)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)).double()
    train(net, torch.tensor(X), torch.tensor(y), Fraction(1, 100), 20)
    return verify.certify(net, X, y, scope="basin", lr="1/20", loss="sum")
