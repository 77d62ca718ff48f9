"""`python -m unswap.cli`."""

import sys

from unswap.cli import main

sys.exit(main())
