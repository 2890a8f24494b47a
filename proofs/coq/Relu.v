(** * The residual form across kinks (claim containment_residual_relu)

    A network of affine maps and ReLUs is not differentiable on the kinks.  Along a segment every pre-activation is a
    continuous piecewise polynomial with finitely many pieces, so t |-> F(theta + t v) is continuous, and its derivative
    is J(theta + t v) v but for finitely many t, whatever rule J uses on the kinks.  That is all that the residual form
    needs: it never differentiates J.  The drift of a step is 2 Delta_J, Delta_J over all activation patterns of the ball
    ([containment_residual_relu]); where J moves by at most L |z' - z| plus a jump of kap, the drift is kap plus that of the
    smooth case ([defect_jumps]), which is less.  [Kinks.v] proves the hypothesis of two-layer networks. *)

From Coq Require Import Reals Lra Psatz List.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Segment Setting NtkStability MeanValue Path Residual Certificate.
Import ListNotations.
Open Scope R_scope.

(** ** The mean value inequality with finitely many exceptions; the bound holds at the exceptions too.
    (The mean value theorem itself would bring classical logic.) *)
Lemma slope_inside (f df : R -> R) (B a b : R) : a <= b -> (forall t, a <= t <= b -> is_derive f t (df t)) ->
  (forall t, a <= t <= b -> df t <= B) -> f b - f a <= B * (b - a).
Proof.
  intros Hab Hd Hb.
  pose proof (mean_value_majorant (fun t => f (a + t)) (fun t => df (a + t)) (fun t => 0 + B * t) (fun _ => B) (b - a) ltac:(lra)) as H.
  cbn beta in H. replace (a + (b - a)) with b in H by ring. rewrite Rplus_0_r in H.
  assert (E : f b - f a <= 0 + B * (b - a) - (0 + B * 0)); [|lra]. apply H.
  - intros t Ht. replace (df (a + t)) with (1 * df (a + t)) by ring. apply (is_derive_comp f (fun t => a + t)); [apply Hd; lra|].
    apply (is_derive_ext (fun u => a + 1 * u)); [intros u; cbn; ring|apply derive_affine].
  - intros t _. apply derive_affine.
  - intros t Ht. apply Hb. lra.
Qed.

(** Continuity at the ends is enough. *)
Lemma slope_closed (f df : R -> R) (B a b : R) : a <= b -> 0 <= B -> (forall t, a <= t <= b -> continuity_pt f t) ->
  (forall t, a < t < b -> is_derive f t (df t)) -> (forall t, a <= t <= b -> df t <= B) -> f b - f a <= B * (b - a).
Proof.
  intros Hab HB Hc Hd Hb. destruct (Req_dec a b) as [->|N]; [lra|]. apply le_epsilon. intros eps He.
  destruct (Hc a ltac:(lra) (eps / 2) ltac:(lra)) as [ra [Ra Ha]]. destruct (Hc b ltac:(lra) (eps / 2) ltac:(lra)) as [rb [Rb Hb']].
  set (h := Rmin (Rmin (ra / 2) (rb / 2)) ((b - a) / 3)).
  assert (Hh : 0 < h /\ h <= ra / 2 /\ h <= rb / 2 /\ h <= (b - a) / 3).
  { unfold h. pose proof (Rmin_l (Rmin (ra / 2) (rb / 2)) ((b - a) / 3)). pose proof (Rmin_r (Rmin (ra / 2) (rb / 2)) ((b - a) / 3)).
    pose proof (Rmin_l (ra / 2) (rb / 2)). pose proof (Rmin_r (ra / 2) (rb / 2)). repeat split; try lra.
    apply Rmin_glb_lt; [apply Rmin_glb_lt|]; lra. }
  destruct Hh as [H0 [H1 [H2 H3]]].
  assert (Ea : Rabs (f (a + h) - f a) < eps / 2).
  { apply (Ha (a + h)). split; [split; [exact I|lra]|]. cbn. unfold R_dist. replace (a + h - a) with h by ring. rewrite Rabs_pos_eq; lra. }
  assert (Eb : Rabs (f (b - h) - f b) < eps / 2).
  { apply (Hb' (b - h)). split; [split; [exact I|lra]|]. cbn. unfold R_dist. replace (b - h - b) with (- h) by ring.
    rewrite Rabs_Ropp, Rabs_pos_eq; lra. }
  pose proof (slope_inside f df B (a + h) (b - h) ltac:(lra) ltac:(intros; apply Hd; lra) ltac:(intros; apply Hb; lra)) as S.
  assert (B * (b - h - (a + h)) <= B * (b - a)) by (apply Rmult_le_compat_l; lra).
  apply Rabs_def2 in Ea, Eb. lra.
Qed.

Lemma mean_value_exceptions (f df : R -> R) (l : list R) (q B : R) : forall a b, a <= b ->
  (forall t, a <= t <= b -> continuity_pt f t) ->
  (forall t, a < t < b -> ~ In t l -> is_derive f t (df t)) ->
  (forall t, a <= t <= b -> Rabs (df t - q) <= B) ->
  Rabs (f b - f a - q * (b - a)) <= B * (b - a).
Proof.
  induction l as [|x l IH]; intros a b Hab Hc Hd Hb.
  - assert (HB : 0 <= B) by (pose proof (Hb a ltac:(lra)); pose proof (Rabs_pos (df a - q)); lra).
    assert (Hlin : forall c t, continuity_pt (fun t => c * t) t).
    { intros c t. apply derivable_continuous_pt. exists c. apply is_derive_Reals.
      apply (is_derive_ext (fun u => 0 + c * u)); [intros u; cbn; ring|apply derive_affine]. }
    assert (Hder : forall c t, is_derive (fun t => c * t) t c).
    { intros c t. apply (is_derive_ext (fun u => 0 + c * u)); [intros u; cbn; ring|apply derive_affine]. }
    assert (Up : (f b - q * b) - (f a - q * a) <= B * (b - a)).
    { apply (slope_closed (fun t => f t - q * t) (fun t => df t - q)); try assumption.
      - intros t Ht. apply (continuity_pt_minus f (fun t => q * t)); auto.
      - intros t Ht. apply (is_derive_minus f (fun t => q * t)); [apply Hd; [assumption|intros []]|apply Hder].
      - intros t Ht. specialize (Hb t Ht). apply Rabs_le_between in Hb. lra. }
    assert (Down : (q * b - f b) - (q * a - f a) <= B * (b - a)).
    { apply (slope_closed (fun t => q * t - f t) (fun t => q - df t)); try assumption.
      - intros t Ht. apply (continuity_pt_minus (fun t => q * t) f); auto.
      - intros t Ht. apply (is_derive_minus (fun t => q * t) f); [apply Hder|apply Hd; [assumption|intros []]].
      - intros t Ht. specialize (Hb t Ht). apply Rabs_le_between in Hb. lra. }
    apply Rabs_le. lra.
  - destruct (Rlt_dec a x) as [Hax|Hax]; [destruct (Rlt_dec x b) as [Hxb|Hxb]|].
    + assert (H1 : Rabs (f x - f a - q * (x - a)) <= B * (x - a)).
      { apply IH; [lra|intros; apply Hc; lra| |intros; apply Hb; lra]. intros t Ht Hn. apply Hd; [lra|]. intros [E|E]; [lra|contradiction]. }
      assert (H2 : Rabs (f b - f x - q * (b - x)) <= B * (b - x)).
      { apply IH; [lra|intros; apply Hc; lra| |intros; apply Hb; lra]. intros t Ht Hn. apply Hd; [lra|]. intros [E|E]; [lra|contradiction]. }
      replace (f b - f a - q * (b - a)) with ((f b - f x - q * (b - x)) + (f x - f a - q * (x - a))) by ring.
      eapply Rle_trans; [apply Rabs_triang|]. lra.
    + apply IH; try assumption. intros t Ht Hn. apply Hd; [assumption|]. intros [E|E]; [lra|contradiction].
    + apply IH; try assumption. intros t Ht Hn. apply Hd; [assumption|]. intros [E|E]; [lra|contradiction].
Qed.

Section Relu.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (c : X) (Rad : R).

(** F along the segments of the ball: continuous, and differentiable with derivative J v but for finitely many points. *)
Definition piecewise_on_ball : Prop := forall z v w, in_ball c Rad z -> in_ball c Rad (z ⊕ 1 ⋅ v) ->
  (forall t, 0 <= t <= 1 -> continuity_pt (fun u => ⟨w, F M (z ⊕ u ⋅ v)⟩) t) /\
  exists exceptions : list R, forall t, 0 < t < 1 -> ~ In t exceptions ->
    is_derive (fun u => ⟨w, F M (z ⊕ u ⋅ v)⟩) t ⟨w, J M (z ⊕ t ⋅ v) v⟩.

Hypothesis kinks : piecewise_on_ball.

(** |F(z + v) - F(z) - q| <= B when |J(z + t v) v - q| <= B along the segment. *)
Lemma mean_jacobian z v (q : Y) B : in_ball c Rad z -> in_ball c Rad (z ⊕ 1 ⋅ v) ->
  (forall t, 0 <= t <= 1 -> norm (J M (z ⊕ t ⋅ v) v ⊖ q) <= B) -> norm (F M (z ⊕ 1 ⋅ v) ⊖ F M z ⊖ q) <= B.
Proof.
  intros Hz Hz' Hb. assert (HB : 0 <= B) by (pose proof (Hb 0 ltac:(lra)); pose proof (norm_pos (J M (z ⊕ 0 ⋅ v) v ⊖ q)); lra).
  apply norm_le_weak; [assumption|]. intros w. destruct (kinks z v w Hz Hz') as [Hc [l Hd]].
  pose proof (mean_value_exceptions (fun u => ⟨w, F M (z ⊕ u ⋅ v)⟩) (fun t => ⟨w, J M (z ⊕ t ⋅ v) v⟩) l ⟨w, q⟩ (B * norm w) 0 1
    ltac:(lra) Hc Hd) as Hm. cbn beta in Hm.
  assert (E0 : z ⊕ 0 ⋅ v = z) by (apply vec_ext; intros; autorewrite with inner; ring). rewrite E0 in Hm.
  apply Rle_trans with (Rabs (⟨w, F M (z ⊕ 1 ⋅ v)⟩ - ⟨w, F M z⟩ - ⟨w, q⟩ * (1 - 0))).
  - eapply Rle_trans; [|apply Rle_abs]. rewrite !inner_minus_r. lra.
  - eapply Rle_trans; [apply Hm|lra]. intros t Ht. rewrite <- inner_minus_r. eapply Rle_trans; [apply cauchy_schwarz_abs|].
    rewrite (Rmult_comm B). apply Rmult_le_compat_l; [apply norm_pos|now apply Hb].
Qed.

(** F is Lipschitz where J is bounded. *)
Lemma in_ball_between z z' t : in_ball c Rad z -> in_ball c Rad z' -> 0 <= t <= 1 -> in_ball c Rad (z ⊕ t ⋅ (z' ⊖ z)).
Proof. intros Hz Hz' Ht. apply in_ball_segment with (T := 1); try assumption. now rewrite segment_end. Qed.

Lemma residual_lipschitz_kinks K : (forall z, in_ball c Rad z -> jac_bound M z K) ->
  forall z z', in_ball c Rad z -> in_ball c Rad z' -> norm (residual M y z' ⊖ residual M y z) <= K * norm (z' ⊖ z).
Proof.
  intros Hb z z' Hz Hz'. set (v := z' ⊖ z).
  pose proof (mean_jacobian z v zero (K * norm v) Hz) as H. assert (E : z ⊕ 1 ⋅ v = z') by apply segment_end. rewrite E in H.
  replace (residual M y z' ⊖ residual M y z) with (F M z' ⊖ F M z ⊖ zero).
  2:{ apply vec_ext. intros w. unfold residual. autorewrite with inner. ring. }
  apply H; [assumption|]. intros t Ht.
  replace (J M (z ⊕ t ⋅ v) v ⊖ zero) with (J M (z ⊕ t ⋅ v) v) by (apply vec_ext; intros; autorewrite with inner; ring).
  apply Hb. now apply in_ball_between.
Qed.

(** ** J moves by at most L |z' - z|, and jumps by at most kap *)
Section Jumps.
Variables (L kap : R).
Hypothesis L_pos : 0 <= L.
Hypothesis kap_pos : 0 <= kap.
Hypothesis jumps : forall z z', in_ball c Rad z -> in_ball c Rad z' -> jac_change M z z' (L * norm (z' ⊖ z) + kap).

Lemma remainder_jumps z z' : in_ball c Rad z -> in_ball c Rad z' ->
  norm (F M z' ⊖ F M z ⊖ J M z (z' ⊖ z)) <= (/ 2 * L * norm (z' ⊖ z) + kap) * norm (z' ⊖ z).
Proof.
  intros Hz Hz'. set (v := z' ⊖ z). pose proof (norm_pos v) as Pv. assert (E1 : z ⊕ 1 ⋅ v = z') by apply segment_end.
  assert (E0 : z ⊕ 0 ⋅ v = z) by (apply vec_ext; intros; autorewrite with inner; ring).
  assert (PL : 0 <= L * norm v * norm v) by (apply Rmult_le_pos; [apply Rmult_le_pos|]; assumption).
  assert (Pk : 0 <= kap * norm v) by (apply Rmult_le_pos; assumption).
  apply norm_le_weak; [apply Rmult_le_pos; [|assumption]; assert (0 <= L * norm v) by (apply Rmult_le_pos; assumption); lra|].
  intros w. pose proof (norm_pos w) as Pw. destruct (kinks z v w Hz ltac:(now rewrite E1)) as [Hc [l Hd]].
  (* what F exceeds its bound by has derivative g' with g' - <w, J v> between -2 B and 0 *)
  set (a := norm w * (kap * norm v)). set (b := / 2 * (norm w * (L * norm v * norm v))).
  assert (Pa : 0 <= a) by (unfold a; now apply Rmult_le_pos).
  assert (Pb : 0 <= b) by (unfold b; assert (0 <= norm w * (L * norm v * norm v)) by (now apply Rmult_le_pos); lra).
  set (B := a + 2 * b).
  assert (Near : forall t, 0 <= t <= 1 -> Rabs (⟨w, J M (z ⊕ t ⋅ v) v⟩ - ⟨w, J M z v⟩) <= a + 2 * b * t).
  { intros t Ht. rewrite <- inner_minus_r. eapply Rle_trans; [apply cauchy_schwarz_abs|].
    replace (a + 2 * b * t) with (norm w * ((L * (t * norm v) + kap) * norm v)) by (unfold a, b; field).
    apply Rmult_le_compat_l; [assumption|].
    pose proof (jumps z (z ⊕ t ⋅ v) Hz (in_ball_between z z' t Hz Hz' Ht) v) as Jt.
    replace (z ⊕ t ⋅ v ⊖ z) with (t ⋅ v) in Jt by (apply vec_ext; intros; autorewrite with inner; ring).
    rewrite norm_scal, Rabs_pos_eq in Jt by lra. exact Jt. }
  assert (Hlin : forall t, is_derive (fun u => a * u + b * (u * u)) t (a + 2 * b * t)).
  { intros t. apply (is_derive_plus (fun u => a * u) (fun u => b * (u * u))); [|apply derive_square].
    apply (is_derive_ext (fun u => 0 + a * u)); [intros u; cbn; ring|apply derive_affine]. }
  pose proof (mean_value_exceptions (fun u => ⟨w, F M (z ⊕ u ⋅ v)⟩ - (a * u + b * (u * u)))
    (fun t => ⟨w, J M (z ⊕ t ⋅ v) v⟩ - (a + 2 * b * t)) l (⟨w, J M z v⟩ - B) B 0 1 ltac:(lra)) as Hm.
  cbn beta in Hm. rewrite E0, E1 in Hm.
  assert (G : Rabs (⟨w, F M z'⟩ - (a * 1 + b * (1 * 1)) - (⟨w, F M z⟩ - (a * 0 + b * (0 * 0))) - (⟨w, J M z v⟩ - B) * (1 - 0)) <= B * (1 - 0)).
  { apply Hm.
    - intros t Ht. apply (continuity_pt_minus (fun u => ⟨w, F M (z ⊕ u ⋅ v)⟩) (fun u => a * u + b * (u * u))); [now apply Hc|].
      apply derivable_continuous_pt. eexists. apply is_derive_Reals, Hlin.
    - intros t Ht Hn. apply (is_derive_minus (fun u => ⟨w, F M (z ⊕ u ⋅ v)⟩) (fun u => a * u + b * (u * u))); [now apply Hd|apply Hlin].
    - intros t Ht. specialize (Near t Ht). apply Rabs_le_between in Near.
      assert (2 * b * t <= 2 * b) by (rewrite <- (Rmult_1_r (2 * b)) at 2; apply Rmult_le_compat_l; lra).
      unfold B. apply Rabs_le. lra. }
  apply Rabs_le_between in G. rewrite !inner_minus_r.
  replace ((/ 2 * L * norm v + kap) * norm v * norm w) with (a + b) by (unfold a, b; field). lra.
Qed.

(** The drift of a step, when the residual is at most e. *)
Lemma defect_jumps start K e : 0 < s -> 0 < eta -> 0 <= K -> (forall z, in_ball c Rad z -> jac_bound M z K) ->
  norm (residual M y start) <= e -> defect M y s eta c start Rad (/ 2 * L * (eta * s * K * e) + kap).
Proof.
  intros Hs Heta HK Hb He z Hz Hz' Hres. eapply Rle_trans; [now apply remainder_jumps|].
  apply Rmult_le_compat_r; [apply norm_pos|]. apply Rplus_le_compat_r. apply Rmult_le_compat_l; [lra|].
  rewrite (step_norm M y s eta Hs Heta z). replace (eta * s * K * e) with (eta * s * (K * e)) by ring.
  apply Rmult_le_compat_l; [left; now apply Rmult_lt_0_compat|].
  eapply Rle_trans; [apply (JT_bound M z K _ HK (Hb z Hz))|]. apply Rmult_le_compat_l; lra.
Qed.
End Jumps.

(** ** Any Jacobian, Delta_J over all patterns *)
Variables (th0 : X) (K0 Delta : R).
Hypothesis s_pos : 0 < s.
Hypothesis eta_pos : 0 < eta.
Hypothesis K0_pos : 0 <= K0.
Hypothesis Delta_pos : 0 <= Delta.
Hypothesis at_centre : jac_bound M c K0.
(** Delta_J over every activation pattern of the ball. *)
Hypothesis patterns : forall z, in_ball c Rad z -> jac_change M c z Delta.

Lemma bound_patterns z : in_ball c Rad z -> jac_bound M z (K0 + Delta).
Proof. intros Hz. apply (jac_bound_change M c z K0 Delta); auto. Qed.

Lemma defect_patterns : defect M y s eta c th0 Rad (2 * Delta).
Proof.
  intros z Hz Hz' _. set (z' := gd_step M y s eta z) in *. set (v := z' ⊖ z).
  pose proof (mean_jacobian z v (J M z v) (2 * Delta * norm v) Hz) as H. assert (E : z ⊕ 1 ⋅ v = z') by apply segment_end. rewrite E in H.
  apply H; [assumption|]. intros t Ht. pose proof (patterns _ (in_ball_between z z' t Hz Hz' Ht) v) as H1. fold v in H1.
  pose proof (patterns z Hz v) as H2. rewrite norm_opp in H2.
  pose proof (norm_triang3 (J M (z ⊕ t ⋅ v) v) (J M c v) (J M z v)). lra.
Qed.

(** Descent with the Jacobian J stays in the ball and converges, with a table of sigma from the centre. *)
Theorem containment_residual_relu (P0 sig : R) (st : list (R * R)) :
  0 <= P0 -> in_ball c P0 th0 -> increasing P0 st -> last_radius P0 st = Rad -> st <> [] ->
  (forall z, in_ball c Rad z -> sigma_lower M z sig) -> 2 * Delta < sig ->
  List.Forall (fun p => forall z, in_ball c (fst p) z -> sigma_lower M z (snd p)) st ->
  eta * s * ((K0 + Delta) * (K0 + Delta)) <= 1 -> norm (residual M y th0) <= riemann (2 * Delta) P0 st ->
  certified M y s eta c th0 Rad (s * (sig * sig))
    (residual_rate s eta (2 * Delta) sig * residual_rate s eta (2 * Delta) sig) (sig - 2 * Delta)
  /\ forall k, norm (residual M y (gd M y s eta th0 k)) <= residual_rate s eta (2 * Delta) sig ^ k * norm (residual M y th0).
Proof.
  intros HP Hstart Hinc Hlast Hne Hsig Hd Hst Hstep Hcont.
  apply (staircase_certificate M y s eta th0 c P0 Rad (K0 + Delta) (2 * Delta) st sig); try assumption; try lra.
  - apply residual_lipschitz_kinks. exact bound_patterns.
  - exact bound_patterns.
  - exact defect_patterns.
Qed.
End Relu.
