(** * Real functions on a segment: first exit and the mean value inequality

    Both rest on one fact, [first_exit]: a closed property of t that always
    survives a little longer holds on the whole segment.  Nothing here needs
    Rolle's theorem, hence no classical logic beyond that of the reals. *)

From Coq Require Import Reals Lra Psatz.
From Coquelicot Require Import Coquelicot.
Open Scope R_scope.

(** A property [f t <= 0] of a continuous [f] that holds at 0 and, once it holds
    on [0,t], holds a little beyond, holds on [0,T].  The supremum of the times
    reached is itself reached because the property is closed: this is the
    step that an argument testing only the end points skips. *)
Lemma first_exit (f : R -> R) (T : R) :
  0 <= T ->
  (forall t, 0 <= t <= T -> continuous f t) ->
  f 0 <= 0 ->
  (forall t, 0 <= t < T -> (forall u, 0 <= u <= t -> f u <= 0) ->
     exists eps, 0 < eps /\ forall u, t < u < t + eps -> u <= T -> f u <= 0) ->
  forall t, 0 <= t <= T -> f t <= 0.
Proof.
  intros HT Hc H0 Hstep.
  set (E := fun t => 0 <= t <= T /\ forall u, 0 <= u <= t -> f u <= 0).
  assert (E0 : E 0).
  { split; [lra|]. intros u Hu. replace u with 0 by lra. exact H0. }
  destruct (completeness E) as [tau [Hub Hlub]].
  { exists T. intros t [Ht _]. lra. }
  { now exists 0. }
  assert (Htau : 0 <= tau <= T).
  { split; [now apply Hub|]. apply Hlub. intros t [Ht _]. lra. }
  assert (Hbelow : forall u, 0 <= u < tau -> f u <= 0).
  { intros u Hu. destruct (Rle_dec (f u) 0) as [|Hn]; [assumption|exfalso].
    assert (tau <= u); [|lra].
    apply Hlub. intros t [Ht Hall].
    destruct (Rle_dec t u); [assumption|]. exfalso. apply Hn, Hall. lra. }
  assert (Hat : f tau <= 0).
  { destruct (Rle_dec (f tau) 0) as [|Hn]; [assumption|exfalso].
    destruct (Req_dec tau 0) as [->|Hpos]; [lra|].
    (* f > 0 near tau, against [Hbelow] *)
    assert (Hloc : locally tau (fun u => 0 < f u)).
    { apply (Hc tau Htau (fun z => 0 < z)). apply open_gt. lra. }
    destruct Hloc as [eps Heps].
    set (u := tau - Rmin (eps / 2) (tau / 2)).
    assert (0 < eps) by apply cond_pos.
    assert (0 < Rmin (eps / 2) (tau / 2)) by (apply Rmin_glb_lt; lra).
    pose proof (Rmin_l (eps / 2) (tau / 2)). pose proof (Rmin_r (eps / 2) (tau / 2)).
    assert (0 < f u).
    { apply Heps. unfold ball; cbn; unfold AbsRing_ball, abs, minus, plus, opp; cbn.
      unfold u. rewrite Rabs_left; lra. }
    specialize (Hbelow u). unfold u in *. lra. }
  assert (Hall : forall u, 0 <= u <= tau -> f u <= 0).
  { intros u Hu. destruct (Req_dec u tau) as [->|]; [assumption|]. apply Hbelow. lra. }
  destruct (Req_dec tau T) as [->|HneT]; [exact Hall|].
  destruct (Hstep tau) as [eps [Heps Hbeyond]]; [lra|exact Hall|].
  exfalso.
  set (t := tau + Rmin (eps / 2) (T - tau)).
  assert (0 < Rmin (eps / 2) (T - tau)) by (apply Rmin_glb_lt; lra).
  pose proof (Rmin_l (eps / 2) (T - tau)). pose proof (Rmin_r (eps / 2) (T - tau)).
  assert (E t).
  { split; [unfold t; lra|]. intros u Hu.
    destruct (Rle_dec u tau); [apply Hall; lra|]. apply Hbeyond; unfold t in Hu; lra. }
  assert (t <= tau) by now apply Hub. unfold t in *. lra.
Qed.

(** The two derivatives needed, without [auto_derive] (which brings in classical logic). *)
Lemma derive_affine (a b t : R) : is_derive (fun u => a + b * u) t b.
Proof.
  assert (H : is_derive (fun u => a + b * u) t (0 + b * 1)); [|now replace (0 + b * 1) with b in H by ring].
  apply (is_derive_plus (fun _ => a) (fun u => b * u) t 0 (b * 1)).
  - apply @is_derive_const.
  - apply (is_derive_scal (fun u => u)). apply @is_derive_id.
Qed.

Lemma derive_square (c t : R) : is_derive (fun u => c * (u * u)) t (2 * c * t).
Proof.
  replace (2 * c * t) with (c * (1 * t + t * 1)) by ring.
  apply (is_derive_scal (fun u => u * u)).
  apply (is_derive_mult (fun u => u) (fun u => u) t 1 1); [apply @is_derive_id|apply @is_derive_id|].
  intros. apply Rmult_comm.
Qed.

(** A derivative bounds the function locally: f(u) <= f(t) + (l + eps)(u - t) just right of t. *)
Lemma derive_right (f : R -> R) (t l eps : R) :
  is_derive f t l -> 0 < eps ->
  exists d, 0 < d /\ forall u, t < u < t + d -> f u <= f t + (l + eps) * (u - t).
Proof.
  intros [_ H] He. specialize (H t (fun P HP => HP) (mkposreal eps He)).
  destruct H as [d Hd]. exists d. split; [apply cond_pos|].
  intros u Hu. specialize (Hd u).
  assert (Hb : ball t d u).
  { unfold ball; cbn; unfold AbsRing_ball, abs, minus, plus, opp; cbn. rewrite Rabs_pos_eq; lra. }
  specialize (Hd Hb). unfold norm, minus, plus, opp, scal in Hd; cbn in Hd.
  unfold abs, mult in Hd; cbn in Hd.
  rewrite (Rabs_pos_eq (u + - t)) in Hd by lra.
  apply Rabs_le_between in Hd. nra.
Qed.

(** Mean value inequality on [0,T], one-sided: f' <= 0 gives f(T) <= f(0). *)
Theorem mean_value_le (f f' : R -> R) (T : R) :
  0 <= T ->
  (forall t, 0 <= t <= T -> is_derive f t (f' t)) ->
  (forall t, 0 <= t <= T -> f' t <= 0) ->
  f T <= f 0.
Proof.
  intros HT Hd Hneg.
  apply le_epsilon. intros eps He.
  (* with a slope eps' > 0 to spare, the bound survives a little longer *)
  set (e := eps / (T + 1)).
  assert (Hepos : 0 < e) by (apply Rdiv_lt_0_compat; lra).
  assert (HeT : e * T <= eps).
  { unfold e, Rdiv. apply Rmult_le_reg_r with (T + 1); [lra|].
    field_simplify; [|lra]. nra. }
  pose (g := fun t => f t - (f 0 + e * t)).
  assert (Hg : forall t, 0 <= t <= T -> is_derive g t (f' t - e)).
  { intros t Ht. apply (is_derive_minus f (fun u => f 0 + e * u) t (f' t) e); [now apply Hd|].
    apply derive_affine. }
  assert (g T <= 0); [|unfold g in *; lra].
  apply (first_exit g T); try lra.
  - intros t Ht. apply (@ex_derive_continuous R_AbsRing R_NormedModule). exists (f' t - e). now apply Hg.
  - unfold g. lra.
  - intros t Ht Hall.
    destruct (derive_right g t (f' t - e) e) as [d [Hdpos Hdd]]; [apply Hg; lra|assumption|].
    exists d. split; [assumption|]. intros u Hu HuT.
    specialize (Hdd u Hu). specialize (Hall t). specialize (Hneg t).
    assert (f' t * (u - t) <= 0) by (apply Rmult_le_0_r; lra). nra.
Qed.

(** The same against a majorant G: f' <= G' gives f(T) - f(0) <= G(T) - G(0). *)
Corollary mean_value_majorant (f f' G G' : R -> R) (T : R) :
  0 <= T ->
  (forall t, 0 <= t <= T -> is_derive f t (f' t)) ->
  (forall t, 0 <= t <= T -> is_derive G t (G' t)) ->
  (forall t, 0 <= t <= T -> f' t <= G' t) ->
  f T - f 0 <= G T - G 0.
Proof.
  intros HT Hf HG Hle.
  assert (f T - G T <= f 0 - G 0); [|lra].
  apply (mean_value_le (fun t => f t - G t) (fun t => f' t - G' t)); [assumption| |].
  - intros t Ht. apply @is_derive_minus; [now apply Hf|now apply HG].
  - intros t Ht. specialize (Hle t Ht). lra.
Qed.
