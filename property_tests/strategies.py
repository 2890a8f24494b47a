"""Hypothesis strategies for the architectures, data and training problems of :mod:`property_tests.draws`.

Draws shrink towards one sample, one unit, depth 1, no bias, short dyadic weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from hypothesis import strategies as st

from property_tests.draws import ACTIVATION_NAMES, Architecture, InputKind, Inputs, TargetKind, Targets, TrainingProblem

__all__ = ["architectures", "inputs", "near_problems", "problems", "targets", "wide_problems"]

_SEEDS = st.integers(0, 2**16 - 1)


def _widths(largest: int) -> st.SearchStrategy[int]:
    return st.one_of(st.integers(1, min(4, largest)), st.integers(1, min(16, largest)), st.integers(1, largest))


@st.composite
def architectures(
    draw: st.DrawFn,
    *,
    depths: tuple[int, int] = (1, 5),
    max_width: int = 256,
    max_parameters: int = 4000,
    inputs: int | None = None,
    outputs: tuple[int, int] = (1, 3),
    activations: Sequence[str] = ("identity", *ACTIVATION_NAMES),
) -> Architecture:
    """Draw an architecture; shrinks to depth, width and outputs 1, no bias, PyTorch's parametrisation, gain 1, seed 0.

    Args:
        draw: supplied by Hypothesis.
        depths: least and greatest number of affine layers. max_width: of a hidden layer. max_parameters: hidden widths
            that would exceed it are cut to 4 (large ones cost the reference time).
        inputs: a fixed input dimension, or None. outputs: least and greatest k.
        activations: names to choose from; one per hidden layer, one time in four also after the output.
    """
    depth = draw(st.integers(*depths))
    d = draw(st.integers(1, 6)) if inputs is None else inputs
    k = draw(st.integers(*outputs))
    hidden = [draw(_widths(max_width)) for _ in range(depth - 1)]
    widths = (d, *hidden, k)
    if sum(a * b + b for a, b in pairwise(widths)) > max_parameters:
        widths = (d, *(min(w, 4) for w in hidden), k)
    names = st.sampled_from(list(activations))
    return Architecture(
        widths=widths,
        activations=tuple(draw(names) for _ in hidden),
        output_activation=draw(st.sampled_from(["identity"] * 3 * len(activations) + list(activations))),
        bias=draw(st.booleans()),
        parametrisation=draw(st.sampled_from(["pytorch", "ntk"])),
        gain=draw(st.sampled_from([1.0, 0.5, 2.0, 0.25, 3.0])),
        seed=draw(_SEEDS),
        full_precision=draw(st.booleans()),
    )


@st.composite
def inputs(
    draw: st.DrawFn,
    *,
    max_n: int = 5,
    kinds: Sequence[InputKind] = ("sphere", "gaussian", "clustered", "near-duplicate"),
) -> Inputs:
    """Draw inputs; shrinks to one sample on the unit sphere."""
    return Inputs(
        n=draw(st.integers(1, max_n)),
        kind=draw(st.sampled_from(list(kinds))),
        size=draw(st.sampled_from([1.0, 2.0, 0.5, 4.0])),
        gap=draw(st.sampled_from([0.125, 0.5, 2.0**-6, 2.0**-12])),
        seed=draw(_SEEDS),
    )


def targets(kinds: Sequence[TargetKind] = ("near", "signs", "real", "one-hot")) -> st.SearchStrategy[Targets]:
    """Draw targets; shrinks to a quarter of the residual a ball can absorb."""
    sizes = st.sampled_from([0.25, 0.5, 0.75, 0.95, 1.1, 1.5, 2.0**-6, 2.0**-20])
    return st.builds(Targets, kind=st.sampled_from(list(kinds)), size=sizes, seed=_SEEDS)


_STEPS = st.sampled_from(
    [None, Fraction(1, 2), Fraction(1, 4), Fraction(9, 10), Fraction(99, 100), Fraction(1, 100), Fraction(1, 10**6)]
)


@st.composite
def near_problems(
    draw: st.DrawFn,
    *,
    depths: tuple[int, int] = (1, 5),
    max_width: int = 12,
    max_parameters: int = 150,
    search: bool = False,
    activations: Sequence[str] = ("identity", *ACTIVATION_NAMES),
) -> TrainingProblem:
    """Draw problems that start near their solution: most small networks of any depth and activation reach PROVED.

    `search` lets the engine look for the radius (slower); otherwise a multiple of ‖e0‖/√λ0 is prescribed. `activations` as of :func:`architectures`.
    """
    digits = draw(st.sampled_from([False] * 9 + [True]))
    arch = draw(
        architectures(
            depths=depths,
            max_width=2 if digits else max_width,
            max_parameters=max_parameters,
            inputs=64 if digits else None,
            outputs=(1, 1) if digits else (1, 2),
            activations=activations,
        )
    )
    kinds: tuple[InputKind, ...] = ("digits",) if digits else ("sphere", "gaussian", "clustered", "near-duplicate")
    return TrainingProblem(
        architecture=arch,
        inputs=draw(inputs(max_n=4, kinds=kinds)),
        targets=draw(targets(("near",))),
        loss=draw(st.sampled_from(["sum", "mean", "mse", "mse_sum"])),
        step=draw(_STEPS),
        reach=None if search else draw(st.sampled_from([2.0, 1.25, 1.05, 1.5, 3.0, 5.0])),
    )


@st.composite
def problems(draw: st.DrawFn, *, max_width: int = 256, max_parameters: int = 4000) -> TrainingProblem:
    """Draw problems of every kind without regard to whether they can be certified."""
    digits = draw(st.sampled_from([False] * 7 + [True]))
    arch = draw(architectures(max_width=max_width, max_parameters=max_parameters, inputs=64 if digits else None))
    kinds: tuple[InputKind, ...] = ("digits",) if digits else ("sphere", "gaussian", "clustered", "near-duplicate")
    return TrainingProblem(
        architecture=arch,
        inputs=draw(inputs(max_n=6, kinds=kinds)),
        targets=draw(targets()),
        loss=draw(st.sampled_from(["sum", "mean", "mse", "mse_sum"])),
        step=draw(_STEPS),
        reach=draw(st.sampled_from([2.0, 1.25, 3.0])),
    )


@st.composite
def wide_problems(draw: st.DrawFn, *, max_width: int = 2**16) -> TrainingProblem:
    """Draw two-layer NTK networks at a random or antisymmetric initialisation with ±1 labels; 2^13 neurons mostly suffice."""
    width = draw(st.sampled_from([w for w in (2**12, 2**13, 2**14, 2**15, 2**16) if w <= max_width]))
    arch = Architecture(
        widths=(draw(st.integers(3, 5)), width, 1),
        activations=(draw(st.sampled_from(["tanh", "sine", "erf", "gelu", "silu", "sigmoid", "softplus"])),),
        parametrisation="ntk",
        bias=draw(st.booleans()),
        seed=draw(_SEEDS),
        antisymmetric=True,
        full_precision=True,
    )
    return TrainingProblem(
        architecture=arch,
        inputs=Inputs(
            n=draw(st.integers(1, 3)), kind="sphere", size=draw(st.sampled_from([4.0, 3.0])), seed=draw(_SEEDS)
        ),
        targets=Targets("signs", seed=draw(_SEEDS)),
        loss=draw(st.sampled_from(["sum", "mean", "mse", "mse_sum"])),
        step=draw(st.sampled_from([None, Fraction(1, 4)])),
        reach=draw(st.sampled_from([1.5, 1.25, 2.0])),
    )
