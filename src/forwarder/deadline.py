"""The one clock of an invocation."""

import threading
import time
from dataclasses import dataclass

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
