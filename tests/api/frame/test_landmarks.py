"""What somebody needs who hears a page instead of seeing it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import api

# The report of `xiaoan analyze` is a file, and no page of the service.
PAGES = sorted(
    path
    for path in Path(api.__file__).parent.glob("*/templates/*.html")
    if "<body" in path.read_text() and path.parts[-3] != "analysis"
)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_a_page_has_one_main_part_and_no_empty_head_of_a_column(path: Path) -> None:
    html = path.read_text()
    assert len(re.findall(r"<main\b", html)) == html.count("</main>") == 1
    assert re.findall(r"<th[^>]*></th>", html) == []


def test_all_rooms_are_looked_at() -> None:
    rooms = {path.parts[-3] for path in PAGES}
    assert rooms == {"access", "console", "coverage", "delivery", "evidence", "frame", "plan"}
