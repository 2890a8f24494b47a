(** * Two-layer networks across kinks

    At most finitely many points of a segment are kinks, so the residual form across kinks applies ([piecewise]).  On a ball a
    unit of a ReLU network either keeps its side of the kink on a sample or may change it; where it keeps it the slope is known.
    A Jacobian is compared with that of the same network in which the slope of ReLU is a given number p for each unit and
    sample: the latter is Lipschitz, and the two differ by jumps of single slopes, which a bound of a matrix controls. *)

From Coq Require Import Reals Lra Lia List.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Segment Derivative Setting Relu Activation TwoLayer NeuronBudget.
Import ListNotations.
Open Scope R_scope.

(** A symmetric matrix with entries >= 0, none of whose rows sums up to more than k. *)
Lemma row_sums n (G : nat -> nat -> R) (u : nat -> R) k :
  (forall i j, (i < n)%nat -> (j < n)%nat -> 0 <= G i j /\ G i j = G j i) -> (forall i, (i < n)%nat -> sum n (G i) <= k) ->
  sum n (fun i => sum n (fun j => Rabs (u i) * Rabs (u j) * G i j)) <= k * sum n (fun i => u i * u i).
Proof.
  intros HG Hk. apply Rle_trans with (sum n (fun i => sum n (fun j => / 2 * (u i * u i) * G i j + / 2 * (u j * u j) * G j i))).
  - apply sum_le. intros i Hi. apply sum_le. intros j Hj. destruct (HG i j Hi Hj) as [P E]. rewrite <- E, <- (abs_sq (u i)), <- (abs_sq (u j)).
    rewrite <- Rmult_plus_distr_r. apply Rmult_le_compat_r; [assumption|]. pose proof (Rle_0_sqr (Rabs (u i) - Rabs (u j))) as S.
    unfold Rsqr in S. lra.
  - rewrite (sum_ext n _ (fun i => / 2 * (u i * u i) * sum n (G i) + sum n (fun j => / 2 * (u j * u j) * G j i)))
      by (intros; now rewrite sum_plus, sum_scal).
    rewrite sum_plus, (sum_swap n n (fun i j => / 2 * (u j * u j) * G j i)).
    rewrite (sum_ext n (fun j => sum n (fun i => / 2 * (u j * u j) * G j i)) (fun j => / 2 * (u j * u j) * sum n (G j)))
      by (intros; now rewrite sum_scal).
    rewrite <- sum_plus, <- sum_scal. apply sum_le. intros i Hi. specialize (Hk i Hi).
    pose proof (Rle_0_sqr (u i)) as S. unfold Rsqr in S.
    assert (u i * u i * sum n (G i) <= u i * u i * k) by (apply Rmult_le_compat_l; assumption). lra.
Qed.

(** A pre-activation <w, x> keeps its sign as long as w moves by less than its distance from the kink. *)
Lemma sign_kept {W : InnerSpace} (w w' x : W) : norm (w' ⊖ w) * norm x < Rabs ⟨w, x⟩ -> 0 < ⟨w, x⟩ <-> 0 < ⟨w', x⟩.
Proof.
  intros H. pose proof (cauchy_schwarz_abs (w' ⊖ w) x) as C. rewrite inner_minus_l in C. apply Rabs_le_between in C.
  unfold Rabs in H. destruct (Rcase_abs ⟨w, x⟩); split; lra.
Qed.

Lemma lipschitz_continuous (f : R -> R) L t : 0 <= L -> (forall x x', Rabs (f x' - f x) <= L * Rabs (x' - x)) -> continuity_pt f t.
Proof.
  intros HL H eps He. exists (eps / (L + 1)). split; [apply Rdiv_lt_0_compat; lra|]. intros u [_ Hu]. cbn in *. unfold R_dist in *.
  eapply Rle_lt_trans; [apply H|]. apply Rle_lt_trans with ((L + 1) * Rabs (u - t)); [apply Rmult_le_compat_r; [apply Rabs_pos|lra]|].
  apply Rlt_le_trans with ((L + 1) * (eps / (L + 1))); [apply Rmult_lt_compat_l; lra|]. right. field. lra.
Qed.

Lemma affine_continuous a b t : continuity_pt (fun u => a + b * u) t.
Proof. apply derivable_continuous_pt. exists b. apply is_derive_Reals, derive_affine. Qed.

Lemma sum_continuous m (f : nat -> R -> R) t : (forall r, (r < m)%nat -> continuity_pt (f r) t) -> continuity_pt (fun u => sum m (fun r => f r u)) t.
Proof.
  revert f. induction m as [|m IH]; intros f H; cbn [sum]; [apply continuity_pt_const; now intros ? ?|].
  apply (continuity_pt_plus (f O) (fun u => sum m (fun r => f (S r) u))); [apply H; lia|]. apply (IH (fun r => f (S r))). intros r Hr. apply H. lia.
Qed.

Section Kinks.
Variables (Y W : InnerSpace) (n m p : nat) (x : nat -> W) (y : nat -> Y) (s : R) (a : activation).
Notation Par := (Params Y W m p).
Notation pre_ z := (pre Y W m p x z).
Notation out_ z := (out Y W m p z).
Notation inn_ z := (inn Y W m p z).
Notation outer_ z := (outer Y W m p y z).
Notation act_ := (fun _ _ : nat => act a).
Notation hid_ z := (hid Y W m p x act_ z).
Notation slope_ f z := (slope Y W m p x y f z).
Notation J_ f z := (net_J Y W n m p x y s act_ f z).
Notation JT_ f z := (net_JT Y W n m p x y s act_ f z).

(** The network; and the one with other slopes in its Jacobian. *)
Definition with_slopes (f : nat -> nat -> R -> R) : Model Par (Rn n) := network Y W n m p x y s act_ f.
Definition itself : Model Par (Rn n) := with_slopes (fun _ _ => dact a).

(** ** Along a segment *)
Section Along.
Variables (z v : Par).
Notation at_t t := (z ⊕ t ⋅ v).
Notation turn r i := (- (pre_ z r i / ⟨inn_ v r, x i⟩)).

(** Where some pre-activation that moves is 0. *)
Definition crossings : list R := flat_map (fun r => map (fun i => turn r i) (seq 0 n)) (seq 0 m).
Lemma off_crossings t r i : (r < m)%nat -> (i < n)%nat -> ~ In t crossings -> ⟨inn_ v r, x i⟩ = 0 \/ pre_ (at_t t) r i <> 0.
Proof.
  intros Hr Hi Ht. destruct (Req_dec ⟨inn_ v r, x i⟩ 0) as [E|E]; [now left|right]. intros P. apply Ht. unfold crossings. apply in_flat_map.
  exists r. split; [apply in_seq; lia|]. apply in_map_iff. exists i. split; [|apply in_seq; lia].
  rewrite pre_line in P. apply Rmult_eq_reg_r with ⟨inn_ v r, x i⟩; [|assumption]. field_simplify; lra.
Qed.

Lemma pre_along r i t : is_derive (fun u => pre_ (at_t u) r i) t ⟨inn_ v r, x i⟩.
Proof. apply (is_derive_ext (fun u => pre_ z r i + ⟨inn_ v r, x i⟩ * u)); [intros u; rewrite pre_line; cbn; ring|apply derive_affine]. Qed.
Lemma outer_along r i t : is_derive (fun u => outer_ (at_t u) r i) t (outer_ v r i).
Proof. apply (is_derive_ext (fun u => outer_ z r i + outer_ v r i * u)); [intros u; rewrite outer_line; cbn; ring|apply derive_affine]. Qed.
Lemma bias_along i t : is_derive (fun u => bias Y W m p y (at_t u) i) t (bias Y W m p y v i).
Proof. apply (is_derive_ext (fun u => bias Y W m p y z i + bias Y W m p y v i * u)); [intros u; rewrite bias_line; cbn; ring|apply derive_affine]. Qed.

Lemma hid_along r i t : ⟨inn_ v r, x i⟩ = 0 \/ pre_ (at_t t) r i <> 0 ->
  is_derive (fun u => hid_ (at_t u) r i) t (⟨inn_ v r, x i⟩ * dact a (pre_ (at_t t) r i)).
Proof.
  intros [E|P].
  - rewrite E, Rmult_0_l. apply (is_derive_ext (fun _ => hid_ z r i)); [|apply @is_derive_const].
    intros u. unfold hid. now rewrite pre_line, E, Rmult_0_r, Rplus_0_r.
  - apply (is_derive_comp (act a) (fun u => pre_ (at_t u) r i)); [now apply act_derive|apply pre_along].
Qed.

Lemma neuron_along r i t : ⟨inn_ v r, x i⟩ = 0 \/ pre_ (at_t t) r i <> 0 ->
  is_derive (fun u => outer_ (at_t u) r i * hid_ (at_t u) r i) t
    (outer_ v r i * hid_ (at_t t) r i + slope_ (fun _ _ => dact a) (at_t t) r i * ⟨inn_ v r, x i⟩).
Proof.
  intros H. unfold slope.
  replace (outer_ v r i * hid_ (at_t t) r i + outer_ (at_t t) r i * dact a (pre_ (at_t t) r i) * ⟨inn_ v r, x i⟩)
    with (outer_ v r i * hid_ (at_t t) r i + outer_ (at_t t) r i * (⟨inn_ v r, x i⟩ * dact a (pre_ (at_t t) r i))) by ring.
  apply (is_derive_mult (fun u => outer_ (at_t u) r i) (fun u => hid_ (at_t u) r i)); [apply outer_along|now apply hid_along|].
  intros. apply Rmult_comm.
Qed.

Lemma output_along (w : Rn n) t : ~ In t crossings -> is_derive (fun u => ⟨w, F itself (at_t u)⟩) t ⟨w, J itself (at_t t) v⟩.
Proof.
  intros Ht. rewrite inner_Rn.
  apply (is_derive_ext (fun u => sum n (fun i => entry w i * (s * sum m (fun r => outer_ (at_t u) r i * hid_ (at_t u) r i) + bias Y W m p y (at_t u) i)))).
  { intros u. rewrite inner_Rn. apply sum_ext. intros i Hi. cbn [F itself with_slopes network]. unfold net_F. now rewrite entry_vector. }
  apply (is_derive_sum n (fun i u => entry w i * (s * sum m (fun r => outer_ (at_t u) r i * hid_ (at_t u) r i) + bias Y W m p y (at_t u) i))).
  intros i Hi. cbn [J itself with_slopes network]. unfold net_J. rewrite entry_vector by assumption.
  apply (is_derive_scal (fun u => s * sum m (fun r => outer_ (at_t u) r i * hid_ (at_t u) r i) + bias Y W m p y (at_t u) i)).
  apply (is_derive_plus (fun u => s * sum m (fun r => outer_ (at_t u) r i * hid_ (at_t u) r i)) (fun u => bias Y W m p y (at_t u) i)); [|apply bias_along].
  apply (is_derive_scal (fun u => sum m (fun r => outer_ (at_t u) r i * hid_ (at_t u) r i))).
  apply (is_derive_sum m (fun r u => outer_ (at_t u) r i * hid_ (at_t u) r i)). intros r Hr. apply neuron_along. now apply off_crossings.
Qed.

Lemma output_continuous (w : Rn n) t : continuity_pt (fun u => ⟨w, F itself (at_t u)⟩) t.
Proof.
  assert (C : forall f l, is_derive f t l -> continuity_pt f t).
  { intros f l H. apply derivable_continuous_pt. exists l. now apply is_derive_Reals. }
  assert (E : forall f g, (forall u, f u = g u) -> continuity_pt f t -> continuity_pt g t).
  { intros f g H. apply continuity_pt_ext. exact H. }
  apply (E (fun u => sum n (fun i => entry w i * (s * sum m (fun r => outer_ (at_t u) r i * hid_ (at_t u) r i) + bias Y W m p y (at_t u) i)))).
  { intros u. rewrite inner_Rn. apply sum_ext. intros i Hi. cbn [F itself with_slopes network]. unfold net_F. now rewrite entry_vector. }
  apply sum_continuous. intros i Hi. apply (continuity_pt_scal (fun u => s * sum m (fun r => outer_ (at_t u) r i * hid_ (at_t u) r i) + bias Y W m p y (at_t u) i)).
  apply (continuity_pt_plus (fun u => s * sum m (fun r => outer_ (at_t u) r i * hid_ (at_t u) r i)) (fun u => bias Y W m p y (at_t u) i));
    [|eapply C; apply bias_along].
  apply (continuity_pt_scal (fun u => sum m (fun r => outer_ (at_t u) r i * hid_ (at_t u) r i))).
  apply sum_continuous. intros r Hr.
  apply (continuity_pt_mult (fun u => outer_ (at_t u) r i) (fun u => hid_ (at_t u) r i)); [eapply C; apply outer_along|].
  apply (continuity_pt_comp (fun u => pre_ (at_t u) r i) (act a)); [eapply C; apply pre_along|].
  apply lipschitz_continuous with (L := Q2R (act_top a)); [apply act_top_range|apply act_lipschitz].
Qed.
End Along.

(** A two-layer network with ReLU units is piecewise smooth along every segment. *)
Theorem piecewise c Rad : piecewise_on_ball itself c Rad.
Proof.
  intros z v w _ _. split; [intros t _; apply output_continuous|]. exists (crossings z v). intros t _ Ht. now apply output_along.
Qed.

(** ** Two Jacobians at one point that differ in single slopes *)
Section Jumps.
Variables (f f' : nat -> nat -> R -> R) (z : Par) (b : nat -> nat -> R) (kap : R).
Hypothesis kap_pos : 0 <= kap.
Hypothesis b_pos : forall r i, (r < m)%nat -> (i < n)%nat -> 0 <= b r i.
Hypothesis b_bound : forall r i, (r < m)%nat -> (i < n)%nat -> Rabs (slope_ f' z r i - slope_ f z r i) <= b r i.
Hypothesis rows : forall i, (i < n)%nat -> sum n (fun j => s * s * (Rabs ⟨x i, x j⟩ * sum m (fun r => b r i * b r j))) <= kap * kap.

Lemma jumps_JT u : ⟨JT_ f' z u ⊖ JT_ f z u, JT_ f' z u ⊖ JT_ f z u⟩ <= kap * kap * ⟨u, u⟩.
Proof.
  set (G := fun i j => s * s * (Rabs ⟨x i, x j⟩ * sum m (fun r => b r i * b r j))).
  assert (HG : forall i j, (i < n)%nat -> (j < n)%nat -> 0 <= G i j /\ G i j = G j i).
  { intros i j Hi Hj. unfold G. split.
    - apply Rmult_le_pos; [apply Rle_0_sqr|]. apply Rmult_le_pos; [apply Rabs_pos|]. apply sum_nonneg. intros. apply Rmult_le_pos; now apply b_pos.
    - rewrite (inner_sym _ (x j)). do 2 f_equal. apply sum_ext. intros. ring. }
  rewrite inner_Rn. eapply Rle_trans; [|apply (row_sums n G (entry u) (kap * kap) HG rows)].
  rewrite inner_params.
  rewrite (sum_ext p _ (fun _ => 0)).
  2:{ intros k Hk. change (snd (JT_ f' z u ⊖ JT_ f z u)) with (snd (JT_ f' z u) ⊖ snd (JT_ f z u)).
      unfold net_JT. cbn [snd]. rewrite coord_minus, inner_minus_l. ring. }
  rewrite sum_0, Rplus_0_r.
  rewrite (sum_ext n _ (fun i => sum n (fun j => sum m (fun r => s * s * (Rabs (entry u i) * Rabs (entry u j)) * Rabs ⟨x i, x j⟩ * (b r i * b r j))))).
  2:{ intros i _. apply sum_ext. intros j _. unfold G. rewrite sum_scal. ring. }
  rewrite (sum_ext n _ (fun i => sum m (fun r => sum n (fun j => s * s * (Rabs (entry u i) * Rabs (entry u j)) * Rabs ⟨x i, x j⟩ * (b r i * b r j)))))
    by (intros; apply sum_swap).
  rewrite sum_swap. apply sum_le. intros r Hr.
  rewrite out_minus, inn_minus. unfold net_JT. rewrite !out_build, !inn_build by assumption. cbn [fst snd].
  rewrite <- norm_sq, norm_self, Rmult_0_l, Rplus_0_l, vsum_minus.
  set (d := fun i => s * (entry u i * (slope_ f' z r i - slope_ f z r i))).
  replace (vsum n (fun i => (s * (entry u i * slope_ f' z r i)) ⋅ x i ⊖ (s * (entry u i * slope_ f z r i)) ⋅ x i)) with (vsum n (fun i => d i ⋅ x i)).
  2:{ apply vec_ext. intros w. rewrite !inner_vsum_l. apply sum_ext. intros i _. unfold d. rewrite inner_minus_l, !inner_scal_l. ring. }
  rewrite vsum_square. apply sum_le. intros i Hi. apply sum_le. intros j Hj.
  eapply Rle_trans; [apply Rle_abs|]. rewrite !Rabs_mult. unfold d. rewrite !Rabs_mult.
  pose proof (b_bound r i Hr Hi) as Bi. pose proof (b_bound r j Hr Hj) as Bj. rewrite <- (abs_sq s).
  replace (Rabs s * Rabs s * (Rabs (entry u i) * Rabs (entry u j)) * Rabs ⟨x i, x j⟩ * (b r i * b r j))
    with (Rabs s * (Rabs (entry u i) * b r i) * (Rabs s * (Rabs (entry u j) * b r j)) * Rabs ⟨x i, x j⟩) by ring.
  apply Rmult_le_compat_r; [apply Rabs_pos|].
  apply Rmult_le_compat; repeat (apply Rmult_le_pos || apply Rabs_pos); apply Rmult_le_compat_l; try apply Rabs_pos; apply Rmult_le_compat_l; auto using Rabs_pos.
Qed.

Lemma jumps_J v : norm (J_ f' z v ⊖ J_ f z v) <= kap * norm v.
Proof.
  pose proof (norm_pos v). apply norm_le_weak; [now apply Rmult_le_pos|]. intros u.
  rewrite inner_minus_r, !(inner_sym _ u), !net_adjoint, <- inner_minus_r. pose proof (norm_pos u).
  assert (norm (JT_ f' z u ⊖ JT_ f z u) <= kap * norm u).
  { apply norm_le_sq; [now apply Rmult_le_pos|]. pose proof (jumps_JT u) as H1. rewrite <- (norm_sq u) in H1. lra. }
  pose proof (cauchy_schwarz v (JT_ f' z u ⊖ JT_ f z u)) as C.
  assert (norm v * norm (JT_ f' z u ⊖ JT_ f z u) <= norm v * (kap * norm u)) by (apply Rmult_le_compat_l; assumption). lra.
Qed.
End Jumps.
End Kinks.
