(** * A tanh network of width 16, certified inside Coq: numbers by coq-interval

    F_i(theta) = sum_{r=1}^{16} a_r tanh(w_ri) on x_1 = (1,0), x_2 = (0,1); labels (1, -1), loss
    1/2 |e|^2, step 1/20, all 48 weights trained.  The certificate is the residual form, with
    R = 3/4 and a table of five rows: the same inequalities the engine writes. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From Coq Require Import List.
From LPLR Require Import Inner Setting Path Residual Certificate Network Main NetworkCertificate Tanh.
From LPLR Require Constants.
From Interval Require Import Tactic.
From LPLR Require Import Numerics.
Import ListNotations.
Open Scope R_scope.

(** (a, w1, w2) per neuron: eight copies of a pair. *)
Definition pair_ : list (R * R * R) := [(1 / 10, 1, 1 / 2); (- (1 / 10), -1, 3 / 4)].
Definition tanh_weights : list (R * R * R) :=
  pair_ ++ pair_ ++ pair_ ++ pair_ ++ pair_ ++ pair_ ++ pair_ ++ pair_.
Definition tanh_net := net th dth (length tanh_weights).
Definition tanh_labels : outputs := (1, -1).

(** The numbers of the initialisation, in three values of tanh. *)
Lemma th_opp x : th (- x) = - th x.
Proof.
  unfold th. rewrite Ropp_involutive. pose proof (th_denominator x). field. lra.
Qed.
Lemma th_1 : 76159 / 100000 <= th 1 <= 76160 / 100000.
Proof. unfold th. split; interval with (i_prec 40). Qed.
Lemma th_half : 46211 / 100000 <= th (1 / 2) <= 46212 / 100000.
Proof. unfold th. split; interval with (i_prec 40). Qed.
Lemma th_34 : 63514 / 100000 <= th (3 / 4) <= 63515 / 100000.
Proof. unfold th. split; interval with (i_prec 40). Qed.

Ltac unfold_numbers :=
  cbn [tanh_weights pair_ app ntk11 ntk12 ntk22 out1 out2];
  unfold dth; replace (th (-1)) with (- th 1) by (rewrite <- th_opp; f_equal; lra);
  pose proof th_1; pose proof th_half; pose proof th_34;
  set (t1 := th 1) in *; set (t2 := th (1 / 2)) in *; set (t3 := th (3 / 4)) in *.

Lemma tanh_ntk11 : 9 <= ntk11 th dth tanh_weights <= 9309 / 1000.
Proof. unfold_numbers. split; interval with (i_prec 40). Qed.
Lemma tanh_ntk12 : Rabs (ntk12 th tanh_weights) <= 1055 / 1000.
Proof. unfold_numbers. interval with (i_prec 40). Qed.
Lemma tanh_ntk22 : 5012 / 1000 <= ntk22 th dth tanh_weights <= 5015 / 1000.
Proof. unfold_numbers. split; interval with (i_prec 40). Qed.
Lemma tanh_out1 : 12184 / 10000 <= out1 th tanh_weights <= 12187 / 10000.
Proof. unfold_numbers. split; interval with (i_prec 40). Qed.
Lemma tanh_out2 : - 1385 / 10000 <= out2 th tanh_weights <= - 1384 / 10000.
Proof. unfold_numbers. split; interval with (i_prec 40). Qed.

(** sqrt lambda0 >= 1.98, |J0| <= 3.23, |e0| <= 0.889, L_H <= 1.4 on the ball of radius 3/4. *)
Lemma tanh_numbers :
  network_numbers th dth (4 / 5) tanh_weights 1 (-1) (3 / 4) (323 / 100) (889 / 1000) (7 / 5)
    (198 / 100 * (198 / 100)) (1 / 10).
Proof.
  pose proof tanh_ntk11. pose proof tanh_ntk12. pose proof tanh_ntk22.
  pose proof tanh_out1. pose proof tanh_out2.
  constructor; try lra.
  - cbn. repeat split; first [rewrite Rabs_pos_eq; lra|rewrite Rabs_left; lra].
  - nra.
Qed.

Definition tanh_rows : list (R * R) :=
  [(15 / 100, 177 / 100); (30 / 100, 156 / 100); (45 / 100, 135 / 100); (60 / 100, 114 / 100)].

Lemma tanh_chain :
  residual_certificate 1 (1 / 20) (3 / 4) (323 / 100) (889 / 1000) (7 / 5 * (3 / 4)) (7 / 5)
    (93 / 100 * (93 / 100)) (squares tanh_rows).
Proof.
  assert (Hd : Constants.delta_residual (7 / 5 * (3 / 4)) (7 / 5) (889 / 1000) (1 / 20) (323 / 100) 1 <= 1335 / 10000).
  { unfold Constants.delta_residual. eapply Rle_trans; [apply Rmin_r|]. lra. }
  constructor; try lra.
  - cbn. lra.
  - unfold Constants.residual_step. lra.
  - rewrite sqrt_square by lra. lra.
  - cbn [squares tanh_rows map app fst snd supply]. unfold Constants.residual_panel.
    rewrite !sqrt_square by lra. lra.
Qed.

(** Gradient descent on the tanh network converges linearly to an exact fit of both labels. *)
Theorem tanh_network_converges :
  let theta := gd tanh_net tanh_labels 1 (1 / 20) (init tanh_weights) in
  (forall k, in_ball (init tanh_weights) (3 / 4) (theta k)) /\
  (forall k, loss tanh_net tanh_labels 1 (theta k)
             <= (93 / 100) ^ k * loss tanh_net tanh_labels 1 (init tanh_weights)) /\
  exists thstar, in_ball (init tanh_weights) (3 / 4) thstar /\
    F tanh_net thstar = tanh_labels /\ converges theta thstar.
Proof.
  intros theta.
  assert (Hrows : Forall (fun p => 0 <= fst p <= 3 / 4 /\ 0 <= snd p /\
            snd p <= sqrt (198 / 100 * (198 / 100)) - 7 / 5 * fst p) (tanh_rows ++ [(3 / 4, 93 / 100)])).
  { rewrite sqrt_square by lra. unfold tanh_rows, app. repeat (apply Forall_cons; [cbn; lra|]). apply Forall_nil. }
  assert (Hkap : 0 <= 4 / 5) by lra.
  pose proof (network_certificate th dth (4 / 5) th_derive th_lipschitz dth_le_1 dth_lipschitz Hkap
    tanh_weights 1 (-1) 1 (1 / 20) (3 / 4) (323 / 100) (889 / 1000) (7 / 5) _ (1 / 10) tanh_rows (93 / 100)
    tanh_numbers Hrows tanh_chain) as H. cbn zeta in H.
  destruct H as [_ _ Hin _ Hrate [l [Hl [HF [_ [Hc _]]]]]].
  split; [exact Hin|]. split.
  - intros k. eapply Rle_trans; [apply Hrate|].
    apply Rmult_le_compat_r; [apply loss_pos; lra|]. apply pow_incr.
    rewrite sqrt_square by lra. unfold Constants.residual_rate_loss.
    assert (Hd : 0 <= Constants.delta_residual (7 / 5 * (3 / 4)) (7 / 5) (889 / 1000) (1 / 20) (323 / 100) 1 <= 1335 / 10000).
    { unfold Constants.delta_residual. split.
      - apply Rmin_glb; lra.
      - eapply Rle_trans; [apply Rmin_r|]. lra. }
    set (d := Constants.delta_residual _ _ _ _ _ _) in *. split; nra.
  - exists l. auto.
Qed.
