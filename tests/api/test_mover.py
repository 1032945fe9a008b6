"""The supervisor moves cameras: what workers answer, the order, and who has them afterwards."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from api import mover
from api.mover import Mover, views_of
from api.placement import (
    PictureSockets,
    WorkerShare,
    seen_together,
    settle_shares,
    worker_shares,
)
from config import load_site, sample_school_directory
from config.settings import ServiceSettings
from config.site import Site
from streams.clock import SystemClock
from streams.crews.handover import Given, HandoverFolder, MoveOrder, handover_folder
from streams.crews.moving import PlannedMove
from streams.crews.placement import camera_groups
from streams.worker.assembly import socket_path
from vision.instants import Monotonic


@pytest.fixture(name="site", scope="module")
def _site() -> Site:
    return load_site(sample_school_directory())


@pytest.fixture(name="settings")
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceSettings:
    monkeypatch.setattr(mover, "OPEN_WITHIN_S", 0.6)
    monkeypatch.setattr(mover, "GIVE_WITHIN_S", 0.6)
    monkeypatch.setattr(mover, "_RACE_S", 0.3)
    monkeypatch.setattr(mover, "_STEP_S", 0.01)
    return ServiceSettings(run_dir=tmp_path, workers=2)


class Workers:
    """Both workers' part in a move, in a thread: what each does once the order is there."""

    def __init__(
        self, folder: HandoverFolder, *acts: Callable[[HandoverFolder, int], None]
    ) -> None:
        self._folder, self._acts = folder, acts
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self.stop.wait(0.01):
            order = self._folder.order()
            if order is not None:
                for act in self._acts:
                    act(self._folder, order.number)
                return

    def close(self) -> None:
        self.stop.set()
        self._thread.join(10.0)


def ready(folder: HandoverFolder, number: int) -> None:
    folder.say_ready(number)


def give(folder: HandoverFolder, number: int) -> None:
    folder.give(Given(number, (), {}))


def done(folder: HandoverFolder, number: int) -> None:
    folder.say_done(number)


def moved_by(
    site: Site, settings: ServiceSettings, *acts: Callable[[HandoverFolder, int], None]
) -> tuple[bool, dict[str, tuple[str, ...]], PlannedMove]:
    """Whether the move was made, and who has which camera then."""
    planned = movable(site, settle_shares(site, settings))
    workers = Workers(handover_folder(settings.run_dir), *acts)
    try:
        made = Mover(site, settings, SystemClock()).move(planned, threading.Event())
    finally:
        workers.close()
    assert handover_folder(settings.run_dir).order() is None
    return made, held(worker_shares(site, settings)), planned


def movable(site: Site, shares: tuple[WorkerShare, ...]) -> PlannedMove:
    """A group of cameras of a worker that has others besides, and the other worker."""
    groups = camera_groups(seen_together(site))
    for giver in shares:
        mine = [group for group in groups if set(group) <= set(giver.camera_ids)]
        if len(mine) > 1:
            (taker,) = [one.worker_id for one in shares if one is not giver]
            return PlannedMove(mine[0], giver.worker_id, taker)
    raise AssertionError("the sample school's workers have one group each")


def held(shares: tuple[WorkerShare, ...]) -> dict[str, tuple[str, ...]]:
    return {share.worker_id: share.camera_ids for share in shares}


def test_what_was_moved_is_written_down_and_its_pictures_are_found(
    site: Site, settings: ServiceSettings
) -> None:
    would = movable(site, settle_shares(site, settings))
    sockets = PictureSockets(site, settings)
    camera_id = would.camera_ids[0]
    assert sockets.of(camera_id) == socket_path(settings.run_dir, would.giver)
    made, after, planned = moved_by(site, settings, ready, give, done)
    assert made
    assert planned == would
    assert set(planned.camera_ids) <= set(after[planned.taker])
    assert not set(planned.camera_ids) & set(after[planned.giver])
    assert sorted(after["worker-0"] + after["worker-1"]) == sorted(one.id for one in site.cameras)
    assert sockets.of(camera_id) == socket_path(settings.run_dir, planned.taker)
    assert sockets.of("a stranger") is None


@pytest.mark.parametrize(
    "acts", [(), (ready,)], ids=["the taker cannot open them", "the giver keeps them"]
)
def test_a_move_that_does_not_come_about_changes_nothing(
    site: Site,
    settings: ServiceSettings,
    acts: tuple[Callable[[HandoverFolder, int], None], ...],
) -> None:
    made, after, planned = moved_by(site, settings, *acts)
    assert not made
    assert set(planned.camera_ids) <= set(after[planned.giver])


def test_cameras_given_to_a_taker_that_died_are_its_own_when_it_starts_again(
    site: Site, settings: ServiceSettings
) -> None:
    made, after, planned = moved_by(site, settings, ready, give)
    assert made
    assert set(planned.camera_ids) <= set(after[planned.taker])


def test_between_giving_and_writing_down_a_worker_that_starts_finds_the_same(
    site: Site, settings: ServiceSettings
) -> None:
    move = movable(site, settle_shares(site, settings))
    folder = handover_folder(settings.run_dir)
    folder.begin(MoveOrder(3, move.camera_ids, move.giver, move.taker))
    assert set(move.camera_ids) <= set(held(worker_shares(site, settings))[move.giver])
    folder.give(Given(3, (), {}))
    assert set(move.camera_ids) <= set(held(worker_shares(site, settings))[move.taker])


def status(home: int | None = 0, lent: int | None = None, **pace: object) -> dict[str, object]:
    usual = {
        "shed_step": 0,
        "lost_share": 0.0,
        "spent_cores": 0.5,
        "idle_cores": 0.4,
        "needs_cores": {"cam": 0.1},
    }
    return {"cores": {"home": home, "lent": lent}, "pace": usual | pace}


def test_workers_as_they_stand() -> None:
    """The first borrows the second's core: its own time is what it does not spend itself."""
    first, second, third = views_of(
        {
            "w0": status(0, 1, idle_cores=0.2),
            "w1": status(1, None, idle_cores=0.05, spent_cores=0.3),
            "w2": status(2, None, shed_step=1),
            "w3": {"cores": {}, "pace": {}},
        }
    )
    assert (first.behind, second.behind, third.behind) == (True, False, True)
    assert second.spare_cores == pytest.approx(0.7)
    assert third.needs_cores == {"cam": 0.1}


class Ticking(SystemClock):
    """Waits no longer than a moment, and counts as if it had waited; ends after some waits."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.passed_s = 0.0
        self.waits = waits

    def monotonic(self) -> Monotonic:
        return super().monotonic().plus(self.passed_s)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.passed_s += seconds
        self.waits -= 1
        return self.waits < 0


class Noting(Mover):
    """Notes what it would move."""

    made: ClassVar[list[PlannedMove]] = []

    def move(self, planned: PlannedMove, stop: threading.Event) -> bool:
        self.made.append(planned)
        return True


def test_a_worker_that_stays_behind_gives_one_group_and_then_there_is_rest(
    site: Site, settings: ServiceSettings
) -> None:
    shares = settle_shares(site, settings)
    move = movable(site, shares)
    answers = {
        socket_path(settings.run_dir, share.worker_id): status(
            index,
            None,
            shed_step=3 if share.worker_id == move.giver else 0,
            needs_cores=dict.fromkeys(share.camera_ids, 0.05),
        )
        for index, share in enumerate(shares)
    }
    noting = Noting(site, settings, Ticking(14), answers.get)
    noting.run(threading.Event())
    assert [(one.giver, one.taker) for one in noting.made] == [(move.giver, move.taker)]
    (giver,) = [share for share in shares if share.worker_id == move.giver]
    assert set(noting.made[0].camera_ids) < set(giver.camera_ids)
