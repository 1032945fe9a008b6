"""FFmpeg's errors as the project's own. Its text is dropped: it carries the full address."""

from __future__ import annotations

import errno

import av.error

from streams.errors import (
    ConnectionLostError,
    HungError,
    MissingFileError,
    NoFramesError,
    NotFoundError,
    RefusedError,
    SourceError,
    TruncatedFileError,
    WrongCredentialsError,
)

DAMAGED = "the recording is cut off, damaged or not a video file"
COPY_AGAIN = "copy the file again from where it was recorded"


def lost(where: str) -> ConnectionLostError:
    return ConnectionLostError(
        where, "the camera closed the connection", "check the camera's power and its network"
    )


def hung(where: str) -> HungError:
    return HungError(where, "the camera does not answer", "restart the camera; check its network")


def source_error(error: av.error.FFmpegError, where: str, *, live: bool) -> SourceError:
    """The typed error for FFmpeg's; its text is dropped because it carries the full address."""
    return _live_error(error, where) if live else _file_error(error, where)


def _live_error(error: av.error.FFmpegError, where: str) -> SourceError:
    match error:
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return WrongCredentialsError(
                where,
                "the camera refuses the user name or password",
                "correct the credentials that the site file refers to",
            )
        case av.error.HTTPNotFoundError():
            return NotFoundError(
                where, "the camera has no stream at this path", "correct the path of the address"
            )
        case av.error.ConnectionRefusedError():
            return RefusedError(
                where,
                "nothing listens at this address",
                "check that the camera is on and that the port is right",
            )
        case av.error.TimeoutError() | av.error.ExitError():
            return hung(where)
        case av.error.InvalidDataError():
            return NoFramesError(
                where, "the stream cannot be decoded", "set the camera to H.264 or H.265"
            )
        case _:
            return _other_live_error(error, where)


def _other_live_error(error: av.error.FFmpegError, where: str) -> SourceError:
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return ConnectionLostError(where, "no route to the camera", "check the network")
    if error.errno in (errno.ETIMEDOUT, errno.EAGAIN):
        return hung(where)
    return lost(where)


def _file_error(error: av.error.FFmpegError, where: str) -> SourceError:
    match error:
        case av.error.FileNotFoundError():
            return MissingFileError(
                where, "no such file", "check the path, and that its disk is on"
            )
        case av.error.PermissionError():
            return RefusedError(
                where, "the file may not be read", "give this account the right to read it"
            )
        case _:
            return TruncatedFileError(where, DAMAGED, COPY_AGAIN)


__all__ = ["COPY_AGAIN", "DAMAGED", "hung", "lost", "source_error"]
