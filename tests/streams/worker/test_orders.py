"""Orders of people, fetched once each in order of their numbers."""

import json
from pathlib import Path

import httpx
import pytest

from streams.clock import SimulatedClock
from streams.worker.orders import Order, OrderKind, OrderPoll
from tests.streams.fakes import NOON


class Service:
    """Answers with the orders after the asked number, or as told."""

    def __init__(self) -> None:
        self.orders = [
            {"number": 3, "camera_id": "cam", "kind": "resume", "name": "张"},
            {"number": 7, "camera_id": "cam", "kind": "relearn"},
        ]
        self.answer: httpx.Response | Exception | None = None
        self.asked: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        after = int(request.url.params["after"])
        self.asked.append(after)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer
        due = [order for order in self.orders if int(str(order["number"])) > after]
        return httpx.Response(200, content=json.dumps({"orders": due}))


def poll_of(service: Service, folder: Path, taken: list[Order]) -> OrderPoll:
    client = httpx.Client(transport=httpx.MockTransport(service), base_url="http://api")
    return OrderPoll(client, SimulatedClock(NOON), folder / "w.orders", taken.append)


def test_each_order_is_taken_once_also_by_the_next_worker(tmp_path: Path) -> None:
    service, taken = Service(), list[Order]()
    poll = poll_of(service, tmp_path, taken)
    assert poll.ask() == 2
    assert poll.ask() == 0
    assert [(order.number, order.kind) for order in taken] == [
        (3, OrderKind.RESUME),
        (7, OrderKind.RELEARN),
    ]
    assert poll_of(service, tmp_path, taken).ask() == 0
    assert service.asked == [0, 7, 7]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("away"),
        httpx.Response(503),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json={"orders": [{"number": -1}]}),
    ],
)
def test_a_service_that_cannot_answer_changes_nothing(
    tmp_path: Path, answer: httpx.Response | Exception
) -> None:
    service, taken = Service(), list[Order]()
    service.answer = answer
    poll = poll_of(service, tmp_path, taken)
    assert poll.ask() == 0
    service.answer = None
    assert poll.ask() == 2
    assert len(taken) == 2
