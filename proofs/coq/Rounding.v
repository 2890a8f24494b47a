(** * Rounded integers: rows of lists, dropped bits, roots *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Sums Fixed Shift IntegerMatrix Slices Format Check.
Import ListNotations.
Open Scope R_scope.

(** ** Lists, powers of two, roots *)
Lemma dot_comm x y : dot x y = dot y x.
Proof. revert y. induction x as [|a x IH]; intros [|b y]; cbn; try reflexivity. rewrite IH. ring. Qed.

Lemma norm1_ge x k : sum k (fun j => Rabs (IZR (at_ x j))) <= IZR (norm1 x).
Proof.
  revert k. induction x as [|a x IH]; intros k.
  - rewrite (sum_ext k _ (fun _ => 0)); [rewrite sum_0; cbn; lra|]. intros j _. destruct j; cbn; apply Rabs_R0.
  - destruct k as [|k].
    + cbn [sum norm1]. rewrite plus_IZR, abs_IZR. pose proof (Rabs_pos (IZR a)). specialize (IH O). cbn in IH. lra.
    + cbn [sum nth norm1]. rewrite plus_IZR, abs_IZR. specialize (IH k). lra.
Qed.

Lemma norm1_pos x : (0 <= norm1 x)%Z.
Proof. induction x as [|a x IH]; cbn; lia. Qed.

Lemma max1_ge rows i : (norm1 (row rows i) <= max1 rows)%Z.
Proof.
  unfold max1. revert i. induction rows as [|x rows IH]; intros i; cbn [map fold_right].
  - destruct i; cbn; lia.
  - destruct i as [|i]; cbn [nth]; [lia|]. specialize (IH i). lia.
Qed.

Lemma all2_nth {A B : Type} (f : A -> B -> bool) x y i a b : all2 f x y = true -> (i < length y)%nat -> f (nth i x a) (nth i y b) = true.
Proof.
  revert y i. induction x as [|u x IH]; intros [|v y] i H Hi; cbn in *; try discriminate; [lia|].
  rewrite andb_true_iff in H. destruct H as [H1 H2]. destruct i as [|i]; [assumption|]. apply IH; [assumption|lia].
Qed.
Lemma all2_length {A B : Type} (f : A -> B -> bool) x y : all2 f x y = true -> length x = length y.
Proof. revert y. induction x as [|u x IH]; intros [|v y] H; cbn in *; try discriminate; [reflexivity|]. rewrite andb_true_iff in H. f_equal. now apply IH. Qed.

Lemma magnitude_ge x j : (Z.abs (at_ x j) <= magnitude x)%Z.
Proof. revert j. induction x as [|a x IH]; intros [|j]; cbn [magnitude fold_right nth]; try lia. specialize (IH j). unfold magnitude in IH. lia. Qed.
Lemma peak_ge rows i j : (Z.abs (at_ (row rows i) j) <= peak rows)%Z.
Proof.
  revert i. induction rows as [|x rows IH]; intros i.
  - rewrite (nth_overflow [] _ (Nat.le_0_l i)), nth_nil_Z. cbn. lia.
  - unfold peak in *. cbn [fold_right]. destruct i as [|i]; cbn [nth]; [pose proof (magnitude_ge x j)|specialize (IH i)]; lia.
Qed.

Lemma rounded_entry rows s i j : (0 <= s)%Z -> at_ (row (rounded s rows) i) j = Z.shiftr (at_ (row rows i) j) s.
Proof.
  intros Hs. unfold rounded. cbn zeta. change (@nil Z) with (map (shr s) (@nil Z)) at 1. rewrite map_nth.
  pose proof (map_nth (shr s) (row rows i) 0%Z j) as E. now rewrite !shr_correct, Z.shiftr_0_l in E by assumption.
Qed.

Lemma pow2_pos b : 0 < IZR (2 ^ b) \/ (b < 0)%Z.
Proof. destruct (Z.lt_ge_cases b 0) as [H|H]; [now right|left]. apply IZR_pos, Z.pow_pos_nonneg; lia. Qed.

Lemma pow2_add a b : (0 <= a)%Z -> (0 <= b)%Z -> IZR (2 ^ (a + b)) = IZR (2 ^ a) * IZR (2 ^ b).
Proof. intros. now rewrite <- mult_IZR, Z.pow_add_r. Qed.

(** Dropping bits. *)
Lemma round_near b s z : (0 <= s)%Z -> (0 <= b - s)%Z -> Rabs (IZR (2 ^ (b - s)) * value b z - IZR (Z.shiftr z s)) <= 1.
Proof.
  intros Hs Hb. pose proof (shift_floor z s Hs) as F. unfold value.
  replace b with (b - s + s)%Z at 2 by ring. rewrite pow2_add by assumption.
  destruct (pow2_pos (b - s)) as [P|P]; [|lia]. destruct (pow2_pos s) as [Q|Q]; [|lia].
  replace (IZR (2 ^ (b - s)) * (IZR z / (IZR (2 ^ (b - s)) * IZR (2 ^ s)))) with (IZR z / IZR (2 ^ s)) by (field; lra).
  apply Rabs_le. lra.
Qed.

(** The inner product of rounded vectors. *)
Lemma dot_rounded (k : nat) (f g : nat -> R) (S T : R) (x y : list Z) : (length x <= k)%nat ->
  (forall j, (j < k)%nat -> Rabs (S * f j - IZR (at_ x j)) <= 1) ->
  (forall j, (j < k)%nat -> Rabs (T * g j - IZR (at_ y j)) <= 1) ->
  Rabs (S * T * sum k (fun j => f j * g j) - IZR (dot x y)) <= IZR (norm1 x) + IZR (norm1 y) + INR k.
Proof.
  intros Hl Hf Hg. rewrite (dot_sum x y k Hl), <- sum_scal, <- sum_minus.
  eapply Rle_trans; [apply sum_abs|].
  pose proof (norm1_ge x k) as Nx. pose proof (norm1_ge y k) as Ny.
  apply Rle_trans with (sum k (fun j => Rabs (IZR (at_ x j)) + Rabs (IZR (at_ y j)) + 1)).
  2:{ rewrite !sum_plus, sum_const. lra. }
  apply sum_le. intros j Hj. specialize (Hf j Hj). specialize (Hg j Hj).
  set (a := IZR (at_ x j)) in *. set (b := IZR (at_ y j)) in *.
  replace (S * T * (f j * g j) - a * b)
    with ((S * f j - a) * b + a * (T * g j - b) + (S * f j - a) * (T * g j - b)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. pose proof (Rabs_triang ((S * f j - a) * b) (a * (T * g j - b))) as Tr.
  assert (Rabs ((S * f j - a) * b) <= 1 * Rabs b) by (rewrite Rabs_mult; apply Rmult_le_compat_r; auto using Rabs_pos).
  assert (Rabs (a * (T * g j - b)) <= Rabs a * 1) by (rewrite Rabs_mult; apply Rmult_le_compat_l; auto using Rabs_pos).
  assert (Rabs ((S * f j - a) * (T * g j - b)) <= 1 * 1) by (rewrite Rabs_mult; apply Rmult_le_compat; auto using Rabs_pos).
  lra.
Qed.

Lemma root_correct r q : (0 < q)%Z -> (1 <= r)%Z -> check_root r q = true -> Rabs (IZR two40 * / sqrt (IZR q) - IZR r) <= 1.
Proof.
  intros Hq Hr H. unfold check_root in H. rewrite andb_true_iff in H. destruct H as [H1 H2].
  apply Z.leb_le in H1, H2. apply IZR_le in H1, H2. rewrite !mult_IZR, !minus_IZR, ?plus_IZR in *.
  apply IZR_lt in Hq. apply IZR_le in Hr.
  assert (Hs : 0 < sqrt (IZR q)) by now apply sqrt_lt_R0.
  assert (Es : sqrt (IZR q) * sqrt (IZR q) = IZR q) by (apply sqrt_sqrt; lra).
  set (w := sqrt (IZR q)) in *. set (T := IZR two40) in *. assert (HT : 0 < T) by (unfold T, two40; lra).
  rewrite <- Es in *.
  assert (A1 : (IZR r - 1) * w <= T).
  { apply Rnot_lt_le. intros G. assert (T * T < (IZR r - 1) * w * ((IZR r - 1) * w)) by (apply Rmult_le_0_lt_compat; lra). lra. }
  assert (A2 : T <= (IZR r + 1) * w).
  { apply Rnot_lt_le. intros G. assert (0 <= (IZR r + 1) * w) by nra.
    assert ((IZR r + 1) * w * ((IZR r + 1) * w) < T * T) by (apply Rmult_le_0_lt_compat; lra). lra. }
  apply Rabs_le. split.
  - assert (IZR r - 1 <= T * / w); [|lra]. apply Rmult_le_reg_r with w; [assumption|]. rewrite Rmult_assoc, Rinv_l; lra.
  - assert (T * / w <= IZR r + 1); [|lra]. apply Rmult_le_reg_r with w; [assumption|]. rewrite Rmult_assoc, Rinv_l; lra.
Qed.
