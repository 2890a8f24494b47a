(** * Several outputs: n samples with k outputs as n k equations

    Equation I reads output I mod k of sample I / k.  The bounds that a network needs of its inputs hold for the equations
    as soon as they hold for the samples, with the same constants. *)

From Coq Require Import Reals Lra Lia.
From LPLR Require Import Inner Sums Rn Psd.
Open Scope R_scope.

(** The unit vector of output o. *)
Definition axis (k o : nat) : Rn k := vector k (fun j => if (o =? j)%nat then 1 else 0).

Lemma inner_axis k o (v : Rn k) : (o < k)%nat -> ⟨v, axis k o⟩ = entry v o.
Proof.
  intros Ho. rewrite inner_Rn, <- (sum_delta k o (entry v) Ho). apply sum_ext. intros j Hj. unfold axis.
  rewrite entry_vector by assumption. destruct (o =? j)%nat; ring.
Qed.
Lemma inner_axes k o o' : (o < k)%nat -> (o' < k)%nat -> ⟨axis k o, axis k o'⟩ = if (o =? o')%nat then 1 else 0.
Proof. intros Ho Ho'. rewrite inner_axis by assumption. unfold axis. now rewrite entry_vector. Qed.

Lemma sum_split a b f : sum (a + b) f = sum a f + sum b (fun i => f (a + i)%nat).
Proof.
  revert f. induction a as [|a IH]; intros f; cbn [Nat.add sum]; [now rewrite Rplus_0_l|].
  rewrite (IH (fun i => f (S i))). ring.
Qed.
Lemma sum_rows n k f : sum (n * k) f = sum n (fun i => sum k (fun o => f (i * k + o)%nat)).
Proof.
  revert f. induction n as [|n IH]; intros f; [reflexivity|]. cbn [Nat.mul]. rewrite sum_split, (IH (fun I => f (k + I)%nat)).
  cbn [sum]. f_equal. apply sum_ext. intros i _. apply sum_ext. intros o _. f_equal. lia.
Qed.
Lemma row_div i k o : (o < k)%nat -> ((i * k + o) / k)%nat = i.
Proof. intros H. rewrite Nat.div_add_l by lia. rewrite Nat.div_small by assumption. lia. Qed.
Lemma row_mod i k o : (o < k)%nat -> ((i * k + o) mod k)%nat = o.
Proof. intros H. rewrite Nat.add_comm, Nat.mod_add by lia. now apply Nat.mod_small. Qed.

Section Rows.
Variables (W : InnerSpace) (n k : nat) (x : nat -> W).
Let xr I := x (I / k)%nat.
Let yr I := axis k (I mod k).

(** What the k equations of a sample put on its input. *)
Let collected (b : nat -> R) (v : Rn k) (i : nat) : R := sum k (fun o => b (i * k + o)%nat * entry v o).
Lemma collected_squares b v : sum n (fun i => collected b v i * collected b v i) <= sum (n * k) (fun I => b I * b I) * ⟨v, v⟩.
Proof.
  rewrite sum_rows, <- sum_scal_r. apply sum_le. intros i _. rewrite inner_Rn.
  apply (sum_cauchy_schwarz k (fun o => b (i * k + o)%nat) (entry v)).
Qed.
Lemma collected_sum b v (g : nat -> R) (w : W) :
  ⟨vsum (n * k) (fun I => (b I * ⟨v, yr I⟩ * g (I / k)%nat) ⋅ xr I), w⟩ = ⟨vsum n (fun i => (collected b v i * g i) ⋅ x i), w⟩.
Proof.
  rewrite !inner_vsum_l, sum_rows. apply sum_ext. intros i _. rewrite inner_scal_l. unfold collected.
  rewrite <- !sum_scal_r. apply sum_ext. intros o Ho.
  unfold xr, yr. rewrite row_div, row_mod, inner_scal_l, inner_axis by assumption. reflexivity.
Qed.

Variables (K2 T2 : R).
Hypothesis K2_pos : 0 <= K2.
Hypothesis T2_pos : 0 <= T2.
Hypothesis op : forall c : nat -> R, ⟨vsum n (fun i => c i ⋅ x i), vsum n (fun i => c i ⋅ x i)⟩ <= K2 * sum n (fun i => c i * c i).
Hypothesis twice : forall (c : nat -> R) (w : W),
  ⟨vsum n (fun i => (c i * ⟨w, x i⟩) ⋅ x i), vsum n (fun i => (c i * ⟨w, x i⟩) ⋅ x i)⟩ <= T2 * sum n (fun i => c i * c i) * ⟨w, w⟩.

Lemma rows_op b (v : Rn k) :
  ⟨vsum (n * k) (fun I => (b I * ⟨v, yr I⟩) ⋅ xr I), vsum (n * k) (fun I => (b I * ⟨v, yr I⟩) ⋅ xr I)⟩
    <= K2 * sum (n * k) (fun I => b I * b I) * ⟨v, v⟩.
Proof.
  assert (E : vsum (n * k) (fun I => (b I * ⟨v, yr I⟩) ⋅ xr I) = vsum n (fun i => collected b v i ⋅ x i)).
  { apply vec_ext. intros w. pose proof (collected_sum b v (fun _ => 1) w) as C. rewrite !inner_vsum_l in *.
    erewrite sum_ext; [erewrite C|]; [apply sum_ext|]; intros i _; rewrite !inner_scal_l; ring. }
  rewrite E. eapply Rle_trans; [apply op|]. rewrite Rmult_assoc. apply Rmult_le_compat_l; [assumption|apply collected_squares].
Qed.

Lemma rows_twice b (v : Rn k) (w : W) :
  ⟨vsum (n * k) (fun I => (b I * ⟨v, yr I⟩ * ⟨w, xr I⟩) ⋅ xr I), vsum (n * k) (fun I => (b I * ⟨v, yr I⟩ * ⟨w, xr I⟩) ⋅ xr I)⟩
    <= T2 * sum (n * k) (fun I => b I * b I) * ⟨v, v⟩ * ⟨w, w⟩.
Proof.
  assert (E : vsum (n * k) (fun I => (b I * ⟨v, yr I⟩ * ⟨w, xr I⟩) ⋅ xr I) = vsum n (fun i => (collected b v i * ⟨w, x i⟩) ⋅ x i)).
  { apply vec_ext. intros w'. apply (collected_sum b v (fun i => ⟨w, x i⟩)). }
  rewrite E. eapply Rle_trans; [apply twice|]. apply Rmult_le_compat_r; [apply inner_pos|].
  rewrite Rmult_assoc. apply Rmult_le_compat_l; [assumption|apply collected_squares].
Qed.
End Rows.
