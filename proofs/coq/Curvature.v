(** * The Lipschitz constant of the Jacobian from bounds of the second derivative

    A certificate bounds the quadratic form |D2F[u,u]| <= L |u|^2 on the ball (claim layered_curvature).  For a
    symmetric bilinear D2F that bounds |D2F[u,v]| <= L |u| |v| too, and J is L-Lipschitz. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Segment Derivative Setting MeanValue.
Open Scope R_scope.

(** Polarisation: a real symmetric form bounded on the diagonal is bounded. *)
Lemma polarisation {X : InnerSpace} (b : X -> X -> R) (L : R) :
  (forall u v w, b (u ⊕ v) w = b u w + b v w) -> (forall a u v, b (a ⋅ u) v = a * b u v) ->
  (forall u v, b u v = b v u) -> (forall u, Rabs (b u u) <= L * ⟨u, u⟩) ->
  forall u v, Rabs (b u v) <= L * norm u * norm v.
Proof.
  intros Hadd Hscal Hsym Hdiag.
  assert (Hz : forall u, b zero u = 0).
  { intros u. pose proof (Hscal 0 zero u) as H.
    replace (0 ⋅ (zero : X)) with (zero : X) in H; [lra|].
    apply vec_ext. intros. autorewrite with inner. ring. }
  assert (Haddr : forall u v w, b w (u ⊕ v) = b w u + b w v).
  { intros. now rewrite Hsym, Hadd, (Hsym u), (Hsym v). }
  assert (Hscalr : forall a u v, b v (a ⋅ u) = a * b v u).
  { intros. now rewrite Hsym, Hscal, (Hsym u). }
  intros u v. pose proof (norm_pos u) as Hu. pose proof (norm_pos v) as Hv.
  destruct (Req_dec (norm u) 0) as [Zu|Nu].
  { rewrite (norm_0_zero u Zu), Hz, norm_zero, Rabs_R0. lra. }
  destruct (Req_dec (norm v) 0) as [Zv|Nv].
  { rewrite (norm_0_zero v Zv), Hsym, Hz, norm_zero, Rabs_R0. lra. }
  (* scale both to the same length, then use b(p+q,p+q) - b(p-q,p-q) = 4 b(p,q) *)
  set (p := norm v ⋅ u). set (q := norm u ⋅ v).
  pose proof (Hdiag (p ⊕ q)) as H1. pose proof (Hdiag (p ⊖ q)) as H2.
  assert (Hpq : b p q = norm u * norm v * b u v).
  { unfold p, q. rewrite Hscal, Hscalr. ring. }
  unfold minus in H2 at 1 2.
  rewrite Hadd, !Haddr in H1. rewrite Hadd, !Haddr, !Hscal, !Hscalr, (Hsym q p) in H2.
  rewrite (Hsym q p) in H1.
  autorewrite with inner in H1, H2. rewrite (inner_sym _ q p) in H1, H2.
  assert (Hpp : ⟨p, p⟩ = norm u * norm v * (norm u * norm v)).
  { unfold p. autorewrite with inner. rewrite <- norm_sq. ring. }
  assert (Hqq : ⟨q, q⟩ = norm u * norm v * (norm u * norm v)).
  { unfold q. autorewrite with inner. rewrite <- norm_sq. ring. }
  rewrite Hpp, Hqq in *. rewrite Hpq in *.
  assert (Hn : 0 < norm u * norm v) by (apply Rmult_lt_0_compat; lra).
  set (n := norm u * norm v) in *.
  apply Rabs_le_between in H1. apply Rabs_le_between in H2.
  apply Rabs_le. replace (L * norm u * norm v) with (L * n) by (unfold n; ring).
  split; apply Rmult_le_reg_l with n; try assumption; lra.
Qed.

Section Curvature.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variable D2 : X -> X -> X -> Y.     (* D2 z u v: derivative of z -> J(z) v along u *)
Variables (c : X) (Rad L : R).
Hypothesis L_pos : 0 <= L.
Hypothesis second : forall z v, in_ball c Rad z -> gateaux (fun x => J M x v) z (fun u => D2 z u v).

(** J is L-Lipschitz on the ball when |D2[u,v]| <= L |u| |v| there. *)
Theorem jacobian_lipschitz :
  (forall z u v, in_ball c Rad z -> norm (D2 z u v) <= L * norm u * norm v) ->
  forall z z', in_ball c Rad z -> in_ball c Rad z' -> jac_change M z z' (L * norm (z' ⊖ z)).
Proof.
  intros Hb z z' Hz Hz' v. set (d := z' ⊖ z).
  pose proof (norm_pos d). pose proof (norm_pos v).
  assert (Hseg : forall t, 0 <= t <= 1 -> in_ball c Rad (z ⊕ t ⋅ d)).
  { intros t Ht. apply in_ball_segment with (T := 1); try assumption. unfold d. now rewrite segment_end. }
  apply norm_le_weak; [apply Rmult_le_pos; [nra|assumption]|]. intros w. pose proof (norm_pos w).
  pose proof (mean_value_majorant
    (fun t => ⟨w, J M (z ⊕ t ⋅ d) v⟩) (fun t => ⟨w, D2 (z ⊕ t ⋅ d) d v⟩)
    (fun t => 0 + norm w * (L * norm d * norm v) * t) (fun _ => norm w * (L * norm d * norm v)) 1) as Hm.
  cbn beta in Hm. rewrite at_0 in Hm.
  replace (z ⊕ 1 ⋅ d) with z' in Hm by (symmetry; apply segment_end). rewrite inner_minus_r.
  assert (⟨w, J M z' v⟩ - ⟨w, J M z v⟩ <= 0 + norm w * (L * norm d * norm v) * 1
    - (0 + norm w * (L * norm d * norm v) * 0)); [|lra].
  apply Hm; [lra| | |].
  - intros t Ht. apply (derive_along (fun x => ⟨w, J M x v⟩)).
    apply (gateaux_weak (fun x => J M x v) _ (fun u => D2 (z ⊕ t ⋅ d) u v) w d). now apply second, Hseg.
  - intros t _. apply derive_affine.
  - intros t Ht. eapply Rle_trans; [apply cauchy_schwarz|].
    apply Rmult_le_compat_l; [assumption|]. now apply Hb, Hseg.
Qed.

(** A bound of the quadratic form alone suffices: D2 is bilinear and symmetric. *)
Theorem curvature_bilinear z :
  (forall u v w, D2 z (u ⊕ v) w = D2 z u w ⊕ D2 z v w) ->
  (forall a u v, D2 z (a ⋅ u) v = a ⋅ D2 z u v) ->
  (forall u v, D2 z u v = D2 z v u) ->
  (forall u, norm (D2 z u u) <= L * ⟨u, u⟩) ->
  forall u v, norm (D2 z u v) <= L * norm u * norm v.
Proof.
  intros Hadd Hscal Hsym Hq u v.
  pose proof (norm_pos u). pose proof (norm_pos v).
  apply norm_le_weak; [apply Rmult_le_pos; [nra|assumption]|]. intros w. pose proof (norm_pos w).
  eapply Rle_trans; [apply Rle_abs|].
  replace (L * norm u * norm v * norm w) with (norm w * L * norm u * norm v) by ring.
  apply (polarisation (fun a b => ⟨w, D2 z a b⟩)).
  - intros. now rewrite Hadd, inner_plus_r.
  - intros. now rewrite Hscal, inner_scal_r.
  - intros. now rewrite Hsym.
  - intros a. eapply Rle_trans; [apply cauchy_schwarz_abs|].
    rewrite Rmult_assoc. apply Rmult_le_compat_l; auto.
Qed.
End Curvature.
