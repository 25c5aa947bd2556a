"""CloudFormation creates, updates and deletes the custom resource, and always gets its response."""

import shlex
from typing import Any

import pytest

from subscriber import COMMAND
from subscriber.errors import AwsError, ConfigurationError, SubscriberError
from subscriber.handler import NOT_CREATED, lambda_handler, refuse
from subscriber.plan import Ours
from subscriber.records import Filter
from subscriber.work import MAX_WAIT
from tests.subscriber.conftest import CloudFormation
from tests.subscriber.deletion import FEW, MANY, OLD, REMOVE, only_response, remove
from tests.subscriber.samples import resource
from tests.subscriber.support import (
    FOREIGN,
    INCUMBENT,
    OURS,
    OWN,
    Clock,
    Context,
    World,
)


def test_a_new_stack_subscribes_all_wanted_groups(world: World, cloudformation: CloudFormation) -> None:
    world.create(*FEW, "/ecs/a")
    world.run(world.subscriber(), resource("Create", cloudformation.url))

    assert world.subscribed() == set(FEW)
    assert only_response(cloudformation)["Status"] == "SUCCESS"
    assert only_response(cloudformation)["PhysicalResourceId"] == OURS.id


def test_a_new_stack_leaves_what_was_made_by_hand_in_groups_that_are_not_wanted(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create("/ecs/a", filters=[OWN])
    world.run(world.subscriber(), resource("Create", cloudformation.url))
    assert world.subscribed() == {"/ecs/a"}


@pytest.mark.parametrize(
    ("code", "rounds", "left"), [("ThrottlingException", 2, set()), ("AccessDenied", 1, {"/ecs/a"})]
)
def test_what_could_not_be_unsubscribed_is_tried_again_if_that_may_succeed(
    world: World, cloudformation: CloudFormation, code: str, rounds: int, left: set[str]
) -> None:
    world.create("/ecs/a", filters=[OWN])
    world.refuse("DeleteSubscriptionFilter", code, times=10)
    assert world.run(world.subscriber(), resource("Update", cloudformation.url)) == rounds
    assert world.subscribed() == left


def test_what_always_fails_is_not_retried_forever(
    world: World, cloudformation: CloudFormation, capsys: pytest.CaptureFixture[str]
) -> None:
    world.create("/ecs/a", filters=[OWN])
    world.refuse("DeleteSubscriptionFilter", "ThrottlingException")
    assert world.run(world.subscriber(), resource("Update", cloudformation.url)) == 2
    assert "(1 log groups failed). The next scheduled run tries wanted ones again, and" in capsys.readouterr().out


def test_a_stack_need_not_wait_for_its_groups(world: World, cloudformation: CloudFormation) -> None:
    world.create(*FEW)
    world.refuse("DescribeLogGroups", "AccessDeniedException")
    with pytest.raises(AwsError):
        world.run(world.subscriber(), resource("Create", cloudformation.url))
    assert only_response(cloudformation)["Status"] == "SUCCESS"


def test_a_response_repeats_what_identifies_the_request(world: World, cloudformation: CloudFormation) -> None:
    event = resource("Update", cloudformation.url)
    world.run(world.subscriber(), event)

    answer = only_response(cloudformation)
    assert {name: answer[name] for name in ("StackId", "RequestId", "LogicalResourceId")} == {
        name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")
    }
    assert not cloudformation.content_types[0]  # the URL is signed without one


def test_a_changed_selection_unsubscribes_what_it_no_longer_includes(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create("/aws/lambda/a")
    world.create("/ecs/a", filters=[OWN, FOREIGN])
    world.run(world.subscriber(), resource("Update", cloudformation.url))

    assert world.subscribed() == {"/aws/lambda/a"}
    assert FOREIGN.name in world.filters()["/ecs/a"]


def test_a_replaced_forwarder_takes_its_predecessors_filters_over_in_place(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create(*FEW, filters=[Filter(OWN.name, INCUMBENT)])
    world.run(world.subscriber(), resource("Update", cloudformation.url, PhysicalResourceId=OLD.id))

    assert world.subscribed() == set(FEW)
    assert not world.count("DeleteSubscriptionFilter")
    assert only_response(cloudformation)["PhysicalResourceId"] == OURS.id


def test_what_remains_of_a_replaced_forwarder_is_removed_and_nothing_else(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create("/ecs/a", filters=[Filter(OWN.name, INCUMBENT)])
    world.create("/aws/lambda/a", filters=[OWN])
    remove(world, cloudformation, PhysicalResourceId=OLD.id)

    assert world.filters()["/ecs/a"] == {}
    assert world.subscribed() == {"/aws/lambda/a"}


def test_a_former_forwarder_stays_until_its_filters_are_replaced(world: World, cloudformation: CloudFormation) -> None:
    world.create(*MANY[:100], filters=[Filter(OWN.name, INCUMBENT)])
    subscriber = world.subscriber()
    event: dict[str, Any] = resource("Delete", cloudformation.url, PhysicalResourceId=OLD.id)
    while not cloudformation.responses:
        subscriber.handle(event, world.context(10))
        event = world.invoked.pop() if world.invoked else {}

    assert world.subscribed() == set(MANY[:100])
    assert not world.count("DeleteSubscriptionFilter")
    assert only_response(cloudformation)["Reason"] == "All filters are replaced."


def test_an_update_and_the_deletion_that_follows_it_never_leave_a_group_without_a_filter(
    world: World, cloudformation: CloudFormation
) -> None:
    former = Ours(OURS.forwarder, "former")
    names = {former.name, OWN.name}
    world.create(*MANY[:100], filters=[Filter(former.name, OWN.destination), FOREIGN])
    subscriber = world.subscriber()
    events = [resource(kind, cloudformation.url, PhysicalResourceId=former.id) for kind in ("Update", "Delete")]
    while events:  # in turns
        subscriber.handle(events.pop(0), world.context(10))
        events += world.invoked
        world.invoked.clear()
        assert all(names & found.keys() for found in world.filters().values())

    assert all(found.keys() == {OWN.name, FOREIGN.name} for found in world.filters().values())
    assert [answer["PhysicalResourceId"] for answer in cloudformation.responses] == [OURS.id, former.id]


def test_a_replacement_too_large_for_an_hour_gets_a_response_within_it(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create(*MANY[:400], filters=[Filter(OWN.name, INCUMBENT)])
    began = world.clock.now()
    event = resource("Delete", cloudformation.url, PhysicalResourceId=OLD.id)
    world.run(world.subscriber(CALLS_PER_SECOND="0.1"), event)

    assert "not finished after 50 minutes" in only_response(cloudformation)["Reason"]
    assert world.clock.now() - began == pytest.approx(MAX_WAIT, abs=20)


@pytest.mark.parametrize(("former", "other"), [(OLD, INCUMBENT), (Ours(OURS.forwarder, "former"), "former")])
def test_what_could_not_be_replaced_is_left_to_the_command(
    world: World, cloudformation: CloudFormation, former: Ours, other: str
) -> None:
    world.create("/aws/lambda/a", filters=[Filter(former.name, former.forwarder.arn)])
    world.refuse("PutSubscriptionFilter", "AccessDeniedException")
    remove(world, cloudformation, PhysicalResourceId=former.id)

    command = f"{COMMAND} apply --forwarder-arn {OWN.destination} --filter-name {OWN.name} --take-over {other} "
    assert command in only_response(cloudformation)["Reason"]


def test_the_command_for_what_could_not_be_replaced_keeps_the_filter_pattern_and_is_quoted(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create("/aws/lambda/a", filters=[Filter("it's former", OWN.destination)])
    world.refuse("PutSubscriptionFilter", "AccessDeniedException")
    subscriber = world.subscriber(FILTER_NAME="mine; echo", FILTER_PATTERN='?"a b"')
    former = Ours(OURS.forwarder, "it's former")
    world.run(subscriber, resource("Delete", cloudformation.url, PhysicalResourceId=former.id))

    _, _, command = only_response(cloudformation)["Reason"].partition(f": {COMMAND} apply ")
    words = shlex.split(command)
    assert words[:8] == [
        "--forwarder-arn", OWN.destination, "--filter-name", "mine; echo",
        "--take-over", "it's former", "--filter-pattern", '?"a b"',
    ]  # fmt: skip


@pytest.mark.parametrize("at_round", [0, 1])
def test_a_replacement_becomes_a_removal_if_the_stack_is_deleted(
    world: World, cloudformation: CloudFormation, at_round: int
) -> None:
    world.create(*MANY[:100], filters=[Filter(OWN.name, INCUMBENT)])
    subscriber = world.subscriber(STACK_ID="arn:stack")
    event: dict[str, Any] = resource("Delete", cloudformation.url, PhysicalResourceId=OLD.id)
    for _ in range(at_round):
        subscriber.handle(event, world.context(10))
        event = world.invoked.pop()
    world.stack_status = "DELETE_IN_PROGRESS"
    puts = world.count("PutSubscriptionFilter")
    world.run(subscriber, event)

    assert world.count("PutSubscriptionFilter") == puts  # nothing more is subscribed
    assert not any(world.filters().values())
    assert only_response(cloudformation)["Reason"] == "All filters are removed."


def test_a_replacement_that_becomes_a_removal_retries_what_failed_as_well(
    world: World, cloudformation: CloudFormation
) -> None:
    world.create(*FEW, filters=[Filter(OWN.name, INCUMBENT)])
    world.stack_status = "DELETE_IN_PROGRESS"
    world.refuse("DeleteSubscriptionFilter", "ThrottlingException", group=FEW[3], times=10)
    subscriber = world.subscriber(STACK_ID="arn:stack")
    world.run(subscriber, resource("Delete", cloudformation.url, PhysicalResourceId=OLD.id))
    assert not any(world.filters().values())


def test_an_updates_own_job_is_not_stopped_by_that_update(world: World, cloudformation: CloudFormation) -> None:
    world.create(*MANY[:100])
    world.stack_status, world.stack_updated = "UPDATE_IN_PROGRESS", "2026-11-22"
    world.run(world.subscriber(STACK_ID="arn:stack"), resource("Update", cloudformation.url), seconds=10)
    assert world.subscribed() == set(MANY[:100])


def test_a_rollback_has_its_own_job(world: World, cloudformation: CloudFormation) -> None:
    world.create(*FEW, filters=[Filter(OWN.name, INCUMBENT)])
    world.stack_status, world.stack_updated = "UPDATE_ROLLBACK_IN_PROGRESS", "2026-11-22"
    event = resource("Update", cloudformation.url, PhysicalResourceId=OLD.id)
    world.run(world.subscriber(STACK_ID="arn:stack"), event)
    assert world.subscribed() == set(FEW)


def test_wrong_settings_fail_the_stack_with_their_sentence(cloudformation: CloudFormation, clock: Clock) -> None:
    refuse(resource("Create", cloudformation.url), ConfigurationError("SUBSCRIBER_X is 'y'; expected z."), clock)

    answer = only_response(cloudformation)
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "SUBSCRIBER_X is 'y'; expected z.")
    assert answer["PhysicalResourceId"] == NOT_CREATED


@pytest.mark.parametrize(
    ("physical_id", "reason"),
    [
        (NOT_CREATED, "Nothing says which log groups to subscribe: "),
        (OURS.id, f"Some filters may remain (the settings are wrong). Remove them with: {REMOVE} or"),
    ],
)
def test_wrong_settings_do_not_stop_a_deletion(
    cloudformation: CloudFormation, clock: Clock, monkeypatch: pytest.MonkeyPatch, physical_id: str, reason: str
) -> None:
    monkeypatch.setenv("SUBSCRIBER_FORWARDER_ARN", OWN.destination)
    event = resource("Delete", cloudformation.url, PhysicalResourceId=physical_id)
    with pytest.raises(ConfigurationError):
        lambda_handler(event, Context(clock, clock.now() + 900))
    assert only_response(cloudformation)["Status"] == "SUCCESS"
    assert only_response(cloudformation)["Reason"].startswith(reason)


# --- the response ---------------------------------------------------------------------------------


def test_a_response_is_retried(world: World, cloudformation: CloudFormation) -> None:
    cloudformation.statuses = [503, 503]
    remove(world, cloudformation)
    assert only_response(cloudformation)["Status"] == "SUCCESS"


def test_a_response_that_does_not_arrive_fails_the_invocation_without_naming_the_signed_url(
    world: World, cloudformation: CloudFormation, capsys: pytest.CaptureFixture[str]
) -> None:
    cloudformation.statuses = [403] * 3
    with pytest.raises(SubscriberError) as raised:
        remove(world, cloudformation)
    assert "signature" not in str(raised.value) + capsys.readouterr().out


@pytest.mark.parametrize("url", [None, "", "no-url", "http://[", "http://127.0.0.1:1/answer?signature=secret"])
def test_a_response_that_has_nowhere_to_go_fails_the_invocation_with_one_sentence(
    world: World, url: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    event = resource("Update", "") | {"ResponseURL": url}
    with pytest.raises(SubscriberError, match=r"^CloudFormation could not be answered: \w+\.$"):
        world.run(world.subscriber(), event)
    assert "signature" not in capsys.readouterr().out


@pytest.mark.parametrize("physical_id", [None, 7, "x" * 2_000, "name:arn:aws:lambda:eu-west-1:1:function:f", {"a": 1}])
def test_a_deletion_gets_a_response_whatever_the_id(
    world: World, cloudformation: CloudFormation, physical_id: object
) -> None:
    world.create(*FEW, filters=[OWN])
    remove(world, cloudformation, PhysicalResourceId=physical_id)
    assert only_response(cloudformation)["Status"] == "SUCCESS"
    assert world.subscribed() == set(FEW)


def test_a_response_is_never_longer_than_cloudformation_takes(world: World, cloudformation: CloudFormation) -> None:
    name = "ü" * 256
    world.refuse("DescribeLogGroups", "AccessDeniedException")
    ours = Ours(OURS.forwarder, name)
    world.run(world.subscriber(FILTER_NAME=name), resource("Delete", cloudformation.url, PhysicalResourceId=ours.id))

    assert "DescribeLogGroups failed: AccessDeniedException" in only_response(cloudformation)["Reason"]
    assert cloudformation.sizes[-1] < 4_096
