"""Reads objects from S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any

from urllib3.exceptions import HTTPError

from forwarder import aws
from forwarder.errors import ChangedError, CorruptRecordError, ForwarderError, GoneError, ReadError
from forwarder.records import S3Object
from forwarder.sources.reading import OpenObject

CHUNK = 256 * 1024  # bytes at most

# A delete marker answers `MethodNotAllowed`. Without the permission to list the bucket, S3 answers `AccessDenied` for
# whatever does not exist.
_ERRORS: dict[str, type[ForwarderError]] = {
    "NoSuchKey": GoneError,
    "NoSuchVersion": GoneError,
    "NoSuchBucket": GoneError,
    "MethodNotAllowed": GoneError,
    "404": GoneError,
    "PreconditionFailed": ChangedError,
    "412": ChangedError,
}
_BEYOND_THE_END = "InvalidRange"
# Errors that a retry would not change: invalid names, and archived objects. The last two are raised by botocore,
# without a request.
_UNREADABLE = {
    "InvalidArgument",
    "InvalidBucketName",
    "InvalidObjectState",
    "InvalidRequest",
    "KeyTooLongError",
    "EndpointResolutionError",
    "ParamValidationError",
}


class S3Objects:
    """The `Objects` in S3. The client is made when the first object is opened."""

    def __init__(self, region: str, *, path_style: bool = False) -> None:
        self._region = region
        self._path_style = path_style

    @cached_property
    def _client(self) -> Any:
        return aws.client("s3", self._region, path_style=self._path_style)

    @contextmanager
    def open(self, wanted: S3Object, *, etag: str = "", start: int = 0) -> Iterator[OpenObject]:
        """Open an object at a byte; with `etag`, only if it has not changed since. Beyond its end it is empty.

        Raises:
            GoneError: it does not exist.
            ChangedError: it has another `etag`.
            CorruptRecordError: it can never be read.
            ReadError: it could not be read now; iterating may raise it, too.

        """
        options = {"VersionId": wanted.version, "IfMatch": etag, "Range": f"bytes={start}-" if start else ""}
        given = {name: value for name, value in options.items() if value}
        try:
            found = self._client.get_object(Bucket=wanted.bucket, Key=wanted.key, **given)
        except aws.errors() as error:
            code = aws.failure(error)
            if code == _BEYOND_THE_END:
                yield OpenObject(etag, iter(()))
                return
            if code in _UNREADABLE:
                raise CorruptRecordError(f"the object cannot be read: {code}") from None
            raise _ERRORS.get(code, ReadError)(code) from None
        with closing(found["Body"]) as body:
            yield OpenObject(found["ETag"], _chunks(body, found.get("ContentLength")))


def _chunks(body: Any, size: int | None) -> Iterator[bytes]:
    """Yield the bytes of a body of this size as they come in."""
    # botocore's own methods wait for all requested bytes, however slowly they come. There is no public way around them,
    # and nothing below them notices that a body is cut off.
    read1 = body._raw_stream.read1
    errors: tuple[type[Exception], ...] = (*aws.errors(), HTTPError, OSError)
    received = 0
    try:
        while chunk := read1(CHUNK):
            received += len(chunk)
            yield chunk
    except errors as error:
        raise ReadError(aws.failure(error)) from None
    if size not in (None, received):
        raise ReadError("IncompleteRead")
