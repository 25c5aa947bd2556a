"""Removes the values from JSON bodies of MongoDB, Elasticsearch and OpenSearch."""

import re

from forwarder.traces.obfuscation.marks import CUT_OFF

_VALUE = '"?"'

# A string followed by a colon, or in Ruby by `=>`, is a key, and stays. Possessive: an unclosed string costs
# one pass over the rest.
_TOKEN = re.compile(
    r"""\s*+(?:
        (?P<key>"(?:[^"\\]++|\\.)*+"\s*+(?::|=>))
        |(?P<value>"(?:[^"\\]++|\\.)*+"|-?\d[\d.eE+-]*+|(?:true|false|null|nil)\b|:\w++)
        |(?P<mark>[{}\[\],])
    )""",
    re.VERBOSE | re.DOTALL,
)
_OPENER = {"}": "{", "]": "["}


def obfuscate(text: str) -> str:
    """Return the JSON with `"?"` for each value that is not an object or an array; keys stay.

    There may be several documents, as in a bulk request. Where it stops being JSON, the result ends with `...`.
    """
    shown: list[str] = []
    open_: list[str] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        separator = " " if shown and not open_ else ""  # between documents
        found = _TOKEN.match(text, position)
        if not found or not _fits(found, shown[-1] if shown else "", open_):
            cut_value = _VALUE if shown and shown[-1].endswith((":", "=>")) else ""
            return "".join(shown) + cut_value + CUT_OFF
        shown.append(separator + (_VALUE if found["value"] else found[0].strip()))
        position = found.end()
    return "".join(shown) + (CUT_OFF if open_ else "")


def _fits(found: re.Match[str], before: str, open_: list[str]) -> bool:
    """Return whether a token is valid after the one before, and update `open_`."""
    if found["key"]:
        return open_[-1:] == ["{"] and before.endswith(("{", ","))
    mark = found["mark"]
    if mark in ("{", "["):
        open_.append(mark)
    elif mark in _OPENER:
        return bool(open_) and open_.pop() == _OPENER[mark]
    return True
