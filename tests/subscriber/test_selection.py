"""Patterns of names, and tags."""

import pytest

from subscriber.errors import ConfigurationError, SlowPatternError
from subscriber.selection import Pattern, Tag
from tests.clocks import processor_seconds
from tests.subscriber.support import LONG, SLOW, selection


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("/aws/lambda/", "/aws/lambda/orders", True),
        ("/aws/lambda/", "/ecs/aws/lambda/orders", False),
        ("/aws/lambda/", "/aws/lambda", False),
        ("a.c", "abc", False),
        ("/aws/*/prod-*", "/aws/lambda/prod-orders", True),
        ("/aws/*/prod-*", "/aws/lambda/eu/prod-orders", True),
        ("/aws/*/prod-*", "x/aws/lambda/prod-orders", False),
        ("*-test", "/aws/lambda/orders-test", True),
        ("*-test", "/aws/lambda/orders-test-2", False),
        ("api-[ab]?", "api-b7", True),
        ("api-[ab]?", "api-c7", False),
        ("regex:^/ecs/(api|web)$", "/ecs/web", True),
        ("regex:^/ecs/(api|web)$", "/ecs/web2", False),
        ("regex:prod", "/ecs/production", True),
    ],
)
def test_a_pattern_is_a_prefix_a_glob_or_a_regular_expression(pattern: str, name: str, matches: bool) -> None:
    assert Pattern.of(pattern, "X").matches(name) is matches


def test_a_bad_regular_expression_is_one_sentence_that_names_the_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"^SUBSCRIBER_INCLUDE holds 'regex:\(', which is not .*\.$"):
        Pattern.of("regex:(", "SUBSCRIBER_INCLUDE")


def test_a_search_that_gets_out_of_hand_is_stopped_and_its_pattern_named() -> None:
    slow = Pattern.of(SLOW, "X")

    def search() -> None:
        with pytest.raises(SlowPatternError, match=r"^the search for regex:.* ran over its time limit$"):
            slow.matches(LONG)

    assert processor_seconds(search) < 5


@pytest.mark.parametrize("text", ["regex:${e}", "regex:/ecs/{id}", "regex:web{e<=3}"])
def test_a_brace_does_not_make_a_pattern_match_approximately(text: str) -> None:
    assert not Pattern.of(text, "X").matches("/ecs/wob")


@pytest.mark.parametrize("text", ["", " ", "regex:"])
def test_an_empty_pattern_does_not_match_everything_but_is_an_error(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--exclude holds an empty pattern, .*: use \* for that\.$"):
        Pattern.of(text, "--exclude")


@pytest.mark.parametrize("text", ["'/aws/lambda/'", "/aws lambda/", "^/aws/", "a:b*", "/größe/", "x" * 513])
def test_a_pattern_that_no_name_can_match_is_one_sentence_instead_of_a_refusal_by_aws(text: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^SUBSCRIBER_INCLUDE holds .*, with which no log group's name can be"
    ):
        Pattern.of(text, "SUBSCRIBER_INCLUDE")


@pytest.mark.parametrize(
    ("include", "prefixes"),
    [
        ((), ("",)),
        (("/aws/lambda/",), ("/aws/lambda/",)),
        (("/aws/lambda/prod-*", "/aws/lambda/"), ("/aws/lambda/",)),
        (("/ecs/", "/aws/*/prod-*"), ("/aws/", "/ecs/")),
        (("/ecs/", "regex:^/aws/"), ("",)),
        (("*",), ("",)),
    ],
)
def test_groups_are_listed_under_the_fewest_prefixes(include: tuple[str, ...], prefixes: tuple[str, ...]) -> None:
    assert selection(*include).prefixes == prefixes


def test_an_exclusion_wins_and_is_named() -> None:
    assert selection("/a/", exclude=["/b/", "*-test"]).unfit_name("/a/x-test") == "excluded by *-test"


def test_all_names_are_wanted_if_none_is_included() -> None:
    assert selection(tags=["team"]).unfit_name("anything") == ""


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"team": "shop", "env": "prod", "more": ""}, ""),
        ({"team": "web", "env": "prod"}, ""),
        ({"team": "shop"}, "not tagged env"),
        ({"team": "shop2", "env": "x"}, "not tagged team=shop|web"),
        ({}, "not tagged team=shop|web"),
    ],
)
def test_any_value_of_a_key_will_do_and_all_keys_are_needed(tags: dict[str, str], reason: str) -> None:
    assert selection("*", tags=["team=shop", "team=web", "env"]).unfit_tags(tags) == reason


def test_a_tag_without_a_key_is_an_error() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^SUBSCRIBER_TAGS holds '=shop'; expected a tag such as team=shop\.$"
    ):
        Tag.of("=shop", "SUBSCRIBER_TAGS")
