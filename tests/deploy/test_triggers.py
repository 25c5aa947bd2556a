"""What `template.yaml` promises about what invokes the forwarder."""

import re
from typing import Any

import pytest

from tests.deploy.cloudformation import TEMPLATE, Stack
from tests.deploy.policies import Request, allows

ACCOUNT, REGION = "123456789012", "us-east-1"
QUEUES = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in ("a", "b", "c", "d", "e")]
STREAMS = [f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}" for name in ("a", "b", "c", "d", "e")]
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
LISTS = {"SqsQueueArnList": QUEUES, "KinesisStreamArnList": STREAMS}

each_list = pytest.mark.parametrize(("parameter", "arns"), LISTS.items())


def mappings(**parameters: str) -> dict[str, dict[str, Any]]:
    resources = Stack(TEMPLATE, **parameters).resources
    return {name: each for name, each in resources.items() if "EventSourceArn" in each}


def test_no_queue_and_no_stream_is_read_unless_it_is_listed() -> None:
    assert not mappings()


@each_list
def test_each_that_is_listed_is_read(parameter: str, arns: list[str]) -> None:
    made = mappings(**{parameter: ",".join(arns)})

    assert [each["EventSourceArn"] for each in made.values()] == arns


@each_list
def test_removing_an_entry_by_leaving_its_position_empty_moves_no_other(parameter: str, arns: list[str]) -> None:
    before, after = mappings(**{parameter: ",".join(arns)}), mappings(**{parameter: ",".join(["", *arns[1:]])})

    assert after == {name: each for name, each in before.items() if each["EventSourceArn"] != arns[0]}


@each_list
def test_every_mapping_reports_failures_by_item(parameter: str, arns: list[str]) -> None:
    made = mappings(**{parameter: ",".join(arns)})

    assert [each["FunctionResponseTypes"] for each in made.values()] == [["ReportBatchItemFailures"]] * len(arns)


@each_list
@pytest.mark.parametrize("place", range(5))
def test_the_forwarder_knows_that_a_mapping_in_any_position_does(parameter: str, arns: list[str], place: int) -> None:
    stack = Stack(TEMPLATE, **{parameter: "," * place + arns[place]})

    assert stack.variables["DD_REPORT_BATCH_ITEM_FAILURES"] == "true"


def test_without_a_mapping_failures_are_not_reported_by_item() -> None:
    assert Stack(TEMPLATE).variables["DD_REPORT_BATCH_ITEM_FAILURES"] == "false"


def of_streams(name: str) -> list[Any]:
    """Return a property of the mappings of a full list of streams."""
    return [each[name] for each in mappings(KinesisStreamArnList=",".join(STREAMS)).values()]


def test_what_a_stream_got_while_its_mapping_was_being_made_is_not_missed() -> None:
    assert of_streams("StartingPosition") == ["TRIM_HORIZON"] * len(STREAMS)


def test_a_record_on_which_the_function_dies_does_not_hold_up_its_batch() -> None:
    assert of_streams("BisectBatchOnFunctionError") == [True] * len(STREAMS)


@each_list
def test_a_list_of_the_maximum_length_is_accepted(parameter: str, arns: list[str]) -> None:
    pattern = TEMPLATE["Parameters"][parameter]["AllowedPattern"]

    assert re.fullmatch(pattern, ",".join(arns))
    assert re.fullmatch(pattern, f"{arns[0]},,{arns[2]}")


@each_list
@pytest.mark.parametrize("change", [lambda arns: [*arns, arns[0]], lambda arns: [arns[0], f" {arns[1]}"]])
def test_a_list_that_would_be_misread_is_refused(parameter: str, arns: list[str], change: Any) -> None:
    assert not re.fullmatch(TEMPLATE["Parameters"][parameter]["AllowedPattern"], ",".join(change(arns)))


def test_a_consumer_of_a_stream_is_refused() -> None:
    pattern = TEMPLATE["Parameters"]["KinesisStreamArnList"]["AllowedPattern"]

    assert not re.fullmatch(pattern, f"{STREAMS[0]}/consumer/any:1")


# Who may invoke it

PERMISSIONS = {
    "CloudWatchLogsPermission": ("logs.amazonaws.com", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/shop:*"),
    "S3Permission": ("s3.amazonaws.com", "arn:aws:s3:::orders"),
    "SnsPermission": ("sns.amazonaws.com", f"arn:aws:sns:{REGION}:{ACCOUNT}:orders"),
    "EventBridgePermission": ("events.amazonaws.com", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/bus/orders"),
}


def invocable(permission: dict[str, str], source: str, account: str) -> bool:
    """Return whether a permission lets its service invoke the function for a source of an account."""
    conditions = {"ArnLike": {"aws:SourceArn": permission["SourceArn"]}}
    if "SourceAccount" in permission:
        conditions["StringEquals"] = {"aws:SourceAccount": permission["SourceAccount"]}
    statement = {"Effect": "Allow", "Action": permission["Action"], "Resource": "*", "Condition": conditions}
    context = {"aws:SourceArn": source, "aws:SourceAccount": account}
    return allows([statement], Request("lambda:InvokeFunction", permission["FunctionName"], context))


def test_nobody_else_may_invoke_the_forwarder() -> None:
    stack = Stack(TEMPLATE, SubscribeLogGroups="true")

    permissions = [name for name in stack.resources if name.endswith("Permission")]
    arn = stack.outputs["DatadogForwarderArn"]
    assert {name for name in permissions if stack.resources[name]["FunctionName"] == arn} == PERMISSIONS.keys()


@pytest.mark.parametrize("name", PERMISSIONS)
def test_a_service_may_invoke_it_for_what_is_the_accounts_own(name: str) -> None:
    service, source = PERMISSIONS[name]

    permission = Stack(TEMPLATE).resources[name]
    assert permission["Principal"] == service
    assert invocable(permission, source, ACCOUNT)


@pytest.mark.parametrize("name", PERMISSIONS)
def test_a_service_may_not_invoke_it_for_what_is_anothers(name: str) -> None:
    source = PERMISSIONS[name][1].replace(ACCOUNT, "210987654321")

    assert not invocable(Stack(TEMPLATE).resources[name], source, "210987654321")


def test_the_rule_for_replays_may_invoke_it() -> None:
    stack = Stack(TEMPLATE)

    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/logs-RetryRule"
    assert invocable(stack.resources["EventBridgePermission"], rule, ACCOUNT)


def test_in_china_only_cloudwatch_logs_has_another_name() -> None:
    stack = Stack(TEMPLATE, **{"AWS::URLSuffix": "amazonaws.com.cn", "AWS::Partition": "aws-cn"})

    assert {name: stack.resources[name]["Principal"] for name in PERMISSIONS} == {
        name: service for name, (service, _) in PERMISSIONS.items()
    } | {"CloudWatchLogsPermission": "logs.amazonaws.com.cn"}


# When the stack is made, changed or deleted

ALL = {"SubscribeLogGroups": "true"} | {name: ",".join(arns) for name, arns in LISTS.items()}
SENDERS = [*PERMISSIONS, *mappings(**ALL), "RetryRule", "Subscriptions"]


def dependencies(name: str) -> set[str]:
    """Name what CloudFormation makes before a resource, and deletes after it, as far as `DependsOn` says so."""
    direct = RESOURCES[name].get("DependsOn", [])
    direct = [direct] if isinstance(direct, str) else direct
    return {*direct, *(each for one in direct for each in dependencies(one))}


@pytest.mark.parametrize("name", SENDERS)
def test_what_sends_to_the_forwarder_goes_before_what_keeps_its_events(name: str) -> None:
    assert {"AsyncInvocations", "ForwarderPolicy"} <= dependencies(name)


def test_nothing_depends_on_what_may_be_missing_since_it_would_not_be_made_then() -> None:
    bare = Stack(TEMPLATE, DdStoreFailedEvents="false", DdFetchLambdaTags="false", **ALL).resources

    missing = {name: dependencies(name) - bare.keys() for name in bare}
    assert not {name: each for name, each in missing.items() if each}
