"""When a camera is given up that sends nothing, or nothing that can be decoded."""

from __future__ import annotations

from streams.decoding.av_errors import hung
from streams.errors import NoFramesError
from vision.instants import Monotonic

# A read that took as much of its time limit was ended by it.
NEAR_TIMEOUT = 0.9
# Packets in a row that do not decode before the source is given up: ten seconds at 25 a second.
_CORRUPT_LIMIT = 250
# Decoding begins with a key picture. Ten seconds between two are common, with the savings of some
# cameras twice as many; a stream that is renewed strip by strip may have none at all.
_NO_KEY_S = 30.0


class Patience:
    """For how long a camera may send no video.

    Attributes:
        begun: it has sent some.
    """

    def __init__(self, where: str, *, read_s: float, first_s: float, opened: Monotonic) -> None:
        self._where = where
        self._read_s = read_s
        self._first_s = max(first_s, read_s)
        self._until = opened.plus(self._first_s)
        self.begun = False

    @property
    def limit_s(self) -> float:
        """For one wait."""
        return self._read_s if self.begun else self._first_s

    def goes_on(self, took_s: float, now: Monotonic) -> bool:
        """Whether to read again after a read has failed that took so long: where it failed for its
        time limit alone, and the camera may wait longer for its first picture.

        Raises:
            HungError: it failed for its time limit, and it is enough. FFmpeg names that as a fault
                of the connection where the camera goes on sending its reports.
        """
        if took_s < NEAR_TIMEOUT * self._read_s:
            return False
        if self.begun or now >= self._until:
            raise hung(self._where) from None
        return True


class Undecodable:
    """Packets that give no picture.

    Attributes:
        corrupt: packets so far that could not be decoded.
    """

    def __init__(self, where: str, *, live: bool) -> None:
        self._where = where
        # Before a camera's first key picture none gives one, however many there are: time counts.
        self._waits_for_key = live
        self._since: Monotonic | None = None
        self._in_a_row = 0
        self.corrupt = 0

    def shown(self) -> None:
        """A picture came."""
        self._in_a_row = 0
        self._waits_for_key = False

    def nothing(self, now: Monotonic, *, corrupt: bool) -> None:
        """A packet gave no picture. Raises `NoFramesError` where it is enough."""
        self.corrupt += int(corrupt)
        self._in_a_row += int(corrupt)
        if self._waits_for_key:
            self._since = self._since or now
            if now - self._since >= _NO_KEY_S:
                raise NoFramesError(
                    self._where,
                    f"in {_NO_KEY_S:.0f} s of video there was no key picture to begin with",
                    "set the camera's key picture (I-frame) interval to 1 or 2 s, and switch off "
                    "its smart codec (H.264+, H.265+) and intra refresh",
                ) from None
        elif self._in_a_row >= _CORRUPT_LIMIT:
            raise NoFramesError(
                self._where,
                f"{self._in_a_row} packets in a row could not be decoded",
                "check the network for loss and set the camera to H.264 or H.265",
            ) from None


__all__ = ["NEAR_TIMEOUT", "Patience", "Undecodable"]
