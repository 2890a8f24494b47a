"""Forged certificates compute to false inside Coq."""

from __future__ import annotations

import re
import subprocess
from dataclasses import fields
from pathlib import Path

from proofs.coq_check import build_library
from proofs.tests.test_coq_build import needs_coq
from verify.certificates import Certificate
from verify.formal.examples import basin8
from verify.formal.problem import FormalProblem, formal_problem
from verify.formal.text import to_coq
from verify.formal.witness import Facts, FormalWitness, find_witness

_PROBLEM = [f.name for f in fields(FormalProblem) if f.name != "rho"]
_WITNESS = [f.name for f in fields(Facts)] + ["parabolas", "offset", "stairs", "lip", "jump", "ell"]
_BUMP = "(match {0} with v :: l => (v + {1})%Z :: l | nil => nil end)"


def changed_problem(changed: dict[str, str]) -> str:
    """The record `network` with some fields changed."""
    return _record(_PROBLEM, "network", changed)


def changed_witness(changed: dict[str, str]) -> str:
    """The record `numbers` with some fields changed."""
    return _record(_WITNESS, "numbers", changed)


def _record(names: list[str], source: str, changed: dict[str, str]) -> str:
    return "{| " + "; ".join(f"{name} := {changed.get(name, f'{name} {source}')}" for name in names) + " |}"


def _forgeries(w: FormalWitness, c: FormalProblem) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    unit = 1 << (c.weight_bits - 3)
    low = "{| f_C := f_C (low numbers); f_G := f_G (low numbers); f_cap := f_cap (low numbers); f_L := LIST |}"
    parabola = "(map (fun p => {{{{| p_floor := {0}; p_weight := {1}; p_shares := {2}; p_factor := p_factor p |}}}}) (parabolas numbers))".replace(
        "{{{{", "{{"
    ).replace("}}}}", "}}")
    return {
        "nothing": ({}, {}),
        "a hidden weight": (
            {"inners": f"(match inners network with (v :: r) :: l => ((v + {unit})%Z :: r) :: l | l => l end)"},
            {},
        ),
        "an output weight": (
            {"outers": f"(match outers network with (v :: r) :: l => ((v + {unit})%Z :: r) :: l | l => l end)"},
            {},
        ),
        "a bias": ({"output_biases": _BUMP.format("(output_biases network)", unit)}, {}),
        "an input": (
            {
                "inputs": f"(match inputs network with (v :: r) :: l => ((v + {1 << (c.input_bits - 3)})%Z :: r) :: l | l => l end)"
            },
            {},
        ),
        "a target": ({"targets": _BUMP.format("(targets network)", 1 << max(c.target_bits - 3, 0))}, {}),
        "another activation": ({"hidden": "Sigmoid"}, {}),
        "a longer step": ({"lr": "(lr network * 40)%Q"}, {}),
        "a shorter step, with the rate of the longer": ({"lr": "(lr network * (1 # 2))%Q"}, {}),
        "the loss scale": ({"loss_scale": "(loss_scale network * 40)%Q"}, {}),
        "a smaller radius": ({}, {"stairs": "(firstn 30 (stairs numbers))"}),
        "a row's sigma": ({}, {"stairs": "(map (fun row => (fst row, (snd row * 21 / 20)%Z)) (stairs numbers))"}),
        "rows in another order": (
            {},
            {
                "stairs": "(rev (tl (rev (tl (stairs numbers)))) ++ [hd (0, 0)%Z (stairs numbers); last (stairs numbers) (0, 0)%Z])"
            },
        ),
        "no rows": ({}, {"stairs": "[]"}),
        "a start off the centre": ({}, {"offset": "1%Z"}),
        "sigma0": ({}, {"sigma0": "(sigma0 numbers * (101 # 100))%Q"}),
        "L_H": ({}, {"lip": "(lip numbers * (99 # 100))%Q"}),
        "L at the centre": ({}, {"drop": "(drop numbers * (99 # 100))%Q"}),
        "the inputs' norm": ({}, {"in_norm": "(in_norm numbers * (99 # 100))%Q"}),
        "the inputs' second norm": ({}, {"in_twice": "(in_twice numbers * (99 # 100))%Q"}),
        "K0": ({}, {"jac0": "(jac0 numbers * (99 # 100))%Q"}),
        "e0": ({}, {"res0": "(res0 numbers * (99 # 100))%Q"}),
        "the root of a scale": ({}, {"r1": "(r1 numbers - 2)%Z"}),
        "the root of the other scale": ({}, {"r2": "(r2 numbers - 2)%Z"}),
        "the largest input": ({}, {"xx_max": "(xx_max numbers - 1)%Z"}),
        "an entry of a factor": (
            {},
            {
                "low": low.replace(
                    "LIST", "(match f_L (low numbers) with (v :: r) :: l => ((v + v)%Z :: r) :: l | l => l end)"
                )
            },
        ),
        "a neuron in the group of the small": ({}, {"group_of": "(map (fun _ => O) (group_of numbers))"}),
        "a group's l": (
            {},
            {"groups": "(map (fun g => {| g_max := g_max g; g_ell := (g_ell g * (99 # 100))%Q |}) (groups numbers))"},
        ),
        "a parabola's floor": (
            {},
            {"parabolas": parabola.format("(p_floor p * (101 # 100))%Q", "p_weight p", "p_shares p")},
        ),
        "a parabola's weight": (
            {},
            {"parabolas": parabola.format("p_floor p", "(p_weight p * (99 # 100))%Q", "p_shares p")},
        ),
        "a parabola's share": (
            {},
            {"parabolas": parabola.format("p_floor p", "p_weight p", "map (fun v => (v + 1)%Z) (p_shares p)")},
        ),
    }


def answers(folder: Path, *cases: tuple[FormalProblem, FormalWitness, dict[str, str]]) -> dict[str, str]:
    """What Coq computes of the tests, terms about `network` and `numbers`, of each problem with its witness."""
    build_library(folder)
    source, text, head = folder / "Forged.v", "", ""
    for i, (problem, numbers, tests) in enumerate(cases):
        head, start, rest = to_coq(problem, numbers, "converges", "").partition("Definition network")
        lines = "".join(f"Eval vm_compute in {test}.\n" for test in tests.values())
        text += f"Module Case{i}.\n{start}{rest[: rest.index('Theorem')]}{lines}End Case{i}.\n"
    source.write_text(head + text, encoding="utf-8")
    command = ["coqc", "-q", "-R", str(folder), "LPLR", "-w", "-ambiguous-paths", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=True)
    names = [name for _, _, tests in cases for name in tests]
    return dict(zip(names, re.findall(r"= (true|false)", done.stdout), strict=True))


def stated(problem: FormalProblem, numbers: FormalWitness) -> list[str]:
    """The conclusion's numbers: ρ of a basin, R, rate and μ."""
    rho = () if problem.rho is None else (problem.rho,)
    return [f"({v.numerator} # {v.denominator})" for v in (*rho, numbers.radius, numbers.rate, numbers.mu)]


@needs_coq
def test_forged_certificates_compute_to_false(tmp_path: Path) -> None:
    problem = formal_problem(basin8())
    numbers = find_witness(problem)
    assert numbers.parabolas
    rho, *rest = stated(problem, numbers)
    conclusion = " ".join(rest)
    tests = {
        name: f"accepted_basin {changed_problem(changed)} {changed_witness(wrong)} slow {rho} {conclusion}"
        for name, (changed, wrong) in _forgeries(numbers, problem).items()
    } | {  # the theorem's own numbers
        "rho": f"accepted_basin network numbers slow (1 # 10) {conclusion}",
        "radius": f"accepted_basin network numbers slow {rho} (1 # 1000) {rest[1]} {rest[2]}",
        "rate": f"accepted_basin network numbers slow {rho} {rest[0]} (1 # 2) {rest[2]}",
        "mu": f"accepted_basin network numbers slow {rho} {rest[0]} {rest[1]} (1000 # 1)",
        "a basin's table for a ball": f"accepted network numbers slow {conclusion}",
    }
    found = answers(tmp_path, (problem, numbers, tests))
    assert found == {name: "true" if name == "nothing" else "false" for name in tests}


@needs_coq
def test_forgeries_of_one_output_among_several_compute_to_false(
    three_outputs: tuple[Certificate, FormalProblem, FormalWitness], tmp_path: Path
) -> None:
    _, problem, numbers = three_outputs
    conclusion = " ".join(stated(problem, numbers))
    forgeries: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "nothing": ({}, {}),
        "outputs in another order": ({"outers": "(rev (outers network))"}, {}),
        "an output weight left out": ({"outers": "(match outers network with a :: l => tl a :: l | l => l end)"}, {}),
        "biases in another order": ({"output_biases": "(rev (output_biases network))"}, {}),
        "no biases": ({"output_biases": "[]"}, {}),
        "another activation": ({"hidden": "Tanh"}, {}),
        "targets of another output": ({"targets": "(tl (targets network) ++ [hd 0%Z (targets network)])"}, {}),
        "a group's bound, negative": (
            {},
            {"groups": "(map (fun g => {| g_max := (- g_max g)%Z; g_ell := g_ell g |}) (groups numbers))"},
        ),
        "the largest neuron": ({}, {"out_max": "(out_max numbers * (99 # 100))%Q"}),
    }
    tests = {
        name: f"accepted_basin {changed_problem(changed)} {changed_witness(wrong)} fast {conclusion}"
        for name, (changed, wrong) in forgeries.items()
    }
    found = answers(tmp_path, (problem, numbers, tests))
    assert found == {name: "true" if name == "nothing" else "false" for name in tests}
