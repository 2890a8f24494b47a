(** * The checker: a function from certificates to booleans, by integer arithmetic alone

    [CheckCorrect.v] proves what [check] implies; nothing here need be trusted or read for that.  Units: pre-activations
    and tanh in 2^-28 ([one]); hidden values and slopes, which enter the kernel, in 2^(hidden_drop - 28); weights and
    inputs rounded for the forward pass by dropping bits. *)

From Coq Require Import ZArith List Bool QArith.
From LPLR Require Import Fixed FixedTanh IntegerMatrix Vectors Format.
Import ListNotations.
Open Scope Z_scope.

(** A rounded Cholesky factor: M = C + G L L^T up to cap in each entry. *)
Record factor := { f_C : Z; f_G : Z; f_cap : Z; f_L : list (list Z) }.

(** What the producer of a certificate passes to the checker. *)
Record witness := {
  weight_drop : Z; input_drop : Z; hidden_drop : Z;
  r1 : Z; r2 : Z;                        (* 2^40/sqrt q, rounded *)
  xx_max : Z;                            (* bound of |x_i|^2 in units of [qx] *)
  radius : Q; jac0 : Q; res0 : Q; sigma0 : Q; lip : Q;   (* R, K0, e0, sqrt lambda0, L_H *)
  out_max : Q; in_norm : Q; in_max : Q; ell : Q; scale2 : Q;
  low : factor; high : factor; ins : factor
}.

Definition two40 : Z := 1099511627776.

Section Check.
Variables (c : problem) (w : witness) (V : vectors).
Let n := samples c.
Let m := width c.
Let wb := weight_bits c.

(** ** Rounding *)
Definition wh : Z := wb - weight_drop w.             (* bits kept *)
Definition xh : Z := input_bits c - input_drop w.
Definition weightsZ : list (list Z) := map (map (fun z => Z.shiftr z (weight_drop w))) (inners c).
Definition inputsZ : list (list Z) := map (map (fun z => Z.shiftr z (input_drop w))) (inputs c).
Definition max1 (rows : list (list Z)) : Z := fold_right Z.max 0 (map norm1 rows).
Definition dimZ : Z := Z.of_nat (dim c).
Definition e_dot (W X : list (list Z)) : Z := max1 W + max1 X + dimZ.
Definition e_gram (X : list (list Z)) : Z := 2 * max1 X + dimZ.

(** ** Pre-activations, hidden values, slopes *)
Definition dotsZ (W X : list (list Z)) : list (list Z) :=
  let PW := map (pack V) W in map (fun x => let px := pack V x in map (fun q => product V q px) PW) X.
Definition shift1 : Z := wh + xh + 12.
Definition biasZ : list Z :=
  map (fun q => if hidden_bias c then Z.shiftr (at_ q (dim c) * one) wb else 0) (inners c).
Definition preZ (D b : Z) : Z := Z.shiftr (D * r1 w) shift1 + b.
Definition e_pre (ed : Z) : Z := Z.shiftr ((r1 w + 1) * ed + 2 ^ (wh + xh + 8)) shift1 + 3.
Definition k : Z := hidden_drop w.
Definition unit : Z := 2 ^ (28 - k).
Definition half : Z := 2 ^ (k - 1).
Definition roundZ (t : Z) : Z := Z.shiftr (t + half) k.
Definition slope_shift : Z := wb + 28 - k.
Definition slopeZ (a h : Z) : Z := Z.shiftr (a * (unit * unit - h * h) + 2 ^ (slope_shift - 1)) slope_shift.
Definition slopesZ (h : list Z) : list Z := map2 slopeZ (outers c) h.

(** ** The kernel and its error *)
Definition qx : Z := hidden_scale c * 2 ^ (2 * xh).
Definition beta : Z := if hidden_bias c then 1 else 0.
Definition gramZ (X : list (list Z)) : list (list Z) :=
  map (fun i => let Xi := row X i in map (fun j => dot Xi (row X j) + beta * qx) (seq 0 (S i))) (seq 0 n).
Definition scaleZ : Z := unit * unit * output_scale c * qx.
Definition kernelZ (XX H B : list (list Z)) : list (list Z) :=
  let PH := map (pack V) H in let PB := map (pack V) B in let z := pack V [] in let out := Z.of_nat (biases c) * scaleZ in
  map (fun i => let Hi := nth i PH z in let Bi := nth i PB z in let Xi := row XX i in
    map (fun j => qx * product V Hi (nth j PH z) + at_ Xi j * product V Bi (nth j PB z) + out) (seq 0 (S i))) (seq 0 n).
Definition e_hid (et : Z) : Z := et + half.
Definition slope_gain (eh : Z) : Z := 2 * eh + 1.
Definition mZ : Z := Z.of_nat m.
Definition nZ : Z := Z.of_nat n.
Definition weight_one : Z := 2 ^ wb.
Definition finer : Z := 2 ^ (2 * k) * (weight_one * weight_one).      (* errors are in units of 1 / finer *)
Definition e_slopes (eh : Z) : Z :=
  sum_list (fun a => let e := slope_gain eh * Z.abs a + half * weight_one in e * (2 * one * Z.abs a + e)) (outers c).
Definition e_kernel (eg eh : Z) : Z :=
  qx * (mZ * (eh * (2 * one + eh))) * (weight_one * weight_one) + xx_max w * e_slopes eh + eg * (one * one) * dot (outers c) (outers c).

(** ** The residual *)
Definition out_unit : Z := one * weight_one * two40 * 2 ^ target_bits c.
Definition residualZ (T : list (list Z)) (i : nat) : Z :=
  2 ^ target_bits c * (r2 w * dot (outers c) (row T i) + sum_list (fun b => b) (output_biases c) * one * two40)
  - at_ (targets c) i * (one * weight_one * two40).
Definition e_out (et : Z) : Z := 2 ^ target_bits c * (one * norm1 (outers c) + r2 w * (norm1 (outers c) * et)).

(** ** The tests *)
Definition drift : Q := (1 # 2) * lip w * (lr c * loss_scale c * (jac0 w + lip w * radius w) * res0 w).
Definition check_shape : bool :=
  (0 <=? wb) && (0 <=? input_bits c) && (0 <=? target_bits c) && (0 <? hidden_scale c) && (0 <? output_scale c)
  && (0 <=? weight_drop w) && (0 <=? wh) && (0 <=? input_drop w) && (0 <=? xh) && (1 <=? k) && (k <=? 27)
  && (1 <=? r1 w) && (1 <=? r2 w) && (0 <=? xx_max w)
  && (length (inners c) =? m)%nat
  && forallb (fun q => (length q <=? size c)%nat) (inners c)
  && forallb (fun x => (length x <=? dim c)%nat) (inputs c)
  && (0 <=? f_G (low w)) && (0 <=? f_G (high w)) && (0 <=? f_G (ins w)).
Definition check_root (r q : Z) : bool := ((r - 1) * (r - 1) * q <=? two40 * two40) && (two40 * two40 <=? (r + 1) * (r + 1) * q).
Definition below62 (rows : list (list Z)) : bool := forallb (fun q => dot q q <? 2 ^ 62) rows.
Definition check_pre (Ds Ps : list (list Z)) : bool :=
  forallb (forallb (fun D => Z.abs D <=? 2 ^ (wh + xh + 8))) Ds && forallb (forallb (fun P => Z.abs P <? limit)) Ps.
Definition check_scalars : bool :=
  ltQ 0 (loss_scale c) && ltQ 0 (lr c) && leQ 0 (radius w) && leQ 0 (jac0 w) && leQ 0 (res0 w) && leQ 0 (sigma0 w)
  && leQ 0 (lip w) && leQ 0 (out_max w) && leQ 0 (in_norm w) && leQ 0 (in_max w) && ltQ 0 (ell w) && leQ 0 (scale2 w)
  && forallb (fun a => leQ (inject_Z (Z.abs a)) (out_max w * inject_Z weight_one)) (outers c)
  && leQ 1 (scale2 w * scale2 w * inject_Z (output_scale c))
  && leQ (1 + (77 # 100) * (out_max w + radius w) * in_max w * ell w) (ell w * ell w)
  && leQ (scale2 w * in_norm w * ell w) (lip w)
  && leQ (lr c * loss_scale c * ((jac0 w + lip w * radius w) * (jac0 w + lip w * radius w))) 1
  && ltQ drift (sigma0 w - lip w * radius w)
  && leQ (res0 w) ((sigma0 w - drift) * radius w - lip w * (radius w * radius w) * (1 # 2)).
Definition check_inputs (X XX : list (list Z)) : bool :=
  psd_test n (neg XX) (f_C (ins w)) (f_G (ins w)) (f_L (ins w)) (f_cap (ins w))
  && leQ (inject_Z (nZ * (f_cap (ins w) + e_gram X) - f_C (ins w))) (in_norm w * in_norm w * inject_Z qx)
  && forallb (fun x => (dot x x + beta * qx <=? xx_max w) && (dot x x <? 2 ^ 62)) X
  && leQ (inject_Z (xx_max w + e_gram X)) (in_max w * in_max w * inject_Z qx).
Definition check_kernel (N : list (list Z)) (ek : Z) : bool :=
  psd_test n N (f_C (low w)) (f_G (low w)) (f_L (low w)) (f_cap (low w))
  && leQ (sigma0 w * sigma0 w * inject_Z (scaleZ * finer)) (inject_Z (f_C (low w) * finer - nZ * (f_cap (low w) * finer + ek)))
  && psd_test n (neg N) (f_C (high w)) (f_G (high w)) (f_L (high w)) (f_cap (high w))
  && leQ (inject_Z (nZ * (f_cap (high w) * finer + ek) - f_C (high w) * finer)) (jac0 w * jac0 w * inject_Z (scaleZ * finer)).
Definition check_residual (T : list (list Z)) (et : Z) : bool :=
  leQ (inject_Z (sumZ n (fun i => let e := Z.abs (residualZ T i) + e_out et in e * e))) (res0 w * res0 w * inject_Z (out_unit * out_unit)).

Definition presZ (Ds : list (list Z)) : list (list Z) := let b := biasZ in map (fun ds => map2 preZ ds b) Ds.
Definition hiddenZ (T : list (list Z)) : list (list Z) := map (map roundZ) T.

Definition check : bool :=
  check_shape && check_root (r1 w) (hidden_scale c) && check_root (r2 w) (output_scale c) && check_scalars
  && (let tab := table in let W := weightsZ in let X := inputsZ in
      let Ds := dotsZ W X in let Ps := presZ Ds in let T := map (map (tanhZ tab)) Ps in
      let H := hiddenZ T in let B := map slopesZ H in let XX := gramZ X in
      let et := 16 + e_pre (e_dot W X) in
      below62 W && check_inputs X XX && check_pre Ds Ps && (e_hid et * e_hid et <=? one) && check_residual T et
      && below62 H && below62 B && check_kernel (kernelZ XX H B) (e_kernel (e_gram X) (e_hid et))).

(** ** The conclusion's rate and PL constant *)
Definition sigma_end : Q := sigma0 w - lip w * radius w.
Definition factor_of : Q := 1 - lr c * loss_scale c * sigma_end * (sigma_end - drift).
Definition accepted (rate mu : Q) : bool :=
  leQ (lr c * loss_scale c * sigma_end * sigma_end) 1 && leQ (factor_of * factor_of) rate && ltQ rate 1
  && ltQ 0 mu && leQ mu (loss_scale c * (sigma_end * sigma_end)) && check.
End Check.

(** A lower triangular matrix, one literal a row (see [entries]): rows of k+1, k+2, ... entries. *)
Fixpoint triangle (w k : nat) (l : list Hexadecimal.uint) : list (list Z) :=
  match l with [] => [] | d :: l => entries w (S k) d :: triangle w (S k) l end.
