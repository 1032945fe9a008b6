"""Camera health, orders to workers, live coverage with its days, changes and tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0008_coverage"
down_revision = "0007_evidence"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _create_health()
    _create_faults()
    _create_orders()
    _create_coverage()
    _create_days()
    _create_tasks()


def _create_health() -> None:
    op.create_table(
        "camera_health",
        sa.Column("camera_id", sa.String(80), nullable=False),
        sa.Column("captured_ns", sa.BigInteger, nullable=False),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("suspended_ns", sa.BigInteger, nullable=True),
        sa.Column("observed_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("camera_id", name="pk_camera_health"),
    )
    op.create_table(
        "camera_baselines",
        sa.Column("camera_id", sa.String(80), nullable=False),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("learnt_ns", sa.BigInteger, nullable=False),
        sa.Column("landmarks", sa.Integer, nullable=False),
        sa.Column("watches_movement", sa.Boolean, nullable=False),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
        sa.Column("confirmed_by", sa.String(80), nullable=False),
        sa.Column("confirmed_ns", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("camera_id", "mode", name="pk_camera_baselines"),
    )


def _create_faults() -> None:
    op.create_table(
        "camera_faults",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("camera_id", sa.String(80), nullable=False),
        sa.Column("fault", sa.String(20), nullable=False),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
        sa.Column("closed_ns", sa.BigInteger, nullable=True),
        sa.Column("measured", sa.Float, nullable=False),
        sa.Column("limit_value", sa.Float, nullable=False),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_camera_faults"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_camera_faults_since_ns", "camera_faults", ["since_ns"])
    op.create_index("ix_camera_faults_open", "camera_faults", ["camera_id", "closed_ns"])


def _create_orders() -> None:
    op.create_table(
        "camera_orders",
        sa.Column("number", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("camera_id", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("mode", sa.String(10), nullable=False),
        sa.Column("learnt_ns", sa.BigInteger, nullable=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_camera_orders"),
        sqlite_autoincrement=True,
    )


def _create_coverage() -> None:
    op.create_table(
        "coverage_changes",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("site_sha256", sa.String(64), nullable=False),
        sa.Column("healthy_json", sa.Text, nullable=False),
        sa.Column("areas_json", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_coverage_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_coverage_changes_at_ns", "coverage_changes", ["at_ns"])


def _create_days() -> None:
    op.create_table(
        "coverage_days",
        sa.Column("area_id", sa.String(80), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("watched_s", sa.Float, nullable=False),
        sa.Column("lost_m2_s", sa.Float, nullable=False),
        sa.Column("blind_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("area_id", "day", name="pk_coverage_days"),
    )
    op.create_table(
        "camera_days",
        sa.Column("camera_id", sa.String(80), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("watched_s", sa.Float, nullable=False),
        sa.Column("healthy_s", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("camera_id", "day", name="pk_camera_days"),
    )


def _create_tasks() -> None:
    op.create_table(
        "coverage_tasks",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("area_id", sa.String(80), nullable=False),
        sa.Column("camera_ids_json", sa.Text, nullable=False),
        sa.Column("opened_ns", sa.BigInteger, nullable=False),
        sa.Column("due_ns", sa.BigInteger, nullable=False),
        sa.Column("seen_again_ns", sa.BigInteger, nullable=True),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("closed_ns", sa.BigInteger, nullable=True),
        sa.Column("closed_by", sa.String(80), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_coverage_tasks"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_coverage_tasks_open", "coverage_tasks", ["area_id", "closed_ns"])
