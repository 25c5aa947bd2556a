"""Packs items into batches within the intake's limits.

Limits of logs: https://docs.datadoghq.com/api/latest/logs/#send-logs. None are documented for distribution points;
3.2 MB is the limit of the Datadog Agent.
"""

from collections.abc import Iterator
from itertools import groupby

import msgspec

from forwarder.records import MAX_NAME_CHARACTERS, Batch, Line, LineAttributes, Metric, Origin, Signal

LOGS_BYTES = 5_000_000  # uncompressed, of a request
LOGS_ENTRIES = 1_000
# The intake takes 1 MB of encoded JSON per log, and a replay adds a tag and perhaps an attribute.
LOG_BYTES = 1_000_000 - 64
METRICS_BYTES = 3_200_000

_MAX_ESCAPE_BYTES = 6  # \u0000; UTF-8 sequences are shorter
_MAX_VALUE_BYTES = 26  # the longest number and its comma

_SeriesKey = tuple[str, tuple[str, ...], int]  # name, tags, second

_encode = msgspec.json.Encoder().encode
_decode_text = msgspec.json.Decoder(str).decode


class LogBatches:
    """Collects encoded logs and yields each batch that is full."""

    def __init__(self) -> None:
        self.truncated = 0  # logs that were too long
        self._start()

    def _start(self) -> None:
        self._pieces: list[bytes] = []  # each one or more encoded logs, with commas between them
        self._runs: list[tuple[int, int]] = []
        self._count = 0
        self._size = len(b"[]")

    def add(self, lines: list[Line], origin: Origin, own: LineAttributes, record: int) -> Iterator[Batch]:
        """Encode and collect lines of one origin that came in one trigger record; yield the batches that fill up."""
        common = origin.common(own)
        if own.truncated:
            self.truncated += len(lines)
        while lines:
            if self._count == LOGS_ENTRIES:
                yield from self.rest()
            chunk = lines[: LOGS_ENTRIES - self._count]
            lines = lines[len(chunk) :]
            piece = _encoded_together(chunk, common)
            if piece and self._size + len(piece) <= LOGS_BYTES:
                self._collect(piece, record, len(chunk))
                continue
            for line in chunk:
                piece = _encoded(line, common)
                if not piece:
                    piece = _truncated(line, origin.common(own._replace(truncated=True, extracted="")))
                    self.truncated += not own.truncated
                if self._size + len(piece) > LOGS_BYTES:
                    yield from self.rest()
                self._collect(piece, record, 1)

    def rest(self) -> Iterator[Batch]:
        """Yield what has not been yielded yet."""
        if self._count:
            yield Batch.of(Signal.LOGS, self._pieces, self._runs)
        self._start()

    def _collect(self, piece: bytes, record: int, count: int) -> None:
        self._pieces.append(piece)
        self._runs.append((record, count))
        self._count += count
        self._size += len(piece) + 1  # and its comma


def _encoded_together(lines: list[Line], common: bytes) -> bytes:
    """Encode many logs in one go, or return no bytes if one of them might be too long for the intake.

    Between two logs the encoder writes exactly `},{"message":`. Nothing else in its output looks like that, since
    quotes inside strings are escaped. So one replacement gives every log its common attributes, at half the cost of
    encoding line by line.
    """
    encoded = _encode(lines)
    if len(encoded) + len(common) > LOG_BYTES:
        return b""
    return encoded[1:-2].replace(b'},{"message":', common + b',{"message":') + common


def _encoded(line: Line, common: bytes) -> bytes:
    """Encode one log, or return no bytes if it is too long for the intake."""
    encoded = _encode(line)[:-1] + common
    return encoded if len(encoded) <= LOG_BYTES else b""


def _truncated(line: Line, common: bytes) -> bytes:
    """Encode a line with as much of its message as fits, cut between two characters."""
    name = line.id[:MAX_NAME_CHARACTERS]
    frame = len(_encode(Line("", name, line.timestamp))) - 1 + len(common)
    encoded = _encode(line.message)[: max(1, LOG_BYTES - frame)]
    for cut in range(_MAX_ESCAPE_BYTES):
        try:
            message = _decode_text(encoded[: len(encoded) - cut] + b'"')
            break
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    else:
        message = ""
    return _encode(Line(message, name, line.timestamp))[:-1] + common


class MetricBatches:
    """Collects distribution points. Those with the same metric, tags and second share one series."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._series: dict[_SeriesKey, list[tuple[int, int | float]]] = {}
        self._size = len(b'{"series":[]}')

    def add(self, metrics: list[Metric], record: int) -> Iterator[Batch]:
        """Collect points that came in one trigger record; yield the batches that fill up."""
        for metric in metrics:
            key = (metric.name, metric.tags, metric.second)
            size = self._growth(key)
            if self._size + size > METRICS_BYTES:
                yield from self.rest()
                size = self._growth(key)
            self._series.setdefault(key, []).append((record, metric.value))
            self._size += size

    def rest(self) -> Iterator[Batch]:
        """Yield what has not been yielded yet."""
        if self._series:
            entries = [_encode(_series_of(key, points)) for key, points in self._series.items()]
            records = (record for points in self._series.values() for record, _ in points)
            runs = [(record, len(list(same))) for record, same in groupby(records)]
            yield Batch.of(Signal.METRICS, entries, runs)
        self._start()

    def _growth(self, key: _SeriesKey) -> int:
        """Return the maximum number of bytes that one more value of a series takes."""
        return _MAX_VALUE_BYTES + (0 if key in self._series else len(_encode(_series_of(key, []))))


def _series_of(key: _SeriesKey, points: list[tuple[int, int | float]]) -> dict[str, object]:
    """Build a series: https://docs.datadoghq.com/api/latest/metrics/#submit-distribution-points.

    Without `host`: a Lambda function has none, and the intake would create one from whatever is given.
    """
    name, tags, second = key
    return {
        "metric": name,
        "points": [[second, [value for _, value in points]]],
        "type": "distribution",
        "tags": tags,
    }
