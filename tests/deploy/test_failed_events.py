"""What `template.yaml` promises about what could not be delivered: where it is kept, who may read it, what sends it."""

import json
import re
from itertools import product
from typing import Any

import pytest

from forwarder import replay
from forwarder.failed_events import make_store
from forwarder.settings import Settings
from tests.deploy.cloudformation import STACK_ID, TEMPLATE, Stack

RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
PATTERN: str = TEMPLATE["Parameters"]["RetrySchedule"]["AllowedPattern"]
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/failed"
MADE_UP = "datadog-forwarder-5f0c2a10-0000-4000-8000-000000000001"


def bucket(**parameters: str) -> dict[str, Any]:
    properties: dict[str, Any] = Stack(TEMPLATE, **parameters).resources["FailedEventsBucket"]
    return properties


def destination(**parameters: str) -> str:
    config = Stack(TEMPLATE, **parameters).resources["AsyncInvocations"]["DestinationConfig"]
    return str(config["OnFailure"]["Destination"])


# Where


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, MADE_UP),
        ({"DdForwarderBucketName": "failed"}, "failed"),
        ({"DdForwarderExistingBucketName": "existing"}, "existing"),
        ({"DdForwarderExistingBucketName": "existing", "DdForwarderBucketName": "failed"}, "existing"),
    ],
    ids=["a name that is made up", "a given name", "an existing bucket", "both"],
)
def test_forwarder_output_and_lambda_agree_on_the_bucket(parameters: dict[str, str], name: str) -> None:
    stack = Stack(TEMPLATE, **parameters)

    assert stack.variables["DD_S3_BUCKET_NAME"] == name
    assert stack.outputs["ForwarderBucketName"] == stack.outputs["FailedEventsBucketName"] == name
    assert destination(**parameters) == f"arn:aws:s3:::{name}"


def test_the_name_that_is_made_up_is_a_valid_one_of_its_own() -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket()["BucketName"])
    assert STACK_ID.endswith(bucket()["BucketName"].removeprefix("datadog-forwarder-"))


def test_beside_an_existing_bucket_none_is_made() -> None:
    made = Stack(TEMPLATE, DdForwarderExistingBucketName="existing").resources

    assert not {"FailedEventsBucket", "FailedEventsBucketPolicy"} & made.keys()


def test_with_a_queue_the_forwarder_stores_there_and_lambda_in_the_bucket() -> None:
    stack = Stack(TEMPLATE, DdApiKey="key", DdSqsQueueUrl=QUEUE_URL)

    store = make_store(Settings.from_environ(stack.variables))
    assert repr(store) == f"SqsStore({QUEUE_URL})"
    assert destination(DdSqsQueueUrl=QUEUE_URL) == f"arn:aws:s3:::{MADE_UP}"


def test_everything_that_is_referred_to_is_made_whatever_the_store() -> None:
    choices = [("true", "false"), ("", QUEUE_URL), ("", "existing"), ("", "given"), ("true", "false")]
    names = [
        "DdStoreFailedEvents",
        "DdSqsQueueUrl",
        "DdForwarderExistingBucketName",
        "DdForwarderBucketName",
        "DdFetchLambdaTags",
    ]

    stacks = [Stack(TEMPLATE, **dict(zip(names, values, strict=True))) for values in product(*choices)]
    assert all(stack.resources and stack.outputs for stack in stacks)


# How


@pytest.mark.parametrize("name", ["FailedEventsBucket", "FailedEventsBucketPolicy"])
def test_lines_that_are_nowhere_else_outlive_the_stack_even_one_that_is_never_completed(name: str) -> None:
    assert RESOURCES[name]["DeletionPolicy"] == "Retain"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_nothing_else_is_left_behind_by_a_stack_that_is_deleted() -> None:
    kept = {name for name, each in RESOURCES.items() if each.get("DeletionPolicy", "Delete") != "Delete"}

    assert kept == {"FailedEventsBucket", "FailedEventsBucketPolicy"}


def test_the_bucket_is_encrypted_without_versions_and_closed_to_the_public() -> None:
    properties = bucket()

    [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    assert "VersioningConfiguration" not in properties
    access = properties["PublicAccessBlockConfiguration"]
    assert set(access.values()) == {True}
    assert len(access) == 4


def test_the_bucket_refuses_requests_without_encryption_on_the_way() -> None:
    [statement] = Stack(TEMPLATE).resources["FailedEventsBucketPolicy"]["PolicyDocument"]["Statement"]

    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [f"arn:aws:s3:::{MADE_UP}", f"arn:aws:s3:::{MADE_UP}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_what_was_rejected_expires() -> None:
    [rule] = bucket(FunctionName="logs")["LifecycleConfiguration"]["Rules"]

    assert rule["Prefix"] == "failed_events/logs/rejected/"
    assert rule["ExpirationInDays"] >= 90


def test_access_is_logged_where_that_is_requested_and_nowhere_else() -> None:
    logging = bucket(DdForwarderBucketsAccessLogsTarget="access-logs")["LoggingConfiguration"]

    assert logging == {"DestinationBucketName": "access-logs", "LogFilePrefix": "datadog-forwarder/"}
    assert "LoggingConfiguration" not in bucket()


# When


def test_the_events_that_are_kept_are_those_of_the_function() -> None:
    config = Stack(TEMPLATE, FunctionName="logs").resources["AsyncInvocations"]

    assert (config["FunctionName"], config["Qualifier"]) == ("logs", "$LATEST")


def test_the_role_may_write_to_the_destination_before_lambda_looks_whether_it_may() -> None:
    assert RESOURCES["AsyncInvocations"]["DependsOn"] == "ForwarderPolicy"


def test_a_replay_is_asked_for_on_the_schedule_that_was_given() -> None:
    stack = Stack(TEMPLATE, RetrySchedule="rate(1 hour)")

    rule = stack.resources["RetryRule"]
    [target] = rule["Targets"]
    assert rule["ScheduleExpression"] == "rate(1 hour)"
    assert target["Arn"] == stack.outputs["DatadogForwarderArn"]
    assert replay.is_replay_request(json.loads(target["Input"]))


@pytest.mark.parametrize("schedule", ["rate(5 minutes)", "cron(0 * * * ? *)"])
def test_a_schedule_of_eventbridge_is_allowed(schedule: str) -> None:
    assert re.fullmatch(PATTERN, schedule)


@pytest.mark.parametrize("schedule", ["", "5 minutes", "rate()", "at(2026-11-22T16:00:00)"])
def test_what_is_not_a_schedule_is_refused(schedule: str) -> None:
    assert not re.fullmatch(PATTERN, schedule)


def test_without_storing_nothing_is_replayed_and_lambda_keeps_nothing() -> None:
    stack = Stack(TEMPLATE, DdStoreFailedEvents="false", DdApiKey="key")

    assert make_store(Settings.from_environ(stack.variables)) is None
    assert "RetryRule" not in stack.resources
    assert "DestinationConfig" not in stack.resources["AsyncInvocations"]
