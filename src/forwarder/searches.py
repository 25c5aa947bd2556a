"""How long a search with one of the user's patterns may take.

They run in `regex` with a time limit per search, since many of the patterns that people bring from the incumbent need a
backtracking engine (look-around, back-references), and no pattern may hang an invocation.
"""

from collections.abc import Callable
from typing import TypeVar

from forwarder.deadline import Deadline
from forwarder.errors import OutOfTimeError

_T = TypeVar("_T")

# CPU seconds that one search may take: this much for any text, and this much more for each of its characters. A search
# that is not out of hand takes some 10 ns a character.
LIMIT, LIMIT_PER_CHARACTER = 0.1, 2e-6
# Once searches over their limit have cost an invocation this many seconds, limits shrink by `STRICTER`.
PATIENCE, STRICTER = 1.0, 50
# What a search gets however late it is, so that a harmless pattern still does its work.
LEAST = 0.01


class SearchBudget:
    """The time that the searches of an invocation may take until its deadline.

    `regex` counts the CPU seconds of the process. A function that has less than a whole CPU, a `share` of one, waits
    longer for them than they say.
    """

    def __init__(self, deadline: Deadline, share: float) -> None:
        self._deadline = deadline
        self._share = share
        self._overrun = 0.0

    def run(self, search: Callable[..., _T], text: str) -> _T:
        """Return what a search in a text finds; it takes the text, and its limit as `timeout`.

        Raises:
            TimeoutError: it ran over its limit.
            OutOfTimeError: it did, and the deadline has come.

        """
        limit = LIMIT + LIMIT_PER_CHARACTER * len(text)
        if self._overrun >= PATIENCE:
            limit /= STRICTER
        left = max(LEAST, self._deadline.remaining * self._share)
        try:
            return search(text, timeout=min(limit, left))
        except TimeoutError:
            self._overrun += limit
            if left < limit or self._deadline.expired:
                raise OutOfTimeError("the clock ran out while the user's patterns were being applied") from None
            raise
