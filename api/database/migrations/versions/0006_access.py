"""Accounts, their roles and sessions, and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0006_access"
down_revision = "0005_delivery"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("display_name", sa.String(80), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary, nullable=True),
        sa.Column("totp_used", sa.BigInteger, nullable=False),
        sa.Column("recovery_json", sa.Text, nullable=False),
        sa.Column("subject", sa.String(300), nullable=True),
        sa.Column("disabled_ns", sa.BigInteger, nullable=True),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("name", name="uq_accounts_name"),
        sa.UniqueConstraint("subject", name="uq_accounts_subject"),
        sqlite_autoincrement=True,
    )
    _create_grants()
    _create_sessions()
    _create_audit()


def _create_grants() -> None:
    op.create_table(
        "account_grants",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("account_id", _SERIAL, nullable=False),
        sa.Column("role", sa.String(30), nullable=False),
        sa.Column("site", sa.String(80), nullable=False),
        sa.Column("zones_json", sa.Text, nullable=True),
        sa.Column("until_ns", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_account_grants"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_account_grants_account_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_account_grants_account_id", "account_grants", ["account_id"])


def _create_sessions() -> None:
    op.create_table(
        "account_sessions",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("account_id", _SERIAL, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("seen_ns", sa.BigInteger, nullable=False),
        sa.Column("address", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_account_sessions"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_account_sessions_account_id"
        ),
    )
    op.create_index("ix_account_sessions_account_id", "account_sessions", ["account_id"])
    op.create_index("ix_account_sessions_seen_ns", "account_sessions", ["seen_ns"])


def _create_audit() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("detail_json", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_at_ns", "audit_log", ["at_ns"])
    _refuse_changes("audit_log")


def _refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
    )


def downgrade() -> None:
    for table in ("audit_log", "account_sessions", "account_grants", "accounts"):
        op.drop_table(table)
