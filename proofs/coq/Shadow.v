(** * How far descent moves away from a computed step

    Descent from a point z near c, against a point c' near the step from c: the distance grows by the gain of the linearised step,
    which counts the curvature of the residual's second derivatives from below only, and by terms of second order. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Setting.
Open Scope R_scope.

(** A symmetric form is bounded by its values on the diagonal. *)
Lemma polar {X : InnerSpace} (S : X -> X -> R) N : (forall v w, S v w = S w v) -> (forall v v' w t, S (v ⊕ t ⋅ v') w = S v w + t * S v' w) ->
  (forall v, Rabs (S v v) <= N * ⟨v, v⟩) -> forall v w, Rabs (S v w) <= N * norm w * norm v.
Proof.
  intros Sym Lin Diag v w.
  assert (Z : forall w, S zero w = 0).
  { intros w'. pose proof (Lin zero zero w' 1) as E. replace (zero ⊕ 1 ⋅ zero) with (@zero X) in E; [lra|].
    apply vec_ext. intros t. autorewrite with inner. ring. }
  assert (Null : forall v w, norm v = 0 -> S v w = 0) by (intros a b H; rewrite (norm_0_zero a H); apply Z).
  pose proof (norm_pos v) as Pv. pose proof (norm_pos w) as Pw.
  destruct (Req_dec (norm v) 0) as [E|Nv]; [rewrite (Null v w E), E, Rabs_R0; lra|].
  destruct (Req_dec (norm w) 0) as [E|Nw]; [rewrite Sym, (Null w v E), E, Rabs_R0; lra|].
  set (a := norm v) in *. set (b := norm w) in *.
  assert (Quad : forall t, S (zero ⊕ b ⋅ v ⊕ t ⋅ w) (zero ⊕ b ⋅ v ⊕ t ⋅ w) = b * b * S v v + 2 * b * t * S v w + t * t * S w w).
  { intros t. assert (E : forall w', S (zero ⊕ b ⋅ v ⊕ t ⋅ w) w' = b * S v w' + t * S w w') by (intros; rewrite !Lin, Z; ring).
    rewrite E, (Sym v (_ ⊕ _)), (Sym w (_ ⊕ _)), !E, (Sym w v). ring. }
  assert (Norm : forall t, ⟨zero ⊕ b ⋅ v ⊕ t ⋅ w, zero ⊕ b ⋅ v ⊕ t ⋅ w⟩ = b * b * ⟨v, v⟩ + 2 * b * t * ⟨v, w⟩ + t * t * ⟨w, w⟩).
  { intros t. autorewrite with inner. rewrite (inner_sym _ w v). ring. }
  pose proof (Diag (zero ⊕ b ⋅ v ⊕ a ⋅ w)) as D1. pose proof (Diag (zero ⊕ b ⋅ v ⊕ (- a) ⋅ w)) as D2. rewrite Quad, Norm in D1, D2.
  rewrite <- (norm_sq v), <- (norm_sq w) in D1, D2. fold a b in D1, D2. apply Rabs_le_between in D1, D2.
  assert (Hab : 0 < 4 * (a * b)) by (apply Rmult_lt_0_compat; [lra|apply Rmult_lt_0_compat; lra]).
  apply Rabs_le. split; (apply Rmult_le_reg_l with (4 * (a * b)); [assumption|]); lra.
Qed.

Section Shadow.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R).
Let g := eta * s.

(** The linearised step: I - g (J^T J + H), H between -neg and pos. *)
Lemma linear_gain c (H : X -> X -> R) K neg pos N : 0 <= g -> 0 <= K -> jac_bound M c K ->
  (forall v w, H v w = H w v) -> (forall v v' w t, H (v ⊕ t ⋅ v') w = H v w + t * H v' w) ->
  (forall v, - neg * ⟨v, v⟩ <= H v v <= pos * ⟨v, v⟩) ->
  1 + g * neg <= N -> g * (K * K + pos) <= 1 + N ->
  forall v w, Rabs (⟨v, w⟩ - g * ⟨J M c v, J M c w⟩ - g * H v w) <= N * norm w * norm v.
Proof.
  intros Hg HK Kb Sym Lin Btw N1 N2.
  apply (polar (fun v w => ⟨v, w⟩ - g * ⟨J M c v, J M c w⟩ - g * H v w)).
  - intros v w. rewrite (inner_sym _ v w), (inner_sym _ (J M c v)), Sym. reflexivity.
  - intros v v' w t. rewrite Lin. assert (E : J M c (v ⊕ t ⋅ v') = J M c v ⊕ t ⋅ J M c v').
    { apply vec_ext. intros u. rewrite adjoint, !inner_plus_l, !inner_scal_l, !adjoint. ring. }
    rewrite E. autorewrite with inner. ring.
  - intros v. destruct (Btw v) as [B1 B2]. pose proof (Kb v) as Jv. pose proof (norm_pos v). pose proof (norm_pos (J M c v)).
    pose proof (inner_pos _ v). rewrite <- (norm_sq (J M c v)), <- (norm_sq v) in *.
    assert (norm (J M c v) * norm (J M c v) <= K * norm v * (K * norm v)) by (apply Rmult_le_compat; assumption).
    set (t := norm v * norm v) in *. set (q := norm (J M c v) * norm (J M c v)) in *.
    assert (Q : 0 <= q <= K * K * t) by (unfold q, t in *; split; [apply Rle_0_sqr|lra]).
    assert (g * q <= g * (K * K * t)) by (apply Rmult_le_compat_l; lra). assert (0 <= g * q) by (apply Rmult_le_pos; lra).
    assert (g * H v v <= g * (pos * t)) by (apply Rmult_le_compat_l; lra).
    assert (g * (- neg * t) <= g * H v v) by (apply Rmult_le_compat_l; lra).
    assert ((1 + g * neg) * t <= N * t) by (apply Rmult_le_compat_r; assumption).
    assert (g * (K * K + pos) * t <= (1 + N) * t) by (apply Rmult_le_compat_r; assumption).
    apply Rabs_le. lra.
Qed.

(** One step. [u] is a residual near that of c, c' a point near c - g J(c)^T u. *)
Theorem one_step c z c' (u : Y) (h : X -> R) N K L C dl tau eps :
  0 <= g -> 0 <= N -> 0 <= K -> 0 <= L -> 0 <= C -> norm (z ⊖ c) <= eps ->
  jac_bound M c K -> jac_change M c z (L * norm (z ⊖ c)) ->
  norm (F M z ⊖ F M c ⊖ J M c (z ⊖ c)) <= / 2 * L * norm (z ⊖ c) * norm (z ⊖ c) ->
  norm (residual M y c ⊖ u) <= dl ->
  (forall v, Rabs (⟨v, z ⊖ c⟩ - g * ⟨J M c v, J M c (z ⊖ c)⟩ - g * h v) <= N * norm (z ⊖ c) * norm v) ->
  (forall v, Rabs (⟨v, JT M z u ⊖ JT M c u⟩ - h v) <= C * (norm (z ⊖ c) * norm (z ⊖ c)) * norm v) ->
  norm (c' ⊖ (c ⊖ g ⋅ JT M c u)) <= tau ->
  norm (gd_step M y s eta z ⊖ c') <= N * eps + g * ((3 / 2 * K * L + C + / 2 * L * L * eps) * (eps * eps) + L * dl * eps + K * dl) + tau.
Proof.
  intros Hg HN HK HL HC He Kb Ch Rem Hu Gain Curv Near. pose proof (norm_pos (z ⊖ c)) as P0. pose proof (norm_pos (residual M y c ⊖ u)) as Pd.
  pose proof (norm_pos (c' ⊖ (c ⊖ g ⋅ JT M c u))) as Pt.
  set (D := z ⊖ c) in *. set (de := norm D) in *. set (rest := F M z ⊖ F M c ⊖ J M c D) in *. set (du := residual M y c ⊖ u) in *.
  set (off := c' ⊖ (c ⊖ g ⋅ JT M c u)) in *.
  assert (Pow2 : de * de <= eps * eps) by (apply Rmult_le_compat; lra).
  assert (Pow3 : de * (de * de) <= eps * (eps * eps)) by (apply Rmult_le_compat; try lra; apply Rle_0_sqr).
  assert (KL : 0 <= K * L) by now apply Rmult_le_pos. assert (LL : 0 <= L * L) by now apply Rmult_le_pos.
  assert (Ld : 0 <= L * dl) by (apply Rmult_le_pos; lra). assert (Kd : 0 <= K * dl) by (apply Rmult_le_pos; lra).
  set (quad := (3 / 2 * K * L + C) * (de * de) + / 2 * L * L * (de * (de * de)) + L * dl * de + K * dl).
  assert (Hq : quad <= (3 / 2 * K * L + C + / 2 * L * L * eps) * (eps * eps) + L * dl * eps + K * dl).
  { unfold quad. assert ((3 / 2 * K * L + C) * (de * de) <= (3 / 2 * K * L + C) * (eps * eps)) by (apply Rmult_le_compat_l; lra).
    assert (/ 2 * L * L * (de * (de * de)) <= / 2 * L * L * (eps * (eps * eps))) by (apply Rmult_le_compat_l; lra).
    assert (L * dl * de <= L * dl * eps) by (apply Rmult_le_compat_l; lra). lra. }
  assert (Hq0 : 0 <= quad).
  { unfold quad. assert (0 <= (3 / 2 * K * L + C) * (de * de)) by (apply Rmult_le_pos; [lra|apply Rle_0_sqr]).
    assert (0 <= / 2 * L * L * (de * (de * de))) by (apply Rmult_le_pos; [lra|apply Rmult_le_pos; [assumption|apply Rle_0_sqr]]).
    assert (0 <= L * dl * de) by (apply Rmult_le_pos; lra). lra. }
  apply Rle_trans with (N * de + g * quad + tau).
  2:{ assert (N * de <= N * eps) by (apply Rmult_le_compat_l; assumption). assert (g * quad <= g * ((3 / 2 * K * L + C + / 2 * L * L * eps) * (eps * eps) + L * dl * eps + K * dl)) by (apply Rmult_le_compat_l; lra). lra. }
  apply norm_le_weak.
  { assert (0 <= N * de) by (apply Rmult_le_pos; lra). assert (0 <= g * quad) by (apply Rmult_le_pos; assumption). lra. }
  intros v. pose proof (norm_pos v) as Pv.
  assert (Split : ⟨v, gd_step M y s eta z ⊖ c'⟩ = (⟨v, D⟩ - g * ⟨J M c v, J M c D⟩ - g * h v) - g * ⟨J M c v, rest⟩ - g * ⟨J M c v, du⟩
      - g * (⟨v, JT M z u ⊖ JT M c u⟩ - h v) - g * ⟨J M z v ⊖ J M c v, residual M y z ⊖ u⟩ - ⟨v, off⟩).
  { unfold gd_step, gradient, off, rest, du, D, residual. autorewrite with inner. rewrite <- !adjoint. autorewrite with inner. unfold g. ring. }
  rewrite Split.
  assert (T1 := Gain v). assert (T4 := Curv v).
  assert (Jv : norm (J M c v) <= K * norm v) by apply Kb.
  assert (T2 : Rabs ⟨J M c v, rest⟩ <= / 2 * (K * L) * (de * de) * norm v).
  { eapply Rle_trans; [apply cauchy_schwarz_abs|]. replace (/ 2 * (K * L) * (de * de) * norm v) with (K * norm v * (/ 2 * L * de * de)) by ring.
    apply Rmult_le_compat; try apply norm_pos; assumption. }
  assert (T3 : Rabs ⟨J M c v, du⟩ <= K * dl * norm v).
  { eapply Rle_trans; [apply cauchy_schwarz_abs|]. replace (K * dl * norm v) with (K * norm v * dl) by ring.
    apply Rmult_le_compat; try apply norm_pos; assumption. }
  assert (Ez : norm (residual M y z ⊖ u) <= K * de + / 2 * L * (de * de) + dl).
  { replace (residual M y z ⊖ u) with (J M c D ⊕ (rest ⊕ du)).
    - pose proof (norm_triang (J M c D) (rest ⊕ du)). pose proof (norm_triang rest du). pose proof (Kb D). fold de in H1. lra.
    - apply vec_ext. intros w. unfold rest, du, residual. autorewrite with inner. ring. }
  assert (T5 : Rabs ⟨J M z v ⊖ J M c v, residual M y z ⊖ u⟩ <= (K * L * (de * de) + / 2 * (L * L) * (de * (de * de)) + L * dl * de) * norm v).
  { eapply Rle_trans; [apply cauchy_schwarz_abs|].
    replace ((K * L * (de * de) + / 2 * (L * L) * (de * (de * de)) + L * dl * de) * norm v) with (L * de * norm v * (K * de + / 2 * L * (de * de) + dl)) by ring.
    apply Rmult_le_compat; try apply norm_pos; [apply Ch|exact Ez]. }
  assert (T6 : Rabs ⟨v, off⟩ <= tau * norm v).
  { eapply Rle_trans; [apply cauchy_schwarz_abs|]. rewrite Rmult_comm. apply Rmult_le_compat_r; assumption. }
  apply Rabs_le_between in T1, T2, T3, T4, T5, T6.
  set (a1 := ⟨v, D⟩ - g * ⟨J M c v, J M c D⟩ - g * h v) in *. set (a2 := ⟨J M c v, rest⟩) in *. set (a3 := ⟨J M c v, du⟩) in *.
  set (a4 := ⟨v, JT M z u ⊖ JT M c u⟩ - h v) in *. set (a5 := ⟨J M z v ⊖ J M c v, residual M y z ⊖ u⟩) in *. set (a6 := ⟨v, off⟩) in *.
  clearbody a1 a2 a3 a4 a5 a6 rest du off.
  assert (B : - (a2 + a3 + a4 + a5) <= quad * norm v) by (unfold quad; lra).
  assert (g * - (a2 + a3 + a4 + a5) <= g * (quad * norm v)) by (apply Rmult_le_compat_l; assumption). lra.
Qed.
End Shadow.
