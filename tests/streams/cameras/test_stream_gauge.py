"""What a stream's packets say: counts, bytes, and the camera's clock."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from benchmarks.peers.rtsp import MEND, RtspServer, installed
from streams.cameras.stream_gauge import StreamGauge
from streams.clock import SimulatedClock, SystemClock
from streams.decoding.av_container import open_with_av
from streams.decoding.sources import PlainUri, Timeouts
from tests.conftest import need_peer
from vision.instants import Utc

NOON = Utc.from_iso("2026-09-01T12:00:00Z")


class FakePacket:
    """As much of a packet as the gauge reads."""

    def __init__(self, size: int, told_us: int | None = None) -> None:
        self.size = size
        self._told_us = told_us

    def has_sidedata(self, kind: str) -> bool:
        return kind == "prft" and self._told_us is not None

    def get_sidedata(self, kind: str) -> bytes:
        assert kind == "prft"
        return struct.pack("=qi", self._told_us, 0)


class Heard:
    """A tap that notes what it was handed."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.pictures: list[tuple[object, Utc]] = []

    def packet(self, packet: object, stream: object, start_s: float) -> None:
        self.said.append("packet")

    def picture(self, raw: object, captured_at: Utc) -> None:
        self.said.append("picture")
        self.pictures.append((raw, captured_at))

    def ended(self) -> None:
        self.said.append("ended")


def feed(gauge: StreamGauge, *packets: Any) -> None:
    stream: Any = None
    for packet in packets:
        gauge.packet(packet, stream, 0.0)


def test_packets_and_bytes_are_counted_and_handed_on() -> None:
    heard: Any = Heard()
    gauge = StreamGauge(SimulatedClock(NOON), heard)
    assert gauge.arrivals() is None
    # The last packet of a file is empty: it flushes the decoder.
    feed(gauge, FakePacket(1000), FakePacket(500), FakePacket(0))
    found = gauge.arrivals()
    assert found is not None
    assert (found.pictures, found.bytes_read) == (2, 1500)
    raw: Any = object()
    gauge.picture(raw, NOON)
    gauge.ended()
    assert heard.pictures == [(raw, NOON)]
    assert heard.said == ["packet"] * 3 + ["picture", "ended"]


@pytest.mark.parametrize(
    ("told_s", "offset_s"),
    [
        (NOON.ns / 1e9, 0.0),
        (NOON.ns / 1e9 + 45.0, 45.0),
        (NOON.ns / 1e9 - 3600.0, -3600.0),
        # Counted from the camera's start: NTP's zero lies in 1900.
        (-2_208_988_800.0 + 86_400.0, None),
    ],
)
def test_the_cameras_clock_is_read_from_its_reports(told_s: float, offset_s: float | None) -> None:
    gauge = StreamGauge(SimulatedClock(NOON))
    assert gauge.clock_offset_s is None
    feed(gauge, FakePacket(100, round(told_s * 1e6)), FakePacket(100))
    assert gauge.clock_offset_s == (None if offset_s is None else pytest.approx(offset_s, abs=1e-3))
    gauge.ended()
    assert gauge.clock_offset_s is None


@pytest.mark.peer
def test_a_real_camera_tells_its_clock_within_seconds() -> None:
    """The server runs on this machine's clock, so the offset is the way of a picture."""
    need_peer(installed(), "gst-rtsp-server", MEND)
    gauge = StreamGauge(SystemClock())
    with RtspServer(size="320x180", fps=10) as server:
        container = open_with_av(PlainUri(server.url()), Timeouts())
        container.tap = gauge
        try:
            for count, _ in enumerate(container.pictures()):
                if gauge.clock_offset_s is not None or count > 200:
                    break
        finally:
            container.close()
    assert gauge.clock_offset_s is not None
    assert abs(gauge.clock_offset_s) < 5.0
