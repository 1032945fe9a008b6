"""An audit as a file: written sealed, and read back only where its seal fits its figures."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from api.coverage.document import AuditDocument
from api.coverage.errors import AuditFileError


def write_json(document: AuditDocument, path: Path) -> None:
    """Write the document, sealed, as JSON."""
    path.write_text(document.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_json(path: Path) -> AuditDocument:
    """Read an audit back.

    Raises:
        AuditFileError: when it cannot be read, is of another format, or its figures were changed
            after it was sealed.
    """
    try:
        document = AuditDocument.model_validate_json(path.read_bytes())
    except OSError as error:
        raise AuditFileError(f"{path.name}: {error.strerror}; check the path") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "(file)"
        raise AuditFileError(
            f"{path.name}: {key}: {first['msg']}; give a file that `xiaoan coverage audit` wrote"
        ) from error
    if document.sha256 != document.digest():
        raise AuditFileError(
            f"{path.name}: the figures do not fit the sha256; the file was changed, audit again"
        )
    return document


__all__ = ["read_json", "write_json"]
