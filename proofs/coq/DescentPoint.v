(** * The steps' checker at one computed point: hidden values, derivatives, residuals and the sums of a step, with their errors *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting Tanh Activation TwoLayer Rows Curve
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward Descent DescentForward.
Import ListNotations.
Open Scope R_scope.

Lemma sum_none k f : k = 0%nat -> sum k f = 0.
Proof. intros ->. reflexivity. Qed.

(** tanh of an approximated argument. *)
Lemma tanhZ_near x P e : (Z.abs P < limit)%Z -> Rabs (IZR one * x - IZR P) <= e -> Rabs (IZR one * th x - IZR (tanhZ tanh_table P)) <= 16 + e.
Proof.
  intros HL HP. pose proof (tanhZ_correct 64 P (le_n _) HL) as HT. unfold near in HT. fold tanh_table in HT.
  pose proof (th_lipschitz (IZR P / IZR one) x) as Lip. pose proof one_pos as O1. set (O := IZR one) in *. clearbody O.
  set (t := th x) in *. set (u := th (IZR P / O)) in *. set (v := IZR (tanhZ tanh_table P)) in *. clearbody v.
  assert (A : O * Rabs (t - u) <= e).
  { eapply Rle_trans; [apply Rmult_le_compat_l; [lra|exact Lip]|].
    rewrite <- (Rabs_pos_eq O) at 1 by lra. rewrite <- Rabs_mult.
    replace (O * (x - IZR P / O)) with (O * x - IZR P) by (field; lra). exact HP. }
  replace (O * t - v) with (O * (t - u) + (O * u - v)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult, (Rabs_pos_eq O) by lra. lra.
Qed.

Section Point.
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
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation pre_ := (pre RY R1 m (biases c) xs).
Notation B := (IZR (2 ^ wb)).
Notation XB := (IZR (2 ^ xb)).
Notation O := (IZR one).
Notation X := (inputs_at c w t).
Notation xm := (input_most X).
Notation z := (at_state c S).
Notation x_ i j := (in_entry c i j).
Notation W_ r j := (at_ (inner_at S r) j).
Notation H_ r i := (at_ (row (hidden_at c w t S) r) i).
Notation D_ r i := (at_ (row (derivatives_at c w t S) r) i).
Notation E_ i := (at_ (residuals_at c w t S) i).
Notation P_ r i := (at_ (row (weighted_at c w t S) r) i).
Notation O_ r j := (at_ (row (pulls_at c w t S) r) j).
Notation ea := (IZR (e_act c t)).
Notation ed := (IZR (e_der c t)).
Notation sE := (norm1 (residuals_at c w t S)).
Hypothesis Hcheck : check c w V = true.
Hypothesis Hok : trail_ok c w t p = true.
Hypothesis Hpoint : point_ok c t S (pres_at c w t S) (sums_at c w t S) = true.
Notation passed := (CheckForward.passed c w V Hcheck).
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation tested := (DescentForward.tested c w t p Hok).
Notation points := (DescentForward.points c w t S Hpoint).
Notation B_pos := (DescentForward.B_pos c w V Hcheck).
Notation XB_pos := (DescentForward.XB_pos c w t p Hok).
Notation X_near := (DescentForward.X_near c w V t p Hcheck Hok).
Notation X_length := (DescentForward.X_length c w V t Hcheck).
Notation X_count := (DescentForward.X_count c w t).
Notation x_most := (DescentForward.x_most c w V t p Hcheck Hok).
Notation xm_pos := (DescentForward.xm_pos c w V t p Hcheck Hok).
Notation pres_entry := (DescentForward.pres_entry c w t S).
Notation pres_length := (DescentForward.pres_length c w t S).
Notation pre_value := (DescentForward.pre_value c w t p Hok S).
Notation lead_value := (DescentForward.lead_value c w t p Hok S).
Notation output_zero := (DescentForward.output_zero c w t p Hok).
Notation equations_samples := (DescentForward.equations_samples c w t p Hok).

Lemma ea_pos : 18 <= ea.
Proof.
  unfold e_act. rewrite plus_IZR. assert (0 <= Z.shiftr (2 * inner_most t) (wb + xb - 28))%Z by (apply Z.shiftr_nonneg; pose proof (h_inner _ _ _ _ tested); lia).
  apply IZR_le in H. lra.
Qed.
Lemma ed_value : ed = 2 * ea + 2. Proof. unfold e_der. now rewrite plus_IZR, mult_IZR. Qed.

(** ** Hidden values and derivatives *)
Lemma pre_near r i : (r < m)%nat -> (i < n)%nat -> Rabs (O * pre_ z r i - IZR (at_ (row (pres_at c w t S) r) i)) <= ea - 16.
Proof.
  intros Hr Hi. rewrite pres_entry by assumption. replace (ea - 16) with (IZR (Z.shiftr (2 * inner_most t) (wb + xb - 28)) + 2) by (unfold e_act; rewrite plus_IZR; lra).
  apply shift_error; [apply (h_pre _ _ _ _ tested)|]. rewrite pre_value by assumption.
  pose proof B_pos as HB. pose proof XB_pos as HX.
  assert (E : IZR (2 ^ (wb + xb - 28)) * O = B * XB).
  { change O with (IZR (2 ^ 28)). pose proof (h_pre _ _ _ _ tested). pose proof (h_xb _ _ _ _ tested). pose proof (s_wb _ _ shaped).
    rewrite <- !pow2_add by (unfold wbits in *; lia). f_equal. f_equal. ring. }
  rewrite <- Rmult_assoc, E, (dot_sum _ _ d) by apply X_length.
  rewrite <- sum_scal, <- sum_minus. eapply Rle_trans; [apply sum_abs|].
  apply Rle_trans with (sum d (fun j => Rabs (IZR (W_ r j)) * 2)).
  - apply sum_le. intros j _. replace (B * XB * (IZR (W_ r j) / B * x_ i j) - IZR (at_ (row X i) j) * IZR (W_ r j))
      with (IZR (W_ r j) * (XB * x_ i j - IZR (at_ (row X i) j))) by (field; lra).
    rewrite Rabs_mult. apply Rmult_le_compat_l; [apply Rabs_pos|apply X_near].
  - rewrite sum_scal_r, mult_IZR. pose proof (norm1_ge (inner_at S r) d) as L. pose proof (IZR_le _ _ (k_inner _ _ _ _ points r Hr)). lra.
Qed.

Lemma H_entry r i : (r < m)%nat -> (i < n)%nat -> H_ r i = tanhZ tanh_table (at_ (row (pres_at c w t S) r) i).
Proof.
  intros Hr Hi. unfold hidden_at. rewrite (nth_map_lt _ _ _ (@nil Z)) by (unfold pres_at, neurons; now rewrite map_length, seq_length).
  now rewrite (nth_map_lt _ _ _ 0%Z) by (now rewrite pres_length).
Qed.
Lemma H_count : length (hidden_at c w t S) = m. Proof. unfold hidden_at, pres_at, neurons. now rewrite !map_length, seq_length. Qed.
Lemma H_length r : (r < m)%nat -> length (row (hidden_at c w t S) r) = n.
Proof.
  intros Hr. unfold hidden_at. rewrite (nth_map_lt _ _ _ (@nil Z)) by (unfold pres_at, neurons; now rewrite map_length, seq_length).
  now rewrite map_length, pres_length.
Qed.
Lemma H_near r i : (r < m)%nat -> (i < n)%nat -> Rabs (O * th (pre_ z r i) - IZR (H_ r i)) <= ea.
Proof.
  intros Hr Hi. rewrite H_entry by assumption. replace ea with (16 + (ea - 16)) by ring.
  apply tanhZ_near; [now apply (k_limit _ _ _ _ points)|now apply pre_near].
Qed.
Lemma O_pos : 0 < O. Proof. apply one_pos. Qed.
Lemma th_one y : Rabs (O * th y) <= O.
Proof. pose proof O_pos. rewrite Rabs_mult, Rabs_pos_eq by lra. rewrite <- (Rmult_1_r O) at 2. apply Rmult_le_compat_l; [lra|]. pose proof (th_bounds y). apply Rabs_le. lra. Qed.
Lemma H_le r i : (r < m)%nat -> (i < n)%nat -> Rabs (IZR (H_ r i)) <= 2 * O.
Proof.
  intros Hr Hi. pose proof (H_near r i Hr Hi) as A. pose proof (th_one (pre_ z r i)) as T. pose proof ea_pos. pose proof O_pos as HO.
  pose proof (IZR_le _ _ (h_act _ _ _ _ tested)) as Q. rewrite mult_IZR in Q. assert (ea <= O) by nra.
  apply Rabs_le_between in A, T. apply Rabs_le. lra.
Qed.

Lemma D_entry r i : (r < m)%nat -> (i < n)%nat -> D_ r i = derivative_of (H_ r i).
Proof.
  intros Hr Hi. unfold derivatives_at. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite H_count; exact Hr).
  now rewrite (nth_map_lt _ _ _ 0%Z) by (now rewrite H_length).
Qed.
Lemma D_count : length (derivatives_at c w t S) = m. Proof. unfold derivatives_at. now rewrite map_length, H_count. Qed.
Lemma D_length r : (r < m)%nat -> length (row (derivatives_at c w t S) r) = n.
Proof. intros Hr. unfold derivatives_at. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite H_count; exact Hr). now rewrite map_length, H_length. Qed.
Lemma D_near r i : (r < m)%nat -> (i < n)%nat -> Rabs (O * dth (pre_ z r i) - IZR (D_ r i)) <= ed.
Proof.
  intros Hr Hi. rewrite D_entry, ed_value by assumption. pose proof (H_near r i Hr Hi) as A. pose proof (th_one (pre_ z r i)) as T. pose proof O_pos as HO.
  pose proof (IZR_le _ _ (h_act _ _ _ _ tested)) as Q. rewrite mult_IZR in Q. set (h := H_ r i) in *. set (y := th (pre_ z r i)) in *.
  assert (Sh : Rabs (O * (y * y) - IZR (Z.shiftr (h * h) 28)) <= 2 * ea + 1 + 1).
  { apply shift_real; [lia|]. change (IZR (2 ^ 28)) with O. rewrite mult_IZR.
    pose proof (approx_product O O y y ea ea O O (IZR h) (IZR h) A A T T) as P. replace (O * (O * (y * y))) with (O * y * (O * y)) by ring. lra. }
  unfold derivative_of, dth. fold y. rewrite minus_IZR. replace (O * (1 - y * y) - (O - IZR (Z.shiftr (h * h) 28))) with (- (O * (y * y) - IZR (Z.shiftr (h * h) 28))) by ring.
  rewrite Rabs_Ropp. lra.
Qed.

(** ** Residuals *)
Notation res := (residual (model c) (target c) z).
Lemma res_value i : (i < n)%nat -> entry (n := N) res i = s2 * sum m (fun r => IZR (weight_at S r) / B * th (pre_ z r i)) - value (target_bits c) (at_ (targets c) i).
Proof.
  intros Hi. assert (Hi' : (i < N)%nat) by (now rewrite equations_samples). unfold residual. rewrite entry_minus.
  change (F (model c) z) with (net_F RY R1 N m (biases c) xs ys s2 (fun _ _ => act (hidden c)) z). unfold net_F, target. rewrite !entry_vector by assumption.
  f_equal. unfold bias. rewrite (sum_none (biases c)) by (unfold biases; now rewrite (h_biases _ _ _ _ tested)). rewrite Rplus_0_r. f_equal. apply sum_ext. intros r Hr.
  rewrite <- lead_value by assumption. unfold hid. rewrite (h_tanh _ _ _ _ tested). cbn [act]. f_equal. unfold outer, lead. now rewrite !output_zero.
Qed.

Lemma sums_entry i : (i < n)%nat -> IZR (at_ (sums_at c w t S) i) = sum m (fun r => IZR (weight_at S r) * IZR (H_ r i)).
Proof.
  intros Hi. unfold sums_at, nodes. rewrite (nth_seq_map (fun i => dot (map (weight_at S) (neurons c)) (map (fun h => at_ h i) (hidden_at c w t S))) n i 0%Z Hi).
  rewrite (dot_sum _ _ m) by (unfold neurons; now rewrite map_length, seq_length). apply sum_ext. intros r Hr. f_equal.
  - f_equal. unfold neurons. now rewrite nth_seq_map.
  - f_equal. now rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite H_count; exact Hr).
Qed.
Lemma outers_abs : sum m (fun r => Rabs (IZR (weight_at S r))) <= IZR (outer_sum t).
Proof.
  eapply Rle_trans; [|apply IZR_le, (k_sum _ _ _ _ points)]. rewrite (norm1_sum _ m) by (unfold neurons; now rewrite map_length, seq_length).
  apply sum_le. intros r Hr. unfold neurons. rewrite nth_seq_map by assumption. lra.
Qed.

Lemma E_near i : (i < n)%nat -> Rabs (O * entry (n := N) res i - IZR (E_ i)) <= IZR (e_res c w t).
Proof.
  intros Hi. rewrite res_value by assumption. unfold residuals_at, nodes. rewrite nth_seq_map by assumption. unfold residual_of. rewrite minus_IZR.
  pose proof (root_correct _ _ (s_q2 _ _ shaped) (s_r2 _ _ shaped) (t_r2 _ _ _ passed)) as HR. fold s2 in HR. pose proof (IZR_le _ _ (s_r2 _ _ shaped)) as R2.
  pose proof B_pos as HB. pose proof O_pos as HO. pose proof ea_pos as HE. pose proof (k_sums _ _ _ _ points i Hi) as Ks. apply IZR_le in Ks. rewrite abs_IZR in Ks.
  set (Do := at_ (sums_at c w t S) i) in *. set (T := sum m (fun r => IZR (weight_at S r) / B * th (pre_ z r i))).
  assert (Hk : (0 <= 40 + wb)%Z) by (pose proof (s_wb _ _ shaped); unfold wbits in *; lia).
  assert (ET : IZR (2 ^ (40 + wb)) = IZR two40 * B).
  { rewrite pow2_add by (pose proof (s_wb _ _ shaped); unfold wbits in *; lia). reflexivity. }
  assert (Sum : Rabs (B * O * T - IZR Do) <= IZR (outer_sum t * e_act c t)).
  { unfold Do. rewrite sums_entry by assumption. unfold T. rewrite <- sum_scal, <- sum_minus, mult_IZR. eapply Rle_trans; [apply sum_abs|].
    apply Rle_trans with (sum m (fun r => Rabs (IZR (weight_at S r)) * ea)).
    - apply sum_le. intros r Hr. replace (B * O * (IZR (weight_at S r) / B * th (pre_ z r i)) - IZR (weight_at S r) * IZR (H_ r i))
        with (IZR (weight_at S r) * (O * th (pre_ z r i) - IZR (H_ r i))) by (field; lra).
      rewrite Rabs_mult. apply Rmult_le_compat_l; [apply Rabs_pos|now apply H_near].
    - rewrite sum_scal_r. apply Rmult_le_compat_r; [lra|apply outers_abs]. }
  set (os := (outer_sum t * e_act c t)%Z) in *.
  assert (Main : Rabs (O * (s2 * T) - IZR (Z.shiftr (r2 w * Do) (40 + wb))) <= IZR (Z.shiftr ((r2 w + 1) * os) (40 + wb)) + 3).
  { pose proof (shift_floor ((r2 w + 1) * os) (40 + wb) Hk) as F. set (e := IZR (Z.shiftr ((r2 w + 1) * os) (40 + wb))) in *.
    assert (P : 0 < IZR (2 ^ (40 + wb))) by (rewrite ET; unfold two40; apply Rmult_lt_0_compat; lra).
    pose proof (shift_real (O * (s2 * T)) (r2 w * Do) (40 + wb) (IZR ((r2 w + 1) * os) / IZR (2 ^ (40 + wb)) + 1) Hk) as Sh.
    eapply Rle_trans; [apply Sh|lra]. rewrite Rmult_plus_distr_l, Rmult_1_r.
    replace (IZR (2 ^ (40 + wb)) * (IZR ((r2 w + 1) * os) / IZR (2 ^ (40 + wb)))) with (IZR ((r2 w + 1) * os)) by (field; lra).
    rewrite ET in *. rewrite !mult_IZR, plus_IZR.
    replace (IZR two40 * B * (O * (s2 * T)) - IZR (r2 w) * IZR Do) with (IZR two40 * s2 * (B * O * T - IZR Do) + (IZR two40 * s2 - IZR (r2 w)) * IZR Do) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_mult (IZR two40 * s2)), (Rabs_mult (IZR two40 * s2 - _)). apply Rplus_le_compat.
    - apply Rmult_le_compat; try apply Rabs_pos; [apply Rabs_le_between in HR; apply Rabs_le; lra|exact Sum].
    - rewrite <- (Rmult_1_l (IZR two40 * B)). apply Rmult_le_compat; try apply Rabs_pos; [exact HR|exact Ks]. }
  assert (Ty : Rabs (O * value (target_bits c) (at_ (targets c) i) - IZR (Z.shiftr (at_ (targets c) i * one) (target_bits c))) <= 0 + 1).
  { apply shift_real; [apply (s_tb _ _ shaped)|]. unfold value. destruct (pow2_pos (target_bits c)) as [Q|Q]; [|pose proof (s_tb _ _ shaped); lia].
    rewrite mult_IZR. replace (IZR (2 ^ target_bits c) * (O * (IZR (at_ (targets c) i) / IZR (2 ^ target_bits c))) - IZR (at_ (targets c) i) * O) with 0 by (field; lra).
    rewrite Rabs_R0. lra. }
  unfold e_res. fold os. rewrite plus_IZR. apply Rabs_le_between in Main, Ty. apply Rabs_le. lra.
Qed.

(** ** The sums of a step *)
Notation dp i := (Rabs (IZR (E_ i)) * ed / O + 1).
Lemma E_length : length (residuals_at c w t S) = n. Proof. unfold residuals_at, nodes. now rewrite map_length, seq_length. Qed.
Lemma E_abs : sum n (fun i => Rabs (IZR (E_ i))) = IZR sE.
Proof. symmetry. apply norm1_sum. rewrite E_length. lia. Qed.
Lemma P_entry r i : (r < m)%nat -> (i < n)%nat -> P_ r i = Z.shiftr (E_ i * D_ r i) 28.
Proof.
  intros Hr Hi. unfold weighted_at. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite D_count; exact Hr). unfold weighted, nodes. now rewrite nth_seq_map.
Qed.
Lemma P_count : length (weighted_at c w t S) = m. Proof. unfold weighted_at. now rewrite map_length, D_count. Qed.
Lemma P_length r : (r < m)%nat -> length (row (weighted_at c w t S) r) = n.
Proof.
  intros Hr. unfold weighted_at. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite D_count; exact Hr). unfold weighted, nodes. now rewrite map_length, seq_length.
Qed.
Lemma P_near r i : (r < m)%nat -> (i < n)%nat -> Rabs (IZR (E_ i) * dth (pre_ z r i) - IZR (P_ r i)) <= dp i.
Proof.
  intros Hr Hi. rewrite P_entry by assumption. apply shift_real; [lia|]. change (IZR (2 ^ 28)) with O. pose proof O_pos as HO. rewrite mult_IZR.
  replace (O * (IZR (E_ i) * dth (pre_ z r i)) - IZR (E_ i) * IZR (D_ r i)) with (IZR (E_ i) * (O * dth (pre_ z r i) - IZR (D_ r i))) by ring.
  rewrite Rabs_mult. replace (O * (Rabs (IZR (E_ i)) * ed / O)) with (Rabs (IZR (E_ i)) * ed) by (field; lra).
  apply Rmult_le_compat_l; [apply Rabs_pos|now apply D_near].
Qed.
Lemma P_le r i : (r < m)%nat -> (i < n)%nat -> Rabs (IZR (P_ r i)) <= Rabs (IZR (E_ i)) + dp i.
Proof.
  intros Hr Hi. pose proof (P_near r i Hr Hi) as A. pose proof (dth_bounds (pre_ z r i)) as D. set (g := dth (pre_ z r i)) in *.
  assert (Rabs (IZR (E_ i) * g) <= Rabs (IZR (E_ i))).
  { rewrite Rabs_mult, (Rabs_pos_eq g) by lra. rewrite <- (Rmult_1_r (Rabs (IZR (E_ i)))) at 2. apply Rmult_le_compat_l; [apply Rabs_pos|lra]. }
  set (a := IZR (E_ i) * g) in *. set (b := IZR (P_ r i)) in *. pose proof (Rabs_triang (b - a) a) as T. rewrite (Rabs_minus_sym b a) in T.
  replace (b - a + a) with b in T by ring. lra.
Qed.
Lemma dp_pos i : 0 <= dp i.
Proof. pose proof ea_pos. pose proof O_pos. rewrite ed_value. assert (0 <= Rabs (IZR (E_ i)) * (2 * ea + 2) / O) by (apply Rdiv_le_0_compat; [apply Rmult_le_pos; [apply Rabs_pos|lra]|lra]). lra. Qed.
Lemma dp_sum : sum n (fun i => dp i) <= IZR (e_weighted c t sE).
Proof.
  rewrite sum_plus, sum_const, Rmult_1_r. unfold e_weighted, nodes. rewrite !plus_IZR, <- INR_IZR_INZ.
  pose proof (shift_28 (sE * e_der c t)) as F. rewrite mult_IZR in F. unfold Rdiv. rewrite sum_scal_r, sum_scal_r, E_abs. unfold Rdiv in F. lra.
Qed.

Definition pull_real (r j : nat) : R := XB * sum n (fun i => IZR (E_ i) * dth (pre_ z r i) * x_ i j).
Lemma O_entry r j : (r < m)%nat -> (j < d)%nat -> IZR (O_ r j) = sum n (fun i => IZR (P_ r i) * IZR (at_ (row X i) j)).
Proof.
  intros Hr Hj. unfold pulls_at. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite P_count; exact Hr).
  rewrite (nth_map_lt _ _ _ (@nil Z)) by (unfold columns_at; now rewrite map_length, seq_length).
  rewrite (dot_sum _ _ n) by (rewrite P_length by assumption; lia). apply sum_ext. intros i Hi. do 2 f_equal. unfold columns_at.
  rewrite (nth_seq_map (fun j => map (fun x => at_ x j) X) d j (@nil Z) Hj). now rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite X_count; exact Hi).
Qed.
Lemma O_near r j : (r < m)%nat -> (j < d)%nat -> Rabs (pull_real r j - IZR (O_ r j)) <= IZR (e_pull c t xm sE).
Proof.
  intros Hr Hj. rewrite O_entry by assumption. unfold pull_real. rewrite <- sum_scal, <- sum_minus. eapply Rle_trans; [apply sum_abs|].
  apply Rle_trans with (sum n (fun i => dp i * IZR xm + (Rabs (IZR (E_ i)) + dp i) * 2)).
  - apply sum_le. intros i Hi. replace (XB * (IZR (E_ i) * dth (pre_ z r i) * x_ i j) - IZR (P_ r i) * IZR (at_ (row X i) j))
      with ((IZR (E_ i) * dth (pre_ z r i) - IZR (P_ r i)) * (XB * x_ i j) + IZR (P_ r i) * (XB * x_ i j - IZR (at_ (row X i) j))) by ring.
    eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_mult (_ - _)), (Rabs_mult (IZR (P_ r i))).
    apply Rplus_le_compat; apply Rmult_le_compat; try apply Rabs_pos; [now apply P_near|apply x_most|now apply P_le|apply X_near].
  - rewrite sum_plus, !sum_scal_r, (sum_plus n (fun i => Rabs (IZR (E_ i)))), E_abs. pose proof dp_sum as DS. pose proof xm_pos as Xp.
    unfold e_pull. rewrite !plus_IZR, !mult_IZR, plus_IZR. apply Rmult_le_compat_r with (r := IZR xm) in DS as DS'; [|assumption]. lra.
Qed.
Lemma pull_le r j : Rabs (pull_real r j) <= IZR sE * IZR xm.
Proof.
  unfold pull_real. rewrite <- sum_scal, <- E_abs, <- sum_scal_r. eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros i Hi.
  replace (XB * (IZR (E_ i) * dth (pre_ z r i) * x_ i j)) with (IZR (E_ i) * dth (pre_ z r i) * (XB * x_ i j)) by ring.
  rewrite (Rabs_mult (_ * _) (_ * _)), (Rabs_mult (IZR (E_ i))), Rmult_assoc. apply Rmult_le_compat_l; [apply Rabs_pos|]. rewrite <- (Rmult_1_l (IZR xm)).
  apply Rmult_le_compat; try apply Rabs_pos; [apply dth_le_1|apply x_most].
Qed.
End Point.
