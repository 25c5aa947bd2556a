"""Settings from the environment."""

import re

import pytest

from subscriber.errors import ConfigurationError
from subscriber.records import LogGroup
from subscriber.settings import Settings
from tests.subscriber.support import ENVIRON, FORWARDER, settings


def test_the_settings_become_the_policy() -> None:
    wish = settings(FILTER_NAME="mine", FILTER_PATTERN="?ERROR", EXCLUDE="*-test", TAGS="team=shop, env").wanted

    assert (wish.filter.name, wish.filter.destination, wish.filter.pattern) == ("mine", FORWARDER, "?ERROR")
    assert wish.selection.tag_values == {"team": ["shop"], "env": []}
    assert wish.skip_without_reading(LogGroup("/aws/lambda/a")) is None


@pytest.mark.parametrize(
    "name", ["/aws/lambda/forwarder", "/aws/lambda/subscriber", "/aws/lambda/copy", "/aws/lambda/other", "mine"]
)
def test_groups_that_would_loop_are_never_subscribed(name: str) -> None:
    loops = settings(
        INCLUDE="*",
        PROTECTED_FUNCTIONS="arn:aws:lambda:eu-west-1:123456789012:function:copy:live, other",
        PROTECTED_LOG_GROUPS="mine",
    )

    assert loops.wanted.decide(LogGroup(name)).reason == "would loop"


def test_a_comma_in_the_braces_of_a_regular_expression_separates_nothing() -> None:
    include = settings(INCLUDE="regex:^/a{1,3}$, /b/").wanted.selection.include

    assert [pattern.text for pattern in include] == ["regex:^/a{1,3}$", "/b/"]


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"FORWARDER_ARN": ""}, "SUBSCRIBER_FORWARDER_ARN is ''; expected the ARN of a function"),
        ({"FORWARDER_ARN": "forwarder"}, "SUBSCRIBER_FORWARDER_ARN is 'forwarder'; expected the ARN of a function"),
        ({"INCLUDE": " "}, "Nothing says which log groups to subscribe: set SUBSCRIBER_INCLUDE or SUBSCRIBER_TAGS."),
        ({"EXCLUDE": "regex:["}, "SUBSCRIBER_EXCLUDE holds 'regex:['"),
        ({"FILTER_NAME": "a:b"}, "SUBSCRIBER_FILTER_NAME is 'a:b'; expected 1 to 512 characters"),
        (
            {"FILTER_NAME": "ü" * 257},
            f"SUBSCRIBER_FILTER_NAME is '{'ü' * 257}'; expected 1 to 512 characters, fewer if",
        ),
        ({"FILTER_PATTERN": "x" * 1025}, "SUBSCRIBER_FILTER_PATTERN has 1025 characters; expected at most 1024."),
        ({"CALLS_PER_SECOND": "0"}, "SUBSCRIBER_CALLS_PER_SECOND is '0'; expected a number from 0.1 to 100."),
        ({"CALLS_PER_SECOND": "nan"}, "SUBSCRIBER_CALLS_PER_SECOND is 'nan'"),
        ({"MAX_ROUNDS": "-1"}, "SUBSCRIBER_MAX_ROUNDS is '-1'; expected a number from 1 to 10000."),
        ({"LOG_LEVEL": "loud"}, "SUBSCRIBER_LOG_LEVEL is 'LOUD'; expected one of DEBUG"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match="^" + re.escape(sentence)):
        settings(**variables)


def test_an_empty_variable_is_not_set() -> None:
    empty = {f"SUBSCRIBER_{name}": " " for name in ("FILTER_NAME", "MAX_ROUNDS", "LOG_LEVEL", "EXCLUDE", "STACK_ID")}

    assert Settings.from_environ(ENVIRON | empty) == Settings.from_environ(ENVIRON)
