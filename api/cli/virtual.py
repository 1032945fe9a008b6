"""`xiaoan virtual`: films of the virtual campus with their exact truth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from streams.virtual.film import Shot, render_film
from streams.virtual.render import Light
from streams.virtual.scenarios import SCENARIOS, scenario_named
from vision.errors import VisionError

virtual_app = typer.Typer(
    no_args_is_help=True,
    help="虚拟校园：带真值的模拟画面 Virtual campus: rendered scenes with truth.",
)


@virtual_app.callback()
def virtual() -> None:
    """虚拟校园 Virtual campus."""


class LightChoice(StrEnum):
    """Values of `--light`."""

    DAY = "day"
    DIM = "dim"
    IR = "ir"


@virtual_app.command("render")
def render(
    scenario: Annotated[str, typer.Argument(help=f"场景 Scenario: {', '.join(SCENARIOS)}")],
    out: Annotated[Path, typer.Argument(help="输出视频 Film to write (.mp4)")],
    truth: Annotated[
        Path | None, typer.Option(help="真值文件 Truth to write beside it (.parquet)")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="随机种子 Seed; equal seeds give equal films")
    ] = 1,
    camera: Annotated[
        str | None, typer.Option(help="摄像机编号 Camera of the sample school")
    ] = None,
    light: Annotated[LightChoice | None, typer.Option(help="光照 Light")] = None,
    duration: Annotated[float | None, typer.Option(min=0.1, help="秒 Seconds to film")] = None,
    fps: Annotated[float, typer.Option(help="帧率 Pictures a second: 25, 12.5 or 5")] = 12.5,
) -> None:
    """渲染一个场景 Render a scenario as a film, with truth per frame and person."""
    try:
        shot = Shot(
            scenario_named(scenario),
            camera_id=camera,
            seed=seed,
            light=None if light is None else Light(light.value),
            fps=fps,
            duration_s=duration,
        )
        frames = _render_with_bar(shot, out, truth)
    except (VisionError, OSError) as error:
        typer.echo(f"无法渲染 Cannot render: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"已写入 Wrote {out}: {frames} 帧 frames")
    if truth is not None:
        typer.echo(f"真值 Truth: {truth}")


def _render_with_bar(shot: Shot, out: Path, truth: Path | None) -> int:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns) as bar:
        task = bar.add_task(f"{shot.scenario.name} · {shot.filmed_by}", total=shot.frames)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return render_film(shot, out, truth, progress=advance)


__all__ = ["virtual_app"]
