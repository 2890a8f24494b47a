(** * The main theorem, with the certificate's inequalities in the exported constants

    The hypotheses below are the numerical inequalities that a [ball] certificate lists, written
    with the definitions exported from proofs/constants.py; the lemmas show that these are the
    expressions the proofs use.  See README.md for a sentence-by-sentence gloss. *)

From Coq Require Import Reals Lra Psatz List.
From LPLR Require Import Inner Rn Setting NtkStability Path Residual Certificate Classical.
From LPLR Require Constants.
Import ListNotations.
Open Scope R_scope.

(** ** The exported formulas are the ones the proofs use *)
Section Links.
Variables (s eta K0 e0 DR LH lamR delta sig c : R).

Lemma link_jacobian_norm_region : Constants.jacobian_norm_region DR K0 = K0 + DR.
Proof. unfold Constants.jacobian_norm_region. ring. Qed.
Lemma link_mu : Constants.mu lamR s = s * lamR.
Proof. unfold Constants.mu. ring. Qed.
Lemma link_residual_step : Constants.residual_step DR eta K0 s = eta * s * ((K0 + DR) * (K0 + DR)).
Proof. unfold Constants.residual_step. ring. Qed.
Lemma link_delta_residual : Constants.delta_residual DR LH e0 eta K0 s = delta_of s eta K0 e0 DR LH.
Proof.
  unfold Constants.delta_residual, delta_of. rewrite Rmin_comm. f_equal. field.
Qed.
Lemma link_residual_rate : Constants.residual_rate delta eta s sig = residual_rate s eta delta sig.
Proof. unfold Constants.residual_rate, residual_rate. ring. Qed.
Lemma link_residual_rate_loss :
  Constants.residual_rate_loss delta eta s sig = residual_rate s eta delta sig * residual_rate s eta delta sig.
Proof. unfold Constants.residual_rate_loss, residual_rate. ring. Qed.
Lemma link_smoothness : Constants.smoothness DR LH e0 K0 s = beta_of s K0 e0 DR LH.
Proof. unfold Constants.smoothness, beta_of. ring. Qed.
Lemma link_descent_fraction beta : Constants.descent_fraction beta eta = 1 - eta * beta / 2.
Proof. unfold Constants.descent_fraction. field. Qed.
Lemma link_rate_classical beta :
  Constants.rate_classical (1 - eta * beta / 2) eta (s * lamR) = classical_rate s eta beta lamR.
Proof. unfold Constants.rate_classical, classical_rate. ring. Qed.
End Links.

(** The lower sum of the integral of claim containment_residual: one exported panel per row of the table. *)
Fixpoint supply (delta previous : R) (table : list (R * R)) : R :=
  match table with
  | [] => 0
  | (rho, lam) :: rows => Constants.residual_panel delta (sqrt lam) (rho - previous) + supply delta rho rows
  end.

Lemma link_supply delta previous table : supply delta previous table = riemann delta previous (sigmas table).
Proof.
  revert previous. induction table as [|[rho lam] rows IH]; intros previous; [reflexivity|].
  cbn [supply sigmas map riemann fst snd]. rewrite IH. unfold Constants.residual_panel. fold (sigmas rows). ring.
Qed.

(** ** What the certificate checks *)
Section Chains.
Variables (s eta : R).                          (* loss scale and step size *)
Variables (Rad K0 e0 DR LH lamR : R).           (* R, jacobian_norm0, residual0, Delta_J(R), L_H(R), lambda_region *)
Variable table : list (R * R).                  (* rows (rho_j, lambda_j) below (R, lambda_region) *)

Let delta := Constants.delta_residual DR LH e0 eta K0 s.
Let beta := Constants.smoothness DR LH e0 K0 s.
Let c := Constants.descent_fraction beta eta.

(** Residual form. *)
Record residual_certificate : Prop := {
  rc_scale : 0 < s;
  rc_lr : 0 < eta;
  rc_radii : increasing 0 (table ++ [(Rad, lamR)]);
  rc_step : Constants.residual_step DR eta K0 s <= 1;
  rc_drift : delta < sqrt lamR;
  rc_path : e0 <= supply delta 0 (table ++ [(Rad, lamR)])
}.

(** Classical form. *)
Record classical_certificate : Prop := {
  kc_scale : 0 < s;
  kc_lr : 0 < eta;
  kc_radius : 0 <= Rad;
  kc_lambda : 0 < lamR;
  kc_smoothness : 0 < beta;
  kc_step : eta < Constants.step_bound beta;
  kc_path : Constants.path_classical c e0 lamR <= Rad
}.
End Chains.

(** ** Main theorem *)
Section Main.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (th0 : X).
Variables (Rad K0 e0 DR LH lamR : R) (table : list (R * R)).

Theorem certificate_residual :
  ball_ingredients M y th0 Rad K0 e0 DR LH lamR table ->
  residual_certificate s eta Rad K0 e0 DR LH lamR table ->
  let delta := Constants.delta_residual DR LH e0 eta K0 s in
  certified M y s eta th0 th0 Rad (Constants.mu lamR s)
    (Constants.residual_rate_loss delta eta s (sqrt lamR)) (sqrt lamR - delta).
Proof.
  intros Hing [H1 H2 H3 H4 H5 H6] delta. unfold delta in *.
  rewrite link_delta_residual in *. rewrite link_residual_step in H4. rewrite link_supply in H6.
  rewrite link_mu, link_residual_rate_loss.
  apply (ball_certificate_sound M y s eta th0 Rad K0 e0 DR LH lamR table Hing).
  constructor; assumption.
Qed.

(** The residual itself contracts. *)
Theorem certificate_residual_rate :
  ball_ingredients M y th0 Rad K0 e0 DR LH lamR table ->
  residual_certificate s eta Rad K0 e0 DR LH lamR table ->
  let delta := Constants.delta_residual DR LH e0 eta K0 s in
  forall k, norm (residual M y (gd M y s eta th0 k))
            <= Constants.residual_rate delta eta s (sqrt lamR) ^ k * norm (residual M y th0).
Proof.
  intros Hing [H1 H2 H3 H4 H5 H6] delta. unfold delta in *.
  rewrite link_delta_residual in *. rewrite link_residual_step in H4. rewrite link_supply in H6.
  rewrite link_residual_rate.
  apply (ball_certificate_sound M y s eta th0 Rad K0 e0 DR LH lamR table Hing).
  constructor; assumption.
Qed.

Theorem certificate_classical :
  ball_ingredients M y th0 Rad K0 e0 DR LH lamR table ->
  classical_certificate s eta Rad K0 e0 DR LH lamR ->
  let beta := Constants.smoothness DR LH e0 K0 s in
  let c := Constants.descent_fraction beta eta in
  certified M y s eta th0 th0 Rad (Constants.mu lamR s)
    (Constants.rate_classical c eta (Constants.mu lamR s)) (c * sqrt lamR).
Proof.
  intros Hing [H1 H2 H3 H4 H5 H6 H7] beta c. unfold c, beta in *.
  rewrite link_smoothness in *. rewrite link_descent_fraction in *. rewrite link_mu, link_rate_classical.
  apply (ball_certificate_sound_classical M y s eta th0 Rad K0 e0 DR LH lamR table Hing).
  constructor; assumption.
Qed.

(** Either chain proves the certificate's claim: PL region, containment, linear rate to zero loss. *)
Theorem ball_certificate :
  ball_ingredients M y th0 Rad K0 e0 DR LH lamR table ->
  residual_certificate s eta Rad K0 e0 DR LH lamR table \/ classical_certificate s eta Rad K0 e0 DR LH lamR ->
  exists rate gam, certified M y s eta th0 th0 Rad (Constants.mu lamR s) rate gam.
Proof.
  intros Hing [H|H]; eexists; eexists.
  - exact (certificate_residual Hing H).
  - exact (certificate_classical Hing H).
Qed.
End Main.

(** The same in coordinates: p parameters, N stacked outputs. *)
Corollary ball_certificate_Rn (p N : nat) (M : Model (Rn p) (Rn N)) (y : Rn N) (s eta : R) (th0 : Rn p)
    (Rad K0 e0 DR LH lamR : R) (table : list (R * R)) :
  ball_ingredients M y th0 Rad K0 e0 DR LH lamR table ->
  residual_certificate s eta Rad K0 e0 DR LH lamR table \/ classical_certificate s eta Rad K0 e0 DR LH lamR ->
  exists rate gam, certified M y s eta th0 th0 Rad (Constants.mu lamR s) rate gam.
Proof. apply ball_certificate. Qed.
