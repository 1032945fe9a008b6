"""The sample school's audit, made once."""

import pytest

from api.coverage.audit import audit_site
from api.coverage.document import AuditDocument
from config import load_site, sample_school_directory
from vision.instants import Utc

MADE_AT = Utc.from_iso("2026-11-23T08:00:00+00:00")


@pytest.fixture(scope="session")
def document() -> AuditDocument:
    return audit_site(load_site(sample_school_directory()), MADE_AT)
