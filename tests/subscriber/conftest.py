"""An AWS for each test, a CloudFormation that waits for responses, and a terminal."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.loaders import Loader
from moto import mock_aws

from subscriber.telemetry import SERVICE
from tests.subscriber.support import REGION, Clock, Terminal, World

MODELS = Loader()  # of AWS's services: reading them takes longer than most tests


@pytest.fixture(autouse=True)
def _own_logger() -> None:
    """Keep the logger of one test out of the next, whose standard output differs."""
    known = logging.Logger.manager.loggerDict
    for name in [name for name in known if name.partition(".")[0] == SERVICE]:
        del known[name]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        session = botocore.session.get_session()
        session.register_component("data_loader", MODELS)
        world = World(clock, boto3.session.Session(botocore_session=session, region_name=REGION))
        _make_functions(world.session)
        session.register("before-call", world.meet)
        session.register("after-call.cloudwatch-logs.DescribeLogGroups", world.classify)
        session.register("after-call.lambda.GetFunctionConfiguration", world.configure)
        yield world


def _make_functions(session: boto3.session.Session) -> None:
    role = session.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions = session.client("lambda")
    for name in ("forwarder", "incumbent", "copy"):
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="forwarder.handler.lambda_handler",
            Role=role,
            Code={"ZipFile": b"no code: it is never run"},
            Environment={"Variables": {"DD_ADDITIONAL_TARGET_LAMBDAS": "copy", "DD_API_KEY": "0123456789abcdef"}},
        )


@pytest.fixture
def terminal(world: World) -> Terminal:
    return Terminal(world)


class CloudFormation:
    """Waits for responses on loopback."""

    def __init__(self) -> None:
        self.responses: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        self.sizes: list[int] = []  # bytes
        self.statuses: list[int] = []  # of the next HTTP responses, before 200
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/answer?signature=secret"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        waiting = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = waiting.statuses.pop(0) if waiting.statuses else 200
                if status == 200:
                    waiting.responses.append(json.loads(body))
                    waiting.sizes.append(len(body))
                    waiting.content_types.append(self.headers["Content-Type"])
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def __enter__(self) -> "CloudFormation":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    with CloudFormation() as waiting:
        yield waiting
