"""Extracts warnings and errors from what the function printed."""

from pathlib import Path

import msgspec

MAX_COMPLAINTS = 5
COMPLAINTS = {"WARNING", "ERROR", "CRITICAL"}


class Line(msgspec.Struct):
    """The part of a line of the forwarder's own log that is shown here."""

    level: str
    message: str


def complaints(path: Path) -> list[str]:
    """Return the messages of warnings and errors, each once, in order, at most `MAX_COMPLAINTS`."""
    found: dict[str, None] = {}
    decode = msgspec.json.Decoder(Line).decode
    with path.open("rb") as log:
        for text in log:
            if not text.startswith(b"{"):
                continue  # what the runtime prints
            try:
                line = decode(text)
            except msgspec.MsgspecError:
                continue
            if line.level in COMPLAINTS:
                found[f"{line.level}: {line.message}"] = None
            if len(found) == MAX_COMPLAINTS:
                break
    return list(found)
