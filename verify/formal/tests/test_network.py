"""A certificate's own doubles inside Coq: the file says what the certificate stores, forgeries compute to false.

Budget: 60 s on one core after ``make proofs``.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import flint
import numpy as np
import pytest
import torch

import verify
from proofs.coq_check import ALLOWED, build_library
from proofs.coq_integers import ONE, exact_integers, floor_sqrt, round_up, tanh_integers
from proofs.tests.test_coq_build import needs_coq
from verify import datasets
from verify.certificates import Certificate
from verify.errors import InputError
from verify.formal import accept as coq_accept
from verify.formal.examples import DIGITS_RECORD, basin8, compare
from verify.formal.problem import FormalProblem, formal_problem
from verify.formal.rounding import Rounding
from verify.formal.text import fingerprint, to_coq
from verify.formal.witness import FormalWitness, find_witness
from verify.networks.parameters import with_parameters


def _read_literals(text: str) -> list[float]:
    """Every double of the record ``network``, by a reader of its own: (hexadecimal group − offset) / 2^bits."""
    found = []
    record = text[text.index("Definition network") : text.index("Definition numbers")]
    for field, body, bits in re.findall(
        r"(inputs|targets|outers|inners|output_biases) := (.*?);\s*(?=\w+_bits := (\d+)|\w+ :=)", record, re.DOTALL
    ):
        scale = int(bits or re.search(rf"{_BITS[field]} := (\d+)", record)[1])  # type: ignore[index]
        for digits, count, literals in re.findall(r"entries (\d+) (\d+)\)? ((?:\[[^\]]*\]|0x[0-9a-f]+))", body):
            w = int(digits)
            for literal in re.findall(r"0x([0-9a-f]+)", literals):
                assert len(literal) == w * int(count)
                groups = [int(literal[i : i + w], 16) - 8 * 16 ** (w - 1) for i in range(0, len(literal), w)]
                found += [float(Fraction(group, 1 << scale)) for group in groups]
    return found


_BITS = {
    "inputs": "input_bits",
    "targets": "target_bits",
    "outers": "weight_bits",
    "inners": "weight_bits",
    "output_biases": "weight_bits",
}


def test_the_file_states_every_stored_double(
    certificate: Certificate, small: tuple[FormalProblem, FormalWitness]
) -> None:
    network, data = certificate.problem.network, certificate.problem.data
    first, last = network.chain
    assert first.bias is not None
    assert last.bias is not None
    hidden = np.column_stack([first.weight, first.bias])
    stored = np.concatenate([data.X.ravel(), data.y.ravel(), last.weight.ravel(), hidden.ravel(), last.bias])
    assert _read_literals(to_coq(*small, "converges", "")) == stored.tolist()


def test_the_hand_over_of_a_run_is_stated_with_its_own_doubles() -> None:
    X, y = datasets.sphere(4, 3, 2.0)
    generator = torch.Generator().manual_seed(1)
    net = torch.nn.Sequential(
        verify.nn.NTKLinear(3, 24, generator=generator),
        torch.nn.Tanh(),
        verify.nn.NTKLinear(24, 1, generator=generator),
    )
    cert = verify.certify(net, X, y, scope="run", lr="1/20")
    assert cert.verdict == "PROVED"
    problem = formal_problem(cert)
    stored = cert.witness["checkpoints"][cert.witness["handover"]["checkpoint"]]["parameters"]
    exact = [Fraction(int(v), 1 << problem.weight_bits) for v in [*problem.inners.ravel(), *problem.outers.ravel()]]
    assert sorted(exact) == sorted(Fraction(float(v)) for v in stored)
    initial = cert.problem.network.chain[0].weight
    assert exact[0] != Fraction(float(initial[0, 0]))  # the hand-over, not the initialisation
    numbers = find_witness(problem)  # at the earliest step that the engine can certify
    assert numbers.rate <= Fraction(float(cert.constants["rate"].upper()))
    assert "converges_linearly network" in to_coq(problem, numbers, "converges", "")


def test_a_basin_is_stated_for_every_start_within_its_own_radius() -> None:
    cert = basin8()
    problem = formal_problem(cert)
    numbers = find_witness(problem)
    assert problem.rho == Fraction(float(cert.constants["basin_radius"].mid))
    assert Fraction(numbers.offset, 1 << 40) >= problem.rho
    assert numbers.radius <= Fraction(float(cert.constants["radius"].upper()))
    assert f"attracts network ({problem.rho.numerator} # {problem.rho.denominator})" in to_coq(
        problem, numbers, "converges", ""
    )
    stored = np.sort(np.asarray(cert.witness["centre"]))
    exact = sorted(
        Fraction(int(v), 1 << problem.weight_bits)
        for v in [*problem.inners.ravel(), *problem.outers.ravel(), *problem.output_biases]
    )
    assert exact == [Fraction(float(v)) for v in stored]


def test_a_run_that_hands_over_to_a_basin_is_stated_from_the_basins_centre() -> None:
    X, y = datasets.sphere(10, 10, 4.0)
    generator = torch.Generator().manual_seed(0)
    net = torch.nn.Sequential(
        verify.nn.NTKLinear(10, 128, generator=generator),
        torch.nn.Sigmoid(),
        verify.nn.NTKLinear(128, 2, generator=generator),
    )
    cert = verify.certify(net, X, np.column_stack([y, np.roll(y, 1)]), scope="run", lr="1/8")
    handover = cert.witness["handover"]
    assert handover["certified_by"] == "displacement"
    problem = formal_problem(cert)
    exact = [Fraction(int(v), 1 << problem.weight_bits) for v in [*problem.inners.ravel(), *problem.outers.ravel()]]
    assert sorted(exact) == sorted(Fraction(float(v)) for v in handover["centre"])
    assert problem.rho == Fraction(handover["radii"][handover["basin"]])
    closer = replace(cert, witness={**cert.witness, "handover": {**handover, "basin": 3}})
    with pytest.raises(InputError, match="farther than"):
        formal_problem(closer)


def test_tanh_by_integers_is_within_its_proved_error_of_arb() -> None:
    rng = np.random.default_rng(0)
    edges = np.array([0, 1, -1, (1 << 20) - 1, 1 << 20, (1 << 32) - 1, -(1 << 32) + 1])
    z = np.concatenate([edges, rng.integers(-(1 << 32) + 1, 1 << 32, 3000), rng.integers(-ONE, ONE, 3000)])
    for argument, value in zip(z.tolist(), tanh_integers(z).tolist(), strict=True):
        error = (flint.arb(argument) / ONE).tanh() * ONE - value
        assert abs(error) < 16


def test_roots_and_rounding_fall_on_the_safe_side() -> None:
    for value in (Fraction(2), Fraction(1, 3), Fraction(10**12 + 1, 7), Fraction(0)):
        low, high = floor_sqrt(value), round_up(value, root=True)
        assert low**2 <= value <= high**2
        assert high - low <= Fraction(2, 1 << 30)
        assert 0 <= round_up(value) - value < Fraction(1, 1 << 30)


def test_doubles_of_any_exponent_stay_exact() -> None:
    values = np.array([5e-324, -1.0, 0.1, 123456.789])
    (integers,), bits = exact_integers([values], 0)
    assert [float(Fraction(int(v), 1 << bits)) for v in integers] == values.tolist()


def test_several_outputs_are_stated_with_every_double(
    three_outputs: tuple[Certificate, FormalProblem, FormalWitness],
) -> None:
    cert, problem, numbers = three_outputs
    first, last = with_parameters(cert.problem.network, cert.witness["centre"]).chain
    assert first.bias is not None
    assert last.bias is not None
    assert last.weight.shape == (3, 48)
    hidden = np.column_stack([first.weight, first.bias])
    data = cert.problem.data
    stored = np.concatenate([data.X.ravel(), data.y.ravel(), last.weight.ravel(), hidden.ravel(), last.bias])
    assert _read_literals(to_coq(problem, numbers, "converges", "")) == stored.tolist()
    assert numbers.radius <= Fraction(float(cert.constants["radius"].upper()))


def test_the_checkers_kernel_of_several_outputs_is_the_ntk(
    three_outputs: tuple[Certificate, FormalProblem, FormalWitness],
) -> None:
    cert, problem, _ = three_outputs
    first, last = with_parameters(cert.problem.network, cert.witness["centre"]).chain
    shift = np.arange(18)  # a residual of its own for each output: the centre fits the data
    moved = replace(problem, targets=problem.targets + (shift.astype(object) << problem.target_bits))
    z = Rounding(moved, 28, 27, 4)
    net = torch.nn.Sequential(torch.nn.Linear(6, 48), torch.nn.Sigmoid(), torch.nn.Linear(48, 3)).double()
    for layer, stored in ((net[0], first), (net[2], last)):
        layer.weight.data, layer.bias.data = torch.tensor(stored.weight), torch.tensor(stored.bias)
    values = net(torch.tensor(cert.problem.data.X)).ravel()
    parameters = list(net.parameters())
    rows = [torch.cat([g.ravel() for g in torch.autograd.grad(v, parameters, retain_graph=True)]) for v in values]
    J = torch.stack(rows).numpy()
    found = z.combine(1, [1] * 4, z.parts(np.arange(48) % 4, 4)) / z.scale
    assert np.abs(found.astype(float) - J @ J.T).max() <= z.e_kernel / (z.scale * z.finer)
    exact = np.linalg.norm(values.detach().numpy() - cert.problem.data.y.ravel() - shift)
    numerator, denominator = z.residual_squared()
    assert 0 <= np.sqrt(numerator / denominator) - exact < 1e-5


@needs_coq
def test_verify_formal_accepts_with_three_axioms(certificate: Certificate, tmp_path: Path) -> None:
    path = certificate.save(tmp_path / "biased.zip")
    result = coq_accept.accept(path, tmp_path / "biased.v")
    assert result.verdict == "ACCEPTED", result.statement
    assert set(result.axioms) == ALLOWED
    assert result.certificate_sha256 == fingerprint(path)
    assert "converges_linearly network" in result.statement
    assert result.report.startswith("ACCEPTED BY COQ")
    assert result.certificate_sha256 in (tmp_path / "biased.v").read_text(encoding="utf-8")


@needs_coq
def test_machine_integers_add_their_own_axioms_only(certificate: Certificate, tmp_path: Path) -> None:
    path = certificate.save(tmp_path / "biased.zip")
    result = coq_accept.accept(path, tmp_path / "biased.v", vectors="fast")
    assert result.verdict == "ACCEPTED", result.statement
    extra = set(result.axioms) - ALLOWED
    assert extra
    assert all(axiom.startswith(("PrimInt63.", "Uint63.", "CarryType.")) for axiom in extra)


def test_a_statement_weaker_than_the_record_is_noticed() -> None:
    record = json.loads(DIGITS_RECORD.read_text(encoding="utf-8"))
    statement = f"{record['network']} converges_linearly network (1 # 10) (9 # 10) (1 # 2)"
    good = coq_accept.Formal("ACCEPTED", statement, tuple(record["axioms"]), "", "", None, 0.0)
    compare(good, record)
    for worse in (
        replace(good, axioms=(*good.axioms, "Mine.cheat")),
        replace(good, axioms=good.axioms[:2]),
        replace(good, verdict="UNDECIDED"),
        replace(good, statement=statement.replace("9 # 10", "999 # 1000")),
        replace(good, statement=statement.replace("1 # 10)", "3 # 10)", 1)),
        replace(good, statement=statement.replace("1 # 2", "1 # 20")),
        replace(good, statement=statement.replace("1024", "512")),
    ):
        with pytest.raises(InputError):
            compare(worse, record)


@needs_coq
def test_two_at_once_work_on_copies_and_survive_a_clean(certificate: Certificate, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build_library, (first, second)))
    assert {path.name for path in first.glob("*.vo")} == {path.name for path in second.glob("*.vo")}
    for path in second.iterdir():  # a clean, or another version, beside a run that is computing
        path.unlink()
    problem = formal_problem(certificate)
    source = tmp_path / "Apart.v"
    source.write_text(to_coq(problem, find_witness(problem), "converges", "", "fast"), encoding="utf-8")
    assert isinstance(coq_accept.compile_file(source, first, 600.0), str)
    assert isinstance(coq_accept.compile_file(source, second, 600.0), coq_accept.CoqRefusal)
