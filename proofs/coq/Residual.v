(** * Containment in the residual form (claim containment_residual): no smoothness constant, no first exit

    With A = eta s J J' <= 1 a step has length at most |e| / sigma
    ([step_length]).  As |e_k| <= G(R) - G(P_k) <= (sigma - delta)(R - P_k) for
    the path P_k used so far, the *whole* step stays in the ball before anything
    is known about the loss along it.  So the non-strict inequality suffices. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Segment Setting MeanValue Spectral Path.
Open Scope R_scope.

Section Residual.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (c th0 : X) (Rad P0 K delta sig : R) (G : R -> R).

Hypothesis s_pos : 0 < s.
Hypothesis eta_pos : 0 < eta.
Hypothesis K_pos : 0 <= K.
(** F is Lipschitz on the ball: by the mean value inequality where it is differentiable, across kinks where it is not. *)
Hypothesis lip : forall z z', in_ball c Rad z -> in_ball c Rad z' -> norm (residual M y z' ⊖ residual M y z) <= K * norm (z' ⊖ z).
Hypothesis bound : forall z, in_ball c Rad z -> jac_bound M z K.
Hypothesis step_condition : eta * s * (K * K) <= 1.

(** delta bounds the mean of J(theta) - J(theta_k) along a step, applied to the step. *)
Definition defect : Prop := forall z, in_ball c Rad z -> in_ball c Rad (gd_step M y s eta z) ->
  norm (residual M y z) <= norm (residual M y th0) ->
  norm (F M (gd_step M y s eta z) ⊖ F M z ⊖ J M z (gd_step M y s eta z ⊖ z))
    <= delta * norm (gd_step M y s eta z ⊖ z).
Hypothesis has_defect : defect.
Hypothesis delta_pos : 0 <= delta.

(** sigma on the whole ball. *)
Hypothesis sigma_ball : forall z, in_ball c Rad z -> sigma_lower M z sig.
Hypothesis sig_delta : delta < sig.
Let th := gd M y s eta th0.
Let e k := residual M y (th k).
Let h := eta * s.

Lemma h_pos : 0 < h.
Proof. unfold h. nra. Qed.

Lemma A_upper z w : in_ball c Rad z -> h * ⟨JT M z w, JT M z w⟩ <= ⟨w, w⟩.
Proof.
  intros Hz. rewrite <- !norm_sq. pose proof (JT_bound M z K w K_pos (bound z Hz)) as H.
  pose proof (norm_pos (JT M z w)). pose proof (norm_pos w). pose proof h_pos.
  set (g := norm (JT M z w)) in *. set (n := norm w) in *.
  assert (g * g <= K * n * (K * n)) by nra.
  assert (h * (g * g) <= h * (K * n * (K * n))) by nra.
  assert (h * (K * n * (K * n)) = h * (K * K) * (n * n)) by ring.
  fold h in step_condition. nra.
Qed.

(** The step as a vector, and its length. *)
Lemma step_vector z : gd_step M y s eta z ⊖ z = (- h) ⋅ JT M z (residual M y z).
Proof. apply vec_ext. intros w. unfold gd_step, gradient, h. autorewrite with inner. ring. Qed.

Lemma step_norm z : norm (gd_step M y s eta z ⊖ z) = h * norm (JT M z (residual M y z)).
Proof. rewrite step_vector, norm_scal, Rabs_Ropp, Rabs_pos_eq; [ring|]. apply Rlt_le, h_pos. Qed.

(** The larger of two valid lower bounds is valid. *)
Lemma sigma_max z s1 s2 : sigma_lower M z s1 -> sigma_lower M z s2 -> sigma_lower M z (Rmax s1 s2).
Proof. intros H1 H2. unfold Rmax. now destruct (Rle_dec s1 s2). Qed.

Lemma ball_mono a z : a <= Rad -> in_ball c a z -> in_ball c Rad z.
Proof. unfold in_ball. lra. Qed.

(** One step whose end lies in the ball: the residual pays (sg - delta) per unit length. *)
Lemma one_step_pays z sg :
  in_ball c Rad z -> in_ball c Rad (gd_step M y s eta z) ->
  norm (residual M y z) <= norm (residual M y th0) ->
  0 <= sg -> sigma_lower M z sg ->
  (sg - delta) * norm (gd_step M y s eta z ⊖ z)
    <= norm (residual M y z) - norm (residual M y (gd_step M y s eta z)).
Proof.
  intros Hz Hz' Hle Hsg Hsig.
  pose proof (has_defect z Hz Hz' Hle) as Hd.
  pose proof (residual_pays M z h sg h_pos Hsg (fun w => A_upper z w Hz) Hsig (residual M y z)) as Hp.
  rewrite <- step_norm in Hp.
  set (z' := gd_step M y s eta z) in *.
  (* e(z') = (e - A e) + remainder *)
  assert (Hsplit : residual M y z' =
    (residual M y z ⊖ h ⋅ ntk M z (residual M y z)) ⊕ (F M z' ⊖ F M z ⊖ J M z (z' ⊖ z))).
  { assert (HJ : J M z (z' ⊖ z) = (- h) ⋅ ntk M z (residual M y z)).
    { unfold z'. now rewrite step_vector, J_scal. }
    rewrite HJ. apply vec_ext. intros w.
    generalize (ntk M z (residual M y z)). intros n. unfold residual. autorewrite with inner. ring. }
  rewrite Hsplit.
  pose proof (norm_triang (residual M y z ⊖ h ⋅ ntk M z (residual M y z))
                          (F M z' ⊖ F M z ⊖ J M z (z' ⊖ z))). lra.
Qed.

(** Contraction factor of the residual norm per step. *)
Definition residual_rate : R := 1 - eta * s * sig * (sig - delta).

(** ** What follows once the iterates are known to stay in the ball *)
Section Kept.
Hypothesis stays : forall k, in_ball c Rad (th k).

Lemma residual_falls k : norm (e k) <= norm (e 0%nat) /\ (sig - delta) * norm (th (S k) ⊖ th k) <= norm (e k) - norm (e (S k)).
Proof.
  assert (P : forall k, norm (e k) <= norm (e 0%nat) -> (sig - delta) * norm (th (S k) ⊖ th k) <= norm (e k) - norm (e (S k))).
  { intros j Hle. apply (one_step_pays (th j) sig (stays j) (stays (S j)) Hle); [lra|]. apply sigma_ball, stays. }
  assert (L : norm (e k) <= norm (e 0%nat)).
  { induction k as [|j IH]; [lra|]. specialize (P j IH). pose proof (norm_pos (th (S j) ⊖ th j)). nra. }
  split; [exact L|exact (P k L)].
Qed.

Lemma residual_contracts k : norm (e (S k)) <= residual_rate * norm (e k).
Proof.
  destruct (residual_falls k) as [_ H].
  change (th (S k)) with (gd_step M y s eta (th k)) in H. rewrite step_norm in H.
  pose proof (sigma_ball (th k) (stays k) (residual M y (th k))) as Hs.
  pose proof h_pos. fold (e k) in *.
  change (residual M y (gd_step M y s eta (th k))) with (e (S k)) in H.
  assert (h * (sig * norm (e k)) <= h * norm (JT M (th k) (e k))) by (apply Rmult_le_compat_l; lra).
  unfold residual_rate. fold h. nra.
Qed.

Theorem kept_certified :
  certified M y s eta c th0 Rad (s * (sig * sig)) (residual_rate * residual_rate) (sig - delta)
  /\ forall k, norm (e k) <= residual_rate ^ k * norm (e 0%nat).
Proof.
  assert (Hcases : norm (e 0%nat) = 0 \/ 0 <= residual_rate < 1).
  { destruct (Req_dec (norm (e 0%nat)) 0) as [|N]; [now left|right].
    pose proof (norm_pos (e 0%nat)). pose proof (norm_pos (e 1%nat)).
    pose proof (residual_contracts 0) as Hc. pose proof h_pos. split; [nra|].
    unfold residual_rate. fold h. assert (0 < h * sig) by nra. nra. }
  assert (Hsq : forall k, norm (e (S k)) * norm (e (S k))
                  <= residual_rate * residual_rate * (norm (e k) * norm (e k))).
  { intros k. pose proof (residual_contracts k). pose proof (norm_pos (e (S k))).
    assert (0 <= residual_rate * norm (e k)) by lra. nra. }
  split.
  - apply (conclude M y s eta c th0 Rad K); try assumption; [apply Rmult_lt_0_compat; nra|lra| | | |].
    + apply lplr_from_ntk; [lra|nra|]. intros z Hz. apply ntk_of_sigma; [lra|auto].
    + intros k. apply residual_falls.
    + intros k. unfold loss. rewrite <- !norm_sq. specialize (Hsq k). unfold e, th in *. nra.
    + intros Hpos. destruct Hcases as [Z|Hr]; [|nra].
      unfold loss in Hpos. rewrite <- norm_sq in Hpos. unfold e, th in Z; cbn in Z.
      rewrite Z in Hpos. lra.
  - induction k; cbn [pow]; [lra|]. pose proof (residual_contracts k).
    destruct Hcases as [Z|Hr]; [|nra].
    destruct (residual_falls (S k)) as [Hle _]. rewrite Z in *.
    pose proof (norm_pos (e (S k))). nra.
Qed.
End Kept.

(** ** Containment
    The start lies within P0 of the centre c of the ball.  The potential G: G(b) - G(a) is at most what a path from
    length a to b is sure to cost, because some sigma valid on B(theta0, a) exceeds its mean slope. *)
Hypothesis start : 0 <= P0 <= Rad.
Hypothesis start_in : in_ball c P0 th0.
Definition potential : Prop := forall a b, P0 <= a <= b -> b <= Rad -> exists sg,
  (forall z, in_ball c a z -> sigma_lower M z sg) /\ G b - G a <= (sg - delta) * (b - a).
Hypothesis has_potential : potential.
Hypothesis containment : norm (residual M y th0) <= G Rad - G P0.

Lemma from_centre k : in_ball c (P0 + path th k) (th k).
Proof.
  unfold in_ball in *. pose proof (path_from_0 th k) as H.
  change (th 0%nat) with th0 in H. pose proof (norm_triang3 (th k) th0 c). lra.
Qed.

(** The invariant: path used, residual left, and the potential between them. *)
Lemma invariant k :
  P0 + path th k <= Rad /\ norm (e k) + G (P0 + path th k) <= norm (e 0%nat) + G P0 /\
  norm (e k) <= norm (e 0%nat).
Proof.
  induction k as [|k [Hp [Hpot Hle]]]; [cbn; rewrite Rplus_0_r; lra|].
  pose proof (path_pos th k) as Ha.
  set (a := P0 + path th k) in *.
  assert (Ha0 : P0 <= a) by (unfold a; lra).
  assert (Hz : in_ball c a (th k)) by exact (from_centre k).
  assert (HzR : in_ball c Rad (th k)) by now apply (ball_mono a).
  (* the step is short enough *)
  assert (Hlen : norm (th (S k) ⊖ th k) <= Rad - a).
  { destruct (has_potential a Rad) as [s1 [Hs1 HG]]; [lra|lra|].
    set (sg := Rmax s1 sig).
    assert (sig <= sg) by apply Rmax_r. assert (s1 <= sg) by apply Rmax_l.
    assert (Hsg : sigma_lower M (th k) sg) by (apply sigma_max; auto).
    pose proof (step_length M (th k) h sg h_pos (fun w => A_upper _ w HzR) Hsg (e k)) as Hl.
    unfold e in Hl at 1. rewrite <- step_norm in Hl. change (gd_step M y s eta (th k)) with (th (S k)) in Hl.
    fold (e k) in Hl.
    assert (G Rad - G a <= (sg - delta) * (Rad - a)) by nra.
    assert (norm (e k) <= (sg - delta) * (Rad - a)) by (unfold e in *; cbn in Hpot; unfold th in *; cbn in *; lra).
    assert (0 < sg) by lra. assert (sg * norm (th (S k) ⊖ th k) <= sg * (Rad - a)) by nra.
    nra. }
  set (d := norm (th (S k) ⊖ th k)) in *.
  assert (Hd : 0 <= d) by apply norm_pos.
  assert (Hb : P0 + path th (S k) = a + d) by (unfold a; cbn; fold th; unfold d, th; cbn; ring).
  assert (Hz' : in_ball c Rad (th (S k))).
  { apply (ball_mono (a + d)); [lra|]. rewrite <- Hb. exact (from_centre (S k)). }
  assert (Hpay : forall sg, 0 <= sg -> sigma_lower M (th k) sg ->
            (sg - delta) * d <= norm (e k) - norm (e (S k))).
  { intros sg H0 Hsg. exact (one_step_pays (th k) sg HzR Hz' Hle H0 Hsg). }
  rewrite Hb. split; [lra|]. split.
  - destruct (has_potential a (a + d)) as [s2 [Hs2 HG]]; [lra|lra|].
    set (sg := Rmax s2 sig).
    assert (sig <= sg) by apply Rmax_r. assert (s2 <= sg) by apply Rmax_l.
    assert (Hsg : sigma_lower M (th k) sg) by (apply sigma_max; auto).
    specialize (Hpay sg ltac:(lra) Hsg). replace (a + d - a) with d in HG by ring. nra.
  - specialize (Hpay sig ltac:(lra) (sigma_ball _ HzR)). nra.
Qed.

Lemma stays_in_ball k : in_ball c Rad (th k).
Proof.
  destruct (invariant k) as [Hp _]. unfold in_ball.
  eapply Rle_trans; [exact (from_centre k)|exact Hp].
Qed.

Theorem containment_residual :
  certified M y s eta c th0 Rad (s * (sig * sig)) (residual_rate * residual_rate) (sig - delta)
  /\ forall k, norm (e k) <= residual_rate ^ k * norm (e 0%nat).
Proof. apply kept_certified. exact stays_in_ball. Qed.
End Residual.
