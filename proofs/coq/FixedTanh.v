(** * tanh by integers alone

    tanh(g/256) comes from a table that the addition theorem fills (in units of 2^-40); between its points
    tanh(x + h) = t + (1 - t^2) h - (1 - t^2) t h^2 up to h^3/3 with t = tanh x: two short products and no division,
    in units of 2^-28. *)

From Coq Require Import Reals Lra Psatz Lia ZArith List.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Segment Tanh Fixed.
Import ListNotations.
Open Scope R_scope.

(** ** Facts about tanh *)
Lemma th_add x y : th (x + y) = (th x + th y) / (1 + th x * th y).
Proof.
  rewrite !th_exp, Ropp_plus_distr, !exp_plus.
  pose proof (exp_pos x). pose proof (exp_pos (- x)). pose proof (exp_pos y). pose proof (exp_pos (- y)).
  set (a := exp x) in *. set (b := exp (- x)) in *. set (c := exp y) in *. set (d := exp (- y)) in *.
  assert (0 < a * c) by nra. assert (0 < b * d) by nra. field. repeat split; nra.
Qed.

Lemma th_0 : th 0 = 0.
Proof. rewrite th_exp, Ropp_0, exp_0. field. Qed.

Lemma th_opp x : th (- x) = - th x.
Proof. rewrite !th_exp, Ropp_involutive. pose proof (th_denominator x). field. lra. Qed.

Lemma compare (f f' g g' : R -> R) T : 0 <= T ->
  (forall t, is_derive f t (f' t)) -> (forall t, is_derive g t (g' t)) ->
  (forall t, 0 <= t <= T -> f' t <= g' t) -> f 0 = g 0 -> f T <= g T.
Proof.
  intros HT Hf Hg Hle H0.
  pose proof (mean_value_majorant f f' g g' T HT) as M. 
  assert (f T - f 0 <= g T - g 0); [|lra]. apply M; auto.
Qed.

Lemma th_nonneg x : 0 <= x -> 0 <= th x.
Proof.
  intros H. apply (compare (fun _ => 0) (fun _ => 0) th dth x H).
  - intros. apply @is_derive_const.
  - apply th_derive.
  - intros t _. pose proof (dth_bounds t). lra.
  - now rewrite th_0.
Qed.

Lemma th_le x : 0 <= x -> th x <= x.
Proof.
  intros H. apply (compare th dth (fun t => t) (fun _ => 1) x H).
  - apply th_derive.
  - intros. apply @is_derive_id.
  - intros t _. pose proof (dth_bounds t). lra.
  - apply th_0.
Qed.

(** Derivatives of polynomials ([auto_derive] would do, at the price of an axiom of classical logic). *)
Lemma d_mul (f g : R -> R) x a b : is_derive f x a -> is_derive g x b -> is_derive (fun t => f t * g t) x (a * g x + f x * b).
Proof. intros. apply (is_derive_mult f g); [assumption|assumption|]. intros. apply Rmult_comm. Qed.
Lemma d_plus (f g : R -> R) x a b : is_derive f x a -> is_derive g x b -> is_derive (fun t => f t + g t) x (a + b).
Proof. exact (is_derive_plus f g x a b). Qed.
Lemma d_minus (f g : R -> R) x a b : is_derive f x a -> is_derive g x b -> is_derive (fun t => f t - g t) x (a - b).
Proof. exact (is_derive_minus f g x a b). Qed.
Lemma d_const (c x : R) : is_derive (fun _ : R => c) x 0. Proof. apply @is_derive_const. Qed.
Lemma d_id (x : R) : is_derive (fun t : R => t) x 1. Proof. apply @is_derive_id. Qed.
Lemma d_cube x : is_derive (fun t : R => t * t * t) x (3 * (x * x)).
Proof.
  replace (3 * (x * x)) with ((1 * x + x * 1) * x + x * x * 1) by ring.
  exact (d_mul _ _ _ _ _ (d_mul _ _ _ _ _ (d_id x) (d_id x)) (d_id x)).
Qed.
Lemma d_fifth x : is_derive (fun t : R => t * t * t * t * t) x (5 * (x * x * x * x)).
Proof.
  replace (5 * (x * x * x * x)) with ((3 * (x * x) * x + x * x * x * 1) * x + x * x * x * x * 1) by ring.
  exact (d_mul _ _ _ _ _ (d_mul _ _ _ _ _ (d_cube x) (d_id x)) (d_id x)).
Qed.

Lemma th_cubic_low x : 0 <= x -> x - x * x * x / 3 <= th x.
Proof.
  intros H. apply (compare (fun t => t - t * t * t / 3) (fun t => 1 - t * t) th dth x H).
  - intros t. replace (1 - t * t) with (1 - (3 * (t * t) * / 3 + t * t * t * 0)) by field.
    exact (d_minus _ _ _ _ _ (d_id t) (d_mul _ _ _ _ _ (d_cube t) (d_const (/ 3) t))).
  - apply th_derive.
  - intros t Ht. unfold dth. pose proof (th_nonneg t ltac:(lra)). pose proof (th_le t ltac:(lra)). nra.
  - rewrite th_0. field.
Qed.

Lemma th_cubic_high x : 0 <= x <= 1 -> th x <= x - x * x * x / 3 + 2 * (x * x * x * x * x) / 15.
Proof.
  intros [H H1].
  apply (compare th dth (fun t => t - t * t * t / 3 + 2 * (t * t * t * t * t) / 15)
           (fun t => 1 - t * t + 2 * (t * t * t * t) / 3) x H).
  - apply th_derive.
  - intros t. replace (1 - t * t + 2 * (t * t * t * t) / 3)
      with (1 - (3 * (t * t) * / 3 + t * t * t * 0)
            + ((0 * (t * t * t * t * t) + 2 * (5 * (t * t * t * t))) * / 15 + 2 * (t * t * t * t * t) * 0)) by field.
    exact (d_plus _ _ _ _ _ (d_minus _ _ _ _ _ (d_id t) (d_mul _ _ _ _ _ (d_cube t) (d_const (/ 3) t)))
      (d_mul _ _ _ _ _ (d_mul _ _ _ _ _ (d_const 2 t) (d_fifth t)) (d_const (/ 15) t))).
  - intros t Ht. unfold dth. pose proof (th_cubic_low t ltac:(lra)) as Hl.
    assert (0 <= t * t <= 1) by nra.
    assert (0 <= t - t * t * t / 3) by nra.
    assert (0 <= t * t * (t * t) * (t * t)) by (apply Rmult_le_pos; [nra|lra]).
    assert ((t - t * t * t / 3) * (t - t * t * t / 3) <= th t * th t) by (apply Rmult_le_compat; assumption).
    nra.
  - rewrite th_0. field.
Qed.


(** Two terms of the Taylor series at x, with t = tanh x. *)
Lemma th_second_order x h : 0 <= x -> 0 <= h <= 1 / 2 ->
  let t := th x in let d := 1 - t * t in
  Rabs (th (x + h) - (t + d * h - d * (h * h) * t)) <= h * h * h / 3.
Proof.
  intros Hx Hh t d. pose proof (th_nonneg x Hx) as T0. pose proof (th_bounds x) as T1. fold t in T0, T1.
  pose proof (th_cubic_low h ltac:(lra)) as U0. pose proof (th_le h ltac:(lra)) as U1. pose proof (th_nonneg h ltac:(lra)) as U2.
  rewrite th_add. fold t. set (u := th h) in *.
  assert (Htu : 0 <= t * u) by (apply Rmult_le_pos; lra).
  assert (Hd : 0 <= d <= 1) by (unfold d; nra).
  (* the quotient is d u (1 - t u) plus a small square *)
  set (w := (t * u) * (t * u) / (1 + t * u)).
  assert (Hw : 0 <= w <= (t * u) * (t * u)).
  { unfold w. split; [apply Rdiv_le_0_compat; [apply Rle_0_sqr|lra]|].
    apply Rle_div_l; [lra|]. pose proof (Rle_0_sqr (t * u)) as S. unfold Rsqr in S. nra. }
  replace ((t + u) / (1 + t * u) - (t + d * h - d * (h * h) * t))
    with (d * u * w - d * ((h - u) * (1 - t * (u + h)))) by (unfold w, d; field; lra).
  assert (Hdt : d * (t * t) <= / 4).
  { unfold d. pose proof (Rle_0_sqr (t * t - / 2)) as S. unfold Rsqr in S. nra. }
  assert (Hu3 : u * u * u <= h * h * h).
  { assert (u * u <= h * h) by (apply Rmult_le_compat; lra). apply Rmult_le_compat; nra. }
  assert (H3 : 0 <= u * u * u) by (apply Rmult_le_pos; [apply Rmult_le_pos|]; assumption).
  assert (A : 0 <= d * u * w <= h * h * h / 4).
  { split; [apply Rmult_le_pos; [apply Rmult_le_pos; lra|lra]|].
    apply Rle_trans with (d * u * ((t * u) * (t * u))); [apply Rmult_le_compat_l; [apply Rmult_le_pos; lra|lra]|].
    replace (d * u * (t * u * (t * u))) with (d * (t * t) * (u * u * u)) by ring.
    assert (0 <= d * (t * t)) by (apply Rmult_le_pos; [lra|apply Rle_0_sqr]).
    apply Rle_trans with (/ 4 * (h * h * h)); [apply Rmult_le_compat; lra|lra]. }
  assert (B : 0 <= d * ((h - u) * (1 - t * (u + h))) <= h * h * h / 3).
  { assert (0 <= h - u <= h * h * h / 3) by lra.
    assert (0 <= 1 - t * (u + h) <= 1).
    { assert (0 <= t * (u + h)) by (apply Rmult_le_pos; lra). assert (t * (u + h) <= 1 * 1) by (apply Rmult_le_compat; lra). lra. }
    assert (0 <= (h - u) * (1 - t * (u + h))) by (apply Rmult_le_pos; lra).
    assert ((h - u) * (1 - t * (u + h)) <= h * h * h / 3 * 1) by (apply Rmult_le_compat; lra).
    split; [apply Rmult_le_pos; lra|].
    apply Rle_trans with (1 * (h * h * h / 3 * 1)); [apply Rmult_le_compat; lra|lra]. }
  apply Rabs_le. lra.
Qed.

(** ** The addition theorem on integers, in units of 2^-40 *)
Definition fine : Z := 1099511627776.     (* 2^40 *)
Definition step : Z := 4294967296.        (* 2^32: 1/256 *)

Definition addZ (t u : Z) : Z := ((t + u) * (fine * fine)) / (fine * fine + t * u).

(** The addition theorem is 1-Lipschitz in both arguments on the non-negative numbers. *)
Lemma add_lipschitz t u t' u' : 0 <= t <= 1 -> 0 <= u <= 1 -> 0 <= t' <= 1 -> 0 <= u' <= 1 ->
  Rabs ((t + u) / (1 + t * u) - (t' + u') / (1 + t' * u')) <= Rabs (t - t') + Rabs (u - u').
Proof.
  assert (G : forall a b c, 0 <= a <= 1 -> 0 <= b <= 1 -> 0 <= c <= 1 ->
            Rabs ((a + c) / (1 + a * c) - (b + c) / (1 + b * c)) <= Rabs (a - b)).
  { intros a b c Ha Hb Hc. assert (0 <= a * c) by nra. assert (0 <= b * c) by nra.
    replace ((a + c) / (1 + a * c) - (b + c) / (1 + b * c))
      with ((a - b) * ((1 - c * c) / ((1 + a * c) * (1 + b * c)))) by (field; lra).
    rewrite Rabs_mult. rewrite <- (Rmult_1_r (Rabs (a - b))) at 2.
    apply Rmult_le_compat_l; [apply Rabs_pos|].
    assert (1 <= (1 + a * c) * (1 + b * c)) by nra.
    rewrite Rabs_pos_eq.
    - apply Rle_div_l; nra.
    - apply Rdiv_le_0_compat; nra. }
  intros Ht Hu Ht' Hu'.
  replace ((t + u) / (1 + t * u) - (t' + u') / (1 + t' * u'))
    with (((t + u) / (1 + t * u) - (t' + u) / (1 + t' * u)) + ((u + t') / (1 + u * t') - (u' + t') / (1 + u' * t'))).
  2:{ rewrite (Rplus_comm u t'), (Rmult_comm u t'), (Rplus_comm u' t'), (Rmult_comm u' t'). ring. }
  eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; apply G; assumption.
Qed.

Lemma fine_pos : 0 < IZR fine.
Proof. unfold fine. lra. Qed.

Lemma addZ_correct e1 e2 x y t u :
  0 <= x -> 0 <= y -> (0 <= t <= fine)%Z -> (0 <= u <= fine)%Z ->
  near fine e1 (th x) t -> near fine e2 (th y) u ->
  near fine (e1 + e2 + 1) (th (x + y)) (addZ t u) /\ (0 <= addZ t u <= fine)%Z.
Proof.
  intros Hx Hy Ht Hu Hnt Hnu.
  assert (HD : (0 < fine * fine + t * u)%Z) by (unfold fine in *; nia).
  pose proof (div_floor ((t + u) * (fine * fine)) _ HD) as HF. fold (addZ t u) in HF.
  assert (Hr : (0 <= addZ t u <= fine)%Z).
  { split.
    - apply Z.div_pos; [unfold fine in *; nia|exact HD].
    - apply Z.div_le_upper_bound; [exact HD|]. unfold fine in *. nia. }
  split; [|exact Hr].
  unfold near in *. rewrite !plus_IZR. rewrite th_add.
  pose proof fine_pos as H1. set (O := IZR fine) in *.
  set (t' := IZR t / O). set (u' := IZR u / O).
  assert (Et : IZR t = O * t') by (unfold t'; field; lra).
  assert (Eu : IZR u = O * u') by (unfold u'; field; lra).
  assert (Ht' : 0 <= t' <= 1).
  { split; [apply Rdiv_le_0_compat; [apply IZR_le; lia|lra]|].
    apply Rle_div_l; [lra|]. rewrite Rmult_1_l. apply IZR_le. lia. }
  assert (Hu' : 0 <= u' <= 1).
  { split; [apply Rdiv_le_0_compat; [apply IZR_le; lia|lra]|].
    apply Rle_div_l; [lra|]. rewrite Rmult_1_l. apply IZR_le. lia. }
  pose proof (th_nonneg x Hx). pose proof (th_bounds x). pose proof (th_nonneg y Hy). pose proof (th_bounds y).
  pose proof (add_lipschitz (th x) (th y) t' u' ltac:(lra) ltac:(lra) Ht' Hu') as HL.
  assert (B1 : O * Rabs (th x - t') <= IZR e1).
  { rewrite <- (Rabs_pos_eq O) at 1 by lra. rewrite <- Rabs_mult, Rmult_minus_distr_l, <- Et. exact Hnt. }
  assert (B2 : O * Rabs (th y - u') <= IZR e2).
  { rewrite <- (Rabs_pos_eq O) at 1 by lra. rewrite <- Rabs_mult, Rmult_minus_distr_l, <- Eu. exact Hnu. }
  set (v := (th x + th y) / (1 + th x * th y)) in *.
  set (v' := (t' + u') / (1 + t' * u')) in *.
  (* the quotient before rounding is O v' *)
  assert (Hv : O * v' - 1 <= IZR (addZ t u) <= O * v').
  { rewrite !mult_IZR, !plus_IZR, !mult_IZR in HF. fold O in HF. rewrite Et, Eu in HF.
    assert (0 <= t' * u') by nra. assert (0 < 1 + t' * u') by lra.
    assert (Ev : v' * (1 + t' * u') = t' + u') by (unfold v'; field; lra).
    assert (EN : (O * t' + O * u') * (O * O) = O * v' * (O * O + O * t' * (O * u'))).
    { replace (O * v' * (O * O + O * t' * (O * u'))) with (O * O * O * (v' * (1 + t' * u'))) by ring.
      rewrite Ev. ring. }
    assert (0 < O * O + O * t' * (O * u')).
    { replace (O * O + O * t' * (O * u')) with (O * O * (1 + t' * u')) by ring.
      apply Rmult_lt_0_compat; [nra|lra]. }
    rewrite EN in HF. destruct HF as [F1 F2]. split.
    - apply Rlt_le. apply Rmult_lt_reg_r in F2; [lra|assumption].
    - apply Rmult_le_reg_r in F1; [lra|assumption]. }
  assert (O * Rabs (v - v') <= O * (Rabs (th x - t') + Rabs (th y - u'))) by (apply Rmult_le_compat_l; lra).
  assert (Rabs (O * v - O * v') <= IZR e1 + IZR e2).
  { rewrite <- Rmult_minus_distr_l, Rabs_mult, (Rabs_pos_eq O) by lra. lra. }
  replace (O * v - IZR (addZ t u)) with ((O * v - O * v') + (O * v' - IZR (addZ t u))) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_pos_eq (O * v' - _)) by lra. lra.
Qed.

(** tanh h for 0 <= h <= 1/256, from h - h^3/3. *)
Definition smallZ (h : Z) : Z := h - (h * h * h) / (3 * (fine * fine)).

Lemma smallZ_correct h : (0 <= h <= step)%Z ->
  near fine 1 (th (IZR h / IZR fine)) (smallZ h) /\ (0 <= smallZ h <= fine)%Z.
Proof.
  intros Hh. pose proof (div_floor (h * h * h) (3 * (fine * fine)) ltac:(unfold fine; lia)) as HF.
  assert (Hd : (0 <= h * h * h / (3 * (fine * fine)) <= h)%Z).
  { split; [apply Z.div_pos; unfold fine; nia|]. apply Z.div_le_upper_bound; unfold fine, step in *; nia. }
  split; [|unfold smallZ, fine, step in *; lia].
  set (y := IZR h / IZR fine). pose proof fine_pos as H1. set (O := IZR fine) in *.
  assert (Eh : IZR h = O * y) by (unfold y; field; lra).
  assert (Hy : 0 <= y <= / 256).
  { split; [apply Rdiv_le_0_compat; [apply IZR_le; lia|lra]|].
    unfold y. apply Rle_div_l; [lra|]. replace (/ 256 * O) with (IZR step) by (unfold O, fine, step; lra).
    apply IZR_le. lia. }
  unfold near, smallZ. fold O. rewrite minus_IZR. set (k := IZR (h * h * h / (3 * (fine * fine)))) in *.
  rewrite !mult_IZR in HF. fold O in HF. rewrite Eh in *.
  pose proof (th_cubic_low y ltac:(lra)) as L. pose proof (th_cubic_high y ltac:(lra)) as U.
  assert (K : O * (y * y * y / 3) - 1 <= k <= O * (y * y * y / 3)).
  { assert (0 < 3 * (O * O)) by nra.
    replace (O * y * (O * y) * (O * y)) with (O * (y * y * y / 3) * (3 * (O * O))) in HF by field.
    destruct HF as [F1 F2]. apply Rmult_le_reg_r in F1; [|assumption].
    apply Rmult_lt_reg_r in F2; [|assumption]. lra. }
  assert (Y : O * (2 * (y * y * y * y * y) / 15) <= 1).
  { assert (y * y <= / 256 * / 256) by (apply Rmult_le_compat; lra).
    assert (0 <= y * y) by nra.
    assert (y * y * (y * y) <= / 256 * / 256 * (/ 256 * / 256)) by (apply Rmult_le_compat; lra).
    assert (0 <= y * y * (y * y)) by nra.
    assert (y * y * (y * y) * y <= / 256 * / 256 * (/ 256 * / 256) * / 256) by (apply Rmult_le_compat; lra).
    unfold O, fine. lra. }
  assert (O * (y - y * y * y / 3) <= O * th y) by (apply Rmult_le_compat_l; lra).
  assert (O * th y <= O * (y - y * y * y / 3 + 2 * (y * y * y * y * y) / 15)) by (apply Rmult_le_compat_l; lra).
  apply Rabs_le. lra.
Qed.


(** ** The table of tanh(g/256) *)
Definition t1 : Z := smallZ step.
Fixpoint table_from (t : Z) (k : nat) : list Z :=
  match k with O => [] | S k => t :: table_from (addZ t t1) k end.

Lemma table_correct k : forall t x e g, (g < k)%nat -> 0 <= x -> (0 <= t <= fine)%Z -> near fine e (th x) t ->
  let v := nth g (table_from t k) 0%Z in
  near fine (e + 2 * Z.of_nat g) (th (x + INR g / 256)) v /\ (0 <= v <= fine)%Z.
Proof.
  induction k as [|k IH]; intros t x e g Hg Hx Ht Hn v; [lia|]. destruct g as [|g].
  - unfold v; cbn [nth table_from]. rewrite Z.mul_0_r, Z.add_0_r. replace (x + INR 0 / 256) with x by (cbn; field).
    split; assumption.
  - unfold v; cbn [nth table_from].
    destruct (smallZ_correct step ltac:(unfold step; lia)) as [S1 S2]. fold t1 in S1, S2.
    replace (IZR step / IZR fine) with (/ 256) in S1 by (unfold step, fine; field).
    destruct (addZ_correct e 1 x (/ 256) t t1 Hx ltac:(lra) Ht S2 Hn S1) as [A1 A2].
    destruct (IH (addZ t t1) (x + / 256) (e + 1 + 1)%Z g ltac:(lia) ltac:(lra) A2 A1) as [B1 B2]. cbn zeta in B1, B2.
    split; [|exact B2].
    replace (x + INR (S g) / 256) with (x + / 256 + INR g / 256) by (rewrite S_INR; field).
    replace (e + 2 * Z.of_nat (S g))%Z with (e + 1 + 1 + 2 * Z.of_nat g)%Z by lia. exact B1.
Qed.


(** ** The table in units of 2^-28, with the derivative 1 - t^2 beside each value *)
Definition one : Z := 268435456.          (* 2^28 *)
Definition table_size : nat := Z.to_nat 4096.
Definition limit : Z := 4294967296.       (* 16 in units of [one] *)

Definition reduce (v : Z) : Z * Z := let t := Z.shiftr v 12 in (t, Z.shiftr (one * one - t * t) 28).
Definition table : list (Z * Z) := map reduce (table_from 0 table_size).

Definition tanh_pos (tab : list (Z * Z)) (z : Z) : Z :=
  let g := Z.shiftr z 20 in let h := (z - Z.shiftl g 20)%Z in
  let (t, D) := nth (Z.to_nat g) tab (0, 0)%Z in
  let p := Z.shiftr (D * h) 28 in
  (t + p - Z.shiftr (Z.shiftr (p * h) 28 * t) 28)%Z.
Definition tanhZ (tab : list (Z * Z)) (z : Z) : Z :=
  if (z <? 0)%Z then (- tanh_pos tab (- z))%Z else tanh_pos tab z.

(** The kernel shall not compute the table while it compares terms; [vm_compute] is not affected. *)
#[global] Strategy 1000 [table table_from table_size].

Lemma one_pos : 0 < IZR one.
Proof. unfold one. lra. Qed.

Lemma length_table_from k t : length (table_from t k) = k.
Proof. revert t. induction k as [|k IH]; intros t; cbn; [reflexivity|]. now rewrite IH. Qed.

Lemma shift_12 v : IZR v / 4096 - 1 <= IZR (Z.shiftr v 12) <= IZR v / 4096.
Proof. apply (shift_floor v 12). lia. Qed.
Lemma shift_28 v : IZR v / IZR one - 1 <= IZR (Z.shiftr v 28) <= IZR v / IZR one.
Proof. apply (shift_floor v 28). lia. Qed.

Lemma table_entry g : (0 <= g < 4096)%Z ->
  let v := nth (Z.to_nat g) (table_from 0 table_size) 0%Z in
  nth (Z.to_nat g) table (0, 0)%Z = reduce v /\ near fine 8192 (th (IZR g / 256)) v /\ (0 <= v <= fine)%Z.
Proof.
  intros Hg v.
  assert (Hn : (Z.to_nat g < table_size)%nat) by (unfold table_size; apply Z2Nat.inj_lt; lia).
  assert (H0 : near fine 0 (th 0) 0) by (unfold near; rewrite th_0, Rmult_0_r, Rminus_0_r, Rabs_R0; lra).
  destruct (table_correct table_size 0 0 0 (Z.to_nat g) Hn ltac:(lra) ltac:(unfold fine; lia) H0) as [T1 T2].
  cbn zeta in T1, T2. rewrite Z2Nat.id in T1 by lia. rewrite INR_IZR_INZ, Z2Nat.id, Rplus_0_l in T1 by lia.
  split; [|split; [eapply near_weaken; [|exact T1]; lia|exact T2]].
  unfold table. rewrite (nth_indep _ (0, 0)%Z (reduce 0)); [apply map_nth|].
  rewrite map_length, length_table_from. exact Hn.
Qed.

Lemma tanh_pos_correct z : (0 <= z < limit)%Z -> near one 16 (th (IZR z / IZR one)) (tanh_pos table z).
Proof.
  intros Hz. unfold tanh_pos. set (g := Z.shiftr z 20). set (h := (z - Z.shiftl g 20)%Z).
  assert (Hgh : (0 <= g < 4096 /\ 0 <= h < 1048576 /\ z = g * 1048576 + h)%Z).
  { unfold h, g. rewrite Z.shiftl_mul_pow2, Z.shiftr_div_pow2 by lia. change (2 ^ 20)%Z with 1048576%Z.
    unfold limit in Hz. pose proof (Z.div_mod z 1048576 ltac:(lia)). pose proof (Z.mod_pos_bound z 1048576 ltac:(lia)). lia. }
  clearbody g h. destruct Hgh as (Hg & Hh & Ez).
  destruct (table_entry g Hg) as (En & Hv & Bv). cbn zeta in En, Hv, Bv. rewrite En.
  set (v := nth (Z.to_nat g) (table_from 0 table_size) 0%Z) in *. clearbody v. unfold reduce.
  set (x := IZR g / 256) in *. assert (Hx : 0 <= x) by (apply Rdiv_le_0_compat; [apply IZR_le; lia|lra]).
  (* T, D, P, Q, S: the integers in units of [one], as reals *)
  pose proof (shift_12 v) as FT. set (ti := Z.shiftr v 12) in *.
  pose proof (shift_28 (one * one - ti * ti)) as FD. set (Di := Z.shiftr (one * one - ti * ti) 28) in *.
  pose proof (shift_28 (Di * h)) as FP. set (pi := Z.shiftr (Di * h) 28) in *.
  pose proof (shift_28 (pi * h)) as FQ. set (qi := Z.shiftr (pi * h) 28) in *.
  pose proof (shift_28 (qi * ti)) as FS. set (si := Z.shiftr (qi * ti) 28) in *.
  unfold near in *. rewrite minus_IZR, plus_IZR.
  rewrite minus_IZR, !mult_IZR in FD. rewrite mult_IZR in FP, FQ, FS.
  assert (Bt : (0 <= ti <= one)%Z).
  { unfold ti. rewrite Z.shiftr_div_pow2 by lia. change (2 ^ 12)%Z with 4096%Z. unfold fine, one in *.
    split; [apply Z.div_pos; lia|]. apply Z.div_le_upper_bound; lia. }
  clearbody ti Di pi qi si.
  pose proof one_pos as O1. set (O := IZR one) in *.
  assert (EO : O = 268435456) by (unfold O, one; reflexivity).
  set (T := IZR ti / O). assert (ET : IZR ti = O * T) by (unfold T; field; lra).
  set (D := IZR Di / O). assert (ED : IZR Di = O * D) by (unfold D; field; lra).
  set (P := IZR pi / O). assert (EP : IZR pi = O * P) by (unfold P; field; lra).
  set (Q := IZR qi / O). assert (EQ : IZR qi = O * Q) by (unfold Q; field; lra).
  set (S := IZR si / O). assert (ES : IZR si = O * S) by (unfold S; field; lra).
  set (y := IZR h / O). assert (Eh : IZR h = O * y) by (unfold y; field; lra).
  assert (By : 0 <= y <= / 256).
  { unfold y. split; [apply Rdiv_le_0_compat; [apply IZR_le; lia|lra]|].
    apply Rle_div_l; [lra|]. rewrite EO. replace (/ 256 * 268435456) with 1048576 by lra. apply IZR_le. lia. }
  assert (BT : 0 <= T <= 1).
  { unfold T. split; [apply Rdiv_le_0_compat; [apply IZR_le; lia|lra]|].
    apply Rle_div_l; [lra|]. rewrite Rmult_1_l. apply IZR_le. lia. }
  replace (IZR z / O) with (x + y).
  2:{ unfold x, y. rewrite Ez, plus_IZR, mult_IZR, EO. field. }
  pose proof (th_second_order x y Hx ltac:(lra)) as TS. cbn zeta in TS.
  pose proof (th_nonneg x Hx). pose proof (th_bounds x). set (t := th x) in *. set (d := 1 - t * t) in *.
  set (ep := / O). assert (Eep : O * ep = 1) by (unfold ep; field; lra). assert (Hep : 0 < ep) by (unfold ep; now apply Rinv_0_lt_compat).
  assert (Bd : 0 <= d <= 1) by (unfold d; nra).
  (* the five errors, in units of 1/O *)
  assert (E1 : Rabs (t - T) <= 3 * ep).
  { apply Rabs_le_between in Hv. rewrite ET in FT. unfold fine in Hv. 
    assert (O * (t - T) <= O * (3 * ep) /\ - (O * (3 * ep)) <= O * (t - T)).
    { replace (O * (3 * ep)) with 3 by lra. rewrite Rmult_minus_distr_l. rewrite EO at 1 3. lra. }
    apply Rabs_le. split; [apply Rmult_le_reg_l with O|apply Rmult_le_reg_l with O]; lra. }
  assert (FD' : 1 - T * T - ep <= D <= 1 - T * T).
  { rewrite ET, ED in FD. replace ((O * O - O * T * (O * T)) / O) with (O * (1 - T * T)) in FD by (field; lra).
    split; apply Rmult_le_reg_l with O; lra. }
  assert (FP' : D * y - ep <= P <= D * y).
  { rewrite ED, EP, Eh in FP. replace (O * D * (O * y) / O) with (O * (D * y)) in FP by (field; lra).
    split; apply Rmult_le_reg_l with O; lra. }
  assert (FQ' : P * y - ep <= Q <= P * y).
  { rewrite EP, EQ, Eh in FQ. replace (O * P * (O * y) / O) with (O * (P * y)) in FQ by (field; lra).
    split; apply Rmult_le_reg_l with O; lra. }
  assert (FS' : Q * T - ep <= S <= Q * T).
  { rewrite EQ, ES, ET in FS. replace (O * Q * (O * T) / O) with (O * (Q * T)) in FS by (field; lra).
    split; apply Rmult_le_reg_l with O; lra. }
  assert (E2 : Rabs (D - d) <= 7 * ep).
  { assert (Rabs ((t - T) * (t + T)) <= 3 * ep * 2).
    { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [exact E1|]. rewrite Rabs_pos_eq; lra. }
    apply Rabs_le_between in H1. unfold d. apply Rabs_le. nra. }
  assert (E3 : Rabs (P - d * y) <= 2 * ep).
  { assert (Rabs ((D - d) * y) <= 7 * ep * / 256).
    { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [exact E2|]. rewrite Rabs_pos_eq; lra. }
    apply Rabs_le_between in H1. rewrite Rmult_minus_distr_r in H1. apply Rabs_le. lra. }
  assert (E4 : Rabs (Q - d * (y * y)) <= 2 * ep).
  { assert (Rabs ((P - d * y) * y) <= 2 * ep * / 256).
    { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [exact E3|]. rewrite Rabs_pos_eq; lra. }
    apply Rabs_le_between in H1. rewrite Rmult_minus_distr_r in H1. apply Rabs_le. lra. }
  assert (E5 : Rabs (S - d * (y * y) * t) <= 4 * ep).
  { assert (Rabs ((Q - d * (y * y)) * T) <= 2 * ep * 1).
    { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [exact E4|]. rewrite Rabs_pos_eq; lra. }
    assert (0 <= y * y <= / 256 * / 256) by (split; [apply Rle_0_sqr|apply Rmult_le_compat; lra]).
    assert (Rabs (d * (y * y) * (t - T)) <= / 256 * (3 * ep)).
    { rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [|exact E1].
      rewrite Rabs_pos_eq by (apply Rmult_le_pos; lra). apply Rle_trans with (1 * (/ 256 * / 256)); [apply Rmult_le_compat; lra|lra]. }
    apply Rabs_le_between in H1. apply Rabs_le_between in H3.
    rewrite Rmult_minus_distr_r in H1. rewrite Rmult_minus_distr_l in H3. apply Rabs_le. lra. }
  assert (E6 : y * y * y / 3 <= 6 * ep).
  { assert (y * y <= / 256 * / 256) by (apply Rmult_le_compat; lra). assert (0 <= y * y) by nra.
    assert (y * y * y <= / 256 * / 256 * / 256) by (apply Rmult_le_compat; lra). unfold ep. rewrite EO. lra. }
  assert (G : Rabs (th (x + y) - (T + P - S)) <= 16 * ep).
  { apply Rabs_le_between in E1. apply Rabs_le_between in E3. apply Rabs_le_between in E5. apply Rabs_le_between in TS.
    apply Rabs_le. lra. }
  rewrite ET, EP, ES. replace (O * th (x + y) - (O * T + O * P - O * S)) with (O * (th (x + y) - (T + P - S))) by ring.
  rewrite Rabs_mult, (Rabs_pos_eq O) by lra. apply Rle_trans with (O * (16 * ep)); [apply Rmult_le_compat_l; lra|lra].
Qed.

Theorem tanhZ_correct z : (Z.abs z < limit)%Z -> near one 16 (th (IZR z / IZR one)) (tanhZ table z).
Proof.
  intros Hz. unfold tanhZ. destruct (Z.ltb_spec z 0) as [Hn|Hn].
  - pose proof (tanh_pos_correct (- z) ltac:(lia)) as H. unfold near in *. rewrite !opp_IZR in *.
    pose proof one_pos. set (O := IZR one) in *. clearbody O. set (v := IZR (tanh_pos table (- z))) in *. clearbody v.
    replace (IZR z / O) with (- (- IZR z / O)) by (field; lra). rewrite th_opp, <- Rabs_Ropp.
    replace (- (O * - th (- IZR z / O) - - v)) with (O * th (- IZR z / O) - v) by ring. exact H.
  - apply tanh_pos_correct. lia.
Qed.
