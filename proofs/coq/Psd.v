(** * Positive semidefiniteness from an approximate factor:  M = c I + L L^T + E, |E_ij| <= eps *)

From Coq Require Import Reals Lra Psatz Lia Arith.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner.
From LPLR Require Import Sums Rn.
Open Scope R_scope.

Lemma sum_delta n i (f : nat -> R) : (i < n)%nat -> sum n (fun j => if (i =? j)%nat then f j else 0) = f i.
Proof.
  revert i f. induction n as [|n IH]; intros i f Hi; [lia|]. destruct i as [|i]; cbn.
  - rewrite sum_0. ring.
  - rewrite (IH i (fun j => f (S j))) by lia. ring.
Qed.

Theorem psd_witness n k (M L : nat -> nat -> R) c eps (u : nat -> R) :
  (forall i j, (i < n)%nat -> (j < n)%nat ->
     Rabs (M i j - (if (i =? j)%nat then c else 0) - sum k (fun p => L i p * L j p)) <= eps) ->
  (c - INR n * eps) * sum n (fun i => u i * u i) <= sum n (fun i => sum n (fun j => u i * u j * M i j)).
Proof.
  intros H.
  set (E := fun i j => M i j - (if (i =? j)%nat then c else 0) - sum k (fun p => L i p * L j p)).
  set (q := sum n (fun i => u i * u i)).
  assert (HM : sum n (fun i => sum n (fun j => u i * u j * M i j))
     = c * q + sum k (fun p => sum n (fun i => u i * L i p) * sum n (fun i => u i * L i p))
       + sum n (fun i => sum n (fun j => u i * u j * E i j))).
  { rewrite (sum_ext n _ (fun i => c * (u i * u i) + sum n (fun j => u i * u j * sum k (fun p => L i p * L j p))
        + sum n (fun j => u i * u j * E i j))).
    2:{ intros i Hi. rewrite <- (sum_delta n i (fun j => c * (u i * u j)) Hi), <- !sum_plus. apply sum_ext.
        intros j Hj. unfold E. destruct (i =? j)%nat; ring. }
    rewrite !sum_plus, sum_scal. fold q. f_equal. f_equal.
    rewrite (sum_ext n _ (fun i => sum k (fun p => sum n (fun j => u i * u j * (L i p * L j p))))).
    2:{ intros i _. rewrite <- sum_swap. apply sum_ext. intros j _. now rewrite sum_scal. }
    rewrite sum_swap. apply sum_ext. intros p _. rewrite sum_prod. apply sum_ext. intros i _. apply sum_ext.
    intros j _. ring. }
  assert (HL : 0 <= sum k (fun p => sum n (fun i => u i * L i p) * sum n (fun i => u i * L i p)))
    by (apply sum_nonneg; intros; apply Rle_0_sqr).
  assert (HE : Rabs (sum n (fun i => sum n (fun j => u i * u j * E i j))) <= eps * (INR n * q)).
  { destruct n as [|n0].
    { cbn. rewrite Rabs_R0. lra. }
    assert (0 <= eps) by (eapply Rle_trans; [apply Rabs_pos|apply (H O O); lia]).
    eapply Rle_trans; [|apply Rmult_le_compat_l; [assumption|apply (sum_abs_sq (S n0) u)]].
    rewrite sum_prod, <- sum_scal. eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros i Hi.
    rewrite <- sum_scal. eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros j Hj.
    rewrite !Rabs_mult. specialize (H i j Hi Hj). fold (E i j) in H.
    pose proof (Rabs_pos (u i)). pose proof (Rabs_pos (u j)).
    rewrite (Rmult_comm eps). apply Rmult_le_compat_l; [nra|assumption]. }
  rewrite HM. apply Rabs_le_between in HE. lra.
Qed.

(** ** The entrywise square of a Gram matrix
    The operator w |-> sum_i b_i <w, x_i> x_i has norm at most its Frobenius norm, (sum_ij b_i b_j <x_i, x_j>^2)^(1/2). *)
Theorem twice_bound d n (x : nat -> Rn d) (b : nat -> R) (w : Rn d) :
  let v := vsum n (fun i => (b i * ⟨w, x i⟩) ⋅ x i) in
  ⟨v, v⟩ <= sum n (fun i => sum n (fun j => b i * b j * (⟨x i, x j⟩ * ⟨x i, x j⟩))) * ⟨w, w⟩.
Proof.
  intros v. set (T := fun k l => sum n (fun i => b i * (entry (x i) k * entry (x i) l))).
  set (S := sum n (fun i => sum n (fun j => b i * b j * (⟨x i, x j⟩ * ⟨x i, x j⟩)))).
  assert (HS : S = sum d (fun k => sum d (fun l => T k l * T k l))).
  { symmetry. unfold S. rewrite (sum_ext d _ (fun k => sum n (fun i => sum n (fun j => sum d (fun l =>
       b i * b j * (entry (x i) k * entry (x j) k * (entry (x i) l * entry (x j) l))))))).
    2:{ intros k _. rewrite (sum_ext d _ (fun l => sum n (fun i => sum n (fun j =>
           b i * b j * (entry (x i) k * entry (x j) k * (entry (x i) l * entry (x j) l)))))).
        2:{ intros l _. unfold T. rewrite sum_prod. apply sum_ext. intros i _. apply sum_ext. intros j _. ring. }
        rewrite sum_swap. apply sum_ext. intros i _. apply sum_swap. }
    rewrite sum_swap. apply sum_ext. intros i _. rewrite sum_swap. apply sum_ext. intros j _.
    rewrite !inner_Rn, sum_prod, <- sum_scal. apply sum_ext. intros k _. rewrite <- sum_scal. reflexivity. }
  assert (HS0 : 0 <= S) by (rewrite HS; apply sum_nonneg; intros; apply sum_nonneg; intros; apply Rle_0_sqr).
  (* <v, z> as a bilinear form in w and z *)
  assert (Hv : ⟨v, v⟩ = sum d (fun k => entry v k * sum d (fun l => T k l * entry w l))).
  { unfold v at 1. rewrite inner_vsum_l. rewrite (sum_ext n _ (fun i => sum d (fun k => sum d (fun l =>
       entry v k * (b i * (entry (x i) k * entry (x i) l) * entry w l))))).
    2:{ intros i _. rewrite inner_scal_l, !inner_Rn, Rmult_assoc, sum_prod, <- sum_scal, sum_swap. apply sum_ext. intros k _.
        rewrite <- sum_scal. apply sum_ext. intros l _. ring. }
    rewrite sum_swap. apply sum_ext. intros k _. rewrite sum_swap, <- sum_scal. apply sum_ext. intros l _.
    unfold T. rewrite <- sum_scal_r, <- sum_scal. apply sum_ext. intros. ring. }
  assert (Hle : ⟨v, v⟩ * ⟨v, v⟩ <= ⟨v, v⟩ * (S * ⟨w, w⟩)).
  { rewrite Hv at 1 2. eapply Rle_trans; [apply (sum_cauchy_schwarz d (entry v))|]. rewrite <- inner_Rn.
    apply Rmult_le_compat_l; [apply inner_pos|]. rewrite HS, <- sum_scal_r. apply sum_le. intros k _.
    rewrite (inner_Rn d w w). apply sum_cauchy_schwarz. }
  destruct (Req_dec ⟨v, v⟩ 0) as [Z|N].
  - rewrite Z. apply Rmult_le_pos; [assumption|apply inner_pos].
  - apply Rmult_le_reg_l with ⟨v, v⟩; [pose proof (inner_pos _ v); lra|exact Hle].
Qed.
