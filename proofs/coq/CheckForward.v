(** * The checker's forward pass: rounded weights, pre-activations and their errors *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Tanh Activation TwoLayer Rows
  Fixed Shift FixedTanh IntegerMatrix Slices Vectors Format Check Rounding.
Import ListNotations.
Open Scope R_scope.

(** ** The units and scales as real numbers *)
Definition weight_unit (c : problem) : R := IZR (weight_one c).
Definition drop_unit (w : witness) : R := IZR (2 ^ k w).
Definition kept_unit (w : witness) : R := IZR (unit w).
Definition scale1 (c : problem) : R := / sqrt (IZR (hidden_scale c)).
Definition scale2R (c : problem) : R := / sqrt (IZR (output_scale c)).
Definition gram_of (c : problem) (i j : nat) : R := @inner (Rn (size c)) (input c i) (input c j).

(** Columns of a matrix, folded. *)
Section Columns.
Variables (f : Z -> Z -> Z) (m : nat).
Lemma columns_length z rows : length z = m -> (forall o, (o < length rows)%nat -> length (row rows o) = m) -> length (fold_right (map2 f) z rows) = m.
Proof.
  intros Hz. induction rows as [|a rows IH]; intros H; [assumption|]. cbn [fold_right].
  pose proof (H O ltac:(cbn; lia)) as Ha. cbn [nth] in Ha. rewrite length_map2, IH, Ha; [apply Nat.min_id|].
  intros o Ho. apply (H (S o)). cbn. lia.
Qed.
Lemma columns_entry z rows r : length z = m -> (forall o, (o < length rows)%nat -> length (row rows o) = m) -> (r < m)%nat ->
  at_ (fold_right (map2 f) z rows) r = fold_right (fun a acc => f (at_ a r) acc) (at_ z r) rows.
Proof.
  intros Hz H Hr. induction rows as [|a rows IH]; [reflexivity|].
  assert (H' : forall o, (o < length rows)%nat -> length (row rows o) = m) by (intros o Ho; apply (H (S o)); cbn; lia).
  pose proof (H O ltac:(cbn; lia)) as Ha. cbn [nth] in Ha. cbn [fold_right].
  rewrite nth_map2, IH; [reflexivity|assumption|now rewrite Ha|now rewrite columns_length].
Qed.
End Columns.

Section Forward.
Variables (c : problem) (w : witness) (V : vectors).
Notation n := (samples c).
Notation m := (width c).
Notation d := (dim c).
Notation wb := (weight_bits c).
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
Notation s1 := (scale1 c).
Notation W1 := (weight_unit c).
Notation R1 := (Rn (size c)).
Notation RY := (Rn (outputs c)).
Notation N := (equations c).
Notation ys := (fun e => axis (outputs c) (output_of c e)).
Notation pre_ := (pre RY R1 m (biases c) (input c) (start c)).
Notation outer_ := (outer RY R1 m (biases c) ys (start c)).
Notation a_ o r := (at_ (row (outers c) o) r).
Notation gram := (gram_of c).
Hypothesis Hcheck : check c w V = true.

Record tests : Prop := {
  t_shape : check_shape c w = true; t_r1 : check_root (r1 w) (hidden_scale c) = true;
  t_r2 : check_root (r2 w) (output_scale c) = true; t_scalars : check_scalars c w = true; t_stairs : check_stairs c w = true;
  t_W : below62 W = true; t_inputs : check_inputs c w V X XX = true; t_pre : check_pre c w Ds Ps = true;
  t_jumps : check_jumps c w XX Src eg = true; t_eh : (eh * eh <= one)%Z; t_res : check_residual c w Tan et = true;
  t_H : below62 Hid = true; t_B : below62 Slo = true;
  t_kernel : check_kernel c w V (kernelZ Kers 0) ek = true; t_budget : check_budget c w V Kers ek = true
}.

Lemma passed : tests.
Proof.
  pose proof Hcheck as C. unfold check in C. cbn zeta in C. rewrite !andb_true_iff in C.
  destruct C as [[[[[C1 C2] C3] C4] C0] [[[[[[[[C5 C6] C7] C14] C8] C9] C10] C11] [C12 C13]]]. apply Z.leb_le in C8. now constructor.
Qed.

Record shape : Prop := {
  s_wb : (0 <= wb)%Z; s_ib : (0 <= input_bits c)%Z; s_tb : (0 <= target_bits c)%Z;
  s_q1 : (0 < hidden_scale c)%Z; s_q2 : (0 < output_scale c)%Z;
  s_wd : (0 <= weight_drop w)%Z; s_wh : (0 <= wh c w)%Z; s_xd : (0 <= input_drop w)%Z; s_xh : (0 <= xh c w)%Z;
  s_k : (1 <= k w <= 27)%Z; s_r1 : (1 <= r1 w)%Z; s_r2 : (1 <= r2 w)%Z; s_xx : (0 <= xx_max w)%Z;
  s_outers : forall o, (o < outputs c)%nat -> length (row (outers c) o) = m; s_inners : forall r, (length (row (inners c) r) <= size c)%nat;
  s_inputs : forall i, (length (row (inputs c) i) <= d)%nat;
  s_low : (0 <= f_G (low w))%Z; s_high : (0 <= f_G (high w))%Z; s_ins : (0 <= f_G (ins w))%Z; s_twice : (0 <= f_G (twice w))%Z;
  s_groups : length (group_of w) = m; s_group : forall r, (r < m)%nat -> (nth r (group_of w) O < length (groups w))%nat
}.

Lemma shaped : shape.
Proof.
  pose proof (t_shape passed) as C. unfold check_shape in C. rewrite !andb_true_iff in C.
  destruct C as [[[[[[[[[[[[[[[[[[[[[[C1 C2] C3] C4] C5] C6] C7] C8] C9] C10] C11] C12] C13] C14] C15] C16] C17] C18] C19] C20] C21] C22] C23].
  apply Z.leb_le in C1, C2, C3, C6, C7, C8, C9, C10, C11, C12, C13, C14, C18, C19, C20, C21. apply Z.ltb_lt in C4, C5.
  apply Nat.eqb_eq in C22. constructor; try assumption; try lia; intros; try (now apply row_short).
  - pose proof (forallb_nth _ _ o (@nil Z) C15 ltac:(assumption)) as E. now apply Nat.eqb_eq in E.
  - pose proof (forallb_nth _ _ r O C23 ltac:(lia)) as E. now apply Nat.ltb_lt in E.
Qed.

Notation x_ i j := (value (input_bits c) (at_ (row (inputs c) i) j)).
Notation w_ r j := (value wb (at_ (row (inners c) r) j)).

Lemma W1_pos : 0 < W1.
Proof. unfold weight_unit, weight_one. destruct (pow2_pos wb) as [P|P]; [exact P|]. pose proof (s_wb shaped). lia. Qed.

Lemma input_sum f i :
  sum (size c) (fun j => f j * (if (j <? dim c)%nat then s1 * x_ i j else 1))
  = s1 * sum d (fun j => f j * x_ i j) + (if hidden_bias c then f d else 0).
Proof.
  assert (E : sum d (fun j => f j * (if (j <? d)%nat then s1 * x_ i j else 1)) = s1 * sum d (fun j => f j * x_ i j)).
  { rewrite <- sum_scal. apply sum_ext. intros j Hj. destruct (Nat.ltb_spec j d); [ring|lia]. }
  unfold size. fold d. destruct (hidden_bias c).
  - rewrite sum_last, E, Nat.ltb_irrefl. ring.
  - rewrite E. ring.
Qed.

Lemma equation_lt I : (I < N)%nat -> (sample_of c I < n)%nat /\ (output_of c I < outputs c)%nat.
Proof.
  unfold equations, sample_of, output_of. intros HI. assert (outputs c <> 0%nat) by (intros E; rewrite E, Nat.mul_0_r in HI; lia).
  split; [apply Nat.div_lt_upper_bound; [assumption|lia]|now apply Nat.mod_upper_bound].
Qed.

Lemma out_entry r o : (r < m)%nat -> (o < outputs c)%nat -> entry (out RY R1 m (biases c) (start c) r) o = IZR (a_ o r) / W1.
Proof. intros Hr Ho. unfold start. rewrite out_build by assumption. cbn [fst]. now rewrite entry_vector. Qed.
Lemma outer_value r I : (r < m)%nat -> (I < N)%nat -> outer_ r I = IZR (a_ (output_of c I) r) / W1.
Proof. intros Hr HI. destruct (equation_lt I HI). unfold outer. rewrite inner_axis by assumption. now apply out_entry. Qed.

(** Of a neuron: its largest output weight, and |a_r|^2. *)
Lemma zeros_entry r : at_ (map (fun _ => 0%Z) (inners c)) r = 0%Z.
Proof. revert r. induction (inners c) as [|q rows IH]; intros [|r]; try reflexivity. apply IH. Qed.
Lemma over_outputs_entry f r : (r < m)%nat -> at_ (over_outputs c f) r = fold_right (fun a acc => f (at_ a r) acc) 0%Z (outers c).
Proof.
  intros Hr. unfold over_outputs. rewrite (columns_entry f m) by (try assumption; try apply map_length; apply (s_outers shaped)).
  now rewrite zeros_entry.
Qed.
Lemma over_outputs_length f : length (over_outputs c f) = m.
Proof. apply columns_length; [apply map_length|apply (s_outers shaped)]. Qed.
Lemma largest_outer_ge r o : (r < m)%nat -> (o < outputs c)%nat -> (Z.abs (a_ o r) <= at_ (largest_outer c) r)%Z.
Proof.
  intros Hr. unfold largest_outer. rewrite over_outputs_entry by assumption. unfold outputs. revert o.
  induction (outers c) as [|a rows IH]; intros o Ho; cbn [length fold_right] in *; [lia|].
  destruct o as [|o]; cbn [nth]; [lia|]. specialize (IH o ltac:(lia)). lia.
Qed.
Lemma largest_outer_pos r : (r < m)%nat -> (0 <= at_ (largest_outer c) r)%Z.
Proof.
  intros Hr. unfold largest_outer. rewrite over_outputs_entry by assumption. induction (outers c); cbn [fold_right]; lia.
Qed.
Lemma outer_squares_value r : (r < m)%nat -> IZR (at_ (outer_squares c) r) = W1 * W1 * ⟨out RY R1 m (biases c) (start c) r, out RY R1 m (biases c) (start c) r⟩.
Proof.
  intros Hr. rewrite inner_Rn, <- sum_scal. rewrite (sum_ext (outputs c) _ (fun o => IZR (a_ o r) * IZR (a_ o r))).
  2:{ intros o Ho. rewrite out_entry by assumption. field. pose proof W1_pos. lra. }
  unfold outer_squares. rewrite over_outputs_entry by assumption. unfold outputs.
  induction (outers c) as [|a rows IH]; [reflexivity|]. cbn [fold_right length sum nth]. rewrite plus_IZR, mult_IZR, IH. reflexivity.
Qed.

Lemma pre_value r i : (r < m)%nat ->
  pre_ r i = s1 * sum d (fun j => w_ r j * x_ i j) + (if hidden_bias c then w_ r d else 0).
Proof.
  intros Hr. unfold pre, start. rewrite inn_build by assumption. cbn [snd]. unfold input. rewrite inner_vector.
  apply (input_sum (fun j => w_ r j)).
Qed.

Lemma gram_value i j : gram i j = / IZR (hidden_scale c) * sum d (fun k => x_ i k * x_ j k) + (if hidden_bias c then 1 else 0).
Proof.
  unfold gram_of, input. rewrite inner_vector.
  rewrite (input_sum (fun k => if (k <? dim c)%nat then s1 * x_ i k else 1)).
  assert (E : s1 * s1 = / IZR (hidden_scale c)).
  { unfold scale1. rewrite <- Rinv_mult. f_equal. apply sqrt_sqrt. apply IZR_le. pose proof (s_q1 shaped). lia. }
  fold d. rewrite Nat.ltb_irrefl. f_equal. rewrite <- E, Rmult_assoc. f_equal. rewrite <- sum_scal. apply sum_ext. intros k Hk.
  destruct (Nat.ltb_spec k d); [ring|lia].
Qed.

(** ** Rounded weights and inputs *)
Lemma W_entry r j : Rabs (IZR (2 ^ wh c w) * w_ r j - IZR (at_ (row W r) j)) <= 1.
Proof. unfold weightsZ. rewrite rounded_entry by apply (s_wd shaped). apply round_near; [apply (s_wd shaped)|apply (s_wh shaped)]. Qed.
Lemma X_entry i j : Rabs (IZR (2 ^ xh c w) * x_ i j - IZR (at_ (row X i) j)) <= 1.
Proof. unfold inputsZ. rewrite rounded_entry by apply (s_xd shaped). apply round_near; [apply (s_xd shaped)|apply (s_xh shaped)]. Qed.

Lemma X_length i : (length (row X i) <= d)%nat.
Proof.
  unfold inputsZ, rounded. cbn zeta. change (@nil Z) with (map (shr (input_drop w)) (@nil Z)).
  rewrite map_nth, map_length. apply (s_inputs shaped).
Qed.
Lemma X_count : length X = n.
Proof. unfold inputsZ, rounded. now rewrite map_length. Qed.
Lemma W_count : length W = m.
Proof. unfold weightsZ, rounded. apply map_length. Qed.

Lemma XX_test i : (i < n)%nat -> (dot (row X i) (row X i) + beta c * qx c w <= xx_max w)%Z /\ (dot (row X i) (row X i) < 2 ^ 62)%Z.
Proof.
  intros Hi. pose proof (t_inputs passed) as C. unfold check_inputs in C. rewrite !andb_true_iff in C. destruct C as [[[_ C] _] _].
  pose proof (forallb_nth _ _ i (@nil Z) C ltac:(rewrite X_count; exact Hi)) as E. cbn beta in E. rewrite andb_true_iff in E.
  destruct E as [E1 E2]. apply Z.leb_le in E1. apply Z.ltb_lt in E2. now split.
Qed.

Lemma small_product x y : (dot x x < 2 ^ 62)%Z -> (dot y y < 2 ^ 62)%Z -> product V (pack_left V x) (pack_right V y) = dot x y.
Proof.
  intros Hx Hy. apply (product_correct V). pose proof (dot_bound x y (2 ^ 62 - 1) ltac:(lia) ltac:(lia)). lia.
Qed.

Lemma dots_entry r i : (r < m)%nat -> (i < n)%nat -> at_ (row Ds i) r = dot (row X i) (row W r).
Proof.
  intros Hr Hi. unfold dotsZ. cbn zeta. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite X_count; exact Hi).
  rewrite (nth_map_lt _ _ _ (pack_left V (@nil Z))) by (rewrite map_length, W_count; exact Hr). rewrite map_nth.
  rewrite small_product; [apply dot_comm|apply below, (t_W passed)|apply (XX_test i Hi)].
Qed.
Lemma Ds_count : length Ds = n.
Proof. unfold dotsZ. now rewrite map_length, X_count. Qed.
Lemma Ds_length i : (i < n)%nat -> length (row Ds i) = m.
Proof.
  intros Hi. unfold dotsZ. cbn zeta. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite X_count; exact Hi).
  now rewrite !map_length, W_count.
Qed.

(** ** Pre-activations *)
Lemma biasZ_length : length (biasZ c) = m.
Proof. unfold biasZ. apply map_length. Qed.
Lemma biasZ_near r : (r < m)%nat ->
  IZR one * (if hidden_bias c then w_ r d else 0) - 1 <= IZR (at_ (biasZ c) r) <= IZR one * (if hidden_bias c then w_ r d else 0).
Proof.
  intros Hr. unfold biasZ. rewrite (nth_map_lt _ _ _ (@nil Z)) by exact Hr.
  destruct (hidden_bias c); [|rewrite Rmult_0_r; lra].
  pose proof (shift_floor (at_ (row (inners c) r) (dim c) * one) (weight_bits c) (s_wb shaped)) as F. rewrite mult_IZR in F.
  unfold value. fold d in F. pose proof W1_pos as P. unfold weight_unit, weight_one in P. fold wb in F, P.
  replace (IZR one * (IZR (at_ (row (inners c) r) d) / IZR (2 ^ wb))) with (IZR (at_ (row (inners c) r) d) * IZR one / IZR (2 ^ wb))
    by (field; lra). exact F.
Qed.

Lemma Ps_entry r i : (r < m)%nat -> (i < n)%nat ->
  at_ (row Ps i) r = (Z.shiftr (dot (row X i) (row W r) * r1 w) (shift1 c w) + at_ (biasZ c) r)%Z.
Proof.
  intros Hr Hi. unfold presZ. cbn zeta. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite Ds_count; exact Hi).
  rewrite nth_map2 by (rewrite ?Ds_length, ?biasZ_length; assumption).
  unfold preZ. rewrite shr_correct by (pose proof (s_wh shaped); pose proof (s_xh shaped); unfold shift1; lia). now rewrite dots_entry, Z.mul_comm.
Qed.
Lemma Ps_count : length Ps = n.
Proof. unfold presZ. cbn zeta. now rewrite map_length, Ds_count. Qed.
Lemma Ps_length i : (i < n)%nat -> length (row Ps i) = m.
Proof.
  intros Hi. unfold presZ. cbn zeta. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite Ds_count; exact Hi).
  rewrite length_map2, Ds_length, biasZ_length by assumption. apply Nat.min_id.
Qed.

Lemma pre_tests r i : (r < m)%nat -> (i < n)%nat ->
  (Z.abs (dot (row X i) (row W r)) <= 2 ^ (wh c w + xh c w + 8))%Z /\ (Z.abs (at_ (row Ps i) r) < limit)%Z.
Proof.
  intros Hr Hi. pose proof (t_pre passed) as C. unfold check_pre in C. rewrite andb_true_iff in C. destruct C as [C1 C2].
  apply Z.leb_le in C1. apply Z.ltb_lt in C2. pose proof (peak_ge Ds i r) as A. rewrite dots_entry in A by assumption.
  pose proof (peak_ge Ps i r). lia.
Qed.

Lemma two40_one : IZR two40 = 4096 * IZR one.
Proof. unfold two40, one. lra. Qed.

Lemma dots_near r i : Rabs (IZR (2 ^ wh c w) * IZR (2 ^ xh c w) * sum d (fun j => w_ r j * x_ i j) - IZR (dot (row X i) (row W r))) <= IZR ed.
Proof.
  pose proof (dot_rounded d (fun j => x_ i j) (fun j => w_ r j) _ _ (row X i) (row W r) (X_length i)
    (fun j _ => X_entry i j) (fun j _ => W_entry r j)) as N. cbn beta in N.
  rewrite (sum_ext d (fun j => x_ i j * w_ r j) (fun j => w_ r j * x_ i j)) in N by (intros; ring).
  rewrite (Rmult_comm (IZR (2 ^ wh c w))). eapply Rle_trans; [exact N|].
  pose proof (IZR_le _ _ (max1_ge W r)). pose proof (IZR_le _ _ (max1_ge X i)).
  unfold e_dot, dimZ. fold d. rewrite !plus_IZR, <- INR_IZR_INZ. lra.
Qed.

Lemma pre_near r i : (r < m)%nat -> (i < n)%nat -> near one (e_pre c w ed) (pre_ r i) (at_ (row Ps i) r).
Proof.
  intros Hr Hi. unfold near. rewrite pre_value, Ps_entry by assumption.
  pose proof (dots_near r i) as HD. pose proof (biasZ_near r Hr) as HB. destruct (pre_tests r i Hr Hi) as [HS _].
  set (b := if hidden_bias c then w_ r d else 0) in *. set (bz := at_ (biasZ c) r) in *. clearbody b bz.
  set (D := dot (row X i) (row W r)) in *. set (S := sum d (fun j => w_ r j * x_ i j)) in *. clearbody S D.
  pose proof (s_wh shaped) as Pw. pose proof (s_xh shaped) as Px.
  assert (Hsh : (0 <= shift1 c w)%Z) by (unfold shift1; lia).
  pose proof (shift_floor (D * r1 w) (shift1 c w) Hsh) as F. rewrite mult_IZR in F.
  unfold e_pre. pose proof (shift_floor ((r1 w + 1) * ed + 2 ^ (wh c w + xh c w + 8)) (shift1 c w) Hsh) as G.
  rewrite plus_IZR, mult_IZR, plus_IZR in G. rewrite !plus_IZR.
  set (E := Z.shiftr ((r1 w + 1) * ed + 2 ^ (wh c w + xh c w + 8)) (shift1 c w)) in *. clearbody E.
  apply IZR_le in HS. rewrite abs_IZR in HS.
  rewrite (pow2_add (wh c w + xh c w) 8) in HS, G by lia. change (IZR (2 ^ 8)) with 256 in HS, G.
  unfold shift1 in F, G |- *. rewrite (pow2_add (wh c w + xh c w) 12) in F, G by lia. change (IZR (2 ^ 12)) with 4096 in F, G.
  rewrite (pow2_add (wh c w) (xh c w)) in HS, F, G by lia.
  assert (P2 : 0 < IZR (2 ^ wh c w) * IZR (2 ^ xh c w)).
  { destruct (pow2_pos (wh c w)) as [A|A]; [|lia]. destruct (pow2_pos (xh c w)) as [A'|A']; [|lia]. now apply Rmult_lt_0_compat. }
  set (p := IZR (2 ^ wh c w) * IZR (2 ^ xh c w)) in *. clearbody p.
  pose proof (root_correct _ _ (s_q1 shaped) (s_r1 shaped) (t_r1 passed)) as HR. fold s1 in HR. rewrite two40_one in HR.
  pose proof (IZR_le _ _ (s_r1 shaped)) as R1. pose proof one_pos as O1. set (O := IZR one) in *. clearbody O.
  assert (S1 : 0 <= 4096 * O * s1).
  { assert (0 <= s1) by (unfold scale1; left; apply Rinv_0_lt_compat, sqrt_lt_R0, IZR_pos, (s_q1 shaped)).
    apply Rmult_le_pos; [lra|assumption]. }
  set (z := 4096 * O * s1) in *.
  (* 4096 p times the distance *)
  set (v := IZR D * IZR (r1 w) / (p * 4096)) in *.
  assert (HV : Rabs (O * (s1 * S) - v) <= ((IZR (r1 w) + 1) * IZR ed + p * 256) / (p * 4096)).
  { replace (O * (s1 * S) - v) with ((z * (p * S - IZR D) + (z - IZR (r1 w)) * IZR D) / (p * 4096))
      by (unfold v, z; field; lra).
    unfold Rdiv. rewrite Rabs_mult, (Rabs_pos_eq (/ (p * 4096))) by (left; apply Rinv_0_lt_compat; lra).
    apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; lra|].
    eapply Rle_trans; [apply Rabs_triang|]. rewrite !Rabs_mult, (Rabs_pos_eq z) by assumption.
    apply Rplus_le_compat.
    - apply Rle_trans with (z * IZR ed); [apply Rmult_le_compat_l; assumption|].
      apply Rmult_le_compat_r; [eapply Rle_trans; [apply Rabs_pos|exact HD]|]. apply Rabs_le_between in HR. lra.
    - rewrite <- (Rmult_1_l (p * 256)). apply Rmult_le_compat; try apply Rabs_pos; assumption. }
  apply Rabs_le_between in HV. apply Rabs_le. rewrite Rmult_plus_distr_l.
  set (q := ((IZR (r1 w) + 1) * IZR ed + p * 256) / (p * 4096)) in *. clearbody q v z. lra.
Qed.
End Forward.
