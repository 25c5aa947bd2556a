"""Splits concatenated CloudWatch Logs documents, as Firehose puts them into objects.

All begin with the same bytes, which no document contains elsewhere, since quotes in a message are escaped. So whatever
is cut off or malformed ends where the next document begins. One document and one chunk are in memory.
"""

import re
from collections.abc import Iterator

from forwarder.errors import CorruptRecordError
from forwarder.records import Rejection
from forwarder.sources.awslogs import MAX_DOCUMENT_BYTES, read_document
from forwarder.sources.json_records import HEAD
from forwarder.sources.lines import Stretch
from forwarder.sources.reading import CheckDeadline

_BEGINNING = re.compile(rb'\{"messageType": ?"(?:DATA|CONTROL)_MESSAGE", ?"owner"')
_MAX_BEGINNING_BYTES = 64


def begins_documents(data: bytes) -> bool:
    """Return whether data that begins like this is such documents. Their log events begin well before `HEAD` ends."""
    return _BEGINNING.match(data) is not None and b'"logEvents"' in data[:HEAD]


def split(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield documents, each with what is between it and the next one, and their sizes in bytes.

    Of one that is larger than `MAX_DOCUMENT_BYTES`, only a part is yielded.
    """
    parts: list[bytes] = []
    size = 0
    rest = b""  # may be the beginning of a document
    for chunk in chunks:
        data, start = rest + chunk, 0
        for found in _BEGINNING.finditer(data):
            parts.append(data[start : found.start()])
            size += len(parts[-1])
            if size:
                yield b"".join(parts), size
            parts, size, start = [], 0, found.start()
        end = max(start, len(data) - _MAX_BEGINNING_BYTES)
        if size <= MAX_DOCUMENT_BYTES:
            parts.append(data[start:end])
        size += end - start
        rest = data[end:]
    if size or rest:
        yield b"".join((*parts, rest)), size + len(rest)


def read_documents(
    chunks: Iterator[bytes], position: int, record: int, check_deadline: CheckDeadline
) -> Iterator[Stretch]:
    """Yield the log events of one document after the other; one that cannot be read is rejected separately.

    Positions are where documents begin. `check_deadline` is called for each, and may raise.
    """
    for document, size in split(chunks):
        check_deadline()
        end = position + size
        try:
            if size > MAX_DOCUMENT_BYTES:
                raise CorruptRecordError(f"it has over {MAX_DOCUMENT_BYTES} bytes")  # noqa: TRY301 - like a broken one
            found = read_document(document, record, check_deadline)
        except CorruptRecordError as error:
            rejection = Rejection(f"a CloudWatch Logs document: {error}", f"at byte {position}")
            yield Stretch(position, end, [], rejected=(rejection,))
        else:
            yield Stretch(
                position,
                end,
                found.lines,
                found.filtered,
                place=found.place,
                rejected=found.rejected,
                extracted=found.extracted,
            )
        position = end
