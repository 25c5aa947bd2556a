"""One replay: takes the lease, sends the stored batches, then takes the events through the pipeline."""

from contextlib import suppress

from forwarder.errors import StoreError
from forwarder.failed_events import Store
from forwarder.intake import Delivery
from forwarder.pipeline import Invocation
from forwarder.replay.batches import Batches
from forwarder.replay.events import Events, RunEvent
from forwarder.replay.timed import TimedStore
from forwarder.settle import Summary

LEASE_MARGIN = 30.0  # seconds beyond the deadline for which the lease holds


class Replay:
    """One replay, within a deadline; it counts in the summary of its invocation."""

    def __init__(self, store: Store, delivery: Delivery, invocation: Invocation, summary: Summary) -> None:
        self._invocation = invocation
        self._summary = summary
        self._lease = store.lease
        self._store = TimedStore(store, invocation.deadlines.storing, invocation.telemetry)
        self._batches = Batches(self._store, delivery, invocation, summary)
        self._events = Events(self._store, self._lease, invocation, summary)

    def run(self, owner: str, run_event: RunEvent) -> None:
        """Replay what is stored, unless another replay runs. Problems with the store are warnings: all stays there."""
        warn = self._invocation.telemetry.warn
        try:
            if self._invocation.deadlines.sending.expired:  # the event that it came with took all of it
                warn("There is no time left for the replay.")
            elif self._takes_lease(owner):
                self._run(run_event)
            else:
                warn("Another replay is running; this one stops.")
        except StoreError as error:
            self._summary.replay_failed = True
            warn(f"The replay ended early: {error}.")

    def _takes_lease(self, owner: str) -> bool:
        deadline = self._invocation.deadlines.sending
        seconds = deadline.remaining + LEASE_MARGIN
        return self._store.ask(deadline, lambda _: self._lease.acquire(owner, seconds))

    def _run(self, run_event: RunEvent) -> None:
        try:
            self._batches.run()
            self._events.run(run_event, self._batches.gave_up)
            self._count()
        finally:
            self._store.say_what_is_left()
            self._end()
        nothing_done = self._store.has_left_something and not self._summary.replayed
        self._summary.replay_failed = self._store.failed or nothing_done

    def _count(self) -> None:
        """Count what is left. Lack of time for it is no failure of the replay."""
        try:
            self._summary.backlog = self._store.change(lambda store: store.backlog())
        except StoreError as error:
            self._invocation.telemetry.warn(f"What is left in the store was not counted: {error}.")

    def _end(self) -> None:
        """Release the lease, and what was hidden from others; both expire by themselves, a little later."""
        with suppress(StoreError):
            self._store.change(lambda store: store.release_held())
        with suppress(StoreError):
            self._store.change(lambda _: self._lease.release())
