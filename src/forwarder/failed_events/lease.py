"""The lease that lets one replay run at a time: an object in the bucket, which is only ever written on a condition.

It expires by itself. So that no event can kill every replay there is, it also says which one its holder is trying, and
how often that has been begun: what stands in a lease that was not given back, its holder did not survive.
"""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from forwarder import aws
from forwarder.errors import UNREADABLE_JSON, StoreError

LONGEST = 1_000.0  # seconds; no invocation takes longer than 900, so what claims more is not to be believed
MOST_TRIES = 2  # of an event, each of which killed the replay

_LOST = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}


class _Held(msgspec.Struct, frozen=True):
    """What is in the object: `until` is Unix seconds, `tries` how often in a row the event `trying` was begun."""

    owner: str = ""
    until: float = 0.0
    trying: str = ""
    tries: int = 0


class Lease:
    """The lease of one function. What it is known to hold is what was read and written when it was taken."""

    def __init__(self, s3: Callable[[], Any], bucket: str, name: str) -> None:
        self._s3 = s3
        self._place = {"Bucket": bucket, "Key": name}
        self._held = _Held()
        self._tag = ""

    def acquire(self, owner: str, seconds: float) -> bool:
        """Create the lease if there is none, or take over one that has expired, with what its holder was trying.

        Raises:
            StoreError: S3 refused.

        """
        fresh = _Held(owner, time.time() + seconds)
        try:
            return self._write(fresh, {"IfNoneMatch": "*"}) or self._take_over(fresh)
        except aws.errors() as error:
            raise StoreError(f"the lease could not be taken: {aws.failure(error)}") from None

    def release(self, owner: str) -> None:
        """Remove the lease, if it is still the one that was taken."""
        try:
            found, tag = self._read()
            if found.owner == owner and tag == self._tag:
                self._s3().delete_object(**self._place)
        except aws.errors():
            return  # it expires by itself

    def begin(self, name: str) -> bool:
        """Note what is tried now; False if somebody else has taken the lease.

        Raises:
            StoreError: S3 refused.

        """
        tries = self._held.tries + 1 if name == self._held.trying else 1
        try:
            return self._write(replace(self._held, trying=name, tries=tries), {"IfMatch": self._tag})
        except aws.errors() as error:
            raise StoreError(f"the lease could not be written: {aws.failure(error)}") from None

    def deadly(self) -> str:
        """Return what those who held the lease before have tried too often, or the empty text."""
        return self._held.trying if self._held.tries >= MOST_TRIES else ""

    def _take_over(self, fresh: _Held) -> bool:
        found, tag = self._read()
        if 0 < found.until - time.time() < LONGEST:
            return False
        return self._write(replace(fresh, trying=found.trying, tries=found.tries), {"IfMatch": tag})

    def _read(self) -> tuple[_Held, str]:
        answer = self._s3().get_object(**self._place)
        tag = str(answer["ETag"])
        try:
            return msgspec.json.decode(answer["Body"].read(), type=_Held), tag
        except UNREADABLE_JSON:  # nobody can hold what nobody can read
            return _Held(), tag

    def _write(self, held: _Held, condition: dict[str, str]) -> bool:
        """Write the lease; tell whether the condition held."""
        try:
            answer = self._s3().put_object(**self._place, Body=msgspec.json.encode(held), **condition)
        except aws.errors() as error:
            if aws.failure(error) in _LOST:
                return False
            raise
        self._held, self._tag = held, str(answer["ETag"])
        return True
