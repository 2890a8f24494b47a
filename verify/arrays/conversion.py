"""From what users hold to balls: exactly where a double can, by enclosure where it cannot, else a typed
error.

Exact: Python and numpy floats and integers that are doubles, float16/float32/float64 arrays, torch CPU
tensors of float16, bfloat16, float32, float64. Enclosed: ``fractions.Fraction``, ``decimal.Decimal``,
``sympy`` numbers, decimal and rational strings (``"0.1"`` means 1/10). Refused: integers that are no double,
longdouble (its width depends on the platform), complex, NaN and infinity.
"""

from __future__ import annotations

import decimal
import math
import numbers
import sys
from fractions import Fraction
from typing import Any

import numpy as np

from verify.arguments import shown
from verify.arrays.rounding import Array, every, fraction_bounds
from verify.arrays.sympy_bounds import enclose
from verify.errors import DtypeError, InputError, NonFiniteError, ShapeError, VerifyError

_EXACT_KINDS = (np.float64, np.float32, np.float16)


def exact_rational(x: Any) -> Fraction | None:
    """The exact value of one number as a Fraction, or None when it is irrational (a sympy expression).

    Raises DtypeError, NonFiniteError or InputError for anything that is not a real number.
    """
    if isinstance(x, Fraction):
        return x
    if isinstance(x, np.longdouble) and not isinstance(x, np.float64):
        raise DtypeError(f"value={x!r} is a longdouble, whose width depends on the platform; pass a Fraction")
    if isinstance(x, (bool, np.bool_)):
        return Fraction(int(x))
    if isinstance(x, (numbers.Integral, np.integer)):
        return Fraction(int(x))
    if isinstance(x, (float, np.floating)):
        if not math.isfinite(x):
            raise NonFiniteError(f"value={x!r}: expected a finite number")
        return Fraction(float(x))
    if isinstance(x, decimal.Decimal):
        if not x.is_finite():
            raise NonFiniteError(f"value={x!r}: expected a finite number")
        _check_exponent(x.adjusted(), x)
        return Fraction(x)
    if isinstance(x, str):
        return _parse(x)
    if _is_sympy(x):
        return _sympy_rational(x)
    if isinstance(x, (list, tuple, np.ndarray)):
        raise ShapeError(
            f"entry {shown(x)}: a row among rows of another length, or among numbers; expected a rectangular array"
        )
    raise DtypeError(
        f"value={shown(x)} of type {type(x).__name__}: expected a real number, Fraction, Decimal, str or sympy number, or an array, tensor or list of these"
    )


def scalar_bounds(x: Any) -> tuple[float, float]:
    """Doubles lo ≤ x ≤ hi for one number of any accepted type."""
    q = exact_rational(x)
    if q is None:
        return enclose(x)  # by Arb: sympy's evalf is not a proof
    if isinstance(x, (numbers.Integral, np.integer)) and not isinstance(x, bool) and not _is_sympy(x):
        refuse_inexact_integer(int(x))
    return fraction_bounds(q)


def refuse_inexact_integer(i: int) -> None:
    """Raise DtypeError unless the integer i is a double."""
    try:
        exact = int(float(i)) == i
    except OverflowError:
        exact = False
    if not exact:
        text = str(i) if abs(i) < 10**40 else f"an integer of {i.bit_length()} bits"
        raise DtypeError(f"integer={text} is no double (beyond 2**53); pass fractions.Fraction for an enclosure")


def to_bounds(x: Any) -> tuple[Array, Array | None]:
    """(lo, hi) float64 arrays with lo ≤ x ≤ hi; hi is None when lo is exactly x. Never aliases x.

    Raises DtypeError, NonFiniteError, InputError as the module's docstring says.
    """
    if type(x) is float:
        if not math.isfinite(x):
            raise NonFiniteError(f"value={x!r}: expected a finite number")
        return np.array(x), None
    if type(x) is np.ndarray:
        return _numpy_bounds(x)
    if _is_torch(x):
        x = _from_torch(x)
    _refuse_masked(x)
    if _is_tensor_ball(x):
        raise DtypeError(
            f"TensorBall on device={x.device}: elementary functions and Ball's operations run on numpy arrays; "
            "use its own operations (+ − * @, gram, smallest_eigenvalue, …), or call .to_ball() first"
        )
    if isinstance(x, (str, Fraction, decimal.Decimal)) or _is_sympy(x) or type(x) is int:
        lo, hi = scalar_bounds(x)
        return np.array(lo), (None if lo == hi else np.array(hi))
    if isinstance(x, (list, tuple)):
        x = _array_of(x)
    if not isinstance(x, (np.ndarray, np.generic)):
        lo, hi = scalar_bounds(x)
        return np.array(lo), (None if lo == hi else np.array(hi))
    return _numpy_bounds(np.asarray(x))


def _refuse_masked(x: Any) -> None:
    """numpy.asarray would show what a mask hides."""
    if isinstance(x, np.ma.MaskedArray):
        raise DtypeError(
            "a masked array: what is masked would count as numbers; fill or drop it, x.filled(0.0) or x.compressed()"
        )


def _numpy_bounds(a: Any) -> tuple[Array, Array | None]:
    if a.dtype in _EXACT_KINDS:
        out = np.array(a, dtype=np.float64)  # widening is exact
        if not every(np.isfinite(out)):
            raise NonFiniteError(f"array of shape {out.shape} has NaN or infinity; expected finite numbers")
        return out, None
    if a.dtype == np.bool_:
        return a.astype(np.float64), None
    if a.dtype.kind in "iu":
        # int64 → double → int64 could wrap at 2^63: compare as Python integers, only where |a| > 2^53.
        out = a.astype(np.float64)
        for i in a[(a > 2**53) | (a < -(2**53))] if a.dtype.itemsize == 8 else ():
            refuse_inexact_integer(int(i))
        return out, None
    if a.dtype.kind in "OUS":
        pairs = [scalar_bounds(v.item() if isinstance(v, np.generic) else v) for v in a.ravel().tolist()]
        lo = np.array([p[0] for p in pairs], dtype=np.float64).reshape(a.shape)
        hi = np.array([p[1] for p in pairs], dtype=np.float64).reshape(a.shape)
        return lo, (None if np.array_equal(lo, hi) else hi)
    raise DtypeError(f"dtype={a.dtype}: expected float16/32/64, integers or bool; longdouble and complex are refused")


def _array_of(x: Any) -> Any:
    """A nested list as an array without numpy's silent int → float64 rounding or str promotion."""
    for v in x:
        _refuse_masked(v)
    try:
        a = np.array([_from_torch(v) if _is_torch(v) else v for v in x], dtype=object)
    except ValueError as exc:
        if isinstance(exc, VerifyError):
            raise
        raise ShapeError(f"a list of arrays of different shapes ({exc}); expected a rectangular array") from exc
    if a.dtype == object and a.size and all(isinstance(v, (float, np.float64)) for v in a.ravel().tolist()):
        return a.astype(np.float64)
    return a


def _parse(text: str) -> Fraction:
    s = text.strip()
    try:
        if s.lower().lstrip("+-").startswith("0x"):
            return Fraction(float.fromhex(s))  # C99 hexadecimal: a double, exactly
        mantissa, _, exponent = s.lower().partition("e")
        if exponent:
            _check_exponent(int(exponent), text)
        del mantissa
        return Fraction(s)
    except (ValueError, OverflowError, ZeroDivisionError) as exc:
        if isinstance(exc, InputError):
            raise
        raise InputError(f"string={shown(text)}: expected a decimal, a fraction 'p/q' or a C99 hex float") from exc


def _check_exponent(e: int, x: Any) -> None:
    if abs(e) > 100_000:
        raise InputError(f"value={shown(x)}: exponent beyond ±100000 is refused (it would cost gigabytes)")


def _is_torch(x: Any) -> bool:
    # Without importing torch: a tensor exists only if its module was imported by someone else.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def _is_tensor_ball(x: Any) -> bool:
    module = sys.modules.get("verify.arrays.tensor_ball")
    return module is not None and isinstance(x, module.TensorBall)


def _is_sympy(x: Any) -> bool:
    sympy = sys.modules.get("sympy")
    return sympy is not None and isinstance(x, sympy.Basic)


def _from_torch(t: Any) -> Any:
    torch = sys.modules["torch"]
    t = t.detach()
    if t.is_meta:
        raise DtypeError("a tensor on the meta device has no values; build it on the CPU")
    if t.device.type != "cpu":
        raise DtypeError(
            f"tensor on device={t.device}: expected a CPU tensor, because Ball holds numpy arrays: call .cpu() first, "
            "or keep the data there with verify.arrays.TensorBall(tensor)"
        )
    if t.is_nested:
        raise DtypeError("a nested tensor: expected a rectangular one; pass its parts, t.unbind()")
    if t.layout != torch.strided:
        raise DtypeError(f"tensor layout={t.layout}: expected a dense tensor; call .to_dense() first")
    if t.dtype in (torch.bfloat16, torch.float16, torch.float32):
        return _numbers(t.to(torch.float32)).astype(np.float64)  # each widening is exact
    if t.dtype in (torch.float64, torch.bool, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8):
        return _numbers(t)
    raise DtypeError(
        f"tensor dtype={t.dtype}: expected float16/32/64, bfloat16, bool, uint8 or int8/16/32/64; call .double()"
    )


def _numbers(t: Any) -> Any:
    try:
        return t.resolve_neg().numpy()
    except (RuntimeError, TypeError) as exc:
        raise DtypeError(f"a {type(t).__name__} that cannot be read as numbers ({exc}); pass a plain tensor") from exc


def _sympy_rational(x: Any) -> Fraction | None:
    import sympy

    if x.is_Integer or x.is_Rational:
        return Fraction(int(x.p), int(x.q))
    if isinstance(x, sympy.Float):
        sign, man, exp, size = x._mpf_  # finite: sympy makes other classes of infinity and NaN
        _check_exponent(int((exp + size) * math.log10(2.0)), x)
        return Fraction(-1 if sign else 1) * int(man) * Fraction(2) ** int(exp)
    if x.is_number and x.is_real and x.is_finite is not False:
        return None
    raise DtypeError(f"value={shown(x)}: expected a real sympy number without free symbols")


def radius_array(rad: Any, shape: tuple[int, ...]) -> Array:
    """Fresh float64 radii of the given shape: non-negative, infinity allowed, rounded up where no double."""
    if type(rad) is not np.ndarray:
        _refuse_masked(rad)
        if _is_torch(rad):
            rad = _from_torch(rad)
    if isinstance(rad, (float, np.ndarray, np.floating)) and np.asarray(rad).dtype.kind == "f":
        a = np.asarray(rad)
        if a.dtype not in (np.float16, np.float32, np.float64):
            raise DtypeError(f"rad dtype={a.dtype}: expected float16/32/64")
        r = np.array(a, dtype=np.float64)
    elif isinstance(rad, (list, tuple)):
        r = _radii(rad)
    else:
        lo, hi = to_bounds(rad)
        r = lo if hi is None else hi  # rounded up
    if np.isnan(r).any():
        raise NonFiniteError("rad has NaN; expected non-negative numbers or infinity")
    if (r < 0).any():
        raise InputError(f"rad={float(r.min())!r} is negative; expected rad >= 0")
    try:
        return np.array(np.broadcast_to(r, shape))
    except ValueError as exc:
        raise ShapeError(f"rad of shape {r.shape} does not broadcast to mid's shape {shape}") from exc


def _radii(rad: Any) -> Array:
    """Radii of a list, rounded up; infinity and NaN pass."""
    entries = _array_of(rad)
    found = [v if isinstance(v, float) else scalar_bounds(v)[1] for v in entries.ravel().tolist()]
    return np.array(found, dtype=np.float64).reshape(entries.shape)


def one_double(x: Any) -> float | None:
    """The number itself if x is one double, a Python or numpy float or an array without axes; None for everything else."""
    if isinstance(x, float):
        return float(x)
    return float(x) if type(x) is np.ndarray and x.ndim == 0 and x.dtype.char == "d" else None


def bound_array(x: Any, name: str) -> Array:
    """Float64 bounds (infinity and NaN pass), rounded outwards where no double; name is 'lower' or 'upper'."""
    if isinstance(x, float):
        return np.asarray(x)
    if type(x) is not np.ndarray:
        _refuse_masked(x)
    a = np.asarray(x)
    if a.dtype == np.float64 or a.dtype == np.float32:
        return np.array(a, dtype=np.float64)
    lo, hi = to_bounds(x)
    return lo if hi is None or name == "lower" else hi


def rationals(x: Any) -> Any:
    """Exact Fractions when x holds Fractions, strings, Decimals or Python ints; None for plain float arrays
    and irrationals.
    """
    if isinstance(x, (float, np.floating)) or (type(x) is np.ndarray and x.dtype.kind in "fbiu"):
        return None
    if isinstance(x, (list, tuple, np.ndarray)) and not _is_torch(x):
        flat = np.array(x, dtype=object)
        if all(isinstance(v, float) for v in flat.ravel().tolist()):
            return None
        out = np.empty(flat.shape, dtype=object)
        for i, v in enumerate(flat.ravel().tolist()):
            q = exact_rational(v)
            if q is None:
                return None
            out.ravel()[i] = q
        return out
    if _is_torch(x):
        return None
    return exact_rational(x)
