"""How large the service's database becomes: days of readings in simulated time.

    python -m benchmarks.database_day [--zones 8] [--hours 27] [--json]

Every zone is read once a second, as workers do, and the records go through the service's own intake
with the simulated clock; each simulated minute the service tidies up (`Watch.upkeep`). A busy zone
is among them whose level changes. The size of the files is taken each hour. After the first day
the fine readings make room for new ones as fast as they come: what is added then is the history of
one row a minute, kept for 400 days.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path

from api.pictures import NoPictures
from api.service import Service
from api.settings import ApiSettings
from api.watched import Name, WatchedCamera, WatchedSite, WatchedZone
from benchmarks.report import EXIT_TARGET_MISSED, Report, no_data, parser
from config.response import SiteResponse
from streams.clock import SimulatedClock
from vision.geometry.zones import ZoneType
from vision.instants import Utc

TARGET_MIB_PER_ZONE_DAY = 0.5
_BATCH_S = 20
_HOUR_S = 3_600
_START = Utc.from_iso("2026-03-02T00:00:00Z")
_FLOOR = Name("一层", "Ground floor")


def school(zones: int) -> WatchedSite:
    """A site of stairs, each with a camera of its own."""
    names = [f"zone-{number}" for number in range(zones)]
    return WatchedSite(
        id="school",
        name=Name("学校", "School"),
        timezone="Asia/Shanghai",
        zones=tuple(
            WatchedZone(one, Name(one, one), ZoneType.STAIRS, _FLOOR, 10.8, (f"cam-{one}",))
            for one in names
        ),
        cameras=tuple(WatchedCamera(f"cam-{one}", Name(one, one), (one,)) for one in names),
    )


class School:
    """Its workers: a reading of each zone a second."""

    def __init__(self, service: Service, clock: SimulatedClock) -> None:
        self._service = service
        self._clock = clock
        self._numbers = itertools.count(1)

    async def live(self, seconds: int) -> None:
        """Send the readings of so many seconds, a batch now and then, and tidy up each minute."""
        zones = [zone.id for zone in self._service.desk.board.site.zones]
        for start in range(0, seconds, _BATCH_S):
            at = self._clock.utc()
            batch = [
                self._reading(zone, at.plus(second)) for second in range(_BATCH_S) for zone in zones
            ]
            self._clock.advance(_BATCH_S)
            for first in range(0, len(batch), 1_000):
                answer = await self._service.ingest.accept(batch[first : first + 1_000])
                if answer.rejected:
                    raise RuntimeError(answer.rejected[0].reason)
            if start % 60 == 0:
                await self._service.watch.upkeep()

    def _reading(self, zone_id: str, at: Utc) -> dict[str, object]:
        number = next(self._numbers)
        return {
            "kind": "reading",
            "record_id": f"worker-0:5f2c81aa90:{number:08d}",
            "site_id": "school",
            "worker_id": "worker-0",
            "captured_at": at.iso(),
            "reading": {
                "zone_id": zone_id,
                "level": "L1" if number % 97 == 0 else "L0",
                "reasons": [
                    {"rule": "density", "measured": 0.8125, "threshold": 1.5, "unit": "1/m²"}
                ],
                "measurement": {
                    "people": 3.0 + number % 7,
                    "people_std": 0.61,
                    "density_peak_per_m2": 0.8125,
                    "density_peak_std_per_m2": 0.2,
                    "peak_xy_m": [1.5, 2.5],
                    "density_mean_per_m2": 0.4,
                    "visible_share": 1.0,
                },
            },
        }


async def sizes_mib(zones: int, hours: int, folder: Path) -> list[float]:
    """The size of the database's files at the end of each hour."""
    clock = SimulatedClock(_START)
    service = Service.build(
        settings=ApiSettings(
            watch_every_s=3_600.0,
            database_url=f"sqlite:///{folder}/day.db",
            ingest_token="for-this-benchmark-alone",
        ),
        site=school(zones),
        clock=clock,
        pictures=NoPictures(),
        response=SiteResponse(),
    )
    found = []
    async with service.running():
        workers = School(service, clock)
        for _ in range(hours):
            await workers.live(_HOUR_S)
            found.append(sum(file.stat().st_size for file in folder.glob("day.db*")) / 2**20)
    return found


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--zones", type=int, default=8)
    arguments.add_argument("--hours", type=int, default=27, help="more than a day")
    options = arguments.parse_args()
    if options.hours <= 24:
        no_data(f"growth is that after the first day; {options.hours} hours hold none of it")
    with tempfile.TemporaryDirectory() as name:
        found = asyncio.run(sizes_mib(options.zones, options.hours, Path(name)))
    report = Report(
        "database_day", options.seed, packages=("sqlalchemy",), columns=("after", "MiB", "per zone")
    )
    for hour in sorted({1, 2, 3, 6, 12, 24, options.hours} & set(range(1, options.hours + 1))):
        size = found[hour - 1]
        report.row(f"{hour} h", f"{size:.1f}", f"{size / options.zones:.2f}")
    settled = found[23]
    growth = (found[-1] - settled) / (options.hours - 24) * 24 / options.zones
    bound = f"target {TARGET_MIB_PER_ZONE_DAY:g}"
    report.row("a day after the first", f"{growth:.2f} a zone", bound)
    report.figures |= {
        "growth_mib_per_zone_day": round(growth, 3),
        "zones": options.zones,
        "hours_simulated": options.hours,
        "mib_by_hour": [round(size, 2) for size in found],
        "target_growth_mib_per_zone_day": TARGET_MIB_PER_ZONE_DAY,
    }
    report.publish(as_json=options.json)
    return EXIT_TARGET_MISSED if growth > TARGET_MIB_PER_ZONE_DAY else 0


if __name__ == "__main__":
    raise SystemExit(main())
