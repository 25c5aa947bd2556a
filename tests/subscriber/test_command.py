"""The commands `apply` and `remove`."""

import signal
from collections.abc import Mapping
from typing import Any

import pytest

from subscriber.records import Filter
from tests.subscriber.support import (
    ACCOUNT,
    FOREIGN,
    FORWARDER,
    INCUMBENT,
    LAMBDA,
    OWN,
    REGION,
    THEIRS,
    YES,
    Terminal,
    World,
    changes,
    statements,
)

GROUPS = [f"/aws/lambda/f{number:03}" for number in range(60)]
SOME = GROUPS[:10]
PERMISSION = "datadog-forwarder-subscriptions"


@pytest.fixture
def crowd(world: World) -> Mapping[str, Any]:
    """Create many groups and some that differ; return all filters."""
    world.create(*GROUPS[:40])
    world.create(*GROUPS[40:], filters=[FOREIGN])
    world.create("/ecs/a", filters=[THEIRS])
    return world.filters()


# --- many groups -----------------------------------------------------------------------------------


def test_applying_twice_changes_nothing_the_second_time(
    world: World, terminal: Terminal, crowd: Mapping[str, Any]
) -> None:
    assert terminal("apply", *YES) == 0
    assert world.subscribed() == set(GROUPS)
    after, calls = world.filters(), len(changes(world))

    assert terminal("apply", *YES) == 0
    assert world.filters() == after
    assert changes(world)[calls:] == []


def test_a_removal_leaves_exactly_what_was_there_before(
    world: World, terminal: Terminal, crowd: Mapping[str, Any]
) -> None:
    world.create("/aws/lambda/full", filters=[FOREIGN, THEIRS])
    before = world.filters()
    terminal("apply", *YES)
    assert terminal("remove", "--yes") == 0
    assert world.filters() == before
    assert statements(world) == []


def test_an_apply_that_is_killed_and_another_end_the_same(
    world: World, terminal: Terminal, crowd: Mapping[str, Any]
) -> None:
    world.stop_at = len(world.calls) + 110
    with pytest.raises(SystemExit):
        terminal("apply", *YES)
    assert 0 < len(world.subscribed()) < len(GROUPS)

    assert terminal("apply", *YES) == 0
    assert world.subscribed() == set(GROUPS)
    assert world.filters()["/ecs/a"] == crowd["/ecs/a"]


# --- apply and remove ------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "status", "subscribed"), [("y\n", 0, 10), ("n\n", 2, 0), ("", 2, 0)])
def test_it_asks_before_it_changes_anything(
    world: World, terminal: Terminal, answer: str, status: int, subscribed: int
) -> None:
    world.create(*SOME)
    assert terminal("apply", *LAMBDA, answer=answer) == status
    assert "Change 10 log groups? [y/N]" in terminal.err
    assert len(world.subscribed()) == subscribed


def test_json_is_asked_about_with_the_table_beside_it(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/a")
    assert terminal("apply", *LAMBDA, "--json", answer="y\n") == 0
    assert "subscribe  /aws/lambda/a  wanted" in terminal.err
    assert terminal.json["counts"]["subscribed"] == 1


def test_each_group_is_looked_at_again_before_it_is_changed(world: World, terminal: Terminal) -> None:
    world.create(*SOME)
    terminal("apply", *YES)
    assert world.count("DescribeSubscriptionFilters") == 2 * len(SOME)


def test_a_deviation_from_the_plan_is_reported(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/a", "/aws/lambda/b")
    world.create("/ecs/a", filters=[OWN])

    def others_are_faster(**_: object) -> None:
        world.put("/aws/lambda/a", OWN)
        world.put("/ecs/a", Filter(OWN.name, INCUMBENT))

    world.session.events.register("before-call.lambda.GetPolicy", others_are_faster)  # after the plan
    assert terminal("apply", *YES, "--prune") == 0
    assert "/aws/lambda/a: skip (subscribed) instead of subscribe.\n" in terminal.err
    assert "/ecs/a: skip (not included) instead of unsubscribe.\n" in terminal.err
    assert world.filters()["/ecs/a"] == {OWN.name: (INCUMBENT, "")}
    assert world.subscribed() == {"/aws/lambda/a", "/aws/lambda/b"}


def test_it_does_not_ask_when_there_is_nothing_to_change(world: World, terminal: Terminal) -> None:
    world.create("/ecs/a")
    assert terminal("apply", *LAMBDA) == 0
    assert "[y/N]" not in terminal.err


def test_json_of_an_apply_says_what_was_done(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/a", "/aws/lambda/b")
    world.refuse("PutSubscriptionFilter", "AccessDeniedException", group="/aws/lambda/b")

    assert terminal("apply", *YES, "--json") == 1
    assert [found["error"] for found in terminal.json["log_groups"]] == [
        "", "PutSubscriptionFilter failed: AccessDeniedException",
    ]  # fmt: skip
    assert terminal.json["counts"]["subscribed"] == 1


def test_one_permission_serves_all_groups(world: World, terminal: Terminal) -> None:
    world.create(*SOME)
    terminal("apply", *YES)

    (statement,) = statements(world)
    assert statement["Principal"] == {"Service": "logs.amazonaws.com"}
    assert statement["Condition"]["ArnLike"] == {"AWS:SourceArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*:*"}
    assert statement["Condition"]["StringEquals"] == {"AWS:SourceAccount": ACCOUNT}


def test_a_permission_that_the_stack_has_given_is_enough(world: World, terminal: Terminal) -> None:
    world.create(*SOME)
    world.session.client("lambda").add_permission(
        FunctionName="forwarder",
        StatementId="from-the-stack",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceAccount=ACCOUNT,
        SourceArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*:*",
    )
    terminal("apply", *YES)
    assert [statement["Sid"] for statement in statements(world)] == ["from-the-stack"]
    terminal("remove", "--yes")
    assert [statement["Sid"] for statement in statements(world)] == ["from-the-stack"]


def test_a_permission_that_is_there_but_cannot_be_seen_is_no_failure(world: World, terminal: Terminal) -> None:
    world.create(*SOME)
    world.refuse("GetPolicy", "AccessDeniedException")
    world.refuse("AddPermission", "ResourceConflictException")
    assert terminal("apply", *YES) == 0


def test_the_permission_stays_as_long_as_another_filter_leads_to_the_forwarder(
    world: World, terminal: Terminal
) -> None:
    world.create(*SOME)
    terminal("apply", *YES)
    world.create("/ecs/a", filters=[Filter("mine", FORWARDER)])
    terminal("remove", "--yes")
    assert [statement["Sid"] for statement in statements(world)] == [PERMISSION]


def test_filters_of_a_forwarder_that_is_gone_are_removed(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/a", filters=[FOREIGN])
    world.put("/aws/lambda/a", Filter(OWN.name, f"{FORWARDER}-gone"))
    assert terminal("remove", "--yes", arn=f"{FORWARDER}-gone") == 0
    assert list(world.filters()["/aws/lambda/a"]) == [FOREIGN.name]


def test_a_permission_that_may_not_be_removed_is_mentioned(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/a", filters=[OWN])
    world.refuse("RemovePermission", "AccessDeniedException")
    assert terminal("remove", "--yes") == 0
    assert "stays: RemovePermission failed: AccessDeniedException." in terminal.err


def test_where_there_is_nothing_to_remove_the_permission_stays_unless_that_was_asked_for(
    world: World, terminal: Terminal
) -> None:
    terminal("apply", "--include", "*", "--yes")
    terminal("remove")
    assert world.count("RemovePermission") == 0


def test_it_can_be_interrupted_and_run_again(world: World, terminal: Terminal) -> None:
    world.create(*SOME)

    def interrupt(**_: object) -> None:
        if world.count("PutSubscriptionFilter") == 4:
            signal.raise_signal(signal.SIGINT)

    world.session.events.register("before-call.cloudwatch-logs.PutSubscriptionFilter", interrupt)
    assert terminal("apply", *YES) == 130
    assert "Interrupted. Run it again to go on." in terminal.err
    assert len(world.subscribed()) in (4, 5)

    assert terminal("apply", *YES) == 0
    assert world.subscribed() == set(SOME)
