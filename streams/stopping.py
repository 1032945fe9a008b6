"""How a process of ours is asked to end, by a signal that its main thread sees, and how it ends."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import NoReturn


def stop_on_signals(stop: threading.Event) -> None:
    """Set `stop` on SIGTERM and SIGINT; call it in the main thread."""

    def handle(number: int, frame: object) -> None:
        del number, frame
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def leave(exit_code: int) -> NoReturn:
    """End the process, also where a thread is still held by a decoder or a network.

    The interpreter would end such a thread in the middle of C++ code, which aborts the process
    (SIGABRT or SIGSEGV): a plain stop would look like a crash. What has to be kept is closed by
    then; so the process ends without taking anything apart.
    """
    if threading.active_count() == 1:
        sys.exit(exit_code)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


__all__ = ["leave", "stop_on_signals"]
