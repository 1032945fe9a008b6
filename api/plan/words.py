"""The plan's values in words of both languages."""

from __future__ import annotations

from api.schemas import NameBody
from config.plan import CalendarWarning
from config.texts import text


def warning_text(warning: CalendarWarning, lang: str) -> str:
    """A gap of the calendar in words."""
    if warning.missing == "holidays":
        return text("plan.warning.holidays", lang, year=warning.year)
    term = warning.missing
    if term in ("spring", "autumn"):
        term = text(f"plan.term.{term}", lang)
    return text("plan.warning.term", lang, year=warning.year, term=term)


def warning_name(warning: CalendarWarning) -> NameBody:
    """The same in both languages."""
    return NameBody(zh=warning_text(warning, "zh"), en=warning_text(warning, "en"))
