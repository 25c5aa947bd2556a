"""The forwarder's own events: what is written into one comes out of it, and nothing invalid is accepted."""

from typing import Any

import pytest

from forwarder import sources
from forwarder.records import Continuation, Group, Rejection, S3Object
from tests.builders import far_deadline
from tests.fakes import FakeObjects

REST = Continuation(S3Object("orders", "a b+%.log", "v1"), "", 2, 1)


def read(event: dict[str, Any]) -> list[Any]:
    objects = FakeObjects({str(REST.object): b"1\n2\n3\n"})
    return list(sources.read(event, sources.Reading(objects, far_deadline())))


def test_a_continuation_goes_into_one_event_and_comes_out_of_it() -> None:
    event = sources.continuation_event(REST)
    assert event == {
        "continuation": {
            "bucket": "orders",
            "key": "a b+%.log",
            "version": "v1",
            "etag": "",
            "position": 2,
            "attempts": 1,
        }
    }
    assert sources.event_type(event) == "continuation"
    (group,) = read(event)
    assert isinstance(group, Group)
    assert (group.place, [line.message for line in group.lines]) == (REST.object, ["2", "3"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"bucket": ""},
        {"bucket": "a/b"},
        {"key": ""},
        {"key": None},
        {"key": "a" * 1025},
        {"version": 7},
        {"version": "1\r\nX-Other: 2"},
        {"etag": '"a"\r\nX-Other: 2'},
        {"etag": "a b"},
        {"etag": "\u20ac"},
        {"etag": "a" * 257},
        {"etag": "\ud800"},
        {"position": "\ud800"},
        {"position": 2**63},
        {"position": -1},
        {"position": "2"},
        {"position": 1.5},
        {"attempts": -1},
        {"attempts": "\ud800"},
        {"attempts": 10**30},
    ],
    ids=lambda wrong: ascii(wrong)[:40],
)
def test_a_continuation_with_a_wrong_field_is_rejected(wrong: dict[str, object]) -> None:
    event: Any = sources.continuation_event(REST)
    event["continuation"] |= wrong
    (rejection,) = read(event)
    assert isinstance(rejection, Rejection)
    assert rejection.pointer == "the continuation event"


@pytest.mark.parametrize("content", [None, [], {}, "sesame", 7])
def test_a_continuation_that_is_none_is_rejected(content: object) -> None:
    (rejection,) = read({"continuation": content})
    assert isinstance(rejection, Rejection)
    assert "sesame" not in repr(rejection)
