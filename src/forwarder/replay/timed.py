"""The store as a replay uses it: nothing is waited for beyond a deadline, and trouble is kept count of."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TypeVar

from forwarder.deadline import Deadline, within
from forwarder.errors import StoreError
from forwarder.failed_events import Store
from forwarder.records import Batch, Failed, Rejection
from forwarder.telemetry import Telemetry

MOST_DELETED_AT_ONCE = 200  # what is delivered but not yet removed is sent twice if the process dies

_Result = TypeVar("_Result")
_Item = TypeVar("_Item")


class TimedStore:
    """A store whose changes are waited for until `ending`. `failed` tells whether it has kept the replay from its work.

    `can_delete` is false once something could not be removed: whatever else is sent would be sent once more, too.
    """

    def __init__(self, store: Store, ending: Deadline, telemetry: Telemetry) -> None:
        self.can_delete = True
        self.failed = False
        self._store = store
        self._ending = ending
        self._telemetry = telemetry
        self._done: list[str] = []
        self._left = 0
        self._left_because = ""

    @property
    def has_left_something(self) -> bool:
        """Whether something had to stay where it is."""
        return self._left > 0

    def ask(self, deadline: Deadline, work: Callable[[Store], _Result]) -> _Result:
        """Have the store do something, and wait for it until a deadline.

        Raises:
            StoreError: it failed, or took too long.

        """
        try:
            return within(deadline, lambda: work(self._store))
        except TimeoutError:
            raise StoreError("the store did not answer in time") from None

    def change(self, work: Callable[[Store], _Result]) -> _Result:
        """Have the store change something; what has been sent is booked there even when sending has ended.

        Raises:
            StoreError: it failed, or took too long.

        """
        return self.ask(self._ending, work)

    def each(self, deadline: Deadline, find: Callable[[Store], Iterator[_Item]]) -> Iterator[_Item]:
        """Yield what the store finds until a deadline, waiting no longer for a page.

        Raises:
            StoreError: it could not be listed, or not in time.

        """
        found = find(self._store)
        while not deadline.expired:
            following = self.ask(deadline, lambda _: next(found, None))
            if following is None:
                return
            yield following

    def put(self, parts: list[Batch]) -> bool:
        """Store what remains of a batch; only if all of it is there may the batch be removed."""
        return self._stores("a batch", lambda store: not any(store.put(part).parts for part in parts))

    def put_event(self, event: Mapping[str, object]) -> bool:
        """Store what remains of an event; only if it is there may the event be removed."""
        return self._stores("an event", lambda store: not store.put_event(event))

    def _stores(self, what: str, work: Callable[[Store], bool]) -> bool:
        with suppress(StoreError):
            if self.change(work):
                return True
        self.failed = True
        self._telemetry.warn(f"What remains of {what} could not be stored by itself: all of it will be sent again.")
        return False

    def reject(self, failed: Failed) -> bool:
        """Set a batch aside that no intake will take."""
        with suppress(StoreError):
            return not self.change(lambda store: store.reject(failed))
        return False

    def quarantine(self, name: str, reason: str, problem: str) -> bool:
        """Move something that cannot be read to where no replay looks, and say so."""
        try:
            self.change(lambda store: store.quarantine(name, reason))
        except StoreError as error:
            self.leave(error)
            return False
        self._telemetry.rejected(Rejection(problem, name), name)
        return True

    def remove(self, name: str) -> None:
        """Remove what is accounted for, many at once."""
        self._done.append(name)
        if len(self._done) >= MOST_DELETED_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Remove now what is to be removed."""
        names, self._done = self._done, []
        try:
            if names:
                self.change(lambda store: store.delete(names))
        except StoreError as error:
            self.can_delete, self.failed = False, True
            self._telemetry.warn(f"What was delivered is still in the store: {error}.")

    def leave(self, error: StoreError) -> None:
        """Note that something stays where it is: it must not hold up what is behind it."""
        self._left += 1
        self._left_because = self._left_because or str(error)

    def say_what_is_left(self) -> None:
        """Warn of what had to stay where it is, once for all of it."""
        if self._left:
            others = f" So were {self._left - 1} more." if self._left > 1 else ""
            self._telemetry.warn(f"Something was left in the store: {self._left_because}.{others}")
