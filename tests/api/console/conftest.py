"""A service process for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.service_peer import ServiceProcess


@pytest.fixture
def service(sqlite_url: str) -> Iterator[ServiceProcess]:
    with ServiceProcess(sqlite_url) as process:
        yield process


@pytest.fixture
def school(sqlite_url: str) -> Iterator[ServiceProcess]:
    """A school with many stairs."""
    with ServiceProcess(sqlite_url, "tests.api.console.school_process") as process:
        yield process
