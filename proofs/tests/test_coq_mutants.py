"""An altered constant turns the formal proof red: the theorem stated with it no longer compiles; nor does an altered checker."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from proofs.coq_check import NETWORKS, build
from proofs.coq_export import COQ_DIRECTORY, generate
from proofs.tests.test_coq_build import needs_coq

# (constant, what stands in its body, what is put instead): those that Main.v uses, then those of AnyOrder.v. The tests keep the ones
# whose error would be least visible; python -m proofs.tests.test_coq_mutants tries all.
MUTANTS = [
    ("residual_step", "^ 2", "^ 1"),
    ("delta_residual", "/ 2", "/ 4"),
    ("smoothness", "L_H * e0", "L_H"),
    ("path_classical", "c * sqrt lambda_R", "sqrt lambda_R"),
    ("residual_panel", "sigma - delta", "sigma"),
    ("residual_rate", "sigma - delta", "sigma"),
    ("residual_rate_loss", "^ 2", "^ 3"),
    ("mu", "* s", "* s * s"),
    ("step_bound", "2 /", "3 /"),
    ("descent_fraction", "/ 2", "/ 4"),
    ("rate_classical", "2 * c", "4 * c"),
]
ANY_ORDER_MUTANTS = [
    ("batch_drift_curvature", "/ 2", "/ 4"),
    ("batch_growth_square", "2 - batch_fraction", "1 - batch_fraction"),
    ("batch_sigma", "+ 1)", ")"),
    ("batch_excess", "2 * batch_drift", "batch_drift"),
    ("epoch_rate_square", "(2 - batch_fraction)", "(3 - batch_fraction)"),
    ("batch_path", "2 * sqrt batch_fraction", "sqrt batch_fraction"),
    ("batch_room", "(growth + 1)", "growth"),
    ("fit_distance_start", "d0 + ", ""),
    ("loss_at_distance", "/ 2", "/ 4"),
]


def _altered(name: str, old: str, new: str) -> str:
    head, separator, rest = generate().partition(f"Definition {name} (")
    body, end, tail = rest.partition(".\n")
    assert separator
    assert old in body.split(":=")[1], f"{name}: {old!r} not found"
    signature, assign, formula = body.partition(":=")
    return head + separator + signature + assign + formula.replace(old, new, 1) + end + tail


def _compiles(folder: Path, name: str) -> bool:
    command = ["coqc", "-q", "-R", str(folder), "LPLR", "-w", "-ambiguous-paths", str(folder / name)]
    return subprocess.run(command, capture_output=True, timeout=300, check=False).returncode == 0


def _accepts(folder: Path, constants: str, stem: str = "Main") -> bool:
    """Whether a file compiles against the given text of Constants.v, in a folder of its own."""
    for path in COQ_DIRECTORY.glob("*.vo"):
        if path.stem not in ("Constants", stem):
            shutil.copy(path, folder)
    shutil.copy(COQ_DIRECTORY / f"{stem}.v", folder)
    (folder / "Constants.v").write_text(constants, encoding="utf-8")
    assert _compiles(folder, "Constants.v")
    return _compiles(folder, f"{stem}.v")


@needs_coq
def test_main_accepts_the_export_itself(tmp_path: Path) -> None:
    build()
    assert _accepts(tmp_path, generate())


@needs_coq
@pytest.mark.parametrize(("name", "old", "new"), MUTANTS[:4])
def test_altered_constant_breaks_the_proof(tmp_path: Path, name: str, old: str, new: str) -> None:
    build()
    assert not _accepts(tmp_path, _altered(name, old, new))


@needs_coq
@pytest.mark.parametrize(("name", "old", "new"), ANY_ORDER_MUTANTS[:1])
def test_altered_constant_of_mini_batches_breaks_the_proof(tmp_path: Path, name: str, old: str, new: str) -> None:
    build()
    assert not _accepts(tmp_path, _altered(name, old, new), "AnyOrder")


# Altered terms of the checker: (file, what stands there, what is put instead). The first five are the tests, the others
# are for python -m proofs.tests.test_coq_mutants: none compiled.
CHECKER_MUTANTS = [
    ("Check.v", "Z.of_nat (dim c).", "0."),
    ("Check.v", "shift1 + 3.", "shift1 + 2."),
    ("Check.v", "_ => 2 * eh + 1 end.", "_ => 2 * eh end."),
    ("Check.v", "et + half.", "et."),
    ("Check.v", "+ eg * (one * one) * dot largest_outer largest_outer.", "."),
    ("Check.v", "2 * max1 X + dimZ", "max1 X + dimZ"),
    ("Check.v", "e * (2 * one * a + e)", "e * (one * a + e)"),
    ("Check.v", "+ e + r2 w * e)", "+ r2 w * e)"),
    ("Check.v", "Relu => 0 | _ => 16 end", "Relu => 0 | _ => 8 end"),
    ("Check.v", "2 ^ (wh + xh + 8)) shift1", "0) shift1"),
    ("Check.v", "f_cap (ins w) + eg)", "f_cap (ins w))"),
    ("Check.v", "bent * (out_max w + radius)", "bent * out_max w"),
    ("Check.v", "eg * (2 * xx_max w + eg)", "eg * (xx_max w + eg)"),
    ("Check.v", "share_one * ek))).", "ek)))."),
    (
        "Check.v",
        "+ scale2 w * scale2 w * (in_norm w * in_norm w) * (g_ell g * g_ell g)",
        "+ scale2 w * scale2 w * (in_norm w * in_norm w)",
    ),
    ("Check.v", "inject_Z (g * g) + p_weight p * inject_Z (r * r)", "inject_Z (g * g) + p_weight p * inject_Z r"),
    ("Check.v", "g * (r - prev) + area r l", "g * r + area r l"),
    ("Check.v", "+ 2 * res0 w.", "+ res0 w."),
    (
        "Check.v",
        "(jac0 w + half_kink + drop w * grid (offset w)) * grid (offset w)",
        "(jac0 w + half_kink) * grid (offset w)",
    ),
    ("Check.v", "(1 # 2) * lip w", "(1 # 4) * lip w"),
    ("Check.v", "(prev <=? r) && ascending r l", "ascending r l"),
    ("Check.v", "steep : Q := act_top (hidden c) * act_top (hidden c)", "steep : Q := 1 # 16"),
    ("Check.v", "bent : Q := act_bend (hidden c)", "bent : Q := 77 # 800"),
    ("Check.v", "tanhZ tab (Z.div2 z)", "tanhZ tab z"),
    ("Check.v", "u * h - h * h", "u * u - h * h"),
    ("Check.v", "Z.max (Z.abs a) most", "most"),
    ("Check.v", "a * a + total", "a * a"),
    ("Check.v", "square <=? most * most", "square <=? 2 * most * most"),
    ("Check.v", "(0 <=? g_max g)", "(-1 <=? g_max g)"),
    ("Check.v", "(if same then out else 0) units h b", "out units h b"),
    (
        "Check.v",
        "if same then weighted V small Hi (nth j RH []) shares else none",
        "weighted V small Hi (nth j RH []) shares",
    ),
    ("Check.v", "<? 2 ^ 46) L R.", "<? 2 ^ 47) L R."),
    ("Check.v", "Z.min 63 (Z.shiftr (peak Ps) 26)", "Z.min 63 (Z.shiftr (peak Ps) 27)"),
    ("Check.v", "q * s + times x t + u * out ::", "q * s + times x t + out ::"),
    ("Check.v", "Definition NZ : Z := Z.of_nat N.", "Definition NZ : Z := Z.of_nat n."),
    ("Check.v", "unit (shr slope_shift) (2 ^ (slope_shift - 1))", "unit (shr slope_shift) (2 ^ slope_shift)"),
    ("Check.v", "+ b) (seq 0 (S i))) (seq 0 n)", ") (seq 0 (S i))) (seq 0 n)"),
    ("Check.v", "2 * max1 T + 3 * mZ * eh", "2 * max1 T + 2 * mZ * eh"),
    ("Check.v", "let far := Z.abs P - e in", "let far := Z.abs P in"),
    ("Check.v", "let square := at_ (row XX i) i + eg in", "let square := at_ (row XX i) i in"),
    (
        "Check.v",
        "radius * radius * inject_Z (one * one * square)",
        "grid (offset w) * radius * inject_Z (one * one * square)",
    ),
    ("Check.v", "negb (hidden_bias c) && forallb (Z.eqb 0) (row (inputs c) i)", "forallb (Z.eqb 0) (row (inputs c) i)"),
    ("Check.v", "h * (u * u / 2) end.", "h * (u * u) end."),
    ("Check.v", "(if 0 <? P then 2 else 0) else 1.", "(if 0 <? P then 2 else 0) else 0."),
    ("Check.v", "(if 0 <? P then 2 else 0) else 1.", "(if 0 <? P then 0 else 2) else 1."),
    ("Check.v", "if side =? 1 then Z.abs a else 0.", "if side =? 1 then a else 0."),
    ("Check.v", "if side =? 1 then Z.abs a else 0.", "if side =? 1 then Z.abs a / 2 else 0."),
    ("Check.v", "(Nat.min i j)) + eg) *", "(Nat.min i j))) *"),
    ("Check.v", "dot (row G I) (row G J)", "dot (row G I) (row G I)"),
    ("Check.v", "inject_Z (output_scale c * qx * (weight_one", "inject_Z (2 * output_scale c * qx * (weight_one"),
    ("Check.v", "leQ (kink w + drop w * radius) (jump w)", "leQ (kink w) (jump w)"),
    ("Check.v", "existsb (existsb (Z.eqb 1)) S.", "existsb (forallb (Z.eqb 1)) S."),
    ("Check.v", "half_kink : Q := (1 # 2) * kink w.", "half_kink : Q := (1 # 4) * kink w."),
    ("Check.v", "jac0 w + half_kink + drop w * radius.", "jac0 w + drop w * radius."),
    ("Check.v", "* jac_ball * e) + jump w.", "* jac_ball * e)."),
    ("Check.v", "inject_Z g + half_kink * inject_Z two40 + drop", "inject_Z g + drop"),
    ("Check.v", "match hidden c with Relu => [] | _ => parabolas w end", "parabolas w"),
    ("Check.v", "+ 2 * jump w * grid (offset w) + 2", "+ jump w * grid (offset w) + 2"),
    ("Check.v", "(jac0 w + half_kink + drop w * grid (offset w)) * grid", "(jac0 w + drop w * grid (offset w)) * grid"),
    ("Vectors.v", "(dot q q <? 2 ^ 62)", "(dot q q <? 2 ^ 63)"),
    ("Vectors.v", "magnitude q * norm1 q <? 2 ^ 62", "magnitude q * magnitude q <? 2 ^ 62"),
    ("Vectors.v", "if small then let p", "if true then let p"),
    ("Slices.v", "- (l_shift x * ty + r_shift y * tx)", "- l_shift x * ty"),
    (
        "Slices.v",
        "if r_size y <=? l_size x then r_total y else nth (l_length x) (r_totals y) (r_total y) in",
        "r_total y in",
    ),
    ("Slices.v", "long size && forallb zeros left;", "long size;"),
    ("Slices.v", "if eqb (s_sign a) (d <? 0) then v else - v.", "if s_sign a then - v else v."),
]


# The same of the steps' checker; none is among the tests.
DESCENT_MUTANTS = [
    ("Descent.v", "(wbits + xbits - 28) + 18.", "(wbits + xbits - 28) + 17."),
    ("Descent.v", "2 * e_act + 2.", "2 * e_act + 1."),
    ("Descent.v", "(40 + wbits) + 4.", "(40 + wbits) + 3."),
    ("Descent.v", "28 + 1 + Z.of_nat nodes.", "28 + 1."),
    ("Descent.v", "xm + 2 * (sum_E + e_weighted sum_E).", "xm + sum_E + e_weighted sum_E."),
    ("Descent.v", "+ sum_E * (2 * one)) (96 - wbits) + 2.", ") (96 - wbits) + 2."),
    ("Descent.v", "(sum_E * xm + e))) (68", "sum_E * xm)) (68"),
    ("Descent.v", "one - d + e_der", "one - d"),
    ("Descent.v", "(d + e_der)) (wbits + 12)", "d) (wbits + 12)"),
    ("Descent.v", "Z.max 0 (v + 2).", "Z.max 0 v."),
    ("Descent.v", "if 0 <=? a then hi else lo", "if 0 <=? a then lo else hi"),
    ("Descent.v", "Z.sqrt (dot l (map (dot l) G)) + 1.", "Z.sqrt (dot l (map (dot l) G))."),
    ("Descent.v", "lam * (lam - s) * output_scale c", "lam * lam * output_scale c"),
    ("Descent.v", "(231 # 200)", "(77 # 200)"),
    ("Descent.v", "(3 # 2) * b_jac x", "(1 # 2) * b_jac x"),
    ("Descent.v", "+ b_jac x * off_residual)", ")"),
    ("Descent.v", "gain * (b_jac x * b_jac x + (b_pos x # 1048576))", "gain * (b_jac x * b_jac x)"),
    ("Descent.v", "arrived S && leQ eps rho", "leQ eps rho"),
]
_NETWORKS = tuple(name.partition(".")[0] for name in NETWORKS)
_DESCENT = (
    "Descent",
    "DescentForward",
    "DescentPoint",
    "DescentNext",
    "DescentStep",
    "DescentTurn",
    "DescentMove",
    "DescentConverges",
)


def _steps_are_proved(folder: Path, name: str, old: str, new: str) -> bool:
    """Whether the proofs compile against an altered checker of steps."""
    return _proved(folder, name, old, new, _DESCENT)


def _checker_is_proved(folder: Path, name: str, old: str, new: str) -> bool:
    """Whether the proofs compile against an altered checker, in a folder of its own."""
    vectors = {"Vectors.v": ("Vectors",), "Slices.v": ("Slices", "Vectors")}.get(name, ())
    again = (
        *vectors,
        "Check",
        "Rounding",
        "CheckForward",
        "CheckHidden",
        "CheckDerivative",
        "CheckScalars",
        "CheckSlopes",
        "CheckKernel",
        "CheckReference",
        "CheckKinks",
        "CheckFacts",
        "Converges",
    )
    return _proved(folder, name, old, new, again)


def _proved(folder: Path, name: str, old: str, new: str, again: tuple[str, ...]) -> bool:
    """Whether the files `again`, the first of which is `name` or stands before it, compile with `old` replaced."""
    for path in COQ_DIRECTORY.glob("*.vo"):
        if path.stem not in (*again, *_DESCENT, *_NETWORKS, "Assumptions"):
            shutil.copy(path, folder)
    for stem in again:
        text = (COQ_DIRECTORY / f"{stem}.v").read_text(encoding="utf-8")
        if f"{stem}.v" == name:
            assert text.count(old) == 1, f"{name}: {old!r} does not stand there once"
            text = text.replace(old, new)
        (folder / f"{stem}.v").write_text(text, encoding="utf-8")
    for stem in again:
        compiles = _compiles(folder, f"{stem}.v")
        assert compiles or stem not in ("Check", "Descent"), "the altered checker is no function at all"
        if not compiles:
            return False
    return True


@needs_coq
@pytest.mark.parametrize(("name", "old", "new"), CHECKER_MUTANTS[:5])
def test_altered_error_term_breaks_the_proof(tmp_path: Path, name: str, old: str, new: str) -> None:
    build()
    assert not _checker_is_proved(tmp_path, name, old, new)


if __name__ == "__main__":
    import tempfile

    build()
    survived: list[str] = []
    for stem, mutants in (("Main", MUTANTS), ("AnyOrder", ANY_ORDER_MUTANTS)):
        for mutant in mutants:
            with tempfile.TemporaryDirectory() as scratch:
                survived += [mutant[0]] if _accepts(Path(scratch), _altered(*mutant), stem) else []
    for change in CHECKER_MUTANTS:
        with tempfile.TemporaryDirectory() as scratch:
            survived += [change[1]] if _checker_is_proved(Path(scratch), *change) else []
    for change in DESCENT_MUTANTS:
        with tempfile.TemporaryDirectory() as scratch:
            survived += [change[1]] if _steps_are_proved(Path(scratch), *change) else []
    count = len(MUTANTS) + len(ANY_ORDER_MUTANTS) + len(CHECKER_MUTANTS) + len(DESCENT_MUTANTS)
    print(f"{count} mutants, survivors: {survived}")
    raise SystemExit(bool(survived))
