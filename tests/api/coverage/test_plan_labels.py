"""Labels of a drawing: none covers another while there is room."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from api.coverage.plan_labels import Box, LabelPlaces

FRAME = (0.0, 0.0, 400.0, 300.0)
POINT = st.tuples(st.floats(60, 340), st.floats(60, 240))


def common(a: Box, b: Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)


def test_a_name_lies_on_its_place_and_the_next_one_beside_it() -> None:
    places = LabelPlaces(FRAME)
    first = places.place((100.0, 100.0), (40.0, 8.0), 0.0)
    assert first.box == (80.0, 96.0, 120.0, 104.0)
    second = places.place((100.0, 100.0), (40.0, 8.0), 0.0)
    assert common(first.box, second.box) == 0.0


def test_a_sign_keeps_its_own_room() -> None:
    places = LabelPlaces(FRAME)
    places.take((94.0, 94.0, 106.0, 106.0))
    placed = places.place((100.0, 100.0), (30.0, 8.0), 6.0)
    assert placed.box[0] >= 106.0
    assert not placed.apart


@given(st.lists(POINT, min_size=2, max_size=6))
def test_few_labels_never_cover_each_other(points: list[tuple[float, float]]) -> None:
    places = LabelPlaces(FRAME)
    boxes = [places.place(at, (24.0, 8.0), 4.0).box for at in points]
    for a, b in combinations(boxes, 2):
        assert common(a, b) == 0.0
    for box in boxes:
        assert common(box, FRAME) > 0.999 * 24.0 * 8.0


def test_without_any_room_the_label_is_still_placed() -> None:
    places = LabelPlaces((0.0, 0.0, 10.0, 10.0))
    places.take((-100.0, -100.0, 200.0, 200.0))
    placed = places.place((5.0, 5.0), (8.0, 8.0), 0.0)
    assert placed.box == (1.0, 1.0, 9.0, 9.0)
