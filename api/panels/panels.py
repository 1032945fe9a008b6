"""Runs the panels of a site: one task a module, one an ONVIF device, those of the outputs.

A module that stays silent for `FAULT_AFTER_S` raises a fault alarm of its own; the state of its
buttons is then unknown, never "not pressed", and that of its doors unknown, never open or shut.
What needs a secret that cannot be had is at fault from the start, alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import httpx
import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.alarms.values import Signal
from api.delivery.outward import OutwardTransport
from api.panels.errors import LinkError
from api.panels.judge import (
    LOCKED,
    LOST,
    SILENT,
    STUCK,
    WRONG_CLOCK,
    Debounced,
    door_state,
    is_pressed,
    panic_signal,
)
from api.panels.modbus import ModbusWire, Module, Seen, Wire
from api.panels.onvif import OnvifLink
from api.panels.onvif_soap import InputState
from api.panels.outputs import Outputs
from api.panels.signed import SignedCall, TakenCalls
from api.panels.told import Told
from api.work import Desk
from config.panels import ModbusDevice, OnvifDevice, PanelInput, PanelPlan
from vision.instants import Monotonic
from vision.risk.doors import DoorState

_LOG = structlog.get_logger(__name__)

FAULT_AFTER_S = 2.0
"""Engineering judgement: three or four lost polls are a blip, two seconds are a fault."""

UNHEARD_AFTER_S = 15.0
"""A device tells the state of every input at the beginning of a subscription."""

_AGAIN_S = 0.2
_LOOK_EVERY_S = 1.0
_HEAR_EVERY_S = 0.5
_ANEW_S = 5.0


@dataclass(slots=True)
class Panels:
    """Buttons and outputs of one site.

    Attributes:
        wire_of: opens the connection of a module; a fake in tests.
    """

    plan: PanelPlan
    desk: Desk
    wire_of: Callable[[ModbusDevice], Wire] | None = None
    told: Told = field(init=False)
    outputs: Outputs = field(init=False)
    _last_good: dict[str, Monotonic] = field(default_factory=dict)
    _last_call: dict[str, Monotonic] = field(default_factory=dict)
    _subscribed: dict[str, Monotonic] = field(default_factory=dict)
    _taken: TakenCalls = field(default_factory=TakenCalls)

    def __post_init__(self) -> None:
        self.told = Told(self.desk)
        self.outputs = Outputs(self.plan, self.told)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run until the block ends; outputs are brought to their safe states then."""
        modules = [self._module(device) for device in self.plan.devices]
        started = self.desk.clock.monotonic()
        ids = [one.id for one in self.plan.devices] + [one.id for one in self.plan.onvif]
        self._last_good.update(dict.fromkeys(ids, started))
        self._last_call.update({source.id: started for source in self.plan.inputs})
        async with AsyncExitStack() as stack:
            transport = OutwardTransport(self.plan.networks)
            client = await stack.enter_async_context(
                httpx.AsyncClient(trust_env=False, transport=transport)
            )
            tasks = [asyncio.create_task(self._poll(module)) for module in modules]
            heard = [one for one in self.plan.onvif if one.id not in self.plan.locked]
            tasks += [asyncio.create_task(self._listen(device)) for device in heard]
            if self.plan.locked:
                tasks.append(asyncio.create_task(self._stay_locked()))
            tasks += [asyncio.create_task(one) for one in self.outputs.tasks(client)]
            if any(one.expect_every_s for one in self.plan.inputs):
                tasks.append(asyncio.create_task(self._hear_silence()))
            if self.plan.inputs:
                tasks.append(asyncio.create_task(self._pay()))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                for module in modules:
                    with suppress(LinkError):
                        await module.make_safe()
                    module.wire.close()

    async def round(self, module: Module) -> None:
        """One reading of a module, and what it means for alarms."""
        try:
            seen = await module.round(self.outputs.wanted)
        except LinkError as error:
            await self._silent(module.device.id, module.inputs, error)
            return
        self._last_good[module.device.id] = self.desk.clock.monotonic()
        signals = self._of_contacts(module, seen)
        for working in (module.device.id, *(one.id for one in module.inputs)):
            signals += self.told.of_fault(working, None)
        for output in module.outputs:
            signals += self.told.of_fault(output.id, STUCK if output.id in seen.stuck else None)
        await self.told.tell(signals)

    async def called(self, input_id: str, call: SignedCall, *, pressed: bool | None) -> None:
        """A button over HTTP: pressed, let go, or (`None`) only a sign of life.

        A call that comes again, because its answer was lost, changes nothing. Where the button's
        clock is wrong its press is believed all the same, but nothing that would end an alarm.

        Raises:
            KeyError: there is no such button.
        """
        source = self.plan.input(input_id)
        if source is None or not source.secret:
            raise KeyError(input_id)
        if self._taken.holds(input_id, call.id, self.desk.clock.monotonic()):
            return
        self._last_call[input_id] = self.desk.clock.monotonic()
        told = self.told.remembered((input_id,))
        signals = self.told.of_fault(input_id, None if call.clock_right else WRONG_CLOCK)
        if pressed is not None and (pressed or call.clock_right):
            now = self.desk.clock.utc()
            signals.append(panic_signal(self.told.site_id, source, pressed, now))
        try:
            await self.told.tell(signals)
        except SQLAlchemyError:
            self.told.put_back(told)
            raise
        self._taken.keep(input_id, call.id, self.desk.clock.monotonic())

    async def watch_silence(self) -> None:
        """Buttons over HTTP that were not heard of in time are faulty."""
        now = self.desk.clock.monotonic()
        for source in self.plan.inputs:
            if source.expect_every_s is None or source.id in self.plan.locked:
                continue
            heard = self._last_call.setdefault(source.id, now)
            if now - heard > source.expect_every_s:
                await self.told.tell(self.told.of_fault(source.id, SILENT))

    async def tell_locked(self) -> None:
        """What needs a secret that cannot be had does not work."""
        signals = []
        for subject_id, problem in self.plan.locked.items():
            news = self.told.of_fault(subject_id, LOCKED)
            if news:
                _LOG.error("panel.locked", subject=subject_id, reason=str(problem))
                signals += news + self._unknown(self.plan.inputs_of(subject_id))
        await self.told.tell(signals)

    def faults(self) -> Mapping[str, str | None]:
        """The fault of each device, button and output that was heard of; `None`: it works."""
        return dict(self.told.faults)

    def doors(self) -> Mapping[str, DoorState]:
        """How every door with a contact stands."""
        return {
            source.door_id: door_state(self.told.contacts.get(source.id))
            for source in self.plan.inputs
            if source.door_id is not None
        }

    def _module(self, device: ModbusDevice) -> Module:
        inputs, outputs = self.plan.inputs_of(device.id), self.plan.outputs_of(device.id)
        wire = self.wire_of(device) if self.wire_of else ModbusWire(device, self.plan.networks)
        return Module(device, inputs, outputs, wire)

    def _of_contacts(self, module: Module, seen: Seen) -> list[Signal]:
        now = self.desk.clock.utc()
        signals = []
        for source in module.inputs:
            before = self.told.contacts.get(source.id, Debounced())
            pressed = is_pressed(source, seen.closed[source.id])
            after = before.take(pressed, source.samples)
            self.told.contacts[source.id] = after
            news = after.pressed is not None and after.pressed != before.pressed
            # A press that could not be stored counts as not learned: only here it is let go.
            news |= (
                after.pressed is False
                and after.count >= source.samples
                and self.told.owed.is_held(source.id)
            )
            if news and source.door_id is None and after.pressed is not None:
                signals.append(panic_signal(self.told.site_id, source, after.pressed, now))
        return signals

    async def _silent(self, device_id: str, inputs: Sequence[PanelInput], error: Exception) -> None:
        now = self.desk.clock.monotonic()
        last = self._last_good.setdefault(device_id, now)
        if now - last < FAULT_AFTER_S or self.told.faults.get(device_id) == LOST:
            return
        _LOG.warning("panel.lost", device=device_id, reason=str(error))
        await self.told.tell(self.told.of_fault(device_id, LOST) + self._unknown(inputs))

    def _unknown(self, inputs: Sequence[PanelInput]) -> list[Signal]:
        """Nobody knows how these stand; a door's contact alarms nobody."""
        for source in inputs:
            self.told.contacts.pop(source.id, None)
        at = self.desk.clock.utc()
        buttons = (source for source in inputs if source.door_id is None)
        return [panic_signal(self.told.site_id, source, None, at) for source in buttons]

    async def _listen(self, device: OnvifDevice) -> None:
        inputs = self.plan.inputs_of(device.id)
        touched = (device.id, *(one.id for one in inputs))

        async def take(states: Sequence[InputState]) -> None:
            # The device tells it once: it is told here until the database has it.
            while not await self.told.patiently(partial(self.heard, device, states), touched):
                await asyncio.sleep(_AGAIN_S)

        async def lost(error: Exception) -> None:
            await self.told.patiently(partial(self._silent, device.id, inputs, error), touched)

        while True:
            link = OnvifLink(device, self.desk.clock, self.plan.networks)
            await self.told.patiently(partial(link.run, take, lost), (device.id,), lost)
            await asyncio.sleep(_ANEW_S)

    async def heard(self, device: OnvifDevice, states: Sequence[InputState]) -> None:
        """What an ONVIF device said of its inputs; nothing new is a sign of life.

        An input that the device never speaks of is faulty: a wrong token would never alarm.
        """
        now = self.desk.clock.monotonic()
        if self.told.faults.get(device.id, LOST) is not None:
            self._subscribed[device.id] = now
        self._last_good[device.id] = now
        signals = self.told.of_fault(device.id, None)
        for source in self.plan.inputs_of(device.id):
            for state in states:
                if state.token == source.token:
                    signals += self._of_input(source, state)
            unheard = source.id not in self.told.contacts
            late = now - self._subscribed[device.id] > UNHEARD_AFTER_S
            if not unheard or late:
                signals += self.told.of_fault(source.id, SILENT if unheard else None)
        await self.told.tell(signals)

    def _of_input(self, source: PanelInput, state: InputState) -> list[Signal]:
        pressed = is_pressed(source, state.active)
        before = self.told.contacts.get(source.id)
        self.told.contacts[source.id] = Debounced(pressed)
        if source.door_id is not None or (before is not None and before.pressed == pressed):
            return []
        return [panic_signal(self.told.site_id, source, pressed, self.desk.clock.utc())]

    async def _poll(self, module: Module) -> None:
        device = module.device
        inputs = tuple(one.id for one in module.inputs)
        touched = (device.id, *inputs, *(one.id for one in module.outputs))
        lost = partial(self._silent, device.id, module.inputs)
        while True:
            await self.told.patiently(partial(self.round, module), touched, lost)
            await asyncio.sleep(device.poll_s)

    async def _pay(self) -> None:
        """Store presses that are owed once the database takes them, whether or not a button is
        heard of again."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await self.told.patiently(self.told.pay, ())

    async def _stay_locked(self) -> None:
        inputs = (one.id for locked in self.plan.locked for one in self.plan.inputs_of(locked))
        touched = (*self.plan.locked, *inputs)
        while True:
            await self.told.patiently(self.tell_locked, touched)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _hear_silence(self) -> None:
        touched = tuple(one.id for one in self.plan.inputs if one.expect_every_s is not None)
        while True:
            await self.told.patiently(self.watch_silence, touched)
            await asyncio.sleep(_HEAR_EVERY_S)
