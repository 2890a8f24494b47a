(** * Batches: orthogonal projections of the outputs *)

From Coq Require Import Reals Lra Psatz Lia.
From LPLR Require Import Inner Sums Rn.
Open Scope R_scope.

(** A batch sees some of the outputs. *)
Record projection (Y : InnerSpace) := {
  project :> Y -> Y;
  project_sym : forall u v, ⟨project u, v⟩ = ⟨u, project v⟩;
  project_idem : forall u, project (project u) = project u
}.
Arguments project {_} _ _.
Arguments project_sym {_} _ _ _.
Arguments project_idem {_} _ _.

Section Projection.
Context {Y : InnerSpace}.
Variable P : projection Y.
Lemma project_minus u v : P (u ⊖ v) = P u ⊖ P v.
Proof. apply vec_ext. intros w. now rewrite project_sym, !inner_minus_l, !project_sym. Qed.
Lemma project_scal a u : P (a ⋅ u) = a ⋅ P u.
Proof. apply vec_ext. intros w. now rewrite project_sym, !inner_scal_l, project_sym. Qed.
Lemma project_square u : ⟨P u, u⟩ = ⟨P u, P u⟩.
Proof. now rewrite project_sym, project_sym, project_idem. Qed.
Lemma project_le u : norm (P u) <= norm u.
Proof.
  pose proof (norm_pos u). apply norm_le_weak; [assumption|]. intros w. rewrite inner_sym.
  pose proof (cauchy_schwarz (P u) w). pose proof (cauchy_schwarz (P u) u) as H1. rewrite project_square, <- norm_sq in H1.
  pose proof (norm_pos (P u)). pose proof (norm_pos w).
  assert (norm (P u) <= norm u) by (destruct (Req_dec (norm (P u)) 0); [lra|]; apply Rmult_le_reg_l with (norm (P u)); lra).
  eapply Rle_trans; [eassumption|]. now apply Rmult_le_compat_r.
Qed.
End Projection.

(** A batch b: the scale s_b of its loss s_b/2 sum (F_i - y_i)^2, the outputs in it, and a bound of |J_b| on the ball. *)
Record batch (Y : InnerSpace) := { scale : R; pick : projection Y; steep : R }.
Arguments scale {_} _.
Arguments pick {_} _.
Arguments steep {_} _.

(** ** Batches of rows in R^N: those of the outputs that belong to the batch's samples *)
Section Rows.
Variable n : nat.
Variable inside : nat -> bool.
Definition rows_of (u : Rn n) : Rn n := vector n (fun i => if inside i then entry u i else 0).
Lemma rows_sym u v : ⟨rows_of u, v⟩ = ⟨u, rows_of v⟩.
Proof.
  rewrite !inner_Rn. apply sum_ext. intros i Hi. unfold rows_of. rewrite !entry_vector by assumption. destruct (inside i); ring.
Qed.
Lemma rows_idem u : rows_of (rows_of u) = rows_of u.
Proof.
  apply vec_ext. intros w. rewrite !inner_Rn. apply sum_ext. intros i Hi. unfold rows_of. rewrite !entry_vector by assumption. destruct (inside i); ring.
Qed.
Definition rows : projection (Rn n) := {| project := rows_of; project_sym := rows_sym; project_idem := rows_idem |}.
End Rows.

(** Batches cover the data when every output is in one of them. *)
Lemma rows_cover n m (inside : nat -> nat -> bool) : (forall i, (i < n)%nat -> exists t, (t < m)%nat /\ inside t i = true) ->
  forall e : Rn n, ⟨e, e⟩ <= sum m (fun t => ⟨rows n (inside t) e, rows n (inside t) e⟩).
Proof.
  intros H e. rewrite inner_Rn. rewrite (sum_ext m _ (fun t => sum n (fun i => if inside t i then entry e i * entry e i else 0))).
  2:{ intros t _. rewrite inner_Rn. apply sum_ext. intros i Hi. cbn [project rows]. unfold rows_of. rewrite entry_vector by assumption.
    destruct (inside t i); ring. }
  rewrite sum_swap. apply sum_le. intros i Hi. destruct (H i Hi) as [t [Ht Hin]].
  apply Rle_trans with ((fun t => if inside t i then entry e i * entry e i else 0) t); [cbn beta; rewrite Hin; lra|].
  apply (sum_ge_term m (fun t => if inside t i then entry e i * entry e i else 0)); [assumption|].
  intros j _. destruct (inside j i); [apply Rle_0_sqr|lra].
Qed.
