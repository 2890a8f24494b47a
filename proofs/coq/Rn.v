(** * R, products of spaces, and R^n: instances of [InnerSpace]

    R^0 is a point and R^(n+1) = R * R^n, so vectors are nested pairs and
    equality of vectors is plain equality. *)

From Coq Require Import Reals Lra Psatz Lia.
From LPLR Require Import Inner Sums.
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

(** ** X^n, and R^n *)
Fixpoint Power (X : InnerSpace) (n : nat) : InnerSpace :=
  match n with O => point_space | S k => product_space X (Power X k) end.

Definition Rn (n : nat) : InnerSpace := Power real_space n.

(** Coordinates, and the vector with given coordinates. *)
Section Coordinates.
Context {X : InnerSpace}.

Fixpoint coord {n : nat} (i : nat) : Power X n -> X :=
  match n with
  | O => fun _ => zero
  | S k => fun u => match i with O => fst u | S j => coord j (snd u) end
  end.

Fixpoint build (n : nat) (f : nat -> X) : Power X n :=
  match n with O => tt | S k => (f O, build k (fun i => f (S i))) end.

Lemma coord_build n i f : (i < n)%nat -> coord i (build n f) = f i.
Proof.
  revert i f. induction n as [|n IH]; intros i f Hi; [lia|].
  destruct i as [|i]; [reflexivity|]. apply (IH i (fun j => f (S j))). lia.
Qed.

Lemma inner_power n (u v : Power X n) : ⟨u, v⟩ = sum n (fun i => ⟨coord i u, coord i v⟩).
Proof.
  induction n as [|n IH]; [reflexivity|].
  change (⟨fst u, fst v⟩ + ⟨snd u, snd v⟩ = ⟨fst u, fst v⟩ + sum n (fun i => ⟨coord i (snd u), coord i (snd v)⟩)).
  now rewrite IH.
Qed.

Lemma coord_plus n i (u v : Power X n) : coord i (u ⊕ v) = coord i u ⊕ coord i v.
Proof.
  revert i. induction n as [|n IH]; intros i.
  - cbn. apply vec_ext. intros w. autorewrite with inner. ring.
  - destruct i as [|i]; [reflexivity|]. exact (IH (snd u) (snd v) i).
Qed.
Lemma coord_scal n i a (u : Power X n) : coord i (a ⋅ u) = a ⋅ coord i u.
Proof.
  revert i. induction n as [|n IH]; intros i.
  - cbn. apply vec_ext. intros w. autorewrite with inner. ring.
  - destruct i as [|i]; [reflexivity|]. exact (IH (snd u) i).
Qed.
Lemma coord_minus n i (u v : Power X n) : coord i (u ⊖ v) = coord i u ⊖ coord i v.
Proof. unfold minus. now rewrite coord_plus, coord_scal. Qed.
End Coordinates.

(** In R^n the inner product is the sum of products of coordinates. *)
Definition entry {n : nat} (u : Rn n) (i : nat) : R := coord (X := real_space) i u.
Definition vector (n : nat) (f : nat -> R) : Rn n := build (X := real_space) n f.

Lemma entry_vector n i f : (i < n)%nat -> entry (vector n f) i = f i.
Proof. apply (coord_build (X := real_space)). Qed.
Lemma inner_Rn n (u v : Rn n) : ⟨u, v⟩ = sum n (fun i => entry u i * entry v i).
Proof. apply (inner_power (X := real_space)). Qed.
Lemma entry_minus n i (u v : Rn n) : entry (u ⊖ v) i = entry u i - entry v i.
Proof. unfold entry, Rn. rewrite (coord_minus (X := real_space)). unfold minus; cbn. ring. Qed.
Lemma inner_vector n f g : ⟨vector n f, vector n g⟩ = sum n (fun i => f i * g i).
Proof. rewrite inner_Rn. apply sum_ext. intros i Hi. now rewrite !entry_vector. Qed.

(** The pair's inner product and difference, without unfolding. *)
Lemma inner_pair {X Y : InnerSpace} (u v : product_space X Y) : ⟨u, v⟩ = ⟨fst u, fst v⟩ + ⟨snd u, snd v⟩.
Proof. reflexivity. Qed.
Lemma minus_pair {X Y : InnerSpace} (u v : product_space X Y) : u ⊖ v = (fst u ⊖ fst v, snd u ⊖ snd v).
Proof. reflexivity. Qed.
