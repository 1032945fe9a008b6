"""Hardware decoding: chosen by trying, told in the log, and software wherever it fails."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from structlog.testing import capture_logs

from streams.cameras.loop import CameraSpec
from streams.cameras.openers import open_permitted, opener_for, openers_with
from streams.decoding import av_container
from streams.decoding.av_container import open_quickly
from streams.decoding.hardware import HardwareKind, usable_hardware
from streams.decoding.sources import PlainUri, Timeouts


def works(kind: HardwareKind) -> None:
    del kind


def fails(kind: HardwareKind) -> None:
    raise av.error.PermissionError(1, f"no {kind} here")


@pytest.fixture(name="film")
def _film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for grey in range(10):
            image = np.full((48, 64, 3), 20 * grey, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


def test_the_first_kind_that_works_is_taken() -> None:
    def second(kind: HardwareKind) -> None:
        if kind != "qsv":
            fails(kind)

    with capture_logs() as logs:
        assert usable_hardware("auto", built=lambda: ["cuda", "qsv"], make=second) == "qsv"
    assert [log["event"] for log in logs] == ["pictures are decoded by hardware"]


def test_nothing_is_tried_when_it_is_off() -> None:
    with capture_logs() as logs:
        assert usable_hardware("off", built=lambda: ["cuda"], make=works) is None
    assert logs == []


@pytest.mark.parametrize(
    ("built", "reason"),
    [(["cuda"], "[Errno 1] no cuda here"), (["qsv"], "not in this build of FFmpeg")],
)
def test_a_kind_that_was_asked_for_and_fails_is_a_warning_with_the_reason(
    built: list[str], reason: str
) -> None:
    with capture_logs() as logs:
        assert usable_hardware("cuda", built=lambda: built, make=fails) is None
    (log,) = logs
    assert log["log_level"] == "warning"
    assert log["tried"] == {"cuda": reason}


def test_a_machine_without_any_says_so_once() -> None:
    with capture_logs() as logs:
        assert usable_hardware("auto", built=lambda: ["cuda", "vaapi", "qsv"], make=fails) is None
    (log,) = logs
    assert log["log_level"] == "info"
    assert set(log["tried"]) == {"cuda", "vaapi", "qsv"}


def test_a_device_that_is_gone_leaves_the_camera_in_software(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(kind: HardwareKind) -> None:
        fails(kind)

    monkeypatch.setattr(av_container, "accelerator", gone)
    monkeypatch.setattr(av_container, "refusal_of", lambda kind: f"no {kind} here")
    with capture_logs() as logs:
        container = open_quickly(PlainUri(str(film)), Timeouts(), "cuda")
    pictures = list(container.pictures())
    container.close()
    assert len(pictures) == 10
    assert not container.decoded_by_hardware
    assert logs[0]["event"] == "the hardware decoder is gone: software"
    assert logs[0]["reason"] == "no cuda here"


def test_a_stream_that_the_hardware_does_not_take_is_decoded_in_software_and_told(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(av_container, "accelerator", lambda kind: None)
    with capture_logs() as logs:
        container = open_quickly(PlainUri(str(film)), Timeouts(), "vaapi")
    assert len(list(container.pictures())) == 10
    container.close()
    assert [log["event"] for log in logs] == ["this stream is decoded in software"]


def test_only_what_ffmpeg_opens_is_given_to_the_hardware() -> None:
    camera = CameraSpec("cam", PlainUri("rtsp://192.0.2.1/live"), (64, 48))
    campus = CameraSpec("cam", PlainUri("virtual:blocked_stair"), (64, 48))
    assert openers_with(None)(camera) is open_permitted
    by_hardware = openers_with("cuda")(camera)
    assert getattr(by_hardware, "keywords", None) == {"hardware": "cuda"}
    assert type(openers_with("cuda")(campus)) is type(opener_for(campus))
