"""Compression is recognised by the first bytes, undone in small steps, and the output before any damage is kept."""

import gzip
import io
import tracemalloc
from collections.abc import Iterator

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from forwarder.errors import CorruptRecordError, OutOfTimeError
from forwarder.sources.decompression import decompressed

TEXT = b"".join(b"line %d of an object\n" % number for number in range(20_000))
GZIPPED, ZSTD = gzip.compress(TEXT, 1), zstd.compress(TEXT)


def named() -> bytes:
    """Return what `gzip` makes of a file, whose name it keeps."""
    packed = io.BytesIO()
    with gzip.GzipFile("app.log", "wb", fileobj=packed) as file:
        file.write(TEXT)
    return packed.getvalue()


def chunks_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def undone(data: bytes, size: int = 10_000) -> bytes:
    return b"".join(decompressed(chunks_of(data, size), lambda: None))


def undone_until(data: bytes) -> tuple[bytes, str]:
    """Return what comes out of damaged bytes, and what is said of the damage."""
    found: list[bytes] = []
    with pytest.raises(CorruptRecordError) as raised:
        found.extend(decompressed(chunks_of(data, 10_000), lambda: None))
    return b"".join(found), str(raised.value)


def damaged(data: bytes) -> bytes:
    """Return the bytes with one in their checksum changed."""
    return data[:-6] + bytes([data[-6] ^ 1]) + data[-5:]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TEXT, id="plain"),
        pytest.param(GZIPPED, id="gzip"),
        pytest.param(named(), id="gzip with a name"),
        pytest.param(ZSTD, id="zstd"),
        pytest.param(gzip.compress(GZIPPED), id="gzip twice"),
        pytest.param(gzip.compress(ZSTD), id="zstd in gzip"),
        pytest.param(gzip.compress(TEXT[:100_001]) + gzip.compress(TEXT[100_001:]), id="members"),
        pytest.param(gzip.compress(TEXT[:5]) + bytes(700) + gzip.compress(TEXT[5:]) + bytes(9), id="padded members"),
        pytest.param(zstd.compress(TEXT[:7]) + zstd.compress(TEXT[7:]), id="frames"),
        pytest.param(gzip.compress(gzip.compress(TEXT[:7]) + gzip.compress(TEXT[7:])), id="members in gzip"),
    ],
)
@pytest.mark.parametrize("size", [1, 4_000, 10_000_000])
def test_all_compression_is_undone(data: bytes, size: int) -> None:
    assert undone(data, size) == TEXT


@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(1, 30))
def test_members_may_be_cut_anywhere(texts: list[bytes], size: int) -> None:
    texts = [b"text", *texts]  # which does not look like one more layer
    assert undone(b"".join(map(gzip.compress, texts)), size) == b"".join(texts)


@pytest.mark.parametrize("data", [b"", b"\x1f", b"a", b"\x28\xb5\x2f"])
def test_what_is_shorter_than_a_magic_number_is_plain(data: bytes) -> None:
    assert undone(data) == data


def test_what_is_compressed_three_times_is_corrupt() -> None:
    assert undone_until(gzip.compress(gzip.compress(GZIPPED))) == (b"", "it is compressed more than 2 times")


@pytest.mark.parametrize("data", [GZIPPED, gzip.compress(GZIPPED)])
def test_what_is_cut_off_is_undone_as_far_as_it_goes(data: bytes) -> None:
    found, said = undone_until(data[: len(data) * 9 // 10])
    assert len(TEXT) // 2 < len(found) < len(TEXT)
    assert TEXT.startswith(found)
    assert said.endswith(" bytes")
    assert "is cut off after" in said


def test_a_cut_off_checksum_costs_nothing() -> None:
    assert undone_until(GZIPPED[:-1]) == (TEXT, f"its gzip is cut off after {len(TEXT)} bytes")


def test_a_wrong_checksum_costs_the_last_step() -> None:
    found, said = undone_until(damaged(GZIPPED))
    assert (TEXT.startswith(found), len(TEXT) - len(found) <= 16 * 1024) == (True, True)
    assert said == f"its gzip is corrupt after {len(found)} bytes"


def test_zstd_that_is_cut_off_is_undone_as_far_as_it_goes() -> None:
    two = ZSTD + ZSTD[: len(ZSTD) // 2]
    found, said = undone_until(two)
    assert found[: len(TEXT)] == TEXT
    assert said == f"its zstd is cut off after {len(found)} bytes"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x1f\x8band so on, for as long as a header", "its gzip is corrupt after 0 bytes"),
        (b"\x1f\x8b", "its gzip is cut off after 0 bytes"),
        (b"\x28\xb5\x2f\xfdhello, this is no zstd", "its zstd is corrupt after 0 bytes"),
    ],
)
def test_a_magic_number_alone_is_corrupt(data: bytes, said: str) -> None:
    assert undone_until(data) == (b"", said)


def test_what_follows_and_is_no_member_is_corrupt() -> None:
    said = f"its gzip is followed by something else after {len(TEXT)} bytes"
    assert undone_until(GZIPPED + b"trailing") == (TEXT, said)


def test_a_bomb_inflates_in_small_steps() -> None:
    bomb = gzip.compress(gzip.compress(bytes(100_000_000), 1))
    tracemalloc.start()
    size = sum(map(len, decompressed(chunks_of(bomb, 1_000), lambda: None)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 100_000_000
    assert most < 5_000_000


def test_the_deadline_is_checked_while_nothing_comes_out() -> None:
    def check_deadline() -> None:
        raise OutOfTimeError

    with pytest.raises(OutOfTimeError):
        next(decompressed(iter([GZIPPED[:5]]), check_deadline))
