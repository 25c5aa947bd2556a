"""What sources need beside the event."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import regex

from forwarder.deadline import OUT_OF_TIME, Deadline
from forwarder.errors import OutOfTimeError
from forwarder.records import S3Object

Look = Callable[[], None]  # looks at the clock now and then in long work, and raises `OutOfTimeError`


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object as it is being read: its `etag`, and its bytes from where it was opened, as they come in."""

    etag: str
    chunks: Iterator[bytes]


class Objects(Protocol):
    """Where objects are read from."""

    def open(self, wanted: S3Object, *, etag: str = "", start: int = 0) -> AbstractContextManager[OpenObject]:
        """Open an object at a byte; with `etag`, only if it has not changed since.

        Raises:
            GoneError: it is not there (any more): no use in asking again.
            ChangedError: it has another `etag`.
            CorruptRecordError: it can never be read (archived, or no name that S3 would take).
            ReadError: it could not be read now (denied, throttled, no answer); iterating may raise it, too.

        """


def _never() -> bool:
    return False


def _unheard(_sentence: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read in one invocation: from where, until when, and where a log begins in objects of text.

    `given_up` tells whether the intake of logs is left alone for the rest of the invocation: the rest of an object is
    better read later, then, than stored. `warn` is called with a sentence when the pattern runs over its time limit,
    which goes by the share of a CPU that there is.
    """

    objects: Objects
    deadline: Deadline
    multiline: regex.Pattern[str] | None = None
    given_up: Callable[[], bool] = _never
    warn: Callable[[str], None] = _unheard
    processor_share: float = 1.0

    def look(self) -> None:
        """Look at the clock.

        Raises:
            OutOfTimeError: the deadline has come.

        """
        if self.deadline.expired:
            raise OutOfTimeError(OUT_OF_TIME)
