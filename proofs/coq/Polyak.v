(** * Containment in the classical form (claim containment_classical), for any smooth function: Polyak made local

    S = B(theta0, R) cut with the sublevel set of Phi(theta0).  S need not be
    connected or convex; smoothness is used only along segments that lie in S,
    and [sublevel_kept] is the first-exit argument that puts the segments there. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Segment Derivative Setting Path.
Open Scope R_scope.

Section Descent.
Context {X : InnerSpace}.
Variable Phi : X -> R.
Variable g : X -> X.            (* the gradient *)
Variable ball : X -> Prop.
Variables (beta top : R).
Hypothesis has_gradient : forall z v, ball z ->
  is_derive (fun t : R => Phi (z ⊕ t ⋅ v)) 0 ⟨g z, v⟩.

Definition sublevel (z : X) : Prop := ball z /\ Phi z <= top.

(** Smoothness, along segments inside S only. *)
Definition smooth_on (D : X -> Prop) : Prop := forall z v T, 0 <= T ->
  (forall t, 0 <= t <= T -> D (z ⊕ t ⋅ v)) -> ⟨g (z ⊕ T ⋅ v) ⊖ g z, v⟩ <= beta * T * ⟨v, v⟩.

(** It follows from a beta-Lipschitz gradient ... *)
Lemma smooth_of_lipschitz (D : X -> Prop) :
  (forall z z', D z -> D z' -> norm (g z' ⊖ g z) <= beta * norm (z' ⊖ z)) -> smooth_on D.
Proof.
  intros H z v T HT Hseg.
  assert (E0 : z ⊕ 0 ⋅ v = z) by (apply vec_ext; intros; autorewrite with inner; ring).
  assert (Hz : D z) by (rewrite <- E0; apply Hseg; lra).
  assert (HzT : D (z ⊕ T ⋅ v)) by (apply Hseg; lra).
  specialize (H z _ Hz HzT).
  replace (z ⊕ T ⋅ v ⊖ z) with (T ⋅ v) in H by (apply vec_ext; intros; autorewrite with inner; ring).
  rewrite norm_scal, Rabs_pos_eq in H by assumption.
  pose proof (cauchy_schwarz (g (z ⊕ T ⋅ v) ⊖ g z) v). pose proof (norm_pos v).
  rewrite <- norm_sq. nra.
Qed.

(** ... or from an upper bound of the Hessian's quadratic form. *)
Lemma smooth_of_hessian (D : X -> Prop) (hess : X -> X -> R) :
  (forall z v, D z -> is_derive (fun t : R => ⟨g (z ⊕ t ⋅ v), v⟩) 0 (hess z v)) ->
  (forall z v, D z -> hess z v <= beta * ⟨v, v⟩) -> smooth_on D.
Proof.
  intros Hd Hb z v T HT Hseg.
  assert (E0 : z ⊕ 0 ⋅ v = z) by (apply vec_ext; intros; autorewrite with inner; ring).
  pose proof (mean_value_majorant (fun t => ⟨g (z ⊕ t ⋅ v), v⟩) (fun t => hess (z ⊕ t ⋅ v) v)
    (fun t => 0 + beta * ⟨v, v⟩ * t) (fun _ => beta * ⟨v, v⟩) T HT) as Hm.
  cbn beta in Hm. rewrite E0 in Hm. rewrite inner_minus_l.
  assert (⟨g (z ⊕ T ⋅ v), v⟩ - ⟨g z, v⟩ <=
    0 + beta * ⟨v, v⟩ * T - (0 + beta * ⟨v, v⟩ * 0)); [|lra].
  apply Hm.
  - intros t Ht. apply (derive_along (fun x => ⟨g x, v⟩)). apply Hd. now apply Hseg.
  - intros t _. apply derive_affine.
  - intros t Ht. apply Hb. now apply Hseg.
Qed.

Hypothesis smooth : smooth_on sublevel.

(** Descent along a segment inside S (claim descent_step): Phi(z + T v) <= Phi(z) + T <g,v> + beta T^2 |v|^2 / 2. *)
Lemma descent z v T : 0 <= T -> (forall t, 0 <= t <= T -> sublevel (z ⊕ t ⋅ v)) ->
  Phi (z ⊕ T ⋅ v) <= Phi z + T * ⟨g z, v⟩ + beta / 2 * (T * T) * ⟨v, v⟩.
Proof.
  intros HT Hseg.
  assert (E0 : z ⊕ 0 ⋅ v = z) by (apply vec_ext; intros; autorewrite with inner; ring).
  pose proof (mean_value_majorant (fun t => Phi (z ⊕ t ⋅ v)) (fun t => ⟨g (z ⊕ t ⋅ v), v⟩)
    (fun t => (0 + ⟨g z, v⟩ * t) + beta / 2 * ⟨v, v⟩ * (t * t))
    (fun t => ⟨g z, v⟩ + 2 * (beta / 2 * ⟨v, v⟩) * t) T HT) as Hm.
  cbn beta in Hm. rewrite E0 in Hm.
  assert (Phi (z ⊕ T ⋅ v) - Phi z <= 0 + ⟨g z, v⟩ * T + beta / 2 * ⟨v, v⟩ * (T * T)
    - (0 + ⟨g z, v⟩ * 0 + beta / 2 * ⟨v, v⟩ * (0 * 0))); [|lra].
  apply Hm.
  - intros t Ht. apply (derive_along Phi). apply has_gradient. now apply Hseg.
  - intros t _. apply (is_derive_plus (fun t => 0 + ⟨g z, v⟩ * t) (fun t => beta / 2 * ⟨v, v⟩ * (t * t))).
    + apply derive_affine.
    + apply derive_square.
  - intros t Ht. pose proof (smooth z v t) as Hs. rewrite inner_minus_l in Hs.
    assert (⟨g (z ⊕ t ⋅ v), v⟩ - ⟨g z, v⟩ <= beta * t * ⟨v, v⟩); [|lra].
    apply Hs; [lra|]. intros u Hu. apply Hseg. lra.
Qed.

Variable eta : R.
Hypothesis eta_pos : 0 < eta.
Hypothesis eta_small : eta * beta < 2.

(** Gradient step: Phi drops by t eta c_t |g|^2 with c_t = 1 - t eta beta / 2. *)
Lemma gradient_descent z T : 0 <= T ->
  (forall t, 0 <= t <= T -> sublevel (z ⊕ t ⋅ ((- eta) ⋅ g z))) ->
  Phi (z ⊕ T ⋅ ((- eta) ⋅ g z)) <= Phi z - T * eta * (1 - T * eta * beta / 2) * ⟨g z, g z⟩.
Proof.
  intros HT Hseg. pose proof (descent z _ T HT Hseg) as H.
  autorewrite with inner in H. lra.
Qed.

(** First exit: as long as the segment is in the ball, Phi stays below its start. *)
Lemma sublevel_kept z T : 0 <= T <= 1 -> sublevel z ->
  (forall t, 0 <= t <= T -> ball (z ⊕ t ⋅ ((- eta) ⋅ g z))) ->
  forall t, 0 <= t <= T -> Phi (z ⊕ t ⋅ ((- eta) ⋅ g z)) <= Phi z.
Proof.
  intros HT [Hzb Hztop] Hball. set (v := (- eta) ⋅ g z) in *.
  assert (E0 : z ⊕ 0 ⋅ v = z) by (apply vec_ext; intros; autorewrite with inner; ring).
  assert (Hder : forall t, 0 <= t <= T ->
            is_derive (fun u => Phi (z ⊕ u ⋅ v) - Phi z) t ⟨g (z ⊕ t ⋅ v), v⟩).
  { intros t Ht. replace ⟨g (z ⊕ t ⋅ v), v⟩ with (⟨g (z ⊕ t ⋅ v), v⟩ - 0) by ring.
    apply (is_derive_minus (fun u : R => Phi (z ⊕ u ⋅ v)) (fun _ => Phi z)).
    - apply (derive_along Phi). apply has_gradient. now apply Hball.
    - apply @is_derive_const. }
  destruct (Req_dec ⟨g z, g z⟩ 0) as [Z|N].
  { (* a zero gradient: the point does not move *)
    intros t Ht. replace (z ⊕ t ⋅ v) with z; [lra|]. apply vec_ext. intros w. unfold v.
    rewrite (norm_0_zero (g z)); [autorewrite with inner; ring|]. unfold norm. now rewrite Z, sqrt_0. }
  pose proof (inner_pos X (g z)) as Hg.
  assert (Hgp : 0 < eta * ⟨g z, g z⟩) by (apply Rmult_lt_0_compat; lra).
  intros t Ht. apply Rminus_le.
  apply (first_exit (fun u => Phi (z ⊕ u ⋅ v) - Phi z) T); [lra| | | |assumption].
  - intros u Hu. apply (@ex_derive_continuous R_AbsRing R_NormedModule).
    exists ⟨g (z ⊕ u ⋅ v), v⟩. now apply Hder.
  - rewrite E0. lra.
  - intros u Hu Hall.
    assert (Hu' : 0 <= u <= T) by lra.
    destruct (Req_dec u 0) as [->|Hne].
    + (* at the start: the derivative is -eta |g|^2 < 0 *)
      destruct (derive_right _ 0 _ (eta * ⟨g z, g z⟩) (Hder 0 Hu') Hgp) as [d [Hd Hdd]].
      exists d. split; [assumption|]. intros x Hx _. specialize (Hdd x Hx). cbn beta in Hdd.
      rewrite E0 in Hdd. unfold v in Hdd at 2. rewrite inner_scal_r in Hdd.
      eapply Rle_trans; [exact Hdd|]. nra.
    + (* later: the value itself has dropped strictly *)
      assert (Hdrop : Phi (z ⊕ u ⋅ v) - Phi z < 0).
      { assert (Hgd := gradient_descent z u (proj1 Hu')). fold v in Hgd.
        assert (0 < u * (eta * ⟨g z, g z⟩)) by (apply Rmult_lt_0_compat; lra).
        assert (0 < 1 - u * eta * beta / 2) by nra.
        assert (Phi (z ⊕ u ⋅ v) <= Phi z - u * eta * (1 - u * eta * beta / 2) * ⟨g z, g z⟩); [|nra].
        apply Hgd. intros x Hx. split; [apply Hball; lra|].
        specialize (Hall x Hx). lra. }
      set (f := Phi (z ⊕ u ⋅ v) - Phi z) in *. set (l := ⟨g (z ⊕ u ⋅ v), v⟩).
      destruct (derive_right _ u l 1 (Hder u Hu') Rlt_0_1) as [d [Hd Hdd]].
      assert (Hl : 0 < Rabs l + 1) by (pose proof (Rabs_pos l); lra).
      exists (Rmin d (- f / (Rabs l + 1))). split.
      { apply Rmin_glb_lt; [assumption|]. apply Rdiv_lt_0_compat; lra. }
      intros x Hx _. pose proof (Rmin_l d (- f / (Rabs l + 1))). pose proof (Rmin_r d (- f / (Rabs l + 1))).
      assert (Hxd : u < x < u + d) by lra. specialize (Hdd x Hxd). cbn beta in Hdd. fold f in Hdd.
      eapply Rle_trans; [exact Hdd|].
      assert ((Rabs l + 1) * (x - u) <= - f).
      { apply Rmult_le_reg_r with (/ (Rabs l + 1)); [now apply Rinv_0_lt_compat|].
        replace ((Rabs l + 1) * (x - u) * / (Rabs l + 1)) with (x - u) by (field; lra).
        unfold Rdiv in *. lra. }
      pose proof (Rle_abs l). nra.
Qed.
End Descent.
