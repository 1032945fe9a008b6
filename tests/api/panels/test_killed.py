"""SIGKILL of the service: the module's own watchdog ends the siren, the alarm outlives both."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.panels.modbus_peer import modbus_module
from tests.api.panels.panel_cases import free_port, panel_content, write_secret
from tests.api.service_peer import ServiceProcess

pytestmark = pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning")

_PATIENCE_S = 60.0
_WATCHDOG_S = 2.0


def _until(told: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not told():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def test_a_killed_service_leaves_no_siren_on_and_loses_no_alarm(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    write_secret(tmp_path)
    (tmp_path / "panels.yaml").write_bytes(panel_content(port))
    monkeypatch.setenv("PANEL_FOLDER", str(tmp_path))
    with modbus_module(port, _WATCHDOG_S) as module:
        module.contact(0, closed=True)
        with ServiceProcess(sqlite_url, "tests.api.panels.panel_process") as service:
            _until(lambda: module.beat() > 2)
            assert not module.coil(0)
            module.contact(0, closed=False)
            _until(lambda: module.coil(0) and module.coil(3))
            service.kill()
            killed = time.monotonic()
            beat = module.beat()
            _until(lambda: module.fell_back_at is not None)
            assert module.fell_back_at is not None
            # Not before its time: it was the watchdog and nothing else.
            assert module.fell_back_at - killed > _WATCHDOG_S - 1.0
            assert (module.coil(0), module.coil(3), module.beat()) == (False, False, beat)
            service.start()
            _until(lambda: module.coil(0) and module.coil(3))
            (alarm,) = [
                one
                for one in service.client.get("/api/v1/alarms").json()["alarms"]
                if one["type"] == "panic"
            ]
            assert (alarm["number"], alarm["state"], alarm["latched"]) == (
                1,
                "unacknowledged",
                True,
            )
