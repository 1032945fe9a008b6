"""The register of viewings: who played what, told apart by account and by reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Boolean, MetaData, String, Table, delete, insert, select, update
from sqlalchemy.exc import DBAPIError
from starlette.requests import HTTPConnection

from api.access.actor import Actor, Grant
from api.access.rights import Role
from api.database import migrate
from api.database.engine import parse_url
from api.database.migrate import _config
from api.database.reach import opened
from api.database.tables import VIEWINGS
from api.evidence.tables import EVIDENCE_VIEWINGS, EXPORTS
from tests.api.conftest import create_database
from tests.api.evidence.cases import EvidenceDesk, NamedAccess, evidence_desk

WHO = {"x-person": "li"}
BEFORE = "0011_coverage_audits"


async def lines(case: EvidenceDesk) -> list[dict[str, str]]:
    """Oldest first."""
    answer = await case.desk.client.get("/api/v1/evidence/register", headers=WHO)
    found: list[dict[str, str]] = answer.json()["lines"]
    return found[::-1]


async def play(case: EvidenceDesk, number: int, person: str = "wang", **asked: str) -> None:
    answer = await case.desk.client.get(
        f"/api/v1/alarms/{number}/clip", params=asked, headers={"x-person": person},
        follow_redirects=True,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text


async def test_two_people_of_one_name_have_a_line_each(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_header = NamedAccess.actor_of

    async def namesakes(self: NamedAccess, request: HTTPConnection) -> Actor | None:
        person = request.headers.get("x-person", "")
        if person in ("fang1", "fang2"):
            return Actor("王芳", (Grant(Role.OPERATOR),), account=person)
        return await by_header(self, request)

    monkeypatch.setattr(NamedAccess, "actor_of", namesakes)
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        for person in ("fang1", "fang2", "fang1"):
            await play(case, number, person)
        assert [(line["viewer"], line["account"]) for line in await lines(case)] == [
            ("王芳", "fang1"), ("王芳", "fang2"),
        ]  # fmt: skip


async def test_each_reason_that_is_given_stands_in_the_register(
    database_url: str, tmp_path: Path
) -> None:
    async with evidence_desk(database_url, tmp_path) as case:
        number = await case.alarm_of_a_crowd(5.0)
        await case.end_alarm(number)
        for note in ("家长投诉", "教育局督导", "家长投诉"):
            await play(case, number, reason="other", note=note)
        assert [line["note"] for line in await lines(case)] == ["家长投诉", "教育局督导"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    server = request.getfixturevalue("postgres_server")
    create_database(server, "before_accounts", "template0")
    return str(server.format(name="before_accounts"))


def row_of(table: Table, **values: object) -> dict[str, object]:
    """A row whose other columns hold an empty text or a one."""
    empty = {
        column.name: "" if isinstance(column.type, String) else 1
        for column in table.columns
        if not column.nullable and not isinstance(column.type, Boolean)
    }
    flags = {one.name: False for one in table.columns if isinstance(one.type, Boolean)}
    return {**empty, **flags, **values}


def test_registers_and_packages_of_an_older_database_stay(empty_url: str) -> None:
    with opened(parse_url(empty_url)) as engine:
        config = _config()
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, BEFORE)
        with engine.begin() as connection:
            old = MetaData()
            names = ("alarms", "viewings", "evidence_viewings", "evidence_exports")
            old.reflect(connection, only=names)
            for name, values in (
                ("alarms", {"number": 1}),
                ("viewings", {"viewer": "王芳"}),
                ("evidence_viewings", {"viewer": "王芳", "alarm_number": 1}),
                ("evidence_exports", {"state": "ready", "requested_ns": 5, "decided_ns": 7}),
            ):
                table = old.tables[name]
                connection.execute(insert(table).values(row_of(table, **values)))
        migrate(empty_url)
        with engine.begin() as connection:
            for table in (VIEWINGS, EVIDENCE_VIEWINGS):
                (row,) = connection.execute(select(table)).mappings()
                assert (row["viewer"], row["account"]) == ("王芳", "")
            assert connection.execute(select(EXPORTS.c.ready_ns)).scalars().all() == [7]
        for table in (VIEWINGS, EVIDENCE_VIEWINGS):
            for act in (delete(table), update(table).values(viewer="nobody")):
                with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
                    connection.execute(act)
