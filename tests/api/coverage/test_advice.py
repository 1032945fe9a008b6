"""Advice for the sample school: the proposal loads, and its audit is no worse than today's."""

from pathlib import Path

import pytest

from api.coverage.advice import advise_site, write_proposal
from api.coverage.audit import audit_site
from api.coverage.document import AuditDocument
from api.coverage.errors import DrawingError
from config import load_site, sample_school_directory
from tests.api.coverage.conftest import MADE_AT


def test_the_proposal_loads_and_covers_more(document: AuditDocument, tmp_path: Path) -> None:
    site = load_site(sample_school_directory())
    found = advise_site(site, most_new=1, limit_s=5.0)
    for part in found:
        assert part.before_weight <= part.after_weight <= part.bound_weight + 1e-6
        assert part.bound_weight <= part.required_weight + 1e-6
        assert len(part.added) <= 1
    write_proposal(site, found, tmp_path / "proposal")
    proposed = load_site(tmp_path / "proposal")
    added = sum(len(part.added) for part in found)
    assert len(proposed.cameras) == len(site.cameras) + added
    audited = audit_site(proposed, MADE_AT)
    assert audited.totals.seen_m2 > document.totals.seen_m2
    with pytest.raises(DrawingError, match="empty"):
        write_proposal(site, found, tmp_path / "proposal")


def test_floors_without_mounts_get_no_camera() -> None:
    site = load_site(sample_school_directory())
    found = advise_site(site, most_new=1, mount_forbidden=["f1", "yard", "f3"], limit_s=5.0)
    assert [part.added for part in found] == [(), (), ()]
