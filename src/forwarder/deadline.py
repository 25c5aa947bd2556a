"""The one clock of an invocation."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

_Result = TypeVar("_Result")

# Of the time that Lambda leaves, this share, at most so many seconds, is kept for what comes after sending.
RESERVE_SHARE, LONGEST_RESERVE = 0.2, 5.0
# Of the reserve, this share is for storing what could not be sent.
STORING_SHARE = 0.6
# Metrics about ourselves may take at most this share of the reserve: they are not worth a line.
OWN_METRICS_SHARE = 0.25
# Of the same time, this share, at most so many seconds, is for sending what has been read: reading ends before.
DRAINING_SHARE, LONGEST_DRAINING = 0.25, 10.0

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


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How the time of an invocation is divided.

    Reading stops at the first moment, so that what has been read is sent by the second; the third is for storing. After
    that, metrics about the forwarder itself may take so many seconds.
    """

    reading: Deadline
    sending: Deadline
    storing: Deadline
    own_metrics: float

    @classmethod
    def dividing(cls, remaining: float) -> "Deadlines":
        """Divide the seconds that Lambda leaves."""
        reserve = min(LONGEST_RESERVE, remaining * RESERVE_SHARE)
        draining = min(LONGEST_DRAINING, remaining * DRAINING_SHARE)
        end = time.monotonic() + remaining
        return cls(
            reading=Deadline(end - reserve - draining),
            sending=Deadline(end - reserve),
            storing=Deadline(end - reserve * (1 - STORING_SHARE)),
            own_metrics=reserve * OWN_METRICS_SHARE,
        )


NEVER = Deadline.after(threading.TIMEOUT_MAX / 2)


def within(deadline: Deadline, work: Callable[[], _Result]) -> _Result:
    """Do something that knows no deadline, such as a call to AWS, on a thread that is left behind at the deadline.

    Raises:
        TimeoutError: it took too long. And whatever the work raises.

    """
    return begin(work).result(deadline.remaining)


def begin(work: Callable[[], _Result]) -> Future[_Result]:
    """Do something on a thread of its own, which does not hold up the end of the process."""
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="within", daemon=True).start()
    return future
