"""`xiaoan bench` on this machine, and the warning of `xiaoan run`."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.capacity.budget import STAGES, StageCosts, StreamKind
from api.capacity.measure import Machine
from api.capacity.site_demand import CostMemory, measure_site
from api.cli import bench as cli_bench
from api.cli.root import app
from config import load_site, sample_school_directory
from config.settings import load_settings
from config.site import Site
from models import load_head_network
from models.registry import default_head_network_id, find_card


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine(load_head_network(threads=1), seconds=0.2)


def filmed(tmp_path: Path, cameras: int) -> Site:
    """The sample school with every camera a recording, the stair's camera repeated."""
    from benchmarks.rig import CameraFilm, write_school

    write_school(tmp_path / "site", [CameraFilm(tmp_path / "none.mp4")] * cameras)
    return load_site(tmp_path / "site")


def test_every_stage_is_measured_and_a_sub_stream_is_cheaper_to_decode(machine: Machine) -> None:
    site = load_site(sample_school_directory())
    stair = site.camera("cam-stair")
    main, sub = (machine.camera(site, stair, size) for size in ((1280, 720), (640, 360)))
    assert set(main.spent_ms) == set(STAGES)
    assert all(spent > 0.0 for spent in main.spent_ms.values())
    assert sub.spent_ms["decode"] < main.spent_ms["decode"]
    assert (main.kind.name, sub.kind.name) == ("720p", "360p")


@pytest.mark.parametrize("size_px", [(1279, 719), (81, 45)])
def test_a_stream_of_odd_or_tiny_size_is_measured(
    machine: Machine, size_px: tuple[int, int]
) -> None:
    site = load_site(sample_school_directory())
    assert machine.camera(site, site.camera("cam-stair"), size_px).spent_ms["decode"] > 0.0


def test_drawn_cameras_cost_no_decoding_and_are_left_out() -> None:
    def never() -> Machine:
        raise AssertionError("nothing is to be measured")

    assert measure_site(load_site(sample_school_directory()), never) == ()


def test_costs_are_kept_until_the_site_or_the_model_changes(tmp_path: Path) -> None:
    site = filmed(tmp_path, 2)
    costs = (StageCosts(StreamKind("720p", 25.0, 5.0), dict.fromkeys(STAGES, 1.5)),)
    memory = CostMemory(tmp_path / "run", site, "net@1")
    assert memory.read() is None
    memory.write(costs)
    assert memory.read() == costs
    assert CostMemory(tmp_path / "run", site, "net@2").read() is None
    with (site.directory / "site.yaml").open("a", encoding="utf-8") as file:
        file.write("# another line\n")
    assert CostMemory(tmp_path / "run", site, "net@1").read() is None
    (tmp_path / "run" / "capacity.json").write_text("{", encoding="utf-8")
    assert memory.read() is None


def test_run_warns_of_more_cameras_than_the_machine_carries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_bench, "usable_cores", lambda: (0,))
    site = filmed(tmp_path, 5)
    settings = load_settings(run_dir=tmp_path / "run")
    assert cli_bench.known_overload(site, settings) is None
    model = f"{find_card(default_head_network_id()).versioned_id}/auto"
    slow = StageCosts(StreamKind("720p", 25.0, 5.0), dict.fromkeys(STAGES, 10.0))
    CostMemory(settings.run_dir, site, model).write((slow,) * 5)
    # 25 * 10 + 5 * 30 = 400 ms a second each: two cores for five, and 0.8 may be used.
    assert "5 路需要 2.0 核，只有 0.8 核可用" in cli_bench.overload_warning(site, settings)
    quick = StageCosts(StreamKind("720p", 25.0, 5.0), dict.fromkeys(STAGES, 1.0))
    CostMemory(settings.run_dir, site, model).write((quick,) * 5)
    assert cli_bench.overload_warning(site, settings) == ""


def test_a_site_that_was_never_measured_is_measured_beside_its_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of its own measures one camera too many for no core at all, and says so."""
    monkeypatch.setattr(cli_bench, "_ALWAYS_A_CORE", 0)
    monkeypatch.setattr("sys.executable", "/bin/echo")
    settings = load_settings(run_dir=tmp_path / "run")
    told: queue.Queue[str] = queue.Queue()
    site = filmed(tmp_path, 1)
    cli_bench.warn_of_overload(site, settings, told.put, threading.Event(), after_s=0.0)
    assert told.get(timeout=20) == f"-m api.capacity.site_process --site {site.directory}"
    stopped = threading.Event()
    stopped.set()
    cli_bench.warn_of_overload(site, settings, told.put, stopped, after_s=0.0)
    with pytest.raises(queue.Empty):
        told.get(timeout=0.2)


def test_the_command_prints_a_table_and_holds_a_site_against_it(tmp_path: Path) -> None:
    filmed(tmp_path, 4)
    arguments = ["bench", "--site", str(tmp_path / "site"), "--run-dir", str(tmp_path / "run")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    for part in ("本机能带多少路摄像机", "720p", "360p", "主要耗时", "本站点 4 路需要"):
        assert part in result.output
    assert (tmp_path / "run" / "capacity.json").exists()
