"""GB/T 28181 against SIPp: digest, alarm, business response, lost response, reset; UDP and TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from api.delivery.driver import Receipt
from api.delivery.drivers.gb28181 import Gb28181Driver
from api.delivery.errors import DeliveryError, PathError, RefusedError
from api.delivery.outward import Gate
from benchmarks.peers import sipp
from config.delivery import Gb28181Keys
from tests.api.delivery.cases import message, until
from tests.conftest import need_peer

pytestmark = pytest.mark.peer


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    need_peer(sipp.installed(), "SIPp", sipp.MEND)
    monkeypatch.setenv("GB_PASSWORD", sipp.PASSWORD)
    monkeypatch.setenv("GB_WRONG", "not the password")


class Heard:
    """What the driver called back."""

    def __init__(self) -> None:
        self.late: list[tuple[str, str]] = []
        self.controls: list[tuple[str, str]] = []


@asynccontextmanager
async def driver_for(
    port: int, *, tcp: bool = False, edition: int = 2022, password: str = "env:GB_PASSWORD"
) -> AsyncIterator[tuple[Gb28181Driver, Heard]]:
    keys = Gb28181Keys.model_validate(
        {
            "edition": edition,
            "server": "127.0.0.1",
            "port": port,
            "transport": "tcp" if tcp else "udp",
            "server_id": sipp.PLATFORM_ID,
            "domain": sipp.DOMAIN,
            "device_id": sipp.DEVICE_ID,
            "password": password,
        }
    )
    heard = Heard()
    driver = Gb28181Driver(
        keys,
        Path(),
        lambda *said: heard.late.append(said),
        lambda *said: heard.controls.append(said),
        "第一小学",
        Gate(Path()),
    )
    await driver.start()
    try:
        yield driver, heard
    finally:
        await driver.stop()


_BOTH_TRANSPORTS = pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])


async def registered(driver: Gb28181Driver) -> str:
    """The first keepalive that is answered."""

    async def alive() -> str:
        try:
            return await driver.supervise()
        except PathError:
            return ""

    found = ""

    async def looks() -> bool:
        nonlocal found
        found = await alive()
        return bool(found)

    await until(looks, "the registration")
    return found


@_BOTH_TRANSPORTS
@pytest.mark.parametrize(
    ("edition", "algorithm", "qop"), [(2016, "MD5", False), (2022, "MD5", True)]
)
async def test_register_keepalive_alarm_and_response(
    tmp_path: Path, tcp: bool, edition: int, algorithm: str, qop: bool
) -> None:
    scenario = sipp.platform(algorithm=algorithm, qop=qop)
    with sipp.Sipp(scenario, tmp_path, tcp=tcp) as platform:
        async with driver_for(platform.port, tcp=tcp, edition=edition) as (driver, _):
            assert await registered(driver) == "registered, keepalive answered"
            accepted: list[bool] = []
            async with asyncio.timeout(30.0):
                receipt = await driver.send(message(), lambda: accepted.append(True))
        seen = platform.messages
    assert (receipt.received, receipt.detail) == (True, "Response OK, SN 17")
    assert accepted == [True]
    for part in (
        "Authorization: Digest",
        "<CmdType>Keepalive</CmdType>",
        "<AlarmPriority>1</AlarmPriority><AlarmMethod>5</AlarmMethod>",
        "<AlarmTime>2026-11-23T15:04:05</AlarmTime>",
        "<Info><AlarmType>10</AlarmType></Info>",
        "东楼梯",
        'encoding="GB18030"' if edition == 2022 else 'encoding="GB2312"',
    ):
        assert part in seen


@_BOTH_TRANSPORTS
async def test_a_lost_response_is_sent_and_not_received(tmp_path: Path, tcp: bool) -> None:
    """SIP 200 came, the business response never: accepted, and no receipt."""
    accepted: list[bool] = []
    with sipp.Sipp(sipp.platform(answers=""), tmp_path, tcp=tcp) as platform:
        async with driver_for(platform.port, tcp=tcp) as (driver, _):
            await registered(driver)
            sending = asyncio.create_task(driver.send(message(), lambda: accepted.append(True)))
            await until(lambda: accepted, "the SIP 200")
            _, waiting = await asyncio.wait([sending], timeout=1.0)
            sending.cancel()
    assert (accepted, waiting) == ([True], {sending})


async def test_a_platform_that_says_error_refuses(tmp_path: Path) -> None:
    with sipp.Sipp(sipp.platform(answers="ERROR"), tmp_path) as platform:
        async with driver_for(platform.port) as (driver, _):
            await registered(driver)
            with pytest.raises(RefusedError, match="answered ERROR"):
                await _send(driver)


@_BOTH_TRANSPORTS
async def test_the_platform_resets_the_alarm(tmp_path: Path, tcp: bool) -> None:
    with sipp.Sipp(sipp.platform(reset=True), tmp_path, tcp=tcp) as platform:
        async with driver_for(platform.port, tcp=tcp) as (driver, heard):
            await registered(driver)
            assert (await _send(driver)).received
            await until(lambda: heard.controls, "the reset")
            answered = "<CmdType>DeviceControl</CmdType><SN>4711</SN>"
            await until(lambda: answered in platform.messages, "our answer to the reset")
    assert heard.controls == [("ResetAlarm", "5/10")]


@_BOTH_TRANSPORTS
async def test_a_platform_that_subscribed_gets_the_alarm_as_a_notification(
    tmp_path: Path, tcp: bool
) -> None:
    with sipp.Sipp(sipp.platform(subscribes=4), tmp_path, tcp=tcp) as platform:
        async with driver_for(platform.port, tcp=tcp) as (driver, _):
            await registered(driver)
            await until(lambda: "<SN>88</SN>" in platform.messages.partition("SIP/2.0 200 OK")[2])
            await until(lambda: platform.messages.count("<Result>OK</Result>") >= 1)
            async with asyncio.timeout(30.0):
                receipt = await driver.send(message(), lambda: None)
        seen = platform.messages
    assert (receipt.received, receipt.detail) == (True, "Response OK, SN 17")
    notified = seen.partition("NOTIFY sip:")[2].partition("</Notify>")[0]
    for part in (
        "Event: presence",
        "Subscription-State: active;expires=",
        ";tag=s",
        "CSeq: 1 NOTIFY",
        "<CmdType>Alarm</CmdType><SN>17</SN>",
    ):
        assert part in notified
    assert "Expires: 3600" in seen
    # The alarm went out once, in the dialog that the platform began.
    assert seen.count("<AlarmMethod>5</AlarmMethod>") == 1


async def test_an_alarm_outside_the_subscription_goes_by_message(tmp_path: Path) -> None:
    with sipp.Sipp(sipp.platform(subscribes=2), tmp_path) as platform:
        async with driver_for(platform.port) as (driver, _):
            await registered(driver)
            await until(lambda: platform.messages.count("<Result>OK</Result>") >= 1)
            async with asyncio.timeout(30.0):
                receipt = await driver.send(message(priority=3), lambda: None)
        seen = platform.messages
    assert receipt.received
    assert "NOTIFY sip:" not in seen


async def test_a_wrong_password_is_told(tmp_path: Path) -> None:
    with sipp.Sipp(sipp.platform(), tmp_path) as platform:
        async with driver_for(platform.port, password="env:GB_WRONG") as (driver, _):
            await until(_fails_with(driver, "SIP 403"), "the refusal")


async def test_a_killed_platform_is_registered_with_anew(tmp_path: Path) -> None:
    with sipp.Sipp(sipp.platform(), tmp_path / "one") as platform:
        async with driver_for(platform.port) as (driver, _):
            await registered(driver)
            platform.kill()
            await until(_fails_with(driver, ""), "the fault")
            with sipp.Sipp(sipp.platform(), tmp_path / "two", port=platform.port):
                await registered(driver)
                assert (await _send(driver)).received


async def _send(driver: Gb28181Driver) -> Receipt:
    async with asyncio.timeout(30.0):
        return await driver.send(message(), lambda: None)


def _fails_with(driver: Gb28181Driver, text: str) -> Callable[[], object]:
    async def failing() -> bool:
        try:
            await driver.supervise()
        except DeliveryError as error:
            return text in str(error)
        return False

    return failing
