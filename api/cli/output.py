"""What a command was asked to write and cannot: one line and exit code 1."""

from __future__ import annotations

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


__all__ = ["written"]
