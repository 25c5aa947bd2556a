"""S3 notifications: they only name objects, which `objects` reads.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from collections.abc import Iterator, Mapping
from urllib.parse import unquote_plus

from msgspec import Struct

from forwarder.records import Found, Group, S3Object, Sender
from forwarder.sources import objects
from forwarder.sources.reading import Reading
from forwarder.sources.values import BucketName, Name, convert, optional_text

# Other events (removed, tagged, moved to another storage class, restored) bring no new lines.
_CREATED = "ObjectCreated:"


class Bucket(Struct):
    """A bucket, as every event of S3 has it."""

    name: BucketName


class _Object(Struct):
    key: Name
    versionId: object = ""  # noqa: N815 - AWS's name


class _Names(Struct):
    bucket: Bucket
    object: _Object


class _Record(Struct):
    s3: _Names
    eventName: object = ""  # noqa: N815


def read(record: object, number: int, reading: Reading) -> Iterator[Found]:
    """Read the object that a record of a notification names; events other than creations are filtered.

    Raises:
        CorruptRecordError: it names no object.

    """
    found = convert(record, _Record)
    key = unquote_plus(found.s3.object.key)
    wanted = S3Object(found.s3.bucket.name, key, optional_text(found.s3.object.versionId))
    event = optional_text(found.eventName).removeprefix("s3:")
    if event and not event.startswith(_CREATED):
        yield Group(wanted, [], number, filtered=1)
    else:
        yield from objects.read(wanted, number, reading)


def records(content: Mapping[str, object]) -> list[object]:
    """Return the records of a JSON object that is a notification."""
    found = content.get("Records")
    return found if isinstance(found, list) else []


def is_notification(content: Mapping[str, object]) -> bool:
    """Return whether a JSON object is a notification: an application's own JSON may have records with an `s3`, too."""
    return any(isinstance(record, Mapping) and isinstance(record.get("s3"), Mapping) for record in records(content))


def is_test(content: Mapping[str, object]) -> bool:
    """Return whether it is S3's test of a new notification."""
    return content.get("Event") == "s3:TestEvent"


def read_test(event: object, number: int, reading: Reading) -> Iterator[Found]:  # noqa: ARG001 - a RecordReader
    """Acknowledge a test event."""
    yield acknowledged(number)


def acknowledged(number: int) -> Group:
    """Return a group without lines, for a test event."""
    return Group(Sender("s3"), [], number, filtered=1)
