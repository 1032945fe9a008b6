"""Whether an ONNX file keeps its weights in a second file.

A runtime would look for that file in the folder in which the process happens to run, and no sha256
covers it. The fields are read from the protobuf bytes themselves, by their numbers in `onnx.proto`,
since the `onnx` package is no part of the service.
"""

from __future__ import annotations

from collections.abc import Iterator

# Of each kind of message: the fields that lead on to a tensor, and what they hold.
_LEADS_ON = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION, _EXTERNAL = 13, 14, 1
_KEY, _VALUE = 1, 2
_VARINT, _EIGHT_BYTES, _LENGTH, _GROUP, _GROUP_END, _FOUR_BYTES = range(6)


def external_file(content: bytes) -> str | None:
    """Name of the second file of the first tensor that lies outside; `None` where none does.

    The name is empty where the tensor gives none. Bytes that are no ONNX file give `None`: that
    they are none is for the runtime to say.
    """
    whole = memoryview(content)
    waiting = [("model", whole)]
    try:
        while waiting:
            kind, message = waiting.pop()
            if kind == "tensor":
                name = _outside(message)
                if name is not None:
                    return name
                continue
            leads_on = _LEADS_ON[kind]
            for number, value in _fields(message):
                if number in leads_on and isinstance(value, memoryview):
                    waiting.append((leads_on[number], value))
    except ValueError:
        return None
    return None


def _outside(tensor: memoryview) -> str | None:
    outside, name = False, ""
    for number, value in _fields(tensor):
        if number == _DATA_LOCATION and isinstance(value, int):
            # An enumeration has 32 bits, whatever else the number holds.
            outside = value & 0xFFFFFFFF == _EXTERNAL
        elif number == _EXTERNAL_DATA and isinstance(value, memoryview):
            entry = {n: bytes(v) for n, v in _fields(value) if isinstance(v, memoryview)}
            if entry.get(_KEY) == b"location":
                name = entry.get(_VALUE, b"").decode("utf-8", "replace")
    return name if outside else None


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field. Raises `ValueError` for bytes that are no message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if not number:
            raise ValueError("no field has the number 0")
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if wire == _EIGHT_BYTES else 4
        elif wire == _LENGTH:
            extent, at = _varint(message, at)
            if extent > len(message) - at:
                raise ValueError("a part is longer than the whole")
            yield number, message[at : at + extent]
            at += extent
        elif wire not in (_GROUP, _GROUP_END):
            raise ValueError(f"no wire type {wire}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for i, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError("a number without an end")
