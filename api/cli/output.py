"""What a command cannot write, and words that were typed in a terminal of another locale."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from config.texts import text


@contextmanager
def written(path: Path, lang: str) -> Iterator[None]:
    """Around the writing of `path`; ends the command where the machine does not let it be written.

    Raises:
        typer.Exit: it could not be written.
    """
    try:
        yield
    except OSError as error:
        told = {"file": path, "reason": error.strerror or str(error)}
        typer.echo(text("coverage.not_written", lang, **told))
        raise typer.Exit(1) from None


def typed(words: str | None) -> str | None:
    """A name or words as they were typed, for a file or the database; not for a path.

    Where the locale has no such characters, Python hands on the terminal's bytes as halves of
    characters, which nothing can keep; read as UTF-8 they are what stands on the screen.

    Raises:
        typer.BadParameter: the bytes are no UTF-8 either.
    """
    if words is None or not any("\ud800" <= sign <= "\udfff" for sign in words):
        return words
    try:
        return os.fsencode(words).decode("utf-8")
    except UnicodeError:
        told = " ".join(text("cli.typed", lang) for lang in ("zh", "en"))
        raise typer.BadParameter(told) from None


__all__ = ["typed", "written"]
