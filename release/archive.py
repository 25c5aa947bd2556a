"""Reproducible zips: the same files give the same bytes, at any time and on any machine."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_OLDEST = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can have
_UNIX = 3
_REGULAR_FILE_READABLE_BY_ALL = 0o100644 << 16
_LEVEL = 9


@dataclass(frozen=True)
class Archive:
    """A zip, and the size of its content in bytes."""

    content: bytes
    unzipped: int


def archive(tree: Path, prefix: str = "") -> Archive:
    """Pack the files of a directory, sorted by name; the prefix is put before each name."""
    buffer = io.BytesIO()
    unzipped = 0
    with zipfile.ZipFile(buffer, "w") as target:
        for name, path in sorted((path.relative_to(tree).as_posix(), path) for path in _files(tree)):
            content = path.read_bytes()
            unzipped += len(content)
            target.writestr(_entry(prefix + name), content, zipfile.ZIP_DEFLATED, _LEVEL)
    return Archive(buffer.getvalue(), unzipped)


def _files(tree: Path) -> Iterator[Path]:
    return (path for path in tree.rglob("*") if path.is_file())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _OLDEST)
    entry.create_system = _UNIX
    entry.external_attr = _REGULAR_FILE_READABLE_BY_ALL
    return entry
