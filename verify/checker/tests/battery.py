"""The suite's own assertions as plain calls, for one mutant of the checker: :mod:`verify.checker.tests.mutate`."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

__all__ = ["GRAPHS", "NEAR", "battery"]

SHARE = 12  # of the altered numbers, one in so many is tried on a mutant; the suite itself tries all
GRAPHS = ("layers", "kinds", "problem", "network", "norms", "kinks", "pooling", "movement", "crossing")
# What is run on a mutant of these, the likeliest to kill it first: names of tests begin so.
NEAR = {
    "nearby": (
        "test_bounds_for_data",
        "test_budgets",
        "test_a_region",
        "test_a_ball",
        "test_a_nonlinear",
        "test_a_bound_of",
    ),
    "budgets": (
        "test_budgets",
        "test_bounds",
        "test_a_nonlinear",
        "test_time",
        "test_what_is_no_region",
        "test_a_region",
    ),
    "starts": ("test_a_region", "test_what_is_no", "test_data"),
    "region": ("test_a_region", "test_what_is_no_region", "test_data"),
    "about": ("test_a_ball", "test_what_is_no_ball"),
    "strides": ("test_a_basin", "test_a_ball"),
    "tables": ("test_what_is_no", "test_a_region"),
    "curvature": ("test_bounds", "test_the_curvature", "test_a_region"),
    "basin": ("test_a_basin", "test_what_is_no_basin", "test_a_hand_over"),
}


def _cases(function: Any) -> Any:
    return function.pytestmark[0].args[1]


def _verdicts(folder: Path) -> None:
    from verify.checker.tests import tampering, test_statement, test_verdicts

    for change in _cases(test_verdicts.test_false_refutations_are_rejected):
        test_verdicts.test_false_refutations_are_rejected(folder, change)
    for decision in _cases(test_verdicts.test_decisions):
        test_verdicts.test_decisions(*decision)
    for refusal in _cases(test_statement.test_each_refusal_says_why):
        test_statement.test_each_refusal_says_why(folder, *refusal)
    for scope in ("run", "exact"):
        test_verdicts.test_hand_over_to_a_ball_elsewhere_is_rejected(folder, scope)
    test_verdicts.test_a_tie_ends_undecided_at_the_highest_precision(folder)
    test_verdicts.test_a_decrease_that_is_not_claimed_is_no_objection(folder)
    test_statement.test_the_statement_word_for_word(folder)
    for key in _cases(test_verdicts.test_stability_radii_are_sharp):
        test_verdicts.test_stability_radii_are_sharp(folder, key)
    for case in _cases(test_verdicts.test_one_bound_on_the_stability_radius_suffices):
        test_verdicts.test_one_bound_on_the_stability_radius_suffices(folder, *case)
    test_verdicts.test_a_criterion_may_stand_at_any_row(folder)
    test_statement.test_a_refutation_names_its_samples(folder)
    test_statement.test_what_a_chain_displays()
    with pytest.MonkeyPatch.context() as patch:
        test_verdicts.test_memory_of_an_exact_run_counts_samples_and_outputs(patch)
    for name, draft in test_verdicts.DRAFTS.items():
        if name != "refuted":
            structure = [*tampering.structure(draft), *tampering.wide_steps(draft)]
            structure += tampering.bare(draft) if draft.document["scope"] != "point" else []
            rest = [*tampering.numbers(draft), *tampering.problem(draft)]
            for label, changed in [*structure, *rest[::SHARE]]:
                assert vars(test_verdicts)["check"](changed.save(folder / "c.zip")).verdict == "REJECTED", label


def _structure(folder: Path) -> None:
    from verify.checker.tests import tampering, test_verdicts

    for label, changed in tampering.structure(test_verdicts.DRAFTS["run"]):
        assert vars(test_verdicts)["check"](changed.save(folder / "c.zip")).verdict == "REJECTED", label


def _files(folder: Path) -> None:
    from verify.checker.tests import test_bad_input, test_bounded

    for case in test_bad_input.CASES:
        path = folder / case.replace(" ", "_")
        path.mkdir()
        test_bad_input.test_malformed_files_are_rejected(path, case)
    for test in (
        test_bad_input.test_directories,
        test_bad_input.test_zip_bomb_and_duplicates,
        test_bounded.test_time_is_bounded,
        test_bounded.test_limits_are_sharp,
        test_bounded.test_wide_networks_with_few_parameters_are_bounded,
        test_bounded.test_work_is_bounded,
        test_bad_input.test_zip_that_claims_more_than_it_holds,
        test_bad_input.test_zip64_is_refused,
        test_bad_input.test_extreme_numbers,
    ):
        path = folder / test.__name__
        path.mkdir()
        test(path)
    test_bounded.test_limits_are_the_documented_ones()


def _numerics(_: Path) -> None:
    from verify.checker.tests import test_enclosures, test_engine, test_network

    for shape in _cases(test_engine.test_curvature_is_the_same_number):
        test_engine.test_curvature_is_the_same_number(*shape)
    for shape in _cases(test_engine.test_budget_is_the_same_number):
        test_engine.test_budget_is_the_same_number(*shape)
    for size in _cases(test_enclosures.test_positive_definite_up_to_the_smallest_eigenvalue):
        test_enclosures.test_positive_definite_up_to_the_smallest_eigenvalue(size)
    test_enclosures.test_what_is_not_certainly_positive_definite()
    for guess in _cases(test_enclosures.test_a_guess_changes_nothing):
        test_enclosures.test_a_guess_changes_nothing(guess)
    test_enclosures.test_the_top_eigenvector_may_hide_from_the_largest_diagonal_entry()
    test_enclosures.test_eigenvalues_of_balls_cover_every_member()
    test_network.test_more_outputs_than_parameters_have_a_singular_kernel()
    test_enclosures.test_root_is_never_too_small()
    test_enclosures.test_columns_of_different_length_do_not_pair()
    test_enclosures.test_degenerate_matrices()
    for name in test_enclosures.NAMES:
        test_enclosures.test_activation_values_and_slopes(name)
    test_enclosures.test_norm_of_balls_covers_every_member()
    for size in ((1, 5), (5, 1), (3, 7), (9, 4)):
        test_enclosures.test_norm_contains_the_truth_tightly(*size)
    for change in _cases(test_network.test_what_is_no_problem_is_refused):
        test_network.test_what_is_no_problem_is_refused(*change)
    for case in _cases(test_network.test_point_quantities):
        test_network.test_point_quantities(*case)
    test_network.test_curvature_bounds_second_differences((2, 3, 3, 2))
    test_network.test_size_limits()
    for beta in _cases(test_network.test_every_positive_beta_is_read):
        test_network.test_every_positive_beta_is_read(beta)
    with pytest.MonkeyPatch.context() as patch:
        test_network.test_rows_are_counted_per_output(patch)
    for shape in _cases(test_network.test_no_samples_and_no_inputs_are_named):
        test_network.test_no_samples_and_no_inputs_are_named(*shape)
    for name, second in _cases(test_enclosures.test_suprema_of_the_others_are_attained_and_not_exceeded):
        test_enclosures.test_suprema_of_the_others_are_attained_and_not_exceeded(name, second)
    for name in ("silu", "gelu", "gelu_tanh"):
        test_enclosures.test_suprema_of_the_smooth_rectifiers(name)


def _graphs(folder: Path) -> None:
    from verify.checker.tests import test_crossing, test_graphs, test_jumps, test_movement, test_pooling

    test_jumps.test_the_pairs_form_at_each_position_of_a_map()
    for case in _cases(test_jumps.test_the_pairs_form_is_its_formula_at_any_scale):
        test_jumps.test_the_pairs_form_is_its_formula_at_any_scale(*case)
    for size in (10.0, 0.1):
        test_jumps.test_jumps_of_two_samples_add_as_squares_of_jump_times_data(size)
    for mixed in (False, True):
        test_jumps.test_a_jump_reaches_the_weights_times_the_data(10.0, mixed)
        test_jumps.test_a_jump_reaches_the_weights_times_the_data(0.1, mixed)
    test_movement.test_a_bilinear_function_attains_its_bound()
    test_crossing.test_a_ball_with_a_kink_in_it_is_accepted(folder)
    test_crossing.test_with_the_midpoint_slope_the_jump_is_half(folder)
    test_graphs.test_a_certificate_of_every_kind_is_accepted_and_says_what_the_network_is(folder)
    for seed in (3, 4, 6):
        test_graphs.test_values_and_ntk_are_those_of_the_definition(seed)
    for case in _cases(test_graphs.test_what_is_no_graph_is_refused):
        test_graphs.test_what_is_no_graph_is_refused(*case)
    test_graphs.test_the_network_must_end_where_the_targets_begin_and_something_must_move()
    test_graphs.test_a_weight_at_two_positions_is_one_parameter(folder)
    test_graphs.test_a_chain_is_the_same_in_either_format()
    for test in (
        "a_unit_that_may_cross_counts_and_one_that_cannot_does_not",
        "without_the_overlap_factor_the_bound_is_false",
        "without_a_branch_the_bound_is_false",
    ):
        with pytest.MonkeyPatch.context() as patch:
            getattr(test_movement, f"test_{test}")(patch)
    for test in (
        "midpoint_slopes_halve_a_jump",
        "how_far_a_unit_moves_is_the_radius_times_its_data",
        "a_dead_unit_is_no_zero_for_all_parameters",
        "the_curvature_of_a_product_is_attained_at_the_centre",
        "columns_grow_on_the_ball",
        "a_sum_moves_if_one_of_its_summands_does",
    ):
        getattr(test_movement, f"test_{test}")()
    test_movement.test_crossings_of_different_samples_in_different_units_do_not_add()
    test_movement.test_units_that_are_zero_whatever_the_weights_are_stable()
    test_movement.test_on_a_torus_of_the_maps_own_size_the_symbol_is_too_small()
    test_movement.test_a_jump_through_a_map_of_single_entries_keeps_its_units()
    for window in test_movement.WINDOWS:
        test_movement.test_norms_of_a_convolution_bound_that_of_its_matrix(window)
    for change in _cases(test_crossing.test_no_tampering_with_the_witness_is_accepted):
        test_crossing.test_no_tampering_with_the_witness_is_accepted(folder, change)
    for name in _cases(test_crossing.test_what_needs_a_derivative_of_the_jacobian_is_not_stated):
        test_crossing.test_what_needs_a_derivative_of_the_jacobian_is_not_stated(folder, name)
    test_crossing.test_a_convolutional_network_with_kinks_in_the_ball(folder)
    test_pooling.test_dead_windows_compete_only_where_a_unit_may_meet_its_kink()
    test_pooling.test_a_constant_background_ties_for_ever_and_the_first_is_chosen()
    for case in _cases(test_pooling.test_equal_values_that_are_different_functions_compete):
        test_pooling.test_equal_values_that_are_different_functions_compete(case)
    for name in test_pooling.TWINS:
        with pytest.MonkeyPatch.context() as patch:
            test_pooling.test_a_twin_makes_the_bound_false(name, patch)
    for seed in (16, 18):
        test_graphs.test_values_and_ntk_are_those_of_the_definition(seed)
    for seed in (22, 24, 27, 31):
        test_movement.test_no_search_exceeds_the_bounds(seed)


def _run_all(module: Any, folder: Path, begins: str) -> None:
    """Call the tests of a module whose names begin so, with every combination of their parameters; what asks for more than a folder is left out."""
    for name, test in list(vars(module).items()):
        wanted = set(inspect.signature(test).parameters) if name.startswith(begins) else {"no test"}
        marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
        given: list[dict[str, Any]] = [{}]
        for mark in marks:
            names = mark.args[0] if isinstance(mark.args[0], tuple) else (mark.args[0],)
            values = [value if isinstance(mark.args[0], tuple) else (value,) for value in mark.args[1]]
            given = [old | dict(zip(names, value, strict=True)) for old in given for value in values]
        for arguments in given:
            rest = wanted - set(arguments)
            if not rest:
                test(**arguments)
            elif rest == {"tmp_path"}:
                test(**arguments, tmp_path=folder)
            elif rest == {"monkeypatch"}:
                with pytest.MonkeyPatch.context() as patch:
                    test(**arguments, monkeypatch=patch)


def _near(folder: Path, module: str) -> None:
    from verify.checker.tests import test_near, test_near_bounds, test_near_centres, test_near_refusals

    for begins in NEAR[module]:
        for tests in (test_near_bounds, test_near, test_near_centres, test_near_refusals):
            _run_all(tests, folder, begins)


def battery(folder: Path, module: str) -> None:
    """The suite's assertions as plain calls, those most likely to kill a mutant of `module` first."""
    from verify.checker.tests import test_statement, test_verdicts

    if module in NEAR:
        return _near(folder, module)
    for name in test_verdicts.DRAFTS:
        test_verdicts.test_true_certificates_are_accepted(folder, name)
    test_statement.test_the_statement_is_made_of_checked_numbers_and_the_chain_is_complete(folder)
    test_verdicts.test_weaker_claims_are_still_accepted(folder)
    test_verdicts.test_inconclusive_certificates_claim_nothing(folder)
    test_verdicts.test_descent_gives_up_when_bits_run_out(folder)
    if module in GRAPHS:
        _graphs(folder)
    order = {
        "reading": (_files, _structure, _verdicts),
        "claims": (_verdicts, _files),
        "__init__": (_files, _structure, _verdicts),
    }
    for part in order.get(module, (_numerics, _verdicts, _files)):
        part(folder)
    return None
