"""One module per claim; each holds ``CLAIM``. The file's name is the claim's id."""
