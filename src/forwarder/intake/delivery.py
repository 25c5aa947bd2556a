"""Sends batches concurrently, within a number of workers, a byte budget and the deadline."""

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import cycle

from forwarder.deadline import OUT_OF_TIME, Deadline
from forwarder.intake.answers import ATTEMPTS
from forwarder.intake.circuit import Circuit
from forwarder.intake.client import Client
from forwarder.records import Batch, Delivered, Failed, Fate, Outcome, Signal

# Uncompressed bytes of batches that are waiting or in flight: keeps all workers busy with batches of ordinary size, and
# memory flat whatever is read.
BYTES_IN_FLIGHT = 32_000_000

# One item that the intake refuses takes its whole batch with it, so refused batches are halved to find it: ten times
# for one in a thousand. An intake that accepts nothing in this many halvings refuses everything, and is not tried with
# each item: few, if it has accepted nothing yet; else as many as it takes to find that a whole batch of logs is
# refused.
MAX_HALVINGS, MAX_HALVINGS_ONCE_TAKEN = 32, 1_000
# Concurrent requests of that search, of the smallest and of the largest batch in turn: so it gets to single items
# before that limit, wherever they are, and quickly past large parts that are good.
CONCURRENT_SEARCHES = 4


class Delivery:
    """A client and a pool of threads, kept warm from one invocation to the next."""

    def __init__(self, make_client: Callable[[], Client], workers: int, budget: int = BYTES_IN_FLIGHT) -> None:
        self._make_client = make_client
        self._workers = workers
        self._budget = budget
        self._open()

    def _open(self) -> None:
        self._client = self._make_client()
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="delivery")

    def ship(self, deadline: Deadline, attempts: int = ATTEMPTS) -> "Shipment":
        """Start shipping batches until a deadline, each with at most this many attempts."""
        return Shipment(self, deadline, attempts, self._budget)

    def start(self, batch: Batch, deadline: Deadline, circuit: Circuit, attempts: int) -> Future[Outcome]:
        """Start sending a batch."""
        return self._pool.submit(self._client.deliver, batch, deadline, circuit, attempts)

    def drop(self) -> None:
        """Cut everything in flight, and make a new client and pool for what comes next."""
        self.close()
        self._open()

    def close(self) -> None:
        """Cut everything in flight."""
        self._client.cut()
        self._pool.shutdown(wait=False, cancel_futures=True)


class Shipment:
    """The batches that one invocation sends. Only the thread that made it may use it."""

    def __init__(self, delivery: Delivery, deadline: Deadline, attempts: int, budget: int) -> None:
        self._delivery = delivery
        self._deadline = deadline
        self._attempts = attempts
        self._budget = budget
        self._flights: dict[Future[Outcome], Batch] = {}
        self._bytes = 0
        self._circuits: dict[Signal, Circuit] = defaultdict(Circuit)
        self._refused: list[Failed] = []  # and not halved yet, the smallest first
        self._ends = cycle((0, -1))
        self._halvings: dict[Signal, int] = defaultdict(lambda: MAX_HALVINGS)  # that are left

    def submit(self, batch: Batch) -> Iterator[Outcome]:
        """Start sending a batch once there is room for it; yield the outcomes that have come in."""
        while self._flights and self._bytes + batch.size > self._budget:
            yield from self._settled()
        if self._deadline.expired:
            yield Failed(batch, Fate.RETRY, OUT_OF_TIME)
            return
        self._start(batch)
        yield from self._collected({flight for flight in self._flights if flight.done()})

    def resubmit(self, batch: Batch) -> None:
        """Resend part of a batch that just had an outcome: without waiting for room, and without outcomes."""
        self._start(batch)

    def finish(self) -> Iterator[Outcome]:
        """Wait until everything has an outcome, at most until the deadline; yield the outcomes."""
        while self._flights:
            yield from self._settled()

    def gave_up(self, signal: Signal) -> bool:
        """Return whether the intake of a signal is left alone for the rest of this invocation."""
        return self._circuits[signal].open

    def _start(self, batch: Batch) -> None:
        circuit = self._circuits[batch.signal]
        self._flights[self._delivery.start(batch, self._deadline, circuit, self._attempts)] = batch
        self._bytes += batch.size

    def _settled(self) -> Iterator[Outcome]:
        """Wait for at least one outcome. At the deadline all are abandoned, though they may have arrived."""
        done, _ = wait(self._flights, timeout=self._deadline.remaining, return_when=FIRST_COMPLETED)
        if done:
            yield from self._collected(done)
            return
        abandoned = [*self._flights.values(), *(refused.batch for refused in self._refused)]
        self._flights.clear()
        self._refused.clear()
        self._bytes = 0
        self._delivery.drop()
        yield from (Failed(batch, Fate.RETRY, OUT_OF_TIME) for batch in abandoned)

    def _collected(self, done: set[Future[Outcome]]) -> Iterator[Outcome]:
        for flight in done:
            batch = self._flights.pop(flight)
            self._bytes -= batch.size
            outcome = flight.result()
            if isinstance(outcome, Delivered):
                self._halvings[batch.signal] = MAX_HALVINGS_ONCE_TAKEN
                yield outcome
            elif outcome.fate is Fate.REJECT:
                insort(self._refused, outcome, key=lambda refused: refused.batch.count)
                self._bytes += batch.size
            elif outcome.fate is Fate.SPLIT:
                yield from self._halved(outcome)
            else:
                yield outcome
        while self._refused and len(self._flights) < CONCURRENT_SEARCHES:
            yield from self._searched(self._refused.pop(next(self._ends)))

    def _searched(self, refused: Failed) -> Iterator[Outcome]:
        """Search for what is good in a refused batch, unless its intake seems to refuse everything."""
        self._bytes -= refused.batch.size
        if self._halvings[refused.batch.signal]:
            yield from self._halved(refused)
        else:
            yield refused

    def _halved(self, refused: Failed) -> Iterator[Outcome]:
        """Send the halves of what was too large or refused; what cannot be halved will never be accepted."""
        halves = list(refused.batch.split())
        if not halves:
            yield replace(refused, fate=Fate.REJECT)
        elif refused.fate is Fate.REJECT:
            self._halvings[refused.batch.signal] -= 1
        for half in halves:
            self._start(half)
