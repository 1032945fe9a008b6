"""Small numbers, quickly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.arrays import median


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_the_median_of_a_few_numbers_is_numpys(values: list[float]) -> None:
    assert median(values) == np.median(values)


def test_no_numbers_have_no_median() -> None:
    with pytest.raises(ValueError, match="no numbers"):
        median([])
