(** * Slopes on the ball: what a ReLU unit that may change sides can do *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting NtkStability Relu Activation TwoLayer Kinks Rows Psd Criterion
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckHidden CheckDerivative CheckScalars CheckKernel CheckReference.
Import ListNotations.
Open Scope R_scope.

Section Kinks.
Variables (c : problem) (w : witness) (V : vectors).
Notation m := (width c).
Notation W := (weightsZ c w).
Notation X := (inputsZ c w).
Notation Ds := (dotsZ V W X).
Notation Ps := (presZ c w Ds).
Notation Tan := (valuesZ c Ps).
Notation Hid := (hiddenZ w Tan).
Notation XX := (gramZ c w V X).
Notation ed := (e_dot c W X).
Notation et := (e_value c + e_pre c w ed)%Z.
Notation eh := (e_hid w et).
Notation eg := (e_gram c X).
Notation Src := (sourceZ c w XX Ps Hid eg eh).
Notation s2 := (scale2R c).
Notation W1 := (weight_unit c).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation N := (equations c).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation pre_ := (pre RY R1 m (biases c) (input c) (start c)).
Notation side := (CheckDerivative.side_of c w V).
Notation dunits := (fun r e => sided (hidden c) (side r (sample_of c e))).
Notation slope_ := (slope RY R1 m (biases c) xs ys dunits (start c)).
Notation gram := (gram_of c).
Hypothesis Hcheck : check c w V = true.
Notation passed := (CheckForward.passed c w V Hcheck).
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation W1_pos := (CheckForward.W1_pos c w V Hcheck).
Notation qx_pos := (CheckKernel.qx_pos c w V Hcheck).
Notation gram_near := (CheckKernel.gram_near c w V Hcheck).
Notation XX_entry := (CheckKernel.XX_entry c w V Hcheck).
Notation gram_sym := (CheckKernel.gram_sym c).
Notation radius_pos := (CheckScalars.radius_pos c w V Hcheck).

Notation Jum := (jumpsZ c Src).
Notation slope_at f z := (slope RY R1 m (biases c) xs ys f z).
Notation pre_at z := (pre RY R1 m (biases c) xs z).
(** The slopes that z has, kept as z moves. *)
Notation kept z := (fun r e => sided (hidden c) (dact (hidden c) (pre_at z r e))).
Notation half := (/ 2 * Q2R (kink w)).
Definition jump_of (r I : nat) : R := match hidden c with Relu => IZR (at_ (row Jum I) r) / W1 | _ => 0 end.

Lemma jump_entry r I : (r < m)%nat -> (I < N)%nat ->
  at_ (row Jum I) r = jumpZ (at_ (row (outers c) (output_of c I)) r) (at_ (row Src (sample_of c I)) r).
Proof.
  intros Hr HI. destruct (CheckForward.equation_lt c I HI) as [Hi Ho]. unfold jumpsZ.
  rewrite (nth_seq_map (fun I => map2 jumpZ (row (outers c) (output_of c I)) (row Src (sample_of c I))) N I [] HI).
  apply nth_map2; [now rewrite (s_outers _ _ shaped)|now rewrite (CheckDerivative.Src_length c w V)].
Qed.
Lemma jump_length I : (I < N)%nat -> length (row Jum I) = m.
Proof.
  intros HI. destruct (CheckForward.equation_lt c I HI) as [Hi Ho]. unfold jumpsZ.
  rewrite (nth_seq_map (fun I => map2 jumpZ (row (outers c) (output_of c I)) (row Src (sample_of c I))) N I [] HI).
  rewrite length_map2, (CheckDerivative.Src_length c w V), (s_outers _ _ shaped) by assumption. apply Nat.min_id.
Qed.
Lemma jump_pos r I : (r < m)%nat -> (I < N)%nat -> 0 <= jump_of r I.
Proof.
  intros Hr HI. unfold jump_of. destruct (hidden c); try lra. rewrite jump_entry by assumption. apply Rdiv_le_0_compat; [|exact W1_pos].
  apply IZR_le. unfold jumpZ. destruct (_ =? 1)%Z; lia.
Qed.

(** A slope that the checker takes to be certain is that of the network on the whole ball. *)
Lemma side_kept z r I : hidden c = Relu -> in_ball (start c) (Q2R (radius w)) z -> (r < m)%nat -> (I < N)%nat ->
  at_ (row Src (sample_of c I)) r <> 1%Z -> dact Relu (pre_at z r I) = side r (sample_of c I).
Proof.
  intros E Hz Hr HI Hs. destruct (CheckForward.equation_lt c I HI) as [Hi _]. unfold side_of. set (i := sample_of c I) in *.
  pose proof (norm_pos (input c i)) as Px.
  destruct (CheckDerivative.side_cases c w V r i E Hr Hi) as [[T ->]|T].
  - destruct (CheckDerivative.zero_sample_facts c w V Hcheck r i Hr Hi T) as [_ [_ G]].
    pose proof (CheckDerivative.pre_zero c z r i G) as Z. change (pre_at z r I) with (pre RY R1 m (biases c) (input c) z r i). rewrite Z.
    cbn [dact]. destruct (Rlt_dec 0 0); lra.
  - rewrite T in *. unfold sideZ in *. destruct (off_kink _ _ _ _ _) eqn:K in *; [clear Hs T|congruence].
    unfold off_kink in K. cbn zeta in K. rewrite andb_true_iff in K. destruct K as [T1 T2]. apply Z.ltb_lt in T1. apply ltQ_R in T2.
    pose proof (CheckForward.pre_near c w V Hcheck r i Hr Hi) as P. unfold near in P.
    pose proof (gram_near i i) as G. rewrite <- XX_entry in G by lia. unfold gram_of in G. rewrite <- norm_sq in G.
    destruct radius_pos as [HR _]. destruct (neuron_moves RY R1 m (biases c) (start c) z r Hr) as [_ D]. unfold in_ball in Hz.
    assert (Mv : norm (inn RY R1 m (biases c) z r ⊖ inn RY R1 m (biases c) (start c) r) * norm (input c i) <= Q2R (radius w) * norm (input c i))
      by (apply Rmult_le_compat_r; lra).
    change (pre_at z r I) with (⟨inn RY R1 m (biases c) z r, input c i⟩).
    pose proof (sign_kept (inn RY R1 m (biases c) (start c) r) (inn RY R1 m (biases c) z r) (input c i)) as Sk.
    change (⟨inn RY R1 m (biases c) (start c) r, input c i⟩) with (pre_ r i) in Sk. clear Hz D.
    set (R := radius w) in *. clearbody R. set (pz := ⟨inn RY R1 m (biases c) z r, input c i⟩) in *. clearbody pz.
    set (mv := norm (inn RY R1 m (biases c) z r ⊖ inn RY R1 m (biases c) (start c) r)) in *. clearbody mv.
    repeat rewrite ?Q2R_mult, ?Q2R_Z in T2. repeat rewrite ?mult_IZR, ?plus_IZR in T2.
    set (p := pre_ r i) in *. clearbody p. set (b := norm (input c i)) in *. clearbody b. set (O := IZR one) in *.
    pose proof one_pos as O1. fold O in O1. clearbody O. pose proof qx_pos as Q. set (qq := IZR (qx c w)) in *. clearbody qq.
    set (far := (Z.abs (at_ (row Ps i) r) - eh)%Z) in *.
    assert (He : IZR (e_pre c w ed) <= IZR eh).
    { unfold e_hid. rewrite !plus_IZR. assert (0 <= IZR (e_value c)) by (unfold e_value; destruct (hidden c); lra).
      assert (0 <= IZR (Check.half w)) by (pose proof (CheckHidden.K_half c w V Hcheck); pose proof (CheckHidden.K_pos c w V Hcheck); lra). lra. }
    assert (F : IZR far <= O * Rabs p).
    { unfold far. rewrite minus_IZR, abs_IZR. set (t := IZR (at_ (row Ps i) r)) in *.
      pose proof (Rabs_triang_inv t (O * p)) as A. rewrite <- Rabs_Ropp in P. replace (- (O * p - t)) with (t - O * p) in P by ring.
      rewrite (Rabs_mult O), (Rabs_pos_eq O) in A by lra. lra. }
    assert (Sg : (0 < at_ (row Ps i) r)%Z <-> 0 < p).
    { unfold far in T1. set (t := at_ (row Ps i) r) in *. apply IZR_lt in T1. rewrite minus_IZR, abs_IZR in T1. apply Rabs_le_between in P.
      split; intros H.
      - apply IZR_lt in H. rewrite Rabs_pos_eq in T1 by lra. apply Rmult_lt_reg_l with O; lra.
      - apply lt_IZR. apply Rnot_le_lt. intros L. rewrite Rabs_left1 in T1 by lra. assert (0 < O * p) by now apply Rmult_lt_0_compat. lra. }
    apply (IZR_lt 0) in T1. set (f := IZR far) in *. clearbody f. set (e := IZR eg) in *. clearbody e. set (v := IZR (at_ (row XX i) i)) in *. clearbody v.
    apply Rabs_le_between in G.
    assert (L : Q2R R * b < Rabs p).
    { apply Rnot_le_lt. intros L.
      assert (A1 : f * f <= O * (Q2R R * b) * (O * (Q2R R * b))).
      { apply Rmult_le_compat; try lra; (eapply Rle_trans; [exact F|apply Rmult_le_compat_l; lra]). }
      assert (A2 : f * f * qq <= O * (Q2R R * b) * (O * (Q2R R * b)) * qq) by (apply Rmult_le_compat_r; lra).
      assert (A3 : Q2R R * Q2R R * (O * O) * (qq * (b * b)) <= Q2R R * Q2R R * (O * O) * (v + e)).
      { apply Rmult_le_compat_l; [|lra]. apply Rmult_le_pos; apply Rle_0_sqr. }
      lra. }
    specialize (Sk ltac:(lra)). cbn [dact]. destruct (Z.ltb_spec 0 (at_ (row Ps i) r)) as [S|S]; destruct (Rlt_dec 0 pz) as [S'|S']; try lra.
    + exfalso. apply S', Sk, Sg, S.
    + apply Sk, Sg in S'. lia.
Qed.

(** At the start the slopes that a point of the ball has, against those that the checker takes and those of another point. *)
Lemma slope_near_reference z r I : in_ball (start c) (Q2R (radius w)) z -> (r < m)%nat -> (I < N)%nat ->
  Rabs (slope_at (kept z) (start c) r I - slope_ r I) <= / 2 * jump_of r I.
Proof.
  intros Hz Hr HI. unfold slope. rewrite <- Rmult_minus_distr_l, Rabs_mult, (CheckForward.outer_value c r I Hr HI). pose proof (jump_pos r I Hr HI) as JP.
  pose proof W1_pos as HW. unfold jump_of in *. destruct (activation_relu (hidden c)) as [E|E].
  - rewrite E in *. cbn [sided]. destruct (Z.eq_dec (at_ (row Src (sample_of c I)) r) 1) as [S|S].
    + rewrite jump_entry by assumption. rewrite S. unfold jumpZ. cbn [Z.eqb Pos.eqb]. rewrite Rmult_comm, abs_IZR. unfold Rdiv.
      rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq W1) by lra. apply Rmult_le_compat_r; [apply Rmult_le_pos; [apply Rabs_pos|left; now apply Rinv_0_lt_compat]|].
      unfold side_of. rewrite S. pose proof (dact_relu (pre_at z r I)). apply Rabs_le. lra.
    + rewrite (side_kept z r I E Hz Hr HI S), Rminus_eq_0, Rabs_R0, Rmult_0_r. lra.
  - replace (sided (hidden c) (side r (sample_of c I)) (pre_at (start c) r I)) with (sided (hidden c) (dact (hidden c) (pre_at z r I)) (pre_at (start c) r I))
      by (now destruct (hidden c)).
    rewrite Rminus_eq_0, Rabs_R0, Rmult_0_r. lra.
Qed.

Lemma slope_between z z' r I : in_ball (start c) (Q2R (radius w)) z -> in_ball (start c) (Q2R (radius w)) z' -> (r < m)%nat -> (I < N)%nat ->
  Rabs (slope_at (kept z') (start c) r I - slope_at (kept z) (start c) r I) <= jump_of r I.
Proof.
  intros Hz Hz' Hr HI. pose proof (slope_near_reference z r I Hz Hr HI) as A. pose proof (slope_near_reference z' r I Hz' Hr HI) as B.
  apply Rabs_le_between in A, B. apply Rabs_le. lra.
Qed.

(** All jumps together: the rows of the matrix that bounds them. *)
Lemma jump_rows I : (I < N)%nat ->
  sum N (fun J => s2 * s2 * (Rabs ⟨xs I, xs J⟩ * sum m (fun r => jump_of r I * jump_of r J))) <= Q2R (kink w) * Q2R (kink w).
Proof.
  intros HI. pose proof (t_jumps _ _ _ passed) as C. unfold check_jumps in C. rewrite !andb_true_iff in C. destruct C as [_ C]. unfold jump_of.
  assert (Zero : sum N (fun J => s2 * s2 * (Rabs ⟨xs I, xs J⟩ * sum m (fun r => 0 * 0))) <= Q2R (kink w) * Q2R (kink w)).
  { rewrite (sum_ext N _ (fun _ => 0)); [rewrite sum_0; apply Rle_0_sqr|]. intros J _.
    rewrite (sum_ext m _ (fun _ => 0)) by (intros; ring). rewrite sum_0. ring. }
  destruct (hidden c); try exact Zero. clear Zero. cbn zeta in C. rewrite andb_true_iff in C. destruct C as [_ C].
  pose proof (forallb_nth _ _ I O C ltac:(now rewrite seq_length)) as T. cbn beta in T. rewrite seq_nth, Nat.add_0_l in T by assumption. clear C.
  apply leQ_R in T. repeat rewrite ?Q2R_mult, ?Q2R_Z in T. rewrite !mult_IZR in T. fold W1 in T.
  pose proof W1_pos as HW. pose proof qx_pos as HQ. pose proof (IZR_pos _ (s_q2 _ _ shaped)) as H2.
  assert (E : s2 * s2 = / IZR (output_scale c)).
  { unfold scale2R. rewrite <- Rinv_mult. f_equal. apply sqrt_sqrt. lra. }
  set (D := IZR (output_scale c) * IZR (qx c w) * (W1 * W1)) in *.
  assert (HD : 0 < D) by (unfold D; repeat apply Rmult_lt_0_compat; assumption).
  apply Rmult_le_reg_r with D; [assumption|]. eapply Rle_trans; [|exact T]. unfold jump_sum. rewrite sumZ_sum, <- sum_scal_r. apply sum_le. intros J HJ.
  destruct (CheckForward.equation_lt c I HI) as [Hi _]. destruct (CheckForward.equation_lt c J HJ) as [Hj _].
  rewrite mult_IZR, plus_IZR, abs_IZR, (dot_sum _ _ m) by (now rewrite jump_length).
  set (i := sample_of c I) in *. set (j := sample_of c J) in *.
  assert (G : IZR (qx c w) * Rabs (gram i j) <= Rabs (IZR (at_ (row XX (Nat.max i j)) (Nat.min i j))) + IZR eg).
  { assert (EG : gram i j = gram (Nat.max i j) (Nat.min i j)).
    { destruct (Nat.le_ge_cases i j); [rewrite Nat.max_r, Nat.min_l by assumption; apply gram_sym|now rewrite Nat.max_l, Nat.min_r]. }
    rewrite EG. pose proof (gram_near (Nat.max i j) (Nat.min i j)) as Gn. rewrite <- XX_entry in Gn by lia.
    set (v := IZR (at_ (row XX (Nat.max i j)) (Nat.min i j))) in *. set (g := gram (Nat.max i j) (Nat.min i j)) in *.
    pose proof (Rabs_triang (IZR (qx c w) * g - v) v) as Tr. replace (IZR (qx c w) * g - v + v) with (IZR (qx c w) * g) in Tr by ring.
    rewrite Rabs_mult, (Rabs_pos_eq (IZR (qx c w))) in Tr by lra. lra. }
  set (S := sum m (fun r => IZR (at_ (row Jum I) r) * IZR (at_ (row Jum J) r))).
  rewrite (sum_ext m (fun r => IZR (at_ (row Jum I) r) / W1 * (IZR (at_ (row Jum J) r) / W1))
    (fun r => / (W1 * W1) * (IZR (at_ (row Jum I) r) * IZR (at_ (row Jum J) r)))) by (intros; field; lra).
  rewrite sum_scal. fold S. rewrite E. fold (gram_of c i j). unfold D.
  replace (/ IZR (output_scale c) * (Rabs (gram i j) * (/ (W1 * W1) * S)) * (IZR (output_scale c) * IZR (qx c w) * (W1 * W1)))
    with (IZR (qx c w) * Rabs (gram i j) * S) by (field; lra).
  apply Rmult_le_compat_r; [|exact G]. apply sum_nonneg. intros r Hr. rewrite !jump_entry by assumption.
  apply Rmult_le_pos; apply IZR_le; unfold jumpZ; destruct (_ =? 1)%Z; lia.
Qed.
Lemma jump_rows_half I : (I < N)%nat ->
  sum N (fun J => s2 * s2 * (Rabs ⟨xs I, xs J⟩ * sum m (fun r => / 2 * jump_of r I * (/ 2 * jump_of r J)))) <= half * half.
Proof.
  intros HI. pose proof (jump_rows I HI) as T.
  rewrite (sum_ext N _ (fun J => / 4 * (s2 * s2 * (Rabs ⟨xs I, xs J⟩ * sum m (fun r => jump_of r I * jump_of r J))))); [rewrite sum_scal; lra|].
  intros J _. rewrite (sum_ext m _ (fun r => / 4 * (jump_of r I * jump_of r J))) by (intros; field). rewrite sum_scal. ring.
Qed.
End Kinks.
