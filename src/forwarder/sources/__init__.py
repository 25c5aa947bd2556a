"""Finds the lines in an event, however it is wrapped. One module per trigger."""

from collections.abc import Callable, Iterator, Mapping

from forwarder.errors import UnsupportedEventError
from forwarder.records import Found
from forwarder.sources import awslogs, continuations, envelopes, eventbridge, kinesis, s3, sns, sqs
from forwarder.sources.continuations import continuation_event
from forwarder.sources.envelopes import RecordReader, read_record
from forwarder.sources.reading import Objects, OpenObject, Reading
from forwarder.sources.values import optional_text

__all__ = [
    "Objects",
    "OpenObject",
    "Reading",
    "continuation_event",
    "event_type",
    "item_identifiers",
    "read",
]

_MAX_KEYS = 10  # in an error
_MAX_KEY_CHARACTERS = 40

# The type of an event by the `eventSource` of a record (SNS: `EventSource`), or by a member that only such records
# have.
_TYPES_BY_SOURCE = {"aws:kinesis": "kinesis", "aws:s3": "s3", "aws:sns": "sns", "aws:sqs": "sqs"}
_TYPES_BY_MEMBER = {"kinesis": "kinesis", "s3": "s3", "Sns": "sns"}

# Events without records: (type, test).
_SHAPES: tuple[tuple[str, Callable[[Mapping[str, object]], bool]], ...] = (
    ("awslogs", lambda event: "awslogs" in event),
    ("continuation", lambda event: "continuation" in event),
    ("s3", s3.is_test),
    ("eventbridge", eventbridge.is_event),
)

_RECORD_READERS: Mapping[str, RecordReader] = {
    "kinesis": kinesis.read,
    "s3": s3.read,
    "sns": envelopes.reader(sns.message),
    "sqs": envelopes.reader(sqs.message),
}
_EVENT_READERS: Mapping[str, RecordReader] = {
    "awslogs": awslogs.read_event,
    "continuation": continuations.read,
    "s3": s3.read_test,
    "eventbridge": envelopes.reader(eventbridge.message),
}

# The path of a record's identifier, by which Lambda wants failed records to be named.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
# https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
_IDENTIFIERS = {"kinesis": ("kinesis", "sequenceNumber"), "sqs": ("messageId",)}


def event_type(event: object) -> str:
    """Return the trigger that an event came from, by its shape.

    `awslogs`, `kinesis`, `s3`, `sns`, `sqs`, `eventbridge`, or `continuation`, which is the forwarder's own.

    Raises:
        UnsupportedEventError: the shape is unknown; names the top-level keys, and those of the first record, if any, so
            that the event can be recognised in Lambda's on-failure destination.

    """
    if not isinstance(event, Mapping):
        raise UnsupportedEventError(f"The event is a {type(event).__name__}; expected a JSON object.")
    if known := _known_type(event):
        return known
    raise UnsupportedEventError(f"Unsupported event with the keys: {_keys(event)}.{_first_record(event)}")


def read(event: Mapping[str, object], reading: Reading) -> Iterator[Found]:
    """Yield what is in an event of a known type: lines, and what could not be read now, or never can be.

    Each trigger record is read separately, so that a bad one affects no other.
    """
    kind = event_type(event)
    if _type_of_records(event) != kind:
        yield from read_record(_EVENT_READERS[kind], event, 0, f"the {kind} event", reading)
        return
    for number, record in enumerate(_records(event)):
        pointer = f"{kind} record {number} {_identifier(kind, record)}".strip()
        yield from read_record(_RECORD_READERS[kind], record, number, pointer, reading)


def item_identifiers(event: Mapping[str, object]) -> list[str]:
    """Return the identifiers by which a response to Lambda names failed trigger records.

    There are none unless the event is from Kinesis or SQS. A record without one has an empty string, which Lambda takes
    to mean all records.
    """
    kind = _known_type(event)
    return [_identifier(kind, record) for record in _records(event)] if kind in _IDENTIFIERS else []


def _known_type(event: Mapping[str, object]) -> str:
    return next((kind for kind, fits in _SHAPES if fits(event)), "") or _type_of_records(event)


def _type_of_records(event: Mapping[str, object]) -> str:
    """Return the type of the first record that can be recognised."""
    return next(filter(None, map(_type_of_record, _records(event))), "")


def _type_of_record(record: object) -> str:
    if not isinstance(record, Mapping):
        return ""
    source = optional_text(record.get("eventSource") or record.get("EventSource"))
    by_member = (kind for member, kind in _TYPES_BY_MEMBER.items() if member in record)
    return _TYPES_BY_SOURCE.get(source) or next(by_member, "")


def _records(event: Mapping[str, object]) -> list[object]:
    records = event.get("Records")
    return records if isinstance(records, list) else []


def _identifier(kind: str, record: object) -> str:
    for name in _IDENTIFIERS.get(kind, ()):
        record = record.get(name) if isinstance(record, Mapping) else None
    return optional_text(record)


def _keys(content: Mapping[str, object]) -> str:
    return ", ".join(str(key)[:_MAX_KEY_CHARACTERS] for key in list(content)[:_MAX_KEYS]) or "(none)"


def _first_record(event: Mapping[str, object]) -> str:
    record = next(iter(_records(event)), None)
    if not isinstance(record, Mapping):
        return ""
    source = optional_text(record.get("eventSource"))[:_MAX_KEY_CHARACTERS]
    return f" Its first record has the keys: {_keys(record)}" + (f", and the eventSource {source}." if source else ".")
