"""Evidence: whose account a viewing is, and when an export became ready."""

import sqlalchemy as sa
from alembic import op

revision = "0012_evidence_registers"
down_revision = "0011_coverage_audits"
branch_labels = None
depends_on = None

_SEEN = ("viewings", "uq_viewings_viewer", ("viewer", "camera_id", "window_ns", "account"))
_PLAYED = (
    "evidence_viewings",
    "uq_evidence_viewings_window",
    ("alarm_number", "camera_id", "viewer", "act", "reason", "window_ns", "account", "note"),
)


def upgrade() -> None:
    for table, key, columns in (_SEEN, _PLAYED):
        _give_account(table, key, columns)
    op.add_column("evidence_exports", sa.Column("ready_ns", sa.BigInteger, nullable=True))
    # Nobody knows when an older package became ready; its time runs from the last word on it.
    exports = sa.table(
        "evidence_exports",
        *(sa.column(name) for name in ("state", "ready_ns", "decided_ns", "requested_ns")),
    )
    op.execute(
        exports.update()
        .where(exports.c.state == "ready")
        .values(ready_ns=sa.func.coalesce(exports.c.decided_ns, exports.c.requested_ns))
    )


def _give_account(table: str, key: str, columns: tuple[str, ...]) -> None:
    """A register's account, and its new key. SQLite copies the table and drops its triggers."""
    with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_constraint(key, type_="unique")
        batch.add_column(sa.Column("account", sa.String(80), nullable=False, server_default=""))
        batch.create_unique_constraint(key, list(columns))
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
