(** * R, products of spaces, and R^n: instances of [InnerSpace]

    R^0 is a point and R^(n+1) = R * R^n, so vectors are nested pairs and
    equality of vectors is plain equality. *)

From Coq Require Import Reals Lra Psatz Lia.
From LPLR Require Import Inner.
Open Scope R_scope.

(** ** The point *)
Definition point_space : InnerSpace.
Proof.
  refine {| carrier := unit; zero := tt; plus := fun _ _ => tt; scal := fun _ _ => tt;
            inner := fun _ _ => 0 |}; intros; try ring; try lra.
  - now destruct x, y.
  - exists tt. intros eps He. exists 0%nat. intros. exact He.
Defined.

(** ** The real line *)
Lemma real_complete (u : nat -> R) :
  (forall eps, 0 < eps -> exists n0, forall n m, (n0 <= n)%nat -> (n0 <= m)%nat ->
     (u n + (-1) * u m) * (u n + (-1) * u m) < eps) ->
  exists l, forall eps, 0 < eps -> exists n0, forall n, (n0 <= n)%nat ->
     (u n + (-1) * l) * (u n + (-1) * l) < eps.
Proof.
  intros C. destruct (R_complete u) as [l Hl].
  - intros eps He. destruct (C (eps * eps)) as [n0 Hn]; [nra|].
    exists n0. intros n m Hnn Hm. specialize (Hn n m Hnn Hm).
    unfold R_dist. apply Rabs_def1; nra.
  - exists l. intros eps He.
    destruct (Hl (sqrt eps)) as [n0 Hn]; [now apply sqrt_lt_R0|].
    exists n0. intros n Hnn. specialize (Hn n Hnn).
    unfold R_dist in Hn. apply Rabs_def2 in Hn.
    pose proof (sqrt_sqrt eps). nra.
Qed.

Definition real_space : InnerSpace.
Proof.
  refine {| carrier := R; zero := 0; plus := Rplus; scal := Rmult; inner := Rmult |};
    intros; try ring; try nra.
  now apply real_complete.
Defined.

(** ** Products *)
Section Product.
Variables X Y : InnerSpace.

Definition pinner (u v : X * Y) : R := ⟨fst u, fst v⟩ + ⟨snd u, snd v⟩.
Definition pplus (u v : X * Y) : X * Y := (fst u ⊕ fst v, snd u ⊕ snd v).
Definition pscal (a : R) (u : X * Y) : X * Y := (a ⋅ fst u, a ⋅ snd u).

Lemma product_complete (u : nat -> X * Y) :
  (forall eps, 0 < eps -> exists n0, forall n m, (n0 <= n)%nat -> (n0 <= m)%nat ->
     pinner (pplus (u n) (pscal (-1) (u m))) (pplus (u n) (pscal (-1) (u m))) < eps) ->
  exists l, forall eps, 0 < eps -> exists n0, forall n, (n0 <= n)%nat ->
     pinner (pplus (u n) (pscal (-1) l)) (pplus (u n) (pscal (-1) l)) < eps.
Proof.
  intros C. unfold pinner, pplus, pscal in *. cbn in *.
  destruct (is_complete X (fun n => fst (u n))) as [l1 H1].
  { intros eps He. destruct (C eps He) as [n0 Hn]. exists n0. intros n m Hnn Hm.
    specialize (Hn n m Hnn Hm).
    pose proof (inner_pos Y (snd (u n) ⊕ (-1) ⋅ snd (u m))). lra. }
  destruct (is_complete Y (fun n => snd (u n))) as [l2 H2].
  { intros eps He. destruct (C eps He) as [n0 Hn]. exists n0. intros n m Hnn Hm.
    specialize (Hn n m Hnn Hm).
    pose proof (inner_pos X (fst (u n) ⊕ (-1) ⋅ fst (u m))). lra. }
  exists (l1, l2). intros eps He.
  destruct (H1 (eps / 2)) as [n1 N1]; [lra|]. destruct (H2 (eps / 2)) as [n2 N2]; [lra|].
  exists (Nat.max n1 n2). intros n Hn.
  specialize (N1 n). specialize (N2 n). cbn.
  assert (n1 <= n)%nat by lia. assert (n2 <= n)%nat by lia.
  specialize (N1 H). specialize (N2 H0). cbn in *. lra.
Qed.

Definition product_space : InnerSpace.
Proof.
  refine {| carrier := X * Y; zero := (zero, zero); plus := pplus; scal := pscal; inner := pinner |};
    unfold pinner, pplus, pscal; intros; cbn.
  - now rewrite (inner_sym X), (inner_sym Y).
  - rewrite !inner_zero_l. ring.
  - rewrite !inner_plus_l. ring.
  - rewrite !inner_scal_l. ring.
  - pose proof (inner_pos X (fst x)). pose proof (inner_pos Y (snd x)). lra.
  - destruct x as [x1 x2], y as [y1 y2]; cbn in *.
    pose proof (inner_pos X (x1 ⊕ (-1) ⋅ y1)). pose proof (inner_pos Y (x2 ⊕ (-1) ⋅ y2)).
    f_equal; apply is_separated; lra.
  - now apply product_complete.
Defined.
End Product.

(** ** R^n *)
Fixpoint Rn (n : nat) : InnerSpace :=
  match n with
  | O => point_space
  | S m => product_space real_space (Rn m)
  end.
