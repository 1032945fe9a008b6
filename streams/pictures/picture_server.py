"""Live pictures for the API over a Unix domain socket of this machine.

    GET /cameras/{id}/latest.jpg   200 image/jpeg with X-Captured-At; 404 unknown camera;
                                   503 no picture yet
    GET /status                    200 application/json: states and counts of this worker

One request is served at a time, without keep-alive: the only client is the API, and a picture takes
some ten milliseconds. A client that stalls is cut off.
"""

from __future__ import annotations

import json
import socket
import socketserver
import stat
import sys
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import structlog

from streams.errors import PictureServerError
from streams.pictures.latest import LatestPictures, UnknownCameraError

_log = structlog.get_logger(__name__)

_CLIENT_TIMEOUT_S = 2.0
# The kernel's limit for the path of a Unix socket, less its closing zero.
LONGEST_PATH_BYTES = 107
_POLL_S = 0.1


class PictureServer:
    """Serves until closed; a context manager."""

    def __init__(
        self,
        path: Path,
        latest: LatestPictures,
        status: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        """Bind the socket, which only this account may open.

        Raises:
            PictureServerError: when the path is too long or cannot be used.
        """
        if len(str(path).encode()) > LONGEST_PATH_BYTES:
            raise PictureServerError(
                f"{path}: longer than {LONGEST_PATH_BYTES} bytes, which no Unix socket can be "
                "(mend: choose a run folder with a shorter path)"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_old_socket(path)
            self._server = _Server(str(path), latest, status)
            path.chmod(0o600)
        except OSError as error:
            raise PictureServerError(
                f"{path}: cannot be opened: {error.strerror} (mend: check the folder's rights)"
            ) from error
        self._path = path
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": _POLL_S},
            name="pictures",
            daemon=True,
        )

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Server(socketserver.UnixStreamServer):
    request_queue_size = 16

    def __init__(
        self,
        path: str,
        latest: LatestPictures,
        status: Callable[[], Mapping[str, object]],
    ) -> None:
        self.latest = latest
        self.status = status
        super().__init__(path, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  # base
        """Log a fault of ours; a client that hangs up in the middle is none."""
        if not isinstance(sys.exception(), OSError):
            _log.exception("a picture could not be served")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    timeout = _CLIENT_TIMEOUT_S
    server: _Server
    connection: socket.socket

    def do_GET(self) -> None:
        match urlsplit(self.path).path.split("/"):
            case ["", "cameras", camera_id, "latest.jpg"]:
                self._picture(unquote(camera_id))
            case ["", "status"]:
                body = json.dumps(self.server.status(), ensure_ascii=False).encode()
                self._answer(HTTPStatus.OK, "application/json", body)
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "no such page")

    def _picture(self, camera_id: str) -> None:
        try:
            jpeg = self.server.latest.jpeg(camera_id)
        except UnknownCameraError:
            self._refuse(HTTPStatus.NOT_FOUND, "no such camera in this worker")
            return
        if jpeg is None:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "no picture yet")
            return
        self._answer(
            HTTPStatus.OK, "image/jpeg", jpeg.data, {"X-Captured-At": jpeg.captured_at.iso()}
        )

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        self._answer(status, "text/plain; charset=utf-8", text.encode())

    def _answer(
        self,
        status: HTTPStatus,
        content_type: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "local"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base names it
        """Say nothing: the API logs who looked at what."""


def _remove_old_socket(path: Path) -> None:
    """Remove what a killed worker left; never anything but a socket."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise PictureServerError(f"{path}: is there and is no socket (mend: move it away)")
    path.unlink()


__all__ = ["PictureServer"]
