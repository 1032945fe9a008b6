"""A service process for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.service_peer import ServiceProcess


@pytest.fixture
def service(sqlite_url: str) -> Iterator[ServiceProcess]:
    with ServiceProcess(sqlite_url) as process:
        yield process
