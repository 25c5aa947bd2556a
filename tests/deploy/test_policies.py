"""The evaluator of policies decides as IAM does."""

from typing import Any

import pytest

from tests.deploy.policies import Request, allows, grains

ORDERS = "arn:aws:s3:::orders/2026/11/22.log"


def allow(action: Any = "s3:GetObject", resource: Any = "arn:aws:s3:::orders/*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def condition(operator: str, value: Any, key: str = "s3:prefix") -> dict[str, Any]:
    return allow("s3:ListBucket", "*", Condition={operator: {key: value}})


def listing(**context: str) -> Request:
    return Request("s3:ListBucket", "arn:aws:s3:::orders", {name.replace("_", ":"): v for name, v in context.items()})


def test_what_no_statement_allows_is_denied() -> None:
    assert not allows([], Request("s3:GetObject", ORDERS))


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:Get*", "s3:getobject", ["s3:PutObject", "s3:GetObject"], "*"])
def test_an_action_that_matches_is_allowed(action: Any) -> None:
    assert allows([allow(action)], Request("s3:GetObject", ORDERS))


@pytest.mark.parametrize("action", ["s3:GetObjectVersion", "s3:Get", "s3:Get?", ["s3:PutObject"]])
def test_an_action_that_does_not_match_is_denied(action: Any) -> None:
    assert not allows([allow(action)], Request("s3:GetObject", ORDERS))


@pytest.mark.parametrize("resource", [ORDERS, "*", "arn:aws:s3:::orders/*.log", "arn:aws:s3:::order?/*"])
def test_a_resource_that_matches_is_allowed(resource: str) -> None:
    assert allows([allow(resource=resource)], Request("s3:GetObject", ORDERS))


@pytest.mark.parametrize("resource", ["arn:aws:s3:::orders", "arn:aws:s3:::ORDERS/*", "arn:aws:s3:::other/*"])
def test_a_resource_that_does_not_match_is_denied(resource: str) -> None:
    assert not allows([allow(resource=resource)], Request("s3:GetObject", ORDERS))


def test_a_dot_in_a_resource_is_a_dot() -> None:
    assert not allows([allow(resource="arn:aws:s3:::a.b")], Request("s3:GetObject", "arn:aws:s3:::a-b"))


def test_a_denial_wins_over_whatever_allows_it() -> None:
    denial = {**allow(), "Effect": "Deny"}

    assert not allows([allow(), denial, allow("*", "*")], Request("s3:GetObject", ORDERS))


def test_a_denial_of_something_else_changes_nothing() -> None:
    denial = {**allow("s3:PutObject"), "Effect": "Deny"}

    assert allows([allow(), denial], Request("s3:GetObject", ORDERS))


@pytest.mark.parametrize(
    ("operator", "wanted"),
    [("StringEquals", "logs/a"), ("StringLike", "logs/*"), ("StringLike", ["other", "logs/?"])],
)
def test_a_condition_that_is_met_allows(operator: str, wanted: Any) -> None:
    assert allows([condition(operator, wanted)], listing(s3_prefix="logs/a"))


@pytest.mark.parametrize(("operator", "wanted"), [("StringEquals", "logs/*"), ("StringLike", ["other", "logs"])])
def test_a_condition_that_is_not_met_does_not_allow(operator: str, wanted: Any) -> None:
    assert not allows([condition(operator, wanted)], listing(s3_prefix="logs/a"))


def test_a_condition_on_an_unknown_key_is_not_met() -> None:
    assert not allows([condition("StringLike", "*")], listing())


def test_if_exists_is_met_by_an_unknown_key() -> None:
    assert allows([condition("StringLikeIfExists", "logs/*")], listing())


def test_if_exists_compares_a_known_key() -> None:
    assert not allows([condition("StringLikeIfExists", "logs/*")], listing(s3_prefix="other/"))


@pytest.mark.parametrize(("secure", "expected"), [("false", True), ("true", False)])
def test_a_boolean_is_compared(secure: str, expected: bool) -> None:
    statement = condition("Bool", "false", "aws:SecureTransport")

    assert allows([statement], listing(aws_SecureTransport=secure)) is expected


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:events:eu-west-1:123456789012:rule/retry", True),
        ("arn:aws:events:eu-west-1:210987654321:rule/retry", False),
        ("arn:aws:events:eu-west-1:x:123456789012:rule/retry", False),
    ],
)
def test_arns_are_compared_part_by_part(arn: str, expected: bool) -> None:
    statement = condition("ArnLike", "arn:aws:events:*:123456789012:rule/*", "aws:SourceArn")

    assert allows([statement], listing(aws_SourceArn=arn)) is expected


def test_all_conditions_have_to_be_met() -> None:
    statement = condition("StringEquals", "logs/") | {
        "Condition": {"StringEquals": {"s3:prefix": "logs/"}, "Bool": {"aws:SecureTransport": "true"}}
    }

    assert not allows([statement], listing(s3_prefix="logs/", aws_SecureTransport="false"))


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(KeyError):
        allows([condition("IpAddress", "10.0.0.0/8")], listing(s3_prefix="logs/"))


def test_statements_are_split_into_one_action_on_one_resource_each() -> None:
    taken = [(each["Action"], each["Resource"]) for each in grains([allow(["a:B", "a:C"], ["x", "y"])])]

    assert taken == [("a:B", "x"), ("a:B", "y"), ("a:C", "x"), ("a:C", "y")]
