"""Unwraps nested messages, such as an S3 notification in an SNS message in an SQS message.

The innermost counts: if it names objects, they are read; if not, it is a log of its first sender.
"""

import json
from collections.abc import Callable, Iterator, Mapping

import msgspec

from forwarder.deadline import OUT_OF_TIME
from forwarder.errors import UNREADABLE_JSON, CorruptRecordError
from forwarder.records import Found, Group, Rejection
from forwarder.sources import eventbridge, objects, s3, sns
from forwarder.sources.reading import Reading
from forwarder.sources.values import as_json

MAX_NESTED_MESSAGES = 5  # SNS messages; a topic can deliver to a queue, but not to another topic

RecordReader = Callable[[object, int, Reading], Iterator[Found]]

_decode = msgspec.json.Decoder(dict[str, object]).decode


def read_record(read: RecordReader, record: object, number: int, pointer: str, reading: Reading) -> Iterator[Found]:
    """Read one record: if it can never be read, only it is rejected."""
    try:
        yield from read(record, number, reading)
    except CorruptRecordError as error:
        yield Rejection(str(error), pointer, raw=_raw(record))


def reader(message: Callable[[object, int], Group]) -> RecordReader:
    """Return a reader of records with a message, given a function that extracts it."""

    def read(record: object, number: int, reading: Reading) -> Iterator[Found]:
        yield from _read(message(record, number), reading)

    return read


def _read(message: Group, reading: Reading) -> Iterator[Found]:
    message, content = _unwrapped(message)
    if s3.is_notification(content):
        yield from _named_objects(content, message, reading)
    elif s3.is_test(content):
        yield s3.acknowledged(message.record)
    elif eventbridge.announces_object(content):
        yield from objects.read(eventbridge.announced(content), message.record, reading)
    elif reading.deadline.expired:
        yield message.as_unread(OUT_OF_TIME)
    elif eventbridge.is_event(content):
        yield eventbridge.as_log(content, message.lines[0].message, message.record)
    else:
        yield message


def _unwrapped(message: Group) -> tuple[Group, Mapping[str, object]]:
    """Return the innermost message, and its content if that is a JSON object.

    An envelope without a topic only counts as one if its content is about an object.
    """
    content = _json_object(message)
    for _ in range(MAX_NESTED_MESSAGES):
        if not sns.is_envelope(content):
            break
        inner = sns.unwrapped(content, message.record)
        inner_content = _json_object(inner)
        if not sns.names_topic(content) and not _is_about_object(inner_content):
            break
        message, content = inner, inner_content
    return message, content


def _is_about_object(content: Mapping[str, object]) -> bool:
    return s3.is_notification(content) or s3.is_test(content) or eventbridge.announces_object(content)


def _json_object(message: Group) -> Mapping[str, object]:
    text = message.lines[0].message
    if not text.lstrip().startswith("{"):
        return {}
    try:
        return _decode(text)
    except UNREADABLE_JSON:
        return _decoded_leniently(text)


def _decoded_leniently(text: str) -> Mapping[str, object]:
    """Decode what the fast decoder refuses: a lone surrogate somewhere must not hide which objects it is about."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, Mapping) else {}


def _named_objects(content: Mapping[str, object], message: Group, reading: Reading) -> Iterator[Found]:
    for place, record in enumerate(s3.records(content)):
        pointer = f"{message.place} {message.lines[0].id}, s3 record {place}"
        yield from read_record(s3.read, record, message.record, pointer, reading)


def _raw(record: object) -> str:
    try:
        return as_json(record)
    except CorruptRecordError:
        return ""
