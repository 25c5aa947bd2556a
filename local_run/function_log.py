"""What the function complained about, out of what it printed."""

from pathlib import Path

import msgspec

MAX_COMPLAINTS = 5
COMPLAINTS = {"WARNING", "ERROR", "CRITICAL"}


class Line(msgspec.Struct):
    """As much of a line of the forwarder's own log as is shown here."""

    level: str
    message: str


def complaints(path: Path) -> list[str]:
    """Give the messages of warnings and errors, each once, in order, and not more than `MAX_COMPLAINTS`."""
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
