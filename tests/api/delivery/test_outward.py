"""HTTP to the outside: refused addresses, names that change, redirects."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from api.background import THREADS, start_threads
from api.delivery.drivers import Surroundings, build_driver
from api.delivery.drivers.cap import CapFolder
from api.delivery.errors import PathError, SetupError
from api.delivery.outward import Gate, OutwardTransport
from config.delivery import (
    AnyDriverKeys,
    CapKeys,
    Dc09Keys,
    DeliveryPath,
    Gb28181Keys,
    MqttKeys,
    RobotKeys,
    WebhookKeys,
)
from config.networks import NetworkRules
from streams.clock import SystemClock
from tests.api.delivery.cases import until

OPEN = NetworkRules()
NOT_HERE = NetworkRules((ip_network("10.20.0.0/16"),), loopback=False)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """A web server on this machine; gives its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[tuple[int, list[str]]]:
    """A web server on this machine; it notes the host it was asked for, and sends elsewhere."""
    hosts: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(self.headers["Host"])
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            del args

    with serving(Answer) as port:
        yield port, hosts


async def test_the_judged_address_is_asked_under_the_name(receiver: tuple[int, list[str]]) -> None:
    port, hosts = receiver
    looked_up: list[str] = []

    def resolver(host: str) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    transport = OutwardTransport(OPEN, resolver=resolver)
    async with httpx.AsyncClient(transport=transport) as client:
        answer = await client.get(f"http://receiver.school:{port}/a")
    assert answer.status_code == 302
    assert (looked_up, hosts) == (["receiver.school"], [f"receiver.school:{port}"])


async def test_a_redirect_to_the_metadata_service_is_refused_even_if_followed(
    receiver: tuple[int, list[str]],
) -> None:
    port, _ = receiver
    transport = OutwardTransport(OPEN)
    async with httpx.AsyncClient(transport=transport, follow_redirects=True) as client:
        with pytest.raises(httpx.ConnectError, match="link-local"):
            await client.get(f"http://127.0.0.1:{port}/a")


async def test_a_cookie_of_the_receiver_is_not_sent_back() -> None:
    """httpx cannot write one with a letter beyond ASCII, and no message would leave any more."""
    asked: list[str] = []

    class Firewall(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Cookie", ""))
            self.send_response(200)
            self.send_header("Set-Cookie", "waf=\x83; Path=/")
            self.send_header("Set-Cookie", "session=1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            del args

    with serving(Firewall) as port:
        async with httpx.AsyncClient(transport=OutwardTransport(OPEN)) as client:
            for _ in range(2):
                await client.get(f"http://127.0.0.1:{port}/a")
    assert asked == ["", ""]


@pytest.mark.parametrize("found", [["127.0.0.1"], ["10.20.0.9", "127.0.0.1"], ["::1"]])
async def test_a_name_that_leads_to_this_machine_is_never_asked(
    receiver: tuple[int, list[str]], found: list[str]
) -> None:
    port, hosts = receiver
    transport = OutwardTransport(NOT_HERE, resolver=lambda host: found)
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx.ConnectError, match="this machine itself"):
            await client.get(f"http://receiver.school:{port}/a")
    assert hosts == []


@pytest.mark.parametrize("driver", ["dc09", "gb28181", "mqtt"])
async def test_no_driver_connects_where_the_site_does_not_allow(
    driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket listens here, and nobody knocks at it."""
    monkeypatch.setenv("GB_PASSWORD", "x")
    (tmp_path / "networks.yaml").write_text("networks: [10.20.0.0/16]\n", "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.0)
        port = listening.getsockname()[1]
        path = DeliveryPath("p", driver, _SETTINGS[driver](port))
        around = Surroundings(tmp_path, "school", SystemClock(), _unheard, _unheard)
        built = build_driver(path, around)
        await built.start()
        try:

            async def told() -> bool:
                with pytest.raises(PathError) as refused:
                    await built.supervise()
                return "is this machine itself" in str(refused.value)

            await until(told)
        finally:
            await built.stop()
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize("driver", ["dc09", "gb28181", "mqtt", "webhook", "robot"])
def test_rules_that_cannot_be_read_are_a_fault_of_the_path_and_a_copy_of_them_mends_it(
    driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the whole sender would end, and with it the paths that need no network."""
    monkeypatch.setenv("GB_PASSWORD", "x")
    monkeypatch.setenv("HOOK_SECRET", "whsec_" + "MDEy" * 8)
    monkeypatch.setenv("ROBOT_URL", "http://127.0.0.1/key")
    (tmp_path / "networks.yaml").write_text("networks: 10.20.0.0/16\n", "utf-8")
    path = DeliveryPath("p", driver, _SETTINGS[driver](1))
    around = Surroundings(tmp_path, "school", SystemClock(), _unheard, _unheard)
    with pytest.raises(SetupError, match=r"networks\.yaml"):
        build_driver(path, around)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "networks.yaml").write_text("networks: [10.20.0.0/16]\n", "utf-8")
    assert build_driver(path, replace(around, networks_dir=copy)) is not None


def test_a_folder_for_cap_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "networks.yaml").write_text("networks: 10.20.0.0/16\n", "utf-8")
    path = DeliveryPath("p", "cap", CapKeys(folder="cap", sender="x@y"))
    around = Surroundings(tmp_path, "school", SystemClock(), _unheard, _unheard)
    assert isinstance(build_driver(path, around), CapFolder)


def _unheard(_name: str, _detail: str) -> None:
    """Nobody is told."""


_SETTINGS: dict[str, Callable[[int], AnyDriverKeys]] = {
    "dc09": lambda port: Dc09Keys(host="127.0.0.1", port=port, account="1A2B"),
    "mqtt": lambda port: MqttKeys(
        host="127.0.0.1", port=port, tls=False, client_id="c", topic="t", ack_topic="t/ack"
    ),
    "gb28181": lambda port: Gb28181Keys(
        server="127.0.0.1",
        port=port,
        transport="tcp",
        server_id="3" * 20,
        domain="3402000000",
        device_id="4" * 20,
        password="env:GB_PASSWORD",
    ),
    "webhook": lambda port: WebhookKeys(url=f"http://127.0.0.1:{port}/a", secret="env:HOOK_SECRET"),
    "robot": lambda port: RobotKeys(kind="wecom", url="env:ROBOT_URL"),
}


async def test_a_dead_name_server_holds_up_no_machine_that_is_written_by_address() -> None:
    """Each waiting message took a thread for itself, until none was left for anybody."""
    answers = threading.Event()
    asked: list[str] = []

    def resolver(host: str) -> list[str]:
        if host == "room.school":
            asked.append(host)
            answers.wait(60.0)
        return ["127.0.0.1"]

    start_threads()
    gate = Gate(Path(), resolver)
    waiting = [asyncio.create_task(gate.address("room.school")) for _ in range(2 * THREADS)]
    try:
        await until(lambda: asked)
        # Whoever gives up ends nothing for the others.
        waiting.pop().cancel()
        assert await gate.address("127.0.0.1") == "127.0.0.1"
        assert not answers.is_set()
        assert asked == ["room.school"]
    finally:
        answers.set()
    assert set(await asyncio.gather(*waiting)) == {"127.0.0.1"}
    assert await gate.address("room.school") == "127.0.0.1"
    assert asked == ["room.school", "room.school"]
