"""Tags that hold what must not be shown, whatever the kind of their span: these are in nobody else's spans."""

from collections.abc import Callable

from forwarder.traces.obfuscation import cards, errors, http, json_body, memcached, redis
from forwarder.traces.obfuscation.marks import MASK

Rewrite = Callable[[str], str]


def statement(text: str, database: str = "", look: Callable[[], None] | None = None) -> str:
    """Return the statement without its literals. The tokenizer is loaded when the first one comes."""
    from forwarder.traces.obfuscation import sql

    return sql.obfuscate(text, database, look)


def _mask(_: str) -> str:
    return MASK


def _error(text: str) -> str:
    return errors.obfuscate(text, statement)


_ROUTE = "http.route"
_URLS = (
    "http.url", "url.full", "url.original", "url.path", "http.target", "http.path", "http.url_details.path",
    "http.referrer", "http.referer", "http.request.headers.referer", "http.response.headers.location",
    "elasticsearch.url", "opensearch.url",
)  # fmt: skip
_TAGS: dict[str, Rewrite] = {
    **dict.fromkeys(_URLS, http.obfuscate),
    **dict.fromkeys(["http.query.string", "http.query_string", "url.query"], _mask),
    "db.connection_string": http.connection,
    **dict.fromkeys(["redis.raw_command", "valkey.raw_command"], redis.obfuscate),
    **dict.fromkeys(["memcached.command", "memcached.query"], memcached.obfuscate),
    **dict.fromkeys(["mongodb.query", "elasticsearch.body", "opensearch.body"], json_body.obfuscate),
    **dict.fromkeys(["elasticsearch.params", "opensearch.params"], json_body.obfuscate),
    **dict.fromkeys(["error.message", "error.msg", "error.stack"], _error),
    **dict.fromkeys(["exception.message", "exception.stacktrace"], _error),
}
_PARAMETERS = "db.query.parameter."  # and their names or numbers
# Long numbers that are no cards'. Tags that begin with `_` are the libraries' own.
_NO_CARDS = frozenset({"account_id", "aws_account", "aws.account", "cloud.account.id"})


def rewrite(tags: dict[str, str], *, credit_cards: bool) -> None:
    """Rewrite, in place, the tags that are in the table, those that are URLs, and those that are card numbers."""
    for tag, value in tags.items():  # only values change, so the loop goes on undisturbed
        if rewrite := _TAGS.get(tag):
            tags[tag] = rewrite(value)
        elif _PARAMETERS in tag:
            tags[tag] = MASK
        elif "://" in value:
            tags[tag] = http.any_tag(value)
        elif credit_cards and len(value) >= cards.SHORTEST and cards.is_card_number(value) and _may_be_a_cards(tag):
            tags[tag] = MASK


def resource(text: str, tags: dict[str, str]) -> str:
    """Return the resource of a request. If its path is that of the URL, and no route, it shows no more than the URL."""
    path = http.path_of(text[text.find("/") :])
    is_path = any(path == http.path_of(tags[tag]) for tag in _URLS if tag in tags)
    return http.resource(text, is_route=not is_path or path == tags.get(_ROUTE, "").strip("/"))


def _may_be_a_cards(tag: str) -> bool:
    return tag not in _NO_CARDS and not tag.startswith("_")
