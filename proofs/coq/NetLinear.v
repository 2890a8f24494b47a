(** * A linear network of width 2, certified inside Coq: all numbers rational

    Two-layer linear network on x_1 = (1,0), x_2 = (0,1): F_i = sum_r a_r w_ri, started at
    rational weights, labels (1/2, 0), loss 1/2 |e|^2, step 1/10. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From Coq Require Import List.
From LPLR Require Import Inner Setting Path Residual Certificate Integral Network NetworkCertificate.
Import ListNotations.
Open Scope R_scope.

Definition id_act (x : R) : R := x.
Definition id_dact (_ : R) : R := 1.

(** (a, w1, w2) per neuron *)
Definition linear_weights : list (R * R * R) := [(2, 0, 1 / 4); (0, 1, 1)].
Definition linear_net := net id_act id_dact (length linear_weights).

Lemma linear_numbers :
  network_numbers id_act id_dact 0 linear_weights (1 / 2) 0 (1 / 2) (5 / 2) (71 / 100) 1 (2 * 2) 2.
Proof.
  constructor; cbn; unfold id_act, id_dact; try lra.
  - repeat split; rewrite Rabs_pos_eq; lra.
  - rewrite Rabs_pos_eq; lra.
  - rewrite Rabs_pos_eq; lra.
  - rewrite Rabs_pos_eq; lra.
  - rewrite Rabs_pos_eq; lra.
Qed.

Lemma linear_chain : closed_chain 1 (1 / 10) (1 / 2) (5 / 2) (71 / 100) 1 (2 * 2).
Proof.
  assert (Hd : closed_delta 1 (1 / 10) (1 / 2) (5 / 2) (71 / 100) 1 <= 1065 / 10000).
  { unfold closed_delta, delta_of. eapply Rle_trans; [apply Rmin_l|]. lra. }
  assert (Hs : sqrt (2 * 2) = 2) by (apply sqrt_square; lra).
  constructor; rewrite ?Hs; lra.
Qed.

(** Gradient descent converges linearly to a point of the ball that fits both labels exactly. *)
Theorem linear_network_converges :
  let y := (1 / 2, 0) : outputs in
  let th := gd linear_net y 1 (1 / 10) (init linear_weights) in
  (forall k, in_ball (init linear_weights) (1 / 2) (th k)) /\
  (forall k, loss linear_net y 1 (th k) <= (63 / 100) ^ k * loss linear_net y 1 (init linear_weights)) /\
  exists thstar, in_ball (init linear_weights) (1 / 2) thstar /\ F linear_net thstar = y /\ converges th thstar.
Proof.
  intros y th.
  pose proof (network_closed_form id_act id_dact 0) as H.
  assert (H0 : forall x, is_derive id_act x (id_dact x)).
  { intros x. apply @is_derive_id. }
  specialize (H H0).
  assert (H1 : forall x x', Rabs (id_act x' - id_act x) <= Rabs (x' - x)) by (intros; unfold id_act; lra).
  assert (H2 : forall x, Rabs (id_dact x) <= 1) by (intros; unfold id_dact; rewrite Rabs_R1; lra).
  assert (H3 : forall x x', Rabs (id_dact x' - id_dact x) <= 0 * Rabs (x' - x)).
  { intros. unfold id_dact. rewrite Rminus_diag_eq by reflexivity. rewrite Rabs_R0. lra. }
  specialize (H H1 H2 H3 (Rle_refl 0) _ _ _ _ _ _ _ _ _ _ _ linear_numbers linear_chain). cbn zeta in H.
  destruct H as [_ _ Hin _ Hrate [l [Hl [HF [_ [Hc _]]]]]].
  split; [exact Hin|]. split.
  - intros k. eapply Rle_trans; [apply Hrate|].
    apply Rmult_le_compat_r; [apply loss_pos; lra|]. apply pow_incr.
    assert (Hs : sqrt (2 * 2) = 2) by (apply sqrt_square; lra). rewrite Hs.
    assert (Hd : 0 <= closed_delta 1 (1 / 10) (1 / 2) (5 / 2) (71 / 100) 1 <= 1065 / 10000).
    { unfold closed_delta, delta_of. split.
      - apply Rmin_glb; lra.
      - eapply Rle_trans; [apply Rmin_l|]. lra. }
    unfold residual_rate. set (d := closed_delta _ _ _ _ _ _) in *. split; nra.
  - exists l. auto.
Qed.
