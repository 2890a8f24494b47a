(** * The algebra of one epoch of mini-batches: V falls to V', and pays for the path S  (used in AnyOrder.v)

    From V'^2 <= V^2 - alpha S^2 + G S V, the gain and the drift of one pass, and s1 V <= S, how far it moves at least. *)

From Coq Require Import Reals Lra.
Open Scope R_scope.

Section Algebra.
Variables (alpha s1 G V V' S : R).
Hypothesis s1_pos : 0 < s1.
Hypothesis G_pos : 0 <= G.
Hypothesis V_pos : 0 <= V.
Hypothesis excess : 0 < alpha * s1 - G.
Hypothesis one_epoch : V' * V' <= V * V - alpha * (S * S) + G * S * V.
Hypothesis moves : s1 * V <= S.

Lemma alpha_pos : 0 < alpha.
Proof. apply Rnot_le_lt. intros H. assert (alpha * s1 <= 0 * s1) by (apply Rmult_le_compat_r; lra). lra. Qed.

Lemma falls : V' * V' <= (1 - s1 * (alpha * s1 - G)) * (V * V).
Proof.
  pose proof alpha_pos. assert (P : 0 <= (S - s1 * V) * (alpha * (S + s1 * V) - G * V)).
  { apply Rmult_le_pos; [lra|]. assert (alpha * (s1 * V) <= alpha * S) by (apply Rmult_le_compat_l; lra).
    assert (0 <= (alpha * s1 - G) * V) by (apply Rmult_le_pos; lra).
    assert (0 <= alpha * (s1 * V)) by (apply Rmult_le_pos; [lra|apply Rmult_le_pos; lra]). lra. }
  lra.
Qed.

Lemma nearer : V' <= V.
Proof.
  pose proof falls as H. assert (0 <= s1 * (alpha * s1 - G) * (V * V)) by (apply Rmult_le_pos; [apply Rmult_le_pos; lra|apply Rle_0_sqr]).
  apply Rsqr_incr_0_var; [unfold Rsqr; lra|assumption].
Qed.

(** V pays for the path. *)
Lemma pays_for_path : S * (alpha * s1 - G) <= 2 * (V - V').
Proof.
  pose proof nearer as N. assert (PS : 0 <= S) by (pose proof (Rmult_le_pos _ _ (Rlt_le _ _ s1_pos) V_pos); lra).
  destruct (Req_dec S 0) as [->|NS]; [lra|]. apply Rmult_le_reg_l with S; [lra|].
  assert (A : S * (S * (alpha * s1 - G)) <= s1 * (alpha * (S * S) - G * S * V)).
  { assert (G * S * (s1 * V) <= G * S * S) by (apply Rmult_le_compat_l; [now apply Rmult_le_pos|assumption]). lra. }
  assert (B : s1 * (alpha * (S * S) - G * S * V) <= s1 * ((V - V') * (V + V'))) by (apply Rmult_le_compat_l; lra).
  assert (C : (V - V') * (s1 * (V + V')) <= (V - V') * (2 * S)).
  { apply Rmult_le_compat_l; [lra|]. assert (s1 * (V + V') <= s1 * (2 * V)) by (apply Rmult_le_compat_l; lra). lra. }
  lra.
Qed.
End Algebra.
