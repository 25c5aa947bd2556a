"""A JSON message may bring tags of its own: a text under `ddtags`, which belongs among the log's tags instead."""

import json
import re

import msgspec
from msgspec import Raw

# The intake takes 1 MB a log, and only the message can be cut. Longer tags than any real ones stay where they are.
LONGEST = 32_768

_STRING = r'"(?:[^"\\]++|\\.)*+"'
_NAME = r'"ddtags"\s*+:\s*+'
# Up to the next bracket outside of strings (1), or else the next text under `ddtags` (2), maybe with a comma (3).
_NEXT = re.compile(
    rf'(?:[^"{{}}\[\]]++|(?!{_NAME}"){_STRING})*+(?:([{{}}\[\]])|({_NAME}{_STRING})(\s*+,\s*+)?)', re.DOTALL
)

_decode = msgspec.json.Decoder(dict[str, Raw]).decode


def take(message: str) -> tuple[str, str]:
    """Take the tags out of a message; return them, or the empty text if there are none, and the rest of the message.

    The rest stays as it was printed: the user's patterns go by that. `ddtags` of any type but text are left alone.
    """
    try:
        members = _members(message)
        tags = msgspec.json.decode(members.pop("ddtags", b'""'), type=str)
        if not tags.strip(" ,") or len(tags) > LONGEST:
            return "", message
        rest = _without_tags(message)
        if _members(rest) != members:  # `ddtags` is there twice, or spelled with escapes
            rest = msgspec.json.encode(members).decode() + _trailing_space(message)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # a ValueError: also a name that is half a surrogate
        return "", message
    return tags, rest


def _members(message: str) -> dict[str, Raw]:
    """Return the members of an object, also of one that only lenient readers take: `NaN`, halves of surrogates."""
    try:
        return _decode(message)
    except msgspec.ValidationError:  # it is no object
        raise
    except (msgspec.DecodeError, UnicodeError):
        found = json.loads(message)
        return {name: Raw(json.dumps(value)) for name, value in found.items()} if isinstance(found, dict) else {}


def _without_tags(message: str) -> str:
    """Cut the first text under `ddtags` out of an object, but for those of what is nested in it."""
    depth = 0
    for found in _NEXT.finditer(message):
        bracket, _, comma = found.groups()
        if bracket:
            depth += 1 if bracket in "{[" else -1
            if depth == 0:
                break
        elif depth == 1:
            before = message[: found.start(2)]
            return (before if comma else before.rstrip().removesuffix(",")) + message[found.end() :]
    return message


def _trailing_space(message: str) -> str:
    return message[len(message.rstrip()) :]
