"""Evidence: clips, the register of who played them, exports, events of the recording."""

import sqlalchemy as sa
from alembic import op

revision = "0007_evidence"
down_revision = "0006_access"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_REGISTER = "evidence_viewings"


def upgrade() -> None:
    _create_clips()
    _create_register()
    _create_exports()
    op.create_table(
        "recording_events",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("camera_id", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("cause", sa.String(30), nullable=False),
        sa.Column("from_ns", sa.BigInteger, nullable=False),
        sa.Column("to_ns", sa.BigInteger, nullable=True),
        sa.Column("noticed_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recording_events"),
        sa.UniqueConstraint("camera_id", "kind", "from_ns", name="uq_recording_events_camera_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recording_events_noticed_ns", "recording_events", ["noticed_ns"])


def _create_clips() -> None:
    op.create_table(
        "evidence_clips",
        sa.Column("alarm_number", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("from_ns", sa.BigInteger, nullable=False),
        sa.Column("to_ns", sa.BigInteger, nullable=True),
        sa.Column("camera_ids_json", sa.Text, nullable=False),
        sa.Column("zone_ids_json", sa.Text, nullable=False),
        sa.Column("origin_json", sa.Text, nullable=False),
        sa.Column("keep_days", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("cut_short", sa.Boolean, nullable=False),
        sa.Column("hold_json", sa.Text, nullable=True),
        sa.Column("deleted_ns", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("alarm_number", name="pk_evidence_clips"),
        sa.ForeignKeyConstraint(
            ["alarm_number"], ["alarms.number"], name="fk_evidence_clips_alarm_number"
        ),
    )
    op.create_index("ix_evidence_clips_state", "evidence_clips", ["state"])


def _create_register() -> None:
    op.create_table(
        _REGISTER,
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("alarm_number", _SERIAL, nullable=False),
        sa.Column("camera_id", sa.String(80), nullable=False),
        sa.Column("viewer", sa.String(80), nullable=False),
        sa.Column("act", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("window_ns", sa.BigInteger, nullable=False),
        sa.Column("first_at_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_viewings"),
        sa.UniqueConstraint(
            "alarm_number", "camera_id", "viewer", "act", "reason", "window_ns",
            name="uq_evidence_viewings_window",
        ),
        sa.ForeignKeyConstraint(
            ["alarm_number"], ["alarms.number"], name="fk_evidence_viewings_alarm_number"
        ),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_evidence_viewings_alarm_number", _REGISTER, ["alarm_number"])
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {_REGISTER}_no_{act.lower()} BEFORE {act} ON {_REGISTER} "
                f"BEGIN SELECT RAISE(ABORT, '{_REGISTER} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {_REGISTER}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REGISTER} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {_REGISTER}_append_only BEFORE UPDATE OR DELETE ON {_REGISTER} "
        f"FOR EACH ROW EXECUTE FUNCTION {_REGISTER}_append_only()"
    )


def _create_exports() -> None:
    op.create_table(
        "evidence_exports",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("alarm_number", _SERIAL, nullable=False),
        sa.Column("redacted", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("case_no", sa.String(80), nullable=False),
        sa.Column("requested_by", sa.String(80), nullable=False),
        sa.Column("requested_account", sa.String(80), nullable=False),
        sa.Column("requested_ns", sa.BigInteger, nullable=False),
        sa.Column("decided_by", sa.String(80), nullable=False),
        sa.Column("decided_ns", sa.BigInteger, nullable=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("file_bytes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_exports"),
        sa.ForeignKeyConstraint(
            ["alarm_number"], ["alarms.number"], name="fk_evidence_exports_alarm_number"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_evidence_exports_alarm_number", "evidence_exports", ["alarm_number"])
    op.create_index("ix_evidence_exports_state", "evidence_exports", ["state"])
