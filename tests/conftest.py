"""Fixtures shared by every room: where the outside data lies and which peers are installed."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No property passes or fails by the time that a busy machine takes; what hangs, pytest ends.
settings.register_profile(
    "untimed",
    settings.get_profile(settings.get_current_profile_name()),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of training and test data beside the checkout; skips where it is missing."""
    folder = CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the data folder ../shared/data is not beside this checkout")
    return folder


def need_peer(found: object, name: str, mend: str) -> None:
    """Skip, or in CI fail, when the peer program `name` is not installed."""
    if found:
        return
    message = f"{name} is not installed; {mend}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command that a test runs in this process sets its own logs up; the next test has none."""
    yield
    # An environment without the service, as that of `make parity`, has no structlog.
    if (structlog := sys.modules.get("structlog")) is not None:
        structlog.reset_defaults()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Path of a headless-capable Chromium."""
    found = shutil.which("chromium")
    need_peer(found, "Chromium", "apt-get install chromium chromium-driver")
    assert found is not None
    return Path(found)
