"""Takes stored events through the whole pipeline: those that Lambda gave up on, and the forwarder's own."""

from collections.abc import Callable, Mapping

from forwarder.errors import CorruptRecordError, StoreError, UnsupportedEventError
from forwarder.failed_events import Lease, NoLease, stored_batch
from forwarder.pipeline import Invocation
from forwarder.records import Rejection, Signal
from forwarder.replay.request import without_request
from forwarder.replay.timed import TimedStore
from forwarder.settle import Summary

RunEvent = Callable[[Mapping[str, object]], Summary]
"""Takes an event through the whole pipeline, and returns its summary."""

# The share of the time for reading that must be left to begin an event; and an object in which an earlier replay made
# no progress, since one without progress in several replays is given up.
SHARE_FOR_AN_EVENT, SHARE_FOR_A_STALLED_OBJECT = 0.5, 0.9
# Why something is set aside.
NOT_AN_EVENT = "it is not an event that can be read"
POISON = "two replays were killed by this event: raise MemorySize or Timeout, then move it back from rejected/"


class Events:
    """The events of one replay."""

    def __init__(self, store: TimedStore, lease: Lease | NoLease, invocation: Invocation, summary: Summary) -> None:
        self._store = store
        self._lease = lease
        self._deadline = invocation.deadlines.sending
        self._reading_deadline = invocation.deadlines.reading
        self._time_for_reading = invocation.deadlines.reading.remaining
        self._summary = summary
        self._telemetry = invocation.telemetry

    def run(self, run_event: RunEvent, gave_up: Callable[[Signal], bool]) -> None:
        """Take events through the pipeline as long as there is time for one, and an intake for its logs.

        Raises:
            StoreError: they could not be listed, or not be noted in the lease.

        """
        poison = self._lease.poison_event()
        for name in self._store.each(self._deadline, lambda store: store.events(self._deadline)):
            if name == poison:
                self._reject(name, POISON, POISON)
                continue
            if not self._store.can_delete or gave_up(Signal.LOGS) or not self._has_time(SHARE_FOR_AN_EVENT):
                return
            if not self._begins(name):
                self._telemetry.warn("Another replay has taken the lease; this one stops.")
                return
            self._deal_with(name, run_event)

    def _begins(self, name: str) -> bool:
        return self._store.ask(self._deadline, lambda _: self._lease.begin(name))

    def _deal_with(self, name: str, run_event: RunEvent) -> None:
        try:
            if self._try(name, run_event):
                self._lease.clear_suspect(name)
        except (CorruptRecordError, UnsupportedEventError) as error:
            self._reject(name, NOT_AN_EVENT, f"{NOT_AN_EVENT}: {error}".rstrip("."))
        except StoreError as error:
            self._store.leave(error)
        except Exception as error:  # a problem with one must not hold up the others
            self._store.leave(StoreError(f"an event on which the forwarder fails with {type(error).__name__}"))
            self._lease.clear_suspect(name)

    def _try(self, name: str, run_event: RunEvent) -> bool:
        """Take an event through the pipeline, if there is time for it; return whether that was done.

        Of its records, only those stay in the store that have to come again, so that the others are sent only once.
        """
        record = self._store.ask(self._deadline, lambda store: store.read_event(name))
        event = without_request(stored_batch.event_of(record))
        if _made_no_progress(event) and not self._has_time(SHARE_FOR_A_STALLED_OBJECT):
            return False
        returned = self._run(event, run_event) if event else set()
        rest = _only(returned, event)
        if not returned or (rest and self._store.put_event(rest)):
            self._summary.replayed += 1
            self._store.remove(name)
            self._store.flush()
        return True

    def _run(self, event: Mapping[str, object], run_event: RunEvent) -> set[int]:
        """Count an event; return which of its records have to come again."""
        summary = run_event(event)
        self._summary.add(summary)
        return summary.returned_records

    def _reject(self, name: str, reason: str, problem: str) -> None:
        """Set an event aside, as one rejected line: how many it has is unknown."""
        if self._store.quarantine(name, reason, problem):
            self._summary.reject_lines(Rejection(reason, name))
            self._lease.clear_suspect(name)

    def _has_time(self, share: float) -> bool:
        return self._reading_deadline.remaining >= self._time_for_reading * share


def _only(numbers: set[int], event: Mapping[str, object]) -> Mapping[str, object]:
    """Return an event with only some of its records; an empty one if these are all, or it has none."""
    records = event.get("Records")
    if not isinstance(records, list) or len(numbers) >= len(records):
        return {}
    return {**event, "Records": [records[number] for number in sorted(numbers)]}


def _made_no_progress(event: Mapping[str, object]) -> bool:
    rest = event.get("continuation")
    return isinstance(rest, dict) and rest.get("attempts", 0) != 0
