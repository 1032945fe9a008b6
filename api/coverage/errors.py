"""The errors of coverage audits.

CoverageError
├── AuditFileError    a stored audit that cannot be read or was changed
├── ReportError       a report that cannot be made here, e.g. without a Chinese font
└── DrawingError      a drawing or table that cannot be taken over
"""


class CoverageError(Exception):
    """Base of every error that an audit raises on purpose; the text carries the mend."""


class AuditFileError(CoverageError):
    """A stored audit that cannot be read, or whose figures do not fit its sha256."""


class ReportError(CoverageError):
    """A report that cannot be made on this machine."""


class DrawingError(CoverageError):
    """A drawing or table that cannot be taken over; the text names file, place and mend."""
