(** * The checker's hidden values and their errors *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Tanh Activation TwoLayer Rows
  Fixed Shift FixedTanh IntegerMatrix Vectors Format Check Rounding CheckForward.
Import ListNotations.
Open Scope R_scope.

Section Hidden.
Variables (c : problem) (w : witness) (V : vectors).
Notation n := (samples c).
Notation m := (width c).
Notation W := (weightsZ c w).
Notation X := (inputsZ c w).
Notation Ds := (dotsZ V W X).
Notation Ps := (presZ c w Ds).
Notation Tan := (valuesZ c Ps).
Notation Hid := (hiddenZ w Tan).
Notation ed := (e_dot c W X).
Notation et := (e_value c + e_pre c w ed)%Z.
Notation eh := (e_hid w et).
Notation K := (drop_unit w).
Notation U := (kept_unit w).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation pre_ := (pre RY R1 m (biases c) (input c) (start c)).
Notation hid_ := (hid RY R1 m (biases c) (input c) (fun _ _ => act (hidden c)) (start c)).
Hypothesis Hcheck : check c w V = true.
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation pre_near := (CheckForward.pre_near c w V Hcheck).
Notation Ps_length := (CheckForward.Ps_length c w V).
Notation Ps_count := (CheckForward.Ps_count c w V).

Lemma T_entry r i : (r < m)%nat -> (i < n)%nat -> at_ (row Tan i) r = valueZ c (tableZ c Ps) (at_ (row Ps i) r).
Proof.
  intros Hr Hi. unfold valuesZ. cbn zeta. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite Ps_count; exact Hi).
  now rewrite (nth_map_lt _ _ _ 0%Z) by (rewrite Ps_length; assumption).
Qed.
Lemma T_count : length Tan = n.
Proof. unfold valuesZ. cbn zeta. now rewrite map_length, Ps_count. Qed.
Lemma T_length i : (i < n)%nat -> length (row Tan i) = m.
Proof.
  intros Hi. unfold valuesZ. cbn zeta. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite Ps_count; exact Hi). now rewrite map_length, Ps_length.
Qed.

(** tanh of an approximated argument, and the activation. *)
Notation length_ := (S (Z.to_nat (Z.min 63 (Z.shiftr (peak Ps) 26)))).
Lemma table_long : (length_ <= 64)%nat /\ forall P, (Z.abs P <= peak Ps)%Z -> (Z.abs P < 67108864 * Z.of_nat length_)%Z.
Proof.
  pose proof (t_pre _ _ _ (CheckForward.passed c w V Hcheck)) as C. unfold check_pre in C. rewrite andb_true_iff in C. destruct C as [_ C].
  apply Z.ltb_lt in C. unfold limit in C. pose proof (peak_ge Ps O O) as B. rewrite Z.shiftr_div_pow2 by lia. change (2 ^ 26)%Z with 67108864%Z.
  set (p := peak Ps) in *. clearbody p. pose proof (Z.div_mod p 67108864 ltac:(lia)). pose proof (Z.mod_pos_bound p 67108864 ltac:(lia)).
  pose proof (Z.div_pos p 67108864 ltac:(lia) ltac:(lia)). pose proof (Z.div_lt_upper_bound p 67108864 64 ltac:(lia) ltac:(lia)).
  rewrite Nat2Z.inj_succ, Z2Nat.id by lia. split; [lia|intros; lia].
Qed.
Lemma tanhZ_near x P e : (Z.abs P <= peak Ps)%Z -> Rabs (IZR one * x - IZR P) <= e -> Rabs (IZR one * th x - IZR (tanhZ (table length_) P)) <= 16 + e.
Proof.
  intros HL HP. destruct table_long as [L1 L2]. pose proof (tanhZ_correct _ P L1 (L2 P HL)) as HT. unfold near in HT.
  pose proof (th_lipschitz (IZR P / IZR one) x) as Lip. pose proof one_pos as O1. set (O := IZR one) in *. clearbody O.
  set (t := th x) in *. set (u := th (IZR P / O)) in *. set (v := IZR (tanhZ _ P)) in *. clearbody v.
  assert (A : O * Rabs (t - u) <= e).
  { eapply Rle_trans; [apply Rmult_le_compat_l; [lra|exact Lip]|].
    rewrite <- (Rabs_pos_eq O) at 1 by lra. rewrite <- Rabs_mult.
    replace (O * (x - IZR P / O)) with (O * x - IZR P) by (field; lra). exact HP. }
  replace (O * t - v) with (O * (t - u) + (O * u - v)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult, (Rabs_pos_eq O) by lra. lra.
Qed.

Lemma value_near r i : (r < m)%nat -> (i < n)%nat -> near one et (hid_ r i) (at_ (row Tan i) r).
Proof.
  intros Hr Hi. rewrite T_entry by assumption. pose proof (peak_ge Ps i r) as HL.
  pose proof (pre_near r i Hr Hi) as HP. unfold near in *. unfold hid.
  set (P := at_ (row Ps i) r) in *. set (e := e_pre c w ed) in *. clearbody e. rewrite plus_IZR. unfold valueZ, e_value.
  assert (ET : hidden c <> Relu -> tableZ c Ps = table length_) by (intros; unfold tableZ; now destruct (hidden c)).
  set (x := pre_ r i) in *. clearbody x P. destruct (hidden c); cbn [act]; [rewrite ET by easy; now apply tanhZ_near|rewrite ET by easy|clear ET].
  2:{ (* ReLU moves no two numbers apart *)
    pose proof one_pos as O1. set (O := IZR one) in *. clearbody O. apply Rabs_le_between in HP.
    assert (E : IZR (Z.max 0 P) = Rmax 0 (IZR P)).
    { unfold Rmax. destruct (Rle_dec 0 (IZR P)) as [L|L]; f_equal; [apply (le_IZR 0) in L; lia|].
      assert (~ (0 <= P)%Z) by (intros Q; apply L; now apply (IZR_le 0)). lia. }
    rewrite E. unfold Rmax. destruct (Rle_dec 0 x) as [L|L]; [assert (0 <= O * x) by (apply Rmult_le_pos; lra)|assert (O * x <= 0) by (rewrite <- (Rmult_0_r O); apply Rmult_le_compat_l; lra)];
      destruct (Rle_dec 0 (IZR P)); apply Rabs_le; lra. }
  rewrite sigmoid_tanh, !Z.div2_spec. pose proof (shift_floor P 1 ltac:(lia)) as S1. change (IZR (2 ^ 1)) with 2 in S1.
  assert (HL' : (Z.abs (Z.shiftr P 1) <= peak Ps)%Z).
  { rewrite Z.shiftr_div_pow2 by lia. change (2 ^ 1)%Z with 2%Z. pose proof (Z.div_mod P 2 ltac:(lia)). pose proof (Z.mod_pos_bound P 2 ltac:(lia)). lia. }
  set (q := Z.shiftr P 1) in *. clearbody q. apply Rabs_le_between in HP.
  assert (HQ : Rabs (IZR one * (x / 2) - IZR q) <= IZR e / 2 + 1) by (apply Rabs_le; lra).
  pose proof (tanhZ_near (x / 2) q _ HL' HQ) as N. apply Rabs_le_between in N.
  set (T := tanhZ _ q) in *. pose proof (shift_floor (one + T) 1 ltac:(lia)) as S2. change (IZR (2 ^ 1)) with 2 in S2. rewrite plus_IZR in S2.
  set (v := IZR (Z.shiftr (one + T) 1)) in *. clearbody v. set (O := IZR one) in *. clearbody O. apply Rabs_le.
  replace (O * ((1 + th (x / 2)) / 2)) with ((O + O * th (x / 2)) / 2) by field. lra.
Qed.

Lemma K_pos : 0 < K.
Proof. unfold drop_unit. destruct (pow2_pos (k w)) as [P|P]; [exact P|]. pose proof (s_k _ _ shaped). lia. Qed.
Lemma U_pos : 0 < U.
Proof. unfold kept_unit, unit. destruct (pow2_pos (28 - k w)) as [P|P]; [exact P|]. pose proof (s_k _ _ shaped). lia. Qed.
Lemma one_KU : IZR one = K * U.
Proof.
  unfold drop_unit, kept_unit, unit. pose proof (s_k _ _ shaped). rewrite <- pow2_add by lia. replace (k w + (28 - k w))%Z with 28%Z by ring. reflexivity.
Qed.
Lemma K_half : K = 2 * IZR (half w).
Proof.
  unfold drop_unit, half. pose proof (s_k _ _ shaped). change 2 with (IZR (2 ^ 1)). rewrite <- pow2_add by lia. f_equal. f_equal. ring.
Qed.

Lemma H_entry r i : (r < m)%nat -> (i < n)%nat -> at_ (row Hid i) r = Z.shiftr (at_ (row Tan i) r + half w) (k w).
Proof.
  intros Hr Hi. unfold hiddenZ. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite T_count; exact Hi).
  rewrite (nth_map_lt _ _ _ 0%Z) by (rewrite T_length; assumption). unfold roundZ. apply shr_correct. pose proof (s_k _ _ shaped). lia.
Qed.
Lemma H_count : length Hid = n.
Proof. unfold hiddenZ. now rewrite map_length, T_count. Qed.
Lemma H_length i : (i < n)%nat -> length (row Hid i) = m.
Proof.
  intros Hi. unfold hiddenZ. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite T_count; exact Hi). now rewrite map_length, T_length.
Qed.

Lemma hid_near r i : (r < m)%nat -> (i < n)%nat -> Rabs (IZR one * hid_ r i - K * IZR (at_ (row Hid i) r)) <= IZR eh.
Proof.
  intros Hr Hi. rewrite H_entry by assumption. pose proof (value_near r i Hr Hi) as N. unfold near in N.
  set (t := at_ (row Tan i) r) in *. set (x := hid_ r i) in *. clearbody t x. unfold e_hid. rewrite plus_IZR.
  pose proof (shift_floor (t + half w) (k w) ltac:(pose proof (s_k _ _ shaped); lia)) as F. fold K in F.
  rewrite plus_IZR in F. pose proof K_pos. pose proof K_half as E. set (h := IZR (Z.shiftr (t + half w) (k w))) in *. clearbody h.
  assert (F1 : IZR t + IZR (half w) - K <= K * h).
  { replace (IZR t + IZR (half w) - K) with (K * ((IZR t + IZR (half w)) / K - 1)) by (field; lra). apply Rmult_le_compat_l; lra. }
  assert (F2 : K * h <= IZR t + IZR (half w)).
  { replace (IZR t + IZR (half w)) with (K * ((IZR t + IZR (half w)) / K)) by (field; lra). apply Rmult_le_compat_l; lra. }
  apply Rabs_le_between in N. apply Rabs_le. lra.
Qed.

Lemma eh_pos : (0 <= eh)%Z.
Proof.
  assert (0 <= e_dot c W X)%Z.
  { pose proof (max1_ge W O). pose proof (max1_ge X O). pose proof (norm1_pos (row W O)). pose proof (norm1_pos (row X O)).
    unfold e_dot, dimZ. lia. }
  assert (0 <= e_pre c w ed)%Z.
  { unfold e_pre. pose proof (s_r1 _ _ shaped). apply Z.add_nonneg_nonneg; [|lia]. apply Z.shiftr_nonneg.
    apply Z.add_nonneg_nonneg; [apply Z.mul_nonneg_nonneg; lia|]. apply Z.pow_nonneg. lia. }
  unfold e_hid, e_value, half. pose proof (Z.pow_nonneg 2 (k w - 1) ltac:(lia)). destruct (hidden c); lia.
Qed.
Lemma hid_le r i : (r < m)%nat -> (i < n)%nat -> Rabs (IZR one * hid_ r i) <= Rabs (IZR (at_ (row Tan i) r)) + IZR eh.
Proof.
  intros Hr Hi. pose proof (value_near r i Hr Hi) as N. unfold near in N. unfold e_hid. rewrite plus_IZR.
  assert (0 <= IZR (half w)) by (pose proof K_half; pose proof K_pos; lra).
  set (t := IZR (at_ (row Tan i) r)) in *. pose proof (Rabs_triang (IZR one * hid_ r i - t) t) as T.
  replace (IZR one * hid_ r i - t + t) with (IZR one * hid_ r i) in T by ring. lra.
Qed.
End Hidden.
