(** * The checker's kernel: sums over the neurons with shares, the Gram matrix, and their errors *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Activation TwoLayer NeuronBudget Rows
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckHidden CheckDerivative CheckSlopes.
Import ListNotations.
Open Scope R_scope.

(** A neuron's share, and the unit of the kernel's error. *)
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
Notation Tan := (valuesZ c Ps).
Notation Hid := (hiddenZ w Tan).
Notation XX := (gramZ c w V X).
Notation ed := (e_dot c W X).
Notation et := (e_value c + e_pre c w ed)%Z.
Notation eh := (e_hid w et).
Notation eg := (e_gram c X).
Notation Src := (sourceZ c w XX Ps Hid eg eh).
Notation Slo := (slopesZ c w Src).
Notation Kers := (kernelsZ c w V XX Hid Slo).
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
Notation hid_ := (hid RY R1 m (biases c) (input c) (fun _ _ => act (hidden c)) (start c)).
Notation side := (CheckDerivative.side_of c w V).
Notation dunits := (fun r e => sided (hidden c) (side r (sample_of c e))).
Notation slope_ := (slope RY R1 m (biases c) xs ys dunits (start c)).
Notation gram := (gram_of c).
Hypothesis Hcheck : check c w V = true.
Notation passed := (CheckForward.passed c w V Hcheck).
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation W1_pos := (CheckForward.W1_pos c w V Hcheck).
Notation X_entry := (CheckForward.X_entry c w V Hcheck).
Notation X_length := (CheckForward.X_length c w V Hcheck).
Notation XX_test := (CheckForward.XX_test c w V Hcheck).
Notation H_length := (CheckHidden.H_length c w V).
Notation hid_near := (CheckHidden.hid_near c w V Hcheck).
Notation K_pos := (CheckHidden.K_pos c w V Hcheck).
Notation U_pos := (CheckHidden.U_pos c w V Hcheck).
Notation one_KU := (CheckHidden.one_KU c w V Hcheck).
Notation gram_value := (CheckForward.gram_value c w V Hcheck).
Notation T_length := (CheckHidden.T_length c w V).
Notation equation_lt := (CheckForward.equation_lt c).
Notation hid_le := (CheckHidden.hid_le c w V Hcheck).
Notation H_count := (CheckHidden.H_count c w V).
Notation small_product := (CheckForward.small_product V).
Notation x_ i j := (value (input_bits c) (at_ (row (inputs c) i) j)).
Notation A := (size_of c).
Notation es := (slope_error c w).
Local Notation theta_ kk := (theta RY R1 m (biases c) xs ys s2 (fun _ _ => act (hidden c)) dunits kk (start c)).
Notation same I J := (output_of c I =? output_of c J)%nat.
Notation B_count := (CheckSlopes.B_count c w V).
Notation B_length := (CheckSlopes.B_length c w V Hcheck).
Notation largest_length := (CheckSlopes.largest_length c w V Hcheck).
Notation slope_le := (CheckSlopes.slope_le c w V Hcheck).
Notation slope_near := (CheckSlopes.slope_near c w V Hcheck).

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
    assert (0 <= e) by (apply IZR_le, (CheckHidden.eh_pos c w V Hcheck)).
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
Notation chosen x := (map (fun g => select g (group_of w) x) (seq 0 (length (groups w)))).
Lemma dots_grouped x y shares : IZR (dot (dots (chosen x) (chosen y)) shares) = grouped shares x y.
Proof.
  unfold grouped. generalize (length (groups w)). intros G.
  assert (L : forall a shares, IZR (dot (dots (map (fun g => select g (group_of w) x) (seq a G)) (map (fun g => select g (group_of w) y) (seq a G))) shares)
    = sum G (fun g => IZR (dot (select (a + g) (group_of w) x) (select (a + g) (group_of w) y)) * IZR (at_ shares g))); [|apply (L O)].
  clear shares. induction G as [|G IH]; intros a shares; [reflexivity|]. destruct shares as [|s shares].
  - cbn [seq map dots dot]. rewrite (sum_ext _ _ (fun _ => 0)) by (intros; rewrite nth_nil_Z; ring). now rewrite sum_0.
  - specialize (IH (S a) shares). cbn [seq map dots dot sum nth]. rewrite plus_IZR, IH, mult_IZR, Nat.add_0_r. f_equal.
    apply sum_ext. intros g _. now rewrite Nat.add_succ_r.
Qed.
Lemma chosen_small x y d : (dot x x < 2 ^ 62)%Z -> (dot y y < 2 ^ 62)%Z -> In d (dots (chosen x) (chosen y)) -> (Z.abs d < 2 ^ 62)%Z.
Proof.
  intros Hx Hy. induction (seq 0 (length (groups w))) as [|g l IH]; cbn [map dots In]; [easy|]. intros [<-|H]; [|now apply IH].
  pose proof (select_short g (group_of w) x). pose proof (select_short g (group_of w) y).
  pose proof (dot_bound (select g (group_of w) x) (select g (group_of w) y) (2 ^ 62 - 1)). lia.
Qed.

(** Every list of shares is within its unit. *)
Lemma ones_entry g : (g < length (groups w))%nat -> at_ (ones w) g = 1%Z.
Proof. intros H. unfold ones. now rewrite (nth_map_lt _ _ _ {| g_max := 0; g_ell := 0 |}). Qed.
Lemma ones_unit g : (g < length (groups w))%nat -> (0 <= at_ (ones w) g <= 1)%Z.
Proof. intros H. rewrite ones_entry by assumption. lia. Qed.
Lemma shares_range s g : In s (all_shares w) -> (g < length (groups w))%nat -> (0 <= at_ (snd s) g <= share_one)%Z.
Proof.
  intros [<-|Hs] Hg; cbn [snd]; [rewrite ones_entry by assumption; unfold share_one; lia|].
  apply in_map_iff in Hs. destruct Hs as [p [<- Hp]]. cbn [snd].
  pose proof (t_budget _ _ _ passed) as C. unfold check_budget in C. rewrite !andb_true_iff in C. destruct C as [_ C].
  destruct (In_nth _ _ p Hp) as [k [Hk E]]. pose proof (all2_nth _ _ _ k [] p C Hk) as T. rewrite E in T.
  unfold parabola_ok in T. rewrite !andb_true_iff in T. destruct T as [[[[_ T] _] _] _].
  pose proof (all2_nth _ _ _ g 0%Z {| g_max := 0; g_ell := 0 |} T Hg) as Q. unfold share_ok in Q. rewrite !andb_true_iff in Q.
  destruct Q as [[Q1 Q2] _]. apply Z.leb_le in Q1, Q2. lia.
Qed.

Notation packed_shares := (map (fun s => pack_weights V (snd s)) (all_shares w)).
Lemma weighted_entry small x y k one_share shares : (dot x x < 2 ^ 62)%Z -> (dot y y < 2 ^ 62)%Z ->
  (small = true -> energy (chosen x) < 2 ^ 46 /\ energy (chosen y) < 2 ^ 46)%Z -> (k < length (all_shares w))%nat ->
  nth k (all_shares w) (0%Z, []) = (one_share, shares) ->
  let v := weighted V small (map (pack_left V) (chosen x)) (map (pack_right V) (chosen y)) packed_shares in
  length v = length (all_shares w) /\ IZR (at_ v k) = grouped shares x y.
Proof.
  intros Hx Hy Hs Hk Ek. cbn zeta. rewrite <- (map_map snd (pack_weights V)). rewrite (weighted_correct V).
  - rewrite !map_length. split; [reflexivity|]. rewrite (nth_map_lt _ _ _ []) by (now rewrite map_length).
    rewrite (nth_map_lt _ _ _ (0%Z, [])), Ek by exact Hk. apply dots_grouped.
  - intros d. now apply chosen_small.
  - intros t Ht E. apply in_map_iff in Ht. destruct Ht as [s [<- Ht]]. destruct (Hs E) as [Ex Ey].
    pose proof (weighted_bound share_one ltac:(unfold share_one; lia) (chosen x) (chosen y) (snd s)) as B.
    rewrite map_length, seq_length in B. specialize (B (fun g => shares_range s g Ht)). unfold share_one in B. lia.
Qed.
Lemma entry_sums_nth q x out units h b k : (k < length units)%nat -> (k < length h)%nat -> (k < length b)%nat ->
  at_ (entry_sums q x out units h b) k = (q * at_ h k + times x (at_ b k) + at_ units k * out)%Z.
Proof.
  revert h b k. induction units as [|u units IH]; intros [|s h] [|t b] k; cbn [length]; try lia. intros H1 H2 H3.
  destruct k as [|k]; cbn [entry_sums nth]; [reflexivity|]. apply IH; lia.
Qed.

Lemma selected_row rows i : (i < length rows)%nat -> nth i (selected w rows) [] = chosen (row rows i).
Proof.
  intros Hi. unfold selected. cbn zeta. rewrite (nth_map_lt _ _ _ (@nil Z)) by exact Hi. rewrite map_map. apply map_ext. intros g. apply pick_select.
Qed.
Lemma packed_row {A : Type} (pack : list Z -> A) rows i : (i < length rows)%nat -> nth i (map (map pack) (selected w rows)) [] = map pack (chosen (row rows i)).
Proof. intros Hi. change (@nil A) with (map pack []). now rewrite map_nth, selected_row. Qed.

Lemma below46_row rows l : (forall i, dot (row rows i) (row rows i) < 2 ^ 62)%Z ->
  below46 V (map (map (pack_left V)) (selected w rows)) (map (map (pack_right V)) (selected w rows)) = true -> (l < length rows)%nat ->
  (energy (chosen (row rows l)) < 2 ^ 46)%Z.
Proof.
  intros Hb H Hl. pose proof (all2_nth _ _ _ l [] [] H ltac:(unfold selected; now rewrite !map_length)) as E. cbn beta in E.
  rewrite !packed_row in E by exact Hl. rewrite (products_correct (product V) _ _ (product_correct V)) in E by (intros d; now apply chosen_small).
  now apply Z.ltb_lt in E.
Qed.
Lemma kernelZ_entry K k I J : at_ (row (kernelZ K k) I) J = at_ (nth J (nth I K []) []) k.
Proof.
  unfold kernelZ. change (@nil Z) with (map (fun l => at_ l k) []) at 1. rewrite map_nth.
  pose proof (map_nth (fun l => at_ l k) (nth I K []) [] J) as E. cbn beta in E. now rewrite nth_nil_Z in E.
Qed.

Lemma kernel_entry k one_share shares I J : (k < length (all_shares w))%nat -> nth k (all_shares w) (0%Z, []) = (one_share, shares) ->
  (I < N)%nat -> (J <= I)%nat ->
  let i := sample_of c I in let j := sample_of c J in let eq := if same I J then 1 else 0 in
  IZR (at_ (row (kernelZ Kers k) I) J)
  = eq * IZR (qx c w) * grouped shares (row Hid i) (row Hid j) + IZR (at_ (row XX i) j) * grouped shares (row Slo I) (row Slo J)
    + eq * IZR one_share * (INR (biases c) * IZR (scaleZ c w)).
Proof.
  intros Hk Es HI HJ i j eq. assert (HJ' : (J < N)%nat) by lia. destruct (equation_lt I HI) as [Hi _]. destruct (equation_lt J HJ') as [Hj _].
  rewrite kernelZ_entry. unfold kernelsZ. cbn zeta. rewrite nth_seq_map by exact HI. rewrite nth_seq_map by lia. fold i j.
  rewrite !packed_row by (rewrite ?H_count, ?B_count; assumption). set (small := below46 V _ _ && _).
  pose proof (fun l => below Hid l (t_H _ _ _ passed)) as BH. pose proof (fun l => below Slo l (t_B _ _ _ passed)) as BB.
  assert (SH : small = true -> forall l, (l < n)%nat -> (energy (chosen (row Hid l)) < 2 ^ 46)%Z).
  { unfold small. rewrite andb_true_iff. intros [T _] l Hl. apply (below46_row Hid); [exact BH|exact T|now rewrite H_count]. }
  assert (SB : small = true -> forall l, (l < N)%nat -> (energy (chosen (row Slo l)) < 2 ^ 46)%Z).
  { unfold small. rewrite andb_true_iff. intros [_ T] l Hl. apply (below46_row Slo); [exact BB|exact T|now rewrite B_count]. }
  clearbody small.
  destruct (weighted_entry small (row Slo I) (row Slo J) k one_share shares (BB I) (BB J) ltac:(auto) Hk Es) as [LB EB].
  destruct (weighted_entry small (row Hid i) (row Hid j) k one_share shares (BH i) (BH j) ltac:(auto) Hk Es) as [LH EH].
  assert (Eu : at_ (map fst (all_shares w)) k = one_share) by (rewrite (nth_map_lt _ _ _ (0%Z, [])), Es by exact Hk; reflexivity).
  rewrite entry_sums_nth by (try (destruct (same I J)); rewrite ?map_length, ?LB, ?LH; exact Hk).
  rewrite Eu, times_correct, !plus_IZR, !mult_IZR, EB. unfold eq. destruct (same I J).
  - rewrite EH, mult_IZR, <- INR_IZR_INZ. ring.
  - rewrite (nth_map_lt _ _ _ (0%Z, [])) by exact Hk. ring.
Qed.

Lemma finer_value : finer_unit c w = K * K * (W1 * W1).
Proof.
  unfold finer_unit, finer, drop_unit, weight_unit, weight_one. rewrite !mult_IZR. f_equal. pose proof (s_k _ _ shaped).
  rewrite <- pow2_add by lia. f_equal. f_equal. ring.
Qed.
Lemma finer_pos : 0 < finer_unit c w.
Proof. rewrite finer_value. pose proof K_pos. pose proof W1_pos. apply Rmult_lt_0_compat; now apply Rmult_lt_0_compat. Qed.

(** The kernel with shares, from integers: what the tests for definiteness need. *)
Lemma theta_near k one_share shares I J : (k < length (all_shares w))%nat -> nth k (all_shares w) (0%Z, []) = (one_share, shares) ->
  (0 < one_share)%Z -> (forall g, (g < length (groups w))%nat -> (0 <= at_ shares g <= one_share)%Z) -> (I < N)%nat -> (J <= I)%nat ->
  Rabs (IZR (scaleZ c w * one_share) * theta_ (share_of w one_share shares) I J - IZR (at_ (row (kernelZ Kers k) I) J))
    <= IZR one_share * IZR ek / finer_unit c w.
Proof.
  intros Hk Ek H1 Hs HI HJ. assert (HJ' : (J < N)%nat) by lia. rewrite (kernel_entry k one_share shares) by assumption. cbn zeta. clear Hk Ek.
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
