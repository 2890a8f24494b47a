(** * Complete real inner-product spaces, and R^n as one

    The theorem is about parameters in R^p and outputs in R^N.  Its proof uses
    only the inner product, so it is written once for any complete real
    inner-product space; [Rn] below is the instance, hence no axiom is added. *)

From Coq Require Import Reals Lra Psatz Lia.
Open Scope R_scope.

(** The module laws are not listed: they follow from the bilinearity of the
    inner product and [is_separated] (see [vec_ext]). *)
Record InnerSpace := {
  carrier :> Type;
  zero : carrier;
  plus : carrier -> carrier -> carrier;
  scal : R -> carrier -> carrier;
  inner : carrier -> carrier -> R;
  inner_sym : forall x y, inner x y = inner y x;
  inner_zero_l : forall x, inner zero x = 0;
  inner_plus_l : forall x y z, inner (plus x y) z = inner x z + inner y z;
  inner_scal_l : forall a x y, inner (scal a x) y = a * inner x y;
  inner_pos : forall x, 0 <= inner x x;
  is_separated : forall x y,
    inner (plus x (scal (-1) y)) (plus x (scal (-1) y)) = 0 -> x = y;
  is_complete : forall u : nat -> carrier,
    (forall eps, 0 < eps -> exists n0, forall n m, (n0 <= n)%nat -> (n0 <= m)%nat ->
       inner (plus (u n) (scal (-1) (u m))) (plus (u n) (scal (-1) (u m))) < eps) ->
    exists l, forall eps, 0 < eps -> exists n0, forall n, (n0 <= n)%nat ->
       inner (plus (u n) (scal (-1) l)) (plus (u n) (scal (-1) l)) < eps
}.

Arguments zero {_}.
Arguments plus {_} _ _.
Arguments scal {_} _ _.
Arguments inner {_} _ _.

Definition minus {X : InnerSpace} (x y : X) : X := plus x (scal (-1) y).
Definition norm {X : InnerSpace} (x : X) : R := sqrt (inner x x).

Notation "x ⊕ y" := (plus x y) (at level 50, left associativity).
Notation "x ⊖ y" := (minus x y) (at level 50, left associativity).
Notation "a ⋅ x" := (scal a x) (at level 40, left associativity).
Notation "⟨ x , y ⟩" := (inner x y) (at level 0, x at level 99, y at level 99).

Section Laws.
Context {X : InnerSpace}.
Implicit Types x y z w : X.

Lemma inner_zero_r x : ⟨x, zero⟩ = 0.
Proof. now rewrite inner_sym, inner_zero_l. Qed.
Lemma inner_plus_r x y z : ⟨x, y ⊕ z⟩ = ⟨x, y⟩ + ⟨x, z⟩.
Proof. now rewrite inner_sym, inner_plus_l, (inner_sym _ y), (inner_sym _ z). Qed.
Lemma inner_scal_r a x y : ⟨x, a ⋅ y⟩ = a * ⟨x, y⟩.
Proof. now rewrite inner_sym, inner_scal_l, (inner_sym _ y). Qed.
Lemma inner_minus_l x y z : ⟨x ⊖ y, z⟩ = ⟨x, z⟩ - ⟨y, z⟩.
Proof. unfold minus. rewrite inner_plus_l, inner_scal_l. ring. Qed.
Lemma inner_minus_r x y z : ⟨x, y ⊖ z⟩ = ⟨x, y⟩ - ⟨x, z⟩.
Proof. unfold minus. rewrite inner_plus_r, inner_scal_r. ring. Qed.
End Laws.

#[global] Hint Rewrite @inner_zero_l @inner_zero_r @inner_plus_l @inner_plus_r
  @inner_scal_l @inner_scal_r @inner_minus_l @inner_minus_r : inner.

Section Norm.
Context {X : InnerSpace}.
Implicit Types x y z w : X.

(** Vectors with the same inner products are equal: how identities are proved. *)
Lemma vec_ext x y : (forall w, ⟨x, w⟩ = ⟨y, w⟩) -> x = y.
Proof.
  intros H. apply is_separated. fold (minus x y).
  rewrite inner_minus_l, H. ring.
Qed.

Lemma norm_pos x : 0 <= norm x.
Proof. apply sqrt_pos. Qed.

Lemma norm_sq x : norm x * norm x = ⟨x, x⟩.
Proof. apply sqrt_sqrt, inner_pos. Qed.

Lemma norm_zero : norm (zero : X) = 0.
Proof. unfold norm. now rewrite inner_zero_l, sqrt_0. Qed.

Lemma norm_self x : norm (x ⊖ x) = 0.
Proof. unfold norm. rewrite inner_minus_l, Rminus_diag_eq by reflexivity. apply sqrt_0. Qed.

Lemma norm_eq_0 x y : norm (x ⊖ y) = 0 -> x = y.
Proof.
  intros H. apply is_separated. fold (minus x y). rewrite <- norm_sq, H. ring.
Qed.

(** [norm x <= r] is [⟨x,x⟩ <= r^2]: the two directions, used throughout. *)
Lemma norm_le_sq x r : 0 <= r -> ⟨x, x⟩ <= r * r -> norm x <= r.
Proof. intros Hr H. pose proof (norm_sq x). pose proof (norm_pos x). nra. Qed.

Lemma norm_lt_sq x r : 0 < r -> ⟨x, x⟩ < r * r -> norm x < r.
Proof. intros Hr H. pose proof (norm_sq x). pose proof (norm_pos x). nra. Qed.

Lemma norm_ge_sq x r : r * r <= ⟨x, x⟩ -> r <= norm x.
Proof. intros H. pose proof (norm_sq x). pose proof (norm_pos x). nra. Qed.

Lemma norm_scal a x : norm (a ⋅ x) = Rabs a * norm x.
Proof.
  unfold norm. rewrite inner_scal_l, inner_scal_r, <- Rmult_assoc.
  rewrite sqrt_mult_alt by nra. now rewrite <- sqrt_Rsqr_abs.
Qed.

Lemma norm_opp x y : norm (x ⊖ y) = norm (y ⊖ x).
Proof.
  unfold norm. f_equal. autorewrite with inner.
  rewrite (inner_sym _ y x). ring.
Qed.

Lemma norm_0_zero x : norm x = 0 -> x = zero.
Proof.
  intros Z. apply is_separated. fold (minus x zero).
  pose proof (norm_sq x) as H. rewrite Z in H. autorewrite with inner. lra.
Qed.

Theorem cauchy_schwarz x y : ⟨x, y⟩ <= norm x * norm y.
Proof.
  pose proof (norm_sq x) as Hx. pose proof (norm_sq y) as Hy.
  pose proof (norm_pos x) as Px. pose proof (norm_pos y) as Py.
  destruct (Req_dec (norm x) 0) as [Zx|Nx].
  { rewrite (norm_0_zero x Zx), inner_zero_l, norm_zero. lra. }
  destruct (Req_dec (norm y) 0) as [Zy|Ny].
  { rewrite (norm_0_zero y Zy), inner_zero_r, norm_zero. lra. }
  (* expand the square of (norm y) x - (norm x) y *)
  pose proof (inner_pos X (norm y ⋅ x ⊖ norm x ⋅ y)) as P.
  autorewrite with inner in P. rewrite (inner_sym _ y x), <- Hx, <- Hy in P.
  assert (0 < norm x * norm y) by nra.
  apply Rnot_gt_le. intros G. nra.
Qed.

Lemma cauchy_schwarz_abs x y : Rabs ⟨x, y⟩ <= norm x * norm y.
Proof.
  apply Rabs_le. split; [|apply cauchy_schwarz].
  pose proof (cauchy_schwarz (-1 ⋅ x) y) as H.
  rewrite inner_scal_l, norm_scal, (Rabs_left (-1)) in H; lra.
Qed.

Lemma norm_triang x y : norm (x ⊕ y) <= norm x + norm y.
Proof.
  pose proof (norm_pos x). pose proof (norm_pos y).
  apply norm_le_sq; [lra|]. autorewrite with inner. rewrite (inner_sym _ y x).
  pose proof (cauchy_schwarz x y). pose proof (norm_sq x). pose proof (norm_sq y). nra.
Qed.

(** The triangle inequality through an intermediate point. *)
Lemma norm_triang3 x y z : norm (x ⊖ z) <= norm (x ⊖ y) + norm (y ⊖ z).
Proof.
  replace (x ⊖ z) with ((x ⊖ y) ⊕ (y ⊖ z)); [apply norm_triang|].
  apply vec_ext. intros w. autorewrite with inner. ring.
Qed.

Lemma norm_minus_le x y : norm x - norm y <= norm (x ⊖ y).
Proof.
  pose proof (norm_triang (x ⊖ y) y) as H.
  replace (x ⊖ y ⊕ y) with x in H; [lra|].
  apply vec_ext. intros w. autorewrite with inner. ring.
Qed.

(** A norm is the largest value of a unit functional: it suffices to bound [⟨w,x⟩]. *)
Lemma norm_le_weak x r : 0 <= r -> (forall w, ⟨w, x⟩ <= r * norm w) -> norm x <= r.
Proof.
  intros Hr H. specialize (H x). pose proof (norm_sq x). pose proof (norm_pos x).
  destruct (Req_dec (norm x) 0); nra.
Qed.

(** Limits, and completeness in terms of the norm. *)
Definition converges (u : nat -> X) (l : X) : Prop :=
  forall eps, 0 < eps -> exists n0, forall n, (n0 <= n)%nat -> norm (u n ⊖ l) < eps.

Lemma complete_norm (u : nat -> X) :
  (forall eps, 0 < eps -> exists n0, forall n m, (n0 <= n)%nat -> (n0 <= m)%nat -> norm (u n ⊖ u m) < eps) ->
  exists l, converges u l.
Proof.
  intros C. destruct (is_complete X u) as [l Hl].
  - intros eps He. destruct (C (sqrt eps)) as [n0 Hn]; [now apply sqrt_lt_R0|].
    exists n0. intros n m Hnn Hm. specialize (Hn n m Hnn Hm).
    fold (minus (u n) (u m)). rewrite <- norm_sq.
    pose proof (sqrt_sqrt eps). pose proof (norm_pos (u n ⊖ u m)). nra.
  - exists l. intros eps He. destruct (Hl (eps * eps)) as [n0 Hn]; [nra|].
    exists n0. intros n Hnn. apply norm_lt_sq; [assumption|exact (Hn n Hnn)].
Qed.
End Norm.
