"""A school whose half-month has something of everything, at figures that a reader can count."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from shutil import which

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image

from api.coverage import fonts
from api.database import Database
from api.plan.mount import install_plan
from api.plan.service import PlanService
from api.problems import install_handlers
from api.security import Guard
from config.plan import load_edition
from streams.clock import SimulatedClock
from tests.api.plan.conftest import TODAY, at
from tests.api.plan.test_routes import BASE, HeaderAccess, Person
from tests.conftest import need_peer

UNIT = "sample-primary"


@dataclass
class Office:
    """The service with its people: a school's director, a teacher, the bureau, a stranger."""

    client: httpx.AsyncClient
    plan: PlanService
    clock: SimulatedClock

    @property
    def director(self) -> Person:
        return Person(self.client, "王芳")

    @property
    def teacher(self) -> Person:
        return Person(self.client, "李明")

    @property
    def bureau(self) -> Person:
        return Person(self.client, "区局周敏", "*", "bureau")

    @property
    def stranger(self) -> Person:
        return Person(self.client, "赵六", "sample-middle")

    async def hazard(self, key: str, place: str, **more: object) -> int:
        form = {"client_key": f"phone-{key}", "location": place, "description": "扶手松动", **more}
        return int((await self.director.post(f"{BASE}/hazards", **form)).json()["id"])

    async def close(self, number: int, fixer: str = "张强") -> None:
        """Through all steps: assigned, mended, accepted by somebody else."""
        path = f"{BASE}/hazards/{number}"
        steps: tuple[tuple[Person, str, dict[str, str]], ...] = (
            (self.director, "assign", {"fixer": fixer, "due_on": "2026-03-20"}),
            (self.teacher, "fixed", {"note": "已更换螺栓"}),
            (self.director, "accept", {}),
        )
        for version, (person, step, body) in enumerate(steps, start=1):
            answer = await person.post(f"{path}/{step}", version=version, **body)
            assert answer.status_code == 200, answer.text

    async def record(self, key: str, kind: str, kind_type: str = "", **details: object) -> int:
        answer = await self.director.post(
            f"{BASE}/records",
            client_key=f"phone-{key}",
            kind=kind,
            kind_type=kind_type,
            happened_on=TODAY.isoformat(),
            title=f"{kind} {kind_type}".strip(),
            details=details,
        )
        assert answer.status_code == 200, answer.text
        return int(answer.json()["id"])


@pytest.fixture
async def office(rolled_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    app = FastAPI()
    install_handlers(app)
    async with Database(rolled_url) as database:
        clock = SimulatedClock(at(TODAY))
        plan = PlanService(database, load_edition(), clock, tmp_path / "files")
        app.state.access = HeaderAccess()
        install_plan(app, plan)
        app.add_middleware(Guard, allowed_hosts=())
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield Office(client, plan, clock)


@pytest.fixture
async def busy(office: Office) -> Office:
    """Three hazards, one of them closed; an inspection, a fire drill, a weekly meeting."""
    first = await office.hazard("h1", "教学楼二层东侧楼梯")
    await office.hazard("h2", "=操场看台")
    await office.hazard("h3", "食堂后门", level="major")
    await office.close(first)
    await office.record(
        *("r1", "inspection", "self"), inspector="王芳", places="楼梯", result="found"
    )
    await office.record("r2", "drill", "fire", participants=812, evaluation="用时达标")
    await office.record(
        *("r3", "meeting", "weekly"), host="王芳", attendees=["张强"], decisions="周三前整改东楼梯"
    )
    return office


@pytest.fixture
def soffice() -> str:
    """LibreOffice without a screen."""
    found = which("soffice")
    mend = "apt-get install libreoffice-calc-nogui libreoffice-writer-nogui"
    need_peer(found, "LibreOffice", mend)
    assert found is not None
    return found


@pytest.fixture
def chinese_font() -> None:
    installed = [path for path in fonts.FONT_FILES if path.is_file()]
    need_peer(installed, "a Chinese TrueType font", "apt-get install fonts-wqy-zenhei")


def jpeg(colour: str = "red", width: int = 400, height: int = 300) -> bytes:
    """A picture with a place in its metadata, as phones write it."""
    picture = Image.new("RGB", (width, height), colour)
    exif = picture.getexif()
    exif[0x010E] = "SECRET-PLACE"
    stream = BytesIO()
    picture.save(stream, "JPEG", exif=exif)
    return stream.getvalue()
