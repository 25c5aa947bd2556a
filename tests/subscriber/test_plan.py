"""What is, and what should be, become decisions."""

from dataclasses import replace

import pytest

from subscriber.calls import Calls, Pace
from subscriber.log_groups import LogGroups
from subscriber.plan import Ours, Removal
from subscriber.records import Decision, Filter, Skip, Subscribe, Unsubscribe, Update
from subscriber.survey import Survey, look_at
from tests.clocks import processor_seconds
from tests.subscriber.memory import MemoryClients, MemoryLogs
from tests.subscriber.support import FOREIGN, FORWARDER, INCUMBENT, OURS, OWN, STREAM, THEIRS, Clock, group, wanted

EVERYTHING = wanted("*")
MOVE = wanted("*", take_over=("old",))


def decide(*filters: Filter, **fields: object) -> Decision:
    """Decide on a group with a policy that wants everything."""
    return EVERYTHING.decide(group("a", *filters, **fields))


def said(decision: Decision) -> tuple[str, str]:
    return decision.verb, decision.reason


# --- one group ------------------------------------------------------------------------------------


def test_a_wanted_group_without_our_filter_is_subscribed() -> None:
    assert decide(FOREIGN) == Subscribe(group("a", FOREIGN), "wanted", OWN)


def test_a_group_with_our_filter_is_left_alone() -> None:
    assert said(decide(OWN)) == ("skip", "subscribed")


def test_our_filter_with_another_pattern_is_updated() -> None:
    old = replace(OWN, pattern="?ERROR")
    assert decide(old) == Update(group("a", old), "its filter pattern differs", OWN)


def test_our_filter_is_removed_from_a_group_that_is_no_longer_wanted() -> None:
    unwanted = group("b", OWN, FOREIGN)
    assert wanted("/a/").decide(unwanted) == Unsubscribe(unwanted, "not included", (OWN,))


@pytest.mark.parametrize("log_class", ["INFREQUENT_ACCESS", "DELIVERY", "ANY_NEW_ONE"])
def test_other_log_classes_are_skipped(log_class: str) -> None:
    assert said(decide(log_class=log_class)) == ("skip", f"log class {log_class} does not support filters")


def test_a_filter_of_our_name_that_leads_elsewhere_is_not_overwritten() -> None:
    assert said(decide(Filter(OWN.name, STREAM))) == ("skip", "a filter of that name leads elsewhere")


@pytest.mark.parametrize("destination", [FORWARDER, f"{FORWARDER}:live"])
def test_a_group_that_somebody_subscribed_to_the_forwarder_is_not_subscribed_twice(destination: str) -> None:
    assert said(decide(Filter("mine", destination))) == ("skip", "the filter mine leads to the forwarder already")


def test_a_group_that_aws_said_is_full_is_skipped_and_its_filters_are_named() -> None:
    assert said(decide(FOREIGN, THEIRS, full=True)) == ("skip", "AWS allows no more filters besides: lake, old")


# --- taking over ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["incumbent", INCUMBENT, f"{INCUMBENT}:live"])
def test_a_filter_that_leads_to_a_version_is_taken_over_by_its_function(name: str) -> None:
    versioned = replace(THEIRS, destination=f"{INCUMBENT}:live")
    moved = wanted("*", take_over=(name,)).decide(group("a", versioned))
    assert moved == Subscribe(group("a", versioned), "takes over: old", OWN, (versioned,))


@pytest.mark.parametrize("name", ["old", "incumbent", INCUMBENT])
def test_a_filter_is_taken_over_by_its_name_or_its_function(name: str) -> None:
    moved = wanted("*", take_over=(name,)).decide(group("a", FOREIGN, THEIRS))
    assert moved == Subscribe(group("a", FOREIGN, THEIRS), "takes over: old", OWN, (THEIRS,))


def test_where_the_limit_is_reached_theirs_makes_room() -> None:
    full = group("a", FOREIGN, THEIRS, full=True)
    assert MOVE.decide(full) == Subscribe(full, "takes over: old", OWN, (THEIRS,), makes_room=True)


def test_where_nothing_is_to_be_taken_over_a_full_group_is_skipped() -> None:
    assert isinstance(MOVE.decide(group("a", FOREIGN, full=True)), Skip)


def test_a_move_that_was_cut_short_is_finished() -> None:
    both = group("a", OWN, THEIRS)
    assert MOVE.decide(both) == Unsubscribe(both, "taken over: old", (THEIRS,))


def test_a_filter_of_our_own_name_can_be_taken_over() -> None:
    same = Filter(OWN.name, INCUMBENT)
    decision = wanted("*", take_over=("incumbent",)).decide(group("a", same))
    assert decision == Subscribe(group("a", same), f"takes over: {OWN.name}", OWN, (same,))


def test_what_is_ours_is_not_taken_over_whatever_is_named() -> None:
    assert said(wanted("*", take_over=(OWN.name, FORWARDER)).decide(group("a", OWN))) == ("skip", "subscribed")


def test_filters_that_were_ours_under_former_settings_are_replaced() -> None:
    before = Ours(OURS.forwarder, "former")
    former = Filter("former", FORWARDER)
    decision = wanted("*", previous=before).decide(group("a", former))
    assert decision == Subscribe(group("a", former), "takes over: former", OWN, (former,))


@pytest.mark.parametrize("filters", [(), (OWN,)])
def test_filters_that_were_ours_are_removed_from_groups_that_are_not_wanted(filters: tuple[Filter, ...]) -> None:
    former = Filter("former", FORWARDER)
    unwanted = group("b", FOREIGN, *filters, former)
    decision = wanted("/a/", previous=Ours(OURS.forwarder, "former")).decide(unwanted)
    assert decision == Unsubscribe(unwanted, "not included", (*filters, former))


def test_theirs_stay_in_groups_that_are_not_wanted() -> None:
    assert isinstance(wanted("/a/", take_over=("old",)).decide(group("b", THEIRS)), Skip)


# --- removal --------------------------------------------------------------------------------------


def test_a_removal_removes_our_filter_and_no_other() -> None:
    mixed = group("a", FOREIGN, OWN, Filter("mine", FORWARDER))
    assert Removal(OURS).decide(mixed) == Unsubscribe(mixed, "ours", (OWN,))


def test_a_removal_leaves_a_filter_of_our_name_that_leads_elsewhere() -> None:
    assert isinstance(Removal(OURS).decide(group("a", Filter(OWN.name, STREAM))), Skip)


def test_what_makes_a_filter_ours_survives_as_one_string() -> None:
    assert Ours.of_id(OURS.id) == OURS


@pytest.mark.parametrize("text", ["", "not-created", "name:arn:aws:sqs:eu-west-1:123456789012:q"])
def test_a_string_that_is_not_such_an_id_makes_nothing_ours(text: str) -> None:
    assert Ours.of_id(text) is None


# --- ten thousand -----------------------------------------------------------------------------------

TEAM = {"team": "shop"}
WISH = wanted(
    "/aws/lambda/",
    "/aws/*/prod-*",
    "regex:^/ecs/(api|web)",
    exclude=["*-test"],
    tags=["team=shop", "team=web"],
    protected=frozenset({"/aws/lambda/forwarder"}),
)
# Name, filters, other fields, and the expected decision. Names with a placeholder make one group for each number.
KINDS: list[tuple[str, tuple[Filter, ...], dict[str, object], tuple[str, str]]] = [
    ("/aws/lambda/new-{}", (), {"tags": TEAM}, ("subscribe", "wanted")),
    ("/aws/lambda/own-{}", (OWN,), {"tags": TEAM}, ("skip", "subscribed")),
    ("/aws/lambda/pattern-{}", (replace(OWN, pattern="x"),), {"tags": TEAM}, ("update", "its filter pattern differs")),
    ("/aws/lambda/foreign-{}", (FOREIGN,), {"tags": {"team": "web"}}, ("subscribe", "wanted")),
    (
        "/aws/lambda/full-{}",
        (FOREIGN, THEIRS),
        {"tags": TEAM},
        ("subscribe", "wanted, if AWS allows a filter besides: lake, old"),
    ),
    ("/aws/lambda/excluded-{}-test", (), {"tags": TEAM}, ("skip", "excluded by *-test")),
    ("/aws/lambda/left-{}-test", (OWN, FOREIGN), {"tags": TEAM}, ("unsubscribe", "excluded by *-test")),
    (
        "/aws/lambda/rare-{}",
        (),
        {"tags": TEAM, "log_class": "INFREQUENT_ACCESS"},
        ("skip", "log class INFREQUENT_ACCESS does not support filters"),
    ),
    ("/aws/rds/prod-{}", (), {"tags": TEAM}, ("subscribe", "wanted")),
    ("/aws/rds/dev-{}", (FOREIGN,), {"tags": TEAM}, ("skip", "not included")),
    ("/ecs/api-{}", (), {"tags": {"team": "ops"}}, ("skip", "not tagged team=shop|web")),
    ("/ecs/web-{}", (OWN,), {}, ("unsubscribe", "not tagged team=shop|web")),
]


NUMBERED = [KINDS[number % len(KINDS)] for number in range(9_999)]
GROUPS = [
    *(group(name.format(number), *filters, **fields) for number, (name, filters, fields, _) in enumerate(NUMBERED)),
    group("/aws/lambda/forwarder", tags=TEAM),
]


def test_ten_thousand_groups_are_decided_right_to_the_group() -> None:
    log_groups = LogGroups(MemoryClients(MemoryLogs(GROUPS)), Calls(Pace(4, Clock())))
    outcomes = [look_at(found, log_groups, WISH) for found in Survey(log_groups, WISH)]

    right = dict(
        zip((each.name for each in GROUPS), [*(each for *_, each in NUMBERED), ("skip", "would loop")], strict=True)
    )
    assert {each.decision.group.name: said(each.decision) for each in outcomes} == right
    assert len(outcomes) == len(GROUPS)


def test_ten_thousand_groups_are_decided_in_less_than_a_second() -> None:
    assert processor_seconds(lambda: [WISH.skip_without_reading(each) or WISH.decide(each) for each in GROUPS]) < 1
