"""The chain of the audit log: what tampering looks like, and that it is found."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
import structlog

from api.access import audit
from api.access.audit import Act, Anchor
from api.database import Database
from tests.api.access.cases import house
from vision.instants import Utc


async def three_entries(database: Database) -> tuple[Anchor, ...]:
    heads = []
    for number in range(3):
        async with database.write() as connection:
            act = Act("alarm.acknowledge", str(number), {"name": "王芳"})
            entry = await audit.append(connection, "wang", act, Utc(1_000 + number))
            heads.append(Anchor(entry.seq, entry.hash))
    return tuple(heads)


async def test_the_hash_is_sha256_over_the_one_before_and_the_record(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        first = (await three_entries(database))[0]
    record = (
        '{"account":"","action":"alarm.acknowledge","actor":"wang","at_ns":1000,'
        '"detail_json":"{\\"name\\":\\"王芳\\"}","seq":1,"subject":"0"}'
    )
    assert first.hash == sha256(b"0" * 64 + record.encode()).hexdigest()


async def test_a_chain_that_nobody_touched_holds(database_url: str) -> None:
    async with Database(database_url) as database:
        anchors = await three_entries(database)
        async with database.read() as connection:
            assert await audit.verify(connection, anchors) == audit.Verdict(3)


_SWAP = (
    "UPDATE audit_log SET seq = 9 WHERE seq = 2; UPDATE audit_log SET seq = 2 WHERE seq = 3; "
    "UPDATE audit_log SET seq = 3 WHERE seq = 9"
)


@pytest.mark.parametrize(
    ("tampering", "fault", "seq"),
    [
        ("UPDATE audit_log SET actor = 'li' WHERE seq = 2", "changed", 2),
        ("UPDATE audit_log SET detail_json = '{}' WHERE seq = 3", "changed", 3),
        ("UPDATE audit_log SET at_ns = 1 WHERE seq = 1", "changed", 1),
        ("DELETE FROM audit_log WHERE seq = 2", "missing", 3),
        ("DELETE FROM audit_log WHERE seq = 1", "missing", 2),
        ("DELETE FROM audit_log WHERE seq = 3", "cut_off", 3),
        (_SWAP, "out_of_order", 2),
    ],
)
async def test_tampering_is_found_where_it_was_done(
    sqlite_url: str, tampering: str, fault: str, seq: int
) -> None:
    async with Database(sqlite_url) as database:
        anchors = await three_entries(database)
        async with database.write() as connection:
            await connection.exec_driver_sql("DROP TRIGGER audit_log_no_update")
            await connection.exec_driver_sql("DROP TRIGGER audit_log_no_delete")
            for statement in tampering.split("; "):
                await connection.exec_driver_sql(statement)
        async with database.read() as connection:
            found = await audit.verify(connection, anchors)
    assert (found.fault, found.seq) == (fault, seq)


async def test_a_chain_that_was_written_anew_differs_from_its_anchor(sqlite_url: str) -> None:
    """Every link is right, yet the anchor outside the database tells."""
    async with Database(sqlite_url) as database:
        await three_entries(database)
        async with database.read() as connection:
            found = await audit.verify(connection, (Anchor(2, "f" * 64),))
    assert (found.fault, found.seq) == ("not_as_anchored", 2)


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"])
async def test_the_database_itself_refuses_changes(database_url: str, statement: str) -> None:
    async with Database(database_url) as database:
        await three_entries(database)
        with pytest.raises(Exception, match="append-only"):
            async with database.write() as connection:
                await connection.exec_driver_sql(statement)


def test_anchors_are_kept_in_a_file_and_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    assert audit.read_anchors(path) == ()
    audit.write_anchor(path, Anchor(7, "a" * 64), Utc(0))
    assert audit.read_anchors(path) == (Anchor(7, "a" * 64),)
    with path.open("a") as file:
        file.write('{"seq": 8, "ha')
    assert audit.read_anchors(path) == (Anchor(7, "a" * 64),)
    audit.write_anchor(path, Anchor(9, "b" * 64), Utc(1))
    assert audit.read_anchors(path) == (Anchor(7, "a" * 64), Anchor(9, "b" * 64))
    path.write_text(path.read_text("utf-8") + "{}\n", "utf-8")
    with pytest.raises(ValueError, match=r"anchors\.jsonl, line 3"):
        audit.read_anchors(path)


@pytest.mark.parametrize(
    ("anchored", "told"),
    [(None, []), (0, []), (7, ["access.database_is_older_than_its_anchors"])],
)
async def test_a_start_says_that_the_database_is_older_than_its_anchors(
    sqlite_url: str, tmp_path: Path, anchored: int | None, told: list[str]
) -> None:
    """The database was lost or put back alone; the school is watched all the same."""
    if anchored is not None:
        audit.write_anchor(tmp_path / "anchors.jsonl", Anchor(anchored, audit.START), Utc(0))
    with structlog.testing.capture_logs() as logs:
        async with house(sqlite_url, tmp_path) as one:
            assert len(one.announced) == 1
    said = [entry for entry in logs if entry["event"].startswith("access.")]
    assert [entry["event"] for entry in said] == told
    assert all("restore the newest backup" in entry["mend"] for entry in said)


async def test_a_start_names_a_file_of_anchors_that_cannot_be_read(
    sqlite_url: str, tmp_path: Path
) -> None:
    (tmp_path / "anchors.jsonl").write_text("nothing\n", encoding="utf-8")
    with structlog.testing.capture_logs() as logs:
        async with house(sqlite_url, tmp_path):
            pass
    (told,) = (entry for entry in logs if entry["event"] == "access.anchors_not_read")
    assert str(tmp_path) in told["reason"]
