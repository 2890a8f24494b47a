"""Every script of the cookbook runs and ends as it says; the pytest plugin passes, fails and explains."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

import verify
from verify.experiments import cookbook
from verify.experiments.cookbook import (
    check_a_file,
    hand_in_iterates,
    latex_table,
    own_activation,
    own_module,
    plot,
    read_constants,
    sweep,
    train_and_certify,
)

pytest_plugins = ["pytester"]


def test_there_are_ten_scripts_and_each_is_tested_here() -> None:
    names = {path.stem for path in Path(str(cookbook.__file__)).parent.glob("*.py")} - {"__init__", "problem"}
    assert len(names) == 10
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(name in text for name in names)
    assert all(importlib.import_module(f"{cookbook.__name__}.{name}").__doc__ for name in names)


def test_train_and_certify() -> None:
    assert train_and_certify.main().proved


@pytest.mark.parametrize("loop", hand_in_iterates.LOOPS)
def test_iterates_of_a_loop_are_read_and_told_apart(loop: str) -> None:
    certificate = hand_in_iterates.main(loop)
    assert certificate.proved, certificate.reason
    plain = loop in ("sgd", "float32")
    expected = "one step of this descent apart" if plain else "not consecutive steps of this descent"
    assert expected in certificate.reason


def test_constants_are_plain_numbers() -> None:
    numbers = read_constants.main()
    assert numbers["mu"] > 0.0
    assert 0.0 < numbers["rate"] < 1.0
    assert all(isinstance(value, float) for value in numbers.values())


def test_plot(tmp_path: Path) -> None:
    assert "<svg" in plot.main(tmp_path).read_text(encoding="utf-8")


def test_latex_table() -> None:
    text = latex_table.main()
    assert r"\begin{longtable}" in text
    assert "PROVED" in text


def test_check_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_a_file.main() == "ACCEPTED"
    assert "the network's inputs are of size 6, the certificate's of 10" in capsys.readouterr().out


def test_sweep(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    rows = sweep.main(tmp_path)
    assert [row["width"] for row in rows] == [16, 32]


def test_own_activation() -> None:
    verdict, refusal = own_activation.main()
    assert verdict == "PROVED"
    assert "pow" in refusal


def test_own_module() -> None:
    assert own_module.main().proved


def test_the_ci_example_passes(pytester: pytest.Pytester) -> None:
    source = Path(str(cookbook.__file__)).parent / "ci_use.py"
    text = source.read_text(encoding="utf-8").replace("Path(__file__)", f"Path({str(source)!r})")
    pytester.makepyfile(test_ci=text)
    pytester.runpytest("-p", "verify.pytest_plugin", "-p", "no:cacheprovider").assert_outcomes(passed=3)


def test_the_plugin_fails_with_the_inequality_that_broke(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest, verify
        from verify.experiments.cookbook.problem import small_problem

        def test_no_ball_here(certified):
            certified(*small_problem(), scope="ball")

        def test_another_network(certified, tmp_path):
            network, X, y = small_problem()
            path = verify.certify(network, X, y, scope="basin").save(tmp_path / "c.zip")
            network[0].weight.data += 1e-3
            certified.file(path, network, X, y)

        @pytest.mark.certified("absent.zip")
        def test_absent():
            pass

        @pytest.mark.certified("absent.zip", 3, second=1)
        def test_misused():
            pass

        @pytest.mark.certified("altered.zip")
        def test_altered():
            pass

        @pytest.mark.certified("refuted.zip")
        def test_refuted():
            pass
        """
    )
    network = torch.nn.Linear(1, 1).double()
    verify.certify(network, [[1.0], [1.0]], [0.0, 1.0]).save(pytester.path / "refuted.zip")
    pytester.path.joinpath("altered.zip").write_bytes(b"PK no zip")
    result = pytester.runpytest("-p", "verify.pytest_plugin", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=2, errors=4)
    for line in (
        "*is not certain*claim containment_*",
        "*about another problem*",
        "*absent.zip: no such file*",
        "*expected certified(path)*",
        "*refuted.zip: REFUTED: zero_loss_unreachable*",
    ):
        result.stdout.fnmatch_lines([line])
