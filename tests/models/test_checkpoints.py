"""A PyTorch file is looked through without anything in it being called."""

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from models.checkpoints import copy_checked
from models.errors import WeightsMissingError, WrongFamilyError

DETECTOR = b"cultralytics.nn.tasks\nDetectionModel\n"
# An empty object of a class, and how a class or a function is called with one text.
EMPTY_OBJECT = b")\x81"
CALLED = b"X\x01\x00\x00\x00x\x85R"


def text(value: str) -> bytes:
    content = value.encode()
    return b"\x8c" + bytes([len(content)]) + content


def checkpoint(folder: Path, content: bytes, **members: bytes) -> Path:
    path = folder / "best.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("best/data.pkl", content)
        for name, more in members.items():
            archive.writestr(f"best/{name}", more)
    return path


def checked(path: Path) -> Path:
    folder = path.parent / "copy"
    folder.mkdir(exist_ok=True)
    return copy_checked(path, folder)


class _Runs:
    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> tuple[object, tuple[object]]:
        return Path.touch, (self.ran,)


def test_nothing_is_run_while_a_file_is_looked_through(tmp_path: Path) -> None:
    content = pickle.dumps(_Runs(tmp_path / "ran"))
    pickle.loads(content)
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    with pytest.raises(WrongFamilyError, match=r"best\.pt: it would run "):
        checked(checkpoint(tmp_path, content))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (b"cos\nsystem\n" + CALLED, "os.system"),
        (b"ctorch\nos.system\n" + CALLED, "torch.os.system"),
        (b"cnumpy.testing._private.utils\nrunstring\n" + CALLED, "numpy.testing._private.utils"),
        (b"ctorch.storage\n_load_from_bytes\n" + CALLED, "torch.storage._load_from_bytes"),
        (b"c__builtin__\neval\n" + CALLED, "builtins.eval"),
        (b"c__builtin__\ngetattr\n" + CALLED, "builtins.getattr"),
        (text("numpy.testing._private.utils") + text("os.system") + b"\x93", "os.system"),
        # The last two texts are not the two that the machine takes.
        (text("os") + text("system") + text("torch") + text("nn") + b"00\x93", "os.system"),
        (b"(X\x01\x00\x00\x00xios\nsystem\n", "os.system"),
        # A constructor of Ultralytics evaluates a text of the description that it is given.
        (DETECTOR + CALLED, "ultralytics.nn.tasks.DetectionModel"),
        (b"(" + DETECTOR + b"X\x01\x00\x00\x00xo", "ultralytics.nn.tasks.DetectionModel"),
        (b"cultralytics.nn.tasks\nparse_model\n" + CALLED, "ultralytics.nn.tasks.parse_model"),
        # A module that is not there would be installed.
        (b"cultralytics.nn.modules.evil\nConv\n" + CALLED, "ultralytics.nn.modules.evil.Conv"),
    ],
)
def test_what_would_run_is_named_and_not_opened(tmp_path: Path, names: bytes, what: str) -> None:
    path = checkpoint(tmp_path, b"\x80\x04" + names + b"0" + DETECTOR + EMPTY_OBJECT + b".")
    with pytest.raises(WrongFamilyError, match=r"best\.pt: it would run") as refusal:
        checked(path)
    assert what in str(refusal.value)


@pytest.mark.parametrize(
    "content",
    [
        # A class kept as an attribute, which later code would call.
        b"ctorch.nn.modules.linear\nIdentity\n)\x81}X\x07\x00\x00\x00forward" + DETECTOR + b"sb",
        # An object, whose attributes can be anything, given to a function that calls them.
        b"ctorch._utils\n_rebuild_parameter\n" + DETECTOR + EMPTY_OBJECT + b"\x85R",
        b"ctorch._utils\n_rebuild_parameter\n((" + DETECTOR + b"ltR",
    ],
)
def test_neither_a_class_nor_an_object_may_be_handed_on(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(WrongFamilyError, match="it would run ultralytics"):
        checked(checkpoint(tmp_path, b"\x80\x02" + content + b"."))


def test_a_class_cannot_be_changed(tmp_path: Path) -> None:
    content = b"\x80\x02" + DETECTOR + b"N}X\x07\x00\x00\x00forwardNs\x86b."
    with pytest.raises(WrongFamilyError, match="its pickle is damaged"):
        checked(checkpoint(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"cmodels.yolo\nModel\n.", "YOLOv5's own code"),
        (b"cyolox.models\nYOLOX\n.", "YOLOX's own code"),
        (b"cultralytics.nn.tasks\nSegmentationModel\n)\x81.", "but no detector"),
        (b"ctorch\nFloatStorage\n.", "weights without a network"),
        (b"cultralytics.nn.tasks\n", "its pickle is damaged"),
        (b"", "its pickle is damaged"),
        (b"\x80\x02}(K\x01K\x02K\x03u.", "its pickle is damaged"),
        (b"\x80\x02]K\x01a}]K\x01s.", "its pickle is damaged"),
        (b"\x80\x02X\x02\x00\x00\x00\xff\xfe.", "its pickle is damaged"),
        (b"\x80\x02K\x01Q.", "its pickle is damaged"),
    ],
)
def test_checkpoints_that_cannot_be_used(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(WrongFamilyError) as refusal:
        checked(checkpoint(tmp_path, content))
    assert says in str(refusal.value)


# As torch.save writes a detector: a dict with the network, its one layer with one tensor, the
# arguments of its training and a figure as numpy writes it.
REAL = (
    b"\x80\x02}(X\x05\x00\x00\x00modelq\x00cultralytics.nn.tasks\nDetectionModel\nq\x01)\x81q\x02}("
    b"X\x08\x00\x00\x00_modulesccollections\nOrderedDict\n)RX\x01\x00\x00\x000"
    b"ctorch.nn.modules.conv\nConv2d\n)\x81}X\x06\x00\x00\x00weightctorch._utils\n_rebuild_parameter"
    b"\n(ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nHalfStorage\n"
    b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00K\x01\x85K\x01\x85\x89ccollections\n"
    b"OrderedDict\n)RtR\x88ccollections\nOrderedDict\n)RtRsbs"
    b"X\x04\x00\x00\x00argscultralytics.utils\nIterableSimpleNamespace\n)R}"
    b"X\x04\x00\x00\x00taskX\x06\x00\x00\x00detectsbub"
    b"X\x07\x00\x00\x00fitnesscnumpy._core.multiarray\nscalar\n(cnumpy\ndtype\nX\x02\x00\x00\x00f8"
    b"\x89\x88\x87R(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x06\x00\x00\x00latin1\x86RtRu."
)


def test_a_detector_is_copied_member_by_member(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, REAL, version=b"3", **{"data/0": b"\x00\x3c"})
    with zipfile.ZipFile(checked(path)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {"best/data.pkl": REAL, "best/version": b"3", "best/data/0": b"\x00\x3c"}


def _behind_a_pickle(path: Path) -> None:
    path.write_bytes(b"cos\nsystem\n(Vtrue\ntR." + path.read_bytes())


def _second_archive(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04 another archive before this one " + path.read_bytes())


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _encrypted(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))


def _no_utf8(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 9] |= 8
    content[at + 46] = 0xFF
    path.write_bytes(bytes(content))


def _elsewhere(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x05\x06")
    content[at + 12 : at + 16] = (2**31).to_bytes(4, "little")
    path.write_bytes(bytes(content))


def _compressed(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("best/data.pkl", REAL)


def _another_in_capitals(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("best/DATA.PKL", b"cos\nsystem\n(Vtrue\ntR.")


def _scripted(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("best/constants.pkl", b"")


@pytest.mark.parametrize(
    "spoil",
    [
        _behind_a_pickle,
        _cut,
        _encrypted,
        _no_utf8,
        _elsewhere,
        _compressed,
        _another_in_capitals,
        _scripted,
    ],
)
def test_a_strange_or_damaged_archive_is_refused(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = checkpoint(tmp_path, REAL)
    checked(path)
    spoil(path)
    with pytest.raises(WrongFamilyError, match=r"best\.pt: no PyTorch checkpoint"):
        checked(path)


def test_what_is_opened_is_one_archive_whatever_lay_before_it(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, REAL)
    plain = checked(path).read_bytes()
    _second_archive(path)
    copy = checked(path).read_bytes()
    assert b"another archive" not in copy
    assert len(copy) == len(plain)


def test_a_file_that_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    with pytest.raises(WeightsMissingError, match="cannot be read"):
        checked(path)
    path.write_bytes(b"PK\x03\x04cut")
    with pytest.raises(WrongFamilyError, match="cut short"):
        checked(path)
