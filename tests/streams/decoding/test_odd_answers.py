"""What is told of a camera that answers, and not as one should. A socket stands for the camera."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from streams.decoding.av_container import open_with_av
from streams.decoding.sources import PlainUri, Timeouts
from streams.errors import (
    NoFramesError,
    NotFoundError,
    RefusedError,
    SourceError,
    WrongCredentialsError,
)

# A camera that takes both, in the order that FFmpeg reads wrongly.
SHA256 = "401 Unauthorized" + "".join(
    f'\r\nWWW-Authenticate: Digest realm="cam", nonce="1", algorithm="{algorithm}"'
    for algorithm in ("MD5", "SHA-256")
)


class HiddenUri(PlainUri):
    """Shows no credentials, as `config.CameraUri`."""

    def __str__(self) -> str:
        return "rtsp://***@camera/live"


class OddCamera:
    """Answers each request with one status line; hangs up where there is none."""

    def __init__(self, status: str) -> None:
        self._status = status
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if not self._answers(connection):
                    return

    def _answers(self, connection: socket.socket) -> bool:
        """Until the other side hangs up; whether to serve on."""
        while request := connection.recv(4096):
            if request == b"end":
                return False
            if not self._status:
                return True
            number = request.partition(b"CSeq: ")[2].partition(b"\r\n")[0].decode()
            answer = f"RTSP/1.0 {self._status}\r\nCSeq: {number}\r\n\r\n"
            connection.sendall(answer.encode())
        return True

    def close(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(b"end")
            self._thread.join()
        self._listener.close()


@pytest.fixture
def odd_camera(request: pytest.FixtureRequest) -> Iterator[OddCamera]:
    camera = OddCamera(request.param)
    yield camera
    camera.close()


@pytest.mark.parametrize(
    ("odd_camera", "kind", "says"),
    [
        ("401 Unauthorized", WrongCredentialsError, "user name or password"),
        (SHA256, WrongCredentialsError, "set the camera's RTSP authentication to digest with MD5"),
        ("403 Forbidden", WrongCredentialsError, "user name or password"),
        ("404 Not Found", NotFoundError, "no stream at this path"),
        ("400 Bad Request", RefusedError, "answers with an error"),
        ("453 Not Enough Bandwidth", RefusedError, "watched by too many"),
        ("500 Internal Server Error", RefusedError, "answers with an error"),
        ("503 Service Unavailable", RefusedError, "watched by too many"),
        ("200 OK", NoFramesError, "gives no stream that can be read"),
        ("", NoFramesError, "check the address and its port"),
    ],
    indirect=["odd_camera"],
)
def test_what_is_told_is_what_can_be_mended(
    odd_camera: OddCamera, kind: type[SourceError], says: str
) -> None:
    uri = HiddenUri(f"rtsp://guard:S3cret@127.0.0.1:{odd_camera.port}/live")
    with pytest.raises(kind, match=says) as caught:
        open_with_av(uri, Timeouts())
    assert str(caught.value).startswith("rtsp://***@camera/live: ")
    assert "S3cret" not in repr((caught.value, caught.value.__cause__))
