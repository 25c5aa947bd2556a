"""Obfuscates tags that contain JSON with tags in it: events and links of a span, as some libraries print them."""

from collections.abc import Callable
from typing import Any

import msgspec

from forwarder.errors import UNREADABLE_JSON
from forwarder.traces.obfuscation import json_body

TAGS = ("events", "_dd.span_links")

Rewrite = Callable[[dict[str, str]], None]


def is_json(text: str) -> bool:
    """Return whether the string begins like an object or an array."""
    return text.lstrip()[:1] in {"{", "["}


def obfuscate(text: str, rewrite: Rewrite) -> str:
    """Return the JSON with the strings of each object rewritten by name; without any values if it is invalid."""
    try:
        return msgspec.json.encode(_rewritten(msgspec.json.decode(text), "", rewrite)).decode()
    except UNREADABLE_JSON:
        return json_body.obfuscate(text)


def _rewritten(value: Any, name: str, rewrite: Rewrite) -> Any:
    if isinstance(value, dict):
        strings = {name: member for name, member in value.items() if isinstance(member, str)}
        rewrite(strings)
        others = {name: member for name, member in value.items() if name not in strings}
        return {**value, **strings, **{name: _rewritten(member, name, rewrite) for name, member in others.items()}}
    if isinstance(value, list):
        return [_rewritten(member, name, rewrite) for member in value]
    if isinstance(value, str):
        strings = {name: value}
        rewrite(strings)
        return strings[name]
    return value
