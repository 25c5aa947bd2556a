"""Obfuscation of spans by type and tags."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from forwarder.traces.obfuscation import obfuscate, obfuscate_values, obfuscated_name

SRC = Path(__file__).resolve().parents[2] / "src"
CARD = "4242 4242 4242 4242"


@dataclass
class Span:
    type: str = ""
    resource: str = ""
    meta: dict[str, str] = field(default_factory=dict)
    name: str = ""


RUBY = '{"operation"=>"?","filter"=>{"a"=>"?","b" =>"?"}}'


def obfuscated(type_: str = "", resource: str = "", *, name: Any = "", credit_cards: Any = True, **tags: str) -> Span:
    span = Span(type_, resource, {tag.replace("__", "."): value for tag, value in tags.items()}, name)
    obfuscate(span, credit_cards=credit_cards)
    return span


@pytest.mark.parametrize("type_", ["sql", "cassandra", "postgres", "mysql", "db"])
def test_the_resource_of_an_sql_span_loses_its_literals(type_: str) -> None:
    assert obfuscated(type_, "SELECT 'secret'").resource == "SELECT ?"


def test_the_database_determines_the_kind_if_the_type_does_not() -> None:
    assert obfuscated("", "SELECT 'secret'", db__system="postgresql").resource == "SELECT ?"
    assert obfuscated("db", "SET k secret", db__system="redis").resource == "SET"


@pytest.mark.parametrize("tag", ["sql__query", "db__statement", "db__query__text"])
def test_a_statement_in_a_tag_is_masked_whatever_the_type(tag: str) -> None:
    assert [*obfuscated("worker", **{tag: "SELECT 'secret'"}).meta.values()] == ["SELECT ?"]


def test_a_resource_that_is_the_statement_still_matches_it() -> None:
    statement = "SELECT 'secret' FROM t"
    span = obfuscated("sql", statement, sql__query=statement)
    assert span.resource == span.meta["sql.query"] == "SELECT ? FROM t"


def test_a_statement_of_a_database_without_sql_is_masked_by_its_own_rules() -> None:
    assert obfuscated("redis", "SET", db__statement="SET k secret").meta["db.statement"] == "SET k ?"
    assert obfuscated("mongodb", db__statement='{"a": "secret"}').meta["db.statement"] == '{"a":"?"}'


@pytest.mark.parametrize(
    "tags",
    [
        {"db.system": "other_sql"},
        {"db.system.name": "microsoft.sql_server"},
        {"db.system": "", "db.type": "Postgres "},
        {"db.system": "a database that nobody knows"},
        {"sql.query_type": "Query"},
        {"db.statement": "SELECT 'secret'"},
        {"db.query.text": "SELECT a"},
        {},
    ],
)
def test_a_resource_is_treated_as_sql_if_the_type_does_not_say_otherwise(tags: dict[str, str]) -> None:
    assert obfuscated("", "SELECT 'secret'", **tags).resource == "SELECT ?"


@pytest.mark.parametrize("database", ["oracle.db", "aws.redshift", "h2", "sap.hana", "duckdb", "tidb", "ibm.db2"])
def test_a_database_of_the_lexer_is_a_kind_of_span(database: str) -> None:
    assert obfuscated("", "SELECT a WHERE b = true", db__system=database).resource == "SELECT a WHERE b = ?"


@pytest.mark.parametrize("tag", ["http.url", "url.full", "http.method", "http.route"])
def test_a_resource_loses_its_query_if_a_tag_shows_that_it_is_a_url(tag: str) -> None:
    assert obfuscated("", "GET /orders?token=secret", **{tag: "GET"}).resource == "GET /orders?"


@pytest.mark.parametrize("tag", ["http.url", "url.full", "http.target", "url.path", "http.url_details.path"])
@pytest.mark.parametrize("url", ["/users/42/orders/9f8b7c", "https://a:b@host:8080/users/42/orders/9f8b7c/?page=2"])
def test_a_resource_that_is_the_path_of_the_url_is_masked_like_it(tag: str, url: str) -> None:
    assert obfuscated("http", "GET /users/42/orders/9f8b7c?a", **{tag: url}).resource == "GET /users/?/orders/??"


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"http.url": "https://host/v2/orders/12"},
        {"http.url": "https://host/v2/orders", "http.route": "/v2/orders"},
    ],
)
def test_a_resource_that_is_a_route_keeps_its_digits(tags: dict[str, str]) -> None:
    assert obfuscated("web", "GET /v2/orders", **tags).resource == "GET /v2/orders"


@pytest.mark.parametrize("resource", ["GET ^orders/(?P<id>[0-9]+)/$", "^orders/(?P<id>[0-9]+)/$"])
def test_a_resource_that_is_the_route_is_unchanged_if_it_is_a_pattern(resource: str) -> None:
    tags = {"http.url": "https://host/orders/12/", "http.route": "^orders/(?P<id>[0-9]+)/$"}
    assert obfuscated("web", resource, **tags).resource == resource


@pytest.mark.parametrize(
    ("name", "type_"), [("graphql.execute", "web"), ("graphql.query", ""), ("gqlgen.operation", "")]
)
def test_a_graphql_document_is_recognized_by_the_name_of_its_span(name: str, type_: str) -> None:
    assert obfuscated(type_, 'query { a(b: "secret") }', name=name).resource == "query { a(b: ?) }"


def test_a_resource_without_a_path_is_not_compared_with_the_urls() -> None:
    assert obfuscated("web", "orders-v2", **{"http.url": "https://host/2"}).resource == "orders-v2"


def test_a_tag_that_repeats_the_resource_is_masked_like_it() -> None:
    tags = {"http.url": "https://host/users/42", "resource_names": "GET /users/42"}
    assert obfuscated("web", "GET /users/42", **tags).meta["resource_names"] == "GET /users/?"


@pytest.mark.parametrize(
    "statement",
    [
        "CALL p('secret')",
        "{call p('secret')}",
        "COPY t FROM 'secret'",
        "SET PASSWORD = 'secret'",
        "BEGIN; INSERT INTO t VALUES ('secret')",
        "DECLARE c CURSOR FOR SELECT 'secret'",
        "-- a\rSELECT 'secret'",
        "\ufeffSELECT 'secret'",
        "SELECT*FROM t WHERE a = 'secret'",
        "AUTH secret",
    ],
)
@pytest.mark.parametrize("type_", ["", "serverless"])
def test_a_statement_is_masked_even_without_a_hint_what_it_is(statement: str, type_: str) -> None:
    assert "secret" not in obfuscated(type_, statement).resource


@pytest.mark.parametrize(
    ("type_", "resource", "shown"),
    [
        ("", "https://a:secret@host/b", "https://host/b"),
        ("worker", "GET https://host/b?secret", "GET https://host/b?"),
        ("serverless", "GET /b?token=secret", "GET /b?"),
    ],
)
def test_a_url_in_a_resource_of_no_kind_loses_its_user_and_query(type_: str, resource: str, shown: str) -> None:
    assert obfuscated(type_, resource).resource == shown


@pytest.mark.parametrize(
    ("type_", "name", "shown"),
    [
        ("sql", "SELECT 'secret'", "SELECT ?"),
        ("", "SELECT 'secret'", "SELECT ?"),
        ("http", "GET /a?secret", "GET /a?"),
        ("", "GET https://a:secret@host/", "GET https://host/"),
        ("redis", "SET k secret1", "SET"),
        ("sql", "postgres.query", "postgres.query"),
        ("http", "GET /orders", "GET /orders"),
        ("", "select-plan-v1", "select-plan-v1"),
    ],
)
def test_the_name_of_a_span_is_masked_as_its_resource_would_be(type_: str, name: str, shown: str) -> None:
    assert obfuscated(type_, "r", name=name).name == shown


def test_the_name_of_an_event_loses_a_statements_literals() -> None:
    assert [obfuscated_name(name) for name in ("SELECT 'secret'", "retry 2")] == ["SELECT ?", "retry 2"]


@pytest.mark.parametrize("command", ["AUTH secret", "HELLO 3 AUTH a secret", "LPUSH k secret", "PUBLISH c secret"])
def test_a_redis_command_is_recognized_without_the_name_of_the_database(command: str) -> None:
    assert "secret" not in obfuscated("db", "r", db__statement=command).meta["db.statement"]


@pytest.mark.parametrize("database", ["keydb", "aws.elasticache", "dragonfly"])
def test_a_database_with_the_redis_protocol_is_treated_like_redis(database: str) -> None:
    assert obfuscated("db", "SET k secret", db__system=database).resource == "SET"


@pytest.mark.parametrize("type_", ["", "sql", "dynamodb"])
def test_dynamodb_resources_are_operations_or_statements(type_: str) -> None:
    found = [obfuscated(type_, text, db__system="dynamodb").resource for text in ("PutItem t-2024", "SELECT 'secret'")]
    assert found == ["PutItem t-2024", "SELECT ?"]


@pytest.mark.parametrize(
    "resource",
    [
        *("DELETE /orders/12", "orders-api", "select-users", "update"),
        *("update-inventory-v2", "create-order-CreateFn-1A2B3C4D", "exec-report-2", "with_retries_3", "drop-2024"),
        *("Merge.handler2", "replace(2)", "Call service 5", "Set up 2 things"),
    ],
)
def test_a_resource_that_is_not_a_statement_is_unchanged(resource: str) -> None:
    assert obfuscated("", resource).resource == resource


def test_the_deadline_is_checked_before_each_pass_over_a_statement() -> None:
    checks: list[None] = []
    obfuscate(Span("sql", "SELECT 'it\\'s' -- x"), credit_cards=True, check_deadline=lambda: checks.append(None))
    assert len(checks) > 1


def test_values_other_than_tags_are_masked_by_their_names() -> None:
    texts = {"db.system": "redis", "db.statement": "SET k secret", "http.url": "http://host/?secret", "a": "b"}
    obfuscate_values(texts, credit_cards=True)
    assert texts == {"db.system": "redis", "db.statement": "SET k ?", "http.url": "http://host/?", "a": "b"}


def test_an_empty_resource_stays_empty() -> None:
    assert obfuscated("sql", "").resource == ""


@pytest.mark.parametrize(
    ("type_", "resource", "shown"),
    [
        ("redis", "SET k secret", "SET"),
        ("valkey", "set k secret\nget k", "SET GET"),
        ("memcached", "set k 0 60 5\r\nsecret", "set k 0 60 5"),
        ("cache", "set k 0 60 5\r\nsecret", "set k 0 60 5"),
        ("mongodb", 'find users {"name": "secret"}', 'find users {"name":"?"}'),
        ("mongodb", '{"operation"=>:find, "filter"=>{"a"=>"secret", "b" => nil}}', RUBY),
        ("mongodb", "users.find('secret')", "users.find?"),
        ("mongodb", 'distinct users ["secret"]', 'distinct users ["?"]'),
        ("elasticsearch", "GET /index/_search?q=secret", "GET /index/_search?"),
        ("web", "GET /orders?token=secret", "GET /orders?"),
        ("web", "GET http://a:secret@host/users/12?b", "GET http://host/users/??"),
        ("web", "GET /orders#access_token=secret", "GET /orders#?"),
        ("http", "GET /orders/{id};token=secret", "GET /orders/?"),
        ("graphql", 'query { a(b: "secret", c: 12) }', "query { a(b: ?, c: ?) }"),
        ("graphql", "POST /graphql?query=secret", "POST /graphql?"),
        ("serverless", "orders-api", "orders-api"),
        (" SQL", "SELECT 'secret'", "SELECT ?"),
        ("Redis", "SET k secret", "SET"),
        ("couchbase", "SELECT 'secret'", "SELECT ?"),
    ],
)
def test_a_resource_is_masked_by_the_type_of_its_span(type_: str, resource: str, shown: str) -> None:
    assert obfuscated(type_, resource).resource == shown


@pytest.mark.parametrize(
    "card",
    [
        CARD,
        f" {CARD}\n",
        "4242.4242.4242.4242",
        "4242\xa04242\xa04242\xa04242",
        "4242424242424242.0",
        "4.242424242424242e15",
    ],
)
def test_a_card_number_is_masked(card: str) -> None:
    assert obfuscated(card=card).meta == {"card": "?"}


def test_a_resource_that_is_a_card_number_is_masked() -> None:
    assert obfuscated("", CARD).resource == "?"


def test_a_card_number_is_unchanged_if_the_setting_is_off() -> None:
    assert obfuscated(card=CARD, credit_cards=False).meta == {"card": CARD}


@pytest.mark.parametrize("tag", ["account_id", "_dd.p.tid"])
def test_a_long_number_that_is_not_a_card_number_is_unchanged(tag: str) -> None:
    assert obfuscated(**{tag: CARD}).meta == {tag: CARD}


def test_the_sql_library_is_loaded_on_first_use() -> None:
    code = (
        "import sys; from forwarder.traces.obfuscation import obfuscate\n"
        "class Span: type, name, resource, meta = 'redis', 'x', 'GET k', {'http.url': 'http://host/1'}\n"
        "obfuscate(Span, credit_cards=True); before = 'sqlparse' in sys.modules\n"
        "Span.type = 'sql'; obfuscate(Span, credit_cards=True); print(before, 'sqlparse' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SRC, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
