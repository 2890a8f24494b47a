(** * The curvature of a two-layer tanh network with one output, neuron by neuron

    (J(z) - J(c))^T u is a symmetric form in z - c, one block for each neuron, up to a remainder of second order.  A descent step is
    as stable as the blocks' negative parts allow; their positive parts cost nothing while |J|^2 has room below them. *)

From Coq Require Import Reals Lra Psatz Lia.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting Tanh TanhTaylor TwoLayer NeuronBudget Psd.
Open Scope R_scope.

Lemma root_le t b : 0 <= b -> t * t <= b * b -> t <= b.
Proof. intros Hb H. apply Rnot_lt_le. intros L. assert (b * b < t * t) by (apply Rmult_le_0_lt_compat; lra). lra. Qed.

Lemma sum_products n (f g : nat -> R) A B : 0 <= A -> 0 <= B -> sum n (fun i => f i * f i) <= A * A -> sum n (fun i => g i * g i) <= B * B ->
  sum n (fun i => Rabs (f i) * Rabs (g i)) <= A * B.
Proof.
  intros HA HB Hf Hg. apply root_le; [now apply Rmult_le_pos|].
  eapply Rle_trans; [apply (sum_cauchy_schwarz n (fun i => Rabs (f i)) (fun i => Rabs (g i)))|].
  rewrite (sum_ext n (fun i => Rabs (f i) * Rabs (f i)) (fun i => f i * f i)) by (intros; apply abs_sq).
  rewrite (sum_ext n (fun i => Rabs (g i) * Rabs (g i)) (fun i => g i * g i)) by (intros; apply abs_sq).
  replace (A * B * (A * B)) with (A * A * (B * B)) by ring.
  apply Rmult_le_compat; try assumption; apply sum_nonneg; intros; apply Rle_0_sqr.
Qed.

(** Inputs as an operator and its dual. *)
Lemma op_dual {W : InnerSpace} n (x : nat -> W) kap : 
  (forall b : nat -> R, ⟨vsum n (fun i => b i ⋅ x i), vsum n (fun i => b i ⋅ x i)⟩ <= kap * kap * sum n (fun i => b i * b i)) ->
  forall w, sum n (fun i => ⟨w, x i⟩ * ⟨w, x i⟩) <= kap * kap * ⟨w, w⟩.
Proof.
  intros H w. set (q := fun i => ⟨w, x i⟩). set (t := sum n (fun i => q i * q i)). assert (Ht : 0 <= t) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  assert (E : t = ⟨w, vsum n (fun i => q i ⋅ x i)⟩).
  { rewrite inner_vsum_r. apply sum_ext. intros i _. now rewrite inner_scal_r. }
  pose proof (H q) as Hq. fold t in Hq. set (V := vsum n (fun i => q i ⋅ x i)) in *.
  assert (C : t * t <= ⟨w, w⟩ * ⟨V, V⟩).
  { rewrite E, <- (norm_sq w), <- (norm_sq V). replace (norm w * norm w * (norm V * norm V)) with (norm w * norm V * (norm w * norm V)) by ring.
    apply sq_le_abs, cauchy_schwarz_abs. }
  assert (D : t * t <= t * (kap * kap * ⟨w, w⟩)).
  { eapply Rle_trans; [exact C|]. replace (t * (kap * kap * ⟨w, w⟩)) with (⟨w, w⟩ * (kap * kap * t)) by ring.
    apply Rmult_le_compat_l; [apply inner_pos|exact Hq]. }
  change (t <= kap * kap * ⟨w, w⟩). destruct (Req_dec t 0) as [Z|N].
  - rewrite Z. apply Rmult_le_pos; [apply Rle_0_sqr|apply inner_pos].
  - apply Rmult_le_reg_l with t; [lra|exact D].
Qed.

Section Curve.
Variables (Y : InnerSpace) (d n m p : nat) (x : nat -> Rn d) (y : nat -> Y) (s : R) (act dact : nat -> nat -> R -> R).
Hypothesis act_th : forall r i t, act r i t = th t.
Hypothesis dact_th : forall r i t, dact r i t = dth t.
Hypothesis one_output : forall i, y i = y O.
Hypothesis unit_output : norm (y O) <= 1.
Hypothesis s_pos : 0 <= s.
Notation Par := (Params Y (Rn d) m p).
Notation net := (network Y (Rn d) n m p x y s act dact).
Notation out_ := (out Y (Rn d) m p).
Notation inn_ := (inn Y (Rn d) m p).
Notation pre_ := (pre Y (Rn d) m p x).
Definition lead (z : Par) (r : nat) : R := ⟨out_ z r, y O⟩.
Definition part_norm (z : Par) (r : nat) : R := norm (coord r (fst z)).

Lemma part_sq z r : part_norm z r * part_norm z r = ⟨out_ z r, out_ z r⟩ + ⟨inn_ z r, inn_ z r⟩.
Proof. unfold part_norm. rewrite norm_sq. reflexivity. Qed.
Lemma part_pos z r : 0 <= part_norm z r. Proof. apply norm_pos. Qed.
Lemma inn_part z r : norm (inn_ z r) <= part_norm z r.
Proof. apply root_le; [apply part_pos|]. rewrite norm_sq, part_sq. pose proof (inner_pos Y (out_ z r)). lra. Qed.
Lemma lead_le z r : Rabs (lead z r) <= norm (out_ z r).
Proof.
  eapply Rle_trans; [apply cauchy_schwarz_abs|]. rewrite <- (Rmult_1_r (norm (out_ z r))) at 2.
  apply Rmult_le_compat_l; [apply norm_pos|exact unit_output].
Qed.
Lemma lead_part z r : lead z r * lead z r + ⟨inn_ z r, inn_ z r⟩ <= part_norm z r * part_norm z r.
Proof. rewrite part_sq, <- (norm_sq (out_ z r)). pose proof (sq_le_abs _ _ (lead_le z r)). lra. Qed.
Lemma lead_part_le z r : Rabs (lead z r) <= part_norm z r.
Proof.
  apply root_le; [apply part_pos|]. rewrite abs_sq. pose proof (lead_part z r). pose proof (inner_pos _ (inn_ z r)). lra.
Qed.
Lemma parts_le z : sum m (fun r => part_norm z r * part_norm z r) <= norm z * norm z.
Proof.
  rewrite norm_sq, inner_params, (sum_ext m _ (fun r => ⟨out_ z r, out_ z r⟩ + ⟨inn_ z r, inn_ z r⟩)) by (intros; apply part_sq).
  assert (0 <= sum p (fun k => ⟨coord k (snd z), coord k (snd z)⟩)) by (apply sum_nonneg; intros; apply inner_pos). lra.
Qed.
Lemma parts_product v w : sum m (fun r => part_norm v r * part_norm w r) <= norm v * norm w.
Proof.
  rewrite (sum_ext m _ (fun r => Rabs (part_norm v r) * Rabs (part_norm w r))) by (intros; now rewrite !Rabs_pos_eq by apply part_pos).
  apply sum_products; try apply norm_pos; apply parts_le.
Qed.
Lemma part_le z r : (r < m)%nat -> part_norm z r <= norm z.
Proof.
  intros Hr. apply root_le; [apply norm_pos|]. eapply Rle_trans; [|apply parts_le].
  apply (sum_ge_term m (fun r => part_norm z r * part_norm z r) r Hr). intros. apply Rle_0_sqr.
Qed.

(** ** The form *)
Definition curve (u : Rn n) (c v w : Par) : R := s * sum m (fun r => sum n (fun i => entry u i *
  (dth (pre_ c r i) * (lead v r * ⟨inn_ w r, x i⟩ + lead w r * ⟨inn_ v r, x i⟩)
   + lead c r * ddth (pre_ c r i) * (⟨inn_ v r, x i⟩ * ⟨inn_ w r, x i⟩)))).

Lemma curve_sym u c v w : curve u c v w = curve u c w v.
Proof. unfold curve. f_equal. apply sum_ext. intros r _. apply sum_ext. intros i _. ring. Qed.

Lemma lead_line z v r t : lead (z ⊕ t ⋅ v) r = lead z r + t * lead v r.
Proof. apply (outer_line Y (Rn d) m p y z v r O t). Qed.
Lemma inn_dot_line z v r t i : ⟨inn_ (z ⊕ t ⋅ v) r, x i⟩ = ⟨inn_ z r, x i⟩ + t * ⟨inn_ v r, x i⟩.
Proof. rewrite inn_line, inner_plus_l, inner_scal_l. reflexivity. Qed.
Lemma curve_line u c v v' w t : curve u c (v ⊕ t ⋅ v') w = curve u c v w + t * curve u c v' w.
Proof.
  unfold curve. rewrite <- Rmult_assoc, (Rmult_comm t s), Rmult_assoc, <- Rmult_plus_distr_l. f_equal. rewrite <- sum_scal, <- sum_plus. apply sum_ext. intros r _.
  rewrite <- sum_scal, <- sum_plus. apply sum_ext. intros i _. rewrite lead_line, inn_dot_line. ring.
Qed.

(** ** Bounds of the form from below and above, neuron by neuron *)
Definition pull (u : Rn n) (c : Par) (r : nat) : Rn d := vsum n (fun i => (entry u i * dth (pre_ c r i)) ⋅ x i).
Definition bend (u : Rn n) (c : Par) (r : nat) (w : Rn d) : R := lead c r * sum n (fun i => entry u i * ddth (pre_ c r i) * (⟨w, x i⟩ * ⟨w, x i⟩)).

Lemma curve_blocks u c v : curve u c v v = s * sum m (fun r => 2 * lead v r * ⟨inn_ v r, pull u c r⟩ + bend u c r (inn_ v r)).
Proof.
  unfold curve. f_equal. apply sum_ext. intros r _. unfold pull, bend. rewrite inner_vsum_r, <- !sum_scal, <- sum_plus. apply sum_ext. intros i _.
  rewrite inner_scal_r. ring.
Qed.

(** [[0, on], [on, f]] <= lam. *)
Lemma block_le on f lam a b : 0 < lam -> 0 <= on -> s * f <= lam -> s * on * (s * on) <= lam * (lam - s * f) -> s * (2 * a * b * on + f * (b * b)) <= lam * (a * a + b * b).
Proof.
  intros Hl Ho Hf Hd. apply Rmult_le_reg_l with lam; [assumption|].
  assert (0 <= (lam * a - s * on * b) * (lam * a - s * on * b)) by apply Rle_0_sqr.
  assert (s * on * (s * on) * (b * b) <= lam * (lam - s * f) * (b * b)) by (apply Rmult_le_compat_r; [apply Rle_0_sqr|assumption]). lra.
Qed.

Theorem curve_between u c v (on fn fp : nat -> R) neg pos : 0 < neg -> 0 < pos ->
  (forall r, (r < m)%nat -> norm (pull u c r) <= on r) ->
  (forall r w, (r < m)%nat -> - fn r * ⟨w, w⟩ <= bend u c r w <= fp r * ⟨w, w⟩) ->
  (forall r, (r < m)%nat -> s * fn r <= neg /\ s * on r * (s * on r) <= neg * (neg - s * fn r)) ->
  (forall r, (r < m)%nat -> s * fp r <= pos /\ s * on r * (s * on r) <= pos * (pos - s * fp r)) ->
  - neg * ⟨v, v⟩ <= curve u c v v <= pos * ⟨v, v⟩.
Proof.
  intros Hn Hp Hon Hb Tn Tp. rewrite curve_blocks, <- (norm_sq v).
  assert (S : forall lam, 0 < lam -> lam * sum m (fun r => part_norm v r * part_norm v r) <= lam * (norm v * norm v)).
  { intros lam Hl. apply Rmult_le_compat_l; [lra|apply parts_le]. }
  pose proof (S neg Hn) as Sn. pose proof (S pos Hp) as Sp. clear S. rewrite <- sum_scal in Sn, Sp.
  assert (B : forall r, (r < m)%nat -> - (neg * (part_norm v r * part_norm v r)) <= s * (2 * lead v r * ⟨inn_ v r, pull u c r⟩ + bend u c r (inn_ v r))
      <= pos * (part_norm v r * part_norm v r)).
  { intros r Hr. pose proof (Hb r (inn_ v r) Hr) as [B1 B2]. pose proof (lead_part v r) as LP. rewrite <- (norm_sq (inn_ v r)) in *.
    pose proof (cauchy_schwarz_abs (inn_ v r) (pull u c r)) as CS. pose proof (Hon r Hr) as O. pose proof (norm_pos (pull u c r)) as P0.
    pose proof (norm_pos (inn_ v r)) as P1. set (b := norm (inn_ v r)) in *. set (a := lead v r) in *. set (t := ⟨inn_ v r, pull u c r⟩) in *.
    assert (Ho : 0 <= on r) by lra.
    assert (A : Rabs (2 * a * t) <= 2 * Rabs a * b * on r).
    { rewrite !Rabs_mult, (Rabs_pos_eq 2) by lra. replace (2 * Rabs a * b * on r) with (2 * Rabs a * (b * on r)) by ring.
      apply Rmult_le_compat_l; [pose proof (Rabs_pos a); lra|]. eapply Rle_trans; [exact CS|]. apply Rmult_le_compat_l; assumption. }
    destruct (Tn r Hr) as [N1 N2]. destruct (Tp r Hr) as [Q1 Q2].
    pose proof (block_le (on r) (fn r) neg (Rabs a) b Hn Ho N1 N2) as BN. pose proof (block_le (on r) (fp r) pos (Rabs a) b Hp Ho Q1 Q2) as BP.
    rewrite abs_sq in BN, BP. apply Rabs_le_between in A.
    assert (neg * (a * a + b * b) <= neg * (part_norm v r * part_norm v r)) by (apply Rmult_le_compat_l; lra).
    assert (pos * (a * a + b * b) <= pos * (part_norm v r * part_norm v r)) by (apply Rmult_le_compat_l; lra).
    assert (s * (- (2 * Rabs a * b * on r) - fn r * (b * b)) <= s * (2 * a * t + bend u c r (inn_ v r))) by (apply Rmult_le_compat_l; lra).
    assert (s * (2 * a * t + bend u c r (inn_ v r)) <= s * (2 * Rabs a * b * on r + fp r * (b * b))) by (apply Rmult_le_compat_l; lra). lra. }
  rewrite <- sum_scal. split.
  - apply Rle_trans with (sum m (fun r => -1 * (neg * (part_norm v r * part_norm v r)))); [rewrite sum_scal; lra|].
    apply sum_le. intros r Hr. specialize (B r Hr). lra.
  - eapply Rle_trans; [|exact Sp]. apply sum_le. intros r Hr. now apply B.
Qed.

(** ** The change of J^T u *)
Variable kap : R.
Hypothesis kap_pos : 0 <= kap.
Hypothesis inputs_dual : forall w : Rn d, sum n (fun i => ⟨w, x i⟩ * ⟨w, x i⟩) <= kap * kap * ⟨w, w⟩.

Lemma input_le w i : (i < n)%nat -> Rabs ⟨w, x i⟩ <= kap * norm w.
Proof.
  intros Hi. apply root_le; [apply Rmult_le_pos; [assumption|apply norm_pos]|]. rewrite abs_sq.
  replace (kap * norm w * (kap * norm w)) with (kap * kap * (norm w * norm w)) by ring. rewrite norm_sq. eapply Rle_trans; [|apply inputs_dual].
  apply (sum_ge_term n (fun i => ⟨w, x i⟩ * ⟨w, x i⟩) i Hi). intros. apply Rle_0_sqr.
Qed.

Lemma outer_lead z r i : outer Y (Rn d) m p y z r i = lead z r.
Proof. unfold outer, lead. now rewrite one_output. Qed.

Lemma change_value u c z v : ⟨v, JT net z u ⊖ JT net c u⟩ = s * sum m (fun r => sum n (fun i => entry u i *
  (lead v r * (th (pre_ z r i) - th (pre_ c r i)) + (lead z r * dth (pre_ z r i) - lead c r * dth (pre_ c r i)) * ⟨inn_ v r, x i⟩))).
Proof.
  rewrite inner_minus_r, <- !adjoint, !inner_Rn, <- sum_minus. cbn [J network]. unfold net_J.
  rewrite (sum_swap m n), <- sum_scal. apply sum_ext. intros i Hi. rewrite !entry_vector by assumption.
  replace ((s * sum m (fun r => outer Y (Rn d) m p y v r i * hid Y (Rn d) m p x act z r i + slope Y (Rn d) m p x y dact z r i * ⟨inn_ v r, x i⟩) + bias Y (Rn d) m p y v i) * entry u i
    - (s * sum m (fun r => outer Y (Rn d) m p y v r i * hid Y (Rn d) m p x act c r i + slope Y (Rn d) m p x y dact c r i * ⟨inn_ v r, x i⟩) + bias Y (Rn d) m p y v i) * entry u i)
    with (s * (entry u i * (sum m (fun r => outer Y (Rn d) m p y v r i * hid Y (Rn d) m p x act z r i + slope Y (Rn d) m p x y dact z r i * ⟨inn_ v r, x i⟩)
      - sum m (fun r => outer Y (Rn d) m p y v r i * hid Y (Rn d) m p x act c r i + slope Y (Rn d) m p x y dact c r i * ⟨inn_ v r, x i⟩)))) by ring.
  f_equal. rewrite <- sum_minus, <- sum_scal. apply sum_ext. intros r _. unfold slope, hid. rewrite !outer_lead, !act_th, !dact_th. ring.
Qed.

(** What is left of the change when its linear part is taken off. *)
Theorem curve_remainder u c z v U A : 0 <= U -> 0 <= A -> (forall i, (i < n)%nat -> Rabs (entry u i) <= U) -> (forall r, (r < m)%nat -> Rabs (lead c r) <= A) ->
  Rabs (⟨v, JT net z u ⊖ JT net c u⟩ - curve u c v (z ⊖ c)) <= s * U * (kap * kap) * (231 / 200 + A * kap) * (norm (z ⊖ c) * norm (z ⊖ c)) * norm v.
Proof.
  intros HU HA Hu Ha. set (D := z ⊖ c). rewrite change_value. unfold curve.
  rewrite <- Rmult_minus_distr_l, <- sum_minus, Rabs_mult, (Rabs_pos_eq s) by assumption.
  replace (s * U * (kap * kap) * (231 / 200 + A * kap) * (norm D * norm D) * norm v)
    with (s * (U * (kap * kap) * (231 / 200 + A * kap) * norm D * (norm v * norm D))) by ring.
  apply Rmult_le_compat_l; [assumption|]. set (C := U * (kap * kap) * (231 / 200 + A * kap)).
  assert (HC : 0 <= C).
  { unfold C. repeat apply Rmult_le_pos; try assumption. assert (0 <= A * kap) by now apply Rmult_le_pos. lra. }
  apply Rle_trans with (C * norm D * sum m (fun r => part_norm v r * part_norm D r)).
  2:{ apply Rmult_le_compat_l; [apply Rmult_le_pos; [assumption|apply norm_pos]|apply parts_product]. }
  eapply Rle_trans; [apply sum_abs|]. rewrite <- sum_scal. apply sum_le. intros r Hr. rewrite <- sum_minus.
  set (q := fun i => ⟨inn_ D r, x i⟩). set (xi := fun i => ⟨inn_ v r, x i⟩). set (al := lead v r). set (da := lead D r).
  set (om := norm (inn_ v r)). set (od := norm (inn_ D r)).
  assert (Po : 0 <= om /\ 0 <= od) by (split; apply norm_pos). destruct Po as [Po Pd].
  assert (Ep : forall i, pre_ z r i = pre_ c r i + q i).
  { intros i. unfold q, D, pre. rewrite inn_minus, inner_minus_l. ring. }
  assert (El : lead z r = lead c r + da).
  { unfold da, D, lead. rewrite out_minus, inner_minus_l. ring. }
  assert (Q2 : sum n (fun i => q i * q i) <= (kap * od) * (kap * od)).
  { replace (kap * od * (kap * od)) with (kap * kap * (od * od)) by ring. unfold od. rewrite norm_sq. apply inputs_dual. }
  assert (X2 : sum n (fun i => xi i * xi i) <= (kap * om) * (kap * om)).
  { replace (kap * om * (kap * om)) with (kap * kap * (om * om)) by ring. unfold om. rewrite norm_sq. apply inputs_dual. }
  assert (Term : forall i, (i < n)%nat -> Rabs (entry u i * (al * (th (pre_ z r i) - th (pre_ c r i)) + (lead z r * dth (pre_ z r i) - lead c r * dth (pre_ c r i)) * xi i)
      - entry u i * (dth (pre_ c r i) * (al * q i + da * xi i) + lead c r * ddth (pre_ c r i) * (xi i * q i)))
    <= U * (77 / 200 * Rabs al) * (q i * q i) + U * (77 / 100 * Rabs da) * (Rabs (q i) * Rabs (xi i)) + U * A * (kap * om) * (q i * q i)).
  { intros i Hi. rewrite (Ep i), El. set (t := pre_ c r i).
    replace (entry u i * (al * (th (t + q i) - th t) + ((lead c r + da) * dth (t + q i) - lead c r * dth t) * xi i)
      - entry u i * (dth t * (al * q i + da * xi i) + lead c r * ddth t * (xi i * q i)))
      with (entry u i * (al * (th (t + q i) - th t - dth t * q i) + da * (dth (t + q i) - dth t) * xi i + lead c r * (dth (t + q i) - dth t - ddth t * q i) * xi i)) by ring.
    rewrite Rabs_mult. pose proof (th_taylor t (q i)) as T1. pose proof (dth_taylor t (q i)) as T2. pose proof (dth_lipschitz t (t + q i)) as T3.
    replace (t + q i - t) with (q i) in T3 by ring. set (R1 := th (t + q i) - th t - dth t * q i) in *. set (R2 := dth (t + q i) - dth t - ddth t * q i) in *.
    set (R3 := dth (t + q i) - dth t) in *.
    assert (Hx : Rabs (xi i) <= kap * om) by now apply input_le.
    assert (Q : 0 <= q i * q i) by apply Rle_0_sqr.
    apply Rle_trans with (U * (Rabs al * (77 / 200 * (q i * q i)) + Rabs da * (77 / 100 * Rabs (q i)) * Rabs (xi i) + A * (q i * q i) * (kap * om))); [|right; ring].
    apply Rmult_le_compat; try apply Rabs_pos; [now apply Hu|]. eapply Rle_trans; [apply Rabs_triang|].
    apply Rplus_le_compat; [eapply Rle_trans; [apply Rabs_triang|]; apply Rplus_le_compat|]; rewrite !Rabs_mult.
    - apply Rmult_le_compat_l; [apply Rabs_pos|exact T1].
    - apply Rmult_le_compat_r; [apply Rabs_pos|]. apply Rmult_le_compat_l; [apply Rabs_pos|exact T3].
    - apply Rmult_le_compat; try apply Rabs_pos; [apply Rmult_le_pos; apply Rabs_pos| |exact Hx].
      apply Rmult_le_compat; try apply Rabs_pos; [now apply Ha|exact T2]. }
  apply Rle_trans with (U * (77 / 200 * Rabs al) * ((kap * od) * (kap * od)) + U * (77 / 100 * Rabs da) * ((kap * od) * (kap * om)) + U * A * (kap * om) * ((kap * od) * (kap * od))).
  { eapply Rle_trans; [apply sum_abs|]. eapply Rle_trans; [apply sum_le; exact Term|]. rewrite !sum_plus, !sum_scal.
    pose proof (Rabs_pos al). pose proof (Rabs_pos da).
    apply Rplus_le_compat; [apply Rplus_le_compat|]; (apply Rmult_le_compat_l; [repeat apply Rmult_le_pos; try assumption; lra|]); [exact Q2| |exact Q2].
    apply sum_products; try assumption; now apply Rmult_le_pos. }
  set (Pv := part_norm v r). set (PD := part_norm D r).
  assert (L1 : Rabs al <= Pv) by apply lead_part_le. assert (L2 : Rabs da <= PD) by apply lead_part_le.
  assert (L3 : om <= Pv) by apply inn_part. assert (L4 : od <= PD) by apply inn_part. assert (L5 : PD <= norm D) by now apply part_le.
  assert (Hv : 0 <= Pv) by apply part_pos. assert (HD : 0 <= PD) by apply part_pos.
  assert (Hod : od * od <= PD * PD) by (apply Rmult_le_compat; assumption).
  assert (B1 : Rabs al * (od * od) <= Pv * (PD * PD)) by (apply Rmult_le_compat; try assumption; [apply Rabs_pos|apply Rle_0_sqr]).
  assert (B2 : Rabs da * (od * om) <= Pv * (PD * PD)).
  { replace (Pv * (PD * PD)) with (PD * (PD * Pv)) by ring. apply Rmult_le_compat; [apply Rabs_pos|now apply Rmult_le_pos|assumption|].
    apply Rmult_le_compat; assumption. }
  assert (B3 : om * (od * od) <= Pv * (PD * PD)) by (apply Rmult_le_compat; try assumption; apply Rle_0_sqr).
  apply Rle_trans with (C * (Pv * (PD * PD))).
  2:{ replace (C * norm D * (Pv * PD)) with (C * (Pv * (norm D * PD))) by ring. apply Rmult_le_compat_l; [assumption|]. apply Rmult_le_compat_l; [assumption|].
      apply Rmult_le_compat_r; assumption. }
  unfold C. assert (K2 : 0 <= U * (kap * kap)) by (repeat apply Rmult_le_pos; assumption).
  assert (K3 : 0 <= U * (kap * kap) * (A * kap)) by (repeat apply Rmult_le_pos; assumption).
  apply Rmult_le_compat_l with (r := U * (kap * kap) * (77 / 200)) in B1; [|apply Rmult_le_pos; lra].
  apply Rmult_le_compat_l with (r := U * (kap * kap) * (77 / 100)) in B2; [|apply Rmult_le_pos; lra].
  apply Rmult_le_compat_l with (r := U * (kap * kap) * (A * kap)) in B3; [|assumption].
  lra.
Qed.

(** ** |J| from sums of squares: of hidden values, and of a sample's slopes *)
Hypothesis inputs_op : forall b : nat -> R, ⟨vsum n (fun i => b i ⋅ x i), vsum n (fun i => b i ⋅ x i)⟩ <= kap * kap * sum n (fun i => b i * b i).
Theorem jacobian_squares z hs ss K : p = O -> 0 <= K -> 0 <= hs -> 0 <= ss ->
  sum m (fun r => sum n (fun i => th (pre_ z r i) * th (pre_ z r i))) <= hs ->
  (forall i, (i < n)%nat -> sum m (fun r => lead z r * dth (pre_ z r i) * (lead z r * dth (pre_ z r i))) <= ss) ->
  s * s * (hs + kap * kap * ss) <= K * K -> jac_bound net z K.
Proof.
  intros Hp HK Hhs Hss Hh Hs HKK. apply jac_bound_of_JT; [assumption|]. intros u. set (U := ⟨u, u⟩). assert (HU : 0 <= U) by apply inner_pos.
  assert (EU : U = sum n (fun i => entry u i * entry u i)) by (unfold U; apply inner_Rn).
  change (JT net z u) with (net_JT Y (Rn d) n m p x y s act dact z u). rewrite JT_parts. assert (Ep : INR p = 0) by (now rewrite Hp). rewrite Ep, Rmult_0_l, Rplus_0_r.
  apply Rle_trans with (s * s * (hs + kap * kap * ss) * U); [|now apply Rmult_le_compat_r].
  apply Rle_trans with (sum m (fun r => s * s * (U * sum n (fun i => th (pre_ z r i) * th (pre_ z r i))
      + kap * kap * sum n (fun i => entry u i * (lead z r * dth (pre_ z r i)) * (entry u i * (lead z r * dth (pre_ z r i))))))).
  - apply sum_le. intros r Hr. unfold part, neuron. rewrite inner_pair. cbn [fst snd].
    assert (E1 : vsum n (fun i => (s * (entry u i * hid Y (Rn d) m p x act z r i)) ⋅ y i) = (s * sum n (fun i => entry u i * th (pre_ z r i))) ⋅ y O).
    { apply vec_ext. intros v. rewrite inner_vsum_l, inner_scal_l, <- sum_scal, <- sum_scal_r. apply sum_ext. intros i _. unfold hid.
      rewrite inner_scal_l, one_output, act_th. ring. }
    assert (E2 : vsum n (fun i => (s * (entry u i * slope Y (Rn d) m p x y dact z r i)) ⋅ x i)
      = s ⋅ vsum n (fun i => (entry u i * (lead z r * dth (pre_ z r i))) ⋅ x i)).
    { apply vec_ext. intros v. rewrite inner_scal_l, !inner_vsum_l, <- sum_scal. apply sum_ext. intros i _. unfold slope.
      rewrite !inner_scal_l, outer_lead, dact_th. ring. }
    rewrite E1, E2. clear E1 E2. autorewrite with inner.
    pose proof (sum_cauchy_schwarz n (fun i => entry u i) (fun i => th (pre_ z r i))) as CS. cbn beta in CS. rewrite <- EU in CS.
    pose proof (inputs_op (fun i => entry u i * (lead z r * dth (pre_ z r i)))) as Op.
    cbn beta in Op. set (q := sum n (fun i => entry u i * th (pre_ z r i))) in *. set (V := vsum n _) in *.
    assert (Y1 : ⟨y O, y O⟩ <= 1).
    { rewrite <- norm_sq. pose proof (norm_pos (y O)). apply Rle_trans with (1 * 1); [apply Rmult_le_compat|]; lra. }
    assert (Y0 : 0 <= ⟨y O, y O⟩) by apply inner_pos. assert (S2 : 0 <= s * s) by apply Rle_0_sqr. assert (Q2 : 0 <= q * q) by apply Rle_0_sqr.
    assert (q * q * ⟨y O, y O⟩ <= q * q * 1) by (apply Rmult_le_compat_l; assumption).
    assert (s * s * (q * q * ⟨y O, y O⟩ + ⟨V, V⟩) <= s * s * (U * sum n (fun i => th (pre_ z r i) * th (pre_ z r i))
      + kap * kap * sum n (fun i => entry u i * (lead z r * dth (pre_ z r i)) * (entry u i * (lead z r * dth (pre_ z r i)))))) by (apply Rmult_le_compat_l; lra).
    lra.
  - rewrite sum_scal, sum_plus, !sum_scal, (Rmult_assoc (s * s)). apply Rmult_le_compat_l; [apply Rle_0_sqr|].
    assert (A : U * sum m (fun r => sum n (fun i => th (pre_ z r i) * th (pre_ z r i))) <= U * hs) by (apply Rmult_le_compat_l; assumption).
    assert (B : sum m (fun r => sum n (fun i => entry u i * (lead z r * dth (pre_ z r i)) * (entry u i * (lead z r * dth (pre_ z r i))))) <= ss * U).
    { rewrite sum_swap, EU, <- sum_scal. apply sum_le. intros i Hi.
      rewrite (sum_ext m _ (fun r => entry u i * entry u i * (lead z r * dth (pre_ z r i) * (lead z r * dth (pre_ z r i))))) by (intros; ring).
      rewrite sum_scal, Rmult_comm. apply Rmult_le_compat_r; [apply Rle_0_sqr|]. now apply Hs. }
    apply Rmult_le_compat_l with (r := kap * kap) in B; [|apply Rle_0_sqr]. lra.
Qed.
End Curve.
