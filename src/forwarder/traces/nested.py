"""Rewrites the nested values of spans: attributes of events and links, structures."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec.msgpack import Ext

from forwarder.errors import MaskingError
from forwarder.traces.spans import Rename

# Takes the name and value of a string or number; returns the new value.
Rewrite = Callable[[str, Any], Any]


def rewritten(value: Any, rewrite: Rewrite, rename: Rename = str, name: str = "") -> Any:
    """Rewrite every string and number in nested values; bytes are decoded for this, and remain bytes."""
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
        MaskingError: it cannot be decoded.

    """
    try:
        return msgspec.msgpack.encode(rewritten(msgspec.msgpack.decode(packed), rewrite, rename, name))
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        raise MaskingError("meta_struct cannot be read, and so not masked") from None


def joined(members: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return a dict of members. Where renaming has produced duplicates, later ones are numbered: none is lost."""
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
