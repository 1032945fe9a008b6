"""An audit that the command line confirmed is kept in the service, once, if it is of its site."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.access import audit
from api.cli.coverage import coverage_app
from api.coverage import signed
from api.coverage.audit_file import write_json
from api.coverage.document import AuditDocument
from api.coverage.signed import SignedAudit
from api.database import Database, migrate
from config import sample_school_directory

CONFIRMED_AT = "2026-11-24T01:00:00Z"


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'xiaoan.db'}"
    migrate(url)
    return url


def keep(path: Path, database: str) -> tuple[int, str]:
    words = ["keep", str(path), "--site", str(sample_school_directory()), "--database", database]
    done = CliRunner().invoke(coverage_app, words)
    return done.exit_code, done.output


def held(database: str) -> tuple[tuple[SignedAudit, ...], list[str]]:
    """The audits of the service, and who brought them there by its log."""

    async def read() -> tuple[tuple[SignedAudit, ...], list[str]]:
        async with Database(database) as opened, opened.read() as connection:
            entries = await audit.listed(connection, before=1000, limit=10)
            told = [one.actor for one in entries if one.action == "coverage.audit_kept"]
            return await signed.kept(connection), told

    return asyncio.run(read())


def test_a_confirmed_audit_is_kept_once(
    document: AuditDocument, database: str, tmp_path: Path
) -> None:
    path = tmp_path / "signed.json"
    confirmed = document.confirmed("王主任", CONFIRMED_AT)
    write_json(confirmed, path)
    for words in ("已把 signed.json 存入服务", "已在服务中"):
        code, said = keep(path, database)
        assert code == 0, said
        assert words in said
    audits, told = held(database)
    assert [(one.confirmed_by, one.sha256) for one in audits] == [("王主任", confirmed.sha256)]
    assert told == ["command line"]


def test_what_nobody_confirmed_or_another_site_made_is_not_kept(
    document: AuditDocument, database: str, tmp_path: Path
) -> None:
    other = document.model_copy(update={"site_id": "elsewhere"}).sealed()
    refused = {
        "confirm it first": document,
        "elsewhere": other.confirmed("王主任", CONFIRMED_AT),
        "names nobody": document.confirmed("王" * 81, CONFIRMED_AT),
        "cannot be read": document.confirmed("王主任", "yesterday"),
    }
    for words, wrong in refused.items():
        write_json(wrong, tmp_path / "wrong.json")
        code, said = keep(tmp_path / "wrong.json", database)
        assert (code, words in said) == (1, True), said
    assert held(database) == ((), [])


def test_a_database_that_is_not_there_is_refused_and_not_made(
    document: AuditDocument, tmp_path: Path
) -> None:
    path, school = tmp_path / "signed.json", str(sample_school_directory())
    write_json(document.confirmed("王主任", CONFIRMED_AT), path)
    url = f"sqlite:///{tmp_path / 'none.db'}"
    audited = ["audit", "--site", school, "--database", url, "--out", str(tmp_path / "a.json")]
    done = CliRunner().invoke(coverage_app, audited)
    for code, said in (keep(path, url), (done.exit_code, done.output)):
        assert code == 1
        assert "none.db" in said
    assert not (tmp_path / "none.db").exists()
