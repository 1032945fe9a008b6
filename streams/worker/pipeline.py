"""From a sampled frame to records: network, scene, reporter. One thread uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from streams.cameras.check import Checkup, Hiding
from streams.cameras.pace_keeper import WorkerLoad
from streams.cameras.state import CameraStatus
from streams.crews.crew import Analyser, Crew, Crews, CrewShape
from streams.crews.handover import Given, GivenZone
from streams.pictures.latest import LatestPictures
from streams.records import CameraState
from streams.spooling.reporting import AnyRecord, Reporter
from streams.worker.door_poll import DoorStates
from streams.worker.looks import Looks
from streams.worker.orders import Order, OrderKind
from streams.worker.second_look import SecondLook
from vision.health.features import Mode
from vision.instants import Utc
from vision.observations import Frame, HeadNetwork, HeadPoints
from vision.risk.readings import ZoneReading


class Check(Protocol):
    """What the pipeline needs of `streams.cameras.check.CameraCheck`."""

    @property
    def hiding(self) -> Hiding | None: ...

    def look(self, frame: Frame) -> Checkup | None: ...

    def resume(self) -> None: ...

    def relearn(self) -> None: ...

    def confirm(self, mode: Mode, learnt_at: Utc, name: str) -> None: ...


class Pipeline:
    """Judges frames and camera states, and hands the records to `append`.

    `append` stores the records durably before it returns.
    """

    def __init__(
        self,
        *,
        network: HeadNetwork,
        analyser: Analyser,
        reporter: Reporter,
        append: Callable[[Sequence[AnyRecord]], None],
        latest: LatestPictures | None = None,
        checks: Mapping[str, Check] | None = None,
        second: SecondLook | None = None,
    ) -> None:
        self._looks = Looks(network)
        self._analyser = self._crews = Crews(analyser)
        self._reporter = reporter
        self._append = append
        self._latest = latest
        self._checks = dict(checks or {})
        self._second = second or SecondLook()
        self._lost: set[str] = set()
        self._captured: dict[str, Utc] = {}
        self._not_before: dict[str, Utc] = {}

    def readings(self) -> dict[str, ZoneReading]:
        """The newest reading of each zone; may be asked from another thread."""
        return self._reporter.latest()

    @property
    def unchanged(self) -> int:
        """Frames so far of empty places that showed nothing new; any thread may ask."""
        return self._looks.unchanged

    def start(self) -> None:
        """Say that the zones are UNKNOWN until their first frame is judged."""
        self._store(self._reporter.started())

    def process(self, frame: Frame) -> tuple[ZoneReading, ...]:
        """Judge one frame; returns the readings of the zones that its camera sees.

        A frame that still waited when its camera was lost is not judged: it would make the zones
        known again for a moment.
        """
        if frame.camera_id in self._lost or not self._crews.has(frame.camera_id):
            return ()
        after = self._not_before.get(frame.camera_id)
        if after is not None and frame.captured_at <= after:
            # Another worker has judged it.
            return ()
        self._captured[frame.camera_id] = frame.captured_at
        hiding = self._check(frame)
        if hiding is not None and hiding.whole:
            return self._disbelieve(frame, hiding)
        region = self._analyser.region(frame)
        observation = self._looks.at(frame, region)
        readings = self._analyser.observe(frame, observation, hiding.cause if hiding else "")
        self._store(self._reporter.readings(readings))
        if self._latest is not None:
            self._latest.put(frame, observation.heads, readings)
        if hiding is not None:
            # Another count of a bad picture says nothing of the first one.
            return readings
        # After the readings are stored: a detector that fails costs its own look alone.
        self._second.hear(frame.camera_id, readings)
        verdict = self._second.look(frame, region, observation)
        if verdict is not None:
            self._analyser.second_count(frame.camera_id, verdict, frame.captured_at)
        return readings

    def join(self, crew: Crew, checks: Mapping[str, Check], given: Given) -> None:
        """Go on with cameras that another worker gave: their levels, timers and last readings."""
        self._crews.join(crew)
        for zone in given.zones:
            crew.resume(zone)
        self._checks |= checks
        self._reporter.join([zone.last for zone in given.zones])
        self._not_before |= {one: Utc(ns) for one, ns in given.captured_ns.items()}
        if self._latest is not None:
            self._latest.join(crew.outlines)

    def leave(self, crew: CrewShape, number: int) -> Given:
        """Judge these cameras no more; what the worker that takes them needs."""
        memories = self._crews.leave(crew)
        last = self._reporter.leave(crew.zone_ids)
        captured = {one: self._captured[one] for one in crew.camera_ids if one in self._captured}
        for camera_id in crew.camera_ids:
            self._checks.pop(camera_id, None)
            self._captured.pop(camera_id, None)
            self._not_before.pop(camera_id, None)
            self._lost.discard(camera_id)
        self._looks.forget(crew.camera_ids)
        if self._latest is not None:
            self._latest.leave(crew.camera_ids)
        return Given(
            number,
            tuple(GivenZone(one.zone_id, one, memories.get(one.zone_id)) for one in last),
            {one: at.ns for one, at in captured.items()},
        )

    def obey(self, order: Order) -> None:
        """Do what a person decided about a camera's calibration or baselines."""
        check = self._checks.get(order.camera_id)
        if check is None:
            return
        if order.kind is OrderKind.RESUME:
            check.resume()
        elif order.kind is OrderKind.RELEARN:
            check.relearn()
        elif order.mode is not None and order.learnt_at is not None:
            check.confirm(order.mode, Utc.from_datetime(order.learnt_at), order.name)

    def _check(self, frame: Frame) -> Hiding | None:
        """Look at the camera's health; why its readings cannot be believed."""
        check = self._checks.get(frame.camera_id)
        if check is None:
            return None
        checkup = check.look(frame)
        if checkup is not None:
            self._store(self._reporter.health(checkup))
        return check.hiding

    def _disbelieve(self, frame: Frame, hiding: Hiding) -> tuple[ZoneReading, ...]:
        """The camera counts as lost, but its picture can still be looked at."""
        readings = self._analyser.camera_lost(frame.camera_id, frame.captured_at, hiding.cause)
        self._store(self._reporter.readings(readings))
        if self._latest is not None:
            self._latest.put(frame, HeadPoints.none(), readings)
        return readings

    def camera_status(self, status: CameraStatus) -> None:
        """Record a camera's new state; its zones turn UNKNOWN where no other camera sees them."""
        if not self._crews.has(status.camera_id):
            # Given to another worker meanwhile, which tells how it is.
            return
        records = self._reporter.camera_state(status)
        if status.state in (CameraState.STALLED, CameraState.OFFLINE):
            self._lost.add(status.camera_id)
            self._looks.forget((status.camera_id,))
            lost = self._analyser.camera_lost(status.camera_id, status.at, status.cause)
            records.extend(self._reporter.readings(lost))
            if self._latest is not None:
                self._latest.update_readings(lost)
        else:
            self._lost.discard(status.camera_id)
        self._store(records)

    def load(self, load: WorkerLoad) -> None:
        """Tell whether this worker keeps up."""
        self._store(self._reporter.load(load))

    def doors(self, doors: DoorStates) -> None:
        """Take how the doors with a contact stand from now on."""
        self._analyser.note_doors(doors.states)

    def tick(self, now: Utc) -> None:
        """Once a second: zones of silent cameras become UNKNOWN, and UNKNOWN is said again."""
        records = self._reporter.readings(self._analyser.expire(now))
        records.extend(self._reporter.unknown_zones(now))
        self._store(records)

    def _store(self, records: Sequence[AnyRecord]) -> None:
        if records:
            self._append(records)


__all__ = ["Analyser", "Check", "Pipeline"]
