"""Joins the entries of many stored batches into few full requests."""

from collections.abc import Iterator

from forwarder.batches import LOGS_BYTES, LOGS_ENTRIES, METRICS_BYTES
from forwarder.records import Batch, Signal, weight
from forwarder.traces.batches import MAX_TRACES_BYTES

# Maximum entries and bytes of a request.
LIMITS = {
    Signal.LOGS: (LOGS_ENTRIES, LOGS_BYTES),
    Signal.METRICS: (100_000, METRICS_BYTES),
    Signal.TRACES: (100_000, MAX_TRACES_BYTES),
}


class Entries:
    """Collects entries of many stored batches into few full requests."""

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self._max_entries, self._max_bytes = LIMITS[signal]
        self._start()

    def _start(self) -> None:
        self._entries: list[bytes] = []
        self._runs: list[tuple[int, int]] = []
        self._size = len(b'{"series":[]}')

    def add(self, number: int, entries: list[bytes]) -> Iterator[Batch]:
        """Take the entries of one stored batch; yield the batches that fill up."""
        for entry in entries:
            if len(self._entries) == self._max_entries or self._size + len(entry) >= self._max_bytes:
                yield from self.rest()
            self._entries.append(entry)
            self._runs.append((number, weight(self._signal, entry)))
            self._size += len(entry) + 1

    def rest(self) -> Iterator[Batch]:
        """Yield what has not been yielded yet."""
        if self._entries:
            batch = Batch.of(self._signal, self._entries, _merged(self._runs))
            if self._signal is Signal.TRACES:
                from trace_proto.parts import languages_in

                batch.languages = languages_in(batch.body.data)
            yield batch
        self._start()


def _merged(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join neighbouring runs of one number."""
    merged: list[tuple[int, int]] = []
    for number, count in runs:
        if merged and merged[-1][0] == number:
            count += merged.pop()[1]  # noqa: PLW2901 - the sum of both
        merged.append((number, count))
    return merged
