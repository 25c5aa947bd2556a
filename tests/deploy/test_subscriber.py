"""What `template.yaml` promises about the function that subscribes log groups."""

import json
import re
from typing import Any

import pytest

from subscriber import events
from subscriber.settings import Settings
from tests.deploy.cloudformation import ROOT, STACK_ID, TEMPLATE, Stack

RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
SWITCHED_ON = {"SubscribeLogGroups": "true", "SubscribeInclude": "/aws/lambda/", "DdApiKey": "key"}
TARGET = "arn:aws:lambda:us-east-1:123456789012:function:copy"
RULES = ["SubscribeRule", "SubscribeEverywhereRule", "NewLogGroupRule"]


def variables(**parameters: str) -> dict[str, str]:
    """Return the subscriber's environment."""
    stack = Stack(TEMPLATE, **SWITCHED_ON | parameters)
    own = {"AWS_LAMBDA_FUNCTION_NAME": "logs-Subscriber", "AWS_LAMBDA_LOG_GROUP_NAME": "logs-SubscriberLogGroup"}
    return {**own, **stack.resources["Subscriber"]["Environment"]["Variables"]}


def test_by_default_nothing_of_it_is_made() -> None:
    made = Stack(TEMPLATE, DdApiKey="key").resources

    assert not [name for name in made if "ubscri" in name or name in RULES]


@pytest.mark.parametrize("wanted", [{"SubscribeInclude": "/ecs/"}, {"SubscribeTags": "team=shop"}], ids=str)
def test_it_is_switched_on_with_names_or_tags(wanted: dict[str, str]) -> None:
    assert Stack(TEMPLATE, DdApiKey="key", SubscribeLogGroups="true", **wanted).refusals == []


def test_switched_on_without_saying_which_log_groups_it_is_refused() -> None:
    [refusal] = Stack(TEMPLATE, DdApiKey="key", SubscribeLogGroups="true").refusals

    assert "SubscribeInclude" in refusal


def test_switched_off_it_needs_no_log_groups() -> None:
    assert Stack(TEMPLATE, DdApiKey="key").refusals == []


def test_the_handler_is_in_the_code_that_is_deployed() -> None:
    function = RESOURCES["Subscriber"]["Properties"]
    module, _, name = function["Handler"].rpartition(".")

    source = (ROOT / function["CodeUri"] / module.replace(".", "/")).with_suffix(".py")
    assert f"def {name}(" in source.read_text(encoding="utf-8")


def test_its_settings_are_those_of_the_stack() -> None:
    given = {
        "SubscribeInclude": "/aws/lambda/,regex:^/ecs/.{1,3}$",
        "SubscribeExclude": "*-test",
        "SubscribeTags": "team=shop",
        "SubscribeFilterPattern": "ERROR",
        "SubscribeFilterName": "datadog",
    }

    settings = Settings.from_environ(variables(**given))
    assert settings.wanted.ours.forwarder.arn == Stack(TEMPLATE).outputs["DatadogForwarderArn"]
    assert settings.wanted.ours.name == "datadog"
    assert settings.wanted.pattern == "ERROR"
    assert [pattern.text for pattern in settings.wanted.selection.include] == given["SubscribeInclude"].split(",", 1)
    assert [pattern.text for pattern in settings.wanted.selection.exclude] == ["*-test"]
    assert settings.stack_id == STACK_ID


def test_it_subscribes_no_log_group_that_would_loop() -> None:
    protected = Settings.from_environ(variables(AdditionalTargetLambdaArns=TARGET)).wanted.protected

    assert {"logs-ForwarderLogGroup", "logs-SubscriberLogGroup", "/aws/lambda/copy"} <= protected


@pytest.mark.parametrize("variable", sorted(variables().keys() - {"AWS_LAMBDA_FUNCTION_NAME"}))
def test_every_variable_is_one_that_it_reads(variable: str) -> None:
    source = (ROOT / "src" / "subscriber" / "settings.py").read_text(encoding="utf-8")

    assert f'"{variable.removeprefix("SUBSCRIBER_")}"' in source


# When it runs


def test_it_runs_on_the_schedule_that_was_given() -> None:
    rule = Stack(TEMPLATE, **SWITCHED_ON, SubscribeSchedule="rate(1 day)").resources["SubscribeRule"]

    assert rule["ScheduleExpression"] == "rate(1 day)"
    assert "Input" not in rule["Targets"][0]  # EventBridge's own event
    assert events.is_schedule({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}})


def test_it_looks_everywhere_once_a_day_whatever_the_schedule() -> None:
    rule = Stack(TEMPLATE, **SWITCHED_ON, SubscribeSchedule="rate(5 minutes)").resources["SubscribeEverywhereRule"]

    assert rule["ScheduleExpression"] == "rate(1 day)"
    event = json.loads(rule["Targets"][0]["Input"])
    assert events.is_schedule(event)
    assert events.is_everywhere(event)


def test_it_is_notified_of_new_log_groups() -> None:
    pattern = Stack(TEMPLATE, **SWITCHED_ON).resources["NewLogGroupRule"]["EventPattern"]

    event = {
        "source": pattern["source"][0],
        "detail-type": pattern["detail-type"][0],
        "detail": {name: values[0] for name, values in pattern["detail"].items()},
    }
    assert event["detail-type"] == "AWS API Call via CloudTrail"
    assert events.is_creation(event)


@pytest.mark.parametrize("rule", RULES)
def test_only_its_own_rules_may_invoke_it(rule: str) -> None:
    stack = Stack(TEMPLATE, **SWITCHED_ON)

    [target] = stack.resources[rule]["Targets"]
    permission = stack.resources[f"{rule}Permission"]
    assert permission["FunctionName"] == target["Arn"]
    assert permission["SourceArn"] == f"arn:aws:events:us-east-1:123456789012:rule/logs-{rule}"
    on_it = [each for each in stack.resources.values() if each.get("FunctionName") == target["Arn"]]
    assert len(on_it) == len(RULES)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SubscribeInclude", "/ecs/"),
        ("SubscribeExclude", "*-test"),
        ("SubscribeTags", "env"),
        ("SubscribeFilterPattern", "ERROR"),
        ("SubscribeFilterName", "datadog"),
        ("AdditionalTargetLambdaArns", TARGET),
        ("FunctionName", "other"),
    ],
)
def test_a_change_of_what_is_wanted_makes_cloudformation_call_it(name: str, value: str) -> None:
    before, after = Stack(TEMPLATE, **SWITCHED_ON), Stack(TEMPLATE, **SWITCHED_ON | {name: value})

    assert before.resources["Subscriptions"] != after.resources["Subscriptions"]


# When it goes


def test_filters_are_removed_while_all_that_it_takes_is_still_there() -> None:
    subscriptions = RESOURCES["Subscriptions"]

    assert subscriptions["DependsOn"] == ["ContinueSubscribing", "CloudWatchLogsPermission"]
    assert subscriptions["Properties"]["ServiceToken"] == {"Fn::GetAtt": ["Subscriber", "Arn"]}


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_subscribed_any_more_when_filters_are_removed(rule: str) -> None:
    assert RESOURCES[rule]["DependsOn"] == "Subscriptions"


def test_its_time_is_long_enough_for_most_of_a_removal() -> None:
    assert RESOURCES["Subscriber"]["Properties"]["Timeout"] == 900


def test_the_guide_and_the_template_agree_on_the_parameters() -> None:
    guide = (ROOT / "docs" / "subscriber.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(Subscribe\w+)` \|", guide, re.MULTILINE)) == {
        name for name in TEMPLATE["Parameters"] if name.startswith("Subscribe")
    }
