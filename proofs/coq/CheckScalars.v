(** * The checker's scalars, and the residual at the start *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting Activation TwoLayer Rows
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckHidden.
Import ListNotations.
Open Scope R_scope.

Lemma two40_pos : 0 < IZR two40. Proof. unfold two40. lra. Qed.
Lemma Q2R_grid z : Q2R (grid z) = IZR z / IZR two40. Proof. reflexivity. Qed.

Section Scalars.
Variables (c : problem) (w : witness) (V : vectors).
Notation n := (samples c).
Notation m := (width c).
Notation W := (weightsZ c w).
Notation X := (inputsZ c w).
Notation Ds := (dotsZ V W X).
Notation Ps := (presZ c w Ds).
Notation Tan := (valuesZ c Ps).
Notation ed := (e_dot c W X).
Notation et := (e_value c + e_pre c w ed)%Z.
Notation s2 := (scale2R c).
Notation W1 := (weight_unit c).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation N := (equations c).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation hid_ := (hid RY R1 m (biases c) (input c) (fun _ _ => act (hidden c)) (start c)).
Notation outer_ := (outer RY R1 m (biases c) ys (start c)).
Notation Top := (Q2R (act_top (hidden c))).
Notation Bend := (Q2R (act_bend (hidden c))).
Hypothesis Hcheck : check c w V = true.
Notation passed := (CheckForward.passed c w V Hcheck).
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation W1_pos := (CheckForward.W1_pos c w V Hcheck).
Notation value_near := (CheckHidden.value_near c w V Hcheck).
Notation outer_value := (CheckForward.outer_value c).

(** ** The scalars *)
Record scalar_tests : Prop := {
  c_s : 0 < Q2R (loss_scale c); c_lr : 0 < Q2R (lr c); c_K : 0 <= Q2R (jac0 w);
  c_e : 0 <= Q2R (res0 w); c_sig : 0 <= Q2R (sigma0 w); c_D : 0 <= Q2R (drop w); c_L : 0 <= Q2R (lip w); c_A : 0 <= Q2R (out_max w);
  c_N : 0 <= Q2R (in_norm w); c_X : 0 <= Q2R (in_twice w); c_l0 : 0 < Q2R (ell0 w); c_l : 0 < Q2R (ell w); c_s2 : 0 <= Q2R (scale2 w);
  c_outer : forall r, (r < m)%nat -> norm (out RY R1 m (biases c) (start c) r) <= Q2R (out_max w);
  c_q2 : 1 <= Q2R (scale2 w) * Q2R (scale2 w) * IZR (output_scale c);
  c_ell0 : Top * Top + Bend * Q2R (out_max w) * Q2R (in_twice w) * Q2R (ell0 w) <= Q2R (ell0 w) * Q2R (ell0 w);
  c_ell : Top * Top + Bend * (Q2R (out_max w) + Q2R (radius w)) * Q2R (in_twice w) * Q2R (ell w) <= Q2R (ell w) * Q2R (ell w);
  c_drop : Q2R (scale2 w) * Q2R (in_norm w) * Q2R (ell0 w) <= Q2R (drop w);
  c_lip : Q2R (scale2 w) * Q2R (in_norm w) * Q2R (ell w) <= Q2R (lip w);
  c_kink : 0 <= Q2R (kink w); c_jump : 0 <= Q2R (jump w);
  c_step : Q2R (lr c) * Q2R (loss_scale c)
    * ((Q2R (jac0 w) + / 2 * Q2R (kink w) + Q2R (drop w) * Q2R (radius w)) * (Q2R (jac0 w) + / 2 * Q2R (kink w) + Q2R (drop w) * Q2R (radius w))) <= 1
}.

Lemma scalars : scalar_tests.
Proof.
  pose proof (t_scalars _ _ _ passed) as C. unfold check_scalars, jac_ball, half_kink, steep, bent in C. rewrite !andb_true_iff in C.
  destruct C as [[[[[[[[[[[[[[[[[[[P1 P2] P3] P4] P5] P6] P7] P8] P9] P10] P11] P12] P13] P14] P15] P16] P17] P18] P19] P20].
  apply ltQ_R in P1, P2, P11, P12. apply leQ_R in P3, P4, P5, P6, P7, P8, P9, P10, P13, P15, P16, P17, P18, P19, P20.
  assert (Hk : 0 <= Q2R (kink w) /\ 0 <= Q2R (jump w)).
  { pose proof (t_jumps _ _ _ passed) as J. unfold check_jumps in J. rewrite !andb_true_iff in J. destruct J as [[J1 J2] _]. apply leQ_R in J1, J2. now rewrite RMicromega.Q2R_0 in J1, J2. }
  destruct Hk as [Hk Hj].
  pose proof P8 as P8'. rewrite RMicromega.Q2R_0 in P8'.
  assert (Ho : forall r, (r < m)%nat -> norm (out RY R1 m (biases c) (start c) r) <= Q2R (out_max w)).
  { intros r Hr. pose proof (forallb_nth _ _ r 0%Z P14 ltac:(unfold outer_squares; rewrite (CheckForward.over_outputs_length c w V Hcheck); exact Hr)) as E.
    cbn beta in E. apply leQ_R in E. repeat rewrite ?Q2R_mult, ?Q2R_Z in E. fold W1 in E.
    rewrite (CheckForward.outer_squares_value c w V Hcheck r Hr) in E. pose proof W1_pos as HW.
    apply norm_le_sq; [assumption|]. apply Rmult_le_reg_l with (W1 * W1); [now apply Rmult_lt_0_compat|].
    eapply Rle_trans; [exact E|]. right. ring. }
  remember (radius w) as rad eqn:Erad in *.
  rewrite ?Q2R_minus, ?Q2R_plus, ?Q2R_mult, ?Q2R_minus, ?Q2R_plus, ?Q2R_mult, ?Q2R_plus, ?Q2R_mult, ?Q2R_Z, ?Q2R_half, ?RMicromega.Q2R_0, ?RMicromega.Q2R_1 in *.
  subst rad. constructor; assumption.
Qed.

Lemma radius_pos : 0 <= Q2R (radius w) /\ (0 <= offset w)%Z.
Proof.
  pose proof (t_stairs _ _ _ passed) as C. unfold check_stairs in C. rewrite !andb_true_iff in C. destruct C as [[[_ C1] C2] _].
  apply Z.leb_le in C1. split; [|assumption]. unfold radius. rewrite Q2R_grid. apply Rdiv_le_0_compat; [|apply two40_pos].
  apply (IZR_le 0). clear - C1 C2. revert C1 C2. generalize (offset w). induction (stairs w) as [|[r g] l IH]; intros o H1 H2; cbn in *; [assumption|].
  rewrite andb_true_iff in H2. destruct H2 as [H2 H3]. apply Z.leb_le in H2. apply (IH r); [lia|assumption].
Qed.

(** ** The residual *)
Lemma bias_value I : (I < N)%nat -> bias RY R1 m (biases c) ys (start c) I = IZR (at_ (output_biases c) (output_of c I)) / W1.
Proof.
  intros HI. destruct (CheckForward.equation_lt c I HI) as [_ Ho]. unfold bias, start. cbn [snd].
  rewrite (sum_ext (biases c) _ (fun _ => IZR (at_ (output_biases c) (output_of c I)) / W1)).
  2:{ intros k Hk. rewrite coord_build, inner_axis, entry_vector by assumption. reflexivity. }
  rewrite sum_const. unfold biases. destruct (output_biases c); cbn [INR]; [rewrite nth_nil_Z; unfold Rdiv; ring|ring].
Qed.

Notation dot_ I := (dot (row (outers c) (output_of c I)) (row Tan (sample_of c I))).
Notation size_ I := (norm1 (row (outers c) (output_of c I))).
Lemma outs_entry I : (I < N)%nat -> at_ (outsZ c Tan) I = dot_ I.
Proof.
  intros HI. unfold outsZ. cbn zeta. rewrite nth_seq_map by exact HI. rewrite !map_nth, sliced_correct. apply dot_comm.
Qed.
Lemma output_near I : (I < N)%nat ->
  Rabs (IZR (out_unit c) * (s2 * sum m (fun r => outer_ r I * hid_ r (sample_of c I)) + bias RY R1 m (biases c) ys (start c) I
          - value (target_bits c) (at_ (targets c) I))
        - IZR (residualZ c w (dot_ I) I)) <= IZR (e_out c w (dot_ I) (size_ I) et).
Proof.
  intros HI. destruct (CheckForward.equation_lt c I HI) as [Hi Ho].
  pose proof (root_correct _ _ (s_q2 _ _ shaped) (s_r2 _ _ shaped) (t_r2 _ _ _ passed)) as HR. fold s2 in HR.
  pose proof W1_pos as HW. pose proof one_pos as O1. pose proof (IZR_le _ _ (s_r2 _ _ shaped)) as Hr2.
  assert (HY : 0 < IZR (2 ^ target_bits c)) by (destruct (pow2_pos (target_bits c)) as [P|P]; [exact P|pose proof (s_tb _ _ shaped); lia]).
  rewrite bias_value by assumption. set (i := sample_of c I) in *. set (o := output_of c I) in *. set (as_ := row (outers c) o).
  set (t := sum m (fun r => outer_ r I * hid_ r i)).
  assert (La : length as_ = m) by now apply (s_outers _ _ shaped).
  assert (NA : IZR (norm1 as_) = sum m (fun r => Rabs (IZR (at_ as_ r)))) by (apply norm1_sum; lia).
  assert (HD : Rabs (IZR one * W1 * t - IZR (dot as_ (row Tan i))) <= IZR (norm1 as_) * IZR et).
  { rewrite (dot_sum _ _ m) by lia. unfold t. rewrite NA, <- sum_scal, <- sum_minus, <- sum_scal_r.
    eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros r Hr. pose proof (value_near r i Hr Hi) as N. unfold near in N.
    rewrite outer_value by assumption. fold o as_.
    replace (IZR one * W1 * (IZR (at_ as_ r) / W1 * hid_ r i) - IZR (at_ as_ r) * IZR (at_ (row Tan i) r))
      with (IZR (at_ as_ r) * (IZR one * hid_ r i - IZR (at_ (row Tan i) r))) by (field; lra).
    rewrite Rabs_mult. apply Rmult_le_compat_l; [apply Rabs_pos|exact N]. }
  assert (HT : Rabs (IZR one * W1 * t) <= Rabs (IZR (dot as_ (row Tan i))) + IZR (norm1 as_) * IZR et).
  { set (v := IZR one * W1 * t) in *. set (z := IZR (dot as_ (row Tan i))) in *. pose proof (Rabs_triang (v - z) z) as Tr.
    replace (v - z + z) with v in Tr by ring. lra. }
  unfold out_unit, residualZ, e_out, value. cbn zeta. fold i o as_. set (e := et) in *. clearbody e.
  rewrite ?mult_IZR, ?minus_IZR, ?plus_IZR, ?mult_IZR, ?plus_IZR, ?mult_IZR, abs_IZR. fold W1.
  set (Y := IZR (2 ^ target_bits c)) in *. set (F40 := IZR two40) in *.
  set (dt := IZR (dot as_ (row Tan i))) in *. set (bs := IZR (at_ (output_biases c) o)).
  set (nA := IZR (norm1 as_)) in *. set (O := IZR one) in *. clearbody Y F40 dt bs nA O t.
  match goal with |- Rabs ?e <= _ => replace e with
    (Y * ((F40 * s2 - IZR (r2 w)) * (O * W1 * t) + IZR (r2 w) * (O * W1 * t - dt))) by (field; lra) end.
  rewrite Rabs_mult, (Rabs_pos_eq Y) by lra. apply Rmult_le_compat_l; [lra|].
  eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_mult (F40 * s2 - _)), (Rabs_mult (IZR (r2 w))), (Rabs_pos_eq (IZR (r2 w))) by lra.
  apply Rplus_le_compat.
  - rewrite <- (Rmult_1_l (Rabs dt + _)). apply Rmult_le_compat; try assumption; apply Rabs_pos.
  - apply Rmult_le_compat_l; [lra|exact HD].
Qed.

Lemma out_unit_pos : 0 < IZR (out_unit c).
Proof.
  unfold out_unit. rewrite !mult_IZR. pose proof W1_pos. pose proof one_pos. fold W1.
  assert (0 < IZR two40) by (unfold two40; lra).
  destruct (pow2_pos (target_bits c)) as [P|P]; [|pose proof (s_tb _ _ shaped); lia]. apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat|]|]; assumption.
Qed.

Lemma residual_le : norm (residual (model c) (target c) (start c)) <= Q2R (res0 w).
Proof.
  apply norm_le_sq; [apply (c_e scalars)|].
  pose proof (t_res _ _ _ passed) as C. unfold check_residual in C. cbn zeta in C. apply leQ_R in C.
  rewrite !Q2R_mult, !Q2R_Z, sumZ_sum, mult_IZR in C. pose proof out_unit_pos as Up.
  rewrite inner_Rn. apply Rmult_le_reg_r with (IZR (out_unit c) * IZR (out_unit c)); [now apply Rmult_lt_0_compat|].
  eapply Rle_trans; [|exact C]. rewrite <- sum_scal_r. apply sum_le. intros I HI.
  assert (Er : entry (n := N) (residual (model c) (target c) (start c)) I
     = s2 * sum m (fun r => outer_ r I * hid_ r (sample_of c I)) + bias RY R1 m (biases c) ys (start c) I - value (target_bits c) (at_ (targets c) I)).
  { unfold residual. rewrite entry_minus.
    change (F (model c) (start c)) with (net_F RY R1 N m (biases c) xs ys s2 (fun _ _ => act (hidden c)) (start c)).
    unfold net_F, target. rewrite !entry_vector by assumption. reflexivity. }
  rewrite Er, outs_entry by exact HI. change 0%Z with (norm1 []). rewrite map_nth. pose proof (output_near I HI) as On.
  set (v := s2 * _ + _ - _) in *. set (e := e_out c w (dot_ I) (size_ I) et) in *. clearbody e. rewrite mult_IZR, !plus_IZR, !abs_IZR.
  replace (v * v * (IZR (out_unit c) * IZR (out_unit c))) with (IZR (out_unit c) * v * (IZR (out_unit c) * v)) by ring.
  apply sq_le_abs. set (z := IZR (residualZ c w (dot_ I) I)) in *.
  pose proof (Rabs_triang (IZR (out_unit c) * v - z) z) as Tr.
  replace (IZR (out_unit c) * v - z + z) with (IZR (out_unit c) * v) in Tr by ring. lra.
Qed.
End Scalars.
