"""Alembic's entry: run within the connection that the database has open."""

from alembic import context

from safedns.coordinator.schema import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
