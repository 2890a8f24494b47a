(** * The activations of the formal part: tanh and the logistic sigmoid, with the bounds that a network needs *)

From Coq Require Import Reals Lra QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Segment Tanh.
Open Scope R_scope.

Inductive activation := Tanh | Sigmoid.

Definition sigmoid (x : R) : R := / (1 + exp (- x)).

Definition act (a : activation) : R -> R := match a with Tanh => tanh | Sigmoid => sigmoid end.
Definition dact (a : activation) (x : R) : R := match a with Tanh => dth x | Sigmoid => dth (x / 2) / 4 end.

(** Bounds of |act'| and |act''|. *)
Definition act_top (a : activation) : Q := match a with Tanh => 1 | Sigmoid => 1 # 4 end.
Definition act_bend (a : activation) : Q := match a with Tanh => 77 # 100 | Sigmoid => 77 # 800 end.

Lemma act_top_value a : Q2R (act_top a) = match a with Tanh => 1 | Sigmoid => / 4 end.
Proof. destruct a; unfold Q2R; cbn; field. Qed.
Lemma act_bend_value a : Q2R (act_bend a) = match a with Tanh => 77 / 100 | Sigmoid => 77 / 800 end.
Proof. destruct a; unfold Q2R; cbn; field. Qed.
Lemma act_top_range a : 0 <= Q2R (act_top a) <= 1.
Proof. rewrite act_top_value. destruct a; lra. Qed.
Lemma act_bend_pos a : 0 <= Q2R (act_bend a).
Proof. rewrite act_bend_value. destruct a; lra. Qed.

Lemma sigmoid_tanh x : sigmoid x = (1 + th (x / 2)) / 2.
Proof.
  rewrite th_exp. unfold sigmoid. pose proof (exp_pos (x / 2)). pose proof (exp_pos (- (x / 2))).
  assert (E : exp (- x) = exp (- (x / 2)) * exp (- (x / 2))) by (rewrite <- exp_plus; f_equal; field).
  assert (I : exp (x / 2) * exp (- (x / 2)) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0).
  rewrite E. set (a := exp (x / 2)) in *. set (b := exp (- (x / 2))) in *.
  assert (Ha : a = / b) by (apply Rmult_eq_reg_r with b; [rewrite I; field|]; lra). rewrite Ha. field.
  repeat split; try lra; try (assert (0 < b * b) by (apply Rmult_lt_0_compat; assumption); lra).
Qed.

Lemma half_derive x : is_derive (fun t : R => t / 2) x (/ 2).
Proof. apply (is_derive_ext (fun t => 0 + / 2 * t)); [intros t; cbn; field|apply derive_affine]. Qed.

Lemma act_derive a x : is_derive (act a) x (dact a x).
Proof.
  destruct a; [apply th_derive|]. cbn [act dact].
  apply (is_derive_ext (fun t => / 2 + / 2 * th (t / 2))); [intros t; rewrite sigmoid_tanh; cbn; field|].
  replace (dth (x / 2) / 4) with (0 + / 2 * (/ 2 * dth (x / 2))) by field.
  apply (is_derive_plus (fun _ => / 2) (fun t => / 2 * th (t / 2))); [apply @is_derive_const|].
  apply (is_derive_scal (fun t => th (t / 2))). apply (is_derive_comp th (fun t => t / 2)); [apply th_derive|apply half_derive].
Qed.

Lemma dact_le a x : Rabs (dact a x) <= Q2R (act_top a).
Proof.
  rewrite act_top_value. destruct a; [apply dth_le_1|]. cbn [dact]. unfold Rdiv at 1. rewrite Rabs_mult, (Rabs_pos_eq (/ 4)) by lra.
  pose proof (dth_le_1 (x / 2)). lra.
Qed.

Lemma dact_le_1 a x : Rabs (dact a x) <= 1.
Proof. pose proof (dact_le a x). pose proof (act_top_range a). lra. Qed.

Lemma act_lipschitz a x x' : Rabs (act a x' - act a x) <= Q2R (act_top a) * Rabs (x' - x).
Proof. apply (lipschitz_of_derivative (act a) (dact a)); [apply act_derive|apply dact_le]. Qed.

Lemma dact_lipschitz a x x' : Rabs (dact a x' - dact a x) <= Q2R (act_bend a) * Rabs (x' - x).
Proof.
  rewrite act_bend_value. destruct a; [apply dth_lipschitz|]. cbn [dact].
  replace (dth (x' / 2) / 4 - dth (x / 2) / 4) with ((dth (x' / 2) - dth (x / 2)) * / 4) by field.
  rewrite Rabs_mult, (Rabs_pos_eq (/ 4)) by lra. pose proof (dth_lipschitz (x / 2) (x' / 2)) as H.
  replace (x' / 2 - x / 2) with ((x' - x) * / 2) in H by field. rewrite Rabs_mult, (Rabs_pos_eq (/ 2)) in H by lra. lra.
Qed.

Lemma act_le_1 a x : Rabs (act a x) <= 1.
Proof.
  destruct a; cbn [act]; [|rewrite sigmoid_tanh].
  - pose proof (th_bounds x). apply Rabs_le. lra.
  - pose proof (th_bounds (x / 2)). apply Rabs_le. lra.
Qed.

(** The derivative from the value. *)
Lemma dact_value a x : dact a x = match a with Tanh => 1 - act a x * act a x | Sigmoid => act a x * (1 - act a x) end.
Proof. destruct a; cbn [act dact]; [reflexivity|]. rewrite sigmoid_tanh. unfold dth. field. Qed.
