"""GraphQL documents without their literals."""

import re

from forwarder.traces.obfuscation.marks import MASK

# A name or a variable stays, digits and all. What opens a string and does not close it takes the rest.
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
