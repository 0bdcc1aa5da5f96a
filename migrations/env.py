"""Run migrations against the database that DATABASE_URL names."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from gatehouse.ledger.tables import metadata


def migrate_online() -> None:
    """Migrate over one connection, all or nothing."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        msg = "DATABASE_URL isn't set. Source .run/env, or export postgresql+psycopg://user:password@host/db"
        raise SystemExit(msg)
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    migrate_online()
