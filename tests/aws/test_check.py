"""`{"check": true}` says what is configured and whether it works, and shows nothing that is secret."""

import json
from typing import Any

import pytest

from local_intake.server import LocalIntake
from tests.aws.support import BUCKET, Bucket, Cloud, Starts, handle
from tests.builders import ENVIRON
from tests.flow.support import Said, Start

CHECK = {"check": True}
KEY = ENVIRON["DD_API_KEY"]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def found(storing: Starts, intake: LocalIntake) -> dict[str, Any]:
    """Return what is found where all is well."""
    return handle(storing(), CHECK)


def test_all_is_well(found: dict[str, Any], intake: LocalIntake) -> None:
    healthy = {"url": intake.url, "reached": True, "status": 200, "takes_key": True}
    assert found["ok"] is True
    assert found["intakes"] == {"logs": healthy, "metrics": healthy, "traces": healthy}
    assert found["store"] == {"kind": f"S3Store({BUCKET}/failed_events/forwarder)", "writable": True}


def test_the_key_is_shown_by_its_end_only(found: dict[str, Any]) -> None:
    assert found["api_key"] == {"from": "DD_API_KEY", "ends_with": KEY[-4:]}
    assert KEY[:-4] not in json.dumps(found)


def test_nothing_is_sent_and_nothing_left_in_the_store(
    found: dict[str, Any], intake: LocalIntake, bucket: Bucket
) -> None:
    assert ({request.signal for request in intake.store.requests()}, bucket.names()) == ({"validate"}, [])


@pytest.mark.parametrize("event", [{"check": "true"}, {"check": "True"}])
def test_a_check_may_be_asked_for_in_words(event: dict[str, object], storing: Starts, intake: LocalIntake) -> None:
    assert handle(storing(), event)["ok"] is True


def test_without_a_store_it_says_what_to_set(start: Start, intake: LocalIntake) -> None:
    found = handle(start(), CHECK)
    assert (found["ok"], found["store"]["kind"], "DD_S3_BUCKET_NAME" in found["store"]["note"]) == (True, "none", True)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_not_ok(status: int, storing: Starts, intake: LocalIntake) -> None:
    intake.script.replace([{"status": status, "signal": "validate", "times": 3}])
    found = handle(storing(), CHECK)
    assert (found["ok"], found["intakes"]["metrics"]["takes_key"]) == (False, False)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_another_answer_says_nothing_of_the_key(status: int, storing: Starts, intake: LocalIntake) -> None:
    intake.script.replace([{"status": status, "signal": "validate", "times": 3}])
    found = handle(storing(), CHECK)
    assert (found["ok"], found["intakes"]["metrics"]["takes_key"]) == (False, "unknown")


def test_the_intake_of_logs_need_not_know_about_keys(start: Start, intake: LocalIntake) -> None:
    intake.script.replace([{"status": 404, "signal": "validate"}])  # logs are asked first
    found = handle(start(), CHECK)
    assert (found["ok"], found["intakes"]["logs"]["takes_key"]) == (True, "unknown")


def test_the_intake_of_traces_is_not_needed(storing: Starts, intake: LocalIntake) -> None:
    found = handle(storing(DD_TRACE_INTAKE_URL=NOBODY), CHECK)
    assert (found["ok"], found["intakes"]["traces"]["reached"]) == (True, False)


@pytest.mark.parametrize("variable", ["DD_URL", "DD_API_URL"])
def test_an_intake_that_is_not_there_is_not_ok(variable: str, storing: Starts, intake: LocalIntake) -> None:
    found = handle(storing(**{variable: NOBODY}), CHECK)
    (dead,) = [each for each in found["intakes"].values() if not each["reached"]]
    assert (found["ok"], dead) == (False, {"url": NOBODY, "reached": False, "problem": "ConnectionRefusedError"})


def test_an_intake_that_does_not_answer_is_not_waited_for_long(
    storing: Starts, intake: LocalIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forwarder.check.TIMEOUT", 0.2)
    intake.script.replace([{"status": 200, "delay": 60, "signal": "validate"}])
    found = handle(storing(), CHECK)
    assert (found["ok"], found["intakes"]["logs"]["problem"]) == (False, "TimeoutError")


@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject", "ListObjectsV2"])
def test_a_bucket_that_may_not_be_used_is_not_ok(
    operation: str, storing: Starts, intake: LocalIntake, cloud: Cloud
) -> None:
    cloud.refuse(operation)
    found = handle(storing(), CHECK)
    assert (found["ok"], found["store"]["problem"]) == (False, "AccessDenied")


def test_a_queue_that_is_not_there_is_not_ok(start: Start, intake: LocalIntake, cloud: Cloud) -> None:
    found = handle(start(DD_SQS_QUEUE_URL="https://sqs.eu-west-1.amazonaws.com/123456789012/gone"), CHECK)
    assert (found["ok"], "problem" in found["store"]) == (False, True)


def test_a_key_that_cannot_be_fetched_is_a_problem_and_no_exception(
    storing: Starts, intake: LocalIntake, cloud: Cloud
) -> None:
    found = handle(storing(DD_API_KEY_SECRET_ARN="gone"), CHECK)
    assert (found["ok"], found["intakes"], found["api_key"]["from"]) == (False, {}, "DD_API_KEY_SECRET_ARN (gone)")
    assert "could not be fetched" in found["api_key"]["problem"]


def test_a_password_of_a_proxy_is_not_shown(storing: Starts, intake: LocalIntake, said: Said) -> None:
    proxy = "http://jane:sesame@127.0.0.1:9"
    found = handle(storing(HTTP_PROXY=proxy, HTTPS_PROXY=proxy), CHECK)
    assert (found["ok"], "sesame" in json.dumps(found) + said.text) == (False, False)


def test_patterns_are_shown_as_they_were_written(storing: Starts, intake: LocalIntake) -> None:
    patterns = {"INCLUDE_AT_MATCH": "a+", "EXCLUDE_AT_MATCH": "b+", "DD_SCRUBBING_RULE": "secret=.*"}
    shown = json.loads(json.dumps(handle(storing(**patterns), CHECK)))["settings"]
    assert (shown["include"], shown["exclude"], shown["scrub"]) == ("a+", "b+", "secret=.*")
