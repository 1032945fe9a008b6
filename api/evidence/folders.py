"""Files of the evidence: the segments that an alarm needs, kept beside the ring by hard links.

A link costs no room and keeps the pictures when the ring deletes its own name of them; a segment
that is still growing is linked as well, so that a clip is there whoever is killed in the middle.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from api.evidence.jumps import Span, read_jumps, spans_of, stretches_of
from streams.recording import (
    ClockRun,
    Part,
    Segment,
    join,
    parts_of,
    read_status,
    segments,
    segments_in,
)
from streams.recording.notes import notes_of
from streams.recording.remux import DRAFT_SUFFIX
from streams.recording.values import RECORDING_TOLERANCE_S
from vision.instants import Utc

SCRATCH = "export-"
"""Begins the name of the folder in which an export is made."""

_JOINED = "joined"
_OLD_JOINED_S = 3_600.0
# A clip that grows is joined anew for each viewing, hours of it in the end. Who pauses an older
# film for longer begins anew as well.
_SUPERSEDED_S = 300.0


@dataclass(frozen=True, slots=True)
class EvidenceFolder:
    """Where rings and evidence lie; they should be on one disk, else segments are copied."""

    recordings: Path
    root: Path

    def of_camera(self, number: int, camera_id: str) -> Path:
        return self.root / "alarms" / str(number) / camera_id

    def of_alarm(self, number: int) -> Path:
        return self.root / "alarms" / str(number)

    def export_file(self, export_id: int) -> Path:
        return self.root / "exports" / f"{export_id}.zip"

    def set_aside(self, number: int, now: Utc) -> Path | None:
        """Move away what lies under a number before its clip begins; where it went.

        It is of another alarm, from after the backup that the database was restored from. Nothing
        here deletes it: no row says for how long it is to be kept. Raises `OSError`.
        """
        folder = self.of_alarm(number)
        if not folder.exists():
            return None
        aside = folder.with_name(f"{number}.before-{now.ns}")
        folder.rename(aside)
        return aside

    def collect(self, number: int, camera_id: str, span: Span, run: ClockRun | None = None) -> Utc:
        """Link what the ring holds of a span; up to when it will not change any more.

        Args:
            run: the clock that told the span: what one told before that has been set back since is
                of another time. `None` where nobody knows.
        """
        found = [one for one in segments(self.recordings, camera_id, *span) if one.is_told_by(run)]
        if not found:
            return span[0]
        target = self.of_camera(number, camera_id)
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for segment in found:
            _link(segment, target)
        growing = [segment.start for segment in found if not segment.closed]
        return min(growing, default=found[-1].end)

    def is_whole(
        self, number: int, camera_ids: Iterable[str], span: Span, run: ClockRun | None = None
    ) -> bool:
        """Whether the end of a span was collected of each camera whose ring is being written; for
        `run` see `collect`."""
        recorded = filter(self._is_recorded, camera_ids)
        reached = (self.collected_until(number, [camera_id], span, run) for camera_id in recorded)
        return all(span[1] - until <= RECORDING_TOLERANCE_S for until in reached)

    def _is_recorded(self, camera_id: str) -> bool:
        """A ring that says nothing else is written, or is about to be."""
        status = read_status(self.recordings, camera_id)
        return status is not None and (status.recording or status.cause is None)

    def segments(self, number: int, camera_id: str, start: Utc, end: Utc) -> tuple[Segment, ...]:
        """What was collected of a camera."""
        return segments_in(self.of_camera(number, camera_id), start, end)

    def spans(self, number: int, start: Utc, end: Utc) -> tuple[Span, ...]:
        """The spans of a clip, as they happened and without overlaps; one where no clock was set
        while its alarm was open."""
        return spans_of(stretches_of(start, end, read_jumps(self.of_alarm(number))))

    def films(
        self, number: int, camera_id: str, spans: Iterable[Span]
    ) -> tuple[tuple[Part, Span, str], ...]:
        """What can be played of a camera: each part with its span and its version."""
        return tuple(
            (part, span, version)
            for span in spans
            for part, version in self.parts(number, camera_id, span)
        )

    def collected_until(
        self, number: int, camera_ids: Iterable[str], span: Span, run: ClockRun | None = None
    ) -> Utc:
        """The end of the last picture that was collected in a span; its start where none was."""
        found = (one for camera_id in camera_ids for one in self.segments(number, camera_id, *span))
        ends = (segment.end for segment in found if segment.is_told_by(run))
        return min(max(ends, default=span[0]), span[1])

    def joined(
        self, number: int, camera_id: str, part: Part, span: tuple[Utc, Utc], version: str
    ) -> Path:
        """One file of a part, made by packet copy when it is not there yet.

        Raises:
            NoPictureError: nothing of the span was recorded.
            RemuxError, OSError: the disk takes nothing.
        """
        folder = self.root / _JOINED
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{number}-{camera_id}-{version}.mp4"
        if not path.is_file():
            join(part, *span, path)
            self._forget_older(path, f"{number}-{camera_id}-*.mp4")
        return path

    def made(self, number: int, camera_id: str, version: str) -> Path | None:
        """A joined file that is there, which is in use from now on; `None` where there is none."""
        path = self.root / _JOINED / f"{number}-{camera_id}-{version}.mp4"
        if not version.isalnum():
            return None
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def _forget_older(self, path: Path, named: str) -> None:
        """Delete films of the same camera and alarm that nobody has played for some minutes."""
        now_s = path.stat().st_mtime
        for other in path.parent.glob(named):
            with contextlib.suppress(FileNotFoundError):
                if now_s - other.stat().st_mtime > _SUPERSEDED_S:
                    other.unlink()

    def parts(
        self, number: int, camera_id: str, span: tuple[Utc, Utc]
    ) -> tuple[tuple[Part, str], ...]:
        """What can be played of a camera, each with a version that changes when it grows."""
        found = parts_of(self.segments(number, camera_id, *span))
        return tuple((part, _version(part, span)) for part in found)

    def forget_joined(self, now: Utc) -> None:
        """Delete joined files that nobody has played lately, as they can be made again, and drafts
        of them that a killed service left."""
        for path in self._joined_files():
            # A draft may be whole, and have its own name, by now.
            with contextlib.suppress(FileNotFoundError):
                if now.ns / 1e9 - path.stat().st_mtime > _OLD_JOINED_S:
                    path.unlink()

    def alarms_kept(self) -> tuple[int, ...]:
        """Numbers of the alarms that have a folder."""
        names = (path.name for path in (self.root / "alarms").glob("*"))
        return tuple(int(name) for name in names if name.isdecimal())

    def exports_kept(self) -> tuple[int, ...]:
        """Ids of the exports that have a package."""
        names = (path.stem for path in (self.root / "exports").glob("*.zip"))
        return tuple(int(name) for name in names if name.isdecimal())

    def forget_scraps(self) -> None:
        """Delete what exports that were killed had made of their films; none may be at work.

        What the disk does not let go is left for the next time.
        """
        folder = self.root / "exports"
        for scratch in folder.glob(f"{SCRATCH}*"):
            shutil.rmtree(scratch, ignore_errors=True)
        for draft in folder.glob(f".*{DRAFT_SUFFIX}"):
            with contextlib.suppress(OSError):
                draft.unlink()

    def delete_export(self, export_id: int) -> None:
        """Delete a package. Raises `OSError`."""
        self.export_file(export_id).unlink(missing_ok=True)

    def delete_alarm(self, number: int) -> None:
        """Delete all pictures of an alarm, joined ones too."""
        shutil.rmtree(self.of_alarm(number), ignore_errors=True)
        for path in self._joined_files(f"{number}-*"):
            path.unlink(missing_ok=True)

    def _joined_files(self, named: str = "*") -> Iterator[Path]:
        folder = self.root / _JOINED
        yield from folder.glob(f"{named}.mp4")
        yield from folder.glob(f".{named}{DRAFT_SUFFIX}")


def _link(segment: Segment, target: Path) -> None:
    """The segment's files under names of the evidence's own. Notes come first: pictures without
    notes tell no time."""
    for source in (notes_of(segment.path), segment.path):
        name = target / source.name
        try:
            if not name.exists():
                os.link(source, name)
            elif name.stat().st_size != source.stat().st_size:
                # A copy, which does not grow with what it was made of.
                _copy(source, name)
        except FileNotFoundError:
            # The ring deleted it between the look and the link.
            return
        except OSError:
            _copy(source, name)


def _copy(source: Path, name: Path) -> None:
    """For evidence on a disk of its own: whole or not at all, as somebody may be playing it."""
    part = name.with_name(f"{name.name}.part")
    shutil.copy2(source, part)
    part.replace(name)


def _version(part: Part, span: tuple[Utc, Utc]) -> str:
    digest = hashlib.sha256(f"{span[0].ns}-{span[1].ns}".encode())
    for segment in part.segments:
        digest.update(f"/{segment.path.name}:{segment.size_bytes}".encode())
    return digest.hexdigest()[:16]


__all__ = ["SCRATCH", "EvidenceFolder"]
