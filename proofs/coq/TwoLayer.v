(** * Two-layer networks: n equations, m neurons, any activation, inputs and outputs in any inner-product spaces

    F_i(theta) = s sum_{r<m} <a_r, y_i> act_ri(<w_r, x_i>) + sum_{k<p} <b_k, y_i>, i < n, where theta consists of the neurons
    (a_r, w_r), r < m, and of the output biases b_k (p is 0 or 1).  Equation i is about the input x_i and reads the outputs in
    the direction y_i: with several outputs a sample stands in several equations, and each y_i is a unit vector.  A hidden
    bias is one more coordinate of the inputs.  The activation may differ from one neuron and equation to another: a ReLU
    network on a ball where no unit changes its sign is such a network. *)

From Coq Require Import Reals Lra Psatz Lia.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Segment Derivative Setting.
Open Scope R_scope.

Lemma sq_le_abs x b : Rabs x <= b -> x * x <= b * b.
Proof. intros H. apply Rabs_le_between in H. nra. Qed.

Lemma abs_sq x : Rabs x * Rabs x = x * x.
Proof. symmetry. apply Rsqr_abs. Qed.

Section TwoLayer.
Variables (Y W : InnerSpace) (n m p : nat) (x : nat -> W) (y : nat -> Y) (s : R).
Variables (act dact : nat -> nat -> R -> R) (top kap : R).
Hypothesis act_derive : forall r i t, is_derive (act r i) t (dact r i t).
Hypothesis act_lip : forall r i t t', Rabs (act r i t' - act r i t) <= top * Rabs (t' - t).
Hypothesis dact_le : forall r i t, Rabs (dact r i t) <= top.
Hypothesis dact_lip : forall r i t t', Rabs (dact r i t' - dact r i t) <= kap * Rabs (t' - t).
Hypothesis top_pos : 0 <= top.
Hypothesis kap_pos : 0 <= kap.

Definition neuron : InnerSpace := product_space Y W.
Definition Params : InnerSpace := product_space (Power neuron m) (Power Y p).

Definition out (z : Params) (r : nat) : Y := fst (coord r (fst z)).
Definition inn (z : Params) (r : nat) : W := snd (coord r (fst z)).
Definition outer (z : Params) (r i : nat) : R := ⟨out z r, y i⟩.
Definition bias (z : Params) (i : nat) : R := sum p (fun k => ⟨coord k (snd z), y i⟩).
Definition pre (z : Params) (r i : nat) : R := ⟨inn z r, x i⟩.
Definition hid (z : Params) (r i : nat) : R := act r i (pre z r i).
Definition slope (z : Params) (r i : nat) : R := outer z r i * dact r i (pre z r i).

Definition net_F (z : Params) : Rn n := vector n (fun i => s * sum m (fun r => outer z r i * hid z r i) + bias z i).
Definition net_J (z v : Params) : Rn n :=
  vector n (fun i => s * sum m (fun r => outer v r i * hid z r i + slope z r i * ⟨inn v r, x i⟩) + bias v i).
Definition net_JT (z : Params) (u : Rn n) : Params :=
  (build m (fun r => (vsum n (fun i => (s * (entry u i * hid z r i)) ⋅ y i),
                      vsum n (fun i => (s * (entry u i * slope z r i)) ⋅ x i)) : neuron),
   build p (fun _ => vsum n (fun i => entry u i ⋅ y i))).

Lemma inner_params (u v : Params) :
  ⟨u, v⟩ = sum m (fun r => ⟨out u r, out v r⟩ + ⟨inn u r, inn v r⟩) + sum p (fun k => ⟨coord k (snd u), coord k (snd v)⟩).
Proof.
  change (⟨fst u, fst v⟩ + ⟨snd u, snd v⟩ = sum m (fun r => ⟨coord r (fst u), coord r (fst v)⟩)
    + sum p (fun k => ⟨coord k (snd u), coord k (snd v)⟩)).
  now rewrite !inner_power.
Qed.

Lemma out_build r (f : nat -> neuron) b : (r < m)%nat -> out (build m f, b) r = fst (f r).
Proof. intros. unfold out. cbn [fst]. now rewrite coord_build. Qed.
Lemma inn_build r (f : nat -> neuron) b : (r < m)%nat -> inn (build m f, b) r = snd (f r).
Proof. intros. unfold inn. cbn [fst]. now rewrite coord_build. Qed.

Lemma out_minus z z' r : out (z' ⊖ z) r = out z' r ⊖ out z r.
Proof. unfold out. change (fst (z' ⊖ z)) with (fst z' ⊖ fst z). now rewrite (coord_minus (X := neuron)). Qed.
Lemma inn_minus z z' r : inn (z' ⊖ z) r = inn z' r ⊖ inn z r.
Proof. unfold inn. change (fst (z' ⊖ z)) with (fst z' ⊖ fst z). now rewrite (coord_minus (X := neuron)). Qed.

Lemma net_adjoint z v u : ⟨net_J z v, u⟩ = ⟨v, net_JT z u⟩.
Proof.
  rewrite inner_Rn, inner_params. unfold net_J.
  rewrite (sum_ext n _ (fun i => sum m (fun r =>
      s * (entry u i * (outer v r i * hid z r i + slope z r i * ⟨inn v r, x i⟩))) + entry u i * bias v i)).
  2:{ intros i Hi. rewrite entry_vector by assumption. rewrite !sum_scal. ring. }
  rewrite sum_plus. f_equal.
  - rewrite sum_swap. apply sum_ext. intros r Hr. unfold net_JT.
    rewrite out_build, inn_build by assumption. cbn [fst snd].
    rewrite !inner_vsum_r, <- sum_plus. apply sum_ext. intros i Hi.
    rewrite !inner_scal_r. unfold outer. ring.
  - unfold bias, net_JT. cbn [snd].
    rewrite (sum_ext n _ (fun i => sum p (fun k => entry u i * ⟨coord k (snd v), y i⟩))) by (intros; now rewrite sum_scal).
    rewrite sum_swap. apply sum_ext. intros k Hk. rewrite coord_build, inner_vsum_r by assumption.
    apply sum_ext. intros i _. now rewrite inner_scal_r.
Qed.

Definition network : Model Params (Rn n) :=
  {| F := net_F; J := net_J; JT := net_JT; adjoint := net_adjoint |}.

(** ** Differentiability *)
Lemma outer_line z v r i t : outer (z ⊕ t ⋅ v) r i = outer z r i + t * outer v r i.
Proof.
  unfold outer, out. change (fst (z ⊕ t ⋅ v)) with (fst z ⊕ t ⋅ fst v).
  rewrite (coord_plus (X := neuron)), (coord_scal (X := neuron)).
  change (⟨fst (coord r (fst z)) ⊕ t ⋅ fst (coord r (fst v)), y i⟩ = ⟨fst (coord r (fst z)), y i⟩ + t * ⟨fst (coord r (fst v)), y i⟩).
  now rewrite inner_plus_l, inner_scal_l.
Qed.
Lemma inn_line z v r t : inn (z ⊕ t ⋅ v) r = inn z r ⊕ t ⋅ inn v r.
Proof.
  unfold inn. change (fst (z ⊕ t ⋅ v)) with (fst z ⊕ t ⋅ fst v).
  now rewrite (coord_plus (X := neuron)), (coord_scal (X := neuron)).
Qed.
Lemma bias_line z v i t : bias (z ⊕ t ⋅ v) i = bias z i + t * bias v i.
Proof.
  unfold bias. rewrite <- sum_scal, <- sum_plus. apply sum_ext. intros k _.
  change (snd (z ⊕ t ⋅ v)) with (snd z ⊕ t ⋅ snd v). now rewrite coord_plus, coord_scal, inner_plus_l, inner_scal_l.
Qed.
Lemma pre_line z v r i t : pre (z ⊕ t ⋅ v) r i = pre z r i + t * ⟨inn v r, x i⟩.
Proof. unfold pre. now rewrite inn_line, inner_plus_l, inner_scal_l. Qed.

Lemma neuron_output_derive r i a w da dw :
  is_derive (fun t : R => (a + t * da) * act r i (w + t * dw)) 0 (da * act r i w + a * dact r i w * dw).
Proof.
  assert (Ha : is_derive (fun t : R => a + t * da) 0 da).
  { apply (is_derive_ext (fun t => a + da * t)); [intros t; cbn; ring|apply derive_affine]. }
  assert (Hw : is_derive (fun t : R => act r i (w + t * dw)) 0 (dw * dact r i (w + 0 * dw))).
  { apply (is_derive_comp (act r i) (fun t : R => w + t * dw)); [apply act_derive|].
    apply (is_derive_ext (fun t => w + dw * t)); [intros t; cbn; ring|apply derive_affine]. }
  replace (da * act r i w + a * dact r i w * dw)
    with (da * act r i (w + 0 * dw) + (a + 0 * da) * (dw * dact r i (w + 0 * dw)))
    by (rewrite !Rmult_0_l, !Rplus_0_r; ring).
  apply (is_derive_mult (fun t => a + t * da) (fun t => act r i (w + t * dw))); [assumption|assumption|].
  intros. apply Rmult_comm.
Qed.

Lemma network_differentiable z : differentiable_at network z.
Proof.
  apply (gateaux_build (Y := real_space) n
    (fun i z => s * sum m (fun r => outer z r i * hid z r i) + bias z i) z
    (fun i v => s * sum m (fun r => outer v r i * hid z r i + slope z r i * ⟨inn v r, x i⟩) + bias v i)).
  intros i Hi. apply (gateaux_real (fun z : Params => s * sum m (fun r => outer z r i * hid z r i) + bias z i)).
  intros v.
  apply (is_derive_plus (fun t => s * sum m (fun r => outer (z ⊕ t ⋅ v) r i * hid (z ⊕ t ⋅ v) r i)) (fun t => bias (z ⊕ t ⋅ v) i)).
  - apply (is_derive_scal (fun t => sum m (fun r => outer (z ⊕ t ⋅ v) r i * hid (z ⊕ t ⋅ v) r i))).
    apply (is_derive_sum m (fun r t => outer (z ⊕ t ⋅ v) r i * hid (z ⊕ t ⋅ v) r i)).
    intros r Hr.
    apply (is_derive_ext (fun t => (outer z r i + t * outer v r i) * act r i (pre z r i + t * ⟨inn v r, x i⟩))).
    { intros t. unfold hid. now rewrite outer_line, pre_line. }
    apply neuron_output_derive.
  - apply (is_derive_ext (fun t => bias z i + bias v i * t)); [intros t; now rewrite bias_line, (Rmult_comm t)|apply derive_affine].
Qed.

(** ** The inputs and the directions as operators *)
(** |sum_i b_i <v, y_i> x_i| <= K |b| |v|, and |sum_i b_i <v, y_i> <w, x_i> x_i| <= K Xs |b| |v| |w|.  With one output K bounds
    the root of the largest eigenvalue of the inputs' Gram matrix, K Xs that of its entrywise square; Xs = max |x_i| will do,
    and less does.  Several outputs need nothing more ([Rows.v]). *)
Variables (K Xs : R).
Hypothesis K_pos : 0 <= K.
Hypothesis X_pos : 0 <= Xs.
Hypothesis inputs_op : forall (b : nat -> R) (v : Y),
  ⟨vsum n (fun i => (b i * ⟨v, y i⟩) ⋅ x i), vsum n (fun i => (b i * ⟨v, y i⟩) ⋅ x i)⟩ <= K * K * sum n (fun i => b i * b i) * ⟨v, v⟩.
Hypothesis inputs_twice : forall (b : nat -> R) (v : Y) (w : W),
  ⟨vsum n (fun i => (b i * ⟨v, y i⟩ * ⟨w, x i⟩) ⋅ x i), vsum n (fun i => (b i * ⟨v, y i⟩ * ⟨w, x i⟩) ⋅ x i)⟩
    <= K * Xs * (K * Xs) * sum n (fun i => b i * b i) * ⟨v, v⟩ * ⟨w, w⟩.

Lemma inputs_dual (b : nat -> R) (w : W) :
  ⟨vsum n (fun i => (b i * ⟨w, x i⟩) ⋅ y i), vsum n (fun i => (b i * ⟨w, x i⟩) ⋅ y i)⟩ <= K * K * sum n (fun i => b i * b i) * ⟨w, w⟩.
Proof.
  set (v := vsum n (fun i => (b i * ⟨w, x i⟩) ⋅ y i)). set (B := sum n (fun i => b i * b i)).
  set (V := vsum n (fun i => (b i * ⟨v, y i⟩) ⋅ x i)).
  assert (E : ⟨v, v⟩ = ⟨w, V⟩).
  { unfold V. rewrite inner_vsum_r. unfold v at 2. rewrite inner_vsum_r. apply sum_ext. intros i _. rewrite !inner_scal_r. ring. }
  assert (HV : ⟨V, V⟩ <= K * K * B * ⟨v, v⟩) by apply inputs_op.
  assert (HB : 0 <= B) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  assert (HK : 0 <= K * K * B) by (apply Rmult_le_pos; [apply Rle_0_sqr|assumption]).
  pose proof (inner_pos W w) as Pw. pose proof (inner_pos Y v) as Pv.
  assert (C : ⟨v, v⟩ * ⟨v, v⟩ <= ⟨w, w⟩ * ⟨V, V⟩).
  { rewrite E at 1 2. rewrite <- (norm_sq w), <- (norm_sq V).
    replace (norm w * norm w * (norm V * norm V)) with (norm w * norm V * (norm w * norm V)) by ring.
    apply sq_le_abs, cauchy_schwarz_abs. }
  assert (D : ⟨v, v⟩ * ⟨v, v⟩ <= ⟨v, v⟩ * (K * K * B * ⟨w, w⟩)).
  { eapply Rle_trans; [exact C|]. replace (⟨v, v⟩ * (K * K * B * ⟨w, w⟩)) with (⟨w, w⟩ * (K * K * B * ⟨v, v⟩)) by ring.
    apply Rmult_le_compat_l; assumption. }
  destruct (Req_dec ⟨v, v⟩ 0) as [Z|N]; [rewrite Z; now apply Rmult_le_pos|].
  apply Rmult_le_reg_l with ⟨v, v⟩; [lra|exact D].
Qed.

(** ** The Lipschitz constant of the Jacobian *)
Section Lipschitz.
Variables (A l : R).
Hypothesis A_pos : 0 <= A.
Let q := kap * A * Xs.
Hypothesis l_pos : 0 < l.
Hypothesis l_large : top * top + q * l <= l * l.

Lemma two_by_two al om : top * om * (top * om) + (top * al + q * om) * (top * al + q * om) <= l * l * (al * al + om * om).
Proof.
  assert (Hq : 0 <= q) by (unfold q; apply Rmult_le_pos; [apply Rmult_le_pos|]; assumption).
  (* it suffices that q [l al^2 - 2 top al om + (l - q) om^2] >= 0 *)
  assert (H : 0 <= l * (l * (al * al) - 2 * top * al * om + (l - q) * (om * om))).
  { assert (0 <= (l * al - top * om) * (l * al - top * om)) by apply Rle_0_sqr.
    assert (0 <= om * om) by apply Rle_0_sqr.
    assert (0 <= (l * l - q * l - top * top) * (om * om)) by (apply Rmult_le_pos; lra). lra. }
  assert (H' : 0 <= l * (al * al) - 2 * top * al * om + (l - q) * (om * om)).
  { apply Rmult_le_reg_l with l; [assumption|]. now rewrite Rmult_0_r. }
  assert (0 <= q * (l * (al * al) - 2 * top * al * om + (l - q) * (om * om))) by now apply Rmult_le_pos.
  assert (0 <= (l * l - top * top - q * l) * (al * al + om * om)).
  { apply Rmult_le_pos; [lra|]. pose proof (Rle_0_sqr al). pose proof (Rle_0_sqr om). unfold Rsqr in *. lra. }
  lra.
Qed.

(** f(z') - f(z) = c_i <dw, x_i> with |c_i| <= Lf, for f with Lipschitz constant Lf. *)
Definition quotient (f : R -> R) (z z' : Params) (r i : nat) : R :=
  if Req_EM_T (pre z' r i - pre z r i) 0 then 0 else (f (pre z' r i) - f (pre z r i)) / (pre z' r i - pre z r i).
Lemma quotient_spec f Lf z z' r i : 0 <= Lf -> (forall t t', Rabs (f t' - f t) <= Lf * Rabs (t' - t)) ->
  f (pre z' r i) - f (pre z r i) = quotient f z z' r i * (pre z' r i - pre z r i) /\ Rabs (quotient f z z' r i) <= Lf.
Proof.
  intros HL Hf. specialize (Hf (pre z r i) (pre z' r i)). unfold quotient.
  destruct (Req_EM_T (pre z' r i - pre z r i) 0) as [E|N].
  - rewrite E, Rabs_R0, Rmult_0_r in Hf. rewrite Rabs_R0, Rmult_0_l. split; [|assumption].
    pose proof (Rabs_pos (f (pre z' r i) - f (pre z r i))). destruct (Req_dec (f (pre z' r i) - f (pre z r i)) 0) as [Z|Z]; [exact Z|].
    pose proof (Rabs_pos_lt _ Z). lra.
  - split; [field; assumption|]. unfold Rdiv. rewrite Rabs_mult, Rabs_inv.
    apply Rmult_le_reg_r with (Rabs (pre z' r i - pre z r i)); [now apply Rabs_pos_lt|].
    rewrite Rmult_assoc, Rinv_l, Rmult_1_r by now apply Rabs_no_R0. exact Hf.
Qed.

Lemma weighted_squares (u : Rn n) (g : nat -> R) (b : R) : (forall i, Rabs (g i) <= b) ->
  sum n (fun i => entry u i * g i * (entry u i * g i)) <= b * b * sum n (fun i => entry u i * entry u i).
Proof.
  intros Hg. rewrite <- sum_scal. apply sum_le. intros i _.
  replace (entry u i * g i * (entry u i * g i)) with (g i * g i * (entry u i * entry u i)) by ring.
  apply Rmult_le_compat_r; [apply Rle_0_sqr|apply sq_le_abs, Hg].
Qed.

Section Neuron.
Variables (z z' : Params) (u : Rn n) (r : nat).
Hypothesis small : norm (out z r) <= A.
Let da := out z' r ⊖ out z r.
Let dw := inn z' r ⊖ inn z r.
Let al := norm da.
Let om := norm dw.
Let U := sum n (fun i => entry u i * entry u i).

Lemma pre_change i : pre z' r i - pre z r i = ⟨dw, x i⟩.
Proof. unfold pre, dw. now rewrite inner_minus_l. Qed.
Lemma U_nonneg : 0 <= U.
Proof. apply sum_nonneg. intros. apply Rle_0_sqr. Qed.

(** The change of the hidden values moves sum_i u_i hid_i y_i by at most K top om |u|. *)
Lemma hid_change :
  ⟨vsum n (fun i => (entry u i * (hid z' r i - hid z r i)) ⋅ y i), vsum n (fun i => (entry u i * (hid z' r i - hid z r i)) ⋅ y i)⟩
    <= K * K * U * (top * om * (top * om)).
Proof.
  assert (Q : forall i, hid z' r i - hid z r i = quotient (act r i) z z' r i * ⟨dw, x i⟩ /\ Rabs (quotient (act r i) z z' r i) <= top).
  { intros i. rewrite <- pre_change. now apply quotient_spec. }
  assert (E : vsum n (fun i => (entry u i * (hid z' r i - hid z r i)) ⋅ y i)
    = vsum n (fun i => (entry u i * quotient (act r i) z z' r i * ⟨dw, x i⟩) ⋅ y i)).
  { apply vec_ext. intros w. rewrite !inner_vsum_l. apply sum_ext. intros i _. rewrite !inner_scal_l. destruct (Q i) as [-> _]. ring. }
  rewrite E. eapply Rle_trans; [apply (inputs_dual (fun i => entry u i * quotient (act r i) z z' r i))|].
  replace (K * K * U * (top * om * (top * om))) with (K * K * (top * top * U) * (om * om)) by ring.
  unfold om. rewrite norm_sq. apply Rmult_le_compat_r; [apply inner_pos|]. apply Rmult_le_compat_l; [apply Rle_0_sqr|].
  apply weighted_squares. intros. apply Q.
Qed.

(** The change of the slopes moves sum_i u_i slope_i x_i by at most K (top al + q om) |u|. *)
Lemma slopes_change :
  norm (vsum n (fun i => (entry u i * (slope z' r i - slope z r i)) ⋅ x i)) <= K * (top * al + q * om) * sqrt U.
Proof.
  pose proof U_nonneg as HU.
  assert (Q : forall i, dact r i (pre z' r i) - dact r i (pre z r i) = quotient (dact r i) z z' r i * ⟨dw, x i⟩ /\ Rabs (quotient (dact r i) z z' r i) <= kap).
  { intros i. rewrite <- pre_change. now apply quotient_spec. }
  set (v1 := vsum n (fun i => (entry u i * dact r i (pre z' r i) * ⟨da, y i⟩) ⋅ x i)).
  set (v2 := vsum n (fun i => (entry u i * quotient (dact r i) z z' r i * ⟨out z r, y i⟩ * ⟨dw, x i⟩) ⋅ x i)).
  assert (E : vsum n (fun i => (entry u i * (slope z' r i - slope z r i)) ⋅ x i) = v1 ⊕ v2).
  { apply vec_ext. intros w. rewrite inner_plus_l. unfold v1, v2. rewrite !inner_vsum_l, <- sum_plus.
    apply sum_ext. intros i _. rewrite !inner_scal_l. unfold slope, outer, da. rewrite inner_minus_l. destruct (Q i) as [Qi _].
    replace (⟨out z' r, y i⟩ * dact r i (pre z' r i) - ⟨out z r, y i⟩ * dact r i (pre z r i))
      with ((⟨out z' r, y i⟩ - ⟨out z r, y i⟩) * dact r i (pre z' r i) + ⟨out z r, y i⟩ * (dact r i (pre z' r i) - dact r i (pre z r i))) by ring.
    rewrite Qi. ring. }
  rewrite E. eapply Rle_trans; [apply norm_triang|].
  pose proof (norm_pos da) as Pa. fold al in Pa. pose proof (norm_pos dw) as Pw. fold om in Pw. pose proof (sqrt_pos U) as Ps.
  assert (N1 : norm v1 <= K * top * al * sqrt U).
  { apply norm_le_sq; [now repeat apply Rmult_le_pos|].
    replace (K * top * al * sqrt U * (K * top * al * sqrt U)) with (K * K * (top * top * (sqrt U * sqrt U)) * (al * al)) by ring. rewrite sqrt_sqrt by assumption.
    unfold al. rewrite norm_sq. eapply Rle_trans; [apply (inputs_op (fun i => entry u i * dact r i (pre z' r i)))|].
    apply Rmult_le_compat_r; [apply inner_pos|]. apply Rmult_le_compat_l; [apply Rle_0_sqr|].
    apply weighted_squares. intros. apply dact_le. }
  assert (HKX : 0 <= K * Xs) by now apply Rmult_le_pos.
  assert (N2 : norm v2 <= K * Xs * kap * A * om * sqrt U).
  { apply norm_le_sq; [now repeat apply Rmult_le_pos|].
    replace (K * Xs * kap * A * om * sqrt U * (K * Xs * kap * A * om * sqrt U))
      with (K * Xs * (K * Xs) * (kap * kap * (sqrt U * sqrt U)) * (A * A) * (om * om)) by ring. rewrite sqrt_sqrt by assumption.
    eapply Rle_trans; [apply (inputs_twice (fun i => entry u i * quotient (dact r i) z z' r i))|].
    unfold om. rewrite norm_sq. apply Rmult_le_compat_r; [apply inner_pos|].
    rewrite <- (norm_sq (out z r)). pose proof (norm_pos (out z r)). assert (S0 : 0 <= K * Xs * (K * Xs)) by now apply Rmult_le_pos.
    apply Rmult_le_compat.
    - apply Rmult_le_pos; [assumption|]. apply sum_nonneg. intros. apply Rle_0_sqr.
    - apply Rle_0_sqr.
    - apply Rmult_le_compat_l; [assumption|]. apply weighted_squares. intros. apply Q.
    - apply Rmult_le_compat; assumption. }
  unfold q. lra.
Qed.

Lemma neuron_change :
  let d1 := vsum n (fun i => (s * (entry u i * hid z' r i)) ⋅ y i) ⊖ vsum n (fun i => (s * (entry u i * hid z r i)) ⋅ y i) in
  let d2 := vsum n (fun i => (s * (entry u i * slope z' r i)) ⋅ x i) ⊖ vsum n (fun i => (s * (entry u i * slope z r i)) ⋅ x i) in
  ⟨d1, d1⟩ + ⟨d2, d2⟩ <= s * s * (K * K) * (l * l) * (al * al + om * om) * U.
Proof.
  intros d1 d2. pose proof U_nonneg as HU.
  assert (Hs : 0 <= s * s) by apply Rle_0_sqr. assert (HK : 0 <= K * K) by apply Rle_0_sqr.
  assert (H1 : ⟨d1, d1⟩ <= s * s * (K * K * U * (top * om * (top * om)))).
  { assert (E : d1 = s ⋅ vsum n (fun i => (entry u i * (hid z' r i - hid z r i)) ⋅ y i)).
    { unfold d1. rewrite vsum_minus. apply vec_ext. intros w. rewrite inner_scal_l, !inner_vsum_l, <- sum_scal. apply sum_ext.
      intros i _. rewrite inner_minus_l, !inner_scal_l. ring. }
    rewrite E, inner_scal_l, inner_scal_r, <- Rmult_assoc. apply Rmult_le_compat_l; [assumption|apply hid_change]. }
  assert (H2 : ⟨d2, d2⟩ <= K * K * (s * s * ((top * al + q * om) * (top * al + q * om) * U))).
  { assert (E : d2 = s ⋅ vsum n (fun i => (entry u i * (slope z' r i - slope z r i)) ⋅ x i)).
    { unfold d2. rewrite vsum_minus. apply vec_ext. intros w. rewrite inner_scal_l, !inner_vsum_l, <- sum_scal. apply sum_ext.
      intros i _. rewrite inner_minus_l, !inner_scal_l. ring. }
    rewrite E, inner_scal_l, inner_scal_r, <- Rmult_assoc, <- norm_sq. pose proof slopes_change as SC.
    apply Rle_trans with (s * s * (K * (top * al + q * om) * sqrt U * (K * (top * al + q * om) * sqrt U))).
    - apply Rmult_le_compat_l; [assumption|]. apply Rmult_le_compat; try assumption; apply norm_pos.
    - right. rewrite <- (sqrt_sqrt U HU) at 3. ring. }
  pose proof (two_by_two al om) as T.
  assert (s * s * (K * K) * U * (top * om * (top * om) + (top * al + q * om) * (top * al + q * om))
          <= s * s * (K * K) * U * (l * l * (al * al + om * om))).
  { apply Rmult_le_compat_l; [|assumption]. apply Rmult_le_pos; [apply Rmult_le_pos|]; assumption. }
  lra.
Qed.
End Neuron.

Theorem network_lipschitz z z' :
  (forall r, (r < m)%nat -> norm (out z r) <= A) ->
  jac_change network z z' (Rabs s * K * l * norm (z' ⊖ z)).
Proof.
  intros Hz. pose proof (norm_pos (z' ⊖ z)). pose proof (Rabs_pos s).
  apply jac_change_of_JT.
  { repeat apply Rmult_le_pos; try assumption; lra. }
  intros u. change (JT network) with net_JT.
  rewrite inner_params.
  rewrite (sum_ext p _ (fun _ => 0)).
  2:{ intros k Hk. change (snd (net_JT z' u ⊖ net_JT z u)) with (snd (net_JT z' u) ⊖ snd (net_JT z u)).
      unfold net_JT. cbn [snd]. rewrite coord_minus, inner_minus_l. ring. }
  rewrite sum_0, Rplus_0_r.
  replace (Rabs s * K * l * norm (z' ⊖ z) * (Rabs s * K * l * norm (z' ⊖ z)) * ⟨u, u⟩)
    with (s * s * (K * K) * (l * l) * ⟨u, u⟩ * ⟨z' ⊖ z, z' ⊖ z⟩).
  2:{ rewrite <- (norm_sq (z' ⊖ z)). pose proof (abs_sq s) as E. rewrite <- E. ring. }
  rewrite (inner_params (z' ⊖ z)).
  apply Rle_trans with (s * s * (K * K) * (l * l) * ⟨u, u⟩
    * sum m (fun r => ⟨out (z' ⊖ z) r, out (z' ⊖ z) r⟩ + ⟨inn (z' ⊖ z) r, inn (z' ⊖ z) r⟩)).
  2:{ pose proof (inner_pos (Rn n) u). assert (0 <= s * s) by apply Rle_0_sqr. assert (0 <= K * K) by apply Rle_0_sqr.
      assert (0 <= l * l) by apply Rle_0_sqr.
      apply Rmult_le_compat_l; [now apply Rmult_le_pos; [apply Rmult_le_pos; [apply Rmult_le_pos|]|]|].
      assert (0 <= sum p (fun k => ⟨coord k (snd (z' ⊖ z)), coord k (snd (z' ⊖ z))⟩)) by (apply sum_nonneg; intros; apply inner_pos).
      lra. }
  rewrite <- sum_scal. apply sum_le. intros r Hr.
  pose proof (neuron_change z z' u r (Hz r Hr)) as N. cbn zeta in N.
  rewrite !out_minus, !inn_minus. unfold net_JT.
  rewrite !out_build, !inn_build by assumption. cbn [fst snd].
  rewrite <- (inner_Rn n u u), !norm_sq in N.
  eapply Rle_trans; [exact N|]. right. ring.
Qed.
End Lipschitz.

(** A neuron's weights move by at most the distance. *)
Lemma neuron_moves c z r : (r < m)%nat -> norm (out z r ⊖ out c r) <= norm (z ⊖ c) /\ norm (inn z r ⊖ inn c r) <= norm (z ⊖ c).
Proof.
  intros Hr. set (t := fun r => ⟨out (z ⊖ c) r, out (z ⊖ c) r⟩ + ⟨inn (z ⊖ c) r, inn (z ⊖ c) r⟩).
  assert (P : forall r, 0 <= ⟨out (z ⊖ c) r, out (z ⊖ c) r⟩ /\ 0 <= ⟨inn (z ⊖ c) r, inn (z ⊖ c) r⟩) by (intros; split; apply inner_pos).
  assert (T : t r <= ⟨z ⊖ c, z ⊖ c⟩).
  { rewrite inner_params. assert (0 <= sum p (fun k => ⟨coord k (snd (z ⊖ c)), coord k (snd (z ⊖ c))⟩)) by (apply sum_nonneg; intros; apply inner_pos).
    pose proof (sum_ge_term m t r Hr ltac:(intros i _; unfold t; destruct (P i); lra)). unfold t in *. lra. }
  unfold t in T. destruct (P r) as [P1 P2]. rewrite <- out_minus, <- inn_minus.
  split; apply norm_le_sq; try apply norm_pos; rewrite norm_sq; lra.
Qed.
Lemma out_ball c rho z r : (r < m)%nat -> in_ball c rho z -> norm (out z r) <= norm (out c r) + rho.
Proof.
  unfold in_ball. intros Hr Hz. destruct (neuron_moves c z r Hr) as [Q _]. pose proof (norm_minus_le (out z r) (out c r)). lra.
Qed.
End TwoLayer.
