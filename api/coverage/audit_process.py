"""The process in which an audit of the running site is made and printed: `python -m` this module.

`audit FOLDER READ_FROM LADDER` writes the audit as JSON to standard output; `pdf FOLDER READ_FROM`
reads one from standard input and writes the report. READ_FROM is where the settings of the site in
FOLDER are read. What cannot be done is told on standard error, exit code 1.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from api.coverage.audit import audit_site
from api.coverage.document import AuditDocument
from api.coverage.errors import CoverageError, extra_package
from api.coverage.retention import with_retention
from config import ConfigFileError, load_site
from config.recording import load_recording
from config.site_folder import SiteFolder
from vision.coverage.pixel_density import LADDERS
from vision.errors import GeometryError
from vision.instants import Utc

_NICE = 10


def audited(folder: SiteFolder, ladder_id: str) -> bytes:
    """The audit of the site in a folder, as JSON."""
    ladder = {one.id: one for one in LADDERS}[ladder_id]
    site = load_site(folder.directory, read_from=folder.read_from)
    document = audit_site(site, Utc.from_datetime(datetime.now(UTC)), ladder=ladder)
    return with_retention(document, load_recording(site)).model_dump_json().encode()


def printed(text: bytes, folder: SiteFolder) -> bytes:
    """The report of an audit in JSON, as PDF."""
    # The PDF library is an extra: a service without it still audits.
    with extra_package():
        from api.coverage.pdf import write_pdf

    floors = load_site(folder.directory, read_from=folder.read_from).floors
    pictures = {one.id: one.underlay.path for one in floors if one.underlay is not None}
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "audit.pdf"
        write_pdf(AuditDocument.model_validate_json(text), path, underlays=pictures)
        return path.read_bytes()


def main(words: list[str]) -> int:
    """Do what the words say; the exit code."""
    os.nice(_NICE)
    kind, folder = words[0], SiteFolder(Path(words[1]), Path(words[2]))
    try:
        if kind == "audit":
            made = audited(folder, words[3])
        else:
            made = printed(sys.stdin.buffer.read(), folder)
    except (ConfigFileError, CoverageError, GeometryError) as error:
        # Whoever asked reads it in both languages.
        told = error.english if isinstance(error, CoverageError) else str(error)
        sys.stderr.write(told)
        return 1
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
