"""Post-training int8 by NNCF, calibrated on training pictures only.

`xiaoan models quantise MODEL --data DATA` writes the int8 file beside the model's own and notes in
the card how it was made. What it costs in accuracy is measured by `xiaoan models evaluate MODEL ...
--precision int8 --write`. NNCF is in the `train` extra and is never imported by the service.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.archives import pack
from models.canvas import fit
from models.cards import ModelCard, write_parts
from models.datasets import Sample, is_held_out
from models.decoding import Decoding
from models.errors import DatasetError, ModelError, RuntimeMissingError, WrongFamilyError
from models.last_layer import Answer, LastLayer, fitted
from models.registry import checked_weights, find_card, weights_path, write_whole
from models.training.batches import HELD_OUT_PERCENT, read_training_samples
from vision.arrays import UInt8Array

_SEED = 20261123
_DENSITY = "density"
# The density's last layer, and what tells heads from their neighbours: a step of 1/255 of the
# largest value hides what the small ones say. With the points' two in int8 as well, AP50 of
# xiaoan-heads-2 on held-out pictures of scut_b fell from .791 to .757; in float they give .790.
# With the density's last but one in float too, its held-out counts were off those in float by .84,
# 1.2, 1.2 and 1.4 % (brt, scut_a, scut_b, rendered) instead of 1.1, 1.3, 1.4 and 1.5; merge8's last
# layer beside them gave no more.
# `stage4.0` is where xiaoan-heads-1 reads its stem; the later layout has no such part.
_FLOAT_PARTS = (
    "/stage4/stage4.0/",
    "/density/density.0/pointwise/",
    "/density/density.1/",
    "/points/points.0/pointwise/",
    "/points/points.1/",
)
DEFAULT_PICTURES = 300
Blobs = Iterator[UInt8Array]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What an int8 file is made from.

    Attributes:
        samples: training pictures, none of them held out for validation.
        decoding: how the network is shown a picture.
        fitted_on: other training pictures, on which the density in int8 is brought to that in
            float: on `samples` themselves the rounding fits too well. Empty for `samples`.
    """

    samples: tuple[Sample, ...]
    decoding: Decoding
    fitted_on: tuple[Sample, ...] = ()

    def by_source(self) -> dict[str, int]:
        """How many pictures of each set."""
        sources = [sample.source for sample in self.samples]
        return {source: sources.count(source) for source in sorted(set(sources))}

    def blobs(self) -> Blobs:
        """The pictures as the network is shown them at run time: (1, height, width, 3) uint8.

        Raises:
            DatasetError: for an unreadable picture.
        """
        return self._shown(self.samples)

    def other_blobs(self) -> Blobs:
        """Those that the density is fitted on, likewise."""
        return self._shown(self.fitted_on or self.samples)

    def _shown(self, samples: Sequence[Sample]) -> Blobs:
        for sample in samples:
            image = cv2.imread(str(sample.picture), cv2.IMREAD_COLOR)
            if image is None:
                raise DatasetError(f"{sample.picture}: not a readable picture; copy it again")
            shown = fit(
                np.asarray(image, np.uint8),
                self.decoding.working_long_side_px,
                self.decoding.enlarge_below_px,
            )
            yield shown.pixels[None]


@dataclass(frozen=True, slots=True)
class QuantisedNetwork:
    """What `quantise` made: the file's bytes, and the layers left in float."""

    archive: bytes
    kept_in_float: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuantisedFile:
    """What `models quantise` wrote."""

    path: Path
    sha256: str
    size_bytes: int
    pictures: int
    kept_in_float: tuple[str, ...]


def choose_pictures(
    samples: Sequence[Sample], count: int, seed: int = _SEED, *, but: Sequence[Sample] = ()
) -> tuple[Sample, ...]:
    """About `count` training pictures, as many of each source as of the others, none held out.

    Args:
        but: pictures that are not to be among them.

    Raises:
        DatasetError: when no picture is left.
    """
    rng = np.random.default_rng(seed)
    taken = {s.picture for s in but}
    kept = [s for s in samples if s.picture not in taken and not is_held_out(s, HELD_OUT_PERCENT)]
    sources = sorted({s.source for s in kept})
    if not sources or count < 1:
        raise DatasetError("no training picture to calibrate on; give the folder of the data sets")
    chosen: list[Sample] = []
    for source in sources:
        group = [s for s in kept if s.source == source]
        take = min(len(group), -(-count // len(sources)))
        chosen += [group[int(i)] for i in sorted(rng.choice(len(group), take, replace=False))]
    return tuple(chosen)


def quantise_model(
    model_id: str,
    data: Path,
    *,
    rendered: Path | None = None,
    pictures: int = DEFAULT_PICTURES,
    keep: Sequence[str] = (),
) -> QuantisedFile:
    """Write a head network's int8 file, and into its card how it was made.

    Args:
        data: folder of the data sets; only training parts are read.
        rendered: rendered training pictures.
        keep: names of further layers that stay in float.

    Raises:
        RuntimeMissingError: NNCF is not installed here.
        NotWrittenError: the folder of the weights cannot be written.
        ModelError: for a missing model, weights or data.
    """
    card = find_card(model_id)
    if card.family != "xiaoan-heads":
        raise WrongFamilyError(
            f"{card.path}: family {card.family}: only own networks are quantised"
        )
    nncf = _nncf()
    content = checked_weights(card)
    known = read_training_samples(data, rendered)
    samples = choose_pictures(known, pictures)
    calibration = Calibration(samples, card.decoding, choose_pictures(known, pictures, but=samples))
    network = quantise(content, calibration, keep=keep)
    name = f"{card.model_id}-int8.zip"
    path = weights_path(card).with_name(name)
    write_whole(path, network.archive)
    digest = hashlib.sha256(network.archive).hexdigest()
    made = _made(card, calibration, network, nncf)
    write_parts(card.path, {"quantised": {"file": name, "sha256": digest, "made": made}})
    return QuantisedFile(path, digest, len(network.archive), len(samples), network.kept_in_float)


def _made(
    card: ModelCard, calibration: Calibration, network: QuantisedNetwork, nncf: Any
) -> dict[str, Any]:
    return {
        "by": f"NNCF {nncf.__version__}, post-training, mixed preset, weights of half range",
        "openvino": metadata.version("openvino"),
        "from": card.versioned_id,
        "calibrated_on": calibration.by_source(),
        "kept_in_float": list(network.kept_in_float),
        "density_fitted_on": len(calibration.fitted_on or calibration.samples),
    }


def quantise(
    content: bytes, calibration: Calibration, *, keep: Sequence[str] = ()
) -> QuantisedNetwork:
    """An ONNX network as one int8 OpenVINO file.

    Weights take half of their range, because AVX2 adds two products of 8 bits in 16 and cuts off
    what does not fit. Rounding moves the counts; the density's last layer, which stays in float, is
    fitted anew (`models.last_layer`).
    """
    nncf = _nncf()
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        onnx_file = Path(folder) / "network.onnx"
        onnx_file.write_bytes(content)
        model = openvino.convert_model(onnx_file)
        kept = tuple(dict.fromkeys((*float_parts(model), *keep)))
        quantised = nncf.quantize(
            model,
            nncf.Dataset(list(calibration.blobs())),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(calibration.samples),
            fast_bias_correction=True,
            ignored_scope=nncf.IgnoredScope(names=list(kept)),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE
            ),
        )
        fit_density(model, quantised, list(calibration.other_blobs()))
        # Where and by what it was converted is no part of the network, and would change its hash.
        for part in ("conversion_parameters", "nncf", "MO_version", "Runtime_version"):
            if quantised.has_rt_info([part]):
                quantised.set_rt_info("", [part])
        xml = Path(folder) / "network.xml"
        openvino.save_model(quantised, xml, compress_to_fp16=False)
        archive = pack(xml.read_bytes(), xml.with_suffix(".bin").read_bytes())
        return QuantisedNetwork(archive, kept)


def fit_density(model: Any, quantised: Any, blobs: Sequence[UInt8Array]) -> None:
    """Fit the last layer of the density of `quantised` to the density of `model`, both of OpenVINO.

    Changes `quantised`.
    """
    from openvino import opset13

    asked = quantised.clone()
    asked.add_results([opset13.result(_density_layer(asked).convolution.input_value(0))])
    whole, rounded = _request(model), _request(asked)
    last = len(asked.outputs) - 1
    answers = []
    for blob in blobs:
        inputs = rounded.infer({0: blob})[last][0].astype(np.float16)
        answers.append(Answer(inputs, whole.infer({0: blob})[_DENSITY][0].copy()))
    layer = _density_layer(quantised)
    found = fitted(layer.values(), answers)
    weights = found.weights.astype(np.float32).reshape(1, -1, 1, 1)
    bias = np.full((1, 1, 1, 1), found.bias, np.float32)
    for node, value in ((layer.convolution, weights), (layer.addition, bias)):
        node.input(1).replace_source_output(opset13.constant(value).output(0))
    quantised.validate_nodes_and_infer_types()


@dataclass(frozen=True, slots=True)
class _DensityLayer:
    """The nodes of the density's last layer: weights and bias are each node's second input."""

    convolution: Any
    addition: Any

    def values(self) -> LastLayer:
        weights, bias = (
            np.asarray(node.input_value(1).get_node().get_data(), np.float64).ravel()
            for node in (self.convolution, self.addition)
        )
        return LastLayer(weights, float(bias[0]))


def _density_layer(model: Any) -> _DensityLayer:
    """Back from the density's output to the convolution before it."""
    (result,) = (r for r in model.get_results() if _DENSITY in r.input_value(0).get_names())
    path = [result]
    while path[-1].get_type_name() != "Convolution":
        path.append(path[-1].input_value(0).get_node())
    return _DensityLayer(path[-1], path[-2])


def _request(model: Any) -> Any:
    import openvino

    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    return openvino.compile_model(model, "CPU", hints).create_infer_request()


def float_parts(model: Any) -> tuple[str, ...]:
    """Names of the convolutions of an OpenVINO model that are kept from int8."""
    kinds = ("Convolution", "GroupConvolution")
    names = [n.get_friendly_name() for n in model.get_ordered_ops() if n.get_type_name() in kinds]
    return tuple(name for name in names if name.startswith(_FLOAT_PARTS))


def _nncf() -> Any:
    try:
        return importlib.import_module("nncf")
    except ImportError as error:
        raise RuntimeMissingError(
            f"NNCF cannot be imported ({error}); install the train extra, or in a checkout run "
            "`make train-env` and `.venv-train/bin/python -m models.quantisation MODEL --data DATA`"
        ) from error


def main() -> None:
    """`python -m models.quantisation MODEL --data DATA`: the same without the `xiaoan` command."""
    parser = argparse.ArgumentParser(prog="python -m models.quantisation", description=__doc__)
    parser.add_argument("model_id")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rendered", type=Path)
    parser.add_argument("--pictures", type=int, default=DEFAULT_PICTURES)
    parser.add_argument("--keep", action="append", default=[])
    asked = parser.parse_args()
    try:
        made = quantise_model(
            asked.model_id,
            asked.data,
            rendered=asked.rendered,
            pictures=asked.pictures,
            keep=asked.keep,
        )
    except ModelError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    sys.stdout.write(f"{made.path}: {made.size_bytes} bytes, {made.pictures} pictures\n")


if __name__ == "__main__":
    main()
