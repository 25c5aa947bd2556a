"""Packs spans into batches within the intake's limits: the spans of one trace together, one payload per env."""

from collections.abc import Iterator
from itertools import groupby

from forwarder.records import Batch, Signal
from forwarder.traces import tree
from forwarder.traces.group_tags import NO_ENV, name_services
from forwarder.traces.reading import SpanGroup
from forwarder.traces.spans import Span

# Uncompressed. No limit is documented: this is the agent's own (pkg/trace/writer in DataDog/datadog-agent,
# `MaxPayloadSize`).
MAX_TRACES_BYTES = 3_200_000
# Characters of the lines whose spans wait for other spans of their traces. In memory they take about five times that.
MAX_COLLECTED_CHARACTERS = 8_000_000
# Limit for batches that are not full, as every env needs its own requests; overhead of each batch.
MAX_HELD_BYTES, BATCH_OVERHEAD_BYTES = 4 * MAX_TRACES_BYTES, 1_000
# X-Ray segments whose parents are remembered, for children that arrive after part of their trace was sent.
MAX_PLACEHOLDERS = 10_000

_TraceId = tuple[int, str]  # the low 64 bits, and the tag with the high 64 bits
_LANGUAGE = "languageName"
# Fields of `TracerPayload`, and the tags of a span that hold them.
_TRACER = {_LANGUAGE: "language", "tracerVersion": "dd_trace", "runtimeID": "runtime-id", "appVersion": "version"}


class TraceBatches:
    """Collects spans over an event, since a trace may be printed in several lines; yields full batches."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._held = 0
        self._placeholders: dict[_TraceId, dict[int, int]] = {}
        self._start()

    def _start(self) -> None:
        self._traces: dict[int, list[Span]] = {}
        self._size = 0

    def add(self, group: SpanGroup) -> Iterator[Batch]:
        """Collect the spans of a group; once the limit is exceeded, encode them and yield the batches that fill up."""
        for span in group.spans:
            self._traces.setdefault(span.trace_id, []).append(span)
        self._size += group.size
        if self._size > MAX_COLLECTED_CHARACTERS:
            yield from self._encoded()

    def rest(self) -> Iterator[Batch]:
        """Yield the remaining batches."""
        yield from self._encoded()
        yield from self._flushed(0)

    def _encoded(self) -> Iterator[Batch]:
        traces, self._traces, self._size = self._traces, {}, 0
        for trace_id, spans in traces.items():
            for high, trace in tree.by_high_id(spans).items():
                if real := self._real((trace_id, high), trace):
                    name_services(real)
                    yield from self._chunks(real)
        self._forget()

    def _real(self, trace_id: _TraceId, spans: list[Span]) -> list[Span]:
        """Return the spans that are not placeholders; a placeholder may arrive long before its children."""
        placeholders = self._placeholders.pop(trace_id, {})
        real = tree.without_placeholders(spans, placeholders)
        if placeholders:
            self._placeholders[trace_id] = placeholders
        return real

    def _forget(self) -> None:
        """Forget the placeholders of the oldest traces if there are too many."""
        known = 0
        for trace_id, placeholders in reversed(list(self._placeholders.items())):
            known += len(placeholders)
            if known > MAX_PLACEHOLDERS:
                del self._placeholders[trace_id]

    def _chunks(self, trace: list[Span]) -> Iterator[Batch]:
        priority = tree.priority_of(trace)
        for env, chunk in _by_env(trace).items():
            tree.mark_top_level(chunk)
            tracer = _tracer_of(chunk)
            for entry, spans in _entries(env, tracer, priority, chunk):
                yield from self._packed(env, entry, spans, tracer.get(_LANGUAGE))

    def _packed(self, env: str, entry: bytes, spans: list[Span], language: str | None) -> Iterator[Batch]:
        """Put a chunk into the batch of its env; yield batches that are full or exceed the memory limit."""
        batch = self._open.get(env)
        if batch and batch.size + len(entry) > MAX_TRACES_BYTES:
            yield self._closed(env)
            batch = None
        if batch is None:
            batch = self._open[env] = _Open()
            self._held += BATCH_OVERHEAD_BYTES
        batch.add(entry, spans, language)
        self._held += len(entry)
        if self._held > MAX_HELD_BYTES:
            yield from self._flushed(MAX_HELD_BYTES // 2)

    def _flushed(self, left: int) -> Iterator[Batch]:
        """Yield open batches, the largest first, until at most `left` bytes are held."""
        for env in sorted(self._open, key=lambda env: -self._open[env].size):
            if self._held <= left:
                return
            yield self._closed(env)

    def _closed(self, env: str) -> Batch:
        batch = self._open.pop(env)
        self._held -= batch.size + BATCH_OVERHEAD_BYTES
        return batch.closed()


def _by_env(spans: list[Span]) -> dict[str, list[Span]]:
    """Group the spans of a trace by env; spans without an env get the first one named in the trace."""
    default = next((span.env for span in spans if span.env), NO_ENV)
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.env or default, []).append(span)
    return found


def _tracer_of(spans: list[Span]) -> dict[str, str]:
    """Return the tracer fields of the first span that has a language: many libraries set it only on the root."""
    source = next((span for span in spans if "language" in span.meta), spans[0])
    return {name: source.meta[tag] for name, tag in _TRACER.items() if tag in source.meta}


def _entries(env: str, tracer: dict[str, str], priority: int, spans: list[Span]) -> Iterator[tuple[bytes, list[Span]]]:
    """Encode spans of a trace as one chunk, or as several if one would be too large for a request."""
    from forwarder.traces.encoding import payload_of

    entry = payload_of(env, tracer, priority, spans)
    if len(entry) <= MAX_TRACES_BYTES or len(spans) == 1:
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
        """Add an encoded chunk."""
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
