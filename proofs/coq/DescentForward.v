(** * The steps' checker: inputs, hidden values, derivatives and residuals of a computed point, with their errors *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting Tanh Activation TwoLayer Rows Curve
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward Descent.
Import ListNotations.
Open Scope R_scope.

Ltac to_reals H := repeat rewrite ?Q2R_mult, ?Q2R_plus, ?Q2R_Z, ?RMicromega.Q2R_0, ?RMicromega.Q2R_1 in H.

(** Shifts of approximated numbers. *)
Lemma shift_real x N k e : (0 <= k)%Z -> Rabs (IZR (2 ^ k) * x - IZR N) <= IZR (2 ^ k) * e -> Rabs (x - IZR (Z.shiftr N k)) <= e + 1.
Proof.
  intros Hk H. pose proof (shift_floor N k Hk) as F. destruct (pow2_pos k) as [T|T]; [|lia]. set (U := IZR (2 ^ k)) in *. clearbody U.
  assert (E : IZR N = U * (IZR N / U)) by (field; lra). rewrite E in H. set (q := IZR N / U) in *. clearbody q.
  rewrite <- Rmult_minus_distr_l, Rabs_mult, Rabs_pos_eq in H by lra. apply Rmult_le_reg_l in H; [|assumption].
  apply Rabs_le_between in H. apply Rabs_le. lra.
Qed.
Lemma shift_error x N k e : (0 <= k)%Z -> Rabs (IZR (2 ^ k) * x - IZR N) <= IZR e -> Rabs (x - IZR (Z.shiftr N k)) <= IZR (Z.shiftr e k) + 2.
Proof.
  intros Hk H. pose proof (shift_floor e k Hk) as F. destruct (pow2_pos k) as [T|T]; [|lia].
  pose proof (shift_real x N k (IZR e / IZR (2 ^ k)) Hk) as S. replace (IZR (2 ^ k) * (IZR e / IZR (2 ^ k))) with (IZR e) in S by (field; lra).
  specialize (S H). lra.
Qed.

Section Forward.
Variables (c : problem) (w : witness) (V : vectors) (t : trail) (p : parameters).
Notation n := (samples c).
Notation m := (width c).
Notation d := (dim c).
Notation wb := (wbits c).
Notation xb := (xbits t).
Notation N := (equations c).
Notation s1 := (scale1 c).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation Par := (Params RY R1 m (biases c)).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation pre_ := (pre RY R1 m (biases c) xs).
Notation lead_ := (lead RY (size c) m (biases c) ys).
Notation B := (IZR (2 ^ wb)).
Notation XB := (IZR (2 ^ xb)).
Hypothesis Hcheck : check c w V = true.
Hypothesis Hok : trail_ok c w t p = true.
Notation passed := (CheckForward.passed c w V Hcheck).
Notation shaped := (CheckForward.shaped c w V Hcheck).

Record trail_tests : Prop := {
  h_tanh : hidden c = Tanh; h_bias : hidden_bias c = false; h_outputs : outputs c = 1%nat; h_biases : output_biases c = [];
  h_xb : (0 <= xb)%Z; h_wb : (0 <= wb - 16)%Z; h_in : (0 <= in_shift c t)%Z; h_pre : (0 <= wb + xb - 28)%Z; h_out : (0 <= 96 - wb)%Z; h_p : (0 <= p_bits p - wb)%Z;
  h_gain : (1 <= gain40 t)%Z; h_inner : (0 <= inner_most t)%Z; h_sum : (0 <= outer_sum t)%Z; h_most : (0 <= outer_most t)%Z;
  h_act : (e_act c t * e_act c t <= one)%Z; h_inputs : forallb (forallb (fun v => Z.abs v <=? 2 ^ in_shift c t)%Z) (inputs c) = true;
  h_gain1 : IZR ((gain40 t - 1) * (gain40 t - 1) * output_scale c) <= Q2R (gain c) * Q2R (gain c) * IZR (two40 * two40);
  h_gain2 : Q2R (gain c) * Q2R (gain c) * IZR (two40 * two40) <= IZR ((gain40 t + 1) * (gain40 t + 1) * output_scale c);
  h_n0 : 0 <= Q2R (root_n t); h_n : INR n <= Q2R (root_n t) * Q2R (root_n t);
  h_p0 : 0 <= Q2R (root_p t); h_p2 : INR m * (1 + INR d) <= Q2R (root_p t) * Q2R (root_p t);
  h_bound : IZR (outer_most t) <= Q2R (outer_bound t) * B; h_bound0 : 0 <= Q2R (outer_bound t);
  h_ell0 : 0 < Q2R (trail_ell t);
  h_ell : 1 + 77 / 100 * Q2R (outer_bound t) * Q2R (in_twice w) * Q2R (trail_ell t) <= Q2R (trail_ell t) * Q2R (trail_ell t);
  h_lip : Q2R (scale2 w) * Q2R (in_norm w) * Q2R (trail_ell t) <= Q2R (trail_lip t); h_lip0 : 0 <= Q2R (trail_lip t);
  h_first : Q2R (root_p t) <= Q2R (first t) * B
}.

Lemma tested : trail_tests.
Proof.
  pose proof Hok as C. unfold trail_ok in C. rewrite !andb_true_iff in C.
  destruct C as [[[[[[[[[[[[[[[[[[[[[[[[[[[[C1 C2] C3] C4] C5] C0] C6] C7] C8] C9] C10] C11] C12] C13] C14] C15] C16] C17] C18] C19] C20] C21] C22] C23] C24] C25] C26] C27] C28].
  apply Z.leb_le in C0, C5, C6, C7, C8, C9, C10, C11, C12, C13, C14. apply leQ_R in C16, C17, C18, C19, C20, C21, C22, C23, C25, C26, C27, C28. apply ltQ_R in C24.
  apply Nat.eqb_eq in C3. apply negb_true_iff in C2.
  to_reals C16. to_reals C17. to_reals C18. to_reals C19. to_reals C20. to_reals C21. to_reals C22. to_reals C23. to_reals C24. to_reals C25. to_reals C26. to_reals C27. to_reals C28.
  unfold nodes in C19.
  rewrite <- INR_IZR_INZ in C19. rewrite mult_IZR, plus_IZR, <- !INR_IZR_INZ in C21.
  replace (Q2R (77 # 100)) with (77 / 100) in C25 by (unfold Q2R; cbn; field).
  constructor; try assumption.
  - now destruct (hidden c).
  - now destruct (output_biases c).
Qed.

Lemma sample_id i : sample_of c i = i.
Proof. unfold sample_of. rewrite (h_outputs tested). apply Nat.div_1_r. Qed.
Lemma output_zero i : output_of c i = 0%nat.
Proof. unfold output_of. rewrite (h_outputs tested). apply Nat.mod_1_r. Qed.
Lemma equations_samples : N = n.
Proof. unfold equations. rewrite (h_outputs tested). lia. Qed.
Lemma B_pos : 0 < B. Proof. destruct (pow2_pos wb) as [P|P]; [exact P|]. pose proof (s_wb _ _ shaped). unfold wbits in *. lia. Qed.
Lemma XB_pos : 0 < XB. Proof. destruct (pow2_pos xb) as [P|P]; [exact P|]. pose proof (h_xb tested). lia. Qed.

(** ** Inputs *)
Notation X := (inputs_at c w t).
Notation xm := (input_most X).
Definition in_entry (i j : nat) : R := s1 * value (input_bits c) (at_ (row (inputs c) i) j).

Lemma X_entry i j : at_ (row X i) j = Z.shiftr (r1 w * at_ (row (inputs c) i) j) (in_shift c t).
Proof.
  unfold inputs_at. set (f := fun v => Z.shiftr (r1 w * v) (in_shift c t)). change (@nil Z) with (map f (@nil Z)) at 1. rewrite map_nth.
  assert (E : f 0%Z = 0%Z) by (unfold f; now rewrite Z.mul_0_r, Z.shiftr_0_l). rewrite <- E at 1. apply (map_nth f).
Qed.
Lemma X_count : length X = n. Proof. unfold inputs_at. apply map_length. Qed.
Lemma X_length i : (length (row X i) <= d)%nat.
Proof.
  unfold inputs_at. destruct (Nat.lt_ge_cases i (length (inputs c))) as [L|L]; [|rewrite nth_overflow by (now rewrite map_length); cbn; lia].
  rewrite (nth_map_lt _ _ _ (@nil Z)) by assumption. rewrite map_length. apply (s_inputs _ _ shaped).
Qed.

Lemma input_small i j : Rabs (IZR (at_ (row (inputs c) i) j)) <= IZR (2 ^ in_shift c t).
Proof.
  rewrite <- abs_IZR. apply IZR_le. destruct (Nat.lt_ge_cases i (length (inputs c))) as [L|L].
  - pose proof (forallb_nth _ _ i (@nil Z) (h_inputs tested) L) as E. destruct (Nat.lt_ge_cases j (length (row (inputs c) i))) as [K|K].
    + pose proof (forallb_nth _ _ j 0%Z E K) as F. now apply Z.leb_le in F.
    + rewrite (nth_overflow (row (inputs c) i)) by assumption. apply Z.pow_nonneg. lia.
  - rewrite (nth_overflow (inputs c)) by assumption. rewrite nth_nil_Z. apply Z.pow_nonneg. lia.
Qed.

Lemma X_near i j : Rabs (XB * in_entry i j - IZR (at_ (row X i) j)) <= 2.
Proof.
  rewrite X_entry. replace 2 with (1 + 1) by ring. apply shift_real; [apply (h_in tested)|].
  pose proof (input_small i j) as S. set (v := at_ (row (inputs c) i) j) in *. unfold in_entry, value. fold v.
  pose proof (root_correct _ _ (s_q1 _ _ shaped) (s_r1 _ _ shaped) (t_r1 _ _ _ passed)) as HR. fold s1 in HR.
  pose proof (s_ib _ _ shaped) as Ib. destruct (pow2_pos (input_bits c)) as [PI|PI]; [|lia].
  assert (E : IZR (2 ^ in_shift c t) * XB = IZR two40 * IZR (2 ^ input_bits c)).
  { rewrite <- pow2_add by (try apply (h_in tested); apply (h_xb tested)). replace (in_shift c t + xb)%Z with (40 + input_bits c)%Z by (unfold in_shift; ring).
    rewrite pow2_add by lia. reflexivity. }
  rewrite mult_IZR. replace (IZR (2 ^ in_shift c t) * (XB * (s1 * (IZR v / IZR (2 ^ input_bits c)))) - IZR (r1 w) * IZR v)
    with ((IZR two40 * s1 - IZR (r1 w)) * IZR v).
  2:{ replace (IZR (2 ^ in_shift c t) * (XB * (s1 * (IZR v / IZR (2 ^ input_bits c))))) with (IZR (2 ^ in_shift c t) * XB * (s1 * (IZR v / IZR (2 ^ input_bits c)))) by ring.
      rewrite E. field. lra. }
  rewrite Rabs_mult. rewrite Rmult_1_r. rewrite <- (Rmult_1_l (IZR (2 ^ in_shift c t))). apply Rmult_le_compat; try apply Rabs_pos; assumption.
Qed.

Lemma x_most i j : Rabs (XB * in_entry i j) <= IZR xm.
Proof.
  pose proof (X_near i j) as H. unfold input_most. rewrite plus_IZR.
  assert (G : (Z.abs (at_ (row X i) j) <= fold_right Z.max 0 (map magnitude X))%Z).
  { pose proof (magnitude_ge (row X i) j) as M. revert M. generalize X as rows. intros rows M.
    assert (F : (magnitude (row rows i) <= fold_right Z.max 0 (map magnitude rows))%Z).
    { clear M H. revert i. induction rows as [|a rows IH]; intros i; [destruct i; cbn; lia|]. cbn [map fold_right].
      destruct i as [|i]; cbn [nth]; [lia|]. specialize (IH i). lia. }
    lia. }
  apply IZR_le in G. rewrite abs_IZR in G. apply Rabs_le_between in H. apply Rabs_le. apply Rabs_le_between in G. lra.
Qed.
Lemma xm_pos : 0 <= IZR xm. Proof. eapply Rle_trans; [apply Rabs_pos|apply (x_most 0 0)]. Qed.

Lemma input_value i (f : nat -> R) (q : Rn (size c)) : (forall j, (j < d)%nat -> entry q j = f j) -> ⟨q, input c i⟩ = sum d (fun j => f j * in_entry i j).
Proof.
  intros Hq. rewrite inner_Rn. unfold size at 1. rewrite (h_bias tested). apply sum_ext. intros j Hj. rewrite Hq by assumption. f_equal.
  unfold input. rewrite entry_vector by (unfold size; rewrite (h_bias tested); exact Hj). destruct (Nat.ltb_spec j d); [reflexivity|lia].
Qed.
Lemma input_entry i j : (j < d)%nat -> entry (input c i) j = in_entry i j.
Proof.
  intros Hj. unfold input. rewrite entry_vector by (unfold size; rewrite (h_bias tested); exact Hj). destruct (Nat.ltb_spec j d); [reflexivity|lia].
Qed.

(** ** A computed point and what the checker computes of it *)
Definition at_state (S : state) : Par :=
  (build m (fun r => (vector (outputs c) (fun _ => IZR (weight_at S r) / B), vector (size c) (fun j => IZR (at_ (inner_at S r) j) / B)) : neuron RY R1),
   build (biases c) (fun _ => zero)).
Definition pres_at (S : state) := map (fun r => pres_of c t X (inner_at S r)) (neurons c).
Definition hidden_at (S : state) := map (map (tanhZ tanh_table)) (pres_at S).
Definition sums_at (S : state) := map (fun i => dot (map (weight_at S) (neurons c)) (map (fun h => at_ h i) (hidden_at S))) (seq 0 (nodes c)).
Definition residuals_at (S : state) := map (fun i => residual_of c w i (at_ (sums_at S) i)) (seq 0 (nodes c)).
Definition derivatives_at (S : state) := map (map derivative_of) (hidden_at S).
Definition weighted_at (S : state) := map (weighted c (residuals_at S)) (derivatives_at S).
Definition pulls_at (S : state) := map (fun q => map (dot q) (columns_at c X)) (weighted_at S).

Section Point.
Variable S : state.
Hypothesis Hpoint : point_ok c t S (pres_at S) (sums_at S) = true.
Notation z := (at_state S).

Record point_tests : Prop := {
  k_inner : forall r, (r < m)%nat -> (norm1 (inner_at S r) <= inner_most t)%Z;
  k_outer : forall r, (r < m)%nat -> (Z.abs (weight_at S r) <= outer_most t)%Z;
  k_sum : (norm1 (map (weight_at S) (neurons c)) <= outer_sum t)%Z;
  k_limit : forall r i, (r < m)%nat -> (i < n)%nat -> (Z.abs (at_ (row (pres_at S) r) i) < limit)%Z;
  k_sums : forall i, (i < n)%nat -> (Z.abs (at_ (sums_at S) i) <= 2 ^ (40 + wb))%Z
}.

Lemma pres_row r : (r < m)%nat -> row (pres_at S) r = pres_of c t X (inner_at S r).
Proof. intros Hr. unfold pres_at, neurons. now rewrite nth_seq_map. Qed.
Lemma pres_length r : (r < m)%nat -> length (row (pres_at S) r) = n.
Proof. intros Hr. rewrite pres_row by assumption. unfold pres_of. now rewrite map_length, X_count. Qed.
Lemma pres_count : length (pres_at S) = m. Proof. unfold pres_at, neurons. now rewrite map_length, seq_length. Qed.
Lemma pres_entry r i : (r < m)%nat -> (i < n)%nat -> at_ (row (pres_at S) r) i = Z.shiftr (dot (row X i) (inner_at S r)) (wb + xb - 28).
Proof. intros Hr Hi. rewrite pres_row by assumption. unfold pres_of. now rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite X_count; exact Hi). Qed.

Lemma points : point_tests.
Proof.
  pose proof Hpoint as C. unfold point_ok in C. rewrite !andb_true_iff in C. destruct C as [[[C1 C2] C3] C4].
  assert (C1' : forall r, (r < m)%nat -> (norm1 (inner_at S r) <= inner_most t)%Z /\ (Z.abs (weight_at S r) <= outer_most t)%Z).
  { intros r Hr. pose proof (forallb_nth _ _ r 0%nat C1 ltac:(unfold neurons; now rewrite seq_length)) as E. unfold neurons in E. rewrite seq_nth in E by assumption.
    rewrite andb_true_iff in E. destruct E as [E1 E2]. apply Z.leb_le in E1, E2. now split. }
  constructor.
  - intros r Hr. now apply C1'.
  - intros r Hr. now apply C1'.
  - now apply Z.leb_le.
  - intros r i Hr Hi. pose proof (forallb_nth _ _ r (@nil Z) C3 ltac:(now rewrite pres_count)) as E.
    pose proof (forallb_nth _ _ i 0%Z E ltac:(now rewrite pres_length)) as E'. now apply Z.ltb_lt in E'.
  - intros i Hi. pose proof (forallb_nth _ _ i 0%Z C4 ltac:(unfold sums_at, nodes; now rewrite map_length, seq_length)) as E. now apply Z.leb_le in E.
Qed.

Lemma pre_value r i : (r < m)%nat -> pre_ z r i = sum d (fun j => IZR (at_ (inner_at S r) j) / B * in_entry i j).
Proof.
  intros Hr. unfold pre, at_state. rewrite inn_build by assumption. cbn [snd]. rewrite sample_id. apply input_value. intros j Hj.
  rewrite entry_vector; [reflexivity|]. unfold size. now rewrite (h_bias tested).
Qed.
Lemma lead_value r : (r < m)%nat -> lead_ z r = IZR (weight_at S r) / B.
Proof.
  intros Hr. assert (Ho : (output_of c 0 < outputs c)%nat) by (rewrite output_zero, (h_outputs tested); lia).
  unfold lead, at_state. rewrite out_build by assumption. cbn [fst]. rewrite inner_axis, entry_vector by assumption. reflexivity.
Qed.
End Point.
End Forward.
