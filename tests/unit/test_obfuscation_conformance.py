"""Conformance with the agent's public test tables.

Skipped where the data is missing. Rows under options that we do not have are left out; `docs/obfuscation.md` names the
rows that differ, and why.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from forwarder.traces.obfuscation import cards, http, json_body, memcached, redis, sql

ROOT = Path(__file__).resolve().parents[2]
TABLES = (
    Path(os.environ.get("FORWARDER_CONFORMANCE_DIR", ROOT.parent / "shared" / "conformance")).resolve() / "obfuscation"
)
VERSIONS = ["pinned", "agent2022"]

pytestmark = pytest.mark.skipif(not TABLES.is_dir(), reason="the conformance data is not here")

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    found: list[Row] = json.loads((TABLES / f"{name}.json").read_text())
    return found


def wrong(name: str, rewrite: Any, options: dict[str, Any] | None = None) -> list[str]:
    """Return the inputs, among the rows with these options, whose output differs."""
    chosen = [row for row in rows(name) if "type" not in row and row["options"] == (options or {})]
    assert chosen
    return [row["in"] for row in chosen if rewrite(row["in"]) != row["out"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_urls_match_the_agent(version: str) -> None:
    options = {"remove_query_string": True, "remove_path_digits": True}
    assert wrong(f"http_{version}", http.obfuscate, options) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_redis_commands_match_the_agent(version: str) -> None:
    assert wrong(f"redis_obfuscate_{version}", redis.obfuscate) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_redis_resources_match_the_agent(version: str) -> None:
    assert wrong(f"redis_quantize_{version}", redis.quantize) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_memcached_commands_match_the_agent(version: str) -> None:
    assert wrong(f"memcached_{version}", memcached.obfuscate) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_json_bodies_match_the_agent(version: str) -> None:
    chosen = [
        row
        for row in rows(f"json_{version}")
        if not row["options"]["keep_values"] and not row["options"]["obfuscate_sql_values"]
    ]
    assert chosen
    for row in chosen:
        ours = json_body.obfuscate(row["in"])
        if row["compare"] == "parsed JSON":
            assert json.loads(ours) == json.loads(row["out"])
        else:
            assert ours == row["out"]


def test_card_numbers_match_the_agent() -> None:
    assert [
        row["in"] for row in rows("card_sensitive_agent2022") if cards.is_card_number(row["in"]) != row["out"]
    ] == []


def test_what_the_agent_cannot_parse_is_not_shown() -> None:
    assert [row["in"] for row in rows("sql_errors_pinned") if sql.obfuscate(row["in"]) != sql.UNPARSABLE] == []


def sql_rows() -> list[Row]:
    """Return the rows under our options; of rows in both tables, the newer version."""
    found = {
        (row["in"], row["options"].get("dbms", "")): row
        for version in VERSIONS
        for row in rows(f"sql_{version}")
        if not row["options"].get("replace_digits") and not row["options"].get("ReplaceDigits")
    }
    return list(found.values())


def test_at_least_95_percent_of_the_statements_match_the_agent() -> None:
    chosen = sql_rows()
    same = [row for row in chosen if sql.obfuscate(row["in"], row["options"].get("dbms", "")) == row["out"]]
    assert len(same) >= 0.95 * len(chosen) > 0


def test_where_we_differ_we_show_no_more_than_the_agent() -> None:
    for row in sql_rows():
        ours = sql.obfuscate(row["in"], row["options"].get("dbms", ""))
        assert ours == sql.UNPARSABLE or set(ours.replace(",", " ").split()) <= set(
            row["out"].replace(",", " ").split()
        )
