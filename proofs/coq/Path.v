(** * From "the residual pays for the path" to convergence

    Both containment arguments (claims containment_classical and containment_residual) end in the same place: all
    iterates lie in the ball, each step costs gam * |step| of the residual, and
    the loss contracts.  This file draws the conclusion once. *)

From Coq Require Import Reals Lra Psatz Lia.
From LPLR Require Import Inner Setting MeanValue.
Open Scope R_scope.

Section PathLength.
Context {X : InnerSpace}.
Variable u : nat -> X.

Fixpoint path (k : nat) : R :=
  match k with O => 0 | S j => path j + norm (u (S j) ⊖ u j) end.

Lemma path_pos k : 0 <= path k.
Proof. induction k; cbn; [lra|]. pose proof (norm_pos (u (S k) ⊖ u k)). lra. Qed.

Lemma path_dist k j : norm (u (j + k)%nat ⊖ u k) <= path (j + k) - path k.
Proof.
  induction j; cbn.
  - rewrite norm_self. lra.
  - pose proof (norm_triang3 (u (S (j + k))) (u (j + k)%nat) (u k)). lra.
Qed.

Lemma path_from_0 k : norm (u k ⊖ u 0%nat) <= path k.
Proof. pose proof (path_dist 0 k) as H. rewrite Nat.add_0_r in H. cbn in H. lra. Qed.

Variables (E : nat -> R) (gam : R).
Hypothesis gam_pos : 0 < gam.
Hypothesis E_pos : forall k, 0 <= E k.
Hypothesis pays : forall k, gam * norm (u (S k) ⊖ u k) <= E k - E (S k).

Lemma path_paid k j : gam * (path (j + k) - path k) <= E k - E (j + k)%nat.
Proof.
  induction j; cbn; [lra|]. specialize (pays (j + k)). lra.
Qed.

(** Steps are summable. *)
Lemma path_summable k : path k <= E 0%nat / gam.
Proof.
  pose proof (path_paid 0 k) as H. rewrite Nat.add_0_r in H. cbn in H.
  pose proof (E_pos k). apply Rmult_le_reg_r with gam; [assumption|].
  unfold Rdiv. rewrite Rmult_assoc, Rinv_l; lra.
Qed.

Lemma tail_bound k j : norm (u (j + k)%nat ⊖ u k) <= E k / gam.
Proof.
  pose proof (path_dist k j). pose proof (path_paid k j). pose proof (E_pos (j + k)).
  apply Rmult_le_reg_r with gam; [assumption|].
  unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. nra.
Qed.

(** When E tends to 0 the iterates converge, at a distance that E bounds. *)
Theorem path_limit :
  (forall eps, 0 < eps -> exists n0, forall n, (n0 <= n)%nat -> E n < eps) ->
  exists l, converges u l /\ forall k, norm (u k ⊖ l) <= E k / gam.
Proof.
  intros E0.
  destruct (complete_norm u) as [l Hl].
  { intros eps He. destruct (E0 (gam * eps / 2)) as [n0 Hn0]; [apply Rdiv_lt_0_compat; nra|].
    exists n0. intros n m Hn Hm.
    pose proof (tail_bound n0 (n - n0)) as T1. pose proof (tail_bound n0 (m - n0)) as T2.
    replace (n - n0 + n0)%nat with n in T1 by lia. replace (m - n0 + n0)%nat with m in T2 by lia.
    rewrite norm_opp in T2. pose proof (norm_triang3 (u n) (u n0) (u m)).
    specialize (Hn0 n0 (le_n _)).
    assert (E n0 / gam < eps / 2).
    { apply Rmult_lt_reg_r with gam; [assumption|]. unfold Rdiv.
      rewrite Rmult_assoc, Rinv_l by lra. lra. }
    lra. }
  exists l. split; [assumption|]. intros k.
  apply Rnot_gt_le. intros Hgt.
  destruct (Hl (norm (u k ⊖ l) - E k / gam)) as [n0 Hn0]; [lra|].
  specialize (Hn0 (n0 + k)%nat). pose proof (tail_bound k n0) as T.
  rewrite norm_opp in T. pose proof (norm_triang3 (u k) (u (n0 + k)%nat) l).
  assert (n0 <= n0 + k)%nat by lia. specialize (Hn0 H0). lra.
Qed.
End PathLength.

(** A limit of points of a ball whose residuals vanish lies in the ball and fits the data: balls are closed, F is Lipschitz. *)
Lemma limit_fits {X Y : InnerSpace} (M : Model X Y) (y : Y) (c : X) (Rad K : R) : 0 <= K ->
  (forall z z', in_ball c Rad z -> in_ball c Rad z' -> norm (residual M y z' ⊖ residual M y z) <= K * norm (z' ⊖ z)) ->
  forall (u : nat -> X) (l : X), converges u l -> (forall k, in_ball c Rad (u k)) ->
  (forall eps, 0 < eps -> exists n0, forall n, (n0 <= n)%nat -> norm (residual M y (u n)) < eps) -> in_ball c Rad l /\ F M l = y.
Proof.
  intros HK lip u l Hl stays small.
  assert (Hin : in_ball c Rad l).
  { apply Rnot_gt_le. intros Hgt. destruct (Hl (norm (l ⊖ c) - Rad)) as [n Hn]; [lra|].
    specialize (Hn n (le_n _)). rewrite norm_opp in Hn. pose proof (norm_triang3 l (u n) c). specialize (stays n). unfold in_ball in stays. lra. }
  split; [assumption|]. apply norm_eq_0. change (norm (residual M y l) = 0).
  apply Rle_antisym; [|apply norm_pos]. apply Rnot_gt_le. intros Hgt.
  set (eps := norm (residual M y l) / (2 * (K + 1))). assert (Heps : 0 < eps) by (apply Rdiv_lt_0_compat; lra).
  assert (Heq : 2 * (K + 1) * eps = norm (residual M y l)) by (unfold eps; field; lra).
  destruct (Hl eps Heps) as [n1 H1]. destruct (small eps Heps) as [n2 H2].
  specialize (H1 (max n1 n2) (Nat.le_max_l _ _)). specialize (H2 (max n1 n2) (Nat.le_max_r _ _)).
  set (n := max n1 n2) in *. rewrite norm_opp in H1. pose proof (lip (u n) l (stays n) Hin).
  pose proof (norm_minus_le (residual M y l) (residual M y (u n))).
  assert (K * norm (l ⊖ u n) <= K * eps) by (apply Rmult_le_compat_l; lra). lra.
Qed.

(** ** The conclusion of every certificate: gradient descent from theta0, a region about c
    (scope [ball]: c = theta0; a run's end: c is the stored point, theta0 the exact iterate) *)
Record certified {X Y : InnerSpace} (M : Model X Y) (y : Y) (s eta : R) (c th0 : X)
    (Rad mu rate gam : R) : Prop := {
  (* the constants say something: mu > 0, a rate below 1 (unless the loss is 0 already), gam > 0 *)
  constants_ok : 0 < mu /\ 0 < gam /\ (0 < loss M y s th0 -> 0 <= rate < 1);
  (* the ball is a locally Polyak-Lojasiewicz region, and inf L = 0 on it *)
  lplr : LPLR M y s (in_ball c Rad) mu;
  (* gradient descent never leaves it *)
  contained : forall k, in_ball c Rad (gd M y s eta th0 k);
  (* its path has finite length *)
  summable : forall k, path (gd M y s eta th0) k <= norm (residual M y th0) / gam;
  (* the loss decreases linearly *)
  linear_rate : forall k, loss M y s (gd M y s eta th0 k) <= rate ^ k * loss M y s th0;
  (* the iterates converge to a point of the ball that fits the data, with this distance *)
  limit : exists thstar, in_ball c Rad thstar /\ F M thstar = y /\ loss M y s thstar = 0 /\
    converges (gd M y s eta th0) thstar /\
    forall k, norm (gd M y s eta th0 k ⊖ thstar) <= norm (residual M y (gd M y s eta th0 k)) / gam
}.

Section Conclusion.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (c th0 : X) (Rad K mu rate gam : R).
Let th := gd M y s eta th0.
Let e k := residual M y (th k).

Hypothesis s_pos : 0 < s.
Hypothesis Rad_pos : 0 <= Rad.
Hypothesis K_pos : 0 <= K.
Hypothesis mu_pos : 0 < mu.
Hypothesis gam_pos : 0 < gam.
(** F is Lipschitz on the ball: by the mean value inequality where it is differentiable, across kinks where it is not. *)
Hypothesis lip : forall z z', in_ball c Rad z -> in_ball c Rad z' -> norm (residual M y z' ⊖ residual M y z) <= K * norm (z' ⊖ z).
Hypothesis region : LPLR M y s (in_ball c Rad) mu.
Hypothesis stays : forall k, in_ball c Rad (th k).
Hypothesis pays : forall k, gam * norm (th (S k) ⊖ th k) <= norm (e k) - norm (e (S k)).
Hypothesis contracts : forall k, loss M y s (th (S k)) <= rate * loss M y s (th k).
Hypothesis rate_lt_1 : 0 < loss M y s th0 -> rate < 1.

(** A loss of 0 stays 0; otherwise the rate is in [0, 1) and its powers work. *)
Lemma loss_cases :
  (forall k, loss M y s (th k) = 0) \/ (0 <= rate < 1 /\ 0 < loss M y s th0).
Proof.
  pose proof (loss_pos M y s th0 (Rlt_le _ _ s_pos)) as H0.
  destruct (Req_dec (loss M y s th0) 0) as [Z|N].
  - left. induction k; [exact Z|].
    pose proof (loss_pos M y s (th (S k)) (Rlt_le _ _ s_pos)).
    specialize (contracts k). rewrite IHk in contracts. lra.
  - right. pose proof (loss_pos M y s (th 1) (Rlt_le _ _ s_pos)).
    specialize (contracts 0%nat). cbn in contracts, H. fold th in contracts.
    assert (0 < loss M y s th0) by lra. specialize (rate_lt_1 H1).
    repeat split; try assumption. cbn in *. apply Rnot_lt_le. intros Hn.
    unfold th in *; cbn in *. nra.
Qed.

Lemma loss_geometric k : loss M y s (th k) <= rate ^ k * loss M y s th0.
Proof.
  destruct loss_cases as [Z|[[Hr _] _]].
  - rewrite Z. change th0 with (th 0). rewrite (Z 0%nat). lra.
  - induction k; cbn [pow]; [unfold th; cbn; lra|].
    specialize (contracts k). pose proof (pow_le rate k Hr). nra.
Qed.

Lemma residual_vanishes :
  forall eps, 0 < eps -> exists n0, forall n, (n0 <= n)%nat -> norm (e n) < eps.
Proof.
  intros eps He.
  assert (Hloss : forall n, norm (e n) * norm (e n) = 2 / s * loss M y s (th n)).
  { intros n. unfold e, loss. rewrite norm_sq. field. lra. }
  assert (0 < 2 / s) by (apply Rdiv_lt_0_compat; lra).
  destruct loss_cases as [Z|[Hr Hpos]].
  - exists 0%nat. intros n _. specialize (Hloss n). rewrite Z in Hloss.
    pose proof (norm_pos (e n)). nra.
  - destruct (pow_lt_1_zero rate) with (y := eps * eps / (2 / s * loss M y s th0)) as [N HN].
    { rewrite Rabs_pos_eq; lra. }
    { apply Rdiv_lt_0_compat; nra. }
    exists N. intros n Hn. specialize (HN n Hn).
    rewrite Rabs_pos_eq in HN by (apply pow_le; lra).
    pose proof (loss_geometric n). specialize (Hloss n). pose proof (norm_pos (e n)).
    set (b := 2 / s * loss M y s th0) in *.
    assert (0 < b) by (unfold b; nra).
    apply (Rmult_lt_compat_r b) in HN; [|assumption].
    unfold Rdiv in HN at 1. rewrite Rmult_assoc, Rinv_l, Rmult_1_r in HN by lra.
    assert (norm (e n) * norm (e n) <= rate ^ n * b).
    { rewrite Hloss. unfold b. apply (Rmult_le_compat_l (2 / s)) in H0; lra. }
    nra.
Qed.

Theorem conclude : certified M y s eta c th0 Rad mu rate gam.
Proof.
  constructor; try assumption.
  - repeat split; try assumption; destruct loss_cases as [Z|[Hr _]]; try lra;
      specialize (Z 0%nat); unfold th in Z; cbn in Z; lra.
  - intros k. apply (path_summable th (fun k => norm (e k)) gam gam_pos); [|exact pays].
    intros; apply norm_pos.
  - exact loss_geometric.
  - destruct (path_limit th (fun k => norm (e k)) gam gam_pos) as [l [Hl Hdist]];
      [intros; apply norm_pos|exact pays|exact residual_vanishes|].
    destruct (limit_fits M y c Rad K K_pos lip th l Hl stays residual_vanishes) as [Hin HF].
    exists l. repeat split; try assumption. unfold loss, residual. rewrite HF, <- norm_sq, norm_self. ring.
Qed.
End Conclusion.
