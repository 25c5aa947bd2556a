"""SNS messages, as Lambda passes them and as they arrive in an SQS queue without raw delivery.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from collections.abc import Mapping

from msgspec import Struct

from forwarder.records import Group, Line, Sender
from forwarder.records.redacted import redacted_repr
from forwarder.sources.values import convert, optional_text, timestamp_of, whole_text


class _Notification(Struct, rename="pascal"):
    message: str
    message_id: object = ""
    topic_arn: object = ""
    timestamp: object = None

    __repr__ = redacted_repr


class _Record(Struct, rename="pascal"):
    sns: _Notification


def message(record: object, number: int) -> Group:
    """Return the message in a record of an SNS event as a log.

    Raises:
        CorruptRecordError: the message is not a string.

    """
    return _as_log(convert(record, _Record).sns, number)


def is_envelope(content: Mapping[str, object]) -> bool:
    """Return whether a JSON object may be an SNS message that came through a queue."""
    return content.get("Type") == "Notification" and isinstance(content.get("Message"), str)


def names_topic(content: Mapping[str, object]) -> bool:
    """Return whether an envelope is certainly from SNS: an application's log may look like one, too."""
    return "TopicArn" in content


def unwrapped(content: Mapping[str, object], number: int) -> Group:
    """Return what is in such an envelope as a log."""
    return _as_log(convert(content, _Notification), number)


def _as_log(found: _Notification, number: int) -> Group:
    line = Line(whole_text(found.message), optional_text(found.message_id), timestamp_of(found.timestamp))
    return Group(Sender("sns", optional_text(found.topic_arn)), [line], number)
