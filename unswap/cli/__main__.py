"""`python -m unswap.cli`."""

import sys

from unswap.cli import main

if __name__ == "__main__":
    sys.exit(main())
