"""A scheduled run subscribes all wanted groups, and no others."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from subscriber.errors import AwsError, UnsupportedEventError
from subscriber.records import Filter
from tests.subscriber.samples import SCHEDULE
from tests.subscriber.support import FOREIGN, LONG, OWN, SLOW, THEIRS, World

DAILY = {"reconcile": True, "everywhere": True}
GROUPS = [f"/aws/lambda/f{number:03}" for number in range(120)]


def embedded(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the embedded metrics of the last round."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "_aws" in line][-1]


@pytest.mark.parametrize("event", [SCHEDULE, {"reconcile": True}, DAILY])
def test_wanted_groups_are_subscribed_and_others_left_alone(world: World, event: dict[str, Any]) -> None:
    world.create(*GROUPS, "/ecs/a", "/aws/lambda/forwarder", "/aws/lambda/subscriber")
    world.create("/aws/lambda/rare")
    world.classes["/aws/lambda/rare"] = "INFREQUENT_ACCESS"

    world.run(world.subscriber(), event)
    assert world.subscribed() == set(GROUPS)


def test_a_second_run_changes_nothing(world: World) -> None:
    world.create(*GROUPS)
    subscriber = world.subscriber()
    world.run(subscriber, SCHEDULE)
    before = world.filters()
    puts = world.count("PutSubscriptionFilter")

    world.run(subscriber, SCHEDULE)
    assert world.filters() == before
    assert world.count("PutSubscriptionFilter") == puts


def test_only_groups_that_are_wanted_cost_a_call(world: World) -> None:
    world.create(*GROUPS, *(f"/ecs/{number}" for number in range(100)))

    world.run(world.subscriber(EXCLUDE="regex:f0[0-9]{2}$"), SCHEDULE)
    assert world.count("DescribeLogGroups") == 3
    assert world.count("DescribeSubscriptionFilters") == 20


def test_once_a_day_what_is_not_wanted_any_more_is_unsubscribed_anywhere(world: World) -> None:
    world.create("/aws/lambda/a", "/ecs/a", "a", filters=[OWN, FOREIGN])
    world.run(world.subscriber(), SCHEDULE)
    assert world.subscribed() == {"/aws/lambda/a", "/ecs/a", "a"}

    world.run(world.subscriber(), DAILY)
    assert world.subscribed() == {"/aws/lambda/a"}


def test_a_look_everywhere_reads_the_filters_of_each_group_once(world: World) -> None:
    world.create(*GROUPS, "/ecs/a", "a", "z")
    world.run(world.subscriber(INCLUDE="/aws/lambda/f0,/aws/"), DAILY)
    assert world.count("DescribeSubscriptionFilters") == len(GROUPS) + 3


def test_no_tags_are_asked_for_unless_they_are_wanted(world: World) -> None:
    world.create("/aws/lambda/a")
    world.run(world.subscriber(), SCHEDULE)
    assert not world.count("GetResources")


def test_tags_are_read_in_pages_and_not_group_by_group(world: World) -> None:
    world.create(*GROUPS, tags={"team": "shop"})
    world.create("/aws/lambda/x", tags={"team": "web"})
    world.create("/aws/lambda/y")

    world.run(world.subscriber(TAGS="team=shop"), SCHEDULE)
    assert world.subscribed() == set(GROUPS)
    assert (world.count("GetResources"), world.count("ListTagsForResource")) == (2, 0)


def test_a_group_that_has_lost_its_tag_is_unsubscribed(world: World) -> None:
    world.create("/aws/lambda/a", tags={"team": "web"}, filters=[OWN])
    world.run(world.subscriber(TAGS="team=shop"), SCHEDULE)
    assert world.subscribed() == set()


def test_a_group_whose_tag_the_tagging_api_does_not_know_yet_stays_subscribed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create("/aws/lambda/a", tags={"team": "shop"}, filters=[OWN])
    monkeypatch.setattr(world, "_resources", lambda _told: {"ResourceTagMappingList": [], "PaginationToken": ""})
    world.run(world.subscriber(TAGS="team=shop"), SCHEDULE)
    assert world.subscribed() == {"/aws/lambda/a"}


def test_a_full_group_is_skipped_when_aws_says_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.create("/aws/lambda/a", filters=[FOREIGN, THEIRS])
    world.run(world.subscriber(), SCHEDULE)

    counts = embedded(capsys)
    assert counts["log_groups_skipped"] == [1]
    assert counts["log_groups_failed"] == [0]


def test_a_pattern_that_takes_too_long_is_a_failure_of_the_group_alone(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.create("/aws/lambda/a", LONG)
    world.run(world.subscriber(INCLUDE=f"/aws/lambda/a,{SLOW}"), SCHEDULE)

    assert world.subscribed() == {"/aws/lambda/a"}
    assert embedded(capsys)["log_groups_failed"] == [1]


def test_throttling_of_every_third_call_loses_nothing(world: World) -> None:
    world.create(*GROUPS)
    for operation in ("DescribeLogGroups", "DescribeSubscriptionFilters", "PutSubscriptionFilter"):
        world.refuse(operation, "ThrottlingException", every=3)

    world.run(world.subscriber(), SCHEDULE)
    assert world.subscribed() == set(GROUPS)


@pytest.mark.parametrize("operation", ["DescribeLogGroups", "DescribeSubscriptionFilters", "PutSubscriptionFilter"])
def test_throttling_several_times_in_a_row_loses_nothing(world: World, operation: str) -> None:
    world.create("/aws/lambda/a")
    world.refuse(operation, "ThrottlingException", times=5)
    world.run(world.subscriber(), SCHEDULE)
    assert world.subscribed() == {"/aws/lambda/a"}


def test_a_group_that_fails_holds_up_no_other(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.create("/aws/lambda/a", "/aws/lambda/b", "/aws/lambda/c")
    world.refuse("PutSubscriptionFilter", "AccessDeniedException", group="/aws/lambda/a")
    world.refuse("DescribeSubscriptionFilters", "AccessDeniedException", group="/aws/lambda/b")

    world.run(world.subscriber(), SCHEDULE)
    assert world.subscribed() == {"/aws/lambda/c"}
    assert embedded(capsys)["log_groups_failed"] == [2]


def test_if_the_groups_cannot_be_listed_the_invocation_fails(world: World) -> None:
    world.refuse("DescribeLogGroups", "AccessDeniedException")
    with pytest.raises(AwsError, match="DescribeLogGroups failed: AccessDeniedException"):
        world.run(world.subscriber(), SCHEDULE)


def test_what_does_not_fit_into_one_invocation_goes_on_in_others(world: World) -> None:
    world.create(*GROUPS)
    world.latency = 0.05

    assert world.run(world.subscriber(), SCHEDULE, seconds=10) == 5
    assert world.subscribed() == set(GROUPS)
    assert world.count("PutSubscriptionFilter") == len(GROUPS)


def test_a_long_chain_ends_before_lambda_ends_it(world: World) -> None:
    world.create(*GROUPS)
    assert world.run(world.subscriber(MAX_ROUNDS="3"), SCHEDULE, seconds=4) == 3


def test_a_killed_run_and_another_end_the_same_as_one(world: World) -> None:
    world.create(*GROUPS[:60])
    world.create("/aws/lambda/x", filters=[FOREIGN])
    subscriber = world.subscriber()
    world.stop_at = len(world.calls) + 75
    with pytest.raises(SystemExit):
        world.run(subscriber, SCHEDULE)
    assert 0 < len(world.subscribed()) < 61

    world.run(subscriber, SCHEDULE)
    assert world.subscribed() == {*GROUPS[:60], "/aws/lambda/x"}


def test_changes_are_paced(world: World) -> None:
    world.create(*GROUPS)
    began = world.clock.now()
    world.run(world.subscriber(CALLS_PER_SECOND="4"), SCHEDULE)
    assert world.clock.now() - began == pytest.approx((len(GROUPS) - 4) / 4, abs=1)


def test_reading_is_paced_as_well(world: World) -> None:
    world.create(*GROUPS, filters=[OWN])
    began = world.clock.now()
    world.run(world.subscriber(CALLS_PER_SECOND="4"), SCHEDULE)
    assert world.clock.now() - began == pytest.approx((len(GROUPS) - 4) / 4, abs=1)


@pytest.mark.parametrize(
    ("tags", "asked"),
    [
        ([f"team=t{number}" for number in range(20)], [[f"t{number}" for number in range(20)]]),
        ([f"team=t{number}" for number in range(21)], [[]]),
        (["team=t0", *(f"key{number}" for number in range(50))], [["t0"], *[[]] * 49]),
    ],
    ids=["twenty values", "more values", "more keys"],
)
def test_the_tagging_api_is_never_asked_for_more_than_it_takes(
    world: World, monkeypatch: pytest.MonkeyPatch, tags: list[str], asked: list[list[str]]
) -> None:
    everything = {"team": "t0"} | {f"key{number}": "" for number in range(50)}
    world.create("/aws/lambda/a", tags=everything)
    world.create("/aws/lambda/b", tags={**everything, "team": "other"})
    told: list[Any] = []
    resources = world._resources

    def ask(each: Mapping[str, Any]) -> dict[str, Any]:
        told.append(each["TagFilters"])
        return resources(each)

    monkeypatch.setattr(world, "_resources", ask)
    world.run(world.subscriber(TAGS=",".join(tags)), SCHEDULE)
    assert world.subscribed() == {"/aws/lambda/a"}
    assert [each["Values"] for each in told[0]] == asked


def test_a_tag_without_a_value_is_enough_if_none_is_wanted(world: World) -> None:
    world.create("/aws/lambda/a", tags={"env": "prod"})
    world.create("/aws/lambda/b", tags={"team": "shop"})
    world.run(world.subscriber(TAGS="env"), SCHEDULE)
    assert world.subscribed() == {"/aws/lambda/a"}


@pytest.mark.parametrize(
    ("state", "subscribed"),
    [
        ({"stack_status": "DELETE_IN_PROGRESS"}, set()),
        ({"stack_status": "ROLLBACK_IN_PROGRESS"}, set()),
        ({"stack_status": "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "stack_subscribes": "false"}, set()),
        ({"stack_status": "UPDATE_IN_PROGRESS"}, {"/aws/lambda/a"}),
        ({"stack_status": "UPDATE_ROLLBACK_COMPLETE", "stack_updated": "2026-11-22"}, {"/aws/lambda/a"}),
    ],
)
def test_nothing_is_subscribed_once_the_stack_or_its_subscriber_is_being_deleted(
    world: World, state: dict[str, str], subscribed: set[str]
) -> None:
    world.create("/aws/lambda/a")
    for name, value in state.items():
        setattr(world, name, value)
    world.run(world.subscriber(STACK_ID="arn:stack"), SCHEDULE)
    assert world.subscribed() == subscribed


@pytest.mark.parametrize(
    "state",
    [
        {"stack_status": "DELETE_IN_PROGRESS"},
        {"stack_subscribes": "false"},
        {"stack_status": "UPDATE_IN_PROGRESS", "stack_updated": "2026-11-23"},
        {"stack_status": "UPDATE_ROLLBACK_IN_PROGRESS"},
    ],
    ids=str,
)
def test_a_run_that_is_under_way_stops_when_the_stack_is_deleted_changed_or_rolled_back(
    world: World, state: dict[str, str]
) -> None:
    world.create(*GROUPS)
    world.latency, world.stack_updated = 0.05, "2026-11-22"
    subscriber = world.subscriber(STACK_ID="arn:stack")
    subscriber.handle(SCHEDULE, world.context(10))
    (going_on,) = world.invoked
    for name, value in state.items():
        setattr(world, name, value)
    before = world.subscribed()

    subscriber.handle(going_on, world.context(900))
    assert world.subscribed() == before


def test_a_run_that_began_during_an_update_goes_on_when_that_is_complete(world: World) -> None:
    world.create(*GROUPS)
    world.latency, world.stack_updated, world.stack_status = 0.05, "2026-11-22", "UPDATE_IN_PROGRESS"
    subscriber = world.subscriber(STACK_ID="arn:stack")
    subscriber.handle(SCHEDULE, world.context(10))
    world.stack_status = "UPDATE_COMPLETE"

    world.run(subscriber, world.invoked.pop())
    assert world.subscribed() == set(GROUPS)


def test_functions_that_get_the_same_events_do_not_loop_whatever_their_log_group_is(world: World) -> None:
    world.create("/aws/lambda/a", "/aws/lambda/copy", "/custom/copy")
    world.configurations["copy"] = {"LoggingConfig": {"LogGroup": "/custom/copy"}}
    world.run(world.subscriber(INCLUDE="*", PROTECTED_FUNCTIONS="copy"), SCHEDULE)
    assert world.subscribed() == {"/aws/lambda/a"}


def test_a_function_whose_log_group_cannot_be_read_is_warned_of(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.create("/aws/lambda/a", "/aws/lambda/copy")
    world.refuse("GetFunctionConfiguration", "AccessDeniedException")
    world.run(world.subscriber(PROTECTED_FUNCTIONS="copy"), SCHEDULE)
    assert world.subscribed() == {"/aws/lambda/a"}
    assert "exclude it, unless it is /aws/lambda/copy." in capsys.readouterr().out


def test_a_stack_that_cannot_be_asked_about_is_assumed_to_stay(world: World) -> None:
    world.create("/aws/lambda/a")
    world.refuse("DescribeStacks", "AccessDenied")
    world.run(world.subscriber(STACK_ID="arn:stack"), SCHEDULE)
    assert world.subscribed() == {"/aws/lambda/a"}


def test_a_stack_that_cannot_be_asked_about_for_now_costs_next_to_no_time(world: World) -> None:
    world.create(*GROUPS)
    world.refuse("DescribeStacks", "Throttling")
    began = world.clock.now()
    world.run(world.subscriber(STACK_ID="arn:stack"), SCHEDULE)
    in_the_end = 3 * 20 + 0.5 * 63  # seconds at most, for as many attempts as with any other call
    assert world.subscribed() == set(GROUPS)
    assert world.clock.now() - began < len(GROUPS) / 4 + in_the_end


def test_a_filter_with_another_pattern_is_updated(world: World) -> None:
    world.create("/aws/lambda/a", filters=[Filter(OWN.name, OWN.destination, "?OLD")])
    world.run(world.subscriber(FILTER_PATTERN="?NEW"), SCHEDULE)
    assert world.filters()["/aws/lambda/a"][OWN.name][1] == "?NEW"


def test_the_error_for_an_unsupported_event_names_its_keys(world: World) -> None:
    with pytest.raises(UnsupportedEventError, match="Unsupported event with the keys: a, b"):
        world.run(world.subscriber(), {"b": 1, "a": 2})


@pytest.mark.parametrize("event", [None, [], "reconcile", 1], ids=repr)
def test_what_is_not_an_object_is_an_unsupported_event(world: World, event: Any) -> None:
    with pytest.raises(UnsupportedEventError, match="Unsupported event: it is not a JSON object"):
        world.run(world.subscriber(), event)


@pytest.mark.parametrize("job", [None, {}, {"kind": "nonsense"}, {"kind": "removal"}, {"cursor": 1}], ids=str)
def test_what_is_not_a_job_cannot_be_continued(world: World, job: object) -> None:
    with pytest.raises(UnsupportedEventError, match="Unsupported event: its 'continue' is not a job"):
        world.run(world.subscriber(), {"continue": job})
