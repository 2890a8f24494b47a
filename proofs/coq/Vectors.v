(** * Inner products of integer vectors, in two ways

    [vectors] is what the checker needs: a way to store rows and to multiply them that is exact on vectors
    whose inner product is below 2^62.  [slow] is Coq's own Z; [fast] is 63-bit machine integers. *)

From Coq Require Import ZArith List Lia Uint63.
From LPLR Require Import IntegerMatrix.
Import ListNotations.
Open Scope Z_scope.

Record vectors := {
  vec : Type;
  pack : list Z -> vec;
  product : vec -> vec -> Z;
  product_correct : forall x y, Z.abs (dot x y) < 2 ^ 62 -> product (pack x) (pack y) = dot x y
}.

Definition slow : vectors := {| vec := list Z; pack := fun x => x; product := dot; product_correct := fun _ _ _ => eq_refl |}.

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
  {| vec := list int; pack := map of_Z; product := product_fast; product_correct := product_fast_correct |}.
