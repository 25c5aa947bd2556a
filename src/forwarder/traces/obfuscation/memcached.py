"""Removes the stored values from Memcached commands."""

import re

from forwarder.traces.obfuscation.marks import MASK

_STORAGE = frozenset({"set", "add", "replace", "append", "prepend", "cas"})
# Flags, expiry, number of bytes, and the `cas` token; the value is on the next line.
_HEADER = re.compile(r"\d+ -?\d+ \d+(?: \d+)?(?: noreply)?")


def obfuscate(command: str) -> str:
    """Return the command line without the value, which follows the first line break or, in some libraries, the key."""
    line, has_value, _ = command.partition("\n")
    line = line.rstrip("\r")
    verb, _, after = line.partition(" ")
    key, _, rest = after.partition(" ")
    if not rest or verb.lower() not in _STORAGE or (has_value and _HEADER.fullmatch(rest)):
        return line
    return f"{verb} {key} {MASK}"
