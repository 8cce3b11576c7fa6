"""What the database says of itself: tables, columns, keys, partitions, sequences, triggers.

What belongs to an extension is left out. Every function takes a cursor, so that all of them can look at one snapshot.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from psycopg import sql

from llmops.backup.archive import Partition, Table


class Shape(NamedTuple):
    """A table: its name, the columns that hold what was written (no generated ones), and how its rows are ordered."""

    name: str
    columns: list[str]
    order: list[tuple[str, bool]]  # columns of the primary key, and whether each is a text

    def copy_out(self) -> sql.Composed:
        """COPY of all rows in an order that is the same in every database, whatever its collation."""
        order: list[sql.Composable] = [
            sql.SQL('{} COLLATE "C"').format(sql.Identifier(name)) if is_text else sql.Identifier(name)
            for name, is_text in self.order
        ] or [sql.SQL('t::text COLLATE "C"')]
        return sql.SQL("COPY (SELECT {} FROM {} t ORDER BY {}) TO STDOUT").format(
            _list(self.columns), sql.Identifier(self.name), sql.SQL(", ").join(order)
        )


def copy_in(table: Table) -> sql.Composed:
    return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), _list(table.columns))


def use_one_way_of_writing(cursor: Any) -> None:
    """Values are written the same whatever the server's settings are, and nothing gives up half-way."""
    settings = {
        "timezone": "UTC",
        "datestyle": "ISO, YMD",
        "intervalstyle": "postgres",
        "bytea_output": "hex",
        "extra_float_digits": "1",
        "statement_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
    }
    for name, value in settings.items():
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def shapes(cursor: Any) -> list[Shape]:
    cursor.execute(
        f"SELECT c.oid, c.relname FROM pg_class c WHERE {_OURS} AND c.relkind IN ('r', 'p')"  # noqa: S608  a constant
        " AND NOT c.relispartition AND c.relpersistence = 'p' ORDER BY c.relname COLLATE \"C\""
    )
    return [Shape(name, _columns(cursor, oid), _primary_key(cursor, oid)) for oid, name in cursor.fetchall()]


def partitions(cursor: Any) -> list[Partition]:
    cursor.execute(
        "SELECT c.relname, p.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_class c"  # noqa: S608  a constant
        " JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent"
        f" WHERE {_OURS} AND c.relispartition AND c.relkind = 'r' ORDER BY c.relname"
    )
    return [Partition(name, of, bound) for name, of, bound in cursor.fetchall()]


def sequences(cursor: Any) -> dict[str, tuple[int, bool]]:
    values = {}
    for name in sequence_names(cursor):
        cursor.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(name)))
        values[name] = cursor.fetchone()
    return values


def sequence_names(cursor: Any) -> list[str]:
    return _names(cursor, f"SELECT c.relname FROM pg_class c WHERE {_OURS} AND c.relkind = 'S' ORDER BY 1")  # noqa: S608


def triggers_of(cursor: Any, table: str) -> list[str]:
    """Names of the triggers that fire; those that keep foreign keys are no part."""
    query = (
        "SELECT tgname FROM pg_trigger"
        " WHERE tgrelid = quote_ident(%s)::regclass AND NOT tgisinternal AND tgenabled = 'O'"
    )
    return _names(cursor, query, table)


def tables_with_rows(cursor: Any) -> list[str]:
    found = []
    for shape in shapes(cursor):
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT 1 FROM {})").format(sql.Identifier(shape.name)))
        if cursor.fetchone()[0]:
            found.append(shape.name)
    return found


def others_at_work(cursor: Any) -> int:
    """How many sessions the platform's own role has in this database under another name than this process's."""
    cursor.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
        " AND backend_type = 'client backend' AND application_name <> current_setting('application_name')"
    )
    return int(cursor.fetchone()[0])


def drop_everything(cursor: Any) -> None:
    """Take away every table, sequence and function of this role in the schema; extensions stay."""
    for shape in shapes(cursor):
        cursor.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(shape.name)))
    for name in sequence_names(cursor):
        cursor.execute(sql.SQL("DROP SEQUENCE {} CASCADE").format(sql.Identifier(name)))
    functions = _names(
        cursor,
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner"
        " WHERE p.pronamespace = current_schema()::regnamespace AND r.rolname = current_user"
        " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')",
    )
    for function in functions:
        cursor.execute(f"DROP ROUTINE {function} CASCADE")  # Postgres quoted it


_OURS = (
    "c.relnamespace = current_schema()::regnamespace AND NOT EXISTS"
    " (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"
)


def _columns(cursor: Any, table: int) -> list[str]:
    query = (
        "SELECT attname FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' ORDER BY attnum"
    )
    return _names(cursor, query, table)


def _primary_key(cursor: Any, table: int) -> list[tuple[str, bool]]:
    cursor.execute(
        "SELECT a.attname, a.attcollation <> 0 FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (number, place)"
        " JOIN pg_attribute a ON a.attnum = k.number"
        " WHERE i.indrelid = %s AND a.attrelid = i.indrelid AND i.indisprimary ORDER BY k.place",
        [table],
    )
    return list(cursor.fetchall())


def _names(cursor: Any, query: str, *parameters: Any) -> list[str]:
    cursor.execute(query, list(parameters) or None)
    return [str(name) for (name,) in cursor.fetchall()]


def _list(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
