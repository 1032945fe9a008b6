"""The watermark: whole at any width, with the school's own time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from api.evidence.errors import ExportFailedError
from api.evidence.watermark import Foot, Watermark, wrapped
from vision.instants import Utc

LINES = (
    "王芳（安全副校长） / 周敏（隐私负责人） 2027-01-15 16:00+08:00",
    "changchun-no-12-primary-school 告警 118  公安机关依法调取 "
    "长公（刑）立字〔2026〕第0118号  未打码",
)
MARK = Watermark(LINES, "Asia/Shanghai")
MORNING = Utc.from_iso("2027-01-15T08:00:00.123+00:00")
MARGIN_PX = 8


@pytest.mark.parametrize("width_px", [160, 352, 640, 704, 1280])
def test_every_line_fits_and_nothing_of_it_is_lost(width_px: int) -> None:
    foot = Foot.of(MARK, width_px, 12)
    for line in foot.lines:
        assert foot.font.getlength(line) <= width_px - 2 * MARGIN_PX
    told = "".join(foot.lines).replace(" ", "")
    assert told == "".join(LINES).replace(" ", "")


@pytest.mark.parametrize(
    ("given", "told"), [("", "there is no such file"), ("no font", "school.ttf is no font")]
)
def test_a_chosen_font_that_is_none_ends_the_export_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, told: str
) -> None:
    chosen = tmp_path / "school.ttf"
    if given:
        chosen.write_text(given, encoding="ascii")
    monkeypatch.setenv("XIAOAN_REPORT_FONT", str(chosen))
    with pytest.raises(ExportFailedError, match=told) as refused:
        Foot.of(MARK, 640, 12)
    assert "XIAOAN_REPORT_FONT" in str(refused.value)


def test_a_line_is_cut_at_a_space_where_one_is_near() -> None:
    font = MARK.font(12)
    room_px = round(font.getlength("alpha beta gam")) + 2 * MARGIN_PX
    assert wrapped("alpha beta gamma", font, room_px) == ("alpha beta", "gamma")
    assert wrapped("", font, room_px) == ()


@pytest.mark.parametrize(
    ("timezone", "told"),
    [
        ("Asia/Shanghai", "2027-01-15 16:00:00.123+08:00 (2027-01-15 08:00:00.123 UTC)"),
        ("UTC", "2027-01-15 08:00:00.123 UTC"),
    ],
)
def test_the_time_stands_as_the_school_showed_it_and_in_utc(timezone: str, told: str) -> None:
    foot = Foot.of(Watermark(("a",), timezone), 1280, 18)
    expected = Foot.of(Watermark(("a", told), timezone), 1280, 18).at(MORNING)
    rows = 2 * foot.line_px
    assert np.array_equal(foot.at(MORNING)[:rows], expected[:rows])


@pytest.mark.parametrize("width_px", [160, 352, 640])
def test_all_pictures_of_a_film_have_one_size(width_px: int) -> None:
    stamp = MARK.stamp((width_px, 288))
    image = np.full((288, width_px, 3), 128, np.uint8)
    moments = [MORNING.plus(n * 11_111_111.111) for n in range(20)]
    shapes = {stamp.on(image, moment).shape for moment in moments}
    assert len(shapes) == 1
    ((height, _, _),) = shapes
    assert height >= 288 + (len(stamp.foot.lines) + 1) * stamp.foot.line_px
    for moment in moments:
        foot = stamp.foot.at(moment)
        # Nothing is written over the lower or the right edge.
        assert int(foot[-1].max()) < 60
        assert int(foot[:, -1].max()) < 60
