"""What a store of failed events can do, and which one the settings ask for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from forwarder.deadline import Deadline
from forwarder.failed_events.lease import Lease, NoLease
from forwarder.records import Backlog, Batch, Failed, History, Signal
from forwarder.settings import Settings


@dataclass(frozen=True, slots=True)
class Contents:
    """What is stored: the bytes, and the facts beside them."""

    data: bytes = field(repr=False)
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """Something in the store: its name there, its signal if that is known, and how to read it.

    `read` returns None if somebody else has dealt with it, and raises `StoreError` if it cannot be read now.
    """

    name: str
    signal: str
    read: Callable[[], Contents | None]


@dataclass(frozen=True, slots=True)
class Unstored:
    """What of a batch could not be stored, and why: AWS's code, or the empty text if all of it was."""

    parts: list[Batch] = field(default_factory=list)
    trouble: str = ""


Wanted = Callable[[str], bool]  # whether it is any use to read what is stored of a signal


class Store(Protocol):
    """Keeps batches and events. Methods may be called from many threads.

    None raises for trouble with AWS but `StoreError`. Those that say what went wrong name AWS's code, or return the
    empty text if nothing did.
    """

    @property
    def lease(self) -> Lease | NoLease:
        """What lets one replay run at a time."""

    def check(self) -> str:
        """Store a probe, which does not stay; say what went wrong."""

    # --- what is put there

    def put(self, batch: Batch) -> Unstored:
        """Store a batch under a new name."""

    def put_event(self, event: Mapping[str, object]) -> str:
        """Store an event that a replay is to take through the line; say what went wrong."""

    def reject(self, failed: Failed) -> str:
        """Set a batch aside for good, with the reason and the intake's answer; say what went wrong."""

    def reject_records(self, records: list[dict[str, object]]) -> str:
        """Set aside what is known of records that could not be read; say what went wrong."""

    # --- what a replay finds there

    def pending(self, deadline: Deadline, wanted: Wanted) -> Iterator[Stored]:
        """Yield what waits and is wanted, oldest first, page by page.

        Raises:
            StoreError: it could not be listed.

        """

    def events(self, deadline: Deadline) -> Iterator[str]:
        """Yield the names of events to take through the line: those that Lambda gave up on, then our own.

        Raises:
            StoreError: they could not be listed.

        """

    def read_event(self, name: str) -> bytes:
        """Return the invocation record of such an event.

        Raises:
            StoreError: it could not be read.

        """

    def backlog(self) -> Backlog:
        """Count what is left.

        Raises:
            StoreError: it could not be counted.

        """

    # --- what a replay does with it

    def delete(self, names: list[str]) -> None:
        """Remove what has been delivered.

        Raises:
            StoreError: some of it may still be there.

        """

    def touch(self, name: str, signal: Signal, items: int, history: History) -> None:
        """Write a new history beside a batch that a replay has sent in vain, if that can be done."""

    def quarantine(self, name: str, reason: str) -> None:
        """Move something as it is to where it is never looked at again; the reason is ASCII.

        Raises:
            StoreError: it could not be moved.

        """

    def let_go(self) -> None:
        """Let others see what this replay has read and not removed, if it was hidden from them."""


def store_of(settings: Settings) -> Store | None:
    """Return the store that the settings ask for: S3 before SQS, none if there is neither or it is switched off."""
    if not settings.store_failed_events:
        return None
    if settings.bucket_name:
        from forwarder.failed_events.s3 import S3Store

        return S3Store(settings.bucket_name, settings.function, path_style=settings.use_vpc)
    if settings.queue_url:
        from forwarder.failed_events.sqs import SqsStore

        return SqsStore(settings.queue_url, settings.function)
    return None
