(** * The spectral inequality of claim containment_residual, without diagonalisation

    For A = h J J' with a <= A <= 1:  |e| - |(I - A) e| >= sigma |h J' e|,
    where a = h sigma^2.  The first-order change of the residual pays for the
    length of the step. *)

From Coq Require Import Reals Lra Psatz.
From LPLR Require Import Inner Setting.
Open Scope R_scope.

Section Spectral.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variable th : X.
Variables h sig : R.
Hypothesis h_pos : 0 < h.
Hypothesis sig_pos : 0 <= sig.
Hypothesis A_upper : forall w, h * ⟨JT M th w, JT M th w⟩ <= ⟨w, w⟩.
Hypothesis J_lower : sigma_lower M th sig.

Let A (w : Y) : Y := h ⋅ ntk M th w.
Let a := h * (sig * sig).

Lemma A_form u v : ⟨A u, v⟩ = h * ⟨JT M th u, JT M th v⟩.
Proof. unfold A, ntk. now rewrite inner_scal_l, adjoint. Qed.

(** B = A - a: a positive form bounded by 1 - a. *)
Let B (w : Y) : Y := A w ⊖ a ⋅ w.
Let b (u v : Y) : R := h * ⟨JT M th u, JT M th v⟩ - a * ⟨u, v⟩.

Lemma B_form u v : ⟨B u, v⟩ = b u v.
Proof. unfold B, b. now rewrite inner_minus_l, A_form, inner_scal_l. Qed.

Lemma b_pos u : 0 <= b u u.
Proof.
  unfold b, a. rewrite <- !norm_sq. pose proof (J_lower u). pose proof (norm_pos u).
  assert (0 <= sig * norm u) by nra.
  assert (sig * norm u * (sig * norm u) <= norm (JT M th u) * norm (JT M th u)) by nra. nra.
Qed.

Lemma b_upper u : b u u <= (1 - a) * ⟨u, u⟩.
Proof. unfold b. pose proof (A_upper u). lra. Qed.

(** [b] at a combination c e - u, from linearity of J'. *)
Lemma b_combination c e u : b (c ⋅ e ⊖ u) (c ⋅ e ⊖ u) = c * c * b e e - 2 * c * b e u + b u u.
Proof.
  unfold b. rewrite JT_minus, JT_scal. autorewrite with inner.
  rewrite (inner_sym _ (JT M th u) (JT M th e)), (inner_sym _ u e). ring.
Qed.

(** Cauchy-Schwarz in the form b: |B e|^2 <= (1 - a) <B e, e>. *)
Lemma B_square e : a <= 1 -> ⟨B e, B e⟩ <= (1 - a) * b e e.
Proof.
  intros Ha.
  pose proof (b_pos e). pose proof (b_upper e). pose proof (b_upper (B e)).
  assert (Hcross : b e (B e) = ⟨B e, B e⟩) by (symmetry; apply B_form).
  pose proof (inner_pos Y (B e)). pose proof (inner_pos Y e).
  destruct (Req_dec (1 - a) 0) as [Z|N].
  - pose proof (b_pos (1 ⋅ e ⊖ B e)) as P. rewrite b_combination, Hcross in P.
    rewrite Z in *. lra.
  - pose proof (b_pos ((1 - a) ⋅ e ⊖ B e)) as P. rewrite b_combination, Hcross in P. nra.
Qed.

(** |A e|^2 <= (1 + a) <A e, e> - a |e|^2, i.e. (A - a)(A - 1) <= 0. *)
Lemma A_square e : a <= 1 -> ⟨A e, A e⟩ <= (1 + a) * ⟨A e, e⟩ - a * ⟨e, e⟩.
Proof.
  intros Ha. pose proof (B_square e Ha) as H. unfold B in H at 1 2. fold a in H.
  rewrite <- B_form in H. unfold B in H. autorewrite with inner in H.
  rewrite (inner_sym _ e (A e)) in H. lra.
Qed.

(** A step is never longer than |e| / sigma: containment needs no first exit (see [Residual.v]). *)
Lemma step_length e : sig * (h * norm (JT M th e)) <= norm e.
Proof.
  pose proof (norm_pos e). pose proof (norm_pos (JT M th e)).
  pose proof (A_upper e) as HA. rewrite <- !norm_sq in HA. pose proof (J_lower e).
  set (g := norm (JT M th e)) in *. set (n := norm e) in *.
  assert (0 <= h * g) by nra.
  assert (sig * n * (h * g) <= g * (h * g)) by (apply Rmult_le_compat_r; lra).
  destruct (Req_dec n 0) as [Z|N]; [|nra].
  assert (h * (g * g) <= 0) by (rewrite Z in HA; lra).
  assert (g * g <= 0) by nra. assert (Hg : g = 0) by nra. rewrite Hg. lra.
Qed.

Theorem residual_pays e : norm (e ⊖ A e) <= norm e - sig * (h * norm (JT M th e)).
Proof.
  pose proof (step_length e) as Hlen.
  destruct (Req_dec (norm e) 0) as [Z|N].
  { rewrite (norm_0_zero e Z). unfold A, ntk. rewrite JT_zero, J_zero, !norm_zero.
    apply norm_le_sq; [lra|]. autorewrite with inner. lra. }
  pose proof (norm_pos e).
  (* a <= 1 because a |e|^2 <= <A e, e> <= |e|^2 *)
  assert (Ha : a <= 1).
  { pose proof (b_pos e) as P. pose proof (A_upper e). unfold b in P.
    rewrite <- (norm_sq e) in *. assert (0 < norm e * norm e) by nra. nra. }
  apply norm_le_sq; [lra|].
  pose proof (A_square e Ha) as Hsq.
  rewrite inner_minus_l, !inner_minus_r, (inner_sym _ e (A e)).
  assert (Hm : ⟨A e, e⟩ = h * (norm (JT M th e) * norm (JT M th e))) by now rewrite A_form, norm_sq.
  rewrite Hm in *. rewrite <- (norm_sq e) in *. unfold a in Hsq.
  set (g := norm (JT M th e)) in *. set (n := norm e) in *. set (q := ⟨A e, A e⟩) in *.
  (* the gap is h (g - sigma n)^2 *)
  assert (0 <= h * ((g - sig * n) * (g - sig * n))) by (apply Rmult_le_pos; [lra|apply Rle_0_sqr]).
  lra.
Qed.
End Spectral.
