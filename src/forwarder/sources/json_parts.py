"""Splits a JSON document without decoding it.

For documents that a decoder refuses as a whole. Members and elements are cut out as text by counting brackets outside
strings, which neither deep nesting nor a bad value inside one of them can stop. Takes linear time, but a microsecond
per mark, so that `check_deadline` is called now and then, and may raise.
"""

import re
from collections.abc import Iterator

from forwarder.errors import CorruptRecordError
from forwarder.sources.reading import CheckDeadline

# Up to the next mark, or else to the end: strings, and objects and arrays in which there are no others, are skipped
# as a whole. A string that is cut off ends with the text, so that no second match can begin inside it. `re` takes a
# third of the time that `regex` does.
_STRING = r'"(?:[^"\\]++|\\.?)*+"?+'
_FLAT = rf'(?:[^"{{}}\[\]]++|{_STRING})*+'
_MARK = re.compile(rf'(?:[^"{{}}\[\],:]++|{_STRING}|\{{{_FLAT}\}}|\[{_FLAT}\])*+(?:([{{}}\[\],:])|\Z)', re.DOTALL)
_BRACKETS = {"{": 1, "[": 1, "}": -1, "]": -1}
_MARKS = 10_000  # between two checks of the deadline
_MALFORMED = "its JSON is cut off or malformed"


def _parts(text: str, brackets: str, separator: str, check_deadline: CheckDeadline) -> Iterator[tuple[str, str]]:
    """Yield (text before the first separator, text after it) of each comma-separated part of a container."""
    text = text.strip()
    if len(text) < 2 or text[0] != brackets[0]:  # noqa: PLR2004 - the two brackets
        raise CorruptRecordError(_MALFORMED)
    start, colon = 1, 0
    for mark, end, depth in _marks(text, check_deadline):
        if mark == separator and not colon:
            colon = end
        elif mark == "," or depth == 0:
            if text[start:end].strip():
                yield text[start:colon] if colon else "", text[colon + 1 if colon else start : end]
            start, colon = end + 1, 0
            if depth == 0:
                break
    if start != len(text) or text[-1] != brackets[1]:
        raise CorruptRecordError(_MALFORMED)


def _marks(text: str, check_deadline: CheckDeadline) -> Iterator[tuple[str, int, int]]:
    """Yield (mark, position, number of open brackets after it) of marks outside inner containers."""
    depth = 1
    for number, found in enumerate(_MARK.finditer(text, 1)):
        if number % _MARKS == 0:
            check_deadline()
        if (mark := found[1]) is None:
            return
        depth += _BRACKETS.get(mark, 0)
        if depth <= 1:
            yield mark, found.start(1), depth


def members(text: str, check_deadline: CheckDeadline) -> dict[str, str]:
    """Return the members of a JSON object as JSON texts by name.

    Raises:
        CorruptRecordError: it is not an object, or it is cut off.

    """
    return {name.strip().strip('"'): value for name, value in _parts(text, "{}", ":", check_deadline)}


def elements(text: str, check_deadline: CheckDeadline) -> Iterator[str]:
    """Yield the elements of a JSON array as JSON texts.

    Raises:
        CorruptRecordError: it is not an array, or it is cut off.

    """
    for _, element in _parts(text, "[]", "", check_deadline):
        yield element
