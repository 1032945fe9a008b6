"""A camera goes from one running worker to another: fake cameras, real threads, files, spools."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from streams.cameras.loop import CameraSpec, LoopSettings
from streams.cameras.state import SilenceLimits
from streams.clock import SystemClock
from streams.crews.crew import Crew
from streams.crews.handover import Given, GivenZone, HandoverFolder, MoveOrder
from streams.errors import RefusedError
from streams.spooling.reporting import Origin
from streams.worker.loop import Collaborators, Worker, WorkerConfig
from tests.streams.fakes import NOON, URI, FakeAnalyser, FakeNetwork, reading
from tests.streams.test_supervisor import wait_until
from tests.streams.worker.test_assembly import Camera
from vision.health.count_sanity import SanityState
from vision.risk.levels import RiskState, Timer
from vision.risk.readings import Level
from vision.scene import ZoneMemory

ORDER = MoveOrder(7, ("cam-b",), "w0", "w1")


def spec(name: str) -> CameraSpec:
    return CameraSpec(name, URI, (64, 48), analysed_fps=20.0, zone_ids=(f"zone-{name}",))


class Analyser(FakeAnalyser):
    """Remembers when a zone was last read, as a timer."""

    def __init__(self) -> None:
        super().__init__()
        self.resumed: dict[str, ZoneMemory] = {}

    def memory(self, zone_id: str) -> ZoneMemory:
        return ZoneMemory(RiskState(rules=((zone_id, Timer(active=True)),)), SanityState(0.25))

    def resume(self, zone_id: str, memory: ZoneMemory) -> None:
        self.resumed[zone_id] = memory


@dataclass
class Running:
    worker: Worker
    stop: threading.Event
    thread: threading.Thread
    analyser: Analyser


class Bench:
    """Two workers; `w0` plays cam-a and cam-b, `w1` plays cam-c."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SystemClock()
        self.camera = Camera()
        self.moves = HandoverFolder(folder / "moves")
        self.records: list[dict[str, object]] = []
        self.guest = Analyser()
        self.running = {
            "w0": self.start("w0", ("cam-a", "cam-b")),
            "w1": self.start("w1", ("cam-c",)),
        }

    def start(self, name: str, cameras: tuple[str, ...]) -> Running:
        config = WorkerConfig(
            origin=Origin("school", name, "run"),
            cameras=tuple(spec(one) for one in cameras),
            zone_ids=tuple(f"zone-{one}" for one in cameras),
            outlines=dict.fromkeys(cameras, ()),
            spool_path=self.folder / "spool" / f"{name}.sqlite3",
            socket_path=self.folder / f"{name}.sock",
            loop=LoopSettings(silence=SilenceLimits(1.0, 2.0, 5.0)),
        )
        analyser = Analyser()
        worker = Worker(
            config,
            Collaborators(
                FakeNetwork(),
                analyser,
                httpx.Client(transport=httpx.MockTransport(self.take), base_url="http://api"),
                self.clock,
                lambda spec: self.camera,
                crew_of=self.crew_of,
                moves=HandoverFolder(self.folder / "moves"),
            ),
        )
        stop = threading.Event()
        thread = threading.Thread(target=worker.run, args=(stop,))
        thread.start()
        return Running(worker, stop, thread, analyser)

    def crew_of(self, camera_ids: tuple[str, ...]) -> Crew:
        return Crew(
            tuple(spec(one) for one in camera_ids),
            tuple(f"zone-{one}" for one in camera_ids),
            dict.fromkeys(camera_ids, ()),
            self.guest,
        )

    def take(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"orders": []})
        records = json.loads(request.content)["records"]
        self.records.extend(records)
        return httpx.Response(200, json={"accepted": len(records), "duplicates": 0})

    def of_zone(self, zone_id: str) -> list[tuple[str, datetime, str]]:
        """Worker, capture time and level of each record of a zone, by capture time."""
        found = []
        for record in list(self.records):
            told = record.get("reading")
            if isinstance(told, dict) and told["zone_id"] == zone_id:
                at = datetime.fromisoformat(str(record["captured_at"]))
                found.append((str(record["worker_id"]), at, str(told["level"])))
        return sorted(found, key=lambda one: one[1])

    def plays(self, name: str) -> set[str]:
        """The cameras that a worker says it has."""
        transport = httpx.HTTPTransport(uds=str(self.folder / f"{name}.sock"))
        with httpx.Client(transport=transport, base_url="http://worker") as client:
            return set(client.get("/status").json()["cameras"])

    def close(self) -> None:
        self.camera.release.set()
        for one in self.running.values():
            one.stop.set()
        for one in self.running.values():
            one.thread.join(30.0)
            assert not one.thread.is_alive()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    try:
        assert wait_until(lambda: len(made.of_zone("zone-cam-b")) >= 2)
        assert wait_until(lambda: len(made.of_zone("zone-cam-c")) >= 2)
        yield made
    finally:
        made.close()


def test_a_moved_camera_s_readings_go_on_none_twice_and_none_unknown(bench: Bench) -> None:
    bench.moves.begin(ORDER)
    assert wait_until(lambda: bench.moves.is_done(7))
    moved_at = len(bench.of_zone("zone-cam-b"))
    assert wait_until(lambda: len(bench.of_zone("zone-cam-b")) >= moved_at + 3)
    records = bench.of_zone("zone-cam-b")
    workers = [worker for worker, _, _ in records]
    assert workers == sorted(workers)  # w0 until one moment, w1 ever after
    assert set(workers) == {"w0", "w1"}
    times = [at for _, at, _ in records]
    assert len(set(times)) == len(times)
    started, *levels = [level for _, _, level in records]
    assert (started, set(levels)) == ("UNKNOWN", {"L0"})
    gaps_s = [(b - a).total_seconds() for a, b in pairwise(times[1:])]
    assert max(gaps_s) < 2.2  # one reading a second, and none left out
    assert bench.guest.resumed["zone-cam-b"].sanity == SanityState(0.25)
    assert (bench.plays("w0"), bench.plays("w1")) == ({"cam-a"}, {"cam-b", "cam-c"})
    assert not any(
        record["kind"] == "camera_state" and record["state"] in ("offline", "stalled")
        for record in bench.records
    )
    # The giver's other camera and the taker's own never noticed.
    assert {worker for worker, _, _ in bench.of_zone("zone-cam-a")} == {"w0"}
    assert {worker for worker, _, _ in bench.of_zone("zone-cam-c")} == {"w1"}


def test_a_camera_can_move_back(bench: Bench) -> None:
    bench.moves.begin(ORDER)
    assert wait_until(lambda: bench.moves.is_done(7))
    assert wait_until(lambda: bench.of_zone("zone-cam-b")[-1][0] == "w1")
    bench.moves.begin(MoveOrder(8, ("cam-b",), "w1", "w0"))
    assert wait_until(lambda: bench.moves.is_done(8))
    assert wait_until(lambda: bench.of_zone("zone-cam-b")[-1][0] == "w0")
    assert (bench.plays("w0"), bench.plays("w1")) == ({"cam-a", "cam-b"}, {"cam-c"})


def test_cameras_that_the_taker_cannot_open_stay_where_they_are(bench: Bench) -> None:
    connections = bench.camera.connections
    bench.camera.refuses_new = RefusedError("camera", "too many sessions", "allow two")
    bench.moves.begin(ORDER)
    assert wait_until(lambda: bench.camera.connections > connections)
    assert not bench.moves.is_ready(7)
    bench.moves.call_off()
    before = len(bench.of_zone("zone-cam-b"))
    assert wait_until(lambda: len(bench.of_zone("zone-cam-b")) >= before + 2)
    assert {worker for worker, _, _ in bench.of_zone("zone-cam-b")} == {"w0"}
    assert bench.plays("w1") == {"cam-c"}


def test_what_is_given_survives_the_file(tmp_path: Path) -> None:
    folder = HandoverFolder(tmp_path / "moves")
    assert folder.order() is None
    folder.begin(ORDER)
    memory = ZoneMemory(RiskState(levels=(Timer(NOON), Timer(), Timer(), Timer())), SanityState())
    given = Given(
        7, (GivenZone("zone", reading("zone", NOON, Level.L2), memory),), {"cam-b": NOON.ns}
    )
    folder.give(given)
    assert HandoverFolder(tmp_path / "moves").order() == ORDER
    assert folder.given(7) == given
    assert folder.given(8) is None
    folder.clear()
    assert (folder.order(), folder.given(7)) == (None, None)


def test_an_order_that_is_called_off_too_late_stands_again_with_what_was_given(
    tmp_path: Path,
) -> None:
    """The giver was quicker: the cameras are the taker's, and it must hear that."""
    supervisor, worker = HandoverFolder(tmp_path / "moves"), HandoverFolder(tmp_path / "moves")
    supervisor.begin(ORDER)
    worker.say_ready(ORDER.number)
    supervisor.call_off()
    assert worker.order() is None
    worker.give(Given(ORDER.number, (), {"cam-b": NOON.ns}))
    supervisor.repeat(ORDER)
    assert worker.order() == ORDER
    assert worker.given(ORDER.number) == Given(ORDER.number, (), {"cam-b": NOON.ns})


@pytest.mark.parametrize("content", [b"", b"{", b'{"number": "x"}', b"\xff"])
def test_a_file_that_cannot_be_read_orders_nothing(tmp_path: Path, content: bytes) -> None:
    folder = HandoverFolder(tmp_path)
    for name in ("order.json", "given.json", "ready", "done"):
        (tmp_path / name).write_bytes(content)
    assert folder.order() is None
    assert folder.given(0) is None
    assert not folder.is_ready(0)
    assert not folder.is_done(0)
