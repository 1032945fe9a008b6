"""The school's side of `benchmarks.delivery_faults`: a worker and a guard, over HTTP alone.

    python -m benchmarks.peers.delivery_school URL TOKEN_FILE SITE_DIR ALARMS FOLDER

The worker reports a crush in each zone and then its end, the guard closes the alarm with cause and
action: three messages whose order can be seen. As a spool and a desk do, each sends the same again
until the service has answered, however often that is killed meanwhile. What was answered stands in
`told.log`: the number of each alarm that this side was promised. While more than `BACKLOG` messages
wait it pauses, so that faults meet alarms that are being raised and not a long finished list.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from config import load_site

BACKLOG = 400
_LOOK_EVERY = 8
_AGAIN_S = 0.1
_TIMEOUT_S = 20.0
_GUARD = "王芳"
_OPEN = ("unacknowledged", "acknowledged", "returned_unacknowledged", "latched")
CRUSH, CALM = ("L4", 4.2), ("L0", 0.3)


@dataclass(slots=True)
class School:
    """One site, whose records and clicks go to the service at `client`'s address."""

    client: httpx.Client
    token: str
    site_id: str
    zones: tuple[str, ...]
    told: Path
    repeated: int = field(default=0)

    def run(self, alarms: int) -> None:
        """Raise, calm and close until `alarms` alarms were closed."""
        width = len(self.zones)
        for turn, start in enumerate(range(0, alarms, width)):
            if turn % _LOOK_EVERY == 0:
                self._wait_for_room()
            zones = self.zones[: min(width, alarms - start)]
            for step, look in enumerate((CRUSH, CALM)):
                self._report([self._record(zone, turn, step, look) for zone in zones])
            for number in self._close_all(zones):
                with self.told.open("a", encoding="utf-8") as file:
                    file.write(f"{number}\n")

    def _record(self, zone: str, turn: int, step: int, look: tuple[str, float]) -> dict[str, Any]:
        level, density = look
        return {
            "kind": "transition",
            "record_id": f"school:{zone}:{turn:06d}:{step}",
            "site_id": self.site_id,
            "worker_id": "school",
            "captured_at": datetime.now(UTC).isoformat(),
            "previous_level": "L0" if level == "L4" else "L4",
            "reading": {
                "zone_id": zone,
                "level": level,
                "reasons": [
                    {"rule": "density", "measured": density, "threshold": 3.6, "unit": "1/m²"}
                ],
                "measurement": {
                    "people": 30.0,
                    "people_std": 0.5,
                    "density_peak_per_m2": density,
                    "density_peak_std_per_m2": 0.1,
                    "peak_xy_m": [1.0, 1.0],
                    "density_mean_per_m2": density / 2.0,
                    "visible_share": 1.0,
                },
            },
        }

    def _report(self, records: list[dict[str, Any]]) -> None:
        """The same records until every one is answered for."""
        answer = self._insist("POST", "/api/v1/ingest", {"records": records})
        if answer.status_code != httpx.codes.OK or answer.json()["rejected"]:
            raise ValueError(f"the service refuses the records: {answer.text[:300]}")

    def _close_all(self, zones: tuple[str, ...]) -> Iterator[int]:
        """The guard closes the crowd alarm of each zone; gives their numbers."""
        found = {
            zone: alarm
            for alarm in self._insist("GET", "/api/v1/alarms?limit=200").json()["alarms"]
            if alarm["type"] == "crowd"
            for zone in alarm["zone_ids"]
        }
        for zone in zones:
            number = int(found[zone]["number"])
            self._close(number, found[zone])
            yield number

    def _close(self, number: int, alarm: Mapping[str, Any]) -> None:
        """Closed by this guard, once; a click whose answer was lost is looked up, not repeated."""
        while alarm["state"] != "closed":
            said = {
                "name": _GUARD,
                "version": alarm["version"],
                "cause": "crowd_relieved",
                "taken": "flow_held",
            }
            answer = None
            with contextlib.suppress(httpx.TransportError):
                answer = self.client.post(f"/api/v1/alarms/{number}/close", json=said)
            if answer is not None and answer.is_success:
                return
            lost = answer is None or answer.is_server_error
            if answer is not None and not lost and answer.status_code != httpx.codes.CONFLICT:
                raise ValueError(f"the service refuses the guard: {answer.text[:300]}")
            self._wait()
            alarm = self._insist("GET", f"/api/v1/alarms/{number}").json()

    def _wait_for_room(self) -> None:
        while True:
            targets = self._insist("GET", "/api/v1/delivery").json()["targets"]
            if sum(int(target["open"]) for target in targets) < BACKLOG:
                return
            time.sleep(0.2)

    def _insist(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> httpx.Response:
        """The answer, asked for again while the service is away or its database refuses."""
        headers = {"Authorization": f"Bearer {self.token}"} if "ingest" in path else {}
        while True:
            try:
                answer = self.client.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                self._wait()
                continue
            if not answer.is_server_error:
                return answer
            self._wait()

    def _wait(self) -> None:
        self.repeated += 1
        time.sleep(_AGAIN_S)


def main() -> None:
    url, token_file, site_dir, alarms, folder = sys.argv[1:]
    site = load_site(Path(site_dir))
    while not Path(token_file).exists():
        time.sleep(_AGAIN_S)
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False) as client:
        School(
            client=client,
            token=Path(token_file).read_text(encoding="ascii").strip(),
            site_id=site.id,
            zones=tuple(zone.id for zone in site.zones),
            told=Path(folder) / "told.log",
        ).run(int(alarms))


if __name__ == "__main__":
    main()
