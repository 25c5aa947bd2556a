"""SQS messages.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
"""

from collections.abc import Mapping

from msgspec import Struct

from forwarder.records import Group, Line, Sender
from forwarder.records.redacted import redacted_repr
from forwarder.sources.values import convert, optional_text, timestamp, whole_text

_MAX_DIGITS = 15  # of a time in milliseconds


class _Record(Struct):
    body: str
    messageId: object = ""  # noqa: N815 - AWS's name
    attributes: object = None
    eventSourceARN: object = ""  # noqa: N815

    __repr__ = redacted_repr


def message(record: object, number: int) -> Group:
    """Return a message as a log.

    Raises:
        CorruptRecordError: the body is not a string.

    """
    found = convert(record, _Record)
    line = Line(whole_text(found.body), optional_text(found.messageId), _sent(found.attributes))
    return Group(Sender("sqs", optional_text(found.eventSourceARN)), [line], number)


def _sent(attributes: object) -> int | None:
    sent = attributes.get("SentTimestamp") if isinstance(attributes, Mapping) else None
    if not isinstance(sent, str) or not sent.isdecimal() or len(sent) > _MAX_DIGITS:
        return None
    return timestamp(int(sent))
