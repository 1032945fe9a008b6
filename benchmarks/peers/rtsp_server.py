"""A small RTSP server of test pictures, for the system's Python (it needs gst-rtsp-server).

    /usr/bin/python3 rtsp_server.py [--port 0] [--size 640x360] [--fps 25]

Prints `port N` when it listens. Mounts:

    /live     H.264 test picture that moves sideways
    /still    H.264 test picture that stands, with a patch of noise: as a camera on a wall
    /audio    sound only
    /both     H.264 and sound
    /secret   H.264, user `guard`, password `right`
    /resize   H.264 that changes from 4:3 to 16:9 after two seconds
    /rescale  H.264 that changes from 640x360 to 320x180 after two seconds

Debian packages: gstreamer1.0-rtsp gir1.2-gst-rtsp-server-1.0 python3-gi
gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly gstreamer1.0-x.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  # the versions come first

PICTURE = (
    "( videotestsrc is-live=true pattern={pattern} horizontal-speed={speed} ! capsfilter name=caps"
    " caps=video/x-raw,width={width},height={height},framerate={fps}/1"
    # As on a real camera: without it, a picture after a restart equals one before, bit for bit.
    ' ! clockoverlay time-format="%H:%M:%S" font-desc="Sans Bold 40"'
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={fps} threads=1"
    " ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
SOUND = "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay{number} pt=8"


def picture(
    width: int, height: int, fps: int, pattern: str = "smpte", speed: int = 2
) -> GstRtspServer.RTSPMediaFactory:
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        PICTURE.format(width=width, height=height, fps=fps, pattern=pattern, speed=speed)
    )
    return factory


def resizing(
    first: tuple[int, int], then: tuple[int, int], fps: int
) -> GstRtspServer.RTSPMediaFactory:
    factory = picture(*first, fps)

    def configure(_factory: object, media: GstRtspServer.RTSPMedia) -> None:
        caps = media.get_element().get_by_name_recurse_up("caps")

        def change() -> bool:
            text = f"video/x-raw,width={then[0]},height={then[1]},framerate={fps}/1"
            caps.set_property("caps", Gst.Caps.from_string(text))
            return False

        GLib.timeout_add(2000, change)

    factory.connect("media-configure", configure)
    return factory


def guarded(factory: GstRtspServer.RTSPMediaFactory) -> GstRtspServer.RTSPMediaFactory:
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("anonymous", "media.factory.access", True)
    permissions.add_permission_for_role("anonymous", "media.factory.construct", False)
    permissions.add_permission_for_role("guard", "media.factory.access", True)
    permissions.add_permission_for_role("guard", "media.factory.construct", True)
    factory.set_permissions(permissions)
    return factory


def authenticator() -> GstRtspServer.RTSPAuth:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "guard")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("guard", "right"), token)
    anonymous = GstRtspServer.RTSPToken()
    anonymous.set_string("media.factory.role", "anonymous")
    auth.set_default_token(anonymous)
    return auth


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--fps", type=int, default=25)
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(arguments.port))
    server.set_auth(authenticator())
    mounts = server.get_mount_points()
    fps = arguments.fps
    factories = {
        "/live": picture(width, height, fps),
        "/still": picture(width, height, fps, speed=0),
        "/audio": GstRtspServer.RTSPMediaFactory(),
        "/both": GstRtspServer.RTSPMediaFactory(),
        "/secret": guarded(picture(width, height, fps)),
        "/resize": resizing((480, 360), (640, 360), fps),
        "/rescale": resizing((640, 360), (320, 180), fps),
    }
    shown = PICTURE.format(width=width, height=height, fps=fps, pattern="smpte", speed=2)
    factories["/audio"].set_launch(f"( {SOUND.format(number=0)} )")
    factories["/both"].set_launch(f"{shown[:-1]}{SOUND.format(number=1)} )")
    for path, factory in factories.items():
        if path != "/secret":
            permissions = GstRtspServer.RTSPPermissions()
            for role in ("anonymous", "guard"):
                permissions.add_permission_for_role(role, "media.factory.access", True)
                permissions.add_permission_for_role(role, "media.factory.construct", True)
            factory.set_permissions(permissions)
        factory.set_shared(path in ("/live", "/still"))
        mounts.add_factory(path, factory)
    if server.attach(None) == 0:
        sys.stderr.write(f"cannot listen on port {arguments.port}\n")
        return 1
    sys.stdout.write(f"port {server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
