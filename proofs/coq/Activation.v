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

(** The activation frozen at t: itself where it is smooth; for ReLU the linear function that it is about t, on t's side of the
    kink.  A unit that never changes its sign is its frozen self ([frozen_same]). *)
Definition frozen (a : activation) (t : R) : R -> R := match a with Relu => fun x => dact Relu t * x | _ => act a end.
Definition dfrozen (a : activation) (t : R) : R -> R := match a with Relu => fun _ => dact Relu t | _ => dact a end.

(** Bounds of |act'| and |act''|, frozen. *)
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

(** ** Frozen activations *)
Lemma frozen_derive a t x : is_derive (frozen a t) x (dfrozen a t x).
Proof.
  destruct a; cbn [frozen dfrozen]; [apply th_derive| |].
  - cbn [act dact]. apply (is_derive_ext (fun t => / 2 + / 2 * th (t / 2))); [intros u; rewrite sigmoid_tanh; cbn; field|].
    replace (dth (x / 2) / 4) with (0 + / 2 * (/ 2 * dth (x / 2))) by field.
    apply (is_derive_plus (fun _ => / 2) (fun t => / 2 * th (t / 2))); [apply @is_derive_const|].
    apply (is_derive_scal (fun t => th (t / 2))). apply (is_derive_comp th (fun t => t / 2)); [apply th_derive|apply half_derive].
  - set (p := dact Relu t). apply (is_derive_ext (fun u => 0 + p * u)); [intros u; cbn; ring|apply derive_affine].
Qed.

Lemma dact_le a x : Rabs (dact a x) <= Q2R (act_top a).
Proof.
  rewrite act_top_value. destruct a; [apply dth_le_1| |].
  - cbn [dact]. unfold Rdiv at 1. rewrite Rabs_mult, (Rabs_pos_eq (/ 4)) by lra. pose proof (dth_le_1 (x / 2)). lra.
  - pose proof (dact_relu x). apply Rabs_le. lra.
Qed.
Lemma dfrozen_le a t x : Rabs (dfrozen a t x) <= Q2R (act_top a).
Proof. destruct a; apply dact_le. Qed.

Lemma dact_le_1 a x : Rabs (dact a x) <= 1.
Proof. pose proof (dact_le a x). pose proof (act_top_range a). lra. Qed.

Lemma frozen_lipschitz a t x x' : Rabs (frozen a t x' - frozen a t x) <= Q2R (act_top a) * Rabs (x' - x).
Proof. apply (lipschitz_of_derivative (frozen a t) (dfrozen a t)); [apply frozen_derive|apply dfrozen_le]. Qed.

Lemma dfrozen_lipschitz a t x x' : Rabs (dfrozen a t x' - dfrozen a t x) <= Q2R (act_bend a) * Rabs (x' - x).
Proof.
  rewrite act_bend_value. destruct a; cbn [dfrozen]; [apply dth_lipschitz| |rewrite Rminus_eq_0, Rabs_R0; lra]. cbn [dact].
  replace (dth (x' / 2) / 4 - dth (x / 2) / 4) with ((dth (x' / 2) - dth (x / 2)) * / 4) by field.
  rewrite Rabs_mult, (Rabs_pos_eq (/ 4)) by lra. pose proof (dth_lipschitz (x / 2) (x' / 2)) as H.
  replace (x' / 2 - x / 2) with ((x' - x) * / 2) in H by field. rewrite Rabs_mult, (Rabs_pos_eq (/ 2)) in H by lra. lra.
Qed.

Lemma frozen_same a t x : (a = Relu -> (0 < t <-> 0 < x)) -> frozen a t x = act a x /\ dfrozen a t x = dact a x.
Proof.
  intros H. destruct a; try now split. cbn [frozen dfrozen]. rewrite act_relu.
  assert (E : dact Relu t = dact Relu x) by (specialize (H eq_refl); cbn; destruct (Rlt_dec 0 t), (Rlt_dec 0 x); tauto).
  now rewrite E.
Qed.

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
