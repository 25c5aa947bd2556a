"""Lets malloc keep freed memory.

Bodies of a megabyte come and go with every batch. glibc takes blocks of that size from the kernel and gives them back,
and each time the kernel has to hand over zeroed pages: half of the time that it takes to pack a batch. A sandbox is
billed for its memory whether it is used or not, so there is no point in giving it back.
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_MAX_MMAP_THRESHOLD = 32 * 1024 * 1024  # that glibc accepts
_TRIM_THRESHOLD = 256 * 1024 * 1024


def keep_freed_blocks() -> bool:
    """Tell malloc not to return freed blocks to the kernel. Returns whether it can: only glibc does."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _MAX_MMAP_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD))
