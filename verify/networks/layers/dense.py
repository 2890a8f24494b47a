"""The fully connected layer: z = s·W h + c·b."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from verify import arrays
from verify.arrays import Ball, Exact, Rows
from verify.arrays.rounding import ETA, INFLATE, gamma, quiet
from verify.arrays.spectra import perron_upper
from verify.arrays.upper import Upper
from verify.errors import InputError, ShapeError
from verify.networks.layers.layer import Trained, require_arrays
from verify.networks.layers.norms import operator_norm, row_norms
from verify.networks.layers.values import GramTerm, Mask, Shape, SpectralNorm, Value

__all__ = ["Linear", "inverse_root"]


@functools.cache
def inverse_root(square: int) -> Ball:
    """Enclosure of 1/√square; exact when that is a power of 4."""
    root = math.isqrt(square)
    if root * root == square and root & (root - 1) == 0:
        return Ball(Fraction(1, root))  # a power of two: exact
    return Ball(1.0) / arrays.sqrt(Ball(square))


@dataclass(frozen=True)
class Linear(Trained):
    """z = s·W h + c·b, s = weight_scale/√inverse_square_scale, c = bias_scale.

    Attributes:
        weight: W, (fan_out, fan_in) float64, exact. bias: b, (fan_out,) float64, exact, or None.
        inverse_square_scale: the integer 1/s², i.e. 1 for torch.nn.Linear, fan_in for NTKLinear.
        inputs: position of the layer whose value is h; −1 the data.
        frozen: which of "weight", "bias" gradient descent does not move.
        name: the module's name in ``state_dict()``; None where no module was read. Not part of what the layer computes.
        weight_scale, bias_scale: exact doubles > 0; 1 but for an NTKLinear with weight_std or bias_std.
    """

    kind: ClassVar[str] = "linear"
    weight: Float[np.ndarray, "fan_out fan_in"]
    bias: Float[np.ndarray, " fan_out"] | None
    inverse_square_scale: int = 1
    inputs: tuple[int, ...] = (-1,)
    frozen: tuple[str, ...] = ()
    name: str | None = field(default=None, compare=False)
    weight_scale: float = 1.0
    bias_scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse shapes that would broadcast, and what is no exact finite matrix."""
        w, b, q = self.weight, self.bias, self.inverse_square_scale
        require_arrays(self, "linear layer")
        if w.ndim != 2 or 0 in w.shape or (b is not None and b.shape != w.shape[:1]):
            # torch would broadcast a bias of another shape: one number would be counted as many.
            shape = None if b is None else b.shape
            raise ShapeError(f"linear layer: weight {w.shape} and bias {shape}; expected (m, d) with d, m ≥ 1 and (m,)")
        if not (isinstance(q, int) and q >= 1):
            raise InputError(f"linear layer: inverse_square_scale={q!r}, expected an integer ≥ 1")
        for name, scale in (("weight_scale", self.weight_scale), ("bias_scale", self.bias_scale)):
            if type(scale) is not float or not 0.0 < scale < math.inf:
                raise InputError(f"linear layer: {name}={scale!r}, expected a finite double > 0")

    @property
    def scale(self) -> Ball:
        """Enclosure of s."""
        root = inverse_root(self.inverse_square_scale)
        return root if self.weight_scale == 1.0 else root * Ball(self.weight_scale)

    @property
    def is_unscaled(self) -> bool:
        """Whether s = 1/√inverse_square_scale and c = 1."""
        return self.weight_scale == self.bias_scale == 1.0

    @functools.cached_property
    def _exact(self) -> Exact:
        """W with the norms that products need."""
        return Exact(self.weight)

    @property
    def overlap(self) -> Upper:
        """κ = s."""
        return Upper(0.0 if "weight" in self.frozen else self.scale)

    def shape(self, *below: Shape) -> Shape:
        """(fan_out,)."""
        if below != (self.weight.shape[1:],):
            raise ShapeError(
                f"linear layer: inputs of shape {', '.join(map(str, below))}; expected ({self.weight.shape[1]},)"
            )
        return (int(self.weight.shape[0]),)

    def value(self, *below: Value) -> tuple[Value, Rows | None]:
        """Z (n, fan_out); saved: A = [s·h, c], the columns whose parameters train, None where none does."""
        (h,) = below
        scaled = h.rows.scaled(self.scale)
        z = scaled.times(self._exact)
        if self.bias is not None:
            z = self._with_bias(z, self.bias)
        return Value(z, (int(self.weight.shape[0]),)), self.data_operator(scaled)

    def _with_bias(self, z: Rows, bias: Float[np.ndarray, " fan_out"]) -> Rows:
        """Z + c·b, in the product's own rounding."""
        if self.bias_scale == 1.0:
            return z.plus(bias)
        scaled = Ball(bias) * Ball(self.bias_scale)
        wide = (np.broadcast_to(part, z.mid.shape) for part in (scaled.mid, scaled.rad))
        return z.added(Rows.of(Ball(*wide)))

    def data_operator(self, scaled: Rows) -> Rows | None:
        """A from s·h: z is linear in the trained parameters with these rows as coefficients, the same for every unit."""
        trained = self.trained
        if "weight" in trained:
            return scaled.with_column(self.bias_scale) if "bias" in trained else scaled
        return Rows(np.full((scaled.mid.shape[0], 1), self.bias_scale)) if "bias" in trained else None

    def vanishing(self, below: tuple[Shape, ...], *masks: Mask) -> Mask:
        """All units of a sample that is 0, where there is no bias."""
        still = np.asarray(masks[0].all(axis=1) & (self.bias is None))
        return np.repeat(still[:, None], self.weight.shape[0], axis=1)

    def pullback(self, saved: Rows | None, below: tuple[Shape, ...], g: Value) -> tuple[Value, ...]:
        """G_u = s·G W."""
        # The product belongs to nobody else.
        return (Value(g.rows.times(self._exact.T).scaled(self.scale, in_place=True), below[0]),)

    def data_norms(self, saved: Rows | None, samples: int, norm: SpectralNorm) -> tuple[Upper, Upper]:
        """‖A‖ and its rows' norms."""
        if saved is None:
            return Upper(0.0), Upper(np.zeros(samples))
        return Upper(operator_norm(saved, norm)), Upper(row_norms(saved))

    def weight_norm(self, below: Shape, norm: SpectralNorm) -> Upper:
        """s‖W‖."""
        return Upper(norm(Ball(self.weight))) * Upper(self.scale)

    def gram_term(self, saved: Rows | None, g: Value, k: int) -> GramTerm:
        """(BBᵀ) ∘ (AAᵀ ⊗ 11ᵀ): the gradient of output (i, a) is the outer product B_{ia} ⊗ a_i (claim ntk_layer_sum)."""
        assert saved is not None
        b = g.rows
        # One unit of sensitivity exactly 1 to the only output, as at the end of a network with one output: BBᵀ = 1.
        ones = k == 1 and b.mid.shape[1] == 1 and not b.err.any() and bool((b.mid == 1.0).all())
        return saved, None if ones else b

    def pairs_norm(self, saved: Rows | None, gains: np.ndarray, reach: Upper) -> float:
        """√λ_max(P), P_ij = Σ_r ĝ_ir ĝ_jr·(|⟨a_i, a_j⟩| + ‖a_i‖d_j + d_i‖a_j‖ + d_id_j), d = reach.

        wᵀΔJΔJᵀw = Σ_ij,r (w_iδ_ir)(w_jδ_jr)⟨a_i(θ), a_j(θ)⟩ with |w_iδ_ir| ≤ ‖w_i‖ĝ_ir: jumps of different samples add up only where they sit in one unit.
        """
        if saved is None or not gains.any():
            return 0.0
        used = gains[:, gains.any(axis=0)]
        alpha = Upper(row_norms(saved))
        left, right = alpha[:, None], alpha[None, :]
        q = saved.mid.shape[1]
        with quiet():
            mid = np.nextafter(np.abs(saved.mid @ saved.mid.T), np.inf)
        # |⟨a, a'⟩ − fl⟨â, â'⟩| ≤ (γ_q + 2u)αα' + ε‖a'‖ + ‖a‖ε' + qη.
        error = left * right * (2.0 * gamma(q)) + Upper(saved.err)[:, None] * right + left * Upper(saved.err)[None, :]
        moved = left * reach[None, :] + reach[:, None] * right + reach[:, None] * reach[None, :]
        inner = Upper(mid) + error + moved + float(q) * ETA
        with quiet():
            outer = Upper(used @ used.T * (1.0 + 4.0 * gamma(used.shape[1])) * INFLATE + float(used.shape[1]) * ETA)
        pairs = (inner * outer).value
        pairs = np.maximum(pairs, pairs.T)
        return float(Upper(perron_upper(pairs)).root().value) if np.isfinite(pairs).all() else math.inf

    def gradient(self, saved: Rows | None, g: Value, e: Ball, k: int) -> tuple[Ball, ...]:
        """CᵀA, C_i = Σ_a e_ia B_{ia}."""
        if saved is None:
            return ()
        product = g.rows.ball() * e.reshape(-1, 1)
        c = product if k == 1 else product.reshape(saved.mid.shape[0], k, -1).sum(axis=1)
        full = c.T @ saved.ball()
        if "weight" not in self.trained:
            return (full[:, 0],)
        return (full[:, :-1], full[:, -1]) if "bias" in self.trained else (full,)
