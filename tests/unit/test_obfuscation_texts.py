"""Obfuscation of URLs, commands and documents."""

import pytest

from forwarder.traces.obfuscation import graphql, http, json_body, memcached, redis


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
        ("https://a1.example.com$default", "https://a1.example.com$default"),
        ("a1.example.com$default", "a1.example.com$default"),
        ("api-v2.example.com", "api-v2.example.com"),
        ("report-4711.pdf", "?"),
        ("mailto:secret", "?"),
        ("", ""),
        ("???", "?"),
    ],
)
def test_a_url_shows_its_host_and_path_only(url: str, shown: str) -> None:
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
def test_a_line_of_a_value_is_not_treated_as_a_command(line: str) -> None:
    assert redis.quantize(f"SET k first\n{line}") == "SET ?"


def test_a_line_of_a_value_that_begins_like_a_command_shows_only_the_command() -> None:
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
        ('{"a":"x":"secret":1}', '{"a":"?"...'),
        ('{"a":1 "secret":1}', '{"a":"?"...'),
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
def test_a_json_body_of_any_depth_is_processed(unit: str) -> None:
    assert json_body.obfuscate(unit * 20_000).endswith("...")


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ('query Q($a: Int = 5) {a1(b: "secret", c: $a) {d}}', "query Q($a: Int = ?) {a1(b: ?, c: $a) {d}}"),
        ('{a(b: """say "secret" """)}', "{a(b: ?)}"),
        (r'{a(b: "\"secret")}', "{a(b: ?)}"),
        ("{a # it's \"secret\n}", "{a \n}"),
        ('{a(b: "secret', "{a(b: ?"),
        ('{a(b: """secret', "{a(b: ?"),
        ("{a(b: -1.5e3)}", "{a(b: ?)}"),
    ],
)
def test_a_graphql_document_loses_its_strings_and_numbers(document: str, shown: str) -> None:
    assert graphql.obfuscate(document) == shown
