(** * tanh and its derivative by their Taylor polynomials *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Segment Tanh.
Open Scope R_scope.

(** f(t + q) to first order, when f' is k-Lipschitz. *)
Lemma taylor_first (f f' : R -> R) k t q :
  (forall x, is_derive f x (f' x)) -> (forall x x', Rabs (f' x' - f' x) <= k * Rabs (x' - x)) ->
  Rabs (f (t + q) - f t - f' t * q) <= k / 2 * (q * q).
Proof.
  intros Hd Hl.
  assert (Der : forall u, is_derive (fun u => f (t + q * u)) u (q * f' (t + q * u))).
  { intros u. apply (is_derive_comp f (fun u => t + q * u)); [apply Hd|apply derive_affine]. }
  assert (Lin : forall a u, is_derive (fun u => a * u) u a).
  { intros a u. apply (is_derive_ext (fun u => 0 + a * u)); [intros; cbn; ring|apply derive_affine]. }
  assert (Sq : forall u, is_derive (fun u => k / 2 * (q * q) * (u * u)) u (2 * (k / 2 * (q * q)) * u)) by (intros u; apply derive_square).
  assert (B : forall u, 0 <= u <= 1 -> Rabs (q * f' (t + q * u) - f' t * q) <= 2 * (k / 2 * (q * q)) * u).
  { intros u Hu. replace (q * f' (t + q * u) - f' t * q) with (q * (f' (t + q * u) - f' t)) by ring. rewrite Rabs_mult.
    specialize (Hl t (t + q * u)). replace (t + q * u - t) with (q * u) in Hl by ring. rewrite Rabs_mult, (Rabs_pos_eq u) in Hl by lra.
    replace (2 * (k / 2 * (q * q)) * u) with (Rabs q * (k * (Rabs q * u))).
    - apply Rmult_le_compat_l; [apply Rabs_pos|exact Hl].
    - replace (Rabs q * (k * (Rabs q * u))) with (k * u * (Rabs q * Rabs q)) by ring. rewrite <- Rabs_mult, Rabs_pos_eq by apply Rle_0_sqr. field. }
  pose proof (mean_value_majorant (fun u => f (t + q * u) - f' t * q * u) (fun u => q * f' (t + q * u) - f' t * q)
    (fun u => k / 2 * (q * q) * (u * u)) (fun u => 2 * (k / 2 * (q * q)) * u) 1 ltac:(lra)) as M1.
  pose proof (mean_value_majorant (fun u => f' t * q * u - f (t + q * u)) (fun u => f' t * q - q * f' (t + q * u))
    (fun u => k / 2 * (q * q) * (u * u)) (fun u => 2 * (k / 2 * (q * q)) * u) 1 ltac:(lra)) as M2.
  cbn beta in M1, M2. rewrite !Rmult_0_r, !Rmult_1_r, !Rplus_0_r in M1, M2.
  assert (M1' := M1 (fun u _ => is_derive_minus _ _ u _ _ (Der u) (Lin _ u)) (fun u _ => Sq u)
    (fun u Hu => proj2 (proj1 (Rabs_le_between _ _) (B u Hu)))). clear M1.
  assert (M2' := M2 (fun u _ => is_derive_minus _ _ u _ _ (Lin _ u) (Der u)) (fun u _ => Sq u)
    (fun u Hu => ltac:(pose proof (proj1 (Rabs_le_between _ _) (B u Hu)); lra))). clear M2.
  apply Rabs_le. lra.
Qed.

Definition ddth (x : R) : R := - (2 * th x * dth x).

Lemma th_taylor t q : Rabs (th (t + q) - th t - dth t * q) <= 77 / 200 * (q * q).
Proof. replace (77 / 200) with (77 / 100 / 2) by field. apply taylor_first; [apply th_derive|apply dth_lipschitz]. Qed.

(** |tanh'''| = 2 (1 - tanh^2) |1 - 3 tanh^2| <= 2. *)
Lemma ddth_derive x : is_derive ddth x (- (2 * (dth x * (1 - 3 * (th x * th x))))).
Proof.
  replace (- (2 * (dth x * (1 - 3 * (th x * th x))))) with (- (2 * (dth x * dth x + th x * (- (2 * th x * dth x))))) by (unfold dth; ring).
  apply (is_derive_ext (fun y => - (2 * (th y * dth y)))); [intros y; unfold ddth; cbn; ring|].
  apply (is_derive_opp (fun y => 2 * (th y * dth y))). apply (is_derive_scal (fun y => th y * dth y)).
  apply (is_derive_mult th dth); [apply th_derive|apply dth_derive|]. intros. apply Rmult_comm.
Qed.
Lemma dddth_bound x : Rabs (- (2 * (dth x * (1 - 3 * (th x * th x))))) <= 2.
Proof.
  pose proof (th_bounds x) as [H1 H2]. unfold dth. set (t := th x) in *.
  assert (0 <= t * t <= 1) by nra. set (w := t * t) in *. apply Rabs_le. nra.
Qed.
Lemma dth_taylor t q : Rabs (dth (t + q) - dth t - ddth t * q) <= q * q.
Proof.
  replace (q * q) with (2 / 2 * (q * q)) by field.
  apply taylor_first; [apply dth_derive|]. apply (lipschitz_of_derivative ddth _ 2 ddth_derive dddth_bound).
Qed.
