(** * The steps' checker: curvature from integers, and how far one step of descent goes from the next computed point *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting MeanValue Tanh TanhTaylor Activation TwoLayer Kinks Psd Rows Curve Shadow
  Fixed FixedTanh IntegerMatrix Slices Vectors Format Check Rounding CheckForward CheckScalars CheckKernel CheckReference
  Descent DescentForward DescentPoint DescentNext DescentStep.
Import ListNotations.
Open Scope R_scope.

Section Turn.
Variables (c : problem) (w : witness) (V : vectors) (t : trail) (p : parameters) (S : state) (b : bounds).
Notation n := (samples c).
Notation m := (width c).
Notation d := (dim c).
Notation wb := (wbits c).
Notation xb := (xbits t).
Notation N := (equations c).
Notation s2 := (scale2R c).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation xs := (fun e => input c (sample_of c e)).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation pre_ := (pre RY R1 m (biases c) xs).
Notation B := (IZR (2 ^ wb)).
Notation XB := (IZR (2 ^ xb)).
Notation O := (IZR one).
Notation X := (inputs_at c w t).
Notation xm := (input_most X).
Notation z := (at_state c S).
Notation H_ r i := (at_ (row (hidden_at c w t S) r) i).
Notation E_ i := (at_ (residuals_at c w t S) i).
Notation P_ r i := (at_ (row (weighted_at c w t S) r) i).
Notation O_ r j := (at_ (row (pulls_at c w t S) r) j).
Notation ed := (IZR (e_der c t)).
Notation sE := (norm1 (residuals_at c w t S)).
Notation mE := (magnitude (residuals_at c w t S)).
Notation eP := (e_pull c t xm sE).
Notation u := (unit_residual c w t S).
Notation XX := (gramZ c w V (inputsZ c w)).
Notation eg := (e_gram c (inputsZ c w)).
Notation G := (squares_at c w XX eg).
Hypothesis Hcheck : check c w V = true.
Hypothesis Hok : trail_ok c w t p = true.
Hypothesis Hpoint : point_ok c t S (pres_at c w t S) (sums_at c w t S) = true.
Notation shaped := (CheckForward.shaped c w V Hcheck).
Notation tested := (DescentForward.tested c w t p Hok).
Notation B_pos := (DescentForward.B_pos c w V Hcheck).
Notation XB_pos := (DescentForward.XB_pos c w t p Hok).
Notation lead_value := (DescentForward.lead_value c w t p Hok S).
Notation sample_id := (DescentForward.sample_id c w t p Hok).
Notation equations_samples := (DescentForward.equations_samples c w t p Hok).
Notation H_near := (DescentPoint.H_near c w V t p S Hcheck Hok Hpoint).
Notation P_near := (DescentPoint.P_near c w V t p S Hcheck Hok Hpoint).
Notation P_le := (DescentPoint.P_le c w V t p S Hcheck Hok Hpoint).
Notation O_near := (DescentPoint.O_near c w V t p S Hcheck Hok Hpoint).
Notation s2_pos := (CheckReference.s2_pos c w V Hcheck).

Notation gram_near := (CheckKernel.gram_near c w V Hcheck).
Notation qx_pos := (CheckKernel.qx_pos c w V Hcheck).
Notation sum_N := (DescentStep.sum_N c w t p Hok).

(** ** The form of a neuron *)
Lemma squares_entry i j : (i < n)%nat -> (j < n)%nat -> 256 * (gram_of c i j * gram_of c i j) <= IZR (at_ (row G i) j).
Proof.
  intros Hi Hj. unfold squares_at, nodes. rewrite nth_seq_map by assumption. rewrite nth_seq_map by assumption. cbn zeta.
  set (v := (Z.abs (at_ (row XX (Nat.max i j)) (Nat.min i j)) + eg)%Z).
  assert (GB : IZR (qx c w) * Rabs (gram_of c i j) <= IZR v).
  { assert (EG : gram_of c i j = gram_of c (Nat.max i j) (Nat.min i j)).
    { destruct (Nat.le_ge_cases i j); [rewrite Nat.max_r, Nat.min_l by assumption; apply gram_sym|now rewrite Nat.max_l, Nat.min_r]. }
    rewrite EG. pose proof (gram_near (Nat.max i j) (Nat.min i j)) as Gn. rewrite <- (CheckKernel.XX_entry c w V Hcheck) in Gn by lia.
    unfold v. rewrite plus_IZR, abs_IZR. set (q := IZR (at_ (row XX (Nat.max i j)) (Nat.min i j))) in *. set (a := gram_of c (Nat.max i j) (Nat.min i j)) in *.
    pose proof (Rabs_triang (IZR (qx c w) * a - q) q) as Tr. replace (IZR (qx c w) * a - q + q) with (IZR (qx c w) * a) in Tr by ring.
    pose proof qx_pos. rewrite Rabs_mult, (Rabs_pos_eq (IZR (qx c w))) in Tr by lra. lra. }
  pose proof qx_pos as Q. assert (HD : (0 < qx c w * qx c w)%Z) by (apply lt_IZR; rewrite mult_IZR; now apply Rmult_lt_0_compat).
  pose proof (div_floor (256 * (v * v)) (qx c w * qx c w) HD) as [_ F]. rewrite plus_IZR. rewrite !mult_IZR in F.
  set (k := IZR (256 * (v * v) / (qx c w * qx c w))) in *. set (qq := IZR (qx c w)) in *.
  apply Rmult_le_reg_r with (qq * qq); [now apply Rmult_lt_0_compat|].
  assert (0 <= qq * Rabs (gram_of c i j)) by (apply Rmult_le_pos; [lra|apply Rabs_pos]).
  assert (T : qq * Rabs (gram_of c i j) * (qq * Rabs (gram_of c i j)) <= IZR v * IZR v) by (apply Rmult_le_compat; assumption).
  replace (qq * Rabs (gram_of c i j) * (qq * Rabs (gram_of c i j))) with (qq * qq * (Rabs (gram_of c i j) * Rabs (gram_of c i j))) in T by ring.
  rewrite abs_sq in T. lra.
Qed.

Lemma form_le (l : list Z) (a : nat -> R) (v : R1) : length l = n -> (forall i, (0 <= at_ l i)%Z) -> (forall i, (i < n)%nat -> 4096 * a i <= IZR (at_ l i)) ->
  sum n (fun i => a i * (⟨v, input c i⟩ * ⟨v, input c i⟩)) <= IZR (form_root G l) / 65536 * ⟨v, v⟩.
Proof.
  intros Hl H0 Ha. set (e := fun i => IZR (at_ l i) / 4096). set (y := vsum n (fun i => (e i * ⟨v, input c i⟩) ⋅ input c i)).
  apply Rle_trans with ⟨v, y⟩.
  { unfold y. rewrite inner_vsum_r. apply sum_le. intros i Hi. rewrite inner_scal_r. replace (e i * ⟨v, input c i⟩ * ⟨v, input c i⟩) with (e i * (⟨v, input c i⟩ * ⟨v, input c i⟩)) by ring.
    apply Rmult_le_compat_r; [apply Rle_0_sqr|]. unfold e. specialize (Ha i Hi). lra. }
  set (D := dot l (map (dot l) G)). set (F := form_root G l).
  assert (E0 : forall i, 0 <= e i) by (intros i; unfold e; pose proof (IZR_le _ _ (H0 i)); lra).
  assert (HD : sum n (fun i => sum n (fun j => e i * e j * (⟨input c i, input c j⟩ * ⟨input c i, input c j⟩))) <= IZR D / (65536 * 65536)).
  { unfold D. rewrite (dot_sum _ _ n) by lia. unfold Rdiv. rewrite <- sum_scal_r. apply sum_le. intros i Hi.
    rewrite (nth_map_lt _ _ _ (@nil Z)) by (unfold squares_at, nodes; now rewrite map_length, seq_length). rewrite (dot_sum _ _ n) by lia.
    rewrite <- sum_scal, <- sum_scal_r. apply sum_le. intros j Hj. pose proof (squares_entry i j Hi Hj) as S2. unfold gram_of in S2.
    apply Rmult_le_compat_l with (r := e i * e j) in S2; [|apply Rmult_le_pos; apply E0]. unfold e in *. lra. }
  assert (HF : IZR D <= IZR F * IZR F).
  { assert (P : (0 <= D)%Z).
    { apply le_IZR. apply Rmult_le_reg_r with (/ (65536 * 65536)); [apply Rinv_0_lt_compat; lra|]. rewrite Rmult_0_l. eapply Rle_trans; [|exact HD].
      apply sum_nonneg. intros. apply sum_nonneg. intros. apply Rmult_le_pos; [apply Rmult_le_pos; apply E0|apply Rle_0_sqr]. }
    rewrite <- mult_IZR. apply IZR_le. pose proof (Z.sqrt_spec D P) as Sq. cbn zeta in Sq. unfold F, form_root. fold D. lia. }
  assert (F0 : 0 <= IZR F). { apply IZR_le. unfold F, form_root. pose proof (Z.sqrt_nonneg (dot l (map (dot l) G))). lia. }
  pose proof (twice_bound (size c) n (input c) e v) as TB. cbn zeta in TB. fold y in TB.
  assert (Ny : norm y <= IZR F / 65536 * norm v).
  { pose proof (norm_pos v). apply norm_le_sq; [apply Rmult_le_pos; lra|]. eapply Rle_trans; [exact TB|]. rewrite <- (norm_sq v).
    replace (IZR F / 65536 * norm v * (IZR F / 65536 * norm v)) with (IZR F * IZR F / (65536 * 65536) * (norm v * norm v)) by field.
    apply Rmult_le_compat_r; [apply Rle_0_sqr|]. lra. }
  eapply Rle_trans; [apply cauchy_schwarz|]. rewrite <- (norm_sq v). pose proof (norm_pos v).
  replace (IZR F / 65536 * (norm v * norm v)) with (norm v * (IZR F / 65536 * norm v)) by ring. apply Rmult_le_compat_l; assumption.
Qed.

(** ** The bends of a neuron *)
Notation Bd r := (bends c (row (weighted_at c w t S) r) (row (hidden_at c w t S) r)).
Definition twist (r i : nat) : R := 2 * (IZR (E_ i) / O * dth (pre_ z r i) * th (pre_ z r i)).
Lemma bends_length r : length (Bd r) = n. Proof. unfold bends, nodes. now rewrite map_length, seq_length. Qed.

Lemma bends_near r i : bends_ok c t mE = true -> (r < m)%nat -> (i < n)%nat -> Rabs (4096 * twist r i - IZR (at_ (Bd r) i)) <= 2.
Proof.
  intros Hb Hr Hi. unfold bends, nodes. rewrite nth_seq_map by assumption. replace 2 with (1 + 1) by ring. apply shift_real; [lia|].
  unfold bends_ok in Hb. cbn zeta in Hb. apply Z.leb_le, IZR_le in Hb. set (e := (Z.shiftr (mE * e_der c t) 28 + 2)%Z) in *.
  rewrite plus_IZR, !mult_IZR, plus_IZR in Hb. pose proof (DescentPoint.O_pos) as HO. pose proof (DescentPoint.ea_pos c w t p Hok) as HE.
  assert (ME : Rabs (IZR (E_ i)) <= IZR mE) by (rewrite <- abs_IZR; apply IZR_le, Rounding.magnitude_ge).
  assert (De : Rabs (IZR (E_ i)) * ed / O + 1 <= IZR e).
  { unfold e. rewrite plus_IZR. pose proof (shift_28 (mE * e_der c t)) as F. rewrite mult_IZR in F.
    assert (Rabs (IZR (E_ i)) * ed / O <= IZR mE * ed / O).
    { apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|]. apply Rmult_le_compat_r; [rewrite DescentPoint.ed_value; lra|exact ME]. }
    lra. }
  pose proof (P_near r i Hr Hi) as PN. pose proof (P_le r i Hr Hi) as PL. pose proof (H_near r i Hr Hi) as HN. pose proof (DescentPoint.th_one (pre_ z r i)) as T1.
  unfold twist. set (y := pre_ z r i) in *. rewrite mult_IZR. set (P := IZR (P_ r i)) in *. set (H := IZR (H_ r i)) in *.
  replace (IZR (2 ^ 43) * (4096 * (2 * (IZR (E_ i) / O * dth y * th y)))) with (IZR (E_ i) * dth y * (O * th y)).
  2:{ change (IZR (2 ^ 43)) with 8796093022208. unfold one. field. }
  replace (IZR (E_ i) * dth y * (O * th y) - P * H) with ((IZR (E_ i) * dth y - P) * (O * th y) + P * (O * th y - H)) by ring.
  rewrite Rmult_1_r. eapply Rle_trans; [|exact Hb]. eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_mult (_ - _)), (Rabs_mult P). apply Rplus_le_compat.
  - apply Rmult_le_compat; try apply Rabs_pos; [lra|exact T1].
  - apply Rmult_le_compat; try apply Rabs_pos; [lra|exact HN].
Qed.

Notation hi r := (form_root G (map above (Bd r))).
Notation lo r := (form_root G (map below (Bd r))).
Lemma map_nonneg (f : Z -> Z) (l : list Z) i : (forall v, (0 <= f v)%Z) -> (0 <= at_ (map f l) i)%Z.
Proof.
  intros Hf. destruct (Nat.lt_ge_cases i (length l)) as [L|L]; [rewrite (nth_map_lt _ _ _ 0%Z) by assumption; apply Hf|].
  rewrite nth_overflow by (now rewrite map_length). lia.
Qed.
Lemma twist_form r (v : R1) : bends_ok c t mE = true -> (r < m)%nat ->
  - (IZR (lo r) / 65536) * ⟨v, v⟩ <= sum n (fun i => twist r i * (⟨v, input c i⟩ * ⟨v, input c i⟩)) <= IZR (hi r) / 65536 * ⟨v, v⟩.
Proof.
  intros Hb Hr. split.
  - pose proof (form_le (map below (Bd r)) (fun i => - twist r i) v) as F. cbn beta in F.
    rewrite (sum_ext n (fun i => - twist r i * _) (fun i => -1 * (twist r i * (⟨v, input c i⟩ * ⟨v, input c i⟩)))) in F by (intros; ring). rewrite sum_scal in F.
    assert (F' : -1 * sum n (fun i => twist r i * (⟨v, input c i⟩ * ⟨v, input c i⟩)) <= IZR (lo r) / 65536 * ⟨v, v⟩); [|lra]. apply F.
    + now rewrite map_length, bends_length.
    + intros i. apply map_nonneg. unfold below. lia.
    + intros i Hi. pose proof (bends_near r i Hb Hr Hi) as A. rewrite (nth_map_lt _ _ _ 0%Z) by (rewrite bends_length; exact Hi).
      unfold below. apply Rle_trans with (IZR (2 - at_ (Bd r) i)); [|apply IZR_le; lia]. rewrite minus_IZR. apply Rabs_le_between in A. lra.
  - apply form_le.
    + now rewrite map_length, bends_length.
    + intros i. apply map_nonneg. unfold above. lia.
    + intros i Hi. pose proof (bends_near r i Hb Hr Hi) as A. rewrite (nth_map_lt _ _ _ 0%Z) by (rewrite bends_length; exact Hi).
      unfold above. apply Rle_trans with (IZR (at_ (Bd r) i + 2)); [|apply IZR_le; lia]. rewrite plus_IZR. apply Rabs_le_between in A. lra.
Qed.

Notation size_of r := (Rabs (IZR (weight_at S r)) / B).
Definition neg_form (r : nat) : R := size_of r * (IZR (if (0 <=? weight_at S r)%Z then hi r else lo r) / 65536).
Definition pos_form (r : nat) : R := size_of r * (IZR (if (0 <=? weight_at S r)%Z then lo r else hi r) / 65536).
Lemma bend_between r (v : R1) : bends_ok c t mE = true -> (r < m)%nat ->
  - neg_form r * ⟨v, v⟩ <= bend RY (size c) N m (biases c) xs ys u z r v <= pos_form r * ⟨v, v⟩.
Proof.
  intros Hb Hr. pose proof (twist_form r v Hb Hr) as [L U]. pose proof B_pos as HB.
  assert (E : bend RY (size c) N m (biases c) xs ys u z r v = - (IZR (weight_at S r) / B) * sum n (fun i => twist r i * (⟨v, input c i⟩ * ⟨v, input c i⟩))).
  { unfold bend. rewrite lead_value, sum_N by assumption. rewrite <- !sum_scal. apply sum_ext. intros i Hi.
    rewrite (u_entry c w t S) by (now rewrite equations_samples). rewrite (sample_id i). unfold twist, ddth. ring. }
  rewrite E. set (T := sum n (fun i => twist r i * (⟨v, input c i⟩ * ⟨v, input c i⟩))) in *. unfold neg_form, pos_form. pose proof (inner_pos _ v) as Pv.
  assert (IB : 0 < / B) by now apply Rinv_0_lt_compat.
  destruct (Z.leb_spec 0 (weight_at S r)) as [A|A].
  - apply IZR_le in A. rewrite Rabs_pos_eq by assumption. set (a := IZR (weight_at S r)) in *.
    assert (Ha : 0 <= a / B) by (unfold Rdiv; apply Rmult_le_pos; lra).
    apply Rmult_le_compat_l with (r := a / B) in L, U; try assumption. lra.
  - apply IZR_lt in A. rewrite Rabs_left by assumption. set (a := IZR (weight_at S r)) in *.
    assert (Ha : 0 <= - a / B) by (unfold Rdiv; apply Rmult_le_pos; lra).
    apply Rmult_le_compat_l with (r := - a / B) in L, U; try assumption. unfold Rdiv in *. lra.
Qed.

(** ** The pull of the residual on a neuron, and the blocks *)
Notation pull_ r := (pull RY (size c) N m (biases c) xs u z r).
Lemma pulls_length r : (r < m)%nat -> length (row (pulls_at c w t S) r) = d.
Proof.
  intros Hr. unfold pulls_at. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite DescentPoint.P_count; exact Hr).
  unfold columns_at. now rewrite !map_length, seq_length.
Qed.
Lemma pull_square r : (r < m)%nat ->
  ⟨pull_ r, pull_ r⟩ * (65536 * 65536) <= IZR (sum_list (fun o => let v := coarse_pull t eP o in v * v)%Z (row (pulls_at c w t S) r)).
Proof.
  intros Hr. pose proof (DescentPoint.O_pos) as HO. pose proof XB_pos as HX. pose proof (h_xb _ _ _ _ tested) as Hx. rewrite sum_list_sum, pulls_length by assumption.
  rewrite inner_Rn, <- sum_scal_r. unfold size at 1. rewrite (h_bias _ _ _ _ tested). apply sum_le. intros j Hj.
  assert (Hs : (j < size c)%nat) by (unfold size; now rewrite (h_bias _ _ _ _ tested)).
  assert (E : entry (pull_ r) j * (O * XB) = pull_real c w t S r j).
  { unfold pull. rewrite entry_vsum, sum_N by assumption. unfold pull_real. rewrite <- sum_scal_r, <- sum_scal. apply sum_ext. intros i Hi.
    rewrite entry_scal, (u_entry c w t S) by (now rewrite equations_samples). rewrite (sample_id i), (DescentForward.input_entry c w t p Hok) by assumption. field. lra. }
  replace (entry (pull_ r) j * entry (pull_ r) j * (65536 * 65536)) with (entry (pull_ r) j * 65536 * (entry (pull_ r) j * 65536)) by ring. cbn zeta.
  rewrite mult_IZR. apply sq_le_abs. unfold coarse_pull. rewrite plus_IZR. pose proof (O_near r j Hr Hj) as A.
  pose proof (shift_floor (Z.abs (O_ r j) + eP) (12 + xb) ltac:(unfold xbits in *; lia)) as F. set (sh := IZR (Z.shiftr (Z.abs (O_ r j) + eP) (12 + xb))) in *.
  rewrite plus_IZR, abs_IZR in F. rewrite pow2_add in F by (unfold xbits in *; lia). change (IZR (2 ^ 12)) with 4096 in F.
  set (o := IZR (O_ r j)) in *. set (q := pull_real c w t S r j) in *. set (en := entry (pull_ r) j) in *.
  assert (Q : Rabs q <= Rabs o + IZR eP).
  { pose proof (Rabs_triang (q - o) o) as Tr. replace (q - o + o) with q in Tr by ring. lra. }
  assert (Eq : Rabs (en * 65536) = Rabs q / (4096 * XB)).
  { rewrite <- E. rewrite !Rabs_mult, (Rabs_pos_eq O), (Rabs_pos_eq XB), (Rabs_pos_eq 65536) by lra. unfold one. field. lra. }
  rewrite Eq. apply Rle_trans with ((Rabs o + IZR eP) / (4096 * XB)); [|lra].
  apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; lra|exact Q].
Qed.

Lemma block_tests lam r f : (r < m)%nat -> (0 < lam)%Z -> (0 <= f)%Z ->
  block_ok c w lam (coarse_weight c (weight_at S r)) f (sum_list (fun o => let v := coarse_pull t eP o in v * v)%Z (row (pulls_at c w t S) r)) = true ->
  let q := size_of r * (IZR f / 65536) in let L := IZR lam / 1048576 in s2 * q <= L /\ s2 * norm (pull_ r) * (s2 * norm (pull_ r)) <= L * (L - s2 * q).
Proof.
  intros Hr Hl Hf C q L. unfold block_ok in C. cbn zeta in C. rewrite andb_true_iff in C. destruct C as [C1 C2]. apply Z.leb_le, IZR_le in C1, C2.
  pose proof (pull_square r Hr) as PS. set (p2 := sum_list _ _) in *. set (a' := coarse_weight c (weight_at S r)) in *.
  pose proof B_pos as HB. pose proof (h_wb _ _ _ _ tested) as Wb.
  pose proof s2_pos as S0. pose proof (DescentStep.s2_square c w V Hcheck) as SQ. pose proof (IZR_pos _ (s_q2 _ _ shaped)) as Q2.
  pose proof (root_correct _ _ (s_q2 _ _ shaped) (s_r2 _ _ shaped) (t_r2 _ _ _ (CheckForward.passed c w V Hcheck))) as HR. fold s2 in HR.
  set (a := Rabs (IZR (weight_at S r))) in *. assert (Ha : 0 <= a) by apply Rabs_pos. apply IZR_le in Hf. set (F := IZR f) in *.
  assert (Wa : a / B * 65536 <= IZR a').
  { unfold a', coarse_weight. rewrite plus_IZR. pose proof (shift_floor (Z.abs (weight_at S r)) (wb - 16) Wb) as Fl. rewrite abs_IZR in Fl. fold a in Fl.
    assert (EB : IZR (2 ^ (wb - 16)) * 65536 = B).
    { change 65536 with (IZR (2 ^ 16)). rewrite <- pow2_add by lia. f_equal. f_equal. ring. }
    assert (PW : 0 < IZR (2 ^ (wb - 16))) by (apply Rmult_lt_reg_r with 65536; lra).
    replace (a / B * 65536) with (a / IZR (2 ^ (wb - 16))) by (rewrite <- EB; field; lra). lra. }
  set (sh := Z.shiftr ((r2 w + 1) * (a' * f)) 52) in *. rewrite plus_IZR in C1. rewrite !mult_IZR, minus_IZR, plus_IZR in C2.
  assert (Sq : s2 * q * 1048576 <= IZR sh + 1).
  { unfold sh. pose proof (shift_floor ((r2 w + 1) * (a' * f)) 52 ltac:(lia)) as Fl. replace (IZR (2 ^ 52)) with (IZR two40 * 4096) in Fl by (rewrite <- mult_IZR; reflexivity).
    rewrite !mult_IZR, plus_IZR in Fl. fold F in Fl. apply Rle_trans with ((IZR (r2 w) + 1) * (IZR a' * F) / (IZR two40 * 4096)); [|lra].
    assert (T : 0 < IZR two40) by (unfold two40; lra).
    replace (s2 * q * 1048576) with (IZR two40 * s2 * (a / B * 65536 * F) / (IZR two40 * 4096)) by (unfold q; fold a; field; lra).
    apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; lra|].
    apply Rmult_le_compat; [apply Rmult_le_pos; lra|apply Rmult_le_pos; [apply Rmult_le_pos; [apply Rdiv_le_0_compat|lra]|]; lra|apply Rabs_le_between in HR; lra|].
    apply Rmult_le_compat_r; assumption. }
  assert (L0 : 0 < IZR lam) by now apply IZR_pos. assert (EL : IZR lam = L * 1048576) by (unfold L; field).
  split; [lra|].
  replace (s2 * norm (pull_ r) * (s2 * norm (pull_ r))) with (s2 * s2 * (norm (pull_ r) * norm (pull_ r))) by ring. rewrite norm_sq.
  set (P := ⟨pull_ r, pull_ r⟩) in *. set (Qs := IZR (output_scale c)) in *. set (s0 := IZR sh + 1) in *.
  apply Rmult_le_reg_r with (Qs * (1048576 * 1048576)); [apply Rmult_lt_0_compat; lra|].
  replace (s2 * s2 * P * (Qs * (1048576 * 1048576))) with (s2 * s2 * Qs * (256 * (P * (65536 * 65536)))) by ring. rewrite SQ, Rmult_1_l.
  apply Rle_trans with (256 * IZR p2); [lra|]. eapply Rle_trans; [exact C2|].
  replace (L * (L - s2 * q) * (Qs * (1048576 * 1048576))) with (IZR lam * (IZR lam - s2 * q * 1048576) * Qs) by (rewrite EL; ring).
  apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat_l; lra.
Qed.
End Turn.
