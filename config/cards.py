"""Action cards: what the site's own emergency plan says to do, for a zone, a level and a cause.

Values and the choice of a card; `config.cards_load` reads them from `cards.yaml`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.errors import FileProblem
from config.site import LocalText

CARDS_FILE = "cards.yaml"

Do = Literal[
    "hold_people",
    "open_door",
    "shut_door",
    "send_person",
    "stop_class",
    "announce",
    "call",
    "relieve",
    "watch",
    "mend",
]
AlarmKind = Literal[
    "crowd",
    "camera_lost",
    "worker_lost",
    "recorder_lost",
    "area_blind",
    "delivery",
    "disk_low",
    "panic",
    "panel_fault",
    "recording_stopped",
    "site_files",
    "test",
]


@dataclass(frozen=True, slots=True)
class Announcement:
    """Words to read aloud, and a recording of them where there is one.

    Attributes:
        where: where it is to be heard.
        audio_file: a sound file beside the cards; `None`: it is read aloud.
    """

    id: str
    where: LocalText
    text: LocalText
    audio_file: Path | None = None


@dataclass(frozen=True, slots=True)
class CardStep:
    """One thing to do.

    Attributes:
        text: in words that a guard can follow.
        who: ids of the people who do it.
        zone_id: where; `door_id`: with which door; `announcement_id`: what is read.
    """

    id: str
    do: Do
    text: LocalText
    who: tuple[str, ...] = ()
    zone_id: str | None = None
    door_id: str | None = None
    announcement_id: str | None = None


@dataclass(frozen=True, slots=True)
class CardTrigger:
    """What a card is for; an empty tuple means any.

    Attributes:
        levels: of crowd alarms, e.g. `L3`.
        causes: keys of reasons, e.g. `blocked_exit`.
    """

    kinds: tuple[AlarmKind, ...]
    zone_ids: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    def fits(self, situation: Situation) -> bool:
        return (
            situation.kind in self.kinds
            and (not self.zone_ids or bool(set(self.zone_ids) & set(situation.zone_ids)))
            and (not self.levels or situation.level in self.levels)
            and (not self.causes or bool(set(self.causes) & set(situation.causes)))
        )

    @property
    def exactness(self) -> tuple[bool, bool, bool]:
        """A cause says more than a zone, and a zone more than a level."""
        return (bool(self.causes), bool(self.zone_ids), bool(self.levels))


@dataclass(frozen=True, slots=True)
class Situation:
    """What an alarm says, as far as the choice of a card needs it."""

    kind: str
    zone_ids: tuple[str, ...]
    level: str
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """An action card.

    Attributes:
        outlets: doors through which the crowd leaves; no step of the card may shut one.
    """

    id: str
    when: CardTrigger
    title: LocalText
    steps: tuple[CardStep, ...]
    outlets: tuple[str, ...] = ()

    def step(self, step_id: str) -> CardStep | None:
        return next((step for step in self.steps if step.id == step_id), None)


@dataclass(frozen=True, slots=True)
class CardBook:
    """All cards of a site, with the plan they were taken from.

    Attributes:
        notes: what is doubtful in the file, such as a sound that is not there.
    """

    cards: tuple[Card, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    plan_title: LocalText | None = None
    edition: str = ""
    approved_by: str = ""
    notes: tuple[FileProblem, ...] = ()

    def card_for(self, situation: Situation) -> Card | None:
        """The card that fits and says most; of equal ones the first in the file."""
        fitting = [card for card in self.cards if card.when.fits(situation)]
        return max(fitting, key=lambda card: card.when.exactness, default=None)

    def card(self, card_id: str) -> Card | None:
        return next((card for card in self.cards if card.id == card_id), None)

    def announcement(self, announcement_id: str | None) -> Announcement | None:
        found = (item for item in self.announcements if item.id == announcement_id)
        return next(found, None)

    def uncovered_zones(self, zone_ids: Collection[str]) -> tuple[str, ...]:
        """Zones without a card for a crowd at L3 or L4, whatever the cause."""

        def covered(zone_id: str) -> bool:
            return all(
                self.card_for(Situation("crowd", (zone_id,), level)) is not None
                for level in ("L3", "L4")
            )

        return tuple(zone_id for zone_id in zone_ids if not covered(zone_id))
