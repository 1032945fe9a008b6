"""Which room a SCUT-HEAD part A picture shows.

The file names do not tell. The rooms were read once from the caption that the camera burns into its
pictures: every training picture is of room 1-401 or 1-403, a few of others, and the test part is
room 2-318.
"""

from __future__ import annotations

# Bit k is set when training picture PartA_k shows room 1-403.
_ROOM_403 = int(
    "84040840008a2888281088a80808008a80a821428000400a82a941115150020000a08a281102410140800144"
    "44400a8484021155455082a821448028a80080800080a0500288002280100545145080511000028820900440"
    "10a040a0a00480a00008800112a40448050a404010804544201148a0008145015100201100800020400a0220"
    "10540a011100494040000a1554105111110808811015108480280001054020829008aa881421100154001501"
    "550940008a208000000a8a811485042100100a10008020a02aa10890541080a00001100080a204544200a108"
    "104405422290042815080084088a22000041555002200480a04055110004",
    16,
)
_OTHER = frozenset((6, 40, 192, 239, 430, 476, 541, 661, 703, 1527, 1633, 1737))


def scut_room(stem: str, *, test: bool) -> str:
    """Camera of a SCUT-HEAD picture by its file name without suffix.

    Args:
        test: the picture is of a test part.

    Returns:
        `scut-a-401`, `scut-a-403`, `scut-a-other`, `scut-a-318`, or `scut-b` for a picture of the
        mixed part B, which is no camera.
    """
    part, _, number = stem.partition("_")
    if part != "PartA" or not number.isdigit():
        return "scut-b"
    if test:
        return "scut-a-318"
    if int(number) in _OTHER:
        return "scut-a-other"
    return "scut-a-403" if _ROOM_403 >> int(number) & 1 else "scut-a-401"
