"""CloudWatch Logs events: the fast path, the slow path that reads what can be read, and what can never be read."""

import gzip
import json
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder.deadline import OUT_OF_TIME
from forwarder.errors import CorruptRecordError
from forwarder.records import MAX_NAME_CHARACTERS, Group, LogStream, Unread
from forwarder.sources import awslogs
from forwarder.sources.reading import Reading
from tests.builders import LOG_GROUP, LOG_STREAM, OWNER, awslogs_event, document, log_events, raw_event, wrap
from tests.clocks import Expiring, processor_seconds
from tests.fakes import FakeObjects

GOOD = b'{"message":"good","id":"1","timestamp":1}'
LONE_SURROGATE = b'{"message":"\\ud800","id":"2","timestamp":2}'
TOO_DEEP = b'{"message":"x","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def around(*events: bytes, **fields: bytes) -> dict[str, object]:
    """Wrap the JSON of log events as it is."""
    members = {"logEvents": b"[" + b",".join(events) + b"]", "logGroup": b'"g"', "logStream": b'"s"', "owner": b'"1"'}
    members |= fields
    return raw_event(b"{" + b",".join(f'"{name}":'.encode() + text for name, text in members.items()) + b"}")


def read(event: object) -> Group:
    return awslogs.read(event, lambda: None)


def messages(group: Group) -> list[str]:
    return [line.message for line in group.lines]


# --- what is well-formed -------------------------------------------------------------------------


def test_an_event_yields_its_lines_and_their_place() -> None:
    group = read(awslogs_event(["first", "second"]))
    assert group.place == LogStream(LOG_GROUP, LOG_STREAM, OWNER)
    assert [(line.id, line.timestamp, line.message) for line in group.lines] == [
        ("0", 1_795_343_071_000, "first"),
        ("1", 1_795_343_071_001, "second"),
    ]
    assert (group.rejected, group.filtered, group.record) == ((), 0, 0)


def test_an_event_without_lines_is_a_group_without_lines() -> None:
    assert read(awslogs_event([])).lines == []


@pytest.mark.parametrize(
    "message", ["", " ", "\n", "\x00", "\u2028", "é😀", '"\\', "a" * 1_000_000, "\x01" * 1_000_000]
)
def test_a_message_is_kept_as_it_is(message: str) -> None:
    assert messages(read(awslogs_event([message]))) == [message]


def test_fields_of_account_policies_and_field_extraction_are_accepted() -> None:
    events = [event | {"extractedFields": {"level": "INFO", "n": None}} for event in log_events(["a"])]
    group = read(awslogs_event(logEvents=events, policyLevel="ACCOUNT_LEVEL_POLICY"))
    assert (messages(group), group.rejected) == (["a"], ())


def extracted(group: Group) -> list[str]:
    """Return the extracted fields of each line."""
    return [group.extracted.get(id(line), "") for line in group.lines]


@pytest.mark.parametrize("others", [[], [LONE_SURROGATE]], ids=["fast path", "slow path"])
def test_extracted_fields_stay_with_their_line(others: list[bytes]) -> None:
    fields = b'{"level":"INFO", "n":1.10,"of":{"a":null}}'
    group = read(around(GOOD, GOOD[:-1] + b',"extractedFields":' + fields + b"}", GOOD, *others))
    assert extracted(group) == ["", fields.decode(), ""]


@pytest.mark.parametrize("fields", [b"null", b"{}", b"[]", b'"a"', b"7", b'{"a":"\xe9"}'])
def test_what_is_no_object_that_can_be_read_counts_as_no_extracted_fields(fields: bytes) -> None:
    group = read(around(GOOD[:-1] + b',"extractedFields":' + fields + b"}"))
    assert (messages(group), extracted(group), group.rejected) == (["good"], [""], ())


def test_a_message_about_extracted_fields_has_none() -> None:
    message = '{"extractedFields":{"a":"b"}}'
    assert extracted(read(awslogs_event([message]))) == [""]


def test_a_control_message_is_filtered_not_forwarded() -> None:
    event = awslogs_event(
        ["CWL CONTROL MESSAGE: Checking health of destination"], "", "", messageType="CONTROL_MESSAGE"
    )
    group = read(event)
    assert (group.lines, group.filtered) == ([], 1)


def test_a_control_message_is_recognised_on_the_slow_path_too() -> None:
    group = read(around(GOOD, LONE_SURROGATE, messageType=b'"CONTROL_MESSAGE"'))
    assert (group.lines, group.filtered, len(group.rejected)) == ([], 1, 1)


def test_an_event_of_60_mb_inflated_is_read_whole() -> None:
    event = wrap(gzip.compress(json.dumps(document(["x" * 1000] * 60_000)).encode()))
    assert len(read(event).lines) == 60_000


def test_an_event_of_60_mb_inflated_takes_little_time() -> None:
    lines = [f"{number} " + "x" * 1000 for number in range(60_000)]
    event = wrap(gzip.compress(json.dumps(document(lines)).encode(), compresslevel=0))
    assert processor_seconds(lambda: read(event)) < 5  # it takes a tenth of a second


def test_a_document_that_zlib_wrapped_is_read_as_well() -> None:
    event = wrap(zlib.compress(json.dumps(document(["a"])).encode()))
    assert messages(read(event)) == ["a"]


def test_a_timestamp_and_an_id_may_be_missing() -> None:
    (line,) = read(around(b'{"message":"a"}')).lines
    assert (line.id, line.timestamp) == ("", None)


# --- one bad event spoils nothing else -----------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (LONE_SURROGATE, "log event: it is not valid JSON text"),
        (TOO_DEEP, "log event: nested too deeply"),
        (b"{}", "log event: Object missing required field `message`"),
        (b'{"message":1}', "log event: Expected `str`, got `int` - at `$.message`"),
        (b'{"message":null}', "log event: Expected `str`, got `null` - at `$.message`"),
        (b'{"message":["sesame"]}', "log event: Expected `str`, got `array` - at `$.message`"),
        (b'{"message":"sesame","id":7}', "log event: Expected `str`, got `int` - at `$.id`"),
        (b'{"message":"sesame","timestamp":"7"}', "log event: Expected `int | null`, got `str` - at `$.timestamp`"),
        (b'{"message":"sesame","timestamp":1.5}', "log event: Expected `int | null`, got `float` - at `$.timestamp`"),
        (b'{"message":"sesame\x01"}', "log event: it is not valid JSON text"),
        (b'{"message":"sesame"]', None),
        (b'"sesame"', "log event: Expected `object`, got `str`"),
        (b"null", "log event: Expected `object`, got `null`"),
        (b"[[]]", "log event: Expected `object`, got `array`"),
        (b"NaN", "log event: it is not valid JSON text"),
    ],
)
def test_one_bad_event_among_a_thousand_costs_only_itself(bad: bytes, reason: str | None) -> None:
    events = [GOOD] * 1000
    events[500] = bad
    group = read(around(*events))
    assert messages(group) == ["good"] * 999
    (rejection,) = group.rejected
    assert (rejection.count, rejection.pointer) == (1, "log event 500")
    assert reason in {None, rejection.reason}
    assert "sesame" not in repr(rejection)


def test_several_bad_events_are_each_rejected_by_number() -> None:
    group = read(around(LONE_SURROGATE, GOOD, b"{}", GOOD))
    assert len(group.lines) == 2
    assert [rejection.pointer for rejection in group.rejected] == ["log event 0", "log event 2"]


def test_invalid_utf_8_is_replaced_not_dropped() -> None:
    assert messages(read(around(b'{"message":"caf\xe9"}', GOOD))) == ["caf\ufffd", "good"]


def test_brackets_and_quotes_inside_strings_do_not_mislead_the_slow_path() -> None:
    tricky = '}],{["\\", "message":[[[ \\" ,'
    group = read(around(LONE_SURROGATE, json.dumps({"message": tricky}).encode()))
    assert messages(group) == [tricky]


@pytest.mark.parametrize(
    ("fields", "stream"),
    [
        ({"logGroup": b"1"}, LogStream("", "s", "1")),
        ({"logStream": b"null"}, LogStream("g", "", "1")),
        ({"owner": b"[]"}, LogStream("g", "s", "")),
        ({"owner": b"null"}, LogStream("g", "s", "")),
        ({"owner": b"123456789012"}, LogStream("g", "s", "123456789012")),
        ({"logGroup": b'"\\ud800"'}, LogStream("", "s", "1")),
        ({"messageType": b"7"}, LogStream("g", "s", "1")),
    ],
)
def test_a_mistyped_field_of_the_envelope_costs_no_line(fields: dict[str, bytes], stream: LogStream) -> None:
    group = read(around(GOOD, **fields))
    assert (messages(group), group.place, group.rejected) == (["good"], stream, ())


def test_missing_fields_of_the_envelope_cost_no_line() -> None:
    group = read(raw_event(b'{"logEvents":[' + GOOD + b"]}"))
    assert (messages(group), group.place) == (["good"], LogStream("", "", ""))


# --- what can never be read ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ({"awslogs": None}, "awslogs.data is not a string"),
        ({"awslogs": []}, "awslogs.data is not a string"),
        ({"awslogs": {}}, "awslogs.data is not a string"),
        ({"awslogs": {"data": 1}}, "awslogs.data is not a string"),
        ({"awslogs": {"data": "é"}}, "awslogs.data is not base64"),
        ({"awslogs": {"data": "a"}}, "awslogs.data is not base64"),
        ({"awslogs": {"data": "!!!!"}}, "awslogs.data is not base64"),
        ({"awslogs": {"data": ""}}, "its gzip is cut off"),
        (wrap(b"plain text"), "its gzip is corrupt"),
        (wrap(gzip.compress(b"{}" * 1000)[:-12]), "its gzip is cut off"),
        (wrap(gzip.compress(b"{}")[:5]), "its gzip is cut off"),
        (wrap(gzip.compress(b"{}")[:-8] + b"\0" * 8), "its gzip is corrupt"),
        (raw_event(b"{}"), "the document has no logEvents"),
        (raw_event(b'{"logEvents":[{"message":"sesame"}'), "its JSON is cut off or malformed"),
        (raw_event(b'{"logEvents":[{"message":"sesame'), "its JSON is cut off or malformed"),
        (raw_event(b'{"logEvents":"sesame"}'), "its JSON is cut off or malformed"),
        (raw_event(b'{"logEvents":null}'), "its JSON is cut off or malformed"),
        (raw_event(b'{"logEvents":{}}'), "its JSON is cut off or malformed"),
        (raw_event(b'{"logEvents":[]} sesame'), "its JSON is cut off or malformed"),
        *((raw_event(body), "its JSON is cut off or malformed") for body in (b"", b"[]", b"null", b'"sesame"', b"{]")),
    ],
)
def test_what_can_never_be_read_is_one_sentence_without_its_content(event: dict[str, object], sentence: str) -> None:
    with pytest.raises(CorruptRecordError) as caught:
        read(event)
    assert str(caught.value) == sentence


def test_a_gzip_bomb_is_refused_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awslogs, "MAX_DOCUMENT_BYTES", 1_000_000)
    with pytest.raises(CorruptRecordError, match="it inflates to over 1000000 bytes"):
        read(raw_event(b" " * 1_000_001))


@given(st.lists(st.sampled_from([b"", b"a", b"line " * 20_000]), max_size=6), st.integers(0, 40_000))
def test_gzip_may_come_in_any_members(texts: list[bytes], empty: int) -> None:
    noise = random.Random(1).randbytes(empty)
    members = [noise, *texts, noise]
    assert awslogs.inflate(b"".join(map(gzip.compress, members))) == b"".join(members)


def test_gzip_may_come_in_very_many_members() -> None:
    assert awslogs.inflate(gzip.compress(b"a") * 50_000) == b"a" * 50_000


@pytest.mark.parametrize(
    "events", [[LONE_SURROGATE, *[GOOD] * 20_000], [LONE_SURROGATE[:-1] + b',"x":[[[' + b"[]," * 20_000 + b"[]]]]}"]]
)
def test_the_deadline_is_checked_while_a_document_is_split(events: list[bytes]) -> None:
    looks = 3  # before the event is begun, at the first member and at the 10,000th mark
    reading = Reading(FakeObjects(), Expiring(looks))
    found = list(awslogs.read_event(around(*events), 0, reading))
    assert found == [Unread(0, OUT_OF_TIME, "the awslogs event")]


@pytest.mark.parametrize("unit", [b'"a', b"[", b"\\", b'a\\"', b'{"":', b",", b":"])
def test_garbage_of_megabytes_takes_linear_time(unit: bytes) -> None:
    event = raw_event(b'{"logEvents":["' + unit * (2_000_000 // len(unit)))

    def refused() -> None:
        with pytest.raises(CorruptRecordError):
            read(event)

    assert processor_seconds(refused) < 5  # in quadratic time it would take hours


def test_a_name_that_is_longer_than_any_of_aws_is_cut() -> None:
    found = read(awslogs_event(["a"], "g" * 1_100_000, "s" * 1_100_000))
    assert found.place == LogStream("g" * MAX_NAME_CHARACTERS, "s" * MAX_NAME_CHARACTERS, OWNER)
