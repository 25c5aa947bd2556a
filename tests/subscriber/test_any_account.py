"""Properties: whatever is in an account, and whatever the limit of filters in it is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from subscriber.apply import Apply
from subscriber.calls import Calls, Pace
from subscriber.log_groups import LogGroups
from subscriber.plan import Policy, Removal
from subscriber.records import Filter, LogGroup, Outcome, Skip
from subscriber.survey import Survey
from tests.subscriber.memory import MemoryClients, MemoryLogs
from tests.subscriber.support import FOREIGN, FORWARDER, OURS, OWN, STREAM, THEIRS, Clock, group, wanted

FILTERS = [OWN, Filter(OWN.name, FORWARDER, "x"), Filter(OWN.name, STREAM), Filter("mine", FORWARDER), FOREIGN, THEIRS]
NAMES = ["/aws/lambda/a", "/aws/lambda/b-test", "/aws/lambda/c", "/aws/lambda/d", "/ecs/e", "f"]
CLASSES = st.sampled_from(["STANDARD"] * 5 + ["DELIVERY"])
LIMITS = st.integers(min_value=2, max_value=5)


@st.composite
def accounts(draw: st.DrawFn) -> list[LogGroup]:
    """Draw groups, each with at most two filters of different names."""
    found = []
    for name in draw(st.sets(st.sampled_from(NAMES))):
        filters = draw(st.lists(st.sampled_from(FILTERS), max_size=2, unique_by=lambda each: each.name))
        log_class = draw(CLASSES)
        found.append(group(name, *(filters if log_class == "STANDARD" else ()), log_class=log_class))
    return found


wishes = st.builds(
    wanted,
    st.sampled_from(["/aws/lambda/", "*", "/ecs/*"]),
    exclude=st.sampled_from([(), ("*-test",)]),
    pattern=st.sampled_from(["", "x"]),
    take_over=st.sampled_from([(), ("old",), ("incumbent",), ("nobody",)]),
    protected=st.sampled_from([frozenset(), frozenset({"/aws/lambda/c"})]),
)


def run(logs: MemoryLogs, policy: Policy) -> list[Outcome]:
    """Apply the policy to all groups."""
    log_groups = LogGroups(MemoryClients(logs), Calls(Pace(4, Clock())))
    apply = Apply(log_groups, policy)
    return [apply.to(group) for group in Survey(log_groups, policy)]


def others(logs: MemoryLogs) -> dict[str, list[Filter]]:
    """Return the filters that are neither ours nor to be taken over, in no order."""
    left = {
        name: [each for each in found.filters if not OURS.has(each) and each != THEIRS]
        for name, found in logs.groups.items()
    }
    return {name: sorted(filters, key=lambda each: each.name) for name, filters in left.items()}


@settings(deadline=None)  # the machine may be busy
@given(account=accounts(), wish=wishes, limit=LIMITS)
def test_once_a_plan_is_carried_out_there_is_nothing_left_to_do(
    account: list[LogGroup], wish: Policy, limit: int
) -> None:
    logs = MemoryLogs(account, limit)
    first = run(logs, wish)
    after = dict(logs.groups)

    second = run(logs, wish)
    assert not any(outcome.error for outcome in [*first, *second])
    assert all(isinstance(outcome.decision, Skip) for outcome in second)
    assert logs.groups == after


@settings(deadline=None)  # the machine may be busy
@given(account=accounts(), wish=wishes, limit=LIMITS)
def test_other_peoples_filters_are_never_touched(account: list[LogGroup], wish: Policy, limit: int) -> None:
    logs = MemoryLogs(account, limit)
    before = others(logs)
    run(logs, wish)
    run(logs, Removal(OURS))
    assert others(logs) == before


@settings(deadline=None)  # the machine may be busy
@given(account=accounts(), wish=wishes, limit=LIMITS)
def test_a_removal_leaves_none_of_our_filters(account: list[LogGroup], wish: Policy, limit: int) -> None:
    logs = MemoryLogs(account, limit)
    run(logs, wish)
    run(logs, Removal(OURS))
    assert not [each for found in logs.groups.values() for each in found.filters if OURS.has(each)]


@settings(deadline=None)  # the machine may be busy
@given(account=accounts(), wish=wishes, limit=LIMITS)
def test_after_a_move_a_group_has_our_filter_or_theirs(account: list[LogGroup], wish: Policy, limit: int) -> None:
    logs = MemoryLogs(account, limit)
    had = {found.name for found in account if THEIRS in found.filters}
    run(logs, wish)
    for name in had:
        assert THEIRS in logs.groups[name].filters or any(OURS.has(each) for each in logs.groups[name].filters)
