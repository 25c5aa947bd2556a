"""What must not leave: masked in logs, tags and attributes, and never in our own log or an error."""

import json
import time
from typing import Any

import pytest

from forwarder.errors import DeliveryError
from local_intake.server import LocalIntake
from tests.builders import awslogs_event, eventbridge_event, log_events, sqs_event
from tests.flow.recorder import Recorder
from tests.flow.support import Forward, Said, arrived, is_balanced, messages, metrics

ADDRESS = "customer@example.com"
MASKED = "xxxxx@xxxxx.com"
METRIC = f'{{"m":"receipts","v":1,"e":1795343071,"t":["to:{ADDRESS}"]}}\n'
TRACE = f'{{"traces":[[{{"trace_id":"A1","span_id":"B2","meta":{{"to":"{ADDRESS}"}}}}]]}}\n'
EVERYWHERE = awslogs_event(
    [
        f"Receipt sent to {ADDRESS}",
        json.dumps({"to": ADDRESS, "ddtags": f"to:{ADDRESS}"}),
        METRIC,
        TRACE,
    ],
    log_group=f"till/{ADDRESS}",
    log_stream=f"of {ADDRESS}",
)
REDACT: dict[str, Any] = {"REDACT_EMAIL": "true", "DD_TAGS": f"to:{ADDRESS}", "DD_LOG_LEVEL": "DEBUG"}
CATASTROPHE: dict[str, Any] = {"DD_SCRUBBING_RULE": "(x+x+)+y"}
HANGS = "x" * 50_000
SIGNALS = ("logs", "metrics", "traces")


def test_a_greedy_rule_consumes_no_more_than_its_own_log(forward: Forward, intake: LocalIntake) -> None:
    answer = forward(awslogs_event(["a secret=1", "b secret=2", "c"]), DD_SCRUBBING_RULE="secret=.*")
    assert messages(intake) == ["a xxxxx", "b xxxxx", "c"]
    assert is_balanced(answer)


def test_a_rule_that_matches_quotes_leaves_the_request_whole(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event(['say "hello"', '{"a": "b"}', "plain"]), DD_SCRUBBING_RULE='"')
    assert messages(intake) == ["say xxxxxhelloxxxxx", "{xxxxxaxxxxx: xxxxxbxxxxx}", "plain"]


def test_a_rule_that_matches_everything_leaves_logs(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event(["a", "b\nc"]), DD_SCRUBBING_RULE="(?s).+", DD_SCRUBBING_RULE_REPLACEMENT='"}],')
    assert messages(intake) == ['"}],', '"}],']


def test_a_replacement_may_be_named_by_group(forward: Forward, intake: LocalIntake) -> None:
    rule: dict[str, Any] = {"DD_SCRUBBING_RULE": r"card (\d{4})\d+", "DD_SCRUBBING_RULE_REPLACEMENT": r"card \1…"}
    forward(awslogs_event(["paid by card 4111111111111111"]), **rule)
    assert messages(intake) == ["paid by card 4111…"]


def test_extracted_fields_go_with_their_log(forward: Forward, intake: LocalIntake) -> None:
    first, second = log_events(["first", "second"])
    forward(awslogs_event(logEvents=[first | {"extractedFields": {"level": "INFO"}}, second]))
    extracted = {log.message: log.attributes.get("extractedFields") for log in intake.store.logs()}
    assert extracted == {"first": {"level": "INFO"}, "second": None}


def test_extracted_fields_are_masked_one_by_one(forward: Forward, intake: LocalIntake) -> None:
    fields = {"to": f'"{ADDRESS}" <Bob>', "card": 4111111111111111, "n": 1.5, "of": {"to": ADDRESS}}
    event = awslogs_event(logEvents=[log_events(["a"])[0] | {"extractedFields": fields}])
    forward(event, REDACT_EMAIL="true", DD_SCRUBBING_RULE=r'"|\d{16}', DD_SCRUBBING_RULE_REPLACEMENT="#")
    (log,) = intake.store.logs()
    assert log.attributes["extractedFields"] == {
        "to": f"#{MASKED}# <Bob>",
        "card": "#",
        "n": 1.5,
        "of": f"{{#to#: #{MASKED}#}}",
    }


def test_the_id_that_a_sender_chose_is_masked(forward: Forward, intake: LocalIntake) -> None:
    forward(sqs_event(json.dumps({**eventbridge_event("shop"), "id": ADDRESS})), REDACT_EMAIL="true")
    (log,) = intake.store.logs()
    assert log.id == MASKED


@pytest.mark.parametrize(
    "message", ['{"password": "sesame", "ddtags": "a:1"}', '{"ddtags": "a:1", "password": "sesame"}']
)
def test_a_message_with_tags_of_its_own_is_masked_as_it_was_printed(
    forward: Forward, intake: LocalIntake, message: str
) -> None:
    forward(awslogs_event([message]), DD_SCRUBBING_RULE='"password": "[^"]+"')
    assert messages(intake) == ["{xxxxx}"]


def test_a_record_that_is_reshaped_is_masked_in_its_new_shape(forward: Forward, intake: LocalIntake) -> None:
    printed = [
        json.dumps({"httpRequest": {"headers": [{"name": "Authorization", "value": value} for value in values]}})
        for values in (["Bearer sesame"], ['Digest response="sesame"'], ["Basic sesame", "Bearer sesame"])
    ]
    rule = r"(?i)\x22authorization\x22:(\x22(\\.|[^\x22\\])*\x22|\[[^]]*\])"  # as docs/configuration.md has it
    forward(awslogs_event(printed, "aws-waf-logs-shop"), DD_SCRUBBING_RULE=rule)
    assert messages(intake) == ['{"httpRequest":{"headers":{xxxxx}}}'] * 3


def test_no_address_leaves(forward: Forward) -> None:
    with Recorder() as recorder:
        forward(EVERYWHERE, url=recorder.url, **REDACT)
        sent = [f"{request.target} {request.headers} {request.inflated!r}" for request in recorder.requests]
    assert [request for request in sent if ADDRESS in request] == []
    assert sum(MASKED in request for request in sent) == len(SIGNALS)


def test_no_address_is_in_our_own_log(forward: Forward, said: Said) -> None:
    forward(EVERYWHERE, **REDACT)
    assert ADDRESS not in said.text


def test_no_address_is_in_a_pointer_to_what_was_rejected(forward: Forward, said: Said) -> None:
    forward(awslogs_event(logEvents=[{"message": 7}], log_stream=f"of {ADDRESS}"), **REDACT)
    (error,) = said.at("ERROR")
    assert (MASKED in error["where"], ADDRESS in said.text) == (True, False)


@pytest.mark.parametrize("status", [400, 403])
def test_no_address_is_shown_when_the_delivery_fails(
    forward: Forward, intake: LocalIntake, said: Said, status: int
) -> None:
    intake.script.replace([{"status": status, "times": 3}])
    told = ""
    try:
        forward(EVERYWHERE, **REDACT)
    except DeliveryError as error:
        told = repr(error)
    assert ADDRESS not in told + said.text


def test_without_the_setting_addresses_stay(forward: Forward, intake: LocalIntake) -> None:
    forward(awslogs_event([f"to {ADDRESS}"]))
    assert messages(intake) == [f"to {ADDRESS}"]


def test_ip_addresses_are_masked_in_messages_and_tags(forward: Forward, intake: LocalIntake) -> None:
    metric = METRIC.replace(ADDRESS, "10.0.0.7")
    forward(awslogs_event(["from 10.0.0.7 and 2001:db8::7 at 10:24:31", metric]), REDACT_IP="true")
    assert messages(intake) == ["from xxx.xxx.xxx.xxx and xxx.xxx.xxx.xxx at 10:24:31"]
    assert metrics(intake)[0].tags[0] == "to:xxx.xxx.xxx.xxx"


@pytest.mark.parametrize("after", [":connected", ":https", ":10.0.0.7", ": refused"])
def test_an_ip_address_is_masked_whatever_follows_it(forward: Forward, intake: LocalIntake, after: str) -> None:
    forward(awslogs_event([f"peer=2001:db8::7{after}"]), REDACT_IP="true")
    (message,) = messages(intake)
    assert message is not None
    assert message.startswith("peer=xxx.xxx.xxx.xxx")
    assert "10.0.0.7" not in message


def test_a_whole_message_that_a_mask_makes_short_is_not_said_to_be_truncated(
    forward: Forward, intake: LocalIntake
) -> None:
    answer = forward(awslogs_event([f"{ADDRESS} " * 55_000]), REDACT_EMAIL="true")
    (log,) = intake.store.logs()
    assert (answer["logs_truncated"], "truncated:true" in (log.tags or "").split(",")) == (0, False)


# --- a rule that would take for ever -------------------------------------------------------------


def test_an_item_that_cannot_be_masked_in_time_is_rejected_alone(forward: Forward, intake: LocalIntake) -> None:
    answer = forward(awslogs_event(["before", HANGS, "after"]), **CATASTROPHE)
    assert messages(intake) == ["before", "after"]
    assert answer["signals"]["logs"]["rejected"] == 1
    assert is_balanced(answer)


def test_a_metric_that_cannot_be_masked_in_time_is_rejected_alone(forward: Forward, intake: LocalIntake) -> None:
    bad = METRIC.replace(ADDRESS, HANGS)
    answer = forward(awslogs_event([METRIC, bad, "log"]), **CATASTROPHE)
    assert (arrived(intake), answer["signals"]["metrics"]["rejected"]) == ((1, 1), 1)
    assert is_balanced(answer)


def test_a_stream_whose_name_cannot_be_masked_in_time_is_rejected(forward: Forward, intake: LocalIntake) -> None:
    answer = forward(awslogs_event(["a", "b"], log_stream=HANGS), **CATASTROPHE)
    assert (arrived(intake), answer["lines"]["rejected"], is_balanced(answer)) == ((0, 0), 2, True)


def test_what_could_not_be_masked_is_pointed_to_and_not_shown(forward: Forward, said: Said) -> None:
    forward(awslogs_event(["before", HANGS]), DD_LOG_LEVEL="DEBUG", **CATASTROPHE)
    (error,) = said.at("ERROR")
    assert error["message"] == "Rejected: DD_SCRUBBING_RULE ran over its time limit."
    assert "event 1 at 1795343071001" in error["where"]
    assert HANGS[:100] not in said.text


def test_a_rule_that_hangs_on_every_line_ends_in_time(forward: Forward, intake: LocalIntake) -> None:
    event = awslogs_event(["x" * 5_000] * 1_500)  # of which each takes 2 ms in the end
    began = time.monotonic()
    with pytest.raises(DeliveryError, match="could not be read: the time was up"):
        forward(event, seconds=4, **CATASTROPHE)
    assert time.monotonic() - began < 4
    assert arrived(intake) == (0, 0)
