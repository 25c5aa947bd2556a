"""Reads objects within a deadline, which calls to AWS do not support.

An object is opened, read and closed on a separate thread, chunk by chunk on request. A thread that does not respond by
the deadline is abandoned: whatever it waits for has its own time limits, and then it closes the connection. A request
to the thread takes some 60 µs.
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

# The only queue that is safe in a `finally` that the garbage collector runs, at any moment. An executor would wait for
# a lock that its own thread may hold.
_Asked = SimpleQueue[bool]  # for a chunk, or to close
_Answers = SimpleQueue[Any]  # an object once it is open, then its chunks; or an exception


@contextmanager
def opened_in_time(reading: Reading, wanted: S3Object, etag: str, start: int) -> Iterator[OpenObject]:
    """Open an object as `Objects.open` does, but wait only until the deadline.

    Raises:
        OutOfTimeError: the deadline has passed; iterating raises it, too. And whatever `Objects.open` raises.

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
