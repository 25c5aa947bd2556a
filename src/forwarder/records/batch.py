"""What is sent: batches of encoded items, which can be split."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
from msgspec import Raw, Struct

from forwarder.records.signal import Signal

# What comes before, between and after entries. Protobuf merges adjacent messages.
_FRAMES = {
    Signal.LOGS: (b"[", b",", b"]"),
    Signal.METRICS: (b'{"series":[', b",", b"]}"),
    Signal.TRACES: (b"", b"", b""),
}


class _Points(Struct):
    points: list[tuple[int, list[float]]]


class _Series(Struct):
    series: list[Raw]


@dataclass(frozen=True, slots=True)
class History:
    """How often delivery of a batch has failed, since when (Unix seconds), and why it failed last."""

    attempts: int = 0
    first_failure: float = 0.0
    reason: str = ""

    def failed(self, reason: str, now: float) -> "History":
        """Return the history after one more failure."""
        return History(self.attempts + 1, self.first_failure or now, reason)


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a request and their `Content-Encoding`. Its `repr` does not show the bytes."""

    data: bytes = field(repr=False)
    encoding: str = "identity"

    def inflated(self) -> bytes:
        """Return the bytes as they were before compression."""
        if self.encoding == "identity":
            return self.data
        return zlib.decompress(self.data, wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, by their first bytes


@dataclass(slots=True)
class Batch:
    """One request's worth of encoded items.

    `runs` are pairs `(record number, count)` in the order of the items, so that whatever happens to the batch can be
    attributed to the trigger records that it came from. `size` is the uncompressed length of the body. `history` is
    that of its failures, which its halves inherit. An entry is a log, a series of metrics or a chunk of a trace;
    `languages` are those of the tracers that made it.
    """

    signal: Signal
    body: Body
    runs: list[tuple[int, int]]
    size: int
    history: History = field(default_factory=History)
    languages: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many items are in it."""
        return sum(count for _, count in self.runs)

    @classmethod
    def of(cls, signal: Signal, entries: list[bytes], runs: list[tuple[int, int]]) -> "Batch":
        """Wrap encoded entries in what the intake of this signal expects around them."""
        opening, separator, closing = _FRAMES[signal]
        data = b"".join((opening, separator.join(entries), closing))
        return cls(signal, Body(data), runs, len(data))

    def split(self) -> Iterator["Batch"]:
        """Yield two halves, or nothing if there is only one entry, which cannot be divided itself.

        An entry of metrics holds all points of one series and second, so halves are by entries; a single chunk of a
        trace has halves.
        """
        entries = self.entries()
        if self.signal is Signal.TRACES and len(entries) == 1:
            from trace_proto.parts import halves

            entries = halves(entries[0])
        if len(entries) < 2:  # noqa: PLR2004 - two halves need two
            return
        weights = [weight(self.signal, entry) for entry in entries]
        middle = len(entries) // 2
        runs, rest = _cut(self.runs, sum(weights[:middle]))
        for half, its_runs in ((entries[:middle], runs), (entries[middle:], rest)):
            yield self._part(half, its_runs)

    def by_record(self) -> Iterator[tuple[int, "Batch"]]:
        """Yield the part of each trigger record, or of whatever else the runs refer to."""
        entries = iter(self.entries())
        for record, count in self.runs:
            mine: list[bytes] = []
            missing = count
            while missing > 0:
                mine.append(next(entries))
                missing -= weight(self.signal, mine[-1])
            yield record, self._part(mine, [(record, count)])

    def _part(self, entries: list[bytes], runs: list[tuple[int, int]]) -> "Batch":
        part = Batch.of(self.signal, entries, runs)
        part.history, part.languages = self.history, self.languages
        return part

    def entries(self) -> list[bytes]:
        """Return the encoded entries.

        Raises:
            ValueError: the body is invalid.

        """
        data = self.body.inflated()
        if self.signal is Signal.TRACES:
            from trace_proto.parts import chunks

            return chunks(data)
        if self.signal is Signal.METRICS:
            return [bytes(entry) for entry in msgspec.json.decode(data, type=_Series).series]
        return [bytes(entry) for entry in msgspec.json.decode(data, type=list[Raw])]


def weight(signal: Signal, entry: bytes) -> int:
    """Count the items in an entry: the points of a series, the spans of a chunk."""
    if signal is Signal.LOGS:
        return 1
    if signal is Signal.TRACES:
        from trace_proto.parts import spans_in

        return spans_in(entry)
    return sum(len(values) for _, values in msgspec.json.decode(entry, type=_Points).points)


def _cut(runs: list[tuple[int, int]], items: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Divide runs after this many items."""
    before: list[tuple[int, int]] = []
    for place, (record, count) in enumerate(runs):
        if items < count:
            head = [(record, items)] if items else []
            return before + head, [(record, count - items), *runs[place + 1 :]]
        before.append((record, count))
        items -= count
    return before, []
