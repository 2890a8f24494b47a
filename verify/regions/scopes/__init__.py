"""One file a scope: from a problem to its certificate. Over descent/ and neighbourhood/; a scope decides, nothing else does."""
