"""Delivery: the outbox, the paths' states, the senders and the times."""

import sqlalchemy as sa
from alembic import op

revision = "0005_delivery"
down_revision = "0004_desk"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("message_id", sa.String(40), nullable=False),
        sa.Column("target_id", sa.String(40), nullable=False),
        sa.Column("alarm_number", _SERIAL, nullable=True),
        sa.Column("action", sa.String(30), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("is_test", sa.Boolean, nullable=False),
        sa.Column("only_path_id", sa.String(40), nullable=True),
        sa.Column("body_json", sa.Text, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("next_ns", sa.BigInteger, nullable=False),
        sa.Column("lease_until_ns", sa.BigInteger, nullable=True),
        sa.Column("lease_owner", sa.String(40), nullable=True),
        sa.Column("path_id", sa.String(40), nullable=True),
        sa.Column("sent_ns", sa.BigInteger, nullable=True),
        sa.Column("settled_ns", sa.BigInteger, nullable=True),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_deliveries"),
        sa.UniqueConstraint("message_id", name="uq_deliveries_message_id"),
        sa.ForeignKeyConstraint(
            ["alarm_number"], ["alarms.number"], name="fk_deliveries_alarm_number"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_work", "deliveries", ["is_open", "target_id", "priority", "seq"])
    op.create_index("ix_deliveries_order", "deliveries", ["target_id", "alarm_number", "seq"])
    op.create_index("ix_deliveries_settled_ns", "deliveries", ["settled_ns"])
    op.create_table(
        "delivery_paths",
        sa.Column("target_id", sa.String(40), nullable=False),
        sa.Column("path_id", sa.String(40), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
        sa.Column("checked_ns", sa.BigInteger, nullable=False),
        sa.Column("last_receipt_ns", sa.BigInteger, nullable=True),
        sa.Column("misses", sa.Integer, nullable=False),
        sa.Column("breaker", sa.String(10), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("target_id", "path_id", name="pk_delivery_paths"),
    )
    op.create_table(
        "delivery_senders",
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("beat_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_delivery_senders"),
    )
    op.create_table(
        "delivery_controls",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("target_id", sa.String(40), nullable=False),
        sa.Column("path_id", sa.String(40), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("command", sa.String(60), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_controls"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "delivery_times",
        sa.Column("target_id", sa.String(40), nullable=False),
        sa.Column("stage", sa.String(10), nullable=False),
        sa.Column("le_s", sa.Float, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("sum_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("target_id", "stage", "le_s", name="pk_delivery_times"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup made before the upgrade")
