"""Periods of crowding, tables, chart and film of a recording, from hand-made readings."""

from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from api.analysis.chart import Threshold, density_chart
from api.analysis.film import FilmWriter, redact_heads
from api.analysis.series import crowded_periods, unknown_share
from api.analysis.tables import HeadRow, readings_table, tracks_table, write_table
from vision.instants import Utc
from vision.observations import HeadPoints
from vision.risk.readings import Level, Reason, ZoneMeasurement, ZoneReading

START = Utc.from_iso("2026-11-23T08:00:00Z")


def reading(second: float, level: str, density_per_m2: float = 1.0) -> ZoneReading:
    at = START.plus(second)
    if level == "UNKNOWN":
        return ZoneReading("stair", at, Level.UNKNOWN, (Reason("camera_lost"),), None)
    measurement = ZoneMeasurement(
        zone_id="stair",
        captured_at=at,
        people=10.0,
        people_std=1.0,
        density_peak_per_m2=density_per_m2,
        density_peak_std_per_m2=0.2,
        peak_xy_m=(1.0, 2.0),
        density_mean_per_m2=density_per_m2 / 2,
        visible_share=1.0,
    )
    reasons = (Reason("density", density_per_m2, 2.0, "1/m²"),)
    return ZoneReading("stair", at, Level(level), reasons, measurement)


def levels(text: str) -> list[ZoneReading]:
    names = {"U": "UNKNOWN"} | {str(n): f"L{n}" for n in range(5)}
    return [
        reading(i, names[c], density_per_m2=0.0 if c == "U" else float(c))
        for i, c in enumerate(text)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0011", []),
        ("022310", [(1, 4, "L3", 3.0)]),
        ("0224", [(1, None, "L4", 4.0)]),
        ("2U20", [(0, 3, "L2", 2.0)]),
        ("UUU", []),
        ("20202", [(0, 1, "L2", 2.0), (2, 3, "L2", 2.0), (4, None, "L2", 2.0)]),
    ],
)
def test_crowded_periods(text: str, expected: list[tuple[int, int | None, str, float]]) -> None:
    found = [
        (
            round(p.starts_at - START),
            None if p.ends_at is None else round(p.ends_at - START),
            p.peak_level.value,
            p.peak_density_per_m2,
        )
        for p in crowded_periods(levels(text))
    ]
    assert found == expected


def test_unknown_share_counts_missing_as_unknown() -> None:
    assert unknown_share(levels("0U0U")) == 0.5
    assert unknown_share([]) == 1.0


def test_unknown_readings_have_no_numbers_in_the_table(tmp_path: Path) -> None:
    table = readings_table(levels("3U"))
    write_table(table, tmp_path / "readings.parquet")
    rows = pq.read_table(tmp_path / "readings.parquet").to_pylist()
    assert rows[0]["density_peak_per_m2"] == 3.0
    assert rows[0]["reasons"][0]["rule"] == "density"
    assert rows[1]["level"] == "UNKNOWN"
    assert rows[1]["density_peak_per_m2"] is None
    assert rows[1]["people"] is None


def test_equal_readings_give_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_table(readings_table(levels("0123")), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_tracks_table_keeps_every_column() -> None:
    table = tracks_table([HeadRow(START, 0, 7, 10.0, 20.0, 15.0, 1.0, 2.0, 0.5)])
    assert table.to_pylist()[0] | {"captured_at": None} == {
        "captured_at": None,
        "frame": 0,
        "track_id": 7,
        "u_px": 10.0,
        "v_px": 20.0,
        "size_px": 15.0,
        "x_m": 1.0,
        "y_m": 2.0,
        "speed_mps": 0.5,
    }


def test_chart_breaks_its_line_where_nothing_was_measured() -> None:
    svg = density_chart(levels("01U10"), [Threshold(Level.L2, 2.0)], label="density <stair>")
    assert svg.count("<polyline") == 2
    assert "L2 2" in svg
    assert 'class="strip level-unknown"' in svg
    assert "&lt;stair&gt;" in svg
    assert density_chart([], [], label="") == ""


def test_redaction_changes_found_heads_only() -> None:
    image = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    heads = HeadPoints(
        np.array([[30.0, 30.0]], np.float32), np.array([20.0], np.float32), np.ones(1, np.float32)
    )
    redacted = redact_heads(image, heads)
    assert not np.array_equal(redacted[20:40, 20:40], image[20:40, 20:40])
    np.testing.assert_array_equal(redacted[60:], image[60:])
    assert len(np.unique(redacted[16:45, 16:45].reshape(-1, 3), axis=0)) <= 36


def test_film_keeps_the_times_of_its_pictures(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with FilmWriter(path) as film:
        for at_s in (0.0, 0.2, 0.4, 1.0):
            film.write(np.full((51, 81, 3), 90, np.uint8), at_s)
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
        assert container.streams.video[0].width == 80
    np.testing.assert_allclose(times, [0.0, 0.2, 0.4, 1.0], atol=1e-3)
