"""Settings that change while messages are on their way: none is lost, other targets go on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from api.database import Database
from api.delivery.outbox import Outbox
from api.delivery.plan_file import IN_FORCE_FILE, PlanFile
from config.delivery import DeliveryPlan
from tests.api.delivery.cases import (
    SITE,
    FakeDriver,
    all_settled,
    plan,
    raise_alarm,
    received,
    rows,
    sending,
    until,
)
from tests.config.test_delivery_edit import EXAMPLE

ZONES = tuple(f"zone-{number}" for number in range(8))


@dataclass(slots=True)
class Counted(FakeDriver):
    """Counts how often it was opened and released."""

    starts: int = 0
    stops: int = 0

    async def start(self) -> None:
        self.starts += 1

    async def stop(self) -> None:
        self.stops += 1


def with_second_room(first: DeliveryPlan) -> DeliveryPlan:
    """The same plan and a target `annexe`, which stays as it is."""
    (annexe,) = plan(paths=("annexe",), one_path_reason="a test").targets
    return replace(first, targets=(*first.targets, replace(annexe, id="annexe")))


async def test_what_is_in_hand_goes_out_over_the_new_settings(database_url: str) -> None:
    before = with_second_room(plan(paths=("main", "backup")))
    after = with_second_room(plan(paths=("other", "backup")))
    silent = Counted(received, pause_s=3_600.0)
    other, annexe, backup = Counted(received), Counted(received), Counted(received)
    drivers = {"main": silent, "backup": backup, "other": other, "annexe": annexe}
    async with Database(database_url) as database:
        async with sending(database, before, dict(drivers)) as sender:
            for zone in ZONES:
                await raise_alarm(database, Outbox(before, SITE), subject=zone)
            await until(lambda: silent.running == len(ZONES), "all are on their way")
            sender.change(after)
            await until(lambda: all_settled(database))
            assert {row["path_id"] for row in await rows(database)} == {"other", "annexe"}
            assert (silent.stops, other.starts, annexe.starts, annexe.stops) == (1, 1, 1, 0)
            # A target that is gone takes nothing more, and a new one begins at once.
            sender.change(replace(after, targets=after.targets[1:]))
            await until(lambda: other.stops == 1)
            sender.change(after)
            number = await raise_alarm(database, Outbox(after, SITE), subject="late")
            await until(lambda: all_settled(database))
        assert sorted(one.alarm_number for one in other.seen) == [*range(1, 9), number]
    assert silent.seen == []
    assert annexe.stops == 1


async def test_a_sender_that_stops_gives_back_what_it_holds(sqlite_url: str) -> None:
    delivery = plan(paths=("main", "backup"))
    silent = FakeDriver(received, pause_s=3_600.0)
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE))
        drivers = {"main": silent, "backup": FakeDriver(received)}
        async with sending(database, delivery, dict(drivers)):
            await until(lambda: silent.running == 1)
        (row,) = await rows(database)
    # Free for the next sender at once, not when a lease has run out.
    assert (row["state"], row["is_open"], row["lease_owner"]) == ("pending", True, None)


def test_the_file_is_followed_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    followed = PlanFile.of(DeliveryPlan(directory=tmp_path))
    assert followed.news() is None
    file = tmp_path / "delivery.yaml"
    file.write_bytes(EXAMPLE)
    found = followed.news()
    assert found is not None
    assert [target.id for target in found.targets] == ["police", "leaders"]
    assert followed.news() is None
    file.write_text("targets: 3\n", "utf-8")
    assert followed.news() is None
    assert "expected a list" in str(followed.fault)
    file.write_text("targets: []\n", "utf-8")
    ended = followed.news()
    assert ended is not None
    assert ended.targets == ()
    assert followed.fault is None
    # Where nobody is told any more the file may go.
    file.unlink()
    assert followed.news() == DeliveryPlan(directory=tmp_path)
    assert followed.fault is None


def test_a_file_that_is_gone_ends_nothing(tmp_path: Path) -> None:
    site, run_dir = tmp_path / "site", tmp_path / "run"
    site.mkdir()
    run_dir.mkdir()
    file = site / "delivery.yaml"
    file.write_bytes(EXAMPLE)
    followed = PlanFile.opened(site, run_dir)
    file.rename(site / "delivery.yaml.txt")
    assert followed.news() is None
    assert ids(followed) == ["police", "leaders"]
    assert "文件不在了" in str(followed.fault)
    assert "write one with `targets: []`" in str(followed.fault)
    # Nor does a start without it, however often.
    for _ in range(2):
        started = PlanFile.opened(site, run_dir)
        assert ids(started) == ["police", "leaders"]
        assert "the file is gone" in str(started.fault)
    (site / "delivery.yaml.txt").rename(file)
    assert started.news() is not None
    assert started.fault is None
    file.write_text("targets: []\n", "utf-8")
    assert started.news() is not None
    file.unlink()
    assert PlanFile.opened(site, run_dir).fault is None


def test_a_copy_holds_only_for_the_site_that_it_was_taken_from(tmp_path: Path) -> None:
    """Else a second site without the file would send its alarms to the first one's police."""
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "delivery.yaml").write_bytes(EXAMPLE)
    assert ids(PlanFile.opened(tmp_path / "one", run_dir)) == ["police", "leaders"]
    other = PlanFile.opened(tmp_path / "two", run_dir)
    assert (ids(other), other.fault) == ([], None)


def ids(file: PlanFile) -> list[str]:
    return [target.id for target in file.plan.targets]


def test_a_file_that_is_broken_at_a_start_leaves_the_settings_before_it(tmp_path: Path) -> None:
    site, run_dir = tmp_path / "site", tmp_path / "run"
    site.mkdir()
    run_dir.mkdir()
    file = site / "delivery.yaml"
    file.write_bytes(EXAMPLE)
    assert ids(PlanFile.opened(site, run_dir)) == ["police", "leaders"]
    file.write_text("targets: 3\n", "utf-8")
    started = PlanFile.opened(site, run_dir)
    assert ids(started) == ["police", "leaders"]
    assert started.plan.directory == site
    assert "expected a list" in str(started.fault)
    assert not started.knows_nobody
    # A second start keeps them as well, and a mended file holds at once and is kept.
    assert ids(PlanFile.opened(site, run_dir)) == ["police", "leaders"]
    file.write_text("targets: []\n", "utf-8")
    assert started.news() == started.plan
    assert started.fault is None
    file.write_text("targets: 3\n", "utf-8")
    assert ids(PlanFile.opened(site, run_dir)) == []


def test_without_settings_before_it_a_broken_file_means_that_nobody_is_known(
    tmp_path: Path,
) -> None:
    (tmp_path / "delivery.yaml").write_text("targets: 3\n", "utf-8")
    assert PlanFile.opened(tmp_path, tmp_path).knows_nobody
    (tmp_path / IN_FORCE_FILE).write_text("also: broken\n", "utf-8")
    assert PlanFile.opened(tmp_path, tmp_path).knows_nobody
    # Broken copies are never taken for settings, and a good file needs no place for a copy.
    (tmp_path / "delivery.yaml").write_bytes(EXAMPLE)
    assert ids(PlanFile.opened(tmp_path, tmp_path / "not-there")) == ["police", "leaders"]
