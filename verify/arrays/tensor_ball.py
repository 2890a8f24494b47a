"""Midpoint–radius arrays on torch float64 tensors that stay on their device: products, norms, extreme eigenvalues.

Formulas and constants are those of :mod:`verify.arrays.ball`, :mod:`~verify.arrays.products` and
:mod:`~verify.arrays.spectra`, where they are derived. Trust base on the device: correctly rounded binary64 + − × ÷ with
subnormals, each operation of its own (torch eager mode), and products and sums as sums in some order, fused multiply-add
allowed; :func:`verify.arrays.require_sound_device` probes it. Not torch.sqrt, which misrounds: square roots are taken by numpy, of
numbers moved to the host. No division by a number where rounding matters: torch on CUDA multiplies by the reciprocal.
No transcendental functions. Factorisations and eigensolvers on the device give guesses only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from verify.arrays import guesses
from verify.arrays.ball import Ball, as_ball
from verify.arrays.conversion import radius_array
from verify.arrays.device_probe import require_sound_device
from verify.arrays.environment import require_default_environment
from verify.arrays.products import root_upper
from verify.arrays.rounding import ETA, INFLATE, Array, U, gamma, quiet, sum_down, sum_up
from verify.arrays.spectra import (
    _shift_error,
    enclosure,
    lower_by_shifts,
    lower_from_residual,
    nonnegative_norm_upper,
    rayleigh_quotient,
)
from verify.errors import DtypeError, InputError, NonFiniteError, NotCertainError, ShapeError

Tensor = torch.Tensor


class TensorBall:
    """Rigorous array on a torch device: entry i stands for [mid_i − rad_i, mid_i + rad_i], exactly.

    Args:
        mid: float64 tensor, dense, finite, on any device with binary64 arithmetic; taken as the exact numbers it stores.
        rad: non-negative float64 tensor on the same device, or a number; broadcast to mid's shape; infinity allowed.

    Attributes ``mid`` and ``rad`` are copies, without gradient; do not write to them. Operations ``+ − *`` (with
    broadcasting), ``@``, ``abs``, ``.T``, indexing return TensorBalls on the same device; other operands are TensorBalls
    or float64 tensors there, or whatever :class:`Ball` accepts, which is moved there. Overflow gives an infinite radius.

    Raises:
        DtypeError: not a dense float64 tensor, or on another device. NonFiniteError, InputError, ShapeError: as Ball.
        UnsoundArithmeticError: :func:`require_sound_device`.

    >>> x = TensorBall(torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64))
    >>> x.gram().smallest_eigenvalue() > 0.13
    True
    """

    __slots__ = ("mid", "rad")
    __array_ufunc__ = None  # ndarray ∘ TensorBall goes to the reflected operator

    mid: Tensor
    rad: Tensor

    def __init__(self, mid: Tensor, rad: Any = 0.0) -> None:
        """See the class."""
        m = _float64("mid", mid)
        require_sound_device(m.device)
        if isinstance(rad, Tensor):
            r = _float64("rad", rad)
            if r.device != m.device:
                raise DtypeError(f"rad on device={r.device}: expected mid's device={m.device}; move one with .to()")
        else:
            r = torch.from_numpy(radius_array(rad, np.shape(rad))).to(m.device)
        if not bool(torch.isfinite(m).all()):
            raise NonFiniteError(f"mid of shape {tuple(m.shape)} has NaN or infinity; expected finite numbers")
        if bool(torch.isnan(r).any()):
            raise NonFiniteError("rad has NaN; expected non-negative numbers or infinity")
        if bool((r < 0).any()):
            raise InputError(f"rad={float(r.min())!r} is negative; expected rad >= 0")
        try:
            self.mid, self.rad = m, r.expand(m.shape)
        except RuntimeError as exc:
            raise ShapeError(f"rad of shape {tuple(r.shape)} does not broadcast to {tuple(m.shape)}") from exc

    @staticmethod
    def from_ball(ball: Ball, device: torch.device | str) -> TensorBall:
        """The same ball on a device; exact."""
        return TensorBall(torch.tensor(ball.mid, device=device), torch.tensor(ball.rad, device=device))

    def to_ball(self) -> Ball:
        """The same ball as numpy arrays on the host; exact."""
        return Ball(_host(self.mid), _host(self.rad))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of mid and rad."""
        return tuple(self.mid.shape)

    @property
    def device(self) -> torch.device:
        """Where mid and rad are."""
        return self.mid.device

    @property
    def T(self) -> TensorBall:
        """Last two axes exchanged; exact."""
        if self.mid.ndim < 2:
            return self
        return _build(self.mid.mT, self.rad.mT)

    def __bool__(self) -> bool:
        """Refused: NotCertainError."""
        raise NotCertainError(
            "the truth value of a TensorBall is ambiguous; compare ball.to_ball(), e.g. ball.to_ball() > 0"
        )

    def __getitem__(self, index: Any) -> TensorBall:
        """Torch indexing; exact."""
        return _build(self.mid[index], self.rad[index])

    def __repr__(self) -> str:
        """Shape, device and the largest radius."""
        worst = float(self.rad.max()) if self.rad.numel() else 0.0
        return f"TensorBall(shape={self.shape}, device={self.device}, largest rad={worst:.3g})"

    # ------------------------------------------------------------------ elementwise

    def __neg__(self) -> TensorBall:
        """Exact negation."""
        return _build(-self.mid, self.rad)

    def __abs__(self) -> TensorBall:
        """Enclosure of |x|: ||x| − |m|| ≤ |x − m| ≤ rad. It may reach below 0."""
        return _build(self.mid.abs(), self.rad)

    def __add__(self, other: Any) -> TensorBall:
        """Enclosure of x + y; radius as Ball's."""
        b = self._operand("+", other)
        m = self.mid + b.mid
        return _checked(m, (self.rad + b.rad + U * m.abs()) * INFLATE)

    __radd__ = __add__

    def __sub__(self, other: Any) -> TensorBall:
        """Enclosure of x − y."""
        return self + (-self._operand("-", other))

    def __rsub__(self, other: Any) -> TensorBall:
        """Enclosure of y − x."""
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> TensorBall:
        """Enclosure of x·y; radius as Ball's."""
        b = self._operand("*", other)
        m = self.mid * b.mid
        spread = self.mid.abs() * b.rad + self.rad * (b.mid.abs() + b.rad)
        return _checked(m, (spread + U * m.abs()) * INFLATE + 2.0 * ETA)

    __rmul__ = __mul__

    # ------------------------------------------------------------------ products

    def __matmul__(self, other: Any) -> TensorBall:
        """Enclosure of the matrix product (torch's rules for axes), with the sharp radius of products.matmul."""
        return _matmul(self, self._operand("@", other, broadcast=False))

    def __rmatmul__(self, other: Any) -> TensorBall:
        """Enclosure of the matrix product."""
        return _matmul(self._operand("@", other, broadcast=False), self)

    def gram(self) -> TensorBall:
        """Enclosure of X @ X.T, exactly symmetric in mid and rad: the lower triangle, reflected."""
        if self.mid.ndim < 2:
            raise ShapeError(f"gram: expected a matrix, got shape {self.shape}")
        g = self @ self.T
        return _build(*(t.tril() + t.tril(-1).mT for t in (g.mid, g.rad)))

    # ------------------------------------------------------------------ norms

    def magnitude(self) -> Tensor:
        """Upper bounds of |x|, a tensor of the same shape."""
        require_default_environment()
        m = self.mid.abs()
        return torch.where(self.rad > 0, (m + self.rad) * INFLATE, m)

    def norm_upper(self) -> float:
        """Upper bound of the 2-norm of all entries (Frobenius norm of a matrix)."""
        return float(sum_up(_norm_upper(self.mid), _norm_upper(self.rad)))

    # ------------------------------------------------------------------ spectra

    def smallest_eigenvalue(self) -> Ball:
        """Enclosure (a scalar Ball on the host) of λ_min(X) for every symmetric X in the ball.

        The matrix stays on the device; vectors move. Width as :func:`verify.arrays.smallest_eigenvalue` for entries
        between 2^-250 and 2^250, wider beyond.

        Raises:
            ShapeError: not a non-empty square. InputError: mid or rad not exactly symmetric.
        """
        n = self._symmetric_size()
        if not bool(torch.isfinite(self.rad).all()):
            return Ball(0.0, np.inf)
        if n == 1:
            return self[0, 0].to_ball()
        with quiet():
            mid, diagonal = self.mid, _host(self.mid.diagonal())
            theta = upper = float(sum_up(diagonal, _host(self.rad.diagonal())).min())
            guess = _smallest_eigenpair(mid)
            quotient = rayleigh_quotient(guess.vector, lambda v: (self @ v).to_ball())
            if quotient is not None:
                theta, upper = float(quotient.mid), min(upper, float(quotient.upper()))
            row_sums = _host(mid.abs().sum(1))
            lower = lower_by_shifts(
                diagonal, row_sums, min(theta, upper), guess.slack, lambda s: _factored_lower(mid, s)
            )
            spread = nonnegative_norm_upper(self.rad)
        return enclosure(float(sum_down(lower, -spread)), upper)

    def largest_eigenvalue(self) -> Ball:
        """Enclosure of λ_max(X) for every symmetric X in the ball; as :meth:`smallest_eigenvalue`."""
        return -(-self).smallest_eigenvalue()

    def _symmetric_size(self) -> int:
        if self.mid.ndim != 2 or self.shape[0] != self.shape[1] or self.shape[0] == 0:
            raise ShapeError(f"expected a non-empty square matrix, got shape {self.shape}")
        if not (torch.equal(self.mid, self.mid.T) and torch.equal(self.rad, self.rad.T)):
            raise InputError("matrix is not exactly symmetric in mid and rad; use gram(), or (a + a.T) * 0.5")
        return self.shape[0]

    def _operand(self, name: str, x: Any, broadcast: bool = True) -> TensorBall:
        if isinstance(x, TensorBall):
            b = x
        else:
            b = TensorBall(x) if isinstance(x, Tensor) else TensorBall.from_ball(as_ball(x), self.device)
        if b.device != self.device:
            raise DtypeError(f"operands of {name} on devices {self.device} and {b.device}; move one with .to()")
        if broadcast:
            _check_broadcast(name, self.shape, b.shape)
        return b


# ---------------------------------------------------------------------- construction


def _float64(name: str, t: Any) -> Tensor:
    """A detached copy of a dense float64 tensor."""
    if not isinstance(t, Tensor):
        raise DtypeError(f"{name} of type {type(t).__name__}: expected a torch float64 tensor; use Ball for others")
    if t.dtype != torch.float64 or t.layout != torch.strided:
        raise DtypeError(
            f"{name} has dtype={t.dtype}, layout={t.layout}: expected a dense float64 tensor, so that no product runs in "
            "reduced precision; call .double() (exact for float32, bfloat16 and float16) and .to_dense()"
        )
    if t.is_meta:
        raise DtypeError(
            f"{name}: a tensor on the meta device has no values; build it on the CPU, or where it is computed"
        )
    return t.detach().clone().resolve_neg()


def _check_broadcast(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    try:
        np.broadcast_shapes(a, b)
    except ValueError as exc:
        raise ShapeError(f"ball {name} ball: shapes {a} and {b} do not broadcast") from exc


def _build(mid: Tensor, rad: Tensor) -> TensorBall:
    """TensorBall from finite mid and valid rad, without copy or check."""
    require_default_environment()
    ball = TensorBall.__new__(TensorBall)
    ball.mid, ball.rad = mid, rad
    return ball


def _checked(mid: Tensor, rad: Tensor) -> TensorBall:
    """TensorBall from computed mid and rad: where either overflowed or is NaN, mid = 0 and rad = infinity."""
    good = torch.isfinite(mid) & (rad >= 0)
    if bool(good.all()):
        return _build(mid, rad)
    return _build(mid.where(good, torch.zeros_like(mid)), rad.where(good, torch.full_like(rad, np.inf)))


def _host(t: Tensor) -> Array:
    return np.asarray(t.cpu().numpy())


# ---------------------------------------------------------------------- products and norms


def _matmul(x: TensorBall, y: TensorBall) -> TensorBall:
    if x.mid.ndim == 0 or y.mid.ndim == 0:
        raise ShapeError(f"@: expected at least one axis, got shapes {x.shape} and {y.shape}; use * for scalars")
    n = x.shape[-1]
    if n != y.shape[-2 if y.mid.ndim > 1 else -1]:
        raise ShapeError(f"@: inner sizes differ in shapes {x.shape} and {y.shape}")
    _check_broadcast("@ (batch axes)", x.shape[:-2], y.shape[:-2])
    # products._sharp: |A|(γ|B| + rB) + rA(|B| + rB), each product too small by γ_n and nη at most, and nη of the
    # midpoint. γ|B| underflows by η/2 an entry, which |A| may magnify: η is added to the factor instead.
    g = gamma(max(n, 1))
    a, b = x.mid.abs(), y.mid.abs()
    rad = torch.matmul(a, (torch.where(b > 0, b * g + ETA, b) + y.rad) * INFLATE)
    if bool(x.rad.any()):
        rad = rad + torch.matmul(x.rad, (b + y.rad) * INFLATE)
    rad = rad.mul_((1.0 + 4.0 * g) * INFLATE * INFLATE).add_((4 * n + 4) * ETA)
    return _checked(torch.matmul(x.mid, y.mid), rad)


def _norm_upper(t: Tensor) -> float:
    # products.root_upper of Σt² from the device. Beyond 2^±400 entries are first scaled by 2^-e, |e| ≤ 1000 (exact but
    # for underflow: ≤ η/2 an entry, so ≤ nη in norm), which brings the largest into [2^-75, 2^24].
    require_default_environment()
    n = t.numel()
    top = float(t.abs().max()) if n else 0.0
    if top == 0.0 or not np.isfinite(top):
        return 0.0 if top == 0.0 else np.inf
    e = max(-1000, min(1000, int(np.frexp(top)[1])))
    with quiet():
        if -400 < e < 400:
            return float(root_upper(float((t * t).sum()), n))
        t = t * 2.0**-e
        norm = (float(root_upper(float((t * t).sum()), n)) + n * ETA) * INFLATE
        return float(np.ldexp(norm, e)) + ETA


# ---------------------------------------------------------------------- spectra


def _smallest_eigenpair(a: Tensor) -> guesses.Ritz:
    """As :func:`verify.arrays.guesses.smallest_eigenpair`, with the matrix on its device: a guess."""
    n = a.shape[0]

    def there(v: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(v, dtype=np.float64).reshape(n, 1)).to(a.device)

    def solver(shift: float) -> guesses.Product | None:
        shifted = a.clone()
        shifted.diagonal().sub_(shift)
        factor, info = torch.linalg.cholesky_ex(shifted)
        return (lambda v: _host(torch.cholesky_solve(there(v), factor))[:, 0]) if int(info) == 0 else None

    if n > guesses.DENSE:
        size = float(a.diagonal().abs().sum())
        found = guesses.shifted_lanczos(n, lambda v: _host(torch.matmul(a, there(v)))[:, 0], solver, size)
        if found is not None:
            return found
    try:
        values, vectors = torch.linalg.eigh(a)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        return guesses.Ritz(float("nan"), np.zeros(n), 0.0)
    return guesses.Ritz(float(values[0]), np.ascontiguousarray(_host(vectors[:, 0])), 0.0)


def _factored_lower(a: Tensor, s: float) -> float | None:
    """s − ‖(a − sI) − L·Lᵀ‖ rounded down, for a computed L; None when the factorisation fails: spectra._factored_lower."""
    shifted = a.clone()
    shifted.diagonal().sub_(s)
    factor, info = torch.linalg.cholesky_ex(shifted)
    if int(info) != 0:
        return None
    frobenius = _norm_upper(shifted - torch.matmul(factor, factor.mT))
    factor = factor.abs()
    growth = min(_norm_upper(factor), nonnegative_norm_upper(factor))
    return lower_from_residual(s, a.shape[0], frobenius, growth, _shift_error(_host(shifted.diagonal())))
