"""From what a user holds to exact numbers: torch modules, arrays and files, read without rounding or refused."""
