(** * Inner products of integer vectors, in two ways

    [vectors] is what the checker needs: a way to store rows, as left and as right factors, and to multiply them that is
    exact on vectors whose inner product is below 2^62.  [slow] is Coq's own Z; [fast] is 63-bit machine integers. *)

From Coq Require Import ZArith List Lia Bool Uint63.
From LPLR Require Import IntegerMatrix.
Import ListNotations.
Open Scope Z_scope.

Record vectors := {
  row_left : Type;  row_right : Type;
  pack_left : nat -> list Z -> row_left;  pack_right : nat -> list Z -> row_right;   (* [kept] or [dropped] *)
  product : row_left -> row_right -> Z;
  product_correct : forall t x y, Z.abs (dot x y) < 2 ^ 62 -> product (pack_left t x) (pack_right t y) = dot x y
}.

(** ** Coq's own integers, bit by bit
    sum x_i y_i = sum_b 2^b (sum of the y_i whose x_i has bit b): additions instead of products, twice as fast.  Entries are taken
    S t at a time: a tree of choices holds the sums of all subsets of so many entries of y, and bit b of as many entries of x selects one.
    t is [kept] where many right factors are in memory at the same time, [dropped] where there is one after the other. *)
Definition kept : nat := 5.
Definition dropped : nat := 7.
Inductive choices := Sum (s : Z) | Choice (without including : choices).
Fixpoint subsets (acc : Z) (l : list Z) : choices :=
  match l with [] => Sum acc | b :: l => Choice (subsets acc l) (subsets (acc + b) l) end.
(** The subset of the odd entries, one binary digit an entry. *)
Fixpoint odd_ones (l : list Z) : positive := match l with [] => xH | a :: l => if Z.odd a then xI (odd_ones l) else xO (odd_ones l) end.
Fixpoint lookup (t : choices) (s : positive) : Z :=
  match t with Sum v => v | Choice t u => match s with xO s => lookup t s | xI s => lookup u s | xH => lookup t xH end end.
Fixpoint cut (t fuel : nat) (l : list Z) : list (list Z) :=
  match fuel, l with S f, _ :: _ => firstn (S t) l :: cut t f (skipn (S t) l) | _, _ => [] end.
Definition choices_of (t : nat) (y : list Z) : list choices := map (subsets 0) (cut t (length y) y).
Definition plane (t : nat) (x : list Z) : list positive := map odd_ones (cut t (length x) x).
(** The lowest n bits of all entries, highest first, and what is left of the entries. *)
Fixpoint planes (t n : nat) (x : list Z) (lower : list (list positive)) : list (list positive) :=
  match n with O => lower | S n => planes t n (map Z.div2 x) (plane t x :: lower) end.
Fixpoint rest (n : nat) (x : list Z) : list Z := match n with O => x | S n => rest n (map Z.div2 x) end.
Fixpoint add_up (acc : Z) (ts : list choices) (p : list positive) : Z :=
  match ts, p with t :: ts, s :: p => add_up (acc + lookup t s) ts p | _, _ => acc end.
Fixpoint horner (ts : list choices) (ps : list (list positive)) (acc : Z) : Z :=
  match ps with [] => acc | p :: ps => horner ts ps (add_up (Z.double acc) ts p) end.

Fixpoint parity (x y : list Z) : Z := match x, y with a :: x, b :: y => (if Z.odd a then b else 0) + parity x y | _, _ => 0 end.

Lemma parity_nil x : parity x [] = 0. Proof. now destruct x. Qed.
Lemma lookup_none l acc : lookup (subsets acc l) xH = acc.
Proof. revert acc. induction l as [|b l IH]; intros acc; [reflexivity|apply IH]. Qed.
Lemma lookup_subsets l : forall acc x, lookup (subsets acc l) (odd_ones x) = acc + parity x l.
Proof.
  induction l as [|b l IH]; intros acc [|a x]; [cbn; lia|cbn [subsets lookup]; rewrite parity_nil; lia| |].
  - cbn [odd_ones parity]. rewrite lookup_none. lia.
  - cbn [subsets odd_ones parity]. destruct (Z.odd a); cbn [lookup]; rewrite IH; lia.
Qed.
Lemma parity_cut k x y : parity x y = parity (firstn k x) (firstn k y) + parity (skipn k x) (skipn k y).
Proof. revert x y. induction k as [|k IH]; intros [|a x] [|b y]; cbn; rewrite ?parity_nil; try lia. specialize (IH x y). lia. Qed.
Lemma add_up_parity t fy : forall fx x y acc, (length x <= fx)%nat -> (length y <= fy)%nat ->
  add_up acc (map (subsets 0) (cut t fy y)) (map odd_ones (cut t fx x)) = acc + parity x y.
Proof.
  induction fy as [|fy IH]; intros fx x y acc Hx Hy.
  - destruct y; [|cbn in Hy; lia]. rewrite parity_nil. cbn. lia.
  - destruct y as [|b y]; [rewrite parity_nil; cbn; lia|]. destruct fx as [|fx]; [destruct x; [cbn; lia|cbn in Hx; lia]|].
    destruct x as [|a x]; [cbn; lia|]. cbn [cut map add_up].
    rewrite IH, lookup_subsets, (parity_cut (S t) (a :: x) (b :: y)); [lia| |]; rewrite skipn_length; cbn [length] in *; lia.
Qed.

Lemma dot_parity x y : dot x y = parity x y + 2 * dot (map Z.div2 x) y.
Proof.
  revert y. induction x as [|a x IH]; intros [|b y]; cbn [map dot parity]; try lia. rewrite (IH y).
  rewrite (Z.div2_odd a) at 1. destruct (Z.odd a); cbn [Z.b2z]; lia.
Qed.
Lemma dot_zeros x y : forallb (Z.eqb 0) x = true -> dot x y = 0.
Proof.
  revert y. induction x as [|a x IH]; intros [|b y]; cbn [forallb dot]; try reflexivity. rewrite andb_true_iff, Z.eqb_eq. intros [<- H].
  now rewrite (IH y H).
Qed.
Lemma horner_correct t n y : forall x lower acc, forallb (Z.eqb 0) (rest n x) = true ->
  horner (choices_of t y) (planes t n x lower) acc = horner (choices_of t y) lower (2 ^ Z.of_nat n * acc + dot x y).
Proof.
  induction n as [|n IH]; intros x lower acc H; cbn [planes rest] in *.
  - rewrite dot_zeros by assumption. change (2 ^ Z.of_nat 0) with 1. f_equal. lia.
  - rewrite IH by assumption. cbn [horner]. f_equal. unfold choices_of, plane. rewrite add_up_parity, (dot_parity x y), Z.double_spec by lia.
    rewrite Nat2Z.inj_succ, Z.pow_succ_r by lia. ring.
Qed.

(** Entries are made non-negative first: numbers of one sign add faster. *)
Definition total (x : list Z) : Z := fold_right Z.add 0 x.
Lemma dot_shifted o p x y : length x = length y -> dot (map (Z.add o) x) (map (Z.add p) y) = dot x y + o * total y + p * total (map (Z.add o) x).
Proof.
  revert y. induction x as [|a x IH]; intros [|b y] H; cbn [length map dot total fold_right] in *; try lia.
  fold (total y) (total (map (Z.add o) x)). rewrite IH by lia. ring.
Qed.
Definition magnitude (l : list Z) : Z := fold_right (fun a => Z.max (Z.abs a)) 0 l.
Lemma dot_le_norm1 x b : magnitude x <= b -> dot x x <= b * norm1 x.
Proof.
  induction x as [|a x IH]; cbn [magnitude fold_right dot norm1]; intros H; [lia|]. fold (magnitude x) in H.
  specialize (IH ltac:(lia)). rewrite <- (Z.abs_square a). nia.
Qed.

Record left_row := { l_row : list Z; l_planes : list (list positive); l_shift : Z; l_total : Z; l_size : Z; l_whole : bool }.
Record right_row := { r_row : list Z; r_tables : list choices; r_shift : Z; r_total : Z; r_size : Z }.
(** Short rows are multiplied as they are. *)
Definition long (size : Z) : bool := 12 <=? size.
Definition slice_left (t : nat) (x : list Z) : left_row :=
  let size := Z.of_nat (length x) in let o := magnitude x in let n := if long size then Z.to_nat (Z.log2 (2 * o) + 1) else O in
  let x' := map (Z.add o) x in
  {| l_row := x; l_planes := planes t n x' []; l_shift := o; l_total := total x'; l_size := size; l_whole := forallb (Z.eqb 0) (rest n x') |}.
Definition slice_right (t : nat) (y : list Z) : right_row :=
  let size := Z.of_nat (length y) in let p := magnitude y in
  {| r_row := y; r_tables := if long size then choices_of t (map (Z.add p) y) else []; r_shift := p; r_total := total y; r_size := size |}.
Definition sliced_product (x : left_row) (y : right_row) : Z :=
  if long (l_size x) && (l_size x =? r_size y) && l_whole x
  then horner (r_tables y) (l_planes x) 0 - (l_shift x * r_total y + r_shift y * l_total x)
  else dot (l_row x) (r_row y).

Lemma sliced_correct t x y : sliced_product (slice_left t x) (slice_right t y) = dot x y.
Proof.
  unfold sliced_product, slice_left, slice_right. cbn zeta. cbn [l_whole l_size r_size l_planes l_shift r_tables r_shift r_total l_total l_row r_row].
  destruct (long (Z.of_nat (length x))) eqn:S; [|reflexivity]. destruct (Z.eqb_spec (Z.of_nat (length x)) (Z.of_nat (length y))) as [H|H]; [|reflexivity].
  rewrite <- H, S. cbn [andb]. destruct (forallb _ _) eqn:E; [|reflexivity].
  rewrite horner_correct by assumption. cbn [horner]. rewrite dot_shifted by lia. ring.
Qed.

Definition slow : vectors :=
  {| row_left := left_row; row_right := right_row; pack_left := slice_left; pack_right := slice_right; product := sliced_product;
     product_correct := fun t x y _ => sliced_correct t x y |}.

(** ** 63-bit machine integers *)
Fixpoint dotI (x y : list int) (acc : int) : int :=
  match x, y with a :: x, b :: y => dotI x y (acc + a * b)%uint63 | _, _ => acc end.

Definition signed (i : int) : Z := let z := to_Z i in if z <? 2 ^ 62 then z else z - 2 ^ 63.

Lemma dotI_spec x y acc : exists k, to_Z (dotI (map of_Z x) (map of_Z y) acc) = to_Z acc + dot x y + k * 2 ^ 63.
Proof.
  revert y acc. induction x as [|a x IH]; intros y acc; [exists 0; cbn; lia|].
  destruct y as [|b y]; [exists 0; cbn; lia|]. cbn [map dotI dot].
  destruct (IH y (acc + of_Z a * of_Z b)%uint63) as [k E]. rewrite E, add_spec, mul_spec, !of_Z_spec.
  change wB with (2 ^ 63). set (W := 2 ^ 63). assert (HW : 0 < W) by (unfold W; lia).
  pose proof (Z.div_mod a W ltac:(lia)) as Ea. pose proof (Z.div_mod b W ltac:(lia)) as Eb.
  pose proof (Z.div_mod (a mod W * (b mod W)) W ltac:(lia)) as Ep.
  pose proof (Z.div_mod (to_Z acc + (a mod W * (b mod W)) mod W) W ltac:(lia)) as Es.
  set (p := (a mod W * (b mod W)) mod W) in *. set (t := (to_Z acc + p) mod W) in *.
  set (qs := (to_Z acc + p) / W) in *. set (qp := (a mod W * (b mod W)) / W) in *.
  set (ra := a mod W) in *. set (qa := a / W) in *. set (rb := b mod W) in *. set (qb := b / W) in *.
  clearbody p t qs qp ra qa rb qb W. subst a b.
  exists (k - qs - qp - qa * rb - qa * qb * W - ra * qb).
  replace t with (to_Z acc + (ra * rb - W * qp) - W * qs) by lia. ring.
Qed.

Lemma signed_correct i v k : to_Z i = v + k * 2 ^ 63 -> Z.abs v < 2 ^ 62 -> signed i = v.
Proof.
  intros E B. pose proof (to_Z_bounded i) as T. change wB with (2 ^ 63) in T. unfold signed.
  assert (k = 0 \/ k = 1) by lia.
  destruct (Z.ltb_spec (to_Z i) (2 ^ 62)); lia.
Qed.

Definition product_fast (x y : list int) : Z := signed (dotI x y 0%uint63).

Lemma product_fast_correct x y : Z.abs (dot x y) < 2 ^ 62 -> product_fast (map of_Z x) (map of_Z y) = dot x y.
Proof.
  intros H. destruct (dotI_spec x y 0%uint63) as [k E]. apply (signed_correct _ _ k); [|assumption].
  rewrite E. reflexivity.
Qed.

Definition fast : vectors :=
  {| row_left := list int; row_right := list int; pack_left := fun _ => map of_Z; pack_right := fun _ => map of_Z; product := product_fast;
     product_correct := fun _ => product_fast_correct |}.

(** The test [psd_test] of IntegerMatrix.v with these inner products. *)
Definition factor_test (V : vectors) (n : nat) (N : list (list Z)) (C G : Z) (L : list (list Z)) (cap : Z) : bool :=
  forallb (fun l => (length l <=? n)%nat && (dot l l <? 2 ^ 62)) L &&
  let left := map (pack_left V kept) L in let right := map (pack_right V kept) L in
  forallb (fun i => let Ni := row N i in let Li := nth i left (pack_left V kept []) in
    forallb (fun j => Z.abs (at_ Ni j - (if (i =? j)%nat then C else 0) - G * product V Li (nth j right (pack_right V kept []))) <=? cap)
      (seq 0 (S i))) (seq 0 n).

Lemma forallb_impl {A} (f g : A -> bool) l : (forall a, f a = true -> g a = true) -> forallb f l = true -> forallb g l = true.
Proof. intros H. rewrite !forallb_forall. auto. Qed.
Lemma factor_test_sound V n N C G L cap : factor_test V n N C G L cap = true -> psd_test n N C G L cap = true.
Proof.
  unfold factor_test, psd_test. cbn zeta. rewrite !andb_true_iff. intros [HL H].
  assert (S : forall i, dot (row L i) (row L i) < 2 ^ 62).
  { intros i. destruct (Nat.lt_ge_cases i (length L)) as [Hi|Hi]; [|now rewrite nth_overflow].
    pose proof (forallb_nth _ L i [] HL Hi) as E. rewrite andb_true_iff in E. destruct E as [_ E]. now apply Z.ltb_lt in E. }
  split.
  - revert HL. apply forallb_impl. intros l E. now apply andb_true_iff in E.
  - revert H. apply forallb_impl. intros i. apply forallb_impl. intros j. rewrite !map_nth, product_correct; [trivial|].
    pose proof (dot_bound (row L i) (row L j) (2 ^ 62 - 1)). specialize (S i) as Si. specialize (S j) as Sj. lia.
Qed.
