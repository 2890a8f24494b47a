(** * Two-layer networks of any width, on two orthonormal inputs

    x_1 = (1,0), x_2 = (0,1); neuron r has an outer weight a and inner weights (w1, w2), so that
    F_i(theta) = sum_r a_r act(w_ri).  The network is a *sum of models*, one per neuron; hence its
    NTK is a sum over neurons and its Jacobian's Lipschitz constant is that of one neuron. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From Coq Require Import List.
From LPLR Require Import Inner Rn Segment Derivative Setting.
Import ListNotations.
Open Scope R_scope.

(** ** Sums of models *)
Section Sum.
Context {X1 X2 Y : InnerSpace}.
Variables (M1 : Model X1 Y) (M2 : Model X2 Y).

Definition sum_model : Model (product_space X1 X2) Y.
Proof.
  refine {| F := fun z : product_space X1 X2 => F M1 (fst z) ⊕ F M2 (snd z);
            J := fun z v => J M1 (fst z) (fst v) ⊕ J M2 (snd z) (snd v);
            JT := fun z u => (JT M1 (fst z) u, JT M2 (snd z) u) : product_space X1 X2 |}.
  intros th v w. cbn. unfold pinner. cbn. rewrite inner_plus_l, !adjoint. reflexivity.
Defined.

Lemma sum_differentiable z :
  differentiable_at M1 (fst z) -> differentiable_at M2 (snd z) -> differentiable_at sum_model z.
Proof.
  intros H1 H2 v eps He.
  destruct (H1 (fst v) (eps / 2)) as [d1 [Hd1 P1]]; [lra|].
  destruct (H2 (snd v) (eps / 2)) as [d2 [Hd2 P2]]; [lra|].
  exists (Rmin d1 d2). split; [now apply Rmin_glb_lt|]. intros t Ht.
  assert (B1 : Rabs t < d1) by (eapply Rlt_le_trans; [exact Ht|apply Rmin_l]).
  assert (B2 : Rabs t < d2) by (eapply Rlt_le_trans; [exact Ht|apply Rmin_r]).
  specialize (P1 t B1). specialize (P2 t B2). cbn.
  set (f1 := F M1 (fst z ⊕ t ⋅ fst v)) in *. set (f2 := F M2 (snd z ⊕ t ⋅ snd v)) in *.
  replace (f1 ⊕ f2 ⊖ (F M1 (fst z) ⊕ F M2 (snd z)) ⊖ t ⋅ (J M1 (fst z) (fst v) ⊕ J M2 (snd z) (snd v)))
    with ((f1 ⊖ F M1 (fst z) ⊖ t ⋅ J M1 (fst z) (fst v)) ⊕ (f2 ⊖ F M2 (snd z) ⊖ t ⋅ J M2 (snd z) (snd v))).
  - eapply Rle_trans; [apply norm_triang|]. lra.
  - apply vec_ext. intros w. autorewrite with inner. ring.
Qed.
End Sum.

(** The empty network. *)
Definition zero_model (Y : InnerSpace) : Model point_space Y.
Proof.
  refine {| F := fun _ : point_space => (zero : Y); J := fun _ _ => zero; JT := fun _ _ => tt : point_space |}.
  intros. cbn. apply inner_zero_l.
Defined.

(** ** From bounds of the transposed Jacobian to bounds of the Jacobian *)
Lemma jac_bound_of_JT {X Y : InnerSpace} (M : Model X Y) z K :
  0 <= K -> (forall u, ⟨JT M z u, JT M z u⟩ <= K * K * ⟨u, u⟩) -> jac_bound M z K.
Proof.
  intros HK H v. pose proof (norm_pos v).
  apply norm_le_weak; [nra|]. intros u. rewrite adjoint'. pose proof (norm_pos u).
  assert (norm (JT M z u) <= K * norm u).
  { apply norm_le_sq; [nra|]. specialize (H u). rewrite <- (norm_sq u) in H. lra. }
  pose proof (cauchy_schwarz (JT M z u) v). nra.
Qed.

Lemma jac_change_of_JT {X Y : InnerSpace} (M : Model X Y) z z' D :
  0 <= D ->
  (forall u, ⟨JT M z' u ⊖ JT M z u, JT M z' u ⊖ JT M z u⟩ <= D * D * ⟨u, u⟩) -> jac_change M z z' D.
Proof.
  intros HD H v. pose proof (norm_pos v).
  apply norm_le_weak; [nra|]. intros u. rewrite inner_minus_r, !adjoint', <- inner_minus_l.
  pose proof (norm_pos u).
  assert (norm (JT M z' u ⊖ JT M z u) <= D * norm u).
  { apply norm_le_sq; [nra|]. specialize (H u). rewrite <- (norm_sq u) in H. lra. }
  pose proof (cauchy_schwarz (JT M z' u ⊖ JT M z u) v). nra.
Qed.

(** ** One neuron *)
Section Activation.
Variables (act dact : R -> R) (kap : R).
Hypothesis act_derive : forall x, is_derive act x (dact x).
Hypothesis act_lip : forall x x', Rabs (act x' - act x) <= Rabs (x' - x).
Hypothesis dact_le_1 : forall x, Rabs (dact x) <= 1.
Hypothesis dact_lip : forall x x', Rabs (dact x' - dact x) <= kap * Rabs (x' - x).
Hypothesis kap_pos : 0 <= kap.

Definition weights : InnerSpace := product_space real_space (product_space real_space real_space).
Definition outputs : InnerSpace := product_space real_space real_space.

Definition neuron : Model weights outputs.
Proof.
  refine {|
    F := fun z : weights => let '(a, (w1, w2)) := z in ((a * act w1, a * act w2) : outputs);
    J := fun z v => let '(a, (w1, w2)) := z in let '(da, (d1, d2)) := v in
           (da * act w1 + a * dact w1 * d1, da * act w2 + a * dact w2 * d2) : outputs;
    JT := fun z u => let '(a, (w1, w2)) := z in let '(u1, u2) := u in
           (u1 * act w1 + u2 * act w2, (u1 * (a * dact w1), u2 * (a * dact w2))) : weights |}.
  intros [a [w1 w2]] [da [d1 d2]] [u1 u2]. cbn. unfold pinner; cbn. unfold pinner; cbn. ring.
Defined.

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

Lemma neuron_differentiable z : differentiable_at neuron z.
Proof.
  destruct z as [a [w1 w2]]. unfold differentiable_at.
  pose (f1 := fun z : weights => fst z * act (fst (snd z)) : R).
  pose (f2 := fun z : weights => fst z * act (snd (snd z)) : R).
  pose (D1 := fun v : weights => fst v * act w1 + a * dact w1 * fst (snd v) : R).
  pose (D2 := fun v : weights => fst v * act w2 + a * dact w2 * snd (snd v) : R).
  assert (H1 : @gateaux weights real_space f1 (a, (w1, w2)) D1).
  { apply (gateaux_real f1). intros [da [d1 d2]]. apply neuron_output_derive. }
  assert (H2 : @gateaux weights real_space f2 (a, (w1, w2)) D2).
  { apply (gateaux_real f2). intros [da [d1 d2]]. apply neuron_output_derive. }
  pose proof (gateaux_pair _ _ _ _ _ H1 H2) as H. intros v. specialize (H v).
  destruct v as [da [d1 d2]]. exact H.
Qed.

(** The Jacobian of one neuron: Lipschitz constant l where |a| <= A (q = A kap). *)
Section NeuronLipschitz.
Variables (A l : R).
Hypothesis A_pos : 0 <= A.
Let q := A * kap.
Hypothesis l_large : 1 + q * q <= l * l.
Hypothesis l_disc : q * q <= (l * l - 1) * (l * l - 1 - q * q).

(** The quadratic inequality behind it, per sample: D = |da|, d = |dw_i|, S >= d^2. *)
Lemma per_sample D d S : 0 <= D -> 0 <= d -> d * d <= S ->
  S + (D + q * d) * (D + q * d) <= l * l * (D * D + S).
Proof.
  intros HD Hd HS. assert (Hq : 0 <= q) by (unfold q; nra).
  set (c := l * l - 1) in *. replace (l * l) with (c + 1) in * by (unfold c; ring).
  assert (Hc : q * q <= c) by lra. assert (0 <= c) by nra.
  assert (c * (d * d) <= c * S) by (apply Rmult_le_compat_l; assumption).
  (* c D^2 - 2 q D d + (c - q^2) d^2 >= 0 by its discriminant *)
  assert (0 <= c * (D * D) - 2 * q * D * d + (c - q * q) * (d * d)); [|nra].
  destruct (Req_dec c 0) as [Z|N].
  - assert (q = 0) by nra. rewrite H1, Z. lra.
  - assert (0 < c) by lra.
    assert (0 <= (c * D - q * d) * (c * D - q * d)) by apply Rle_0_sqr.
    assert (0 <= (c * (c - q * q) - q * q) * (d * d)) by (apply Rmult_le_pos; [lra|nra]).
    apply Rmult_le_reg_l with c; [assumption|]. nra.
Qed.

Lemma outer_change a a' w w' : Rabs a <= A ->
  Rabs (a' * dact w' - a * dact w) <= Rabs (a' - a) + q * Rabs (w' - w).
Proof.
  intros Ha. replace (a' * dact w' - a * dact w) with ((a' - a) * dact w' + a * (dact w' - dact w)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite !Rabs_mult.
  pose proof (dact_le_1 w'). pose proof (dact_lip w w'). pose proof (Rabs_pos (a' - a)).
  pose proof (Rabs_pos a). pose proof (Rabs_pos (w' - w)). pose proof (Rabs_pos (dact w' - dact w)).
  assert (Rabs (a' - a) * Rabs (dact w') <= Rabs (a' - a) * 1) by (apply Rmult_le_compat_l; assumption).
  assert (Rabs a * Rabs (dact w' - dact w) <= A * (kap * Rabs (w' - w)))
    by (apply Rmult_le_compat; assumption).
  unfold q. lra.
Qed.

Lemma sq_le_abs x b : Rabs x <= b -> x * x <= b * b.
Proof. intros H. apply Rabs_le_between in H. nra. Qed.

Lemma abs_sq x : Rabs x * Rabs x = x * x.
Proof. symmetry. apply Rsqr_abs. Qed.

Lemma neuron_change_real (a a' w1 w1' w2 w2' u1 u2 : R) : Rabs a <= A ->
  let t1 := act w1' - act w1 in let t2 := act w2' - act w2 in
  let g1 := a' * dact w1' - a * dact w1 in let g2 := a' * dact w2' - a * dact w2 in
  (u1 * t1 + u2 * t2) * (u1 * t1 + u2 * t2) + u1 * u1 * (g1 * g1) + u2 * u2 * (g2 * g2)
  <= l * l * ((a' - a) * (a' - a) + ((w1' - w1) * (w1' - w1) + (w2' - w2) * (w2' - w2))) * (u1 * u1 + u2 * u2).
Proof.
  intros Ha t1 t2 g1 g2.
  pose proof (act_lip w1 w1') as T1. pose proof (act_lip w2 w2') as T2.
  pose proof (outer_change a a' w1 w1' Ha) as G1. pose proof (outer_change a a' w2 w2' Ha) as G2.
  fold t1 t2 g1 g2 in T1, T2, G1, G2.
  set (D := Rabs (a' - a)) in *. set (d1 := Rabs (w1' - w1)) in *. set (d2 := Rabs (w2' - w2)) in *.
  assert (HD : 0 <= D) by apply Rabs_pos. assert (Hd1 : 0 <= d1) by apply Rabs_pos.
  assert (Hd2 : 0 <= d2) by apply Rabs_pos.
  assert (ED : D * D = (a' - a) * (a' - a)) by apply abs_sq.
  assert (E1 : d1 * d1 = (w1' - w1) * (w1' - w1)) by apply abs_sq.
  assert (E2 : d2 * d2 = (w2' - w2) * (w2' - w2)) by apply abs_sq.
  apply sq_le_abs in T1, T2, G1, G2.
  set (S := d1 * d1 + d2 * d2).
  assert (P1 := per_sample D d1 S HD Hd1 ltac:(unfold S; nra)).
  assert (P2 := per_sample D d2 S HD Hd2 ltac:(unfold S; nra)).
  (* (u1 t1 + u2 t2)^2 <= (u1^2 + u2^2)(t1^2 + t2^2) *)
  assert (C : (u1 * t1 + u2 * t2) * (u1 * t1 + u2 * t2) <= (u1 * u1 + u2 * u2) * (t1 * t1 + t2 * t2)).
  { pose proof (Rle_0_sqr (u1 * t2 - u2 * t1)) as Q. unfold Rsqr in Q. nra. }
  assert (CS : (u1 * u1 + u2 * u2) * (t1 * t1 + t2 * t2) <= (u1 * u1 + u2 * u2) * S)
    by (apply Rmult_le_compat_l; [nra|unfold S; lra]).
  assert (U1 : u1 * u1 * (S + g1 * g1) <= u1 * u1 * (l * l * (D * D + S))) by (apply Rmult_le_compat_l; nra).
  assert (U2 : u2 * u2 * (S + g2 * g2) <= u2 * u2 * (l * l * (D * D + S))) by (apply Rmult_le_compat_l; nra).
  rewrite <- ED, <- E1, <- E2. fold S. lra.
Qed.

Lemma neuron_JT_change (z z' : weights) u : Rabs (fst z) <= A ->
  ⟨JT neuron z' u ⊖ JT neuron z u, JT neuron z' u ⊖ JT neuron z u⟩
    <= l * l * ⟨z' ⊖ z, z' ⊖ z⟩ * ⟨u, u⟩.
Proof.
  destruct z as [a [w1 w2]], z' as [a' [w1' w2']], u as [u1 u2]. intros Ha.
  pose proof (neuron_change_real a a' w1 w1' w2 w2' u1 u2 Ha) as H. cbn zeta in H.
  eapply Rle_trans; [eapply Rle_trans; [|exact H]|]; right;
    cbn; unfold pinner, pplus, pscal; cbn; unfold pinner, pplus, pscal; cbn; ring.
Qed.
End NeuronLipschitz.

(** ** A network of m neurons *)
Fixpoint params (m : nat) : InnerSpace :=
  match m with O => point_space | S k => product_space weights (params k) end.
Fixpoint net (m : nat) : Model (params m) outputs :=
  match m with O => zero_model outputs | S k => sum_model neuron (net k) end.
(** All outer weights are at most A in absolute value. *)
Fixpoint outer_le (m : nat) (A : R) : params m -> Prop :=
  match m with
  | O => fun _ => True
  | S k => fun z => Rabs (fst (fst z)) <= A /\ outer_le k A (snd z)
  end.

Lemma net_differentiable m z : differentiable_at (net m) z.
Proof.
  induction m as [|m IH].
  - intros v eps He. exists 1. split; [lra|]. intros t _.
    change (norm ((zero : outputs) ⊖ zero ⊖ t ⋅ zero) <= eps * Rabs t).
    replace ((zero : outputs) ⊖ zero ⊖ t ⋅ zero) with (zero : outputs).
    + rewrite (norm_zero (X := outputs)). apply Rmult_le_pos; [lra|apply Rabs_pos].
    + apply vec_ext. intros. autorewrite with inner. ring.
  - apply sum_differentiable; [apply neuron_differentiable|apply IH].
Qed.

Lemma net_JT_change m A l z z' u :
  0 <= A -> 1 + A * kap * (A * kap) <= l * l ->
  A * kap * (A * kap) <= (l * l - 1) * (l * l - 1 - A * kap * (A * kap)) ->
  outer_le m A z ->
  ⟨JT (net m) z' u ⊖ JT (net m) z u, JT (net m) z' u ⊖ JT (net m) z u⟩
    <= l * l * ⟨z' ⊖ z, z' ⊖ z⟩ * ⟨u, u⟩.
Proof.
  intros HA H1 H2. induction m as [|m IH]; intros Hz.
  - cbn. pose proof (inner_pos outputs u). cbn in *. lra.
  - destruct Hz as [Hz1 Hz2]. specialize (IH (snd z) (snd z') Hz2).
    pose proof (neuron_JT_change A l HA H1 H2 (fst z) (fst z') u Hz1) as Hn.
    (* the squared norms split into neuron and rest *)
    pose (U := @inner outputs u u).
    pose (A1 := @inner weights (fst z' ⊖ fst z) (fst z' ⊖ fst z)).
    pose (A2 := @inner (params m) (snd z' ⊖ snd z) (snd z' ⊖ snd z)).
    pose (B1 := @inner weights (JT neuron (fst z') u ⊖ JT neuron (fst z) u)
                               (JT neuron (fst z') u ⊖ JT neuron (fst z) u)).
    pose (B2 := @inner (params m) (JT (net m) (snd z') u ⊖ JT (net m) (snd z) u)
                                  (JT (net m) (snd z') u ⊖ JT (net m) (snd z) u)).
    change (B1 + B2 <= l * l * (A1 + A2) * U).
    change (B1 <= l * l * A1 * U) in Hn. change (B2 <= l * l * A2 * U) in IH.
    clearbody U A1 A2 B1 B2. lra.
Qed.

Lemma net_lipschitz m A l z z' :
  0 <= A -> 0 <= l -> 1 + A * kap * (A * kap) <= l * l ->
  A * kap * (A * kap) <= (l * l - 1) * (l * l - 1 - A * kap * (A * kap)) ->
  outer_le m A z -> jac_change (net m) z z' (l * norm (z' ⊖ z)).
Proof.
  intros HA Hl H1 H2 Hz. pose proof (norm_pos (z' ⊖ z)).
  apply jac_change_of_JT; [nra|]. intros u.
  pose proof (net_JT_change m A l z z' u HA H1 H2 Hz) as Hc. rewrite <- (norm_sq (z' ⊖ z)) in Hc. nra.
Qed.

Lemma abs_move (a a' : R) : Rabs a' <= Rabs a + Rabs (a' - a).
Proof. pose proof (Rabs_triang a (a' - a)) as T. now replace (a + (a' - a)) with a' in T by ring. Qed.

(** Outer weights move by at most the distance. *)
Lemma weights_outer (a a' w1 w1' w2 w2' : R) :
  (a' - a) * (a' - a) <= @inner weights (minus (X := weights) (a', (w1', w2')) (a, (w1, w2)))
                                        (minus (X := weights) (a', (w1', w2')) (a, (w1, w2))).
Proof.
  apply Rle_trans with ((a' - a) * (a' - a) + ((w1' - w1) * (w1' - w1) + (w2' - w2) * (w2' - w2))).
  { pose proof (Rle_0_sqr (w1' - w1)). pose proof (Rle_0_sqr (w2' - w2)). unfold Rsqr in *. lra. }
  right. cbn. unfold pinner, pplus, pscal; cbn. unfold pinner, pplus, pscal; cbn. ring.
Qed.

Lemma outer_le_ball m A c r z :
  outer_le m A c -> in_ball c r z -> outer_le m (A + r) z.
Proof.
  unfold in_ball. induction m as [|m IH]; intros Hc Hz; [exact I|].
  destruct Hc as [Hc1 Hc2].
  pose proof (norm_pos (z ⊖ c)) as Hp. pose proof (norm_sq (z ⊖ c)) as Hsq.
  pose (W := @inner weights (fst z ⊖ fst c) (fst z ⊖ fst c)).
  pose (P := @inner (params m) (snd z ⊖ snd c) (snd z ⊖ snd c)).
  change (norm (z ⊖ c) * norm (z ⊖ c) = W + P) in Hsq.
  assert (HW : 0 <= W) by apply inner_pos. assert (HP : 0 <= P) by apply inner_pos.
  assert (Hr0 : 0 <= r) by (eapply Rle_trans; [exact Hp|exact Hz]).
  assert (Hr : norm (z ⊖ c) * norm (z ⊖ c) <= r * r) by nra.
  destruct z as [[a' [w1' w2']] z], c as [[a [w1 w2]] c].
  pose proof (weights_outer a a' w1 w1' w2 w2') as Ho. change ((a' - a) * (a' - a) <= W) in Ho.
  split.
  - change (Rabs a <= A) in Hc1. change (Rabs a' <= A + r).
    assert (Hx : (a' - a) * (a' - a) <= r * r) by lra.
    assert (Hd : Rabs (a' - a) <= r).
    { pose proof (Rsqr_le_abs_0 (a' - a) r Hx) as H. now rewrite (Rabs_pos_eq r) in H. }
    pose proof (abs_move a a') as T. cbn in *. lra.
  - apply (IH c); [assumption|]. apply norm_le_sq; [lra|].
    change (P <= r * r). lra.
Qed.

(** ** A concrete initialisation, given as a list of (a, w1, w2) *)
Fixpoint init (l : list (R * R * R)) : params (length l) :=
  match l with [] => tt | (a, w1, w2) :: tl => ((a, (w1, w2)), init tl) end.

(** Outputs and the three entries of the 2 x 2 NTK at an initialisation. *)
Fixpoint out1 (l : list (R * R * R)) : R :=
  match l with [] => 0 | (a, w1, _) :: tl => a * act w1 + out1 tl end.
Fixpoint out2 (l : list (R * R * R)) : R :=
  match l with [] => 0 | (a, _, w2) :: tl => a * act w2 + out2 tl end.
Fixpoint ntk11 (l : list (R * R * R)) : R :=
  match l with [] => 0 | (a, w1, _) :: tl => act w1 * act w1 + a * dact w1 * (a * dact w1) + ntk11 tl end.
Fixpoint ntk12 (l : list (R * R * R)) : R :=
  match l with [] => 0 | (_, w1, w2) :: tl => act w1 * act w2 + ntk12 tl end.
Fixpoint ntk22 (l : list (R * R * R)) : R :=
  match l with [] => 0 | (a, _, w2) :: tl => act w2 * act w2 + a * dact w2 * (a * dact w2) + ntk22 tl end.

Lemma net_output l : F (net (length l)) (init l) = (out1 l, out2 l).
Proof.
  induction l as [|[[a w1] w2] tl IH]; [reflexivity|].
  cbn [length net sum_model F init fst snd out1 out2]. rewrite IH. reflexivity.
Qed.

Lemma net_ntk l u1 u2 :
  ⟨JT (net (length l)) (init l) (u1, u2), JT (net (length l)) (init l) (u1, u2)⟩
  = ntk11 l * (u1 * u1) + 2 * ntk12 l * (u1 * u2) + ntk22 l * (u2 * u2).
Proof.
  induction l as [|[[a w1] w2] tl IH]; [cbn; ring|].
  change (⟨JT neuron (a, (w1, w2)) (u1, u2), JT neuron (a, (w1, w2)) (u1, u2)⟩
    + ⟨JT (net (length tl)) (init tl) (u1, u2), JT (net (length tl)) (init tl) (u1, u2)⟩
    = ntk11 ((a, w1, w2) :: tl) * (u1 * u1) + 2 * ntk12 ((a, w1, w2) :: tl) * (u1 * u2)
      + ntk22 ((a, w1, w2) :: tl) * (u2 * u2)).
  rewrite IH. cbn [ntk11 ntk12 ntk22]. cbn. unfold pinner; cbn. unfold pinner; cbn. ring.
Qed.

(** Gershgorin for the 2 x 2 NTK: its eigenvalues from below and from above. *)
Lemma cross_term (q u1 u2 : R) : Rabs (2 * q * (u1 * u2)) <= Rabs q * (u1 * u1 + u2 * u2).
Proof.
  rewrite !Rabs_mult, (Rabs_pos_eq 2) by lra.
  pose proof (Rabs_pos q). pose proof (abs_sq u1). pose proof (abs_sq u2).
  pose proof (Rle_0_sqr (Rabs u1 - Rabs u2)) as S. unfold Rsqr in S.
  assert (Rabs q * (2 * (Rabs u1 * Rabs u2)) <= Rabs q * (u1 * u1 + u2 * u2))
    by (apply Rmult_le_compat_l; lra). lra.
Qed.

Lemma gershgorin_lower (p q r lam u1 u2 : R) : Rabs q <= p - lam -> Rabs q <= r - lam ->
  lam * (u1 * u1 + u2 * u2) <= p * (u1 * u1) + 2 * q * (u1 * u2) + r * (u2 * u2).
Proof.
  intros H1 H2. pose proof (cross_term q u1 u2) as C. apply Rabs_le_between in C.
  assert (Rabs q * (u1 * u1) <= (p - lam) * (u1 * u1)) by (apply Rmult_le_compat_r; nra).
  assert (Rabs q * (u2 * u2) <= (r - lam) * (u2 * u2)) by (apply Rmult_le_compat_r; nra). lra.
Qed.

Lemma gershgorin_upper (p q r lam u1 u2 : R) : p + Rabs q <= lam -> r + Rabs q <= lam ->
  p * (u1 * u1) + 2 * q * (u1 * u2) + r * (u2 * u2) <= lam * (u1 * u1 + u2 * u2).
Proof.
  intros H1 H2. pose proof (cross_term q u1 u2) as C. apply Rabs_le_between in C.
  assert (Rabs q * (u1 * u1) <= (lam - p) * (u1 * u1)) by (apply Rmult_le_compat_r; nra).
  assert (Rabs q * (u2 * u2) <= (lam - r) * (u2 * u2)) by (apply Rmult_le_compat_r; nra). lra.
Qed.

Lemma net_ntk_lower l lam :
  Rabs (ntk12 l) <= ntk11 l - lam -> Rabs (ntk12 l) <= ntk22 l - lam ->
  ntk_lower (net (length l)) (init l) lam.
Proof.
  intros H1 H2 [u1 u2]. rewrite ntk_form, net_ntk. now apply gershgorin_lower.
Qed.

Lemma net_jac_bound l K :
  0 <= K -> ntk11 l + Rabs (ntk12 l) <= K * K -> ntk22 l + Rabs (ntk12 l) <= K * K ->
  jac_bound (net (length l)) (init l) K.
Proof.
  intros HK H1 H2. apply jac_bound_of_JT; [assumption|]. intros [u1 u2]. rewrite net_ntk.
  now apply gershgorin_upper.
Qed.

(** Squared norm of the residual at an initialisation. *)
Lemma net_residual l (y1 y2 e0 : R) : 0 <= e0 ->
  (out1 l - y1) * (out1 l - y1) + (out2 l - y2) * (out2 l - y2) <= e0 * e0 ->
  norm (residual (net (length l)) ((y1, y2) : outputs) (init l)) <= e0.
Proof.
  intros He H. apply norm_le_sq; [assumption|]. unfold residual. rewrite net_output.
  eapply Rle_trans; [|exact H]. right. cbn. unfold pinner, pplus, pscal; cbn. ring.
Qed.
End Activation.
