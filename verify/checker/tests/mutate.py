"""Mutation testing of the checker: ``python -m verify.checker.tests.mutate`` (mutmut cannot fork per mutant here; see MUTANTS.md).

Each mutant is one change of the syntax tree: a comparison, an arithmetic or boolean operator, a number, a relation between
enclosures, a minimum for a maximum, a lower for an upper end, a condition, a demand or a refusal left out. A forked child runs the tests'
own functions against it, cheapest first; the first failure kills it. Survivors are printed, one line each.
"""

from __future__ import annotations

import ast
import copy
import importlib
import itertools
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SHARE = 12  # of the altered numbers, one in so many is tried on a mutant; the suite itself tries all
MODULES = [
    "reading",
    "enclosures",
    "layers",
    "kinds",
    "problem",
    "network",
    "norms",
    "curvature",
    "kinks",
    "pooling",
    "movement",
    "crossing",
    "budgets",
    "claims",
    "__init__",
]
GRAPHS = ("layers", "kinds", "problem", "network", "norms", "kinks", "pooling", "movement", "crossing")
_COMPARE: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.Gt], ast.Gt: [ast.GtE, ast.Lt], ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.In: [ast.NotIn], ast.NotIn: [ast.In], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is],
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.FloorDiv: ast.Mod,
}  # fmt: skip
_OPPOSITES = (("max", "min"), ("upper", "lower"), ("all", "any"), ("sin", "cos"))
_NAMES = {name: other for pair in _OPPOSITES for name, other in (pair, pair[::-1])}
_RELATIONS = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """Ways to alter one node in place."""
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            for new in _COMPARE.get(type(op), []):
                yield f"{type(op).__name__} → {new.__name__}", lambda n, i=i, new=new: n.ops.__setitem__(i, new())  # type: ignore[misc]
    if (
        isinstance(node, ast.BinOp)
        and type(node.op) in _ARITHMETIC
        and not isinstance(node.left, ast.Constant | ast.JoinedStr)
    ):
        other = _ARITHMETIC[type(node.op)]
        yield f"{type(node.op).__name__} → {other.__name__}", lambda n: setattr(n, "op", other())
    if isinstance(node, ast.AugAssign):
        yield "+= → -=", lambda n: setattr(n, "op", ast.Sub())
    if isinstance(node, ast.BoolOp):
        yield "and ↔ or", lambda n: setattr(n, "op", ast.Or() if isinstance(n.op, ast.And) else ast.And())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "−x → x", lambda n: setattr(n, "op", ast.UAdd())
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield f"{node.value!r} → +1", lambda n: setattr(n, "value", n.value + 1)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"not {node.value}", lambda n: setattr(n, "value", not n.value)
    if isinstance(node, ast.Constant) and node.value in _RELATIONS:
        yield f"{node.value!r} turned", lambda n: setattr(n, "value", _RELATIONS[n.value])
    if isinstance(node, ast.Attribute) and node.attr in _NAMES:
        yield f".{node.attr} → .{_NAMES[node.attr]}", lambda n: setattr(n, "attr", _NAMES[n.attr])
    if isinstance(node, ast.Name) and node.id in _NAMES:
        yield f"{node.id} → {_NAMES[node.id]}", lambda n: setattr(n, "id", _NAMES[n.id])
    if isinstance(node, ast.If | ast.IfExp):
        yield "if True", lambda n: setattr(n, "test", ast.Constant(True))
        yield "if False", lambda n: setattr(n, "test", ast.Constant(False))
    if isinstance(node, ast.Raise):
        yield (
            "raise left out",
            lambda n: setattr(n, "gone", True),
        )
    called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    if isinstance(called, ast.Attribute | ast.Name):
        name = called.attr if isinstance(called, ast.Attribute) else called.id
        yield f"{name}(…) left out", lambda n: setattr(n, "value", ast.Constant(None))


def mutants(source: str) -> Iterator[tuple[int, str, ast.Module]]:
    """All mutants of a module: line, description, syntax tree. The tree is altered in place and restored afterwards."""
    tree = ast.parse(source)
    for node in list(ast.walk(tree)):
        for what, alter in list(_changes(node)):
            before = {key: list(value) if isinstance(value, list) else value for key, value in vars(node).items()}
            alter(node)
            dropped = isinstance(node, ast.Raise)
            yield getattr(node, "lineno", 0), what, (_Drop().visit(copy.deepcopy(tree)) if dropped else tree)
            vars(node).clear()
            vars(node).update(before)


class _Drop(ast.NodeTransformer):
    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Pass() if getattr(node, "gone", False) else node


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


def _battery(folder: Path, module: str) -> None:
    """The suite's assertions as plain calls, those most likely to kill a mutant of `module` first."""
    from verify.checker.tests import test_statement, test_verdicts

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


def _install(module: str, tree: ast.Module) -> None:
    """Run the mutated module in place of the original, and the modules above it again; no test module keeps an old name."""
    import verify.checker

    root = Path(verify.checker.__file__).parent
    started = False
    for name in MODULES:
        started = started or name == module
        if started:
            target = importlib.import_module("verify.checker" if name == "__init__" else f"verify.checker.{name}")
            code: Any = tree if name == module else ast.parse((root / f"{name}.py").read_text("utf-8"))
            exec(compile(code, f"<{name}>", "exec"), target.__dict__)
    for suite in (
        "hostile",
        "test_bad_input",
        "test_bounded",
        "test_crossing",
        "test_enclosures",
        "test_engine",
        "test_graphs",
        "test_jumps",
        "test_movement",
        "test_network",
        "test_statement",
        "test_verdicts",
    ):
        tests: Any = importlib.import_module(f"verify.checker.tests.{suite}")
        for source in ("verify.checker", *(f"verify.checker.{name}" for name in MODULES[:-1])):
            for defined, value in vars(sys.modules[source]).items():
                # The same object's successor, not another one of that name.
                own = getattr(value, "__module__", "").startswith("verify.checker")
                if own and getattr(vars(tests).get(defined), "__module__", None) == value.__module__:
                    setattr(tests, defined, value)


def _survives(module: str, tree: ast.Module, seconds: int) -> bool:
    """Run the battery in a forked child; True if nothing failed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
            signal.alarm(20 * seconds)
            with tempfile.TemporaryDirectory() as folder:
                _install(module, tree)
                _battery(Path(folder), module)
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def main(chosen: list[str]) -> int:
    """Report killed and surviving mutants of the modules (all of them by default); `module:first:step` takes a sample."""
    import verify.checker

    for name in ("bad_input", "crossing", "enclosures", "engine", "graphs", "jumps", "movement", "network", "verdicts"):
        importlib.import_module(f"verify.checker.tests.test_{name}")  # imported once, before forking
    root = Path(verify.checker.__file__).parent
    total = alive = 0
    if not _survives("__init__", ast.parse((root / "__init__.py").read_text("utf-8")), 300):
        print("the battery fails without any mutant")
        return 2
    for item in chosen or MODULES:
        item, _, only = item.partition("@")  # module@12,34: those lines only
        module, first, stride = [*item.split(":"), "0", "1"][:3]
        source = (root / f"{module}.py").read_text("utf-8")
        lines = source.splitlines()
        started = time.monotonic()
        for line, what, tree in itertools.islice(mutants(source), int(first), None, int(stride)):
            if only and str(line) not in only.split(","):
                continue
            total += 1
            if _survives(module, tree, 300 if module in GRAPHS else 30):
                alive += 1
                print(f"{module}.py:{line}: {what}: {lines[line - 1].strip()}", flush=True)
            elif total % 20 == 0:
                print(f"# {total} tried, {alive} alive", flush=True)
        print(f"# {module}: {total} so far, {alive} alive, {time.monotonic() - started:.0f} s", flush=True)
    print(f"# {total} mutants, {total - alive} killed ({100 * (total - alive) / max(total, 1):.1f} %)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
