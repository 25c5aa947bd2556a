"""Memcached commands without what they store."""

import re

from forwarder.traces.obfuscation.marks import MASK

_STORAGE = frozenset({"set", "add", "replace", "append", "prepend", "cas"})
# Flags, seconds and the number of bytes, and what `cas` compares; the value is on the next line.
_HEADER = re.compile(r"\d+ -?\d+ \d+(?: \d+)?(?: noreply)?")


def obfuscate(command: str) -> str:
    """Return the command's line without the value, which follows the first line break, or, printed by some, the key."""
    line, has_value, _ = command.partition("\n")
    line = line.rstrip("\r")
    verb, _, after = line.partition(" ")
    key, _, rest = after.partition(" ")
    if not rest or verb.lower() not in _STORAGE or (has_value and _HEADER.fullmatch(rest)):
        return line
    return f"{verb} {key} {MASK}"
