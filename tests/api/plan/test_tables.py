"""The migration makes exactly the tables that the program describes."""

from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, insert, text
from sqlalchemy.exc import DatabaseError

from api.database import migrate
from api.database.tables import METADATA
from api.plan.tables import PLAN_HISTORY, PLAN_TABLES, PLAN_UNITS, day_number, day_of


def test_days_count_from_1970() -> None:
    assert day_number(date(1970, 1, 2)) == 1
    assert day_of(day_number(date(2028, 2, 29))) == date(2028, 2, 29)


def test_migration_and_description_agree(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'plan.db'}"
    migrate(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        names = {table.name for table in PLAN_TABLES}
        differences = [
            str(step)
            for step in compare_metadata(context, METADATA)
            if any(n in str(step) for n in names)
        ]
        assert differences == []
    engine.dispose()


def test_history_refuses_changes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'plan.db'}"
    migrate(url)
    engine = create_engine(url)
    row = {"unit_no": 1, "subject": "record:1", "action": "made", "actor": "王芳", "at_ns": 1}
    with engine.begin() as connection:
        connection.execute(insert(PLAN_UNITS).values(unit_no=1, unit_id="a"))
        digests = {"body_json": "{}", "previous_sha256": "", "sha256": "0"}
        connection.execute(insert(PLAN_HISTORY).values(**row, **digests))
    for act in ("UPDATE plan_history SET actor = 'x'", "DELETE FROM plan_history"):
        with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
            connection.execute(text(act))
    engine.dispose()
