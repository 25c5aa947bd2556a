"""The one clock of an invocation."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

_Result = TypeVar("_Result")

# This share of the remaining time, at most this many seconds, is reserved for what comes after sending.
RESERVE_SHARE, MAX_RESERVE_SECONDS = 0.2, 5.0
# This share of the reserve is for storing what could not be sent.
STORING_SHARE = 0.6
# The forwarder's own metrics may take at most this share of the reserve: they are not worth losing a line.
OWN_METRICS_SHARE = 0.25
# This share of the remaining time, at most this many seconds, is for sending what has been read: reading ends before.
DRAINING_SHARE, MAX_DRAINING_SECONDS = 0.25, 10.0

OUT_OF_TIME = "the time was up"  # the reason why something was not done by a deadline


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock by which all sending must have ended."""

    moment: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline this many seconds from now."""
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
    that, sending the forwarder's own metrics may take `own_metrics` seconds.
    """

    reading: Deadline
    sending: Deadline
    storing: Deadline
    own_metrics: float

    @classmethod
    def dividing(cls, remaining: float) -> "Deadlines":
        """Divide the remaining seconds."""
        reserve = min(MAX_RESERVE_SECONDS, remaining * RESERVE_SHARE)
        draining = min(MAX_DRAINING_SECONDS, remaining * DRAINING_SHARE)
        end = time.monotonic() + remaining
        return cls(
            reading=Deadline(end - reserve - draining),
            sending=Deadline(end - reserve),
            storing=Deadline(end - reserve * (1 - STORING_SHARE)),
            own_metrics=reserve * OWN_METRICS_SHARE,
        )


NEVER = Deadline.after(threading.TIMEOUT_MAX / 2)


def within(deadline: Deadline, work: Callable[[], _Result]) -> _Result:
    """Do something without its own deadline, such as a call to AWS, on a thread that is abandoned at this deadline.

    Raises:
        TimeoutError: it took too long. And whatever the work raises.

    """
    return begin(work).result(deadline.remaining)


def begin(work: Callable[[], _Result]) -> Future[_Result]:
    """Do something on a separate daemon thread, which does not keep the process alive."""
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="within", daemon=True).start()
    return future
