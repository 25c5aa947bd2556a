"""The spans of an instrumented function, as the intake gets them: whole, in place, and with nothing sensitive."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local_intake.records import Span
from tests.compat.forwarded import Arrived
from tests.compat.function import NAME, Invocation

pytestmark = pytest.mark.compat

NO_PARENT = "0" * 16
VOUCHER, CARD, PRICE = "EARLY-BIRD-4711", "LOYALTY-8150", "12.45"


@pytest.fixture(scope="session")
def printed(invocations: list[Invocation]) -> list[dict[str, Any]]:
    """The spans in the lines of the function."""
    lines = [line for invocation in invocations for line in invocation.of_kind("traces")]
    return [span for line in lines for trace in json.loads(line)["traces"] for span in trace]


@pytest.fixture(scope="session")
def spans(arrived: Arrived) -> list[Span]:
    return arrived.spans


def named(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


def texts(span: Span) -> Iterator[str]:
    yield from (span.service, span.name, span.resource, span.type, *span.meta, *span.meta.values())


def test_the_example_contains_what_no_span_may_show(printed: list[dict[str, Any]]) -> None:
    text = json.dumps(printed)
    assert all(secret in text for secret in (VOUCHER, CARD, PRICE))


def test_every_span_that_was_printed_arrives_once(printed: list[dict[str, Any]], spans: list[Span]) -> None:
    expected = sorted((span["trace_id"].lower(), span["span_id"].lower()) for span in printed)
    assert sorted((span.trace_id, span.span_id) for span in spans) == expected


def test_every_invocation_is_a_trace_of_its_own(spans: list[Span]) -> None:
    assert len({span.trace_id for span in spans}) == len(named(spans, "aws.lambda")) == 3


def test_the_span_of_the_invocation_has_no_parent(spans: list[Span]) -> None:
    assert [span.parent_id for span in named(spans, "aws.lambda")] == [NO_PARENT] * 3


@pytest.mark.parametrize(
    ("name", "parent", "count"),
    [
        ("app.look_up_price", "aws.lambda", 3),
        ("sqlite.query", "app.look_up_price", 9),
        ("requests.request", "aws.lambda", 2),
        ("aws.lambda.load", "aws.lambda", 1),
    ],
)
def test_a_span_is_under_its_parent(spans: list[Span], name: str, parent: str, count: int) -> None:
    by_id = {(span.trace_id, span.span_id): span.name for span in spans}
    parents = [by_id.get((span.trace_id, span.parent_id)) for span in named(spans, name)]
    assert parents == [parent] * count


def test_the_failing_invocation_is_an_error_with_its_message(spans: list[Span]) -> None:
    failed = [span for span in named(spans, "aws.lambda") if span.error]
    assert [span.meta["error.message"] for span in failed] == ["There is no mocha on the menu."]


def test_the_helper_that_raised_is_an_error_with_its_type(spans: list[Span]) -> None:
    failed = [span for span in named(spans, "app.look_up_price") if span.error]
    assert [span.meta["error.type"] for span in failed] == ["builtins.LookupError"]


def test_no_other_span_is_an_error(spans: list[Span]) -> None:
    assert sorted(span.name for span in spans if span.error) == ["app.look_up_price", "aws.lambda"]


def test_the_query_keeps_its_shape(spans: list[Span]) -> None:
    queries = {span.resource for span in named(spans, "sqlite.query")}
    assert "SELECT price FROM menu WHERE voucher = ? AND product = ?" in queries


@pytest.mark.parametrize("literal", [VOUCHER, PRICE, "latte"])
def test_no_literal_is_in_a_query(spans: list[Span], literal: str) -> None:
    queries = named(spans, "sqlite.query")
    assert queries
    assert not [text for span in queries for text in texts(span) if literal in text]


def test_the_http_span_keeps_where_it_went(spans: list[Span]) -> None:
    urls = [span.meta["http.url"] for span in named(spans, "requests.request")]
    assert [url.partition("?")[0].rpartition("/")[2] for url in urls] == ["points"] * 2


@pytest.mark.parametrize("secret", [VOUCHER, CARD, "card=", "product="])
def test_no_span_shows_what_was_asked(spans: list[Span], secret: str) -> None:
    assert spans
    assert not [span.name for span in spans for text in texts(span) if secret in text]


def test_every_span_is_in_the_environment_of_the_function(spans: list[Span]) -> None:
    assert {span.env for span in spans} == {"demo"}


def test_every_span_has_the_tags_of_the_function(spans: list[Span]) -> None:
    assert {span.meta.get("functionname") for span in spans} == {NAME}


def test_the_spans_of_the_functions_own_code_have_its_service(spans: list[Span]) -> None:
    own = named(spans, "aws.lambda") + named(spans, "app.look_up_price")
    assert {span.service for span in own} == {"coffee-house"}


def test_every_trace_has_a_span_on_its_top_level(spans: list[Span]) -> None:
    top = {span.trace_id for span in spans if span.metrics.get("_top_level")}
    assert top == {span.trace_id for span in spans}
    assert top
