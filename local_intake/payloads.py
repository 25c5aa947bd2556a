"""JSON payloads: logs and distribution points, checked as the intake checks them and turned into rows."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec

from local_intake.records import Contents, RefusedError, Row

# https://docs.datadoghq.com/api/latest/logs/#send-logs: 5 MB uncompressed, 1,000 entries, 1 MB a log.
MAX_LOGS_BODY = 5_000_000
MAX_LOGS = 1_000
MAX_LOG = 1_000_000
# No limit is documented for distribution points. 3.2 MB is that of /api/v1/series on the wire; applied to the
# uncompressed size here, so that what passes here passes there.
MAX_METRICS_BODY = 3_200_000

# A timestamp this far ahead was written in the wrong unit: 1,000 times too large is tens of thousands of years.
TEN_YEARS = 10 * 365.25 * 86_400
LOG_IN_FUTURE = "A log's timestamp is over 10 years ahead: it must be in milliseconds."
METRIC_IN_FUTURE = "A metric's timestamp is over 10 years ahead: it must be in seconds."

_INT64 = float(2**63)

_raw_logs = msgspec.json.Decoder(list[msgspec.Raw])
_log = msgspec.json.Decoder(dict[str, Any])


class _Series(msgspec.Struct):
    metric: Annotated[str, msgspec.Meta(min_length=1)]
    points: Annotated[list["_Point"], msgspec.Meta(min_length=1)]
    type: str = "distribution"
    host: str | None = None
    tags: list[str] | None = None


class _Point(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    timestamp: Annotated[float, msgspec.Meta(ge=0, lt=_INT64)]
    values: Annotated[list[float], msgspec.Meta(min_length=1)]


class _Metrics(msgspec.Struct):
    series: list[_Series]


_metrics = msgspec.json.Decoder(_Metrics)


def parse_logs(body: bytes) -> Contents:
    """Read a JSON array of log objects, or one log object; `RefusedError` if it is not one or holds too many."""
    contents = Contents()
    raw_logs = _split_logs(body)
    if len(raw_logs) > MAX_LOGS:
        raise RefusedError(413, f"Too many logs: send at most {MAX_LOGS:,} in a request.")
    latest = (time.time() + TEN_YEARS) * 1000
    for position, raw in enumerate(raw_logs, 1):
        with _refusing(f"Log {position}"):
            log = _log.decode(raw)
        oversized = len(raw) > MAX_LOG
        timestamp = _milliseconds(log.get("timestamp"))
        contents.oversized += oversized
        if timestamp is not None and timestamp > latest:
            contents.warnings[LOG_IN_FUTURE] += 1
        contents.rows.append(_log_row(log, timestamp, oversized, raw))
    return contents


def parse_metrics(body: bytes) -> Contents:
    """Read `{"series": [{"metric", "points": [[seconds, [values…]]], "tags", "host"}]}`; one row per value."""
    with _refusing("The body"):
        series = _metrics.decode(body).series
    if any(entry.type != "distribution" for entry in series):
        raise RefusedError(400, 'The type of a series must be "distribution".')
    latest = time.time() + TEN_YEARS
    late = sum(point.timestamp > latest for entry in series for point in entry.points)
    rows = [row for entry in series for row in _metric_rows(entry)]
    return Contents(rows, warnings=Counter({METRIC_IN_FUTURE: late} if late else {}))


def parse_nothing(_body: bytes) -> Contents:
    """Take a request whose body does not matter."""
    return Contents()


def _split_logs(body: bytes) -> list[msgspec.Raw]:
    if body.lstrip()[:1] == b"{":
        return [msgspec.Raw(body)]
    with _refusing("The body"):
        return _raw_logs.decode(body)


def _log_row(log: dict[str, Any], timestamp: int | None, oversized: bool, raw: msgspec.Raw) -> Row:
    return (
        _text(log.get("id")),
        timestamp,
        _text(log.get("message")),
        _text(log.get("ddsource")),
        _text(log.get("service")),
        _text(log.get("host", log.get("hostname"))),
        _text(log.get("ddtags")),
        oversized,
        str(memoryview(raw), "utf-8"),
    )


def _metric_rows(entry: _Series) -> Iterator[Row]:
    tags = msgspec.json.encode(entry.tags or []).decode()
    for point in entry.points:
        for value in point.values:
            yield entry.metric, int(point.timestamp), value, tags, entry.host


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _milliseconds(value: object) -> int | None:
    """Return a numeric timestamp as a whole number that SQLite can hold; Datadog ignores any other kind too."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= _INT64:
        return None
    return int(value)


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Turn decoding errors into `RefusedError`. Those of msgspec name types and places, never values."""
    try:
        yield
    except UnicodeDecodeError:
        raise RefusedError(400, f"{what} is not UTF-8.") from None
    except RecursionError:
        raise RefusedError(400, f"{what} is JSON that is nested too deeply.") from None
    except msgspec.MsgspecError as error:
        raise RefusedError(400, f"{what} is not what this endpoint takes: {error}.") from None
