(** * Shifts to the right, four bits at a time: Z.shiftr takes one after the other *)

From Coq Require Import ZArith Lia.
Open Scope Z_scope.

Fixpoint drop4 (k : nat) (p : positive) : Z :=
  match k with
  | O => Zpos p
  | S k =>
      match p with
      | (q~0~0~0~0)%positive | (q~0~0~0~1)%positive | (q~0~0~1~0)%positive | (q~0~0~1~1)%positive
      | (q~0~1~0~0)%positive | (q~0~1~0~1)%positive | (q~0~1~1~0)%positive | (q~0~1~1~1)%positive
      | (q~1~0~0~0)%positive | (q~1~0~0~1)%positive | (q~1~0~1~0)%positive | (q~1~0~1~1)%positive
      | (q~1~1~0~0)%positive | (q~1~1~0~1)%positive | (q~1~1~1~0)%positive | (q~1~1~1~1)%positive => drop4 k q
      | _ => 0
      end
  end.
Definition drop_up_to_3 (r : nat) (z : Z) : Z := match r with O => z | 1%nat => Z.div2 z | 2%nat => Z.div2 (Z.div2 z) | _ => Z.div2 (Z.div2 (Z.div2 z)) end.
Definition dropped (k r : nat) (z : Z) : Z := drop_up_to_3 r (match z with Zpos p => drop4 k p | _ => 0 end).
(** The same as [Z.shiftr z n]. *)
Definition shr (n : Z) : Z -> Z :=
  let k := Z.to_nat (n / 4) in let r := Z.to_nat (n mod 4) in
  fun z => match z with Zneg p => -1 - dropped k r (Z.pred (Zpos p)) | _ => dropped k r z end.

Lemma drop4_correct k : forall p, drop4 k p = Zpos p / 16 ^ Z.of_nat k.
Proof.
  induction k as [|k IH]; intros p; [change (16 ^ Z.of_nat 0) with 1; now rewrite Z.div_1_r|].
  rewrite Nat2Z.inj_succ, Z.pow_succ_r, <- Z.div_div by lia.
  assert (Q : forall q p, Zpos p / 16 = Zpos q -> drop4 k q = Zpos p / 16 / 16 ^ Z.of_nat k) by (intros ? ? ->; apply IH).
  assert (S : forall q c, 0 <= c < 16 -> (16 * Zpos q + c) / 16 = Zpos q)
    by (intros q c Hc; rewrite Z.mul_comm, Z.div_add_l, Z.div_small; lia).
  destruct p as [[[[q|q|]|[q|q|]|]|[[q|q|]|[q|q|]|]|]|[[[q|q|]|[q|q|]|]|[[q|q|]|[q|q|]|]|]|]; cbn [drop4];
    first [apply Q; match goal with |- Zpos ?p / 16 = Zpos ?q => rewrite <- (S q (Zpos p - 16 * Zpos q)) by lia; f_equal; lia end
          |match goal with |- 0 = ?a / 16 / _ => replace (a / 16) with 0 by (symmetry; apply Z.div_small; lia); symmetry; apply Z.div_0_l; lia end].
Qed.
Lemma dropped_correct k r z : (r < 4)%nat -> 0 <= z -> dropped k r z = z / 16 ^ Z.of_nat k / 2 ^ Z.of_nat r.
Proof.
  intros Hr Hz. unfold dropped. replace (match z with Zpos p => drop4 k p | _ => 0 end) with (z / 16 ^ Z.of_nat k)
    by (destruct z as [|p|p]; [apply Z.div_0_l; lia|symmetry; apply drop4_correct|now destruct Hz]).
  set (v := z / 16 ^ Z.of_nat k). destruct r as [|[|[|[|r]]]]; [| | | |lia]; cbn [drop_up_to_3]; rewrite ?Z.div2_div, ?Z.div_div by lia; [|reflexivity..].
  symmetry. apply Z.div_1_r.
Qed.
Theorem shr_correct n z : 0 <= n -> shr n z = Z.shiftr z n.
Proof.
  intros Hn. rewrite Z.shiftr_div_pow2 by assumption. unfold shr. cbn zeta. set (k := Z.to_nat (n / 4)). set (r := Z.to_nat (n mod 4)).
  pose proof (Z.mod_pos_bound n 4 ltac:(lia)) as B. pose proof (Z.div_pos n 4 Hn ltac:(lia)) as P.
  assert (Hr : (r < 4)%nat) by (unfold r; lia).
  assert (E : 16 ^ Z.of_nat k * 2 ^ Z.of_nat r = 2 ^ n).
  { unfold k, r. rewrite !Z2Nat.id by lia. change 16 with (2 ^ 4). rewrite <- Z.pow_mul_r, <- Z.pow_add_r by lia. f_equal. pose proof (Z.div_mod n 4). lia. }
  assert (D : forall v, 0 <= v -> dropped k r v = v / 2 ^ n).
  { intros v Hv. rewrite dropped_correct, Z.div_div, E by (assumption || lia). reflexivity. }
  destruct z as [|p|p]; [apply D; lia|apply D; lia|]. rewrite D by lia. pose proof (Z.pow_pos_nonneg 2 n ltac:(lia) Hn) as PN.
  pose proof (Z.div_mod (Z.pred (Zpos p)) (2 ^ n) ltac:(lia)) as M. pose proof (Z.mod_pos_bound (Z.pred (Zpos p)) (2 ^ n) PN) as MB.
  apply Z.div_unique with (2 ^ n - 1 - Z.pred (Zpos p) mod 2 ^ n); [left; lia|]. change (Zneg p) with (- Zpos p). lia.
Qed.
