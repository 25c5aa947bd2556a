"""Takes CloudWatch Logs documents apart that follow one another, as Firehose puts them into objects.

All begin with the same bytes, which no document has inside of it, since quotes in a message are escaped. So whatever is
cut off or malformed ends where the next document begins. In memory there is one document and one chunk.
"""

import re
from collections.abc import Iterator

from forwarder.errors import CorruptRecordError
from forwarder.records import Rejection
from forwarder.sources.awslogs import LARGEST_DOCUMENT, read_document
from forwarder.sources.json_records import HEAD
from forwarder.sources.lines import Stretch
from forwarder.sources.reading import Look

_BEGINNING = re.compile(rb'\{"messageType": ?"(?:DATA|CONTROL)_MESSAGE", ?"owner"')
_LONGEST_BEGINNING = 64


def begins_documents(data: bytes) -> bool:
    """Tell whether what begins so is such a document, or several. Their log events begin far before `HEAD` ends."""
    return _BEGINNING.match(data) is not None and b'"logEvents"' in data[:HEAD]


def split(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield documents, each with what stands between it and the next one, and their sizes in bytes.

    Of one that is larger than `LARGEST_DOCUMENT`, only a part is yielded.
    """
    parts: list[bytes] = []
    size = 0
    rest = b""  # what a document may begin with
    for chunk in chunks:
        data, start = rest + chunk, 0
        for found in _BEGINNING.finditer(data):
            parts.append(data[start : found.start()])
            size += len(parts[-1])
            if size:
                yield b"".join(parts), size
            parts, size, start = [], 0, found.start()
        end = max(start, len(data) - _LONGEST_BEGINNING)
        if size <= LARGEST_DOCUMENT:
            parts.append(data[start:end])
        size += end - start
        rest = data[end:]
    if size or rest:
        yield b"".join((*parts, rest)), size + len(rest)


def read_documents(chunks: Iterator[bytes], position: int, record: int, look: Look) -> Iterator[Stretch]:
    """Yield the log events of one document after the other; one that cannot be read is rejected by itself.

    Positions are where documents begin. `look` is called for each, and may raise.
    """
    for document, size in split(chunks):
        look()
        end = position + size
        try:
            if size > LARGEST_DOCUMENT:
                raise CorruptRecordError(f"it has over {LARGEST_DOCUMENT} bytes")  # noqa: TRY301 - as one that is broken
            found = read_document(document, record, look)
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
