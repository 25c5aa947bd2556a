"""What tests with a mocked AWS share: a cloud that fails on request, a bucket to inspect, batches to put there."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError
from moto.core.models import botocore_stubber

from forwarder.handler import Forwarder
from local_intake.server import LocalIntake
from tests.builders import OBJECTS_BUCKET, REGION, context

BUCKET = "failed"
ROOT = "failed_events/forwarder/"
PENDING, REJECTED, LEASE = f"{ROOT}pending/", f"{ROOT}rejected/", f"{ROOT}lease.json"
EVENTS = "aws/lambda/async/forwarder/"
RETRY = {"retry": True}
# So long a pause does not fit into any invocation, so that a batch fails at once.
DOWN = {"status": 503, "headers": {"Retry-After": "3600"}, "times": 10_000}
LOGS_DOWN, METRICS_DOWN = {**DOWN, "signal": "logs"}, {**DOWN, "signal": "metrics"}


class Killed(BaseException):
    """What happens to a process that is killed: nothing catches it."""


class Starts(Protocol):
    """Starts a forwarder that sends to the local intake, and keeps what fails."""

    def __call__(self, **environ: str) -> Forwarder: ...


@dataclass
class _Refusal:
    operation: str
    code: str
    path: str
    times: int


@dataclass
class Cloud:
    """A mocked AWS: every call made to it, as `region operation`, and what is to go wrong with further ones."""

    calls: list[str] = field(default_factory=list)
    freed: threading.Event = field(default_factory=threading.Event)
    page: int = 1_000  # names
    _answers: dict[str, dict[str, object]] = field(default_factory=dict)
    _refusals: list[_Refusal] = field(default_factory=list)
    _stuck: set[str] = field(default_factory=set)
    _losses: list[tuple[str, str, int]] = field(default_factory=list)
    _deadly: set[tuple[str, str]] = field(default_factory=set)
    _meanwhile: dict[tuple[str, str], Callable[[], object]] = field(default_factory=dict)

    def refuse(self, operation: str, code: str = "AccessDenied", path: str = "", times: int = 10_000) -> None:
        """Refuse calls of an operation whose path, or its query, contains a string."""
        self._refusals.append(_Refusal(operation, code, path, times))

    def answer(self, operation: str, **answer: object) -> None:
        """Give calls of an operation this answer, with status 200, and do nothing."""
        self._answers[operation] = answer

    def hold(self, operation: str) -> None:
        """Let calls of an operation wait until the end of the test."""
        self._stuck.add(operation)

    def kill(self, operation: str, path: str) -> None:
        """Let calls of an operation whose path contains a string kill the process."""
        self._deadly.add((operation, path))

    def meanwhile(self, operation: str, path: str, act: Callable[[], object]) -> None:
        """Do something when the next call of an operation comes whose path contains a string, before the response."""
        self._meanwhile[operation, path] = act

    def lose_answer(self, method: str, path: str, after: int = 0) -> None:
        """Lose the response to a request whose URL contains a string, after this many others: botocore repeats it."""
        self._losses.append((method, path, after))

    def lose(self, event_name: str, request: AWSPreparedRequest, **_: object) -> None:
        """Let a request arrive whose answer is to be lost."""
        for number, (method, path, after) in enumerate(self._losses):
            if (method, path in request.url) == (request.method, True):
                self._losses[number] = method, path, after - 1
                if after == 0:
                    botocore_stubber(event_name, request)
                    raise ReadTimeoutError(endpoint_url=request.url)

    def heal(self) -> None:
        """Refuse nothing any more, and kill no process."""
        self._refusals.clear()
        self._deadly.clear()

    def count(self, operation: str) -> int:
        return self.calls.count(f"{REGION} {operation}")

    def cut_page(self, params: dict[str, object], **_: object) -> None:
        """List fewer names a page than AWS does."""
        params.setdefault("MaxKeys", self.page)

    def meet(self, model: Any, params: Mapping[str, Any], context: Mapping[str, Any], **_: object) -> Any:
        """Write a call down; return the answer of one that is to fail."""
        self.calls.append(f"{context['client_region']} {model.name}")
        for operation, path in list(self._meanwhile):
            if operation == model.name and path in params["url_path"]:
                self._meanwhile.pop((operation, path))()
        if model.name in self._stuck:
            self.freed.wait(20)
        if any(operation == model.name and path in params["url_path"] for operation, path in self._deadly):
            raise Killed
        for refusal in self._refusals:
            place = f"{params['url_path']} {params.get('query_string') or ''}"
            if refusal.operation == model.name and refusal.path in place and refusal.times > 0:
                refusal.times -= 1
                error = {"Error": {"Code": refusal.code, "Message": "as told"}}
                return AWSResponse(params["url"], 403, {}, None), error
        if model.name in self._answers:
            return AWSResponse(params["url"], 200, {}, None), self._answers[model.name]
        return None


class Bucket:
    """The bucket of failed events, seen from outside."""

    def __init__(self) -> None:
        self.client = boto3.client("s3", region_name=REGION)
        self.client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def names(self, folder: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=folder)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def body(self, name: str) -> bytes:
        return bytes(self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read())

    def json(self, name: str) -> Any:
        return json.loads(gzip.decompress(self.body(name)))

    def metadata(self, name: str) -> dict[str, str]:
        return dict(self.client.head_object(Bucket=BUCKET, Key=name)["Metadata"])

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> str:
        self.client.put_object(Bucket=BUCKET, Key=name, Body=body, Metadata=dict(metadata or {}))
        return name

    def only(self, folder: str) -> str:
        (name,) = self.names(folder)
        return name

    def everything(self) -> str:
        """Return all names, metadata and bodies in one text, gzip inflated."""
        found: list[object] = []
        for name in self.names():
            body = self.body(name)
            found += [name, self.metadata(name), gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body]
        return str(found)

    def put_batch(self, signal: str, body: object, items: int, minutes_ago: float = 5, **metadata: str) -> str:
        """Put a stored batch there, as the package of the stores describes one."""
        moment = time.time() - minutes_ago * 60
        stamp = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        history = {"attempts": "1", "first-failure": f"{moment:.3f}", "reason": "status 503"}
        about = {
            "signal": signal,
            "items": str(items),
            **history,
            **{k.replace("_", "-"): v for k, v in metadata.items()},
        }
        return self.put(
            f"{PENDING}{stamp}-{signal}-{uuid4().hex}.json.gz", gzip.compress(json.dumps(body).encode()), about
        )

    def put_logs(self, *messages: str, minutes_ago: float = 5, **fields: object) -> str:
        """Put a batch of logs there, one a message."""
        logs = [{"message": message, "timestamp": now_ms(), "ddtags": "env:none", **fields} for message in messages]
        return self.put_batch("logs", logs, len(logs), minutes_ago)

    def put_points(self, ages: Iterable[float], name: str = "orders", minutes_ago: float = 5) -> str:
        """Put a batch of metrics there, one point a series, of these ages in seconds."""
        points = [[int(time.time() - age), [age]] for age in ages]
        series = [{"metric": name, "points": [point], "type": "distribution", "tags": []} for point in points]
        return self.put_batch("metrics", {"series": series}, len(series), minutes_ago)

    def put_event(self, event: object, number: int = 0) -> str:
        """Put the record of an asynchronous invocation there that Lambda gave up on."""
        record = {"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event}
        return self.put(f"{EVENTS}2026/11/22/2026-11-22T16.05.{number:02}-{uuid4()}", json.dumps(record).encode())


def now_ms() -> int:
    return int(time.time() * 1000)


def coffee(value: float = 12.45, age: float = 0) -> str:
    """Return a line that holds a metric of this many seconds ago."""
    return json.dumps({"m": "coffee_house.order_value", "v": value, "e": int(time.time() - age), "t": []}) + "\n"


def handle(forwarder: Forwarder, event: Mapping[str, object], seconds: float = 30) -> dict[str, Any]:
    """Let a forwarder handle an event within this many seconds; return its response."""
    return forwarder.handle(event, context(seconds))


def received(intake: LocalIntake) -> list[str | None]:
    """Return the messages that arrived, in the order in which they did."""
    return [log.message for log in intake.store.logs()]


@dataclass
class Objects:
    """The bucket that the objects are in."""

    client: Any

    def put(self, key: str, body: bytes) -> str:
        self.client.put_object(Bucket=OBJECTS_BUCKET, Key=key, Body=body)
        return key
