"""The page, the routes, the metrics and the local alarms, through the whole application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, nullcontext
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import insert, select, update

from api import application
from api.access.actor import Grant
from api.access.guard import OpenAccess
from api.access.rights import Role
from api.application import create_app
from api.delivery.monitor import KEEP_CONTROLS, Monitor
from api.delivery.settings import DeliverySettings
from api.delivery.tables import (
    DELIVERIES,
    DELIVERY_CONTROLS,
    DELIVERY_PATHS,
    DELIVERY_SENDERS,
)
from api.pictures import NoPictures
from api.service import Service
from api.settings import ApiSettings
from config.delivery import DeliveryFileError
from config.errors import FileProblem
from config.texts import reason_text
from streams.clock import SimulatedClock
from tests.api.delivery.cases import SITE, plan, raise_alarm, rows
from vision.risk.readings import Reason


class Desk:
    """A running application with one police target, and its clock."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        service: Service,
        settings: DeliverySettings,
        clock: SimulatedClock,
    ) -> None:
        self.client = client
        self.service = service
        self.clock = clock
        assert service.desk.outbox is not None
        self.file = settings.file
        self.monitor = Monitor(service.desk, settings.file)

    async def path(self, state: str) -> None:
        """What a sender would write: a sign of life, and the state of the first path."""
        now = self.clock.utc().ns
        async with self.service.desk.database.write() as connection:
            for table in (DELIVERY_PATHS, DELIVERY_SENDERS):
                await connection.execute(table.delete())
            await connection.execute(
                insert(DELIVERY_SENDERS).values(owner="s", started_ns=now, beat_ns=now)
            )
            await connection.execute(
                insert(DELIVERY_PATHS).values(
                    target_id="room", path_id="main", state=state, since_ns=now, checked_ns=now,
                    misses=3, breaker="open", detail="<b>the line is cut</b>",
                )
            )  # fmt: skip

    async def alarms(self) -> dict[str, str]:
        """Subject of each open delivery alarm, and whether its cause is there."""
        answer = await self.client.get("/api/v1/alarms")
        return {
            alarm["subject_id"]: alarm["condition"]
            for alarm in answer.json()["alarms"]
            if alarm["type"] == "delivery"
        }


@pytest.fixture
async def desk(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    # The service's own monitor would look between two steps of a test; the tests turn theirs.
    monkeypatch.setattr(application, "monitoring", lambda desk, file: nullcontext())
    clock = SimulatedClock()
    app = create_app(
        settings=ApiSettings(
            database_url=sqlite_url, ingest_token="token-for-tests-only", watch_every_s=3_600.0
        ),
        site=SITE,
        clock=clock,
        pictures=NoPictures(),
        access=OpenAccess((Grant(Role.SUPERVISOR), Grant(Role.ADMINISTRATOR))),
        delivery=plan(),
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app)
        client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        await stack.enter_async_context(client)
        yield Desk(client, app.state.service, app.state.delivery_settings, clock)


async def test_the_page_shows_a_fault_in_words_and_no_secret(desk: Desk) -> None:
    await desk.path("fault")
    page = (await desk.client.get("/delivery")).text
    assert "✕ 故障" in page
    assert "&lt;b&gt;the line is cut" in page
    assert "env:X" in page
    assert "✕ fault" in (await desk.client.get("/delivery?lang=en")).text


async def test_a_test_message_goes_into_the_outbox_marked_as_a_test(desk: Desk) -> None:
    answer = await desk.client.post("/api/v1/delivery/targets/room/test", json={"path": "main"})
    assert answer.status_code == 200
    async with desk.service.desk.database.read() as connection:
        row = (await connection.execute(DELIVERIES.select())).mappings().one()
    assert (row["message_id"], row["is_test"], row["only_path_id"]) == (
        answer.json()["message_id"], True, "main",
    )  # fmt: skip
    assert "测试" in row["body_json"]
    for address, body in (("targets/none/test", {}), ("targets/room/test", {"path": "none"})):
        answer = await desk.client.post(f"/api/v1/delivery/{address}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "delivery_unknown")
    answer = await desk.client.post("/api/v1/delivery/messages/99/requeue", json={})
    assert answer.status_code == 404


async def test_a_dead_path_and_its_return_are_alarms(desk: Desk) -> None:
    await desk.path("fault")
    await desk.monitor.tick()
    assert await desk.alarms() == {"room/main": "active"}
    await desk.path("up")
    await desk.monitor.tick()
    assert await desk.alarms() == {"room/main": "gone"}


@pytest.mark.parametrize(
    ("known", "priority", "told"),
    [(True, 3, "原设置继续使用"), (False, 1, "没有告警会送出")],
)
async def test_a_broken_settings_file_is_an_alarm_until_it_is_mended(
    desk: Desk, known: bool, priority: int, told: str
) -> None:
    await desk.path("up")
    desk.file.fault = DeliveryFileError([FileProblem("delivery.yaml", 3, "targets", "no", "do")])
    if not known:
        desk.file.plan = replace(desk.file.plan, targets=())
    await desk.monitor.tick()
    assert await desk.alarms() == {"settings": "active"}
    (alarm,) = (await desk.client.get("/api/v1/alarms")).json()["alarms"]
    assert alarm["priority"] == priority
    page = (await desk.client.get("/delivery")).text
    assert told in page
    assert "delivery.yaml:3: targets: no — mend: do" in page
    desk.file.fault = None
    await desk.monitor.tick()
    assert await desk.alarms() == {"settings": "gone"}
    assert told not in (await desk.client.get("/delivery")).text


async def test_a_missing_acknowledgement_is_an_alarm_within_a_minute(desk: Desk) -> None:
    outbox = desk.service.desk.outbox
    assert outbox is not None
    async with desk.service.desk.database.write() as connection:
        await outbox.enqueue_test(connection, "room", None, "王芳", desk.clock.utc())
        await connection.execute(update(DELIVERIES).values(is_test=False))
    desk.clock.advance(44.0)
    await desk.path("up")
    await desk.monitor.tick()
    assert await desk.alarms() == {}
    desk.clock.advance(2.0)
    await desk.path("up")
    await desk.monitor.tick()
    assert await desk.alarms() == {"room/ack": "active"}


@pytest.mark.parametrize(("role", "priority"), [("police", 1), ("monitoring", 2)])
async def test_a_refused_alarm_is_an_alarm_until_somebody_knows_of_it(
    desk: Desk, role: str, priority: int
) -> None:
    database = desk.service.desk.database
    assert desk.service.desk.outbox is not None
    desk.service.desk.outbox = replace(desk.service.desk.outbox, plan=plan(role=role))
    for zone, state in (("stair", "rejected"), ("hall", "given_up")):
        await raise_alarm(database, desk.service.desk.outbox, subject=zone, at=desk.clock.utc())
        async with database.write() as connection:
            await connection.execute(
                update(DELIVERIES)
                .where(DELIVERIES.c.is_open.is_(True))
                .values(state=state, is_open=False)
            )
    await desk.path("up")
    await desk.monitor.tick()
    assert await desk.alarms() == {"room/refused": "active"}
    (alarm,) = [
        one
        for one in (await desk.client.get("/api/v1/alarms")).json()["alarms"]
        if one["type"] == "delivery"
    ]
    assert alarm["priority"] == priority
    (reason,) = alarm["now"]["reasons"]
    assert (reason["rule"], reason["measured"]) == ("delivery_refused", 2.0)
    assert "已知晓" in (await desk.client.get("/delivery")).text
    # Sent again it may still arrive; what was not seen is not ended.
    assert (
        await desk.client.post("/api/v1/delivery/messages/1/requeue", json={})
    ).status_code == 200
    noted = "/api/v1/delivery/targets/room/noted"
    unseen = await desk.client.post(noted, json={"count": 2})
    assert (unseen.status_code, unseen.json()["code"]) == (409, "delivery_rows_wait")
    assert (await desk.client.post(noted, json={"count": 1})).status_code == 200
    assert (await desk.client.post(noted, json={"count": 1})).status_code == 409
    none = await desk.client.post("/api/v1/delivery/targets/none/noted", json={"count": 1})
    assert none.status_code == 404
    await desk.monitor.tick()
    assert await desk.alarms() == {"room/refused": "gone"}


async def test_another_refusal_asks_for_attention_again(desk: Desk) -> None:
    database, outbox = desk.service.desk.database, desk.service.desk.outbox
    assert outbox is not None

    async def refuse(zone: str) -> str:
        await raise_alarm(database, outbox, subject=zone, at=desk.clock.utc())
        async with database.write() as connection:
            await connection.execute(update(DELIVERIES).values(state="rejected", is_open=False))
        await desk.path("up")
        await desk.monitor.tick()
        alarms = (await desk.client.get("/api/v1/alarms")).json()["alarms"]
        (one,) = [alarm for alarm in alarms if alarm["subject_id"] == "room/refused"]
        state, number = str(one["state"]), one["number"]
        body = {"name": "王芳", "version": one["version"]}
        await desk.client.post(f"/api/v1/alarms/{number}/acknowledge", json=body)
        return state

    assert await refuse("stair") == "unacknowledged"
    assert await refuse("hall") == "unacknowledged"


async def test_messages_to_a_receiver_that_is_no_more_are_told_and_go_to_another(
    desk: Desk,
) -> None:
    database, outbox = desk.service.desk.database, desk.service.desk.outbox
    assert outbox is not None
    for zone in ("stair", "hall"):
        await raise_alarm(database, outbox, subject=zone, at=desk.clock.utc())
    (room,) = outbox.plan.targets
    renamed = replace(outbox.plan, targets=(replace(room, id="new-room"),))
    stranded = "/api/v1/delivery/stranded/room"
    assert (await desk.client.post(f"{stranded}/give-up", json={"count": 2})).status_code == 404
    desk.service.desk.outbox = replace(outbox, plan=renamed)
    await desk.path("up")
    await desk.monitor.tick()
    assert await desk.alarms() == {"stranded": "active"}
    # The count is no number to dial, and the fault is not one of every line.
    alarms = (await desk.client.get("/api/v1/alarms")).json()["alarms"]
    (alarm,) = (one for one in alarms if one["type"] == "delivery")
    (told,) = alarm["now"]["reasons"]
    assert (told["measured"], told["unit"]) == (2.0, "messages")
    said = reason_text(Reason(told["rule"], told["measured"], unit=told["unit"]), "zh")
    assert said == "请打电话。外送目标已不在设置里，没有人送的告警：2 条"
    assert "<td>已不在设置里的外送目标</td>" in (await desk.client.get("/handover")).text
    state = (await desk.client.get("/api/v1/delivery")).json()
    assert [(one["target_id"], one["count"]) for one in state["stranded"]] == [("room", 2)]
    assert "room: 2 waiting" in (await desk.client.get("/delivery?lang=en")).text
    for body, status in (
        ({"count": 1, "to": "new-room"}, 409),
        ({"count": 2, "to": "room"}, 404),
        ({"count": 2, "to": "new-room"}, 200),
    ):
        assert (await desk.client.post(f"{stranded}/send-to", json=body)).status_code == status
    crowd = [row for row in await rows(database) if row["alarm_number"] in (1, 2)]
    assert [(row["target_id"], row["is_open"]) for row in crowd] == [("new-room", True)] * 2
    await desk.monitor.tick()
    assert await desk.alarms() == {"stranded": "gone"}
    # Nobody named: what waits can still be given up, and only by whoever saw how much that is.
    desk.service.desk.outbox = replace(outbox, plan=replace(renamed, targets=()))
    await desk.monitor.tick()
    assert await desk.alarms() == {"stranded": "active"}
    (one,) = (await desk.client.get("/api/v1/delivery")).json()["stranded"]
    given_up, seen = "/api/v1/delivery/stranded/new-room/give-up", one["count"]
    assert (await desk.client.post(given_up, json={"count": seen + 1})).status_code == 409
    assert (await desk.client.post(given_up, json={"count": seen})).status_code == 200
    await desk.monitor.tick()
    assert await desk.alarms() == {"stranded": "gone"}
    assert {row["state"] for row in await rows(database)} == {"given_up"}


async def test_only_the_newest_commands_of_receivers_are_kept(desk: Desk) -> None:
    async with desk.service.desk.database.write() as connection:
        await connection.execute(
            insert(DELIVERY_CONTROLS),
            [
                {
                    "target_id": "room", "path_id": "main", "at_ns": number,
                    "command": "ResetAlarm", "detail": "",
                }
                for number in range(KEEP_CONTROLS + 5)
            ],
        )  # fmt: skip
    await desk.monitor.upkeep()
    async with desk.service.desk.database.read() as connection:
        kept = (await connection.execute(select(DELIVERY_CONTROLS.c.at_ns))).scalars().all()
    assert sorted(kept) == list(range(5, KEEP_CONTROLS + 5))


async def test_the_desk_tells_sent_from_received_and_whom_to_dial(desk: Desk) -> None:
    outbox, database = desk.service.desk.outbox, desk.service.desk.database
    assert outbox is not None
    outbox = replace(outbox, plan=plan(phone='"110"'))
    desk.service.desk.outbox = outbox
    number = await raise_alarm(database, outbox, at=desk.clock.utc())

    async def told() -> dict[str, object]:
        answer = await desk.client.get(f"/api/v1/alarms/{number}/told")
        assert answer.status_code == 200, answer.text
        (one,) = answer.json()["told"]
        return dict(one)

    waiting = await told()
    assert (waiting["state"], waiting["sent_at"], waiting["received_at"]) == ("pending", None, None)
    assert waiting["receiver"] == {
        "id": "room", "name": {"zh": "警务室", "en": "Police room"}, "role": "police",
        "phone": "110",
    }  # fmt: skip
    desk.clock.advance(1.0)
    for state, column in (("sent", "sent_ns"), ("received", "settled_ns")):
        async with database.write() as connection:
            values = {"state": state, column: desk.clock.utc().ns}
            await connection.execute(update(DELIVERIES).values(**values))
        found = await told()
        assert found["state"] == state
        assert (found["received_at"] is None) == (state == "sent")
    state_body = (await desk.client.get("/api/v1/state")).json()
    assert [one["phone"] for one in state_body["receivers"]] == ["110"]


async def test_the_hand_over_names_lines_tests_and_receivers(desk: Desk) -> None:
    await desk.client.post("/api/v1/shift", json={"name": "王芳"})
    await desk.path("fault")
    await desk.monitor.tick()
    begun = await desk.client.post("/api/v1/test-alarms", json={"name": "王芳"})
    assert begun.status_code == 201, begun.text
    page = (await desk.client.get("/handover?lang=en")).text
    assert "On duty: </b>" in page
    assert "<td>Police room · path main</td>" in page  # the open alarm, by the receiver's name
    assert '<tr data-line="fault"><td>Police room</td><td>main · signed webhook</td>' in page
    assert "△ receipts missing: Police room" in page


async def test_a_sender_that_does_not_run_is_an_alarm(desk: Desk) -> None:
    desk.clock.advance(21.0)
    await desk.monitor.tick()
    assert await desk.alarms() == {"sender": "active"}
    state = (await desk.client.get("/api/v1/delivery")).json()
    assert state["sender_silent"]
    assert [path["state"] for path in state["targets"][0]["paths"]] == ["unknown", "unknown"]


@pytest.mark.parametrize(("comes_back", "told"), [(True, {}), (False, {"sender": "active"})])
async def test_after_the_clock_was_set_back_a_sender_has_time_to_speak(
    desk: Desk, comes_back: bool, told: dict[str, str]
) -> None:
    """Its last sign of life, in the future now, neither proves that it lives nor that it died."""
    await desk.path("up")
    desk.clock.advance(21.0)
    await desk.path("up")
    desk.clock.step_utc(-600.0)
    for second in range(16):
        await desk.monitor.tick()
        assert await desk.alarms() == {}
        if comes_back and second == 2:
            await desk.path("up")
        desk.clock.advance(0.9)
    desk.clock.advance(0.7)
    await desk.monitor.tick()
    assert await desk.alarms() == told


async def test_the_metrics_tell_of_delivery(desk: Desk) -> None:
    await desk.path("up")
    view = await desk.monitor.tick()
    found = {
        (sample.name, sample.labels.get("path", "")): sample.value
        for family in desk.monitor.metrics.collect()
        for sample in family.samples
    }
    assert view.targets[0].open == 0
    assert found["xiaoan_delivery_path_up", "main"] == 1.0
    assert found["xiaoan_delivery_path_up", "backup"] == 0.0
    assert found["xiaoan_delivery_outbox_depth", ""] == 0.0
