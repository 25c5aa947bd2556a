"""Sends stored batches again, joined into few full requests, and accounts for each of them."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from forwarder.deadline import OUT_OF_TIME
from forwarder.errors import CorruptRecordError, StoreError
from forwarder.failed_events import Contents, stored_batch
from forwarder.failed_events.refresh import refreshed
from forwarder.intake import Delivery
from forwarder.pipeline import Invocation
from forwarder.records import Batch, Delivered, Failed, Fate, History, Outcome, Rejection, Signal, weight
from forwarder.replay.entries import LIMITS, Entries
from forwarder.replay.timed import TimedStore
from forwarder.settle import Summary

EXPIRED = "expired: the intake takes no points older than an hour"


@dataclass(slots=True)
class _Track:
    """What has become of a stored batch so far. `left` is the parts of it that failed again."""

    name: str
    signal: Signal
    total: int
    history: History
    settled: int = 0
    reason: str = ""
    left: list[Batch] = field(default_factory=list)


class Batches:
    """The stored batches of one replay."""

    def __init__(self, store: TimedStore, delivery: Delivery, invocation: Invocation, summary: Summary) -> None:
        self._store = store
        self._shipment = delivery.ship(invocation.deadlines.sending)
        self._reading_deadline = invocation.deadlines.reading
        self._summary = summary
        self._telemetry = invocation.telemetry
        self._tracks: dict[int, _Track] = {}
        self._tried: set[Signal] = set()
        self._refused: set[Signal] = set()  # whose intakes responded that trying again would not help
        self._entries: dict[tuple[Signal, str], Entries] = {}

    def run(self) -> None:
        """Send what is stored, oldest first.

        Raises:
            StoreError: it could not be listed. What was read before is sent.

        """
        deadline = self._reading_deadline
        try:
            found = self._store.each(deadline, lambda store: store.pending(deadline, self._wants))
            for number, (stored, contents) in enumerate(self._store.read_ahead(found, deadline)):
                if not self._store.can_delete or all(map(self.gave_up, LIMITS)):
                    break
                if contents is not None and self._wants(stored.signal):
                    self._take(number, stored.name, contents)
        finally:  # what has been read is counted, so it needs an outcome
            for entries in self._entries.values():
                self._submit(entries.rest())
            self._settle(self._shipment.finish())
            self._store.flush()

    def gave_up(self, signal: Signal) -> bool:
        """Return whether the intake of a signal accepts nothing at present, so that no more of it needs to be read."""
        return signal in self._refused or self._shipment.gave_up(signal)

    def _wants(self, signal: str) -> bool:
        """Return whether stored batches of a signal are to be read; one with an unknown name may be of any."""
        return signal not in set(LIMITS) or not self.gave_up(Signal(signal))

    def _take(self, number: int, name: str, contents: Contents) -> None:
        """Send the entries of a stored batch; set it aside if invalid, leave it if this version cannot send it."""
        signal: Signal | None = None
        try:
            signal = stored_batch.signal_in(contents.metadata)
            batch = stored_batch.unpacked(contents.data, contents.metadata)
            fresh, stale = refreshed(batch, time.time())
        except StoreError as error:
            self._store.leave(error)
            return
        except CorruptRecordError as error:
            if self._store.quarantine(name, str(error), str(error)):
                self._count_corrupt(signal, stored_batch.items_in(contents.metadata), str(error))
            return
        self._tracks[number] = _Track(name, batch.signal, batch.count, batch.history)
        self._summary.signals[batch.signal].created += batch.count
        self._summary.replayed += 1
        if stale:
            runs = [(number, sum(weight(batch.signal, entry) for entry in stale))]
            self._count_failed(Failed(Batch.of(batch.signal, stale, runs), Fate.REJECT, EXPIRED))
        self._send(number, batch, fresh)

    def _send(self, number: int, batch: Batch, fresh: list[bytes]) -> None:
        """Add the entries of a batch to those of the others.

        The first of a signal goes ahead by itself: if its intake is down or refuses the key, no more are sent.
        """
        entries = self._entries_like(batch)
        self._submit(entries.add(number, fresh))
        if fresh and batch.signal not in self._tried:
            self._tried.add(batch.signal)
            self._submit(entries.rest())
            self._settle(self._shipment.finish())

    def _count_corrupt(self, signal: Signal | None, items: int, reason: str) -> None:
        """Count a batch that cannot be read as what its metadata says, or as a line if it has none."""
        if signal is None:
            self._summary.reject_lines(Rejection(reason, ""))
        else:
            self._summary.signals[signal].created += items
            self._summary.reject_items(signal, items, reason)

    def _entries_like(self, batch: Batch) -> Entries:
        """Return the collection that a batch may join: a payload of traces has one env."""
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
                self._count(outcome)
            elif outcome.fate is Fate.REJECT and len(outcome.batch.runs) > 1:
                for _, part in outcome.batch.by_record():  # one may have caused the refusal: send each by itself
                    self._shipment.resubmit(part)
            else:
                if outcome.fate is Fate.KEEP:
                    self._refused.add(outcome.batch.signal)
                self._count_failed(outcome)

    def _count_failed(self, failed: Failed) -> None:
        self._telemetry.failed(failed)
        self._divide(failed)
        self._count(failed)

    def _count(self, outcome: Outcome) -> None:
        for number, count in outcome.batch.runs:
            track = self._tracks[number]
            if isinstance(outcome, Delivered):
                self._summary.signals[track.signal].delivered += count
            track.settled += count
            if track.settled >= track.total:
                self._conclude(self._tracks.pop(number))

    def _divide(self, failed: Failed) -> None:
        """Set aside what is rejected, if possible; the rest stays with its stored batch."""
        for number, part in failed.batch.by_record():
            track = self._tracks[number]
            part.history = track.history.failed(failed.reason, time.time())
            rejected = Failed(part, failed.fate, failed.reason, failed.status, failed.attempts, failed.answer)
            if failed.fate is Fate.REJECT and self._store.reject(rejected):
                self._summary.reject_items(track.signal, part.count, failed.reason)
            else:
                track.left.append(part)
                track.reason = failed.reason

    def _conclude(self, track: _Track) -> None:
        """Bring the store up to date with what has become of one of its batches."""
        left = sum(part.count for part in track.left)
        self._summary.signals[track.signal].stored += left
        if left == track.total:
            self._touch(track)
        elif not left or self._store.put(track.left):
            self._store.remove(track.name)

    def _touch(self, track: _Track) -> None:
        """Record one more attempt, if it was one; else the batch keeps its old history."""
        if track.reason != OUT_OF_TIME:
            history = track.history.failed(track.reason, time.time())
            with suppress(StoreError):
                self._store.change(lambda store: store.touch(track.name, track.signal, track.total, history))
