"""Gives the logs of some sources a searchable shape, since intakes do not search in arrays of objects.

What does not have the expected shape stays as it is. Members that are not changed keep their text, and so their
numbers, byte for byte.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec
import regex
from msgspec import Raw, Struct

from forwarder.errors import UNREADABLE_JSON
from forwarder.records import Line, Signals

_Object = dict[str, Raw]
_Changes = tuple[tuple[str, Callable[[Raw], Raw]], ...]  # of members, by name

# For entries without a key: Security Hub's own name for a resource of an unknown type.
_OTHER = "Other"

_decode_object = msgspec.json.Decoder(_Object).decode
_decode_raws = msgspec.json.Decoder(list[Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


class Shaped(NamedTuple):
    """The logs that a line becomes, and the host that it names, if any."""

    lines: list[Line]
    host: str = ""


def reshape(found: Signals, source: str) -> None:
    """Reshape the logs of a source, if it is one of those in the table."""
    if (shape := _SHAPES.get(source)) is None:
        return
    logs, found.logs = found.logs, {}
    for own, lines in logs.items():
        same = found.logs[own] = []
        for line in lines:
            shaped = shape(line)
            of_host = found.logs.setdefault(own._replace(host=shaped.host), []) if shaped.host else same
            of_host.extend(shaped.lines)
            if len(shaped.lines) > 1:
                found.families.append(shaped.lines)
        if not same:
            del found.logs[own]


def _keyed(entries: Raw, names: tuple[str, ...], value: str = "") -> Raw:
    """Turn a list of objects into an object by the first of these members that an entry has, which is removed.

    With `value`, only that member of each entry is kept. Entries with the same key become a list; those without a
    key, or the value, stay as they are, under `Other`.

    Raises:
        msgspec.ValidationError: it is not a list with objects.

    """
    raws = _decode_raws(entries)
    if not any(bytes(raw).startswith(b"{") for raw in raws):
        raise msgspec.ValidationError("it contains no objects")
    by_key: dict[str, list[object]] = {}
    for raw in raws:
        entry = _members(raw)
        key = _take_key(entry, names) if not value or value in entry else ""
        by_key.setdefault(key or _OTHER, []).append((entry[value] if value else entry) if key else raw)
    return _raw({key: same if len(same) > 1 else same[0] for key, same in by_key.items()})


def _members(raw: Raw) -> _Object:
    """Return the members of an object, or none if it is not an object."""
    try:
        return _decode_object(raw)
    except UNREADABLE_JSON:
        return {}


def _take_key(entry: _Object, names: tuple[str, ...]) -> str:
    for name in names:
        if name in entry and (key := _text(entry[name])):
            del entry[name]
            return key
    return ""


def _text(value: Raw) -> str:
    try:
        return _decode_text(value)
    except UNREADABLE_JSON:
        return ""


def _raw(value: object) -> Raw:
    return Raw(_encode(value))


def _change(members: _Object, changes: _Changes) -> bool:
    """Change the members that exist in the expected shape; return whether there were any."""
    before = dict(members)
    for name, change in changes:
        if name in members:
            with suppress(*UNREADABLE_JSON):
                members[name] = change(members[name])
    return any(members[name] is not value for name, value in before.items())


def _changed(value: Raw, changes: _Changes) -> Raw:
    """Return an object with those members changed; anything else stays as it is."""
    members = _members(value)
    return _raw(members) if _change(members, changes) else value


def _message(members: _Object, of: Line) -> str:
    return _encode(members).decode() + of.message[len(of.message.rstrip()) :]


# --- AWS WAF: https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html ----------

_RULE = ("ruleId",)
_RATE_BASED_RULE = ("rateBasedRuleName", "rateBasedRuleId")
_GROUP = ("ruleGroupId",)


def _waf(line: Line) -> Shaped:
    try:
        members = _decode_object(line.message)
    except UNREADABLE_JSON:
        return Shaped([line])
    if _change(members, _WAF_MEMBERS):
        line.message = _message(members, line)
    return Shaped([line])


def _request(request: Raw) -> Raw:
    return _changed(request, _REQUEST_MEMBERS)


def _headers(headers: Raw) -> Raw:
    return _keyed(headers, ("name",), value="value")


def _rules(rules: Raw) -> Raw:
    return _keyed(rules, _RULE)


def _rate_based_rules(rules: Raw) -> Raw:
    return _keyed(rules, _RATE_BASED_RULE)


def _one_rule(rule: Raw) -> Raw:
    return _rules(_raw([rule]))


def _groups(groups: Raw) -> Raw:
    return _keyed(_raw([_changed(group, _GROUP_MEMBERS) for group in _decode_raws(groups)]), _GROUP)


_WAF_MEMBERS: _Changes = (
    ("httpRequest", _request),
    ("nonTerminatingMatchingRules", _rules),
    ("rateBasedRuleList", _rate_based_rules),
    ("ruleGroupList", _groups),
)
_REQUEST_MEMBERS: _Changes = (("headers", _headers),)
_GROUP_MEMBERS: _Changes = (
    ("terminatingRule", _one_rule),
    ("nonTerminatingMatchingRules", _rules),
    ("excludedRules", _rules),
)


# --- Security Hub: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html


# Of what surrounds findings, in all their logs together. EventBridge accepts no event of over 256 KB.
_MAX_COPIED_BYTES = 16 * 1024 * 1024


def _security_hub(line: Line) -> Shaped:
    """Make one log per finding of `detail.findings`, with it as `detail.finding`.

    An event of many findings with a large rest stays one log: the rest would be in each of the logs.
    """
    try:
        event = _decode_object(line.message)
        detail = _decode_object(event["detail"])
        raws = _decode_raws(detail.pop("findings"))
        if "finding" in detail or len(raws) * len(_encode(event | {"detail": detail})) > _MAX_COPIED_BYTES:
            return Shaped([line])
        findings = [_finding(finding) for finding in raws]
    except (KeyError, *UNREADABLE_JSON):
        return Shaped([line])
    logs = [event | {"detail": _raw(detail | {"finding": finding})} for finding in findings]
    return Shaped([Line(_message(log, line), line.id, line.timestamp) for log in logs] or [line])


def _finding(finding: Raw) -> Raw:
    """Turn a finding's list `Resources` into `resources` by their type; anything but an object stays as it is."""
    members = _members(finding)
    if not members or "resources" in members:
        return finding
    if _change(members, _FINDING_MEMBERS):
        members["resources"] = members.pop("Resources")
    return _raw(members)


def _resources(resources: Raw) -> Raw:
    return _keyed(resources, ("Type",))


_FINDING_MEMBERS: _Changes = (("Resources", _resources),)


# --- CloudTrail: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html

# The role session of an EC2 instance is named after the instance.
_INSTANCE = regex.compile(r"arn:[\w-]+:sts::\d*:assumed-role/[^/]{1,512}/(?P<host>i-(?:[0-9a-f]{8}|[0-9a-f]{17}))")


class _Identity(Struct):
    arn: str = ""


class _CloudTrail(Struct):
    userIdentity: _Identity | None = None  # noqa: N815 - AWS's name


_decode_cloudtrail = msgspec.json.Decoder(_CloudTrail).decode


def _cloudtrail(line: Line) -> Shaped:
    if ":assumed-role/" not in line.message:
        return Shaped([line])
    try:
        identity = _decode_cloudtrail(line.message).userIdentity
    except UNREADABLE_JSON:
        return Shaped([line])
    instance = _INSTANCE.fullmatch(identity.arn) if identity else None
    return Shaped([line], instance["host"] if instance else "")


# --- Other records that name their host ----------------------------------------------------------

_MAX_HOST_CHARACTERS = 255  # anything longer is not a host, and each log needs room for it

# Of a state machine, or of one run of a map in it (which adds a label after a slash).
_EXECUTION = regex.compile(r"(?P<account>arn:[\w-]+:states:[\w-]*:\d*):\w+:(?P<machine>[^:/]{1,80})[:/].+")


def _unchanged(host: str) -> str:
    return host


def _state_machine(execution: str) -> str:
    """Return the ARN of the state machine of an execution's ARN, or an empty string."""
    found = _EXECUTION.fullmatch(execution)
    return f"{found['account']}:stateMachine:{found['machine']}" if found else ""


def _naming_host(*paths: tuple[str, ...], host: Callable[[str], str] = _unchanged) -> Callable[[Line], Shaped]:
    """Return a function that takes the host from the first of these paths of members that leads to a string."""
    marks = {f'"{path[-1]}"' for path in paths}

    def shape(line: Line) -> Shaped:
        if any(mark in line.message for mark in marks):
            record = Raw(line.message.encode())
            named = next(filter(None, (_text(_member(record, path)) for path in paths)), "")
            return Shaped([line], host(named) if len(named) <= _MAX_HOST_CHARACTERS else "")
        return Shaped([line])

    return shape


def _member(record: Raw, path: tuple[str, ...]) -> Raw:
    for name in path:
        record = _members(record).get(name, Raw())
    return record


_INSTANCE_OF_A_FINDING = ("resource", "instanceDetails", "instanceId")

_SHAPES: dict[str, Callable[[Line], Shaped]] = {
    "waf": _waf,
    "securityhub": _security_hub,
    "cloudtrail": _cloudtrail,
    # findings in events, and in objects
    "guardduty": _naming_host(("detail", *_INSTANCE_OF_A_FINDING), _INSTANCE_OF_A_FINDING),
    "route53": _naming_host(("srcids", "instance")),
    "stepfunction": _naming_host(("execution_arn",), host=_state_machine),
    "verified-access": _naming_host(("http_request", "url", "hostname")),
}
