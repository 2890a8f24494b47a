(** * What the checker proves *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool QArith Qreals.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Sums Rn Setting Path Residual Certificate Integral Tanh TwoLayer Psd.
From LPLR Require Import Fixed FixedTanh IntegerMatrix Vectors Format Check.
Import ListNotations.
Open Scope R_scope.

(** ** Lists, powers of two, roots *)
Lemma dot_comm x y : dot x y = dot y x.
Proof. revert y. induction x as [|a x IH]; intros [|b y]; cbn; try reflexivity. rewrite IH. ring. Qed.

Lemma norm1_ge x k : sum k (fun j => Rabs (IZR (at_ x j))) <= IZR (norm1 x).
Proof.
  revert k. induction x as [|a x IH]; intros k.
  - rewrite (sum_ext k _ (fun _ => 0)); [rewrite sum_0; cbn; lra|]. intros j _. destruct j; cbn; apply Rabs_R0.
  - destruct k as [|k].
    + cbn [sum norm1]. rewrite plus_IZR, abs_IZR. pose proof (Rabs_pos (IZR a)). specialize (IH O). cbn in IH. lra.
    + cbn [sum nth norm1]. rewrite plus_IZR, abs_IZR. specialize (IH k). lra.
Qed.

Lemma norm1_pos x : (0 <= norm1 x)%Z.
Proof. induction x as [|a x IH]; cbn; lia. Qed.

Lemma max1_ge rows i : (norm1 (row rows i) <= max1 rows)%Z.
Proof.
  unfold max1. revert i. induction rows as [|x rows IH]; intros i; cbn [map fold_right].
  - destruct i; cbn; lia.
  - destruct i as [|i]; cbn [nth]; [lia|]. specialize (IH i). lia.
Qed.

Lemma rounded_entry rows s i j :
  at_ (row (map (map (fun z => Z.shiftr z s)) rows) i) j = Z.shiftr (at_ (row rows i) j) s.
Proof.
  change (@nil Z) with (map (fun z => Z.shiftr z s) (@nil Z)) at 1. rewrite map_nth.
  rewrite <- (Z.shiftr_0_l s) at 1. apply (map_nth (fun z => Z.shiftr z s)).
Qed.

Lemma pow2_pos b : 0 < IZR (2 ^ b) \/ (b < 0)%Z.
Proof. destruct (Z.lt_ge_cases b 0) as [H|H]; [now right|left]. apply IZR_pos, Z.pow_pos_nonneg; lia. Qed.

Lemma pow2_add a b : (0 <= a)%Z -> (0 <= b)%Z -> IZR (2 ^ (a + b)) = IZR (2 ^ a) * IZR (2 ^ b).
Proof. intros. now rewrite <- mult_IZR, Z.pow_add_r. Qed.

(** Dropping bits. *)
Lemma round_near b s z : (0 <= s)%Z -> (0 <= b - s)%Z -> Rabs (IZR (2 ^ (b - s)) * value b z - IZR (Z.shiftr z s)) <= 1.
Proof.
  intros Hs Hb. pose proof (shift_floor z s Hs) as F. unfold value.
  replace b with (b - s + s)%Z at 2 by ring. rewrite pow2_add by assumption.
  destruct (pow2_pos (b - s)) as [P|P]; [|lia]. destruct (pow2_pos s) as [Q|Q]; [|lia].
  replace (IZR (2 ^ (b - s)) * (IZR z / (IZR (2 ^ (b - s)) * IZR (2 ^ s)))) with (IZR z / IZR (2 ^ s)) by (field; lra).
  apply Rabs_le. lra.
Qed.

(** The inner product of rounded vectors. *)
Lemma dot_rounded (k : nat) (f g : nat -> R) (S T : R) (x y : list Z) : (length x <= k)%nat ->
  (forall j, (j < k)%nat -> Rabs (S * f j - IZR (at_ x j)) <= 1) ->
  (forall j, (j < k)%nat -> Rabs (T * g j - IZR (at_ y j)) <= 1) ->
  Rabs (S * T * sum k (fun j => f j * g j) - IZR (dot x y)) <= IZR (norm1 x) + IZR (norm1 y) + INR k.
Proof.
  intros Hl Hf Hg. rewrite (dot_sum x y k Hl), <- sum_scal, <- sum_minus.
  eapply Rle_trans; [apply sum_abs|].
  pose proof (norm1_ge x k) as Nx. pose proof (norm1_ge y k) as Ny.
  apply Rle_trans with (sum k (fun j => Rabs (IZR (at_ x j)) + Rabs (IZR (at_ y j)) + 1)).
  2:{ rewrite !sum_plus, sum_const. lra. }
  apply sum_le. intros j Hj. specialize (Hf j Hj). specialize (Hg j Hj).
  set (a := IZR (at_ x j)) in *. set (b := IZR (at_ y j)) in *.
  replace (S * T * (f j * g j) - a * b)
    with ((S * f j - a) * b + a * (T * g j - b) + (S * f j - a) * (T * g j - b)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. pose proof (Rabs_triang ((S * f j - a) * b) (a * (T * g j - b))) as Tr.
  assert (Rabs ((S * f j - a) * b) <= 1 * Rabs b) by (rewrite Rabs_mult; apply Rmult_le_compat_r; auto using Rabs_pos).
  assert (Rabs (a * (T * g j - b)) <= Rabs a * 1) by (rewrite Rabs_mult; apply Rmult_le_compat_l; auto using Rabs_pos).
  assert (Rabs ((S * f j - a) * (T * g j - b)) <= 1 * 1) by (rewrite Rabs_mult; apply Rmult_le_compat; auto using Rabs_pos).
  lra.
Qed.

Lemma root_correct r q : (0 < q)%Z -> (1 <= r)%Z -> check_root r q = true -> Rabs (IZR two40 * / sqrt (IZR q) - IZR r) <= 1.
Proof.
  intros Hq Hr H. unfold check_root in H. rewrite andb_true_iff in H. destruct H as [H1 H2].
  apply Z.leb_le in H1, H2. apply IZR_le in H1, H2. rewrite !mult_IZR, !minus_IZR, ?plus_IZR in *.
  apply IZR_lt in Hq. apply IZR_le in Hr.
  assert (Hs : 0 < sqrt (IZR q)) by now apply sqrt_lt_R0.
  assert (Es : sqrt (IZR q) * sqrt (IZR q) = IZR q) by (apply sqrt_sqrt; lra).
  set (w := sqrt (IZR q)) in *. set (T := IZR two40) in *. assert (HT : 0 < T) by (unfold T, two40; lra).
  rewrite <- Es in *.
  assert (A1 : (IZR r - 1) * w <= T).
  { apply Rnot_lt_le. intros G. assert (T * T < (IZR r - 1) * w * ((IZR r - 1) * w)) by (apply Rmult_le_0_lt_compat; lra). lra. }
  assert (A2 : T <= (IZR r + 1) * w).
  { apply Rnot_lt_le. intros G. assert (0 <= (IZR r + 1) * w) by nra.
    assert ((IZR r + 1) * w * ((IZR r + 1) * w) < T * T) by (apply Rmult_le_0_lt_compat; lra). lra. }
  apply Rabs_le. split.
  - assert (IZR r - 1 <= T * / w); [|lra]. apply Rmult_le_reg_r with w; [assumption|]. rewrite Rmult_assoc, Rinv_l; lra.
  - assert (T * / w <= IZR r + 1); [|lra]. apply Rmult_le_reg_r with w; [assumption|]. rewrite Rmult_assoc, Rinv_l; lra.
Qed.

Section Correct.
Variables (c : problem) (w : witness) (V : vectors).
Let n := samples c.
Let m := width c.
Let d := dim c.
Let wb := weight_bits c.
Notation W := (weightsZ c w).
Notation X := (inputsZ c w).
Notation Ds := (dotsZ V W X).
Notation Ps := (presZ c w Ds).
Notation Tan := (map (map (tanhZ table)) Ps).
Notation Hid := (hiddenZ w Tan).
Notation Slo := (map (slopesZ c w) Hid).
Notation XX := (gramZ c w X).
Notation ed := (e_dot c W X).
Notation et := (16 + e_pre c w ed)%Z.
Notation eh := (e_hid w et).
Notation eg := (e_gram c X).
Notation ek := (e_kernel c w eg eh).

Hypothesis Hcheck : check c w V = true.

Record tests : Prop := {
  t_shape : check_shape c w = true; t_r1 : check_root (r1 w) (hidden_scale c) = true;
  t_r2 : check_root (r2 w) (output_scale c) = true; t_scalars : check_scalars c w = true;
  t_W : below62 W = true; t_inputs : check_inputs c w X XX = true; t_pre : check_pre c w Ds Ps = true;
  t_eh : (eh * eh <= one)%Z; t_res : check_residual c w Tan et = true;
  t_H : below62 Hid = true; t_B : below62 Slo = true; t_kernel : check_kernel c w (kernelZ c w V XX Hid Slo) ek = true
}.

Lemma passed : tests.
Proof.
  pose proof Hcheck as C. unfold check in C. cbn zeta in C. rewrite !andb_true_iff in C.
  destruct C as [[[[C1 C2] C3] C4] [[[[[[[C5 C6] C7] C8] C9] C10] C11] C12]]. apply Z.leb_le in C8. now constructor.
Qed.

Record shape : Prop := {
  s_wb : (0 <= wb)%Z; s_ib : (0 <= input_bits c)%Z; s_tb : (0 <= target_bits c)%Z;
  s_q1 : (0 < hidden_scale c)%Z; s_q2 : (0 < output_scale c)%Z;
  s_wd : (0 <= weight_drop w)%Z; s_wh : (0 <= wh c w)%Z; s_xd : (0 <= input_drop w)%Z; s_xh : (0 <= xh c w)%Z;
  s_k : (1 <= k w <= 27)%Z; s_r1 : (1 <= r1 w)%Z; s_r2 : (1 <= r2 w)%Z; s_xx : (0 <= xx_max w)%Z;
  s_m : length (inners c) = m; s_inners : forall r, (length (row (inners c) r) <= size c)%nat;
  s_inputs : forall i, (length (row (inputs c) i) <= d)%nat;
  s_low : (0 <= f_G (low w))%Z; s_high : (0 <= f_G (high w))%Z; s_ins : (0 <= f_G (ins w))%Z
}.

Lemma shaped : shape.
Proof.
  pose proof (t_shape passed) as C. unfold check_shape in C. rewrite !andb_true_iff in C.
  destruct C as [[[[[[[[[[[[[[[[[[[C1 C2] C3] C4] C5] C6] C7] C8] C9] C10] C11] C12] C13] C14] C15] C16] C17] C18] C19] C20].
  apply Z.leb_le in C1, C2, C3, C6, C7, C8, C9, C10, C11, C12, C13, C14, C18, C19, C20. apply Z.ltb_lt in C4, C5.
  apply Nat.eqb_eq in C15. constructor; try assumption; try lia; intros; now apply row_short.
Qed.

Let s1 := / sqrt (IZR (hidden_scale c)).
Let s2 := / sqrt (IZR (output_scale c)).
Notation R1 := (Rn (size c)).
Notation pre_ := (pre R1 m (biases c) (input c) (start c)).
Notation hid_ := (hid R1 m (biases c) (input c) th (start c)).
Notation slope_ := (slope R1 m (biases c) (input c) dth (start c)).
Notation outer_ := (outer R1 m (biases c) (start c)).
Notation x_ i j := (value (input_bits c) (at_ (row (inputs c) i) j)).
Notation w_ r j := (value wb (at_ (row (inners c) r) j)).
Let W1 := IZR (weight_one c).

Lemma W1_pos : 0 < W1.
Proof. unfold W1, weight_one. destruct (pow2_pos (weight_bits c)) as [P|P]; [exact P|]. pose proof (s_wb shaped). unfold wb in *. lia. Qed.

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

Lemma outer_value r : (r < m)%nat -> outer_ r = IZR (at_ (outers c) r) / W1.
Proof. intros Hr. unfold start. now rewrite outer_build. Qed.

Lemma pre_value r i : (r < m)%nat ->
  pre_ r i = s1 * sum d (fun j => w_ r j * x_ i j) + (if hidden_bias c then w_ r d else 0).
Proof.
  intros Hr. unfold pre, start. rewrite inn_build by assumption. cbn [snd]. unfold input. rewrite inner_vector.
  apply (input_sum (fun j => w_ r j)).
Qed.

Let gram i j := @inner R1 (input c i) (input c j).
Lemma gram_value i j : gram i j = / IZR (hidden_scale c) * sum d (fun k => x_ i k * x_ j k) + (if hidden_bias c then 1 else 0).
Proof.
  unfold gram, input. rewrite inner_vector.
  rewrite (input_sum (fun k => if (k <? dim c)%nat then s1 * x_ i k else 1)).
  assert (E : s1 * s1 = / IZR (hidden_scale c)).
  { unfold s1. rewrite <- Rinv_mult. f_equal. apply sqrt_sqrt. apply IZR_le. pose proof (s_q1 shaped). lia. }
  fold d. rewrite Nat.ltb_irrefl. f_equal. rewrite <- E, Rmult_assoc. f_equal. rewrite <- sum_scal. apply sum_ext. intros k Hk.
  destruct (Nat.ltb_spec k d); [ring|lia].
Qed.

(** ** Rounded weights and inputs *)
Lemma W_entry r j : Rabs (IZR (2 ^ wh c w) * w_ r j - IZR (at_ (row W r) j)) <= 1.
Proof. unfold weightsZ. rewrite rounded_entry. apply round_near; [apply (s_wd shaped)|apply (s_wh shaped)]. Qed.
Lemma X_entry i j : Rabs (IZR (2 ^ xh c w) * x_ i j - IZR (at_ (row X i) j)) <= 1.
Proof. unfold inputsZ. rewrite rounded_entry. apply round_near; [apply (s_xd shaped)|apply (s_xh shaped)]. Qed.

Lemma X_length i : (length (row X i) <= d)%nat.
Proof.
  unfold inputsZ. change (@nil Z) with (map (fun z => Z.shiftr z (input_drop w)) (@nil Z)).
  rewrite map_nth, map_length. apply (s_inputs shaped).
Qed.
Lemma X_count : length X = n.
Proof. unfold inputsZ. now rewrite map_length. Qed.
Lemma W_count : length W = m.
Proof. unfold weightsZ. rewrite map_length. apply (s_m shaped). Qed.

Lemma XX_test i : (i < n)%nat -> (dot (row X i) (row X i) + beta c * qx c w <= xx_max w)%Z /\ (dot (row X i) (row X i) < 2 ^ 62)%Z.
Proof.
  intros Hi. pose proof (t_inputs passed) as C. unfold check_inputs in C. rewrite !andb_true_iff in C. destruct C as [[_ C] _].
  pose proof (forallb_nth _ _ i (@nil Z) C ltac:(rewrite X_count; exact Hi)) as E. cbn beta in E. rewrite andb_true_iff in E.
  destruct E as [E1 E2]. apply Z.leb_le in E1. apply Z.ltb_lt in E2. now split.
Qed.

Lemma below rows i : below62 rows = true -> (i < length rows)%nat -> (dot (row rows i) (row rows i) < 2 ^ 62)%Z.
Proof. intros Hb Hi. pose proof (forallb_nth _ _ i (@nil Z) Hb Hi) as E. now apply Z.ltb_lt in E. Qed.

Lemma small_product x y : (dot x x < 2 ^ 62)%Z -> (dot y y < 2 ^ 62)%Z -> product V (pack V x) (pack V y) = dot x y.
Proof.
  intros Hx Hy. apply (product_correct V). pose proof (dot_bound x y (2 ^ 62 - 1) ltac:(lia) ltac:(lia)). lia.
Qed.

Lemma dots_entry r i : (r < m)%nat -> (i < n)%nat -> at_ (row Ds i) r = dot (row X i) (row W r).
Proof.
  intros Hr Hi. unfold dotsZ. cbn zeta. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite X_count; exact Hi).
  rewrite (nth_map_lt _ _ _ (pack V (@nil Z))) by (rewrite map_length, W_count; exact Hr). rewrite map_nth.
  rewrite small_product; [apply dot_comm| |apply (XX_test i Hi)].
  apply below; [apply (t_W passed)|now rewrite W_count].
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
Proof. unfold biasZ. rewrite map_length. apply (s_m shaped). Qed.
Lemma biasZ_near r : (r < m)%nat ->
  IZR one * (if hidden_bias c then w_ r d else 0) - 1 <= IZR (at_ (biasZ c) r) <= IZR one * (if hidden_bias c then w_ r d else 0).
Proof.
  intros Hr. unfold biasZ. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite (s_m shaped); exact Hr).
  destruct (hidden_bias c); [|rewrite Rmult_0_r; lra].
  pose proof (shift_floor (at_ (row (inners c) r) (dim c) * one) (weight_bits c) (s_wb shaped)) as F. rewrite mult_IZR in F.
  unfold value. fold d in F. pose proof W1_pos as P. unfold W1, weight_one in P. fold wb in F, P.
  replace (IZR one * (IZR (at_ (row (inners c) r) d) / IZR (2 ^ wb))) with (IZR (at_ (row (inners c) r) d) * IZR one / IZR (2 ^ wb))
    by (field; lra). exact F.
Qed.

Lemma Ps_entry r i : (r < m)%nat -> (i < n)%nat ->
  at_ (row Ps i) r = (Z.shiftr (dot (row X i) (row W r) * r1 w) (shift1 c w) + at_ (biasZ c) r)%Z.
Proof.
  intros Hr Hi. unfold presZ. cbn zeta. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite Ds_count; exact Hi).
  rewrite nth_map2 by (rewrite ?Ds_length, ?biasZ_length; assumption).
  unfold preZ. now rewrite dots_entry.
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
  pose proof (forallb_nth _ _ i (@nil Z) C1 ltac:(rewrite Ds_count; exact Hi)) as A. cbn beta in A.
  pose proof (forallb_nth _ _ r 0%Z A ltac:(rewrite Ds_length; assumption)) as A'. cbn beta in A'.
  rewrite dots_entry in A' by assumption.
  pose proof (forallb_nth _ _ i (@nil Z) C2 ltac:(rewrite Ps_count; exact Hi)) as G. cbn beta in G.
  pose proof (forallb_nth _ _ r 0%Z G ltac:(rewrite Ps_length; assumption)) as G'. cbn beta in G'.
  apply Z.leb_le in A'. apply Z.ltb_lt in G'. now split.
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
  { assert (0 <= s1) by (unfold s1; left; apply Rinv_0_lt_compat, sqrt_lt_R0, IZR_pos, (s_q1 shaped)).
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

(** ** tanh and hidden values *)
Lemma T_entry r i : (r < m)%nat -> (i < n)%nat -> at_ (row Tan i) r = tanhZ table (at_ (row Ps i) r).
Proof.
  intros Hr Hi. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite Ps_count; exact Hi).
  now rewrite (nth_map_lt _ _ _ 0%Z) by (rewrite Ps_length; assumption).
Qed.
Lemma T_count : length Tan = n.
Proof. now rewrite map_length, Ps_count. Qed.
Lemma T_length i : (i < n)%nat -> length (row Tan i) = m.
Proof.
  intros Hi. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite Ps_count; exact Hi). now rewrite map_length, Ps_length.
Qed.

Lemma tanh_near r i : (r < m)%nat -> (i < n)%nat -> near one et (hid_ r i) (at_ (row Tan i) r).
Proof.
  intros Hr Hi. rewrite T_entry by assumption. destruct (pre_tests r i Hr Hi) as [_ HL].
  pose proof (pre_near r i Hr Hi) as HP. pose proof (tanhZ_correct _ HL) as HT. unfold near in *. unfold hid.
  set (P := at_ (row Ps i) r) in *. set (e := e_pre c w ed) in *. clearbody e. rewrite plus_IZR.
  pose proof (th_lipschitz (IZR P / IZR one) (pre_ r i)) as Lip. pose proof one_pos as O1. set (O := IZR one) in *. clearbody O.
  set (t := th (pre_ r i)) in *. set (u := th (IZR P / O)) in *. set (v := IZR (tanhZ table P)) in *. clearbody v.
  assert (A : O * Rabs (t - u) <= IZR e).
  { eapply Rle_trans; [apply Rmult_le_compat_l; [lra|exact Lip]|].
    rewrite <- (Rabs_pos_eq O) at 1 by lra. rewrite <- Rabs_mult.
    replace (O * (pre_ r i - IZR P / O)) with (O * pre_ r i - IZR P) by (field; lra). exact HP. }
  replace (O * t - v) with (O * (t - u) + (O * u - v)) by ring.
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult, (Rabs_pos_eq O) by lra. lra.
Qed.

Let K := IZR (2 ^ k w).
Let U := IZR (unit w).
Lemma K_pos : 0 < K.
Proof. unfold K. destruct (pow2_pos (k w)) as [P|P]; [exact P|]. pose proof (s_k shaped). lia. Qed.
Lemma U_pos : 0 < U.
Proof. unfold U, unit. destruct (pow2_pos (28 - k w)) as [P|P]; [exact P|]. pose proof (s_k shaped). lia. Qed.
Lemma one_KU : IZR one = K * U.
Proof.
  unfold K, U, unit. pose proof (s_k shaped). rewrite <- pow2_add by lia. replace (k w + (28 - k w))%Z with 28%Z by ring. reflexivity.
Qed.
Lemma K_half : K = 2 * IZR (half w).
Proof.
  unfold K, half. pose proof (s_k shaped). change 2 with (IZR (2 ^ 1)). rewrite <- pow2_add by lia. f_equal. f_equal. ring.
Qed.

Lemma H_entry r i : (r < m)%nat -> (i < n)%nat -> at_ (row Hid i) r = roundZ w (at_ (row Tan i) r).
Proof.
  intros Hr Hi. unfold hiddenZ. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite T_count; exact Hi).
  now rewrite (nth_map_lt _ _ _ 0%Z) by (rewrite T_length; assumption).
Qed.
Lemma H_count : length Hid = n.
Proof. unfold hiddenZ. now rewrite map_length, T_count. Qed.
Lemma H_length i : (i < n)%nat -> length (row Hid i) = m.
Proof.
  intros Hi. unfold hiddenZ. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite T_count; exact Hi). now rewrite map_length, T_length.
Qed.

Lemma hid_near r i : (r < m)%nat -> (i < n)%nat -> Rabs (IZR one * hid_ r i - K * IZR (at_ (row Hid i) r)) <= IZR eh.
Proof.
  intros Hr Hi. rewrite H_entry by assumption. pose proof (tanh_near r i Hr Hi) as N. unfold near in N.
  set (t := at_ (row Tan i) r) in *. set (x := hid_ r i) in *. clearbody t x. unfold e_hid. rewrite plus_IZR.
  pose proof (shift_floor (t + half w) (k w) ltac:(pose proof (s_k shaped); lia)) as F. fold (roundZ w t) in F. fold K in F.
  rewrite plus_IZR in F. pose proof K_pos. pose proof K_half as E. set (h := IZR (roundZ w t)) in *. clearbody h.
  assert (F1 : IZR t + IZR (half w) - K <= K * h).
  { replace (IZR t + IZR (half w) - K) with (K * ((IZR t + IZR (half w)) / K - 1)) by (field; lra). apply Rmult_le_compat_l; lra. }
  assert (F2 : K * h <= IZR t + IZR (half w)).
  { replace (IZR t + IZR (half w)) with (K * ((IZR t + IZR (half w)) / K)) by (field; lra). apply Rmult_le_compat_l; lra. }
  apply Rabs_le_between in N. apply Rabs_le. lra.
Qed.

Lemma hid_le r i : Rabs (hid_ r i) <= 1.
Proof. unfold hid. pose proof (th_bounds (pre_ r i)). apply Rabs_le. lra. Qed.
Lemma scaled_hid_le r i : Rabs (IZR one * hid_ r i) <= IZR one.
Proof.
  pose proof one_pos. rewrite Rabs_mult, Rabs_pos_eq by lra. rewrite <- (Rmult_1_r (IZR one)) at 2.
  apply Rmult_le_compat_l; [lra|apply hid_le].
Qed.
(** ** Slopes *)
Lemma B_entry r i : (r < m)%nat -> (i < n)%nat -> at_ (row Slo i) r = slopeZ c w (at_ (outers c) r) (at_ (row Hid i) r).
Proof.
  intros Hr Hi. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite H_count; exact Hi).
  unfold slopesZ. apply nth_map2; [exact Hr|now rewrite H_length].
Qed.
Lemma B_count : length Slo = n.
Proof. now rewrite map_length, H_count. Qed.
Lemma B_length i : (i < n)%nat -> length (row Slo i) = m.
Proof.
  intros Hi. rewrite (nth_map_lt _ _ _ (@nil Z)) by (rewrite H_count; exact Hi).
  unfold slopesZ. rewrite length_map2, H_length by assumption. apply Nat.min_id.
Qed.

Let A r := Rabs (IZR (at_ (outers c) r)) / W1.
Lemma A_pos r : 0 <= A r.
Proof. apply Rdiv_le_0_compat; [apply Rabs_pos|apply W1_pos]. Qed.
Lemma outer_abs r : (r < m)%nat -> Rabs (outer_ r) = A r.
Proof.
  intros Hr. rewrite outer_value by assumption. pose proof W1_pos. unfold A, Rdiv.
  now rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq W1) by lra.
Qed.
Lemma slope_le r i : (r < m)%nat -> Rabs (slope_ r i) <= A r.
Proof.
  intros Hr. unfold slope. rewrite Rabs_mult, outer_abs by assumption. rewrite <- (Rmult_1_r (A r)) at 2.
  apply Rmult_le_compat_l; [apply A_pos|apply dth_le_1].
Qed.

Let es r := IZR (slope_gain eh) * A r + IZR (half w).
Lemma slope_near r i : (r < m)%nat -> (i < n)%nat -> Rabs (IZR one * slope_ r i - K * IZR (at_ (row Slo i) r)) <= es r.
Proof.
  intros Hr Hi. rewrite B_entry by assumption. pose proof (hid_near r i Hr Hi) as N. pose proof (scaled_hid_le r i) as L.
  unfold slope. rewrite outer_value by assumption. unfold es, A. unfold hid in N, L. unfold dth.
  set (h := at_ (row Hid i) r) in *. set (a := at_ (outers c) r) in *. set (t := th (pre_ r i)) in *. clearbody h a t.
  pose proof (t_eh passed) as E2. apply IZR_le in E2. rewrite mult_IZR in E2. unfold slope_gain. rewrite plus_IZR, mult_IZR.
  set (e := IZR eh) in *. clearbody e. pose proof W1_pos as HW. pose proof K_pos as HK. pose proof U_pos as HU.
  assert (Hsh : (1 <= slope_shift c w)%Z) by (unfold slope_shift; pose proof (s_k shaped); pose proof (s_wb shaped); unfold wb in *; lia).
  pose proof (shift_floor (a * (unit w * unit w - h * h) + 2 ^ (slope_shift c w - 1)) (slope_shift c w) ltac:(lia)) as F.
  fold (slopeZ c w a h) in F. rewrite plus_IZR, mult_IZR, minus_IZR, !mult_IZR in F. fold U in F.
  assert (ES : IZR (2 ^ slope_shift c w) = W1 * U).
  { unfold slope_shift, W1, weight_one, U, unit. pose proof (s_k shaped). pose proof (s_wb shaped). unfold wb in *.
    rewrite <- pow2_add by lia. f_equal. f_equal. ring. }
  assert (EH : IZR (2 ^ slope_shift c w) = 2 * IZR (2 ^ (slope_shift c w - 1))).
  { change 2 with (IZR (2 ^ 1)). rewrite <- pow2_add by lia. f_equal. f_equal. ring. }
  rewrite ES in *. set (hf := IZR (2 ^ (slope_shift c w - 1))) in *. clearbody hf.
  set (b := IZR (slopeZ c w a h)) in *. clearbody b. set (g := IZR h) in *. clearbody g.
  pose proof K_half as EK. pose proof one_KU as EO. set (O := IZR one) in *. clearbody O.
  assert (OP : 0 < O) by (rewrite EO; now apply Rmult_lt_0_compat).
  set (al := IZR a / W1). assert (Ea : IZR a = al * W1) by (unfold al; field; lra).
  assert (Eal : Rabs (IZR a) / W1 = Rabs al) by (unfold al, Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq W1); lra).
  rewrite Eal. clearbody al.
  (* rounding *)
  set (v := al * (U * U - g * g) / U).
  assert (Ev : IZR a * (U * U - g * g) / (W1 * U) = v) by (rewrite Ea; unfold v; field; lra).
  assert (Ew : hf / (W1 * U) = / 2).
  { replace hf with (W1 * U / 2) by lra. field. lra. }
  unfold Rdiv in F. rewrite Rmult_plus_distr_r in F. fold (IZR a * (U * U - g * g) / (W1 * U)) in F. fold (hf / (W1 * U)) in F.
  rewrite Ev, Ew in F.
  assert (F' : Rabs (K * v - K * b) <= IZR (half w)).
  { rewrite <- Rmult_minus_distr_l, Rabs_mult, (Rabs_pos_eq K) by lra. replace (IZR (half w)) with (K * / 2) by lra.
    apply Rmult_le_compat_l; [lra|]. apply Rabs_le. lra. }
  (* the value itself *)
  assert (Q : Rabs (O * (1 - t * t) - K * ((U * U - g * g) / U)) <= 2 * e + 1).
  { pose proof (approx_product O O t t e e O O (K * g) (K * g) N N L L) as P.
    replace (O * (1 - t * t) - K * ((U * U - g * g) / U)) with (- (O * t * (O * t) - K * g * (K * g)) / O) by (rewrite EO; field; lra).
    unfold Rdiv. rewrite Rabs_mult, Rabs_Ropp, Rabs_inv, (Rabs_pos_eq O) by lra.
    apply Rmult_le_reg_r with O; [assumption|]. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. lra. }
  replace (O * (al * (1 - t * t)) - K * b) with (al * (O * (1 - t * t) - K * ((U * U - g * g) / U)) + (K * v - K * b))
    by (unfold v; field; lra).
  eapply Rle_trans; [apply Rabs_triang|]. rewrite Rabs_mult.
  assert (Rabs al * Rabs (O * (1 - t * t) - K * ((U * U - g * g) / U)) <= Rabs al * (2 * e + 1))
    by (apply Rmult_le_compat_l; [apply Rabs_pos|exact Q]). lra.
Qed.

(** Sums over the neurons, from the lists. *)
Lemma dot_near (f g : nat -> R) (lf lg : list Z) (e b : nat -> R) : (length lf <= m)%nat ->
  (forall r, (r < m)%nat -> Rabs (IZR one * f r - K * IZR (at_ lf r)) <= e r) ->
  (forall r, (r < m)%nat -> Rabs (IZR one * g r - K * IZR (at_ lg r)) <= e r) ->
  (forall r, (r < m)%nat -> Rabs (IZR one * f r) <= b r) -> (forall r, (r < m)%nat -> Rabs (IZR one * g r) <= b r) ->
  Rabs (IZR one * IZR one * sum m (fun r => f r * g r) - K * K * IZR (dot lf lg)) <= sum m (fun r => e r * (2 * b r + e r)).
Proof.
  intros Hl Hf Hg Bf Bg. rewrite (dot_sum _ _ m) by assumption. rewrite <- !sum_scal, <- sum_minus.
  eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros r Hr.
  replace (IZR one * IZR one * (f r * g r) - K * K * (IZR (at_ lf r) * IZR (at_ lg r)))
    with (IZR one * f r * (IZR one * g r) - K * IZR (at_ lf r) * (K * IZR (at_ lg r))) by ring.
  eapply Rle_trans; [apply (approx_product _ _ _ _ (e r) (e r) (b r) (b r)); auto|]. right. ring.
Qed.

Lemma hidden_sums i j : (i < n)%nat -> (j < n)%nat ->
  Rabs (IZR one * IZR one * sum m (fun r => hid_ r i * hid_ r j) - K * K * IZR (dot (row Hid i) (row Hid j)))
    <= IZR (mZ c * (eh * (2 * one + eh))).
Proof.
  intros Hi Hj. eapply Rle_trans; [apply (dot_near (fun r => hid_ r i) (fun r => hid_ r j) _ _ (fun _ => IZR eh) (fun _ => IZR one))|].
  - rewrite H_length by assumption. lia.
  - intros. now apply hid_near.
  - intros. now apply hid_near.
  - intros. apply scaled_hid_le.
  - intros. apply scaled_hid_le.
  - rewrite sum_const. unfold mZ. fold m. rewrite !mult_IZR, plus_IZR, mult_IZR, <- INR_IZR_INZ. right. ring.
Qed.

Lemma slope_sums i j : (i < n)%nat -> (j < n)%nat ->
  Rabs (IZR one * IZR one * sum m (fun r => slope_ r i * slope_ r j) - K * K * IZR (dot (row Slo i) (row Slo j)))
    <= IZR (e_slopes c w eh) / (W1 * W1).
Proof.
  intros Hi Hj. pose proof one_pos. pose proof W1_pos.
  assert (L : forall r i, (r < m)%nat -> Rabs (IZR one * slope_ r i) <= IZR one * A r).
  { intros r i' Hr. rewrite Rabs_mult, Rabs_pos_eq by lra. apply Rmult_le_compat_l; [lra|now apply slope_le]. }
  eapply Rle_trans; [apply (dot_near (fun r => slope_ r i) (fun r => slope_ r j) _ _ es (fun r => IZR one * A r))|].
  - rewrite B_length by assumption. lia.
  - intros. now apply slope_near.
  - intros. now apply slope_near.
  - intros. now apply L.
  - intros. now apply L.
  - unfold e_slopes. rewrite sum_list_sum. fold (width c). fold m. unfold Rdiv. rewrite <- sum_scal_r. right. apply sum_ext. intros r Hr.
    unfold es, A. fold W1. rewrite !mult_IZR, !plus_IZR, !mult_IZR, !abs_IZR. fold W1. field. lra.
Qed.

Lemma slope_size i j : (i < n)%nat -> (j < n)%nat ->
  Rabs (sum m (fun r => slope_ r i * slope_ r j)) <= IZR (dot (outers c) (outers c)) / (W1 * W1).
Proof.
  intros Hi Hj. eapply Rle_trans; [apply sum_abs|]. rewrite (dot_sum _ _ m) by (unfold m, width; lia).
  unfold Rdiv. rewrite <- sum_scal_r. apply sum_le. intros r Hr. rewrite Rabs_mult.
  apply Rle_trans with (A r * A r); [apply Rmult_le_compat; try apply Rabs_pos; now apply slope_le|].
  right. pose proof W1_pos. unfold A. pose proof (abs_sq (IZR (at_ (outers c) r))) as E. rewrite <- E. field. lra.
Qed.

(** ** The Gram matrix of the inputs *)
Lemma qx_pos : 0 < IZR (qx c w).
Proof.
  unfold qx. rewrite mult_IZR. apply Rmult_lt_0_compat; [apply IZR_pos, (s_q1 shaped)|].
  destruct (pow2_pos (2 * xh c w)) as [P|P]; [exact P|]. pose proof (s_xh shaped). lia.
Qed.
Lemma beta_value : IZR (beta c) = if hidden_bias c then 1 else 0.
Proof. unfold beta. now destruct (hidden_bias c). Qed.

Lemma gram_near i j : Rabs (IZR (qx c w) * gram i j - IZR (dot (row X i) (row X j) + beta c * qx c w)) <= IZR eg.
Proof.
  pose proof (dot_rounded d (fun k => x_ i k) (fun k => x_ j k) _ _ (row X i) (row X j) (X_length i)
    (fun k _ => X_entry i k) (fun k _ => X_entry j k)) as N. cbn beta in N.
  rewrite gram_value, plus_IZR, mult_IZR, beta_value.
  assert (E : IZR (qx c w) = IZR (hidden_scale c) * (IZR (2 ^ xh c w) * IZR (2 ^ xh c w))).
  { unfold qx. rewrite mult_IZR. f_equal. pose proof (s_xh shaped). rewrite <- pow2_add by lia. f_equal. f_equal. ring. }
  pose proof (IZR_pos _ (s_q1 shaped)) as Q1.
  set (b := if hidden_bias c then 1 else 0). set (D := IZR (dot (row X i) (row X j))) in *. set (S := sum d (fun k => x_ i k * x_ j k)) in *.
  replace (IZR (qx c w) * (/ IZR (hidden_scale c) * S + b) - (D + b * IZR (qx c w)))
    with (IZR (2 ^ xh c w) * IZR (2 ^ xh c w) * S - D) by (rewrite E; field; lra).
  eapply Rle_trans; [exact N|].
  pose proof (IZR_le _ _ (max1_ge X i)). pose proof (IZR_le _ _ (max1_ge X j)).
  unfold e_gram, dimZ. fold d. rewrite plus_IZR, mult_IZR, <- INR_IZR_INZ. lra.
Qed.

Lemma XX_entry i j : (i < n)%nat -> (j <= i)%nat -> at_ (row XX i) j = (dot (row X i) (row X j) + beta c * qx c w)%Z.
Proof.
  intros Hi Hj. unfold gramZ. fold n. rewrite nth_seq_map by exact Hi. cbn zeta.
  apply (nth_seq_map (fun j => (dot (row X i) (row X j) + beta c * qx c w)%Z)). lia.
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
Lemma kernel_entry i j : (i < n)%nat -> (j <= i)%nat ->
  at_ (row (kernelZ c w V XX Hid Slo) i) j
  = (qx c w * dot (row Hid i) (row Hid j) + at_ (row XX i) j * dot (row Slo i) (row Slo j) + Z.of_nat (biases c) * scaleZ c w)%Z.
Proof.
  intros Hi Hj. assert (Hj' : (j < n)%nat) by lia. unfold kernelZ. cbn zeta. fold n. rewrite nth_seq_map by exact Hi.
  rewrite nth_seq_map by lia. rewrite !map_nth.
  rewrite !small_product; [reflexivity| | | |].
  - apply below; [apply (t_B passed)|now rewrite B_count].
  - apply below; [apply (t_B passed)|now rewrite B_count].
  - apply below; [apply (t_H passed)|now rewrite H_count].
  - apply below; [apply (t_H passed)|now rewrite H_count].
Qed.

Notation theta_ := (theta R1 m (biases c) (input c) s2 th dth (start c)).
Let finerR := IZR (finer c w).
Lemma finer_value : finerR = K * K * (W1 * W1).
Proof.
  unfold finerR, finer, K, W1, weight_one. rewrite !mult_IZR. f_equal. pose proof (s_k shaped).
  rewrite <- pow2_add by lia. f_equal. f_equal. ring.
Qed.
Lemma finer_pos : 0 < finerR.
Proof. rewrite finer_value. pose proof K_pos. pose proof W1_pos. apply Rmult_lt_0_compat; now apply Rmult_lt_0_compat. Qed.

Lemma theta_near i j : (i < n)%nat -> (j <= i)%nat ->
  Rabs (IZR (scaleZ c w) * theta_ i j - IZR (at_ (row (kernelZ c w V XX Hid Slo) i) j)) <= IZR ek / finerR.
Proof.
  intros Hi Hj. assert (Hj' : (j < n)%nat) by lia. rewrite kernel_entry by assumption.
  pose proof (XX_bound i j Hi Hj') as HX. pose proof (gram_near i j) as HG. rewrite <- XX_entry in HX, HG by assumption.
  pose proof (hidden_sums i j Hi Hj') as HH. pose proof (slope_sums i j Hi Hj') as HB. pose proof (slope_size i j Hi Hj') as HS.
  unfold theta. fold (gram i j).
  assert (E : s2 * s2 = / IZR (output_scale c)).
  { unfold s2. rewrite <- Rinv_mult. f_equal. apply sqrt_sqrt. apply IZR_le. pose proof (s_q2 shaped). lia. }
  rewrite E. pose proof (IZR_pos _ (s_q2 shaped)). pose proof qx_pos as Q. pose proof K_pos. pose proof W1_pos. pose proof U_pos.
  unfold e_kernel. set (EH := (mZ c * (eh * (2 * one + eh)))%Z) in *. clearbody EH.
  set (ES := e_slopes c w eh) in *. clearbody ES. set (A2 := dot (outers c) (outers c)) in *. clearbody A2.
  set (e := e_gram c X) in *. clearbody e. rewrite !plus_IZR, !mult_IZR. fold W1.
  set (SH := sum m (fun r => hid_ r i * hid_ r j)) in *. set (SB := sum m (fun r => slope_ r i * slope_ r j)) in *.
  set (x := IZR (at_ (row XX i) j)) in *. set (DH := IZR (dot (row Hid i) (row Hid j))) in *. set (DB := IZR (dot (row Slo i) (row Slo j))) in *.
  assert (ESC : IZR (scaleZ c w) = U * U * IZR (output_scale c) * IZR (qx c w)) by (unfold scaleZ; now rewrite !mult_IZR).
  rewrite <- INR_IZR_INZ. rewrite finer_value. pose proof one_KU as EO. set (O := IZR one) in *. clearbody O.
  set (g := gram i j) in *. clearbody g SH SB x DH DB. set (q := IZR (qx c w)) in *. clearbody q.
  apply Rmult_le_reg_r with (K * K); [now apply Rmult_lt_0_compat|].
  replace (Rabs (IZR (scaleZ c w) * (/ IZR (output_scale c) * (SH + g * SB) + INR (biases c))
      - (q * DH + x * DB + INR (biases c) * IZR (scaleZ c w))) * (K * K))
    with (Rabs (q * (O * O * SH - K * K * DH) + x * (O * O * SB - K * K * DB) + (q * g - x) * (O * O * SB))).
  2:{ rewrite <- (Rabs_pos_eq (K * K)) at 3 by (apply Rmult_le_pos; lra). rewrite <- Rabs_mult. f_equal. rewrite ESC, EO. field. lra. }
  replace ((q * IZR EH * (W1 * W1) + IZR (xx_max w) * IZR ES + IZR e * (O * O) * IZR A2) / (K * K * (W1 * W1)) * (K * K))
    with (q * IZR EH + IZR (xx_max w) * (IZR ES / (W1 * W1)) + IZR e * (O * O * (IZR A2 / (W1 * W1)))) by (field; lra).
  eapply Rle_trans; [apply Rabs_triang|]. apply Rplus_le_compat; [eapply Rle_trans; [apply Rabs_triang|]; apply Rplus_le_compat|].
  - rewrite Rabs_mult, (Rabs_pos_eq q) by lra. apply Rmult_le_compat_l; [lra|exact HH].
  - rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; assumption.
  - rewrite Rabs_mult. apply Rmult_le_compat; try apply Rabs_pos; [exact HG|].
    rewrite Rabs_mult, (Rabs_pos_eq (O * O)) by apply Rle_0_sqr. apply Rmult_le_compat_l; [apply Rle_0_sqr|exact HS].
Qed.

Lemma theta_sym i j : theta_ i j = theta_ j i.
Proof.
  unfold theta. rewrite (inner_sym _ (input c j) (input c i)). f_equal. f_equal. f_equal; [|f_equal]; apply sum_ext; intros; ring.
Qed.

Lemma scale_pos : 0 < IZR (scaleZ c w).
Proof.
  unfold scaleZ. rewrite !mult_IZR. fold U. pose proof U_pos. pose proof qx_pos. pose proof (IZR_pos _ (s_q2 shaped)).
  repeat apply Rmult_lt_0_compat; assumption.
Qed.

(** ** The scalars *)
Record scalar_tests : Prop := {
  c_s : 0 < Q2R (loss_scale c); c_lr : 0 < Q2R (lr c); c_R : 0 <= Q2R (radius w); c_K : 0 <= Q2R (jac0 w);
  c_e : 0 <= Q2R (res0 w); c_sig : 0 <= Q2R (sigma0 w); c_L : 0 <= Q2R (lip w); c_A : 0 <= Q2R (out_max w);
  c_N : 0 <= Q2R (in_norm w); c_X : 0 <= Q2R (in_max w); c_l : 0 < Q2R (ell w); c_s2 : 0 <= Q2R (scale2 w);
  c_outer : forall r, (r < m)%nat -> Rabs (IZR (at_ (outers c) r)) <= Q2R (out_max w) * W1;
  c_q2 : 1 <= Q2R (scale2 w) * Q2R (scale2 w) * IZR (output_scale c);
  c_ell : 1 + 77 / 100 * (Q2R (out_max w) + Q2R (radius w)) * Q2R (in_max w) * Q2R (ell w) <= Q2R (ell w) * Q2R (ell w);
  c_lip : Q2R (scale2 w) * Q2R (in_norm w) * Q2R (ell w) <= Q2R (lip w);
  c_step : Q2R (lr c) * Q2R (loss_scale c)
    * ((Q2R (jac0 w) + Q2R (lip w) * Q2R (radius w)) * (Q2R (jac0 w) + Q2R (lip w) * Q2R (radius w))) <= 1;
  c_drift : Q2R (drift c w) < Q2R (sigma0 w) - Q2R (lip w) * Q2R (radius w);
  c_path : Q2R (res0 w) <= (Q2R (sigma0 w) - Q2R (drift c w)) * Q2R (radius w) - Q2R (lip w) * (Q2R (radius w) * Q2R (radius w)) * / 2
}.

Lemma Q2R_77 : Q2R (77 # 100) = 77 / 100. Proof. unfold Q2R. cbn. field. Qed.

Lemma scalars : scalar_tests.
Proof.
  pose proof (t_scalars passed) as C. unfold check_scalars in C. rewrite !andb_true_iff in C.
  destruct C as [[[[[[[[[[[[[[[[[[P1 P2] P3] P4] P5] P6] P7] P8] P9] P10] P11] P12] P13] P14] P15] P16] P17] P18] P19].
  apply ltQ_R in P1, P2, P11, P18. apply leQ_R in P3, P4, P5, P6, P7, P8, P9, P10, P12, P14, P15, P16, P17, P19.
  assert (Ho : forall r, (r < m)%nat -> Rabs (IZR (at_ (outers c) r)) <= Q2R (out_max w) * W1).
  { intros r Hr. pose proof (forallb_nth _ _ r 0%Z P13 Hr) as E. cbn beta in E. apply leQ_R in E.
    rewrite Q2R_mult, !Q2R_Z, abs_IZR in E. exact E. }
  remember (drift c w) as dr eqn:Edr in *.
  rewrite ?Q2R_minus, ?Q2R_plus, ?Q2R_mult, ?Q2R_minus, ?Q2R_plus, ?Q2R_mult, ?Q2R_Z, ?Q2R_half, ?Q2R_77, ?RMicromega.Q2R_0, ?RMicromega.Q2R_1 in *.
  subst dr. constructor; assumption.
Qed.

(** ** The bounds of the NTK at the start, lambda_min >= sigma0^2 and |J| <= K0 *)
Let q u := sum n (fun i => entry (n := n) u i * entry (n := n) u i).
Lemma q_pos u : 0 <= q u.
Proof. apply sum_nonneg. intros. apply Rle_0_sqr. Qed.

Lemma kernel_lower : ntk_lower (model c) (start c) (Q2R (sigma0 w) * Q2R (sigma0 w)).
Proof.
  intros u. rewrite ntk_form. change (JT (model c)) with (net_JT R1 n m (biases c) (input c) s2 th dth).
  rewrite ntk_matrix, inner_Rn. fold (q u).
  pose proof (t_kernel passed) as C. unfold check_kernel in C. rewrite !andb_true_iff in C. destruct C as [[[C1 C2] _] _].
  pose proof (psd_test_correct _ _ _ _ _ _ theta_ (IZR (scaleZ c w)) (IZR ek / finerR) (entry (n := n) u) C1 (s_low shaped) theta_sym theta_near) as P.
  change (samples c) with n in P. fold (q u) in P. apply leQ_R in C2. set (e := ek) in *. clearbody e.
  rewrite !Q2R_mult, !Q2R_Z, minus_IZR, !mult_IZR, plus_IZR, mult_IZR in C2. fold finerR in C2.
  unfold nZ in C2. fold n in C2. rewrite <- INR_IZR_INZ in C2.
  pose proof scale_pos as S. pose proof finer_pos as Fp. pose proof (q_pos u).
  apply Rmult_le_reg_l with (IZR (scaleZ c w)); [assumption|]. eapply Rle_trans; [|exact P].
  rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [assumption|].
  apply Rmult_le_reg_r with finerR; [assumption|].
  replace ((IZR (f_C (low w)) - INR n * (IZR (f_cap (low w)) + IZR e / finerR)) * finerR)
    with (IZR (f_C (low w)) * finerR - INR n * (IZR (f_cap (low w)) * finerR + IZR e)) by (field; lra). lra.
Qed.

Lemma kernel_upper : jac_bound (model c) (start c) (Q2R (jac0 w)).
Proof.
  apply jac_bound_of_JT; [apply (c_K scalars)|]. intros u.
  change (JT (model c)) with (net_JT R1 n m (biases c) (input c) s2 th dth).
  rewrite ntk_matrix, inner_Rn. fold (q u).
  pose proof (t_kernel passed) as C. unfold check_kernel in C. rewrite !andb_true_iff in C. destruct C as [[_ C1] C2].
  pose proof (psd_test_upper _ _ _ _ _ _ theta_ (IZR (scaleZ c w)) (IZR ek / finerR) (entry (n := n) u) C1 (s_high shaped) theta_sym theta_near) as P.
  change (samples c) with n in P. fold (q u) in P. apply leQ_R in C2. set (e := ek) in *. clearbody e.
  rewrite !Q2R_mult, !Q2R_Z, minus_IZR, !mult_IZR, plus_IZR, mult_IZR in C2. fold finerR in C2.
  unfold nZ in C2. fold n in C2. rewrite <- INR_IZR_INZ in C2.
  pose proof scale_pos as S. pose proof finer_pos as Fp. pose proof (q_pos u).
  apply Rmult_le_reg_l with (IZR (scaleZ c w)); [assumption|]. eapply Rle_trans; [exact P|].
  rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [assumption|].
  apply Rmult_le_reg_r with finerR; [assumption|].
  replace ((INR n * (IZR (f_cap (high w)) + IZR e / finerR) - IZR (f_C (high w))) * finerR)
    with (INR n * (IZR (f_cap (high w)) * finerR + IZR e) - IZR (f_C (high w)) * finerR) by (field; lra). lra.
Qed.

(** ** The inputs as an operator *)
Lemma inputs_norm (u : nat -> R) :
  ⟨vsum n (fun i => u i ⋅ input c i), vsum n (fun i => u i ⋅ input c i)⟩
    <= Q2R (in_norm w) * Q2R (in_norm w) * sum n (fun i => u i * u i).
Proof.
  pose proof (t_inputs passed) as C. unfold check_inputs in C. rewrite !andb_true_iff in C. destruct C as [[[C1 C2] _] _].
  assert (Hn : forall i j, (i < n)%nat -> (j <= i)%nat -> Rabs (IZR (qx c w) * gram i j - IZR (at_ (row XX i) j)) <= IZR eg).
  { intros i j Hi Hj. rewrite XX_entry by assumption. apply gram_near. }
  pose proof (psd_test_upper _ _ _ _ _ _ gram (IZR (qx c w)) (IZR eg) u C1 (s_ins shaped) gram_sym Hn) as P.
  change (samples c) with n in P.
  apply leQ_R in C2. set (e := eg) in *. clearbody e.
  rewrite !Q2R_mult, !Q2R_Z, minus_IZR, mult_IZR, plus_IZR in C2. unfold nZ in C2. fold n in C2. rewrite <- INR_IZR_INZ in C2.
  pose proof qx_pos as S. set (t := sum n (fun i => u i * u i)) in *.
  assert (0 <= t) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  rewrite inner_vsum_l.
  rewrite (sum_ext n (fun i => ⟨u i ⋅ input c i, _⟩) (fun i => sum n (fun j => u i * u j * gram i j))).
  2:{ intros i _. rewrite inner_scal_l, inner_vsum_r, <- sum_scal. apply sum_ext. intros j _. rewrite inner_scal_r. unfold gram. ring. }
  apply Rmult_le_reg_l with (IZR (qx c w)); [assumption|]. eapply Rle_trans; [exact P|].
  rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [assumption|]. lra.
Qed.

Lemma inputs_largest i : (i < n)%nat -> norm (input c i) <= Q2R (in_max w).
Proof.
  intros Hi. apply norm_le_sq; [apply (c_X scalars)|]. fold (gram i i).
  pose proof (t_inputs passed) as C. unfold check_inputs in C. rewrite !andb_true_iff in C. destruct C as [_ C].
  apply leQ_R in C. set (e := eg) in *. rewrite !Q2R_mult, !Q2R_Z, plus_IZR in C.
  pose proof (gram_near i i) as G. fold e in G. pose proof (XX_bound i i Hi Hi) as Bd. pose proof qx_pos as S.
  apply Rabs_le_between in G. apply Rabs_le_between in Bd.
  apply Rmult_le_reg_l with (IZR (qx c w)); [assumption|]. lra.
Qed.

Lemma s2_pos : 0 < s2.
Proof. unfold s2. apply Rinv_0_lt_compat, sqrt_lt_R0, IZR_pos, (s_q2 shaped). Qed.

Lemma s2_le : s2 <= Q2R (scale2 w).
Proof.
  pose proof (c_s2 scalars) as Hp. pose proof (c_q2 scalars) as Hq. pose proof (IZR_pos _ (s_q2 shaped)) as H5. unfold s2.
  assert (Hs : 0 < sqrt (IZR (output_scale c))) by now apply sqrt_lt_R0.
  assert (Es : sqrt (IZR (output_scale c)) * sqrt (IZR (output_scale c)) = IZR (output_scale c)) by (apply sqrt_sqrt; lra).
  set (v := sqrt (IZR (output_scale c))) in *. rewrite <- Es in Hq.
  assert (1 <= Q2R (scale2 w) * v).
  { apply Rnot_lt_le. intros G. assert (0 <= Q2R (scale2 w) * v) by (apply Rmult_le_pos; lra). nra. }
  apply Rmult_le_reg_r with v; [assumption|]. rewrite Rinv_l; lra.
Qed.

Lemma jacobian_lipschitz z z' : in_ball (start c) (Q2R (radius w)) z -> jac_change (model c) z z' (Q2R (lip w) * norm (z' ⊖ z)).
Proof.
  intros Hz. pose proof scalars as SC. pose proof W1_pos. pose proof s2_pos. pose proof s2_le.
  assert (N : jac_change (model c) z z' (Rabs s2 * Q2R (in_norm w) * Q2R (ell w) * norm (z' ⊖ z))).
  { apply (network_lipschitz R1 n m (biases c) (input c) s2 th dth (77 / 100) th_lipschitz dth_le_1 dth_lipschitz ltac:(lra)
      (Q2R (in_norm w)) (Q2R (in_max w)) (c_N SC) (c_X SC) inputs_norm inputs_largest
      (Q2R (out_max w) + Q2R (radius w)) (Q2R (ell w))).
    - pose proof (c_A SC). pose proof (c_R SC). lra.
    - apply (c_l SC).
    - apply (c_ell SC).
    - intros r Hr. eapply Rle_trans; [apply (outer_ball R1 m (biases c) (start c) (Q2R (radius w)) z r Hr Hz)|].
      apply Rplus_le_compat_r. rewrite outer_abs by assumption. unfold A. apply Rle_div_l; [assumption|]. now apply (c_outer SC). }
  pose proof (c_N SC). pose proof (c_l SC).
  intros v. eapply Rle_trans; [apply N|]. apply Rmult_le_compat_r; [apply norm_pos|]. apply Rmult_le_compat_r; [apply norm_pos|].
  rewrite Rabs_pos_eq by lra. eapply Rle_trans; [|apply (c_lip SC)]. apply Rmult_le_compat_r; [lra|]. apply Rmult_le_compat_r; assumption.
Qed.

(** ** The residual *)
Lemma bias_value : bias R1 m (biases c) (start c) = IZR (sum_list (fun b => b) (output_biases c)) / W1.
Proof.
  unfold bias, start. cbn [snd]. rewrite sum_list_sum. unfold Rdiv. rewrite <- sum_scal_r. unfold biases. apply sum_ext.
  intros j Hj. now rewrite entry_vector.
Qed.

Lemma output_near i : (i < n)%nat ->
  Rabs (IZR (out_unit c) * (s2 * sum m (fun r => outer_ r * hid_ r i) + bias R1 m (biases c) (start c) - value (target_bits c) (at_ (targets c) i))
        - IZR (residualZ c w Tan i)) <= IZR (e_out c w et).
Proof.
  intros Hi. pose proof (root_correct _ _ (s_q2 shaped) (s_r2 shaped) (t_r2 passed)) as HR. fold s2 in HR.
  pose proof W1_pos as HW. pose proof one_pos as O1. pose proof (IZR_le _ _ (s_r2 shaped)) as Hr2.
  assert (HY : 0 < IZR (2 ^ target_bits c)) by (destruct (pow2_pos (target_bits c)) as [P|P]; [exact P|pose proof (s_tb shaped); lia]).
  rewrite bias_value. set (t := sum m (fun r => outer_ r * hid_ r i)).
  assert (NA : IZR (norm1 (outers c)) = sum m (fun r => Rabs (IZR (at_ (outers c) r)))) by (apply norm1_sum; reflexivity).
  assert (HD : Rabs (IZR one * W1 * t - IZR (dot (outers c) (row Tan i))) <= IZR (norm1 (outers c)) * IZR et).
  { rewrite (dot_sum _ _ m) by reflexivity. unfold t. rewrite NA, <- sum_scal, <- sum_minus, <- sum_scal_r.
    eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros r Hr. pose proof (tanh_near r i Hr Hi) as N. unfold near in N.
    rewrite outer_value by assumption.
    replace (IZR one * W1 * (IZR (at_ (outers c) r) / W1 * hid_ r i) - IZR (at_ (outers c) r) * IZR (at_ (row Tan i) r))
      with (IZR (at_ (outers c) r) * (IZR one * hid_ r i - IZR (at_ (row Tan i) r))) by (field; lra).
    rewrite Rabs_mult. apply Rmult_le_compat_l; [apply Rabs_pos|exact N]. }
  assert (HT : Rabs (IZR one * W1 * t) <= IZR one * IZR (norm1 (outers c))).
  { unfold t. rewrite NA, <- !sum_scal. eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros r Hr.
    rewrite outer_value by assumption. pose proof (hid_le r i).
    replace (IZR one * W1 * (IZR (at_ (outers c) r) / W1 * hid_ r i)) with (IZR one * (IZR (at_ (outers c) r) * hid_ r i)) by (field; lra).
    rewrite Rabs_mult, (Rabs_pos_eq (IZR one)) by lra. apply Rmult_le_compat_l; [lra|].
    rewrite Rabs_mult. rewrite <- (Rmult_1_r (Rabs (IZR (at_ (outers c) r)))) at 2. apply Rmult_le_compat_l; [apply Rabs_pos|assumption]. }
  unfold out_unit, residualZ, e_out, value. set (e := et) in *. clearbody e.
  rewrite ?mult_IZR, ?minus_IZR, ?plus_IZR, ?mult_IZR, ?plus_IZR, ?mult_IZR. fold W1.
  set (Y := IZR (2 ^ target_bits c)) in *. set (F40 := IZR two40) in *.
  set (dt := IZR (dot (outers c) (row Tan i))) in *. set (bs := IZR (sum_list (fun b => b) (output_biases c))).
  set (nA := IZR (norm1 (outers c))) in *. set (O := IZR one) in *. clearbody Y F40 dt bs nA O t.
  match goal with |- Rabs ?e <= _ => replace e with
    (Y * ((F40 * s2 - IZR (r2 w)) * (O * W1 * t) + IZR (r2 w) * (O * W1 * t - dt))) by (field; lra) end.
  rewrite Rabs_mult, (Rabs_pos_eq Y) by lra. apply Rmult_le_compat_l; [lra|].
  eapply Rle_trans; [apply Rabs_triang|]. rewrite (Rabs_mult (F40 * s2 - _)), (Rabs_mult (IZR (r2 w))), (Rabs_pos_eq (IZR (r2 w))) by lra.
  apply Rplus_le_compat.
  - rewrite <- (Rmult_1_l (O * nA)). apply Rmult_le_compat; try assumption; apply Rabs_pos.
  - apply Rmult_le_compat_l; [lra|exact HD].
Qed.

Lemma out_unit_pos : 0 < IZR (out_unit c).
Proof.
  unfold out_unit. rewrite !mult_IZR. pose proof W1_pos. pose proof one_pos. fold W1.
  assert (0 < IZR two40) by (unfold two40; lra).
  destruct (pow2_pos (target_bits c)) as [P|P]; [|pose proof (s_tb shaped); lia]. apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat|]|]; assumption.
Qed.

Lemma residual_le : norm (residual (model c) (target c) (start c)) <= Q2R (res0 w).
Proof.
  apply norm_le_sq; [apply (c_e scalars)|].
  pose proof (t_res passed) as C. unfold check_residual in C. cbn zeta in C. apply leQ_R in C. fold n in C.
  rewrite !Q2R_mult, !Q2R_Z, sumZ_sum, mult_IZR in C. pose proof out_unit_pos as Up.
  rewrite inner_Rn. change (samples c) with n. apply Rmult_le_reg_r with (IZR (out_unit c) * IZR (out_unit c)); [now apply Rmult_lt_0_compat|].
  eapply Rle_trans; [|exact C]. rewrite <- sum_scal_r. apply sum_le. intros i Hi.
  assert (Er : entry (n := n) (residual (model c) (target c) (start c)) i
     = s2 * sum m (fun r => outer_ r * hid_ r i) + bias R1 m (biases c) (start c) - value (target_bits c) (at_ (targets c) i)).
  { unfold residual. rewrite entry_minus.
    change (F (model c) (start c)) with (net_F R1 n m (biases c) (input c) s2 th (start c)).
    unfold net_F, target. fold n. now rewrite !entry_vector by assumption. }
  change (samples c) with n in Er. rewrite Er. pose proof (output_near i Hi) as N.
  set (v := s2 * _ + _ - _) in *. set (e := e_out c w et) in *. clearbody e. rewrite mult_IZR, !plus_IZR, !abs_IZR.
  replace (v * v * (IZR (out_unit c) * IZR (out_unit c))) with (IZR (out_unit c) * v * (IZR (out_unit c) * v)) by ring.
  apply sq_le_abs. set (z := IZR (residualZ c w Tan i)) in *.
  pose proof (Rabs_triang (IZR (out_unit c) * v - z) z) as Tr.
  replace (IZR (out_unit c) * v - z + z) with (IZR (out_unit c) * v) in Tr by ring. lra.
Qed.

(** ** The theorem *)
Theorem check_correct :
  let sig := Q2R (sigma0 w) - Q2R (lip w) * Q2R (radius w) in
  let delta := closed_delta (Q2R (loss_scale c)) (Q2R (lr c)) (Q2R (radius w)) (Q2R (jac0 w)) (Q2R (res0 w)) (Q2R (lip w)) in
  let rho := residual_rate (Q2R (loss_scale c)) (Q2R (lr c)) delta sig in
  0 <= delta <= Q2R (drift c w) /\
  certified (model c) (target c) (Q2R (loss_scale c)) (Q2R (lr c)) (start c) (start c) (Q2R (radius w))
    (Q2R (loss_scale c) * (sig * sig)) (rho * rho) (sig - delta).
Proof.
  intros sig delta rho. pose proof scalars as SC.
  pose proof (c_L SC) as HL. pose proof (c_K SC) as HK. pose proof (c_R SC) as HR.
  assert (Esq : sqrt (Q2R (sigma0 w) * Q2R (sigma0 w)) = Q2R (sigma0 w)) by (apply sqrt_square, (c_sig SC)).
  assert (Hdelta : delta <= Q2R (drift c w)).
  { unfold delta, closed_delta, delta_of. eapply Rle_trans; [apply Rmin_l|]. right. unfold drift.
    rewrite ?Q2R_mult, ?Q2R_plus, ?Q2R_mult, Q2R_half. ring. }
  assert (Hpos : 0 <= delta).
  { apply delta_of_pos; [apply (c_s SC)|apply (c_lr SC)|exact HK|apply (c_e SC)|now apply Rmult_le_pos|exact HL]. }
  split; [lra|].
  pose proof (closed_form_sound (model c) (target c) (Q2R (loss_scale c)) (Q2R (lr c)) (start c) (Q2R (radius w)) (Q2R (jac0 w))
    (Q2R (res0 w)) (Q2R (lip w)) (Q2R (sigma0 w) * Q2R (sigma0 w)) HK HL ltac:(apply Rle_0_sqr) kernel_lower kernel_upper residual_le) as Th.
  assert (Hdiff : forall z, in_ball (start c) (Q2R (radius w)) z -> differentiable_at (model c) z).
  { intros z _. apply (network_differentiable R1 n m (biases c) (input c) s2 th dth th_derive). }
  specialize (Th Hdiff (fun z z' Hz _ => jacobian_lipschitz z z' Hz)). rewrite Esq in Th. apply Th.
  constructor; rewrite ?Esq; try assumption.
  - apply (c_s SC).
  - apply (c_lr SC).
  - apply (c_step SC).
  - fold delta. pose proof (c_drift SC). lra.
  - fold delta. pose proof (c_path SC).
    assert (delta * Q2R (radius w) <= Q2R (drift c w) * Q2R (radius w)) by (apply Rmult_le_compat_r; assumption). lra.
Qed.
End Correct.
