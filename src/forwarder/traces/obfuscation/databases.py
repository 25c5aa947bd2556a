"""The databases that use SQL, and the dialect of each, by the names that libraries give them.

Names in `db.system`, `db.system.name`, `db.type` and span types; those with a dot are OpenTelemetry's newer ones.
"""

from msgspec import Struct


class Dialect(Struct, frozen=True):
    """How a database reads the constructs on which dialects disagree. Empty strings mean unknown.

    `own`: its own lexer options, by name in `sql_lexer`. `alternatives`: others that are possible, for example under
    other settings; `None` means any. `hash`: the meaning of `#`: part of a `name` or of an `operator`, or a `comment`.
    `double_quotes`: whether `"…"` is always a `name`, always a `string`, or a string wherever one is allowed
    (`either`).
    """

    own: str = ""
    alternatives: frozenset[str] | None = None
    hash: str = ""
    double_quotes: str = ""


_NO_ALTERNATIVES: frozenset[str] = frozenset()
_BACKSLASH = frozenset({"backslash"})
UNKNOWN = Dialect()
_POSTGRESQL = Dialect("standard", _BACKSLASH, "operator", "name")
_REDSHIFT = Dialect("", _BACKSLASH, "operator", "name")
_MYSQL = Dialect("dashes", _NO_ALTERNATIVES, "comment", "string")
_SQL_SERVER = Dialect("brackets", _NO_ALTERNATIVES, "name")
_ORACLE = Dialect("q quotes", _NO_ALTERNATIVES, "name", "name")
_BIGQUERY = Dialect("triple", _BACKSLASH, "comment", "string")
_SQLITE = Dialect("sqlite", _NO_ALTERNATIVES, double_quotes="either")
_SNOWFLAKE = Dialect("snowflake", _NO_ALTERNATIVES, double_quotes="name")
_DUCKDB = Dialect("duckdb", _NO_ALTERNATIVES, "operator", "name")
_CASSANDRA = Dialect("slashes", _NO_ALTERNATIVES)
_CLICKHOUSE = Dialect("backslash", _NO_ALTERNATIVES, double_quotes="name")
_SPARK = Dialect("backslash", _NO_ALTERNATIVES)
_TRINO = Dialect("standard", _BACKSLASH, double_quotes="name")

_NAMES: dict[Dialect, str] = {
    _POSTGRESQL: "postgresql postgres cockroachdb greenplum yugabytedb",
    _REDSHIFT: "redshift aws.redshift",
    _MYSQL: "mysql mysql2 mariadb tidb singlestore memsql",
    _SQL_SERVER: "mssql sqlserver sql-server sql_server microsoft.sql_server",
    _ORACLE: "oracle oracle.db",
    _BIGQUERY: "bigquery gcp.bigquery",
    _SQLITE: "sqlite sqlite3",
    _SNOWFLAKE: "snowflake",
    _DUCKDB: "duckdb",
    _CASSANDRA: "cassandra scylladb",
    _CLICKHOUSE: "clickhouse",
    _SPARK: "hive impala spark spark_sql databricks",
    _TRINO: "presto trino athena aws.athena",
    UNKNOWN: """
        sql db other_sql couchbase cosmosdb azure.cosmosdb db2 ibm.db2 informix ibm.informix netezza ibm.netezza hana
        saphana sap.hana maxdb sap.maxdb sybase adabas firebird interbase ingres h2 h2database hsqldb derby
        vertica teradata exasol spanner gcp.spanner druid pinot influxdb questdb timestream phoenix ignite calcite
    """,
}
DIALECTS = {name: found for found, names in _NAMES.items() for name in names.split()}


def dialect(database: str) -> Dialect:
    """Return how a database reads SQL."""
    return DIALECTS.get(database, UNKNOWN)
