"""Runs the example under Lambda's runtime client and returns what it printed, as CloudWatch Logs would have it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_run.emulator import ROOT, Emulator
from tests.deploy.cloudformation import load

EXAMPLE = ROOT / "examples" / "coffee-house"
PACKAGES = ROOT / ".venv-compat"
NAME = "coffee-house"
ORDERS = {"cold start": "latte", "warm start": "latte", "failure": "mocha"}

STARTS = re.compile(r"^(?=START RequestId: )", re.MULTILINE)
# The emulator's line is the platform's except for the order of its fields: its first is the platform's last. The values
# are its own: the configured memory as the used, and a cold start's imports in Duration, not in Init Duration.
REPORT = re.compile(r"^(REPORT RequestId: \S+\t)(Init Duration: \S+ ms\t)?(.*\t)$", re.MULTILINE)
KINDS = {"platform": ("START ", "END ", "REPORT "), "metrics": ('{"m"',), "traces": ('{"traces"',)}


@dataclass(frozen=True)
class Invocation:
    """One invocation's log events, in order, each with its newline, and what went wrong if it failed."""

    name: str
    events: list[str]
    error: str | None

    def of_kind(self, kind: str) -> list[str]:
        """Return the log events that are `platform`, `metrics`, `traces`, or anything else: `logs`."""
        return [event for event in self.events if kind_of(event) == kind]


def kind_of(event: str) -> str:
    """Classify a line that the function or the platform printed by its beginning, independently of the forwarder."""
    return next((kind for kind, beginnings in KINDS.items() if event.startswith(beginnings)), "logs")


def run(directory: Path) -> list[Invocation]:
    """Send the orders, one after another, to one instance of the function. Raises RunError."""
    function = load(EXAMPLE / "template.yaml")["Resources"]["Orders"]["Properties"]
    log = directory / "coffee-house.log"
    with (
        _loyalty_service() as url,
        Emulator(
            function["Handler"],
            environ=_environ(function, url),
            log_path=log,
            timeout=function["Timeout"],
            memory=function["MemorySize"],
        ) as emulator,
    ):
        errors = [emulator.invoke({"product": product}).error for product in ORDERS.values()]
    printed = STARTS.split(log.read_bytes().decode())[1:]
    return [
        Invocation(name, list(_events(text)), error) for name, text, error in zip(ORDERS, printed, errors, strict=True)
    ]


def _environ(function: dict[str, Any], url: str) -> dict[str, str]:
    """Return the function's environment as deployed; its packages are on the path, as those of a layer would be."""
    packages = next(PACKAGES.glob("lib/python*/site-packages"))
    return {
        **function["Environment"]["Variables"],
        "LOYALTY_URL": url,
        "AWS_LAMBDA_FUNCTION_NAME": NAME,
        "PYTHONPATH": f"{EXAMPLE}:{packages}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _events(printed: str) -> Iterator[str]:
    r"""Yield the log events of an invocation. In an error that the runtime reports, `\r` stands for the newline."""
    for line in REPORT.sub(r"\1\3\2", printed).removesuffix("\n").split("\n"):
        yield line.replace("\r", "\n") + "\n"


class _Loyalty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def _loyalty_service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Loyalty) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/points"
        finally:
            server.shutdown()
            thread.join()
