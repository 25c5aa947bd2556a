"""Normalises tags of AWS as Datadog does: https://docs.datadoghq.com/getting_started/tagging/."""

from collections.abc import Iterable

import regex

MAX_CHARACTERS = 200
_OTHERS = regex.compile(r"[^\p{L}\p{N}\-:./]+")  # underscores among them, so that runs become a single one
_INVALID_START = regex.compile(r"^[_\p{N}]+")


def normalised(tags: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return pairs of key and value as `key:value`, or `key` where there is no value; without a key, nothing."""
    return tuple(dict.fromkeys(tag for key, value in tags if (tag := _tag(key, value))))


def _tag(key: str, value: str) -> str:
    key = _INVALID_START.sub("", _clean(key.replace(":", "_")))
    tag = f"{key}:{value}" if (value := _clean(value)) else key
    return tag[:MAX_CHARACTERS].rstrip("_") if key else ""


def _clean(text: str) -> str:
    return _OTHERS.sub("_", text.lower()).rstrip("_")
