"""Reads objects of lines: opened, streamed, decompressed, split, in groups that say where to go on after them.

What is in an object is told by its bytes: lines, documents of CloudWatch Logs (`documents`), or in a file of
CloudTrail's a document of records (`json_records`).
Memory is for one group, whatever the object's size. At any trouble, what was read before has been given out, and what
was not is named: as a `Rejection` where reading it again would not help, as an `Unread` where it may. An object that
was replaced while it was being read is read anew: some lines may arrive twice, rather than some of them never.
"""

import time
from collections.abc import Generator, Iterator
from dataclasses import replace

from forwarder.errors import ChangedError, CorruptRecordError, GivenUpError, GoneError, OutOfTimeError, ReadError
from forwarder.records import Continuation, Found, Group, Rejection, S3Object, Unread, is_cloudtrail_file
from forwarder.searches import SearchBudget
from forwarder.sources.chunks import peeked, skipped
from forwarder.sources.decompression import decompressed, is_compressed
from forwarder.sources.documents import begins_documents, read_documents
from forwarder.sources.json_records import HEAD, begins_records, read_records
from forwarder.sources.lines import Beginnings, Stretch, first_line, read_lines, read_logs
from forwarder.sources.opening import opened_in_time
from forwarder.sources.reading import Reading

BLOCK = 256 * 1024  # bytes that are split into lines at once: some 1,000 lines, or a few times that
LONGEST_WAIT = 0.5  # seconds for that many to come in: with an object that dribbles, reading gets on all the same
MOST_REOPENED = 3  # times that a connection may break in the reading of one object
LEFT_ALONE = "its intake is left alone for now"
MOST_FRUITLESS = 3  # replays that get no further, until what is left of an object is rejected

# https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html: the first line names the fields.
_HAS_HEADER = "vpcflowlogs"


def read(wanted: S3Object, record: int, reading: Reading) -> Iterator[Found]:
    """Yield what is in an object that a trigger record names. Raises nothing."""
    return _ObjectReader(Continuation(wanted), record, reading, fruitless=0).found()


def resume(rest: Continuation, reading: Reading) -> Iterator[Found]:
    """Yield what is left of an object; of one that has changed since, all that is in it. Raises nothing.

    One that `MOST_FRUITLESS` replays did not get any further in is rejected: such an object takes longer to get to the
    first unread line, or to the end of that, than an invocation lasts.
    """
    if rest.attempts < MOST_FRUITLESS:
        return _ObjectReader(rest, 0, reading, fruitless=rest.attempts + 1).found()
    reason = (
        f"reading on from position {rest.position} did not get anywhere in {rest.attempts} replays: "
        "raise the function's timeout"
    )
    return iter([Rejection(reason, str(rest.object))])


class _ObjectReader:
    """Reads one object from a place on; `fruitless` is the number of attempts of a rest that is no further on."""

    def __init__(self, begin: Continuation, record: int, reading: Reading, fruitless: int) -> None:
        self._object = begin.object
        self._begin = begin
        self._etag = begin.etag
        self._position = begin.position  # of the first line that has not been given out
        self._record = record
        self._reading = reading
        self._fruitless = fruitless
        self._opened = False
        self._reopened = 0
        self._damage: CorruptRecordError | GoneError | None = None

    def found(self) -> Iterator[Found]:
        """Yield groups of lines, and last of all what is to be said of the rest, if not all could be read."""
        pointer = str(self._object)
        try:
            yield from self._groups()
        except (GivenUpError, OutOfTimeError) as error:
            yield Unread(self._record, str(error), pointer, self._rest(self._position))
        except ReadError as error:
            rest = self._rest(self._position) if self._position > self._begin.position else None
            yield Unread(self._record, str(error), pointer, rest)
        except ChangedError:
            self._start_over()
            yield Unread(self._record, "the object changed while it was read", pointer, self._rest(0))
        except (CorruptRecordError, GoneError) as error:
            self._damage = self._damage or error
        if isinstance(self._damage, GoneError):
            yield Rejection(f"the object is gone: {self._damage}", pointer)
        elif self._damage:
            yield Rejection(str(self._damage), pointer)

    def _groups(self) -> Iterator[Group]:
        for stretch in self._stretches():
            self._reading.look()
            rest = self._rest(stretch.start)
            if self._reading.given_up():
                raise GivenUpError(LEFT_ALONE)
            place = stretch.place or self._object
            yield Group(
                place,
                stretch.lines,
                self._record,
                stretch.rejected,
                stretch.filtered,
                rest,
                stretch.cut,
                stretch.extracted,
            )
            self._position = stretch.end

    def _stretches(self) -> Iterator[Stretch]:
        """Open the object, see what it is, and return what is in it from the beginning's position on."""
        try:
            download = self._download(0)
            head, chunks = peeked(download, HEAD)
        except ChangedError:
            self._start_over()
            download = self._download(0)
            head, chunks = peeked(download, HEAD)
        position = self._begin.position
        if position > len(head) and not is_compressed(head) and not self._begins_records(head):
            download.close()
            return self._by_bytes(head, self._until_damaged(self._download(position)))
        chunks = self._until_damaged(decompressed(chunks, self._reading.look))
        head, chunks = peeked(chunks, HEAD)
        if self._begins_records(head):
            return read_records(chunks, position)
        return self._by_bytes(head, skipped(chunks, position))

    def _begins_records(self, head: bytes) -> bool:
        """Tell by name and bytes: what an application prints may begin like such a document, and go on with lines."""
        return is_cloudtrail_file(self._object.key) and begins_records(head)

    def _by_bytes(self, head: bytes, chunks: Iterator[bytes]) -> Iterator[Stretch]:
        """Read what has positions in bytes, in an object that begins so, from the beginning's position on."""
        if begins_documents(head):
            return read_documents(chunks, self._begin.position, self._record, self._reading.look)
        return self._lines(head, chunks)

    def _lines(self, head: bytes, chunks: Iterator[bytes]) -> Iterator[Stretch]:
        """Read logs of several lines if the first line begins one, else all lines by themselves.

        The beginning of the object tells, so that whoever reads on from the middle does so in the same way.
        """
        header = _HAS_HEADER in self._object.key.lower()
        reading = self._reading
        if reading.multiline is None:
            return read_lines(chunks, self._begin.position, header=header)
        budget = SearchBudget(reading.deadline, reading.processor_share)
        begins = Beginnings(reading.multiline, budget, reading.look, reading.warn)
        if not begins(first_line(head[:HEAD], header=header)):
            return read_lines(chunks, self._begin.position, header=header)
        return read_logs(chunks, self._begin.position, begins, header=header)

    def _until_damaged(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield in blocks of a fair size what can be had, as if the object ended there; note why it goes no further."""
        block, size, began = list[bytes](), 0, time.monotonic()
        try:
            for chunk in chunks:
                block.append(chunk)
                size += len(chunk)
                if size >= BLOCK or time.monotonic() - began > LONGEST_WAIT:
                    yield b"".join(block)
                    block, size, began = [], 0, time.monotonic()
        except (CorruptRecordError, GoneError) as error:
            self._damage = error
        if block:
            yield b"".join(block)

    def _download(self, offset: int) -> Generator[bytes]:
        """Yield the object's bytes from `offset` on; where the connection breaks, go on from there on another one."""
        while True:
            self._reading.look()
            try:
                with opened_in_time(self._reading, self._object, self._etag, offset) as opened:
                    self._opened, self._etag = True, opened.etag
                    for chunk in opened.chunks:
                        self._reading.look()
                        offset += len(chunk)
                        yield chunk
            except ReadError:
                if not self._opened or self._reopened == MOST_REOPENED:
                    raise
                self._reopened += 1
            else:
                return

    def _start_over(self) -> None:
        self._begin = replace(self._begin, etag="", position=0)
        self._etag, self._position = "", 0

    def _rest(self, position: int) -> Continuation:
        further = position > self._begin.position
        return Continuation(self._object, self._etag, position, 0 if further else self._fruitless)
