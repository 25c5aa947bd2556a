"""What each line is: a metric, a trace or a log; and a message's own tags."""

import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forwarder.records import Line, LineAttributes, Metric, Signals
from forwarder.signals import own_tags, sort
from forwarder.signals.platform import Reports
from tests.builders import lines, origin
from tests.clocks import processor_seconds

ORIGIN = origin()
COFFEE = '{"m":"coffee_house.order_value","v":12.45,"e":1795343071,"t":["product:latte","order:online"]}'


def sorted_(*messages: str) -> Signals:
    return sort(lines(*messages), ORIGIN, None)


def wrapped(message: str) -> str:
    """Return the line as an application in the JSON log format prints it."""
    return json.dumps({"timestamp": "2026-11-22T10:24:39Z", "level": "INFO", "message": message})


def the_metric(message: str) -> Metric:
    found = sorted_(message)
    (metric,) = found.metrics
    assert found.logs == {}
    return metric


# --- metrics -------------------------------------------------------------------------------------


def test_a_metric_line_is_one_point_with_its_tags_and_the_groups() -> None:
    expected = ("product:latte", "order:online", *ORIGIN.metric_tags)
    assert the_metric(COFFEE) == Metric("coffee_house.order_value", 12.45, 1_795_343_071, expected)


@pytest.mark.parametrize(
    ("message", "value", "second"),
    [
        ('{"m":"a","v":7,"e":1,"t":[]}', 7, 1),
        ('{"e":1,"m":"a","t":[],"v":-0.0001}', -0.0001, 1),
        ('{"m":"a","v":1e-9,"e":1700000000.75,"t":[]}', 1e-9, 1_700_000_000),
        ('{"m":"a","v":1000000000000000,"e":1,"t":[""]}', 10**15, 1),
        ('{ "m" : "a", "v": 0, "e": 0, "t": [] }\n', 0, 0),
        ('{"m":"a","v":1,"e":1,"t":[],"\\u006d":"a"}', 1, 1),
        (f'{{"m":"a","v":{10**30},"e":1,"t":[]}}', 1e30, 1),
    ],
)
def test_numbers_are_read_as_they_are_printed(message: str, value: float, second: int) -> None:
    metric = the_metric(message)
    assert (metric.value, metric.second, metric.tags) == (value, second, ORIGIN.metric_tags)


def test_a_huge_whole_number_goes_out_as_a_float_since_no_intake_reads_it_otherwise() -> None:
    assert isinstance(the_metric(f'{{"m":"a","v":{10**30},"e":1,"t":[]}}').value, float)


@pytest.mark.parametrize(
    "message",
    [
        '{"m":"a","v":NaN,"e":1,"t":[]}',
        '{"m":"a","v":1,"e":-1,"t":[]}',
        '{"m":"a","v":Infinity,"e":1,"t":[]}',
        '{"m":"a","v":-Infinity,"e":1,"t":[]}',
        '{"m":"a","v":1e400,"e":1,"t":[]}',
        '{"m":"a","v":' + "9" * 400 + ',"e":1,"t":[]}',
        '{"m":"a","v":null,"e":1,"t":[]}',
        '{"m":"a","v":"7","e":1,"t":[]}',
        '{"m":"a","v":true,"e":1,"t":[]}',
        '{"m":"a","v":[1],"e":1,"t":[]}',
        '{"m":"","v":1,"e":1,"t":[]}',
        '{"m":null,"v":1,"e":1,"t":[]}',
        '{"m":7,"v":1,"e":1,"t":[]}',
        '{"m":"a","v":1,"e":"1","t":[]}',
        '{"m":"a","v":1,"e":true,"t":[]}',
        '{"m":"a","v":1,"e":null,"t":[]}',
        '{"m":"a","v":1,"e":1e300,"t":[]}',
        '{"m":"a","v":1,"e":' + "9" * 40 + ',"t":[]}',
        '{"m":"a","v":1,"e":1,"t":null}',
        '{"m":"a","v":1,"e":1,"t":"a:1"}',
        '{"m":"a","v":1,"e":1,"t":["a:1",7]}',
        '{"m":"a","v":1,"e":1,"t":{}}',
        '{"m":"a","v":1,"e":1}',
        '{"m":"a","v":1,"t":[]}',
        '{"m":"a","v":1,"e":1,"t":[],"level":"INFO"}',
        '{"m":"a","v":1,"e":1,"t":["\\ud800"]}',
        '{"m":"a","v":1,"e":1,"t":[]} and more',
        '{"m":"a","v":1,"e":1,"t":[]',
        '{"m":"a","v":1,"e":1,"t":' + "[" * 100_000 + "]" * 100_000 + "}",
        'printed {"m":"a","v":1,"e":1,"t":[]}',
        '[{"m":"a","v":1,"e":1,"t":[]}]',
    ],
)
@pytest.mark.parametrize("wrap", [str, wrapped], ids=["bare", "wrapped"])
def test_anything_that_is_not_quite_a_metric_goes_out_as_a_log(message: str, wrap: type[str]) -> None:
    found = sorted_(wrap(message))
    assert found.metrics == []
    assert [line.message for line in found.logs[LineAttributes()]] == [wrap(message)]


def test_a_metric_inside_a_json_logs_message_is_a_metric() -> None:
    assert the_metric(wrapped(COFFEE)) == the_metric(COFFEE)


@pytest.mark.parametrize("wrap", [str, wrapped], ids=["bare", "wrapped"])
def test_quotes_inside_a_tag_do_not_mislead(wrap: type[str]) -> None:
    message = json.dumps({"m": "a", "v": 1, "e": 1, "t": ['say:"m"', "back\\slash"]})
    assert the_metric(wrap(message)).tags[:2] == ('say:"m"', "back\\slash")


def test_empty_and_repeated_tags_are_left_out() -> None:
    assert the_metric('{"m":"a","v":1,"e":1,"t":["a:1","","a:1"]}').tags == ("a:1", *ORIGIN.metric_tags)


@pytest.mark.parametrize("blanks", [" \t", "\ufeff", "\ufeff \n"])
@pytest.mark.parametrize("wrap", [str, wrapped], ids=["bare", "wrapped"])
def test_white_space_or_a_byte_order_mark_may_stand_before_a_metric(blanks: str, wrap: type[str]) -> None:
    assert the_metric(wrap(blanks + COFFEE)) == the_metric(COFFEE)


OTHERS = tuple(tag for tag in ORIGIN.metric_tags if not tag.startswith(("service:", "env:")))


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        (["env:prod"], (*OTHERS, "service:orders-api")),
        (["service:mine"], (*OTHERS, "env:none")),
        (["env:prod", "service:mine"], OTHERS),
        (["environment:prod", "services:mine"], ORIGIN.metric_tags),
    ],
)
def test_a_metrics_own_service_and_env_replace_those_of_the_group(own: list[str], theirs: tuple[str, ...]) -> None:
    tags = the_metric(json.dumps({"m": "a", "v": 1, "e": 1, "t": own})).tags
    assert (tags[: len(own)], sorted(tags[len(own) :])) == (tuple(own), sorted(theirs))


def test_a_metrics_service_or_env_without_a_name_replaces_nothing() -> None:
    assert the_metric('{"m":"a","v":1,"e":1,"t":["service:","env:"]}').tags == ORIGIN.metric_tags


# --- traces --------------------------------------------------------------------------------------

TRACE = '{"traces": [[{"trace_id": "724167B417ABE8A0", "span_id": "1", "name": "aws.lambda"}]]}'


@pytest.mark.parametrize("message", [TRACE, TRACE + "\n", wrapped(TRACE), '{"traces":[[{"trace_id":7}],[]]}'])
def test_a_trace_line_is_no_log(message: str) -> None:
    found = sorted_(message)
    assert ([line.id for line in found.traces], found.logs) == (["0"], {})


def test_a_trace_inside_a_json_logs_message_is_taken_out_of_it() -> None:
    assert sorted_(wrapped(TRACE)).traces == lines(TRACE)


@pytest.mark.parametrize("before", ['"context": "' + "x" * 10_000 + '", ', " " * 10_000], ids=["a text", "blanks"])
def test_much_may_stand_before_traces(before: str) -> None:
    message = TRACE.replace("{", "{" + before, 1)
    assert [line.message for line in sorted_(message).traces] == [message]


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"\\ud83d"', "1e999", "9" * 400])
def test_a_trace_line_that_no_strict_parser_accepts_is_one_still(value: str) -> None:
    message = TRACE.replace('"aws.lambda"', value)
    assert [line.message for line in sorted_(message).traces] == [message]


@pytest.mark.parametrize(
    "message",
    [
        '{"traces": []}',
        '{"traces": [[]]}',
        '{"traces": [[{}]]}',
        '{"traces": [[{"span_id":"1"}]]}',
        '{"traces": [["trace_id"]]}',
        '{"traces": {"trace_id": "1"}}',
        '{"traces": null}',
        '{"traces": [[{"trace_id": "1"}',
        '{"other": {"traces": [[{"trace_id": "1"}]]}}',
        '{"traces": 3, "trace_id": "1"}',
        'printed {"traces": [[{"trace_id": "1"}]]}',
    ],
)
@pytest.mark.parametrize("wrap", [str, wrapped], ids=["bare", "wrapped"])
def test_what_has_no_trace_id_in_its_first_span_is_only_a_log(message: str, wrap: type[str]) -> None:
    found = sorted_(wrap(message))
    assert (found.traces, len(found.logs[LineAttributes()])) == ([], 1)


# --- a message's own tags ------------------------------------------------------------------------


def test_own_tags_leave_the_message_for_the_logs_tags() -> None:
    found = sorted_('{"level":"INFO","ddtags":"env:prod,a:1","n":1.50}')
    assert {own: [line.message for line in logs] for own, logs in found.logs.items()} == {
        LineAttributes("env:prod,a:1"): ['{"level":"INFO","n":1.50}']
    }


def test_lines_are_grouped_by_their_own_tags_in_their_order() -> None:
    found = sorted_("a", '{"ddtags":"t:1","n":1}', "b", '{"ddtags":"t:1","n":2}', '{"ddtags":"t:2","n":3}')
    assert {own.tags: [line.id for line in logs] for own, logs in found.logs.items()} == {
        "": ["0", "2"],
        "t:1": ["1", "3"],
        "t:2": ["4"],
    }


@pytest.mark.parametrize("tags", ['["a:1"]', "null", '{"a":"1"}', "7", "true", '""', '" , "', '"\\ud800"'])
def test_own_tags_of_any_other_type_or_empty_are_left_alone(tags: str) -> None:
    message = f'{{"message":"x","ddtags":{tags}}}'
    found = sorted_(message)
    assert {own: [line.message for line in logs] for own, logs in found.logs.items()} == {LineAttributes(): [message]}


@pytest.mark.parametrize(
    "message",
    [
        '{"inner":{"ddtags":"a:1"}}',
        '{"text":"\\"ddtags\\": \\"a:1\\""}',
        '{"ddtags":"a:1"',
        '{"ddtags":"a:1"} trailing',
        '{"ddtags":"a:1","deep":' + "[" * 100_000 + "]" * 100_000 + "}",
        'text {"ddtags":"a:1"}',
        '[{"ddtags":"a:1"}]',
        '{"ddtags":"' + "a" * (own_tags.MAX_CHARACTERS + 1) + '"}',
    ],
)
def test_a_message_whose_tags_cannot_be_taken_stays_as_it_is(message: str) -> None:
    assert [line.message for line in sorted_(message).logs[LineAttributes()]] == [message]


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ('{"password": "sesame", "ddtags": "a:1"}', '{"password": "sesame"}'),
        ('{"ddtags": "a:1", "level" : "ERROR"}', '{"level" : "ERROR"}'),
        ('{"a": 1 , "ddtags" : "a:1" , "n": 1.50}', '{"a": 1 , "n": 1.50}'),
        ('{"a": 1, "ddtags":"a:1"}', '{"a": 1}'),
        ('{\n  "a": [ 1 ] ,\n  "ddtags": "a:1"\n}\n', '{\n  "a": [ 1 ] \n}\n'),
        ('{ "ddtags": "a:1" }', "{ }"),
        ('{"in": {"ddtags": "b:2", "n": 1}, "ddtags": "a:1"}', '{"in": {"ddtags": "b:2", "n": 1}}'),
        ('{"in": [{"ddtags": "b:2"}], "ddtags": "a:1", "n": 1}', '{"in": [{"ddtags": "b:2"}], "n": 1}'),
        ('{"say": "{[\\"ddtags\\": \\"b:2\\"", "ddtags": "a:1"}', '{"say": "{[\\"ddtags\\": \\"b:2\\""}'),
        ('{"say": "ddtags", "ddtags": "a:1"}', '{"say": "ddtags"}'),
        ('{"ddtags": ["b:2"], "n": 1, "ddtags": "a:1"}', '{"n":1}'),
        ('{"ddtags": "b:2", "n": 1, "ddtags": "a:1"}', '{"n":1}'),
        ('{"n": {"ddtags": "b:2"}, "\\u0064dtags": "a:1"}', '{"n":{"ddtags": "b:2"}}'),
        ('{"latency": NaN, "ddtags": "a:1"}', '{"latency": NaN}'),
        ('{"half": "\\ud800", "ddtags": "a:1"}', '{"half": "\\ud800"}'),
        ('{"ddtags": "b:2", "n": -Infinity, "ddtags": "a:1"}', '{"n":-Infinity}'),
    ],
)
def test_what_is_left_of_a_message_is_as_it_was_printed(message: str, left: str) -> None:
    found = sorted_(message)
    assert {own: [line.message for line in logs] for own, logs in found.logs.items()} == {LineAttributes("a:1"): [left]}


@pytest.mark.parametrize(
    "message",
    [
        '{"in": [' + '{"ddtags": "b:2"}, ' * 50_000 + '0], "ddtags": "a:1"}',
        '{"say": "' + '\\"' * 400_000 + '", "ddtags": "a:1"}',
        '{"say": "", "ddtags"' + " " * 400_000 + ': "a:1"' + " " * 400_000 + "}" + " " * 400_000,
    ],
    ids=["nested", "quotes", "blanks"],
)
def test_tags_are_taken_out_of_a_megabyte_in_little_time(message: str) -> None:
    found: list[LineAttributes] = []
    assert processor_seconds(lambda: found.extend(sorted_(message).logs)) < 5  # it takes a tenth of one
    assert found == [LineAttributes("a:1")]


def test_the_newline_at_the_end_of_a_message_stays() -> None:
    assert own_tags.take('{"ddtags":"a:1","n":1}\n') == ("a:1", '{"n":1}\n')


TEXTS = st.text() | st.sampled_from(['{"ddtags": "b:2"}', '"ddtags": "', "ddtags", "\\", '"', "}"])
OBJECTS = st.dictionaries(
    TEXTS.filter(lambda name: name != "ddtags"),
    st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.lists(TEXTS)
    | st.dictionaries(TEXTS, TEXTS | st.lists(st.dictionaries(TEXTS, TEXTS))),
)


@given(OBJECTS, OBJECTS, st.sampled_from([(", ", ": "), (",", ":"), (",\n ", " : ")]))
def test_all_but_the_tags_of_a_message_survives(
    before: dict[str, object], after: dict[str, object], separators: tuple[str, str]
) -> None:
    def printed(members: dict[str, object]) -> str:
        return json.dumps(members, separators=separators)

    message = printed(before | {"ddtags": "a:1"} | after)
    assert own_tags.take(message) == ("a:1", printed(before | after))


# --- lines that their source has cut -------------------------------------------------------------


def test_a_line_that_was_cut_is_said_to_be_truncated() -> None:
    whole, beginning = lines("whole", "beginning")
    found = sort([whole, beginning], ORIGIN, None, frozenset({id(beginning)}))
    assert found.logs == {LineAttributes(): [whole], LineAttributes(truncated=True): [beginning]}


def test_a_cut_record_of_cloudtrail_is_said_to_be_truncated() -> None:
    (line,) = lines('{"userIdentity":')
    found = sort([line], replace(ORIGIN, source="cloudtrail"), None, frozenset({id(line)}))
    assert list(found.logs) == [LineAttributes(truncated=True)]


@pytest.mark.parametrize("name", ['"ddtags"', '"dd\\u0074ags"'])
def test_tags_that_cannot_be_taken_out_stay_in_the_message(name: str) -> None:
    message = f'{{"\\ud800":1,"ddtags":"a:b",{name}:"c:d"}}'
    assert own_tags.take(message) == ("", message)


# --- all together --------------------------------------------------------------------------------

NAMES = st.sampled_from(["m", "v", "e", "t", "traces", "ddtags", "message"])
MESSAGES = st.one_of(
    st.text(),
    st.sampled_from([COFFEE, TRACE, wrapped(COFFEE), '{"ddtags":"a:1"}', "{", '{"m":"v"', '{"traces":', "REPORT "]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["m", "v", "e", "t", "traces", "ddtags", "message"]), inner)
        ),
    ).map(json.dumps),
)


@given(st.lists(MESSAGES))
def test_every_line_becomes_exactly_one_log_one_metric_or_one_line_of_traces(messages: list[str]) -> None:
    found = sorted_(*messages)
    ids = [line.id for group in (*found.logs.values(), found.traces) for line in group]
    assert len(ids) + len(found.metrics) == len(messages)
    assert len(set(ids)) == len(ids)


# What JSON is made of, whole and in parts, with the names that are looked for in all spellings.
TOKENS = [
    *'{}[],:" ',
    "\n",
    "\\",
    "\\u",
    "\\ud800",
    '"\\ud800"',
    '"\\ud800":1,',
    '"ddtags"',
    '"dd\\u0074ags"',
    '"ddtags":"a:b"',
    '"dd\\u0074ags":"c:d",',
    ',"ddtags":"service:\\udc00"',
    '"\\"ddtags\\":\\"a:b\\""',
    '"m":"a"',
    '"v":1,"e":1',
    '"t":["\\ud800"]',
    '"traces":[[{"trace_id":"1","span_id":"2"}]]',
    '"message":"{\\"m\\":\\"a\\",\\"v\\":1}"',
    '"type":"platform.report"',
    '"record":{"status":"timeout","metrics":{"durationMs":1}}',
    '"httpRequest":{"headers":[{"name":"a","value":1},{"name":"a"},{"name":"\\ud800","value":1}]}',
    '"detail":{"findings":[{"Resources":[{"Type":"\\ud800"},{"Type":"a"}]}]}',
    '"userIdentity":{"arn":"arn:aws:sts::1:assumed-role/x/i-12345678"}',
    "NaN",
    "1e999",
    "9" * 5_000,
]
NAMES_AND_VALUES = st.tuples(
    st.sampled_from(['"ddtags"', '"dd\\u0074ags"', '"\\ud800"', '"x"', '"traces"', '"detail"', '"httpRequest"']),
    st.sampled_from(['"a:b"', '"\\ud800"', "1", "null", "NaN", "1e999", '"}{"', "[]", '{"ddtags":"x:y"}', "[[{}]]"]),
)
JSON_LIKE = st.one_of(
    st.lists(st.sampled_from(TOKENS), max_size=12).map(lambda tokens: "{" + "".join(tokens)),
    st.lists(NAMES_AND_VALUES, max_size=5).map(lambda members: "{" + ",".join(map(":".join, members)) + "}"),
)


@settings(max_examples=1_000)
@given(JSON_LIKE, st.sampled_from(["lambda", "waf", "cloudtrail", "securityhub"]))
def test_no_line_that_is_like_json_does_any_harm(message: str, source: str) -> None:
    found = sort([Line(message, "1", 1)], replace(ORIGIN, source=source), Reports())
    metrics = len(found.metrics) - found.enhanced_metrics
    assert sum(map(len, found.logs.values())) + metrics + len(found.traces) == 1
    for own, logs in found.logs.items():
        msgspec.json.encode((logs, ORIGIN.common(own)))  # which half a surrogate would fail
