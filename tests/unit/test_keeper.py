"""What failed is stored while the pipeline continues, within the remaining time."""

import threading
import time
from collections.abc import Iterator

import pytest

from forwarder.deadline import Deadline
from forwarder.failed_events import Keeper
from forwarder.failed_events.store import Unstored
from forwarder.failed_events.stored_batch import event_of
from forwarder.records import Batch, Continuation, Failed, Fate, Rejection, S3Object, Signal, StoreSummary, Unread
from tests.fakes import FakeStore, Trouble


class Recording(FakeStore):
    """A store that remembers the records set aside, and whose `put` can be held up."""

    def __init__(self, *script: Trouble) -> None:
        super().__init__(script)
        self.records: list[dict[str, object]] = []
        self.free = threading.Event()
        self.free.set()

    def put(self, batch: Batch) -> Unstored:
        self.free.wait(10)
        return super().put(batch)

    def reject_records(self, records: list[dict[str, object]]) -> str:
        self.records += records
        return super().reject_records(records)


@pytest.fixture
def slow() -> Iterator[Recording]:
    """Return a store that stores nothing before the end of the test."""
    store = Recording()
    store.free.clear()
    yield store
    store.free.set()


def failed(items: int = 2, fate: Fate = Fate.RETRY) -> Failed:
    return Failed(Batch.of(Signal.LOGS, [b"{}"] * items, [(0, items)]), fate, "status 503", 503)


def soon() -> Deadline:
    return Deadline.after(10)


def noted(*, keeps_raw: bool, raw: str = "the text") -> dict[str, object]:
    """Return the record that is set aside of one that cannot be read."""
    store = Recording()
    keeper = Keeper(store, keeps_raw=keeps_raw)
    keeper.note(Rejection("its gzip is corrupt", "record 3", 7, raw=raw), "a stream, record 3")
    keeper.finish(soon())
    (record,) = store.records
    return record


def test_a_batch_is_stored_with_one_more_failure() -> None:
    store = Recording()
    keeper = Keeper(store, keeps_raw=True)
    before = time.time() - 0.01
    keeper.keep(failed())
    keeper.finish(soon())
    (history,) = [batch.history for batch in store.stored]
    assert (history.attempts, history.reason, before < history.first_failure < time.time() + 0.01) == (
        1,
        "status 503",
        True,
    )


def test_it_says_how_much_of_each_batch_was_kept() -> None:
    keeper = Keeper(Recording(Trouble.HALF), keeps_raw=True)
    keeper.keep(failed(5))
    (kept,) = keeper.finish(soon()).results
    assert (kept.stored, [batch.count for batch in kept.left]) == (2, [3])


def test_without_a_store_everything_is_left() -> None:
    keeper = Keeper(None, keeps_raw=True)
    keeper.keep(failed())
    keeper.set_aside(failed(fate=Fate.REJECT))
    keeper.note(Rejection("no", "record 3"), "record 3")
    (kept,) = keeper.finish(soon()).results
    assert (kept.stored, [batch.count for batch in kept.left]) == (0, [2])


def test_what_is_not_stored_by_the_deadline_counts_as_not_stored(slow: Recording) -> None:
    keeper = Keeper(slow, keeps_raw=True)
    keeper.keep(failed())
    (kept,) = keeper.finish(Deadline.after(0.05)).results
    assert (kept.stored, [batch.count for batch in kept.left]) == (0, [2])


def test_that_a_store_did_not_respond_is_reported_with_its_name(slow: Recording) -> None:
    said: list[str] = []
    keeper = Keeper(slow, keeps_raw=True, warn=said.append)
    keeper.keep(failed())
    keeper.finish(Deadline.after(0.05))
    assert said == [f"Undelivered batches could not be stored in {slow}: it did not answer in time."]


@pytest.mark.parametrize("store", [None, Recording()])
def test_nothing_is_said_where_there_is_no_store_or_it_works(store: FakeStore | None) -> None:
    said: list[str] = []
    keeper = Keeper(store, keeps_raw=True, warn=said.append)
    keeper.keep(failed())
    keeper.leave(UNREAD, EVENT)
    keeper.finish(soon())
    assert said == []


@pytest.mark.parametrize("trouble", [Trouble.FAILS, Trouble.HALF])
def test_an_error_of_a_store_is_reported_with_its_name(trouble: Trouble) -> None:
    said: list[str] = []
    store = Recording(trouble)
    keeper = Keeper(store, keeps_raw=True, warn=said.append)
    keeper.keep(failed())
    keeper.finish(soon())
    assert said == [f"Undelivered batches could not be stored in {store}: the script says so."]


def test_many_batches_are_stored_concurrently(slow: Recording) -> None:
    keeper = Keeper(slow, keeps_raw=True)
    for _ in range(100):
        keeper.keep(failed())  # does not wait
    slow.free.set()
    assert sum(result.stored for result in keeper.finish(soon()).results) == 200


def test_what_is_rejected_is_set_aside_and_not_among_what_is_kept() -> None:
    store = Recording()
    keeper = Keeper(store, keeps_raw=True)
    keeper.set_aside(failed(fate=Fate.REJECT))
    assert (keeper.finish(soon()).results, [batch.count for batch in store.rejected]) == ([], [2])


UNREAD = Unread(3, "the time was up", "s3://bucket/key", Continuation(S3Object("bucket", "key"), "etag", 7))
EVENT: dict[str, object] = {"continuation": {}}


def test_a_note_of_where_to_continue_is_stored() -> None:
    store = Recording()
    keeper = Keeper(store, keeps_raw=True)
    keeper.leave(UNREAD, EVENT)
    assert keeper.finish(soon()) == StoreSummary([], [], 1)
    assert [event_of(record) for record in store.waiting.values()] == [EVENT]


def test_what_is_unread_and_cannot_be_noted_stays_unread() -> None:
    keeper = Keeper(Recording(Trouble.FAILS), keeps_raw=True)
    keeper.leave(UNREAD, EVENT)
    assert keeper.finish(soon()) == StoreSummary([], [UNREAD], 0)


@pytest.mark.parametrize(("store", "event"), [(None, EVENT), (FakeStore(), None)])
def test_what_is_unread_stays_so_without_a_store_or_without_a_position_to_continue_from(
    store: FakeStore | None, event: dict[str, object] | None
) -> None:
    keeper = Keeper(store, keeps_raw=True)
    keeper.leave(UNREAD, event)
    assert keeper.finish(soon()) == StoreSummary([], [UNREAD], 0)


def test_records_are_set_aside_as_one_list() -> None:
    store = Recording()
    keeper = Keeper(store, keeps_raw=True)
    for number in range(3):
        keeper.note(Rejection("no", ""), f"record {number}")
    keeper.finish(soon())
    assert [record["where"] for record in store.records] == ["record 0", "record 1", "record 2"]


def test_a_record_is_noted_with_its_text() -> None:
    assert noted(keeps_raw=True) == {
        "reason": "its gzip is corrupt",
        "where": "a stream, record 3",
        "count": 7,
        "raw": "the text",
    }


def test_a_record_is_noted_without_its_text_where_something_is_to_be_masked() -> None:
    assert "raw" not in noted(keeps_raw=False)


def test_a_record_without_a_text_has_none() -> None:
    assert "raw" not in noted(keeps_raw=True, raw="")


def test_without_a_store_nothing_of_a_batch_stays_in_memory_but_its_counts() -> None:
    keeper = Keeper(None, keeps_raw=True)
    keeper.keep(failed(3))
    (kept,) = keeper.finish(soon()).results
    assert ([batch.count for batch in kept.left], [batch.body.data for batch in kept.left]) == ([3], [b""])


def test_a_stored_batch_does_not_stay_in_memory() -> None:
    store, batch = Recording(), failed()
    keeper = Keeper(store, keeps_raw=True)
    keeper.keep(batch)
    keeper.finish(soon())
    assert (batch.batch.body.data, [each.count for each in store.stored]) == (b"", [2])


def test_what_waits_to_be_stored_is_bounded(slow: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forwarder.failed_events.keeper.MAX_WAITING_BYTES", 10)
    keeper = Keeper(slow, keeps_raw=True, deadline=Deadline.after(0.1))
    for _ in range(3):
        keeper.keep(failed())
    slow.free.set()
    summary = keeper.finish(soon())
    assert sorted(result.stored for result in summary.results) == [0, 0, 2]
