"""Moving from another forwarder with the command."""

import signal

import pytest

from tests.subscriber.support import (
    FOREIGN,
    INCUMBENT,
    LAMBDA,
    OWN,
    THEIRS,
    YES,
    Terminal,
    World,
)


@pytest.mark.parametrize("name", ["incumbent", INCUMBENT, "old"])
def test_a_move_replaces_theirs_in_wanted_groups_also_where_the_limit_is_reached(
    world: World, terminal: Terminal, name: str
) -> None:
    world.create("/aws/lambda/a", filters=[THEIRS])
    world.create("/aws/lambda/full", filters=[FOREIGN, THEIRS])
    world.create("/ecs/a", filters=[THEIRS])
    assert terminal("apply", *YES, "--take-over", name) == 0

    assert {name: sorted(found) for name, found in world.filters().items()} == {
        "/aws/lambda/a": [OWN.name],
        "/aws/lambda/full": [OWN.name, FOREIGN.name],
        "/ecs/a": [THEIRS.name],
    }


def test_groups_can_be_moved_one_after_the_other(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/a", "/aws/lambda/b", filters=[THEIRS])
    for name in ("/aws/lambda/a", "/aws/lambda/b"):
        terminal("apply", "--include", name, "--take-over", "incumbent", "--yes")

    assert {name: list(found) for name, found in world.filters().items()} == {
        "/aws/lambda/a": [OWN.name],
        "/aws/lambda/b": [OWN.name],
    }


def test_a_move_from_a_filter_that_does_not_exist_is_mentioned(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/a", filters=[THEIRS])
    assert terminal("plan", *LAMBDA, "--take-over", "old", "--take-over", "incumbant") == 0
    assert (
        terminal.err
        == "No filter matches --take-over incumbant: check it, unless all of them have been replaced already.\n"
    )


def test_a_move_that_is_interrupted_twice_leaves_theirs_or_ours(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/full", filters=[FOREIGN, THEIRS])

    def twice(**_: object) -> None:  # it is removed, and the answer on its way
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    world.session.events.register("after-call.cloudwatch-logs.DeleteSubscriptionFilter", twice)
    assert terminal("apply", *YES, "--take-over", "old") == 130
    assert sorted(world.filters()["/aws/lambda/full"]) == [FOREIGN.name, THEIRS.name]


def test_a_move_that_fails_leaves_theirs_as_it_was(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/full", filters=[FOREIGN, THEIRS])
    before = world.filters()
    world.refuse("PutSubscriptionFilter", "AccessDeniedException", every=2, times=1)  # the first, it is full

    assert terminal("apply", *YES, "--take-over", "old") == 1
    assert world.filters() == before
