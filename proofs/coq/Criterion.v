(** * The criterion of the checker: a table of radii, descent from the centre or from every point of a smaller ball

    The residual form (claim containment_residual) for descent from the centre c; for every start within d0 of c the
    displacement form (claim containment_displacement), with the rate from the largest residual on that smaller ball.  J may
    jump by kap: kinks that cross the ball; kap = 0 without them. *)

From Coq Require Import Reals Lra Psatz List.
From LPLR Require Import Inner Setting Path Residual Certificate Relu Region.
Import ListNotations.
Open Scope R_scope.

Section Criterion.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (c : X) (Rad K0 e0 drop LH kap : R) (st : list (R * R)).
Let K := K0 + drop * Rad.
Let sig := last_sigma 0 st.

(** The mean of J(theta) - J(theta_k) along a step, when the residual is at most e. *)
Definition drift_of (e : R) : R := / 2 * LH * (eta * s * K * e) + kap.

(** What has to be known of the network: |J| <= K0 + drop r on B(c, r), J moves by at most LH |z' - z| + kap on the ball,
    and every row (rho, sigma) of the table has sigma_min(J) >= sigma on B(c, rho). *)
Record facts : Prop := {
  f_s : 0 < s; f_eta : 0 < eta; f_R : 0 <= Rad; f_K0 : 0 <= K0; f_drop : 0 <= drop; f_LH : 0 <= LH; f_kap : 0 <= kap;
  f_kinks : piecewise_on_ball M c Rad;
  f_jac : forall r z, r <= Rad -> in_ball c r z -> jac_bound M z (K0 + drop * r);
  f_res : norm (residual M y c) <= e0;
  f_lip : forall z z', in_ball c Rad z -> in_ball c Rad z' -> jac_change M z z' (LH * norm (z' ⊖ z) + kap);
  f_stairs : Forall (fun p => forall z, in_ball c (fst p) z -> sigma_lower M z (snd p)) st;
  f_step : eta * s * (K * K) <= 1
}.
Hypothesis known : facts.

Lemma bound_everywhere z : in_ball c Rad z -> jac_bound M z K.
Proof. apply (f_jac known). lra. Qed.

Lemma K_nonneg r : 0 <= r -> 0 <= K0 + drop * r.
Proof. intros Hr. pose proof (f_K0 known). pose proof (Rmult_le_pos _ _ (f_drop known) Hr). lra. Qed.

Lemma drift_nonneg e : 0 <= e -> 0 <= drift_of e.
Proof.
  intros He. unfold drift_of. pose proof (f_s known). pose proof (f_eta known). pose proof (f_LH known). pose proof (f_kap known).
  pose proof (K_nonneg Rad (f_R known)) as HK. fold K in HK.
  assert (0 <= / 2 * LH * (eta * s * K * e)) by (apply Rmult_le_pos; [lra|]; repeat apply Rmult_le_pos; lra). lra.
Qed.

Lemma lipschitz_on r : r <= Rad -> forall z z', in_ball c r z -> in_ball c r z' ->
  norm (residual M y z' ⊖ residual M y z) <= (K0 + drop * r) * norm (z' ⊖ z).
Proof.
  intros Hr. assert (Hin : forall z, in_ball c r z -> in_ball c Rad z) by (unfold in_ball; intros; lra).
  apply residual_lipschitz_kinks; [|intros z Hz; now apply (f_jac known)].
  intros z v w Hz Hz'. apply (f_kinks known); now apply Hin.
Qed.

Lemma has_drift start e : norm (residual M y start) <= e -> defect M y s eta c start Rad (drift_of e).
Proof. apply defect_jumps; try apply known; [apply K_nonneg, (f_R known)|apply bound_everywhere]. Qed.

Lemma sigma_everywhere prev : st <> [] -> last_radius prev st = Rad -> forall z, in_ball c Rad z -> sigma_lower M z sig.
Proof.
  intros Hne Hl. rewrite <- Hl.
  exact (last_valid (fun r sg => forall z, in_ball c r z -> sigma_lower M z sg) prev 0 st Hne (f_stairs known)).
Qed.

Let reached delta start := certified M y s eta c start Rad (s * (sig * sig))
  (residual_rate s eta delta sig * residual_rate s eta delta sig) (sig - delta).

(** Descent from the centre. *)
Theorem from_centre : st <> [] -> increasing 0 st -> last_radius 0 st = Rad ->
  drift_of e0 < sig -> e0 <= riemann (drift_of e0) 0 st -> reached (drift_of e0) c.
Proof.
  intros Hne Hinc Hlast Hsig Hpay. pose proof (f_res known) as He. pose proof (norm_pos (residual M y c)).
  apply (staircase_certificate M y s eta c c 0 Rad K (drift_of e0) st sig); try assumption; try apply known.
  - apply K_nonneg, (f_R known).
  - apply drift_nonneg. lra.
  - lra.
  - apply (centre_in c).
  - apply lipschitz_on. lra.
  - apply bound_everywhere.
  - exact (sigma_everywhere 0 Hne Hlast).
  - now apply has_drift.
  - lra.
Qed.

(** Descent from any point within d0 of the centre: threshold E of the residual, largest residual e on the smaller ball. *)
Theorem from_ball d0 : let E := LH * (d0 * d0) + 2 * kap * d0 + 2 * e0 in let e := e0 + (K0 + drop * d0) * d0 in
  st <> [] -> 0 <= d0 -> increasing d0 st -> last_radius d0 st = Rad ->
  drift_of E < sig -> E <= riemann (drift_of E) d0 st -> drift_of e < sig ->
  forall start, in_ball c d0 start -> reached (drift_of e) start.
Proof.
  intros E e Hne Hd0 Hinc Hlast HE Hpay He start Hstart.
  pose proof (f_res known) as Hres. pose proof (norm_pos (residual M y c)) as Pres. pose proof (f_LH known) as HL. pose proof (f_kap known) as Hk.
  pose proof (last_radius_ge d0 st Hinc) as HR. rewrite Hlast in HR.
  assert (HE0 : 0 <= E).
  { unfold E. assert (0 <= LH * (d0 * d0)) by (apply Rmult_le_pos; [assumption|apply Rle_0_sqr]). assert (0 <= kap * d0) by now apply Rmult_le_pos. lra. }
  assert (Hin : forall r z, r <= Rad -> in_ball c r z -> in_ball c Rad z) by (unfold in_ball; intros; lra).
  assert (Hmost : norm (residual M y start) <= e).
  { assert (Hc : in_ball c d0 c) by (pose proof (centre_in c); unfold in_ball in *; lra).
    pose proof (lipschitz_on d0 HR c start Hc Hstart) as L. pose proof (norm_minus_le (residual M y start) (residual M y c)).
    assert ((K0 + drop * d0) * norm (start ⊖ c) <= (K0 + drop * d0) * d0) by (apply Rmult_le_compat_l; [now apply K_nonneg|exact Hstart]).
    unfold e. lra. }
  assert (Hstay : forall k, in_ball c Rad (gd M y s eta start k)).
  { apply (containment_displacement_paid M y s eta start c Rad (f_s known) (f_eta known) d0 K e0 (/ 2 * LH * (d0 * d0) + kap * d0) 1 E)
      with (Kr := K) (delta := drift_of E) (sig := sig) (st := st); try assumption; try lra; try apply known.
    - apply K_nonneg, (f_R known).
    - intros z Hz. apply bound_everywhere. now apply (Hin d0).
    - (* the remainder between z and c *)
      intros z Hz. pose proof (remainder_jumps M c Rad (f_kinks known) LH kap HL Hk (f_lip known) z c (Hin d0 z ltac:(lra) Hz)
        (Hin 0 c ltac:(lra) (centre_in c))) as Hrem.
      set (v := c ⊖ z) in *. unfold in_ball in Hz. rewrite norm_opp in Hz. fold v in Hz. pose proof (norm_pos v).
      eapply Rle_trans; [exact Hrem|].
      replace ((/ 2 * LH * norm v + kap) * norm v) with (/ 2 * LH * (norm v * norm v) + kap * norm v) by ring.
      apply Rplus_le_compat; apply Rmult_le_compat_l; try lra. apply Rmult_le_compat; assumption.
    - unfold E. lra.
    - apply K_nonneg, (f_R known).
    - now apply drift_nonneg.
    - apply lipschitz_on. lra.
    - apply bound_everywhere.
    - exact (sigma_everywhere d0 Hne Hlast).
    - intros z _ Hz. now apply has_drift. }
  apply (kept_certified M y s eta c start Rad K (drift_of e) sig); try assumption; try apply known.
  - apply K_nonneg, (f_R known).
  - apply lipschitz_on. lra.
  - apply bound_everywhere.
  - now apply has_drift.
  - apply drift_nonneg. pose proof (norm_pos (residual M y start)). lra.
  - exact (sigma_everywhere d0 Hne Hlast).
Qed.
End Criterion.
