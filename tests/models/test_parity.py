"""Our adapters beside Ultralytics' own prediction, on networks with random weights.

Runs in an environment of its own (`make parity`); elsewhere it is skipped.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.loading import adapter, own_file
from models.persons.letterbox import letterbox
from models.sessions import open_session
from tests.models import torchvision_stand_in
from vision.arrays import Float32Array, UInt8Array

pytestmark = pytest.mark.filterwarnings("ignore")
BOX_PX, SCORE = 0.5, 1e-3
CONFIDENCE = 0.3
SIDE_PX = 320
PERSON = 0


@pytest.fixture(scope="module")
def ultralytics(tmp_path_factory: pytest.TempPathFactory) -> Any:
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_CONFIG_DIR", str(tmp_path_factory.mktemp("settings")))
    if importlib.util.find_spec("ultralytics") is None:
        pytest.skip("Ultralytics is in the parity environment only: make parity")
    torchvision_stand_in.install()
    # Not importorskip: where it is installed and does not load, the test has to fail.
    return importlib.import_module("ultralytics")


def pictures() -> list[UInt8Array]:
    """Smooth coloured noise: wide, tall, and smaller than the network's input."""
    import cv2

    rng = np.random.default_rng(7)
    found = []
    for height, width in ((360, 640), (500, 333), (200, 240)):
        small = rng.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8)
        grown = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        found.append(np.asarray(grown, np.uint8))
    return found


def random_network(ultralytics: Any, name: str) -> Any:
    """Ultralytics' own yaml, random weights, with scores spread over 0..1.

    A fresh network answers nearly the same everywhere, and the order of equal scores says nothing
    about an adapter. So normalisation is settled on the pictures, and the class layers are scaled
    so that scores spread.
    """
    import torch

    canvases = [letterbox(image, SIDE_PX, SIDE_PX).pixels for image in pictures()]
    shown = np.stack([canvas[:, :, ::-1].transpose(2, 0, 1) for canvas in canvases])
    torch.manual_seed(3)
    yolo = ultralytics.YOLO(f"{name}.yaml", task="detect")
    network = yolo.model
    network.train()
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        # What it sees, whole: with Ultralytics' own momentum of 0.03 the statistics hardly move,
        # features fade from layer to layer, and equal scores are told apart by chance.
        norm.reset_running_stats()
        norm.momentum = None
    with torch.no_grad():
        network(torch.from_numpy(shown / np.float32(255.0)))
        head = network.model[-1]
        for part in ("cv3", "one2one_cv3"):
            for branch in getattr(head, part, None) or ():
                branch[-1].weight.mul_(0.4)
                branch[-1].bias.fill_(-4.0)
                branch[-1].bias[PERSON] = -1.0
    network.eval()
    return yolo


def matched(
    ours: Float32Array, theirs: Float32Array, our_scores: Float32Array, their_scores: Float32Array
) -> tuple[float, float]:
    """Largest distance of a box side and of a score from the likeliest box of the other side.

    Boxes cut at the picture's border may lie on one another, so the score has a say in which.
    """
    far_px = np.abs(theirs[:, None] - ours[None]).max(axis=2)
    apart = np.abs(their_scores[:, None] - our_scores[None])
    nearest = np.maximum(far_px / BOX_PX, apart / SCORE).argmin(axis=1)
    box_px = float(far_px[np.arange(len(theirs)), nearest].max())
    return box_px, float(np.abs(their_scores - our_scores[nearest]).max())


@pytest.mark.parametrize(("name", "family"), [("yolo11n", "yolo"), ("yolo26n", "yolo")])
def test_our_boxes_are_those_of_ultralytics(
    ultralytics: Any, tmp_path: Path, name: str, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    yolo = random_network(ultralytics, name)
    file = tmp_path / f"{name}.pt"
    yolo.save(str(file))
    yolo = ultralytics.YOLO(str(file))
    exported = ultralytics.YOLO(str(file)).export(
        format="onnx", imgsz=SIDE_PX, opset=17, simplify=False
    )
    # Both are asked for a little more: a score at the threshold is above it on one processor and
    # below it on another.
    asked = CONFIDENCE - 2 * SCORE
    card, content = own_file(Path(exported), asked, PERSON)
    assert card.family == family
    assert card.decoding.person_class == PERSON
    detector = adapter(
        open_session(content, source=name, runtime="onnxruntime"),
        replace(card, decoding=replace(card.decoding, score_threshold=asked)),
    )
    compared = 0
    for image in pictures():
        ours = detector.detect(image)
        (result,) = yolo.predict(
            image, imgsz=SIDE_PX, rect=False, conf=asked, iou=0.7, classes=[PERSON], verbose=False
        )
        theirs = result.boxes.xyxy.numpy()
        scores = result.boxes.conf.numpy()
        sure, surely = ours.scores >= CONFIDENCE, scores >= CONFIDENCE
        assert sure.any()
        assert surely.any()
        compared += int(sure.sum())
        for pair in (
            matched(ours.boxes_xyxy_px, theirs[surely], ours.scores, scores[surely]),
            matched(theirs, ours.boxes_xyxy_px[sure], scores, ours.scores[sure]),
        ):
            assert pair[0] <= BOX_PX
            assert pair[1] <= SCORE
    assert compared >= 10
