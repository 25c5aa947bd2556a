"""Reading spans from lines: tags, services, env, masks, rejected spans."""

import base64
import json
from typing import Any

import msgspec
import pytest

from forwarder.deadline import Deadline
from forwarder.errors import MaskingError, OutOfTimeError
from forwarder.records import Signal
from forwarder.traces import SpanGroup, TraceReader
from forwarder.traces.group_tags import name_services
from forwarder.traces.literals import Literals
from forwarder.traces.masks import Mask
from forwarder.traces.spans import Span, SpanEvent, SpanLink
from tests.builders import FIRST_TIMESTAMP, far_deadline, lines, origin, trace_line

SECRET = "sesame"
PACKED = base64.b64encode(
    msgspec.msgpack.encode(
        {"b": f"{SECRET}\xff".encode("latin-1"), SECRET.encode(): msgspec.msgpack.Ext(7, SECRET.encode())}
    )
).decode()
ENV_OF_GROUP: dict[str, Any] = {"DD_TAGS": "env:prod"}


def printed(span_id: object = "2", **members: object) -> dict[str, object]:
    return {"trace_id": "1", "span_id": span_id, "service": "Orders-API", "name": "work", "resource": "work", **members}


def read(*spans: object, mask: Mask | None = None, deadline: Deadline | None = None, **variables: str) -> SpanGroup:
    """Read spans, each from a line of its own, printed by a function called Orders-API."""
    messages = [json.dumps({"traces": [[span]]}) for span in spans]
    reader = TraceReader(credit_cards=True, mask=mask, deadline=deadline or far_deadline())
    return reader.read(lines(*messages), origin(**variables), 3)


def the_span(**members: object) -> Span:
    (span,) = read(printed(**members)).spans
    return span


def masking(text: str) -> str:
    return text.replace(SECRET, "*")


# --- the group -----------------------------------------------------------------------------------


def test_the_tags_of_the_group_join_those_of_the_span() -> None:
    meta = the_span(meta={"own": "1"}).meta
    assert {"own": "1", "functionname": "orders-api", "region": "eu-west-1"}.items() <= meta.items()


def test_service_and_env_of_the_group_are_not_tags_of_the_span() -> None:
    (span,) = read(printed(), **ENV_OF_GROUP).spans
    assert not {"service", "env"} & set(span.meta)


def test_a_tag_without_a_value_is_an_empty_one_of_the_span() -> None:
    (span,) = read(printed(), DD_TAGS="canary,env,service,team:till").spans
    assert (span.meta["canary"], span.meta["team"], span.env, span.service) == ("", "till", "", "Orders-API")


def test_a_span_gets_the_first_value_of_a_tag_with_two() -> None:
    own = printed(name="aws.lambda")
    (span,) = read(own, DD_TAGS="team,team:till,team:shop,env:prod,env:dev,service:a,service:b").spans
    name_services([span])
    assert (span.meta["team"], span.env, span.service) == ("till", "prod", "a")


def test_a_span_with_its_own_tags_gets_none_of_the_group() -> None:
    meta = the_span(meta={"_inferred_span.tag_source": "self"}).meta
    assert set(meta) == {"_inferred_span.tag_source", "_dd.origin", "_dd.compute_stats"}


def test_every_span_is_marked_as_from_lambda_and_without_statistics() -> None:
    meta = the_span(meta={"_dd.origin": "synthetics"}).meta
    assert (meta["_dd.origin"], meta["_dd.compute_stats"]) == ("lambda", "1")


@pytest.mark.parametrize(
    ("variables", "meta", "env"),
    [
        ({}, {}, ""),
        ({}, {"env": "dev"}, "dev"),
        (ENV_OF_GROUP, {}, "prod"),
        (ENV_OF_GROUP, {"env": "dev"}, "prod"),
        ({"DD_TAGS": "env:none"}, {"env": "dev"}, "dev"),
    ],
)
def test_the_env_comes_from_the_group_or_else_from_the_span(
    variables: dict[str, Any], meta: dict[str, str], env: str
) -> None:
    (span,) = read(printed(meta=meta), **variables).spans
    assert span.env == env


# --- services ------------------------------------------------------------------------------------


def named(*spans: dict[str, object], **variables: Any) -> list[Span]:
    """Read spans, and name their services once all are read."""
    found = read(*spans, **variables).spans
    name_services(found)
    return found


def services(*spans: tuple[str, str], **variables: str) -> list[str]:
    """Return the renamed services of spans with these names and services."""
    return [span.service for span in named(*(printed(name=n, service=s) for n, s in spans), **variables)]


def test_the_functions_own_span_gets_the_service_of_the_group() -> None:
    assert services(("aws.lambda", "Orders-API")) == ["orders-api"]


def test_spans_of_the_functions_service_are_renamed_and_others_are_not() -> None:
    assert services(("query", "Orders-API"), ("aws.lambda", "Orders-API"), ("charge", "till")) == [
        "orders-api",
        "orders-api",
        "till",
    ]


def test_a_service_that_begins_with_the_functions_gets_the_new_prefix() -> None:
    found = services(("aws.lambda", "Orders-API"), ("get", "Orders-API-redis"), ("get", "Orders-APIs"))
    assert found == ["orders-api", "orders-api-redis", "Orders-APIs"]


def test_a_service_called_aws_lambda_is_always_renamed() -> None:
    assert services(("load", "aws.lambda"), ("get", "aws.lambda.redis"), DD_TAGS="service:shop") == [
        "shop",
        "shop.redis",
    ]


def test_without_a_span_of_the_function_nothing_is_renamed() -> None:
    assert services(("work", "Orders-API")) == ["Orders-API"]


def test_the_tag_that_repeats_the_service_is_renamed_with_it() -> None:
    (span,) = named(printed(name="aws.lambda", meta={"service": "Orders-API"}))
    assert span.meta["service"] == "orders-api"


def test_ten_thousand_services_are_renamed_quickly() -> None:
    many = [("aws.lambda", f"s{number}") for number in range(5_000)] + [("x", f"s{n}-x") for n in range(5_000)]
    assert set(services(*many)) == {"orders-api", "orders-api-x"}


def test_the_functions_own_span_may_come_in_a_later_group() -> None:
    reader, place = TraceReader(credit_cards=True, mask=None, deadline=far_deadline()), origin()
    child, root = (
        reader.read(lines(trace_line(span)), place, 0).spans
        for span in (printed("3", service="Orders-API-redis"), printed("2", name="aws.lambda"))
    )
    name_services(child + root)
    assert [span.service for span in child + root] == ["orders-api-redis", "orders-api"]


# --- masks ---------------------------------------------------------------------------------------


def test_every_string_of_a_span_is_masked() -> None:
    link = {"trace_id": "1", "span_id": "1", "attributes": {"to": SECRET, SECRET: "x"}, "tracestate": SECRET}
    event = {"name": SECRET, "time_unix_nano": 1, "attributes": {"to": SECRET, "all": [SECRET, 7], SECRET: 1}}
    members: dict[str, object] = {
        **dict.fromkeys(("service", "name", "resource", "type"), f"a {SECRET}"),
        "meta": {"to": f"{SECRET}!", SECRET: "x"},
        "metrics": {SECRET: 1},
        "span_links": [link],
        "span_events": [event],
        "meta_struct": {"appsec": {"rules": [SECRET], SECRET: 1}, "note": SECRET, SECRET: 1, "packed": PACKED},
    }
    (span,) = read(printed(**members), mask=masking).spans
    texts = [getattr(span, name) for name in span.__struct_fields__]
    assert (SECRET in str(texts), span.meta["to"], span.type) == (False, "*!", "a *")
    assert span.events[0].attributes == {"to": "*", "all": ["*", 7], "*": 1}
    assert msgspec.msgpack.decode(span.structs["packed"]) == {"b": b"*\xff", b"*": msgspec.msgpack.Ext(7, b"*")}


def test_names_that_become_equal_lose_no_value() -> None:
    (span,) = read(printed(meta={"sesame": "a", "*": "b", "c": "c"}, metrics={"sesame": 1, "*": 2}), mask=masking).spans
    assert {"a", "b", "c"} <= set(span.meta.values())
    assert sorted(span.metrics.values()) == [1.0, 2.0]


def test_tags_that_link_spans_are_not_masked() -> None:
    meta = {"_dd.p.tid": "6921234500000000", "_dd.parent_source": "xray", "_inferred_span.tag_source": "self"}
    (span,) = read(printed(meta=meta, metrics={"_sampling_priority_v1": 2}), mask=lambda _: "*").spans
    assert {name: span.meta[name] for name in meta} == meta
    assert (span.is_placeholder, span.metrics) == (True, {"_sampling_priority_v1": 2.0})


def test_an_unexpected_value_of_such_a_tag_is_masked() -> None:
    meta = {"_dd.p.tid": SECRET, "_dd.parent_source": SECRET, "_inferred_span.tag_source": SECRET}
    (span,) = read(printed(meta=meta), mask=masking).spans
    assert {span.meta[name] for name in meta} == {"*"}


def test_the_groups_tags_are_not_masked_twice() -> None:
    (span,) = read(printed(), mask=lambda text: text + "x").spans
    assert (span.meta["region"], span.meta["_dd.origin"]) == ("eu-west-1", "lambda")


def failing(text: str) -> str:
    if SECRET in text:
        raise MaskingError("REDACT_IP ran over its time limit")
    return text


def test_only_a_span_that_cannot_be_masked_is_rejected_and_its_content_is_not_shown() -> None:
    found = read(printed("AB", resource=SECRET), printed("CD"), mask=failing)
    (rejection,) = found.rejected
    assert [span.span_id for span in found.spans] == [0xCD]
    assert (rejection.reason, rejection.count, rejection.signal, rejection.raw) == (
        "REDACT_IP ran over its time limit",
        1,
        Signal.TRACES,
        "",
    )
    assert rejection.pointer == "Span(span 00000000000000ab of trace 0000000000000001)"


def test_a_structure_that_cannot_be_read_cannot_be_masked() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    found = read(printed(meta_struct={"deep": deep}), mask=masking)
    assert len(found.spans) + len(found.rejected) == 1


# --- literals outside the tags -------------------------------------------------------------------

STATEMENT, CARD = "SELECT 'sesame'", 4111111111111111


def test_attributes_and_structures_are_obfuscated_as_tags_of_their_names_are() -> None:
    texts: dict[str, object] = {
        "db.statement": STATEMENT,
        "http.url": f"http://a/?{SECRET}",
        "http.target": f"/?{SECRET}",
    }
    link = {"trace_id": "1", "span_id": "1", "attributes": texts}
    event = {"name": "query", "time_unix_nano": 1, "attributes": {**texts, "http.url": [texts["http.url"]]}}
    span = the_span(span_links=[link], span_events=[event], meta_struct={"a": {"b": [texts]}, **texts})
    assert SECRET not in str([span.links, span.events, span.structs])
    assert span.links[0].attributes["http.url"] == "http://a/?"


def test_the_name_of_an_event_is_obfuscated() -> None:
    span = the_span(span_events=[{"name": STATEMENT, "time_unix_nano": 1}])
    assert span.events[0].name == "SELECT ?"


def test_an_attribute_may_name_the_database_of_a_statement() -> None:
    attributes = {"db.system": "redis", "db.statement": f"SET cart:1 {SECRET}"}
    span = the_span(span_events=[{"name": "query", "time_unix_nano": 1, "attributes": attributes}])
    assert span.events[0].attributes == {"db.system": "redis", "db.statement": "SET cart:1 ?"}


def test_a_metric_that_is_a_card_number_becomes_a_masked_tag() -> None:
    span = the_span(metrics={"paid_with": CARD, "paid": CARD + 1, "part": CARD / 10 + 0.05, "n": 1})
    assert (span.meta["paid_with"], set(span.metrics)) == ("?", {"paid", "part", "n"})


def test_a_card_number_in_an_attribute_or_structure_is_masked() -> None:
    event = {"name": "paid", "time_unix_nano": 1, "attributes": {"card": CARD, "cards": [CARD, 7]}}
    span = the_span(span_events=[event], meta_struct={"card": CARD})
    assert span.events[0].attributes == {"card": "?", "cards": ["?", 7]}
    assert msgspec.msgpack.decode(span.structs["card"]) == "?"


def test_card_numbers_are_unchanged_if_the_setting_is_off() -> None:
    reader = TraceReader(credit_cards=False, mask=None, deadline=far_deadline())
    (span,) = reader.read(lines(trace_line(printed(metrics={"card": CARD}))), origin(), 0).spans
    assert span.metrics == {"card": CARD}


# --- rejections and the deadline -----------------------------------------------------------------


def test_broken_spans_are_rejected_with_a_pointer_to_their_line() -> None:
    found = read({"trace_id": "1"}, printed(), None)
    assert [(rejection.pointer, rejection.count, rejection.signal) for rejection in found.rejected] == [
        (f"event 0 at {FIRST_TIMESTAMP}", 1, Signal.TRACES),
        (f"event 2 at {FIRST_TIMESTAMP + 2}", 1, Signal.TRACES),
    ]
    assert len(found.spans) == 1


def test_a_span_knows_its_trigger_record() -> None:
    assert the_span().record == 3


def test_a_span_without_a_start_ended_when_its_line_was_printed() -> None:
    assert the_span(duration=1_000_000).start == FIRST_TIMESTAMP * 1_000_000 - 1_000_000


def test_nothing_is_read_after_the_deadline() -> None:
    with pytest.raises(OutOfTimeError):
        read(printed(), deadline=Deadline.after(-1))


@pytest.mark.parametrize(
    "spans", [[{"resource": "1st"}, {"resource": "2nd"}], [{"resource": "1st", "meta": {"a": "2nd"}}]]
)
def test_the_deadline_is_checked_before_each_string_is_masked(spans: list[dict[str, object]]) -> None:
    deadline, seen = Deadline.after(0.05), set()

    def slow(text: str) -> str:
        seen.add(text)
        while not deadline.expired:
            pass
        return text

    with pytest.raises(OutOfTimeError):
        read(*(printed(**span) for span in spans), mask=slow, deadline=deadline)
    assert "2nd" not in seen


@pytest.mark.parametrize("place", ["links", "events", "structs"])
def test_the_deadline_is_checked_before_a_statement_outside_the_tags(place: str) -> None:
    statement = {"db.statement": STATEMENT}
    values: dict[str, object] = {
        "links": [SpanLink(1, 0, 1, statement)],
        "events": [SpanEvent(1, "query", {**statement})],
        "structs": {"a": msgspec.msgpack.encode(statement)},
    }
    span = Span(1, 1)
    setattr(span, place, values[place])

    def check_deadline() -> None:
        raise OutOfTimeError

    with pytest.raises(OutOfTimeError):
        Literals(credit_cards=True, check_deadline=check_deadline).obfuscate(span)
