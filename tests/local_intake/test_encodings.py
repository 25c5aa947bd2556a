"""Every Content-Encoding, whole, broken and far too large."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from backports import zstd

from local_intake.encodings import decode
from local_intake.records import RefusedError
from local_intake.server import LocalIntake
from tests.local_intake.conftest import Send

BODY = b'[{"message": "hello"}]'
LIMIT = 100_000

Encode = Callable[[bytes], bytes]


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush()


def zstd_stream(data: bytes) -> bytes:
    """Compress without the size in the frame header, as streaming writers do."""
    compressor = zstd.ZstdCompressor()
    return compressor.compress(data) + compressor.flush()


ENCODERS = {
    "gzip": ("gzip", gzip.compress),
    "zlib deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "zstd": ("zstd", zstd.compress),
    "streamed zstd": ("zstd", zstd_stream),
}
every_encoder = pytest.mark.parametrize(("name", "encode"), ENCODERS.values(), ids=ENCODERS.keys())


@every_encoder
def test_a_compressed_body_is_read(send_logs: Send, intake: LocalIntake, name: str, encode: Encode) -> None:
    wire = encode(BODY)
    assert send_logs(wire, Content_Encoding=name).status_code == 202
    stats = intake.store.stats()
    assert (stats.logs, stats.wire_bytes, stats.body_bytes) == (1, len(wire), len(BODY))


@pytest.mark.parametrize("name", ["identity", "Identity"])
def test_identity_may_be_named(send_logs: Send, name: str) -> None:
    assert send_logs(BODY, Content_Encoding=name).status_code == 202


def test_gzip_may_have_several_members(send_logs: Send, intake: LocalIntake) -> None:
    send_logs(gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), Content_Encoding="gzip")
    assert [log.message for log in intake.store.logs()] == ["hello"]


@every_encoder
def test_a_body_that_ends_too_early_is_refused(send_logs: Send, name: str, encode: Encode) -> None:
    assert send_logs(encode(BODY)[:-1], Content_Encoding=name).status_code == 400


@every_encoder
def test_a_body_with_something_after_it_is_refused(send_logs: Send, name: str, encode: Encode) -> None:
    assert send_logs(encode(BODY) + b"junk", Content_Encoding=name).status_code == 400


@pytest.mark.parametrize("name", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("wire", [b"", BODY], ids=["empty", "not compressed"])
def test_a_body_in_another_encoding_is_refused(send_logs: Send, name: str, wire: bytes) -> None:
    answer = send_logs(wire, Content_Encoding=name)
    assert answer.status_code == 400
    assert name in answer.json()["errors"][0]["detail"]


def test_a_wrong_checksum_is_refused(send_logs: Send) -> None:
    assert send_logs(gzip.compress(BODY)[:-8] + b"\0" * 8, Content_Encoding="gzip").status_code == 400


def test_an_unknown_encoding_is_refused(send_logs: Send) -> None:
    assert send_logs(BODY, Content_Encoding="br").status_code == 400


@every_encoder
def test_a_body_of_just_the_limit_is_read(name: str, encode: Encode) -> None:
    assert len(decode(name, encode(b" " * LIMIT), LIMIT)) == LIMIT


@every_encoder
def test_one_byte_over_the_limit_is_too_large(name: str, encode: Encode) -> None:
    with pytest.raises(RefusedError) as refused:
        decode(name, encode(b" " * (LIMIT + 1)), LIMIT)
    assert refused.value.status == 413


@every_encoder
def test_a_decompression_bomb_is_refused_before_it_expands(name: str, encode: Encode) -> None:
    bomb = encode(bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(RefusedError) as refused:
            decode(name, bomb, LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.status == 413
    assert peak < 1_000_000
