"""Servers that a run starts as processes of their own: each prints its URL on the first line."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local_run.function import RunError

ROOT = Path(__file__).resolve().parent.parent
READY = "listening on "
LOOPBACK = "127.0.0.1"
_START_SECONDS = 15
_STOP_SECONDS = 5


@contextmanager
def serving(what: str, arguments: Sequence[str | Path], log_path: Path) -> Iterator[str]:
    """Run `python -m <arguments>` until the `with` block is left; yield the URL on its first line.

    What it prints to its standard error goes to `log_path`. Raises RunError, which names `what`, if it does not start.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # so that Ctrl-C reaches the run alone, which ends this in order
        )
        try:
            if not (url := _url_when_ready(process)):
                raise RunError(f"The {what} did not start: {_reason(log_path)}")
            yield url
        finally:
            _end(process)


def _url_when_ready(process: subprocess.Popen[str]) -> str:
    """Return the URL in the first line that it prints, or an empty string if it ends or takes too long."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    timer = threading.Timer(_START_SECONDS, process.kill)
    timer.start()
    try:
        line = process.stdout.readline().strip()
    finally:
        timer.cancel()
    return line.removeprefix(READY) if line.startswith(READY) else ""


def _reason(log_path: Path) -> str:
    return log_path.read_text(encoding="utf-8", errors="replace").strip() or "it printed nothing"


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
