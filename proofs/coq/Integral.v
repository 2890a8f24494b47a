(** * The containment condition of claim containment_residual as an integral, and in closed form *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Segment Setting NtkStability MeanValue Path Residual Certificate.
Open Scope R_scope.

Section Integral.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (th0 : X) (Rad K delta : R) (sigma : R -> R).
Hypothesis s_pos : 0 < s.
Hypothesis eta_pos : 0 < eta.
Hypothesis Rad_pos : 0 <= Rad.
Hypothesis K_pos : 0 <= K.
Hypothesis diff : forall z, in_ball th0 Rad z -> differentiable_at M z.
Hypothesis bound : forall z, in_ball th0 Rad z -> jac_bound M z K.
Hypothesis step_condition : eta * s * (K * K) <= 1.
Hypothesis has_defect : defect M y s eta th0 th0 Rad delta.
Hypothesis delta_pos : 0 <= delta.
Hypothesis sigma_valid : forall r z, 0 <= r <= Rad -> in_ball th0 r z -> sigma_lower M z (sigma r).
Hypothesis sigma_decr : forall a b, 0 <= a <= b -> b <= Rad -> sigma b <= sigma a.
Hypothesis sigma_integrable : ex_RInt sigma 0 Rad.
Hypothesis sigma_delta : delta < sigma Rad.

Lemma integrable a b : 0 <= a <= b -> b <= Rad -> ex_RInt (fun r => sigma r - delta) a b.
Proof.
  intros Hab Hb.
  apply (ex_RInt_minus (V := R_NormedModule) sigma (fun _ => delta)); [|apply ex_RInt_const].
  apply (ex_RInt_Chasles_1 (V := R_CompleteNormedModule)) with Rad; [lra|].
  apply (ex_RInt_Chasles_2 (V := R_CompleteNormedModule)) with 0; [lra|assumption].
Qed.

(** The path pays at the rate at its start: the integral of a non-increasing sigma is smaller. *)
Theorem containment_integral :
  norm (residual M y th0) <= RInt (fun r => sigma r - delta) 0 Rad ->
  let sig := sigma Rad in let q := residual_rate s eta delta sig in
  certified M y s eta th0 th0 Rad (s * (sig * sig)) (q * q) (sig - delta)
  /\ forall k, norm (residual M y (gd M y s eta th0 k)) <= q ^ k * norm (residual M y th0).
Proof.
  intros Hcont sig q.
  apply (containment_residual M y s eta th0 th0 Rad 0 K delta sig (RInt (fun r => sigma r - delta) 0));
    try assumption; [intros z z' Hz Hz'; now apply (residual_lipschitz M y th0 Rad K)| |lra|apply (centre_in th0)| |].
  - intros z Hz. apply (sigma_valid Rad); [lra|assumption].
  - intros a b Hab Hb. exists (sigma a). split.
    { intros z Hz. apply (sigma_valid a); [lra|assumption]. }
    assert (Hch : RInt (fun r => sigma r - delta) 0 a + RInt (fun r => sigma r - delta) a b
                  = RInt (fun r => sigma r - delta) 0 b).
    { apply (RInt_Chasles (V := R_CompleteNormedModule)); apply integrable; lra. }
    assert (Hle : RInt (fun r => sigma r - delta) a b <= RInt (fun _ => sigma a - delta) a b).
    { apply RInt_le; [lra|apply integrable; lra|apply ex_RInt_const|].
      intros r Hr. assert (sigma r <= sigma a) by (apply sigma_decr; lra). lra. }
    rewrite RInt_const in Hle.
    change (Hierarchy.scal (b - a) (sigma a - delta)) with ((b - a) * (sigma a - delta)) in Hle. lra.
  - rewrite RInt_point. change (@Hierarchy.zero R_CompleteNormedModule) with 0. lra.
Qed.
End Integral.

(** ** Closed form: Delta_J(rho) = L rho *)
Section ClosedForm.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (th0 : X) (Rad K0 e0 L lam0 : R).

Definition closed_delta : R := delta_of s eta K0 e0 (L * Rad) L.

Record closed_chain : Prop := {
  cl_s : 0 < s;
  cl_eta : 0 < eta;
  cl_Rad : 0 <= Rad;
  cl_step : eta * s * ((K0 + L * Rad) * (K0 + L * Rad)) <= 1;
  cl_sigma : closed_delta < sqrt lam0 - L * Rad;
  cl_contain : e0 <= (sqrt lam0 - closed_delta) * Rad - L * (Rad * Rad) / 2
}.

Theorem closed_form_sound :
  0 <= K0 -> 0 <= L -> 0 <= lam0 ->
  ntk_lower M th0 lam0 -> jac_bound M th0 K0 -> norm (residual M y th0) <= e0 ->
  (forall z, in_ball th0 Rad z -> differentiable_at M z) ->
  (forall z z', in_ball th0 Rad z -> in_ball th0 Rad z' -> jac_change M z z' (L * norm (z' ⊖ z))) ->
  closed_chain ->
  let sig := sqrt lam0 - L * Rad in
  let q := residual_rate s eta closed_delta sig in
  certified M y s eta th0 th0 Rad (s * (sig * sig)) (q * q) (sig - closed_delta)
  /\ forall k, norm (residual M y (gd M y s eta th0 k)) <= q ^ k * norm (residual M y th0).
Proof.
  intros HK HL Hl Hlam HK0 He0 Hdiff HLip [Hs Heta HR Hstep Hsd Hcont] sig q.
  assert (Hc0 : in_ball th0 Rad th0).
  { unfold in_ball. replace (th0 ⊖ th0) with (Inner.zero : X); [rewrite norm_zero; assumption|].
    apply vec_ext. intros. autorewrite with inner. ring. }
  (* Delta_J(r) = L r *)
  assert (Hch : forall r z, 0 <= r <= Rad -> in_ball th0 r z -> jac_change M th0 z (L * r)).
  { intros r z Hr Hz v. eapply Rle_trans; [apply (HLip th0 z Hc0); unfold in_ball in *; lra|].
    apply Rmult_le_compat_r; [apply norm_pos|]. apply Rmult_le_compat_l; [assumption|exact Hz]. }
  assert (HLR : 0 <= L * Rad) by now apply Rmult_le_pos.
  assert (Hsigma : forall r z, 0 <= r <= Rad -> in_ball th0 r z -> sigma_lower M z (sqrt lam0 - L * r)).
  { intros r z Hr Hz. apply (weyl_sigma M th0 z lam0 (L * r)); auto. apply Rmult_le_pos; lra. }
  assert (Hing : ball_ingredients M y th0 Rad K0 e0 (L * Rad) L 0 nil).
  { constructor; try assumption; try tauto.
    - cbn. constructor; [|constructor]. cbn. intros z Hz w. unfold ntk. rewrite adjoint'. pose proof (inner_pos X (JT M z w)). lra.
    - intros z Hz. apply (Hch Rad); [lra|assumption]. }
  pose proof (defect_of_ingredients M y s eta th0 Rad K0 e0 (L * Rad) L 0 nil Hs Heta Hing) as Hdef.
  fold closed_delta in Hdef.
  assert (He0pos : 0 <= e0) by (pose proof (norm_pos (residual M y th0)); lra).
  assert (Hdelta : 0 <= closed_delta) by (apply delta_of_pos; assumption).
  assert (Hbound : forall z, in_ball th0 Rad z -> jac_bound M z (K0 + L * Rad)).
  { intros z Hz. apply (jac_bound_change M th0 z K0 (L * Rad)); [assumption|]. apply (Hch Rad); [lra|assumption]. }
  apply (containment_residual M y s eta th0 th0 Rad 0 (K0 + L * Rad) closed_delta sig
           (fun r => (sqrt lam0 - closed_delta) * r - L * (r * r) / 2)); try assumption.
  - lra.
  - intros z z' Hz Hz'. apply (residual_lipschitz M y th0 Rad (K0 + L * Rad)); try assumption. lra.
  - intros z Hz. apply Hsigma; [lra|assumption].
  - lra.
  - apply (centre_in th0).
  - intros a b Hab Hb. exists (sqrt lam0 - L * a). split.
    { intros z Hz. apply Hsigma; [lra|assumption]. }
    assert (0 <= L * ((b - a) * (b - a))) by (apply Rmult_le_pos; [assumption|apply Rle_0_sqr]). nra.
  - lra.
Qed.
End ClosedForm.
