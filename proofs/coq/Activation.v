(** * The activations of the formal part: tanh, the logistic sigmoid and ReLU, with the bounds that a network needs *)

From Coq Require Import Reals Lra QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Segment Tanh.
Open Scope R_scope.

Inductive activation := Tanh | Sigmoid | Relu.

Lemma activation_relu (a : activation) : {a = Relu} + {a <> Relu}.
Proof. destruct a; [now right|now right|now left]. Qed.

Definition sigmoid (x : R) : R := / (1 + exp (- x)).

Definition act (a : activation) : R -> R := match a with Tanh => tanh | Sigmoid => sigmoid | Relu => Rmax 0 end.
(** At the kink of ReLU the rule of automatic differentiation: 0. *)
Definition dact (a : activation) (x : R) : R :=
  match a with Tanh => dth x | Sigmoid => dth (x / 2) / 4 | Relu => if Rlt_dec 0 x then 1 else 0 end.

(** The derivative with a given number p in place of that of ReLU: what a Jacobian is compared with across kinks. *)
Definition sided (a : activation) (p : R) : R -> R := match a with Relu => fun _ => p | _ => dact a end.

(** Bounds of |act'| and |act''|, the latter beside the kink. *)
Definition act_top (a : activation) : Q := match a with Sigmoid => 1 # 4 | _ => 1 end.
Definition act_bend (a : activation) : Q := match a with Tanh => 77 # 100 | Sigmoid => 77 # 800 | Relu => 0 end.

Lemma act_top_value a : Q2R (act_top a) = match a with Sigmoid => / 4 | _ => 1 end.
Proof. destruct a; unfold Q2R; cbn; field. Qed.
Lemma act_bend_value a : Q2R (act_bend a) = match a with Tanh => 77 / 100 | Sigmoid => 77 / 800 | Relu => 0 end.
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

Lemma dact_relu x : 0 <= dact Relu x <= 1.
Proof. cbn. destruct (Rlt_dec 0 x); lra. Qed.
Lemma act_relu x : act Relu x = dact Relu x * x.
Proof. cbn. unfold Rmax. destruct (Rle_dec 0 x), (Rlt_dec 0 x); lra. Qed.

(** ** Derivatives, Lipschitz constants *)
Lemma smooth_derive a x : a <> Relu -> is_derive (act a) x (dact a x).
Proof.
  intros H. destruct a; [apply th_derive| |easy].
  cbn [act dact]. apply (is_derive_ext (fun t => / 2 + / 2 * th (t / 2))); [intros u; rewrite sigmoid_tanh; cbn; field|].
  replace (dth (x / 2) / 4) with (0 + / 2 * (/ 2 * dth (x / 2))) by field.
  apply (is_derive_plus (fun _ => / 2) (fun t => / 2 * th (t / 2))); [apply @is_derive_const|].
  apply (is_derive_scal (fun t => th (t / 2))). apply (is_derive_comp th (fun t => t / 2)); [apply th_derive|apply half_derive].
Qed.

(** ... and off the kink. *)
Lemma act_derive a x : (a = Relu -> x <> 0) -> is_derive (act a) x (dact a x).
Proof.
  intros H. destruct (activation_relu a) as [->|N]; [|now apply smooth_derive]. specialize (H eq_refl).
  apply (is_derive_ext_loc (fun u => 0 + dact Relu x * u)); [|apply derive_affine].
  assert (P : 0 < Rabs x) by now apply Rabs_pos_lt. exists (mkposreal _ P). intros u Hu.
  assert (B : Rabs (u - x) < Rabs x) by exact Hu. rewrite Rplus_0_l, act_relu. f_equal. apply Rabs_def2 in B.
  cbn [dact]. unfold Rabs in B. destruct (Rcase_abs x), (Rlt_dec 0 x), (Rlt_dec 0 u); lra.
Qed.

Lemma dact_le a x : Rabs (dact a x) <= Q2R (act_top a).
Proof.
  rewrite act_top_value. destruct a; [apply dth_le_1| |].
  - cbn [dact]. unfold Rdiv at 1. rewrite Rabs_mult, (Rabs_pos_eq (/ 4)) by lra. pose proof (dth_le_1 (x / 2)). lra.
  - pose proof (dact_relu x). apply Rabs_le. lra.
Qed.
Lemma sided_le a p x : (a = Relu -> 0 <= p <= 1) -> Rabs (sided a p x) <= Q2R (act_top a).
Proof. intros Hp. destruct a; cbn [sided]; try apply dact_le. specialize (Hp eq_refl). rewrite act_top_value. apply Rabs_le. lra. Qed.

Lemma dact_le_1 a x : Rabs (dact a x) <= 1.
Proof. pose proof (dact_le a x). pose proof (act_top_range a). lra. Qed.

Lemma act_lipschitz a x x' : Rabs (act a x' - act a x) <= Q2R (act_top a) * Rabs (x' - x).
Proof.
  destruct (activation_relu a) as [->|N].
  - rewrite act_top_value. cbn [act]. unfold Rmax. destruct (Rle_dec 0 x), (Rle_dec 0 x'); split_Rabs; lra.
  - apply (lipschitz_of_derivative (act a) (dact a)); [intros; now apply smooth_derive|apply dact_le].
Qed.

Lemma sided_lipschitz a p x x' : Rabs (sided a p x' - sided a p x) <= Q2R (act_bend a) * Rabs (x' - x).
Proof.
  rewrite act_bend_value. destruct a; cbn [sided]; [apply dth_lipschitz| |rewrite Rminus_eq_0, Rabs_R0; lra]. cbn [dact].
  replace (dth (x' / 2) / 4 - dth (x / 2) / 4) with ((dth (x' / 2) - dth (x / 2)) * / 4) by field.
  rewrite Rabs_mult, (Rabs_pos_eq (/ 4)) by lra. pose proof (dth_lipschitz (x / 2) (x' / 2)) as H.
  replace (x' / 2 - x / 2) with ((x' - x) * / 2) in H by field. rewrite Rabs_mult, (Rabs_pos_eq (/ 2)) in H by lra. lra.
Qed.

Lemma sided_self a x : sided a (dact a x) x = dact a x.
Proof. now destruct a. Qed.

(** ** Values *)
Lemma act_le_1 a x : a <> Relu -> Rabs (act a x) <= 1.
Proof.
  intros H. destruct a; cbn [act]; [|rewrite sigmoid_tanh|easy].
  - pose proof (th_bounds x). apply Rabs_le. lra.
  - pose proof (th_bounds (x / 2)). apply Rabs_le. lra.
Qed.

(** The derivative from the value. *)
Lemma dact_value a x : dact a x =
  match a with Tanh => 1 - act a x * act a x | Sigmoid => act a x * (1 - act a x) | Relu => if Rlt_dec 0 (act a x) then 1 else 0 end.
Proof.
  destruct a; cbn [act dact]; [reflexivity|rewrite sigmoid_tanh; unfold dth; field|].
  unfold Rmax. destruct (Rle_dec 0 x), (Rlt_dec 0 x); try lra; destruct (Rlt_dec 0 0); lra.
Qed.
