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
from forwarder.records import LONGEST_NAME, Found, Group, Line, LogStream, Rejection, Unread
from forwarder.sources.json_parts import members, texts
from forwarder.sources.reading import Look, Reading

# An event is at most 6 MB as base64, and log lines pack to a tenth or less. Deflate packs zeros 1:1032, so a hostile
# event could inflate to 4.5 GB; decoding takes some six times what comes out here.
LARGEST_DOCUMENT = 64 * 1024 * 1024
GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_SLICE = 16 * 1024  # bytes: what follows the end of a member is copied, so that it had better not be all the rest

_CORRUPT = cast(type[Exception], isal_zlib.error)  # its stub calls the class an instance


_Events = TypeVar("_Events")


class _Document(Struct, Generic[_Events]):
    logEvents: list[_Events]  # noqa: N815 - AWS's name
    logGroup: str  # noqa: N815
    logStream: str  # noqa: N815
    owner: str
    messageType: str = ""  # noqa: N815


class _Event(Struct):
    """A log event that may have more members than a `Line`: extracted fields, or some that AWS has yet to think of."""

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
        reading.look()
        group = read(event, reading.look)
    except OutOfTimeError:
        yield Unread(number, OUT_OF_TIME, "the awslogs event")
    else:
        yield group


def read(event: object, look: Look) -> Group:
    """Read the one group of lines in a subscription event.

    Raises:
        CorruptRecordError: base64, gzip or the JSON around the log events is broken.
        OutOfTimeError: `look` says so.

    """
    data = event
    for name in ("awslogs", "data"):
        data = data.get(name) if isinstance(data, Mapping) else None
    if not isinstance(data, str):
        raise CorruptRecordError("awslogs.data is not a text")
    return read_document(inflate(from_base64(data, "awslogs.data")), 0, look)


def read_document(document: bytes, record: int, look: Look) -> Group:
    """Read an inflated CloudWatch Logs document.

    One typed decode is the fast path, and where log events have more members than a `Line`, another one. Where both
    refuse (a lone surrogate, a mistyped field, absurd nesting), the document is taken apart and each log event decoded
    by itself, so that one bad one costs only itself. That is slow: `look` is called now and then, and may raise.

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
        return _read_in_parts(document, record, look)
    return _group(found.messageType, _with_extracted(found.logEvents, Group(_stream_of(found), [], record)))


def _stream_of(document: _Document[Any]) -> LogStream:
    return _stream(document.logGroup, document.logStream, document.owner)


def _stream(log_group: str, log_stream: str, owner: str) -> LogStream:
    return LogStream(log_group[:LONGEST_NAME], log_stream[:LONGEST_NAME], owner[:LONGEST_NAME])


def _group(kind: str, group: Group) -> Group:
    if kind == "CONTROL_MESSAGE":  # CloudWatch Logs asks whether the destination can be reached
        return replace(group, lines=[], filtered=len(group.lines))
    return group


def _with_extracted(events: list[_Event], group: Group) -> Group:
    """Put log events into a group, with what was extracted from them."""
    lines = [Line(event.message, event.id, event.timestamp) for event in events]
    found = ((line, _fields(event.extractedFields)) for line, event in zip(lines, events, strict=True))
    return replace(group, lines=lines, extracted={id(line): fields for line, fields in found if fields})


def _fields(json: Raw) -> str:
    """Return extracted fields as JSON; what cannot be read whole is left out, since it stands in the message, too."""
    try:
        return bytes(json).decode() if _decode_fields(json) else ""
    except UNREADABLE_JSON:
        return ""


def _read_in_parts(document: bytes, record: int, look: Look) -> Group:
    fields = members(document.decode("utf-8", "replace"), look)
    stream = _stream(_text(fields.get("logGroup", "")), _text(fields.get("logStream", "")), _owner(fields))
    events: list[_Event] = []
    rejected: list[Rejection] = []
    if "logEvents" not in fields:
        raise CorruptRecordError("the document has no logEvents")
    for number, text in enumerate(texts(fields["logEvents"], look)):
        try:
            events.append(_decode_event(text))
        except UNREADABLE_JSON as error:
            rejected.append(Rejection(f"log event: {_why(error)}", f"log event {number}", raw=text))
    group = _with_extracted(events, Group(stream, [], record, tuple(rejected)))
    return _group(_text(fields.get("messageType", "")), group)


def _text(json: str) -> str:
    """Decode a field that ought to be a text; anything else counts as not there."""
    try:
        return _decode_text(json)
    except UNREADABLE_JSON:
        return ""


def _owner(fields: dict[str, str]) -> str:
    """Return the account, which somebody may have written as a number."""
    owner = fields.get("owner", "").strip()
    return owner if owner.isdecimal() else _text(owner)


def _why(error: Exception) -> str:
    """Say why a log event cannot be read, without any of it: msgspec names places and types, no values."""
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    return "nested too deeply" if isinstance(error, RecursionError) else "it is not valid JSON text"


def from_base64(data: str, name: str) -> bytes:
    """Return the bytes that a text stands for; `name` says where it was.

    Raises:
        CorruptRecordError: it is not base64.

    """
    try:
        return pybase64.b64decode(data, validate=True)
    except ValueError:  # binascii.Error, or a character outside ASCII
        raise CorruptRecordError(f"{name} is not base64") from None


def inflate(data: bytes) -> bytes:
    """Inflate gzip in one go, within `LARGEST_DOCUMENT`.

    Raises:
        CorruptRecordError: it is not gzip, is cut off, or is too large.

    """
    parts: list[bytes] = []
    room = LARGEST_DOCUMENT
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
                raise CorruptRecordError(f"it inflates to over {LARGEST_DOCUMENT} bytes")
            piece, inflater = (inflater.unused_data, None) if inflater.eof else (b"", inflater)
    if inflater or not data:
        raise CorruptRecordError("its gzip is cut off")
    return b"".join(parts)
