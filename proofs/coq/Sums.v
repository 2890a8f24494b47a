(** * Finite sums of reals and of vectors, indexed by 0 .. n-1 *)

From Coq Require Import Reals Lra Psatz Lia.
From LPLR Require Import Inner.
Open Scope R_scope.

Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with O => 0 | S k => f O + sum k (fun i => f (S i)) end.

Lemma sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof.
  revert f g. induction n as [|n IH]; intros f g H; cbn; [reflexivity|].
  rewrite (H O) by lia. f_equal. apply IH. intros i Hi. apply H. lia.
Qed.

Lemma sum_le n f g : (forall i, (i < n)%nat -> f i <= g i) -> sum n f <= sum n g.
Proof.
  revert f g. induction n as [|n IH]; intros f g H; cbn; [lra|].
  pose proof (H O ltac:(lia)). specialize (IH (fun i => f (S i)) (fun i => g (S i))).
  cbn beta in IH. assert (forall i, (i < n)%nat -> f (S i) <= g (S i)) by (intros; apply H; lia).
  specialize (IH H1). lra.
Qed.

Lemma sum_const n c : sum n (fun _ => c) = INR n * c.
Proof. induction n as [|n IH]; [cbn; ring|]. cbn [sum]. rewrite IH, S_INR. ring. Qed.

Lemma sum_0 n : sum n (fun _ => 0) = 0.
Proof. rewrite sum_const. ring. Qed.

Lemma sum_plus n f g : sum n (fun i => f i + g i) = sum n f + sum n g.
Proof. revert f g. induction n as [|n IH]; intros; cbn; [ring|]. rewrite IH. ring. Qed.

Lemma sum_minus n f g : sum n (fun i => f i - g i) = sum n f - sum n g.
Proof. revert f g. induction n as [|n IH]; intros; cbn; [ring|]. rewrite IH. ring. Qed.

Lemma sum_scal n c f : sum n (fun i => c * f i) = c * sum n f.
Proof. revert f. induction n as [|n IH]; intros; cbn; [ring|]. rewrite IH. ring. Qed.

Lemma sum_scal_r n c f : sum n (fun i => f i * c) = sum n f * c.
Proof. revert f. induction n as [|n IH]; intros; cbn; [ring|]. rewrite IH. ring. Qed.

Lemma sum_swap n m (f : nat -> nat -> R) :
  sum n (fun i => sum m (fun j => f i j)) = sum m (fun j => sum n (fun i => f i j)).
Proof.
  revert f. induction n as [|n IH]; intros f; cbn; [now rewrite sum_0|].
  rewrite IH, <- sum_plus. reflexivity.
Qed.

Lemma sum_nonneg n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= sum n f.
Proof. intros H. rewrite <- (sum_0 n). now apply sum_le. Qed.

Lemma sum_abs n f : Rabs (sum n f) <= sum n (fun i => Rabs (f i)).
Proof.
  revert f. induction n as [|n IH]; intros f; cbn; [rewrite Rabs_R0; lra|].
  eapply Rle_trans; [apply Rabs_triang|]. specialize (IH (fun i => f (S i))). lra.
Qed.

(** The square of a sum, and Cauchy-Schwarz. *)
Lemma sum_prod n m f g : sum n f * sum m g = sum n (fun i => sum m (fun j => f i * g j)).
Proof.
  rewrite <- sum_scal_r. apply sum_ext. intros i _. now rewrite sum_scal.
Qed.

Lemma sum_cauchy_schwarz n f g :
  sum n (fun i => f i * g i) * sum n (fun i => f i * g i)
  <= sum n (fun i => f i * f i) * sum n (fun i => g i * g i).
Proof.
  rewrite !sum_prod.
  assert (H : 0 <= sum n (fun i => sum n (fun j => (f i * g j - f j * g i) * (f i * g j - f j * g i)))).
  { apply sum_nonneg; intros; apply sum_nonneg; intros. apply Rle_0_sqr. }
  rewrite (sum_ext n _ (fun i => (sum n (fun j => f i * f i * (g j * g j)) + sum n (fun j => f j * f j * (g i * g i)))
      - 2 * sum n (fun j => f i * g i * (f j * g j)))) in H.
  2:{ intros i _. rewrite <- sum_plus, <- sum_scal, <- sum_minus. apply sum_ext. intros j _. ring. }
  rewrite sum_minus, sum_plus, sum_scal in H.
  rewrite (sum_swap n n (fun i j => f j * f j * (g i * g i))) in H. lra.
Qed.

(** (sum |u_i|)^2 <= n sum u_i^2. *)
Lemma sum_abs_sq n u : sum n (fun i => Rabs (u i)) * sum n (fun i => Rabs (u i)) <= INR n * sum n (fun i => u i * u i).
Proof.
  pose proof (sum_cauchy_schwarz n (fun _ => 1) (fun i => Rabs (u i))) as H. cbn beta in H.
  rewrite sum_const in H.
  rewrite (sum_ext n (fun i => 1 * Rabs (u i)) (fun i => Rabs (u i))) in H by (intros; ring).
  rewrite (sum_ext n (fun i => Rabs (u i) * Rabs (u i)) (fun i => u i * u i)) in H.
  2:{ intros. pose proof (Rsqr_abs (u i)) as E. unfold Rsqr in E. now rewrite E. }
  lra.
Qed.

(** The last term apart. *)
Lemma sum_last n f : sum (S n) f = sum n f + f n.
Proof.
  revert f. induction n as [|n IH]; intros f; [cbn; ring|].
  change (f O + sum (S n) (fun i => f (S i)) = f O + sum n (fun i => f (S i)) + f (S n)). rewrite IH. ring.
Qed.

(** A sum of non-negative terms is at least each of them. *)
Lemma sum_ge_term n f j : (j < n)%nat -> (forall i, (i < n)%nat -> 0 <= f i) -> f j <= sum n f.
Proof.
  revert f j. induction n as [|n IH]; intros f j Hj Hf; [lia|]. cbn.
  assert (0 <= sum n (fun i => f (S i))) by (apply sum_nonneg; intros; apply Hf; lia).
  destruct j as [|j]; [lra|].
  specialize (IH (fun i => f (S i)) j ltac:(lia) ltac:(intros; apply Hf; lia)). pose proof (Hf O ltac:(lia)). cbn beta in IH. lra.
Qed.

(** ** Sums of vectors *)
Section Vectors.
Context {X : InnerSpace}.

Fixpoint vsum (n : nat) (f : nat -> X) : X :=
  match n with O => zero | S k => f O ⊕ vsum k (fun i => f (S i)) end.

Lemma inner_vsum_l n f w : ⟨vsum n f, w⟩ = sum n (fun i => ⟨f i, w⟩).
Proof.
  revert f. induction n as [|n IH]; intros f; cbn; [apply inner_zero_l|]. now rewrite inner_plus_l, IH.
Qed.
Lemma inner_vsum_r n f w : ⟨w, vsum n f⟩ = sum n (fun i => ⟨w, f i⟩).
Proof. rewrite inner_sym, inner_vsum_l. apply sum_ext. intros. apply inner_sym. Qed.

Lemma vsum_minus n f g : vsum n f ⊖ vsum n g = vsum n (fun i => f i ⊖ g i).
Proof.
  apply vec_ext. intros w. rewrite inner_minus_l, !inner_vsum_l, <- sum_minus.
  apply sum_ext. intros. now rewrite inner_minus_l.
Qed.
End Vectors.
