"""The metrics and logs of an instrumented function, as the intake gets them."""

import re

import pytest

from local_intake.records import Metric
from tests.compat.forwarded import Arrived
from tests.compat.function import NAME, Invocation, kind_of

pytestmark = pytest.mark.compat

FROM_REPORTS = ["duration", "billed_duration", "max_memory_used", "estimated_cost"]


def enhanced(name: str) -> str:
    return f"aws.lambda.enhanced.{name}"


def named(arrived: Arrived, name: str) -> list[Metric]:
    return [metric for metric in arrived.metrics if metric.name == name]


def in_reports(invocations: list[Invocation], field: str) -> list[float]:
    """The values of a field of the REPORT lines."""
    text = "".join(event for invocation in invocations for event in invocation.of_kind("platform"))
    return [float(value) for value in re.findall(rf"\t{field}: (\S+) ", text)]


def test_the_failing_order_alone_fails(invocations: list[Invocation]) -> None:
    errors = [invocation.error for invocation in invocations]
    assert errors == [None, None, "LookupError: There is no mocha on the menu."]


def test_everything_was_delivered_and_the_intake_counted_the_same(arrived: Arrived) -> None:
    assert arrived.ledger.all_problems == []


def test_the_forwarder_received_every_line(invocations: list[Invocation], arrived: Arrived) -> None:
    assert arrived.ledger.total.lines == sum(len(invocation.events) for invocation in invocations)


def test_no_line_was_filtered_or_rejected(arrived: Arrived) -> None:
    total = arrived.ledger.total
    assert (total.filtered, total.rejected) == (0, 0)


def test_the_custom_metric_has_the_value_of_each_order(arrived: Arrived) -> None:
    assert arrived.values("coffee_house.order_value") == [12.45, 12.45]


def test_the_custom_metric_has_the_tags_that_the_function_gave_it(arrived: Arrived) -> None:
    for metric in named(arrived, "coffee_house.order_value"):
        assert {"product:latte", "order:online"} <= set(metric.tags)


def test_the_library_counts_every_invocation(arrived: Arrived) -> None:
    assert arrived.values(enhanced("invocations")) == [1, 1, 1]


def test_the_library_counts_the_failure(arrived: Arrived) -> None:
    assert arrived.values(enhanced("errors")) == [1]


@pytest.mark.parametrize("name", FROM_REPORTS)
def test_every_report_gives_the_metric(arrived: Arrived, name: str) -> None:
    assert len(arrived.values(enhanced(name))) == 3


@pytest.mark.parametrize(
    ("name", "field"),
    [("duration", "Duration"), ("billed_duration", "Billed Duration"), ("init_duration", "Init Duration")],
)
def test_a_time_is_the_reports_in_seconds(
    invocations: list[Invocation], arrived: Arrived, name: str, field: str
) -> None:
    milliseconds = in_reports(invocations, field)
    assert arrived.values(enhanced(name)) == pytest.approx([value / 1000 for value in milliseconds])


def test_the_memory_used_is_the_reports_in_mb(invocations: list[Invocation], arrived: Arrived) -> None:
    assert arrived.values(enhanced("max_memory_used")) == in_reports(invocations, "Max Memory Used")


def test_only_the_cold_start_has_a_time_of_initialisation(arrived: Arrived) -> None:
    assert ["cold_start:true" in metric.tags for metric in named(arrived, enhanced("init_duration"))] == [True]


def test_both_sides_agree_on_which_start_was_cold(arrived: Arrived) -> None:
    for name in ("invocations", "duration"):
        cold = ["cold_start:true" in metric.tags for metric in named(arrived, enhanced(name))]
        assert cold == [True, False, False], name


def test_every_enhanced_metric_names_the_function(arrived: Arrived) -> None:
    for metric in arrived.metrics:
        if metric.name.startswith(enhanced("")):
            assert f"functionname:{NAME}" in metric.tags, metric.name


def test_every_metric_is_a_metric_line_or_made_from_a_report(invocations: list[Invocation], arrived: Arrived) -> None:
    printed = sum(len(invocation.of_kind("metrics")) for invocation in invocations)
    made = sum(len(arrived.values(enhanced(name))) for name in [*FROM_REPORTS, "init_duration"])
    assert len(arrived.metrics) == printed + made


def test_the_lines_of_the_function_and_the_platform_are_the_logs(
    invocations: list[Invocation], arrived: Arrived
) -> None:
    events = [event for invocation in invocations for event in invocation.events]
    expected = [event for event in events if kind_of(event) in {"logs", "platform"}]
    assert [log.message for log in arrived.logs] == expected


def test_the_error_and_its_traceback_are_one_log(arrived: Arrived) -> None:
    [error] = [log.message for log in arrived.logs if log.message and log.message.startswith("[ERROR] LookupError")]
    assert "in look_up_price" in error


def test_every_log_is_of_the_function(arrived: Arrived) -> None:
    assert {(log.source, log.service) for log in arrived.logs} == {("lambda", NAME)}
