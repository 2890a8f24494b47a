"""``python -m verify``: the same as ``verify``."""

import sys

from verify.cli import main

sys.exit(main())
