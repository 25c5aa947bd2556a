r"""Makes lines, or logs of several lines, out of the bytes of an object.

Work is done by the block of whole lines, not by the line. A line ends in `\n`, `\r\n` or `\r`: that is what
`bytes.splitlines` takes for an end, whereas `str.splitlines` knows some more.
"""

from codecs import utf_8_decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import regex

from forwarder.records import LONGEST_LINE, Line
from forwarder.searches import SearchBudget

LINES = 1_000  # of a stretch at most: as many as the intake takes in a request

TOO_LONG = "DD_MULTILINE_LOG_REGEX_PATTERN ran over its time limit on at least one line: that begins no log."

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What stands in an object between two positions: lines, and how many were left out since they are empty."""

    start: int
    end: int
    lines: list[Line]
    filtered: int = 0


def read_lines(chunks: Iterator[bytes], position: int, *, header: bool = False) -> Iterator[Stretch]:
    """Yield all lines of an object whose bytes come in from a position on, at which a line must begin.

    Undecodable bytes are replaced. With `header`, an object's first line counts as empty.
    """
    for texts, sizes in _lines(chunks, position, header=header):
        end = position + sum(sizes)
        yield _stretch(position, end, texts)
        position = end


def read_logs(
    chunks: Iterator[bytes], position: int, begins: Callable[[str], bool], *, header: bool = False
) -> Iterator[Stretch]:
    """Yield logs of several lines, as `read_lines` does lines: one begins with each line that `begins` says so of.

    They hold line feeds. What comes before the first beginning is a log of its own. Empty lines inside a log stay.
    """
    start, log = position, _Log()
    for texts, sizes in _lines(chunks, position, header=header):
        done, end = [], start
        for text, size in zip(texts, sizes, strict=True):
            if log.parts and begins(text):
                done.append(log.text)
                end, log = position, _Log()
            log.add(text)
            position += size
        if done:
            yield _stretch(start, end, done)
            start = end
    if log.parts:
        yield _stretch(start, position, [log.text])


@dataclass(slots=True)
class _Log:
    """A log that may not be at its end yet."""

    parts: list[str] = field(default_factory=list)
    _room: int = LONGEST_LINE

    def add(self, text: str) -> None:
        if self._room > 0:
            self.parts.append(text)
            self._room -= len(text) + 1

    @property
    def text(self) -> str:
        return "\n".join(self.parts)[:LONGEST_LINE].strip("\n")


class Beginnings:
    """Tells which lines begin a log, by the user's pattern, which must not hang an invocation.

    A line on which the pattern runs over its limit begins none, and `warn` is called with a sentence. `look` is called
    for each line, and may raise.
    """

    def __init__(
        self,
        pattern: regex.Pattern[str],
        budget: SearchBudget,
        look: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        self._pattern = pattern
        self._budget = budget
        self._look = look
        self._warn = warn

    def __call__(self, text: str) -> bool:
        """Tell whether a line begins a log.

        Raises:
            OutOfTimeError: the pattern ran over its limit, and the deadline has come.

        """
        self._look()
        try:
            return bool(self._budget.run(self._pattern.match, text))
        except TimeoutError:
            self._warn(TOO_LONG)
            return False


def _stretch(start: int, end: int, texts: list[str]) -> Stretch:
    lines = [Line(text) for text in texts if text]
    return Stretch(start, end, lines, len(texts) - len(lines))


def _lines(chunks: Iterator[bytes], position: int, *, header: bool) -> Iterator[tuple[list[str], list[int]]]:
    """Yield lines without what ends them, and how many bytes of the object each takes with it."""
    for block, lost in _blocks(chunks):
        lines = block.splitlines(keepends=True)
        for first in range(0, len(lines), LINES):
            some = lines[first : first + LINES]
            kept = [line if len(line) <= LONGEST_LINE else _cut(line) for line in some]
            texts = [line.rstrip(b"\r\n").decode("utf-8", "replace") for line in kept]
            sizes = [len(line) for line in some]
            if first == 0:
                sizes[0] += lost
            if position == 0:
                texts[0] = "" if header else texts[0].removeprefix(_BYTE_ORDER_MARK)
            position += sum(sizes)
            yield texts, sizes


def _cut(line: bytes) -> bytes:
    """Return the beginning of a line, without a part of a character at its end."""
    beginning = line[:LONGEST_LINE]
    return beginning[: utf_8_decode(beginning, "replace")[1]]  # how many bytes there are of whole characters


def _blocks(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield blocks of whole lines, and of each how many bytes its first line has lost that is too long.

    The last one may lack its end.
    """
    held: list[bytes] = []
    kept = dropped = 0
    carriage_return = b""  # at the end of a chunk: a `\n` that belongs to it may follow
    for received in chunks:
        chunk = carriage_return + received
        carriage_return = chunk[-1:] if chunk.endswith(b"\r") else b""
        chunk = chunk.removesuffix(b"\r")
        end = 1 + max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        if end:
            held.append(chunk[:end])
            yield b"".join(held), dropped
            held, kept, dropped = [], 0, 0
            chunk = chunk[end:]
        if kept > LONGEST_LINE:
            dropped += len(chunk)
        else:
            held.append(chunk)
            kept += len(chunk)
    last = b"".join(held) + carriage_return
    if last:
        yield last, dropped
