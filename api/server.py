"""Runs an application under uvicorn so that it stops promptly although event streams never end."""

from __future__ import annotations

import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.connections import Connections, Patience
from api.service import Service

_STOP_WITHIN_S = 3


class Server(uvicorn.Server):
    """Ends the event streams when the process is told to stop; uvicorn would wait for them."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, service: Service) -> None:
        super().__init__(config)
        self._app = app
        self._service = service

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, answer until told to stop, end the application.

        Raises:
            DatabaseError: the database cannot be used. Left to start it itself, uvicorn would
                print a traceback and end the process.
        """
        with self.capture_signals():
            async with self._app.router.lifespan_context(self._app):
                await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._service.desk.broker.close()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        """Stop as if told by a signal; for a server that runs inside another program."""
        self._service.desk.broker.close()
        self.should_exit = True


def build_server(
    app: FastAPI,
    *,
    host: str = "127.0.0.1",
    port: int = 8440,
    log_level: str = "warning",
    patience: Patience = Patience(),
) -> Server:
    """A server for an application made by `create_app`; port 0 lets the system choose one.

    `await server.serve()` runs it in the present event loop, `server.run()` in one of its own.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level=log_level,
        access_log=False,
        server_header=False,
        lifespan="off",
        # One for all connections of this server; uvicorn calls it as it would call a class.
        http=Connections(patience),  # type: ignore[arg-type]
        # Let in at a time; those that are too many are closed before the next ones come.
        backlog=128,
        timeout_graceful_shutdown=_STOP_WITHIN_S,
    )
    return Server(config, app, app.state.service)
