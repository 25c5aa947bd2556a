"""The directory of a run: created, held by one run at a time, and named by the shortest path to type."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_run.function import RunError


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Create the directory and keep other runs out of it, since each replaces what it finds. Raises RunError."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / "lock").open("w")
    except OSError as error:
        raise RunError(
            f"{short(directory)} cannot be used for the run's files ({error.strerror}); give another --files DIR."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"Another run uses {short(directory)}; wait for it, or give --files DIR.") from None
        yield


def short(path: Path) -> Path:
    """Return the shortest path to type from the current directory."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
