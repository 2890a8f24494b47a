(** * The statement of the paper's v3 (as in its abstract), and the same with containment derived

    v3: the NTK is positive at initialisation (lambda0), Lipschitz on the region (L_Theta) and
    compatible with its radius R: lambda0 - L_Theta R > 0.  Then PL holds with
    mu = lambda0 - L_Theta R, and gradient descent is linear *as long as it stays inside*.
    The scale s is ours: the paper's constant is the case s = 1. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Setting NtkStability Path Polyak Classical Certificate Residual.
Open Scope R_scope.

Section V3.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (th0 : X) (Rad lam0 LT : R).
Hypothesis s_pos : 0 < s.
Hypothesis LT_pos : 0 <= LT.
Hypothesis lam0_lower : ntk_lower M th0 lam0.
Hypothesis ntk_lip : forall z, in_ball th0 Rad z -> ntk_lipschitz_from M th0 z LT.
Hypothesis compatible : 0 < lam0 - LT * Rad.

Lemma v3_ntk z : in_ball th0 Rad z -> ntk_lower M z (lam0 - LT * Rad).
Proof. intros Hz. apply (weyl_paper M th0 z lam0 LT Rad); auto. Qed.

(** v3's PL claim. *)
Theorem v3_pl : LPLR M y s (in_ball th0 Rad) (s * (lam0 - LT * Rad)).
Proof. apply lplr_from_ntk; [lra|lra|exact v3_ntk]. Qed.

Variables (K beta : R).
Hypothesis eta_pos : 0 < eta.
Hypothesis beta_pos : 0 < beta.
Hypothesis K_pos : 0 <= K.
Hypothesis Rad_pos : 0 <= Rad.
Hypothesis diff : forall z, in_ball th0 Rad z -> differentiable_at M z.
Hypothesis bound : forall z, in_ball th0 Rad z -> jac_bound M z K.
Hypothesis smooth : smooth_on (gradient M y s) beta (region M y s th0 Rad).
Hypothesis step_condition : eta * beta < 2.

(** v3's rate theorem, containment being a hypothesis: iterates *and the segments between them*
    lie in the ball.  (Iterates alone would not do: smoothness is used along the segments.) *)
Theorem v3_rate_assuming_containment :
  (forall k t, 0 <= t <= 1 -> in_ball th0 Rad
     (gd M y s eta th0 k ⊕ t ⋅ ((- eta) ⋅ gradient M y s (gd M y s eta th0 k)))) ->
  forall k, loss M y s (gd M y s eta th0 k)
    <= classical_rate s eta beta (lam0 - LT * Rad) ^ k * loss M y s th0.
Proof.
  intros Hin.
  set (th := gd M y s eta th0). set (rate := classical_rate s eta beta (lam0 - LT * Rad)).
  assert (Hball : forall k, in_ball th0 Rad (th k)).
  { intros k. specialize (Hin k 0 ltac:(lra)). fold th in Hin.
    replace (th k ⊕ 0 ⋅ (- eta ⋅ gradient M y s (th k))) with (th k) in Hin; [assumption|].
    apply vec_ext. intros. autorewrite with inner. ring. }
  assert (Hgr : forall z v, in_ball th0 Rad z -> is_derive
            (fun t : R => loss M y s (z ⊕ t ⋅ v)) 0 ⟨gradient M y s z, v⟩).
  { intros z v Hz. now apply gradient_correct, diff. }
  assert (Hc : 0 < eta * (1 - eta * beta / 2)) by (apply Rmult_lt_0_compat; lra).
  assert (Hstep : forall k, loss M y s (th k) <= loss M y s th0 ->
            loss M y s (th (S k)) <= rate * loss M y s (th k)).
  { intros k Hk.
    assert (Hreg : region M y s th0 Rad (th k)) by (split; [apply Hball|assumption]).
    pose proof (sublevel_kept (loss M y s) (gradient M y s) (in_ball th0 Rad) beta (loss M y s th0)
      Hgr smooth eta eta_pos step_condition (th k) 1 ltac:(lra) Hreg (Hin k)) as Hkept.
    pose proof (gradient_descent (loss M y s) (gradient M y s) (in_ball th0 Rad) beta (loss M y s th0)
      Hgr smooth eta (th k) 1 ltac:(lra)) as Hd.
    assert (Hseg : forall t, 0 <= t <= 1 -> region M y s th0 Rad (th k ⊕ t ⋅ ((- eta) ⋅ gradient M y s (th k)))).
    { intros t Ht. split; [now apply Hin|]. specialize (Hkept t Ht). lra. }
    specialize (Hd Hseg). rewrite <- step_point, !Rmult_1_l in Hd.
    pose proof (pl_from_ntk M y s (th k) _ (Rlt_le _ _ s_pos) (v3_ntk _ (Hball k))) as Hpl.
    change (th (S k)) with (gd_step M y s eta (th k)). unfold rate, classical_rate. nra. }
  pose proof (fun k => loss_pos M y s (th k) (Rlt_le _ _ s_pos)) as Hpos.
  assert (Hmu : 0 < eta * (1 - eta * beta / 2) * (s * (lam0 - LT * Rad))).
  { apply Rmult_lt_0_compat; [assumption|apply Rmult_lt_0_compat; lra]. }
  assert (Hrate1 : rate < 1) by (unfold rate, classical_rate; nra).
  destruct (Req_dec (loss M y s th0) 0) as [Z|N].
  - assert (Hz : forall k, loss M y s (th k) = 0).
    { induction k; [exact Z|]. specialize (Hstep k ltac:(lra)). rewrite IHk in Hstep.
      specialize (Hpos (S k)). lra. }
    intros k. rewrite Hz, Z. lra.
  - assert (H0 : 0 < loss M y s th0) by (pose proof (Hpos 0%nat) as P; cbn in P; lra).
    assert (Hr0 : 0 <= rate).
    { pose proof (Hstep 0%nat ltac:(cbn; lra)) as H1. pose proof (Hpos 1%nat).
      change (th 0%nat) with th0 in H1. apply Rnot_lt_le. intros Hn. nra. }
    assert (Hboth : forall k, loss M y s (th k) <= rate ^ k * loss M y s th0
                              /\ loss M y s (th k) <= loss M y s th0).
    { induction k as [|k [IH1 IH2]]; [cbn; lra|].
      specialize (Hstep k IH2). specialize (Hpos k). cbn [pow]. split; [|nra].
      assert (rate * loss M y s (th k) <= rate * (rate ^ k * loss M y s th0))
        by (apply Rmult_le_compat_l; assumption). lra. }
    intros k. apply Hboth.
Qed.

(** The same without assuming containment: it follows once the path fits into the radius. *)
Theorem v3_containment_derived :
  norm (residual M y th0) <= (1 - eta * beta / 2) * sqrt (lam0 - LT * Rad) * Rad ->
  certified M y s eta th0 th0 Rad (s * (lam0 - LT * Rad))
    (classical_rate s eta beta (lam0 - LT * Rad)) ((1 - eta * beta / 2) * sqrt (lam0 - LT * Rad)).
Proof.
  intros Hpath. apply (containment_classical M y s eta th0 Rad K); try assumption. exact v3_ntk.
Qed.
End V3.
