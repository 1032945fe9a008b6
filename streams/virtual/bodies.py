"""Bodies made of ellipsoids, ray traced from one direction into a small picture of materials.

Body frame: x forward, y left, z up, in body heights (feet 0, crown 1), the head's centre exactly
above the origin so that truth and picture agree. The view is orthographic: at the distances of a
ceiling camera the perspective within one person is added later by the renderer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from streams.virtual.looks import Build, Hair, Material
from vision.arrays import BoolArray, Float32Array, Float64Array, UInt8Array

PX_PER_HEIGHT = 288
WALK_POSES = 8
STAND, PHONE = WALK_POSES, WALK_POSES + 1
_HALF_WIDTH = 0.42
_MARGIN = 0.06
_REACH = 0.34


@dataclass(frozen=True, slots=True)
class View:
    """From where a body is seen.

    Attributes:
        elevation_deg: how far the line of sight looks down, 0 level, 90 from the zenith.
        yaw_deg: heading of the body against the line of sight, counter-clockwise from above; 0
            shows the back, 180 the face.
        pose: 0..WALK_POSES-1 of the walking cycle, `STAND` or `PHONE`.
    """

    elevation_deg: float
    yaw_deg: float
    pose: int


@dataclass(frozen=True, slots=True)
class BodyPicture:
    """What the rays met; every array has the shape (rows, columns).

    `origin_column`, `origin_row` is the pixel of the feet's middle; `normal_up` and
    `normal_right` are components of the surface normal along plan z and picture right, `facing`
    along the line towards the camera; `wrinkle` is a small brightness change about 0.
    """

    material: UInt8Array
    normal_up: Float32Array
    normal_right: Float32Array
    facing: Float32Array
    wrinkle: Float32Array
    head: BoolArray
    origin_column: float
    origin_row: float


@dataclass(frozen=True, slots=True)
class _Part:
    centre: Float64Array
    axes: Float64Array  # rows: unit directions of the three semi-axes, body frame
    semi: Float64Array
    material: Material
    rule: str = ""


def trace_body(build: Build, view: View, px_per_height: int = PX_PER_HEIGHT) -> BodyPicture:
    """Ray trace one body; deterministic, a few milliseconds at full size."""
    elevation, yaw = math.radians(view.elevation_deg), math.radians(view.yaw_deg)
    turn = np.array(
        [[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1.0]]
    )
    right = np.array([0.0, -1.0, 0.0])
    forward = np.array([math.cos(elevation), 0.0, -math.sin(elevation)])
    down = np.array([-math.sin(elevation), 0.0, -math.cos(elevation)])
    # rows of `basis` take body coordinates to (right, down, forward)
    basis = np.stack([right, down, forward]) @ turn
    top = math.cos(elevation) + _REACH * math.sin(elevation) + _MARGIN
    bottom = _REACH * math.sin(elevation) + _MARGIN
    rows = math.ceil((top + bottom) * px_per_height)
    columns = math.ceil(2 * _HALF_WIDTH * px_per_height)
    canvas = _Canvas(rows, columns, (columns / 2.0, top * px_per_height), px_per_height)
    for part in _parts(build, view.pose):
        canvas.add(part, basis, build)
    return canvas.picture(basis)


class _Canvas:
    """Depth-tested accumulation of parts."""

    def __init__(
        self, rows: int, columns: int, origin: tuple[float, float], px_per_height: int
    ) -> None:
        self.origin = origin  # column, row
        self._px_per_height = px_per_height
        self.depth = np.full((rows, columns), np.inf)
        self.material = np.zeros((rows, columns), np.uint8)
        self.normal = np.zeros((rows, columns, 3))
        self.wrinkle = np.zeros((rows, columns), np.float32)
        self.head = np.zeros((rows, columns), bool)

    def add(self, part: _Part, basis: Float64Array, build: Build) -> None:
        """Intersect the box of pixels around one ellipsoid."""
        box = self._box(part, basis)
        if box is None:
            return
        r0, r1, c0, c1 = box
        across = (np.arange(c0, c1) + 0.5 - self.origin[0]) / self._px_per_height
        along = (np.arange(r0, r1) + 0.5 - self.origin[1]) / self._px_per_height
        # Rays start on the picture plane and run along `forward`; in the ellipsoid's own frame
        # the ellipsoid is the unit ball.
        to_ball = part.axes / part.semi[:, None]
        step = to_ball @ basis[2]
        start = (
            across[None, :, None] * (to_ball @ basis[0])
            + along[:, None, None] * (to_ball @ basis[1])
            - to_ball @ part.centre
        )
        a = float(step @ step)
        b = start @ step
        gap = b * b - a * (np.einsum("ijk,ijk->ij", start, start) - 1.0)
        hit = gap > 0.0
        distance = np.where(hit, (-b - np.sqrt(np.maximum(gap, 0.0))) / a, np.inf)
        ball = start + np.where(hit, distance, 0.0)[..., None] * step
        material, keep = _dress(part, ball, build)
        near = hit & keep & (distance < self.depth[r0:r1, c0:c1])
        normal = (ball / part.semi) @ part.axes
        normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-9)
        self.depth[r0:r1, c0:c1][near] = distance[near]
        self.material[r0:r1, c0:c1][near] = material[near]
        self.normal[r0:r1, c0:c1][near] = normal[near]
        self.wrinkle[r0:r1, c0:c1][near] = _wrinkles(part, ball)[near]
        self.head[r0:r1, c0:c1][near] = part.rule.startswith("head")

    def _box(self, part: _Part, basis: Float64Array) -> tuple[int, int, int, int] | None:
        centre = basis @ part.centre
        reach = np.sqrt(np.sum((basis @ part.axes.T * part.semi) ** 2, axis=1))
        low = (centre - reach)[:2] * self._px_per_height + np.array(self.origin)
        high = (centre + reach)[:2] * self._px_per_height + np.array(self.origin)
        rows, columns = self.depth.shape
        c0, c1 = max(0, math.floor(low[0])), min(columns, math.ceil(high[0]) + 1)
        r0, r1 = max(0, math.floor(low[1])), min(rows, math.ceil(high[1]) + 1)
        return (r0, r1, c0, c1) if r1 > r0 and c1 > c0 else None

    def picture(self, basis: Float64Array) -> BodyPicture:
        """Close the picture."""
        return BodyPicture(
            material=self.material,
            normal_up=self.normal[..., 2].astype(np.float32),
            normal_right=(self.normal @ basis[0]).astype(np.float32),
            facing=-(self.normal @ basis[2]).astype(np.float32),
            wrinkle=self.wrinkle,
            head=self.head,
            origin_column=self.origin[0],
            origin_row=self.origin[1],
        )


def _wrinkles(part: _Part, ball: Float64Array) -> Float32Array:
    if part.material in (Material.SKIN, Material.SHOE):
        return np.zeros(ball.shape[:2], np.float32)
    strength = 0.12 if part.material is Material.HAIR else 0.07
    x, y, z = (ball[..., k] for k in range(3))
    seed = 7.0 * float(part.centre.sum())
    folds = np.sin(5 * z + 3 * y + 2 * np.sin(3 * x + seed)) + 0.6 * np.sin(9 * y - 7 * x + seed)
    return np.asarray(strength * folds, np.float32)


def _dress(part: _Part, ball: Float64Array, build: Build) -> tuple[UInt8Array, BoolArray]:
    """Material of each hit and whether the part exists there (ball: unit-ball coordinates)."""
    x, y, z = (ball[..., k] for k in range(3))
    material = np.full(ball.shape[:2], int(part.material), np.uint8)
    keep = np.ones(ball.shape[:2], bool)
    if part.rule == "head":
        eyes = (x > 0.5) & (np.abs(z - 0.02) < 0.09) & (np.abs(np.abs(y) - 0.42) < 0.17)
        brows = (x > 0.5) & (np.abs(z - 0.19) < 0.04) & (np.abs(np.abs(y) - 0.42) < 0.22)
        mouth = (x > 0.5) & (np.abs(z + 0.5) < 0.05) & (np.abs(y) < 0.26)
        material[eyes | brows | mouth] = Material.FEATURE
    elif part.rule == "head-hair":
        low = {Hair.BOB: -0.75, Hair.CROP: 0.1}.get(build.hair, -0.25)
        fringe = {Hair.CROP: 0.75, Hair.BOB: 0.42}.get(build.hair, 0.55)
        keep = (z > low - 0.25 * (x < -0.3)) & ((x < 0.05) | (z > fringe + 0.1 * np.abs(y)))
    elif part.rule == "head-cap":
        keep = z > 0.25
    elif part.rule == "head-hood":
        keep = (x < 0.35) & (z > -0.85)
    elif part.rule == "yoke":
        material[z > 0.35] = Material.TRIM
        material[(x > 0.3) & (np.abs(y) < 0.06)] = Material.TRIM
    elif part.rule == "sleeve":
        material[np.abs(y) > 0.86] = Material.TRIM
    elif part.rule == "trousers":
        material[np.abs(y) > 0.9] = Material.TRIM
    return material, keep


def _parts(build: Build, pose: int) -> list[_Part]:
    parts = _head(build) + _torso(build)
    walking = pose < WALK_POSES
    swing = math.sin(2 * math.pi * pose / WALK_POSES) if walking else 0.0
    lift = math.cos(2 * math.pi * pose / WALK_POSES) if walking else 0.0
    for side in (1.0, -1.0):
        parts += _leg(side, 0.42 * swing * side, max(0.0, -lift * side) if walking else 0.0)
        parts += _arm(build, side, -0.4 * swing * side, phone=pose == PHONE)
    return parts


def _ball(
    centre: tuple[float, float, float],
    semi: tuple[float, float, float],
    material: Material,
    rule: str = "",
) -> _Part:
    return _Part(np.array(centre), np.eye(3), np.array(semi), material, rule)


def _limb(
    start: Float64Array, end: Float64Array, radius: float, material: Material, rule: str = ""
) -> _Part:
    along = (end - start) / np.linalg.norm(end - start)
    side = np.array([0.0, 1.0, 0.0])
    side = side - (side @ along) * along
    side /= np.linalg.norm(side)
    axes = np.stack([np.cross(side, along), side, along])
    half = float(np.linalg.norm(end - start)) / 2.0 + 0.75 * radius
    return _Part((start + end) / 2.0, axes, np.array([radius, radius, half]), material, rule)


def _head(build: Build) -> list[_Part]:
    size = build.head_ratio
    z = 1.0 - size / 2.0
    parts = [
        _ball((0.0, 0.0, z), (0.42 * size, 0.36 * size, 0.5 * size), Material.SKIN, "head"),
        _ball(
            (0.45 * size, 0, z - 0.08 * size),
            (0.06 * size, 0.07 * size, 0.12 * size),
            Material.SKIN,
            "head-nose",
        ),
        _ball((-0.01, 0.0, 1.0 - 1.02 * size), (0.036, 0.034, 0.06), Material.SKIN),
    ]
    parts.extend(
        _ball(
            (0.0, side * 0.36 * size, z - 0.05 * size),
            (0.07 * size, 0.06 * size, 0.13 * size),
            Material.SKIN,
            "head-ear",
        )
        for side in (1.0, -1.0)
    )
    if build.hair is Hair.HOOD:
        parts.append(
            _ball(
                (-0.012, 0, z), (0.52 * size, 0.48 * size, 0.58 * size), Material.TOP, "head-hood"
            )
        )
        return parts
    thick = 0.47 if build.hair is Hair.CROP else 0.5
    parts.append(
        _ball(
            (-0.04 * size, 0, z + 0.02 * size),
            (0.93 * thick * size, 0.82 * thick * size, 1.05 * thick * size),
            Material.HAIR,
            "head-hair",
        )
    )
    if build.hair is Hair.PONYTAIL:
        parts.append(
            _ball(
                (-0.5 * size, 0, z + 0.02 * size),
                (0.16 * size, 0.14 * size, 0.2 * size),
                Material.HAIR,
                "head-tail",
            )
        )
        parts.append(
            _ball(
                (-0.56 * size, 0, z - 0.4 * size),
                (0.12 * size, 0.13 * size, 0.45 * size),
                Material.HAIR,
            )
        )
    elif build.hair is Hair.CAP:
        parts.append(
            _ball(
                (0, 0, z + 0.04 * size),
                (0.5 * size, 0.44 * size, 0.55 * size),
                Material.HAT,
                "head-cap",
            )
        )
        parts.append(
            _ball(
                (0.52 * size, 0, z + 0.2 * size),
                (0.3 * size, 0.3 * size, 0.05 * size),
                Material.HAT,
                "head-brim",
            )
        )
    return parts


def _torso(build: Build) -> list[_Part]:
    fat = 1.2 if build.bulky else 1.0
    parts = [
        _ball(
            (-0.005, 0, 0.795),
            (0.055 * fat, 0.128 * fat, 0.05 * fat),
            Material.TOP,
            "yoke-shoulder",
        ),
        _ball((0, 0, 0.70), (0.072 * fat, 0.112 * fat, 0.165), Material.TOP, "yoke"),
        _ball((0, 0, 0.565), (0.072 * fat, 0.102 * fat, 0.13), Material.TOP),
        _ball((-0.005, 0, 0.49), (0.07, 0.098, 0.085), Material.BOTTOM),
    ]
    if build.bag:
        parts.append(_ball((-0.115, 0, 0.69), (0.062, 0.098, 0.135), Material.BAG))
        parts.append(_ball((-0.16, 0, 0.64), (0.035, 0.07, 0.07), Material.BAG))
    return parts


def _leg(side: float, angle: float, bend: float) -> list[_Part]:
    hip = np.array([0.0, side * 0.052, 0.5])
    knee = hip + 0.245 * np.array([math.sin(angle), 0.0, -math.cos(angle)])
    shin = angle - 0.75 * bend
    ankle = knee + 0.225 * np.array([math.sin(shin), 0.0, -math.cos(shin)])
    ankle[2] = max(ankle[2], 0.03)
    foot = ankle + np.array([0.03, 0.0, -0.012])
    return [
        _limb(hip, knee, 0.052, Material.BOTTOM, "trousers"),
        _limb(knee, ankle, 0.040, Material.BOTTOM, "trousers"),
        _ball(
            (float(foot[0]), float(foot[1]), float(foot[2])), (0.068, 0.03, 0.022), Material.SHOE
        ),
    ]


def _arm(build: Build, side: float, angle: float, *, phone: bool) -> list[_Part]:
    fat = 1.25 if build.bulky else 1.0
    shoulder = np.array([0.0, side * 0.122 * (1.08 if build.bulky else 1.0), 0.795])
    elbow = shoulder + 0.165 * np.array([math.sin(angle), 0.12 * side, -math.cos(angle)])
    fore = angle + (1.75 if phone else 0.3)
    inward = -0.35 * side if phone else 0.02 * side
    hand = elbow + 0.15 * np.array([math.sin(fore), inward, -math.cos(fore)])
    tip = hand + 0.04 * (hand - elbow) / 0.15
    return [
        _limb(shoulder, elbow, 0.037 * fat, Material.SLEEVE, "sleeve"),
        _limb(elbow, hand, 0.031 * fat, Material.SLEEVE, "sleeve"),
        _limb(hand, tip, 0.024, Material.SKIN),
    ]


__all__ = ["PHONE", "PX_PER_HEIGHT", "STAND", "WALK_POSES", "BodyPicture", "View", "trace_body"]
