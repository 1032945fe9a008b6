"""Whether a picture still fits the camera's calibration."""

from __future__ import annotations

from streams.errors import ResolutionChangedError

_SHAPE_TOLERANCE = 0.01


def calibrated_size_px(
    picture_px: tuple[int, int], calibrated_px: tuple[int, int], *, where: str
) -> tuple[int, int]:
    """The size to which a picture is scaled so that the calibration holds: `calibrated_px`.

    A camera's main stream and sub-stream of one shape show the same field of view, so a picture
    of the calibrated shape (width to height within 1 %) is scaled; any other shape means another
    crop, where no pixel can be trusted.

    Raises:
        ResolutionChangedError: for another shape.
    """
    width, height = picture_px
    want_width, want_height = calibrated_px
    shape, want_shape = width / height, want_width / want_height
    if abs(shape - want_shape) > _SHAPE_TOLERANCE * want_shape:
        raise ResolutionChangedError(
            where,
            f"the picture is {width}x{height} px but the calibration is for "
            f"{want_width}x{want_height} px, another shape",
            "set the camera back, or calibrate it anew for this picture",
        )
    return calibrated_px


__all__ = ["calibrated_size_px"]
