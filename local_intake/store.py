"""Where rows go: an SQLite database or just counters, behind one interface."""

import copy
import sqlite3
import threading
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from local_intake.records import TABLES, Contents, Log, Metric, Request, Span, Stats, Table

SCHEMA_VERSION = 2
# `seq` is the order of arrival. It keeps increasing after a clear (AUTOINCREMENT), so that a reader that asks for what
# came after one misses nothing.
SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, received_at REAL, signal TEXT, path TEXT, status INTEGER,
    wire_bytes INTEGER, body_bytes INTEGER, entries INTEGER, oversized INTEGER,
    warnings JSON_TEXT, headers JSON_TEXT);
CREATE TABLE IF NOT EXISTS logs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, request_seq INTEGER, id TEXT, timestamp INTEGER, message TEXT,
    source TEXT, service TEXT, host TEXT, tags TEXT, oversized BOOLEAN, attributes JSON_TEXT);
CREATE TABLE IF NOT EXISTS metrics (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, request_seq INTEGER, name TEXT, second INTEGER, value REAL,
    tags JSON_TEXT, host TEXT);
CREATE TABLE IF NOT EXISTS spans (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, request_seq INTEGER, env TEXT, service TEXT, name TEXT, resource TEXT,
    trace_id TEXT, span_id TEXT, parent_id TEXT, start INTEGER, duration INTEGER, error INTEGER, type TEXT,
    meta JSON_TEXT, metrics JSON_TEXT);
"""
INSERT_REQUEST = "INSERT INTO requests VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT: dict[Table, str] = {
    "logs": "INSERT INTO logs VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "metrics": "INSERT INTO metrics VALUES (NULL, ?, ?, ?, ?, ?, ?)",
    "spans": "INSERT INTO spans VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
}
SELECT: dict[type[msgspec.Struct], str] = {
    Request: "SELECT * FROM requests WHERE seq > ? ORDER BY seq LIMIT ?",
    Log: "SELECT * FROM logs WHERE seq > ? ORDER BY seq LIMIT ?",
    Metric: "SELECT * FROM metrics WHERE seq > ? ORDER BY seq LIMIT ?",
    Span: "SELECT * FROM spans WHERE seq > ? ORDER BY seq LIMIT ?",
}
CLEAR = "DELETE FROM requests; DELETE FROM logs; DELETE FROM metrics; DELETE FROM spans;"

NO_LIMIT = -1

# The names are our own types: they take effect only on connections that ask for them, as ours does.
sqlite3.register_converter("JSON_TEXT", msgspec.json.decode)
sqlite3.register_converter("BOOLEAN", lambda value: value != b"0")

Record = TypeVar("Record", bound=msgspec.Struct)


class StoreError(Exception):
    """A store that cannot be opened: one sentence that says which and what to do."""


class Store(Protocol):
    """Keeps what arrived. Any thread may call any method; readers ascend by `seq`."""

    def add(self, request: Request, contents: Contents) -> None:
        """Keep a request and all its rows, or none of it."""

    def requests(self, after: int = 0, limit: int = NO_LIMIT) -> list[Request]:
        """List requests with a `seq` over `after`."""

    def logs(self, after: int = 0, limit: int = NO_LIMIT) -> list[Log]:
        """List logs with a `seq` over `after`."""

    def metrics(self, after: int = 0, limit: int = NO_LIMIT) -> list[Metric]:
        """List metric values with a `seq` over `after`."""

    def spans(self, after: int = 0, limit: int = NO_LIMIT) -> list[Span]:
        """List spans with a `seq` over `after`."""

    def stats(self) -> Stats:
        """Return the totals as they are now."""

    def clear(self) -> None:
        """Delete everything."""

    def close(self) -> None:
        """Close the file, if there is one."""


class CountingStore:
    """Counts and keeps nothing: for load tests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stats = Stats()

    def add(self, request: Request, contents: Contents) -> None:
        """Count a request."""
        _describe(request, contents)
        with self._lock:
            self._stats.add(request)

    def requests(self, after: int = 0, limit: int = NO_LIMIT) -> list[Request]:  # noqa: ARG002 - as in Store
        """Return nothing: nothing is kept."""
        return []

    def logs(self, after: int = 0, limit: int = NO_LIMIT) -> list[Log]:  # noqa: ARG002 - as in Store
        """Return nothing: nothing is kept."""
        return []

    def metrics(self, after: int = 0, limit: int = NO_LIMIT) -> list[Metric]:  # noqa: ARG002 - as in Store
        """Return nothing: nothing is kept."""
        return []

    def spans(self, after: int = 0, limit: int = NO_LIMIT) -> list[Span]:  # noqa: ARG002 - as in Store
        """Return nothing: nothing is kept."""
        return []

    def stats(self) -> Stats:
        """Return the totals as they are now."""
        with self._lock:
            return copy.deepcopy(self._stats)

    def clear(self) -> None:
        """Count from zero."""
        with self._lock:
            self._stats = Stats()

    def close(self) -> None:
        """Do nothing: there is no file."""


class SqliteStore:
    """Keeps everything in an SQLite database: a file, which other processes may read too, or `:memory:`."""

    def __init__(self, path: str | Path = ":memory:") -> None:
        self._lock = threading.Lock()
        self._connection = _open(str(path))
        self._stats = Stats()
        for request in self.requests():
            self._stats.add(request)

    def add(self, request: Request, contents: Contents) -> None:
        """Keep a request and all its rows in one transaction."""
        _describe(request, contents)
        with self._lock:
            with self._connection:
                request.seq = self._insert_request(request)
                if contents.rows:
                    rows = [(request.seq, *row) for row in contents.rows]
                    self._connection.executemany(INSERT[TABLES[request.signal]], rows)
            self._stats.add(request)

    def requests(self, after: int = 0, limit: int = NO_LIMIT) -> list[Request]:
        """List requests with a `seq` over `after`."""
        return self._read(Request, after, limit)

    def logs(self, after: int = 0, limit: int = NO_LIMIT) -> list[Log]:
        """List logs with a `seq` over `after`. A log takes a few kB in memory: read large stores in pages."""
        return self._read(Log, after, limit)

    def metrics(self, after: int = 0, limit: int = NO_LIMIT) -> list[Metric]:
        """List metric values with a `seq` over `after`."""
        return self._read(Metric, after, limit)

    def spans(self, after: int = 0, limit: int = NO_LIMIT) -> list[Span]:
        """List spans with a `seq` over `after`."""
        return self._read(Span, after, limit)

    def stats(self) -> Stats:
        """Return the totals as they are now."""
        with self._lock:
            return copy.deepcopy(self._stats)

    def clear(self) -> None:
        """Delete all rows. `seq` continues from where it was."""
        with self._lock:
            self._connection.executescript(CLEAR)
            self._stats = Stats()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def _insert_request(self, request: Request) -> int:
        values = msgspec.structs.astuple(request)[1:]
        cursor = self._connection.execute(INSERT_REQUEST, tuple(map(_column, values)))
        return int(cursor.lastrowid or 0)

    def _read(self, record: type[Record], after: int, limit: int) -> list[Record]:
        with self._lock:
            rows = self._connection.execute(SELECT[record], (after, limit)).fetchall()
        return [record(*row) for row in rows]


def _column(value: object) -> object:
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value


def _describe(request: Request, contents: Contents) -> None:
    request.entries = len(contents.rows)
    request.oversized = contents.oversized
    request.warnings = dict(contents.warnings)


def _open(path: str) -> sqlite3.Connection:
    """Open or create a database; `StoreError` if that is not possible. The store's lock serialises access."""
    try:
        connection = sqlite3.connect(path, check_same_thread=False, detect_types=sqlite3.PARSE_DECLTYPES)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise StoreError(f"The store {path} cannot be opened: {error}.") from None
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, SCHEMA_VERSION):
        raise StoreError(f"The store {path} was made by another version: delete it or name another.")
    connection.execute("PRAGMA journal_mode = WAL")
    # With WAL a crash of the machine may lose the last requests, but not corrupt the database: good enough here.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(SCHEMA)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
