(** What each theorem rests on.  Printed, compared with the expected list by a test. *)
From LPLR Require Import Rn Setting NtkStability Residual Certificate.
Print Assumptions pl_from_ntk.
Print Assumptions ball_certificate_sound.
