import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.crews.placement import place_cameras
from streams.errors import PlacementError


def test_cameras_of_one_zone_stay_together_also_through_others() -> None:
    zones = {"a": ["z1"], "b": ["z1", "z2"], "c": ["z2"], "d": ["z3"], "e": []}
    shares = place_cameras(zones, 3)
    assert ("a", "b", "c") in shares
    assert sorted(shares) == [("a", "b", "c"), ("d",), ("e",)]


def test_dear_cameras_are_spread() -> None:
    zones: dict[str, list[str]] = {name: [] for name in "abcd"}
    shares = place_cameras(zones, 2, {"a": 10.0, "b": 9.0, "c": 2.0, "d": 1.0})
    assert sorted(shares) == [("a", "d"), ("b", "c")]


def test_a_camera_without_a_cost_costs_one_and_the_dearest_group_is_placed_first() -> None:
    zones = {"a": ["z"], "b": [], "c": [], "d": ["z"]}
    shares = place_cameras(zones, 2, {"b": 1.5, "c": 1.4})
    # a and d together cost 2; the others, 2.9, would leave one worker empty if placed by name.
    assert sorted(shares) == [("a", "d"), ("b", "c")]
    assert place_cameras({"a": [], "b": [], "c": []}, 2, {"c": 1.9}) == (("c",), ("a", "b"))


@pytest.mark.parametrize(("workers", "expected"), [(1, 1), (2, 2), (8, 3)])
def test_no_share_is_empty(workers: int, expected: int) -> None:
    shares = place_cameras({"a": [], "b": [], "c": []}, workers)
    assert len(shares) == expected
    assert all(shares)


def test_no_cameras_no_shares() -> None:
    assert place_cameras({}, 4) == ()


def test_a_bad_order_is_refused() -> None:
    with pytest.raises(PlacementError, match="at least one worker"):
        place_cameras({"a": []}, 0)
    with pytest.raises(PlacementError, match="camera a: cost must be positive"):
        place_cameras({"a": []}, 1, {"a": 0.0})


@given(
    zones=st.dictionaries(
        st.text("abcdefgh", min_size=1, max_size=3),
        st.lists(st.sampled_from(["z1", "z2", "z3", "z4", "z5", "z6"]), max_size=2),
        max_size=20,
    ),
    workers=st.integers(1, 6),
)
def test_every_camera_once_and_no_zone_divided(zones: dict[str, list[str]], workers: int) -> None:
    shares = place_cameras(zones, workers)
    assert sorted(camera for share in shares for camera in share) == sorted(zones)
    assert len(shares) <= workers
    for zone in {zone for seen in zones.values() for zone in seen}:
        holders = [n for n, share in enumerate(shares) if any(zone in zones[c] for c in share)]
        assert len(holders) == 1
    assert place_cameras(dict(reversed(zones.items())), workers) == shares
