"""Words that people write for people: never empty, never blanks alone."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def _with_words(text: str) -> str:
    if not text.strip():
        raise ValueError("there are only blanks — write the words")
    return text


Words = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_with_words)]

__all__ = ["Words"]
