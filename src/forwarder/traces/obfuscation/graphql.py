"""Removes the literals from GraphQL documents."""

import re

from forwarder.traces.obfuscation.marks import MASK

# Names and variables stay, including their digits. An unclosed string extends to the end.
_TOKEN = re.compile(
    r"""(?P<name>\$?[A-Za-z_]\w*+)
        |(?P<comment>\#[^\r\n]*+)
        |"{3}(?:[^"\\]++|\\"{3}|\\|"(?!""))*+(?:"{3}|\Z)
        |"(?:[^"\\\r\n]++|\\.)*+(?:"|.*)
        |-?\d[\w.+-]*+
    """,
    re.VERBOSE | re.DOTALL,
)


def obfuscate(document: str) -> str:
    """Return the document with `?` for its strings and numbers, and without comments."""
    return _TOKEN.sub(_shown, document)


def _shown(found: re.Match[str]) -> str:
    if found["name"]:
        return found[0]
    return "" if found["comment"] else MASK
