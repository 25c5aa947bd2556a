"""Compressed bodies: what comes out of any decoder is what went in."""

import gzip
import zlib
from collections.abc import Callable

import pytest

from forwarder.intake.compression import compress

BODIES = [b"", b"x", b'{"message":"hello"}' * 5000, bytes(range(256)) * 300]
DECODE: dict[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.decompress, "deflate": zlib.decompress}


@pytest.mark.parametrize("body", BODIES, ids=len)
@pytest.mark.parametrize("level", range(10))
@pytest.mark.parametrize("encoding", DECODE)
def test_every_level_and_encoding_comes_back_as_it_was(encoding: str, level: int, body: bytes) -> None:
    assert DECODE[encoding](compress(body, encoding, level)) == body


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("level", range(1, 10))
def test_log_lines_get_much_smaller_at_every_level_but_0(encoding: str, level: int) -> None:
    body = b'{"message":"hello"}' * 5000
    assert len(compress(body, encoding, level)) < len(body) / 20


def test_the_same_body_compresses_to_the_same_bytes() -> None:
    assert compress(b"x" * 99, "gzip", 6) == compress(b"x" * 99, "gzip", 6)
