(** * Descent from an initialisation: what is claimed, and the checker of its steps

    The statement ([fits_from]) is to be read, as [Format.v] is.  The checker follows descent by computed points in units of
    2^-weight_bits of the centre and keeps a bound of the distance; [DescentFacts.v] and [DescentConverges.v] say why it holds.  At the
    end the computed point is the stored centre of a basin, which takes over. *)

From Coq Require Import Reals ZArith List Bool QArith Qreals.
From LPLR Require Import Inner Rn Setting Activation TwoLayer Fixed FixedTanh IntegerMatrix Slices Vectors Format Check.
Import ListNotations.
Open Scope R_scope.

(** ** What is claimed *)

(** Parameters like those that a [problem] stores: an entry is an integer / 2^p_bits. *)
Record parameters := { p_outers : list (list Z); p_inners : list (list Z); p_biases : list Z; p_bits : Z }.

Section Statement.
Variable c : problem.

Definition point (p : parameters) : Params (Rn (outputs c)) (Rn (size c)) (width c) (biases c) :=
  (build (width c) (fun r => (vector (outputs c) (fun o => value (p_bits p) (at_ (row (p_outers p) o) r)),
                              vector (size c) (fun j => value (p_bits p) (at_ (row (p_inners p) r) j))) : neuron (Rn (outputs c)) (Rn (size c))),
   build (biases c) (fun _ => vector (outputs c) (fun o => value (p_bits p) (at_ (p_biases p) o)))).

(** Gradient descent from p converges to an exact fit; from the given step on it stays in the ball about the stored parameters of c,
    which is an LPLR, and its loss falls by [rate] or better in every step. *)
Definition fits_from (p : parameters) (steps : nat) (radius rate mu : Q) : Prop :=
  region c radius mu /\ Q2R rate < 1 /\
  (forall k, in_ball (start c) (Q2R radius) (descent c (point p) (steps + k))) /\
  (forall k, risk c (descent c (point p) (steps + k)) <= Q2R rate ^ k * risk c (descent c (point p) steps)) /\
  exists limit, in_ball (start c) (Q2R radius) limit /\ F (model c) limit = target c /\ converges (descent c (point p)) limit.
End Statement.

(** ** The checker *)
Open Scope Z_scope.

(** tanh below 16; a constant, so that it is computed once. *)
Definition tanh_table : list (list (Z * Z)) := table 64.
#[global] Strategy 1000 [tanh_table].

(** Of one step: bounds of |J|, of the curvature from below and above in units of 2^-20, of the linearised step, of the computed step's error, and
    of the distance after it. *)
Record bounds := { b_jac : Q; b_neg : Z; b_pos : Z; b_gain : Q; b_err : Q; b_next : Q }.

(** Passed to the checker: bits of the inputs, 2^40 times step and scales, bounds of a neuron's |w|_1, of |a|_1 and of |a_r| on the way
    (integers in units of 2^-weight_bits, the last as a rational, too), roots, a Lipschitz constant of J, the first distance, the steps. *)
Record trail := {
  x_bits : Z; gain40 : Z; inner_most : Z; outer_sum : Z; outer_most : Z; outer_bound : Q;
  root_n : Q; root_p : Q; trail_ell : Q; trail_lip : Q; first : Q; steps : list bounds
}.

Definition state : Type := list (Z * list Z).      (* a neuron: output weight, hidden weights *)
Definition weight_at (S : state) (r : nat) : Z := fst (nth r S (0, [])).
Definition inner_at (S : state) (r : nat) : list Z := snd (nth r S (0, [])).

Section Trail.
Variables (c : problem) (w : witness) (t : trail).
Definition wbits : Z := weight_bits c.
Definition xbits : Z := x_bits t.
Definition nodes : nat := samples c.
Definition neurons : list nat := seq 0 (width c).
Definition gain : Q := (lr c * loss_scale c)%Q.

(** Inputs in units of 2^-x_bits, by sample and by coordinate. *)
Definition in_shift : Z := 40 + input_bits c - xbits.
Definition inputs_at : list (list Z) := map (map (fun v => Z.shiftr (r1 w * v) in_shift)) (inputs c).
Definition columns_at (X : list (list Z)) : list (list Z) := map (fun j => map (fun x => at_ x j) X) (seq 0 (dim c)).
Definition input_most (X : list (list Z)) : Z := fold_right Z.max 0 (map magnitude X) + 2.
(** Squares of the inputs' inner products, from above, in units of 2^-8. *)
Definition squares_at (XX : list (list Z)) (eg : Z) : list (list Z) :=
  map (fun i => map (fun j => let v := Z.abs (at_ (row XX (Nat.max i j)) (Nat.min i j)) + eg in (256 * (v * v)) / (qx c w * qx c w) + 1)
    (seq 0 nodes)) (seq 0 nodes).

(** Errors, in units of 2^-28: hidden values, derivatives, residuals. *)
Definition e_act : Z := Z.shiftr (2 * inner_most t) (wbits + xbits - 28) + 18.
Definition e_der : Z := 2 * e_act + 2.
Definition e_res : Z := Z.shiftr ((r2 w + 1) * (outer_sum t * e_act)) (40 + wbits) + 4.

(** Pre-activations and hidden values of a neuron; the residual of a sample; derivatives; residual times derivative. *)
Definition pres_of (X : list (list Z)) (q : list Z) : list Z := map (fun x => Z.shiftr (dot x q) (wbits + xbits - 28)) X.
Definition residual_of (i : nat) (D : Z) : Z := Z.shiftr (r2 w * D) (40 + wbits) - Z.shiftr (at_ (targets c) i * one) (target_bits c).
Definition derivative_of (h : Z) : Z := one - Z.shiftr (h * h) 28.
Definition weighted (E D : list Z) : list Z := map (fun i => Z.shiftr (at_ E i * at_ D i) 28) (seq 0 nodes).

(** The next point. *)
Definition next_outer (E H : list Z) (a : Z) : Z := a - Z.shiftr (gain40 t * dot E H) (96 - wbits).
Definition next_inner (a : Z) (q O : list Z) : list Z :=
  let ga := gain40 t * a in map (fun j => at_ q j - Z.shiftr (ga * at_ O j) (68 + xbits)) (seq 0 (dim c)).
Definition next (S : state) (E : list Z) (H O : list (list Z)) : state :=
  map (fun r => let a := weight_at S r in (next_outer E (row H r) a, next_inner a (inner_at S r) (row O r))) neurons.

(** Errors of the sums O and, in units of 2^-weight_bits, of the next point. *)
Definition e_weighted (sum_E : Z) : Z := Z.shiftr (sum_E * e_der) 28 + 1 + Z.of_nat nodes.
Definition e_pull (xm sum_E : Z) : Z := e_weighted sum_E * xm + 2 * (sum_E + e_weighted sum_E).
Definition e_outer (sum_E : Z) : Z := Z.shiftr ((gain40 t + 1) * (sum_E * e_act) + sum_E * (2 * one)) (96 - wbits) + 2.
Definition e_inner (xm e sum_E : Z) : Z := Z.shiftr (outer_most t * ((gain40 t + 1) * e + (sum_E * xm + e))) (68 + xbits) + 2.

(** |J|^2 output_scale <= sum h^2 + kappa^2 max_i sum_r (a_r act')^2. *)
Definition hidden_squares (D : list (list Z)) : Z := sum_list (fun v => v) (map (sum_list (fun d => one - d + e_der)) D).
Definition steepness (a : Z) (D : list Z) : list Z := map (fun d => Z.shiftr (Z.abs a * (d + e_der)) (wbits + 12) + 1) D.
Definition steep_squares (St : list (list Z)) : Z :=
  fold_right Z.max 0 (map (fun i => let l := map (fun s => at_ s i) St in dot l l) (seq 0 nodes)).
Definition jac_ok (x : bounds) (D St : list (list Z)) : bool :=
  leQ 0 (b_jac x) && leQ (inject_Z (hidden_squares D * 2 ^ 32) + in_norm w * in_norm w * inject_Z (steep_squares St * one))
    (b_jac x * b_jac x * inject_Z (output_scale c * one * 2 ^ 32)).

(** The curvature of a neuron: 2 e act' h in units of 2^-12; the root of its form's square, its output weight and
    its sums in units of 2^-16; the block of all in units of 2^-20. *)
Definition bends (P H : list Z) : list Z := map (fun i => Z.shiftr (at_ P i * at_ H i) 43) (seq 0 nodes).
Definition above (v : Z) : Z := Z.max 0 (v + 2).
Definition below (v : Z) : Z := Z.max 0 (2 - v).
Definition form_root (G : list (list Z)) (l : list Z) : Z := Z.sqrt (dot l (map (dot l) G)) + 1.
Definition block_ok (lam a f pull2 : Z) : bool :=
  let s := Z.shiftr ((r2 w + 1) * (a * f)) 52 + 1 in (s <=? lam) && (256 * pull2 <=? lam * (lam - s) * output_scale c).
Definition coarse_weight (a : Z) : Z := Z.shiftr (Z.abs a) (wbits - 16) + 1.
Definition coarse_pull (e o : Z) : Z := Z.shiftr (Z.abs o + e) (12 + xbits) + 1.
Definition blocks_ok (x : bounds) (root : list Z -> Z) (e a : Z) (P H O : list Z) : bool :=
  let B := bends P H in let hi := root (map above B) in let lo := root (map below B) in
  let pull2 := sum_list (fun o => let v := coarse_pull e o in v * v) O in let a' := coarse_weight a in
  block_ok (b_neg x) a' (if 0 <=? a then hi else lo) pull2 && block_ok (b_pos x) a' (if 0 <=? a then lo else hi) pull2.
Definition bends_ok (most_E : Z) : bool :=
  let e := Z.shiftr (most_E * e_der) 28 + 2 in e * one + (most_E + e) * e_act <=? 2 ^ 43.

(** The distance after a step, from the distance before it. *)
Definition third (most_E : Z) : Q := (scale2 w * (most_E # 268435456) * (in_norm w * in_norm w) * ((231 # 200) + outer_bound t * in_norm w))%Q.
Definition off_residual : Q := (root_n t * (e_res # 268435456))%Q.
Definition moved (x : bounds) (eps third : Q) : Q :=
  (b_gain x * eps + gain * (((3 # 2) * b_jac x * trail_lip t + third + (1 # 2) * trail_lip t * trail_lip t * eps) * (eps * eps)
    + trail_lip t * off_residual * eps + b_jac x * off_residual) + b_err x)%Q.
Definition bounds_ok (x : bounds) (eps : Q) (most_E err : Z) : bool :=
  (0 <? b_neg x) && (0 <? b_pos x) && leQ (1 + gain * (b_neg x # 1048576)) (b_gain x)
  && leQ (gain * (b_jac x * b_jac x + (b_pos x # 1048576))) (1 + b_gain x)
  && leQ (root_p t * inject_Z err) (b_err x * inject_Z (2 ^ wbits)) && leQ (moved x eps (third most_E)) (b_next x).

(** What holds at each computed point. *)
Definition point_ok (S : state) (Pr : list (list Z)) (Do : list Z) : bool :=
  forallb (fun r => (norm1 (inner_at S r) <=? inner_most t) && (Z.abs (weight_at S r) <=? outer_most t)) neurons
  && (norm1 (map (weight_at S) neurons) <=? outer_sum t)
  && forallb (forallb (fun z => Z.abs z <? limit)) Pr && forallb (fun D => Z.abs D <=? 2 ^ (40 + wbits)) Do.

(** At the end: the stored parameters of the problem. *)
Definition arrived (S : state) : bool :=
  forallb (fun r => (weight_at S r =? at_ (row (outers c) 0) r)
    && forallb (fun j => at_ (inner_at S r) j =? at_ (row (inners c) r) j) (seq 0 (dim c))) neurons.

(** Inner products as additions of subset sums ([Vectors.v]); rows of 8 to 11 numbers are filled with zeros. *)
Definition filled (l : list Z) : list Z := l ++ repeat 0 (if 8 <=? Z.of_nat (length l) then 12 - length l else 0).
Notation left := (slice_left).
Notation right := (slice_right).
Definition pres_sliced (XL : list left_row) (q : list Z) : list Z :=
  let q := right (filled q) in map (fun x => Z.shiftr (sliced_product x q) (wbits + xbits - 28)) XL.
Definition root_sliced (GL : list left_row) (l : list Z) : Z := let r := right l in Z.sqrt (dot l (map (fun g => sliced_product g r) GL)) + 1.
Definition next_sliced (S : state) (E : left_row) (H O : list (list Z)) : state :=
  map (fun r => let a := weight_at S r in (a - Z.shiftr (gain40 t * sliced_product E (right (row H r))) (96 - wbits), next_inner a (inner_at S r) (row O r))) neurons.

Fixpoint run (tab : list (list (Z * Z))) (XL : list left_row) (XR : list right_row) (GL : list left_row) (xm : Z) (rho : Q) (S : state) (eps : Q) (l : list bounds) : bool :=
  match l with
  | [] => arrived S && leQ eps rho
  | x :: l =>
    let Pr := map (fun r => pres_sliced XL (inner_at S r)) neurons in let H := map (map (tanhZ tab)) Pr in
    let A := left (map (weight_at S) neurons) in let Do := map (fun i => sliced_product A (right (map (fun h => at_ h i) H))) (seq 0 nodes) in
    let E := map (fun i => residual_of i (at_ Do i)) (seq 0 nodes) in let D := map (map derivative_of) H in
    let P := map (weighted E) D in let O := map (fun p => let p := left p in map (sliced_product p) XR) P in
    let sum_E := norm1 E in let most_E := magnitude E in let e := e_pull xm sum_E in
    point_ok S Pr Do && jac_ok x D (map (fun r => steepness (weight_at S r) (row D r)) neurons) && bends_ok most_E
    && forallb (fun r => blocks_ok x (root_sliced GL) e (weight_at S r) (row P r) (row H r) (row O r)) neurons
    && bounds_ok x eps most_E (Z.max (e_outer sum_E) (e_inner xm e sum_E))
    && run tab XL XR GL xm rho (next_sliced S (left E) H O) (b_next x) l
  end.

(** The first computed point: bits dropped. *)
Definition coarse_start (p : parameters) : state :=
  let s := p_bits p - wbits in
  map (fun r => (Z.shiftr (at_ (row (p_outers p) 0) r) s, map (fun j => Z.shiftr (at_ (row (p_inners p) r) j) s) (seq 0 (dim c)))) neurons.

Definition trail_ok (p : parameters) : bool :=
  match hidden c with Tanh => true | _ => false end && negb (hidden_bias c) && (outputs c =? 1)%nat
  && match output_biases c with [] => true | _ => false end
  && (0 <=? xbits) && (0 <=? wbits - 16) && (0 <=? in_shift) && (0 <=? wbits + xbits - 28) && (0 <=? 96 - wbits) && (0 <=? p_bits p - wbits)
  && (1 <=? gain40 t) && (0 <=? inner_most t) && (0 <=? outer_sum t) && (0 <=? outer_most t) && (e_act * e_act <=? one)
  && forallb (forallb (fun v => Z.abs v <=? 2 ^ in_shift)) (inputs c)
  && leQ (inject_Z ((gain40 t - 1) * (gain40 t - 1) * output_scale c)) (gain * gain * inject_Z (two40 * two40))
  && leQ (gain * gain * inject_Z (two40 * two40)) (inject_Z ((gain40 t + 1) * (gain40 t + 1) * output_scale c))
  && leQ 0 (root_n t) && leQ (inject_Z (Z.of_nat nodes)) (root_n t * root_n t)
  && leQ 0 (root_p t) && leQ (inject_Z (Z.of_nat (width c) * (1 + Z.of_nat (dim c)))) (root_p t * root_p t)
  && leQ (inject_Z (outer_most t)) (outer_bound t * inject_Z (2 ^ wbits)) && leQ 0 (outer_bound t)
  && ltQ 0 (trail_ell t) && leQ (1 + (77 # 100) * outer_bound t * in_twice w * trail_ell t) (trail_ell t * trail_ell t)
  && leQ (scale2 w * in_norm w * trail_ell t) (trail_lip t) && leQ 0 (trail_lip t)
  && leQ (root_p t) (first t * inject_Z (2 ^ wbits)).

Definition trail_follows (V : vectors) (p : parameters) (rho : Q) : bool :=
  trail_ok p && (let tab := tanh_table in let X := inputs_at in
    run tab (map (fun x => left (filled x)) X) (map (slice_right) (columns_at X)) (map (slice_left) (squares_at (gramZ c w V (inputsZ c w)) (e_gram c (inputsZ c w))))
      (input_most X) rho (coarse_start p) (first t) (steps t)).

(** Descent from p, which the basin about the stored parameters takes over. *)
Definition accepted_trail (V : vectors) (p : parameters) (rho ball rate mu : Q) : bool :=
  accepted_basin c w V rho ball rate mu && trail_follows V p rho.
End Trail.
