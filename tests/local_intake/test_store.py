"""The store: what it keeps over time, with concurrent requests, and when it only counts."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from local_intake.records import Contents, Request, Row
from local_intake.server import LocalIntake
from local_intake.store import CountingStore, SqliteStore, StoreError

KEY = {"DD-API-KEY": "x" * 32}
SENDERS, LOGS_EACH = 20, 1000


def request(status: int = 202) -> Request:
    return Request(seq=0, received_at=1.5, signal="logs", path="/api/v2/logs", status=status, wire_bytes=10)


def log_row(message: str = "x", identity: str = "1") -> Row:
    return (identity, 2, message, "s", "v", "h", "t", False, '{"message":"x"}')


def post_many(url: str) -> set[int]:
    def post(sender: int) -> int:
        logs = [{"message": f"{sender}.{number}"} for number in range(LOGS_EACH)]
        return requests.post(f"{url}/api/v2/logs", json=logs, headers=KEY, timeout=30).status_code

    with ThreadPoolExecutor(SENDERS) as senders:
        return set(senders.map(post, range(SENDERS)))


def test_twenty_full_requests_at_once_are_all_kept_each_in_one_piece(tmp_path: Path) -> None:
    with LocalIntake(SqliteStore(tmp_path / "intake.sqlite")) as intake:
        assert post_many(intake.url) == {202}
        logs = intake.store.logs()
    assert len(logs) == SENDERS * LOGS_EACH
    for start in range(0, len(logs), LOGS_EACH):
        piece = logs[start : start + LOGS_EACH]
        sender = str(piece[0].message).split(".")[0]
        assert [log.message for log in piece] == [f"{sender}.{number}" for number in range(LOGS_EACH)]
        assert len({log.request_seq for log in piece}) == 1


def test_a_counting_store_has_the_same_stats_and_keeps_nothing() -> None:
    with LocalIntake(CountingStore()) as counting, LocalIntake() as keeping:
        post_many(counting.url)
        post_many(keeping.url)
        assert counting.store.stats() == keeping.store.stats()
        assert (counting.store.logs(), counting.store.requests()) == ([], [])


def test_a_file_is_found_as_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "intake.sqlite"
    with closing(SqliteStore(path)) as store:
        store.add(request(), Contents([log_row()]))
        stats, logs, kept = store.stats(), store.logs(), store.requests()
    with closing(SqliteStore(path)) as store:
        assert (store.stats(), store.logs(), store.requests()) == (stats, logs, kept)


def test_another_process_can_read_the_file_at_the_same_time_in_the_order_of_the_logs_ids(tmp_path: Path) -> None:
    path = tmp_path / "intake.sqlite"
    with closing(SqliteStore(path)) as store, closing(sqlite3.connect(path)) as reader:
        store.add(request(), Contents([log_row("second", "2")]))
        store.add(request(), Contents([log_row("first", "1")]))
        rows = reader.execute("SELECT message FROM logs ORDER BY id").fetchall()
    assert rows == [("first",), ("second",)]


def test_a_request_is_kept_whole_or_not_at_all() -> None:
    with closing(SqliteStore()) as store:
        with pytest.raises(sqlite3.Error):
            store.add(request(), Contents([log_row(), ("too short",)]))
        assert (store.requests(), store.logs(), store.stats().requests) == ([], [], 0)


def test_the_order_of_arrival_continues_after_a_clear_so_that_a_reader_misses_nothing() -> None:
    with closing(SqliteStore()) as store:
        store.add(request(), Contents([log_row()]))
        last = store.logs()[-1].seq
        store.clear()
        store.add(request(), Contents([log_row("new")]))
        assert [log.message for log in store.logs(after=last)] == ["new"]


def test_stats_are_a_copy() -> None:
    store = CountingStore()
    store.add(request(status=503), Contents())
    store.stats().refused.clear()
    assert store.stats().refused == {503: 1}


def test_a_file_that_is_not_a_database_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look at" * 100)
    with pytest.raises(StoreError, match=r"notes\.txt cannot be opened"):
        SqliteStore(path)


def test_a_store_in_a_folder_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore(tmp_path / "missing" / "intake.sqlite")


def test_a_store_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "intake.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="another version"):
        SqliteStore(path)
