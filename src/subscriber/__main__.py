"""`python -m subscriber`: see `cli.py`."""

import os
import sys

from subscriber.cli import main

NOBODY_READS = 141  # the exit status of a program that SIGPIPE ended


def _give_up_what_cannot_be_written() -> None:
    """Python would try it once more at its exit, and complain."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


try:
    status = main(sys.argv[1:])
except BrokenPipeError:  # as with `| head`
    status = NOBODY_READS
finally:
    _give_up_what_cannot_be_written()
sys.exit(status)
