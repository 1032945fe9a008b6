"""Whose account a calendar address is, and which records a paper holds."""

import sqlalchemy as sa
from alembic import op

revision = "0013_plan_rights"
down_revision = "0012_evidence_registers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("plan_feeds", "rules_json")
    # Both stay empty for older addresses: nobody can tell whose they are, so they open nothing.
    op.add_column("plan_feeds", sa.Column("account", sa.String(80), nullable=True))
    op.add_column("plan_feeds", sa.Column("roles_json", sa.Text, nullable=True))
    op.add_column("plan_papers", sa.Column("records_json", sa.Text, nullable=True))


def downgrade() -> None:
    op.drop_column("plan_papers", "records_json")
    op.drop_column("plan_feeds", "roles_json")
    op.drop_column("plan_feeds", "account")
    op.add_column("plan_feeds", sa.Column("rules_json", sa.Text, nullable=True))
