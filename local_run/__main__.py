"""`python -m local_run`: see `cli.py`."""

import os
import signal
import sys
from types import FrameType


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """End at once: nothing has been started yet, and an interrupted import would print a traceback."""
    os.write(sys.stderr.fileno(), b"Interrupted.\n")
    os._exit(130)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _interrupted)  # until `main` takes over; the imports take some tenths of a second
    from local_run.cli import main

    sys.exit(main())
