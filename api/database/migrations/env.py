"""Alembic runs this; the connection is handed over by `api.database.migrate`."""

from alembic import context

from api.database.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
context.run_migrations()
