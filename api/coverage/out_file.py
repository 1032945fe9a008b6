"""The file that a command is asked to write: looked at before the work, told of where it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.coverage.errors import ReportError
from config.texts import text


def check_folder(path: Path, lang: str) -> None:
    """An audit takes minutes: whether its file can lie where it is wanted is asked first.

    Raises:
        ReportError: there is no such folder, or it may not be looked for.
    """
    with writing(path, lang):
        found = path.parent.is_dir()
    if not found:
        raise ReportError(text("coverage.no_folder", lang, file=path.name, folder=path.parent))


@contextmanager
def writing(path: Path, lang: str) -> Iterator[None]:
    """Around the writing of the file.

    Raises:
        ReportError: the machine does not let it be written.
    """
    try:
        yield
    except OSError as error:
        told = {"file": path.name, "reason": error.strerror or str(error)}
        raise ReportError(text("coverage.not_written", lang, **told)) from error


__all__ = ["check_folder", "writing"]
