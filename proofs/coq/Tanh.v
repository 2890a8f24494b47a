(** * tanh, from exp: derivative, bounds, Lipschitz constants *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Segment.
Open Scope R_scope.

(** The standard library's tanh, sinh / cosh. *)
Notation th := tanh.
Definition dth (x : R) : R := 1 - th x * th x.

Lemma th_exp x : th x = (exp x - exp (- x)) / (exp x + exp (- x)).
Proof.
  unfold tanh, sinh, cosh. pose proof (exp_pos x). pose proof (exp_pos (- x)). field. lra.
Qed.

Lemma th_denominator x : 0 < exp x + exp (- x).
Proof. pose proof (exp_pos x). pose proof (exp_pos (- x)). lra. Qed.

Lemma exp_opp_derive x : is_derive (fun t => exp (- t)) x (- exp (- x)).
Proof.
  replace (- exp (- x)) with (scal (-1) (exp (- x))) by (unfold scal; cbn; unfold mult; cbn; ring).
  apply (is_derive_comp exp (fun t => - t)); [apply is_derive_exp|].
  apply (is_derive_ext (fun t => 0 + -1 * t)); [intros t; cbn; ring|]. apply derive_affine.
Qed.

(** Not by [auto_derive], which would bring in classical logic. *)
Lemma th_derive x : is_derive th x (dth x).
Proof.
  pose proof (th_denominator x).
  apply (is_derive_ext (fun t => (exp t - exp (- t)) / (exp t + exp (- t)))); [intros t; symmetry; apply th_exp|].
  replace (dth x) with (((exp x - - exp (- x)) * (exp x + exp (- x)) - (exp x - exp (- x)) * (exp x + - exp (- x)))
     / (exp x + exp (- x)) ^ 2) by (unfold dth; rewrite th_exp; field; lra).
  apply (is_derive_div (fun t => exp t - exp (- t)) (fun t => exp t + exp (- t))).
  - apply (is_derive_minus exp (fun t => exp (- t))); [apply is_derive_exp|apply exp_opp_derive].
  - apply (is_derive_plus exp (fun t => exp (- t))); [apply is_derive_exp|apply exp_opp_derive].
  - lra.
Qed.

Lemma th_bounds x : -1 < th x < 1.
Proof.
  pose proof (exp_pos x). pose proof (exp_pos (- x)). rewrite th_exp. split.
  - apply Rlt_div_r; lra.
  - apply Rlt_div_l; lra.
Qed.

Lemma dth_bounds x : 0 < dth x <= 1.
Proof. pose proof (th_bounds x). unfold dth. nra. Qed.

Lemma dth_le_1 x : Rabs (dth x) <= 1.
Proof. pose proof (dth_bounds x). rewrite Rabs_pos_eq; lra. Qed.

Lemma dth_derive x : is_derive dth x (- (2 * th x * dth x)).
Proof.
  unfold dth at 1.
  replace (- (2 * th x * dth x)) with (0 - (dth x * th x + th x * dth x)) by ring.
  apply (is_derive_minus (fun _ => 1) (fun x => th x * th x)).
  - apply @is_derive_const.
  - apply (is_derive_mult th th); [apply th_derive|apply th_derive|]. intros. apply Rmult_comm.
Qed.

(** |tanh''| <= 4/5 (the maximum is 4/(3 sqrt 3) = 0.7698...). *)
Lemma ddth_bound x : Rabs (- (2 * th x * dth x)) <= 77 / 100.
Proof.
  unfold dth. pose proof (th_bounds x) as [H1 H2]. set (t := th x) in *.
  (* 2 t (1 - t^2) <= 4/5 from (t - 0.5774)^2 (t + 1.1548) >= 0, and the same for -t *)
  assert (G : forall u, -1 < u < 1 -> 2 * u * (1 - u * u) <= 77 / 100).
  { intros u Hu.
    assert (0 <= (u - 5774 / 10000) * (u - 5774 / 10000) * (u + 11548 / 10000)) by (apply Rmult_le_pos; [apply Rle_0_sqr|lra]).
    destruct (Rle_dec u 0); nra. }
  apply Rabs_le. split; [|specialize (G (- t)); lra]. specialize (G t). lra.
Qed.

(** A function with |f'| <= k is k-Lipschitz. *)
Lemma lipschitz_of_derivative (f f' : R -> R) k :
  (forall x, is_derive f x (f' x)) -> (forall x, Rabs (f' x) <= k) ->
  forall x x', Rabs (f x' - f x) <= k * Rabs (x' - x).
Proof.
  intros Hd Hb.
  assert (W : forall a b, a <= b -> Rabs (f b - f a) <= k * (b - a)).
  { intros a b Hab.
    assert (U : forall g g', (forall x, is_derive g x (g' x)) -> (forall x, g' x <= k) -> g b - g a <= k * (b - a)).
    { intros g g' Hg Hg'.
      pose proof (mean_value_majorant (fun t => g (a + t)) (fun t => g' (a + t)) (fun t => 0 + k * t) (fun _ => k)
                    (b - a)) as M.
      cbn beta in M. replace (a + (b - a)) with b in M by ring. rewrite Rplus_0_r in M.
      assert (g b - g a <= 0 + k * (b - a) - (0 + k * 0)); [|lra]. apply M; [lra| | |].
      - intros t _. replace (g' (a + t)) with (1 * g' (a + t)) by ring.
        apply (is_derive_comp g (fun t => a + t)); [apply Hg|].
        apply (is_derive_ext (fun t => a + 1 * t)); [intros u; cbn; ring|apply derive_affine].
      - intros t _. apply derive_affine.
      - intros t _. apply Hg'. }
    apply Rabs_le. split.
    - specialize (U (fun x => - f x) (fun x => - f' x)). cbn beta in U.
      assert (- f b - - f a <= k * (b - a)); [|lra]. apply U.
      + intros x. apply (is_derive_opp f). apply Hd.
      + intros x. specialize (Hb x). apply Rabs_le_between in Hb. lra.
    - apply (U f f' Hd). intros x. specialize (Hb x). apply Rabs_le_between in Hb. lra. }
  intros x x'. destruct (Rle_dec x x').
  - rewrite (Rabs_pos_eq (x' - x)) by lra. now apply W.
  - rewrite <- Rabs_Ropp, (Rabs_left (x' - x)) by lra.
    replace (- (f x' - f x)) with (f x - f x') by ring. replace (- (x' - x)) with (x - x') by ring.
    apply W. lra.
Qed.

Lemma th_lipschitz x x' : Rabs (th x' - th x) <= Rabs (x' - x).
Proof.
  rewrite <- (Rmult_1_l (Rabs (x' - x))). apply (lipschitz_of_derivative th dth 1 th_derive dth_le_1).
Qed.

Lemma dth_lipschitz x x' : Rabs (dth x' - dth x) <= 77 / 100 * Rabs (x' - x).
Proof. exact (lipschitz_of_derivative dth _ (77 / 100) dth_derive ddth_bound x x'). Qed.
