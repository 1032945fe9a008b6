"""The sample school's audit, made once; and the school as a running service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from api.coverage.audit import audit_site
from api.coverage.document import AuditDocument
from api.coverage.underlay import write_underlay
from config import load_site, sample_school_directory
from tests.api.coverage.page import School
from tests.api.coverage.school_process import SITE_VARIABLE
from tests.api.service_peer import ServiceProcess
from vision.instants import Utc

MADE_AT = Utc.from_iso("2026-11-23T08:00:00+00:00")


@pytest.fixture(scope="session")
def document() -> AuditDocument:
    return audit_site(load_site(sample_school_directory()), MADE_AT)


@pytest.fixture
def school(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """The sample school with a picture under its yard."""
    picture = tmp_path / "yard.png"
    Image.new("RGB", (320, 300), "white").save(picture)
    points = (((40.0, 220.0), (0.0, 0.0)), ((240.0, 220.0), (10.0, 0.0)))
    folder = tmp_path / "site"
    write_underlay(sample_school_directory(), "yard", picture, points, folder, 72.0)
    monkeypatch.setenv(SITE_VARIABLE, str(folder))
    with ServiceProcess(sqlite_url, "tests.api.coverage.school_process") as service:
        school = School(load_site(folder), service)
        school.all_well()
        yield school
