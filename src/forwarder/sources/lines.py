r"""Makes lines, or multi-line logs, out of the bytes of an object.

It works in blocks of whole lines, not line by line. A line ends in `\n`, `\r\n` or `\r`: that is where
`bytes.splitlines` splits, whereas `str.splitlines` also splits elsewhere.
"""

from codecs import utf_8_decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import regex

from forwarder.records import MAX_LINE_BYTES, Line, Place, Rejection
from forwarder.searches import SearchBudget

LINES = 1_000  # maximum of a stretch: as many as the intake accepts in a request

# Of a multi-line log, after which another one begins. The intake accepts 1 MB per log as encoded JSON, which is longer:
# it has attributes, and line feeds and quotes are escaped.
MAX_LOG_BYTES = 900_000

TOO_LONG = "DD_MULTILINE_LOG_REGEX_PATTERN ran over its time limit on at least one line: it does not begin a log."

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is in an object between two positions: lines, and how many were left out because they are empty.

    `cut` holds the `id()` of each line of which only the beginning was kept. `place` is where the lines are from, if
    not from the object; `rejected` is what could not be read there, and `extracted` as in `Group`.
    """

    start: int
    end: int
    lines: list[Line]
    filtered: int = 0
    cut: frozenset[int] = frozenset()
    place: Place | None = None
    rejected: tuple[Rejection, ...] = ()
    extracted: Mapping[int, str] = field(default_factory=dict, repr=False)


def read_lines(chunks: Iterator[bytes], position: int, *, header: bool = False) -> Iterator[Stretch]:
    """Yield all lines of an object, whose bytes start at a position where a line begins.

    Undecodable bytes are replaced. With `header`, an object's first line counts as empty.
    """
    for texts, sizes, cut in _lines(chunks, position, header=header):
        end = position + sum(sizes)
        yield _stretch(position, end, texts, cut)
        position = end


def read_logs(
    chunks: Iterator[bytes], position: int, begins: Callable[[str], bool], *, header: bool = False
) -> Iterator[Stretch]:
    """Yield multi-line logs, as `read_lines` yields lines: each line for which `begins` returns True begins one.

    They contain line feeds. What comes before the first beginning is a separate log, and so is what exceeds
    `MAX_LOG_BYTES`. Empty lines inside a log stay.
    """
    start, log = position, _Log()
    for texts, sizes, cut in _lines(chunks, position, header=header):
        done, end, cut_logs = [], start, set()
        for text, size in zip(texts, sizes, strict=True):
            if log.parts and (log.size + size > MAX_LOG_BYTES or begins(text)):
                done.append(log.text)
                if log.cut:
                    cut_logs.add(id(done[-1]))
                end, log = position, _Log()
            log.add(text, size, cut=id(text) in cut)
            position += size
        if done:
            yield _stretch(start, end, done, cut_logs)
            start = end
    if log.parts:
        text = log.text
        yield _stretch(start, position, [text], {id(text)} if log.cut else set())


def first_line(head: bytes, *, header: bool) -> str:
    """Return the first line of an object that is not empty, as far as it is in the object's first bytes."""
    found = (text for texts, _, _ in _lines(iter((head,)), 0, header=header) for text in texts if text)
    return next(found, "")


@dataclass(slots=True)
class _Log:
    """A log that may not be complete yet. Empty lines at its beginning and end are not part of it."""

    parts: list[str] = field(default_factory=list)
    size: int = 0  # bytes of the object
    cut: bool = False

    def add(self, text: str, size: int, *, cut: bool) -> None:
        if self.parts == [""]:
            self.parts, self.size = [], 0
        self.parts.append(text)
        self.size += size
        self.cut |= cut

    @property
    def text(self) -> str:
        return "\n".join(self.parts).strip("\n")


class Beginnings:
    """Decides which lines begin a log, by the user's pattern, which must not hang an invocation.

    A line on which the pattern exceeds its limit does not, and `warn` is called with a sentence. `check_deadline` is
    called for each line, and may raise.
    """

    def __init__(
        self,
        pattern: regex.Pattern[str],
        budget: SearchBudget,
        check_deadline: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        self._pattern = pattern
        self._budget = budget
        self._check_deadline = check_deadline
        self._warn = warn

    def __call__(self, text: str) -> bool:
        """Return whether a line begins a log.

        Raises:
            OutOfTimeError: the pattern ran over its limit, and the deadline has come.

        """
        self._check_deadline()
        try:
            return bool(self._budget.run(self._pattern.match, text))
        except TimeoutError:
            self._warn(TOO_LONG)
            return False


def _stretch(start: int, end: int, texts: list[str], cut: set[int]) -> Stretch:
    lines = [Line(text) for text in texts if text]
    beginnings = frozenset(id(line) for line in lines if id(line.message) in cut) if cut else frozenset[int]()
    return Stretch(start, end, lines, len(texts) - len(lines), beginnings)


def _lines(chunks: Iterator[bytes], position: int, *, header: bool) -> Iterator[tuple[list[str], list[int], set[int]]]:
    """Yield lines without line ends, the number of bytes of the object that each takes, and the `id()`s of cut ones."""
    for block, lost in _blocks(chunks):
        lines = block.splitlines(keepends=True)
        for first in range(0, len(lines), LINES):
            some = lines[first : first + LINES]
            sizes = [len(line) for line in some]
            if first == 0:
                sizes[0] += lost
            if position == 0:
                some[0] = b"" if header else some[0].removeprefix(_BYTE_ORDER_MARK)
            position += sum(sizes)
            texts = [line.rstrip(b"\r\n").decode("utf-8", "replace") for line in some]
            yield texts, sizes, _cut(some, texts) if len(block) > MAX_LINE_BYTES else set()


def _cut(lines: list[bytes], texts: list[str]) -> set[int]:
    """Cut lines that are too long between two characters; return the `id()`s of the cut strings."""
    cut = set()
    for number, line in enumerate(lines):
        if len(line.rstrip(b"\r\n")) > MAX_LINE_BYTES:
            texts[number], _ = utf_8_decode(line[:MAX_LINE_BYTES], "replace")
            cut.add(id(texts[number]))
    return cut


def _blocks(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield blocks of whole lines, each with how many bytes of its first line were dropped because it is too long.

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
        if kept > MAX_LINE_BYTES:
            dropped += len(chunk)
        else:
            held.append(chunk)
            kept += len(chunk)
    last = b"".join(held) + carriage_return
    if last:
        yield last, dropped
