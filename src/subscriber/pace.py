"""Time, and how fast calls may follow each other."""

import time
from typing import Protocol

from subscriber.errors import OutOfTimeError


class Clock(Protocol):
    """Tells the time and waits; the tests' clock only pretends to."""

    def now(self) -> float:
        """Return seconds on a clock that never goes back."""

    def epoch(self) -> float:
        """Return seconds since 1970, which other machines share."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The system clock."""

    def now(self) -> float:
        """Return seconds on a clock that never goes back."""
        return time.monotonic()

    def epoch(self) -> float:
        """Return seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def wait(clock: Clock, seconds: float, ends: float) -> None:
    """Wait, if that leaves time to do something.

    Raises:
        OutOfTimeError: it does not.

    """
    if clock.now() + seconds >= ends:
        raise OutOfTimeError("There is no time left for another call.")
    if seconds > 0:
        clock.sleep(seconds)


class TokenBucket:
    """Lets `per_second` calls a second through, and as many at once after a pause."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._rate, self._clock = per_second, clock
        self._most = max(1.0, per_second)
        self._tokens, self._at = self._most, clock.now()

    def take(self, ends: float) -> None:
        """Wait until a call may be made.

        Raises:
            OutOfTimeError: that would be after `ends`.

        """
        now = self._clock.now()
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
        self._at = now
        wait(self._clock, max(0.0, (1 - self._tokens) / self._rate), ends)
        self._tokens -= 1  # below zero for as long as was just waited
