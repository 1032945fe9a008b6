"""A real RTSP server (GStreamer) that is killed, stopped and resumed.

Times are printed, not judged: this machine is noisy. `benchmarks/source_cycles.py` reports them.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

import av
import pytest
from av.container import InputContainer

from benchmarks.peers.rtsp import MEND, RtspServer, installed
from streams.cameras.loop import CameraLoop, CameraSpec, Outlets
from streams.cameras.state import CameraStatus
from streams.clock import SystemClock
from streams.decoding.av_container import open_with_av
from streams.decoding.sources import PlainUri, Timeouts
from streams.errors import (
    NotFoundError,
    NoVideoError,
    RefusedError,
    SourceError,
    WrongCredentialsError,
)
from streams.records import CameraState
from tests.conftest import need_peer
from tests.streams.test_supervisor import wait_until
from vision.observations import Frame

pytestmark = pytest.mark.peer


class HiddenUri(PlainUri):
    """Shows no credentials, as `config.CameraUri`."""

    def __str__(self) -> str:
        return "rtsp://***@camera/live"


class Watched:
    """A camera loop with its watchdog running four times a second, as in a worker."""

    def __init__(self, url: str, size_px: tuple[int, int]) -> None:
        self.frames: list[Frame] = []
        self.statuses: list[tuple[float, CameraStatus]] = []
        self._stop = threading.Event()
        self.loop = CameraLoop(
            CameraSpec("cam", PlainUri(url), size_px),
            opener=open_with_av,
            clock=SystemClock(),
            outlets=Outlets(self._deliver, self._report),
        )
        self._watchdog = threading.Thread(target=self._watch)

    def _deliver(self, frame: Frame) -> bool:
        self.frames.append(frame)
        return False

    def _report(self, status: CameraStatus) -> None:
        self.statuses.append((time.monotonic(), status))

    def _watch(self) -> None:
        while not self._stop.wait(0.25):
            self.loop.check()

    def __enter__(self) -> Watched:
        self.loop.start()
        self._watchdog.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._watchdog.join()
        self.loop.stop()
        assert self.loop.join(30.0)

    def reaches(self, state: CameraState, cause: str = "") -> float:
        """When the newest status was this one; waits for it, generously."""

        def there() -> bool:
            status = self.loop.status
            return status.state is state and (not cause or status.cause == cause)

        assert wait_until(there, 90.0), f"stayed {self.loop.status}"
        return self.statuses[-1][0]


@pytest.fixture(scope="module")
def server() -> Iterator[RtspServer]:
    need_peer(installed(), "gst-rtsp-server", MEND)
    with RtspServer() as running:
        yield running


@pytest.fixture
def own_server() -> Iterator[RtspServer]:
    """A server that the test may kill."""
    need_peer(installed(), "gst-rtsp-server", MEND)
    with RtspServer() as running:
        yield running


def refusal(uri: PlainUri) -> SourceError:
    """The error of opening and reading `uri` until it fails."""
    with pytest.raises(SourceError) as caught:  # noqa: PT012  # opening or reading may fail
        container = open_with_av(uri, Timeouts())
        try:
            for _ in container.pictures():
                pass
        finally:
            container.close()
    return caught.value


def test_a_live_camera_gives_pictures_at_the_analysed_rate_with_rising_times(
    server: RtspServer,
) -> None:
    with Watched(server.url(), (320, 180)) as camera:
        assert wait_until(lambda: len(camera.frames) >= 15)
    frames = camera.frames[3:15]  # past the burst that was buffered while opening
    gaps_s = [b.captured_at - a.captured_at for a, b in pairwise(frames)]
    assert all(gap_s > 0 for gap_s in gaps_s)
    assert sum(gaps_s) / len(gaps_s) == pytest.approx(0.2, rel=0.25)
    assert frames[0].image_bgr.shape == (180, 320, 3)
    assert camera.loop.counts()["not_sampled"] > 30


@pytest.mark.parametrize("credentials", ["", "guard:wrong", "nobody:right"])
def test_wrong_credentials(server: RtspServer, credentials: str) -> None:
    error = refusal(HiddenUri(server.url("/secret", credentials)))
    assert isinstance(error, WrongCredentialsError)
    assert str(error).startswith("rtsp://***@camera/live: the camera refuses the user name")
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_right_credentials_also_with_odd_characters_in_the_address(server: RtspServer) -> None:
    container = open_with_av(HiddenUri(server.url("/secret", "gu%61rd:right")), Timeouts())
    assert next(iter(container.pictures())).size_px == (320, 180)
    container.close()


def test_a_path_that_the_camera_does_not_have(server: RtspServer) -> None:
    error = refusal(PlainUri(server.url("/none")))
    assert isinstance(error, NotFoundError)
    assert "no stream at this path" in str(error)


def test_a_stream_of_sound_alone(server: RtspServer) -> None:
    error = refusal(PlainUri(server.url("/audio")))
    assert isinstance(error, NoVideoError)
    assert "carries audio and no video" in str(error)


def test_the_sound_of_a_camera_is_not_asked_for(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[InputContainer] = []
    opened_by_av = av.open

    def remembered(*place: Any, **options: Any) -> InputContainer:
        asked.append(opened_by_av(*place, **options))
        return asked[-1]

    with av.open(server.url("/both"), options={"rtsp_transport": "tcp"}, timeout=10.0) as whole:
        assert {stream.type for stream in whole.streams} == {"video", "audio"}
    monkeypatch.setattr(av, "open", remembered)
    container = open_with_av(PlainUri(server.url("/both")), Timeouts())
    pictures = container.pictures()
    assert [next(pictures).size_px for _ in range(5)] == [(320, 180)] * 5
    assert [[stream.type for stream in one.streams] for one in asked] == [["video"]]
    container.close()


def test_the_key_picture_that_a_camera_begins_with_has_a_time(server: RtspServer) -> None:
    """Otherwise the recording begins with the second one, on some cameras ten seconds later."""
    container = open_with_av(PlainUri(server.url()), Timeouts())
    first, second = islice(container.pictures(), 2)
    assert first.pts_s is not None
    assert second.pts_s == pytest.approx(first.pts_s + 0.04)
    container.close()


def test_a_camera_of_one_picture_a_second_loses_none_while_it_is_opened() -> None:
    """An opening that is cut short at its limit takes a picture's time away."""
    need_peer(installed(), "gst-rtsp-server", MEND)
    with RtspServer(fps=1) as slow:
        container = open_with_av(PlainUri(slow.url()), Timeouts())
        times = [picture.pts_s for picture in islice(container.pictures(), 6)]
        container.close()
    steps = [b - a for a, b in pairwise(time for time in times if time is not None)]
    assert steps == pytest.approx([1.0] * 5)


def test_nobody_listens() -> None:
    # The port is held, so that no other program listens there meanwhile.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        error = refusal(PlainUri(f"rtsp://127.0.0.1:{held.getsockname()[1]}/live"))
    assert isinstance(error, RefusedError)


def test_a_picture_of_another_shape_puts_the_camera_offline(server: RtspServer) -> None:
    with Watched(server.url("/resize"), (480, 360)) as camera:
        camera.reaches(CameraState.LIVE)
        camera.reaches(CameraState.OFFLINE, "resolution_changed")
    assert {frame.image_bgr.shape for frame in camera.frames} == {(360, 480, 3)}
    assert "640x360" in camera.statuses[-1][1].detail


def test_a_smaller_picture_of_the_same_shape_is_judged_in_its_own_size(server: RtspServer) -> None:
    with Watched(server.url("/rescale"), (640, 360)) as camera:
        camera.reaches(CameraState.LIVE)
        assert wait_until(lambda: len(camera.frames) >= 25)
        assert camera.loop.status.state is CameraState.LIVE
    # The stream is enlarged meanwhile.
    assert {frame.image_bgr.shape for frame in camera.frames} == {(180, 320, 3), (360, 640, 3)}


def test_a_killed_camera_is_noticed_and_comes_back(own_server: RtspServer) -> None:
    with Watched(own_server.url(), (320, 180)) as camera:
        camera.reaches(CameraState.LIVE)
        assert wait_until(lambda: len(camera.frames) >= 3)
        killed = time.monotonic()
        own_server.kill()
        noticed_s = camera.reaches(CameraState.OFFLINE) - killed
        assert camera.statuses[-1][1].cause in ("connection_lost", "refused")
        own_server.start()
        back = time.monotonic()
        back_s = camera.reaches(CameraState.LIVE) - back
    print(  # noqa: T201  # a figure for the reader
        f"\nkilled camera noticed after {noticed_s:.2f} s, live {back_s:.2f} s after return"
    )


def test_a_hung_camera_is_noticed_and_comes_back(own_server: RtspServer) -> None:
    with Watched(own_server.url(), (320, 180)) as camera:
        camera.reaches(CameraState.LIVE)
        assert wait_until(lambda: len(camera.frames) >= 3)
        hung = time.monotonic()
        own_server.hang()
        stalled_s = camera.reaches(CameraState.STALLED) - hung
        noticed_s = camera.reaches(CameraState.OFFLINE, "hung") - hung
        own_server.resume()
        back = time.monotonic()
        back_s = camera.reaches(CameraState.LIVE) - back
    print(  # noqa: T201  # a figure for the reader
        f"\nhung camera stalled after {stalled_s:.2f} s, offline after {noticed_s:.2f} s, "
        f"live {back_s:.2f} s after return"
    )


def test_a_camera_that_hangs_before_it_opens(own_server: RtspServer) -> None:
    own_server.hang()
    error = refusal(PlainUri(own_server.url()))
    assert error.cause == "hung"
    own_server.resume()


def test_one_bad_camera_leaves_the_other_alone(server: RtspServer, own_server: RtspServer) -> None:
    with (
        Watched(server.url(), (320, 180)) as good,
        Watched(own_server.url(), (320, 180)) as bad,
    ):
        good.reaches(CameraState.LIVE)
        bad.reaches(CameraState.LIVE)
        own_server.hang()
        bad.reaches(CameraState.OFFLINE)
        seen = len(good.frames)
        assert wait_until(lambda: len(good.frames) > seen + 5)
        own_server.resume()
    assert [status.state for _, status in good.statuses] == [
        CameraState.STARTING,
        CameraState.LIVE,
    ]
