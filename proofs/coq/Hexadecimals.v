(** * Non-negative integers as hexadecimal digits

    The standard library's digits, the lowest first: a step of an addition does four bits, where Coq's own binary numbers do one. *)

From Coq Require Import ZArith Lia Hexadecimal.
Import Hexadecimal.Little.
Open Scope Z_scope.

Notation hex := Hexadecimal.uint.

Fixpoint val (x : hex) : Z :=
  match x with
  | Nil => 0
  | D0 x => Z.double (Z.double (Z.double (Z.double (val x))))
  | D1 x => Z.succ_double (Z.double (Z.double (Z.double (val x))))
  | D2 x => Z.double (Z.succ_double (Z.double (Z.double (val x))))
  | D3 x => Z.succ_double (Z.succ_double (Z.double (Z.double (val x))))
  | D4 x => Z.double (Z.double (Z.succ_double (Z.double (val x))))
  | D5 x => Z.succ_double (Z.double (Z.succ_double (Z.double (val x))))
  | D6 x => Z.double (Z.succ_double (Z.succ_double (Z.double (val x))))
  | D7 x => Z.succ_double (Z.succ_double (Z.succ_double (Z.double (val x))))
  | D8 x => Z.double (Z.double (Z.double (Z.succ_double (val x))))
  | D9 x => Z.succ_double (Z.double (Z.double (Z.succ_double (val x))))
  | Da x => Z.double (Z.succ_double (Z.double (Z.succ_double (val x))))
  | Db x => Z.succ_double (Z.succ_double (Z.double (Z.succ_double (val x))))
  | Dc x => Z.double (Z.double (Z.succ_double (Z.succ_double (val x))))
  | Dd x => Z.succ_double (Z.double (Z.succ_double (Z.succ_double (val x))))
  | De x => Z.double (Z.succ_double (Z.succ_double (Z.succ_double (val x))))
  | Df x => Z.succ_double (Z.succ_double (Z.succ_double (Z.succ_double (val x))))
  end.

(** [add] and, with one more, [carry]. *)
Fixpoint add (x y : hex) {struct x} : hex :=
  match x with
  | Nil => y
  | D0 u => match y with Nil => x
      | D0 v => D0 (add u v) | D1 v => D1 (add u v) | D2 v => D2 (add u v) | D3 v => D3 (add u v) | D4 v => D4 (add u v) | D5 v => D5 (add u v)
      | D6 v => D6 (add u v) | D7 v => D7 (add u v) | D8 v => D8 (add u v) | D9 v => D9 (add u v) | Da v => Da (add u v) | Db v => Db (add u v)
      | Dc v => Dc (add u v) | Dd v => Dd (add u v) | De v => De (add u v) | Df v => Df (add u v) end
  | D1 u => match y with Nil => x
      | D0 v => D1 (add u v) | D1 v => D2 (add u v) | D2 v => D3 (add u v) | D3 v => D4 (add u v) | D4 v => D5 (add u v) | D5 v => D6 (add u v)
      | D6 v => D7 (add u v) | D7 v => D8 (add u v) | D8 v => D9 (add u v) | D9 v => Da (add u v) | Da v => Db (add u v) | Db v => Dc (add u v)
      | Dc v => Dd (add u v) | Dd v => De (add u v) | De v => Df (add u v) | Df v => D0 (carry u v) end
  | D2 u => match y with Nil => x
      | D0 v => D2 (add u v) | D1 v => D3 (add u v) | D2 v => D4 (add u v) | D3 v => D5 (add u v) | D4 v => D6 (add u v) | D5 v => D7 (add u v)
      | D6 v => D8 (add u v) | D7 v => D9 (add u v) | D8 v => Da (add u v) | D9 v => Db (add u v) | Da v => Dc (add u v) | Db v => Dd (add u v)
      | Dc v => De (add u v) | Dd v => Df (add u v) | De v => D0 (carry u v) | Df v => D1 (carry u v) end
  | D3 u => match y with Nil => x
      | D0 v => D3 (add u v) | D1 v => D4 (add u v) | D2 v => D5 (add u v) | D3 v => D6 (add u v) | D4 v => D7 (add u v) | D5 v => D8 (add u v)
      | D6 v => D9 (add u v) | D7 v => Da (add u v) | D8 v => Db (add u v) | D9 v => Dc (add u v) | Da v => Dd (add u v) | Db v => De (add u v)
      | Dc v => Df (add u v) | Dd v => D0 (carry u v) | De v => D1 (carry u v) | Df v => D2 (carry u v) end
  | D4 u => match y with Nil => x
      | D0 v => D4 (add u v) | D1 v => D5 (add u v) | D2 v => D6 (add u v) | D3 v => D7 (add u v) | D4 v => D8 (add u v) | D5 v => D9 (add u v)
      | D6 v => Da (add u v) | D7 v => Db (add u v) | D8 v => Dc (add u v) | D9 v => Dd (add u v) | Da v => De (add u v) | Db v => Df (add u v)
      | Dc v => D0 (carry u v) | Dd v => D1 (carry u v) | De v => D2 (carry u v) | Df v => D3 (carry u v) end
  | D5 u => match y with Nil => x
      | D0 v => D5 (add u v) | D1 v => D6 (add u v) | D2 v => D7 (add u v) | D3 v => D8 (add u v) | D4 v => D9 (add u v) | D5 v => Da (add u v)
      | D6 v => Db (add u v) | D7 v => Dc (add u v) | D8 v => Dd (add u v) | D9 v => De (add u v) | Da v => Df (add u v) | Db v => D0 (carry u v)
      | Dc v => D1 (carry u v) | Dd v => D2 (carry u v) | De v => D3 (carry u v) | Df v => D4 (carry u v) end
  | D6 u => match y with Nil => x
      | D0 v => D6 (add u v) | D1 v => D7 (add u v) | D2 v => D8 (add u v) | D3 v => D9 (add u v) | D4 v => Da (add u v) | D5 v => Db (add u v)
      | D6 v => Dc (add u v) | D7 v => Dd (add u v) | D8 v => De (add u v) | D9 v => Df (add u v) | Da v => D0 (carry u v) | Db v => D1 (carry u v)
      | Dc v => D2 (carry u v) | Dd v => D3 (carry u v) | De v => D4 (carry u v) | Df v => D5 (carry u v) end
  | D7 u => match y with Nil => x
      | D0 v => D7 (add u v) | D1 v => D8 (add u v) | D2 v => D9 (add u v) | D3 v => Da (add u v) | D4 v => Db (add u v) | D5 v => Dc (add u v)
      | D6 v => Dd (add u v) | D7 v => De (add u v) | D8 v => Df (add u v) | D9 v => D0 (carry u v) | Da v => D1 (carry u v)
      | Db v => D2 (carry u v) | Dc v => D3 (carry u v) | Dd v => D4 (carry u v) | De v => D5 (carry u v) | Df v => D6 (carry u v) end
  | D8 u => match y with Nil => x
      | D0 v => D8 (add u v) | D1 v => D9 (add u v) | D2 v => Da (add u v) | D3 v => Db (add u v) | D4 v => Dc (add u v) | D5 v => Dd (add u v)
      | D6 v => De (add u v) | D7 v => Df (add u v) | D8 v => D0 (carry u v) | D9 v => D1 (carry u v) | Da v => D2 (carry u v)
      | Db v => D3 (carry u v) | Dc v => D4 (carry u v) | Dd v => D5 (carry u v) | De v => D6 (carry u v) | Df v => D7 (carry u v) end
  | D9 u => match y with Nil => x
      | D0 v => D9 (add u v) | D1 v => Da (add u v) | D2 v => Db (add u v) | D3 v => Dc (add u v) | D4 v => Dd (add u v) | D5 v => De (add u v)
      | D6 v => Df (add u v) | D7 v => D0 (carry u v) | D8 v => D1 (carry u v) | D9 v => D2 (carry u v) | Da v => D3 (carry u v)
      | Db v => D4 (carry u v) | Dc v => D5 (carry u v) | Dd v => D6 (carry u v) | De v => D7 (carry u v) | Df v => D8 (carry u v) end
  | Da u => match y with Nil => x
      | D0 v => Da (add u v) | D1 v => Db (add u v) | D2 v => Dc (add u v) | D3 v => Dd (add u v) | D4 v => De (add u v) | D5 v => Df (add u v)
      | D6 v => D0 (carry u v) | D7 v => D1 (carry u v) | D8 v => D2 (carry u v) | D9 v => D3 (carry u v) | Da v => D4 (carry u v)
      | Db v => D5 (carry u v) | Dc v => D6 (carry u v) | Dd v => D7 (carry u v) | De v => D8 (carry u v) | Df v => D9 (carry u v) end
  | Db u => match y with Nil => x
      | D0 v => Db (add u v) | D1 v => Dc (add u v) | D2 v => Dd (add u v) | D3 v => De (add u v) | D4 v => Df (add u v) | D5 v => D0 (carry u v)
      | D6 v => D1 (carry u v) | D7 v => D2 (carry u v) | D8 v => D3 (carry u v) | D9 v => D4 (carry u v) | Da v => D5 (carry u v)
      | Db v => D6 (carry u v) | Dc v => D7 (carry u v) | Dd v => D8 (carry u v) | De v => D9 (carry u v) | Df v => Da (carry u v) end
  | Dc u => match y with Nil => x
      | D0 v => Dc (add u v) | D1 v => Dd (add u v) | D2 v => De (add u v) | D3 v => Df (add u v) | D4 v => D0 (carry u v) | D5 v => D1 (carry u v)
      | D6 v => D2 (carry u v) | D7 v => D3 (carry u v) | D8 v => D4 (carry u v) | D9 v => D5 (carry u v) | Da v => D6 (carry u v)
      | Db v => D7 (carry u v) | Dc v => D8 (carry u v) | Dd v => D9 (carry u v) | De v => Da (carry u v) | Df v => Db (carry u v) end
  | Dd u => match y with Nil => x
      | D0 v => Dd (add u v) | D1 v => De (add u v) | D2 v => Df (add u v) | D3 v => D0 (carry u v) | D4 v => D1 (carry u v)
      | D5 v => D2 (carry u v) | D6 v => D3 (carry u v) | D7 v => D4 (carry u v) | D8 v => D5 (carry u v) | D9 v => D6 (carry u v)
      | Da v => D7 (carry u v) | Db v => D8 (carry u v) | Dc v => D9 (carry u v) | Dd v => Da (carry u v) | De v => Db (carry u v)
      | Df v => Dc (carry u v) end
  | De u => match y with Nil => x
      | D0 v => De (add u v) | D1 v => Df (add u v) | D2 v => D0 (carry u v) | D3 v => D1 (carry u v) | D4 v => D2 (carry u v)
      | D5 v => D3 (carry u v) | D6 v => D4 (carry u v) | D7 v => D5 (carry u v) | D8 v => D6 (carry u v) | D9 v => D7 (carry u v)
      | Da v => D8 (carry u v) | Db v => D9 (carry u v) | Dc v => Da (carry u v) | Dd v => Db (carry u v) | De v => Dc (carry u v)
      | Df v => Dd (carry u v) end
  | Df u => match y with Nil => x
      | D0 v => Df (add u v) | D1 v => D0 (carry u v) | D2 v => D1 (carry u v) | D3 v => D2 (carry u v) | D4 v => D3 (carry u v)
      | D5 v => D4 (carry u v) | D6 v => D5 (carry u v) | D7 v => D6 (carry u v) | D8 v => D7 (carry u v) | D9 v => D8 (carry u v)
      | Da v => D9 (carry u v) | Db v => Da (carry u v) | Dc v => Db (carry u v) | Dd v => Dc (carry u v) | De v => Dd (carry u v)
      | Df v => De (carry u v) end
  end
with carry (x y : hex) {struct x} : hex :=
  match x with
  | Nil => succ y
  | D0 u => match y with Nil => succ x
      | D0 v => D1 (add u v) | D1 v => D2 (add u v) | D2 v => D3 (add u v) | D3 v => D4 (add u v) | D4 v => D5 (add u v) | D5 v => D6 (add u v)
      | D6 v => D7 (add u v) | D7 v => D8 (add u v) | D8 v => D9 (add u v) | D9 v => Da (add u v) | Da v => Db (add u v) | Db v => Dc (add u v)
      | Dc v => Dd (add u v) | Dd v => De (add u v) | De v => Df (add u v) | Df v => D0 (carry u v) end
  | D1 u => match y with Nil => succ x
      | D0 v => D2 (add u v) | D1 v => D3 (add u v) | D2 v => D4 (add u v) | D3 v => D5 (add u v) | D4 v => D6 (add u v) | D5 v => D7 (add u v)
      | D6 v => D8 (add u v) | D7 v => D9 (add u v) | D8 v => Da (add u v) | D9 v => Db (add u v) | Da v => Dc (add u v) | Db v => Dd (add u v)
      | Dc v => De (add u v) | Dd v => Df (add u v) | De v => D0 (carry u v) | Df v => D1 (carry u v) end
  | D2 u => match y with Nil => succ x
      | D0 v => D3 (add u v) | D1 v => D4 (add u v) | D2 v => D5 (add u v) | D3 v => D6 (add u v) | D4 v => D7 (add u v) | D5 v => D8 (add u v)
      | D6 v => D9 (add u v) | D7 v => Da (add u v) | D8 v => Db (add u v) | D9 v => Dc (add u v) | Da v => Dd (add u v) | Db v => De (add u v)
      | Dc v => Df (add u v) | Dd v => D0 (carry u v) | De v => D1 (carry u v) | Df v => D2 (carry u v) end
  | D3 u => match y with Nil => succ x
      | D0 v => D4 (add u v) | D1 v => D5 (add u v) | D2 v => D6 (add u v) | D3 v => D7 (add u v) | D4 v => D8 (add u v) | D5 v => D9 (add u v)
      | D6 v => Da (add u v) | D7 v => Db (add u v) | D8 v => Dc (add u v) | D9 v => Dd (add u v) | Da v => De (add u v) | Db v => Df (add u v)
      | Dc v => D0 (carry u v) | Dd v => D1 (carry u v) | De v => D2 (carry u v) | Df v => D3 (carry u v) end
  | D4 u => match y with Nil => succ x
      | D0 v => D5 (add u v) | D1 v => D6 (add u v) | D2 v => D7 (add u v) | D3 v => D8 (add u v) | D4 v => D9 (add u v) | D5 v => Da (add u v)
      | D6 v => Db (add u v) | D7 v => Dc (add u v) | D8 v => Dd (add u v) | D9 v => De (add u v) | Da v => Df (add u v) | Db v => D0 (carry u v)
      | Dc v => D1 (carry u v) | Dd v => D2 (carry u v) | De v => D3 (carry u v) | Df v => D4 (carry u v) end
  | D5 u => match y with Nil => succ x
      | D0 v => D6 (add u v) | D1 v => D7 (add u v) | D2 v => D8 (add u v) | D3 v => D9 (add u v) | D4 v => Da (add u v) | D5 v => Db (add u v)
      | D6 v => Dc (add u v) | D7 v => Dd (add u v) | D8 v => De (add u v) | D9 v => Df (add u v) | Da v => D0 (carry u v) | Db v => D1 (carry u v)
      | Dc v => D2 (carry u v) | Dd v => D3 (carry u v) | De v => D4 (carry u v) | Df v => D5 (carry u v) end
  | D6 u => match y with Nil => succ x
      | D0 v => D7 (add u v) | D1 v => D8 (add u v) | D2 v => D9 (add u v) | D3 v => Da (add u v) | D4 v => Db (add u v) | D5 v => Dc (add u v)
      | D6 v => Dd (add u v) | D7 v => De (add u v) | D8 v => Df (add u v) | D9 v => D0 (carry u v) | Da v => D1 (carry u v)
      | Db v => D2 (carry u v) | Dc v => D3 (carry u v) | Dd v => D4 (carry u v) | De v => D5 (carry u v) | Df v => D6 (carry u v) end
  | D7 u => match y with Nil => succ x
      | D0 v => D8 (add u v) | D1 v => D9 (add u v) | D2 v => Da (add u v) | D3 v => Db (add u v) | D4 v => Dc (add u v) | D5 v => Dd (add u v)
      | D6 v => De (add u v) | D7 v => Df (add u v) | D8 v => D0 (carry u v) | D9 v => D1 (carry u v) | Da v => D2 (carry u v)
      | Db v => D3 (carry u v) | Dc v => D4 (carry u v) | Dd v => D5 (carry u v) | De v => D6 (carry u v) | Df v => D7 (carry u v) end
  | D8 u => match y with Nil => succ x
      | D0 v => D9 (add u v) | D1 v => Da (add u v) | D2 v => Db (add u v) | D3 v => Dc (add u v) | D4 v => Dd (add u v) | D5 v => De (add u v)
      | D6 v => Df (add u v) | D7 v => D0 (carry u v) | D8 v => D1 (carry u v) | D9 v => D2 (carry u v) | Da v => D3 (carry u v)
      | Db v => D4 (carry u v) | Dc v => D5 (carry u v) | Dd v => D6 (carry u v) | De v => D7 (carry u v) | Df v => D8 (carry u v) end
  | D9 u => match y with Nil => succ x
      | D0 v => Da (add u v) | D1 v => Db (add u v) | D2 v => Dc (add u v) | D3 v => Dd (add u v) | D4 v => De (add u v) | D5 v => Df (add u v)
      | D6 v => D0 (carry u v) | D7 v => D1 (carry u v) | D8 v => D2 (carry u v) | D9 v => D3 (carry u v) | Da v => D4 (carry u v)
      | Db v => D5 (carry u v) | Dc v => D6 (carry u v) | Dd v => D7 (carry u v) | De v => D8 (carry u v) | Df v => D9 (carry u v) end
  | Da u => match y with Nil => succ x
      | D0 v => Db (add u v) | D1 v => Dc (add u v) | D2 v => Dd (add u v) | D3 v => De (add u v) | D4 v => Df (add u v) | D5 v => D0 (carry u v)
      | D6 v => D1 (carry u v) | D7 v => D2 (carry u v) | D8 v => D3 (carry u v) | D9 v => D4 (carry u v) | Da v => D5 (carry u v)
      | Db v => D6 (carry u v) | Dc v => D7 (carry u v) | Dd v => D8 (carry u v) | De v => D9 (carry u v) | Df v => Da (carry u v) end
  | Db u => match y with Nil => succ x
      | D0 v => Dc (add u v) | D1 v => Dd (add u v) | D2 v => De (add u v) | D3 v => Df (add u v) | D4 v => D0 (carry u v) | D5 v => D1 (carry u v)
      | D6 v => D2 (carry u v) | D7 v => D3 (carry u v) | D8 v => D4 (carry u v) | D9 v => D5 (carry u v) | Da v => D6 (carry u v)
      | Db v => D7 (carry u v) | Dc v => D8 (carry u v) | Dd v => D9 (carry u v) | De v => Da (carry u v) | Df v => Db (carry u v) end
  | Dc u => match y with Nil => succ x
      | D0 v => Dd (add u v) | D1 v => De (add u v) | D2 v => Df (add u v) | D3 v => D0 (carry u v) | D4 v => D1 (carry u v)
      | D5 v => D2 (carry u v) | D6 v => D3 (carry u v) | D7 v => D4 (carry u v) | D8 v => D5 (carry u v) | D9 v => D6 (carry u v)
      | Da v => D7 (carry u v) | Db v => D8 (carry u v) | Dc v => D9 (carry u v) | Dd v => Da (carry u v) | De v => Db (carry u v)
      | Df v => Dc (carry u v) end
  | Dd u => match y with Nil => succ x
      | D0 v => De (add u v) | D1 v => Df (add u v) | D2 v => D0 (carry u v) | D3 v => D1 (carry u v) | D4 v => D2 (carry u v)
      | D5 v => D3 (carry u v) | D6 v => D4 (carry u v) | D7 v => D5 (carry u v) | D8 v => D6 (carry u v) | D9 v => D7 (carry u v)
      | Da v => D8 (carry u v) | Db v => D9 (carry u v) | Dc v => Da (carry u v) | Dd v => Db (carry u v) | De v => Dc (carry u v)
      | Df v => Dd (carry u v) end
  | De u => match y with Nil => succ x
      | D0 v => Df (add u v) | D1 v => D0 (carry u v) | D2 v => D1 (carry u v) | D3 v => D2 (carry u v) | D4 v => D3 (carry u v)
      | D5 v => D4 (carry u v) | D6 v => D5 (carry u v) | D7 v => D6 (carry u v) | D8 v => D7 (carry u v) | D9 v => D8 (carry u v)
      | Da v => D9 (carry u v) | Db v => Da (carry u v) | Dc v => Db (carry u v) | Dd v => Dc (carry u v) | De v => Dd (carry u v)
      | Df v => De (carry u v) end
  | Df u => match y with Nil => succ x
      | D0 v => D0 (carry u v) | D1 v => D1 (carry u v) | D2 v => D2 (carry u v) | D3 v => D3 (carry u v) | D4 v => D4 (carry u v)
      | D5 v => D5 (carry u v) | D6 v => D6 (carry u v) | D7 v => D7 (carry u v) | D8 v => D8 (carry u v) | D9 v => D9 (carry u v)
      | Da v => Da (carry u v) | Db v => Db (carry u v) | Dc v => Dc (carry u v) | Dd v => Dd (carry u v) | De v => De (carry u v)
      | Df v => Df (carry u v) end
  end.

(** From binary, four bits at a time. *)
Fixpoint of_pos (p : positive) : hex :=
  match p with
  | (q~0~0~0~0)%positive => D0 (of_pos q) | (q~0~0~0~1)%positive => D1 (of_pos q) | (q~0~0~1~0)%positive => D2 (of_pos q)
  | (q~0~0~1~1)%positive => D3 (of_pos q) | (q~0~1~0~0)%positive => D4 (of_pos q) | (q~0~1~0~1)%positive => D5 (of_pos q)
  | (q~0~1~1~0)%positive => D6 (of_pos q) | (q~0~1~1~1)%positive => D7 (of_pos q) | (q~1~0~0~0)%positive => D8 (of_pos q)
  | (q~1~0~0~1)%positive => D9 (of_pos q) | (q~1~0~1~0)%positive => Da (of_pos q) | (q~1~0~1~1)%positive => Db (of_pos q)
  | (q~1~1~0~0)%positive => Dc (of_pos q) | (q~1~1~0~1)%positive => Dd (of_pos q) | (q~1~1~1~0)%positive => De (of_pos q)
  | (q~1~1~1~1)%positive => Df (of_pos q) | (1)%positive => D1 Nil | (1~0)%positive => D2 Nil | (1~1)%positive => D3 Nil
  | (1~0~0)%positive => D4 Nil | (1~0~1)%positive => D5 Nil | (1~1~0)%positive => D6 Nil | (1~1~1)%positive => D7 Nil | (1~0~0~0)%positive => D8 Nil
  | (1~0~0~1)%positive => D9 Nil | (1~0~1~0)%positive => Da Nil | (1~0~1~1)%positive => Db Nil | (1~1~0~0)%positive => Dc Nil
  | (1~1~0~1)%positive => Dd Nil | (1~1~1~0)%positive => De Nil | (1~1~1~1)%positive => Df Nil
  end.
Definition of_Z (z : Z) : hex := match z with Zpos p => of_pos p | _ => Nil end.

Lemma val_double x : val (double x) = 2 * val x /\ val (succ_double x) = 2 * val x + 1.
Proof. induction x; cbn [double succ_double val]; rewrite ?Z.double_spec, ?Z.succ_double_spec; lia. Qed.
Lemma val_succ x : val (succ x) = val x + 1.
Proof. induction x; cbn [succ val]; rewrite ?Z.double_spec, ?Z.succ_double_spec; lia. Qed.
(** The digit k in front. *)
Definition digit (k : nat) (x : hex) : hex :=
  match k with
  | 0 => D0 x | 1 => D1 x | 2 => D2 x | 3 => D3 x | 4 => D4 x | 5 => D5 x | 6 => D6 x | 7 => D7 x | 8 => D8 x | 9 => D9 x | 10 => Da x
  | 11 => Db x | 12 => Dc x | 13 => Dd x | 14 => De x | _ => Df x
  end%nat.
Lemma val_digit k x : (k < 16)%nat -> val (digit k x) = 16 * val x + Z.of_nat k.
Proof.
  intros H. do 16 (destruct k as [|k]; [cbn [digit val]; repeat (rewrite Z.double_spec || rewrite Z.succ_double_spec); lia|]). lia.
Qed.
Lemma add_digits i j u v : (i < 16)%nat -> (j < 16)%nat ->
  add (digit i u) (digit j v) = (if i + j <? 16 then digit (i + j) (add u v) else digit (i + j - 16) (carry u v))%nat /\
  carry (digit i u) (digit j v) = (if i + j + 1 <? 16 then digit (i + j + 1) (add u v) else digit (i + j + 1 - 16) (carry u v))%nat.
Proof. intros Hi Hj. do 16 (destruct i as [|i]; [do 16 (destruct j as [|j]; [split; reflexivity|]); lia|]). lia. Qed.
Lemma val_sum_digits i j u v : (i < 16)%nat -> (j < 16)%nat ->
  val (add u v) = val u + val v /\ val (carry u v) = val u + val v + 1 ->
  val (add (digit i u) (digit j v)) = val (digit i u) + val (digit j v) /\ val (carry (digit i u) (digit j v)) = val (digit i u) + val (digit j v) + 1.
Proof.
  intros Hi Hj [A C]. destruct (add_digits i j u v Hi Hj) as [-> ->]. rewrite (val_digit i), (val_digit j) by assumption.
  split; [destruct (Nat.ltb_spec (i + j) 16)|destruct (Nat.ltb_spec (i + j + 1) 16)]; rewrite val_digit by lia; lia.
Qed.
Lemma cases y : y = Nil \/ exists j v, (j < 16)%nat /\ y = digit j v.
Proof.
  destruct y as [|v|v|v|v|v|v|v|v|v|v|v|v|v|v|v|v]; [now left|right; exists 0%nat, v|right; exists 1%nat, v|right; exists 2%nat, v|right; exists 3%nat, v
    |right; exists 4%nat, v|right; exists 5%nat, v|right; exists 6%nat, v|right; exists 7%nat, v|right; exists 8%nat, v|right; exists 9%nat, v
    |right; exists 10%nat, v|right; exists 11%nat, v|right; exists 12%nat, v|right; exists 13%nat, v|right; exists 14%nat, v|right; exists 15%nat, v];
    (split; [lia|reflexivity]).
Qed.
Lemma val_sum x : forall y, val (add x y) = val x + val y /\ val (carry x y) = val x + val y + 1.
Proof.
  assert (S : forall i u, (i < 16)%nat -> (forall v, val (add u v) = val u + val v /\ val (carry u v) = val u + val v + 1) ->
    forall y, val (add (digit i u) y) = val (digit i u) + val y /\ val (carry (digit i u) y) = val (digit i u) + val y + 1).
  { intros i u Hi IH y. destruct (cases y) as [-> | [j [v [Hj ->]]]]; [|now apply val_sum_digits].
    replace (carry (digit i u) Nil) with (succ (digit i u)); [replace (add (digit i u) Nil) with (digit i u)|].
    - rewrite val_succ. cbn [val]. lia.
    - do 16 (destruct i as [|i]; [reflexivity|]). lia.
    - do 16 (destruct i as [|i]; [reflexivity|]). lia. }
  induction x as [|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH|u IH].
  { intros y. split; [cbn [add val]; lia|]. cbn [carry]. rewrite val_succ. cbn [val]. lia. }
  - exact (S 0%nat u ltac:(lia) IH).
  - exact (S 1%nat u ltac:(lia) IH).
  - exact (S 2%nat u ltac:(lia) IH).
  - exact (S 3%nat u ltac:(lia) IH).
  - exact (S 4%nat u ltac:(lia) IH).
  - exact (S 5%nat u ltac:(lia) IH).
  - exact (S 6%nat u ltac:(lia) IH).
  - exact (S 7%nat u ltac:(lia) IH).
  - exact (S 8%nat u ltac:(lia) IH).
  - exact (S 9%nat u ltac:(lia) IH).
  - exact (S 10%nat u ltac:(lia) IH).
  - exact (S 11%nat u ltac:(lia) IH).
  - exact (S 12%nat u ltac:(lia) IH).
  - exact (S 13%nat u ltac:(lia) IH).
  - exact (S 14%nat u ltac:(lia) IH).
  - exact (S 15%nat u ltac:(lia) IH).
Qed.
Lemma val_add x y : val (add x y) = val x + val y.
Proof. apply val_sum. Qed.

Lemma val_of_pos : forall p, val (of_pos p) = Zpos p.
Proof.
  fix IH 1. intros [[[[p|p|]|[p|p|]|]|[[p|p|]|[p|p|]|]|]|[[[p|p|]|[p|p|]|]|[[p|p|]|[p|p|]|]|]|]; cbn [of_pos val]; rewrite ?IH; reflexivity.
Qed.
Lemma val_of_Z z : 0 <= z -> val (of_Z z) = z.
Proof. destruct z as [|p|p]; intros H; [reflexivity|apply val_of_pos|now destruct H]. Qed.
