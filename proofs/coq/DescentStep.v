(** * The steps' checker: |J|, curvature, and how far one step of descent goes from the next computed point *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting MeanValue Tanh TanhTaylor Activation TwoLayer Kinks Psd Rows Curve Shadow
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckScalars CheckKernel CheckReference
  Descent DescentForward DescentPoint DescentNext.
Import ListNotations.
Open Scope R_scope.

Lemma max_ge (f : nat -> Z) k i : (i < k)%nat -> (f i <= fold_right Z.max 0 (map f (seq 0 k)))%Z.
Proof.
  intros Hi. assert (G : forall l, In i l -> (f i <= fold_right Z.max 0 (map f l))%Z).
  { induction l as [|a l IH]; intros H; [destruct H|]. cbn [map fold_right]. destruct H as [->|H]; [lia|]. specialize (IH H). lia. }
  apply G, in_seq. lia.
Qed.

Lemma max_nonneg l : (0 <= fold_right Z.max 0 l)%Z.
Proof. induction l as [|a l IH]; cbn [fold_right]; lia. Qed.

Section Step.
Variables (c : problem) (w : witness) (V : vectors) (t : trail) (p : parameters) (S : state) (b : bounds).
Notation n := (samples c).
Notation m := (width c).
Notation wb := (wbits c).
Notation N := (equations c).
Notation s2 := (scale2R c).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation acts := (fun _ _ : nat => act (hidden c)).
Notation dacts := (fun _ _ : nat => dact (hidden c)).
Notation pre_ := (pre RY R1 m (biases c) xs).
Notation lead_ := (lead RY (size c) m (biases c) ys).
Notation B := (IZR (2 ^ wb)).
Notation O := (IZR one).
Notation z := (at_state c S).
Notation D_ r i := (at_ (row (derivatives_at c w t S) r) i).
Notation ed := (IZR (e_der c t)).
Notation kap := (Q2R (in_norm w)).
Notation XX := (gramZ c w V (inputsZ c w)).
Notation eg := (e_gram c (inputsZ c w)).
Notation G := (squares_at c w XX eg).
Hypothesis Hcheck : check c w V = true.
Hypothesis Hok : trail_ok c w t p = true.
Hypothesis Hpoint : point_ok c t S (pres_at c w t S) (sums_at c w t S) = true.
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation tested := (DescentForward.tested c w t p Hok).
Notation B_pos := (DescentForward.B_pos c w V Hcheck).
Notation lead_value := (DescentForward.lead_value c w t p Hok S).
Notation sample_id := (DescentForward.sample_id c w t p Hok).
Notation equations_samples := (DescentForward.equations_samples c w t p Hok).
Notation D_near := (DescentPoint.D_near c w V t p S Hcheck Hok Hpoint).
Notation scalars := (CheckScalars.scalars c w V Hcheck).
Notation s2_pos := (CheckReference.s2_pos c w V Hcheck).

(** ** The network as [Curve.v] sees it *)
Lemma act_th (r i : nat) (y : R) : act (hidden c) y = th y. Proof. now rewrite (h_tanh _ _ _ _ tested). Qed.
Lemma dact_th (r i : nat) (y : R) : dact (hidden c) y = dth y. Proof. now rewrite (h_tanh _ _ _ _ tested). Qed.
Lemma axes i : ys i = ys 0%nat. Proof. apply (same_axis c w t p Hok). Qed.
Lemma axis_le : norm (ys 0%nat) <= 1.
Proof. apply norm_le_sq; [lra|]. rewrite (unit_axis c w t p Hok). lra. Qed.
Lemma s2_nonneg : 0 <= s2. Proof. left. apply s2_pos. Qed.
Lemma kap_nonneg : 0 <= kap. Proof. apply scalars. Qed.
Lemma sum_N f : sum N f = sum n f. Proof. now rewrite equations_samples. Qed.
Lemma inputs_op (f : nat -> R) : ⟨vsum N (fun i => f i ⋅ xs i), vsum N (fun i => f i ⋅ xs i)⟩ <= kap * kap * sum N (fun i => f i * f i).
Proof.
  rewrite sum_N. eapply Rle_trans; [|apply (CheckReference.inputs_norm c w V Hcheck)]. right.
  assert (E : vsum N (fun i => f i ⋅ xs i) = vsum n (fun i => f i ⋅ input c i)).
  { apply vec_ext. intros v. rewrite !inner_vsum_l, sum_N. apply sum_ext. intros i _. now rewrite sample_id. }
  now rewrite E.
Qed.
Lemma inputs_dual (v : R1) : sum N (fun i => ⟨v, xs i⟩ * ⟨v, xs i⟩) <= kap * kap * ⟨v, v⟩.
Proof. exact (op_dual N xs kap inputs_op v). Qed.
Lemma s2_square : s2 * s2 * IZR (output_scale c) = 1.
Proof.
  pose proof (IZR_pos _ (s_q2 _ _ shaped)) as Q. unfold scale2R. rewrite <- Rinv_mult, sqrt_sqrt by lra. field. lra.
Qed.

(** ** |J| *)
Lemma hidden_sum : sum m (fun r => sum N (fun i => th (pre_ z r i) * th (pre_ z r i))) <= IZR (hidden_squares c t (derivatives_at c w t S)) / O.
Proof.
  unfold hidden_squares. rewrite sum_list_sum, map_length, DescentPoint.D_count. unfold Rdiv. rewrite <- sum_scal_r. apply sum_le. intros r Hr.
  rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite DescentPoint.D_count; exact Hr). rewrite sum_list_sum, DescentPoint.D_length, sum_N, <- sum_scal_r by assumption.
  apply sum_le. intros i Hi. pose proof (D_near r i Hr Hi) as A. rewrite plus_IZR, minus_IZR. pose proof (DescentPoint.O_pos) as HO. unfold dth in A.
  set (y := th (pre_ z r i)) in *. apply Rabs_le_between in A. apply Rmult_le_reg_r with O; [assumption|].
  replace ((O - IZR (D_ r i) + ed) * / O * O) with (O - IZR (D_ r i) + ed) by (field; lra). lra.
Qed.

Notation St := (map (fun r => steepness c t (weight_at S r) (row (derivatives_at c w t S) r)) (neurons c)).
Lemma slope_sum i : (i < n)%nat -> sum m (fun r => lead_ z r * dth (pre_ z r i) * (lead_ z r * dth (pre_ z r i))) <= IZR (steep_squares c St) / IZR (2 ^ 32).
Proof.
  intros Hi. pose proof (DescentPoint.O_pos) as HO. pose proof B_pos as HB. pose proof (s_wb _ _ shaped) as Wb.
  set (col := map (fun s => at_ s i) St).
  assert (Hc : length col = m) by (unfold col, neurons; now rewrite !map_length, seq_length).
  assert (M : IZR (dot col col) <= IZR (steep_squares c St)).
  { apply IZR_le. unfold steep_squares, nodes. apply (max_ge (fun i => let l := map (fun s => at_ s i) St in dot l l) n i Hi). }
  apply Rle_trans with (IZR (dot col col) / IZR (2 ^ 32)); [|apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; lra|exact M]].
  rewrite (dot_sum _ _ m) by lia. unfold Rdiv. rewrite <- sum_scal_r. apply sum_le. intros r Hr.
  assert (Ec : at_ col r = (Z.shiftr (Z.abs (weight_at S r) * (D_ r i + e_der c t)) (wb + 12) + 1)%Z).
  { unfold col. rewrite (nth_map_lt _ _ _ (@nil Z)) by (unfold neurons; now rewrite map_length, seq_length). unfold neurons. rewrite nth_seq_map by assumption.
    unfold steepness. now rewrite (nth_map_lt _ _ _ 0%Z) by (now rewrite DescentPoint.D_length). }
  rewrite Ec, lead_value, plus_IZR by assumption. pose proof (D_near r i Hr Hi) as A. pose proof (dth_bounds (pre_ z r i)) as T. set (y := dth (pre_ z r i)) in *.
  pose proof (shift_floor (Z.abs (weight_at S r) * (D_ r i + e_der c t)) (wb + 12) ltac:(unfold wbits; lia)) as F.
  set (q := IZR (Z.shiftr (Z.abs (weight_at S r) * (D_ r i + e_der c t)) (wb + 12))) in *. rewrite mult_IZR, plus_IZR, abs_IZR in F.
  rewrite pow2_add in F by (unfold wbits; lia). set (a := IZR (weight_at S r)) in *.
  assert (L : 65536 * (Rabs a / B * y) <= q + 1).
  { apply Rabs_le_between in A. assert (Rabs a * (O * y) <= Rabs a * (IZR (D_ r i) + ed)) by (apply Rmult_le_compat_l; [apply Rabs_pos|lra]).
    assert (E : 65536 * (Rabs a / B * y) = Rabs a * (O * y) / (B * IZR (2 ^ 12))) by (change (IZR (2 ^ 12)) with 4096; unfold one; field; lra).
    rewrite E. apply Rle_trans with (Rabs a * (IZR (D_ r i) + ed) / (B * IZR (2 ^ 12))); [|lra].
    apply Rmult_le_compat_r; [|assumption]. left. apply Rinv_0_lt_compat. apply Rmult_lt_0_compat; lra. }
  assert (L0 : 0 <= 65536 * (Rabs a / B * y)).
  { apply Rmult_le_pos; [lra|]. apply Rmult_le_pos; [|lra]. apply Rdiv_le_0_compat; [apply Rabs_pos|assumption]. }
  assert (L2 : 65536 * (Rabs a / B * y) * (65536 * (Rabs a / B * y)) <= (q + 1) * (q + 1)) by (apply Rmult_le_compat; assumption).
  replace (65536 * (Rabs a / B * y) * (65536 * (Rabs a / B * y))) with (IZR (2 ^ 32) * (a / B * y * (a / B * y))) in L2.
  2:{ change (IZR (2 ^ 32)) with 4294967296. replace (a / B * y * (a / B * y)) with (a * a * (y / B * (y / B))) by (field; lra). rewrite <- (abs_sq a). field. lra. }
  apply Rmult_le_reg_l with (IZR (2 ^ 32)); [lra|]. replace (IZR (2 ^ 32) * ((q + 1) * (q + 1) * / IZR (2 ^ 32))) with ((q + 1) * (q + 1)) by (field; lra). exact L2.
Qed.

Lemma jacobian_le : jac_ok c w t b (derivatives_at c w t S) St = true -> 0 <= Q2R (b_jac b) /\ jac_bound (model c) z (Q2R (b_jac b)).
Proof.
  unfold jac_ok. rewrite andb_true_iff. intros [C0 C]. apply leQ_R in C0, C. rewrite RMicromega.Q2R_0 in C0. split; [assumption|].
  to_reals C. rewrite !mult_IZR in C. pose proof (DescentPoint.O_pos) as HO. pose proof (IZR_pos _ (s_q2 _ _ shaped)) as Q.
  pose proof s2_square as SQ. set (hs := IZR (hidden_squares c t (derivatives_at c w t S))) in *. set (ss := IZR (steep_squares c St)) in *.
  assert (Hh : 0 <= hs / O).
  { eapply Rle_trans; [|apply hidden_sum]. apply sum_nonneg. intros. apply sum_nonneg. intros. apply Rle_0_sqr. }
  assert (Hs : 0 <= ss).
  { apply IZR_le, max_nonneg. }
  apply (jacobian_squares RY (size c) N m (biases c) xs ys s2 acts dacts act_th dact_th axes axis_le kap inputs_op z (hs / O) (ss / IZR (2 ^ 32)) (Q2R (b_jac b))).
  - unfold biases. now rewrite (h_biases _ _ _ _ tested).
  - assumption.
  - assumption.
  - apply Rdiv_le_0_compat; lra.
  - apply hidden_sum.
  - intros i Hi. apply slope_sum. now rewrite <- equations_samples.
  - apply Rmult_le_reg_r with (IZR (output_scale c) * O * IZR (2 ^ 32)); [repeat apply Rmult_lt_0_compat; lra|].
    replace (s2 * s2 * (hs / O + kap * kap * (ss / IZR (2 ^ 32))) * (IZR (output_scale c) * O * IZR (2 ^ 32)))
      with (s2 * s2 * IZR (output_scale c) * (hs * IZR (2 ^ 32) + kap * kap * (ss * O))) by (field; lra).
    rewrite SQ. lra.
Qed.
End Step.
