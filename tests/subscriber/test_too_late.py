"""A filter that is put while the stack goes is taken back: the removal may have passed its group already."""

import pytest

from subscriber.errors import OutOfTimeError
from tests.subscriber.conftest import CloudFormation
from tests.subscriber.samples import SCHEDULE, created, resource
from tests.subscriber.support import FOREIGN, OWN, World

STACK = "arn:stack"
NAMES = [f"/aws/lambda/f{number:02}" for number in range(12)]


@pytest.fixture
def removal(world: World, cloudformation: CloudFormation, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Throttle puts into a group a number of times, and delete the stack at the last of them."""
    left: dict[str, int] = {}
    trouble = world._trouble

    def meet(operation: str, told: dict[str, str]) -> str:
        name = told.get("logGroupName", "")
        if operation != "PutSubscriptionFilter" or not left.get(name):
            return trouble(operation, told)
        left[name] -= 1
        if not left[name]:
            world.stack_status = "DELETE_IN_PROGRESS"
            waiting, world.invoked = world.invoked, []
            world.run(world.subscriber(STACK_ID=STACK), resource("Delete", cloudformation.url))
            world.invoked = waiting
        return "ThrottlingException"

    monkeypatch.setattr(world, "_trouble", meet)
    return left


@pytest.mark.parametrize("number", [0, 3, 11])
@pytest.mark.parametrize("times", [1, 4])
def test_a_scheduled_run_leaves_nothing_behind(
    world: World, cloudformation: CloudFormation, removal: dict[str, int], number: int, times: int
) -> None:
    world.create(*NAMES, filters=[FOREIGN])
    removal[NAMES[number]] = times
    world.run(world.subscriber(STACK_ID=STACK), SCHEDULE)

    assert cloudformation.responses[0]["Reason"] == "All filters are removed."
    assert all(list(found) == [FOREIGN.name] for found in world.filters().values())


def test_a_new_group_is_not_left_subscribed(world: World, removal: dict[str, int]) -> None:
    world.create(NAMES[0])
    removal[NAMES[0]] = 1
    assert world.subscriber(STACK_ID=STACK).handle(created(NAMES[0]), world.context())["unsubscribed"] == 1
    assert world.subscribed() == set()


def test_what_was_put_although_aws_did_not_say_so_in_time_is_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create(NAMES[0])

    def lose(operation: str, _told: object) -> str:
        if operation != "PutSubscriptionFilter":
            return ""
        world.put(NAMES[0], OWN)
        world.stack_status = "DELETE_IN_PROGRESS"
        world.clock.time += 7
        return "ServiceUnavailable"

    monkeypatch.setattr(world, "_trouble", lose)
    with pytest.raises(OutOfTimeError):
        world.subscriber(STACK_ID=STACK).handle(created(NAMES[0]), world.context(10))
    assert world.subscribed() == set()


def test_a_filter_that_cannot_be_taken_back_is_named(
    world: World, removal: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    world.create(*NAMES)
    removal[NAMES[3]] = 1
    world.refuse("DeleteSubscriptionFilter", "AccessDeniedException", group=NAMES[3])
    world.run(world.subscriber(STACK_ID=STACK), SCHEDULE)
    assert "Some filters may remain (DeleteSubscriptionFilter failed: AccessDeniedException). Remove them with: " in (
        capsys.readouterr().out
    )


def test_a_stack_that_stays_costs_a_run_one_call_at_the_end(world: World) -> None:
    world.create(*NAMES[:3])
    world.run(world.subscriber(STACK_ID=STACK), SCHEDULE)
    assert world.count("DescribeStacks") == 2
    world.run(world.subscriber(STACK_ID=STACK), SCHEDULE)  # puts nothing
    assert world.count("DescribeStacks") == 3


def test_a_stack_that_is_deleted_during_an_invocation_stops_it(world: World) -> None:
    world.create(*(f"/aws/lambda/f{number:03}" for number in range(200)))
    began = world.clock.now()

    def go(**_: object) -> None:
        if world.clock.now() > began + 20:
            world.stack_status = "DELETE_IN_PROGRESS"

    world.session.events.register("after-call.cloudwatch-logs.PutSubscriptionFilter", go)
    world.run(world.subscriber(STACK_ID=STACK), SCHEDULE)
    puts = [at for at, operation in world.calls if operation == "PutSubscriptionFilter"]
    assert puts[-1] - began < 26
