"""The spool on a real SQLite file; full disks by SQLite's own page limit, and by real ones."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from streams.cameras.state import CameraStatus
from streams.errors import SpoolError
from streams.records import RECORD, CameraState
from streams.spooling.reporting import AnyRecord, Reporter
from streams.spooling.spool import Rejection, Spool
from tests.streams.fakes import NOON, ORIGIN, reading
from tests.streams.full_disk import full_disk
from vision.risk.readings import Level

_PAGE_BYTES = 4096


@pytest.fixture
def reporter() -> Reporter:
    return Reporter(ORIGIN, ("stair",), NOON)


def readings(reporter: Reporter, count: int, start_s: int = 0) -> list[AnyRecord]:
    """`count` records of unchanged UNKNOWN, one a second: kind `reading`."""
    records: list[AnyRecord] = []
    for n in range(count):
        records.extend(reporter.unknown_zones(NOON.plus(start_s + n)))
    return records


def urgent(reporter: Reporter) -> list[AnyRecord]:
    return reporter.camera_state(CameraStatus("cam", CameraState.OFFLINE, NOON, NOON, "hung"))


def ids(spool: Spool, limit: int = 10_000) -> list[str]:
    return [record.record_id.removeprefix("w1:run1:") for record in spool.batch(limit)]


def test_records_leave_oldest_first_and_urgent_ones_overtake(
    tmp_path: Path, reporter: Reporter
) -> None:
    spool = Spool(tmp_path / "s.sqlite3")
    spool.append(readings(reporter, 2))
    spool.append(urgent(reporter))
    spool.append(readings(reporter, 1, start_s=5))
    spool.append(reporter.readings([reading("stair", NOON.plus(9), Level.L3)]))
    assert ids(spool) == ["3", "5", "1", "2", "4"]
    assert ids(spool, limit=3) == ["3", "5", "1"]
    spool.close()


def test_what_is_stored_is_the_record(tmp_path: Path, reporter: Reporter) -> None:
    spool = Spool(tmp_path / "s.sqlite3")
    (record,) = reporter.readings([reading("stair", NOON, Level.L3)])
    spool.append([record])
    assert RECORD.validate_json(spool.batch(1)[0].body) == record
    spool.close()


def test_records_stay_until_they_are_deleted_and_survive_a_new_start(
    tmp_path: Path, reporter: Reporter
) -> None:
    path = tmp_path / "s.sqlite3"
    spool = Spool(path)
    spool.append(readings(reporter, 3))
    spool.delete(spool.batch(1))
    spool.close()
    again = Spool(path)
    assert ids(again) == ["2", "3"]
    assert again.counts().waiting == 2
    again.close()


def test_a_record_is_stored_once(tmp_path: Path, reporter: Reporter) -> None:
    spool = Spool(tmp_path / "s.sqlite3")
    records = readings(reporter, 2)
    spool.append(records)
    spool.append(records)
    assert ids(spool) == ["1", "2"]
    assert spool.counts().waiting == 2
    spool.close()


def test_what_append_took_survives_a_kill(tmp_path: Path) -> None:
    """A process appends one record after another, says each id, and is killed with SIGKILL."""
    program = """
import sys
from pathlib import Path
from streams.spooling.spool import Spool
from streams.spooling.reporting import Reporter
from tests.streams.fakes import NOON, ORIGIN
spool, reporter = Spool(Path(sys.argv[1])), Reporter(ORIGIN, ("stair",), NOON)
for n in range(10**6):
    records = reporter.unknown_zones(NOON.plus(n))
    spool.append(records)
    print(records[0].record_id.rpartition(":")[2], flush=True)
"""
    path = tmp_path / "s.sqlite3"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(20)]
        process.kill()
    spool = Spool(path)
    kept = [int(record_id) for record_id in ids(spool)]
    assert kept[: len(said)] == said
    spool.close()


def test_readings_beyond_the_bound_go_oldest_first_and_are_counted(
    tmp_path: Path, reporter: Reporter
) -> None:
    spool = Spool(tmp_path / "s.sqlite3", reading_limit=100)
    spool.append(urgent(reporter))  # id 1
    for n in range(150):
        spool.append(readings(reporter, 1, start_s=n))
    kept = ids(spool)
    counts = spool.counts()
    assert kept[0] == "1"
    assert kept[-1] == "151"
    assert 98 <= len(kept) - 1 <= 100
    assert counts.dropped_readings == 150 - (len(kept) - 1)
    assert counts.waiting == len(kept)
    spool.close()


def test_on_a_full_disk_urgent_records_displace_readings(
    tmp_path: Path, reporter: Reporter
) -> None:
    spool = Spool(tmp_path / "s.sqlite3", page_limit=60)
    while spool.counts().dropped_readings == 0:
        spool.append(readings(reporter, 20, start_s=spool.counts().waiting))
    for _ in range(100):
        spool.append(urgent(reporter))
    states = [record for record in spool.batch(10_000) if '"camera_state"' in record.body]
    assert len(states) == 100
    spool.close()


def test_when_nothing_can_make_room_urgent_records_wait_in_memory(
    tmp_path: Path, reporter: Reporter
) -> None:
    spool = Spool(tmp_path / "s.sqlite3", page_limit=30)
    for _ in range(400):
        spool.append(urgent(reporter))
    spool.append(readings(reporter, 1))
    counts = spool.counts()
    assert counts.in_memory > 0
    assert counts.waiting == 401
    assert counts.dropped_readings == 0
    # The API is back: everything leaves, memory and disk alike, each once.
    sent: list[str] = []
    while batch := spool.batch(50):
        sent.extend(record.record_id for record in batch)
        spool.delete(batch)
    assert len(sent) == len(set(sent)) == 401
    assert spool.counts().waiting == 0
    spool.close()


def test_records_in_memory_go_to_the_disk_when_it_takes_them_again(
    tmp_path: Path, reporter: Reporter
) -> None:
    spool = Spool(tmp_path / "s.sqlite3", page_limit=30)
    while spool.counts().in_memory == 0:
        spool.append(urgent(reporter))
    stored = [record for record in spool.batch(10_000) if record.row_id >= 0]
    spool.delete(stored[:50])
    spool.append(urgent(reporter))
    assert spool.counts().in_memory == 0
    spool.close()


def test_on_a_full_disk_what_the_api_took_leaves_and_is_forgotten_later(
    tmp_path: Path, reporter: Reporter
) -> None:
    """To delete takes disk: each record is sent once all the same, and those in memory leave."""
    path = tmp_path / "s.sqlite3"
    spool = Spool(path)
    spool.append(readings(reporter, 5))  # ids 1 to 5
    with full_disk(path):
        spool.append(urgent(reporter))  # id 6, in memory
        first = spool.batch(3)
        spool.delete(first)
        assert [record.row_id for record in first] == [-1, 1, 2]
        assert ids(spool) == ["3", "4", "5"]
        assert (spool.counts().waiting, spool.counts().in_memory) == (3, 0)
        spool.reject([Rejection(spool.batch(1)[0], "unknown zone")])
        assert ids(spool) == ["4", "5"]
    spool.append(readings(reporter, 1, start_s=9))  # id 7
    assert ids(spool) == ["4", "5", "7"]
    assert spool.counts().waiting == 3
    assert spool.rejected() == (("w1:run1:3", "unknown zone"),)
    spool.close()
    again = Spool(path)
    assert ids(again) == ["4", "5", "7"]
    again.close()


def test_on_a_full_disk_all_of_a_mixed_batch_waits_in_memory(
    tmp_path: Path, reporter: Reporter
) -> None:
    """No reading makes room, since to delete one takes disk too."""
    path = tmp_path / "s.sqlite3"
    spool = Spool(path)
    spool.append(readings(reporter, 2))  # ids 1 and 2
    with full_disk(path):
        spool.append([*readings(reporter, 3), *urgent(reporter)])  # ids 3 to 6
        counts = spool.counts()
        assert (counts.in_memory, counts.dropped_readings, counts.waiting) == (4, 0, 6)
        assert ids(spool) == ["6", "3", "4", "5", "1", "2"]
    spool.append(readings(reporter, 1))  # id 7
    assert (spool.counts().in_memory, spool.counts().dropped_readings) == (0, 0)
    assert ids(spool) == ["6", "1", "2", "3", "4", "5", "7"]
    assert spool.counts().waiting == 7
    spool.close()


def test_while_the_disk_is_full_a_zone_is_read_as_before(
    tmp_path: Path, reporter: Reporter
) -> None:
    """The API answers: what waits on the disk from before holds up no fresh reading."""
    path = tmp_path / "s.sqlite3"
    spool = Spool(path)
    spool.append(readings(reporter, 300))  # ids 1 to 300
    with full_disk(path):
        for n in range(301, 330):
            spool.append(readings(reporter, 1, start_s=n))
            batch = spool.batch(10)
            spool.delete(batch)
            assert str(n) in [record.record_id.rpartition(":")[2] for record in batch]
        assert spool.counts().dropped_readings == 0
    spool.close()


def test_on_a_full_disk_memory_holds_the_newest_readings_and_counts_the_lost(
    tmp_path: Path, reporter: Reporter
) -> None:
    path = tmp_path / "s.sqlite3"
    spool = Spool(path)
    spool.append(urgent(reporter))  # id 1
    with full_disk(path):
        spool.append(readings(reporter, 700))  # ids 2 to 701
        counts = spool.counts()
        assert (counts.in_memory, counts.dropped_readings) == (500, 200)
        assert {"1", "202"} <= set(ids(spool))
        assert "201" not in ids(spool)
    spool.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB in memory; skips where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_file_system_without_a_free_byte_holds_up_nothing(
    small_disk: Path, reporter: Reporter
) -> None:
    spool = Spool(small_disk / "s.sqlite3")
    spool.append(readings(reporter, 300))
    with (small_disk / "other").open("wb", buffering=0) as other:
        for size in (65_536, 4_096, 1):
            with suppress(OSError):
                while other.write(b"x" * size):
                    pass
    spool.append(urgent(reporter))
    assert spool.counts().in_memory == 1
    sent: list[str] = []
    while batch := spool.batch(50):
        sent.extend(record.record_id for record in batch)
        spool.delete(batch)
    assert len(sent) == len(set(sent)) == 301
    assert spool.counts().waiting == 0
    (small_disk / "other").unlink()
    spool.delete(())
    spool.close()
    again = Spool(small_disk / "s.sqlite3")
    assert again.batch(1) == ()
    again.close()


def test_rejected_records_are_set_aside_with_their_reason(
    tmp_path: Path, reporter: Reporter
) -> None:
    spool = Spool(tmp_path / "s.sqlite3")
    spool.append(readings(reporter, 2))
    first = spool.batch(1)[0]
    spool.reject([Rejection(first, "unknown zone")])
    assert ids(spool) == ["2"]
    assert spool.rejected() == (("w1:run1:1", "unknown zone"),)
    assert spool.counts().rejected == 1
    spool.close()


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    tmp_path: Path, reporter: Reporter
) -> None:
    path = tmp_path / "s.sqlite3"
    path.write_bytes(b"not a database at all " * 500)
    spool = Spool(path)
    spool.append(readings(reporter, 1))
    assert ids(spool) == ["1"]
    (aside,) = tmp_path.glob("s.sqlite3.damaged-*")
    assert aside.read_bytes().startswith(b"not a database")
    spool.close()


def test_nothing_of_a_damaged_file_is_replayed_into_the_new_one(
    tmp_path: Path, reporter: Reporter
) -> None:
    """A killed worker leaves its write-ahead log; it belongs to the file that is set aside."""
    path = tmp_path / "s.sqlite3"
    spool = Spool(path)
    spool.append(readings(reporter, 60))
    spool.close()
    spool = Spool(path)
    spool.append(readings(reporter, 1))
    log = (tmp_path / "s.sqlite3-wal").read_bytes()
    spool.close()
    path.write_bytes(b"not a database at all " * 500)
    (tmp_path / "s.sqlite3-wal").write_bytes(log)
    again = Spool(path)
    assert ids(again) == []
    again.append(urgent(reporter))
    assert len(ids(again)) == 1
    again.close()


def test_one_damaged_page_is_found_wherever_it_lies(tmp_path: Path, reporter: Reporter) -> None:
    """It would end every worker that reads as far as it, at each of its starts."""
    path = tmp_path / "s.sqlite3"
    spool = Spool(path)
    spool.append(readings(reporter, 60))
    spool.close()
    whole = path.read_bytes()
    pages = len(whole) // _PAGE_BYTES
    assert pages > 8
    for page in range(1, pages):
        for old in tmp_path.glob("s.sqlite3*"):
            old.unlink()
        start = page * _PAGE_BYTES
        path.write_bytes(whole[:start] + bytes(_PAGE_BYTES) + whole[start + _PAGE_BYTES :])
        spool = Spool(path)
        assert ids(spool) == []
        spool.append(urgent(reporter))
        assert len(ids(spool)) == 1
        spool.close()
        assert len(list(tmp_path.glob("s.sqlite3.damaged-*"))) == 1


def test_a_folder_in_the_way_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "s.sqlite3").mkdir()
    with pytest.raises(SpoolError, match=r"s\.sqlite3: the spool cannot be opened: .* \(mend: "):
        Spool(tmp_path / "s.sqlite3")


def test_a_closed_spool_says_so(tmp_path: Path, reporter: Reporter) -> None:
    spool = Spool(tmp_path / "s.sqlite3")
    spool.close()
    with pytest.raises(SpoolError, match="closed"):
        spool.append(readings(reporter, 1))


def test_writes_are_synchronous(tmp_path: Path) -> None:
    """synchronous=FULL is a property of the connection; WAL one of the file."""
    spool = Spool(tmp_path / "s.sqlite3")
    assert spool._db.execute("PRAGMA synchronous").fetchone() == (2,)
    spool.close()
    other = sqlite3.connect(tmp_path / "s.sqlite3")
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
