"""Patterns of the user: compiled at start-up, or an error with variable, pattern and position."""

import re
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forwarder.errors import ConfigurationError
from tests.builders import settings

PATTERNS = [
    ("INCLUDE_AT_MATCH", "include"),
    ("EXCLUDE_AT_MATCH", "exclude"),
    ("DD_MULTILINE_LOG_REGEX_PATTERN", "multiline"),
]


def error_of(**variables: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings(**variables)
    return str(caught.value)


@pytest.mark.parametrize(("variable", "field"), PATTERNS)
def test_patterns_are_compiled_at_start_up(variable: str, field: str) -> None:
    assert getattr(settings(**{variable: r"\d+"}), field).search("a1")


@pytest.mark.parametrize(("variable", "field"), PATTERNS)
def test_an_empty_pattern_is_not_set(variable: str, field: str) -> None:
    assert getattr(settings(**{variable: ""}), field) is None


@pytest.mark.parametrize("variable", [*(variable for variable, _ in PATTERNS), "DD_SCRUBBING_RULE"])
@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("a**", "multiple repeat at position 2"),
        ("(?P<a>", "missing ) at position 6"),
        ("[b-a]", "bad character range at position 4"),
        ("*", "nothing to repeat at position 0"),
        ("\\", "bad escape (end of pattern) at position 1"),
        ("a{99999999999}", "repeat count too big at position 2"),
        ("{e}{i}\n*(", "missing ) at position 9"),
        ("{e}{i}[b-a]{s}", "bad character range at position 10"),
        (r"\p{e}", "unknown property at position 5"),
    ],
)
def test_a_bad_pattern_is_an_error_with_variable_pattern_and_position(
    variable: str, pattern: str, problem: str
) -> None:
    assert (
        error_of(**{variable: pattern}) == f"{variable} is {pattern!r}, which is not a regular expression: {problem}."
    )


def test_a_pattern_nested_too_deeply_is_an_error_in_one_sentence() -> None:
    pattern = "(" * 2000 + ")" * 2000
    assert error_of(INCLUDE_AT_MATCH=pattern) == "INCLUDE_AT_MATCH is a regular expression that is nested too deeply."


def test_white_space_in_a_pattern_counts() -> None:
    include = settings(INCLUDE_AT_MATCH=" x ").include
    assert include is not None
    assert include.pattern == " x "


def test_without_a_scrubbing_rule_nothing_is_scrubbed() -> None:
    assert settings(DD_SCRUBBING_RULE_REPLACEMENT="***").scrub is None


def test_what_is_scrubbed_becomes_five_x_unless_said_otherwise() -> None:
    default, given = (
        settings(DD_SCRUBBING_RULE="a").scrub,
        settings(DD_SCRUBBING_RULE="a", DD_SCRUBBING_RULE_REPLACEMENT="***").scrub,
    )
    assert default is not None
    assert given is not None
    assert (default.replacement, given.replacement) == ("xxxxx", "***")


@pytest.mark.parametrize(
    ("pattern", "replacement", "problem"),
    [
        ("a", r"\1", "invalid group reference"),
        ("a", r"\g<name>", "unknown group"),
        ("a", "C:\\", "bad escape (end of pattern) at position 3"),
        ("(?x)a # comment", r"\q", r"bad escape \q at position 2"),
        (
            "a",
            r"\ud800",
            r"'utf-8' codec can't encode character '\ud800' in position 0: surrogates not allowed",
        ),
    ],
)
def test_a_replacement_that_does_not_fit_the_pattern_is_an_error(pattern: str, replacement: str, problem: str) -> None:
    assert error_of(DD_SCRUBBING_RULE=pattern, DD_SCRUBBING_RULE_REPLACEMENT=replacement) == (
        f"DD_SCRUBBING_RULE_REPLACEMENT is {replacement!r}, which is not a replacement for what DD_SCRUBBING_RULE"
        f" matches: {problem}."
    )


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        ("(a)", r"\1"),
        ("(?P<name>a)", r"\g<name>"),
        ("a", r"\g<0>"),
        ("(?i)a|b", "x"),
        ("(?x)a # comment", "x"),
        ("(?|(a)|(b))", r"\1"),
        ("(a)(?(1)b|c)", r"\1"),
        ("a", "$1 {}"),
    ],
)
def test_a_replacement_may_refer_to_groups(pattern: str, replacement: str) -> None:
    scrub = settings(DD_SCRUBBING_RULE=pattern, DD_SCRUBBING_RULE_REPLACEMENT=replacement).scrub
    assert scrub is not None
    assert (scrub.pattern.pattern, scrub.replacement) == (pattern, replacement)


# --- `regex` does as `re` does -------------------------------------------------------------------

# What `regex` takes for approximate matching, and what else braces and brackets may stand for in either.
PIECES = (
    *("{e}", "{i}", "{id}", "{1e<=2}", "{i<=3}", "{1<=e<=3}", "{2i+2d+1s<=4}", "{e:[a-z]}", "{s<1}", "{error}"),
    *(
        "{2}",
        "{1,2}",
        "{,1}",
        "{1,}",
        "{,}",
        "{",
        "}",
        r"\{",
        r"\}",
        r"\\",
        "a",
        "b",
        "e",
        "1",
        ",",
        "-",
        "$",
        " ",
        "#",
    ),
    *("[", "[^", "]", "[a", "[{", "(", "(?:", ")", "|", "*", "+", "?", r"\d", r"\b", r"\N{DIGIT ONE}", "(?x)", "(?i)"),
    *("--", "&&", "||", "~~"),
)
TEXTS = st.text(st.sampled_from("abeis{}[]<=,123-$ \n"), max_size=12)


@example(r"\${e}", "any line")
@example("GET /users/{i}", "GET /users/42")
@example("id:{d}", "id 5")
@example("secret{d}", "secret")
@example(r"x{1}{e}", "xe")
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join), TEXTS | st.sampled_from(PIECES))
def test_a_pattern_finds_what_it_finds_in_re(pattern: str, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `re` may once read sets as `regex` does if told to
        try:
            expected = re.compile(pattern)
        except re.error:
            return
    found = settings(EXCLUDE_AT_MATCH=pattern).exclude
    assert found is not None or not pattern.strip()
    if found:
        assert [match.span() for match in found.finditer(text)] == [match.span() for match in expected.finditer(text)]


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"\p{L}+", "été1", "été"),
        (r"\P{L}{2}", "a12", "12"),
        (r"[\p{Lu}{e}]+", "aE{e}", "E{e}"),
        ("(?V1)[[a-z]--[{e}]]+", "e{fg", "fg"),
        ("[[:alpha:]]{2}", "1ab", "ab"),
        ("(?x) a {e} # {i}", "a{e}", "a{e}"),
    ],
)
def test_what_only_regex_knows_is_left_alone(pattern: str, text: str, found: str) -> None:
    include = settings(INCLUDE_AT_MATCH=pattern).include
    assert include is not None
    match = include.search(text)
    assert match is not None
    assert match[0] == found


def test_braces_in_a_scrubbing_rule_are_masked_with_the_rest() -> None:
    scrub = settings(DD_SCRUBBING_RULE="secret{d}").scrub
    assert scrub is not None
    assert scrub.pattern.sub(scrub.replacement, "secret and secret{d}") == "secret and xxxxx"
