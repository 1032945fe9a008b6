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


def nameless(where: str) -> ConnectionLostError:
    return ConnectionLostError(
        where,
        "the camera's name is not known in this network",
        "check the name server, or give the camera's IP address",
    )


def no_stream(where: str) -> NoFramesError:
    """What FFmpeg calls invalid data before there is a stream: an answer that is none, or a
    connection that is closed instead of one."""
    return NoFramesError(
        where,
        "what answers at this address gives no stream that can be read",
        "check the address and its port, and set the camera to H.264 or H.265",
    )


def source_error(error: av.error.FFmpegError, where: str, *, live: bool) -> SourceError:
    """The typed error for FFmpeg's; its text is dropped because it carries the full address."""
    return _live_error(error, where) if live else _file_error(error, where)


def _live_error(error: av.error.FFmpegError, where: str) -> SourceError:
    match error:
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return WrongCredentialsError(
                where,
                "the camera refuses the user name or password",
                # FFmpeg answers MD5 alone, and of two offers the last.
                "correct the credentials that the site file refers to; if they are right, set "
                "the camera's RTSP authentication to digest with MD5 alone, not SHA-256",
            )
        case av.error.HTTPNotFoundError():
            return NotFoundError(
                where, "the camera has no stream at this path", "correct the path of the address"
            )
        case (
            av.error.HTTPServerError()
            | av.error.HTTPOtherClientError()
            | av.error.HTTPBadRequestError()
        ):
            # 453 or 503 where more watch it than it allows, for the most part.
            return RefusedError(
                where,
                "the camera answers with an error, as one that is watched by too many",
                "close other connections to it, or let it allow more; restart it",
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


__all__ = ["COPY_AGAIN", "DAMAGED", "hung", "lost", "nameless", "no_stream", "source_error"]
