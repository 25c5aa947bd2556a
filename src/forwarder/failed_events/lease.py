"""The lease that lets one replay run at a time: an object in the bucket, which is only ever written on a condition.

It expires by itself. So that no event can kill all replays, it also names the event that its holder is trying: the one
in a lease that was not released killed its holder. That event is the suspect from then on, until a replay has survived
it or set it aside.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import replace

from forwarder import aws
from forwarder.errors import UNREADABLE_JSON, StoreError

MAX_LEASE_SECONDS = 1_000.0  # no invocation takes longer than 900, so a longer lease is invalid
MAX_DEATHS = 2  # of replays that were trying the same event

_CONDITION_FAILED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}


class _Held(msgspec.Struct, frozen=True):
    """The content of the object: `until` is Unix seconds, `trying` the event that the holder has begun.

    `suspect` is the event that killed a replay last, `deaths` how many it has killed in a row.
    """

    owner: str = ""
    until: float = 0.0
    trying: str = ""
    suspect: str = ""
    deaths: int = 0

    @property
    def blamed(self) -> tuple[str, int]:
        """The suspect and its deaths, if the holder was killed."""
        if not self.trying:
            return self.suspect, self.deaths
        return self.trying, self.deaths + 1 if self.trying == self.suspect else 1


class Lease:
    """The lease of one function. Its content is known from when it was taken."""

    def __init__(self, s3: Callable[[], Any], bucket: str, name: str) -> None:
        self._s3 = s3
        self._place = {"Bucket": bucket, "Key": name}
        self._held = _Held()
        self._tag = ""

    def acquire(self, owner: str, seconds: float) -> bool:
        """Create the lease if there is none, or take over one that has expired, with its suspect.

        Raises:
            StoreError: S3 refused.

        """
        fresh = _Held(owner, time.time() + seconds)
        try:
            for _ in range(2):  # it may be released before it is read
                if self._write(fresh, {"IfNoneMatch": "*"}):
                    return True
                if found := self._read():
                    return self._take_over(fresh, *found)
        except aws.errors() as error:
            raise StoreError(f"the lease could not be taken: {aws.failure(error)}") from None
        return False

    def release(self) -> None:
        """Remove the lease, if it is still the one that was taken; with a suspect it stays, expired."""
        held, tag, self._tag = self._held, self._tag, ""
        with suppress(*aws.errors()):  # it expires by itself
            if held.suspect:
                self._write(_Held(suspect=held.suspect, deaths=held.deaths), {"IfMatch": tag})
            elif (found := self._read()) and found[1] == tag:
                self._s3().delete_object(**self._place)

    def begin(self, name: str) -> bool:
        """Record that an event is about to go through the pipeline; False if another replay has taken the lease.

        Raises:
            StoreError: S3 refused.

        """
        try:
            return self._write(replace(self._held, trying=name), {"IfMatch": self._tag})
        except aws.errors() as error:
            raise StoreError(f"the lease could not be written: {aws.failure(error)}") from None

    def clear_suspect(self, name: str) -> None:
        """Clear an event that was survived or set aside. This is written with the next write."""
        if name == self._held.suspect:
            self._held = replace(self._held, suspect="", deaths=0)

    def poison_event(self) -> str:
        """Return the name of the event that has killed too many replays, or an empty string."""
        return self._held.suspect if self._held.deaths >= MAX_DEATHS else ""

    def _take_over(self, fresh: _Held, found: _Held, tag: str) -> bool:
        if 0 < found.until - time.time() < MAX_LEASE_SECONDS:
            return False
        suspect, deaths = found.blamed
        return self._write(replace(fresh, suspect=suspect, deaths=deaths), {"IfMatch": tag})

    def _read(self) -> tuple[_Held, str] | None:
        """Return the lease and its tag; None if there is none."""
        try:
            answer = self._s3().get_object(**self._place)
        except aws.errors() as error:
            if aws.failure(error) == "NoSuchKey":
                return None
            raise
        tag = str(answer["ETag"])
        try:
            return msgspec.json.decode(answer["Body"].read(), type=_Held), tag
        except UNREADABLE_JSON:  # an unreadable lease is held by nobody
            return _Held(), tag

    def _write(self, held: _Held, condition: dict[str, str]) -> bool:
        """Write the lease; return whether the condition held.

        If the response to a write is lost, botocore repeats it, and its condition fails because of the first one.
        """
        try:
            tag = str(self._s3().put_object(**self._place, Body=msgspec.json.encode(held), **condition)["ETag"])
        except aws.errors() as error:
            if aws.failure(error) not in _CONDITION_FAILED:
                raise
            found = self._read()
            if not found or found[0] != held:
                return False
            tag = found[1]
        self._held, self._tag = held, tag
        return True


class NoLease:
    """The lease of a store that needs none: it can always be taken, and records nothing."""

    def acquire(self, owner: str, seconds: float) -> bool:  # noqa: ARG002 - as in Lease
        """Let any number of replays run."""
        return True

    def release(self) -> None:
        """Do nothing."""

    def begin(self, name: str) -> bool:  # noqa: ARG002 - as in Lease
        """Let an event go through the pipeline."""
        return True

    def clear_suspect(self, name: str) -> None:
        """Do nothing."""

    def poison_event(self) -> str:
        """Return an empty string."""
        return ""
