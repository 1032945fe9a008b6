"""The file of clicked points that `xiaoan calibrate` reads, and the pose block that it writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.errors import ConfigFileError, FileProblem
from config.schema_problems import validated
from config.site_cameras import lens_of
from config.site_places import plane_of
from config.site_schema import Keys, LensKeys, Metres, PlaneKeys, PointXY
from config.yaml_source import read_yaml
from vision.geometry.planes import Plane
from vision.pose.calibration import Calibration, PointPair, PosePriors, StandingPerson

Pixel = Annotated[float, Field(ge=0.0, le=20_000.0)]
Sigma = Annotated[float, Field(gt=0.0)]


class MountKeys(Keys):
    x_m: Metres
    y_m: Metres
    z_m: Annotated[float, Field(gt=0.0, le=200.0)]


class UncertaintyKeys(Keys):
    """One standard deviation of what was measured or guessed; `focal` is relative."""

    position_m: Sigma = 0.5
    height_m: Sigma = 0.1
    focal: Sigma = 0.05
    roll_deg: Sigma = 1.5
    k1: Annotated[float, Field(ge=0.0)] = 0.0
    click_px: Sigma = 4.0
    plan_m: Sigma = 0.1


class PairKeys(Keys):
    pixel: tuple[Pixel, Pixel]
    plan: PointXY
    z_m: Metres = 0.0
    name: str = ""


class PersonKeys(Keys):
    head: tuple[Pixel, Pixel]
    foot: tuple[Pixel, Pixel]


class CalibrationFileKeys(Keys):
    camera: str
    lens: LensKeys
    mount: MountKeys
    uncertainty: UncertaintyKeys = UncertaintyKeys()
    pairs: Annotated[tuple[PairKeys, ...], Field(min_length=3)]
    people: tuple[PersonKeys, ...] = ()
    plane: PlaneKeys = PlaneKeys(z=0.0)


@dataclass(frozen=True, slots=True)
class CalibrationFile:
    """What was clicked and measured for one camera; `names` are those of the pairs."""

    camera_id: str
    priors: PosePriors
    pairs: tuple[PointPair, ...]
    names: tuple[str, ...]
    people: tuple[StandingPerson, ...]
    plane: Plane


def load_calibration_file(path: Path) -> CalibrationFile:
    """Read a file of pairs.

    Raises:
        ConfigFileError: with every problem; each names file, line, key and mend.
    """
    source = read_yaml(path)
    keys = validated(CalibrationFileKeys, source.data, at=(), source=source)
    if keys is None:
        raise ConfigFileError(source.problems)
    lens = lens_of(keys.lens, ("lens",), source)
    plane = plane_of(keys.plane, ("plane",), source)
    for index, pair in enumerate(keys.pairs):
        if pair.pixel[0] > keys.lens.width_px or pair.pixel[1] > keys.lens.height_px:
            message = (
                f"the pixel lies outside the picture of {keys.lens.width_px}x{keys.lens.height_px}"
            )
            source.report(("pairs", index, "pixel"), message, "click on the picture itself")
    if lens is None or plane is None or source.problems:
        raise ConfigFileError(source.problems)
    unsure = keys.uncertainty
    return CalibrationFile(
        camera_id=keys.camera,
        priors=PosePriors(
            x_m=keys.mount.x_m,
            y_m=keys.mount.y_m,
            z_m=keys.mount.z_m,
            lens=lens,
            position_sigma_m=unsure.position_m,
            height_sigma_m=unsure.height_m,
            roll_sigma_deg=unsure.roll_deg,
            focal_sigma=unsure.focal,
            k1_sigma=unsure.k1,
            click_sigma_px=unsure.click_px,
            plan_sigma_m=unsure.plan_m,
        ),
        pairs=tuple(PointPair(pair.pixel, pair.plan, pair.z_m) for pair in keys.pairs),
        names=tuple(pair.name or f"{i + 1}" for i, pair in enumerate(keys.pairs)),
        people=tuple(StandingPerson(person.head, person.foot) for person in keys.people),
        plane=plane,
    )


def calibration_block(found: Calibration, *, date: str) -> dict[str, str]:
    """The values of a camera's `pose`, `lens` and `calibration` keys as one-line YAML."""
    pose, lens = found.camera.pose, found.camera.lens
    return {
        "pose": (
            f"{{x_m: {pose.x_m:.3f}, y_m: {pose.y_m:.3f}, z_m: {pose.z_m:.3f}, "
            f"pan_deg: {pose.pan_deg:.3f}, tilt_deg: {pose.tilt_deg:.3f}, "
            f"roll_deg: {pose.roll_deg:.3f}}}"
        ),
        "lens": (
            f"{{width_px: {lens.width_px}, height_px: {lens.height_px}, "
            f"focal_px: {lens.focal_px:.2f}, k1: {lens.k1:.5f}, k2: {lens.k2:.5f}}}"
        ),
        "calibration": (
            f'{{date: "{date}", pairs: {len(found.residuals_px)}, '
            f"rms_px: {found.rms_px:.2f}, rms_m: {found.rms_m:.3f}}}"
        ),
    }


def with_calibration(site_text: str, camera_id: str, block: dict[str, str]) -> str:
    """A site file's text with the keys of `block` set for one camera, the rest untouched.

    Raises:
        ConfigFileError: no such camera, or one written on a single line in braces.
    """
    camera = _camera_node(site_text, camera_id)
    values = {str(key.value): value for key, value in camera.value}
    edits: list[tuple[int, int, str]] = []
    first_key = camera.value[0][0]
    indent = " " * int(first_key.start_mark.column)
    line_end = site_text.index("\n", values["id"].end_mark.index - 1)
    for key, written in block.items():
        if key in values:
            start, end = _extent(site_text, values[key])
            edits.append((start, end, written))
        else:
            edits.append((line_end, line_end, f"\n{indent}{key}: {written}"))
    for start, end, written in sorted(edits, key=lambda edit: edit[0], reverse=True):
        site_text = site_text[:start] + written + site_text[end:]
    return site_text


def _extent(text: str, node: Node) -> tuple[int, int]:
    """Where a value stands, without the blank and comment lines after it."""
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    lines = text[start:end].splitlines(keepends=True)
    while len(lines) > 1 and lines[-1].strip()[:1] in ("", "#"):
        lines.pop()
    return start, start + len("".join(lines).rstrip())


def _camera_node(site_text: str, camera_id: str) -> MappingNode:
    root = YAML(typ="safe", pure=True).compose(site_text)
    for key, value in root.value if isinstance(root, MappingNode) else []:
        if key.value != "cameras" or not isinstance(value, SequenceNode):
            continue
        for camera in value.value:
            if isinstance(camera, MappingNode) and _id_of(camera) == camera_id:
                if not camera.flow_style:
                    return camera
                line = camera.start_mark.line + 1
                mend = "write the camera's keys on lines of their own"
                problem = FileProblem("site.yaml", line, "cameras", "written in braces", mend)
                raise ConfigFileError([problem])
    message = f"there is no camera {camera_id!r}"
    raise ConfigFileError(
        [FileProblem("site.yaml", 0, "cameras", message, "correct `camera:` in the file of pairs")]
    )


def _id_of(camera: MappingNode) -> str:
    for key, value in camera.value:
        if key.value == "id" and isinstance(value, ScalarNode):
            return str(value.value)
    return ""
