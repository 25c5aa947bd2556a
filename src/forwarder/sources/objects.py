"""Reads objects of lines: opened, streamed, decompressed, split, in groups that say where they begin.

The content of an object is recognised by its bytes: lines, documents of CloudWatch Logs (`documents`), or in a
CloudTrail file a document of records (`json_records`). One group is in memory, whatever the object's size. On any
failure, what was read before has been yielded, and the rest is reported: as a `Rejection` if reading it again would not
help, as an `Unread` if it may. An object that was replaced while it was being read is read again: some lines may arrive
twice, but none are lost.
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

BLOCK = 256 * 1024  # bytes that are split into lines together: some 1,000 lines, or a few times that
MAX_WAIT_SECONDS = 0.5  # for that many bytes to come in: so reading also makes progress with a slow object
MAX_REOPENS = 3  # of one object after broken connections
LEFT_ALONE = "its intake is left alone for now"
MAX_FRUITLESS_REPLAYS = 3  # without progress, until the rest of an object is rejected

# https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html: the first line names the fields.
_HAS_HEADER = "vpcflowlogs"


def read(wanted: S3Object, record: int, reading: Reading) -> Iterator[Found]:
    """Yield what is in an object that a trigger record names. Raises nothing."""
    return _ObjectReader(Continuation(wanted), record, reading, fruitless=0).found()


def resume(rest: Continuation, reading: Reading) -> Iterator[Found]:
    """Yield the rest of an object; of one that has changed since, all of it. Raises nothing.

    One that `MAX_FRUITLESS_REPLAYS` replays made no progress in is rejected: reaching the first unread line, or its
    end, takes longer than an invocation.
    """
    if rest.attempts < MAX_FRUITLESS_REPLAYS:
        return _ObjectReader(rest, 0, reading, fruitless=rest.attempts + 1).found()
    reason = (
        f"reading on from position {rest.position} made no progress in {rest.attempts} replays: "
        "raise the function's timeout"
    )
    return iter([Rejection(reason, str(rest.object))])


class _ObjectReader:
    """Reads one object from a position on; `fruitless` is the number of attempts for a rest without progress."""

    def __init__(self, begin: Continuation, record: int, reading: Reading, fruitless: int) -> None:
        self._object = begin.object
        self._begin = begin
        self._etag = begin.etag
        self._position = begin.position  # of the first line that has not been yielded
        self._record = record
        self._reading = reading
        self._fruitless = fruitless
        self._opened = False
        self._reopened = 0
        self._damage: CorruptRecordError | GoneError | None = None

    def found(self) -> Iterator[Found]:
        """Yield groups of lines, and finally what became of the rest, if not all could be read."""
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
            self._reading.check_deadline()
            rest = self._rest(stretch.start)
            if self._reading.gave_up():
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
        """Open the object, recognise its content, and return it from the initial position on."""
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
        chunks = self._until_damaged(decompressed(chunks, self._reading.check_deadline))
        head, chunks = peeked(chunks, HEAD)
        if self._begins_records(head):
            return read_records(chunks, position)
        return self._by_bytes(head, skipped(chunks, position))

    def _begins_records(self, head: bytes) -> bool:
        """Check name and bytes: an application's output may begin like such a document, and continue with lines."""
        return is_cloudtrail_file(self._object.key) and begins_records(head)

    def _by_bytes(self, head: bytes, chunks: Iterator[bytes]) -> Iterator[Stretch]:
        """Read content with positions in bytes, in an object that begins like this, from the initial position on."""
        if begins_documents(head):
            return read_documents(chunks, self._begin.position, self._record, self._reading.check_deadline)
        return self._lines(head, chunks)

    def _lines(self, head: bytes, chunks: Iterator[bytes]) -> Iterator[Stretch]:
        """Read multi-line logs if the first line begins one, else single lines.

        The beginning of the object decides, so that a continuation from the middle is read in the same way.
        """
        header = _HAS_HEADER in self._object.key.lower()
        reading = self._reading
        if reading.multiline is None:
            return read_lines(chunks, self._begin.position, header=header)
        budget = SearchBudget(reading.deadline, reading.processor_share)
        begins = Beginnings(reading.multiline, budget, reading.check_deadline, reading.warn)
        if not begins(first_line(head[:HEAD], header=header)):
            return read_lines(chunks, self._begin.position, header=header)
        return read_logs(chunks, self._begin.position, begins, header=header)

    def _until_damaged(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what can be read in blocks, as if the object ended there; record why it does not continue."""
        block, size, began = list[bytes](), 0, time.monotonic()
        try:
            for chunk in chunks:
                block.append(chunk)
                size += len(chunk)
                if size >= BLOCK or time.monotonic() - began > MAX_WAIT_SECONDS:
                    yield b"".join(block)
                    block, size, began = [], 0, time.monotonic()
        except (CorruptRecordError, GoneError) as error:
            self._damage = error
        if block:
            yield b"".join(block)

    def _download(self, offset: int) -> Generator[bytes]:
        """Yield the object's bytes from `offset` on; after a broken connection, continue there with another one."""
        while True:
            self._reading.check_deadline()
            try:
                with opened_in_time(self._reading, self._object, self._etag, offset) as opened:
                    self._opened, self._etag = True, opened.etag
                    for chunk in opened.chunks:
                        self._reading.check_deadline()
                        offset += len(chunk)
                        yield chunk
            except ReadError:
                if not self._opened or self._reopened == MAX_REOPENS:
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
