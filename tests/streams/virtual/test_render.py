"""Pictures and truth agree with the camera, and nearer people hide farther ones."""

from __future__ import annotations

import numpy as np
import pytest

from streams.virtual.looks import Build, Look, Material, draw_look
from streams.virtual.places import floor
from streams.virtual.render import Crowd, Light, Renderer
from streams.virtual.stage import Lamp, Stage
from vision.geometry.camera import Camera, Lens, Pose

_CAMERA = Camera(Pose(0.0, 0.0, 3.5, 0.0, 20.0), Lens.from_hfov(480, 270, 70.0))
_STAGE = Stage((floor(-5, -20, 40, 20),), (Lamp((5.0, 0.0, 6.0), 20.0),))


def _crowd(*places: tuple[float, float], look: Look | None = None) -> Crowd:
    count = len(places)
    rng = np.random.default_rng(5)
    feet = np.array([(x, y, 0.0) for x, y in places])
    looks = tuple(look or draw_look(rng) for _ in places)
    return Crowd(np.arange(count), feet, np.full(count, np.pi), np.full(count, 8), looks)


def _bright() -> Look:
    palette = [(0.9, 0.1, 0.9)] * len(Material)
    return Look(1.6, Build(), tuple(palette))


@pytest.mark.parametrize("light", list(Light))
def test_equal_arguments_give_equal_bytes(light: Light) -> None:
    crowd = _crowd((5.0, 0.0), (7.0, 1.0), (9.0, -2.0))
    first = Renderer(_STAGE, _CAMERA, light, 3, oversample=1).draw(crowd, 7).image_bgr
    again = Renderer(_STAGE, _CAMERA, light, 3, oversample=1).draw(crowd, 7).image_bgr
    assert first.shape == (270, 480, 3)
    assert first.tobytes() == again.tobytes()


def test_heads_are_the_camera_s_projection_of_the_head_centres() -> None:
    crowd = _crowd((5.0, 0.0), (8.0, 2.0), (-3.0, 0.0))
    heads = Renderer(_STAGE, _CAMERA, Light.DAY, 1, oversample=1).draw(crowd, 0).heads
    expected = crowd.feet_xyz_m + [[0, 0, look.head_centre_m] for look in crowd.looks]
    uv_px, inside = _CAMERA.project(expected)
    np.testing.assert_allclose(heads.uv_px, uv_px)
    assert heads.in_picture.tolist() == inside.tolist() == [True, True, False]
    assert heads.visible[2] == 0.0


@pytest.mark.parametrize("place", [(4.0, 0.0), (6.0, 1.5), (9.0, -3.0), (5.0, 3.0), (2.5, -0.4)])
def test_the_drawn_head_lies_where_the_truth_says(place: tuple[float, float]) -> None:
    renderer = Renderer(_STAGE, _CAMERA, Light.DAY, 1, oversample=1)
    rendered = renderer.draw(_crowd(place, look=_bright()), 0)
    image = rendered.image_bgr.astype(int)
    person = (image[..., 0] - image[..., 1] > 60) & (image[..., 2] - image[..., 1] > 60)
    rows = np.flatnonzero(person.any(axis=1))
    u, v = rendered.heads.uv_px[0]
    size = rendered.heads.size_px[0]
    crown = v - size / 2.0
    assert rows[0] == pytest.approx(crown, abs=0.2 * size + 1.5)
    columns = np.flatnonzero(person[round(v)])
    assert (columns[0] + columns[-1] + 1) / 2.0 == pytest.approx(u, abs=0.2 * size + 1.0)
    assert rendered.heads.visible[0] > 0.9


def test_size_is_focal_length_times_size_over_depth() -> None:
    level = Camera(Pose(0.0, 0.0, 1.0, 0.0, 0.0), Lens(480, 270, 300.0))
    crowd = _crowd((6.0, 0.0), look=_bright())
    heads = Renderer(_STAGE, level, Light.DAY, 1, oversample=1).draw(crowd, 0).heads
    assert heads.size_px[0] == pytest.approx(300.0 * 0.134 * 1.6 / 6.0)


def test_a_nearer_person_hides_a_farther_one() -> None:
    level = Camera(Pose(0.0, 0.0, 1.4, 0.0, 0.0), Lens.from_hfov(480, 270, 60.0))
    look = _bright()
    # The far person comes first in the crowd: drawing order is by distance, not by row.
    heads = Renderer(_STAGE, level, Light.DAY, 1, oversample=1).draw(
        _crowd((7.0, 0.0), (3.0, 0.0), look=look), 0
    ).heads  # fmt: skip
    assert heads.visible[1] > 0.9
    assert heads.visible[0] < 0.1


def test_a_head_at_the_edge_counts_only_its_part_inside() -> None:
    level = Camera(Pose(0.0, 0.0, 1.49, 0.0, 0.0), Lens(480, 270, 300.0))
    # 300 px / 4 m: a head 3.2 m to the left lies at u = 240 - 240 = 0, half of it outside.
    heads = Renderer(_STAGE, level, Light.DAY, 1, oversample=1).draw(
        _crowd((4.0, 3.2), look=_bright()), 0
    ).heads  # fmt: skip
    assert heads.uv_px[0, 0] == pytest.approx(0.0, abs=1e-6)
    assert heads.visible[0] == pytest.approx(0.5, abs=0.12)


def test_light_decides_brightness_and_colour() -> None:
    crowd = _crowd((5.0, 0.0), (6.0, 1.0))
    image = {
        light: Renderer(_STAGE, _CAMERA, light, 1, oversample=1).draw(crowd, 0).image_bgr
        for light in Light
    }
    mean = {light: float(picture.mean()) for light, picture in image.items()}
    assert mean[Light.DIM] < 0.6 * mean[Light.DAY]
    spread = image[Light.IR].astype(int).max(axis=2) - image[Light.IR].astype(int).min(axis=2)
    assert float(np.median(spread)) < 12


def test_an_empty_place_can_be_drawn() -> None:
    none = Crowd(np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), ())
    rendered = Renderer(_STAGE, _CAMERA, Light.DAY, 1, oversample=1).draw(none, 0)
    assert len(rendered.heads.visible) == 0
    assert rendered.image_bgr.mean() > 20
