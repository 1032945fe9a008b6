"""SIGKILL of the service while an alarm rises: afterwards it is there once, with its history."""

from __future__ import annotations

import threading
import time

from tests.api.service_peer import ServiceProcess


def test_an_alarm_that_was_rising_is_there_exactly_once(database_url: str) -> None:
    steps = [("L2", 2.0 + i / 100) for i in range(30)]
    steps += [("L3", 2.8 + i / 100) for i in range(30)]
    steps += [("L4", 3.6 + i / 100) for i in range(30)]
    with ServiceProcess(database_url) as service:

        def kill_now_and_then() -> None:
            for _ in range(2):
                time.sleep(0.7)
                service.kill()
                service.start(wait=False)

        killer = threading.Thread(target=kill_now_and_then)
        killer.start()
        for level, density in steps:
            service.send(service.record("stair", level, density))
            time.sleep(0.01)
        killer.join()
        service.wait_until_ready()
        (alarm,) = service.client.get("/api/v1/alarms").json()["alarms"]
        assert (alarm["state"], alarm["priority"]) == ("unacknowledged", 1)
        assert alarm["peak"]["density_per_m2"] == steps[-1][1]
        history = service.client.get(f"/api/v1/alarms/{alarm['number']}").json()["history"]
        rises = [(step["action"], step["evidence"]["level"]) for step in history]
        assert [rise for rise in rises if rise[0] in ("opened", "raised")] == [
            ("opened", "L2"),
            ("raised", "L3"),
            ("raised", "L4"),
        ]
        points = service.client.get("/metrics").text
        assert 'xiaoan_open_alarms{priority="1",state="unacknowledged"} 1.0' in points
