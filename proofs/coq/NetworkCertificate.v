(** * From the numbers of a concrete two-layer network to its certificate *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From Coq Require Import List.
From LPLR Require Import Inner Setting NtkStability MeanValue Path Residual Certificate Integral Network Main.
From LPLR Require Constants.
Import ListNotations.
Open Scope R_scope.

Section NetworkCertificate.
Variables (act dact : R -> R) (kap : R).
Hypothesis act_derive : forall x, is_derive act x (dact x).
Hypothesis act_lip : forall x x', Rabs (act x' - act x) <= Rabs (x' - x).
Hypothesis dact_le_1 : forall x, Rabs (dact x) <= 1.
Hypothesis dact_lip : forall x x', Rabs (dact x' - dact x) <= kap * Rabs (x' - x).
Hypothesis kap_pos : 0 <= kap.

Variable weights0 : list (R * R * R).        (* the initialisation: (a, w1, w2) per neuron *)
Variables (y1 y2 s eta Rad K0 e0 L lam0 A : R).
Let M := net act dact (length weights0).
Let th0 := init weights0.
Let y : outputs := (y1, y2).

(** What has to be checked of the network itself. *)
Record network_numbers : Prop := {
  nn_Rad : 0 <= Rad;
  nn_A : 0 <= A;
  nn_outer : outer_le (length weights0) A th0;
  nn_L : 0 <= L;
  nn_L_large : 1 + (A + Rad) * kap * ((A + Rad) * kap) <= L * L;
  nn_L_disc : (A + Rad) * kap * ((A + Rad) * kap)
     <= (L * L - 1) * (L * L - 1 - (A + Rad) * kap * ((A + Rad) * kap));
  nn_lam0 : 0 <= lam0;
  nn_lam1 : Rabs (ntk12 act weights0) <= ntk11 act dact weights0 - lam0;
  nn_lam2 : Rabs (ntk12 act weights0) <= ntk22 act dact weights0 - lam0;
  nn_K0 : 0 <= K0;
  nn_K1 : ntk11 act dact weights0 + Rabs (ntk12 act weights0) <= K0 * K0;
  nn_K2 : ntk22 act dact weights0 + Rabs (ntk12 act weights0) <= K0 * K0;
  nn_e0 : 0 <= e0;
  nn_e : (out1 act weights0 - y1) * (out1 act weights0 - y1)
         + (out2 act weights0 - y2) * (out2 act weights0 - y2) <= e0 * e0
}.

Lemma network_lipschitz : network_numbers ->
  forall z z', in_ball th0 Rad z -> in_ball th0 Rad z' -> jac_change M z z' (L * norm (z' ⊖ z)).
Proof.
  intros [] z z' Hz _. apply (net_lipschitz act dact kap) with (A := A + Rad); try assumption; [lra|].
  now apply (outer_le_ball _ A th0).
Qed.

(** In closed form (Delta_J = L rho). *)
Theorem network_closed_form :
  network_numbers -> closed_chain s eta Rad K0 e0 L lam0 ->
  let sig := sqrt lam0 - L * Rad in
  let delta := closed_delta s eta Rad K0 e0 L in
  let q := residual_rate s eta delta sig in
  certified M y s eta th0 th0 Rad (s * (sig * sig)) (q * q) (sig - delta).
Proof.
  intros Hn Hc sig delta q. pose proof (network_lipschitz Hn) as HL. destruct Hn.
  apply (closed_form_sound M y s eta th0 Rad K0 e0 L lam0); try assumption.
  - now apply net_ntk_lower.
  - now apply net_jac_bound.
  - now apply net_residual.
  - intros z _. now apply net_differentiable.
Qed.

(** With a table of (rho_j, sigma_j), sigma_j <= sqrt lam0 - L rho_j: one application of the main theorem. *)
Definition squares (rows : list (R * R)) : list (R * R) := map (fun p => (fst p, snd p * snd p)) rows.

Theorem network_certificate (rows : list (R * R)) sigR :
  network_numbers ->
  Forall (fun p => 0 <= fst p <= Rad /\ 0 <= snd p /\ snd p <= sqrt lam0 - L * fst p) (rows ++ [(Rad, sigR)]) ->
  residual_certificate s eta Rad K0 e0 (L * Rad) L (sigR * sigR) (squares rows) ->
  let delta := Constants.delta_residual (L * Rad) L e0 eta K0 s in
  certified M y s eta th0 th0 Rad (Constants.mu (sigR * sigR) s)
    (Constants.residual_rate_loss delta eta s (sqrt (sigR * sigR))) (sqrt (sigR * sigR) - delta).
Proof.
  intros Hn Hrows Hchain. pose proof (network_lipschitz Hn) as HL. destruct Hn.
  assert (Hc0 : in_ball th0 Rad th0).
  { unfold in_ball. replace (th0 ⊖ th0) with (zero : params (length weights0)); [now rewrite norm_zero|].
    apply vec_ext. intros. autorewrite with inner. ring. }
  assert (Hch : forall r z, 0 <= r <= Rad -> in_ball th0 r z -> jac_change M th0 z (L * r)).
  { intros r z Hr Hz v. eapply Rle_trans; [apply (HL th0 z Hc0); unfold in_ball in *; lra|].
    apply Rmult_le_compat_r; [apply norm_pos|]. apply Rmult_le_compat_l; [assumption|exact Hz]. }
  assert (Hlam : ntk_lower M th0 lam0) by now apply net_ntk_lower.
  assert (HLR : 0 <= L * Rad) by now apply Rmult_le_pos.
  apply (certificate_residual M y s eta th0 Rad K0 e0 (L * Rad) L (sigR * sigR) (squares rows)); [|assumption].
  constructor; try assumption.
  - change (squares rows ++ [(Rad, sigR * sigR)]) with (squares rows ++ squares [(Rad, sigR)]).
    unfold squares. rewrite <- map_app. clear Hchain.
    induction Hrows as [|[r sg] tl [Hr [Hs Hsg]] _ IH]; cbn; constructor; [|exact IH].
    cbn in *. intros z Hz. apply ntk_of_sigma; [assumption|]. intros w.
    pose proof (weyl_sigma M th0 z lam0 (L * r) nn_lam3 ltac:(apply Rmult_le_pos; lra) Hlam (Hch r z Hr Hz) w).
    pose proof (norm_pos w). nra.
  - now apply net_jac_bound.
  - now apply net_residual.
  - intros z _. now apply net_differentiable.
  - intros z Hz. apply (Hch Rad); [lra|assumption].
  - tauto.
Qed.
End NetworkCertificate.
