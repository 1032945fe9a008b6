import numpy as np

from models.heads.peaks import MOST_HEADS, peaks
from vision.arrays import Float32Array


def maps(
    spots: dict[tuple[int, int], float], height_px: float = 4.0, side: int = 20
) -> tuple[Float32Array, Float32Array]:
    heat = np.zeros((side, side), np.float32)
    for (row, column), value in spots.items():
        heat[row, column] = value
    return heat, np.full((side, side), np.log(height_px), np.float32)


def test_a_peak_is_the_middle_of_its_cell() -> None:
    found = peaks(*maps({(3, 7): 0.9}), threshold=0.5, stride_px=4)
    assert found.centres_uv_px.tolist() == [[30.0, 14.0]]
    np.testing.assert_allclose(found.sizes_px, [4.0], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0.9])


def test_the_shoulder_of_a_peak_is_no_head() -> None:
    found = peaks(*maps({(3, 7): 0.9, (3, 8): 0.8}), threshold=0.5, stride_px=4)
    assert len(found) == 1


def test_weak_peaks_are_left_out_and_the_best_comes_first() -> None:
    found = peaks(*maps({(3, 3): 0.6, (3, 9): 0.9, (12, 3): 0.4}), threshold=0.5, stride_px=4)
    np.testing.assert_allclose(found.scores, [0.9, 0.6])


def test_two_peaks_within_one_large_head_are_one_head() -> None:
    spots = {(5, 5): 0.9, (5, 8): 0.8}  # 12 px apart
    assert len(peaks(*maps(spots, height_px=20), threshold=0.5, stride_px=4)) == 2
    assert len(peaks(*maps(spots, height_px=40), threshold=0.5, stride_px=4)) == 1


def test_more_heads_than_the_cap_are_saturated() -> None:
    heat = np.zeros((100, 100), np.float32)
    heat[::3, ::3] = 0.9  # 34 x 34 = 1,156 peaks
    found = peaks(heat, np.zeros((100, 100), np.float32), threshold=0.5, stride_px=4)
    assert len(found) == MOST_HEADS
    assert found.saturated


def test_an_empty_picture_has_no_heads() -> None:
    found = peaks(*maps({}), threshold=0.5, stride_px=4)
    assert len(found) == 0
    assert not found.saturated


def test_a_gaussian_hill_gives_its_own_top() -> None:
    v, u = np.mgrid[0:20, 0:20] + 0.5
    for centre_u, centre_v in ((7.3, 5.9), (8.0, 4.5), (12.45, 9.05)):
        hill = np.exp(-((u - centre_u) ** 2 + (v - centre_v) ** 2) / (2 * 0.9**2))
        heat = (0.8 * hill).astype(np.float32)
        found = peaks(heat, np.full((20, 20), np.log(8.0), np.float32), threshold=0.3, stride_px=4)
        best = found.centres_uv_px[0]
        np.testing.assert_allclose(best, [4 * centre_u, 4 * centre_v], atol=0.02)


def test_the_size_is_the_mean_of_the_nine_cells_by_their_heat() -> None:
    heat, log_size = maps({(3, 7): 0.8, (3, 8): 0.4}, height_px=10.0)
    log_size[3, 8] = np.log(20.0)
    found = peaks(heat, log_size, threshold=0.5, stride_px=4)
    # Weights 0.64 and 0.16, the other seven cells are cold: 10 * 2 ** (0.16 / 0.8).
    np.testing.assert_allclose(found.sizes_px, [10.0 * 2**0.2], rtol=1e-5)


def test_a_head_at_the_edge_stays_in_the_map() -> None:
    heat, log_size = maps({(0, 19): 0.9, (0, 18): 0.5})
    (u, v), *_ = peaks(heat, log_size, threshold=0.5, stride_px=4).centres_uv_px.tolist()
    assert 72 <= u <= 80
    assert 0 <= v <= 4
