"""A cable between a browser and the service, on which single streams fall silent and stay open."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 65_536


@dataclass(slots=True)
class SilentCable:
    """Carries bytes to `port` of this machine; `url` is where the browser goes."""

    port: int
    url: str = ""
    streams: int = 0
    _silent: set[int] = field(default_factory=set)
    _open: list[socket.socket] = field(default_factory=list)

    def silence(self) -> None:
        """Nothing comes any more over the event streams that are open now; nothing ends them."""
        self._silent.update(range(1, self.streams + 1))

    @contextmanager
    def laid(self) -> Iterator[None]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.url = f"http://127.0.0.1:{server.getsockname()[1]}"
            threading.Thread(target=self._accept, args=(server,), daemon=True).start()
            try:
                yield
            finally:
                for one in self._open:
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
                    one.close()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection(("127.0.0.1", self.port))
                self._open += [near, far]
                number: list[int] = []
                for work in ((near, far, number, True), (far, near, number, False)):
                    threading.Thread(target=self._carry, args=work, daemon=True).start()

    def _carry(
        self, here: socket.socket, there: socket.socket, number: list[int], to_service: bool
    ) -> None:
        with suppress(OSError):
            while data := here.recv(_CHUNK):
                if to_service and b"/events " in data:
                    self.streams += 1
                    number[:] = [self.streams]
                if not (number and number[0] in self._silent):
                    there.sendall(data)
            there.shutdown(socket.SHUT_WR)
