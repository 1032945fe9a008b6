"""`xiaoan models ...`: which networks there are, and how well they do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from config.refusals import in_chinese
from config.texts import LANGUAGES, text
from models.bench import bench_model
from models.commands import (
    EvaluationReport,
    evaluate_model,
    evaluation_sets,
    list_models,
    refuse_fewer_sets,
    show_model,
    write_metrics,
)
from models.errors import CardError, ModelError
from models.evaluation import RULES, SET_NAMES, CountErrors, Evaluation, EvaluationSet
from models.importing import Imported, export_model, import_file, pull
from models.quantisation import DEFAULT_PICTURES, quantise_model
from models.registry import default_head_network_id
from models.sessions import Precision

models_app = typer.Typer(no_args_is_help=True, help="识别模型 Networks.")

_REFUSALS = "models.refusal."
Language = Annotated[str, typer.Option("--lang", envvar="XIAOAN_LANGUAGE", help="zh | en")]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="顶替同编号的模型及其模型卡 Take the place of one of that id."),
]
ModelId = Annotated[str, typer.Argument(help="模型编号 Id of the model.")]


@models_app.command("list")
def list_(lang: Language = LANGUAGES[0]) -> None:
    """列出模型 List the models, and whether their weights are intact."""
    lang, console = _spoken(lang), _console()
    rows, refusals = list_models()
    table = _table(lang, "id", "task", "weights", "size", "summary")
    for row in rows:
        table.add_row(
            row.model_id,
            text(f"models.task.{row.task}", lang),
            text(f"models.weights.{row.weights}", lang),
            f"{row.size_bytes / 1e6:.1f}",
            row.summary_zh if lang == "zh" else row.summary_en,
        )
    console.print(table)
    for refusal in refusals:
        _tell(refusal, lang)
    if refusals:
        raise typer.Exit(1)


@models_app.command("show")
def show(model_id: ModelId = "", lang: Language = LANGUAGES[0]) -> None:
    """显示模型卡 Show a model card with its licence caution."""
    lang, console = _spoken(lang), _console()
    try:
        card = show_model(model_id or default_head_network_id())
    except ModelError as error:
        _refuse(error, lang)
    summary, licence = (
        (card.summary.zh, card.licence.zh) if lang == "zh" else (card.summary.en, card.licence.en)
    )
    console.print(card.versioned_id, style="bold")
    names = "; ".join(str(part.get("name", "")) for part in card.data)
    for line in (
        summary,
        licence,
        text("models.show.file", lang, file=card.weights_file, sha256=card.weights_sha256),
        text("models.show.trained_on", lang, names=names),
    ):
        console.print(line, markup=False)
    if card.task != "heads":
        console.print(text("models.show.no_error", lang), markup=False)
        return
    try:
        percent = f"{card.relative_error * 100:.1f}"
    except CardError:
        console.print(text("models.show.not_judged", lang), markup=False)
    else:
        console.print(text("models.show.error", lang, percent=percent), markup=False)


@models_app.command("evaluate")
def evaluate(
    model_id: ModelId,
    datasets: Annotated[
        list[str],
        typer.Argument(help=f"数据集 Data sets: {', '.join(SET_NAMES)}; rendered=FOLDER."),
    ],
    data: Annotated[Path, typer.Option("--data", help="数据目录 Folder of the data sets.")],
    slices: Annotated[
        bool, typer.Option("--slices", help="加暗、糊、压缩、遮挡 Also spoilt pictures.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="写入模型卡 Write the card's metrics.")
    ] = False,
    precision: Annotated[Precision, typer.Option("--precision", help="f32 | bf16 | int8")] = "f32",
    lang: Language = LANGUAGES[0],
) -> None:
    """在带标注的数据上评估 Judge a head network on labelled pictures."""
    lang, console = _spoken(lang), _console()
    try:
        sets = evaluation_sets(data, datasets)
        if write:
            refuse_fewer_sets(show_model(model_id), precision, [one.name for one in sets])
        report = _judge(model_id, sets, slices=slices, precision=precision)
        path = (
            write_metrics(report, _command(model_id, datasets, slices, precision))
            if write
            else None
        )
    except ModelError as error:
        _refuse(error, lang)
    console.print(_results(report, lang))
    percent = f"{report.relative_error * 100:.1f}"
    console.print(text("models.evaluate.error", lang, percent=percent), markup=False)
    if path is not None:
        console.print(text("models.evaluate.written", lang, path=path), markup=False)


@models_app.command("quantise")
def quantise(
    model_id: ModelId,
    data: Annotated[Path, typer.Option("--data", help="数据目录 Folder of the data sets.")],
    rendered: Annotated[
        Path | None, typer.Option("--rendered", help="渲染图片目录 Rendered training pictures.")
    ] = None,
    pictures: Annotated[
        int, typer.Option("--pictures", min=1, help="校准图片数 Pictures to calibrate on.")
    ] = DEFAULT_PICTURES,
    lang: Language = LANGUAGES[0],
) -> None:
    """压缩为 int8 Make the int8 file of a head network; needs NNCF (extra `train`)."""
    lang = _spoken(lang)
    try:
        made = quantise_model(model_id, data, rendered=rendered, pictures=pictures)
    except ModelError as error:
        _refuse(error, lang)
    line = text(
        "models.quantise.done",
        lang,
        path=made.path,
        size=f"{made.size_bytes / 1e6:.2f}",
        pictures=str(made.pictures),
        model=model_id,
    )
    _console().print(line, markup=False)


@models_app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="模型文件 .onnx or .pt file.")],
    model_id: Annotated[
        str | None, typer.Option("--id", help="模型编号 Id; the file's name when not given.")
    ] = None,
    person_class: Annotated[
        int | None, typer.Option("--person-class", help="整人类别序号 Class of whole persons.")
    ] = None,
    replace: Replace = False,
    lang: Language = LANGUAGES[0],
) -> None:
    """导入自带的模型文件 Check a file of one's own and make it a model, or say why not."""
    lang = _spoken(lang)
    try:
        found = import_file(file, model_id=model_id, person_class=person_class, replace=replace)
    except ModelError as error:
        _refuse(error, lang)
    _say_imported(found, lang)


@models_app.command("pull")
def pull_(
    name: Annotated[str, typer.Argument(help="如 e.g. yolo11n, yolo26n")],
    replace: Replace = False,
    lang: Language = LANGUAGES[0],
) -> None:
    """下载并导出 Ultralytics 检测模型 Fetch and export an Ultralytics detector."""
    lang = _spoken(lang)
    try:
        found = pull(name, replace=replace)
    except ModelError as error:
        _refuse(error, lang)
    _say_imported(found, lang)


@models_app.command("export")
def export(
    model: Annotated[str, typer.Argument(help="模型编号或 .pt 文件 Id of a model, or .pt file.")],
    out: Annotated[Path, typer.Argument(help="输出目录 Folder.")],
    lang: Language = LANGUAGES[0],
) -> None:
    """导出 ONNX 文件，带到别的机器 Write a model's ONNX file, to carry to another machine."""
    lang = _spoken(lang)
    try:
        path = export_model(model, out)
    except ModelError as error:
        _refuse(error, lang)
    _console().print(text("models.export.done", lang, path=path), markup=False)


@models_app.command("bench")
def bench(
    model_id: ModelId = "",
    threads: Annotated[
        int, typer.Option("--threads", min=1, max=256, help="线程数 CPU threads.")
    ] = 1,
    lang: Language = LANGUAGES[0],
) -> None:
    """在本机测速 Time one picture in each runtime that loads here."""
    lang, console = _spoken(lang), _console()
    try:
        rows = bench_model(model_id or default_head_network_id(), threads=threads)
    except ModelError as error:
        _refuse(error, lang)
    table = _table(lang, "runtime", "precision", "cpu", "wall", "note")
    for row in rows:
        cpu, wall = ("" if ms is None else f"{ms:.1f}" for ms in (row.cpu_ms, row.wall_ms))
        table.add_row(row.runtime, row.precision, cpu, wall, row.refusal)
    console.print(table)


def _say_imported(found: Imported, lang: str) -> None:
    heads = found.card.task == "heads"
    line = text(
        "models.import.heads" if heads else "models.import.accepted",
        lang,
        file=found.card.model_id,
        family=found.family,
        shape=found.shape,
        card=found.card.path,
        **({"model": found.card.model_id} if heads else {}),
    )
    _console().print(line, markup=False)


def _command(model_id: str, datasets: list[str], slices: bool, precision: Precision) -> str:
    """The command as the card repeats it; folders are of this machine and are left out."""
    words = ["xiaoan models evaluate", model_id]
    words += [f"{name.partition('=')[0]}=FOLDER" if "=" in name else name for name in datasets]
    words += ["--data DATA", *(["--slices"] if slices else [])]
    words += [] if precision == "f32" else [f"--precision {precision}"]
    return " ".join([*words, "--write"])


def _judge(
    model_id: str, sets: Sequence[EvaluationSet], *, slices: bool, precision: Precision
) -> EvaluationReport:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        tasks: dict[str, object] = {}

        def step(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done)  # type: ignore[arg-type]

        return evaluate_model(
            model_id, sets, with_slices=slices, precision=precision, progress=step
        )


def _results(report: EvaluationReport, lang: str) -> Table:
    """Each set by every rule, then by count and by camera, and then the slices."""
    table = _table(lang, "set", "rule", "pictures", "mae", "rmse", "nae", "bias", "ap50")
    for evaluation in report.evaluations:
        _add_rules(table, evaluation.dataset, evaluation)
        cameras = evaluation.by_camera if len(evaluation.by_camera) > 1 else {}
        for name, rules in {**evaluation.by_bin, **cameras}.items():
            _add_row(table, f"{evaluation.dataset} · {name}", "density", rules["density"])
    for name, group in report.slices.items():
        for evaluation in group:
            _add_rules(table, f"{evaluation.dataset} · {name}", evaluation)
    return table


def _add_rules(table: Table, label: str, evaluation: Evaluation) -> None:
    for rule in RULES:
        ap50 = evaluation.head_ap50 if rule == "points" else None
        _add_row(table, label, rule, evaluation.overall[rule], ap50)


def _add_row(
    table: Table, label: str, rule: str, found: CountErrors, ap50: float | None = None
) -> None:
    table.add_row(
        label,
        rule,
        str(found.pictures),
        f"{found.mae:.2f}",
        f"{found.rmse:.2f}",
        "" if found.nae is None else f"{found.nae * 100:.1f}",
        f"{found.bias:+.2f}",
        "" if ap50 is None else f"{ap50:.3f}",
    )


def _table(lang: str, *columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(text(f"models.column.{column}", lang))
    return table


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)


def _spoken(lang: str) -> str:
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"use one of {', '.join(LANGUAGES)}", param_hint="--lang")
    return lang


def _refuse(error: ModelError, lang: str) -> NoReturn:
    _tell(error, lang)
    raise typer.Exit(1) from None


def _tell(error: ModelError, lang: str) -> None:
    """The refusal on standard error, for a Chinese reader in Chinese first."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    chinese = in_chinese(str(error), _REFUSALS) if lang == "zh" else None
    if chinese is not None:
        console.print(chinese, markup=False)
    console.print(str(error), markup=False)
