"""Puts what failed into the store while the line goes on, and says in the end what was kept."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from forwarder.deadline import NEVER, Deadline
from forwarder.failed_events.store import Store, Unstored
from forwarder.records import Batch, Body, Ending, Failed, Kept, Rejection, Unread

WORKERS = 8
MOST_WAITING = 16_000_000  # bytes of batches, compressed, that wait to be stored
NO_ANSWER = "it did not answer in time"

_NOTHING = Body(b"")  # in place of a body that is stored, or that nothing can be done with


class Keeper:
    """Stores failed batches of one invocation, many at once. Without a store, everything is left.

    Bodies are let go of as soon as they can be, and no more than so many bytes wait, however much fails.
    """

    def __init__(
        self,
        store: Store | None,
        *,
        keeps_raw: bool,
        deadline: Deadline = NEVER,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._keeps_raw = keeps_raw
        self._deadline = deadline
        self._warn = warn
        self._waiting = 0
        self._free = threading.Condition()
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[Future[Unstored], Failed] = {}
        self._unkept: list[Kept] = []
        self._setting_aside: list[Future[str]] = []
        self._unread: list[Unread] = []
        self._to_continue: dict[Future[str], Unread] = {}
        self._records: list[dict[str, object]] = []

    def keep(self, failed: Failed) -> None:
        """Start storing a batch."""
        failed.batch.history = failed.batch.history.failed(failed.reason, time.time())
        size = len(failed.batch.body.data)
        if self._store is None or not self._has_room(size):
            failed.batch.body = _NOTHING
            self._unkept.append(_kept(failed, [failed.batch]))
        else:
            self._under_way[self._start().submit(self._put, self._store, failed.batch, size)] = failed

    def _has_room(self, size: int) -> bool:
        """Wait until no more wait to be stored than may, at most until the deadline."""
        with self._free:
            room = self._free.wait_for(
                lambda: not self._waiting or self._waiting + size <= MOST_WAITING, self._deadline.remaining
            )
            self._waiting += size if room else 0
        return room

    def _put(self, store: Store, batch: Batch, size: int) -> Unstored:
        """Store a batch; of what is left, only what it was counts any more."""
        try:
            left = store.put(batch)
            for each in (batch, *left.parts):
                each.body = _NOTHING
            return left
        finally:
            with self._free:
                self._waiting -= size
                self._free.notify()

    def set_aside(self, failed: Failed) -> None:
        """Start putting a batch aside that no intake will ever take."""
        failed.batch.history = failed.batch.history.failed(failed.reason, time.time())
        size = len(failed.batch.body.data)
        if self._store is None:
            return
        if self._has_room(size):
            self._setting_aside.append(self._start().submit(self._reject, self._store, failed, size))
        else:
            self._setting_aside.append(_done(NO_ANSWER))

    def _reject(self, store: Store, failed: Failed, size: int) -> str:
        try:
            return store.reject(failed)
        finally:
            failed.batch.body = _NOTHING
            with self._free:
                self._waiting -= size
                self._free.notify()

    def leave(self, unread: Unread, event: dict[str, object] | None) -> None:
        """Start storing the event with which a replay reads on; without one, or without a store, it stays unread."""
        if self._store is None or event is None:
            self._unread.append(unread)
        else:
            self._to_continue[self._start().submit(self._store.put_event, event)] = unread

    def note(self, rejection: Rejection, where: str) -> None:
        """Remember a record that cannot be read; its text only where no masking rule asks for it to be hidden."""
        record: dict[str, object] = {"reason": rejection.reason, "where": where, "count": rejection.count}
        if self._keeps_raw and rejection.raw:
            record["raw"] = rejection.raw
        self._records.append(record)

    def finish(self, deadline: Deadline) -> Ending:
        """Wait for what is under way, at most until the deadline: what takes longer counts as not stored."""
        if self._store is not None and self._records:
            self._setting_aside.append(self._start().submit(self._store.reject_records, self._records))
        futures: list[Future[Any]] = [*self._under_way, *self._to_continue, *self._setting_aside]
        wait(futures, timeout=deadline.remaining)
        left = [(failed, _left(future, failed)) for future, failed in self._under_way.items()]
        lost = [unread for future, unread in self._to_continue.items() if _trouble(future)]
        not_aside = [trouble for trouble in map(_trouble, self._setting_aside) if trouble]
        if not_aside:
            self._warn("Not everything that was rejected could be set aside in the store.")
        self._say_why(
            [
                *not_aside,
                *(unstored.trouble for _, unstored in left if unstored.parts),
                *filter(None, map(_trouble, self._to_continue)),
                *(NO_ANSWER for _ in self._unkept),
            ]
        )
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        kept = self._unkept + [_kept(failed, unstored.parts) for failed, unstored in left]
        return Ending(kept, self._unread + lost, len(self._to_continue) - len(lost))

    def _say_why(self, troubles: list[str]) -> None:
        """Name the store, and what AWS answered: what is returned says only what was wrong with the intake."""
        if self._store is not None and troubles:
            answer = next((trouble for trouble in troubles if trouble != NO_ANSWER), NO_ANSWER)
            self._warn(f"What failed could not be stored in {self._store}: {answer}.")

    def _start(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="store")
        return self._pool


def _trouble(future: Future[str]) -> str:
    return future.result() if future.done() else NO_ANSWER


def _left(future: Future[Unstored], failed: Failed) -> Unstored:
    return future.result() if future.done() else Unstored([failed.batch], NO_ANSWER)


def _kept(failed: Failed, left: list[Batch]) -> Kept:
    return Kept(failed, failed.batch.count - sum(batch.count for batch in left), left)


def _done(trouble: str) -> Future[str]:
    future: Future[str] = Future()
    future.set_result(trouble)
    return future
