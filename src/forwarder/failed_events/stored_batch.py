"""The format of a stored batch: gzip of the request, with its history as metadata."""

import gzip
import json
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from isal import igzip

from forwarder.errors import UNREADABLE_JSON, CorruptRecordError, StoreError
from forwarder.records import Batch, Body, History, Signal

MAX_BODY_BYTES = 64 * 1024 * 1024  # uncompressed; requests have at most 5 MB
_MAX_REASON_CHARACTERS = 200
_decode = msgspec.json.Decoder(dict[str, object]).decode
_GZIP = zlib.MAX_WBITS | 16


def packed(batch: Batch) -> bytes:
    """Return the request as gzip, whatever it was compressed with for its intake."""
    if batch.body.encoding == "gzip":
        return batch.body.data
    return bytes(igzip.compress(batch.body.inflated(), 1, mtime=0))


def metadata(signal: Signal, items: int, history: History) -> dict[str, str]:
    """Return the metadata of a stored request. S3 accepts ASCII only."""
    return {
        "signal": signal.value,
        "items": str(items),
        "attempts": str(history.attempts),
        "first-failure": f"{history.first_failure:.3f}",
        "reason": history.reason.encode("ascii", "replace").decode()[:_MAX_REASON_CHARACTERS],
    }


def signal_in(metadata: Mapping[str, str]) -> Signal | None:
    """Return the signal of a stored batch; None if none is named.

    Raises:
        StoreError: the signal is unknown; another version may have stored the batch.

    """
    name = metadata.get("signal", "")
    try:
        return Signal(name) if name else None
    except ValueError:
        raise StoreError(f"a batch of the signal {name!r}, which this version does not send") from None


def items_in(metadata: Mapping[str, str]) -> int:
    """Return the number of items that the metadata states, 1 if it states none."""
    items = metadata.get("items", "")
    return int(items) if re.fullmatch("[1-9][0-9]{0,8}", items) else 1


def unpacked(data: bytes, metadata: Mapping[str, str]) -> Batch:
    """Read a stored batch.

    Raises:
        CorruptRecordError: it is not one.

    """
    inflater = zlib.decompressobj(_GZIP)
    try:
        body = inflater.decompress(data, MAX_BODY_BYTES)
        signal, items = Signal(metadata["signal"]), int(metadata["items"])
        history = History(int(metadata["attempts"]), float(metadata["first-failure"]), metadata.get("reason", ""))
        time_of(history.first_failure)  # the rest of the batch will be named after it
    except (zlib.error, KeyError, ValueError, OverflowError, OSError):
        raise CorruptRecordError("it is not a stored batch") from None
    if not inflater.eof or items < 1:
        raise CorruptRecordError("it is a stored batch that was cut off")
    return Batch(signal, Body(body), [(0, items)], len(body), history)


def event_record(event: Mapping[str, object]) -> bytes:
    """Wrap an event as Lambda wraps those that it gave up on."""
    return json.dumps(
        {"requestPayload": event}, separators=(",", ":")
    ).encode()  # unlike msgspec, it accepts lone surrogates


def event_of(record: bytes) -> dict[str, object]:
    """Return the event in an invocation record.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html

    Raises:
        CorruptRecordError: it is not one.

    """
    payload = _record(record).get("requestPayload")
    if not isinstance(payload, dict):
        raise CorruptRecordError("it is not an invocation record")
    return payload


def function_of(record: bytes) -> str:
    """Return the name of the function in an invocation record, or an empty string if there is none."""
    try:
        about = _record(record).get("requestContext")
    except CorruptRecordError:
        return ""
    arn = about.get("functionArn") if isinstance(about, dict) else None
    parts = arn.split(":") if isinstance(arn, str) else []
    return parts[6] if len(parts) > 6 else ""  # noqa: PLR2004 - arn:partition:lambda:region:account:function:name


def _record(record: bytes) -> dict[str, object]:
    try:
        return _decode(record)
    except UNREADABLE_JSON:
        return _decoded_leniently(record)


def _decoded_leniently(record: bytes) -> dict[str, object]:
    """Decode what the fast decoder refuses, such as a lone surrogate, which the pipeline accepts."""
    with suppress(ValueError, RecursionError):
        if isinstance(content := json.loads(record), dict):
            return content
    raise CorruptRecordError("it is not an invocation record")


def compressed(text: bytes) -> bytes:
    """Compress what is set aside for people to read."""
    return gzip.compress(text, mtime=0)


def time_of(moment: float) -> str:
    """Format Unix seconds so that strings sort by time."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# How the last part of a name begins: ours, and that of an invocation record, which Lambda names.
_TIMES = (("2026-11-22T16:05:03.123456Z", "%Y-%m-%dT%H:%M:%S.%fZ"), ("2026-11-22T16.05.03", "%Y-%m-%dT%H.%M.%S"))


def moment_of(name: str) -> float:
    """Parse the time that the last part of a name begins with; 0 if there is none."""
    last = name.rsplit("/", 1)[-1]
    for example, form in _TIMES:
        with suppress(ValueError):
            return datetime.strptime(last[: len(example)], form).replace(tzinfo=UTC).timestamp()
    return 0.0


def signal_of(name: str) -> str:
    """Return the signal in a name."""
    return name.rsplit("/", 1)[-1][len("2026-11-22T16:05:03.123456Z-") :].partition("-")[0]
