(** * The main theorem: a [ball] certificate's inequalities imply its claim

    [ball_ingredients] is what the engine encloses; [residual_chain] and
    [classical_chain] (in [Classical.v]) are the numerical inequalities it then
    checks.  All numbers may be any valid bounds: nothing has to be exact. *)

From Coq Require Import Reals Lra Psatz List.
From LPLR Require Import Inner Segment Setting NtkStability MeanValue Path Residual.
Import ListNotations.
Open Scope R_scope.

(** ** A staircase: radii with a lower bound of sigma_min(J) on each ball *)
Fixpoint last_radius (prev : R) (st : list (R * R)) : R :=
  match st with [] => prev | (r, _) :: tl => last_radius r tl end.
Fixpoint last_sigma (cur : R) (st : list (R * R)) : R :=
  match st with [] => cur | (_, sg) :: tl => last_sigma sg tl end.
Fixpoint increasing (prev : R) (st : list (R * R)) : Prop :=
  match st with [] => True | (r, _) :: tl => prev <= r /\ increasing r tl end.
(** Lower Riemann sum of sigma - delta: it never exceeds the integral of claim containment_residual. *)
Fixpoint riemann (delta prev : R) (st : list (R * R)) : R :=
  match st with [] => 0 | (r, sg) :: tl => (sg - delta) * (r - prev) + riemann delta r tl end.
(** The same, up to rho. *)
Fixpoint potential_of (delta prev : R) (st : list (R * R)) (rho : R) : R :=
  match st with
  | [] => 0
  | (r, sg) :: tl => (sg - delta) * (Rmin rho r - Rmin rho prev) + potential_of delta r tl rho
  end.

Lemma last_radius_ge prev st : increasing prev st -> prev <= last_radius prev st.
Proof.
  revert prev. induction st as [|[r sg] tl IH]; cbn; intros prev H; [lra|].
  destruct H as [H1 H2]. specialize (IH r H2). lra.
Qed.

Lemma potential_before delta prev st rho :
  increasing prev st -> rho <= prev -> potential_of delta prev st rho = 0.
Proof.
  revert prev. induction st as [|[r sg] tl IH]; cbn; intros prev H Hr; [ring|].
  destruct H as [H1 H2]. rewrite IH by (try assumption; lra). rewrite !Rmin_left by lra. ring.
Qed.

Lemma potential_after delta prev st rho :
  increasing prev st -> last_radius prev st <= rho -> potential_of delta prev st rho = riemann delta prev st.
Proof.
  revert prev. induction st as [|[r sg] tl IH]; cbn; intros prev H Hr; [ring|].
  destruct H as [H1 H2]. rewrite IH by assumption.
  pose proof (last_radius_ge r tl H2). rewrite !Rmin_right by lra. ring.
Qed.

(** What holds of every row holds of the last. *)
Lemma last_valid (valid : R -> R -> Prop) prev cur st :
  st <> [] -> Forall (fun p => valid (fst p) (snd p)) st -> valid (last_radius prev st) (last_sigma cur st).
Proof.
  revert prev cur. induction st as [|[r sg] tl IH]; intros prev cur Hne H; [congruence|]. inversion H; subst. cbn.
  destruct tl as [|p tl]; [assumption|]. apply IH; [discriminate|assumption].
Qed.

(** Between a and b some sigma valid on the ball of radius a exceeds the mean slope. *)
Lemma staircase_slope (valid : R -> R -> Prop) delta st prev :
  (forall r r' sg, r' <= r -> valid r sg -> valid r' sg) ->
  (forall r s1 s2, valid r s1 -> valid r s2 -> valid r (Rmax s1 s2)) ->
  increasing prev st -> Forall (fun p => valid (fst p) (snd p)) st ->
  forall a b, prev <= a <= b -> b <= last_radius prev st -> st <> [] ->
  exists sg, valid a sg /\
    potential_of delta prev st b - potential_of delta prev st a <= (sg - delta) * (b - a).
Proof.
  intros Hmono Hmax. revert prev.
  induction st as [|[r sg] tl IH]; intros prev Hinc Hval a b Hab Hb Hne; [congruence|].
  cbn in Hinc, Hb |- *. destruct Hinc as [Hr Hinc].
  inversion Hval as [|? ? Hv Hvtl]; subst; cbn in Hv.
  rewrite (Rmin_right b prev), (Rmin_right a prev) by lra.
  destruct (Rle_dec b r) as [Hbr|Hbr].
  - (* both on the first step *)
    exists sg. split; [apply (Hmono r); [lra|assumption]|].
    rewrite !Rmin_left by lra. rewrite !(potential_before delta r tl) by (try assumption; lra). lra.
  - destruct tl as [|p tl']; [cbn in Hb; lra|].
    destruct (Rle_dec a r) as [Har|Har].
    + (* a on the first step, b beyond it *)
      destruct (IH r Hinc Hvtl r b) as [s2 [Hs2 Hsl]]; [lra|assumption|discriminate|].
      rewrite (potential_before delta r (p :: tl') r) in Hsl by (try assumption; lra).
      exists (Rmax sg s2). split.
      * apply Hmax; [apply (Hmono r); assumption|apply (Hmono r); [lra|assumption]].
      * rewrite (potential_before delta r (p :: tl') a) by (try assumption; lra).
        rewrite (Rmin_right b r), (Rmin_left a r) by lra.
        pose proof (Rmax_l sg s2). pose proof (Rmax_r sg s2). nra.
    + destruct (IH r Hinc Hvtl a b) as [s2 [Hs2 Hsl]]; [lra|assumption|discriminate|].
      exists s2. split; [assumption|]. rewrite !Rmin_right by lra. lra.
Qed.

Section BallCertificate.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (th0 : X).

(** ** Ingredients: what the engine encloses
    A table of radii rho_j with lam_j <= lambda_min(Theta) on the ball B(theta0, rho_j), its last
    row being (Rad, lamR); |J(theta0)| <= K0; |e(theta0)| <= e0; |J(theta) - J(theta0)| <= DR on
    B(theta0, Rad); J is LH-Lipschitz there, and F is differentiable there with Jacobian J. *)
Record ball_ingredients (Rad K0 e0 DR LH lamR : R) (table : list (R * R)) : Prop := {
  ing_table : Forall (fun p => forall z, in_ball th0 (fst p) z -> ntk_lower M z (snd p))
                     (table ++ [(Rad, lamR)]);
  ing_K0 : jac_bound M th0 K0;
  ing_e0 : norm (residual M y th0) <= e0;
  ing_diff : forall z, in_ball th0 Rad z -> differentiable_at M z;
  ing_DR : forall z, in_ball th0 Rad z -> jac_change M th0 z DR;
  ing_LH : forall z z', in_ball th0 Rad z -> in_ball th0 Rad z' ->
             jac_change M z z' (LH * norm (z' ⊖ z));
  ing_sign : 0 <= K0 /\ 0 <= DR /\ 0 <= LH
}.

(** ** The numerical inequalities of the certificate (residual form) *)
Definition delta_of (K0 e0 DR LH : R) : R :=
  Rmin (/ 2 * LH * (eta * s * (K0 + DR) * e0)) (2 * DR).
Definition sigmas (table : list (R * R)) : list (R * R) := map (fun p => (fst p, sqrt (snd p))) table.

Record residual_chain (Rad K0 e0 DR LH lamR : R) (table : list (R * R)) : Prop := {
  ch_s : 0 < s;
  ch_eta : 0 < eta;
  ch_radii : increasing 0 (table ++ [(Rad, lamR)]);
  ch_step : eta * s * ((K0 + DR) * (K0 + DR)) <= 1;
  ch_sigma : delta_of K0 e0 DR LH < sqrt lamR;
  ch_contain : e0 <= riemann (delta_of K0 e0 DR LH) 0 (sigmas (table ++ [(Rad, lamR)]))
}.

Lemma in_ball_mono r r' z : r' <= r -> in_ball th0 r' z -> in_ball th0 r z.
Proof. unfold in_ball. lra. Qed.

(** ** The step defect delta, both ways (claim containment_residual) *)
Lemma defect_lipschitz c start Rad K L e :
  0 < s -> 0 < eta -> 0 <= K -> 0 <= L ->
  (forall z, in_ball c Rad z -> differentiable_at M z) -> (forall z, in_ball c Rad z -> jac_bound M z K) ->
  (forall z z', in_ball c Rad z -> in_ball c Rad z' -> jac_change M z z' (L * norm (z' ⊖ z))) ->
  norm (residual M y start) <= e -> defect M y s eta c start Rad (/ 2 * L * (eta * s * K * e)).
Proof.
  intros Hs Heta HK HL Hdiff Hbound HLip He z Hz Hz' Hres.
  set (z' := gd_step M y s eta z) in *. set (v := z' ⊖ z). pose proof (norm_pos v) as Hv.
  (* |v| <= eta s K |e| *)
  assert (Hlen : norm v <= eta * s * K * e).
  { unfold v, z'. rewrite (step_norm M y s eta Hs Heta z). replace (eta * s * K * e) with (eta * s * (K * e)) by ring.
    apply Rmult_le_compat_l; [nra|]. eapply Rle_trans; [apply (JT_bound M z K _ HK (Hbound z Hz))|]. apply Rmult_le_compat_l; lra. }
  eapply Rle_trans; [apply (remainder_lipschitz M c Rad L); assumption|]. fold v.
  apply Rmult_le_compat_r; [assumption|]. apply Rmult_le_compat_l; lra.
Qed.

Lemma defect_of_ingredients Rad K0 e0 DR LH lamR table :
  0 < s -> 0 < eta -> ball_ingredients Rad K0 e0 DR LH lamR table ->
  defect M y s eta th0 th0 Rad (delta_of K0 e0 DR LH).
Proof.
  intros Hs Heta [_ HK0 He0 Hdiff HDR HLH [HK [HD HL]]]. unfold delta_of.
  destruct (Rle_dec (/ 2 * LH * (eta * s * (K0 + DR) * e0)) (2 * DR)) as [Hmin|Hmin].
  - rewrite Rmin_left by assumption. apply defect_lipschitz; try assumption; [lra|].
    intros z Hz. apply (jac_bound_change M th0 z K0 DR); auto.
  - rewrite Rmin_right by lra. intros z Hz Hz' _. set (z' := gd_step M y s eta z) in *. set (v := z' ⊖ z).
    assert (Hend : z ⊕ 1 ⋅ v = z') by apply segment_end.
    assert (Hone : F M z' ⊖ F M z ⊖ J M z v = F M (z ⊕ 1 ⋅ v) ⊖ F M z ⊖ 1 ⋅ J M z v).
    { rewrite Hend. apply vec_ext. intros w. autorewrite with inner. ring. }
    assert (Hseg : forall t, 0 <= t <= 1 -> in_ball th0 Rad (z ⊕ t ⋅ v)).
    { intros t Ht. apply in_ball_segment with (T := 1); try assumption. now rewrite Hend. }
    rewrite Hone. apply step_remainder_change; [auto|].
    intros t Ht. pose proof (HDR _ (Hseg t Ht) v) as H1. pose proof (HDR z Hz v) as H2.
    rewrite norm_opp in H2.
    pose proof (norm_triang3 (J M (z ⊕ t ⋅ v) v) (J M th0 v) (J M z v)). lra.
Qed.

Lemma delta_of_pos K0 e0 DR LH :
  0 < s -> 0 < eta -> 0 <= K0 -> 0 <= e0 -> 0 <= DR -> 0 <= LH -> 0 <= delta_of K0 e0 DR LH.
Proof.
  intros Hs Heta HK He HD HL. unfold delta_of. apply Rmin_glb; [|lra].
  assert (0 < eta * s) by nra. assert (0 <= (K0 + DR) * e0) by nra.
  replace (/ 2 * LH * (eta * s * (K0 + DR) * e0))
    with (/ 2 * LH * (eta * s) * ((K0 + DR) * e0)) by ring.
  apply Rmult_le_pos; [nra|assumption].
Qed.

(** ** Any staircase of lower bounds sigma_j, however obtained; the ball's centre c may differ from
    the start theta0 by P0 (hand-over from a run: c is the stored point) *)
Theorem staircase_certificate c P0 Rad K delta (st : list (R * R)) sig :
  0 < s -> 0 < eta -> 0 <= K -> 0 <= delta -> delta < sig ->
  0 <= P0 -> in_ball c P0 th0 ->
  increasing P0 st -> last_radius P0 st = Rad -> st <> [] ->
  (forall z z', in_ball c Rad z -> in_ball c Rad z' -> norm (residual M y z' ⊖ residual M y z) <= K * norm (z' ⊖ z)) ->
  (forall z, in_ball c Rad z -> jac_bound M z K) ->
  (forall z, in_ball c Rad z -> sigma_lower M z sig) ->
  Forall (fun p => forall z, in_ball c (fst p) z -> sigma_lower M z (snd p)) st ->
  defect M y s eta c th0 Rad delta ->
  eta * s * (K * K) <= 1 ->
  norm (residual M y th0) <= riemann delta P0 st ->
  certified M y s eta c th0 Rad (s * (sig * sig))
    (residual_rate s eta delta sig * residual_rate s eta delta sig) (sig - delta)
  /\ forall k, norm (residual M y (gd M y s eta th0 k))
               <= residual_rate s eta delta sig ^ k * norm (residual M y th0).
Proof.
  intros Hs Heta HK Hd Hsd HP0 Hstart Hinc Hlast Hne Hlip Hbound Hsig Hst Hdef Hstep Hcont.
  pose proof (last_radius_ge P0 st Hinc) as HR. rewrite Hlast in HR.
  apply (containment_residual M y s eta c th0 Rad P0 K delta sig (potential_of delta P0 st)); try assumption.
  - lra.
  - intros a b Hab Hb.
    apply (staircase_slope (fun r sg => forall z, in_ball c r z -> sigma_lower M z sg));
      try assumption.
    + intros r r' sg Hr Hv z Hz. apply Hv. unfold in_ball in *. lra.
    + intros r s1 s2 H1 H2 z Hz. apply sigma_max; auto.
    + now rewrite Hlast.
  - rewrite (potential_after delta P0 st Rad Hinc) by lra.
    rewrite (potential_before delta P0 st P0 Hinc) by lra. lra.
Qed.

Lemma centre_in : in_ball th0 0 th0.
Proof. unfold in_ball. rewrite norm_self. lra. Qed.

Lemma sigmas_increasing prev st : increasing prev st -> increasing prev (sigmas st).
Proof.
  revert prev. induction st as [|[r D] tl IH]; cbn; [trivial|]. intros prev [H1 H2]. auto.
Qed.

Lemma sigmas_last prev st Rad lamR : last_radius prev (sigmas (st ++ [(Rad, lamR)])) = Rad.
Proof. revert prev. induction st as [|[r D] tl IH]; cbn; [trivial|]. intros. apply IH. Qed.

(** ** Main theorem: the residual chain *)
Theorem ball_certificate_sound Rad K0 e0 DR LH lamR table :
  ball_ingredients Rad K0 e0 DR LH lamR table ->
  residual_chain Rad K0 e0 DR LH lamR table ->
  let sig := sqrt lamR in
  let delta := delta_of K0 e0 DR LH in
  let q := residual_rate s eta delta sig in
  certified M y s eta th0 th0 Rad (s * lamR) (q * q) (sig - delta)
  /\ forall k, norm (residual M y (gd M y s eta th0 k)) <= q ^ k * norm (residual M y th0).
Proof.
  intros Hing [Hs Heta Hinc Hstep Hsd Hcont] sig delta q.
  pose proof (defect_of_ingredients Rad K0 e0 DR LH lamR table Hs Heta Hing) as Hdef.
  destruct Hing as [Htab HK0 He0 Hdiff HDR HLH [HK [HD HL]]].
  assert (He0pos : 0 <= e0) by (pose proof (norm_pos (residual M y th0)); lra).
  assert (Hdelta : 0 <= delta) by now apply delta_of_pos.
  fold delta in Hsd, Hcont, Hdef. fold sig in Hsd.
  assert (HlamR : 0 < lamR).
  { apply Rnot_le_lt. intros Hn. unfold sig in Hsd. rewrite sqrt_neg_0 in Hsd by assumption. lra. }
  replace (s * lamR) with (s * (sig * sig)) by (unfold sig; now rewrite sqrt_sqrt by lra).
  assert (Hsig : forall z, in_ball th0 Rad z -> sigma_lower M z sig).
  { intros z Hz. apply sigma_of_ntk. apply Forall_app in Htab. destruct Htab as [_ Hlast].
    inversion Hlast; subst. now apply H1. }
  apply (staircase_certificate th0 0 Rad (K0 + DR) delta (sigmas (table ++ [(Rad, lamR)])) sig); try assumption.
  - lra.
  - lra.
  - exact centre_in.
  - now apply sigmas_increasing.
  - apply sigmas_last.
  - unfold sigmas. rewrite map_app. intros E. now apply app_eq_nil in E.
  - intros z z' Hz Hz'. apply (residual_lipschitz M y th0 Rad (K0 + DR)); try assumption; [|lra].
    intros x Hx. apply (jac_bound_change M th0 x K0 DR); auto.
  - intros z Hz. apply (jac_bound_change M th0 z K0 DR); auto.
  - unfold sigmas. clear - Htab. induction Htab as [|[r lam] tl H _ IH]; cbn; constructor; [|exact IH].
    cbn in *. intros z Hz. apply sigma_of_ntk. auto.
  - lra.
Qed.

(** A table from Jacobian changes D_j and lambda0 (sharp form of the Weyl step). *)
Definition weyl_table (lam0 : R) (changes : list (R * R)) : list (R * R) :=
  map (fun p => (fst p, Rmax 0 (sqrt lam0 - snd p) * Rmax 0 (sqrt lam0 - snd p))) changes.

Lemma weyl_table_valid lam0 changes :
  0 <= lam0 -> ntk_lower M th0 lam0 ->
  Forall (fun p => 0 <= snd p /\ forall z, in_ball th0 (fst p) z -> jac_change M th0 z (snd p)) changes ->
  Forall (fun p => forall z, in_ball th0 (fst p) z -> ntk_lower M z (snd p)) (weyl_table lam0 changes).
Proof.
  intros Hl H0. induction 1 as [|[r D] tl [HD H] _ IH]; cbn; constructor; [|exact IH].
  cbn in *. intros z Hz. apply ntk_of_sigma; [apply Rmax_l|].
  unfold Rmax. destruct (Rle_dec 0 (sqrt lam0 - D)).
  - apply (weyl_sigma M th0 z lam0 D); auto.
  - intros w. pose proof (norm_pos (JT M z w)). lra.
Qed.
End BallCertificate.
