"""docs/operations.md says which alarms the stack has, and all metrics that it names exist."""

import json
import re
from pathlib import Path

import pytest

from forwarder.records import Backlog
from forwarder.settle import Summary
from forwarder.telemetry import Telemetry
from subscriber.records import Counts
from tests.builders import identity, settings
from tests.deploy.cloudformation import load

ROOT = Path(__file__).parents[1]
ALARMS = (ROOT / "docs" / "operations.md").read_text().partition("\n## Alarms\n")[2].partition("\n## ")[0]
OF_THE_STACK, OF_YOUR_OWN = ALARMS.split("It does not have these")
# Lambda's (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html), SQS's and EventBridge's
OF_AWS = {
    "ApproximateAgeOfOldestMessage",
    "AsyncEventsDropped",
    "DestinationDeliveryFailures",
    "Errors",
    "FailedInvocations",
    "IteratorAge",
    "Throttles",
}


def metrics_in(text: str) -> set[str]:
    """Return the metrics that the first columns of tables name."""
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_the_alarms_said_to_be_the_stacks_are_those_of_the_template() -> None:
    resources = load(ROOT / "template.yaml")["Resources"].values()
    made = {each["Properties"]["MetricName"] for each in resources if each["Type"] == "AWS::CloudWatch::Alarm"}
    assert metrics_in(OF_THE_STACK) == made


def test_every_alarm_is_on_a_metric_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    Telemetry(settings()).summarise(Summary("retry", backlog=Backlog(1, 1.0)), identity())
    (embedded,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    of_the_subscriber = {f"log_groups_{name}" for name in Counts.__dataclass_fields__}
    known = embedded.keys() | of_the_subscriber | OF_AWS
    assert metrics_in(OF_THE_STACK) | metrics_in(OF_YOUR_OWN) <= known
