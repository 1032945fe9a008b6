"""What was learned of buttons, doors, devices and outputs, and whether the desk was told it.

What could not be stored counts as not learned, so that it is told again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoTurnError

from api.alarms.values import AlarmKey, AlarmType, Condition, Signal
from api.database.errors import NothingStoredError
from api.panels.judge import PRESS_REFUSED, Debounced, fault_signal, press_refused_signal
from api.panels.owed import OwedSignals
from api.unkept import Refusal
from api.work import Desk

_LOG = structlog.get_logger(__name__)

_NOT_NOW = (OperationalError, InterfaceError, InternalError, NoTurnError, NothingStoredError)
"""Locked, full, silent, gone, a standby: what it refuses now it may take later."""

_OWN_REASONS = (SQLAlchemyError, ValueError, LookupError)
"""The rest: a rule of the tables, or a stored row that this version cannot read."""

_Learned = tuple[dict[str, Debounced | None], dict[str, str | None]]


@dataclass(slots=True)
class Told:
    """Of one site's panels.

    Attributes:
        contacts: how each button and door stands, where it was read.
        faults: the fault of each device, button and output that was heard of; `None`: it works.
        owed: what the database did not take.
    """

    desk: Desk
    contacts: dict[str, Debounced] = field(default_factory=dict)
    faults: dict[str, str | None] = field(default_factory=dict)
    owed: OwedSignals = field(default_factory=OwedSignals)

    @property
    def site_id(self) -> str:
        return self.desk.board.site.id

    def of_fault(self, subject_id: str, cause: str | None) -> list[Signal]:
        """The signal of a fault, where it is news; the first word of each subject is news.

        A button that works, and of which a press is kept aside, is at fault until that is stored.
        """
        press = self.owed.press_aside(subject_id) if cause is None else None
        cause = cause if press is None else PRESS_REFUSED
        if subject_id in self.faults and self.faults[subject_id] == cause:
            return []
        self.faults[subject_id] = cause
        now = self.desk.clock.utc()
        if press is not None:
            return [press_refused_signal(press, now)]
        return [fault_signal(self.site_id, subject_id, cause, now)]

    async def tell(self, signals: Sequence[Signal]) -> None:
        """Store what is owed, then `signals`. What is refused for a reason of its own, while the
        others are stored, is kept aside, and said.

        Raises:
            SQLAlchemyError: nothing is stored at present; presses are shown, and owed.
        """
        owed = self.owed.signals(self.desk.clock.monotonic(), {one.key for one in signals})
        if not signals and not owed:
            return
        stored: list[Signal] = []
        try:
            if self.desk.unkept.store_refuses:
                raise NothingStoredError("the database takes nothing at present")
            await self._store_what_can_be((*owed, *signals), stored)
        except SQLAlchemyError:
            self._owe([one for one in signals if one not in stored])
            raise
        finally:
            self.owed.stored(stored)

    async def pay(self) -> None:
        """Store what is owed, whether or not anything is heard of its button again."""
        await self.tell(())
        for subject_id, cause in list(self.faults.items()):
            if cause == PRESS_REFUSED and self.owed.press_aside(subject_id) is None:
                await self.tell(self.of_fault(subject_id, None))

    async def _store_what_can_be(self, signals: Sequence[Signal], stored: list[Signal]) -> None:
        """All in one transaction; where that is refused, each alarm's in one of its own."""
        try:
            await self._store(signals, stored)
        except _NOT_NOW:
            raise
        except _OWN_REASONS as error:
            keys = dict.fromkeys(one.key for one in signals)
            written, refused = await self._store_each(keys, signals, stored)
            left = [one for one in signals if one.key in refused]
            written |= await self._say_refused(left)
            if not (written or all(self.owed.is_aside(key) for key in refused)):
                raise error
            # An outage may have ended meanwhile: refused for good is what is refused even now.
            _, refused = await self._store_each(refused, signals, stored)
            self._put_aside([one for one in left if one.key in refused], refused)

    async def _store_each(
        self, keys: Iterable[AlarmKey], signals: Sequence[Signal], stored: list[Signal]
    ) -> tuple[bool, dict[AlarmKey, Exception]]:
        """Each alarm in a transaction of its own: whether any wrote, and which were refused."""
        written = False
        refused: dict[AlarmKey, Exception] = {}
        for key in keys:
            try:
                written |= await self._store([one for one in signals if one.key == key], stored)
            except _NOT_NOW:
                raise
            except _OWN_REASONS as own:
                refused[key] = own
        return written, refused

    async def _store(self, signals: Sequence[Signal], stored: list[Signal]) -> bool:
        """Whether that wrote anything: what is no news passes a database that takes nothing."""
        async with self.desk.work() as work:
            for signal in signals:
                await work.signal(signal)
        stored.extend(signals)
        return bool(work.actions)

    async def _say_refused(self, signals: Sequence[Signal]) -> bool:
        """Whether a press among these was told as a fault: then all else is stored."""
        said = False
        for one in signals:
            is_press = one.key.type is AlarmType.PANIC and one.condition is Condition.ACTIVE
            if not is_press or self.faults.get(one.key.subject_id) == PRESS_REFUSED:
                continue
            try:
                said |= await self._store([press_refused_signal(one, self.desk.clock.utc())], [])
            except _NOT_NOW:
                raise
            except _OWN_REASONS:
                continue
            self.faults[one.key.subject_id] = PRESS_REFUSED
        return said

    def _put_aside(self, signals: Sequence[Signal], refused: Mapping[AlarmKey, Exception]) -> None:
        for signal in signals:
            if not self.owed.is_aside(signal.key):
                _LOG.error(
                    "panel.signal_refused",
                    alarm=signal.key.text,
                    condition=signal.condition.value,
                    at=signal.captured_at.iso(),
                    error=self._reason(refused[signal.key]),
                )
            self.owed.put_aside(signal, self.desk.clock.monotonic())

    def _reason(self, error: Exception) -> str:
        return self.desk.database.told(error) if isinstance(error, SQLAlchemyError) else str(error)

    def _owe(self, signals: Sequence[Signal]) -> None:
        """Presses that were not stored are shown, and stored later."""
        for signal in signals:
            if signal.key.type is AlarmType.PANIC:
                self.owed.refused(signal)
                self.desk.unkept.refuse(Refusal.RECORDS)
                self.desk.unkept.signal(signal)

    async def patiently(
        self,
        act: Callable[[], Awaitable[None]],
        touched: Sequence[str],
        lost: Callable[[Exception], Awaitable[None]] | None = None,
    ) -> bool:
        """Do one thing; whether it was done. Its task goes on, whatever is thrown.

        What was learned of `touched` and could not be stored counts as not learned, so that it is
        told again. What nobody foresaw makes them `lost`: a button whose task has ended would be
        neither heard nor missed.
        """
        learned = self.remembered(touched)
        try:
            await act()
        except NothingStoredError:
            # In the log already; ten polls a second would fill it.
            self.put_back(learned)
            return False
        except SQLAlchemyError as error:
            self.put_back(learned)
            refused = self.desk.database.told(error)
            _LOG.error("panel.database_refused", subjects=list(touched), error=refused)
            return False
        except Exception as error:  # noqa: BLE001  # see above: no task of a button may end
            self.put_back(learned)
            _LOG.exception("panel.failed", subjects=list(touched))
            if lost is not None:
                await self.patiently(partial(lost, error), touched)
            return False
        return True

    def remembered(self, touched: Sequence[str]) -> _Learned:
        """What is known of these, to be put back where what comes next is not stored."""
        contacts = {one: self.contacts.get(one) for one in touched}
        return contacts, {one: self.faults[one] for one in touched if one in self.faults}

    def put_back(self, learned: _Learned) -> None:
        """Nothing was learned of these since they were remembered.

        Readings towards a change are no news yet: a press is to settle also where something else
        of its module cannot be stored.
        """
        contacts, faults = learned
        for one, before in contacts.items():
            read = self.contacts.pop(one, None)
            self.faults.pop(one, None)
            known = None if before is None else before.pressed
            contact = read if read is not None and read.pressed == known else before
            if contact is not None:
                self.contacts[one] = contact
        self.faults.update(faults)


__all__ = ["Told"]
