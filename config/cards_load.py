"""Reading `cards.yaml`, and the rules that a card must keep.

A card is refused when it names a door, zone, person or announcement that the site does not have,
and when it would seal a crush point:

- no step shuts a door at the zone of the crush (within `AT_THE_ZONE_M`), or one of the card's
  outlets;
- people are held upstream, never in the zone of the crush;
- words that speak of shutting stand only in a step `shut_door`, where the door can be checked;
- a card for a crowd at L3 or L4 names its outlets and either holds people upstream or opens an
  outlet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from shapely.geometry import LineString

from config.cards import (
    CARDS_FILE,
    AlarmKind,
    Announcement,
    Card,
    CardBook,
    CardStep,
    CardTrigger,
    Do,
)
from config.desk_plan import DeskPlan, check_name, is_new
from config.errors import ConfigFileError
from config.named_files import is_there, named_file
from config.schema_problems import validated
from config.site import Door, LocalText, Site
from config.site_schema import Id, Keys
from config.texts import known
from config.yaml_source import KeyPath, YamlSource, parse_yaml, read_yaml

AT_THE_ZONE_M = 1.0
"""A door nearer to a zone than this is at the zone. Engineering judgement: one metre is as far as
a person in the door stands from the crowd."""

AUDIO_SUFFIXES = (".wav", ".mp3", ".ogg", ".m4a")

_SHUTTING_ZH = re.compile(r"(关闭|关上|锁上|锁闭|封闭|封锁|关|锁)[^，。；]{0,6}(门|出口|通道|卷帘)")
_SHUTTING_EN = re.compile(
    r"\b(shut|close|lock|seal|block)\b[^.;,]{0,20}\b(door|gate|exit|way)", re.IGNORECASE
)
_NOT_SHUTTING = re.compile(
    r"(不要|不得|不能|禁止|切勿|别|不)[^，。；]{0,4}$|\b(not|never)\b[^.;,]{0,12}$", re.IGNORECASE
)

_Level = Literal["L2", "L3", "L4"]


class _TextKeys(Keys):
    zh: Annotated[str, Field(min_length=1, max_length=300)]
    en: Annotated[str, Field(min_length=1, max_length=300)]


class _PlanKeys(Keys):
    title: _TextKeys
    edition: Annotated[str, Field(min_length=1, max_length=40)]
    approved_by: Annotated[str, Field(min_length=1, max_length=60)]


class _AnnouncementKeys(Keys):
    id: Id
    where: _TextKeys
    text: _TextKeys
    audio: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class _WhenKeys(Keys):
    kinds: Annotated[tuple[AlarmKind, ...], Field(min_length=1)]
    zones: tuple[Id, ...] = ()
    levels: tuple[_Level, ...] = ()
    causes: tuple[str, ...] = ()


class _StepKeys(Keys):
    id: Id
    do: Do
    text: _TextKeys
    who: tuple[Id, ...] = ()
    zone: Id | None = None
    door: Id | None = None
    announcement: Id | None = None


class _CardKeys(Keys):
    id: Id
    when: _WhenKeys
    title: _TextKeys
    outlets: tuple[Id, ...] = ()
    steps: Annotated[tuple[_StepKeys, ...], Field(min_length=1, max_length=12)]


class _BookKeys(Keys):
    format: Literal[1]
    plan: _PlanKeys
    announcements: tuple[object, ...] = ()
    cards: tuple[object, ...] = ()


def load_cards(site: Site, desk: DeskPlan) -> CardBook:
    """`cards.yaml` beside the site file; an empty book when there is none.

    Raises:
        ConfigFileError: with every problem found; each names file, line, key and mend.
    """
    path = site.file(CARDS_FILE)
    if not path.exists():
        return CardBook()
    return _Reader(read_yaml(path), site, desk).book()


def parse_cards(content: bytes, site: Site, desk: DeskPlan) -> CardBook:
    """The same from bytes; sound files are looked for beside the site file (see `load_cards`)."""
    return _Reader(parse_yaml(content, file=CARDS_FILE), site, desk).book()


@dataclass(slots=True)
class _Reader:
    source: YamlSource
    site: Site
    desk: DeskPlan
    announcements: dict[str, Announcement] = field(default_factory=dict)

    def book(self) -> CardBook:
        root = validated(_BookKeys, self.source.data, at=(), source=self.source)
        if root is None:
            raise ConfigFileError(self.source.problems)
        for index, item in enumerate(root.announcements):
            self._read_announcement(item, ("announcements", index))
        cards: dict[str, Card] = {}
        for index, item in enumerate(root.cards):
            at: KeyPath = ("cards", index)
            keys = validated(_CardKeys, item, at=at, source=self.source)
            if keys is not None and is_new(keys.id, cards, at, self.source):
                cards[keys.id] = self._card(keys, at)
        if self.source.problems:
            raise ConfigFileError(self.source.problems)
        return CardBook(
            cards=tuple(cards.values()),
            announcements=tuple(self.announcements.values()),
            plan_title=_text(root.plan.title),
            edition=root.plan.edition,
            approved_by=root.plan.approved_by,
            notes=tuple(self.source.notes),
        )

    def _read_announcement(self, item: object, at: KeyPath) -> None:
        keys = validated(_AnnouncementKeys, item, at=at, source=self.source)
        if keys is None or not is_new(keys.id, self.announcements, at, self.source):
            return
        audio = None
        if keys.audio is not None:
            audio = self._sound(keys.audio, (*at, "audio"))
        self.announcements[keys.id] = Announcement(
            keys.id, _text(keys.where), _text(keys.text), audio
        )

    def _sound(self, name: str, at: KeyPath) -> Path | None:
        """The sound file; without it the announcement is read aloud, so that it is only noted."""
        path = named_file(self.site.directory, name)
        if path is None or path.suffix.lower() not in AUDIO_SUFFIXES:
            mend = f"name a file below the site's folder that ends in {AUDIO_SUFFIXES}"
            self.source.report(at, f"{name!r} is not played", mend)
            return None
        if not is_there(path):
            message = f"there is no file {name!r} beside the cards"
            self.source.note(at, message, "put it there, or leave the key out")
            return None
        return path

    def _card(self, keys: _CardKeys, at: KeyPath) -> Card:
        self._check_trigger(keys.when, (*at, "when"))
        doors = {door.id for _, door in self._doors()}
        for place, door_id in enumerate(keys.outlets):
            check_name(door_id, doors, (*at, "outlets", place), self.source, "door")
        seen: set[str] = set()
        for place, step in enumerate(keys.steps):
            here: KeyPath = (*at, "steps", place)
            if is_new(step.id, seen, here, self.source):
                seen.add(step.id)
            self._check_names(step, here)
            self._check_step(keys, step, here)
        self._check_crush_card(keys, at)
        return Card(
            id=keys.id,
            when=CardTrigger(keys.when.kinds, keys.when.zones, keys.when.levels, keys.when.causes),
            title=_text(keys.title),
            steps=tuple(_step(step) for step in keys.steps),
            outlets=keys.outlets,
        )

    def _check_trigger(self, when: _WhenKeys, at: KeyPath) -> None:
        zones = {zone.id for zone in self.site.zones}
        for place, zone_id in enumerate(when.zones):
            check_name(zone_id, zones, (*at, "zones", place), self.source, "zone")
        for place, cause in enumerate(when.causes):
            if not (known(f"rule.{cause}") or known(f"cause.{cause}")):
                message = f"no alarm has the cause {cause!r}"
                mend = "use the key of a rule or cause, e.g. blocked_exit or density"
                self.source.report((*at, "causes", place), message, mend)

    def _check_names(self, step: _StepKeys, at: KeyPath) -> None:
        people = {person.id for person in self.desk.people}
        for place, person in enumerate(step.who):
            check_name(person, people, (*at, "who", place), self.source, "person")
        if step.zone is not None:
            zones = {zone.id for zone in self.site.zones}
            check_name(step.zone, zones, (*at, "zone"), self.source, "zone")
        if step.door is not None:
            doors = {door.id for _, door in self._doors()}
            check_name(step.door, doors, (*at, "door"), self.source, "door")
        if step.announcement is not None:
            at_key = (*at, "announcement")
            check_name(step.announcement, self.announcements, at_key, self.source, "announcement")
        for verb, key, value in (
            ("open_door", "door", step.door),
            ("shut_door", "door", step.door),
            ("hold_people", "zone", step.zone),
            ("announce", "announcement", step.announcement),
        ):
            if step.do == verb and value is None:
                self.source.report((*at, key), f"`{verb}` needs `{key}`", f"add `{key}:`")

    def _check_step(self, card: _CardKeys, step: _StepKeys, at: KeyPath) -> None:
        crush_zones = self._zones_of(card)
        if step.do == "hold_people" and step.zone in crush_zones:
            message = f"it would hold people in {step.zone!r}, where the crush is"
            self.source.report((*at, "zone"), message, "hold them upstream, in a zone before it")
        if step.do == "shut_door" and step.door is not None:
            why = self._sealed_by(card, step.door, crush_zones)
            if why:
                mend = "never seal the crush point; hold people upstream with `hold_people`"
                self.source.report((*at, "door"), why, mend)
        elif step.do != "shut_door" and _speaks_of_shutting(step.text):
            message = "the text tells to shut a door or way, which cannot be checked here"
            mend = "make it a step `do: shut_door` that names the door, or say it otherwise"
            self.source.report((*at, "text"), message, mend)

    def _sealed_by(self, card: _CardKeys, door_id: str, crush_zones: tuple[str, ...]) -> str:
        """Why shutting the door would seal the crush point; empty when it would not."""
        if door_id in card.outlets:
            return f"it would shut {door_id!r}, an outlet of this card"
        for floor_id, door in self._doors():
            if door.id != door_id:
                continue
            leaf = LineString([door.start_xy_m, door.end_xy_m])
            for zone_id in crush_zones:
                zone = self.site.zone(zone_id)
                if zone.floor_id != floor_id:
                    continue
                away_m = leaf.distance(zone.polygon_xy_m)
                if away_m <= AT_THE_ZONE_M:
                    return (
                        f"it would shut {door_id!r}, {away_m:.1f} m from the crush in {zone_id!r}"
                    )
        return ""

    def _check_crush_card(self, card: _CardKeys, at: KeyPath) -> None:
        severe = not card.when.levels or {"L3", "L4"} & set(card.when.levels)
        if "crowd" not in card.when.kinds or not severe:
            return
        if not card.outlets:
            message = "a card for a crowd must say through which doors it leaves"
            self.source.report((*at, "outlets"), message, "add `outlets: [door-id]`")
        helps = any(
            step.do == "hold_people" or (step.do == "open_door" and step.door in card.outlets)
            for step in card.steps
        )
        if not helps:
            message = "no step takes pressure from the crush point"
            mend = "add a step that holds people upstream or opens an outlet"
            self.source.report((*at, "steps"), message, mend)

    def _zones_of(self, card: _CardKeys) -> tuple[str, ...]:
        """The zones where this card's crush is; all zones where it names none."""
        if not {"crowd", "panic"} & set(card.when.kinds):
            return ()
        known_ids = [zone.id for zone in self.site.zones]
        if not card.when.zones:
            return tuple(known_ids)
        return tuple(zone_id for zone_id in card.when.zones if zone_id in known_ids)

    def _doors(self) -> Iterator[tuple[str, Door]]:
        for floor in self.site.floors:
            for door in floor.doors:
                yield floor.id, door


def _speaks_of_shutting(text: _TextKeys) -> bool:
    return any(
        not _NOT_SHUTTING.search(words[: match.start()])
        for pattern, words in ((_SHUTTING_ZH, text.zh), (_SHUTTING_EN, text.en))
        for match in pattern.finditer(words)
    )


def _step(keys: _StepKeys) -> CardStep:
    return CardStep(
        id=keys.id,
        do=keys.do,
        text=_text(keys.text),
        who=keys.who,
        zone_id=keys.zone,
        door_id=keys.door,
        announcement_id=keys.announcement,
    )


def _text(keys: _TextKeys) -> LocalText:
    return LocalText(keys.zh, keys.en)
