"""What is written to a subscribed group reaches the intake."""

import base64
import gzip
import json
from typing import Any

import pytest
from moto.awslambda.models import LambdaFunction

from local_intake.server import LocalIntake
from tests.builders import awslogs_event, context
from tests.flow.conftest import _by_itself, intake, proxy, running_intake, start
from tests.flow.support import Start, messages
from tests.subscriber.support import Terminal, World

__all__ = ["_by_itself", "intake", "proxy", "running_intake", "start"]  # the same intake as the flow tests'

GROUP, OTHER = "/aws/lambda/orders", "/ecs/web"


def test_after_an_apply_a_log_event_in_a_wanted_group_reaches_the_intake(
    world: World, terminal: Terminal, start: Start, intake: LocalIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarder = start()

    def invoke(_function: LambdaFunction, body: str, *_: Any) -> None:  # what moto would do in a container
        packed = base64.b64decode(json.loads(body)["awslogs"]["data"])
        found = json.loads(gzip.decompress(packed))
        lines = [event["message"] for event in found["logEvents"]]  # moto's ids are numbers, AWS's are strings
        forwarder.handle(awslogs_event(lines, found["logGroup"], found["logStream"]), context())

    monkeypatch.setattr(LambdaFunction, "invoke", invoke)
    world.create(GROUP, OTHER)
    terminal("apply", "--include", "/aws/lambda/", "--yes")

    logs = world.session.client("logs")
    for name in (GROUP, OTHER):
        logs.create_log_stream(logGroupName=name, logStreamName="s")
        event = {"timestamp": int(world.clock.epoch() * 1000), "message": f"written to {name}"}
        logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=[event])
    assert messages(intake) == [f"written to {GROUP}"]
