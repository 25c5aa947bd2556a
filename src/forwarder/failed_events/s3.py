"""A store of failed events in an S3 bucket. The package docstring describes the layout."""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec

from forwarder import aws
from forwarder.deadline import Deadline
from forwarder.errors import StoreError
from forwarder.failed_events import stored_batch
from forwarder.failed_events.lease import Lease
from forwarder.failed_events.store import Contents, IsWanted, Stored, Unstored
from forwarder.records import Backlog, Batch, Failed, History, Signal
from forwarder.settings import Function

MAX_KEYS_PER_DELETE = 1_000  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
MAX_PAGES = 1_000  # of a thousand names; the next replay reads more
MAX_COUNTING_SECONDS = 2.0  # counting takes place in the reserve of the invocation
_MAX_ANSWER_CHARACTERS = 1_000  # S3 keeps 2 KB of metadata
_CONTENT_TYPE = "application/gzip"
_GONE = {"NoSuchKey", "404", "NoSuchVersion"}


class S3Store:
    """Stores each batch as one object."""

    def __init__(self, bucket: str, function: Function, *, path_style: bool = False) -> None:
        self._bucket = bucket
        self._root = f"failed_events/{function.name}"
        self._given_up = f"aws/lambda/async/{function.name}/"  # the names are Lambda's
        self._pending = f"{self._root}/pending/"
        self._own_events = f"{self._root}/unread/"
        self._region = function.region
        self._path_style = path_style
        self._made: Any = None
        self._making = threading.Lock()
        self.lease = Lease(lambda: self._s3, bucket, f"{self._root}/lease.json")

    def __repr__(self) -> str:
        return f"S3Store({self._bucket}/{self._root})"

    @property
    def _s3(self) -> Any:
        with self._making:
            if self._made is None:
                self._made = aws.client("s3", self._region, path_style=self._path_style)
            return self._made

    # --- batches

    def put(self, batch: Batch) -> Unstored:
        """Store a batch as a new object."""
        name = self._name("pending", batch.history.first_failure, batch.signal.value)
        problem = self._write(name, stored_batch.packed(batch), _metadata(batch))
        return Unstored([batch], problem) if problem else Unstored()

    def touch(self, name: str, signal: Signal, items: int, history: History) -> None:
        """Copy the object onto itself with new metadata; if that fails, it keeps the old metadata."""
        with contextlib.suppress(*aws.errors()):
            self._copy(name, name, stored_batch.metadata(signal, items, history))

    def quarantine(self, name: str, reason: str) -> None:
        """Move an object to the rejected ones, under the same base name."""
        try:
            self._copy(name, f"{self._root}/rejected/{name.rsplit('/', 1)[-1]}", {"reason": reason})
            self._s3.delete_object(Bucket=self._bucket, Key=name)
        except aws.errors() as error:
            raise StoreError(f"{name} could not be set aside: {aws.failure(error)}") from None

    def _copy(self, name: str, to: str, metadata: dict[str, str]) -> None:
        self._s3.copy_object(
            Bucket=self._bucket,
            Key=to,
            CopySource={"Bucket": self._bucket, "Key": name},
            Metadata=metadata,
            MetadataDirective="REPLACE",
            ContentType=_CONTENT_TYPE,
        )

    def reject(self, failed: Failed) -> str:
        """Set a batch aside, with the response of the intake in its metadata, as ASCII."""
        batch = failed.batch
        answer = failed.answer.encode("ascii", "backslashreplace").decode()
        answer = "".join(character if character.isprintable() else " " for character in answer)[:_MAX_ANSWER_CHARACTERS]
        metadata = _metadata(batch) | {"answer": answer.strip()}
        name = self._name("rejected", batch.history.first_failure, batch.signal.value)
        return self._write(name, stored_batch.packed(batch), metadata)

    def reject_records(self, records: list[dict[str, object]]) -> str:
        """Set unreadable records aside as one list."""
        body = stored_batch.compressed(msgspec.json.encode(records))
        return self._write(self._name("rejected", time.time(), "records"), body, {"items": str(len(records))})

    def put_event(self, event: Mapping[str, object]) -> str:
        """Store an event as Lambda does. Named by the current time, so that a long one lets others go first."""
        name = f"{self._own_events}{stored_batch.time_of(time.time())}-{uuid4().hex}.json"
        return self._write(name, stored_batch.event_record(event), {}, "application/json")

    def pending(self, deadline: Deadline, wanted: IsWanted) -> Iterator[Stored]:
        """Yield what waits and is wanted, oldest first."""
        for name in self._names(self._pending, deadline):
            if wanted(signal := stored_batch.signal_of(name)):
                yield Stored(name, signal, partial(self._read, name))

    def _read(self, name: str) -> Contents | None:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=name)
            data: bytes = answer["Body"].read()
        except aws.errors() as error:
            if aws.failure(error) in _GONE:
                return None
            raise StoreError(f"{name} could not be read: {aws.failure(error)}") from None
        return Contents(data, answer["Metadata"])

    def delete(self, names: list[str]) -> None:
        """Remove objects, up to a thousand with one request; what is not removed is sent again."""
        for start in range(0, len(names), MAX_KEYS_PER_DELETE):
            keys = [{"Key": name} for name in names[start : start + MAX_KEYS_PER_DELETE]]
            try:
                answer = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
            except aws.errors() as error:
                raise StoreError(f"delivered batches could not be removed: {aws.failure(error)}") from None
            if refused := answer.get("Errors"):  # S3 responds with 200 even if it may remove none of them
                raise StoreError(f"delivered batches could not be removed: {refused[0].get('Code')}")

    def backlog(self) -> Backlog:
        """Count what waits, batches and events, as far as the time for counting allows.

        Each folder's names sort by time, so the first one that has a time is the oldest.
        """
        deadline = Deadline.after(MAX_COUNTING_SECONDS)
        found = [list(self._names(folder, deadline)) for folder in (self._pending, self._given_up, self._own_events)]
        oldest = [next(filter(None, map(stored_batch.moment_of, names)), 0.0) for names in found]
        return Backlog(sum(map(len, found)), min(filter(None, oldest), default=0.0))

    # --- events that Lambda gave up on

    def events(self, deadline: Deadline) -> Iterator[str]:
        """Yield the names of invocation records; they begin with the date."""
        yield from self._names(self._given_up, deadline)
        yield from self._names(self._own_events, deadline)

    def read_event(self, name: str) -> bytes:
        """Return an invocation record."""
        try:
            body: bytes = self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except aws.errors() as error:
            raise StoreError(f"{name} could not be read: {aws.failure(error)}") from None
        return body

    def release_held(self) -> None:
        """Do nothing: nothing is hidden."""

    # --- common to all

    def check(self) -> str:
        """Write and remove a probe."""
        name = f"{self._root}/check-{uuid4().hex}"
        try:
            self._s3.put_object(Bucket=self._bucket, Key=name, Body=b"")
            self._s3.delete_object(Bucket=self._bucket, Key=name)
            self._s3.list_objects_v2(Bucket=self._bucket, Prefix=self._pending, MaxKeys=1)
        except aws.errors() as error:
            return aws.failure(error)
        return ""

    def _name(self, folder: str, moment: float, what: str) -> str:
        return f"{self._root}/{folder}/{stored_batch.time_of(moment)}-{what}-{uuid4().hex}.json.gz"

    def _write(self, name: str, body: bytes, metadata: dict[str, str], kind: str = _CONTENT_TYPE) -> str:
        """Write an object; say what went wrong."""
        try:
            self._s3.put_object(Bucket=self._bucket, Key=name, Body=body, Metadata=metadata, ContentType=kind)
        except aws.errors() as error:
            return aws.failure(error)
        return ""

    def _names(self, prefix: str, deadline: Deadline) -> Iterator[str]:
        """Yield names in their order, page by page.

        Raises:
            StoreError: a page could not be listed.

        """
        pages = iter(self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix))
        for _ in range(MAX_PAGES):
            try:
                page = next(pages, None)
            except aws.errors() as error:
                raise StoreError(f"the store could not be listed: {aws.failure(error)}") from None
            if page is None or deadline.expired:
                return
            yield from (entry["Key"] for entry in page.get("Contents", ()))


def _metadata(batch: Batch) -> dict[str, str]:
    return stored_batch.metadata(batch.signal, batch.count, batch.history)
