"""The sample school as text, for tests that spoil it."""

import pytest

from config import SITE_FILE, sample_school_directory


@pytest.fixture(scope="session")
def sample_text() -> str:
    return (sample_school_directory() / SITE_FILE).read_text(encoding="utf-8")
