(** * Two-layer networks: n samples, m neurons, any activation, inputs in any inner-product space

    F_i(theta) = s sum_{r<m} a_r act(<w_r, x_i>) + sum_{k<p} b_k, i < n, where theta consists of the neurons
    (a_r, w_r), r < m, and of the output biases b_k (p is 0 or 1).  A hidden bias is one more coordinate of the inputs. *)

From Coq Require Import Reals Lra Psatz Lia.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Segment Derivative Setting.
Open Scope R_scope.

Lemma sq_le_abs x b : Rabs x <= b -> x * x <= b * b.
Proof. intros H. apply Rabs_le_between in H. nra. Qed.

Lemma abs_sq x : Rabs x * Rabs x = x * x.
Proof. symmetry. apply Rsqr_abs. Qed.

Section TwoLayer.
Variables (W : InnerSpace) (n m p : nat) (x : nat -> W) (s : R).
Variables (act dact : R -> R) (kap : R).
Hypothesis act_derive : forall t, is_derive act t (dact t).
Hypothesis act_lip : forall t t', Rabs (act t' - act t) <= Rabs (t' - t).
Hypothesis dact_le_1 : forall t, Rabs (dact t) <= 1.
Hypothesis dact_lip : forall t t', Rabs (dact t' - dact t) <= kap * Rabs (t' - t).
Hypothesis kap_pos : 0 <= kap.

Definition neuron : InnerSpace := product_space real_space W.
Definition Params : InnerSpace := product_space (Power neuron m) (Rn p).

Definition outer (z : Params) (r : nat) : R := fst (coord r (fst z)).
Definition inn (z : Params) (r : nat) : W := snd (coord r (fst z)).
Definition bias (z : Params) : R := sum p (fun k => entry (snd z) k).
Definition pre (z : Params) (r i : nat) : R := ⟨inn z r, x i⟩.
Definition hid (z : Params) (r i : nat) : R := act (pre z r i).
Definition slope (z : Params) (r i : nat) : R := outer z r * dact (pre z r i).

Definition net_F (z : Params) : Rn n := vector n (fun i => s * sum m (fun r => outer z r * hid z r i) + bias z).
Definition net_J (z v : Params) : Rn n :=
  vector n (fun i => s * sum m (fun r => outer v r * hid z r i + slope z r i * ⟨inn v r, x i⟩) + bias v).
Definition net_JT (z : Params) (u : Rn n) : Params :=
  (build m (fun r => ((s * sum n (fun i => entry u i * hid z r i)) : real_space,
                      vsum n (fun i => (s * (entry u i * slope z r i)) ⋅ x i)) : neuron),
   vector p (fun _ => sum n (fun i => entry u i))).

Lemma inner_params (u v : Params) :
  ⟨u, v⟩ = sum m (fun r => outer u r * outer v r + ⟨inn u r, inn v r⟩) + sum p (fun k => entry (snd u) k * entry (snd v) k).
Proof.
  change (⟨fst u, fst v⟩ + ⟨snd u, snd v⟩ = sum m (fun r => ⟨coord r (fst u), coord r (fst v)⟩)
    + sum p (fun k => entry (snd u) k * entry (snd v) k)).
  now rewrite inner_power, inner_Rn.
Qed.

Lemma outer_build r (f : nat -> neuron) b : (r < m)%nat -> outer (build m f, b) r = fst (f r).
Proof. intros. unfold outer. cbn [fst]. now rewrite coord_build. Qed.
Lemma inn_build r (f : nat -> neuron) b : (r < m)%nat -> inn (build m f, b) r = snd (f r).
Proof. intros. unfold inn. cbn [fst]. now rewrite coord_build. Qed.

Lemma outer_minus z z' r : outer (z' ⊖ z) r = outer z' r - outer z r.
Proof.
  unfold outer. change (fst (z' ⊖ z)) with (fst z' ⊖ fst z).
  rewrite (coord_minus (X := neuron)). unfold minus; cbn. ring.
Qed.
Lemma inn_minus z z' r : inn (z' ⊖ z) r = inn z' r ⊖ inn z r.
Proof. unfold inn. change (fst (z' ⊖ z)) with (fst z' ⊖ fst z). now rewrite (coord_minus (X := neuron)). Qed.

Lemma net_adjoint z v u : ⟨net_J z v, u⟩ = ⟨v, net_JT z u⟩.
Proof.
  rewrite inner_Rn, inner_params. unfold net_J.
  rewrite (sum_ext n _ (fun i => sum m (fun r =>
      s * (entry u i * (outer v r * hid z r i + slope z r i * ⟨inn v r, x i⟩))) + entry u i * bias v)).
  2:{ intros i Hi. rewrite entry_vector by assumption. rewrite !sum_scal. ring. }
  rewrite sum_plus, sum_scal_r. f_equal.
  - rewrite sum_swap. apply sum_ext. intros r Hr. unfold net_JT.
    rewrite outer_build, inn_build by assumption. cbn [fst snd].
    rewrite inner_vsum_r, <- !sum_scal, <- sum_plus. apply sum_ext. intros i Hi.
    rewrite inner_scal_r. ring.
  - unfold bias, net_JT. cbn [snd]. rewrite Rmult_comm, <- sum_scal_r. apply sum_ext. intros k Hk.
    now rewrite entry_vector.
Qed.

Definition network : Model Params (Rn n) :=
  {| F := net_F; J := net_J; JT := net_JT; adjoint := net_adjoint |}.

(** ** Differentiability *)
Lemma outer_line z v r t : outer (z ⊕ t ⋅ v) r = outer z r + t * outer v r.
Proof.
  unfold outer. change (fst (z ⊕ t ⋅ v)) with (fst z ⊕ t ⋅ fst v).
  now rewrite (coord_plus (X := neuron)), (coord_scal (X := neuron)).
Qed.
Lemma inn_line z v r t : inn (z ⊕ t ⋅ v) r = inn z r ⊕ t ⋅ inn v r.
Proof.
  unfold inn. change (fst (z ⊕ t ⋅ v)) with (fst z ⊕ t ⋅ fst v).
  now rewrite (coord_plus (X := neuron)), (coord_scal (X := neuron)).
Qed.
Lemma bias_line z v t : bias (z ⊕ t ⋅ v) = bias z + t * bias v.
Proof.
  unfold bias. rewrite <- sum_scal, <- sum_plus. apply sum_ext. intros k _.
  change (snd (z ⊕ t ⋅ v)) with (snd z ⊕ t ⋅ snd v). unfold entry, Rn.
  now rewrite (coord_plus (X := real_space)), (coord_scal (X := real_space)).
Qed.
Lemma pre_line z v r i t : pre (z ⊕ t ⋅ v) r i = pre z r i + t * ⟨inn v r, x i⟩.
Proof. unfold pre. now rewrite inn_line, inner_plus_l, inner_scal_l. Qed.

Lemma neuron_output_derive a w da dw :
  is_derive (fun t : R => (a + t * da) * act (w + t * dw)) 0 (da * act w + a * dact w * dw).
Proof.
  assert (Ha : is_derive (fun t : R => a + t * da) 0 da).
  { apply (is_derive_ext (fun t => a + da * t)); [intros t; cbn; ring|apply derive_affine]. }
  assert (Hw : is_derive (fun t : R => act (w + t * dw)) 0 (dw * dact (w + 0 * dw))).
  { apply (is_derive_comp act (fun t : R => w + t * dw)); [apply act_derive|].
    apply (is_derive_ext (fun t => w + dw * t)); [intros t; cbn; ring|apply derive_affine]. }
  replace (da * act w + a * dact w * dw)
    with (da * act (w + 0 * dw) + (a + 0 * da) * (dw * dact (w + 0 * dw)))
    by (rewrite !Rmult_0_l, !Rplus_0_r; ring).
  apply (is_derive_mult (fun t => a + t * da) (fun t => act (w + t * dw))); [assumption|assumption|].
  intros. apply Rmult_comm.
Qed.

Lemma network_differentiable z : differentiable_at network z.
Proof.
  apply (gateaux_build (Y := real_space) n
    (fun i z => s * sum m (fun r => outer z r * hid z r i) + bias z) z
    (fun i v => s * sum m (fun r => outer v r * hid z r i + slope z r i * ⟨inn v r, x i⟩) + bias v)).
  intros i Hi. apply (gateaux_real (fun z : Params => s * sum m (fun r => outer z r * hid z r i) + bias z)).
  intros v.
  apply (is_derive_plus (fun t => s * sum m (fun r => outer (z ⊕ t ⋅ v) r * hid (z ⊕ t ⋅ v) r i)) (fun t => bias (z ⊕ t ⋅ v))).
  - apply (is_derive_scal (fun t => sum m (fun r => outer (z ⊕ t ⋅ v) r * hid (z ⊕ t ⋅ v) r i))).
    apply (is_derive_sum m (fun r t => outer (z ⊕ t ⋅ v) r * hid (z ⊕ t ⋅ v) r i)).
    intros r Hr.
    apply (is_derive_ext (fun t => (outer z r + t * outer v r) * act (pre z r i + t * ⟨inn v r, x i⟩))).
    { intros t. unfold hid. now rewrite outer_line, pre_line. }
    apply neuron_output_derive.
  - apply (is_derive_ext (fun t => bias z + bias v * t)); [intros t; now rewrite bias_line, (Rmult_comm t)|apply derive_affine].
Qed.

(** ** The inputs as an operator *)
(** |sum_i c_i x_i| <= K |c|, and |sum_i c_i <w, x_i> x_i| <= K Xs |c| |w|: K Xs bounds the root of the largest
    eigenvalue of the entrywise square of the Gram matrix; Xs = max |x_i| will do, and less does. *)
Variables (K Xs : R).
Hypothesis K_pos : 0 <= K.
Hypothesis X_pos : 0 <= Xs.
Hypothesis inputs_op : forall c : nat -> R,
  ⟨vsum n (fun i => c i ⋅ x i), vsum n (fun i => c i ⋅ x i)⟩ <= K * K * sum n (fun i => c i * c i).
Hypothesis inputs_twice : forall (c : nat -> R) (w : W),
  ⟨vsum n (fun i => (c i * ⟨w, x i⟩) ⋅ x i), vsum n (fun i => (c i * ⟨w, x i⟩) ⋅ x i)⟩
    <= K * Xs * (K * Xs) * sum n (fun i => c i * c i) * ⟨w, w⟩.

Lemma inputs_dual w : sum n (fun i => ⟨w, x i⟩ * ⟨w, x i⟩) <= K * K * ⟨w, w⟩.
Proof.
  set (q := sum n (fun i => ⟨w, x i⟩ * ⟨w, x i⟩)).
  set (v := vsum n (fun i => ⟨w, x i⟩ ⋅ x i)).
  assert (E : ⟨w, v⟩ = q).
  { unfold v. rewrite inner_vsum_r. apply sum_ext. intros. now rewrite inner_scal_r. }
  assert (Hv : ⟨v, v⟩ <= K * K * q) by apply inputs_op.
  assert (Hq : 0 <= q) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  pose proof (cauchy_schwarz w v) as C. rewrite E in C.
  pose proof (norm_pos w). pose proof (norm_pos v). rewrite <- (norm_sq v) in Hv. rewrite <- (norm_sq w).
  set (a := norm w) in *. set (b := norm v) in *.
  assert (q * q <= a * b * (a * b)) by (apply Rmult_le_compat; assumption).
  assert (q * q <= a * a * (K * K * q)).
  { eapply Rle_trans; [eassumption|]. replace (a * b * (a * b)) with (a * a * (b * b)) by ring.
    apply Rmult_le_compat_l; [nra|assumption]. }
  destruct (Req_dec q 0) as [Z|N]; [rewrite Z; assert (0 <= K * K) by nra; assert (0 <= a * a) by nra; nra|].
  apply Rmult_le_reg_l with q; [lra|]. lra.
Qed.

(** ** The Lipschitz constant of the Jacobian *)
Section Lipschitz.
Variables (A l : R).
Hypothesis A_pos : 0 <= A.
Let q := kap * A * Xs.
Hypothesis l_pos : 0 < l.
Hypothesis l_large : 1 + q * l <= l * l.

Lemma two_by_two al om : om * om + (al + q * om) * (al + q * om) <= l * l * (al * al + om * om).
Proof.
  assert (Hq : 0 <= q) by (unfold q; apply Rmult_le_pos; [apply Rmult_le_pos|]; assumption).
  (* it suffices that q [l al^2 - 2 al om + (l - q) om^2] >= 0 *)
  assert (H : 0 <= l * (l * (al * al) - 2 * al * om + (l - q) * (om * om))).
  { assert (0 <= (l * al - om) * (l * al - om)) by apply Rle_0_sqr.
    assert (0 <= om * om) by apply Rle_0_sqr.
    assert (0 <= (l * l - q * l - 1) * (om * om)) by (apply Rmult_le_pos; lra). nra. }
  assert (H' : 0 <= l * (al * al) - 2 * al * om + (l - q) * (om * om)).
  { apply Rmult_le_reg_l with l; [assumption|]. now rewrite Rmult_0_r. }
  assert (0 <= q * (l * (al * al) - 2 * al * om + (l - q) * (om * om))) by now apply Rmult_le_pos.
  assert (0 <= (l * l - 1 - q * l) * (al * al + om * om)) by (apply Rmult_le_pos; [lra|nra]).
  nra.
Qed.

Section Neuron.
Variables (z z' : Params) (u : Rn n) (r : nat).
Hypothesis small : Rabs (outer z r) <= A.
Let dw := inn z' r ⊖ inn z r.
Let al := Rabs (outer z' r - outer z r).
Let om := norm dw.
Let U := sum n (fun i => entry u i * entry u i).

Lemma pre_change i : pre z' r i - pre z r i = ⟨dw, x i⟩.
Proof. unfold pre, dw. now rewrite inner_minus_l. Qed.

Lemma hid_change : sum n (fun i => (hid z' r i - hid z r i) * (hid z' r i - hid z r i)) <= K * K * (om * om).
Proof.
  unfold om. rewrite norm_sq. eapply Rle_trans; [|apply inputs_dual].
  apply sum_le. intros i _. unfold hid. pose proof (act_lip (pre z r i) (pre z' r i)) as H.
  rewrite pre_change in H. apply Rsqr_le_abs_1 in H. exact H.
Qed.

(** act' (z') - act' (z) = c_i <dw, x_i> with |c_i| <= kap. *)
Let quotient i := if Req_EM_T ⟨dw, x i⟩ 0 then 0 else (dact (pre z' r i) - dact (pre z r i)) / ⟨dw, x i⟩.
Lemma quotient_spec i : dact (pre z' r i) - dact (pre z r i) = quotient i * ⟨dw, x i⟩ /\ Rabs (quotient i) <= kap.
Proof.
  pose proof (dact_lip (pre z r i) (pre z' r i)) as H. rewrite pre_change in H. unfold quotient.
  destruct (Req_EM_T ⟨dw, x i⟩ 0) as [E|N].
  - rewrite E, Rabs_R0, Rmult_0_r in H. rewrite Rabs_R0. split; [|assumption].
    pose proof (Rabs_pos (dact (pre z' r i) - dact (pre z r i))) as P. destruct (Req_dec (dact (pre z' r i) - dact (pre z r i)) 0) as [Z|Z].
    + rewrite Z. ring.
    + pose proof (Rabs_pos_lt _ Z). lra.
  - split; [field; assumption|]. unfold Rdiv. rewrite Rabs_mult, Rabs_inv.
    apply Rmult_le_reg_r with (Rabs ⟨dw, x i⟩); [now apply Rabs_pos_lt|].
    rewrite Rmult_assoc, Rinv_l, Rmult_1_r by now apply Rabs_no_R0. exact H.
Qed.

(** The change of the slopes moves sum_i u_i slope_i x_i by at most K (al + q om) |u|. *)
Lemma slopes_change :
  norm (vsum n (fun i => (entry u i * (slope z' r i - slope z r i)) ⋅ x i)) <= K * (al + q * om) * sqrt U.
Proof.
  assert (HU : 0 <= U) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  set (v1 := vsum n (fun i => (entry u i * dact (pre z' r i)) ⋅ x i)).
  set (v2 := vsum n (fun i => (entry u i * quotient i * ⟨dw, x i⟩) ⋅ x i)).
  assert (E : vsum n (fun i => (entry u i * (slope z' r i - slope z r i)) ⋅ x i)
    = (outer z' r - outer z r) ⋅ v1 ⊕ outer z r ⋅ v2).
  { apply vec_ext. intros w. autorewrite with inner. unfold v1, v2. rewrite !inner_vsum_l, <- !sum_scal, <- sum_plus.
    apply sum_ext. intros i _. rewrite !inner_scal_l. unfold slope. destruct (quotient_spec i) as [Q _].
    replace (outer z' r * dact (pre z' r i) - outer z r * dact (pre z r i))
      with ((outer z' r - outer z r) * dact (pre z' r i) + outer z r * (dact (pre z' r i) - dact (pre z r i))) by ring.
    rewrite Q. ring. }
  rewrite E. eapply Rle_trans; [apply norm_triang|]. rewrite !norm_scal. fold al.
  assert (N1 : norm v1 <= K * sqrt U).
  { apply norm_le_sq; [apply Rmult_le_pos; [assumption|apply sqrt_pos]|].
    replace (K * sqrt U * (K * sqrt U)) with (K * K * (sqrt U * sqrt U)) by ring. rewrite sqrt_sqrt by assumption.
    eapply Rle_trans; [apply inputs_op|]. apply Rmult_le_compat_l; [apply Rle_0_sqr|]. apply sum_le. intros i _.
    replace (entry u i * dact (pre z' r i) * (entry u i * dact (pre z' r i)))
      with (entry u i * entry u i * (dact (pre z' r i) * dact (pre z' r i))) by ring.
    rewrite <- (Rmult_1_r (entry u i * entry u i)) at 2. apply Rmult_le_compat_l; [apply Rle_0_sqr|].
    rewrite <- (Rmult_1_r 1). apply sq_le_abs, dact_le_1. }
  assert (N2 : norm v2 <= K * Xs * kap * om * sqrt U).
  { pose proof (norm_pos dw) as Pw. fold om in Pw. assert (HKX : 0 <= K * Xs) by now apply Rmult_le_pos.
    apply norm_le_sq; [repeat apply Rmult_le_pos; try assumption; apply sqrt_pos|].
    replace (K * Xs * kap * om * sqrt U * (K * Xs * kap * om * sqrt U))
      with (K * Xs * (K * Xs) * (kap * kap * (sqrt U * sqrt U)) * (om * om)) by ring. rewrite sqrt_sqrt by assumption.
    unfold v2. eapply Rle_trans; [apply (inputs_twice (fun i => entry u i * quotient i))|].
    unfold om. rewrite norm_sq. apply Rmult_le_compat_r; [apply inner_pos|]. apply Rmult_le_compat_l; [now apply Rmult_le_pos|].
    unfold U. rewrite <- sum_scal. apply sum_le. intros i _. destruct (quotient_spec i) as [_ Q]. apply sq_le_abs in Q.
    replace (entry u i * quotient i * (entry u i * quotient i)) with (entry u i * entry u i * (quotient i * quotient i)) by ring.
    rewrite (Rmult_comm (kap * kap)). apply Rmult_le_compat_l; [apply Rle_0_sqr|exact Q]. }
  assert (M1 : al * norm v1 <= al * (K * sqrt U)) by (apply Rmult_le_compat_l; [apply Rabs_pos|exact N1]).
  assert (M2 : Rabs (outer z r) * norm v2 <= A * (K * Xs * kap * om * sqrt U))
    by (apply Rmult_le_compat; try assumption; [apply Rabs_pos|apply norm_pos]).
  unfold q. lra.
Qed.

Lemma neuron_change :
  let d1 := s * sum n (fun i => entry u i * hid z' r i) - s * sum n (fun i => entry u i * hid z r i) in
  let d2 := vsum n (fun i => (s * (entry u i * slope z' r i)) ⋅ x i)
            ⊖ vsum n (fun i => (s * (entry u i * slope z r i)) ⋅ x i) in
  d1 * d1 + ⟨d2, d2⟩ <= s * s * (K * K) * (l * l) * (al * al + om * om) * U.
Proof.
  intros d1 d2.
  assert (HU : 0 <= U) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  assert (Hs : 0 <= s * s) by apply Rle_0_sqr. assert (HK : 0 <= K * K) by apply Rle_0_sqr.
  assert (H1 : d1 * d1 <= s * s * (U * (K * K * (om * om)))).
  { set (t := sum n (fun i => entry u i * (hid z' r i - hid z r i))).
    assert (E : d1 = s * t).
    { unfold d1, t. rewrite <- Rmult_minus_distr_l, <- sum_minus. f_equal. apply sum_ext. intros. ring. }
    rewrite E. replace (s * t * (s * t)) with (s * s * (t * t)) by ring.
    apply Rmult_le_compat_l; [assumption|].
    eapply Rle_trans; [apply (sum_cauchy_schwarz n (entry u) (fun i => hid z' r i - hid z r i))|].
    fold U. apply Rmult_le_compat_l; [assumption|apply hid_change]. }
  assert (H2 : ⟨d2, d2⟩ <= K * K * (s * s * ((al + q * om) * (al + q * om) * U))).
  { assert (E : d2 = s ⋅ vsum n (fun i => (entry u i * (slope z' r i - slope z r i)) ⋅ x i)).
    { unfold d2. rewrite vsum_minus. apply vec_ext. intros w. rewrite inner_scal_l, !inner_vsum_l, <- sum_scal. apply sum_ext.
      intros i _. rewrite inner_minus_l, !inner_scal_l. ring. }
    rewrite E, inner_scal_l, inner_scal_r, <- Rmult_assoc, <- norm_sq. pose proof slopes_change as SC.
    apply Rle_trans with (s * s * (K * (al + q * om) * sqrt U * (K * (al + q * om) * sqrt U))).
    - apply Rmult_le_compat_l; [assumption|]. apply Rmult_le_compat; try assumption; apply norm_pos.
    - right. rewrite <- (sqrt_sqrt U HU) at 3. ring. }
  pose proof (two_by_two al om) as T.
  assert (s * s * (K * K) * U * (om * om + (al + q * om) * (al + q * om))
          <= s * s * (K * K) * U * (l * l * (al * al + om * om))).
  { apply Rmult_le_compat_l; [|assumption]. apply Rmult_le_pos; [apply Rmult_le_pos|]; assumption. }
  lra.
Qed.
End Neuron.

Theorem network_lipschitz z z' :
  (forall r, (r < m)%nat -> Rabs (outer z r) <= A) ->
  jac_change network z z' (Rabs s * K * l * norm (z' ⊖ z)).
Proof.
  intros Hz. pose proof (norm_pos (z' ⊖ z)). pose proof (Rabs_pos s).
  apply jac_change_of_JT.
  { repeat apply Rmult_le_pos; try assumption; lra. }
  intros u. change (JT network) with net_JT.
  rewrite inner_params.
  rewrite (sum_ext p _ (fun _ => 0)).
  2:{ intros k Hk. change (snd (net_JT z' u ⊖ net_JT z u)) with (snd (net_JT z' u) ⊖ snd (net_JT z u)).
      rewrite entry_minus. unfold net_JT. cbn [snd]. ring. }
  rewrite sum_0, Rplus_0_r.
  replace (Rabs s * K * l * norm (z' ⊖ z) * (Rabs s * K * l * norm (z' ⊖ z)) * ⟨u, u⟩)
    with (s * s * (K * K) * (l * l) * ⟨u, u⟩ * ⟨z' ⊖ z, z' ⊖ z⟩).
  2:{ rewrite <- (norm_sq (z' ⊖ z)). pose proof (abs_sq s) as E. rewrite <- E. ring. }
  rewrite (inner_params (z' ⊖ z)).
  apply Rle_trans with (s * s * (K * K) * (l * l) * ⟨u, u⟩
    * sum m (fun r => outer (z' ⊖ z) r * outer (z' ⊖ z) r + ⟨inn (z' ⊖ z) r, inn (z' ⊖ z) r⟩)).
  2:{ pose proof (inner_pos (Rn n) u). assert (0 <= s * s) by apply Rle_0_sqr. assert (0 <= K * K) by apply Rle_0_sqr.
      assert (0 <= l * l) by apply Rle_0_sqr.
      apply Rmult_le_compat_l; [now apply Rmult_le_pos; [apply Rmult_le_pos; [apply Rmult_le_pos|]|]|].
      assert (0 <= sum p (fun k => entry (snd (z' ⊖ z)) k * entry (snd (z' ⊖ z)) k)) by (apply sum_nonneg; intros; apply Rle_0_sqr).
      lra. }
  rewrite <- sum_scal. apply sum_le. intros r Hr.
  pose proof (neuron_change z z' u r (Hz r Hr)) as N. cbn zeta in N.
  rewrite !outer_minus, !inn_minus. unfold net_JT.
  rewrite !outer_build, !inn_build by assumption. cbn [fst snd].
  rewrite <- (inner_Rn n u u), abs_sq, norm_sq in N.
  eapply Rle_trans; [exact N|]. right. ring.
Qed.
End Lipschitz.

(** Outer weights move by at most the distance. *)
Lemma outer_ball c rho z r : (r < m)%nat -> in_ball c rho z -> Rabs (outer z r) <= Rabs (outer c r) + rho.
Proof.
  unfold in_ball. intros Hr Hz.
  assert (Q : (outer z r - outer c r) * (outer z r - outer c r) <= norm (z ⊖ c) * norm (z ⊖ c)).
  { rewrite norm_sq, inner_params.
    assert (0 <= sum p (fun k => entry (snd (z ⊖ c)) k * entry (snd (z ⊖ c)) k)) by (apply sum_nonneg; intros; apply Rle_0_sqr).
    pose proof (sum_ge_term m (fun r => outer (z ⊖ c) r * outer (z ⊖ c) r + ⟨inn (z ⊖ c) r, inn (z ⊖ c) r⟩) r Hr) as G.
    cbn beta in G. rewrite outer_minus in G at 1 2. pose proof (inner_pos W (inn (z ⊖ c) r)).
    assert (forall i, (i < m)%nat -> 0 <= outer (z ⊖ c) i * outer (z ⊖ c) i + ⟨inn (z ⊖ c) i, inn (z ⊖ c) i⟩).
    { intros i _. pose proof (inner_pos W (inn (z ⊖ c) i)). pose proof (Rle_0_sqr (outer (z ⊖ c) i)). unfold Rsqr in *. lra. }
    specialize (G H1). lra. }
  assert (H : Rabs (outer z r - outer c r) <= norm (z ⊖ c)).
  { rewrite <- (Rabs_pos_eq (norm (z ⊖ c))) by apply norm_pos. apply Rsqr_le_abs_0. exact Q. }
  pose proof (Rabs_triang (outer c r) (outer z r - outer c r)) as T.
  replace (outer c r + (outer z r - outer c r)) with (outer z r) in T by ring. lra.
Qed.

(** ** The NTK as a matrix, neuron r weighted by k r *)
Definition theta (k : nat -> R) (z : Params) (i j : nat) : R :=
  s * s * (sum m (fun r => k r * (hid z r i * hid z r j)) + ⟨x i, x j⟩ * sum m (fun r => k r * (slope z r i * slope z r j))) + INR p.

(** Neuron r's part of J^T u. *)
Definition part (z : Params) (u : Rn n) (r : nat) : neuron :=
  ((s * sum n (fun i => entry u i * hid z r i)) : real_space, vsum n (fun i => (s * (entry u i * slope z r i)) ⋅ x i)).

Lemma part_square z u r : ⟨part z u r, part z u r⟩ =
  s * sum n (fun i => entry u i * hid z r i) * (s * sum n (fun i => entry u i * hid z r i))
  + ⟨vsum n (fun i => (s * (entry u i * slope z r i)) ⋅ x i), vsum n (fun i => (s * (entry u i * slope z r i)) ⋅ x i)⟩.
Proof. reflexivity. Qed.

Lemma part_change z z' u r : ⟨part z' u r ⊖ part z u r, part z' u r ⊖ part z u r⟩ =
  let d1 := s * sum n (fun i => entry u i * hid z' r i) - s * sum n (fun i => entry u i * hid z r i) in
  let d2 := vsum n (fun i => (s * (entry u i * slope z' r i)) ⋅ x i) ⊖ vsum n (fun i => (s * (entry u i * slope z r i)) ⋅ x i) in
  d1 * d1 + ⟨d2, d2⟩.
Proof.
  cbn zeta. unfold neuron. rewrite minus_pair, inner_pair. unfold part. cbn [fst snd]. f_equal. unfold minus; cbn. ring.
Qed.

Lemma JT_parts z u : ⟨net_JT z u, net_JT z u⟩
  = sum m (fun r => ⟨part z u r, part z u r⟩) + INR p * (sum n (entry u) * sum n (entry u)).
Proof.
  rewrite inner_params. f_equal.
  - apply sum_ext. intros r Hr. unfold net_JT. rewrite outer_build, inn_build by assumption. reflexivity.
  - rewrite <- sum_const. apply sum_ext. intros k Hk. unfold net_JT. cbn [snd]. now rewrite entry_vector.
Qed.

Lemma weighted_matrix k z u : sum m (fun r => k r * ⟨part z u r, part z u r⟩) + INR p * (sum n (entry u) * sum n (entry u))
  = sum n (fun i => sum n (fun j => entry u i * entry u j * theta k z i j)).
Proof.
  rewrite (sum_ext m _ (fun r => sum n (fun i => sum n (fun j =>
     s * s * (entry u i * entry u j) * (k r * (hid z r i * hid z r j) + ⟨x i, x j⟩ * (k r * (slope z r i * slope z r j))))))).
  2:{ intros r Hr. rewrite part_square, inner_vsum_l.
      rewrite (sum_ext n (fun i => ⟨(s * (entry u i * slope z r i)) ⋅ x i, _⟩)
        (fun i => sum n (fun j => s * s * (entry u i * entry u j) * (⟨x i, x j⟩ * (slope z r i * slope z r j))))).
      2:{ intros i _. rewrite inner_scal_l, inner_vsum_r, <- sum_scal. apply sum_ext. intros j _.
          rewrite inner_scal_r. ring. }
      replace (s * sum n (fun i => entry u i * hid z r i) * (s * sum n (fun i => entry u i * hid z r i)))
        with (s * s * (sum n (fun i => entry u i * hid z r i) * sum n (fun i => entry u i * hid z r i))) by ring.
      rewrite sum_prod, <- sum_scal, <- sum_plus, <- sum_scal. apply sum_ext. intros i _.
      rewrite <- sum_scal, <- sum_plus, <- sum_scal. apply sum_ext. intros j _. ring. }
  rewrite sum_prod, sum_swap, <- sum_scal, <- sum_plus. apply sum_ext. intros i _.
  rewrite sum_swap, <- sum_scal, <- sum_plus. apply sum_ext. intros j _.
  rewrite sum_scal, sum_plus, sum_scal. unfold theta. ring.
Qed.

Theorem ntk_matrix z u :
  ⟨net_JT z u, net_JT z u⟩ = sum n (fun i => sum n (fun j => entry u i * entry u j * theta (fun _ => 1) z i j)).
Proof. rewrite JT_parts, <- weighted_matrix. f_equal. apply sum_ext. intros. ring. Qed.

(** ** The NTK on a ball, the budget shared between the neurons (claim neuron_budget)
    What moves is paid for once: a neuron that moves by t_r loses at most om_r t_r^2, and sum t_r^2 <= |z' - z|^2. *)
Lemma young {X : InnerSpace} (a b : X) k w om tau :
  0 <= k <= 1 -> 0 <= w -> 0 <= om -> k * (w + om) <= w -> ⟨b ⊖ a, b ⊖ a⟩ <= om * tau -> 0 <= tau ->
  k * ⟨a, a⟩ - w * tau <= ⟨b, b⟩.
Proof.
  intros [K0 K1] Hw Ho Hk Hd Ht.
  assert (P : 0 <= ⟨(1 - k) ⋅ a ⊕ (b ⊖ a), (1 - k) ⋅ a ⊕ (b ⊖ a)⟩) by apply inner_pos.
  assert (E : ⟨(1 - k) ⋅ a ⊕ (b ⊖ a), (1 - k) ⋅ a ⊕ (b ⊖ a)⟩ = (1 - k) * (⟨b, b⟩ - k * ⟨a, a⟩) + k * ⟨b ⊖ a, b ⊖ a⟩).
  { autorewrite with inner. rewrite (inner_sym _ b a). ring. }
  assert (F : k * ⟨b ⊖ a, b ⊖ a⟩ <= k * (om * tau)) by (apply Rmult_le_compat_l; assumption).
  assert (G : k * (w + om) * tau <= w * tau) by (apply Rmult_le_compat_r; assumption).
  destruct (Req_dec k 1) as [->|N].
  - (* nothing moved: om = 0 *)
    assert (O : om = 0) by lra. rewrite O, Rmult_0_l in Hd.
    assert (Z : b = a).
    { apply norm_eq_0. apply Rle_antisym; [|apply norm_pos]. apply norm_le_sq; lra. }
    rewrite Z. assert (0 <= w * tau) by now apply Rmult_le_pos. lra.
  - apply Rmult_le_reg_l with (1 - k); [lra|]. lra.
Qed.

Section Budget.
Variables (z : Params) (w : R) (k l : nat -> R).
Hypothesis w_pos : 0 <= w.
Hypothesis l_positive : forall r, (r < m)%nat -> 0 < l r.
Hypothesis l_enough : forall r, (r < m)%nat -> 1 + kap * Rabs (outer z r) * Xs * l r <= l r * l r.
Hypothesis k_unit : forall r, (r < m)%nat -> 0 <= k r <= 1.
Hypothesis k_share : forall r, (r < m)%nat -> k r * (w + s * s * (K * K) * (l r * l r)) <= w.

Theorem neuron_budget z' u :
  sum n (fun i => sum n (fun j => entry u i * entry u j * theta k z i j)) - w * ⟨z' ⊖ z, z' ⊖ z⟩ * ⟨u, u⟩
    <= ⟨net_JT z' u, net_JT z' u⟩.
Proof.
  rewrite JT_parts, <- weighted_matrix. set (U := ⟨u, u⟩). assert (HU : 0 <= U) by apply inner_pos.
  assert (S : sum m (fun r => outer (z' ⊖ z) r * outer (z' ⊖ z) r + ⟨inn (z' ⊖ z) r, inn (z' ⊖ z) r⟩) <= ⟨z' ⊖ z, z' ⊖ z⟩).
  { rewrite (inner_params (z' ⊖ z)).
    assert (0 <= sum p (fun k => entry (snd (z' ⊖ z)) k * entry (snd (z' ⊖ z)) k)) by (apply sum_nonneg; intros; apply Rle_0_sqr). lra. }
  apply Rle_trans with (sum m (fun r => k r * ⟨part z u r, part z u r⟩
      - w * ((outer (z' ⊖ z) r * outer (z' ⊖ z) r + ⟨inn (z' ⊖ z) r, inn (z' ⊖ z) r⟩) * U))
    + INR p * (sum n (entry u) * sum n (entry u))).
  { rewrite sum_minus, sum_scal, sum_scal_r. apply Rmult_le_compat_r with (r := w * U) in S; [|now apply Rmult_le_pos]. lra. }
  apply Rplus_le_compat_r. apply sum_le. intros r Hr.
  pose proof (neuron_change (Rabs (outer z r)) (l r) (Rabs_pos _) (l_positive r Hr) (l_enough r Hr) z z' u r (Rle_refl _)) as N.
  cbn zeta in N. rewrite <- inner_Rn in N. fold U in N.
  rewrite abs_sq, norm_sq, <- outer_minus, <- inn_minus in N.
  set (t := outer (z' ⊖ z) r * outer (z' ⊖ z) r + ⟨inn (z' ⊖ z) r, inn (z' ⊖ z) r⟩) in *.
  assert (Ht : 0 <= t) by (unfold t; pose proof (inner_pos W (inn (z' ⊖ z) r)); pose proof (Rle_0_sqr (outer (z' ⊖ z) r)); unfold Rsqr in *; lra).
  apply (young (part z u r) (part z' u r) (k r) w (s * s * (K * K) * (l r * l r)) (t * U)); try assumption.
  - now apply k_unit.
  - apply Rmult_le_pos; [apply Rmult_le_pos|]; apply Rle_0_sqr.
  - now apply k_share.
  - rewrite part_change. replace (s * s * (K * K) * (l r * l r) * (t * U)) with (s * s * (K * K) * (l r * l r) * t * U) by ring. exact N.
  - now apply Rmult_le_pos.
Qed.
End Budget.
End TwoLayer.
