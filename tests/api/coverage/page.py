"""The coverage page as a person uses it, and the school behind it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from config import Site
from tests.api.desk_cases import AUTHORISED
from tests.api.service_peer import ServiceProcess

_PATIENCE_S = 240.0


class School:
    """The running service; the test plays its workers."""

    def __init__(self, site: Site, service: ServiceProcess) -> None:
        self.site, self.service = site, service
        self._ids = itertools.count(1)

    def tell(self, **record: Any) -> None:
        full = {
            "record_id": f"w1:run:{next(self._ids):08d}",
            "site_id": self.site.id,
            "worker_id": "w1",
            "captured_at": datetime.now(UTC).isoformat(),
        } | record
        answer = self.service.client.post(
            "/api/v1/ingest", json={"records": [full]}, headers=AUTHORISED
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["rejected"] == []

    def all_well(self) -> None:
        since = datetime.now(UTC).isoformat()
        for camera in self.site.cameras:
            self.tell(kind="camera_state", camera_id=camera.id, state="live", since=since)
        for zone in self.site.zones:
            self.tell(kind="reading", reading={"zone_id": zone.id, "level": "L0"})

    def covered(self, camera_id: str) -> None:
        since = datetime.now(UTC).isoformat()
        fault = {"fault": "covered", "since": since, "measured": 0.6, "limit": 0.25}
        self.tell(kind="camera_health", camera_id=camera_id, mode="day", faults=[fault])

    def finest_views(self, floor_id: str) -> dict[str, int]:
        """Polygons of the finest step of the 2014 ladder, by camera."""
        path = f"/api/v1/coverage/floors/{floor_id}/density"
        steps = self.service.client.get(path).json()["steps"]
        return {view["camera_id"]: len(view["polygons"]) for view in steps[-1]["views"]}


class Page:
    """The page as a person uses it."""

    def __init__(self, chrome: webdriver.Chrome, service: ServiceProcess) -> None:
        self.chrome, self.service = chrome, service
        chrome.get("about:blank")
        chrome.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.complaints()

    def open(self, path: str) -> None:
        self.chrome.get(self.service.url + path)

    def until(self, holds: Any) -> None:
        WebDriverWait(self.chrome, _PATIENCE_S).until(lambda _: holds())

    def text(self, selector: str) -> str:
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return str(self.chrome.execute_script(script, selector))

    def count(self, selector: str) -> int:
        script = "return document.querySelectorAll(arguments[0]).length"
        return int(self.chrome.execute_script(script, selector))

    def text_parts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
        return [str(part) for part in self.chrome.execute_script(script, selector)]

    def words_over_words(self) -> list[list[str]]:
        """Pairs of words on the plan that cover each other."""
        script = """
          const texts = [...document.querySelectorAll("#plan text")];
          const words = texts.map((one) => [one, one.getBBox()]);
          return words.flatMap(([a, p], i) => words.slice(i + 1)
            .filter(([, q]) => p.x < q.x + q.width && q.x < p.x + p.width
              && p.y < q.y + q.height && q.y < p.y + p.height)
            .map(([b]) => [a.textContent, b.textContent]));
        """
        return list(self.chrome.execute_script(script))

    def click(self, selector: str) -> None:
        self.chrome.find_element(By.CSS_SELECTOR, selector).click()

    def slide(self, minutes: int) -> None:
        script = (
            "const time = document.getElementById('time'); time.value = arguments[0];"
            "time.dispatchEvent(new Event('input', {bubbles: true}));"
        )
        self.chrome.execute_script(script, minutes)

    def complaints(self) -> list[str]:
        entries: list[dict[str, Any]] = self.chrome.get_log("browser")  # type: ignore[no-untyped-call]
        # The desk asks for the clip of an alarm, and nothing records here.
        bad = [str(e["message"]) for e in entries if e["level"] in ("SEVERE", "WARNING")]
        return [message for message in bad if "/clip" not in message]
