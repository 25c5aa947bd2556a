"""AWS's tagging APIs on loopback, which throttle or hang on request, and count requests."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

ENDPOINTS = ("AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS")


@dataclass
class Tagging:
    """What the APIs know: pages of `{ARN: tags}` by kind of resource, and the tags of log groups by ARN.

    `calls` counts what was asked and answered or refused: the kind of resource of each page, the ARN of each log group.
    """

    pages: dict[str, list[dict[str, dict[str, str]]]] = field(default_factory=dict)
    log_groups: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    throttled: bool = False
    free: threading.Event = field(default_factory=threading.Event)

    def answer(self, target: str, request: dict[str, Any]) -> tuple[int, object]:
        """Answer a request as AWS does; the type of the error shows throttling."""
        self.free.wait(20)
        what = request["ResourceTypeFilters"][0] if target == "GetResources" else request["resourceArn"]
        self.calls[what] += 1
        if self.throttled:
            return 400, {"__type": "ThrottlingException", "message": "as told"}
        if target != "GetResources":
            return 200, {"tags": self.log_groups.get(what, {})}
        number, pages = int(request.get("PaginationToken") or 0), self.pages.get(what, [{}])
        found = [{"ResourceARN": arn, "Tags": _pairs(tags)} for arn, tags in pages[number].items()]
        return 200, {
            "ResourceTagMappingList": found,
            "PaginationToken": str(number + 1) if number + 1 < len(pages) else "",
        }


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tagging]:
    """Start the APIs where boto3 looks for them."""
    tagging = Tagging()
    tagging.free.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = tagging.answer(self.headers["X-Amz-Target"].rpartition(".")[2], json.loads(body))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for name in ENDPOINTS:
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    yield tagging
    tagging.free.set()
    server.shutdown()
    server.server_close()
    thread.join()
