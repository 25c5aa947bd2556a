"""The databases that are spoken to in SQL, and how each reads it, by the names that libraries give them.

Names in `db.system`, `db.system.name`, `db.type` and span types; those with a dot are OpenTelemetry's newer ones.
"""

from msgspec import Struct


class Dialect(Struct, frozen=True):
    """How a database reads what dialects disagree on.

    `hash`: what `#` is, part of a name or of an operator, or a comment; empty if nobody knows. `ways`: which of the
    other ways to read a text it has, by their names in `sql_lexer`; any, if `None`. `double_quotes`: whether `"…"` is
    always a `name`, always a `string`, or a string wherever a string can stand (`either`); empty if nobody knows.
    """

    hash: str = ""
    ways: frozenset[str] | None = None
    double_quotes: str = ""


UNKNOWN = Dialect()
_POSTGRESQL = Dialect("operator", frozenset({"backslash"}), "name")
_MYSQL = Dialect("comment", frozenset({"backslash", "dashes"}), "string")
_SQL_SERVER = Dialect("name", frozenset({"brackets"}))
_ORACLE = Dialect("name", frozenset({"q quotes"}), "name")
_BIGQUERY = Dialect("comment", frozenset({"backslash", "triple"}), "string")
_SQLITE = Dialect(double_quotes="either")

_NAMES: dict[Dialect, str] = {
    _POSTGRESQL: "postgresql postgres redshift aws.redshift cockroachdb greenplum yugabytedb",
    _MYSQL: "mysql mysql2 mariadb tidb singlestore memsql",
    _SQL_SERVER: "mssql sqlserver sql-server sql_server microsoft.sql_server",
    _ORACLE: "oracle oracle.db",
    _BIGQUERY: "bigquery gcp.bigquery",
    _SQLITE: "sqlite sqlite3",
    UNKNOWN: """
        sql db other_sql cassandra scylladb couchbase cosmosdb azure.cosmosdb db2 ibm.db2 informix ibm.informix netezza
        ibm.netezza hana saphana sap.hana maxdb sap.maxdb sybase adabas firebird interbase ingres h2 h2database hsqldb
        derby hive impala spark spark_sql databricks presto trino athena aws.athena snowflake clickhouse duckdb vertica
        teradata exasol spanner gcp.spanner druid pinot influxdb questdb timestream phoenix ignite calcite
    """,
}
DIALECTS = {name: way for way, names in _NAMES.items() for name in names.split()}


def dialect(database: str) -> Dialect:
    """Return how a database reads SQL."""
    return DIALECTS.get(database, UNKNOWN)
