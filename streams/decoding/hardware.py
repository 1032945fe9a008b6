"""Hardware decoding where FFmpeg's build and the machine have it; otherwise software, and never in
silence.

Whether a kind works is tried once, at the worker's start, by making its device. PyAV's own wheels
bring CUDA and Quick Sync; VAAPI asks for a build over the system's FFmpeg.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import av.error
import structlog
from av.codec import Codec
from av.codec.hwaccel import HWAccel, hwdevices_available

_log = structlog.get_logger(__name__)

HardwareKind = Literal["cuda", "vaapi", "qsv"]
HardwareChoice = Literal["off", "auto", "cuda", "vaapi", "qsv"]
# In the order in which they are tried.
KINDS: tuple[HardwareKind, ...] = ("cuda", "vaapi", "qsv")
_REFUSALS = (av.error.FFmpegError, RuntimeError, NotImplementedError, ValueError)


def make_device(kind: HardwareKind) -> None:
    """Make the device of this kind and let it go.

    Raises:
        FFmpegError, RuntimeError, NotImplementedError, ValueError: it cannot be made.
    """
    HWAccel(device_type=kind, allow_software_fallback=False).create(Codec("h264", "r"))


def refusal_of(
    kind: HardwareKind, make: Callable[[HardwareKind], None] = make_device
) -> str | None:
    """Why this kind cannot decode here now; `None` when it can."""
    try:
        make(kind)
    except _REFUSALS as error:
        return str(error) or type(error).__name__
    return None


def usable_hardware(
    wanted: HardwareChoice,
    *,
    built: Callable[[], list[str]] = hwdevices_available,
    make: Callable[[HardwareKind], None] = make_device,
) -> HardwareKind | None:
    """The kind that decodes from now on; `None` for software. What was decided is logged.

    Args:
        wanted: `auto` takes the first that works, a named one only itself.
        built: the kinds in FFmpeg's build.
        make: makes a device, or raises.
    """
    if wanted == "off":
        return None
    tried: dict[str, str] = {}
    for kind in KINDS if wanted == "auto" else (wanted,):
        if kind not in built():
            tried[kind] = "not in this build of FFmpeg"
            continue
        if (reason := refusal_of(kind, make)) is not None:
            tried[kind] = reason
            continue
        _log.info("pictures are decoded by hardware", kind=kind)
        return kind
    say = _log.info if wanted == "auto" else _log.warning
    say("pictures are decoded in software: no hardware decoder works here", tried=tried)
    return None


def accelerator(kind: HardwareKind) -> HWAccel:
    """For one stream; a codec that the hardware does not know is decoded in software."""
    return HWAccel(device_type=kind, allow_software_fallback=True)


__all__ = [
    "KINDS",
    "HardwareChoice",
    "HardwareKind",
    "accelerator",
    "make_device",
    "refusal_of",
    "usable_hardware",
]
