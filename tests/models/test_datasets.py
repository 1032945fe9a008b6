from pathlib import Path

import cv2
import numpy as np
import pytest

from models.datasets import (
    Sample,
    is_held_out,
    pictures_in,
    read_brt,
    read_rendered,
    read_scut,
    scut_boxes_px,
)
from models.errors import DatasetError


def picture(path: Path, width_px: int = 40, height_px: int = 20) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((height_px, width_px, 3), np.uint8))
    return path


def label(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_scut_boxes_become_heads_and_boxes_in_pixels(tmp_path: Path) -> None:
    shown = picture(tmp_path / "images" / "PartA_1.png")
    label(tmp_path / "labels" / "PartA_1.txt", "0 0.5 0.25 0.1 0.2\n")
    (sample,) = read_scut(tmp_path)
    assert sample.source == "scut_a"
    np.testing.assert_allclose(sample.heads_px(40, 20), [[20, 5, 4]], rtol=1e-6)
    np.testing.assert_allclose(scut_boxes_px(tmp_path, shown, 40, 20), [[18, 3, 22, 7]], rtol=1e-6)


def test_brt_points_have_no_size_and_a_camera(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "2-2016.png")
    label(tmp_path / "points" / "2-2016.csv", "x_px,y_px\n12.0,7.5\n")
    (sample,) = read_brt(tmp_path)
    assert sample.camera == "brt-2"
    assert sample.heads_px(40, 20)[0, :2].tolist() == [12.0, 7.5]
    assert np.isnan(sample.heads_px(40, 20)[0, 2])


def test_rendered_heads_that_are_hidden_are_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    label(tmp_path / "heads.csv", "file,u,v,size_px,visible\na.png,3,4,9,0.9\na.png,5,6,9,0.1\n")
    samples = read_rendered(tmp_path)
    assert [s.heads.tolist() for s in samples] == [[[3.0, 4.0, 9.0]], []]


def test_a_picture_without_heads_is_a_sample_too(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "PartB_1.png")
    label(tmp_path / "labels" / "PartB_1.txt", "")
    (sample,) = read_scut(tmp_path)
    assert sample.heads_px(40, 20).shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 0.5 0.5 0.1\n", r"PartA_1\.txt:1: expected"),
        ("0 .5 .5 .1 .1\n0 .5 x .1 .1\n", r"PartA_1\.txt:2: 'x' is no number"),
    ],
)
def test_a_wrong_label_line_is_named(tmp_path: Path, text: str, says: str) -> None:
    picture(tmp_path / "images" / "PartA_1.png")
    label(tmp_path / "labels" / "PartA_1.txt", text)
    with pytest.raises(DatasetError, match=says):
        read_scut(tmp_path)


def test_rendered_truth_without_its_columns_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    label(tmp_path / "heads.csv", "file,x,y\na.png,1,2\n")
    with pytest.raises(DatasetError, match=r"heads\.csv:2: expected columns"):
        read_rendered(tmp_path)


def test_missing_folders_and_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        read_brt(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetError, match="holds no picture"):
        read_brt(tmp_path)
    picture(tmp_path / "images" / "1-1.png")
    with pytest.raises(DatasetError, match=r"1-1\.csv: cannot be read"):
        read_brt(tmp_path)


def test_the_validation_split_is_stable_and_of_the_asked_size() -> None:
    empty = np.zeros((0, 3), np.float32)
    samples = [Sample("brt", "c", Path(f"{i}.webp"), empty, False) for i in range(2000)]
    held = [s for s in samples if is_held_out(s, 7)]
    assert 100 < len(held) < 180  # 140 expected
    assert set(map(id, held)) == {id(s) for s in samples if is_held_out(s, 7)}
    assert not any(is_held_out(s, 0) for s in samples)


def test_no_test_picture_is_a_training_picture(shared_data: Path) -> None:
    brt, scut = shared_data / "beijing_brt", shared_data / "scut_head"

    def names(*folders: Path) -> set[str]:
        return {picture.stem for folder in folders for picture in pictures_in(folder / "images")}

    trained = names(brt / "train", scut / "train")
    judged = names(brt / "test", scut / "test_part_a_room", scut / "test_part_b")
    assert not trained & judged
    assert (len(trained), len(judged)) == (3524, 978)
