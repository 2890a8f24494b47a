"""Tables and figures from experiment rows, and nothing from what is not there."""

from __future__ import annotations

from pathlib import Path

from verify.certificates.plots import envelope
from verify.report import write_report
from verify.report.experiments import basin_tables, experiment_tables, row_plots, width_plot
from verify.report.figures import draw

ROWS = [
    {
        "name": "digits width 64",
        "scope": "run",
        "width": 64,
        "radius": 0.25,
        "certified": True,
        "rate": 0.9,
        "handover_step": 30,
        "handover_loss": 0.5,
        "curve": {"steps": [0, 10, 20, 30], "losses": [8.0, 3.0, 1.0, 0.5]},
        "checkpoints": [
            {"step": 0, "loss": [7.9, 8.1], "lambda_min": [0.2, 0.3], "pl_ratio": [0.5, 0.6], "drift": [0.0, 0.0]},
            {"step": 30, "loss": [0.4, 0.5], "lambda_min": [0.25, 0.3], "pl_ratio": None, "drift": [1.0, 1.1]},
        ],
    },
    {"name": "digits width 128", "width": 128, "radius": 0.5, "certified": False},
]


def test_scalars_become_columns_and_missing_values_stay_missing() -> None:
    (other,) = experiment_tables([{"flag": False, "alpha": 1.5, "nested": [1]}, {"alpha": 2}])
    assert (other.columns, other.numeric) == (("flag", "alpha"), (1,))
    assert other.rows == (("no", "1.5"), ("–", "2"))
    runs, balls = experiment_tables(ROWS)
    assert runs.rows[1][runs.columns.index("T")] == "–"
    assert balls.rows[1][balls.columns.index("rate ≤")] == "–"
    _, real = experiment_tables(
        [{**ROWS[0], "network": "8-64-1 tanh", "mu": 0.123456, "verdict": "PROVED", "mu_extra": None}]
    )
    line = dict(zip(real.columns, real.rows[0], strict=True))
    # Rounded to nearest, μ would read 0.1235 and be no lower bound any more.
    assert (line["μ on the ball ≥"], line["rate ≤"]) == ("0.1234", "0.901")


def test_a_row_that_is_not_proved_states_no_ball_and_draws_no_envelope() -> None:
    row = {**ROWS[0], "mu": 0.1, "verdict": "INCONCLUSIVE"}
    assert [table.title for table in experiment_tables([row, {**row, "verdict": "PROVED"}])] == [
        "Experiments",
        "The ball at the hand-over",
    ]
    assert len(experiment_tables([row, {**row, "verdict": "PROVED"}])[1].rows) == 1
    assert not [s for plot in row_plots(row, "r") for s in plot.series if "envelope" in s.label]
    assert width_plot([{**r, "verdict": "INCONCLUSIVE"} for r in ROWS]) is None


def test_runs_and_widths_are_drawn() -> None:
    plots = [*row_plots(ROWS[0], "first"), *[p for p in [width_plot(ROWS)] if p is not None]]
    assert [p.title for p in plots] == [
        "Loss and proved envelope",
        "NTK gap and PL ratio",
        "Distance from the start of the run",
        "Certified radius and width",
    ]
    kinds = {s.label: (s.kind, s.isolated) for p in plots for s in p.series}
    assert kinds["loss of the float64 run"] == ("observed", False)
    assert kinds["loss at checkpoints, upper bound"] == ("proved", True)
    assert kinds["envelope after the hand-over"] == ("proved", False)
    assert all(draw(p) for p in plots)
    # The radius of the ball at the end is no distance from the start: it is not a line in that figure.
    assert plots[2].levels == ()


def test_envelope_is_the_certified_power() -> None:
    steps, values = envelope(2.0, 0.5, 3, 6)
    assert list(zip(steps, values, strict=True)) == [(3.0, 2.0), (4.0, 1.0), (5.0, 0.5), (6.0, 0.25)]


def test_nothing_is_drawn_from_nothing(tmp_path: Path) -> None:
    assert experiment_tables(None) == []
    assert width_plot([]) is None
    page = write_report(tmp_path, certificates={}, experiments=[{"name": "only a name"}]).read_text(encoding="utf-8")
    assert "only a name" in page
    assert "<svg" not in page


def test_basins_state_what_is_proved_at_the_end_that_is_claimed_and_stand_in_the_page(tmp_path: Path) -> None:
    proved = {
        "name": "any order",
        "verdict": "PROVED",
        "basin_radius": [0.123456, 0.123457],
        "rate": [0.5, 0.51234],
        "lambda0": None,
        "exit_probability": None,
        "checker": "ACCEPTED",
        "seconds": 1.5,
    }
    rows = [proved, {**proved, "name": "open", "verdict": "INCONCLUSIVE", "checker": None}]
    [table] = basin_tables(rows, "Stochastic descent")
    assert table.columns == ("case", "verdict, checker", "ρ ≥", "rate ≤", "seconds")
    assert table.rows[0] == ("any order", "PROVED, ACCEPTED", "0.1234", "0.513", "1.5")
    assert table.rows[1] == ("open", "INCONCLUSIVE", "–", "–", "1.5")
    page = write_report(tmp_path, certificates={}, stochastic=rows, ordinary=rows).read_text(encoding="utf-8")
    experiments = page[page.index('<section id="experiments">') : page.index('<section id="related">')]
    assert experiments.count("any order") == 2
    assert "Not computed" not in experiments
    assert (tmp_path / "tables" / "stochastic-stochastic-descent.tex").exists()
    assert basin_tables(None, "Ordinary problems") == []
