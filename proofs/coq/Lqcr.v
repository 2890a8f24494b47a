(** * LPLR without quasi-convexity: F(a, w) = a tanh(w), one sample x = 1, y = 1/2  (claim lqcr_not_needed)

    Textbook definition: L is quasi-convex on D when its sublevel sets in D are convex.  On a ball
    about the midpoint of two exact fits the NTK is at least 0.57, so the ball is an LPLR; yet the
    midpoint itself is no fit, so the zero-loss set, hence a sublevel set, is not convex. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Rn Segment Setting Tanh.
From Interval Require Import Tactic.

(** coq-interval on Coq's own integers: its default computes with primitive floats and machine integers, whose
    specifications are axioms. *)
From Interval.Float Require Import Specific_stdz Specific_ops.
Module FloatZ := SpecificFloat StdZRadix2.
Module IntervalZ := Tactic.IntervalTactic FloatZ.
Import IntervalZ.
Open Scope R_scope.

Definition quasi_convex {X Y : InnerSpace} (M : Model X Y) (y : Y) (s : R) (D : X -> Prop) : Prop :=
  forall level z z' t, 0 <= t <= 1 -> D z -> D z' -> D (z ⊕ t ⋅ (z' ⊖ z)) ->
    loss M y s z <= level -> loss M y s z' <= level -> loss M y s (z ⊕ t ⋅ (z' ⊖ z)) <= level.

Definition plane : InnerSpace := product_space real_space real_space.

Definition one_neuron : Model plane real_space.
Proof.
  refine {| F := fun z : plane => fst z * th (snd z) : real_space;
            J := fun z v => (fst v * th (snd z) + fst z * dth (snd z) * snd v) : real_space;
            JT := fun z u => (u * th (snd z), u * (fst z * dth (snd z))) : plane |}.
  intros [a w] [da dw] u. cbn. unfold pinner; cbn. ring.
Defined.

Definition fit1 : plane := (1 / 2 / th 1, 1).
Definition fit2 : plane := (1 / 2 / th 2, 2).
Definition middle : plane := ((1 / 2 / th 1 + 1 / 2 / th 2) / 2, 3 / 2).

Lemma th_at_1 : 761 / 1000 <= th 1 <= 762 / 1000.
Proof. rewrite th_exp. split; interval with (i_prec 40). Qed.
Lemma th_at_2 : 964 / 1000 <= th 2 <= 965 / 1000.
Proof. rewrite th_exp. split; interval with (i_prec 40). Qed.
Lemma th_at_995 : 755 / 1000 <= th (995 / 1000).
Proof. rewrite th_exp. interval with (i_prec 40). Qed.

Lemma th_increasing x x' : x <= x' -> th x <= th x'.
Proof.
  intros H.
  pose proof (mean_value_le (fun t => - th (x + t)) (fun t => - dth (x + t)) (x' - x)) as M.
  cbn beta in M. replace (x + (x' - x)) with x' in M by ring. rewrite Rplus_0_r in M.
  assert (- th x' <= - th x); [|lra]. apply M; [lra| |].
  - intros t _. apply (is_derive_opp (fun t => th (x + t))).
    replace (dth (x + t)) with (1 * dth (x + t)) by ring.
    apply (is_derive_comp th (fun t => x + t)); [apply th_derive|].
    apply (is_derive_ext (fun t => x + 1 * t)); [intros u; cbn; ring|apply derive_affine].
  - intros t _. pose proof (dth_bounds (x + t)). lra.
Qed.

Lemma fit1_exact : F one_neuron fit1 = 1 / 2.
Proof. pose proof th_at_1. cbn. field. lra. Qed.
Lemma fit2_exact : F one_neuron fit2 = 1 / 2.
Proof. pose proof th_at_2. cbn. field. lra. Qed.

(** F(middle) = 0.5318...: off by more than 0.03. *)
Lemma middle_off : 53 / 100 <= F one_neuron middle.
Proof. cbn. rewrite !th_exp. interval with (i_prec 40). Qed.

Lemma middle_is_middle : fit1 ⊕ (1 / 2) ⋅ (fit2 ⊖ fit1) = middle.
Proof. unfold fit1, fit2, middle. cbn. unfold pplus, pscal; cbn. f_equal; field; pose proof th_at_1; pose proof th_at_2; lra. Qed.

Definition disc : plane -> Prop := in_ball middle (505 / 1000).

Lemma plane_norm_sq (a w a' w' : R) : ⟨((a, w) : plane) ⊖ (a', w'), ((a, w) : plane) ⊖ (a', w')⟩
  = (a - a') * (a - a') + (w - w') * (w - w').
Proof. cbn. unfold pinner, pplus, pscal; cbn. ring. Qed.

Lemma fit1_in : disc fit1.
Proof.
  apply norm_le_sq; [lra|]. unfold fit1, middle. rewrite plane_norm_sq.
  pose proof th_at_1. pose proof th_at_2. set (t1 := th 1) in *. set (t2 := th 2) in *.
  interval with (i_prec 40).
Qed.
Lemma fit2_in : disc fit2.
Proof.
  apply norm_le_sq; [lra|]. unfold fit2, middle. rewrite plane_norm_sq.
  pose proof th_at_1. pose proof th_at_2. set (t1 := th 1) in *. set (t2 := th 2) in *.
  interval with (i_prec 40).
Qed.
Lemma middle_in : disc middle.
Proof.
  apply norm_le_sq; [lra|]. unfold middle. rewrite plane_norm_sq.
  replace (_ + _) with 0 by ring. lra.
Qed.

(** On the disc w >= 0.995, so lambda >= tanh(0.995)^2 >= 0.57. *)
Lemma disc_w (a w : R) : disc ((a, w) : plane) -> 995 / 1000 <= w.
Proof.
  intros Hz. unfold disc, in_ball in Hz.
  set (d := minus (X := plane) (a, w) middle) in *.
  pose proof (norm_pos d) as Hp. pose proof (norm_sq d) as Hs.
  set (am := (1 / 2 / th 1 + 1 / 2 / th 2) / 2).
  assert (Hd : ⟨d, d⟩ = (a - am) * (a - am) + (w - 3 / 2) * (w - 3 / 2)) by apply plane_norm_sq.
  rewrite Hd in Hs. pose proof (Rle_0_sqr (a - am)) as Q. unfold Rsqr in Q.
  assert (Hn : norm d * norm d <= 505 / 1000 * (505 / 1000)) by nra.
  assert (Hw : (w - 3 / 2) * (w - 3 / 2) <= 505 / 1000 * (505 / 1000)) by lra.
  pose proof (Rsqr_le_abs_0 (w - 3 / 2) (505 / 1000) Hw) as H.
  rewrite (Rabs_pos_eq (505 / 1000)) in H by lra. apply Rabs_le_between in H. lra.
Qed.

Lemma form_lower (a w u : R) : 995 / 1000 <= w ->
  57 / 100 * (u * u) <= u * th w * (u * th w) + u * (a * dth w) * (u * (a * dth w)).
Proof.
  intros Hw. pose proof (th_increasing _ _ Hw) as Hth. pose proof th_at_995.
  assert (Hq : 57 / 100 <= th w * th w) by nra.
  pose proof (Rle_0_sqr (u * (a * dth w))) as Q. unfold Rsqr in Q.
  pose proof (Rle_0_sqr u) as U. unfold Rsqr in U. nra.
Qed.

Lemma disc_ntk z : disc z -> ntk_lower one_neuron z (57 / 100).
Proof.
  destruct z as [a w]. intros Hz u. rewrite ntk_form. exact (form_lower a w u (disc_w a w Hz)).
Qed.

(** The disc is an LPLR, and not an LQCR: v3's first two hypotheses are independent of each other. *)
Theorem lplr_without_quasi_convexity :
  LPLR one_neuron (1 / 2 : real_space) 1 disc (57 / 100) /\
  ~ quasi_convex one_neuron (1 / 2 : real_space) 1 disc.
Proof.
  split.
  - replace (57 / 100) with (1 * (57 / 100)) by ring.
    apply lplr_from_ntk; [lra|lra|exact disc_ntk].
  - intros Hq. specialize (Hq 0 fit1 fit2 (1 / 2)). rewrite middle_is_middle in Hq.
    assert (Hfit : forall z, F one_neuron z = 1 / 2 -> loss one_neuron (1 / 2 : real_space) 1 z <= 0).
    { intros z Hz. unfold loss, residual. rewrite Hz.
      change (1 / 2 * ((1 / 2 + -1 * (1 / 2)) * (1 / 2 + -1 * (1 / 2))) <= 0). lra. }
    specialize (Hq ltac:(lra) fit1_in fit2_in middle_in (Hfit _ fit1_exact) (Hfit _ fit2_exact)).
    pose proof middle_off as Hm. unfold loss, residual in Hq.
    set (f := F one_neuron middle) in *.
    change (1 / 2 * ((f + -1 * (1 / 2)) * (f + -1 * (1 / 2))) <= 0) in Hq.
    change (53 / 100 <= f) in Hm. nra.
Qed.
