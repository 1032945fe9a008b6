"""Whether a picture still fits the camera's calibration."""

from __future__ import annotations

from streams.errors import ResolutionChangedError

_SHAPE_TOLERANCE = 0.01


def calibrated_size_px(
    picture_px: tuple[int, int],
    calibrated_px: tuple[int, int],
    *,
    where: str,
    squeezed_px: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """The size to which a picture is scaled so that the calibration holds: `calibrated_px`.

    A camera's main stream and sub-stream of one shape show the same field of view, so a picture
    of the calibrated shape (width to height within 1 %) is scaled; any other shape means another
    crop, where no pixel can be trusted. One exception must be stated: many cameras squeeze the
    whole view into a sub-stream of 704x576 or 352x288, whose pixels are not square; width and
    height are then scaled apart.

    Args:
        squeezed_px: size of such a sub-stream, where the site says that this camera has one.

    Raises:
        ResolutionChangedError: for another shape.
    """
    width, height = picture_px
    want_width, want_height = calibrated_px
    shape, want_shape = width / height, want_width / want_height
    if picture_px == squeezed_px:
        return calibrated_px
    if abs(shape - want_shape) > _SHAPE_TOLERANCE * want_shape:
        raise ResolutionChangedError(
            where,
            f"the picture is {width}x{height} px but the calibration is for "
            f"{want_width}x{want_height} px, another shape",
            "set the camera back, or calibrate it anew for this picture; where it shows the whole "
            f"view squeezed, write `squeezed_px: [{width}, {height}]` for this camera",
        )
    return calibrated_px


__all__ = ["calibrated_size_px"]
