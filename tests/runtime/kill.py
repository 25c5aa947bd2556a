"""Kills the function again and again while events flow, and counts what arrived in the end.

The real handler runs under the Runtime Interface Emulator, moto's server is its S3, and the local intake fails a third
of all requests. SIGKILL comes at random moments, chosen by the seed. An event whose invocation failed is retried as
Lambda does: twice, then it goes to the on-failure destination.
"""

import json
import logging
import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from local_intake.server import LocalIntake
from local_run.emulator import Emulator
from local_run.function import FunctionDiedError
from tests.builders import awslogs_event
from tests.fakes import invocation_record

EVENTS, LINES = 200, 4
DELIVERIES = 3  # of an asynchronous event
AIMED_AT = 0.5  # of the invocations; a kill that comes after the response does nothing
# Seconds within which a kill comes: a warm invocation takes some hundredths, a cold one half a second.
LATEST_KILLS = (0.01, 0.03, 0.1, 0.5)
EVERY_SO_MANY_EVENTS = 40  # there is a replay
MAX_REPLAYS = 10
TIMEOUT = 10  # seconds, of the function
REGION, BUCKET, FUNCTION = "us-east-1", "orders-failed-events", "datadog-forwarder"
ON_FAILURE = f"aws/lambda/async/{FUNCTION}/"
RETRY = {"retry": True}
CREDENTIALS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
MARK = "FORWARDER_KILL_TEST"  # a variable that distinguishes our functions from others

AT_ONCE = {"Retry-After": "0"}
# A third fails. Each of these lets the batch be retried, or has it stored at once.
FAILURES: list[dict[str, object]] = [
    {"status": 503, "headers": AT_ONCE},
    {"status": 429, "headers": AT_ONCE},
    {"status": 429, "headers": {"Retry-After": "600"}},
    {"status": 403},
    {"status": 200, "body": "<html>Sign in</html>"},
]


@dataclass
class Figures:
    """What happened under one seed. `stored` counts batches and events that waited for the replays at the end."""

    seed: int
    events: int = EVENTS
    lines: int = EVENTS * LINES
    kills: int = 0
    resent: int = 0
    given_up: int = 0
    stored: int = 0
    replays: int = 0
    left: int = 0
    missing: int = 0
    duplicates: int = 0
    seconds: float = 0.0


class Killer:
    """Kills the function's process group while it handles an event; the emulator restarts it for the next."""

    def __init__(self, dice: random.Random, mark: str) -> None:
        self._dice = dice
        self._mark = mark.encode()
        self.kills = 0

    def aim(self) -> threading.Timer:
        """Start the timer of a kill, which `cancel` stops."""
        timer = threading.Timer(self._dice.uniform(0, self._dice.choice(LATEST_KILLS)), self._kill)
        timer.start()
        return timer

    def _kill(self) -> None:
        for pid in self._runtimes():
            with suppress(ProcessLookupError):
                os.killpg(os.getpgid(pid), signal.SIGKILL)
                self.kills += 1

    def _runtimes(self) -> Iterator[int]:
        """Find the process by a variable that only it and the emulator have."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                is_runtime = b"awslambdaric" in (process / "cmdline").read_bytes().split(b"\0")[2:3]
                if is_runtime and self._mark in (process / "environ").read_bytes():
                    yield int(process.name)


class Run:
    """One seed: a function, its intake and its bucket."""

    def __init__(self, seed: int, folder: Path, intake: LocalIntake, endpoint: str) -> None:
        self._dice = random.Random(seed)
        self._intake = intake
        self._s3 = bucket_at(endpoint)
        mark = uuid.uuid4().hex
        self._killer = Killer(self._dice, mark)
        self._environ = environ_of(intake.url, endpoint) | {MARK: mark}
        self._log_path = folder / "function.log"
        self._emulators = ExitStack()
        self.figures = Figures(seed)

    def play(self) -> Figures:
        """Send all events, then stop all faults and replay until nothing is left."""
        began = time.monotonic()
        self._intake.script.replace([self._step() for _ in range(EVENTS * LINES * DELIVERIES)])
        with self._emulators:
            self._start()
            for number in range(EVENTS):
                self._send(_event(number))
                if number % EVERY_SO_MANY_EVENTS == 0:
                    self._invoke(RETRY)
            self.figures.stored = len(self._names())
            self._intake.script.replace([])
            self._replay()
        self.figures.left = len(self._names())
        self.figures.kills = self._killer.kills
        self._compare()
        self.figures.seconds = round(time.monotonic() - began, 1)
        return self.figures

    def _start(self) -> None:
        """Start a sandbox, after the previous one has been stopped."""
        self._emulators.close()
        emulator = Emulator(
            "forwarder.handler.lambda_handler", environ=self._environ, log_path=self._log_path, timeout=TIMEOUT
        )
        self._emulator = self._emulators.enter_context(emulator)

    def _step(self) -> dict[str, object]:
        return self._dice.choice(FAILURES) if self._dice.random() < 1 / 3 else {}

    def _send(self, event: dict[str, Any]) -> None:
        """Send an event as Lambda does."""
        for delivery in range(DELIVERIES):
            self.figures.resent += delivery > 0
            if self._invoke(event):
                return
        self.figures.given_up += 1
        self._s3.put_object(Bucket=BUCKET, Key=f"{ON_FAILURE}{uuid.uuid4()}", Body=invocation_record(event))

    def _invoke(self, event: dict[str, Any]) -> bool:
        """Invoke once, and kill the function now and then; return whether it responded."""
        bullet = self._killer.aim() if self._dice.random() < AIMED_AT else None
        try:
            return self._emulator.invoke(event).error is None
        except FunctionDiedError:  # sometimes the kill hits the emulator too, as if the sandbox were gone
            self._start()
            return False
        finally:
            if bullet:
                bullet.cancel()
                bullet.join()

    def _replay(self) -> None:
        """Replay until the bucket is empty, killed now and then as before."""
        while self._names() and self.figures.replays < MAX_REPLAYS:
            # The lease of a replay that was killed expires, but not within the time of a test.
            self._s3.delete_object(Bucket=BUCKET, Key=f"failed_events/{FUNCTION}/lease.json")
            self._invoke(RETRY)
            self.figures.replays += 1

    def _names(self) -> list[str]:
        found = [
            entry["Key"]
            for prefix in (f"failed_events/{FUNCTION}/pending/", ON_FAILURE)
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
            for entry in page.get("Contents", ())
        ]
        return sorted(found)

    def _compare(self) -> None:
        arrived = Counter(str(log.message) for log in self._intake.store.logs())
        arrived.update(f"probe {each.value:.0f}" for each in self._intake.store.metrics() if each.name == "probe")
        expected = {text for number in range(EVENTS) for text in _texts(number)}
        self.figures.missing = len(expected - arrived.keys())
        self.figures.duplicates = arrived.total() - len(arrived)


def environ_of(intake: str, endpoint: str) -> dict[str, str]:
    """Return the settings of a function whose intake and S3 are these."""
    return {
        "DD_API_KEY": "0123456789abcdef0123456789abcdef",
        "DD_URL": intake,
        "DD_API_URL": intake,
        "DD_S3_BUCKET_NAME": BUCKET,
        "AWS_ENDPOINT_URL_S3": endpoint,
        **{variable.upper(): secret for variable, secret in CREDENTIALS.items()},
    }


def bucket_at(endpoint: str) -> Any:
    """Create the bucket, and return an S3 client."""
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name=REGION, **CREDENTIALS)
    s3.create_bucket(Bucket=BUCKET)
    return s3


def _texts(number: int) -> list[str]:
    """Return what has to arrive from an event: logs and a metric."""
    return [*(f"event {number} line {line}" for line in range(LINES - 1)), f"probe {number}"]


def _event(number: int) -> dict[str, Any]:
    *logs, _ = _texts(number)
    return awslogs_event([*logs, json.dumps({"m": "probe", "v": number, "e": int(time.time()), "t": []})])


@contextmanager
def servers() -> Iterator[tuple[LocalIntake, str]]:
    """Run an intake and an S3; yield the intake and the address of S3."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # moto's server logs every request
    aws = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    aws.start()
    try:
        with LocalIntake() as intake:
            yield intake, "http://{}:{}".format(*aws.get_host_and_port())
    finally:
        aws.stop()


def run(seed: int, folder: Path) -> Figures:
    """Run one seed with servers of its own."""
    with servers() as (intake, endpoint):
        return Run(seed, folder, intake, endpoint).play()
