"""When the stack is deleted, its filters are removed, and CloudFormation always gets its response."""

from typing import Any

import pytest

from subscriber.handler import NOT_CREATED, Subscriber
from subscriber.plan import Ours
from subscriber.records import Filter
from subscriber.work import MAX_WAIT
from tests.subscriber.conftest import CloudFormation
from tests.subscriber.deletion import FEW, MANY, REMOVE, only_response, remove
from tests.subscriber.memory import MemoryClients, MemoryLogs
from tests.subscriber.samples import resource
from tests.subscriber.support import (
    FOREIGN,
    OURS,
    OWN,
    THEIRS,
    World,
    group,
    settings,
)


def test_five_thousand_groups_are_unsubscribed_ten_seconds_at_a_time(
    world: World, cloudformation: CloudFormation
) -> None:
    logs = MemoryLogs([group(name, FOREIGN, OWN) for name in MANY])  # moto takes longer
    clients = MemoryClients(logs, world.session)
    began = world.clock.now()
    subscriber = Subscriber(settings(MAX_ROUNDS="400", LOG_LEVEL="ERROR"), clients, world.clock)

    assert world.run(subscriber, resource("Delete", cloudformation.url), seconds=10) > 100
    assert all(found.filters == (FOREIGN,) for found in logs.groups.values())
    assert only_response(cloudformation)["Reason"] == "All filters are removed."
    assert world.clock.now() - began < MAX_WAIT


def test_each_filter_is_removed_once_however_many_rounds_it_takes(world: World, cloudformation: CloudFormation) -> None:
    world.create(*MANY[:500], filters=[OWN, FOREIGN])
    world.latency = 0.03

    assert remove(world, cloudformation, seconds=10) > 10
    assert world.count("DeleteSubscriptionFilter") == 500
    assert all(list(found) == [FOREIGN.name] for found in world.filters().values())
    assert only_response(cloudformation)["Reason"] == "All filters are removed."


def test_no_round_outlasts_its_invocation(world: World, cloudformation: CloudFormation) -> None:
    world.create(*MANY[:200], filters=[OWN])
    world.latency = 0.03
    subscriber = world.subscriber()
    event: dict[str, Any] = resource("Delete", cloudformation.url)
    for _ in range(3):
        context = world.context(10)
        subscriber.handle(event, context)
        (event,) = [world.invoked.pop()]
        assert 0 < context.get_remaining_time_in_millis() < 4_000


def test_the_groups_of_the_selection_are_unsubscribed_first(world: World, cloudformation: CloudFormation) -> None:
    world.create(*(f"/a/{number}" for number in range(200)), "/z")
    world.create("/aws/lambda/x", filters=[OWN])
    world.subscriber().handle(resource("Delete", cloudformation.url), world.context(10))
    assert world.subscribed() == set()
    assert world.invoked  # there is more to look at


def test_a_removal_that_failed_for_a_while_is_retried(world: World, cloudformation: CloudFormation) -> None:
    world.create(*FEW, filters=[OWN])
    world.refuse("DeleteSubscriptionFilter", "ThrottlingException", group=FEW[3], times=10)
    remove(world, cloudformation)
    assert world.subscribed() == set()
    assert only_response(cloudformation)["Reason"] == "All filters are removed."


def test_a_group_that_is_gone_counts_as_unsubscribed(world: World, cloudformation: CloudFormation) -> None:
    world.create(*FEW, filters=[OWN])
    world.refuse("DescribeSubscriptionFilters", "ResourceNotFoundException", group=FEW[3])
    world.refuse("DeleteSubscriptionFilter", "ResourceNotFoundException", group=FEW[5])
    remove(world, cloudformation)

    assert world.subscribed() == {FEW[3], FEW[5]}  # as moto still has them
    assert only_response(cloudformation)["Reason"] == "All filters are removed."


def test_a_group_to_which_access_is_denied_does_not_stop_the_deletion(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create(*FEW, filters=[OWN])
    world.refuse("DeleteSubscriptionFilter", "AccessDeniedException", group=FEW[3])
    remove(world, cloudformation, seconds=5)

    answer = only_response(cloudformation)
    assert world.subscribed() == {FEW[3]}
    assert answer["Status"] == "SUCCESS"
    assert answer["Reason"].startswith(f"Some filters may remain (1 log groups failed). Remove them with: {REMOVE}")


@pytest.mark.parametrize("operation", ["DescribeLogGroups", "DescribeSubscriptionFilters", "DeleteSubscriptionFilter"])
def test_without_any_access_the_deletion_succeeds_and_says_what_remains(
    world: World, cloudformation: CloudFormation, operation: str
) -> None:
    world.create(*FEW, filters=[OWN])
    world.refuse(operation, "AccessDeniedException")
    remove(world, cloudformation)

    answer = only_response(cloudformation)
    assert answer["Status"] == "SUCCESS"
    assert "Some filters may remain" in answer["Reason"]


def test_a_chain_that_has_to_end_responds_and_says_how_to_remove_the_rest(
    world: World, cloudformation: CloudFormation, capsys: pytest.CaptureFixture[str]
) -> None:
    world.create(*MANY[:500], filters=[OWN])
    assert world.run(world.subscriber(), resource("Delete", cloudformation.url), seconds=10) == 15

    answer = only_response(cloudformation)
    assert answer["Status"] == "SUCCESS"
    assert "not finished after 15 rounds" in answer["Reason"]
    assert REMOVE in answer["Reason"]
    assert REMOVE in capsys.readouterr().out


def test_an_account_too_large_for_an_hour_gets_a_response_within_it(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create(*MANY[:400], filters=[OWN])
    began = world.clock.now()
    world.run(world.subscriber(CALLS_PER_SECOND="0.1"), resource("Delete", cloudformation.url))

    assert "not finished after 50 minutes" in only_response(cloudformation)["Reason"]
    assert world.clock.now() - began == pytest.approx(MAX_WAIT, abs=20)


def test_an_hour_of_throttling_ends_with_a_response(world: World, cloudformation: CloudFormation) -> None:
    world.create(*FEW, filters=[OWN])
    world.refuse("DescribeLogGroups", "ThrottlingException")
    began = world.clock.now()
    remove(world, cloudformation)

    assert only_response(cloudformation)["Status"] == "SUCCESS"
    assert world.clock.now() - began < 3_600


def test_if_the_rest_cannot_be_handed_on_there_is_a_response(world: World, cloudformation: CloudFormation) -> None:
    world.create(*MANY[:200], filters=[OWN])
    world.refuse("Invoke", "AccessDeniedException")
    world.run(world.subscriber(), resource("Delete", cloudformation.url), seconds=10)
    assert "Invoke failed: AccessDeniedException" in only_response(cloudformation)["Reason"]


def test_a_deletion_after_an_interrupted_update_removes_both_kinds_of_filters(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create("/aws/lambda/a", "/aws/lambda/b", filters=[Filter("former", OWN.destination), OWN])
    world.create("/aws/lambda/c", filters=[OWN, FOREIGN])
    world.stack_status = "DELETE_IN_PROGRESS"
    subscriber = world.subscriber(STACK_ID="arn:stack")
    former = Ours(OURS.forwarder, "former")
    world.run(subscriber, resource("Delete", cloudformation.url, PhysicalResourceId=former.id))

    assert [list(found) for found in world.filters().values()] == [[], [], [FOREIGN.name]]


def test_an_id_that_is_not_ours_has_nothing_to_remove(world: World, cloudformation: CloudFormation) -> None:
    world.create(*FEW, filters=[OWN])
    remove(world, cloudformation, PhysicalResourceId=NOT_CREATED)

    assert world.subscribed() == set(FEW)
    assert only_response(cloudformation)["Status"] == "SUCCESS"


def test_a_deletion_leaves_the_filters_of_others(world: World, cloudformation: CloudFormation) -> None:
    world.create("/aws/lambda/a", "/ecs/b", filters=[FOREIGN, THEIRS])
    world.create("/aws/lambda/c", filters=[Filter("mine", OWN.destination), OWN])
    before = world.filters()
    del before["/aws/lambda/c"][OWN.name]
    remove(world, cloudformation)
    assert world.filters() == before
