"""What a network may say of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from vision.errors import ShapeError
from vision.observations import DensityMap


@pytest.mark.parametrize(
    ("bad", "wrong"), [(np.nan, "finite"), (np.inf, "finite"), (-0.1, "negative")]
)
def test_a_density_map_without_a_count_is_refused_and_is_not_nobody(bad: float, wrong: str) -> None:
    cells = np.zeros((2, 3), np.float32)
    cells[1, 2] = bad
    with pytest.raises(ShapeError, match=wrong):
        DensityMap(cells, 8.0, 8.0)
