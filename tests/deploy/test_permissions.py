"""The roles may do what is needed, in the stacks that need it, and nothing else."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.deploy.calls import (
    ANY,
    CALLS,
    ORDERS,
    PARAMETER,
    RETURNS,
    ROLES,
    STACKS,
    Right,
    needed,
    rights,
)
from tests.deploy.cloudformation import STACK_ID, TEMPLATE, Stack, mappings
from tests.deploy.policies import Request, allows, applies, grains
from tests.deploy.recording import Recording

FUNCTIONS = [
    (function, stack) for function, role in ROLES.items() for stack in STACKS if role in STACKS[stack].resources
]
each_role = pytest.mark.parametrize(("function", "stack"), FUNCTIONS)


@cache
def statements(function: str, stack: str) -> list[dict[str, Any]]:
    return STACKS[stack].statements(ROLES[function])


def is_used(grain: dict[str, Any], function: str, stack: str) -> bool:
    return any(applies(grain, right.request) for right in needed(function, stack))


def missing(allowed: list[dict[str, Any]], function: str, stack: str) -> list[Request]:
    return [right.request for right in needed(function, stack) if not allows(allowed, right.request)]


def test_the_calls_in_the_table_are_those_that_the_tests_make(recording: Recording) -> None:
    assert recording.calls == CALLS.keys()


@each_role
def test_nothing_is_missing(function: str, stack: str) -> None:
    assert not missing(statements(function, stack), function, stack)


@each_role
def test_nothing_is_allowed_that_is_not_needed(function: str, stack: str) -> None:
    unused = [grain for grain in grains(statements(function, stack)) if not is_used(grain, function, stack)]

    # Each entry in a list of buckets and objects is there in both forms.
    assert not [grain for grain in unused if not is_other_form(grain)]


def is_other_form(grain: dict[str, Any]) -> bool:
    """Return whether a statement comes from an entry of `S3BucketArnList`, in the form in which it allows nothing."""
    resource: str = grain["Resource"]
    lists, is_bucket = grain["Action"] == "s3:ListBucket", "/" not in resource
    return resource.startswith((ORDERS, RETURNS)) and (lists != is_bucket or resource.endswith("/*/*"))


@pytest.mark.parametrize(
    ("function", "right"),
    list(rights()),
    ids=[f"{function} {right.action} {right.resource}" for function, right in rights()],
)
def test_a_right_is_given_in_the_stacks_that_need_it_and_in_no_other(function: str, right: Right) -> None:
    given = {stack for each, stack in FUNCTIONS if each == function and allows(statements(each, stack), right.request)}

    assert given == right.stacks


@each_role
def test_no_statement_is_superfluous(function: str, stack: str) -> None:
    allowed = statements(function, stack)

    for number in range(len(allowed)):
        assert missing(allowed[:number] + allowed[number + 1 :], function, stack), allowed[number]


@pytest.mark.parametrize("action", ["s3:DeleteBucket", "s3:*", "logs:DeleteLogGroup", "iam:PassRole", "*"])
def test_an_additional_statement_would_be_noticed(action: str) -> None:
    grain = {"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::other/any"}

    assert not is_used(grain, "forwarder", "default")


# No more than that is allowed: no similar request, and nothing in other stacks


def neighbours(right: Right) -> Iterator[Request]:
    """Yield what differs from it in one word: in its name, folder, account or region."""
    for resource in others(right.resource):
        yield Request(right.action, resource, right.context)
    for prefix in others(right.context.get("s3:prefix", "")):
        yield Request(right.action, right.resource, {**right.context, "s3:prefix": prefix})


def others(text: str) -> Iterator[str]:
    for word in re.finditer(r"[^:/*]+", text):
        if word[0] != ANY:
            yield from (text[: word.start()] + other + text[word.end() :] for other in (f"x{word[0]}", f"{word[0]}x"))


EVERYTHING = [request for _, right in rights() for request in (right.request, *neighbours(right))]


@each_role
def test_what_a_role_needs_gives_it_nothing_else(function: str, stack: str) -> None:
    allowed = [request for request in EVERYTHING if allows(statements(function, stack), request)]

    assert allowed
    given = needed(function, stack)
    assert not [request for request in allowed if not any(right.covers(request) for right in given)]


def choices(value: Any, stack: Stack, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """Yield the place of each `Fn::If` that a stack evaluates, and which way it goes."""
    if isinstance(value, dict) and "Fn::If" in value:
        condition, *branches = value["Fn::If"]
        holds = stack.holds(condition)
        yield (*place, condition), holds
        yield from choices(branches[0 if holds else 1], stack, (*place, condition, holds))
    elif isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from choices(child, stack, (*place, key))


POLICIES = [
    name for name, each in TEMPLATE["Resources"].items() if {"Policies", "PolicyDocument"} & each["Properties"].keys()
]


@pytest.mark.parametrize("name", POLICIES)
def test_every_choice_in_a_policy_goes_both_ways_in_these_stacks(name: str) -> None:
    policies = {key: each for key, each in TEMPLATE["Resources"][name]["Properties"].items() if "olic" in key}
    ways: dict[tuple[Any, ...], set[bool]] = {}
    for stack in STACKS.values():
        if name in stack.resources:
            for place, way in choices(policies, stack):
                ways.setdefault(place, set()).add(way)

    assert not [place for place, gone in ways.items() if gone != {True, False}]


# What the roles must never be able to do

FORBIDDEN = [
    ("s3:GetObject", "arn:aws:s3:::other/any"),
    ("s3:GetObject", "arn:aws:s3:::returns/2025/any"),
    ("s3:GetObject", "arn:aws:s3:::failed/failed_events/another/any"),
    ("s3:PutObject", "arn:aws:s3:::orders/any"),
    ("s3:DeleteObject", "arn:aws:s3:::failed/tag_cache/forwarder/any"),
    ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:other-a1B2c3"),
    ("ssm:GetParameter", f"{PARAMETER}s"),
    ("sqs:ReceiveMessage", "arn:aws:sqs:us-east-1:123456789012:other"),
    ("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/other"),
    ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:other"),
    ("logs:ListTagsForResource", "arn:aws:logs:us-east-1:210987654321:log-group:other"),
    ("logs:PutSubscriptionFilter", "arn:aws:logs:us-east-1:210987654321:log-group:other"),
    ("logs:DeleteSubscriptionFilter", "arn:aws:logs:eu-west-1:123456789012:log-group:other"),
    ("logs:DeleteLogGroup", "arn:aws:logs:us-east-1:123456789012:log-group:other"),
    ("logs:PutLogEvents", "arn:aws:logs:us-east-1:123456789012:log-group:other:log-stream:any"),
    ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:forwarder"),
    ("lambda:UpdateFunctionCode", "arn:aws:lambda:us-east-1:123456789012:function:forwarder"),
    ("lambda:GetFunctionConfiguration", "arn:aws:lambda:us-east-1:123456789012:function:other"),
    ("cloudformation:DescribeStacks", STACK_ID.replace("/logs/", "/other/")),
    ("iam:PassRole", "arn:aws:iam::123456789012:role/any"),
    ("ec2:DeleteNetworkInterface", "arn:aws:ec2:us-east-1:210987654321:network-interface/eni-1"),
]


@pytest.mark.parametrize(("action", "resource"), FORBIDDEN)
def test_what_no_function_needs_is_denied_in_every_stack(action: str, resource: str) -> None:
    request = Request(action, resource)

    assert not [place for place in FUNCTIONS if allows(statements(*place), request)]


@pytest.mark.parametrize(
    "folder", ["", "tag_cache/forwarder/", "failed_events/forwarder/", "aws/lambda/async/forwarder/"]
)
def test_nothing_is_written_into_a_bucket_of_another_account_that_took_the_name_of_the_stacks(folder: str) -> None:
    request = Request("s3:PutObject", f"arn:aws:s3:::failed/{folder}any", {"s3:ResourceAccount": "210987654321"})

    made = [stack for stack in STACKS if "FailedEventsBucket" in STACKS[stack].resources]
    assert not [stack for stack in made if allows(statements("forwarder", stack), request)]


def test_a_resource_is_a_wildcard_only_where_aws_supports_no_other() -> None:
    free = {
        action
        for stack in STACKS.values()
        for role in ROLES.values()
        if role in stack.resources
        for grain in grains(stack.statements(role))
        if grain["Resource"] == "*"
        for action in [grain["Action"]]
    }

    assert free == {"tag:GetResources", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"}


def test_no_action_is_a_wildcard() -> None:
    allowed = [mapping for mapping in mappings(TEMPLATE["Resources"]) if mapping.get("Effect") == "Allow"]

    assert allowed
    assert not [statement for statement in allowed if "*" in str(statement["Action"])]


def test_a_secret_may_be_given_without_the_characters_that_aws_adds() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog"
    stack = Stack(TEMPLATE, DdApiKeySecretArn=arn)

    assert allows(stack.statements(), Request("secretsmanager:GetSecretValue", f"{arn}-a1B2c3"))


@pytest.mark.parametrize("role", ROLES.values())
def test_a_role_is_lambdas_and_has_only_the_policies_in_the_template(role: str) -> None:
    properties = STACKS["subscriber"].resources[role]

    [trust] = properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert "ManagedPolicyArns" not in properties


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_rights_are_those_of_the_partition(partition: str) -> None:
    stack = Stack(
        TEMPLATE, **{"AWS::Partition": partition, "SubscribeLogGroups": "true", "DdFetchLogGroupTags": "true"}
    )

    allowed = [*stack.statements(), *stack.statements("SubscriberRole")]
    arns = [
        grain["Resource"]
        for grain in grains(allowed)
        if grain["Resource"] not in {"*", stack.resolve({"Ref": "AWS::StackId"})}
    ]
    assert arns
    assert not [arn for arn in arns if not re.match(rf"arn:{partition}:", arn)]


def test_seventy_buckets_fit_into_what_iam_lets_the_policies_of_a_role_have() -> None:
    buckets = ",".join(f"arn:aws:s3:::{number:02}-access-logs-of-the-shop-123456789012" for number in range(70))
    stack = Stack(TEMPLATE, FunctionName="logs-Forwarder-1A2B3C4D5E6F", S3BucketArnList=buckets).resources

    policies = [*stack["ForwarderRole"]["Policies"], stack["ForwarderPolicy"]]
    assert sum(len(json.dumps(each["PolicyDocument"], separators=(",", ":"))) for each in policies) < 10_240
