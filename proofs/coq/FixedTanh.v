(** * tanh by integers alone

    tanh(g/256) comes from a table that the addition theorem fills (in units of 2^-40); between its points
    tanh(x + h) = t + (1 - t^2) h - (1 - t^2) t h^2 up to h^3/3 with t = tanh x: two short products and no division,
    in units of 2^-28. *)

From Coq Require Import Reals Lra Psatz Lia ZArith List.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Tanh TanhSeries Fixed Shift.
Import ListNotations.
Open Scope R_scope.

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
Definition limit : Z := 4294967296.       (* 16 in units of [one] *)

Definition reduce (v : Z) : Z * Z := let t := Z.shiftr v 12 in (t, Z.shiftr (one * one - t * t) 28).
(** Rows of 64 entries, the first k of 64 rows: as many as the arguments need. *)
Fixpoint rows {A} (k : nat) (l : list A) : list (list A) := match k with O => [] | S k => firstn 64 l :: rows k (skipn 64 l) end.
Definition table (k : nat) : list (list (Z * Z)) := rows k (map reduce (table_from 0 (k * 64))).

Definition shr20 : Z -> Z := shr 20.
Definition shr26 : Z -> Z := shr 26.
Definition shr28 : Z -> Z := shr 28.
Definition tanh_pos (tab : list (list (Z * Z))) (z : Z) : Z :=
  let a := shr26 z in let y := (z - 67108864 * a)%Z in let b := shr20 y in let h := (y - 1048576 * b)%Z in
  let (t, D) := nth (Z.to_nat b) (nth (Z.to_nat a) tab []) (0, 0)%Z in
  let p := shr28 (D * h) in
  (t + p - shr28 (shr28 (p * h) * t))%Z.
Definition tanhZ (tab : list (list (Z * Z))) (z : Z) : Z :=
  if (z <? 0)%Z then (- tanh_pos tab (- z))%Z else tanh_pos tab z.

(** The kernel shall not compute the table while it compares terms; [vm_compute] is not affected. *)
#[global] Strategy 1000 [table table_from].

Lemma one_pos : 0 < IZR one.
Proof. unfold one. lra. Qed.

Lemma length_table_from k t : length (table_from t k) = k.
Proof. revert t. induction k as [|k IH]; intros t; cbn; [reflexivity|]. now rewrite IH. Qed.

Lemma shift_12 v : IZR v / 4096 - 1 <= IZR (Z.shiftr v 12) <= IZR v / 4096.
Proof. apply (shift_floor v 12). lia. Qed.
Lemma shift_28 v : IZR v / IZR one - 1 <= IZR (Z.shiftr v 28) <= IZR v / IZR one.
Proof. apply (shift_floor v 28). lia. Qed.

Lemma nth_first {A} (l : list A) (d : A) n : forall i, (i < n)%nat -> nth i (firstn n l) d = nth i l d.
Proof. revert l. induction n as [|n IH]; intros [|x l] [|i] H; cbn; try lia; try reflexivity. apply IH. lia. Qed.
Lemma nth_skip {A} (l : list A) (d : A) n i : nth i (skipn n l) d = nth (n + i) l d.
Proof. revert l. induction n as [|n IH]; intros [|x l]; cbn; try reflexivity; [now destruct i|apply IH]. Qed.
Lemma nth_rows {A} (d : A) k : forall l a b, (a < k)%nat -> (b < 64)%nat -> nth b (nth a (rows k l) []) d = nth (a * 64 + b) l d.
Proof.
  induction k as [|k IH]; intros l [|a] b Ha Hb; [lia|lia| |]; cbn [rows nth].
  - now apply nth_first.
  - rewrite IH by lia. now rewrite nth_skip.
Qed.

Lemma table_entry k a b : (k <= 64)%nat -> (a < k)%nat -> (b < 64)%nat -> let g := (a * 64 + b)%nat in
  let v := nth g (table_from 0 (k * 64)) 0%Z in
  nth b (nth a (table k) []) (0, 0)%Z = reduce v /\ near fine 8192 (th (INR g / 256)) v /\ (0 <= v <= fine)%Z.
Proof.
  intros Hk Ha Hb g v. assert (Hn : (g < k * 64)%nat) by (unfold g; lia).
  assert (H0 : near fine 0 (th 0) 0) by (unfold near; rewrite th_0, Rmult_0_r, Rminus_0_r, Rabs_R0; lra).
  destruct (table_correct (k * 64) 0 0 0 g Hn ltac:(lra) ltac:(unfold fine; lia) H0) as [T1 T2].
  cbn zeta in T1, T2. rewrite Rplus_0_l in T1.
  split; [|split; [eapply near_weaken; [|exact T1]; lia|exact T2]].
  unfold table. rewrite nth_rows by assumption. fold g. rewrite (nth_indep _ (0, 0)%Z (reduce 0)); [apply map_nth|].
  rewrite map_length, length_table_from. exact Hn.
Qed.

Lemma tanh_pos_correct k z : (k <= 64)%nat -> (0 <= z < 67108864 * Z.of_nat k)%Z -> near one 16 (th (IZR z / IZR one)) (tanh_pos (table k) z).
Proof.
  intros Hk Hz. unfold tanh_pos, shr20, shr26, shr28. rewrite !shr_correct by lia. cbn zeta.
  set (a := Z.shiftr z 26). set (b := Z.shiftr (z - 67108864 * a) 20). set (h := (z - 67108864 * a - 1048576 * b)%Z).
  assert (Hgh : (0 <= a < Z.of_nat k /\ 0 <= b < 64 /\ 0 <= h < 1048576)%Z).
  { unfold h, b, a. rewrite !Z.shiftr_div_pow2 by lia. change (2 ^ 20)%Z with 1048576%Z. change (2 ^ 26)%Z with 67108864%Z.
    pose proof (Z.div_mod z 67108864 ltac:(lia)) as E1. pose proof (Z.mod_pos_bound z 67108864 ltac:(lia)) as B1.
    set (y := (z - 67108864 * (z / 67108864))%Z) in *. assert (Ey : (y = z mod 67108864)%Z) by (unfold y; lia).
    pose proof (Z.div_mod y 1048576 ltac:(lia)). pose proof (Z.mod_pos_bound y 1048576 ltac:(lia)).
    assert (0 <= z / 67108864 < Z.of_nat k)%Z by (split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]).
    assert (0 <= y / 1048576 < 64)%Z by (split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]). lia. }
  assert (Ez : z = ((a * 64 + b) * 1048576 + h)%Z) by (unfold h; ring).
  clearbody a b h. destruct Hgh as (Ha & Hb & Hh).
  destruct (table_entry k (Z.to_nat a) (Z.to_nat b) Hk ltac:(lia) ltac:(lia)) as (En & Hv & Bv). cbn zeta in En, Hv, Bv. rewrite En.
  assert (EI : INR (Z.to_nat a * 64 + Z.to_nat b) = IZR (a * 64 + b)) by (rewrite INR_IZR_INZ; f_equal; lia).
  rewrite EI in Hv. clear EI En. set (g := (a * 64 + b)%Z) in *.
  assert (Hg : (0 <= g)%Z) by (unfold g; lia). clearbody g.
  set (v := nth _ (table_from 0 (k * 64)) 0%Z) in *. clearbody v. unfold reduce. rewrite !shr_correct by lia.
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

Theorem tanhZ_correct k z : (k <= 64)%nat -> (Z.abs z < 67108864 * Z.of_nat k)%Z -> near one 16 (th (IZR z / IZR one)) (tanhZ (table k) z).
Proof.
  intros Hk Hz. unfold tanhZ. destruct (Z.ltb_spec z 0) as [Hn|Hn].
  - pose proof (tanh_pos_correct k (- z) Hk ltac:(lia)) as H. unfold near in *. rewrite !opp_IZR in *.
    pose proof one_pos. set (O := IZR one) in *. clearbody O. set (v := IZR (tanh_pos (table k) (- z))) in *. clearbody v.
    replace (IZR z / O) with (- (- IZR z / O)) by (field; lra). rewrite th_opp, <- Rabs_Ropp.
    replace (- (O * - th (- IZR z / O) - - v)) with (O * th (- IZR z / O) - v) by ring. exact H.
  - apply tanh_pos_correct; [exact Hk|lia].
Qed.
