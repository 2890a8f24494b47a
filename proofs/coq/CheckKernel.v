(** * The checker's kernel: slopes, sums over the neurons with shares, the Gram matrix, and their errors *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Activation TwoLayer Rows
  Fixed FixedTanh IntegerMatrix Vectors Format Check Rounding CheckForward CheckDerivative.
Import ListNotations.
Open Scope R_scope.

(** The largest |a_or| of a neuron, the error of a slope, a neuron's share, the unit of the kernel's error. *)
Definition size_of (c : problem) (r : nat) : R := IZR (at_ (largest_outer c) r) / weight_unit c.
Definition slope_error (c : problem) (w : witness) (r : nat) : R :=
  IZR (slope_gain c (e_hid w (e_value c + e_pre c w (e_dot c (weightsZ c w) (inputsZ c w))))) * size_of c r + IZR (half w).
Definition share_of (w : witness) (one_share : Z) (shares : list Z) (r : nat) : R :=
  IZR (at_ shares (nth r (group_of w) O)) / IZR one_share.
Definition finer_unit (c : problem) (w : witness) : R := IZR (finer c w).

Section Kernel.
Variables (c : problem) (w : witness) (V : vectors).
Notation n := (samples c).
Notation m := (width c).
Notation d := (dim c).
Notation W := (weightsZ c w).
Notation X := (inputsZ c w).
Notation Ds := (dotsZ V W X).
Notation Ps := (presZ c w Ds).
Notation Tan := (map (map (valueZ c table)) Ps).
Notation Hid := (hiddenZ w Tan).
Notation XX := (gramZ c w V X).
Notation ed := (e_dot c W X).
Notation et := (e_value c + e_pre c w ed)%Z.
Notation eh := (e_hid w et).
Notation eg := (e_gram c X).
Notation Src := (sourceZ c w XX Ps Hid eg eh).
Notation Slo := (slopesZ c w Src).
Notation Parts := (partsZ c w V XX Hid Slo).
Notation ek := (e_kernel c w Tan eg eh).
Notation s2 := (scale2R c).
Notation W1 := (weight_unit c).
Notation K := (drop_unit w).
Notation U := (kept_unit w).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation N := (equations c).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation pre_ := (pre RY R1 m (biases c) (input c) (start c)).
Notation hid_ := (hid RY R1 m (biases c) (input c) (fun _ _ => act (hidden c)) (start c)).
Notation side := (CheckDerivative.side_of c w V).
Notation dunits := (fun r e => sided (hidden c) (side r (sample_of c e))).
Notation slope_ := (slope RY R1 m (biases c) xs ys dunits (start c)).
Notation outer_ := (outer RY R1 m (biases c) ys (start c)).
Notation a_ o r := (at_ (row (outers c) o) r).
Notation gram := (gram_of c).
Hypothesis Hcheck : check c w V = true.
Notation passed := (CheckForward.passed c w V Hcheck).
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation W1_pos := (CheckForward.W1_pos c w V Hcheck).
Notation X_entry := (CheckForward.X_entry c w V Hcheck).
Notation X_length := (CheckForward.X_length c w V Hcheck).
Notation XX_test := (CheckForward.XX_test c w V Hcheck).
Notation H_length := (CheckForward.H_length c w V).
Notation hid_near := (CheckForward.hid_near c w V Hcheck).
Notation K_pos := (CheckForward.K_pos c w V Hcheck).
Notation U_pos := (CheckForward.U_pos c w V Hcheck).
Notation one_KU := (CheckForward.one_KU c w V Hcheck).
Notation K_half := (CheckForward.K_half c w V Hcheck).
Notation gram_value := (CheckForward.gram_value c w V Hcheck).
Notation T_length := (CheckForward.T_length c w V).
Notation outer_value := (CheckForward.outer_value c).
Notation equation_lt := (CheckForward.equation_lt c).
Notation hid_le := (CheckForward.hid_le c w V Hcheck).
Notation derivative_near := (CheckDerivative.derivative_near c w V Hcheck).
Notation H_count := (CheckForward.H_count c w V).
Notation small_product := (CheckForward.small_product V).
Notation x_ i j := (value (input_bits c) (at_ (row (inputs c) i) j)).
Notation A := (size_of c).
Notation es := (slope_error c w).
Local Notation theta_ kk := (theta RY R1 m (biases c) xs ys s2 (fun _ _ => act (hidden c)) dunits kk (start c)).
Notation same I J := (output_of c I =? output_of c J)%nat.

(** ** Slopes *)
Lemma B_row I : (I < N)%nat -> row Slo I = map2 (slopeZ c w) (row (outers c) (output_of c I)) (row Src (sample_of c I)).
Proof. intros HI. unfold slopesZ. exact (nth_seq_map (fun I => map2 (slopeZ c w) (row (outers c) (output_of c I)) (row Src (sample_of c I))) N I [] HI). Qed.
Lemma B_entry r I : (r < m)%nat -> (I < N)%nat -> at_ (row Slo I) r = slopeZ c w (a_ (output_of c I) r) (at_ (row Src (sample_of c I)) r).
Proof.
  intros Hr HI. destruct (equation_lt I HI) as [Hi Ho]. rewrite B_row by assumption.
  apply nth_map2; [now rewrite (s_outers _ _ shaped)|now rewrite (CheckDerivative.Src_length c w V)].
Qed.
Lemma B_count : length Slo = N.
Proof. unfold slopesZ. now rewrite map_length, seq_length. Qed.
Lemma B_length I : (I < N)%nat -> length (row Slo I) = m.
Proof.
  intros HI. destruct (equation_lt I HI) as [Hi Ho]. rewrite B_row by assumption.
  rewrite length_map2, (CheckDerivative.Src_length c w V), (s_outers _ _ shaped) by assumption. apply Nat.min_id.
Qed.

Lemma largest_length : length (largest_outer c) = m.
Proof. apply (CheckForward.over_outputs_length c w V Hcheck). Qed.
Lemma A_pos r : (r < m)%nat -> 0 <= A r.
Proof.
  intros Hr. apply Rdiv_le_0_compat; [|apply W1_pos]. apply IZR_le. now apply (CheckForward.largest_outer_pos c w V Hcheck).
Qed.
Lemma outer_le r I : (r < m)%nat -> (I < N)%nat -> Rabs (outer_ r I) <= A r.
Proof.
  intros Hr HI. destruct (equation_lt I HI) as [Hi Ho]. rewrite outer_value by assumption. pose proof W1_pos. unfold size_of, Rdiv.
  rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq W1) by lra. apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|].
  rewrite <- abs_IZR. apply IZR_le. now apply (CheckForward.largest_outer_ge c w V Hcheck).
Qed.
Lemma slope_le r I : (r < m)%nat -> (I < N)%nat -> Rabs (slope_ r I) <= A r.
Proof.
  intros Hr HI. unfold slope. rewrite Rabs_mult, <- (Rmult_1_r (A r)).
  apply Rmult_le_compat; try apply Rabs_pos; [now apply outer_le|].
  eapply Rle_trans; [apply sided_le; apply (CheckDerivative.side_unit c w V)|apply act_top_range].
Qed.

Lemma slope_near r I : (r < m)%nat -> (I < N)%nat -> Rabs (IZR one * slope_ r I - K * IZR (at_ (row Slo I) r)) <= es r.
Proof.
  intros Hr HI. destruct (equation_lt I HI) as [Hi Ho]. rewrite B_entry by assumption.
  pose proof (derivative_near r (sample_of c I) Hr Hi) as Q.
  pose proof (outer_le r I Hr HI) as HA. rewrite outer_value in HA by assumption.
  assert (Es : slope_ r I = outer_ r I * sided (hidden c) (side r (sample_of c I)) (pre_ r (sample_of c I))) by reflexivity.
  rewrite Es, outer_value by assumption. clear Es. unfold slope_error.
  set (h := at_ (row Src (sample_of c I)) r) in *. set (a := a_ (output_of c I) r) in *.
  set (dt := sided (hidden c) (side r (sample_of c I)) (pre_ r (sample_of c I))) in *. clearbody h a dt.
  set (e := IZR (slope_gain c eh)) in *. clearbody e. pose proof W1_pos as HW. pose proof K_pos as HK. pose proof U_pos as HU.
  assert (Hsh : (1 <= slope_shift c w)%Z) by (unfold slope_shift; pose proof (s_k _ _ shaped); pose proof (s_wb _ _ shaped); lia).
  pose proof (shift_floor (a * derivativeZ c (unit w) h + 2 ^ (slope_shift c w - 1)) (slope_shift c w) ltac:(lia)) as F.
  change (Z.shiftr (a * derivativeZ c (unit w) h + 2 ^ (slope_shift c w - 1)) (slope_shift c w)) with (slopeZ c w a h) in F. rewrite plus_IZR, mult_IZR in F.
  assert (ES : IZR (2 ^ slope_shift c w) = W1 * U).
  { unfold slope_shift, weight_unit, weight_one, kept_unit, unit. pose proof (s_k _ _ shaped). pose proof (s_wb _ _ shaped).
    rewrite <- pow2_add by lia. f_equal. f_equal. ring. }
  assert (EH : IZR (2 ^ slope_shift c w) = 2 * IZR (2 ^ (slope_shift c w - 1))).
  { change 2 with (IZR (2 ^ 1)). rewrite <- pow2_add by lia. f_equal. f_equal. ring. }
  rewrite ES in *. set (hf := IZR (2 ^ (slope_shift c w - 1))) in *. clearbody hf.
  set (b := IZR (slopeZ c w a h)) in *. clearbody b.
  set (D := IZR (derivativeZ c (unit w) h)) in *. clearbody D.
  pose proof K_half as EK. set (O := IZR one) in *. clearbody O.
  set (al := IZR a / W1). assert (Ea : IZR a = al * W1) by (unfold al; field; lra).
  fold al in HA |- *. clearbody al.
  (* rounding *)
  set (v := al * D / U).
  assert (Ev : IZR a * D / (W1 * U) = v) by (rewrite Ea; unfold v; field; lra).
  assert (Ew : hf / (W1 * U) = / 2).
  { replace hf with (W1 * U / 2) by lra. field. lra. }
  unfold Rdiv in F. rewrite Rmult_plus_distr_r in F. fold (IZR a * D / (W1 * U)) in F. fold (hf / (W1 * U)) in F.
  rewrite Ev, Ew in F.
  assert (F' : Rabs (K * v - K * b) <= IZR (half w)).
  { rewrite <- Rmult_minus_distr_l, Rabs_mult, (Rabs_pos_eq K) by lra. replace (IZR (half w)) with (K * / 2) by lra.
    apply Rmult_le_compat_l; [lra|]. apply Rabs_le. lra. }
  (* the value itself *)
  replace (O * (al * dt) - K * b) with (al * (O * dt - K * (D / U)) + (K * v - K * b)) by (unfold v; field; lra).
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
  assert (Rabs al * Rabs (O * dt - K * (D / U)) <= A r * e)
    by (apply Rmult_le_compat; try apply Rabs_pos; assumption). lra.
Qed.

(** ** Sums over the neurons, each with its group's share *)
Section Shares.
Variables (one_share : Z) (shares : list Z).
Hypothesis one_share_pos : (0 < one_share)%Z.
Hypothesis shares_unit : forall g, (g < length (groups w))%nat -> (0 <= at_ shares g <= one_share)%Z.
Notation part := (share_of w one_share shares).
Notation S1 := (IZR one_share).

Lemma part_range r : (r < m)%nat -> 0 <= part r <= 1.
Proof.
  intros Hr. destruct (shares_unit _ (s_group _ _ shaped r Hr)) as [L H]. apply IZR_le in L, H. pose proof (IZR_pos _ one_share_pos).
  unfold share_of. split; [now apply Rdiv_le_0_compat|]. apply Rle_div_l; lra.
Qed.

Definition grouped (x y : list Z) : R :=
  sum (length (groups w)) (fun g => IZR (dot (select g (group_of w) x) (select g (group_of w) y)) * IZR (at_ shares g)).
Lemma grouped_sum x y : length x = m -> length y = m ->
  grouped x y = S1 * sum m (fun r => part r * (IZR (at_ x r) * IZR (at_ y r))).
Proof.
  intros Hx Hy. unfold grouped. pose proof (s_groups _ _ shaped) as L.
  rewrite (select_dot _ (group_of w)) by (rewrite ?L; try assumption; apply (s_group _ _ shaped)). rewrite L, <- sum_scal.
  apply sum_ext. intros r _. unfold share_of. pose proof (IZR_pos _ one_share_pos). field. lra.
Qed.

Lemma dot_near (f g : nat -> R) (lf lg : list Z) (e bf bg : nat -> R) : length lf = m -> length lg = m ->
  (forall r, (r < m)%nat -> Rabs (IZR one * f r - K * IZR (at_ lf r)) <= e r) ->
  (forall r, (r < m)%nat -> Rabs (IZR one * g r - K * IZR (at_ lg r)) <= e r) ->
  (forall r, (r < m)%nat -> Rabs (IZR one * f r) <= bf r) -> (forall r, (r < m)%nat -> Rabs (IZR one * g r) <= bg r) ->
  Rabs (IZR one * IZR one * (S1 * sum m (fun r => part r * (f r * g r))) - K * K * grouped lf lg)
    <= S1 * sum m (fun r => e r * (bf r + bg r + e r)).
Proof.
  intros Lf Lg Hf Hg Bf Bg. rewrite grouped_sum by assumption. pose proof (IZR_pos _ one_share_pos) as P.
  replace (IZR one * IZR one * (S1 * sum m (fun r => part r * (f r * g r)))
      - K * K * (S1 * sum m (fun r => part r * (IZR (at_ lf r) * IZR (at_ lg r)))))
    with (S1 * (IZR one * IZR one * sum m (fun r => part r * (f r * g r))
      - K * K * sum m (fun r => part r * (IZR (at_ lf r) * IZR (at_ lg r))))) by ring.
  rewrite Rabs_mult, (Rabs_pos_eq S1) by lra. apply Rmult_le_compat_l; [lra|]. rewrite <- !sum_scal, <- sum_minus.
  eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros r Hr.
  replace (IZR one * IZR one * (part r * (f r * g r)) - K * K * (part r * (IZR (at_ lf r) * IZR (at_ lg r))))
    with (part r * (IZR one * f r * (IZR one * g r) - K * IZR (at_ lf r) * (K * IZR (at_ lg r)))) by ring.
  destruct (part_range r Hr) as [P0 P1]. rewrite Rabs_mult, (Rabs_pos_eq (part r)) by assumption.
  apply Rle_trans with (1 * Rabs (IZR one * f r * (IZR one * g r) - K * IZR (at_ lf r) * (K * IZR (at_ lg r)))).
  { apply Rmult_le_compat_r; [apply Rabs_pos|assumption]. }
  rewrite Rmult_1_l. eapply Rle_trans; [apply (approx_product _ _ _ _ (e r) (e r) (bf r) (bg r)); auto|]. right. ring.
Qed.

Lemma hidden_sums i j : (i < n)%nat -> (j < n)%nat ->
  Rabs (IZR one * IZR one * (S1 * sum m (fun r => part r * (hid_ r i * hid_ r j))) - K * K * grouped (row Hid i) (row Hid j))
    <= S1 * IZR (eh * (2 * max1 Tan + 3 * mZ c * eh)).
Proof.
  intros Hi Hj. eapply Rle_trans; [apply (dot_near (fun r => hid_ r i) (fun r => hid_ r j) _ _ (fun _ => IZR eh)
    (fun r => Rabs (IZR (at_ (row Tan i) r)) + IZR eh) (fun r => Rabs (IZR (at_ (row Tan j) r)) + IZR eh))|].
  - now apply H_length.
  - now apply H_length.
  - intros. now apply hid_near.
  - intros. now apply hid_near.
  - intros. now apply hid_le.
  - intros. now apply hid_le.
  - apply Rmult_le_compat_l; [apply IZR_le; lia|]. rewrite sum_scal, mult_IZR, !plus_IZR, !mult_IZR. set (e := IZR eh).
    assert (0 <= e) by (apply IZR_le, (CheckForward.eh_pos c w V Hcheck)).
    rewrite !sum_plus, !sum_const, <- !norm1_sum by (now rewrite T_length).
    pose proof (IZR_le _ _ (max1_ge Tan i)). pose proof (IZR_le _ _ (max1_ge Tan j)). unfold mZ. rewrite <- INR_IZR_INZ.
    apply Rmult_le_compat_l; lra.
Qed.

Lemma slope_sums I J : (I < N)%nat -> (J < N)%nat ->
  Rabs (IZR one * IZR one * (S1 * sum m (fun r => part r * (slope_ r I * slope_ r J))) - K * K * grouped (row Slo I) (row Slo J))
    <= S1 * (IZR (e_slopes c w eh) / (W1 * W1)).
Proof.
  intros HI HJ. pose proof one_pos. pose proof W1_pos.
  assert (L : forall r I, (r < m)%nat -> (I < N)%nat -> Rabs (IZR one * slope_ r I) <= IZR one * A r).
  { intros r I' Hr HI'. rewrite Rabs_mult, Rabs_pos_eq by lra. apply Rmult_le_compat_l; [lra|now apply slope_le]. }
  eapply Rle_trans; [apply (dot_near (fun r => slope_ r I) (fun r => slope_ r J) _ _ es (fun r => IZR one * A r) (fun r => IZR one * A r))|].
  - now apply B_length.
  - now apply B_length.
  - intros. now apply slope_near.
  - intros. now apply slope_near.
  - intros. now apply L.
  - intros. now apply L.
  - apply Rmult_le_compat_l; [apply IZR_le; lia|].
    unfold e_slopes. rewrite sum_list_sum, largest_length.
    unfold Rdiv. rewrite <- sum_scal_r. right. apply sum_ext. intros r Hr.
    unfold slope_error, size_of. fold W1. rewrite !mult_IZR, !plus_IZR, !mult_IZR. fold W1. field. lra.
Qed.

Lemma slope_size I J : (I < N)%nat -> (J < N)%nat ->
  Rabs (sum m (fun r => part r * (slope_ r I * slope_ r J))) <= IZR (dot (largest_outer c) (largest_outer c)) / (W1 * W1).
Proof.
  intros HI HJ. eapply Rle_trans; [apply sum_abs|].
  rewrite (dot_sum _ _ m) by (rewrite largest_length; lia).
  unfold Rdiv. rewrite <- sum_scal_r. apply sum_le. intros r Hr. destruct (part_range r Hr) as [P0 P1].
  rewrite Rabs_mult, (Rabs_pos_eq (part r)) by assumption.
  apply Rle_trans with (1 * Rabs (slope_ r I * slope_ r J)); [apply Rmult_le_compat_r; [apply Rabs_pos|assumption]|].
  rewrite Rmult_1_l, Rabs_mult.
  apply Rle_trans with (A r * A r); [apply Rmult_le_compat; try apply Rabs_pos; now apply slope_le|].
  right. pose proof W1_pos. unfold size_of. field. lra.
Qed.
End Shares.

(** ** The Gram matrix of the inputs *)
Lemma qx_pos : 0 < IZR (qx c w).
Proof.
  unfold qx. rewrite mult_IZR. apply Rmult_lt_0_compat; [apply IZR_pos, (s_q1 _ _ shaped)|].
  destruct (pow2_pos (2 * xh c w)) as [P|P]; [exact P|]. pose proof (s_xh _ _ shaped). lia.
Qed.
Lemma beta_value : IZR (beta c) = if hidden_bias c then 1 else 0.
Proof. unfold beta. now destruct (hidden_bias c). Qed.

Lemma gram_near i j : Rabs (IZR (qx c w) * gram i j - IZR (dot (row X i) (row X j) + beta c * qx c w)) <= IZR eg.
Proof.
  pose proof (dot_rounded d (fun k => x_ i k) (fun k => x_ j k) _ _ (row X i) (row X j) (X_length i)
    (fun k _ => X_entry i k) (fun k _ => X_entry j k)) as N. cbn beta in N.
  rewrite gram_value, plus_IZR, mult_IZR, beta_value.
  assert (E : IZR (qx c w) = IZR (hidden_scale c) * (IZR (2 ^ xh c w) * IZR (2 ^ xh c w))).
  { unfold qx. rewrite mult_IZR. f_equal. pose proof (s_xh _ _ shaped). rewrite <- pow2_add by lia. f_equal. f_equal. ring. }
  pose proof (IZR_pos _ (s_q1 _ _ shaped)) as Q1.
  set (b := if hidden_bias c then 1 else 0). set (D := IZR (dot (row X i) (row X j))) in *. set (S := sum d (fun k => x_ i k * x_ j k)) in *.
  replace (IZR (qx c w) * (/ IZR (hidden_scale c) * S + b) - (D + b * IZR (qx c w)))
    with (IZR (2 ^ xh c w) * IZR (2 ^ xh c w) * S - D) by (rewrite E; field; lra).
  eapply Rle_trans; [exact N|].
  pose proof (IZR_le _ _ (max1_ge X i)). pose proof (IZR_le _ _ (max1_ge X j)).
  unfold e_gram, dimZ. fold d. rewrite plus_IZR, mult_IZR, <- INR_IZR_INZ. lra.
Qed.

Lemma XX_entry i j : (i < n)%nat -> (j <= i)%nat -> at_ (row XX i) j = (dot (row X i) (row X j) + beta c * qx c w)%Z.
Proof.
  intros Hi Hj. unfold gramZ. cbn zeta. rewrite nth_seq_map by exact Hi. rewrite nth_seq_map by lia. rewrite !map_nth, small_product; [reflexivity| |].
  - apply (XX_test i Hi).
  - apply (XX_test j). lia.
Qed.

Lemma XX_bound i j : (i < n)%nat -> (j < n)%nat -> Rabs (IZR (dot (row X i) (row X j) + beta c * qx c w)) <= IZR (xx_max w).
Proof.
  intros Hi Hj. rewrite <- abs_IZR. apply IZR_le. destruct (XX_test i Hi) as [Ti _]. destruct (XX_test j Hj) as [Tj _].
  pose proof (dot_bound (row X i) (row X j) (xx_max w - beta c * qx c w) ltac:(lia) ltac:(lia)).
  assert (0 <= beta c * qx c w)%Z by (pose proof (lt_IZR 0 _ qx_pos); unfold beta; destruct (hidden_bias c); lia). lia.
Qed.

Lemma gram_sym i j : gram i j = gram j i.
Proof. apply inner_sym. Qed.

(** ** The kernel *)
Lemma products_dot (eq : bool) (x : Z) (h b h' b' shares : list Z) G a :
  (forall g, product V (pack_left V kept (select g (group_of w) h)) (pack_right V kept (select g (group_of w) h')) = dot (select g (group_of w) h) (select g (group_of w) h')) ->
  (forall g, product V (pack_left V kept (select g (group_of w) b)) (pack_right V kept (select g (group_of w) b')) = dot (select g (group_of w) b) (select g (group_of w) b')) ->
  let L l := map (fun g => pack_left V kept (select g (group_of w) l)) (seq a G) in
  let R l := map (fun g => pack_right V kept (select g (group_of w) l)) (seq a G) in
  IZR (dot (products V (qx c w) eq x (L h) (L b) (R h') (R b')) shares)
  = (if eq then 1 else 0) * IZR (qx c w) * sum G (fun g => IZR (dot (select (a + g) (group_of w) h) (select (a + g) (group_of w) h')) * IZR (at_ shares g))
    + IZR x * sum G (fun g => IZR (dot (select (a + g) (group_of w) b) (select (a + g) (group_of w) b')) * IZR (at_ shares g)).
Proof.
  intros Ph Pb. revert a shares. induction G as [|G IH]; intros a shares; [cbn; ring|].
  destruct shares as [|s shares].
  - cbn [dot products seq map]. rewrite !(sum_ext (S G) (fun g => _ * IZR (at_ [] g)) (fun _ => 0)) by (intros; rewrite nth_nil_Z; ring).
    rewrite sum_0. ring.
  - specialize (IH (S a) shares). cbn zeta in IH. cbn [seq map products dot sum nth]. rewrite plus_IZR, IH, Pb.
    replace (IZR (((if eq then qx c w * product V (pack_left V kept (select a (group_of w) h)) (pack_right V kept (select a (group_of w) h')) else 0)
        + x * dot (select a (group_of w) b) (select a (group_of w) b')) * s))
      with ((if eq then 1 else 0) * (IZR (qx c w) * IZR (dot (select a (group_of w) h) (select a (group_of w) h')) * IZR s)
        + IZR x * IZR (dot (select a (group_of w) b) (select a (group_of w) b')) * IZR s)
      by (rewrite Ph; destruct eq; rewrite mult_IZR, plus_IZR, ?mult_IZR; ring).
    rewrite Nat.add_0_r.
    rewrite !(sum_ext G (fun g => IZR (dot (select (a + S g) _ _) _) * _)
      (fun g => IZR (dot (select (S a + g) (group_of w) h) (select (S a + g) (group_of w) h')) * IZR (at_ shares g)))
      by (intros g _; now rewrite Nat.add_succ_r).
    rewrite !(sum_ext G (fun g => IZR (dot (select (a + S g) _ b) _) * _)
      (fun g => IZR (dot (select (S a + g) (group_of w) b) (select (S a + g) (group_of w) b')) * IZR (at_ shares g)))
      by (intros g _; now rewrite Nat.add_succ_r).
    ring.
Qed.

Lemma selected_product x y g : (dot x x < 2 ^ 62)%Z -> (dot y y < 2 ^ 62)%Z ->
  product V (pack_left V kept (select g (group_of w) x)) (pack_right V kept (select g (group_of w) y)) = dot (select g (group_of w) x) (select g (group_of w) y).
Proof.
  intros Hx Hy. pose proof (select_short g (group_of w) x). pose proof (select_short g (group_of w) y). apply small_product; lia.
Qed.

Lemma selected_row {A : Type} (pack : list Z -> A) rows i : (i < length rows)%nat ->
  nth i (selected w pack rows) [] = map (fun g => pack (select g (group_of w) (row rows i))) (seq 0 (length (groups w))).
Proof. intros Hi. unfold selected. now rewrite (nth_map_lt _ _ _ (@nil Z)). Qed.

Lemma kernel_entry one_share shares I J : (I < N)%nat -> (J <= I)%nat ->
  let i := sample_of c I in let j := sample_of c J in let eq := if same I J then 1 else 0 in
  IZR (at_ (row (combineZ one_share shares Parts) I) J)
  = eq * IZR (qx c w) * grouped shares (row Hid i) (row Hid j) + IZR (at_ (row XX i) j) * grouped shares (row Slo I) (row Slo J)
    + eq * IZR one_share * (INR (biases c) * IZR (scaleZ c w)).
Proof.
  intros HI HJ i j eq. assert (HJ' : (J < N)%nat) by lia. destruct (equation_lt I HI) as [Hi _]. destruct (equation_lt J HJ') as [Hj _].
  unfold combineZ.
  assert (Np : nth I Parts [] = map (fun J => (if same I J then Z.of_nat (biases c) * scaleZ c w else 0)%Z
      :: products V (qx c w) (same I J) (at_ (row XX i) (sample_of c J)) (nth i (selected w (pack_left V kept) Hid) []) (nth I (selected w (pack_left V kept) Slo) [])
      (nth (sample_of c J) (selected w (pack_right V kept) Hid) []) (nth J (selected w (pack_right V kept) Slo) [])) (seq 0 (S I))).
  { unfold partsZ. cbn zeta. apply (nth_seq_map (fun I => map _ (seq 0 (S I))) N I). exact HI. }
  rewrite (nth_map_lt _ _ _ (@nil (list Z))) by (unfold partsZ; rewrite map_length, seq_length; exact HI).
  rewrite Np. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite map_length, seq_length; lia). rewrite nth_seq_map by lia.
  rewrite !selected_row by (rewrite ?H_count, ?B_count; assumption).
  cbn [dot]. rewrite plus_IZR, products_dot.
  - fold j. rewrite mult_IZR. replace (IZR (if same I J then (Z.of_nat (biases c) * scaleZ c w)%Z else 0%Z)) with (eq * (INR (biases c) * IZR (scaleZ c w)))
      by (unfold eq; destruct (same I J); rewrite ?mult_IZR, <- ?INR_IZR_INZ; ring).
    unfold grouped, eq. cbn [Nat.add]. ring.
  - intros g. apply selected_product; apply below; try apply (t_H _ _ _ passed); now rewrite H_count.
  - intros g. apply selected_product; apply below; try apply (t_B _ _ _ passed); now rewrite B_count.
Qed.

Lemma finer_value : finer_unit c w = K * K * (W1 * W1).
Proof.
  unfold finer_unit, finer, drop_unit, weight_unit, weight_one. rewrite !mult_IZR. f_equal. pose proof (s_k _ _ shaped).
  rewrite <- pow2_add by lia. f_equal. f_equal. ring.
Qed.
Lemma finer_pos : 0 < finer_unit c w.
Proof. rewrite finer_value. pose proof K_pos. pose proof W1_pos. apply Rmult_lt_0_compat; now apply Rmult_lt_0_compat. Qed.

(** The kernel with shares, from integers: what the tests for definiteness need. *)
Lemma theta_near one_share shares I J :
  (0 < one_share)%Z -> (forall g, (g < length (groups w))%nat -> (0 <= at_ shares g <= one_share)%Z) -> (I < N)%nat -> (J <= I)%nat ->
  Rabs (IZR (scaleZ c w * one_share) * theta_ (share_of w one_share shares) I J - IZR (at_ (row (combineZ one_share shares Parts) I) J))
    <= IZR one_share * IZR ek / finer_unit c w.
Proof.
  intros H1 Hs HI HJ. assert (HJ' : (J < N)%nat) by lia. rewrite kernel_entry by assumption. cbn zeta.
  destruct (equation_lt I HI) as [Hi Ho]. destruct (equation_lt J HJ') as [Hj Ho'].
  assert (Hji : (sample_of c J <= sample_of c I)%nat) by (apply Nat.div_le_mono; lia).
  unfold theta. rewrite inner_axes by assumption. fold (gram_of c (sample_of c I) (sample_of c J)).
  rewrite (sum_ext m (fun r => share_of w one_share shares r * (hid RY R1 m (biases c) xs (fun _ _ => act (hidden c)) (start c) r I * hid RY R1 m (biases c) xs (fun _ _ => act (hidden c)) (start c) r J))
    (fun r => share_of w one_share shares r * (hid_ r (sample_of c I) * hid_ r (sample_of c J)))) by reflexivity.
  pose proof (slope_sums one_share shares H1 Hs I J HI HJ') as HB. pose proof (slope_size one_share shares H1 Hs I J HI HJ') as HS.
  set (i := sample_of c I) in *. set (j := sample_of c J) in *.
  pose proof (XX_bound i j Hi Hj) as HX. pose proof (gram_near i j) as HG. rewrite <- XX_entry in HX, HG by assumption.
  pose proof (hidden_sums one_share shares H1 Hs i j Hi Hj) as HH.
  set (eq := if same I J then 1 else 0). assert (Heq : Rabs eq <= 1) by (unfold eq; destruct (same I J); [rewrite Rabs_R1|rewrite Rabs_R0]; lra).
  clearbody eq.
  assert (E : s2 * s2 = / IZR (output_scale c)).
  { unfold scale2R. rewrite <- Rinv_mult. f_equal. apply sqrt_sqrt. apply IZR_le. pose proof (s_q2 _ _ shaped). lia. }
  rewrite E. pose proof (IZR_pos _ (s_q2 _ _ shaped)). pose proof qx_pos as Q. pose proof K_pos. pose proof W1_pos. pose proof U_pos.
  pose proof (IZR_pos _ H1) as P1.
  set (DB := grouped shares (row Slo I) (row Slo J)) in *. unfold e_kernel. set (EH := (eh * (2 * max1 Tan + 3 * mZ c * eh))%Z) in *. clearbody EH.
  set (ES := e_slopes c w eh) in *. clearbody ES. set (A2 := dot (largest_outer c) (largest_outer c)) in *. clearbody A2.
  set (e := e_gram c X) in *. clearbody e. rewrite !plus_IZR, !mult_IZR. fold W1.
  set (SH := sum m (fun r => share_of w one_share shares r * (hid_ r i * hid_ r j))) in *.
  set (SB := sum m (fun r => share_of w one_share shares r * (slope_ r I * slope_ r J))) in *.
  set (x := IZR (at_ (row XX i) j)) in *. set (DH := grouped shares (row Hid i) (row Hid j)) in *.
  assert (ESC : IZR (scaleZ c w) = U * U * IZR (output_scale c) * IZR (qx c w)) by (unfold scaleZ; now rewrite !mult_IZR).
  rewrite finer_value. pose proof one_KU as EO. set (O := IZR one) in *. clearbody O.
  set (S1 := IZR one_share) in *. clearbody S1.
  set (g := gram_of c i j) in *. clearbody g SH SB x DH DB. set (q := IZR (qx c w)) in *. clearbody q.
  apply Rmult_le_reg_r with (K * K); [now apply Rmult_lt_0_compat|].
  replace (Rabs (IZR (scaleZ c w) * S1 * (/ IZR (output_scale c) * (eq * SH + g * SB) + INR (biases c) * eq)
      - (eq * q * DH + x * DB + eq * S1 * (INR (biases c) * IZR (scaleZ c w)))) * (K * K))
    with (Rabs (eq * q * (O * O * (S1 * SH) - K * K * DH) + x * (O * O * (S1 * SB) - K * K * DB) + (q * g - x) * (O * O * (S1 * SB)))).
  2:{ rewrite <- (Rabs_pos_eq (K * K)) at 3 by (apply Rmult_le_pos; lra). rewrite <- Rabs_mult. f_equal. rewrite ESC, EO. field. lra. }
  replace (S1 * (q * IZR EH * (W1 * W1) + IZR (xx_max w) * IZR ES + IZR e * (O * O) * IZR A2) / (K * K * (W1 * W1)) * (K * K))
    with (q * (S1 * IZR EH) + IZR (xx_max w) * (S1 * (IZR ES / (W1 * W1))) + IZR e * (O * O * (S1 * (IZR A2 / (W1 * W1))))) by (field; lra).
  eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; [eapply Rle_trans; [apply Rabs_triang|]; apply Rplus_le_compat|].
  - rewrite !Rabs_mult, (Rabs_pos_eq q) by lra. apply Rmult_le_compat; try apply Rabs_pos; [| |exact HH].
    + apply Rmult_le_pos; [apply Rabs_pos|lra].
    + rewrite <- (Rmult_1_l q) at 2. apply Rmult_le_compat_r; [lra|exact Heq].
  - rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; assumption.
  - rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [exact HG|].
    rewrite Rabs_mult, (Rabs_pos_eq (O * O)) by apply Rle_0_sqr. apply Rmult_le_compat_l; [apply Rle_0_sqr|].
    rewrite Rabs_mult, (Rabs_pos_eq S1) by lra. apply Rmult_le_compat_l; [lra|exact HS].
Qed.

Lemma theta_sym kk i j : theta_ kk i j = theta_ kk j i.
Proof.
  unfold theta. rewrite (inner_sym _ (xs j) (xs i)), (inner_sym _ (ys j) (ys i)). f_equal. f_equal. f_equal; f_equal; apply sum_ext; intros; ring.
Qed.

Lemma scale_pos : 0 < IZR (scaleZ c w).
Proof.
  unfold scaleZ. rewrite !mult_IZR. fold U. pose proof U_pos. pose proof qx_pos. pose proof (IZR_pos _ (s_q2 _ _ shaped)).
  repeat apply Rmult_lt_0_compat; assumption.
Qed.
End Kernel.
