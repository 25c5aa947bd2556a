"""Obfuscation of tags by name, whatever the kind of their span."""

import json

import pytest

from forwarder.errors import OutOfTimeError
from forwarder.traces.obfuscation import obfuscate_values

CARD = "4242 4242 4242 4242"


def masked(tag: str, value: str) -> str:
    """Return the obfuscated value of a tag."""
    tags = {tag: value}
    obfuscate_values(tags, credit_cards=True)
    return tags[tag]


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
        ("a.tag", "jdbc:postgresql://a:secret@host/b", "jdbc:postgresql://host/b"),
        ("a.tag", "jdbc:sqlserver://host;user=a;pass=secret", "jdbc:?"),
        ("a.tag", "GET https://host/?token=secret now", "GET https://host/? now"),
        ("a.tag", "see (https://a:secret@host/)", "see (https://host/)"),
        ("a.tag", "https://host/#token=secret", "https://host/#?"),
        ("http.fragment.string", "token=secret", "?"),
        ("url.fragment", "token=secret", "?"),
        ("http.request.header.referer", "/a?token=secret", "/a?"),
        ("http.response.header.location", "/login?token=secret", "/login?"),
        ("http.request.headers.authorization", "Bearer secret", "?"),
        ("http.request.header.cookie", "a=secret", "?"),
        ("http.response.headers.set-cookie", "a=secret", "?"),
        ("http.response.header.set_cookie", "a=secret", "?"),
        ("http.request.headers.accept", "text/html", "text/html"),
        ("function.request.headers.Authorization", "secret", "?"),
        ("function.request.multiValueHeaders.cookie.0", "secret", "?"),
        ("function.request.rawQueryString", "token=secret", "?"),
        ("function.request.queryStringParameters.token", "secret", "?"),
        ("function.request.cookies.0", "a=secret", "?"),
        ("function.request.rawPath", "/users/42", "/users/?"),
        ("endpoint", "/users/42", "/users/?"),
        ("endpoint", "$default", "$default"),
        ("db.operation.parameter.a", "secret", "?"),
        ("db.elasticsearch.path_parts.id", "secret", "?"),
        ("query.args.query", "secret", "?"),
        ("graphql.document", '{a(b: "secret")}', "{a(b: ?)}"),
        ("graphql.query", '{a(b: "secret")}', "{a(b: ?)}"),
        ("graphql.source", '{a(b: "secret")}', "{a(b: ?)}"),
        ("graphql.variables.a", "secret", "?"),
        ("error.details", "Key (email)=(secret) already exists.", "Key (email)=(?) already exists."),
        ("db.connection_string", "Endpoint=a;SharedAccessSignature=secret", "Endpoint=a;SharedAccessSignature=?"),
        ("db.connection_string", "Server=host;User Id=secret;Pwd=secret", "Server=host;User Id=?"),
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
    assert masked(tag, value) == shown


@pytest.mark.parametrize("tag", ["events", "_dd.span_links"])
def test_events_and_links_that_are_printed_as_a_tag_are_masked_by_their_names(tag: str) -> None:
    attributes = {"db.statement": "SELECT 'secret'", "card": CARD, "n": 1}
    printed = json.dumps([{"name": "a", "attributes": attributes}])
    shown = '[{"name":"a","attributes":{"db.statement":"SELECT ?","card":"?","n":1}}]'
    assert masked(tag, printed) == shown


@pytest.mark.parametrize("printed", ['[{"db.statement": "SELECT \'secret', '[{"http.url": "http://secret', "[" * 5_000])
def test_truncated_events_show_no_values(printed: str) -> None:
    assert "secret" not in masked("events", printed)


@pytest.mark.parametrize("tag", ["events", "error.message", "exception.stacktrace"])
def test_the_deadline_is_checked_before_a_statement_inside_a_tag(tag: str) -> None:
    def check_deadline() -> None:
        raise OutOfTimeError

    statement = "[SQL: SELECT 1]" if tag != "events" else json.dumps([{"db.statement": "SELECT 1"}])
    with pytest.raises(OutOfTimeError):
        obfuscate_values({tag: statement}, credit_cards=True, check_deadline=check_deadline)


def test_the_name_of_an_event_that_is_printed_as_a_tag_loses_its_literals() -> None:
    assert masked("events", '[{"name":"SELECT \'secret\'"}]') == '[{"name":"SELECT ?"}]'
