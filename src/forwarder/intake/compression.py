"""Compresses bodies. On log lines ISA-L is 25 to 30 times faster than zlib at its level 6, for 22 % more bytes."""

import zlib

from isal import igzip, isal_zlib

# DD_COMPRESSION_LEVEL is zlib's scale of 0 to 9. Up to the default of 6, ISA-L's level 1 is used, which is fastest
# (its 2 and 3 gain nothing on log lines); above, zlib, for those who pay for traffic.
FASTEST_UP_TO = 6
_ISAL_LEVEL = 1


def compress(body: bytes, encoding: str, level: int) -> bytes:
    """Compress for a `Content-Encoding` of gzip or deflate (which is zlib's format); identity stays as it is."""
    if encoding == "identity":
        return body
    fast = 0 < level <= FASTEST_UP_TO
    if encoding == "deflate":
        packed: bytes = isal_zlib.compress(body, _ISAL_LEVEL) if fast else zlib.compress(body, level)
    elif fast:
        packed = igzip.compress(body, _ISAL_LEVEL, mtime=0)
    else:
        packed = zlib.compress(body, level, wbits=zlib.MAX_WBITS | 16)
    return packed
