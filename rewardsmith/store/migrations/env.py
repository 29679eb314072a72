"""Run by Alembic: migrate over the connection that the caller holds, inside the caller's transaction."""

from __future__ import annotations

from alembic import context

from rewardsmith.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
