(** * What an accepted certificate proves: gradient descent on its network converges *)

From Coq Require Import Reals Lra QArith Qreals ZArith List Bool.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Rn Setting Path Residual Certificate TwoLayer Relu Criterion Fixed IntegerMatrix Slices Vectors Format Check CheckForward CheckHidden CheckScalars CheckKernel CheckFacts.
Import ListNotations.
Open Scope R_scope.

(** ** The table: integers and real numbers *)
Lemma last_radius_top l prev : last_radius (Q2R (grid prev)) (map (fun row => (Q2R (grid (fst row)), Q2R (grid (snd row)))) l) = Q2R (grid (top prev l)).
Proof. revert prev. induction l as [|[r g] l IH]; intros prev; [reflexivity|]. cbn. apply IH. Qed.
Lemma last_sigma_final l cur : last_sigma (Q2R (grid cur)) (map (fun row => (Q2R (grid (fst row)), Q2R (grid (snd row)))) l) = Q2R (grid (final cur l)).
Proof. revert cur. induction l as [|[r g] l IH]; intros cur; [reflexivity|]. cbn. apply IH. Qed.

Lemma ascending_increasing l prev : ascending prev l = true ->
  increasing (Q2R (grid prev)) (map (fun row => (Q2R (grid (fst row)), Q2R (grid (snd row)))) l).
Proof.
  revert prev. induction l as [|[r g] l IH]; intros prev H; [exact I|]. cbn in *. rewrite andb_true_iff in H. destruct H as [H1 H2].
  apply Z.leb_le, IZR_le in H1. split; [|now apply IH]. rewrite !Q2R_grid. pose proof two40_pos.
  apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|exact H1].
Qed.

Lemma riemann_area delta l prev :
  riemann delta (Q2R (grid prev)) (map (fun row => (Q2R (grid (fst row)), Q2R (grid (snd row)))) l)
  = Q2R (area prev l # (1099511627776 * 1099511627776)) - delta * (Q2R (grid (top prev l)) - Q2R (grid prev)).
Proof.
  assert (A : forall z, Q2R (z # (1099511627776 * 1099511627776)) = IZR z / (IZR two40 * IZR two40)).
  { intros z. unfold Q2R. cbn [Qnum Qden]. rewrite Pos2Z.inj_mul, mult_IZR. reflexivity. }
  rewrite A. pose proof two40_pos as T. revert prev. induction l as [|[r g] l IH]; intros prev; cbn [riemann map fst snd area top].
  - unfold Rdiv. ring.
  - rewrite IH, plus_IZR, mult_IZR, minus_IZR, !Q2R_grid. field. lra.
Qed.

Section Accepted.
Variables (c : problem) (w : witness) (V : vectors) (ball rate mu : Q).
Hypothesis passed : check c w V = true.
Notation known := (check_correct c w V passed).
Notation stairs_ := (stairs_R w).
Notation off := (Q2R (grid (offset w))).

Lemma drift_value e : Q2R (drift c w e)
  = drift_of (Q2R (loss_scale c)) (Q2R (lr c)) (Q2R (radius w)) (Q2R (jac0 w) + / 2 * Q2R (kink w)) (Q2R (drop w)) (Q2R (lip w)) (Q2R (jump w)) (Q2R e).
Proof.
  unfold drift, jac_ball, half_kink, drift_of. set (rad := radius w). clearbody rad. repeat rewrite ?Q2R_mult, ?Q2R_plus, ?Q2R_half. ring.
Qed.

Lemma table : stairs_ <> [] /\ increasing off stairs_ /\ last_radius off stairs_ = Q2R (radius w) /\ last_sigma 0 stairs_ = Q2R (sigma_end w)
  /\ 0 <= off.
Proof.
  pose proof (t_stairs _ _ _ (CheckForward.passed c w V passed)) as C. unfold check_stairs in C. rewrite !andb_true_iff in C.
  destruct C as [[[C0 C1] C2] _]. repeat split.
  - unfold stairs_R. destruct (stairs w); [discriminate|]. discriminate.
  - now apply ascending_increasing.
  - apply last_radius_top.
  - replace 0 with (Q2R (grid 0)) by (rewrite Q2R_grid; unfold Rdiv; ring). apply last_sigma_final.
  - apply Z.leb_le, IZR_le in C1. rewrite Q2R_grid. pose proof two40_pos. now apply Rdiv_le_0_compat.
Qed.

Lemma pays_enough e : pays c w e = true -> Q2R e <= riemann (Q2R (drift c w e)) off stairs_.
Proof.
  unfold pays. intros H. apply leQ_R in H. rewrite Q2R_plus, Q2R_mult, Q2R_minus in H. unfold stairs_R. rewrite riemann_area.
  unfold radius in H. lra.
Qed.

(** From the abstract theorem's rate and constants to the stated ones. *)
Lemma concluded (e : Q) (from : Params (Rn (outputs c)) (Rn (size c)) (width c) (biases c)) :
  concludes c w e ball rate mu = true -> 0 <= Q2R (drift c w e) ->
  certified (model c) (target c) (Q2R (loss_scale c)) (Q2R (lr c)) (start c) from (Q2R (radius w))
    (Q2R (loss_scale c) * (Q2R (sigma_end w) * Q2R (sigma_end w)))
    (residual_rate (Q2R (loss_scale c)) (Q2R (lr c)) (Q2R (drift c w e)) (Q2R (sigma_end w))
     * residual_rate (Q2R (loss_scale c)) (Q2R (lr c)) (Q2R (drift c w e)) (Q2R (sigma_end w)))
    (Q2R (sigma_end w) - Q2R (drift c w e)) ->
  region c ball mu /\ reaches c from ball rate.
Proof.
  unfold concludes. cbn zeta. rewrite !andb_true_iff. intros [[[[[[Hd Hb] H0] Hr] Hr1] Hm] Hm'] Hpos T.
  apply Qeq_bool_iff, Qeq_eqR in Hb. apply leQ_R in H0, Hr, Hm'. apply ltQ_R in Hd, Hr1, Hm. unfold region, reaches. rewrite Hb.
  set (dr := drift c w e) in *. clearbody dr. set (sg := sigma_end w) in *. clearbody sg.
  repeat rewrite ?Q2R_mult, ?Q2R_minus, ?RMicromega.Q2R_1 in H0. repeat rewrite ?Q2R_mult, ?Q2R_minus, ?RMicromega.Q2R_1 in Hr.
  repeat rewrite ?Q2R_mult in Hm'. rewrite RMicromega.Q2R_0 in Hm. rewrite RMicromega.Q2R_1 in Hr1.
  pose proof (c_s _ _ (scalars c w V passed)) as Hs. pose proof (c_lr _ _ (scalars c w V passed)) as Hlr.
  destruct T as [_ Hpl Hin _ Hrate [l [Hl [HF [_ [Hc _]]]]]].
  split; [split; [exact Hm|]|split; [exact Hr1|split; [exact Hin|split; [|exists l; now repeat split]]]].
  - (* a smaller constant is valid too: every loss is at least its infimum *)
    intros Ls Hinf z Hz. eapply Rle_trans; [|exact (Hpl Ls Hinf z Hz)].
    apply Rmult_le_compat_r; [destruct Hinf as [Hlow _]; specialize (Hlow z Hz); lra|exact Hm'].
  - intros k. eapply Rle_trans; [apply Hrate|]. unfold risk. apply Rmult_le_compat_r; [apply loss_pos; lra|]. apply pow_incr.
    unfold residual_rate. replace (1 - Q2R (lr c) * Q2R (loss_scale c) * Q2R sg * (Q2R sg - Q2R dr))
      with (1 - Q2R (lr c) * Q2R (loss_scale c) * Q2R sg * (Q2R sg - Q2R dr)) by ring.
    set (g := Q2R (lr c) * Q2R (loss_scale c)) in *.
    assert (Hg : 0 < g) by (unfold g; now apply Rmult_lt_0_compat).
    assert (P : g * Q2R sg * (Q2R sg - Q2R dr) <= g * Q2R sg * Q2R sg).
    { apply Rmult_le_compat_l; [apply Rmult_le_pos|]; lra. }
    split; [apply Rmult_le_pos; lra|exact Hr].
Qed.
End Accepted.

Theorem accepted_converges (c : problem) (w : witness) (V : vectors) (ball rate mu : Q) :
  accepted c w V ball rate mu = true -> converges_linearly c ball rate mu.
Proof.
  unfold accepted. rewrite !andb_true_iff. intros [[[H0 Hp] Hc] H]. apply Z.eqb_eq in H0.
  destruct (table c w V H) as [T1 [T2 [T3 [T4 _]]]]. pose proof (pays_enough c w (res0 w) Hp) as P.
  pose proof (check_correct c w V H) as known.
  assert (E0 : Q2R (grid (offset w)) = 0) by (rewrite H0, Q2R_grid; unfold Rdiv; ring). rewrite E0 in *.
  assert (D : Q2R (drift c w (res0 w)) < Q2R (sigma_end w)).
  { pose proof Hc as C. unfold concludes in C. cbn zeta in C. rewrite !andb_true_iff in C. now apply ltQ_R. }
  apply (concluded c w V ball rate mu H (res0 w)); [exact Hc| |].
  - rewrite drift_value. apply (drift_nonneg _ _ _ _ _ _ _ _ _ _ _ _ known). apply (c_e _ _ (scalars c w V H)).
  - rewrite drift_value in P, D |- *. rewrite <- T4 in D |- *. now apply (from_centre _ _ _ _ _ _ _ _ _ _ _ _ known).
Qed.

Theorem accepted_attracts (c : problem) (w : witness) (V : vectors) (rho ball rate mu : Q) :
  accepted_basin c w V rho ball rate mu = true -> attracts c rho ball rate mu.
Proof.
  unfold accepted_basin. rewrite !andb_true_iff. intros [[[[H0 Hp] Hd] Hc] H]. apply leQ_R in H0. apply ltQ_R in Hd.
  destruct (table c w V H) as [T1 [T2 [T3 [T4 T5]]]]. pose proof (pays_enough c w (threshold w) Hp) as P.
  pose proof (check_correct c w V H) as known. pose proof (c_e _ _ (scalars c w V H)) as E0.
  assert (D : Q2R (drift c w (largest w)) < Q2R (sigma_end w)).
  { pose proof Hc as C. unfold concludes in C. cbn zeta in C. rewrite !andb_true_iff in C. now apply ltQ_R. }
  assert (ET : Q2R (threshold w) = Q2R (lip w) * (Q2R (grid (offset w)) * Q2R (grid (offset w))) + 2 * Q2R (jump w) * Q2R (grid (offset w)) + 2 * Q2R (res0 w)).
  { unfold threshold. repeat rewrite ?Q2R_plus, ?Q2R_mult. replace (Q2R 2) with 2 by (unfold Q2R; cbn; field). reflexivity. }
  assert (EL : Q2R (largest w) = Q2R (res0 w) + (Q2R (jac0 w) + / 2 * Q2R (kink w) + Q2R (drop w) * Q2R (grid (offset w))) * Q2R (grid (offset w))).
  { unfold largest, half_kink. repeat rewrite ?Q2R_plus, ?Q2R_mult, ?Q2R_half. reflexivity. }
  assert (L0 : 0 <= Q2R (largest w)).
  { rewrite EL. pose proof (Rmult_le_pos _ _ (K_nonneg _ _ _ _ _ _ _ _ _ _ _ _ known _ T5) T5). lra. }
  assert (All : forall from, in_ball (start c) (Q2R (grid (offset w))) from -> region c ball mu /\ reaches c from ball rate).
  { intros from Hf. apply (concluded c w V ball rate mu H (largest w)); [exact Hc| |].
    - rewrite drift_value. now apply (drift_nonneg _ _ _ _ _ _ _ _ _ _ _ _ known).
    - rewrite drift_value in P, D, Hd |- *. rewrite ET in P, Hd. rewrite EL in D |- *. rewrite <- T4 in D, Hd |- *.
      now apply (from_ball _ _ _ _ _ _ _ _ _ _ _ _ known (Q2R (grid (offset w)))). }
  split.
  - apply (All (start c)). pose proof (centre_in (start c)). unfold in_ball in *. lra.
  - intros from Hf. apply All. unfold in_ball in *. lra.
Qed.
