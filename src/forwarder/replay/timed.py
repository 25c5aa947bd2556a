"""The store as a replay uses it: waiting ends at a deadline, and problems are counted."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from forwarder.deadline import Deadline, begin
from forwarder.errors import StoreError
from forwarder.failed_events import Contents, Store, Stored
from forwarder.records import Batch, Failed, Rejection
from forwarder.telemetry import Telemetry

READ_AHEAD = 8  # objects
MAX_DELETED_AT_ONCE = 200  # what is delivered but not yet removed is sent twice if the process is killed

_Result = TypeVar("_Result")
_Item = TypeVar("_Item")


class TimedStore:
    """A store whose changes are waited for until `ending`. `failed` is whether it prevented the replay from working.

    `can_delete` is false once something could not be removed: whatever else is sent would also be sent again.
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
        """Whether something had to stay in the store."""
        return self._left > 0

    def ask(self, deadline: Deadline, work: Callable[[Store], _Result]) -> _Result:
        """Let the store do something, and wait for it until a deadline.

        Raises:
            StoreError: it failed, or took too long.

        """
        return _result_of(begin(lambda: work(self._store)), deadline)

    def change(self, work: Callable[[Store], _Result]) -> _Result:
        """Let the store change something: what has been sent is recorded there even after sending has ended.

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

    def read_ahead(self, found: Iterator[Stored], deadline: Deadline) -> Iterator[tuple[Stored, Contents | None]]:
        """Yield what was found with its contents, in order, while the next ones are being read.

        S3 takes some 20 ms for an object, however small. What cannot be read by the deadline stays in the store.

        Raises:
            StoreError: the listing failed. What was found before has been yielded.

        """
        reading: deque[tuple[Stored, Future[Contents | None]]] = deque()
        error_at_end: StoreError | None = None
        try:
            for stored in found:
                reading.append((stored, begin(stored.read)))
                if len(reading) > READ_AHEAD:
                    yield from self._read(*reading.popleft(), deadline)
        except StoreError as error:
            error_at_end = error
        for each in reading:
            yield from self._read(*each, deadline)
        if error_at_end:
            raise error_at_end

    def _read(
        self, stored: Stored, reading: Future[Contents | None], deadline: Deadline
    ) -> Iterator[tuple[Stored, Contents | None]]:
        try:
            yield stored, _result_of(reading, deadline)
        except StoreError as error:
            self.leave(error)

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
        """Set aside a batch that no intake will accept."""
        with suppress(StoreError):
            return not self.change(lambda store: store.reject(failed))
        return False

    def quarantine(self, name: str, reason: str, problem: str) -> bool:
        """Move something that cannot be read to where replays do not look, and report it."""
        try:
            self.change(lambda store: store.quarantine(name, reason))
        except StoreError as error:
            self.leave(error)
            return False
        self._telemetry.rejected(Rejection(problem, name), name)
        return True

    def remove(self, name: str) -> None:
        """Remove what is accounted for, in groups."""
        self._done.append(name)
        if len(self._done) >= MAX_DELETED_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Remove now what is waiting to be removed."""
        names, self._done = self._done, []
        try:
            if names:
                self.change(lambda store: store.delete(names))
        except StoreError as error:
            self.can_delete, self.failed = False, True
            self._telemetry.warn(f"What was delivered is still in the store: {error}.")

    def leave(self, error: StoreError) -> None:
        """Record that something stays in the store: it must not hold up what comes after it."""
        self._left += 1
        self._left_because = self._left_because or str(error)

    def say_what_is_left(self) -> None:
        """Warn about what had to stay in the store, once for all of it."""
        if self._left:
            others = f" So were {self._left - 1} more." if self._left > 1 else ""
            self._telemetry.warn(f"Something was left in the store: {self._left_because}.{others}")


def _result_of(work: Future[_Result], deadline: Deadline) -> _Result:
    """Wait for the store until a deadline.

    Raises:
        StoreError: it failed, or took too long.

    """
    try:
        return work.result(deadline.remaining)
    except TimeoutError:
        raise StoreError("the store did not answer in time") from None
