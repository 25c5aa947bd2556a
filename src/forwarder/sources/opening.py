"""Reads objects within a deadline, which a call to AWS knows nothing of.

An object is opened, read and closed on a thread of its own, chunk by chunk as its bytes are asked for. A thread that
does not answer by the deadline is left behind: whatever it waits for has time limits of its own, and then it closes the
connection. Asking it takes some 60 µs.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from forwarder.deadline import OUT_OF_TIME, Deadline
from forwarder.errors import OutOfTimeError
from forwarder.records import S3Object
from forwarder.sources.reading import OpenObject, Reading

# The one queue that may be put to in a `finally` that the garbage collector runs, in the middle of anything. An
# executor would wait for a lock that its own thread may hold.
_Asked = SimpleQueue[bool]  # for a chunk, or to close
_Answers = SimpleQueue[Any]  # an object once it is open, then its chunks; or an exception


@contextmanager
def opened_in_time(reading: Reading, wanted: S3Object, etag: str, start: int) -> Iterator[OpenObject]:
    """Open an object as `Objects.open` does, but wait for nothing beyond the deadline.

    Raises:
        OutOfTimeError: the deadline has come; iterating raises it, too. And whatever `Objects.open` raises.

    """
    asked, answers = _Asked(), _Answers()
    opening = reading.objects.open(wanted, etag=etag, start=start)
    Thread(target=_read, args=(opening, asked, answers), name="object", daemon=True).start()
    try:
        etag = _answer(answers, reading.deadline).etag
        yield OpenObject(etag, _chunks(asked, answers, reading.deadline))
    finally:
        asked.put(False)


def _read(opening: AbstractContextManager[OpenObject], asked: _Asked, answers: _Answers) -> None:
    try:
        with opening as opened:
            answers.put(opened)
            while asked.get():
                answers.put(next(opened.chunks, b""))
    except Exception as error:
        answers.put(error)


def _chunks(asked: _Asked, answers: _Answers, deadline: Deadline) -> Iterator[bytes]:
    asked.put(True)
    while chunk := _answer(answers, deadline):
        yield chunk
        asked.put(True)


def _answer(answers: _Answers, deadline: Deadline) -> Any:
    try:
        answer = answers.get(timeout=deadline.remaining)
    except Empty:
        raise OutOfTimeError(OUT_OF_TIME) from None
    if isinstance(answer, Exception):
        raise answer
    return answer
