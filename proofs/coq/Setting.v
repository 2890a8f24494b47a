(** * The setting: a model F, squared loss, gradient, NTK, gradient descent

    [X] is the parameter space (R^p), [Y] the space of stacked outputs (R^N). *)

From Coq Require Import Reals Lra Psatz Lia.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Segment Derivative.
Open Scope R_scope.

(** A model: the map theta -> F(theta), its Jacobian J(theta) v and the transposed
    Jacobian.  Linearity of both follows from their being adjoint. *)
Record Model (X Y : InnerSpace) := {
  F : X -> Y;
  J : X -> X -> Y;
  JT : X -> Y -> X;
  adjoint : forall th v w, ⟨J th v, w⟩ = ⟨v, JT th w⟩
}.
Arguments F {_ _} _ _.
Arguments J {_ _} _ _ _.
Arguments JT {_ _} _ _ _.
Arguments adjoint {_ _} _ _ _ _.

Section Definitions.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variable y : Y.            (* labels *)
Variable s : R.            (* loss scale: 1 half sum, 1/n half mean, 2/N mean *)

(** J is the derivative of F at [th]. *)
Definition differentiable_at (th : X) : Prop := gateaux (F M) th (J M th).

Definition in_ball (c : X) (r : R) (th : X) : Prop := norm (th ⊖ c) <= r.

Definition residual (th : X) : Y := F M th ⊖ y.
Definition loss (th : X) : R := s / 2 * ⟨residual th, residual th⟩.
Definition gradient (th : X) : X := s ⋅ JT M th (residual th).

(** The NTK as a quadratic form, w' J J' w, and lower bounds of its smallest eigenvalue. *)
Definition ntk (th : X) (w : Y) : Y := J M th (JT M th w).
Definition ntk_lower (th : X) (lam : R) : Prop := forall w, lam * ⟨w, w⟩ <= ⟨w, ntk th w⟩.
(** lambda_min is the infimum of the Rayleigh quotient. *)
Definition is_lambda_min (th : X) (lam : R) : Prop :=
  (forall w, ⟨w, w⟩ = 1 -> lam <= ⟨w, ntk th w⟩) /\
  (forall b, (forall w, ⟨w, w⟩ = 1 -> b <= ⟨w, ntk th w⟩) -> b <= lam).
(** Smallest singular value of J', from below; operator norms, from above. *)
Definition sigma_lower (th : X) (sig : R) : Prop := forall w, sig * norm w <= norm (JT M th w).
Definition jac_bound (th : X) (K : R) : Prop := forall v, norm (J M th v) <= K * norm v.
Definition jac_change (th th' : X) (D : R) : Prop :=
  forall v, norm (J M th' v ⊖ J M th v) <= D * norm v.

(** Locally Polyak-Lojasiewicz region: 1/2 |grad|^2 >= mu (L - inf L) on D. *)
Definition is_inf (D : X -> Prop) (Lstar : R) : Prop :=
  (forall th, D th -> Lstar <= loss th) /\
  (forall b, (forall th, D th -> b <= loss th) -> b <= Lstar).
Definition LPLR (D : X -> Prop) (mu : R) : Prop :=
  forall Lstar, is_inf D Lstar ->
  forall th, D th -> mu * (loss th - Lstar) <= / 2 * ⟨gradient th, gradient th⟩.

(** Gradient descent with a fixed step, in real arithmetic. *)
Definition gd_step (eta : R) (th : X) : X := th ⊖ eta ⋅ gradient th.
Fixpoint gd (eta : R) (th0 : X) (k : nat) : X :=
  match k with O => th0 | S j => gd_step eta (gd eta th0 j) end.
End Definitions.

Section Facts.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variable y : Y.
Variable s : R.
Implicit Types th v : X.
Implicit Types w : Y.

(** ** Linearity, from adjointness *)
Lemma adjoint' th v w : ⟨w, J M th v⟩ = ⟨JT M th w, v⟩.
Proof. now rewrite inner_sym, adjoint, inner_sym. Qed.

Lemma J_scal th a v : J M th (a ⋅ v) = a ⋅ J M th v.
Proof. apply vec_ext. intros w. now rewrite !adjoint, !inner_scal_l, adjoint. Qed.

Lemma J_minus th u v : J M th (u ⊖ v) = J M th u ⊖ J M th v.
Proof. apply vec_ext. intros w. now rewrite adjoint, !inner_minus_l, !adjoint. Qed.

Lemma JT_scal th a w : JT M th (a ⋅ w) = a ⋅ JT M th w.
Proof.
  apply vec_ext. intros v. rewrite inner_sym, <- adjoint, inner_scal_l, inner_scal_r.
  now rewrite (adjoint M), inner_sym.
Qed.

Lemma JT_minus th u w : JT M th (u ⊖ w) = JT M th u ⊖ JT M th w.
Proof.
  apply vec_ext. intros v.
  now rewrite inner_sym, <- adjoint, inner_minus_l, inner_minus_r, !(adjoint M), !(inner_sym _ v).
Qed.

Lemma J_zero th : J M th zero = zero.
Proof. apply vec_ext. intros w. now rewrite adjoint, !inner_zero_l. Qed.

Lemma JT_zero th : JT M th zero = zero.
Proof. apply vec_ext. intros v. now rewrite inner_sym, <- adjoint, inner_zero_r, inner_zero_l. Qed.

(** ** An operator and its adjoint have the same norm *)
Lemma JT_bound th K w : 0 <= K -> jac_bound M th K -> norm (JT M th w) <= K * norm w.
Proof.
  intros HK H. pose proof (norm_pos w).
  apply norm_le_weak; [nra|]. intros v. rewrite <- adjoint.
  pose proof (cauchy_schwarz (J M th v) w). specialize (H v). nra.
Qed.

Lemma JT_change th th' D w :
  0 <= D -> jac_change M th th' D -> norm (JT M th' w ⊖ JT M th w) <= D * norm w.
Proof.
  intros HD H. pose proof (norm_pos w).
  apply norm_le_weak; [nra|]. intros v. rewrite inner_minus_r, <- !adjoint, <- inner_minus_l.
  pose proof (cauchy_schwarz (J M th' v ⊖ J M th v) w). specialize (H v). nra.
Qed.

(** ** The two ways to bound lambda_min from below agree *)
Lemma ntk_form th w : ⟨w, ntk M th w⟩ = ⟨JT M th w, JT M th w⟩.
Proof. unfold ntk. apply adjoint'. Qed.

Lemma sigma_of_ntk th lam : ntk_lower M th lam -> sigma_lower M th (sqrt lam).
Proof.
  intros H w. destruct (Rle_dec 0 lam) as [Hl|Hl].
  - apply norm_ge_sq. rewrite <- ntk_form.
    specialize (H w). rewrite <- norm_sq in H. pose proof (sqrt_sqrt lam Hl). nra.
  - rewrite sqrt_neg_0 by lra. pose proof (norm_pos (JT M th w)). lra.
Qed.

Lemma ntk_of_sigma th sig : 0 <= sig -> sigma_lower M th sig -> ntk_lower M th (sig * sig).
Proof.
  intros Hs H w. rewrite ntk_form, <- !norm_sq. specialize (H w).
  pose proof (norm_pos w). assert (0 <= sig * norm w) by nra. nra.
Qed.

(** A lower bound in our sense is a lower bound of the infimum of the Rayleigh quotient. *)
Lemma ntk_lower_lambda_min th lam lmin :
  is_lambda_min M th lmin -> (ntk_lower M th lam -> (exists w : Y, ⟨w, w⟩ = 1) -> lam <= lmin)
  /\ (lam <= lmin -> ntk_lower M th lam).
Proof.
  intros [Hlow Hgreat]. split.
  - intros H _. apply Hgreat. intros w Hw. specialize (H w). rewrite Hw in H. lra.
  - intros Hle w. pose proof (norm_sq w) as Hn. pose proof (norm_pos w).
    destruct (Req_dec (norm w) 0) as [Z|N].
    + rewrite (norm_0_zero w Z), !inner_zero_l. lra.
    + assert (0 < norm w) by lra.
      specialize (Hlow ((/ norm w) ⋅ w)). unfold ntk in *.
      rewrite JT_scal, J_scal in Hlow. autorewrite with inner in Hlow.
      rewrite <- Hn in *.
      assert (Hinv : / norm w * (/ norm w * (norm w * norm w)) = 1) by (field; lra).
      specialize (Hlow Hinv).
      set (q := ⟨w, J M th (JT M th w)⟩) in *.
      assert (q = norm w * norm w * (/ norm w * (/ norm w * q))) by (field; lra).
      assert (0 < norm w * norm w) by nra. nra.
Qed.

(** ** PL from the NTK: 1/2 |grad|^2 >= s lambda L, so mu = s lambda  (claim pl_from_ntk) *)
Theorem pl_from_ntk th lam :
  0 <= s -> ntk_lower M th lam ->
  s * lam * loss M y s th <= / 2 * ⟨gradient M y s th, gradient M y s th⟩.
Proof.
  intros Hs H. unfold loss, gradient. autorewrite with inner.
  rewrite <- ntk_form. specialize (H (residual M y th)). nra.
Qed.

Lemma loss_pos th : 0 <= s -> 0 <= loss M y s th.
Proof. intros Hs. unfold loss. pose proof (inner_pos Y (residual M y th)). nra. Qed.

Theorem lplr_from_ntk (D : X -> Prop) lam :
  0 <= s -> 0 <= lam -> (forall th, D th -> ntk_lower M th lam) -> LPLR M y s D (s * lam).
Proof.
  intros Hs Hl H Lstar [_ Hinf] th Hth.
  assert (0 <= Lstar) by (apply Hinf; intros; now apply loss_pos).
  pose proof (pl_from_ntk th lam Hs (H th Hth)).
  assert (0 <= s * lam) by nra. nra.
Qed.

(** ** The ball is convex *)
Lemma in_ball_segment c r th v t T :
  0 <= t <= T -> in_ball c r th -> in_ball c r (th ⊕ T ⋅ v) -> in_ball c r (th ⊕ t ⋅ v).
Proof.
  unfold in_ball. intros Ht H0 HT.
  destruct (Req_dec T 0) as [->|HneT]; [now replace t with 0 by lra|].
  set (a := t / T).
  assert (HtT : t = a * T) by (unfold a; field; lra).
  assert (0 <= a) by (apply Rdiv_le_0_compat; lra).
  assert (a <= 1) by (unfold a; apply Rle_div_l; lra).
  replace (th ⊕ t ⋅ v ⊖ c) with ((1 - a) ⋅ (th ⊖ c) ⊕ a ⋅ (th ⊕ T ⋅ v ⊖ c)).
  - eapply Rle_trans; [apply norm_triang|].
    rewrite !norm_scal, !Rabs_pos_eq by lra. nra.
  - apply vec_ext. intros w. autorewrite with inner. rewrite HtT. ring.
Qed.

(** ** Derivatives along a segment *)
Lemma derive_F th v w t :
  differentiable_at M (th ⊕ t ⋅ v) ->
  is_derive (fun u : R => ⟨w, F M (th ⊕ u ⋅ v)⟩) t ⟨w, J M (th ⊕ t ⋅ v) v⟩.
Proof. intros H. apply (derive_along (fun x => ⟨w, F M x⟩)). now apply gateaux_weak. Qed.

(** [gradient] is the gradient of the loss. *)
Theorem gradient_correct th v :
  differentiable_at M th ->
  is_derive (fun t : R => loss M y s (th ⊕ t ⋅ v)) 0 ⟨gradient M y s th, v⟩.
Proof.
  intros H.
  assert (Hr : gateaux (residual M y) th (J M th)).
  { intros u eps He. destruct (H u eps He) as [d [Hd Hdd]]. exists d. split; [assumption|].
    intros t Ht. specialize (Hdd t Ht).
    replace (residual M y (th ⊕ t ⋅ u) ⊖ residual M y th ⊖ t ⋅ J M th u)
      with (F M (th ⊕ t ⋅ u) ⊖ F M th ⊖ t ⋅ J M th u); [exact Hdd|].
    apply vec_ext. intros w. unfold residual. autorewrite with inner. ring. }
  pose proof (gateaux_square (residual M y) th (J M th) v Hr) as Hd.
  unfold loss, gradient. rewrite inner_scal_l, <- adjoint'.
  replace (s * ⟨residual M y th, J M th v⟩) with (s / 2 * (2 * ⟨residual M y th, J M th v⟩)) by field.
  now apply (is_derive_scal (fun t : R => ⟨residual M y (th ⊕ t ⋅ v), residual M y (th ⊕ t ⋅ v)⟩)).
Qed.
End Facts.

(** ** From bounds of the transposed Jacobian to bounds of the Jacobian *)
Lemma jac_bound_of_JT {X Y : InnerSpace} (M : Model X Y) z K :
  0 <= K -> (forall u, ⟨JT M z u, JT M z u⟩ <= K * K * ⟨u, u⟩) -> jac_bound M z K.
Proof.
  intros HK H v. pose proof (norm_pos v).
  apply norm_le_weak; [nra|]. intros u. rewrite adjoint'. pose proof (norm_pos u).
  assert (norm (JT M z u) <= K * norm u).
  { apply norm_le_sq; [nra|]. specialize (H u). rewrite <- (norm_sq u) in H. lra. }
  pose proof (cauchy_schwarz (JT M z u) v). nra.
Qed.

Lemma jac_change_of_JT {X Y : InnerSpace} (M : Model X Y) z z' D :
  0 <= D ->
  (forall u, ⟨JT M z' u ⊖ JT M z u, JT M z' u ⊖ JT M z u⟩ <= D * D * ⟨u, u⟩) -> jac_change M z z' D.
Proof.
  intros HD H v. pose proof (norm_pos v).
  apply norm_le_weak; [nra|]. intros u. rewrite inner_minus_r, !adjoint', <- inner_minus_l.
  pose proof (norm_pos u).
  assert (norm (JT M z' u ⊖ JT M z u) <= D * norm u).
  { apply norm_le_sq; [nra|]. specialize (H u). rewrite <- (norm_sq u) in H. lra. }
  pose proof (cauchy_schwarz (JT M z' u ⊖ JT M z u) v). nra.
Qed.
