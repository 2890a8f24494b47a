(** * The checker: a function from certificates to booleans, by integer arithmetic alone

    [CheckFacts.v] and [Converges.v] prove what [check] and [accepted] imply; nothing here need be trusted or read for that.  Units: pre-activations
    and their activations in 2^-28 ([one]); hidden values and slopes, which enter the kernel, in 2^(hidden_drop - 28); weights and
    inputs rounded for the forward pass by dropping bits. *)

From Coq Require Import ZArith List Bool QArith.
From LPLR Require Import Activation Fixed Shift FixedTanh IntegerMatrix Slices Vectors Format.
Import ListNotations.
Open Scope Z_scope.

(** A rounded Cholesky factor: M = C + G L L^T up to cap in each entry. *)
Record factor := { f_C : Z; f_G : Z; f_cap : Z; f_L : list (list Z) }.

(** Neurons with output weights of about one size: a bound of |a_r| and the l that goes with it (see [share_ok]). *)
Record group := { g_max : Z; g_ell : Q }.

(** The NTK on a ball, the budget shared between the neurons: lambda_min >= p_floor - p_weight rho^2 on B(start, rho), for
    every rho; a neuron of group g enters the kernel with p_shares_g / 2^16 of its weight. *)
Record parabola := { p_weight : Q; p_floor : Q; p_shares : list Z; p_factor : factor }.

(** What the producer of a certificate passes to the checker. *)
Record witness := {
  weight_drop : Z; input_drop : Z; hidden_drop : Z;
  r1 : Z; r2 : Z;                        (* 2^40/sqrt q, rounded *)
  xx_max : Z;                            (* bound of |x_i|^2 in units of [qx] *)
  jac0 : Q; res0 : Q; sigma0 : Q;        (* K0, e0, sqrt lambda0 *)
  drop : Q; lip : Q;                     (* on the ball J is within drop |z - start| + kink/2 of the checker's at the start, and *)
  kink : Q; jump : Q;                    (* |J(z') - J(z)| <= lip |z' - z| + jump; both 0 where no kink crosses the ball *)
  out_max : Q; in_norm : Q; in_twice : Q; ell0 : Q; ell : Q; scale2 : Q;
  low : factor; high : factor; ins : factor; twice : factor;
  groups : list group; group_of : list nat; parabolas : list parabola;
  offset : Z; stairs : list (Z * Z)      (* rows (rho, sigma) in units of 2^-40: sigma_min(J) >= sigma on B(start, rho) *)
}.

Definition two40 : Z := 1099511627776.

Section Check.
Variables (c : problem) (w : witness) (V : vectors).
Let n := samples c.
Let m := width c.
Let N := equations c.
Let wb := weight_bits c.

(** ** Rounding *)
Definition wh : Z := wb - weight_drop w.             (* bits kept *)
Definition xh : Z := input_bits c - input_drop w.
Definition rounded (drop : Z) (rows : list (list Z)) : list (list Z) := let cut := shr drop in map (map cut) rows.
Definition weightsZ : list (list Z) := rounded (weight_drop w) (inners c).
Definition inputsZ : list (list Z) := rounded (input_drop w) (inputs c).
Definition max1 (rows : list (list Z)) : Z := fold_right Z.max 0 (map norm1 rows).
Definition dimZ : Z := Z.of_nat (dim c).
Definition e_dot (W X : list (list Z)) : Z := max1 W + max1 X + dimZ.
Definition e_gram (X : list (list Z)) : Z := 2 * max1 X + dimZ.

(** ** Pre-activations, hidden values, slopes *)
Definition dotsZ (W X : list (list Z)) : list (list Z) :=
  let PW := map (pack_left V) W in map (fun x => let px := pack_right V x in map (fun q => product V q px) PW) X.
Definition shift1 : Z := wh + xh + 12.
Definition biasZ : list Z :=
  map (fun q => if hidden_bias c then Z.shiftr (at_ q (dim c) * one) wb else 0) (inners c).
Definition preZ (cut : Z -> Z) (D b : Z) : Z := cut (r1 w * D) + b.
Definition e_pre (ed : Z) : Z := Z.shiftr ((r1 w + 1) * ed + 2 ^ (wh + xh + 8)) shift1 + 3.
(** sigmoid x = (1 + tanh (x/2)) / 2. *)
(** The largest absolute value. *)
Definition peak (rows : list (list Z)) : Z := fold_right (fun row => Z.max (magnitude row)) 0 rows.
(** tanh's table, as long as these arguments need it, if they are below [limit]. *)
Definition tableZ (Ps : list (list Z)) : list (list (Z * Z)) :=
  match hidden c with Relu => [] | _ => table (S (Z.to_nat (Z.min 63 (Z.shiftr (peak Ps) 26)))) end.
Definition valueZ (tab : list (list (Z * Z))) (z : Z) : Z :=
  match hidden c with Tanh => tanhZ tab z | Sigmoid => Z.div2 (one + tanhZ tab (Z.div2 z)) | Relu => Z.max 0 z end.
Definition e_value : Z := match hidden c with Relu => 0 | _ => 16 end.
Definition k : Z := hidden_drop w.
Definition unit : Z := 2 ^ (28 - k).
Definition half : Z := 2 ^ (k - 1).
Definition roundZ (h : Z) (cut : Z -> Z) (t : Z) : Z := cut (t + h).
Definition slope_shift : Z := wb + 28 - k.
(** The derivative from the hidden value h: 1 - h^2, or h (1 - h); for ReLU from twice itself ([sidesZ]). *)
Definition derivativeZ (u h : Z) : Z :=
  match hidden c with Tanh => u * u - h * h | Sigmoid => u * h - h * h | Relu => h * (u * u / 2) end.
Definition slope_with (u : Z) (cut : Z -> Z) (rounding : Z) (a : scalar) (h : Z) : Z := cut (times a (derivativeZ u h) + rounding).
Definition slopeZ : scalar -> Z -> Z := slope_with unit (shr slope_shift) (2 ^ (slope_shift - 1)).
Definition slopesZ (S : list (list Z)) : list (list Z) :=
  let slope := slopeZ in let A := map (map scalar_of) (outers c) in
  map (fun I => zip slope (nth (output_of c I) A []) (row S (sample_of c I))) (seq 0 N).

(** ** The kernel and its error *)
Definition qx : Z := hidden_scale c * 2 ^ (2 * xh).
Definition beta : Z := if hidden_bias c then 1 else 0.
Definition gramZ (X : list (list Z)) : list (list Z) :=
  let L := map (pack_left V) X in let R := map (pack_right V) X in let b := beta * qx in
  map (fun i => let Xi := nth i L (pack_left V []) in map (fun j => product V Xi (nth j R (pack_right V [])) + b) (seq 0 (S i))) (seq 0 n).
Definition scaleZ : Z := unit * unit * output_scale c * qx.
Definition ones : list Z := map (fun _ => 1) (groups w).
(** Shares of 2^16 that the neurons of a group may keep; all of them first, then those of the parabolas. *)
Definition share_one : Z := 65536.
Definition all_shares : list (Z * list Z) := (1, ones) :: map (fun p => (share_one, p_shares p)) (parabolas w).
(** The entries of each group of neurons. *)
Definition selected (rows : list (list Z)) : list (list (list Z)) :=
  let masks := map (fun g => map (fun h => (h =? g)%nat) (group_of w)) (seq 0 (length (groups w))) in
  map (fun h => map (fun mask => pick mask h) masks) rows.
Fixpoint all2 {A B : Type} (f : A -> B -> bool) (x : list A) (y : list B) : bool :=
  match x, y with [], [] => true | a :: x, b :: y => f a b && all2 f x y | _, _ => false end.
(** Rows so short that sums with weights up to [share_one] stay below 2^62. *)
Definition below46 (L : list (list (row_left V))) (R : list (list (row_right V))) : bool :=
  all2 (fun l r => fold_right Z.add 0 (products (product V) l r) <? 2 ^ 46) L R.
Fixpoint entry_sums (q : Z) (x : scalar) (out : Z) (units h b : list Z) : list Z :=
  match units, h, b with u :: units, s :: h, t :: b => q * s + times x t + u * out :: entry_sums q x out units h b | _, _, _ => [] end.
(** The kernel, entry by entry, for each list of shares: the products of the groups are made once. *)
Definition kernelsZ (XX H B : list (list Z)) : list (list (list Z)) :=
  let gH := selected H in let gB := selected B in
  let LH := map (map (pack_left V)) gH in let LB := map (map (pack_left V)) gB in
  let RH := map (map (pack_right V)) gH in let RB := map (map (pack_right V)) gB in let small := below46 LH RH && below46 LB RB in
  let shares := map (fun s => pack_weights V (snd s)) all_shares in let units := map fst all_shares in let none := map (fun _ => 0) all_shares in
  let out := Z.of_nat (biases c) * scaleZ in let q := qx in
  map (fun I => let Hi := nth (sample_of c I) LH [] in let Bi := nth I LB [] in let Xi := row XX (sample_of c I) in let o := output_of c I in
    map (fun J => let j := sample_of c J in let same := (o =? output_of c J)%nat in
      let h := if same then weighted V small Hi (nth j RH []) shares else none in let b := weighted V small Bi (nth J RB []) shares in
      entry_sums q (scalar_of (at_ Xi j)) (if same then out else 0) units h b) (seq 0 (S I))) (seq 0 N).
Definition kernelZ (K : list (list (list Z))) (k : nat) : list (list Z) := map (map (fun l => at_ l k)) K.
Definition e_hid (et : Z) : Z := et + half.
Definition slope_gain (eh : Z) : Z := match hidden c with Relu => 0 | _ => 2 * eh + 1 end.
Definition mZ : Z := Z.of_nat m.
Definition nZ : Z := Z.of_nat n.
Definition NZ : Z := Z.of_nat N.
Definition weight_one : Z := 2 ^ wb.
Definition finer : Z := 2 ^ (2 * k) * (weight_one * weight_one).      (* errors are in units of 1 / finer *)
(** Of a neuron: its largest |a_or|, and |a_r|^2. *)
Definition over_outputs (f : Z -> Z -> Z) : list Z := fold_right (map2 f) (map (fun _ => 0) (inners c)) (outers c).
Definition largest_outer : list Z := over_outputs (fun a most => Z.max (Z.abs a) most).
Definition outer_squares : list Z := over_outputs (fun a total => a * a + total).
Definition e_slopes (eh : Z) : Z :=
  sum_list (fun a => let e := slope_gain eh * a + half * weight_one in e * (2 * one * a + e)) largest_outer.
Definition e_kernel (T : list (list Z)) (eg eh : Z) : Z :=
  qx * (eh * (2 * max1 T + 3 * mZ * eh)) * (weight_one * weight_one) + xx_max w * e_slopes eh + eg * (one * one) * dot largest_outer largest_outer.

(** ** The residual *)
Definition out_unit : Z := one * weight_one * two40 * 2 ^ target_bits c.
(** sum_r a_or times the hidden values, equation by equation. *)
Definition outsZ (T : list (list Z)) : list Z :=
  let L := map slice_left T in let A := map slice_right (outers c) in
  map (fun I => sliced_product (nth (sample_of c I) L (slice_left [])) (nth (output_of c I) A (slice_right []))) (seq 0 N).
Definition residualZ (D : Z) (I : nat) : Z :=
  2 ^ target_bits c * (r2 w * D + at_ (output_biases c) (output_of c I) * one * two40) - at_ (targets c) I * (one * weight_one * two40).
Definition e_out (D size et : Z) : Z := let e := size * et in 2 ^ target_bits c * (Z.abs D + e + r2 w * e).

(** ** The ball: radius, K = K0 + Delta_J, the drift of a step, the area under the table *)
Definition grid (z : Z) : Q := z # 1099511627776.
Fixpoint top (prev : Z) (l : list (Z * Z)) : Z := match l with [] => prev | (r, _) :: l => top r l end.
Fixpoint final (cur : Z) (l : list (Z * Z)) : Z := match l with [] => cur | (_, g) :: l => final g l end.
Fixpoint area (prev : Z) (l : list (Z * Z)) : Z := match l with [] => 0 | (r, g) :: l => g * (r - prev) + area r l end.
Fixpoint ascending (prev : Z) (l : list (Z * Z)) : bool :=
  match l with [] => true | (r, _) :: l => (prev <=? r) && ascending r l end.
Definition radius : Q := grid (top (offset w) (stairs w)).
Definition sigma_end : Q := grid (final 0 (stairs w)).
Definition half_kink : Q := (1 # 2) * kink w.
Definition jac_ball : Q := jac0 w + half_kink + drop w * radius.
Definition drift (e : Q) : Q := (1 # 2) * lip w * (lr c * loss_scale c * jac_ball * e) + jump w.

(** ** ReLU: where kinks cross the ball
    A pre-activation P, known up to e, is farther from the kink than the radius times |x_i|, whose square is at most [square] in
    units of [qx]: the unit keeps its side on the whole ball.  The input zero, without hidden biases, leaves all units on the kink. *)
Definition off_kink (e : Z) (reach : Q) (P : Z) : bool := let far := Z.abs P - e in (0 <? far) && ltQ reach (inject_Z (far * far * qx)).
Definition zero_sample (i : nat) (P : list Z) : bool :=
  negb (hidden_bias c) && forallb (Z.eqb 0) (row (inputs c) i) && forallb (Z.eqb 0) P.
(** Twice the slope on the ball, 1 where it may be 0 or 2: the mean of the two, from which neither is farther than a half. *)
Definition sideZ (e : Z) (reach : Q) (P : Z) : Z := if off_kink e reach P then (if 0 <? P then 2 else 0) else 1.
Definition sidesZ (XX Ps : list (list Z)) (eg e : Z) : list (list Z) :=
  map (fun i => let P := row Ps i in
    if zero_sample i P then map (fun _ => 0) P
    else let square := at_ (row XX i) i + eg in map (sideZ e (radius * radius * inject_Z (one * one * square))) P) (seq 0 n).
Definition sourceZ (XX Ps H : list (list Z)) (eg e : Z) : list (list Z) := match hidden c with Relu => sidesZ XX Ps eg e | _ => H end.
(** Slopes that may jump, at the start's output weights; the jumps of all are an operator whose square is at most the largest sum of
    a row of sum_r |<x_i, x_j>| |a_or| |a_pr| over output_scale.  Output weights that move cost drop radius more. *)
Definition jumpZ (a side : Z) : Z := if side =? 1 then Z.abs a else 0.
Definition jumpsZ (S : list (list Z)) : list (list Z) :=
  map (fun I => map2 jumpZ (row (outers c) (output_of c I)) (row S (sample_of c I))) (seq 0 N).
Definition jump_sum (XX G : list (list Z)) (eg : Z) (I : nat) : Z :=
  sumZ N (fun J => let i := sample_of c I in let j := sample_of c J in
    (Z.abs (at_ (row XX (Nat.max i j)) (Nat.min i j)) + eg) * dot (row G I) (row G J)).
Definition crossed (S : list (list Z)) : bool := existsb (existsb (Z.eqb 1)) S.
Definition check_jumps (XX S : list (list Z)) (eg : Z) : bool :=
  leQ 0 (kink w) && leQ 0 (jump w) && match hidden c with
  | Relu => let G := jumpsZ S in let most := (kink w * kink w * inject_Z (output_scale c * qx * (weight_one * weight_one)))%Q in
      (negb (crossed S) || leQ (kink w + drop w * radius) (jump w)) && forallb (fun I => leQ (inject_Z (jump_sum XX G eg I)) most) (seq 0 N)
  | _ => true
  end.

(** ** The tests *)
Definition check_shape : bool :=
  (0 <=? wb) && (0 <=? input_bits c) && (0 <=? target_bits c) && (0 <? hidden_scale c) && (0 <? output_scale c)
  && (0 <=? weight_drop w) && (0 <=? wh) && (0 <=? input_drop w) && (0 <=? xh) && (1 <=? k) && (k <=? 27)
  && (1 <=? r1 w) && (1 <=? r2 w) && (0 <=? xx_max w)
  && forallb (fun a => (length a =? m)%nat) (outers c)
  && forallb (fun q => (length q <=? size c)%nat) (inners c)
  && forallb (fun x => (length x <=? dim c)%nat) (inputs c)
  && (0 <=? f_G (low w)) && (0 <=? f_G (high w)) && (0 <=? f_G (ins w)) && (0 <=? f_G (twice w))
  && (length (group_of w) =? m)%nat && forallb (fun g => (g <? length (groups w))%nat) (group_of w).
Definition check_root (r q : Z) : bool := ((r - 1) * (r - 1) * q <=? two40 * two40) && (two40 * two40 <=? (r + 1) * (r + 1) * q).
Definition check_pre (Ds Ps : list (list Z)) : bool := (peak Ds <=? 2 ^ (wh + xh + 8)) && (peak Ps <? limit).
Definition steep : Q := act_top (hidden c) * act_top (hidden c).
Definition bent : Q := act_bend (hidden c).
Definition check_scalars : bool :=
  ltQ 0 (loss_scale c) && ltQ 0 (lr c) && leQ 0 (jac0 w) && leQ 0 (res0 w) && leQ 0 (sigma0 w) && leQ 0 (drop w)
  && leQ 0 (lip w) && leQ 0 (out_max w) && leQ 0 (in_norm w) && leQ 0 (in_twice w) && ltQ 0 (ell0 w) && ltQ 0 (ell w)
  && leQ 0 (scale2 w)
  && forallb (fun v => leQ (inject_Z v) (out_max w * inject_Z weight_one * (out_max w * inject_Z weight_one))) outer_squares
  && leQ 1 (scale2 w * scale2 w * inject_Z (output_scale c))
  && leQ (steep + bent * out_max w * in_twice w * ell0 w) (ell0 w * ell0 w)
  && leQ (steep + bent * (out_max w + radius) * in_twice w * ell w) (ell w * ell w)
  && leQ (scale2 w * in_norm w * ell0 w) (drop w) && leQ (scale2 w * in_norm w * ell w) (lip w)
  && leQ (lr c * loss_scale c * (jac_ball * jac_ball)) 1.
Definition squares (rows : list (list Z)) : list (list Z) := map (map (fun v => v * v)) rows.
Definition check_inputs (X XX : list (list Z)) : bool :=
  let eg := e_gram X in
  factor_test V n (neg XX) (f_C (ins w)) (f_G (ins w)) (f_L (ins w)) (f_cap (ins w))
  && leQ (inject_Z (nZ * (f_cap (ins w) + eg) - f_C (ins w))) (in_norm w * in_norm w * inject_Z qx)
  && forallb (fun x => (dot x x + beta * qx <=? xx_max w) && (dot x x <? 2 ^ 62)) X
  && factor_test V n (neg (squares XX)) (f_C (twice w)) (f_G (twice w)) (f_L (twice w)) (f_cap (twice w))
  && leQ (inject_Z (nZ * (f_cap (twice w) + eg * (2 * xx_max w + eg)) - f_C (twice w)))
         (in_norm w * in_twice w * (in_norm w * in_twice w) * inject_Z (qx * qx)).
Definition check_kernel (M : list (list Z)) (ek : Z) : bool :=
  factor_test V N M (f_C (low w)) (f_G (low w)) (f_L (low w)) (f_cap (low w))
  && leQ (sigma0 w * sigma0 w * inject_Z (scaleZ * finer)) (inject_Z (f_C (low w) * finer - NZ * (f_cap (low w) * finer + ek)))
  && factor_test V N (neg M) (f_C (high w)) (f_G (high w)) (f_L (high w)) (f_cap (high w))
  && leQ (inject_Z (NZ * (f_cap (high w) * finer + ek) - f_C (high w) * finer)) (jac0 w * jac0 w * inject_Z (scaleZ * finer)).
(** Shares of the budget: a neuron of the group may keep p_shares / 2^16 <= w / (w + om), om = (scale2 in_norm l)^2. *)
Definition neuron_ok (g : nat) (square : Z) : bool := let most := nth g (map g_max (groups w)) 0 in square <=? most * most.
Definition group_ok (g : group) : bool :=
  (0 <=? g_max g) && ltQ 0 (g_ell g)
  && leQ (steep * inject_Z weight_one + bent * inject_Z (g_max g) * in_twice w * g_ell g) (g_ell g * g_ell g * inject_Z weight_one).
Definition share_ok (weight : Q) (share : Z) (g : group) : bool :=
  (0 <=? share) && (share <=? share_one)
  && leQ (inject_Z share * (weight + scale2 w * scale2 w * (in_norm w * in_norm w) * (g_ell g * g_ell g))) (inject_Z share_one * weight).
Definition parabola_ok (ek : Z) (M : list (list Z)) (p : parabola) : bool :=
  leQ 0 (p_weight p) && all2 (share_ok (p_weight p)) (p_shares p) (groups w) && (0 <=? f_G (p_factor p))
  && factor_test V N M (f_C (p_factor p)) (f_G (p_factor p)) (f_L (p_factor p)) (f_cap (p_factor p))
  && leQ (p_floor p * inject_Z (scaleZ * share_one * finer))
         (inject_Z (f_C (p_factor p) * finer - NZ * (f_cap (p_factor p) * finer + share_one * ek))).
Definition check_budget (K : list (list (list Z))) (ek : Z) : bool :=
  all2 neuron_ok (group_of w) outer_squares && forallb group_ok (groups w)
  && all2 (parabola_ok ek) (map (kernelZ K) (seq 1 (length (parabolas w)))) (parabolas w).
(** A row holds by the Weyl step from the centre, or by a parabola. *)
Definition stair_ok (row : Z * Z) : bool :=
  let (r, g) := row in (0 <=? r) && (0 <=? g)
  && (leQ (inject_Z g + half_kink * inject_Z two40 + drop w * inject_Z r) (sigma0 w * inject_Z two40)
      || existsb (fun p => leQ (inject_Z (g * g) + p_weight p * inject_Z (r * r)) (p_floor p * inject_Z (two40 * two40)))
           (match hidden c with Relu => [] | _ => parabolas w end)).
Definition check_stairs : bool :=
  match stairs w with [] => false | _ => true end && (0 <=? offset w) && ascending (offset w) (stairs w) && forallb stair_ok (stairs w).
Definition check_residual (T : list (list Z)) (et : Z) : bool :=
  let outs := outsZ T in let sizes := map norm1 (outers c) in
  leQ (inject_Z (sumZ N (fun I => let D := at_ outs I in let e := Z.abs (residualZ D I) + e_out D (at_ sizes (output_of c I)) et in e * e)))
    (res0 w * res0 w * inject_Z (out_unit * out_unit)).

Definition presZ (Ds : list (list Z)) : list (list Z) := let b := biasZ in let pre := preZ (shr shift1) in map (fun ds => map2 pre ds b) Ds.
Definition valuesZ (Ps : list (list Z)) : list (list Z) := let tab := tableZ Ps in let value := valueZ tab in map (map value) Ps.
Definition hiddenZ (T : list (list Z)) : list (list Z) := let round := roundZ half (shr k) in map (map round) T.

(** What is certain of the network once this is true stands in [CheckFacts.v]. *)
Definition check : bool :=
  check_shape && check_root (r1 w) (hidden_scale c) && check_root (r2 w) (output_scale c) && check_scalars && check_stairs
  && (let W := weightsZ in let X := inputsZ in let Ds := dotsZ W X in let Ps := presZ Ds in let T := valuesZ Ps in
      let H := hiddenZ T in let XX := gramZ X in
      let et := e_value + e_pre (e_dot W X) in
      let S := sourceZ XX Ps H (e_gram X) (e_hid et) in let B := slopesZ S in
      below62 W && check_inputs X XX && check_pre Ds Ps && check_jumps XX S (e_gram X) && (e_hid et * e_hid et <=? one) && check_residual T et
      && below62 H && below62 B
      && (let K := kernelsZ XX H B in let ek := e_kernel T (e_gram X) (e_hid et) in check_kernel (kernelZ K 0) ek && check_budget K ek)).

(** ** The criterion, and the conclusion's radius, rate and PL constant *)
Definition pays (e : Q) : bool := leQ (e + drift e * (radius - grid (offset w))) (area (offset w) (stairs w) # (1099511627776 * 1099511627776)).
Definition concludes (e ball rate mu : Q) : bool :=
  let d := drift e in let f := (1 - lr c * loss_scale c * sigma_end * (sigma_end - d))%Q in
  ltQ d sigma_end && Qeq_bool ball radius && leQ (lr c * loss_scale c * sigma_end * sigma_end) 1 && leQ (f * f) rate && ltQ rate 1
  && ltQ 0 mu && leQ mu (loss_scale c * (sigma_end * sigma_end)).

(** A ball or a hand-over: descent from the stored parameters. *)
Definition accepted (ball rate mu : Q) : bool :=
  (offset w =? 0) && pays (res0 w) && concludes (res0 w) ball rate mu && check.

(** A basin: descent from every point within rho of them; threshold of the residual and largest residual there. *)
Definition threshold : Q := lip w * (grid (offset w) * grid (offset w)) + 2 * jump w * grid (offset w) + 2 * res0 w.
Definition largest : Q := res0 w + (jac0 w + half_kink + drop w * grid (offset w)) * grid (offset w).
Definition accepted_basin (rho ball rate mu : Q) : bool :=
  leQ rho (grid (offset w)) && pays threshold && ltQ (drift threshold) sigma_end && concludes largest ball rate mu && check.
End Check.

(** A lower triangular matrix, one literal a row (see [entries]): rows of k+1, k+2, ... entries. *)
Fixpoint triangle (w k : nat) (l : list Hexadecimal.uint) : list (list Z) :=
  match l with [] => [] | d :: l => entries w (S k) d :: triangle w (S k) l end.
