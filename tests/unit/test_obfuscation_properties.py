"""No literal survives in any statement. Literals contain a marker that must not appear in the output."""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from forwarder.traces.obfuscation import http, json_body, memcached, redis, sql

# A word and a number that only literals contain. `MANY` is the number of examples per property; raise it by hand.
WORD, NUMBER = "zqjx", "7139"
MARK = re.compile(f"{WORD}|{NUMBER}|fffffffffabc|b70900a", re.IGNORECASE)
MANY = 100

Text = st.SearchStrategy[str]

inside = st.sampled_from(
    [
        *(
            "",
            WORD,
            NUMBER,
            f"é{WORD}",
            f"{WORD} x",
            f"a {WORD} b",
            f"{WORD}\n{WORD}",
            f"{WORD},",
            f"{WORD});",
            f"({WORD}",
        ),
        *(f"-- {WORD}", f"/* {WORD} */", f"# {WORD}", f"@{WORD}", f":{WORD}", f"%{WORD}%"),
        *(f"{{{WORD}}}", f"[{WORD}]", f"${WORD}$"),
    ]
)


def quoted(before: str, quote: str, escaped: str) -> Text:
    """Return literals in these quotes, with some escaped quotes inside."""
    return st.lists(inside, min_size=1, max_size=3).map(lambda parts: before + quote + escaped.join(parts) + quote)


numbers = st.sampled_from(
    [NUMBER, f"-{NUMBER}", f"{NUMBER}.5", f".{NUMBER}", f"1e{NUMBER}", f"{NUMBER}e-3", f"0x{NUMBER}ff", f"{NUMBER}_000"]
)
standard = quoted("", "'", "''")
bits = st.sampled_from([f"X'{NUMBER}'", f"B'{NUMBER}'"])
uuids = st.sampled_from([f"ab70900a-24e1-11df-{NUMBER}-fffffffffabc", f"fb70900a-24e1-11df-8924-ab{NUMBER}abcdef"])
everywhere = st.one_of(standard, standard, numbers, quoted("N", "'", "''"), bits, uuids)
dates = quoted("DATE ", "'", "''") | quoted("TIMESTAMP", "'", "''")
dollars = st.sampled_from([f"$${WORD}'s$$", f"$t${WORD}'s $$ \" {WORD}$t$", f"$${NUMBER}$$"])

# By dialect, as named by a library: its literals, and its quoted names.
LITERALS: dict[str, Text] = {
    "": everywhere | dates,
    "postgresql": st.one_of(everywhere, dates, quoted("E", "'", "\\'"), dollars),
    "mysql": st.one_of(
        numbers, quoted("", "'", "\\'"), quoted("", '"', '\\"'), quoted("", '"', '""'), quoted("_utf8", "'", "''")
    ),
    "sqlite": everywhere | quoted("", '"', '""').filter(lambda text: len(text) > 2),
    "cassandra": everywhere,
    "mssql": everywhere | dates,
    "oracle": everywhere | dates | quoted("q'[", "", " it's ").map(lambda text: f"{text}]'"),
    "snowflake": st.one_of(numbers, quoted("", "'", "\\'"), quoted("", "'", "''")),
    "clickhouse": st.one_of(numbers, quoted("", "'", "\\'"), dollars),
    "bigquery": st.one_of(numbers, quoted("r", "'", "\\'"), quoted("", '"', '\\"'), quoted("", "'''", "it's")),
}
NAMES: dict[str, list[str]] = {
    "postgresql": ['"a"', '"t"."b"', "c", "t.d"],
    "mysql": ["`a`", "`t`.`b`", "c", "t.d"],
    "mssql": ["[a]", "[t].[b]", "c", "@d"],
    "bigquery": ["`a`", "c", "t.d", "@p"],
    "": ["a", "t.b", ":c", "@d", "t.*"],
}
COMMENTS: dict[str, list[str]] = {
    "cassandra": [f"-- {WORD} isn't\n", f"// {WORD} isn't\n", f"//{WORD}\n", f"/* {WORD} isn't */"],
    "snowflake": [f"-- {WORD} isn't\n", f"// {WORD} isn't\n", f"/* {WORD} isn't */"],
    "mysql": [f"# {WORD} isn't\n", f"-- {WORD} isn't\n", f"/* {WORD} isn't */"],
    "": [f"-- {WORD} isn't\n", f"/* {WORD} isn't */", f"--{WORD}\n", "\n", "\t", " "],
}


def separated(parts: Text) -> Text:
    return st.lists(parts, min_size=1, max_size=4).map(", ".join)


def expressions(dialect: str) -> Text:
    """Return expressions of a dialect whose values all contain the marker."""
    literal, name = LITERALS[dialect], st.sampled_from(NAMES.get(dialect, NAMES[""]))

    def larger(smaller: Text) -> Text:
        def fill(pattern: str) -> Text:
            return st.builds(pattern.format, smaller, literal, name)

        patterns = [
            *("{2} = {1}", "{2} <> {1} AND {0}", "{1} = {2} OR {0}", "({0})", "NOT ({0})", "{2} LIKE {1}"),
            *("{2} IN ({1}, {1}, {0})", "{2} IN (SELECT {2} FROM u WHERE {0})", "EXISTS (SELECT {1} FROM t WHERE {0})"),
            *("{2} BETWEEN {1} AND {1}", "CASE WHEN {0} THEN {1} ELSE {1} END", "CAST({1} AS x)"),
            *("lower({1}) = {2}", "coalesce({2}, {0}, {1})", "{2}->{1}", "{2} || {1}", "{2} + {1} * {0}"),
        ]
        return st.sampled_from(patterns).flatmap(fill) | separated(smaller).map("f({})".format)

    return st.recursive(literal | name, larger, max_leaves=6)


def statements(dialect: str) -> Text:
    """Return statements of a dialect, with comments."""
    value = expressions(dialect)
    comment = st.sampled_from(COMMENTS.get(dialect, COMMENTS[""]))
    name = st.sampled_from(NAMES.get(dialect, NAMES[""]))
    literals = separated(LITERALS[dialect])
    rows = st.lists(literals, min_size=1, max_size=3).map(lambda each: ", ".join(f"({row})" for row in each))
    return st.one_of(
        st.builds(
            "SELECT {} {} FROM t {} WHERE {} ORDER BY {}".format, separated(value), comment, comment, value, name
        ),
        st.builds("INSERT INTO t (a, b) {}VALUES {} {}".format, comment, rows, comment),
        st.builds("UPDATE t SET a = {}, b = {} {}WHERE {}".format, value, value, comment, value),
        st.builds("DELETE FROM t WHERE {} {}AND {} LIMIT 7139".format, value, comment, value),
        st.builds("WITH x AS ({}SELECT {} FROM t) SELECT {} FROM x".format, comment, value, value),
        st.builds("SELECT {1} FROM t WHERE {2} UNION ALL {0}SELECT {2}".format, comment, value, value),
    )


@settings(max_examples=MANY * 2, derandomize=True)
@given(st.sampled_from(sorted(LITERALS)).flatmap(lambda dialect: st.tuples(st.just(dialect), statements(dialect))))
def test_no_literal_of_a_dialect_survives(case: tuple[str, str]) -> None:
    dialect, statement = case
    assert not MARK.search(sql.obfuscate(statement, dialect))


@settings(max_examples=MANY * 2, derandomize=True)
@given(st.sampled_from(sorted(LITERALS)).flatmap(statements))
def test_no_literal_survives_in_an_unknown_dialect(statement: str) -> None:
    assert not MARK.search(sql.obfuscate(statement))


@settings(max_examples=MANY * 4, derandomize=True)
@given(
    st.sampled_from(sorted(LITERALS)).flatmap(lambda dialect: st.tuples(st.just(dialect), statements(dialect))),
    st.integers(1, 400),
    st.booleans(),
)
def test_no_literal_survives_wherever_a_statement_is_truncated(case: tuple[str, str], at: int, is_known: bool) -> None:
    dialect, statement = case
    assert not MARK.search(sql.obfuscate(statement[:at], dialect if is_known else ""))


@settings(max_examples=MANY, derandomize=True)
@given(statements("postgresql"))
def test_a_statement_of_a_known_dialect_is_readable(statement: str) -> None:
    assert sql.obfuscate(statement, "postgresql") != sql.UNPARSABLE


odd = st.text(alphabet="ab'\"`\\$[]{}()#-/*;, \nqEN1?@:.", max_size=30)


@settings(max_examples=MANY, derandomize=True)
@given(odd)
def test_any_string_is_processed_without_an_error(text: str) -> None:
    assert sql.obfuscate(text)


@settings(max_examples=MANY, derandomize=True)
@given(st.text(alphabet="ab (),=<>.1\n", max_size=30), standard, odd)
def test_no_literal_survives_whatever_surrounds_it(before: str, literal: str, after: str) -> None:
    assert not MARK.search(sql.obfuscate(before + literal + after))


# --- the other kinds -----------------------------------------------------------------------------

json_values = st.recursive(
    st.sampled_from([WORD, f'{WORD}"', f"{WORD}\\", int(NUMBER), float(NUMBER), True, None]),
    lambda smaller: (
        st.lists(smaller, max_size=3) | st.dictionaries(st.sampled_from(["a", 'b"', "$c"]), smaller, max_size=3)
    ),
)


@settings(max_examples=MANY, derandomize=True)
@given(json_values, st.integers(0, 200))
def test_no_value_in_json_survives_wherever_it_is_truncated(value: object, at: int) -> None:
    assert not MARK.search(json_body.obfuscate(json.dumps(value)[:at]))


redis_values = st.lists(
    st.sampled_from([WORD, "a", "{", "GET", "EX", "5", "\n", "[", f"{WORD}{WORD}".upper(), f'"{WORD}"'])
).map(" ".join)


@settings(max_examples=MANY, derandomize=True)
@given(
    st.sampled_from(
        ["SET k ", "HSET k f ", "MSET k ", "ZADD k 1 ", "GEOADD k 1 2 ", "GEORADIUSBYMEMBER k ", "LINSERT k BEFORE "]
    ),
    redis_values,
)
def test_no_word_of_a_redis_value_survives(command: str, value: str) -> None:
    assert not MARK.search(redis.obfuscate(command + WORD + " " + value) + redis.quantize(command + WORD + " " + value))


@settings(max_examples=MANY, derandomize=True)
@given(st.text(max_size=60))
def test_any_string_is_accepted_as_json_a_command_or_a_url(text: str) -> None:
    for rewrite in (json_body.obfuscate, redis.obfuscate, redis.quantize, memcached.obfuscate, http.obfuscate):
        assert isinstance(rewrite(text), str)


@settings(max_examples=MANY, derandomize=True)
@given(st.text(alphabet="ab/@:.?#%20", max_size=15), st.text(alphabet="ab/@:.?#%20", max_size=15))
def test_no_password_or_query_of_a_url_survives(before: str, after: str) -> None:
    assert WORD not in http.obfuscate(f"https://user:{WORD}@host/{before}?{after}={WORD}")
