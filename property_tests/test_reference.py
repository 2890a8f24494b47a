"""The high-precision reference against itself by other routes, and against closed forms."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, arb_mat
from hypothesis import given, settings

from property_tests.draws import TrainingProblem
from property_tests.reference import LayerSpec, Reference, as_arb, definiteness, float_matrix, precision
from property_tests.strategies import near_problems

_SETTINGS = settings(max_examples=12, deadline=None, derandomize=True, database=None)


def _reference(problem: TrainingProblem) -> Reference:
    return Reference(problem.architecture.layers(), problem.X, problem.y, problem.s)


@_SETTINGS
@given(near_problems(max_width=5, max_parameters=60))
def test_jacobian_equals_forward_jets(problem: TrainingProblem) -> None:
    """J·v from the explicit Jacobian (backward) and from the jets (forward) are enclosures of the same numbers."""
    reference = _reference(problem)
    with precision(200):
        v = reference.centre.at(np.random.default_rng(1).standard_normal(reference.flat_centre.size))
        column = arb_mat(len(v.entries()), 1, v.entries())
        backward = (reference.jacobian(reference.centre) * column).entries()
        forward = reference.directional(reference.centre, v)[1]
        assert all(a.overlaps(b) for a, b in zip(backward, forward, strict=True))
        assert all(a.rad() < 1e-30 for a in backward)


@_SETTINGS
@given(near_problems(max_width=5, max_parameters=60))
def test_gradient_is_scaled_residual_times_jacobian(problem: TrainingProblem) -> None:
    reference = _reference(problem)
    with precision(200):
        error, gradient = reference.residual_and_gradient(reference.centre)
        row = arb_mat(1, len(error), error) * reference.jacobian(reference.centre) * as_arb(problem.s)
        assert all(a.overlaps(b) for a, b in zip(row.entries(), gradient.entries(), strict=True))


@_SETTINGS
@given(near_problems(max_width=5, max_parameters=60))
def test_outputs_match_torch(problem: TrainingProblem) -> None:
    """torch's float64 outputs lie near the reference: it is the same network (the tolerance is about torch)."""
    import torch

    reference = _reference(problem)
    error = np.array([float(x.mid()) for x in reference.residual(reference.centre)]).reshape(problem.y.shape)
    outputs = problem.model(torch.from_numpy(problem.X)).detach().numpy()
    assert np.allclose(error + problem.y, outputs, rtol=1e-9, atol=1e-9)


def test_quadratic_by_hand() -> None:
    """F = v·w at (2, 3), y = 5: e = 1, ∇Φ = (3, 2), D²F[u, u] = 2u_1u_2."""
    one = np.ones((1, 1))
    layers = [LayerSpec(3.0 * one, None, 1, "identity"), LayerSpec(2.0 * one, None, 1, "identity")]
    reference = Reference(layers, one, 5.0 * one, Fraction(1))
    error, gradient = reference.residual_and_gradient(reference.centre)
    assert error == [1]
    assert gradient.entries() == [2, 3]
    value, first, second = reference.directional(reference.centre, reference.centre.at(np.array([1.0, 1.0])))
    assert [*value, *first, *second] == [6, 5, 2]
    assert reference.hessian_form(reference.centre, reference.centre.at(np.array([1.0, -1.0]))) == (2 - 3) ** 2 - 2
    (_, _), (theta, _) = reference.descend(Fraction(1, 8), 1)
    assert theta.entries() == [3 - arb(2) / 8, 2 - arb(3) / 8]


@pytest.mark.parametrize(
    ("entries", "semidefinite", "definite"),
    [
        ([2, 1, 1, 2], True, True),
        ([1, 2, 2, 1], False, False),
        ([1, 1, 1, 1], True, False),
        ([0, 0, 0, 1], True, False),
        ([0, 1, 1, 1], False, False),
        ([-1, 0, 0, 1], False, False),
    ],
)
def test_definiteness(entries: list[int], semidefinite: bool, definite: bool) -> None:
    matrix = arb_mat(2, 2, entries)
    assert definiteness(matrix) is semidefinite
    assert definiteness(matrix, strict=True) is definite


def test_definiteness_is_undecided_across_zero() -> None:
    assert definiteness(arb_mat(1, 1, [arb(0, 1)])) is None


def test_float_matrix() -> None:
    assert np.array_equal(float_matrix(arb_mat(1, 2, [1, 2])), np.array([[1.0, 2.0]]))
