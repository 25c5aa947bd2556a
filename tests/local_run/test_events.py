import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from events import make_events
from events.documents import TextError, parse
from events.make_events import HERE, stale
from events.packing import pack
from forwarder.sources import event_type
from local_run.aws import OBJECTS
from local_run.wrap import decode_event, encode_event

HEADER = "log-group: /aws/lambda/orders-api\nlog-stream: s\nstart: 2026-11-22T10:24:31.000Z\n\n"
SAMPLES = sorted(HERE.glob("*.json"))
SUBSCRIPTIONS = sorted(HERE.glob("awslogs.*.json"))


def read(path: Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(path.read_text())
    return event


def objects_named_in(content: Any) -> Iterator[dict[str, str]]:
    """Yield the bucket and the decoded key of each object that is named anywhere, also in JSON within JSON."""
    match content:
        case str() if content.startswith("{"):
            yield from objects_named_in(json.loads(content))
        case {"bucket": {"name": bucket}, "object": {"key": key}}:
            yield {"bucket": bucket, "key": unquote_plus(key) if "arn" in content["bucket"] else key}
        case dict() | list():
            for each in content.values() if isinstance(content, dict) else content:
                yield from objects_named_in(each)


def messages(body: str) -> list[str]:
    return [event["message"] for event in parse(HEADER + body, "case.txt")["logEvents"]]


def test_the_committed_events_are_what_their_text_says() -> None:
    assert stale(HERE) == {}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "text"
    folder.mkdir()
    return folder


def test_check_finds_an_event_that_is_out_of_date(tmp_path: Path, texts: Path) -> None:
    (texts / "awslogs.case.txt").write_text(HEADER + "+0 | hello")
    (tmp_path / "awslogs.case.json").write_text(json.dumps(encode_event({"logEvents": []})))
    assert list(stale(tmp_path)) == [tmp_path / "awslogs.case.json"]


def test_check_finds_an_event_without_text(tmp_path: Path) -> None:
    (tmp_path / "awslogs.gone.json").write_text("{}")
    assert stale(tmp_path) == {tmp_path / "awslogs.gone.json": None}


def test_an_event_in_which_nothing_is_packed_needs_no_text(tmp_path: Path) -> None:
    (tmp_path / "eventbridge.case.json").write_text("{}")
    assert stale(tmp_path) == {}


def test_a_document_in_kinesis_is_what_its_text_says(tmp_path: Path, texts: Path) -> None:
    (texts / "awslogs.case.txt").write_text(HEADER + "+0 | hello")
    (texts / "kinesis.case.json").write_text(
        '{"data": {"$base64": {"$gzip": {"$json": {"$document": "awslogs.case"}}}}}'
    )
    data = stale(tmp_path)[tmp_path / "kinesis.case.json"]["data"]
    assert decode_event({"awslogs": {"data": data}}) == parse(HEADER + "+0 | hello", "awslogs.case.txt")


def test_keywords_stand_for_what_is_packed() -> None:
    assert pack({"body": {"$json": {"Message": {"$json": ["é", 1]}}}, "data": {"$base64": "é"}}, lambda _: {}) == {
        "body": r'{"Message":"[\"é\",1]"}',
        "data": "w6k=",
    }


def test_making_the_events_again_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert make_events.main([]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_each_sample_is_named_for_its_trigger(path: Path) -> None:
    assert event_type(read(path)) == path.name.partition(".")[0]


@pytest.mark.parametrize("path", SUBSCRIPTIONS, ids=lambda path: path.stem)
def test_the_ids_of_each_subscription_event_increase(path: Path) -> None:
    document = decode_event(read(path))
    ids = [event["id"] for event in document["logEvents"]]
    expected = 0 if document["messageType"] == "CONTROL_MESSAGE" else 56
    assert ids == sorted(ids)
    assert {len(identity) for identity in ids} == {expected}


@pytest.mark.parametrize("path", SUBSCRIPTIONS, ids=lambda path: path.stem)
def test_what_looks_like_json_in_a_subscription_event_is_json(path: Path) -> None:
    lines = [event["message"] for event in decode_event(read(path))["logEvents"] if event["message"].startswith("{")]
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_each_sample_is_explained_in_the_readme() -> None:
    readme = (HERE / "README.md").read_text()
    assert [path.stem for path in SAMPLES if f"| `{path.stem}` |" not in readme] == []


def test_each_object_is_named_in_an_event() -> None:
    names = {f"{record['bucket']}/{record['key']}" for path in SAMPLES for record in objects_named_in(read(path))}
    files = {path.relative_to(OBJECTS).as_posix() for path in OBJECTS.rglob("*") if path.is_file()}
    assert names == files


def test_the_coffee_house_metric_is_among_the_samples() -> None:
    assert '{"m":"coffee_house.order_value","v":12.45,"e":1795343071,"t":["product:latte","order:online"]}\n' in [
        event["message"] for event in decode_event(read(HERE / "awslogs.lambda-metrics.json"))["logEvents"]
    ]


def test_a_message_is_what_stands_after_the_bar() -> None:
    assert messages("+0 |  two spaces, one of them is its own ") == [" two spaces, one of them is its own "]


def test_the_end_of_a_line_adds_nothing() -> None:
    assert messages("+0 | one\n   |  message") == ["one message"]


def test_pictures_stand_for_what_cannot_be_seen() -> None:
    assert messages("+0 | a␉b␍␊␊⍽") == ["a\tb\r\n\n\u00a0"]


def test_backslashes_stand_for_themselves() -> None:
    assert messages(r"+0 | {\"a\": \"\n\"}") == [r"{\"a\": \"\n\"}"]


def test_a_message_may_be_empty_and_hold_bars() -> None:
    assert messages("+0 |\n+1 | a | b") == ["", "a | b"]


def test_the_number_is_milliseconds_after_the_start() -> None:
    events = parse(HEADER + "+0 | a\n+250 | b", "case.txt")["logEvents"]
    assert [event["timestamp"] for event in events] == [1_795_343_071_000, 1_795_343_071_250]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "kinesis.case.json is not JSON: "),
        ('{"$zip": 1}', "$zip is not known; expected one of $base64, $document, $gzip, $json."),
        ('{"$document": "none"}', "There is no text none.txt."),
    ],
)
def test_a_text_that_cannot_be_packed_is_one_sentence(tmp_path: Path, texts: Path, text: str, sentence: str) -> None:
    (texts / "kinesis.case.json").write_text(text)
    with pytest.raises(TextError) as raised:
        stale(tmp_path)
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("log-group: g\n\n", "case.txt: the header lacks log-stream, start."),
        ("colour: red\n\n", "case.txt, line 1: expected one of "),
        (HEADER.replace("2026-11-22", "tomorrow"), "case.txt: start is 'tomorrowT10:24:31.000Z', expected a time"),
        (HEADER + "| continues nothing", "case.txt, line 5: expected "),
        (HEADER + "no bar", "case.txt, line 5: expected "),
    ],
)
def test_a_text_that_is_wrong_is_one_sentence_that_says_where(text: str, sentence: str) -> None:
    with pytest.raises(TextError) as raised:
        parse(text, "case.txt")
    assert str(raised.value).startswith(sentence)
