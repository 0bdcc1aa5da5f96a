"""The migrations build exactly what the tables say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from gatehouse.ledger.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection


def test_the_migrated_database_is_what_the_tables_describe(connection: Connection) -> None:
    assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_no_table_has_a_column_for_a_name_or_a_face_vector() -> None:
    columns = {column.name for table in metadata.tables.values() for column in table.columns}
    assert columns.isdisjoint({"first_name", "last_name", "full_name", "email", "vector", "embedding"})
