"""Other functions get the event as well, once it is accounted for."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from forwarder.errors import DeliveryError, UnsupportedEventError
from local_intake.server import LocalIntake
from tests.aws.support import LOGS_DOWN, METRICS_DOWN, RETRY, Cloud, Starts, coffee, handle
from tests.builders import REGION, awslogs_event, document, kinesis_event, packed
from tests.flow.support import Said, Start

FIRST, SECOND = (f"arn:aws:lambda:{REGION}:123456789012:function:{name}" for name in ("first", "second"))
TARGETS = {"DD_ADDITIONAL_TARGET_LAMBDAS": f"{FIRST}, {SECOND}"}
EVENT = awslogs_event(["a"])


@pytest.fixture
def invoked(cloud: Cloud) -> list[tuple[str, str, Any]]:
    """Return the invocations that are made: ARN, type and event."""
    made: list[tuple[str, str, Any]] = []

    def note(params: dict[str, Any], **_: object) -> None:
        made.append((params["FunctionName"], params["InvocationType"], json.loads(params["Payload"])))

    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register("provide-client-params.lambda.Invoke", note)
    cloud.answer("Invoke", StatusCode=202)
    return made


def test_the_event_is_passed_on_to_each(start: Start, invoked: list[tuple[str, str, Any]]) -> None:
    handle(start(**TARGETS), EVENT)
    assert invoked == [(FIRST, "Event", EVENT), (SECOND, "Event", EVENT)]


def test_an_event_that_was_stored_is_passed_on(
    storing: Starts, intake: LocalIntake, invoked: list[tuple[str, str, Any]]
) -> None:
    intake.script.replace([LOGS_DOWN])
    handle(storing(**TARGETS), EVENT)
    assert len(invoked) == 2


def test_an_event_that_aws_sends_again_is_not_passed_on(
    start: Start, intake: LocalIntake, invoked: list[tuple[str, str, Any]]
) -> None:
    intake.script.replace([LOGS_DOWN])
    with pytest.raises(DeliveryError):
        handle(start(**TARGETS), EVENT)
    assert invoked == []


def test_of_kinesis_only_what_comes_before_the_first_record_that_failed_is_passed_on(
    start: Start, intake: LocalIntake, invoked: list[tuple[str, str, Any]]
) -> None:
    failing = packed(document([coffee()]))
    event: dict[str, Any] = kinesis_event(packed(document(["zero"])), failing, packed(document(["two"])))
    intake.script.replace([METRICS_DOWN])
    handle(start(DD_ADDITIONAL_TARGET_LAMBDAS=FIRST, DD_REPORT_BATCH_ITEM_FAILURES="true"), event)
    assert [handed["Records"] for _, _, handed in invoked] == [event["Records"][:1]]


def test_an_unsupported_event_is_not_passed_on(start: Start, invoked: list[tuple[str, str, Any]]) -> None:
    with pytest.raises(UnsupportedEventError):
        handle(start(**TARGETS), {"foo": 1})
    assert invoked == []


@pytest.mark.parametrize("event", [RETRY, {"check": True}])
def test_what_is_meant_for_the_forwarder_is_not_passed_on(
    event: dict[str, object], storing: Starts, intake: LocalIntake, invoked: list[tuple[str, str, Any]]
) -> None:
    handle(storing(**TARGETS), event)
    assert invoked == []


def test_a_function_that_cannot_be_invoked_is_a_warning_and_the_others_are(
    start: Start, cloud: Cloud, invoked: list[tuple[str, str, Any]], said: Said
) -> None:
    cloud.refuse("Invoke", "ResourceNotFoundException", path="first")
    assert handle(start(**TARGETS), EVENT)["items"]["delivered"] == 1
    (warning,) = said.at("WARNING")
    assert warning["message"] == (
        f"{FIRST} of DD_ADDITIONAL_TARGET_LAMBDAS could not be invoked: ResourceNotFoundException."
    )
    assert [arn for arn, _, _ in invoked] == [FIRST, SECOND]


def test_a_function_that_does_not_answer_is_not_waited_for(start: Start, cloud: Cloud, said: Said) -> None:
    cloud.hold("Invoke")
    handle(start(**TARGETS), EVENT, 3)
    assert [warning["message"] for warning in said.at("WARNING")] == [
        f"{FIRST} of DD_ADDITIONAL_TARGET_LAMBDAS did not answer in time: it may have been invoked or not.",
        f"{SECOND} of DD_ADDITIONAL_TARGET_LAMBDAS was not invoked: the time was up.",
    ]


def test_a_function_whose_answer_is_lost_is_not_invoked_again(start: Start, cloud: Cloud, said: Said) -> None:
    sent: list[str] = []

    def lose(request: Any, **_: object) -> None:
        sent.append(request.url)
        raise ReadTimeoutError(endpoint_url=request.url)

    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register_first("before-send.lambda.Invoke", lose)
    handle(start(DD_ADDITIONAL_TARGET_LAMBDAS=FIRST), EVENT)
    (warning,) = said.at("WARNING")
    assert (len(sent), warning["message"].endswith("could not be invoked: ReadTimeoutError.")) == (1, True)


def test_an_event_with_a_lone_surrogate_is_passed_on(start: Start, invoked: list[tuple[str, str, Any]]) -> None:
    event = EVENT | {"note": "\ud83d"}
    handle(start(**TARGETS), event)
    assert [handed for _, _, handed in invoked] == [event, event]


def test_without_targets_no_function_is_invoked(start: Start, intake: LocalIntake, cloud: Cloud) -> None:
    handle(start(), EVENT)
    assert cloud.calls == []
