"""The evidence page in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import pytest
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.support.expected_conditions import text_to_be_present_in_element
from selenium.webdriver.support.ui import WebDriverWait

from api.access.guard import GUARD_COOKIE
from config.texts import text
from tests.api.desk_cases import SITE
from tests.api.service_peer import ServiceProcess
from tests.streams.recording.films import make_film, record_film
from vision.instants import Utc

pytestmark = pytest.mark.peer

_PATIENCE_S = 60.0


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_times_are_those_of_the_school_wherever_the_browser_stands(
    browser: webdriver.Chrome, sqlite_url: str, lang: str
) -> None:
    browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
    try:
        with ServiceProcess(sqlite_url, "tests.api.evidence.page_process") as service:
            service.send(service.record("stair", "L3", 2.9))
            steps = service.client.get("/api/v1/alarms/1").json()["history"]
            at = datetime.fromisoformat(steps[0]["at"]).astimezone(ZoneInfo(SITE.timezone))
            script = "return document.querySelector('#acts td')?.innerText ?? ''"

            def shown() -> str:
                browser.get(f"{service.url}/evidence/1?lang={lang}")
                found: str = WebDriverWait(browser, 5.0).until(
                    lambda chrome: chrome.execute_script(script)
                )
                return found

            found = WebDriverWait(
                browser, _PATIENCE_S, ignored_exceptions=(TimeoutException,)
            ).until(lambda _: shown())
            assert found == at.strftime("%Y-%m-%d %H:%M:%S")
            browser.get("about:blank")
    finally:
        browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})


# The mean grey of the picture that is shown; each picture of the film is one step brighter.
GREY = """
const film = document.getElementById('film');
if (film.readyState < 2 || film.seeking) return null;
const canvas = document.createElement('canvas');
[canvas.width, canvas.height] = [film.videoWidth, film.videoHeight];
const pen = canvas.getContext('2d');
pen.drawImage(film, 0, 0);
const bytes = pen.getImageData(0, 0, canvas.width, canvas.height).data;
let sum = 0;
for (let at = 1; at < bytes.length; at += 4) sum += bytes[at];
return 4 * sum / bytes.length;
"""
# The curve is as wide as the clip is long; the film goes to where it is clicked.
CLICK = """
const [start, at] = arguments;
document.getElementById('film').pause();
const curve = document.getElementById('curve');
const box = curve.getBoundingClientRect();
const share = (at - start) / (Date.now() - start);
curve.dispatchEvent(new MouseEvent('click', {
  clientX: box.left + share * box.width, clientY: box.top + 5, bubbles: true }));
"""
PICTURES, FPS, GREY_OF_FIRST = 100, 2, 29.5


def recorded_alarm(
    service: ServiceProcess, folder: Path, camera_id: str, codec: str = "libx264"
) -> Utc:
    """An alarm in a film with a key picture in 7 s; when the film began."""
    film = make_film(folder / "film.mp4", PICTURES / FPS, fps=FPS, gop=14, codec=codec)
    began = Utc.from_datetime(datetime.now(UTC)).plus(1.0 - PICTURES / FPS)
    record_film(film, folder / "recordings", start=began, camera_id=camera_id, segment_s=10.0)
    for notes in (folder / "recordings").rglob("*.jsonl"):
        # It was recorded by a simulated clock, which is not that of the service.
        notes.write_bytes(notes.read_bytes().replace(b'"zero_ns"', b'"simulated_ns"'))
    service.send(service.record("stair", "L3", 2.9))
    return began


def opened(browser: webdriver.Chrome, service: ServiceProcess) -> WebDriverWait[webdriver.Chrome]:
    """Open the page as soon as something is kept."""
    wait = WebDriverWait(browser, _PATIENCE_S)

    def is_kept(_: object) -> bool:
        answer = service.client.get("/api/v1/alarms/1/evidence")
        return answer.is_success and bool(answer.json()["cameras"][0]["parts"])

    wait.until(is_kept)
    browser.get(f"{service.url}/evidence/1?lang=en")
    wait.until(lambda b: b.find_elements("css selector", "select[name=camera] option"))
    return wait


def play(browser: webdriver.Chrome, name: str) -> None:
    """Press the button, on duty under this name or under none."""
    if name:
        port = urlsplit(browser.current_url).port
        browser.add_cookie({"name": f"{GUARD_COOKIE}_{port}", "value": quote(name)})
    browser.find_element("css selector", "#why button").click()


def test_the_picture_at_a_point_of_the_curve_was_taken_at_that_time(
    browser: webdriver.Chrome, sqlite_url: str, tmp_path: Path
) -> None:
    with ServiceProcess(sqlite_url, "tests.api.evidence.page_process") as service:
        began = recorded_alarm(service, tmp_path, "cam-stair")
        wait = opened(browser, service)
        play(browser, "王芳")
        wait.until(lambda b: b.execute_script(GREY))
        found = service.client.get("/api/v1/alarms/1/evidence").json()
        start = Utc.from_iso(found["clip"]["start"])
        for after_s in (3.0, 20.0, 11.0):
            browser.execute_script(CLICK, start.ns / 1e6, start.plus(after_s).ns / 1e6)
            grey = wait.until(lambda b: b.execute_script(GREY))
            taken = began.plus((grey - GREY_OF_FIRST) / FPS)
            assert taken - start == pytest.approx(after_s, abs=1.0)
        browser.get("about:blank")


def test_why_there_is_no_film_is_said_as_it_is(
    browser: webdriver.Chrome, sqlite_url: str, tmp_path: Path
) -> None:
    with ServiceProcess(sqlite_url, "tests.api.evidence.page_process") as service:
        recorded_alarm(service, tmp_path, "cam-stair", "mjpeg")
        wait = opened(browser, service)
        for name, words in (
            ("", text("api.error.nobody_on_duty", "en")),
            ("王芳", text("evidence.unplayable", "en")),
        ):
            play(browser, name)
            wait.until(text_to_be_present_in_element(("id", "message"), words))
        register = service.client.get("/api/v1/evidence/register").json()["lines"]
        assert [(line["viewer"], line["act"]) for line in register] == [("王芳", "played")]
        browser.get("about:blank")
