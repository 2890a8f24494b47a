(** * Mini-batch descent in any order  (claim minibatch_any_order)

    Every epoch passes once through the data, in an order of its own, chosen in any way.  The distance V to the exact fits
    of the ball shrinks by a factor in each epoch and pays for the path, so nothing leaves the ball and the iterates
    converge to an exact fit.  The inequalities are written with the exported constants. *)

From Coq Require Import Reals Lra Psatz Lia.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting MeanValue Path NearFit Batches Triangle Epoch EpochAlgebra.
From LPLR Require Constants.
Open Scope R_scope.

Section AnyOrder.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (c th0 : X).            (* s: scale of the loss that is reported *)
Variables (m : nat) (order : nat -> nat -> batch Y).  (* the batches of epoch k, t = 0 .. m-1 *)

Fixpoint epoch_start (k : nat) : X :=
  match k with O => th0 | S k => inner_iterate M y eta (order k) (epoch_start k) m end.
Definition iterate (k t : nat) : X := inner_iterate M y eta (order k) (epoch_start k) t.

Variables (Rad K sig L : R).         (* radius, |J| <= K, sigma_min(J) >= sig and L_H on the ball *)
Variables (x total least tau g : R). (* x, sum of eta s_b, smallest eta s_b, norm of the triangle of ones, growth in an epoch *)
Variables (d0 Vbar : R).             (* |th0 - c| and the distance of th0 to a fit are at most d0, below Vbar *)

(** What has to be known of the network and of the batches. *)
Record batch_ingredients : Prop := {
  bi_diff : forall z, in_ball c Rad z -> differentiable_at M z;
  bi_jac : forall z, in_ball c Rad z -> jac_bound M z K;
  bi_lip : forall z z', in_ball c Rad z -> in_ball c Rad z' -> jac_change M z z' (L * norm (z' ⊖ z));
  bi_sigma : forall z, in_ball c Rad z -> sigma_lower M z sig;
  bi_usable : forall k t, (t < m)%nat -> usable M eta c Rad x (order k t);
  bi_total : forall k, sum m (fun t => weight eta (order k t)) <= total;
  bi_least : forall k t, (t < m)%nat -> least <= weight eta (order k t);
  bi_covers : forall k e, ⟨e, e⟩ <= sum m (fun t => ⟨pick (order k t) e, pick (order k t) e⟩);
  bi_start : in_ball c d0 th0;
  bi_fit : norm (residual M y th0) < sig * Vbar \/ Constants.fit_distance_start d0 (norm (residual M y c)) sig < Vbar
}.

Let Q := Constants.batch_drift_curvature L Vbar g total.
Let excess := Constants.batch_excess Q x g sig least tau.
Let rate := Constants.epoch_rate_square Q x g sig least tau.
Let room := Constants.batch_room Q x (INR m) Vbar g K sig least tau.

(** The inequalities of the certificate. *)
Record any_order_chain : Prop := {
  ao_signs : 0 < eta /\ 0 <= K /\ 0 < sig /\ 0 <= L /\ 0 < least /\ 0 <= total;
  ao_step : 0 < x < 2;
  ao_triangle : triangle_norm m tau;
  ao_drift : Q ^ 2 < 2 - x;
  ao_growth : 1 <= g /\ Constants.batch_growth_square Q x <= g ^ 2;
  ao_excess : 0 < excess;
  ao_room : d0 + room < Rad
}.
Hypothesis known : batch_ingredients.
Hypothesis chain : any_order_chain.

Let alpha := 2 - x.
Let s1 := Constants.batch_sigma x sig least tau.
Let C := Constants.batch_path Q x (INR m) g sig least tau.
Let most := Rmax (K / sig) (Rmax C (g + 1)).

Lemma excess_value : excess = alpha * s1 - 2 * g * Q.
Proof. unfold excess, Constants.batch_excess, s1, Constants.batch_sigma, alpha. unfold Rdiv. ring. Qed.
Lemma rate_value : rate = 1 - s1 * excess.
Proof. unfold rate, excess, Constants.epoch_rate_square, Constants.batch_excess, s1, Constants.batch_sigma. unfold Rdiv. ring. Qed.
Lemma C_value : C = 2 * (sqrt x * sqrt (INR m)) / excess.
Proof. unfold C, Constants.batch_path, excess, Constants.batch_excess. now rewrite Rmult_assoc. Qed.
Lemma room_value : room = most * Vbar.
Proof.
  unfold room, Constants.batch_room, most, C, Constants.batch_path. now rewrite (Rmult_comm Vbar).
Qed.

Lemma tau_pos : 0 <= tau. Proof. apply (triangle_norm_correct m). apply chain. Qed.
Lemma one_xt : 0 < x * tau + 1.
Proof. pose proof (ao_step chain). pose proof (Rmult_le_pos x tau ltac:(lra) tau_pos). lra. Qed.
Lemma s1_pos : 0 < s1.
Proof.
  destruct (ao_signs chain) as [_ [_ [Hs [_ [Hl _]]]]]. unfold s1, Constants.batch_sigma.
  apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat; [assumption|now apply sqrt_lt_R0]|apply Rinv_0_lt_compat, one_xt].
Qed.
Lemma C_pos : 0 <= C.
Proof. pose proof (ao_excess chain). rewrite C_value. apply Rdiv_le_0_compat; [|assumption]. repeat apply Rmult_le_pos; auto using sqrt_pos; lra. Qed.
Lemma most_ge : C <= most /\ K <= most * sig /\ g + 1 <= most.
Proof.
  destruct (ao_signs chain) as [_ [_ [Hs _]]]. unfold most. pose proof (Rmax_l (K / sig) (Rmax C (g + 1))) as A.
  pose proof (Rmax_r (K / sig) (Rmax C (g + 1))). pose proof (Rmax_l C (g + 1)). pose proof (Rmax_r C (g + 1)).
  repeat split; try lra. apply (Rmult_le_compat_r sig) in A; [|lra]. replace (K / sig * sig) with K in A by (field; lra). exact A.
Qed.

(** Vbar is positive, so there is room. *)
Lemma Vbar_pos : 0 < Vbar.
Proof.
  destruct (ao_signs chain) as [_ [_ [Hs _]]]. pose proof (bi_start known) as H0. unfold in_ball in H0. pose proof (norm_pos (th0 ⊖ c)) as N0.
  destruct (bi_fit known) as [H|H].
  - pose proof (norm_pos (residual M y th0)). apply Rmult_lt_reg_l with sig; lra.
  - unfold Constants.fit_distance_start in H. pose proof (norm_pos (residual M y c)).
    assert (0 <= norm (residual M y c) / sig) by (apply Rdiv_le_0_compat; lra). lra.
Qed.
Lemma gQ_pos : 0 <= 2 * g * Q.
Proof.
  destruct (ao_signs chain) as [_ [_ [_ [HL _]]]]. destruct (ao_growth chain) as [Hg1 _]. pose proof Vbar_pos. apply Rmult_le_pos; [lra|].
  unfold Q, Constants.batch_drift_curvature. apply Rdiv_le_0_compat; [|lra]. repeat apply Rmult_le_pos; try lra. apply sqrt_pos.
Qed.
Lemma room_start : d0 + most * Vbar < Rad.
Proof. rewrite <- room_value. apply chain. Qed.

(** An exact fit closer than Vbar to the start. *)
Lemma start_fit : exists p, fit M y c Rad p /\ norm (th0 ⊖ p) < Vbar.
Proof.
  destruct (ao_signs chain) as [_ [HK [Hs [HL _]]]]. pose proof (bi_start known) as H0. unfold in_ball in H0. pose proof Vbar_pos as PV.
  pose proof room_start as Hr. destruct most_ge as [_ [_ Hg]]. destruct (ao_growth chain) as [Hg1 _].
  assert (2 * Vbar <= most * Vbar) by (apply Rmult_le_compat_r; lra). pose proof (norm_pos (th0 ⊖ c)).
  assert (Near : forall z r, norm (residual M y z) < sig * r -> norm (z ⊖ c) + r <= Rad -> exists p, fit M y c Rad p /\ norm (z ⊖ p) <= r).
  { intros z r Hz Hin.
    destruct (zero_loss_nearby M y c Rad K L sig HK HL Hs (bi_diff known) (bi_jac known) (bi_lip known) (bi_sigma known) z r Hz Hin) as [p [Hp Fp]].
    exists p. unfold in_ball in Hp. split; [split; [|assumption]|now rewrite norm_opp]. unfold in_ball. pose proof (norm_triang3 p z c). lra. }
  destruct (bi_fit known) as [F1|F1].
  - set (e := norm (residual M y th0)) in *. destruct (Near th0 ((e / sig + Vbar) / 2)) as [p [Hp Hn]].
    + fold e. replace (sig * ((e / sig + Vbar) / 2)) with ((e + sig * Vbar) / 2) by (field; lra). lra.
    + assert (e / sig < Vbar) by (apply Rmult_lt_reg_l with sig; [assumption|]; replace (sig * (e / sig)) with e by (field; lra); lra). lra.
    + exists p. split; [assumption|].
      assert (e / sig < Vbar) by (apply Rmult_lt_reg_l with sig; [assumption|]; replace (sig * (e / sig)) with e by (field; lra); lra). lra.
  - unfold Constants.fit_distance_start in F1. set (e := norm (residual M y c)) in *. destruct (Near c ((e / sig + (Vbar - d0)) / 2)) as [p [Hp Hn]].
    + fold e. assert (sig * (e / sig) < sig * (Vbar - d0)) by (apply Rmult_lt_compat_l; lra). replace (sig * (e / sig)) with e in * by (field; lra).
      replace (sig * ((e / sig + (Vbar - d0)) / 2)) with ((e + sig * (Vbar - d0)) / 2) by (field; lra). lra.
    + rewrite norm_self. lra.
    + exists p. split; [assumption|]. pose proof (norm_triang3 th0 c p). lra.
Qed.

Lemma some_fit : exists p, fit M y c Rad p.
Proof. destruct start_fit as [p [Hp _]]. now exists p. Qed.
Let V z := distance M y c Rad some_fit z.

(** ** One epoch, from a point with room *)
Section OneEpoch.
Variables (k : nat) (z : X).
Hypothesis has_room : norm (z ⊖ c) + most * V z < Rad.
Hypothesis close : V z < Vbar.
Let th := inner_iterate M y eta (order k) z.
Let S_ := moved M y eta (order k) m z.

Lemma z_in : in_ball c Rad z.
Proof.
  unfold in_ball. destruct most_ge as [_ [_ Hg]]. destruct (ao_growth chain) as [Hg1 _]. pose proof (distance_pos M y c Rad some_fit z) as P. fold (V z) in P.
  assert (0 <= most * V z) by (apply Rmult_le_pos; lra). lra.
Qed.

(** A fit hardly farther than the distance: the hypotheses of Epoch.v hold for it. *)
Definition spare : R := Rmin (Vbar - V z) ((Rad - norm (z ⊖ c) - most * V z) / most).
Lemma spare_pos : 0 < spare.
Proof.
  destruct most_ge as [_ [_ Hg]]. destruct (ao_growth chain) as [Hg1 _].
  apply Rmin_glb_lt; [lra|]. apply Rdiv_lt_0_compat; lra.
Qed.

Section Near.
Variable p : X.
Hypothesis is_fit : fit M y c Rad p.
Hypothesis near : norm (z ⊖ p) <= V z + spare.

Lemma near_Vbar : norm (z ⊖ p) <= Vbar.
Proof. pose proof (Rmin_l (Vbar - V z) ((Rad - norm (z ⊖ c) - most * V z) / most)) as H. fold spare in H. lra. Qed.

Lemma near_room z' : norm (z' ⊖ p) <= g * norm (z ⊖ p) -> in_ball c Rad z'.
Proof.
  intros H. unfold in_ball. destruct most_ge as [_ [_ Hg]]. destruct (ao_growth chain) as [Hg1 _].
  pose proof (norm_triang3 z' p c). pose proof (norm_triang3 p z c) as T. rewrite (norm_opp p z) in T. pose proof (norm_pos (z ⊖ p)).
  assert (most * norm (z ⊖ p) <= most * (V z + spare)) by (apply Rmult_le_compat_l; lra).
  pose proof (Rmin_r (Vbar - V z) ((Rad - norm (z ⊖ c) - most * V z) / most)) as Sp. fold spare in Sp.
  apply (Rmult_le_compat_l most) in Sp; [|lra].
  replace (most * ((Rad - norm (z ⊖ c) - most * V z) / most)) with (Rad - norm (z ⊖ c) - most * V z) in Sp by (field; lra).
  assert ((g + 1) * norm (z ⊖ p) <= most * norm (z ⊖ p)) by (apply Rmult_le_compat_r; lra). lra.
Qed.

Lemma drift_le : total * (/ 2 * L * (g * norm (z ⊖ p)) * (/ 2 * L * (g * norm (z ⊖ p)))) <= Q ^ 2.
Proof.
  destruct (ao_signs chain) as [_ [_ [_ [HL [_ HT]]]]]. destruct (ao_growth chain) as [Hg1 _].
  replace (Q ^ 2) with (total * (/ 2 * L * (g * Vbar) * (/ 2 * L * (g * Vbar)))).
  2:{ unfold Q, Constants.batch_drift_curvature. rewrite <- (sqrt_sqrt total HT) at 1. field. }
  apply Rmult_le_compat_l; [assumption|]. pose proof near_Vbar. pose proof (norm_pos (z ⊖ p)).
  assert (0 <= / 2 * L) by lra. assert (0 <= g * norm (z ⊖ p)) by (apply Rmult_le_pos; lra).
  assert (/ 2 * L * (g * norm (z ⊖ p)) <= / 2 * L * (g * Vbar)) by (apply Rmult_le_compat_l; [assumption|apply Rmult_le_compat_l; lra]).
  apply Rmult_le_compat; try assumption; now apply Rmult_le_pos.
Qed.

Lemma growth_le : alpha <= g * g * (alpha - total * (/ 2 * L * (g * norm (z ⊖ p)) * (/ 2 * L * (g * norm (z ⊖ p))))).
Proof.
  pose proof (ao_drift chain) as HD. destruct (ao_growth chain) as [Hg1 HG]. unfold Constants.batch_growth_square in HG.
  apply (Rmult_le_compat_r (2 - Q ^ 2 - x)) in HG; [|lra].
  replace ((2 - x) / (2 - Q ^ 2 - x) * (2 - Q ^ 2 - x)) with alpha in HG by (unfold alpha; field; lra).
  eapply Rle_trans; [exact HG|]. replace (g ^ 2) with (g * g) by ring. apply Rmult_le_compat_l; [apply Rle_0_sqr|].
  pose proof drift_le. unfold alpha. lra.
Qed.

Lemma near_inside t : (t <= m)%nat -> in_ball c Rad (th t).
Proof.
  destruct (ao_signs chain) as [He [_ [_ [HL _]]]]. destruct (ao_growth chain) as [Hg1 _]. pose proof drift_le. pose proof (ao_drift chain).
  apply (stays_near M y eta c Rad L x) with (m := m) (p := p) (g := g) (E := total); try assumption; try apply chain; try apply known; try apply is_fit.
  - exact near_room.
  - change (inner_iterate M y eta (order k) z 0) with z. lra.
  - exact growth_le.
Qed.

Lemma near_epoch : norm (th m ⊖ p) * norm (th m ⊖ p) <= norm (z ⊖ p) * norm (z ⊖ p) - alpha * (S_ * S_) + 2 * g * Q * S_ * norm (z ⊖ p).
Proof.
  destruct (ao_signs chain) as [He [_ [_ [HL [_ HT]]]]]. destruct (ao_growth chain) as [Hg1 _]. pose proof drift_le. pose proof (ao_drift chain).
  eapply Rle_trans; [apply (epoch M y eta c Rad L x) with (p := p) (g := g) (E := total); try assumption; try apply chain; try apply known; try apply is_fit|].
  - exact near_room.
  - change (inner_iterate M y eta (order k) z 0) with z. lra.
  - exact growth_le.
  - change (inner_iterate M y eta (order k) z 0) with z. fold S_ alpha.
    assert (PS : 0 <= S_) by apply sqrt_pos. pose proof (norm_pos (z ⊖ p)) as PD.
    assert (HQ : sqrt total * (/ 2 * L * (g * norm (z ⊖ p))) <= Q).
    { replace Q with (sqrt total * (/ 2 * L * (g * Vbar))) by (unfold Q, Constants.batch_drift_curvature; field).
      apply Rmult_le_compat_l; [apply sqrt_pos|]. apply Rmult_le_compat_l; [lra|]. apply Rmult_le_compat_l; [lra|exact near_Vbar]. }
    assert (2 * g * (sqrt total * (/ 2 * L * (g * norm (z ⊖ p)))) * S_ * norm (z ⊖ p) <= 2 * g * Q * S_ * norm (z ⊖ p)); [|lra].
    repeat (apply Rmult_le_compat_r; [assumption|]). apply Rmult_le_compat_l; lra.
Qed.
End Near.

Lemma epoch_inside t : (t <= m)%nat -> in_ball c Rad (th t).
Proof.
  intros Ht. pose proof spare_pos. apply (distance_near M y c Rad some_fit z (V z + spare)); [fold (V z); lra|].
  intros p Hp Hn. apply (near_inside p Hp); [lra|assumption].
Qed.

Lemma epoch_falls : V (th m) * V (th m) <= V z * V z - alpha * (S_ * S_) + 2 * g * Q * S_ * V z.
Proof.
  assert (PS : 0 <= S_) by apply sqrt_pos. pose proof (distance_pos M y c Rad some_fit z) as PV. fold (V z) in PV. pose proof spare_pos as P0.
  assert (HB : 0 <= 2 * g * Q * S_) by (apply Rmult_le_pos; [exact gQ_pos|exact PS]).
  apply (le_vanishing _ _ (2 * V z + 1 + 2 * g * Q * S_) (Rmin spare 1)); [apply Rmin_glb_lt; lra|lra|]. intros d [Hd Hd'].
  pose proof (Rmin_l spare 1). pose proof (Rmin_r spare 1).
  apply (distance_near M y c Rad some_fit z (V z + d)); [fold (V z); lra|]. intros p Hp Hn.
  pose proof (near_epoch p Hp ltac:(lra)) as E. pose proof (distance_le M y c Rad some_fit (th m) p Hp) as D. fold (V (th m)) in D.
  pose proof (distance_pos M y c Rad some_fit (th m)) as PV'. fold (V (th m)) in PV'. pose proof (norm_pos (z ⊖ p)).
  assert (V (th m) * V (th m) <= norm (th m ⊖ p) * norm (th m ⊖ p)) by (apply Rmult_le_compat; assumption).
  assert (norm (z ⊖ p) * norm (z ⊖ p) <= (V z + d) * (V z + d)) by (apply Rmult_le_compat; lra).
  assert (2 * g * Q * S_ * norm (z ⊖ p) <= 2 * g * Q * S_ * (V z + d)) by (apply Rmult_le_compat_l; lra).
  assert (d * d <= d * 1) by (apply Rmult_le_compat_l; lra). lra.
Qed.

Lemma epoch_moves : s1 * V z <= S_.
Proof.
  destruct (ao_signs chain) as [He [HK [Hs [HL [Hl HT]]]]]. pose proof one_xt as P1. destruct (triangle_norm_correct m tau (ao_triangle chain)) as [Ht Htri].
  assert (A : sqrt least * norm (residual M y z) <= (1 + x * tau) * S_).
  { apply (start_moves M y eta c Rad x) with (order := order k); try assumption; try apply chain; try apply known.
    - exact epoch_inside.
    - apply Htri. }
  assert (B : sig * V z <= norm (residual M y z)).
  { apply (error_bound M y c Rad K L sig) ; try assumption; try apply known.
    pose proof (residual_distance M y c Rad K HK (bi_diff known) (bi_jac known) some_fit z z_in) as R1. fold (V z) in R1.
    destruct most_ge as [_ [HKm _]]. pose proof (distance_pos M y c Rad some_fit z) as PV. fold (V z) in PV.
    assert (K * V z <= most * sig * V z) by (apply Rmult_le_compat_r; assumption).
    assert (sig * (norm (z ⊖ c) + most * V z) < sig * Rad) by (apply Rmult_lt_compat_l; assumption). lra. }
  apply Rmult_le_reg_r with (x * tau + 1); [assumption|].
  replace (s1 * V z * (x * tau + 1)) with (sqrt least * (sig * V z)) by (unfold s1, Constants.batch_sigma; field; lra).
  assert (sqrt least * (sig * V z) <= sqrt least * norm (residual M y z)) by (apply Rmult_le_compat_l; [apply sqrt_pos|assumption]). lra.
Qed.

(** What one epoch does: V falls, and pays for the path. *)
Lemma epoch_rate : V (th m) * V (th m) <= rate * (V z * V z).
Proof.
  rewrite rate_value, excess_value. apply (falls alpha s1 (2 * g * Q) (V z) (V (th m)) S_); try apply distance_pos.
  - exact s1_pos.
  - exact gQ_pos.
  - rewrite <- excess_value. apply chain.
  - exact epoch_falls.
  - exact epoch_moves.
Qed.

Lemma epoch_pays t : (t <= m)%nat -> path th t <= C * (V z - V (th m)).
Proof.
  intros Ht. pose proof (pays_for_path alpha s1 (2 * g * Q) (V z) (V (th m)) S_ s1_pos gQ_pos (distance_pos M y c Rad some_fit z)
    ltac:(rewrite <- excess_value; apply chain) epoch_falls epoch_moves) as H. rewrite <- excess_value in H.
  eapply Rle_trans; [apply (epoch_path M y eta c Rad x) with (m := m); try assumption; try apply chain; try apply known; exact epoch_inside|]. fold S_.
  pose proof (ao_excess chain) as E. apply Rmult_le_reg_r with excess; [assumption|].
  replace (C * (V z - V (th m)) * excess) with (sqrt x * sqrt (INR m) * (2 * (V z - V (th m)))) by (rewrite C_value; field; lra).
  replace (sqrt x * (sqrt (INR m) * S_) * excess) with (sqrt x * sqrt (INR m) * (S_ * excess)) by ring.
  apply Rmult_le_compat_l; [apply Rmult_le_pos; apply sqrt_pos|assumption].
Qed.
End OneEpoch.

(** ** All epochs *)
Let W k := V (epoch_start k).

Lemma start_below : W O < Vbar.
Proof. destruct start_fit as [p [Hp Hn]]. pose proof (distance_le M y c Rad some_fit th0 p Hp). unfold W, V. cbn [epoch_start]. lra. Qed.

Lemma room_left k : norm (epoch_start k ⊖ c) + C * W k <= d0 + C * W O -> W k <= W O -> norm (epoch_start k ⊖ c) + most * W k < Rad /\ W k < Vbar.
Proof.
  intros H1 H2. pose proof start_below. pose proof room_start. destruct most_ge as [HC [_ Hg]]. destruct (ao_growth chain) as [Hg1 _].
  assert (0 <= (most - C) * (W O - W k)) by (apply Rmult_le_pos; lra).
  assert (most * W O <= most * Vbar) by (apply Rmult_le_compat_l; lra). lra.
Qed.

Lemma invariant k : norm (epoch_start k ⊖ c) + C * W k <= d0 + C * W O /\ W k <= W O.
Proof.
  induction k as [|k [IH1 IH2]]; [cbn [epoch_start]; pose proof (bi_start known) as H; unfold in_ball in H; lra|].
  destruct (room_left k IH1 IH2) as [R1 R2]. pose proof (epoch_pays k (epoch_start k) R1 R2 m (Nat.le_refl m)) as P.
  pose proof (path_from_0 (iterate k) m) as T. pose proof (path_pos (iterate k) m) as P0.
  change (iterate k m) with (epoch_start (S k)) in T. change (iterate k 0) with (epoch_start k) in T.
  change (inner_iterate M y eta (order k) (epoch_start k)) with (iterate k) in P. change (iterate k m) with (epoch_start (S k)) in P.
  fold (W k) (W (S k)) in P. pose proof (norm_triang3 (epoch_start (S k)) (epoch_start k) c).
  split; [lra|]. destruct (Req_dec C 0) as [Z|N].
  - (* the epoch does not move *)
    rewrite Z in P. assert (E : epoch_start (S k) = epoch_start k) by (apply norm_eq_0; pose proof (norm_pos (epoch_start (S k) ⊖ epoch_start k)); lra).
    unfold W at 1. rewrite E. exact IH2.
  - pose proof C_pos. assert (0 <= W k - W (S k)); [|lra]. apply Rmult_le_reg_l with C; lra.
Qed.

Lemma roomy k : norm (epoch_start k ⊖ c) + most * W k < Rad /\ W k < Vbar.
Proof. destruct (invariant k). now apply room_left. Qed.
Lemma all_inside k t : (t <= m)%nat -> in_ball c Rad (iterate k t).
Proof. destruct (roomy k). now apply epoch_inside. Qed.
Lemma all_fall k : W (S k) * W (S k) <= rate * (W k * W k).
Proof. destruct (roomy k). now apply (epoch_rate k (epoch_start k)). Qed.
Lemma all_pay k t : (t <= m)%nat -> path (iterate k) t <= C * (W k - W (S k)).
Proof. destruct (roomy k). now apply (epoch_pays k (epoch_start k)). Qed.
Lemma W_pos k : 0 <= W k.
Proof. apply distance_pos. Qed.
Lemma rate_below : rate < 1.
Proof. rewrite rate_value. pose proof (Rmult_lt_0_compat _ _ s1_pos (ao_excess chain)). lra. Qed.

Lemma W_vanishes : forall eps, 0 < eps -> exists n0, forall n, (n0 <= n)%nat -> W n < eps.
Proof.
  intros eps He. set (q := Rmax 0 rate). assert (Q0 : 0 <= q < 1) by (split; [apply Rmax_l|apply Rmax_lub_lt; [lra|exact rate_below]]).
  assert (G : forall n, W n * W n <= q ^ n * (W O * W O)).
  { induction n as [|n IH]; [cbn; lra|]. pose proof (all_fall n) as H. cbn [pow]. pose proof (Rle_0_sqr (W n)) as S2. unfold Rsqr in S2.
    assert (rate * (W n * W n) <= q * (W n * W n)) by (apply Rmult_le_compat_r; [assumption|apply Rmax_r]).
    apply (Rmult_le_compat_l q) in IH; [|lra]. lra. }
  destruct (pow_lt_1_zero q) with (y := eps * eps / (W O * W O + 1)) as [N HN].
  { rewrite Rabs_pos_eq; lra. }
  { pose proof (Rle_0_sqr (W O)) as S2. unfold Rsqr in S2. apply Rdiv_lt_0_compat; [now apply Rmult_lt_0_compat|lra]. }
  exists N. intros n Hn. specialize (HN n Hn). rewrite Rabs_pos_eq in HN by (apply pow_le; lra). specialize (G n).
  pose proof (Rle_0_sqr (W O)) as S2. unfold Rsqr in S2.
  apply (Rmult_lt_compat_r (W O * W O + 1)) in HN; [|lra].
  replace (eps * eps / (W O * W O + 1) * (W O * W O + 1)) with (eps * eps) in HN by (field; lra).
  pose proof (pow_le q n ltac:(lra)). apply Rnot_le_lt. intros Hc.
  assert (eps * eps <= W n * W n) by (apply Rmult_le_compat; lra). lra.
Qed.

Lemma residual_small k : norm (residual M y (epoch_start k)) <= K * W k.
Proof. apply (residual_distance M y c Rad K); try apply chain; try apply known. exact (all_inside k 0 (Nat.le_0_l m)). Qed.

(** The claim. *)
Theorem minibatch_any_order : exists V : nat -> R,
  (* V_k: the distance from the start of epoch k to the exact fits in the ball *)
  (forall k, is_distance M y c Rad (epoch_start k) (V k)) /\ V O < Vbar /\
  (* no iterate of any epoch leaves the ball *)
  (forall k t, (t <= m)%nat -> in_ball c Rad (iterate k t)) /\
  (* the distance pays for the path *)
  (forall k t, (t <= m)%nat -> path (iterate k) t <= C * (V k - V (S k))) /\
  (* the distance, the residual and the loss fall *)
  rate < 1 /\ (forall k, V (S k) ^ 2 <= rate * V k ^ 2) /\
  (forall k, norm (residual M y (epoch_start k)) <= K * V k) /\
  (0 <= s -> forall k, loss M y s (epoch_start k) <= Constants.loss_at_distance (V k) K s) /\
  (* all iterates converge to an exact fit *)
  exists l, in_ball c Rad l /\ F M l = y /\
    forall eps, 0 < eps -> exists n, forall k t, (n <= k)%nat -> (t <= m)%nat -> norm (iterate k t ⊖ l) < eps.
Proof.
  exists W. split; [intros k; apply distance_correct|]. split; [exact start_below|]. split; [exact all_inside|]. split; [exact all_pay|]. split; [exact rate_below|].
  split; [intros k; pose proof (all_fall k); lra|]. split; [exact residual_small|]. split.
  { intros Hs k. pose proof (residual_small k) as H. pose proof (norm_pos (residual M y (epoch_start k))). unfold loss, Constants.loss_at_distance.
    rewrite <- norm_sq. assert (norm (residual M y (epoch_start k)) * norm (residual M y (epoch_start k)) <= K * W k * (K * W k)) by (apply Rmult_le_compat; assumption).
    apply Rle_trans with (s / 2 * (K * W k * (K * W k))); [apply Rmult_le_compat_l; lra|right; field]. }
  pose proof C_pos as PC. destruct (ao_signs chain) as [_ [HK _]].
  assert (Pay : forall k, / (C + 1) * norm (epoch_start (S k) ⊖ epoch_start k) <= W k - W (S k)).
  { intros k. pose proof (path_from_0 (iterate k) m) as T. pose proof (all_pay k m (Nat.le_refl m)) as P. pose proof (path_pos (iterate k) m).
    change (iterate k m) with (epoch_start (S k)) in T. change (iterate k 0) with (epoch_start k) in T.
    assert (0 <= W k - W (S k)).
    { destruct (Req_dec C 0) as [Z|N]; [|apply Rmult_le_reg_l with C; lra]. pose proof (invariant (S k)). rewrite Z in P.
      assert (E : epoch_start (S k) = epoch_start k) by (apply norm_eq_0; pose proof (norm_pos (epoch_start (S k) ⊖ epoch_start k)); lra).
      unfold W at 2. rewrite E. fold (W k). lra. }
    apply Rmult_le_reg_l with (C + 1); [lra|]. rewrite <- Rmult_assoc, Rinv_r by lra. lra. }
  destruct (path_limit epoch_start W (/ (C + 1))) as [l [Hl Hdist]]; [apply Rinv_0_lt_compat; lra|exact W_pos|exact Pay|exact W_vanishes|].
  destruct (limit_fits M y c Rad K HK) with (u := epoch_start) (l := l) as [Hin HF]; try assumption.
  - intros z z' Hz Hz'. apply (residual_lipschitz M y c Rad K); try assumption; apply known.
  - intros k. exact (all_inside k 0 (Nat.le_0_l m)).
  - intros eps He. destruct (W_vanishes (eps / (K + 1))) as [n0 Hn0]; [apply Rdiv_lt_0_compat; lra|]. exists n0. intros n Hn.
    specialize (Hn0 n Hn). pose proof (residual_small n). pose proof (W_pos n).
    assert ((K + 1) * W n < (K + 1) * (eps / (K + 1))) by (apply Rmult_lt_compat_l; lra).
    replace ((K + 1) * (eps / (K + 1))) with eps in * by (field; lra). lra.
  - exists l. split; [assumption|]. split; [assumption|]. intros eps He.
    destruct (W_vanishes (eps / (2 * C + 2))) as [n0 Hn0]; [apply Rdiv_lt_0_compat; lra|]. exists n0. intros k t Hk Ht.
    specialize (Hn0 k Hk). pose proof (all_pay k t Ht) as P. pose proof (path_from_0 (iterate k) t) as T. change (iterate k 0) with (epoch_start k) in T.
    specialize (Hdist k). unfold Rdiv in Hdist at 1. rewrite Rinv_inv in Hdist. pose proof (W_pos (S k)). pose proof (W_pos k).
    pose proof (norm_triang3 (iterate k t) (epoch_start k) l).
    assert ((2 * C + 2) * W k < (2 * C + 2) * (eps / (2 * C + 2))) by (apply Rmult_lt_compat_l; lra).
    replace ((2 * C + 2) * (eps / (2 * C + 2))) with eps in * by (field; lra).
    assert (0 <= C * W (S k)) by (apply Rmult_le_pos; lra). lra.
Qed.
End AnyOrder.
