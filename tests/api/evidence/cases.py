"""A desk with evidence, a ring that fills in simulated time, and its people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from starlette.requests import HTTPConnection

from api.access.actor import Actor, Grant
from api.access.rights import Role
from api.evidence.mount import install_evidence
from api.evidence.origin import Origin
from api.evidence.service import EvidencePlan, EvidenceService
from config.profiles import load_profiles
from config.recording import ClipSettings, RecordingSettings, RingSettings
from streams.clock import SimulatedClock
from streams.decoding.virtual_source import MadePicture
from streams.recording.recorder import CameraRecorder
from streams.recording.values import EndCause
from streams.recording.writer import RingWriter
from tests.api.desk_cases import RunningDesk, running_desk

CAMERA = "cam-stair"
GRANTS = {
    "wang": (Grant(Role.OPERATOR),),
    "li": (Grant(Role.SUPERVISOR), Grant(Role.PRIVACY_OFFICER)),
    "zhao": (Grant(Role.PRIVACY_OFFICER),),
    "district": (Grant(Role.DISTRICT),),
}


class NamedAccess:
    """Whoever the header `x-person` names; nobody without it... but the guard `wang`."""

    async def actor_of(self, request: HTTPConnection) -> Actor | None:
        name = request.headers.get("x-person", "wang")
        return Actor(name, GRANTS[name], account=name)

    async def still_valid(self, actor: Actor) -> bool:
        return actor.name in GRANTS


@dataclass(slots=True)
class Ring:
    """Records grey pictures of one camera on the desk's clock."""

    writer: RingWriter
    tap: CameraRecorder
    clock: SimulatedClock
    shown: int = 0

    def record(self, seconds: float, fps: int = 2) -> None:
        for _ in range(round(seconds * fps)):
            self.clock.advance(1.0 / fps)
            image = np.full((90, 160, 3), 40 + self.shown % 100, np.uint8)
            image[10:20, self.shown % 100 : self.shown % 100 + 20] = 250
            self.tap.picture(MadePicture(self.shown / fps, image), self.clock.utc())
            self.shown += 1
        self.writer.drain()


@dataclass(slots=True)
class EvidenceDesk:
    """The parts of a test."""

    desk: RunningDesk
    evidence: EvidenceService
    ring: Ring

    async def pass_time(self, seconds: float, level: str, density: float) -> None:
        """Record and read for so long; the collector looks once at the end."""
        for _ in range(round(seconds)):
            self.ring.record(1.0)
            await self.desk.send(self.desk.reading("stair", level, density))
        await self.evidence.collector.tick()

    async def alarm_of_a_crowd(self, seconds: float = 20.0) -> int:
        """Forty quiet seconds, then a crowd; the alarm's number."""
        await self.pass_time(40.0, "L0", 0.4)
        await self.pass_time(seconds, "L3", 3.1)
        (alarm,) = await self.desk.alarms()
        return int(alarm["number"])

    async def end_alarm(self, number: int) -> None:
        """The crowd goes, the guard closes, the clip is complete."""
        await self.pass_time(5.0, "L0", 0.3)
        alarm = await self.desk.get(f"/api/v1/alarms/{number}")
        for step, more in (("acknowledge", {}), ("close", {"cause": "drill", "taken": "other"})):
            alarm = await self.desk.get(f"/api/v1/alarms/{number}")
            if alarm["state"] == "closed":
                break
            body = {"name": "王芳", "version": alarm["version"], **more}
            answer = await self.desk.client.post(f"/api/v1/alarms/{number}/{step}", json=body)
            assert answer.status_code == 200, answer.text
        await self.pass_time(30.0, "L0", 0.3)


def ring_of(root: Path, clock: SimulatedClock, camera_id: str = CAMERA) -> Ring:
    settings = RingSettings(camera_ids=frozenset({camera_id}), reserve_bytes=0, segment_s=5.0)
    writer = RingWriter(root, settings, clock, camera_ids=[camera_id])
    writer.prepare()
    return Ring(writer, CameraRecorder(camera_id, writer, clock, segment_s=5.0), clock)


def evidence_plan(tmp_path: Path, **clips: float) -> EvidencePlan:
    settings = RecordingSettings(
        RingSettings(camera_ids=frozenset({CAMERA}), reserve_bytes=0),
        ClipSettings(**clips),  # type: ignore[arg-type]
    )
    return EvidencePlan(
        tmp_path / "recordings", tmp_path / "evidence", settings, Origin(load_profiles())
    )


@asynccontextmanager
async def evidence_desk(
    database_url: str, tmp_path: Path, *, clock: SimulatedClock | None = None, **clips: float
) -> AsyncIterator[EvidenceDesk]:
    """A desk whose evidence is ticked by hand, after the sweep that a start makes."""
    clock = clock or SimulatedClock()
    async with running_desk(database_url, clock=clock, access=NamedAccess()) as desk:
        evidence = EvidenceService(desk.service.desk, evidence_plan(tmp_path, **clips))
        install_evidence(desk.app, evidence)
        await evidence.retention.sweep()
        ring = ring_of(tmp_path / "recordings", clock)
        yield EvidenceDesk(desk, evidence, ring)
        ring.tap.close(EndCause.STOPPED)
