"""Tags that hold JSON with tags in it: the events and links of a span, as some libraries print them."""

from collections.abc import Callable
from typing import Any

import msgspec

from forwarder.errors import UNREADABLE_JSON
from forwarder.traces.obfuscation import json_body

TAGS = ("events", "_dd.span_links")

Rewrite = Callable[[dict[str, str]], None]


def is_json(text: str) -> bool:
    """Tell whether the text begins like an object or an array."""
    return text.lstrip()[:1] in {"{", "["}


def obfuscate(text: str, rewrite: Rewrite) -> str:
    """Return the JSON with the texts of each of its objects rewritten in place, by name; no values if it is broken."""
    try:
        return msgspec.json.encode(_rewritten(msgspec.json.decode(text), "", rewrite)).decode()
    except UNREADABLE_JSON:
        return json_body.obfuscate(text)


def _rewritten(value: Any, name: str, rewrite: Rewrite) -> Any:
    if isinstance(value, dict):
        texts = {name: member for name, member in value.items() if isinstance(member, str)}
        rewrite(texts)
        others = {name: member for name, member in value.items() if name not in texts}
        return {**value, **texts, **{name: _rewritten(member, name, rewrite) for name, member in others.items()}}
    if isinstance(value, list):
        return [_rewritten(member, name, rewrite) for member in value]
    if isinstance(value, str):
        texts = {name: value}
        rewrite(texts)
        return texts[name]
    return value
