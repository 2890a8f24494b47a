(** * Integer vectors and matrices as lists, and the test for positive semidefiniteness *)

From Coq Require Import Reals Lra Psatz Lia ZArith List Bool.
From LPLR Require Import Sums Psd.
Import ListNotations.
Open Scope R_scope.

Fixpoint dot (x y : list Z) : Z :=
  match x, y with a :: x, b :: y => (a * b + dot x y)%Z | _, _ => 0%Z end.

(** The products of many rows. *)
Fixpoint dots (x y : list (list Z)) : list Z := match x, y with a :: x, b :: y => dot a b :: dots x y | _, _ => [] end.

Notation at_ l i := (nth i l 0%Z).
Notation row l i := (nth i l (@nil Z)).

Lemma nth_nil_Z j : at_ (@nil Z) j = 0%Z.
Proof. now destruct j. Qed.

Lemma dot_sum x y k : (length x <= k)%nat -> IZR (dot x y) = sum k (fun j => IZR (at_ x j) * IZR (at_ y j)).
Proof.
  revert y k. induction x as [|a x IH]; intros y k Hk.
  - cbn [dot]. rewrite (sum_ext k _ (fun _ => 0)); [now rewrite sum_0|]. intros j _. destruct j; cbn; ring.
  - cbn in Hk. destruct k as [|k]; [lia|]. destruct y as [|b y].
    + cbn [dot]. rewrite (sum_ext (S k) _ (fun _ => 0)); [now rewrite sum_0|].
      intros j _. destruct j; cbn; ring.
    + cbn [dot sum nth]. rewrite plus_IZR, mult_IZR, (IH y k) by lia. reflexivity.
Qed.

Lemma nth_map_lt {A B} (f : A -> B) l i a b : (i < length l)%nat -> nth i (map f l) b = f (nth i l a).
Proof. intros H. rewrite (nth_indep _ b (f a)) by now rewrite map_length. apply map_nth. Qed.

Lemma nth_seq_map {B} (f : nat -> B) n i b : (i < n)%nat -> nth i (map f (seq 0 n)) b = f i.
Proof.
  intros H. rewrite (nth_map_lt _ _ _ O) by now rewrite seq_length. now rewrite seq_nth.
Qed.

Fixpoint map2 (f : Z -> Z -> Z) (x y : list Z) : list Z :=
  match x, y with a :: x, b :: y => f a b :: map2 f x y | _, _ => [] end.

Lemma nth_map2 f x y i : (i < length x)%nat -> (i < length y)%nat -> at_ (map2 f x y) i = f (at_ x i) (at_ y i).
Proof.
  revert y i. induction x as [|a x IH]; intros y i Hx Hy; [cbn in Hx; lia|].
  destruct y as [|b y]; [cbn in Hy; lia|]. destruct i as [|i]; [reflexivity|].
  cbn in *. apply IH; lia.
Qed.
Lemma length_map2 f x y : length (map2 f x y) = Nat.min (length x) (length y).
Proof. revert y. induction x as [|a x IH]; intros [|b y]; cbn; try reflexivity. now rewrite IH. Qed.

(** Sums over a list, and over 0 .. k-1. *)
Fixpoint sum_list (f : Z -> Z) (x : list Z) : Z := match x with [] => 0%Z | a :: x => (f a + sum_list f x)%Z end.
Lemma sum_list_sum f x : IZR (sum_list f x) = sum (length x) (fun j => IZR (f (at_ x j))).
Proof. induction x as [|a x IH]; [reflexivity|]. cbn [sum_list length sum nth]. now rewrite plus_IZR, IH. Qed.
Fixpoint sumZ (k : nat) (f : nat -> Z) : Z := match k with O => 0%Z | S k => (f O + sumZ k (fun i => f (S i)))%Z end.
Lemma sumZ_sum k f : IZR (sumZ k f) = sum k (fun i => IZR (f i)).
Proof. revert f. induction k as [|k IH]; intros f; [reflexivity|]. cbn [sumZ sum]. now rewrite plus_IZR, IH. Qed.

(** The entries of a vector that belong to group g. *)
Fixpoint select (g : nat) (groups : list nat) (x : list Z) : list Z :=
  match groups, x with
  | h :: groups, a :: x => if (h =? g)%nat then a :: select g groups x else select g groups x
  | _, _ => []
  end.

(** The same from a mask. *)
Fixpoint pick (mask : list bool) (x : list Z) : list Z :=
  match mask, x with b :: mask, a :: x => if b then a :: pick mask x else pick mask x | _, _ => [] end.
Lemma pick_select g groups x : pick (map (fun h => (h =? g)%nat) groups) x = select g groups x.
Proof. revert x. induction groups as [|h groups IH]; intros [|a x]; cbn [map pick select]; try reflexivity. now rewrite IH. Qed.

Lemma select_dot (G : nat) (groups : list nat) (shares x y : list Z) :
  (forall r, (r < length groups)%nat -> (nth r groups O < G)%nat) -> length x = length groups -> length y = length groups ->
  sum G (fun g => IZR (dot (select g groups x) (select g groups y)) * IZR (at_ shares g))
  = sum (length groups) (fun r => IZR (at_ shares (nth r groups O)) * (IZR (at_ x r) * IZR (at_ y r))).
Proof.
  revert x y. induction groups as [|h groups IH]; intros x y HG Hx Hy.
  - cbn [length sum select dot]. rewrite (sum_ext G _ (fun _ => 0)) by (intros; ring). apply sum_0.
  - destruct x as [|a x]; [discriminate|]. destruct y as [|b y]; [discriminate|]. cbn [length sum nth].
    rewrite <- (IH x y) by (cbn in Hx, Hy; try lia; intros r Hr; apply (HG (S r)); cbn; lia).
    assert (Hh : (h < G)%nat) by (apply (HG O); cbn; lia).
    rewrite <- (sum_delta G h (fun g => IZR (at_ shares g) * (IZR a * IZR b)) Hh), <- sum_plus. apply sum_ext. intros g _.
    cbn [select]. destruct (h =? g)%nat; [|ring]. cbn [dot]. rewrite plus_IZR, mult_IZR. ring.
Qed.

Lemma dot_square_pos x : (0 <= dot x x)%Z.
Proof. induction x as [|a x IH]; cbn; [lia|]. pose proof (Z.square_nonneg a). lia. Qed.
Lemma select_short g groups x : (dot (select g groups x) (select g groups x) <= dot x x)%Z.
Proof.
  revert x. induction groups as [|h groups IH]; intros x; cbn [select]; [apply dot_square_pos|].
  destruct x as [|a x]; [cbn; lia|]. specialize (IH x). pose proof (Z.square_nonneg a).
  destruct (h =? g)%nat; cbn [dot]; lia.
Qed.

(** Cauchy-Schwarz on integers. *)
Lemma dot_bound (x y : list Z) (B : Z) : (dot x x <= B)%Z -> (dot y y <= B)%Z -> (Z.abs (dot x y) <= B)%Z.
Proof.
  intros Hx Hy. apply le_IZR. rewrite abs_IZR. apply IZR_le in Hx, Hy.
  set (d := Nat.max (length x) (length y)).
  rewrite (dot_sum _ _ d) in Hx by (unfold d; lia). rewrite (dot_sum _ _ d) in Hy by (unfold d; lia).
  rewrite (dot_sum _ _ d) by (unfold d; lia).
  pose proof (sum_cauchy_schwarz d (fun k => IZR (at_ x k)) (fun k => IZR (at_ y k))) as C.
  cbn beta in C. set (t := sum d (fun k => IZR (at_ x k) * IZR (at_ y k))) in *.
  set (p := sum d (fun j => IZR (at_ x j) * IZR (at_ x j))) in *. set (q := sum d (fun j => IZR (at_ y j) * IZR (at_ y j))) in *.
  assert (0 <= p) by (apply sum_nonneg; intros; apply Rle_0_sqr). assert (0 <= q) by (apply sum_nonneg; intros; apply Rle_0_sqr).
  rewrite <- (Rabs_pos_eq (IZR B)) by lra. apply Rsqr_le_abs_0. unfold Rsqr.
  eapply Rle_trans; [exact C|]. apply Rmult_le_compat; assumption.
Qed.

(** Weighted sums of products, from the squares alone. *)
Definition energy (x : list (list Z)) : Z := fold_right Z.add 0%Z (dots x x).
Lemma dot_twice x : forall y, (2 * Z.abs (dot x y) <= dot x x + dot y y)%Z.
Proof.
  induction x as [|a x IH]; intros y; [cbn [dot]; pose proof (dot_square_pos y); lia|].
  destruct y as [|b y]; [pose proof (dot_square_pos (a :: x)); cbn [dot] in *; lia|].
  cbn [dot]. specialize (IH y). pose proof (Z.square_nonneg (a - b)) as P. pose proof (Z.square_nonneg (a + b)) as Q.
  replace ((a - b) * (a - b))%Z with (a * a - 2 * (a * b) + b * b)%Z in P by ring.
  replace ((a + b) * (a + b))%Z with (a * a + 2 * (a * b) + b * b)%Z in Q by ring. lia.
Qed.
Lemma energy_pos x : (0 <= energy x)%Z.
Proof. unfold energy. induction x as [|a x IH]; cbn [dots fold_right]; [lia|]. pose proof (dot_square_pos a). lia. Qed.
Lemma weighted_bound (S : Z) : (0 <= S)%Z -> forall x y s, (forall g, (g < length x)%nat -> (0 <= at_ s g <= S)%Z) ->
  (2 * Z.abs (dot (dots x y) s) <= S * (energy x + energy y))%Z.
Proof.
  intros HS. induction x as [|a x IH]; intros y s Hs; [cbn [dots dot]; pose proof (energy_pos y); unfold energy at 1; cbn [dots fold_right]; nia|].
  destruct y as [|b y]; [pose proof (energy_pos (a :: x)); cbn [dots dot]; unfold energy at 2; cbn [dots fold_right]; nia|].
  destruct s as [|t s]; [pose proof (energy_pos (a :: x)); pose proof (energy_pos (b :: y)); cbn [dots dot]; nia|].
  specialize (IH y s (fun g Hg => Hs (Datatypes.S g) ltac:(cbn; lia))). pose proof (Hs O ltac:(cbn; lia)) as H0. cbn [nth] in H0.
  pose proof (dot_twice a b). unfold energy in *. cbn [dots dot fold_right]. pose proof (dot_square_pos a). pose proof (dot_square_pos b). nia.
Qed.

(** The sum of the absolute values. *)
Fixpoint norm1 (x : list Z) : Z := match x with [] => 0%Z | a :: x => (Z.abs a + norm1 x)%Z end.
Lemma norm1_sum x k : (length x <= k)%nat -> IZR (norm1 x) = sum k (fun j => Rabs (IZR (at_ x j))).
Proof.
  revert k. induction x as [|a x IH]; intros k Hk.
  - cbn [norm1]. rewrite (sum_ext k _ (fun _ => 0)); [now rewrite sum_0|]. intros j _. destruct j; cbn; apply Rabs_R0.
  - cbn in Hk. destruct k as [|k]; [lia|]. cbn [norm1 sum nth]. rewrite plus_IZR, abs_IZR, (IH k) by lia. reflexivity.
Qed.

Lemma forallb_nth {A} (f : A -> bool) l i d : forallb f l = true -> (i < length l)%nat -> f (nth i l d) = true.
Proof. intros H Hi. rewrite forallb_forall in H. apply H. now apply nth_In. Qed.

(** ** The integer test behind [psd_witness] *)
Definition psd_test (n : nat) (N : list (list Z)) (C G : Z) (L : list (list Z)) (cap : Z) : bool :=
  forallb (fun l => (length l <=? n)%nat) L &&
  forallb (fun i => let Ni := row N i in let Li := row L i in
    forallb (fun j => (Z.abs (at_ Ni j - (if (i =? j)%nat then C else 0) - G * dot Li (row L j)) <=? cap)%Z)
      (seq 0 (S i))) (seq 0 n).

Lemma row_short L n i : forallb (fun l => (length l <=? n)%nat) L = true -> (length (row L i) <= n)%nat.
Proof.
  intros H. destruct (Nat.lt_ge_cases i (length L)) as [Hi|Hi].
  - pose proof (forallb_nth _ L i [] H Hi) as E. now apply Nat.leb_le in E.
  - rewrite nth_overflow by assumption. cbn. lia.
Qed.

(** M is a real matrix with |scale * M - N| <= err: a lower bound of its quadratic form. *)
Theorem psd_test_correct n N C G L cap (M : nat -> nat -> R) (scale err : R) (u : nat -> R) :
  psd_test n N C G L cap = true -> (0 <= G)%Z -> (forall i j, M i j = M j i) ->
  (forall i j, (i < n)%nat -> (j <= i)%nat -> Rabs (scale * M i j - IZR (at_ (row N i) j)) <= err) ->
  (IZR C - INR n * (IZR cap + err)) * sum n (fun i => u i * u i)
    <= scale * sum n (fun i => sum n (fun j => u i * u j * M i j)).
Proof.
  unfold psd_test. rewrite andb_true_iff. intros [HL H] HG Hsym HM.
  pose proof (psd_witness n n (fun i j => scale * M i j)
    (fun i p => sqrt (IZR G) * IZR (at_ (row L i) p)) (IZR C) (IZR cap + err) u) as P. cbn beta in P.
  eapply Rle_trans; [apply P|].
  - assert (W : forall i j, (i < n)%nat -> (j <= i)%nat ->
      Rabs (scale * M i j - (if (i =? j)%nat then IZR C else 0)
            - sum n (fun p => sqrt (IZR G) * IZR (at_ (row L i) p) * (sqrt (IZR G) * IZR (at_ (row L j) p)))) <= IZR cap + err).
    2:{ intros i j Hi Hj. destruct (Nat.le_ge_cases j i) as [Hji|Hij]; [now apply W|].
        specialize (W j i Hj Hij). rewrite Hsym, Nat.eqb_sym.
        rewrite (sum_ext n _ (fun p => sqrt (IZR G) * IZR (at_ (row L j) p) * (sqrt (IZR G) * IZR (at_ (row L i) p))))
          by (intros; ring). exact W. }
    intros i j Hi Hj.
    pose proof (forallb_nth _ (seq 0 n) i O H ltac:(rewrite seq_length; assumption)) as Hij.
    rewrite seq_nth in Hij by assumption. cbn zeta in Hij.
    pose proof (forallb_nth _ (seq 0 (S (0 + i))) j O Hij ltac:(rewrite seq_length; lia)) as Hc.
    rewrite seq_nth in Hc by lia. apply Z.leb_le in Hc. change (0 + i)%nat with i in Hc. change (0 + j)%nat with j in Hc.
    apply IZR_le in Hc. rewrite abs_IZR, !minus_IZR, mult_IZR in Hc.
    rewrite (dot_sum _ _ n) in Hc by now apply row_short.
    rewrite (sum_ext n _ (fun p => IZR G * (IZR (at_ (row L i) p) * IZR (at_ (row L j) p)))).
    2:{ intros p _. pose proof (sqrt_sqrt (IZR G) ltac:(now apply IZR_le)) as S.
        rewrite <- S at 3. ring. }
    rewrite sum_scal. specialize (HM i j Hi Hj).
    replace (IZR (if (i =? j)%nat then C else 0%Z)) with (if (i =? j)%nat then IZR C else 0) in Hc
      by (destruct (i =? j)%nat; reflexivity).
    match goal with |- Rabs ?e <= _ => replace e with
      ((scale * M i j - IZR (at_ (row N i) j)) + (IZR (at_ (row N i) j) - (if (i =? j)%nat then IZR C else 0)
         - IZR G * sum n (fun j0 => IZR (at_ (row L i) j0) * IZR (at_ (row L j) j0)))) by ring end.
    eapply Rle_trans; [apply Rabs_triang|]. lra.
  - apply Req_le. rewrite <- sum_scal. apply sum_ext. intros i _. rewrite <- sum_scal. apply sum_ext. intros j _. ring.
Qed.

(** The negative of a matrix. *)
Definition neg (N : list (list Z)) : list (list Z) := map (map Z.opp) N.
Lemma neg_entry N i j : at_ (row (neg N) i) j = (- at_ (row N i) j)%Z.
Proof.
  unfold neg. change (@nil Z) with (map Z.opp (@nil Z)) at 1. rewrite map_nth. change 0%Z with (- 0)%Z at 1. apply map_nth.
Qed.

(** The same for an upper bound. *)
Theorem psd_test_upper n N C G L cap (M : nat -> nat -> R) (scale err : R) (u : nat -> R) :
  psd_test n (neg N) C G L cap = true -> (0 <= G)%Z -> (forall i j, M i j = M j i) ->
  (forall i j, (i < n)%nat -> (j <= i)%nat -> Rabs (scale * M i j - IZR (at_ (row N i) j)) <= err) ->
  scale * sum n (fun i => sum n (fun j => u i * u j * M i j))
    <= (INR n * (IZR cap + err) - IZR C) * sum n (fun i => u i * u i).
Proof.
  intros H HG Hsym HM.
  pose proof (psd_test_correct n (neg N) C G L cap (fun i j => - M i j) scale err u H HG (fun i j => f_equal Ropp (Hsym i j))) as P.
  cbn beta in P.
  assert (E : sum n (fun i => sum n (fun j => u i * u j * - M i j)) = -1 * sum n (fun i => sum n (fun j => u i * u j * M i j))).
  { rewrite <- sum_scal. apply sum_ext. intros i _. rewrite <- sum_scal. apply sum_ext. intros. ring. }
  rewrite E in P.
  assert (Hn : forall i j, (i < n)%nat -> (j <= i)%nat -> Rabs (scale * - M i j - IZR (at_ (row (neg N) i) j)) <= err).
  { intros i j Hi Hj. rewrite neg_entry, opp_IZR, <- Rabs_Ropp. specialize (HM i j Hi Hj).
    match goal with |- Rabs ?e <= _ => replace e with (scale * M i j - IZR (at_ (row N i) j)) by ring end. exact HM. }
  specialize (P Hn). lra.
Qed.
