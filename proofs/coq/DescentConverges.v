(** * Descent from an initialisation: an accepted trail leads to an exact fit *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From LPLR Require Import Inner Sums Rn Setting TwoLayer Rows Curve Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward
  Converges Descent DescentForward DescentPoint DescentNext DescentMove.
Import ListNotations.
Open Scope R_scope.

Lemma build_ext {X : InnerSpace} k (f f' : nat -> X) : (forall i, (i < k)%nat -> f i = f' i) -> build k f = build k f'.
Proof.
  revert f f'. induction k as [|k IH]; intros f f' H; [reflexivity|]. cbn [build]. f_equal; [apply H; lia|]. apply IH. intros i Hi. apply H. lia.
Qed.

Section Descent.
Context {X Y : InnerSpace}.
Variables (M : Model X Y) (y : Y) (s eta : R).
Lemma gd_first x k : gd M y s eta x (S k) = gd M y s eta (gd_step M y s eta x) k.
Proof. induction k as [|k IH]; [reflexivity|]. cbn [gd] in *. now rewrite IH. Qed.
Lemma gd_later x j k : gd M y s eta (gd M y s eta x j) k = gd M y s eta x (j + k).
Proof. induction k as [|k IH]; [now rewrite Nat.add_0_r|]. rewrite Nat.add_succ_r. cbn [gd]. now rewrite IH. Qed.
End Descent.

Section Accepted.
Variables (c : problem) (w : witness) (V : vectors) (t : trail) (p : parameters).
Notation m := (width c).
Notation d := (dim c).
Notation RY := (Rn (outputs c)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation lead_ := (lead RY (size c) m (biases c) ys).
Notation B := (IZR (2 ^ wbits c)).
Hypothesis Hcheck : check c w V = true.
Hypothesis Hok : trail_ok c w t p = true.
Notation tested := (DescentForward.tested c w t p Hok).
Notation G := (squares_at c w (gramZ c w V (inputsZ c w)) (e_gram c (inputsZ c w))).
Notation Xs := (inputs_at c w t).

(** At the end stands the centre. *)
Lemma arrived_start S : arrived c S = true -> at_state c S = start c.
Proof.
  intros H. unfold at_state, start. f_equal.
  - apply build_ext. intros r Hr. unfold arrived in H.
    pose proof (forallb_nth _ _ r 0%nat H ltac:(unfold neurons; now rewrite seq_length)) as E. unfold neurons in E. rewrite seq_nth in E by assumption.
    rewrite andb_true_iff in E. destruct E as [E1 E2]. apply Z.eqb_eq in E1. cbn [Nat.add] in E1, E2. f_equal.
    + apply (build_ext (X := real_space)). intros o Ho. rewrite E1. rewrite (h_outputs _ _ _ _ tested) in Ho. now replace o with 0%nat by lia.
    + apply (build_ext (X := real_space)). intros j Hj. assert (Hj' : (j < d)%nat) by (unfold size in Hj; now rewrite (h_bias _ _ _ _ tested) in Hj).
      pose proof (forallb_nth _ _ j 0%nat E2 ltac:(now rewrite seq_length)) as F. rewrite seq_nth in F by assumption. apply Z.eqb_eq in F. cbn [Nat.add] in F.
      now rewrite F.
  - apply build_ext. intros k Hk. exfalso. unfold biases in Hk. rewrite (h_biases _ _ _ _ tested) in Hk. lia.
Qed.

(** At the start, bits dropped. *)
Lemma rounded_near : norm (point c p ⊖ at_state c (coarse_start c p)) <= Q2R (first t).
Proof.
  pose proof (DescentForward.B_pos c w V Hcheck) as HB. pose proof (h_p _ _ _ _ tested) as Hs.
  assert (Near : forall v, Rabs (value (p_bits p) v - IZR (Z.shiftr v (p_bits p - wbits c)) / B) <= / B).
  { intros v. pose proof (s_wb _ _ (CheckForward.shaped c w V Hcheck)) as Wb. pose proof (round_near (p_bits p) (p_bits p - wbits c) v Hs) as R0.
    replace (p_bits p - (p_bits p - wbits c))%Z with (wbits c) in R0 by ring. specialize (R0 Wb).
    replace (value (p_bits p) v - IZR (Z.shiftr v (p_bits p - wbits c)) / B) with ((B * value (p_bits p) v - IZR (Z.shiftr v (p_bits p - wbits c))) * / B) by (field; lra).
    rewrite Rabs_mult, (Rabs_pos_eq (/ B)) by (left; now apply Rinv_0_lt_compat). rewrite <- (Rmult_1_l (/ B)) at 2.
    apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|exact R0]. }
  eapply Rle_trans; [apply (entries_norm c w t p Hok _ (/ B))|].
  - left. now apply Rinv_0_lt_compat.
  - intros r Hr. rewrite (lead_minus c), (lead_value c w t p Hok) by assumption.
    assert (E : lead_ (point c p) r = value (p_bits p) (at_ (row (p_outers p) 0) r)).
    { unfold lead, point. rewrite out_build by assumption. cbn [fst]. rewrite inner_axis, entry_vector by apply (first_lt c w t p Hok). now rewrite (output_zero c w t p Hok). }
    rewrite E. replace (weight_at (coarse_start c p) r) with (Z.shiftr (at_ (row (p_outers p) 0) r) (p_bits p - wbits c)); [apply Near|].
    unfold weight_at, coarse_start, neurons. cbn zeta. rewrite (nth_seq_map (fun r => (Z.shiftr (at_ (row (p_outers p) 0) r) (p_bits p - wbits c),
      map (fun j => Z.shiftr (at_ (row (p_inners p) r) j) (p_bits p - wbits c)) (seq 0 d))) m r (0%Z, []) Hr). reflexivity.
  - intros r j Hr Hj. assert (Hj' : (j < size c)%nat) by (unfold size; now rewrite (h_bias _ _ _ _ tested)).
    rewrite inn_minus, entry_minus. unfold point, at_state. rewrite !inn_build by assumption. cbn [snd]. rewrite !entry_vector by assumption.
    replace (at_ (inner_at (coarse_start c p) r) j) with (Z.shiftr (at_ (row (p_inners p) r) j) (p_bits p - wbits c)); [apply Near|].
    unfold inner_at, coarse_start, neurons. cbn zeta. rewrite (nth_seq_map (fun r => (Z.shiftr (at_ (row (p_outers p) 0) r) (p_bits p - wbits c),
      map (fun j => Z.shiftr (at_ (row (p_inners p) r) j) (p_bits p - wbits c)) (seq 0 d))) m r (0%Z, []) Hr). cbn [snd]. now rewrite nth_seq_map.
  - pose proof (h_first _ _ _ _ tested) as F. apply Rmult_le_reg_r with B; [assumption|]. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. exact F.
Qed.

(** Products by slices are products. *)
Lemma dot_filled (x q : list Z) k l : dot (x ++ repeat 0%Z k) (q ++ repeat 0%Z l) = dot x q.
Proof.
  assert (Zl : forall k y, dot (repeat 0%Z k) y = 0%Z) by (induction k0 as [|j IH]; intros [|v y]; cbn [repeat dot]; [reflexivity..|rewrite IH; ring]).
  revert q. induction x as [|a x IH]; intros [|v q].
  - apply Zl.
  - apply (Zl k (v :: q ++ repeat 0%Z l)).
  - rewrite dot_comm. apply (Zl l (a :: x ++ repeat 0%Z k)).
  - cbn [app dot]. now rewrite IH.
Qed.
Notation XL := (map (fun x => slice_left (filled x)) Xs).
Notation XR := (map (slice_right) (columns_at c Xs)).
Notation GL := (map (slice_left) G).
Lemma pres_same S : map (fun r => pres_sliced c t XL (inner_at S r)) (neurons c) = pres_at c w t S.
Proof.
  unfold pres_at, pres_sliced, pres_of. apply map_ext. intros r. cbn zeta. rewrite map_map. apply map_ext. intros x.
  rewrite sliced_correct. unfold filled. now rewrite dot_filled.
Qed.
Lemma sums_same S : map (fun i => sliced_product (slice_left (map (weight_at S) (neurons c))) (slice_right (map (fun h => at_ h i) (hidden_at c w t S)))) (seq 0 (nodes c))
  = sums_at c w t S.
Proof. unfold sums_at. apply map_ext. intros i. apply sliced_correct. Qed.
Lemma pulls_same S : map (fun p => let p := slice_left p in map (sliced_product p) XR) (weighted_at c w t S) = pulls_at c w t S.
Proof. unfold pulls_at. apply map_ext. intros q. cbn zeta. rewrite map_map. apply map_ext. intros x. apply sliced_correct. Qed.
Lemma root_same l : root_sliced GL l = form_root G l.
Proof.
  unfold root_sliced, form_root. cbn zeta. rewrite map_map. do 3 f_equal. apply map_ext. intros g. rewrite sliced_correct. apply dot_comm.
Qed.
Lemma blocks_same b e a P H O : blocks_ok c w t b (root_sliced GL) e a P H O = blocks_ok c w t b (form_root G) e a P H O.
Proof. unfold blocks_ok. now rewrite !root_same. Qed.
Lemma next_same S E H O : next_sliced c t S (slice_left E) H O = next c t S E H O.
Proof. unfold next_sliced, next, next_outer. apply map_ext. intros r. cbn zeta. now rewrite sliced_correct. Qed.

(** Step by step. *)
Lemma run_follows rho l : forall S eps y,
  run c w t tanh_table XL XR GL (input_most Xs) rho S eps l = true -> norm (y ⊖ at_state c S) <= Q2R eps ->
  in_ball (start c) (Q2R rho) (descent c y (length l)).
Proof.
  induction l as [|b l IH]; intros S eps y H Hy.
  - cbn [run] in H. rewrite andb_true_iff in H. destruct H as [H1 H2]. apply leQ_R in H2. unfold descent. cbn [length gd]. unfold in_ball.
    rewrite <- (arrived_start S H1). lra.
  - cbn [run] in H. cbv zeta in H. rewrite pres_same in H. fold (hidden_at c w t S) in H. rewrite sums_same in H.
    fold (residuals_at c w t S) (derivatives_at c w t S) in H. fold (weighted_at c w t S) in H. rewrite pulls_same, next_same in H.
    rewrite !andb_true_iff in H. destruct H as [[[[[H1 H2] H3] H4] H5] H6].
    unfold descent. cbn [length]. rewrite gd_first. apply (IH _ _ _ H6). apply (step_moves c w V t p S b Hcheck Hok H1 eps y); try assumption.
    rewrite forallb_forall in H4 |- *. intros r Hr. specialize (H4 r Hr). now rewrite blocks_same in H4.
Qed.
End Accepted.

Theorem accepted_fits (c : problem) (w : witness) (V : vectors) (t : trail) (p : parameters) (rho ball rate mu : Q) :
  accepted_trail c w t V p rho ball rate mu = true -> fits_from c p (length (steps t)) ball rate mu.
Proof.
  unfold accepted_trail, trail_follows. cbn zeta. rewrite !andb_true_iff. intros [Hb [Hok Hrun]].
  assert (Hcheck : check c w V = true) by (unfold accepted_basin in Hb; rewrite !andb_true_iff in Hb; apply Hb).
  destruct (accepted_attracts c w V rho ball rate mu Hb) as [Region Reach].
  pose proof (run_follows c w V t p Hcheck Hok rho (steps t) (coarse_start c p) (first t) (point c p) Hrun (rounded_near c w V t p Hcheck Hok)) as Arrive.
  destruct (Reach _ Arrive) as [Rate [Stay [Loss [limit [Lin [Lfit Lconv]]]]]].
  assert (Later : forall k, descent c (descent c (point c p) (length (steps t))) k = descent c (point c p) (length (steps t) + k)) by (intros k; apply gd_later).
  split; [exact Region|split; [exact Rate|split; [|split]]].
  - intros k. rewrite <- Later. apply Stay.
  - intros k. rewrite <- Later. apply Loss.
  - exists limit. split; [exact Lin|split; [exact Lfit|]]. intros eps He. destruct (Lconv eps He) as [n0 Hn]. exists (length (steps t) + n0)%nat.
    intros n Hle. replace n with (length (steps t) + (n - length (steps t)))%nat by lia. rewrite <- Later. apply Hn. lia.
Qed.
