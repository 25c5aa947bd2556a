"""What became of batches."""

from dataclasses import dataclass, field
from enum import StrEnum

from forwarder.records.batch import Batch
from forwarder.records.found import Unread


class Fate(StrEnum):
    """What a response, or the lack of one, means for a batch."""

    DELIVERED = "delivered"
    RETRY = "retry"  # now, within the deadline; if it still fails, later
    KEEP = "keep"  # not worth another try now, may succeed later
    SPLIT = "split"  # too large: smaller ones may be accepted
    REJECT = "reject"  # the intake will never accept it


@dataclass(frozen=True, slots=True)
class Delivered:
    """The intake has the batch."""

    batch: Batch
    status: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The intake does not have the batch, or did not confirm it.

    `status` is 0 if there was no response; `answer` is the beginning of the response body, which may repeat what was
    sent and so never gets into the forwarder's own log.
    """

    batch: Batch
    fate: Fate
    reason: str
    status: int = 0
    attempts: int = 0
    answer: str = field(default="", repr=False)


Outcome = Delivered | Failed


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What became of a failed batch in the store: how many of its items are stored, and the parts that are not."""

    failed: Failed
    stored: int
    left: list[Batch]


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """What became of all that was to be stored: batches, what stays unread, and how many continuations were stored."""

    results: list[StoreResult]
    unread: list[Unread]
    continued: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is left in the store, and since when the oldest has been waiting (Unix seconds, 0 if unknown)."""

    left: int
    oldest: float
