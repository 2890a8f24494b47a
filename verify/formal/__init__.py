"""``verify formal``: a certificate as a Coq file about its own doubles, accepted by the checker that is proved correct in proofs/coq."""
