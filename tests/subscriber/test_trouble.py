"""Whatever goes wrong in a deletion, it continues, and CloudFormation gets its response in time."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from subscriber import response
from subscriber.errors import AwsError
from subscriber.handler import Subscriber
from subscriber.jobs import Job, Kind
from subscriber.plan import Ours
from subscriber.sandbox import MAX_RESERVE, RESPONSE_SHARE
from subscriber.work import MAX_PASSES
from tests.subscriber.conftest import CloudFormation
from tests.subscriber.memory import MemoryClients, MemoryLogs
from tests.subscriber.samples import SCHEDULE, resource
from tests.subscriber.support import FOREIGN, OURS, OWN, World, group, settings

NAMES = [f"/aws/lambda/f{number:03}" for number in range(200)]
FORMER = Ours(OURS.forwarder, "former")


def answered(world: World, monkeypatch: pytest.MonkeyPatch, operation: str, given: Mapping[str, Any]) -> None:
    """Return this response to all calls of an operation."""
    others = world._answer
    monkeypatch.setattr(world, "_answer", lambda each, told: given if each == operation else others(each, told))


def remove(world: World, cloudformation: CloudFormation, **fields: object) -> str:
    """Delete the resource; return the reason in the response."""
    world.run(world.subscriber(STACK_ID="arn:stack"), resource("Delete", cloudformation.url, **fields))
    (found,) = cloudformation.responses
    assert found["Status"] == "SUCCESS"
    return str(found["Reason"])


class Stuck(MemoryLogs):
    """Throttles each attempt to remove a filter from one group."""

    stuck = NAMES[5]

    def delete_subscription_filter(self, *, logGroupName: str, filterName: str) -> None:  # noqa: N803
        if logGroupName == self.stuck:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "as told"}}, "any")
        super().delete_subscription_filter(logGroupName=logGroupName, filterName=filterName)


@pytest.mark.parametrize("seconds", [10, 60, 900])
def test_a_group_that_aws_always_throttles_holds_up_no_other(
    world: World, cloudformation: CloudFormation, seconds: float
) -> None:
    logs = Stuck([group(name, FOREIGN, OWN) for name in NAMES])
    began = world.clock.now()
    subscriber = Subscriber(settings(MAX_ROUNDS="100"), MemoryClients(logs, world.session), world.clock)
    world.run(subscriber, resource("Delete", cloudformation.url), seconds)

    assert [found.name for found in logs.groups.values() if OWN in found.filters] == [Stuck.stuck]
    assert cloudformation.responses[0]["Reason"].startswith("Some filters may remain (1 log groups failed).")
    # A pass takes a quarter of a second for each group, and at most two minutes for that one.
    assert world.clock.now() - began < MAX_PASSES * (len(NAMES) / 4 + 120)


@pytest.mark.parametrize("operation", ["DescribeLogGroups", "GetResources"])
def test_a_page_that_repeats_ends_the_run(world: World, monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    world.create(*NAMES[:3])
    page: dict[str, Any] = {"nextToken": "t", "PaginationToken": "t", "logGroups": [], "ResourceTagMappingList": []}
    answered(world, monkeypatch, operation, page)
    with pytest.raises(AwsError, match=f"{operation} failed: a page comes again"):
        world.run(world.subscriber(TAGS="env"), SCHEDULE)


def test_a_group_whose_filters_have_no_end_holds_up_no_other(
    world: World, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create(*NAMES[:3], filters=[OWN])
    others = world._answer

    def endless(operation: str, told: Mapping[str, Any]) -> dict[str, Any] | None:
        if operation == "DescribeSubscriptionFilters" and told["logGroupName"] == NAMES[1]:
            return {"subscriptionFilters": [], "nextToken": {"": "a", "a": "b", "b": "a"}[told.get("nextToken", "")]}
        return others(operation, told)

    monkeypatch.setattr(world, "_answer", endless)
    assert "1 log groups failed" in remove(world, cloudformation)
    assert world.subscribed() == {NAMES[1]}


@pytest.mark.parametrize("seconds", [20, 120, 900])
def test_handing_on_ends_before_the_invocation_does(
    world: World, cloudformation: CloudFormation, seconds: float
) -> None:
    world.create(*NAMES, filters=[OWN])
    world.latency = 0.5
    world.refuse("Invoke", "TooManyRequestsException")
    context = world.context(seconds)
    rate = len(NAMES) / 2 / seconds  # too slow to be done
    world.subscriber(CALLS_PER_SECOND=f"{rate:.2f}").handle(resource("Delete", cloudformation.url), context)

    assert "(the rest could not be handed on: " in cloudformation.responses[0]["Reason"]
    assert context.get_remaining_time_in_millis() > 0


def test_the_time_that_is_reserved_for_a_response_is_enough_for_all_attempts() -> None:
    longest = response.ATTEMPTS * response.TIMEOUT + (response.ATTEMPTS - 1) * response.PAUSE
    last_call = 7  # seconds: it may begin right before that time does
    assert longest + last_call <= RESPONSE_SHARE * MAX_RESERVE


@pytest.mark.parametrize("physical_id", [OURS.id, FORMER.id])
@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("DescribeLogGroups", {}),
        ("DescribeLogGroups", {"logGroups": [{}, {"logGroupName": NAMES[0]}]}),
        ("DescribeSubscriptionFilters", {}),
        ("DescribeSubscriptionFilters", {"subscriptionFilters": [{}, {"filterName": OWN.name}]}),
        ("DescribeStacks", {}),
        ("DescribeStacks", {"Stacks": []}),
        ("DescribeStacks", {"Stacks": [{}]}),
    ],
)
def test_a_response_without_the_expected_content_does_not_stop_a_deletion(
    *,
    world: World,
    cloudformation: CloudFormation,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    given: Mapping[str, Any],
    physical_id: str,
) -> None:
    world.create(NAMES[0], filters=[OWN])
    answered(world, monkeypatch, operation, given)
    assert remove(world, cloudformation, PhysicalResourceId=physical_id).startswith("All filters are ")


def test_an_unexpected_error_is_reported_by_its_type_and_with_what_to_do(
    world: World, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create(NAMES[0], filters=[OWN])
    answered(world, monkeypatch, "DescribeSubscriptionFilters", {"subscriptionFilters": [7]})
    assert remove(world, cloudformation).startswith("Some filters may remain (AttributeError). Remove them with: ")


def test_an_unexpected_error_fails_an_invocation_that_owes_no_response(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create(NAMES[0])
    answered(world, monkeypatch, "DescribeSubscriptionFilters", {"subscriptionFilters": [7]})
    with pytest.raises(AttributeError):
        world.run(world.subscriber(), SCHEDULE)


def test_a_job_that_another_version_of_this_code_began_is_continued(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create(NAMES[0], filters=[OWN])
    request = {**response.request_of(resource("Delete", cloudformation.url), OURS.id)}
    event: Any = Job(Kind.REMOVAL, world.clock.epoch(), former=OURS.id, request=request).as_event()
    event["continue"] |= {"new": 1, "cursor": {"newer": 2}}
    del event["continue"]["passes"]
    world.run(world.subscriber(), event)
    assert cloudformation.responses[0]["Reason"] == "All filters are removed."
