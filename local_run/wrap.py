"""Turns text into as many CloudWatch Logs subscription events as its size needs.

A subscription event is `{"awslogs": {"data": base64(gzip(document))}}`; the document has the shape of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html.
"""

import base64
import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec

# The limits of PutLogEvents for one call, and thus of what CloudWatch Logs hands on in one event:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
MAX_EVENTS = 10_000
MAX_BATCH_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
MAX_MESSAGE_BYTES = 1_048_576 - EVENT_OVERHEAD_BYTES

_CHUNK_BYTES = 1_048_576
_MAX_TERMINATOR_BYTES = len(b"\r\n")
_MAX_CHARACTER_BYTES = 4
_CONTINUATION_BYTES = range(0b1000_0000, 0b1100_0000)
# In the ids that CloudWatch Logs gives, the time in milliseconds stands above 144 bits: 56 digits until the year 2112.
_ID_TIME_SHIFT = 144


@dataclass(frozen=True)
class Wrapped:
    """One subscription event, the number of log events in it, and the bytes of the file read when it was made."""

    event: dict[str, Any]
    lines: int
    bytes_read: int


def log_event_id(timestamp: int, sequence: int) -> str:
    """Return an id as CloudWatch Logs does: 56 decimal digits that rise with the time (in ms) and the sequence."""
    return f"{(timestamp << _ID_TIME_SHIFT) + sequence:056d}"


def encode_event(document: dict[str, Any]) -> dict[str, Any]:
    """Pack a subscription document as Lambda receives it. The same document gives the same event."""
    data = gzip.compress(msgspec.json.encode(document), compresslevel=1, mtime=0)
    return {"awslogs": {"data": base64.b64encode(data).decode("ascii")}}


def decode_event(event: dict[str, Any]) -> dict[str, Any]:
    """Unpack what `encode_event` made."""
    data = gzip.decompress(base64.b64decode(event["awslogs"]["data"]))
    return msgspec.json.decode(data, type=dict[str, Any])


class Wrapper:
    """Wraps the lines of files for one log group; ids and times increase over everything that one wrapper makes.

    It counts what it has done so far: `lines` (log events), `cuts` (places where a line too long for one log event
    was split), `replaced` (sequences that are not UTF-8, each now U+FFFD) and `bytes_read`.
    """

    def __init__(self, log_group: str, log_stream: str = "local-run", owner: str = "123456789012") -> None:
        self._envelope = {
            "messageType": "DATA_MESSAGE",
            "owner": owner,
            "logGroup": log_group,
            "logStream": log_stream,
            "subscriptionFilters": ["local-run"],
        }
        self._timestamp = 0
        self.lines = 0
        self.cuts = 0
        self.replaced = 0
        self.bytes_read = 0

    def wrap(self, stream: BinaryIO) -> Iterator[Wrapped]:
        """Yield the events that hold all lines of `stream`, one log event per line, in order."""
        batch: list[dict[str, Any]] = []
        size = 0
        for message, message_bytes in self._messages(stream):
            needed = message_bytes + EVENT_OVERHEAD_BYTES
            if len(batch) == MAX_EVENTS or size + needed > MAX_BATCH_BYTES:
                yield self._event(batch)
                batch, size = [], 0
            batch.append(self._log_event(message))
            size += needed
        if batch:
            yield self._event(batch)

    def _event(self, batch: list[dict[str, Any]]) -> Wrapped:
        return Wrapped(encode_event({**self._envelope, "logEvents": batch}), len(batch), self.bytes_read)

    def _log_event(self, message: str) -> dict[str, Any]:
        self._timestamp = max(self._timestamp, time.time_ns() // 1_000_000)
        self.lines += 1
        identity = log_event_id(self._timestamp, self.lines)
        return {"id": identity, "timestamp": self._timestamp, "message": message}

    def _messages(self, stream: BinaryIO) -> Iterator[tuple[str, int]]:
        """Yield the text of each log event with its length in bytes of UTF-8."""
        for line in self._lines(stream):
            try:
                message = line.decode()
            except UnicodeDecodeError:
                yield from self._replaced(line)
            else:
                yield message, len(line)

    def _replaced(self, line: bytes) -> Iterator[tuple[str, int]]:
        text = line.decode(errors="replace")
        self.replaced += text.count("\ufffd") - line.count("\ufffd".encode())
        for piece in self._pieces(text.encode()):  # split again: a replaced byte takes three
            yield piece.decode(), len(piece)

    def _lines(self, stream: BinaryIO) -> Iterator[bytes]:
        r"""Yield the lines without their terminators, which are `\n`, `\r\n` and `\r` and nothing else.

        No more than a chunk and a piece of a line are in memory, however long the line is.
        """
        rest = b""
        while chunk := stream.read(_CHUNK_BYTES):
            self.bytes_read += len(chunk)
            # The last line is held back even when it ends in "\r": its "\n" may be the first byte of the next chunk.
            *whole, rest = (rest + chunk).splitlines(keepends=True)
            for line in whole:
                yield from self._pieces(_without_terminator(line))
            while len(rest) > MAX_MESSAGE_BYTES + _MAX_TERMINATOR_BYTES:
                piece, rest = self._cut(rest)
                yield piece
        if rest:
            yield from self._pieces(_without_terminator(rest))

    def _pieces(self, line: bytes) -> Iterator[bytes]:
        """Split a line that is longer than a log event may be; any other is returned unchanged, even an empty one."""
        while len(line) > MAX_MESSAGE_BYTES:
            piece, line = self._cut(line)
            yield piece
        yield line

    def _cut(self, line: bytes) -> tuple[bytes, bytes]:
        """Split off as much as a log event can hold, at the start of a character."""
        self.cuts += 1
        last_places = range(MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES - _MAX_CHARACTER_BYTES, -1)
        starts = (place for place in last_places if line[place] not in _CONTINUATION_BYTES)
        place = next(starts, MAX_MESSAGE_BYTES)  # none: not UTF-8, so any place will do
        return line[:place], line[place:]


def _without_terminator(line: bytes) -> bytes:
    if line.endswith(b"\r\n"):
        return line[:-2]
    return line[:-1] if line.endswith((b"\n", b"\r")) else line
