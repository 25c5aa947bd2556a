"""Packs spans into batches within the intake's limits: the spans of one trace together, one payload for each env."""

from collections.abc import Iterator
from itertools import groupby

from forwarder.records import Batch, Signal
from forwarder.traces import tree
from forwarder.traces.group_tags import NO_ENV, name_services
from forwarder.traces.reading import Read
from forwarder.traces.spans import Span

# Uncompressed. None is documented: it is what the agent keeps to (pkg/trace/writer in DataDog/datadog-agent,
# `MaxPayloadSize`).
TRACES_BYTES = 3_200_000
# Characters of lines whose spans are kept back for others of their traces. In memory they take some five times as much.
COLLECTED_CHARACTERS = 8_000_000
# What is held back in batches that are not full, since every env needs requests of its own; what each batch costs.
HELD_BYTES, OPEN_COSTS = 4 * TRACES_BYTES, 1_000
# X-Ray segments whose parents are remembered, for children that come once their trace has been sent in part.
PLACEHOLDERS = 10_000

_TraceId = tuple[int, str]  # the low 64 bits, and the tag that holds the high ones
_LANGUAGE = "languageName"
# What a span may say of the tracer that made it: the field of `TracerPayload`, and the tag.
_TRACER = {_LANGUAGE: "language", "tracerVersion": "dd_trace", "runtimeID": "runtime-id", "appVersion": "version"}


class TraceBatches:
    """Collects spans over an event, since a trace may be printed in several lines; gives out full batches."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._held = 0
        self._placeholders: dict[_TraceId, dict[int, int]] = {}
        self._start()

    def _start(self) -> None:
        self._traces: dict[int, list[Span]] = {}
        self._size = 0

    def add(self, read: Read) -> Iterator[Batch]:
        """Collect the spans of a group; once they are many, encode them, and yield the batches that fill up."""
        for span in read.spans:
            self._traces.setdefault(span.trace_id, []).append(span)
        self._size += read.size
        if self._size > COLLECTED_CHARACTERS:
            yield from self._encoded()

    def rest(self) -> Iterator[Batch]:
        """Yield what has not been given out yet."""
        yield from self._encoded()
        yield from self._given_out(0)

    def _encoded(self) -> Iterator[Batch]:
        traces, self._traces, self._size = self._traces, {}, 0
        for trace_id, spans in traces.items():
            for high, trace in tree.by_high_id(spans).items():
                if real := self._real((trace_id, high), trace):
                    name_services(real)
                    yield from self._chunks(real)
        self._forget()

    def _real(self, trace_id: _TraceId, spans: list[Span]) -> list[Span]:
        """Return the spans that are no placeholders; those may come long before their children."""
        placeholders = self._placeholders.pop(trace_id, {})
        real = tree.without_placeholders(spans, placeholders)
        if placeholders:
            self._placeholders[trace_id] = placeholders
        return real

    def _forget(self) -> None:
        """Forget the placeholders of the traces that are longest past, if there are many."""
        known = 0
        for trace_id, placeholders in reversed(list(self._placeholders.items())):
            known += len(placeholders)
            if known > PLACEHOLDERS:
                del self._placeholders[trace_id]

    def _chunks(self, trace: list[Span]) -> Iterator[Batch]:
        priority = tree.priority_of(trace)
        for env, chunk in _by_env(trace).items():
            tree.mark_top_level(chunk)
            tracer = _tracer_of(chunk)
            for entry, spans in _entries(env, tracer, priority, chunk):
                yield from self._packed(env, entry, spans, tracer.get(_LANGUAGE))

    def _packed(self, env: str, entry: bytes, spans: list[Span], language: str | None) -> Iterator[Batch]:
        """Put a chunk into the batch of its env; yield batches that are full, or too many."""
        batch = self._open.get(env)
        if batch and batch.size + len(entry) > TRACES_BYTES:
            yield self._closed(env)
            batch = None
        if batch is None:
            batch = self._open[env] = _Open()
            self._held += OPEN_COSTS
        batch.add(entry, spans, language)
        self._held += len(entry)
        if self._held > HELD_BYTES:
            yield from self._given_out(HELD_BYTES // 2)

    def _given_out(self, left: int) -> Iterator[Batch]:
        """Yield open batches, the largest first, until no more is held than what may be left."""
        for env in sorted(self._open, key=lambda env: -self._open[env].size):
            if self._held <= left:
                return
            yield self._closed(env)

    def _closed(self, env: str) -> Batch:
        batch = self._open.pop(env)
        self._held -= batch.size + OPEN_COSTS
        return batch.closed()


def _by_env(spans: list[Span]) -> dict[str, list[Span]]:
    """Sort the spans of a trace by env; those that name none belong to the first that is named."""
    default = next((span.env for span in spans if span.env), NO_ENV)
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.env or default, []).append(span)
    return found


def _tracer_of(spans: list[Span]) -> dict[str, str]:
    """Return what the first span that names its language says of the tracer: many libraries tell only the root."""
    telling = next((span for span in spans if "language" in span.meta), spans[0])
    return {name: telling.meta[tag] for name, tag in _TRACER.items() if tag in telling.meta}


def _entries(env: str, tracer: dict[str, str], priority: int, spans: list[Span]) -> Iterator[tuple[bytes, list[Span]]]:
    """Encode spans of a trace as one chunk, or as several where that would be too large for a request."""
    from forwarder.traces.encoding import payload_of

    entry = payload_of(env, tracer, priority, spans)
    if len(entry) <= TRACES_BYTES or len(spans) == 1:
        yield entry, spans
        return
    middle = len(spans) // 2
    for half in (spans[:middle], spans[middle:]):
        yield from _entries(env, tracer, priority, half)


class _Open:
    """A batch of one env that is not full yet. `size` is in bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._entries: list[bytes] = []
        self._runs: list[tuple[int, int]] = []
        self._languages: dict[str, None] = {}

    def add(self, entry: bytes, spans: list[Span], language: str | None) -> None:
        """Take an encoded chunk."""
        self._entries.append(entry)
        self._runs += [(record, len(list(same))) for record, same in groupby(span.record for span in spans)]
        self.size += len(entry)
        if language:
            self._languages[language] = None

    def closed(self) -> Batch:
        """Return the batch."""
        batch = Batch.of(Signal.TRACES, self._entries, self._runs)
        batch.languages = tuple(self._languages)
        return batch
