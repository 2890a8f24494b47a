(** * Derivatives read off the rounded hidden values; for ReLU they are exact, because no unit is near its kink *)

From Coq Require Import Reals Lra Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Activation TwoLayer Rows
  Fixed FixedTanh IntegerMatrix Vectors Format Check Rounding CheckForward.
Import ListNotations.
Open Scope R_scope.

Section Derivative.
Variables (c : problem) (w : witness) (V : vectors).
Notation n := (samples c).
Notation m := (width c).
Notation d := (dim c).
Notation W := (weightsZ c w).
Notation X := (inputsZ c w).
Notation Ds := (dotsZ V W X).
Notation Ps := (presZ c w Ds).
Notation Tan := (map (map (valueZ c table)) Ps).
Notation Hid := (hiddenZ w Tan).
Notation XX := (gramZ c w V X).
Notation ed := (e_dot c W X).
Notation et := (e_value c + e_pre c w ed)%Z.
Notation eh := (e_hid w et).
Notation eg := (e_gram c X).
Notation K := (drop_unit w).
Notation U := (kept_unit w).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation N := (equations c).
Notation pre_ := (pre RY R1 m (biases c) (input c) (start c)).
Notation gram := (gram_of c).
Hypothesis Hcheck : check c w V = true.
Notation passed := (CheckForward.passed c w V Hcheck).
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation pre_near := (CheckForward.pre_near c w V Hcheck).
Notation hid_near := (CheckForward.hid_near c w V Hcheck).
Notation K_pos := (CheckForward.K_pos c w V Hcheck).
Notation U_pos := (CheckForward.U_pos c w V Hcheck).
Notation one_KU := (CheckForward.one_KU c w V Hcheck).
Notation gram_value := (CheckForward.gram_value c w V Hcheck).
Notation H_entry := (CheckForward.H_entry c w V).
Notation T_entry := (CheckForward.T_entry c w V).
Notation Ps_length := (CheckForward.Ps_length c w V).

(** ReLU: each sample is zero, or its pre-activations are off the kink. *)
Lemma sign_test r i : hidden c = Relu -> (r < m)%nat -> (i < n)%nat ->
  zero_sample c i (row Ps i) = true \/
  off_kink c w eh (radius w * radius w * inject_Z (one * one * (at_ (row XX i) i + eg))) (at_ (row Ps i) r) = true.
Proof.
  intros E Hr Hi. pose proof (t_signs _ _ _ passed) as C. unfold check_signs in C. rewrite E in C.
  pose proof (forallb_nth _ _ i O C ltac:(now rewrite seq_length)) as F. cbn beta zeta in F. rewrite seq_nth, Nat.add_0_l, orb_true_iff in F by assumption.
  destruct F as [F|F]; [now left|right]. apply (forallb_nth _ _ r 0%Z F). now rewrite Ps_length.
Qed.
Lemma zero_sample_facts r i : (r < m)%nat -> (i < n)%nat -> zero_sample c i (row Ps i) = true ->
  hidden_bias c = false /\ at_ (row Ps i) r = 0%Z /\ gram i i = 0.
Proof.
  intros Hr Hi. unfold zero_sample. rewrite !andb_true_iff, negb_true_iff. intros [[Hb Hx] HP]. split; [assumption|split].
  - pose proof (forallb_nth _ _ r 0%Z HP ltac:(now rewrite Ps_length)) as E. now apply Z.eqb_eq in E.
  - rewrite gram_value, Hb. rewrite (sum_ext d _ (fun _ => 0)); [rewrite sum_0; ring|]. intros j _.
    assert (E : at_ (row (inputs c) i) j = 0%Z).
    { destruct (Nat.lt_ge_cases j (length (row (inputs c) i))) as [L|L]; [|now apply nth_overflow].
      pose proof (forallb_nth _ _ j 0%Z Hx L) as E. now apply Z.eqb_eq in E. }
    rewrite E. unfold value, Rdiv. ring.
Qed.
Lemma pre_zero (z : Params RY R1 m (biases c)) r i : gram i i = 0 -> pre RY R1 m (biases c) (input c) z r i = 0.
Proof.
  intros G. unfold pre. set (x := inn RY R1 m (biases c) z r). pose proof (cauchy_schwarz_abs x (input c i)) as C.
  assert (E : norm (input c i) = 0).
  { apply Rle_antisym; [|apply norm_pos]. apply norm_le_sq; [lra|]. fold (gram_of c i i). lra. }
  rewrite E, Rmult_0_r in C. apply Rabs_le_between in C. lra.
Qed.

(** ... so that the derivative read off the rounded hidden value is exact. *)
Lemma relu_exact r i : hidden c = Relu -> (r < m)%nat -> (i < n)%nat -> (0 < at_ (row Hid i) r)%Z <-> 0 < pre_ r i.
Proof.
  intros E Hr Hi. rewrite H_entry, T_entry by assumption. pose proof (pre_near r i Hr Hi) as N. unfold near in N.
  pose proof (s_k _ _ shaped) as Hk. assert (K2 : (2 ^ k w = 2 * half w)%Z) by (unfold half; rewrite <- Z.pow_succ_r by lia; f_equal; lia).
  assert (Hh : (0 < half w)%Z) by (unfold half; apply Z.pow_pos_nonneg; lia).
  assert (Z0 : roundZ w 0 = 0%Z) by (unfold roundZ; rewrite Z.shiftr_div_pow2, K2 by lia; apply Z.div_small; lia).
  unfold valueZ. rewrite E. destruct (sign_test r i E Hr Hi) as [F|F].
  - destruct (zero_sample_facts r i Hr Hi F) as [_ [P G]]. rewrite P, Z.max_id, Z0, (pre_zero (start c) r i G). split; [lia|lra].
  - unfold off_kink in F. cbn zeta in F. rewrite andb_true_iff in F. destruct F as [F _]. apply Z.ltb_lt in F. unfold e_hid, e_value in F. rewrite E in F.
    set (P := at_ (row Ps i) r) in *. set (e := e_pre c w ed) in *. pose proof one_pos as O1.
    assert (He : (0 <= e)%Z) by (apply le_IZR; eapply Rle_trans; [apply Rabs_pos|exact N]).
    set (x := pre_ r i) in *. clearbody P e x. apply Rabs_le_between in N.
    assert (Sx : IZR one * x > 0 <-> x > 0).
    { split; intros H; [|now apply Rmult_lt_0_compat]. apply Rmult_lt_reg_l with (IZR one); lra. }
    destruct (Z.lt_ge_cases 0 P) as [S|S].
    + assert (L : IZR e + 1 <= IZR P) by (rewrite <- plus_IZR; apply IZR_le; lia).
      assert (0 < x) by (apply Sx; lra). split; [easy|intros _]. rewrite Z.max_r by lia. unfold roundZ. rewrite Z.shiftr_div_pow2, K2 by lia.
      apply Z.div_str_pos. lia.
    + assert (L : IZR P <= - (IZR e + 1)) by (rewrite <- plus_IZR, <- opp_IZR; apply IZR_le; lia).
      rewrite Z.max_l, Z0 by lia. split; [lia|]. intros H. apply Sx in H. lra.
Qed.

(** The derivative from the rounded hidden value. *)
Lemma derivative_near r i : (r < m)%nat -> (i < n)%nat ->
  Rabs (IZR one * dact (hidden c) (pre_ r i) - K * (IZR (derivativeZ c (unit w) (at_ (row Hid i) r)) / U)) <= IZR (slope_gain c eh).
Proof.
  intros Hr Hi. pose proof (hid_near r i Hr Hi) as N.
  assert (EX : hidden c = Relu -> (0 < at_ (row Hid i) r)%Z <-> 0 < pre_ r i) by (intros; now apply relu_exact).
  replace (IZR (slope_gain c eh)) with (match hidden c with Relu => 0 | _ => 2 * IZR eh + 1 end)
    by (unfold slope_gain; destruct (hidden c); rewrite ?plus_IZR, ?mult_IZR; reflexivity).
  unfold hid in N. set (h := at_ (row Hid i) r) in *. set (x := pre_ r i) in *. clearbody h x.
  pose proof (t_eh _ _ _ passed) as E2. apply IZR_le in E2. rewrite mult_IZR in E2.
  assert (He : 0 <= IZR eh) by (eapply Rle_trans; [apply Rabs_pos|exact N]).
  set (e := IZR eh) in *. clearbody e. pose proof K_pos as HK. pose proof U_pos as HU. pose proof one_KU as EO.
  unfold derivativeZ. fold U. set (O := IZR one) in *. clearbody O. assert (OP : 0 < O) by (rewrite EO; now apply Rmult_lt_0_compat).
  assert (L : forall a, a <> Relu -> Rabs (O * act a x) <= O).
  { intros a Ha. rewrite Rabs_mult, Rabs_pos_eq by lra. rewrite <- (Rmult_1_r O) at 2. apply Rmult_le_compat_l; [lra|now apply act_le_1]. }
  assert (G : forall v, Rabs (O * v) <= 2 * e * O + e * e -> Rabs v <= 2 * e + 1).
  { intros v G. rewrite Rabs_mult, (Rabs_pos_eq O) in G by lra. apply Rmult_le_reg_l with O; [assumption|]. lra. }
  destruct (hidden c) eqn:E.
  - specialize (L Tanh ltac:(easy)). apply G. rewrite dact_value. cbv iota. set (t := act Tanh x) in *. rewrite minus_IZR, !mult_IZR. fold U. set (g := IZR h) in *.
    pose proof (approx_product O O t t e e O O (K * g) (K * g) N N L L) as P.
    replace (O * (O * (1 - t * t) - K * ((U * U - g * g) / U))) with (- (O * t * (O * t) - K * g * (K * g))) by (rewrite EO; field; lra).
    rewrite Rabs_Ropp. lra.
  - specialize (L Sigmoid ltac:(easy)). apply G. rewrite dact_value. cbv iota.
    assert (L' : Rabs (O * (1 - act Sigmoid x)) <= O).
    { rewrite Rabs_mult, Rabs_pos_eq by lra. rewrite <- (Rmult_1_r O) at 2. apply Rmult_le_compat_l; [lra|].
      cbn [act]. rewrite sigmoid_tanh. pose proof (Tanh.th_bounds (x / 2)). apply Rabs_le. lra. }
    set (t := act Sigmoid x) in *. rewrite minus_IZR, !mult_IZR. fold U. set (g := IZR h) in *.
    assert (N' : Rabs (O * (1 - t) - (O - K * g)) <= e).
    { replace (O * (1 - t) - (O - K * g)) with (- (O * t - K * g)) by ring. now rewrite Rabs_Ropp. }
    pose proof (approx_product O O t (1 - t) e e O O (K * g) (O - K * g) N N' L L') as P.
    replace (O * (O * (t * (1 - t)) - K * ((U * g - g * g) / U))) with (O * t * (O * (1 - t)) - K * g * (O - K * g)) by (rewrite EO; field; lra).
    lra.
  - specialize (EX eq_refl).
    assert (Z0 : O * dact Relu x - K * (IZR (if (0 <? h)%Z then (unit w * unit w)%Z else 0%Z) / U) = 0).
    { cbn [dact]. destruct (Z.ltb_spec 0 h) as [P|P]; destruct (Rlt_dec 0 x) as [Q|Q]; try tauto.
      - rewrite mult_IZR. fold U. rewrite EO. field. lra.
      - apply EX in Q. lia.
      - unfold Rdiv. ring. }
    rewrite Z0, Rabs_R0. lra.
Qed.
End Derivative.
