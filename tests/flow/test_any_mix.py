"""The promise behind all others: whatever comes in and whatever the intake answers, the books balance and are true."""

import contextlib
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forwarder.errors import DeliveryError
from local_intake.server import LocalIntake
from tests.builders import awslogs_event, context
from tests.flow.support import COFFEE, Said, Start, arrived, delivered, is_balanced

REPORT = "REPORT RequestId: {}\tDuration: 1 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 48 MB\t\n"
LINES = st.sampled_from(
    [
        "plain",
        "",
        "drop me",
        "secret=1",
        "x" * 600_000,
        '{"level":"info","ddtags":"env:prod"}',
        '{"m":"a","v":NaN,"e":1,"t":[]}',
        COFFEE,
        COFFEE.replace("latte", "mocha"),
        COFFEE.replace("latte", "drop me"),
        REPORT,
        "2026-11-22T10:24:31.000Z 0c9d2f4e-6a1b Task timed out after 3.00 seconds",
    ]
)
BAD_LINES: st.SearchStrategy[object] = st.sampled_from([None, 7, [], {"a": "b"}])
# A stretch of equal lines: long ones fill several requests.
STRETCHES = st.lists(st.tuples(LINES | BAD_LINES, st.sampled_from([1, 2, 9]) | st.just(1100)), max_size=4)
STATUSES = st.sampled_from([202, 400, 413, 429, 500, 503])
# So many answers of a kind in a row: six use a batch's attempts up.
SCRIPTS = st.lists(st.tuples(STATUSES, st.sampled_from(["logs", "metrics"]), st.sampled_from([1, 2, 6])), max_size=8)
MOST_BYTES = 10_000_000


def event_of(stretches: list[tuple[object, int]]) -> dict[str, object]:
    """Return an event of these lines, without the end of what AWS would never send at once."""
    messages, size = [], 0
    for line, count in stretches:
        size += len(str(line)) * count
        messages += [line] * count if size < MOST_BYTES else []
    return awslogs_event(logEvents=[{"id": str(n), "timestamp": 1, "message": text} for n, text in enumerate(messages)])


@settings(
    max_examples=50,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(stretches=STRETCHES, script=SCRIPTS)
def test_the_books_balance_and_what_they_call_delivered_is_what_arrived(
    start: Start,
    intake: LocalIntake,
    said: Said,
    stretches: list[tuple[object, int]],
    script: list[tuple[int, str, int]],
) -> None:
    intake.store.clear()
    intake.script.replace(
        {"status": status, "signal": signal, "times": times, "headers": {"Retry-After": "0"}}
        for status, signal, times in script
    )
    forwarder = start(DD_LOG_LEVEL="INFO", EXCLUDE_AT_MATCH="drop me", DD_SCRUBBING_RULE="secret=.*")
    with contextlib.suppress(DeliveryError):
        forwarder.handle(event_of(stretches), context())
    books = said.summaries[-1]
    assert is_balanced(books)
    assert delivered(books) == arrived(intake)
    forwarder.close()
