"""Audits that a named person confirmed, and tasks whose area was taken off the site."""

import sqlalchemy as sa
from alembic import op

revision = "0011_coverage_audits"
down_revision = "0010_plan_calendars"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("coverage_tasks", sa.Column("off_site_ns", sa.BigInteger, nullable=True))
    op.create_table(
        "coverage_audits",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("ladder_id", sa.String(20), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("made_ns", sa.BigInteger, nullable=False),
        sa.Column("confirmed_by", sa.String(80), nullable=False),
        sa.Column("confirmed_ns", sa.BigInteger, nullable=False),
        sa.Column("document_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_coverage_audits"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("coverage_audits")
    op.drop_column("coverage_tasks", "off_site_ns")
