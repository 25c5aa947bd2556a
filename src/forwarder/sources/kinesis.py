"""Kinesis records: CloudWatch Logs documents, or lines of text; both may be gzipped, even twice.

https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html#services-kinesis-event-example
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from forwarder.deadline import OUT_OF_TIME
from forwarder.errors import CorruptRecordError, OutOfTimeError
from forwarder.records import Found, Group, Line, Sender, Unread
from forwarder.records.redacted import redacted_repr
from forwarder.sources.awslogs import from_base64, inflate, read_document
from forwarder.sources.decompression import LAYERS
from forwarder.sources.documents import begins_documents, split
from forwarder.sources.reading import CheckDeadline, Reading
from forwarder.sources.values import convert, optional_text, timestamp

_GZIP = b"\x1f\x8b"
_BLOCK = 16 * 1024  # bytes of text that are split into lines together
_LINE_END = re.compile(rb"\n|\r(?!\n)")
_MEMBERS = (b'"logEvents"', b'"logGroup"')  # of a CloudWatch Logs document


class _Data(Struct):
    data: str
    approximateArrivalTimestamp: object = None  # noqa: N815 - AWS's name

    __repr__ = redacted_repr


class _Record(Struct):
    kinesis: _Data
    eventSourceARN: object = ""  # noqa: N815


def read(record: object, number: int, reading: Reading) -> Iterator[Found]:
    """Read one record.

    Raises:
        CorruptRecordError: it has no data, or its base64 or gzip is broken.

    """
    found = convert(record, _Record)
    stream = Sender("kinesis", optional_text(found.eventSourceARN))
    try:
        yield from _groups(found.kinesis, stream, number, reading.check_deadline)
    except OutOfTimeError:
        yield Unread(number, OUT_OF_TIME, str(stream))


def _groups(data: _Data, stream: Sender, number: int, check_deadline: CheckDeadline) -> Iterator[Group]:
    check_deadline()
    payload = from_base64(data.data, "kinesis.data")
    for _ in range(LAYERS):
        if payload.startswith(_GZIP):
            payload = inflate(payload)
    parts = [part for part, _ in split(iter((payload,)))] if begins_documents(payload) else [payload]
    for part in parts:
        if document := _document(part, number, check_deadline):
            yield document
        else:
            yield from _text(part, stream, _arrival(data), number, check_deadline)


def _document(payload: bytes, number: int, check_deadline: CheckDeadline) -> Group | None:
    """Read a CloudWatch Logs document; anything that only looks like one is text."""
    if not all(member in payload for member in _MEMBERS):
        return None
    try:
        return read_document(payload, number, check_deadline)
    except CorruptRecordError:
        return None


def _text(
    payload: bytes, stream: Sender, arrival: int | None, number: int, check_deadline: CheckDeadline
) -> Iterator[Group]:
    """Yield lines of text in groups: what inflates to 60 MB of line feeds would be 60 million lines at once."""
    for block in _blocks(payload):
        check_deadline()
        ended = block.splitlines()  # at \n, \r\n or \r; str.splitlines() splits at others, too
        lines = [Line(line.decode("utf-8", "replace"), timestamp=arrival) for line in ended if line]
        yield Group(stream, lines, number, filtered=len(ended) - len(lines))


def _blocks(payload: bytes) -> Iterator[bytes]:
    """Yield whole lines, together `_BLOCK` bytes and the rest of the last line."""
    start = 0
    while start < len(payload):
        ending = _LINE_END.search(payload, start + _BLOCK)
        end = ending.end() if ending else len(payload)
        yield payload[start:end]
        start = end


def _arrival(data: _Data) -> int | None:
    seconds = data.approximateArrivalTimestamp
    return timestamp(seconds * 1000) if isinstance(seconds, int | float) else None
