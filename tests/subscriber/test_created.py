"""A new log group is subscribed when EventBridge reports it."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from subscriber.errors import IncompleteError, UnsupportedEventError
from tests.subscriber.samples import created
from tests.subscriber.support import LONG, SLOW, World, group

NEW = "/aws/lambda/new"


def test_a_wanted_group_is_subscribed(world: World) -> None:
    world.create(NEW, f"{NEW}-2")
    assert world.subscriber().handle(created(NEW), world.context())["subscribed"] == 1
    assert world.subscribed() == {NEW}


@pytest.mark.parametrize("name", ["/ecs/web", "/aws/lambda/a-test", "/aws/lambda/forwarder", "/aws/lambda/subscriber"])
def test_a_group_that_is_not_wanted_costs_no_call(world: World, name: str) -> None:
    world.create(name)
    calls = len(world.calls)
    assert world.subscriber(EXCLUDE="*-test").handle(created(name), world.context())["skipped"] == 1
    assert len(world.calls) == calls


def test_a_group_of_another_class_is_skipped(world: World) -> None:
    world.create(NEW)
    world.classes[NEW] = "DELIVERY"
    assert world.subscriber().handle(created(NEW), world.context())["skipped"] == 1


def test_a_group_that_is_gone_again_is_skipped(world: World) -> None:
    world.create(f"{NEW}-2")
    assert world.subscriber().handle(created(NEW), world.context())["skipped"] == 1
    assert world.subscribed() == set()


def test_a_failed_creation_is_ignored(world: World) -> None:
    event = created(NEW, errorCode="ResourceAlreadyExistsException", requestParameters=None)
    assert world.subscriber().handle(event, world.context())["skipped"] == 1


@pytest.mark.parametrize(("tags", "subscribed"), [({"team": "shop"}, {NEW}), ({}, set())])
def test_tags_are_those_of_the_group_itself(world: World, tags: dict[str, str], subscribed: set[str]) -> None:
    world.create(NEW, tags=tags)
    world.subscriber(TAGS="team=shop").handle(created(NEW), world.context())
    assert world.subscribed() == subscribed
    assert not world.count("GetResources")


def test_fifty_at_once_are_paced(world: World) -> None:
    names = [f"/aws/lambda/n{number}" for number in range(50)]
    world.create(*names)
    subscriber = world.subscriber(CALLS_PER_SECOND="4")
    for name in names:
        subscriber.handle(created(name), world.context())

    puts = [at for at, operation in world.calls if operation == "PutSubscriptionFilter"]
    assert world.subscribed() == set(names)
    assert max(sum(at <= put < at + 1 for put in puts) for at, _ in itertools.groupby(puts)) <= 8
    assert puts[-1] - puts[0] == pytest.approx(11.5, abs=1)


def test_a_new_group_survives_throttling_of_each_call_more_than_once(world: World) -> None:
    world.create(NEW, tags={"team": "shop"})
    calls = ["DescribeLogGroups", "ListTagsForResource", "DescribeSubscriptionFilters", "PutSubscriptionFilter"]
    for operation in calls:
        world.refuse(operation, "ThrottlingException", times=3)
    world.subscriber(TAGS="team=shop").handle(created(NEW), world.context())
    assert world.subscribed() == {NEW}


def test_a_function_that_gets_the_same_events_does_not_loop_whatever_its_log_group_is(world: World) -> None:
    world.create("/custom/copy")
    world.configurations["copy"] = {"LoggingConfig": {"LogGroup": "/custom/copy"}}
    subscriber = world.subscriber(INCLUDE="*", PROTECTED_FUNCTIONS="copy")
    assert subscriber.handle(created("/custom/copy"), world.context())["skipped"] == 1
    assert world.subscribed() == set()


def test_a_new_group_is_found_although_the_first_page_is_empty(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create(NEW)
    answer = world._answer

    def empty_first(operation: str, told: Mapping[str, Any]) -> dict[str, Any] | None:
        if operation == "DescribeLogGroups" and "nextToken" not in told:
            return {"logGroups": [], "nextToken": "more"}
        if operation == "DescribeLogGroups":
            return {"logGroups": [{"logGroupName": NEW, "arn": f"{group(NEW).arn}:*"}]}
        return answer(operation, told)

    monkeypatch.setattr(world, "_answer", empty_first)
    world.subscriber().handle(created(NEW), world.context())
    assert world.subscribed() == {NEW}


def test_what_failed_is_left_to_lambda_to_retry(world: World) -> None:
    world.create(NEW)
    world.refuse("PutSubscriptionFilter", "AccessDeniedException")
    with pytest.raises(IncompleteError, match="PutSubscriptionFilter failed: AccessDeniedException"):
        world.subscriber().handle(created(NEW), world.context())


def test_a_pattern_that_takes_too_long_fails_the_invocation(world: World) -> None:
    world.create(LONG)
    with pytest.raises(IncompleteError, match="ran over its time limit"):
        world.subscriber(EXCLUDE=SLOW).handle(created(LONG), world.context())
    assert world.subscribed() == set()


def test_nothing_is_subscribed_once_the_stack_is_being_deleted(world: World) -> None:
    world.create(NEW)
    world.stack_status = "DELETE_IN_PROGRESS"
    world.subscriber(STACK_ID="arn:stack").handle(created(NEW), world.context())
    assert world.subscribed() == set()


@pytest.mark.parametrize("parameters", [{}, {"logGroupName": 1}, None, [NEW], NEW], ids=str)
def test_an_event_without_a_name_is_an_error(world: World, parameters: object) -> None:
    with pytest.raises(UnsupportedEventError, match=r"detail\.requestParameters\.logGroupName"):
        world.subscriber().handle(created(NEW, requestParameters=parameters), world.context())
