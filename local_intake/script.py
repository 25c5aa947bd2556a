"""Responses that fail on purpose: a list of steps, of which each request to the intake takes one, in order."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from local_intake.records import Signal, is_success

HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]+\Z")]
HeaderValue = Annotated[str, Meta(pattern=r"^[\x20-\x7e]*\Z")]


class ScriptError(ValueError):
    """An invalid script: one sentence that says where and why."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to do with the next request that matches, or with the next `times` such requests.

    It matches if it is of the `signal`, if one is named, and if its body, decompressed, `contains` the text.

    No `status`, or a 2xx, means: check and store it as always, after `delay` seconds, and respond with `headers` and
    `body` if given. Any other status is returned and stores nothing, unless `then_accept` asks to store it anyway,
    like an intake that fails after it has done the work. A 2xx with a `body` of HTML stores nothing either: that is
    the response of a proxy or a login page, not of an intake.
    """

    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    headers: dict[HeaderName, HeaderValue] = {}
    body: str | None = None
    delay: Annotated[float, Meta(ge=0)] = 0
    signal: Signal | None = None
    contains: str = ""
    times: Annotated[int, Meta(ge=1)] = 1
    then_accept: bool = False

    @property
    def is_html(self) -> bool:
        """Whether the scripted body is a web page."""
        return (self.body or "").lstrip().startswith("<")

    @property
    def is_error(self) -> bool:
        """Whether the scripted status says that the request was not taken."""
        return self.status is not None and not is_success(self.status)

    @property
    def stores(self) -> bool:
        """Whether the request is checked and stored."""
        return self.then_accept or not (self.is_error or self.is_html)


ACCEPT = Step()


class Script:
    """The steps that are left. Safe to replace from one thread while another serves requests."""

    def __init__(self, steps: Iterable[Step | Mapping[str, object]] = ()) -> None:
        self._lock = threading.Lock()
        self._steps: list[Step] = []
        self.replace(steps)

    def replace(self, steps: Iterable[Step | Mapping[str, object]]) -> None:
        """Start over with these steps, each a `Step` or a mapping of its fields; `ScriptError` if one is wrong."""
        with _explaining():
            checked = msgspec.convert([_plain(step) for step in steps], list[Step])
        with self._lock:
            self._steps = checked

    def take(self, signal: Signal, body: Callable[[], bytes]) -> Step:
        """Take the first step that matches a request of this signal and body; if none does, the request is accepted."""
        with self._lock:
            for position, step in enumerate(self._steps):
                if step.signal in (None, signal) and (not step.contains or step.contains.encode() in body()):
                    left = msgspec.structs.replace(step, times=step.times - 1)
                    self._steps[position : position + 1] = [left] if left.times else []
                    return step
        return ACCEPT

    def remaining(self) -> list[Step]:
        """List the steps that no request has taken yet."""
        with self._lock:
            return list(self._steps)


def parse_json(text: bytes) -> list[Step]:
    """Read a JSON list of steps; `ScriptError` if it is not one."""
    with _explaining():
        return msgspec.json.decode(text, type=list[Step])


def parse_argument(text: str) -> list[Step]:
    """Read a script from a command line: `@file.json`, or `STATUS[:RETRY_AFTER_SECONDS]` separated by commas."""
    if text.startswith("@"):
        try:
            return parse_json(Path(text[1:]).read_bytes())
        except OSError as error:
            raise ScriptError(f"The script {text[1:]} cannot be read: {error.strerror}.") from None
    with _explaining():
        return [_short_step(word.strip()) for word in text.split(",")]


def _short_step(word: str) -> Step:
    status, _, retry_after = word.partition(":")
    if not status.isdecimal():
        raise ScriptError(f'A step is STATUS or STATUS:RETRY_AFTER_SECONDS, such as 429:1, not "{word}".')
    headers = {"Retry-After": retry_after} if retry_after else {}
    return msgspec.convert({"status": int(status), "headers": headers}, Step)


def _plain(step: Step | Mapping[str, object]) -> object:
    return msgspec.to_builtins(step) if isinstance(step, Step) else dict(step)


@contextmanager
def _explaining() -> Iterator[None]:
    """Turn errors of decoding into `ScriptError`."""
    try:
        yield
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ScriptError(f"The script is not a list of steps: {error}.") from None
