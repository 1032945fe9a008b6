"""Delivery: when a message was sent again, and who knows of one that ended badly."""

import sqlalchemy as sa
from alembic import op

revision = "0014_delivery_ends"
down_revision = "0013_plan_rights"
branch_labels = None
depends_on = None

_REMOVED = "the receiver was removed by "


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("requeued_ns", sa.BigInteger, nullable=True))
    op.add_column("deliveries", sa.Column("ended_by", sa.String(80), nullable=True))
    # Whoever removed a receiver saw how many messages that gave up.
    deliveries = sa.table("deliveries", sa.column("detail"), sa.column("ended_by"))
    op.execute(
        deliveries.update()
        .where(deliveries.c.detail.startswith(_REMOVED))
        .values(ended_by=sa.func.substr(deliveries.c.detail, len(_REMOVED) + 1, 80))
    )


def downgrade() -> None:
    op.drop_column("deliveries", "ended_by")
    op.drop_column("deliveries", "requeued_ns")
