"""What runs again and again beside the desk: a refusal is told, and does not fill the log."""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import suppress

import structlog

from api.evidence.service import _repeat


async def test_a_full_disk_is_logged_once_though_every_second_run_has_nothing_to_write() -> None:
    runs = 0

    async def job() -> None:
        nonlocal runs
        runs += 1
        if runs == 20:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if runs % 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if runs > 20:
            raise asyncio.CancelledError

    with structlog.testing.capture_logs() as logs, suppress(asyncio.CancelledError):
        await _repeat("clips", job, 0.0)
    said = [entry["reason"] for entry in logs]
    assert [reason.rpartition("] ")[2] for reason in said] == [
        "No space left on device",
        "Input/output error",
        "No space left on device",
    ]
