"""The interface of a store of failed events, and the choice of one by the settings."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from forwarder.deadline import Deadline
from forwarder.failed_events.lease import Lease, NoLease
from forwarder.records import Backlog, Batch, Failed, History, Signal
from forwarder.settings import Settings


@dataclass(frozen=True, slots=True)
class Contents:
    """What is stored: the bytes, and their metadata."""

    data: bytes = field(repr=False)
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """Something in the store: its name, its signal if known, and how to read it.

    `read` returns None if it is already gone, and raises `StoreError` if it cannot be read now.
    """

    name: str
    signal: str
    read: Callable[[], Contents | None]


@dataclass(frozen=True, slots=True)
class Unstored:
    """The parts of a batch that could not be stored, and why: AWS's code, or an empty string if all were."""

    parts: list[Batch] = field(default_factory=list)
    problem: str = ""


IsWanted = Callable[[str], bool]  # whether stored batches of a signal are worth reading


class Store(Protocol):
    """Stores batches and events. Thread-safe.

    For problems with AWS, methods raise only `StoreError`. Those that return what went wrong return AWS's code, or an
    empty string if nothing did.
    """

    @property
    def lease(self) -> Lease | NoLease:
        """The lease that lets one replay run at a time."""

    def check(self) -> str:
        """Store a probe, which does not stay; return what went wrong."""

    # --- writing

    def put(self, batch: Batch) -> Unstored:
        """Store a batch under a new name."""

    def put_event(self, event: Mapping[str, object]) -> str:
        """Store an event that a replay will take through the pipeline; return what went wrong."""

    def reject(self, failed: Failed) -> str:
        """Set a batch aside for good, with the reason and the intake's response; return what went wrong."""

    def reject_records(self, records: list[dict[str, object]]) -> str:
        """Set aside what is known of records that could not be read; return what went wrong."""

    # --- reading, by a replay

    def pending(self, deadline: Deadline, wanted: IsWanted) -> Iterator[Stored]:
        """Yield what waits and is wanted, oldest first, page by page.

        Raises:
            StoreError: it could not be listed.

        """

    def events(self, deadline: Deadline) -> Iterator[str]:
        """Yield the names of events to take through the pipeline: those that Lambda gave up on, then our own.

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

    # --- changing, by a replay

    def delete(self, names: list[str]) -> None:
        """Remove what has been delivered.

        Raises:
            StoreError: some of it may still be there.

        """

    def touch(self, name: str, signal: Signal, items: int, history: History) -> None:
        """Update the history of a batch that a replay failed to deliver, if possible."""

    def quarantine(self, name: str, reason: str) -> None:
        """Move something unchanged to where replays do not look; the reason is ASCII.

        Raises:
            StoreError: it could not be moved.

        """

    def release_held(self) -> None:
        """Make visible to others what this replay has read and not removed, if it was hidden."""


def make_store(settings: Settings) -> Store | None:
    """Return the store that the settings configure: S3 before SQS, None if there is neither or storing is off."""
    if not settings.store_failed_events:
        return None
    if settings.bucket_name:
        from forwarder.failed_events.s3 import S3Store

        return S3Store(settings.bucket_name, settings.function, path_style=settings.use_vpc)
    if settings.queue_url:
        from forwarder.failed_events.sqs import SqsStore

        return SqsStore(settings.queue_url, settings.function)
    return None
