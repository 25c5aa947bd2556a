"""Reads the text that a CloudWatch Logs document is made from. README.md explains the format."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local_run.wrap import log_event_id

CONTROL_MESSAGE = "CONTROL_MESSAGE"
DEFAULTS = {"message-type": "DATA_MESSAGE", "owner": "123456789012", "filter": "datadog-forwarder"}
REQUIRED = {"log-group", "log-stream", "start"}
# Characters that are invisible in an editor, by Unicode's symbols for them.
PICTURES = str.maketrans({"␉": "\t", "␊": "\n", "␍": "\r", "⍽": "\u00a0"})
MESSAGE_LINE = re.compile(r"\s*(?:\+(?P<milliseconds>\d+) *)?\| ?(?P<text>.*)")


class TextError(Exception):
    """A text from which no event can be made; names the file and the line."""


@dataclass
class Message:
    """A log event before it has an id: `milliseconds` after the start, and what it says."""

    milliseconds: int
    text: str


def parse(text: str, name: str) -> dict[str, Any]:
    """Return the subscription document that a text describes. Raises TextError."""
    lines = list(enumerate(text.split("\n"), start=1))
    blank = next((index for index, (_, line) in enumerate(lines) if not line.strip()), len(lines))
    header = _header(lines[:blank], name)
    start = _milliseconds(header["start"], name)
    return _document(header, start, _messages(lines[blank:], name))


def _header(lines: list[tuple[int, str]], name: str) -> dict[str, str]:
    header = dict(DEFAULTS)
    for number, line in lines:
        key, colon, value = line.partition(":")
        if not colon or key not in REQUIRED | DEFAULTS.keys():
            raise TextError(f"{name}, line {number}: expected one of {', '.join(sorted(REQUIRED | DEFAULTS.keys()))}.")
        header[key] = value.strip()
    if missing := REQUIRED - header.keys():
        raise TextError(f"{name}: the header lacks {', '.join(sorted(missing))}.")
    return header


def _milliseconds(start: str, name: str) -> int:
    try:
        return int(datetime.fromisoformat(start).timestamp() * 1000)
    except ValueError:
        raise TextError(f"{name}: start is {start!r}, expected a time such as 2026-11-22T10:24:31.000Z.") from None


def _messages(lines: list[tuple[int, str]], name: str) -> list[Message]:
    messages: list[Message] = []
    for number, line in lines:
        if not line.strip():
            continue
        match = MESSAGE_LINE.fullmatch(line)
        if match is None or not (messages or match["milliseconds"]):
            raise TextError(f"{name}, line {number}: expected '+<milliseconds> | text', or '| text' to continue one.")
        text = match["text"].translate(PICTURES)
        if match["milliseconds"]:
            messages.append(Message(int(match["milliseconds"]), text))
        else:
            messages[-1].text += text
    return messages


def _document(header: dict[str, str], start: int, messages: list[Message]) -> dict[str, Any]:
    is_control = header["message-type"] == CONTROL_MESSAGE
    return {
        "messageType": header["message-type"],
        "owner": header["owner"],
        "logGroup": header["log-group"],
        "logStream": header["log-stream"],
        "subscriptionFilters": [] if is_control else [header["filter"]],
        "logEvents": [
            {
                "id": "" if is_control else log_event_id(start + message.milliseconds, sequence),
                "timestamp": start + message.milliseconds,
                "message": message.text,
            }
            for sequence, message in enumerate(messages, start=1)
        ],
    }
