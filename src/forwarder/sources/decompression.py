"""Decompresses objects, by their first bytes and never by their names.

Both decompressors have the same methods as `bz2.BZ2Decompressor`, so one loop serves them. isal's takes a third of the
time of zlib's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, cast

from isal import igzip_lib

from forwarder.errors import CorruptRecordError
from forwarder.sources.chunks import peeked

LAYERS = 2  # Firehose compresses what CloudWatch Logs has already compressed
# Bytes. When a step fails, its output is lost, so steps are small; larger ones gain 15 %. A small input bounds what is
# copied where one member of many ends.
_INPUT, _OUTPUT = 16 * 1024, 16 * 1024
_MAX_MAGIC_BYTES = 4


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Format:
    """A compression format: the first bytes of each member, a decompressor, and its errors."""

    name: str
    magic: bytes
    make: Callable[[], _Decompressor]
    errors: Callable[[], type[Exception]]


def _zstd() -> _Decompressor:
    from backports.zstd import ZstdDecompressor

    return ZstdDecompressor()


def _zstd_error() -> type[Exception]:
    from backports.zstd import ZstdError

    return ZstdError


_FORMATS = (
    _Format(
        "gzip",
        b"\x1f\x8b",
        lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
        lambda: cast(type[Exception], igzip_lib.error),  # its stub calls the class an instance
    ),
    _Format("zstd", b"\x28\xb5\x2f\xfd", _zstd, _zstd_error),
)


def is_compressed(head: bytes) -> bool:
    """Return whether data that begins like this is compressed."""
    return _format_of(head) is not None


def decompressed(chunks: Iterator[bytes], check_deadline: Callable[[], None]) -> Iterator[bytes]:
    """Decompress all layers, in steps of some 16 KB; `check_deadline` is called at each step, and may raise.

    Raises:
        CorruptRecordError: it is corrupt, cut off, or compressed more than `LAYERS` times. The message has the
            number of bytes that came out before. Iterating raises it, too.

    """
    for _ in range(LAYERS):
        head, chunks = peeked(chunks, _MAX_MAGIC_BYTES)
        if (found := _format_of(head)) is None:
            return chunks
        chunks = _undone(chunks, found, check_deadline)
    head, chunks = peeked(chunks, _MAX_MAGIC_BYTES)
    if is_compressed(head):
        raise CorruptRecordError(f"it is compressed more than {LAYERS} times")
    return chunks


def _format_of(head: bytes) -> _Format | None:
    return next((known for known in _FORMATS if head.startswith(known.magic)), None)


def _undone(chunks: Iterator[bytes], known: _Format, check_deadline: Callable[[], None]) -> Iterator[bytes]:
    layer = _Layer(known)
    for chunk in chunks:
        for start in range(0, len(chunk), _INPUT):
            data: bytes | None = chunk[start : start + _INPUT]
            while data is not None:
                check_deadline()
                done, data = layer.step(data)
                if done:
                    yield done
    layer.end()


class _Layer:
    """One layer, which may consist of several members with zeros after each."""

    def __init__(self, known: _Format) -> None:
        self._known = known
        self._member: _Decompressor | None = None
        self._ahead = b""  # too little to recognise whether a member begins
        self._size = 0

    def step(self, data: bytes) -> tuple[bytes, bytes | None]:
        """Return the output for some bytes, and the bytes for the next step, or `None` if it needs more input.

        Raises:
            CorruptRecordError: it is corrupt, or is followed by something else.

        """
        if self._member is None:
            data = (self._ahead + data).lstrip(b"\0")
            if len(data) < len(self._known.magic):
                self._ahead = data
                return b"", None
            if not data.startswith(self._known.magic):
                raise self._corrupt("is followed by something else")
            self._ahead, self._member = b"", self._known.make()
        try:
            done = self._member.decompress(data, _OUTPUT)
        except self._known.errors():
            raise self._corrupt("is corrupt") from None
        self._size += len(done)
        if self._member.eof:
            rest, self._member = self._member.unused_data, None
            return done, rest
        return done, None if self._member.needs_input else b""

    def end(self) -> None:
        """Make sure that no more was expected.

        Raises:
            CorruptRecordError: it is cut off.

        """
        if self._member or self._ahead:
            raise self._corrupt("is cut off")

    def _corrupt(self, how: str) -> CorruptRecordError:
        return CorruptRecordError(f"its {self._known.name} {how} after {self._size} bytes")
