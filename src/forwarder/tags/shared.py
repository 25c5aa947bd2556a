"""A cache shared by all sandboxes: an object in the bucket, with conditional writes instead of a lock.

A sandbox that finds it out of date writes a claim into it, on the condition that no other has written since. The winner
fetches the tags, and the others continue with what they have read. A claim expires by itself.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from forwarder import aws
from forwarder.errors import UNREADABLE_JSON

_MISSING = {"NoSuchKey", "404"}
_CONDITION_FAILED = {"PreconditionFailed", "ConditionalRequestConflict", *_MISSING}


class Entry(Struct):
    """Tags by ARN, when they were fetched, and until when a sandbox is refreshing them (Unix seconds)."""

    tags: dict[str, tuple[str, ...]] = {}
    fetched: float = 0.0
    claimed_until: float = 0.0


class SharedEntry:
    """An entry in the bucket. If the bucket fails, tags are fetched without it: `problem` says why it failed."""

    def __init__(self, s3: Callable[[], Any], bucket: str, name: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._name = name
        self._tag = ""
        self.problem = ""

    def read(self) -> Entry | None:
        """Return what is there, or None if the bucket fails.

        An invalid entry counts as an empty one, and may be overwritten.
        """
        self._tag = self.problem = ""
        try:
            answer = self._s3().get_object(Bucket=self._bucket, Key=self._name)
            body: bytes = answer["Body"].read()
        except aws.errors() as error:
            if (code := aws.failure(error)) in _MISSING:
                return Entry()
            self.problem = code
            return None
        self._tag = str(answer["ETag"])
        try:
            return msgspec.json.decode(body, type=Entry)
        except UNREADABLE_JSON:
            return Entry()

    def write(self, entry: Entry) -> bool:
        """Write an entry; return False if another sandbox has written since it was last read."""
        condition = {"IfMatch": self._tag} if self._tag else {"IfNoneMatch": "*"}
        body = msgspec.json.encode(entry)
        try:
            answer = self._s3().put_object(Bucket=self._bucket, Key=self._name, Body=body, **condition)
        except aws.errors() as error:
            if (code := aws.failure(error)) in _CONDITION_FAILED:
                return False
            self.problem = code
            return True
        self._tag = str(answer["ETag"])
        return True
