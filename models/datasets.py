"""Labelled pictures on disk, read as they were published.

Three layouts are known:

- SCUT-HEAD: `images/*.webp` with `labels/*.txt`, one head a line in YOLO text
  (`class cx cy width height`, fractions of the picture).
- Beijing BRT: `images/*` with `points/*.csv` of columns `x_px,y_px`; no head sizes.
- rendered: pictures beside one `heads.csv` of columns `file,u,v,size_px,visible`.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from models.errors import DatasetError
from models.scut_rooms import scut_room

HeadArray = NDArray[np.float32]

_PICTURE_SUFFIXES = (".webp", ".jpg", ".jpeg", ".png")
_LEAST_VISIBLE = 0.3


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled picture.

    Attributes:
        source: the set it comes from, e.g. `brt`, `scut_a`, `scut_b`, `rendered`.
        camera: the camera as far as the file name tells it, else the source.
        picture: path of the picture.
        heads: (N, 3) float32 of centre u, centre v, head height. Fractions of picture width,
            height and height when `fractional`, else pixels. Height is NaN where unknown.
        fractional: see `heads`.
    """

    source: str
    camera: str
    picture: Path
    heads: HeadArray
    fractional: bool

    def heads_px(self, width_px: int, height_px: int) -> HeadArray:
        """Heads in pixels of a picture of the given size, (N, 3): u, v, head height."""
        if not self.fractional:
            return self.heads
        return self.heads * np.array([width_px, height_px, height_px], np.float32)


def pictures_in(folder: Path) -> list[Path]:
    """Pictures of a folder in name order.

    Raises:
        DatasetError: when the folder is missing or holds none.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; give the folder that holds the data sets")
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in _PICTURE_SUFFIXES)
    if not found:
        raise DatasetError(f"{folder}: holds no picture ({', '.join(_PICTURE_SUFFIXES)})")
    return found


def read_scut(folder: Path) -> list[Sample]:
    """SCUT-HEAD pictures with boxes; source `scut_a` or `scut_b` by file name, camera by room."""
    test = folder.name.startswith("test")
    samples = []
    for picture in pictures_in(folder / "images"):
        label = folder / "labels" / f"{picture.stem}.txt"
        boxes = _yolo_boxes(label)
        heads = boxes[:, [0, 1, 3]]
        source = "scut_a" if picture.stem.startswith("PartA") else "scut_b"
        camera = scut_room(picture.stem, test=test)
        samples.append(Sample(source, camera, picture, heads, fractional=True))
    return samples


def _yolo_boxes(label: Path) -> HeadArray:
    rows: list[list[float]] = []
    for number, line in enumerate(_lines_of(label), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 5:
            raise DatasetError(f"{label}:{number}: expected `class cx cy width height`")
        rows.append([_number(text, label, number) for text in fields[1:]])
    return np.array(rows, np.float32).reshape(-1, 4)


def scut_boxes_px(folder: Path, picture: Path, width_px: int, height_px: int) -> HeadArray:
    """Head boxes (N, 4) left, top, right, bottom in pixels of one SCUT-HEAD picture."""
    boxes = _yolo_boxes(folder / "labels" / f"{picture.stem}.txt")
    centre, extent = boxes[:, :2], boxes[:, 2:]
    scale = np.array([width_px, height_px], np.float32)
    return np.hstack([(centre - extent / 2) * scale, (centre + extent / 2) * scale])


def read_brt(folder: Path) -> list[Sample]:
    """Beijing BRT pictures with head points; the camera is the file name's prefix."""
    samples = []
    for picture in pictures_in(folder / "images"):
        label = folder / "points" / f"{picture.stem}.csv"
        rows: list[list[float]] = []
        for number, line in enumerate(_lines_of(label)[1:], start=2):
            fields = line.split(",")
            if len(fields) != 2:
                raise DatasetError(f"{label}:{number}: expected `x_px,y_px`")
            rows.append([*(_number(text, label, number) for text in fields), np.nan])
        heads = np.array(rows, np.float32).reshape(-1, 3)
        camera = f"brt-{picture.stem.split('-')[0]}"
        samples.append(Sample("brt", camera, picture, heads, fractional=False))
    return samples


def read_rendered(folder: Path) -> list[Sample]:
    """Rendered pictures; heads less than 0.3 visible are left out, as an annotator would."""
    truth = folder / "heads.csv"
    heads_of: dict[str, list[list[float]]] = defaultdict(list)
    with _opened(truth) as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                values = [float(row[key]) for key in ("u", "v", "size_px", "visible")]
                name = row["file"]
            except (KeyError, TypeError, ValueError) as error:
                raise DatasetError(
                    f"{truth}:{number}: expected columns file,u,v,size_px,visible ({error})"
                ) from error
            if values[3] >= _LEAST_VISIBLE:
                heads_of[name].append(values[:3])
    samples = []
    for picture in _rendered_pictures(folder):
        name = picture.relative_to(folder).as_posix()
        heads = np.array(heads_of.get(name, []), np.float32).reshape(-1, 3)
        samples.append(Sample("rendered", "rendered", picture, heads, fractional=False))
    return samples


def _rendered_pictures(folder: Path) -> list[Path]:
    nested = folder / "images"
    return pictures_in(nested if nested.is_dir() else folder)


def is_held_out(sample: Sample, percent: int) -> bool:
    """Whether a training picture belongs to the validation split: by a hash of its name, so
    that the split stays the same when pictures are added."""
    digest = hashlib.sha256(f"{sample.source}/{sample.picture.stem}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < percent


def _lines_of(label: Path) -> list[str]:
    with _opened(label) as file:
        return file.read().splitlines()


def _opened(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8", newline="")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error


def _number(text: str, path: Path, line: int) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise DatasetError(f"{path}:{line}: {text!r} is no number") from error
