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
(** Lower Riemann sum of sigma - delta: it never exceeds the integral of MATH 5b. *)
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
    lam0 <= lambda_min(Theta(theta0)); |J(theta0)| <= K0; |e(theta0)| <= e0; on each ball
    B(theta0, r_j) of the list |J(theta) - J(theta0)| <= D_j, the last pair being (Rad, DR);
    J is LH-Lipschitz on B(theta0, Rad), and F is differentiable there with Jacobian J. *)
Record ball_ingredients (Rad lam0 K0 e0 DR LH : R) (st : list (R * R)) : Prop := {
  ing_lam0 : ntk_lower M th0 lam0;
  ing_K0 : jac_bound M th0 K0;
  ing_e0 : norm (residual M y th0) <= e0;
  ing_diff : forall z, in_ball th0 Rad z -> differentiable_at M z;
  ing_DR : forall z, in_ball th0 Rad z -> jac_change M th0 z DR;
  ing_st : Forall (fun p => forall z, in_ball th0 (fst p) z -> jac_change M th0 z (snd p)) st;
  ing_LH : forall z z', in_ball th0 Rad z -> in_ball th0 Rad z' ->
             jac_change M z z' (LH * norm (z' ⊖ z));
  ing_sign : 0 <= lam0 /\ 0 <= K0 /\ 0 <= DR /\ 0 <= LH /\ Forall (fun p => 0 <= snd p) st
}.

(** ** The numerical inequalities of the certificate (residual form) *)
Definition delta_of (lam0 K0 e0 DR LH : R) : R :=
  Rmin (/ 2 * LH * (eta * s * (K0 + DR) * e0)) (2 * DR).
Definition sigmas (lam0 : R) (st : list (R * R)) : list (R * R) :=
  map (fun p => (fst p, sqrt lam0 - snd p)) st.

Record residual_chain (Rad lam0 K0 e0 DR LH : R) (st : list (R * R)) : Prop := {
  ch_s : 0 < s;
  ch_eta : 0 < eta;
  ch_radii : increasing 0 st /\ last_radius 0 st = Rad /\ st <> [];
  ch_step : eta * s * ((K0 + DR) * (K0 + DR)) <= 1;
  ch_sigma : delta_of lam0 K0 e0 DR LH < sqrt lam0 - DR;
  ch_contain : e0 <= riemann (delta_of lam0 K0 e0 DR LH) 0 (sigmas lam0 st)
}.

Lemma in_ball_mono r r' z : r' <= r -> in_ball th0 r' z -> in_ball th0 r z.
Proof. unfold in_ball. lra. Qed.

(** ** The step defect delta, both ways (MATH 5b) *)
Lemma defect_of_ingredients Rad lam0 K0 e0 DR LH st :
  0 < s -> 0 < eta -> ball_ingredients Rad lam0 K0 e0 DR LH st ->
  defect M y s eta th0 Rad (delta_of lam0 K0 e0 DR LH).
Proof.
  intros Hs Heta [_ HK0 He0 Hdiff HDR _ HLH [Hl [HK [HD [HL _]]]]] z Hz Hz' Hres.
  set (z' := gd_step M y s eta z) in *. set (v := z' ⊖ z).
  pose proof (norm_pos v) as Hv.
  assert (Hend : z ⊕ 1 ⋅ v = z') by apply segment_end.
  assert (Hseg : forall t, 0 <= t <= 1 -> in_ball th0 Rad (z ⊕ t ⋅ v)).
  { intros t Ht. apply in_ball_segment with (T := 1); try assumption. now rewrite Hend. }
  assert (Hdseg : forall t, 0 <= t <= 1 -> differentiable_at M (z ⊕ t ⋅ v)) by auto.
  (* |v| <= eta s (|J0| + DR) |e0| *)
  assert (Hlen : norm v <= eta * s * (K0 + DR) * e0).
  { unfold v, z'. rewrite (step_norm M y s eta Hs Heta z).
    pose proof (JT_bound M z (K0 + DR) (residual M y z) ltac:(lra)
                  (jac_bound_change M th0 z K0 DR HK0 (HDR z Hz))) as HJ.
    assert (0 < eta * s) by nra.
    assert ((K0 + DR) * norm (residual M y z) <= (K0 + DR) * e0) by (apply Rmult_le_compat_l; lra).
    replace (eta * s * (K0 + DR) * e0) with (eta * s * ((K0 + DR) * e0)) by ring.
    apply Rmult_le_compat_l; lra. }
  (* the remainder, with J v in place of 1 J v *)
  assert (Hone : F M z' ⊖ F M z ⊖ J M z v = F M (z ⊕ 1 ⋅ v) ⊖ F M z ⊖ 1 ⋅ J M z v).
  { rewrite Hend. apply vec_ext. intros w. autorewrite with inner. ring. }
  rewrite Hone. unfold delta_of.
  destruct (Rle_dec (/ 2 * LH * (eta * s * (K0 + DR) * e0)) (2 * DR)) as [Hmin|Hmin].
  - rewrite Rmin_left by assumption.
    eapply Rle_trans; [apply (step_remainder_lipschitz M z v LH); [assumption|]|].
    + intros t Ht. eapply Rle_trans; [apply (HLH z (z ⊕ t ⋅ v)); auto|].
      assert (z ⊕ t ⋅ v ⊖ z = t ⋅ v) as ->.
      { apply vec_ext. intros w. autorewrite with inner. ring. }
      rewrite norm_scal, Rabs_pos_eq by lra. lra.
    + apply Rmult_le_compat_r; [assumption|]. nra.
  - rewrite Rmin_right by lra.
    apply step_remainder_change; [assumption|].
    intros t Ht. pose proof (HDR _ (Hseg t Ht) v) as H1. pose proof (HDR z Hz v) as H2.
    rewrite norm_opp in H2.
    pose proof (norm_triang3 (J M (z ⊕ t ⋅ v) v) (J M th0 v) (J M z v)). lra.
Qed.

(** ** Any staircase of lower bounds sigma_j, however obtained *)
Theorem staircase_certificate Rad K delta (st : list (R * R)) sig :
  0 < s -> 0 < eta -> 0 <= K -> 0 <= delta -> delta < sig ->
  increasing 0 st -> last_radius 0 st = Rad -> st <> [] ->
  (forall z, in_ball th0 Rad z -> differentiable_at M z) ->
  (forall z, in_ball th0 Rad z -> jac_bound M z K) ->
  (forall z, in_ball th0 Rad z -> sigma_lower M z sig) ->
  Forall (fun p => forall z, in_ball th0 (fst p) z -> sigma_lower M z (snd p)) st ->
  defect M y s eta th0 Rad delta ->
  eta * s * (K * K) <= 1 ->
  norm (residual M y th0) <= riemann delta 0 st ->
  certified M y s eta th0 Rad (s * (sig * sig))
    (residual_rate s eta delta sig * residual_rate s eta delta sig) (sig - delta)
  /\ forall k, norm (residual M y (gd M y s eta th0 k))
               <= residual_rate s eta delta sig ^ k * norm (residual M y th0).
Proof.
  intros Hs Heta HK Hd Hsd Hinc Hlast Hne Hdiff Hbound Hsig Hst Hdef Hstep Hcont.
  pose proof (last_radius_ge 0 st Hinc) as HR. rewrite Hlast in HR.
  apply (containment_residual M y s eta th0 Rad K delta sig (potential_of delta 0 st)); try assumption.
  - intros a b Hab Hb.
    apply (staircase_slope (fun r sg => forall z, in_ball th0 r z -> sigma_lower M z sg));
      try assumption.
    + intros r r' sg Hr Hv z Hz. apply Hv. now apply (in_ball_mono r r').
    + intros r s1 s2 H1 H2 z Hz. apply sigma_max; auto.
    + now rewrite Hlast.
  - rewrite (potential_after delta 0 st Rad Hinc) by lra.
    rewrite (potential_before delta 0 st 0 Hinc) by lra. lra.
Qed.

Lemma sigmas_increasing lam0 prev st : increasing prev st -> increasing prev (sigmas lam0 st).
Proof.
  revert prev. induction st as [|[r D] tl IH]; cbn; [trivial|]. intros prev [H1 H2]. auto.
Qed.

Lemma sigmas_last lam0 prev st : last_radius prev (sigmas lam0 st) = last_radius prev st.
Proof. revert prev. induction st as [|[r D] tl IH]; cbn; [trivial|]. intros. apply IH. Qed.

(** ** Main theorem *)
Theorem ball_certificate_sound Rad lam0 K0 e0 DR LH st :
  ball_ingredients Rad lam0 K0 e0 DR LH st ->
  residual_chain Rad lam0 K0 e0 DR LH st ->
  let sig := sqrt lam0 - DR in
  let delta := delta_of lam0 K0 e0 DR LH in
  let q := residual_rate s eta delta sig in
  certified M y s eta th0 Rad (s * (sig * sig)) (q * q) (sig - delta)
  /\ forall k, norm (residual M y (gd M y s eta th0 k)) <= q ^ k * norm (residual M y th0).
Proof.
  intros Hing [Hs Heta [Hinc [Hlast Hne]] Hstep Hsd Hcont] sig delta q.
  pose proof (defect_of_ingredients Rad lam0 K0 e0 DR LH st Hs Heta Hing) as Hdef.
  destruct Hing as [Hlam HK0 He0 Hdiff HDR HstD HLH [Hl [HK [HD [HL Hpos]]]]].
  assert (He0pos : 0 <= e0) by (pose proof (norm_pos (residual M y th0)); lra).
  assert (Hdelta : 0 <= delta).
  { unfold delta, delta_of. apply Rmin_glb; [|lra]. assert (0 < eta * s) by nra.
    assert (0 <= (K0 + DR) * e0) by nra.
    replace (/ 2 * LH * (eta * s * (K0 + DR) * e0))
      with (/ 2 * LH * (eta * s) * ((K0 + DR) * e0)) by ring.
    apply Rmult_le_pos; [nra|assumption]. }
  apply (staircase_certificate Rad (K0 + DR) delta (sigmas lam0 st) sig); try assumption.
  - lra.
  - now apply sigmas_increasing.
  - now rewrite sigmas_last.
  - destruct st; [congruence|discriminate].
  - intros z Hz. apply (jac_bound_change M th0 z K0 DR); auto.
  - intros z Hz. apply (weyl_sigma M th0 z lam0 DR); auto.
  - unfold sigmas. clear - HstD Hpos Hlam Hl. induction st as [|[r D] tl IH]; cbn; constructor.
    + cbn. inversion HstD; inversion Hpos; subst; cbn in *.
      intros z Hz. apply (weyl_sigma M th0 z lam0 D); auto.
    + inversion HstD; inversion Hpos; subst. now apply IH.
  - unfold delta in *. lra.
Qed.
End BallCertificate.
