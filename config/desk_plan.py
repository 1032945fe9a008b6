"""How a site answers alarms: its people, the operator check, the escalation ladder, routine tests
and which cameras hang on which recorder. Read from `desk.yaml` beside the site file.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from config.errors import ConfigFileError
from config.schema_problems import nearest, validated
from config.site import LocalText, Site
from config.site_schema import Id, Keys, TextKeys
from config.yaml_source import KeyPath, YamlSource, parse_yaml, read_yaml

DESK_FILE = "desk.yaml"

StepKind = Literal["sound_again", "second_desk", "call", "police", "district"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_Priority = Annotated[int, Field(ge=1, le=4)]
_TIME_OF_DAY = re.compile(r"^([01][0-9]|2[0-3]):[0-5][0-9]$")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is named in the plan; the telephone number is shown on the desk only."""

    id: str
    name: LocalText
    role: LocalText
    phone: str = ""


@dataclass(frozen=True, slots=True)
class LadderStep:
    """One step of the escalation ladder.

    Attributes:
        after_s: seconds without acknowledgement.
        priorities: of the alarms that it is for.
        do: what happens; `call`, `police` and `district` are told by delivery.
        who: ids of people.
    """

    id: str
    after_s: float
    do: StepKind
    priorities: tuple[int, ...] = (1, 2, 3, 4)
    who: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoutineTest:
    """A test alarm at a time of day (site time), and how soon every receipt must be there."""

    at: str
    days: tuple[Weekday, ...] = WEEKDAYS
    receipts_within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recorder, switch or power supply: when it dies, all its cameras die."""

    id: str
    name: LocalText
    camera_ids: tuple[str, ...]


DEFAULT_LADDER = (
    LadderStep("sound-again", 30.0, "sound_again"),
    LadderStep("second-desk", 60.0, "second_desk", (1, 2)),
    LadderStep("police", 120.0, "police", (1, 2)),
    LadderStep("district", 300.0, "district", (1,)),
)
"""Steps of a site without `desk.yaml`; they name nobody. Times: alarm_and_security, section B."""


@dataclass(frozen=True, slots=True)
class DeskPlan:
    """Everything `desk.yaml` says."""

    people: tuple[Person, ...] = ()
    check_s: float = 0.0
    check_priorities: tuple[int, ...] = (1, 2)
    ladder: tuple[LadderStep, ...] = DEFAULT_LADDER
    routine_test: RoutineTest | None = None
    recorders: tuple[Recorder, ...] = ()

    def person(self, person_id: str) -> Person | None:
        return next((person for person in self.people if person.id == person_id), None)


class _PersonKeys(Keys):
    id: Id
    name: TextKeys
    role: TextKeys
    phone: Annotated[str, Field(pattern=r"^[0-9+ \-]{0,24}$")] = ""


class _CheckKeys(Keys):
    seconds: Annotated[float, Field(ge=0.0, le=30.0)]
    priorities: Annotated[tuple[_Priority, ...], Field(min_length=1)] = (1, 2)


class _StepKeys(Keys):
    id: Id
    after_s: Annotated[float, Field(ge=5.0, le=3600.0)]
    do: StepKind
    priorities: Annotated[tuple[_Priority, ...], Field(min_length=1)] = (1, 2, 3, 4)
    who: tuple[Id, ...] = ()


class _TestKeys(Keys):
    at: str
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEKDAYS
    receipts_within_s: Annotated[float, Field(ge=5.0, le=600.0)] = 60.0


class _RecorderKeys(Keys):
    id: Id
    name: TextKeys
    cameras: Annotated[tuple[Id, ...], Field(min_length=2)]


class _DeskKeys(Keys):
    format: Literal[1]
    people: tuple[object, ...] = ()
    operator_check: _CheckKeys = _CheckKeys(seconds=0.0)
    escalation: tuple[object, ...] | None = None
    routine_test: _TestKeys | None = None
    recorders: tuple[object, ...] = ()


def load_desk_plan(site: Site) -> DeskPlan:
    """`desk.yaml` beside the site file; the default plan when there is none.

    Raises:
        ConfigFileError: with every problem found; each names file, line, key and mend.
    """
    path = site.file(DESK_FILE)
    if not path.exists():
        return DeskPlan()
    return _plan(read_yaml(path), _camera_ids(site))


def parse_desk_plan(content: bytes, *, camera_ids: Collection[str]) -> DeskPlan:
    """The same from bytes (see `load_desk_plan`)."""
    return _plan(parse_yaml(content, file=DESK_FILE), camera_ids)


def _camera_ids(site: Site) -> set[str]:
    return {camera.id for camera in site.cameras}


def _plan(source: YamlSource, camera_ids: Collection[str]) -> DeskPlan:
    root = validated(_DeskKeys, source.data, at=(), source=source)
    if root is None:
        raise ConfigFileError(source.problems)
    people = _people(root.people, source)
    ladder: tuple[LadderStep, ...] = DEFAULT_LADDER
    if root.escalation is not None:
        ladder = _ladder(root.escalation, {person.id for person in people}, source)
    recorders = _recorders(root.recorders, camera_ids, source)
    test = None
    if root.routine_test is not None:
        if not _TIME_OF_DAY.match(root.routine_test.at):
            message = f"{root.routine_test.at!r} is no time of day"
            source.report(("routine_test", "at"), message, 'write e.g. "07:10", in quotes')
        keys = root.routine_test
        test = RoutineTest(keys.at, keys.days, keys.receipts_within_s)
    if source.problems:
        raise ConfigFileError(source.problems)
    check = root.operator_check
    return DeskPlan(
        people=people,
        check_s=check.seconds,
        check_priorities=check.priorities,
        ladder=ladder,
        routine_test=test,
        recorders=recorders,
    )


def _people(items: tuple[object, ...], source: YamlSource) -> tuple[Person, ...]:
    found: dict[str, Person] = {}
    for index, item in enumerate(items):
        at: KeyPath = ("people", index)
        keys = validated(_PersonKeys, item, at=at, source=source)
        if keys is None or not is_new(keys.id, found, at, source):
            continue
        found[keys.id] = Person(keys.id, _text(keys.name), _text(keys.role), keys.phone)
    return tuple(found.values())


def _ladder(
    items: tuple[object, ...], people: Collection[str], source: YamlSource
) -> tuple[LadderStep, ...]:
    found: dict[str, LadderStep] = {}
    before_s = 0.0
    for index, item in enumerate(items):
        at: KeyPath = ("escalation", index)
        keys = validated(_StepKeys, item, at=at, source=source)
        if keys is None or not is_new(keys.id, found, at, source):
            continue
        for place, person in enumerate(keys.who):
            check_name(person, people, (*at, "who", place), source, "person")
        if keys.do == "call" and not keys.who:
            source.report((*at, "who"), "a call needs somebody to be called", "name people")
        if keys.after_s < before_s:
            message = f"{keys.after_s:g} s comes before the step above ({before_s:g} s)"
            source.report((*at, "after_s"), message, "put the steps in the order of their times")
        before_s = keys.after_s
        found[keys.id] = LadderStep(keys.id, keys.after_s, keys.do, keys.priorities, keys.who)
    if not any(1 in step.priorities for step in found.values()):
        message = "no step is for priority 1"
        source.report(("escalation",), message, "add a step whose priorities hold 1")
    return tuple(found.values())


def _recorders(
    items: tuple[object, ...], camera_ids: Collection[str], source: YamlSource
) -> tuple[Recorder, ...]:
    found: dict[str, Recorder] = {}
    owner: dict[str, str] = {}
    for index, item in enumerate(items):
        at: KeyPath = ("recorders", index)
        keys = validated(_RecorderKeys, item, at=at, source=source)
        if keys is None or not is_new(keys.id, found, at, source):
            continue
        for place, camera in enumerate(keys.cameras):
            here: KeyPath = (*at, "cameras", place)
            check_name(camera, camera_ids, here, source, "camera")
            if camera in owner:
                message = f"camera {camera!r} already hangs on {owner[camera]!r}"
                source.report(here, message, "keep it under one recorder")
            owner[camera] = keys.id
        found[keys.id] = Recorder(keys.id, _text(keys.name), keys.cameras)
    return tuple(found.values())


def is_new(item_id: str, found: Collection[str], at: KeyPath, source: YamlSource) -> bool:
    """Whether the id is used for the first time; a second use is reported."""
    if item_id not in found:
        return True
    source.report((*at, "id"), f"the id {item_id!r} is used twice", "give each its own id")
    return False


def check_name(
    name: str, known: Collection[str], at: KeyPath, source: YamlSource, kind: str
) -> bool:
    """Whether the name is known; an unknown one is reported with the nearest known one."""
    if name in known:
        return True
    mend = nearest(name, known) if known else f"add the {kind} first"
    source.report(at, f"there is no {kind} {name!r}", mend)
    return False


def _text(keys: TextKeys) -> LocalText:
    return LocalText(keys.zh, keys.en)
