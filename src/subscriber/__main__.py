"""`python3 -m subscriber`: see `cli.py`."""

import os
import sys

from subscriber.cli import main

NOBODY_READS = 141  # the exit status of a program that SIGPIPE ended

try:
    status = main(sys.argv[1:])
    sys.stdout.flush()
except BrokenPipeError:  # as with `| head`
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to flush at the exit
    status = NOBODY_READS
sys.exit(status)
