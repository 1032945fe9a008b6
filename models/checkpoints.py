"""What a PyTorch file would call when it is opened, found out without calling any of it.

A `.pt` file of `torch.save` is a ZIP file, whose `data.pkl` is a pickle: a small program that names
things and calls them. It runs here on Python's own machine for pickles, so each name is seen as the
machine itself resolves it, but every name gives an inert stand-in. Let through are only classes of
layers, of which empty objects may be made and filled but no constructor called, and functions and
types that build a value out of values. Neither may stay in what is made: later code would call it.
"""

from __future__ import annotations

import io
import pickle
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

from models.archives import ZIP_DAMAGE
from models.errors import WeightsMissingError, WrongFamilyError
from models.registry import whole_file

_FIRST_BYTES = b"PK\x03\x04"
_DAMAGED_PICKLE = (
    pickle.UnpicklingError,
    struct.error,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    MemoryError,
    RecursionError,
)
# Of these modules any class may be made empty and filled. Whole names: for a module that does not
# exist Ultralytics installs a package of that name.
_CLASSES_OF = re.compile(
    r"torch\.nn\.modules\.(activation|adaptive|batchnorm|channelshuffle|container|conv|distance"
    r"|dropout|flatten|fold|instancenorm|linear|loss|module|normalization|padding|pixelshuffle"
    r"|pooling|rnn|sparse|transformer|upsampling|utils)"
    r"|ultralytics\.nn\.(tasks|modules(\.(activation|block|conv|head|transformer|utils))?)"
    r"|ultralytics\.utils\.(loss|tal)"
)
# `v10Detect` and `v8DetectionLoss` are classes too.
_CLASS_NAME = re.compile(r"(?:[A-Z]|v[0-9])[A-Za-z0-9_]*")
_NAMED_ONLY = re.compile(
    r"torch\.(BFloat16|Bool|Byte|Char|Double|Float|Half|Int|Long|Short)Storage"
    r"|torch\.storage\.UntypedStorage"
    r"|torch\.(bfloat16|bool|float(16|32|64)|u?int8|int(16|32|64))"
    r"|numpy\.ndarray"
    r"|builtins\.(bool|dict|float|int|list|str|tuple)"
)
_BUILDS_A_VALUE = re.compile(
    r"torch\.(Size|device)"
    r"|torch\._utils\._rebuild_(parameter(_with_state)?|tensor(_v2)?)"
    r"|collections\.OrderedDict"
    r"|numpy\.dtype"
    r"|numpy\.(core|_core)\.multiarray\.(_reconstruct|scalar)"
    r"|_codecs\.encode"
    r"|pathlib\.(Posix|Windows)Path"
    r"|builtins\.(bytearray|complex|frozenset|set|slice|xrange|range)"
)
_BUILDS_AN_OBJECT = re.compile(r"ultralytics\.(yolo\.)?utils\.IterableSimpleNamespace")
_OWN_TOOLS = {"models": "YOLOv5", "yolox": "YOLOX", "nanodet": "NanoDet"}


def copy_checked(path: Path, folder: Path) -> Path:
    """A copy of a checkpoint as `checkpoint.pt` in a folder.

    It is written anew, member by member: two readers of ZIP files may see two archives in one file,
    and what is opened has to be what was checked. The name is one for all, since Ultralytics takes
    some names for files of its own to be fetched.

    Raises:
        WeightsMissingError: it cannot be read.
        WrongFamilyError: no PyTorch file, cut short, no Ultralytics detector, or one that would run
            something when opened.
        OSError: the copy cannot be written.
    """
    members = _checked(path)
    target = folder / "checkpoint.pt"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target


def _checked(path: Path) -> dict[str, bytes]:
    members = _members(path)
    (pickled,) = (c for name, c in members.items() if name.lower().endswith("/data.pkl"))
    machine = _Machine(pickled)
    try:
        _refuse_callables(machine.load(), objects=True)
    except _OwnCodeError as own:
        raise WrongFamilyError(
            f"{path}: a checkpoint of {own}'s own code; export it to ONNX with {own}'s own tool "
            "and import the .onnx file"
        ) from None
    except _UnsafeError as unsafe:
        raise WrongFamilyError(
            f"{path}: it would run {unsafe} when opened, so it is not opened; export it to ONNX "
            "where it comes from, and import the .onnx file"
        ) from None
    except _DAMAGED_PICKLE as error:
        raise WrongFamilyError(f"{path}: its pickle is damaged ({error})") from error
    if not any(name.startswith("ultralytics.nn.tasks.") for name in machine.names):
        raise WrongFamilyError(
            f"{path}: weights without a network in them, or not by Ultralytics; export it to ONNX "
            "where it comes from, and import the .onnx file"
        )
    if "ultralytics.nn.tasks.DetectionModel" not in machine.names:
        raise WrongFamilyError(f"{path}: an Ultralytics model, but no detector")
    return members


def _members(path: Path) -> dict[str, bytes]:
    """Everything in the file, by name; exactly one member is a `data.pkl`."""
    try:
        content = whole_file(path)
    except OSError as error:
        raise WeightsMissingError(f"{path}: cannot be read ({error.strerror})") from error
    if not content.startswith(_FIRST_BYTES):
        # PyTorch opens it as a bare pickle then, whatever archive follows.
        raise WrongFamilyError(f"{path}: no PyTorch checkpoint, or cut short (no ZIP file)")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            # PyTorch looks for members without regard to capitals; with a `constants.pkl` it opens
            # the file as TorchScript.
            names = [info.filename.lower() for info in infos]
            pickles = [name for name in names if name.endswith("/data.pkl")]
            strange = any(info.compress_type != zipfile.ZIP_STORED for info in infos)
            scripted = any(name.endswith("/constants.pkl") for name in names)
            if len(pickles) != 1 or len(set(names)) != len(names) or strange or scripted:
                raise WrongFamilyError(f"{path}: no PyTorch checkpoint (no data.pkl in it)")
            return {info.filename: archive.read(info) for info in infos}
    except WrongFamilyError:
        raise
    except ZIP_DAMAGE as error:
        raise WrongFamilyError(f"{path}: no PyTorch checkpoint, or cut short ({error})") from error


class _OwnCodeError(Exception):
    """A class of a tool whose checkpoints only the tool itself opens; the tool's name."""


class _UnsafeError(Exception):
    """A name that is not let through, or not in this way."""


class _Value:
    """Stands for a value that a builder made; it holds what it is filled with."""

    holds: list[object]

    def __new__(cls) -> _Value:
        made = super().__new__(cls)
        made.holds = []
        return made

    def __setitem__(self, key: object, value: object) -> None:
        self.holds += [key, value]

    def append(self, item: object) -> None:
        self.holds.append(item)

    def __setstate__(self, state: object) -> None:
        self.holds.append(state)


class _Object(_Value):
    """Stands for an object, whose attributes a pickle sets as it likes."""


class _Name:
    """Stands for a type that is named and never called."""

    __slots__ = ()


class _Builder:
    """Stands for a function or type that builds a value out of values, never out of objects."""

    __slots__ = ("_makes", "name")

    def __init__(self, name: str, makes: type[_Value]) -> None:
        self.name = name
        self._makes = makes

    def __call__(self, *values: object) -> _Value:
        _refuse_callables(values, objects=False)
        return self._makes()


class _Class(type):
    """Stands for a class of layers: the machine makes it empty; a constructor is not run."""

    def __call__(cls, *_: object) -> Any:
        raise _UnsafeError(f"{cls.__module__}.{cls.__name__}")


def _refuse_callables(root: object, *, objects: bool) -> None:
    """Raises `_UnsafeError` where a class or a builder lies in `root`, or an object if unwanted."""
    waiting, seen = [root], set[int]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, _Class):
            raise _UnsafeError(f"{one.__module__}.{one.__name__}")
        if isinstance(one, _Builder):
            raise _UnsafeError(one.name)
        if isinstance(one, _Object) and not objects:
            raise _UnsafeError(f"{type(one).__module__}.{type(one).__name__}")
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += one
        elif isinstance(one, _Value):
            waiting += one.holds


class _Machine(pickle.Unpickler):
    """Runs a pickle on stand-ins; `names` are those that it asked for."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")
        self.names: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        tool = _OWN_TOOLS.get(module.partition(".")[0])
        if tool is not None:
            raise _OwnCodeError(tool)
        # Python 2's name of the module, which protocol 2 writes.
        whole = f"{module.replace('__builtin__', 'builtins')}.{name}"
        self.names.add(whole)
        if "." in name:
            raise _UnsafeError(whole)
        if _BUILDS_A_VALUE.fullmatch(whole):
            return _Builder(whole, _Value)
        if _BUILDS_AN_OBJECT.fullmatch(whole):
            return _Builder(whole, _Object)
        if _NAMED_ONLY.fullmatch(whole):
            return _Name()
        if _CLASSES_OF.fullmatch(module) and _CLASS_NAME.fullmatch(name):
            return _Class(name, (_Object,), {"__module__": module})
        raise _UnsafeError(whole)

    def persistent_load(self, pid: object) -> Any:
        """The numbers of a tensor: ("storage", type, key, place, count)."""
        match pid:
            case ("storage", _Name(), str(), str(), int()):
                return _Value()
        raise pickle.UnpicklingError("a storage of another kind")
