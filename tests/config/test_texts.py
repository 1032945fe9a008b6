"""The catalogue: whole in both languages, filled exactly, and complete for what others emit."""

from dataclasses import fields
from pathlib import Path

import pytest

from config.errors import ConfigFileError, TextError
from config.texts import LANGUAGES, catalogue, known, load_catalogue, reason_text, text
from vision.geometry.zones import ZoneType
from vision.risk.profiles import Rules
from vision.risk.readings import Level, Reason

RULES = (
    *(field.name for field in fields(Rules)),
    *("density", "door_unknown", "camera_lost", "camera_dark", "frozen", "not_visible"),
    *("partly_black", "partly_lost", "worker_down", "stale", "starting", "calibration_suspended"),
)
CAUSES = (
    "connection_lost no_frames hung wrong_credentials not_found no_video missing_file "
    "truncated_file resolution_changed ended worker_down end_of_stream refused press_refused"
)


def test_both_languages_have_the_same_keys() -> None:
    chinese, english = (catalogue(language) for language in LANGUAGES)
    assert chinese.keys() == english.keys()
    assert len(chinese) > 100
    assert all(chinese.values())
    assert all(english.values())


def test_levels_states_and_types_have_texts() -> None:
    keys = [f"level.{level.value}.short" for level in Level]
    keys += [f"camera_state.{state}" for state in ("starting", "live", "stalled", "offline")]
    keys += [f"zone_type.{kind.value}" for kind in ZoneType]
    assert [key for key in keys if not known(key)] == []


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_name(rule: str) -> None:
    assert known(f"rule.{rule}")


@pytest.mark.parametrize("cause", CAUSES.split())
def test_every_cause_has_a_name_and_a_mend(cause: str) -> None:
    assert known(f"cause.{cause}")
    assert known(f"cause.{cause}.mend")


def test_a_place_that_went_black_has_a_mend() -> None:
    """It is told by its rule, and the guard's card by what to do."""
    assert known("rule.partly_black")
    assert known("cause.partly_black.mend")


def test_values_are_filled() -> None:
    assert text("reason.compared", "en", rule="R", measured="3 m", threshold="2 m") == (
        "R: 3 m (limit 2 m)"
    )


@pytest.mark.parametrize(
    ("key", "lang", "values"),
    [
        ("no.such.key", "zh", {}),
        ("level.L1.short", "fr", {}),
        ("level.L1.short", "zh", {"extra": 1}),
        ("reason.compared", "zh", {"rule": "R"}),
    ],
)
def test_a_wrong_use_is_an_error(key: str, lang: str, values: dict[str, object]) -> None:
    with pytest.raises(TextError):
        text(key, lang, **values)


def test_a_language_without_catalogue_is_an_error() -> None:
    with pytest.raises(TextError, match="'fr'"):
        catalogue("fr")


@pytest.mark.parametrize(
    ("reason", "lang", "words"),
    [
        (
            Reason("density", 2.814, 2.7, "1/m²", 6.2),
            "zh",
            "人群密度：2.81 人/平方米（限值 2.70 人/平方米），已持续 6 秒",
        ),
        (
            Reason("slow_dense_queue", 0.1, 0.2, "m/s"),
            "en",
            "Dense and hardly moving: 0.10 m/s (limit 0.20 m/s)",
        ),
        (Reason("dark_occupied", 7.0), "en", "Dark while people are there: 7"),
        (Reason("stale", 12.4, None, "s"), "en", "Reading out of date: 12 s"),
        (Reason("frozen"), "zh", "画面冻结"),
        (Reason("wrong_credentials"), "en", "Wrong user name or password"),
        (Reason("of_tomorrow"), "en", "of_tomorrow"),
        (
            Reason("density", 1.5, 1.0, "furlong"),
            "en",
            "Crowd density: 1.50 furlong (limit 1 furlong)",
        ),
    ],
)
def test_a_reason_in_words(reason: Reason, lang: str, words: str) -> None:
    assert reason_text(reason, lang) == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a.b: {zh: 一}\n", "needs exactly zh and en"),
        ("a.b: {zh: 一, en: one, fr: un}\n", "needs exactly zh and en"),
        ("a.b: word\n", "needs exactly zh and en"),
        ('a.b: {zh: "{x}", en: "{y}"}\n', "placeholders differ: x, y"),
        ('a.b: {zh: "{x:.1f}", en: "{x:.1f}"}\n', "brace that is no placeholder"),
        ('a.b: {zh: "", en: one}\n', "both languages need text"),
        ("a b: {zh: 一, en: one}\n", "not a text key"),
        ("- 1\n", "expected entries"),
    ],
)
def test_a_faulty_entry_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "x.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigFileError, match=words):
        load_catalogue(tmp_path)


def test_a_key_stands_in_one_file_only(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("k.l: {zh: 一, en: one}\n", encoding="utf-8")
    with pytest.raises(ConfigFileError, match=r"b\.yaml:1: k\.l: the key also stands in a\.yaml"):
        load_catalogue(tmp_path)
