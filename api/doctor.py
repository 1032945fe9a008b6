"""What is missing on this machine, and how to mend it: the checks behind `xiaoan doctor`."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from api.coverage.errors import ReportError
from api.database.errors import DatabaseError
from api.database.migrate import version_fault
from api.database.reach import absent_file, database_fault
from api.listening import listening_fault
from api.run_folder import path_fault
from config import SecretError, SiteFileError, load_site
from config.settings import misspelt
from config.site_files import check_files
from config.texts import text
from models.errors import ModelError
from models.loading import head_card
from models.registry import checked_weights

_GIB = 2**30
_PACKAGES = (
    "av",
    "fastapi",
    "numpy",
    "onnxruntime",
    "openvino",
    "pyarrow",
    "scipy",
    "shapely",
    "sqlalchemy",
)
# Read by `api.coverage.fonts`, which needs a package that may be missing.
_FONT = "XIAOAN_REPORT_FONT"
_DECODERS = ("h264", "hevc", "mjpeg")


class Status(StrEnum):
    """How much a check's result matters."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's table; `mend` is empty when nothing is to be done."""

    name: str
    status: Status
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What the doctor looks at beside the machine itself."""

    run_dir: Path
    host: str
    port: int
    language: str
    site_dir: Path | None = None
    head_network: str = ""
    database_url: str = ""


def examine(patient: Patient) -> tuple[Check, ...]:
    """Run every check; never raises for something that is missing."""
    checks: list[Check] = []
    for group in (_machine, _packages, _fonts, _decoders, _networks, _service, _site):
        checks.extend(group(patient))
    return tuple(checks)


def _judge(name: str, good: bool, found: str, *, mend: str, bad: Status = Status.FAIL) -> Check:
    return Check(name, Status.OK if good else bad, found, "" if good else mend)


def _machine(patient: Patient) -> Iterator[Check]:
    say = _speaker(patient)
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield _judge(
        say("doctor.python"),
        sys.version_info >= (3, 11),
        version,
        mend=say("doctor.python.mend"),
    )
    model, flags = _processor()
    fast = "avx2" in flags or not flags
    found = f"{model}, {os.cpu_count()}×"
    yield _judge(say("doctor.cpu"), fast, found, mend=say("doctor.cpu.mend"), bad=Status.WARN)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield _judge(
        say("doctor.memory"),
        memory >= 3.5 * _GIB,
        f"{memory / _GIB:.1f} GiB",
        mend=say("doctor.memory.mend"),
        bad=Status.WARN,
    )
    free = shutil.disk_usage(_nearest_existing(patient.run_dir)).free
    yield _judge(
        say("doctor.disk"),
        free >= 2 * _GIB,
        f"{free / _GIB:.1f} GiB",
        mend=say("doctor.disk.mend", path=str(patient.run_dir)),
    )
    synchronised = Path("/run/systemd/timesync/synchronized").exists()
    yield _judge(
        say("doctor.clock"),
        synchronised,
        "NTP" if synchronised else say("doctor.unknown"),
        mend=say("doctor.clock.mend"),
        bad=Status.WARN,
    )


def _packages(patient: Patient) -> Iterator[Check]:
    say = _speaker(patient)
    for name in _PACKAGES:
        yield _imported(patient, name, say("doctor.package.mend", name=name))
    yield _imported(patient, "cv2", say("doctor.opencv.mend"))
    simulator = _imported(patient, "jupedsim", say("doctor.sim.mend"))
    status = Status.OK if simulator.status is Status.OK else Status.WARN
    yield Check(say("doctor.sim"), status, simulator.found, simulator.mend)


def _imported(patient: Patient, name: str, mend: str) -> Check:
    say = _speaker(patient)
    label = say("doctor.package", name=name)
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        return Check(label, Status.FAIL, str(error), mend)
    return Check(label, Status.OK, str(getattr(module, "__version__", "✓")))


def _fonts(patient: Patient) -> Iterator[Check]:
    say = _speaker(patient)
    label, mend = say("doctor.font"), say("doctor.font.mend")
    if os.environ.get(_FONT):
        mend = say("doctor.font.chosen", name=_FONT)
    try:
        importlib.import_module("api.coverage.fonts").register_font()
    except (ImportError, ReportError) as error:
        yield Check(label, Status.WARN, str(error), mend)
        return
    yield Check(label, Status.OK, "✓")


def _decoders(patient: Patient) -> Iterator[Check]:
    say = _speaker(patient)
    try:
        available = importlib.import_module("av").codecs_available
    except ImportError:
        return
    for name in _DECODERS:
        there = name in available
        found = "✓" if there else say("doctor.absent")
        label = say("doctor.decoder", name=name)
        yield _judge(label, there, found, mend=say("doctor.decoder.mend"))


def _networks(patient: Patient) -> Iterator[Check]:
    say = _speaker(patient)
    try:
        card = head_card(patient.head_network or None)
        checked_weights(card)
    except ModelError as error:
        yield Check(say("doctor.weights"), Status.FAIL, str(error), say("doctor.weights.mend"))
        return
    yield Check(say("doctor.weights"), Status.OK, card.weights_file)
    if card.quantised is None:
        return
    try:
        checked_weights(card.as_int8())
    except ModelError as error:
        yield Check(say("doctor.int8"), Status.WARN, str(error), say("doctor.int8.mend"))
    else:
        yield Check(say("doctor.int8"), Status.OK, card.quantised.file)


def _service(patient: Patient) -> Iterator[Check]:
    say = _speaker(patient)
    nearest = _nearest_existing(patient.run_dir)
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    yield _judge(
        say("doctor.run_dir"),
        writable,
        str(patient.run_dir),
        mend=say("doctor.run_dir.mend", path=str(patient.run_dir)),
    )
    if too_long := path_fault(patient.run_dir, patient.language):
        yield Check(say("doctor.run_dir.path"), Status.FAIL, str(patient.run_dir), too_long)
    for name, meant in misspelt(os.environ).items():
        mend = say("doctor.variable.mend", name=name, meant=meant)
        yield Check(say("doctor.variable"), Status.WARN, name, mend)
    if patient.database_url:
        fault = database_fault(patient.database_url) or _version_fault(patient.database_url)
        status = Status.FAIL if fault else Status.OK
        yield Check(say("doctor.database"), status, fault or "✓")
    label = say("doctor.port", port=patient.port)
    listening = listening_fault(patient.host, patient.port)
    if listening is None:
        yield Check(label, Status.OK, say("doctor.free"))
    elif listening.absent:
        mend = say("doctor.port.absent", host=patient.host)
        yield Check(label, Status.FAIL, listening.reason, mend)
    else:
        yield Check(label, Status.WARN, listening.reason, say("doctor.port.mend"))


def _version_fault(database_url: str) -> str:
    try:
        # Opening a file that is not there would make it.
        return "" if absent_file(database_url) is not None else version_fault(database_url)
    except DatabaseError as error:
        return str(error)


def _site(patient: Patient) -> Iterator[Check]:
    if patient.site_dir is None:
        return
    say = _speaker(patient)
    path = str(patient.site_dir)
    try:
        site = load_site(patient.site_dir)
    except SiteFileError as error:
        found = str(error.problems[0])
        yield Check(say("doctor.site"), Status.FAIL, found, say("doctor.site.mend", path=path))
        return
    yield Check(say("doctor.site"), Status.OK, site.name.in_language(patient.language))
    for camera in site.cameras:
        try:
            for uri in filter(None, (camera.uri, camera.sub_uri)):
                uri.reveal()
        except SecretError as error:
            label = say("doctor.secret", camera=camera.id)
            yield Check(label, Status.FAIL, str(error), say("doctor.secret.mend"))
    for standing in check_files(site):
        label = say("doctor.site_file", name=standing.name)
        if standing.problems:
            mend = say("doctor.site.mend", path=path)
            yield Check(label, Status.FAIL, str(standing.problems[0]), mend)
        else:
            found = say("site.file.good" if standing.present else "site.file.absent")
            yield Check(label, Status.OK, found)


def _nearest_existing(path: Path) -> Path:
    candidate = path.absolute()
    while not _may_be_seen(candidate):
        candidate = candidate.parent
    return candidate


def _may_be_seen(path: Path) -> bool:
    """Whether it is there; not where its folder is closed to this user."""
    try:
        return path.exists()
    except OSError:
        return False


def _processor() -> tuple[str, frozenset[str]]:
    """Model name and feature flags; no flags where the system does not tell them."""
    model, flags = "", frozenset[str]()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return os.uname().machine, flags
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name" and not model:
            model = value.strip()
        elif key.strip() == "flags" and not flags:
            flags = frozenset(value.split())
    return model or os.uname().machine, flags


def _speaker(patient: Patient) -> Callable[..., str]:
    def say(key: str, **values: object) -> str:
        return text(key, patient.language, **values)

    return say
