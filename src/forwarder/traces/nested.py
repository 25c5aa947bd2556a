"""Walks through the values that spans carry besides their tags: attributes of events and links, structures."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec.msgpack import Ext

from forwarder.errors import MaskingError
from forwarder.traces.spans import Rename

# Takes the name that a text or number goes by, and itself; returns what is to stand there.
Rewrite = Callable[[str, Any], Any]


def rewritten(value: Any, rewrite: Rewrite, rename: Rename = str, name: str = "") -> Any:
    """Rewrite every text and number in nested values; bytes are looked at as text, and stay what they are otherwise."""
    if isinstance(value, dict):
        return joined(
            (_renamed(key, rename), rewritten(found, rewrite, rename, str(key))) for key, found in value.items()
        )
    if isinstance(value, list | tuple):
        return type(value)(rewritten(found, rewrite, rename, name) for found in value)
    if isinstance(value, bytes):
        text: str = rewrite(name, value.decode(errors="surrogateescape"))
        return text.encode(errors="surrogateescape")
    if isinstance(value, Ext):
        return Ext(value.code, rewritten(value.data, rewrite, rename, name))
    return rewrite(name, value)


def struct_rewritten(packed: bytes, rewrite: Rewrite, rename: Rename = str, name: str = "") -> bytes:
    """Rewrite a structure of `meta_struct`, which is MessagePack.

    Raises:
        MaskingError: it cannot be read.

    """
    try:
        return msgspec.msgpack.encode(rewritten(msgspec.msgpack.decode(packed), rewrite, rename, name))
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        raise MaskingError("meta_struct cannot be read, and so not masked") from None


def joined(members: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return a dict of members. Where names have become the same, the later are numbered: none is lost."""
    members = list(members)
    found = dict(members)
    if len(found) == len(members):
        return found
    found = {}
    for number, (name, value) in enumerate(members):
        free = name
        while free in found:
            free = f"{free}.{number}"
        found[free] = value
    return found


def _renamed(key: Any, rename: Rename) -> Any:
    if isinstance(key, bytes):
        return rewritten(key, lambda _, text: rename(text))
    return rename(key) if isinstance(key, str) else key
