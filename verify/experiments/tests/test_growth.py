"""Growth of cost: measured rows become exponents beside the arithmetic's."""

from __future__ import annotations

from verify.experiments.growth import FULL, QUICK, Size, measure_one
from verify.report.growth import growth_plots, growth_table


def test_a_measurement_has_a_proved_eigenvalue_and_its_costs() -> None:
    row = measure_one(Size("n", 20, 64))
    assert row["lambda_min"] > 0.0
    assert min(row["kernel_seconds"], row["eigenvalue_seconds"], row["gibibytes"]) > 0.0


def test_exponents_are_fitted_to_the_rows_of_each_grid() -> None:
    rows = [
        {"axis": "n", "n": n, "width": 1024, "kernel_seconds": n**2 / 1e6, "eigenvalue_seconds": n**3 / 1e9}
        for n in (100, 200, 400)
    ] + [
        {"axis": "width", "n": 100, "width": w, "kernel_seconds": w / 1e3, "eigenvalue_seconds": 1.0} for w in (64, 128)
    ]
    table = growth_table(rows)
    assert [(row[0], row[1], *row[3:]) for row in table.rows] == [
        ("Θ", "n", "2.00", "2.00", "2"),
        ("λ_min(Θ)", "n", "3.00", "3.00", "3"),
        ("Θ", "width", "1.00", "1.00", "1"),
        ("λ_min(Θ)", "width", "0.00", "0.00", "0"),
    ]
    assert [plot.x_label for plot in growth_plots(rows)] == ["n", "width"]


def test_each_list_of_sizes_is_two_grids_in_which_one_thing_varies() -> None:
    for sizes in (QUICK, FULL):
        for axis, fixed in (("n", "width"), ("width", "n")):
            grid = [size for size in sizes if size.axis == axis]
            assert len({getattr(size, fixed) for size in grid}) == 1
            assert len({getattr(size, axis) for size in grid}) == len(grid) >= 4
