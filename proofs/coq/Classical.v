(** * Containment in the classical form (claim containment_classical) for the squared loss *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From Coq Require Import List.
From LPLR Require Import Inner Setting NtkStability MeanValue Path Polyak Certificate.
Import ListNotations.
Open Scope R_scope.

Section Classical.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (th0 : X) (Rad K beta lam : R).

Hypothesis s_pos : 0 < s.
Hypothesis eta_pos : 0 < eta.
Hypothesis Rad_pos : 0 <= Rad.
Hypothesis K_pos : 0 <= K.
Hypothesis beta_pos : 0 < beta.
Hypothesis lam_pos : 0 < lam.
Hypothesis diff : forall z, in_ball th0 Rad z -> differentiable_at M z.
Hypothesis bound : forall z, in_ball th0 Rad z -> jac_bound M z K.
Hypothesis lam_ball : forall z, in_ball th0 Rad z -> ntk_lower M z lam.

Let Phi := loss M y s.
Let grad := gradient M y s.
(** The sublevel part of the ball: the only place where smoothness is assumed. *)
Definition region : X -> Prop := sublevel (loss M y s) (in_ball th0 Rad) (loss M y s th0).
Hypothesis smooth : smooth_on grad beta region.

Let c := 1 - eta * beta / 2.
Let sig := sqrt lam.
Hypothesis step_condition : eta * beta < 2.
Hypothesis containment : norm (residual M y th0) <= c * sig * Rad.

Let th := gd M y s eta th0.
Let e k := residual M y (th k).

Lemma grad_ok z v : in_ball th0 Rad z ->
  is_derive (fun t : R => Phi (z ⊕ t ⋅ v)) 0 ⟨grad z, v⟩.
Proof. intros Hz. now apply gradient_correct, diff. Qed.

Lemma c_pos : 0 < c.
Proof. unfold c. lra. Qed.
Lemma sig_pos : 0 < sig.
Proof. now apply sqrt_lt_R0. Qed.

Lemma loss_norm z : Phi z = s / 2 * (norm (residual M y z) * norm (residual M y z)).
Proof. unfold Phi, loss. now rewrite norm_sq. Qed.

(** |grad| >= s sigma |e| on the ball. *)
Lemma grad_lower z : in_ball th0 Rad z -> s * sig * norm (residual M y z) <= norm (grad z).
Proof.
  intros Hz. unfold grad, gradient. rewrite norm_scal, Rabs_pos_eq by lra.
  pose proof (sigma_of_ntk M z lam (lam_ball z Hz) (residual M y z)) as H. fold sig in H.
  rewrite Rmult_assoc. apply Rmult_le_compat_l; lra.
Qed.

(** Part T of a step inside the region pays c_T sigma per unit length. *)
Lemma part_step_pays z T : 0 <= T <= 1 -> region z ->
  (forall t, 0 <= t <= T -> in_ball th0 Rad (z ⊕ t ⋅ ((- eta) ⋅ grad z))) ->
  (1 - T * eta * beta / 2) * sig * (T * eta * norm (grad z))
    <= norm (residual M y z) - norm (residual M y (z ⊕ T ⋅ ((- eta) ⋅ grad z))).
Proof.
  intros HT Hz Hball.
  pose proof (sublevel_kept Phi grad (in_ball th0 Rad) beta (Phi th0)
    grad_ok smooth eta eta_pos step_condition z T HT Hz Hball) as Hkept.
  pose proof (gradient_descent Phi grad (in_ball th0 Rad) beta (Phi th0)
    grad_ok smooth eta z T (proj1 HT)) as Hd.
  assert (Hseg : forall t, 0 <= t <= T -> region (z ⊕ t ⋅ ((- eta) ⋅ grad z))).
  { intros t Ht. split; [now apply Hball|]. specialize (Hkept t Ht). destruct Hz as [_ Hz].
    unfold Phi in *. lra. }
  specialize (Hd Hseg). clear Hkept Hseg.
  pose proof (grad_lower z (proj1 Hz)) as HG.
  rewrite !loss_norm in Hd. rewrite <- (norm_sq (grad z)) in Hd.
  set (z' := z ⊕ T ⋅ ((- eta) ⋅ grad z)) in *.
  pose proof (norm_pos (residual M y z)). pose proof (norm_pos (residual M y z')).
  pose proof (norm_pos (grad z)) as HGp.
  set (E := norm (residual M y z)) in *. set (E' := norm (residual M y z')) in *.
  set (G := norm (grad z)) in *.
  set (cT := 1 - T * eta * beta / 2) in *.
  pose proof sig_pos as Hsig.
  assert (HTe : T * (eta * beta) <= 1 * (eta * beta)) by (apply Rmult_le_compat_r; nra).
  assert (HcT : 0 < cT) by (unfold cT; lra).
  set (m := T * eta * cT) in *.
  assert (Hm : 0 <= m) by (unfold m; apply Rmult_le_pos; [apply Rmult_le_pos|]; lra).
  replace (cT * sig * (T * eta * G)) with (m * sig * G) by (unfold m; ring).
  set (x := m * sig * G).
  assert (Hx : 0 <= x) by (unfold x; apply Rmult_le_pos; [apply Rmult_le_pos; lra|lra]).
  (* E'^2 <= E^2 - 2 x E *)
  assert (HmG : m * G * (s * sig * E) <= m * G * G) by (apply Rmult_le_compat_l; nra).
  assert (Hsq : E' * E' <= E * E - 2 * x * E).
  { apply Rmult_le_reg_l with (s / 2); [lra|]. unfold x.
    replace (s / 2 * (E * E - 2 * (m * sig * G) * E)) with (s / 2 * (E * E) - m * G * (s * sig * E)) by field.
    replace (T * eta * cT * (G * G)) with (m * G * G) in Hd by (unfold m; ring). lra. }
  destruct (Req_dec E 0) as [Z|N].
  - (* no residual, no gradient *)
    assert (HG0 : G = 0).
    { unfold G, grad, gradient. rewrite (norm_0_zero _ Z), JT_zero, norm_scal, norm_zero. ring. }
    unfold x. rewrite HG0, Z in *. nra.
  - assert (0 < E) by lra. assert (2 * x <= E) by nra. nra.
Qed.

Lemma step_point z : gd_step M y s eta z = z ⊕ 1 ⋅ ((- eta) ⋅ grad z).
Proof. apply vec_ext. intros w. unfold gd_step, grad. autorewrite with inner. ring. Qed.

Lemma step_size z : norm (gd_step M y s eta z ⊖ z) = eta * norm (grad z).
Proof.
  replace (gd_step M y s eta z ⊖ z) with ((- eta) ⋅ grad z).
  - rewrite norm_scal, Rabs_Ropp, Rabs_pos_eq; lra.
  - apply vec_ext. intros w. unfold gd_step, grad. autorewrite with inner. ring.
Qed.

Lemma segment_in_ball z a t : in_ball th0 a z -> 0 <= t -> a + t * (eta * norm (grad z)) <= Rad ->
  in_ball th0 Rad (z ⊕ t ⋅ ((- eta) ⋅ grad z)).
Proof.
  unfold in_ball. intros Hz Ht Hle.
  replace (z ⊕ t ⋅ ((- eta) ⋅ grad z) ⊖ th0) with ((z ⊖ th0) ⊕ t ⋅ ((- eta) ⋅ grad z)).
  - eapply Rle_trans; [apply norm_triang|]. rewrite !norm_scal, Rabs_Ropp, !Rabs_pos_eq by lra. lra.
  - apply vec_ext. intros w. autorewrite with inner. ring.
Qed.

Lemma invariant_classical k :
  path th k <= Rad /\ norm (e k) + c * sig * path th k <= norm (e 0%nat) /\ norm (e k) <= norm (e 0%nat).
Proof.
  induction k as [|k [Hp [Hpot Hle]]]; [cbn; lra|].
  pose proof (path_pos th k) as Ha. set (a := path th k) in *.
  pose proof c_pos as Hc. pose proof sig_pos as Hsig.
  assert (Hcs : 0 < c * sig) by nra.
  assert (Hz : in_ball th0 a (th k)) by exact (path_from_0 th k).
  assert (HzR : in_ball th0 Rad (th k)) by (unfold in_ball in *; lra).
  assert (Hreg : region (th k)).
  { split; [assumption|]. fold Phi. rewrite !loss_norm. pose proof (norm_pos (e k)).
    apply Rmult_le_compat_l; [lra|]. change (residual M y (th k)) with (e k).
    change (residual M y th0) with (e 0%nat). nra. }
  assert (Hstepsize : norm (th (S k) ⊖ th k) = eta * norm (grad (th k))) by apply step_size.
  pose proof (norm_pos (th (S k) ⊖ th k)) as Hd.
  set (d := norm (th (S k) ⊖ th k)) in *.
  assert (Hlen : a + d <= Rad).
  { apply Rnot_gt_le. intros Hgt.
    (* the step would leave: stop it where the path is Rad long, at a time T < 1 *)
    assert (Hdpos : 0 < d) by lra.
    set (T := (Rad - a) / d).
    assert (HTd : T * d = Rad - a) by (unfold T; field; lra).
    assert (HT0 : 0 <= T) by (apply Rdiv_le_0_compat; lra).
    assert (HT1 : T < 1) by nra.
    pose proof (part_step_pays (th k) T ltac:(lra) Hreg) as Hpay.
    assert (Hb : forall t, 0 <= t <= T -> in_ball th0 Rad (th k ⊕ t ⋅ ((- eta) ⋅ grad (th k)))).
    { intros t Ht. apply (segment_in_ball (th k) a); [assumption|lra|]. rewrite <- Hstepsize. nra. }
    specialize (Hpay Hb). fold (e k) in Hpay.
    pose proof (norm_pos (residual M y (th k ⊕ T ⋅ ((- eta) ⋅ grad (th k))))).
    replace (T * eta * norm (grad (th k))) with (Rad - a) in Hpay
      by (rewrite <- HTd, Hstepsize; ring).
    assert (HE : norm (e k) <= c * sig * (Rad - a)) by (change (residual M y th0) with (e 0%nat) in containment; nra).
    destruct (Req_dec a Rad) as [Heq|Hneq].
    - (* nothing left to pay: the residual, hence the step, is 0 *)
      assert (Hek : norm (e k) = 0) by (pose proof (norm_pos (e k)); rewrite Heq in HE; nra).
      assert (norm (grad (th k)) = 0).
      { unfold grad, gradient. fold (e k). rewrite (norm_0_zero _ Hek), JT_zero, norm_scal, norm_zero. ring. }
      nra.
    - (* c_T > c contradicts the budget *)
      assert (Hra : 0 < sig * (Rad - a)) by nra.
      assert (Heb : 0 < eta * beta) by nra.
      assert (c < 1 - T * eta * beta / 2) by (unfold c; nra).
      nra. }
  assert (Hb : forall t, 0 <= t <= 1 -> in_ball th0 Rad (th k ⊕ t ⋅ ((- eta) ⋅ grad (th k)))).
  { intros t Ht. apply (segment_in_ball (th k) a); [assumption|lra|]. rewrite <- Hstepsize. nra. }
  pose proof (part_step_pays (th k) 1 ltac:(lra) Hreg Hb) as Hpay.
  rewrite <- step_point in Hpay. rewrite !Rmult_1_l in Hpay. fold c in Hpay.
  rewrite <- Hstepsize in Hpay. change (gd_step M y s eta (th k)) with (th (S k)) in Hpay.
  fold (e k) (e (S k)) in Hpay.
  change (path th (S k)) with (a + d). nra.
Qed.

Lemma stays_classical k : in_ball th0 Rad (th k).
Proof.
  destruct (invariant_classical k) as [Hp _]. unfold in_ball.
  eapply Rle_trans; [exact (path_from_0 th k)|exact Hp].
Qed.

Lemma region_classical k : region (th k).
Proof.
  split; [apply stays_classical|]. fold Phi. rewrite !loss_norm.
  destruct (invariant_classical k) as [_ [_ Hle]]. pose proof (norm_pos (e k)).
  apply Rmult_le_compat_l; [lra|]. change (residual M y (th k)) with (e k).
  change (residual M y th0) with (e 0%nat). nra.
Qed.

Lemma step_segment k t : 0 <= t <= 1 -> in_ball th0 Rad (th k ⊕ t ⋅ ((- eta) ⋅ grad (th k))).
Proof.
  intros Ht. apply (segment_in_ball (th k) (path th k)); [exact (path_from_0 th k)|lra|].
  destruct (invariant_classical (S k)) as [Hp _].
  change (path th (S k)) with (path th k + norm (th (S k) ⊖ th k)) in Hp.
  pose proof (step_size (th k)) as Hs. change (gd_step M y s eta (th k)) with (th (S k)) in Hs.
  pose proof (norm_pos (grad (th k))).
  rewrite Hs in Hp. assert (0 <= eta * norm (grad (th k))) by nra. nra.
Qed.

Definition classical_rate : R := 1 - 2 * eta * (s * lam) * (1 - eta * beta / 2).

Theorem containment_classical :
  certified M y s eta th0 th0 Rad (s * lam) classical_rate (c * sig).
Proof.
  pose proof c_pos as Hc. pose proof sig_pos as Hsig.
  apply (conclude M y s eta th0 th0 Rad K); try assumption.
  - now apply Rmult_lt_0_compat.
  - nra.
  - intros z z' Hz Hz'. now apply (residual_lipschitz M y th0 Rad K).
  - apply lplr_from_ntk; [lra|lra|assumption].
  - exact stays_classical.
  - intros k. fold th.
    pose proof (part_step_pays (th k) 1 ltac:(lra) (region_classical k) (step_segment k)) as Hpay.
    rewrite <- step_point, !Rmult_1_l in Hpay. fold c in Hpay. rewrite <- step_size in Hpay. exact Hpay.
  - intros k. fold th. change (th (S k)) with (gd_step M y s eta (th k)). rewrite step_point.
    pose proof (sublevel_kept Phi grad (in_ball th0 Rad) beta (Phi th0)
      grad_ok smooth eta eta_pos step_condition (th k) 1 ltac:(lra) (region_classical k)
      (step_segment k)) as Hkept.
    pose proof (gradient_descent Phi grad (in_ball th0 Rad) beta (Phi th0)
      grad_ok smooth eta (th k) 1 ltac:(lra)) as Hd.
    assert (Hseg : forall t, 0 <= t <= 1 -> region (th k ⊕ t ⋅ ((- eta) ⋅ grad (th k)))).
    { intros t Ht. split; [now apply step_segment|]. specialize (Hkept t Ht).
      destruct (region_classical k) as [_ Hz]. unfold Phi in *. lra. }
    specialize (Hd Hseg). rewrite !Rmult_1_l in Hd. fold c in Hd.
    pose proof (pl_from_ntk M y s (th k) lam (Rlt_le _ _ s_pos) (lam_ball _ (stays_classical k))) as Hpl.
    fold Phi in Hpl |- *. fold grad in Hpl. unfold classical_rate. fold c.
    assert (0 < eta * c) by nra. nra.
  - intros _. unfold classical_rate. fold c. assert (0 < eta * (s * lam) * c); [|lra].
    apply Rmult_lt_0_compat; [|assumption]. apply Rmult_lt_0_compat; nra.
Qed.
End Classical.

(** ** The constant beta from the ingredients (claim smoothness).  The base point alone must lie in the
    sublevel set; the other end of the segment only in the ball. *)
Section Smoothness.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s : R) (th0 : X) (Rad K e0 LH : R).
Hypothesis s_pos : 0 < s.
Hypothesis K_pos : 0 <= K.
Hypothesis LH_pos : 0 <= LH.
Hypothesis diff : forall z, in_ball th0 Rad z -> differentiable_at M z.
Hypothesis bound : forall z, in_ball th0 Rad z -> jac_bound M z K.
Hypothesis lipschitz : forall z z', in_ball th0 Rad z -> in_ball th0 Rad z' ->
  jac_change M z z' (LH * norm (z' ⊖ z)).
Hypothesis e0_bound : norm (residual M y th0) <= e0.

Theorem smoothness_from_ingredients :
  smooth_on (gradient M y s) (s * (K * K + e0 * LH)) (region M y s th0 Rad).
Proof.
  intros z v T HT Hseg.
  assert (E0 : z ⊕ 0 ⋅ v = z) by (apply vec_ext; intros; autorewrite with inner; ring).
  assert (Hz : region M y s th0 Rad z) by (rewrite <- E0; apply Hseg; lra).
  assert (Hz' : in_ball th0 Rad (z ⊕ T ⋅ v)) by (apply Hseg; lra).
  set (z' := z ⊕ T ⋅ v) in *. destruct Hz as [Hz Hsub].
  assert (Hdist : norm (z' ⊖ z) = T * norm v).
  { replace (z' ⊖ z) with (T ⋅ v); [rewrite norm_scal, Rabs_pos_eq; lra|].
    unfold z'. apply vec_ext. intros. autorewrite with inner. ring. }
  (* |e(z)| <= |e(theta0)| <= e0, from Phi(z) <= Phi(theta0) *)
  assert (Hez : norm (residual M y z) <= e0).
  { unfold loss in Hsub. rewrite <- !norm_sq in Hsub. apply Rmult_le_reg_l in Hsub; [|lra].
    pose proof (norm_pos (residual M y z)). pose proof (norm_pos (residual M y th0)).
    assert (norm (residual M y z) <= norm (residual M y th0)) by nra. lra. }
  pose proof (residual_lipschitz M y th0 Rad K z z' diff bound K_pos Hz Hz') as He.
  pose proof (bound z' Hz' v) as HJ. pose proof (lipschitz z z' Hz Hz' v) as HL.
  rewrite Hdist in He, HL.
  unfold gradient. rewrite inner_minus_l, !inner_scal_l, <- !adjoint'.
  pose proof (cauchy_schwarz (residual M y z' ⊖ residual M y z) (J M z' v)) as C1.
  pose proof (cauchy_schwarz (residual M y z) (J M z' v ⊖ J M z v)) as C2.
  rewrite inner_minus_l in C1. rewrite inner_minus_r in C2.
  pose proof (norm_pos v) as Hv. pose proof (norm_sq v) as Hvv.
  pose proof (norm_pos (J M z' v)). pose proof (norm_pos (J M z' v ⊖ J M z v)).
  pose proof (norm_pos (residual M y z' ⊖ residual M y z)). pose proof (norm_pos (residual M y z)).
  assert (B1 : norm (residual M y z' ⊖ residual M y z) * norm (J M z' v)
               <= K * (T * norm v) * (K * norm v)) by (apply Rmult_le_compat; lra).
  assert (B2 : norm (residual M y z) * norm (J M z' v ⊖ J M z v)
               <= e0 * (LH * (T * norm v) * norm v)) by (apply Rmult_le_compat; lra).
  rewrite <- Hvv. nra.
Qed.
End Smoothness.

(** ** The classical chain of a [ball] certificate *)
Definition beta_of (s K0 e0 DR LH : R) : R := s * ((K0 + DR) * (K0 + DR) + e0 * LH).

Record classical_chain (s eta Rad K0 e0 DR LH lamR : R) : Prop := {
  cc_s : 0 < s;
  cc_eta : 0 < eta;
  cc_lam : 0 < lamR;
  cc_Rad : 0 <= Rad;
  cc_beta : 0 < beta_of s K0 e0 DR LH;
  cc_step : eta < 2 / beta_of s K0 e0 DR LH;
  cc_contain : e0 / ((1 - eta * beta_of s K0 e0 DR LH / 2) * sqrt lamR) <= Rad
}.

Theorem ball_certificate_sound_classical {X Y : InnerSpace} (M : Model X Y) (y : Y) (s eta : R) (th0 : X)
    Rad K0 e0 DR LH lamR table :
  ball_ingredients M y th0 Rad K0 e0 DR LH lamR table ->
  classical_chain s eta Rad K0 e0 DR LH lamR ->
  let beta := beta_of s K0 e0 DR LH in
  certified M y s eta th0 th0 Rad (s * lamR) (classical_rate s eta beta lamR)
    ((1 - eta * beta / 2) * sqrt lamR).
Proof.
  intros [Htab HK0 He0 Hdiff HDR HLH [HK [HD HL]]] [Hs Heta Hlam HRad Hbeta Hstep Hcont] beta.
  fold beta in Hbeta, Hstep, Hcont.
  assert (Hstep' : eta * beta < 2).
  { apply (Rmult_lt_compat_r beta) in Hstep; [|assumption]. unfold Rdiv in Hstep.
    rewrite Rmult_assoc, Rinv_l in Hstep by lra. lra. }
  assert (Hbound : forall z, in_ball th0 Rad z -> jac_bound M z (K0 + DR)).
  { intros z Hz. apply (jac_bound_change M th0 z K0 DR); auto. }
  assert (Hcs : 0 < (1 - eta * beta / 2) * sqrt lamR).
  { apply Rmult_lt_0_compat; [lra|now apply sqrt_lt_R0]. }
  apply (containment_classical M y s eta th0 Rad (K0 + DR)); try assumption.
  - lra.
  - intros z Hz. apply Forall_app in Htab. destruct Htab as [_ Hlast].
    inversion Hlast; subst. now apply H1.
  - unfold beta, beta_of. apply smoothness_from_ingredients; try assumption. lra.
  - apply (Rmult_le_compat_r ((1 - eta * beta / 2) * sqrt lamR)) in Hcont; [|lra].
    unfold Rdiv in Hcont at 1. rewrite Rmult_assoc, Rinv_l in Hcont by lra. lra.
Qed.
