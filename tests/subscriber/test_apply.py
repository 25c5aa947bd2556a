"""Decisions are carried out, one group at a time, whatever AWS says."""

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from subscriber.apply import Apply
from subscriber.calls import Calls, Pace
from subscriber.errors import AwsError, OutOfTimeError
from subscriber.log_groups import LogGroups
from subscriber.plan import Policy, Removal
from subscriber.records import Filter, Outcome
from subscriber.survey import Survey
from tests.subscriber.memory import MemoryClients, MemoryLogs
from tests.subscriber.support import FOREIGN, OURS, OWN, THEIRS, Clock, World, group, wanted

MOVE = wanted("*", take_over=("old",))


def run(logs: MemoryLogs, policy: Policy, clock: Clock | None = None, ends: float = float("inf")) -> Outcome:
    """Apply the policy to the one group."""
    log_groups = LogGroups(MemoryClients(logs), Calls(Pace(4, clock or Clock()), ends))
    (found,) = Survey(log_groups, policy)
    return Apply(log_groups, policy).to(found)


def filters(logs: MemoryLogs) -> list[Filter]:
    (only,) = logs.groups.values()
    return sorted(only.filters, key=lambda each: each.name)


@pytest.mark.parametrize("limit", [2, 5])
def test_a_group_that_is_full_is_skipped_with_the_reason_whatever_the_limit_is(limit: int) -> None:
    there = [Filter(f"f{number}", FOREIGN.destination) for number in range(limit)]
    logs = MemoryLogs([group("a", *there)], limit)

    outcome = run(logs, wanted("*"))
    names = ", ".join(each.name for each in there)
    assert (outcome.decision.verb, outcome.error) == ("skip", "")
    assert outcome.decision.reason == f"AWS allows no more filters besides: {names}"
    assert filters(logs) == there


def test_where_there_is_room_ours_is_put_before_theirs_is_removed() -> None:
    logs = MemoryLogs([group("a", THEIRS)])
    logs.refused = {OWN.name: ["AccessDeniedException"]}

    assert run(logs, MOVE).error == "PutSubscriptionFilter failed: AccessDeniedException"
    assert filters(logs) == [THEIRS]


def test_in_a_full_group_ours_replaces_theirs() -> None:
    logs = MemoryLogs([group("a", FOREIGN, THEIRS)])

    assert run(logs, MOVE).error == ""
    assert filters(logs) == [OWN, FOREIGN]


def test_in_a_full_group_theirs_is_put_back_as_it_was_when_ours_is_refused() -> None:
    extras = {
        "roleArn": "arn:aws:iam::123456789012:role/any",
        "distribution": "Random",
        "emitSystemFields": ["@region"],
    }
    theirs = Filter("old", THEIRS.destination, "?WARN", extras)
    logs = MemoryLogs([group("a", FOREIGN, theirs)])
    logs.refused = {OWN.name: ["LimitExceededException", "InvalidParameterException"]}

    outcome = run(logs, MOVE)
    assert outcome.error.startswith("PutSubscriptionFilter failed: InvalidParameterException (may CloudWatch Logs")
    assert filters(logs) == [FOREIGN, theirs]


def test_theirs_is_put_back_even_if_the_time_is_up() -> None:
    clock = Clock()

    class Slow(MemoryLogs):
        def put_subscription_filter(self, **told: Any) -> None:
            clock.time += 1
            super().put_subscription_filter(**told)

    logs = Slow([group("a", FOREIGN, THEIRS)])
    logs.refused = {OWN.name: ["LimitExceededException", "ThrottlingException"]}
    with pytest.raises(OutOfTimeError):
        run(logs, MOVE, clock, clock.now() + 1.5)
    assert filters(logs) == [FOREIGN, THEIRS]


@pytest.mark.parametrize("trouble", [ReadTimeoutError(endpoint_url="any"), KeyboardInterrupt()], ids=repr)
def test_theirs_is_put_back_when_nobody_knows_whether_it_was_removed(trouble: BaseException) -> None:
    class Lost(MemoryLogs):
        def delete_subscription_filter(self, *, logGroupName: str, filterName: str) -> None:  # noqa: N803
            if filterName in [each.name for each in self.groups[logGroupName].filters]:
                super().delete_subscription_filter(logGroupName=logGroupName, filterName=filterName)
            raise trouble

    logs = Lost([group("a", FOREIGN, THEIRS)])
    try:
        assert run(logs, MOVE).error == "DeleteSubscriptionFilter failed: ReadTimeoutError"
    except KeyboardInterrupt as interrupt:
        assert interrupt is trouble  # noqa: PT017 - one of the two
    assert filters(logs) == [FOREIGN, THEIRS]


def test_a_filter_for_which_there_is_no_time_to_be_put_back_is_named() -> None:
    clock = Clock()
    logs = MemoryLogs([group("a", FOREIGN, THEIRS)])
    logs.refused = {OWN.name: ["LimitExceededException", *["ThrottlingException"] * 9], "old": ["Throttling"] * 99}
    log_groups = LogGroups(MemoryClients(logs), Calls(Pace(4, clock), clock.now() + 600, clock.now() + 600))
    (found,) = Survey(log_groups, MOVE)
    logs.refused[OWN.name].append("AccessDeniedException")
    clock.time += 570

    assert "so the filter old may be gone: put it back by hand" in Apply(log_groups, MOVE).to(found).error


def test_a_filter_that_cannot_be_put_back_is_named() -> None:
    logs = MemoryLogs([group("a", FOREIGN, THEIRS)])
    refused = "AccessDeniedException"
    logs.refused = {OWN.name: ["LimitExceededException", refused], "old": [refused]}

    outcome = run(logs, MOVE)
    assert "so the filter old may be gone: put it back by hand, or run this again" in outcome.error
    assert outcome.again


def test_where_theirs_may_not_be_removed_nothing_else_is_reported() -> None:
    logs = MemoryLogs([group("a", FOREIGN, THEIRS)])
    logs.kept = {THEIRS.name: "AccessDeniedException"}
    logs.refused = {THEIRS.name: ["AccessDeniedException"]}

    outcome = run(logs, MOVE)
    assert (outcome.error, outcome.again) == ("DeleteSubscriptionFilter failed: AccessDeniedException", False)
    assert filters(logs) == [FOREIGN, THEIRS]


def test_a_filter_of_our_name_is_taken_over_by_one_call() -> None:
    logs = MemoryLogs([group("a", FOREIGN, Filter(OWN.name, THEIRS.destination))])

    run(logs, wanted("*", take_over=("incumbent",)))
    assert filters(logs) == [OWN, FOREIGN]


def test_a_filter_that_is_to_be_removed_stays_if_it_has_changed_in_the_meantime() -> None:
    other = Filter(THEIRS.name, FOREIGN.destination)

    class Busy(MemoryLogs):
        def put_subscription_filter(self, **told: Any) -> None:
            super().put_subscription_filter(**told)
            if told["filterName"] == OWN.name:  # somebody else is faster than our next call
                super().put_subscription_filter(
                    logGroupName="a",
                    filterName=other.name,
                    filterPattern=other.pattern,
                    destinationArn=other.destination,
                )

    logs = Busy([group("a", THEIRS)])
    assert run(logs, MOVE).error == ""
    assert filters(logs) == [OWN, other]


def test_what_ours_replaced_is_not_removed_by_its_name_even_if_aws_still_shows_it() -> None:
    class Late(MemoryLogs):
        def describe_subscription_filters(self, **told: Any) -> Any:
            now, self.groups = self.groups, before
            try:
                return super().describe_subscription_filters(**told)
            finally:
                self.groups = now

    logs = Late([group("a", Filter(OWN.name, THEIRS.destination))])
    before = dict(logs.groups)
    run(logs, wanted("*", take_over=("incumbent",)))
    assert filters(logs) == [OWN]


def test_what_was_read_long_ago_does_not_count() -> None:
    logs = MemoryLogs([group("a", Filter(OWN.name, FOREIGN.destination))])
    log_groups = LogGroups(MemoryClients(logs), Calls(Pace(4, Clock())))

    Apply(log_groups, Removal(OURS)).to(group("a", OWN))
    assert filters(logs) == [Filter(OWN.name, FOREIGN.destination)]


@pytest.mark.parametrize("code", ["ThrottlingException", "OperationAbortedException", "ServiceUnavailableException"])
def test_a_busy_aws_is_asked_again(code: str) -> None:
    logs = MemoryLogs([group("a")])
    logs.refused = {OWN.name: [code] * 9}

    assert run(logs, wanted("*")).error == ""
    assert filters(logs) == [OWN]


def test_an_aws_that_stays_busy_is_a_failure_of_the_group() -> None:
    logs = MemoryLogs([group("a")])
    logs.refused = {OWN.name: ["ThrottlingException"] * 10}

    assert run(logs, wanted("*")).error == "PutSubscriptionFilter failed: ThrottlingException"


def test_a_group_that_is_gone_by_then_is_skipped(world: World) -> None:
    world.create("/aws/lambda/a")
    log_groups = LogGroups(world.clients, Calls(Pace(4, world.clock)))
    (found,) = Survey(log_groups, wanted("*"))
    del world.backend.groups["/aws/lambda/a"]

    outcome = Apply(log_groups, wanted("*")).to(found)
    assert (outcome.decision.reason, outcome.error) == ("gone", "")


def test_a_group_that_is_gone_has_no_filters_any_more(world: World) -> None:
    log_groups = LogGroups(world.clients, Calls(Pace(4, world.clock)))
    outcome = Apply(log_groups, Removal(OURS)).to(group("/aws/lambda/a", OWN))
    assert (outcome.decision.verb, outcome.error) == ("skip", "")


def test_a_filter_to_be_taken_over_that_is_gone_by_then_is_no_trouble(world: World) -> None:
    world.create("/aws/lambda/a", filters=[THEIRS])
    world.refuse("DeleteSubscriptionFilter", "ResourceNotFoundException")
    log_groups = LogGroups(world.clients, Calls(Pace(4, world.clock)))
    (found,) = Survey(log_groups, MOVE)

    outcome = Apply(log_groups, MOVE).to(found)
    assert (outcome.decision.verb, outcome.error) == ("subscribe", "")


@pytest.mark.parametrize(
    ("code", "status", "transient"),
    [("502", 502, True), ("ServiceException", 500, True), ("AccessDeniedException", 403, False)],
)
def test_a_response_that_indicates_trouble_at_aws_is_transient(code: str, status: int, transient: bool) -> None:
    assert AwsError("DescribeLogGroups", code, status).transient is transient
