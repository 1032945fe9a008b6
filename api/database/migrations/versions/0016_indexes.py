"""Indexes for what is asked again and again over a year of history."""

import sqlalchemy as sa
from alembic import op

revision = "0016_indexes"
down_revision = "0015_long_subjects"
branch_labels = None
depends_on = None

_ENDED_BADLY = sa.text("ended_by IS NULL AND state IN ('rejected', 'given_up')")


def upgrade() -> None:
    op.create_index("ix_deliveries_alarm_number", "deliveries", ["alarm_number"])
    op.create_index("ix_deliveries_newest", "deliveries", ["target_id", "seq"])
    op.create_index(
        "ix_deliveries_ended_badly",
        "deliveries",
        ["target_id"],
        sqlite_where=_ENDED_BADLY,
        postgresql_where=_ENDED_BADLY,
    )
    op.create_index("ix_alarm_history_at_ns", "alarm_history", ["at_ns"])
    op.create_index("ix_records_kind_received_ns", "records", ["kind", "received_ns"])
    op.drop_index("ix_records_received_ns", "records")


def downgrade() -> None:
    op.create_index("ix_records_received_ns", "records", ["received_ns"])
    op.drop_index("ix_records_kind_received_ns", "records")
    op.drop_index("ix_alarm_history_at_ns", "alarm_history")
    op.drop_index("ix_deliveries_newest", "deliveries")
    op.drop_index("ix_deliveries_ended_badly", "deliveries")
    op.drop_index("ix_deliveries_alarm_number", "deliveries")
