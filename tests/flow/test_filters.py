"""What is not to be forwarded, by a setting or by nature: counted as filtered, and no reason to fail."""

from typing import Any

import pytest

from local_intake.server import LocalIntake
from tests.builders import LOG_GROUP, awslogs_event, log_events
from tests.flow.support import COFFEE, Forward, Said, arrived, is_balanced, messages, metrics

LINES = ["INFO a", "ERROR b", "ERROR noise", "c"]
REPORT = (
    "REPORT RequestId: 1\tDuration: 1.76 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 48 MB\t\n"
)
HANGS = "x" * 50_000
OWN_GROUP: dict[str, Any] = {"AWS_LAMBDA_FUNCTION_NAME": "Datadog-Forwarder", "AWS_LAMBDA_LOG_GROUP_NAME": LOG_GROUP}


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ({"INCLUDE_AT_MATCH": "ERROR"}, ["ERROR b", "ERROR noise"]),
        ({"EXCLUDE_AT_MATCH": "noise"}, ["INFO a", "ERROR b", "c"]),
        ({"INCLUDE_AT_MATCH": "ERROR", "EXCLUDE_AT_MATCH": "noise"}, ["ERROR b"]),
        ({"INCLUDE_AT_MATCH": "^ERROR", "EXCLUDE_AT_MATCH": "ERROR"}, []),
        ({"INCLUDE_AT_MATCH": r"(?<=INFO )a|^c$"}, ["INFO a", "c"]),
    ],
)
def test_filters_choose_logs_by_their_messages(
    forward: Forward, intake: LocalIntake, rules: dict[str, Any], kept: list[str]
) -> None:
    answer = forward(awslogs_event(LINES), **rules)
    assert messages(intake) == kept
    assert answer["lines"] == {"received": 4, "routed": len(kept), "filtered": 4 - len(kept), "rejected": 0}


def test_filters_look_at_a_message_with_tags_of_its_own_as_it_was_printed(
    forward: Forward, intake: LocalIntake
) -> None:
    forward(awslogs_event(['{"ddtags":"env:dev", "level": "ERROR"}']), INCLUDE_AT_MATCH='"level": "ERROR"')
    assert messages(intake) == ['{"level": "ERROR"}']


def test_filters_leave_metrics_alone(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event([COFFEE, *LINES]), EXCLUDE_AT_MATCH=".")
    assert arrived(intake) == (0, 1)


def test_a_report_that_is_filtered_still_makes_metrics(forward: Forward, intake: LocalIntake) -> None:
    answer = forward(awslogs_event([REPORT, "c"]), EXCLUDE_AT_MATCH="REPORT")
    assert arrived(intake) == (1, 4)
    assert (answer["lines"]["routed"], answer["logs_filtered"], is_balanced(answer)) == (2, 1, True)


def test_without_logs_metrics_are_still_forwarded(forward: Forward, intake: LocalIntake) -> None:
    answer = forward(awslogs_event([*LINES, COFFEE, REPORT]), DD_FORWARD_LOG="false")
    assert arrived(intake) == (0, 5)
    assert (answer["lines"]["filtered"], answer["logs_filtered"], is_balanced(answer)) == (4, 5, True)


def test_without_enhanced_metrics_a_report_is_a_log(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event([REPORT, COFFEE]), DD_ENHANCED_METRICS="false")
    assert [metric.name for metric in metrics(intake)] == ["coffee_house.order_value"]
    assert messages(intake) == [REPORT]


def test_a_control_message_is_acknowledged(forward: Forward, intake: LocalIntake) -> None:
    line = "CWL CONTROL MESSAGE: Checking health of destination Firehose"
    answer = forward(awslogs_event([line], "", "", messageType="CONTROL_MESSAGE"))
    assert (arrived(intake), answer["lines"]["filtered"]) == ((0, 0), 1)


# --- a pattern that would take for ever ----------------------------------------------------------


@pytest.mark.parametrize("name", ["INCLUDE_AT_MATCH", "EXCLUDE_AT_MATCH"])
def test_a_line_on_which_a_filter_hangs_is_forwarded_with_one_warning(
    forward: Forward, intake: LocalIntake, said: Said, name: str
) -> None:
    hanging: dict[str, Any] = {name: "(x+x+)+y"}
    forward(awslogs_event([HANGS, HANGS]), **hanging)  # which would take longer than anybody has
    assert messages(intake) == [HANGS, HANGS]
    assert [record["message"] for record in said.at("WARNING")] == [
        f"{name} ran over its time limit on at least one line: the line is forwarded."
    ]


def test_a_line_on_which_a_filter_hangs_affects_no_other(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event(["xxy", HANGS, "z"]), EXCLUDE_AT_MATCH="(x+x+)+y")
    assert messages(intake) == [HANGS, "z"]


# --- our own log group ---------------------------------------------------------------------------


def test_the_forwarders_own_lines_go_nowhere(forward: Forward, intake: LocalIntake) -> None:
    own = {**OWN_GROUP, "AWS_LAMBDA_FUNCTION_NAME": "Orders-API"}
    answer = forward(awslogs_event([*LINES, COFFEE, REPORT]), **own)
    assert arrived(intake) == (0, 0)
    assert answer["lines"] == {"received": 6, "routed": 0, "filtered": 6, "rejected": 0}


def test_an_own_line_that_cannot_be_read_is_counted(forward: Forward) -> None:
    own = {**OWN_GROUP, "AWS_LAMBDA_FUNCTION_NAME": "Orders-API"}
    answer = forward(awslogs_event(logEvents=[*log_events(LINES), {"message": 7}]), **own)
    assert answer["lines"] == {"received": 5, "routed": 0, "filtered": 5, "rejected": 0}


def test_the_forwarders_own_lines_are_worth_one_warning(forward: Forward, said: Said) -> None:
    forward(awslogs_event(LINES), **{**OWN_GROUP, "AWS_LAMBDA_FUNCTION_NAME": "Orders-API"})
    assert [record["message"] for record in said.at("WARNING")] == [
        "Lines of the forwarder's own log group are not forwarded: unsubscribe it."
    ]


def test_a_log_group_of_the_same_name_in_another_account_is_forwarded(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event(LINES, owner="999999999999"), **{**OWN_GROUP, "AWS_LAMBDA_FUNCTION_NAME": "Orders-API"})
    assert messages(intake) == LINES


def test_another_function_that_shares_the_log_group_is_forwarded(forward: Forward, intake: LocalIntake) -> None:
    shared = "2026/11/22/till[$LATEST]13e304cba4b9446eb7ef082a00038990"
    forward(awslogs_event(LINES, "shared", shared), **{**OWN_GROUP, "AWS_LAMBDA_LOG_GROUP_NAME": "shared"})
    assert messages(intake) == LINES
