"""Whether the console can listen where the settings say."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


@dataclass(frozen=True, slots=True)
class ListeningFault:
    """Why nobody can listen there.

    Attributes:
        absent: this machine has no such address; else somebody else listens at it.
        reason: the system's own words.
    """

    absent: bool
    reason: str


def listening_fault(host: str, port: int) -> ListeningFault | None:
    """Try to listen for a moment; `host` is an address or a name of this machine."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except UnicodeError as error:
        return ListeningFault(absent=True, reason=str(error))
    except OSError as error:
        unknown = isinstance(error, socket.gaierror) or error.errno in _ABSENT
        return ListeningFault(absent=unknown, reason=error.strerror or str(error))
    return None


__all__ = ["ListeningFault", "listening_fault"]
