"""The plan's values in words of both languages."""

from __future__ import annotations

from collections.abc import Sequence

from api.schemas import NameBody
from config.plan import CalendarWarning
from config.texts import text


def warning_text(warning: CalendarWarning, lang: str) -> str:
    """A gap of the calendar in words."""
    if warning.missing == "holidays":
        return text("plan.warning.holidays", lang, year=warning.year)
    return text("plan.warning.term", lang, year=warning.year, term=_term(warning, lang))


def joined_warnings(warnings: Sequence[CalendarWarning], lang: str) -> str:
    """All gaps as one line, as a page has room for one; empty without any."""
    if not warnings:
        return ""
    comma = "、" if lang == "zh" else ", "
    return text("plan.warning.joined", lang, what=comma.join(_part(one, lang) for one in warnings))


def _part(warning: CalendarWarning, lang: str) -> str:
    if warning.missing == "holidays":
        return text("plan.warning.part.holidays", lang, year=warning.year)
    return text("plan.warning.part.term", lang, year=warning.year, term=_term(warning, lang))


def _term(warning: CalendarWarning, lang: str) -> str:
    term = warning.missing
    return text(f"plan.term.{term}", lang) if term in ("spring", "autumn") else term


def step_text(step: str, lang: str) -> str:
    """A rung of the ladder, such as `T-3`, as people say it."""
    days = int(step.removeprefix("T"))
    if days == 0:
        return text("plan.step.today", lang)
    return text("plan.step.before" if days < 0 else "plan.step.after", lang, days=abs(days))


def warning_name(warning: CalendarWarning) -> NameBody:
    """The same in both languages."""
    return NameBody(zh=warning_text(warning, "zh"), en=warning_text(warning, "en"))
