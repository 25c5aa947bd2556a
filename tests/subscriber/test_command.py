"""The command: plan, apply, remove."""

import json
import signal
from collections.abc import Mapping
from typing import Any

import pytest

from subscriber import COMMAND, cli
from subscriber.records import Filter
from tests.subscriber.support import (
    ACCOUNT,
    FOREIGN,
    FORWARDER,
    INCUMBENT,
    LONG,
    OWN,
    REGION,
    SLOW,
    THEIRS,
    Terminal,
    World,
)

GROUPS = [f"/aws/lambda/f{number:03}" for number in range(60)]
SOME = GROUPS[:10]
LAMBDA = ("--include", "/aws/lambda/")
YES = (*LAMBDA, "--yes")
CHANGES = {"PutSubscriptionFilter", "DeleteSubscriptionFilter", "AddPermission", "RemovePermission"}
PERMISSION = "datadog-forwarder-subscriptions"


def changes(world: World) -> list[str]:
    return [operation for _, operation in world.calls if operation in CHANGES]


def statements(world: World) -> list[Any]:
    """Return the forwarder's resource policy."""
    functions = world.session.client("lambda")
    try:
        return list(json.loads(functions.get_policy(FunctionName="forwarder")["Policy"])["Statement"])
    except functions.exceptions.ResourceNotFoundException:
        return []


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


# --- plan -----------------------------------------------------------------------------------------


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


# --- apply and remove -----------------------------------------------------------------------------


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


# --- moving from another forwarder -----------------------------------------------------------------


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


# --- a pattern that gets out of hand ---------------------------------------------------------------


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_pattern_that_takes_too_long_is_a_failure_of_the_group(
    world: World, terminal: Terminal, command: str
) -> None:
    world.create("/aws/lambda/a", LONG, filters=[OWN])
    assert terminal(command, "--include", "/aws/lambda/a", "--include", SLOW, "--prune") == 1
    assert f"{LONG}  the search for {SLOW} ran over its time limit" in terminal.out
    assert LONG in world.subscribed()


# --- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("plan",), "Nothing says which log groups to subscribe: set --include or --tag."),
        (("plan", "--include", "regex:("), "--include holds 'regex:(', which is not a regular expression: "),
        (("plan", *LAMBDA, "--tag", "=x"), "--tag holds '=x'; expected a tag such as team=shop."),
        (("plan", *LAMBDA, "--filter-name", "a*"), "--filter-name is 'a*'; expected 1 to 512 characters"),
        (("plan", *LAMBDA, "--region", "us-east-1"), "--region is 'us-east-1'; expected eu-west-1, the forwarder's"),
    ],
)
def test_a_wrong_option_is_one_sentence_that_names_it(
    terminal: Terminal, arguments: tuple[str, ...], sentence: str
) -> None:
    assert terminal(*arguments) == 2
    assert terminal.err.startswith(sentence)
    assert terminal.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "The following arguments are required: plan|apply|remove."),
        (["plan"], "The following arguments are required: --forwarder-arn."),
        (["plan", "--forwarder-arn", FORWARDER, "--nonsense"], "Unrecognized arguments: --nonsense."),
        (["plan", "--calls-per-second", "x"], "Argument --calls-per-second: 'x' is not a number from 0.1 to 100."),
    ],
)
def test_wrong_usage_is_one_sentence_that_points_to_the_help(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(f"{sentence} See: {COMMAND} ")
    assert said.endswith("--help\n")
    assert said.count("\n") == 1


def test_a_forwarder_that_does_not_exist_is_named(world: World, terminal: Terminal) -> None:
    gone = FORWARDER + "2"
    assert terminal("plan", *LAMBDA, arn=gone) == 2
    assert terminal.err == f"There is no function {gone}: check --forwarder-arn.\n"


def test_an_invalid_arn_is_named(terminal: Terminal) -> None:
    assert terminal("plan", *LAMBDA, arn="forwarder") == 2
    assert terminal.err.startswith("--forwarder-arn is 'forwarder'; expected the ARN of a function")


def test_credentials_for_another_account_are_noticed(world: World, terminal: Terminal) -> None:
    world.create(*SOME)
    world.refuse("GetFunctionConfiguration", "AccessDeniedException")
    assert terminal("plan", *LAMBDA, arn=FORWARDER.replace(ACCOUNT, "210987654321")) == 2
    assert "The forwarder is in the account 210987654321 and these credentials are for 123456789012" in terminal.err


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("AccessDeniedException", "docs/subscriber.md lists what is needed"),
        ("ExpiredTokenException", "log in again"),
        ("UnauthorizedSSOTokenError", "aws sso login"),
        ("EndpointConnectionError", "check your network and proxy, and the region in --forwarder-arn"),
    ],
)
def test_a_refusal_by_aws_comes_with_what_to_do(world: World, terminal: Terminal, code: str, hint: str) -> None:
    world.refuse("DescribeLogGroups", code)
    assert terminal("plan", *LAMBDA) == 2
    assert terminal.err.startswith(f"DescribeLogGroups failed: {code} (")
    assert hint in terminal.err


@pytest.mark.parametrize("command", ["plan", "apply", "remove"])
def test_each_command_explains_itself(terminal: Terminal, capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit):
        terminal(command, "--help")
    assert "--forwarder-arn" in capsys.readouterr().out
