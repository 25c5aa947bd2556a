"""Fakes of AWS: a store and objects in memory that fail on request, and a bucket that counts calls."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

import boto3
import pytest
from moto import mock_aws

from forwarder.deadline import Deadline
from forwarder.errors import ChangedError, ForwarderError, GoneError, ReadError, StoreError
from forwarder.failed_events import Contents, Stored, stored_batch
from forwarder.failed_events.lease import NoLease
from forwarder.failed_events.store import IsWanted, Unstored
from forwarder.records import Backlog, Batch, Failed, History, S3Object, Signal
from forwarder.sources.reading import OpenObject
from tests.builders import IDENTITY, REGION

BUCKET = "orders-failed-events"
SAYS_SO = "the script says so"
PAGE = 1  # names in one answer of the store in memory
ON_FAILURE = f"aws/lambda/async/{IDENTITY.name}/"  # Lambda's name for a function's on-failure destination


class Trouble(StrEnum):
    """What one call to a store comes to. `HALF`: of a batch, only the first half can be stored."""

    NONE = "none"
    FAILS = "fails"
    HALF = "half"


@dataclass
class FakeStore:
    """The `Store` in memory. Calls fail as `script` says, one entry each; when it is used up, all succeed.

    `rejected` are batches set aside, kept even where the script says that setting aside fails; `failures` counts the
    calls that failed.
    """

    script: Iterable[Trouble] = ()
    rejected: list[Batch] = field(default_factory=list)
    waiting: dict[str, bytes] = field(default_factory=dict)
    failures: int = 0
    lease: NoLease = field(default_factory=NoLease)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._batches: dict[str, tuple[bytes, dict[str, str]]] = {}
        self._number = 0
        self._script = iter(self.script)

    def heal(self) -> None:
        """Let all further calls succeed."""
        self._script = iter(())

    @property
    def left(self) -> int:
        """How many batches and events are in it."""
        return len(self._batches) + len(self.waiting)

    @property
    def stored(self) -> list[Batch]:
        """The batches in it, oldest first."""
        return [stored_batch.unpacked(*self._batches[name]) for name in sorted(self._batches)]

    def give_up_on(self, event: dict[str, object]) -> None:
        """Keep an event as Lambda does that has tried often enough."""
        self.waiting[f"{ON_FAILURE}{len(self.waiting)}"] = invocation_record(event)

    def put(self, batch: Batch) -> Unstored:
        problem = self._problem()
        halves = list(batch.split()) if problem is Trouble.HALF else []
        left = halves[1:] or ([batch] if problem is not Trouble.NONE else [])
        for part in halves[:1] or ([batch] if not left else []):
            with self._lock:
                self._number += 1
                name = f"{stored_batch.time_of(part.history.first_failure)}-{part.signal.value}-{self._number}"
                self._batches[name] = _object(part)
        return Unstored(left, SAYS_SO) if left else Unstored()

    def touch(self, name: str, signal: Signal, items: int, history: History) -> None:
        if self._problem() is Trouble.NONE:
            data, _ = self._batches[name]
            self._batches[name] = data, stored_batch.metadata(signal, items, history)

    def quarantine(self, name: str, reason: str) -> None:  # noqa: ARG002 - as in Store
        self._fail("set aside")
        self._batches.pop(name, None)
        self.waiting.pop(name, None)

    def reject(self, failed: Failed) -> str:
        with self._lock:
            self.rejected.append(copy(failed.batch))  # the keeper releases its body
        return self.check()

    def reject_records(self, records: list[dict[str, object]]) -> str:  # noqa: ARG002 - as in Store
        return self.check()

    def put_event(self, event: Mapping[str, object]) -> str:
        if problem := self.check():
            return problem
        with self._lock:
            self._number += 1
            self.waiting[f"unread/{self._number}"] = stored_batch.event_record(event)
        return ""

    def pending(self, deadline: Deadline, wanted: IsWanted) -> Iterator[Stored]:  # noqa: ARG002 - as in Store
        names = sorted(self._batches)
        for start in range(0, len(names), PAGE):
            self._fail("listed")
            for name in names[start : start + PAGE]:
                if wanted(signal := stored_batch.signal_of(name)):
                    yield Stored(name, signal, partial(self._read, name))

    def _read(self, name: str) -> Contents | None:
        self._fail("read")
        found = self._batches.get(name)
        return found and Contents(*found)

    def delete(self, names: list[str]) -> None:
        self._fail("deleted from")
        for name in names:
            self._batches.pop(name, None)
            self.waiting.pop(name, None)

    def backlog(self) -> Backlog:
        self._fail("counted")
        return Backlog(self.left, min(map(stored_batch.moment_of, self._batches), default=0.0))

    def release_held(self) -> None:
        pass

    def events(self, deadline: Deadline) -> Iterator[str]:  # noqa: ARG002 - as in Store
        self._fail("listed")
        yield from sorted(self.waiting)

    def read_event(self, name: str) -> bytes:
        self._fail("read")
        return self.waiting[name]

    def check(self) -> str:
        return "" if self._problem() is Trouble.NONE else SAYS_SO

    def _problem(self) -> Trouble:
        with self._lock:
            problem = next(self._script, Trouble.NONE)
            if problem is not Trouble.NONE:
                self.failures += 1
            return problem

    def _fail(self, what: str) -> None:
        if self._problem() is not Trouble.NONE:
            raise StoreError(f"the store could not be {what}")


def _object(batch: Batch) -> tuple[bytes, dict[str, str]]:
    return stored_batch.packed(batch), stored_batch.metadata(batch.signal, batch.count, batch.history)


def invocation_record(event: dict[str, object]) -> bytes:
    """Return what Lambda writes to an on-failure destination, as far as anything reads it.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    return json.dumps({"version": "1.0", "requestPayload": event}).encode()


class Bucket:
    """An S3 bucket that moto keeps. `calls` counts the operations that were asked of S3."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._s3 = boto3.client("s3", region_name=REGION)
        self._s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def names(self, prefix: str = "failed_events/") -> list[str]:
        """List the names that begin so."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def stored_items(self) -> int:
        """Count the items in the batches that wait for a replay."""
        waiting = [name for name in self.names() if "/pending/" in name]
        return sum(int(self._s3.head_object(Bucket=BUCKET, Key=name)["Metadata"]["items"]) for name in waiting)


@contextmanager
def mocked_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Put a bucket where AWS would be, for this process; its own questions are not counted."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        bucket = Bucket()
        session = boto3.session.Session()
        session.events.register("before-call", lambda model, **_: bucket.calls.update([model.name]))
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
        yield bucket


@dataclass
class FakeObjects:
    """The `Objects` in memory: bytes by `s3://bucket/key`, handed out in chunks of `chunk` bytes.

    `refusals` are raised by the next calls to `open`, one each. At each place in `breaks` (a byte of the object) the
    connection breaks, once. `opened` holds the place and the byte of each call.
    """

    objects: Mapping[str, bytes] = field(default_factory=dict)
    chunk: int = 256 * 1024
    refusals: list[ForwarderError] = field(default_factory=list)
    breaks: set[int] = field(default_factory=set)
    opened: list[tuple[str, int]] = field(default_factory=list)

    @contextmanager
    def open(self, wanted: S3Object, *, etag: str = "", start: int = 0) -> Iterator[OpenObject]:
        self.opened.append((str(wanted), start))
        if self.refusals:
            raise self.refusals.pop(0)
        data = self.objects.get(str(wanted))
        if data is None:
            raise GoneError("NoSuchKey")
        current = hashlib.sha256(data).hexdigest()
        if etag not in ("", current):
            raise ChangedError("it has changed")
        yield OpenObject(current, self._chunks(data, start))

    def _chunks(self, data: bytes, start: int) -> Iterator[bytes]:
        while start < len(data):
            end = min([start + self.chunk, len(data), *(place for place in self.breaks if place >= start)])
            if end > start:
                yield data[start:end]
            if end in self.breaks:
                self.breaks.remove(end)
                raise ReadError("ConnectionResetError")
            start = end
