"""λ_min of the NTK over a ball of a network with one hidden layer: the budget shared between the neurons.

Claim id: neuron_budget. Σ_r t_r² ≤ ρ² is all an adversary inside B(θ0, ρ) can spend, t_r being the change of neuron r's
parameters (w_r, b_r, v_r). Spending it on the neuron with the largest output weight hurts only that neuron's share of Θ.

Statement. F(x) = V σ(W x + b) + const, one hidden layer, identity output. For every m' > 0 put k_r = m'/(m' + ω_r) with
the ω_r below. Then for every ρ ≥ 0 and every θ in B(θ0, ρ)
    Θ(θ) ⪰ Ψ(m') − m'ρ²·I,   Ψ(m') = Σ_r k_r J_r J_rᵀ + Θ_out,
J_r (N × p_r) the Jacobian columns of neuron r at θ0, Θ_out = c_2² (11ᵀ ⊗ I_k) the output bias' share (constant). Hence
λ_min(Θ(θ)) ≥ λ_min(Ψ(m')) − m'ρ²: one parabola in ρ per m', and the maximum over any set of m' is a valid bound.

Derivation. Let J_r + D_r be neuron r's Jacobian at θ. Young: for 0 < τ ≤ 1
    (J + D)(J + D)ᵀ ⪰ (1 − τ) JJᵀ − (1/τ − 1) DDᵀ,
because (√τ J + D/√τ)(√τ J + D/√τ)ᵀ ⪰ 0. With ‖D_r‖² ≤ ω_r t_r² and τ_r = ω_r/(m' + ω_r): 1 − τ_r = k_r, 1/τ_r − 1 = m'/ω_r,
so the last term is at least −m' t_r² I (if ω_r = 0 then D_r = 0 and k_r = 1 is right). Sum over r.

ω_r. Let A = A_1 (n × (d+1)), s = s_2, v (k) neuron r's unscaled output weights, t² = t_w² + t_v². D_r has two blocks of columns.
Output weights: s(σ(z'_i) − σ(z_i)) ⊗ I_k; |σ(z') − σ(z)| ≤ S₁|A Δw|, so its norm is at most s S₁‖A‖ t_w.
Input weights: row (i, a) is s(v'_a σ'(z'_i) − v_a σ'(z_i)) a_i = s Δv_a σ'(z'_i) a_i + s v_a (σ'(z'_i) − σ'(z_i)) a_i. The first part is
Δv ⊗ diag(σ'(z'))A, of norm ≤ t_v S₁‖A‖. The second is v ⊗ diag(δ)A with |δ_i| ≤ S₂|a_iᵀΔw|; ‖diag(δ)A‖² = ‖δδᵀ ∘ AAᵀ‖, and since
δδᵀ ⪯ t_w² diag(c) AAᵀ diag(c) with |c_i| ≤ S₂ (write δ = diag(c) A Δw), Schur's product theorem gives
‖δδᵀ ∘ AAᵀ‖ ≤ t_w² ‖diag(c)(AAᵀ ∘ AAᵀ)diag(c)‖ ≤ t_w² S₂² ‖AAᵀ ∘ AAᵀ‖. Together, with p = S₁‖A‖, q_r = ‖v_r‖ S₂ ‖AAᵀ ∘ AAᵀ‖^½,
    ‖D_r‖² ≤ s²[(p t_v + q_r t_w)² + p² t_w²] ≤ s² t² λ_max([[p², p q_r], [p q_r, q_r² + p²]]) = ω_r t²,
    λ_max = p² + q_r²/2 + q_r (p² + q_r²/4)^½   (half the trace 2p² + q², discriminant q²/4·(q² + 4p²)).
S₁ = sup|σ'|, S₂ = sup|σ''| over R.

From above (claim neuron_budget_upper). For m'' > max_r ω_r, (J + D)(J + D)ᵀ ⪯ (1 + τ)JJᵀ + (1 + 1/τ)DDᵀ with τ_r = ω_r/(m'' − ω_r) gives
    ‖J(θ)‖² ≤ λ_max(Σ_r (m''/(m'' − ω_r)) J_r J_rᵀ + Θ_out) + m''ρ².

Other inputs (claim inputs_nearby; a linearisation with a spread). Both hold for every data set whose inputs lie within ε with ω_r from ‖A‖ + √n·α and
‖AAᵀ ∘ AAᵀ‖^½ + (Σ_i (α(2‖a_i‖ + α))²)^½ (AAᵀ ∘ AAᵀ is the Gram matrix of the rows a_i ⊗ a_i), (√λ_min(Ψ) − D_J)² for λ_min(Ψ), as k_r ≤ 1, and
(√λ_max + D_J·max_r√(m''/(m'' − ω_r)))² from above.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from verify.arrays import (
    Ball,
    Rows,
    gram,
    guesses,
    largest_eigenvalue,
    schur_of_grams,
    sqrt,
    sqrt_of_nonnegative,
)
from verify.arrays.stacks import smallest_eigenvalues
from verify.errors import InputError
from verify.networks.inputs import kept, lost
from verify.networks.layers.norms import row_norms
from verify.networks.linearisation import Linearisation

__all__ = ["NeuronBudget", "Parabola", "highest", "useful"]

_EXTENSIONS = 8
# Of how many numbers kernels may be made at once: beyond a processor's cache that is no faster.
_ENTRIES = 2**17
# m'' of the bounds from above, in units of the largest ω_r.
_ABOVE = (1.1, 1.3, 1.7, 2.5, 4.0, 8.0, 20.0)


def _repeat(matrix: np.ndarray, k: int) -> np.ndarray:
    """Repeat each entry into a k × k block."""
    return matrix if k == 1 else np.kron(matrix, np.ones((k, k)))


def _repeated(rows: Rows, count: int) -> Rows:
    """The same rows `count` times, one copy below the other."""
    return Rows(np.tile(rows.mid, (count, 1)), np.tile(rows.err, count), np.tile(rows.sup, count))


@dataclass(frozen=True)
class Parabola:
    """λ_min(Θ(θ)) ≥ intercept − weight·ρ² on B(θ0, ρ), for every ρ; both exact doubles. From above: ‖J(θ)‖² ≤ intercept + weight·ρ²."""

    weight: float
    intercept: float

    def __call__(self, radius: Ball) -> Ball:
        """Enclose the parabola's value at `radius`."""
        return Ball(self.intercept) - Ball(self.weight) * radius * radius


class NeuronBudget:
    """Parabolas of claim neuron_budget for one linearisation (derivation in the module's docstring)."""

    @staticmethod
    def applies(state: Linearisation) -> bool:
        """Whether the network has exactly one hidden layer, twice differentiable, and an identity output."""
        if not state.network.is_chain:
            return False
        layers = state.network.chain
        return len(layers) == 2 and layers[1].activation.is_identity and layers[0].activation.pieces is None

    def __init__(self, state: Linearisation) -> None:
        """Compute ω_r for every neuron."""
        if not self.applies(state):
            raise InputError(
                "neuron_budget needs exactly one hidden layer, twice differentiable, and an identity output layer"
            )
        hidden, output = state.network.chain
        self._state = state
        s1 = Ball(hidden.activation.supremum(1))
        s2 = Ball(hidden.activation.supremum(2))
        inputs = self._inputs
        size, squares = state.data_norm, sqrt_of_nonnegative(largest_eigenvalue(inputs * inputs))
        if state.spread is not None:
            moved = state.spread.data[0]
            size = size + state.spread.rows(0, state.n)
            squares = squares + (moved * (row_norms(state.a_rows[0]) * Ball(2.0) + moved)).norm()
        p = s1 * size
        v = Ball(output.weight).norm(axis=0)
        q = v * s2 * squares
        scale_squared = Ball(1.0) / Ball(float(output.inverse_square_scale))
        omega = scale_squared * (p * p + q * q * Ball(0.5) + q * sqrt_of_nonnegative(p * p + q * q * Ball(0.25)))
        self.omega_upper = omega.upper()
        """Upper bounds (m,) of ω_r, doubles; infinite where they overflow: such a neuron is given up."""

    @functools.cached_property
    def _inputs(self) -> Ball:
        """A_1A_1ᵀ (n, n)."""
        return gram(self._state.A[0])

    def parabola(self, weight: float) -> Parabola:
        """Return the bound for m' = `weight` (an exact double > 0).

        The intercept is a certified lower bound of λ_min(Ψ(m')); it may be negative.
        """
        return self.proved([weight])[0]

    def proved(self, weights: Sequence[float]) -> tuple[Parabola, ...]:
        """Return :meth:`parabola` at each of `weights`: of few samples, all of them cost little more than one."""
        for weight in weights:
            if not 0.0 < weight < float("inf"):
                raise InputError(f"weight={weight!r}: expected a finite number > 0")
        state = self._state
        # Any smaller k_r ≥ 0 is valid too (J_r J_rᵀ ⪰ 0): the square of an exact double below its root.
        roots = np.clip(sqrt(Ball(self.shares(np.array(weights)[:, None]))).lower(), 0.0, 1.0)
        several = 1 < len(roots) <= _ENTRIES // self._entries
        kernels = self._kernels(roots) if several else map(self._kernel, roots)
        eigenvalues = smallest_eigenvalues(kernels, state.n * state.network.outputs)
        lows = [float(value.lower()) for value in eigenvalues]
        if state.spread is not None:
            lows = [lost(low, state.spread.jacobian) for low in lows]
        return tuple(Parabola(weight, low) for weight, low in zip(weights, lows, strict=True))

    @property
    def _entries(self) -> int:
        """Numbers that one kernel is made from."""
        rows = (*self._state.a_rows, *self._state.b_rows)
        return sum(one.mid.size for one in rows) + (self._state.n * self._state.network.outputs) ** 2

    def _kernel(self, root: np.ndarray) -> Ball:
        """Enclose Σ_r root_r² J_r J_rᵀ + Θ_out."""
        state = self._state
        terms = [(state.a_rows[0], self._weighted(state.b_rows[0], root)), self._outgoing(root)]
        return schur_of_grams(terms, state.network.outputs)

    def _kernels(self, roots: np.ndarray) -> Ball:
        """Enclose :meth:`_kernel` at each of `roots` (f, m), all at once, (f, N, N): of few samples in the time of two."""
        state, count = self._state, len(roots)
        outgoing = None if state.network.outputs == 1 else _repeated(state.b_rows[1], count)
        terms = [
            (_repeated(state.a_rows[0], count), self._all_weighted(state.b_rows[0], roots)),
            (self._all_weighted(state.a_rows[1], roots), outgoing),
        ]
        return schur_of_grams(terms, state.network.outputs, count)

    def _all_weighted(self, rows: Rows, roots: np.ndarray) -> Rows:
        """:meth:`_weighted` with each of `roots` (f, m), one below the other."""
        columns, count = rows.mid.shape[1], len(roots)
        factors = np.concatenate([roots, np.ones((count, columns - roots.shape[1]))], axis=1)
        bounds = np.repeat(factors.max(axis=1), rows.mid.shape[0])
        return _repeated(rows, count).schur(Rows(np.repeat(factors, self._state.n, axis=0)), bounds)

    def above(self, radius: float) -> tuple[Parabola, ...]:
        """Return the certified bound of ‖J‖² from above that is best at `radius`, if any holds: claim neuron_budget_upper."""
        largest = float(self.omega_upper.max())
        if not 0.0 < largest < float("inf"):
            return ()
        weights = [factor * largest for factor in _ABOVE]
        found = self.parabola_above(min(weights, key=lambda w: self._approx_top(w) + w * radius * radius))
        return (found,) if found.intercept < float("inf") else ()

    def parabola_above(self, weight: float) -> Parabola:
        """Return the bound of ‖J‖² for m'' = `weight`, an exact double above every ω_r."""
        if not float(self.omega_upper.max()) < weight < float("inf"):
            raise InputError(f"weight={weight!r}: expected a finite number above every ω_r")
        roots, spread = self._roots_above(weight), self._state.spread
        largest = float(largest_eigenvalue(self._kernel(roots)).upper())
        if spread is None:
            return Parabola(weight, largest)
        return Parabola(weight, kept(largest, spread.jacobian * Ball(max(float(roots.max()), 1.0))))

    def _roots_above(self, weight: float) -> np.ndarray:
        """Upper bounds (m,) of (m''/(m'' − ω_r))^½ for m'' = `weight`."""
        return np.asarray(sqrt(Ball(weight) / (Ball(weight) - Ball(self.omega_upper))).upper())

    def _approx_top(self, weight: float) -> float:
        """The midpoints' intercept of :meth:`parabola_above`."""
        roots = np.sqrt(weight / (weight - self.omega_upper))
        return float(np.linalg.eigvalsh(self._approx_kernel(roots))[-1])

    def shares(self, weight: float | np.ndarray) -> np.ndarray:
        """Return lower bounds (m,) of k_r = m'/(m' + ω_r) for m' = `weight`, doubles in [0, 1]; (f, m) for f of them, (f, 1)."""
        known = np.isfinite(self.omega_upper)
        omega = Ball(np.where(known, self.omega_upper, 0.0))
        kept = np.where(known, (Ball(weight) / (Ball(weight) + omega)).lower(), 0.0)
        return np.maximum(kept, 0.0)

    def _weighted(self, rows: Rows, root: np.ndarray) -> Rows:
        """Multiply neuron r's column by the exact root_r ≥ 0; a bias column, the last one, stays."""
        columns = rows.mid.shape[1]
        factor = np.concatenate([root, np.ones(columns - root.size)])
        return rows.schur(Rows(np.broadcast_to(factor, (self._state.n, columns))), float(factor.max()))

    def _outgoing(self, root: np.ndarray) -> tuple[Rows, Rows | None]:
        """The output layer's term of Ψ."""
        state = self._state
        return self._weighted(state.a_rows[1], root), None if state.network.outputs == 1 else state.b_rows[1]

    def approx_parabolas(self, radius: float) -> tuple[Parabola, ...]:
        """Guess parabolas that are good near `radius` and below: :meth:`parabola` at the same weights proves (almost) the same.

        A coarse geometric grid of weights m' above the typical ω_r, extended while its end is the best, then refined twice around the
        best one; in ordinary floating point. (λ_min(Ψ(m')) is concave in m': there is one best weight.)
        """
        middle = float(np.median(self.omega_upper))
        if not 0.0 < middle < float("inf"):
            return ()
        found: dict[float, Parabola] = {}

        def best_after(weights: Iterable[float]) -> float:
            new = [weight for weight in weights if weight not in found]
            roots = np.sqrt(self.shares(np.array(new)[:, None]))
            found.update((weight, self._approx_parabola(weight, root)) for weight, root in zip(new, roots, strict=True))
            return max(found.values(), key=lambda p: p.intercept - p.weight * radius * radius).weight

        best = best_after(middle * 3.2**j for j in range(5))
        for _ in range(_EXTENSIONS):
            if min(found) < best < max(found):
                break
            best = best_after([best / 3.2, best * 3.2])
        for ratio in (1.8, 1.2):
            best = best_after([best / ratio, best * ratio])
        return tuple(p for _, p in sorted(found.items()) if p.intercept > 0.0)

    def _approx_parabola(self, weight: float, root: np.ndarray) -> Parabola:
        """The midpoints of :meth:`parabola`; `root`: about √k_r."""
        return Parabola(weight, guesses.smallest_eigenpair(self._approx_kernel(root)).value)

    def _approx_kernel(self, root: np.ndarray) -> np.ndarray:
        """The midpoints of Σ_r root_r² J_r J_rᵀ + Θ_out."""
        state, k = self._state, self._state.network.outputs
        # A product with its own transpose costs half.
        inner, features = state.b_rows[0].mid * root, np.array(state.a_rows[1].mid)
        features[:, : root.size] *= root
        outgoing = _repeat(features @ features.T, k)
        if k > 1:
            outgoing = outgoing * (state.b_rows[1].mid @ state.b_rows[1].mid.T)
        return np.asarray((inner @ inner.T) * _repeat(self._inputs.mid, k) + outgoing)

    def parabolas(self, radius: float) -> tuple[Parabola, ...]:
        """Return certified parabolas that are good near `radius` and below (guesses place them; each is proved by itself)."""
        weights = [p.weight for p in self.approx_parabolas(radius)]
        return tuple(p for p in self.proved(weights) if p.intercept > 0.0)


def highest(parabolas: Sequence[Parabola], radii: Ball) -> Float[np.ndarray, " m"]:
    """Lower ends (m,) of the highest of the parabolas at each of `radii` (m,), one at least; all of them in three operations."""
    intercepts, weights = np.array([[[p.intercept] for p in parabolas], [[p.weight] for p in parabolas]])
    return np.asarray((Ball(intercepts) - Ball(weights) * radii * radii).lower().max(axis=0))


def useful(parabolas: Sequence[Parabola], radii: Sequence[float]) -> tuple[Parabola, ...]:
    """Return the parabolas i − wr² that are the largest, and positive, at one of the radii at least, in the given order."""
    values = [[p.intercept - p.weight * r * r for p in parabolas] for r in radii]
    best = {max(range(len(row)), key=row.__getitem__) for row in values if row and max(row) > 0.0}
    return tuple(parabolas[j] for j in sorted(best))
