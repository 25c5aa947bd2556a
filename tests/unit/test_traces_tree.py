"""Relations between the spans of a trace: placeholders, top-level spans, priority."""

import random
from collections.abc import Iterable

import pytest

from forwarder.traces import tree
from forwarder.traces.spans import Span

XRAY = {"_dd.parent_source": "xray"}


def span(
    span_id: int, parent_id: int = 0, *, xray: bool = False, service: str = "", priority: float | None = None
) -> Span:
    metrics = {} if priority is None else {"_sampling_priority_v1": priority}
    meta = dict(XRAY) if xray else {}
    return Span(trace_id=1, span_id=span_id, parent_id=parent_id, service=service, meta=meta, metrics=metrics)


def of_trace(high: str, span_id: int) -> Span:
    found = span(span_id)
    if high:
        found.meta["_dd.p.tid"] = high
    return found


def real(spans: list[Span], known: dict[int, int] | None = None) -> list[Span]:
    return tree.without_placeholders(spans, {} if known is None else known)


def parents(spans: Iterable[Span]) -> dict[int, int]:
    return {span.span_id: span.parent_id for span in spans}


def top_level(spans: list[Span]) -> set[int]:
    tree.mark_top_level(spans)
    return {span.span_id for span in spans if span.metrics.get("_top_level") == 1}


# --- placeholders --------------------------------------------------------------------------------


def test_a_placeholder_is_dropped_and_its_children_get_its_parent() -> None:
    spans = [span(2, 1, xray=True), span(3, 2), span(4, 2), span(5, 3)]
    assert parents(real(spans)) == {3: 1, 4: 1, 5: 3}


def test_the_children_may_come_before_the_placeholder() -> None:
    spans = [span(3, 2), span(2, 1, xray=True), span(4, 2)]
    assert parents(real(spans)) == {3: 1, 4: 1}


@pytest.mark.parametrize("seed", range(5))
def test_a_chain_of_placeholders_leads_to_the_first_real_parent_in_any_order(seed: int) -> None:
    spans = [span(number, number - 1, xray=True) for number in range(2, 50)] + [span(50, 49), span(60, 20)]
    random.Random(seed).shuffle(spans)
    assert parents(real(spans)) == {50: 1, 60: 1}


def test_placeholders_in_a_cycle_leave_roots() -> None:
    spans = [span(2, 3, xray=True), span(3, 4, xray=True), span(4, 2, xray=True), span(5, 2), span(6, 3), span(7, 5)]
    assert parents(real(spans)) == {5: 0, 6: 0, 7: 5}


def test_a_placeholder_that_is_its_own_parent_leaves_roots() -> None:
    assert parents(real([span(2, 2, xray=True), span(3, 2)])) == {3: 0}


def test_a_span_that_would_become_its_own_parent_becomes_a_root() -> None:
    assert parents(real([span(2, 3, xray=True), span(3, 2)])) == {3: 0}


def test_nothing_is_left_of_a_trace_of_placeholders() -> None:
    assert real([span(2, 1, xray=True), span(3, 2, xray=True)]) == []


def test_a_chain_of_100_000_placeholders_is_followed_once() -> None:
    chain = [span(number, number - 1, xray=True) for number in range(2, 100_001)]
    children = [span(200_000 + number, number) for number in range(2, 100_001, 2)]
    assert set(parents(real(children + chain)).values()) == {1}


def test_the_children_may_come_long_after_the_placeholder() -> None:
    known: dict[int, int] = {}
    assert real([span(2, 1, xray=True), span(3, 2, xray=True)], known) == []
    assert parents(real([span(4, 3)], known)) == {4: 1}


# --- traces with the same low id -----------------------------------------------------------------


def test_traces_whose_ids_differ_in_the_high_bits_are_separated() -> None:
    spans = [of_trace("1" * 16, 1), of_trace("", 2), of_trace("2" * 16, 3), of_trace("", 4), of_trace("1" * 16, 5)]
    found = tree.by_high_id(spans)
    assert {high: list(parents(trace)) for high, trace in found.items()} == {"1" * 16: [1, 2, 5], "2" * 16: [3, 4]}


def test_spans_without_the_high_bits_belong_to_the_only_trace_with_them() -> None:
    spans = [of_trace("", 1), of_trace("1" * 16, 2), of_trace("", 3)]
    assert tree.by_high_id(spans) == {"1" * 16: spans}


# --- top-level spans -----------------------------------------------------------------------------


def test_a_span_whose_parent_is_absent_or_of_another_service_is_top_level() -> None:
    spans = [span(1, service="a"), span(2, 1, service="a"), span(3, 2, service="b"), span(4, 99, service="a")]
    assert top_level(spans) == {1, 3, 4}


def test_a_root_without_a_service_is_top_level() -> None:
    assert top_level([span(1), span(2, 1)]) == {1}


def test_spans_in_a_cycle_have_no_top_level() -> None:
    assert top_level([span(1, 2, service="a"), span(2, 1, service="a")]) == set()


# --- priority ------------------------------------------------------------------------------------


def test_the_priority_is_that_of_the_local_root() -> None:
    assert tree.priority_of([span(2, 1, priority=1), span(1, 99, priority=-1)]) == -1


def test_without_a_priority_of_the_root_that_of_any_span_counts() -> None:
    assert tree.priority_of([span(1), span(2, 1, priority=2)]) == 2


def test_a_trace_without_a_priority_is_kept() -> None:
    assert tree.priority_of([span(1), span(2, 1)]) == 1


@pytest.mark.parametrize("priority", [1e300, -1e300, 2.0**31])
def test_a_trace_with_an_invalid_priority_is_kept(priority: float) -> None:
    assert tree.priority_of([span(1, priority=priority)]) == 1
