"""EventBridge events: each is a log, except for those that announce a new object in S3.

https://docs.aws.amazon.com/eventbridge/latest/ref/events-structure.html
"""

from collections.abc import Mapping

from msgspec import Struct, field

from forwarder.records import Group, Line, S3Object, Sender
from forwarder.sources.s3 import Bucket
from forwarder.sources.values import Name, as_json, convert, optional_text, timestamp_of

_DEFAULT = "cloudwatch"


class _Named(Struct):
    key: Name
    version: object = field(name="version-id", default="")


class _Detail(Struct):
    bucket: Bucket
    object: _Named


class _ObjectCreated(Struct):
    detail: _Detail


def is_event(content: Mapping[str, object]) -> bool:
    """Return whether a JSON object is an EventBridge event."""
    return "detail" in content and "detail-type" in content


def announces_object(content: Mapping[str, object]) -> bool:
    """Return whether an event announces a new object in S3."""
    return content.get("source") == "aws.s3" and content.get("detail-type") == "Object Created"


def announced(content: Mapping[str, object]) -> S3Object:
    """Return the object of such an event. Unlike in S3's own notifications, its key is not URL-encoded.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html

    Raises:
        CorruptRecordError: it names no object.

    """
    detail = convert(content, _ObjectCreated).detail
    return S3Object(detail.bucket.name, detail.object.key, optional_text(detail.object.version))


def message(content: object, number: int) -> Group:
    """Return an event that Lambda has decoded as a log.

    Raises:
        CorruptRecordError: it is nested too deeply.

    """
    fields = content if isinstance(content, Mapping) else {}
    return as_log(fields, as_json(content), number)


def as_log(content: Mapping[str, object], text: str, number: int) -> Group:
    """Return an event as a log.

    It contains neither the bus nor anything else that could be a host: `resources` may be findings or executions.
    """
    line = Line(text, optional_text(content.get("id")), timestamp_of(content.get("time")))
    return Group(Sender(_source(content.get("source"))), [line], number)


def _source(source: object) -> str:
    """Return the source of an event: `ec2` for `aws.ec2`."""
    parts = optional_text(source).split(".")
    return parts[1] if len(parts) > 1 and parts[1] else _DEFAULT
