"""`xiaoan replay` on readings that a recording left."""

import dataclasses
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from api.analysis.tables import readings_table, write_table
from api.cli.replay import replay
from api.replay.recorded import RecordedReadingsError, kind_of, load_readings
from config.profiles import load_profiles
from tests.vision.risk_cases import START, crowd
from vision.geometry.zones import ZoneType
from vision.risk.readings import Level, Reason, ZoneReading
from vision.risk.replay import judged_again

app = typer.Typer()
app.command()(replay)
PROFILE = load_profiles()[ZoneType.STAIRS]
DEFAULT = (Path(__file__).parents[3] / "config/profiles/default.yaml").read_text("utf-8")


def readings() -> tuple[ZoneReading, ...]:
    raw = [
        ZoneReading(
            "stair-a",
            START.plus(second),
            Level.L0,
            (),
            dataclasses.replace(
                crowd(2.3 if 20 <= second < 80 else 0.4, speed_mps=0.6),
                zone_id="stair-a",
                captured_at=START.plus(second),
                peak_xy_m=(1.0, 2.0),
            ),
            None,
            PROFILE.id,
        )
        for second in range(140)
    ]
    lost = ZoneReading("stair-a", START.plus(140), Level.UNKNOWN, (Reason("hung"),), None)
    return (*judged_again(raw, PROFILE), lost)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "day").mkdir()
    write_table(readings_table(readings()), tmp_path / "day" / "readings.parquet")
    return tmp_path


def test_readings_come_back_as_they_were_written(folder: Path) -> None:
    (back,) = load_readings(folder).values()
    assert back == readings()
    assert kind_of(back) is ZoneType.STAIRS


def test_a_lenient_profile_misses_the_alarm(folder: Path) -> None:
    lenient = folder / "lenient.yaml"
    text = DEFAULT.replace("threshold_per_m2: 1.5,", "threshold_per_m2: 2.4,").replace(
        'threshold_per_m2: 2.0, dwell_s: 10, source: "CIBSE',
        'threshold_per_m2: 2.5, dwell_s: 10, source: "CIBSE',
    )
    text = text.replace(
        "      time_to_next_level: &next\n        enabled: true",
        "      time_to_next_level: &next\n        enabled: false",
    )
    lenient.write_text(text, encoding="utf-8")
    out = folder / "list.csv"
    said = CliRunner().invoke(
        app,
        ["--readings", str(folder), "--profile", str(lenient), "--lang", "en",
         "--out", str(out)],
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    assert "0 same, 0 moved, 0 raised, 1 missed" in said.output
    assert "names no reviewer" in said.output
    assert out.read_text("utf-8-sig").splitlines()[1].startswith("stair-a,missed,")


def test_the_same_profile_changes_nothing(folder: Path) -> None:
    same = folder / "same.yaml"
    same.write_text(DEFAULT, encoding="utf-8")
    said = CliRunner().invoke(
        app, ["--readings", str(folder), "--profile", str(same), "--lang", "en"]
    )
    assert "1 same, 0 moved, 0 raised, 0 missed" in said.output


def test_a_list_that_cannot_be_written_is_told_in_a_line(folder: Path) -> None:
    (folder / "same.yaml").write_text(DEFAULT, encoding="utf-8")
    asked = ["--readings", str(folder), "--profile", str(folder / "same.yaml"), "--lang", "en"]
    said = CliRunner().invoke(app, [*asked, "--out", str(folder / "gone" / "list.csv")])
    assert said.exit_code == 1
    assert isinstance(said.exception, SystemExit)
    assert "list.csv was not written: No such file or directory" in said.output


def test_an_empty_folder_is_refused_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(RecordedReadingsError, match="xiaoan analyze"):
        load_readings(tmp_path)
