"""The head network as `vision` sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.canvas import Canvas, cut, fit, resized
from models.cards import ModelCard
from models.decoding import Decoding
from models.errors import WrongFamilyError
from models.heads.peaks import peaks
from models.sessions import Outputs, Session
from vision.arrays import UInt8Array
from vision.observations import CrowdObservation, DensityMap, HeadPoints, Region

_OUTPUTS = {"density", "heat", "log_size"}
_HEAT_STRIDE_PX = 4.0
_DENSITY_STRIDE_PX = 8.0
# Heads of at least this score tell how large the heads of a picture are, however many weaker ones
# are asked for.
_SURE = 0.3
# A picture is made no smaller than this for its large heads: its small ones have to stay visible;
# and no larger than twice: there is nothing more to see. Less than a sixth is not worth a second
# look.
_SMALLEST_FACTOR, _LARGEST_FACTOR, _NOT_WORTH = 0.35, 2.0, 0.85


class OwnHeadNetwork:
    """A `vision.observations.HeadNetwork` over any session of the family `xiaoan-heads`."""

    def __init__(self, session: Session, card: ModelCard) -> None:
        """`card` may be that of the model or of its int8 file.

        Raises:
            WrongFamilyError: the graph is not of this family.
            CardError: the card has not been through the evaluation command.
        """
        ports = session.inputs
        of_family = (
            set(session.output_names) >= _OUTPUTS
            and len(ports) == 1
            and ports[0].element == "uint8"
            and len(ports[0].shape) == 4
            and ports[0].shape[3] == 3
        )
        if not of_family:
            raise WrongFamilyError(
                f"{card.weights_file}: not a graph of family xiaoan-heads (one uint8 input "
                f"(n, height, width, 3), outputs {', '.join(sorted(_OUTPUTS))}); it has "
                f"{[(p.name, p.element, p.shape) for p in ports]} and {list(session.output_names)}"
            )
        self._session = session
        self._card = card
        self._as_int8 = card
        if session.precision == "int8" and card.quantised is not None:
            self._as_int8 = card.as_int8()
        # Read here, so that a card without it is refused at once and not with a picture.
        self._relative_errors = {
            one.versioned_id: one.relative_error for one in (self._card, self._as_int8)
        }

    @property
    def model_id(self) -> str:
        return self.card.versioned_id

    @property
    def session(self) -> Session:
        """The loaded network, for `models show` and the benchmarks."""
        return self._session

    @property
    def card(self) -> ModelCard:
        """Of the file that computes now: a session may give way to one of another precision."""
        return self._as_int8 if self._session.precision == "int8" else self._card

    def with_decoding(self, decoding: Decoding) -> OwnHeadNetwork:
        """The same network, read in another way."""
        return OwnHeadNetwork(self._session, replace(self._card, decoding=decoding))

    def observe(self, image_bgr: UInt8Array, region: Region | None = None) -> CrowdObservation:
        """See `vision.observations.HeadNetwork`.

        A region is scaled by geometry. A whole picture tells by its heads whether it was shown
        too large for the density map, or too small for the heads, and is then looked at once more.

        Raises:
            ShapeError: for a region that does not lie in the picture.
        """
        decoding = self._card.decoding
        if region is None:
            canvas = fit(image_bgr, decoding.working_long_side_px, decoding.enlarge_below_px)
        else:
            canvas = cut(
                image_bgr,
                region,
                wanted_head_px=decoding.wanted_head_px,
                long_side_px=decoding.working_long_side_px,
            )
        found = self._session.run(canvas.pixels[None])
        heads = self._heads(found, canvas)
        density = _density(found, canvas)
        factor = 1.0
        if region is None:
            factor = size_factor(
                heads,
                canvas.scale_v,
                smallest_px=decoding.smallest_head_px,
                largest_px=decoding.largest_head_px,
            )
        if factor != 1.0:
            other = resized(image_bgr, canvas, factor)
            again = self._session.run(other.pixels[None])
            if factor < 1.0:
                density = _density(again, other)
            else:
                heads = self._heads(again, other, decoding.enlarged_score)
        # Asked for after the network ran: it may have gone on with another file.
        by = self.model_id
        return CrowdObservation(heads, density, self._relative_errors[by], by)

    def _heads(self, found: Outputs, canvas: Canvas, score: float = 1.0) -> HeadPoints:
        """Heads in pixels of the picture, whose scores are multiplied with `score`."""
        columns = _cells(canvas.content_width_px, _HEAT_STRIDE_PX)
        rows = _cells(canvas.content_height_px, _HEAT_STRIDE_PX)
        heads = peaks(
            np.ascontiguousarray(found["heat"][0, :rows, :columns]),
            found["log_size"][0, :rows, :columns],
            threshold=self._card.decoding.score_threshold / score,
            stride_px=_HEAT_STRIDE_PX,
        )
        scale = np.array([canvas.scale_u, canvas.scale_v], np.float32)
        return HeadPoints(
            heads.centres_uv_px / scale + np.array([canvas.left_px, canvas.top_px], np.float32),
            heads.sizes_px / np.float32(canvas.scale_v),
            heads.scores * np.float32(score),
            saturated=heads.saturated,
        )


def size_factor(
    heads: HeadPoints, scale: float, *, smallest_px: float = 0.0, largest_px: float = 0.0
) -> float:
    """By which factor a picture has to be shown for its middle head to lie between two heights.

    Args:
        heads: in pixels of the picture.
        scale: pixels shown to the network per pixel of the picture.
        smallest_px, largest_px: the heights, in pixels shown; 0 sets no bound.

    Returns:
        1 where it needs no change, or only a little; 0.35 to 2.
    """
    sizes = heads.sizes_px[heads.scores >= _SURE]
    if not len(sizes):
        return 1.0
    middle_px = max(float(np.median(sizes)) * scale, 1.0)
    if largest_px and largest_px < _NOT_WORTH * middle_px:
        return max(largest_px / middle_px, _SMALLEST_FACTOR)
    if smallest_px and middle_px < _NOT_WORTH * smallest_px:
        return min(smallest_px / middle_px, _LARGEST_FACTOR)
    return 1.0


def _density(found: Outputs, canvas: Canvas) -> DensityMap:
    columns = _cells(canvas.content_width_px, _DENSITY_STRIDE_PX)
    rows = _cells(canvas.content_height_px, _DENSITY_STRIDE_PX)
    return DensityMap(
        # OpenVINO's softplus is a little below zero where nobody is.
        people_per_cell=np.maximum(found["density"][0, :rows, :columns], 0.0),
        cell_width_px=_DENSITY_STRIDE_PX / canvas.scale_u,
        cell_height_px=_DENSITY_STRIDE_PX / canvas.scale_v,
        left_px=float(canvas.left_px),
        top_px=float(canvas.top_px),
    )


def _cells(extent_px: int, stride_px: float) -> int:
    return int(-(-extent_px // stride_px))
