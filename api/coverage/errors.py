"""The errors of coverage audits.

CoverageError
├── AuditFileError    a stored audit that cannot be read or was changed
├── ReportError       a report that cannot be made here, e.g. without a Chinese font
└── DrawingError      a drawing or table that cannot be taken over
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config.refusals import in_both, in_chinese

_REFUSALS = "coverage.refusal."


class CoverageError(Exception):
    """Base of every error that an audit raises on purpose; the text carries the mend."""

    @property
    def english(self) -> str:
        """What the code says, by which a search or a maintainer knows it."""
        return super().__str__()

    @property
    def chinese(self) -> str:
        """The same in Chinese; in English where the catalogue has none."""
        return in_chinese(self.english, _REFUSALS) or self.english

    def __str__(self) -> str:
        """Chinese first, and the English below it."""
        return in_both(self.english, _REFUSALS)


class AuditFileError(CoverageError):
    """A stored audit that cannot be read, or whose figures do not fit its sha256."""


class ReportError(CoverageError):
    """A report that cannot be made on this machine."""


class DrawingError(CoverageError):
    """A drawing or table that cannot be taken over; the text names file, place and mend."""


@contextmanager
def extra_package() -> Iterator[None]:
    """Around the import of a library that only some forms need.

    Raises:
        ReportError: the library is not installed; the text says how to get it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ReportError(
            f"the package {error.name} is missing on this machine; "
            "install Xiaoan with its reports: pip install 'xiaoan[reports]'"
        ) from error
