"""One cache that all sandboxes share: an object in the bucket, written on conditions instead of under a lock.

Whoever finds it out of date writes a claim into it, on the condition that nobody else has written since. Who wins
fetches the tags, and the others go on with what they have read. A claim runs out by itself.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from forwarder import aws
from forwarder.errors import UNREADABLE_JSON

_MISSING = {"NoSuchKey", "404"}
_LOST = {"PreconditionFailed", "ConditionalRequestConflict", *_MISSING}


class Entry(Struct):
    """Tags by ARN, when they were fetched, and until when somebody is at fetching them anew (Unix seconds)."""

    tags: dict[str, tuple[str, ...]] = {}
    fetched: float = 0.0
    claimed_until: float = 0.0


class SharedEntry:
    """An entry in the bucket. A bucket that fails is no reason to do without tags: `trouble` says why it did."""

    def __init__(self, s3: Callable[[], Any], bucket: str, name: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._name = name
        self._tag = ""
        self.trouble = ""

    def read(self) -> Entry | None:
        """Return what is there, or None if the bucket fails.

        What is there and makes no sense is as good as nothing, and may be overwritten.
        """
        self._tag = self.trouble = ""
        try:
            answer = self._s3().get_object(Bucket=self._bucket, Key=self._name)
            body: bytes = answer["Body"].read()
        except aws.errors() as error:
            if (code := aws.failure(error)) in _MISSING:
                return Entry()
            self.trouble = code
            return None
        self._tag = str(answer["ETag"])
        try:
            return msgspec.json.decode(body, type=Entry)
        except UNREADABLE_JSON:
            return Entry()

    def write(self, entry: Entry) -> bool:
        """Write an entry; return False if somebody else has written since it was last read."""
        condition = {"IfMatch": self._tag} if self._tag else {"IfNoneMatch": "*"}
        body = msgspec.json.encode(entry)
        try:
            answer = self._s3().put_object(Bucket=self._bucket, Key=self._name, Body=body, **condition)
        except aws.errors() as error:
            if (code := aws.failure(error)) in _LOST:
                return False
            self.trouble = code
            return True
        self._tag = str(answer["ETag"])
        return True
