"""Cards as the API sends them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from api.alarms.values import Signature
from api.schemas import Body, NameBody, SignatureBody
from config.cards import Announcement, Card, CardBook, CardStep
from config.desk_plan import DeskPlan, Person
from config.site import LocalText, Site


class PersonBody(Body):
    """Somebody of the site's plan."""

    id: str
    name: NameBody
    role: NameBody
    phone: str

    @classmethod
    def of(cls, person: Person) -> PersonBody:
        name, role = _name(person.name), _name(person.role)
        return cls(id=person.id, name=name, role=role, phone=person.phone)


class AnnouncementBody(Body):
    """Words to read aloud; `audio_url` is null where nothing is recorded."""

    id: str
    where: NameBody
    text: NameBody
    audio_url: str | None

    @classmethod
    def of(cls, announcement: Announcement) -> AnnouncementBody:
        recorded = announcement.audio_file is not None
        return cls(
            id=announcement.id,
            where=_name(announcement.where),
            text=_name(announcement.text),
            audio_url=f"/api/v1/announcements/{announcement.id}/audio" if recorded else None,
        )


class CardStepBody(Body):
    """One thing to do."""

    id: str
    do: str
    text: NameBody
    who: tuple[PersonBody, ...]
    zone_id: str | None
    door: NameBody | None
    announcement: AnnouncementBody | None
    done: SignatureBody | None = Field(description="who ticked it, and when")


class CardBody(Body):
    """The action card of an alarm."""

    alarm_number: int
    card_id: str | None = Field(description="null: the plan has no card for this alarm")
    title: NameBody | None
    plan_title: NameBody | None
    edition: str
    steps: tuple[CardStepBody, ...]


def card_body(
    alarm_number: int,
    card: Card | None,
    ticks: Mapping[str, Signature],
    book: CardBook,
    names: CardNames,
) -> CardBody:
    """The card with its ticks; without steps where there is no card."""
    steps = () if card is None else card.steps
    return CardBody(
        alarm_number=alarm_number,
        card_id=None if card is None else card.id,
        title=None if card is None else _name(card.title),
        plan_title=None if book.plan_title is None else _name(book.plan_title),
        edition=book.edition,
        steps=tuple(_step_body(step, ticks.get(step.id), book, names) for step in steps),
    )


class CardNames:
    """Names of the people and doors that cards speak of."""

    def __init__(self, desk: DeskPlan, site: Site | None) -> None:
        self.people = {person.id: person for person in desk.people}
        floors = () if site is None else site.floors
        self.doors = {door.id: door.name for floor in floors for door in floor.doors}


def _step_body(
    step: CardStep, done: Signature | None, book: CardBook, names: CardNames
) -> CardStepBody:
    announcement = book.announcement(step.announcement_id)
    door = names.doors.get(step.door_id or "")
    return CardStepBody(
        id=step.id,
        do=step.do,
        text=_name(step.text),
        who=tuple(PersonBody.of(names.people[p]) for p in step.who if p in names.people),
        zone_id=step.zone_id,
        door=None if door is None else _name(door),
        announcement=None if announcement is None else AnnouncementBody.of(announcement),
        done=SignatureBody.of(done),
    )


def _name(text: LocalText) -> NameBody:
    return NameBody(zh=text.zh, en=text.en)
