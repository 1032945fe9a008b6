import socket
from pathlib import Path
from typing import Any

import pytest

from config.camera_uri import CameraUri
from streams.cameras.loop import CameraSpec
from streams.cameras.openers import Campus, open_permitted, opener_for
from streams.decoding.sources import PlainUri, Timeouts
from streams.errors import ConnectionLostError, NotFoundError
from streams.virtual import stage
from streams.virtual.stage import Backdrop
from vision.geometry.camera import Camera, Lens, Pose

SMALL = Camera(Pose(0.1, 1.5, 2.9, 0.0, 20.0), Lens.from_hfov(160, 90, 62.0))


def spec(address: str, analysed_fps: float = 5.0) -> CameraSpec:
    return CameraSpec("cam-corridor3", PlainUri(address), (160, 90), analysed_fps, view=SMALL)


@pytest.mark.parametrize("address", ["rtsp://camera/live", "rtsps://camera/live", "file:a.mp4"])
def test_cameras_and_recordings_are_played_by_ffmpeg(address: str) -> None:
    assert opener_for(spec(address)) is open_permitted


def test_a_camera_whose_name_is_unknown_is_told_so_and_not_that_it_hung_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    uri = CameraUri.parse("rtsp://camera-3.school/live", directory=tmp_path)
    with pytest.raises(ConnectionLostError, match="name is not known in this network") as caught:
        open_permitted(uri, Timeouts())
    assert "IP address" in caught.value.mend


@pytest.mark.parametrize(
    ("analysed_fps", "step_s"), [(5.0, 0.2), (4.0, 0.2), (6.0, 0.08), (2.0, 0.4)]
)
def test_the_campus_is_drawn_no_oftener_than_needed(analysed_fps: float, step_s: float) -> None:
    pytest.importorskip("jupedsim", reason="extra sim")
    asked = spec("virtual:quiet_corridor?seed=1", analysed_fps)
    container = opener_for(asked)(asked.uri, Timeouts())
    pictures = container.pictures()
    first, second = next(pictures), next(pictures)
    container.close()
    assert first.pts_s == 0.0
    assert second.pts_s == pytest.approx(step_s)
    assert first.size_px == (160, 90)


def test_a_start_in_the_middle_begins_at_zero() -> None:
    pytest.importorskip("jupedsim", reason="extra sim")
    asked = spec("virtual:quiet_corridor?seed=1&start_s=10&light=dim")
    pts_s, image = next(iter(Campus(asked).pictures(asked.uri)))
    assert pts_s == 0.0
    assert image.shape == (90, 160, 3)


def test_a_story_that_begins_anew_keeps_its_empty_place(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jupedsim", reason="extra sim")
    drawn: list[object] = []

    def draw_backdrop(*arguments: Any, **options: Any) -> Backdrop:
        drawn.append(arguments)
        return stage.draw_backdrop(*arguments, **options)

    monkeypatch.setattr("streams.virtual.render.draw_backdrop", draw_backdrop)
    asked = spec("virtual:blocked_stair?seed=1&camera=cam-stair")
    campus = Campus(asked)
    first, again = (next(campus.pictures(asked.uri)) for _ in range(2))
    assert len(drawn) == 2, "the gate open and the gate shut, once each"
    assert first[0] == again[0] == 0.0
    assert (first[1] == again[1]).all()


@pytest.mark.parametrize("address", ["virtual:no_such_story", "virtual:quiet_corridor?light=disco"])
def test_a_story_that_does_not_exist_is_one_clear_message(address: str) -> None:
    pytest.importorskip("jupedsim", reason="extra sim")
    with pytest.raises(NotFoundError, match="mend: name a scenario, camera and light"):
        next(iter(Campus(spec(address)).pictures(PlainUri(address))))
