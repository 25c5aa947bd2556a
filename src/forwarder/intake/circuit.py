"""A circuit breaker: stops sending to an intake that does not respond."""

import threading
import time

# At this weight of failures in a row, an intake is left alone for the rest of the invocation. A timeout weighs more
# because two of them take some 40 s.
FAILURE_THRESHOLD = 6
ERROR_WEIGHT, TIMEOUT_WEIGHT = 1, 3


class Circuit:
    """Counts failures of one intake in one invocation; open means: do not try. Shared by the worker threads.

    Attempts that were in progress when a failure was counted are part of the same failure and do not count again:
    twenty connections that went stale while a sandbox was frozen are one failure, not twenty.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._counted_at = 0.0
        self._lock = threading.Lock()

    @property
    def open(self) -> bool:
        """Whether the intake is to be left alone."""
        return self._failures >= FAILURE_THRESHOLD

    def answered(self) -> None:
        """Record that the intake itself has responded, in whatever way."""
        with self._lock:
            if not self.open:
                self._failures = 0

    def failed(self, began: float, *, timeout: bool) -> None:
        """Record a failed attempt that began at this moment of the monotonic clock."""
        with self._lock:
            if began >= self._counted_at:
                self._failures += TIMEOUT_WEIGHT if timeout else ERROR_WEIGHT
                self._counted_at = time.monotonic()
