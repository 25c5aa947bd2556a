"""What became of it."""

from dataclasses import dataclass, field
from enum import StrEnum

from forwarder.records.batch import Batch
from forwarder.records.found import Unread


class Fate(StrEnum):
    """What an answer, or the lack of one, means for a batch."""

    DELIVERED = "delivered"
    RETRY = "retry"  # now, within the deadline; if it still fails, later
    KEEP = "keep"  # not worth another try now, may succeed later
    SPLIT = "split"  # too large: smaller ones may be taken
    REJECT = "reject"  # the intake will never take it


@dataclass(frozen=True, slots=True)
class Delivered:
    """The intake has the batch."""

    batch: Batch
    status: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The intake does not have the batch, or did not say so.

    `status` is 0 where there was no answer; `answer` is the beginning of the answer's text, which may repeat what was
    sent and so never gets into our own log.
    """

    batch: Batch
    fate: Fate
    reason: str
    status: int = 0
    attempts: int = 0
    answer: str = field(default="", repr=False)


Outcome = Delivered | Failed


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a failed batch in the store: how many of its items are there, and what is not."""

    failed: Failed
    stored: int
    left: list[Batch]


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of all that was to be kept: batches, what is still unread, and of how much of that a note is kept."""

    kept: list[Kept]
    unread: list[Unread]
    continued: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is left in the store, and since when the oldest of it waits (Unix seconds, 0 if that is not known)."""

    left: int
    oldest: float
