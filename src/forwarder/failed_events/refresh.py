"""Updates stored entries for sending: Datadog accepts no logs older than 18 hours and no points older than one.

https://docs.datadoghq.com/api/latest/logs/#send-logs, https://docs.datadoghq.com/api/latest/metrics/.
"""

import msgspec
from msgspec import Raw, Struct

from forwarder.errors import CorruptRecordError
from forwarder.records import Batch, Signal, weight

MAX_LOG_AGE = 18 * 3600  # seconds
MAX_POINT_AGE = 3600
RETRIED = "retry:true"
ORIGINAL_TIMESTAMP = "original_timestamp"  # the attribute that keeps a log's time where it was replaced

_encode = msgspec.json.Encoder().encode
_decode_log = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


class _Points(Struct):
    points: list[tuple[int, list[float]]]


_decode_points = msgspec.json.Decoder(_Points).decode


def refreshed(batch: Batch, now: float) -> tuple[list[bytes], list[bytes]]:
    """Return the entries to send, and those that no intake accepts any more.

    Logs are tagged `retry:true`; those that are too old get the current time and keep theirs in an attribute.

    Raises:
        CorruptRecordError: the content of the batch is invalid.

    """
    try:
        entries = batch.entries()
        if sum(weight(batch.signal, entry) for entry in entries) != batch.count:
            raise CorruptRecordError("its item count does not match its metadata")
        if batch.signal is Signal.METRICS:
            return _by_age(entries, now - MAX_POINT_AGE)
        if batch.signal is Signal.TRACES:
            return entries, []
        return [_refreshed_log(entry, now) for entry in entries], []
    except (ValueError, RecursionError):  # msgspec's errors, `UnicodeError`, an invalid payload of traces
        raise CorruptRecordError("it is not a stored batch") from None


def _by_age(entries: list[bytes], oldest: float) -> tuple[list[bytes], list[bytes]]:
    fresh: list[bytes] = []
    stale: list[bytes] = []
    for entry in entries:
        (stale if _second_of(entry) < oldest else fresh).append(entry)
    return fresh, stale


def _second_of(entry: bytes) -> int:
    return max((second for second, _ in _decode_points(entry).points), default=0)


def _refreshed_log(entry: bytes, now: float) -> bytes:
    log = _decode_log(entry)
    tags = _decode_text(log["ddtags"]) if "ddtags" in log else ""
    if RETRIED not in tags.split(","):
        log["ddtags"] = Raw(_encode(f"{tags},{RETRIED}" if tags else RETRIED))
    timestamp = log.get("timestamp")
    if timestamp is not None and msgspec.json.decode(timestamp, type=float) / 1000 < now - MAX_LOG_AGE:
        log.setdefault(ORIGINAL_TIMESTAMP, timestamp)
        log["timestamp"] = Raw(_encode(int(now * 1000)))
    return _encode(log)
