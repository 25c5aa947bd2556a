"""Stops hammering an intake that does not answer."""

import threading
import time

# So much trouble in a row, and an intake is left alone for the rest of the invocation. A timeout weighs as much as it
# does because two of them are half a minute.
MOST_TROUBLE = 6
TROUBLE_OF_AN_ERROR, TROUBLE_OF_A_TIMEOUT = 1, 3


class Circuit:
    """Counts trouble with one intake in one invocation; open means: do not try. Shared by the worker threads.

    Attempts that were under way when trouble was noted tell of the same trouble and do not count again: twenty
    connections that went stale while a sandbox slept are one failure, not twenty.
    """

    def __init__(self) -> None:
        self._trouble = 0
        self._noted = 0.0
        self._lock = threading.Lock()

    @property
    def open(self) -> bool:
        """Whether the intake should be left alone."""
        return self._trouble >= MOST_TROUBLE

    def answered(self) -> None:
        """Note that the intake has answered for itself, whatever it said."""
        with self._lock:
            if not self.open:
                self._trouble = 0

    def failed(self, began: float, *, timeout: bool) -> None:
        """Note an attempt, begun at that moment of the monotonic clock, that found the intake broken or silent."""
        with self._lock:
            if began >= self._noted:
                self._trouble += TROUBLE_OF_A_TIMEOUT if timeout else TROUBLE_OF_AN_ERROR
                self._noted = time.monotonic()
