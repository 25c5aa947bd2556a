"""Large objects through the real handler under the emulator: how much memory it takes, and whether each line arrives.

    python -m tests.runtime.large_objects --megabytes 100 1000 [--timeout 120]

prints the figures for gzip objects that inflate to that many megabytes. S3 is moto's server in a process of its own;
the intake only counts. Replays continue an object that takes longer than an invocation.
"""

import argparse
import sys
import tempfile
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import boto3
from isal import igzip

from local_intake.records import Contents, Request
from local_intake.server import LocalIntake
from local_intake.store import CountingStore
from local_run.emulator import Emulator
from local_run.process import serving
from tests.builders import s3_event
from tests.runtime.kill import BUCKET, CREDENTIALS, MARK, REGION, RETRY, environ_of

OBJECTS, KEY = "orders-logs", "app/large.log.gz"
MAX_INVOCATIONS = 60
MESSAGE = 2  # where a row of a log has its message
WORDS = ["order", "payment", "customer", "basket", "stock", "shipped", "accepted", "refused", "latency", "of", "in"]


@dataclass
class Figures:
    """The outcome of one object. `checksum` shows whether exactly the object's lines arrived."""

    megabytes: int
    lines: int = 0
    arrived: int = 0
    checksum: bool = False
    balanced: bool = True
    invocations: int = 0
    seconds: float = 0.0
    most_memory_mb: float = 0.0


class Tally(CountingStore):
    """Counts logs, and adds up the checksums of their messages, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.logs_seen = 0
        self.sum = 0

    def add(self, request: Request, contents: Contents) -> None:
        if request.signal == "logs":
            total = sum(zlib.crc32(str(row[MESSAGE]).encode()) for row in contents.rows)
            with self._lock:
                self.logs_seen += len(contents.rows)
                self.sum += total
        super().add(request, contents)


def write_object(path: Path, megabytes: int) -> tuple[int, int]:
    """Write a gzip file of log lines; return how many there are, and the sum of their checksums."""
    dice = Random(megabytes)
    tails = [" ".join(dice.choices(WORDS, k=24)) for _ in range(997)]
    count = total = size = 0
    with igzip.open(path, "wb", compresslevel=1) as stream:
        while size < megabytes * 1_000_000:
            lines = [
                f"2026-11-22T10:24:31Z {number:09} {tails[number % 997]}" for number in range(count, count + 5_000)
            ]
            total += sum(zlib.crc32(line.encode()) for line in lines)
            block = ("\n".join(lines) + "\n").encode()
            stream.write(block)
            count, size = count + len(lines), size + len(block)
    return count, total


@contextmanager
def object_storage(folder: Path) -> Iterator[tuple[str, Any]]:
    """Run an S3 with both buckets; yield its address and a client."""
    with serving("local S3", ["local_run.aws", "127.0.0.1"], folder / "s3.log") as endpoint:
        s3 = boto3.client("s3", endpoint_url=endpoint, region_name=REGION, **CREDENTIALS)
        for bucket in (BUCKET, OBJECTS):
            s3.create_bucket(Bucket=bucket)
        yield endpoint, s3


def measure(megabytes: int, timeout: int, folder: Path) -> Figures:
    """Forward one object, with as many replays as it takes."""
    figures = Figures(megabytes)
    path = folder / f"{megabytes}.log.gz"
    figures.lines, total = write_object(path, megabytes)
    tally = Tally()
    with object_storage(folder) as (endpoint, s3), LocalIntake(tally) as intake:
        s3.upload_file(str(path), OBJECTS, KEY)
        path.unlink()
        mark = uuid.uuid4().hex
        environ = environ_of(intake.url, endpoint) | {MARK: mark}
        began = time.monotonic()
        with Emulator(
            "forwarder.handler.lambda_handler", environ=environ, log_path=folder / "function.log", timeout=timeout
        ) as function:
            _forward(function, s3, figures)
            figures.most_memory_mb = _most_memory_mb(mark)
        figures.seconds = round(time.monotonic() - began, 1)
        figures.arrived, figures.checksum = tally.logs_seen, tally.sum == total
    return figures


def _forward(function: Emulator, s3: Any, figures: Figures) -> None:
    event: dict[str, Any] = s3_event(KEY, bucket=OBJECTS)
    while figures.invocations < MAX_INVOCATIONS:
        result = function.invoke(event)
        if result.error is not None:
            raise AssertionError(result.error)
        figures.invocations += 1
        lines, items = result.payload["lines"], result.payload["items"]
        figures.balanced &= lines["received"] == lines["routed"] + lines["filtered"] + lines["rejected"]
        figures.balanced &= items["created"] == items["delivered"] + items["stored"]
        if not s3.list_objects_v2(Bucket=BUCKET).get("KeyCount"):
            return
        event = RETRY


def _most_memory_mb(mark: str) -> float:
    """Return the peak memory of the function's process, as the kernel reports it."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_runtime = b"awslambdaric" in (process / "cmdline").read_bytes().split(b"\0")[2:3]
            if is_runtime and mark.encode() in (process / "environ").read_bytes():
                status = (process / "status").read_text()
                return int(status.partition("VmHWM:")[2].split()[0]) / 1000
    raise AssertionError("the function's process was not found")


def main() -> int:
    """Print the figures of each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--timeout", type=int, default=120, help="of the function, in seconds")
    arguments = parser.parse_args()
    for megabytes in arguments.megabytes:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(megabytes, arguments.timeout, Path(folder))
            sys.stdout.write(f"{asdict(figures)}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
