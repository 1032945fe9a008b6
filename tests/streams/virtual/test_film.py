"""Films carry their truth, repeat exactly, and say clearly what is wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from streams.virtual.film import Shot, render_film, virtual_frames
from streams.virtual.scenarios import SCENARIOS, UnknownScenarioError, sample_camera, scenario_named
from streams.virtual.training_set import VISIBLE_MIN, make_training_set
from streams.virtual.truth import read_truth
from vision.errors import VisionError

pytest.importorskip("jupedsim")
_SMALL = sample_camera("cam-gate", width_px=320, height_px=180)


def _shot(seed: int = 1) -> Shot:
    return Shot(
        SCENARIOS["two_way_gate"], seed=seed, start_s=6.0, duration_s=2.0, camera=_SMALL,
        fps=5.0, oversample=1,
    )  # fmt: skip


def test_frames_and_truth_repeat_byte_for_byte() -> None:
    first, again = list(virtual_frames(_shot())), list(virtual_frames(_shot()))
    assert len(first) == len(again) == 10
    assert any(len(frame.truth.ids) for frame in first)
    for a, b in zip(first, again, strict=True):
        assert a.image_bgr.tobytes() == b.image_bgr.tobytes()
        assert a.truth.table().equals(b.truth.table())


def test_the_truth_file_is_the_camera_s_projection(tmp_path: Path) -> None:
    film, truth = tmp_path / "gate.mp4", tmp_path / "gate.parquet"
    seen: list[tuple[int, int]] = []
    frames = render_film(_shot(), film, truth, progress=lambda done, of: seen.append((done, of)))
    table, about = read_truth(truth)
    assert frames == 10
    assert seen[-1] == (10, 10)
    assert (about["scenario"], about["seed"], about["light"]) == ("two_way_gate", "1", "day")
    rows = table.to_pydict()
    heads = np.column_stack([rows["x_m"], rows["y_m"], rows["head_z_m"]])
    uv_px, inside = _SMALL.project(heads)
    assert len(heads) > 10
    np.testing.assert_allclose(np.column_stack([rows["head_u_px"], rows["head_v_px"]]), uv_px)
    assert rows["in_picture"] == inside.tolist()
    # A head's centre is 1.0 to 1.75 m above the ground for people of 1.2 to 1.8 m.
    assert all(1.0 < h - z < 1.75 for h, z in zip(rows["head_z_m"], rows["z_m"], strict=True))


def test_the_film_is_h264_with_a_creation_time(tmp_path: Path) -> None:
    film = tmp_path / "gate.mp4"
    render_film(_shot(), film, None)
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        times = [float(frame.time or 0.0) for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert container.metadata["creation_time"].startswith("2026-03-02T04:00:00")
    assert times == pytest.approx([k / 5.0 for k in range(10)])
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("shot", "says"),
    [
        (Shot(SCENARIOS["two_way_gate"], camera_id="cam-stair"), "these do: cam-gate"),
        (Shot(SCENARIOS["two_way_gate"], camera=_SMALL, fps=7.0), "do not divide 25"),
    ],
)
def test_a_wrong_shot_is_refused_with_the_choices(shot: Shot, says: str) -> None:
    with pytest.raises(VisionError, match=says):
        next(virtual_frames(shot))


def test_an_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(UnknownScenarioError, match="blocked_stair"):
        scenario_named("stampede")


def test_two_cameras_see_the_same_people_at_the_same_places() -> None:
    scenario = SCENARIOS["blocked_stair"]
    rows = [
        list(
            virtual_frames(
                Shot(scenario, seed=2, start_s=8.0, duration_s=0.4, camera=camera, fps=5.0)
            )
        )
        for camera in (
            sample_camera("cam-stair", width_px=160, height_px=90),
            sample_camera("cam-upper", width_px=160, height_px=90),
        )
    ]
    assert [frame.t_s for frame in rows[0]] == pytest.approx([8.0, 8.2])
    for here, there in zip(*rows, strict=True):
        assert len(here.truth.ids) > 0
        assert here.truth.feet_xyz_m.tobytes() == there.truth.feet_xyz_m.tobytes()


def test_a_training_set_holds_points_inside_its_pictures(tmp_path: Path) -> None:
    points = make_training_set(tmp_path, 3, 10_000)
    with (tmp_path / "heads.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == points
    for row in rows:
        image = cv2.imread(str(tmp_path / row["file"]))
        assert image is not None
        assert 0 <= float(row["u"]) < image.shape[1]
        assert 0 <= float(row["v"]) < image.shape[0]
        assert float(row["visible"]) >= VISIBLE_MIN
    assert len(list((tmp_path / "images").iterdir())) == 3


def test_training_refuses_the_seeds_kept_for_evaluation(tmp_path: Path) -> None:
    with pytest.raises(VisionError, match="10000 to 19999"):
        make_training_set(tmp_path, 1, 7)
