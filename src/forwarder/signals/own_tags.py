"""A JSON message may have its own tags: a string under `ddtags`, which belongs among the log's tags instead."""

import json
import re

import msgspec
from msgspec import Raw

# The intake accepts 1 MB per log, and only the message can be cut. Tags longer than any real ones stay in the message.
MAX_CHARACTERS = 32_768

_STRING = r'"(?:[^"\\]++|\\.)*+"'
_NAME = r'"ddtags"\s*+:\s*+'
# Up to the next bracket outside strings (1), or else the next string under `ddtags` (2), maybe with a comma (3).
_NEXT = re.compile(
    rf'(?:[^"{{}}\[\]]++|(?!{_NAME}"){_STRING})*+(?:([{{}}\[\]])|({_NAME}{_STRING})(\s*+,\s*+)?)', re.DOTALL
)

_decode = msgspec.json.Decoder(dict[str, Raw]).decode


def take(message: str) -> tuple[str, str]:
    """Take the tags out of a message; return them, or an empty string if there are none, and the rest of the message.

    The rest stays as it was printed, for the user's patterns. `ddtags` that is not a string is left alone.
    """
    try:
        members = _members(message)
        tags = msgspec.json.decode(members.pop("ddtags", b'""'), type=str)
        if not tags.strip(" ,") or len(tags) > MAX_CHARACTERS:
            return "", message
        rest = _without_tags(message)
        if _members(rest) != members:  # `ddtags` is there twice, or spelled with escapes
            rest = msgspec.json.encode(members).decode() + _trailing_space(message)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: also a name with a lone surrogate
        return "", message
    return tags, rest


def _members(message: str) -> dict[str, Raw]:
    """Return the members of an object, also of one that only lenient parsers accept: `NaN`, lone surrogates."""
    try:
        return _decode(message)
    except msgspec.ValidationError:  # it is no object
        raise
    except (msgspec.DecodeError, UnicodeError):
        found = json.loads(message)
        return {name: Raw(json.dumps(value)) for name, value in found.items()} if isinstance(found, dict) else {}


def _without_tags(message: str) -> str:
    """Cut the first string under `ddtags` out of an object, ignoring nested objects."""
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
