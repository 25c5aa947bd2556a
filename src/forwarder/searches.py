"""Time limits for searches with the user's patterns.

They run in `regex` with a time limit per search, since many patterns that people bring from the Datadog Forwarder need
a backtracking engine (look-around, back-references), and no pattern may hang an invocation.
"""

from collections.abc import Callable
from typing import TypeVar

from forwarder.deadline import Deadline
from forwarder.errors import OutOfTimeError

_T = TypeVar("_T")

# CPU seconds that one search may take, and how many more per character. A well-behaved search takes some 10 ns per
# character.
LIMIT, LIMIT_PER_CHARACTER = 0.1, 2e-6
# Once searches over their limit have cost an invocation this many seconds, limits are divided by `STRICT_DIVISOR`.
MAX_OVERRUN, STRICT_DIVISOR = 1.0, 50
# CPU seconds that a search gets in any case, so that a harmless pattern still works close to the deadline.
MIN_LIMIT = 0.01


class SearchBudget:
    """The time that the searches of an invocation may take until its deadline.

    `regex` counts the CPU seconds of the process. In a function with only a `share` of a CPU, they
    take longer on the clock.
    """

    def __init__(self, deadline: Deadline, share: float) -> None:
        self._deadline = deadline
        self._share = share
        self._overrun = 0.0

    def run(self, search: Callable[..., _T], text: str) -> _T:
        """Return what a search in a string finds; it is called with the string, and its limit as `timeout`.

        Raises:
            TimeoutError: it ran over its limit.
            OutOfTimeError: it did, and the deadline has come.

        """
        limit = LIMIT + LIMIT_PER_CHARACTER * len(text)
        if self._overrun >= MAX_OVERRUN:
            limit /= STRICT_DIVISOR
        left = max(MIN_LIMIT, self._deadline.remaining * self._share)
        try:
            return search(text, timeout=min(limit, left))
        except TimeoutError:
            self._overrun += limit
            if left < limit or self._deadline.expired:
                raise OutOfTimeError("the clock ran out while the user's patterns were being applied") from None
            raise
