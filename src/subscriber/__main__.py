"""`python -m subscriber`: see `cli.py`."""

import os
import sys

from subscriber.cli import main

BROKEN_PIPE = 141  # the exit status of a program that SIGPIPE ended


def _discard_what_cannot_be_written() -> None:
    """Python would try again when it exits, and complain."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


try:
    status = main(sys.argv[1:])
except BrokenPipeError:  # as with `| head`
    status = BROKEN_PIPE
finally:
    _discard_what_cannot_be_written()
sys.exit(status)
