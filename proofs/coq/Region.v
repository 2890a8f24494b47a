(** * Regions that need no path length: a ball that encloses a run, and containment by the distance to a reference point *)

From Coq Require Import Reals Lra Psatz Lia.
From Coquelicot Require Import Coquelicot.
From LPLR Require Import Inner Setting Spectral Path Residual Certificate.
Open Scope R_scope.

Section Region.
Context {X Y : InnerSpace}.
Variable M : Model X Y.
Variables (y : Y) (s eta : R) (th0 c : X) (Rad : R).
Hypothesis s_pos : 0 < s.
Hypothesis eta_pos : 0 < eta.
Let th := gd M y s eta th0.
Let h := eta * s.

Lemma gd_later T k : gd M y s eta (th T) k = th (k + T).
Proof. induction k as [|k IH]; [reflexivity|]. cbn. now rewrite IH. Qed.

(** ** Claim [enclosing_ball]: the first T iterates are enclosed one by one, the rest stays in a certified ball. *)
Theorem enclosing_ball (lam q : R) (T : nat) (hat : nat -> X) (shadow : nat -> R) (c1 : X) (R1 mu1 rate1 gam1 : R) :
  0 < lam -> (forall z, in_ball c Rad z -> ntk_lower M z lam) ->
  (forall k, (k <= T)%nat -> norm (th k ⊖ hat k) <= shadow k /\ norm (hat k ⊖ c) + shadow k <= Rad) ->
  certified M y s eta c1 (th T) R1 mu1 rate1 gam1 -> norm (c1 ⊖ c) + R1 <= Rad ->
  0 <= q < 1 -> (forall k, loss M y s (th (S k)) <= q * loss M y s (th k)) ->
  LPLR M y s (in_ball c Rad) (s * lam) /\
  (forall k, in_ball c Rad (th k)) /\
  (forall k t, 0 <= t <= 1 -> in_ball c Rad (th k ⊕ t ⋅ (th (S k) ⊖ th k))) /\
  (forall k, loss M y s (th k) <= q ^ k * loss M y s th0) /\
  exists l, in_ball c Rad l /\ F M l = y /\ converges th l.
Proof.
  intros Hl Hntk Hhead [_ _ Hin _ _ [l [Hlin [HF [_ [Hconv _]]]]]] Hr Hq Hfall.
  assert (Hball : forall k, in_ball c Rad (th k)).
  { intros k. destruct (Nat.le_gt_cases k T) as [H|H].
    - destruct (Hhead k H) as [H1 H2]. unfold in_ball. pose proof (norm_triang3 (th k) (hat k) c). lra.
    - specialize (Hin (k - T)%nat). rewrite gd_later in Hin. replace (k - T + T)%nat with k in Hin by lia.
      unfold in_ball in *. pose proof (norm_triang3 (th k) c1 c). lra. }
  split; [apply lplr_from_ntk; [lra|lra|exact Hntk]|]. split; [exact Hball|]. split; [|split].
  - intros k t Ht. apply (in_ball_segment c Rad (th k) (th (S k) ⊖ th k) t 1 Ht (Hball k)).
    replace (th k ⊕ 1 ⋅ (th (S k) ⊖ th k)) with (th (S k)); [apply Hball|].
    apply vec_ext. intros w. autorewrite with inner. ring.
  - induction k as [|k IH]; [cbn; unfold th; cbn; lra|]. eapply Rle_trans; [apply Hfall|]. cbn [pow].
    rewrite Rmult_assoc. apply Rmult_le_compat_l; [lra|exact IH].
  - exists l. split; [|split; [exact HF|]].
    + unfold in_ball in *. pose proof (norm_triang3 l c1 c). lra.
    + intros eps He. destruct (Hconv eps He) as [n Hn]. exists (n + T)%nat. intros k Hk.
      specialize (Hn (k - T)%nat ltac:(lia)). rewrite gd_later in Hn. now replace (k - T + T)%nat with k in Hn by lia.
Qed.

(** ** Claim [containment_displacement], the head: while |e_k| >= E the distance to c does not grow. *)
Variables (d0 K ec rem kappa E : R).
Hypothesis d0_pos : 0 <= d0.
Hypothesis small : d0 <= Rad.
Hypothesis K_pos : 0 <= K.
Hypothesis bound : forall z, in_ball c d0 z -> jac_bound M z K.
Hypothesis step : eta * s * (K * K) <= kappa.
Hypothesis short : kappa <= 1.
Hypothesis reference : norm (residual M y c) <= ec.
(** F(c) is the linearisation at z up to rem, for z within d0 of c. *)
Hypothesis remainder : forall z, in_ball c d0 z -> norm (F M c ⊖ F M z ⊖ J M z (c ⊖ z)) <= rem.
Hypothesis threshold : 2 * (rem + ec) <= (2 - kappa) * E.

Lemma head_step z : in_ball c d0 z -> E <= norm (residual M y z) -> in_ball c d0 (gd_step M y s eta z).
Proof.
  intros Hz HE. unfold in_ball in *. set (e := residual M y z) in *. set (g := JT M z e).
  assert (Hh : 0 < h) by (unfold h; now apply Rmult_lt_0_compat).
  (* e = J (z - c) + r *)
  set (r := e ⊖ J M z (z ⊖ c)).
  assert (Hr : norm r <= rem + ec).
  { replace r with (residual M y c ⊖ (F M c ⊖ F M z ⊖ J M z (c ⊖ z))).
    - assert (T : norm (residual M y c ⊖ (F M c ⊖ F M z ⊖ J M z (c ⊖ z)))
        <= norm (residual M y c) + norm (F M c ⊖ F M z ⊖ J M z (c ⊖ z))).
      { pose proof (norm_triang (residual M y c) ((-1) ⋅ (F M c ⊖ F M z ⊖ J M z (c ⊖ z)))) as T.
        rewrite norm_scal in T. replace (Rabs (-1)) with 1 in T by (rewrite Rabs_left; lra). unfold minus at 1. lra. }
      specialize (remainder z Hz). lra.
    - unfold r, e. assert (Hlin : J M z (c ⊖ z) = (-1) ⋅ J M z (z ⊖ c)).
      { replace (c ⊖ z) with ((-1) ⋅ (z ⊖ c)); [apply J_scal|]. apply vec_ext. intros w. autorewrite with inner. ring. }
      rewrite Hlin. generalize (J M z (z ⊖ c)). intros v. apply vec_ext. intros w. unfold residual. autorewrite with inner. ring. }
  assert (Hg : ⟨g, z ⊖ c⟩ = ⟨e, e⟩ - ⟨e, r⟩).
  { unfold g. rewrite <- adjoint'. unfold r. rewrite inner_minus_r. ring. }
  assert (Hgn : h * ⟨g, g⟩ <= kappa * ⟨e, e⟩).
  { pose proof (JT_bound M z K e K_pos (bound z Hz)) as B. fold g in B. pose proof (norm_pos g). pose proof (norm_pos e).
    rewrite <- !norm_sq. assert (norm g * norm g <= K * norm e * (K * norm e)) by (apply Rmult_le_compat; assumption).
    assert (h * (norm g * norm g) <= h * (K * norm e * (K * norm e))) by (apply Rmult_le_compat_l; lra).
    assert (h * (K * K) * (norm e * norm e) <= kappa * (norm e * norm e)) by (apply Rmult_le_compat_r; [nra|exact step]). lra. }
  assert (Hcs : ⟨e, r⟩ <= norm e * (rem + ec)).
  { pose proof (cauchy_schwarz e r). pose proof (norm_pos e). assert (norm e * norm r <= norm e * (rem + ec)) by (apply Rmult_le_compat_l; lra). lra. }
  (* |z' - c|^2 = |z - c|^2 - 2 h <g, z - c> + h^2 |g|^2 *)
  apply norm_le_sq; [exact d0_pos|].
  replace (gd_step M y s eta z ⊖ c) with ((z ⊖ c) ⊖ h ⋅ g).
  2:{ unfold gd_step, gradient. fold e g. apply vec_ext. intros w. unfold h. autorewrite with inner. ring. }
  assert (Hexp : ⟨(z ⊖ c) ⊖ h ⋅ g, (z ⊖ c) ⊖ h ⋅ g⟩ = ⟨z ⊖ c, z ⊖ c⟩ - 2 * h * ⟨g, z ⊖ c⟩ + h * (h * ⟨g, g⟩)).
  { generalize (z ⊖ c). intros v. autorewrite with inner. rewrite (inner_sym _ v g). ring. }
  rewrite Hexp, Hg. pose proof (norm_pos e) as Pe. pose proof (norm_pos (z ⊖ c)) as Pz.
  rewrite <- (norm_sq e) in *. rewrite <- (norm_sq (z ⊖ c)).
  assert (norm (z ⊖ c) * norm (z ⊖ c) <= d0 * d0) by (apply Rmult_le_compat; assumption).
  assert (h * (h * ⟨g, g⟩) <= h * (kappa * (norm e * norm e))) by (apply Rmult_le_compat_l; lra).
  assert (h * ⟨e, r⟩ <= h * (norm e * (rem + ec))) by (apply Rmult_le_compat_l; lra).
  assert ((2 - kappa) * E <= (2 - kappa) * norm e) by (apply Rmult_le_compat_l; lra).
  assert (0 <= h * (norm e * ((2 - kappa) * norm e - 2 * (rem + ec)))) by (apply Rmult_le_pos; [lra|apply Rmult_le_pos; lra]).
  lra.
Qed.

(** Containment: the residual at the start does not occur.  [tail] is what a containment theorem says of every start
    within d0 of c whose residual is below E (Certificate.staircase_certificate with P0 = d0). *)
Theorem containment_displacement :
  in_ball c d0 th0 ->
  (forall z k, in_ball c d0 z -> norm (residual M y z) <= E -> in_ball c Rad (gd M y s eta z k)) ->
  forall k, in_ball c Rad (th k).
Proof.
  intros H0 tail k.
  assert (D : in_ball c d0 (th k) \/ exists j, (j <= k)%nat /\ in_ball c d0 (th j) /\ norm (residual M y (th j)) <= E).
  { induction k as [|k [IH|[j [Hj Hz]]]]; [left; exact H0| |right; exists j; split; [lia|exact Hz]].
    destruct (Rle_dec (norm (residual M y (th k))) E) as [A|A].
    - right. exists k. split; [lia|]. now split.
    - left. apply (head_step (th k) IH). lra. }
  destruct D as [D|[j [Hj [D1 D2]]]].
  - unfold in_ball in *. lra.
  - specialize (tail (th j) (k - j)%nat D1 D2). rewrite gd_later in tail. now replace (k - j + j)%nat with k in tail by lia.
Qed.

(** The tail by the residual form, started d0 away from the centre: a staircase of sigma pays for E between d0 and Rad. *)
Corollary containment_displacement_paid (Kr delta sig : R) (st : list (R * R)) :
  in_ball c d0 th0 -> 0 <= Kr -> 0 <= delta -> delta < sig ->
  increasing d0 st -> last_radius d0 st = Rad -> st <> nil ->
  (forall x x', in_ball c Rad x -> in_ball c Rad x' -> norm (residual M y x' ⊖ residual M y x) <= Kr * norm (x' ⊖ x)) ->
  (forall z, in_ball c Rad z -> jac_bound M z Kr) ->
  (forall z, in_ball c Rad z -> sigma_lower M z sig) ->
  List.Forall (fun p => forall z, in_ball c (fst p) z -> sigma_lower M z (snd p)) st ->
  (forall z, in_ball c d0 z -> norm (residual M y z) <= E -> defect M y s eta c z Rad delta) ->
  eta * s * (Kr * Kr) <= 1 -> E <= riemann delta d0 st ->
  forall k, in_ball c Rad (th k).
Proof.
  intros H0 HK Hd Hsd Hinc Hlast Hne Hlip Hb Hsig Hst Hdef Hstep Hpay. apply containment_displacement; [exact H0|].
  intros z k Hz HE.
  destruct (staircase_certificate M y s eta z c d0 Rad Kr delta st sig) as [C _]; try assumption.
  - now apply Hdef.
  - lra.
  - apply (contained _ _ _ _ _ _ _ _ _ _ C).
Qed.
End Region.
