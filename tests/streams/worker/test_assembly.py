"""The worker as a whole: fake cameras and a fake API, real threads, spool and sockets."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from config import load_site, sample_school_directory
from config.profiles import load_profiles
from streams.cameras.loop import CameraSpec, LoopSettings
from streams.cameras.state import SilenceLimits
from streams.clock import SystemClock
from streams.decoding.sources import Container, PlainUri, RawPicture, SourceUri, Timeouts
from streams.errors import PictureServerError
from streams.worker.assembly import WorkerPlan, build, camera_spec, socket_path, spool_path
from streams.worker.loop import Collaborators, Worker, WorkerConfig, WorkerError
from tests.streams.fakes import ORIGIN, URI, FakeAnalyser, FakeNetwork, FakePicture
from tests.streams.test_supervisor import wait_until
from vision.instants import Monotonic, Utc


class Camera:
    """Gives a picture each 10 ms until the test makes it fail or hang."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.hanging = threading.Event()
        self.release = threading.Event()
        self.grey = 0
        self.connections = 0
        self.refuses_new: Exception | None = None

    def __call__(self, uri: SourceUri, timeouts: Timeouts) -> Container:
        self.connections += 1
        if self.failure is not None:
            raise self.failure
        if self.refuses_new is not None:
            raise self.refuses_new
        return _Connection(self)


class _Connection:
    live = True
    started_at = None
    duration_s = None
    corrupt = 0

    def __init__(self, camera: Camera) -> None:
        self.camera = camera

    def pictures(self) -> Iterator[RawPicture]:
        pause = threading.Event()
        while True:
            if self.camera.failure is not None:
                raise self.camera.failure
            if self.camera.hanging.is_set():
                self.camera.release.wait()
            yield FakePicture(None, grey=self.camera.grey)
            pause.wait(0.01)

    def close(self) -> None:
        pass


class Bench:
    def __init__(self, folder: Path, *cameras: str) -> None:
        self.clock = SystemClock()
        self.records: list[dict[str, object]] = []
        self.camera = Camera()
        self.network = FakeNetwork(failing_greys=(13,))
        self.analyser = FakeAnalyser()
        self.stop = threading.Event()
        names = cameras or ("cam",)
        self.config = WorkerConfig(
            origin=ORIGIN,
            cameras=tuple(CameraSpec(name, URI, (64, 48), analysed_fps=20.0) for name in names),
            zone_ids=tuple(f"zone-{name}" for name in names),
            outlines=dict.fromkeys(names, ()),
            spool_path=folder / "spool.sqlite3",
            socket_path=folder / "w.sock",
            loop=LoopSettings(silence=SilenceLimits(0.3, 0.6, 5.0)),
        )
        self.worker = self.make()
        self.thread = threading.Thread(target=self.worker.run, args=(self.stop,))

    def make(self) -> Worker:
        client = httpx.Client(transport=httpx.MockTransport(self.take), base_url="http://api")
        return Worker(
            self.config,
            Collaborators(
                self.network, self.analyser, client, self.clock, lambda spec: self.camera
            ),
        )

    def take(self, request: httpx.Request) -> httpx.Response:
        records = json.loads(request.content)["records"]
        self.records.extend(records)
        return httpx.Response(200, json={"accepted": len(records), "duplicates": 0})

    def told(self, kind: str, **fields: object) -> bool:
        """Whether a record of this kind with these fields has arrived."""
        return any(
            record["kind"] == kind and all(record.get(k) == v for k, v in fields.items())
            for record in list(self.records)
        )

    def level_told(self, level: str) -> bool:
        return any(
            isinstance(reading := record.get("reading"), dict) and reading["level"] == level
            for record in list(self.records)
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.thread.start()
    yield made
    made.camera.release.set()
    made.stop.set()
    made.thread.join(30.0)
    assert not made.thread.is_alive()


def arrived(condition: Callable[[], bool]) -> bool:
    return wait_until(condition)


def test_pictures_become_records_at_the_api(bench: Bench) -> None:
    assert arrived(lambda: bench.told("camera_state", state="live"))
    assert arrived(lambda: bench.level_told("L0"))
    assert arrived(lambda: bench.told("reading"))
    first = next(one for one in bench.records if "reading" in one)
    assert first["kind"] == "transition"
    assert isinstance(reading := first["reading"], dict)
    assert (reading["level"], reading["reasons"][0]["rule"]) == ("UNKNOWN", "starting")


def test_a_lost_camera_is_told_and_its_zone_turns_unknown_and_comes_back(bench: Bench) -> None:
    from streams.errors import ConnectionLostError

    assert arrived(lambda: bench.level_told("L0"))
    bench.camera.failure = ConnectionLostError("cam", "gone", "look")
    assert arrived(lambda: bench.told("camera_state", state="offline", cause="connection_lost"))
    assert arrived(lambda: bench.told("transition", previous_level="L0"))
    seen = len(bench.records)
    bench.camera.failure = None
    assert arrived(lambda: any(r["kind"] == "transition" for r in list(bench.records)[seen:]))
    last = [r for r in bench.records if r["kind"] == "transition"][-1]
    assert last["previous_level"] == "UNKNOWN"


def test_a_hung_camera_is_stalled_then_offline_while_its_thread_is_blocked(bench: Bench) -> None:
    assert arrived(lambda: bench.level_told("L0"))
    bench.camera.hanging.set()
    assert arrived(lambda: bench.told("camera_state", state="stalled", cause="no_frames"))
    assert arrived(lambda: bench.told("camera_state", state="offline", cause="hung"))
    assert bench.camera.connections == 1


def test_a_failing_frame_never_ends_the_loop(bench: Bench) -> None:
    assert arrived(lambda: bench.level_told("L0"))
    bench.camera.grey = 13
    assert arrived(lambda: bench.worker.counts().get("ArithmeticError", 0) >= 3)
    bench.camera.grey = 50
    analysed = bench.worker.counts()["analysed"]
    assert arrived(lambda: bench.worker.counts()["analysed"] > analysed + 3)


def test_pictures_and_state_are_served(bench: Bench) -> None:
    assert arrived(lambda: bench.level_told("L0"))
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=str(bench.config.socket_path)), base_url="http://w"
    ) as client:
        assert arrived(lambda: client.get("/cameras/cam/latest.jpg").status_code == 200)
        state = client.get("/status").json()
    assert state["worker_id"] == "w1"
    assert state["cameras"]["cam"]["state"] == "live"
    assert state["spool"]["rejected"] == 0


def test_stop_releases_everything_and_says_goodbye(tmp_path: Path) -> None:
    process = psutil.Process()
    threads, files = process.num_threads(), process.num_fds()
    bench = Bench(tmp_path, "cam-a", "cam-b", "cam-c")
    bench.thread.start()
    assert arrived(lambda: bench.level_told("L0"))
    bench.stop.set()
    bench.thread.join(30.0)
    assert not bench.thread.is_alive()
    for name in ("cam-a", "cam-b", "cam-c"):
        assert bench.told("camera_state", camera_id=name, state="offline", cause="worker_down")
    assert not bench.config.socket_path.exists()
    assert arrived(lambda: process.num_threads() <= threads)
    assert process.num_fds() <= files


def test_a_worker_that_cannot_serve_pictures_leaves_nothing_open(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.config = replace(bench.config, socket_path=tmp_path / ("x" * 120))
    before = psutil.Process().num_fds()
    with pytest.raises(PictureServerError):
        bench.make().run(bench.stop)
    assert psutil.Process().num_fds() == before


class JumpingClock(SystemClock):
    """The real clock, whose wall time a test can set back."""

    jump_s = 0.0

    def utc_at(self, moment: Monotonic) -> Utc:
        return super().utc_at(moment).plus(self.jump_s)


def test_a_jump_of_the_wall_clock_ends_the_worker_for_a_fresh_start(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    clock = JumpingClock()
    bench.clock = clock
    worker = bench.make()

    def jump() -> None:
        if arrived(lambda: bench.level_told("L0")):
            clock.jump_s = -3600.0

    thread = threading.Thread(target=jump)
    thread.start()
    with pytest.raises(WorkerError, match="jumped by -3600"):
        worker.run(bench.stop)
    thread.join()
    assert bench.told("camera_state", state="offline", cause="worker_down")


def test_build_takes_the_worker_s_slice_of_the_site(tmp_path: Path) -> None:
    site = load_site(sample_school_directory())
    camera = site.cameras[0]
    plan = WorkerPlan(site, (camera.id,), "w1", tmp_path, "http://127.0.0.1:1", "secret-token")
    assert "secret-token" not in repr(plan)
    worker = build(plan, network=FakeNetwork(), profiles=load_profiles())
    assert worker.counts() == {"analysed": 0, "unchanged": 0}
    assert socket_path(tmp_path, "w1") == tmp_path / "sockets" / "w1.sock"
    assert spool_path(tmp_path, "w1") == tmp_path / "spool" / "w1.sqlite3"


def test_a_camera_is_played_from_its_sub_stream_where_it_has_one() -> None:
    site = load_site(sample_school_directory())
    camera = site.cameras[0]
    spec = camera_spec(camera)
    assert spec.repeat
    assert spec.size_px == (1280, 720)
    sub = PlainUri("rtsp://camera/sub")
    changed = camera_spec(replace(camera, sub_uri=sub))  # type: ignore[arg-type]
    assert changed.uri is sub
    assert not changed.repeat
