"""Pictures under the plan: taken from PNG, JPEG or PDF, kept beside the site file, to scale."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from api.coverage.document import UnderlayPart
from api.coverage.errors import DrawingError, ReportError, extra_package
from api.coverage.floor_keys import floor_of, read_site_file, write_site_file
from config import Underlay
from config.site_underlay import PICTURE_SUFFIXES, Pair, matrix_of

FOLDER = "plans"
_POINTS_PER_INCH = 72.0
_MOST_PX = 12_000


def underlay_part(underlay: Underlay) -> UnderlayPart:
    """What an audit says of a picture, so that a report can check it later.

    Raises:
        DrawingError: when it cannot be read as a picture.
    """
    width_px, height_px = picture_size(underlay.path)
    return UnderlayPart(
        file=underlay.file,
        sha256=hashlib.sha256(underlay.path.read_bytes()).hexdigest(),
        width_px=width_px,
        height_px=height_px,
        matrix=underlay.matrix,
    )


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels.

    Raises:
        DrawingError: when it cannot be read as a picture.
    """
    try:
        with Image.open(path) as picture:
            return picture.size
    except (OSError, UnidentifiedImageError) as error:
        raise DrawingError(
            f"{path.name}: cannot be read as a picture ({error}); export it anew as PNG"
        ) from error


def checked_picture(part: UnderlayPart, path: Path) -> Path:
    """The picture behind an audit's underlay.

    Raises:
        ReportError: when it is gone, or another one than the audit was made with.
    """
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ReportError(f"{path.name}: {error.strerror}; audit the site again") from error
    if found != part.sha256:
        raise ReportError(f"{path.name}: the picture was changed since the audit; audit again")
    return path


def write_underlay(
    site_dir: Path, floor_id: str, picture: Path, points: Sequence[Pair], out: Path, dpi: float
) -> tuple[Path, tuple[float, float, float, float]]:
    """Write the site with a picture under one floor into a folder; the site file and the matrix.

    Args:
        picture: .png, .jpg, or .pdf, whose first page is drawn at `dpi`.
        points: two known points. Pixels count from the upper left corner; of a PDF they are
            points of 1/72 inch, as PDF programs show them, so that they hold at any `dpi`.

    Raises:
        DrawingError: the picture cannot be read, the points tell no scale, the floor is unknown,
            or the folder holds a site file.
    """
    first, second = _in_pixels(points, dpi) if picture.suffix.lower() == ".pdf" else points
    try:
        matrix = matrix_of(first, second)
    except ValueError as error:
        raise DrawingError(f"--point: {error}; take two points far apart") from error
    data = read_site_file(site_dir)
    floor = floor_of(data, floor_id)
    suffix = ".png" if picture.suffix.lower() == ".pdf" else picture.suffix.lower()
    name = f"{FOLDER}/{floor_id}{suffix}"
    floor["underlay"] = {
        "file": name,
        "points": [{"px": list(px), "at": list(at)} for px, at in (first, second)],
    }
    _store(picture, out / name, dpi)
    return write_site_file(data, site_dir, out), matrix


def _in_pixels(points: Sequence[Pair], dpi: float) -> list[Pair]:
    scale = dpi / _POINTS_PER_INCH
    return [((u * scale, v * scale), at) for (u, v), at in points]


def _store(picture: Path, target: Path, dpi: float) -> None:
    if picture.suffix.lower() not in (*PICTURE_SUFFIXES, ".pdf"):
        raise DrawingError(f"cannot read {picture.name}; give a .png, .jpg or .pdf file")
    target.parent.mkdir(parents=True, exist_ok=True)
    if picture.suffix.lower() == ".pdf":
        _first_page(picture, dpi).save(target)
        return
    picture_size(picture)
    target.write_bytes(picture.read_bytes())


def _first_page(path: Path, dpi: float) -> Image.Image:
    # The PDF reader is an extra: pictures work without it.
    with extra_package():
        import pypdfium2

    try:
        with pypdfium2.PdfDocument(path) as document:
            page = document[0]
            scale = dpi / _POINTS_PER_INCH
            if max(page.get_size()) * scale > _MOST_PX:
                raise DrawingError(f"{path.name}: the page is too large; give a smaller --dpi")
            drawn: Image.Image = page.render(scale=scale).to_pil()
            return drawn
    except (OSError, pypdfium2.PdfiumError) as error:
        raise DrawingError(
            f"{path.name}: cannot be read as PDF ({error}); print it anew"
        ) from error


__all__ = ["checked_picture", "picture_size", "underlay_part", "write_underlay"]
