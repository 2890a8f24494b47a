(** * Real numbers represented by integers

    A real x is represented in the unit U by an integer v when |U x - v| <= e: one error e for a whole layer, so that
    loops compute with plain integers and carry no radius. *)

From Coq Require Import Reals Lra Psatz Lia ZArith QArith Qreals.
Open Scope R_scope.

Definition near (U e : Z) (x : R) (v : Z) : Prop := Rabs (IZR U * x - IZR v) <= IZR e.

Lemma near_weaken U e e' x v : (e <= e')%Z -> near U e x v -> near U e' x v.
Proof. unfold near. intros H Hn. apply IZR_le in H. lra. Qed.

Lemma IZR_pos z : (0 < z)%Z -> 0 < IZR z.
Proof. apply (IZR_lt 0). Qed.

(** Division rounds down; so does a shift. *)
Lemma div_floor (N D : Z) : (0 < D)%Z -> IZR (N / D) * IZR D <= IZR N < (IZR (N / D) + 1) * IZR D.
Proof.
  intros HD. pose proof (Z.div_mod N D ltac:(lia)) as E. pose proof (Z.mod_pos_bound N D HD) as B.
  rewrite <- mult_IZR, <- plus_IZR, <- mult_IZR. split; [apply IZR_le|apply IZR_lt]; nia.
Qed.

Lemma shift_floor (N k : Z) : (0 <= k)%Z ->
  IZR N / IZR (2 ^ k) - 1 <= IZR (Z.shiftr N k) <= IZR N / IZR (2 ^ k).
Proof.
  intros Hk. rewrite Z.shiftr_div_pow2 by assumption.
  assert (HD : (0 < 2 ^ k)%Z) by (apply Z.pow_pos_nonneg; lia).
  pose proof (div_floor N (2 ^ k) HD) as [F1 F2]. apply IZR_pos in HD. set (D := IZR (2 ^ k)) in *.
  set (t := IZR N / D). assert (E : IZR N = t * D) by (unfold t; field; lra). rewrite E in F1, F2.
  apply Rmult_le_reg_r in F1; [|assumption]. apply Rmult_lt_reg_r in F2; [|assumption]. lra.
Qed.

(** A product of approximated numbers. *)
Lemma approx_product (S T x y E G B C : R) (a b : R) :
  Rabs (S * x - a) <= E -> Rabs (T * y - b) <= G -> Rabs (S * x) <= B -> Rabs (T * y) <= C ->
  Rabs (S * x * (T * y) - a * b) <= B * G + E * C + E * G.
Proof.
  intros Ha Hb Hx Hy.
  replace (S * x * (T * y) - a * b)
    with (S * x * (T * y - b) + (S * x - a) * (T * y) - (S * x - a) * (T * y - b)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_Ropp.
  pose proof (Rabs_triang (S * x * (T * y - b)) ((S * x - a) * (T * y))) as Tr.
  assert (Rabs (S * x * (T * y - b)) <= B * G) by (rewrite Rabs_mult; apply Rmult_le_compat; auto using Rabs_pos).
  assert (Rabs ((S * x - a) * (T * y)) <= E * C) by (rewrite Rabs_mult; apply Rmult_le_compat; auto using Rabs_pos).
  assert (Rabs ((S * x - a) * (T * y - b)) <= E * G) by (rewrite Rabs_mult; apply Rmult_le_compat; auto using Rabs_pos).
  lra.
Qed.

(** ** Rational numbers: comparisons that compute, and their meaning *)
Definition leQ (a b : Q) : bool := Qle_bool a b.
Definition ltQ (a b : Q) : bool := negb (Qle_bool b a).

Lemma leQ_R a b : leQ a b = true -> Q2R a <= Q2R b.
Proof. intros H. apply Qle_Rle. now apply Qle_bool_iff. Qed.
Lemma ltQ_R a b : ltQ a b = true -> Q2R a < Q2R b.
Proof.
  unfold ltQ. rewrite Bool.negb_true_iff. intros H. apply Qlt_Rlt. apply Qnot_le_lt. intros L.
  apply Qle_bool_iff in L. congruence.
Qed.
Lemma Q2R_Z z : Q2R (inject_Z z) = IZR z.
Proof. unfold inject_Z, Q2R. cbn. field. Qed.
Lemma Q2R_half : Q2R (1 # 2) = / 2. Proof. unfold Q2R. cbn. field. Qed.
