"""Error messages lose the values that databases and HTTP clients include, and stay readable."""

import pytest

from forwarder.traces.obfuscation import errors
from tests.clocks import processor_seconds


def masked(text: str) -> str:
    return errors.obfuscate(text, lambda _: "(the statement)")


def test_a_statement_in_an_error_message_is_rewritten_and_its_parameters_are_hidden() -> None:
    message = "(Error) no such table\n[SQL: SELECT [a]\nFROM b]\n[parameters: ('secret',)]\n(Background"
    assert masked(message) == "(Error) no such table\n[SQL: (the statement)]\n[parameters: ?]"


@pytest.mark.parametrize(
    "message",
    [
        "no [such] table",
        'null value in column "a" violates not-null constraint',
        "Traceback (most recent call last):\n  File \"/var/task/a.py\", line 3, in handler\n    work()\nKeyError: 'a'",
        "Error: no\n    at work (file:///var/task/node_modules/@aws-sdk/client/index.js:12:5)",
        "HTTPSConnectionPool(host='x', port=443): Read timed out. (read timeout=3)",
        "why? see https://example.com/errors/12",
    ],
)
def test_an_error_message_without_a_value_stays(message: str) -> None:
    assert masked(message) == message


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Not Found for url: https://a.example/b?token=secret", "Not Found for url: https://a.example/b?"),
        ("Not Found for url: https://a:secret@b.example/c\n", "Not Found for url: https://b.example/c\n"),
        ("exceeded with url: /a?token=secret (Caused by x)", "exceeded with url: /a? (Caused by x)"),
        ("no route to 'jdbc:postgresql://a:secret@b/c'", "no route to 'jdbc:postgresql://b/c'"),
    ],
)
def test_a_url_in_an_error_message_loses_its_password_and_query(message: str, shown: str) -> None:
    assert masked(message) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        # PostgreSQL
        ('duplicate key "a_key"\nDETAIL:  Key (a)=(secret) already exists.', 'duplicate key "a_key"\nDETAIL:  ?'),
        ("no\nDETAIL:  Failing row contains (1,\nsecret).\nHINT:  b", "no\nDETAIL:  ?\nHINT:  b"),
        ("no\nDETAIL:  secret\n    at work (a.js:1:2)", "no\nDETAIL:  ?\n    at work (a.js:1:2)"),
        ('no\nCONTEXT:  COPY t, line 1, column a: "secret"', "no\nCONTEXT:  ?"),
        ("no\nLINE 1: SELECT 'secret'\n               ^", "no\nLINE 1: ?\n               ^"),
        ("Key (lower(a), b)=(secret, 1) already exists.", "Key (lower(a), b)=(?) already exists."),
        ("Failing row contains (1, secret)", "Failing row contains (?"),
        ('invalid input syntax for type integer: "secret"', 'invalid input syntax for type integer: "?"'),
        ('syntax error at or near "secret"', 'syntax error at or near "?"'),
        ('timestamp out of range: "secret"', 'timestamp out of range: "?"'),
        ('malformed array literal: "secret"', 'malformed array literal: "?"'),
        ("Batch entry 0 insert into t values ('secret') was aborted: a", "Batch entry 0 ? was aborted: a"),
        ("invalid input for query argument $1: 4711 (expected str)", "invalid input for query argument $1: ?"),
        # MySQL
        ("Duplicate entry 'it's secret' for key 'a'", "Duplicate entry '?' for key 'a'"),
        ("syntax to use near 'it's\nsecret' at line 1", "syntax to use near '?' at line 1"),
        ("Incorrect integer value: 'secret' for column 'a'", "Incorrect integer value: '?'"),
        # Oracle, Cassandra, Redis, DynamoDB, Django, Elasticsearch
        ("row with column values (A:'secret') already exists", "row with column values (?) already exists"),
        ('Invalid STRING constant (secret) for "a"', 'Invalid STRING constant (?) for "a"'),
        ("unknown command, with args beginning with: 'secret' 'b'", "unknown command, with args beginning with: ?"),
        ("parameter Item.a, value: secret, type: <class 'str'>", "parameter Item.a, value: ?, type: <class 'str'>"),
        ("no viable alternative at input 'secret'", "no viable alternative at input '?'"),
        ("Field 'id' expected a number but got 'secret'.", "Field 'id' expected a number but got '?'."),
        ('For input string: "secret"', 'For input string: "?"'),
        # SQLite, SQL Server, MongoDB
        ('near "secret": syntax error', 'near "?": syntax error'),
        ('unrecognized token: "\'secret"', 'unrecognized token: "?"'),
        ("converting the value 'it's secret' to type int.", "converting the value '?' to type int."),
        ("cannot connect to host=a password=secret port=1", "cannot connect to host=a password=? port=1"),
        ("The duplicate key value is (secret, 1).", "The duplicate key value is (?)."),
        ('E11000 duplicate key error dup key: { a: "secret" }', "E11000 duplicate key error dup key: ?"),
    ],
)  # fmt: skip
def test_a_value_in_a_message_of_a_database_is_masked(message: str, shown: str) -> None:
    assert masked(message) == shown


@pytest.mark.parametrize("cut", ["Duplicate entry 'secret", "near 'secret", "Key (a)=(secret", "DETAIL: secret"])
def test_a_value_in_which_a_message_is_truncated_is_masked(cut: str) -> None:
    assert "secret" not in masked(cut)


@pytest.mark.parametrize("unit", ["DETAIL:", "Key (a", "near 'a\n", "\n  ", "a", "a://", "invalid a:", "'", "/?"])
def test_obfuscating_an_error_message_takes_linear_time(unit: str) -> None:
    assert processor_seconds(lambda: masked(unit * (500_000 // len(unit)))) < 10


@pytest.mark.parametrize("prefix", ["", "error: "])
@pytest.mark.parametrize("end", ["", "\n    at work (a.js:1:2)"])
def test_a_statement_that_knex_puts_before_a_message_loses_its_literals(prefix: str, end: str) -> None:
    message = f"{prefix}insert into `t` (`a`) values ('secret - it') - duplicate key{end}"
    assert masked(message) == f"{prefix}(the statement) - duplicate key{end}"
