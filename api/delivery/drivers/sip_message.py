"""SIP messages (RFC 3261) as bytes and back. Pure; only what registration and MESSAGE need."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from api.delivery.peer_words import whole_number

MOST_BYTES = 65_536
_MOST_HEADERS = 100
_LENGTH_DIGITS = 9
_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
}
_STATUS = re.compile(r"^SIP/2\.0 ([1-6][0-9]{2}) ?(.*)$")
_REQUEST = re.compile(r"^([A-Z]{1,32}) (\S{1,512}) SIP/2\.0$")
_BRANCH = re.compile(r";\s*branch=([^;,\s]+)", re.IGNORECASE)


class SipSyntaxError(ValueError):
    """Bytes that are no SIP message."""


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A request (`method` and `uri`) or an answer (`status` and `reason`).

    Attributes:
        headers: lower-case long name and value, in order.
    """

    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""

    def header(self, name: str) -> str:
        """The first header of that name; empty when there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def branch(self) -> str:
        """Branch of the topmost Via, which names the transaction."""
        found = _BRANCH.search(self.header("via"))
        return found[1] if found else ""

    @property
    def cseq_method(self) -> str:
        return self.header("cseq").rpartition(" ")[2].upper()

    def encode(self) -> bytes:
        """The bytes, with a Content-Length that fits."""
        first = (
            f"{self.method} {self.uri} SIP/2.0"
            if self.method
            else f"SIP/2.0 {self.status} {self.reason}"
        )
        lines = [first]
        lines += [
            f"{_shown(key)}: {value}" for key, value in self.headers if key != "content-length"
        ]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join((*lines, "", "")).encode() + self.body


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request of the peer is answered with, beside what every answer carries."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def granted_s(answer: SipMessage, contact: str, asked_s: int) -> int:
    """For how many seconds a registrar's 200 holds: `expires` of our contact, else `Expires`.

    Never more than was asked, which also counts where nothing readable or no time at all is named.
    """
    until_expires = r">?[^,]{0,200}?;\s*expires\s*=\s*\"?([0-9]+)"
    of_contact = re.compile(re.escape(contact) + until_expires, re.IGNORECASE)
    found = [one for one in map(of_contact.search, answer.all("contact")) if one]
    told = whole_number(found[0][1] if found else answer.header("expires"), _LENGTH_DIGITS)
    return min(told, asked_s) if told else asked_s


def least_asked_s(answer: SipMessage) -> int:
    """The shortest registration that a registrar takes, of its 423 (RFC 3261, 10.3); 0 where it
    names none."""
    return whole_number(answer.header("min-expires"), _LENGTH_DIGITS) or 0


def answer_to(request: SipMessage, reply: Reply, tag: str) -> SipMessage:
    """An answer that carries the request's own Via, From, To, Call-ID and CSeq."""
    headers: list[tuple[str, str]] = [("via", value) for value in request.all("via")]
    to = request.header("to")
    headers += [
        ("from", request.header("from")),
        ("to", to if ";tag=" in to else f"{to};tag={tag}"),
        ("call-id", request.header("call-id")),
        ("cseq", request.header("cseq")),
    ]
    headers += reply.headers
    return SipMessage(tuple(headers), reply.body, status=reply.status, reason=reply.reason)


def parse(data: bytes) -> SipMessage:
    """One whole message.

    Raises:
        SipSyntaxError: not SIP, too large, or the body is shorter than it says.
    """
    if len(data) > MOST_BYTES:
        raise SipSyntaxError("too large")
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise SipSyntaxError("no end of headers")
    lines = _unfolded(head)
    headers = tuple(_header(line) for line in lines[1:])
    message = _first_line(lines[0], headers)
    told = message.header("content-length")
    if told:
        length = whole_number(told, _LENGTH_DIGITS)
        if length is None or length > len(body):
            raise SipSyntaxError("Content-Length does not fit")
        body = body[:length]
    return SipMessage(headers, body, message.method, message.uri, message.status, message.reason)


def _unfolded(head: bytes) -> list[str]:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    lines = re.sub(r"\r\n[ \t]+", " ", text).split("\r\n")
    if len(lines) > _MOST_HEADERS:
        raise SipSyntaxError("too many headers")
    return lines


def _header(line: str) -> tuple[str, str]:
    name, separator, value = line.partition(":")
    if not separator or not name.strip():
        raise SipSyntaxError("a line that is no header")
    key = name.strip().lower()
    return _COMPACT.get(key, key), value.strip()


def _first_line(line: str, headers: tuple[tuple[str, str], ...]) -> SipMessage:
    status = _STATUS.match(line)
    if status:
        return SipMessage(headers, status=int(status[1]), reason=status[2])
    request = _REQUEST.match(line)
    if request:
        return SipMessage(headers, method=request[1], uri=request[2])
    raise SipSyntaxError("neither request nor answer")


def _shown(key: str) -> str:
    special = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate"}
    special["x-gb-ver"] = "X-GB-Ver"
    return special.get(key) or "-".join(part.capitalize() for part in key.split("-"))


@dataclass(slots=True)
class StreamSplitter:
    """Cuts the bytes of a TCP connection into messages by their Content-Length."""

    _buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[SipMessage]:
        """The messages that are whole now.

        Raises:
            SipSyntaxError: the connection speaks something else; close it.
        """
        self._buffer += data
        found: list[SipMessage] = []
        while True:
            # Empty lines between messages are signs of life.
            while self._buffer[:2] == b"\r\n":
                del self._buffer[:2]
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > MOST_BYTES:
                    raise SipSyntaxError("too large")
                return found
            length = _length(bytes(self._buffer[:end]))
            whole = end + 4 + length
            if whole > MOST_BYTES:
                raise SipSyntaxError("too large")
            if len(self._buffer) < whole:
                return found
            found.append(parse(bytes(self._buffer[:whole])))
            del self._buffer[:whole]


def _length(head: bytes) -> int:
    for line in _unfolded(head)[1:]:
        key, value = _header(line)
        if key == "content-length":
            length = whole_number(value, _LENGTH_DIGITS)
            if length is None:
                raise SipSyntaxError("Content-Length is no number")
            return length
    return 0
