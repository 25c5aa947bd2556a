"""The command `plan`, which changes nothing."""

import pytest

from tests.subscriber.support import (
    FOREIGN,
    LAMBDA,
    OWN,
    THEIRS,
    YES,
    Terminal,
    World,
    changes,
)

SOME = [f"/aws/lambda/f{number:03}" for number in range(10)]


def test_a_plan_changes_nothing(world: World, terminal: Terminal) -> None:
    world.create(*SOME)
    assert terminal("plan", *LAMBDA) == 0
    assert changes(world) == []


def test_a_plan_is_a_table_of_changes_and_a_count_of_what_is_skipped(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/new", "/aws/lambda/a-test", "/aws/lambda/b-test")
    world.create("/ecs/old", filters=[OWN])
    terminal("plan", *LAMBDA, "--exclude", "*-test", "--prune")

    assert terminal.out.splitlines() == [
        "action       log group        reason",
        "subscribe    /aws/lambda/new  wanted",
        "unsubscribe  /ecs/old         not included",
        "2 skipped: excluded by *-test",
    ]


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_groups_that_are_not_selected_keep_the_filter_and_the_plan_says_how_to_remove_it(
    world: World, terminal: Terminal, command: str
) -> None:
    world.create("/ecs/a", "/aws/lambda/a-test", filters=[OWN])
    assert terminal(command, *LAMBDA, "--exclude", "*-test") == 0

    assert sorted(terminal.out.splitlines()) == [
        "1 skipped: excluded by *-test, but subscribed: only --prune unsubscribes it",
        "1 skipped: not included, but subscribed: only --prune unsubscribes it",
    ]
    assert world.subscribed() == {"/ecs/a", "/aws/lambda/a-test"}


def test_a_group_that_would_loop_does_not_keep_the_filter(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/forwarder", filters=[OWN])
    terminal("apply", *YES)
    assert world.subscribed() == set()


def test_with_prune_groups_that_are_not_selected_are_unsubscribed(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/a", "/ecs/a", filters=[OWN])
    terminal("apply", *YES, "--prune")
    assert world.subscribed() == {"/aws/lambda/a"}


def test_a_plan_says_where_aws_may_refuse(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/a", filters=[FOREIGN, THEIRS])
    terminal("plan", *LAMBDA)
    assert "wanted, if AWS allows a filter besides: lake, old" in terminal.out


def test_a_plan_for_programs_is_json(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/new", "/ecs/a")
    terminal("plan", *LAMBDA, "--json")

    assert terminal.json == {
        "log_groups": [
            {"name": "/aws/lambda/new", "action": "subscribe", "reason": "wanted", "removes": [], "error": ""},
            {"name": "/ecs/a", "action": "skip", "reason": "not included", "removes": [], "error": ""},
        ],
        "counts": {"subscribed": 1, "updated": 0, "unsubscribed": 0, "skipped": 1, "failed": 0},
    }


def test_groups_that_would_loop_are_found_by_the_command_itself(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/forwarder", "/aws/lambda/copy", "/aws/lambda/mine")
    terminal("plan", *LAMBDA, "--protect", "/aws/lambda/mine")
    assert terminal.out == "3 skipped: would loop\n"


def test_the_forwarders_environment_is_never_shown(world: World, terminal: Terminal) -> None:
    world.create("/aws/lambda/forwarder")
    terminal("plan", *LAMBDA, "--all")
    assert "0123456789abcdef" not in terminal.out + terminal.err


def test_a_configuration_that_may_not_be_read_is_replaced_by_the_default_and_a_warning(
    world: World, terminal: Terminal
) -> None:
    world.create("/aws/lambda/forwarder")
    world.refuse("GetFunctionConfiguration", "AccessDeniedException")
    assert terminal("plan", *LAMBDA) == 0
    assert "exclude the log groups of functions to which it hands events on." in terminal.err
    assert terminal.out == "1 skipped: would loop\n"


def test_a_function_that_gets_the_same_events_does_not_loop_whatever_its_log_group_is(
    world: World, terminal: Terminal
) -> None:
    world.create("/custom/forwarder", "/custom/copy")
    for name in ("forwarder", "copy"):
        world.configurations[name] = {"LoggingConfig": {"LogGroup": f"/custom/{name}"}}
    terminal("plan", "--include", "*")
    assert terminal.out == "2 skipped: would loop\n"


def test_an_environment_that_may_not_be_decrypted_is_mentioned(world: World, terminal: Terminal) -> None:
    world.configurations["forwarder"] = {"Environment": {"Error": {"ErrorCode": "AccessDeniedException"}}}
    assert terminal("plan", *LAMBDA) == 0
    assert "The forwarder's environment cannot be read (AccessDeniedException): exclude the log groups" in terminal.err


def test_the_log_group_of_the_stacks_subscriber_is_left_alone(world: World, terminal: Terminal) -> None:
    world.create("stack-SubscriberLogGroup-1A2B")
    world.stack_log_groups = ["stack-SubscriberLogGroup-1A2B"]
    terminal("plan", "--include", "*")
    assert terminal.out == "1 skipped: would loop\n"


@pytest.mark.parametrize(
    ("code", "said"), [("ValidationError", ""), ("AccessDenied", "log group of its subscriber.\n")]
)
def test_a_forwarder_need_not_be_in_a_stack(world: World, terminal: Terminal, code: str, said: str) -> None:
    world.refuse("DescribeStackResources", code)
    assert terminal("plan", *LAMBDA) == 0
    assert terminal.err.endswith(said)
    assert bool(terminal.err) == bool(said)
