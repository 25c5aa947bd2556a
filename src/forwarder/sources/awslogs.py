"""CloudWatch Logs subscriptions: `{"awslogs": {"data": base64(gzip(JSON))}}`.

The JSON is described at
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar, cast

import msgspec
import pybase64
from isal import isal_zlib
from msgspec import Raw, Struct

from forwarder.deadline import OUT_OF_TIME
from forwarder.errors import UNREADABLE_JSON, CorruptRecordError, OutOfTimeError
from forwarder.records import MAX_NAME_CHARACTERS, Found, Group, Line, LogStream, Rejection, Unread
from forwarder.sources.json_parts import elements, members
from forwarder.sources.reading import CheckDeadline, Reading

# An event is at most 6 MB as base64, and log lines compress to a tenth or less. Deflate compresses zeros 1:1032, so a
# hostile event could inflate to 4.5 GB; decoding takes some six times what is inflated here.
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_SLICE = 16 * 1024  # bytes: what follows the end of a gzip member is copied, which would be expensive for all the rest

_CORRUPT = cast(type[Exception], isal_zlib.error)  # its stub calls the class an instance


_Events = TypeVar("_Events")


class _Document(Struct, Generic[_Events]):
    logEvents: list[_Events]  # noqa: N815 - AWS's name
    logGroup: str  # noqa: N815
    logStream: str  # noqa: N815
    owner: str
    messageType: str = ""  # noqa: N815


class _Event(Struct):
    """A log event that may have more members than a `Line`: extracted fields, or ones that AWS may add later."""

    message: str
    id: str = ""
    timestamp: int | None = None
    extractedFields: Raw = Raw()  # noqa: N815


_decode = msgspec.json.Decoder(_Document[Line]).decode
_decode_events = msgspec.json.Decoder(_Document[_Event]).decode
_decode_event = msgspec.json.Decoder(_Event).decode
_decode_fields = msgspec.json.Decoder(dict[str, object]).decode
_decode_text = msgspec.json.Decoder(str).decode


def read_event(event: object, number: int, reading: Reading) -> Iterator[Found]:
    """Read a subscription event, if there is time.

    Raises:
        CorruptRecordError: base64, gzip or the JSON around the log events is broken.

    """
    try:
        reading.check_deadline()
        group = read(event, reading.check_deadline)
    except OutOfTimeError:
        yield Unread(number, OUT_OF_TIME, "the awslogs event")
    else:
        yield group


def read(event: object, check_deadline: CheckDeadline) -> Group:
    """Read the one group of lines in a subscription event.

    Raises:
        CorruptRecordError: base64, gzip or the JSON around the log events is broken.
        OutOfTimeError: raised by `check_deadline`.

    """
    data = event
    for name in ("awslogs", "data"):
        data = data.get(name) if isinstance(data, Mapping) else None
    if not isinstance(data, str):
        raise CorruptRecordError("awslogs.data is not a string")
    return read_document(inflate(from_base64(data, "awslogs.data")), 0, check_deadline)


def read_document(document: bytes, record: int, check_deadline: CheckDeadline) -> Group:
    """Read an inflated CloudWatch Logs document.

    One typed decode is the fast path, and where log events have more members than a `Line`, another one. If both fail
    (a lone surrogate, a mistyped field, absurd nesting), the document is split and each log event decoded separately,
    so that a bad one costs only itself. That is slow: `check_deadline` is called now and then, and may raise.

    Raises:
        CorruptRecordError: the JSON around the log events is broken.

    """
    try:
        plain = _decode(document)
        return _group(plain.messageType, Group(_stream_of(plain), plain.logEvents, record))
    except UNREADABLE_JSON:
        pass
    try:
        found = _decode_events(document)
    except UNREADABLE_JSON:
        return _read_in_parts(document, record, check_deadline)
    return _group(found.messageType, _with_extracted(found.logEvents, Group(_stream_of(found), [], record)))


def _stream_of(document: _Document[Any]) -> LogStream:
    return _stream(document.logGroup, document.logStream, document.owner)


def _stream(log_group: str, log_stream: str, owner: str) -> LogStream:
    return LogStream(log_group[:MAX_NAME_CHARACTERS], log_stream[:MAX_NAME_CHARACTERS], owner[:MAX_NAME_CHARACTERS])


def _group(kind: str, group: Group) -> Group:
    if kind == "CONTROL_MESSAGE":  # CloudWatch Logs tests whether the destination can be reached
        return replace(group, lines=[], filtered=len(group.lines))
    return group


def _with_extracted(events: list[_Event], group: Group) -> Group:
    """Put log events into a group, with what was extracted from them."""
    lines = [Line(event.message, event.id, event.timestamp) for event in events]
    found = ((line, _fields(event.extractedFields)) for line, event in zip(lines, events, strict=True))
    return replace(group, lines=lines, extracted={id(line): fields for line, fields in found if fields})


def _fields(json: Raw) -> str:
    """Return extracted fields as JSON; what cannot be read is left out, since it is in the message, too."""
    try:
        return bytes(json).decode() if _decode_fields(json) else ""
    except UNREADABLE_JSON:
        return ""


def _read_in_parts(document: bytes, record: int, check_deadline: CheckDeadline) -> Group:
    fields = members(document.decode("utf-8", "replace"), check_deadline)
    stream = _stream(_text(fields.get("logGroup", "")), _text(fields.get("logStream", "")), _owner(fields))
    events: list[_Event] = []
    rejected: list[Rejection] = []
    if "logEvents" not in fields:
        raise CorruptRecordError("the document has no logEvents")
    for number, text in enumerate(elements(fields["logEvents"], check_deadline)):
        try:
            events.append(_decode_event(text))
        except UNREADABLE_JSON as error:
            rejected.append(Rejection(f"log event: {_why(error)}", f"log event {number}", raw=text))
    group = _with_extracted(events, Group(stream, [], record, tuple(rejected)))
    return _group(_text(fields.get("messageType", "")), group)


def _text(json: str) -> str:
    """Decode a field that should be a string; anything else counts as missing."""
    try:
        return _decode_text(json)
    except UNREADABLE_JSON:
        return ""


def _owner(fields: dict[str, str]) -> str:
    """Return the account, which may have been written as a number."""
    owner = fields.get("owner", "").strip()
    return owner if owner.isdecimal() else _text(owner)


def _why(error: Exception) -> str:
    """Return why a log event cannot be read, without any of it: msgspec names paths and types, no values."""
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    return "nested too deeply" if isinstance(error, RecursionError) else "it is not valid JSON text"


def from_base64(data: str, name: str) -> bytes:
    """Decode base64; `name` is the field, for the error.

    Raises:
        CorruptRecordError: it is not base64.

    """
    try:
        return pybase64.b64decode(data, validate=True)
    except ValueError:  # binascii.Error, or a character outside ASCII
        raise CorruptRecordError(f"{name} is not base64") from None


def inflate(data: bytes) -> bytes:
    """Inflate gzip in one go, within `MAX_DOCUMENT_BYTES`.

    Raises:
        CorruptRecordError: it is not gzip, is cut off, or is too large.

    """
    parts: list[bytes] = []
    room = MAX_DOCUMENT_BYTES
    inflater = None
    for start in range(0, len(data), _SLICE):
        piece = data[start : start + _SLICE]
        while piece:  # gzip may come in several members
            inflater = inflater or isal_zlib.decompressobj(wbits=GZIP_OR_ZLIB)
            try:
                parts.append(inflater.decompress(piece, room + 1))
            except _CORRUPT:
                raise CorruptRecordError("its gzip is corrupt") from None
            room -= len(parts[-1])
            if room < 0:
                raise CorruptRecordError(f"it inflates to over {MAX_DOCUMENT_BYTES} bytes")
            piece, inflater = (inflater.unused_data, None) if inflater.eof else (b"", inflater)
    if inflater or not data:
        raise CorruptRecordError("its gzip is cut off")
    return b"".join(parts)
