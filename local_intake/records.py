"""The types that the modules share: what arrived, what is kept of it, why it was refused."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

Signal = Literal["logs", "metrics", "traces", "validate"]
Table = Literal["logs", "metrics", "spans"]
Row = tuple[object, ...]

TABLES: dict[str, Table] = {"logs": "logs", "metrics": "metrics", "traces": "spans"}


class RefusedError(Exception):
    """What was sent is refused: an HTTP status and one sentence, which never quotes what was sent."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass
class Contents:
    """What a request held.

    A row has the values of `Log`, `Metric` or `Span` in their order, without `seq` and `request_seq`, and with the
    fields that are lists or objects as JSON text. `oversized` counts the logs over the limit for one log;
    `warnings` counts what Datadog accepts but does not treat as the sender meant, by sentence.
    """

    rows: list[Row] = field(default_factory=list)
    oversized: int = 0
    warnings: Counter[str] = field(default_factory=Counter)


class Request(msgspec.Struct):
    """One request to an intake endpoint, refused ones too. Keys in `headers` are hidden.

    `seq` counts the requests in the order in which they were stored, from 1; it is 0 until then.
    `received_at` is in Unix seconds; `body_bytes` is the size after decompression, 0 if the body was not looked
    at; `entries` counts the rows stored: logs, metric values or spans.
    """

    seq: int
    received_at: float
    signal: Signal
    path: str
    status: int
    wire_bytes: int
    body_bytes: int = 0
    entries: int = 0
    oversized: int = 0
    warnings: dict[str, int] = {}
    headers: dict[str, str] = {}


class Log(msgspec.Struct):
    """One log. `id` is its own attribute of that name, `seq` the order of arrival; `tags` is its `ddtags`.

    `timestamp` is in Unix milliseconds; `attributes` is the whole log as it was sent. `oversized`: over 1 MB, where
    Datadog would have truncated it.
    """

    seq: int
    request_seq: int
    id: str | None
    timestamp: int | None
    message: str | None
    source: str | None
    service: str | None
    host: str | None
    tags: str | None
    oversized: bool
    attributes: dict[str, Any]


class Metric(msgspec.Struct):
    """One value of a distribution, in the Unix second `second`."""

    seq: int
    request_seq: int
    name: str
    second: int
    value: float
    tags: list[str]
    host: str | None


class Span(msgspec.Struct):
    """One span. Ids are 16 lower-case hex digits; `start` is in Unix nanoseconds, `duration` in nanoseconds."""

    seq: int
    request_seq: int
    env: str
    service: str
    name: str
    resource: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    duration: int
    error: int
    type: str
    meta: dict[str, str]
    metrics: dict[str, float | None]


class Stats(msgspec.Struct):
    """Totals since the store was made or cleared. `refused` is by status; `metrics` counts values.

    `wire_bytes` is what came over the wire, `body_bytes` the same after decompression.
    """

    requests: int = 0
    refused: dict[int, int] = {}
    logs: int = 0
    metrics: int = 0
    spans: int = 0
    body_bytes: int = 0
    wire_bytes: int = 0
    oversized: int = 0
    warnings: dict[str, int] = {}

    def add(self, request: Request) -> None:
        """Count one request."""
        self.requests += 1
        if not is_success(request.status):
            self.refused[request.status] = self.refused.get(request.status, 0) + 1
        if table := TABLES.get(request.signal):
            setattr(self, table, getattr(self, table) + request.entries)
        self.body_bytes += request.body_bytes
        self.wire_bytes += request.wire_bytes
        self.oversized += request.oversized
        for sentence, count in request.warnings.items():
            self.warnings[sentence] = self.warnings.get(sentence, 0) + count


def is_success(status: int) -> bool:
    """Return whether an HTTP status is a 2xx."""
    return 200 <= status < 300  # noqa: PLR2004 - the class of a status is its own name
