"""Extracts values from what AWS sent, without trusting any of it."""

import json
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from forwarder.errors import CorruptRecordError

_T = TypeVar("_T")

_WHOLE = r"^[^\ud800-\udfff]*\Z"  # without lone surrogates, which are possible in JSON but not in UTF-8
Name = Annotated[str, Meta(pattern=_WHOLE, min_length=1)]
# botocore refuses any other name without a request.
BucketName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]{1,255}\Z")]

_LATEST = 100_000_000_000_000  # milliseconds; the year 5138: anything beyond is not a time


def convert(value: object, kind: type[_T]) -> _T:
    """Read a decoded JSON value as a Struct.

    Raises:
        CorruptRecordError: it does not fit; names the path and the types, no values.

    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise CorruptRecordError(str(error)) from None
    except UnicodeError:  # for a string where something else is expected: the error would show the string
        raise CorruptRecordError("it contains a string that is not valid Unicode") from None
    except RecursionError:
        raise CorruptRecordError("it is nested too deeply") from None


def optional_text(value: object) -> str:
    """Return a string that may be missing; anything else counts as missing."""
    return value if isinstance(value, str) and whole_text(value) == value else ""


def whole_text(text: str) -> str:
    """Replace lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def as_json(value: object) -> str:
    """Return a decoded JSON value as compact JSON text.

    Raises:
        CorruptRecordError: it is nested too deeply, or not a JSON value.

    """
    try:
        return whole_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    except (RecursionError, TypeError, ValueError):
        raise CorruptRecordError("it cannot be written as JSON") from None


def timestamp(milliseconds: float) -> int | None:
    """Return milliseconds since the epoch, unless they are unreasonable."""
    return int(milliseconds) if 0 < milliseconds < _LATEST else None


def timestamp_of(time: object) -> int | None:
    """Return an ISO 8601 time in milliseconds since the epoch; without a zone it is UTC."""
    if not isinstance(time, str):
        return None
    try:
        moment = datetime.fromisoformat(time)
        return timestamp((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
