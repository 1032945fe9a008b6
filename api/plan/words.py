"""The plan's values in words of both languages."""

from __future__ import annotations

from collections.abc import Sequence

from api.plan.camera_store import CAMERAS
from api.plan.history import SYSTEM
from api.schemas import NameBody
from config.plan import CalendarWarning, Term
from config.texts import text

_NO_PERSON = (SYSTEM, CAMERAS)


def warning_text(warning: CalendarWarning, lang: str) -> str:
    """A gap of the calendar in words."""
    if warning.missing == "holidays":
        return text("plan.warning.holidays", lang, year=warning.year)
    return text("plan.warning.term", lang, year=warning.year, term=_term(warning.missing, lang))


def joined_warnings(warnings: Sequence[CalendarWarning], lang: str) -> str:
    """All gaps as one line, as a page has room for one; empty without any."""
    if not warnings:
        return ""
    comma = "、" if lang == "zh" else ", "
    return text("plan.warning.joined", lang, what=comma.join(_part(one, lang) for one in warnings))


def _part(warning: CalendarWarning, lang: str) -> str:
    if warning.missing == "holidays":
        return text("plan.warning.part.holidays", lang, year=warning.year)
    term = _term(warning.missing, lang)
    return text("plan.warning.part.term", lang, year=warning.year, term=term)


def _term(name: str, lang: str) -> str:
    return text(f"plan.term.{name}", lang) if name in ("spring", "autumn") else name


def step_text(step: str, lang: str) -> str:
    """A rung of the ladder, such as `T-3`, as people say it."""
    days = int(step.removeprefix("T"))
    if days == 0:
        return text("plan.step.today", lang)
    return text("plan.step.before" if days < 0 else "plan.step.after", lang, days=abs(days))


def actor_name(name: str, lang: str) -> str:
    """Who did it; what is no person has a name in words."""
    return text(f"plan.actor.{name}", lang) if name in _NO_PERSON else name


def term_name(term: Term, lang: str) -> str:
    """A term with its year, as pages say it."""
    return text("plan.term.of_year", lang, year=term.start.year, term=_term(term.name, lang))


def warning_name(warning: CalendarWarning) -> NameBody:
    """The same in both languages."""
    return NameBody(zh=warning_text(warning, "zh"), en=warning_text(warning, "en"))
