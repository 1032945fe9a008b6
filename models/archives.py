"""An OpenVINO network in one file, so that one sha256 covers all of it.

OpenVINO writes a network as two files, `.xml` and `.bin`. Here both lie in one ZIP file, members
`network.xml` and `network.bin`, with fixed dates: equal networks give equal bytes.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from models.errors import WrongFamilyError

_MEMBERS = ("network.xml", "network.bin")
_FIRST_BYTES = b"PK\x03\x04"
ZIP_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,  # an encrypted member
    ValueError,  # names that are no UTF-8, places outside the file
    OSError,
)
"""What reading a ZIP file raises that is damaged, or made to be."""

_DATE = (1980, 1, 1, 0, 0, 0)
# Our largest network is under 10 MB; a file that claims more is not one of ours.
_LARGEST_MEMBER_BYTES = 256 * 2**20


def is_archive(content: bytes) -> bool:
    """Whether bytes begin like such a file (an ONNX file never does)."""
    return content.startswith(_FIRST_BYTES)


def pack(xml: bytes, weights: bytes) -> bytes:
    """One file out of the two."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in zip(_MEMBERS, (xml, weights), strict=True):
            archive.writestr(
                zipfile.ZipInfo(name, _DATE),
                content,
                compress_type=zipfile.ZIP_DEFLATED,
                compresslevel=9,
            )
    return out.getvalue()


def unpack(content: bytes, source: str) -> tuple[bytes, bytes]:
    """The network's description and its weights.

    Args:
        source: how error texts call the file.

    Raises:
        WrongFamilyError: it is no such file, or is cut short or damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = {info.filename: info.file_size for info in archive.infolist()}
            if set(found) != set(_MEMBERS):
                raise WrongFamilyError(
                    f"{source}: expected {' and '.join(_MEMBERS)} in it, found "
                    f"{', '.join(sorted(found)) or 'nothing'}; give a file that "
                    "`xiaoan models quantise` wrote"
                )
            if max(found.values()) > _LARGEST_MEMBER_BYTES:
                raise WrongFamilyError(f"{source}: a part of it is larger than any network here")
            return archive.read(_MEMBERS[0]), archive.read(_MEMBERS[1])
    except WrongFamilyError:
        raise
    except ZIP_DAMAGE as error:
        raise WrongFamilyError(
            f"{source}: cut short or damaged ({error}); give an intact file"
        ) from error
