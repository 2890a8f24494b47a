(** * The strictly lower triangular matrix of ones  (lemma triangular_ones)

    Partial sums b_t of u_0, u_1, ...: sum_(t < m) b_t^2 <= tau^2 sum_(t < m) u_t^2 with tau = 1/(2 sin(pi/(4m - 2))), the
    norm of that matrix.  With v_t = sin(t phi), phi = pi/(2m - 1), which solves v_(t+1) + v_(t-1) = 2 cos phi v_t:
    (b_(t+1) - b_t)^2 >= b_(t+1)^2 (1 - v_t/v_(t+1)) + b_t^2 (1 - v_(t+1)/v_t), and the sum telescopes. *)

From Coq Require Import Reals Lra Psatz Lia.
From LPLR Require Import Sums.
Open Scope R_scope.

Section Triangle.
Variables (u : nat -> R) (M : nat).
Let b t := sum t u.
Let phi := PI / (2 * INR M + 1).
Let v t := sin (INR t * phi).
Let kappa := 2 - 2 * cos phi.
Hypothesis M_pos : (1 <= M)%nat.

Lemma phi_times t : 0 <= INR M -> INR t * phi = PI * (INR t / (2 * INR M + 1)).
Proof. intros H. unfold phi. field. lra. Qed.

Lemma v_pos t : (1 <= t <= M)%nat -> 0 < v t.
Proof.
  intros [H1 H2]. apply le_INR in H1, H2. change (INR 1) with 1 in H1. pose proof PI_RGT_0 as P. unfold v. rewrite phi_times by lra.
  assert (0 < INR t / (2 * INR M + 1)) by (apply Rmult_lt_0_compat; [lra|apply Rinv_0_lt_compat; lra]).
  assert (INR t / (2 * INR M + 1) < 1) by (apply Rmult_lt_reg_r with (2 * INR M + 1); [lra|]; unfold Rdiv; rewrite Rmult_assoc, Rinv_l; lra).
  apply sin_gt_0; [now apply Rmult_lt_0_compat|]. rewrite <- (Rmult_1_r PI) at 2. now apply Rmult_lt_compat_l.
Qed.

Lemma v_next t : v (S (S t)) + v t = 2 * cos phi * v (S t).
Proof.
  unfold v. rewrite !S_INR. replace ((INR t + 1 + 1) * phi) with ((INR t + 1) * phi + phi) by ring.
  replace (INR t * phi) with ((INR t + 1) * phi - phi) by ring. rewrite sin_plus, sin_minus. ring.
Qed.

Lemma v_end : v (S M) = v M.
Proof.
  unfold v. rewrite <- sin_PI_x. f_equal. rewrite S_INR. unfold phi. pose proof (pos_INR M). field. lra.
Qed.

Lemma ground_state j : (S j <= M)%nat ->
  kappa * sum (S j) (fun t => b t * b t) + b (S j) * b (S j) * (1 - v j / v (S j)) <= sum (S j) (fun t => u t * u t).
Proof.
  induction j as [|j IH]; intros Hj.
  - cbn [sum]. unfold b at 1 2. cbn [sum]. assert (b 1%nat = u O) as -> by (unfold b; cbn; ring).
    replace (v O) with 0 by (unfold v; cbn; now rewrite Rmult_0_l, sin_0). unfold Rdiv. rewrite Rmult_0_l. lra.
  - specialize (IH ltac:(lia)). rewrite (sum_last (S j) (fun t => b t * b t)), (sum_last (S j) (fun t => u t * u t)).
    assert (Hb : u (S j) = b (S (S j)) - b (S j)) by (unfold b; rewrite (sum_last (S j)); ring). rewrite Hb.
    set (b0 := b (S j)) in *. set (b1 := b (S (S j))) in *. pose proof (v_pos (S j) ltac:(lia)) as P0. pose proof (v_pos (S (S j)) ltac:(lia)) as P1.
    pose proof (v_next j) as N. set (v0 := v (S j)) in *. set (v1 := v (S (S j))) in *.
    assert (K : kappa = (1 - v j / v0) + (1 - v1 / v0)).
    { unfold kappa. apply Rmult_eq_reg_r with v0; [|lra]. replace ((1 - v j / v0 + (1 - v1 / v0)) * v0) with (2 * v0 - (v1 + v j)) by (field; lra).
      rewrite N. ring. }
    assert (Q : 0 <= (b1 - v1 / v0 * b0) * (b1 - v1 / v0 * b0) * (v0 / v1)).
    { apply Rmult_le_pos; [apply Rle_0_sqr|]. left. apply Rmult_lt_0_compat; [assumption|now apply Rinv_0_lt_compat]. }
    replace ((b1 - v1 / v0 * b0) * (b1 - v1 / v0 * b0) * (v0 / v1))
      with ((b1 - b0) * (b1 - b0) - b1 * b1 * (1 - v0 / v1) - b0 * b0 * (1 - v1 / v0)) in Q by (field; lra).
    replace (kappa * (sum (S j) (fun t => b t * b t) + b0 * b0))
      with (kappa * sum (S j) (fun t => b t * b t) + b0 * b0 * (1 - v j / v0) + b0 * b0 * (1 - v1 / v0)); [lra|]. rewrite K. ring.
Qed.

Lemma partial_sums : kappa * sum (S M) (fun t => b t * b t) <= sum M (fun t => u t * u t).
Proof.
  set (j := pred M). assert (E : S j = M) by (unfold j; lia). pose proof (ground_state j ltac:(lia)) as G. pose proof (v_next j) as N.
  rewrite E in G, N. rewrite v_end in N. pose proof (v_pos M ltac:(lia)) as P. rewrite (sum_last M).
  assert (K : kappa = 1 - v j / v M).
  { unfold kappa. apply Rmult_eq_reg_r with (v M); [|lra]. replace ((1 - v j / v M) * v M) with (2 * v M - (v M + v j)) by (field; lra).
    rewrite N. ring. }
  rewrite <- K in G. lra.
Qed.
End Triangle.

Theorem triangular_ones (u : nat -> R) (m : nat) (tau : R) :
  (2 <= m)%nat -> / (2 * sin (PI / (4 * INR m - 2))) <= tau ->
  sum m (fun t => sum t u * sum t u) <= tau * tau * sum m (fun t => u t * u t).
Proof.
  intros Hm Htau. destruct m as [|M]; [lia|]. assert (1 <= INR M) by (apply (le_INR 1); lia).
  pose proof (partial_sums u M ltac:(lia)) as P. rewrite S_INR in Htau.
  set (half := PI / (4 * (INR M + 1) - 2)) in *. assert (Hphi : PI / (2 * INR M + 1) = 2 * half) by (unfold half; field; lra).
  rewrite Hphi, cos_2a_sin in P. pose proof PI_RGT_0 as PI0.
  assert (Hs : 0 < sin half).
  { apply sin_gt_0; unfold half; [apply Rmult_lt_0_compat; [assumption|apply Rinv_0_lt_compat; lra]|].
    apply Rmult_lt_reg_r with (4 * (INR M + 1) - 2); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra.
    apply Rmult_lt_compat_l with (r := PI) (r1 := 1); lra. }
  set (s := sin half) in *. assert (T : 1 <= 2 * s * tau).
  { apply (Rmult_le_compat_l (2 * s)) in Htau; [|lra]. rewrite Rinv_r in Htau; lra. }
  set (B := sum (S M) (fun t => sum t u * sum t u)) in *. assert (HB : 0 <= B) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  assert (Hu : sum M (fun t => u t * u t) <= sum (S M) (fun t => u t * u t)).
  { rewrite sum_last. pose proof (Rle_0_sqr (u M)) as Q. unfold Rsqr in Q. lra. }
  replace (2 - 2 * (1 - 2 * s * s)) with (2 * s * (2 * s)) in P by ring.
  assert (T2 : 1 <= 2 * s * tau * (2 * s * tau)) by (rewrite <- (Rmult_1_l 1) at 1; apply Rmult_le_compat; lra).
  apply (Rmult_le_compat_r B) in T2; [|assumption].
  apply Rle_trans with (tau * tau * (2 * s * (2 * s) * B)); [lra|].
  apply Rmult_le_compat_l; [apply Rle_0_sqr|lra].
Qed.

(** tau bounds the norm of the m by m matrix. *)
Definition triangle_norm (m : nat) (tau : R) : Prop :=
  match m with O | 1%nat => 0 <= tau | _ => / (2 * sin (PI / (4 * INR m - 2))) <= tau end.

Lemma triangle_norm_correct m tau : triangle_norm m tau ->
  0 <= tau /\ forall u, sum m (fun t => sum t u * sum t u) <= tau * tau * sum m (fun t => u t * u t).
Proof.
  destruct m as [|[|j]]; cbn [triangle_norm]; intros H.
  - split; [assumption|]. intros u. cbn. lra.
  - split; [assumption|]. intros u. cbn. pose proof (Rmult_le_pos _ _ (Rle_0_sqr tau) (Rle_0_sqr (u O))) as P. unfold Rsqr in P. lra.
  - split; [|intros u; apply triangular_ones; [lia|assumption]]. eapply Rle_trans; [|exact H]. left.
    apply Rinv_0_lt_compat, Rmult_lt_0_compat; [lra|]. rewrite !S_INR. pose proof (pos_INR j). pose proof PI_RGT_0.
    apply sin_gt_0; [apply Rmult_lt_0_compat; [assumption|apply Rinv_0_lt_compat; lra]|].
    apply Rmult_lt_reg_r with (4 * (INR j + 1 + 1) - 2); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra.
    apply Rmult_lt_compat_l with (r := PI) (r1 := 1); lra.
Qed.
