"""The one clock of an invocation."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

_Result = TypeVar("_Result")

OUT_OF_TIME = "the time was up"  # the reason for which something was not done by a deadline


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock by which all sending must have ended."""

    moment: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline that lies this many seconds ahead."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.moment - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether the moment has come."""
        return time.monotonic() >= self.moment


NEVER = Deadline.after(threading.TIMEOUT_MAX / 2)


def within(deadline: Deadline, work: Callable[[], _Result]) -> _Result:
    """Do something that knows no deadline, such as a call to AWS, on a thread that is left behind at the deadline.

    Raises:
        TimeoutError: it took too long. And whatever the work raises.

    """
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="within", daemon=True).start()
    return future.result(deadline.remaining)
