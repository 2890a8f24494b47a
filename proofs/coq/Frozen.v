(** * A two-layer network frozen at its centre, and the balls on which it is the network itself

    Freezing replaces each unit, sample by sample, by the smooth function that it is at the centre: itself for tanh and sigmoid, t |-> t
    or t |-> 0 for ReLU.  The frozen network has a Lipschitz Jacobian; where no unit leaves its side of the kink it has the same
    outputs and gradients. *)

From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting Path Relu Activation TwoLayer.
Open Scope R_scope.

(** Units that agree at the pre-activations of z. *)
Section Agree.
Variables (Y W : InnerSpace) (n m p : nat) (x : nat -> W) (y : nat -> Y) (s : R) (act act' dact dact' : nat -> nat -> R -> R).
Variable z : Params Y W m p.
Notation pre_ := (pre Y W m p x z).
Hypothesis agree : forall r i, (r < m)%nat -> (i < n)%nat -> act r i (pre_ r i) = act' r i (pre_ r i) /\ dact r i (pre_ r i) = dact' r i (pre_ r i).

Lemma agree_F : net_F Y W n m p x y s act z = net_F Y W n m p x y s act' z.
Proof.
  apply vec_ext. intros u. rewrite !inner_Rn. apply sum_ext. intros i Hi. unfold net_F. rewrite !entry_vector by assumption.
  do 3 f_equal. apply sum_ext. intros r Hr. unfold hid. now rewrite (proj1 (agree r i Hr Hi)).
Qed.
Lemma agree_J v : net_J Y W n m p x y s act dact z v = net_J Y W n m p x y s act' dact' z v.
Proof.
  apply vec_ext. intros u. rewrite !inner_Rn. apply sum_ext. intros i Hi. unfold net_J. rewrite !entry_vector by assumption.
  do 3 f_equal. apply sum_ext. intros r Hr. unfold hid, slope. now rewrite (proj1 (agree r i Hr Hi)), (proj2 (agree r i Hr Hi)).
Qed.
Lemma agree_JT u : net_JT Y W n m p x y s act dact z u = net_JT Y W n m p x y s act' dact' z u.
Proof.
  apply vec_ext. intros v. rewrite (inner_sym _ (net_JT _ _ _ _ _ _ _ _ act _ z u)), (inner_sym _ (net_JT _ _ _ _ _ _ _ _ act' _ z u)).
  now rewrite <- !net_adjoint, agree_J.
Qed.
End Agree.

Section Frozen.
Variables (Y W : InnerSpace) (n m p : nat) (x : nat -> W) (y : nat -> Y) (s : R) (a : activation) (c : Params Y W m p).
Notation pre_ z := (pre Y W m p x z).

Definition itself : Model (Params Y W m p) (Rn n) := network Y W n m p x y s (fun _ _ => act a) (fun _ _ => dact a).
Definition frozen_network : Model (Params Y W m p) (Rn n) :=
  network Y W n m p x y s (fun r i => frozen a (pre_ c r i)) (fun r i => dfrozen a (pre_ c r i)).

Lemma frozen_agrees z : (forall r i, a = Relu -> (r < m)%nat -> (i < n)%nat -> 0 < pre_ c r i <-> 0 < pre_ z r i) ->
  F itself z = F frozen_network z /\ forall u, JT itself z u = JT frozen_network z u.
Proof.
  intros H. assert (E : forall r i, (r < m)%nat -> (i < n)%nat ->
    act a (pre_ z r i) = frozen a (pre_ c r i) (pre_ z r i) /\ dact a (pre_ z r i) = dfrozen a (pre_ c r i) (pre_ z r i)).
  { intros r i Hr Hi. destruct (frozen_same a (pre_ c r i) (pre_ z r i)) as [-> ->]; [|now split]. intros Ha. now apply H. }
  split; [|intros u]; [apply agree_F with (dact := fun _ _ => dact a) (dact' := fun r i => dfrozen a (pre_ c r i))|apply agree_JT]; exact E.
Qed.

(** No unit changes its sign on the ball: each pre-activation is farther from the kink than the radius times |x_i|; on a sample
    with x_i = 0 all units stay on the kink. *)
Definition signs_kept (Rad : R) : Prop := a = Relu -> forall r i, (r < m)%nat -> (i < n)%nat ->
  norm (x i) = 0 \/ Rad * norm (x i) < Rabs (pre_ c r i).

Lemma sign_stays Rad z r i : signs_kept Rad -> a = Relu -> in_ball c Rad z -> (r < m)%nat -> (i < n)%nat -> 0 < pre_ c r i <-> 0 < pre_ z r i.
Proof.
  intros H Ha Hz Hr Hi. destruct (neuron_moves Y W m p c z r Hr) as [_ D]. unfold in_ball in Hz. unfold pre.
  destruct (H Ha r i Hr Hi) as [E|L].
  - assert (E0 : forall w, ⟨w, x i⟩ = 0).
    { intros w. pose proof (cauchy_schwarz_abs w (x i)) as C. rewrite E, Rmult_0_r in C. apply Rabs_le_between in C. lra. }
    now rewrite !E0.
  - apply sign_kept. eapply Rle_lt_trans; [|exact L]. apply Rmult_le_compat_r; [apply norm_pos|lra].
Qed.

Theorem frozen_network_certified Rad t eta (target : Rn n) th0 mu rate gam : signs_kept Rad ->
  certified frozen_network target t eta c th0 Rad mu rate gam -> certified itself target t eta c th0 Rad mu rate gam.
Proof.
  intros H. apply frozen_certified; intros z; intros; apply frozen_agrees; intros; now apply (sign_stays Rad).
Qed.
End Frozen.
