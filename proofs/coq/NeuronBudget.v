(** * The NTK of a two-layer network as a matrix, and on a ball: the budget shared between the neurons  (claim neuron_budget) *)

From Coq Require Import Reals Lra Psatz Lia.
From LPLR Require Import Inner Sums Rn Setting TwoLayer.
Open Scope R_scope.

Section Budget.
Variables (Y W : InnerSpace) (n m p : nat) (x : nat -> W) (y : nat -> Y) (s : R).
Variables (act dact : nat -> nat -> R -> R) (top kap : R).
Hypothesis act_lip : forall r i t t', Rabs (act r i t' - act r i t) <= top * Rabs (t' - t).
Hypothesis dact_le : forall r i t, Rabs (dact r i t) <= top.
Hypothesis dact_lip : forall r i t t', Rabs (dact r i t' - dact r i t) <= kap * Rabs (t' - t).
Hypothesis top_pos : 0 <= top.
Hypothesis kap_pos : 0 <= kap.
Notation neuron := (TwoLayer.neuron Y W).
Notation Params := (TwoLayer.Params Y W m p).
Notation out := (TwoLayer.out Y W m p).
Notation inn := (TwoLayer.inn Y W m p).
Notation hid := (TwoLayer.hid Y W m p x act).
Notation slope := (TwoLayer.slope Y W m p x y dact).
Notation net_JT := (TwoLayer.net_JT Y W n m p x y s act dact).

(** ** The NTK as a matrix, neuron r weighted by k r *)
Definition theta (k : nat -> R) (z : Params) (i j : nat) : R :=
  s * s * (⟨y i, y j⟩ * sum m (fun r => k r * (hid z r i * hid z r j)) + ⟨x i, x j⟩ * sum m (fun r => k r * (slope z r i * slope z r j)))
  + INR p * ⟨y i, y j⟩.

(** Neuron r's part of J^T u. *)
Definition part (z : Params) (u : Rn n) (r : nat) : neuron :=
  (vsum n (fun i => (s * (entry u i * hid z r i)) ⋅ y i), vsum n (fun i => (s * (entry u i * slope z r i)) ⋅ x i)).

Lemma part_change z z' u r : ⟨part z' u r ⊖ part z u r, part z' u r ⊖ part z u r⟩ =
  let d1 := vsum n (fun i => (s * (entry u i * hid z' r i)) ⋅ y i) ⊖ vsum n (fun i => (s * (entry u i * hid z r i)) ⋅ y i) in
  let d2 := vsum n (fun i => (s * (entry u i * slope z' r i)) ⋅ x i) ⊖ vsum n (fun i => (s * (entry u i * slope z r i)) ⋅ x i) in
  ⟨d1, d1⟩ + ⟨d2, d2⟩.
Proof. cbn zeta. unfold neuron. rewrite minus_pair, inner_pair. reflexivity. Qed.

Lemma JT_parts z u : ⟨net_JT z u, net_JT z u⟩ = sum m (fun r => ⟨part z u r, part z u r⟩)
  + INR p * ⟨vsum n (fun i => entry u i ⋅ y i), vsum n (fun i => entry u i ⋅ y i)⟩.
Proof.
  rewrite inner_params. f_equal.
  - apply sum_ext. intros r Hr. unfold net_JT. rewrite out_build, inn_build by assumption. reflexivity.
  - rewrite <- sum_const. apply sum_ext. intros k Hk. unfold net_JT. cbn [snd]. now rewrite coord_build.
Qed.

Lemma vsum_square {V : InnerSpace} (f : nat -> R) (v : nat -> V) :
  ⟨vsum n (fun i => f i ⋅ v i), vsum n (fun i => f i ⋅ v i)⟩ = sum n (fun i => sum n (fun j => f i * f j * ⟨v i, v j⟩)).
Proof.
  rewrite inner_vsum_l. apply sum_ext. intros i _. rewrite inner_scal_l, inner_vsum_r, <- sum_scal. apply sum_ext. intros j _.
  rewrite inner_scal_r. ring.
Qed.

Lemma weighted_matrix k z u : sum m (fun r => k r * ⟨part z u r, part z u r⟩)
    + INR p * ⟨vsum n (fun i => entry u i ⋅ y i), vsum n (fun i => entry u i ⋅ y i)⟩
  = sum n (fun i => sum n (fun j => entry u i * entry u j * theta k z i j)).
Proof.
  rewrite (sum_ext m _ (fun r => sum n (fun i => sum n (fun j =>
     s * s * (entry u i * entry u j) * (⟨y i, y j⟩ * (k r * (hid z r i * hid z r j)) + ⟨x i, x j⟩ * (k r * (slope z r i * slope z r j))))))).
  2:{ intros r Hr. unfold neuron. rewrite inner_pair. unfold part. cbn [fst snd]. rewrite !vsum_square, <- sum_plus, <- sum_scal.
      apply sum_ext. intros i _. rewrite <- sum_plus, <- sum_scal. apply sum_ext. intros j _. ring. }
  rewrite vsum_square, sum_swap, <- sum_scal, <- sum_plus. apply sum_ext. intros i _.
  rewrite sum_swap, <- sum_scal, <- sum_plus. apply sum_ext. intros j _.
  rewrite sum_scal, sum_plus, !sum_scal. unfold theta. ring.
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

(** The inputs and the directions as operators, as in TwoLayer.v. *)
Variables (K Xs : R).
Hypothesis K_pos : 0 <= K.
Hypothesis X_pos : 0 <= Xs.
Hypothesis inputs_op : forall (b : nat -> R) (v : Y),
  ⟨vsum n (fun i => (b i * ⟨v, y i⟩) ⋅ x i), vsum n (fun i => (b i * ⟨v, y i⟩) ⋅ x i)⟩ <= K * K * sum n (fun i => b i * b i) * ⟨v, v⟩.
Hypothesis inputs_twice : forall (b : nat -> R) (v : Y) (w : W),
  ⟨vsum n (fun i => (b i * ⟨v, y i⟩ * ⟨w, x i⟩) ⋅ x i), vsum n (fun i => (b i * ⟨v, y i⟩ * ⟨w, x i⟩) ⋅ x i)⟩
    <= K * Xs * (K * Xs) * sum n (fun i => b i * b i) * ⟨v, v⟩ * ⟨w, w⟩.

Variables (z : Params) (w : R) (k l : nat -> R).
Hypothesis w_pos : 0 <= w.
Hypothesis l_positive : forall r, (r < m)%nat -> 0 < l r.
Hypothesis l_enough : forall r, (r < m)%nat -> top * top + kap * norm (out z r) * Xs * l r <= l r * l r.
Hypothesis k_unit : forall r, (r < m)%nat -> 0 <= k r <= 1.
Hypothesis k_share : forall r, (r < m)%nat -> k r * (w + s * s * (K * K) * (l r * l r)) <= w.

Theorem neuron_budget z' u :
  sum n (fun i => sum n (fun j => entry u i * entry u j * theta k z i j)) - w * ⟨z' ⊖ z, z' ⊖ z⟩ * ⟨u, u⟩
    <= ⟨net_JT z' u, net_JT z' u⟩.
Proof.
  rewrite JT_parts, <- weighted_matrix. set (U := ⟨u, u⟩). assert (HU : 0 <= U) by apply inner_pos.
  assert (S : sum m (fun r => ⟨out (z' ⊖ z) r, out (z' ⊖ z) r⟩ + ⟨inn (z' ⊖ z) r, inn (z' ⊖ z) r⟩) <= ⟨z' ⊖ z, z' ⊖ z⟩).
  { rewrite (inner_params Y W m p (z' ⊖ z)).
    assert (0 <= sum p (fun k => ⟨coord k (snd (z' ⊖ z)), coord k (snd (z' ⊖ z))⟩)) by (apply sum_nonneg; intros; apply inner_pos). lra. }
  apply Rle_trans with (sum m (fun r => k r * ⟨part z u r, part z u r⟩
      - w * ((⟨out (z' ⊖ z) r, out (z' ⊖ z) r⟩ + ⟨inn (z' ⊖ z) r, inn (z' ⊖ z) r⟩) * U))
    + INR p * ⟨vsum n (fun i => entry u i ⋅ y i), vsum n (fun i => entry u i ⋅ y i)⟩).
  { rewrite sum_minus, sum_scal, sum_scal_r. apply Rmult_le_compat_r with (r := w * U) in S; [|now apply Rmult_le_pos]. lra. }
  apply Rplus_le_compat_r. apply sum_le. intros r Hr.
  pose proof (neuron_change Y W n m p x y s act dact top kap act_lip dact_le dact_lip top_pos kap_pos K Xs K_pos X_pos inputs_op inputs_twice
    (norm (out z r)) (l r) (norm_pos _) (l_positive r Hr) (l_enough r Hr) z z' u r (Rle_refl _)) as N.
  cbn zeta in N. rewrite <- inner_Rn in N. fold U in N.
  rewrite !norm_sq, <- out_minus, <- inn_minus in N.
  set (t := ⟨out (z' ⊖ z) r, out (z' ⊖ z) r⟩ + ⟨inn (z' ⊖ z) r, inn (z' ⊖ z) r⟩) in *.
  assert (Ht : 0 <= t) by (unfold t; pose proof (inner_pos W (inn (z' ⊖ z) r)); pose proof (inner_pos Y (out (z' ⊖ z) r)); lra).
  apply (young (part z u r) (part z' u r) (k r) w (s * s * (K * K) * (l r * l r)) (t * U)); try assumption.
  - now apply k_unit.
  - apply Rmult_le_pos; [apply Rmult_le_pos|]; apply Rle_0_sqr.
  - now apply k_share.
  - rewrite part_change. replace (s * s * (K * K) * (l r * l r) * (t * U)) with (s * s * (K * K) * (l r * l r) * t * U) by ring. exact N.
  - now apply Rmult_le_pos.
Qed.
End Budget.
