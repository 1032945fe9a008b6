"""Bodies made of ellipsoids, ray traced from one direction into a small picture of materials.

Body frame: x forward, y left, z up, in body heights (feet 0, crown 1), the head's centre exactly
above the origin so that truth and picture agree. The view is orthographic: at the distances of a
ceiling camera the perspective within one person is added later by the renderer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from streams.virtual.looks import Build, Hair, Material
from vision.arrays import BoolArray, Float32Array, Float64Array, IntArray, UInt8Array

PX_PER_HEIGHT = 288
WALK_POSES = 8
STAND, PHONE = WALK_POSES, WALK_POSES + 1
_MARGIN = 0.06
_REACH = 0.34
_BORDER_PX = 2
_FOLDS = {Material.SKIN: 0.0, Material.SHOE: 0.0, Material.HAIR: 0.12}  # others 0.07


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
    """What the rays met, cropped to the body; every array has the shape (rows, columns).

    `origin_column`, `origin_row` is the pixel of the feet's middle; `normal_up` and
    `normal_right` are components of the surface normal along plan z and picture right, `facing`
    along the line towards the camera; `wrinkle` is a small brightness change about 0.
    """

    material: UInt8Array
    normal_up: Float32Array
    normal_right: Float32Array
    facing: Float32Array
    wrinkle: Float32Array
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
    """Ray trace one body; deterministic, about two milliseconds at full size."""
    elevation, yaw = math.radians(view.elevation_deg), math.radians(view.yaw_deg)
    turn = np.array(
        [[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1.0]]
    )
    right = np.array([0.0, -1.0, 0.0])
    forward = np.array([math.cos(elevation), 0.0, -math.sin(elevation)])
    down = np.array([-math.sin(elevation), 0.0, -math.cos(elevation)])
    # rows of `basis` take body coordinates to (right, down, forward)
    basis = np.stack([right, down, forward]) @ turn
    feet_row = (math.cos(elevation) + _REACH * math.sin(elevation) + _MARGIN) * px_per_height
    canvas = _Canvas(_figure(build, view.pose), basis, px_per_height, feet_row % 1.0)
    for number in range(len(canvas.figure.parts)):
        canvas.add(number, build)
    return canvas.picture()


@dataclass(frozen=True, slots=True)
class _Figure:
    """The parts of one body, and the same as arrays along them.

    `to_ball` (N, 3, 3) takes body directions to the unit ball of each part.
    """

    parts: tuple[_Part, ...]
    centre: Float64Array
    to_ball: Float64Array
    strength: Float32Array  # of the wrinkles
    seed: Float32Array


@lru_cache(maxsize=600)
def _figure(build: Build, pose: int) -> _Figure:
    parts = tuple(_parts(build, pose))
    centre = np.stack([part.centre for part in parts])
    return _Figure(
        parts,
        centre,
        np.stack([part.axes / part.semi[:, None] for part in parts]),
        np.array([_FOLDS.get(part.material, 0.07) for part in parts], np.float32),
        (7.0 * centre.sum(axis=1)).astype(np.float32),
    )


class _Canvas:
    """Depth-tested accumulation of parts; only pixels that a part wins are looked at further."""

    def __init__(
        self, figure: _Figure, basis: Float64Array, px_per_height: int, feet_row: float
    ) -> None:
        """`feet_row`, 0..1, is where in its pixel the feet's middle lies."""
        self.figure, self._basis, self._px_per_height = figure, basis, px_per_height
        # (N, 3, 3): columns are the unit steps to the right, down and forward in each unit ball.
        self._steps = figure.to_ball @ basis.T
        self._centre = figure.centre @ basis.T
        # Half the extent of an ellipsoid along a direction is the length of that row here.
        reach = np.linalg.norm(np.linalg.inv(self._steps), axis=2)[:, :2]
        offset = np.array([0.0, feet_row])
        self._low = np.floor((self._centre[:, :2] - reach) * px_per_height + offset).astype(int)
        self._high = np.ceil((self._centre[:, :2] + reach) * px_per_height + offset).astype(int) + 1
        left, top = self._low.min(axis=0) - _BORDER_PX
        columns, rows = self._high.max(axis=0) + _BORDER_PX - (left, top)
        self._low -= (left, top)
        self._high -= (left, top)
        self._origin = (-float(left), feet_row - float(top))  # column, row of the feet's middle
        self._shape = (int(rows), int(columns))
        self._depth = np.full(rows * columns, np.inf, np.float32)
        self._material = np.zeros(rows * columns, np.uint8)
        self._owner = np.zeros(rows * columns, np.intp)
        self._ball = np.zeros((rows * columns, 3), np.float32)

    def add(self, number: int, build: Build) -> None:
        """Intersect the box of pixels around one ellipsoid with the rays of its pixels."""
        (c0, r0), (c1, r1) = self._low[number], self._high[number]
        centre, steps = self._centre[number], self._steps[number]
        # Measured from its centre, in body heights.
        x = (np.arange(c0, c1) + 0.5 - self._origin[0]) / self._px_per_height - centre[0]
        y = (np.arange(r0, r1) + 0.5 - self._origin[1]) / self._px_per_height - centre[1]
        x, y = x.astype(np.float32), y.astype(np.float32)
        (xx, xy, xz), (_, yy, yz), (_, _, zz) = (steps.T @ steps).astype(np.float32)
        # In its own frame the ellipsoid is the unit ball: a quadratic in x and y tells the hits.
        gap = np.multiply.outer(y * np.float32(2.0), (xz * yz - zz * xy) * x)
        gap += ((yz * yz - zz * yy) * y * y)[:, None]
        gap += zz + (xz * xz - zz * xx) * x * x
        hit = np.flatnonzero(gap > 0.0)
        row, column = np.divmod(hit, len(x))
        x, y = x[column], y[row]
        along = -(xz * x + yz * y + np.sqrt(gap.ravel()[hit])) / zz
        place = (row + r0) * self._shape[1] + column + c0
        near = np.flatnonzero(along + np.float32(centre[2]) < self._depth[place])
        place, along = place[near], along[near]
        ball = np.stack([x[near], y[near], along], axis=1) @ steps.T.astype(np.float32)
        material, keep = _dress(self.figure.parts[number], ball, build)
        if not keep.all():
            place, along, ball, material = (v[keep] for v in (place, along, ball, material))
        self._depth[place] = along + np.float32(centre[2])
        self._material[place] = material
        self._owner[place] = number
        self._ball[place] = ball

    def picture(self) -> BodyPicture:
        """Shade what was met first."""
        solid = np.flatnonzero(self._material)
        owner, ball = self._owner[solid], self._ball[solid]
        # The normal in (right, down, forward) is the gradient of the ball's equation.
        normal = np.einsum("mi,mij->mj", ball, self._steps.astype(np.float32)[owner])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)

        def spread(values: Float32Array) -> Float32Array:
            whole = np.zeros(len(self._material), np.float32)
            whole[solid] = values
            return whole.reshape(self._shape)

        return BodyPicture(
            material=self._material.reshape(self._shape),
            normal_up=spread(normal @ self._basis[:, 2].astype(np.float32)),
            normal_right=spread(normal[:, 0]),
            facing=spread(-normal[:, 2]),
            wrinkle=spread(_wrinkles(self.figure, owner, ball)),
            origin_column=self._origin[0],
            origin_row=self._origin[1],
        )


def _wrinkles(figure: _Figure, owner: IntArray, ball: Float32Array) -> Float32Array:
    """Brightness change at points (M, 3) of the unit balls of parts `owner` (M,)."""
    x, y, z = ball.T
    seed = figure.seed[owner]
    folds = np.sin(5 * z + 3 * y + 2 * np.sin(3 * x + seed)) + 0.6 * np.sin(9 * y - 7 * x + seed)
    return np.asarray(figure.strength[owner] * folds, np.float32)


def _dress(part: _Part, ball: Float32Array, build: Build) -> tuple[UInt8Array, BoolArray]:
    """Material of each hit and whether the part exists there (ball: unit-ball coordinates)."""
    x, y, z = ball.T
    material = np.full(len(ball), int(part.material), np.uint8)
    keep = np.ones(len(ball), bool)
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
