"""Midpoint–radius arrays: every operation encloses the exact real result for every real input in the input
balls.

A :class:`Ball` is a pair of float64 arrays (mid, rad) of one shape; its entry i stands for the closed
interval [mid_i − rad_i, mid_i + rad_i] (evaluated exactly, not rounded). rad_i may be infinite: "nothing is
known". Midpoints are always finite: an operation that overflows returns the radius infinity, never a finite
lie.

Sources: Rump, BIT 39 (1999) and Acta Numerica 19 (2010); the rounding facts used are in
:mod:`verify.arrays.rounding`, whose letters u and η appear in the comments here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from verify.arrays import conversion
from verify.arrays.bounds import balls_inside, midpoint_radius, of_numbers, rationals_inside, require_fits
from verify.arrays.comparison import CertainComparisons
from verify.arrays.environment import require_default_environment
from verify.arrays.formatting import PrintedWhole
from verify.arrays.formulas import product, quotient, total
from verify.arrays.rounding import ETA, INFLATE, Array, every, gamma, quiet, sum_down, sum_up
from verify.arrays.shape import ArrayShape
from verify.errors import DomainError, InputError, ShapeError

Operation = TypeVar("Operation", bound=Callable[..., Any])

# Operators of Ball whose modules are built on Ball, by function name: those modules enter them here when the package is imported.
_built_on_balls: dict[str, Callable[..., Ball]] = {}


def built_on_balls(operation: Operation) -> Operation:
    """Decorate the function behind an operator of Ball (``power``, ``matmul``, ``norm``) that is written with balls."""
    _built_on_balls[operation.__name__] = operation
    return operation


class Ball(ArrayShape, CertainComparisons, PrintedWhole):
    """Rigorous array.

    Args:
        mid: what is enclosed. Floats, integers and float arrays (numpy or torch CPU) are taken as the exact
            numbers they store: ``Ball(0.1)`` is the double nearest to 1/10. ``Fraction``, ``Decimal``, ``sympy``
            numbers and strings mean what they say and are enclosed: ``Ball("0.1")`` contains 1/10. Integers that
            are no double, longdouble, complex, NaN and infinity are refused. Tensors on other devices:
            :class:`verify.arrays.TensorBall`.
        rad: non-negative radius, same shape or broadcastable to mid's; infinity allowed, NaN refused. Rounded
            up when it is no double.

    Attributes ``mid`` and ``rad`` are read-only float64 arrays that alias nothing of the caller's.

    Raises:
        NonFiniteError, DtypeError, InputError, ShapeError.

    >>> from fractions import Fraction
    >>> bool(Ball("0.1").contains(Fraction(1, 10))), bool(Ball(0.1).contains(Fraction(1, 10)))
    (True, False)
    >>> x = Ball([1.0, 2.0], 0.5)
    >>> bool((x * x).contains([2.25, 1.5**2]))
    True
    """

    __slots__ = ("_mid", "_point", "_rad")
    __array_ufunc__ = None  # ndarray ∘ Ball goes to Ball's reflected operator

    _mid: Array
    _rad: Array
    _point: bool

    def __init__(self, mid: Any, rad: Any = 0.0) -> None:
        """See the class."""
        exact = type(rad) is float and rad == 0.0
        if exact and type(mid) is float and math.isfinite(mid):
            self._set(np.array(mid), _NO_RADIUS, True)
            return
        if isinstance(mid, Ball):
            base = mid
        else:
            lo, hi = conversion.to_bounds(mid)
            if exact and hi is None:
                self._set(lo, _no_radii(lo.shape), True)
                return
            base = _point(lo) if hi is None else Ball.from_bounds(lo, hi)
        if exact:
            self._set(base._mid, base._rad, base._point)
            return
        if isinstance(rad, Ball):
            raise InputError("rad is a Ball; expected numbers: pass rad.upper()")
        r = conversion.radius_array(rad, base._mid.shape)
        with quiet():
            total = r if base._point else sum_up(base._rad, r)
        self._set(base._mid, total, not total.any())

    def _set(self, mid: Array, rad: Array, point: bool) -> None:
        require_default_environment()
        mid, rad = np.asarray(mid), np.asarray(rad)  # reductions return numpy scalars, which have no flags
        mid.setflags(write=False)
        rad.setflags(write=False)
        object.__setattr__(self, "_mid", mid)
        object.__setattr__(self, "_rad", rad)
        object.__setattr__(self, "_point", point)

    def __setattr__(self, name: str, value: Any) -> None:
        """Refused: balls are immutable."""
        raise AttributeError(f"Ball is immutable: cannot set {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by mid and rad."""
        return _restore, (np.array(self._mid), np.array(self._rad))

    @property
    def mid(self) -> Array:
        """Midpoints, float64, finite, read-only."""
        return self._mid

    @property
    def rad(self) -> Array:
        """Radii, float64, non-negative or infinity, read-only."""
        return self._rad

    @property
    def is_point(self) -> bool:
        """Whether every radius is 0."""
        return self._point

    def _moved(self, move: Callable[[Array], Any]) -> Ball:
        return _build(move(self._mid), move(self._rad), self._point)

    def lower(self) -> Array:
        """Largest doubles ≤ mid − rad."""
        return np.array(self._mid) if self._point else sum_down(self._mid, -self._rad)

    def upper(self) -> Array:
        """Smallest doubles ≥ mid + rad."""
        return np.array(self._mid) if self._point else sum_up(self._mid, self._rad)

    @staticmethod
    def from_bounds(lower: Any, upper: Any) -> Ball:
        """Ball that contains [lower, upper] elementwise; infinite bounds give an infinite radius.

        Args:
            lower, upper: float64 arrays of broadcastable shapes, lower ≤ upper, no NaN.

        >>> Ball.from_bounds(1.0, 2.0)
        Ball(1.5, 0.5)
        """
        one, other = conversion.one_double(lower), conversion.one_double(upper)
        if one is not None and other is not None and one <= other:
            middle, reach = of_numbers(one, other)
            return _build(np.array(middle), np.array(reach), reach == 0.0)
        lo, hi = conversion.bound_array(lower, "lower"), conversion.bound_array(upper, "upper")
        if lo.shape != hi.shape:
            _check_shapes("from_bounds: lower and upper", lo, hi)
            lo, hi = np.broadcast_arrays(lo, hi)
        if not every(lo <= hi):
            raise InputError(
                "from_bounds: expected lower <= upper without NaN; swap the arguments or check their source"
            )
        mid, rad = midpoint_radius(lo, hi)
        return _build(mid, rad, not rad.any())

    @staticmethod
    def hull(a: Any, b: Any) -> Ball:
        """Ball that contains both a and b elementwise (with broadcasting)."""
        x, y = as_ball(a), as_ball(b)
        _check_shapes("hull:", x._mid, y._mid)
        return Ball.from_bounds(np.minimum(x.lower(), y.lower()), np.maximum(x.upper(), y.upper()))

    def union(self, other: Any) -> Ball:
        """Ball that contains self and other elementwise."""
        return Ball.hull(self, other)

    def magnitude(self) -> Array:
        """Smallest doubles ≥ max |x| over each entry."""
        m = np.abs(self._mid)
        return m if self._point else np.asarray(sum_up(m, self._rad))

    def mignitude(self) -> Array:
        """Largest doubles ≤ min |x| over each entry (0 where the entry contains 0)."""
        m = np.abs(self._mid)
        return m if self._point else np.asarray(np.maximum(sum_down(m, -self._rad), 0.0))

    def contains(self, x: Any) -> np.bool_:
        """Whether every entry certainly contains x: exact for floats, integers, rationals and points.

        For a Ball (or an irrational sympy number) x: True only if x's entries are certainly subsets.
        """
        if isinstance(x, Ball):
            other, exact = x, x._point
        else:
            exact_values = conversion.rationals(x)
            if exact_values is not None:
                return np.bool_(rationals_inside(self._mid, self._rad, exact_values))
            other = Ball(x)
            exact = other._point
        require_fits(other.shape, self.shape)
        return np.bool_(np.all(balls_inside(self._mid, self._rad, other._mid, None if exact else other._rad)))

    def __neg__(self) -> Ball:
        """Exact negation."""
        return _build(-self._mid, self._rad, self._point)

    def __pos__(self) -> Ball:
        """The ball itself."""
        return self

    def __abs__(self) -> Ball:
        """Range of |x|: exact where 0 is not inside."""
        if self._point:
            return _build(np.abs(self._mid), self._rad, True)
        crosses = np.abs(self._mid) < self._rad
        if not crosses.any():
            return _build(np.abs(self._mid), self._rad, False)
        folded = Ball.from_bounds(np.zeros(self.shape), self.magnitude())
        return _build(
            np.where(crosses, folded._mid, np.abs(self._mid)), np.where(crosses, folded._rad, self._rad), False
        )

    def __add__(self, other: Any) -> Ball:
        """Range of x + y."""
        return _operation("+", self, as_ball(other), total)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Ball:
        """Range of x − y."""
        return self + (-as_ball(other))

    def __rsub__(self, other: Any) -> Ball:
        """Range of y − x."""
        return as_ball(other) - self

    def __mul__(self, other: Any) -> Ball:
        """Range of x·y."""
        return _operation("*", self, as_ball(other), product)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Ball:
        """Range of x/y; DomainError when y contains 0."""
        b = as_ball(other)
        _check_broadcast("/", self, b)
        babs = np.abs(b._mid)
        if not every(babs > b._rad):
            i = int(np.argmax(~(babs > b._rad).ravel()))
            raise DomainError(
                f"division by a ball that contains 0 (flat entry {i}: mid={float(b._mid.ravel()[i])!r}, "
                f"rad={float(b._rad.ravel()[i])!r}); "
                "expected |mid| > rad"
            )
        return _operation("/", self, b, quotient)

    def __rtruediv__(self, other: Any) -> Ball:
        """Range of y/x."""
        return as_ball(other) / self

    def __pow__(self, exponent: Any) -> Ball:
        """Range of x**k for an integer k (negative: 1/x**−k), or √x for exponent 0.5 (or Fraction(1, 2))."""
        return _built_on_balls["power"](self, exponent)

    def __matmul__(self, other: Any) -> Ball:
        """Enclosure of the matrix product, method auto."""
        return _built_on_balls["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Ball:
        """Enclosure of the matrix product, method auto."""
        return _built_on_balls["matmul"](other, self)

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Ball:
        """Sum over an axis (all by default); valid for any order of summation."""
        with quiet():
            m = np.asarray(self._mid.sum(axis=axis, keepdims=keepdims))
            k = self.size // max(m.size, 1)
            # |fl(Σ) − Σ| ≤ γ_{k−1}Σ|x_i|, any order (Higham 2002, §4.2). The two sums of non-negative numbers
            # on the right are themselves too small by at most (1 − u)^k: dividing by 1 − γ_k, i.e. (1 +
            # 2γ_k). Additions never underflow.
            g = gamma(max(k, 1))
            r = np.abs(self._mid).sum(axis=axis, keepdims=keepdims) * gamma(max(k - 1, 0)) if k > 1 else 0.0 * np.abs(m)
            if not self._point:
                r = r + self._rad.sum(axis=axis, keepdims=keepdims)
            # γ·Σ|x| may underflow by η/2 (or vanish) only when Σ|x| < 2^-1020·k, where all additions were
            # exact up to 2^-1021.
            r = np.asarray(r * (1.0 + 4.0 * g) * INFLATE)
            if k > 1:
                r = np.asarray(r + ETA * (r > 0))
            return _checked(m, r)

    def mean(self, axis: int | tuple[int, ...] | None = None) -> Ball:
        """Arithmetic mean over an axis (all by default)."""
        s = self.sum(axis=axis)
        return s / float(self.size // max(s.size, 1))

    def norm(self, axis: int | tuple[int, ...] | None = None) -> Ball:
        """2-norm of the entries over an axis; over all axes (default) the Frobenius norm. Scaled: no over- or
        underflow.
        """
        return _built_on_balls["norm"](self, axis)

    def _coerce(self, name: str, other: Any) -> Ball:
        b = as_ball(other)
        _check_broadcast(name, self, b)
        return b


def _operation(name: str, a: Ball, b: Ball, formula: Callable[..., tuple[Any, Any]]) -> Ball:
    """Midpoint and radius by a formula: of two numbers in Python floats, which round alike at a tenth of the cost."""
    if a._mid.ndim == b._mid.ndim == 0:
        mid, rad = formula(float(a._mid), float(a._rad), a._point, float(b._mid), float(b._rad), b._point)
        good = math.isfinite(mid) and rad >= 0.0
        return _build(np.array(mid if good else 0.0), np.array(rad if good else math.inf), False)
    _check_broadcast(name, a, b)
    with quiet():
        return _checked(*formula(a._mid, a._rad, a._point, b._mid, b._rad, b._point))


def _build(mid: Array, rad: Array, point: bool) -> Ball:
    """Ball from finite mid and valid rad, without copy or check."""
    ball = Ball.__new__(Ball)
    ball._set(mid, rad, point)
    return ball


def point(values: Any) -> Ball:
    """Return the doubles as exact balls; infinity, which no midpoint may be, as a ball of infinite radius."""
    array = np.array(values, dtype=np.float64)
    finite = np.isfinite(array)
    if every(finite):
        return _point(array)
    return Ball(np.where(finite, array, 0.0), np.where(finite, 0.0, np.inf))


def _point(mid: Array) -> Ball:
    return _build(mid, _no_radii(mid.shape), True)


_ZERO = bytes(8)


def _no_radii(shape: tuple[int, ...]) -> Array:
    """Zeros in a view with strides 0 of eight bytes that cannot change: point balls cost no memory for their radii."""
    return np.ndarray(shape, np.float64, _ZERO, 0, (0,) * len(shape))


_NO_RADIUS = _no_radii(())


def _checked(mid: Array, rad: Array) -> Ball:
    """Ball from computed mid and rad: where either overflowed or is NaN, mid = 0 and rad = infinity."""
    mid, rad = np.asarray(mid), np.asarray(rad)
    # Fast test of large arrays: a finite sum of squares has finite terms, and min is NaN if an entry is.
    if mid.size > 4096 and np.isfinite(np.vdot(mid, mid)) and rad.min() >= 0 and rad.shape == mid.shape:
        return _build(mid, rad, False)
    good = np.isfinite(mid) & (rad >= 0)
    if not every(good):
        mid, rad = np.where(good, mid, 0.0), np.where(good, rad, np.inf)
    if rad.shape != mid.shape:
        rad = np.broadcast_to(rad, mid.shape).view()
    return _build(mid, rad, False)


def _restore(mid: Array, rad: Array) -> Ball:
    return Ball(mid, rad)


def as_ball(x: Any) -> Ball:
    """x itself if it is a Ball, else Ball(x)."""
    return x if isinstance(x, Ball) else Ball(x)


def _check_broadcast(name: str, a: Ball, b: Ball) -> None:
    if a._mid.shape != b._mid.shape:
        _check_shapes(f"ball {name} ball:", a._mid, b._mid)


def _check_shapes(what: str, a: Array, b: Array) -> None:
    if a.shape != b.shape:
        try:
            np.broadcast(a, b)
        except ValueError as exc:
            raise ShapeError(f"{what} shapes {a.shape} and {b.shape} do not broadcast") from exc
