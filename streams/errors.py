"""The errors of `streams`.

StreamError
├── SourceError                   a camera or recording that gives no pictures; carries a cause
│   ├── ConnectionLostError       connection_lost
│   ├── HungError                 hung
│   ├── NoFramesError             no_frames
│   ├── WrongCredentialsError     wrong_credentials
│   ├── NotFoundError             not_found
│   ├── RefusedError              refused
│   ├── NoVideoError              no_video
│   ├── MissingFileError          missing_file
│   ├── TruncatedFileError        truncated_file
│   ├── ResolutionChangedError    resolution_changed
│   └── EndOfStreamError          end_of_stream
├── SpoolError                    the local spool cannot be opened or read
├── PictureServerError            the socket for live pictures cannot be opened
├── UploadError                   the API did not take a batch; it is sent again
├── PlacementError                cameras that cannot be divided among workers
└── SupervisorError               a process that cannot be started
"""

from __future__ import annotations

from typing import ClassVar


class StreamError(Exception):
    """Base of every error that `streams` raises on purpose."""


class SourceError(StreamError):
    """A source gives no pictures.

    Attributes:
        where: the source as it may be shown: never with a password.
        what: what is wrong.
        mend: what a person can do about it.
        cause: catalogue key, as in `streams.records.CameraStateRecord.cause`.
        retry_floor_s: shortest sensible wait before the next attempt.
    """

    cause: ClassVar[str] = "connection_lost"
    retry_floor_s: ClassVar[float] = 0.0

    def __init__(self, where: str, what: str, mend: str) -> None:
        super().__init__(f"{where}: {what} (mend: {mend})")
        self.where = where
        self.what = what
        self.mend = mend


class ConnectionLostError(SourceError):
    """The camera or the network closed the connection."""

    cause = "connection_lost"


class HungError(SourceError):
    """The connection stands but the camera no longer answers."""

    cause = "hung"


class NoFramesError(SourceError):
    """Data arrive but no picture can be decoded from them."""

    cause = "no_frames"


class WrongCredentialsError(SourceError):
    """The camera refuses the user name or password.

    The floor is long because many cameras lock an account after a few wrong attempts.
    """

    cause = "wrong_credentials"
    retry_floor_s = 60.0


class NotFoundError(SourceError):
    """The camera has no stream under this path."""

    cause = "not_found"
    retry_floor_s = 5.0


class RefusedError(SourceError):
    """Nobody listens at the address, or reading is not allowed."""

    cause = "refused"


class NoVideoError(SourceError):
    """The source carries no video stream."""

    cause = "no_video"
    retry_floor_s = 5.0


class MissingFileError(SourceError):
    """The recording does not exist."""

    cause = "missing_file"
    retry_floor_s = 5.0


class TruncatedFileError(SourceError):
    """The recording is cut off, damaged or not a video file."""

    cause = "truncated_file"
    retry_floor_s = 5.0


class ResolutionChangedError(SourceError):
    """The picture has another shape than the calibrated one, so that no pixel means its place."""

    cause = "resolution_changed"
    retry_floor_s = 5.0


class EndOfStreamError(SourceError):
    """A recording was played to its end."""

    cause = "end_of_stream"


class SpoolError(StreamError):
    """The local spool cannot be opened or read; the text names its file."""


class PictureServerError(StreamError):
    """The socket for live pictures cannot be opened; the text names it."""


class UploadError(StreamError):
    """The API did not take a batch.

    Attributes:
        poisoned: the API refused the batch itself, so that sending it again cannot help.
        heard: the API has read the batch, and could not store it.
    """

    def __init__(self, text: str, *, poisoned: bool = False, heard: bool = False) -> None:
        super().__init__(text)
        self.poisoned = poisoned
        self.heard = heard


class PlacementError(StreamError):
    """Cameras that cannot be divided among workers as asked."""


class WorkerError(StreamError):
    """The worker cannot go on and must be started anew; the text says why."""


class SupervisorError(StreamError):
    """A process that cannot be started; the text names it and its program."""


__all__ = [
    "ConnectionLostError",
    "EndOfStreamError",
    "HungError",
    "MissingFileError",
    "NoFramesError",
    "NoVideoError",
    "NotFoundError",
    "PictureServerError",
    "PlacementError",
    "RefusedError",
    "ResolutionChangedError",
    "SourceError",
    "SpoolError",
    "StreamError",
    "SupervisorError",
    "TruncatedFileError",
    "UploadError",
    "WorkerError",
    "WrongCredentialsError",
]
