(** What the theorems rest on: printed by [make assumptions], compared by a test with what
    proofs/coq_check.py allows, and shown in the ledger beside the claims.

    [core] gathers the theorems about every network; one print covers them all, because the
    assumptions of a tuple are those of its members.  The theorems with numbers by coq-interval,
    and the one with logarithms, also use classical logic; they are printed one by one. *)

From LPLR Require Setting NtkStability Curvature Spectral Path Residual Certificate Integral Polyak Classical.
From LPLR Require NearFit Batches Triangle Epoch AnyOrder PaperV3 Main Links Region Relu Lqcr Criterion Converges Format CheckFacts CheckKinks FixedTanh Psd TwoLayer NeuronBudget.
From LPLR Require TanhTaylor Curve Shadow Descent DescentConverges.
From LPLR Require Kinks Sphere20 Biased8 Basin8 Classes6 Relu8 Kinks4 Start4.

Definition core := (
  @Main.ball_certificate, @Main.ball_certificate_Rn, @Main.certificate_residual, @Main.certificate_residual_rate, @Main.certificate_classical,
  @Setting.pl_from_ntk, @Setting.lplr_from_ntk, @Setting.gradient_correct, @Setting.ntk_lower_lambda_min,
  @NtkStability.weyl_sharp, @NtkStability.weyl_paper, @NtkStability.sharp_dominates_paper,
  @Links.ntk_lipschitz, @Links.stability_radius_linear, @Links.stability_radius_paper,
  @Links.distance_classical, @Links.handover_residual, @Links.rate_simple_valid,
  @Curvature.jacobian_lipschitz, @Curvature.curvature_bilinear, @Spectral.residual_pays,
  @Residual.containment_residual, @Certificate.staircase_certificate, @Certificate.weyl_table_valid,
  @Relu.containment_residual_relu, @Relu.mean_jacobian, @Relu.remainder_jumps, @Relu.defect_jumps, @Region.enclosing_ball, @Region.containment_displacement, @Region.containment_displacement_paid,
  @Region.head_step, @Criterion.from_centre, @Criterion.from_ball, @Integral.containment_integral, @Integral.closed_form_sound,
  @NearFit.zero_loss_nearby, @NearFit.error_bound, @Triangle.triangular_ones, @Epoch.step_towards, @Epoch.within, @Epoch.epoch, @Epoch.start_moves,
  @AnyOrder.minibatch_any_order, @Batches.rows_cover, @Polyak.descent, @Polyak.sublevel_kept, @Polyak.smooth_of_hessian, @Polyak.smooth_of_lipschitz,
  @Classical.containment_classical, @Classical.smoothness_from_ingredients, @Path.conclude,
  @PaperV3.v3_pl, @PaperV3.v3_rate_assuming_containment, @PaperV3.v3_containment_derived,
  @TwoLayer.network_differentiable, @TwoLayer.network_lipschitz, @NeuronBudget.ntk_matrix, @NeuronBudget.neuron_budget, @Psd.psd_witness, @Psd.twice_bound, @FixedTanh.tanhZ_correct,
  @Kinks.piecewise, @Kinks.jumps_JT, @Format.model_value, @CheckFacts.check_correct, @CheckKinks.side_kept, @Converges.accepted_converges, @Converges.accepted_attracts,
  @Curve.curve_remainder, @Curve.curve_between, @Shadow.linear_gain, @Shadow.one_step, @DescentConverges.accepted_fits).

Print Assumptions Main.ball_certificate_Rn.
Print Assumptions core.
Print Assumptions Sphere20.converges.
Print Assumptions Biased8.converges.
Print Assumptions Basin8.converges.
Print Assumptions Classes6.converges.
Print Assumptions Relu8.converges.
Print Assumptions Kinks4.converges.
Print Assumptions Start4.converges.
Print Assumptions Links.iterations.
Print Assumptions Lqcr.lplr_without_quasi_convexity.
