"""Figures and names as the audit document holds them: rounded once, here."""

from __future__ import annotations

from api.coverage.document import Name
from config import LocalText


def metres(value: float) -> float:
    """Metres, or square metres, to three decimals."""
    return round(float(value), 3)


def name_part(text: LocalText) -> Name:
    """A name in both languages."""
    return Name(zh=text.zh, en=text.en)


__all__ = ["metres", "name_part"]
