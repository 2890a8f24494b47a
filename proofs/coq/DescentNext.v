(** * The steps' checker: the next computed point is near the step of descent with the computed residual *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting Tanh Activation TwoLayer Rows Curve
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckReference Descent DescentForward DescentPoint.
Import ListNotations.
Open Scope R_scope.

Lemma sum_one k f : k = 1%nat -> sum k f = f 0%nat.
Proof. intros ->. cbn. ring. Qed.

Lemma entry_scal k a (u : Rn k) i : entry (a ⋅ u) i = a * entry u i.
Proof. unfold entry, Rn. rewrite (coord_scal (X := real_space)). reflexivity. Qed.
Lemma entry_vsum k n (f : nat -> Rn k) j : (j < k)%nat -> entry (vsum n f) j = sum n (fun i => entry (f i) j).
Proof.
  intros Hj. revert f. induction n as [|n IH]; intros f; cbn [vsum sum].
  - unfold entry. clear. revert j. induction k as [|k IH]; intros j; [reflexivity|]. destruct j as [|j]; [reflexivity|]. apply (IH j).
  - rewrite <- IH. unfold entry, Rn. rewrite (coord_plus (X := real_space)). reflexivity.
Qed.

Section Next.
Variables (c : problem) (w : witness) (V : vectors) (t : trail) (p : parameters) (S : state).
Notation n := (samples c).
Notation m := (width c).
Notation d := (dim c).
Notation wb := (wbits c).
Notation xb := (xbits t).
Notation N := (equations c).
Notation s2 := (scale2R c).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation Par := (Params RY R1 m (biases c)).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation pre_ := (pre RY R1 m (biases c) xs).
Notation lead_ := (lead RY (size c) m (biases c) ys).
Notation inn_ := (inn RY R1 m (biases c)).
Notation out_ := (out RY R1 m (biases c)).
Notation B := (IZR (2 ^ wb)).
Notation XB := (IZR (2 ^ xb)).
Notation O := (IZR one).
Notation X := (inputs_at c w t).
Notation xm := (input_most X).
Notation z := (at_state c S).
Notation x_ i j := (in_entry c i j).
Notation H_ r i := (at_ (row (hidden_at c w t S) r) i).
Notation E_ i := (at_ (residuals_at c w t S) i).
Notation O_ r j := (at_ (row (pulls_at c w t S) r) j).
Notation ea := (IZR (e_act c t)).
Notation sE := (norm1 (residuals_at c w t S)).
Notation g := (Q2R (gain c)).
Notation G40 := (IZR (gain40 t)).
Hypothesis Hcheck : check c w V = true.
Hypothesis Hok : trail_ok c w t p = true.
Hypothesis Hpoint : point_ok c t S (pres_at c w t S) (sums_at c w t S) = true.
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation tested := (DescentForward.tested c w t p Hok).
Notation points := (DescentForward.points c w t S Hpoint).
Notation B_pos := (DescentForward.B_pos c w V Hcheck).
Notation XB_pos := (DescentForward.XB_pos c w t p Hok).
Notation lead_value := (DescentForward.lead_value c w t p Hok).
Notation sample_id := (DescentForward.sample_id c w t p Hok).
Notation output_zero := (DescentForward.output_zero c w t p Hok).
Notation equations_samples := (DescentForward.equations_samples c w t p Hok).
Notation ea_pos := (DescentPoint.ea_pos c w t p Hok).
Notation H_near := (DescentPoint.H_near c w V t p S Hcheck Hok Hpoint).
Notation H_le := (DescentPoint.H_le c w V t p S Hcheck Hok Hpoint).
Notation O_near := (DescentPoint.O_near c w V t p S Hcheck Hok Hpoint).
Notation pull_le := (DescentPoint.pull_le c w V t p S Hcheck Hok).
Notation pull_real := (DescentPoint.pull_real c w t S).

Definition unit_residual : Rn N := vector N (fun i => IZR (E_ i) / O).
Notation u := unit_residual.

Lemma u_entry i : (i < N)%nat -> entry u i = IZR (E_ i) / O.
Proof. apply entry_vector. Qed.

(** ** Step and scales *)
Definition gain_real : R := IZR two40 * (g * s2).
Lemma gain_near : Rabs (gain_real - G40) <= 1.
Proof.
  pose proof (h_gain _ _ _ _ tested) as G1. pose proof (h_gain1 _ _ _ _ tested) as L. pose proof (h_gain2 _ _ _ _ tested) as U.
  pose proof (IZR_pos _ (s_q2 _ _ shaped)) as Q. apply IZR_le in G1.
  assert (E : s2 * s2 = / IZR (output_scale c)).
  { unfold scale2R. rewrite <- Rinv_mult. f_equal. apply sqrt_sqrt. lra. }
  assert (Hs : 0 < s2) by (unfold scale2R; apply Rinv_0_lt_compat, sqrt_lt_R0; assumption).
  assert (Hg : 0 < g).
  { unfold gain. rewrite Q2R_mult. apply Rmult_lt_0_compat; apply (CheckScalars.scalars c w V Hcheck). }
  assert (T : 0 < IZR two40) by (unfold two40; lra). rewrite !mult_IZR, minus_IZR in L. rewrite !mult_IZR, plus_IZR in U.
  assert (Sq : gain_real * gain_real * IZR (output_scale c) = g * g * (IZR two40 * IZR two40)).
  { unfold gain_real. replace (IZR two40 * (g * s2) * (IZR two40 * (g * s2)) * IZR (output_scale c)) with (g * g * (IZR two40 * IZR two40) * (s2 * s2 * IZR (output_scale c))) by ring.
    rewrite E. field. lra. }
  assert (P : 0 <= gain_real) by (unfold gain_real; apply Rmult_le_pos; [lra|apply Rmult_le_pos; lra]).
  rewrite <- Sq in L, U. apply Rmult_le_reg_r in L; [|assumption]. apply Rmult_le_reg_r in U; [|assumption]. apply Rabs_le. split.
  - assert (G40 - 1 <= gain_real) by (apply root_le; lra). lra.
  - assert (gain_real <= G40 + 1) by (apply root_le; lra). lra.
Qed.

(** ** The entries of the next point *)
Notation Nx := (next c t S (residuals_at c w t S) (hidden_at c w t S) (pulls_at c w t S)).
Notation z' := (at_state c Nx).

Lemma next_weight r : (r < m)%nat -> weight_at Nx r = next_outer c t (residuals_at c w t S) (row (hidden_at c w t S) r) (weight_at S r).
Proof.
  intros Hr. unfold weight_at at 1, next, neurons. cbn zeta.
  rewrite (nth_seq_map (fun r => (next_outer c t (residuals_at c w t S) (row (hidden_at c w t S) r) (weight_at S r),
    next_inner c t (weight_at S r) (inner_at S r) (row (pulls_at c w t S) r))) m r (0%Z, []) Hr). reflexivity.
Qed.
Lemma next_row r j : (r < m)%nat -> (j < d)%nat -> at_ (inner_at Nx r) j = (at_ (inner_at S r) j - Z.shiftr (gain40 t * weight_at S r * O_ r j) (68 + xb))%Z.
Proof.
  intros Hr Hj. unfold inner_at at 1, next, neurons. cbn zeta.
  rewrite (nth_seq_map (fun r => (next_outer c t (residuals_at c w t S) (row (hidden_at c w t S) r) (weight_at S r),
    next_inner c t (weight_at S r) (inner_at S r) (row (pulls_at c w t S) r))) m r (0%Z, []) Hr). cbn [snd]. unfold next_inner. cbn zeta.
  now rewrite nth_seq_map.
Qed.

Lemma outer_moved r : (r < m)%nat ->
  Rabs (B * (g * (s2 * sum n (fun i => IZR (E_ i) / O * th (pre_ z r i)))) - (IZR (weight_at S r) - IZR (weight_at Nx r))) <= IZR (e_outer c t sE).
Proof.
  intros Hr. rewrite next_weight by assumption. unfold next_outer. rewrite minus_IZR.
  set (sh := Z.shiftr _ _). replace (IZR (weight_at S r) - (IZR (weight_at S r) - IZR sh)) with (IZR sh) by ring. unfold sh. clear sh.
  set (e := ((gain40 t + 1) * (sE * e_act c t) + sE * (2 * one))%Z).
  replace (IZR (e_outer c t sE)) with (IZR (Z.shiftr e (96 - wb)) + 2) by (unfold e_outer; rewrite plus_IZR; reflexivity).
  apply shift_error; [apply (h_out _ _ _ _ tested)|].
  pose proof (DescentPoint.O_pos) as HO. pose proof B_pos as HB. pose proof gain_near as HG. pose proof (IZR_le _ _ (h_gain _ _ _ _ tested)) as G1.
  assert (E96 : IZR (2 ^ (96 - wb)) * B = IZR two40 * (O * O)).
  { pose proof (h_out _ _ _ _ tested). pose proof (s_wb _ _ shaped). rewrite <- pow2_add by (unfold wbits in *; lia). replace (96 - wb + wb)%Z with (40 + (28 + 28))%Z by ring.
    rewrite !pow2_add by lia. reflexivity. }
  assert (ED : IZR (dot (residuals_at c w t S) (row (hidden_at c w t S) r)) = sum n (fun i => IZR (E_ i) * IZR (H_ r i))) by (apply dot_sum; rewrite DescentPoint.E_length; lia).
  rewrite mult_IZR, ED. set (T := sum n (fun i => IZR (E_ i) * th (pre_ z r i))).
  replace (sum n (fun i => IZR (E_ i) / O * th (pre_ z r i))) with (T / O).
  2:{ unfold T, Rdiv. rewrite <- sum_scal_r. apply sum_ext. intros. ring. }
  replace (IZR (2 ^ (96 - wb)) * (B * (g * (s2 * (T / O))))) with (gain_real * (O * T)).
  2:{ replace (IZR (2 ^ (96 - wb)) * (B * (g * (s2 * (T / O))))) with (IZR (2 ^ (96 - wb)) * B * (g * (s2 * (T / O)))) by ring. rewrite E96. unfold gain_real. field. lra. }
  set (TH := sum n (fun i => IZR (E_ i) * IZR (H_ r i))).
  assert (A1 : Rabs (O * T - TH) <= IZR sE * ea).
  { unfold T, TH. rewrite <- sum_scal, <- sum_minus, <- DescentPoint.E_abs, <- sum_scal_r. eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros i Hi.
    replace (O * (IZR (E_ i) * th (pre_ z r i)) - IZR (E_ i) * IZR (H_ r i)) with (IZR (E_ i) * (O * th (pre_ z r i) - IZR (H_ r i))) by ring.
    rewrite Rabs_mult. apply Rmult_le_compat_l; [apply Rabs_pos|now apply H_near]. }
  assert (A2 : Rabs TH <= IZR sE * (2 * O)).
  { unfold TH. rewrite <- DescentPoint.E_abs, <- sum_scal_r. eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros i Hi. rewrite Rabs_mult.
    apply Rmult_le_compat_l; [apply Rabs_pos|now apply H_le]. }
  replace (gain_real * (O * T) - G40 * TH) with (gain_real * (O * T - TH) + (gain_real - G40) * TH) by ring.
  unfold e. rewrite !plus_IZR, !mult_IZR, !plus_IZR. eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_mult gain_real), (Rabs_mult (_ - _)). apply Rplus_le_compat.
  - apply Rmult_le_compat; try apply Rabs_pos; [|exact A1]. apply Rabs_le_between in HG. apply Rabs_le. lra.
  - rewrite <- (Rmult_1_l (IZR sE * (2 * O))). apply Rmult_le_compat; try apply Rabs_pos; assumption.
Qed.

Lemma inner_moved r j : (r < m)%nat -> (j < d)%nat ->
  Rabs (B * (g * (s2 * (IZR (weight_at S r) / B * sum n (fun i => IZR (E_ i) / O * dth (pre_ z r i) * x_ i j))))
    - (IZR (at_ (inner_at S r) j) - IZR (at_ (inner_at Nx r) j))) <= IZR (e_inner t xm (e_pull c t xm sE) sE).
Proof.
  intros Hr Hj. rewrite next_row by assumption. rewrite minus_IZR.
  set (sh := Z.shiftr _ _). replace (IZR (at_ (inner_at S r) j) - (IZR (at_ (inner_at S r) j) - IZR sh)) with (IZR sh) by ring. unfold sh. clear sh.
  set (ep := e_pull c t xm sE) in *. set (e := (outer_most t * ((gain40 t + 1) * ep + (sE * xm + ep)))%Z).
  replace (IZR (e_inner t xm ep sE)) with (IZR (Z.shiftr e (68 + xb)) + 2) by (unfold e_inner; rewrite plus_IZR; reflexivity).
  pose proof (h_xb _ _ _ _ tested) as Hx. apply shift_error; [lia|].
  pose proof (DescentPoint.O_pos) as HO. pose proof B_pos as HB. pose proof XB_pos as HX. pose proof gain_near as HG. pose proof (IZR_le _ _ (h_gain _ _ _ _ tested)) as G1.
  pose proof (O_near r j Hr Hj) as ON. fold ep in ON. pose proof (pull_le r j) as PL.
  set (T := sum n (fun i => IZR (E_ i) / O * dth (pre_ z r i) * x_ i j)).
  assert (EP : pull_real r j = XB * O * T).
  { unfold DescentPoint.pull_real, T. rewrite Rmult_assoc, <- (sum_scal n O). f_equal. apply sum_ext. intros. field. lra. }
  assert (E68 : IZR (2 ^ (68 + xb)) = IZR two40 * O * XB) by (replace (68 + xb)%Z with (40 + 28 + xb)%Z by ring; rewrite !pow2_add by lia; reflexivity).
  set (A := IZR (weight_at S r)) in *. set (q := pull_real r j) in *. rewrite !mult_IZR. fold A. set (o := IZR (O_ r j)) in *.
  replace (IZR (2 ^ (68 + xb)) * (B * (g * (s2 * (A / B * T))))) with (A * (gain_real * q)) by (rewrite E68, EP; unfold gain_real; field; lra).
  replace (A * (gain_real * q) - G40 * A * o) with (A * (gain_real * (q - o) + (gain_real - G40) * o)) by ring.
  unfold e. rewrite !mult_IZR, !plus_IZR, !mult_IZR, !plus_IZR. rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos.
  - unfold A. rewrite <- abs_IZR. apply IZR_le. now apply (k_outer _ _ _ _ points).
  - eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_mult gain_real), (Rabs_mult (gain_real - _)). apply Rplus_le_compat.
    + apply Rmult_le_compat; try apply Rabs_pos; [|exact ON]. apply Rabs_le_between in HG. apply Rabs_le. lra.
    + rewrite <- (Rmult_1_l (IZR sE * IZR xm + IZR ep)). apply Rmult_le_compat; try apply Rabs_pos; [exact HG|].
      apply Rabs_le_between in ON, PL. apply Rabs_le. lra.
Qed.

(** ** The distance from the step *)
Notation step := (z ⊖ g ⋅ JT (model c) z u).
Lemma out_scal (v : Par) a r : out_ (a ⋅ v) r = a ⋅ out_ v r.
Proof. unfold out. change (fst (a ⋅ v)) with (a ⋅ fst v). rewrite (coord_scal (X := neuron RY R1)). reflexivity. Qed.
Lemma inn_scal (v : Par) a r : inn_ (a ⋅ v) r = a ⋅ inn_ v r.
Proof. unfold inn. change (fst (a ⋅ v)) with (a ⋅ fst v). rewrite (coord_scal (X := neuron RY R1)). reflexivity. Qed.
Lemma lead_scal (v : Par) a r : lead_ (a ⋅ v) r = a * lead_ v r.
Proof. unfold lead. rewrite out_scal, inner_scal_l. reflexivity. Qed.
Lemma lead_minus (v v' : Par) r : lead_ (v ⊖ v') r = lead_ v r - lead_ v' r.
Proof. unfold lead. rewrite out_minus, inner_minus_l. reflexivity. Qed.
Lemma first_lt : (output_of c 0 < outputs c)%nat.
Proof. rewrite output_zero, (h_outputs _ _ _ _ tested). lia. Qed.
Lemma one_entry (q : RY) : ⟨q, q⟩ = ⟨q, ys 0%nat⟩ * ⟨q, ys 0%nat⟩.
Proof. cbn beta. rewrite inner_axis by apply first_lt. rewrite inner_Rn, sum_one by apply (h_outputs _ _ _ _ tested). now rewrite output_zero. Qed.
Lemma unit_axis : ⟨ys 0%nat, ys 0%nat⟩ = 1.
Proof. cbn beta. rewrite inner_axes by apply first_lt. now rewrite Nat.eqb_refl. Qed.
Lemma same_axis i : ys i = ys 0%nat.
Proof. cbn beta. now rewrite !output_zero. Qed.

Lemma lead_back r : (r < m)%nat -> lead_ (JT (model c) z u) r = s2 * sum n (fun i => IZR (E_ i) / O * th (pre_ z r i)).
Proof.
  intros Hr. change (JT (model c) z u) with (net_JT RY R1 N m (biases c) xs ys s2 (fun _ _ => act (hidden c)) (fun _ _ => dact (hidden c)) z u).
  unfold lead, net_JT. rewrite out_build by assumption. cbn [fst]. rewrite inner_vsum_l, <- sum_scal.
  assert (E : forall f, sum N f = sum n f) by (intros; now rewrite equations_samples). rewrite E. apply sum_ext. intros i Hi.
  rewrite inner_scal_l, (same_axis i), unit_axis, u_entry by (now rewrite equations_samples). unfold hid. rewrite (h_tanh _ _ _ _ tested). cbn [act]. ring.
Qed.
Lemma inn_back r j : (r < m)%nat -> (j < d)%nat ->
  entry (inn_ (JT (model c) z u) r) j = s2 * (IZR (weight_at S r) / B * sum n (fun i => IZR (E_ i) / O * dth (pre_ z r i) * x_ i j)).
Proof.
  intros Hr Hj. change (JT (model c) z u) with (net_JT RY R1 N m (biases c) xs ys s2 (fun _ _ => act (hidden c)) (fun _ _ => dact (hidden c)) z u).
  unfold net_JT. rewrite inn_build by assumption. cbn [snd]. rewrite entry_vsum by (unfold size; now rewrite (h_bias _ _ _ _ tested)).
  rewrite <- !sum_scal. assert (E : forall f, sum N f = sum n f) by (intros; now rewrite equations_samples). rewrite E. apply sum_ext. intros i Hi.
  rewrite entry_scal, u_entry by (now rewrite equations_samples). rewrite (sample_id i), (DescentForward.input_entry c w t p Hok) by assumption.
  unfold slope. rewrite (h_tanh _ _ _ _ tested). cbn [dact]. rewrite <- lead_value by assumption. unfold outer, lead. rewrite (same_axis i). ring.
Qed.

Lemma entries_norm (v : Par) q : 0 <= q -> (forall r, (r < m)%nat -> Rabs (lead_ v r) <= q) ->
  (forall r j, (r < m)%nat -> (j < d)%nat -> Rabs (entry (inn_ v r) j) <= q) -> norm v <= Q2R (root_p t) * q.
Proof.
  intros Hq Ho Hw. pose proof (h_p0 _ _ _ _ tested) as P0. apply norm_le_sq; [now apply Rmult_le_pos|].
  apply Rle_trans with (INR m * (1 + INR d) * (q * q)).
  - rewrite inner_params, (sum_none (biases c)) by (unfold biases; now rewrite (h_biases _ _ _ _ tested)). rewrite Rplus_0_r, Rmult_assoc, <- sum_const. apply sum_le. intros r Hr.
    rewrite Rmult_plus_distr_r, Rmult_1_l. apply Rplus_le_compat.
    + rewrite one_entry. apply sq_le_abs. now apply Ho.
    + rewrite inner_Rn, <- sum_const. unfold size at 1. rewrite (h_bias _ _ _ _ tested). apply sum_le. intros j Hj. apply sq_le_abs. now apply Hw.
  - replace (Q2R (root_p t) * q * (Q2R (root_p t) * q)) with (Q2R (root_p t) * Q2R (root_p t) * (q * q)) by ring.
    apply Rmult_le_compat_r; [apply Rle_0_sqr|apply (h_p2 _ _ _ _ tested)].
Qed.

Theorem next_near : let om := Z.max (e_outer c t sE) (e_inner t xm (e_pull c t xm sE) sE) in norm (z' ⊖ step) <= Q2R (root_p t) * (IZR om / B).
Proof.
  intros om. pose proof B_pos as HB.
  assert (Ho : forall r, (r < m)%nat -> Rabs (lead_ (z' ⊖ step) r) <= IZR om / B).
  { intros r Hr. pose proof (outer_moved r Hr) as M.
    assert (E : lead_ (z' ⊖ step) r = (B * (g * (s2 * sum n (fun i => IZR (E_ i) / O * th (pre_ z r i)))) - (IZR (weight_at S r) - IZR (weight_at Nx r))) / B).
    { rewrite !lead_minus, lead_scal, lead_back, !lead_value by assumption. field. lra. }
    rewrite E. unfold Rdiv. rewrite Rabs_mult, (Rabs_pos_eq (/ B)) by (left; now apply Rinv_0_lt_compat).
    apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|]. eapply Rle_trans; [exact M|]. apply IZR_le. unfold om. lia. }
  assert (Hw : forall r j, (r < m)%nat -> (j < d)%nat -> Rabs (entry (inn_ (z' ⊖ step) r) j) <= IZR om / B).
  { intros r j Hr Hj. pose proof (inner_moved r j Hr Hj) as M. assert (Hs : (j < size c)%nat) by (unfold size; now rewrite (h_bias _ _ _ _ tested)).
    assert (V0 : forall T, entry (inn_ (at_state c T) r) j = IZR (at_ (inner_at T r) j) / B).
    { intros T. unfold at_state. rewrite inn_build by assumption. cbn [snd]. now rewrite entry_vector. }
    assert (E : entry (inn_ (z' ⊖ step) r) j = (B * (g * (s2 * (IZR (weight_at S r) / B * sum n (fun i => IZR (E_ i) / O * dth (pre_ z r i) * x_ i j))))
        - (IZR (at_ (inner_at S r) j) - IZR (at_ (inner_at Nx r) j))) / B).
    { rewrite !inn_minus, inn_scal, !entry_minus, entry_scal, inn_back, !V0 by assumption. field. lra. }
    rewrite E. unfold Rdiv at 1. rewrite Rabs_mult, (Rabs_pos_eq (/ B)) by (left; now apply Rinv_0_lt_compat).
    apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|]. eapply Rle_trans; [exact M|]. apply IZR_le. unfold om. lia. }
  set (q := IZR om / B) in *.
  assert (Hq : 0 <= q).
  { apply Rdiv_le_0_compat; [|assumption]. apply IZR_le. unfold om, e_outer. pose proof (norm1_pos (residuals_at c w t S)). pose proof (h_gain _ _ _ _ tested).
    assert (18 <= e_act c t)%Z by (apply le_IZR, ea_pos). assert (0 <= Z.shiftr ((gain40 t + 1) * (sE * e_act c t) + sE * (2 * one)) (96 - wb))%Z; [|lia].
    apply Z.shiftr_nonneg. unfold one. nia. }
  now apply entries_norm.
Qed.
End Next.
