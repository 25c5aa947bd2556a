"""One run: start the intake and the handler, send the events, compare what both report."""

import json
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local_run.emulator import Emulator, EmulatorUnavailableError, install
from local_run.function import Function, RunError
from local_run.in_process import InProcess
from local_run.intake import Intake
from local_run.ledger import Entry, Ledger, plural
from local_run.process import ROOT
from local_run.wrap import MAX_MESSAGE_BYTES, Wrapper

HANDLER = "forwarder.handler.lambda_handler"
EVENTS = ROOT / "events"
CORRUPT = ".corrupt-"  # in the name of a sample that is there to be rejected
FILES = ROOT / ".cache" / "run"
GZIP = b"\x1f\x8b"
SET_BY_THE_RUN = {"DD_URL", "DD_API_URL", "DD_TRACE_INTAKE_URL", "DD_NO_SSL"}
# What the user may change. The local intake takes any key.
DEFAULTS = {"DD_API_KEY": "0" * 32, "DD_LOG_LEVEL": "INFO"}
WRONG_SETTING = "ConfigurationError: "  # fails every event in the same way

Send = Callable[[str, dict[str, Any]], Entry]  # takes an event's name, and the event


@dataclass
class Outcome:
    """What a run found: the ledger, where the handler ran, and for a log file its size and how long it took.

    `files` is the directory with the intake's store and the function's log; `complaints` are the warnings in that log;
    `unused` are settings in the shell's environment that the run ignored.
    """

    files: Path
    ledger: Ledger = field(default_factory=Ledger)
    where: str = ""
    bytes_read: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def store(self) -> Path:
        """The SQLite file with what arrived."""
        return self.files / "intake.sqlite"

    @property
    def function_log(self) -> Path:
        """What the function printed."""
        return self.files / "function.log"


def load_events(path: Path | None) -> dict[str, dict[str, Any]]:
    """Read one event, or all sample events that can be delivered, sorted by name. Raises RunError."""
    paths = [path] if path else sorted(each for each in EVENTS.glob("*.json") if CORRUPT not in each.name)
    if not paths:
        raise RunError(f"There are no events in {EVENTS}: run `make events`.")
    return {each.stem: _load_event(each) for each in paths}


def _load_event(path: Path) -> dict[str, Any]:
    try:
        event = json.loads(path.read_bytes())
    except OSError as error:
        raise RunError(f"The event {path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise RunError(f"The event {path} is not JSON; to send a text file, give it as LOG.") from None
    if not isinstance(event, dict):
        raise RunError(f"The event {path} must be a JSON object, as Lambda hands it to a function.")
    if str(event.get("check", "")).lower() == "true":
        raise RunError(f"The event {path} asks for a check of the settings: run `make check-delivery` instead.")
    return event


def check_log(path: Path) -> None:
    """Raise RunError unless it is a file with text in it. A pipe can be read only once."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RunError(f"The log {path} is not a regular file: write its content to one first.")
        with path.open("rb") as stream:
            start = stream.read(len(GZIP))
    except OSError as error:
        raise RunError(f"The log {path} cannot be read: {error.strerror}.") from None
    if not start:
        raise RunError(f"The log {path} is empty: there is nothing to send.")
    if start == GZIP:
        raise RunError(f"The log {path} is gzip: unpack it first.")


def check_settings(settings: dict[str, str]) -> None:
    """Raise RunError if one of them would send the data somewhere else."""
    for name in sorted(SET_BY_THE_RUN & settings.keys()):
        raise RunError(f"{name} is set by the run: everything goes to the local intake.")


@contextmanager
def running(settings: dict[str, str], outcome: Outcome, *, in_process: bool) -> Iterator[tuple[Intake, Function]]:
    """Start the intake and the forwarder that sends to it; stop both.

    With `in_process`, or where the emulator cannot run, the handler is called in this process.
    """
    check_settings(settings)
    with Intake(outcome.store) as intake:
        environ = {**DEFAULTS, **settings, **addresses(intake.url)}
        with started(HANDLER, environ, outcome.function_log, in_process=in_process) as (function, outcome.where):
            yield intake, function


@contextmanager
def started(
    handler: str, environ: dict[str, str], log_path: Path, *, in_process: bool
) -> Iterator[tuple[Function, str]]:
    """Start a handler; yield it and where it runs: `under …` or `in this process, …`."""
    with ExitStack() as stack:
        reason = "as requested."
        if not in_process:
            try:
                install()
                emulator = stack.enter_context(Emulator(handler, environ=environ, log_path=log_path))
            except EmulatorUnavailableError as error:
                reason = str(error)
            else:
                yield emulator, "under the Runtime Interface Emulator, with Lambda's runtime client."
                return
        function = stack.enter_context(InProcess(handler, environ=environ, log_path=log_path))
        yield function, f"in this process, not under Lambda's runtime: {reason}"


def addresses(url: str) -> dict[str, str]:
    """Return the settings that send everything to one intake."""
    return {"DD_URL": url, "DD_API_URL": url, "DD_TRACE_INTAKE_URL": url, "DD_NO_SSL": "true"}


def send_events(
    events: dict[str, dict[str, Any]], function: Function, outcome: Outcome, others: Mapping[str, Send] | None = None
) -> None:
    """Send events one after another; each is an entry in the ledger. A wrong setting stops the run.

    `others` are those that are not for the forwarder, by name.
    """
    sends = others or {}

    def forward(name: str, event: dict[str, Any]) -> Entry:
        return Entry.of(name, function.invoke(event))

    with _progress(MofNCompleteColumn()) as progress:
        task = progress.add_task("", total=len(events))
        for name, event in events.items():
            progress.update(task, description=name)
            entry = sends.get(name, forward)(name, event)
            outcome.ledger.entries.append(entry)
            progress.advance(task)
            if entry.fails_with(WRONG_SETTING):
                break
    if unsent := len(events) - len(outcome.ledger.entries):
        outcome.ledger.problems.append(f"Not sent for that reason: {plural(unsent, 'event')}.")


def send_log(path: Path, log_group: str, function: Function, outcome: Outcome) -> None:
    """Send a text file as subscription events of a log group; all of it is one entry in the ledger."""
    wrapper = Wrapper(log_group)
    entry = Entry(path.name)
    outcome.ledger.entries.append(entry)
    size = path.stat().st_size
    started = time.perf_counter()
    with path.open("rb") as stream, _progress(DownloadColumn()) as progress:
        task = progress.add_task(path.name, total=size)
        for wrapped in wrapper.wrap(stream):
            entry.add(Entry.of(path.name, function.invoke(wrapped.event)))
            progress.update(task, completed=wrapped.bytes_read)
            if entry.fails_with(WRONG_SETTING):
                break
        else:
            entry.problems += _shrunk(wrapper.bytes_read, size)
    outcome.seconds = time.perf_counter() - started
    outcome.bytes_read = wrapper.bytes_read
    outcome.notes = list(_notes(wrapper))
    if entry.lines != wrapper.lines and not entry.problems:
        entry.problems.append(f"{plural(wrapper.lines, 'line')} were sent, but the forwarder received {entry.lines:,}.")


def compare(intake: Intake, outcome: Outcome) -> None:
    """Compare the ledger with what the intake counted, if it still responds."""
    try:
        outcome.ledger.compare(intake.arrived())
    except RunError as error:
        outcome.ledger.problems.append(str(error))


def _shrunk(bytes_read: int, size: int) -> Iterator[str]:
    if bytes_read < size:
        yield f"The file became shorter while it was read: of {size:,} bytes, {bytes_read:,} were there."


def _notes(wrapper: Wrapper) -> Iterator[str]:
    if wrapper.cuts:
        longest = f"CloudWatch Logs takes in one log event, {MAX_MESSAGE_BYTES:,} bytes"
        yield f"Lines longer than {longest}, were cut; number of cuts: {wrapper.cuts:,}."
    if wrapper.replaced:
        yield f"Bytes that are not UTF-8 became U+FFFD; number of replacements: {wrapper.replaced:,}."


def _progress(amount: MofNCompleteColumn | DownloadColumn) -> Progress:
    console = Console(file=sys.stderr)  # not looked up later: in process, the function's output is redirected
    columns = (BarColumn(), amount, TimeElapsedColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
