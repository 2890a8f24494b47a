(** * What a certificate is about: a two-layer tanh, sigmoid or ReLU network, its data and gradient descent

    A reader has to read this file, and nothing of the checker, to know what an accepted certificate says.
    A double is an integer over a power of two, so all numbers below are exact. *)

From Coq Require Import Reals Lia ZArith QArith Qreals List Bool.
From LPLR Require Import Inner Sums Rn Setting Activation TwoLayer Rows IntegerMatrix.
Import ListNotations.
Open Scope R_scope.

Record problem := {
  inputs : list (list Z);  input_bits : Z;       (* x_ij = integer / 2^input_bits; one row a sample *)
  targets : list Z;        target_bits : Z;      (* y_io, sample by sample *)
  outers : list (list Z);                        (* output weights a_or = integer / 2^weight_bits; one row an output *)
  inners : list (list Z);                        (* hidden weights w_rj, one row a neuron; a hidden bias comes last *)
  output_biases : list Z;  weight_bits : Z;      (* none, or one for each output, in the same unit *)
  dim : nat;               hidden_bias : bool;     hidden : activation;
  hidden_scale : Z;        output_scale : Z;     (* q1, q2: the layers are multiplied by 1/sqrt q *)
  loss_scale : Q;          lr : Q                (* s in s/2 sum (F_io - y_io)^2, and the step *)
}.

Definition value (bits z : Z) : R := IZR z / IZR (2 ^ bits).

Section Problem.
Variable c : problem.
Definition samples : nat := length (inputs c).
Definition outputs : nat := length (outers c).
Definition width : nat := length (inners c).
Definition biases : nat := match output_biases c with [] => 0 | _ => 1 end.
Definition size : nat := if hidden_bias c then S (dim c) else dim c.

(** x_i / sqrt q1, followed by the constant 1 when there are hidden biases. *)
Definition input (i : nat) : Rn size :=
  vector size (fun j => if (j <? dim c)%nat then / sqrt (IZR (hidden_scale c)) * value (input_bits c) (at_ (row (inputs c) i) j) else 1).

(** Equation I is about output I mod k of sample I / k. *)
Definition equations : nat := samples * outputs.
Definition sample_of (I : nat) : nat := I / outputs.
Definition output_of (I : nat) : nat := I mod outputs.

(** F_io(theta) = (1 / sqrt q2) sum_r a_or act <w_r, input i> + b_o ([model_value]), act the hidden activation; its derivative
    [Activation.dact] is 0 at the kink of ReLU, as in automatic differentiation. *)
Definition model : Model (Params (Rn outputs) (Rn size) width biases) (Rn equations) :=
  network (Rn outputs) (Rn size) equations width biases (fun I => input (sample_of I)) (fun I => axis outputs (output_of I))
    (/ sqrt (IZR (output_scale c))) (fun _ _ => act (hidden c)) (fun _ _ => dact (hidden c)).

Definition target : Rn equations := vector equations (fun I => value (target_bits c) (at_ (targets c) I)).

(** The stored parameters. *)
Definition start : Params (Rn outputs) (Rn size) width biases :=
  (build width (fun r => (vector outputs (fun o => value (weight_bits c) (at_ (row (outers c) o) r)),
                          vector size (fun j => value (weight_bits c) (at_ (row (inners c) r) j))) : neuron (Rn outputs) (Rn size)),
   build biases (fun _ => vector outputs (fun o => value (weight_bits c) (at_ (output_biases c) o)))).

Theorem model_value z i o : (i < samples)%nat -> (o < outputs)%nat ->
  entry (F model z) (i * outputs + o) = / sqrt (IZR (output_scale c))
    * sum width (fun r => entry (out (Rn outputs) (Rn size) width biases z r) o * act (hidden c) ⟨inn (Rn outputs) (Rn size) width biases z r, input i⟩)
    + sum biases (fun k => entry (coord k (snd z)) o).
Proof.
  intros Hi Ho. change (F model z) with (net_F (Rn outputs) (Rn size) equations width biases (fun I => input (sample_of I))
    (fun I => axis outputs (output_of I)) (/ sqrt (IZR (output_scale c))) (fun _ _ => act (hidden c)) z).
  unfold net_F, bias, hid, pre, outer, sample_of, output_of. rewrite entry_vector by (unfold equations; nia).
  rewrite row_div, row_mod by assumption. f_equal; [f_equal|]; apply sum_ext; intros; now rewrite inner_axis.
Qed.

Definition risk (z : Params (Rn outputs) (Rn size) width biases) : R := loss model target (Q2R (loss_scale c)) z.
Definition descent (from : Params (Rn outputs) (Rn size) width biases) (k : nat) : Params (Rn outputs) (Rn size) width biases :=
  gd model target (Q2R (loss_scale c)) (Q2R (lr c)) from k.

(** The ball of [radius] about the stored parameters is a locally PL region with constant [mu]. *)
Definition region (radius mu : Q) : Prop :=
  0 < Q2R mu /\ LPLR model target (Q2R (loss_scale c)) (in_ball start (Q2R radius)) (Q2R mu).

(** Descent from a point stays in that ball, its loss falls by [rate] or better in every step, the limit fits the data. *)
Definition reaches (from : Params (Rn outputs) (Rn size) width biases) (radius rate : Q) : Prop :=
  Q2R rate < 1 /\
  (forall k, in_ball start (Q2R radius) (descent from k)) /\
  (forall k, risk (descent from k) <= Q2R rate ^ k * risk from) /\
  exists limit, in_ball start (Q2R radius) limit /\ F model limit = target /\ converges (descent from) limit.

(** What acceptance proves of a ball or a hand-over: of descent from the stored parameters. *)
Definition converges_linearly (radius rate mu : Q) : Prop := region radius mu /\ reaches start radius rate.

(** What it proves of a basin: of descent from every point within [rho] of the stored centre. *)
Definition attracts (rho radius rate mu : Q) : Prop :=
  region radius mu /\ forall from, in_ball start (Q2R rho) from -> reaches from radius rate.
End Problem.

(** ** Rows of integers as hexadecimal literals
    [entries w k 0x...] cuts the first k groups of w hexadecimal digits off; the group v stands for v - 8 * 16^(w-1).
    A row is one literal, because Coq reads a digit as fast as a whole small number. *)
Declare Scope digits_scope.
Delimit Scope digits_scope with digits.
Definition digits_of (literal : Number.uint) : option Hexadecimal.uint :=
  match literal with Number.UIntHexadecimal d => Some d | Number.UIntDecimal _ => None end.
Definition literal_of (d : Hexadecimal.uint) : Number.uint := Number.UIntHexadecimal d.
Number Notation Hexadecimal.uint digits_of literal_of : digits_scope.

Definition digit (d : Hexadecimal.uint) : Z * Hexadecimal.uint :=
  match d with
  | Hexadecimal.Nil => (0, d)
  | Hexadecimal.D0 d => (0, d) | Hexadecimal.D1 d => (1, d) | Hexadecimal.D2 d => (2, d) | Hexadecimal.D3 d => (3, d)
  | Hexadecimal.D4 d => (4, d) | Hexadecimal.D5 d => (5, d) | Hexadecimal.D6 d => (6, d) | Hexadecimal.D7 d => (7, d)
  | Hexadecimal.D8 d => (8, d) | Hexadecimal.D9 d => (9, d) | Hexadecimal.Da d => (10, d) | Hexadecimal.Db d => (11, d)
  | Hexadecimal.Dc d => (12, d) | Hexadecimal.Dd d => (13, d) | Hexadecimal.De d => (14, d) | Hexadecimal.Df d => (15, d)
  end%Z.
Fixpoint group (w : nat) (acc : Z) (d : Hexadecimal.uint) : Z * Hexadecimal.uint :=
  match w with O => (acc, d) | S w => let (v, d) := digit d in group w (16 * acc + v)%Z d end.
Fixpoint groups (w k : nat) (offset : Z) (d : Hexadecimal.uint) : list Z :=
  match k with O => [] | S k => let (v, d) := group w 0 d in (v - offset)%Z :: groups w k offset d end.
Definition entries (w k : nat) (literal : Hexadecimal.uint) : list Z := groups w k (8 * 16 ^ (Z.of_nat w - 1)) literal.
