"""SQL statements keep their shape and lose their literals."""

import pytest

from forwarder.traces.obfuscation.sql import MAX_CHARACTERS, UNPARSABLE, obfuscate

# Literals in the notations of various dialects. An empty `database` means unknown.
LITERALS = {
    "a string": ("'secret'", ""),
    "a doubled quote": ("'it''s secret'", ""),
    "a backslash before a quote": (r"'it\'s secret'", "mysql"),
    "a backslash at the end, for PostgreSQL": (r"'secret\'", "postgresql"),
    "an escape string": (r"E'it\'s secret'", ""),
    "a national string": ("N'secret'", "mssql"),
    "a raw string": (r"r'secret\d'", "bigquery"),
    "dollars": ("$$secret's$$", ""),
    "dollars with a tag": ("$tag$secret's $$ \"$tag$", ""),
    "Oracle's quotes": ("q'[it's secret]'", "oracle"),
    "three quotes": ('"""it\'s secret"""', "bigquery"),
    "double quotes": ('"secret"', "mysql"),
    "double quotes, nobody said whose": ('"secret"', ""),
    "double quotes with a backslash": (r'"say \"secret\""', "mysql"),
    "a comment in a string": ("'-- secret /* secret'", ""),
    "a line break in a string": ("'a\nsecret'", ""),
    "a number": ("5ec2e7", ""),
    "a decimal": ("12.5", ""),
    "a negative number": ("-.5e-10", ""),
    "a hexadecimal number": ("0x5EC2E7", ""),
    "a hexadecimal string": ("X'5ec2e7'", ""),
    "bits": ("B'0101'", ""),
    "a UUID": ("ab70900a-24e1-11df-8924-fffffffffabc", "cassandra"),
    "a UUID that begins with a digit": ("5b70900a-24e1-11df-8924-fffffffffabc", ""),
    "a boolean": ("TRUE", ""),
    "nothing": ("null", ""),
    "an ODBC escape": ("{ts 'secret'}", ""),
}


@pytest.mark.parametrize(("literal", "database"), LITERALS.values(), ids=LITERALS.keys())
def test_a_literal_becomes_a_question_mark(literal: str, database: str) -> None:
    statement = f"SELECT a FROM t WHERE b = {literal} AND c > d"
    assert obfuscate(statement, database) == "SELECT a FROM t WHERE b = ? AND c > d"


@pytest.mark.parametrize(("literal", "database"), LITERALS.values(), ids=LITERALS.keys())
def test_a_list_of_literals_becomes_one_question_mark(literal: str, database: str) -> None:
    statement = f"SELECT a FROM t WHERE b IN ({literal}, {literal},{literal})"
    assert obfuscate(statement, database) == "SELECT a FROM t WHERE b IN ( ? )"


@pytest.mark.parametrize(
    ("statement", "shape"),
    [
        ("INSERT INTO t (a) VALUES (1, 'x'), (2, 'y') RETURNING b", "INSERT INTO t ( a ) VALUES ( ? ) RETURNING b"),
        ("SELECT a FROM t WHERE (a, b) IN ((1, 2), (3, 4))", "SELECT a FROM t WHERE ( a, b ) IN ( ( ? ) )"),
        ("SELECT a AS b, c AS [d e], f AS 'g' FROM t AS u", "SELECT a, c, f FROM t"),
        ("CREATE TABLE t AS SELECT 1", "CREATE TABLE t AS SELECT ?"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "WITH x AS ( SELECT ? ) SELECT * FROM x"),
        ("SELECT CAST(a AS text) FROM t; SELECT 2;", "SELECT CAST ( a ) FROM t SELECT ?"),
        ("SELECT a -- one\n, b /* two */ FROM t # three", "SELECT a, b FROM t"),
        ("SELECT `a`.`b` FROM `t`", "SELECT a . b FROM t"),
        ("SELECT data->'a'->>'b' FROM t WHERE c @> '{}'::jsonb", "SELECT data -> ? ->> ? FROM t WHERE c @> ? :: jsonb"),
        ("SELECT :name, @variable, @@global FROM t", "SELECT :name, @variable, @@global FROM t"),
        ("SELECT a FROM t WHERE b = %s AND c = %(d)s AND e = $1", "SELECT a FROM t WHERE b = ? AND c = ? AND e = ?"),
        ("CASE WHEN a LIKE 'x%' THEN 1 ELSE 2 END", "CASE WHEN a LIKE ? THEN ? ELSE ? END"),
        ("SELECT   a\n\tFROM\r\nt", "SELECT a FROM t"),
    ],
)  # fmt: skip
def test_a_statement_keeps_its_shape(statement: str, shape: str) -> None:
    assert obfuscate(statement) == shape


def test_a_double_quoted_name_is_shown_where_only_a_name_is_allowed() -> None:
    statement = 'INSERT INTO "t" ("a", "b") SELECT "c", "u"."d" FROM "u" WHERE "e" IS NULL ORDER BY "f"'
    assert obfuscate(statement) == "INSERT INTO t ( a, b ) SELECT c, u . d FROM u WHERE e IS ? ORDER BY f"


@pytest.mark.parametrize(
    "place",
    [
        '"t"."a" = {}',
        '"a" LIKE {}',
        '"a" IN ({}, {})',
        '"a" BETWEEN {} AND {}',
        "lower({}) = a",
        "CASE WHEN a THEN {} ELSE {} END = b",
        '"a" || {} = b',
        "extract(day FROM {}) = b",
    ],
)
def test_a_double_quoted_literal_is_masked_even_if_names_are_quoted_the_same_way(place: str) -> None:
    literal = '"secret"'
    assert "secret" not in obfuscate(f'SELECT "a" FROM "t" WHERE {place.format(literal, literal)}')


@pytest.mark.parametrize("values", ['("secret")', '("a"), ("secret")', '("a", "secret")'])
def test_double_quoted_values_of_an_insert_are_masked(values: str) -> None:
    assert obfuscate(f'INSERT INTO "t" ("b") VALUES {values}') == "INSERT INTO t ( b ) VALUES ( ? )"


@pytest.mark.parametrize("name", ["an odd name", "count(*)"])
def test_a_quoted_name_in_an_unusual_form_is_masked(name: str) -> None:
    assert obfuscate(f"SELECT `{name}`, a FROM t") == "SELECT ?, a FROM t"


@pytest.mark.parametrize(
    ("statement", "database", "shape"),
    [
        ("SELECT a #>> '{b}' FROM t", "postgresql", "SELECT a #>> ? FROM t"),
        ("SELECT a FROM t WHERE b ? 'c'", "postgresql", "SELECT a FROM t WHERE b ? ?"),
        ("SELECT a FROM #t", "mssql", "SELECT a FROM #t"),
        ("SELECT a # don't\nFROM t # isn't", "mysql", "SELECT a FROM t"),
    ],
)
def test_a_hash_has_the_meaning_that_the_database_gives_it(statement: str, database: str, shape: str) -> None:
    assert obfuscate(statement, database) == shape


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT [user's] FROM t WHERE a = 'secret' AND [other's] = b",  # in SQL Server, the quotes are in the names
        "SELECT a # don't\nFROM t WHERE b = 'secret' # isn't",  # in MySQL, they are in comments
        "SELECT 1 // don't\n + 'secret' // isn't",
        "SELECT /* a /* b */ it's */ c, 'secret' FROM t",  # comments nest in PostgreSQL
        "SELECT '''it's secret''' , 'secret'",
        "SELECT 1 --it's\n , 'secret' --it's\n",
        r"SELECT a FROM t WHERE b = 'x\' AND c = ' secret ' OR d = 'y\''",
        "q'(it's secret)' || 'secret'",
        r"SELECT a FROM t WHERE b = 'it\'secret' // it's",  # Snowflake has backslashes and such comments
        "SELECT a #> $$\nsecret$$",  # in PostgreSQL, an operator
        r"SELECT a FROM t WHERE b = 'it\'s' // secret",
        "SELECT [a--b], 'c\nsecret', 'd'",
        'SELECT 5. "secret"',
    ],
)
def test_if_dialects_disagree_no_literal_of_any_is_shown(statement: str) -> None:
    assert "secret" not in obfuscate(statement)


@pytest.mark.parametrize(
    ("statement", "database"),
    [
        (r"INSERT INTO t (a, b) VALUES ('it\'s secret', 'anoth", "mysql"),
        (r"SELECT a FROM t WHERE b = 'C:\' AND c = 'secret' AND d = 'e", "postgresql"),
        ("SELECT a FROM t WHERE b = q'[it's secret]' AND c = 'd", "oracle"),
        ("SELECT '''it's secret''', 'a", "bigquery"),
        ("SELECT r'''it's secret' AND a", "bigquery"),
        (r"SELECT e'it\'secret", "postgresql"),
        ("SELECT a FROM [it's] WHERE b = 'secret' AND c = [it's", "mssql"),
    ],
)
@pytest.mark.parametrize("is_known", [True, False])
def test_a_statement_that_is_truncated_inside_a_literal_is_not_shown(
    statement: str, database: str, is_known: bool
) -> None:
    assert obfuscate(statement, database if is_known else "") == UNPARSABLE


@pytest.mark.parametrize(
    ("statement", "database", "shape"),
    [
        (r"UPDATE t SET a = 'it\'s' WHERE b = 'c'", "mysql", "UPDATE t SET a = ? WHERE b = ?"),
        (r"SELECT a FROM t WHERE b LIKE 'c' ESCAPE '\' AND d = 'e'", "postgresql",
         "SELECT a FROM t WHERE b LIKE ? ESCAPE ? AND d = ?"),
        ("SELECT a FROM [it's] WHERE b = 'c'", "mssql", "SELECT a FROM ? WHERE b = ?"),
        (r"SELECT a FROM t WHERE b = 'it\'s' // isn't", "snowflake", "SELECT a FROM t WHERE b = ?"),
        ('SELECT "a" FROM "t" WHERE b = $c', "snowflake", "SELECT a FROM t WHERE b = ?"),
        ("SELECT a FROM t WHERE b = $c", "sqlite", "SELECT a FROM t WHERE b = ?"),
        ("SELECT a FROM t WHERE b = $c", "duckdb", "SELECT a FROM t WHERE b = ?"),
    ],
)  # fmt: skip
def test_a_statement_is_tokenized_as_its_database_would(statement: str, database: str, shape: str) -> None:
    assert obfuscate(statement, database) == shape


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'secret",
        'SELECT "secret',
        "SELECT `secret",
        "SELECT /* secret",
        "SELECT $tag$secret",
        "SELECT $a$secret$b$",
        "SELECT a FROM t WHERE b = 'x' 'secret",
        "SELECT {fn secret",
        "SELECT } secret",
        "SELECT secret \\ x",
        "SELECT \N{CUCUMBER} secret",
        "SELECT secret AS [x",
        "",
        "   ",
        "-- only a comment",
    ],
)
def test_a_statement_that_cannot_be_parsed_is_not_shown(statement: str) -> None:
    assert obfuscate(statement) == UNPARSABLE


@pytest.mark.parametrize(
    ("statement", "shape"),
    [
        ('ALTER USER a IDENTIFIED BY "secret"', "ALTER USER a IDENTIFIED BY ?"),
        ("CREATE USER a IDENTIFIED BY secret", "CREATE USER a IDENTIFIED BY ?"),
        ("GRANT ALL ON b.* TO a IDENTIFIED BY secret", "GRANT ALL ON b.* TO a IDENTIFIED BY ?"),
        ("CREATE USER a IDENTIFIED WITH c BY secret", "CREATE USER a IDENTIFIED WITH ?"),
        ("ALTER USER a PASSWORD secret", "ALTER USER a PASSWORD ?"),
        ("CREATE LOGIN a WITH PASSWORD = secret-secret", "CREATE LOGIN a WITH PASSWORD = ?"),
        ("COPY t FROM 'b' CREDENTIALS secret", "COPY t FROM ? CREDENTIALS ?"),
        ("CREATE SECRET (TYPE s3, SECRET secret)", "CREATE SECRET ?"),
        ("SET my.token = secret; SELECT a", "SET my.token = ? SELECT a"),
        ("SET SESSION my.token TO secret", "SET SESSION my.token TO ?"),
        ("SET PASSWORD FOR a = secret", "SET PASSWORD ?"),
        ("ALTER ROLE a SET my.token = secret", "ALTER ROLE a SET my.token = ?"),
        ("SET key secret", "SET key ?"),
        ("SET NOCOUNT ON SELECT a, 'secret'", "SET NOCOUNT ON SELECT a, ?"),
        ("PRAGMA key=secret", "PRAGMA key = ?"),
        ("EXEC sp_addlogin bob, secret", "EXEC sp_addlogin ?"),
        ("EXEC @a = b secret", "EXEC @a = b ?"),
        ("ATTACH 'a' AS b KEY secret", "ATTACH ? KEY ?"),
        ("ATTACH 'a' AS b (ENCRYPTION_KEY secret)", "ATTACH ? ( ENCRYPTION_KEY ?"),
        ("INSERT INTO t FORMAT CSV\n1,secret;secret", "INSERT INTO t FORMAT CSV ?"),
        ('INSERT INTO t FORMAT JSONEachRow {"a": "secret"}', "INSERT INTO t FORMAT JSONEachRow ?"),
        ("COPY t FROM stdin;\n1\tsecret", "COPY t FROM stdin ?"),
        ("COPY t FROM STDIN;", "COPY t FROM STDIN"),
        ("SELECT format FROM t", "SELECT format FROM t"),
        ("SET", "SET"),
        ("EXEC b", "EXEC b"),
    ],
)  # fmt: skip
def test_an_unquoted_secret_is_masked_with_everything_after_it(statement: str, shape: str) -> None:
    assert obfuscate(statement) == shape


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password, secret FROM t WHERE password = a",
        "UPDATE t SET password = a WHERE secret = b",
        "CREATE TABLE t ( password text, b int )",
        "GRANT EXECUTE ON a TO b",
    ],
)
def test_a_column_with_such_a_name_is_not_a_secret(statement: str) -> None:
    assert obfuscate(statement) == statement


@pytest.mark.parametrize("database", ["", "cassandra", "snowflake"])
def test_a_possible_comment_is_not_shown(database: str) -> None:
    assert obfuscate("SELECT a // secret\nFROM t", database) == "SELECT a FROM t"


@pytest.mark.parametrize("database", ["mysql", "sqlite"])
def test_double_quotes_are_strings_in_some_databases(database: str) -> None:
    statement = 'SELECT "secret" FROM "t" WHERE "secret" = b ORDER BY "secret"'
    assert "secret" not in obfuscate(statement, database)


def test_double_quotes_are_names_in_sqlite_where_no_string_is_allowed() -> None:
    statement = 'INSERT INTO "t" ("a", "b") SELECT "u"."c", "d" FROM "u"'
    assert obfuscate(statement, "sqlite") == "INSERT INTO t ( a, b ) SELECT u . c, ? FROM u"


def test_by_is_followed_by_names_only_in_a_clause_of_a_query() -> None:
    assert (
        obfuscate('SELECT "a" FROM "t" GROUP BY "b"; CONNECT BY "secret"') == "SELECT a FROM t GROUP BY b CONNECT BY ?"
    )


def test_a_statement_that_is_too_long_is_not_parsed() -> None:
    assert obfuscate("SELECT a" + " " * MAX_CHARACTERS) == UNPARSABLE


@pytest.mark.parametrize(
    "unit",
    [
        "(",
        "'",
        '"',
        "`",
        "[",
        "''''''",
        "$a$a$",
        "$a",
        "/*",
        "--",
        "#'\n",
        "q'[",
        "\\'",
        "(1),(",
        "{",
        "1e",
        "'secret',",
    ],
)
def test_a_pathological_statement_of_maximum_length_is_processed(unit: str) -> None:  # fmt: skip
    assert "secret" not in obfuscate(unit * (MAX_CHARACTERS // len(unit)))
