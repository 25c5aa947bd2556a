"""What a store of failed events can do, and which one the settings ask for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from forwarder.deadline import Deadline
from forwarder.records import Backlog, Batch, Failed, History, Signal
from forwarder.settings import Settings


@dataclass(frozen=True, slots=True)
class Contents:
    """What is stored: the bytes, and the facts beside them."""

    data: bytes = field(repr=False)
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """Something in the store: its name there, its signal if that is known, and what it is if that had to be read."""

    name: str
    signal: str
    contents: Contents | None = None


Wanted = Callable[[str], bool]  # whether it is any use to read what is stored of a signal


class Store(Protocol):
    """Keeps batches. Methods may be called from many threads; none raises for trouble with AWS but `StoreError`."""

    trouble: str
    """Why something could not be stored last: AWS's code, or the empty text as long as all could."""

    def put(self, batch: Batch) -> list[Batch]:
        """Store a batch under a new name; return the parts of it that could not be stored."""

    def touch(self, name: str, signal: Signal, items: int, history: History) -> None:
        """Write a new history beside a batch that a replay has sent in vain."""

    def quarantine(self, name: str, reason: str) -> None:
        """Move something as it is to where it is never looked at again; the reason is ASCII.

        Raises:
            StoreError: it could not be moved.

        """

    def reject(self, failed: Failed) -> bool:
        """Set a batch aside for good, with the reason and the intake's answer."""

    def reject_records(self, records: list[dict[str, object]]) -> bool:
        """Set records aside that could not be read: reasons, pointers and, if they may be kept, their texts."""

    def put_event(self, event: Mapping[str, object]) -> bool:
        """Store an event that a replay is to take through the line."""

    def pending(self, deadline: Deadline, wanted: Wanted) -> Iterator[Stored]:
        """Yield what waits and is wanted, oldest first, page by page."""

    def read(self, name: str) -> Contents | None:
        """Return what is stored, which may not be a batch; None if somebody else has dealt with it.

        Raises:
            StoreError: it could not be read now.

        """

    def delete(self, names: list[str]) -> None:
        """Remove what has been delivered."""

    def backlog(self) -> Backlog:
        """Count what is left.

        Raises:
            StoreError: it could not be counted.

        """

    def acquire(self, owner: str, seconds: float) -> bool:
        """Take the lease that lets one replay run at a time; it expires by itself."""

    def release(self) -> None:
        """Give the lease back."""

    def unprocessed(self, deadline: Deadline) -> Iterator[str]:
        """Yield the names of events to take through the line: those that Lambda gave up on, then our own."""

    def read_unprocessed(self, name: str) -> bytes:
        """Return the invocation record of such an event.

        Raises:
            StoreError: it could not be read.

        """

    def begin(self, name: str) -> bool:
        """Note that an event is about to go through the line, which may kill the process; False if the lease is lost.

        Raises:
            StoreError: it could not be noted.

        """

    def absolve(self, name: str) -> None:
        """Note that an event was survived or set aside."""

    def poison_event(self) -> str:
        """Return the name of the event that killed the replays before this one, or the empty text."""

    def check(self) -> str:
        """Write and remove a probe; return what went wrong, or the empty text."""


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
