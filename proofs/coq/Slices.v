(** * Inner products of integer vectors, bit by bit

    sum x_i y_i = sum_b 2^b (sum of the y_i whose x_i has bit b): additions instead of products, in hexadecimal digits.  Entries are
    taken eight at a time: a tree of choices holds the sums of all subsets of eight entries of y, and bit b of eight entries of x selects one. *)

From Coq Require Import ZArith Lia Bool Hexadecimal List.
From LPLR Require Import IntegerMatrix Hexadecimals.
Import Hexadecimal.Little.
Import ListNotations.
Open Scope Z_scope.

Inductive choices := Sum (s : hex) | Choice (c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd ce cf : choices).
Inductive eight := Eight (a b c d e f g h : Z).
(** A row, filled up with zeros. *)
Fixpoint eights (l : list Z) : list eight :=
  match l with
  | a :: b :: c :: d :: e :: f :: g :: h :: l => Eight a b c d e f g h :: eights l
  | [] => []
  | [a] => [Eight a 0 0 0 0 0 0 0]
  | [a; b] => [Eight a b 0 0 0 0 0 0]
  | [a; b; c] => [Eight a b c 0 0 0 0 0]
  | [a; b; c; d] => [Eight a b c d 0 0 0 0]
  | [a; b; c; d; e] => [Eight a b c d e 0 0 0]
  | [a; b; c; d; e; f] => [Eight a b c d e f 0 0]
  | [a; b; c; d; e; f; g] => [Eight a b c d e f g 0]
  end.

(** The digit of four bits, the first the lowest; a choice by such a digit. *)
Definition digit4 (p q r s : bool) (x : hex) : hex :=
  if s then if r then if q then if p then Df x else De x else if p then Dd x else Dc x
            else if q then if p then Db x else Da x else if p then D9 x else D8 x
  else if r then if q then if p then D7 x else D6 x else if p then D5 x else D4 x
       else if q then if p then D3 x else D2 x else if p then D1 x else D0 x.
Fixpoint lookup (t : choices) (s : hex) : hex :=
  match t with
  | Sum v => v
  | Choice c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 ca cb cc cd ce cf =>
      match s with
      | Nil => lookup c0 Nil | D0 s => lookup c0 s | D1 s => lookup c1 s | D2 s => lookup c2 s | D3 s => lookup c3 s | D4 s => lookup c4 s
      | D5 s => lookup c5 s | D6 s => lookup c6 s | D7 s => lookup c7 s | D8 s => lookup c8 s | D9 s => lookup c9 s | Da s => lookup ca s
      | Db s => lookup cb s | Dc s => lookup cc s | Dd s => lookup cd s | De s => lookup ce s | Df s => lookup cf s
      end
  end.
Definition subsets (next : hex -> choices) (s : hex) (a b c d : Z) : choices :=
  let a := of_Z a in let b := of_Z b in let c := of_Z c in let d := of_Z d in
  let s1 := add s a in let s2 := add s b in let s3 := add s1 b in
  let s4 := add s c in let s5 := add s1 c in let s6 := add s2 c in let s7 := add s3 c in
  Choice (next s) (next s1) (next s2) (next s3) (next s4) (next s5) (next s6) (next s7)
    (next (add s d)) (next (add s1 d)) (next (add s2 d)) (next (add s3 d))
    (next (add s4 d)) (next (add s5 d)) (next (add s6 d)) (next (add s7 d)).
Definition choices_of (y : eight) : choices :=
  match y with Eight a b c d e f g h => subsets (fun s => subsets Sum s e f g h) Nil a b c d end.
Definition index (x : eight) : hex :=
  match x with Eight a b c d e f g h =>
    digit4 (Z.odd a) (Z.odd b) (Z.odd c) (Z.odd d) (digit4 (Z.odd e) (Z.odd f) (Z.odd g) (Z.odd h) Nil) end.
Definition halves (x : eight) : eight :=
  match x with Eight a b c d e f g h =>
    Eight (Z.div2 a) (Z.div2 b) (Z.div2 c) (Z.div2 d) (Z.div2 e) (Z.div2 f) (Z.div2 g) (Z.div2 h) end.
Definition zeros (x : eight) : bool :=
  match x with Eight a b c d e f g h => (a =? 0) && (b =? 0) && (c =? 0) && (d =? 0) && (e =? 0) && (f =? 0) && (g =? 0) && (h =? 0) end.
(** The lowest n bits of all entries, highest first, and what is left of the entries. *)
Fixpoint planes (n : nat) (x : list eight) (lower : list (list hex)) : list (list hex) * list eight :=
  match n with O => (lower, x) | S n => planes n (map halves x) (map index x :: lower) end.
Fixpoint add_up (acc : hex) (ts : list choices) (p : list hex) : hex :=
  match ts, p with t :: ts, s :: p => add_up (add (lookup t s) acc) ts p | _, _ => acc end.
Fixpoint horner (ts : list choices) (ps : list (list hex)) (acc : hex) : hex :=
  match ps with [] => acc | p :: ps => horner ts ps (add_up (double acc) ts p) end.

Fixpoint dot8 (x y : list eight) : Z :=
  match x, y with
  | Eight a b c d e f g h :: x, Eight a' b' c' d' e' f' g' h' :: y =>
      a * a' + (b * b' + (c * c' + (d * d' + (e * e' + (f * f' + (g * g' + (h * h' + dot8 x y)))))))
  | _, _ => 0
  end.
Definition odd_part (a b : Z) : Z := if Z.odd a then b else 0.
Fixpoint parity (x y : list eight) : Z :=
  match x, y with
  | Eight a b c d e f g h :: x, Eight a' b' c' d' e' f' g' h' :: y =>
      odd_part a a' + odd_part b b' + odd_part c c' + odd_part d d' + (odd_part e e' + odd_part f f' + odd_part g g' + odd_part h h') + parity x y
  | _, _ => 0
  end.

Lemma dot_nil x : dot x [] = 0. Proof. now destruct x. Qed.
Lemma dot8_nil x : dot8 x [] = 0. Proof. now destruct x as [|[]]. Qed.
Lemma dot8_correct : forall x y, dot8 (eights x) (eights y) = dot x y.
Proof.
  fix IH 1. intros x y.
  destruct x as [|a0 [|a1 [|a2 [|a3 [|a4 [|a5 [|a6 [|a7 x]]]]]]]]; destruct y as [|b0 [|b1 [|b2 [|b3 [|b4 [|b5 [|b6 [|b7 y]]]]]]]];
    cbn [eights dot8 dot]; rewrite ?dot8_nil, ?IH, ?Z.mul_0_l, ?Z.mul_0_r, ?Z.add_0_r; reflexivity.
Qed.

Lemma digit4_lookup next s a b c d p q r t x : exists s', lookup (subsets next s a b c d) (digit4 p q r t x) = lookup (next s') x /\
  val s' = val s + (if p then val (of_Z a) else 0) + (if q then val (of_Z b) else 0) + (if r then val (of_Z c) else 0) + (if t then val (of_Z d) else 0).
Proof. destruct p, q, r, t; eexists; (split; [reflexivity|]); cbn zeta; rewrite ?val_add; ring. Qed.

Definition non_negative (x : eight) : bool :=
  match x with Eight a b c d e f g h => (0 <=? a) && (0 <=? b) && (0 <=? c) && (0 <=? d) && (0 <=? e) && (0 <=? f) && (0 <=? g) && (0 <=? h) end.

Lemma lookup_choices x y : non_negative y = true -> val (lookup (choices_of y) (index x)) = parity [x] [y].
Proof.
  destruct x as [a b c d e f g h], y as [a' b' c' d' e' f' g' h']. unfold non_negative. rewrite !andb_true_iff, !Z.leb_le.
  intros [[[[[[[A B] C] D] E] F] G] H]. cbn [choices_of index parity].
  match goal with |- context [subsets ?n _ _ _ _ _] => destruct (digit4_lookup n Nil a' b' c' d' (Z.odd a) (Z.odd b) (Z.odd c) (Z.odd d)
    (digit4 (Z.odd e) (Z.odd f) (Z.odd g) (Z.odd h) Nil)) as [s [-> S]] end.
  destruct (digit4_lookup Sum s e' f' g' h' (Z.odd e) (Z.odd f) (Z.odd g) (Z.odd h) Nil) as [t [-> T]].
  cbn [lookup]. rewrite T, S, !val_of_Z by assumption. cbn [val]. unfold odd_part. ring.
Qed.
Lemma add_up_correct : forall y x acc, forallb non_negative y = true ->
  val (add_up acc (map choices_of y) (map index x)) = val acc + parity x y.
Proof.
  induction y as [|b y IH]; intros [|a x] acc H; cbn [map add_up parity]; try lia.
  - destruct a; cbn; lia.
  - cbn [forallb] in H. rewrite andb_true_iff in H. destruct H as [Hb H]. rewrite IH, val_add, lookup_choices by assumption.
    destruct a, b. cbn [parity]. ring.
Qed.

Lemma half_odd a b : a * b = odd_part a b + 2 * (Z.div2 a * b).
Proof. unfold odd_part. rewrite (Z.div2_odd a) at 1. destruct (Z.odd a); cbn [Z.b2z]; ring. Qed.
Lemma dot8_parity : forall x y, dot8 x y = parity x y + 2 * dot8 (map halves x) y.
Proof.
  induction x as [|[a b c d e f g h] x IH]; intros [|[a' b' c' d' e' f' g' h'] y]; cbn [map halves dot8 parity]; try lia.
  rewrite (IH y), (half_odd a), (half_odd b), (half_odd c), (half_odd d), (half_odd e), (half_odd f), (half_odd g), (half_odd h). ring.
Qed.
Lemma dot8_zeros x y : forallb zeros x = true -> dot8 x y = 0.
Proof.
  revert y. induction x as [|[a b c d e f g h] x IH]; intros [|[a' b' c' d' e' f' g' h'] y]; cbn [forallb dot8]; try reflexivity.
  unfold zeros. rewrite !andb_true_iff, !Z.eqb_eq. intros [[[[[[[[-> ->] ->] ->] ->] ->] ->] ->] H]. rewrite (IH y H). ring.
Qed.
Lemma horner_correct n y : forallb non_negative y = true -> forall x lower acc, forallb zeros (snd (planes n x lower)) = true ->
  exists acc', horner (map choices_of y) (fst (planes n x lower)) acc = horner (map choices_of y) lower acc' /\
    val acc' = 2 ^ Z.of_nat n * val acc + dot8 x y.
Proof.
  intros Hy. induction n as [|n IH]; intros x lower acc H; cbn [planes fst snd] in *.
  - exists acc. split; [reflexivity|]. rewrite dot8_zeros by assumption. change (2 ^ Z.of_nat 0) with 1. ring.
  - destruct (IH (map halves x) (map index x :: lower) acc H) as [s [-> S]]. cbn [horner]. eexists. split; [reflexivity|].
    rewrite add_up_correct, (proj1 (val_double s)), S, (dot8_parity x y), Nat2Z.inj_succ, Z.pow_succ_r by (assumption || lia). ring.
Qed.

(** Entries are made non-negative first, by adding powers of two; what that adds to a product are sums of entries. *)
Definition magnitude (l : list Z) : Z := fold_right (fun a => Z.max (Z.abs a)) 0 l.
Lemma dot_le_norm1 x b : magnitude x <= b -> dot x x <= b * norm1 x.
Proof.
  induction x as [|a x IH]; cbn [magnitude fold_right dot norm1]; intros H; [lia|]. fold (magnitude x) in H.
  specialize (IH ltac:(lia)). rewrite <- (Z.abs_square a). nia.
Qed.
Definition total (x : list Z) : Z := fold_right Z.add 0 x.
(** acc and the sums of the first 1, 2, ... entries. *)
Fixpoint totals (acc : Z) (l : list Z) : list Z := acc :: match l with [] => [] | a :: l => totals (acc + a) l end.
Lemma totals_correct l : forall k acc d, d = acc + total l -> nth k (totals acc l) d = acc + total (firstn k l).
Proof.
  induction l as [|a l IH]; intros [|k] acc d H; cbn [totals nth total fold_right firstn] in *; try lia.
  - destruct k; exact H.
  - fold (total l) in H. fold (total (firstn k l)). rewrite IH; lia.
Qed.
Lemma dot_shifted o p : forall x y, dot (map (Z.add o) x) (map (Z.add p) y)
  = dot x y + o * total (firstn (length x) y) + p * total (firstn (length y) (map (Z.add o) x)).
Proof.
  induction x as [|a x IH]; intros [|b y]; cbn [length map dot total fold_right firstn]; try lia.
  fold (total (firstn (length x) y)) (total (firstn (length y) (map (Z.add o) x))). rewrite IH. ring.
Qed.


Record left_row := {
  l_row : list Z;  l_length : nat;  l_size : Z;  l_planes : list (list hex);  l_fit : bool;  l_shift : Z;  l_total : Z;  l_totals : list Z }.
Record right_row := {
  r_row : list Z;  r_length : nat;  r_size : Z;  r_choices : list choices;  r_fit : bool;  r_shift : Z;  r_total : Z;  r_totals : list Z }.
(** Short rows are multiplied as they are. *)
Definition long (size : Z) : bool := 12 <=? size.
Definition slice_left (x : list Z) : left_row :=
  let length := length x in let size := Z.of_nat length in let bits := Z.log2 (magnitude x) + 1 in let o := 2 ^ bits in
  let n := if long size then Z.to_nat (bits + 1) else O in let x' := map (Z.add o) x in let (ps, left) := planes n (if long size then eights x' else []) [] in
  {| l_row := x; l_length := length; l_size := size; l_planes := ps; l_fit := long size && forallb zeros left;
     l_shift := o; l_total := total x'; l_totals := totals 0 x' |}.
Definition slice_right (y : list Z) : right_row :=
  let length := length y in let size := Z.of_nat length in let p := 2 ^ (Z.log2 (magnitude y) + 1) in
  let e := if long size then eights (map (Z.add p) y) else [] in
  {| r_row := y; r_length := length; r_size := size; r_choices := map choices_of e; r_fit := long size && forallb non_negative e;
     r_shift := p; r_total := total y; r_totals := totals 0 y |}.
Definition sliced_product (x : left_row) (y : right_row) : Z :=
  if l_fit x && r_fit y
  then let ty := if r_size y <=? l_size x then r_total y else nth (l_length x) (r_totals y) (r_total y) in
       let tx := if l_size x <=? r_size y then l_total x else nth (r_length y) (l_totals x) (l_total x) in
       val (horner (r_choices y) (l_planes x) Nil) - (l_shift x * ty + r_shift y * tx)
  else dot (l_row x) (r_row y).

Lemma total_upto m n l : n = length l ->
  (if Z.of_nat n <=? Z.of_nat m then total l else nth m (totals 0 l) (total l)) = total (firstn m l).
Proof.
  intros ->. destruct (Z.leb_spec (Z.of_nat (length l)) (Z.of_nat m)); [now rewrite firstn_all2 by lia|].
  rewrite totals_correct by lia. lia.
Qed.
Theorem sliced_correct x y : sliced_product (slice_left x) (slice_right y) = dot x y.
Proof.
  unfold sliced_product, slice_left, slice_right. cbn zeta. rewrite (surjective_pairing (planes _ _ _)).
  cbn [l_row l_length l_size l_planes l_fit l_shift l_total l_totals r_row r_length r_size r_choices r_fit r_shift r_total r_totals].
  destruct (long (Z.of_nat (length x))); [|reflexivity]. destruct (long (Z.of_nat (length y))); [|now rewrite andb_false_r].
  cbn [andb]. destruct (forallb zeros _) eqn:Hx; [|reflexivity]. destruct (forallb non_negative _) eqn:Hy; [|reflexivity]. cbn [andb].
  rewrite (total_upto (length x) _ y), (total_upto (length y)) by (rewrite ?map_length; reflexivity).
  set (o := 2 ^ (Z.log2 (magnitude x) + 1)) in *. set (p := 2 ^ (Z.log2 (magnitude y) + 1)) in *.
  destruct (horner_correct _ _ Hy _ [] Nil Hx) as [s [-> S]]. cbn [horner]. rewrite S, dot8_correct, dot_shifted. cbn [val]. ring.
Qed.

(** ** A number that many others are multiplied by: its multiples by one digit, and its sign *)
Record scalar := { s_sign : bool; s_multiples : choices }.
Definition scalar_of (a : Z) : scalar :=
  let b := Z.abs a in {| s_sign := a <? 0; s_multiples := subsets Sum Nil b (2 * b) (4 * b) (8 * b) |}.
Fixpoint by_digits (t : choices) (d : hex) : hex :=
  match d with
  | Nil => Nil
  | D0 u => D0 (by_digits t u)
  | D1 u | D2 u | D3 u | D4 u | D5 u | D6 u | D7 u | D8 u | D9 u | Da u | Db u | Dc u | Dd u | De u | Df u => add (lookup t d) (D0 (by_digits t u))
  end.
Definition times (a : scalar) (d : Z) : Z :=
  let v := val (by_digits (s_multiples a) (of_Z (Z.abs d))) in if eqb (s_sign a) (d <? 0) then v else - v.

Lemma by_digits_correct b d : 0 <= b -> val (by_digits (subsets Sum Nil b (2 * b) (4 * b) (8 * b)) d) = b * val d.
Proof.
  intros Hb. set (t := subsets Sum Nil b (2 * b) (4 * b) (8 * b)).
  assert (M : forall p q r s u, val (lookup t (digit4 p q r s u)) = (if p then b else 0) + (if q then 2 * b else 0) + (if r then 4 * b else 0) + (if s then 8 * b else 0)).
  { intros p q r s u. unfold t. destruct (digit4_lookup Sum Nil b (2 * b) (4 * b) (8 * b) p q r s u) as [v [-> E]]. cbn [lookup].
    rewrite E, !val_of_Z by lia. cbn [val]. ring. }
  induction d as [|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH];
    cbn [by_digits]; rewrite ?val_add; cbn [val]; rewrite ?IH, ?Z.double_spec, ?Z.succ_double_spec;
    [lia|lia|pose proof (M true false false false u)|pose proof (M false true false false u)|pose proof (M true true false false u)
    |pose proof (M false false true false u)|pose proof (M true false true false u)|pose proof (M false true true false u)|pose proof (M true true true false u)
    |pose proof (M false false false true u)|pose proof (M true false false true u)|pose proof (M false true false true u)|pose proof (M true true false true u)
    |pose proof (M false false true true u)|pose proof (M true false true true u)|pose proof (M false true true true u)|pose proof (M true true true true u)];
    unfold digit4 in *; lia.
Qed.
Theorem times_correct a d : times (scalar_of a) d = a * d.
Proof.
  unfold times, scalar_of. cbn [s_sign s_multiples]. rewrite by_digits_correct, val_of_Z by lia.
  destruct (Z.ltb_spec a 0), (Z.ltb_spec d 0); cbn [eqb]; rewrite ?(Z.abs_eq a), ?(Z.abs_neq a), ?(Z.abs_eq d), ?(Z.abs_neq d) by lia; ring.
Qed.
Fixpoint zip {A} (f : A -> Z -> Z) (x : list A) (y : list Z) : list Z := match x, y with a :: x, b :: y => f a b :: zip f x y | _, _ => [] end.
Lemma zip_map {A} (f : A -> Z -> Z) (g : Z -> A) x y : zip f (map g x) y = map2 (fun a b => f (g a) b) x y.
Proof. revert y. induction x as [|a x IH]; intros [|b y]; cbn [map zip map2]; try reflexivity. now rewrite IH. Qed.
