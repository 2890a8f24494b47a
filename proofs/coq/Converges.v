(** * What an accepted certificate proves: gradient descent on its network converges *)

From Coq Require Import Reals Lra QArith Qreals ZArith List Bool.
From LPLR Require Import Inner Rn Setting Path Residual Integral Fixed Vectors Format Check CheckCorrect.
Open Scope R_scope.

Theorem accepted_converges (c : problem) (w : witness) (V : vectors) (rate mu : Q) :
  accepted c w V rate mu = true -> converges_linearly c (radius w) rate mu.
Proof.
  unfold accepted. rewrite !andb_true_iff. intros [[[[[H0 Hr] Hr1] Hm] Hm'] H].
  destruct (check_correct c w V H) as [[D0 D1] T]. cbn zeta in T. pose proof (scalars c w V H) as SC.
  pose proof (c_s c w SC) as Hs. pose proof (c_lr c w SC) as Hlr. pose proof (c_drift c w SC) as Hd.
  pose proof (c_R c w SC) as HR. pose proof (c_L c w SC) as HL.
  apply leQ_R in H0, Hr, Hm'. apply ltQ_R in Hr1, Hm. unfold factor_of, sigma_end in H0, Hr, Hm'. set (dr := drift c w) in *. clearbody dr.
  repeat rewrite ?Q2R_mult, ?Q2R_minus, ?RMicromega.Q2R_1 in H0. repeat rewrite ?Q2R_mult, ?Q2R_minus, ?RMicromega.Q2R_1 in Hr.
  repeat rewrite ?Q2R_mult, ?Q2R_minus in Hm'. rewrite RMicromega.Q2R_0 in Hm. rewrite RMicromega.Q2R_1 in Hr1.
  set (sig := Q2R (sigma0 w) - Q2R (lip w) * Q2R (radius w)) in *.
  set (delta := closed_delta _ _ _ _ _ _) in *.
  destruct T as [_ Hpl Hin _ Hrate [l [Hl [HF [_ [Hc _]]]]]].
  split; [split; assumption|]. split; [|split; [exact Hin|split; [|exists l; now repeat split]]].
  - (* a smaller constant is valid too: every loss is at least its infimum *)
    intros Ls Hinf z Hz. eapply Rle_trans; [|exact (Hpl Ls Hinf z Hz)].
    apply Rmult_le_compat_r; [destruct Hinf as [Hlow _]; specialize (Hlow z Hz); lra|exact Hm'].
  - intros k. eapply Rle_trans; [apply Hrate|]. unfold risk. apply Rmult_le_compat_r; [apply loss_pos; lra|]. apply pow_incr.
    unfold residual_rate. set (g := Q2R (lr c) * Q2R (loss_scale c)) in *.
    assert (Hg : 0 < g) by (unfold g; now apply Rmult_lt_0_compat).
    assert (Hsg : 0 <= sig) by lra.
    assert (0 <= g * sig) by (apply Rmult_le_pos; lra).
    assert (g * sig * (sig - Q2R dr) <= g * sig * (sig - delta)) by (apply Rmult_le_compat_l; lra).
    assert (P1 : g * sig * (sig - delta) <= g * sig * sig) by (apply Rmult_le_compat_l; lra).
    fold g in H0, Hr.
    replace (Q2R (loss_scale c) * Q2R (lr c)) with g by (unfold g; ring).
    replace (Q2R (lr c) * Q2R (loss_scale c)) with g by reflexivity.
    assert (P2 : 0 <= 1 - g * sig * (sig - delta)).
    { apply Rge_le, Rge_minus, Rle_ge. apply Rle_trans with (g * sig * sig); assumption. }
    split.
    + apply Rmult_le_pos; lra.
    + eapply Rle_trans; [|exact Hr]. apply Rmult_le_compat; lra.
Qed.
