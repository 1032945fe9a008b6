"""Cards that name what the site does not have, or that would seal a crush point, are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import load_site, sample_school_directory
from config.cards import CARDS_FILE, Situation
from config.cards_load import load_cards, parse_cards
from config.desk_plan import DeskPlan, load_desk_plan, parse_desk_plan
from config.errors import ConfigFileError
from config.site import Site


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(sample_school_directory())


@pytest.fixture(scope="module")
def desk(site: Site) -> DeskPlan:
    return load_desk_plan(site)


CARD = """\
format: 1
plan:
  title: {zh: 预案, en: Plan}
  edition: "1"
  approved_by: 李强
announcements:
  - id: stay
    where: {zh: 二层, en: Floor 2}
    text: {zh: 留在原地, en: Stay where you are}
cards:
  - id: stair
    when: {kinds: [crowd], zones: [stair-a], levels: [L3, L4]}
    title: {zh: 楼梯, en: Stair}
    outlets: [exit-leaf]
    steps:
      - {id: hold, do: hold_people, zone: corridor-2f, who: [teacher-2f], text: {zh: 停下, en: Stop}}
      - {id: say, do: announce, announcement: stay, text: {zh: 广播, en: Announce}}
      - {id: open, do: open_door, door: exit-leaf, text: {zh: 打开, en: Open it}}
"""  # noqa: E501 - a step stands on one line, as in a site's file


def test_the_sample_school_has_a_card_for_every_zone_and_cause(site: Site, desk: DeskPlan) -> None:
    book = load_cards(site, desk)
    assert book.uncovered_zones([zone.id for zone in site.zones]) == ()
    for kind in ("panic", "camera_lost", "recorder_lost", "worker_lost", "panel_fault"):
        assert book.card_for(Situation(kind, (), "UNKNOWN")) is not None, kind


@pytest.mark.parametrize(
    ("level", "causes", "card"),
    [
        ("L2", ("density",), "stair-warning"),
        ("L3", ("density",), "stair-crush"),
        ("L4", ("density", "blocked_exit"), "stair-crush-blocked"),
        ("L1", ("density",), None),
    ],
)
def test_the_card_fits_zone_level_and_cause(
    site: Site, desk: DeskPlan, level: str, causes: tuple[str, ...], card: str | None
) -> None:
    found = load_cards(site, desk).card_for(Situation("crowd", ("stair-a",), level, causes))
    assert (None if found is None else found.id) == card


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "mend"),
    [
        (
            "door: exit-leaf, text", "door: exit-leef, text", 18,
            "cards[0].steps[2].door: there is no door 'exit-leef'", "did you mean `exit-leaf`?",
        ),
        (
            "who: [teacher-2f]", "who: [teacher-2g]", 16,
            "cards[0].steps[0].who[0]: there is no person 'teacher-2g'",
            "did you mean `teacher-2f`?",
        ),
        (
            "zone: corridor-2f", "zone: corridor-9f", 16,
            "cards[0].steps[0].zone: there is no zone 'corridor-9f'", "did you mean `corridor-",
        ),
        (
            "zones: [stair-a]", "zones: [stair-b]", 12,
            "cards[0].when.zones[0]: there is no zone 'stair-b'", "did you mean `stair-a`?",
        ),
        (
            "announcement: stay", "announcement: go", 17,
            "cards[0].steps[1].announcement: there is no announcement 'go'", "use one of: stay",
        ),
        (
            "do: open_door", "do: shut_door", 18,
            "it would shut 'exit-leaf', an outlet of this card", "never seal the crush point",
        ),
        (
            "zone: corridor-2f", "zone: stair-a", 16,
            "it would hold people in 'stair-a', where the crush is", "upstream",
        ),
        (
            "{zh: 停下, en: Stop}", "{zh: 立即关闭一楼大门, en: Stop}", 16,
            "the text tells to shut a door or way", "do: shut_door",
        ),
        ("    outlets: [exit-leaf]\n", "", 11, "through which doors it leaves", "outlets"),
        ("levels: [L3, L4]", "levels: [L5]", 12, "is not known here", "use one of: L2, L3, L4"),
        ("levels: [L3, L4]", "causes: [gas]", 12, "no alarm has the cause 'gas'", "blocked_exit"),
    ],
)  # fmt: skip
def test_refusals_name_file_line_key_and_mend(
    site: Site, desk: DeskPlan, old: str, new: str, line: int, message: str, mend: str
) -> None:
    assert old in CARD
    with pytest.raises(ConfigFileError) as refusal:
        parse_cards(CARD.replace(old, new, 1).encode(), site, desk)
    told = [str(problem) for problem in refusal.value.problems]
    found = [text for text in told if message in text]
    assert found, told
    assert found[0].startswith(f"{CARDS_FILE}:{line}: "), found[0]
    assert mend in found[0]


def test_a_door_at_the_crush_is_not_shut_even_if_it_is_no_outlet(
    site: Site, desk: DeskPlan
) -> None:
    """The hall's exit door stands in the hall's own wall: 0.0 m from the zone."""
    text = CARD.replace("zones: [stair-a]", "zones: [hall-1f]").replace(
        "outlets: [exit-leaf]", "outlets: [gate-leaf]"
    )
    with pytest.raises(ConfigFileError, match=r"'exit-leaf', 0\.0 m from the crush in 'hall-1f'"):
        parse_cards(text.replace("do: open_door", "do: shut_door").encode(), site, desk)
    far = text.replace("do: open_door, door: exit-leaf", "do: shut_door, door: gate-leaf").replace(
        "outlets: [gate-leaf]", "outlets: [exit-leaf]"
    )
    book = parse_cards(far.encode(), site, desk)  # the gate is on another floor, away from it
    assert book.cards[0].steps[2].door_id == "gate-leaf"


def test_words_that_forbid_shutting_are_allowed(site: Site, desk: DeskPlan) -> None:
    text = CARD.replace("{zh: 停下, en: Stop}", "{zh: 停下，不要关门, en: "
                        "Stop and do not lock the door}")  # fmt: skip
    assert parse_cards(text.encode(), site, desk).cards[0].id == "stair"


@pytest.mark.parametrize(
    ("audio", "message"),
    [("../x.wav", "is not played"), ("a.exe", "not played"), ('"a\\0.wav"', "not played")],
)
def test_sound_files_are_checked(
    site: Site, desk: DeskPlan, audio: str, message: str, tmp_path: Path
) -> None:
    text = CARD.replace("  - id: stay\n", f"  - id: stay\n    audio: {audio}\n")
    with pytest.raises(ConfigFileError, match=message):
        parse_cards(text.encode(), site, desk)


def test_a_sound_that_is_gone_is_noted_and_the_words_are_read_aloud(
    site: Site, desk: DeskPlan
) -> None:
    text = CARD.replace("  - id: stay\n", "  - id: stay\n    audio: gone.wav\n")
    book = parse_cards(text.encode(), site, desk)
    announcement = book.announcement("stay")
    assert announcement is not None
    assert announcement.audio_file is None
    (note,) = book.notes
    assert (note.key, note.message) == (
        "announcements[0].audio",
        "there is no file 'gone.wav' beside the cards",
    )


DESK = """\
format: 1
people:
  - {id: a, name: {zh: 甲, en: A}, role: {zh: 保安, en: Guard}, phone: "8001"}
escalation:
  - {id: call, after_s: 60, do: call, who: [a]}
  - {id: police, after_s: 120, do: police}
recorders:
  - {id: nvr, name: {zh: 录像机, en: Recorder}, cameras: [c1, c2]}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("who: [a]", "who: [b]", r"desk.yaml:5: escalation\[0\].who\[0\]: there is no person 'b'"),
        ("after_s: 120", "after_s: 30", r"desk.yaml:6: .*30 s comes before the step above"),
        ("cameras: [c1, c2]", "cameras: [c1, c9]", r"desk.yaml:8: .*there is no camera 'c9'"),
        ("cameras: [c1, c2]", "cameras: [c1]", r"desk.yaml:8: "),
        ("who: [a]", "who: []", r"a call needs somebody to be called"),
        ("format: 1\n", "format: 1\noperator_check: {seconds: 31}\n", r"seconds.*out of range"),
        ("format: 1\n", 'format: 1\nroutine_test: {at: "7h"}\n', r"'7h' is no time of day"),
    ],
)
def test_a_desk_plan_is_refused_with_its_line(old: str, new: str, message: str) -> None:
    assert parse_desk_plan(DESK.encode(), camera_ids={"c1", "c2"}).ladder[0].who == ("a",)
    with pytest.raises(ConfigFileError, match=message):
        parse_desk_plan(DESK.replace(old, new, 1).encode(), camera_ids={"c1", "c2"})
