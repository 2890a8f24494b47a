(** What each theorem rests on.  Printed, compared with the expected list by a test. *)
From LPLR Require Import Rn Setting NtkStability Curvature Residual Certificate Integral Classical PaperV3.
Print Assumptions pl_from_ntk.
Print Assumptions ball_certificate_sound.
Print Assumptions ball_certificate_sound_classical.
Print Assumptions containment_integral.
Print Assumptions closed_form_sound.
Print Assumptions v3_rate_assuming_containment.
Print Assumptions v3_containment_derived.
Print Assumptions Curvature.curvature_bilinear.
