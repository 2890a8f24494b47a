(** * Mean value inequalities for F along a segment

    Each is the real inequality of [Segment.v] applied to t -> <w, F(th + t v)>. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Segment Setting.
Open Scope R_scope.

Section MeanValue.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Implicit Types th v : X.

(** |F(th + T v) - F(th) - T J(th) v| <= G(T) - G(0) when |(J(th + t v) - J(th)) v| <= G'(t). *)
Lemma taylor1 th v T (G G' : R -> R) :
  0 <= T ->
  (forall t, 0 <= t <= T -> differentiable_at M (th ⊕ t ⋅ v)) ->
  (forall t, 0 <= t <= T -> is_derive G t (G' t)) ->
  (forall t, 0 <= t <= T -> norm (J M (th ⊕ t ⋅ v) v ⊖ J M th v) <= G' t) ->
  norm (F M (th ⊕ T ⋅ v) ⊖ F M th ⊖ T ⋅ J M th v) <= G T - G 0.
Proof.
  intros HT Hd HG Hb.
  assert (E0 : th ⊕ 0 ⋅ v = th) by (apply vec_ext; intros; autorewrite with inner; ring).
  (* the majorant is non-decreasing, so the right-hand side is >= 0 *)
  assert (Hpos : 0 <= G T - G 0).
  { pose proof (mean_value_majorant (fun _ => 0) (fun _ => 0) G G' T HT) as Hm.
    assert (0 - 0 <= G T - G 0); [|lra]. apply Hm; [|assumption|].
    - intros t _. apply (@is_derive_const R_AbsRing R_NormedModule).
    - intros t Ht. eapply Rle_trans; [|now apply Hb]. apply norm_pos. }
  apply norm_le_weak; [assumption|]. intros w. pose proof (norm_pos w) as Hw.
  pose proof (mean_value_majorant
    (fun t => ⟨w, F M (th ⊕ t ⋅ v)⟩ - t * ⟨w, J M th v⟩)
    (fun t => ⟨w, J M (th ⊕ t ⋅ v) v⟩ - ⟨w, J M th v⟩)
    (fun t => norm w * G t) (fun t => norm w * G' t) T HT) as Hm.
  cbn beta in Hm. rewrite E0 in Hm. autorewrite with inner.
  assert (⟨w, F M (th ⊕ T ⋅ v)⟩ - T * ⟨w, J M th v⟩ - (⟨w, F M th⟩ - 0 * ⟨w, J M th v⟩)
          <= norm w * G T - norm w * G 0); [|lra].
  apply Hm.
  - intros t Ht.
    apply (is_derive_minus (fun u : R => ⟨w, F M (th ⊕ u ⋅ v)⟩) (fun u => u * ⟨w, J M th v⟩)).
    + now apply derive_F, Hd.
    + apply (is_derive_ext (fun u => 0 + ⟨w, J M th v⟩ * u)); [intros u; cbn; ring|apply derive_affine].
  - intros t Ht. apply (is_derive_scal G); [now apply HG].
  - intros t Ht. rewrite <- inner_minus_r. eapply Rle_trans; [apply cauchy_schwarz|].
    apply Rmult_le_compat_l; [assumption|now apply Hb].
Qed.

(** The remainder of one step: J changes by at most D along it, ... *)
Lemma step_remainder_change th v D :
  (forall t, 0 <= t <= 1 -> differentiable_at M (th ⊕ t ⋅ v)) ->
  (forall t, 0 <= t <= 1 -> norm (J M (th ⊕ t ⋅ v) v ⊖ J M th v) <= D * norm v) ->
  norm (F M (th ⊕ 1 ⋅ v) ⊖ F M th ⊖ 1 ⋅ J M th v) <= D * norm v.
Proof.
  intros Hd Hb. replace (D * norm v) with (D * norm v * 1 - D * norm v * 0) by ring.
  apply (taylor1 th v 1 (fun t => D * norm v * t) (fun _ => D * norm v)); try assumption; [lra|].
  intros t _. apply (is_derive_ext (fun u => 0 + D * norm v * u)); [intros u; cbn; ring|apply derive_affine].
Qed.

(** ... or J is L-Lipschitz along it. *)
Lemma step_remainder_lipschitz th v L :
  (forall t, 0 <= t <= 1 -> differentiable_at M (th ⊕ t ⋅ v)) ->
  (forall t, 0 <= t <= 1 -> norm (J M (th ⊕ t ⋅ v) v ⊖ J M th v) <= L * (t * norm v) * norm v) ->
  norm (F M (th ⊕ 1 ⋅ v) ⊖ F M th ⊖ 1 ⋅ J M th v) <= / 2 * L * norm v * norm v.
Proof.
  intros Hd Hb.
  replace (/ 2 * L * norm v * norm v)
    with (/ 2 * L * norm v * norm v * (1 * 1) - / 2 * L * norm v * norm v * (0 * 0)) by ring.
  apply (taylor1 th v 1 (fun t => / 2 * L * norm v * norm v * (t * t))
           (fun t => L * (t * norm v) * norm v)); try assumption; [lra|].
  intros t _. replace (L * (t * norm v) * norm v) with (2 * (/ 2 * L * norm v * norm v) * t) by field.
  apply derive_square.
Qed.

(** F is Lipschitz where J is bounded. *)
Lemma F_lipschitz th v K :
  (forall t, 0 <= t <= 1 -> differentiable_at M (th ⊕ t ⋅ v)) ->
  (forall t, 0 <= t <= 1 -> norm (J M (th ⊕ t ⋅ v) v) <= K * norm v) ->
  0 <= K ->
  norm (F M (th ⊕ 1 ⋅ v) ⊖ F M th) <= K * norm v.
Proof.
  intros Hd Hb HK.
  assert (E0 : th ⊕ 0 ⋅ v = th) by (apply vec_ext; intros; autorewrite with inner; ring).
  pose proof (norm_pos v).
  apply norm_le_weak; [nra|]. intros w. pose proof (norm_pos w) as Hw.
  pose proof (mean_value_majorant
    (fun t => ⟨w, F M (th ⊕ t ⋅ v)⟩) (fun t => ⟨w, J M (th ⊕ t ⋅ v) v⟩)
    (fun t => norm w * (K * norm v) * t) (fun t => norm w * (K * norm v)) 1) as Hm.
  cbn beta in Hm. rewrite E0 in Hm. rewrite inner_minus_r.
  assert (⟨w, F M (th ⊕ 1 ⋅ v)⟩ - ⟨w, F M th⟩
          <= norm w * (K * norm v) * 1 - norm w * (K * norm v) * 0); [|nra].
  apply Hm; [lra| | |].
  - intros t Ht. now apply derive_F, Hd.
  - intros t _. apply (is_derive_ext (fun u => 0 + norm w * (K * norm v) * u)); [intros u; cbn; ring|].
    apply derive_affine.
  - intros t Ht. eapply Rle_trans; [apply cauchy_schwarz|].
    apply Rmult_le_compat_l; [assumption|now apply Hb].
Qed.

(** The same between two points. *)
Lemma one_step th v : th ⊕ 1 ⋅ v = th ⊕ v.
Proof. apply vec_ext. intros. autorewrite with inner. ring. Qed.

Lemma segment_end th th' : th ⊕ 1 ⋅ (th' ⊖ th) = th'.
Proof. apply vec_ext. intros. autorewrite with inner. ring. Qed.

(** F between two points of a ball, to second order. *)
Lemma remainder_lipschitz c r L z z' :
  (forall x, in_ball c r x -> differentiable_at M x) ->
  (forall x x', in_ball c r x -> in_ball c r x' -> jac_change M x x' (L * norm (x' ⊖ x))) ->
  in_ball c r z -> in_ball c r z' -> norm (F M z' ⊖ F M z ⊖ J M z (z' ⊖ z)) <= / 2 * L * norm (z' ⊖ z) * norm (z' ⊖ z).
Proof.
  intros Hd Hl Hz Hz'. set (v := z' ⊖ z).
  assert (Hseg : forall t, 0 <= t <= 1 -> in_ball c r (z ⊕ t ⋅ v)).
  { intros t Ht. apply in_ball_segment with (T := 1); try assumption. unfold v. now rewrite segment_end. }
  assert (Hone : F M z' ⊖ F M z ⊖ J M z v = F M (z ⊕ 1 ⋅ v) ⊖ F M z ⊖ 1 ⋅ J M z v).
  { unfold v. rewrite segment_end. apply vec_ext. intros w. autorewrite with inner. ring. }
  rewrite Hone. apply (step_remainder_lipschitz z v L); [auto|].
  intros t Ht. eapply Rle_trans; [apply (Hl z (z ⊕ t ⋅ v)); auto|].
  replace (z ⊕ t ⋅ v ⊖ z) with (t ⋅ v) by (apply vec_ext; intros; autorewrite with inner; ring).
  rewrite norm_scal, Rabs_pos_eq by lra. lra.
Qed.

Lemma residual_lipschitz y c r K th th' :
  (forall z, in_ball c r z -> differentiable_at M z) ->
  (forall z, in_ball c r z -> jac_bound M z K) -> 0 <= K ->
  in_ball c r th -> in_ball c r th' ->
  norm (residual M y th' ⊖ residual M y th) <= K * norm (th' ⊖ th).
Proof.
  intros Hd HK HK0 H H'.
  assert (Hseg : forall t, 0 <= t <= 1 -> in_ball c r (th ⊕ t ⋅ (th' ⊖ th))).
  { intros t Ht. apply in_ball_segment with (T := 1); try assumption. now rewrite segment_end. }
  pose proof (F_lipschitz th (th' ⊖ th) K) as HF. rewrite segment_end in HF.
  replace (residual M y th' ⊖ residual M y th) with (F M th' ⊖ F M th).
  - apply HF; try assumption; intros t Ht; [apply Hd|apply HK]; auto.
  - apply vec_ext. intros w. unfold residual. autorewrite with inner. ring.
Qed.
End MeanValue.
