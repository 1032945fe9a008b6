"""What was learned of buttons, doors, devices and outputs, and whether the desk was told it.

What could not be stored counts as not learned, so that it is told again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.alarms.values import AlarmType, Signal
from api.database.errors import NothingStoredError
from api.panels.judge import Debounced, fault_signal
from api.panels.owed import OwedPresses
from api.unkept import Refusal
from api.work import Desk

_LOG = structlog.get_logger(__name__)

_Learned = tuple[dict[str, Debounced | None], dict[str, str | None]]


@dataclass(slots=True)
class Told:
    """Of one site's panels.

    Attributes:
        contacts: how each button and door stands, where it was read.
        faults: the fault of each device, button and output that was heard of; `None`: it works.
        owed: presses that the database did not take.
    """

    desk: Desk
    contacts: dict[str, Debounced] = field(default_factory=dict)
    faults: dict[str, str | None] = field(default_factory=dict)
    owed: OwedPresses = field(default_factory=OwedPresses)

    @property
    def site_id(self) -> str:
        return self.desk.board.site.id

    def of_fault(self, subject_id: str, cause: str | None) -> list[Signal]:
        """The signal of a fault, where it is news; the first word of each subject is news."""
        if subject_id in self.faults and self.faults[subject_id] == cause:
            return []
        self.faults[subject_id] = cause
        return [fault_signal(self.site_id, subject_id, cause, self.desk.clock.utc())]

    async def tell(self, signals: Sequence[Signal]) -> None:
        """Store what is owed, then `signals`.

        Raises:
            SQLAlchemyError: nothing of it was stored; presses are shown, and owed.
        """
        owed = self.owed.signals()
        if not signals and not owed:
            return
        unkept = self.desk.unkept
        try:
            if unkept.store_refuses:
                raise NothingStoredError("the database takes nothing at present")
            async with self.desk.work() as work:
                for signal in (*owed, *signals):
                    await work.signal(signal)
        except SQLAlchemyError:
            for signal in signals:
                if signal.key.type is AlarmType.PANIC:
                    self.owed.refused(signal)
                    unkept.refuse(Refusal.RECORDS)
                    unkept.signal(signal)
            raise
        self.owed.stored(owed)

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
        """Nothing was learned of these since they were remembered."""
        contacts, faults = learned
        for one, contact in contacts.items():
            self.contacts.pop(one, None)
            self.faults.pop(one, None)
            if contact is not None:
                self.contacts[one] = contact
        self.faults.update(faults)


__all__ = ["Told"]
