"""What the commands here share: reading arguments, printing, and exit statuses."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from local_run.function import FunctionDiedError, RunError

NOT_DELIVERED, COULD_NOT_RUN, INTERRUPTED = 1, 2, 130
BROKEN_PIPE = 141  # the exit status of a program that SIGPIPE ended
WIDTH_WITHOUT_TERMINAL = 120


class Parser(argparse.ArgumentParser):
    """Reports an error in one sentence, without the usage: many users come here by `make`."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and exit."""
        self.exit(COULD_NOT_RUN, f"{message}\n")


class Output(Console):
    """Standard output, with a fixed width if it is not a terminal."""

    def __init__(self) -> None:
        super().__init__(highlight=False)
        if not self.is_terminal:
            self.width = WIDTH_WITHOUT_TERMINAL

    def on_broken_pipe(self) -> None:
        """Leave it to `exit_status`: rich would end with status 1."""
        raise  # noqa: PLE0704 - rich calls this where it has caught the error


def path(text: str) -> Path:
    """Read a path, also one that begins with `~`, which not every shell expands after `LOG=`."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty; is a variable of the shell not set?")
    try:
        return Path(text).expanduser()
    except RuntimeError:  # there is no such user
        return Path(text)


def exit_status(work: Callable[[], int]) -> int:
    """Do the work and return its status; if it fails, print why in one sentence. SIGTERM ends it like Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        status = work()
        sys.stdout.flush()
    except RunError as error:
        print(error, file=sys.stderr)
        return NOT_DELIVERED if isinstance(error, FunctionDiedError) else COULD_NOT_RUN
    except BrokenPipeError:  # as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at exit
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return status


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
