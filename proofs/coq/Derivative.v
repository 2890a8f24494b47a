(** * Directional derivatives in an inner-product space *)

From Coq Require Import Reals Lra Psatz Lia.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Segment.
Open Scope R_scope.

(** [f] is (Gateaux) differentiable at [th] with derivative [D]: along every v,
    f(th + t v) = f(th) + t D v + o(t). *)
Definition gateaux {X Y : InnerSpace} (f : X -> Y) (th : X) (D : X -> Y) : Prop :=
  forall v eps, 0 < eps -> exists d, 0 < d /\
    forall t, Rabs t < d -> norm (f (th ⊕ t ⋅ v) ⊖ f th ⊖ t ⋅ D v) <= eps * Rabs t.

(** ** Coquelicot's [is_derive] at 0, in epsilons *)
Lemma derive_eps (f : R -> R) (l : R) :
  (forall eps, 0 < eps -> exists d, 0 < d /\
     forall t, Rabs t < d -> Rabs (f t - f 0 - t * l) <= eps * Rabs t) <-> is_derive f 0 l.
Proof.
  split.
  - intros H. split; [apply is_linear_scal_l|].
    intros x Hx eps.
    assert (x = 0) as -> by (symmetry; exact (@is_filter_lim_locally_unique R_AbsRing R_NormedModule 0 x Hx)).
    destruct (H eps (cond_pos eps)) as [d [Hd Hdd]].
    exists (mkposreal d Hd). intros t Ht.
    assert (Ht' : Rabs t < d).
    { unfold ball in Ht; cbn in Ht. unfold AbsRing_ball, abs, Hierarchy.minus, Hierarchy.plus, opp in Ht.
      cbn in Ht. now rewrite Ropp_0, Rplus_0_r in Ht. }
    specialize (Hdd t Ht'). unfold Hierarchy.norm, Hierarchy.minus, Hierarchy.plus, opp, Hierarchy.scal; cbn.
    unfold abs, mult; cbn. rewrite Ropp_0, Rplus_0_r. exact Hdd.
  - intros [_ H] eps He. specialize (H 0 (fun P HP => HP) (mkposreal eps He)).
    destruct H as [d Hd]. exists d. split; [apply cond_pos|]. intros t Ht.
    assert (Hb : ball 0 d t).
    { unfold ball; cbn. unfold AbsRing_ball, abs, Hierarchy.minus, Hierarchy.plus, opp; cbn.
      now rewrite Ropp_0, Rplus_0_r. }
    specialize (Hd t Hb). unfold Hierarchy.norm, Hierarchy.minus, Hierarchy.plus, opp, Hierarchy.scal in Hd.
    cbn in Hd. unfold abs, mult in Hd; cbn in Hd. rewrite Ropp_0, Rplus_0_r in Hd. exact Hd.
Qed.

Section Lines.
Context {X Y : InnerSpace}.

Lemma at_0 (th v : X) : th ⊕ 0 ⋅ v = th.
Proof. apply vec_ext. intros. autorewrite with inner. ring. Qed.

(** A derivative at 0 along every line gives one at each point of a line. *)
Lemma derive_along (f : X -> R) (th v : X) (t l : R) :
  is_derive (fun r : R => f ((th ⊕ t ⋅ v) ⊕ r ⋅ v)) 0 l ->
  is_derive (fun u : R => f (th ⊕ u ⋅ v)) t l.
Proof.
  intros H.
  apply (is_derive_ext (fun u : R => f ((th ⊕ t ⋅ v) ⊕ (u - t) ⋅ v))).
  { intros u. f_equal. apply vec_ext. intros z. autorewrite with inner. ring. }
  replace l with (1 * l) by ring.
  apply (is_derive_comp (fun r : R => f ((th ⊕ t ⋅ v) ⊕ r ⋅ v)) (fun u => u - t)).
  - now replace (t - t) with 0 by ring.
  - apply (is_derive_ext (fun u => - t + 1 * u)); [intros u; cbn; ring|apply derive_affine].
Qed.

(** Tested against a fixed w, a vector-valued derivative is a real one. *)
Lemma gateaux_weak (f : X -> Y) th D (w : Y) v :
  gateaux f th D -> is_derive (fun t : R => ⟨w, f (th ⊕ t ⋅ v)⟩) 0 ⟨w, D v⟩.
Proof.
  intros H. apply derive_eps. intros eps He.
  pose proof (norm_pos w) as Hw.
  destruct (H v (eps / (norm w + 1))) as [d [Hd Hdd]]; [apply Rdiv_lt_0_compat; lra|].
  exists d. split; [assumption|]. intros t Ht. specialize (Hdd t Ht).
  rewrite at_0. rewrite <- inner_scal_r, <- !inner_minus_r.
  eapply Rle_trans; [apply cauchy_schwarz_abs|].
  apply Rle_trans with (norm w * (eps / (norm w + 1) * Rabs t)); [now apply Rmult_le_compat_l|].
  replace (norm w * (eps / (norm w + 1) * Rabs t)) with (norm w / (norm w + 1) * (eps * Rabs t))
    by (field; lra).
  assert (norm w / (norm w + 1) <= 1) by (apply Rle_div_l; lra).
  pose proof (Rabs_pos t). assert (0 <= eps * Rabs t) by nra. nra.
Qed.

(** The derivative of half a squared norm. *)
Lemma gateaux_square (f : X -> Y) th D v :
  gateaux f th D ->
  is_derive (fun t : R => ⟨f (th ⊕ t ⋅ v), f (th ⊕ t ⋅ v)⟩) 0 (2 * ⟨f th, D v⟩).
Proof.
  intros H. apply derive_eps. intros eps He.
  pose proof (norm_pos (f th)) as Hf. pose proof (norm_pos (D v)) as HD.
  set (e1 := Rmin 1 (eps / (4 * (norm (f th) + 1)))).
  assert (He1 : 0 < e1) by (apply Rmin_glb_lt; [lra|apply Rdiv_lt_0_compat; lra]).
  destruct (H v e1 He1) as [d [Hd Hdd]].
  set (B := norm (D v) + 1).
  assert (HB : 0 < B) by (unfold B; lra).
  exists (Rmin d (eps / (2 * (B * B)))).
  assert (0 < B * B) by nra.
  split; [apply Rmin_glb_lt; [assumption|apply Rdiv_lt_0_compat; lra]|].
  intros t Ht. rewrite at_0.
  assert (Ht1 : Rabs t < d) by (eapply Rlt_le_trans; [exact Ht|apply Rmin_l]).
  assert (Ht2 : Rabs t <= eps / (2 * (B * B))) by (eapply Rle_trans; [apply Rlt_le, Ht|apply Rmin_r]).
  specialize (Hdd t Ht1). pose proof (Rabs_pos t) as Hat.
  set (r := f (th ⊕ t ⋅ v) ⊖ f th ⊖ t ⋅ D v) in *.
  set (dl := t ⋅ D v ⊕ r).
  assert (Hft : f (th ⊕ t ⋅ v) = f th ⊕ dl).
  { unfold dl, r. apply vec_ext. intros w. autorewrite with inner. ring. }
  assert (Hdl : norm dl <= B * Rabs t).
  { unfold dl. eapply Rle_trans; [apply norm_triang|]. rewrite norm_scal.
    assert (e1 <= 1) by apply Rmin_l. unfold B. nra. }
  assert (Hfd : ⟨f th, dl⟩ = t * ⟨f th, D v⟩ + ⟨f th, r⟩).
  { unfold dl. now rewrite inner_plus_r, inner_scal_r. }
  rewrite Hft. rewrite inner_plus_l, !inner_plus_r. rewrite (inner_sym _ dl (f th)).
  replace (⟨f th, f th⟩ + ⟨f th, dl⟩ + (⟨f th, dl⟩ + ⟨dl, dl⟩) - ⟨f th, f th⟩ - t * (2 * ⟨f th, D v⟩))
    with (2 * ⟨f th, r⟩ + ⟨dl, dl⟩) by (rewrite Hfd; ring).
  pose proof (cauchy_schwarz_abs (f th) r) as Hc. pose proof (norm_sq dl) as Hn. pose proof (norm_pos dl).
  assert (HA : norm (f th) * norm r <= eps / 4 * Rabs t).
  { apply Rle_trans with ((norm (f th) + 1) * (eps / (4 * (norm (f th) + 1)) * Rabs t)).
    - assert (norm r <= eps / (4 * (norm (f th) + 1)) * Rabs t).
      { eapply Rle_trans; [exact Hdd|]. apply Rmult_le_compat_r; [assumption|apply Rmin_r]. }
      pose proof (norm_pos r). nra.
    - right. field. lra. }
  assert (HBt : B * Rabs t * (B * Rabs t) <= eps / 2 * Rabs t).
  { replace (B * Rabs t * (B * Rabs t)) with (B * B * Rabs t * Rabs t) by ring.
    apply Rmult_le_compat_r; [assumption|].
    apply Rle_trans with (B * B * (eps / (2 * (B * B)))); [apply Rmult_le_compat_l; lra|].
    right. field. lra. }
  assert (norm dl * norm dl <= B * Rabs t * (B * Rabs t)) by nra.
  pose proof (inner_pos Y dl). apply Rabs_le. apply Rabs_le_between in Hc. split; lra.
Qed.
End Lines.

(** ** Real-valued and paired functions, for concrete networks *)
Lemma gateaux_real {X : InnerSpace} (f : X -> R) th (D : X -> R) :
  (forall v, is_derive (fun t : R => f (th ⊕ t ⋅ v)) 0 (D v)) ->
  @gateaux X real_space f th D.
Proof.
  intros H v eps He. specialize (H v).
  destruct (proj2 (derive_eps _ _) H eps He) as [d [Hd Hdd]].
  exists d. split; [assumption|]. intros t Ht. specialize (Hdd t Ht). cbn beta in Hdd. rewrite at_0 in Hdd.
  unfold norm, minus; cbn. fold (Rsqr (f (th ⊕ t ⋅ v) + -1 * f th + -1 * (t * D v))).
  rewrite sqrt_Rsqr_abs.
  replace (f (th ⊕ t ⋅ v) + -1 * f th + -1 * (t * D v)) with (f (th ⊕ t ⋅ v) - f th - t * D v) by ring.
  exact Hdd.
Qed.

Lemma norm_pair {X Y : InnerSpace} (z : product_space X Y) : norm z <= norm (fst z) + norm (snd z).
Proof.
  pose proof (norm_pos (fst z)). pose proof (norm_pos (snd z)).
  apply norm_le_sq; [lra|]. cbn. unfold pinner. rewrite <- !norm_sq. nra.
Qed.

Lemma gateaux_pair {X Y Z : InnerSpace} (f : X -> Y) (g : X -> Z) th D E :
  gateaux f th D -> gateaux g th E ->
  @gateaux X (product_space Y Z) (fun x => (f x, g x)) th (fun v => (D v, E v)).
Proof.
  intros Hf Hg v eps He.
  destruct (Hf v (eps / 2)) as [d1 [Hd1 H1]]; [lra|].
  destruct (Hg v (eps / 2)) as [d2 [Hd2 H2]]; [lra|].
  exists (Rmin d1 d2). split; [now apply Rmin_glb_lt|]. intros t Ht.
  assert (Rabs t < d1) by (eapply Rlt_le_trans; [exact Ht|apply Rmin_l]).
  assert (Rabs t < d2) by (eapply Rlt_le_trans; [exact Ht|apply Rmin_r]).
  specialize (H1 t H). specialize (H2 t H0).
  eapply Rle_trans; [apply norm_pair|]. cbn [fst snd minus pplus pscal plus scal product_space].
  unfold minus in *. cbn. lra.
Qed.

(** Several functions at once, and sums of real functions. *)
Lemma gateaux_build {X Y : InnerSpace} n (f : nat -> X -> Y) th (D : nat -> X -> Y) :
  (forall i, (i < n)%nat -> gateaux (f i) th (D i)) ->
  gateaux (fun z => build n (fun i => f i z)) th (fun v => build n (fun i => D i v)).
Proof.
  revert f D. induction n as [|n IH]; intros f D H.
  - intros v eps He. exists 1. split; [lra|]. intros t _. unfold norm. cbn. rewrite sqrt_0.
    apply Rmult_le_pos; [lra|apply Rabs_pos].
  - apply (gateaux_pair (f O) (fun z => build n (fun i => f (S i) z)) th (D O) (fun v => build n (fun i => D (S i) v))).
    + apply H. lia.
    + apply (IH (fun i => f (S i)) (fun i => D (S i))). intros i Hi. apply H. lia.
Qed.

Lemma is_derive_sum n (f : nat -> R -> R) t (l : nat -> R) :
  (forall i, (i < n)%nat -> is_derive (f i) t (l i)) ->
  is_derive (fun u => sum n (fun i => f i u)) t (sum n l).
Proof.
  revert f l. induction n as [|n IH]; intros f l H; cbn.
  - apply (@is_derive_const R_AbsRing R_NormedModule).
  - apply (is_derive_plus (f O) (fun u => sum n (fun i => f (S i) u))); [apply H; lia|].
    apply (IH (fun i => f (S i)) (fun i => l (S i))). intros. apply H. lia.
Qed.
