"""From a site file to the measuring core: what stands and lies on a floor hides parts of zones."""

from pathlib import Path

import numpy as np
import pytest

from config import parse_site
from config.profiles import load_profiles
from streams.site_scene import build_analyser
from vision.instants import Utc
from vision.observations import CrowdObservation, Frame, HeadPoints

# A gallery 3 m up, its edge at y = 4; the camera hangs 2.5 m above it, 3 m behind the edge.
GYM = """\
format: 1
site: {id: g, name: {zh: 馆, en: Gym}, timezone: Asia/Shanghai}
floors:
  - id: f
    name: {zh: 层, en: Floor}
    outline: [[0, 0], [10, 0], [10, 20], [0, 20]]
zones:
  - {id: gallery, name: {zh: 看台, en: Gallery}, floor: f, type: corridor, plane: {z: GALLERY_M},
     polygon: [[0, 0], [10, 0], [10, 4], [0, 4]]}
  - {id: hall, name: {zh: 厅, en: Hall}, floor: f, type: corridor, plane: {z: 0},
     head_height_m: 1.5, polygon: [[3, 4], [7, 4], [7, 10], [3, 10]]}
cameras:
  - id: cam
    name: {zh: 机, en: Camera}
    floor: f
    uri: rtsp://10.0.0.5/a
    lens: {width_px: 640, height_px: 360, hfov_deg: 100}
    pose: {x_m: 5, y_m: 1, z_m: 5.5, pan_deg: 90, tilt_deg: 40}
    zones: [hall]
"""


@pytest.mark.parametrize(
    ("gallery_m", "hidden_m"),
    [(3.0, 3.0 * (5.5 - 1.5) / (5.5 - 3.0) - 3.0), (0.0, 0.0)],
    ids=["gallery", "level floor"],
)
def test_a_gallery_hides_the_heads_right_under_its_edge(gallery_m: float, hidden_m: float) -> None:
    text = GYM.replace("GALLERY_M", str(gallery_m))
    site = parse_site(text.encode(), directory=Path())
    analyser = build_analyser(site, ("cam",), load_profiles(), "heads@test")
    image = np.full((360, 640, 3), 120, np.uint8)
    frame = Frame("cam", 0, Utc.from_iso("2026-03-02T08:00:00+08:00"), image)
    (reading,) = analyser.observe(frame, CrowdObservation(HeadPoints.none(), None, 0.05))
    assert reading.measurement is not None
    # Of 6 m along the line of sight; cells of 0.25 m.
    assert reading.measurement.visible_share == pytest.approx(1.0 - hidden_m / 6.0, abs=0.03)
