"""Pictures under the plan: two known points tell where every pixel lies, in page and report."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops
from typer.testing import CliRunner

from api.cli.coverage import coverage_app
from api.coverage.audit import audit_site
from api.coverage.errors import DrawingError, ReportError
from api.coverage.floor_keys import keys_of, write_floor
from api.coverage.pdf import write_pdf
from api.coverage.plan_drawing import PlanDrawing
from api.coverage.underlay import write_underlay
from config import Site, SiteFileError, load_site, sample_school_directory
from config.site_underlay import Pair, matrix_of
from tests.api.coverage.conftest import MADE_AT
from tests.conftest import need_peer

SCHOOL = sample_school_directory()
# 20 px a metre; pixel (40, 220) is the plan's origin, so the picture's top lies at y = 11 m.
ORIGIN: Pair = ((40.0, 220.0), (0.0, 0.0))
TEN_M_RIGHT: Pair = ((240.0, 220.0), (10.0, 0.0))


def picture(path: Path) -> Path:
    """White, 320 x 300, with a red square of 2 m round the plan's point (2, -1)."""
    image = Image.new("RGB", (320, 300), "white")
    image.paste((255, 0, 0), (60, 220, 100, 260))
    image.save(path)
    return path


def placed(matrix: tuple[float, float, float, float], u: float, v: float) -> tuple[float, float]:
    a, b, x0, y0 = matrix
    return a * u + b * v + x0, b * u - a * v + y0


def test_two_points_tell_scale_turn_and_place() -> None:
    matrix = matrix_of(ORIGIN, TEN_M_RIGHT)
    assert matrix == pytest.approx((0.05, 0.0, -2.0, 11.0))
    assert placed(matrix, 40.0, 20.0) == pytest.approx((0.0, 10.0))
    # A picture lying on its side: its right is the plan's up.
    turned = matrix_of(((0.0, 0.0), (0.0, 0.0)), ((100.0, 0.0), (0.0, 10.0)))
    assert placed(turned, 0.0, 100.0) == pytest.approx((10.0, 0.0))


@given(
    st.tuples(*(st.floats(-50, 50) for _ in range(2))),
    st.floats(0.005, 0.2),
    st.floats(-math.pi, math.pi),
)
def test_any_similarity_is_found_again(
    shift: tuple[float, float], scale: float, turn: float
) -> None:
    a, b = scale * math.cos(turn), scale * math.sin(turn)
    truth = (a, b, *shift)
    pixels = ((10.0, 20.0), (500.0, 300.0))
    first, second = ((pixel, placed(truth, *pixel)) for pixel in pixels)
    assert matrix_of(first, second) == pytest.approx(truth, abs=1e-6)


def test_points_too_near_each_other_tell_no_scale() -> None:
    with pytest.raises(ValueError, match="5 px"):
        matrix_of(ORIGIN, ((43.0, 224.0), (5.0, 0.0)))


@pytest.fixture
def drawn_site(tmp_path: Path) -> Site:
    image = picture(tmp_path / "plan.png")
    write_underlay(SCHOOL, "yard", image, (ORIGIN, TEN_M_RIGHT), tmp_path / "site", 72.0)
    return load_site(tmp_path / "site")


def test_a_picture_is_kept_beside_the_site_file_and_goes_with_it(
    drawn_site: Site, tmp_path: Path
) -> None:
    underlay = drawn_site.floor("yard").underlay
    assert underlay is not None
    assert underlay.path == tmp_path / "site" / "plans" / "yard.png"
    assert underlay.matrix == pytest.approx((0.05, 0.0, -2.0, 11.0))
    # Redrawing another floor makes a new folder, and the picture must be there too.
    keys = keys_of(drawn_site.floor("f1"))
    write_floor(tmp_path / "site", "f1", keys, tmp_path / "again")
    again = load_site(tmp_path / "again").floor("yard").underlay
    assert again is not None
    assert again.path.read_bytes() == underlay.path.read_bytes()


def test_a_page_of_a_pdf_is_drawn_and_its_points_hold_at_any_size(tmp_path: Path) -> None:
    image = Image.open(picture(tmp_path / "plan.png"))
    image.save(tmp_path / "plan.pdf", resolution=72)
    for dpi in (72.0, 144.0):
        out = tmp_path / f"site-{dpi:g}"
        _, matrix = write_underlay(
            SCHOOL, "yard", tmp_path / "plan.pdf", (ORIGIN, TEN_M_RIGHT), out, dpi
        )
        scale = dpi / 72.0
        assert placed(matrix, 80.0 * scale, 240.0 * scale) == pytest.approx((2.0, -1.0))
        with Image.open(out / "plans" / "yard.png") as page:
            assert page.size == (round(320 * scale), round(300 * scale))
            red = page.convert("RGB").getpixel((round(80 * scale), round(240 * scale)))
            # The page was kept as JPEG inside the PDF.
            assert _is_red(red)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("plan.txt", b"x", "give a .png"),
        ("plan.png", b"no picture", "export it anew"),
        ("plan.pdf", b"%PDF-1.4 nothing", "print it anew"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_mend(
    name: str, content: bytes, match: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DrawingError, match=match):
        write_underlay(
            SCHOOL, "yard", tmp_path / name, (ORIGIN, TEN_M_RIGHT), tmp_path / "out", 72.0
        )


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("plans/yard.png", "../yard.png"), "no picture in the site folder"),
        (("- 240.0", "- 41.0"), "take two points far apart"),
    ],
)
def test_a_wrong_underlay_is_told_by_the_site_file(
    drawn_site: Site, change: tuple[str, str], match: str
) -> None:
    path = drawn_site.directory / "site.yaml"
    text = path.read_text(encoding="utf-8")
    assert change[0] in text
    path.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(SiteFileError, match=match):
        load_site(drawn_site.directory)


def test_a_floor_whose_drawing_is_gone_is_shown_without_it(drawn_site: Site) -> None:
    (drawn_site.directory / "plans" / "yard.png").unlink()
    site = load_site(drawn_site.directory)
    assert site.floor("yard").underlay is None
    (note,) = site.notes
    assert note.message == "there is no file 'plans/yard.png' beside the site file"


@pytest.mark.peer
def test_the_picture_lies_to_scale_in_the_report(drawn_site: Site, tmp_path: Path) -> None:
    """The red square round (2, -1) is found where the drawing puts that point."""
    renderer = shutil.which("pdftoppm")
    need_peer(renderer, "pdftoppm", "apt-get install poppler-utils")
    assert renderer is not None
    document = audit_site(drawn_site, MADE_AT)
    floor = next(one for one in document.floors if one.id == "yard")
    assert floor.underlay is not None
    underlay = drawn_site.floor("yard").underlay
    assert underlay is not None
    pictures = {"yard": underlay.path}
    write_pdf(document, tmp_path / "with.pdf", underlays=pictures)
    write_pdf(document, tmp_path / "bare.pdf")
    for name in ("with", "bare"):
        source, target = str(tmp_path / f"{name}.pdf"), str(tmp_path / name)
        subprocess.run([renderer, "-r", "72", "-png", source, target], check=True)
    reddened = [
        (x, y)
        for drawn, bare in zip(
            sorted(tmp_path.glob("with-*.png")), sorted(tmp_path.glob("bare-*.png")), strict=True
        )
        for x, y, pixel in _differences(drawn, bare)
        if _is_red(pixel)
    ]
    side_pt = 2.0 * PlanDrawing(floor, 511.0, "Helvetica", {}).scale
    xs, ys = {x for x, _ in reddened}, {y for _, y in reddened}
    assert max(xs) - min(xs) + 1 == pytest.approx(side_pt, abs=2.0)
    assert max(ys) - min(ys) + 1 == pytest.approx(side_pt, abs=2.0)


def _differences(one: Path, other: Path) -> list[tuple[int, int, object]]:
    """Where two pages differ, with the pixel of the first."""
    a, b = (Image.open(path).convert("RGB") for path in (one, other))
    box = ImageChops.difference(a, b).getbbox() or (0, 0, 0, 0)
    return [
        (x, y, a.getpixel((x, y)))
        for y in range(box[1], box[3])
        for x in range(box[0], box[2])
        if a.getpixel((x, y)) != b.getpixel((x, y))
    ]


def _is_red(pixel: object) -> bool:
    assert isinstance(pixel, tuple)
    red, green, blue = pixel
    return bool(red > 200 and green < 170 and blue < 170)


def test_a_picture_that_changed_since_the_audit_is_refused(
    drawn_site: Site, tmp_path: Path
) -> None:
    document = audit_site(drawn_site, MADE_AT)
    other = tmp_path / "other.png"
    Image.new("RGB", (10, 10)).save(other)
    with pytest.raises(ReportError, match="changed since the audit"):
        write_pdf(document, tmp_path / "a.pdf", underlays={"yard": other})


def test_the_command_says_scale_and_refuses_a_bad_point(tmp_path: Path) -> None:
    image = picture(tmp_path / "plan.png")
    base = ["underlay", str(image), "--site", str(SCHOOL), "--floor", "yard", "--lang", "en"]
    points = ["--point", "40,220=0,0", "--point", "240,220=10,0"]
    done = CliRunner().invoke(coverage_app, [*base, *points, "--out", str(tmp_path / "site")])
    assert done.exit_code == 0, done.output
    assert "0.05000 m a pixel" in done.output
    bad = ["--point", "40;220", "--point", "240,220=10,0", "--out", str(tmp_path / "no")]
    refused = CliRunner().invoke(coverage_app, [*base, *bad])
    assert refused.exit_code == 1
    assert "is not u,v=x,y" in refused.output
