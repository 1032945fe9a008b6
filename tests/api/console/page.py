"""The desk as a person uses it, in a real browser."""

from __future__ import annotations

from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.api.service_peer import ServiceProcess

_PATIENCE_S = 60.0


def _may_be_missing(message: str) -> bool:
    """Pictures and recordings that do not exist here."""
    return "picture.jpg" in message or "/clip" in message


class Desk:
    """The page as a person uses it."""

    def __init__(
        self,
        browser: webdriver.Chrome,
        service: ServiceProcess,
        path: str = "/",
        *,
        url: str = "",
        live: bool = True,
    ) -> None:
        """Without `live` a page that is not the desk's: nothing is waited for."""
        browser.get("about:blank")
        browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.browser, self.service = browser, service
        self.complaints()  # what the page before complained of is forgotten
        browser.get((url or service.url) + path)
        if live:
            self.until(lambda: self.one("#link").get_attribute("data-link") == "live")

    def until(self, told: Any) -> Any:
        return WebDriverWait(self.browser, _PATIENCE_S).until(lambda _: told())

    def until_shown(self, zone_id: str, level: str, density: float) -> None:
        """Until the zone stands at this level; it is read again and again, as by a worker.

        On a busy machine a single reading may be too old to count before anybody looks.
        """

        def shown() -> bool:
            self.service.send(self.service.record(zone_id, level, density))
            return self.data(f"[data-zone={zone_id}]", "level") == level

        self.until(shown)

    def one(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """Text of the first match, empty when there is none; one script, so it cannot go stale."""
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return str(self.browser.execute_script(script, selector))

    def data(self, selector: str, name: str) -> str:
        script = "return document.querySelector(arguments[0])?.dataset[arguments[1]] ?? ''"
        return str(self.browser.execute_script(script, selector, name))

    def start_shift(self, name: str = "王芳") -> None:
        self.one("#shift-name").send_keys(name)
        self.one("#shift-start").click()
        self.until(lambda: self.text("#duty-name") == name)

    def complaints(self) -> list[str]:
        """Errors and refused loads that the browser noted, but for pictures that do not exist, and
        what the page says of its own failing."""
        entries: list[dict[str, Any]] = self.browser.get_log("browser")  # type: ignore[no-untyped-call]
        noted = [
            str(entry["message"])
            for entry in entries
            if entry["level"] in ("SEVERE", "WARNING") and not _may_be_missing(entry["message"])
        ]
        return noted + [told for told in (self.text("#stale-title"),) if told]
