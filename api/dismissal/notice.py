"""What hangs on the notice board: the timetable as rows, and the planned flow over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from api.dismissal.check import Checked
from api.dismissal.timetable import SLOT_S, flow_per_s
from config.dismissal import DismissalFile, PlaceKind
from config.texts import text

_COLUMNS = ("time", "room", "floor", "pupils", "way")


@dataclass(frozen=True, slots=True)
class Curve:
    """Planned arrivals a second at one place, and its capacity."""

    name: str
    per_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in one language.

    Attributes:
        rows: floor, class, pupils, way, time to leave; in the order of leaving.
        notes: sentences below the table.
        slot_s: seconds between the points of the curves.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    curves: tuple[Curve, ...]
    axis: str
    slot_s: float


def notice_of(plan: DismissalFile, checked: Checked, lang: str, *, site_name: str) -> Notice:
    """The notice of a checked timetable."""
    timetable = checked.timetable
    bell = datetime.strptime(plan.start, "%H:%M")  # noqa: DTZ007 - a clock time without a day
    names = {p.id: p.name_zh if lang == "zh" else p.name_en for p in plan.places}
    order = sorted(plan.rooms, key=lambda room: (timetable.start_of(room.id), room.id))
    rows = tuple(
        (
            (bell + timedelta(seconds=timetable.start_of(room.id))).strftime("%H:%M:%S"),
            room.name_zh if lang == "zh" else room.name_en,
            room.floor,
            str(room.pupils),
            " → ".join(names[place_id] for place_id in room.route),
        )
        for room in order
    )
    flow = flow_per_s(plan, timetable)
    stairs = [place for place in plan.places if place.kind is PlaceKind.STAIR]
    return Notice(
        text("dismissal.title", lang, site=site_name),
        tuple(
            text(f"dismissal.column.{c}", lang) for c in ("time", "room", "floor", "pupils", "way")
        ),
        rows,
        _notes(checked, lang),
        tuple(Curve(names[p.id], tuple(float(v) for v in flow[p.id])) for p in stairs),
        text("dismissal.axis", lang),
        SLOT_S,
    )


def _notes(checked: Checked, lang: str) -> tuple[str, ...]:
    timetable = checked.timetable
    notes = [
        text(
            "dismissal.ends",
            lang,
            minutes=f"{timetable.ends_s / 60:.1f}",
            bound=f"{timetable.bound_s / 60:.1f}",
        )
    ]
    if checked.stairs:
        notes.append(text("dismissal.peak", lang, peak=f"{checked.highest_per_m2:.2f}"))
    else:
        notes.append(text("dismissal.unchecked", lang))
    notes.append(text("dismissal.caution", lang))
    return tuple(notes)


__all__ = ["Curve", "Notice", "notice_of"]
