(** * Exact fits near a point  (claim zero_loss_nearby), the distance to the fits of a ball, and limits that fit *)

From Coq Require Import Reals Lra Psatz Lia List.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Setting MeanValue Path Residual Certificate.
Import ListNotations.
Open Scope R_scope.

(** An inequality that holds up to every small d holds. *)
Lemma le_vanishing (a b B top : R) : 0 < top -> 0 <= B -> (forall d, 0 < d <= top -> a <= b + d * B) -> a <= b.
Proof.
  intros Ht HB H. apply le_epsilon. intros eps He.
  assert (Hd : 0 < Rmin top (eps / (B + 1))) by (apply Rmin_glb_lt; [assumption|apply Rdiv_lt_0_compat; lra]).
  specialize (H (Rmin top (eps / (B + 1))) (conj Hd (Rmin_l _ _))). eapply Rle_trans; [exact H|].
  apply Rplus_le_compat_l. apply Rle_trans with (eps / (B + 1) * (B + 1)); [|right; field; lra].
  apply Rmult_le_compat; [lra|assumption|apply Rmin_r|lra].
Qed.

Section NearFit.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (c : X) (Rad K L sig : R).
Hypothesis K_pos : 0 <= K.
Hypothesis L_pos : 0 <= L.
Hypothesis sig_pos : 0 < sig.
Hypothesis diff : forall z, in_ball c Rad z -> differentiable_at M z.
Hypothesis bounded : forall z, in_ball c Rad z -> jac_bound M z K.
Hypothesis lip : forall z z', in_ball c Rad z -> in_ball c Rad z' -> jac_change M z z' (L * norm (z' ⊖ z)).
Hypothesis sigma_ball : forall z, in_ball c Rad z -> sigma_lower M z sig.

(** Gradient descent from z with a step as small as one likes ends at an exact fit that near. *)
Theorem zero_loss_nearby z r : norm (residual M y z) < sig * r -> norm (z ⊖ c) + r <= Rad ->
  exists p, in_ball z r p /\ F M p = y.
Proof.
  intros He Hroom. set (e := norm (residual M y z)) in *. assert (Pe : 0 <= e) by apply norm_pos.
  assert (Hr : 0 < r) by (apply Rmult_lt_reg_l with sig; lra).
  assert (Hin : forall x, in_ball z r x -> in_ball c Rad x).
  { intros x Hx. unfold in_ball in *. pose proof (norm_triang3 x z c). lra. }
  set (gap := sig - e / r). assert (Er : e / r * r = e) by (field; lra).
  assert (Hgap : 0 < gap <= sig).
  { assert (0 <= e / r) by (apply Rdiv_le_0_compat; assumption). split; [|unfold gap; lra].
    apply Rmult_lt_reg_r with r; [assumption|]. unfold gap. rewrite Rmult_minus_distr_r, Er. lra. }
  assert (HLKe : 0 <= L * K * e) by (apply Rmult_le_pos; [now apply Rmult_le_pos|assumption]).
  set (eta := Rmin (/ (K * K + 1)) (gap / (L * K * e + 1))). pose proof (Rle_0_sqr K) as K2. unfold Rsqr in K2.
  assert (Heta : 0 < eta) by (apply Rmin_glb_lt; [apply Rinv_0_lt_compat; lra|apply Rdiv_lt_0_compat; lra]).
  set (delta := / 2 * L * (eta * 1 * K * e)).
  assert (Hdelta : 0 <= delta <= gap / 2).
  { replace delta with (eta * (L * K * e) / 2) by (unfold delta; field).
    assert (A : eta * (L * K * e) <= gap / (L * K * e + 1) * (L * K * e + 1)).
    { apply Rmult_le_compat; [lra|assumption|apply Rmin_r|lra]. }
    replace (gap / (L * K * e + 1) * (L * K * e + 1)) with gap in A by (field; lra).
    pose proof (Rmult_le_pos _ _ (Rlt_le _ _ Heta) HLKe). lra. }
  destruct (staircase_certificate M y 1 eta z z 0 r K delta [(r, sig)] sig) as [C _]; try assumption; try (cbn; lra); try discriminate.
  - apply (centre_in z).
  - intros x x' Hx Hx'. apply (residual_lipschitz M y z r K); auto.
  - auto.
  - auto.
  - constructor; [|constructor]. cbn. auto.
  - apply (defect_lipschitz M y 1 eta z z r K L e); auto; try lra. unfold e. lra.
  - assert (A : eta * (K * K) <= / (K * K + 1) * (K * K + 1)) by (apply Rmult_le_compat; [lra|assumption|apply Rmin_l|lra]).
    rewrite Rinv_l in A by lra. lra.
  - cbn. fold e. apply Rle_trans with ((sig - gap) * r); [unfold gap; lra|].
    replace ((sig - delta) * (r - 0) + 0) with ((sig - delta) * r) by ring. apply Rmult_le_compat_r; lra.
  - destruct (limit _ _ _ _ _ _ _ _ _ _ C) as [p [Hp [HF _]]]. now exists p.
Qed.

(** ** The distance to the exact fits of the ball: an infimum, for in a space of any dimension no fit need be nearest.
    [distance_near] would give a fit by classical logic; to prove inequalities this form does. *)
Definition fit (p : X) : Prop := in_ball c Rad p /\ F M p = y.
Hypothesis fits : exists p, fit p.

Definition opposite (z : X) (t : R) : Prop := exists p, fit p /\ t = - norm (z ⊖ p).
Lemma opposite_bounded z : bound (opposite z).
Proof. exists 0. intros t [p [_ ->]]. pose proof (norm_pos (z ⊖ p)). lra. Qed.
Lemma opposite_some z : exists t, opposite z t.
Proof. destruct fits as [p Hp]. exists (- norm (z ⊖ p)), p. now split. Qed.
Definition distance (z : X) : R := - proj1_sig (completeness (opposite z) (opposite_bounded z) (opposite_some z)).

Lemma distance_le z p : fit p -> distance z <= norm (z ⊖ p).
Proof.
  intros Hp. unfold distance. destruct (completeness _ _ _) as [t [Hup Hleast]]. cbn.
  assert (- norm (z ⊖ p) <= t) by (apply Hup; now exists p). lra.
Qed.
Lemma distance_pos z : 0 <= distance z.
Proof.
  unfold distance. destruct (completeness _ _ _) as [t [Hup Hleast]]. cbn. assert (t <= 0); [|lra].
  apply Hleast. intros t' [p [_ ->]]. pose proof (norm_pos (z ⊖ p)). lra.
Qed.
Lemma distance_near z r a b : distance z < r -> (forall p, fit p -> norm (z ⊖ p) < r -> a <= b) -> a <= b.
Proof.
  intros Hr H. apply Rnot_lt_le. intros Hab.
  assert (r <= distance z); [|lra]. unfold distance in *. destruct (completeness _ _ _) as [t [Hup Hleast]]. cbn in *.
  assert (t <= - r); [|lra]. apply Hleast. intros t' [p [Hp ->]].
  assert (r <= norm (z ⊖ p)); [|lra]. apply Rnot_lt_le. intros Hn. specialize (H p Hp Hn). lra.
Qed.

(** [v] is the distance of z to the exact fits of the ball: their infimum. *)
Definition is_distance (z : X) (v : R) : Prop :=
  (forall p, fit p -> v <= norm (z ⊖ p)) /\ forall b, (forall p, fit p -> b <= norm (z ⊖ p)) -> b <= v.
Lemma distance_correct z : is_distance z (distance z).
Proof.
  split; [intros p; apply distance_le|]. intros b H. apply le_epsilon. intros eps He.
  apply (distance_near z (distance z + eps)); [lra|]. intros p Hp Hn. specialize (H p Hp). lra.
Qed.

(** |e| <= K V. *)
Lemma residual_distance z : in_ball c Rad z -> norm (residual M y z) <= K * distance z.
Proof.
  intros Hz. apply (le_vanishing _ _ K 1); [lra|assumption|]. intros d Hd.
  apply (distance_near z (distance z + d)); [lra|]. intros p [Hp Fp] Hn.
  pose proof (residual_lipschitz M y c Rad K p z diff bounded K_pos Hp Hz) as H.
  assert (E : norm (residual M y p) = 0) by (unfold residual; rewrite Fp; apply norm_self).
  pose proof (norm_minus_le (residual M y z) (residual M y p)).
  assert (K * norm (z ⊖ p) <= K * (distance z + d)) by (apply Rmult_le_compat_l; lra). lra.
Qed.

(** sigma V <= |e|, where there is room for it. *)
Lemma error_bound z : norm (residual M y z) < sig * (Rad - norm (z ⊖ c)) -> sig * distance z <= norm (residual M y z).
Proof.
  intros Hroom. set (e := norm (residual M y z)) in *.
  apply (le_vanishing _ _ 1 (sig * (Rad - norm (z ⊖ c)) - e)); [lra|lra|]. intros d Hd.
  destruct (zero_loss_nearby z ((e + d) / sig)) as [p [Hp Fp]].
  - fold e. replace (sig * ((e + d) / sig)) with (e + d) by (field; lra). lra.
  - apply Rmult_le_reg_l with sig; [assumption|].
    replace (sig * (norm (z ⊖ c) + (e + d) / sig)) with (sig * norm (z ⊖ c) + (e + d)) by (field; lra). lra.
  - assert (fit p).
    { split; [|assumption]. unfold in_ball in *. pose proof (norm_triang3 p z c).
      assert ((e + d) / sig <= Rad - norm (z ⊖ c)).
      { apply Rmult_le_reg_l with sig; [assumption|]. replace (sig * ((e + d) / sig)) with (e + d) by (field; lra). lra. }
      lra. }
    pose proof (distance_le z p H). unfold in_ball in Hp. rewrite norm_opp in Hp.
    apply Rle_trans with (sig * ((e + d) / sig)); [apply Rmult_le_compat_l; lra|right; field; lra].
Qed.
End NearFit.
