(** * What the checker establishes: the facts that the criterion needs

    At a point z the network has the Jacobian of the network that keeps the slopes of z: that one is Lipschitz, and at the start it
    differs from the reference's in single slopes, by a half each. *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting NtkStability Relu Activation TwoLayer Kinks Rows Psd Criterion
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckHidden CheckDerivative CheckScalars CheckKernel CheckReference CheckKinks.
Import ListNotations.
Open Scope R_scope.

Section Facts.
Variables (c : problem) (w : witness) (V : vectors).
Notation m := (width c).
Notation W := (weightsZ c w).
Notation X := (inputsZ c w).
Notation Ds := (dotsZ V W X).
Notation Ps := (presZ c w Ds).
Notation Tan := (valuesZ c Ps).
Notation Hid := (hiddenZ w Tan).
Notation XX := (gramZ c w V X).
Notation ed := (e_dot c W X).
Notation et := (e_value c + e_pre c w ed)%Z.
Notation eh := (e_hid w et).
Notation eg := (e_gram c X).
Notation Src := (sourceZ c w XX Ps Hid eg eh).
Notation s2 := (scale2R c).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation N := (equations c).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation side := (CheckDerivative.side_of c w V).
Notation units := (fun _ _ : nat => act (hidden c)).
Notation dunits := (fun r e => sided (hidden c) (side r (sample_of c e))).
Notation sloped f := (with_slopes RY R1 N m (biases c) xs ys s2 (hidden c) f).
Notation Top := (Q2R (act_top (hidden c))).
Notation Bend := (Q2R (act_bend (hidden c))).
Hypothesis Hcheck : check c w V = true.
Notation passed := (CheckForward.passed c w V Hcheck).
Notation scalars := (CheckScalars.scalars c w V Hcheck).
Notation residual_le := (CheckScalars.residual_le c w V Hcheck).
Notation radius_pos := (CheckScalars.radius_pos c w V Hcheck).
Notation s2_pos := (CheckReference.s2_pos c w V Hcheck).
Notation s2_le := (CheckReference.s2_le c w V Hcheck).
Notation equations_op := (CheckReference.equations_op c w V Hcheck).
Notation equations_twice := (CheckReference.equations_twice c w V Hcheck).
Notation jacobian_from_start := (CheckReference.jacobian_from_start c w V Hcheck).
Notation jacobian_lipschitz := (CheckReference.jacobian_lipschitz c w V Hcheck).
Notation kernel_lower := (CheckReference.kernel_lower c w V Hcheck).
Notation kernel_upper := (CheckReference.kernel_upper c w V Hcheck).
Notation parabola_bound := (CheckReference.parabola_bound c w V Hcheck).

Notation pre_at z := (pre RY R1 m (biases c) xs z).
(** The slopes that z has, kept as z moves. *)
Notation kept z := (fun r e => sided (hidden c) (dact (hidden c) (pre_at z r e))).
Notation half := (/ 2 * Q2R (kink w)).
Notation jump_of := (CheckKinks.jump_of c w V).
Notation jump_pos := (CheckKinks.jump_pos c w V Hcheck).
Notation side_kept := (CheckKinks.side_kept c w V Hcheck).
Notation slope_near_reference := (CheckKinks.slope_near_reference c w V Hcheck).
Notation slope_between := (CheckKinks.slope_between c w V Hcheck).
Notation jump_rows := (CheckKinks.jump_rows c w V Hcheck).
Notation jump_rows_half := (CheckKinks.jump_rows_half c w V Hcheck).

Lemma half_pos : 0 <= half.
Proof. pose proof (c_kink _ _ scalars). lra. Qed.

Lemma kept_unit_range z : hidden c = Relu -> forall r e, 0 <= dact (hidden c) (pre_at z r e) <= 1.
Proof. intros E r e. rewrite E. apply dact_relu. Qed.

(** At z the network's Jacobian is that with the slopes of z. *)
Lemma kept_itself z v : J (model c) z v = J (sloped (kept z)) z v.
Proof.
  change (net_J RY R1 N m (biases c) xs ys s2 units (fun _ _ => dact (hidden c)) z v = net_J RY R1 N m (biases c) xs ys s2 units (kept z) z v).
  unfold net_J, slope. apply vec_ext. intros u. rewrite !inner_Rn. apply sum_ext. intros i Hi. rewrite !entry_vector by assumption.
  do 3 f_equal. apply sum_ext. intros r _. now rewrite sided_self.
Qed.

(** ** The network's Jacobian is near the reference's at the start *)
Lemma near_reference z v : in_ball (start c) (Q2R (radius w)) z ->
  norm (J (model c) z v ⊖ J (reference c w V) (start c) v) <= (Q2R (drop w) * norm (z ⊖ start c) + half) * norm v.
Proof.
  intros Hz. rewrite kept_itself.
  pose proof (jacobian_from_start (fun r e => dact (hidden c) (pre_at z r e)) z (kept_unit_range z) v) as A.
  pose proof (jumps_J RY R1 N m (biases c) xs ys s2 (hidden c) dunits (kept z) (start c) (fun r I => / 2 * jump_of r I) half half_pos) as B.
  pose proof (norm_triang3 (J (sloped (kept z)) z v) (J (sloped (kept z)) (start c) v) (J (reference c w V) (start c) v)) as T.
  eapply Rle_trans; [exact T|]. rewrite Rmult_plus_distr_r. apply Rplus_le_compat; [exact A|]. apply B.
  - intros r I Hr HI. pose proof (jump_pos r I Hr HI). lra.
  - intros r I Hr HI. now apply slope_near_reference.
  - exact jump_rows_half.
Qed.

Lemma jacobian_on_balls r z : r <= Q2R (radius w) -> in_ball (start c) r z -> jac_bound (model c) z (Q2R (jac0 w) + half + Q2R (drop w) * r).
Proof.
  intros Hr Hz v. assert (Hz' : in_ball (start c) (Q2R (radius w)) z) by (unfold in_ball in *; lra).
  pose proof (near_reference z v Hz') as A. pose proof (kernel_upper v) as C. pose proof (norm_pos v).
  pose proof (c_D _ _ scalars) as HD. assert (Q2R (drop w) * norm (z ⊖ start c) * norm v <= Q2R (drop w) * r * norm v).
  { apply Rmult_le_compat_r; [assumption|]. now apply Rmult_le_compat_l. }
  pose proof (norm_minus_le (J (model c) z v) (J (reference c w V) (start c) v)). lra.
Qed.

(** ** ... and jumps by at most [jump] between two points of the ball *)
Lemma no_crossing z r I : hidden c = Relu -> crossed Src = false -> in_ball (start c) (Q2R (radius w)) z -> (r < m)%nat -> (I < N)%nat ->
  dact Relu (pre_at z r I) = side r (sample_of c I).
Proof.
  intros E H Hz Hr HI. apply side_kept; try assumption. intros S. destruct (CheckForward.equation_lt c I HI) as [Hi _].
  assert (T : crossed Src = true); [|congruence]. unfold crossed. apply existsb_exists. exists (row Src (sample_of c I)). split.
  - apply nth_In. now rewrite (CheckDerivative.Src_count c w V).
  - apply existsb_exists. exists (at_ (row Src (sample_of c I)) r). split; [apply nth_In; now rewrite (CheckDerivative.Src_length c w V)|now rewrite S].
Qed.

Lemma moved_slopes (f f' : nat -> nat -> R -> R) (g : nat -> nat -> R) z v : (forall r I t, f' r I t - f r I t = g r I) ->
  let Z := network RY R1 N m (biases c) xs ys s2 (fun _ _ _ => 0) (fun r I _ => g r I) in
  J (sloped f') z v ⊖ J (sloped f) z v = (J Z z v ⊖ J Z (start c) v) ⊕ (J (sloped f') (start c) v ⊖ J (sloped f) (start c) v).
Proof.
  intros H Z. apply vec_ext. intros u. rewrite inner_plus_l, !inner_minus_l, !inner_Rn, <- !sum_minus, <- sum_plus. apply sum_ext. intros I HI.
  unfold Z. cbn [J with_slopes network]. unfold net_J. rewrite !entry_vector by assumption.
  unfold slope, hid.
  set (A := fun z => sum m (fun r => outer RY R1 m (biases c) ys v r I * act (hidden c) (pre_at z r I))).
  set (B := fun (h : nat -> nat -> R -> R) z => sum m (fun r => outer RY R1 m (biases c) ys z r I * h r I (pre_at z r I) * ⟨inn RY R1 m (biases c) v r, xs I⟩)).
  set (C := fun z => sum m (fun r => outer RY R1 m (biases c) ys z r I * g r I * ⟨inn RY R1 m (biases c) v r, xs I⟩)).
  assert (EB : forall z, B f' z - B f z = C z).
  { intros y. unfold B, C. rewrite <- sum_minus. apply sum_ext. intros r _. rewrite <- (H r I (pre_at y r I)). ring. }
  assert (E1 : forall h z, sum m (fun r => outer RY R1 m (biases c) ys v r I * act (hidden c) (pre_at z r I)
      + outer RY R1 m (biases c) ys z r I * h r I (pre_at z r I) * ⟨inn RY R1 m (biases c) v r, xs I⟩) = A z + B h z) by (intros; apply sum_plus).
  assert (E2 : forall z, sum m (fun r => outer RY R1 m (biases c) ys v r I * 0 + outer RY R1 m (biases c) ys z r I * g r I * ⟨inn RY R1 m (biases c) v r, xs I⟩) = C z).
  { intros y. apply sum_ext. intros r _. ring. }
  rewrite !E1, !E2. pose proof (EB z) as Q. pose proof (EB (start c)) as Q0.
  replace (C z) with (B f' z - B f z) by exact Q. replace (C (start c)) with (B f' (start c) - B f (start c)) by exact Q0. ring.
Qed.

Lemma outer_moves (g : nat -> nat -> R) z v : (forall r I, Rabs (g r I) <= 1) -> hidden c = Relu ->
  let Z := network RY R1 N m (biases c) xs ys s2 (fun _ _ _ => 0) (fun r I _ => g r I) in
  norm (J Z z v ⊖ J Z (start c) v) <= Q2R (drop w) * norm (z ⊖ start c) * norm v.
Proof.
  intros Hg E Z. pose proof s2_pos. pose proof s2_le. pose proof (c_N _ _ scalars) as HN. pose proof (c_drop _ _ scalars) as HD.
  pose proof (c_ell0 _ _ scalars) as HE. pose proof (c_A _ _ scalars) as HA. pose proof (c_l0 _ _ scalars) as Hl.
  assert (T1 : Top = 1) by (rewrite E, act_top_value; reflexivity).
  eapply Rle_trans; [apply (network_lipschitz RY R1 N m (biases c) xs ys s2 (fun _ _ _ => 0) (fun r I _ => g r I) Top Bend) with
    (K := Q2R (in_norm w)) (Xs := Q2R (in_twice w)) (A := Q2R (out_max w)) (l := Q2R (ell0 w)); try assumption|].
  - intros r I t t'. cbv beta. rewrite Rminus_eq_0, Rabs_R0, T1, Rmult_1_l. apply Rabs_pos.
  - intros r I t. rewrite T1. apply Hg.
  - intros r I t t'. cbv beta. rewrite Rminus_eq_0, Rabs_R0. apply Rmult_le_pos; [apply act_bend_pos|apply Rabs_pos].
  - apply act_top_range.
  - apply act_bend_pos.
  - apply scalars.
  - exact equations_op.
  - exact equations_twice.
  - apply scalars.
  - apply Rmult_le_compat_r; [apply norm_pos|]. apply Rmult_le_compat_r; [apply norm_pos|]. rewrite Rabs_pos_eq by lra.
    eapply Rle_trans; [|exact HD]. apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat_r; assumption.
Qed.

Lemma slopes_jump z z' v : in_ball (start c) (Q2R (radius w)) z -> in_ball (start c) (Q2R (radius w)) z' ->
  norm (J (sloped (kept z')) z v ⊖ J (sloped (kept z)) z v) <= Q2R (jump w) * norm v.
Proof.
  intros Hz Hz'. pose proof (norm_pos v) as Pv. pose proof (c_jump _ _ scalars) as Hj.
  assert (Same : (forall r I, (r < m)%nat -> (I < N)%nat -> kept z' r I (pre_at z r I) = kept z r I (pre_at z r I)) ->
    norm (J (sloped (kept z')) z v ⊖ J (sloped (kept z)) z v) <= Q2R (jump w) * norm v).
  { intros S. replace (J (sloped (kept z')) z v) with (J (sloped (kept z)) z v); [rewrite norm_self; now apply Rmult_le_pos|].
    change (net_J RY R1 N m (biases c) xs ys s2 units (kept z) z v = net_J RY R1 N m (biases c) xs ys s2 units (kept z') z v).
    unfold net_J, slope. apply vec_ext. intros u. rewrite !inner_Rn. apply sum_ext. intros i Hi. rewrite !entry_vector by assumption.
    do 3 f_equal. apply sum_ext. intros r Hr. now rewrite S. }
  destruct (activation_relu (hidden c)) as [E|E]; [|apply Same; intros; now destruct (hidden c)].
  pose proof (t_jumps _ _ _ passed) as C. unfold check_jumps in C. rewrite E in C. cbn zeta in C. rewrite !andb_true_iff, orb_true_iff, negb_true_iff in C.
  destruct C as [_ [[C|C] _]].
  - apply Same. intros r I Hr HI. rewrite E. cbn [sided]. now rewrite (no_crossing z r I E C Hz Hr HI), (no_crossing z' r I E C Hz' Hr HI).
  - apply leQ_R in C. remember (radius w) as rad eqn:Er. rewrite Q2R_plus, Q2R_mult in C. rewrite Er in *.
    set (g := fun r I => dact Relu (pre_at z' r I) - dact Relu (pre_at z r I)).
    assert (Hg : forall r I, Rabs (g r I) <= 1).
    { intros r I. unfold g. pose proof (dact_relu (pre_at z r I)). pose proof (dact_relu (pre_at z' r I)). apply Rabs_le. lra. }
    rewrite (moved_slopes (kept z) (kept z') g) by (intros; rewrite E; reflexivity).
    eapply Rle_trans; [apply norm_triang|]. pose proof (outer_moves g z v Hg E) as A. cbn zeta in A.
    pose proof (jumps_J RY R1 N m (biases c) xs ys s2 (hidden c) (kept z) (kept z') (start c) jump_of (Q2R (kink w)) (c_kink _ _ scalars)
      jump_pos (fun r I Hr HI => slope_between z z' r I Hz Hz' Hr HI) jump_rows v) as B.
    assert (Q2R (drop w) * norm (z ⊖ start c) * norm v <= Q2R (drop w) * Q2R (radius w) * norm v).
    { apply Rmult_le_compat_r; [assumption|]. apply Rmult_le_compat_l; [apply scalars|exact Hz]. }
    assert ((Q2R (kink w) + Q2R (drop w) * Q2R (radius w)) * norm v <= Q2R (jump w) * norm v) by (apply Rmult_le_compat_r; assumption).
    unfold with_slopes in *. cbn [J network] in *. lra.
Qed.

Lemma jacobian_jumps z z' : in_ball (start c) (Q2R (radius w)) z -> in_ball (start c) (Q2R (radius w)) z' ->
  jac_change (model c) z z' (Q2R (lip w) * norm (z' ⊖ z) + Q2R (jump w)).
Proof.
  intros Hz Hz' v. rewrite !kept_itself.
  pose proof (jacobian_lipschitz (fun r e => dact (hidden c) (pre_at z' r e)) z z' (kept_unit_range z') Hz v) as L.
  pose proof (slopes_jump z z' v Hz Hz') as B.
  pose proof (norm_triang3 (J (sloped (kept z')) z' v) (J (sloped (kept z')) z v) (J (sloped (kept z)) z v)) as T.
  eapply Rle_trans; [exact T|]. rewrite Rmult_plus_distr_r. apply Rplus_le_compat; [exact L|exact B].
Qed.

(** ** The table of radii *)
Definition stairs_R : list (R * R) := map (fun row => (Q2R (grid (fst row)), Q2R (grid (snd row)))) (stairs w).

Lemma weyl_row r g z : leQ (inject_Z g + half_kink w * inject_Z two40 + drop w * inject_Z r) (sigma0 w * inject_Z two40) = true ->
  in_ball (start c) (Q2R (radius w)) z -> in_ball (start c) (IZR r / IZR two40) z -> sigma_lower (model c) z (IZR g / IZR two40).
Proof.
  intros C Hz Hr u. apply leQ_R in C. unfold half_kink in C. repeat rewrite ?Q2R_plus, ?Q2R_mult, ?Q2R_Z, ?Q2R_half in C.
  pose proof two40_pos as T. pose proof half_pos as Hh. pose proof (c_D _ _ scalars) as HD. pose proof (norm_pos (z ⊖ start c)) as Pz.
  set (D := Q2R (drop w) * norm (z ⊖ start c) + half). assert (PD : 0 <= D) by (unfold D; assert (0 <= Q2R (drop w) * norm (z ⊖ start c)) by (now apply Rmult_le_pos); lra).
  assert (A : norm (JT (model c) z u ⊖ JT (reference c w V) (start c) u) <= D * norm u).
  { pose proof (norm_pos u). apply norm_le_weak; [now apply Rmult_le_pos|]. intros v. rewrite inner_minus_r, <- !adjoint, <- inner_minus_l.
    pose proof (cauchy_schwarz (J (model c) z v ⊖ J (reference c w V) (start c) v) u) as CS. pose proof (near_reference z v Hz) as Nr. fold D in Nr.
    assert (norm (J (model c) z v ⊖ J (reference c w V) (start c) v) * norm u <= D * norm v * norm u) by (apply Rmult_le_compat_r; assumption). lra. }
  pose proof (sigma_of_ntk (reference c w V) (start c) _ kernel_lower u) as B. rewrite sqrt_square in B by apply scalars.
  rewrite norm_opp in A. pose proof (norm_minus_le (JT (reference c w V) (start c) u) (JT (model c) z u)) as M.
  assert (S : IZR g / IZR two40 + D <= Q2R (sigma0 w)).
  { apply Rmult_le_reg_r with (IZR two40); [assumption|]. unfold D, Rdiv. unfold in_ball in Hr.
    assert (Q2R (drop w) * norm (z ⊖ start c) * IZR two40 <= Q2R (drop w) * IZR r).
    { rewrite Rmult_assoc. apply Rmult_le_compat_l; [assumption|]. apply Rmult_le_compat_r with (r := IZR two40) in Hr; [|lra].
      eapply Rle_trans; [exact Hr|]. right. field. lra. }
    replace ((IZR g * / IZR two40 + (Q2R (drop w) * norm (z ⊖ start c) + half)) * IZR two40)
      with (IZR g + half * IZR two40 + Q2R (drop w) * norm (z ⊖ start c) * IZR two40) by (field; lra). lra. }
  apply Rmult_le_compat_r with (r := norm u) in S; [|apply norm_pos]. lra.
Qed.

Lemma parabola_row r g p z : hidden c <> Relu -> In p (parabolas w) ->
  leQ (inject_Z (g * g) + p_weight p * inject_Z (r * r)) (p_floor p * inject_Z (two40 * two40)) = true ->
  0 <= IZR r -> 0 <= IZR g -> in_ball (start c) (IZR r / IZR two40) z -> sigma_lower (model c) z (IZR g / IZR two40).
Proof.
  intros Hs Hp C Pr Pg Hz u. apply leQ_R in C. repeat rewrite ?Q2R_plus, ?Q2R_mult, ?Q2R_Z in C. rewrite !mult_IZR in C.
  pose proof two40_pos as T. set (t := IZR two40) in *.
  destruct (CheckReference.parabola_passed c w V Hcheck p Hp) as [k [_ [_ B]]]. unfold parabola_ok in B. rewrite !andb_true_iff in B.
  destruct B as [[[[B _] _] _] _]. apply leQ_R in B. rewrite RMicromega.Q2R_0 in B.
  pose proof (parabola_bound p z Hp u) as P. unfold in_ball in Hz. pose proof (norm_pos (z ⊖ start c)) as Pz.
  assert (EJ : JT (reference c w V) z u = JT (model c) z u).
  { change (net_JT RY R1 N m (biases c) xs ys s2 units dunits z u = net_JT RY R1 N m (biases c) xs ys s2 units (fun _ _ => dact (hidden c)) z u).
    unfold net_JT, slope. now destruct (hidden c). }
  rewrite EJ in P. apply norm_ge_sq. set (h := IZR g / t). set (rho := IZR r / t) in *.
  assert (Eg : IZR g = h * t) by (unfold h; field; lra). assert (Er : IZR r = rho * t) by (unfold rho; field; lra).
  rewrite Eg, Er in C. rewrite <- (norm_sq (z ⊖ start c)) in P. rewrite <- (norm_sq u) in P. pose proof (norm_pos u) as Pu.
  set (d2 := norm (z ⊖ start c)) in *. set (nu := norm u) in *.
  assert (D : d2 * d2 <= rho * rho) by (apply Rmult_le_compat; assumption).
  assert (F : h * h + Q2R (p_weight p) * (rho * rho) <= Q2R (p_floor p)).
  { apply Rmult_le_reg_r with (t * t); [now apply Rmult_lt_0_compat|]. lra. }
  assert (G : Q2R (p_weight p) * (d2 * d2) <= Q2R (p_weight p) * (rho * rho)) by (apply Rmult_le_compat_l; assumption).
  replace (h * nu * (h * nu)) with (h * h * (nu * nu)) by ring. eapply Rle_trans; [|exact P].
  apply Rmult_le_compat_r; [apply Rle_0_sqr|]. lra.
Qed.

(** No row's radius exceeds the last. *)
Lemma row_radius row : In row (stairs w) -> Q2R (grid (fst row)) <= Q2R (radius w).
Proof.
  intros Hrow. pose proof (t_stairs _ _ _ passed) as C. unfold check_stairs in C. rewrite !andb_true_iff in C. destruct C as [[_ C] _].
  unfold radius. rewrite !Q2R_grid. pose proof two40_pos as T. apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|]. apply IZR_le.
  assert (Low : forall l p, ascending p l = true -> (p <= top p l)%Z).
  { induction l as [|[r g] l IH]; intros p H; cbn in *; [lia|]. rewrite andb_true_iff in H. destruct H as [H1 H2]. apply Z.leb_le in H1.
    specialize (IH r H2). lia. }
  revert C. generalize (offset w). induction (stairs w) as [|[r g] l IH]; intros o H; [destruct Hrow|].
  cbn in H. rewrite andb_true_iff in H. destruct H as [_ H]. destruct Hrow as [<-|Hrow]; cbn [top fst]; [now apply Low|now apply IH].
Qed.

(** ** What is certain of the network *)
Theorem check_correct : facts (model c) (target c) (Q2R (loss_scale c)) (Q2R (lr c)) (start c) (Q2R (radius w))
  (Q2R (jac0 w) + half) (Q2R (res0 w)) (Q2R (drop w)) (Q2R (lip w)) (Q2R (jump w)) stairs_R.
Proof.
  constructor; try apply scalars.
  - apply radius_pos.
  - pose proof (c_K _ _ scalars). pose proof half_pos. lra.
  - apply (piecewise RY R1 N m (biases c) xs ys s2 (hidden c)).
  - exact jacobian_on_balls.
  - exact residual_le.
  - exact jacobian_jumps.
  - unfold stairs_R. apply Forall_map, Forall_forall. intros [r g] Hrow z Hz. pose proof (row_radius _ Hrow) as HR. cbn [fst snd] in *.
    pose proof (t_stairs _ _ _ passed) as C. unfold check_stairs in C. rewrite !andb_true_iff in C. destruct C as [_ C].
    rewrite forallb_forall in C. specialize (C _ Hrow). unfold stair_ok in C. rewrite !andb_true_iff, orb_true_iff in C. destruct C as [[C1 C2] C3].
    apply Z.leb_le in C1, C2. apply IZR_le in C1, C2. rewrite !Q2R_grid in *. destruct C3 as [C3|C3].
    + apply (weyl_row r g z C3); [|exact Hz]. unfold in_ball in *. lra.
    + rewrite existsb_exists in C3. destruct C3 as [p [Hp C3]].
      assert (Hs : hidden c <> Relu /\ In p (parabolas w)) by (destruct (hidden c); [now split|now split|destruct Hp]).
      destruct Hs as [Hs Hp']. now apply (parabola_row r g p z).
Qed.
End Facts.
