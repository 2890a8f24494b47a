(** * The checker's slopes and their errors *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Activation TwoLayer Rows
  Fixed Shift FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckHidden CheckDerivative.
Import ListNotations.
Open Scope R_scope.

(** The largest |a_or| of a neuron, and the error of a slope. *)
Definition size_of (c : problem) (r : nat) : R := IZR (at_ (largest_outer c) r) / weight_unit c.
Definition slope_error (c : problem) (w : witness) (r : nat) : R :=
  IZR (slope_gain c (e_hid w (e_value c + e_pre c w (e_dot c (weightsZ c w) (inputsZ c w))))) * size_of c r + IZR (half w).

Section Slopes.
Variables (c : problem) (w : witness) (V : vectors).
Notation m := (width c).
Notation W := (weightsZ c w).
Notation X := (inputsZ c w).
Notation Ds := (dotsZ V W X).
Notation Ps := (presZ c w Ds).
Notation Tan := (valuesZ c Ps).
Notation Hid := (hiddenZ w Tan).
Notation XX := (gramZ c w V X).
Notation ed := (e_dot c W X).
Notation et := (e_value c + e_pre c w ed)%Z.
Notation eh := (e_hid w et).
Notation eg := (e_gram c X).
Notation Src := (sourceZ c w XX Ps Hid eg eh).
Notation Slo := (slopesZ c w Src).
Notation W1 := (weight_unit c).
Notation K := (drop_unit w).
Notation U := (kept_unit w).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation N := (equations c).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation pre_ := (pre RY R1 m (biases c) (input c) (start c)).
Notation side := (CheckDerivative.side_of c w V).
Notation dunits := (fun r e => sided (hidden c) (side r (sample_of c e))).
Notation slope_ := (slope RY R1 m (biases c) xs ys dunits (start c)).
Notation outer_ := (outer RY R1 m (biases c) ys (start c)).
Notation a_ o r := (at_ (row (outers c) o) r).
Hypothesis Hcheck : check c w V = true.
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation W1_pos := (CheckForward.W1_pos c w V Hcheck).
Notation K_pos := (CheckHidden.K_pos c w V Hcheck).
Notation U_pos := (CheckHidden.U_pos c w V Hcheck).
Notation K_half := (CheckHidden.K_half c w V Hcheck).
Notation outer_value := (CheckForward.outer_value c).
Notation equation_lt := (CheckForward.equation_lt c).
Notation derivative_near := (CheckDerivative.derivative_near c w V Hcheck).
Notation A := (size_of c).
Notation es := (slope_error c w).

Lemma B_row I : (I < N)%nat -> row Slo I = map2 (fun a h => slopeZ c w (scalar_of a) h) (row (outers c) (output_of c I)) (row Src (sample_of c I)).
Proof.
  intros HI. unfold slopesZ. cbn zeta. rewrite nth_seq_map by exact HI. change (@nil scalar) with (map scalar_of []). rewrite map_nth. apply zip_map.
Qed.
Lemma B_entry r I : (r < m)%nat -> (I < N)%nat -> at_ (row Slo I) r = slopeZ c w (scalar_of (a_ (output_of c I) r)) (at_ (row Src (sample_of c I)) r).
Proof.
  intros Hr HI. destruct (equation_lt I HI) as [Hi Ho]. rewrite B_row by assumption.
  apply (nth_map2 (fun a h => slopeZ c w (scalar_of a) h)); [now rewrite (s_outers _ _ shaped)|now rewrite (CheckDerivative.Src_length c w V)].
Qed.
Lemma B_count : length Slo = N.
Proof. unfold slopesZ. now rewrite map_length, seq_length. Qed.
Lemma B_length I : (I < N)%nat -> length (row Slo I) = m.
Proof.
  intros HI. destruct (equation_lt I HI) as [Hi Ho]. rewrite B_row by assumption.
  rewrite length_map2, (CheckDerivative.Src_length c w V), (s_outers _ _ shaped) by assumption. apply Nat.min_id.
Qed.

Lemma largest_length : length (largest_outer c) = m.
Proof. apply (CheckForward.over_outputs_length c w V Hcheck). Qed.
Lemma A_pos r : (r < m)%nat -> 0 <= A r.
Proof.
  intros Hr. apply Rdiv_le_0_compat; [|apply W1_pos]. apply IZR_le. now apply (CheckForward.largest_outer_pos c w V Hcheck).
Qed.
Lemma outer_le r I : (r < m)%nat -> (I < N)%nat -> Rabs (outer_ r I) <= A r.
Proof.
  intros Hr HI. destruct (equation_lt I HI) as [Hi Ho]. rewrite outer_value by assumption. pose proof W1_pos. unfold size_of, Rdiv.
  rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq W1) by lra. apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|].
  rewrite <- abs_IZR. apply IZR_le. now apply (CheckForward.largest_outer_ge c w V Hcheck).
Qed.
Lemma slope_le r I : (r < m)%nat -> (I < N)%nat -> Rabs (slope_ r I) <= A r.
Proof.
  intros Hr HI. unfold slope. rewrite Rabs_mult, <- (Rmult_1_r (A r)).
  apply Rmult_le_compat; try apply Rabs_pos; [now apply outer_le|].
  eapply Rle_trans; [apply sided_le; apply (CheckDerivative.side_unit c w V)|apply act_top_range].
Qed.

Lemma slope_near r I : (r < m)%nat -> (I < N)%nat -> Rabs (IZR one * slope_ r I - K * IZR (at_ (row Slo I) r)) <= es r.
Proof.
  intros Hr HI. destruct (equation_lt I HI) as [Hi Ho]. rewrite B_entry by assumption.
  pose proof (derivative_near r (sample_of c I) Hr Hi) as Q.
  pose proof (outer_le r I Hr HI) as HA. rewrite outer_value in HA by assumption.
  assert (Es : slope_ r I = outer_ r I * sided (hidden c) (side r (sample_of c I)) (pre_ r (sample_of c I))) by reflexivity.
  rewrite Es, outer_value by assumption. clear Es. unfold slope_error.
  set (h := at_ (row Src (sample_of c I)) r) in *. set (a := a_ (output_of c I) r) in *.
  set (dt := sided (hidden c) (side r (sample_of c I)) (pre_ r (sample_of c I))) in *. clearbody h a dt.
  set (e := IZR (slope_gain c eh)) in *. clearbody e. pose proof W1_pos as HW. pose proof K_pos as HK. pose proof U_pos as HU.
  assert (Hsh : (1 <= slope_shift c w)%Z) by (unfold slope_shift; pose proof (s_k _ _ shaped); pose proof (s_wb _ _ shaped); lia).
  pose proof (shift_floor (a * derivativeZ c (unit w) h + 2 ^ (slope_shift c w - 1)) (slope_shift c w) ltac:(lia)) as F.
  assert (EF : slopeZ c w (scalar_of a) h = Z.shiftr (a * derivativeZ c (unit w) h + 2 ^ (slope_shift c w - 1)) (slope_shift c w))
    by (unfold slopeZ, slope_with; rewrite times_correct, shr_correct by lia; reflexivity).
  rewrite <- EF, plus_IZR, mult_IZR in F. clear EF.
  assert (ES : IZR (2 ^ slope_shift c w) = W1 * U).
  { unfold slope_shift, weight_unit, weight_one, kept_unit, unit. pose proof (s_k _ _ shaped). pose proof (s_wb _ _ shaped).
    rewrite <- pow2_add by lia. f_equal. f_equal. ring. }
  assert (EH : IZR (2 ^ slope_shift c w) = 2 * IZR (2 ^ (slope_shift c w - 1))).
  { change 2 with (IZR (2 ^ 1)). rewrite <- pow2_add by lia. f_equal. f_equal. ring. }
  rewrite ES in *. set (hf := IZR (2 ^ (slope_shift c w - 1))) in *. clearbody hf.
  set (b := IZR (slopeZ c w (scalar_of a) h)) in *. clearbody b.
  set (D := IZR (derivativeZ c (unit w) h)) in *. clearbody D.
  pose proof K_half as EK. set (O := IZR one) in *. clearbody O.
  set (al := IZR a / W1). assert (Ea : IZR a = al * W1) by (unfold al; field; lra).
  fold al in HA |- *. clearbody al.
  (* rounding *)
  set (v := al * D / U).
  assert (Ev : IZR a * D / (W1 * U) = v) by (rewrite Ea; unfold v; field; lra).
  assert (Ew : hf / (W1 * U) = / 2).
  { replace hf with (W1 * U / 2) by lra. field. lra. }
  unfold Rdiv in F. rewrite Rmult_plus_distr_r in F. fold (IZR a * D / (W1 * U)) in F. fold (hf / (W1 * U)) in F.
  rewrite Ev, Ew in F.
  assert (F' : Rabs (K * v - K * b) <= IZR (half w)).
  { rewrite <- Rmult_minus_distr_l, Rabs_mult, (Rabs_pos_eq K) by lra. replace (IZR (half w)) with (K * / 2) by lra.
    apply Rmult_le_compat_l; [lra|]. apply Rabs_le. lra. }
  (* the value itself *)
  replace (O * (al * dt) - K * b) with (al * (O * dt - K * (D / U)) + (K * v - K * b)) by (unfold v; field; lra).
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
  assert (Rabs al * Rabs (O * dt - K * (D / U)) <= A r * e)
    by (apply Rmult_le_compat; try apply Rabs_pos; assumption). lra.
Qed.
End Slopes.
