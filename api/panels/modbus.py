"""One input and output module on Modbus TCP: inputs read, outputs written and read back.

Each round also writes the watchdog register with a number that counts up. The module lets its
outputs fall back when the number stands still, so a process that dies leaves no siren on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pymodbus import ModbusException
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsResponse, ReadDiscreteInputsResponse

from api.panels.errors import LinkError
from config.networks import AddressRefusedError, NetworkRules, permitted
from config.panels import ModbusDevice, PanelInput, PanelOutput

# pymodbus writes two lines for each request without an answer, a hundred thousand a day for a
# module without power. A `LinkError` says the same, and is told once.
logging.getLogger("pymodbus").addHandler(logging.NullHandler())

_TIMEOUT_S = 0.8
_BEATS = 1 << 16
_NEIGHBOURS = 64
_MOST_BITS = 2_000


class Wire(Protocol):
    """The few requests that a module needs; `ModbusWire` is the real one."""

    async def inputs(self, first: int, count: int) -> Sequence[bool]: ...
    async def coils(self, first: int, count: int) -> Sequence[bool]: ...
    async def write_coil(self, address: int, on: bool) -> None: ...
    async def write_register(self, address: int, value: int) -> None: ...
    def close(self) -> None: ...


class ModbusWire:
    """A connection by pymodbus; every failure is a `LinkError`."""

    def __init__(self, device: ModbusDevice, rules: NetworkRules = NetworkRules()) -> None:
        self._device = device
        self._rules = rules
        self._client: AsyncModbusTcpClient | None = None

    async def inputs(self, first: int, count: int) -> Sequence[bool]:
        client = await self._connected()
        try:
            answer = await client.read_discrete_inputs(
                first, count=count, device_id=self._device.unit
            )
        except (ModbusException, ValueError) as error:
            raise self._lost(f"inputs from {first}", error) from error
        if answer.isError() or not _answers(answer, ReadDiscreteInputsResponse, count):
            raise self._lost(f"inputs from {first}", answer)
        return answer.bits[:count]

    async def coils(self, first: int, count: int) -> Sequence[bool]:
        client = await self._connected()
        try:
            answer = await client.read_coils(first, count=count, device_id=self._device.unit)
        except (ModbusException, ValueError) as error:
            raise self._lost(f"coils from {first}", error) from error
        if answer.isError() or not _answers(answer, ReadCoilsResponse, count):
            raise self._lost(f"coils from {first}", answer)
        return answer.bits[:count]

    async def write_coil(self, address: int, on: bool) -> None:
        client = await self._connected()
        try:
            answer = await client.write_coil(address, on, device_id=self._device.unit)
        except (ModbusException, ValueError) as error:
            raise self._lost(f"coil {address}", error) from error
        if answer.isError():
            raise self._lost(f"coil {address}", answer)

    async def write_register(self, address: int, value: int) -> None:
        client = await self._connected()
        try:
            answer = await client.write_register(address, value, device_id=self._device.unit)
        except (ModbusException, ValueError) as error:
            raise self._lost(f"register {address}", error) from error
        if answer.isError():
            raise self._lost(f"register {address}", answer)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is None:
            device = self._device
            try:
                host = await asyncio.to_thread(permitted, device.host, self._rules)
            except (AddressRefusedError, OSError) as error:
                raise self._lost("connecting", error) from None
            # No reconnection of its own: a lost line is told, and tried again by the next round.
            client = AsyncModbusTcpClient(
                host, port=device.port, timeout=_TIMEOUT_S, retries=0, reconnect_delay=0
            )
            self._client = client
            if not await client.connect():
                raise self._lost("connecting", "nobody answers")
        return self._client

    def _lost(self, what: str, why: object) -> LinkError:
        self.close()
        device = self._device
        return LinkError(f"{device.id} at {device.host}:{device.port}: {what}: {why}")


def _answers(answer: ModbusPDU, kind: type[ModbusPDU], count: int) -> bool:
    """Whether it is what was asked for: pymodbus looks at its number alone, and takes none for any.

    Contacts that were taken for coils would tell that a siren has followed.
    """
    return type(answer) is kind and len(answer.bits) >= count


@dataclass(frozen=True, slots=True)
class Seen:
    """What one round saw: contacts by input id, and the outputs that did not follow."""

    closed: dict[str, bool]
    stuck: frozenset[str]


@dataclass(slots=True)
class Module:
    """A module with the terminals that the site uses of it."""

    device: ModbusDevice
    inputs: Sequence[PanelInput]
    outputs: Sequence[PanelOutput]
    wire: Wire
    _beat: int = field(default=0)

    async def round(self, wanted: Collection[str]) -> Seen:
        """Beat, read the inputs, bring the outputs to what is wanted and read them back.

        Raises:
            LinkError: the module does not answer, or refuses.
        """
        if self.device.watchdog is not None:
            self._beat = (self._beat + 1) % _BEATS
            await self.wire.write_register(self.device.watchdog.register, self._beat)
        closed = {}
        if self.inputs:
            bits = await _span(self.wire.inputs, [item.address for item in self.inputs])
            closed = {item.id: bits[item.address] for item in self.inputs}
        return Seen(closed, await self._drive(wanted))

    async def make_safe(self) -> None:
        """Bring the outputs to their safe states before leaving.

        Raises:
            LinkError: the module does not answer; its watchdog will do it.
        """
        for output in self.outputs:
            await self.wire.write_coil(output.address, output.safe_on)

    async def _drive(self, wanted: Collection[str]) -> frozenset[str]:
        if not self.outputs:
            return frozenset()
        addresses = [output.address for output in self.outputs]
        target = {
            output.id: (not output.safe_on if output.id in wanted else output.safe_on)
            for output in self.outputs
        }
        before = await _span(self.wire.coils, addresses)
        changed = [one for one in self.outputs if before[one.address] != target[one.id]]
        if not changed:
            return frozenset()
        for output in changed:
            await self.wire.write_coil(output.address, target[output.id])
        after = await _span(self.wire.coils, addresses)
        return frozenset(one.id for one in changed if after[one.address] != target[one.id])


class _Reader(Protocol):
    async def __call__(self, first: int, count: int, /) -> Sequence[bool]: ...


async def _span(read: _Reader, addresses: Sequence[int]) -> dict[int, bool]:
    """The bits at `addresses`, by one request over each run of neighbours.

    A module may have no terminals in a wide gap, and refuses more than the protocol's 2,000 bits.
    """
    found = {}
    for run in _runs(sorted(addresses)):
        bits = await read(run[0], run[-1] - run[0] + 1)
        found.update({address: bool(bits[address - run[0]]) for address in run})
    return found


def _runs(addresses: Sequence[int]) -> list[list[int]]:
    runs = [[addresses[0]]]
    for address in addresses[1:]:
        near = address - runs[-1][-1] <= _NEIGHBOURS
        if near and address - runs[-1][0] < _MOST_BITS:
            runs[-1].append(address)
        else:
            runs.append([address])
    return runs
