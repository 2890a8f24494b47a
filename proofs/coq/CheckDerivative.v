(** * Derivatives read off the rounded hidden values; for ReLU those that the checker takes, exactly: 0, 1 or the mean of both *)

From Coq Require Import Reals Lra Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Activation TwoLayer Rows
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckHidden.
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
Notation Tan := (valuesZ c Ps).
Notation Hid := (hiddenZ w Tan).
Notation XX := (gramZ c w V X).
Notation ed := (e_dot c W X).
Notation et := (e_value c + e_pre c w ed)%Z.
Notation eh := (e_hid w et).
Notation eg := (e_gram c X).
Notation Src := (sourceZ c w XX Ps Hid eg eh).
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
Notation hid_near := (CheckHidden.hid_near c w V Hcheck).
Notation K_pos := (CheckHidden.K_pos c w V Hcheck).
Notation U_pos := (CheckHidden.U_pos c w V Hcheck).
Notation one_KU := (CheckHidden.one_KU c w V Hcheck).
Notation gram_value := (CheckForward.gram_value c w V Hcheck).
Notation Ps_length := (CheckForward.Ps_length c w V).

(** ** The slopes of ReLU *)
Lemma sides_row i : (i < n)%nat -> row (sidesZ c w XX Ps eg eh) i = if zero_sample c i (row Ps i) then map (fun _ => 0%Z) (row Ps i)
  else map (sideZ c w eh (radius w * radius w * inject_Z (one * one * (at_ (row XX i) i + eg)))) (row Ps i).
Proof.
  intros Hi. unfold sidesZ. exact (nth_seq_map (fun i => if zero_sample c i (row Ps i) then map (fun _ => 0%Z) (row Ps i)
    else map (sideZ c w eh (radius w * radius w * inject_Z (one * one * (at_ (row XX i) i + eg)))) (row Ps i)) n i [] Hi).
Qed.
Lemma Src_count : length Src = n.
Proof. unfold sourceZ. destruct (hidden c); try apply (CheckHidden.H_count c w V). unfold sidesZ. now rewrite map_length, seq_length. Qed.
Lemma Src_length i : (i < n)%nat -> length (row Src i) = m.
Proof.
  intros Hi. pose proof (CheckHidden.H_length c w V i Hi) as H. unfold sourceZ. destruct (hidden c); try assumption.
  rewrite sides_row by assumption. destruct (zero_sample c i (row Ps i)); now rewrite map_length, Ps_length.
Qed.

(** A sample is zero, or a unit's slope is decided by its distance from the kink. *)
Lemma side_cases r i : hidden c = Relu -> (r < m)%nat -> (i < n)%nat ->
  (zero_sample c i (row Ps i) = true /\ at_ (row Src i) r = 0%Z) \/
  at_ (row Src i) r = sideZ c w eh (radius w * radius w * inject_Z (one * one * (at_ (row XX i) i + eg))) (at_ (row Ps i) r).
Proof.
  intros E Hr Hi. unfold sourceZ. rewrite E, sides_row by assumption. pose proof (Ps_length i Hi) as L.
  destruct (zero_sample c i (row Ps i)); [left; split; [reflexivity|]|right]; now rewrite (nth_map_lt _ _ _ 0%Z) by (now rewrite L).
Qed.
Lemma side_range r i : hidden c = Relu -> (0 <= at_ (row Src i) r <= 2)%Z.
Proof.
  intros E. destruct (Nat.lt_ge_cases i n) as [Hi|Hi]; [|rewrite (nth_overflow Src) by (now rewrite Src_count); rewrite nth_nil_Z; lia].
  destruct (Nat.lt_ge_cases r m) as [Hr|Hr]; [|rewrite nth_overflow by (now rewrite Src_length); lia].
  destruct (side_cases r i E Hr Hi) as [[_ ->] | ->]; [lia|]. unfold sideZ.
  destruct (off_kink _ _ _ _ _); [destruct (0 <? _)%Z|]; lia.
Qed.
Definition side_of (r i : nat) : R := IZR (at_ (row Src i) r) / 2.
Lemma side_unit r i : hidden c = Relu -> 0 <= side_of r i <= 1.
Proof. intros E. destruct (side_range r i E) as [L H]. apply IZR_le in L, H. unfold side_of. lra. Qed.

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

(** The derivative from the rounded hidden value. *)
Lemma derivative_near r i : (r < m)%nat -> (i < n)%nat ->
  Rabs (IZR one * sided (hidden c) (side_of r i) (pre_ r i) - K * (IZR (derivativeZ c (unit w) (at_ (row Src i) r)) / U)) <= IZR (slope_gain c eh).
Proof.
  intros Hr Hi. pose proof (hid_near r i Hr Hi) as N.
  replace (IZR (slope_gain c eh)) with (match hidden c with Relu => 0 | _ => 2 * IZR eh + 1 end)
    by (unfold slope_gain; destruct (hidden c); rewrite ?plus_IZR, ?mult_IZR; reflexivity).
  unfold hid in N. assert (ES : hidden c <> Relu -> at_ (row Src i) r = at_ (row Hid i) r) by (intros; unfold sourceZ; now destruct (hidden c)).
  assert (EP : forall t, hidden c <> Relu -> sided (hidden c) t (pre_ r i) = dact (hidden c) (pre_ r i)) by (intros; now destruct (hidden c)).
  assert (EU : (unit w * unit w = 2 * (unit w * unit w / 2))%Z).
  { unfold unit. pose proof (s_k _ _ shaped). replace (28 - k w)%Z with (1 + (27 - k w))%Z by ring. rewrite Z.pow_add_r, Z.pow_1_r by lia.
    set (t := (2 ^ (27 - k w))%Z). replace (2 * t * (2 * t))%Z with (2 * t * t * 2)%Z by ring. rewrite Z.div_mul by lia. ring. }
  unfold side_of. set (h := at_ (row Hid i) r) in *. set (g := at_ (row Src i) r) in *. set (x := pre_ r i) in *. clearbody h g x.
  pose proof (t_eh _ _ _ passed) as E2. apply IZR_le in E2. rewrite mult_IZR in E2.
  assert (He : 0 <= IZR eh) by (eapply Rle_trans; [apply Rabs_pos|exact N]).
  set (e := IZR eh) in *. clearbody e. pose proof K_pos as HK. pose proof U_pos as HU. pose proof one_KU as EO.
  unfold derivativeZ. fold U. set (O := IZR one) in *. clearbody O. assert (OP : 0 < O) by (rewrite EO; now apply Rmult_lt_0_compat).
  assert (L : forall a, a <> Relu -> Rabs (O * act a x) <= O).
  { intros a Ha. rewrite Rabs_mult, Rabs_pos_eq by lra. rewrite <- (Rmult_1_r O) at 2. apply Rmult_le_compat_l; [lra|now apply act_le_1]. }
  assert (G : forall v, Rabs (O * v) <= 2 * e * O + e * e -> Rabs v <= 2 * e + 1).
  { intros v G. rewrite Rabs_mult, (Rabs_pos_eq O) in G by lra. apply Rmult_le_reg_l with O; [assumption|]. lra. }
  destruct (hidden c) eqn:E.
  - rewrite EP, ES by easy. specialize (L Tanh ltac:(easy)). apply G. rewrite dact_value. cbv iota. set (t := act Tanh x) in *. rewrite minus_IZR, !mult_IZR. fold U. set (v := IZR h) in *.
    pose proof (approx_product O O t t e e O O (K * v) (K * v) N N L L) as P.
    replace (O * (O * (1 - t * t) - K * ((U * U - v * v) / U))) with (- (O * t * (O * t) - K * v * (K * v))) by (rewrite EO; field; lra).
    rewrite Rabs_Ropp. lra.
  - rewrite EP, ES by easy. specialize (L Sigmoid ltac:(easy)). apply G. rewrite dact_value. cbv iota.
    assert (L' : Rabs (O * (1 - act Sigmoid x)) <= O).
    { rewrite Rabs_mult, Rabs_pos_eq by lra. rewrite <- (Rmult_1_r O) at 2. apply Rmult_le_compat_l; [lra|].
      cbn [act]. rewrite sigmoid_tanh. pose proof (Tanh.th_bounds (x / 2)). apply Rabs_le. lra. }
    set (t := act Sigmoid x) in *. rewrite minus_IZR, !mult_IZR. fold U. set (v := IZR h) in *.
    assert (N' : Rabs (O * (1 - t) - (O - K * v)) <= e).
    { replace (O * (1 - t) - (O - K * v)) with (- (O * t - K * v)) by ring. now rewrite Rabs_Ropp. }
    pose proof (approx_product O O t (1 - t) e e O O (K * v) (O - K * v) N N' L L') as P.
    replace (O * (O * (t * (1 - t)) - K * ((U * v - v * v) / U))) with (O * t * (O * (1 - t)) - K * v * (O - K * v)) by (rewrite EO; field; lra).
    lra.
  - cbn [sided]. cbv iota. rewrite mult_IZR. set (q := (unit w * unit w / 2)%Z) in *. apply (f_equal IZR) in EU. rewrite !mult_IZR in EU. fold U in EU.
    replace (O * (IZR g / 2) - K * (IZR g * IZR q / U)) with 0; [rewrite Rabs_R0; lra|].
    replace (IZR q) with (U * U / 2) by lra. rewrite EO. field. lra.
Qed.
End Derivative.
