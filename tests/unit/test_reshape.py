"""Records of some sources get a searchable shape; anything of an unexpected shape stays as it is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder.origin import NO_TAGS, settle
from forwarder.records import Group, Line, LineAttributes, S3Object, Sender, Signals
from forwarder.rules import Rules
from forwarder.settle import Summary
from forwarder.signals import sort
from forwarder.traces.reading import SpanGroup
from tests.builders import IDENTITY, far_deadline, lines, origin, settings

WAF = settle(S3Object("b", "aws-waf-logs-shop/1"), IDENTITY, settings(), str, NO_TAGS)
SECURITY_HUB = settle(Sender("securityhub"), IDENTITY, settings(), str, NO_TAGS)
TRAIL = "123456789012_CloudTrail_eu-west-1"
CLOUDTRAIL_OBJECT = settle(S3Object("b", f"{TRAIL}_20261122T1625Z_0a1b.json.gz"), IDENTITY, settings(), str, NO_TAGS)
CLOUDTRAIL_STREAM = origin("trail", TRAIL)


def only(found: Signals) -> Line:
    ((line,),) = found.logs.values()
    return line


def waf(**members: object) -> Any:
    return json.loads(only(sort(lines(json.dumps(members)), WAF, None)).message)


def hub(*findings: object, **detail: object) -> list[Any]:
    """Return the `detail.finding` of each log that an event with these findings becomes."""
    event = {"source": "aws.securityhub", "detail": {"findings": findings, **detail}}
    found = sort(lines(json.dumps(event)), SECURITY_HUB, None)
    return [json.loads(line.message)["detail"]["finding"] for line in found.logs[LineAttributes()]]


# --- AWS WAF -------------------------------------------------------------------------------------


def test_headers_become_an_object() -> None:
    headers = [{"name": "Host", "value": "shop"}, {"name": "Accept", "value": "*/*"}]
    request = {"uri": "/", "headers": headers, "httpMethod": "GET"}
    assert waf(httpRequest=request) == {
        "httpRequest": {"uri": "/", "headers": {"Host": "shop", "Accept": "*/*"}, "httpMethod": "GET"}
    }


def test_two_headers_of_one_name_both_survive() -> None:
    headers = [{"name": "Cookie", "value": value} for value in ("a", "b", "a")]
    assert waf(httpRequest={"headers": headers}) == {"httpRequest": {"headers": {"Cookie": ["a", "b", "a"]}}}


@pytest.mark.parametrize(
    ("name", "rules", "by_key"),
    [
        ("nonTerminatingMatchingRules", [{"ruleId": "r", "action": "COUNT"}], {"r": {"action": "COUNT"}}),
        ("rateBasedRuleList", [{"rateBasedRuleName": "n", "limitKey": "IP"}], {"n": {"limitKey": "IP"}}),
        ("rateBasedRuleList", [{"rateBasedRuleId": "i", "limitKey": "IP"}], {"i": {"limitKey": "IP"}}),
        ("ruleGroupList", [{"ruleGroupId": "g", "terminatingRule": None}], {"g": {"terminatingRule": None}}),
        ("ruleGroupList", [{"ruleGroupId": "g", "n": 1}, {"ruleGroupId": "g", "n": 2}], {"g": [{"n": 1}, {"n": 2}]}),
    ],
)
def test_lists_of_rules_become_objects(name: str, rules: object, by_key: object) -> None:
    assert waf(**{name: rules}) == {name: by_key}


@pytest.mark.parametrize("name", ["nonTerminatingMatchingRules", "excludedRules"])
def test_the_rules_of_a_group_become_objects(name: str) -> None:
    group = {"ruleGroupId": "g", name: [{"ruleId": "a", "n": 1}, {"ruleId": "b"}, {"ruleId": "a", "n": 2}]}
    assert waf(ruleGroupList=[group]) == {"ruleGroupList": {"g": {name: {"a": [{"n": 1}, {"n": 2}], "b": {}}}}}


def test_the_terminating_rule_of_a_group_is_under_its_id() -> None:
    group = {"ruleGroupId": "g", "terminatingRule": {"ruleId": "r", "action": "BLOCK"}}
    assert waf(ruleGroupList=[group]) == {"ruleGroupList": {"g": {"terminatingRule": {"r": {"action": "BLOCK"}}}}}


def test_one_member_of_another_shape_does_not_keep_the_others_from_theirs() -> None:
    found = waf(rateBasedRuleList="?", nonTerminatingMatchingRules=[{"ruleId": "r", "n": 1}])
    assert found == {"rateBasedRuleList": "?", "nonTerminatingMatchingRules": {"r": {"n": 1}}}


@pytest.mark.parametrize(
    "message",
    [
        "a plain line",
        '{"cut": ',
        "[1, 2]",
        "{}",
        '{"httpRequest": null}',
        '{"httpRequest": {"headers": null}}',
        '{"httpRequest": {"headers": []}}',
        '{"httpRequest": {"headers": "?"}}',
        '{"httpRequest": {"headers": [1]}}',
        '{"ruleGroupList": [], "rateBasedRuleList": {}}',
        '{"httpRequest": {"headers": [{"name": "\\ud800", "value": "a"}]}}',
        '{"httpRequest": {"headers": ' + "[" * 50_000 + "]" * 50_000 + "}}",
    ],
    ids=lambda message: message[:40],
)
def test_a_record_of_any_other_shape_stays_byte_for_byte(message: str) -> None:
    assert only(sort(lines(message), WAF, None)).message == message


@pytest.mark.parametrize(
    "odd", [{"name": "a"}, {"value": "a"}, {"name": None, "value": "a"}, {"name": 7, "value": "a"}, {}, None, 7, "a"]
)
def test_a_header_without_a_name_or_a_value_is_an_other_one(odd: object) -> None:
    headers = [{"name": "Host", "value": "shop"}, odd]
    assert waf(httpRequest={"headers": headers}) == {"httpRequest": {"headers": {"Host": "shop", "Other": odd}}}


def test_an_other_header_stays_byte_for_byte() -> None:
    message = '{"httpRequest":{"headers":[{"name" : 7, "value" : 1.10}]}}'
    reshaped = '{"httpRequest":{"headers":{"Other":{"name" : 7, "value" : 1.10}}}}'
    assert only(sort(lines(message), WAF, None)).message == reshaped


def test_a_rule_without_an_id_is_an_other_one() -> None:
    rules = [{"ruleId": None}, {"ruleId": "r", "n": 1}, None]
    assert waf(nonTerminatingMatchingRules=rules) == {
        "nonTerminatingMatchingRules": {"Other": [{"ruleId": None}, None], "r": {"n": 1}}
    }


def test_a_group_that_is_no_object_keeps_no_other_from_its_shape() -> None:
    groups = [None, {"ruleGroupId": "g", "terminatingRule": {"ruleId": "r"}}]
    assert waf(ruleGroupList=groups) == {"ruleGroupList": {"Other": None, "g": {"terminatingRule": {"r": {}}}}}


def test_a_group_without_an_id_is_an_other_one_with_its_rules_in_shape() -> None:
    assert waf(ruleGroupList=[{"terminatingRule": {"ruleId": "r"}}]) == {
        "ruleGroupList": {"Other": {"terminatingRule": {"r": {}}}}
    }


def test_numbers_stay_as_they_were_written() -> None:
    message = '{"timestamp":12345678901234567890123,"httpRequest":{"a":1.10,"headers":[{"name":"n","value":1e2}]}}\n'
    reshaped = '{"timestamp":12345678901234567890123,"httpRequest":{"a":1.10,"headers":{"n":1e2}}}\n'
    assert only(sort(lines(message), WAF, None)).message == reshaped


def test_other_sources_keep_their_arrays() -> None:
    message = '{"httpRequest": {"headers": [{"name": "a", "value": "b"}]}}'
    assert only(sort(lines(message), origin(), None)).message == message


def test_a_source_that_is_overridden_still_has_its_records_reshaped() -> None:
    place, overridden = S3Object("b", "aws-waf-logs-shop/1"), settings(DD_SOURCE="mine")
    message = '{"httpRequest":{"headers":[{"name":"a","value":"b"}]}}'
    found = sort(lines(message), settle(place, IDENTITY, overridden, str, NO_TAGS), None)
    assert only(found).message == '{"httpRequest":{"headers":{"a":"b"}}}'


HEADERS = st.lists(st.fixed_dictionaries({"name": st.text(min_size=1), "value": st.text()}), min_size=1)


@given(HEADERS)
def test_every_header_survives_in_its_order(headers: list[dict[str, str]]) -> None:
    by_name = waf(httpRequest={"headers": headers})["httpRequest"]["headers"]
    for name, values in by_name.items():
        expected = [header["value"] for header in headers if header["name"] == name]
        assert values == (expected if len(expected) > 1 else expected[0])
    assert set(by_name) == {header["name"] for header in headers}


# --- Security Hub --------------------------------------------------------------------------------


def test_each_finding_is_a_log_of_its_own() -> None:
    message = '{"id":"e","detail":{"findings":[{"Id":"a","n":1.10},{"Id":"b"}],"actionName":"x"},"version":"0"}'
    found = sort([Line(message, "7", 1)], SECURITY_HUB, None)
    assert [(line.message, line.id, line.timestamp) for line in found.logs[LineAttributes()]] == [
        ('{"id":"e","detail":{"actionName":"x","finding":{"Id":"a","n":1.10}},"version":"0"}', "7", 1),
        ('{"id":"e","detail":{"actionName":"x","finding":{"Id":"b"}},"version":"0"}', "7", 1),
    ]


def test_resources_are_found_by_their_type() -> None:
    resources = [{"Type": "AwsEc2Instance", "Id": "i"}, {"Type": "AwsS3Bucket", "Id": "b"}]
    assert hub({"Resources": resources}) == [{"resources": {"AwsEc2Instance": {"Id": "i"}, "AwsS3Bucket": {"Id": "b"}}}]


def test_two_resources_of_one_type_both_survive() -> None:
    resources = [{"Type": "AwsEc2Instance", "Id": "a"}, {"Type": "AwsEc2Instance", "Id": "b"}]
    assert hub({"Resources": resources}) == [{"resources": {"AwsEc2Instance": [{"Id": "a"}, {"Id": "b"}]}}]


@pytest.mark.parametrize("kind", [{}, {"Type": None}, {"Type": ""}, {"Type": 7}])
def test_resources_without_a_type_are_other_ones(kind: dict[str, object]) -> None:
    resources = [{"Type": "Other", "Id": "a"}, {**kind, "Id": "b"}]
    assert hub({"Resources": resources}) == [{"resources": {"Other": [{"Id": "a"}, {**kind, "Id": "b"}]}}]


@pytest.mark.parametrize("odd", [None, 7, "a", []])
def test_a_finding_that_is_no_object_is_a_log_as_it_is(odd: object) -> None:
    assert hub({"Id": "a"}, odd) == [{"Id": "a"}, odd]


@pytest.mark.parametrize(
    "finding", [{}, {"Resources": []}, {"Resources": None}, {"Resources": [1]}, {"Resources": [{}], "resources": 1}]
)
def test_a_finding_of_any_other_shape_stays_as_it_is(finding: object) -> None:
    assert hub(finding) == [finding]


@pytest.mark.parametrize(
    "message",
    [
        "a plain line",
        '{"detail": {"insightResults": [{}]}}',
        '{"detail": {"findings": []}}',
        '{"detail": {"findings": null}}',
        '{"detail": {"findings": [{}], "finding": 1}}',
        '{"detail": null}',
        '{"detail-type": "x"}',
    ],
)
def test_an_event_without_findings_stays_byte_for_byte(message: str) -> None:
    found = sort(lines(message), SECURITY_HUB, None)
    assert (only(found).message, found.families) == (message, [])


def counted(variables: dict[str, str], *messages: str) -> Summary:
    """Return the summary of events of Security Hub, under settings with these variables."""
    group = Group(Sender("securityhub"), lines(*messages))
    found = sort(group.lines, SECURITY_HUB, None)
    passed = Rules(settings(**variables), far_deadline(), lambda _: None).apply(found)
    summary = Summary("eventbridge")
    summary.count(group, found, passed, SpanGroup())
    return summary


def test_an_event_that_would_become_many_times_its_size_stays_one_log() -> None:
    event = {"pad": "x" * 100_000, "detail": {"findings": [{}] * 200, "more": "x" * 10}}
    message = json.dumps(event)
    assert only(sort(lines(message), SECURITY_HUB, None)).message == message
    assert len(hub(*[{}] * 200)) == 200


EVENT = '{"detail":{"findings":[{"Id":"a"},{"Id":"b"},{"Id":"c"}]}}'


@pytest.mark.parametrize(
    ("exclude", "routed", "filtered", "logs"),
    [("^$", 1, 0, 3), ('"b"', 1, 0, 2), ('"[ab]"', 1, 0, 1), ("detail", 0, 1, 0)],
)
def test_a_line_is_filtered_only_if_all_logs_made_from_it_are(
    exclude: str, routed: int, filtered: int, logs: int
) -> None:
    summary = counted({"EXCLUDE_AT_MATCH": exclude}, EVENT)
    assert (summary.lines.routed, summary.lines.filtered, summary.items.created) == (routed, filtered, logs)
    assert (summary.lines.received, summary.logs_filtered) == (1, 3 - logs)


def test_a_line_of_two_findings_that_are_both_filtered_is_one_filtered_line() -> None:
    summary = counted({"EXCLUDE_AT_MATCH": '"[ab]"'}, '{"detail":{"findings":[{"Id":"a"},{"Id":"b"}]}}')
    assert (summary.lines.received, summary.lines.filtered) == (1, 1)


def test_families_and_single_lines_are_counted_together() -> None:
    summary = counted({"EXCLUDE_AT_MATCH": '"[abd]"'}, EVENT, '{"detail":{"findings":[{"Id":"d"}]}}', "plain")
    assert (summary.lines.received, summary.lines.routed, summary.lines.filtered) == (3, 2, 1)


# --- CloudTrail ----------------------------------------------------------------------------------

ROLE = "arn:aws:sts::123456789012:assumed-role/shop"


@pytest.mark.parametrize("where", [CLOUDTRAIL_OBJECT, CLOUDTRAIL_STREAM], ids=["S3", "CloudWatch Logs"])
@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("host", ["i-01234567", "i-0123456789abcdef0"])
def test_the_instance_that_acted_is_the_host(where: Any, partition: str, host: str) -> None:
    arn = f"arn:{partition}:sts::123456789012:assumed-role/shop/{host}"
    message = json.dumps({"eventName": "GetObject", "userIdentity": {"type": "AssumedRole", "arn": arn}})
    found = sort(lines(message), where, None)
    assert (list(found.logs), only(found).message) == ([LineAttributes(host=host)], message)


@pytest.mark.parametrize(
    "identity",
    [
        None,
        {},
        [],
        "root",
        {"arn": None},
        {"arn": 7},
        {"arn": f"{ROLE}/jo"},
        {"arn": f"{ROLE}/i-0123456"},
        {"arn": f"{ROLE}/i-0123456789abcdef0x"},
        {"arn": f"{ROLE}/i-0123456789ABCDEF0"},
        {"arn": f"printed {ROLE}/i-01234567"},
        {"arn": "arn:aws:iam::123456789012:user/i-01234567"},
    ],
)
def test_any_other_identity_is_not_a_host(identity: object) -> None:
    message = json.dumps({"userIdentity": identity, "requested": f"{ROLE}/i-01234567"})
    found = sort(lines(message), CLOUDTRAIL_OBJECT, None)
    assert (list(found.logs), only(found).message) == ([LineAttributes()], message)


@pytest.mark.parametrize(
    "message", ["a line", ":assumed-role/", '{"userIdentity": ":assumed-role/', '[":assumed-role/"]']
)
def test_what_is_no_record_has_no_host(message: str) -> None:
    assert list(sort(lines(message), CLOUDTRAIL_OBJECT, None).logs) == [LineAttributes()]


def test_a_record_has_both_its_own_tags_and_its_host() -> None:
    message = json.dumps({"userIdentity": {"arn": f"{ROLE}/i-01234567"}, "ddtags": "a:1"})
    assert list(sort(lines(message), CLOUDTRAIL_OBJECT, None).logs) == [LineAttributes("a:1", "i-01234567")]


def test_a_host_is_masked() -> None:
    found = sort(lines(json.dumps({"userIdentity": {"arn": f"{ROLE}/i-01234567"}})), CLOUDTRAIL_OBJECT, None)
    passed = Rules(settings(DD_SCRUBBING_RULE=r"i-\w+"), far_deadline(), lambda _: None).apply(found)
    assert list(passed.logs) == [LineAttributes(host="xxxxx")]


# --- other records that name their host ----------------------------------------------------------

STATES = "arn:aws:states:eu-west-1:123456789012"
FINDING = {"resource": {"instanceDetails": {"instanceId": "i-01234567"}}}
EXECUTION = {"execution_arn": f"{STATES}:execution:Orders:0a1b"}

# (source, record, host)
HOSTS = [
    ("guardduty", {"source": "aws.guardduty", "detail": FINDING}, "i-01234567"),
    ("guardduty", FINDING, "i-01234567"),
    ("route53", {"srcids": {"instance": "i-01234567"}}, "i-01234567"),
    ("verified-access", {"http_request": {"url": {"hostname": "shop.example.com"}}}, "shop.example.com"),
    ("stepfunction", EXECUTION, f"{STATES}:stateMachine:Orders"),
    ("stepfunction", {"execution_arn": f"{STATES}:express:Orders:0a1b:2c3d"}, f"{STATES}:stateMachine:Orders"),
    ("stepfunction", {"execution_arn": f"{STATES}:execution:Orders/Each:0a1b"}, f"{STATES}:stateMachine:Orders"),
]


def hosts(source: str, message: str) -> list[str]:
    found = sort(lines(message), settle(Sender(source), IDENTITY, settings(), str, NO_TAGS), None)
    assert only(found).message == message
    return [own.host for own in found.logs]


@pytest.mark.parametrize(("source", "record", "host"), HOSTS)
def test_a_record_that_names_its_host_has_it(source: str, record: object, host: str) -> None:
    assert hosts(source, json.dumps(record)) == [host]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("guardduty", '{"detail": {"resource": {"instanceDetails": null, "x": "instanceId"}}}'),
        ("guardduty", '{"detail": {"resource": {"instanceDetails": {"instanceId": 7}}}}'),
        ("route53", '{"srcids": {"instance": ["i-01234567"]}}'),
        ("route53", '{"srcids": {"instance": "\\ud800"}}'),
        ("route53", '{"srcids": {"instance": "'),
        ("route53", '{"srcids": {"instance": "' + "x" * 256 + '"}}'),
        ("route53", 'a line with "instance" in it'),
        ("verified-access", '{"http_request": ' + "[" * 50_000 + "]" * 50_000 + ', "hostname": "shop"}'),
        ("stepfunction", '{"execution_arn": "Orders"}'),
        ("stepfunction", '{"execution_arn": "arn:aws:lambda:eu-west-1:123456789012:function:orders:1"}'),
        ("lambda", json.dumps(EXECUTION)),
    ],
    ids=lambda text: text[:40],
)
def test_what_names_no_host_has_that_of_its_place(source: str, message: str) -> None:
    assert hosts(source, message) == [""]
