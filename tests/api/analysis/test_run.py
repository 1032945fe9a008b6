"""An analysis of a recording: the tables say what was in the film, and say it again."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from api.analysis.report import write_report
from api.analysis.run import (
    FILM_FILE,
    READINGS_FILE,
    TRACKS_FILE,
    Analysis,
    AnalysisOrder,
    analyse,
)
from config import Site, load_site, sample_school_directory
from config.profiles import load_profiles
from streams.clock import SimulatedClock, SystemClock
from streams.decoding.av_container import open_with_av
from streams.decoding.sources import Pace, PlainUri, Playback, Timeouts, open_source
from streams.errors import MissingFileError, ResolutionChangedError
from streams.pacing.sampling import Sampler
from tests.api.dots import DotNetwork, dot_film, dot_picture
from vision.arrays import UInt8Array
from vision.instants import Monotonic, Utc
from vision.observations import Frame
from vision.risk.readings import ZoneReading
from vision.scene import SceneAnalyser

START = Utc.from_iso("2026-11-23T08:00:00Z")
CAMERA = "cam-corridor3"
ZONE = "corridor-3f"


@pytest.fixture(scope="module")
def site() -> Site:
    """The sample school with its corridor looked at five times a second."""
    loaded = load_site(sample_school_directory())
    cameras = tuple(replace(camera, analysed_fps=5.0) for camera in loaded.cameras)
    return replace(loaded, cameras=cameras)


@pytest.fixture(scope="module")
def film(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people in the corridor; one walks 1 m/s along it for six seconds."""
    camera, plane = site.camera(CAMERA).camera, site.zone(ZONE).head_plane
    standing = np.array([[7.0, 0.8], [8.0, 2.0], [9.0, 1.2], [10.0, 2.2], [11.0, 0.7]])

    def picture(at_s: float) -> UInt8Array:
        people = np.vstack([standing, [[6.0 + at_s, 1.5]]])
        return dot_picture(camera, people, plane)

    path = tmp_path_factory.mktemp("film") / "corridor.mp4"
    dot_film(path, picture, seconds=6.0)
    return path


def run(site: Site, film: Path, out_dir: Path) -> Analysis:
    order = AnalysisOrder((film,), site, CAMERA, out_dir, recording_start=START)
    return analyse(order, DotNetwork(), load_profiles(), lambda video, share: None)


def test_people_in_the_tables_are_those_of_the_film(site: Site, film: Path, tmp_path: Path) -> None:
    analysis = run(site, film, tmp_path)
    assert analysis.frames == 30
    people = [r.measurement.people for r in analysis.readings_of(ZONE) if r.measurement]
    assert np.median(people) == pytest.approx(6.0, abs=0.5)
    tracks = pq.read_table(tmp_path / TRACKS_FILE).to_pandas()
    last = tracks[(tracks.frame == 29)].sort_values("x_m")
    walker = last[np.isclose(last.y_m, 1.5, atol=0.15) & (last.x_m > 11.2)]
    assert len(walker) == 1
    assert float(walker.x_m.iloc[0]) == pytest.approx(11.8, abs=0.2)
    assert float(walker.speed_mps.iloc[0]) == pytest.approx(1.0, abs=0.2)


def test_two_runs_give_identical_readings(site: Site, film: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        run(site, film, tmp_path / name)
    for file in (READINGS_FILE, TRACKS_FILE):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def played(site: Site, film: Path, playback: Playback) -> list[ZoneReading]:
    """Every reading of the recording, at whatever speed it plays."""
    analyser = SceneAnalyser(
        cameras={CAMERA: site.camera(CAMERA).camera},
        zones=[site.zone(ZONE)],
        zone_cameras={ZONE: (CAMERA,)},
        profiles=load_profiles(),
    )
    network, sampler = DotNetwork(), Sampler(5.0)
    uri = PlainUri(f"file:{film}")
    found: list[ZoneReading] = []
    with open_source(uri, opener=open_with_av, timeouts=Timeouts(), playback=playback) as source:
        for picture in source.pictures():
            if sampler.take(picture.captured_at):
                image = picture.raw.bgr((1280, 720))
                frame = Frame(CAMERA, len(found), picture.captured_at, image)
                found += analyser.observe(frame, network.observe(image, analyser.region(frame)))
    return found


def test_readings_are_equal_at_any_playback_speed(site: Site, film: Path) -> None:
    """As fast as it goes, on a clock that stands still, and as slowly as it was filmed."""
    stop = threading.Event()
    at_once = played(site, film, Playback(SystemClock(), stop, Pace.UNPACED, START))
    assert len(at_once) == 30
    standing, filmed = SimulatedClock(), SimulatedClock(self_advancing=True)
    assert played(site, film, Playback(standing, stop, Pace.UNPACED, START)) == at_once
    assert played(site, film, Playback(filmed, stop, Pace.LIVE, START)) == at_once
    assert filmed.monotonic() - Monotonic(0) > 5.0


def test_the_report_tells_site_recording_and_levels(site: Site, film: Path, tmp_path: Path) -> None:
    path = write_report(run(site, film, tmp_path), "zh")
    page = path.read_text(encoding="utf-8")
    assert "录像分析报告" in page
    assert "corridor.mp4" in page
    assert "dots@test" in page
    assert "<polyline" in page
    assert "<script" not in page
    assert (tmp_path / FILM_FILE).stat().st_size > 1000


def test_a_missing_recording_is_one_clear_error(site: Site, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"absent\.mp4.*mend"):
        run(site, tmp_path / "absent.mp4", tmp_path / "out")


def test_another_picture_shape_is_refused(site: Site, tmp_path: Path) -> None:
    square = tmp_path / "square.mp4"
    dot_film(square, lambda at_s: np.zeros((400, 400, 3), np.uint8), seconds=1.0)
    with pytest.raises(ResolutionChangedError, match="400x400"):
        run(site, square, tmp_path / "out")
