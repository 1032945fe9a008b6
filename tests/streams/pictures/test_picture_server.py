import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from streams.clock import SimulatedClock
from streams.errors import PictureServerError
from streams.pictures.latest import LatestPictures
from streams.pictures.picture_server import PictureServer
from tests.streams.fakes import NOON, frame
from vision.observations import HeadPoints


@pytest.fixture
def pictures() -> LatestPictures:
    return LatestPictures({"cam-a": (), "cam b": ()}, SimulatedClock(NOON))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sockets" / "w1.sock"


@pytest.fixture
def client(path: Path, pictures: LatestPictures) -> Iterator[httpx.Client]:
    with (
        PictureServer(path, pictures, lambda: {"worker_id": "w1"}),
        httpx.Client(
            transport=httpx.HTTPTransport(uds=str(path)), base_url="http://worker"
        ) as client,
    ):
        yield client


def test_a_picture_with_its_capture_time(client: httpx.Client, pictures: LatestPictures) -> None:
    pictures.put(frame("cam b", NOON), HeadPoints.none(), ())
    answer = client.get("/cameras/cam%20b/latest.jpg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-captured-at"] == NOON.iso()
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("path_asked", "status"),
    [
        ("/cameras/cam-a/latest.jpg", 503),
        ("/cameras/other/latest.jpg", 404),
        ("/cameras/..%2F..%2Fetc%2Fpasswd/latest.jpg", 404),
        ("/etc/passwd", 404),
        ("/", 404),
    ],
)
def test_what_it_does_not_have(client: httpx.Client, path_asked: str, status: int) -> None:
    assert client.get(path_asked).status_code == status


def test_the_worker_s_state(client: httpx.Client) -> None:
    assert client.get("/status").json() == {"worker_id": "w1"}


def test_only_reading_is_offered(client: httpx.Client) -> None:
    assert client.post("/cameras/cam-a/latest.jpg").status_code == 501


def test_a_client_that_says_nothing_or_leaves_does_not_end_the_server(
    client: httpx.Client, path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        silent.sendall(b"GET /cameras")
    assert client.get("/status").status_code == 200


def test_only_this_account_may_open_the_socket(client: httpx.Client, path: Path) -> None:
    assert client.get("/status").status_code == 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_socket_left_by_a_killed_worker_is_replaced_and_removed_at_the_end(
    path: Path, pictures: LatestPictures
) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with PictureServer(path, pictures):
        assert path.is_socket()
    assert not path.exists()


def test_a_file_in_the_way_is_not_removed(path: Path, pictures: LatestPictures) -> None:
    path.parent.mkdir()
    path.write_text("mine")
    with pytest.raises(PictureServerError, match="is no socket"):
        PictureServer(path, pictures)
    assert path.read_text() == "mine"


def test_a_path_that_no_socket_can_have_is_refused(
    tmp_path: Path, pictures: LatestPictures
) -> None:
    with pytest.raises(PictureServerError, match=r"longer than 107 bytes.*mend"):
        PictureServer(tmp_path / ("x" * 120), pictures)


def test_a_fault_while_drawing_is_answered_to_nobody_and_the_server_goes_on(
    path: Path, pictures: LatestPictures
) -> None:
    calls: list[int] = []

    def status() -> dict[str, object]:
        calls.append(1)
        if len(calls) == 1:
            raise ArithmeticError("a fault")
        return {"array": np.float64(1.0).item()}

    with (
        PictureServer(path, pictures, status),
        httpx.Client(
            transport=httpx.HTTPTransport(uds=str(path)), base_url="http://worker"
        ) as client,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/status")
        assert client.get("/status").json() == {"array": 1.0}
