"""Ten short scripts, each a complete answer to one question; the tests run every one of them."""
