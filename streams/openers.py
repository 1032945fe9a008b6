"""Which opener plays which kind of address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl

from config.camera_uri import CameraUri
from config.errors import ConfigError
from streams.av_container import open_quickly
from streams.camera_loop import CameraSpec
from streams.errors import NotFoundError, RefusedError
from streams.sources import Container, Opener, SourceUri, Timeouts
from streams.virtual_source import TimedPicture, made_opener
from vision.errors import VisionError

# The virtual campus steps 25 times a second; it is drawn no oftener than it is analysed.
_CAMPUS_FPS = (25.0, 12.5, 5.0, 2.5, 1.0)


def opener_for(spec: CameraSpec) -> Opener:
    """PyAV for cameras and recordings, the virtual campus for `virtual:` addresses."""
    if spec.uri.scheme != "virtual":
        return open_permitted

    def film(uri: SourceUri) -> Iterator[TimedPicture]:
        return campus_pictures(uri, spec)

    return made_opener(film)


def open_permitted(uri: SourceUri, timeouts: Timeouts) -> Container:
    """Open a camera whose address the site allows, or a recording.

    FFmpeg looks the name up once more by itself: a camera should be named by its address. Where a
    camera sends it elsewhere, it follows to live streams only, never to files or web pages.
    """
    if isinstance(uri, CameraUri):
        try:
            uri.check_address()
        except ConfigError as error:
            mend = "correct the address, or allow its network in networks.yaml of the site"
            raise RefusedError(str(uri), str(error), mend) from None
        except OSError:
            # The opener tells an unknown name better.
            return open_quickly(uri, timeouts)
    return open_quickly(uri, timeouts)


def campus_pictures(uri: SourceUri, spec: CameraSpec) -> Iterator[TimedPicture]:
    """Pictures of `virtual:SCENARIO?seed=1&light=day&camera=ID&start_s=0`, drawn one by one.

    Raises:
        NotFoundError: for a scenario or camera that does not exist, or when the extra `sim` is
            not installed.
    """
    # Drawing and simulation load only where the campus is played.
    from streams.virtual.film import Shot, virtual_frames
    from streams.virtual.render import Light
    from streams.virtual.scenarios import scenario_named
    from streams.virtual.simulate import SimulationMissingError

    name, options = _parts(uri)
    try:
        shot = Shot(
            scenario_named(name),
            camera_id=options.get("camera", spec.id),
            seed=int(options.get("seed", "1")),
            light=Light(options["light"]) if "light" in options else None,
            fps=_campus_fps(spec.analysed_fps),
            camera=spec.view,
            # The empty place is drawn once before the first picture: quickly rather than finely.
            oversample=1,
            start_s=float(options.get("start_s", "0")),
        )
        for frame in virtual_frames(shot):
            yield frame.t_s - shot.start_s, frame.image_bgr
    except SimulationMissingError as error:
        raise NotFoundError(
            str(uri), "the virtual campus is not installed", "pip install 'xiaoan[sim]'"
        ) from error
    except (VisionError, ValueError) as error:
        raise NotFoundError(
            str(uri), str(error), "name a scenario, camera and light of the virtual campus"
        ) from error


def _parts(uri: SourceUri) -> tuple[str, Mapping[str, str]]:
    name, _, query = uri.reveal().removeprefix("virtual:").partition("?")
    return name, dict(parse_qsl(query))


def _campus_fps(analysed_fps: float) -> float:
    """The slowest rate of the campus that is at least `analysed_fps`."""
    return min((fps for fps in _CAMPUS_FPS if fps >= analysed_fps), default=_CAMPUS_FPS[0])


__all__ = ["campus_pictures", "opener_for"]
