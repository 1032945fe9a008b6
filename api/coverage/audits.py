"""Audits of the running site for the page, each made once, in a gentle process of its own.

An audit counts many draws of every camera; on the service's own threads it would hold up alarms.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable

from api.coverage.document import AuditDocument, Confirmation
from api.coverage.errors import ReportError
from config.site_folder import SiteFolder

_MODULE = "api.coverage.audit_process"
Make = Callable[[SiteFolder, str], Awaitable[AuditDocument]]
"""Audits the site of a folder by the ladder of an id."""
Finish = Callable[[AuditDocument], Awaitable[AuditDocument]]
"""Adds what only the running service knows."""
Keep = Callable[[AuditDocument], Awaitable[None]]
"""Stores a confirmed audit."""


class Audits:
    """The audits of one site folder, by ladder."""

    def __init__(self, folder: SiteFolder, finish: Finish, make: Make | None = None) -> None:
        self._folder, self._finish = folder, finish
        self._make = make or in_a_process
        self._made: dict[str, asyncio.Task[AuditDocument]] = {}
        self._confirmed: dict[str, AuditDocument] = {}
        self._signing = asyncio.Lock()

    def ask(self, ladder_id: str) -> AuditDocument | None:
        """The audit, or `None` while it is made; the first to ask sets it going.

        Raises:
            CoverageError: it could not be made; asked again, it is tried again.
        """
        if ladder_id in self._confirmed:
            return self._confirmed[ladder_id]
        task = self._made.get(ladder_id)
        if task is None:
            task = asyncio.create_task(self._whole(ladder_id), name="coverage audit")
            self._made[ladder_id] = task
        if not task.done():
            return None
        if task.exception() is not None:
            del self._made[ladder_id]
        return task.result()

    async def _whole(self, ladder_id: str) -> AuditDocument:
        return await self._finish(await self._make(self._folder, ladder_id))

    def forget(self, ladder_id: str) -> None:
        """Make it anew when it is asked for again; a confirmation is for the figures it was for."""
        self._confirmed.pop(ladder_id, None)
        task = self._made.get(ladder_id)
        if task is not None and task.done():
            del self._made[ladder_id]

    async def confirm(
        self, ladder_id: str, sha256: str, signature: Confirmation, keep: Keep
    ) -> AuditDocument | None:
        """Confirm the audit that somebody read; `None` where that is not the one that stands.

        It counts as confirmed once `keep` has stored it.

        Raises:
            CoverageError: without a name.
        """
        async with self._signing:
            task = self._made.get(ladder_id)
            if task is None or not task.done() or task.exception() is not None:
                return None
            if ladder_id in self._confirmed or task.result().sha256 != sha256:
                return None
            signed = task.result().confirmed(signature.name, signature.at)
            await keep(signed)
            if self._made.get(ladder_id) is task:
                self._confirmed[ladder_id] = signed
            return signed

    async def close(self) -> None:
        """Give up what is still being made."""
        for task in self._made.values():
            task.cancel()
        await asyncio.gather(*self._made.values(), return_exceptions=True)


async def in_a_process(folder: SiteFolder, ladder_id: str) -> AuditDocument:
    """Make an audit in a process that gives way to all others.

    Raises:
        CoverageError: the files of the site cannot be used, or the process was killed.
    """
    text = await _gently("audit", *_words(folder), ladder_id)
    return AuditDocument.model_validate_json(text)


async def pdf_of(document: AuditDocument, folder: SiteFolder) -> bytes:
    """The report of an audit, made in such a process too.

    Raises:
        CoverageError: a font, a library or a picture is missing, or the process was killed.
    """
    return await _gently("pdf", *_words(folder), given=document.model_dump_json().encode())


def _words(folder: SiteFolder) -> tuple[str, str]:
    return str(folder.directory), str(folder.read_from)


async def _gently(*words: str, given: bytes = b"") -> bytes:
    """What the process writes; it is killed when nobody waits for it any more."""
    command = (sys.executable, "-m", _MODULE, *words)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    try:
        made, said = await process.communicate(given)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        told = said.decode(errors="replace").strip()
        last = told if process.returncode == 1 else told[-300:]
        raise ReportError(last or "the process that made it was killed; ask again")
    return made


__all__ = ["Audits", "Finish", "Keep", "Make", "in_a_process", "pdf_of"]
