"""Sends again what is in the store: the line, entered at the intake. What Lambda gave up on goes through all of it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from forwarder.deadline import OUT_OF_TIME, Deadline, within
from forwarder.errors import CorruptRecordError, StoreError, UnsupportedEventError
from forwarder.failed_events import stored_batch
from forwarder.failed_events.refresh import refreshed
from forwarder.failed_events.store import Store, Stored
from forwarder.intake import Delivery
from forwarder.pipeline import Invocation
from forwarder.records import Batch, Delivered, Failed, Fate, History, Outcome, Rejection, Signal, weight
from forwarder.replay.entries import LIMITS, Entries
from forwarder.settle import Summary

_Result = TypeVar("_Result")
_Item = TypeVar("_Item")

RunEvent = Callable[[Mapping[str, object]], Summary]
"""Takes an event through the whole line, and returns its books."""

EVENT_TYPE = "retry"

LEASE_MARGIN = 30.0  # seconds beyond the deadline for which the lease holds
MOST_DELETED_AT_ONCE = 200  # what is delivered but not yet removed is sent twice if the process dies
# An event is not begun with less of the time for reading than the first of these; an object in which an earlier replay
# got no further, not with less than the second, since one that gets nowhere again and again is given up.
SHARE_FOR_AN_EVENT, SHARE_FOR_A_HARD_ONE = 0.5, 0.9
EXPIRED = "expired: the intake takes no points older than an hour"
# Why something is set aside.
NO_EVENT = "it is not an event that can be read"
POISON = "two replays were killed by this event: raise MemorySize or Timeout, then move it back from rejected/"


def wanted(event: object) -> bool:
    """Tell whether an event asks for a replay: `{"retry": true}`, alone or among other things."""
    return isinstance(event, dict) and str(event.get("retry", "")).lower() == "true"


def without_request(event: Mapping[str, object]) -> dict[str, object]:
    """Return what an event holds beside the wish for a replay."""
    return {name: value for name, value in event.items() if name != "retry"} if wanted(event) else dict(event)


@dataclass(slots=True)
class _Track:
    """What has become of a stored batch so far. `left` are the parts of it that failed again."""

    name: str
    signal: Signal
    total: int
    history: History
    settled: int = 0
    reason: str = ""
    left: list[Batch] = field(default_factory=list)


class Replay:
    """One replay, within a deadline; it writes into the books of its invocation."""

    def __init__(self, store: Store, delivery: Delivery, invocation: Invocation, summary: Summary) -> None:
        self._store = store
        self._shipment = delivery.ship(invocation.deadline)
        self._deadline = invocation.deadline
        self._reading_deadline = invocation.reading_deadline
        self._time_for_reading = invocation.reading_deadline.remaining
        self._ending = invocation.storing_deadline
        self._summary = summary
        self._telemetry = invocation.telemetry
        self._tracks: dict[int, _Track] = {}
        self._delivered: list[str] = []
        self._left = 0
        self._left_because = ""
        self._removes = True
        self._tried: set[Signal] = set()
        self._refused: set[Signal] = set()  # whose intakes answered that trying again would not help
        self._entries: dict[tuple[Signal, str], Entries] = {}

    def run(self, owner: str, run_event: RunEvent) -> None:
        """Replay what is stored, unless another replay runs. Trouble with the store is a warning: all stays there."""
        seconds = self._deadline.remaining + LEASE_MARGIN
        try:
            if not self._in_time(self._deadline, lambda: self._store.acquire(owner, seconds)):
                self._telemetry.warn("Another replay is running; this one ends.")
                return
            try:
                self._batches()
                self._events(run_event)
                self._count()
            finally:
                self._say_what_is_left()
                with suppress(StoreError):  # the lease expires by itself
                    self._in_time(self._ending, self._store.release)
            if not self._removes or (self._left and not self._summary.replayed):
                self._summary.replay_failed = True
        except StoreError as error:
            self._summary.replay_failed = True
            self._telemetry.warn(f"The replay ended early: {error}.")

    def _count(self) -> None:
        """Say what is left. That there was no time for it is no failure of the replay."""
        try:
            self._summary.backlog = self._in_time(self._ending, self._store.backlog)
        except StoreError as error:
            self._telemetry.warn(f"What is left in the store was not counted: {error}.")

    def _in_time(self, deadline: Deadline, work: Callable[[], _Result]) -> _Result:
        """Have the store do something, and wait for it until a deadline.

        Raises:
            StoreError: it failed, or took too long.

        """
        try:
            return within(deadline, work)
        except TimeoutError:
            raise StoreError("the store did not answer in time") from None

    def _each(self, found: Iterator[_Item], deadline: Deadline) -> Iterator[_Item]:
        """Yield what the store finds until a deadline, waiting no longer for a page."""
        while not deadline.expired:
            following = self._in_time(deadline, lambda: next(found, None))
            if following is None:
                return
            yield following

    # --- batches

    def _batches(self) -> None:
        try:
            found = self._store.pending(self._reading_deadline, self._wants)
            for number, stored in enumerate(self._each(found, self._reading_deadline)):
                if not self._removes or all(map(self._gave_up, LIMITS)):
                    break
                if self._wants(stored.signal):
                    self._take(number, stored)
        finally:  # what has been read is in the books, so it needs an outcome
            for entries in self._entries.values():
                self._submit(entries.rest())
            self._settle(self._shipment.finish())
            self._remove()

    def _gave_up(self, signal: Signal) -> bool:
        """Return whether the intake of a signal takes nothing at present, so that more of it need not be read."""
        return signal in self._refused or self._shipment.gave_up(signal)

    def _wants(self, signal: str) -> bool:
        """Return whether what is stored of a signal is to be read; one that is not known by its name may be any."""
        return signal not in set(LIMITS) or not self._gave_up(Signal(signal))

    def _take(self, number: int, stored: Stored) -> None:
        """Read a stored batch, and add its entries to those of the others.

        The first of a signal goes ahead by itself: if its intake is down or refuses the key, no more are read.
        """
        try:
            contents = stored.contents or self._in_time(self._reading_deadline, lambda: self._store.read(stored.name))
            signal = stored_batch.signal_in(contents.facts) if contents else None
        except StoreError as error:
            self._leave(error)
            return
        if contents is None:
            return
        try:
            batch = stored_batch.unpacked(contents.data, contents.facts)
            fresh, stale = refreshed(batch, time.time())
        except CorruptRecordError as error:
            if self._sets_aside_as_it_is(stored.name, str(error), str(error)):
                self._book_corrupt(signal, stored_batch.items_in(contents.facts), str(error))
            return
        self._tracks[number] = _Track(stored.name, batch.signal, batch.count, batch.history)
        self._summary.signals[batch.signal].created += batch.count
        self._summary.replayed += 1
        if stale:
            runs = [(number, sum(weight(batch.signal, entry) for entry in stale))]
            expired = Failed(Batch.of(batch.signal, stale, runs), Fate.REJECT, EXPIRED)
            self._telemetry.failed(expired)
            self._failed(expired)
            self._book(expired)
        entries = self._entries_like(batch)
        self._submit(entries.add(number, fresh))
        if batch.signal not in self._tried:
            self._tried.add(batch.signal)
            self._submit(entries.rest())
            self._settle(self._shipment.finish())

    def _book_corrupt(self, signal: Signal | None, items: int, reason: str) -> None:
        """Book a batch that cannot be read by what it says of itself, or as a line if it says nothing."""
        if signal is None:
            self._summary.reject_lines(Rejection(reason, ""))
        else:
            self._summary.signals[signal].created += items
            self._summary.reject_items(signal, items, reason)

    def _entries_like(self, batch: Batch) -> Entries:
        """Return the entries that those of a batch may join: a payload of traces is of one env."""
        env = ""
        if batch.signal is Signal.TRACES:
            from trace_proto.parts import env_of

            env = env_of(batch.body.inflated())
        return self._entries.setdefault((batch.signal, env), Entries(batch.signal))

    def _submit(self, batches: Iterator[Batch]) -> None:
        for batch in batches:
            self._settle(self._shipment.submit(batch))

    def _settle(self, outcomes: Iterator[Outcome]) -> None:
        for outcome in outcomes:
            self._summary.count_request(outcome)
            if isinstance(outcome, Delivered):
                self._book(outcome)
            elif outcome.fate is Fate.REJECT and len(outcome.batch.runs) > 1:
                for _, part in outcome.batch.by_record():  # one may spoil the others: each by itself
                    self._shipment.resubmit(part)
            else:
                if outcome.fate is Fate.KEEP:
                    self._refused.add(outcome.batch.signal)
                self._telemetry.failed(outcome)
                self._failed(outcome)
                self._book(outcome)

    def _book(self, outcome: Outcome) -> None:
        for number, count in outcome.batch.runs:
            track = self._tracks[number]
            if isinstance(outcome, Delivered):
                self._summary.signals[track.signal].delivered += count
            track.settled += count
            if track.settled >= track.total:
                self._conclude(self._tracks.pop(number))

    def _failed(self, failed: Failed) -> None:
        """Set aside what is rejected, if it can be; the rest is left to its stored batch."""
        for number, part in failed.batch.by_record():
            track = self._tracks[number]
            part.history = track.history.failed(failed.reason, time.time())
            rejected = Failed(part, failed.fate, failed.reason, failed.status, failed.attempts, failed.answer)
            if failed.fate is Fate.REJECT and self._sets_aside(rejected):
                self._summary.reject_items(track.signal, part.count, failed.reason)
            else:
                track.left.append(part)
                track.reason = failed.reason

    def _sets_aside(self, rejected: Failed) -> bool:
        try:
            return self._in_time(self._ending, partial(self._store.reject, rejected))
        except StoreError:
            return False

    def _conclude(self, track: _Track) -> None:
        """Bring the store up to date with what has become of one of its batches."""
        left = sum(part.count for part in track.left)
        self._summary.signals[track.signal].stored += left
        if not left:
            self._delivered.append(track.name)
        elif left == track.total:
            if track.reason != OUT_OF_TIME:
                history = track.history.failed(track.reason, time.time())
                touch = partial(self._store.touch, track.name, track.signal, track.total, history)
                with suppress(StoreError):  # it keeps its old history
                    self._in_time(self._ending, touch)
        elif self._stores(track.left):
            self._delivered.append(track.name)
        if len(self._delivered) >= MOST_DELETED_AT_ONCE:
            self._remove()

    def _stores(self, parts: list[Batch]) -> bool:
        """Store what remains of a batch; only if all of it is there may the batch be removed."""
        try:
            stored = not any(self._in_time(self._ending, partial(self._store.put, part)) for part in parts)
        except StoreError:
            stored = False
        if not stored:
            self._cannot_store("What remains of a batch")
        return stored

    def _cannot_store(self, what: str) -> None:
        self._summary.replay_failed = True
        self._telemetry.warn(f"{what} could not be stored by itself: all of it will be sent again.")

    def _remove(self) -> None:
        names, self._delivered = self._delivered, []
        try:
            if names:
                self._in_time(self._ending, lambda: self._store.delete(names))
        except StoreError as error:  # they will be sent once more, so no more are; what is in flight is still booked
            self._removes = False
            self._telemetry.warn(f"What was delivered is still in the store: {error}.")

    def _sets_aside_as_it_is(self, name: str, reason: str, problem: str) -> bool:
        """Move something to where no replay looks, and say so."""
        try:
            self._in_time(self._ending, lambda: self._store.quarantine(name, reason))
        except StoreError as error:
            self._leave(error)
            return False
        self._telemetry.rejected(Rejection(problem, name), name)
        return True

    def _leave(self, error: StoreError) -> None:
        """Note that something stays where it is: it must not hold up what is behind it."""
        self._left += 1
        self._left_because = self._left_because or str(error)

    def _say_what_is_left(self) -> None:
        if self._left:
            others = f" So were {self._left - 1} more." if self._left > 1 else ""
            self._telemetry.warn(f"Something was left in the store: {self._left_because}.{others}")

    # --- events that Lambda gave up on

    def _events(self, run_event: RunEvent) -> None:
        poison = self._store.poison_event()
        for name in self._each(self._store.unprocessed(self._deadline), self._deadline):
            if name == poison:
                self._reject_event(name, POISON, POISON)
                continue
            if not self._removes or self._gave_up(Signal.LOGS) or not self._has_time(SHARE_FOR_AN_EVENT):
                return
            if not self._in_time(self._deadline, partial(self._store.begin, name)):
                self._telemetry.warn("Another replay has taken the lease; this one ends.")
                return
            try:
                if self._try(name, run_event):
                    self._store.absolve(name)
            except (CorruptRecordError, UnsupportedEventError) as error:
                self._reject_event(name, NO_EVENT, f"{NO_EVENT}: {error}".rstrip("."))
            except StoreError as error:
                self._leave(error)
            except Exception as error:  # whatever is wrong with one must not hold up the others
                self._leave(StoreError(f"an event on which the forwarder fails with {type(error).__name__}"))
                self._store.absolve(name)

    def _try(self, name: str, run_event: RunEvent) -> bool:
        """Take an event through the line, if there is time for it; return whether that was done.

        Of its records, only those stay in the store that have to come again.
        """
        record = self._in_time(self._deadline, partial(self._store.read_unprocessed, name))
        event = without_request(stored_batch.event_of(record))
        if _got_nowhere_before(event) and not self._has_time(SHARE_FOR_A_HARD_ONE):
            return False
        returned = self._run(event, run_event) if event else set()
        if not returned or self._stores_rest(_only(returned, event)):
            self._summary.replayed += 1
            self._delivered.append(name)
            self._remove()
        return True

    def _run(self, event: Mapping[str, object], run_event: RunEvent) -> set[int]:
        """Book an event; return which of its records have to come again."""
        books = run_event(event)
        self._summary.add(books)
        return books.returned_records

    def _stores_rest(self, event: Mapping[str, object]) -> bool:
        """Store an event with the records that have to come again, so that those beside them are sent only once."""
        if not event:
            return False
        try:
            stored = self._in_time(self._ending, partial(self._store.put_event, event))
        except StoreError:
            stored = False
        if not stored:
            self._cannot_store("What remains of an event")
        return stored

    def _reject_event(self, name: str, reason: str, problem: str) -> None:
        """Set an event aside, as one rejected line: how many it has nobody knows."""
        if self._sets_aside_as_it_is(name, reason, problem):
            self._summary.reject_lines(Rejection(reason, name))
            self._store.absolve(name)

    def _has_time(self, share: float) -> bool:
        return self._reading_deadline.remaining >= self._time_for_reading * share


def _only(numbers: set[int], event: Mapping[str, object]) -> Mapping[str, object]:
    """Return an event with some of its records only; an empty one if it has no others, or no records."""
    records = event.get("Records")
    if not isinstance(records, list) or len(numbers) == len(records):
        return {}
    return {**event, "Records": [records[number] for number in sorted(numbers)]}


def _got_nowhere_before(event: Mapping[str, object]) -> bool:
    rest = event.get("continuation")
    return isinstance(rest, dict) and rest.get("attempts", 0) != 0
