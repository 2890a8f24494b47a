(** * One pass through the data in mini-batches, in any order  (claim minibatch_epoch)

    The step of a batch is gradient descent on its own part of the model.  The whole residual of a batch vanishes at an exact fit p, so the step brings the iterate nearer to p,
    whatever the other samples do. *)

From Coq Require Import Reals Lra Psatz Lia.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Setting MeanValue Path NearFit Batches.
Open Scope R_scope.

Section Epoch.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (eta : R).

Definition part_adjoint (b : batch Y) : forall th v w, ⟨pick b (J M th v), w⟩ = ⟨v, JT M th (pick b w)⟩.
Proof. intros. now rewrite project_sym, adjoint. Qed.
Definition part (b : batch Y) : Model X Y :=
  {| F := fun z => pick b (F M z); J := fun z v => pick b (J M z v); JT := fun z w => JT M z (pick b w); adjoint := part_adjoint b |}.
Definition labels (b : batch Y) : Y := pick b y.

(** Mini-batch descent from z: a step of gradient descent on one batch after the other. *)
Fixpoint inner_iterate (order : nat -> batch Y) (z : X) (t : nat) : X :=
  match t with O => z | S t => gd_step (part (order t)) (labels (order t)) (scale (order t)) eta (inner_iterate order z t) end.

Variables (c : X) (Rad L x : R).
Hypothesis L_pos : 0 <= L.
Hypothesis eta_pos : 0 < eta.
Hypothesis x_below : 0 < x < 2.
Hypothesis diff : forall z, in_ball c Rad z -> differentiable_at M z.
Hypothesis lip : forall z z', in_ball c Rad z -> in_ball c Rad z' -> jac_change M z z' (L * norm (z' ⊖ z)).
Let alpha := 2 - x.

(** x >= eta s_b |J_b|^2 on the ball. *)
Record usable (b : batch Y) : Prop := {
  u_scale : 0 < scale b; u_steep : 0 <= steep b;
  u_bound : forall z, in_ball c Rad z -> jac_bound (part b) z (steep b);
  u_step : eta * scale b * (steep b * steep b) <= x
}.

Definition error (b : batch Y) (z : X) : R := norm (residual (part b) (labels b) z).
Definition weight (b : batch Y) : R := eta * scale b.

Lemma error_project b z : residual (part b) (labels b) z = pick b (residual M y z).
Proof. unfold residual, labels. cbn. now rewrite project_minus. Qed.

Lemma weight_pos b : usable b -> 0 < weight b.
Proof. intros U. unfold weight. apply Rmult_lt_0_compat; [assumption|apply (u_scale _ U)]. Qed.

Lemma root_steep b : usable b -> sqrt (weight b) * steep b <= sqrt x.
Proof.
  intros U. pose proof (weight_pos b U). apply Rsqr_incr_0_var; [|apply sqrt_pos]. unfold Rsqr. rewrite sqrt_sqrt by lra.
  replace (sqrt (weight b) * steep b * (sqrt (weight b) * steep b)) with (sqrt (weight b) * sqrt (weight b) * (steep b * steep b)) by ring.
  rewrite sqrt_sqrt by lra. apply (u_step _ U).
Qed.

Lemma part_differentiable b z : differentiable_at M z -> differentiable_at (part b) z.
Proof.
  intros H v eps He. destruct (H v eps He) as [d [Hd Hdd]]. exists d. split; [assumption|]. intros t Ht.
  eapply Rle_trans; [|apply (Hdd t Ht)]. cbn. rewrite <- project_scal, <- !project_minus. apply project_le.
Qed.

(** The step of a batch: |J_b' e_b| <= |J_b| |e_b|. *)
Lemma slope_le b z : usable b -> in_ball c Rad z -> norm (JT M z (pick b (residual M y z))) <= steep b * error b z.
Proof.
  intros U Hz. unfold error. rewrite error_project.
  pose proof (JT_bound (part b) z (steep b) (pick b (residual M y z)) (u_steep _ U) (u_bound _ U z Hz)) as H. cbn in H.
  now rewrite project_idem in H.
Qed.

Lemma step_vector b z : gd_step (part b) (labels b) (scale b) eta z = z ⊖ weight b ⋅ JT M z (pick b (residual M y z)).
Proof.
  unfold gd_step, gradient. rewrite error_project. cbn. rewrite project_idem. unfold weight. apply vec_ext. intros w. autorewrite with inner. ring.
Qed.

(** ** One step towards an exact fit: D'^2 <= D^2 - alpha eps a^2 + 2 eps a q D with q = L D/2. *)
Lemma step_towards b z p : usable b -> in_ball c Rad z -> in_ball c Rad p -> F M p = y ->
  let z' := gd_step (part b) (labels b) (scale b) eta z in let D := norm (z ⊖ p) in let a := error b z in
  norm (z' ⊖ p) * norm (z' ⊖ p) <= D * D - alpha * (weight b * (a * a)) + 2 * (weight b * a * (/ 2 * L * D * D)).
Proof.
  intros U Hz Hp Fp z' D a. set (e := residual M y z). set (g := JT M z (pick b e)). pose proof (weight_pos b U) as We.
  assert (Ha : a * a = ⟨pick b e, pick b e⟩) by (unfold a, error; now rewrite error_project, norm_sq).
  set (r := F M p ⊖ F M z ⊖ J M z (p ⊖ z)).
  assert (Hr : norm r <= / 2 * L * D * D).
  { unfold D. rewrite (norm_opp z p). now apply (remainder_lipschitz M c Rad L). }
  assert (Hlin : J M z (z ⊖ p) = e ⊕ r).
  { assert (J M z (p ⊖ z) = (-1) ⋅ J M z (z ⊖ p)) as E.
    { rewrite <- J_scal. f_equal. apply vec_ext. intros w. autorewrite with inner. ring. }
    unfold r, e. rewrite E. generalize (J M z (z ⊖ p)). intros v. apply vec_ext. intros w. unfold residual. rewrite <- Fp. autorewrite with inner. ring. }
  assert (Hin : ⟨g, z ⊖ p⟩ = a * a + ⟨pick b e, r⟩).
  { unfold g. rewrite inner_sym, <- adjoint, Hlin, inner_sym, inner_plus_r, project_square. now rewrite Ha. }
  assert (Hcs : - ⟨pick b e, r⟩ <= a * (/ 2 * L * D * D)).
  { pose proof (cauchy_schwarz_abs (pick b e) r) as C. apply Rabs_le_between in C. unfold a, error. rewrite error_project. fold e.
    assert (norm (pick b e) * norm r <= norm (pick b e) * (/ 2 * L * D * D)) by (apply Rmult_le_compat_l; [apply norm_pos|assumption]). lra. }
  assert (Hg : weight b * ⟨g, g⟩ <= x * (a * a)).
  { pose proof (slope_le b z U Hz) as S. fold e in S. fold g a in S. pose proof (norm_pos g). rewrite <- norm_sq.
    assert (norm g * norm g <= steep b * a * (steep b * a)) by (apply Rmult_le_compat; assumption).
    apply Rle_trans with (weight b * (steep b * a * (steep b * a))); [apply Rmult_le_compat_l; lra|].
    replace (weight b * (steep b * a * (steep b * a))) with (eta * scale b * (steep b * steep b) * (a * a)) by (unfold weight; ring).
    apply Rmult_le_compat_r; [apply Rle_0_sqr|apply (u_step _ U)]. }
  rewrite norm_sq. unfold z'. rewrite step_vector. fold e g.
  replace (z ⊖ weight b ⋅ g ⊖ p) with ((z ⊖ p) ⊖ weight b ⋅ g) by (apply vec_ext; intros; autorewrite with inner; ring).
  assert (Hexp : ⟨(z ⊖ p) ⊖ weight b ⋅ g, (z ⊖ p) ⊖ weight b ⋅ g⟩ = D * D - 2 * weight b * ⟨g, z ⊖ p⟩ + weight b * (weight b * ⟨g, g⟩)).
  { unfold D. rewrite norm_sq. generalize (z ⊖ p). intros v. autorewrite with inner. rewrite (inner_sym _ v g). ring. }
  rewrite Hexp, Hin. unfold alpha.
  assert (weight b * (weight b * ⟨g, g⟩) <= weight b * (x * (a * a))) by (apply Rmult_le_compat_l; lra).
  assert (weight b * - ⟨pick b e, r⟩ <= weight b * (a * (/ 2 * L * D * D))) by (apply Rmult_le_compat_l; lra). lra.
Qed.

(** ** An epoch of m batches from z, near an exact fit p at distance D0 *)
Variables (order : nat -> batch Y) (m : nat) (z : X).
Hypothesis all_usable : forall t, (t < m)%nat -> usable (order t).
Let th := inner_iterate order z.
Let eps t := weight (order t).
(** u_t = sqrt eps_t |e_{b_t}| at the iterate that the batch meets; S^2 = sum u_t^2. *)
Definition pull (t : nat) : R := sqrt (eps t) * error (order t) (th t).
Definition moved : R := sqrt (sum m (fun t => pull t * pull t)).

Lemma pull_pos t : 0 <= pull t.
Proof. apply Rmult_le_pos; [apply sqrt_pos|apply norm_pos]. Qed.
Lemma eps_pos t : (t < m)%nat -> 0 < eps t.
Proof. intros Ht. now apply weight_pos, all_usable. Qed.
Lemma pull_sq t : (t < m)%nat -> pull t * pull t = eps t * (error (order t) (th t) * error (order t) (th t)).
Proof.
  intros Ht. unfold pull. pose proof (sqrt_sqrt (eps t) (Rlt_le _ _ (eps_pos t Ht))) as E. rewrite <- E at 3. ring.
Qed.
Lemma moved_sq : moved * moved = sum m (fun t => pull t * pull t).
Proof. apply sqrt_sqrt, sum_nonneg. intros. apply Rle_0_sqr. Qed.

Section Towards.
Variables (p : X) (g E : R).
Let D t := norm (th t ⊖ p).
Let D0 := D O.
Hypothesis p_in : in_ball c Rad p.
Hypothesis p_fits : F M p = y.
Hypothesis g_ge : 1 <= g.
Hypothesis near_p : forall z', norm (z' ⊖ p) <= g * D0 -> in_ball c Rad z'.
Hypothesis total : sum m eps <= E.
Let q := / 2 * L * (g * D0).                          (* |J_b(theta) - mean of J_b over the segment to p| *)
Hypothesis drift : E * (q * q) < alpha.               (* Q^2 < alpha *)
Hypothesis growth : alpha <= g * g * (alpha - E * (q * q)).

Lemma D_pos t : 0 <= D t. Proof. apply norm_pos. Qed.
Lemma q_pos : 0 <= q.
Proof. unfold q. pose proof (D_pos 0) as H. fold D0 in H. apply Rmult_le_pos; [lra|]. apply Rmult_le_pos; lra. Qed.
Lemma spent_le t : (t <= m)%nat -> sum t eps <= E.
Proof.
  intros Ht. eapply Rle_trans; [|exact total]. clear - all_usable Ht eta_pos eps. induction Ht as [|k Hk IH]; [lra|].
  rewrite sum_last. assert (0 < eps k) by (apply weight_pos, all_usable; lia).
  assert (sum t eps <= sum k eps) by (apply IH; intros; apply all_usable; lia). lra.
Qed.

Lemma close_of_grown t : (t <= m)%nat -> D t * D t * (alpha - q * q * sum t eps) <= alpha * (D0 * D0) -> D t <= g * D0.
Proof.
  intros Ht H. pose proof (spent_le t Ht). pose proof (D_pos t). pose proof (D_pos 0) as P0. fold D0 in P0. pose proof (Rle_0_sqr q) as Q2. unfold Rsqr in Q2.
  assert (q * q * sum t eps <= E * (q * q)) by (rewrite (Rmult_comm E); apply Rmult_le_compat_l; assumption).
  assert (D t * D t * (alpha - E * (q * q)) <= D t * D t * (alpha - q * q * sum t eps)) by (apply Rmult_le_compat_l; [apply Rle_0_sqr|lra]).
  assert (alpha * (D0 * D0) <= g * g * (alpha - E * (q * q)) * (D0 * D0)) by (apply Rmult_le_compat_r; [apply Rle_0_sqr|assumption]).
  assert (Hsq : D t * D t <= g * D0 * (g * D0)).
  { apply Rmult_le_reg_r with (alpha - E * (q * q)); [lra|]. lra. }
  apply Rsqr_incr_0_var; [exact Hsq|apply Rmult_le_pos; lra].
Qed.

(** The step of batch t, with the drift q for the whole epoch. *)
Lemma towards t : (t < m)%nat -> D t <= g * D0 ->
  D (S t) * D (S t) <= D t * D t - alpha * (pull t * pull t) + 2 * (eps t * error (order t) (th t) * q * D t).
Proof.
  intros Ht Hc. pose proof (step_towards (order t) (th t) p (all_usable t Ht) (near_p _ Hc) p_in p_fits) as H.
  cbn zeta in H. change (gd_step (part (order t)) (labels (order t)) (scale (order t)) eta (th t)) with (th (S t)) in H.
  fold (D t) in H. fold (D (S t)) in H. fold (eps t) in H. rewrite pull_sq by assumption.
  set (a := error (order t) (th t)) in *. assert (0 <= a) by apply norm_pos. pose proof (eps_pos t Ht). pose proof (D_pos t).
  assert (/ 2 * L * D t * D t <= q * D t).
  { apply Rmult_le_compat_r; [assumption|]. unfold q. apply Rmult_le_compat_l; lra. }
  assert (eps t * a * (/ 2 * L * D t * D t) <= eps t * a * (q * D t)) by (apply Rmult_le_compat_l; [apply Rmult_le_pos; lra|assumption]). lra.
Qed.

(** (i) Within an epoch the distance grows by g at most. *)
Lemma grown t : (t <= m)%nat -> D t * D t * (alpha - q * q * sum t eps) <= alpha * (D0 * D0).
Proof.
  induction t as [|t IH]; intros Ht; [cbn [sum]; fold D0; lra|]. specialize (IH ltac:(lia)).
  pose proof (towards t ltac:(lia) (close_of_grown t ltac:(lia) IH)) as H. pose proof (spent_le (S t) Ht) as Sp. rewrite sum_last in Sp |- *.
  rewrite pull_sq in H by lia. set (a := error (order t) (th t)) in *. set (s := sum t eps) in *. pose proof (eps_pos t ltac:(lia)) as Pe.
  assert (Ps : 0 <= s) by (apply sum_nonneg; intros; left; apply eps_pos; lia).
  set (q2 := q * q) in *. assert (Q2 : 0 <= q2) by apply Rle_0_sqr.
  assert (HE : q2 * (s + eps t) <= E * q2) by (rewrite (Rmult_comm E); apply Rmult_le_compat_l; assumption).
  assert (Pa : 0 < alpha) by (unfold alpha; lra).
  (* alpha D'^2 <= (alpha + eps q^2) D^2: the square of alpha a - q D *)
  assert (Hstep : alpha * (D (S t) * D (S t)) <= (alpha + eps t * q2) * (D t * D t)).
  { assert (0 <= eps t * ((alpha * a - q * D t) * (alpha * a - q * D t))) by (apply Rmult_le_pos; [lra|apply Rle_0_sqr]).
    apply (Rmult_le_compat_l alpha) in H; [|lra]. unfold q2. lra. }
  set (A := alpha - q2 * s) in *. set (P := eps t * q2) in *. assert (PP : 0 <= P) by (apply Rmult_le_pos; lra).
  replace (alpha - q2 * (s + eps t)) with (A - P) by (unfold A, P; ring).
  assert (AP : 0 <= A - P) by (unfold A, P; lra).
  assert (Hprod : (alpha + P) * (A - P) <= alpha * A).
  { assert (0 <= P * (q2 * s + P)) by (apply Rmult_le_pos; [assumption|]; pose proof (Rmult_le_pos _ _ Q2 Ps); lra). unfold A in *. lra. }
  apply Rmult_le_reg_l with alpha; [assumption|].
  apply (Rmult_le_compat_r (A - P)) in Hstep; [|assumption].
  apply (Rmult_le_compat_r (D t * D t)) in Hprod; [|apply Rle_0_sqr].
  apply (Rmult_le_compat_l alpha) in IH; [|lra]. lra.
Qed.

Lemma within t : (t <= m)%nat -> D t <= g * D0.
Proof. intros Ht. apply close_of_grown; [assumption|now apply grown]. Qed.
Lemma stays_near t : (t <= m)%nat -> in_ball c Rad (th t).
Proof. intros Ht. now apply near_p, within. Qed.

(** (ii) D_m^2 <= D_0^2 - alpha S^2 + 2 g Q S D_0, Q = sqrt E q. *)
Theorem epoch : D m * D m <= D0 * D0 - alpha * (moved * moved) + 2 * g * (sqrt E * q) * moved * D0.
Proof.
  set (mixed := sum m (fun t => eps t * error (order t) (th t))).
  assert (Hsum : D m * D m <= D0 * D0 - alpha * (moved * moved) + 2 * (q * (g * D0)) * mixed).
  { rewrite moved_sq. unfold mixed. cut (forall t, (t <= m)%nat -> D t * D t <= D0 * D0 - alpha * sum t (fun s => pull s * pull s)
        + 2 * (q * (g * D0)) * sum t (fun s => eps s * error (order s) (th s))); [intros H; apply (H m), Nat.le_refl|].
    induction t as [|t IH]; intros Ht; [cbn [sum]; fold D0; lra|]. specialize (IH ltac:(lia)). rewrite !sum_last.
    pose proof (within t ltac:(lia)) as W. pose proof (towards t ltac:(lia) W) as H. pose proof (eps_pos t ltac:(lia)).
    set (a := error (order t) (th t)) in *. assert (0 <= a) by apply norm_pos. pose proof q_pos.
    assert (eps t * a * q * D t <= eps t * a * q * (g * D0)).
    { apply Rmult_le_compat_l; [|assumption]. apply Rmult_le_pos; [apply Rmult_le_pos; lra|assumption]. }
    lra. }
  assert (Hmix : mixed <= sqrt E * moved).
  { assert (H0 : 0 <= moved) by apply sqrt_pos. apply Rsqr_incr_0_var; [|apply Rmult_le_pos; [apply sqrt_pos|assumption]].
    unfold Rsqr. assert (HE : 0 <= E) by (pose proof (spent_le 0 ltac:(lia)) as S0; cbn in S0; lra).
    replace (sqrt E * moved * (sqrt E * moved)) with (sqrt E * sqrt E * (moved * moved)) by ring. rewrite sqrt_sqrt, moved_sq by assumption.
    pose proof (sum_cauchy_schwarz m (fun t => sqrt (eps t)) pull) as C. cbn beta in C.
    rewrite (sum_ext m (fun t => sqrt (eps t) * pull t) (fun t => eps t * error (order t) (th t))) in C.
    2:{ intros t Ht. unfold pull. rewrite <- Rmult_assoc, sqrt_sqrt; [reflexivity|]. left. now apply eps_pos. }
    rewrite (sum_ext m (fun t => sqrt (eps t) * sqrt (eps t)) eps) in C.
    2:{ intros t Ht. apply sqrt_sqrt. left. now apply eps_pos. }
    fold mixed in C. eapply Rle_trans; [exact C|]. apply Rmult_le_compat_r; [apply sum_nonneg; intros; apply Rle_0_sqr|exact total]. }
  assert (Hc : 2 * (q * (g * D0)) * mixed <= 2 * (q * (g * D0)) * (sqrt E * moved)).
  { apply Rmult_le_compat_l; [|assumption]. pose proof q_pos. pose proof (D_pos 0) as P0. fold D0 in P0.
    apply Rmult_le_pos; [lra|]. apply Rmult_le_pos; [assumption|]. apply Rmult_le_pos; lra. }
  lra.
Qed.
End Towards.

(** ** The path of an epoch, and how much it moves when the batches cover all outputs *)
Hypothesis inside : forall t, (t <= m)%nat -> in_ball c Rad (th t).

Lemma step_length t : (t < m)%nat -> norm (th (S t) ⊖ th t) <= sqrt x * pull t.
Proof.
  intros Ht. pose proof (all_usable t Ht) as U. pose proof (eps_pos t Ht) as Pe. set (b := order t) in *.
  assert (E : th (S t) ⊖ th t = (- eps t) ⋅ JT M (th t) (pick b (residual M y (th t)))).
  { change (th (S t)) with (gd_step (part b) (labels b) (scale b) eta (th t)). rewrite step_vector. fold (eps t).
    apply vec_ext. intros w. unfold eps. fold b. autorewrite with inner. ring. }
  rewrite E, norm_scal, Rabs_Ropp, Rabs_pos_eq by lra. pose proof (slope_le b (th t) U (inside t ltac:(lia))) as H.
  pose proof (root_steep b U) as Hk. fold (eps t) in Hk.
  apply Rle_trans with (eps t * (steep b * error b (th t))); [apply Rmult_le_compat_l; lra|].
  rewrite <- (sqrt_sqrt (eps t)) at 1 by lra.
  replace (sqrt (eps t) * sqrt (eps t) * (steep b * error b (th t))) with (sqrt (eps t) * steep b * pull t) by (unfold pull, b; ring).
  apply Rmult_le_compat_r; [apply pull_pos|assumption].
Qed.

Lemma path_pull t : (t <= m)%nat -> path th t <= sqrt x * sum t pull.
Proof.
  induction t as [|t IH]; intros Ht; [cbn; lra|]. cbn [path]. rewrite sum_last. specialize (IH ltac:(lia)).
  pose proof (step_length t ltac:(lia)). lra.
Qed.

(** The path of the epoch is at most sqrt (x m) S. *)
Theorem epoch_path t : (t <= m)%nat -> path th t <= sqrt x * (sqrt (INR m) * moved).
Proof.
  intros Ht. eapply Rle_trans; [now apply path_pull|]. apply Rmult_le_compat_l; [apply sqrt_pos|].
  apply Rle_trans with (sum m pull).
  { clear inside all_usable. induction Ht as [|k Hk IH]; [lra|]. rewrite sum_last. pose proof (pull_pos k). lra. }
  apply Rsqr_incr_0_var; [|apply Rmult_le_pos; apply sqrt_pos]. unfold Rsqr.
  replace (sqrt (INR m) * moved * (sqrt (INR m) * moved)) with (sqrt (INR m) * sqrt (INR m) * (moved * moved)) by ring.
  rewrite sqrt_sqrt, moved_sq by apply pos_INR. pose proof (sum_abs_sq m pull) as H.
  rewrite (sum_ext m (fun i => Rabs (pull i)) pull) in H by (intros; apply Rabs_pos_eq, pull_pos). exact H.
Qed.

(** (iii) sqrt eps_min |e(z)| <= (1 + tau x) S. *)
Variables (tau least : R).
Hypothesis tau_pos : 0 <= tau.
Hypothesis triangle : sum m (fun t => sum t pull * sum t pull) <= tau * tau * sum m (fun t => pull t * pull t).
Hypothesis least_pos : 0 < least.
Hypothesis at_least : forall t, (t < m)%nat -> least <= eps t.
Hypothesis covers : forall e : Y, ⟨e, e⟩ <= sum m (fun t => ⟨pick (order t) e, pick (order t) e⟩).

Lemma first_error t : (t < m)%nat -> sqrt (eps t) * error (order t) z <= pull t + x * sum t pull.
Proof.
  intros Ht. pose proof (all_usable t Ht) as U. pose proof (eps_pos t Ht) as Pe. set (b := order t) in *.
  pose proof (residual_lipschitz (part b) (labels b) c Rad (steep b) z (th t) (fun x Hx => part_differentiable b x (diff x Hx)) (u_bound _ U)
    (u_steep _ U) (inside 0 ltac:(lia)) (inside t ltac:(lia))) as H.
  pose proof (path_from_0 th t) as P. change (th O) with z in P. pose proof (path_pull t ltac:(lia)) as Pp.
  pose proof (norm_minus_le (residual (part b) (labels b) z) (residual (part b) (labels b) (th t))) as T. rewrite norm_opp in T.
  fold (error b z) (error b (th t)) in T.
  pose proof (root_steep b U) as Hk. fold (eps t) in Hk.
  assert (N0 : 0 <= norm (th t ⊖ z)) by apply norm_pos. pose proof (sqrt_pos (eps t)) as Se.
  apply Rle_trans with (sqrt (eps t) * (error b (th t) + steep b * norm (th t ⊖ z))); [apply Rmult_le_compat_l; lra|].
  assert (sqrt (eps t) * steep b * norm (th t ⊖ z) <= sqrt x * (sqrt x * sum t pull)).
  { apply Rmult_le_compat; [apply Rmult_le_pos; [assumption|apply (u_steep _ U)]|assumption|assumption|lra]. }
  rewrite <- Rmult_assoc, sqrt_sqrt in H0 by lra. unfold pull at 1. fold b. lra.
Qed.

Theorem start_moves : sqrt least * norm (residual M y z) <= (1 + x * tau) * moved.
Proof.
  assert (P : 0 <= (1 + x * tau) * moved).
  { apply Rmult_le_pos; [|apply sqrt_pos]. pose proof (Rmult_le_pos x tau ltac:(lra) tau_pos). lra. }
  apply Rsqr_incr_0_var; [|assumption]. unfold Rsqr. set (e := residual M y z).
  replace (sqrt least * norm e * (sqrt least * norm e)) with (sqrt least * sqrt least * (norm e * norm e)) by ring.
  rewrite sqrt_sqrt, norm_sq by lra.
  replace ((1 + x * tau) * moved * ((1 + x * tau) * moved)) with ((1 + x * tau) * (1 + x * tau) * (moved * moved)) by ring. rewrite moved_sq.
  (* one batch after the other *)
  apply Rle_trans with (sum m (fun t => (pull t + x * sum t pull) * (pull t + x * sum t pull))).
  { apply Rle_trans with (sum m (fun t => least * ⟨pick (order t) e, pick (order t) e⟩)).
    { rewrite sum_scal. apply Rmult_le_compat_l; [lra|apply covers]. }
    apply sum_le. intros t Ht. pose proof (first_error t Ht) as F. pose proof (eps_pos t Ht) as Pe.
    rewrite <- norm_sq. unfold e. rewrite <- error_project. fold (error (order t) z). set (a := error (order t) z) in *. assert (0 <= a) by apply norm_pos.
    apply Rle_trans with (sqrt (eps t) * a * (sqrt (eps t) * a)).
    - replace (sqrt (eps t) * a * (sqrt (eps t) * a)) with (sqrt (eps t) * sqrt (eps t) * (a * a)) by ring. rewrite sqrt_sqrt by lra.
      apply Rmult_le_compat_r; [apply Rle_0_sqr|now apply at_least].
    - apply Rmult_le_compat; try assumption; apply Rmult_le_pos; auto using sqrt_pos. }
  (* Minkowski *)
  set (A := sum m (fun t => pull t * pull t)) in *. set (T := sum m (fun t => sum t pull * sum t pull)) in *.
  set (C := sum m (fun t => pull t * sum t pull)).
  assert (E : sum m (fun t => (pull t + x * sum t pull) * (pull t + x * sum t pull)) = A + 2 * x * C + x * x * T).
  { unfold A, T, C. rewrite <- !sum_scal, <- !sum_plus. apply sum_ext. intros. ring. }
  rewrite E. assert (HA : 0 <= A) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  assert (HC : C <= tau * A).
  { apply Rsqr_incr_0_var; [|now apply Rmult_le_pos]. unfold Rsqr. pose proof (sum_cauchy_schwarz m pull (fun t => sum t pull)) as CS. fold A T C in CS.
    eapply Rle_trans; [exact CS|]. replace (tau * A * (tau * A)) with (A * (tau * tau * A)) by ring. now apply Rmult_le_compat_l. }
  assert (2 * x * C <= 2 * x * (tau * A)) by (apply Rmult_le_compat_l; lra).
  assert (x * x * T <= x * x * (tau * tau * A)) by (apply Rmult_le_compat_l; [apply Rle_0_sqr|assumption]). lra.
Qed.
End Epoch.
