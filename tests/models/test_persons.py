from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models import load_person_detector
from models.average_precision import ScoredBoxes, average_precision
from models.cards import Bilingual, ModelCard
from models.decoding import Decoding
from models.errors import WrongFamilyError
from models.persons.boxes import best_apart, overlap
from models.persons.yolox import YoloxDetector, decode, grid
from models.sessions import Outputs, Port, Precision, RuntimeName
from vision.arrays import Float32Array

SIDE = 32
CELLS = 16 + 4 + 1


@dataclass
class FixedSession:
    """A network that always answers the same."""

    raw: NDArray[np.float32]
    inputs: tuple[Port, ...] = (Port("images", "float32", (1, 3, SIDE, SIDE)),)
    output_names: tuple[str, ...] = ("output",)
    runtime: RuntimeName = "onnxruntime"
    precision: Precision = "f32"
    seen: list[NDArray[Any]] = field(default_factory=list)

    def run(self, feed: NDArray[Any]) -> Outputs:
        self.seen.append(feed)
        return {"output": self.raw}


def card() -> ModelCard:
    both = Bilingual("试", "test")
    decoding = Decoding(score_threshold=0.3, iou_threshold=0.5)
    return ModelCard(
        "d", "yolox", "persons", "d.onnx", "0" * 64, both, both, decoding, (), {}, {}, Path("d")
    )


def raw_with(rows: dict[int, list[float]]) -> Float32Array:
    raw = np.zeros((1, CELLS, 7), np.float32)  # two classes: person and one other
    for cell, values in rows.items():
        raw[0, cell] = values
    return raw


def test_overlap_by_hand() -> None:
    box = np.array([0, 0, 2, 2], np.float32)
    others = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]], np.float32)
    np.testing.assert_allclose(overlap(box, others), [1.0, 1 / 3, 0.0], atol=1e-6)


@pytest.mark.parametrize(("classes", "kept"), [([0, 0], [1]), ([0, 1], [1, 0])])
def test_only_boxes_of_one_class_suppress_each_other(classes: list[int], kept: list[int]) -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9]], np.float32)
    found = best_apart(boxes, np.array([0.5, 0.9], np.float32), np.array(classes), 0.5)
    assert found.tolist() == kept


def test_the_grid_runs_row_by_row_and_stride_by_stride() -> None:
    corners, strides = grid(SIDE)
    assert len(corners) == CELLS
    assert corners[:5].tolist() == [[0, 0], [1, 0], [2, 0], [3, 0], [0, 1]]
    assert strides[[0, 15, 16, 20], 0].tolist() == [8, 8, 16, 32]


def test_decoding_by_hand() -> None:
    raw = np.array([[0.5, 0.25, np.log(2.0), 0.0]], np.float32)
    found = decode(raw, np.array([[1.0, 2.0]], np.float32), np.array([[8.0]], np.float32))
    # centre (1.5, 2.25) x 8 = (12, 18); width 2 x 8 = 16, height 8
    np.testing.assert_allclose(found, [[4, 14, 20, 22]], rtol=1e-6)


def test_a_person_is_found_in_pixels_of_the_picture() -> None:
    session = FixedSession(raw_with({5: [0.0, 0.0, 0.0, 0.0, 0.9, 1.0, 0.0]}))
    found = YoloxDetector(session, card()).detect(np.zeros((64, 32, 3), np.uint8))
    # cell 5 is column 1, row 1: centre (8, 8), 8x8 on the canvas, which is half the picture
    np.testing.assert_allclose(found.boxes_xyxy_px, [[8, 8, 24, 24]])
    np.testing.assert_allclose(found.scores, [0.9])
    assert session.seen[0].shape == (1, 3, SIDE, SIDE)
    assert session.seen[0].dtype == np.float32


@pytest.mark.parametrize(
    "row", [[0, 0, 0, 0, 0.2, 1.0, 0.0], [0, 0, 0, 0, 0.9, 0.4, 0.8]], ids=["weak", "other class"]
)
def test_what_is_no_likely_person_is_left_out(row: list[float]) -> None:
    detector = YoloxDetector(FixedSession(raw_with({5: row})), card())
    assert len(detector.detect(np.zeros((32, 32, 3), np.uint8))) == 0


def test_an_output_of_another_shape_is_refused() -> None:
    detector = YoloxDetector(FixedSession(np.zeros((1, 9, 7), np.float32)), card())
    with pytest.raises(WrongFamilyError, match="expected an output"):
        detector.detect(np.zeros((32, 32, 3), np.uint8))


def test_average_precision_by_hand() -> None:
    truth = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60], [20, 20, 30, 30]], np.float32)
    found = ScoredBoxes(boxes, np.array([0.9, 0.8, 0.7], np.float32))
    # precision 1 at recall 1/2, then 2/3 at recall 1
    assert average_precision([(found, truth)], 0.5) == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_a_second_box_on_the_same_person_is_a_false_one() -> None:
    truth = np.array([[0, 0, 10, 10]], np.float32)
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10]], np.float32)
    found = ScoredBoxes(boxes, np.array([0.8, 0.9], np.float32))
    assert average_precision([(found, truth)], 0.5) == pytest.approx(1.0)
    assert average_precision([(found, truth[:0])], 0.5) is None


def test_yolox_nano_finds_people_on_photographs(shared_data: Path) -> None:
    detector = load_person_detector(
        shared_data / "weights" / "yolox_nano_416.onnx", score_threshold=0.05
    )
    folder = shared_data / "persons_eval"
    pairs = []
    for picture in sorted((folder / "images").iterdir()):
        image = cv2.imread(str(picture))
        assert image is not None
        height, width = image.shape[:2]
        text = (folder / "labels" / f"{picture.stem}.txt").read_text()
        rows = np.array([line.split()[1:] for line in text.splitlines()], np.float32)
        centre, extent = rows[:, :2], rows[:, 2:]
        truth = np.hstack([centre - extent / 2, centre + extent / 2])
        truth = (truth * np.array([width, height] * 2)).astype(np.float32)
        boxes = detector.detect(np.asarray(image, np.uint8))
        pairs.append((ScoredBoxes(boxes.boxes_xyxy_px, boxes.scores), truth))
    found = average_precision(pairs, 0.5)
    assert found is not None
    # 0.63 was published beside the data for 128 pictures; these are 73 of that kind.
    assert found > 0.55
