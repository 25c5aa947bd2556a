"""Content encodings, with a limit: decompression stops just past it, however large the body would become."""

import gzip
import io
import zlib
from collections.abc import Callable

from backports import zstd

from local_intake.records import RefusedError

# Stored blocks make an incompressible body grow a little: 5 bytes per 64 KiB in deflate, plus headers.
WIRE_OVERHEAD = 65_536
# RFC 8878 §3.1.1.1.2 asks decoders for windows of 8 MiB and lets them refuse larger ones.
ZSTD_MAX_WINDOW_LOG = 23


def _identity(wire: bytes, _limit: int) -> bytes:
    return wire


def _gunzip(wire: bytes, limit: int) -> bytes:
    """Read all members: RFC 1952 allows several, and pigz and `cat a.gz b.gz` make them."""
    if not wire:
        raise EOFError
    return gzip.GzipFile(fileobj=io.BytesIO(wire)).read(limit + 1)


def _inflate(wire: bytes, limit: int) -> bytes:
    """Read zlib (RFC 1950, which HTTP calls deflate) or, as some clients send it, raw deflate (RFC 1951)."""
    try:
        return _inflate_as(zlib.MAX_WBITS, wire, limit)
    except zlib.error:
        return _inflate_as(-zlib.MAX_WBITS, wire, limit)


def _inflate_as(wbits: int, wire: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(wbits)
    body = inflater.decompress(wire, limit + 1)
    if len(body) <= limit and (not inflater.eof or inflater.unused_data):
        raise zlib.error
    return body


def _unzstd(wire: bytes, limit: int) -> bytes:
    frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_MAX_WINDOW_LOG})
    body = frame.decompress(wire, limit + 1)
    if len(body) <= limit and (not frame.eof or frame.unused_data):
        raise EOFError
    return body


DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "": _identity,
    "identity": _identity,
    "gzip": _gunzip,
    "deflate": _inflate,
    "zstd": _unzstd,
}


def decode(encoding: str, wire: bytes, limit: int) -> bytes:
    """Undo a Content-Encoding; `RefusedError` with 413 over `limit` bytes, with 400 if it cannot be undone."""
    decoder = DECODERS.get(encoding.strip().lower())
    if decoder is None:
        raise RefusedError(400, "The Content-Encoding is unknown: send identity, gzip, deflate or zstd.")
    too_large = RefusedError(413, f"The body is too large: send at most {limit:,} bytes, counted uncompressed.")
    if len(wire) > limit + WIRE_OVERHEAD:
        raise too_large
    try:
        body = decoder(wire, limit)
    except (EOFError, OSError, zlib.error, zstd.ZstdError):
        raise RefusedError(400, f"The body is not whole, valid {encoding}.") from None
    if len(body) > limit:
        raise too_large
    return body
