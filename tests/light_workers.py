"""`unswap` with workers that load no network: real processes and pipes, made-up faces and scores.

What tests of killing and resuming are about is what goes on between the processes. A worker of the
package itself takes seconds to start, and says no more of that.
"""

import importlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
LIGHT = (sys.executable, "-P", str(HERE / "light_workers.py"))
REAL = (sys.executable, "-P", "-m", "unswap.cli")
# in the environment, so that a test can be sure what goes on when it kills
HELD = "LIGHT_WORKERS_HELD"  # the name of a video that is never scored
HOLD_FILE = "LIGHT_WORKERS_HOLD_FILE"  # the worker that finds this file takes it away, and hangs
PLACES = {
    "score": ("unswap.experiments.scoring.answers", "light_scorer"),
    "prepare": ("unswap.experiments.preparing.engines", "light_preparer"),
}


def main() -> int:
    """One command, as the package's own `main`."""
    from unswap.cli import main as unswap_main

    place, worker = PLACES[sys.argv[1]]
    importlib.import_module(place).WORKER = worker  # type: ignore[attr-defined]
    os.environ["PYTHONPATH"] = str(HERE)
    return unswap_main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
