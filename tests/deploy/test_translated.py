"""The template goes through SAM, and moto's CloudFormation creates what it supports of the result."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.deploy.cloudformation import NAMES, TEMPLATE, Stack

pytest.importorskip("samtranslator", reason="needs aws-sam-translator")

REGION = "us-east-1"
ACCOUNT = "123456789012"
PARAMETERS = {
    "DdApiKey": "0123456789abcdef",
    "FunctionName": "forwarder",
    "S3BucketArnList": "arn:aws:s3:::orders",
    "SqsQueueArnList": f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders",
    "KinesisStreamArnList": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/orders",
    "SubscribeLogGroups": "true",
    "SubscribeInclude": "/aws/lambda/",
    "DdForwarderBucketName": "failed",
}

# What moto does not create, and where else it is tested.
CHECKED_ELSEWHERE = {
    "AWS::CloudWatch::Alarm": "test_watching.py",
    "AWS::Lambda::EventInvokeConfig": "test_failed_events.py",
    "AWS::S3::BucketPolicy": "test_failed_events.py",
    "AWS::SecretsManager::Secret": "test_template.py",
    "Custom::Subscriptions": "test_subscriber.py, tests/subscriber/test_stack.py",
}


@pytest.fixture(scope="module")
def template() -> Iterator[dict[str, Any]]:
    """Return what SAM makes of the template after `sam package`."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    template = deepcopy(TEMPLATE)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://packages/forwarder.zip"
    defaults = {name: each["Default"] for name, each in template["Parameters"].items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        yield Translator({}, Parser()).translate(template, defaults | PARAMETERS)


@pytest.fixture(scope="module")
def created(template: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Create the stack; return its resources' types by their names in the template.

    Functions are worked out beforehand, since moto does not leave out what is `AWS::NoValue`.
    """
    stack = Stack(template, **PARAMETERS)
    resources = {name: _named(name, template["Resources"][name], each) for name, each in stack.resources.items()}
    known = {name: each for name, each in resources.items() if each["Type"] not in CHECKED_ELSEWHERE}
    known = dict(sorted(known.items(), key=lambda item: _rank(item[1]["Type"])))
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        _make_what_is_there_before()
        client = boto3.client("cloudformation")
        client.create_stack(StackName="logs", TemplateBody=json.dumps({"Resources": known}))
        found = client.describe_stack_resources(StackName="logs")["StackResources"]
        yield {each["LogicalResourceId"]: each["ResourceType"] for each in found}


def _named(name: str, resource: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    kind = resource["Type"]
    return {"Type": kind, "Properties": ({NAMES[kind]: f"logs-{name}"} if kind in NAMES else {}) | properties}


def _rank(kind: str) -> int:
    """Create resources after those that they refer to, which moto cannot see any more."""
    first = ("AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::Lambda::Function")
    return first.index(kind) if kind in first else len(first)


def _make_what_is_there_before() -> None:
    boto3.client("s3").create_bucket(Bucket="packages")
    boto3.client("s3").put_object(Bucket="packages", Key="forwarder.zip", Body=b"no code: it is never run")
    boto3.client("sqs").create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "120"})
    boto3.client("kinesis").create_stream(StreamName="orders", ShardCount=1)


def test_sam_changes_only_the_functions(template: dict[str, Any]) -> None:
    functions = {name for name, each in TEMPLATE["Resources"].items() if each["Type"] == "AWS::Serverless::Function"}

    before, after = Stack(TEMPLATE, **PARAMETERS).resources, Stack(template, **PARAMETERS).resources
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == functions


@pytest.mark.parametrize("name", ["Forwarder", "Subscriber"])
def test_sam_makes_a_function_with_the_same_properties(template: dict[str, Any], name: str) -> None:
    before, after = Stack(TEMPLATE, **PARAMETERS).resources[name], Stack(template, **PARAMETERS).resources[name]

    assert after["Code"] == {"S3Bucket": "packages", "S3Key": "forwarder.zip"}
    del before["CodeUri"]
    assert {name: after[name] for name in before} == before


def test_sam_makes_no_resource_of_its_own(template: dict[str, Any]) -> None:
    assert template["Resources"].keys() == TEMPLATE["Resources"].keys()


def test_all_that_moto_supports_is_created(created: dict[str, str]) -> None:
    wanted = {name: TEMPLATE["Resources"][name]["Type"] for name in Stack(TEMPLATE, **PARAMETERS).resources}
    kinds = {"AWS::Serverless::Function": "AWS::Lambda::Function"}

    assert created == {name: kinds.get(kind, kind) for name, kind in wanted.items() if kind not in CHECKED_ELSEWHERE}


def test_the_function_that_was_created_has_its_environment(created: dict[str, str]) -> None:
    found = boto3.client("lambda").get_function_configuration(FunctionName="forwarder")

    assert found["Environment"]["Variables"] == Stack(TEMPLATE, **PARAMETERS).variables


def test_four_services_may_invoke_the_function_that_was_created(created: dict[str, str]) -> None:
    policy = json.loads(boto3.client("lambda").get_policy(FunctionName="forwarder")["Policy"])

    services = {statement["Principal"]["Service"].split(".")[0] for statement in policy["Statement"]}
    assert services == {"logs", "s3", "sns", "events"}


def test_the_mappings_that_were_created_report_failures_by_item(created: dict[str, str]) -> None:
    found = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]

    assert len(found) == 2
    assert all(each["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for each in found)


def test_the_role_that_was_created_has_all_policies(created: dict[str, str]) -> None:
    names = boto3.client("iam").list_role_policies(RoleName="logs-ForwarderRole")["PolicyNames"]

    policies = Stack(TEMPLATE, **PARAMETERS).resources["ForwarderRole"]["Policies"]
    assert set(names) == {policy["PolicyName"] for policy in policies} | {"WriteOwnLogAndUseBucket"}
