"""Steps of the desk through the running service, in simulated time and across a restart."""

from __future__ import annotations

from api.alarms.parents import CameraGroup
from api.alarms.values import AlarmType
from api.watched import Name
from config import load_site, sample_school_directory
from config.cards import Card, CardBook, CardStep, CardTrigger
from config.desk_plan import DeskPlan, LadderStep, Person
from config.response import SiteResponse
from config.site import LocalText
from streams.clock import SimulatedClock
from tests.api.desk_cases import Json, running_desk

WORD = LocalText("疏导", "Guide")
PLAN = DeskPlan(
    people=(Person("leader", LocalText("李强", "Li Qiang"), WORD, "8100"),),
    check_s=15.0,
    ladder=(
        LadderStep("again", 30.0, "sound_again"),
        LadderStep("leader", 60.0, "call", (1, 2), ("leader",)),
    ),
)
BOOK = CardBook(
    cards=(
        Card(
            "stair-card",
            CardTrigger(("crowd",), ("stair",)),
            WORD,
            (CardStep("hold", "hold_people", WORD, ("leader",)), CardStep("open", "watch", WORD)),
        ),
    ),
    edition="1",
)
RESPONSE = SiteResponse(desk=PLAN, cards=BOOK)
# Nothing turns old here: what is told is told by the checks and the ladder alone.
CALM: Json = {"stale_after_s": 5e3, "lost_after_s": 1e4, "startup_grace_s": 1e4}
WANG: Json = {"name": "王芳", "version": 1}


async def test_an_unanswered_check_and_the_ladder_survive_a_restart(sqlite_url: str) -> None:
    clock = SimulatedClock()
    async with running_desk(sqlite_url, clock=clock, response=RESPONSE, **CALM) as desk:
        await desk.send(desk.reading("stair", "L4", 3.9))
        (alarm,) = await desk.alarms()
        assert alarm["check"]["verdict"] == "pending"
        clock.advance(14.0)
        await desk.service.watch.tick()
        assert (await desk.alarms())[0]["check"]["verdict"] == "pending"
    clock.advance(1.0)
    async with running_desk(sqlite_url, clock=clock, response=RESPONSE, **CALM) as desk:
        (alarm,) = await desk.alarms()  # the start itself looks what is due
        assert alarm["check"]["verdict"] == "confirmed"
        clock.advance(16.0)
        await desk.service.watch.tick()
        clock.advance(30.0)
        await desk.service.watch.tick()
        await desk.service.watch.tick()
        detail = await desk.get("/api/v1/alarms/1")
        steps = [one["detail"] for one in detail["history"] if one["action"] == "escalated"]
        assert steps == ["again", "leader"]
        assert detail["escalated"] == 2


async def test_shelving_ends_by_itself_and_priority_1_breaks_out(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, **CALM) as desk:
        await desk.send(desk.reading("stair", "L2", 2.0))
        body = {**WANG, "minutes": 10, "reason": "清洁镜头"}
        shelved = await desk.post("/api/v1/alarms/1/shelve", body)
        assert (shelved["state"], shelved["hold"]["reason"]) == ("shelved", "清洁镜头")
        desk.clock.advance(601.0)
        await desk.send(desk.reading("stair", "L2", 2.0))
        await desk.service.watch.tick()
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["hold"]) == ("unacknowledged", None)
        await desk.post("/api/v1/alarms/1/shelve", {**body, "version": alarm["version"]})
        await desk.send(desk.reading("stair", "L4", 3.9))
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["priority"]) == ("unacknowledged", 1)
        refused = await desk.post(
            "/api/v1/alarms/1/shelve", {**body, "version": alarm["version"]}, status=409
        )
        assert refused["code"] == "alarm_never_held"


async def test_out_of_service_takes_two_people(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.camera("cam-stair", "offline", "hung"))
        body = {**WANG, "hours": 4, "reason": "更换镜头", "second": "王芳"}
        refused = await desk.post("/api/v1/alarms/1/out-of-service", body, status=422)
        assert refused["code"] == "second_person_needed"
        held = await desk.post("/api/v1/alarms/1/out-of-service", {**body, "second": "李强"})
        assert (held["state"], held["hold"]["second"]) == ("out_of_service", "李强")


async def test_a_crowd_that_comes_back_after_nobody_could_see_alerts_also_after_a_restart(
    database_url: str,
) -> None:
    clock = SimulatedClock()
    async with running_desk(database_url, clock=clock) as desk:
        await desk.send(desk.reading("stair", "L4", 3.9))
        await desk.post("/api/v1/alarms/1/acknowledge", WANG)
        clock.advance(1.0)
        await desk.send(desk.reading("stair", "L0"))
        assert (await desk.alarms())[0]["state"] == "latched"
        clock.advance(1.0)
        await desk.send(desk.reading("stair", "UNKNOWN"))
    async with running_desk(database_url, clock=clock) as desk:
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["condition"]) == ("acknowledged", "unknown")
        clock.advance(1.0)
        await desk.send(desk.reading("stair", "L4", 3.9))
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["repeats"]) == ("unacknowledged", 1)
        # What was there before nobody could see is the same crowd.
        await desk.post(
            "/api/v1/alarms/1/acknowledge", {"name": "王芳", "version": alarm["version"]}
        )
        clock.advance(1.0)
        await desk.send(desk.reading("stair", "UNKNOWN"))
        clock.advance(1.0)
        await desk.send(desk.reading("stair", "L4", 3.9))
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["repeats"]) == ("acknowledged", 1)


async def test_a_lost_recorder_hides_its_cameras_and_lists_them(sqlite_url: str) -> None:
    group = CameraGroup("nvr", AlarmType.RECORDER_LOST, Name("录像机", "NVR"), ("cam-a", "cam-b"))
    async with running_desk(sqlite_url, groups=(group,)) as desk:
        await desk.send(*(desk.camera(c, "offline", "hung") for c in ("cam-a", "cam-b")))
        await desk.service.watch.tick()
        alarms = {alarm["subject_id"]: alarm for alarm in await desk.alarms()}
        parent = alarms["nvr"]
        assert (parent["type"], parent["state"]) == ("recorder_lost", "unacknowledged")
        for child in ("cam-a", "cam-b"):
            assert alarms[child]["state"] == "suppressed"
            assert alarms[child]["hold"]["parent_number"] == parent["number"]
        await desk.send(desk.camera("cam-a", "live"))
        await desk.service.watch.tick()
        alarms = {alarm["subject_id"]: alarm for alarm in await desk.alarms()}
        assert alarms["nvr"]["condition"] == "gone"
        assert alarms["cam-b"]["state"] == "unacknowledged"
        assert "cam-a" not in alarms


async def test_steps_are_ticked_by_name_and_stay_in_history(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, response=RESPONSE) as desk:
        await desk.send(desk.reading("stair", "L3", 2.9))
        card = await desk.get("/api/v1/alarms/1/card")
        assert (card["card_id"], [step["done"] for step in card["steps"]]) == (
            "stair-card",
            [None, None],
        )
        assert card["steps"][0]["who"][0]["phone"] == "8100"
        path = "/api/v1/alarms/1/card/steps/hold"
        ticked = await desk.post(path, {"name": "王芳"})
        assert ticked["steps"][0]["done"]["name"] == "王芳"
        undone = await desk.post(path, {"name": "李强", "done": False})
        assert undone["steps"][0]["done"] is None
        assert (await desk.actions(1))[-2:] == ["step_done", "step_undone"]
        missing = await desk.post(path.replace("hold", "none"), {"name": "王芳"}, status=409)
        assert missing["code"] == "alarm_unknown_name"
        sent = await desk.post("/api/v1/alarms/1/dispatch", {**WANG, "person": "leader"})
        assert sent["dispatched"]["note"] == "leader"


async def test_the_police_page_is_the_desk_with_whom_to_call(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, response=RESPONSE) as desk:
        page = (await desk.client.get("/police?lang=en")).text
        assert '<body data-view="police"' in page
        assert "<b>8100</b>" in page
        assert "<b>8100</b>" not in (await desk.client.get("/")).text


async def test_the_hand_over_lists_alarms_and_load(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L3", 2.9))
        answer = await desk.client.get("/handover?lang=en")
        assert answer.status_code == 200, answer.text
        assert "Alarms still open" in answer.text
        assert '<tr data-alarm="1"><td>1</td>' in answer.text
        assert "the standards themselves were not consulted" in answer.text


async def test_the_plan_of_the_sample_school_is_drawn(sqlite_url: str) -> None:
    site = load_site(sample_school_directory())
    async with running_desk(sqlite_url, response=SiteResponse(site=site)) as desk:
        floors = (await desk.get("/api/v1/site-plan"))["floors"]
        assert [floor["id"] for floor in floors] == ["f1", "yard", "f3"]
        assert {zone["id"] for zone in floors[0]["zones"]} == {"corridor-2f", "stair-a", "hall-1f"}
