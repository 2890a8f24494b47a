"""The theory: constants as formulas, one module per claim with its proof, the ledger, the formal development in coq/."""
