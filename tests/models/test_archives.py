import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import pytest

from models.archives import is_archive, pack, unpack
from models.cards import read_card
from models.errors import CardError, RuntimeMissingError, WrongFamilyError
from models.loading import load_head_network
from models.registry import find_card
from models.sessions import open_session
from tests.models.conftest import write_card


@pytest.fixture(scope="session")
def tiny_archive(tiny_network: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The tiny network as an OpenVINO file; its numbers are float, only the container counts."""
    xml = tmp_path_factory.mktemp("ir") / "tiny.xml"
    openvino.save_model(openvino.Core().read_model(tiny_network), xml, compress_to_fp16=False)
    return pack(xml.read_bytes(), xml.with_suffix(".bin").read_bytes())


def test_both_parts_come_back() -> None:
    packed = pack(b"<net/>", b"\x00\x01")
    assert is_archive(packed)
    assert unpack(packed, "t") == (b"<net/>", b"\x00\x01")


def test_an_encrypted_member_is_one_refusal() -> None:
    packed = bytearray(pack(b"<net/>", b"\x00\x01"))
    # The first bit of the flags, in the directory at the end, says that a member is encrypted.
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    packed[6] |= 1
    with pytest.raises(WrongFamilyError, match="encrypted"):
        unpack(bytes(packed), "t")


def test_equal_networks_give_equal_bytes() -> None:
    assert pack(b"a", b"b") == pack(b"a", b"b")


def foreign() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("holiday.jpg", b"x")
    return out.getvalue()


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def misplaced(content: bytes) -> bytes:
    """The list of members seems to begin before the file does."""
    at = content.rindex(b"PK\x05\x06") + 12
    return content[:at] + (2**31).to_bytes(4, "little") + content[at + 4 :]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda c: c[: len(c) // 2], "cut short or damaged"),
        (lambda c: c[:4], "cut short or damaged"),
        (flipped, "bad.zip"),
        (misplaced, "cut short or damaged"),
        (lambda _: foreign(), "bad.zip: expected network.xml and network.bin"),
    ],
)
def test_a_spoilt_int8_file_is_one_refusal(
    tiny_archive: bytes, spoil: Callable[[bytes], bytes], says: str
) -> None:
    with pytest.raises(WrongFamilyError, match=r"bad\.zip") as refusal:
        open_session(spoil(tiny_archive), source="bad.zip", runtime="openvino", precision="int8")
    assert says in str(refusal.value)


def test_the_packed_network_answers_as_the_plain_one(
    tiny_network: bytes, tiny_archive: bytes
) -> None:
    feed = np.random.default_rng(0).integers(0, 256, (1, 32, 64, 3), dtype=np.uint8)
    plain = open_session(tiny_network, source="t", runtime="openvino")
    packed = open_session(tiny_archive, source="t", runtime="openvino", precision="int8")
    assert packed.precision == "int8"
    for name, values in plain.run(feed).items():
        np.testing.assert_allclose(packed.run(feed)[name], values, atol=1e-6)


def test_only_openvino_reads_it_and_only_as_int8(tiny_archive: bytes, tiny_network: bytes) -> None:
    with pytest.raises(RuntimeMissingError, match="f32 only"):
        open_session(tiny_archive, source="t", runtime="onnxruntime", precision="int8")
    with pytest.raises(RuntimeMissingError, match="reads ONNX only"):
        open_session(tiny_archive, source="t", runtime="onnxruntime")
    with pytest.raises(WrongFamilyError, match="an int8 file, but f32 is asked for"):
        open_session(tiny_archive, source="t", runtime="openvino")
    with pytest.raises(WrongFamilyError, match="no int8 file, but int8 is asked for"):
        open_session(tiny_network, source="t", runtime="openvino", precision="int8")


def test_a_card_without_an_int8_file_says_how_to_make_one(tmp_path: Path) -> None:
    card = read_card(write_card(tmp_path, "tiny", "tiny.onnx", "ab" * 32))
    with pytest.raises(CardError, match="xiaoan models quantise tiny"):
        card.as_int8()


def test_an_int8_file_of_other_weights_is_refused(tmp_path: Path) -> None:
    path = write_card(tmp_path, "tiny", "tiny.onnx", "ab" * 32)
    with path.open("a", encoding="utf-8") as card:
        card.write(f"quantised: {{file: t.zip, sha256: '{'cd' * 32}', made: {{from: tiny@0}}}}\n")
    with pytest.raises(CardError, match="not of tiny@abababab"):
        read_card(path).as_int8()


def test_the_shipped_int8_file_runs_and_says_so() -> None:
    if find_card("xiaoan-heads-2").quantised is None:
        pytest.skip("the shipped network has no int8 file")
    network = load_head_network("xiaoan-heads-2", precision="int8")
    assert network.model_id.startswith("xiaoan-heads-2-int8@")
    image = np.random.default_rng(2).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    full = load_head_network("xiaoan-heads-2", runtime="onnxruntime").observe(image)
    short = network.observe(image)
    assert full.density is not None
    assert short.density is not None
    np.testing.assert_allclose(
        short.density.people_per_cell, full.density.people_per_cell, atol=0.1
    )
