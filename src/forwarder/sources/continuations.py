"""The forwarder's own events, with which a replay continues reading an object."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from forwarder.records import Continuation, Found, S3Object
from forwarder.sources import objects
from forwarder.sources.reading import Reading
from forwarder.sources.values import BucketName, Name, convert

_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# What S3 allows; anything else would not even be valid in a request.
_Key = Annotated[Name, Meta(max_length=1024)]
_Version = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{0,1024}\Z")]
_ETag = Annotated[str, Meta(pattern=r"^[\x21-\x7e]{0,256}\Z")]


class _Rest(Struct):
    bucket: BucketName
    key: _Key
    version: _Version = ""
    etag: _ETag = ""
    position: _Count = 0
    attempts: _Count = 0


class _Event(Struct):
    continuation: _Rest


def continuation_event(rest: Continuation) -> dict[str, object]:
    """Return the event that makes a forwarder continue from there."""
    wanted = rest.object
    return {
        "continuation": {
            "bucket": wanted.bucket,
            "key": wanted.key,
            "version": wanted.version,
            "etag": rest.etag,
            "position": rest.position,
            "attempts": rest.attempts,
        }
    }


def read(event: object, number: int, reading: Reading) -> Iterator[Found]:  # noqa: ARG001 - a RecordReader
    """Continue reading where such an event says.

    Raises:
        CorruptRecordError: the event is invalid.

    """
    rest = convert(event, _Event).continuation
    wanted = S3Object(rest.bucket, rest.key, rest.version)
    yield from objects.resume(Continuation(wanted, rest.etag, rest.position, rest.attempts), reading)
