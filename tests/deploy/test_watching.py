"""What `template.yaml` promises to those who monitor the forwarder: alarms and a dashboard, of metrics that exist."""

import json
from typing import Any

import pytest

from forwarder.records import Backlog
from forwarder.settle import Summary
from forwarder.telemetry import NAMESPACE, Telemetry
from subscriber.records import Counts
from subscriber.sandbox import Sandbox
from subscriber.settings import Settings
from tests.builders import identity, settings
from tests.deploy.cloudformation import TEMPLATE, Stack, mappings

TOPIC = "arn:aws:sns:us-east-1:123456789012:on-call"
NAME = "Logs-Forwarder"
SUBSCRIBING = {"SubscribeLogGroups": "true", "SubscribeInclude": "/aws/lambda/"}
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/failed"
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
OF_LAMBDA = {
    "AsyncEventAge",
    "AsyncEventsDropped",
    "ConcurrentExecutions",
    "DestinationDeliveryFailures",
    "Duration",
    "Errors",
    "Invocations",
    "Throttles",
}
ALARMS = [name for name, each in TEMPLATE["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"]


def alarms(**parameters: str) -> dict[str, dict[str, Any]]:
    resources = Stack(TEMPLATE, FunctionName=NAME, **parameters).resources
    return {name: each for name, each in resources.items() if name in ALARMS}


def watched(**parameters: str) -> set[str]:
    return {each["MetricName"] for each in alarms(**parameters).values()}


def record(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the embedded metrics of a replay by a function of this name."""
    Telemetry(settings()).summarise(Summary("retry", backlog=Backlog(1, 1.0)), identity(name=NAME))
    [found] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return dict(found)


def subscribers_record(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the embedded metrics of the subscriber in a stack whose forwarder has this name."""
    stack = Stack(TEMPLATE, FunctionName=NAME, **SUBSCRIBING)
    variables = stack.resources["Subscriber"]["Environment"]["Variables"]
    Sandbox(Settings.from_environ(variables)).telemetry.round("any", 1, Counts(), "finished")
    [found] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return dict(found)


def emitted(found: dict[str, Any]) -> set[str]:
    [directive] = found["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    return {metric["Name"] for metric in directive["Metrics"]}


def test_what_must_not_go_unnoticed_is_watched() -> None:
    assert watched() == {
        "AsyncEventsDropped",
        "DestinationDeliveryFailures",
        "Errors",
        "FailedInvocations",
        "Throttles",
        "items_rejected",
        "items_returned",
        "lines_rejected",
        "oldest_stored_seconds",
        "replays_failed",
    }
    assert watched(**SUBSCRIBING) - watched() == {"log_groups_failed"}


def test_in_a_queue_the_oldest_message_is_watched_in_place_of_the_oldest_object() -> None:
    watched_with_queue = watched(DdSqsQueueUrl=QUEUE_URL)

    assert watched_with_queue - watched() == {"ApproximateAgeOfOldestMessage"}
    assert watched() - watched_with_queue == {"oldest_stored_seconds"}
    dimensions = alarms(DdSqsQueueUrl=QUEUE_URL)["QueueBacklogAlarm"]["Dimensions"]
    assert dimensions == [{"Name": "QueueName", "Value": "failed"}]


# Of an age, the maximum counts; all others count what should not happen.
AN_HOUR = {"BacklogAlarm": "Maximum", "QueueBacklogAlarm": "Maximum"}


@pytest.mark.parametrize("name", ALARMS)
def test_anything_that_should_not_happen_alarms_and_so_does_what_has_waited_for_over_an_hour(name: str) -> None:
    alarm = TEMPLATE["Resources"][name]["Properties"]

    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert (alarm["Statistic"], alarm["Threshold"]) == (AN_HOUR.get(name, "Sum"), 3600 if name in AN_HOUR else 0)


def test_missing_data_is_fine_except_for_a_backlog_that_only_replays_report() -> None:
    missing = {name: TEMPLATE["Resources"][name]["Properties"]["TreatMissingData"] for name in ALARMS}

    assert missing == dict.fromkeys(ALARMS, "notBreaching") | {"BacklogAlarm": "ignore"}


def test_a_replay_that_fails_alarms_wherever_it_reads_from() -> None:
    for store in ({}, {"DdSqsQueueUrl": QUEUE_URL}, {"DdScheduleRetryFailedEvents": "false"}):
        alarm = alarms(**store)["ReplaysAlarm"]
        assert (alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]) == (0, 900, 1)
    assert "ReplaysAlarm" not in alarms(DdStoreFailedEvents="false")


def test_a_rule_that_cannot_ask_for_replays_alarms() -> None:
    assert alarms()["RetryRuleAlarm"]["Dimensions"] == [{"Name": "RuleName", "Value": "logs-RetryRule"}]
    assert "RetryRuleAlarm" not in alarms(DdScheduleRetryFailedEvents="false")


def metrics_of(found: dict[str, Any]) -> set[tuple[Any, ...]]:
    """Return the names of metrics, each with the dimensions that it has."""
    [dimensions] = found["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    return {(name, *sorted((each, found[each]) for each in dimensions)) for name in emitted(found)}


def test_an_alarm_of_our_own_metrics_is_of_one_that_is_emitted_and_has_its_dimensions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = [each for each in alarms(**SUBSCRIBING).values() if each["Namespace"] == NAMESPACE]
    alarming = {(each["MetricName"], *sorted((of["Name"], of["Value"]) for of in each["Dimensions"])) for each in own}

    assert alarming
    assert alarming <= metrics_of(record(capsys)) | metrics_of(subscribers_record(capsys))


def test_an_alarm_of_lambdas_metrics_is_of_one_that_exists_and_of_the_function() -> None:
    of_lambda = [each for each in alarms().values() if each["Namespace"] == "AWS/Lambda"]

    assert of_lambda
    assert {each["MetricName"] for each in of_lambda} <= OF_LAMBDA
    assert all(each["Dimensions"] == [{"Name": "FunctionName", "Value": NAME}] for each in of_lambda)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_is_wrong_in_a_sentence(name: str) -> None:
    assert TEMPLATE["Resources"][name]["Properties"]["AlarmDescription"].endswith(".")


def test_the_topic_is_notified_of_every_alarm() -> None:
    stores: list[dict[str, str]] = [{}, {"DdSqsQueueUrl": QUEUE_URL}]
    made = [alarms(AlarmTopicArn=TOPIC, SubscribeLogGroups="true", **store) for store in stores]

    assert {name for each in made for name in each} == set(ALARMS)
    assert all(alarm["AlarmActions"] == [TOPIC] for each in made for alarm in each.values())


def test_without_a_topic_alarms_just_show() -> None:
    assert not [name for name, each in alarms().items() if "AlarmActions" in each]


# The dashboard


def metrics_shown() -> list[list[Any]]:
    """Return namespace, name and dimensions of each metric, with the dashboard's abbreviations expanded."""
    shown: list[list[Any]] = []
    for properties in mappings(json.loads(dashboard()["DashboardBody"])):
        previous: list[Any] = []
        for metric in properties.get("metrics", ()):
            named = [each for each in metric if not isinstance(each, dict)]
            full = previous if named == ["..."] else [previous[i] if x == "." else x for i, x in enumerate(named)]
            shown.append(full)
            previous = full
    return shown


def dashboard() -> dict[str, Any]:
    properties: dict[str, Any] = Stack(TEMPLATE, FunctionName=NAME).resources["Dashboard"]
    return properties


def test_the_dashboard_shows_metrics_that_are_emitted(capsys: pytest.CaptureFixture[str]) -> None:
    own = emitted(record(capsys)) | emitted(subscribers_record(capsys))
    known = {NAMESPACE: own, "AWS/Lambda": OF_LAMBDA}

    assert metrics_shown()
    assert not [metric for metric in metrics_shown() if metric[1] not in known[metric[0]]]


def test_the_dashboard_shows_this_function() -> None:
    def dimensions(namespace: str, name: str) -> list[str]:
        service = "subscriber" if name.startswith("log_groups_") else "forwarder"
        own = ["service", service, "forwardername", NAME]
        return own if namespace == NAMESPACE else ["FunctionName", NAME]

    assert not [metric for metric in metrics_shown() if metric[2:] != dimensions(*metric[:2])]


def test_the_dashboard_shows_the_region_and_the_log_of_the_stack() -> None:
    stack = Stack(TEMPLATE, **{"AWS::Region": "eu-west-1"})

    body = json.loads(stack.resources["Dashboard"]["DashboardBody"])
    assert {widget["properties"]["region"] for widget in body["widgets"]} == {"eu-west-1"}
    assert f"SOURCE '{stack.outputs['ForwarderLogGroupName']}'" in body["widgets"][-1]["properties"]["query"]


def test_everything_that_is_watched_is_on_the_dashboard() -> None:
    of_a_rule_that_is_not_in_every_stack = {"FailedInvocations"}

    assert watched(**SUBSCRIBING) - of_a_rule_that_is_not_in_every_stack <= {metric[1] for metric in metrics_shown()}


def test_dashboards_of_two_regions_do_not_collide() -> None:
    names = {Stack(TEMPLATE, **{"AWS::Region": region}).outputs["DashboardName"] for region in ("a-1", "b-1")}

    assert len(names) == 2
