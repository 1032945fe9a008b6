"""From pictures to readings: the whole measuring core on people of known places."""

import dataclasses

import numpy as np
import pytest
from shapely.geometry import box

from config.profiles import load_profiles
from tests.vision.scene_cases import (
    BESIDE,
    FACING,
    LENS,
    STAIR,
    START,
    STEP_S,
    as_map,
    frame,
    heads,
    play,
    queue,
    scene,
    stream,
)
from vision.arrays import UInt8Array
from vision.errors import NotVisibleError, ShapeError, VisionError
from vision.geometry.camera import Camera, Pose
from vision.geometry.zones import Zone, ZoneType
from vision.health.count_sanity import Counts, Sanity, SanityState, judge
from vision.instants import Utc
from vision.observations import CrowdObservation, HeadPoints
from vision.risk.readings import Level
from vision.scene import SceneAnalyser

FEW = np.array([[0.6, 0.6], [1.8, 1.5], [3.0, 2.4]])
NOBODY = CrowdObservation(HeadPoints.none(), None, 0.05)
NO_PLACES = np.zeros((0, 2))
CROWDED = {Level.L2, Level.L3, Level.L4}


def test_people_are_counted_in_their_zone() -> None:
    outside = np.array([[4.5, 1.5], [-1.0, 1.0]])
    (reading,) = scene().observe(frame(0.0), heads(np.vstack([FEW, outside])))
    measured = reading.measurement
    assert measured is not None
    assert measured.people == 3.0
    # At most two of them stand within 1 m of one place, whose disc is nearly whole.
    assert 1 / np.pi <= measured.density_peak_per_m2 < 2 / 2.5
    assert measured.visible_share == 1.0
    assert measured.luminance == pytest.approx(120 / 255, abs=1e-3)
    assert reading.level is Level.L0
    assert (reading.profile_id, reading.model_id) == ("xiaoan-default-1/stairs", "heads@test")


def test_a_queue_before_a_shut_gate_raises_the_level_to_the_top() -> None:
    readings = play(scene(), queue, (0, 70))
    first: dict[Level, float] = {}
    for t, reading in readings:
        first.setdefault(reading.level, t)
    assert readings[-1][1].level is Level.L4
    # The front rows stand at 4 per m²: L4 has the shorter dwell and comes before L3.
    assert first[Level.L4] < 30.0
    final = readings[-1][1].measurement
    assert final is not None
    assert final.people == pytest.approx(36, abs=1)
    assert final.outflow_per_s == 0.0
    fired = {reason.rule for _, reading in readings for reason in reading.reasons}
    assert {"density", "blocked_exit", "slow_dense_queue"} <= fired


def test_a_stream_that_flows_stays_calm_and_its_flow_is_right() -> None:
    readings = play(scene(), stream, (0, 40))
    assert {reading.level for _, reading in readings} == {Level.L0}
    final = readings[-1][1].measurement
    assert final is not None
    assert final.outflow_per_s == pytest.approx(1.0, abs=0.13)
    assert final.inflow_per_s == pytest.approx(1.0, abs=0.25)
    assert final.outflow_per_m_s == pytest.approx(1 / 3, abs=0.05)
    assert final.speed_mps == pytest.approx(0.8, abs=0.05)
    assert (final.along_share, final.minority_share) == (1.0, 0.0)


def test_two_runs_give_equal_readings_bit_for_bit() -> None:
    assert play(scene(), queue, (0, 30)) == play(scene(), queue, (0, 30))


def test_a_packed_crowd_is_counted_from_the_density_map() -> None:
    packed = np.random.default_rng(2).uniform([0.1, 0.1], [3.5, 2.9], (45, 2))
    (reading,) = scene().observe(frame(0.0), as_map(packed))
    measured = reading.measurement
    assert measured is not None
    # Nobody was found one by one; the map says 45 people on 10.8 m². Where it is sparse it is not
    # asked, so a few at the border are missing.
    assert measured.people == pytest.approx(45, rel=0.12)
    assert measured.density_peak_per_m2 > 4.0
    assert measured.density_peak_std_per_m2 > 0.2


def test_pictures_of_another_size_and_the_same_aspect_are_scaled() -> None:
    (reading,) = scene().observe(frame(0.0, size=(320, 180)), heads(FEW, scale=0.5))
    assert reading.measurement is not None
    assert reading.measurement.people == 3.0


def test_people_are_looked_for_in_the_same_part_of_a_sub_stream() -> None:
    analyser = scene()
    whole, half = (analyser.region(frame(0.0, size=size)) for size in ((640, 360), (320, 180)))
    assert whole is not None
    assert half is not None
    assert 0 < whole.left_px < whole.right_px < 640
    for side in ("left_px", "top_px", "right_px", "bottom_px"):
        assert getattr(half, side) == pytest.approx(getattr(whole, side) / 2.0, abs=1.0)
    assert half.least_head_px == pytest.approx(whole.least_head_px / 2.0)


def test_the_light_of_a_sub_stream_is_that_of_the_main_stream() -> None:
    """Squares as large as the patches that are judged: what is dark is dark in both."""
    rows, columns = np.indices((360, 640)) // 32
    squares = np.where((rows + columns) % 2, 200, 2).astype(np.uint8)[:, :, None].repeat(3, axis=2)

    def measured(image: UInt8Array) -> tuple[float, float]:
        picture = dataclasses.replace(frame(0.0), image_bgr=image)
        (reading,) = scene().observe(picture, heads(FEW, scale=image.shape[1] / 640))
        assert reading.measurement is not None
        return reading.measurement.luminance or 0.0, reading.measurement.visible_share

    whole, half = measured(squares), measured(np.ascontiguousarray(squares[::2, ::2]))
    assert half == pytest.approx(whole, abs=0.01)
    assert 0.2 < whole[1] < 0.8


def test_pictures_of_another_aspect_are_refused() -> None:
    with pytest.raises(ShapeError, match="640x480"):
        scene().observe(frame(0.0, size=(640, 480)), heads(FEW))


@pytest.mark.parametrize(("brightness", "level"), [(120, Level.L0), (2, Level.UNKNOWN)])
def test_a_black_picture_is_not_an_empty_stair(brightness: int, level: Level) -> None:
    readings = play(scene(), lambda t: np.zeros((0, 2)), (0, 5), brightness)
    assert readings[-1][1].level is level


def test_half_a_black_picture_is_half_a_zone_and_no_calm_one() -> None:
    analyser = scene()
    picture = frame(0.0)
    image = np.array(picture.image_bgr)
    image[:, :320] = 0
    (reading,) = analyser.observe(dataclasses.replace(picture, image_bgr=image), heads(FEW))
    assert reading.measurement is not None
    assert reading.measurement.visible_share == pytest.approx(0.5, abs=0.1)
    assert reading.measurement.black_share == pytest.approx(0.5, abs=0.1)
    assert (reading.level, reading.reasons[0].rule) == (Level.UNKNOWN, "partly_black")


def test_a_light_that_goes_out_is_seen_at_once_and_one_that_fades_within_a_second() -> None:
    """The light of a place is judged once a second, unless it changes."""

    def luminances(greys: list[int]) -> list[float]:
        analyser = scene()
        found = []
        for index, grey in enumerate(greys):
            picture = frame(0.2 * index)
            image = np.full_like(picture.image_bgr, grey)
            picture = dataclasses.replace(picture, image_bgr=image)
            (reading,) = analyser.observe(picture, heads(FEW))
            assert reading.measurement is not None
            assert reading.measurement.luminance is not None
            found.append(reading.measurement.luminance * 255)
        return found

    assert luminances([120, 120, 2, 120]) == pytest.approx([120, 120, 2, 120], abs=1)
    faded = luminances(list(range(60, 30, -1)))
    assert faded[:6] == pytest.approx([60, 60, 60, 60, 60, 55], abs=1)
    assert faded[-1] == pytest.approx(31, abs=6)


def test_dark_stairs_with_people_are_a_warning() -> None:
    crowd = np.random.default_rng(1).uniform([0.3, 0.3], [3.3, 2.7], (5, 2))
    readings = play(scene(), lambda t: crowd, (0, 1), brightness=20)
    assert readings[0][1].level is Level.L2
    assert readings[0][1].reasons[0].rule == "dark_occupied"


def test_a_lost_camera_makes_its_zone_unknown_with_the_cause() -> None:
    analyser = scene()
    play(analyser, lambda t: FEW, (0, 2))
    (reading,) = analyser.camera_lost("cam-a", START.plus(3), "hung")
    assert (reading.level, reading.measurement) == (Level.UNKNOWN, None)
    assert [reason.rule for reason in reading.reasons] == ["hung"]
    assert reading.captured_at == START.plus(3)
    with pytest.raises(KeyError):
        analyser.tracked_heads("cam-a")


def test_a_lost_camera_is_told_of_for_its_own_zones_until_it_is_back() -> None:
    """`cam-b` has not shown its zone yet, and hangs in nobody's account."""
    other = dataclasses.replace(STAIR, id="stair-b")
    analyser = SceneAnalyser(
        cameras={"cam-a": FACING, "cam-b": BESIDE},
        zones=[STAIR, other],
        zone_cameras={STAIR.id: ("cam-a",), other.id: ("cam-b",)},
        profiles=load_profiles(),
    )

    def unknown(at_s: float) -> dict[str, str]:
        silent = analyser.expire(START.plus(at_s))
        return {one.zone_id: one.reasons[0].rule for one in silent}

    play(analyser, lambda t: FEW, (0, 2))
    lost = analyser.camera_lost("cam-a", START.plus(2.0), "hung")
    assert [(one.zone_id, one.reasons[0].rule) for one in lost] == [(STAIR.id, "hung")]
    assert unknown(60.0) == {STAIR.id: "hung", other.id: "no_frames"}
    analyser.observe(frame(61.0), heads(FEW))
    assert unknown(61.0) == {other.id: "no_frames"}
    assert unknown(65.0) == {STAIR.id: "no_frames", other.id: "no_frames"}


def test_silence_makes_a_zone_unknown() -> None:
    analyser = scene()
    assert [r.level for r in analyser.expire(START)] == [Level.UNKNOWN]
    play(analyser, lambda t: FEW, (0, 2))
    assert analyser.expire(START.plus(4.0)) == ()
    (reading,) = analyser.expire(START.plus(5.0))
    assert (reading.level, reading.reasons[0].rule) == (Level.UNKNOWN, "no_frames")


def test_one_picture_after_a_gap_proves_no_calm() -> None:
    analyser = scene()
    play(analyser, lambda t: FEW, (0, 2))
    (first,) = analyser.observe(frame(10.0), heads(FEW))
    assert (first.level, first.reasons[0].rule) == (Level.UNKNOWN, "too_slow")
    (second,) = analyser.observe(frame(10.2), heads(FEW))
    assert second.level is Level.L0


def test_a_camera_that_is_too_slow_never_claims_calm() -> None:
    analyser = scene()
    levels = [analyser.observe(frame(t), heads(FEW))[0].level for t in (0.0, 4.0, 8.0, 12.0)]
    assert levels[1:] == [Level.UNKNOWN] * 3


def two_cameras() -> SceneAnalyser:
    return scene({"cam-a": FACING, "cam-b": BESIDE})


def test_two_cameras_count_each_person_once() -> None:
    analyser = two_cameras()
    crowd = np.random.default_rng(8).uniform([0.2, 0.2], [3.4, 2.8], (12, 2))
    analyser.observe(frame(0.0), heads(crowd))
    (reading,) = analyser.observe(frame(0.1, "cam-b"), heads(crowd, BESIDE))
    assert reading.measurement is not None
    assert reading.measurement.people == pytest.approx(12, abs=1)
    assert reading.measurement.captured_at == START
    assert reading.captured_at == START.plus(0.1)


def test_the_second_camera_carries_on_alone() -> None:
    analyser = two_cameras()
    analyser.observe(frame(0.0), heads(FEW))
    analyser.observe(frame(0.1, "cam-b"), heads(FEW, BESIDE))
    assert analyser.camera_lost("cam-a", START.plus(0.2), "connection_lost") == ()
    (reading,) = analyser.observe(frame(0.3, "cam-b"), heads(FEW, BESIDE))
    assert reading.level is Level.L0
    assert reading.measurement is not None
    assert reading.measurement.people == 3.0
    (lost,) = analyser.camera_lost("cam-b", START.plus(0.4), "hung")
    assert lost.level is Level.UNKNOWN


def test_an_old_picture_of_the_other_camera_is_not_used() -> None:
    analyser = two_cameras()
    analyser.observe(frame(0.0), heads(FEW))
    (reading,) = analyser.observe(frame(1.5, "cam-b"), heads(FEW[:1], BESIDE))
    assert reading.measurement is not None
    assert reading.measurement.people == 1.0


def test_a_gallery_above_a_hall_is_told_apart_by_head_size() -> None:
    """One ray meets both head planes; the size in the picture says on which the person stands."""
    camera = Camera(Pose(-8.0, 1.5, 4.6, 0, 10), LENS)
    gallery = Zone("gallery", "f1", ZoneType.CORRIDOR, box(-6, 0, 0, 3), head_height_m=1.35)
    gallery = dataclasses.replace(gallery, plane=dataclasses.replace(STAIR.plane, slope_x=0.0))
    hall = Zone("hall", "f1", ZoneType.CORRIDOR, box(3.6, -1.5, 11.6, 4.5), head_height_m=1.35)
    analyser = SceneAnalyser(
        cameras={"cam-a": camera},
        zones=[gallery, hall],
        zone_cameras={"gallery": ("cam-a",), "hall": ("cam-a",)},
        profiles=load_profiles(),
    )
    person = np.array([[6.0, 1.5]])
    seen = heads(person, camera, hall)
    distance = float(np.linalg.norm([14.0, 0.0, 4.6 - 1.35]))
    size = np.array([LENS.focal_px * 0.23 / distance], np.float32)
    sized = dataclasses.replace(seen, heads=dataclasses.replace(seen.heads, sizes_px=size))
    counts = {
        reading.zone_id: reading.measurement.people
        for reading in analyser.observe(frame(0.0), sized)
        if reading.measurement is not None
    }
    assert counts == {"gallery": 0.0, "hall": 1.0}


def test_tracked_heads_are_ready_for_drawing() -> None:
    analyser = scene()
    play(analyser, stream, (0, 4))
    tracked = analyser.tracked_heads("cam-a")
    assert len(tracked) == len(tracked.zone_ids) >= 3
    assert len(set(tracked.ids.tolist())) == len(tracked)
    inside = [zone == "stair-a" for zone in tracked.zone_ids]
    np.testing.assert_allclose(tracked.velocity_mps[inside][0], [0.8, 0.0], atol=0.05)
    assert tracked.centres_uv_px.dtype == np.float32


def test_no_heads_at_all_is_a_reading_of_an_empty_stair() -> None:
    (reading,) = scene().observe(frame(0.0), NOBODY)
    assert reading.level is Level.L0
    assert reading.measurement is not None
    assert reading.measurement.peak_xy_m is None


@pytest.mark.parametrize(
    ("cameras", "seen_by", "error"),
    [
        ({"cam-a": Camera(Pose(8.6, 1.5, 5.0, 0, 26), LENS)}, ("cam-a",), NotVisibleError),
        ({"cam-a": FACING}, ("cam-x",), VisionError),
        ({"cam-a": FACING}, (), VisionError),
    ],
)
def test_impossible_scenes_are_refused(
    cameras: dict[str, Camera], seen_by: tuple[str, ...], error: type[VisionError]
) -> None:
    with pytest.raises(error, match="zone stair-a"):
        SceneAnalyser(
            cameras=cameras,
            zones=[STAIR],
            zone_cameras={"stair-a": seen_by},
            profiles=load_profiles(),
        )


def test_a_reading_names_what_counted_its_picture() -> None:
    """A network that goes on with another file says so with each picture."""
    analyser = scene()
    told = [analyser.observe(frame(0.0), NOBODY)[0].model_id]
    for step, by in enumerate(("heads-int8@1", "heads@2"), start=1):
        seen = dataclasses.replace(NOBODY, model_id=by)
        told.append(analyser.observe(frame(step * STEP_S), seen)[0].model_id)
    told.append(analyser.camera_lost("cam-a", START.plus(1.0), "hung")[0].model_id)
    assert told == ["heads@test", "heads-int8@1", "heads@2", "heads@2"]


def test_an_unknown_camera_is_refused() -> None:
    with pytest.raises(VisionError, match="cam-z"):
        scene().observe(frame(0.0, "cam-z"), NOBODY)


@pytest.mark.parametrize("cameras", [("cam-a",), ("cam-a", "cam-b")])
@pytest.mark.parametrize("back_s", [0.4, 4.9, 6.0, 3600.0])
def test_a_crush_is_told_in_time_though_the_clock_was_set_back(
    cameras: tuple[str, ...], back_s: float
) -> None:
    """Nobody for 10 s; then the clock goes back, and a queue of 6 a m² is told within 10 s."""
    places = {"cam-a": FACING, "cam-b": BESIDE}
    analyser = scene({one: places[one] for one in cameras})
    queued = queue(45.0)
    levels: list[Level] = []
    for step in range(160):
        t = step * STEP_S
        for one in cameras:
            at, people = (t, NO_PLACES) if t < 10.0 else (t - back_s, queued)
            (reading,) = analyser.observe(frame(at, one), heads(people, places[one]))
            levels.append(reading.level)
    in_time = [level for level in levels[: 20 * 5 * len(cameras)] if level in CROWDED]
    assert in_time, levels
    assert levels[-1] in CROWDED


def test_what_was_learnt_elsewhere_in_the_future_stops_no_dwell() -> None:
    """A judgement handed over from a time that is an hour ahead."""
    ahead, here = scene(), scene()
    play(ahead, lambda _: NO_PLACES, (3600, 3610))
    here.resume(STAIR.id, ahead.memory(STAIR.id))
    told = play(here, lambda _: queue(45.0), (0, 15))
    assert told[0][1].captured_at == START
    assert told[-1][1].level in CROWDED


def second_count(persons: float, looks: int) -> Sanity:
    """The verdict of so many looks a minute apart at ten heads."""
    verdict = judge(SanityState(), Counts(10.0, 0.05, persons=persons), Utc(0))
    for minute in range(1, looks):
        at = Utc(minute * 60_000_000_000)
        verdict = judge(verdict.state, Counts(10.0, 0.05, persons=persons), at)
    return verdict


@pytest.mark.parametrize(
    ("persons", "looks", "told"), [(60, 1, False), (60, 5, True), (0, 5, True)]
)
def test_a_second_count_moves_no_level_and_only_a_higher_one_widens(
    persons: float, looks: int, *, told: bool
) -> None:
    crowd = np.random.default_rng(5).uniform([0.4, 0.4], [3.2, 2.6], (10, 2))
    plain, doubted = scene(), scene()
    verdict = second_count(persons, looks)
    doubted.second_count("cam-a", verdict, frame(0.0).captured_at)
    before, after = (play(s, lambda t: crowd, (0, 30)) for s in (plain, doubted))
    assert [r.level for _, r in after] == [r.level for _, r in before]
    reading = after[-1][1]
    assert any(reason.rule == "second_count" for reason in reading.reasons) is told
    assert reading.measurement is not None
    assert reading.measurement.count_doubt == (verdict.above if told else 0.0)
    assert (verdict.above > 0.25) is (persons > 10 and told)


def test_a_second_count_is_forgotten_after_three_minutes() -> None:
    analyser = scene()
    analyser.second_count("cam-a", second_count(60, 5), frame(0.0).captured_at)
    (early,) = analyser.observe(frame(180.0), NOBODY)
    (late,) = analyser.observe(frame(180.4), NOBODY)
    told = [any(reason.rule == "second_count" for reason in r.reasons) for r in (early, late)]
    assert told == [True, False]


def test_a_counter_that_loses_people_is_told_after_a_minute() -> None:
    """Forty walk in and stand; then the network finds six of them and nobody was seen to leave."""
    rng = np.random.default_rng(3)
    crowd = rng.uniform([0.4, 0.4], [3.2, 2.6], (40, 2))

    def people(t: float) -> np.ndarray:
        return crowd[:6] if t > 20.0 and int(t / 6.0) % 2 else crowd

    steady = play(scene(), lambda t: crowd, (0, 75))
    losing = play(scene(), people, (0, 95))
    told = [t for t, reading in losing if any(r.rule == "flow_balance" for r in reading.reasons)]
    assert told
    assert told[0] > 60.0
    assert not any(r.rule == "flow_balance" for _, reading in steady for r in reading.reasons)


def test_a_zone_s_judgement_goes_on_in_another_scene() -> None:
    """At 40 s the queue stands at the gate; whoever goes on there knows since when."""
    whole = dict(play(scene(), queue, (0, 45)))
    first, second = scene(), scene()
    play(first, queue, (0, 40))
    second.resume(STAIR.id, first.memory(STAIR.id))
    assert second.memory(STAIR.id) == first.memory(STAIR.id)
    went_on = play(second, queue, (40, 45))
    assert {reading.level for _, reading in went_on} == {whole[t].level for t, _ in went_on} - {
        Level.UNKNOWN
    }
    began_anew = play(scene(), queue, (40, 45))
    assert went_on[0][1].level is Level.L4
    assert began_anew[0][1].level is not Level.L4
