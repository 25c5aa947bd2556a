"""What sources need besides the event."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import regex

from forwarder.deadline import OUT_OF_TIME, Deadline
from forwarder.errors import OutOfTimeError
from forwarder.records import S3Object

CheckDeadline = Callable[[], None]  # called now and then in long work; raises `OutOfTimeError`


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object that is being read: its `etag`, and its bytes from where it was opened, as they come in."""

    etag: str
    chunks: Iterator[bytes]


class Objects(Protocol):
    """Where objects are read from."""

    def open(self, wanted: S3Object, *, etag: str = "", start: int = 0) -> AbstractContextManager[OpenObject]:
        """Open an object at a byte; with `etag`, only if it has not changed since.

        Raises:
            GoneError: it does not exist (any more): trying again would not help.
            ChangedError: it has another `etag`.
            CorruptRecordError: it can never be read (archived, or an invalid name).
            ReadError: it could not be read now (denied, throttled, no response); iterating may raise it, too.

        """


def _never() -> bool:
    return False


def _ignore(_sentence: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read in one invocation: from where, until when, and where a log begins in objects of text.

    `gave_up` returns whether the intake of logs is left alone for the rest of the invocation: then the rest of an
    object is better read later than stored. `warn` is called with a sentence when the pattern exceeds its time limit,
    which depends on the function's share of a CPU.
    """

    objects: Objects
    deadline: Deadline
    multiline: regex.Pattern[str] | None = None
    gave_up: Callable[[], bool] = _never
    warn: Callable[[str], None] = _ignore
    processor_share: float = 1.0

    def check_deadline(self) -> None:
        """Check whether there is time left.

        Raises:
            OutOfTimeError: the deadline has passed.

        """
        if self.deadline.expired:
            raise OutOfTimeError(OUT_OF_TIME)
