"""What happens to a span, by its type and its tags."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from forwarder.traces.obfuscation import http, json_body, memcached, obfuscate, obfuscate_texts, redis

SRC = Path(__file__).resolve().parents[2] / "src"
CARD = "4242 4242 4242 4242"


@dataclass
class Span:
    type: str = ""
    resource: str = ""
    meta: dict[str, str] = field(default_factory=dict)


def obfuscated(type_: str = "", resource: str = "", *, credit_cards: Any = True, **tags: str) -> Span:
    span = Span(type_, resource, {tag.replace("__", "."): value for tag, value in tags.items()})
    obfuscate(span, credit_cards=credit_cards)
    return span


@pytest.mark.parametrize("type_", ["sql", "cassandra", "postgres", "mysql", "db"])
def test_the_resource_of_an_sql_span_loses_its_literals(type_: str) -> None:
    assert obfuscated(type_, "SELECT 'secret'").resource == "SELECT ?"


def test_the_database_tells_the_kind_where_the_type_does_not() -> None:
    assert obfuscated("", "SELECT 'secret'", db__system="postgresql").resource == "SELECT ?"
    assert obfuscated("db", "SET k secret", db__system="redis").resource == "SET"


@pytest.mark.parametrize("tag", ["sql__query", "db__statement", "db__query__text"])
def test_a_statement_in_a_tag_is_masked_whatever_the_type(tag: str) -> None:
    assert [*obfuscated("worker", **{tag: "SELECT 'secret'"}).meta.values()] == ["SELECT ?"]


def test_a_resource_that_is_the_statement_stays_the_statement() -> None:
    statement = "SELECT 'secret' FROM t"
    span = obfuscated("sql", statement, sql__query=statement)
    assert span.resource == span.meta["sql.query"] == "SELECT ? FROM t"


def test_a_statement_of_a_database_without_sql_is_masked_in_its_own_way() -> None:
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
def test_a_resource_is_taken_for_sql_where_no_type_says_what_it_is(tags: dict[str, str]) -> None:
    assert obfuscated("", "SELECT 'secret'", **tags).resource == "SELECT ?"


@pytest.mark.parametrize("database", ["oracle.db", "aws.redshift", "h2", "sap.hana", "duckdb", "tidb", "ibm.db2"])
def test_a_database_of_the_lexer_is_a_kind_of_span(database: str) -> None:
    assert obfuscated("", "SELECT a WHERE b = true", db__system=database).resource == "SELECT a WHERE b = ?"


@pytest.mark.parametrize("tag", ["http.url", "url.full", "http.method", "http.route"])
def test_a_resource_loses_its_query_where_a_tag_says_that_it_is_a_url(tag: str) -> None:
    assert obfuscated("", "GET /orders?token=secret", **{tag: "GET"}).resource == "GET /orders?"


@pytest.mark.parametrize("tag", ["http.url", "url.full", "http.target", "url.path", "http.url_details.path"])
@pytest.mark.parametrize("url", ["/users/42/orders/9f8b7c", "https://a:b@host:8080/users/42/orders/9f8b7c/?page=2"])
def test_a_resource_that_is_the_path_of_the_url_hides_what_the_url_hides(tag: str, url: str) -> None:
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


@pytest.mark.parametrize("resource", ["DELETE /orders/12", "orders-api", "select-users", "update"])
def test_a_resource_that_is_no_statement_stays(resource: str) -> None:
    assert obfuscated("", resource).resource == resource


def test_the_clock_is_looked_at_before_each_reading_of_a_statement() -> None:
    looks: list[None] = []
    obfuscate(Span("sql", "SELECT 'it\\'s' -- x"), credit_cards=True, look=lambda: looks.append(None))
    assert len(looks) > 1


def test_texts_that_are_no_tags_of_a_span_are_masked_by_their_names() -> None:
    texts = {"db.system": "redis", "db.statement": "SET k secret", "http.url": "http://host/?secret", "a": "b"}
    obfuscate_texts(texts, credit_cards=True)
    assert texts == {"db.system": "redis", "db.statement": "SET k ?", "http.url": "http://host/?", "a": "b"}


@pytest.mark.parametrize("tag", ["events", "_dd.span_links"])
def test_events_and_links_that_are_printed_as_a_tag_are_masked_by_their_names(tag: str) -> None:
    attributes = {"db.statement": "SELECT 'secret'", "card": CARD, "n": 1}
    printed = json.dumps([{"name": "a", "attributes": attributes}])
    shown = '[{"name":"a","attributes":{"db.statement":"SELECT ?","card":"?","n":1}}]'
    assert obfuscated(**{tag: printed}).meta[tag] == shown


@pytest.mark.parametrize("printed", ['[{"db.statement": "SELECT \'secret', '[{"http.url": "http://secret', "[" * 5_000])
def test_events_that_are_cut_off_show_no_values(printed: str) -> None:
    assert "secret" not in obfuscated(events=printed).meta["events"]


def test_a_statement_in_an_error_message_loses_its_literals_and_parameters() -> None:
    message = (
        "(Error) no such table\n[SQL: SELECT [a]\nFROM b WHERE c = 'secret']\n[parameters: ('secret',)]\n(Background"
    )
    shown = "(Error) no such table\n[SQL: SELECT [ a ] FROM b WHERE c = ?]\n[parameters: ?]"
    assert obfuscated(**{"error.message": message}).meta["error.message"] == shown


def test_an_error_message_without_a_statement_stays() -> None:
    assert obfuscated(**{"error.message": "no [such] table"}).meta["error.message"] == "no [such] table"


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
        ("mongodb", "users.find('secret')", "users.find?"),
        ("mongodb", 'distinct users ["secret"]', 'distinct users ["?"]'),
        ("elasticsearch", "GET /index/_search?q=secret", "GET /index/_search?"),
        ("web", "GET /orders?token=secret", "GET /orders?"),
        ("web", "GET http://a:secret@host/users/12?b", "GET http://host/users/??"),
        ("web", "GET /orders#access_token=secret", "GET /orders#?"),
        ("http", "GET /orders/{id};token=secret", "GET /orders/?"),
        ("serverless", "orders-api", "orders-api"),
        (" SQL", "SELECT 'secret'", "SELECT ?"),
        ("Redis", "SET k secret", "SET"),
        ("couchbase", "SELECT 'secret'", "SELECT ?"),
    ],
)
def test_a_resource_is_masked_by_the_type_of_its_span(type_: str, resource: str, shown: str) -> None:
    assert obfuscated(type_, resource).resource == shown


@pytest.mark.parametrize(
    ("tag", "value", "shown"),
    [
        ("redis.raw_command", "SET k secret", "SET k ?"),
        ("valkey.raw_command", "SET k secret", "SET k ?"),
        ("memcached.command", "set k 0 60 5\r\nsecret", "set k 0 60 5"),
        ("mongodb.query", '{"name": "secret"}', '{"name":"?"}'),
        ("elasticsearch.body", '{"q": ["secret", 5]}', '{"q":["?","?"]}'),
        ("opensearch.body", '{"q": "sec', '{"q":"?"...'),
        ("http.url", "https://a:b@host/users/12/x?token=secret", "https://host/users/?/x?"),
        ("url.full", "https://host/?secret", "https://host/?"),
        ("url.path", "/users/42?token=secret", "/users/??"),
        ("http.url_details.path", "/users/42", "/users/?"),
        ("http.query.string", "token=secret", "?"),
        ("http.query_string", "token=secret", "?"),
        ("url.query", "token=secret", "?"),
        ("http.request.headers.referer", "https://a:secret@host/?secret", "https://host/?"),
        ("http.response.headers.location", "/login?token=secret", "/login?"),
        ("http.referer", "https://host/?secret", "https://host/?"),
        ("url.original", "/a?secret", "/a?"),
        ("http.path", "/a?secret", "/a?"),
        ("elasticsearch.url", "/a/_search?q=secret", "/a/_search?"),
        ("a.tag", "https://host/a?secret", "https://host/a?"),
        ("a.tag", "postgres://a:secret@host/b", "postgres://host/b"),
        ("a.tag", "https://host/orders/12", "https://host/orders/12"),
        ("db.connection_string", "Server=host;Password=secret;x=y", "Server=host;Password=?"),
        ("db.connection_string", "scott/secret@host/b", "?@host/b"),
        ("db.connection_string", "jdbc:postgresql://host/b?password=secret", "jdbc:postgresql://host/b?"),
        ("db.query.parameter.0", "secret", "?"),
        ("cassandra.query", "SELECT 'secret'", "SELECT ?"),
        ("db.statement", "SET key secret", "SET key ?"),
        ("db.statement", "HSET key name secret", "HSET key name ?"),
    ],
)
def test_a_tag_is_masked_whatever_the_type_of_its_span(tag: str, value: str, shown: str) -> None:
    assert obfuscated("", **{tag: value}).meta == {tag: shown}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/orders/12?x=secret", "/orders/??"),
        ("host:8080/orders", "host:8080/orders"),
        ("a1.host.example/orders/12", "a1.host.example/orders/?"),
        ("http://host/p;token=secret", "http://host/?"),
        ("http://host/p&token=secret", "http://host/?"),
        ("http://host/p%3Ftoken%3Dsecret", "http://host/?"),
        ("http://host/#access_token=secret", "http://host/#?"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("http://user:pa/secret@host/", "?"),
        ("http://user:12/secret@host/", "http://user:12/?/"),
        ("http://user@secret@host/", "http://host/"),
        ("http://host/a@b/c", "http://host/?/c"),
        ("http://ho st/secret", "?"),
        ("http://host/%zz", "?"),
        ("mailto:secret", "?"),
        ("", ""),
        ("???", "?"),
    ],
)
def test_a_url_shows_no_more_than_where_it_leads(url: str, shown: str) -> None:
    assert http.obfuscate(url) == shown


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("SET k secret words EX 10", "SET k ?"),
        ("SET k secret EX 10", "SET k ? EX 10"),
        ("SET k first\nsecret line", "SET k ?\n?"),
        ("SET k please GET secret", "SET k ?"),
        ("SET k secret [secret]", "SET k ?"),
        ("HSET k a secret b secret", "HSET k a ?"),
        ("HSET k name Ann secret Lee", "HSET k name ?"),
        ('HSET k data {"name": "Ann", "b": "secret"}', "HSET k data ?"),
        ("MSET k Ann secret Lee", "MSET k ?"),
        ("ZADD k NX 1 Ann secret Lee", "ZADD k NX 1 ?"),
        ("GEOADD k 1 2 Ann secret Lee x", "GEOADD k 1 2 ?"),
        ("GEORADIUSBYMEMBER k Ann secret 10 km", "GEORADIUSBYMEMBER k ?"),
        ("GEORADIUSBYMEMBER k secret 10 km ASC", "GEORADIUSBYMEMBER k ? 10 km ASC"),
        ("LINSERT k BEFORE secret secret", "LINSERT k BEFORE ?"),
        ("ZRANGE k [secret + BYLEX", "ZRANGE k ? + BYLEX"),
        ("ZRANGE k (1 -1 WITHSCORES", "ZRANGE k (1 -1 WITHSCORES"),
        ("XADD k * name secret", "XADD k ?"),
        ("SET k a\nSECRET-KEY", "SET k ?\n?"),
        ("SET k a\nAAAA\nBBBB BBBB", "SET k ?\n?\n?"),
        ("SET k a\nGET secret", "SET k ?\nGET ?"),
        ("SET k a\nSET secret", "SET k ?\nSET ?"),
        ("SET k a\nget secret", "SET k ?\n?"),
        ("GET a\nGET b", "GET a\nGET b"),
        ("HELLO 3 AUTH user secret", "HELLO ?"),
        ("MIGRATE host 6379 k 0 5000 AUTH secret", "MIGRATE ?"),
        ("ACL SETUSER someone on >secret", "ACL SETUSER someone ?"),
        ("CONFIG SET requirepass secret", "CONFIG SET requirepass ?"),
        ("EVAL secret 0", "EVAL ?"),
        ("NEW.COMMAND secret", "NEW.COMMAND ?"),
        ("GET k", "GET k"),
        ('SET k "a \\"secret\\" b"', "SET k ?"),
    ],
)
def test_a_redis_command_keeps_its_key_and_loses_its_value(command: str, shown: str) -> None:
    assert redis.obfuscate(command) == shown


@pytest.mark.parametrize("line", ["secret line", "SECRET", "SECRET-KEY"])
def test_a_line_of_a_value_is_not_taken_for_a_command(line: str) -> None:
    assert redis.quantize(f"SET k first\n{line}") == "SET ?"


def test_a_line_of_a_value_that_begins_like_a_command_shows_no_more_than_that() -> None:
    assert redis.quantize("SET k first\nCONFIG secret") == "SET CONFIG"


def test_a_memcached_command_without_a_line_break_keeps_its_verb_and_key() -> None:
    assert memcached.obfuscate("set k secret") == "set k ?"


def test_a_memcached_command_that_stores_nothing_keeps_its_keys() -> None:
    assert memcached.obfuscate("get k l") == "get k l"


@pytest.mark.parametrize("command", ["set k 0 0 6\nsecret", "set k 0 0 6\r\nsecret\r\n"])
def test_a_memcached_command_ends_with_its_line(command: str) -> None:
    assert memcached.obfuscate(command) == "set k 0 0 6"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"a": {"b": [1, true, null, "x"]}}', '{"a":{"b":["?","?","?","?"]}}'),
        ('{"index": {}}\n{"a": "secret"}\n', '{"index":{}} {"a":"?"}'),
        ('{"a": "secret', '{"a":"?"...'),
        ('{"a": sec', '{"a":"?"...'),
        ('{"a": 1, "secr', '{"a":"?",...'),
        ('{"a" "secret"}', '{"?""?"}'),
        ("{'a': 'secret'}", "{..."),
        ("]", "..."),
        ("[}", "[..."),
        ("secret", "..."),
        ("", ""),
    ],
)
def test_a_json_body_keeps_its_keys_and_loses_its_values(body: str, shown: str) -> None:
    assert json_body.obfuscate(body) == shown


@pytest.mark.parametrize("unit", ['{"a":', "[", '\\"', '"a":{'])
def test_a_json_body_of_any_depth_is_done_with(unit: str) -> None:
    assert json_body.obfuscate(unit * 20_000).endswith("...")


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


def test_a_card_number_stays_if_that_is_what_the_user_wants() -> None:
    assert obfuscated(card=CARD, credit_cards=False).meta == {"card": CARD}


@pytest.mark.parametrize("tag", ["account_id", "_dd.p.tid"])
def test_a_long_number_that_is_no_cards_stays(tag: str) -> None:
    assert obfuscated(**{tag: CARD}).meta == {tag: CARD}


def test_sql_is_read_by_a_library_that_is_loaded_only_when_sql_comes() -> None:
    code = (
        "import sys; from forwarder.traces.obfuscation import obfuscate\n"
        "class Span: type, resource, meta = 'redis', 'GET k', {'http.url': 'http://host/1'}\n"
        "obfuscate(Span, credit_cards=True); before = 'sqlparse' in sys.modules\n"
        "Span.type = 'sql'; obfuscate(Span, credit_cards=True); print(before, 'sqlparse' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SRC, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
