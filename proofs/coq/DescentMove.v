(** * Descent from an initialisation: an accepted trail leads to an exact fit *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting MeanValue Tanh TanhTaylor Activation TwoLayer Kinks Psd Rows Curve Shadow
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckScalars CheckKernel CheckReference Converges
  Descent DescentForward DescentPoint DescentNext DescentStep DescentTurn.
Import ListNotations.
Open Scope R_scope.

Section Move.
Variables (c : problem) (w : witness) (V : vectors) (t : trail) (p : parameters) (S : state) (b : bounds).
Notation n := (samples c).
Notation m := (width c).
Notation wb := (wbits c).
Notation N := (equations c).
Notation s2 := (scale2R c).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation Par := (Params RY R1 m (biases c)).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation acts := (fun _ _ : nat => act (hidden c)).
Notation dacts := (fun _ _ : nat => dact (hidden c)).
Notation B := (IZR (2 ^ wb)).
Notation O := (IZR one).
Notation X := (inputs_at c w t).
Notation xm := (input_most X).
Notation z := (at_state c S).
Notation E_ i := (at_ (residuals_at c w t S) i).
Notation sE := (norm1 (residuals_at c w t S)).
Notation mE := (magnitude (residuals_at c w t S)).
Notation eP := (e_pull c t xm sE).
Notation g := (Q2R (gain c)).
Notation u := (unit_residual c w t S).
Notation kap := (Q2R (in_norm w)).
Notation Abound := (Q2R (outer_bound t)).
Notation lip := (Q2R (trail_lip t)).
Notation XX := (gramZ c w V (inputsZ c w)).
Notation eg := (e_gram c (inputsZ c w)).
Notation G := (squares_at c w XX eg).
Hypothesis Hcheck : check c w V = true.
Hypothesis Hok : trail_ok c w t p = true.
Hypothesis Hpoint : point_ok c t S (pres_at c w t S) (sums_at c w t S) = true.
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation tested := (DescentForward.tested c w t p Hok).
Notation points := (DescentForward.points c w t S Hpoint).
Notation B_pos := (DescentForward.B_pos c w V Hcheck).
Notation lead_value := (DescentForward.lead_value c w t p Hok S).
Notation equations_samples := (DescentForward.equations_samples c w t p Hok).
Notation E_near := (DescentPoint.E_near c w V t p S Hcheck Hok Hpoint).
Notation scalars := (CheckScalars.scalars c w V Hcheck).
Notation s2_pos := (CheckReference.s2_pos c w V Hcheck).
Notation s2_le := (CheckReference.s2_le c w V Hcheck).

Notation sum_N := (DescentStep.sum_N c w t p Hok).

Notation pull_ r := (pull RY (size c) N m (biases c) xs u z r).
Notation Nx := (next c t S (residuals_at c w t S) (hidden_at c w t S) (pulls_at c w t S)).

(** ** J near a computed point *)
Lemma out_bound r : (r < m)%nat -> norm (out RY R1 m (biases c) z r) <= Abound.
Proof.
  intros Hr. pose proof (h_bound0 _ _ _ _ tested) as A0. apply norm_le_sq; [assumption|]. rewrite (one_entry c w t p Hok).
  pose proof (lead_value r Hr) as L. unfold lead in L. cbn beta in *. rewrite L. apply sq_le_abs.
  pose proof B_pos as HB. unfold Rdiv. rewrite Rabs_mult, (Rabs_pos_eq (/ B)) by (left; now apply Rinv_0_lt_compat).
  apply Rmult_le_reg_r with B; [assumption|]. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. eapply Rle_trans; [|apply (h_bound _ _ _ _ tested)].
  rewrite <- abs_IZR. apply IZR_le. now apply (k_outer _ _ _ _ points).
Qed.

Lemma J_same (f : nat -> nat -> R) y v : J (with_slopes RY R1 N m (biases c) xs ys s2 (hidden c) (fun r e => sided (hidden c) (f r e))) y v = J (model c) y v.
Proof.
  change (net_J RY R1 N m (biases c) xs ys s2 acts (fun r e => sided (hidden c) (f r e)) y v = net_J RY R1 N m (biases c) xs ys s2 acts dacts y v).
  rewrite (h_tanh _ _ _ _ tested). reflexivity.
Qed.

Lemma jacobian_near y : jac_change (model c) z y (lip * norm (y ⊖ z)).
Proof.
  intros v. rewrite <- !(J_same (fun _ _ => 0)).
  apply (CheckReference.jacobian_moves c w V Hcheck (fun _ _ => 0) Abound (Q2R (trail_ell t))).
  - intros E. rewrite (h_tanh _ _ _ _ tested) in E. discriminate.
  - apply (h_bound0 _ _ _ _ tested).
  - apply (h_ell0 _ _ _ _ tested).
  - rewrite (h_tanh _ _ _ _ tested), act_top_value, act_bend_value. pose proof (h_ell _ _ _ _ tested). lra.
  - apply (h_lip _ _ _ _ tested).
  - exact out_bound.
Qed.

Lemma differentiable y : differentiable_at (model c) y.
Proof.
  apply (network_differentiable RY R1 N m (biases c) xs ys s2 acts dacts). intros _ _ v. apply smooth_derive. rewrite (h_tanh _ _ _ _ tested). discriminate.
Qed.

Lemma remainder_near y : norm (F (model c) y ⊖ F (model c) z ⊖ J (model c) z (y ⊖ z)) <= / 2 * lip * norm (y ⊖ z) * norm (y ⊖ z).
Proof.
  set (v := y ⊖ z).
  assert (E : F (model c) y ⊖ F (model c) z ⊖ J (model c) z v = F (model c) (z ⊕ 1 ⋅ v) ⊖ F (model c) z ⊖ 1 ⋅ J (model c) z v).
  { unfold v. rewrite segment_end. apply vec_ext. intros q. autorewrite with inner. ring. }
  rewrite E. apply step_remainder_lipschitz; [intros; apply differentiable|]. intros s Hs.
  eapply Rle_trans; [apply jacobian_near|]. replace (z ⊕ s ⋅ v ⊖ z) with (s ⋅ v) by (apply vec_ext; intros; autorewrite with inner; ring).
  rewrite norm_scal, Rabs_pos_eq by lra. lra.
Qed.

Lemma residual_near : norm (residual (model c) (target c) z ⊖ u) <= Q2R (off_residual c w t).
Proof.
  unfold off_residual. rewrite Q2R_mult. change (Q2R (e_res c w t # 268435456)) with (IZR (e_res c w t) / O). pose proof (DescentPoint.O_pos) as HO.
  set (q := IZR (e_res c w t) / O). assert (Hq : 0 <= q).
  { apply Rdiv_le_0_compat; [|assumption]. apply IZR_le. unfold e_res. pose proof (s_r2 _ _ shaped). pose proof (h_sum _ _ _ _ tested).
    assert (18 <= e_act c t)%Z by (apply le_IZR, (DescentPoint.ea_pos c w t p Hok)).
    assert (0 <= Z.shiftr ((r2 w + 1) * (outer_sum t * e_act c t)) (40 + wbits c))%Z by (apply Z.shiftr_nonneg; nia). lia. }
  pose proof (h_n0 _ _ _ _ tested) as N0. apply norm_le_sq; [now apply Rmult_le_pos|].
  apply Rle_trans with (INR n * (q * q)).
  - rewrite inner_Rn, sum_N, <- sum_const. apply sum_le. intros i Hi. rewrite entry_minus, (u_entry c w t S) by (now rewrite equations_samples). apply sq_le_abs.
    pose proof (E_near i Hi) as A. set (x := entry (residual (model c) (target c) z) i) in *.
    replace (x - IZR (E_ i) / O) with ((O * x - IZR (E_ i)) * / O) by (field; lra). rewrite Rabs_mult, (Rabs_pos_eq (/ O)) by (left; now apply Rinv_0_lt_compat).
    apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|exact A].
  - replace (Q2R (root_n t) * q * (Q2R (root_n t) * q)) with (Q2R (root_n t) * Q2R (root_n t) * (q * q)) by ring.
    apply Rmult_le_compat_r; [apply Rle_0_sqr|apply (h_n _ _ _ _ tested)].
Qed.

(** ** One step *)
Theorem step_moves (eps : Q) (y : Par) : norm (y ⊖ z) <= Q2R eps ->
  jac_ok c w t b (derivatives_at c w t S) (map (fun r => steepness c t (weight_at S r) (row (derivatives_at c w t S) r)) (neurons c)) = true ->
  bends_ok c t mE = true ->
  forallb (fun r => blocks_ok c w t b (form_root G) eP (weight_at S r) (row (weighted_at c w t S) r) (row (hidden_at c w t S) r) (row (pulls_at c w t S) r)) (neurons c) = true ->
  bounds_ok c w t b eps mE (Z.max (e_outer c t sE) (e_inner t xm eP sE)) = true ->
  norm (gd_step (model c) (target c) (Q2R (loss_scale c)) (Q2R (lr c)) y ⊖ at_state c Nx) <= Q2R (b_next b).
Proof.
  intros Hy Hj Hbend Hblocks Hbounds.
  destruct (DescentStep.jacobian_le c w V t p S b Hcheck Hok Hpoint Hj) as [K0 KB].
  unfold bounds_ok in Hbounds. rewrite !andb_true_iff in Hbounds. destruct Hbounds as [[[[[B1 B2] B3] B4] B5] B6].
  apply Z.ltb_lt in B1, B2. apply leQ_R in B3, B4, B5, B6. to_reals B3. to_reals B4. to_reals B5.
  pose proof (IZR_lt _ _ B1) as B1'. pose proof (IZR_lt _ _ B2) as B2'.
  change (Q2R (b_neg b # 1048576)) with (IZR (b_neg b) / 1048576) in B3. change (Q2R (b_pos b # 1048576)) with (IZR (b_pos b) / 1048576) in B4.
  set (ng := IZR (b_neg b) / 1048576) in *. set (ps := IZR (b_pos b) / 1048576) in *. assert (Ng : 0 < ng) by (unfold ng; lra). assert (Pg : 0 < ps) by (unfold ps; lra).
  assert (Hg : 0 <= g).
  { unfold gain. rewrite Q2R_mult. apply Rmult_le_pos; left; apply scalars. }
  assert (Eg : Q2R (lr c) * Q2R (loss_scale c) = g) by (unfold gain; now rewrite Q2R_mult).
  assert (Blocks : forall r, (r < m)%nat ->
    (s2 * neg_form c w V t S r <= ng /\ s2 * norm (pull_ r) * (s2 * norm (pull_ r)) <= ng * (ng - s2 * neg_form c w V t S r)) /\
    (s2 * pos_form c w V t S r <= ps /\ s2 * norm (pull_ r) * (s2 * norm (pull_ r)) <= ps * (ps - s2 * pos_form c w V t S r))).
  { intros r Hr. pose proof (forallb_nth _ _ r 0%nat Hblocks ltac:(unfold neurons; now rewrite seq_length)) as C. unfold neurons in C. rewrite seq_nth in C by assumption.
    unfold blocks_ok in C. cbn zeta in C. rewrite andb_true_iff in C. destruct C as [C1 C2]. cbn [Nat.add] in C1, C2.
    assert (Fp : forall l, (0 <= form_root G l)%Z) by (intros l; unfold form_root; pose proof (Z.sqrt_nonneg (dot l (map (dot l) G))); lia).
    split; [apply (block_tests c w V t p S Hcheck Hok Hpoint (b_neg b) r _ Hr B1); [destruct (0 <=? weight_at S r)%Z; apply Fp|exact C1]
           |apply (block_tests c w V t p S Hcheck Hok Hpoint (b_pos b) r _ Hr B2); [destruct (0 <=? weight_at S r)%Z; apply Fp|exact C2]]. }
  set (h := fun v => curve RY (size c) N m (biases c) xs ys s2 u z v (y ⊖ z)).
  assert (Third : 0 <= Q2R (third w t mE) /\ s2 * (IZR mE / O) * (kap * kap) * (231 / 200 + Abound * kap) <= Q2R (third w t mE)).
  { unfold third. repeat rewrite ?Q2R_mult, ?Q2R_plus. change (Q2R (mE # 268435456)) with (IZR mE / O). replace (Q2R (231 # 200)) with (231 / 200) by (unfold Q2R; cbn; field).
    pose proof s2_pos. pose proof s2_le. pose proof (c_N _ _ scalars) as Kp. pose proof (h_bound0 _ _ _ _ tested) as A0.
    assert (M0 : 0 <= IZR mE / O).
    { apply Rdiv_le_0_compat; [|apply DescentPoint.O_pos]. apply IZR_le. generalize (residuals_at c w t S). intros l. induction l as [|a l IH]; [cbn; lia|].
      cbn [magnitude fold_right]. fold (magnitude l). lia. }
    assert (AK : 0 <= Abound * kap) by (apply Rmult_le_pos; assumption).
    assert (KK : 0 <= kap * kap) by (apply Rmult_le_pos; assumption).
    split.
    - apply Rmult_le_pos; [apply Rmult_le_pos; [apply Rmult_le_pos; lra|assumption]|lra].
    - apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat_r; [assumption|]. apply Rmult_le_compat_r; assumption. }
  destruct Third as [T0 T1].
  eapply Rle_trans; [apply (one_step (model c) (target c) (Q2R (loss_scale c)) (Q2R (lr c)) z y (at_state c Nx) u h (Q2R (b_gain b)) (Q2R (b_jac b)) lip
    (Q2R (third w t mE)) (Q2R (off_residual c w t)) (Q2R (b_err b)) (Q2R eps))|].
  - now rewrite Eg.
  - assert (0 <= g * ng) by (apply Rmult_le_pos; lra). lra.
  - assumption.
  - apply (h_lip0 _ _ _ _ tested).
  - assumption.
  - assumption.
  - assumption.
  - apply jacobian_near.
  - apply remainder_near.
  - apply residual_near.
  - intros v. rewrite Eg. pose proof (linear_gain (model c) (Q2R (loss_scale c)) (Q2R (lr c)) z (curve RY (size c) N m (biases c) xs ys s2 u z) (Q2R (b_jac b))
      (ng) (ps) (Q2R (b_gain b))) as LG. rewrite Eg in LG. apply LG; try assumption.
    + intros v1 v2. apply curve_sym.
    + intros. apply curve_line.
    + intros v1. apply (curve_between RY (size c) N m (biases c) xs ys s2 (axis_le c w t p Hok) (s2_nonneg c w V Hcheck) u z v1
        (fun r => norm (pull_ r)) (neg_form c w V t S) (pos_form c w V t S)); try assumption.
      * intros r Hr. lra.
      * intros r v2 Hr. now apply (bend_between c w V t p S Hcheck Hok Hpoint).
      * intros r Hr. apply (Blocks r Hr).
      * intros r Hr. apply (Blocks r Hr).
  - intros v. unfold h. eapply Rle_trans; [apply (curve_remainder RY (size c) N m (biases c) xs ys s2 acts dacts (act_th c w t p Hok) (dact_th c w t p Hok) (axes c w t p Hok)
      (axis_le c w t p Hok) (s2_nonneg c w V Hcheck) kap (kap_nonneg c w V Hcheck) (inputs_dual c w V t p Hcheck Hok) u z y v (IZR mE / O) Abound)|].
    + apply Rdiv_le_0_compat; [|apply DescentPoint.O_pos]. apply IZR_le. generalize (residuals_at c w t S). intros l. induction l as [|a l IH]; [cbn; lia|].
      cbn [magnitude fold_right]. fold (magnitude l). lia.
    + apply (h_bound0 _ _ _ _ tested).
    + intros i Hi. rewrite (u_entry c w t S) by assumption. pose proof (DescentPoint.O_pos) as HO. unfold Rdiv. rewrite Rabs_mult, (Rabs_pos_eq (/ O)) by (left; now apply Rinv_0_lt_compat).
      apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|]. rewrite <- abs_IZR. apply IZR_le, Rounding.magnitude_ge.
    + intros r Hr. eapply Rle_trans; [apply (lead_le RY (size c) m (biases c) ys (axis_le c w t p Hok))|now apply out_bound].
    + apply Rmult_le_compat_r; [apply norm_pos|]. apply Rmult_le_compat_r; [apply Rle_0_sqr|exact T1].
  - rewrite Eg. eapply Rle_trans; [apply (next_near c w V t p S Hcheck Hok Hpoint)|]. pose proof B_pos as HB.
    change (IZR (2 ^ wbits c)) with B in B5. apply Rmult_le_reg_r with B; [assumption|]. eapply Rle_trans; [|exact B5]. right. field. lra.
  - rewrite Eg. unfold moved in B6. repeat rewrite ?Q2R_mult, ?Q2R_plus in B6.
    replace (Q2R (3 # 2)) with (3 / 2) in B6 by (unfold Q2R; cbn; field). replace (Q2R (1 # 2)) with (/ 2) in B6 by (unfold Q2R; cbn; field).
    eapply Rle_trans; [|exact B6]. right. ring.
Qed.
End Move.
