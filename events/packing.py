"""Packs what AWS packs: in the JSON of a text, an object whose only key is a keyword below stands for a value.

Keywords may be nested: `{"$base64": {"$gzip": {"$json": {"$document": "awslogs.rds-postgresql"}}}}` is what
CloudWatch Logs puts into Kinesis.
"""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

from events.documents import TextError

GZIPPED = "H4sI"  # the beginning of gzip in base64


def pack(value: Any, document: Callable[[str], dict[str, Any]]) -> Any:
    """Return a JSON value with all keywords replaced; `document` finds a CloudWatch Logs document by its text's name.

    Raises TextError for an unknown keyword.
    """
    if isinstance(value, list):
        return [pack(each, document) for each in value]
    if not isinstance(value, dict):
        return value
    inner = {name: pack(each, document) for name, each in value.items()}
    name = next(iter(inner), "")
    if len(inner) != 1 or not name.startswith("$"):
        return inner
    if name == "$document":
        return document(inner[name])
    if name not in KEYWORDS:
        raise TextError(f"{name} is not known; expected one of {', '.join(sorted([*KEYWORDS, '$document']))}.")
    return KEYWORDS[name](inner[name])


def unpacked(value: Any) -> Any:
    """Return a JSON value with all gzip in it inflated, to compare: the output of zlib differs between versions."""
    if isinstance(value, list):
        return [unpacked(each) for each in value]
    if isinstance(value, dict):
        return {name: unpacked(each) for name, each in value.items()}
    return _inflated(value) if isinstance(value, str) and value.startswith(GZIPPED) else value


def _inflated(text: str) -> bytes | str:
    try:
        return gzip.decompress(base64.b64decode(text, validate=True))
    except (binascii.Error, EOFError, OSError, zlib.error):
        return text  # a sample of what is corrupt


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _gzip(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def _base64(content: str | bytes) -> str:
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode("ascii")


KEYWORDS: dict[str, Callable[[Any], Any]] = {"$json": _json, "$gzip": _gzip, "$base64": _base64}
