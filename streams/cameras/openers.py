"""Which opener plays which kind of address."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from config.camera_uri import CameraUri
from config.errors import ConfigError
from streams.cameras.loop import CameraSpec
from streams.decoding.av_container import open_quickly
from streams.decoding.av_errors import nameless
from streams.decoding.hardware import HardwareKind
from streams.decoding.sources import Container, Opener, SourceUri, Timeouts
from streams.decoding.virtual_source import TimedPicture, made_opener
from streams.errors import NotFoundError, RefusedError
from vision.errors import VisionError

if TYPE_CHECKING:
    from streams.virtual.film import Film, Shot

# The virtual campus steps 25 times a second; it is drawn no oftener than it is analysed.
_CAMPUS_FPS = (25.0, 12.5, 5.0, 2.5, 1.0)
_BODY_PX = 144


def opener_for(spec: CameraSpec) -> Opener:
    """PyAV for cameras and recordings, the virtual campus for `virtual:` addresses."""
    if spec.uri.scheme != "virtual":
        return open_permitted

    campus = Campus(spec)
    return made_opener(campus.pictures)


def openers_with(hardware: HardwareKind | None) -> Callable[[CameraSpec], Opener]:
    """As `opener_for`, with cameras and recordings decoded by hardware where it is named."""

    def opener(spec: CameraSpec) -> Opener:
        usual = opener_for(spec)
        if hardware is None or usual is not open_permitted:
            return usual
        return partial(open_permitted, hardware=hardware)

    return opener


def open_permitted(
    uri: SourceUri, timeouts: Timeouts, hardware: HardwareKind | None = None
) -> Container:
    """Open a camera whose address the site allows, or a recording.

    FFmpeg looks the name up once more by itself: a camera should be named by its address. Where a
    camera sends it elsewhere, it follows to live streams only, never to files or web pages.
    """
    if isinstance(uri, CameraUri):
        try:
            uri.check_address()
        except ConfigError as error:
            mend = "correct the address, or allow its network in networks.yaml and restart"
            raise RefusedError(str(uri), str(error), mend) from None
        except OSError:
            # FFmpeg would only say that its input failed.
            raise nameless(str(uri)) from None
    return open_quickly(uri, timeouts, hardware)


class Campus:
    """The virtual campus before one camera.

    The empty place is drawn at the first opening and kept: a story that begins anew goes on at
    once, however slow the machine is.
    """

    def __init__(self, spec: CameraSpec) -> None:
        self._spec = spec
        self._film: Film | None = None

    def pictures(self, uri: SourceUri) -> Iterator[TimedPicture]:
        """Pictures of `virtual:SCENARIO?seed=1&light=day&camera=ID&start_s=0`, one by one.

        Raises:
            NotFoundError: for a scenario or camera that does not exist, or when the extra `sim`
                is not installed.
        """
        # Drawing and simulation load only where the campus is played.
        from streams.virtual.film import Film
        from streams.virtual.simulate import SimulationMissingError

        try:
            shot = _shot(uri, self._spec)
            if self._film is None:
                self._film = Film(shot)
            for frame in self._film.frames():
                yield frame.t_s - shot.start_s, frame.image_bgr
        except SimulationMissingError as error:
            raise NotFoundError(
                str(uri), "the virtual campus is not installed", "pip install 'xiaoan[sim]'"
            ) from error
        except (VisionError, ValueError) as error:
            raise NotFoundError(
                str(uri), str(error), "name a scenario, camera and light of the virtual campus"
            ) from error


def _shot(uri: SourceUri, spec: CameraSpec) -> Shot:
    from streams.virtual.film import Shot
    from streams.virtual.render import Light
    from streams.virtual.scenarios import scenario_named

    name, options = _parts(uri)
    return Shot(
        scenario_named(name),
        camera_id=options.get("camera", spec.id),
        seed=int(options.get("seed", "1")),
        light=Light(options["light"]) if "light" in options else None,
        fps=_campus_fps(spec.analysed_fps),
        camera=spec.view,
        # The empty place is drawn before the first picture, and new people as they come: quickly
        # rather than finely, since a slow machine has to watch them too.
        oversample=1,
        body_px=_BODY_PX,
        start_s=float(options.get("start_s", "0")),
    )


def _parts(uri: SourceUri) -> tuple[str, Mapping[str, str]]:
    name, _, query = uri.reveal().removeprefix("virtual:").partition("?")
    return name, dict(parse_qsl(query))


def _campus_fps(analysed_fps: float) -> float:
    """The slowest rate of the campus that is at least `analysed_fps`."""
    return min((fps for fps in _CAMPUS_FPS if fps >= analysed_fps), default=_CAMPUS_FPS[0])


__all__ = ["Campus", "opener_for", "openers_with"]
