"""Stores what failed while the pipeline continues, and reports in the end what was stored."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from forwarder.deadline import NEVER, Deadline
from forwarder.failed_events.store import Store, Unstored
from forwarder.records import Batch, Body, Failed, Rejection, StoreResult, StoreSummary, Unread

WORKERS = 8
MAX_WAITING_BYTES = 16_000_000  # bytes of batches, compressed, that wait to be stored
NO_ANSWER = "it did not answer in time"

_EMPTY = Body(b"")  # replaces a body that is stored, or that nothing can be done with


class Keeper:
    """Stores failed batches of one invocation concurrently. Without a store, everything is returned.

    Bodies are released as soon as possible, and at most `MAX_WAITING_BYTES` wait, however much fails.
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
        self._in_progress: dict[Future[Unstored], Failed] = {}
        self._not_stored: list[StoreResult] = []
        self._setting_aside: list[Future[str]] = []
        self._unread: list[Unread] = []
        self._to_continue: dict[Future[str], Unread] = {}
        self._records: list[dict[str, object]] = []

    def keep(self, failed: Failed) -> None:
        """Start storing a batch."""
        failed.batch.history = failed.batch.history.failed(failed.reason, time.time())
        size = len(failed.batch.body.data)
        if self._store is None or not self._has_room(size):
            failed.batch.body = _EMPTY
            self._not_stored.append(_result(failed, [failed.batch]))
        else:
            self._in_progress[self._start().submit(self._put, self._store, failed.batch, size)] = failed

    def _has_room(self, size: int) -> bool:
        """Wait until there is room for this many more bytes, at most until the deadline."""
        with self._free:
            room = self._free.wait_for(
                lambda: not self._waiting or self._waiting + size <= MAX_WAITING_BYTES, self._deadline.remaining
            )
            self._waiting += size if room else 0
        return room

    def _put(self, store: Store, batch: Batch, size: int) -> Unstored:
        """Store a batch, and release the bodies: of what could not be stored, only the counts matter."""
        try:
            left = store.put(batch)
            for each in (batch, *left.parts):
                each.body = _EMPTY
            return left
        finally:
            with self._free:
                self._waiting -= size
                self._free.notify()

    def set_aside(self, failed: Failed) -> None:
        """Start setting aside a batch that no intake will ever accept."""
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
            failed.batch.body = _EMPTY
            with self._free:
                self._waiting -= size
                self._free.notify()

    def leave(self, unread: Unread, event: dict[str, object] | None) -> None:
        """Start storing an event with which a replay continues; without one, or without a store, it stays unread."""
        if self._store is None or event is None:
            self._unread.append(unread)
        else:
            self._to_continue[self._start().submit(self._store.put_event, event)] = unread

    def note(self, rejection: Rejection, where: str) -> None:
        """Remember a record that cannot be read; its text only if no masking rule is configured."""
        record: dict[str, object] = {"reason": rejection.reason, "where": where, "count": rejection.count}
        if self._keeps_raw and rejection.raw:
            record["raw"] = rejection.raw
        self._records.append(record)

    def finish(self, deadline: Deadline) -> StoreSummary:
        """Wait for what is in progress, at most until the deadline: what takes longer counts as not stored."""
        if self._store is not None and self._records:
            self._setting_aside.append(self._start().submit(self._store.reject_records, self._records))
        futures: list[Future[Any]] = [*self._in_progress, *self._to_continue, *self._setting_aside]
        wait(futures, timeout=deadline.remaining)
        left = [(failed, _left(future, failed)) for future, failed in self._in_progress.items()]
        lost = [unread for future, unread in self._to_continue.items() if _problem(future)]
        not_aside = [problem for problem in map(_problem, self._setting_aside) if problem]
        if not_aside:
            self._warn("Not everything that was rejected could be set aside in the store.")
        self._warn_of(
            [
                *not_aside,
                *(unstored.problem for _, unstored in left if unstored.parts),
                *filter(None, map(_problem, self._to_continue)),
                *(NO_ANSWER for _ in self._not_stored),
            ]
        )
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        kept = self._not_stored + [_result(failed, unstored.parts) for failed, unstored in left]
        return StoreSummary(kept, self._unread + lost, len(self._to_continue) - len(lost))

    def _warn_of(self, problems: list[str]) -> None:
        """Name the store and AWS's error: the reasons of what is returned only describe the intake's failure."""
        if self._store is not None and problems:
            answer = next((problem for problem in problems if problem != NO_ANSWER), NO_ANSWER)
            self._warn(f"Undelivered batches could not be stored in {self._store}: {answer}.")

    def _start(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="store")
        return self._pool


def _problem(future: Future[str]) -> str:
    return future.result() if future.done() else NO_ANSWER


def _left(future: Future[Unstored], failed: Failed) -> Unstored:
    return future.result() if future.done() else Unstored([failed.batch], NO_ANSWER)


def _result(failed: Failed, left: list[Batch]) -> StoreResult:
    return StoreResult(failed, failed.batch.count - sum(batch.count for batch in left), left)


def _done(problem: str) -> Future[str]:
    future: Future[str] = Future()
    future.set_result(problem)
    return future
