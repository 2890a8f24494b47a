(** * tanh: the addition theorem, and what a few terms of its series miss *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Segment Tanh.
Open Scope R_scope.

Lemma th_add x y : th (x + y) = (th x + th y) / (1 + th x * th y).
Proof.
  rewrite !th_exp, Ropp_plus_distr, !exp_plus.
  pose proof (exp_pos x). pose proof (exp_pos (- x)). pose proof (exp_pos y). pose proof (exp_pos (- y)).
  set (a := exp x) in *. set (b := exp (- x)) in *. set (c := exp y) in *. set (d := exp (- y)) in *.
  assert (0 < a * c) by nra. assert (0 < b * d) by nra. field. repeat split; nra.
Qed.

Lemma th_0 : th 0 = 0.
Proof. rewrite th_exp, Ropp_0, exp_0. field. Qed.

Lemma th_opp x : th (- x) = - th x.
Proof. rewrite !th_exp, Ropp_involutive. pose proof (th_denominator x). field. lra. Qed.

Lemma compare (f f' g g' : R -> R) T : 0 <= T ->
  (forall t, is_derive f t (f' t)) -> (forall t, is_derive g t (g' t)) ->
  (forall t, 0 <= t <= T -> f' t <= g' t) -> f 0 = g 0 -> f T <= g T.
Proof.
  intros HT Hf Hg Hle H0.
  pose proof (mean_value_majorant f f' g g' T HT) as M. 
  assert (f T - f 0 <= g T - g 0); [|lra]. apply M; auto.
Qed.

Lemma th_nonneg x : 0 <= x -> 0 <= th x.
Proof.
  intros H. apply (compare (fun _ => 0) (fun _ => 0) th dth x H).
  - intros. apply @is_derive_const.
  - apply th_derive.
  - intros t _. pose proof (dth_bounds t). lra.
  - now rewrite th_0.
Qed.

Lemma th_le x : 0 <= x -> th x <= x.
Proof.
  intros H. apply (compare th dth (fun t => t) (fun _ => 1) x H).
  - apply th_derive.
  - intros. apply @is_derive_id.
  - intros t _. pose proof (dth_bounds t). lra.
  - apply th_0.
Qed.

(** Derivatives of polynomials ([auto_derive] would do, at the price of an axiom of classical logic). *)
Lemma d_mul (f g : R -> R) x a b : is_derive f x a -> is_derive g x b -> is_derive (fun t => f t * g t) x (a * g x + f x * b).
Proof. intros. apply (is_derive_mult f g); [assumption|assumption|]. intros. apply Rmult_comm. Qed.
Lemma d_plus (f g : R -> R) x a b : is_derive f x a -> is_derive g x b -> is_derive (fun t => f t + g t) x (a + b).
Proof. exact (is_derive_plus f g x a b). Qed.
Lemma d_minus (f g : R -> R) x a b : is_derive f x a -> is_derive g x b -> is_derive (fun t => f t - g t) x (a - b).
Proof. exact (is_derive_minus f g x a b). Qed.
Lemma d_const (c x : R) : is_derive (fun _ : R => c) x 0. Proof. apply @is_derive_const. Qed.
Lemma d_id (x : R) : is_derive (fun t : R => t) x 1. Proof. apply @is_derive_id. Qed.
Lemma d_cube x : is_derive (fun t : R => t * t * t) x (3 * (x * x)).
Proof.
  replace (3 * (x * x)) with ((1 * x + x * 1) * x + x * x * 1) by ring.
  exact (d_mul _ _ _ _ _ (d_mul _ _ _ _ _ (d_id x) (d_id x)) (d_id x)).
Qed.
Lemma d_fifth x : is_derive (fun t : R => t * t * t * t * t) x (5 * (x * x * x * x)).
Proof.
  replace (5 * (x * x * x * x)) with ((3 * (x * x) * x + x * x * x * 1) * x + x * x * x * x * 1) by ring.
  exact (d_mul _ _ _ _ _ (d_mul _ _ _ _ _ (d_cube x) (d_id x)) (d_id x)).
Qed.

Lemma th_cubic_low x : 0 <= x -> x - x * x * x / 3 <= th x.
Proof.
  intros H. apply (compare (fun t => t - t * t * t / 3) (fun t => 1 - t * t) th dth x H).
  - intros t. replace (1 - t * t) with (1 - (3 * (t * t) * / 3 + t * t * t * 0)) by field.
    exact (d_minus _ _ _ _ _ (d_id t) (d_mul _ _ _ _ _ (d_cube t) (d_const (/ 3) t))).
  - apply th_derive.
  - intros t Ht. unfold dth. pose proof (th_nonneg t ltac:(lra)). pose proof (th_le t ltac:(lra)). nra.
  - rewrite th_0. field.
Qed.

Lemma th_cubic_high x : 0 <= x <= 1 -> th x <= x - x * x * x / 3 + 2 * (x * x * x * x * x) / 15.
Proof.
  intros [H H1].
  apply (compare th dth (fun t => t - t * t * t / 3 + 2 * (t * t * t * t * t) / 15)
           (fun t => 1 - t * t + 2 * (t * t * t * t) / 3) x H).
  - apply th_derive.
  - intros t. replace (1 - t * t + 2 * (t * t * t * t) / 3)
      with (1 - (3 * (t * t) * / 3 + t * t * t * 0)
            + ((0 * (t * t * t * t * t) + 2 * (5 * (t * t * t * t))) * / 15 + 2 * (t * t * t * t * t) * 0)) by field.
    exact (d_plus _ _ _ _ _ (d_minus _ _ _ _ _ (d_id t) (d_mul _ _ _ _ _ (d_cube t) (d_const (/ 3) t)))
      (d_mul _ _ _ _ _ (d_mul _ _ _ _ _ (d_const 2 t) (d_fifth t)) (d_const (/ 15) t))).
  - intros t Ht. unfold dth. pose proof (th_cubic_low t ltac:(lra)) as Hl.
    assert (0 <= t * t <= 1) by nra.
    assert (0 <= t - t * t * t / 3) by nra.
    assert (0 <= t * t * (t * t) * (t * t)) by (apply Rmult_le_pos; [nra|lra]).
    assert ((t - t * t * t / 3) * (t - t * t * t / 3) <= th t * th t) by (apply Rmult_le_compat; assumption).
    nra.
  - rewrite th_0. field.
Qed.

(** Two terms of the Taylor series at x, with t = tanh x. *)
Lemma th_second_order x h : 0 <= x -> 0 <= h <= 1 / 2 ->
  let t := th x in let d := 1 - t * t in
  Rabs (th (x + h) - (t + d * h - d * (h * h) * t)) <= h * h * h / 3.
Proof.
  intros Hx Hh t d. pose proof (th_nonneg x Hx) as T0. pose proof (th_bounds x) as T1. fold t in T0, T1.
  pose proof (th_cubic_low h ltac:(lra)) as U0. pose proof (th_le h ltac:(lra)) as U1. pose proof (th_nonneg h ltac:(lra)) as U2.
  rewrite th_add. fold t. set (u := th h) in *.
  assert (Htu : 0 <= t * u) by (apply Rmult_le_pos; lra).
  assert (Hd : 0 <= d <= 1) by (unfold d; nra).
  (* the quotient is d u (1 - t u) plus a small square *)
  set (w := (t * u) * (t * u) / (1 + t * u)).
  assert (Hw : 0 <= w <= (t * u) * (t * u)).
  { unfold w. split; [apply Rdiv_le_0_compat; [apply Rle_0_sqr|lra]|].
    apply Rle_div_l; [lra|]. pose proof (Rle_0_sqr (t * u)) as S. unfold Rsqr in S. nra. }
  replace ((t + u) / (1 + t * u) - (t + d * h - d * (h * h) * t))
    with (d * u * w - d * ((h - u) * (1 - t * (u + h)))) by (unfold w, d; field; lra).
  assert (Hdt : d * (t * t) <= / 4).
  { unfold d. pose proof (Rle_0_sqr (t * t - / 2)) as S. unfold Rsqr in S. nra. }
  assert (Hu3 : u * u * u <= h * h * h).
  { assert (u * u <= h * h) by (apply Rmult_le_compat; lra). apply Rmult_le_compat; nra. }
  assert (H3 : 0 <= u * u * u) by (apply Rmult_le_pos; [apply Rmult_le_pos|]; assumption).
  assert (A : 0 <= d * u * w <= h * h * h / 4).
  { split; [apply Rmult_le_pos; [apply Rmult_le_pos; lra|lra]|].
    apply Rle_trans with (d * u * ((t * u) * (t * u))); [apply Rmult_le_compat_l; [apply Rmult_le_pos; lra|lra]|].
    replace (d * u * (t * u * (t * u))) with (d * (t * t) * (u * u * u)) by ring.
    assert (0 <= d * (t * t)) by (apply Rmult_le_pos; [lra|apply Rle_0_sqr]).
    apply Rle_trans with (/ 4 * (h * h * h)); [apply Rmult_le_compat; lra|lra]. }
  assert (B : 0 <= d * ((h - u) * (1 - t * (u + h))) <= h * h * h / 3).
  { assert (0 <= h - u <= h * h * h / 3) by lra.
    assert (0 <= 1 - t * (u + h) <= 1).
    { assert (0 <= t * (u + h)) by (apply Rmult_le_pos; lra). assert (t * (u + h) <= 1 * 1) by (apply Rmult_le_compat; lra). lra. }
    assert (0 <= (h - u) * (1 - t * (u + h))) by (apply Rmult_le_pos; lra).
    assert ((h - u) * (1 - t * (u + h)) <= h * h * h / 3 * 1) by (apply Rmult_le_compat; lra).
    split; [apply Rmult_le_pos; lra|].
    apply Rle_trans with (1 * (h * h * h / 3 * 1)); [apply Rmult_le_compat; lra|lra]. }
  apply Rabs_le. lra.
Qed.
