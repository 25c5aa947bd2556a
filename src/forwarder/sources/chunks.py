"""An object being downloaded: an iterator of chunks of bytes."""

from collections.abc import Iterator
from itertools import chain


def peeked(chunks: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, at least `size` if there are that many, and an iterator of all bytes, including these."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= size:
            break
    return head, chain((head,), chunks) if head else chunks


def skipped(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield what comes after the first `size` bytes."""
    for chunk in chunks:
        if size < len(chunk):
            yield chunk[size:]
        size = max(0, size - len(chunk))
