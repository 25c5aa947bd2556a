"""The sample events, and lines that real functions printed, through the whole pipeline."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local_intake.server import LocalIntake
from local_run import aws
from local_run.subscription import EVENTS as FOR_THE_SUBSCRIBER
from local_run.wrap import decode_event
from tests.builders import awslogs_event
from tests.flow.support import Answer, Forward, arrived, delivered, is_balanced, messages, metrics

ROOT = Path(__file__).parents[2]
SAMPLES = {path.stem: path for path in sorted((ROOT / "events").glob("*.json")) if path.stem not in FOR_THE_SUBSCRIBER}
CONFORMANCE = Path(os.environ.get("FORWARDER_CONFORMANCE_DIR", ROOT.parent / "shared" / "conformance")) / "lines"
PRINTED = {path.stem: path for path in sorted(CONFORMANCE.glob("*.jsonl")) if path.stem != "platform"}
EXPECTED = json.loads((ROOT / "tests" / "data" / "samples.json").read_text())
CHANGED = ('"ddtags"', '"httpRequest"')  # what is in lines that do not arrive as they were
ENHANCED = "aws.lambda.enhanced."


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(SAMPLES[name].read_text())
    return event


def is_metric(line: str) -> bool:
    """Tell what a metric is in the words of the libraries' documentation, by other means than the forwarder's."""
    try:
        fields = json.loads(line, parse_constant=str)
    except ValueError:
        return False
    return isinstance(fields, dict) and set(fields) == {"m", "v", "e", "t"} and type(fields["v"]) in (int, float)


def is_trace(line: str) -> bool:
    return line.startswith('{"traces":')


def counts(answer: Answer) -> dict[str, int]:
    """Return what went in and what came out, as far as there was any."""
    lines = {"lines": answer["lines"]["received"]} | {name: answer["lines"][name] for name in ("filtered", "rejected")}
    items = {signal: ledger["delivered"] for signal, ledger in answer["signals"].items()}
    return {name: count for name, count in {**lines, **items}.items() if count}


@pytest.fixture(scope="module")
def running_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with aws.running(tmp_path_factory.mktemp("s3") / "s3.log") as variables:
        yield variables


@pytest.fixture
def s3(running_s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the forwarder find the S3 that holds the objects of the samples."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in running_s3.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_delivered_whole(forward: Forward, intake: LocalIntake, name: str) -> None:
    answer = forward(sample(name))
    assert is_balanced(answer)
    assert answer["items"]["created"] == answer["items"]["delivered"]
    assert (*delivered(answer), answer["signals"]["traces"]["delivered"]) == (
        *arrived(intake),
        len(intake.store.spans()),
    )


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_gives_what_it_is_expected_to(forward: Forward, name: str) -> None:
    assert counts(forward(sample(name))) == EXPECTED[name]


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.startswith("awslogs.")])
def test_every_line_of_a_subscription_event_that_is_no_metric_and_no_trace_arrives_as_it_was(
    forward: Forward, intake: LocalIntake, name: str
) -> None:
    document = decode_event(sample(name))
    texts = [event["message"] for event in document["logEvents"]]
    lines = [text for text in texts if not is_metric(text) and not is_trace(text)]
    forward(sample(name))
    expected = [] if document["messageType"] == "CONTROL_MESSAGE" else lines
    changed = [line for line in expected if any(member in line for member in CHANGED)]
    assert Counter(messages(intake)) & Counter(expected) == Counter(line for line in expected if line not in changed)
    assert len(messages(intake)) == len(expected)


def test_the_coffee_house_metric_arrives_as_one_distribution(forward: Forward, intake: LocalIntake) -> None:
    forward(sample("awslogs.lambda-metrics"), AWS_REGION="us-east-1")
    (metric,) = metrics(intake, "coffee_house.")
    assert (metric.name, metric.value, metric.second) == ("coffee_house.order_value", 12.45, 1795343071)
    function = "function_arn:arn:aws:lambda:us-east-1:123456789012:function:orders-api"
    assert {"product:latte", "order:online", function} <= set(metric.tags)


def test_a_cold_start_yields_its_metrics(forward: Forward, intake: LocalIntake) -> None:
    forward(sample("awslogs.lambda-cold-start"))
    assert {metric.name.removeprefix(ENHANCED): metric.value for metric in metrics(intake)} == {
        "duration": 0.02471,
        "billed_duration": 0.437,
        "init_duration": 0.41138,
        "max_memory_used": 84,
        "estimated_cost": pytest.approx(0.0000002 + 0.437 * 0.25 * 0.0000166667, rel=1e-12),
    }


def test_the_metrics_of_a_cold_start_are_tagged_and_in_seconds(forward: Forward, intake: LocalIntake) -> None:
    forward(sample("awslogs.lambda-cold-start"))
    tags = ("memorysize:256", "cold_start:true", "region:eu-west-1", "aws_account:123456789012")
    assert {(metric.second, *metric.tags) for metric in metrics(intake)} == {
        (1795343071, *tags, "functionname:orders-api")
    }


@pytest.mark.usefixtures("s3")
def test_the_objects_of_a_notification_arrive_line_by_line(forward: Forward, intake: LocalIntake) -> None:
    forward(sample("s3.three-records"))
    objects = sorted((aws.OBJECTS / "coffee-house-app-logs" / "till").rglob("*.log"))
    assert Counter(messages(intake)) == Counter(line for path in objects for line in path.read_text().splitlines())


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    ("name", "key"),
    [("s3.odd-key", "café orders/till 1+2.log"), ("eventbridge.object-created", "a+b%41.log")],
)
def test_an_objects_logs_say_its_key_as_it_is(forward: Forward, intake: LocalIntake, name: str, key: str) -> None:
    forward(sample(name))
    assert {log.attributes["aws"]["s3"]["key"] for log in intake.store.logs()} == {key}


@pytest.mark.usefixtures("s3")
def test_a_stack_trace_is_one_log_under_a_pattern(forward: Forward, intake: LocalIntake) -> None:
    forward(sample("s3.multiline"), DD_MULTILINE_LOG_REGEX_PATTERN=r"\d{4}-\d\d-\d\d ")
    trace = next(message for message in messages(intake) if message and "ProbeException" in message)
    assert (len(messages(intake)), trace.count("\n")) == (3, 6)


@pytest.mark.usefixtures("s3")
def test_a_cloudtrail_record_of_an_instances_role_has_the_instance_as_its_host(
    forward: Forward, intake: LocalIntake
) -> None:
    forward(sample("s3.cloudtrail"))
    assert {log.host for log in intake.store.logs()} == {"i-0123456789abcdef0", "arn:aws:s3:::coffee-house-aws-logs"}


def test_two_headers_of_one_name_survive(forward: Forward, intake: LocalIntake) -> None:
    forward(sample("awslogs.waf"))
    (request,) = (json.loads(message or "")["httpRequest"] for message in messages(intake))
    assert request["headers"]["X-Forwarded-For"] == ["198.51.100.9", "10.0.3.5"]


def test_two_resources_of_one_type_survive(forward: Forward, intake: LocalIntake) -> None:
    forward(sample("eventbridge.security-hub"))
    findings = [json.loads(log.message or "")["detail"]["finding"]["resources"] for log in intake.store.logs()]
    (groups,) = (resources["AwsEc2SecurityGroup"] for resources in findings if "AwsEc2SecurityGroup" in resources)
    names = [group["Details"]["AwsEc2SecurityGroup"]["GroupName"] for group in groups]
    assert names == ["orders", "tills"]


def test_a_corrupt_record_in_the_middle_affects_neither_neighbour(forward: Forward, intake: LocalIntake) -> None:
    forward(sample("kinesis.corrupt-record"))
    arrived_with = Counter(messages(intake))
    intake.store.clear()
    forward(sample("awslogs.lambda-warm"))
    forward(sample("awslogs.lambda-ddtags"))
    assert arrived_with == Counter(messages(intake))


@pytest.mark.parametrize("name", PRINTED)
def test_lines_of_real_libraries_are_metrics_traces_or_logs(forward: Forward, intake: LocalIntake, name: str) -> None:
    rows = [json.loads(row) for row in PRINTED[name].read_text().splitlines()]
    lines = [row if isinstance(row, str) else row.get("message") or json.dumps(row) for row in rows]
    answer = forward(awslogs_event(lines), DD_ENHANCED_METRICS="false")
    logs = [line for line in lines if not is_metric(line) and not is_trace(line)]
    assert arrived(intake) == (len(logs), sum(map(is_metric, lines)))
    assert answer["trace_lines"] == sum(map(is_trace, lines))


@pytest.mark.skipif(not CONFORMANCE.exists(), reason="the conformance data is not here")
def test_lines_of_the_platform_arrive_as_logs(forward: Forward, intake: LocalIntake) -> None:
    rows = [json.loads(row) for row in (CONFORMANCE / "platform.jsonl").read_text().splitlines()]
    answer = forward(awslogs_event(row["message"] for row in rows))
    assert Counter(messages(intake)) == Counter(row["message"] for row in rows)
    assert answer["enhanced_metrics"] == len(metrics(intake)) > 0
