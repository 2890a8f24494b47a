"""What a referee is handed: the checker as one file, example certificates with their expected output, one archive with everything."""
