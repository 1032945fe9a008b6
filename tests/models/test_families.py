import json

import numpy as np
import pytest

from models.errors import WrongFamilyError
from models.families import GraphFacts, recognise
from models.persons.letterbox import letterbox
from models.persons.nanodet import NanodetDetector, decode
from models.sessions import Port
from tests.models.test_persons import FixedSession, card

SIDE = 64
CELLS = 64 + 16 + 4  # strides 8, 16 and 32 of a 64 px square; one more at stride 64
COCO = str({0: "person", **{i: f"thing {i}" for i in range(1, 80)}})


def facts(
    shape: tuple[int, ...], *, names: str = COCO, port: str = "images", **metadata: str
) -> GraphFacts:
    texts = metadata | ({"names": names} if names else {})
    answers = {"output0": np.zeros(shape, np.float32)}
    return GraphFacts("net.onnx", (Port(port, "float32", (1, 3, SIDE, SIDE)),), answers, texts)


@pytest.mark.parametrize(
    ("shape", "port", "family"),
    [
        ((1, 84, CELLS), "images", "yolo"),
        ((1, 3 * CELLS, 85), "images", "yolov5"),
        ((1, 300, 6), "images", "yolo-end2end"),
        ((1, CELLS, 85), "images", "yolox"),
        ((1, CELLS + 1, 112), "data", "nanodet"),
        ((1, CELLS, 112), "data", "nanodet"),
    ],
)
def test_a_family_is_told_from_its_output(shape: tuple[int, ...], port: str, family: str) -> None:
    found = recognise(facts(shape, port=port))
    assert (found.family, found.class_count, found.person_class) == (family, 80, 0)


def test_the_class_of_persons_is_found_by_name() -> None:
    found = recognise(facts((1, 6, CELLS), names="{0: 'bag', 1: 'Person'}"))
    assert found.person_class == 1


def test_indices_that_are_texts_count_as_numbers() -> None:
    # In the order of texts "10" stands before "2".
    names = {str(i): "person" if i == 2 else f"thing {i}" for i in range(12)}
    assert recognise(facts((1, 16, CELLS), names=json.dumps(names))).person_class == 2
    listed = json.dumps(list(names.values()))
    assert recognise(facts((1, 16, CELLS), names=listed)).person_class == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (facts((1, 6, CELLS), names="{0: 'cat', 1: 'dog'}"), "none of its classes is a person"),
        (facts((1, 6, CELLS), names=""), "does not name its 2 classes"),
        (facts((1, 84, CELLS), names="{0: 'person'}"), "has 80 classes and it names 1"),
        (facts((1, 84, CELLS), names="{0: "), "names: not readable"),
        (facts((1, 84, CELLS), names="80"), "names: not readable (neither a dict nor a list)"),
        (facts((1, 84, CELLS), names="None"), "names: not readable (neither a dict nor a list)"),
        (facts((1, 6, CELLS), names="'person'"), "names: not readable (neither a dict nor a"),
        (facts((1, 6, CELLS), names="{0: 'a', 'b': 'person'}"), "names: not readable"),
        (facts((1, 6, CELLS), names="{[]: 'person'}"), "names: not readable"),
        (facts((1, 6, CELLS), names="{0: 'a', 2: 'person'}"), "the indices are not 0 to 1"),
        (facts((1, 6, CELLS), names="{0: 'a', '0': 'person'}"), "the indices are not 0 to 1"),
        (facts((1, 84, CELLS), task="segment"), "made for the task 'segment'"),
        (facts((1, 1000)), "of no known family"),
        (facts((1, 17, 23)), "of no known family"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(given: GraphFacts, says: str) -> None:
    with pytest.raises(WrongFamilyError, match=r"net\.onnx") as refusal:
        recognise(given)
    assert says in str(refusal.value)


def test_a_class_given_by_hand_must_be_one_of_them() -> None:
    assert recognise(facts((1, 6, CELLS), names=""), 1).person_class == 1
    with pytest.raises(WrongFamilyError, match="class 2 is not one of its 2"):
        recognise(facts((1, 6, CELLS), names=""), 2)


def test_a_class_may_be_given_where_the_graph_does_not_tell_how_many_there_are() -> None:
    given = facts((1, 300, 6), names="")
    with pytest.raises(WrongFamilyError, match="give the number of the class of whole persons"):
        recognise(given)
    assert recognise(given, 3).person_class == 3
    with pytest.raises(WrongFamilyError, match="class -1 is not one"):
        recognise(given, -1)


def test_yolox_with_its_decoder_inside_is_refused() -> None:
    given = facts((1, CELLS, 85))
    given.answers["output0"][0, 5, 0] = 60.0
    with pytest.raises(WrongFamilyError, match="with its decoder inside"):
        recognise(given)


def test_the_letterbox_puts_the_spare_pixel_right_and_below() -> None:
    shown = letterbox(np.zeros((33, 64, 3), np.uint8), 64, 64)
    # 31 spare rows: 15 above, 16 below
    assert (shown.left_px, shown.top_px) == (0, 15)
    assert shown.pixels[14].max() == 114
    assert shown.pixels[15].max() == 0
    back = shown.back(np.array([[0, 15, 64, 48], [-9, 0, 99, 99]], np.float32))
    assert back.tolist() == [[0, 0, 64, 33], [0, 0, 64, 33]]


def test_nanodet_sides_by_hand() -> None:
    sides = np.full((1, 4, 8), -50.0, np.float32)
    sides[0, :, 2] = 50.0  # all weight on bin 2: two strides of 8 px to each side
    found = decode(
        sides.reshape(1, 32), np.array([[40, 24]], np.float32), np.array([[8]], np.float32)
    )
    np.testing.assert_allclose(found, [[24, 8, 56, 40]], atol=1e-4)


@pytest.mark.parametrize(
    ("strides", "box"),
    [
        # Cell 9 is column 1, row 1 of stride 8; every side is one stride long.
        ((8, 16, 32, 64), [0, 0, 16, 16]),  # NanoDet-Plus: the corner of the cell, (8, 8)
        ((8, 16, 32), [4, 4, 20, 20]),  # the first NanoDet: the middle of the cell, (12, 12)
    ],
)
def test_a_nanodet_box_lies_where_its_head_counts_from(
    strides: tuple[int, ...], box: list[float]
) -> None:
    raw = np.zeros((1, sum((SIDE // s) ** 2 for s in strides), 1 + 32), np.float32)
    raw[0, 9, 0] = 0.9
    raw[0, 9, 1:].reshape(4, 8)[:, 1] = 50.0
    port = Port("data", "float32", (1, 3, SIDE, SIDE))
    detector = NanodetDetector(FixedSession(raw, (port,)), card())
    found = detector.detect(np.zeros((SIDE, SIDE, 3), np.uint8))
    np.testing.assert_allclose(found.boxes_xyxy_px, [box], atol=1e-3)
