"""Follows `delivery.yaml` of a site: who changes it, by hand or on the page, needs no restart.

The settings in force are kept beside the database as well. A file that is broken while nobody
restarts anything changes nothing; with the copy it changes nothing at the next start either, when
the power comes back and nobody is there to mend it. A file that is gone is as broken: only a file
that says `targets: []` ends delivery, never one that was renamed by mistake.
"""

from __future__ import annotations

import asyncio
from codecs import BOM_UTF8
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from config.delivery import (
    DELIVERY_FILE,
    DeliveryFileError,
    DeliveryPlan,
    load_delivery,
    parse_delivery,
)
from config.delivery.edit import DeliveryDocument
from config.errors import FileProblem
from config.whole_files import replace_whole

_LOG = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
IN_FORCE_FILE = "delivery-in-force.yaml"

_GONE = FileProblem(
    DELIVERY_FILE,
    0,
    "",
    "the file is gone while targets are in force",
    "put it back, or write one with `targets: []` to end delivery",
)

_Stamp = tuple[int, int, int] | None


@dataclass(slots=True)
class PlanFile:
    """The file of one site folder, as it was last seen.

    Attributes:
        directory: the site folder.
        plan: the settings in force.
        kept: where a copy of them lies; `None` where none is kept.
        fault: why the file as it stands now cannot be used; `plan` is then the one before it.
    """

    directory: Path
    plan: DeliveryPlan
    kept: Path | None = None
    fault: DeliveryFileError | None = None
    _seen: _Stamp = None

    @classmethod
    def of(cls, plan: DeliveryPlan) -> PlanFile:
        """Settings that were read already; only what changes from now on is seen."""
        return cls(plan.directory, plan, _seen=_stamp(plan.directory))

    @classmethod
    def opened(cls, directory: Path, run_dir: Path) -> PlanFile:
        """The settings at a start: of the file, else those last in force, else no targets.

        Never raises for what the file holds: the wall and its alarms matter more than where else
        they go, and `fault` becomes an alarm of its own.
        """
        found = cls(directory, DeliveryPlan(directory=directory), run_dir / IN_FORCE_FILE)
        before = found._kept_plan()
        if before is not None:
            found.plan = before
        if found._look() is None:
            _LOG.error(
                "delivery.started_with_settings_before",
                targets=len(found.plan.targets),
                kept=before is not None,
            )
        return found

    @property
    def knows_nobody(self) -> bool:
        """A file that cannot be used and no settings before it: no alarm leaves the school."""
        return self.fault is not None and not self.plan.targets

    def judged(self, document: DeliveryDocument) -> DeliveryPlan:
        """What the file says as it stands.

        Raises:
            DeliveryFileError: it cannot be used, or it is gone and with it the targets in force.
        """
        if not document.is_there and self.plan.targets:
            raise DeliveryFileError([_GONE])
        return document.plan()

    def news(self) -> DeliveryPlan | None:
        """The plan where the file changed since the last look and can be used."""
        return None if _stamp(self.directory) == self._seen else self._look()

    async def follow(self, take: Callable[[DeliveryPlan], None]) -> None:
        """Hand every new plan to `take` until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            plan = await asyncio.to_thread(self.news)
            if plan is not None:
                _LOG.info("delivery.settings_changed", targets=len(plan.targets))
                take(plan)

    def _look(self) -> DeliveryPlan | None:
        """Read the file and put it in force, or note its fault."""
        self._seen = _stamp(self.directory)
        try:
            document = _document(self.directory)
            plan = self.judged(document)
        except DeliveryFileError as error:
            self.fault = error
            _LOG.error("delivery.settings_refused", reason=str(error))
            return None
        self.plan, self.fault = plan, None
        self._keep(document.content)
        return plan

    def _keep(self, content: bytes) -> None:
        if self.kept is None:
            return
        copy = self._mark() + content.removeprefix(BOM_UTF8)
        try:
            if not self.kept.exists() or self.kept.read_bytes() != copy:
                replace_whole(self.kept, copy)
        except OSError as error:
            _LOG.warning("delivery.settings_not_kept", reason=error.strerror)

    def _kept_plan(self) -> DeliveryPlan | None:
        """The settings last in force. Another site's, or an older program's, may not hold here."""
        if self.kept is None:
            return None
        try:
            copy = self.kept.read_bytes()
            if not copy.startswith(self._mark()):
                return None
            return parse_delivery(copy, directory=self.directory)
        except (OSError, DeliveryFileError):
            return None

    def _mark(self) -> bytes:
        """First line of the copy: whose settings they are. A run folder may serve two sites."""
        return f"# {self.directory.resolve()}\n".encode()


def _document(directory: Path) -> DeliveryDocument:
    """Raises `DeliveryFileError` for a file that cannot be read."""
    try:
        return DeliveryDocument.read(directory)
    except OSError:
        # Tells the reason as every check of the site does.
        load_delivery(directory)
        return DeliveryDocument.read(directory)


def _stamp(directory: Path) -> _Stamp:
    """Tells one state of the file from the next; `None` where there is no file."""
    try:
        found = (directory / DELIVERY_FILE).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
