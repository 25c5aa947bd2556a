"""What the command says when it cannot do what was asked."""

import pytest

from subscriber import COMMAND, cli
from tests.subscriber.support import (
    ACCOUNT,
    FORWARDER,
    LAMBDA,
    LONG,
    OWN,
    SLOW,
    Terminal,
    World,
)

SOME = [f"/aws/lambda/f{number:03}" for number in range(10)]

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
