"""What the forwarder says about itself: a summary and embedded metrics, on standard output."""

import contextlib

import pytest

from forwarder.errors import DeliveryError
from local_intake.server import LocalIntake
from tests.builders import ENVIRON, awslogs_event, context
from tests.flow.support import COFFEE, Answer, Forward, Said, Start

EVENT = awslogs_event(["secret order", "dropped", COFFEE])


@pytest.fixture
def summary(forward: Forward, said: Said) -> Answer:
    """Return the summary line of an ordinary invocation."""
    forward(EVENT, EXCLUDE_AT_MATCH="dropped", DD_LOG_LEVEL="INFO")
    (summary,) = said.summaries
    return summary


@pytest.fixture
def embedded(forward: Forward, said: Said) -> Answer:
    """Return the one line of embedded metrics of an ordinary invocation."""
    forward(EVENT, EXCLUDE_AT_MATCH="dropped")
    (line,) = [record for record in said.records if "_aws" in record]
    return line


def test_a_summary_counts_lines_and_items(summary: Answer) -> None:
    assert summary["lines"] == {"received": 3, "routed": 2, "filtered": 1, "rejected": 0}
    assert summary["signals"]["logs"] == {"created": 1, "delivered": 1, "stored": 0, "rejected": 0, "returned": 0}
    assert summary["signals"]["metrics"] == {"created": 1, "delivered": 1, "stored": 0, "rejected": 0, "returned": 0}


def test_a_summary_names_its_invocation(summary: Answer) -> None:
    assert summary["request_id"] == context().aws_request_id
    assert (summary["event_type"], summary["level"]) == ("awslogs", "INFO")


def test_a_summary_has_statuses_and_a_duration(summary: Answer) -> None:
    assert (summary["requests"], summary["statuses"]) == (2, {"202": 2})
    assert 0 < summary["duration_ms"] < 30_000


def test_a_summary_is_the_answer_of_the_invocation(start: Start, said: Said) -> None:
    answer = start(DD_LOG_LEVEL="INFO").handle(EVENT, context())
    assert answer.items() <= said.summaries[0].items()


def test_each_invocation_has_its_own_summary(start: Start, said: Said) -> None:
    forwarder = start(DD_LOG_LEVEL="INFO")
    for name in ("first", "second"):
        invocation = context()
        invocation.aws_request_id = name
        forwarder.handle(EVENT, invocation)
    assert [summary["request_id"] for summary in said.summaries] == ["first", "second"]


def test_a_summary_of_what_was_not_delivered_is_an_error(forward: Forward, intake: LocalIntake, said: Said) -> None:
    intake.script.replace([{"signal": "logs", "status": 404}])
    with pytest.raises(DeliveryError):
        forward(EVENT)
    (summary,) = said.summaries
    assert (summary["level"], summary["statuses"]) == ("ERROR", {"202": 1, "404": 1})
    assert summary["reasons"] == {"status 404": 2}


def test_embedded_metrics_are_one_line_for_cloudwatch(embedded: Answer) -> None:
    (directive,) = embedded["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "DatadogForwarder"
    assert "forwardername" in directive["Dimensions"][0]
    assert embedded["forwardername"] == "Datadog-Forwarder"


def test_embedded_metrics_have_the_counts_of_the_invocation(embedded: Answer) -> None:
    expected = {
        "incoming_events": 3,
        "logs_forwarded": 1,
        "logs_failed": 0,
        "logs_filtered": 1,
        "metrics_forwarded": 1,
        "metrics_failed": 0,
        "traces_forwarded": 0,
        "lines_received": 3,
        "lines_rejected": 0,
        "items_rejected": 0,
        "items_returned": 0,
        "records_unread": 0,
        "objects_continued": 0,
    }
    assert {name: embedded[name] for name in expected} == {name: [count] for name, count in expected.items()}


def test_every_embedded_metric_is_declared(embedded: Answer) -> None:
    declared = {metric["Name"] for metric in embedded["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert declared == {name for name, value in embedded.items() if isinstance(value, list)}


def test_embedded_metrics_report_a_failure_that_the_intake_cannot(
    forward: Forward, intake: LocalIntake, said: Said
) -> None:
    intake.script.replace([{"status": 403, "times": 3}])
    with pytest.raises(DeliveryError):
        forward(EVENT)
    (embedded,) = [record for record in said.records if "_aws" in record]
    assert (embedded["logs_failed"], embedded["items_returned"]) == ([2], [3])


@pytest.mark.parametrize("status", [202, 400, 403])
def test_no_payload_and_no_key_is_in_our_own_log(
    forward: Forward, intake: LocalIntake, said: Said, status: int
) -> None:
    intake.script.replace([{"status": status, "times": 3}])
    with contextlib.suppress(DeliveryError):
        forward(EVENT, DD_LOG_LEVEL="DEBUG")
    secrets = ("secret order", "coffee_house", "latte", ENVIRON["DD_API_KEY"])
    assert [secret for secret in secrets if secret in said.text] == []


def test_all_that_is_said_is_json(forward: Forward, said: Said) -> None:
    forward(awslogs_event(logEvents=[{"message": 7}, {"message": "a"}]), DD_LOG_LEVEL="DEBUG", DD_TAG="env:prod")
    assert [record for record in said.records if "level" not in record and "_aws" not in record] == []


def test_a_misspelled_setting_is_a_warning_that_names_both(start: Start, said: Said) -> None:
    start(DD_TAG="env:prod")
    (warning,) = said.at("WARNING")
    assert "DD_TAG" in warning["message"].split()
    assert "DD_TAGS" in warning["message"]


def test_a_flood_of_rejections_is_counted_and_not_listed(forward: Forward, intake: LocalIntake, said: Said) -> None:
    answer = forward(awslogs_event(logEvents=[{"message": 7}] * 500))
    assert answer["lines"]["rejected"] == 500
    assert len(said.at("ERROR")) == 20
