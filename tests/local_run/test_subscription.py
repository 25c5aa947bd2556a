"""What goes to the subscriber, and what is printed if that fails. `tests/runtime` lets it subscribe."""

import json
from pathlib import Path

import pytest

from local_run.function import RunError
from local_run.run import EVENTS as FOLDER
from local_run.subscription import EVENTS, SETTINGS, Subscription
from subscriber.events import created_log_group, is_creation

CREATED = {"detail": {"requestParameters": {"logGroupName": "/aws/lambda/new"}}}


@pytest.fixture
def subscription(tmp_path: Path) -> Subscription:
    """A subscription in an AWS that is not there."""
    nobody = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    return Subscription(nobody, tmp_path / "subscriber.log", in_process=True)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_for_the_subscriber_reports_a_new_log_group_that_it_wants(name: str) -> None:
    event = json.loads((FOLDER / f"{name}.json").read_text())
    assert is_creation(event)
    assert created_log_group(event).startswith(SETTINGS["SUBSCRIBER_INCLUDE"])


@pytest.mark.parametrize("event", [{}, {"detail": None}, {"detail": {"requestParameters": {"logGroupName": 1}}}])
def test_an_event_that_names_no_log_group_is_one_sentence(subscription: Subscription, event: dict[str, object]) -> None:
    with pytest.raises(RunError) as raised:
        subscription.send("case", event)
    sentence = "The event case must name a log group in detail.requestParameters.logGroupName."
    assert str(raised.value) == sentence


def test_an_aws_that_does_not_respond_is_one_sentence(subscription: Subscription) -> None:
    with pytest.raises(RunError, match=r"^The local AWS does not do what the subscriber needs: "):
        subscription.send("case", CREATED)
