(** * Inner products of integer vectors, in two ways

    [vectors] is what the checker needs: a way to store rows, as left and as right factors, and to multiply them that is
    exact on vectors whose inner product is below 2^62.  [slow] is Coq's own integers ([Slices.v]); [fast] is 63-bit machine integers. *)

From Coq Require Import ZArith List Lia Bool Uint63.
From LPLR Require Import IntegerMatrix Slices.
Import ListNotations.
Open Scope Z_scope.

Record vectors := {
  row_left : Type;  row_right : Type;
  pack_left : list Z -> row_left;  pack_right : list Z -> row_right;
  product : row_left -> row_right -> Z;
  product_correct : forall x y, Z.abs (dot x y) < 2 ^ 62 -> product (pack_left x) (pack_right y) = dot x y;
  weights : Type;  pack_weights : list Z -> weights;                  (* the products of many rows, summed with weights *)
  weighted : bool -> list row_left -> list row_right -> list weights -> list Z;
  weighted_correct : forall small x y s, (forall d, In d (dots x y) -> Z.abs d < 2 ^ 62) ->
    (forall t, In t s -> small = true -> Z.abs (dot (dots x y) t) < 2 ^ 62) ->
    weighted small (map pack_left x) (map pack_right y) (map pack_weights s) = map (dot (dots x y)) s
}.

(** Products one by one, and their weighted sums in Coq's own integers. *)
Fixpoint products {A B} (product : A -> B -> Z) (x : list A) (y : list B) : list Z :=
  match x, y with a :: x, b :: y => product a b :: products product x y | _, _ => [] end.
Definition weighted_sums {A B} (product : A -> B -> Z) (x : list A) (y : list B) (s : list right_row) : list Z :=
  let p := slice_left (products product x y) in map (sliced_product p) s.

Lemma products_correct {A B} product (left : list Z -> A) (right : list Z -> B) :
  (forall x y, Z.abs (dot x y) < 2 ^ 62 -> product (left x) (right y) = dot x y) ->
  forall x y, (forall d, In d (dots x y) -> Z.abs d < 2 ^ 62) -> products product (map left x) (map right y) = dots x y.
Proof.
  intros H. induction x as [|a x IH]; intros [|b y] Hd; cbn [map products dots] in *; try reflexivity.
  rewrite H, IH; [reflexivity|intros; apply Hd; now right|apply Hd; now left].
Qed.
Lemma weighted_sums_correct {A B} product (left : list Z -> A) (right : list Z -> B) :
  (forall x y, Z.abs (dot x y) < 2 ^ 62 -> product (left x) (right y) = dot x y) ->
  forall x y s, (forall d, In d (dots x y) -> Z.abs d < 2 ^ 62) ->
  weighted_sums product (map left x) (map right y) (map slice_right s) = map (dot (dots x y)) s.
Proof.
  intros H x y s Hd. unfold weighted_sums. rewrite (products_correct _ _ _ H) by assumption. cbn zeta. rewrite map_map.
  apply map_ext. intros t. apply sliced_correct.
Qed.

Definition slow : vectors :=
  {| row_left := left_row; row_right := right_row; pack_left := slice_left; pack_right := slice_right; product := sliced_product;
     product_correct := fun x y _ => sliced_correct x y; weights := right_row; pack_weights := slice_right;
     weighted := fun _ => weighted_sums sliced_product;
     weighted_correct := fun _ x y s Hd _ => weighted_sums_correct _ _ _ (fun x y _ => sliced_correct x y) x y s Hd |}.

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

(** Weighted sums that are known to be small are machine integers to the end. *)
Record weights_fast := { w_ints : list int; w_slices : right_row }.
Fixpoint dotsI (x y : list (list int)) : list int := match x, y with a :: x, b :: y => dotI a b 0%uint63 :: dotsI x y | _, _ => [] end.
Definition weighted_fast (small : bool) (x y : list (list int)) (s : list weights_fast) : list Z :=
  if small then let p := dotsI x y in map (fun t => product_fast p (w_ints t)) s else weighted_sums product_fast x y (map w_slices s).

Lemma dotsI_correct : forall x y, dotsI (map (map of_Z) x) (map (map of_Z) y) = map of_Z (dots x y).
Proof.
  induction x as [|a x IH]; intros [|b y]; cbn [map dotsI dots]; try reflexivity. rewrite IH. f_equal. apply to_Z_inj.
  destruct (dotI_spec a b 0%uint63) as [k E]. pose proof (to_Z_bounded (dotI (map of_Z a) (map of_Z b) 0%uint63)) as T.
  change (to_Z 0) with 0 in E. rewrite of_Z_spec. change wB with (2 ^ 63) in *. apply (Z.mod_unique _ _ (- k)); lia.
Qed.
Lemma weighted_fast_correct small x y s : (forall d, In d (dots x y) -> Z.abs d < 2 ^ 62) ->
  (forall t, In t s -> small = true -> Z.abs (dot (dots x y) t) < 2 ^ 62) ->
  weighted_fast small (map (map of_Z) x) (map (map of_Z) y) (map (fun t => {| w_ints := map of_Z t; w_slices := slice_right t |}) s) = map (dot (dots x y)) s.
Proof.
  intros Hd Hs. unfold weighted_fast. rewrite !map_map. cbn [w_slices w_ints]. destruct small.
  - cbn zeta. rewrite dotsI_correct. apply map_ext_in. intros t Ht. now apply product_fast_correct, Hs.
  - now apply (weighted_sums_correct _ _ _ product_fast_correct).
Qed.

Definition fast : vectors :=
  {| row_left := list int; row_right := list int; pack_left := map of_Z; pack_right := map of_Z; product := product_fast;
     product_correct := product_fast_correct; weights := weights_fast;
     pack_weights := fun t => {| w_ints := map of_Z t; w_slices := slice_right t |};
     weighted := weighted_fast; weighted_correct := weighted_fast_correct |}.

(** Rows whose squares are below 2^62; bounded before they are multiplied out. *)
Definition below62 (rows : list (list Z)) : bool := forallb (fun q => (magnitude q * norm1 q <? 2 ^ 62) || (dot q q <? 2 ^ 62)) rows.
Lemma below rows i : below62 rows = true -> dot (row rows i) (row rows i) < 2 ^ 62.
Proof.
  intros H. destruct (Nat.lt_ge_cases i (length rows)) as [Hi|Hi]; [|now rewrite nth_overflow].
  pose proof (forallb_nth _ _ i (@nil Z) H Hi) as E. cbn beta in E. rewrite orb_true_iff in E.
  destruct E as [E|E]; apply Z.ltb_lt in E; [|assumption]. pose proof (dot_le_norm1 (row rows i) _ (Z.le_refl _)). lia.
Qed.

(** The test [psd_test] of IntegerMatrix.v with these inner products. *)
Definition factor_test (V : vectors) (n : nat) (N : list (list Z)) (C G : Z) (L : list (list Z)) (cap : Z) : bool :=
  forallb (fun l => (length l <=? n)%nat) L && below62 L &&
  let left := map (pack_left V) L in let right := map (pack_right V) L in
  forallb (fun i => let Ni := row N i in let Li := nth i left (pack_left V []) in
    forallb (fun j => Z.abs (at_ Ni j - (if (i =? j)%nat then C else 0) - G * product V Li (nth j right (pack_right V []))) <=? cap)
      (seq 0 (S i))) (seq 0 n).

Lemma forallb_impl {A} (f g : A -> bool) l : (forall a, f a = true -> g a = true) -> forallb f l = true -> forallb g l = true.
Proof. intros H. rewrite !forallb_forall. auto. Qed.
Lemma factor_test_sound V n N C G L cap : factor_test V n N C G L cap = true -> psd_test n N C G L cap = true.
Proof.
  unfold factor_test, psd_test. cbn zeta. rewrite !andb_true_iff. intros [[HL S] H]. split; [exact HL|].
  revert H. apply forallb_impl. intros i. apply forallb_impl. intros j. rewrite !map_nth, product_correct; [trivial|].
  pose proof (dot_bound (row L i) (row L j) (2 ^ 62 - 1)). pose proof (below L i S). pose proof (below L j S). lia.
Qed.
