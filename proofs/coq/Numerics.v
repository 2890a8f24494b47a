(** * The [interval] tactic on integers of the standard library

    coq-interval's default computes with primitive floats and 63-bit machine
    integers, whose specifications are axioms.  This instance computes with Coq's
    own binary integers: slower, but nothing beyond the reals is assumed.
    Use it as [interval with (i_prec 40)]. *)

From Interval.Float Require Import Specific_stdz Specific_ops.
From Interval Require Import Tactic.

Module FloatZ := SpecificFloat StdZRadix2.
Module IntervalZ := Tactic.IntervalTactic FloatZ.
Export IntervalZ.
