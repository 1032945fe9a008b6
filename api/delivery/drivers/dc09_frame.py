"""Frames of SIA DC-09: build what we send, read what a receiver answers. Pure.

    <LF> CRC(4 hex) 0LLL "ID"seq[Rrcvr]Lpref#acct[data]_HH:MM:SS,MM-DD-YYYY <CR>

The CRC is CRC-16/ARC over everything from the first quotation mark to before <CR>. With a key, the
part after `[` is AES-CBC (zero initial vector) in hexadecimal, filled up with random characters
before a `|`.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_FILLING = string.ascii_letters + string.digits
_BLOCK = 16
_TIME = "%H:%M:%S,%m-%d-%Y"
_ANSWER = re.compile(
    rb"\n(?P<crc>[0-9A-Fa-f]{4})(?P<length>0[0-9A-Fa-f]{3})"
    rb'(?P<body>"(?P<secret>\*?)(?P<kind>ACK|NAK|DUH|RSP)"(?P<seq>[0-9]{4})[^\[]*'
    rb"\[(?P<rest>[^\r]*))\r"
)


@dataclass(frozen=True, slots=True)
class Line:
    """Who we are at the receiver.

    Attributes:
        account, prefix: hexadecimal; `receiver`: hexadecimal or empty.
        key: AES key of 16, 24 or 32 bytes; empty for clear text.
    """

    account: str
    prefix: str = "0"
    receiver: str = ""
    key: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said.

    Attributes:
        kind: ACK, NAK (clock or key wrong) or DUH (cannot process).
        time: the receiver's clock, where it gives one.
        sealed: it was written with our key.
    """

    kind: str
    sequence: int
    time: datetime | None
    sealed: bool = False


def crc16_arc(data: bytes) -> int:
    """CRC-16/ARC: polynomial 0xA001 reflected, start 0. `b"123456789"` gives 0xBB3D."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc


def build_frame(line: Line, kind: str, sequence: int, data: str, now: datetime) -> bytes:
    """A frame with a timestamp.

    Args:
        kind: `ADM-CID` or `NULL`.
        sequence: 1 to 9999.
        data: what stands between the brackets, ASCII without brackets.
        now: aware; it is written in UTC.
    """
    stamp = now.astimezone(UTC).strftime(_TIME)
    receiver = f"R{line.receiver}" if line.receiver else ""
    head = f"{sequence:04d}{receiver}L{line.prefix}#{line.account}["
    if line.key:
        clear = f"|{data}]_{stamp}"
        filling = _BLOCK - len(clear) % _BLOCK
        pad = "".join(secrets.choice(_FILLING) for _ in range(filling))
        body = f'"*{kind}"{head}{_encrypted(line.key, (pad + clear).encode("ascii"))}'
    else:
        body = f'"{kind}"{head}{data}]_{stamp}'
    raw = body.encode("ascii")
    return b"\n%04X%04X%s\r" % (crc16_arc(raw), len(raw), raw)


def read_answer(raw: bytes, key: bytes = b"") -> Answer | None:
    """The answer in `raw`; `None` when it is damaged or no answer.

    With a key only a receiver that has it can acknowledge: in clear, or where nothing that it
    writes there can be read, an ACK may be anybody's. Refusals come in clear, for they may be about
    the key; so such a one says nothing of the message itself.
    """
    found = _ANSWER.search(raw)
    if found is None:
        return None
    body = found["body"]
    if int(found["length"], 16) != len(body) or int(found["crc"], 16) != crc16_arc(body):
        return None
    rest = found["rest"]
    if found["secret"]:
        decrypted = _decrypted(key, rest)
        if decrypted is None:
            return None
        rest = decrypted
    stamp = re.search(rb"_(\d\d:\d\d:\d\d,\d\d-\d\d-\d{4})", rest)
    sealed = bool(found["secret"] and stamp)
    if found["kind"] == b"ACK" and key and not sealed:
        return None
    time = _time(stamp[1]) if stamp else None
    return Answer(found["kind"].decode(), int(found["seq"]), time, sealed)


def _time(text: bytes) -> datetime | None:
    try:
        return datetime.strptime(text.decode(), _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


# AES-CBC with a zero vector is what DC-09 prescribes; the random filling stands in for the vector.
def _cipher(key: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(key), modes.CBC(bytes(_BLOCK)))


def _encrypted(key: bytes, clear: bytes) -> str:
    encryptor = _cipher(key).encryptor()
    return (encryptor.update(clear) + encryptor.finalize()).hex().upper()


def _decrypted(key: bytes, text: bytes) -> bytes | None:
    if not key:
        return None
    try:
        decryptor = _cipher(key).decryptor()
        return decryptor.update(bytes.fromhex(text.decode("ascii"))) + decryptor.finalize()
    except ValueError:
        return None
