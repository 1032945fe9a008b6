"""Papers of the plan, privacy of its pictures, what a calendar feed may show."""

import sqlalchemy as sa
from alembic import op

revision = "0009_plan_papers"
down_revision = "0008_coverage"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "plan_papers",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("first_day", sa.Integer, nullable=False),
        sa.Column("last_day", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("figures_json", sa.Text, nullable=False),
        sa.Column("author", sa.String(80), nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("receipt_no", sa.String(80), nullable=False, server_default=""),
        sa.Column("receipt_by", sa.String(80), nullable=False, server_default=""),
        sa.ForeignKeyConstraint(
            ["unit_no"], ["plan_units.unit_no"], name="fk_plan_papers_unit_no_plan_units"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_plan_papers"),
    )
    op.create_index("ix_plan_papers_unit_no", "plan_papers", ["unit_no"])
    privacy = sa.Column("privacy", sa.String(12), nullable=False, server_default="unchecked")
    op.add_column("plan_attachments", privacy)
    op.add_column("plan_feeds", sa.Column("rules_json", sa.Text, nullable=True))


def downgrade() -> None:
    op.drop_column("plan_feeds", "rules_json")
    op.drop_column("plan_attachments", "privacy")
    op.drop_index("ix_plan_papers_unit_no", "plan_papers")
    op.drop_table("plan_papers")
