(** * The kernel that the checker computes, and how far a Jacobian moves

    The kernel is that of a reference, the network with the slopes that the checker takes: the network itself but for ReLU units that
    may change sides on the ball. *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting NtkStability Relu Activation TwoLayer NeuronBudget Kinks Rows Psd Criterion
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckHidden CheckDerivative CheckScalars CheckKernel.
Import ListNotations.
Open Scope R_scope.

(** The network of [Format.model] with the slopes that the checker takes. *)
Definition reference (c : problem) (w : witness) (V : vectors) : Model (Params (Rn (outputs c)) (Rn (size c)) (width c) (biases c)) (Rn (equations c)) :=
  with_slopes (Rn (outputs c)) (Rn (size c)) (equations c) (width c) (biases c) (fun e => input c (sample_of c e))
    (fun e => axis (outputs c) (output_of c e)) (scale2R c) (hidden c) (fun r e => sided (hidden c) (side_of c w V r (sample_of c e))).

Section Reference.
Variables (c : problem) (w : witness) (V : vectors).
Notation n := (samples c).
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
Notation Slo := (slopesZ c w Src).
Notation Kers := (kernelsZ c w V XX Hid Slo).
Notation ek := (e_kernel c w Tan eg eh).
Notation s2 := (scale2R c).
Notation W1 := (weight_unit c).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation N := (equations c).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation side := (CheckDerivative.side_of c w V).
Notation units := (fun _ _ : nat => act (hidden c)).
Notation dunits := (fun r e => sided (hidden c) (side r (sample_of c e))).
Notation slope_ := (slope RY R1 m (biases c) xs ys dunits (start c)).
Notation sloped f := (with_slopes RY R1 N m (biases c) xs ys s2 (hidden c) f).
Notation gram := (gram_of c).
Notation Top := (Q2R (act_top (hidden c))).
Notation Bend := (Q2R (act_bend (hidden c))).
Hypothesis Hcheck : check c w V = true.
Notation passed := (CheckForward.passed c w V Hcheck).
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation W1_pos := (CheckForward.W1_pos c w V Hcheck).
Notation qx_pos := (CheckKernel.qx_pos c w V Hcheck).
Notation gram_near := (CheckKernel.gram_near c w V Hcheck).
Notation ones_entry := (CheckKernel.ones_entry w).
Notation ones_unit := (CheckKernel.ones_unit w).
Notation XX_bound := (CheckKernel.XX_bound c w V Hcheck).
Notation theta_near := (CheckKernel.theta_near c w V Hcheck).
Notation scale_pos := (CheckKernel.scale_pos c w V Hcheck).
Notation finer_pos := (CheckKernel.finer_pos c w V Hcheck).
Notation XX_entry := (CheckKernel.XX_entry c w V Hcheck).
Notation gram_sym := (CheckKernel.gram_sym c).
Notation theta_sym := (CheckKernel.theta_sym c w V).
Notation theta_ kk := (theta RY R1 m (biases c) xs ys s2 units dunits kk (start c)).
Notation scalars := (CheckScalars.scalars c w V Hcheck).
Notation radius_pos := (CheckScalars.radius_pos c w V Hcheck).

(** ** The inputs as operators *)
Lemma inputs_norm (u : nat -> R) :
  ⟨vsum n (fun i => u i ⋅ input c i), vsum n (fun i => u i ⋅ input c i)⟩
    <= Q2R (in_norm w) * Q2R (in_norm w) * sum n (fun i => u i * u i).
Proof.
  pose proof (t_inputs _ _ _ passed) as C. unfold check_inputs in C. cbn zeta in C. rewrite !andb_true_iff in C. destruct C as [[[[C1 C2] _] _] _]. apply factor_test_sound in C1.
  assert (Hn : forall i j, (i < n)%nat -> (j <= i)%nat -> Rabs (IZR (qx c w) * gram i j - IZR (at_ (row XX i) j)) <= IZR eg).
  { intros i j Hi Hj. rewrite XX_entry by assumption. apply gram_near. }
  pose proof (psd_test_upper _ _ _ _ _ _ (gram_of c) (IZR (qx c w)) (IZR eg) u C1 (s_ins _ _ shaped) gram_sym Hn) as P.
  apply leQ_R in C2. set (e := eg) in *. clearbody e.
  rewrite !Q2R_mult, !Q2R_Z, minus_IZR, mult_IZR, plus_IZR in C2. unfold nZ in C2. rewrite <- INR_IZR_INZ in C2.
  pose proof qx_pos as S. set (t := sum n (fun i => u i * u i)) in *.
  assert (0 <= t) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  rewrite inner_vsum_l.
  rewrite (sum_ext n (fun i => ⟨u i ⋅ input c i, _⟩) (fun i => sum n (fun j => u i * u j * gram i j))).
  2:{ intros i _. rewrite inner_scal_l, inner_vsum_r, <- sum_scal. apply sum_ext. intros j _. rewrite inner_scal_r. unfold gram_of. ring. }
  apply Rmult_le_reg_l with (IZR (qx c w)); [assumption|]. eapply Rle_trans; [exact P|].
  rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [assumption|]. lra.
Qed.

Lemma square_entry i j : at_ (row (squares XX) i) j = (at_ (row XX i) j * at_ (row XX i) j)%Z.
Proof.
  unfold squares. change (@nil Z) with (map (fun v => v * v)%Z (@nil Z)) at 1. rewrite map_nth. change 0%Z with (0 * 0)%Z at 1.
  apply (map_nth (fun v => v * v)%Z).
Qed.

Lemma inputs_twice (b : nat -> R) (v : R1) :
  ⟨vsum n (fun i => (b i * ⟨v, input c i⟩) ⋅ input c i), vsum n (fun i => (b i * ⟨v, input c i⟩) ⋅ input c i)⟩
    <= Q2R (in_norm w) * Q2R (in_twice w) * (Q2R (in_norm w) * Q2R (in_twice w)) * sum n (fun i => b i * b i) * ⟨v, v⟩.
Proof.
  eapply Rle_trans; [apply twice_bound|]. apply Rmult_le_compat_r; [apply inner_pos|].
  pose proof (t_inputs _ _ _ passed) as C. unfold check_inputs in C. cbn zeta in C. rewrite !andb_true_iff in C. destruct C as [[_ C4] C5]. apply factor_test_sound in C4.
  pose proof qx_pos as S. set (g2 := fun i j => gram i j * gram i j).
  assert (Hn : forall i j, (i < n)%nat -> (j <= i)%nat ->
    Rabs (IZR (qx c w * qx c w) * g2 i j - IZR (at_ (row (squares XX) i) j)) <= IZR (eg * (2 * xx_max w + eg))).
  { intros i j Hi Hj. assert (Hj' : (j < n)%nat) by lia. rewrite square_entry. pose proof (gram_near i j) as G. pose proof (XX_bound i j Hi Hj') as B.
    rewrite <- XX_entry in G, B by assumption. unfold g2. set (e := eg) in *. clearbody e. rewrite !mult_IZR, plus_IZR, mult_IZR.
    set (v' := IZR (at_ (row XX i) j)) in *. set (a := IZR (qx c w) * gram i j) in *.
    replace (IZR (qx c w) * IZR (qx c w) * (gram i j * gram i j) - v' * v') with ((a - v') * (2 * v' + (a - v'))) by (unfold a; ring).
    rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [exact G|]. eapply Rle_trans; [apply Rabs_triang|].
    rewrite Rabs_mult, (Rabs_pos_eq 2) by lra. lra. }
  pose proof (psd_test_upper _ _ _ _ _ _ g2 (IZR (qx c w * qx c w)) (IZR (eg * (2 * xx_max w + eg))) b C4 (s_twice _ _ shaped)
    (fun i j => f_equal2 Rmult (gram_sym i j) (gram_sym i j)) Hn) as P.
  apply leQ_R in C5. set (e := (eg * (2 * xx_max w + eg))%Z) in *. clearbody e.
  repeat rewrite ?Q2R_mult, ?Q2R_Z in C5. rewrite minus_IZR, mult_IZR, plus_IZR in C5. unfold nZ in C5. rewrite <- INR_IZR_INZ in C5.
  rewrite mult_IZR in *. set (t := sum n (fun i => b i * b i)) in *.
  assert (0 <= t) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  assert (SS : 0 < IZR (qx c w) * IZR (qx c w)) by now apply Rmult_lt_0_compat.
  apply Rmult_le_reg_l with (IZR (qx c w) * IZR (qx c w)); [assumption|].
  eapply Rle_trans; [|eapply Rle_trans; [exact P|]].
  - right. reflexivity.
  - rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [assumption|]. lra.
Qed.

Lemma s2_pos : 0 < s2.
Proof. unfold scale2R. apply Rinv_0_lt_compat, sqrt_lt_R0, IZR_pos, (s_q2 _ _ shaped). Qed.

Lemma s2_le : s2 <= Q2R (scale2 w).
Proof.
  pose proof (c_s2 _ _ scalars) as Hp. pose proof (c_q2 _ _ scalars) as Hq. pose proof (IZR_pos _ (s_q2 _ _ shaped)) as H5. unfold scale2R.
  assert (Hs : 0 < sqrt (IZR (output_scale c))) by now apply sqrt_lt_R0.
  assert (Es : sqrt (IZR (output_scale c)) * sqrt (IZR (output_scale c)) = IZR (output_scale c)) by (apply sqrt_sqrt; lra).
  set (v := sqrt (IZR (output_scale c))) in *. rewrite <- Es in Hq.
  assert (1 <= Q2R (scale2 w) * v).
  { apply Rnot_lt_le. intros G. assert (0 <= Q2R (scale2 w) * v) by (apply Rmult_le_pos; lra). nra. }
  apply Rmult_le_reg_r with v; [assumption|]. rewrite Rinv_l; lra.
Qed.

(** ** How far the Jacobian moves *)
Notation K2 := (Q2R (in_norm w) * Q2R (in_norm w)).
Notation T2 := (Q2R (in_norm w) * Q2R (in_twice w) * (Q2R (in_norm w) * Q2R (in_twice w))).
Lemma equations_op (b : nat -> R) (v : RY) :
  ⟨vsum N (fun e => (b e * ⟨v, ys e⟩) ⋅ xs e), vsum N (fun e => (b e * ⟨v, ys e⟩) ⋅ xs e)⟩ <= K2 * sum N (fun e => b e * b e) * ⟨v, v⟩.
Proof. apply (rows_op R1 n (outputs c) (input c) K2); [apply Rle_0_sqr|exact inputs_norm]. Qed.
Lemma equations_twice (b : nat -> R) (v : RY) (u : R1) :
  ⟨vsum N (fun e => (b e * ⟨v, ys e⟩ * ⟨u, xs e⟩) ⋅ xs e), vsum N (fun e => (b e * ⟨v, ys e⟩ * ⟨u, xs e⟩) ⋅ xs e)⟩
    <= T2 * sum N (fun e => b e * b e) * ⟨v, v⟩ * ⟨u, u⟩.
Proof. apply (rows_twice R1 n (outputs c) (input c) T2); [apply Rle_0_sqr|exact inputs_twice]. Qed.

Lemma side_unit : hidden c = Relu -> forall r e, 0 <= side r (sample_of c e) <= 1.
Proof. intros E r e. now apply CheckDerivative.side_unit. Qed.

Lemma jacobian_moves (g : nat -> nat -> R) A l D z z' : (hidden c = Relu -> forall r e, 0 <= g r e <= 1) ->
  0 <= A -> 0 < l -> Top * Top + Bend * A * Q2R (in_twice w) * l <= l * l ->
  Q2R (scale2 w) * Q2R (in_norm w) * l <= D -> (forall r, (r < m)%nat -> norm (out RY R1 m (biases c) z r) <= A) ->
  jac_change (sloped (fun r e => sided (hidden c) (g r e))) z z' (D * norm (z' ⊖ z)).
Proof.
  intros Hg HA Hl He HD Hz. pose proof s2_pos. pose proof s2_le. pose proof (c_N _ _ scalars). pose proof (norm_pos (z' ⊖ z)).
  intros v. eapply Rle_trans; [apply (network_lipschitz RY R1 N m (biases c) xs ys s2 units (fun r e => sided (hidden c) (g r e)) Top Bend
    (fun _ _ => act_lipschitz _) (fun r e t => sided_le _ _ t (fun E => Hg E r e)) (fun _ _ => sided_lipschitz _ _)
    (proj1 (act_top_range _)) (act_bend_pos _) (Q2R (in_norm w)) (Q2R (in_twice w)) (c_N _ _ scalars) (c_X _ _ scalars) equations_op equations_twice A l HA Hl He z z' Hz)|].
  apply Rmult_le_compat_r; [apply norm_pos|]. apply Rmult_le_compat_r; [assumption|]. rewrite Rabs_pos_eq by lra.
  eapply Rle_trans; [|exact HD]. apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat_r; assumption.
Qed.

(** The network with any slopes of ReLU, from the start and from any point of the ball. *)
Lemma jacobian_from_start g z : (hidden c = Relu -> forall r e, 0 <= g r e <= 1) ->
  jac_change (sloped (fun r e => sided (hidden c) (g r e))) (start c) z (Q2R (drop w) * norm (z ⊖ start c)).
Proof. intros Hg. apply (jacobian_moves g (Q2R (out_max w)) (Q2R (ell0 w))); try apply scalars. exact Hg. Qed.
Lemma jacobian_lipschitz g z z' : (hidden c = Relu -> forall r e, 0 <= g r e <= 1) -> in_ball (start c) (Q2R (radius w)) z ->
  jac_change (sloped (fun r e => sided (hidden c) (g r e))) z z' (Q2R (lip w) * norm (z' ⊖ z)).
Proof.
  intros Hg Hz. destruct radius_pos as [HR _]. pose proof (c_A _ _ scalars).
  apply (jacobian_moves g (Q2R (out_max w) + Q2R (radius w)) (Q2R (ell w))); try apply scalars; [assumption|lra|].
  intros r Hr. eapply Rle_trans; [apply (out_ball RY R1 m (biases c) (start c) (Q2R (radius w)) z r Hr Hz)|].
  apply Rplus_le_compat_r. now apply (c_outer _ _ scalars).
Qed.

(** ** The NTK at the start, lambda_min >= sigma0^2 and |J| <= K0 *)
Let q (u : Rn N) := sum N (fun i => entry u i * entry u i).
Lemma q_pos u : 0 <= q u.
Proof. apply sum_nonneg. intros. apply Rle_0_sqr. Qed.

Lemma theta_whole I J : theta_ (fun _ => 1) I J = theta_ (share_of w 1 (ones w)) I J.
Proof.
  assert (E : forall f : nat -> R, sum m (fun r => 1 * f r) = sum m (fun r => share_of w 1 (ones w) r * f r)).
  { intros f. apply sum_ext. intros r Hr. unfold share_of. rewrite ones_entry by now apply (s_group _ _ shaped). field. }
  unfold theta. set (h := hid RY R1 m (biases c) xs units (start c)).
  now rewrite (E (fun r => h r I * h r J)), (E (fun r => slope_ r I * slope_ r J)).
Qed.

Lemma ntk_whole (u : Rn N) : ⟨JT (reference c w V) (start c) u, JT (reference c w V) (start c) u⟩
  = sum N (fun I => sum N (fun J => entry u I * entry u J * theta_ (share_of w 1 (ones w)) I J)).
Proof.
  change (JT (reference c w V)) with (net_JT RY R1 N m (biases c) xs ys s2 units dunits). rewrite ntk_matrix.
  apply sum_ext. intros I _. apply sum_ext. intros J _. now rewrite theta_whole.
Qed.

Lemma whole_near I J : (I < N)%nat -> (J <= I)%nat ->
  Rabs (IZR (scaleZ c w) * theta_ (share_of w 1 (ones w)) I J - IZR (at_ (row (kernelZ Kers 0) I) J)) <= IZR ek / finer_unit c w.
Proof.
  intros HI HJ. pose proof (theta_near 0 1 (ones w) I J (Nat.lt_0_succ _) eq_refl ltac:(lia) ones_unit HI HJ) as T. rewrite Z.mul_1_r, Rmult_1_l in T. exact T.
Qed.

Lemma kernel_lower : ntk_lower (reference c w V) (start c) (Q2R (sigma0 w) * Q2R (sigma0 w)).
Proof.
  intros u. rewrite ntk_form, ntk_whole, inner_Rn. fold (q u).
  pose proof (t_kernel _ _ _ passed) as C. unfold check_kernel in C. rewrite !andb_true_iff in C. destruct C as [[[C1 C2] _] _]. apply factor_test_sound in C1.
  pose proof (psd_test_correct _ _ _ _ _ _ _ (IZR (scaleZ c w)) (IZR ek / finer_unit c w) (entry (n := N) u) C1 (s_low _ _ shaped) (theta_sym _) whole_near) as P.
  fold (q u) in P. apply leQ_R in C2. set (e := ek) in *. clearbody e.
  rewrite !Q2R_mult, !Q2R_Z, minus_IZR, !mult_IZR, plus_IZR, mult_IZR in C2. fold (finer_unit c w) in C2.
  unfold NZ in C2. rewrite <- INR_IZR_INZ in C2.
  pose proof scale_pos as S. pose proof finer_pos as Fp. pose proof (q_pos u). set (fu := finer_unit c w) in *. clearbody fu.
  apply Rmult_le_reg_l with (IZR (scaleZ c w)); [assumption|]. eapply Rle_trans; [|exact P].
  rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [assumption|].
  apply Rmult_le_reg_r with fu; [assumption|].
  replace ((IZR (f_C (low w)) - INR N * (IZR (f_cap (low w)) + IZR e / fu)) * fu)
    with (IZR (f_C (low w)) * fu - INR N * (IZR (f_cap (low w)) * fu + IZR e)) by (field; lra). lra.
Qed.

Lemma kernel_upper : jac_bound (reference c w V) (start c) (Q2R (jac0 w)).
Proof.
  apply jac_bound_of_JT; [apply (c_K _ _ scalars)|]. intros u. rewrite ntk_whole, inner_Rn. fold (q u).
  pose proof (t_kernel _ _ _ passed) as C. unfold check_kernel in C. rewrite !andb_true_iff in C. destruct C as [[_ C1] C2]. apply factor_test_sound in C1.
  pose proof (psd_test_upper _ _ _ _ _ _ _ (IZR (scaleZ c w)) (IZR ek / finer_unit c w) (entry (n := N) u) C1 (s_high _ _ shaped) (theta_sym _) whole_near) as P.
  fold (q u) in P. apply leQ_R in C2. set (e := ek) in *. clearbody e.
  rewrite !Q2R_mult, !Q2R_Z, minus_IZR, !mult_IZR, plus_IZR, mult_IZR in C2. fold (finer_unit c w) in C2.
  unfold NZ in C2. rewrite <- INR_IZR_INZ in C2.
  pose proof scale_pos as S. pose proof finer_pos as Fp. pose proof (q_pos u). set (fu := finer_unit c w) in *. clearbody fu.
  apply Rmult_le_reg_l with (IZR (scaleZ c w)); [assumption|]. eapply Rle_trans; [exact P|].
  rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [assumption|].
  apply Rmult_le_reg_r with fu; [assumption|].
  replace ((INR N * (IZR (f_cap (high w)) + IZR e / fu) - IZR (f_C (high w))) * fu)
    with (INR N * (IZR (f_cap (high w)) * fu + IZR e) - IZR (f_C (high w)) * fu) by (field; lra). lra.
Qed.

(** ** The NTK on every ball: the budget shared between the neurons *)
Notation no_group := {| g_max := 0; g_ell := 0 |}.
Notation group_at r := (nth (nth r (group_of w) O) (groups w) no_group).

Lemma neuron_group r : (r < m)%nat -> 0 < Q2R (g_ell (group_at r)) /\
  Top * Top + Bend * norm (out RY R1 m (biases c) (start c) r) * Q2R (in_twice w) * Q2R (g_ell (group_at r)) <= Q2R (g_ell (group_at r)) * Q2R (g_ell (group_at r)).
Proof.
  intros Hr. pose proof (s_group _ _ shaped r Hr) as Hg.
  pose proof (t_budget _ _ _ passed) as C. unfold check_budget in C. rewrite !andb_true_iff in C. destruct C as [[C1 C2] _].
  pose proof (all2_nth _ _ _ r O 0%Z C1 ltac:(unfold outer_squares; rewrite (CheckForward.over_outputs_length c w V Hcheck); exact Hr)) as E1. unfold neuron_ok in E1. apply Z.leb_le in E1.
  change 0%Z with (g_max no_group) in E1 at 2 3. rewrite map_nth in E1.
  pose proof (forallb_nth _ _ _ no_group C2 Hg) as E2. unfold group_ok, steep, bent in E2. rewrite !andb_true_iff in E2. destruct E2 as [[E0 E2] E3].
  apply Z.leb_le in E0. apply ltQ_R in E2. apply leQ_R in E3. rewrite RMicromega.Q2R_0 in E2. set (g := group_at r) in *. clearbody g.
  repeat rewrite ?Q2R_plus, ?Q2R_mult, ?Q2R_Z in E3. fold (weight_unit c) in E3.
  split; [assumption|]. pose proof W1_pos as HW. pose proof (c_X _ _ scalars) as HX.
  assert (Ha : W1 * norm (out RY R1 m (biases c) (start c) r) <= IZR (g_max g)).
  { rewrite <- (Rabs_pos_eq W1) by lra. rewrite <- norm_scal. apply norm_le_sq; [now apply IZR_le|].
    rewrite inner_scal_l, inner_scal_r, <- Rmult_assoc, <- (CheckForward.outer_squares_value c w V Hcheck r Hr), <- mult_IZR. now apply IZR_le. }
  set (a := norm (out RY R1 m (biases c) (start c) r)) in *. clearbody a.
  set (x := Q2R (in_twice w)) in *. set (l := Q2R (g_ell g)) in *. clearbody x l.
  apply Rmult_le_reg_r with W1; [assumption|].
  replace ((Top * Top + Bend * a * x * l) * W1) with (Top * Top * W1 + Bend * (W1 * a) * x * l) by ring.
  eapply Rle_trans; [|exact E3]. apply Rplus_le_compat_l. apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat_r; [assumption|].
  apply Rmult_le_compat_l; [apply act_bend_pos|exact Ha].
Qed.

Lemma parabola_passed p : In p (parabolas w) -> exists k, (k < length (all_shares w))%nat /\
  nth k (all_shares w) (0%Z, []) = (share_one, p_shares p) /\ parabola_ok c w V ek (kernelZ Kers k) p = true.
Proof.
  intros Hp. pose proof (t_budget _ _ _ passed) as C. unfold check_budget in C. rewrite !andb_true_iff in C. destruct C as [_ C].
  destruct (In_nth _ _ p Hp) as [k [Hk E]]. pose proof (all2_nth _ _ _ k (kernelZ Kers O) p C Hk) as T.
  rewrite E, (nth_map_lt _ _ _ O), seq_nth in T by (rewrite ?seq_length; exact Hk). exists (1 + k)%nat. unfold all_shares.
  cbn [length]. rewrite map_length. split; [lia|split; [|exact T]]. cbn [nth Nat.add]. rewrite (nth_map_lt _ _ _ p) by exact Hk. now rewrite E.
Qed.

Lemma parabola_bound p z : In p (parabolas w) ->
  forall u, (Q2R (p_floor p) - Q2R (p_weight p) * ⟨z ⊖ start c, z ⊖ start c⟩) * ⟨u, u⟩ <= ⟨JT (reference c w V) z u, JT (reference c w V) z u⟩.
Proof.
  intros Hp u. destruct (parabola_passed p Hp) as [k [Hk [Ek C]]]. unfold parabola_ok in C. rewrite !andb_true_iff in C.
  destruct C as [[[[C1 C2] C3] C4] C5]. apply factor_test_sound in C4. apply leQ_R in C1, C5. rewrite RMicromega.Q2R_0 in C1. apply Z.leb_le in C3.
  pose proof (all2_length _ _ _ C2) as L.
  assert (S : forall g, (g < length (groups w))%nat -> (0 <= at_ (p_shares p) g <= share_one)%Z /\
    IZR (at_ (p_shares p) g) * (Q2R (p_weight p) + Q2R (scale2 w) * Q2R (scale2 w) * (Q2R (in_norm w) * Q2R (in_norm w))
      * (Q2R (g_ell (nth g (groups w) no_group)) * Q2R (g_ell (nth g (groups w) no_group)))) <= IZR share_one * Q2R (p_weight p)).
  { intros g Hg. pose proof (all2_nth _ _ _ g 0%Z no_group C2 Hg) as E. unfold share_ok in E. rewrite !andb_true_iff in E.
    destruct E as [[E1 E2] E3]. apply Z.leb_le in E1, E2. apply leQ_R in E3. split; [lia|].
    repeat rewrite ?Q2R_plus, ?Q2R_mult, ?Q2R_Z in E3. exact E3. }
  pose proof (fun i j => theta_near k share_one (p_shares p) i j Hk Ek) as Near.
  pose proof (psd_test_correct _ _ _ _ _ _ _ (IZR (scaleZ c w * share_one)) (IZR share_one * IZR ek / finer_unit c w) (entry (n := N) u) C4 C3
    (theta_sym _) (fun i j => Near i j eq_refl (fun g Hg => proj1 (S g Hg)))) as P.
  fold (q u) in P. set (e := ek) in *. clearbody e.
  assert (B : Q2R (p_floor p) * q u <= sum N (fun i => sum N (fun j => entry u i * entry u j * theta_ (share_of w share_one (p_shares p)) i j))).
  { repeat rewrite ?Q2R_mult, ?Q2R_Z in C5. repeat rewrite ?minus_IZR, ?mult_IZR, ?plus_IZR in C5. fold (finer_unit c w) in C5.
    unfold NZ in C5. rewrite <- INR_IZR_INZ in C5. pose proof scale_pos as SP. pose proof finer_pos as Fp. pose proof (q_pos u).
    assert (O1 : 0 < IZR share_one) by (unfold share_one; lra). rewrite mult_IZR in P.
    set (fu := finer_unit c w) in *. clearbody fu. set (o := IZR share_one) in *. clearbody o.
    apply Rmult_le_reg_l with (IZR (scaleZ c w) * o); [now apply Rmult_lt_0_compat|]. eapply Rle_trans; [|exact P].
    rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [assumption|].
    apply Rmult_le_reg_r with fu; [assumption|].
    replace ((IZR (f_C (p_factor p)) - INR N * (IZR (f_cap (p_factor p)) + o * IZR e / fu)) * fu)
      with (IZR (f_C (p_factor p)) * fu - INR N * (IZR (f_cap (p_factor p)) * fu + o * IZR e)) by (field; lra). lra. }
  change (JT (reference c w V)) with (net_JT RY R1 N m (biases c) xs ys s2 units dunits).
  eapply Rle_trans; [|apply (neuron_budget RY R1 N m (biases c) xs ys s2 units dunits Top Bend (fun _ _ => act_lipschitz _)
    (fun r e t => sided_le _ _ t (fun E => side_unit E r e)) (fun _ _ => sided_lipschitz _ _) (proj1 (act_top_range _)) (act_bend_pos _) (Q2R (in_norm w)) (Q2R (in_twice w)) (c_N _ _ scalars) (c_X _ _ scalars) equations_op equations_twice
    (start c) (Q2R (p_weight p)) (share_of w share_one (p_shares p)) (fun r => Q2R (g_ell (group_at r))) C1)].
  - rewrite inner_Rn. fold (q u). lra.
  - intros r Hr. apply (neuron_group r Hr).
  - intros r Hr. apply (neuron_group r Hr).
  - intros r Hr. apply (CheckKernel.part_range c w V Hcheck share_one (p_shares p) eq_refl (fun g Hg => proj1 (S g Hg)) r Hr).
  - intros r Hr. destruct (S _ (s_group _ _ shaped r Hr)) as [[S0 _] S2]. unfold share_of.
    pose proof s2_pos. pose proof s2_le. set (g := nth r (group_of w) O) in *. set (l := Q2R (g_ell (nth g (groups w) no_group))) in *.
    apply IZR_le in S0. set (h := IZR (at_ (p_shares p) g)) in *.
    assert (O1 : 0 < IZR share_one) by (unfold share_one; lra). set (o := IZR share_one) in *.
    assert (M : s2 * s2 * (Q2R (in_norm w) * Q2R (in_norm w)) * (l * l)
      <= Q2R (scale2 w) * Q2R (scale2 w) * (Q2R (in_norm w) * Q2R (in_norm w)) * (l * l)).
    { apply Rmult_le_compat_r; [apply Rle_0_sqr|]. apply Rmult_le_compat_r; [apply Rle_0_sqr|]. apply Rmult_le_compat; lra. }
    apply Rmult_le_reg_l with o; [assumption|].
    replace (o * (h / o * (Q2R (p_weight p) + s2 * s2 * (Q2R (in_norm w) * Q2R (in_norm w)) * (l * l))))
      with (h * (Q2R (p_weight p) + s2 * s2 * (Q2R (in_norm w) * Q2R (in_norm w)) * (l * l))) by (field; lra).
    eapply Rle_trans; [|exact S2]. apply Rmult_le_compat_l; lra.
Qed.
End Reference.
