"""When a camera is given up that sends nothing, or nothing that can be decoded."""

from __future__ import annotations

import threading
from itertools import islice

import pytest

from streams.decoding import giving_up
from streams.decoding.av_container import open_with_av
from streams.decoding.giving_up import Patience, Undecodable
from streams.decoding.sources import PlainUri, Timeouts
from streams.errors import ConnectionLostError, HungError, NoFramesError, SourceError
from tests.streams.scripted_camera import (
    Film,
    ScriptedCamera,
    Sender,
    film,
    live,
    parameter_sets_of,
)
from vision.instants import Monotonic

WHERE = "rtsp://camera/live"
SHORT = Timeouts(socket_s=0.6, open_s=0.6, read_s=0.6, first_s=1.8)
GREY = 57.0


def at(seconds: float) -> Monotonic:
    return Monotonic(round(seconds * 1e9))


@pytest.fixture(scope="module", params=["h264", "hevc"])
def camera_film(request: pytest.FixtureRequest) -> Film:
    """A key picture every ten seconds."""
    options = {
        "h264": {"g": "100", "bf": "0", "sc_threshold": "0"},
        "hevc": {"x265-params": "keyint=100:min-keyint=100:bframes=0:scenecut=0:open-gop=0"},
    }
    return film(120, codec=request.param, options=options[request.param])


def first_of(camera: ScriptedCamera, timeouts: Timeouts = SHORT) -> float:
    """Mean grey of the first picture."""
    container = open_with_av(PlainUri(camera.url()), timeouts)
    try:
        (picture,) = islice(container.pictures(), 1)
        return float(picture.bgr(picture.size_px).mean())
    finally:
        container.close()


def refusal_of(camera: ScriptedCamera, timeouts: Timeouts = SHORT) -> SourceError:
    with pytest.raises(SourceError) as caught:
        first_of(camera, timeouts)
    return caught.value


@pytest.mark.parametrize("reports", [False, True])
def test_a_camera_that_begins_with_its_next_key_picture_is_waited_for(
    camera_film: Film, reports: bool
) -> None:
    """It is silent for longer than an opening and a read may take."""
    script = live(camera_film, before_s=1.6, reports=reports)
    with ScriptedCamera([script], camera_film.codec) as camera:
        assert first_of(camera) == pytest.approx(GREY, abs=2.0)
    assert len(camera.played) == 1


@pytest.mark.parametrize("reports", [False, True])
def test_a_camera_that_answers_everything_and_sends_nothing_is_hung(reports: bool) -> None:
    nothing = Film("h264", 10, ())
    with ScriptedCamera([live(nothing, before_s=60.0, reports=reports)]) as camera:
        error = refusal_of(camera)
    assert isinstance(error, HungError)


def test_a_camera_that_hangs_up_while_it_is_waited_for_is_lost(camera_film: Film) -> None:
    def hangs_up(to: Sender, ended: threading.Event) -> None:
        ended.wait(1.0)
        to.hang_up()

    with ScriptedCamera([hangs_up], camera_film.codec, parameter_sets_of(camera_film)) as camera:
        error = refusal_of(camera)
    assert isinstance(error, ConnectionLostError)


def test_a_stream_joined_between_two_key_pictures_is_seen_from_the_next_on(
    camera_film: Film,
) -> None:
    """Nothing of before it is shown: no grey ghost in which nobody stands."""
    with ScriptedCamera([live(camera_film, begin=90)], camera_film.codec) as camera:
        assert first_of(camera) == pytest.approx(GREY, abs=2.0)


def test_many_pictures_before_the_first_key_picture_are_no_reason_to_give_up() -> None:
    """Thirty a second and a key picture every ten seconds; the parameter sets come with it."""
    slow = film(301, fps=30, options={"g": "300", "bf": "0", "sc_threshold": "0"})

    def quickly(to: Sender, ended: threading.Event) -> None:
        for coded in slow.pictures[1:]:
            to.picture(coded, coded.number * 3000)
            # Past the opening, which looks for parameter sets too.
            ended.wait(0.7 if coded.number == 30 else 0.0)
        ended.wait()

    with ScriptedCamera([quickly]) as camera:
        container = open_with_av(PlainUri(camera.url()), SHORT)
        (picture,) = islice(container.pictures(), 1)
        container.close()
    assert container.corrupt == 299
    assert picture.bgr((64, 48)).mean() == pytest.approx(GREY, abs=2.0)


def test_a_stream_without_a_key_picture_is_refused_and_the_mend_is_named(
    camera_film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_up, "_NO_KEY_S", 1.0)
    sets = parameter_sets_of(camera_film)
    with ScriptedCamera([live(camera_film, begin=1)], camera_film.codec, sets) as camera:
        error = refusal_of(camera)
    assert isinstance(error, NoFramesError)
    assert "there was no key picture to begin with (mend: set the camera's key picture" in str(
        error
    )


def test_before_the_first_picture_time_counts_and_after_it_packets() -> None:
    packets = Undecodable(WHERE, live=True)
    for n in range(1_000):
        packets.nothing(at(n * 0.025), corrupt=n % 2 == 0)
    with pytest.raises(NoFramesError, match="in 30 s of video there was no key picture"):
        packets.nothing(at(30.0), corrupt=False)
    packets.shown()
    for _ in range(249):
        packets.nothing(at(40.0), corrupt=True)
    packets.shown()
    for _ in range(249):
        packets.nothing(at(80.0), corrupt=True)
        packets.nothing(at(80.0), corrupt=False)
    with pytest.raises(NoFramesError, match="250 packets in a row could not be decoded"):
        packets.nothing(at(80.0), corrupt=True)
    assert packets.corrupt == 500 + 499


@pytest.mark.parametrize(
    ("took_s", "now_s", "begun", "goes_on"),
    [
        (4.0, 4.0, False, True),
        (4.0, 8.0, False, None),
        (4.0, 4.0, True, None),
        # A fault of the connection.
        (0.1, 4.0, False, False),
        (0.1, 60.0, True, False),
    ],
)
def test_only_a_first_picture_is_waited_for_longer_than_one_read(
    took_s: float, now_s: float, begun: bool, goes_on: bool | None
) -> None:
    patience = Patience(WHERE, read_s=4.0, first_s=8.0, opened=at(0.0))
    patience.begun = begun
    if goes_on is None:
        with pytest.raises(HungError):
            patience.goes_on(took_s, at(now_s))
    else:
        assert patience.goes_on(took_s, at(now_s)) is goes_on
