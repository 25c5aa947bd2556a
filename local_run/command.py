"""What the commands here share: how they read arguments, and how they end."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from local_run.function import FunctionDiedError, RunError

NOT_DELIVERED, COULD_NOT_RUN, INTERRUPTED = 1, 2, 130


class Parser(argparse.ArgumentParser):
    """One that says what is wrong in one sentence, without the usage: many come here by `make`."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and end."""
        self.exit(COULD_NOT_RUN, f"{message}\n")


def path_or_none(text: str) -> Path | None:
    """Read a path; an empty value counts as not given, since `make run EVENT=` passes one."""
    return Path(text) if text else None


def exit_status(work: Callable[[], int]) -> int:
    """Do the work and give its status; if it cannot be done, print why in one sentence. SIGTERM ends it like Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return work()
    except RunError as error:
        print(error, file=sys.stderr)
        return NOT_DELIVERED if isinstance(error, FunctionDiedError) else COULD_NOT_RUN
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
