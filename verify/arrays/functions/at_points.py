"""Elementary functions at points, from + − × ÷, √ and exact operations only, each with a derived error bound.

Every kernel takes a float64 array of finite points and returns (v, err) with |f(x) − v| ≤ err for the real
function f. No libm, no numpy transcendental: those carry no published guarantee. Error terms are counted in u
= 2^-53; the claimed totals leave room for second-order terms. Constants are checked against Arb by the tests.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from verify.arrays.environment import require_default_environment
from verify.arrays.rounding import ETA, INFLATE, Array, U, quiet, two_sum

Kernel = tuple[Array, Array]

INV_LN2 = float.fromhex("0x1.71547652b82fep+0")
# ln 2 = LN2_HI + LN2_LO + δ, |δ| < 2^-86; LN2_HI has 33 significant bits, so k·LN2_HI is exact for |k| <
# 2^20.
LN2_HI = float.fromhex("0x1.62e42fee00000p-1")
LN2_LO = float.fromhex("0x1.a39ef35793c76p-33")
INV_PIO2 = float.fromhex("0x1.45f306dc9c883p-1")
# π/2 = P1 + P2 + P3 + δ, |δ| < 2^-118; P1 and P2 have 33 significant bits.
PIO2_1 = float.fromhex("0x1.921fb54400000p+0")
PIO2_2 = float.fromhex("0x1.0b4611a600000p-34")
PIO2_3 = float.fromhex("0x1.3198a2e037073p-69")
_SMALL_ANGLE = 2.0**19
_PI_BITS = 1184


def power_of_two(k: Array) -> Array:
    """2^k as float64, exactly, for integer-valued k in [−1022, 1023]."""
    return ((k.astype(np.int64) + 1023) << 52).view(np.float64)


def reduced_expm1(x: Array) -> tuple[Array, Array]:
    """(k, m): x = k·ln 2 + r with |r| ≤ 0.3467, and m ≈ e^r − 1, for |x| ≤ 760.

    |m − (e^r − 1)| ≤ 5.8u|m| + 0.26u·e^r; for k = 0 only the first term.
    """
    # k·LN2_HI is exact and so is x − k·LN2_HI (a multiple of ulp(x)/2 or of LN2_HI's last bit, at most 0.35
    # large). Then r loses half an ulp (≤ 2^-55 = u/4), k·LN2_LO its rounding (≤ 2^-22·u) and k·δ (≤ 2^-75):
    # |δr| ≤ 0.26u; r = x exactly if k = 0.
    k = np.rint(x * INV_LN2)
    r = (x - k * LN2_HI) - k * LN2_LO
    # Padé [6/6]: e^r = (E + N)/(E − N), E even, N = r·O odd, integer coefficients; e^r − 1 = 2N/(E − N).
    # Truncation (6!)²/(12!·13!)·|r|^13·e^|r|/Q < 4e-19 = 0.004u at the ends and ∝ r^13. Roundings, relative:
    # O 1.02u (its other terms are < 4 % of the first), N 2.03u, E 1.05u, E − N: (1.05u·E + 2.03u·|N|)/(E − N)
    # + u ≤ 2.7u; quotient 5.75u.
    z = r * r
    n = r * (332640.0 + z * (10080.0 + z * 42.0))
    e = 665280.0 + z * (75600.0 + z * (840.0 + z))
    return k, (n + n) / (e - n)


def exp(x: Array) -> Kernel:
    """e^x. Overflow: v = inf with err = inf; the value is then known to exceed the largest double.

    Relative error: 1 + m has absolute error 5.8u·|m| + 0.26u·e^r plus half an ulp; worst at r = −0.3466: ≤
    3.4u. Claimed 4u. Scaling by 2^k in two factors rounds once, when subnormal: η/2. Below −746 the value
    lies in (0, η).
    """
    with quiet():
        t = np.clip(x, -746.0, 710.0)
        k, m = reduced_expm1(t)
        half = np.floor(k * 0.5)
        v = ((1.0 + m) * power_of_two(half)) * power_of_two(k - half)
        err = v * (5.0 * U) + ETA
        zero = v == 0.0  # the value lies in (0, η): keep the ball non-negative
        return (np.where(zero, ETA, v), err) if zero.any() else (v, err)


def expm1(x: Array) -> Kernel:
    """e^x − 1, relatively accurate also near 0.

    k = 0: m itself, 5.8u relative. k ≠ 0: s·m + (s − 1) with s = 2^k. s − 1 exact for 0 < |k| ≤ 53, else half
    an ulp; then the error s(5.8u|m| + 0.26u·e^r) + half an ulp: worst at s = 2, r = −0.3467, v = 0.414:
    (2·1.89 + ¼)u/0.414 ≤ 9.8u|v|; with s ≤ ½, |v| ≥ 0.29: ≤ 7u|v|. Claimed 10u. For x > 60 the value is e^x(1
    − tiny): kernel exp minus 1, 4u + 2^-86 + u. Below −60: −1 + [0, 2^-86].
    """
    with quiet():
        t = np.clip(x, -60.0, 60.0)
        k, m = reduced_expm1(t)
        s = power_of_two(k)
        v = (s - 1.0) + s * m
        err = np.abs(v) * (11.0 * U) + 2.0 * ETA
        big = x > 60.0
        if big.any():
            w, e = exp(np.where(big, x, 0.0))
            v, err = np.where(big, w - 1.0, v), np.where(big, e + 3.0 * U * w, err)
        return v, err


TANH_ERROR = 7.0 * U
"""|computed − tanh x| ≤ TANH_ERROR·|computed| + 2η for :func:`tanh_values`; the computed value is at most 1 in size."""

CHUNK = 8192  # work arrays of this many doubles stay in the second-level cache
_STEPS, _LAST = 256, 20  # grid of 1/256 up to 20
# Adding it rounds to a multiple of 1/256, whose numerator then sits, made non-negative, in the low bits.
_ROUND = 1.5 * 2.0**52 / _STEPS + _LAST


@cache
def _tanh_table() -> Array:
    """tanh(j/256), |j| ≤ 5120, each within half an ulp and 2^-140 relative, by integers.

    E = e^(1/128) in units of 2^-200 from its series (each of < 40 terms cut by one unit), E^j by products cut by one unit each: relative
    error below 5120·2^-194 < 2^-181, at most 2^8 times more in E^j − 1. tanh = (E^j − 1)/(E^j + 1); / of two Python integers rounds once.
    """
    require_default_environment()  # kept for the whole process
    one = 1 << 200
    term = base = one
    for i in range(1, 40):
        term //= 128 * i
        base += term
    values, power = [], one
    for _ in range(_STEPS * _LAST):
        power = (power * base) >> 200
        values.append((power - one) / (power + one))
    table = np.array([*(-v for v in reversed(values)), 0.0, *values])
    table.flags.writeable = False
    return table


def _tanh_chunk(x: Array, out: Array, work: tuple[Array, Array, Array], index: NDArray[np.int64]) -> None:
    """Write tanh of a chunk to `out`; error bound: see :func:`tanh`."""
    c, r, d = work
    np.clip(x, -float(_LAST), float(_LAST), out=c)
    np.add(c, _ROUND, out=r)
    np.bitwise_and(r.view(np.int64), 0xFFFF, out=index)  # j + 5120
    np.subtract(r, _ROUND, out=r)  # j/256
    np.subtract(c, r, out=c)  # d
    np.take(_tanh_table(), index, out=out, mode="clip")  # t; only NaN points anywhere else, and stays NaN through d
    np.multiply(c, c, out=r)
    np.multiply(r, 2.0 / 15.0, out=d)
    np.subtract(d, 1.0 / 3.0, out=d)
    np.multiply(d, r, out=d)
    np.multiply(d, c, out=d)
    np.add(c, d, out=c)  # w ≈ tanh d
    np.multiply(c, out, out=d)
    np.add(d, 1.0, out=d)
    np.add(out, c, out=c)
    np.divide(c, d, out=out)


def _work(size: int) -> tuple[tuple[Array, Array, Array], NDArray[np.int64]]:
    return (np.empty(size), np.empty(size), np.empty(size)), np.empty(size, dtype=np.int64)


def tanh_values(x: Array) -> Array:
    """tanh of an array of any shape, with the error :data:`TANH_ERROR`; NaN gives NaN, ±infinity ±1."""
    return _tanh(x, None).reshape(x.shape)


def tanh_and_slope(x: Array) -> tuple[Array, Array]:
    """t of :func:`tanh_values`, and fl(1 − fl(t²)) computed while t is in the cache."""
    slopes = np.empty(x.size)
    return _tanh(x, slopes).reshape(x.shape), slopes.reshape(x.shape)


def _tanh(x: Array, slopes: Array | None) -> Array:
    flat = np.ascontiguousarray(x).reshape(-1)
    out = np.empty(flat.size)
    work, index = _work(min(CHUNK, flat.size))
    with quiet():
        for i in range(0, flat.size, CHUNK):
            part = flat[i : i + CHUNK]
            w, size = work, part.size
            t = out[i : i + CHUNK]
            _tanh_chunk(part, t, (w[0][:size], w[1][:size], w[2][:size]), index[:size])
            if slopes is not None:
                np.multiply(t, t, out=slopes[i : i + CHUNK])
                np.subtract(1.0, slopes[i : i + CHUNK], out=slopes[i : i + CHUNK])
    return out


def tanh(x: Array) -> Kernel:
    """Hyperbolic tangent: tanh(j/256 + d) = (t + w)/(1 + tw), t = tanh(j/256) from a table, w = tanh d, |d| ≤ 1/512.

    Beyond 20 the value is the table's last, which is 1: off by 1 − tanh 20 < 0.08u, and by nothing else. Up to there adding
    1.5·2^44 + 20, whose ulp is 1/256, rounds x to j/256 (ties to even: j = 0 at |x| = 1/512); d = x − j/256 is exact: x and j/256 are
    multiples of ulp(x), and |d| ≤ |x|. w = d + d(z(2z/15 − 1/3)), z = d² ≤ 2^-18: the series' rest is below
    |d|·2^-58, the correction's roundings below 2^-19·9u: |w − tanh d| ≤ 1.04u|w| + η. For j = 0 the quotient is w/1. Else t + w ≥ 0.49999t in
    size (t ≥ tanh(1/256), |w| ≤ tanh(1/512)), so u|t| of the table, 1.04u|w| and u of the sum are at most 4.1u of it; 1 + tw has 1.02u (|tw| ≤
    2^-9), the quotient u: 6.3u in all. Claimed 7u. The result does not exceed 1: t < 1 is at most 1 − u, then (1 − t)(1 − w) > u·2^-1 outweighs
    the rounding of tw, and rounding is monotone; t = 1 gives (1 + w)/(1 + w).
    """
    t = tanh_values(x)
    with quiet():
        return t, np.abs(t) * (TANH_ERROR * INFLATE) + 2.0 * ETA


def tanh_range(mid: Array, rad: Array) -> tuple[Array, Array]:
    """(mid, rad) of balls that contain tanh of one-axis balls; radii may be infinite.

    tanh is increasing: with a = fl(m − r), b = fl(m + r) and t their computed images, |tanh(m − r) − t_a| ≤
    7u|t_a| + 2η + u|a|·sup sech², and |a|·sech²(a) ≤ |tanh a|: 8.1u|t_a| + 3η in all. c = fl((t_a + t_b)/2)
    is off by u|c|, |c| ≤ T = max|t|; radius (t_b − t_a)/2 + 9.2u·T + 4η. Its two subtractions and sum are
    relative to it or to T: 11u·T, inflated. The computed tanh is not monotone: (t_b − t_a)/2 keeps its sign, as tanh b − c = (t_b − t_a)/2 −
    (t_b's error) asks for; it is above −8.1u·T, so the radius stays positive.
    """
    out_mid, out_rad = np.empty(mid.shape), np.empty(mid.shape)
    size = min(CHUNK, mid.size)
    (w0, w1, w2), index = _work(size)
    ends = np.empty(size), np.empty(size), np.empty(size)
    with quiet():
        for i in range(0, mid.size, CHUNK):
            m, r = mid[i : i + CHUNK], rad[i : i + CHUNK]
            work = (w0[: m.size], w1[: m.size], w2[: m.size])
            end, a, b = (e[: m.size] for e in ends)
            np.subtract(m, r, out=end)
            _tanh_chunk(end, a, work, index[: m.size])
            np.add(m, r, out=end)
            _tanh_chunk(end, b, work, index[: m.size])
            c, d = out_mid[i : i + CHUNK], out_rad[i : i + CHUNK]
            np.add(a, b, out=c)
            np.multiply(c, 0.5, out=c)
            np.subtract(b, a, out=d)
            np.multiply(d, 0.5 * INFLATE, out=d)
            np.abs(a, out=a)
            np.abs(b, out=b)
            np.maximum(a, b, out=a)
            np.multiply(a, 11.0 * U, out=a)
            np.add(d, a, out=d)
            np.add(d, 8.0 * ETA, out=d)
    return out_mid, out_rad


_ATANH = [1.0 / (2 * j + 1) for j in range(1, 11)]  # correctly rounded quotients of small integers


def _log_ratio(s2: Array) -> Array:
    """2·artanh(s) from s2 = 2s, |s| ≤ 0.1716: relative error ≤ 1.2u beyond that of s2.

    s2 + s2·P(s²), P(z) = Σ_{j=1}^{10} z^j/(2j+1) ≤ 0.0101; the rest < z^11/22 < 7e-19. P's ≤ 6u count for 1 %
    only; the sum u.
    """
    z = 0.25 * (s2 * s2)
    p = np.full_like(z, _ATANH[-1])
    for c in _ATANH[-2::-1]:
        p = p * z + c
    return s2 + s2 * (p * z)


def log(x: Array) -> Kernel:
    """Natural logarithm for x > 0, subnormals included.

    x = 2^e·m exactly, m in [√½, √2); m − 1 is exact (Sterbenz), s = (m−1)/(m+1) has 2u, log m 3.2u. e ≠ 0:
    e·LN2_HI is exact, |log x| ≥ 0.346, error 3.2u·0.347 + u·0.35 (inner sum) + u|v| ≤ 5.3u|v|. Claimed 7u;
    log 1 = 0 exactly.
    """
    with quiet():
        m, e = np.frexp(x)
        low = m < 0.7071067811865476
        m = np.where(low, m + m, m)
        k = e.astype(np.float64) - low
        f = m - 1.0
        v = k * LN2_HI + (_log_ratio((f + f) / (m + 1.0)) + k * LN2_LO)
        return v, np.abs(v) * (7.0 * U)


def log1p(y: Array) -> Kernel:
    """log(1 + y) for y > −1, relatively accurate also near 0.

    −0.29 < y < 0.41: artanh form with s = y/(2+y): 2u + 1.2u, |s| ≤ 0.171. Else w + c = 1 + y exactly
    (TwoSum) and log(1+y) = log w + c/w + O(u²), |c/w| ≤ u: 7u + 2u (quotient's share and sum), |v| ≥ 0.34.
    Claimed 10u; η for subnormal y.
    """
    with quiet():
        near = (y > -0.29) & (y < 0.41)
        t = np.where(near, y, 0.0)
        v = _log_ratio((t + t) / (2.0 + t))  # 2t first: t/(2 + t) could round to 0
        if not near.all():
            w, c = two_sum(1.0, np.where(near, 1.0, y))
            c = np.where(np.isfinite(c), c, 0.0)
            far, _ = log(w)
            v = np.where(near, v, far + c / w)
        return v, np.abs(v) * (10.0 * U) + ETA


def quadrant(x: Array) -> tuple[Array, Array, Array]:
    """(n mod 4 as float64, r, err): |x − n·π/2 − r| ≤ err, |r| ≤ π/4 + tiny, for every finite x.

    Up to 2^19 three-part reduction: n·P1 and x − n·P1 are exact, n·P2 is exact; the remaining sums lose u|r|
    and below 2^-97 in all. Beyond, exact integer arithmetic with 1,184 bits of π (Machin), element by
    element.
    """
    with quiet():
        small = np.abs(x) <= _SMALL_ANGLE
        t = np.where(small, x, 0.0)
        n = np.rint(t * INV_PIO2)
        # x − n·P1 is exact: a multiple of 2^-52·ulp scale of the smaller operand, below 0.8 + 2^-14. Then (a,
        # b) = TwoSum, exact.
        a, b = two_sum(t - n * PIO2_1, -(n * PIO2_2))
        # b − n·P3: |b| ≤ u, |n·P3| < 2^-48: rounding of product and sum below 2^-100, n·δ < 2^-98.
        r = a + (b - n * PIO2_3)
        err = np.where(n == 0, 0.0, np.abs(r) * U + 2.0**-97)  # n = 0: r is x
        q = n - 4.0 * np.floor(n * 0.25)
        if not small.all():
            # C order, so that ravel() is a view that can be written.
            q, r, err = (np.array(v, order="C") for v in (q, r, err))
            for i in np.flatnonzero(~small.ravel()):
                qi, ri = _reduce_large(float(x.ravel()[i]))
                q.ravel()[i], r.ravel()[i] = qi, ri
                err.ravel()[i] = abs(ri) * 2.0 * U + 2.0**-158
        # u·|r| + … is itself rounded; one more unit in the last place of a tiny number.
        return q, r, err * (1.0 + 2.0**-50)


def sincos(r: Array, err: Array) -> tuple[Kernel, Kernel]:
    """Enclosures of sin and cos of every number within err of r, |r| ≤ 0.79.

    sin: r + r·(z·Q), |zQ| ≤ 0.11: 1.7u relative, Taylor rest r^19/19! < 1e-19. Claimed 3u. cos: (1 − z/2) +
    z²R: z/2 ≤ 0.313: ≤ 1.9u absolute, rest r^18/18! < 3e-18; |cos| ≥ 0.7: ≤ 2.8u. Claimed 4u. Both functions
    have slope ≤ 1: err is added.
    """
    z = r * r
    p = np.full_like(z, _SIN[-1])
    for c in _SIN[-2::-1]:
        p = p * z + c
    s = r + r * (z * p)
    q = np.full_like(z, _COS[-1])
    for c in _COS[-2::-1]:
        q = q * z + c
    w = (1.0 - 0.5 * z) + (z * z) * q
    return (s, np.abs(s) * (4.0 * U) + err * (1.0 + 2.0**-50) + ETA), (
        w,
        np.abs(w) * (5.0 * U) + err * (1.0 + 2.0**-50),
    )


def _factorials(start: int, last: int) -> list[float]:
    out, sign = [], -1.0 if (start // 2) % 2 else 1.0
    f = 1
    for j in range(1, last + 1):
        f *= j
        if j >= start and (j - start) % 2 == 0:
            out.append(sign / f)  # f < 2^53 or rounded once by int → float: relative error ≤ 2u in all
            sign = -sign
    return out


_SIN = _factorials(3, 17)
_COS = _factorials(4, 16)


@cache
def _half_pi_bits() -> int:
    """π/2·2^1184 within 2 units: Machin's 16·atan(1/5) − 4·atan(1/239) in integers with 40 guard bits."""
    one = 1 << (_PI_BITS + 40)

    def atan_inverse(q: int) -> int:
        total, term, k = 0, one // q, 1
        while term:
            total += term // k if k % 4 == 1 else -(term // k)
            term //= q * q
            k += 2
        return total

    # Each of < 1,000 truncated terms loses < 2 units of 2^-1224, times 16: far below 2^-40.
    return (16 * atan_inverse(5) - 4 * atan_inverse(239)) >> 41


def _reduce_large(x: float) -> tuple[float, float]:
    """(n mod 4, r) for 2^19 < |x|, r within 2u|r| + 2^-158 of x − n·π/2, by integers.

    n < 2^1024 and π/2 is known to 2^-1183: the remainder to 2^-159; it is cut to 2^-160 and then rounded once
    to a double.
    """
    numerator, denominator = abs(x).as_integer_ratio()
    p = _half_pi_bits()
    shifted = (numerator << _PI_BITS) // denominator  # exact: the denominator is a power of two ≤ 2^33
    n, rest = divmod(2 * shifted + p, 2 * p)
    rest = (rest - p) >> 1
    r = float(rest >> (_PI_BITS - 160)) * 2.0**-160
    if x < 0:
        n, r = -n, -r
    return float(n % 4), r
