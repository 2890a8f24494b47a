(** * Further exported constants, each tied to a theorem *)

From Coq Require Import Reals Lra Psatz.
From LPLR Require Import Inner Setting NtkStability MeanValue Path Residual Certificate Integral Classical.
From LPLR Require Constants.
Open Scope R_scope.

(** ** Formulas that are definitions of the development, term for term *)
Lemma link_sigma_sharp D lam0 : Constants.sigma_sharp D lam0 = sqrt lam0 - D.
Proof. unfold Constants.sigma_sharp. ring. Qed.
Lemma link_lambda_region_sharp D lam0 :
  Constants.lambda_region_sharp D lam0 = Rmax 0 (sqrt lam0 - D) * Rmax 0 (sqrt lam0 - D).
Proof.
  unfold Constants.lambda_region_sharp. replace (sqrt lam0 - D) with (Constants.sigma_sharp D lam0)
    by apply link_sigma_sharp. unfold Constants.sigma_sharp. ring.
Qed.
Lemma link_lambda_region_paper LT r lam0 : Constants.lambda_region_paper LT r lam0 = lam0 - LT * r.
Proof. unfold Constants.lambda_region_paper. ring. Qed.
Lemma link_mu_paper LT r lam0 s : Constants.mu_paper LT r lam0 s = s * (lam0 - LT * r).
Proof. unfold Constants.mu_paper. ring. Qed.
Lemma link_residual_supply_linear L r delta lam0 :
  Constants.residual_supply_linear L r delta lam0 = (sqrt lam0 - delta) * r - L * (r * r) / 2.
Proof. unfold Constants.residual_supply_linear. field. Qed.
Lemma link_residual_path delta e sig : Constants.residual_path delta e sig = e / (sig - delta).
Proof. unfold Constants.residual_path. f_equal; ring. Qed.
Lemma link_loss0 {X Y : InnerSpace} (M : Model X Y) y s th :
  Constants.loss0 (norm (residual M y th)) s = loss M y s th.
Proof. unfold Constants.loss0, loss. rewrite <- norm_sq. field. Qed.
Lemma link_rate_simple eta mu : Constants.rate_simple eta mu = 1 - eta * mu.
Proof. unfold Constants.rate_simple. ring. Qed.

(** For eta <= 1/beta the simple rate is a valid bound of the classical one. *)
Lemma rate_simple_valid s eta beta lam : 0 < s -> 0 < eta -> 0 < lam -> eta * beta <= 1 ->
  classical_rate s eta beta lam <= Constants.rate_simple eta (s * lam).
Proof.
  intros Hs He Hl Hb. unfold classical_rate, Constants.rate_simple.
  assert (0 < eta * (s * lam)) by (apply Rmult_lt_0_compat; [assumption|now apply Rmult_lt_0_compat]). nra.
Qed.

(** ** ntk_lipschitz: L_Theta = L_H (2 |J0| + Delta_J), from the centre *)
Theorem ntk_lipschitz {X Y : InnerSpace} (M : Model X Y) th0 th K D LH :
  0 <= K -> 0 <= D -> 0 <= LH -> jac_bound M th0 K ->
  jac_change M th0 th D -> jac_change M th0 th (LH * norm (th ⊖ th0)) ->
  ntk_lipschitz_from M th0 th (Constants.L_theta D LH K).
Proof.
  intros HK HD HL HJ Hch Hlip w. unfold Constants.L_theta.
  set (d := norm (th ⊖ th0)) in *. assert (Hd : 0 <= d) by apply norm_pos.
  pose proof (norm_pos w) as Hw.
  (* the change at th is at most m = min (D, LH d); m (2 K + m) <= LH d (2 K + D) *)
  set (m := Rmin D (LH * d)).
  assert (Hm : 0 <= m) by (apply Rmin_glb; [assumption|now apply Rmult_le_pos]).
  assert (Hmch : jac_change M th0 th m).
  { unfold m, Rmin. now destruct (Rle_dec D (LH * d)). }
  pose proof (ntk_change M th0 th K m HK Hm HJ Hmch w) as H.
  assert (m <= D) by apply Rmin_l. assert (m <= LH * d) by apply Rmin_r.
  assert (m * (2 * K + m) <= LH * d * (2 * K + D)) by (apply Rmult_le_compat; lra).
  assert (m * (2 * K + m) * norm w <= LH * d * (2 * K + D) * norm w) by (apply Rmult_le_compat_r; assumption).
  eapply Rle_trans; [exact H|]. eapply Rle_trans; [eassumption|]. right. ring.
Qed.

(** ** Stability radii: lambda >= kappa lambda0 on the ball of that radius *)
Theorem stability_radius_linear {X Y : InnerSpace} (M : Model X Y) th0 th Rad lam0 kappa LH :
  0 < LH -> 0 <= lam0 -> 0 <= kappa <= 1 -> ntk_lower M th0 lam0 ->
  (in_ball th0 Rad th -> jac_change M th0 th (LH * norm (th ⊖ th0))) ->
  in_ball th0 (Constants.stability_radius_linear LH Rad kappa lam0) th ->
  ntk_lower M th (kappa * lam0).
Proof.
  intros HL Hl Hk H0 Hch Hin. unfold Constants.stability_radius_linear, in_ball in Hin.
  set (d := norm (th ⊖ th0)) in *. assert (Hd : 0 <= d) by apply norm_pos.
  assert (HR : d <= Rad) by (eapply Rle_trans; [exact Hin|apply Rmin_l]).
  assert (Hr : d <= sqrt lam0 * (1 - sqrt kappa) / LH) by (eapply Rle_trans; [exact Hin|apply Rmin_r]).
  assert (HLd : LH * d <= sqrt lam0 * (1 - sqrt kappa)).
  { apply (Rmult_le_compat_l LH) in Hr; [|lra].
    replace (LH * (sqrt lam0 * (1 - sqrt kappa) / LH)) with (sqrt lam0 * (1 - sqrt kappa)) in Hr by (field; lra).
    exact Hr. }
  pose proof (sqrt_pos lam0). pose proof (sqrt_pos kappa).
  assert (Hsig : sigma_lower M th (sqrt kappa * sqrt lam0)).
  { intros w. pose proof (norm_pos w).
    pose proof (weyl_sigma M th0 th lam0 (LH * d) Hl ltac:(apply Rmult_le_pos; lra) H0 (Hch HR) w). nra. }
  replace (kappa * lam0) with (sqrt kappa * sqrt lam0 * (sqrt kappa * sqrt lam0)).
  - apply ntk_of_sigma; [now apply Rmult_le_pos|assumption].
  - transitivity (sqrt kappa * sqrt kappa * (sqrt lam0 * sqrt lam0)); [ring|]. rewrite !sqrt_sqrt; lra.
Qed.

Theorem stability_radius_paper {X Y : InnerSpace} (M : Model X Y) th0 th Rad lam0 kappa LT :
  0 < LT -> ntk_lower M th0 lam0 ->
  (in_ball th0 Rad th -> ntk_lipschitz_from M th0 th LT) ->
  in_ball th0 (Constants.stability_radius_paper LT Rad kappa lam0) th ->
  ntk_lower M th (kappa * lam0).
Proof.
  intros HL H0 Hlip Hin. unfold Constants.stability_radius_paper, in_ball in Hin.
  set (r := lam0 * (1 - kappa) / LT) in *.
  assert (HR : in_ball th0 Rad th) by (eapply Rle_trans; [exact Hin|apply Rmin_l]).
  assert (Hr : in_ball th0 r th) by (eapply Rle_trans; [exact Hin|apply Rmin_r]).
  replace (kappa * lam0) with (lam0 - LT * r) by (unfold r; field; lra).
  apply (weyl_paper M th0 th lam0 LT r); auto. lra.
Qed.

(** ** Iterations to a given loss *)
Lemma exp_times x k : exp (INR k * x) = exp x ^ k.
Proof.
  induction k as [|k IH]; [cbn; now rewrite Rmult_0_l, exp_0|].
  rewrite S_INR, Rmult_plus_distr_r, Rmult_1_l, exp_plus, IH. cbn. ring.
Qed.

Theorem iterations rate Phi0 eps k : 0 < rate < 1 -> 0 < Phi0 -> 0 < eps ->
  Constants.iterations Phi0 eps rate <= INR k -> rate ^ k * Phi0 <= eps.
Proof.
  intros Hr HP He Hk. unfold Constants.iterations in Hk.
  assert (Hln : ln rate < 0) by (rewrite <- ln_1; apply ln_increasing; lra).
  assert (Hmul : INR k * ln rate <= - ln (Phi0 / eps)).
  { apply (Rmult_le_compat_l (- ln rate)) in Hk; [|lra].
    replace (- ln rate * - (ln (Phi0 / eps) / ln rate)) with (ln (Phi0 / eps)) in Hk by (field; lra). lra. }
  rewrite <- (exp_ln rate) by lra. rewrite <- exp_times.
  apply Rle_trans with (exp (- ln (Phi0 / eps)) * Phi0).
  - apply Rmult_le_compat_r; [lra|]. destruct Hmul as [H|H]; [left; now apply exp_increasing|right; now rewrite H].
  - rewrite exp_Ropp, exp_ln by (apply Rdiv_lt_0_compat; assumption). right. field. lra.
Qed.

(** ** Distance to the limit, classical form: sqrt(2 Phi / mu) / c = |e| / (c sqrt lambda) *)
Theorem distance_classical {X Y : InnerSpace} (M : Model X Y) y s th c lam : 0 < s -> 0 < c -> 0 < lam ->
  Constants.distance_classical (loss M y s th) c (s * lam) = norm (residual M y th) / (c * sqrt lam).
Proof.
  intros Hs Hc Hl. unfold Constants.distance_classical.
  pose proof (norm_pos (residual M y th)) as He.
  assert (Hphi : sqrt 2 * sqrt (loss M y s th) = sqrt s * norm (residual M y th)).
  { rewrite <- sqrt_mult_alt by lra.
    replace (2 * loss M y s th) with (s * (norm (residual M y th) * norm (residual M y th)))
      by (unfold loss; rewrite norm_sq; field).
    rewrite sqrt_mult_alt by lra. now rewrite sqrt_square. }
  rewrite Hphi, sqrt_mult_alt by lra.
  assert (0 < sqrt s) by now apply sqrt_lt_R0. assert (0 < sqrt lam) by now apply sqrt_lt_R0.
  field. lra.
Qed.

(** ** Hand-over: the residual at theta_T from what is known at the stored point c *)
Theorem handover_residual {X Y : InnerSpace} (M : Model X Y) y c th e K D dT :
  0 <= K -> 0 <= D -> norm (residual M y c) <= e -> jac_bound M c K ->
  (forall z, in_ball c dT z -> differentiable_at M z) ->
  (forall z, in_ball c dT z -> jac_change M c z D) -> in_ball c dT th ->
  norm (residual M y th) <= Constants.e_bar D dT e K.
Proof.
  intros HK HD He HJ Hdiff Hch Hin. unfold Constants.e_bar.
  assert (Hc : in_ball c dT c).
  { unfold in_ball in *. pose proof (norm_pos (th ⊖ c)).
    rewrite norm_self. lra. }
  assert (Hb : forall z, in_ball c dT z -> jac_bound M z (K + D)).
  { intros z Hz. apply (jac_bound_change M c z K D); auto. }
  pose proof (MeanValue.residual_lipschitz M y c dT (K + D) c th Hdiff Hb ltac:(lra) Hc Hin) as H.
  unfold in_ball in Hin. pose proof (norm_minus_le (residual M y th) (residual M y c)).
  assert ((K + D) * norm (th ⊖ c) <= (K + D) * dT) by (apply Rmult_le_compat_l; lra). lra.
Qed.
