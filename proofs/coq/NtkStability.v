(** * Stability of the NTK on a ball: the Weyl step, sharp form and paper's form  (claim ntk_stability) *)

From Coq Require Import Reals Lra Psatz.
From LPLR Require Import Inner Setting.
Open Scope R_scope.

Section Weyl.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (th0 th : X).

(** Sharp form: sigma_min(J) is 1-Lipschitz in J, so sigma >= sqrt(lambda0) - Delta_J. *)
Theorem weyl_sigma lam0 D :
  0 <= lam0 -> 0 <= D -> ntk_lower M th0 lam0 -> jac_change M th0 th D ->
  sigma_lower M th (sqrt lam0 - D).
Proof.
  intros Hl HD H0 Hch w.
  pose proof (sigma_of_ntk M th0 lam0 H0 w) as H1.
  pose proof (JT_change M th0 th D w HD Hch) as H2.
  rewrite norm_opp in H2. pose proof (norm_minus_le (JT M th0 w) (JT M th w)). lra.
Qed.

Corollary weyl_sharp lam0 D :
  0 <= lam0 -> 0 <= D -> D <= sqrt lam0 -> ntk_lower M th0 lam0 -> jac_change M th0 th D ->
  ntk_lower M th ((sqrt lam0 - D) * (sqrt lam0 - D)).
Proof. intros. apply ntk_of_sigma; [lra|]. now apply weyl_sigma. Qed.

Lemma jac_bound_change K D :
  jac_bound M th0 K -> jac_change M th0 th D -> jac_bound M th (K + D).
Proof.
  intros HK HD v. specialize (HK v). specialize (HD v).
  pose proof (norm_minus_le (J M th v) (J M th0 v)). lra.
Qed.

(** The paper's form: Theta Lipschitz from the centre with constant L_Theta. *)
Definition ntk_lipschitz_from (LT : R) : Prop :=
  forall w, norm (ntk M th w ⊖ ntk M th0 w) <= LT * norm (th ⊖ th0) * norm w.

Theorem weyl_paper lam0 LT r :
  0 <= LT -> in_ball th0 r th -> ntk_lower M th0 lam0 -> ntk_lipschitz_from LT ->
  ntk_lower M th (lam0 - LT * r).
Proof.
  unfold in_ball. intros HLT Hr H0 Hlip w. specialize (H0 w). specialize (Hlip w).
  rewrite norm_opp in Hlip.
  pose proof (cauchy_schwarz w (ntk M th0 w ⊖ ntk M th w)) as C.
  rewrite inner_minus_r in C. rewrite <- (norm_sq w) in *. pose proof (norm_pos w).
  assert (norm w * norm (ntk M th0 w ⊖ ntk M th w)
          <= norm w * (LT * norm (th ⊖ th0) * norm w)) by (apply Rmult_le_compat_l; lra).
  assert (LT * norm (th ⊖ th0) <= LT * r) by nra.
  assert (0 <= norm w * norm w) by nra. nra.
Qed.

(** A valid L_Theta from the Jacobian: Delta_J (2 |J0| + Delta_J) bounds |Theta - Theta0|. *)
Theorem ntk_change K D :
  0 <= K -> 0 <= D -> jac_bound M th0 K -> jac_change M th0 th D ->
  forall w, norm (ntk M th w ⊖ ntk M th0 w) <= D * (2 * K + D) * norm w.
Proof.
  intros HK HD HJ Hch w. unfold ntk. pose proof (norm_pos w).
  pose proof (jac_bound_change K D HJ Hch (JT M th w ⊖ JT M th0 w)) as H1.
  rewrite J_minus in H1.
  pose proof (Hch (JT M th0 w)) as H2.
  pose proof (JT_change M th0 th D w HD Hch) as H3.
  pose proof (JT_bound M th0 K w HK HJ) as H4.
  pose proof (norm_triang3 (J M th (JT M th w)) (J M th (JT M th0 w)) (J M th0 (JT M th0 w))).
  nra.
Qed.
End Weyl.

(** When both forms come from one Delta_J, the sharp form is never worse. *)
Theorem sharp_dominates_paper lam0 K D :
  0 <= lam0 -> 0 <= D -> sqrt lam0 <= K ->
  lam0 - D * (2 * K + D) <= (sqrt lam0 - D) * (sqrt lam0 - D).
Proof. intros H HD HK. pose proof (sqrt_sqrt lam0 H). nra. Qed.
