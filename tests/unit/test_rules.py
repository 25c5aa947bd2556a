"""Filters and masks: what is dropped, what is masked, and that no pattern can hang us."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder import searches
from forwarder.deadline import Deadline
from forwarder.errors import MaskingError, OutOfTimeError
from forwarder.records import LineAttributes, Metric, Passed, Signal, Signals
from forwarder.rules import Rules
from tests.builders import far_deadline, lines, settings
from tests.clocks import processor_seconds

IP, EMAIL = "xxx.xxx.xxx.xxx", "xxxxx@xxxxx.com"
PLAIN = LineAttributes()  # of a line that says nothing of itself
IMPATIENT = 0.02  # seconds for a search
CATASTROPHE = {"pattern": "(a|aa)+$", "text": "a" * 60 + "!"}


def html_safe(value: object) -> str:
    """Return JSON as libraries print it that escape what means something in HTML."""
    text = json.dumps(value)
    for character in "<>=&'+":
        text = text.replace(character, f"\\u{ord(character):04X}")
    return text


def rules_of(**variables: str) -> Rules:
    return Rules(settings(**variables), far_deadline(), print)


def applied(messages: list[str], **variables: str) -> Passed:
    return rules_of(**variables).apply(Signals(logs={PLAIN: lines(*messages)}))


def passing(messages: list[str], **variables: str) -> list[str]:
    """Return the messages that pass; the others must have been filtered."""
    passed = applied(messages, **variables)
    kept = [line.message for line in passed.logs.get(PLAIN, [])]
    assert len(kept) + len(passed.filtered) == len(messages)
    return kept


# --- filters -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "kept"),
    [
        ({}, ["a", "b", "ab", ""]),
        ({"INCLUDE_AT_MATCH": "a"}, ["a", "ab"]),
        ({"EXCLUDE_AT_MATCH": "a"}, ["b", ""]),
        ({"INCLUDE_AT_MATCH": "a", "EXCLUDE_AT_MATCH": "b"}, ["a"]),
        ({"INCLUDE_AT_MATCH": "b$"}, ["b", "ab"]),
        ({"EXCLUDE_AT_MATCH": "^$"}, ["a", "b", "ab"]),
        ({"INCLUDE_AT_MATCH": "", "EXCLUDE_AT_MATCH": ""}, ["a", "b", "ab", ""]),
        ({"DD_FORWARD_LOG": "false"}, []),
        ({"DD_FORWARD_LOG": "false", "INCLUDE_AT_MATCH": "a"}, []),
    ],
)
def test_patterns_are_searched_in_the_message_and_exclude_wins(variables: dict[str, str], kept: list[str]) -> None:
    assert passing(["a", "b", "ab", ""], **variables) == kept


def test_filters_look_at_the_message_before_it_is_masked() -> None:
    assert passing(["bob@example.com"], INCLUDE_AT_MATCH="bob@", REDACT_EMAIL="true") == [EMAIL]


def test_metrics_pass_whatever_the_filters_say() -> None:
    metric = Metric("m", 1, 1, ("a:1",))
    for variables in ({"EXCLUDE_AT_MATCH": ".*"}, {"INCLUDE_AT_MATCH": "nothing"}, {"DD_FORWARD_LOG": "false"}):
        assert rules_of(**variables).apply(Signals(metrics=[metric])).metrics == [metric]


@pytest.mark.parametrize("name", ["INCLUDE_AT_MATCH", "EXCLUDE_AT_MATCH"])
def test_a_line_on_which_a_filter_runs_over_its_limit_is_forwarded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "LIMIT", 0.01)
    assert passing([CATASTROPHE["text"]], **{name: CATASTROPHE["pattern"]}) == [CATASTROPHE["text"]]


# --- IP addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("10.0.0.1", IP),
        ("from 10.0.0.1:443 to 255.255.255.255", f"from {IP}:443 to {IP}"),
        ('{"ip":"10.0.0.1"}', f'{{"ip":"{IP}"}}'),
        ("10.0.0.1,10.0.0.2", f"{IP},{IP}"),
        ("v1.2.3", "v1.2.3"),
        ("::1", IP),
        ("2001:db8::1", IP),
        ("2001:DB8:0:0:0:0:0:1", IP),
        ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", IP),
        ("[2001:db8::1]:443", f"[{IP}]:443"),
        ("2001:db8::1:54321", f"{IP}:54321"),
        ("2001:db8:85a3:0:0:8a2e:370:7334:443", IP),
        ("2001:db8:85a3:0:0:8a2e:370:7334:54321", f"{IP}:54321"),
        ("client 2001:db8::1: refused", f"client {IP}: refused"),
        ("ip:2001:db8::1,", f"ip:{IP},"),
        ("fe80::1%eth0", f"{IP}%eth0"),
        ("2001:db8::/32", f"{IP}/32"),
        ("2001:db8::1-2001:db8::2", f"{IP}-{IP}"),
        ("_2001:db8::1_", f"_{IP}_"),
        ("::ffff:192.168.1.1", IP),
        ("2001:db8::1:10.0.0.1", IP),
        ("2001:db8::1:connected", f"{IP}:connected"),
        ("2001:db8:0:0:0:0:192.0.2.1", IP),
        ("64:ff9b::192.0.2.33:443", f"{IP}:443"),
        ("2001:db8:85a3:0:0:8a2e:370:7334:10.0.0.1", f"{IP}:{IP}"),
        ("10.0.0.1:2001:db8::1", f"{IP}:{IP}"),
        ("12:34:56:10.0.0.1", f"12:34:56:{IP}"),
        ("face:2001:db8:85a3:0:0:8a2e:370:7334", IP),
        ("face:2001:db8:85a3:0:0:8a2e:370:7334:54321", f"{IP}:54321"),
        ("10:24:39:2001:db8:85a3:0:0:8a2e:370:7334", IP),
        ("peer=fe80::aaaa:bbbb:eth0", f"peer={IP}:eth0"),
        ("2001:db8:0:0:0:0:2:1:https", f"{IP}:https"),
        ("ip:2001:db8::1:user", f"ip:{IP}:user"),
        ('{"text":"line\\n2001:db8::1\\tline"}', f'{{"text":"line\\n{IP}\\tline"}}'),
        ("at 12:34:56", "at 12:34:56"),
        ("2026-11-22T10:24:39.150Z", "2026-11-22T10:24:39.150Z"),
        ("00:1a:2b:3c:4d:5e", "00:1a:2b:3c:4d:5e"),
        ("std::vector<int>::iterator", "std::vector<int>::iterator"),
        ("map :: Int -> Int", "map :: Int -> Int"),
        ("std::vec::x", "std::vec::x"),
        ("3A:5B:" * 9 + "3A:5B", "3A:5B:" * 9 + "3A:5B"),
        ("10:24:39:" * 3 + "10", "10:24:39:" * 3 + "10"),
        ("a::b::c", "a::b::c"),
        ("12:34:56:abc", "12:34:56:abc"),
        ("12:34:56:refused", "12:34:56:refused"),
        ("00:1a:2b:3c:4d:5e:eth0", "00:1a:2b:3c:4d:5e:eth0"),
        ("1:2", "1:2"),
        ("", ""),
    ],
)
def test_addresses_are_masked_and_what_only_looks_like_one_is_not(text: str, masked: str) -> None:
    assert rules_of(REDACT_IP="true").mask(text) == masked


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "2001:db8::1", "fe80::8a2e:370:7334", "ad::1", "1::", "::ffff:10.0.0.1"]
)
@pytest.mark.parametrize(
    "before", ["\\n", "\\t", "\\f", "\\u003c", "\\u0027", "\\u000a", "\\\\", '\\"', "\\/", "ip\\u003d"]
)
@pytest.mark.parametrize("after", ["\\n", "\\u003e", '\\"', ""])
def test_an_address_may_stand_between_escapes(address: str, before: str, after: str) -> None:
    assert rules_of(REDACT_IP="true").mask(f'{{"a":"{before}{address}{after}"}}') == f'{{"a":"{before}{IP}{after}"}}'


# --- e-mail addresses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("bob@example.com", EMAIL),
        ("<bob@example.com>.", f"<{EMAIL}>."),
        ("from=bob.b+tag%x@mail.example.co.uk;", f"from={EMAIL};"),
        ("o'neil@example.com", EMAIL),
        ("ünï@exämple.de", EMAIL),
        ("a@b.c,d@e.f", f"{EMAIL},{EMAIL}"),
        ("mailto:bob@example.com?x=1", f"mailto:{EMAIL}?x=1"),
        ('{"to":["bob@example.com"]}', f'{{"to":["{EMAIL}"]}}'),
        ("bob@10.0.0.1", EMAIL),
        ("bob@localhost", "bob@localhost"),
        ("@example.com", "@example.com"),
        ("3 @ 4.50", "3 @ 4.50"),
        ("no address", "no address"),
    ],
)
def test_e_mail_addresses_are_masked(text: str, masked: str) -> None:
    assert rules_of(REDACT_EMAIL="true").mask(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (r"from \u003cbob@example.com\u003e", rf"from \u003c{EMAIL}\u003e"),
        (r"\nbob@example.com", rf"\n{EMAIL}"),
        (r"a\tbob@example.com\n", rf"a\t{EMAIL}\n"),
        (r"\\\\bob@example.com", rf"\\\\{EMAIL}"),
        (r"CORP\\nancy@example.com", rf"CORP\\{EMAIL}"),
        (r"CORP\\ursula@example.com", rf"CORP\\{EMAIL}"),
        (r"\\\nbob@example.com", rf"\\\n{EMAIL}"),
        (r"o\u0027neil\u002Btag@example.com", EMAIL),
        (r"\u0027bob@example.com\u0027", rf"\u0027{EMAIL}\u0027"),
        (r"\john@example.com", rf"\{EMAIL}"),
        (r"\ursula@example.com", rf"\{EMAIL}"),
    ],
)
def test_an_e_mail_address_begins_after_an_escape(text: str, masked: str) -> None:
    assert rules_of(REDACT_EMAIL="true").mask(text) == masked


@given(
    st.lists(
        st.sampled_from(
            ["<", "'", "\n", "\t", '"', "\\", "=", "é", " ", "bob@example.com", "10.0.0.1", "fe80::1", "::"]
        )
    ),
    st.sampled_from([json.dumps, html_safe]),
)
def test_json_stays_json_whatever_is_masked_in_it(parts: list[str], printed: Callable[[object], str]) -> None:
    masked = rules_of(REDACT_IP="true", REDACT_EMAIL="true").mask(printed({"a": ["".join(parts)]}))
    assert list(json.loads(masked)) == ["a"]


# --- the user's own rule -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "messages", "masked"),
    [
        (
            {"DD_SCRUBBING_RULE": "secret=.*"},
            ["secret=1", "a secret=2 b", '{"x":"secret=3"}'],
            ["xxxxx", "a xxxxx", '{"x":"xxxxx'],
        ),
        ({"DD_SCRUBBING_RULE": '"'}, ['{"a":"b"}'], ["{xxxxxaxxxxx:xxxxxbxxxxx}"]),
        ({"DD_SCRUBBING_RULE": ".+"}, ["one", "two"], ["xxxxx", "xxxxx"]),
        ({"DD_SCRUBBING_RULE": "a", "DD_SCRUBBING_RULE_REPLACEMENT": "***"}, ["banana"], ["b***n***n***"]),
        (
            {"DD_SCRUBBING_RULE": r"(user=)\w+", "DD_SCRUBBING_RULE_REPLACEMENT": r"\1?"},
            ["user=bob x"],
            ["user=? x"],
        ),
        ({"DD_SCRUBBING_RULE": "(?<=key )x+(?= )"}, ["key xx "], ["key xxxxx "]),
    ],
)
def test_what_the_rule_matches_is_masked_message_by_message(
    variables: dict[str, str], messages: list[str], masked: list[str]
) -> None:
    assert passing(messages, **variables) == masked


def test_a_greedy_rule_leaves_every_log_in_place() -> None:
    passed = applied(["one", "two", "three"], DD_SCRUBBING_RULE="(?s).*")
    assert ([line.id for line in passed.logs[PLAIN]], passed.filtered, passed.rejected) == (
        ["0", "1", "2"],
        [],
        [],
    )


def test_masks_apply_one_after_the_other() -> None:
    rules = rules_of(REDACT_IP="true", REDACT_EMAIL="true", DD_SCRUBBING_RULE="bob")
    assert rules.mask("bob b@c.de 10.0.0.1") == f"xxxxx {EMAIL} {IP}"


def test_tags_of_metrics_and_own_tags_of_logs_are_masked() -> None:
    found = Signals(logs={LineAttributes("user:bob"): lines("a")}, metrics=[Metric("m", 1, 1, ("user:bob", "a:1"))])
    passed = rules_of(DD_SCRUBBING_RULE="bob").apply(found)
    assert (list(passed.logs), passed.metrics[0].tags) == ([LineAttributes("user:xxxxx")], ("user:xxxxx", "a:1"))


def test_logs_whose_own_tags_become_the_same_stay_together() -> None:
    found = Signals(logs={LineAttributes("user:bob"): lines("a"), LineAttributes("user:eve"): lines("b")})
    passed = rules_of(DD_SCRUBBING_RULE="bob|eve").apply(found)
    assert [line.message for line in passed.logs[LineAttributes("user:xxxxx")]] == ["a", "b"]


# --- a mask that runs over its limit -------------------------------------------------------------


def catastrophic(warnings: list[str], deadline: Deadline | None = None) -> Rules:
    found = settings(DD_SCRUBBING_RULE=CATASTROPHE["pattern"])
    return Rules(found, deadline or far_deadline(), warnings.append)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "LIMIT", IMPATIENT)
    monkeypatch.setattr(searches, "MAX_OVERRUN", 0.05)


@pytest.mark.usefixtures("_impatient")
def test_an_item_that_cannot_be_masked_is_rejected_and_its_neighbours_pass() -> None:
    warnings: list[str] = []
    found = Signals(logs={PLAIN: lines("good", CATASTROPHE["text"], "fine")}, metrics=[Metric("m", 1, 1, ("a:1",))])
    passed = catastrophic(warnings).apply(found)
    assert [line.message for line in passed.logs[PLAIN]] == ["good", "fine"]
    (rejection,) = passed.rejected
    assert (rejection.reason, rejection.pointer, rejection.signal) == (
        "DD_SCRUBBING_RULE ran over its time limit",
        "event 1 at 1795343071001",
        Signal.LOGS,
    )
    assert len(passed.metrics) == 1
    assert CATASTROPHE["text"] not in repr((rejection, warnings))


@pytest.mark.usefixtures("_impatient")
def test_a_metric_that_cannot_be_masked_is_rejected_without_its_name_or_tags() -> None:
    passed = catastrophic([]).apply(Signals(metrics=[Metric("sesame", 1, 7, (CATASTROPHE["text"],))]))
    (rejection,) = passed.rejected
    assert (passed.metrics, rejection.pointer, rejection.signal) == ([], "a metric at 7", Signal.METRICS)


@pytest.mark.usefixtures("_impatient")
def test_logs_whose_own_tags_cannot_be_masked_are_rejected_one_by_one() -> None:
    passed = catastrophic([]).apply(
        Signals(logs={LineAttributes(CATASTROPHE["text"]): lines("a", "b"), PLAIN: lines("c")})
    )
    assert (len(passed.rejected), [line.message for line in passed.logs[PLAIN]]) == (2, ["c"])


@pytest.mark.usefixtures("_impatient")
def test_a_pattern_that_is_always_over_its_limit_soon_costs_little() -> None:
    found = Signals(logs={PLAIN: lines(*[CATASTROPHE["text"]] * 300)})
    assert processor_seconds(lambda: catastrophic([]).apply(found)) < 300 * IMPATIENT / 2


def test_a_search_over_its_limit_after_the_deadline_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "LIMIT", 0.01)
    with pytest.raises(OutOfTimeError, match="the clock ran out while the user's patterns were being applied"):
        catastrophic([], Deadline.after(0)).mask(CATASTROPHE["text"])


def test_a_pattern_on_a_long_text_does_not_outlast_the_deadline() -> None:
    def mask() -> None:
        with pytest.raises(OutOfTimeError):
            catastrophic([], Deadline.after(1)).mask("a" * 1_000_000 + "!")

    assert processor_seconds(mask) < 1  # by its length, the text might take two


def test_patterns_that_are_slow_but_within_their_limit_stop_at_the_deadline() -> None:
    with pytest.raises(OutOfTimeError, match="the clock ran out while the user's patterns were being applied"):
        catastrophic([], Deadline.after(0)).apply(Signals(logs={PLAIN: lines("harmless")}))


def test_a_string_that_cannot_be_masked_is_an_error_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "LIMIT", 0.01)
    with pytest.raises(MaskingError) as caught:
        catastrophic([]).mask(CATASTROPHE["text"])
    assert str(caught.value) == "DD_SCRUBBING_RULE ran over its time limit"


# --- our own patterns are linear -----------------------------------------------------------------


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "1:",
        ":",
        "::",
        "1.",
        "1.1.1.1 ",
        "::1 ",
        "::1:x ",
        "1:1:1:1:1:1:1:1:z",
        ":::::::::z",
        "f",
        "a:b::",
        "a@",
        "a@a.",
        "@",
        "a@-",
        "-",
        "a.",
        "a@b.c",
        "a@b.c@",
        "%",
        "\\",
        "\\\\n",
        "\\n1:",
        "\\u003c",
        "\\u00",
        "a\\u002B",
        "1:1.1.1.",
        "face:",
        "face:1.1.1.1",
    ],
)
@pytest.mark.parametrize("end", ["", "b@c.d", "b::1", "u0031.1.1.1"])
def test_a_megabyte_of_anything_is_masked_in_linear_time(unit: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "LIMIT", 10)
    both = rules_of(REDACT_IP="true", REDACT_EMAIL="true")
    text = unit * (1_000_000 // len(unit)) + end
    assert processor_seconds(lambda: both.mask(text)) < 30  # it takes one or two; in quadratic time it would take hours
