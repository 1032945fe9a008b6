"""`xiaoan coverage export` and `import`: plans and camera schedules for other programs."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.coverage.audit import audit_site
from api.coverage.errors import CoverageError, DrawingError, extra_package
from api.coverage.floor_keys import write_floor
from api.coverage.geojson import read_geojson, write_geojson
from api.coverage.out_file import check_folder, writing
from api.coverage.schedule import write_schedule
from api.coverage.underlay import write_underlay
from config import Site, SiteCamera, SiteFileError, load_site
from config.site_underlay import Pair
from config.texts import LANGUAGES, text
from vision.errors import GeometryError
from vision.instants import Utc

SiteOption = Annotated[Path, typer.Option("--site", help="站点目录 Folder with site.yaml.")]
FloorOption = Annotated[str, typer.Option("--floor", help="楼层 id Floor id.")]
LanguageOption = Annotated[str, typer.Option("--lang", envvar="XIAOAN_LANGUAGE", help="zh | en")]


def _say(line: str) -> None:
    Console(soft_wrap=True, highlight=False).print(line, markup=False)


def export_floor(
    site: SiteOption,
    out: Annotated[Path, typer.Option("--out", help="文件 File: .geojson or .dxf.")],
    floor: FloorOption,
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """导出一层平面 Export a floor's plan: walls, doors, obstacles, areas, cameras."""
    try:
        loaded = load_site(site)
        found = _floor_cameras(loaded, floor)
        if out.suffix == ".geojson":
            with writing(out, lang):
                write_geojson(loaded.floor(floor), found, out)
        elif out.suffix == ".dxf":
            # The CAD library is an extra: the other forms work without it.
            with extra_package():
                from api.coverage.dxf import write_dxf

            with writing(out, lang):
                write_dxf(loaded.floor(floor), found, out)
        else:
            raise DrawingError(f"cannot write {out.name}; let the name end in .geojson or .dxf")
    except (SiteFileError, CoverageError) as error:
        _say(str(error))
        raise typer.Exit(1) from None
    _say(text("coverage.written", lang, file=out))


def _floor_cameras(site: Site, floor_id: str) -> tuple[SiteCamera, ...]:
    known = [floor.id for floor in site.floors]
    if floor_id not in known:
        raise DrawingError(f"--floor: no floor {floor_id!r}; the site has {', '.join(known)}")
    return tuple(camera for camera in site.cameras if camera.floor_id == floor_id)


def import_floor(
    drawing: Annotated[Path, typer.Argument(help="图纸 Drawing: .geojson or .dxf.")],
    site: SiteOption,
    floor: FloorOption,
    out: Annotated[Path, typer.Option("--out", help="新目录 New folder for the redrawn site.")],
    wall_layer: Annotated[
        list[str] | None, typer.Option("--wall-layer", help="外来图纸的墙图层 Layer of walls.")
    ] = None,
    wall_height: Annotated[
        float | None,
        typer.Option(
            "--wall-height", min=0.1, help="墙高，默认到顶 Height of walls, m; else to the ceiling."
        ),
    ] = None,
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """导入一层平面 Redraw a floor; the new site file is loaded once to see that it holds."""
    try:
        if drawing.suffix == ".geojson":
            keys = read_geojson(drawing)
        elif drawing.suffix == ".dxf":
            with extra_package():
                from api.coverage.dxf import read_dxf

            keys = read_dxf(drawing, wall_layers=wall_layer or (), wall_height_m=wall_height)
        else:
            raise DrawingError(f"cannot read {drawing.name}; give a .geojson or .dxf file")
        path = write_floor(site, floor, keys, out)
        load_site(out)
    except (SiteFileError, CoverageError) as error:
        _say(str(error))
        raise typer.Exit(1) from None
    _say(text("coverage.written", lang, file=path))


def underlay(
    picture: Annotated[Path, typer.Argument(help="底图 Picture: .png, .jpg or .pdf.")],
    site: SiteOption,
    floor: FloorOption,
    point: Annotated[
        list[str], typer.Option("--point", help="已知点 Known point u,v=x,y; give two.")
    ],
    out: Annotated[Path, typer.Option("--out", help="新目录 New folder for the site.")],
    dpi: Annotated[float, typer.Option("--dpi", min=30.0, max=600.0)] = 150.0,
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """底图 Lay a picture under a floor by two known points: pixels (points in a PDF) and metres."""
    try:
        pairs = [_pair(text_) for text_ in point]
        if len(pairs) != 2:
            raise DrawingError(f"--point: two known points are needed, got {len(pairs)}")
        path, matrix = write_underlay(site, floor, picture, pairs, out, dpi)
        load_site(out)
    except (SiteFileError, CoverageError) as error:
        _say(str(error))
        raise typer.Exit(1) from None
    a, b = matrix[0], matrix[1]
    scale, turn = math.hypot(a, b), math.degrees(math.atan2(b, a))
    _say(text("coverage.underlay_scale", lang, scale=f"{scale:.5f}", turn=f"{turn:.2f}"))
    _say(text("coverage.written", lang, file=path))


def _pair(written: str) -> Pair:
    """`u,v=x,y` as a pixel and its point in metres."""
    try:
        pixel, place = ([float(value) for value in part.split(",")] for part in written.split("="))
        (u, v), (x, y) = pixel, place
    except ValueError:
        raise DrawingError(f"--point: {written!r} is not u,v=x,y, e.g. 120,80=0,0") from None
    return (u, v), (x, y)


def schedule(
    site: SiteOption,
    out: Annotated[Path, typer.Option("--out", help="文件 File: .csv or .xlsx.")],
    lang: LanguageOption = LANGUAGES[0],
) -> None:
    """摄像机表 Camera schedule with mount, direction, lens, dead zone and as-built check."""
    try:
        check_folder(out, lang)
        document = audit_site(load_site(site), Utc.from_datetime(datetime.now(UTC)))
        with writing(out, lang):
            write_schedule(document, out)
    except (SiteFileError, CoverageError, GeometryError) as error:
        _say(str(error))
        raise typer.Exit(1) from None
    _say(text("coverage.written", lang, file=out))


def add_exchange(app: typer.Typer) -> None:
    """Hang the commands on `xiaoan coverage`."""
    app.command("export")(export_floor)
    app.command("import")(import_floor)
    app.command("underlay")(underlay)
    app.command("schedule")(schedule)
